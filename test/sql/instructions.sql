-- Instructions: from the buyer's message to the end of delivery, and what each party may know.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('instr_test');
SET search_path = instr_test, flexexchange;
CREATE ROLE instr_operator IN ROLE flexexchange_operator;
CREATE ROLE instr_regulator IN ROLE flexexchange_regulator;
CREATE ROLE instr_analyst IN ROLE flexexchange_analyst;
CREATE ROLE instr_dso IN ROLE flexexchange_participant;
CREATE ROLE instr_neso IN ROLE flexexchange_participant;
CREATE ROLE instr_volt IN ROLE flexexchange_participant;
CREATE ROLE instr_amp IN ROLE flexexchange_participant;
CREATE ROLE instr_watt IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}'), (5, 'Watt', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('instr_dso', 1), ('instr_neso', 2), ('instr_volt', 3), ('instr_amp', 4), ('instr_watt', 5);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 2, 'DC', 'Dynamic Containment', 'DC'), (3, 1, 'OU', 'Operational Utilisation', 'OUrt'), (4, 2, 'MWD', 'MW Dispatch', 'MWD');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT n, 'battery ' || n, 500, 500 FROM generate_series(11, 29) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT n, CASE WHEN n < 20 THEN 3 ELSE 4 END, '2020-01-01T00:00Z/infinity' FROM generate_series(11, 29) n;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (41, 'cars', 4);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid) VALUES (41, 28, 50, 50, '2020-01-01T00:00Z/infinity');
-- what an instruction is now: its intervals as they stand in the book
CREATE FUNCTION stands(instruction bigint) RETURNS TABLE (version integer, n integer, "window" time_window, kw text, status text, in_book boolean, replaces integer) LANGUAGE sql AS $$
  SELECT v.version, v.number, d.delivery_window, CASE d.direction WHEN 'down' THEN '-' ELSE '+' END || trim_scale(d.power_kw), d.status,
         EXISTS (SELECT FROM commitment c WHERE c.source_id = d.id AND c.stage = 'dispatch' AND c.closed_at IS NULL AND (c.delivery_window, c.power_kw) = (d.delivery_window, d.power_kw)),
         (SELECT o.number FROM instruction_interval o WHERE o.dispatch_id = d.supersedes_id)
  FROM instruction_interval v LEFT JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = instruction ORDER BY v.version, v.number $$;
CREATE FUNCTION steps(instruction bigint) RETURNS TABLE (version integer, status text, happened_at timestamptz, reason text) LANGUAGE sql AS $$
  SELECT s.version, s.status, s.happened_at, s.reason FROM instruction_step s WHERE s.instruction_id = instruction ORDER BY s.id $$;

-- ---------------------------------------------------------------- terms

SELECT code, acknowledge_within, silence, may_change, accepted_start_tolerance AS later_start, least_accepted_span AS span, least_accepted_kw AS kw, instruct_ahead AS ahead, comply_within AS comply, time_resolution AS steps, confirmed FROM dispatch_terms ORDER BY code COLLATE "C";
INSERT INTO dispatch_terms (code, name, acknowledge_within, silence, needs_read_back, needs_confirmation, confirmed, source) VALUES
  ('careful', 'Read back and confirmed', '10 minutes', 'lapse', true, true, true, 'test'), ('quiet', 'Silence is acceptance', '10 minutes', 'acceptance', false, false, true, 'test');
INSERT INTO dispatch_terms (code, name, may_change, least_accepted_share, confirmed, source) VALUES ('share', 'Half at least', true, 0.5, true, 'test');
SET ROLE instr_dso;
INSERT INTO product_dispatch_terms (product_id, dispatch_terms_id, valid) SELECT 1, id, CASE code WHEN 'uk-agreement' THEN '-infinity/2031-01-01T00:00Z' WHEN 'careful' THEN '2031-01-01T00:00Z/P1D' WHEN 'quiet' THEN '2031-01-02T00:00Z/P1D' WHEN 'flexible-power' THEN '2031-01-03T00:00Z/P1D' ELSE '2031-01-04T00:00Z/P1D' END::time_window
  FROM dispatch_terms WHERE code IN ('uk-agreement', 'careful', 'quiet', 'flexible-power', 'share');
INSERT INTO product_dispatch_terms (product_id, dispatch_terms_id) SELECT 1, min(id) FROM dispatch_terms;
INSERT INTO product_dispatch_terms (product_id, dispatch_terms_id) SELECT 2, min(id) FROM dispatch_terms;
UPDATE dispatch_terms SET acknowledge_within = '1 hour';
RESET ROLE;
UPDATE dispatch_terms SET acknowledge_within = '1 hour' WHERE code = 'quiet';
INSERT INTO dispatch_terms (code, name, least_accepted_kw, confirmed, source) VALUES ('x', 'x', 100, true, 'x');
INSERT INTO dispatch_terms (code, name, may_change, least_accepted_share, confirmed, source) VALUES ('x', 'x', true, 1.5, true, 'x');
INSERT INTO dispatch_terms (code, name, silence, confirmed, source) VALUES ('x', 'x', 'refusal', true, 'x');
INSERT INTO product_dispatch_terms (product_id, dispatch_terms_id) SELECT 4, id FROM dispatch_terms WHERE code = 'mw-dispatch-ukpn';

-- ---------------------------------------------------------------- intervals

SELECT number AS n, delivery_window, set_point, direction, power_kw FROM message_intervals('{"start": "2030-01-07T17:00Z", "duration": "PT1H", "intervals": [{"set_point": "absolute", "set_point_kw": 10, "reference_kw": 2}, {"set_point_kw": -5}, {"set_point": "absolute", "set_point_kw": 10, "reference_kw": 12}]}', '2030-01-07T16:00Z');
-- three intervals of an hour last three hours; of two the second of which has two hours of its own, three as well
SELECT count(*), max(upper(delivery_window)) - min(lower(delivery_window)) AS lasts FROM message_intervals('{"start": "2030-01-07T17:00Z", "duration": "PT1H", "intervals": [{"set_point_kw": 10}, {"set_point_kw": -5}, {"set_point_kw": 10}]}', '2030-01-07T16:00Z');
SELECT count(*), max(upper(delivery_window)) - min(lower(delivery_window)) AS lasts FROM message_intervals('{"start": "2030-01-07T17:00Z", "duration": "PT1H", "intervals": [{"set_point_kw": 10}, {"set_point_kw": -5, "duration": "PT2H"}]}', '2030-01-07T16:00Z');
SELECT delivery_window, direction, power_kw FROM message_intervals('{"start": "0000-00-00", "duration": "P9999Y", "set_point": "absolute", "set_point_kw": -4, "reference_kw": 3}', '2030-01-07T16:00:07Z');
SELECT delivery_window, direction, power_kw FROM message_intervals('{"intervals": [{"set_point_kw": 0, "duration": "PT10M"}, {"start": "2030-01-07T17:00Z", "set_point_kw": 1}], "open_ended": true}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"set_point_kw": 1}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"duration": "PT1H"}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"duration": "PT1H", "set_point_kw": "NaN"}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"duration": "PT1H", "set_point": "absolute", "set_point_kw": 1}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"duration": "PT1H", "end": "2030-01-07T17:00Z", "set_point_kw": 1}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"end": "2030-01-07T16:00Z", "set_point_kw": 1}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"intervals": [{"duration": "P9999Y", "set_point_kw": 1}, {"duration": "PT1H", "set_point_kw": 1}]}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"intervals": [{"duration": "PT1H", "set_point_kw": 1}, {"start": "2030-01-07T16:30Z", "duration": "PT1H", "set_point_kw": 1}]}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"intervals": [{"duration": "PT1H", "power_kw": 1}]}', '2030-01-07T16:00Z');
SELECT * FROM message_intervals('{"intervals": {}}', '2030-01-07T16:00Z');

-- ---------------------------------------------------------------- a scheduled one, from end to end

SET ROLE instr_operator;
SELECT instruction_id, unit_id, status, cardinality(dispatch_ids) AS dispatches, findings FROM instruct('{"message_id": "DSOX-1", "product_id": 1, "unit_id": 11, "start": "2030-01-07T17:00Z", "duration": "PT1H", "purpose": "hold_limit",
  "intervals": [{"set_point": "absolute", "set_point_kw": 200, "reference_kw": -100}, {"set_point_kw": 0}, {"set_point_kw": -150, "duration": "PT2H"}], "rationale": {"code": "only_unit", "reason": "nobody else behind Mill Lane"}}', '2030-01-07T16:00Z');
SELECT i.kind, i.starts_at, i.ends_at, i.acknowledge_by, t.code FROM instruction i JOIN dispatch_terms t ON t.id = i.dispatch_terms_id WHERE i.id = 1;
SELECT * FROM stands(1);
-- the provider fetches it, and fetches it again
SELECT cursor > 0 AS cursor, instruction_id, status, content - 'mrid' - 'intervals' AS content FROM fetch_instructions(0, 3, '2030-01-07T16:01Z');
SELECT instruction_id, status FROM fetch_instructions(0, 3, '2030-01-07T16:02Z');
SELECT instruction_id, status FROM fetch_instructions((SELECT max(id) FROM instruction_step), 3, '2030-01-07T16:02Z');
SELECT instruction_id, status FROM fetch_instructions(0, 4, '2030-01-07T16:02Z');
-- what was understood otherwise
SELECT acknowledge_instruction(1, read_back => '[{"start": "2030-01-07T17:00Z", "end": "2030-01-07T18:00Z", "set_point": "absolute", "set_point_kw": 200}]', at => '2030-01-07T16:03Z');
SELECT acknowledge_instruction(1, read_back => '{}', at => '2030-01-07T16:03Z');
SELECT acknowledge_instruction(1, read_back => '[{"start": "five o''clock", "set_point_kw": "some"}]', message_id => 'VOLT-0', at => '2030-01-07T16:03Z');
SELECT acknowledge_instruction(1, read_back => '[{"start": "five o''clock", "set_point_kw": "some"}]', message_id => 'VOLT-0', at => '2030-01-07T16:04Z');
-- it is kept, once for each message, and nothing is acknowledged
SELECT status, acknowledged_at FROM instruction WHERE id = 1;
SELECT acknowledge_instruction(1, read_back => (SELECT content -> 'intervals' FROM fetch_instructions(0, 3, '2030-01-07T16:03Z')), message_id => 'VOLT-1', at => '2030-01-07T16:03Z');
SELECT version, said, differs, happened_at, made_by FROM instruction_read_back WHERE differs ORDER BY id;
SELECT count(*) AS understood FROM instruction_read_back WHERE NOT differs;
UPDATE instruction_read_back SET differs = false;
SELECT acknowledge_instruction(1, at => '2030-01-07T16:04Z');
SELECT instruction_id, status FROM advance_instructions('2030-01-07T16:45Z');
SELECT report_dispatch_status(1, 'executing', at => '2030-01-07T16:59Z');
SELECT report_dispatch_status(1, 'executing', at => '2030-01-07T17:00Z');
SELECT instruction_id, status FROM advance_instructions('2030-01-07T17:30Z');
SELECT instruction_id, status FROM advance_instructions('2030-01-07T19:30Z');
SELECT * FROM stands(1);
SELECT instruction_id, status FROM advance_instructions('2030-01-07T21:00Z');
SELECT instruction_id, status FROM advance_instructions('2030-01-07T21:00Z');
SELECT * FROM steps(1);
SELECT v.number, e.status, e.happened_at FROM dispatch_event e JOIN instruction_interval v USING (dispatch_id) ORDER BY e.id;
SELECT stop_instruction(1, at => '2030-01-07T21:30Z');
RESET ROLE;

-- ---------------------------------------------------------------- the same message again

CREATE FUNCTION su(unit bigint, minutes integer, message text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s %s %s', instruction_id, unit_id, status) FROM instruct(jsonb_strip_nulls(jsonb_build_object('message_id', message, 'product_id', 1, 'unit_id', unit, 'start', timestamptz '2030-02-01T17:00Z', 'duration', make_interval(mins => minutes),
    'set_point_kw', 300, 'rationale', '{"code": "cheapest"}'::jsonb)), '2030-02-01T16:00Z') $$;
SELECT su(12, 60, 'DSOX-2');
SELECT su(12, 60, 'DSOX-2');
SELECT su(12, 61, 'DSOX-2');
SELECT acknowledge_instruction(2, accepted_kw => 200, message_id => 'DSOX-2', at => '2030-02-01T16:10Z');
SELECT acknowledge_instruction(2, accepted_kw => 200, message_id => 'DSOX-2', at => '2030-02-01T16:40Z');
SELECT acknowledge_instruction(2, accepted_kw => 100, message_id => 'DSOX-2', at => '2030-02-01T16:10Z');
SELECT stop_instruction(2, 'no longer needed', message_id => 'DSOX-3', at => '2030-02-01T17:15Z'), stop_instruction(2, 'no longer needed', message_id => 'DSOX-3', at => '2030-02-01T17:30Z');
SELECT stop_instruction(2, message_id => 'DSOX-3', at => '2030-02-01T17:15Z');
SELECT sender_id, message_id, what, answer #>> '{}' <> '' AS answered FROM instruction_message ORDER BY id;
SELECT * FROM stands(2);
SELECT * FROM steps(2);

-- ---------------------------------------------------------------- boundaries of acceptance

-- start + 30 min is legal, + 31 is not; a span of 30 is, one of 29 is not; the power is as requested, not more; an answer at exactly 30 minutes is one
CREATE FUNCTION accepted(unit bigint, later integer DEFAULT 0, ends text DEFAULT NULL, kw numeric DEFAULT NULL, answered text DEFAULT '16:10', minutes integer DEFAULT 60) RETURNS text LANGUAGE plpgsql AS $$
DECLARE given bigint := split_part(su(unit, minutes), ' ', 1);
BEGIN
  PERFORM acknowledge_instruction(given, accepted_start => CASE WHEN later <> 0 THEN timestamptz '2030-02-01T17:00Z' + later * interval '1 minute' END, accepted_end => ('2030-02-01 ' || ends || 'Z')::timestamptz, accepted_kw => kw, at => ('2030-02-01 ' || answered || 'Z')::timestamptz);
  RETURN (SELECT format('%s %s', w."window", w.kw) FROM stands(given) w);
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || regexp_replace(SQLERRM, 'instruction \d+', '');
END $$;
SELECT accepted(13, 30), accepted(14, 31), accepted(14, -1);
SELECT accepted(14, 30, '18:00'), accepted(15, 30, '17:59'), accepted(15, 0, '18:01'), accepted(15, 0, '17:30');
SELECT accepted(16, kw => 300), accepted(17, kw => 300.001), accepted(17, kw => 100), accepted(18, kw => 99.9), accepted(18, kw => 0), accepted(18, kw => 'NaN');
SELECT accepted(21, answered => '16:30'), accepted(22, answered => '16:30:00.000001'), accepted(22, answered => '15:59');
-- a request that is shorter than the least span is accepted as it is
SELECT accepted(23, 0, '17:20', minutes => 20), accepted(24, 0, '17:19', minutes => 20);
-- a share; and terms, or no terms, that let nothing be changed
CREATE FUNCTION given(product bigint, unit bigint, starts timestamptz, more jsonb DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
  SELECT instruction_id FROM instruct(jsonb_build_object('product_id', product, 'unit_id', unit, 'start', starts, 'duration', 'PT1H', 'set_point_kw', 300, 'rationale', '{"code": "cheapest"}'::jsonb) || more, starts - interval '1 hour') $$;
SELECT acknowledge_instruction(given(1, 25, '2031-01-04T17:00Z'), accepted_kw => 149, at => '2031-01-04T16:10Z');
SELECT acknowledge_instruction(given(1, 25, '2031-01-04T17:00Z'), accepted_kw => 150, at => '2031-01-04T16:10Z');
SELECT acknowledge_instruction(given(3, 25, '2031-02-04T17:00Z'), accepted_kw => 150, at => '2031-02-04T16:10Z');
SELECT acknowledge_instruction(given(3, 25, '2031-02-05T17:00Z'), accepted_kw => 300, at => '2031-02-05T16:10Z');
-- several intervals: start and end cut them, and no one power is accepted of all
SELECT given(1, 26, '2030-03-01T17:00Z', '{"intervals": [{"set_point_kw": 10, "duration": "PT30M"}, {"set_point_kw": 20}, {"set_point_kw": 30}]}') AS several \gset
SELECT acknowledge_instruction(:several, accepted_kw => 10, at => '2030-03-01T16:10Z');
SELECT acknowledge_instruction(:several, accepted_start => '2030-03-01T17:30Z', accepted_end => '2030-03-01T18:15Z', at => '2030-03-01T16:10Z');
SELECT * FROM stands(:several);
-- refused, with a reason
SELECT given(1, 27, '2030-03-01T17:00Z') AS unwanted \gset
SELECT refuse_instruction(:unwanted, ' ', at => '2030-03-01T16:10Z');
SELECT refuse_instruction(:unwanted, 'inverter is out', 1, 'AMP-1', '2030-03-01T16:10Z'), refuse_instruction(:unwanted, 'inverter is out', 1, 'AMP-1', '2030-03-01T16:50Z');
SELECT acknowledge_instruction(:unwanted, at => '2030-03-01T16:10Z');
SELECT * FROM stands(:unwanted);

-- ---------------------------------------------------------------- silence, confirmation, notice

SELECT given(1, 11, '2030-04-01T17:00Z') AS silent, given(1, 11, '2031-01-01T17:00Z') AS unconfirmed, given(1, 12, '2031-01-01T17:00Z') AS confirmed, given(1, 13, '2031-01-01T17:00Z', '{"self_dispatched": true}') AS itself, given(1, 11, '2031-01-02T17:00Z') AS tacit \gset
SELECT acknowledge_instruction(:unconfirmed, at => '2031-01-01T16:05Z');
SELECT acknowledge_instruction(n, read_back => '[{"start": "2031-01-01T17:00Z", "end": "2031-01-01T18:00Z", "set_point_kw": 300}]', at => '2031-01-01T16:05Z') FROM unnest(ARRAY[:unconfirmed, :confirmed, :itself]) n;
SELECT confirm_instruction(:silent, at => '2030-04-01T16:10Z');
SELECT confirm_instruction(:confirmed, at => '2031-01-01T17:00:01Z');
SELECT confirm_instruction(:confirmed, at => '2031-01-01T17:00:00Z');
SELECT report_dispatch_status(:unconfirmed, 'executing', at => '2031-01-01T17:00Z');
-- all of it caught up with after an outage of a year
SELECT instruction_id = :silent AS silent, status FROM advance_instructions('2030-04-01T16:30Z') WHERE instruction_id = :silent;
SELECT CASE instruction_id WHEN :silent THEN 'silent' WHEN :unconfirmed THEN 'unconfirmed' WHEN :confirmed THEN 'confirmed' WHEN :itself THEN 'itself' WHEN :tacit THEN 'tacit' END AS which, status
  FROM advance_instructions('2031-06-01T00:00Z') WHERE instruction_id >= :silent ORDER BY 1;
SELECT * FROM steps(:silent);
SELECT * FROM steps(:unconfirmed);
SELECT * FROM steps(:confirmed);
SELECT * FROM steps(:tacit);
SELECT status, in_book FROM stands(:silent) UNION ALL SELECT status, in_book FROM stands(:unconfirmed) UNION ALL SELECT status, in_book FROM stands(:tacit);
-- notice, steps of a minute, and the past
SELECT 'given' AS late FROM instruct('{"product_id": 1, "unit_id": 11, "start": "2031-01-03T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-03T16:45:01Z');
SELECT 'given' AS late FROM instruct('{"product_id": 1, "unit_id": 11, "start": "2031-01-03T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-03T16:45:00Z');
SELECT status FROM instruct('{"product_id": 1, "unit_id": 12, "duration": "PT1H", "set_point_kw": 1, "emergency": true}', '2031-01-03T16:45:01Z');
SELECT 'given' AS late FROM instruct('{"product_id": 1, "unit_id": 11, "start": "2031-01-03T17:00:30Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-03T16:00:00Z');
SELECT 'given' AS late FROM instruct('{"product_id": 3, "unit_id": 11, "start": "2031-01-03T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-03T17:00:01Z');

-- a market whose gate for instructions closes at 14:00 of the day before
INSERT INTO market_gate (market_id, stage, closes_before, at_time) VALUES (2, 'instruction', '1 day', '14:00');
SELECT instruct('{"product_id": 2, "unit_id": 11, "start": "2031-01-10T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-09T14:00:01Z');
SELECT status FROM instruct('{"product_id": 2, "unit_id": 11, "start": "2031-01-10T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "test"}}', '2031-01-09T14:00Z');
DELETE FROM market_gate;

-- ---------------------------------------------------------------- open until it is ceased

SELECT instruction_id AS open_ended FROM instruct('{"product_id": 4, "unit_id": 14, "open_ended": true, "set_point": "absolute", "set_point_kw": 0, "reference_kw": 400, "rationale": {"code": "location"}}', '2031-07-01T10:00:07Z') \gset
SELECT kind, open_ended, ends_at, acknowledge_by, comply_by FROM instruction WHERE id = :open_ended;
SELECT instruction_to_stop(4, 14, '2031-07-01T10:00:30Z') = :open_ended AS matched;
SELECT instruction_to_stop(4, 15, '2031-07-01T10:00:30Z');
SELECT acknowledge_instruction(:open_ended, at => '2031-07-01T10:01:07Z');
SELECT status FROM advance_instructions('2031-07-01T10:01:07Z');
SELECT * FROM stands(:open_ended);
-- the clock says that it executes; by the time to comply its provider, or its unit, should
SELECT count(*) FROM overdue_instructions('2031-07-01T10:12:06Z');
SELECT instruction_id = :open_ended AS it, unit_id, status, comply_by, because FROM overdue_instructions('2031-07-01T10:12:07Z');
SELECT heartbeat(14, 'unavailable', 60, '2031-07-01T10:12:10Z');
SELECT unit_id, because FROM overdue_instructions('2031-07-01T10:12:20Z');
SELECT report_dispatch_status(:open_ended, 'executing', at => '2031-07-01T10:12:30Z'), report_dispatch_status(:open_ended, 'executing', at => '2031-07-01T10:12:40Z');
SELECT reported_at, status, stepped_at FROM instruction WHERE id = :open_ended;
SELECT unit_id, because FROM overdue_instructions('2031-07-01T10:12:40Z');
SELECT heartbeat(14, 'available', 60, '2031-07-01T10:13:00Z');
SELECT count(*) FROM overdue_instructions('2031-07-01T10:13:00Z');
SELECT withdrawn_id FROM give_unavailability_notice(14, '2031-07-01T10:13:00Z/2031-07-01T10:20:00Z', 'a fault', at => '2031-07-01T10:13:30Z');
SELECT unit_id, because FROM overdue_instructions('2031-07-01T10:14:00Z');
SELECT count(*) FROM overdue_instructions('2031-07-01T10:20:00Z');
-- its buyer and its provider ask too, each of what it may read; others have none
SET ROLE instr_dso;
SELECT because FROM overdue_instructions('2031-07-01T10:12:20Z');
SET ROLE instr_volt;
SELECT because FROM overdue_instructions('2031-07-01T10:12:20Z');
SET ROLE instr_neso;
SELECT because FROM overdue_instructions('2031-07-01T10:12:20Z');
SET ROLE instr_amp;
SELECT because FROM overdue_instructions('2031-07-01T10:12:20Z');
RESET ROLE;
-- it counts for ever against what the unit can do, until it ends
SELECT f ->> 'kind' AS kind, f ->> 'short_kw' AS short_kw, f ->> 'end' AS "end" FROM instruct('{"product_id": 4, "unit_id": 14, "start": "2040-01-01T10:00Z", "open_ended": true, "set_point_kw": -200, "rationale": {"code": "location"}}', '2031-07-01T10:05Z') i, jsonb_array_elements(i.findings) f ORDER BY 1;
SELECT instruction_to_stop(4, 14, '2040-07-01T10:00:30Z');
SELECT stop_instruction(:open_ended, ends_at => '2031-07-01T12:00Z', at => '2031-07-01T11:30Z');
SELECT * FROM stands(:open_ended);
SELECT status FROM advance_instructions('2031-07-01T11:59Z');
SELECT status FROM advance_instructions('2031-07-01T12:00Z');
SELECT * FROM stands(:open_ended);
SELECT * FROM steps(:open_ended);
-- stopped before it began, or before anybody answered: nothing was to be delivered
SELECT given(1, 15, '2030-05-01T17:00Z') AS early, given(3, 16, '2030-05-01T17:00Z') AS unanswered, given(1, 17, '2030-05-01T17:00Z') AS silent \gset
SELECT acknowledge_instruction(:early, at => '2030-05-01T16:10Z'), stop_instruction(:early, at => '2030-05-01T17:00Z'), stop_instruction(:unanswered, at => '2030-05-01T17:20Z'), stop_instruction(:silent, at => '2030-05-01T17:20Z');
SELECT * FROM stands(:early) UNION ALL SELECT * FROM stands(:unanswered) UNION ALL SELECT * FROM stands(:silent);

-- ---------------------------------------------------------------- a later one supersedes

SELECT given(1, 21, '2030-06-01T17:00Z', '{"intervals": [{"set_point_kw": 100}, {"set_point_kw": 200}, {"set_point_kw": 300}]}') AS course \gset
SELECT acknowledge_instruction(:course, at => '2030-06-01T16:10Z');
-- before delivery all of it is replaced
SELECT version, status, cardinality(dispatch_ids) AS dispatches FROM amend_instruction(:course, '{"message_id": "DSOX-9", "duration": "PT1H", "intervals": [{"set_point_kw": 150}, {"set_point_kw": 250}], "rationale": {"reason": "less load than forecast"}}', '2030-06-01T16:20Z');
SELECT version, status, cardinality(dispatch_ids) AS dispatches FROM amend_instruction(:course, '{"message_id": "DSOX-9", "duration": "PT1H", "intervals": [{"set_point_kw": 150}, {"set_point_kw": 250}], "rationale": {"reason": "less load than forecast"}}', '2030-06-01T16:25Z');
SELECT * FROM stands(:course);
-- it is to be read back anew, and as it says now
SELECT acknowledge_instruction(:course, at => '2030-06-01T16:30Z');
SELECT acknowledge_instruction(:course, 2, at => '2030-06-01T16:50Z');
SELECT status FROM advance_instructions('2030-06-01T17:10Z') WHERE instruction_id = :course;
-- during delivery: what was delivered stays; a start in the past is now
SELECT version, status FROM amend_instruction(:course, '{"end": "2030-06-01T19:30Z", "set_point_kw": 400, "rationale": {"reason": "more load than forecast"}}', '2030-06-01T17:40Z');
SELECT * FROM stands(:course);
SELECT acknowledge_instruction(:course, 3, at => '2030-06-01T17:45Z');
SELECT status FROM advance_instructions('2030-06-01T17:45Z') WHERE instruction_id = :course;
SELECT amend_instruction(:course, '{"end": "2030-06-01T17:30Z", "set_point_kw": 400, "rationale": {"reason": "x"}}', '2030-06-01T17:50Z');
SELECT amend_instruction(:course, '{"duration": "PT1H", "set_point_kw": 400}', '2030-06-01T17:50Z');
SELECT cancel_instruction(:course, 'the fault is repaired', at => '2030-06-01T18:00Z');
SELECT * FROM stands(:course);
SELECT * FROM steps(:course);
SELECT v.version, v.number, e.status, e.happened_at FROM dispatch_event e JOIN instruction_interval v USING (dispatch_id) WHERE v.instruction_id = :course ORDER BY e.dispatch_id, e.happened_at, e.id;
SELECT amend_instruction(:course, '{"duration": "PT1H", "set_point_kw": 400, "rationale": {"code": "test"}}', '2030-06-01T18:10Z');
SELECT cancel_instruction(:course, 'again', at => '2030-06-01T18:10Z');
-- nobody answers an amendment: what was delivered before it stays
SELECT given(1, 22, '2030-06-02T17:00Z') AS course \gset
SELECT acknowledge_instruction(:course, at => '2030-06-02T16:10Z');
SELECT status FROM amend_instruction(:course, '{"duration": "PT3H", "set_point_kw": 100, "rationale": {"code": "duration"}}', '2030-06-02T17:20Z');
SELECT status FROM advance_instructions('2030-06-02T18:00Z') WHERE instruction_id = :course;
SELECT * FROM stands(:course);
-- it fails: it was to be delivered
SELECT given(1, 23, '2030-06-02T17:00Z') AS course \gset
SELECT acknowledge_instruction(:course, at => '2030-06-02T16:10Z');
SELECT report_dispatch_status(:course, 'failed', at => '2030-06-02T17:00Z');
SELECT report_dispatch_status(:course, 'failed', 'breaker tripped', at => '2030-06-02T17:00Z');
SELECT * FROM stands(:course);
-- it had not begun, and is cancelled
SELECT given(1, 24, '2030-06-02T17:00Z') AS course \gset
SELECT cancel_instruction(:course, '', at => '2030-06-02T16:10Z');
SELECT cancel_instruction(:course, 'not needed', at => '2030-06-02T16:10Z');
SELECT * FROM stands(:course);

-- ---------------------------------------------------------------- several units, all of them or none

SELECT unit_id, status, cardinality(dispatch_ids) AS dispatches FROM instruct('{"message_id": "DSOX-20", "product_id": 3, "start": "2030-07-01T17:00Z", "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "location"}, "units": [{"unit_id": 41}, {"unit_id": 12, "set_point_kw": 60}]}', '2030-07-01T16:00Z');
SELECT unit_id, trim_scale(power_kw) AS kw, service_provider_id FROM dispatch WHERE delivery_window @> timestamptz '2030-07-01T17:00Z' ORDER BY unit_id;
SELECT count(*) AS before FROM instruction \gset
SELECT instruct('{"message_id": "DSOX-21", "product_id": 3, "start": "2030-07-02T17:00Z", "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "location"}, "units": [{"unit_id": 12}, {"unit_id": 99}]}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "location"}, "units": [{"unit_id": 12}, {"unit_id": 12}]}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "location"}, "units": [{"unit_id": 12, "message_id": "x"}]}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "duration": "PT1H", "power": 40}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 77, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40}', '2030-07-02T16:00Z');
SELECT instruct('[]', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "whim"}}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "test", "alternatives": [{"unit_id": "Mill Lane"}]}}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "test", "alternatives": [{"unit_id": 13, "owner": "Amp"}]}}', '2030-07-02T16:00Z');
SELECT instruct('{"product_id": 3, "unit_id": 12, "duration": "PT1H", "set_point_kw": 40, "rationale": {"code": "test", "alternatives": {}}}', '2030-07-02T16:00Z');
SELECT count(*) - :before AS written, count(*) FILTER (WHERE message_id = 'DSOX-21') AS noted FROM instruction, (SELECT max(message_id) FILTER (WHERE message_id = 'DSOX-21') AS message_id FROM instruction_message) m GROUP BY ();
-- what was sold is called: the availability, and the price of its award
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (90001, 3, 3, 12, 'up', 300, '2030-07-03T00:00Z/P1D', 95);
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (90002, 90001, 3, 3, 12, 'up', 300, '2030-07-03T16:00Z/PT4H', 'accepted');
SELECT instruction_id AS called, findings FROM instruct('{"product_id": 3, "unit_id": 12, "start": "2030-07-03T17:00Z", "duration": "PT1H", "set_point_kw": 300, "rationale": {"code": "cheapest"}}', '2030-07-03T16:00Z') \gset
SELECT d.availability_id, d.award_id, d.utilisation_price_per_mwh, :'findings' AS findings FROM dispatch d JOIN instruction_interval v ON v.dispatch_id = d.id WHERE v.instruction_id = :called;
SELECT instruction_id AS called FROM instruct('{"product_id": 3, "unit_id": 12, "start": "2030-07-03T12:00Z", "duration": "PT1H", "set_point_kw": 300, "utilisation_price_per_mwh": 80, "rationale": {"code": "cheapest"}}', '2030-07-03T11:00Z') \gset
SELECT d.availability_id, d.award_id, d.utilisation_price_per_mwh FROM dispatch d JOIN instruction_interval v ON v.dispatch_id = d.id WHERE v.instruction_id = :called;

-- ---------------------------------------------------------------- the merit order: followed, or left with a reason

INSERT INTO merit_order (id, market_operator_id, asked_at, product_ids, direction, power_kw, delivery_window, confidence, reliability_method_id, correlation, correlation_basis, proposed_kw, expected_kw, firm_kw, covered, cost, candidates, status_at)
  OVERRIDING SYSTEM VALUE SELECT n, buyer, '2030-07-05T15:00Z', '{3}', 'up', 250, '2030-07-05T17:00Z/PT1H', 0.95, min(m.id), 0, 'stated', 300, 300, 250, true, 21, 5, '2030-07-05T15:00Z'
  FROM (VALUES (7, 1), (8, 2)) x (n, buyer), reliability_method m GROUP BY n, buyer;
INSERT INTO merit_order_unit (merit_order_id, trade_id, stage, rank, unit_id, service_provider_id, product_id, least_kw, most_kw, sensitivity, utilisation_price_per_mwh, mean_ratio, deviation, probability, events, power_kw, cost, excluded_because)
  SELECT 7, n, 'award', rank, unit, 3, 3, 0, 100, 1, price, 1, 0, 1, 0, CASE WHEN rank IS NULL THEN 0 ELSE 100 END, CASE WHEN rank IS NULL THEN 0 ELSE price / 10 END, because
  FROM (VALUES (1, 1, 13, 60, '{}'::text[]), (2, 2, 27, 70, '{}'), (3, 3, 14, 80, '{}'), (4, NULL, 13, 90, '{other_offer}'), (5, NULL, 15, 50, '{notice,energy}')) x (n, rank, unit, price, because);
CREATE FUNCTION by_merit(units jsonb, deviation text DEFAULT NULL) RETURNS SETOF bigint LANGUAGE sql AS $$
  SELECT instruction_id FROM instruct(jsonb_build_object('product_id', 3, 'units', units, 'start', '2030-07-05T17:00Z', 'duration', 'PT1H', 'set_point_kw', 100,
    'rationale', jsonb_strip_nulls(jsonb_build_object('code', 'merit_order', 'merit_order_id', 7, 'deviation', deviation))), '2030-07-05T16:00Z') $$;
SELECT count(*) FROM by_merit('[{"unit_id": 27}]');
SELECT count(*) FROM by_merit('[{"unit_id": 15}]');
SELECT count(*) FROM by_merit('[{"unit_id": 18}]');
SELECT count(*) FROM by_merit('[{"unit_id": 27}, {"unit_id": 13}]');
SELECT status FROM merit_order WHERE id = 7;
-- with another power than was proposed there has to be a reason
SELECT count(*) FROM by_merit('[{"unit_id": 14, "set_point_kw": 90}]');
SELECT count(*) FROM by_merit('[{"unit_id": 14}]');
-- the last of those that are ranked closes it
SELECT status, status_reason, status_at FROM merit_order WHERE id = 7;
SELECT count(*) FROM by_merit('[{"unit_id": 15}]', 'it was just tested');
SELECT i.unit_id, r.code, r.follows_merit_order, r.deviation, r.alternatives FROM instruction_rationale r JOIN instruction i ON i.id = r.instruction_id WHERE r.merit_order_id = 7 ORDER BY i.id;
SELECT instruct('{"product_id": 3, "unit_id": 15, "start": "2030-07-05T17:00Z", "duration": "PT1H", "set_point_kw": 1, "rationale": {"code": "merit_order", "merit_order_id": 8}}', '2030-07-05T16:00Z');
UPDATE instruction_rationale SET deviation = 'another' WHERE merit_order_id = 7;

-- ---------------------------------------------------------------- who may know why

-- NESO holds the unit for response; the DSO calls it all the same, and others could have been called
SET ROLE instr_neso;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (2, 3, 16, 'up', 400, '2035-01-01T16:00Z/PT4H', 210);
SET ROLE instr_dso;
SELECT instruction_id AS disclosed FROM instruct('{"message_id": "DSOX-30", "product_id": 3, "unit_id": 16, "start": "2035-01-01T17:00Z", "duration": "PT1H", "set_point_kw": 300, "utilisation_price_per_mwh": 140,
  "rationale": {"code": "location", "reason": "nearest to the overload", "alternatives": [{"unit_id": 26, "power_kw": 300, "price": 95, "because": "behind another transformer"}, {"unit_id": 17, "power_kw": 200, "price": 120, "because": "too small"}]}}') \gset
-- the buyer: everything, of another buyer what the ruleset shares
SELECT r.code, r.reason, r.alternatives, r.ruleset, f ->> 'kind' AS kind, f ->> 'severity' AS severity, f #>> '{rationale,modes,1,verdict}' AS splitting, f ->> 'message' LIKE '%NESO%' AS names_neso, d -> 'utilisation_price_per_mwh' AS price
  FROM explain_instruction(:disclosed) r, jsonb_array_elements(r.findings) f, jsonb_array_elements(r.dispatches) d;
SELECT count(*) AS rationales FROM instruction_rationale;
-- its provider: why, and neither who the others are nor what they cost
SET ROLE instr_volt;
SELECT r.code, r.reason, r.alternatives, r.deviation, f ->> 'kind' AS kind, d -> 'utilisation_price_per_mwh' AS price FROM explain_instruction(:disclosed) r, jsonb_array_elements(r.findings) f, jsonb_array_elements(r.dispatches) d;
SELECT (SELECT count(*) FROM instruction_rationale) AS rationales, (SELECT count(*) FROM instruction WHERE id = :disclosed) AS instructions, (SELECT count(*) FROM instruction WHERE service_provider_id <> 3) AS of_others,
  (SELECT count(*) FROM instruction_interval WHERE instruction_id = :disclosed) AS intervals, (SELECT count(*) FROM instruction_step WHERE instruction_id = :disclosed) AS steps;
-- another buyer that it conflicts with, and a provider who could have been called: service, window and kW, and of the alternatives its own
SET ROLE instr_neso;
SELECT r.code, r.reason, r.alternatives, r.deviation, jsonb_array_length(r.findings) AS findings, d FROM explain_instruction(:disclosed) r, jsonb_array_elements(r.dispatches) d;
SET ROLE instr_amp;
SELECT r.code, r.reason, r.alternatives, r.deviation, jsonb_array_length(r.findings) AS findings, d FROM explain_instruction(:disclosed) r, jsonb_array_elements(r.dispatches) d;
SELECT count(*) FROM instruction WHERE id = :disclosed;
-- a stranger: nothing
SET ROLE instr_watt;
SELECT * FROM explain_instruction(:disclosed);
SELECT * FROM explain_instruction(123456);
SET ROLE instr_analyst;
SELECT * FROM explain_instruction(:disclosed);
-- operator and regulator: everything, with names
SET ROLE instr_regulator;
SELECT r.code, r.alternatives, f ->> 'kind' AS kind, f ->> 'message' LIKE '%NESO%' AS names_neso FROM explain_instruction(:disclosed) r, jsonb_array_elements(r.findings) f;
SELECT count(*) > 0 AS all_of_them FROM instruction_rationale;
-- a ruleset that shares names and prices
RESET ROLE;
SELECT copy_ruleset('ena-2025-01', 'open') IS NOT NULL AS copied;
UPDATE ruleset SET share_identity = true, share_price = true WHERE code = 'open';
SELECT put_ruleset_in_force('open', '2040-01-01T00:00Z');
SET ROLE instr_dso;
SELECT instruction_id AS shared FROM instruct('{"product_id": 3, "unit_id": 16, "start": "2040-01-01T17:00Z", "duration": "PT1H", "set_point_kw": 300, "utilisation_price_per_mwh": 140,
  "rationale": {"code": "location", "alternatives": [{"unit_id": 26, "power_kw": 300, "price": 95, "because": "behind another transformer"}]}}') \gset
SET ROLE instr_volt;
SELECT r.alternatives FROM explain_instruction(:shared) r;
SET ROLE instr_amp;
SELECT r.alternatives, d FROM explain_instruction(:shared) r, jsonb_array_elements(r.dispatches) d;

-- primacy: NESO has a unit behind a limit of the DSO export; the DSO holds the limit with another, and its rationale says who prevails
RESET ROLE;
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (901, 'gsp', 'Northgate', 1), (902, 'primary', 'Mill Lane', 1);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (902, 901);
UPDATE asset SET grid_node_id = 902 WHERE id IN (28, 29);
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id, source) VALUES (901, '2036-01-01T00:00Z/P1D', 'up', 500, 1, 'rating of transformer 2');
SELECT status FROM instruct('{"product_id": 4, "unit_id": 28, "start": "2036-01-01T10:00Z", "duration": "PT2H", "set_point_kw": 400, "purpose": "system", "rationale": {"code": "cheapest"}}', '2036-01-01T09:00Z');
SET ROLE instr_dso;
SELECT i.status, f ->> 'kind' AS kind, f #>> '{rationale,primacy,case}' AS "case", f #>> '{rationale,primacy,prevails}' AS prevails
  FROM instruct('{"product_id": 3, "unit_id": 29, "start": "2036-01-01T11:00Z", "duration": "PT1H", "set_point_kw": -300, "purpose": "hold_limit", "grid_node_id": 901, "rationale": {"code": "location"}}') i, jsonb_array_elements(i.findings) f;
SELECT r.conflict_ids <> '{}' AS found, r.findings #>> '{0,rationale,primacy,prevails}' AS prevails FROM instruction_rationale r ORDER BY r.recorded_at DESC, r.instruction_id DESC LIMIT 1;

-- ---------------------------------------------------------------- what is not theirs to do

SET ROLE instr_neso;
SELECT instruct('{"product_id": 3, "unit_id": 16, "duration": "PT1H", "set_point_kw": 300, "rationale": {"code": "test"}}');
SELECT stop_instruction(:disclosed);
SELECT amend_instruction(:disclosed, '{"duration": "PT1H", "set_point_kw": 1}');
SELECT cancel_instruction(:disclosed, 'x');
SELECT confirm_instruction(:disclosed);
SELECT acknowledge_instruction(:disclosed);
SET ROLE instr_amp;
SELECT acknowledge_instruction(:disclosed);
SELECT refuse_instruction(:disclosed, 'x');
SELECT report_dispatch_status(:disclosed, 'executing');
SELECT count(*) FROM fetch_instructions(0, 3);
SET ROLE instr_volt;
SELECT stop_instruction(:disclosed);
\set VERBOSITY sqlstate
SELECT acknowledge_instruction(:disclosed, at => now() - interval '1 hour');
\set VERBOSITY default
SELECT count(*) FROM fetch_instructions(0, at => '2030-01-01');
SELECT * FROM advance_instructions();
UPDATE instruction SET status = 'acknowledged' WHERE id = :disclosed;
SET ROLE instr_dso;
SELECT * FROM advance_instructions();
INSERT INTO instruction_step (instruction_id, version, status, happened_at) VALUES (:disclosed, 1, 'executing', now());
-- the dispatch of an instruction changes with it alone; one recorded by hand is its buyer's to change
UPDATE dispatch SET status = 'completed' WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = :disclosed);
UPDATE dispatch SET power_kw = 1 WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = :disclosed);
-- nor does its price, and nothing is put in its place
UPDATE dispatch SET utilisation_price_per_mwh = 1 WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = :disclosed);
INSERT INTO dispatch (supersedes_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
SELECT d.id, d.product_id, d.service_provider_id, d.asset_id, d.direction, 1, d.delivery_window FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id = :disclosed;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (3, 3, 18, 'up', 10, '2035-02-01T17:00Z/PT1H');
UPDATE dispatch SET status = 'completed' WHERE delivery_window = '2035-02-01T17:00Z/PT1H';
UPDATE dispatch SET status = 'instructed' WHERE delivery_window = '2035-02-01T17:00Z/PT1H' RETURNING status;
-- even the owner takes no state back
RESET ROLE;
UPDATE dispatch SET status = 'instructed' WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = 2);
UPDATE instruction SET status = 'executing' WHERE id = 2;
UPDATE instruction SET unit_id = DEFAULT, asset_id = 12 WHERE id = 2;
DELETE FROM dispatch WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = 2);
-- as themselves, and now
SET ROLE instr_volt;
SELECT count(*) AS fetched, bool_and(content ? 'intervals') AS whole FROM fetch_instructions() WHERE instruction_id = :disclosed;
SELECT refuse_instruction(:disclosed, 'it is held for response', message_id => 'VOLT-30');
SELECT message_id, what FROM instruction_message ORDER BY id DESC LIMIT 1;
SET ROLE instr_dso;
SELECT status, reason, made_by FROM instruction_step WHERE instruction_id = :disclosed ORDER BY id;
RESET ROLE;

-- ---------------------------------------------------------------- what is open, and stopping all of it

SELECT waits_for, until, status, provider_knows FROM live_instruction WHERE unit_id IN (28, 29) OR instruction_id = :open_ended ORDER BY instruction_id;
SET ROLE instr_dso;
-- of the DSO's product alone, and below the place alone
SELECT count(*) FROM stop_instructions(4, 'fault');
SELECT unit_id, status FROM stop_instructions(3, 'fault at Northgate', 901);
SELECT count(*) FROM stop_instructions(3, 'fault at Northgate', 901);
SELECT waits_for, count(*) FROM live_instruction WHERE product_id = 3 GROUP BY 1 ORDER BY 1;
SET ROLE instr_volt;
SELECT count(*) FROM live_instruction WHERE unit_id NOT IN (SELECT own_asset_ids());
SELECT * FROM stop_instructions(3, 'mine');
RESET ROLE;

-- ---------------------------------------------------------------- where conflicts hold or reject

SELECT copy_ruleset('ena-2025-01', 'strict') IS NOT NULL AS copied;
INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action)
  SELECT r.id, a.* FROM ruleset r, (VALUES ('double_commitment', 'blocking', 'dispatch', 'hold'), ('exclusivity', NULL, 'dispatch', 'reject')) AS a (kind, severity, stage, action) WHERE r.code = 'strict';
SELECT put_ruleset_in_force('strict', '2100-01-01T00:00Z');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (95001, 2, 3, 17, 'up', 400, '2100-05-01T17:00Z/PT1H'), (95002, 2, 3, 18, 'up', 400, '2100-05-01T17:00Z/PT1H');
INSERT INTO exclusivity (asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (19, 'DC', 2, 3, '2100-05-01T00:00Z/P1D');
SELECT unit_id, status, jsonb_array_length(findings) > 0 AS found FROM instruct('{"product_id": 3, "start": "2100-05-01T17:00Z", "duration": "PT1H", "set_point_kw": 300, "rationale": {"code": "location"}, "units": [{"unit_id": 17}, {"unit_id": 18}, {"unit_id": 19}, {"unit_id": 13}]}', '2100-05-01T16:00Z');
SELECT instruction.id AS held FROM instruction WHERE unit_id = 17 AND status = 'held' \gset
SELECT instruction.id AS held_too FROM instruction WHERE unit_id = 18 AND status = 'held' \gset
SELECT status, split_part(reason, ':', 1) AS reason FROM instruction_step WHERE instruction_id IN (:held, :held_too) ORDER BY id;
SELECT acknowledge_instruction(:held, at => '2100-05-01T16:10Z');
-- let through, by the operator; or because what stood in the way is gone; or not
SELECT resolve_hold(h.id, 'accepted', 'DSO goes first') FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :held AND h.resolved_at IS NULL;
SELECT * FROM stands(:held);
UPDATE dispatch SET status = 'cancelled' WHERE id = 95002;
SELECT * FROM stands(:held_too);
SELECT i.unit_id, s.status, split_part(s.reason, ':', 1) AS reason FROM instruction_step s JOIN instruction i ON i.id = s.instruction_id WHERE i.id IN (:held, :held_too) ORDER BY s.id;
-- an emergency waits for neither; nor does a stop, though the window is posted anew
SELECT unit_id, instruction_id AS n, status FROM instruct('{"product_id": 3, "start": "2100-05-01T17:00Z", "duration": "PT1H", "set_point_kw": 300, "emergency": true, "units": [{"unit_id": 17, "set_point_kw": 400}, {"unit_id": 19}]}', '2100-05-01T16:00Z');
SELECT i.unit_id, d.status, h.decided_by, h.reason FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id JOIN dispatch d ON d.id = v.dispatch_id LEFT JOIN hold h ON h.trade_id = d.id AND h.resolved_at IS NOT NULL WHERE i.emergency AND lower(d.delivery_window) > '2100-01-01' ORDER BY 1;
SELECT given(3, 15, '2100-06-01T17:00Z') AS first \gset
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (95003, 2, 3, 15, 'up', 400, '2100-06-01T17:00Z/PT1H');
SELECT resolve_hold(h.id, 'accepted', 'NESO goes first') FROM hold h WHERE h.trade_id = 95003 AND h.resolved_at IS NULL;
SELECT d.status FROM dispatch d WHERE d.id = 95003;
SELECT stop_instruction(:first, at => '2100-06-01T17:30Z');
SELECT * FROM stands(:first);
SELECT k.kind, k.action FROM conflict k JOIN commitment c ON c.id = k.challenger_id JOIN instruction_interval v ON v.dispatch_id = c.source_id WHERE v.instruction_id = :first AND k.closed_at IS NULL ORDER BY 1;
-- an amendment that would be held leaves what stood
SELECT given(3, 11, '2100-07-01T17:00Z') AS amended \gset
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (95004, 2, 3, 11, 'up', 400, '2100-07-01T18:00Z/PT1H');
SELECT amend_instruction(:amended, '{"duration": "PT2H", "set_point_kw": 300, "rationale": {"code": "duration"}}', '2100-07-01T17:10Z');
SELECT * FROM stands(:amended);
-- held until it was over
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (95005, 2, 3, 12, 'up', 400, '2100-08-01T17:00Z/PT1H');
SELECT given(3, 12, '2100-08-01T17:00Z') AS forgotten, given(3, 12, '2100-08-01T17:00Z') AS given_up \gset
SELECT cancel_instruction(:given_up, 'never mind', at => '2100-08-01T16:30Z');
SELECT status FROM advance_instructions('2100-08-01T17:30Z') WHERE instruction_id = :forgotten;
SELECT status FROM advance_instructions('2100-08-01T18:00Z') WHERE instruction_id = :forgotten;
SELECT * FROM stands(:forgotten) UNION ALL SELECT * FROM stands(:given_up);

SELECT status, reason FROM instruction_step WHERE instruction_id = :given_up ORDER BY id DESC LIMIT 1;
-- nor is it let through, or rejected, after that, before the clock has run: as if it had been held while it was to come
SELECT given(3, 12, '2024-08-01T17:00Z') AS forgotten \gset
UPDATE dispatch SET status = 'held' WHERE id IN (SELECT dispatch_id FROM instruction_interval WHERE instruction_id = :forgotten);
UPDATE instruction SET status = 'held', reason = 'the rules engine held it' WHERE id = :forgotten;
INSERT INTO hold (stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window)
  SELECT 'dispatch', d.id, d.unit_id, d.service_provider_id, 1, '{1}', (SELECT h.conflict_ids FROM hold h ORDER BY h.id LIMIT 1), 'instructed', d.direction, d.power_kw, d.delivery_window
  FROM dispatch d JOIN instruction_interval v ON v.dispatch_id = d.id WHERE v.instruction_id = :forgotten;
\set VERBOSITY sqlstate
SELECT resolve_hold(h.id, 'accepted', 'too late') FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :forgotten AND h.resolved_at IS NULL;
SELECT resolve_hold(h.id, 'rejected', 'too late') FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :forgotten AND h.resolved_at IS NULL;
\set VERBOSITY default
SELECT status FROM advance_instructions() WHERE instruction_id = :forgotten;
SELECT * FROM stands(:forgotten);
SELECT s.status, s.happened_at, s.reason FROM instruction_step s WHERE s.instruction_id = :forgotten ORDER BY s.id DESC LIMIT 1;
SELECT h.resolution, h.decided_by FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :forgotten;
-- of three intervals two are held: one is let through, the other rejected, and then none of them stands
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (95006, 2, 3, 13, 'up', 400, '2100-09-01T17:00Z/PT2H');
SELECT given(3, 13, '2100-09-01T17:00Z', '{"intervals": [{"set_point_kw": 100}, {"set_point_kw": 200}, {"set_point_kw": 300}]}') AS divided \gset
SELECT n, status FROM stands(:divided);
SELECT resolve_hold(h.id, CASE v.number WHEN 1 THEN 'accepted' ELSE 'rejected' END, 'agreed by telephone') FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :divided AND v.number = 2 AND h.resolved_at IS NULL;
SELECT status FROM instruction WHERE id = :divided;
SELECT resolve_hold(h.id, CASE v.number WHEN 1 THEN 'accepted' ELSE 'rejected' END, 'agreed by telephone') FROM hold h JOIN instruction_interval v ON v.dispatch_id = h.trade_id WHERE v.instruction_id = :divided AND v.number = 1 AND h.resolved_at IS NULL;
SELECT n, status, in_book FROM stands(:divided);
SELECT status, reason FROM instruction_step WHERE instruction_id = :divided ORDER BY id DESC LIMIT 1;

-- ---------------------------------------------------------------- what is called is what still stands

INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (96001, 3, 3, 16, 'up', 400, '2100-10-01T16:00Z/PT4H', 'accepted'),
  (96002, 3, 3, 17, 'up', 100, '2100-10-01T16:00Z/PT4H', 'accepted'), (96003, 3, 3, 17, 'up', 350, '2100-10-01T16:00Z/PT4H', 'accepted');
SELECT release_availability(96001, 'a calm hour', during => '2100-10-01T17:00Z/PT1H', power_kw => 150) IS NOT NULL AS released;
-- it spans two of the parts that are left, is called out of both, and is in nobody's way; what is beyond the last counts on its own
SELECT given(3, 16, '2100-10-01T17:30Z', '{"set_point_kw": 250}') AS spans, given(3, 16, '2100-10-01T19:30Z', '{"set_point_kw": 200}') AS beyond, given(3, 16, '2100-10-01T15:30Z', '{"set_point_kw": 200}') AS before \gset
SELECT i.status, v.number, d.delivery_window, d.power_kw, a.power_kw AS of_kw, a.delivery_window AS of_window
FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id JOIN dispatch d ON d.id = v.dispatch_id LEFT JOIN availability a ON a.id = d.availability_id WHERE i.id IN (:spans, :beyond, :before) ORDER BY i.id, v.number;
SELECT stop_instruction(:spans, at => '2100-10-01T18:10Z');
SELECT * FROM stands(:spans);
-- to whoever accepts less of it, it is still one
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (96004, 1, 3, 16, 'up', 300, '2030-12-01T16:00Z/PT1H', 'accepted'), (96005, 1, 3, 16, 'up', 300, '2030-12-01T17:00Z/PT1H', 'accepted');
SELECT given(1, 16, '2030-12-01T16:30Z') AS less \gset
SELECT acknowledge_instruction(:less, accepted_kw => 200, accepted_end => '2030-12-01T17:15Z', at => '2030-12-01T15:40Z');
SELECT * FROM stands(:less);
-- that which has the power, and then that which is left
SELECT given(3, 17, '2100-10-01T17:00Z', '{"set_point_kw": 300}') AS much, given(3, 17, '2100-10-01T18:00Z', '{"set_point_kw": 300}') AS again, given(3, 17, '2100-10-01T18:15Z', '{"set_point_kw": 90, "duration": "PT15M", "availability_id": null}') AS little \gset
SELECT i.status, d.delivery_window, d.power_kw, d.availability_id FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id JOIN dispatch d ON d.id = v.dispatch_id WHERE i.id IN (:much, :again, :little) ORDER BY i.id;

-- not confirmed by its start, before the time to answer was over: late as on time
SELECT instruction_id AS unconfirmed FROM instruct('{"product_id": 1, "unit_id": 18, "start": "2031-01-02T17:00Z", "duration": "PT1H", "set_point_kw": 300, "self_dispatched": false, "rationale": {"code": "cheapest"}}', '2031-01-02T16:55Z') \gset
SELECT instruction_id AS late FROM instruct('{"product_id": 1, "unit_id": 19, "start": "2031-01-02T17:00Z", "duration": "PT1H", "set_point_kw": 300, "self_dispatched": false, "rationale": {"code": "cheapest"}}', '2031-01-02T16:55Z') \gset
BEGIN;
SELECT status FROM advance_instructions('2031-01-02T17:01Z') WHERE instruction_id = :unconfirmed;
SELECT * FROM steps(:unconfirmed);
ROLLBACK;
SELECT status FROM advance_instructions('2031-01-02T20:00Z') WHERE instruction_id = :late;
SELECT * FROM steps(:late);

-- ---------------------------------------------------------------- all that was written agrees

-- the last step is where it stands, and every dispatch is where its instruction can have it
SELECT count(*) AS disagree FROM instruction i LEFT JOIN instruction_step s ON s.id = i.step_id WHERE (s.instruction_id, s.status, s.version) IS DISTINCT FROM (i.id, i.status, i.version);
SELECT DISTINCT i.status AS instruction, d.status AS dispatch FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id AND v.version = i.version JOIN dispatch d ON d.id = v.dispatch_id ORDER BY 1, 2;
SELECT count(*) AS disagree FROM dispatch d LEFT JOIN LATERAL (SELECT e.status FROM dispatch_event e WHERE e.dispatch_id = d.id ORDER BY e.id DESC LIMIT 1) e ON true WHERE dispatch_is_instructed(d.id) AND e.status IS DISTINCT FROM d.status;
SELECT count(*) AS disagree FROM dispatch d LEFT JOIN commitment c ON c.source_id = d.id AND c.stage = 'dispatch' AND c.closed_at IS NULL WHERE d.live <> (c.id IS NOT NULL) OR d.live AND (c.delivery_window, c.power_kw) IS DISTINCT FROM (d.delivery_window, d.power_kw);
-- but those that were let through or stopped just now
SELECT count(*) AS not_dated FROM dispatch_event WHERE happened_at = recorded_at AND dispatch_id IN (SELECT dispatch_id FROM instruction_interval v JOIN instruction i ON i.id = v.instruction_id WHERE i.instructed_at <> i.recorded_at);
TRUNCATE instruction_step;
-- an amendment that says nothing of the price has that of before; one that names another has that, from then on; and of two awards it stays with the one that was called
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (95001, 4, 3, 12, 'up', 10, '2032-03-01T00:00Z/P1D', 50), (95002, 4, 3, 12, 'up', 10, '2032-03-01T00:00Z/P1D', 70);
SELECT instruction_id AS priced FROM instruct('{"product_id": 4, "unit_id": 12, "start": "2032-03-02T10:00Z", "duration": "PT2H", "set_point_kw": 5, "utilisation_price_per_mwh": 88, "rationale": {"code": "only_unit"}}', '2032-03-02T09:00Z') \gset
SELECT count(*) FROM amend_instruction(:priced, '{"duration": "PT3H", "set_point_kw": 7, "rationale": {"code": "only_unit"}}', '2032-03-02T09:30Z');
SELECT count(*) FROM amend_instruction(:priced, '{"duration": "PT3H", "set_point_kw": 8, "utilisation_price_per_mwh": 99, "rationale": {"code": "only_unit"}}', '2032-03-02T09:40Z');
SELECT count(*) FROM amend_instruction(:priced, '{"duration": "PT3H", "set_point_kw": 9, "rationale": {"code": "only_unit"}}', '2032-03-02T09:50Z');
SELECT instruction_id AS awarded FROM instruct('{"product_id": 4, "unit_id": 12, "start": "2032-03-01T10:00Z", "duration": "PT2H", "set_point_kw": 5, "award_id": 95002, "rationale": {"code": "only_unit"}}', '2032-03-01T09:00Z') \gset
SELECT count(*) FROM amend_instruction(:awarded, '{"duration": "PT3H", "set_point_kw": 7, "rationale": {"code": "only_unit"}}', '2032-03-01T09:30Z');
SELECT count(*) FROM amend_instruction(:awarded, '{"duration": "PT3H", "set_point_kw": 7, "award_id": 95001, "rationale": {"code": "only_unit"}}', '2032-03-01T09:40Z');
SELECT v.instruction_id - :priced AS instruction, v.version, trim_scale(d.power_kw) AS kw, d.award_id, d.utilisation_price_per_mwh AS price, d.status FROM instruction_interval v JOIN dispatch d ON d.id = v.dispatch_id WHERE v.instruction_id IN (:priced, :awarded) ORDER BY 1, 2;
-- recorded in the wrong order: of an hour that was delivered as it was no half is instructed again
SELECT instruction_id AS late FROM instruct('{"product_id": 4, "unit_id": 13, "start": "2032-03-02T10:00Z", "duration": "PT2H", "set_point_kw": 5, "rationale": {"code": "only_unit"}}', '2032-03-02T09:00Z') \gset
SELECT acknowledge_instruction(:late, at => '2032-03-02T09:00:30Z');
SELECT count(*) FROM amend_instruction(:late, '{"duration": "PT2H", "set_point_kw": 7, "rationale": {"code": "only_unit"}}', '2032-03-02T11:00Z');
SELECT count(*) FROM amend_instruction(:late, '{"duration": "PT2H", "set_point_kw": 8, "rationale": {"code": "only_unit"}, "start": "2032-03-02T10:30Z"}', '2032-03-02T10:30Z');
-- nor is it stopped, cancelled, amended, answered or said to have failed at an instant at which it did not stand so yet: what was delivered would go on beyond a stop that came first
\set VERBOSITY sqlstate
SELECT stop_instruction(:late, at => '2032-03-02T10:30Z');
SELECT stop_instruction(:late, ends_at => '2032-03-02T11:30Z', at => '2032-03-02T10:59:59Z');
SELECT cancel_instruction(:late, 'never mind', at => '2032-03-02T10:30Z');
SELECT acknowledge_instruction(:late, 2, at => '2032-03-02T10:59Z');
SELECT report_dispatch_status(:late, 'failed', 'a fault', at => '2032-03-02T10:59Z');
-- nor where nothing was delivered of the version before
SELECT instruction_id AS ahead FROM instruct('{"product_id": 4, "unit_id": 13, "start": "2032-03-03T10:00Z", "duration": "PT2H", "set_point_kw": 5, "rationale": {"code": "only_unit"}}', '2032-03-03T09:00Z') \gset
SELECT count(*) FROM amend_instruction(:ahead, '{"duration": "PT1H", "set_point_kw": 7, "rationale": {"code": "only_unit"}}', '2032-03-03T09:30Z');
SELECT count(*) FROM amend_instruction(:ahead, '{"duration": "PT3H", "set_point_kw": 8, "rationale": {"code": "only_unit"}}', '2032-03-03T09:20Z');
SELECT stop_instruction(:ahead, at => '2032-03-03T09:20Z');
\set VERBOSITY default
SELECT stop_instruction(:ahead, at => '2032-03-03T09:30Z');
SELECT * FROM stands(:late);
SELECT count(*) FROM amend_instruction(:late, '{"duration": "PT2H", "set_point_kw": 8, "rationale": {"code": "only_unit"}}', '2032-03-02T11:00Z');
SELECT version, "window", kw, status FROM stands(:late);
-- of what others bought nothing is learnt: neither that it is there nor of which unit
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (97001, 2, 3, 19, 'up', 50, '2030-06-01T16:00Z/PT4H', 777);
SET ROLE instr_dso;
SELECT * FROM instruct('{"product_id": 1, "unit_id": 19, "award_id": 97001, "start": "2030-06-01T17:00Z", "duration": "PT1H", "set_point_kw": 10}');
SELECT * FROM instruct('{"product_id": 1, "unit_id": 18, "award_id": 97001, "start": "2030-06-01T17:00Z", "duration": "PT1H", "set_point_kw": 10}');
SELECT * FROM instruct('{"product_id": 1, "unit_id": 18, "availability_id": 97999, "start": "2030-06-01T17:00Z", "duration": "PT1H", "set_point_kw": 10}');
RESET ROLE;

SELECT flexexchange.drop_exchange('instr_test', with_data => true);
DROP ROLE instr_operator, instr_regulator, instr_analyst, instr_dso, instr_neso, instr_volt, instr_amp, instr_watt;
