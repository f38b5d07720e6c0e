-- Ratings: what they follow from, that they can be worked out again, and who is told what.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('rate_test');
SET search_path = rate_test, flexexchange;
CREATE ROLE rate_operator IN ROLE flexexchange_operator;
CREATE ROLE rate_buyer IN ROLE flexexchange_participant;
CREATE ROLE rate_seller IN ROLE flexexchange_participant;
CREATE ROLE rate_analyst IN ROLE flexexchange_analyst;

INSERT INTO participant (id, name, kinds) OVERRIDING SYSTEM VALUE VALUES (1, 'DSO', '{market_operator}'), (2, 'Good', '{service_provider}'), (3, 'Fair', '{service_provider}'), (4, 'Poor', '{service_provider}'), (5, 'System operator', '{market_operator}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('rate_buyer', 1), ('rate_seller', 3);
INSERT INTO market (id, code, name, market_operator_id) OVERRIDING SYSTEM VALUE VALUES (1, 'dso', 'Local flexibility', 1), (2, 'eso', 'Balancing', 5);
INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 2, 'STOR', 'Reserve', 'STOR');
INSERT INTO asset (id, name) SELECT 10 * p + n, format('asset %s of %s', n, p) FROM generate_series(2, 4) p, generate_series(1, 2) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, id / 10, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (50, 'both of Fair', 3);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (50, 31, 3, '2020-01-01T00:00Z/infinity'), (50, 32, 1, '2020-01-01T00:00Z/infinity');
INSERT INTO verification_terms (product_id, method_code, missing_share) SELECT p, 'ZERO', 0.5 FROM generate_series(1, 2) p;
INSERT INTO rating_method (code, name, look_back, least_events, weight_delivered, weight_availability, weight_data, weight_response, source) VALUES ('TEST', 'for this test', '50 years', 3, 0.6, 0.2, 0.1, 0.1, 'test');

-- baselines of zero: what is metered in export is what was delivered; half-hours of 10 kWh for Good, 8 for Fair, 5 for Poor, where 10 were asked for
UPDATE verification_terms SET valid = '2020-01-01T00:00Z/2020-02-01T00:00Z';
INSERT INTO verification_terms (product_id, method_code, flows, missing_rule, missing_share, valid) SELECT p, 'ZERO', '{export}', 'zero', 1, '2024-01-01T00:00Z/infinity' FROM generate_series(1, 2) p;
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE SELECT id, id, id / 10, 'energy', 'export', 1800 FROM asset;
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) SELECT a.id, d + interval '17 hours', '2024-02-01', CASE a.id / 10 WHEN 2 THEN 12 WHEN 3 THEN 8 ELSE 5 END
FROM asset a, generate_series('2024-01-01T00:00Z'::timestamptz, '2024-01-10T00:00Z', '1 day') d;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, recorded_at)
SELECT 1000 * p + d, 1 + d % 2, p, 10 * p + 1, 'up', 20, time_window('2024-01-01T17:00Z'::timestamptz + (d - 1) * interval '1 day', '2024-01-01T17:30Z'::timestamptz + (d - 1) * interval '1 day'), '2024-01-01' FROM generate_series(2, 4) p, generate_series(1, 4) d;
-- a portfolio of Fair, 40 kW of which three quarters fall on one member; and of Poor one refused, and one of which a reading is missing
INSERT INTO dispatch (id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window, recorded_at) VALUES (3010, 1, 3, 50, 'up', 40, '2024-01-05T17:00Z/PT30M', '2024-01-01');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, recorded_at) VALUES (4010, 1, 4, 42, 'up', 20, '2024-01-05T17:00Z/PT30M', '2024-01-01'), (4011, 1, 4, 42, 'up', 20, '2024-01-06T18:00Z/PT30M', '2024-01-01');
UPDATE dispatch SET status = 'refused' WHERE id = 4010;
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (5001, 1, 2, 22, 'up', 20, '2024-01-07T17:00Z/PT1H', 'accepted');
SELECT * FROM verify(market_id => 1, within => '2024-01-01T00:00Z/2024-02-01T00:00Z', at => '2024-02-01');
SELECT * FROM verify(market_id => 2, within => '2024-01-01T00:00Z/2024-02-01T00:00Z', at => '2024-02-01');
SELECT * FROM verify_availability(1, '2024-01-01T00:00Z/2024-02-01T00:00Z', '2024-02-01');

-- ---------------------------------------------------------------- working them out

SELECT now() AS then \gset
SET ROLE rate_operator;
SELECT rate('TEST', :'then');
SELECT rate('TEST', :'then');
RESET ROLE;
SELECT service_provider_id AS provider, asset_id AS asset, score, events, failed_events AS failed, markets, delivered, availability, data, response, trim_scale(requested_kwh) AS requested, trim_scale(counted_kwh) AS counted, steps, steps_missing AS missing FROM rating ORDER BY asset_id NULLS FIRST, 1;
SELECT x.component, x.value, x.weight, x.points, regexp_replace(x.because, 'before .*Z', 'before ...') AS because FROM rating r, explain_rating(r.id) x WHERE r.service_provider_id = 4 AND r.asset_id IS NULL;
-- from the words of the method, by hand: Poor delivered 4 x 5 of 4 x 10 kWh and nothing of 10; nothing is known of availability; 1 of 5 steps is missing, 1 of 6 dispatches refused
SELECT round(100 * (0.6 * (4 * 5 / 50.0) + 0.1 * (4 / 5.0) + 0.1 * (5 / 6.0)) / 0.8, 2) AS poor, round(100 * (0.6 * (4 * 8 + 16) / 60.0 + 0.1 + 0.1) / 0.8, 2) AS fair, round(100 * (0.6 + 0.2 + 0.1 + 0.1), 2) AS good;
-- too few events: no score; and what is the same again is the same
SELECT x.component, x.because LIKE '%3 are needed' AS too_few FROM rating r, explain_rating(r.id) x WHERE r.asset_id = 32 AND x.component = 'score';
SELECT * FROM check_ratings(:'then');

-- a reading that comes later changes the next rating, and not the one before
INSERT INTO meter_reading_intake (sender_id, scheme, unit, flow, starts_at, length, kwh) VALUES (4, 'id', '42', 'export', '2024-01-06T18:00Z', 'PT30M', '10');
SELECT recorded FROM verify(market_id => 1, within => '2024-01-01T00:00Z/2024-02-01T00:00Z', at => '2024-02-01');
SELECT now() AS later \gset
SELECT rate('TEST', :'later');
SELECT as_of = :'then' AS first, score, requested_kwh, counted_kwh, steps_missing FROM rating WHERE service_provider_id = 4 AND asset_id IS NULL ORDER BY as_of;
SELECT * FROM check_ratings(:'then');
SELECT * FROM check_ratings(:'later');
-- so does a refusal that is withdrawn after
UPDATE dispatch SET status = 'cancelled' WHERE id = 4010;
SELECT * FROM check_ratings(:'later');
SELECT now() AS last \gset
SELECT rate('TEST', :'last');
SELECT score, events, failed_events FROM rating WHERE service_provider_id = 4 AND asset_id IS NULL ORDER BY as_of;

-- what was delivered for a dispatch that was cancelled after does not count, nor did it fail
UPDATE dispatch SET status = 'cancelled' WHERE id = 4011;
SELECT now() AS cancelled \gset
SELECT rate('TEST', :'cancelled');
SELECT score, events, requested_kwh, counted_kwh FROM rating WHERE service_provider_id = 4 AND asset_id IS NULL ORDER BY as_of DESC LIMIT 1;
SELECT * FROM check_ratings(:'last');

-- ---------------------------------------------------------------- accepted, and withdrawn after

-- Good is accepted for an hour of 20 kW on each of seven days: it withdraws the second day whole, half an hour of the third, in time and too late; what it withdrew of the fourth it declares anew; the fifth was declared alone, the sixth its buyer released; of the seventh it withdraws a quarter, and another
INSERT INTO availability_terms (product_id, withdraw_before) VALUES (1, '6 hours');
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
SELECT 5000 + d, 1, 2, 22, 'up', 20, time_window('2024-01-06T17:00Z'::timestamptz + d * interval '1 day', '2024-01-06T18:00Z'::timestamptz + d * interval '1 day'), CASE d WHEN 5 THEN 'declared' ELSE 'accepted' END FROM generate_series(2, 7) d;
SELECT withdraw_availability(5002, 'sold elsewhere', 'commercial', at => '2024-01-07T17:00Z') AS whole, withdraw_availability(5003, 'it broke', 'outage', '2024-01-09T17:30Z/PT30M', at => '2024-01-09T16:00Z') = 5003 AS whole_row,
       withdraw_availability(5004, 'a mistake', at => '2024-01-09T17:00Z') AS mistake, withdraw_availability(5005, 'not then', at => '2024-01-09T17:00Z') AS declared, release_availability(5006, 'not needed', at => '2024-01-09T17:00Z') AS released;
SELECT withdraw_availability(5007, 'less sun', 'weather', power_kw => 5, at => '2024-01-09T17:00Z') <> 5007 AS a_quarter;
SELECT withdraw_availability(5007, 'less still', 'weather', power_kw => 5, at => '2024-01-09T17:00Z') <> 5007 AS another;
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (5014, 1, 2, 22, 'up', 20, '2024-01-10T17:00Z/PT1H', 'accepted');
SELECT delivery_window, power_kw, status FROM availability WHERE asset_id = 22 ORDER BY lower(delivery_window), id;
SELECT recorded FROM verify_availability(1, '2024-01-01T00:00Z/2024-02-01T00:00Z', '2024-02-01');
INSERT INTO rating_method (code, version, name, look_back, least_events, weight_delivered, weight_availability, weight_data, weight_response, counts_withdrawn, source)
SELECT 'TEST', 1 + n, 'for this test', '50 years', 3, 0.6, 0.2, 0.1, 0.1, c, 'test' FROM unnest('{late,all}'::text[]) WITH ORDINALITY AS x (c, n);
INSERT INTO rating_method (code, name, source, counts_withdrawn) VALUES ('SOME', 'x', 'x', 'some');
SELECT now() AS withdrawn \gset
SELECT rate('TEST', :'withdrawn', v) FROM generate_series(1, 3) v;
SELECT method_version AS version, asset_id AS asset, score, availability, trim_scale(agreed_availability_kwh) AS agreed, trim_scale(kept_availability_kwh) AS kept, withdrawals, trim_scale(withdrawn_kwh) AS withdrawn
FROM rating WHERE service_provider_id = 2 AND as_of = :'withdrawn' AND asset_id IS DISTINCT FROM 21 ORDER BY asset_id NULLS FIRST, 1;
SELECT x.value, x.points, x.because FROM rating r, explain_rating(r.id) x WHERE r.service_provider_id = 2 AND r.asset_id IS NULL AND r.as_of = :'withdrawn' AND x.component = 'availability' ORDER BY r.method_version;
-- by hand: agreed 20 of the first day, half of the third, the fourth, and half of the seventh; and 30 withdrawn in time, 10 too late
SELECT round(60 / 100.0, 6) AS all_of_it, round(60 / 70.0, 6) AS late, round(100 * (0.6 + 0.2 * 60 / 100.0 + 0.1 + 0.1), 2) AS score;
SELECT * FROM check_ratings(:'withdrawn');
SELECT * FROM check_ratings(:'cancelled');
-- and what becomes of it later changes nothing of what was known
SELECT withdraw_availability(5014, 'after all not', at => '2024-01-10T12:00Z') AS again;
SELECT * FROM check_ratings(:'withdrawn');
-- what comes with it counts all of it, since its second version
SELECT version, counts_withdrawn FROM rating_method WHERE code = 'RELIABILITY' ORDER BY 1;

-- ---------------------------------------------------------------- who is told

SET ROLE rate_seller;
SELECT count(*) AS own, count(DISTINCT service_provider_id) AS providers FROM rating;
SELECT service_provider, score, events FROM published_ratings();
SELECT * FROM bought_ratings();
SET ROLE rate_buyer;
SELECT count(*) AS own FROM rating;
SELECT service_provider, score, events FROM published_ratings();
SELECT asset_id, score, events, delivered, response FROM bought_ratings();
\set VERBOSITY sqlstate
SELECT rate('TEST');
RESET ROLE;
SET ROLE rate_operator;
SELECT rate('TEST', '2999-01-01');
SELECT rate('NONE');
UPDATE rating SET score = 100;
RESET ROLE;
UPDATE rating SET score = 100;
UPDATE rating_method SET least_events = 1;
INSERT INTO rating_method (code, name, weight_delivered, source) VALUES ('NOTHING', 'x', 0, 'x');
\set VERBOSITY terse
-- of two providers nothing is told of either
UPDATE exchange_instance SET smallest_group = 4;
SET ROLE rate_analyst;
SELECT service_provider, score, events FROM published_ratings();
RESET ROLE;

SELECT flexexchange.drop_exchange('rate_test', with_data => true);
DROP ROLE rate_operator, rate_buyer, rate_seller, rate_analyst;
