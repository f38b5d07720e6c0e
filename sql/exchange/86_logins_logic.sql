-- archetype: thin
-- Logins: setting them up, choosing for whom to act, suspending them.

-- With the rights of its caller: who may make roles is the business of the database.
CREATE OR REPLACE FUNCTION set_up_login(role_name name, participant_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM participant p WHERE p.id = set_up_login.participant_id) THEN
    RAISE EXCEPTION 'there is no participant %', coalesce(set_up_login.participant_id::text, 'NULL')
      USING ERRCODE = 'MX103', HINT = 'Table participant lists them.';
  END IF;
  IF EXISTS (SELECT FROM pg_roles r WHERE r.rolname = set_up_login.role_name
             AND (r.rolsuper OR r.rolbypassrls OR pg_has_role(r.oid, 'flexexchange_operator', 'MEMBER') OR pg_has_role(r.oid, 'flexexchange_regulator', 'MEMBER'))) THEN
    RAISE EXCEPTION 'role % reads more than a participant may', quote_ident(set_up_login.role_name)
      USING ERRCODE = 'insufficient_privilege', HINT = 'Give the participant a role of its own: no superuser, no BYPASSRLS, not of the operator or the regulator.';
  END IF;
  BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = set_up_login.role_name) THEN
      -- no password: the database administrator says how it logs in
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 20', set_up_login.role_name);
      EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', set_up_login.role_name, '5min');
      EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', set_up_login.role_name, '1min');
      EXECUTE format('ALTER ROLE %I SET temp_file_limit = %L', set_up_login.role_name, '2GB');
    END IF;
    EXECUTE format('GRANT flexexchange_participant TO %I', set_up_login.role_name);
  EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'cannot make role % a participant''s', quote_ident(set_up_login.role_name)
      USING ERRCODE = 'insufficient_privilege', DETAIL = SQLERRM,
            HINT = format('The database administrator can: CREATE ROLE %1$I LOGIN; GRANT flexexchange_participant TO %1$I; then call set_up_login() again.', set_up_login.role_name);
  END;
  INSERT INTO participant_login (role_name, participant_id) VALUES (set_up_login.role_name, set_up_login.participant_id)
  ON CONFLICT ON CONSTRAINT participant_login_pkey DO UPDATE SET status = 'active', reason = NULL;
END
$function$;
COMMENT ON FUNCTION set_up_login(name, bigint) IS
  'lets a role log in for a participant: makes it if there is none, with limits on connections, time and temporary files, and says for whom it acts; a login may act for several participants, a participant have several logins; with the rights of its caller; errors MX103, 42501';
REVOKE ALL ON FUNCTION set_up_login(name, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_up_login(name, bigint) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION act_for(participant_id bigint) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  participant_name text;
BEGIN
  SELECT p.name INTO participant_name FROM participant_login l JOIN participant p ON p.id = l.participant_id
  WHERE l.role_name = session_role() AND l.participant_id = act_for.participant_id AND l.status = 'active';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the login does not act for participant %', coalesce(act_for.participant_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'own_logins() lists those for which it does.';
  END IF;
  PERFORM record_event('participant_login', NULL, 'act_for', jsonb_build_object('participant_id', act_for.participant_id)::text);
  PERFORM choose_participant(current_schema(), act_for.participant_id);
  RETURN participant_name;
END
$function$;
COMMENT ON FUNCTION act_for(bigint) IS
  'says for which of the participants of its login the session acts from now on, until it says otherwise or ends; the choice is logged; returns the name; error 42501; SECURITY DEFINER because nobody reads participant_login itself';
REVOKE ALL ON FUNCTION act_for(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION act_for(bigint) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION own_logins() RETURNS TABLE (participant_id bigint, name text, status text, acting boolean)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT p.id, p.name, l.status, coalesce(p.id = current_participant(), false)
  FROM participant_login l JOIN participant p ON p.id = l.participant_id WHERE l.role_name = session_role() ORDER BY p.id
$function$;
COMMENT ON FUNCTION own_logins() IS
  'the participants for which the login of the session may act, and for which it does; SECURITY DEFINER because nobody reads participant_login itself';
REVOKE ALL ON FUNCTION own_logins() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_logins() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION suspend_logins(participant_id bigint, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  changed bigint;
BEGIN
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why; it is logged.');
  UPDATE participant_login l SET status = 'suspended', reason = suspend_logins.reason WHERE l.participant_id = suspend_logins.participant_id AND l.status = 'active';
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed;
END
$function$;
COMMENT ON FUNCTION suspend_logins(bigint, text) IS
  'from the next statement on, in open sessions too, no login acts for the participant; returns how many did; set_up_login() lets one act again';
REVOKE ALL ON FUNCTION suspend_logins(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION suspend_logins(bigint, text) TO flexexchange_operator;
