-- What other platforms did, recorded with their ids: once each, by the same checks, and kept with its reason where it is refused.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('record_test', archetype => 'medium');
SET search_path = record_test, flexexchange;
CREATE ROLE rec_dso IN ROLE flexexchange_participant;
CREATE ROLE rec_neso IN ROLE flexexchange_participant;
CREATE ROLE rec_volt IN ROLE flexexchange_participant;
CREATE ROLE rec_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('rec_dso', 1), ('rec_neso', 2), ('rec_volt', 3);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR'), (2, 2, 'DC', 'Dynamic Containment', 'DC');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'battery', 100);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity');

-- ---------------------------------------------------------------- a chain

SET ROLE rec_dso;
SELECT record_competition('piclo', 'C-1', '{"product_id": 1, "name": "Tender 7", "gate_opens_at": "2024-01-01T00:00Z", "gate_closes_at": "2024-02-01T00:00Z", "status": "final",
  "terms": {"pricing": "pay_as_bid", "order_features": ["steps", "minimum"]}, "requirements": [{"delivery_window": "2024-11-04T17:00Z/PT1H", "direction": "up", "power_kw": 500}]}') AS competition \gset
SELECT record_bid('piclo', 'B-1', '{"competition": "C-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 60, "delivery_window": "2024-11-04T17:00Z/PT1H", "status": "awarded",
  "terms": {"minimum_share": 0.5}, "steps": [{"power_kw": 40, "utilisation_price_per_mwh": 200}, {"power_kw": 20, "utilisation_price_per_mwh": 250}]}') AS bid \gset
SELECT record_award('piclo', 'A-1', '{"bid": "B-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 60, "delivery_window": "2024-11-04T17:00Z/PT1H", "utilisation_price_per_mwh": 250}') AS award \gset
SELECT record_availability('piclo', 'V-1', '{"award": "A-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 60, "delivery_window": "2024-11-04T17:00Z/PT1H", "status": "accepted"}') AS availability \gset
SELECT record_dispatch('piclo', 'D-1', '{"availability": "V-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 55, "delivery_window": "2024-11-04T17:00Z/PT30M"}') AS dispatch \gset
RESET ROLE;
SELECT c.status, c.source, b.source, a.bid_id = b.id AS of_the_bid, v.award_id = a.id AS of_the_award, d.availability_id = v.id AS of_the_availability, d.power_kw
FROM competition c JOIN bid b ON b.competition_id = c.id JOIN award a ON a.bid_id = b.id JOIN availability v ON v.award_id = a.id JOIN dispatch d ON d.availability_id = v.id;
SELECT step, power_kw, utilisation_price_per_mwh FROM bid_step ORDER BY step;
SELECT status, reason FROM competition_step ORDER BY id;
SELECT stage FROM commitment WHERE closed_at IS NULL ORDER BY id;

-- ---------------------------------------------------------------- again, and corrected

SET ROLE rec_operator;
SELECT record_award('piclo', 'A-1', '{"utilisation_price_per_mwh": 250, "bid": "B-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 60, "delivery_window": "2024-11-04T17:00Z/PT1H"}') = :award AS the_same;
SELECT record_award('piclo', 'A-1', '{"bid": "B-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 58, "delivery_window": "2024-11-04T17:00Z/PT1H"}') = :award AS corrected;
-- the same id at another platform is another thing
SELECT record_award('electron', 'A-1', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 1, "delivery_window": "2024-12-04T17:00Z/PT1H"}') <> :award AS another;
SELECT record_bid('piclo', 'B-1', '{"competition": "C-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 50, "delivery_window": "2024-11-04T17:00Z/PT1H",
  "steps": [{"power_kw": 50, "utilisation_price_per_mwh": 210}]}') = :bid AS corrected;
SELECT count(*) AS awards, max(power_kw) FROM award;
SELECT action, changed FROM history('award', :'award');
-- conflicts are found as in trades of this exchange
SELECT record_award('eac', 'X-1', '{"product_id": 2, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 90, "delivery_window": "2024-11-04T17:00Z/PT1H"}') IS NOT NULL AS taken;
SELECT kind, severity FROM conflict WHERE closed_at IS NULL ORDER BY id;

-- ---------------------------------------------------------------- refused, with the reason

SELECT record_dispatch('piclo', 'D-2', '{"award": "A-9", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_dispatch('piclo', 'D-3', '{"award": "A-1", "product_id": 2, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_dispatch('piclo', 'D-4', '{"product_id": 1, "service_provider_id": 3, "asset_id": 99, "direction": "up", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_dispatch('piclo', 'D-5', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": -5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_dispatch('piclo', 'D-6', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "sideways", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_dispatch('piclo', 'D-7', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 5, "delivery_window": "today"}'),
  record_dispatch('piclo', 'D-8', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M", "id": 4}'),
  record_dispatch('piclo', 'D-9', '{"service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 5, "delivery_window": "2024-11-04T17:00Z/PT30M"}'),
  record_award('piclo', 'A-1', '{"bid": "B-1", "product_id": 2, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 58, "delivery_window": "2024-11-04T17:00Z/PT1H"}'),
  record_bid('piclo', 'B-2', '{"competition": "C-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 50, "delivery_window": "2024-11-04T17:00Z/PT1H", "steps": [{"power_kw": 5}]}'),
  record_bid('piclo', 'B-3', '{"competition": "C-1", "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 50, "delivery_window": "2024-11-04T17:00Z/PT1H", "terms": {"start_up_cost": 5}}'),
  record_competition('piclo', 'C-2', '{"product_id": 1, "name": "x", "gate_opens_at": "2024-01-01T00:00Z", "gate_closes_at": "2024-02-01T00:00Z", "status": "settled"}'),
  record_competition('piclo', 'C-3', '{"product_id": 1, "name": "x", "gate_closes_at": "2924-02-01T00:00Z", "status": "awarded"}'),
  record_competition('piclo', 'C-4', '{"product_id": 1, "name": "x", "gate_opens_at": "2024-01-01T00:00Z", "gate_closes_at": "2024-02-01T00:00Z", "terms": {"pricing": "beauty"}}') \gset no_
SELECT outside_id, error, reason FROM outside_rejection ORDER BY id;
SELECT count(*) AS no_row_of_them FROM dispatch WHERE id <> :dispatch;
-- the same again says nothing new; put right, it is taken, and no longer open
SELECT record_dispatch('piclo', 'D-5', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": -5, "delivery_window": "2024-11-04T17:00Z/PT30M"}') IS NULL AS again;
SELECT record_dispatch('piclo', 'D-5', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "down", "power_kw": 5, "delivery_window": "2024-11-04T20:00Z/PT30M"}') IS NOT NULL AS right;
SELECT count(*) AS kept, count(*) FILTER (WHERE outside_id = 'D-5') AS of_it, (SELECT count(*) FROM outside_rejection_open WHERE outside_id = 'D-5') AS open FROM outside_rejection;

-- ---------------------------------------------------------------- who may, and what it does not open

SET ROLE rec_neso;
SELECT record_award('piclo', 'A-2', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 58, "delivery_window": "2024-11-04T17:00Z/PT1H"}');
SELECT record_award('piclo', 'A-1', '{"product_id": 2, "power_kw": 1}');
SELECT count(*) FROM outside_rejection;
SET ROLE rec_volt;
SELECT record_award('piclo', 'A-2', '{"product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 58, "delivery_window": "2024-11-04T17:00Z/PT1H"}');
SELECT record_trade('award', 'piclo', 'A-2', '{}');
-- no bid comes into a competition of this exchange by being recorded, nor into another platform's by being made here
RESET ROLE;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (70, 1, 'ours', '2020-01-01', '2020-02-01');
SET ROLE rec_dso;
SELECT record_bid('piclo', 'B-7', '{"competition_id": 70, "product_id": 1, "service_provider_id": 3, "asset_id": 11, "direction": "up", "power_kw": 50, "delivery_window": "2024-11-04T17:00Z/PT1H"}');
SELECT error, reason FROM outside_rejection WHERE outside_id = 'B-7';
SELECT record_competition('piclo', 'C-9', '{"product_id": 1, "name": "open there", "gate_closes_at": "2924-02-01T00:00Z"}') AS there \gset
SET ROLE rec_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:there, 1, 3, 11, 'up', 5, '2030-01-01T17:00Z/PT1H');
SET ROLE rec_operator;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source) VALUES (70, 1, 3, 11, 'up', 5, '2030-01-01T17:00Z/PT1H', 'piclo');
SELECT record_bid('', 'x', '{}');
SELECT record_bid('x', 'x', '[]');
RESET ROLE;
-- ---------------------------------------------------------------- deliveries: not changed but superseded, and of one trade and period

SET ROLE rec_dso;
SELECT record_delivery('piclo', 'L-1', jsonb_build_object('dispatch', 'D-1', 'product_id', 1, 'delivery_window', d.delivery_window, 'requested_kwh', 25, 'delivered_kwh', 24)) IS NOT NULL AS taken FROM dispatch d WHERE d.id = :dispatch;
SELECT record_delivery('piclo', 'L-1', jsonb_build_object('dispatch', 'D-1', 'product_id', 1, 'delivery_window', d.delivery_window, 'requested_kwh', 25, 'delivered_kwh', 24)) IS NOT NULL AS again FROM dispatch d WHERE d.id = :dispatch;
SELECT record_delivery('piclo', 'L-1', jsonb_build_object('dispatch', 'D-1', 'product_id', 1, 'delivery_window', d.delivery_window, 'requested_kwh', 25, 'delivered_kwh', 20)) IS NOT NULL AS corrected FROM dispatch d WHERE d.id = :dispatch;
SELECT record_delivery('piclo', 'L-1', '{"dispatch": "D-1", "product_id": 1, "delivery_window": "2024-11-04T17:00Z/PT5M", "requested_kwh": 25, "delivered_kwh": 20}') IS NULL AS of_another_period,
  record_delivery('piclo', 'L-2', '{"dispatch": "D-99", "product_id": 1, "delivery_window": "2024-11-04T17:00Z/PT30M", "requested_kwh": 25}') IS NULL AS of_no_dispatch,
  record_delivery('piclo', 'L-3', '{"dispatch": "D-1", "product_id": 1, "delivery_window": "2030-11-04T17:00Z/PT30M", "requested_kwh": 25}') IS NULL AS outside_its_trade;
RESET ROLE;
SELECT v.delivered_kwh, v.source, v.superseded_at IS NULL AS stands, r.outside_id FROM delivery v LEFT JOIN outside_record r ON r.subject = 'delivery' AND r.row_id = v.id ORDER BY v.id;
SELECT outside_id, error, reason FROM outside_rejection WHERE subject = 'delivery' ORDER BY id;
SET ROLE rec_neso;
SELECT record_delivery('piclo', 'L-1', '{"dispatch": "D-1", "product_id": 2, "delivery_window": "2024-11-04T17:00Z/PT30M", "requested_kwh": 25, "delivered_kwh": 0}');
SELECT record_delivery('piclo', 'L-4', '{"dispatch": "D-1", "product_id": 2, "delivery_window": "2024-11-04T17:00Z/PT30M", "requested_kwh": 25, "delivered_kwh": 0}') IS NULL AS not_its_own;
RESET ROLE;
SELECT error, reason FROM outside_rejection WHERE outside_id = 'L-4';
SELECT flexexchange.drop_exchange('record_test', with_data => true);
DROP ROLE rec_dso, rec_neso, rec_volt, rec_operator;
