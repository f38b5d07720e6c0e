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

  IF (NEW.id, NEW.code, NEW.title, NEW.source, NEW.jumping_scope, NEW.share_identity, NEW.share_price, NEW.recorded_at)
     IS DISTINCT FROM (OLD.id, OLD.code, OLD.title, OLD.source, OLD.jumping_scope, OLD.share_identity, OLD.share_price, OLD.recorded_at) THEN
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
  FOREACH name IN ARRAY ARRAY['stacking_rule', 'stacking_interpretation', 'ruleset_action'] LOOP
    FOR event, tables IN VALUES ('INSERT', 'NEW TABLE AS after'), ('UPDATE', 'OLD TABLE AS before NEW TABLE AS after'), ('DELETE', 'OLD TABLE AS before') LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
        FOR EACH STATEMENT EXECUTE FUNCTION keep_agreed_rules()', 't10_agreed_is_kept_' || lower(event), event, name, tables);
      EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''rules that have been in force stay as they were agreed''',
                     't10_agreed_is_kept_' || lower(event), name);
    END LOOP;
  END LOOP;
  FOREACH name IN ARRAY ARRAY['ruleset', 'stacking_rule', 'stacking_interpretation', 'ruleset_action'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Delete the rulesets that are proposed; what has been in force stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''agreements are not truncated''', name);
  END LOOP;
END
$block$;

-- ---------------------------------------------------------------- successors

CREATE OR REPLACE FUNCTION require_ruleset(code text) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL SAFE
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
  INSERT INTO ruleset (code, title, source, in_force, jumping_scope, share_identity, share_price)
    SELECT new_code, r.title, r.source, r.in_force, r.jumping_scope, r.share_identity, r.share_price
    FROM ruleset r WHERE r.id = original
    RETURNING id INTO copied;
  INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning, reason)
    SELECT copied, i.mode, i.verdict, i.buyer_kind_a, i.buyer_kind_b, i.meaning, i.reason
    FROM stacking_interpretation i WHERE i.ruleset_id = original ORDER BY i.id;
  INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity, reason)
    SELECT copied, s.service_a, s.service_b, s.mode, s.verdict, s.severity, s.reason
    FROM stacking_rule s WHERE s.ruleset_id = original ORDER BY s.id;
  INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action, reason)
    SELECT copied, a.kind, a.severity, a.stage, a.action, a.reason
    FROM ruleset_action a WHERE a.ruleset_id = original ORDER BY a.id;
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
  UPDATE ruleset SET in_force = time_window(lower(in_force), starts)
  WHERE status = 'in_force' AND lower(in_force) < starts AND starts < upper(in_force);
  UPDATE ruleset SET status = 'in_force', in_force = time_window(starts, ends) WHERE id = successor;
END
$function$;
COMMENT ON FUNCTION put_ruleset_in_force(text, timestamptz) IS
  'puts a proposed ruleset in force for deliveries from an instant until the next ruleset begins, and ends the one that it follows there; examines again what it governs; errors MX301, 55000';
REVOKE ALL ON FUNCTION put_ruleset_in_force(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION put_ruleset_in_force(text, timestamptz) TO flexexchange_operator;
