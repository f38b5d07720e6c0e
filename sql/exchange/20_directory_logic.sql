-- archetype: thin
-- Directory: who is asking, and who may read what.

-- plpgsql and not sql: its plan is kept for the session, and policies call it in every statement
CREATE OR REPLACE FUNCTION current_participant() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  chosen CONSTANT bigint := chosen_participant(current_schema());
BEGIN
  -- a login of several participants acts for none until it says for which
  RETURN (SELECT CASE WHEN count(*) = 1 THEN min(l.participant_id) END FROM participant_login l
          WHERE l.role_name = session_role() AND l.status = 'active' AND (chosen IS NULL OR l.participant_id = chosen));
END
$function$;
COMMENT ON FUNCTION current_participant() IS
  'the participant that the session acts for: the one of its login, of several the one chosen with act_for(); NULL when none, and as soon as the login is suspended; SECURITY DEFINER because nobody reads participant_login itself';
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
SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['participant_group', 'participant_group_member']) t;
SELECT protect_table(t::regclass)
FROM unnest(ARRAY['participant_login', 'participant_contact', 'accreditation', 'accreditation_step']) t;
-- steps are written as they are taken
REVOKE INSERT, UPDATE, DELETE ON accreditation_step FROM flexexchange_operator;

-- what it says of itself is its own; what it is in law was screened
GRANT UPDATE (website, description) ON participant TO flexexchange_participant;
DROP POLICY IF EXISTS participant_update_own ON participant;
CREATE POLICY participant_update_own ON participant FOR UPDATE TO flexexchange_participant
  USING (id = (SELECT current_participant())) WITH CHECK (id = (SELECT current_participant()));
COMMENT ON POLICY participant_update_own ON participant IS 'DIR-1: a participant says of itself what it likes';

-- not ids: a duplicate would tell of another's
GRANT SELECT, INSERT (participant_id, purpose, name, email, phone, published), UPDATE (purpose, name, email, phone, published), DELETE ON participant_contact TO flexexchange_participant;
DROP POLICY IF EXISTS participant_contact_own ON participant_contact;
CREATE POLICY participant_contact_own ON participant_contact TO flexexchange_participant
  USING (participant_id = (SELECT current_participant())) WITH CHECK (participant_id = (SELECT current_participant()));
COMMENT ON POLICY participant_contact_own ON participant_contact IS 'DIR-2: a participant keeps its own contacts';
DROP POLICY IF EXISTS participant_contact_read_published ON participant_contact;
CREATE POLICY participant_contact_read_published ON participant_contact FOR SELECT TO flexexchange_participant USING (published);
COMMENT ON POLICY participant_contact_read_published ON participant_contact IS 'DIR-3: whoever takes part reads the contacts that are published';

-- that somebody is accredited concerns whoever deals with it, and not the steps that led there
GRANT SELECT (id, participant_id, kind, status, accredited_at) ON accreditation TO flexexchange_participant, flexexchange_analyst;
GRANT INSERT (participant_id, kind, evidence), UPDATE (status, evidence) ON accreditation TO flexexchange_participant;
DROP POLICY IF EXISTS accreditation_read ON accreditation;
CREATE POLICY accreditation_read ON accreditation FOR SELECT TO flexexchange_participant, flexexchange_analyst
  USING (accredited_at IS NOT NULL OR participant_id = (SELECT current_participant()));
COMMENT ON POLICY accreditation_read ON accreditation IS 'DIR-4: whoever takes part reads how those stand that were ever accredited, and an application its applicant alone';
DROP POLICY IF EXISTS accreditation_apply ON accreditation;
CREATE POLICY accreditation_apply ON accreditation FOR INSERT TO flexexchange_participant
  WITH CHECK (participant_id = (SELECT current_participant()) AND status = 'applied');
COMMENT ON POLICY accreditation_apply ON accreditation IS 'DIR-5: a participant applies for itself';
DROP POLICY IF EXISTS accreditation_apply_anew ON accreditation;
CREATE POLICY accreditation_apply_anew ON accreditation FOR UPDATE TO flexexchange_participant
  USING (participant_id = (SELECT current_participant())) WITH CHECK (participant_id = (SELECT current_participant()) AND status = 'applied');
COMMENT ON POLICY accreditation_apply_anew ON accreditation IS 'DIR-7: who was withdrawn applies anew';
GRANT SELECT ON accreditation_step TO flexexchange_participant;
DROP POLICY IF EXISTS accreditation_step_read_own ON accreditation_step;
CREATE POLICY accreditation_step_read_own ON accreditation_step FOR SELECT TO flexexchange_participant
  USING (accreditation_id IN (SELECT a.id FROM accreditation a WHERE a.participant_id = (SELECT current_participant())));
COMMENT ON POLICY accreditation_step_read_own ON accreditation_step IS 'DIR-6: a participant reads the steps of its own accreditation';

CREATE OR REPLACE FUNCTION record_accreditation_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM participant WHERE id = NEW.participant_id AND NEW.kind = ANY (kinds)) THEN
    RAISE EXCEPTION 'accreditation.kind "%" is not a kind of participant %', left(NEW.kind, 64), NEW.participant_id
      USING ERRCODE = 'check_violation', COLUMN = 'kind',
            HINT = format('Its kinds are %s.', (SELECT array_to_string(kinds, ', ') FROM participant WHERE id = NEW.participant_id));
  END IF;
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
    INSERT INTO accreditation_step (accreditation_id, status, reason, evidence) VALUES (NEW.id, NEW.status, NEW.reason, NEW.evidence);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_accreditation_step() IS
  'trigger: keeps every step of an accreditation; SECURITY DEFINER because nobody writes accreditation_step itself';
REVOKE ALL ON FUNCTION record_accreditation_step() FROM PUBLIC;

CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON accreditation
  FOR EACH ROW EXECUTE FUNCTION follow_states('status',
    'start > applied', 'applied > screened withdrawn', 'screened > accredited withdrawn',
    'accredited > suspended withdrawn', 'suspended > accredited withdrawn', 'withdrawn > applied');
COMMENT ON TRIGGER t10_status ON accreditation IS 'nobody is accredited who was not screened';
CREATE OR REPLACE FUNCTION stamp_accreditation() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- what was said of another step is not said of this one
  IF NEW.status <> OLD.status AND NEW.reason = OLD.reason THEN
    NEW.reason := NULL;
  END IF;
  IF NEW.status = 'accredited' THEN
    NEW.accredited_at := coalesce(OLD.accredited_at, now());
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_accreditation() IS 'trigger: a step has its own reason, and the first accreditation its time';
REVOKE ALL ON FUNCTION stamp_accreditation() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t15_stamp BEFORE UPDATE ON accreditation
  FOR EACH ROW EXECUTE FUNCTION stamp_accreditation();
COMMENT ON TRIGGER t15_stamp ON accreditation IS 'a step has its own reason, and the first accreditation its time';
CREATE OR REPLACE TRIGGER t20_step AFTER INSERT OR UPDATE ON accreditation
  FOR EACH ROW EXECUTE FUNCTION record_accreditation_step();
COMMENT ON TRIGGER t20_step ON accreditation IS 'every step is kept';
CREATE OR REPLACE TRIGGER t10_applicant_is_kept BEFORE UPDATE OF participant_id, kind ON accreditation
  FOR EACH ROW WHEN ((OLD.participant_id, OLD.kind) IS DISTINCT FROM (NEW.participant_id, NEW.kind))
  EXECUTE FUNCTION refuse_change('participant_id and kind', 'Apply for another accreditation.');
COMMENT ON TRIGGER t10_applicant_is_kept ON accreditation IS 'an accreditation is of one participant and kind';

CREATE OR REPLACE FUNCTION commonly_owned(participant_a bigint, participant_b bigint, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT participant_a = participant_b OR EXISTS (
    SELECT FROM participant_group_member a JOIN participant_group_member b USING (participant_group_id)
    WHERE a.participant_id = participant_a AND b.participant_id = participant_b AND a.valid @> at AND b.valid @> at);
END;
COMMENT ON FUNCTION commonly_owned(bigint, bigint, timestamptz) IS
  'true when two participants are one, or belong to one group at that instant';
REVOKE ALL ON FUNCTION commonly_owned(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION commonly_owned(bigint, bigint, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON participant
  FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
  EXECUTE FUNCTION refuse_change('mrid', 'An mrid names a thing for ever; register a new one instead.');
COMMENT ON TRIGGER t10_mrid_is_kept ON participant IS 'an mrid never changes';
