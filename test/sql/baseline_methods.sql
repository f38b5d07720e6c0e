-- Baselines in an exchange: its methods, its readings, its events; how good each method is; nominations.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('baseline_test', time_zone => 'Europe/London');
SET search_path = baseline_test, flexexchange;
SELECT code, kind, adjustment, cap, confirmed FROM baseline_method ORDER BY code COLLATE "C";
-- P376: what its sources agree on
SELECT look_back_days, day_types, working_sample, working_chosen, non_working_sample, non_working_chosen, event_day_fallback, clock_change_days, completeness, adjustment, before_seconds FROM baseline_method WHERE code = 'BL01';

INSERT INTO participant (id, name, kinds) VALUES (1, 'Volt', '{service_provider}'), (2, 'Ampere', '{service_provider}'), (3, 'Northgrid', '{market_operator}');
CREATE ROLE baseline_volt IN ROLE flexexchange_participant;
CREATE ROLE baseline_ampere IN ROLE flexexchange_participant;
CREATE ROLE baseline_grid IN ROLE flexexchange_participant;
INSERT INTO participant_login (role_name, participant_id) VALUES ('baseline_volt', 1), ('baseline_ampere', 2), ('baseline_grid', 3);
INSERT INTO asset (id, name, installed_kw) VALUES (101, 'cold store', 40), (102, 'charger', 7), (103, 'charger', 7), (104, 'nobody knows', NULL);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (101, 1, '2020-01-01T00:00Z/infinity'), (102, 1, '2020-01-01T00:00Z/infinity'), (103, 1, '2020-01-01T00:00Z/infinity');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (201, 'street', 1);
INSERT INTO portfolio_member (portfolio_id, asset_id, valid) VALUES (201, 102, '2020-01-01T00:00Z/infinity'), (201, 103, '2020-01-01T00:00Z/infinity');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local', 3);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
-- the cold store in half-hours, the first charger in quarters, the second in minutes as power
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (1, 101, 1, 'energy', 'import', 1800), (2, 102, 1, 'energy', 'import', 900), (3, 103, 1, 'power', 'import', 60), (4, 101, 1, 'energy', 'import', 3600);
SELECT make_partition('meter_reading', m) FROM generate_series('2026-03-01'::timestamptz, '2026-05-01', '1 month') m \g /dev/null
INSERT INTO meter_reading (channel_id, starts_at, value)
SELECT 1, s, 10 + extract(day FROM s) + (hashint8extended(extract(epoch FROM s)::bigint, 1) & 1023) / 1000.0 FROM generate_series('2026-03-01T00:00Z'::timestamptz, '2026-04-30T22:30Z', '30 minutes') s;
INSERT INTO meter_reading (channel_id, starts_at, value) SELECT 2, s, 0.5 FROM generate_series('2026-04-01T00:00Z'::timestamptz, '2026-04-30T22:45Z', '15 minutes') s;
INSERT INTO meter_reading (channel_id, starts_at, value) SELECT 3, s, 3.0 FROM generate_series('2026-04-17T00:00Z'::timestamptz, '2026-04-18T22:59Z', '1 minute') s WHERE s <> '2026-04-18T10:10Z';
INSERT INTO meter_reading (channel_id, starts_at, value) VALUES (4, '2026-04-17T12:00Z', 999);

-- the days of an event: Easter, an event before, the night when clocks change
INSERT INTO holiday VALUES ('2026-04-03', 'Good Friday'), ('2026-04-06', 'Easter Monday');
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source) VALUES (1, 1, 101, 'up', 5, '2026-04-14T17:00Z/PT1H', 'test'), (1, 1, 101, 'up', 5, '2026-04-16T17:00Z/PT1H', 'test');
UPDATE dispatch SET status = 'cancelled' WHERE delivery_window @> '2026-04-16T17:00Z'::timestamptz;
SELECT * FROM event_days('{101,102}', '2026-04-01', '2026-04-30');
SELECT x.d, to_char(x.d, 'Dy') AS of, x.v FROM event_baselines('BL01', '{101}', '{2026-04-17T16:00Z/PT1H}') b, unnest(b.considered, b.verdict) WITH ORDINALITY AS x (d, v, n) ORDER BY n;
SELECT x.d, to_char(x.d, 'Dy') AS of, x.v FROM event_baselines('BL01', '{101}', '{2026-04-05T16:00Z/PT1H}') b, unnest(b.considered, b.verdict) WITH ORDINALITY AS x (d, v, n) ORDER BY n;
-- by hand: the mean of those days, of the same local half-hours, and the shift of three hours that end one hour before
CREATE VIEW by_hand AS
  WITH d AS (SELECT x.d FROM event_baselines('BL01', '{101}', '{2026-04-17T16:00Z/PT1H}') b, unnest(b.considered, b.verdict) AS x (d, v) WHERE x.v = 'chosen'),
  r AS (SELECT (starts_at AT TIME ZONE 'Europe/London')::date AS day, (starts_at AT TIME ZONE 'Europe/London')::time AS at, value FROM meter_reading WHERE channel_id = 1),
  profile AS (SELECT at, sum(value) AS total, count(*) AS n FROM r JOIN d ON d.d = r.day GROUP BY at)
  SELECT array_agg(round(p.total / p.n, 4) ORDER BY at) AS unadjusted, array_agg(round((p.total * 6 + (SELECT sum(10 * r.value - q.total) FROM r JOIN profile q USING (at) WHERE r.day = '2026-04-17' AND at >= '13:00' AND at < '16:00')) / 60, 4) ORDER BY at) AS adjusted
  FROM profile p WHERE at IN ('17:00', '17:30') AND p.n = 10;
SELECT a.baseline_kwh = h.adjusted AS adjusted, u.baseline_kwh = h.unadjusted AS unadjusted, n.baseline_kwh = h.unadjusted AS not_due
FROM by_hand h, event_baselines('BL01', '{101}', '{2026-04-17T16:00Z/PT1H}') a, event_baselines('BL01-UNADJUSTED', '{101}', '{2026-04-17T16:00Z/PT1H}') u, event_baselines('BL01', '{101}', '{2026-04-17T16:00Z/PT1H}', adjust => false) n;
-- every method has an answer; the charger of quarters is constant
INSERT INTO baseline_method (code, name, kind, profile_code, source) VALUES ('EV', 'profile of a charger', 'fixed_profile', 'charger', 'test');
INSERT INTO reference_profile SELECT 'charger', t, h, CASE t WHEN 'working' THEN 1.25 ELSE 1.5 END FROM unnest('{working,non_working}'::text[]) t, generate_series(0, 47) n, LATERAL (SELECT time '00:00' + n * interval '30 minutes') AS x (h);
SELECT m.code, b.resource_id, b.status, b.baseline_kwh FROM baseline_method m, event_baselines(m.code, '{102,201,104}', '{2026-04-30T16:00Z/PT1H,2026-04-30T16:00Z/PT30M,2026-04-30T16:00Z/PT30M}', product_id => 1) b WHERE m.code <> 'SMOOTHED' ORDER BY m.code COLLATE "C", b.resource_id;
SELECT resource_id, baseline_kwh FROM event_baselines('EV', '{102}', '{2026-04-26T16:00Z/PT1H}');
-- minutes of power become half-hours, and one that lacks a minute is missing
SELECT status, baseline_kwh FROM event_baselines('METER-BEFORE', '{103,103,103}', '{2026-04-18T10:00Z/PT30M,2026-04-18T10:30Z/PT30M,2026-04-18T11:00Z/PT30M}');
-- a later version leaves the earlier as it was
INSERT INTO baseline_method (code, version, name, kind, before_seconds, source) VALUES ('METER-BEFORE', 2, 'meter before the event', 'meter', 3600, 'test');
SELECT 1 AS version, status FROM event_baselines('METER-BEFORE', '{103}', '{2026-04-18T11:00Z/PT30M}', version => 1) UNION ALL SELECT 2, status FROM event_baselines('METER-BEFORE', '{103}', '{2026-04-18T11:00Z/PT30M}');
UPDATE baseline_method SET cap = 1 WHERE code = 'BL01';
SELECT * FROM event_baselines('BL02', '{101}', '{2026-04-17T16:00Z/PT1H}');
SELECT * FROM event_baselines('BL01', '{101}', '{}');

-- field sheet "Baselines and verification", 5: predicted 11, 9 and 10 for 10 each: no bias, CV(RMSE) sqrt(2/3)/10
SELECT * FROM baseline_accuracy('{11,9,10}', '{10,10,10}');
SELECT * FROM baseline_accuracy('{11,NULL,10}', '{10,10}');
SELECT * FROM baseline_accuracy('{1}', '{0}');
-- over the days of April without an event; by hand, from the baselines themselves
SELECT * FROM baseline_quality('BL01', '{101,102}', '2026-04-10', '2026-04-20', '17:00', '1 hour');
SELECT count(*) AS days, round(sum(p - a) / sum(a), 4) AS bias, round(sqrt(avg((p - a) ^ 2)) / avg(a), 4) AS cv_rmse
FROM (SELECT DISTINCT d FROM generate_series('2026-04-10'::date, '2026-04-20', '1 day') d WHERE d <> '2026-04-14') x, event_baselines('BL01', '{101}', ARRAY[time_window(d + interval '16 hours', d + interval '17 hours')]) b,
  LATERAL unnest(b.baseline_kwh) WITH ORDINALITY AS y (p, n) JOIN LATERAL (SELECT value AS a FROM meter_reading WHERE channel_id = 1 AND starts_at = lower(b.delivery_window) + (n - 1) * interval '30 minutes') z ON true;
-- nothing that repeats is off
SELECT resource_id, days, without_baseline, bias, cv_rmse FROM baseline_quality('10-OF-10', '{102}', '2026-04-17', '2026-04-30', '17:00', '1 hour');

-- nominations: by the provider, for units of its own, until the gate; read by the buyer
INSERT INTO market_gate (market_id, stage, closes_before, at_time) VALUES (1, 'baseline', '1 day', '12:00');
SET ROLE baseline_volt;
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 1, 101, '2097-01-02T17:00Z', 11), (1, 1, 101, '2097-01-02T17:30Z', 12);
INSERT INTO baseline_nomination (product_id, service_provider_id, portfolio_id, starts_at, kwh) VALUES (1, 1, 201, '2097-01-02T17:00Z', 5);
UPDATE baseline_nomination SET kwh = 10 WHERE asset_id = 101 AND starts_at = '2097-01-02T17:00Z';
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 1, 104, '2097-01-02T17:00Z', 11);
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 1, 101, '2026-01-02T17:00Z', 11);
RESET ROLE;
ALTER TABLE baseline_nomination DISABLE TRIGGER t10_gate;
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 1, 101, '2026-01-02T17:00Z', 11);
ALTER TABLE baseline_nomination ENABLE TRIGGER t10_gate;
SET ROLE baseline_volt;
UPDATE baseline_nomination SET kwh = 9 WHERE starts_at = '2026-01-02T17:00Z';
DELETE FROM baseline_nomination WHERE starts_at = '2026-01-02T17:00Z';
SET ROLE baseline_ampere;
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 2, 101, '2097-01-02T18:00Z', 11);
SELECT count(*) FROM baseline_nomination;
SET ROLE baseline_grid;
SELECT unit_id, starts_at, kwh FROM baseline_nomination ORDER BY unit_id, starts_at;
RESET ROLE;
-- what was sold in a competition with a gate of its own has that one
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'winter', '2096-12-01T00:00Z', '2097-01-01T00:00Z');
INSERT INTO competition_gate (competition_id, stage, closes_before) VALUES (1, 'baseline', '36500 days');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (11, 1, 1, 1, 101, 'down', 5, '2097-01-02T17:00Z/PT1H', 'awarded');
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (21, 11, 1, 1, 101, 'down', 5, '2097-01-02T17:00Z/PT1H');
SET ROLE baseline_volt;
UPDATE baseline_nomination SET kwh = 9 WHERE asset_id = 101 AND starts_at = '2097-01-02T17:30Z';
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) VALUES (1, 1, 101, '2097-01-02T18:00Z', 11);
RESET ROLE;
SELECT status, baseline_kwh FROM event_baselines('NOMINATED', '{101,101,101}', '{2097-01-02T17:00Z/PT1H,2097-01-02T17:00Z/PT90M,2097-01-02T17:00Z/PT2H}', product_id => 1);
DROP ROLE baseline_volt, baseline_ampere, baseline_grid;
SELECT flexexchange.drop_exchange('baseline_test', true);
