-- archetype: thick
-- Instructions: giving them, answering them, stopping them, and what time does.
--
-- Each function locks the instruction first, then its dispatches, and looks at the status under the lock: of an answer
-- and a time-out, a stop and an amendment, one comes first and the other finds what it left.  What a party asks for
-- with an id of its own is done once, however often it is sent.

SELECT protect_table('dispatch_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table('product_dispatch_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['instruction_message', 'instruction', 'instruction_interval', 'instruction_rationale', 'instruction_step']) t;
-- functions alone write them, and steps are written as they are taken
REVOKE INSERT, UPDATE, DELETE ON instruction_message, instruction, instruction_interval, instruction_rationale, instruction_step FROM flexexchange_operator;
REVOKE UPDATE, DELETE ON dispatch_terms FROM flexexchange_operator;
GRANT SELECT ON instruction_message, instruction, instruction_interval, instruction_rationale, instruction_step TO flexexchange_participant;

DROP POLICY IF EXISTS instruction_message_read_own ON instruction_message;
CREATE POLICY instruction_message_read_own ON instruction_message FOR SELECT TO flexexchange_participant
  USING (sender_id = (SELECT current_participant()));
COMMENT ON POLICY instruction_message_read_own ON instruction_message IS 'INSTR-1: a participant reads the messages that it sent';
DROP POLICY IF EXISTS instruction_read_own ON instruction;
CREATE POLICY instruction_read_own ON instruction FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY instruction_read_own ON instruction IS 'INSTR-SP-1: a provider reads the instructions to its units';
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
DROP POLICY IF EXISTS instruction_rationale_read_bought ON instruction_rationale;
CREATE POLICY instruction_rationale_read_bought ON instruction_rationale FOR SELECT TO flexexchange_participant
  USING (instruction_id IN (SELECT i.id FROM instruction i WHERE i.market_operator_id = (SELECT current_participant())));
COMMENT ON POLICY instruction_rationale_read_bought ON instruction_rationale IS 'INSTR-MO-2: a buyer reads the reasons that it gave; others ask explain_instruction()';

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
  FOREACH name IN ARRAY ARRAY['dispatch_terms', 'instruction_message', 'instruction', 'instruction_interval', 'instruction_rationale', 'instruction_step'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Instructions are cancelled, never removed.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['instruction_rationale', 'instruction_step'] LOOP
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
  IF NOT pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'MEMBER') THEN
    RAISE EXCEPTION 'dispatch % is of an instruction, and changes with it', OLD.id
      USING ERRCODE = 'MX422', HINT = 'Call stop_instruction(), amend_instruction() or cancel_instruction().';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_instructed_dispatch() IS 'trigger: the dispatch of an instruction is changed by the functions of instructions, and by the rules engine, alone; error MX422';
REVOKE ALL ON FUNCTION keep_instructed_dispatch() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t05_instructed_is_kept BEFORE UPDATE OF status, power_kw, delivery_window, direction, product_id, asset_id, portfolio_id, service_provider_id ON dispatch
  FOR EACH ROW WHEN ((OLD.status, OLD.power_kw, OLD.delivery_window) IS DISTINCT FROM (NEW.status, NEW.power_kw, NEW.delivery_window) AND dispatch_is_instructed(OLD.id))
  EXECUTE FUNCTION keep_instructed_dispatch();
COMMENT ON TRIGGER t05_instructed_is_kept ON dispatch IS 'dispatch and instruction say the same';

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

-- A dispatch that the rules engine held, and then let through or not.
CREATE OR REPLACE FUNCTION follow_held_dispatch() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting instruction;
BEGIN
  SELECT i.* INTO waiting FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version
  WHERE v.dispatch_id = NEW.id AND i.status = 'held' FOR NO KEY UPDATE OF i;
  IF FOUND AND NOT EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
                           WHERE v.instruction_id = waiting.id AND v.version = waiting.version AND d.status = 'held') THEN
    UPDATE instruction i SET
      status = CASE WHEN NEW.live THEN 'issued' WHEN NEW.status = 'rejected' THEN 'rejected' ELSE 'cancelled' END,
      reason = CASE WHEN NEW.live THEN 'the rules engine held it, and it stands now' ELSE 'the rules engine held it, and it does not stand' END,
      acknowledge_by = CASE WHEN NEW.live THEN now() + (SELECT t.acknowledge_within FROM dispatch_terms t WHERE t.id = i.dispatch_terms_id) END,
      stepped_at = now(), made_by = session_role()
    WHERE i.id = waiting.id;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION follow_held_dispatch() IS 'trigger: an instruction is issued once none of its dispatches is held any more, and rejected with them; SECURITY DEFINER because nobody writes instructions themselves';
REVOKE ALL ON FUNCTION follow_held_dispatch() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_instruction AFTER UPDATE OF status ON dispatch
  FOR EACH ROW WHEN (OLD.status = 'held' AND NEW.status <> 'held') EXECUTE FUNCTION follow_held_dispatch();
COMMENT ON TRIGGER t60_instruction ON dispatch IS 'an instruction waits with its dispatches';

-- ------------------------------------------------------------------ what all of them need

CREATE OR REPLACE FUNCTION operates_exchange() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER');
END;
COMMENT ON FUNCTION operates_exchange() IS 'true when the session is the operator''s, who may act for others and at another time';
REVOKE ALL ON FUNCTION operates_exchange() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operates_exchange() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION check_instruction_clock(at timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(isfinite(at), 'at', 'Leave it out to act now.');
  IF at <> now() AND NOT operates_exchange() THEN
    RAISE EXCEPTION 'at % is not now', at
      USING ERRCODE = 'insufficient_privilege', HINT = 'What is late is late: the operator of the exchange alone records what happened at another time. Leave it out.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_instruction_clock(timestamptz) IS 'refuses another time than now from whoever is not the operator of the exchange; errors 42501, 23514';
REVOKE ALL ON FUNCTION check_instruction_clock(timestamptz) FROM PUBLIC;

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
  FOR number, one IN SELECT o.ordinality, o.value FROM jsonb_array_elements(given) WITH ORDINALITY o LOOP
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

CREATE OR REPLACE FUNCTION compare_with_merit_order(merit bigint, unit bigint, together bigint[], OUT follows boolean, OUT ranked jsonb)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF to_regclass('merit_order_unit') IS NOT NULL THEN
    -- whoever ranks before it is called too, or cannot be
    EXECUTE $sql$
      SELECT count(*) FILTER (WHERE u.unit_id = $2 AND u.excluded_because IS NULL) = 1
             AND coalesce(bool_and(u.unit_id = ANY ($3) OR EXISTS (
                   SELECT FROM instruction i JOIN instruction_rationale r ON r.instruction_id = i.id
                   WHERE i.unit_id = u.unit_id AND r.merit_order_id = $1 AND i.status NOT IN ('rejected', 'refused', 'cancelled', 'lapsed')))
                 FILTER (WHERE u.excluded_because IS NULL AND u.rank < own.rank), true),
             coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('unit_id', u.unit_id, 'power_kw', u.power_kw, 'price', u.price, 'rank', u.rank, 'because', u.excluded_because))
                                ORDER BY u.rank, u.unit_id) FILTER (WHERE u.unit_id <> $2), '[]')
      FROM merit_order_unit u LEFT JOIN merit_order_unit own ON own.merit_order_id = u.merit_order_id AND own.unit_id = $2
      WHERE u.merit_order_id = $1 HAVING count(*) > 0$sql$
      INTO follows, ranked USING merit, unit, together;
  END IF;
  IF follows IS NULL THEN
    RAISE EXCEPTION 'message.rationale.merit_order_id % is unknown in this exchange, or ranks nobody', merit
      USING ERRCODE = 'MX427', HINT = 'See table merit_order; leave it out where none was asked.';
  END IF;
END
$function$;
COMMENT ON FUNCTION compare_with_merit_order(bigint, bigint, bigint[]) IS
  'whether instructing a unit, together with others, follows a merit order: it is ranked, and all that are ranked before it are instructed too, now or before; and who else is ranked; error MX427';
REVOKE ALL ON FUNCTION compare_with_merit_order(bigint, bigint, bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION record_rationale(of_instruction instruction, given jsonb, together bigint[], OUT findings jsonb)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  merit CONSTANT bigint := (given ->> 'merit_order_id')::bigint;
  follows boolean;
  ranked jsonb;
  conflicts bigint[];
BEGIN
  IF given IS NOT NULL THEN
    PERFORM check_message_keys(given, 'message.rationale', ARRAY['code', 'reason', 'alternatives', 'merit_order_id', 'deviation']);
  END IF;
  IF NOT of_instruction.emergency AND num_nonnulls(given ->> 'code', given ->> 'reason') = 0 THEN
    RAISE EXCEPTION 'message.rationale does not say why unit %', of_instruction.unit_id
      USING ERRCODE = 'MX427', HINT = 'Give code (for example merit_order, only_unit, location), reason in words, or both.';
  END IF;
  IF merit IS NOT NULL THEN
    SELECT c.follows, c.ranked INTO follows, ranked FROM compare_with_merit_order(merit, of_instruction.unit_id, together) c;
    IF NOT follows AND nullif(btrim(given ->> 'deviation'), '') IS NULL THEN
      RAISE EXCEPTION 'unit % is not next in merit order %', of_instruction.unit_id, merit
        USING ERRCODE = 'MX427', HINT = 'Instruct those that are ranked before it, or say in message.rationale.deviation why not.';
    END IF;
  END IF;
  SELECT array_agg(f.conflict_id ORDER BY f.conflict_id),
         jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', f.kind, 'severity', f.severity, 'action', f.action, 'start', lower(f.overlap), 'end', upper(f.overlap),
                                                        'short_kw', f.short_kw, 'message', f.message, 'rationale', f.rationale)) ORDER BY f.conflict_id)
    INTO conflicts, findings
  FROM instruction_interval v CROSS JOIN LATERAL findings_on_trade('dispatch', v.dispatch_id, of_instruction.market_operator_id) f
  WHERE v.instruction_id = of_instruction.id AND v.version = of_instruction.version AND (f.open OR f.action <> 'notify');
  findings := coalesce(findings, '[]');
  INSERT INTO instruction_rationale (instruction_id, version, code, reason, alternatives, merit_order_id, follows_merit_order, deviation, ruleset_id, conflict_ids, findings)
  VALUES (of_instruction.id, of_instruction.version, coalesce(given ->> 'code', CASE WHEN of_instruction.emergency THEN 'emergency' ELSE 'other' END), given ->> 'reason',
          coalesce(given -> 'alternatives', ranked, '[]'), merit, follows, given ->> 'deviation',
          (SELECT r.id FROM ruleset r WHERE r.status = 'in_force' AND r.in_force @> of_instruction.starts_at), coalesce(conflicts, '{}'), findings);
END
$function$;
COMMENT ON FUNCTION record_rationale(instruction, jsonb, bigint[]) IS
  'notes why a unit is instructed, with what the rules engine says of it now, and gives that back as its buyer may know it; errors MX427, 22023, 23514';
REVOKE ALL ON FUNCTION record_rationale(instruction, jsonb, bigint[]) FROM PUBLIC;

-- ------------------------------------------------------------------ instructing

-- Dispatches of the version that stands, in the order of their intervals, from an instant on.
CREATE OR REPLACE FUNCTION write_dispatches(of_instruction instruction, content jsonb, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  one record;
  made bigint;
  from_award bigint;
  from_availability bigint;
  parent_price numeric;
  replaced bigint;
BEGIN
  FOR one IN SELECT v.number, CASE WHEN lower(v.delivery_window) >= at THEN v.delivery_window WHEN upper(v.delivery_window) > at THEN time_window(at, upper(v.delivery_window)) END AS remaining,
                    v.set_point, v.set_point_kw, v.reference_kw, v.direction, v.power_kw
             FROM message_intervals(content, at) v ORDER BY v.number LOOP
    CONTINUE WHEN one.remaining IS NULL;
    made := NULL;
    IF one.power_kw IS NOT NULL THEN
      from_award := (content ->> 'award_id')::bigint;
      from_availability := (content ->> 'availability_id')::bigint;
      -- what is called is what was sold: the accepted availability that covers the start, or the award
      IF num_nonnulls(from_award, from_availability) = 0 THEN
        SELECT v.id INTO from_availability FROM availability v
        WHERE v.unit_id = of_instruction.unit_id AND v.product_id = of_instruction.product_id AND v.direction = one.direction AND v.live AND v.delivery_window @> lower(one.remaining)
        ORDER BY v.id LIMIT 1;
        IF from_availability IS NULL THEN
          SELECT a.id INTO from_award FROM award a
          WHERE a.unit_id = of_instruction.unit_id AND a.product_id = of_instruction.product_id AND a.direction = one.direction AND a.live AND a.delivery_window @> lower(one.remaining)
          ORDER BY a.id LIMIT 1;
        END IF;
      END IF;
      parent_price := (SELECT a.utilisation_price_per_mwh FROM award a WHERE a.id = coalesce(from_award, (SELECT v.award_id FROM availability v WHERE v.id = from_availability)));
      replaced := (SELECT d.id FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
                   WHERE v.instruction_id = of_instruction.id AND v.version < of_instruction.version AND d.status = 'superseded' AND d.direction = one.direction
                     AND d.delivery_window && one.remaining ORDER BY v.version DESC, v.number LIMIT 1);
      INSERT INTO dispatch (award_id, availability_id, supersedes_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, purpose, grid_node_id)
      VALUES (from_award, from_availability, replaced, of_instruction.product_id, of_instruction.service_provider_id, of_instruction.asset_id, of_instruction.portfolio_id, one.direction, one.power_kw, one.remaining,
              coalesce((content ->> 'utilisation_price_per_mwh')::numeric, parent_price), of_instruction.purpose, of_instruction.grid_node_id)
      RETURNING id INTO made;
      IF of_instruction.emergency THEN
        PERFORM let_dispatch_stand(made, 'instructed', 'an emergency does not wait');
      END IF;
    END IF;
    INSERT INTO instruction_interval (instruction_id, version, number, delivery_window, set_point, set_point_kw, reference_kw, direction, power_kw, dispatch_id)
    VALUES (of_instruction.id, of_instruction.version, one.number, one.remaining, one.set_point, one.set_point_kw, one.reference_kw, one.direction, one.power_kw, made);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION write_dispatches(instruction, jsonb, timestamptz) IS
  'writes the intervals of a message and a dispatch for each that changes something, below what was sold of the unit; those that an amendment replaces are named; errors as for writing dispatches';
REVOKE ALL ON FUNCTION write_dispatches(instruction, jsonb, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_instruction_times(terms dispatch_terms, zone text, starts timestamptz, ends timestamptz, at timestamptz, scheduled boolean, emergency boolean) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  instant timestamptz;
BEGIN
  IF scheduled AND starts < at THEN
    RAISE EXCEPTION 'message.start % is past', starts
      USING ERRCODE = 'MX421', HINT = 'Leave start out to begin now.';
  END IF;
  IF terms.instruct_ahead IS NOT NULL AND NOT emergency AND starts < at + terms.instruct_ahead THEN
    RAISE EXCEPTION 'message.start % is less than % ahead', starts, terms.instruct_ahead
      USING ERRCODE = 'MX421', HINT = format('Terms "%s" want that notice; an emergency is said to be one.', terms.code);
  END IF;
  IF terms.time_resolution IS NOT NULL THEN
    -- in the time of the market: an hour there begins on the hour
    FOREACH instant IN ARRAY CASE WHEN scheduled THEN ARRAY[starts, ends] ELSE ARRAY[ends] END LOOP
      IF isfinite(instant) AND scheduled AND date_bin(terms.time_resolution, instant AT TIME ZONE zone, timestamp '2001-01-01') <> instant AT TIME ZONE zone THEN
        RAISE EXCEPTION 'message.start or end % is not a multiple of %', instant, terms.time_resolution
          USING ERRCODE = 'MX421', HINT = format('Terms "%s" count in steps of that.', terms.code);
      END IF;
    END LOOP;
  END IF;
END
$function$;
COMMENT ON FUNCTION check_instruction_times(dispatch_terms, text, timestamptz, timestamptz, timestamptz, boolean, boolean) IS
  'refuses an instruction that starts in the past, comes with too little notice, or is not at steps of the terms; error MX421';
REVOKE ALL ON FUNCTION check_instruction_times(dispatch_terms, text, timestamptz, timestamptz, timestamptz, boolean, boolean) FROM PUBLIC;

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
  buyer bigint;
  zone text;
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
  verdicts jsonb;
  worst text;
  answer jsonb := '[]';
BEGIN
  PERFORM check_message_keys(message, 'message', message_keys);
  PERFORM check_instruction_clock(at);
  SELECT m.market_operator_id, m.time_zone INTO buyer, zone FROM product p JOIN market m ON m.id = p.market_id
  WHERE p.id = product AND (operates_exchange() OR m.market_operator_id = current_participant());
  IF NOT FOUND THEN
    RAISE EXCEPTION 'message.product_id % is no product that you could dispatch', coalesce(product::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'A buyer instructs under its own products; see table product.';
  END IF;
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
  FOR content, unit IN SELECT (message - 'units' - 'message_id') || u, (coalesce(u ->> 'unit_id', message ->> 'unit_id'))::bigint FROM jsonb_array_elements(units) u ORDER BY 2 LOOP
    IF message ? 'units' THEN
      PERFORM check_message_keys(content - 'product_id' - 'purpose' - 'grid_node_id' - 'emergency' - 'self_dispatched', format('message.units %s', unit), keys);
    END IF;
    SELECT min(lower(v.delivery_window)), max(upper(v.delivery_window)) INTO starts, ends FROM message_intervals(content, at) v;
    real_time := coalesce(content ->> 'start', content #>> '{intervals,0,start}', 'now') = 'now' OR coalesce(content ->> 'start', content #>> '{intervals,0,start}') LIKE '0000-00-00%';
    SELECT t.* INTO terms FROM product_dispatch_terms p JOIN dispatch_terms t ON t.id = p.dispatch_terms_id WHERE p.product_id = product AND p.valid @> starts;
    PERFORM check_instruction_times(terms, zone, starts, ends, at, NOT real_time, is_emergency);
    of_asset := EXISTS (SELECT FROM asset a WHERE a.id = unit);
    provider := CASE WHEN of_asset THEN (SELECT o.service_provider_id FROM asset_operator o WHERE o.asset_id = unit AND o.valid @> starts)
                     ELSE (SELECT f.service_provider_id FROM portfolio f WHERE f.id = unit) END;
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
    PERFORM write_dispatches(made, content, at);
    verdicts := record_rationale(made, content -> 'rationale', together);
    -- what the rules engine made of them
    worst := (SELECT max(d.status) FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = made.id AND d.status IN ('held', 'rejected'));
    IF worst IS NOT NULL THEN
      UPDATE dispatch d SET status = 'cancelled' FROM instruction_interval v WHERE worst = 'rejected' AND v.instruction_id = made.id AND d.id = v.dispatch_id AND d.status <> 'rejected';
      UPDATE instruction i SET status = worst, reason = left(format('the rules engine %s it: %s', worst, verdicts #>> '{0,message}'), 1000) WHERE i.id = made.id;
    END IF;
    PERFORM date_dispatch_events(ARRAY[made.id]);
    answer := answer || (SELECT to_jsonb(x) FROM (
      SELECT i.id AS instruction_id, i.mrid, i.unit_id, i.status, verdicts AS findings,
             coalesce((SELECT jsonb_agg(v.dispatch_id ORDER BY v.number) FROM instruction_interval v WHERE v.instruction_id = i.id AND v.dispatch_id IS NOT NULL), '[]') AS dispatch_ids
      FROM instruction i WHERE i.id = made.id) x);
  END LOOP;
  answer := keep_answer(known.message, answer);
  RETURN QUERY SELECT x.* FROM jsonb_to_recordset(answer) AS x (instruction_id bigint, mrid uuid, unit_id bigint, status text, dispatch_ids bigint[], findings jsonb);
END
$function$;
COMMENT ON FUNCTION instruct(jsonb, timestamptz) IS
  'gives an instruction to one unit or to several, all of them or none: product_id, unit_id or units, start (now where it is left out) and duration, end or open_ended, set_point_kw or intervals, rationale; with message_id the same message again has the same answer and does nothing; errors MX421, MX426, MX427, 42501, 22023 and those of writing dispatches; SECURITY DEFINER because the exchange writes instructions and asks the whole book, and the buyer is checked';
REVOKE ALL ON FUNCTION instruct(jsonb, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION instruct(jsonb, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ the provider's side

CREATE OR REPLACE FUNCTION instruction_content(of_instruction instruction) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'mrid', of_instruction.mrid, 'version', of_instruction.version, 'product_id', of_instruction.product_id, 'unit_id', of_instruction.unit_id, 'kind', of_instruction.kind,
    'emergency', of_instruction.emergency, 'self_dispatched', of_instruction.self_dispatched, 'purpose', of_instruction.purpose, 'grid_node_id', of_instruction.grid_node_id,
    'start', of_instruction.starts_at, 'end', of_instruction.ends_at, 'acknowledge_by', of_instruction.acknowledge_by, 'comply_by', of_instruction.comply_by, 'stop', of_instruction.stop_at,
    'intervals', (SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                    'number', v.number, 'start', lower(coalesce(d.delivery_window, v.delivery_window)), 'end', upper(coalesce(d.delivery_window, v.delivery_window)),
                    'set_point', v.set_point, 'set_point_kw', v.set_point_kw, 'reference_kw', v.reference_kw, 'dispatch_id', v.dispatch_id, 'direction', v.direction, 'power_kw', d.power_kw, 'status', d.status)) ORDER BY v.number)
                  FROM instruction_interval v LEFT JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = of_instruction.id AND v.version = of_instruction.version)))
$function$;
COMMENT ON FUNCTION instruction_content(instruction) IS 'an instruction as it stands, as JSON for its provider';
REVOKE ALL ON FUNCTION instruction_content(instruction) FROM PUBLIC;

-- What was not told yet is told whatever the cursor says: ids are given before they are committed, and a later one may be seen first.
CREATE OR REPLACE FUNCTION fetch_instructions(after bigint DEFAULT 0, service_provider_id bigint DEFAULT NULL, at timestamptz DEFAULT now())
RETURNS TABLE (cursor bigint, instruction_id bigint, status text, content jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := CASE WHEN operates_exchange() THEN fetch_instructions.service_provider_id ELSE current_participant() END;
  one instruction;
BEGIN
  PERFORM check_instruction_clock(at);
  IF me IS NULL OR me <> fetch_instructions.service_provider_id THEN
    RAISE EXCEPTION 'fetch_instructions() is for the provider who is instructed'
      USING ERRCODE = 'insufficient_privilege', HINT = 'Call it as the provider; the operator names one.';
  END IF;
  FOR one IN SELECT i.* FROM instruction i WHERE i.service_provider_id = me AND (i.step_id > after OR i.told_step_id < i.step_id) ORDER BY i.id FOR NO KEY UPDATE LOOP
    IF one.status = 'issued' THEN
      UPDATE instruction i SET status = 'delivered', reason = NULL, stepped_at = at, made_by = session_role() WHERE i.id = one.id RETURNING i.* INTO one;
    END IF;
    IF one.told_step_id < one.step_id THEN
      UPDATE instruction i SET told_step_id = i.step_id WHERE i.id = one.id;
    END IF;
    cursor := one.step_id;
    instruction_id := one.id;
    status := one.status;
    content := instruction_content(one);
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION fetch_instructions(bigint, bigint, timestamptz) IS
  'the instructions to the caller that took a step after a cursor, and all that it was not told of yet, as they stand; those issued are delivered with it; with the same cursor the same again; the greatest cursor is the next one to give; error 42501; SECURITY DEFINER because nobody writes instructions themselves, and they are the caller''s own';
REVOKE ALL ON FUNCTION fetch_instructions(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION fetch_instructions(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION read_back_differs(of_instruction instruction, read_back jsonb) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT array_agg((lower(v.delivery_window), upper(v.delivery_window), v.set_point, v.set_point_kw) ORDER BY v.number)::text
         IS DISTINCT FROM (SELECT array_agg(((r.v ->> 'start')::timestamptz, (r.v ->> 'end')::timestamptz, coalesce(r.v ->> 'set_point', 'relative'), (r.v ->> 'set_point_kw')::numeric(14,3)) ORDER BY r.n)::text
                           FROM jsonb_array_elements(read_back) WITH ORDINALITY AS r (v, n))
  FROM instruction_interval v WHERE v.instruction_id = of_instruction.id AND v.version = of_instruction.version
$function$;
COMMENT ON FUNCTION read_back_differs(instruction, jsonb) IS 'true when an array of intervals (start, end, set_point, set_point_kw) is not what was instructed; error 22007, 22P02';
REVOKE ALL ON FUNCTION read_back_differs(instruction, jsonb) FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_answer_in_time(locked instruction, version integer, at timestamptz, wanted text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF locked.status NOT IN ('issued', 'delivered') THEN
    PERFORM wrong_instruction_status(locked, wanted);
  END IF;
  IF locked.version IS DISTINCT FROM check_answer_in_time.version THEN
    RAISE EXCEPTION 'instruction % stands in version %, not %', locked.id, locked.version, coalesce(check_answer_in_time.version::text, 'NULL')
      USING ERRCODE = 'MX423', HINT = 'It was amended: fetch it, and answer what it says now.';
  END IF;
  IF at > locked.acknowledge_by OR at < locked.instructed_at THEN
    RAISE EXCEPTION 'instruction % was to be answered by %, and it is %', locked.id, coalesce(locked.acknowledge_by, locked.instructed_at), at
      USING ERRCODE = 'MX424', HINT = 'Terms of dispatch say how long an answer may take.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_answer_in_time(instruction, integer, timestamptz, text) IS 'refuses an answer to what does not wait for one (MX422), to another version (MX423) and one that comes too late (MX424)';
REVOKE ALL ON FUNCTION check_answer_in_time(instruction, integer, timestamptz, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_acceptance(locked instruction, starts timestamptz, ends timestamptz, power numeric) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  terms dispatch_terms;
  asked record;
  accepted_from CONSTANT timestamptz := coalesce(starts, locked.starts_at);
  accepted_until CONSTANT timestamptz := coalesce(ends, locked.ends_at);
  wrong text;
BEGIN
  IF num_nonnulls(starts, ends, power) = 0 THEN
    RETURN;
  END IF;
  SELECT t.* INTO terms FROM dispatch_terms t WHERE t.id = locked.dispatch_terms_id;
  SELECT count(*) AS many, max(v.power_kw) AS power_kw INTO asked FROM instruction_interval v WHERE v.instruction_id = locked.id AND v.version = locked.version AND v.dispatch_id IS NOT NULL;
  wrong := CASE
    WHEN NOT coalesce(terms.may_change, false) AND (accepted_from, accepted_until, coalesce(power, asked.power_kw)) IS DISTINCT FROM (locked.starts_at, locked.ends_at, asked.power_kw)
      THEN 'its terms let nothing be changed'
    WHEN accepted_from < locked.starts_at THEN format('start %s is before the requested %s', accepted_from, locked.starts_at)
    WHEN accepted_from > locked.starts_at + terms.accepted_start_tolerance THEN format('start %s is more than %s after the requested %s', accepted_from, terms.accepted_start_tolerance, locked.starts_at)
    WHEN accepted_until > locked.ends_at THEN format('end %s is after the requested %s', accepted_until, locked.ends_at)
    WHEN accepted_until <= accepted_from THEN format('end %s is not after start %s', accepted_until, accepted_from)
    WHEN isfinite(accepted_until) AND accepted_until - accepted_from < least(terms.least_accepted_span, CASE WHEN isfinite(locked.ends_at) THEN locked.ends_at - locked.starts_at END)
      THEN format('%s is shorter than %s', accepted_until - accepted_from, terms.least_accepted_span)
    WHEN power IS NULL THEN NULL
    WHEN asked.many <> 1 THEN 'less power is accepted of one interval, and it has several'
    WHEN power > asked.power_kw THEN format('%s kW is more than the requested %s kW', trim_scale(power), trim_scale(asked.power_kw))
    WHEN power <= 0 OR power = 'NaN' OR power < least(asked.power_kw, greatest(terms.least_accepted_kw, terms.least_accepted_share * asked.power_kw))
      THEN format('%s kW is less than %s kW', trim_scale(power), trim_scale(least(asked.power_kw, greatest(terms.least_accepted_kw, terms.least_accepted_share * asked.power_kw, 0)))) END;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'instruction % cannot be accepted so: %', locked.id, wrong
      USING ERRCODE = 'MX425', HINT = 'Accept it within its terms, see dispatch_terms, or refuse it with a reason.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_acceptance(instruction, timestamptz, timestamptz, numeric) IS 'refuses changes of start, end and power (kW) that the terms do not allow; error MX425';
REVOKE ALL ON FUNCTION check_acceptance(instruction, timestamptz, timestamptz, numeric) FROM PUBLIC;

CREATE OR REPLACE FUNCTION acknowledge_instruction(instruction_id bigint, version integer DEFAULT 1, read_back jsonb DEFAULT NULL, accepted_start timestamptz DEFAULT NULL, accepted_end timestamptz DEFAULT NULL,
                                                   accepted_kw numeric DEFAULT NULL, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'provider');
  known record;
  one record;
BEGIN
  PERFORM check_instruction_clock(at);
  known := earlier_answer(locked.service_provider_id, message_id, 'acknowledge', jsonb_build_array(instruction_id, version, read_back, accepted_start, accepted_end, accepted_kw));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  PERFORM check_answer_in_time(locked, version, at, 'acknowledged');
  IF read_back IS NULL AND (SELECT t.needs_read_back FROM dispatch_terms t WHERE t.id = locked.dispatch_terms_id) THEN
    RAISE EXCEPTION 'acknowledge_instruction.read_back is missing'
      USING ERRCODE = 'MX423', HINT = 'Repeat the intervals as they were understood: start, end, set_point, set_point_kw.';
  END IF;
  IF read_back IS NOT NULL AND (jsonb_typeof(read_back) <> 'array' OR read_back_differs(locked, read_back)) THEN
    RAISE EXCEPTION 'instruction % was understood otherwise than it was given', locked.id
      USING ERRCODE = 'MX423', DETAIL = format('It says %s.', instruction_content(locked) -> 'intervals'), HINT = 'Fetch it again, and repeat its intervals: start, end, set_point, set_point_kw.';
  END IF;
  PERFORM check_acceptance(locked, accepted_start, accepted_end, accepted_kw);

  UPDATE instruction i SET status = 'acknowledged', reason = CASE WHEN num_nonnulls(accepted_start, accepted_end, accepted_kw) > 0 THEN 'accepted with changes' END, stepped_at = at, made_by = session_role(),
    acknowledged_at = at, accepted_start = acknowledge_instruction.accepted_start, accepted_end = acknowledge_instruction.accepted_end, accepted_kw = acknowledge_instruction.accepted_kw,
    starts_at = coalesce(acknowledge_instruction.accepted_start, i.starts_at), ends_at = coalesce(acknowledge_instruction.accepted_end, i.ends_at)
  WHERE i.id = locked.id;
  PERFORM move_dispatches(locked, 'acknowledged', at, '{instructed}');
  -- what was accepted is a part of what was asked for
  IF num_nonnulls(accepted_start, accepted_end, accepted_kw) > 0 THEN
    FOR one IN SELECT d.id, d.power_kw, d.delivery_window, time_window(greatest(lower(d.delivery_window), coalesce(accepted_start, '-infinity')), least(upper(d.delivery_window), coalesce(accepted_end, 'infinity'))) AS remaining
               FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id
               WHERE v.instruction_id = locked.id AND v.version = locked.version AND d.status = 'acknowledged'
                 AND lower(d.delivery_window) < coalesce(accepted_end, 'infinity') AND upper(d.delivery_window) > coalesce(accepted_start, '-infinity') ORDER BY v.number LOOP
      IF one.delivery_window <> one.remaining OR one.power_kw <> coalesce(accepted_kw, one.power_kw) THEN
        UPDATE dispatch d SET delivery_window = one.remaining, power_kw = coalesce(acknowledge_instruction.accepted_kw, d.power_kw) WHERE d.id = one.id;
        PERFORM let_dispatch_stand(one.id, 'acknowledged', 'a part of what stood before');
      END IF;
    END LOOP;
    UPDATE dispatch d SET status = 'cancelled' FROM instruction_interval v
    WHERE v.instruction_id = locked.id AND v.version = locked.version AND d.id = v.dispatch_id AND d.status = 'acknowledged'
      AND (lower(d.delivery_window) >= coalesce(accepted_end, 'infinity') OR upper(d.delivery_window) <= coalesce(accepted_start, '-infinity'));
  END IF;
  PERFORM date_dispatch_events(ARRAY[locked.id]);
  RETURN keep_answer(known.message, '"acknowledged"') #>> '{}';
END
$function$;
COMMENT ON FUNCTION acknowledge_instruction(bigint, integer, jsonb, timestamptz, timestamptz, numeric, text, timestamptz) IS
  'the provider acknowledges an instruction in the version that it read, repeats it (an array of intervals with start, end, set_point, set_point_kw), and accepts it, where its terms let it with a later start, an earlier end or less power (kW); errors MX420, MX422, MX423, MX424, MX425, MX426; SECURITY DEFINER because it changes what the buyer instructed, and the provider is checked';
REVOKE ALL ON FUNCTION acknowledge_instruction(bigint, integer, jsonb, timestamptz, timestamptz, numeric, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acknowledge_instruction(bigint, integer, jsonb, timestamptz, timestamptz, numeric, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION refuse_instruction(instruction_id bigint, reason text, version integer DEFAULT 1, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'provider');
  known record;
BEGIN
  PERFORM check_instruction_clock(at);
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it is refused: the buyer is told.');
  known := earlier_answer(locked.service_provider_id, message_id, 'refuse', jsonb_build_array(instruction_id, version, reason));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  PERFORM check_answer_in_time(locked, version, at, 'refused');
  UPDATE instruction i SET status = 'refused', reason = refuse_instruction.reason, stepped_at = at, made_by = session_role() WHERE i.id = locked.id;
  PERFORM move_dispatches(locked, 'refused', at, '{instructed}');
  RETURN keep_answer(known.message, '"refused"') #>> '{}';
END
$function$;
COMMENT ON FUNCTION refuse_instruction(bigint, text, integer, text, timestamptz) IS
  'the provider refuses an instruction in the version that it read, with a reason, in the time that it has to answer; what was delivered before an amendment stays; errors MX420, MX422, MX423, MX424, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the provider is checked';
REVOKE ALL ON FUNCTION refuse_instruction(bigint, text, integer, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_instruction(bigint, text, integer, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION report_dispatch_status(instruction_id bigint, status text, reason text DEFAULT NULL, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'provider');
  known record;
BEGIN
  PERFORM check_instruction_clock(at);
  PERFORM check_code(status, 'report_dispatch_status.status', 'executing', 'failed');
  PERFORM check_given(status IS NOT NULL, 'status', 'executing or failed.');
  PERFORM check_given(status <> 'failed' OR nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it fails: the buyer is told.');
  known := earlier_answer(locked.service_provider_id, message_id, 'report', jsonb_build_array(instruction_id, status, reason));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  -- where an answer is waited for it comes first, and where a confirmation, that
  IF NOT (locked.status IN ('acknowledged', 'confirmed', 'executing') OR locked.status IN ('issued', 'delivered') AND (locked.acknowledge_by IS NULL OR status = 'failed'))
     OR status = 'executing' AND (NOT locked.self_dispatched AND locked.confirmed_at IS NULL OR at < locked.starts_at OR at >= locked.ends_at) THEN
    PERFORM wrong_instruction_status(locked, format('reported %s at %s', status, at));
  END IF;
  UPDATE instruction i SET status = report_dispatch_status.status, reason = report_dispatch_status.reason, stepped_at = at, made_by = session_role() WHERE i.id = locked.id AND i.status <> report_dispatch_status.status;
  IF status = 'failed' THEN
    PERFORM move_dispatches(locked, 'failed', at, '{instructed,acknowledged,executing}');
  ELSE
    PERFORM move_dispatches(locked, 'acknowledged', at, '{instructed}');
    PERFORM run_dispatches(ARRAY[locked.id], at);
  END IF;
  RETURN keep_answer(known.message, to_jsonb(status)) #>> '{}';
END
$function$;
COMMENT ON FUNCTION report_dispatch_status(bigint, text, text, text, timestamptz) IS
  'the provider says that an instruction is executing, from its start on, or failed, with a reason; what failed was to be delivered and stays in the book; errors MX420, MX422, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the provider is checked';
REVOKE ALL ON FUNCTION report_dispatch_status(bigint, text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_dispatch_status(bigint, text, text, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ the buyer's side

CREATE OR REPLACE FUNCTION confirm_instruction(instruction_id bigint, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'buyer');
  known record;
BEGIN
  PERFORM check_instruction_clock(at);
  known := earlier_answer(locked.market_operator_id, message_id, 'confirm', jsonb_build_array(instruction_id));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.self_dispatched OR locked.status <> 'acknowledged' AND NOT (locked.status IN ('issued', 'delivered') AND locked.acknowledge_by IS NULL) THEN
    PERFORM wrong_instruction_status(locked, 'confirmed');
  END IF;
  IF at > locked.starts_at THEN
    RAISE EXCEPTION 'instruction % was to be confirmed by its start %, and it is %', locked.id, locked.starts_at, at
      USING ERRCODE = 'MX424', HINT = 'Unconfirmed at its start it lapses: give another.';
  END IF;
  IF locked.status <> 'acknowledged' THEN
    UPDATE instruction i SET status = 'acknowledged', reason = 'no answer is waited for', stepped_at = at, acknowledged_at = at, made_by = session_role() WHERE i.id = locked.id;
    PERFORM move_dispatches(locked, 'acknowledged', at, '{instructed}');
  END IF;
  UPDATE instruction i SET status = 'confirmed', reason = NULL, stepped_at = at, confirmed_at = at, made_by = session_role() WHERE i.id = locked.id;
  RETURN keep_answer(known.message, '"confirmed"') #>> '{}';
END
$function$;
COMMENT ON FUNCTION confirm_instruction(bigint, text, timestamptz) IS
  'the buyer confirms an instruction that was for information until then, not later than its start; errors MX420, MX422, MX424, MX426; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION confirm_instruction(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION confirm_instruction(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- Ends what is instructed at an instant: what was delivered until then stays, what comes after does not.
CREATE OR REPLACE FUNCTION end_dispatches(locked instruction, ends timestamptz, at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  obliged CONSTANT boolean := locked.status IN ('acknowledged', 'confirmed', 'executing') AND (locked.self_dispatched OR locked.confirmed_at IS NOT NULL)
                              OR locked.status IN ('issued', 'delivered') AND locked.acknowledge_by IS NULL AND locked.self_dispatched;
  has_begun CONSTANT boolean := locked.version > 1 AND EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = locked.id AND v.version < locked.version AND d.live);
BEGIN
  IF NOT obliged THEN
    PERFORM move_dispatches(locked, 'cancelled', at, '{instructed,acknowledged,held}');
    RETURN has_begun;
  END IF;
  IF ends <= at THEN
    PERFORM run_dispatches(ARRAY[locked.id], ends);
    PERFORM move_dispatches(locked, 'stopped', ends, '{instructed,acknowledged,executing}', true);
  ELSE
    -- it runs on until then
    UPDATE dispatch d SET delivery_window = time_window(lower(d.delivery_window), ends) FROM instruction_interval v
    WHERE v.instruction_id = locked.id AND v.version = locked.version AND d.id = v.dispatch_id AND d.status IN ('instructed', 'acknowledged', 'executing') AND lower(d.delivery_window) < ends AND upper(d.delivery_window) > ends;
    PERFORM let_dispatch_stand(v.dispatch_id, CASE WHEN locked.status = 'executing' THEN 'executing' ELSE 'acknowledged' END, 'a part of what stood before')
    FROM instruction_interval v WHERE v.instruction_id = locked.id AND v.version = locked.version AND v.dispatch_id IS NOT NULL;
  END IF;
  UPDATE dispatch d SET status = 'cancelled' FROM instruction_interval v
  WHERE v.instruction_id = locked.id AND v.version = locked.version AND d.id = v.dispatch_id AND d.status IN ('instructed', 'acknowledged', 'executing') AND lower(d.delivery_window) >= ends;
  RETURN has_begun OR EXISTS (SELECT FROM instruction_interval v WHERE v.instruction_id = locked.id AND v.version = locked.version AND lower(v.delivery_window) < ends);
END
$function$;
COMMENT ON FUNCTION end_dispatches(instruction, timestamptz, timestamptz) IS
  'cuts the dispatches of an instruction at an instant and cancels those after it, all of them where nobody was obliged yet; true when something was or is to be delivered before';
REVOKE ALL ON FUNCTION end_dispatches(instruction, timestamptz, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION stop_instruction(instruction_id bigint, reason text DEFAULT NULL, ends_at timestamptz DEFAULT NULL, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'buyer');
  known record;
  ends CONSTANT timestamptz := coalesce(ends_at, at);
  reached text;
BEGIN
  PERFORM check_instruction_clock(at);
  known := earlier_answer(locked.market_operator_id, message_id, 'stop', jsonb_build_array(instruction_id, reason, ends_at));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') OR ends > locked.ends_at OR ends < at OR NOT isfinite(ends) THEN
    PERFORM wrong_instruction_status(locked, format('stopped at %s', ends));
  END IF;
  IF end_dispatches(locked, ends, at) THEN
    -- a stop ahead is taken when its time comes
    reached := CASE WHEN ends <= at OR locked.status NOT IN ('acknowledged', 'confirmed', 'executing') AND locked.acknowledge_by IS NOT NULL THEN 'stopped' ELSE locked.status END;
  ELSE
    reached := 'cancelled';
  END IF;
  UPDATE instruction i SET status = reached, reason = coalesce(stop_instruction.reason, CASE WHEN ends > at THEN format('to stop at %s', ends) END), stepped_at = at, stop_at = ends, made_by = session_role(),
    ends_at = CASE WHEN ends > i.starts_at THEN ends ELSE i.ends_at END
  WHERE i.id = locked.id;
  PERFORM date_dispatch_events(ARRAY[locked.id]);
  RETURN keep_answer(known.message, to_jsonb(reached)) #>> '{}';
END
$function$;
COMMENT ON FUNCTION stop_instruction(bigint, text, timestamptz, text, timestamptz) IS
  'the buyer stops what it instructed, or ceases what has no end, now or at a later instant before its end; what was delivered until then stays, and nothing holds a stop up; what had not begun is cancelled; gives the status; errors MX420, MX422, MX426; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION stop_instruction(bigint, text, timestamptz, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stop_instruction(bigint, text, timestamptz, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION instruction_to_stop(product_id bigint, unit_id bigint, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  matches bigint[];
BEGIN
  SELECT array_agg(i.id ORDER BY i.id) INTO matches FROM instruction i
  WHERE i.product_id = instruction_to_stop.product_id AND i.unit_id = instruction_to_stop.unit_id
    AND i.status IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') AND i.starts_at <= at AND i.ends_at > at;
  IF cardinality(matches) = 1 THEN
    RETURN matches[1];
  END IF;
  RAISE EXCEPTION 'a stop of unit % matches % instructions', unit_id, coalesce(cardinality(matches), 0)
    USING ERRCODE = 'MX429', HINT = 'Name the instruction: ' || coalesce(array_to_string(matches, ', '), 'none of them has begun and not ended') || '.';
END
$function$;
COMMENT ON FUNCTION instruction_to_stop(bigint, bigint, timestamptz) IS 'the instruction that a stop belongs to which names only product and unit: the one that has begun and not ended; error MX429 where there is none or more than one';
REVOKE ALL ON FUNCTION instruction_to_stop(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION instruction_to_stop(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION cancel_instruction(instruction_id bigint, reason text, message_id text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  locked instruction := lock_instruction(instruction_id, 'buyer');
  known record;
BEGIN
  PERFORM check_instruction_clock(at);
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it is cancelled: the provider is told.');
  known := earlier_answer(locked.market_operator_id, message_id, 'cancel', jsonb_build_array(instruction_id, reason));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') OR at >= locked.ends_at THEN
    PERFORM wrong_instruction_status(locked, 'cancelled');
  END IF;
  PERFORM end_dispatches(locked, at, at);
  UPDATE instruction i SET status = 'cancelled', reason = cancel_instruction.reason, stepped_at = at, stop_at = CASE WHEN at > i.starts_at THEN at END, ends_at = CASE WHEN at > i.starts_at THEN at ELSE i.ends_at END, made_by = session_role()
  WHERE i.id = locked.id;
  PERFORM date_dispatch_events(ARRAY[locked.id]);
  RETURN keep_answer(known.message, '"cancelled"') #>> '{}';
END
$function$;
COMMENT ON FUNCTION cancel_instruction(bigint, text, text, timestamptz) IS
  'the buyer takes an instruction back, before or during delivery, with a reason; what was delivered until then stays; errors MX420, MX422, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION cancel_instruction(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cancel_instruction(bigint, text, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION amend_instruction(instruction_id bigint, message jsonb, at timestamptz DEFAULT now())
RETURNS TABLE (version integer, status text, dispatch_ids bigint[], findings jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  locked instruction := lock_instruction(amend_instruction.instruction_id, 'buyer');
  known record;
  terms dispatch_terms;
  starts timestamptz;
  ends timestamptz;
  content jsonb;
  verdicts jsonb;
  answer jsonb;
BEGIN
  PERFORM check_instruction_clock(at);
  PERFORM check_message_keys(message, 'message', ARRAY['message_id', 'start', 'end', 'duration', 'open_ended', 'set_point', 'set_point_kw', 'reference_kw', 'intervals', 'award_id', 'availability_id', 'utilisation_price_per_mwh', 'rationale']);
  known := earlier_answer(locked.market_operator_id, message ->> 'message_id', 'amend', jsonb_build_array(locked.id, message));
  IF known.answer IS NULL THEN
    IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing') OR at >= locked.ends_at THEN
      PERFORM wrong_instruction_status(locked, 'amended');
    END IF;
    -- a start that is left out is that of the instruction
    content := CASE WHEN message ? 'start' OR message #> '{intervals,0}' ? 'start' THEN message ELSE message || jsonb_build_object('start', locked.starts_at) END;
    SELECT greatest(min(lower(v.delivery_window)), at), max(upper(v.delivery_window)) INTO starts, ends FROM message_intervals(content, at) v;
    IF ends <= at THEN
      RAISE EXCEPTION 'message ends at %, and it is %', ends, at
        USING ERRCODE = 'MX421', HINT = 'An amendment is of what is still to come; stop_instruction() ends it.';
    END IF;
    SELECT t.* INTO terms FROM dispatch_terms t WHERE t.id = locked.dispatch_terms_id;
    PERFORM check_instruction_times(terms, (SELECT m.time_zone FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = locked.product_id), starts, ends, at, starts > at, true);
    -- what was delivered stays, and what was to come is superseded
    IF locked.status IN ('acknowledged', 'confirmed', 'executing') AND (locked.self_dispatched OR locked.confirmed_at IS NOT NULL) OR locked.acknowledge_by IS NULL AND locked.self_dispatched THEN
      PERFORM run_dispatches(ARRAY[locked.id], at);
      PERFORM move_dispatches(locked, 'stopped', at, '{instructed,acknowledged,executing}', true);
    END IF;
    PERFORM move_dispatches(locked, 'superseded', at, '{instructed,acknowledged,executing}');

    UPDATE instruction i SET version = locked.version + 1, status = 'issued', reason = format('amended, version %s', locked.version + 1), stepped_at = at, made_by = session_role(),
      starts_at = starts, ends_at = ends, open_ended = ends = 'infinity', acknowledge_by = at + terms.acknowledge_within, comply_by = NULL,
      accepted_start = NULL, accepted_end = NULL, accepted_kw = NULL, acknowledged_at = NULL, confirmed_at = NULL, stop_at = NULL
    WHERE i.id = locked.id RETURNING i.* INTO locked;
    PERFORM write_dispatches(locked, content, at);
    verdicts := record_rationale(locked, message -> 'rationale', ARRAY[locked.unit_id]);
    IF EXISTS (SELECT FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = locked.id AND v.version = locked.version AND d.status IN ('held', 'rejected')) THEN
      RAISE EXCEPTION 'instruction % cannot be amended so: %', locked.id, verdicts #>> '{0,message}'
        USING ERRCODE = 'MX428', HINT = 'What was instructed before stands. See explain_instruction().';
    END IF;
    PERFORM date_dispatch_events(ARRAY[locked.id]);
    answer := keep_answer(known.message, (SELECT to_jsonb(x) FROM (
      SELECT locked.version, locked.status, verdicts AS findings,
             coalesce((SELECT jsonb_agg(v.dispatch_id ORDER BY v.number) FROM instruction_interval v WHERE v.instruction_id = locked.id AND v.version = locked.version AND v.dispatch_id IS NOT NULL), '[]') AS dispatch_ids) x));
  ELSE
    answer := known.answer;
  END IF;
  RETURN QUERY SELECT x.* FROM jsonb_to_record(answer) AS x (version integer, status text, dispatch_ids bigint[], findings jsonb);
END
$function$;
COMMENT ON FUNCTION amend_instruction(bigint, jsonb, timestamptz) IS
  'the buyer puts another course in the place of what is still to come of an instruction: start (that of the instruction where it is left out), duration, end or open_ended, set_point_kw or intervals, rationale, message_id; what was delivered before stays, and the new version is to be acknowledged anew; where the rules engine would hold it, what stood stands; errors MX420, MX421, MX422, MX426, MX427, MX428, 22023; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION amend_instruction(bigint, jsonb, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION amend_instruction(bigint, jsonb, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ what time does

-- Events are dated by what they tell of, and not by when it was written.
CREATE OR REPLACE FUNCTION date_dispatch_events(instruction_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  UPDATE dispatch_event e SET happened_at = CASE WHEN e.status = 'executing' THEN greatest(lower(d.delivery_window), i.acknowledged_at, i.confirmed_at)
                                                 WHEN e.status IN ('completed', 'stopped') THEN upper(d.delivery_window) ELSE i.stepped_at END
  FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version JOIN dispatch d ON d.id = v.dispatch_id
  WHERE i.id = ANY (instruction_ids) AND e.dispatch_id = d.id AND e.recorded_at = now() AND e.happened_at = now();
END
$function$;
COMMENT ON FUNCTION date_dispatch_events(bigint[]) IS 'dates the events of dispatches of instructions that this transaction wrote: start and end of a window by the window, others by the step of the instruction';
REVOKE ALL ON FUNCTION date_dispatch_events(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION run_dispatches(instruction_ids bigint[], at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  UPDATE dispatch d SET status = 'executing' FROM instruction_interval v JOIN instruction i ON i.id = v.instruction_id AND i.version = v.version
  WHERE v.instruction_id = ANY (instruction_ids) AND d.id = v.dispatch_id AND d.status IN ('instructed', 'acknowledged') AND lower(d.delivery_window) <= at;
  UPDATE dispatch d SET status = CASE WHEN i.stop_at = upper(d.delivery_window) THEN 'stopped' ELSE 'completed' END FROM instruction_interval v JOIN instruction i ON i.id = v.instruction_id AND i.version = v.version
  WHERE v.instruction_id = ANY (instruction_ids) AND d.id = v.dispatch_id AND d.status = 'executing' AND upper(d.delivery_window) <= at;
  PERFORM date_dispatch_events(instruction_ids);
END
$function$;
COMMENT ON FUNCTION run_dispatches(bigint[], timestamptz) IS 'starts and completes the dispatches of instructions as the clock has them at an instant';
REVOKE ALL ON FUNCTION run_dispatches(bigint[], timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION advance_instructions(at timestamptz DEFAULT now()) RETURNS TABLE (instruction_id bigint, status text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  locked bigint[];
  before jsonb;
  moved bigint[];
BEGIN
  IF NOT operates_exchange() THEN
    RAISE EXCEPTION 'advance_instructions() is for the operator of the exchange' USING ERRCODE = 'insufficient_privilege', HINT = 'Instructions follow the clock by themselves when it runs, for example every few seconds.';
  END IF;
  -- one that is being answered or stopped comes next time, and the others do not wait for it
  SELECT array_agg(x.id), jsonb_object_agg(x.id, x.status) INTO locked, before FROM (
    SELECT i.id, i.status FROM instruction i
    WHERE i.status IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') AND i.due_at <= at ORDER BY i.id FOR NO KEY UPDATE SKIP LOCKED) x;
  IF locked IS NULL THEN
    RETURN;
  END IF;

  -- silence
  WITH silent AS (
    UPDATE instruction i SET status = CASE t.silence WHEN 'acceptance' THEN 'acknowledged' ELSE 'lapsed' END,
      reason = format('no answer by %s', i.acknowledge_by), stepped_at = i.acknowledge_by, acknowledged_at = CASE t.silence WHEN 'acceptance' THEN i.acknowledge_by END, made_by = session_role()
    FROM dispatch_terms t WHERE t.id = i.dispatch_terms_id AND i.id = ANY (locked) AND i.status IN ('issued', 'delivered') AND at > i.acknowledge_by
    RETURNING i.id)
  SELECT array_agg(s.id) INTO moved FROM silent s;
  UPDATE dispatch d SET status = i.status FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version
  WHERE i.id = ANY (moved) AND d.id = v.dispatch_id AND d.status IN ('instructed', 'held');
  -- not confirmed
  WITH unconfirmed AS (
    UPDATE instruction i SET status = 'lapsed', reason = format('not confirmed by its start %s', i.starts_at), stepped_at = i.starts_at, made_by = session_role()
    WHERE i.id = ANY (locked) AND i.status IN ('issued', 'delivered', 'acknowledged') AND NOT i.self_dispatched AND i.confirmed_at IS NULL AND at > i.starts_at
    RETURNING i.id)
  SELECT array_agg(s.id) INTO moved FROM unconfirmed s;
  UPDATE dispatch d SET status = 'lapsed' FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version
  WHERE i.id = ANY (moved) AND d.id = v.dispatch_id AND d.status IN ('instructed', 'acknowledged');
  -- held until it was over
  WITH forgotten AS (
    UPDATE instruction i SET status = 'lapsed', reason = 'held until its end', stepped_at = i.ends_at, made_by = session_role()
    WHERE i.id = ANY (locked) AND i.status = 'held' AND at >= i.ends_at RETURNING i.id)
  SELECT array_agg(s.id) INTO moved FROM forgotten s;
  UPDATE dispatch d SET status = 'lapsed' FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version
  WHERE i.id = ANY (moved) AND d.id = v.dispatch_id AND d.status IN ('instructed', 'held');
  PERFORM date_dispatch_events(locked);
  -- begun
  UPDATE instruction i SET status = 'executing', reason = NULL, stepped_at = greatest(i.starts_at, i.acknowledged_at, i.confirmed_at), made_by = session_role()
  WHERE i.id = ANY (locked) AND (i.status IN ('acknowledged', 'confirmed') OR i.status IN ('issued', 'delivered') AND i.acknowledge_by IS NULL)
    AND (i.self_dispatched OR i.confirmed_at IS NOT NULL) AND i.starts_at <= at;
  SELECT array_agg(i.id) INTO moved FROM instruction i WHERE i.id = ANY (locked) AND i.status = 'executing';
  PERFORM run_dispatches(moved, at);
  -- over
  UPDATE instruction i SET status = CASE WHEN i.stop_at IS NULL THEN 'completed' ELSE 'stopped' END, stepped_at = i.ends_at, made_by = session_role(),
    reason = CASE WHEN i.stop_at IS NOT NULL THEN i.reason END
  WHERE i.id = ANY (locked) AND i.status = 'executing' AND i.ends_at <= at;

  RETURN QUERY SELECT i.id, i.status FROM instruction i WHERE i.id = ANY (locked) AND i.status <> before ->> i.id::text ORDER BY i.id;
END
$function$;
COMMENT ON FUNCTION advance_instructions(timestamptz) IS
  'takes every instruction to the status that time brings: lapsed or accepted where no answer came, lapsed where it was not confirmed, executing, completed, stopped; returns what it took; to be run every few seconds, catches up after an outage as of when things were due, and passes over what is being answered just now; error 42501; SECURITY DEFINER because nobody writes instructions themselves, and the caller is checked';
REVOKE ALL ON FUNCTION advance_instructions(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION advance_instructions(timestamptz) TO flexexchange_operator;

-- ------------------------------------------------------------------ why, for whoever may know

CREATE OR REPLACE FUNCTION explain_instruction(instruction_id bigint)
RETURNS TABLE (version integer, code text, reason text, alternatives jsonb, follows_merit_order boolean, deviation text, ruleset text, findings jsonb, dispatches jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  asked instruction;
  reader text;
BEGIN
  SELECT i.* INTO asked FROM instruction i WHERE i.id = explain_instruction.instruction_id;
  reader := CASE WHEN asked.id IS NULL THEN NULL WHEN acts_for_exchange() THEN 'exchange' WHEN asked.market_operator_id = me THEN 'buyer' WHEN asked.service_provider_id = me THEN 'provider'
                 -- another whose unit could have been called, or with whom it is in conflict
                 WHEN EXISTS (SELECT FROM instruction_rationale r CROSS JOIN jsonb_array_elements(r.alternatives) a
                              WHERE r.instruction_id = asked.id AND ((a ->> 'unit_id')::bigint IN (SELECT own_asset_ids()) OR (a ->> 'unit_id')::bigint IN (SELECT own_portfolio_ids()))) THEN 'other'
                 WHEN EXISTS (SELECT FROM instruction_interval v JOIN commitment c ON c.source_id = v.dispatch_id AND c.stage = 'dispatch' JOIN conflict k ON c.id IN (k.challenger_id, k.incumbent_id)
                              JOIN commitment o ON o.id IN (k.challenger_id, k.incumbent_id) AND o.id <> c.id
                              WHERE v.instruction_id = asked.id AND me IN (o.market_operator_id, o.service_provider_id)) THEN 'other' END;
  IF reader IS NULL THEN
    RAISE EXCEPTION 'there is no instruction % that you may ask about', coalesce(explain_instruction.instruction_id::text, 'NULL')
      USING ERRCODE = 'MX420', HINT = 'Buyer, provider, those whom it conflicts with and those who could have been called may ask.';
  END IF;
  RETURN QUERY
    SELECT r.version, r.code, CASE WHEN reader <> 'other' THEN r.reason END,
           CASE WHEN reader IN ('exchange', 'buyer') THEN r.alternatives
                ELSE coalesce((SELECT jsonb_agg(jsonb_strip_nulls(
                       CASE WHEN rules.share_identity THEN jsonb_build_object('unit_id', a.v -> 'unit_id') ELSE '{}' END
                       || CASE WHEN rules.share_price THEN jsonb_build_object('price', a.v -> 'price') ELSE '{}' END
                       || jsonb_build_object('power_kw', a.v -> 'power_kw', 'because', CASE WHEN reader = 'provider' THEN a.v -> 'because' END)) ORDER BY a.n)
                     FROM jsonb_array_elements(r.alternatives) WITH ORDINALITY AS a (v, n)
                     -- of the others another learns what is its own
                     WHERE reader = 'provider' OR (a.v ->> 'unit_id')::bigint IN (SELECT own_asset_ids()) OR (a.v ->> 'unit_id')::bigint IN (SELECT own_portfolio_ids())), '[]') END,
           r.follows_merit_order, CASE WHEN reader IN ('exchange', 'buyer') THEN r.deviation END, rules.code,
           CASE WHEN reader = 'buyer' THEN r.findings
                ELSE coalesce((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', f.kind, 'severity', f.severity, 'action', f.action, 'start', lower(f.overlap), 'end', upper(f.overlap),
                                                                                     'short_kw', f.short_kw, 'message', f.message, 'rationale', f.rationale)) ORDER BY f.conflict_id)
                               FROM instruction_interval v CROSS JOIN LATERAL findings_on_trade('dispatch', v.dispatch_id, CASE WHEN reader <> 'exchange' THEN me END) f
                               WHERE v.instruction_id = asked.id AND v.version = r.version AND f.conflict_id = ANY (r.conflict_ids)
                                 AND (reader <> 'other' OR EXISTS (SELECT FROM conflict k JOIN commitment o ON o.id IN (k.challenger_id, k.incumbent_id)
                                                                   WHERE k.id = f.conflict_id AND me IN (o.market_operator_id, o.service_provider_id)))), '[]') END,
           coalesce((SELECT jsonb_agg(commitment_content(c, reader <> 'other', rules) ORDER BY c.id)
                     FROM instruction_interval v JOIN commitment c ON c.source_id = v.dispatch_id AND c.stage = 'dispatch'
                     WHERE v.instruction_id = asked.id AND v.version = r.version
                       AND c.id = (SELECT max(x.id) FROM commitment x WHERE x.source_id = c.source_id AND x.stage = 'dispatch')), '[]')
    FROM instruction_rationale r LEFT JOIN ruleset rules ON rules.id = r.ruleset_id
    WHERE r.instruction_id = asked.id ORDER BY r.version;
END
$function$;
COMMENT ON FUNCTION explain_instruction(bigint) IS
  'why a unit was instructed, at each version: all of it for operator, regulator and (but for other buyers'' names) the buyer; for its provider without who the others are and what they cost, unless the ruleset shares that; for whoever could have been called or conflicts with it service, window, kW and what the ruleset shares; error MX420; SECURITY DEFINER because it reads conflicts and tells what the ruleset shares';
REVOKE ALL ON FUNCTION explain_instruction(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_instruction(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
