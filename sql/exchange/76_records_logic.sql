-- archetype: medium
-- Records: taken from other platforms with their ids, once each, by the checks that hold for everybody.
--
-- A record is JSON with the columns of its table as keys.  What it comes from is named by its id at the same platform: competition,
-- bid, award, availability, supersedes.  A competition may bring its terms and requirements, a bid its terms and steps.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['outside_record', 'outside_rejection']) t;
REVOKE INSERT, UPDATE, DELETE ON outside_record, outside_rejection FROM flexexchange_operator;
GRANT SELECT ON outside_rejection TO flexexchange_participant;
DROP POLICY IF EXISTS outside_rejection_read_own ON outside_rejection;
CREATE POLICY outside_rejection_read_own ON outside_rejection FOR SELECT TO flexexchange_participant USING (recorded_by = (SELECT current_participant()));
COMMENT ON POLICY outside_rejection_read_own ON outside_rejection IS 'REC-1: a participant reads what was not taken of what it recorded';

CREATE OR REPLACE FUNCTION outside_row(subject text, source text, outside_id text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found bigint;
BEGIN
  IF outside_id IS NOT NULL THEN
    SELECT r.row_id INTO found FROM outside_record r WHERE (r.subject, r.source, r.outside_id) = (outside_row.subject, outside_row.source, outside_row.outside_id);
    IF found IS NULL THEN
      RAISE EXCEPTION '% % of % is unknown in this exchange', subject, quote_literal(left(outside_id, 64)), source
        USING ERRCODE = 'MX201', HINT = format('Record it first, with record_%s().', subject);
    END IF;
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION outside_row(text, text, text) IS 'the id here of what a platform knows by an id of its own; error MX201 where it was not recorded';
REVOKE ALL ON FUNCTION outside_row(text, text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION write_record(subject text, source text, content jsonb, known bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  -- what names a parent, and what comes with it
  parents CONSTANT jsonb := CASE subject WHEN 'bid' THEN jsonb '{"competition": "competition"}' WHEN 'award' THEN jsonb '{"bid": "bid"}' WHEN 'availability' THEN jsonb '{"award": "award"}'
    WHEN 'dispatch' THEN jsonb '{"award": "award", "availability": "availability", "supersedes": "dispatch"}'
    WHEN 'delivery' THEN jsonb '{"dispatch": "dispatch", "availability": "availability"}' ELSE jsonb '{}' END;
  with_it CONSTANT text[] := CASE subject WHEN 'competition' THEN ARRAY['terms', 'requirements', 'status'] WHEN 'bid' THEN ARRAY['terms', 'steps'] ELSE ARRAY[]::text[] END;
  fixed CONSTANT text[] := CASE subject WHEN 'delivery' THEN ARRAY['dispatch_id', 'availability_id', 'product_id', 'delivery_window']
                                        ELSE ARRAY['product_id', 'service_provider_id', 'asset_id', 'portfolio_id', 'competition_id'] END;
  row_content jsonb := content - with_it;
  parent record;
  unknown text;
  names text;
  part jsonb;
  made bigint := known;
  next text;
BEGIN
  FOR parent IN SELECT p.key AS name, p.value AS table_name FROM jsonb_each_text(parents) p LOOP
    row_content := row_content - parent.name || CASE WHEN content ? parent.name THEN jsonb_build_object(parent.name || '_id', outside_row(parent.table_name, source, content ->> parent.name)) ELSE '{}' END;
  END LOOP;
  SELECT min(k) INTO unknown FROM jsonb_object_keys(row_content) k
  WHERE k IN ('id', 'mrid', 'source', 'recorded_at')
     OR NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = subject::regclass AND a.attnum > 0 AND a.attname = k AND NOT a.attisdropped AND a.attgenerated = '');
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '%.% is not recorded', subject, left(unknown, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Keys are columns of %s that are not the exchange''s to give%s.', subject,
                                                              coalesce(', and ' || (SELECT string_agg(x, ', ') FROM (SELECT jsonb_object_keys(parents) AS x UNION ALL SELECT unnest(with_it)) y), ''));
  END IF;
  IF subject = 'bid' AND NOT EXISTS (SELECT FROM competition c WHERE c.id = (row_content ->> 'competition_id')::bigint AND c.source = write_record.source) AND row_content ? 'competition_id' THEN
    RAISE EXCEPTION 'bid.competition_id % is not a competition of %', row_content ->> 'competition_id', source
      USING ERRCODE = 'MX206', HINT = 'Bids are recorded in competitions that the same platform runs.';
  END IF;
  IF subject = 'delivery' AND row_content ? 'delivery_window' THEN
    row_content := row_content || jsonb_build_object('delivery_window', (row_content ->> 'delivery_window')::time_window);
  END IF;
  IF known IS NOT NULL THEN
    EXECUTE format('SELECT to_jsonb(t) FROM %I t WHERE t.id = $1', subject) USING known INTO part;
    SELECT min(k) INTO unknown FROM jsonb_object_keys(row_content) k WHERE k = ANY (fixed) AND row_content ->> k IS DISTINCT FROM part ->> k;
    IF unknown IS NOT NULL THEN
      RAISE EXCEPTION '%.% was % and is %', subject, unknown, coalesce(part ->> unknown, 'NULL'), coalesce(row_content ->> unknown, 'NULL')
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Who sells what with which unit stays, and so does of what a delivery is; end that record and send another.';
    END IF;
  END IF;
  -- a delivery is not changed: what is said again supersedes it
  IF known IS NULL OR subject = 'delivery' THEN
    SELECT string_agg(quote_ident(k), ', ' ORDER BY k) INTO names FROM jsonb_object_keys(row_content) k;
    EXECUTE format('INSERT INTO %1$I (%2$s, source) SELECT %2$s, $2 FROM jsonb_populate_record(NULL::%1$I, $1) RETURNING id', subject, names) USING row_content, source INTO made;
  ELSE
    -- a correction: what it says now of what may change
    SELECT string_agg(format('%1$I = n.%1$I', k), ', ' ORDER BY k) INTO names FROM jsonb_object_keys(row_content) k WHERE k <> ALL (fixed);
    IF names IS NOT NULL THEN
      EXECUTE format('UPDATE %1$I t SET %2$s FROM jsonb_populate_record(NULL::%1$I, $1) n WHERE t.id = $2', subject, names) USING row_content, known;
    END IF;
  END IF;
  IF subject = 'competition' THEN
    IF content ? 'terms' THEN
      DELETE FROM competition_terms t WHERE t.competition_id = made;
      PERFORM declare_columns('competition_terms', jsonb_build_object('competition_id', made), content -> 'terms');
    END IF;
    IF content ? 'requirements' THEN
      DELETE FROM competition_requirement r WHERE r.competition_id = made;
      FOR part IN SELECT * FROM jsonb_array_elements(content -> 'requirements') LOOP
        PERFORM declare_columns('competition_requirement', jsonb_build_object('competition_id', made, 'product_id', coalesce(part -> 'product_id', content -> 'product_id')), part - 'product_id');
      END LOOP;
    END IF;
    -- from where it is to where the platform says that it is, step by step
    WHILE content ? 'status' AND content ->> 'status' <> (SELECT c.status FROM competition c WHERE c.id = made) LOOP
      SELECT CASE WHEN content ->> 'status' = 'cancelled' THEN 'cancelled' WHEN c.status = 'awarded' AND content ->> 'status' = 'challenged' THEN 'challenged'
                  WHEN c.status = 'challenged' THEN 'awarded' ELSE (ARRAY['open', 'closed', 'cleared', 'awarded', 'final'])[array_position(ARRAY['announced', 'open', 'closed', 'cleared', 'awarded'], c.status)] END
        INTO next FROM competition c WHERE c.id = made;
      PERFORM take_competition_step(made, coalesce(next, content ->> 'status'), 'recorded of ' || source);
    END LOOP;
  ELSIF subject = 'bid' THEN
    IF content ? 'terms' THEN
      DELETE FROM bid_terms t WHERE t.bid_id = made;
      PERFORM declare_columns('bid_terms', jsonb_build_object('bid_id', made), content -> 'terms');
    END IF;
    IF content ? 'steps' THEN
      DELETE FROM bid_step s WHERE s.bid_id = made;
      FOR part IN SELECT value || jsonb_build_object('step', n) FROM jsonb_array_elements(content -> 'steps') WITH ORDINALITY AS x (value, n) LOOP
        PERFORM declare_columns('bid_step', jsonb_build_object('bid_id', made), part);
      END LOOP;
    END IF;
    -- as whole here as at commit
    SET CONSTRAINTS t40_whole IMMEDIATE;
    SET CONSTRAINTS t40_whole DEFERRED;
  END IF;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION write_record(text, text, jsonb, bigint) IS 'writes what a platform says of a competition or trade, or corrects it; called by record_trade()';
REVOKE ALL ON FUNCTION write_record(text, text, jsonb, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION record_trade(subject text, source text, outside_id text, content jsonb) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  -- jsonb has its keys in one order
  said CONSTANT bytea := sha256(convert_to(content::text, 'UTF8'));
  product bigint;
  earlier outside_record;
  made bigint;
  message text;
  advice text;
BEGIN
  PERFORM check_code(record_trade.subject, 'subject', 'competition', 'bid', 'award', 'availability', 'dispatch', 'delivery'), check_text(record_trade.source, 'source', 255), check_text(record_trade.outside_id, 'outside_id', 255),
    check_given(nullif(btrim(record_trade.source), '') IS NOT NULL, 'source', 'Name the platform.'), check_given(nullif(btrim(record_trade.outside_id), '') IS NOT NULL, 'outside_id', 'Give its id at the platform.'),
    check_given(jsonb_typeof(content) = 'object', 'content as a JSON object', 'Its keys are the columns of the table.');
  -- one after another: the same id means one row
  PERFORM pg_advisory_xact_lock(hashtextextended(format('outside_record %s %s %s %s', current_schema(), record_trade.subject, record_trade.source, record_trade.outside_id), 0));
  SELECT * INTO earlier FROM outside_record r WHERE (r.subject, r.source, r.outside_id) = (record_trade.subject, record_trade.source, record_trade.outside_id);
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND NOT pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = 'outside_record'::regclass), 'USAGE') THEN
    IF earlier.row_id IS NOT NULL THEN
      EXECUTE format('SELECT t.product_id FROM %I t WHERE t.id = $1', record_trade.subject) USING earlier.row_id INTO product;
    ELSIF content ->> 'product_id' ~ '^[0-9]{1,18}$' THEN
      product := (content ->> 'product_id')::bigint;
    END IF;
    IF product IS NULL OR product NOT IN (SELECT own_product_ids()) THEN
      RAISE EXCEPTION '% % of % is not yours to record', record_trade.subject, quote_literal(left(record_trade.outside_id, 64)), record_trade.source
        USING ERRCODE = 'insufficient_privilege', HINT = 'The buyer of product_id and the operator of the exchange record what other platforms did.';
    END IF;
  END IF;
  IF earlier.digest = said THEN
    RETURN earlier.row_id;
  END IF;
  BEGIN
    made := write_record(record_trade.subject, record_trade.source, content, earlier.row_id);
  EXCEPTION
    WHEN OTHERS THEN
      -- what is wrong with the record, not with the server or the moment
      IF SQLSTATE !~ '^(2[123]|P0002|55000|54000|42501|MX[0-4])' THEN
        RAISE;
      END IF;
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, advice = PG_EXCEPTION_HINT;
      INSERT INTO outside_rejection (subject, source, outside_id, error, reason, hint, content, recorded_by)
      SELECT record_trade.subject, record_trade.source, record_trade.outside_id, SQLSTATE, message, nullif(advice, ''),
             CASE WHEN length(record_trade.content::text) <= 100000 THEN record_trade.content ELSE jsonb_build_object('clipped', left(record_trade.content::text, 10000)) END,
             CASE WHEN NOT acts_for_exchange() THEN current_participant() END
      -- the same again says nothing new
      WHERE NOT EXISTS (SELECT FROM outside_rejection x WHERE (x.subject, x.source, x.outside_id, x.reason, x.content) = (record_trade.subject, record_trade.source, record_trade.outside_id, message, record_trade.content));
      RETURN NULL;
  END;
  INSERT INTO outside_record AS r (subject, source, outside_id, row_id, digest) VALUES (record_trade.subject, record_trade.source, record_trade.outside_id, made, said)
  ON CONFLICT (subject, source, outside_id) DO UPDATE SET row_id = EXCLUDED.row_id, digest = EXCLUDED.digest, recorded_at = now();
  RETURN made;
END
$function$;
COMMENT ON FUNCTION record_trade(text, text, text, jsonb) IS
  'records what another platform says of a competition, bid, award, availability or dispatch, known by its id there: the same again changes nothing, other content corrects the row, and what the checks refuse is kept in outside_rejection; gives the id here, NULL for what was not taken; by the buyer of the product or the operator; errors 42501, 23514; SECURITY DEFINER because source is the exchange''s to give';
REVOKE ALL ON FUNCTION record_trade(text, text, text, jsonb) FROM PUBLIC;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['competition', 'bid', 'award', 'availability', 'dispatch', 'delivery'] LOOP
    EXECUTE format($sql$CREATE OR REPLACE FUNCTION %I(source text, outside_id text, content jsonb) RETURNS bigint
      LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE SET search_path FROM CURRENT AS $function$
      BEGIN
        RETURN record_trade(%L, source, outside_id, content);
      END $function$ $sql$, 'record_' || name, name);
    EXECUTE format('COMMENT ON FUNCTION %I(text, text, jsonb) IS %L', 'record_' || name,
      format('records what another platform says of %s %s, as record_trade() does: gives its id here, NULL for what was not taken and why stands in outside_rejection; errors 42501, 23514; SECURITY DEFINER because source is the exchange''s to give',
             CASE WHEN name ~ '^a' THEN 'an' ELSE 'a' END, name));
    EXECUTE format('REVOKE ALL ON FUNCTION %I(text, text, jsonb) FROM PUBLIC', 'record_' || name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I(text, text, jsonb) TO flexexchange_operator, flexexchange_participant', 'record_' || name);
  END LOOP;
END
$block$;

CREATE OR REPLACE VIEW outside_rejection_open WITH (security_invoker = true) AS
  SELECT DISTINCT ON (x.subject, x.source, x.outside_id) x.*
  FROM outside_rejection x
  WHERE NOT EXISTS (SELECT FROM outside_record r WHERE (r.subject, r.source, r.outside_id) = (x.subject, x.source, x.outside_id) AND r.recorded_at >= x.recorded_at)
  ORDER BY x.subject, x.source, x.outside_id, x.id DESC;
COMMENT ON VIEW outside_rejection_open IS 'what was not taken of other platforms and has not been since, with the last reason';
COMMENT ON COLUMN outside_rejection_open.id IS 'surrogate key';
COMMENT ON COLUMN outside_rejection_open.subject IS 'competition, bid, award, availability or dispatch';
COMMENT ON COLUMN outside_rejection_open.source IS 'the platform';
COMMENT ON COLUMN outside_rejection_open.outside_id IS 'the id there';
COMMENT ON COLUMN outside_rejection_open.error IS 'SQLSTATE';
COMMENT ON COLUMN outside_rejection_open.reason IS 'what is wrong with it';
COMMENT ON COLUMN outside_rejection_open.hint IS 'what to do about it';
COMMENT ON COLUMN outside_rejection_open.content IS 'what was said';
COMMENT ON COLUMN outside_rejection_open.recorded_by IS 'the participant that sent it; NULL: the operator';
COMMENT ON COLUMN outside_rejection_open.recorded_at IS 'when';
GRANT SELECT ON outside_rejection_open TO flexexchange_operator, flexexchange_regulator;
