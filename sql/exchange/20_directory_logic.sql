-- archetype: thin
-- Directory: who is asking, and who may read what.

CREATE OR REPLACE FUNCTION current_participant() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT participant_id FROM participant_login WHERE role_name = session_role()
$function$;
COMMENT ON FUNCTION current_participant() IS
  'the participant that the session acts for, NULL when none; SECURITY DEFINER because nobody reads participant_login itself';
REVOKE ALL ON FUNCTION current_participant() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_participant()
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION current_participant_is(kind text) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT EXISTS (SELECT FROM participant WHERE id = current_participant() AND current_participant_is.kind = ANY (kinds));
END;
COMMENT ON FUNCTION current_participant_is(text) IS
  'true when the session acts for a participant of that kind, for example market_operator';
REVOKE ALL ON FUNCTION current_participant_is(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_participant_is(text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION acts_for_exchange() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') OR pg_has_role(session_role(), 'flexexchange_regulator', 'MEMBER');
END;
COMMENT ON FUNCTION acts_for_exchange() IS 'true when the session is the operator''s or the regulator''s, who read everything';
REVOKE ALL ON FUNCTION acts_for_exchange() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acts_for_exchange() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

SELECT protect_table('participant', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table('participant_login');

CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON participant
  FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
  EXECUTE FUNCTION refuse_change('mrid', 'An mrid names a thing for ever; register a new one instead.');
COMMENT ON TRIGGER t10_mrid_is_kept ON participant IS 'an mrid never changes';
