-- archetype: medium
-- Rulesets as agreed documents: what is to be done about a finding, what may still
-- be changed, and how a successor is made.
--
-- A ruleset is proposed, then in force, then retired.  While it is proposed its
-- terms and its rows may be changed as one likes.  From the moment it is in force
-- they are what the parties agreed, and stay: a change is a copy, proposed in turn
-- and put in force from an instant to come.

SELECT protect_table('ruleset_action', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
CREATE OR REPLACE TRIGGER t95_rules AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ruleset_action
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON ruleset_action IS 'sessions compile the rules anew';
-- Rows that come by logical replication fire row triggers alone, and of these only such as say so.
DO $block$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tgrelid::regclass FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
              WHERE c.relnamespace = current_schema()::regnamespace AND t.tgname = 't95_rules' ORDER BY c.relname LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t95_rules_replicated AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION forget_rules()', name);
    EXECUTE format('ALTER TABLE %s ENABLE REPLICA TRIGGER t95_rules_replicated', name);
    EXECUTE format('COMMENT ON TRIGGER t95_rules_replicated ON %s IS %L', name, 'as t95_rules, of rows that come by logical replication');
  END LOOP;
END
$block$;

CREATE OR REPLACE VIEW ruleset_action_meaning WITH (security_invoker = true) AS
  SELECT s.id AS ruleset_id, kind.code AS kind, severity.code AS severity, stage.code AS stage,
         coalesce(a.action, CASE WHEN stage.code = 'bid' AND severity.code = 'blocking' THEN 'hold' ELSE 'notify' END) AS action,
         a.reason, a.id AS ruleset_action_id
  FROM ruleset s
  CROSS JOIN (VALUES ('double_commitment'), ('duplicate'), ('jumping'), ('headroom'), ('direction'), ('recovery'), ('exclusivity'), ('energy')) AS kind (code)
  CROSS JOIN (VALUES ('blocking'), ('advisory')) AS severity (code)
  CROSS JOIN (VALUES ('bid'), ('award'), ('availability'), ('dispatch')) AS stage (code)
  LEFT JOIN LATERAL (
    SELECT r.action, r.reason, r.id FROM ruleset_action r
    WHERE r.ruleset_id = s.id
      AND coalesce(r.kind, kind.code) = kind.code AND coalesce(r.severity, severity.code) = severity.code
      AND coalesce(r.stage, stage.code) = stage.code
      -- an operator's dispatch is not held without being asked for
      AND (stage.code <> 'dispatch' OR r.stage IS NOT NULL OR r.action = 'notify')
    ORDER BY num_nonnulls(r.kind, r.stage, r.severity) DESC, r.kind NULLS LAST, r.stage NULLS LAST
    LIMIT 1
  ) a ON true;
COMMENT ON VIEW ruleset_action_meaning IS
  'every kind of finding, severity and stage of the challenger with what each ruleset wants done about it; the conflict engine compiles this view';
COMMENT ON COLUMN ruleset_action_meaning.ruleset_id IS 'the ruleset';
COMMENT ON COLUMN ruleset_action_meaning.kind IS 'kind of the finding';
COMMENT ON COLUMN ruleset_action_meaning.severity IS 'blocking or advisory';
COMMENT ON COLUMN ruleset_action_meaning.stage IS 'stage of the challenger: bid, award, availability or dispatch';
COMMENT ON COLUMN ruleset_action_meaning.action IS 'notify, hold or reject';
COMMENT ON COLUMN ruleset_action_meaning.reason IS 'why, where the ruleset says so';
COMMENT ON COLUMN ruleset_action_meaning.ruleset_action_id IS 'the row that decides, NULL when none does';
GRANT SELECT ON ruleset_action_meaning TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION keep_agreed_ruleset() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  order_of CONSTANT text[] := ARRAY['proposed', 'in_force', 'retired'];
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.status <> 'proposed' THEN
      RAISE EXCEPTION 'ruleset.status of a new ruleset must be proposed, not %', NEW.status
        USING ERRCODE = 'object_not_in_prerequisite_state',
              HINT = 'Write the ruleset as proposed, then its rules, then put it in force.';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.status = 'proposed' THEN
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'ruleset % has been in force and cannot be deleted', quote_literal(OLD.code)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Retire it (status), or bring its end forward (in_force).';
  END IF;

  IF (NEW.id, NEW.code, NEW.title, NEW.source, NEW.jumping_scope, NEW.share_identity, NEW.share_price, NEW.recorded_at, NEW.unknown_condition)
     IS DISTINCT FROM (OLD.id, OLD.code, OLD.title, OLD.source, OLD.jumping_scope, OLD.share_identity, OLD.share_price, OLD.recorded_at, OLD.unknown_condition) THEN
    RAISE EXCEPTION 'ruleset % has been in force and keeps its terms', quote_literal(OLD.code)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Copy it with copy_ruleset(), change the copy while it is proposed, and put that in force with put_ruleset_in_force().';
  END IF;
  IF array_position(order_of, NEW.status) < array_position(order_of, OLD.status) THEN
    RAISE EXCEPTION 'ruleset % is % and cannot become % again', quote_literal(OLD.code), OLD.status, NEW.status
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Copy it with copy_ruleset(): the copy is proposed.';
  END IF;
  IF NEW.in_force <> OLD.in_force
     AND (OLD.status = 'retired' OR lower(NEW.in_force) <> lower(OLD.in_force)
          OR upper(NEW.in_force) > upper(OLD.in_force) OR upper(NEW.in_force) <= now()) THEN
    RAISE EXCEPTION 'ruleset.in_force of ruleset % cannot become %', quote_literal(OLD.code), NEW.in_force
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Of a ruleset in force the end alone may change, to an earlier instant that is still to come.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_agreed_ruleset() IS
  'trigger: a new ruleset is proposed; one that has been in force keeps its terms, and only its status goes on and its end comes forward; error 55000';
REVOKE ALL ON FUNCTION keep_agreed_ruleset() FROM PUBLIC;

CREATE OR REPLACE TRIGGER t10_agreed_is_kept BEFORE INSERT OR UPDATE OR DELETE ON ruleset
  FOR EACH ROW EXECUTE FUNCTION keep_agreed_ruleset();
COMMENT ON TRIGGER t10_agreed_is_kept ON ruleset IS 'what has been in force stays as it was agreed';

-- The rulesets whose rows a statement changed are locked FOR SHARE, so that none
-- is put in force while its rules are being written.
CREATE OR REPLACE FUNCTION keep_agreed_rules() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  touched bigint[];
  changed bigint;
  found_code text;
  found_status text;
BEGIN
  IF TG_OP = 'INSERT' THEN
    touched := ARRAY(SELECT DISTINCT ruleset_id FROM after ORDER BY ruleset_id);
  ELSIF TG_OP = 'DELETE' THEN
    touched := ARRAY(SELECT DISTINCT ruleset_id FROM before ORDER BY ruleset_id);
  ELSE
    touched := ARRAY(SELECT ruleset_id FROM before UNION SELECT ruleset_id FROM after ORDER BY ruleset_id);
  END IF;
  FOREACH changed IN ARRAY touched LOOP
    SELECT code, status INTO found_code, found_status FROM ruleset WHERE id = changed FOR SHARE;
    -- the rules of a deleted proposal go with it
    CONTINUE WHEN found_status = 'proposed' OR (NOT FOUND AND TG_OP = 'DELETE');
    RAISE EXCEPTION '%.ruleset_id %: ruleset % is % and keeps its rules', TG_TABLE_NAME, changed,
                    coalesce(quote_literal(found_code), 'of that id'), coalesce(found_status, 'not to be seen')
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Copy it with copy_ruleset(), change the copy while it is proposed, and put that in force with put_ruleset_in_force().';
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION keep_agreed_rules() IS
  'trigger, AFTER a change FOR EACH STATEMENT with transition tables before and after: only the rules of a proposed ruleset may change; error 55000';
REVOKE ALL ON FUNCTION keep_agreed_rules() FROM PUBLIC;

DO $block$
DECLARE
  name text;
  event text;
  tables text;
BEGIN
  FOREACH name IN ARRAY ARRAY['stacking_rule', 'stacking_interpretation', 'ruleset_action', 'primacy_rule'] LOOP
    FOR event, tables IN VALUES ('INSERT', 'NEW TABLE AS after'), ('UPDATE', 'OLD TABLE AS before NEW TABLE AS after'), ('DELETE', 'OLD TABLE AS before') LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
        FOR EACH STATEMENT EXECUTE FUNCTION keep_agreed_rules()', 't10_agreed_is_kept_' || lower(event), event, name, tables);
      EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''rules that have been in force stay as they were agreed''',
                     't10_agreed_is_kept_' || lower(event), name);
    END LOOP;
  END LOOP;
  FOREACH name IN ARRAY ARRAY['ruleset', 'stacking_rule', 'stacking_interpretation', 'ruleset_action', 'primacy_rule'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Delete the rulesets that are proposed; what has been in force stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''agreements are not truncated''', name);
  END LOOP;
END
$block$;

-- ---------------------------------------------------------------- successors

-- VOLATILE, for the planner tries STABLE functions beforehand, in a snapshot in which
-- a ruleset that the same statement has made is not there yet: an error then
CREATE OR REPLACE FUNCTION require_ruleset(code text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found bigint;
BEGIN
  SELECT id INTO found FROM ruleset r WHERE r.code = require_ruleset.code;
  IF found IS NULL THEN
    RAISE EXCEPTION 'there is no ruleset %', coalesce(quote_literal(left(require_ruleset.code, 64)), 'NULL')
      USING ERRCODE = 'MX301',
            HINT = coalesce('Rulesets of this exchange: ' || (SELECT string_agg(r.code, ', ' ORDER BY r.code COLLATE "C") FROM ruleset r) || '.',
                            'Write one, or read one with import_ruleset().');
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION require_ruleset(text) IS 'the id of a ruleset by its code; error MX301';
REVOKE ALL ON FUNCTION require_ruleset(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION require_ruleset(text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION copy_ruleset(code text, new_code text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  original CONSTANT bigint := require_ruleset(code);
  copied bigint;
BEGIN
  INSERT INTO ruleset (code, title, source, in_force, jumping_scope, share_identity, share_price, unknown_condition)
    SELECT new_code, r.title, r.source, r.in_force, r.jumping_scope, r.share_identity, r.share_price, r.unknown_condition
    FROM ruleset r WHERE r.id = original
    RETURNING id INTO copied;
  INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning, reason)
    SELECT copied, i.mode, i.verdict, i.buyer_kind_a, i.buyer_kind_b, i.meaning, i.reason
    FROM stacking_interpretation i WHERE i.ruleset_id = original ORDER BY i.id;
  INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity, reason, condition, priority)
    SELECT copied, s.service_a, s.service_b, s.mode, s.verdict, s.severity, s.reason, s.condition, s.priority
    FROM stacking_rule s WHERE s.ruleset_id = original ORDER BY s.id;
  INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action, reason)
    SELECT copied, a.kind, a.severity, a.stage, a.action, a.reason
    FROM ruleset_action a WHERE a.ruleset_id = original ORDER BY a.id;
  INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, severity, reason, source)
    SELECT copied, p.case_code, p.dso_purpose, p.dso_direction, p.prevails, p.severity, p.reason, p.source
    FROM primacy_rule p WHERE p.ruleset_id = original ORDER BY p.id;
  RETURN copied;
END
$function$;
COMMENT ON FUNCTION copy_ruleset(text, text) IS
  'a proposed copy of a ruleset with all its rules under a new code: change it, then put_ruleset_in_force(); gives its id; error MX301';
REVOKE ALL ON FUNCTION copy_ruleset(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copy_ruleset(text, text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION put_ruleset_in_force(code text, starts timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  successor CONSTANT bigint := require_ruleset(code);
  ends timestamptz;
BEGIN
  IF (SELECT status FROM ruleset WHERE id = successor FOR UPDATE) <> 'proposed' THEN
    RAISE EXCEPTION 'ruleset % is not proposed', quote_literal(code)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Copy it with copy_ruleset(): the copy is proposed.';
  END IF;
  IF starts IS NULL OR starts = 'infinity' THEN
    RAISE EXCEPTION 'starts must be an instant, not %', coalesce(quote_literal(starts), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the start of the first delivery that it governs.';
  END IF;
  IF EXISTS (SELECT FROM ruleset WHERE status = 'in_force' AND lower(in_force) = starts) THEN
    RAISE EXCEPTION 'starts must not be %: another ruleset is in force from then', quote_literal(starts)
      USING ERRCODE = 'exclusion_violation', HINT = 'Retire that one first, or give a later instant.';
  END IF;
  -- until the next one begins that is in force already
  SELECT coalesce(min(lower(in_force)), 'infinity') INTO ends
  FROM ruleset WHERE status = 'in_force' AND lower(in_force) > starts;
  -- in one statement, for what stands in the book is examined again after each
  UPDATE ruleset SET status = 'in_force',
                     in_force = CASE id WHEN successor THEN time_window(starts, ends) ELSE time_window(lower(in_force), starts) END
  WHERE id = successor OR (status = 'in_force' AND lower(in_force) < starts AND starts < upper(in_force));
END
$function$;
COMMENT ON FUNCTION put_ruleset_in_force(text, timestamptz) IS
  'puts a proposed ruleset in force for deliveries from an instant until the next ruleset begins, and ends the one that it follows there; examines again what it governs; errors MX301, 55000';
REVOKE ALL ON FUNCTION put_ruleset_in_force(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION put_ruleset_in_force(text, timestamptz) TO flexexchange_operator;

-- ---------------------------------------------------------------- documents

-- One more table of rules is one more branch here, one more name in export_ruleset()
-- and among the tables that keep_agreed_rules() stands on, one more INSERT in
-- import_ruleset() and copy_ruleset(), and its fields in src/ruleset_document.c.
CREATE OR REPLACE VIEW ruleset_content WITH (security_invoker = true) AS
  SELECT r.id AS ruleset_id, 'ruleset' AS part, ARRAY[term.place] AS place, term.key, term.content, term.document
  FROM ruleset r
  CROSS JOIN LATERAL (VALUES
    ('1', 'code', r.code, to_json(r.code)::text), ('2', 'title', r.title, to_json(r.title)::text), ('3', 'source', r.source, to_json(r.source)::text),
    ('4', 'in_force', r.in_force::text, to_json(r.in_force::text)::text), ('5', 'jumping_scope', r.jumping_scope, to_json(r.jumping_scope)::text),
    ('6', 'share_identity', r.share_identity::text, to_json(r.share_identity)::text), ('7', 'share_price', r.share_price::text, to_json(r.share_price)::text),
    ('8', 'unknown_condition', r.unknown_condition, to_json(r.unknown_condition)::text)
  ) AS term (place, key, content, document)
  UNION ALL
  -- the rule without a condition is the last that is tried
  SELECT s.ruleset_id, 'stacking_rule', ARRAY[s.mode, s.service_a, s.service_b, coalesce(to_char(s.priority, 'FM00000'), 'last')],
         concat_ws(' ', s.mode, s.service_a, s.service_b, 'priority ' || s.priority),
         concat_ws(', ', s.verdict, s.severity) || coalesce(' when ' || s.condition, '') || coalesce(': ' || s.reason, ''),
         json_strip_nulls(json_build_object('mode', s.mode, 'service_a', s.service_a, 'service_b', s.service_b, 'priority', s.priority,
           'condition', s.condition::text, 'verdict', s.verdict, 'severity', s.severity, 'reason', s.reason))::text
  FROM stacking_rule s
  UNION ALL
  SELECT i.ruleset_id, 'stacking_interpretation', ARRAY[i.mode, i.verdict, coalesce(i.buyer_kind_a, ''), coalesce(i.buyer_kind_b, '')],
         concat_ws(' ', i.mode, i.verdict, coalesce(i.buyer_kind_a, 'any'), coalesce(i.buyer_kind_b, 'any')),
         i.meaning || coalesce(': ' || i.reason, ''),
         json_strip_nulls(json_build_object('mode', i.mode, 'verdict', i.verdict, 'buyer_kind_a', i.buyer_kind_a, 'buyer_kind_b', i.buyer_kind_b,
           'meaning', i.meaning, 'reason', i.reason))::text
  FROM stacking_interpretation i
  UNION ALL
  SELECT a.ruleset_id, 'ruleset_action', ARRAY[coalesce(a.kind, ''), coalesce(a.severity, ''), coalesce(a.stage, '')],
         concat_ws(' ', coalesce(a.kind, 'any'), coalesce(a.severity, 'any'), coalesce(a.stage, 'any')),
         a.action || coalesce(': ' || a.reason, ''),
         json_strip_nulls(json_build_object('kind', a.kind, 'severity', a.severity, 'stage', a.stage, 'action', a.action, 'reason', a.reason))::text
  FROM ruleset_action a
  UNION ALL
  SELECT p.ruleset_id, 'primacy_rule', ARRAY[p.dso_purpose, p.dso_direction], concat_ws(' ', p.dso_purpose, p.dso_direction),
         concat_ws(', ', p.prevails, p.severity) || format(' (case %s)', p.case_code) || coalesce(': ' || p.reason, ''),
         json_strip_nulls(json_build_object('dso_purpose', p.dso_purpose, 'dso_direction', p.dso_direction, 'case_code', p.case_code, 'prevails', p.prevails,
           'severity', p.severity, 'reason', p.reason, 'source', p.source))::text
  FROM primacy_rule p;
COMMENT ON VIEW ruleset_content IS 'every term and rule of each ruleset as one row, in words and as it stands in the JSON document';
COMMENT ON COLUMN ruleset_content.ruleset_id IS 'the ruleset';
COMMENT ON COLUMN ruleset_content.part IS 'the table that it is of';
COMMENT ON COLUMN ruleset_content.place IS 'what names the row within its part, for sorting and comparing; an empty text stands for NULL';
COMMENT ON COLUMN ruleset_content.key IS 'the same for people';
COMMENT ON COLUMN ruleset_content.content IS 'what it says, for people';
COMMENT ON COLUMN ruleset_content.document IS 'its line of the JSON document: a value of the ruleset, or an object';
GRANT SELECT ON ruleset_content TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION export_ruleset(code text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $function$
DECLARE
  exported CONSTANT bigint := require_ruleset(code);
  document text := E'{\n  "format": "flexexchange ruleset",\n  "version": 1';
  part_name text;
  rows text;
BEGIN
  document := document || (SELECT string_agg(format(E',\n  "%s": %s', c.key, c.document), '' ORDER BY c.place COLLATE "C")
                           FROM ruleset_content c WHERE c.ruleset_id = exported AND c.part = 'ruleset');
  FOREACH part_name IN ARRAY ARRAY['stacking_rule', 'stacking_interpretation', 'ruleset_action', 'primacy_rule'] LOOP
    SELECT string_agg(E'\n    ' || c.document, ',' ORDER BY c.place COLLATE "C") INTO rows
    FROM ruleset_content c WHERE c.ruleset_id = exported AND c.part = part_name;
    document := document || format(E',\n  "%s": [%s]', part_name, coalesce(rows || E'\n  ', ''));
  END LOOP;
  RETURN document || E'\n}\n';
END
$function$;
COMMENT ON FUNCTION export_ruleset(text) IS
  'a ruleset as one JSON document, always written in the same way: fixed keys, sorted rows, times in UTC; import_ruleset() reads it; error MX301';
REVOKE ALL ON FUNCTION export_ruleset(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION export_ruleset(text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION import_ruleset(document text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $function$
DECLARE
  content jsonb;
  imported bigint;
BEGIN
  IF document IS NULL THEN
    RAISE EXCEPTION 'document must be a JSON text, not NULL'
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Give the text that export_ruleset() wrote.';
  END IF;
  PERFORM check_ruleset_document(document, ARRAY(SELECT s.code FROM service s));
  content := document::jsonb;
  IF EXISTS (SELECT FROM ruleset r WHERE r.code = content ->> 'code') THEN
    RAISE EXCEPTION 'there is a ruleset % already', quote_literal(content ->> 'code')
      USING ERRCODE = 'unique_violation', HINT = 'Give the document another code; diff_rulesets() then compares the two.';
  END IF;
  INSERT INTO ruleset (code, title, source, in_force, jumping_scope, share_identity, share_price, unknown_condition)
    SELECT r.code, r.title, r.source, r.in_force, coalesce(r.jumping_scope, 'day'), coalesce(r.share_identity, false), coalesce(r.share_price, false),
           coalesce(r.unknown_condition, 'unknown')
    FROM jsonb_to_record(content) AS r (code text, title text, source text, in_force time_window, jumping_scope text, share_identity boolean, share_price boolean, unknown_condition text)
    RETURNING id INTO imported;
  INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity, reason, condition, priority)
    SELECT imported, s.service_a, s.service_b, s.mode, s.verdict, s.severity, s.reason, s.condition, s.priority
    FROM jsonb_to_recordset(content -> 'stacking_rule')
      AS s (service_a text, service_b text, mode text, verdict text, severity text, reason text, condition rule_condition, priority smallint);
  INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning, reason)
    SELECT imported, i.mode, i.verdict, i.buyer_kind_a, i.buyer_kind_b, i.meaning, i.reason
    FROM jsonb_to_recordset(content -> 'stacking_interpretation')
      AS i (mode text, verdict text, buyer_kind_a text, buyer_kind_b text, meaning text, reason text);
  INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action, reason)
    SELECT imported, a.kind, a.severity, a.stage, a.action, a.reason
    FROM jsonb_to_recordset(content -> 'ruleset_action') AS a (kind text, severity text, stage text, action text, reason text);
  INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, severity, reason, source)
    SELECT imported, p.case_code, p.dso_purpose, p.dso_direction, p.prevails, p.severity, p.reason, p.source
    FROM jsonb_to_recordset(content -> 'primacy_rule')
      AS p (case_code text, dso_purpose text, dso_direction text, prevails text, severity text, reason text, source text);
  RETURN imported;
END
$function$;
COMMENT ON FUNCTION import_ruleset(text) IS
  'reads the JSON document of a ruleset, strictly, as a proposed ruleset; gives its id; errors 22P02 and 22023 name line, column and key, 23505 a code that is taken';
REVOKE ALL ON FUNCTION import_ruleset(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_ruleset(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION diff_rulesets(a text, b text)
RETURNS TABLE (part text, key text, in_a text, in_b text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH of_a AS (SELECT c.part, c.place, c.key, c.content FROM ruleset_content c WHERE c.ruleset_id = (SELECT require_ruleset(a))),
       of_b AS (SELECT c.part, c.place, c.key, c.content FROM ruleset_content c WHERE c.ruleset_id = (SELECT require_ruleset(b)))
  SELECT part, coalesce(of_a.key, of_b.key), of_a.content, of_b.content
  FROM of_a FULL JOIN of_b USING (part, place)
  WHERE of_a.content IS DISTINCT FROM of_b.content AND (part, coalesce(of_a.key, of_b.key)) <> ('ruleset', 'code')
  ORDER BY part COLLATE "C", place COLLATE "C"
$function$;
COMMENT ON FUNCTION diff_rulesets(text, text) IS
  'what two rulesets say differently, term by term and rule by rule; NULL where one of them says nothing; error MX301';
REVOKE ALL ON FUNCTION diff_rulesets(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION diff_rulesets(text, text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
