-- archetype: thick
-- The life of an instruction: the provider's answers, the buyer's changes of mind, and what time does; and why it was given.
--
-- Each function locks the instruction, looks at its status under the lock, and does what is asked or says why it cannot.

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
  PERFORM acting_at(at);
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
COMMENT ON FUNCTION read_back_differs(instruction, jsonb) IS 'true when an array of intervals (start, end, set_point, set_point_kw) is not what was instructed; errors of class 22 for what is no array, no instant or no number';
REVOKE ALL ON FUNCTION read_back_differs(instruction, jsonb) FROM PUBLIC;

-- Of what is recorded late the order is known by its hours: nothing befalls a version before it took the place of another.
CREATE OR REPLACE FUNCTION check_message_order(locked instruction, at timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  given_at timestamptz;
BEGIN
  IF locked.version > 1 THEN
    given_at := (SELECT s.happened_at FROM instruction_step s WHERE s.instruction_id = locked.id AND s.version = locked.version ORDER BY s.id LIMIT 1);
    IF at < given_at THEN
      RAISE EXCEPTION 'instruction % stands in version %, given at %, and it is %', locked.id, locked.version, given_at, at
        USING ERRCODE = 'MX421', HINT = format('What came before that was of version %s: record what happened in its order.', locked.version - 1);
    END IF;
  END IF;
END
$function$;
COMMENT ON FUNCTION check_message_order(instruction, timestamptz) IS 'refuses what is to happen to an instruction before the amendment that stands; error MX421';
REVOKE ALL ON FUNCTION check_message_order(instruction, timestamptz) FROM PUBLIC;

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
  PERFORM check_message_order(locked, at);
  IF at > locked.acknowledge_by OR at < locked.instructed_at THEN
    RAISE EXCEPTION 'instruction % was to be answered by %, and it is %', locked.id, coalesce(locked.acknowledge_by, locked.instructed_at), at
      USING ERRCODE = 'MX424', HINT = 'Terms of dispatch say how long an answer may take.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_answer_in_time(instruction, integer, timestamptz, text) IS 'refuses an answer to what does not wait for one (MX422), to another version (MX423), and one that comes before an amendment (MX421) or too late (MX424)';
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
  -- one that was called out of several availabilities is one
  SELECT count(DISTINCT (v.direction, v.power_kw)) * cardinality(window_union(v.delivery_window)) AS many, max(v.power_kw) AS power_kw INTO asked FROM instruction_interval v WHERE v.instruction_id = locked.id AND v.version = locked.version AND v.dispatch_id IS NOT NULL;
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
  differs boolean;
BEGIN
  PERFORM acting_at(at);
  known := earlier_answer(locked.service_provider_id, message_id, 'acknowledge', jsonb_build_array(instruction_id, version, read_back, accepted_start, accepted_end, accepted_kw));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  PERFORM check_answer_in_time(locked, version, at, 'acknowledged');
  IF read_back IS NULL AND (SELECT t.needs_read_back FROM dispatch_terms t WHERE t.id = locked.dispatch_terms_id) THEN
    RAISE EXCEPTION 'acknowledge_instruction.read_back is missing'
      USING ERRCODE = 'MX423', HINT = 'Repeat the intervals as they were understood: start, end, set_point, set_point_kw.';
  END IF;
  IF read_back IS NOT NULL THEN
    BEGIN
      differs := read_back_differs(locked, read_back);
    EXCEPTION WHEN data_exception THEN
      differs := true;
    END;
    -- an error would take back with it that it was misunderstood
    INSERT INTO instruction_read_back (instruction_id, version, said, differs, happened_at) VALUES (locked.id, locked.version, read_back, differs, at);
    IF differs THEN
      RETURN keep_answer(known.message, '"differs"') #>> '{}';
    END IF;
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
  'the provider acknowledges an instruction in the version that it read, repeats it (an array of intervals with start, end, set_point, set_point_kw), and accepts it, where its terms let it with a later start, an earlier end or less power (kW); gives acknowledged, or differs where what is repeated is not what was instructed: that is kept, and the instruction waits for an answer as before; errors MX420, MX421, MX422, MX423, MX424, MX425, MX426; SECURITY DEFINER because it changes what the buyer instructed, and the provider is checked';
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
  PERFORM acting_at(at);
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
  'the provider refuses an instruction in the version that it read, with a reason, in the time that it has to answer; what was delivered before an amendment stays; errors MX420, MX421, MX422, MX423, MX424, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the provider is checked';
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
  PERFORM acting_at(at);
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
  PERFORM check_message_order(locked, at);
  UPDATE instruction i SET status = report_dispatch_status.status, reason = report_dispatch_status.reason, stepped_at = at, made_by = session_role() WHERE i.id = locked.id AND i.status <> report_dispatch_status.status;
  -- kept, though the clock may have been there first
  UPDATE instruction i SET reported_at = at WHERE i.id = locked.id AND status = 'executing' AND i.reported_at IS NULL;
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
  'the provider says that an instruction is executing, from its start on, or failed, with a reason; what failed was to be delivered and stays in the book; errors MX420, MX421, MX422, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the provider is checked';
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
  PERFORM acting_at(at);
  known := earlier_answer(locked.market_operator_id, message_id, 'confirm', jsonb_build_array(instruction_id));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.self_dispatched OR locked.status <> 'acknowledged' AND NOT (locked.status IN ('issued', 'delivered') AND locked.acknowledge_by IS NULL) THEN
    PERFORM wrong_instruction_status(locked, 'confirmed');
  END IF;
  PERFORM check_message_order(locked, at);
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
  'the buyer confirms an instruction that was for information until then, not later than its start; errors MX420, MX421, MX422, MX424, MX426; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION confirm_instruction(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION confirm_instruction(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- Whether it is to be delivered as it stands: answered, where an answer is waited for, and confirmed, where it has to be.
CREATE OR REPLACE FUNCTION instruction_obliges(of_instruction instruction) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT (of_instruction.status IN ('acknowledged', 'confirmed', 'executing') OR of_instruction.status IN ('issued', 'delivered') AND of_instruction.acknowledge_by IS NULL)
     AND (of_instruction.self_dispatched OR of_instruction.confirmed_at IS NOT NULL)
$function$;
COMMENT ON FUNCTION instruction_obliges(instruction) IS 'true of an instruction that is to be delivered as it stands: answered, where an answer is waited for, and confirmed, where that is needed';
REVOKE ALL ON FUNCTION instruction_obliges(instruction) FROM PUBLIC;

-- The clock may not have been followed yet when something else happens to it.
CREATE OR REPLACE FUNCTION begin_instruction(locked instruction, at timestamptz) RETURNS instruction
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF instruction_obliges(locked) AND locked.status <> 'executing' AND locked.starts_at < at THEN
    UPDATE instruction i SET status = 'executing', reason = NULL, stepped_at = greatest(i.starts_at, i.acknowledged_at, i.confirmed_at), made_by = session_role() WHERE i.id = locked.id RETURNING i.* INTO locked;
    PERFORM run_dispatches(ARRAY[locked.id], at);
  END IF;
  RETURN locked;
END
$function$;
COMMENT ON FUNCTION begin_instruction(instruction, timestamptz) IS 'takes an instruction that has begun by an instant to executing, and gives it as it is then';
REVOKE ALL ON FUNCTION begin_instruction(instruction, timestamptz) FROM PUBLIC;

-- Ends what is instructed at an instant: what was delivered until then stays, what comes after does not.
CREATE OR REPLACE FUNCTION end_dispatches(locked instruction, ends timestamptz, at timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  obliged CONSTANT boolean := instruction_obliges(locked);
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
  PERFORM acting_at(at);
  known := earlier_answer(locked.market_operator_id, message_id, 'stop', jsonb_build_array(instruction_id, reason, ends_at));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') OR ends > locked.ends_at OR ends < at OR NOT isfinite(ends) THEN
    PERFORM wrong_instruction_status(locked, format('stopped at %s', ends));
  END IF;
  PERFORM check_message_order(locked, at);
  locked := begin_instruction(locked, at);
  IF end_dispatches(locked, ends, at) THEN
    -- a stop ahead is taken when its time comes
    reached := CASE WHEN ends <= at OR NOT instruction_obliges(locked) THEN 'stopped' ELSE locked.status END;
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
  'the buyer stops what it instructed, or ceases what has no end, now or at a later instant before its end; what was delivered until then stays, and nothing holds a stop up; what had not begun is cancelled; gives the status; errors MX420, MX421, MX422, MX426; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
REVOKE ALL ON FUNCTION stop_instruction(bigint, text, timestamptz, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stop_instruction(bigint, text, timestamptz, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- An emergency stop is of a service, in a zone.
CREATE OR REPLACE FUNCTION stop_instructions(product_id bigint, reason text, grid_node_id bigint DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS TABLE (instruction_id bigint, unit_id bigint, status text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  -- in the order of ids, so that two who stop at once take turns; by row-level security they are those that the caller gave
  FOR instruction_id, unit_id IN
    SELECT i.id, i.unit_id FROM instruction i
    WHERE i.product_id = stop_instructions.product_id AND i.status IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') AND i.ends_at > at
      AND (stop_instructions.grid_node_id IS NULL OR EXISTS (
            SELECT FROM grid_nodes_below(stop_instructions.grid_node_id, time_window(at, at + interval '1 microsecond')) b
            WHERE b.grid_node_id IN (SELECT a.grid_node_id FROM asset a WHERE a.id = i.asset_id
                                     UNION ALL SELECT f.grid_node_id FROM portfolio f WHERE f.id = i.portfolio_id
                                     UNION ALL SELECT a.grid_node_id FROM portfolio_member m JOIN asset a ON a.id = m.asset_id WHERE m.portfolio_id = i.portfolio_id AND m.valid @> at)))
    ORDER BY i.id LOOP
    status := stop_instruction(instruction_id, stop_instructions.reason, at => stop_instructions.at);
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION stop_instructions(bigint, text, bigint, timestamptz) IS
  'stops all that is instructed under a product and not over, where a place is named what has a unit or a member of it there or below; gives what each became; errors as for stop_instruction()';
REVOKE ALL ON FUNCTION stop_instructions(bigint, text, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stop_instructions(bigint, text, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

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
  PERFORM acting_at(at);
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it is cancelled: the provider is told.');
  known := earlier_answer(locked.market_operator_id, message_id, 'cancel', jsonb_build_array(instruction_id, reason));
  IF known.answer IS NOT NULL THEN
    RETURN known.answer #>> '{}';
  END IF;
  IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held') OR at >= locked.ends_at THEN
    PERFORM wrong_instruction_status(locked, 'cancelled');
  END IF;
  PERFORM check_message_order(locked, at);
  locked := begin_instruction(locked, at);
  PERFORM end_dispatches(locked, at, at);
  UPDATE instruction i SET status = 'cancelled', reason = cancel_instruction.reason, stepped_at = at, stop_at = CASE WHEN at > i.starts_at THEN at END, ends_at = CASE WHEN at > i.starts_at THEN at ELSE i.ends_at END, made_by = session_role()
  WHERE i.id = locked.id;
  PERFORM date_dispatch_events(ARRAY[locked.id]);
  RETURN keep_answer(known.message, '"cancelled"') #>> '{}';
END
$function$;
COMMENT ON FUNCTION cancel_instruction(bigint, text, text, timestamptz) IS
  'the buyer takes an instruction back, before or during delivery, with a reason; what was delivered until then stays; errors MX420, MX421, MX422, MX426, 23514; SECURITY DEFINER because nobody writes instructions themselves, and the buyer is checked';
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
  sold market;
  starts timestamptz;
  ends timestamptz;
  content jsonb;
  known_conflict bigint;
  verdicts jsonb;
  answer jsonb;
BEGIN
  PERFORM acting_at(at);
  PERFORM check_message_keys(message, 'message', ARRAY['message_id', 'start', 'end', 'duration', 'open_ended', 'set_point', 'set_point_kw', 'reference_kw', 'intervals', 'award_id', 'availability_id', 'utilisation_price_per_mwh', 'rationale']);
  known := earlier_answer(locked.market_operator_id, message ->> 'message_id', 'amend', jsonb_build_array(locked.id, message));
  IF known.answer IS NULL THEN
    IF locked.status NOT IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing') OR at >= locked.ends_at THEN
      PERFORM wrong_instruction_status(locked, 'amended');
    END IF;
    PERFORM check_message_order(locked, at);
    -- a start that is left out is that of the instruction
    content := CASE WHEN message ? 'start' OR message #> '{intervals,0}' ? 'start' THEN message ELSE message || jsonb_build_object('start', locked.starts_at) END;
    SELECT greatest(min(lower(v.delivery_window)), at), max(upper(v.delivery_window)) INTO starts, ends FROM message_intervals(content, at) v;
    IF ends <= at THEN
      RAISE EXCEPTION 'message ends at %, and it is %', ends, at
        USING ERRCODE = 'MX421', HINT = 'An amendment is of what is still to come; stop_instruction() ends it.';
    END IF;
    SELECT t.* INTO terms FROM dispatch_terms t WHERE t.id = locked.dispatch_terms_id;
    SELECT m.* INTO sold FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = locked.product_id;
    PERFORM check_instruction_times(terms, sold, starts, ends, at, starts > at, true);
    -- what was delivered stays, and what was to come is superseded
    locked := begin_instruction(locked, at);
    IF instruction_obliges(locked) THEN
      PERFORM run_dispatches(ARRAY[locked.id], at);
      PERFORM move_dispatches(locked, 'stopped', at, '{instructed,acknowledged,executing}', true);
    END IF;
    PERFORM move_dispatches(locked, 'superseded', at, '{instructed,acknowledged,executing}');

    UPDATE instruction i SET version = locked.version + 1, status = 'issued', reason = format('amended, version %s', locked.version + 1), stepped_at = at, made_by = session_role(),
      starts_at = starts, ends_at = ends, open_ended = ends = 'infinity', acknowledge_by = at + terms.acknowledge_within, comply_by = NULL,
      accepted_start = NULL, accepted_end = NULL, accepted_kw = NULL, acknowledged_at = NULL, confirmed_at = NULL, stop_at = NULL, reported_at = NULL
    WHERE i.id = locked.id RETURNING i.* INTO locked;
    known_conflict := (SELECT coalesce(max(k.id), 0) FROM conflict k);
    PERFORM write_dispatches(locked, content, at);
    verdicts := record_rationale(locked, message -> 'rationale', ARRAY[locked.unit_id], known_conflict);
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
      -- what lapsed before that for want of a confirmation
      AND (i.self_dispatched OR i.confirmed_at IS NOT NULL OR i.acknowledge_by <= i.starts_at)
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
  WHERE i.id = ANY (locked) AND i.status <> 'executing' AND instruction_obliges(i) AND i.starts_at <= at;
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

-- What is open, who has to act next, and by when.
CREATE OR REPLACE VIEW live_instruction WITH (security_invoker = true) AS
  SELECT i.id AS instruction_id, i.product_id, i.unit_id, i.status, i.version,
         CASE WHEN i.status = 'held' THEN 'rules'
              WHEN i.status IN ('issued', 'delivered') AND i.acknowledge_by IS NOT NULL THEN 'answer'
              WHEN NOT i.self_dispatched AND i.confirmed_at IS NULL THEN 'confirmation'
              WHEN i.starts_at > now() THEN 'start'
              WHEN i.ends_at = 'infinity' THEN 'stop'
              ELSE 'end' END AS waits_for,
         CASE WHEN i.status = 'held' THEN i.ends_at
              WHEN i.status IN ('issued', 'delivered') AND i.acknowledge_by IS NOT NULL THEN i.acknowledge_by
              WHEN NOT i.self_dispatched AND i.confirmed_at IS NULL OR i.starts_at > now() THEN i.starts_at
              ELSE nullif(i.ends_at, 'infinity') END AS until,
         i.starts_at, i.ends_at, i.emergency, i.told_step_id = i.step_id AS provider_knows
  FROM instruction i
  WHERE i.status IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing', 'held');
COMMENT ON VIEW live_instruction IS 'the instructions that are not over, what each waits for, and until when, for their buyers and providers';
COMMENT ON COLUMN live_instruction.instruction_id IS 'the instruction';
COMMENT ON COLUMN live_instruction.product_id IS 'the product that is dispatched';
COMMENT ON COLUMN live_instruction.unit_id IS 'the asset or portfolio';
COMMENT ON COLUMN live_instruction.status IS 'its status, as far as it was taken';
COMMENT ON COLUMN live_instruction.version IS '1, and one more with each amendment';
COMMENT ON COLUMN live_instruction.waits_for IS 'answer (of the provider), confirmation (of the buyer), start, end, stop (it has no end) or rules (it is held)';
COMMENT ON COLUMN live_instruction.until IS 'until when: past, and advance_instructions() has not come to it yet; NULL: there is no such time';
COMMENT ON COLUMN live_instruction.starts_at IS 'when delivery starts';
COMMENT ON COLUMN live_instruction.ends_at IS 'when delivery ends, or infinity';
COMMENT ON COLUMN live_instruction.emergency IS 'true when it is one';
COMMENT ON COLUMN live_instruction.provider_knows IS 'true when the provider has fetched its last step';
GRANT SELECT ON live_instruction TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION overdue_instructions(at timestamptz DEFAULT now()) RETURNS TABLE (instruction_id bigint, product_id bigint, unit_id bigint, service_provider_id bigint, status text, comply_by timestamptz, because text[])
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT i.id, i.product_id, i.unit_id, i.service_provider_id, i.status, i.comply_by, w.because
  FROM instruction i
  CROSS JOIN LATERAL (SELECT unit_state(i.unit_id, i.product_id, overdue_instructions.at) AS state) u
  CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
    CASE WHEN i.status IN ('issued', 'delivered') AND i.acknowledge_by IS NOT NULL THEN 'not_answered' WHEN NOT i.self_dispatched AND i.confirmed_at IS NULL THEN 'not_confirmed'
         WHEN i.reported_at IS NULL OR i.reported_at > overdue_instructions.at THEN 'not_reported' END,
    CASE WHEN u.state IN ('unavailable', 'stale') THEN u.state END,
    CASE WHEN EXISTS (SELECT FROM unavailability_notice n WHERE n.unit_id = i.unit_id AND n.ended_at IS NULL AND n.during @> overdue_instructions.at) THEN 'notice_of_unavailability' END], NULL) AS because) w
  WHERE i.status IN ('issued', 'delivered', 'acknowledged', 'confirmed', 'executing') AND i.comply_by IS NOT NULL AND i.comply_by <= overdue_instructions.at AND i.ends_at > overdue_instructions.at AND w.because <> '{}'
  ORDER BY i.comply_by, i.id
$function$;
COMMENT ON FUNCTION overdue_instructions(timestamptz) IS
  'the instructions whose delivery was to be reached by an instant, that are not over by then, and of which it is not known that it was: not_answered, not_confirmed, not_reported (its provider has not said that it executes), unavailable or stale (by its heartbeat), notice_of_unavailability; as they stand now; of what the caller may read';
REVOKE ALL ON FUNCTION overdue_instructions(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION overdue_instructions(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

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
