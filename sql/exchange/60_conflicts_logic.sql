-- archetype: medium
-- Conflicts: how they are told, to whom, and who may read them.

CREATE OR REPLACE FUNCTION window_words(span time_window) RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone text := (SELECT time_zone FROM exchange_instance);
  since timestamp;
  until timestamp;
BEGIN
  -- near the ends of time a zone may lead beyond them
  IF (isfinite(lower(span)) AND lower(span) NOT BETWEEN '0001-01-02' AND '9999-12-30')
     OR (isfinite(upper(span)) AND upper(span) NOT BETWEEN '0001-01-02' AND '9999-12-30') THEN
    RETURN 'in ' || span::text;
  END IF;
  since := lower(span) AT TIME ZONE zone;
  until := upper(span) AT TIME ZONE zone;
  RETURN CASE WHEN isfinite(since) THEN 'from ' || to_char(since, 'DD Mon YYYY HH24:MI') ELSE 'from ever' END
      || CASE WHEN NOT isfinite(until) THEN ' without end'
              WHEN until::date = since::date THEN ' to ' || to_char(until, 'HH24:MI')
              ELSE ' to ' || to_char(until, 'DD Mon YYYY HH24:MI') END;
END
$function$;
COMMENT ON FUNCTION window_words(time_window) IS 'a window in words, in the time zone of the exchange';
REVOKE ALL ON FUNCTION window_words(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION window_words(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION duration_words(iso text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT rtrim(replace(replace(replace(substr(iso, 3), 'H', ' h '), 'M', ' min '), 'S', ' s'));
END;
COMMENT ON FUNCTION duration_words(text) IS 'an ISO 8601 duration of hours, minutes and seconds in words: PT1H30M is 1 h 30 min';
REVOKE ALL ON FUNCTION duration_words(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION duration_words(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION commitment_words(posted commitment, named boolean) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT format('%s kW %s for %s%s (%s, %s)',
                trim_scale(posted.power_kw), posted.direction, s.name,
                CASE WHEN named THEN format(' of %s', p.name) ELSE '' END,
                posted.stage, window_words(posted.delivery_window))
  FROM service s, participant p
  WHERE s.code = posted.service_code AND p.id = posted.market_operator_id
$function$;
COMMENT ON FUNCTION commitment_words(commitment, boolean) IS
  'a commitment in words; names the buyer only when told to';
REVOKE ALL ON FUNCTION commitment_words(commitment, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION commitment_words(commitment, boolean) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION unit_words(posted commitment) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE posted.unit_kind
           WHEN 'asset' THEN (SELECT format('asset "%s"', name) FROM asset WHERE id = posted.unit_id)
           ELSE (SELECT format('portfolio "%s"', name) FROM portfolio WHERE id = posted.unit_id) END
$function$;
COMMENT ON FUNCTION unit_words(commitment) IS 'the unit of a commitment in words';
REVOKE ALL ON FUNCTION unit_words(commitment) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unit_words(commitment) TO flexexchange_operator, flexexchange_regulator;

-- A counteraction is between units: each is named only where its commitment is.
CREATE OR REPLACE FUNCTION counteraction_words(found conflict, challenger commitment, incumbent commitment,
                                               names_challenger boolean, names_incumbent boolean) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  element text := (SELECT format('%s "%s"', replace(kind, '_', ' '), name) FROM grid_node WHERE id = found.grid_node_id);
  instructed text := commitment_words(challenger, names_challenger)
                     || CASE WHEN names_challenger THEN ' with ' || unit_words(challenger) ELSE '' END;
  bound jsonb := found.rationale -> 'limit';
  primacy jsonb := found.rationale -> 'primacy';
  removal jsonb := found.rationale -> 'removal';
BEGIN
  IF bound IS NOT NULL THEN
    RETURN format('Behind %s at most %s kW %s may be instructed at once (%s%s), but with this instruction %s kW are, %s kW too much %s: %s.',
                  element, bound ->> 'limit_kw', bound ->> 'direction',
                  CASE WHEN bound ? 'operating_limit_id' THEN 'operating limit' ELSE 'constraint period' END, coalesce(', ' || (bound ->> 'source'), ''),
                  bound ->> 'dispatched_kw', bound ->> 'short_kw', window_words(found.overlap), instructed);
  ELSIF removal IS NOT NULL THEN
    RETURN format('%s has been taken out of %s by its network operator %s (%s), but is instructed: %s.',
                  initcap(left(unit_words(challenger), 1)) || substr(unit_words(challenger), 2),
                  coalesce((SELECT name FROM service WHERE code = removal ->> 'service'), 'the services of the system operator'),
                  window_words(found.overlap), removal ->> 'reason', commitment_words(challenger, names_challenger));
  END IF;
  RETURN format('Two instructions oppose one another behind %s %s: %s, and before that %s. %s',
                element, window_words(found.overlap), instructed,
                commitment_words(incumbent, names_incumbent) || CASE WHEN names_incumbent THEN ' with ' || unit_words(incumbent) ELSE '' END,
                CASE primacy ->> 'prevails'
                  WHEN 'dso' THEN 'The distribution operator prevails'
                  WHEN 'neso' THEN 'The system operator prevails'
                  WHEN 'joint' THEN 'The two operators decide together'
                  ELSE 'Nobody prevails' END
                || CASE WHEN primacy ? 'case'
                        THEN format(' by case %s of ruleset %s%s.', primacy ->> 'case', found.rationale ->> 'ruleset', coalesce(': ' || (primacy ->> 'reason'), ''))
                        ELSE ': no rule is for what the instructions say of their purpose.' END);
END
$function$;
COMMENT ON FUNCTION counteraction_words(conflict, commitment, commitment, boolean, boolean) IS
  'a counteraction in one or two sentences, with who prevails and why; names a buyer and its unit only when told to';
REVOKE ALL ON FUNCTION counteraction_words(conflict, commitment, commitment, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION counteraction_words(conflict, commitment, commitment, boolean, boolean) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION conflict_words(found conflict, names_challenger boolean, names_incumbent boolean) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  challenger commitment;
  incumbent commitment;
  agreement exclusivity;
  unit text;
  modes text;
  others text;
  barring text;
  rules text := (SELECT code FROM ruleset WHERE id = found.ruleset_id);
BEGIN
  SELECT * INTO challenger FROM commitment WHERE id = found.challenger_id;
  SELECT * INTO incumbent FROM commitment WHERE id = found.incumbent_id;
  SELECT * INTO agreement FROM exclusivity WHERE id = found.exclusivity_id;
  unit := CASE challenger.unit_kind
            WHEN 'asset' THEN (SELECT format('Asset "%s"', name) FROM asset WHERE id = found.unit_id)
            ELSE (SELECT format('Portfolio "%s"', name) FROM portfolio WHERE id = found.unit_id) END;
  SELECT string_agg(format('%s %s%s', replace(m ->> 'mode', '_', '-'),
                           CASE m ->> 'meaning' WHEN 'no' THEN 'is a no' WHEN 'unknown' THEN 'is unknown'
                                                ELSE 'is not tested' END,
                           CASE WHEN m ->> 'verdict' IN ('explicit_no', 'implicit_no')
                                THEN format(' (%s%s%s)', replace(m ->> 'verdict', '_', ' '), coalesce(' when ' || (m ->> 'condition'), ''), coalesce(': ' || (m ->> 'reason'), ''))
                                ELSE format(' (published: %s%s%s)', replace(m ->> 'verdict', '_', ' '), coalesce(' when ' || (m ->> 'condition'), ''), coalesce('; ' || (m ->> 'reason'), '')) END),
                    ', ' ORDER BY m ->> 'mode')
    INTO modes
  FROM jsonb_array_elements(found.rationale -> 'modes') m;

  CASE found.kind
    WHEN 'double_commitment' THEN
      RETURN format('%s is promised twice %s: %s, and before that %s. Under ruleset %s %s.',
                    unit, window_words(found.overlap),
                    commitment_words(challenger, names_challenger), commitment_words(incumbent, names_incumbent),
                    rules, modes);
    WHEN 'jumping' THEN
      RETURN format('%s may not serve both services %s: %s, and %s. Under ruleset %s %s.',
                    unit, CASE found.rationale ->> 'scope' WHEN 'contract' THEN 'in one contract period' WHEN 'registration' THEN 'while it is registered' ELSE 'on one delivery day' END,
                    commitment_words(challenger, names_challenger), commitment_words(incumbent, names_incumbent),
                    rules, modes);
    WHEN 'duplicate' THEN
      RETURN format('%s was instructed twice under one product %s: %s, and before that %s; the later one does not say that it takes the place of the earlier.',
                    unit, window_words(found.overlap),
                    commitment_words(challenger, names_challenger), commitment_words(incumbent, names_incumbent));
    WHEN 'direction' THEN
      RETURN format('%s is to deliver in opposite directions at once %s: %s, and before that %s.',
                    unit, window_words(found.overlap),
                    commitment_words(challenger, names_challenger), commitment_words(incumbent, names_incumbent));
    WHEN 'recovery' THEN
      RETURN format('%s needs %s between two deliveries and is given %s %s: %s, and before that %s.',
                    unit, duration_words(found.rationale #>> '{recovery,due}'), duration_words(found.rationale #>> '{recovery,given}'), window_words(found.overlap),
                    commitment_words(challenger, names_challenger), commitment_words(incumbent, names_incumbent));
    WHEN 'exclusivity' THEN
      RETURN format('%s serves %s%s alone %s by agreement, but is promised otherwise: %s.',
                    unit, (SELECT name FROM service WHERE code = agreement.service_code),
                    CASE WHEN names_incumbent THEN format(' of %s', (SELECT name FROM participant WHERE id = agreement.market_operator_id)) ELSE '' END,
                    window_words(found.overlap), commitment_words(challenger, names_challenger));
    WHEN 'energy' THEN
      RETURN format('%s is to deliver without a break %s, %s; the commitment that does not fit is %s.',
                    unit, window_words(found.overlap),
                    concat_ws(' and ',
                      'for ' || duration_words(found.rationale #>> '{energy,duration}') || coalesce(' of at most ' || duration_words(found.rationale #>> '{energy,max_duration}'), ''),
                      (found.rationale #>> '{energy,needed_kwh}') || ' kWh of the ' || (found.rationale #>> '{energy,energy_kwh}') || ' kWh that it has'),
                    commitment_words(challenger, names_challenger));
    WHEN 'headroom' THEN
      SELECT string_agg(format('%s kW for %s', kw, name), ', ' ORDER BY kw DESC, name) INTO others
      FROM (SELECT v.name, sum((m ->> 'weight_kw')::numeric) AS kw
            FROM jsonb_array_elements(found.rationale -> 'headroom' -> 'set') m
            JOIN service v ON v.code = m ->> 'service'
            WHERE (m ->> 'weight_kw')::numeric > 0
            GROUP BY v.name) promised;
      -- of others' assets no more than how many there are
      SELECT CASE count(DISTINCT c.unit_id) WHEN 1 THEN ' One asset is itself' ELSE format(' %s assets are themselves', count(DISTINCT c.unit_id)) END
             || format(' sold for %s at that time, which keeps a portfolio from drawing on %s.', string_agg(DISTINCT v.name, ', '),
                       CASE count(DISTINCT c.unit_id) WHEN 1 THEN 'it' ELSE 'them' END)
      INTO barring
      FROM jsonb_array_elements(found.rationale -> 'headroom' -> 'set') m
      JOIN service v ON v.code = m ->> 'service'
      JOIN commitment c ON c.id = (m ->> 'commitment_id')::bigint
      WHERE m ? 'bars' HAVING count(*) > 0;
      IF found.rationale @? '$.headroom.set[*].unit_id' THEN
        -- of others' units no more is said than how many there are
        RETURN format('%s and %s other%s on the same assets or connections can give %s kW %s together but are promised for %s kW at once (%s), so that %s kW are missing %s; the commitment that does not fit is %s.',
                      unit, (SELECT format(CASE count(DISTINCT m -> 'unit_id') WHEN 1 THEN 'one' ELSE count(DISTINCT m -> 'unit_id')::text END)
                             FROM jsonb_array_elements(found.rationale -> 'headroom' -> 'set') m WHERE m ? 'unit_id'),
                      (SELECT CASE count(DISTINCT m -> 'unit_id') WHEN 1 THEN ' that draws' ELSE 's that draw' END
                       FROM jsonb_array_elements(found.rationale -> 'headroom' -> 'set') m WHERE m ? 'unit_id'),
                      found.rationale #>> '{headroom,capacity_kw}', challenger.direction, found.rationale #>> '{headroom,needed_kw}', others,
                      trim_scale(found.short_kw), window_words(found.overlap), commitment_words(challenger, names_challenger)) || coalesce(barring, '');
      END IF;
      RETURN format('%s can sell %s kW %s but is promised for %s kW at once (%s), so that %s kW are missing %s; the commitment that does not fit is %s.',
                    unit, found.rationale #>> '{headroom,capacity_kw}', challenger.direction,
                    found.rationale #>> '{headroom,needed_kw}', others, trim_scale(found.short_kw),
                    window_words(found.overlap), commitment_words(challenger, names_challenger));
    WHEN 'counteraction' THEN
      RETURN counteraction_words($1, challenger, incumbent, names_challenger, names_incumbent);
  END CASE;
END
$function$;
COMMENT ON FUNCTION conflict_words(conflict, boolean, boolean) IS
  'a conflict in one or two sentences; names a buyer only when told to';
REVOKE ALL ON FUNCTION conflict_words(conflict, boolean, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION conflict_words(conflict, boolean, boolean) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION explain_conflict(conflict_id bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT conflict_words(c, true, true) FROM conflict c WHERE c.id = conflict_id
$function$;
COMMENT ON FUNCTION explain_conflict(bigint) IS
  'a conflict in plain sentences with its numbers and everybody named: for those who may read table conflict; NULL for an unknown id';
REVOKE ALL ON FUNCTION explain_conflict(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_conflict(bigint) TO flexexchange_operator, flexexchange_regulator;

-- What one side may know of a commitment: all of its own, of another's the
-- service, window and power, and more only as the ruleset shares it.
CREATE OR REPLACE FUNCTION commitment_content(posted commitment, own boolean, rules ruleset) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('service', posted.service_code, 'stage', posted.stage, 'direction', posted.direction,
                            'power_kw', posted.power_kw, 'start', lower(posted.delivery_window), 'end', upper(posted.delivery_window))
      || CASE WHEN own THEN jsonb_build_object('trade_id', posted.source_id, 'product_id', posted.product_id) ELSE '{}' END
      || CASE WHEN own OR rules.share_identity
              THEN jsonb_build_object('market_operator', (SELECT name FROM participant WHERE id = posted.market_operator_id))
              ELSE '{}' END
      || CASE WHEN own OR rules.share_price
              THEN coalesce((SELECT jsonb_strip_nulls(to_jsonb(x)) FROM (
                     SELECT availability_price_per_mw_h, utilisation_price_per_mwh FROM bid WHERE id = posted.source_id AND posted.stage = 'bid'
                     UNION ALL SELECT availability_price_per_mw_h, utilisation_price_per_mwh FROM award WHERE id = posted.source_id AND posted.stage = 'award'
                     UNION ALL SELECT availability_price_per_mw_h, NULL FROM availability WHERE id = posted.source_id AND posted.stage = 'availability'
                     UNION ALL SELECT NULL, utilisation_price_per_mwh FROM dispatch WHERE id = posted.source_id AND posted.stage = 'dispatch') x), '{}')
              ELSE '{}' END
$function$;
COMMENT ON FUNCTION commitment_content(commitment, boolean, ruleset) IS
  'a commitment as one side may know it';
REVOKE ALL ON FUNCTION commitment_content(commitment, boolean, ruleset) FROM PUBLIC;

CREATE OR REPLACE FUNCTION local_day(span time_window) RETURNS date
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT (greatest(least(lower(span), timestamptz '9999-12-30'), timestamptz '0001-01-02') AT TIME ZONE time_zone)::date
  FROM exchange_instance
$function$;
COMMENT ON FUNCTION local_day(time_window) IS 'the day on which a window begins, in the time zone of the exchange';
REVOKE ALL ON FUNCTION local_day(time_window) FROM PUBLIC;

CREATE OR REPLACE FUNCTION tell_parties() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  challenger commitment;
  incumbent commitment;
  agreement exclusivity;
  rules ruleset;
  told text;
  reader record;
BEGIN
  told := CASE WHEN TG_OP = 'INSERT' THEN 'conflict_found'
               -- what was held or rejected for it is out of the book, and its parties know
               WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL AND NEW.action <> 'notify' THEN NULL
               WHEN NEW.closed_at IS NOT NULL AND OLD.closed_at IS NULL THEN 'conflict_closed'
               -- found while others of one statement were examined, and then held in its turn
               WHEN NEW.action <> 'notify' AND OLD.action = 'notify' THEN 'conflict_changed'
               WHEN (NEW.short_kw, NEW.short_windows, NEW.severity, NEW.prevailing_id)
                    IS DISTINCT FROM (OLD.short_kw, OLD.short_windows, OLD.severity, OLD.prevailing_id)
               THEN 'conflict_changed' END;
  IF told IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT * INTO STRICT challenger FROM commitment WHERE id = NEW.challenger_id;
  SELECT * INTO incumbent FROM commitment WHERE id = NEW.incumbent_id;
  SELECT * INTO agreement FROM exclusivity WHERE id = NEW.exclusivity_id;
  SELECT * INTO rules FROM ruleset WHERE id = NEW.ruleset_id;
  -- advisories of one pair of services on one unit and day are one thing to those
  -- who are told: found with the first, closed with the last
  IF NEW.severity = 'advisory' AND told IN ('conflict_found', 'conflict_closed') AND EXISTS (
       SELECT FROM conflict k
       JOIN commitment c ON c.id = k.challenger_id
       LEFT JOIN commitment i ON i.id = k.incumbent_id
       WHERE k.unit_id = NEW.unit_id AND k.kind = NEW.kind AND k.severity = 'advisory' AND k.closed_at IS NULL AND k.id <> NEW.id
         AND least(c.service_code, i.service_code) = least(challenger.service_code, incumbent.service_code)
         AND greatest(c.service_code, i.service_code) = greatest(challenger.service_code, incumbent.service_code)
         AND local_day(k.overlap) = local_day(NEW.overlap)
         AND (c.market_operator_id, c.service_provider_id) = (challenger.market_operator_id, challenger.service_provider_id)
         AND (i.market_operator_id, i.service_provider_id) IS NOT DISTINCT FROM (incumbent.market_operator_id, incumbent.service_provider_id)
         AND (c.stage, i.stage) IS NOT DISTINCT FROM (challenger.stage, incumbent.stage)) THEN
    RETURN NULL;
  END IF;

  FOR reader IN
    WITH side (participant_id, owns_challenger, owns_incumbent) AS (
      SELECT challenger.service_provider_id, true, false
      UNION ALL SELECT challenger.market_operator_id, true, false
      UNION ALL SELECT incumbent.service_provider_id, false, true WHERE incumbent.id IS NOT NULL
      UNION ALL SELECT incumbent.market_operator_id, false, true WHERE incumbent.id IS NOT NULL
      UNION ALL SELECT agreement.service_provider_id, false, true WHERE agreement.id IS NOT NULL
      UNION ALL SELECT agreement.market_operator_id, false, true WHERE agreement.id IS NOT NULL
      -- whoever stated the limit, constraint period or removal that is gone against
      UNION ALL SELECT operator_id, false, true FROM operating_limit WHERE id = NEW.operating_limit_id
      UNION ALL SELECT operator_id, false, true FROM constraint_period WHERE id = NEW.constraint_period_id
      UNION ALL SELECT operator_id, false, true FROM unit_removal WHERE id = NEW.unit_removal_id
      -- headroom: all whose promise stands in the set that does not fit
      UNION ALL
      SELECT p.id, false, false
      FROM jsonb_array_elements(NEW.rationale -> 'headroom' -> 'set') m
      JOIN commitment c ON c.id = (m ->> 'commitment_id')::bigint
      CROSS JOIN LATERAL (VALUES (c.service_provider_id), (c.market_operator_id)) AS p (id)
    ), sealed (bidder_id) AS (
      -- before its gate closes only the bidder knows of a bid
      SELECT k.service_provider_id
      FROM (SELECT challenger.stage, challenger.source_id, challenger.service_provider_id
            UNION ALL SELECT incumbent.stage, incumbent.source_id, incumbent.service_provider_id) k
      WHERE k.stage = 'bid'
        AND NOT EXISTS (SELECT FROM bid b JOIN competition c ON c.id = b.competition_id
                        WHERE b.id = k.source_id AND c.gate_closes_at <= now())
    )
    SELECT participant_id, bool_or(owns_challenger) AS owns_challenger, bool_or(owns_incumbent) AS owns_incumbent
    FROM side
    WHERE NOT EXISTS (SELECT FROM sealed WHERE bidder_id <> side.participant_id)
    GROUP BY participant_id
    ORDER BY participant_id
  LOOP
    INSERT INTO notification (participant_id, event, conflict_id, message, content)
    VALUES (reader.participant_id, told, NEW.id,
            CASE told WHEN 'conflict_closed' THEN 'No longer so: ' ELSE '' END
              || conflict_words(NEW, reader.owns_challenger OR coalesce(rules.share_identity, false),
                                reader.owns_incumbent OR coalesce(rules.share_identity, false))
              || CASE WHEN told = 'conflict_found' AND NEW.action <> 'notify'
                      THEN format(' The %s is %s.', challenger.stage, CASE NEW.action WHEN 'hold' THEN 'held until that is resolved' ELSE 'rejected' END) ELSE '' END,
            jsonb_strip_nulls(jsonb_build_object(
              'event', told, 'kind', NEW.kind, 'severity', NEW.severity, 'stage', NEW.stage,
              'unit_id', CASE WHEN NEW.grid_node_id IS NULL OR reader.owns_challenger OR rules.share_identity THEN NEW.unit_id END, 'start', lower(NEW.overlap), 'end', upper(NEW.overlap),
              'short_kw', NEW.short_kw, 'short_windows', to_jsonb(NEW.short_windows::text[]), 'ruleset', rules.code, 'action', NEW.action,
              'challenger', commitment_content(challenger, reader.owns_challenger, rules),
              'exclusivity', CASE WHEN agreement.id IS NOT NULL THEN
                jsonb_build_object('service', agreement.service_code, 'start', lower(agreement.valid), 'end', upper(agreement.valid))
                || CASE WHEN reader.owns_incumbent OR rules.share_identity
                        THEN jsonb_build_object('exclusivity_id', agreement.id, 'market_operator', (SELECT name FROM participant WHERE id = agreement.market_operator_id))
                        ELSE '{}' END END,
              'incumbent', CASE WHEN incumbent.id IS NOT NULL THEN commitment_content(incumbent, reader.owns_incumbent, rules) END,
              'elements', NEW.rationale -> 'elements', 'primacy', NEW.rationale -> 'primacy',
              'limit', NEW.rationale -> 'limit', 'removal', NEW.rationale -> 'removal')));
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_parties() IS
  'trigger: writes a notification for each party of a conflict, with what that party may know';
REVOKE ALL ON FUNCTION tell_parties() FROM PUBLIC;

CREATE OR REPLACE TRIGGER t50_tell AFTER INSERT OR UPDATE ON conflict
  FOR EACH ROW EXECUTE FUNCTION tell_parties();
COMMENT ON TRIGGER t50_tell ON conflict IS 'tells the parties';

-- A change of what units can sell is a change for those who bought it.
DO $block$
DECLARE
  name text;
  event text;
  tables text;
BEGIN
  FOR name, event, tables IN
    SELECT x.name, y.event, y.tables
    FROM (VALUES ('asset', 'UPDATE'), ('metering_point', 'UPDATE'), ('portfolio', 'UPDATE'),
                 ('portfolio_member', 'INSERT'), ('portfolio_member', 'UPDATE'), ('portfolio_member', 'DELETE'),
                 ('exclusivity', 'INSERT'), ('exclusivity', 'UPDATE'), ('exclusivity', 'DELETE')) AS x (name, event)
    JOIN (VALUES ('INSERT', 'NEW TABLE AS after'), ('UPDATE', 'OLD TABLE AS before NEW TABLE AS after'),
                 ('DELETE', 'OLD TABLE AS before')) AS y (event, tables) USING (event)
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
      FOR EACH STATEMENT EXECUTE FUNCTION reexamine_units(%3$L)', 't50_reexamine_' || lower(event), event, name, tables);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''examines again what stands on the units that it concerns''',
                   't50_reexamine_' || lower(event), name);
  END LOOP;
END
$block$;
-- after t95_rules: what governs is compiled anew first
CREATE OR REPLACE TRIGGER t96_reexamine AFTER UPDATE ON ruleset REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION reexamine_units('ruleset');
COMMENT ON TRIGGER t96_reexamine ON ruleset IS 'examines again the deliveries to come that are governed anew';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['conflict', 'notification'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Findings are closed, never removed.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

SELECT protect_table('conflict');
SELECT protect_table('notification');
-- findings follow from the book: nobody writes them by hand
REVOKE INSERT, UPDATE, DELETE ON conflict, notification FROM flexexchange_operator;
GRANT SELECT ON notification TO flexexchange_participant;
DROP POLICY IF EXISTS notification_read_own ON notification;
CREATE POLICY notification_read_own ON notification FOR SELECT TO flexexchange_participant
  USING (participant_id = (SELECT current_participant()));
COMMENT ON POLICY notification_read_own ON notification IS 'NOTE-1: a participant reads what it is told; table conflict itself is the operator''s';

CREATE OR REPLACE VIEW overlap_report WITH (security_invoker = true) AS
  SELECT a.id AS earlier_id, b.id AS later_id, a.unit_id, a.stage AS earlier_stage, b.stage AS later_stage,
         a.delivery_window * b.delivery_window AS overlap,
         CASE WHEN c.kind IS NOT NULL THEN c.kind
              WHEN b.direction = a.direction AND b.stage = a.stage AND b.stage <> 'dispatch' AND a.service_code = b.service_code THEN 'tranches'
              WHEN 'dispatch' IN (a.stage, b.stage) AND a.stage <> b.stage AND a.service_code = b.service_code AND a.direction = b.direction THEN 'use'
              ELSE 'allowed' END AS what
  FROM commitment a
  JOIN commitment b ON resource_window(b.unit_id, b.delivery_window) && resource_window(a.unit_id, a.delivery_window)
                   AND b.id > a.id AND b.closed_at IS NULL
  LEFT JOIN conflict c ON c.challenger_id = b.id AND c.incumbent_id = a.id AND c.closed_at IS NULL
  WHERE a.closed_at IS NULL;
COMMENT ON VIEW overlap_report IS
  'every pair of live commitments of one unit that overlap, and what it is: a kind of conflict, tranches (obligations of one service, which headroom governs), use (a dispatch within an obligation of its service) or allowed';
COMMENT ON COLUMN overlap_report.earlier_id IS 'the commitment posted first';
COMMENT ON COLUMN overlap_report.later_id IS 'the commitment posted later';
COMMENT ON COLUMN overlap_report.unit_id IS 'the unit of both';
COMMENT ON COLUMN overlap_report.earlier_stage IS 'stage of the first';
COMMENT ON COLUMN overlap_report.later_stage IS 'stage of the later';
COMMENT ON COLUMN overlap_report.overlap IS 'the common window';
COMMENT ON COLUMN overlap_report.what IS 'double_commitment, duplicate, direction, tranches, use or allowed';
GRANT SELECT ON overlap_report TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION detect_conflicts(span time_window DEFAULT time_window(now(), 'infinity'), OUT examined bigint, OUT written bigint, OUT closed bigint)
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
  SELECT examined, written, closed FROM sweep_book('commitment'::regclass, span)
$function$;
COMMENT ON FUNCTION detect_conflicts(time_window) IS
  'sweeps the book: examines every commitment whose delivery overlaps the window (those to come, unless one is given) and settles table conflict with what holds; returns the live commitments of the units that it looked at, the findings opened or changed, and those closed; writes nothing where nothing differs; reports progress as notices; SECURITY DEFINER because it writes conflicts, which nobody may write';
REVOKE ALL ON FUNCTION detect_conflicts(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION detect_conflicts(time_window) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION replay_conflicts(ruleset_code text, span time_window DEFAULT time_window(now(), 'infinity'))
RETURNS TABLE (change text, kind text, severity text, challenger_id bigint, incumbent_id bigint, exclusivity_id bigint,
               overlap time_window, short_kw numeric, rationale jsonb)
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
  SELECT r.change, r.kind, r.severity, r.challenger_id, r.incumbent_id, r.exclusivity_id, r.overlap, r.short_kw, r.rationale::jsonb
  FROM replay_book('commitment'::regclass, ruleset_code, span) r
$function$;
COMMENT ON FUNCTION replay_conflicts(text, time_window) IS
  'what would be found otherwise if that ruleset governed every delivery in the window: a row for each finding that appears, disappears or changes (severity, window or power); writes nothing; error MX301 for an unknown ruleset; SECURITY DEFINER because it reads the whole book; each caller gets what concerns it';
REVOKE ALL ON FUNCTION replay_conflicts(text, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replay_conflicts(text, time_window) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION replay(ruleset_code text, span time_window DEFAULT time_window(now(), 'infinity'))
RETURNS TABLE (kind text, service_a text, service_b text, participant text, appears bigint, disappears bigint, changes bigint)
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
  SELECT r.kind, least(c.service_code, other.service_code), CASE WHEN other.service_code IS NOT NULL THEN greatest(c.service_code, other.service_code) END, p.name,
         count(*) FILTER (WHERE r.change = 'appears'), count(*) FILTER (WHERE r.change = 'disappears'), count(*) FILTER (WHERE r.change = 'changes')
  FROM replay_conflicts(ruleset_code, span) r
  JOIN commitment c ON c.id = r.challenger_id
  LEFT JOIN commitment i ON i.id = r.incumbent_id
  LEFT JOIN exclusivity e ON e.id = r.exclusivity_id
  CROSS JOIN LATERAL (SELECT coalesce(i.service_code, e.service_code) AS service_code) other
  CROSS JOIN LATERAL (SELECT c.service_provider_id AS id UNION SELECT c.market_operator_id UNION SELECT i.service_provider_id UNION SELECT i.market_operator_id
                      UNION SELECT e.service_provider_id UNION SELECT e.market_operator_id) party
  JOIN participant p ON p.id = party.id
  GROUP BY 1, 2, 3, 4
  ORDER BY 1, 2, 3, 4
$function$;
COMMENT ON FUNCTION replay(text, time_window) IS
  'replay_conflicts() counted by kind, pair of services (NULL where a finding is not with another) and participant concerned; SECURITY DEFINER because it reads the whole book and gives counts';
REVOKE ALL ON FUNCTION replay(text, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION replay(text, time_window) TO flexexchange_operator, flexexchange_regulator;
