-- archetype: thick
-- Instructions: who reads them, what stays, and giving them; what becomes of them is 72_instruction_life_logic.sql.
--
-- Each function locks the instruction first, then its dispatches, and looks at the status under the lock: of an answer
-- and a time-out, a stop and an amendment, one comes first and the other finds what it left.  What a party asks for
-- with an id of its own is done once, however often it is sent.

SELECT protect_table('dispatch_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table('product_dispatch_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['instruction_message', 'instruction', 'instruction_interval', 'instruction_rationale', 'instruction_step', 'instruction_read_back']) t;
-- functions alone write them, and steps are written as they are taken
REVOKE INSERT, UPDATE, DELETE ON instruction_message, instruction, instruction_interval, instruction_rationale, instruction_step, instruction_read_back FROM flexexchange_operator;
REVOKE UPDATE, DELETE ON dispatch_terms FROM flexexchange_operator;
GRANT SELECT ON instruction_message, instruction, instruction_interval, instruction_rationale, instruction_step, instruction_read_back TO flexexchange_participant;

DROP POLICY IF EXISTS instruction_message_read_own ON instruction_message;
CREATE POLICY instruction_message_read_own ON instruction_message FOR SELECT TO flexexchange_participant
  USING (sender_id = (SELECT current_participant()));
COMMENT ON POLICY instruction_message_read_own ON instruction_message IS 'INSTR-1: a participant reads the messages that it sent';
DROP POLICY IF EXISTS instruction_read_own ON instruction;
CREATE POLICY instruction_read_own ON instruction FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY instruction_read_own ON instruction IS 'INSTR-SP-1: a provider reads the instructions to its units';
DROP POLICY IF EXISTS instruction_read_operated ON instruction;
CREATE POLICY instruction_read_operated ON instruction FOR SELECT TO flexexchange_participant
  USING (EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = instruction.asset_id AND o.service_provider_id = (SELECT current_participant()) AND o.valid @> instruction.starts_at)
         OR portfolio_id IN (SELECT own_portfolio_ids()));
COMMENT ON POLICY instruction_read_operated ON instruction IS 'INSTR-SP-2: whoever operates a unit at the start reads what it is to deliver, though another answers for it';
DROP POLICY IF EXISTS instruction_read_bought ON instruction;
CREATE POLICY instruction_read_bought ON instruction FOR SELECT TO flexexchange_participant
  USING (market_operator_id = (SELECT current_participant()));
COMMENT ON POLICY instruction_read_bought ON instruction IS 'INSTR-MO-1: a buyer reads the instructions that it gave';
DROP POLICY IF EXISTS instruction_interval_read ON instruction_interval;
CREATE POLICY instruction_interval_read ON instruction_interval FOR SELECT TO flexexchange_participant
  USING (instruction_id IN (SELECT i.id FROM instruction i));
COMMENT ON POLICY instruction_interval_read ON instruction_interval IS 'INSTR-2: who reads an instruction reads its intervals';
DROP POLICY IF EXISTS instruction_step_read ON instruction_step;
CREATE POLICY instruction_step_read ON instruction_step FOR SELECT TO flexexchange_participant
  USING (instruction_id IN (SELECT i.id FROM instruction i));
COMMENT ON POLICY instruction_step_read ON instruction_step IS 'INSTR-3: who reads an instruction reads what became of it';
DROP POLICY IF EXISTS instruction_read_back_read ON instruction_read_back;
CREATE POLICY instruction_read_back_read ON instruction_read_back FOR SELECT TO flexexchange_participant
  USING (instruction_id IN (SELECT i.id FROM instruction i));
COMMENT ON POLICY instruction_read_back_read ON instruction_read_back IS 'INSTR-4: who reads an instruction reads how it was understood';
DROP POLICY IF EXISTS instruction_rationale_read_bought ON instruction_rationale;
CREATE POLICY instruction_rationale_read_bought ON instruction_rationale FOR SELECT TO flexexchange_participant
  USING (instruction_id IN (SELECT i.id FROM instruction i WHERE i.market_operator_id = (SELECT current_participant())));
COMMENT ON POLICY instruction_rationale_read_bought ON instruction_rationale IS 'INSTR-MO-2: a buyer reads the reasons that it gave; others ask explain_instruction()';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['unit_heartbeat', 'heartbeat_spell', 'unavailability_notice'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_instructed ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_instructed ON %1$I FOR SELECT TO flexexchange_participant
      USING (unit_id = ANY (ARRAY(SELECT i.unit_id FROM instruction i WHERE i.market_operator_id = (SELECT current_participant()) AND i.status IN (''issued'', ''delivered'', ''acknowledged'', ''confirmed'', ''executing'', ''held''))))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_instructed ON %1$I IS ''INSTR-MO-4: a buyer reads what is said of the units that it instructs, while it does''', name);
  END LOOP;
END
$block$;

-- ------------------------------------------------------------------ what stays, and which state follows which

DROP POLICY IF EXISTS product_dispatch_terms_own ON product_dispatch_terms;
CREATE POLICY product_dispatch_terms_own ON product_dispatch_terms TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY product_dispatch_terms_own ON product_dispatch_terms IS 'INSTR-MO-3: a buyer says under which terms its products are dispatched';
GRANT INSERT (product_id, dispatch_terms_id, valid), UPDATE (valid), DELETE ON product_dispatch_terms TO flexexchange_participant;

CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE ON dispatch_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Instructions name the terms that held for them: write another version.');
COMMENT ON TRIGGER t10_terms_are_kept ON dispatch_terms IS 'what held for an instruction stays as it was';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['dispatch_terms', 'instruction_message', 'instruction', 'instruction_interval', 'instruction_rationale', 'instruction_step', 'instruction_read_back'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Instructions are cancelled, never removed.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['instruction_rationale', 'instruction_step', 'instruction_read_back'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''What was said and done at that moment stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what was said and done stays''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid, product_id, asset_id, portfolio_id, service_provider_id, market_operator_id, instruction_message_id ON instruction
  FOR EACH ROW EXECUTE FUNCTION refuse_change('identity', 'Cancel the instruction and give another.');
COMMENT ON TRIGGER t10_mrid_is_kept ON instruction IS 'an instruction is of one unit, product and message';

CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON instruction
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > issued',
    'issued > delivered acknowledged executing held rejected refused cancelled stopped failed lapsed',
    'delivered > issued acknowledged executing refused cancelled stopped failed lapsed',
    'acknowledged > issued confirmed executing cancelled stopped failed lapsed',
    'confirmed > issued executing cancelled stopped failed',
    'executing > issued completed stopped cancelled failed',
    'held > issued rejected cancelled lapsed');
COMMENT ON TRIGGER t10_status ON instruction IS 'nothing executes that has lapsed, was refused or has ended; an amendment is issued anew';

CREATE OR REPLACE FUNCTION dispatch_is_instructed(dispatch_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT EXISTS (SELECT FROM instruction_interval v WHERE v.dispatch_id = dispatch_is_instructed.dispatch_id)
$function$;
COMMENT ON FUNCTION dispatch_is_instructed(bigint) IS 'true for a dispatch of an instruction; false for one that was recorded by hand or came from elsewhere; SECURITY DEFINER because whoever changes a dispatch is held to it';
REVOKE ALL ON FUNCTION dispatch_is_instructed(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dispatch_is_instructed(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- what is held has its status back when it is let through, and is let through in spite of a rejection when it may not wait
CREATE OR REPLACE TRIGGER t10_status BEFORE UPDATE OF status ON dispatch
  FOR EACH ROW WHEN (OLD.source IS NULL AND OLD.status <> NEW.status AND dispatch_is_instructed(OLD.id))
  EXECUTE FUNCTION follow_states('status',
    'instructed > acknowledged executing stopped completed failed held rejected refused cancelled lapsed superseded',
    'acknowledged > executing stopped completed failed held rejected refused cancelled lapsed superseded',
    'executing > stopped completed failed held rejected cancelled superseded',
    'stopped completed failed > held rejected',
    'held > instructed acknowledged executing stopped completed failed rejected cancelled lapsed superseded',
    'rejected > instructed acknowledged executing stopped completed failed cancelled lapsed superseded');
COMMENT ON TRIGGER t10_status ON dispatch IS 'dispatches of instructions go from state to state with them; what other platforms recorded, and what was recorded by hand, has any';

CREATE OR REPLACE FUNCTION keep_instructed_dispatch() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'MEMBER') THEN
    RETURN NEW;
  END IF;
  -- compared here and not by the trigger: what it says has to be read where no path is set, when a dump is restored
  IF (OLD.status, OLD.power_kw, OLD.direction, OLD.unit_id, OLD.product_id, OLD.service_provider_id, OLD.award_id, OLD.availability_id, OLD.supersedes_id, OLD.utilisation_price_per_mwh)
     IS DISTINCT FROM (NEW.status, NEW.power_kw, NEW.direction, coalesce(NEW.asset_id, NEW.portfolio_id), NEW.product_id, NEW.service_provider_id, NEW.award_id, NEW.availability_id, NEW.supersedes_id, NEW.utilisation_price_per_mwh)
     OR OLD.delivery_window <> NEW.delivery_window THEN
    RAISE EXCEPTION 'dispatch % is of an instruction, and changes with it', OLD.id
      USING ERRCODE = 'MX422', HINT = 'Call stop_instruction(), amend_instruction() or cancel_instruction().';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_instructed_dispatch() IS 'trigger: the dispatch of an instruction is changed by the functions of instructions, and by the rules engine, alone; error MX422';
REVOKE ALL ON FUNCTION keep_instructed_dispatch() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t05_instructed_is_kept BEFORE UPDATE OF status, power_kw, delivery_window, direction, product_id, asset_id, portfolio_id, service_provider_id, award_id, availability_id, supersedes_id, utilisation_price_per_mwh ON dispatch
  FOR EACH ROW WHEN (dispatch_is_instructed(OLD.id)) EXECUTE FUNCTION keep_instructed_dispatch();
COMMENT ON TRIGGER t05_instructed_is_kept ON dispatch IS 'dispatch and instruction say the same';

CREATE OR REPLACE FUNCTION keep_instructed_dispatch_in_place() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'MEMBER') THEN
    RETURN NEW;
  END IF;
  -- of one that its writer may not read nothing is said: the policies refuse it
  IF EXISTS (SELECT FROM dispatch d WHERE d.id = NEW.supersedes_id) THEN
    RAISE EXCEPTION 'dispatch % is of an instruction, and changes with it', NEW.supersedes_id
      USING ERRCODE = 'MX422', HINT = 'Call amend_instruction(): what takes its place is a version of the instruction.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_instructed_dispatch_in_place() IS 'trigger: another version of its instruction alone takes the place of an instructed dispatch; error MX422';
REVOKE ALL ON FUNCTION keep_instructed_dispatch_in_place() FROM PUBLIC;
DO $block$
DECLARE
  moment text;
BEGIN
  FOREACH moment IN ARRAY ARRAY['INSERT', 'UPDATE OF supersedes_id'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t05_instructed_is_in_place_%1$s BEFORE %2$s ON dispatch FOR EACH ROW WHEN (NEW.supersedes_id IS NOT NULL AND dispatch_is_instructed(NEW.supersedes_id)) EXECUTE FUNCTION keep_instructed_dispatch_in_place()',
                   lower(split_part(moment, ' ', 1)), moment);
    EXECUTE format('COMMENT ON TRIGGER t05_instructed_is_in_place_%s ON dispatch IS ''nothing takes the place of what was instructed behind its back''', lower(split_part(moment, ' ', 1)));
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION record_instruction_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_WHEN = 'BEFORE' THEN
    NEW.step_id := nextval('instruction_step_id');
    RETURN NEW;
  END IF;
  INSERT INTO instruction_step (id, instruction_id, version, status, reason, happened_at) VALUES (NEW.step_id, NEW.id, NEW.version, NEW.status, NEW.reason, NEW.stepped_at);
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_instruction_step() IS 'trigger: numbers and keeps every step of an instruction; SECURITY DEFINER because nobody writes instruction_step itself';
REVOKE ALL ON FUNCTION record_instruction_step() FROM PUBLIC;
DO $block$
DECLARE
  moment text;
BEGIN
  FOREACH moment IN ARRAY ARRAY['BEFORE', 'AFTER'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t20_step_%1$s_insert %1$s INSERT ON instruction FOR EACH ROW EXECUTE FUNCTION record_instruction_step()', lower(moment));
    EXECUTE format('COMMENT ON TRIGGER t20_step_%s_insert ON instruction IS ''that it was issued is kept''', lower(moment));
    EXECUTE format('CREATE OR REPLACE TRIGGER t20_step_%1$s_update %1$s UPDATE ON instruction FOR EACH ROW
      WHEN ((NEW.status, NEW.version, NEW.stop_at) IS DISTINCT FROM (OLD.status, OLD.version, OLD.stop_at)) EXECUTE FUNCTION record_instruction_step()', lower(moment));
    EXECUTE format('COMMENT ON TRIGGER t20_step_%s_update ON instruction IS ''every step is kept, and that it is to stop''', lower(moment));
  END LOOP;
END
$block$;

-- Dispatches that the rules engine held, and then let through or not: looked at when the statement has been posted, as they are then.
CREATE OR REPLACE FUNCTION follow_held_dispatches() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting instruction;
  rejected boolean;
BEGIN
  IF NOT EXISTS (SELECT FROM before b WHERE b.status = 'held') THEN
    RETURN NULL;
  END IF;
  FOR waiting IN
    SELECT i.* FROM instruction i
    WHERE i.status = 'held' AND i.id IN (SELECT v.instruction_id FROM before b JOIN after a USING (id) JOIN instruction_interval v ON v.dispatch_id = b.id WHERE b.status = 'held' AND a.status <> 'held')
    ORDER BY i.id FOR NO KEY UPDATE LOOP
    CONTINUE WHEN EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = waiting.id AND v.version = waiting.version AND d.status = 'held');
    rejected := EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = waiting.id AND v.version = waiting.version AND d.status = 'rejected');
    -- one that is cancelled is so by whoever does it, and says so
    IF rejected OR EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = waiting.id AND v.version = waiting.version AND d.live) THEN
      UPDATE instruction i SET
        status = CASE WHEN rejected THEN 'rejected' ELSE 'issued' END,
        reason = CASE WHEN rejected THEN 'the rules engine held it, and it does not stand' ELSE 'the rules engine held it, and it stands now' END,
        acknowledge_by = CASE WHEN NOT rejected THEN now() + (SELECT t.acknowledge_within FROM dispatch_terms t WHERE t.id = i.dispatch_terms_id) END,
        stepped_at = now(), made_by = session_role()
      WHERE i.id = waiting.id;
      -- its other intervals do not stand without it
      UPDATE dispatch d SET status = 'cancelled' FROM instruction_interval v
      WHERE rejected AND v.instruction_id = waiting.id AND v.version = waiting.version AND d.id = v.dispatch_id AND d.status = 'instructed';
    END IF;
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION follow_held_dispatches() IS 'trigger: an instruction is issued once none of its dispatches is held any more, and rejected when one of them was; SECURITY DEFINER because nobody writes instructions themselves';
REVOKE ALL ON FUNCTION follow_held_dispatches() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_instruction AFTER UPDATE ON dispatch REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION follow_held_dispatches();
COMMENT ON TRIGGER t60_instruction ON dispatch IS 'an instruction waits with its dispatches';

-- What the clock has ended, or would have had it run in time, nobody decides on after that.
CREATE OR REPLACE FUNCTION refuse_late_instruction() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting instruction;
BEGIN
  SELECT i.* INTO waiting FROM instruction_interval v JOIN instruction i ON i.id = v.instruction_id AND i.version = v.version WHERE v.dispatch_id = OLD.trade_id AND i.status = 'held' AND i.ends_at <= now();
  IF FOUND AND NEW.decided_by IN ('operator', 'agreement') THEN
    RAISE EXCEPTION 'hold % is of instruction %, that was over at %', OLD.id, waiting.id, waiting.ends_at
      USING ERRCODE = 'MX302', HINT = 'What is held until its end lapses: advance_instructions() takes it there.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION refuse_late_instruction() IS 'trigger: a hold on an instruction is decided on before its end, so that what comes of it does not depend on when the clock is run; error MX302';
REVOKE ALL ON FUNCTION refuse_late_instruction() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_instruction_is_not_over BEFORE UPDATE OF resolution ON hold
  FOR EACH ROW WHEN (OLD.stage = 'dispatch' AND OLD.resolution IS NULL) EXECUTE FUNCTION refuse_late_instruction();
COMMENT ON TRIGGER t10_instruction_is_not_over ON hold IS 'nothing is let through that the clock has ended';

-- ------------------------------------------------------------------ what all of them need

CREATE OR REPLACE FUNCTION lock_instruction(instruction_id bigint, party text) RETURNS instruction
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  locked instruction;
BEGIN
  SELECT i.* INTO locked FROM instruction i WHERE i.id = lock_instruction.instruction_id
    AND (operates_exchange() OR party = 'buyer' AND i.market_operator_id = me OR party = 'provider' AND i.service_provider_id = me)
  FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no instruction % of which you are the %', coalesce(lock_instruction.instruction_id::text, 'NULL'), party
      USING ERRCODE = 'MX420', HINT = 'See table instruction: buyers amend, stop, confirm and cancel, providers acknowledge, refuse and report.';
  END IF;
  RETURN locked;
END
$function$;
COMMENT ON FUNCTION lock_instruction(bigint, text) IS 'locks an instruction for its buyer or provider, or the operator in the place of either; error MX420 where it is not theirs';
REVOKE ALL ON FUNCTION lock_instruction(bigint, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION wrong_instruction_status(locked instruction, wanted text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RAISE EXCEPTION 'instruction % is %, and cannot be %', locked.id, locked.status, wanted
    USING ERRCODE = 'MX422', HINT = concat('It is so since ', locked.stepped_at, ': ' || locked.reason, '. See table instruction_step.');
END
$function$;
COMMENT ON FUNCTION wrong_instruction_status(instruction, text) IS 'raises error MX422: the instruction is in a state in which that cannot be done';
REVOKE ALL ON FUNCTION wrong_instruction_status(instruction, text) FROM PUBLIC;

-- The first with an id writes the row and holds it; a second waits for it, and then reads the answer.
CREATE OR REPLACE FUNCTION earlier_answer(sender_id bigint, message_id text, what text, content jsonb, OUT answer jsonb, OUT message bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  digest CONSTANT text := encode(sha256(convert_to(content::text, 'UTF8')), 'hex');
  known instruction_message;
BEGIN
  IF message_id IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO instruction_message AS m (sender_id, message_id, what, content_sha256)
  VALUES (earlier_answer.sender_id, earlier_answer.message_id, earlier_answer.what, digest) ON CONFLICT DO NOTHING RETURNING m.id INTO message;
  IF message IS NOT NULL THEN
    RETURN;
  END IF;
  SELECT m.* INTO STRICT known FROM instruction_message m WHERE m.sender_id = earlier_answer.sender_id AND m.message_id = earlier_answer.message_id;
  IF known.what <> earlier_answer.what OR known.content_sha256 <> digest THEN
    RAISE EXCEPTION 'message_id "%" was used by this sender for another message', message_id
      USING ERRCODE = 'MX426', DETAIL = format('That one was to %s.', known.what), HINT = 'Send it again word for word, or give it an id of its own.';
  END IF;
  answer := known.answer;
  message := known.id;
END
$function$;
COMMENT ON FUNCTION earlier_answer(bigint, text, text, jsonb) IS
  'what was answered to a message with that id of that sender before; NULL, and the message is noted, where there was none; error MX426 where its content was another';
REVOKE ALL ON FUNCTION earlier_answer(bigint, text, text, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION keep_answer(message bigint, answer jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  UPDATE instruction_message m SET answer = keep_answer.answer WHERE m.id = message;
  RETURN answer;
END
$function$;
COMMENT ON FUNCTION keep_answer(bigint, jsonb) IS 'notes what was answered to a message, and gives it back; message NULL: it had no id';
REVOKE ALL ON FUNCTION keep_answer(bigint, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION let_dispatch_stand(dispatch_id bigint, wanted text, why text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  stands text := trade_status('dispatch', dispatch_id);
BEGIN
  IF stands = 'held' THEN
    PERFORM accept_hold((SELECT h.id FROM hold h WHERE h.trade_id = dispatch_id AND h.stage = 'dispatch' AND h.resolved_at IS NULL), 'exchange', why);
  ELSIF stands = 'rejected' THEN
    -- as if it had been held and let through: what is decided of these terms holds from now on
    INSERT INTO hold (stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window,
                      resolution, decided_by, prevailing_id, reason, resolved_by, resolved_at)
    SELECT 'dispatch', d.id, d.unit_id, d.service_provider_id, m.market_operator_id, ARRAY[m.market_operator_id],
           coalesce((SELECT array_agg(k.id ORDER BY k.id) FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE c.source_id = d.id AND c.stage = 'dispatch' AND k.action <> 'notify'), '{}'),
           wanted, d.direction, d.power_kw, d.delivery_window, 'accepted', 'exchange', m.market_operator_id, why, session_role(), clock_timestamp()
    FROM dispatch d JOIN product p ON p.id = d.product_id JOIN market m ON m.id = p.market_id WHERE d.id = let_dispatch_stand.dispatch_id;
  ELSE
    RETURN;
  END IF;
  IF trade_status('dispatch', dispatch_id) <> wanted THEN
    PERFORM set_trade_status('dispatch', dispatch_id, wanted);
  END IF;
END
$function$;
COMMENT ON FUNCTION let_dispatch_stand(bigint, text, text) IS
  'gives a dispatch that the rules engine has just held or rejected the status that it was to have, and notes why: emergencies, stops and what is less than what stood before do not wait; its conflicts stay and are told';
REVOKE ALL ON FUNCTION let_dispatch_stand(bigint, text, text) FROM PUBLIC;

-- The dispatches of the version that stands take a status; windows that go beyond an instant can be cut there.
CREATE OR REPLACE FUNCTION move_dispatches(of_instruction instruction, wanted text, at timestamptz, from_states text[], cut boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  moved bigint;
BEGIN
  FOR moved IN SELECT d.id FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
               WHERE v.instruction_id = of_instruction.id AND v.version = of_instruction.version AND d.status = ANY (from_states)
                 AND (NOT cut OR lower(d.delivery_window) < at AND at < upper(d.delivery_window)) ORDER BY v.number LOOP
    IF cut THEN
      UPDATE dispatch d SET status = wanted, delivery_window = time_window(lower(d.delivery_window), at) WHERE d.id = moved;
      PERFORM let_dispatch_stand(moved, wanted, 'a part of what stood before');
    ELSE
      UPDATE dispatch d SET status = wanted WHERE d.id = moved;
    END IF;
    UPDATE dispatch_event e SET happened_at = at WHERE e.dispatch_id = moved AND e.status = wanted AND e.recorded_at = now() AND e.happened_at = now();
  END LOOP;
END
$function$;
COMMENT ON FUNCTION move_dispatches(instruction, text, timestamptz, text[], boolean) IS
  'gives those dispatches of an instruction that have one of some states another; with cut those that are running at an instant alone, which then end there';
REVOKE ALL ON FUNCTION move_dispatches(instruction, text, timestamptz, text[], boolean) FROM PUBLIC;

-- Events are dated by what they tell of, and not by when it was written.
CREATE OR REPLACE FUNCTION date_dispatch_events(instruction_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  UPDATE dispatch_event e SET happened_at = x.happened_at
  FROM (SELECT v.dispatch_id, n.id, CASE WHEN n.status = 'executing' THEN greatest(lower(d.delivery_window), i.acknowledged_at, i.confirmed_at)
                                         WHEN n.status IN ('completed', 'stopped') THEN upper(d.delivery_window) ELSE i.stepped_at END AS happened_at
        FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version JOIN dispatch d ON d.id = v.dispatch_id
        -- each by its index, however many there are by now
        CROSS JOIN LATERAL (SELECT e.id, e.status FROM dispatch_event e WHERE e.dispatch_id = d.id AND e.recorded_at = now() AND e.happened_at = now() OFFSET 0) n
        WHERE i.id = ANY (instruction_ids)) x
  WHERE e.id = x.id AND e.happened_at <> x.happened_at;
END
$function$;
COMMENT ON FUNCTION date_dispatch_events(bigint[]) IS 'dates the events of dispatches of instructions that this transaction wrote: start and end of a window by the window, others by the step of the instruction';
REVOKE ALL ON FUNCTION date_dispatch_events(bigint[]) FROM PUBLIC;

-- ------------------------------------------------------------------ reading a message

CREATE OR REPLACE FUNCTION check_message_keys(content jsonb, place text, known text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  unknown text;
BEGIN
  IF jsonb_typeof(content) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION '% is not a JSON object', place USING ERRCODE = 'invalid_parameter_value', HINT = format('Its keys are %s.', array_to_string(known, ', '));
  END IF;
  SELECT min(k) INTO unknown FROM jsonb_object_keys(content) k WHERE k <> ALL (known);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '% has an unknown key "%"', place, left(unknown, 64) USING ERRCODE = 'invalid_parameter_value', HINT = format('Its keys are %s.', array_to_string(known, ', '));
  END IF;
END
$function$;
COMMENT ON FUNCTION check_message_keys(jsonb, text, text[]) IS 'refuses JSON that is not an object or has a key that is not known; error 22023';
REVOKE ALL ON FUNCTION check_message_keys(jsonb, text, text[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION message_instant(value text, at timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN value IS NULL OR value = 'now' OR value LIKE '0000-00-00%' THEN at ELSE value::timestamptz END
$function$;
COMMENT ON FUNCTION message_instant(text, timestamptz) IS 'an instant of a message: now, 0000-00-00 and nothing stand for the time at which it is given; error 22007';
REVOKE ALL ON FUNCTION message_instant(text, timestamptz) FROM PUBLIC;

-- The event has a start, and a duration that holds for each interval that has none of its own; so an event lasts as long
-- as its intervals together.
CREATE OR REPLACE FUNCTION message_intervals(content jsonb, at timestamptz)
RETURNS TABLE (number integer, delivery_window time_window, set_point text, set_point_kw numeric, reference_kw numeric, direction text, power_kw numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  given CONSTANT jsonb := coalesce(content -> 'intervals', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('set_point_kw', content -> 'set_point_kw'))));
  many integer;
  one jsonb;
  starts timestamptz := message_instant(content ->> 'start', at);
  ends timestamptz;
  lasts interval;
  change numeric;
BEGIN
  IF jsonb_typeof(given) <> 'array' OR jsonb_array_length(given) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'message.intervals is not an array of 1 to 1000 intervals'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example [{"duration": "PT1H", "set_point_kw": 400}].';
  END IF;
  many := jsonb_array_length(given);
  FOR number, one IN SELECT o.ordinality::integer, o.value FROM jsonb_array_elements(given) WITH ORDINALITY o LOOP
    PERFORM check_message_keys(one, format('message.intervals %s', number), ARRAY['start', 'end', 'duration', 'set_point', 'set_point_kw', 'reference_kw']);
    IF one ? 'end' AND one ? 'duration' OR content ? 'end' AND content ? 'duration' THEN
      RAISE EXCEPTION 'message.intervals % has both an end and a duration', number USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one of them.';
    END IF;
    IF one ? 'start' THEN
      IF number > 1 AND message_instant(one ->> 'start', at) < starts THEN
        RAISE EXCEPTION 'message.intervals % starts before the one before it ends', number
          USING ERRCODE = 'invalid_parameter_value', HINT = 'Intervals follow one another; leave start out to begin where the one before ends.';
      END IF;
      starts := message_instant(one ->> 'start', at);
    END IF;
    lasts := coalesce((one ->> 'duration')::interval, CASE WHEN one ? 'end' THEN NULL ELSE (content ->> 'duration')::interval END);
    ends := CASE WHEN one ? 'end' THEN (one ->> 'end')::timestamptz
                 WHEN lasts >= interval '9999 years' THEN 'infinity'
                 WHEN lasts IS NOT NULL THEN starts + lasts
                 WHEN many = 1 AND content ? 'end' THEN (content ->> 'end')::timestamptz
                 WHEN number = many AND (content ->> 'open_ended')::boolean THEN 'infinity' END;
    IF ends IS NULL OR ends <= starts OR NOT isfinite(starts) OR ends = 'infinity' AND number < many THEN
      RAISE EXCEPTION 'message.intervals % has no end after its start', number
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Give duration or end, of the interval or of all, or open_ended true: the last one may have no end.';
    END IF;
    delivery_window := time_window(starts, ends);
    set_point := coalesce(one ->> 'set_point', content ->> 'set_point', 'relative');
    set_point_kw := (one ->> 'set_point_kw')::numeric;
    reference_kw := CASE WHEN set_point = 'absolute' THEN coalesce(one ->> 'reference_kw', content ->> 'reference_kw')::numeric END;
    change := set_point_kw - CASE WHEN set_point = 'absolute' THEN reference_kw ELSE 0 END;
    IF set_point NOT IN ('absolute', 'relative') OR change IS NULL OR change IN ('NaN', 'Infinity', '-Infinity') THEN
      RAISE EXCEPTION 'message.intervals % does not say what is to change', number
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Give set_point_kw, in kW, + to generate, - to consume; where set_point is absolute also reference_kw, what the unit does otherwise.';
    END IF;
    direction := CASE WHEN change > 0 THEN 'up' WHEN change < 0 THEN 'down' END;
    power_kw := nullif(abs(change), 0);
    RETURN NEXT;
    starts := ends;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION message_intervals(jsonb, timestamptz) IS
  'the intervals of a message one after the other, with direction and power (kW) as they follow from its set-points, NULL where nothing changes; error 22023 for what cannot be understood';
REVOKE ALL ON FUNCTION message_intervals(jsonb, timestamptz) FROM PUBLIC;

-- ------------------------------------------------------------------ why this unit

CREATE OR REPLACE FUNCTION rank_in_merit_order(merit bigint, of_instruction instruction, together bigint[], OUT follows boolean, OUT ranked jsonb)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- whoever ranks before it is called too
  SELECT EXISTS (SELECT FROM merit_order_unit own WHERE own.merit_order_id = merit AND own.unit_id = of_instruction.unit_id AND own.rank IS NOT NULL)
         AND NOT EXISTS (
           SELECT FROM merit_order_unit u
           WHERE u.merit_order_id = merit AND u.rank < (SELECT min(own.rank) FROM merit_order_unit own WHERE own.merit_order_id = merit AND own.unit_id = of_instruction.unit_id)
             AND u.unit_id <> ALL (together)
             AND NOT EXISTS (SELECT FROM instruction i JOIN instruction_rationale r ON r.instruction_id = i.id
                             WHERE i.unit_id = u.unit_id AND r.merit_order_id = merit AND i.status NOT IN ('rejected', 'refused', 'cancelled', 'lapsed'))),
         (SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('unit_id', u.unit_id, 'power_kw', nullif(u.power_kw, 0), 'price', u.utilisation_price_per_mwh, 'rank', u.rank,
                                                                          'because', nullif(array_to_string(u.excluded_because, ', '), ''))) ORDER BY u.rank, u.unit_id), '[]')
          FROM merit_order_unit u WHERE u.merit_order_id = merit AND u.unit_id <> of_instruction.unit_id)
    INTO follows, ranked
  FROM merit_order m WHERE m.id = merit AND m.market_operator_id = of_instruction.market_operator_id;
  IF follows IS NULL THEN
    RAISE EXCEPTION 'message.rationale.merit_order_id % is no merit order of its buyer', merit
      USING ERRCODE = 'MX427', HINT = 'See table merit_order; leave it out where none was asked.';
  END IF;
END
$function$;
COMMENT ON FUNCTION rank_in_merit_order(bigint, instruction, bigint[]) IS
  'whether instructing a unit, together with others, follows a merit order of its buyer: it is ranked, and all that are ranked before it are instructed too, now or before; and who else was looked at; error MX427';
REVOKE ALL ON FUNCTION rank_in_merit_order(bigint, instruction, bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION record_rationale(of_instruction instruction, given jsonb, together bigint[], known_conflict bigint, OUT findings jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  merit CONSTANT bigint := (given ->> 'merit_order_id')::bigint;
  follows boolean;
  ranked jsonb;
  conflicts bigint[];
  other jsonb;
BEGIN
  IF given IS NOT NULL THEN
    PERFORM check_message_keys(given, 'message.rationale', ARRAY['code', 'reason', 'alternatives', 'merit_order_id', 'deviation']);
  END IF;
  -- they are read back by others, so they are what they say
  IF jsonb_typeof(given -> 'alternatives') = 'array' THEN
    FOR other IN SELECT jsonb_array_elements(given -> 'alternatives') LOOP
      PERFORM check_message_keys(other, 'message.rationale.alternatives', ARRAY['unit_id', 'power_kw', 'price', 'rank', 'because']);
      PERFORM (other ->> 'unit_id')::bigint, (other ->> 'power_kw')::numeric, (other ->> 'price')::numeric, (other ->> 'rank')::integer;
    END LOOP;
  END IF;
  IF NOT of_instruction.emergency AND num_nonnulls(given ->> 'code', given ->> 'reason') = 0 THEN
    RAISE EXCEPTION 'message.rationale does not say why unit %', of_instruction.unit_id
      USING ERRCODE = 'MX427', HINT = 'Give code (for example merit_order, only_unit, location), reason in words, or both.';
  END IF;
  IF merit IS NOT NULL THEN
    SELECT c.follows, c.ranked INTO follows, ranked FROM rank_in_merit_order(merit, of_instruction, together) c;
    IF NOT follows AND nullif(btrim(given ->> 'deviation'), '') IS NULL THEN
      RAISE EXCEPTION 'unit % is not next in merit order %', of_instruction.unit_id, merit
        USING ERRCODE = 'MX427', HINT = 'Instruct those that are ranked before it, or say in message.rationale.deviation why not.';
    END IF;
  END IF;
  -- most find nothing, and then the findings of the whole exchange are not looked through
  IF EXISTS (SELECT FROM conflict k WHERE k.id > known_conflict) THEN
    SELECT array_agg(f.conflict_id ORDER BY f.conflict_id),
           jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', f.kind, 'severity', f.severity, 'action', f.action, 'start', lower(f.overlap), 'end', upper(f.overlap),
                                                          'short_kw', f.short_kw, 'message', f.message, 'rationale', f.rationale)) ORDER BY f.conflict_id)
      INTO conflicts, findings
    FROM instruction_interval v CROSS JOIN LATERAL findings_on_trade('dispatch', v.dispatch_id, of_instruction.market_operator_id) f
    WHERE v.instruction_id = of_instruction.id AND v.version = of_instruction.version AND (f.open OR f.action <> 'notify');
  END IF;
  findings := coalesce(findings, '[]');
  INSERT INTO instruction_rationale (instruction_id, version, code, reason, alternatives, merit_order_id, follows_merit_order, deviation, ruleset_id, conflict_ids, findings)
  VALUES (of_instruction.id, of_instruction.version, coalesce(given ->> 'code', CASE WHEN of_instruction.emergency THEN 'emergency' ELSE 'other' END), given ->> 'reason',
          coalesce(given -> 'alternatives', ranked, '[]'), merit, follows, given ->> 'deviation',
          (SELECT r.id FROM ruleset r WHERE r.status = 'in_force' AND r.in_force @> of_instruction.starts_at), coalesce(conflicts, '{}'), findings);
END
$function$;
COMMENT ON FUNCTION record_rationale(instruction, jsonb, bigint[], bigint) IS
  'notes why a unit is instructed, with what the rules engine found on it since a finding (the last before its dispatches were written), and gives that back as its buyer may know it; errors MX427, 22023, 23514';
REVOKE ALL ON FUNCTION record_rationale(instruction, jsonb, bigint[], bigint) FROM PUBLIC;

-- A proposal is closed by the message after which all that it ranks are called, or by one that says why not.
CREATE OR REPLACE FUNCTION follow_merit_order(merit bigint, deviation text, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  units bigint[];
  kws numeric[];
BEGIN
  SELECT array_agg(x.unit_id ORDER BY x.unit_id), array_agg(x.kw ORDER BY x.unit_id) INTO units, kws
  FROM (SELECT i.unit_id, max(v.power_kw) AS kw
        FROM instruction_rationale r JOIN instruction i ON i.id = r.instruction_id AND i.version = r.version JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version
        WHERE r.merit_order_id = merit AND i.status NOT IN ('rejected', 'refused', 'cancelled', 'lapsed') AND v.power_kw IS NOT NULL GROUP BY i.unit_id) x;
  IF units IS NOT NULL AND (SELECT m.status FROM merit_order m WHERE m.id = merit) = 'proposed'
     AND (deviation IS NOT NULL OR NOT EXISTS (SELECT FROM merit_order_unit u WHERE u.merit_order_id = merit AND u.rank IS NOT NULL AND u.unit_id <> ALL (units))) THEN
    PERFORM close_merit_order(merit, units, kws, deviation, at);
  END IF;
END
$function$;
COMMENT ON FUNCTION follow_merit_order(bigint, text, timestamptz) IS
  'closes a proposal once all that it ranks are called, or where it is said why others are: followed, or deviated from with that reason, which is needed where units are called with other powers too; error 23514';
REVOKE ALL ON FUNCTION follow_merit_order(bigint, text, timestamptz) FROM PUBLIC;

-- ------------------------------------------------------------------ instructing

-- What is called is what was sold: of what stands at the start of the window, that which has the power, and for longest.
-- Where it ends before the window does, and something else that was sold stands later, that is called from then on: what
-- is beyond a parent counts on its own in the book, and then it would count beside what was sold.
CREATE OR REPLACE FUNCTION parent_of_dispatch(of_unit_id bigint, of_product_id bigint, wanted_direction text, wanted time_window, wanted_kw numeric, provider_id bigint,
                                              OUT availability_id bigint, OUT award_id bigint, OUT service_provider_id bigint, OUT until timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  found record;
  next timestamptz;
BEGIN
  WITH standing AS MATERIALIZED (
    SELECT 1 AS rank, v.id, v.service_provider_id, v.delivery_window, v.power_kw, true AS binds FROM availability v
    WHERE v.unit_id = of_unit_id AND v.product_id = of_product_id AND v.direction = wanted_direction AND v.live AND v.delivery_window && wanted AND v.service_provider_id = coalesce(provider_id, v.service_provider_id)
    UNION ALL
    SELECT 2, a.id, a.service_provider_id, a.delivery_window, a.power_kw, p.binds = 'award' FROM award a JOIN product p ON p.id = a.product_id
    WHERE a.unit_id = of_unit_id AND a.product_id = of_product_id AND a.direction = wanted_direction AND a.live AND a.delivery_window && wanted AND a.service_provider_id = coalesce(provider_id, a.service_provider_id)
  ), chosen AS (
    SELECT s.rank, s.id, s.service_provider_id, s.delivery_window FROM standing s
    CROSS JOIN LATERAL (SELECT s.power_kw - coalesce(CASE s.rank
      WHEN 1 THEN (SELECT (max_concurrent(d.delivery_window * wanted, d.power_kw)).peak FROM dispatch d
                   WHERE d.availability_id = s.id AND d.live AND d.delivery_window && wanted AND NOT EXISTS (SELECT FROM dispatch e WHERE e.supersedes_id = d.id AND e.live))
      ELSE award_used_kw(s.id, s.delivery_window * wanted) END, 0) AS kw) free
    WHERE s.delivery_window @> lower(wanted)
    ORDER BY s.rank, free.kw >= wanted_kw AND s.delivery_window @> wanted DESC, free.kw >= wanted_kw DESC, free.kw DESC, upper(s.delivery_window) DESC, s.id LIMIT 1)
  SELECT c.rank, c.id, c.service_provider_id, upper(c.delivery_window) AS ends,
         (SELECT min(lower(s.delivery_window)) FROM standing s WHERE s.binds AND lower(s.delivery_window) > lower(wanted)) AS next_start,
         EXISTS (SELECT FROM standing s WHERE s.binds AND upper(s.delivery_window) > upper(c.delivery_window)) AS goes_on
    INTO found FROM (SELECT) one LEFT JOIN chosen c ON true;
  availability_id := CASE found.rank WHEN 1 THEN found.id END;
  award_id := CASE found.rank WHEN 2 THEN found.id END;
  service_provider_id := found.service_provider_id;
  -- what has no end stays one
  next := CASE WHEN found.id IS NULL THEN found.next_start WHEN found.goes_on THEN found.ends END;
  until := CASE WHEN isfinite(upper(wanted)) AND next < upper(wanted) THEN next ELSE upper(wanted) END;
END
$function$;
COMMENT ON FUNCTION parent_of_dispatch(bigint, bigint, text, time_window, numeric, bigint) IS
  'the availability, otherwise the award, out of which so many kW of a unit are called at the start of a window, of one provider or (NULL) of any, with its provider, and until when: the end of the window, or where something else that was sold has to be called';
REVOKE ALL ON FUNCTION parent_of_dispatch(bigint, bigint, text, time_window, numeric, bigint) FROM PUBLIC;

-- Dispatches of the version that stands, in the order of their intervals, from an instant on.
CREATE OR REPLACE FUNCTION write_dispatches(of_instruction instruction, content jsonb, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  one record;
  parent record;
  piece time_window;
  many integer := 0;
  made bigint;
  parent_price numeric;
  replaced bigint;
  former record;
BEGIN
  FOR one IN SELECT v.number, CASE WHEN lower(v.delivery_window) >= at THEN v.delivery_window WHEN upper(v.delivery_window) > at THEN time_window(at, upper(v.delivery_window)) END AS remaining,
                    v.set_point, v.set_point_kw, v.reference_kw, v.direction, v.power_kw
             FROM message_intervals(content, at) v ORDER BY v.number LOOP
    CONTINUE WHEN one.remaining IS NULL;
    piece := one.remaining;
    LOOP
      made := NULL;
      IF one.power_kw IS NOT NULL THEN
        IF num_nonnulls(content ->> 'award_id', content ->> 'availability_id') > 0 THEN
          SELECT (content ->> 'award_id')::bigint AS award_id, (content ->> 'availability_id')::bigint AS availability_id, upper(piece) AS until INTO parent;
          -- others' and those that are not there are refused alike
          IF NOT EXISTS (
            SELECT FROM award a WHERE a.id = parent.award_id AND a.product_id = of_instruction.product_id AND parent.availability_id IS NULL
            UNION ALL SELECT FROM availability v WHERE v.id = parent.availability_id AND v.product_id = of_instruction.product_id AND (parent.award_id IS NULL OR v.award_id = parent.award_id)) THEN
            RAISE EXCEPTION '%', concat_ws(' of ', 'availability ' || parent.availability_id, 'award ' || parent.award_id) || ' is unknown in this exchange'
              USING ERRCODE = 'MX201', HINT = 'Name an award or an availability of the product, or none: what was sold of the unit is found.';
          END IF;
        ELSE
          parent := parent_of_dispatch(of_instruction.unit_id, of_instruction.product_id, one.direction, piece, one.power_kw, of_instruction.service_provider_id);
        END IF;
        -- an amendment that names nothing else is of what was called before, at its price
        SELECT d.award_id, d.availability_id, d.utilisation_price_per_mwh AS price, coalesce(x.delivery_window, w.delivery_window) AS sold INTO former
        FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id LEFT JOIN availability x ON x.id = d.availability_id LEFT JOIN award w ON w.id = d.award_id
        WHERE num_nonnulls(content ->> 'award_id', content ->> 'availability_id') = 0 AND v.instruction_id = of_instruction.id AND v.version < of_instruction.version AND d.direction = one.direction
          AND (x.id IS NULL OR (x.live AND x.delivery_window @> lower(piece))) AND (w.id IS NULL OR (w.live AND w.delivery_window @> lower(piece)))
        ORDER BY v.version DESC, d.delivery_window && piece DESC, v.number LIMIT 1;
        IF former.sold IS NOT NULL THEN
          parent.award_id := former.award_id;
          parent.availability_id := former.availability_id;
          parent.until := least(upper(piece), CASE WHEN isfinite(upper(piece)) THEN upper(former.sold) END);
        END IF;
        piece := time_window(lower(piece), parent.until);
        parent_price := (SELECT a.utilisation_price_per_mwh FROM award a WHERE a.id = coalesce(parent.award_id, (SELECT v.award_id FROM availability v WHERE v.id = parent.availability_id)));
        replaced := (SELECT d.id FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
                     WHERE v.instruction_id = of_instruction.id AND v.version < of_instruction.version AND d.status = 'superseded' AND d.direction = one.direction
                       AND d.delivery_window && piece ORDER BY v.version DESC, v.number LIMIT 1);
        INSERT INTO dispatch (award_id, availability_id, supersedes_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, purpose, grid_node_id)
        VALUES (parent.award_id, parent.availability_id, replaced, of_instruction.product_id, of_instruction.service_provider_id, of_instruction.asset_id, of_instruction.portfolio_id, one.direction, one.power_kw, piece,
                coalesce((content ->> 'utilisation_price_per_mwh')::numeric, former.price, parent_price,
                         -- a price that a message named was for either direction
                         (SELECT d.utilisation_price_per_mwh FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
                          WHERE v.instruction_id = of_instruction.id AND v.version < of_instruction.version AND num_nonnulls(d.award_id, d.availability_id) = 0 ORDER BY v.version DESC, v.number LIMIT 1)), of_instruction.purpose, of_instruction.grid_node_id)
        RETURNING id INTO made;
        IF of_instruction.emergency THEN
          PERFORM let_dispatch_stand(made, 'instructed', 'an emergency does not wait');
        END IF;
      END IF;
      -- numbers are those of the message until one of its intervals is called out of several
      many := greatest(many + 1, one.number);
      INSERT INTO instruction_interval (instruction_id, version, number, delivery_window, set_point, set_point_kw, reference_kw, direction, power_kw, dispatch_id)
      VALUES (of_instruction.id, of_instruction.version, many, piece, one.set_point, one.set_point_kw, one.reference_kw, one.direction, one.power_kw, made);
      EXIT WHEN upper(piece) >= upper(one.remaining);
      piece := time_window(upper(piece), upper(one.remaining));
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION write_dispatches(instruction, jsonb, timestamptz) IS
  'writes the intervals of a message and a dispatch for each that changes something, below what was sold of the unit; one that spans several availabilities or awards is written in as many parts; those that an amendment replaces are named, and what it names no award, availability or price for has those of before; errors as for writing dispatches';
REVOKE ALL ON FUNCTION write_dispatches(instruction, jsonb, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_instruction_times(terms dispatch_terms, market market, starts timestamptz, ends timestamptz, at timestamptz, scheduled boolean, emergency boolean) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  instant timestamptz;
  gate CONSTANT timestamptz := gate_closure(market.id, 'instruction', starts);
BEGIN
  IF scheduled AND starts < at THEN
    RAISE EXCEPTION 'message.start % is past', starts
      USING ERRCODE = 'MX421', HINT = 'Leave start out to begin now.';
  END IF;
  IF terms.instruct_ahead IS NOT NULL AND NOT emergency AND starts < at + terms.instruct_ahead THEN
    RAISE EXCEPTION 'message.start % is less than % ahead', starts, terms.instruct_ahead
      USING ERRCODE = 'MX421', HINT = format('Terms "%s" want that notice; an emergency is said to be one.', terms.code);
  END IF;
  IF at > gate AND NOT emergency THEN
    RAISE EXCEPTION 'message.start % could be instructed until %', starts, gate
      USING ERRCODE = 'MX421', HINT = format('The gate of market "%s" for instructions has closed, see market_gate; an emergency is said to be one.', market.code);
  END IF;
  IF terms.time_resolution IS NOT NULL AND scheduled THEN
    -- in the time of the market: an hour there begins on the hour
    FOREACH instant IN ARRAY ARRAY[starts, ends] LOOP
      IF isfinite(instant) AND date_bin(terms.time_resolution, instant AT TIME ZONE market.time_zone, timestamp '2001-01-01') <> instant AT TIME ZONE market.time_zone THEN
        RAISE EXCEPTION 'message.start or end % is not a multiple of %', instant, terms.time_resolution
          USING ERRCODE = 'MX421', HINT = format('Terms "%s" count in steps of that.', terms.code);
      END IF;
    END LOOP;
  END IF;
END
$function$;
COMMENT ON FUNCTION check_instruction_times(dispatch_terms, market, timestamptz, timestamptz, timestamptz, boolean, boolean) IS
  'refuses an instruction that starts in the past, comes with too little notice or after the gate, or is not at steps of the terms; error MX421';
REVOKE ALL ON FUNCTION check_instruction_times(dispatch_terms, market, timestamptz, timestamptz, timestamptz, boolean, boolean) FROM PUBLIC;

CREATE OR REPLACE FUNCTION instruct(message jsonb, at timestamptz DEFAULT now())
RETURNS TABLE (instruction_id bigint, mrid uuid, unit_id bigint, status text, dispatch_ids bigint[], findings jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  keys CONSTANT text[] := ARRAY['unit_id', 'start', 'end', 'duration', 'open_ended', 'set_point', 'set_point_kw', 'reference_kw', 'intervals', 'award_id', 'availability_id', 'utilisation_price_per_mwh', 'rationale'];
  message_keys CONSTANT text[] := keys || ARRAY['message_id', 'product_id', 'units', 'purpose', 'grid_node_id', 'emergency', 'self_dispatched'];
  product CONSTANT bigint := (message ->> 'product_id')::bigint;
  is_emergency CONSTANT boolean := coalesce((message ->> 'emergency')::boolean, false);
  sold market;
  buyer bigint;
  known record;
  units jsonb;
  together bigint[];
  content jsonb;
  unit bigint;
  provider bigint;
  of_asset boolean;
  starts timestamptz;
  ends timestamptz;
  real_time boolean;
  terms dispatch_terms;
  made instruction;
  known_conflict bigint;
  verdicts jsonb;
  worst text;
  common CONSTANT jsonb := message - 'units' - 'message_id';
  answers jsonb[] := ARRAY[]::jsonb[];
  answer jsonb;
BEGIN
  PERFORM check_message_keys(message, 'message', message_keys);
  PERFORM acting_at(at);
  SELECT m.* INTO sold FROM product p JOIN market m ON m.id = p.market_id
  WHERE p.id = product AND (operates_exchange() OR m.market_operator_id = current_participant());
  IF NOT FOUND THEN
    RAISE EXCEPTION 'message.product_id % is no product that you could dispatch', coalesce(product::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'A buyer instructs under its own products; see table product.';
  END IF;
  buyer := sold.market_operator_id;
  known := earlier_answer(buyer, message ->> 'message_id', 'instruct', message);
  IF known.answer IS NOT NULL THEN
    RETURN QUERY SELECT x.* FROM jsonb_to_recordset(known.answer) AS x (instruction_id bigint, mrid uuid, unit_id bigint, status text, dispatch_ids bigint[], findings jsonb);
    RETURN;
  END IF;

  units := coalesce(message -> 'units', '[{}]');
  IF jsonb_typeof(units) <> 'array' OR jsonb_array_length(units) = 0 OR (message ? 'units' AND message ? 'unit_id') THEN
    RAISE EXCEPTION 'message.units is not an array of units'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give unit_id, or units, for example [{"unit_id": 11, "set_point_kw": 400}]: each has what the message says, but for what it says itself.';
  END IF;
  SELECT array_agg((coalesce(u ->> 'unit_id', message ->> 'unit_id'))::bigint) INTO together FROM jsonb_array_elements(units) u;
  IF (SELECT count(DISTINCT t) FROM unnest(together) t) <> cardinality(together) THEN
    RAISE EXCEPTION 'message.units names a unit twice, or none' USING ERRCODE = 'invalid_parameter_value', HINT = 'A message instructs a unit once; several windows are intervals.';
  END IF;

  -- in the order of units, so that two messages lock the same ones in the same order
  FOR content, unit IN SELECT common || u, (coalesce(u ->> 'unit_id', message ->> 'unit_id'))::bigint FROM jsonb_array_elements(units) u ORDER BY 2 LOOP
    IF message ? 'units' THEN
      PERFORM check_message_keys(content - 'product_id' - 'purpose' - 'grid_node_id' - 'emergency' - 'self_dispatched', format('message.units %s', unit), keys);
    END IF;
    SELECT min(lower(v.delivery_window)), max(upper(v.delivery_window)) INTO starts, ends FROM message_intervals(content, at) v;
    real_time := coalesce(content ->> 'start', content #>> '{intervals,0,start}', 'now') = 'now' OR coalesce(content ->> 'start', content #>> '{intervals,0,start}') LIKE '0000-00-00%';
    SELECT t.* INTO terms FROM product_dispatch_terms p JOIN dispatch_terms t ON t.id = p.dispatch_terms_id WHERE p.product_id = product AND p.valid @> starts;
    PERFORM check_instruction_times(terms, sold, starts, ends, at, NOT real_time, is_emergency);
    of_asset := EXISTS (SELECT FROM asset a WHERE a.id = unit);
    -- whoever sold what is called answers for it, whose unit it may not be; otherwise whoever operates it
    provider := coalesce((SELECT v.service_provider_id FROM availability v WHERE v.id = (content ->> 'availability_id')::bigint AND v.unit_id = unit AND v.product_id = product),
                         (SELECT a.service_provider_id FROM award a WHERE a.id = (content ->> 'award_id')::bigint AND a.unit_id = unit AND a.product_id = product));
    IF provider IS NULL THEN
      SELECT p.service_provider_id INTO provider FROM message_intervals(content, at) v CROSS JOIN LATERAL parent_of_dispatch(unit, product, v.direction, v.delivery_window, v.power_kw, NULL) p
      WHERE v.power_kw IS NOT NULL ORDER BY p.service_provider_id IS NULL, v.number LIMIT 1;
    END IF;
    provider := coalesce(provider, unit_seller(unit, starts));
    IF provider IS NULL THEN
      RAISE EXCEPTION 'message.unit_id % is no unit that somebody operates at %', coalesce(unit::text, 'NULL'), starts
        USING ERRCODE = 'MX420', HINT = 'See tables asset, asset_operator and portfolio.';
    END IF;

    INSERT INTO instruction AS i (instruction_message_id, product_id, market_operator_id, service_provider_id, asset_id, portfolio_id, kind, open_ended, emergency, self_dispatched, purpose, grid_node_id,
                             dispatch_terms_id, instructed_at, starts_at, ends_at, acknowledge_by, comply_by, stepped_at)
    VALUES (known.message, product, buyer, provider, CASE WHEN of_asset THEN unit END, CASE WHEN NOT of_asset THEN unit END, CASE WHEN real_time THEN 'real_time' ELSE 'scheduled' END, ends = 'infinity',
            is_emergency, coalesce((message ->> 'self_dispatched')::boolean, NOT terms.needs_confirmation, true), message ->> 'purpose', (message ->> 'grid_node_id')::bigint,
            terms.id, at, starts, ends, at + terms.acknowledge_within, CASE WHEN real_time THEN at + terms.comply_within END, at)
    RETURNING i.* INTO made;
    known_conflict := (SELECT coalesce(max(k.id), 0) FROM conflict k);
    PERFORM write_dispatches(made, content, at);
    verdicts := record_rationale(made, content -> 'rationale', together, known_conflict);
    -- what the rules engine made of them
    worst := (SELECT max(d.status) FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = made.id AND d.status IN ('held', 'rejected'));
    IF worst IS NOT NULL THEN
      UPDATE dispatch d SET status = 'cancelled' FROM instruction_interval v WHERE worst = 'rejected' AND v.instruction_id = made.id AND d.id = v.dispatch_id AND d.status <> 'rejected';
      UPDATE instruction i SET status = worst, reason = left(format('the rules engine %s it: %s', worst, verdicts #>> '{0,message}'), 1000) WHERE i.id = made.id;
    END IF;
    PERFORM date_dispatch_events(ARRAY[made.id]);
    answers := answers || (SELECT to_jsonb(x) FROM (
      SELECT i.id AS instruction_id, i.mrid, i.unit_id, i.status, verdicts AS findings,
             coalesce((SELECT jsonb_agg(v.dispatch_id ORDER BY v.number) FROM instruction_interval v WHERE v.instruction_id = i.id AND v.dispatch_id IS NOT NULL), '[]') AS dispatch_ids
      FROM instruction i WHERE i.id = made.id) x);
  END LOOP;
  PERFORM follow_merit_order(r.merit, max(r.deviation), at)
  FROM (SELECT (c.content ->> 'merit_order_id')::bigint AS merit, c.content ->> 'deviation' AS deviation
        FROM (SELECT (common || u) -> 'rationale' AS content FROM jsonb_array_elements(units) u) c WHERE c.content ->> 'merit_order_id' IS NOT NULL) r GROUP BY r.merit ORDER BY r.merit;
  answer := keep_answer(known.message, to_jsonb(answers));
  RETURN QUERY SELECT x.* FROM jsonb_to_recordset(answer) AS x (instruction_id bigint, mrid uuid, unit_id bigint, status text, dispatch_ids bigint[], findings jsonb);
END
$function$;
COMMENT ON FUNCTION instruct(jsonb, timestamptz) IS
  'gives an instruction to one unit or to several, all of them or none: product_id, unit_id or units, start (now where it is left out) and duration, end or open_ended, set_point_kw or intervals, rationale; with message_id the same message again has the same answer and does nothing; errors MX421, MX426, MX427, 42501, 22023 and those of writing dispatches; SECURITY DEFINER because the exchange writes instructions and asks the whole book, and the buyer is checked';
REVOKE ALL ON FUNCTION instruct(jsonb, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION instruct(jsonb, timestamptz) TO flexexchange_operator, flexexchange_participant;
