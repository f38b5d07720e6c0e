-- Who is told what of availability, instructions, transfers and disputes: the other party, once, and nobody else.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('notices_test', time_zone => 'Europe/London');
SET search_path = notices_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'North', '{market_operator}'), (2, 'Volt', '{service_provider}'), (3, 'Amber', '{service_provider}'), (4, 'Rival', '{market_operator,service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'Market', 1);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (1, 1, 'SA', 'Scheduled Availability', 'SAda', 'availability'), (2, 1, 'SU', 'Scheduled Utilisation', 'SU', 'award');
CREATE ROLE notices_north IN ROLE flexexchange_participant;
CREATE ROLE notices_volt IN ROLE flexexchange_participant;
CREATE ROLE notices_amber IN ROLE flexexchange_participant;
CREATE ROLE notices_rival IN ROLE flexexchange_participant;
INSERT INTO participant_login VALUES ('notices_north', 1), ('notices_volt', 2), ('notices_amber', 3), ('notices_rival', 4);
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'Battery', 500), (12, 'Store', 500);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 2, '2020-01-01T00:00Z/infinity'), (12, 3, '2020-01-01T00:00Z/infinity');
CREATE FUNCTION pg_temp.told() RETURNS TABLE (told text, event text, message text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY SELECT p.name, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.event !~ 'conflict' AND n.id > (SELECT coalesce(max(m.id), 0) FROM seen m) ORDER BY n.id;
  INSERT INTO seen SELECT max(n.id) FROM notification n;
END $$;
CREATE TEMP TABLE seen (id bigint);

-- what is declared and withdrawn the buyer is told, what is accepted and released the seller, and why
SELECT count(declare_availability(11, 1, 'up', 300, w, at => '2030-01-06T10:00Z')) FROM unnest('{2030-01-07T17:00Z/PT1H,2030-01-07T19:00Z/PT1H,2030-01-07T21:00Z/PT1H}'::time_window[]) w;
SELECT count(accept_availability(id, at => '2030-01-06T11:00Z')) FROM availability;
SELECT withdraw_availability(id, 'The inverter is out', at => '2030-01-06T12:00Z') IS NOT NULL AS withdrawn FROM availability WHERE lower(delivery_window) = '2030-01-07T19:00Z';
SELECT release_availability(id, 'The line is back', at => '2030-01-06T13:00Z') IS NOT NULL AS released FROM availability WHERE lower(delivery_window) = '2030-01-07T21:00Z';
SELECT * FROM pg_temp.told();
SELECT DISTINCT jsonb_object_keys(content) AS key FROM notification WHERE event = 'availability_withdrawn' ORDER BY 1;

-- what a party does the other is told, what the clock does both are
SELECT status FROM instruct('{"product_id": 1, "unit_id": 11, "start": "2030-01-07T17:00Z", "duration": "PT1H", "set_point_kw": 200, "rationale": {"code": "only_unit"}}', at => '2030-01-07T16:00Z');
SELECT acknowledge_instruction(max(id), read_back => '[{"start": "2030-01-07T17:00Z", "end": "2030-01-07T18:00Z", "set_point_kw": 2000}]', at => '2030-01-07T16:00:30Z') FROM instruction;
SELECT acknowledge_instruction(max(id), read_back => '[{"start": "2030-01-07T17:00Z", "end": "2030-01-07T18:00Z", "set_point_kw": 200}]', at => '2030-01-07T16:01Z') FROM instruction;
SELECT count(*) FROM advance_instructions('2030-01-07T17:00Z');
SELECT version FROM amend_instruction((SELECT max(id) FROM instruction), '{"start": "2030-01-07T17:00Z", "duration": "PT1H", "set_point_kw": 150, "rationale": {"code": "only_unit"}}', at => '2030-01-07T17:10Z');
SELECT stop_instruction(max(id), 'enough', at => '2030-01-07T17:20Z') FROM instruction;
SELECT * FROM pg_temp.told();

-- a transfer is the two providers' until somebody would take it; what they pay one another nobody is told
INSERT INTO transfer_terms (product_id, valid, consent_within, must_be_qualified) VALUES (2, '2020-01-01T00:00Z/infinity', '10 days', false);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (901, 2, 2, 11, 'up', 100, '2030-02-01T17:00Z/PT1H', 200);
SET ROLE notices_volt;
SELECT offer_transfer(901, transferee_id => 3, price => 12345) IS NOT NULL AS offered;
RESET ROLE;
SELECT * FROM pg_temp.told();
SET ROLE notices_amber;
SELECT accept_transfer(max(id), asset_id => 12) FROM award_transfer;
SET ROLE notices_north;
SELECT consent_to_transfer(max(id)) FROM award_transfer;
RESET ROLE;
SELECT * FROM pg_temp.told();
SELECT count(*) AS prices_told FROM notification WHERE content::text ~ '12345' OR message ~ '12345';

-- a dispute
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (801, 2, 2, 11, 'up', 400, '2024-11-04T17:00Z/PT1H', 250);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (801, '2024-11-04T17:00Z/PT1H', 400, 400);
SET ROLE notices_north;
SELECT raise_dispute('The meter reads 200 kWh', delivery_id => (SELECT max(id) FROM delivery), claimed_kwh => 200) IS NOT NULL AS raised;
SET ROLE notices_volt;
SELECT answer_dispute(max(id), 'It reads 400') FROM dispute;
RESET ROLE;
SELECT resolve_dispute(max(id), 'dismissed', 'It reads 400') FROM dispute;
SELECT * FROM pg_temp.told();

-- each reads its own, the feed names the thing, and whoever has nothing to do with it is told nothing
SET ROLE notices_volt;
SELECT event, count(*) FROM notification WHERE event ~ 'dispute|transfer|instruction|availability' GROUP BY 1 ORDER BY event COLLATE "C";
SELECT notification_as_cloudevent(n, 'gb', false) ->> 'subject' ~ '^dispute/[0-9]+$' AS subject, notification_as_cloudevent(n, 'gb', false) -> 'data' ? 'dispute_id' AS named FROM notification n WHERE event = 'dispute_raised';
SET ROLE notices_rival;
SELECT count(*) FROM notification;
RESET ROLE;
DROP ROLE notices_north, notices_volt, notices_amber, notices_rival;
SELECT flexexchange.drop_exchange('notices_test', true);
