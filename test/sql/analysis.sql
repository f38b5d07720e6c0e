-- Analysis: what is added up is what the trades say, at any time and to every reader; and the measures have their known answers.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set book :src '/oracle/random_book.sql'
\set ECHO none
\i :setup
SELECT flexexchange.create_exchange('analysis_test');
SET search_path = analysis_test, flexexchange;
\i :book
SELECT random_register(30, 7);
SELECT random_trading(1, 500, 30, 7);
\set ECHO all
-- the naive sum: every trade by itself
CREATE VIEW naive AS
  SELECT 'bid' AS subject, (lower(delivery_window) AT TIME ZONE 'Europe/London')::date AS day, service_provider_id, product_id, direction, status, unit_id, power_kw, delivery_window,
         availability_price_per_mw_h AS availability_price, utilisation_price_per_mwh AS utilisation_price FROM bid
  UNION ALL SELECT 'award', (lower(delivery_window) AT TIME ZONE 'Europe/London')::date, service_provider_id, product_id, direction, status, unit_id, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh FROM award
  UNION ALL SELECT 'availability', (lower(delivery_window) AT TIME ZONE 'Europe/London')::date, service_provider_id, product_id, direction, status, unit_id, power_kw, delivery_window, availability_price_per_mw_h, NULL FROM availability
  UNION ALL SELECT 'dispatch', (lower(delivery_window) AT TIME ZONE 'Europe/London')::date, service_provider_id, product_id, direction, status, unit_id, power_kw, delivery_window, NULL, utilisation_price_per_mwh FROM dispatch;
CREATE VIEW expected AS
  SELECT n.subject, n.day, n.service_provider_id, n.product_id, n.direction, n.status, coalesce(a.technology, p.technology) AS technology, coalesce(a.grid_node_id, p.grid_node_id) AS area_id, count(*) AS trades,
         round(sum(n.power_kw / 1000 * extract(epoch FROM duration(n.delivery_window)) / 3600), 6) AS mw_h,
         round(coalesce(sum(n.availability_price * n.power_kw / 1000 * extract(epoch FROM duration(n.delivery_window)) / 3600), 0), 4) AS availability_value,
         round(coalesce(sum(n.utilisation_price * n.power_kw / 1000 * extract(epoch FROM duration(n.delivery_window)) / 3600), 0), 4) AS utilisation_value
  FROM naive n LEFT JOIN asset a ON a.id = n.unit_id LEFT JOIN portfolio p ON p.id = n.unit_id GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
CREATE VIEW actual AS
  SELECT subject, day, service_provider_id, product_id, direction, status, technology, area_id, sum(trades)::bigint AS trades, round(sum(mw_h), 6) AS mw_h, round(sum(availability_value), 4) AS availability_value, round(sum(utilisation_value), 4) AS utilisation_value
  FROM trade_volume GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
CREATE VIEW differing AS (TABLE expected EXCEPT TABLE actual) UNION ALL (TABLE actual EXCEPT TABLE expected);
INSERT INTO asset_operator (asset_id, service_provider_id) SELECT a.id, p.id FROM asset a, participant p WHERE p.name = 'seller';
UPDATE asset SET technology = CASE id % 3 WHEN 0 THEN 'battery' WHEN 1 THEN 'heat pump' END;
UPDATE award SET availability_price_per_mw_h = id % 7, utilisation_price_per_mwh = CASE WHEN id % 2 = 0 THEN 50 + id % 11 END;
UPDATE dispatch SET utilisation_price_per_mwh = 100 + id % 5;
SELECT subject, sum(trades) > 20 AS enough FROM actual GROUP BY 1 ORDER BY 1;
SELECT count(*) AS differing FROM differing;
SELECT refresh_days() > 0 AS refreshed, refresh_days() AS again;
SELECT count(*) AS stale FROM stale_day;
SELECT count(*) AS differing FROM differing;
-- a new trade, one that moves to another day, one that goes, another status, another technology, another place
INSERT INTO grid_node (id, kind, name) VALUES (900001, 'primary', 'Mill Lane');
UPDATE award SET delivery_window = time_window(lower(delivery_window) + interval '1 day', upper(delivery_window) + interval '1 day') WHERE id IN (SELECT id FROM award WHERE live ORDER BY id LIMIT 3);
DELETE FROM dispatch WHERE id = (SELECT max(id) FROM dispatch);
UPDATE dispatch SET status = 'cancelled' WHERE id IN (SELECT id FROM dispatch WHERE status = 'instructed' ORDER BY id LIMIT 5);
UPDATE asset SET technology = 'wind turbine', grid_node_id = 900001 WHERE id IN (SELECT asset_id FROM award WHERE asset_id IS NOT NULL ORDER BY id LIMIT 2);
SELECT count(*) > 0 AS some, (SELECT count(*) FROM stale_day) > 0 AS stale FROM trade_day;
SELECT count(*) AS differing FROM differing;
SELECT refresh_days() > 0 AS refreshed;
SELECT count(*) AS differing FROM differing;
-- a change that has no say in it marks nothing
UPDATE asset SET name = name || '!';
SELECT count(*) AS stale FROM stale_day;
-- without the marks the sums would be wrong: the test would see it
BEGIN;
UPDATE award SET power_kw = power_kw + 1 WHERE id = (SELECT max(id) FROM award);
DELETE FROM stale_day;
SELECT count(*) > 0 AS seen FROM differing;
ROLLBACK;

-- who reads what: the sums are of the trades that one reads
CREATE ROLE analysis_seller IN ROLE flexexchange_participant;
CREATE ROLE analysis_buyer IN ROLE flexexchange_participant;
CREATE ROLE analysis_regulator IN ROLE flexexchange_regulator;
INSERT INTO participant_login (role_name, participant_id)
  SELECT 'analysis_seller', min(service_provider_id) FROM award UNION ALL SELECT 'analysis_buyer', min(market_operator_id) FROM commitment;
GRANT SELECT ON naive, expected, actual, differing TO flexexchange_participant, flexexchange_regulator;
ALTER VIEW naive SET (security_invoker = true);
ALTER VIEW expected SET (security_invoker = true);
ALTER VIEW actual SET (security_invoker = true);
ALTER VIEW differing SET (security_invoker = true);
UPDATE award SET power_kw = power_kw + 1 WHERE id = (SELECT max(id) FROM award);
SELECT sum(trades) AS all_trades FROM actual \gset
SET ROLE analysis_seller;
SELECT sum(trades) BETWEEN 1 AND :all_trades AS some, (SELECT count(*) FROM differing) AS differing FROM actual;
SELECT count(*) FROM stale_day;
SET ROLE analysis_buyer;
SELECT sum(trades) BETWEEN 1 AND :all_trades - 1 AS some, count(*) FILTER (WHERE subject = 'bid') AS bids, (SELECT count(*) FROM differing) AS differing FROM actual;
SELECT kind FROM conflict_summary;
SET ROLE analysis_regulator;
SELECT sum(trades) = :all_trades AS all, (SELECT count(*) FROM differing) AS differing FROM actual;
SELECT refresh_days();
RESET ROLE;

-- known answers: four sellers of 40, 30, 20, 10; four alike; one; 1000 offered, 300 of them by one, for 650
SELECT herfindahl_hirschman_index('{40,30,20,10}'), herfindahl_hirschman_index('{7,7,7,7}'), herfindahl_hirschman_index('{3}'), herfindahl_hirschman_index('{}'), herfindahl_hirschman_index('{0,0}');
SELECT residual_supply_index('{300,250,200,150,100}', 650) AS without_largest, residual_supply_index('{300,250,200,150,100}', 650, 3) AS without_three,
       residual_supply_index('{300,700}', 701) < 1 AS pivotal_for_701, residual_supply_index('{700,300}', 300) < 1 AS pivotal_for_300, residual_supply_index('{1}', 0) AS no_demand;

-- a market by hand: prices, acceptance, liquidity, sellers under one owner, reliability, answers
SELECT flexexchange.drop_exchange('analysis_test', true);
SELECT flexexchange.create_exchange('analysis_test');
SET search_path = analysis_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Northgrid', '{market_operator}'), (2, 'Volt', '{service_provider}'), (3, 'Ampere', '{service_provider}'), (4, 'Watt', '{service_provider}');
INSERT INTO participant_group (id, name) VALUES (1, 'Volt Holding');
INSERT INTO participant_group_member (participant_group_id, participant_id, valid) VALUES (1, 2, '2025-01-01T00:00Z/infinity'), (1, 3, '2025-01-01T00:00Z/2026-02-01T00:00Z');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO grid_node (id, kind, name) VALUES (91, 'primary', 'Mill Lane');
INSERT INTO asset (id, name, technology, grid_node_id) VALUES (11, 'a', 'battery', 91), (12, 'b', 'heat pump', 91), (13, 'c', 'battery', 91);
INSERT INTO need (market_operator_id, service_code, name, direction, power_kw, delivery_window, status, guide_price_per_mwh) VALUES (1, 'PR', 'evening', 'up', 2000, '2026-01-10T17:00Z/PT2H', 'published', 100);
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 1, 'January', '2025-12-01', '2025-12-31');
SET session_replication_role = replica;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status) VALUES
  (1, 1, 1, 2, 11, 'up', 1000, '2026-01-10T17:00Z/PT2H', 90, 'awarded'), (2, 1, 1, 3, 12, 'up', 1000, '2026-01-10T17:00Z/PT2H', 110, 'awarded'),
  (3, 1, 1, 4, 13, 'up', 500, '2026-01-10T17:00Z/PT2H', 200, 'rejected'), (4, 1, 1, 4, 13, 'up', 500, '2026-01-10T19:00Z/PT2H', 20, 'withdrawn');
RESET session_replication_role;
-- what comes in with triggers off is marked by hand
INSERT INTO stale_day (fact, day) VALUES ('bid', '2026-01-10');
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (101, 1, 1, 2, 11, 'up', 1000, '2026-01-10T17:00Z/PT2H', 90), (102, 2, 1, 3, 12, 'up', 500, '2026-01-10T17:00Z/PT2H', 110);
SELECT month, subject, trades, mw_h, mean_utilisation_price_per_mwh, mean_availability_price_per_mw_h FROM price_and_volume ORDER BY subject, technology COLLATE "C";
SELECT month, technology, bids, awarded, not_awarded, offered_mw_h, awarded_mw_h, acceptance_rate FROM acceptance ORDER BY technology;
SELECT need, needed_kw, ceiling_per_mwh, bids, offered_kw, above_ceiling, lowest_per_mwh, highest_per_mwh FROM bid_ceiling;
SELECT month, service_code, needed_mw_h, offered_mw_h, awarded_mw_h, offered_over_needed FROM liquidity;
SELECT owner, offered_mw_h, awarded_mw_h, offered_share, awarded_share FROM seller_share ORDER BY owner;
SELECT sellers, herfindahl_hirschman_index, largest_share, residual_supply_index, three_seller_residual_supply_index FROM concentration;
-- sealed bids: their bidder alone sees them in the sums, and nobody that there is one, until the gate has closed
INSERT INTO participant_login (role_name, participant_id) SELECT r, p FROM (VALUES ('analysis_buyer', 1), ('analysis_seller', 2)) AS x (r, p);
CREATE ROLE analysis_operator IN ROLE flexexchange_operator;
INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (11, 2), (12, 3), (13, 4);
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (2, 1, 'July', now() - interval '1 day', now() + interval '1 day');
SELECT refresh_days() > 0 AS refreshed;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (11, 2, 1, 2, 11, 'up', 100, '2099-07-10T17:00Z/PT2H', 10), (12, 2, 1, 3, 12, 'up', 100, '2099-07-10T17:00Z/PT2H', 10);
UPDATE bid SET power_kw = 200 WHERE id = 12;
UPDATE asset SET technology = 'flow battery' WHERE id = 12;
SELECT count(*) > 0 AS marked, count(*) FILTER (WHERE competition_id IS NULL) AS told FROM stale_day WHERE fact = 'bid' AND day = '2099-07-10';
SET ROLE analysis_seller;
SELECT service_provider, technology, trades, round(mw_h, 3) AS mw_h FROM trade_volume WHERE day = '2099-07-10';
SELECT stale_days('bid') AS told;
SET ROLE analysis_buyer;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-10';
SELECT stale_days('bid') AS told;
SET ROLE analysis_operator;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-10';
SELECT count(*) FROM trade_day WHERE day = '2099-07-10';
SELECT count(*) FROM stale_day WHERE day = '2099-07-10';
SELECT refresh_days() AS refreshed;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-10';
RESET ROLE;
-- the gate closes: nothing has to run for the sums to be right
SET session_replication_role = replica;
UPDATE competition SET gate_closes_at = now() - interval '1 second' WHERE id = 2;
SELECT stale_days('bid') AS told;
-- what is put off is sealed until then, and so are the marks from before
UPDATE competition SET gate_closes_at = now() + interval '1 day' WHERE id = 2;
SELECT stale_days('bid') AS told;
UPDATE competition SET gate_closes_at = now() - interval '1 second' WHERE id = 2;
RESET session_replication_role;
SET ROLE analysis_buyer;
SELECT service_provider, technology, trades, round(mw_h, 3) AS mw_h FROM trade_volume WHERE day = '2099-07-10' ORDER BY 1;
SET ROLE analysis_operator;
SELECT refresh_days() > 0 AS refreshed, (SELECT count(*) FROM stale_days('bid')) AS stale;
SET ROLE analysis_buyer;
SELECT service_provider, technology, trades, round(mw_h, 3) AS mw_h FROM trade_volume WHERE day = '2099-07-10' ORDER BY 1;
SELECT count(*) FROM trade_day WHERE subject = 'bid' AND day = '2099-07-10';
SET ROLE analysis_seller;
SELECT service_provider, trades FROM trade_volume WHERE day = '2099-07-10' ORDER BY 1;
RESET ROLE;
-- a bid outside of a competition is its bidder's own, in the sums too
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (13, 1, 2, 11, 'up', 1, '2099-07-11T17:00Z/PT2H');
SET ROLE analysis_buyer;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-11';
RESET ROLE;
SELECT refresh_days() > 0 AS refreshed;
SET ROLE analysis_buyer;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-11';
SET ROLE analysis_seller;
SELECT trades FROM trade_volume WHERE day = '2099-07-11';
RESET ROLE;
-- one that moves leaves its day, and one that goes, too
UPDATE bid SET delivery_window = '2099-07-12T17:00Z/PT2H' WHERE id = 13;
SELECT day, sum(trades) FROM trade_volume WHERE day BETWEEN '2099-07-11' AND '2099-07-12' GROUP BY 1;
SELECT refresh_days() > 0 AS refreshed;
DELETE FROM bid WHERE id = 13;
SELECT day, sum(trades) FROM trade_volume WHERE day BETWEEN '2099-07-11' AND '2099-07-12' GROUP BY 1;
-- a gate that is moved into the future seals the bids again
SELECT count(*) > 0 AS added_up FROM trade_day WHERE subject = 'bid' AND day = '2099-07-10';
ALTER TABLE competition DISABLE TRIGGER USER;
ALTER TABLE competition ENABLE TRIGGER t80_days_update;
UPDATE competition SET gate_closes_at = now() + interval '1 day' WHERE id = 2;
ALTER TABLE competition ENABLE TRIGGER USER;
SET ROLE analysis_buyer;
SELECT count(*) FROM trade_volume WHERE day = '2099-07-10';
SET ROLE analysis_operator;
SELECT refresh_days() > 0 AS refreshed;
SELECT count(*) FROM trade_day WHERE subject = 'bid' AND day = '2099-07-10';
RESET ROLE;
UPDATE asset SET technology = 'heat pump' WHERE id = 12;
-- instructions: two answered, one of them carried out
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (201, 101, 1, 2, 11, 'up', 1000, '2026-01-10T17:00Z/PT1H'), (202, 102, 1, 3, 12, 'up', 500, '2026-01-10T17:00Z/PT1H'), (203, 102, 1, 3, 12, 'up', 500, '2026-01-10T18:00Z/PT1H');
UPDATE dispatch SET status = 'acknowledged' WHERE id IN (201, 202);
UPDATE dispatch SET status = 'executing' WHERE id IN (201, 202);
UPDATE dispatch SET status = CASE id WHEN 201 THEN 'completed' ELSE 'failed' END WHERE id IN (201, 202);
UPDATE dispatch SET purpose = 'system' WHERE id = 203;
SELECT dispatch_id, array_agg(status ORDER BY id) FROM dispatch_event GROUP BY 1 ORDER BY 1;
SELECT technology, dispatches, completed, failed, mw_h, completed_share FROM reliability ORDER BY technology;
SELECT technology, dispatches, answered, median >= interval '0' AS has_median FROM response_time ORDER BY technology;
-- an instruction that came from another platform has no events of its own
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source, status) VALUES (204, 1, 2, 11, 'up', 1, '2026-01-11T17:00Z/PT1H', 'file', 'completed');
SELECT count(*) FROM dispatch_event WHERE dispatch_id = 204;
SELECT month, service_provider, awarded_mw_h, declared_mw_h, declared_over_awarded FROM availability_share ORDER BY 2;
-- as it was known, technology too
SELECT clock_timestamp() AS then \gset
\o /dev/null
SELECT pg_sleep(0.01);
\o
UPDATE asset SET technology = 'flywheel' WHERE id = 11;
UPDATE award SET status = 'terminated' WHERE id = 102;
SELECT technology, status, round(mw_h, 3) AS mw_h FROM trade_volume WHERE subject = 'award' ORDER BY technology;
SELECT technology, status, round(mw_h, 3) AS mw_h FROM trade_volume_as_of(:'then') WHERE subject = 'award' ORDER BY technology;
SELECT count(*) > 0 AS has_columns, count(*) FILTER (WHERE column_is IS NULL OR relation_is IS NULL) AS without_meaning FROM data_dictionary;
SET ROLE analysis_seller;
SELECT count(*) FROM data_dictionary WHERE relation = 'conflict_summary';
SELECT trade_volume_as_of(now());
RESET ROLE;
SELECT flexexchange.drop_exchange('analysis_test', true);
DROP ROLE analysis_seller, analysis_buyer, analysis_regulator, analysis_operator;
