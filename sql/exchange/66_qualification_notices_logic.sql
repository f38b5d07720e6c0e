-- archetype: medium
-- Who is told of a qualification: the provider that applied and the operator that procures.

CREATE OR REPLACE FUNCTION missed_words(missed jsonb) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg(format('%s (required: %s; offered: %s)', m ->> 'requirement', m ->> 'required', m ->> 'offered'), ', ' ORDER BY m ->> 'requirement' COLLATE "C")
  FROM jsonb_array_elements(missed) m;
END;
COMMENT ON FUNCTION missed_words(jsonb) IS 'requirements that are missed, in words; NULL: none';
REVOKE ALL ON FUNCTION missed_words(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION missed_words(jsonb) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION tell_of_qualifications(ids bigint[], event text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  IF ids = '{}' THEN
    RETURN;
  END IF;
  INSERT INTO notification (participant_id, event, qualification_id, message, content)
  SELECT reader.id, event, q.id,
         format(CASE event WHEN 'qualification_requested' THEN '%1$s applies for %2$s.'
                           WHEN 'qualification_decided' THEN '%1$s has status %4$s and is ' || CASE WHEN q.status = 'temporary_qualified' OR num_nonnulls(q.prequalified_at, q.verified_at) > 0 THEN '' ELSE 'not ' END || 'approved for %2$s%5$s.'
                           WHEN 'qualification_suspended' THEN '%1$s is suspended for %2$s: %6$s.'
                           WHEN 'qualification_reinstated' THEN '%1$s is no longer suspended for %2$s.'
                           WHEN 'qualification_evidence_refused' THEN 'A test that was accepted of %1$s for %2$s has been refused since.'
                           ELSE '%1$s ' || CASE WHEN q.eligible THEN 'meets now what is required for %2$s.' ELSE 'misses now what is required for %2$s.' END END
                || CASE WHEN event IN ('qualification_requested', 'qualification_changed') AND q.missed <> '[]' THEN ' Missed: %3$s.' ELSE '' END,
                unit.words, format('%s (version %s) of %s', p.name, p.version, o.name), missed_words(q.missed), q.status, ': ' || q.note,
                s.reason || coalesce(', ' || s.note, '')),
         jsonb_strip_nulls(jsonb_build_object('event', event, 'qualification_id', q.id, 'unit_id', q.unit_id, 'product_id', q.product_id, 'status', q.status, 'prequalified_at', q.prequalified_at, 'verified_at', q.verified_at,
                                              'start', lower(q.valid), 'end', upper(q.valid), 'eligible', q.eligible, 'missed', q.missed, 'note', q.note,
                                              'suspension', CASE WHEN event = 'qualification_suspended' THEN jsonb_build_object('reason', s.reason, 'note', s.note) END))
  FROM qualification q
  JOIN product p ON p.id = q.product_id
  JOIN market m ON m.id = p.market_id
  JOIN participant o ON o.id = m.market_operator_id
  LEFT JOIN suspension s ON s.qualification_id = q.id AND s.status = 'suspended'
  CROSS JOIN LATERAL (SELECT format('Asset "%s"', a.name) AS words FROM asset a WHERE a.id = q.asset_id
                      UNION ALL SELECT format('Portfolio "%s"', f.name) FROM portfolio f WHERE f.id = q.portfolio_id) unit
  CROSS JOIN LATERAL (SELECT q.service_provider_id AS id UNION SELECT m.market_operator_id) reader
  WHERE q.id = ANY (ids)
  ORDER BY q.id, reader.id;
END
$function$;
COMMENT ON FUNCTION tell_of_qualifications(bigint[], text) IS 'writes a notification of that event for both parties of each of these applications';
REVOKE ALL ON FUNCTION tell_of_qualifications(bigint[], text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION tell_of_qualification() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_TABLE_NAME = 'suspension' THEN
    IF TG_OP = 'INSERT' THEN
      PERFORM tell_of_qualifications(ARRAY(SELECT qualification_id FROM after), 'qualification_suspended');
    ELSE
      PERFORM tell_of_qualifications(ARRAY(SELECT a.qualification_id FROM after a JOIN before b USING (id) WHERE a.status <> b.status), 'qualification_reinstated');
    END IF;
  ELSIF TG_TABLE_NAME = 'test_result' THEN
    PERFORM tell_of_qualifications(ARRAY(SELECT e.qualification_id FROM after a JOIN before b USING (id) JOIN qualification_evidence e ON e.test_result_id = a.id
      WHERE a.status = 'refused' AND b.status <> 'refused'), 'qualification_evidence_refused');
  ELSIF TG_OP = 'INSERT' THEN
    PERFORM tell_of_qualifications(ARRAY(SELECT id FROM after), 'qualification_requested');
  ELSE
    PERFORM tell_of_qualifications(ARRAY(SELECT a.id FROM after a JOIN before b USING (id) WHERE a.status = 'requested' AND b.status = 'rejected'), 'qualification_requested');
    PERFORM tell_of_qualifications(ARRAY(SELECT a.id FROM after a JOIN before b USING (id)
      WHERE (a.status, a.prequalified_at, a.verified_at, a.valid, a.note) IS DISTINCT FROM (b.status, b.prequalified_at, b.verified_at, b.valid, b.note)
        AND b.status <> 'rejected'), 'qualification_decided');
    -- what a new application lacks is told with it
    PERFORM tell_of_qualifications(ARRAY(SELECT a.id FROM after a JOIN before b USING (id)
      WHERE b.eligible IS NOT NULL AND (a.eligible, a.missed) IS DISTINCT FROM (b.eligible, b.missed)), 'qualification_changed');
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_qualification() IS
  'trigger on qualification, suspension and test_result: tells both parties what changed; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_qualification() FROM PUBLIC;

DO $block$
DECLARE
  name text;
  event text;
  rows text;
BEGIN
  FOR name, event, rows IN VALUES
    ('qualification', 'INSERT', 'NEW TABLE AS after'), ('qualification', 'UPDATE', 'OLD TABLE AS before NEW TABLE AS after'),
    ('suspension', 'INSERT', 'NEW TABLE AS after'), ('suspension', 'UPDATE', 'OLD TABLE AS before NEW TABLE AS after'),
    ('test_result', 'UPDATE', 'OLD TABLE AS before NEW TABLE AS after')
  LOOP
    -- after t55_qualification_insert has computed what is to be told
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
      FOR EACH STATEMENT EXECUTE FUNCTION tell_of_qualification()', 't60_tell_' || lower(event), event, name, rows);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''tells the parties''', 't60_tell_' || lower(event), name);
  END LOOP;
END
$block$;
