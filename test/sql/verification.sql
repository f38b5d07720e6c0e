-- Verification: what was delivered, by meter and baseline; what is missing, what is shared, and what changed.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('verify_test');
SET search_path = verify_test, flexexchange;

INSERT INTO participant (id, name, kinds) OVERRIDING SYSTEM VALUE VALUES (1, 'DSO', '{market_operator}'), (2, 'Volt & Sons', '{service_provider}'), (3, 'Bright', '{supplier}'), (4, 'System operator', '{market_operator}');
INSERT INTO market (id, code, name, market_operator_id) OVERRIDING SYSTEM VALUE VALUES (1, 'dso', 'Local flexibility', 1), (2, 'eso', 'Balancing', 4);
INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 2, 'WM', 'Wholesale', 'WM'), (3, 2, 'STOR', 'Reserve', 'STOR'), (4, 2, 'CM', 'Capacity', 'CM'),
  (5, 2, 'DM', 'Moderation', 'DM'), (6, 2, 'DR', 'Regulation', 'DR');
INSERT INTO metering_point (id, mpan) VALUES (101, '1012345678903'), (102, '1012345678912');
INSERT INTO asset (id, name, metering_point_id, installed_kw, qualified_up_kw, qualified_down_kw) VALUES (11, 'Mill Lane cold store', 101, 50, 50, 50), (12, 'Mill Lane charger', 101, 50, 50, 50), (13, 'Quay battery', 102, 50, 50, 50), (14, 'Quay heat pump', 102, 50, 50, 50);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE SELECT a, a, 2, 'energy', 'import', 1800 FROM generate_series(11, 14) a;
INSERT INTO holiday VALUES ('2026-04-03', 'Good Friday'), ('2026-04-06', 'Easter Monday');
-- as in the field sheet, baselines, 4: ten working days of 10, 12, 11, 13, 9, 10, 12, 11, 10 and 12 kWh a half-hour, and a day of 8 and then 12
INSERT INTO meter_reading (channel_id, starts_at, received_at, value)
SELECT c, s, '2026-04-17T06:00Z', CASE WHEN n < 11 THEN load WHEN s = '2026-04-16T16:00Z' THEN 8 WHEN s = '2026-04-16T16:30Z' THEN 12 ELSE 11 END
FROM unnest('{11,12,13,14}'::bigint[]) c, unnest('{2026-03-31,2026-04-01,2026-04-02,2026-04-07,2026-04-08,2026-04-09,2026-04-10,2026-04-13,2026-04-14,2026-04-15,2026-04-16}'::date[], '{10,12,11,13,9,10,12,11,10,12}'::numeric[]) WITH ORDINALITY AS x (d, load, n),
     generate_series(local_midnight(d), local_midnight(d) + interval '23:30', '30 minutes') s;

-- ---------------------------------------------------------------- a turn-down

INSERT INTO verification_terms (product_id, method_code, source) VALUES (1, 'BL01-UNADJUSTED', 'agreement, schedule 2');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 1, 2, 11, 'up', 6, '2026-04-16T16:00Z/PT1H');
SELECT * FROM verify(market_id => 1, within => '2026-04-01T00:00Z/2026-05-01T00:00Z', at => '2026-05-02');
SELECT delivery_window, requested_kwh, delivered_kwh, source, evidence FROM delivery WHERE superseded_at IS NULL ORDER BY 1;
SELECT * FROM verify('{901}', at => '2026-05-02');
SELECT step, name, value, unit, regexp_replace(because, 'known .*', 'known ...') AS because FROM explain_verification((SELECT id FROM delivery WHERE delivered_kwh = -1 AND superseded_at IS NULL));
SELECT status, days_used, days_excluded, adjustment_applied, baseline_kwh, event_window FROM verification_baseline;
SELECT resource_id, flow, channel_ids, step_starts, readings, received_at FROM verification_meter ORDER BY delivery_id;

-- each set of terms has a product of its own here, so that all stand side by side
CREATE FUNCTION pg_temp.terms(product bigint, changes jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE VALUES (product, 1, 'P' || product, 'x', 'SU');
  INSERT INTO verification_terms (product_id, method_code, flows, level, metered_at, reading_seconds, spread, missing_rule, missing_share, fill_steps, estimated_counts, below_zero, capped, adjusted, shared, imbalance_reason, imbalance_notice, availability_rule, choices)
  SELECT product, t.method_code, t.flows, t.level, t.metered_at, t.reading_seconds, t.spread, t.missing_rule, t.missing_share, t.fill_steps, t.estimated_counts, t.below_zero, t.capped, t.adjusted, t.shared, t.imbalance_reason, t.imbalance_notice, t.availability_rule, t.choices
  FROM verification_terms base CROSS JOIN LATERAL jsonb_populate_record(base, changes) t WHERE base.product_id = 1 $$;
CREATE FUNCTION pg_temp.verified(product bigint, asset bigint, way text, kw numeric, slot time_window) RETURNS TABLE (period text, requested numeric, baseline numeric, metered numeric, delivered numeric, rule text, steps text) LANGUAGE plpgsql AS $$
DECLARE
  made bigint;
BEGIN
  INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (product, 2, asset, way, kw, slot) RETURNING id INTO made;
  PERFORM verify(ARRAY[made], at => '2100-01-01');
  RETURN QUERY SELECT to_char(lower(v.delivery_window), 'DD HH24:MI') || to_char(upper(v.delivery_window), '-HH24:MI'), trim_scale(d.requested_kwh), trim_scale(v.baseline_kwh), trim_scale(v.metered_kwh), trim_scale(d.delivered_kwh), v.rule,
    format('%s/%s/%s/%s', v.steps, v.steps_missing, v.steps_estimated, v.steps_filled)
  FROM verification v JOIN delivery d ON d.id = v.delivery_id WHERE v.trade_id = made AND d.superseded_at IS NULL ORDER BY lower(v.delivery_window);
  UPDATE dispatch SET status = 'cancelled' WHERE id = made;
END $$;
UPDATE dispatch SET status = 'cancelled' WHERE id = 901;
SELECT pg_temp.terms(11, '{"below_zero": "clamped"}'), pg_temp.terms(12, '{"capped": true}'), pg_temp.terms(13, '{"below_zero": "clamped_by_meter", "capped": true}') \g /dev/null
SELECT p, v.* FROM generate_series(11, 13) p, pg_temp.verified(p, 11, 'up', 4, '2026-04-16T16:00Z/PT1H') v;
-- turn-up of the same meter: more import is what was asked for
SELECT * FROM pg_temp.verified(11, 11, 'down', 4, '2026-04-16T16:00Z/PT1H');
-- the day itself was 11 before: nothing to adjust, and where it was 13 it shifts by 2, if the terms say so
UPDATE meter_reading SET value = 13 WHERE channel_id = 12 AND starts_at >= '2026-04-16T12:00Z' AND starts_at < '2026-04-16T15:00Z';
SELECT pg_temp.terms(14, '{"method_code": "BL01"}'), pg_temp.terms(15, '{"method_code": "BL01", "adjusted": false}') \g /dev/null
SELECT p, v.* FROM generate_series(14, 15) p, pg_temp.verified(p, 12, 'up', 4, '2026-04-16T16:00Z/PT1H') v;

-- ---------------------------------------------------------------- periods and steps

-- cut at settlement periods, and the steps of which a period has a part spread over their time, or not counted
SELECT pg_temp.terms(16, '{"spread": true}'), pg_temp.terms(17, '{"spread": false}') \g /dev/null
SELECT p, v.* FROM generate_series(16, 17) p, pg_temp.verified(p, 11, 'up', 6, '2026-04-16T16:10Z/2026-04-16T17:40Z') v;
-- minute readings: the same half-hour of 8 kWh, all of it in its first ten minutes
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (21, 11, 2, 'power', 'import', 60);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) SELECT 21, s, '2026-04-17T06:00Z', CASE WHEN s < '2026-04-16T16:10Z' THEN 48 ELSE 0 END FROM generate_series('2026-04-16T16:00Z'::timestamptz, '2026-04-16T16:29Z', '1 minute') s;
SELECT pg_temp.terms(18, '{"reading_seconds": 60}') \g /dev/null
SELECT p, v.* FROM generate_series(16, 18, 2) p, pg_temp.verified(p, 11, 'up', 6, '2026-04-16T16:10Z/2026-04-16T16:30Z') v;
-- a quarter-hourly market
UPDATE market SET settlement_period = '15 minutes' WHERE id = 1;
SELECT * FROM pg_temp.verified(16, 11, 'up', 6, '2026-04-16T16:00Z/PT1H') v;
UPDATE market SET settlement_period = '30 minutes' WHERE id = 1;
-- two days in one: a baseline for each
SELECT period, baseline, metered FROM pg_temp.verified(16, 11, 'up', 6, '2026-04-15T22:00Z/2026-04-16T00:00Z') v;
SELECT count(*) AS baselines, array_agg(DISTINCT to_char(lower(event_window), 'DD HH24:MI') ORDER BY to_char(lower(event_window), 'DD HH24:MI')) AS starts FROM verification_baseline WHERE upper(event_window) = '2026-04-16T00:00Z' OR upper(event_window) = '2026-04-15T23:00Z';

-- ---------------------------------------------------------------- what is missing

DELETE FROM meter_reading WHERE channel_id = 13 AND starts_at = '2026-04-16T16:30Z';
UPDATE meter_reading SET quality = 'E' WHERE channel_id = 13 AND starts_at = '2026-04-16T17:00Z';
SELECT pg_temp.terms(21, '{"missing_rule": "exclude"}'), pg_temp.terms(22, '{"missing_rule": "zero"}'), pg_temp.terms(23, '{"missing_rule": "as_requested", "missing_share": 1}'), pg_temp.terms(24, '{"missing_rule": "as_requested", "missing_share": 0.5}'),
  pg_temp.terms(25, '{"fill_steps": 1}'), pg_temp.terms(26, '{"fill_steps": 1, "estimated_counts": false}'), pg_temp.terms(27, '{"fill_steps": 2, "estimated_counts": false}') \g /dev/null
SELECT p, v.* FROM generate_series(21, 27) p, pg_temp.verified(p, 13, 'up', 6, '2026-04-16T16:30Z/PT1H') v;
-- minutes of which some are missing: of the rest, baseline and meter
DELETE FROM meter_reading WHERE channel_id = 21 AND starts_at >= '2026-04-16T16:12Z' AND starts_at < '2026-04-16T16:15Z';
SELECT pg_temp.terms(31, '{"reading_seconds": 60, "missing_share": 0.1}'), pg_temp.terms(32, '{"reading_seconds": 60, "missing_share": 0.1, "missing_rule": "as_requested"}'), pg_temp.terms(33, '{"reading_seconds": 60, "missing_share": 0.099}'),
  pg_temp.terms(34, '{"reading_seconds": 60, "fill_steps": 3}'), pg_temp.terms(35, '{"reading_seconds": 60, "fill_steps": 2}') \g /dev/null
SELECT p, v.* FROM generate_series(31, 35) p, pg_temp.verified(p, 11, 'up', 6, '2026-04-16T16:00Z/PT30M') v;
-- no baseline: 31 March has no day before it
SELECT * FROM pg_temp.verified(21, 11, 'up', 6, '2026-03-31T16:00Z/PT30M');

-- ---------------------------------------------------------------- where it is metered

-- the boundary of the connection: two assets behind one meter count once; an asset metering point behind it has another
INSERT INTO metering_point (id, mpan, kind, parent_id) VALUES (103, '1012345678921', 'asset', 102);
UPDATE asset SET metering_point_id = 103 WHERE id = 14;
INSERT INTO meter_channel (id, metering_point_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (31, 101, 2, 'energy', 'import', 1800), (32, 102, 2, 'energy', 'import', 1800), (33, 103, 2, 'energy', 'import', 1800);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value)
SELECT c, r.starts_at, '2026-04-17T06:00Z', r.value * f FROM meter_reading r, (VALUES (31, 2), (32, 3), (33, 4)) v (c, f) WHERE r.channel_id = 11;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (50, 'Lane and Quay', 2);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (50, 11, 6, '2026-01-01T00:00Z/infinity'), (50, 12, 3, '2026-01-01T00:00Z/infinity'), (50, 14, 3, '2026-04-16T16:30Z/infinity');
CREATE FUNCTION pg_temp.portfolio(product bigint, way text, kw numeric, slot time_window) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  made bigint;
BEGIN
  INSERT INTO dispatch (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (product, 2, 50, way, kw, slot) RETURNING id INTO made;
  PERFORM verify(ARRAY[made], at => '2100-01-01');
  UPDATE dispatch SET status = 'cancelled' WHERE id = made;
  RETURN made;
END $$;
CREATE VIEW pg_temp.meters AS SELECT d.product_id AS p, to_char(lower(d.delivery_window), 'HH24:MI') AS period, m.resource_id AS meter, m.flow, trim_scale(m.requested_kwh) AS requested, trim_scale(m.baseline_kwh) AS baseline, trim_scale(m.metered_kwh) AS metered,
  trim_scale(m.delivered_kwh) AS delivered, trim_scale(v.delivered_kwh) AS of_all, v.meters, v.rule FROM verification v JOIN delivery d ON d.id = v.delivery_id JOIN verification_meter m ON m.delivery_id = d.id WHERE d.superseded_at IS NULL;
SELECT pg_temp.terms(41, '{"metered_at": "asset"}'), pg_temp.terms(42, '{"metered_at": "boundary"}'), pg_temp.terms(43, '{"metered_at": "asset_point"}'), pg_temp.terms(44, '{"metered_at": "nearest"}') \g /dev/null
SELECT pg_temp.portfolio(p, 'up', 12, '2026-04-16T16:00Z/PT1H') FROM generate_series(41, 44) p \g /dev/null
SELECT * FROM pg_temp.meters WHERE p BETWEEN 41 AND 44 ORDER BY p, period, meter;
-- the nearest that is read
DELETE FROM meter_reading WHERE channel_id = 14;
DELETE FROM meter_channel WHERE id = 14;
SELECT pg_temp.terms(45, '{"metered_at": "nearest"}') \g /dev/null
SELECT pg_temp.portfolio(45, 'up', 12, '2026-04-16T16:30Z/PT30M') \g /dev/null
SELECT * FROM pg_temp.meters WHERE p = 45 ORDER BY meter;

-- the portfolio as a whole: its nomination against the meters of its members, or its own
SELECT pg_temp.terms(46, '{"method_code": "NOMINATED", "level": "unit", "metered_at": "nearest"}'), pg_temp.terms(47, '{"method_code": "ASSET-CAPACITY", "level": "unit", "metered_at": "nearest"}'), pg_temp.terms(48, '{"method_code": "ZERO", "level": "unit", "metered_at": "nearest"}') \g /dev/null
INSERT INTO baseline_nomination (product_id, service_provider_id, portfolio_id, starts_at, kwh) SELECT 46, 2, 50, s, 30 FROM generate_series('2026-04-16T16:00Z'::timestamptz, '2026-04-16T16:30Z', '30 minutes') s;
SELECT pg_temp.portfolio(p, 'up', 12, '2026-04-16T16:00Z/PT1H') FROM generate_series(46, 48) p \g /dev/null
SELECT * FROM pg_temp.meters WHERE p BETWEEN 46 AND 48 ORDER BY p, period, meter;
INSERT INTO meter_channel (id, portfolio_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (41, 50, 2, 'energy', 'import', 1800);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) VALUES (41, '2026-04-16T16:00Z', '2026-04-17T06:00Z', 21), (41, '2026-04-16T16:30Z', '2026-04-17T06:00Z', 22);
SELECT pg_temp.portfolio(46, 'up', 12, '2026-04-16T16:00Z/PT1H') \g /dev/null
SELECT * FROM pg_temp.meters WHERE p = 46 AND metered IN (21, 22) ORDER BY p, period, meter;

-- export, net, and both flows
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (51, 13, 2, 'energy', 'export', 1800), (52, 13, 2, 'energy', 'net', 1800);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value)
SELECT 51, r.starts_at, '2026-04-17T06:00Z'::timestamptz, CASE WHEN r.starts_at = '2026-04-16T16:00Z' THEN 5 ELSE 1 END FROM meter_reading r WHERE r.channel_id = 13
UNION ALL SELECT 52, r.starts_at, '2026-04-17T06:00Z', CASE WHEN r.starts_at = '2026-04-16T16:00Z' THEN 5 ELSE 1 END - r.value FROM meter_reading r WHERE r.channel_id = 13;
SELECT pg_temp.terms(51, '{"flows": ["export"]}'), pg_temp.terms(52, '{"flows": ["import", "export"]}'), pg_temp.terms(53, '{"flows": ["net"]}') \g /dev/null
SELECT p, v.* FROM generate_series(51, 53) p, pg_temp.verified(p, 13, 'up', 6, '2026-04-16T16:00Z/PT30M') v;
SELECT p, v.* FROM generate_series(51, 53) p, pg_temp.verified(p, 13, 'down', 6, '2026-04-16T16:00Z/PT30M') v;

-- ---------------------------------------------------------------- chosen by the unit

INSERT INTO market_gate (market_id, stage, closes_before, at_time) VALUES (1, 'baseline', '1 day', '12:00');
SELECT pg_temp.terms(61, '{"choices": ["ZERO", "ASSET-CAPACITY"]}') \g /dev/null
\set VERBOSITY sqlstate
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 11, 'BL01', '2099-01-01T00:00Z/infinity');
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 11, 'ZERO', '2026-04-01T00:00Z/infinity');
\set VERBOSITY terse
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 11, 'ZERO', '2099-01-01T00:00Z/infinity');
UPDATE baseline_choice SET valid = '2099-01-01T00:00Z/2099-02-01T00:00Z';
UPDATE baseline_choice SET valid = '2026-01-01T00:00Z/2099-02-01T00:00Z';
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 11, 'ASSET-CAPACITY', '2099-01-15T00:00Z/infinity');
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 11, 'ASSET-CAPACITY', '2099-02-01T00:00Z/infinity');
INSERT INTO meter_reading (channel_id, starts_at, value) VALUES (11, '2099-01-10T16:00Z', 8), (11, '2099-02-10T16:00Z', 8);
SELECT v.* FROM (VALUES ('2099-01-10T16:00Z'), ('2099-02-10T16:00Z')) s (at), LATERAL pg_temp.verified(61, 11, 'up', 6, (s.at || '/PT30M')::time_window) v;

-- ---------------------------------------------------------------- several services at once

-- a store that uses 20 kWh a half-hour, and 10 of them on the day, between 17:00 and 18:00
INSERT INTO asset (id, name, metering_point_id, qualified_up_kw) VALUES (16, 'Harbour store', 102, 90), (17, 'Harbour office', 102, 90);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (16, 2, '2020-01-01T00:00Z/infinity'), (17, 2, '2020-01-01T00:00Z/infinity');
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (61, 16, 2, 'energy', 'import', 1800), (62, 17, 2, 'energy', 'import', 1800);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value)
SELECT c, r.starts_at, '2026-04-17T06:00Z', CASE WHEN c = 61 AND r.starts_at IN ('2026-04-16T16:00Z', '2026-04-16T16:30Z') THEN 10 ELSE 20 END FROM meter_reading r, unnest('{61,62}'::bigint[]) c WHERE r.channel_id = 11 AND r.starts_at < '2026-05-01';
INSERT INTO portfolio (id, name, service_provider_id) VALUES (51, 'Harbour', 2);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (51, 16, 12, '2026-01-01T00:00Z/infinity'), (51, 17, 4, '2026-01-01T00:00Z/infinity');
INSERT INTO verification_terms (product_id, method_code) SELECT p, 'BL01-UNADJUSTED' FROM generate_series(2, 6) p;
SELECT pg_temp.terms(71, '{"shared": "in_order"}'), pg_temp.terms(72, '{"metered_at": "boundary"}') \g /dev/null
-- dispatches of several products, in the order given: product, unit, direction, kW, window
CREATE FUNCTION pg_temp.together(VARIADIC many text[]) RETURNS TABLE (p bigint, period text, requested numeric, measured numeric, others numeric, delivered numeric, kind text, given_back numeric) LANGUAGE plpgsql AS $$
DECLARE
  ids bigint[] := '{}';
  made bigint;
  one text[];
BEGIN
  FOR i IN 1 .. cardinality(many) LOOP
    one := string_to_array(many[i], ' ');
    INSERT INTO dispatch (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, recorded_at)
    VALUES (one[1]::bigint, 2, CASE WHEN one[2]::bigint < 50 THEN one[2]::bigint END, CASE WHEN one[2]::bigint >= 50 THEN one[2]::bigint END, one[3], one[4]::numeric, one[5]::time_window, '2026-04-16T10:00Z'::timestamptz + i * interval '1 minute') RETURNING id INTO made;
    ids := ids || made;
  END LOOP;
  PERFORM verify(ids, at => '2100-01-01');
  RETURN QUERY SELECT d.product_id, to_char(lower(d.delivery_window), 'HH24:MI'), trim_scale(d.requested_kwh), trim_scale(v.measured_kwh), trim_scale(v.others_kwh), trim_scale(d.delivered_kwh), v.joint_use,
    (SELECT trim_scale(sum(a.kwh)) FROM imbalance_adjustment a WHERE a.delivery_id = d.id)
  FROM verification v JOIN delivery d ON d.id = v.delivery_id WHERE v.trade_id = ANY (ids) AND d.superseded_at IS NULL ORDER BY array_position(ids, v.trade_id), lower(d.delivery_window);
  UPDATE dispatch SET status = 'cancelled' WHERE id = ANY (ids) AND product_id NOT BETWEEN 75 AND 78;
END $$;
-- alone
SELECT * FROM pg_temp.together('1 16 up 12 2026-04-16T16:00Z/PT30M');
-- additive: what is measured is shared as it was asked for, or in order, and adds up
SELECT * FROM pg_temp.together('1 16 up 12 2026-04-16T16:00Z/PT30M', '2 16 up 4 2026-04-16T16:00Z/PT30M');
SELECT * FROM pg_temp.together('71 16 up 12 2026-04-16T16:00Z/PT30M', '71 16 up 12 2026-04-16T16:00Z/PT30M', '71 16 up 2 2026-04-16T16:00Z/PT30M');
-- where the other lasts for a part of it, its part counts
SELECT * FROM pg_temp.together('1 16 up 12 2026-04-16T16:00Z/PT1H', '2 16 up 12 2026-04-16T16:45Z/PT15M');
-- adjusted to replace: reserve stands in for capacity, and counts for both
SELECT * FROM pg_temp.together('4 16 up 16 2026-04-16T16:00Z/PT30M', '3 16 up 16 2026-04-16T16:00Z/PT30M');
-- adjusted to remove: reserve is taken off what was sold wholesale, and given back to the supplier
SELECT * FROM pg_temp.together('2 16 up 12 2026-04-16T16:00Z/PT30M', '3 16 up 8 2026-04-16T16:00Z/PT30M');
-- the same where less came than was asked for, and nothing more than that is taken off
SELECT * FROM pg_temp.together('2 16 up 12 2026-04-16T16:00Z/PT30M', '3 16 up 40 2026-04-16T16:00Z/PT30M');
-- not allowed downwards: counted once, for the earlier; upwards nothing is said, and they share
SELECT * FROM pg_temp.together('5 16 down 4 2026-04-16T16:00Z/PT30M', '6 16 down 4 2026-04-16T16:00Z/PT30M');
SELECT * FROM pg_temp.together('5 16 up 12 2026-04-16T16:00Z/PT30M', '6 16 up 4 2026-04-16T16:00Z/PT30M');
-- the other way: what it took is added again
SELECT * FROM pg_temp.together('1 16 up 24 2026-04-16T16:00Z/PT30M', '2 16 down 4 2026-04-16T16:00Z/PT30M');
-- a portfolio and one of its members: of 16 kW asked of the portfolio, 12 fall on it
SELECT * FROM pg_temp.together('1 51 up 16 2026-04-16T16:00Z/PT30M', '2 16 up 4 2026-04-16T16:00Z/PT30M');
-- another asset behind the same meter
SELECT * FROM pg_temp.together('72 16 up 12 2026-04-16T16:00Z/PT30M', '2 17 up 4 2026-04-16T16:00Z/PT30M');
-- where another market verified before, by a meter of its own, what came of it, that is taken off (or added again, where it went the other way) and not what was asked for: by hand, measured at the boundary less (more) measured at the office
CREATE FUNCTION pg_temp.after_others(own text, other text, way text, office_kwh numeric) RETURNS TABLE (step text, measured numeric, others numeric, delivered numeric, others_by text, by_hand boolean, because text) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
  a bigint;
  b bigint;
BEGIN
  UPDATE meter_reading r SET value = 20 - office_kwh, received_at = '2026-04-17T07:00Z' WHERE r.channel_id = 62 AND r.starts_at = '2026-04-16T16:00Z';
  INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, recorded_at) VALUES (own::bigint, 2, 16, 'up', 12, '2026-04-16T16:00Z/PT30M', '2026-04-16T10:00Z') RETURNING id INTO a;
  INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, recorded_at) VALUES (other::bigint, 2, 17, way, 4, '2026-04-16T16:00Z/PT30M', '2026-04-16T10:01Z') RETURNING id INTO b;
  FOR step IN SELECT unnest('{first,again,other verified,after it,and again}'::text[]) LOOP
    IF step = 'other verified' THEN
      PERFORM verify(ARRAY[b], at => '2026-04-17');
      CONTINUE;
    END IF;
    because := (SELECT v.recorded FROM verify(ARRAY[a], at => '2026-04-17') v) || ' recorded; ';
    SELECT trim_scale(v.measured_kwh), trim_scale(v.others_kwh), trim_scale(v.delivered_kwh), v.others_by, v.delivered_kwh = v.measured_kwh - CASE way WHEN 'up' THEN 1 ELSE -1 END * o.measured_kwh, because || regexp_replace(x.because, '\d+,', 'N,')
      INTO measured, others, delivered, others_by, by_hand, because
    FROM delivery d JOIN verification v ON v.delivery_id = d.id JOIN LATERAL explain_verification(d.id) x ON x.name = 'others' LEFT JOIN (verification o JOIN delivery e ON e.id = o.delivery_id AND e.superseded_at IS NULL) ON o.trade_id = b
    WHERE d.trade_id = a AND d.superseded_at IS NULL;
    RETURN NEXT;
  END LOOP;
  UPDATE dispatch d SET status = 'cancelled' WHERE d.id IN (a, b);
END $$;
BEGIN;
SELECT * FROM pg_temp.after_others('72', '2', 'up', 1.25);
SELECT * FROM pg_temp.after_others('72', '2', 'down', -1.25);
-- of the same market they share what was asked for, in whatever order they are verified; so they do on one asset, whose meter has both
SELECT step, others_by, because FROM pg_temp.after_others('72', '71', 'up', 1.25);
SELECT p, measured, delivered, kind FROM pg_temp.together('2 16 up 12 2026-04-16T16:00Z/PT30M', '1 16 up 4 2026-04-16T16:00Z/PT30M');
ROLLBACK;
SELECT joint_use, count(*), sum(others_kwh) FROM joint_delivery GROUP BY joint_use ORDER BY joint_use COLLATE "C";
-- the days of the other's dispatches are no days of a baseline
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (3, 2, 16, 'up', 1, '2026-04-15T09:00Z/PT30M');
SELECT pg_temp.terms(77, '{"method_code": "MID-8-OF-10"}') \g /dev/null
SELECT pg_temp.verified(77, 16, 'up', 12, '2026-04-16T16:00Z/PT30M') \g /dev/null
SELECT d AS day, v AS verdict FROM verification_baseline b, unnest(b.considered, b.verdict) AS x (d, v) WHERE b.id = (SELECT max(id) FROM verification_baseline) AND v NOT IN ('chosen', 'other_type', 'missing');
-- so it is of a meter behind which a member of a portfolio was dispatched
INSERT INTO dispatch (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (3, 2, 51, 'up', 1, '2026-04-14T09:00Z/PT30M');
SELECT pg_temp.terms(79, '{"method_code": "MID-8-OF-10", "metered_at": "boundary"}') \g /dev/null
SELECT pg_temp.verified(79, 16, 'up', 12, '2026-04-16T16:00Z/PT30M') \g /dev/null
SELECT d AS day, v AS verdict FROM verification_baseline b, unnest(b.considered, b.verdict) AS x (d, v) WHERE b.id = (SELECT max(id) FROM verification_baseline) AND v = 'event_day';
UPDATE dispatch SET status = 'cancelled' WHERE portfolio_id = 51;

-- ---------------------------------------------------------------- suppliers

-- given back where the notice is short, at the connection of each asset, to who supplied it then
INSERT INTO metering_point_supplier (metering_point_id, supplier_id, valid) VALUES (101, 3, '2026-01-01T00:00Z/2026-04-16T16:30Z');
SELECT pg_temp.terms(75, '{"imbalance_reason": "ABSVD-like", "imbalance_notice": "7 hours"}'), pg_temp.terms(78, '{"imbalance_reason": "ABSVD-like", "imbalance_notice": "5 hours"}'), pg_temp.terms(76, '{"imbalance_reason": "P415", "metered_at": "boundary"}') \g /dev/null
SELECT * FROM pg_temp.together('78 12 up 6 2026-04-16T16:00Z/PT30M', '75 11 up 6 2026-04-16T16:00Z/PT30M', '76 50 up 12 2026-04-16T16:00Z/PT1H', '76 11 down 6 2026-04-15T16:00Z/PT20M');
SELECT * FROM supplier_adjustments('2026-04-15T00:00Z/2026-04-17T00:00Z') ORDER BY settlement_period, metering_point_id, reason;

-- ---------------------------------------------------------------- again

-- what was recorded as requested is superseded; what is verified twice stays; what is not over, has no end or no terms is left out, and it is said why
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (911, 1, 2, 16, 'up', 12, '2026-04-16T16:00Z/PT1H', 'instructed'), (912, 1, 2, 16, 'up', 12, '2026-04-16T20:00Z/infinity', 'instructed'),
  (913, 1, 2, 17, 'up', 12, '2026-04-17T16:00Z/PT1H', 'instructed'), (914, 1, 2, 17, 'up', 12, '2026-04-16T18:00Z/PT1H', 'refused');
SELECT record_requested_deliveries(1, '2026-04-16T16:00Z/PT1H');
SELECT dispatch_id, reason FROM unverified_dispatches(1, '2026-04-16T00:00Z/2026-04-18T00:00Z', '2026-04-17') WHERE dispatch_id BETWEEN 911 AND 914;
SELECT * FROM verify('{911,912,913,914}', at => '2026-04-17');
SELECT * FROM verify('{911}', at => '2026-04-17');
SELECT dispatch_id, delivery_window, requested_kwh, delivered_kwh, source, superseded_at IS NULL AS holds FROM delivery WHERE dispatch_id = 911 ORDER BY id;
-- a reading that comes late, one that is corrected, one that changes nothing: only what it changes is recorded again, and is explained by it
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (2, 'id', '16', '2026-04-16T16:30Z', 'PT30M', '12');
SELECT * FROM verify('{911}', at => '2026-04-17');
CREATE VIEW pg_temp.pair AS SELECT max(id) FILTER (WHERE superseded_at IS NOT NULL) AS was, max(id) FILTER (WHERE superseded_at IS NULL) AS is_now, delivery_window FROM delivery WHERE dispatch_id = 911 GROUP BY delivery_window HAVING count(*) > 1;
SELECT bool_and(delivery_before(p.is_now) = p.was) AS found, delivery_before((SELECT min(id) FROM delivery)) AS none FROM pg_temp.pair p;
SELECT d.delivery_window, w.delivered_kwh AS was, d.delivered_kwh AS is_now FROM pg_temp.pair p JOIN delivery d ON d.id = p.is_now JOIN delivery w ON w.id = p.was;
SELECT x.cause, x.resource_id, x.flow, x.channel_id, x.starts_at, x.before_kwh, x.after_kwh, x.received_at = (SELECT max(received_at) FROM meter_reading_batch) AS that_batch, x.detail FROM pg_temp.pair p, explain_verification_change(p.was, p.is_now) x;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (2, 'id', '16', '2026-04-09T16:00Z', 'PT30M', '31'), (2, 'id', '16', '2026-04-09T10:00Z', 'PT30M', '3');
SELECT * FROM verify('{911}', at => '2026-04-17');
SELECT d.delivery_window, w.delivered_kwh AS was, d.delivered_kwh AS is_now, x.cause, x.starts_at, x.before_kwh, x.after_kwh, x.detail
FROM pg_temp.pair p JOIN delivery d ON d.id = p.is_now JOIN delivery w ON w.id = (SELECT max(id) FROM delivery o WHERE o.dispatch_id = 911 AND o.delivery_window = d.delivery_window AND o.id < d.id), explain_verification_change(w.id, d.id) x WHERE d.delivery_window = '2026-04-16T16:00Z/PT30M' ORDER BY 1, 5;
-- another event, on a day of the baseline
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (915, 3, 2, 16, 'up', 1, '2026-04-10T09:00Z/PT30M');
SELECT * FROM verify('{911}', at => '2026-04-17');
-- another service that joins, a stop, and a request that changes
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (916, 2, 2, 16, 'up', 12, '2026-04-16T16:00Z/PT30M');
UPDATE dispatch SET delivery_window = '2026-04-16T16:00Z/PT40M', power_kw = 6 WHERE id = 911;
SELECT * FROM verify('{911}', at => '2026-04-17');
SELECT d.delivery_window, d.requested_kwh, d.delivered_kwh FROM delivery d WHERE d.dispatch_id = 911 AND superseded_at IS NULL ORDER BY 1;
SELECT x.cause, x.before_kwh, x.after_kwh, x.detail FROM (SELECT max(id) AS is_now FROM delivery WHERE dispatch_id = 911 AND delivery_window = '2026-04-16T16:00Z/PT30M') p, explain_verification_change((SELECT max(id) FROM delivery o WHERE o.dispatch_id = 911 AND o.delivery_window = '2026-04-16T16:00Z/PT30M' AND o.id < p.is_now), p.is_now) x;
-- by other terms
UPDATE verification_terms SET valid = '2026-01-01T00:00Z/2026-02-01T00:00Z' WHERE product_id = 1;
INSERT INTO verification_terms (product_id, method_code, capped, valid) VALUES (1, 'MID-8-OF-10', true, '2026-02-01T00:00Z/infinity');
SELECT * FROM verify('{911}', at => '2026-04-17');
SELECT x.cause, regexp_replace(x.detail, 'terms \d+', 'terms ...', 'g') AS detail FROM (SELECT max(id) AS is_now FROM delivery WHERE dispatch_id = 911 AND delivery_window = '2026-04-16T16:00Z/PT30M') p, explain_verification_change((SELECT max(id) FROM delivery o WHERE o.dispatch_id = 911 AND o.delivery_window = '2026-04-16T16:00Z/PT30M' AND o.id < p.is_now), p.is_now) x WHERE cause <> 'day';
-- nothing is rewritten
\set VERBOSITY sqlstate
UPDATE verification SET delivered_kwh = 0;
UPDATE verification_terms SET capped = false;
TRUNCATE verification_meter;
SELECT verify();
SELECT verify('{911}', 1, '2026-04-16T16:00Z/PT1H');
SELECT verify('{99999}');
SELECT verify(market_id => 99, within => '2026-04-16T16:00Z/PT1H');
\set VERBOSITY terse

-- ---------------------------------------------------------------- availability

INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES
  (921, 1, 2, 17, 'up', 30, '2026-04-16T16:00Z/PT1H', 'accepted'), (922, 3, 2, 17, 'up', 60, '2026-04-16T18:00Z/PT1H', 'accepted'), (923, 1, 2, 17, 'up', 30, '2026-04-16T20:00Z/PT1H', 'withdrawn');
SELECT * FROM verify_availability(1, '2026-04-16T00:00Z/P1D');
SELECT * FROM verify_availability(1, '2026-04-16T00:00Z/P1D');
SELECT trade_id, delivery_window, requested_kwh, delivered_kwh, evidence FROM delivery WHERE trade_id IN (921, 923) AND superseded_at IS NULL ORDER BY 2;
-- by the meter, 60 kW are not there where 20 kWh are used in a half-hour, and where they are called they count as accepted
UPDATE verification_terms SET valid = '2026-01-01T00:00Z/2026-02-01T00:00Z' WHERE product_id = 3;
INSERT INTO verification_terms (product_id, method_code, availability_rule, valid) VALUES (3, 'BL01-UNADJUSTED', 'metered', '2026-02-01T00:00Z/infinity');
SELECT * FROM verify_availability(2, '2026-04-16T00:00Z/P1D');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (924, 922, 3, 2, 17, 'up', 30, '2026-04-16T18:00Z/PT30M');
SELECT * FROM verify_availability(2, '2026-04-16T00:00Z/P1D');
SELECT d.delivery_window, d.requested_kwh, d.delivered_kwh, v.metered_kwh, d.evidence FROM delivery d JOIN verification v ON v.delivery_id = d.id WHERE d.trade_id = 922 AND d.superseded_at IS NULL ORDER BY 1;
SELECT step, name, value, regexp_replace(because, 'known .*', 'known ...') AS because FROM explain_verification((SELECT max(id) FROM delivery WHERE trade_id = 922));

-- ---------------------------------------------------------------- performance

-- USEF Flex Trading Protocol: baseline 10 MW, 2 MW less ordered; once as it stands, once from meters: 10,000 kW for a quarter of an hour
SELECT allocation, d.* FROM generate_series(7, 11) allocation, deviation(10, 2, allocation) d;
INSERT INTO participant (id, name, kinds) OVERRIDING SYSTEM VALUE VALUES (5, 'Aggregator', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id, settlement_period) OVERRIDING SYSTEM VALUE VALUES (3, 'uftp', 'UFTP', 1, '15 minutes');
INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE VALUES (81, 3, 'FLEX', 'Flex', 'SU');
INSERT INTO baseline_method (code, name, kind, step_seconds, source) VALUES ('D-PROGNOSIS', 'last prognosis', 'nominated', 900, 'USEF Flex Trading Protocol');
INSERT INTO verification_terms (product_id, method_code, reading_seconds) VALUES (81, 'D-PROGNOSIS', 900);
INSERT INTO asset (id, name) SELECT 80 + n, 'plant ' || n FROM generate_series(7, 11) n;
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE SELECT 80 + n, 80 + n, 5, 'power', 'import', 900 FROM generate_series(7, 11) n;
INSERT INTO meter_reading (channel_id, starts_at, value) SELECT 80 + n, '2026-04-16T16:00Z', n * 1000 FROM generate_series(7, 11) n;
INSERT INTO baseline_nomination (product_id, service_provider_id, asset_id, starts_at, kwh) SELECT 81, 5, 80 + n, '2026-04-16T16:00Z', 2500 FROM generate_series(7, 11) n;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 930 + n, 81, 5, 80 + n, 'up', 2000, '2026-04-16T16:00Z/PT15M' FROM generate_series(7, 11) n;
SELECT * FROM verify(market_id => 3, within => '2026-04-16T00:00Z/P1D', at => '2026-05-01');
SELECT trim_scale(allocation_kwh / 250) AS allocation, trim_scale(realised_kwh / 250) AS realised, trim_scale(delivered_kwh / 250) AS delivered, trim_scale(deviation_kwh / 250) AS deviation, trim_scale(deficiency_kwh / 250) AS deficiency FROM delivery_deviation WHERE dispatch_id BETWEEN 937 AND 941 ORDER BY 1;
-- the same, settled: 7 EUR/MW, penalty 11 EUR/MW; and a corrected reading, from the run that changed to the reading
INSERT INTO settlement_mechanism SELECT (jsonb_populate_record(m, '{"id": 900, "version": 2, "penalty_price": 11}')).* FROM settlement_mechanism m WHERE m.code = 'uftp';
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (81, 'dispatch', 900);
UPDATE dispatch SET utilisation_price_per_mwh = 7 WHERE product_id = 81;
SELECT settle(3, '2026-04-01', 'initial') AS run \gset
SELECT 10 - trim_scale(delivered) AS allocation, trim_scale(payment) AS paid, trim_scale(penalty) AS penalty, trim_scale(amount) AS settlement FROM settlement_line WHERE run_id = :run ORDER BY 1;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (89, 5, '2020-01-01T00:00Z/infinity');
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kw) SELECT 5, 'id', '89', '2026-04-16T16:00Z', 'PT15M', '8500';
SELECT recorded, unchanged FROM verify(market_id => 3, within => '2026-04-16T00:00Z/P1D', at => '2026-05-01');
SELECT settle(3, '2026-04-01', 'revised') AS run \gset
SELECT c.trade_id, c.before, c.after, c.change, c.cause, x.cause, x.starts_at, x.before_kwh, x.after_kwh, x.detail
FROM settlement_changes(:run) c, unnest(c.changed_deliveries) d, explain_verification_change(delivery_before(d), d) x;
SELECT dispatch_id, periods, ratio, worst_ratio, first_ratio, deficiency_kwh, over_kwh FROM dispatch_performance WHERE dispatch_id BETWEEN 937 AND 941 OR dispatch_id = 911 ORDER BY 1;
SELECT * FROM delivery_performance('2026-04-01', 'provider') WHERE subject_id = 5;
SELECT count(*) FROM delivery_performance('2026-04-01') WHERE subject_id BETWEEN 87 AND 91;
SELECT count(*) FROM delivery_performance('2026-03-01', 'market') WHERE subject_id = 3;

-- ---------------------------------------------------------------- against an oracle

-- A random month with a clock change: gaps, estimates, corrections, portfolios whose members come and go, windows that begin at any minute and overlap.
-- The oracle goes minute by minute: what a minute has is a thirtieth of its half-hour.
SELECT flexexchange.create_exchange('verify_oracle');
SET search_path = verify_oracle, flexexchange;
CREATE FUNCTION pg_temp.draw(i bigint, seed bigint, many integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT mod(abs(hashint8extended(i, seed) / 2), many)::integer $$;
INSERT INTO participant (id, name, kinds) OVERRIDING SYSTEM VALUE VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) OVERRIDING SYSTEM VALUE VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE SELECT p, 1, 'P' || p, 'x', ('{SU,SU,OUrt,DM,DR}'::text[])[p] FROM generate_series(1, 5) p;
INSERT INTO verification_terms (product_id, method_code, missing_rule, missing_share, fill_steps, estimated_counts, below_zero, capped) VALUES
  (1, 'BL01-UNADJUSTED', 'exclude', 0, 0, true, 'counted', false), (2, 'MID-8-OF-10', 'zero', 0, 1, false, 'clamped_by_meter', true), (3, 'BL01', 'as_requested', 0.6, 0, false, 'clamped', false),
  (4, 'HIGH-5-OF-10', 'exclude', 0.4, 1, true, 'counted', true), (5, '10-OF-10', 'as_requested', 0.3, 0, true, 'counted', false);
INSERT INTO asset (id, name) SELECT 100 + n, 'asset ' || n FROM generate_series(1, 8) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (201, 'first', 2), (202, 'second', 2);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid) VALUES
  (201, 101, 4, 4, '2026-01-01T00:00Z/infinity'), (201, 102, 2, 2, '2026-01-01T00:00Z/2026-03-29T23:00Z'), (201, 103, 1, 1, '2026-03-25T00:00Z/infinity'), (201, 104, 5, 5, '2026-03-31T23:00Z/infinity'),
  (202, 104, 3, 3, '2026-01-01T00:00Z/infinity'), (202, 105, NULL, 2, '2026-01-01T00:00Z/infinity'), (202, 106, 2, 2, '2026-03-20T00:00Z/2026-04-05T23:00Z');
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE SELECT id, id, 2, CASE WHEN id % 2 = 0 THEN 'power' ELSE 'energy' END, 'import', 1800 FROM asset;
-- every reading comes by the intake, some twice, in different form
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh, kw, quality)
SELECT 2, 'id', a.id::text, to_char(s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'PT30M', CASE WHEN a.id % 2 = 1 THEN v.kwh END, CASE WHEN a.id % 2 = 0 THEN 2 * v.kwh END, CASE WHEN pg_temp.draw(x.i, 2, 20) = 0 THEN 'E' ELSE 'A' END
FROM asset a, generate_series('2026-03-01T00:00Z'::timestamptz, '2026-04-15T00:00Z', '30 minutes') s, LATERAL (SELECT a.id * 1000000 + (extract(epoch FROM s) / 1800)::bigint % 1000000 AS i) x,
     LATERAL (SELECT round((5 + pg_temp.draw(x.i, 1, 100)) / 10.0, 4) AS kwh) v
WHERE pg_temp.draw(x.i, 3, 40) > 0 AND NOT (s >= '2026-03-29T12:00Z' AND pg_temp.draw(x.i, 4, 12) = 0);
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh, kw)
SELECT 2, 'id', a.id::text, to_char(s AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'PT30M', CASE WHEN a.id % 2 = 1 THEN 7 END, CASE WHEN a.id % 2 = 0 THEN 14 END
FROM asset a, generate_series('2026-03-01T00:00Z'::timestamptz, '2026-04-15T00:00Z', '30 minutes') s, LATERAL (SELECT a.id * 1000000 + (extract(epoch FROM s) / 1800)::bigint % 1000000 AS i) x WHERE pg_temp.draw(x.i, 5, 60) = 0;
-- 150 dispatches from 25 March to 1 April, between 06:00 and 22:00 UTC
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, recorded_at)
SELECT 10000 + i, 1 + pg_temp.draw(i, 11, 5), 2, CASE WHEN u < 108 THEN 101 + u - 100 END, CASE WHEN u >= 108 THEN 201 + u % 2 END, CASE WHEN pg_temp.draw(i, 13, 4) < CASE WHEN pg_temp.draw(i, 11, 5) > 2 THEN 3 ELSE 1 END THEN 'down' ELSE 'up' END, 1 + pg_temp.draw(i, 14, 10),
       time_window(s, s + (10 + pg_temp.draw(i, 17, 120)) * interval '1 minute'), '2026-03-01T00:00Z'::timestamptz + pg_temp.draw(i, 18, 100000) * interval '1 second'
FROM generate_series(1, 150) i, LATERAL (SELECT 100 + pg_temp.draw(i, 12, 12) AS u) x, LATERAL (SELECT '2026-03-25T06:00Z'::timestamptz + pg_temp.draw(i, 15, 8) * interval '1 day' + pg_temp.draw(i, 16, 840) * interval '1 minute' AS s) y;
-- in two calls, the second of which finds the others' dispatches verified
SELECT * FROM verify(ARRAY(SELECT id FROM dispatch WHERE id % 2 = 0), at => '2026-05-01');
SELECT dispatches, recorded, unchanged FROM verify(market_id => 1, within => '2026-03-01T00:00Z/2026-05-01T00:00Z', at => '2026-05-01');

CREATE TEMP TABLE oracle_member AS
SELECT d.id AS dispatch_id, t AS minute, a.asset_id, a.lent, date_bin('30 minutes', t, '2000-01-01') AS period, d.direction, d.power_kw, d.product_id, d.recorded_at
FROM dispatch d, generate_series(lower(d.delivery_window), upper(d.delivery_window) - interval '1 minute', '1 minute') t,
     LATERAL (SELECT d.asset_id, 1::numeric AS lent WHERE d.asset_id IS NOT NULL
              UNION ALL SELECT m.asset_id, CASE d.direction WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END FROM portfolio_member m
              WHERE m.portfolio_id = d.portfolio_id AND m.valid @> greatest(date_bin('30 minutes', t, '2000-01-01'), lower(d.delivery_window))) a;
CREATE INDEX ON oracle_member (dispatch_id, minute);
ANALYZE oracle_member;
CREATE TEMP TABLE oracle_request AS
SELECT m.*, m.power_kw / 60 * (SELECT CASE WHEN bool_or(o.lent IS NULL) THEN 1.0 / count(*) ELSE m.lent / sum(o.lent) END FROM oracle_member o WHERE o.dispatch_id = m.dispatch_id AND o.minute = m.minute) AS kwh FROM oracle_member m;
CREATE INDEX ON oracle_request (asset_id, minute);
ANALYZE oracle_request;
CREATE TEMP TABLE oracle_baseline AS
SELECT x.dispatch_id, x.asset_id, x.starts_at + (k.n - 1) * interval '30 minutes' AS period, k.kwh
FROM (SELECT r.dispatch_id, r.asset_id, r.product_id, min(date_bin('30 minutes', lower(d.delivery_window), '2000-01-01')) AS starts_at, max(date_bin('30 minutes', upper(d.delivery_window) - interval '1 minute', '2000-01-01')) + interval '30 minutes' AS ends_at
      FROM oracle_request r JOIN dispatch d ON d.id = r.dispatch_id GROUP BY 1, 2, 3) x
JOIN verification_terms t ON t.product_id = x.product_id, LATERAL event_baselines(t.method_code, ARRAY[x.asset_id], ARRAY[time_window(x.starts_at, x.ends_at)]) b, LATERAL unnest(b.baseline_kwh) WITH ORDINALITY AS k (kwh, n);
CREATE TEMP TABLE oracle_reading AS
SELECT t.product_id, c.resource_id AS asset_id, s AS period,
       CASE WHEN r.value IS NOT NULL AND (t.estimated_counts OR r.quality = 'A') THEN r.kwh WHEN t.fill_steps > 0 THEN round((b.kwh + e.kwh) / 2, 4) END AS kwh
FROM verification_terms t CROSS JOIN meter_channel c CROSS JOIN generate_series('2026-03-25'::timestamptz, '2026-04-15', '30 minutes') s
LEFT JOIN (SELECT m.*, CASE WHEN channel_id % 2 = 0 THEN round(value / 2, 4) ELSE value END AS kwh FROM meter_reading m) r ON r.channel_id = c.id AND r.starts_at = s
LEFT JOIN (SELECT m.*, CASE WHEN channel_id % 2 = 0 THEN value / 2 ELSE value END AS kwh FROM meter_reading m) b ON b.channel_id = c.id AND b.starts_at = s - interval '30 minutes' AND (t.estimated_counts OR b.quality = 'A')
LEFT JOIN (SELECT m.*, CASE WHEN channel_id % 2 = 0 THEN value / 2 ELSE value END AS kwh FROM meter_reading m) e ON e.channel_id = c.id AND e.starts_at = s + interval '30 minutes' AND (t.estimated_counts OR e.quality = 'A');
CREATE INDEX ON oracle_reading (asset_id, period, product_id);
CREATE INDEX ON oracle_baseline (dispatch_id, asset_id, period);
ANALYZE oracle_reading;
ANALYZE oracle_baseline;
CREATE TEMP TABLE oracle_minute AS
SELECT r.dispatch_id, r.period, r.asset_id, r.product_id, r.kwh AS requested, (b.kwh - m.kwh) / 30 * CASE r.direction WHEN 'up' THEN 1 ELSE -1 END AS measured, o.*
FROM oracle_request r
LEFT JOIN oracle_baseline b ON b.dispatch_id = r.dispatch_id AND b.asset_id = r.asset_id AND b.period = r.period
LEFT JOIN oracle_reading m ON m.product_id = r.product_id AND m.asset_id = r.asset_id AND m.period = r.period
CROSS JOIN LATERAL (
  SELECT coalesce(sum(o.kwh) FILTER (WHERE o.direction <> r.direction), 0) AS opposing, coalesce(sum(o.kwh) FILTER (WHERE o.direction = r.direction AND NOT x.exclusive), 0) AS adding,
         coalesce(bool_or(o.direction = r.direction AND x.exclusive AND (o.recorded_at, o.dispatch_id) < (r.recorded_at, r.dispatch_id)), false) AS barred
  FROM oracle_request o CROSS JOIN LATERAL (SELECT r.direction = 'down' AND o.product_id + r.product_id = 9 AND o.product_id <> r.product_id AND least(o.product_id, r.product_id) = 4 AS exclusive) x
  WHERE o.asset_id = r.asset_id AND o.minute = r.minute AND o.dispatch_id <> r.dispatch_id) o;
CREATE TEMP TABLE oracle AS
SELECT p.dispatch_id, p.period, sum(p.requested) AS requested, count(*) AS assets, count(*) FILTER (WHERE p.measured IS NULL) AS missing,
       sum(CASE t.below_zero WHEN 'clamped_by_meter' THEN greatest(p.delivered, 0) ELSE p.delivered END) AS there, sum(p.open) FILTER (WHERE p.measured IS NULL) AS not_there, t.missing_rule, t.missing_share, t.below_zero, t.capped
FROM (SELECT m.dispatch_id, m.period, m.asset_id, m.product_id, sum(m.requested) AS requested, sum(m.measured) AS measured,
             sum(CASE WHEN m.barred THEN 0 ELSE (m.measured + m.opposing) * m.requested / (m.requested + m.adding) END) AS delivered, sum(CASE WHEN m.barred THEN 0 ELSE m.requested END) AS open FROM oracle_minute m GROUP BY 1, 2, 3, 4) p
JOIN verification_terms t USING (product_id) GROUP BY p.dispatch_id, p.period, t.missing_rule, t.missing_share, t.below_zero, t.capped;
CREATE TEMP TABLE answer AS
SELECT o.*, CASE WHEN o.capped THEN least(c.kwh, o.requested) ELSE c.kwh END AS delivered
FROM oracle o CROSS JOIN LATERAL (
  SELECT CASE WHEN o.missing = 0 THEN o.there WHEN o.missing_rule = 'zero' THEN coalesce(o.there, 0) WHEN o.missing::numeric / o.assets > o.missing_share THEN NULL
              WHEN o.missing_rule = 'as_requested' THEN coalesce(o.there, 0) + o.not_there ELSE coalesce(o.there, 0) END AS kwh) k
CROSS JOIN LATERAL (SELECT CASE WHEN o.below_zero = 'counted' OR k.kwh IS NULL THEN k.kwh ELSE greatest(k.kwh, 0) END AS kwh) c;
SELECT count(*) AS periods, count(*) FILTER (WHERE missing > 0) > 20 AS with_missing, count(*) FILTER (WHERE delivered IS NULL) > 10 AS excluded, (SELECT count(*) > 20 FROM joint_delivery) AS joint, (SELECT count(*) > 0 FROM joint_delivery WHERE joint_use = 'not_allowed') AS barred,
       (SELECT count(*) > 0 FROM verification WHERE steps_filled > 0) AS filled, (SELECT count(*) > 0 FROM verification WHERE steps_estimated > 0) AS estimated FROM answer;
SELECT coalesce(a.dispatch_id, d.dispatch_id) AS dispatch, a.period, a.requested, d.requested_kwh, a.delivered, d.delivered_kwh, v.rule, v.joint_use, a.assets, v.meters
FROM answer a FULL JOIN (SELECT * FROM delivery WHERE superseded_at IS NULL) d ON d.dispatch_id = a.dispatch_id AND date_bin('30 minutes', lower(d.delivery_window), '2000-01-01') = a.period
LEFT JOIN verification v ON v.delivery_id = d.id
WHERE a.dispatch_id IS NULL OR d.id IS NULL OR abs(a.requested - d.requested_kwh) > 0.00001 OR (a.delivered IS NULL) <> (d.delivered_kwh IS NULL) OR abs(a.delivered - d.delivered_kwh) > 0.0001 OR a.assets <> v.meters OR a.missing <> v.steps_missing
ORDER BY 1, 2 LIMIT 20;
SELECT flexexchange.drop_exchange('verify_oracle', with_data => true);
SET search_path = verify_test, flexexchange;

-- ---------------------------------------------------------------- who may

CREATE ROLE verify_dso IN ROLE flexexchange_participant;
CREATE ROLE verify_eso IN ROLE flexexchange_participant;
CREATE ROLE verify_seller IN ROLE flexexchange_participant;
CREATE ROLE verify_supplier IN ROLE flexexchange_participant;
CREATE ROLE verify_regulator IN ROLE flexexchange_regulator;
CREATE ROLE verify_operator IN ROLE flexexchange_operator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('verify_dso', 1), ('verify_seller', 2), ('verify_supplier', 3), ('verify_eso', 4);
\set VERBOSITY sqlstate
SET ROLE verify_seller;
SELECT verify('{911}');
SELECT verify_availability(1, '2026-04-16T00:00Z/P1D');
INSERT INTO verification_terms (product_id, method_code) VALUES (1, 'ZERO');
INSERT INTO baseline_choice (product_id, service_provider_id, asset_id, method_code, valid) VALUES (61, 2, 12, 'ZERO', '2099-01-01T00:00Z/infinity');
SELECT count(*) > 50 AS own FROM verification;
SET ROLE verify_eso;
SELECT verify('{911}');
SELECT verify(market_id => 1, within => '2026-04-16T00:00Z/P1D');
SELECT recorded FROM verify(market_id => 2, within => '2026-04-16T00:00Z/P1D', at => '2026-04-17');
SELECT DISTINCT product_id BETWEEN 2 AND 6 AS bought FROM verification;
SELECT DISTINCT product_id BETWEEN 2 AND 6 AS bought FROM verification_meter;
SET ROLE verify_dso;
SELECT unchanged > 0 AS looked_at FROM verify(market_id => 1, within => '2026-04-16T00:00Z/P1D', at => '2026-04-17');
-- it looks back, and does not take for over what is still to come; the operator of the exchange may
SELECT verify(market_id => 1, within => '2026-04-16T00:00Z/P1D', at => now() + interval '1 second');
SELECT verify('{911}', at => 'infinity');
SELECT verify_availability(1, '2026-04-16T00:00Z/P1D', now() + interval '1 second');
SELECT verify('{911}', at => NULL);
INSERT INTO verification_terms (product_id, method_code) VALUES (2, 'ZERO');
INSERT INTO verification (delivery_id, trade_id, product_id, service_provider_id, unit_id, delivery_window, terms_id, meters, steps, steps_missing, steps_estimated, steps_filled, rule, known_at) VALUES (1, 1, 1, 2, 11, '2026-04-16T16:00Z/PT1H', 1, 1, 1, 0, 0, 0, 'measured', now());
INSERT INTO metering_point_supplier VALUES (101, 1);
-- the buyer of one product is told that there is another dispatch, and how much of the effect is its
SELECT DISTINCT joint_use FROM joint_delivery WHERE trade_id = 911;
-- and not which it is, by whatever way
SELECT DISTINCT with_trades, of_others FROM joint_delivery WHERE trade_id = 911;
SELECT DISTINCT x.because FROM joint_delivery j CROSS JOIN explain_verification(j.delivery_id) x WHERE j.trade_id = 911 AND x.name = 'others';
SELECT with_trades FROM verification;
SELECT * FROM verification;
SELECT DISTINCT x.detail FROM delivery d JOIN delivery o ON o.id = delivery_before(d.id) CROSS JOIN explain_verification_change(o.id, d.id) x WHERE d.trade_id = 911 AND x.cause = 'joint use';
SELECT joint_trades((SELECT min(v.delivery_id) FROM verification v)) IS NULL AS own_is_null;
RESET ROLE;
SELECT min(v.delivery_id) AS of_eso FROM verification v WHERE v.product_id BETWEEN 2 AND 6 AND v.joint_use IS NOT NULL \gset
SET ROLE verify_dso;
SELECT joint_trades(:of_eso), joint_trades_differ(:of_eso, :of_eso);
-- who sells both reads both, and the exchange
SET ROLE verify_seller;
SELECT DISTINCT with_trades, of_others FROM joint_delivery WHERE trade_id = 911;
SET ROLE verify_regulator;
SELECT DISTINCT with_trades, of_others FROM joint_delivery WHERE trade_id = 911;
SET ROLE verify_operator;
SELECT unchanged > 0 AS looked_at FROM verify(market_id => 1, within => '2026-04-16T00:00Z/P1D', at => now() + interval '1 second');
SET ROLE verify_supplier;
SELECT count(*) FROM verification;
SELECT count(*) FROM imbalance_adjustment;
SELECT supplier_id, metering_point_id, settlement_period, reason, kwh, deliveries FROM supplier_adjustments('2026-04-15T00:00Z/2026-04-17T00:00Z');
SET ROLE verify_regulator;
SELECT count(*) = 5 AS all_of_them, count(*) FILTER (WHERE supplier_id IS NULL) > 0 AS unknown FROM supplier_adjustments('2026-04-15T00:00Z/2026-04-17T00:00Z');
RESET ROLE;
\set VERBOSITY terse

SELECT flexexchange.drop_exchange('verify_test', with_data => true);
DROP ROLE verify_dso, verify_eso, verify_seller, verify_supplier, verify_regulator, verify_operator;
