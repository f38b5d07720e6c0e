-- Readings: taken as they come, judged row by row, corrected without loss, added up by the day.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('reading_test');
SET search_path = reading_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Volt', '{service_provider}'), (2, 'Ampere', '{service_provider}'), (3, 'Northgrid', '{market_operator}');
CREATE ROLE reading_volt IN ROLE flexexchange_participant;
CREATE ROLE reading_ampere IN ROLE flexexchange_participant;
CREATE ROLE reading_grid IN ROLE flexexchange_participant;
INSERT INTO participant_login (role_name, participant_id) VALUES ('reading_volt', 1), ('reading_ampere', 2), ('reading_grid', 3);
INSERT INTO metering_point (id, mpan) VALUES (11, '1470116845051');
INSERT INTO asset (id, name, metering_point_id) VALUES (101, 'charger', 11), (102, 'battery', NULL), (103, 'heat pump', NULL);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (101, 1, '2020-01-01T00:00Z/2026-06-01T00:00Z'), (101, 2, '2026-06-01T00:00Z/infinity'), (102, 1, '2020-01-01T00:00Z/infinity'), (103, 2, '2020-01-01T00:00Z/infinity');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (201, 'street', 1);
INSERT INTO external_id (scheme, value, asset_id) VALUES ('charger_id', 'EV-7', 101);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local', 3);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
-- what everybody who looks sees, without what a clock or a sequence makes
CREATE VIEW rejection AS SELECT sender_id, line, rule, column_name, value, reason FROM meter_reading_rejection WHERE received_at = (SELECT max(received_at) FROM meter_reading_batch) ORDER BY line;
CREATE VIEW outcome AS SELECT sender_id, rows_read, stored, corrected, unchanged, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 1;
CREATE VIEW held AS SELECT resource_id, sender_id, quantity, flow, starts_at, ends_at, energy_kwh, mean_power_kw, quality FROM reading ORDER BY resource_id, sender_id, flow, starts_at;
GRANT SELECT ON rejection, outcome, held TO flexexchange_participant;

-- a provider sends by every name that it has for a unit, with both ends, a length, or an end and a length, as energy or as power
SET ROLE reading_volt;
COPY meter_reading_intake (scheme, unit, flow, starts_at, ends_at, length, kwh, kw, quality) FROM STDIN (FORMAT csv);
mpan,1470116845051,import,2026-05-01T00:00Z,2026-05-01T00:30Z,,1.5,,A
charger_id,EV-7,import,2026-05-01T00:00Z,,PT30M,1.25,,A
id,102,net,2026-05-01T00:00+01:00,,PT1M,,-250.5,A
id,102,net,,2026-04-30T23:02Z,PT60S,,0,E
id,201,export,2026-05-01 00:00:00Z,2026-05-01T00:15:00.000Z,PT15M,12.3400,,S
\.
SELECT * FROM outcome;
SELECT * FROM held;
-- the length of a channel that is there need not be said again
INSERT INTO meter_reading_intake (scheme, unit, starts_at, kwh) VALUES ('charger_id', 'EV-7', '2026-05-01T00:30Z', '1.3');
SELECT * FROM outcome;

-- each rule, by a row that breaks it; nothing else of the batch is lost
COPY meter_reading_intake (scheme, unit, flow, starts_at, ends_at, length, kwh, kw, quality) FROM STDIN (FORMAT csv);
,EV-7,import,2026-05-01T01:00Z,,PT30M,1,,A
charger_id,,import,2026-05-01T01:00Z,,PT30M,1,,A
charger_id,EV-8,import,2026-05-01T01:00Z,,PT30M,1,,A
id,103,import,2026-05-01T01:00Z,,PT30M,1,,A
id,99999999999999999999,import,2026-05-01T01:00Z,,PT30M,1,,A
mrid,not-a-uuid,import,2026-05-01T01:00Z,,PT30M,1,,A
charger_id,EV-7,sideways,2026-05-01T01:00Z,,PT30M,1,,A
charger_id,EV-7,,2026-05-01T01:00Z,,PT30M,1,,A
charger_id,EV-7,import,,,PT30M,1,,A
charger_id,EV-7,import,yesterday,,PT30M,1,,A
charger_id,EV-7,import,2026-02-29T01:00Z,,PT30M,1,,A
charger_id,EV-7,import,2026-05-01T25:00Z,,PT30M,1,,A
charger_id,EV-7,import,01/05/2026 01:00,,PT30M,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,2026-05-01T01:00Z,,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,2026-05-01T01:30Z,PT15M,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,half an hour,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT0M,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT15M,1,,A
charger_id,EV-7,export,2026-05-01T01:00Z,,PT7M,1,,A
charger_id,EV-7,export,2026-05-01T01:00Z,,,1,,A
charger_id,EV-7,import,2026-05-01T01:10Z,,PT30M,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,1,2,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,Null,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,1e3,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,NaN,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,-0.1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,9999999999.99995,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,10000000000,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,1,,X
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,1,,
charger_id,EV-7,import,2126-05-01T01:00Z,,PT30M,1,,A
charger_id,EV-7,import,2026-06-01T01:00Z,,PT30M,1,,A
charger_id,EV-7,import,2026-05-31T23:45Z,2026-06-01T00:15Z,,1,,A
charger_id,EV-7,import,2026-05-01T01:00Z,,PT30M,0.00010,,A
charger_id,EV-7,import,2026-05-01T01:30Z,,PT30M,9999999999.9999,,A
\.
SELECT line, rule, column_name, value, reason FROM rejection;
SELECT * FROM outcome;
SELECT starts_at, energy_kwh FROM reading WHERE starts_at >= '2026-05-01T01:00Z' ORDER BY starts_at;

-- what is too fine is rounded as numeric does
SELECT open_channel(102, 'power', 'net', '1 second') > 0 AS opened;
INSERT INTO meter_reading_intake (scheme, unit, flow, starts_at, length, kw)
SELECT 'id', '102', 'net', to_char('2026-05-03'::timestamp + n * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'PT1S', v FROM unnest('{0.00004,0.00005,-0.00005,1.0089999,1.0420001,2.99995,.5,7.,+3.0000499999,-1.00014999}'::text[]) WITH ORDINALITY AS x (v, n);
SELECT count(*) AS readings, count(*) FILTER (WHERE r.mean_power_kw IS DISTINCT FROM v::numeric(14,4)) AS differing
FROM unnest('{0.00004,0.00005,-0.00005,1.0089999,1.0420001,2.99995,.5,7.,+3.0000499999,-1.00014999}'::text[]) WITH ORDINALITY AS x (v, n)
JOIN reading r ON r.starts_at = '2026-05-03T00:00Z'::timestamptz + n * interval '1 second';
-- clocks: an hour that is skipped, and one that comes twice, told apart by offsets, by the other end, or by their order
COPY meter_reading_intake (scheme, unit, starts_at, ends_at, length, kwh) FROM STDIN (FORMAT csv);
charger_id,EV-7,2025-10-26T00:30,,PT30M,1
charger_id,EV-7,2025-10-26T01:00,,PT30M,2
charger_id,EV-7,2025-10-26T01:30,,PT30M,3
charger_id,EV-7,2025-10-26T01:00,,PT30M,4
charger_id,EV-7,2025-10-26T01:30,,PT30M,5
charger_id,EV-7,2025-10-26T02:00,,PT30M,6
charger_id,EV-7,2026-03-29T00:30,,PT30M,7
charger_id,EV-7,2026-03-29T01:30,,PT30M,8
charger_id,EV-7,2026-03-29T02:00,,PT30M,9
charger_id,EV-7,2024-10-27T01:00+01:00,,PT30M,10
charger_id,EV-7,2024-10-27T01:30+0000,,PT30M,11
charger_id,EV-7,2023-10-29T01:30,2023-10-29T02:00,PT30M,12
charger_id,EV-7,2023-10-29T00:30,2023-10-29T01:00,PT30M,13
charger_id,EV-7,2022-10-30T01:30,,PT30M,14
charger_id,EV-7,2021-10-31T01:00,,PT30M,15
charger_id,EV-7,2021-10-31T01:00,,PT30M,16
charger_id,EV-7,2021-10-31T01:00,,PT30M,17
charger_id,EV-7,2022-10-30T01:00,2022-10-30T02:30,,18
\.
SELECT line, rule, column_name, value, reason FROM rejection;
SELECT starts_at, energy_kwh FROM reading WHERE extract(month FROM starts_at) IN (3, 10) ORDER BY starts_at;
-- the days on which clocks change have 46 and 50 half-hours
SELECT day, readings, energy_kwh FROM daily_reading WHERE extract(month FROM day) IN (3, 10) ORDER BY day;

-- what is said again changes nothing; what is said otherwise takes its place, and what was said stays
INSERT INTO meter_reading_intake (scheme, unit, starts_at, kwh, quality) VALUES
  ('charger_id', 'EV-7', '2026-05-01T00:00Z', '1.25', 'A'), ('charger_id', 'EV-7', '2026-05-01T00:30Z', '1.4', 'A'), ('charger_id', 'EV-7', '2026-05-01T02:00Z', '2', 'E'),
  ('charger_id', 'EV-7', '2026-05-01T02:30Z', '2', 'E'), ('charger_id', 'EV-7', '2026-05-01T02:30Z', '2', 'E'), ('charger_id', 'EV-7', '2026-05-01T03:00Z', '7', 'A'), ('charger_id', 'EV-7', '2026-05-01T03:00Z', '8', 'A');
SELECT * FROM outcome;
SELECT line, rule, value, reason FROM rejection;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, kwh, quality) VALUES ('charger_id', 'EV-7', '2026-05-01T02:00Z', '2', 'A');
SELECT starts_at, value, quality FROM meter_reading_superseded ORDER BY starts_at;
SELECT (SELECT energy_kwh FROM reading_as_of(s.superseded_at - interval '1 microsecond') r WHERE r.starts_at = s.starts_at AND r.channel_id = s.channel_id) AS before,
       (SELECT energy_kwh FROM reading_as_of(s.superseded_at) r WHERE r.starts_at = s.starts_at AND r.channel_id = s.channel_id) AS after
FROM meter_reading_superseded s ORDER BY s.starts_at;

-- minutes beside half-hours, on purpose
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('charger_id', 'EV-7', '2026-05-02T00:00Z', 'PT1M', '0.1');
SELECT open_channel(101, 'energy', 'import', '1 minute') = open_channel(101, 'energy', 'import', '1 minute') AS same;
SELECT resend_rejected_readings((SELECT max(received_at) FROM meter_reading_batch));
SELECT * FROM outcome;
SELECT open_channel(103, 'energy', 'import', '1 minute');
SELECT open_channel(101, 'energy', 'import', '7 minutes');
SELECT open_channel(101, 'heat', 'import', '1 minute');
-- which of two lengths is meant has to be said now
INSERT INTO meter_reading_intake (scheme, unit, starts_at, kwh) VALUES ('charger_id', 'EV-7', '2026-05-03T00:00Z', '0.1');
SELECT rule, reason FROM rejection;
SELECT missing, steps FROM reading_gaps('2026-05-01T00:00Z/PT4H') g JOIN meter_channel c ON c.id = g.channel_id WHERE c.asset_id = 101 AND c.interval_seconds = 1800;

-- who has the unit since June sends since June, in a channel of its own
SET ROLE reading_ampere;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('charger_id', 'EV-7', '2026-05-01T00:00Z', 'PT30M', '99'), ('charger_id', 'EV-7', '2026-06-01T00:00Z', 'PT30M', '3');
SELECT line, rule, reason FROM rejection;
-- it reads its own alone
SELECT resource_id, starts_at, energy_kwh FROM reading;
SELECT count(*) FROM meter_reading_rejection WHERE sender_id <> 2;
-- and can neither write for another nor past the intake
INSERT INTO meter_reading_intake (sender_id, unit) VALUES (1, 'x');
INSERT INTO meter_reading VALUES (1, now(), now(), 1);
UPDATE meter_reading SET value = 0;
SELECT * FROM meter_reading_default;
SELECT * FROM meter_reading_intake;
-- a buyer reads nothing until it has bought something of the unit, then what there is of it and its meter, whoever sent it
SET ROLE reading_grid;
SELECT count(*) FROM reading;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '102', '2026-05-01T00:00Z', 'PT30M', '1');
SELECT rule FROM rejection;
RESET ROLE;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 101, 'up', 5, '2026-07-01T17:00Z/PT1H');
SET ROLE reading_grid;
SELECT resource_id, sender_id, count(*) FROM reading GROUP BY 1, 2 ORDER BY 1, 2;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', '2026-05-01T00:00Z', 'PT30M', '1');
SELECT * FROM outcome;
RESET ROLE;
-- a session that acts for nobody
SET ROLE flexexchange_participant;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '102', '2026-05-01T00:00Z', 'PT30M', '1');
RESET ROLE;
SELECT rule, column_name, reason FROM rejection;

-- what is rolled back leaves nothing; what a function writes on the way is a batch of its own
SET ROLE reading_volt;
BEGIN;
SAVEPOINT s;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '102', '2026-04-01T00:00Z', 'PT30M', '1');
ROLLBACK TO s;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '102', '2026-04-01T00:30Z', 'PT30M', '1');
COMMIT;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) SELECT 'id', '102', CASE n WHEN 2 THEN (1 / (n - 2))::text ELSE '2026-04-01T03:00Z' END, 'PT30M', '1' FROM generate_series(1, 2) n;
RESET ROLE;
CREATE FUNCTION writes_itself(fails boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) SELECT 1, 'id', '102', CASE WHEN fails AND n = 2 THEN (1 / (n - 2))::text ELSE '2026-04-01T01:00Z' END, 'PT30M', '1' FROM generate_series(1, 2) n;
  RETURN '2026-04-01T02:00Z';
EXCEPTION WHEN division_by_zero THEN
  RETURN '2026-04-01T02:30Z';
END $$;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) SELECT 1, 'id', '102', writes_itself(n = 2), 'PT30M', n::text FROM generate_series(1, 3) n;
SELECT sender_id, rows_read, stored, corrected, unchanged, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 3;
SELECT starts_at, energy_kwh FROM reading WHERE resource_id = 102 AND starts_at BETWEEN '2026-04-01' AND '2026-04-02' AND flow = 'import' ORDER BY 1;

-- random batches against the words of the rules: of what is said of a step the last holds, and nothing that held is lost
CREATE TABLE sent (batch integer, line bigint, unit text, starts_at timestamptz, value numeric, quality text);
INSERT INTO sent
SELECT b, row_number() OVER (PARTITION BY b ORDER BY hashint8extended(n, b)), (101 + (hashint8extended(n, 5 * b) & 1))::text,
       '2026-02-01T00:00Z'::timestamptz + (hashint8extended(n, 11 * b) & 63) * interval '30 minutes', (hashint8extended(n, 17 * b) & 3), CASE WHEN hashint8extended(n, 23 * b) & 7 = 0 THEN 'E' ELSE 'A' END
FROM generate_series(1, 12) b, generate_series(1, 40) n;
DO $$
BEGIN
  FOR b IN 1 .. 12 LOOP
    INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh, quality)
    SELECT 1, 'id', unit, to_char(starts_at, 'YYYY-MM-DD"T"HH24:MI"Z"'), 'PT30M', value::text, quality FROM sent WHERE batch = b ORDER BY line;
  END LOOP;
END $$;
WITH last AS (SELECT DISTINCT ON (batch, unit, starts_at) * FROM sent ORDER BY batch, unit, starts_at, line DESC),
told AS (SELECT l.*, lag((value, quality)) OVER w IS DISTINCT FROM (value, quality) AS is_new, count(*) OVER w AS nth FROM last l WINDOW w AS (PARTITION BY unit, starts_at ORDER BY batch)),
expected AS (SELECT DISTINCT ON (unit, starts_at) unit::bigint AS resource_id, starts_at, value AS energy_kwh, CASE quality WHEN 'A' THEN 'actual' ELSE 'estimated' END AS quality FROM told ORDER BY unit, starts_at, batch DESC),
actual AS (SELECT resource_id, starts_at, energy_kwh, quality FROM reading WHERE sender_id = 1 AND starts_at >= '2026-02-01' AND starts_at < '2026-03-01')
SELECT (SELECT count(*) FROM expected) AS steps, (SELECT count(*) FROM ((TABLE expected EXCEPT TABLE actual) UNION ALL (TABLE actual EXCEPT TABLE expected)) x) AS differing,
       (SELECT count(*) FROM told WHERE is_new AND nth > 1) = (SELECT count(*) FROM meter_reading_superseded WHERE starts_at < '2026-03-01' AND starts_at >= '2026-02-01') AS nothing_lost;

-- added up by the day: the same before and after, and after a change
CREATE VIEW naive AS
  SELECT c.resource_id, r.channel_id, c.sender_id, c.flow, (r.starts_at AT TIME ZONE 'Europe/London')::date AS day, count(*)::integer AS readings, count(*) FILTER (WHERE r.quality <> 'A')::integer AS estimated,
         round(sum(CASE c.quantity WHEN 'energy' THEN r.value ELSE r.value * c.interval_seconds / 3600 END), 4)::numeric(20,4) AS energy_kwh,
         round(max(CASE c.quantity WHEN 'power' THEN r.value ELSE r.value * 3600 / c.interval_seconds END), 4)::numeric(20,4) AS greatest_kw,
         round(min(CASE c.quantity WHEN 'power' THEN r.value ELSE r.value * 3600 / c.interval_seconds END), 4)::numeric(20,4) AS least_kw
  FROM meter_reading r JOIN meter_channel c ON c.id = r.channel_id GROUP BY 1, 2, 3, 4, 5;
CREATE VIEW naive_month AS SELECT channel_id, date_trunc('month', day)::date AS month, sum(readings) AS readings, sum(estimated) AS estimated, max(greatest_kw) AS greatest_kw, min(least_kw) AS least_kw FROM naive GROUP BY 1, 2;
CREATE VIEW kept_month AS SELECT channel_id, month, readings, estimated, greatest_kw::numeric(20,4), least_kw::numeric(20,4) FROM monthly_reading;
CREATE VIEW kept AS SELECT resource_id, channel_id, sender_id, flow, day, readings, estimated, energy_kwh::numeric(20,4), greatest_kw::numeric(20,4), least_kw::numeric(20,4) FROM daily_reading;
SELECT count(*) AS days, (SELECT count(*) FROM ((TABLE naive EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE naive)) x) AS differing,
  (SELECT count(*) FROM ((TABLE naive_month EXCEPT TABLE kept_month) UNION ALL (TABLE kept_month EXCEPT TABLE naive_month)) x) AS differing_months, (SELECT sum(energy_kwh) FROM naive) = (SELECT sum(energy_kwh) FROM monthly_reading) AS same_energy FROM kept;
SELECT refresh_reading_days() > 0 AS refreshed, refresh_reading_days() AS again;
SELECT count(*) AS days, (SELECT count(*) FROM ((TABLE naive EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE naive)) x) AS differing,
  (SELECT count(*) FROM ((TABLE naive_month EXCEPT TABLE kept_month) UNION ALL (TABLE kept_month EXCEPT TABLE naive_month)) x) AS differing_months, (SELECT sum(energy_kwh) FROM naive) = (SELECT sum(energy_kwh) FROM monthly_reading) AS same_energy FROM kept;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '102', '2026-02-01T12:00Z', 'PT30M', '99'), (1, 'id', '102', '2026-03-01T12:00Z', 'PT30M', '99');
SELECT day FROM stale_day WHERE fact = 'meter_reading' ORDER BY 1;
SELECT count(*) AS days, (SELECT count(*) FROM ((TABLE naive EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE naive)) x) AS differing,
  (SELECT count(*) FROM ((TABLE naive_month EXCEPT TABLE kept_month) UNION ALL (TABLE kept_month EXCEPT TABLE naive_month)) x) AS differing_months, (SELECT sum(energy_kwh) FROM naive) = (SELECT sum(energy_kwh) FROM monthly_reading) AS same_energy FROM kept;

-- months that nobody made wait in the default, get a partition of their own, and are retired
SELECT count(*) > 0 AS waiting FROM meter_reading_default;
SELECT table_name, partition_name, outcome FROM maintain_partitions() WHERE outcome = 'filled' ORDER BY 2;
SELECT count(*) AS waiting FROM meter_reading_default;
SELECT count(*) AS days, (SELECT count(*) FROM ((TABLE naive EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE naive)) x) AS differing,
  (SELECT count(*) FROM ((TABLE naive_month EXCEPT TABLE kept_month) UNION ALL (TABLE kept_month EXCEPT TABLE naive_month)) x) AS differing_months, (SELECT sum(energy_kwh) FROM naive) = (SELECT sum(energy_kwh) FROM monthly_reading) AS same_energy FROM kept;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '102', '2026-02-01T12:00Z', 'PT30M', '98');
SELECT * FROM outcome;
UPDATE partition_policy SET keep = now() - '2025-01-01T00:00Z' WHERE table_name = 'meter_reading';
SELECT partition_name, outcome FROM maintain_partitions() WHERE table_name = 'meter_reading' ORDER BY 1;
SELECT name, starts_at, ends_at, outcome FROM retired_partition ORDER BY name;
SELECT count(*) FROM meter_reading_2024_10;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'charger_id', 'EV-7', '2024-10-27T01:00Z', 'PT30M', '98');
SELECT rule, reason FROM rejection;
SELECT make_partition('meter_reading', '2024-10-05') IS NULL AS stays_retired;
UPDATE partition_policy SET retire = 'drop', keep = now() - '2025-12-01T00:00Z' WHERE table_name = 'meter_reading';
SELECT partition_name, outcome FROM maintain_partitions() WHERE table_name = 'meter_reading' ORDER BY 1;
SELECT to_regclass('meter_reading_2025_10') IS NULL AS gone;
SELECT make_partition('asset', now());
UPDATE partition_policy SET every = 'fortnight' WHERE table_name = 'meter_reading';
UPDATE partition_policy SET keep = '-1 day' WHERE table_name = 'meter_reading';
-- other lengths of partitions
CREATE TABLE tick (at timestamptz NOT NULL) PARTITION BY RANGE (at);
INSERT INTO partition_policy (table_name, every) VALUES ('tick', 'day');
SELECT make_partition('tick', '2026-05-01T13:00Z');
UPDATE partition_policy SET every = 'week' WHERE table_name = 'tick';
SELECT make_partition('tick', '2026-05-01T13:00Z') IS NULL AS overlaps, make_partition('tick', '2026-05-08T13:00Z');
UPDATE partition_policy SET every = 'quarter' WHERE table_name = 'tick';
SELECT make_partition('tick', '2026-07-08T13:00Z'), make_partition('tick', NULL);
UPDATE partition_policy SET every = 'year' WHERE table_name = 'tick';
SELECT make_partition('tick', '2027-07-08T13:00Z');
SELECT name, is_default, starts_at, ends_at FROM table_partition WHERE table_name = 'tick' ORDER BY starts_at;
-- the trigger belongs to the intake
CREATE TRIGGER x BEFORE INSERT ON sent FOR EACH ROW EXECUTE FUNCTION flexexchange.take_reading();
INSERT INTO sent DEFAULT VALUES;
DROP TRIGGER x ON sent;
CREATE TRIGGER x AFTER INSERT ON sent FOR EACH ROW EXECUTE FUNCTION flexexchange.take_reading();
INSERT INTO sent DEFAULT VALUES;
DROP ROLE reading_volt, reading_ampere, reading_grid;
SELECT flexexchange.drop_exchange('reading_test', true);
