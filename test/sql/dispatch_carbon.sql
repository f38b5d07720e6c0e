-- Carbon of dispatch: the sums of the draft method, half-hours against a naive sum, and what is not known is said.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT flexexchange.create_exchange('carbon_test');
SET search_path = carbon_test, flexexchange;

-- ---------------------------------------------------------------- known sums
-- FMR-CR draft 0.1, at 523 g/kWh: 100 kWh of reduction save 52.3 kg less 21 %; shifted demand nothing; 100 kWh of storage at 85 %, charged from the grid, cost 9.229 kg

CREATE FUNCTION pg_temp.carbon(of_category text, direction text, kwh numeric, g numeric DEFAULT 523) RETURNS TABLE (emitted numeric, displaced numeric, net numeric) LANGUAGE sql AS $$
  SELECT trim_scale(c.emitted_kg), trim_scale(c.displaced_kg), trim_scale(c.net_kg) FROM carbon_factor f JOIN carbon_method m ON m.id = f.carbon_method_id AND m.code = 'fmr-cr-short-run' CROSS JOIN LATERAL carbon_of_energy(f, direction, kwh, g) c WHERE f.category = of_category $$;
SELECT c.category, d.direction, x.*, round(x.net, 3) AS net_kg FROM unnest(ARRAY['demand_reduced', 'demand_shifted', 'storage_charged_from_grid', 'gas_generation', 'renewable_generation']) WITH ORDINALITY AS c (category, n)
CROSS JOIN (VALUES ('up', 1), ('down', 2)) d (direction, m) CROSS JOIN LATERAL pg_temp.carbon(c.category, d.direction, 100) x ORDER BY c.n, d.m;
SELECT round(183 / 0.35) AS short_run, (SELECT fixed_g_per_kwh FROM carbon_method WHERE code = 'fmr-cr-short-run') AS published;
-- storage that a generator charged: fuel through both; no grid in it but what it displaces
INSERT INTO carbon_factor (carbon_method_id, category, kind, fuel_kg_per_kwh, generator_efficiency, storage_efficiency) SELECT id, 'storage_charged_by_gas', 'storage', 0.183, 0.35, 0.85 FROM carbon_method WHERE code = 'fmr-cr-short-run';
SELECT x.*, round(100 / 0.85 / 0.35 * 0.183 - 52.3, 6) AS by_hand FROM pg_temp.carbon('storage_charged_by_gas', 'up', 100) x;

-- ---------------------------------------------------------------- methods are versions, with the factors that they need

INSERT INTO carbon_factor (carbon_method_id, category, kind, payback_up) SELECT id, 'x', 'generation', 1 FROM carbon_method WHERE code = 'fmr-cr-short-run';
INSERT INTO carbon_factor (carbon_method_id, category, kind, storage_efficiency) SELECT id, 'x', 'storage', 1.1 FROM carbon_method WHERE code = 'fmr-cr-short-run';
INSERT INTO carbon_method (code, name, intensity, confirmed, source) VALUES ('x', 'x', 'fixed', true, 'x');
INSERT INTO carbon_technology (carbon_method_id, technology, category) SELECT id, 'X', 'no such' FROM carbon_method WHERE code = 'fmr-cr-short-run';
UPDATE carbon_factor SET payback_up = 0;
SELECT code, version, intensity, confirmed FROM carbon_method ORDER BY code COLLATE "C";
SELECT (carbon_method_of('no such')).id;

-- ---------------------------------------------------------------- a month

CREATE ROLE carbon_dso IN ROLE flexexchange_participant;
CREATE ROLE carbon_volt IN ROLE flexexchange_participant;
CREATE ROLE carbon_amp IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('carbon_dso', 1), ('carbon_volt', 3), ('carbon_amp', 4);
INSERT INTO market (id, code, name, market_operator_id, time_zone) VALUES (1, 'dso', 'Local flexibility', 1, 'Europe/London');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 1, 'OU', 'Operational Utilisation', 'OUrt');
INSERT INTO asset (id, name, technology, energy_source, qualified_up_kw, qualified_down_kw) VALUES (11, 'battery', 'BESS', NULL, 1000, 1000), (12, 'chargers', 'ev_charger', NULL, 1000, 1000), (13, 'engine', 'ENGINE_GEN', 'NATURAL_GAS', 1000, 1000),
  (14, 'old engine', 'ENGINE_GEN', 'DIESEL', 1000, 1000), (15, 'freezers', 'REFRIGERATION', NULL, 1000, 1000), (16, 'secret', NULL, NULL, 1000, 1000);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT i, CASE WHEN i < 14 THEN 3 ELSE 4 END, '2020-01-01T00:00Z/infinity' FROM generate_series(11, 16) i;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (1, 1, 3, 11, 'up', 200, '2023-07-04T17:00Z/PT1H'), (2, 1, 3, 12, 'up', 200, '2023-07-04T17:00Z/PT1H'), (3, 1, 3, 13, 'down', 200, '2023-07-05T17:15Z/PT45M'), (4, 2, 4, 14, 'up', 200, '2023-07-05T17:00Z/PT1H'),
  (5, 2, 4, 15, 'up', 200, '2023-07-05T17:00Z/PT1H'), (6, 2, 4, 16, 'up', 200, '2023-07-06T17:00Z/PT1H'), (7, 2, 4, 15, 'down', 100, '2023-07-06T17:00Z/PT30M'), (8, 1, 3, 11, 'up', 100, '2023-07-31T22:45Z/PT30M'),
  (10, 2, 4, 15, 'up', 100, '2023-07-07T17:00Z/PT1H');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (9, 1, 3, 11, 'up', 100, '2023-07-08T17:00Z/PT1H', 'cancelled');
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (1, '2023-07-04T17:00Z/PT30M', 100, 90), (1, '2023-07-04T17:30Z/PT30M', 100, 110), (2, '2023-07-04T17:00Z/PT1H', 200, NULL), (3, '2023-07-05T17:15Z/PT45M', 150, 140),
  (4, '2023-07-05T17:00Z/PT1H', 200, 200), (5, '2023-07-05T17:00Z/PT1H', 200, -20), (6, '2023-07-06T17:00Z/PT1H', 200, 200);
INSERT INTO carbon_intensity (area, starts_at, ends_at, forecast_g_per_kwh, actual_g_per_kwh)
  SELECT 'GB', t, t + interval '30 minutes', 200, 100 + abs(hashint8extended(extract(epoch FROM t)::bigint, 7) % 200) FROM generate_series(timestamptz '2023-07-01T00:00Z', '2023-08-01T00:00Z', '30 minutes') t;
-- each by the draft, at its fixed intensity
SELECT dispatch_id, direction, category, periods, trim_scale(delivered_kwh) AS delivered, trim_scale(requested_kwh) AS requested, trim_scale(emitted_kg) AS emitted, trim_scale(displaced_kg) AS displaced, trim_scale(net_kg) AS net, unknown_periods, unknown
FROM dispatch_carbon(1, '2023-07-15', 'fmr-cr-short-run');
-- by half-hours: a naive sum, minute by minute, says the same
SELECT c.dispatch_id, c.delivery_window, trim_scale(c.intensity_g_per_kwh) AS g_per_kwh, trim_scale(c.net_kg) AS net,
       abs(c.intensity_g_per_kwh - (SELECT avg(i.actual_g_per_kwh) FROM generate_series(lower(c.delivery_window), upper(c.delivery_window) - interval '1 minute', '1 minute') t JOIN carbon_intensity i ON i.area = 'GB' AND i.starts_at <= t AND t < i.ends_at)) < 0.0001 AS as_by_minutes,
       abs(c.net_kg - CASE c.direction WHEN 'up' THEN 1 ELSE -1 END * c.kwh * (CASE c.category WHEN 'gas_generation' THEN 0.183 / 0.35 WHEN 'storage_charged_from_grid' THEN i.g / 0.85 WHEN 'demand_shifted' THEN i.g END - i.g)) < 0.001 AS as_by_hand
FROM delivery_carbon(1, '2023-07-01', 'fmr-cr-half-hourly') c CROSS JOIN LATERAL (SELECT c.intensity_g_per_kwh / 1000 AS g) i WHERE c.net_kg IS NOT NULL ORDER BY c.dispatch_id, c.delivery_window;
-- a provider confirms that demand is reduced, not shifted, from a day on
SET ROLE carbon_volt;
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', '2023-07-06T00:00Z');
SET ROLE carbon_amp;
-- what is past changes figures that others read: the operator says it
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', '2023-07-06T00:00Z');
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', '-infinity');
BEGIN;
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', now()), (14, 'demand_reduced', now() + interval '1 day');
SELECT count(*) AS said FROM unit_carbon_category;
\set VERBOSITY sqlstate
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', now() - interval '1 microsecond');
\set VERBOSITY terse
ROLLBACK;
SELECT dispatch_id, category FROM dispatch_carbon(1, '2023-07-01', 'fmr-cr-short-run') WHERE unit_id = 15;
RESET ROLE;
CREATE ROLE carbon_recorder IN ROLE flexexchange_operator;
SET ROLE carbon_recorder;
INSERT INTO unit_carbon_category (unit_id, category, since) VALUES (15, 'demand_reduced', '2023-07-06T00:00Z'), (14, 'no such category', '2023-07-01T00:00Z');
RESET ROLE;
DROP ROLE carbon_recorder;
SET ROLE carbon_amp;
SELECT dispatch_id, category, trim_scale(net_kg) AS net FROM dispatch_carbon(1, '2023-07-01', 'fmr-cr-short-run') WHERE unit_id IN (14, 15);
RESET ROLE;
-- what the grid emitted in a half-hour is not known: said, not guessed, nor taken from the forecast where the method does not say so
UPDATE carbon_intensity SET actual_g_per_kwh = NULL WHERE starts_at = '2023-07-05T17:30Z';
DELETE FROM carbon_intensity WHERE starts_at = '2023-07-06T17:00Z';
SELECT dispatch_id, net_kg IS NULL AS none, unknown FROM delivery_carbon(1, '2023-07-01', 'fmr-cr-half-hourly') WHERE unknown IS NOT NULL ORDER BY dispatch_id, delivery_window;
INSERT INTO carbon_method (id, code, name, intensity, confirmed, source) VALUES (101, 'own', 'Our inventory', 'actual_or_forecast', true, 'test');
INSERT INTO carbon_factor (carbon_method_id, category, kind, fuel_kg_per_kwh, generator_efficiency) VALUES (101, 'engines', 'generation', 0.25, 0.3);
INSERT INTO carbon_technology (carbon_method_id, technology, category) VALUES (101, 'ENGINE_GEN', 'engines');
SELECT dispatch_id, category, trim_scale(net_kg) AS net, unknown FROM dispatch_carbon(1, '2023-07-01', 'own') WHERE unit_id IN (13, 14);
-- of the month, by product and in all; a delivery that begins before midnight in London is of July
SELECT * FROM carbon_report('fmr-cr-half-hourly');
SELECT product_code, dispatches, net_kg, (SELECT sum(c.net_kg) FROM delivery_carbon(1, '2023-07-01', 'fmr-cr-half-hourly') c JOIN product p ON p.id = c.product_id WHERE p.code = r.product_code OR r.product_code IS NULL) = net_kg AS adds_up
FROM carbon_report('fmr-cr-half-hourly', 1, '2023-07-01', '2023-07-31') r;
SELECT count(*) AS rows FROM carbon_report('fmr-cr-half-hourly', 1, '2023-09-01');
-- each reads its own
SET ROLE carbon_volt;
SELECT array_agg(dispatch_id ORDER BY dispatch_id) AS dispatches FROM dispatch_carbon(1, '2023-07-01', 'fmr-cr-short-run');
SELECT (SELECT count(*) FROM unit_carbon_category) AS said;
SET ROLE carbon_dso;
SELECT array_agg(dispatch_id ORDER BY dispatch_id) AS dispatches, count(category) AS with_category FROM dispatch_carbon(1, '2023-07-01', 'fmr-cr-short-run');
SELECT (SELECT count(*) FROM unit_carbon_category) AS said;
RESET ROLE;
-- for everybody, by market: where there are enough providers, after its volume, and once
CREATE ROLE carbon_analyst IN ROLE flexexchange_analyst;
CREATE ROLE carbon_operator IN ROLE flexexchange_operator;
UPDATE exchange_instance SET smallest_group = 2;
INSERT INTO participant (id, name, kinds) VALUES (2, 'NESO', '{market_operator}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (3, 2, 'DFS', 'Demand Flexibility', 'DFS');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (21, 3, 3, 11, 'up', 1, '2023-07-10T12:00Z/PT1H'), (22, 1, 3, 11, 'up', 10, '2023-06-11T12:00Z/PT1H'), (23, 1, 4, 15, 'up', 10, '2023-06-11T12:00Z/PT1H'),
  (24, 1, 3, 11, 'up', 10, '2023-05-11T12:00Z/PT1H'), (25, 1, 4, 15, 'up', 10, '2023-05-11T12:00Z/PT1H'), (26, 1, 4, 14, 'up', 10, '2023-05-11T12:00Z/PT1H');
SET ROLE carbon_operator;
SELECT publish_dispatch_carbon('2023-07-01', 'fmr-cr-short-run');
SELECT publish_statistics('2023-05-01') > 0 AS may, publish_statistics('2023-06-01') > 0 AS june, publish_statistics('2023-07-01') > 0 AS july;
SELECT publish_dispatch_carbon('2023-07-01', 'no such');
SELECT publish_dispatch_carbon('2023-05-01', 'fmr-cr-short-run') AS may, publish_dispatch_carbon('2023-06-01', 'fmr-cr-short-run') AS june, publish_dispatch_carbon('2023-07-01', 'fmr-cr-short-run') AS july;
SELECT publish_dispatch_carbon('2023-07-01', 'fmr-cr-half-hourly');
SET ROLE carbon_analyst;
-- of May one provider is in what is not known; of July the volumes are hidden, since what they leave over would be of one
SELECT month, market_code, product_code IS NULL AS whole, hidden FROM open_statistic WHERE subject = 'dispatch' AND product_code IS NULL ORDER BY month, market_code NULLS FIRST;
SELECT month, market_code, method_code, hidden, dispatches, emitted_kg, displaced_kg, net_kg FROM open_dispatch_carbon ORDER BY month, market_code;
SELECT count(*) FROM dispatch_carbon(1, '2023-07-01', 'fmr-cr-short-run');
RESET ROLE;
SELECT flexexchange.drop_exchange('carbon_test', with_data => true);
DROP ROLE carbon_dso, carbon_volt, carbon_amp, carbon_analyst, carbon_operator;
