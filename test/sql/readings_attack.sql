-- Readings and partitions, by somebody who means it badly or is unlucky.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('reading_attack');
SET search_path = reading_attack, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Volt', '{service_provider}'), (2, 'Ampere', '{service_provider}'), (3, 'Northgrid', '{market_operator}');
CREATE ROLE attack_volt IN ROLE flexexchange_participant;
CREATE ROLE attack_operator IN ROLE flexexchange_operator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('attack_volt', 1);
INSERT INTO asset (id, name) VALUES (101, 'battery'), (102, 'heat pump');
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES
  (101, 1, '2020-01-01T00:00Z/infinity'), (102, 1, '2020-01-01T00:00Z/2022-01-01T00:00Z'), (102, 2, '2022-01-01T00:00Z/2024-01-01T00:00Z'), (102, 1, '2024-01-01T00:00Z/infinity');
CREATE VIEW rejection AS SELECT sender_id, line, rule, column_name, value, reason FROM meter_reading_rejection WHERE received_at = (SELECT max(received_at) FROM meter_reading_batch) ORDER BY id;
GRANT SELECT ON rejection TO flexexchange_participant;

-- the operator keeps partitions, and throws no evidence away: neither by saying that it is none, nor by naming it anew
SELECT make_partition('event_log', '2020-01-01') IS NOT NULL AS made;
SET ROLE attack_operator;
UPDATE partition_policy SET is_only_added_to = false, keep = '1 day', retire = 'drop' WHERE table_name = 'event_log';
UPDATE partition_policy SET keep = '1 day', retire = 'drop' WHERE table_name = 'event_log';
DELETE FROM partition_policy WHERE table_name = 'event_log';
INSERT INTO partition_policy (table_name, keep, retire) VALUES ('asset', '1 day', 'drop');
UPDATE partition_policy SET row_key = '{value}' WHERE table_name = 'meter_reading';
UPDATE partition_policy SET every = 'quarter', ahead = 1, keep = '10 years', retire = 'drop' WHERE table_name = 'meter_reading';
SELECT * FROM retire_partitions('event_log');
SELECT make_partition('x"; DROP TABLE asset; --', now());
RESET ROLE;

-- who had a unit, lost it and has it again sends nothing of the time between, nor of a step that reaches into it
SET ROLE attack_volt;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES
  ('id', '102', '2021-12-31T23:30Z', 'PT30M', '1'), ('id', '102', '2022-01-01T00:00Z', 'PT30M', '1'), ('id', '102', '2023-12-31T23:30Z', 'PT30M', '1'), ('id', '102', '2024-01-01T00:00Z', 'PT30M', '1');
SELECT line, rule, value, reason FROM rejection;
SELECT starts_at FROM reading WHERE resource_id = 102 ORDER BY 1;

-- a file of which nothing is good is still somebody's
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', 'yesterday', 'PT30M', '1');
SELECT sender_id, rows_read, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 1;
RESET ROLE;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '101', '2026-01-01T00:00Z', 'PT30M', '1'), (2, 'id', '101', 'yesterday', 'PT30M', '1');
SELECT sender_id, rows_read, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 1;

-- the sender is asked for once a statement, and by each anew
CREATE ROLE attack_agent IN ROLE flexexchange_participant;
INSERT INTO participant_login (role_name, participant_id) VALUES ('attack_agent', 1), ('attack_agent', 2);
SET ROLE attack_agent;
DO $$
BEGIN
  FOR sender IN 1 .. 3 LOOP
    PERFORM act_for(1 + sender % 2);
    INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', 'yesterday', 'PT30M', sender), ('id', '101', 'tomorrow', 'PT30M', sender);
  END LOOP;
END $$;
SELECT statement_participant('now()');
SELECT statement_participant('abs(bigint)');
SELECT statement_participant(0);
RESET ROLE;
SELECT content ->> 'kwh' AS row, sender_id FROM meter_reading_rejection WHERE value IN ('yesterday', 'tomorrow') ORDER BY id DESC LIMIT 6;
CREATE SEQUENCE asked;
CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql RETURN nextval('asked');
SELECT statement_participant('counted()') AS first, n FROM generate_series(1, 2) n;
SELECT statement_participant('counted()') AS second, n FROM generate_series(1, 2) n;
DROP FUNCTION counted();
DROP SEQUENCE asked;
CREATE FUNCTION nobodys() RETURNS bigint LANGUAGE sql RETURN 1;
REVOKE ALL ON FUNCTION nobodys() FROM PUBLIC;
SET ROLE attack_agent;
SELECT statement_participant('nobodys()');
RESET ROLE;
DROP FUNCTION nobodys();

-- a file of which each row names another sender that there is not takes no lock for each of them
BEGIN;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) SELECT 1000 + n, 'id', '101', '2026-01-01T00:00Z', 'PT30M', '1' FROM generate_series(1, 1500) n;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
SELECT rows_read, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 1;

-- an end that clocks show twice is an end in the rejection too: the start would be shown once, and be taken when it is sent again
SET ROLE attack_volt;
INSERT INTO meter_reading_intake (scheme, unit, ends_at, length, kwh) VALUES ('id', '101', '2025-10-26T01:00', 'PT30M', '7');
SELECT rule, column_name, value, reason FROM rejection;
SELECT resend_rejected_readings((SELECT max(received_at) FROM meter_reading_batch));
SELECT rule, column_name, value FROM rejection;
SELECT count(*) FROM reading WHERE starts_at BETWEEN '2025-10-25' AND '2025-10-27';
-- both of them are told apart by their order
INSERT INTO meter_reading_intake (scheme, unit, ends_at, length, kwh) VALUES ('id', '101', '2025-10-26T01:00', 'PT30M', '7'), ('id', '101', '2025-10-26T01:00', 'PT30M', '8');
SELECT starts_at, energy_kwh FROM reading WHERE starts_at BETWEEN '2025-10-25' AND '2025-10-27' ORDER BY 1;

-- what is sent again takes the place of nothing that came since, and of what was said twice the later is sent
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('charger_id', 'EV-7', '2026-05-01T00:00Z', 'PT30M', '1'), ('charger_id', 'EV-7', '2026-05-01T00:30Z', 'PT30M', '9');
INSERT INTO meter_reading_intake (scheme, unit, ends_at, length, kwh) VALUES ('charger_id', 'EV-7', '2026-05-01T01:00Z', 'PT30M', '2');
RESET ROLE;
INSERT INTO external_id (scheme, value, asset_id) VALUES ('charger_id', 'EV-7', 101);
SET ROLE attack_volt;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', '2026-05-01T00:00Z', 'PT30M', '3');
SELECT resend_rejected_readings();
SELECT starts_at, energy_kwh FROM reading WHERE starts_at >= '2026-05-01' ORDER BY 1;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', '2026-05-01T00:30Z', 'PT30M', '4');
BEGIN;
INSERT INTO meter_reading_intake (scheme, unit, starts_at, length, kwh) VALUES ('id', '101', '2026-05-01T01:00Z', 'PT30M', '5');
SELECT resend_rejected_readings(now());
COMMIT;
SELECT resend_rejected_readings() > 0 AS what_cannot_be_taken_is_sent;
SELECT starts_at, energy_kwh FROM reading WHERE starts_at >= '2026-05-01' ORDER BY 1;
RESET ROLE;

-- an error on the way, whatever it is, ends the statement and no more: the session goes on, in a block or not
ALTER TABLE meter_reading ADD CONSTRAINT not_thirteen CHECK (value <> 13);
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '101', '2026-06-01T00:00Z', 'PT30M', '13');
SELECT count(*) FROM reading WHERE starts_at >= '2026-06-01';
BEGIN;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '101', '2026-06-01T00:00Z', 'PT30M', '12');
SAVEPOINT s;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '101', '2026-06-01T00:30Z', 'PT30M', '13');
ROLLBACK TO s;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', '101', '2026-06-01T01:00Z', 'PT30M', '14');
COMMIT;
SELECT starts_at, energy_kwh FROM reading WHERE starts_at >= '2026-06-01' ORDER BY 1;
ALTER TABLE meter_reading DROP CONSTRAINT not_thirteen;

-- what triggers of others send while readings are stored is an intake of its own
CREATE FUNCTION send_more() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'meter_channel' OR (to_jsonb(NEW) ->> 'value')::numeric = 2 THEN
    INSERT INTO reading_attack.meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) VALUES (1, 'id', 'none', '2026-07-01T00:00Z', 'PT30M', '1'), (1, 'id', '101', '2026-07-01T00:00Z', 'PT30M', '5');
  END IF;
  RETURN NEW;
END $$;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (201, 'street', 1);
CREATE TRIGGER x AFTER INSERT ON meter_channel FOR EACH ROW EXECUTE FUNCTION send_more();
CREATE TRIGGER x BEFORE INSERT ON meter_reading_default FOR EACH ROW EXECUTE FUNCTION send_more();
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) SELECT 1, 'id', '201', '2026-07-01T0' || n || ':00Z', 'PT30M', n::text FROM generate_series(1, 4) n;
DROP TRIGGER x ON meter_channel;
DROP TRIGGER x ON meter_reading_default;
SELECT rows_read, stored, corrected, unchanged, rejected FROM meter_reading_batch ORDER BY id DESC LIMIT 3;
SELECT resource_id, starts_at, energy_kwh FROM reading WHERE starts_at >= '2026-07-01' ORDER BY 1, 2;

-- a provider of many units that nobody has analyzed yet: its units are not gone through for each of them
INSERT INTO asset (id, name) SELECT 1000000 + n, 'a' || n FROM generate_series(1, 5000) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT 1000000 + n, 1, '2020-01-01T00:00Z/infinity' FROM generate_series(1, 5000) n;
-- as it is planned where there are 200000 of them
UPDATE pg_class SET relpages = pg_relation_size(oid) / 8192, reltuples = 200000 WHERE oid = 'asset_operator'::regclass;
BEGIN;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) SELECT 1, 'id', (1000000 + n)::text, '2026-05-01T00:00Z', 'PT30M', '1' FROM generate_series(1, 5000) n;
SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) < 10 * 5000 AS few_are_looked_at FROM pg_index WHERE indrelid = 'asset_operator'::regclass;
COMMIT;
SELECT rows_read, stored FROM meter_reading_batch ORDER BY id DESC LIMIT 1;

INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, kwh) VALUES (1, 'id', '101', '2026-06-10T22:30Z', '1'), (1, 'id', '101', '2026-06-10T23:00Z', '1'), (1, 'id', '101', '2026-06-11T22:30Z', '1');
-- a session that writes instants with abbreviations adds up the same days: IST is Irish here, and Israeli to who reads it
SELECT day, readings FROM daily_reading WHERE resource_id = 101 ORDER BY day;
SELECT min(starts_at) FROM table_partition WHERE table_name = 'meter_reading';
SET TimeZone = 'Europe/Dublin';
SET DateStyle = 'SQL, DMY';
SELECT to_char(day, 'YYYY-MM-DD') AS day, readings FROM daily_reading WHERE resource_id = 101 ORDER BY day;
SELECT min(starts_at) AT TIME ZONE 'UTC' FROM table_partition WHERE table_name = 'meter_reading';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';

-- what is retired was added up before, and a day that began in a retired time stays whole: 1 June began on 31 May in UTC
UPDATE partition_policy SET every = 'month', retire = 'detach', keep = now() - '2025-06-02T00:00Z' WHERE table_name = 'meter_reading';
SELECT make_partition('meter_reading', '2025-05-01') IS NOT NULL AS may, make_partition('meter_reading', '2025-06-01') IS NOT NULL AS june;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh)
SELECT 1, 'id', '101', to_char(timestamp '2025-05-31T22:00' + n * interval '30 minutes', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'PT30M', '1' FROM generate_series(0, 49) n;
SELECT retire_partitions('meter_reading');
SELECT day, readings, energy_kwh FROM daily_reading WHERE day BETWEEN '2025-05-30' AND '2025-06-02' ORDER BY day;
INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, kwh) VALUES (1, 'id', '101', '2025-06-01T12:00Z', '2'), (1, 'id', '101', '2025-06-02T00:00Z', '1');
SELECT day, readings, energy_kwh FROM daily_reading WHERE day BETWEEN '2025-05-30' AND '2025-06-02' ORDER BY day;
SELECT refresh_reading_days();
SELECT day, readings, energy_kwh FROM daily_reading WHERE day BETWEEN '2025-05-30' AND '2025-06-02' ORDER BY day;
DROP ROLE attack_agent, attack_volt, attack_operator;
SELECT flexexchange.drop_exchange('reading_attack', true);
