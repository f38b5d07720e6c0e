-- The log of events: what is written, that it stays, that tampering is found out and named,
-- and that the past can be asked.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('log_test');
SET search_path = log_test, flexexchange;

-- one text for one row, whatever the session is set to
CREATE TEMP TABLE every_kind (b boolean, "a b" text, i integer, n numeric(10,3), odd numeric, f double precision, r real, d date, t timestamp, z timestamptz, v interval,
  y bytea, j jsonb, l text[], w time_window, u uuid, nothing text, search tsvector);
INSERT INTO every_kind VALUES (true, E'quote " back \\ line\n tab\t \u00e9', -7, 600, 'NaN', 0.1, 0.1, '2026-03-29', '2026-03-29 01:30', '2026-03-29 01:30Z', 'P1Y2M3DT4H5M6.7S',
  '\x00ff', '{"z": 1, "a": [null, 2.50]}', ARRAY['x', NULL, 'y,z'], '-infinity/2026-11-20T17:00Z', '00000000-0000-0000-0000-000000000001', NULL, 'word');
SELECT canonical_json(e) FROM every_kind e \gset
\echo :canonical_json
SET TimeZone = 'America/New_York'; SET DateStyle = 'SQL, DMY'; SET IntervalStyle = 'postgres_verbose'; SET extra_float_digits = -10; SET bytea_output = 'escape';
SELECT canonical_json(e) = :'canonical_json' AS same FROM every_kind e;
SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; RESET extra_float_digits; RESET bytea_output;
-- another order of columns, and one more that is NULL, is the same content
SELECT canonical_json(x) = canonical_json(y) AS same FROM (SELECT 1 AS b, 2 AS a) x, (SELECT 2 AS a, NULL::text AS c, 1 AS b) y;
SELECT canonical_json(x) AS empty FROM (SELECT NULL::text AS c) x;

-- trees, with the leaves and heads of the reference implementation of RFC 6962
CREATE TEMP TABLE reference AS SELECT n, merkle_leaf(decode(v, 'hex')) AS leaf
  FROM unnest(ARRAY['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']) WITH ORDINALITY AS u (v, n);
SELECT encode(merkle_root(''), 'hex') AS of_nothing, encode((SELECT leaf FROM reference WHERE n = 1), 'hex') AS of_an_empty_leaf;
SELECT encode(merkle_root(string_agg(leaf, '' ORDER BY n)), 'hex') AS of_eight FROM reference;
SELECT merkle_root('\x00');
SELECT merkle_inclusion((SELECT string_agg(leaf, '' ORDER BY n) FROM reference), 8);
SELECT merkle_consistency((SELECT string_agg(leaf, '' ORDER BY n) FROM reference), 9);
-- an oracle that says it as the RFC does, on trees of 1 to 25 leaves
CREATE FUNCTION pg_temp.mth(d bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE n int := cardinality(d); k int := 1;
BEGIN
  IF n = 1 THEN RETURN d[1]; END IF;
  WHILE 2 * k < n LOOP k := 2 * k; END LOOP;
  RETURN sha256('\x01'::bytea || pg_temp.mth(d[1:k]) || pg_temp.mth(d[k + 1:n]));
END $$;
CREATE FUNCTION pg_temp.path(m int, d bytea[]) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE n int := cardinality(d); k int := 1;
BEGIN
  IF n = 1 THEN RETURN ''; END IF;
  WHILE 2 * k < n LOOP k := 2 * k; END LOOP;
  RETURN CASE WHEN m < k THEN pg_temp.path(m, d[1:k]) || pg_temp.mth(d[k + 1:n]) ELSE pg_temp.path(m - k, d[k + 1:n]) || pg_temp.mth(d[1:k]) END;
END $$;
CREATE FUNCTION pg_temp.subproof(m int, d bytea[], b boolean) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE n int := cardinality(d); k int := 1;
BEGIN
  IF m = n THEN RETURN CASE WHEN b THEN '' ELSE pg_temp.mth(d) END; END IF;
  WHILE 2 * k < n LOOP k := 2 * k; END LOOP;
  RETURN CASE WHEN m <= k THEN pg_temp.subproof(m, d[1:k], b) || pg_temp.mth(d[k + 1:n]) ELSE pg_temp.subproof(m - k, d[k + 1:n], false) || pg_temp.mth(d[1:k]) END;
END $$;
WITH tree AS (SELECT n, array_agg(merkle_leaf(int4send(i)) ORDER BY i) AS d, string_agg(merkle_leaf(int4send(i)), '' ORDER BY i) AS leaves
              FROM generate_series(1, 25) n, generate_series(1, 25) i WHERE i <= n GROUP BY n)
SELECT count(*) AS trees, count(*) FILTER (WHERE merkle_root(leaves) <> pg_temp.mth(d)) AS wrong_roots,
       (SELECT count(*) FROM tree t, generate_series(0, t.n - 1) m WHERE merkle_inclusion(t.leaves, m) <> pg_temp.path(m, t.d)) AS wrong_paths,
       (SELECT count(*) FROM tree t, generate_series(1, t.n) m WHERE merkle_consistency(t.leaves, m) <> pg_temp.subproof(m, t.d, true)) AS wrong_proofs FROM tree;

-- every table is logged, or says why not; what came with the modules was found
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'log_test'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM event_log_exemption x WHERE x.table_name = c.relname)
  AND (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = 'log_events'::regproc) <> 4;
SELECT x.table_name FROM event_log_exemption x WHERE to_regclass(x.table_name) IS NULL;
SELECT count(*) > 1000 AS many, array_agg(DISTINCT action) AS actions FROM event_log WHERE action <> 'update';

-- who did what: the login, the role, the participant
CREATE ROLE log_kerb IN ROLE flexexchange_participant;
CREATE ROLE log_regulator IN ROLE flexexchange_regulator;
CREATE ROLE log_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Network', '{market_operator}'), (2, 'Kerbside', '{service_provider}'), (3, 'Rival', '{service_provider}');
INSERT INTO participant_login VALUES ('log_kerb', 2);
INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'Asset ' || n, 10 * n FROM generate_series(1, 1500) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (1, 2, '2026-01-01T00:00Z/infinity');
SET ROLE log_kerb;
UPDATE participant SET website = 'https://kerbside.example' WHERE id = 2;
UPDATE participant SET website = 'https://kerbside.example' WHERE id = 2;
RESET ROLE;
UPDATE asset SET qualified_up_kw = 25, technology = NULL WHERE id = 2;
DELETE FROM asset WHERE id = 1500;
INSERT INTO participant_group (id, name) VALUES (1, 'Group');
INSERT INTO participant_group_member (participant_group_id, participant_id, valid) VALUES (1, 2, '2026-01-01T00:00Z/2027-01-01T00:00Z');
TRUNCATE participant_group_member;
SELECT action, login = session_user AS login, role = session_user AS as_itself, nullif(role, session_user) AS role, participant, changed FROM history('participant', '2');
SELECT action, changed, content ->> 'name' AS name FROM history('asset', '2');
SELECT action, content ->> 'name' AS name FROM history('asset', '1500');
SELECT action, row_key FROM event_log WHERE table_name = 'participant_group_member' ORDER BY id;
SELECT count(*) FROM event_log WHERE table_name = 'asset' AND action = 'insert';
-- a row that is known by several columns
SELECT DISTINCT jsonb_object_keys(row_key::jsonb) FROM event_log WHERE table_name = 'taxonomy_term' ORDER BY 1;

-- nobody writes it, nobody takes anything back, the owner neither
UPDATE event_log SET login = 'somebody' WHERE table_name = 'asset' AND row_key = '2';
DELETE FROM event_log WHERE table_name = 'asset';
TRUNCATE event_log;
UPDATE event_log SET salt = NULL, before = NULL, after = NULL, content_digest = '\x00' WHERE table_name = 'asset' AND row_key = '2';
SET ROLE log_operator;
INSERT INTO event_log (cluster, transaction_id, login, role, table_name, action) VALUES (1, 1, 'x', 'x', 'asset', 'insert');
DELETE FROM event_log_exemption;
RESET ROLE;
-- a participant reads what it did itself, and proves it; the regulator reads everything and changes nothing
SET ROLE log_kerb;
SELECT table_name, row_key, action FROM event_log;
SELECT count(*) AS of_others FROM history('asset', '2');
SELECT * FROM verify_log();
SELECT * FROM asset_as_of(now());
RESET ROLE;

-- sealed twice; what is not finished is not sealed
SELECT seal_number, events > 3000 AS many FROM seal_events();
SELECT * FROM seal_events();
UPDATE asset SET qualified_up_kw = 26 WHERE id = 2;
INSERT INTO participant (id, name, kinds) VALUES (4, 'Latecomer', '{analyst}');
SELECT seal_number, events FROM seal_events();
SELECT sound, seals, not_sealed, problem FROM verify_log();
UPDATE asset SET qualified_up_kw = 27 WHERE id = 2;
SELECT sound, not_sealed FROM verify_log();
SELECT seal_number FROM seal_events();
SELECT prove_event(0);
SELECT id AS mine FROM event_log WHERE participant_id = 2 ORDER BY id LIMIT 1 \gset
SELECT id AS others FROM event_log WHERE table_name = 'asset' AND row_key = '2' ORDER BY id LIMIT 1 \gset
SET ROLE log_kerb;
SELECT prove_event(:mine) ->> 'format' AS proof;
\set VERBOSITY sqlstate
SELECT prove_event(:others);
\set VERBOSITY terse
RESET ROLE;
SELECT prove_consistency(2) ->> 'seals' AS seals;
SELECT prove_consistency(0);

-- a superuser rewrites: each time it is found out, and the first wrong place is named
CREATE FUNCTION pg_temp.verdict() RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ', CASE WHEN v.sound THEN 'sound' ELSE 'not sound' END, 'seal ' || v.wrong_seal, regexp_replace(v.problem, 'event \d+', 'event N'),
                   CASE WHEN v.wrong_event IS NOT NULL THEN (SELECT format('%s of %s %s', e.action, e.table_name, e.row_key) FROM event_log e WHERE e.id = v.wrong_event LIMIT 1) END) FROM verify_log() v $$;
SET session_replication_role = replica;
BEGIN; UPDATE event_log SET after = replace(after, '25.000', '26.000') WHERE id = (SELECT max(id) FROM event_log WHERE after LIKE '%"qualified_up_kw":25.000%'); SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_log SET recorded_at = recorded_at - interval '1 second' WHERE table_name = 'asset' AND row_key = '7'; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_log SET role = 'somebody' WHERE table_name = 'asset' AND row_key = '7'; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; DELETE FROM event_log WHERE table_name = 'asset' AND row_key = '1400'; SELECT pg_temp.verdict(); ROLLBACK;
-- two events change places
BEGIN;
UPDATE event_log e SET (after, salt) = (SELECT o.after, o.salt FROM event_log o WHERE o.table_name = 'asset' AND o.row_key = CASE e.row_key WHEN '8' THEN '9' ELSE '8' END)
WHERE e.table_name = 'asset' AND e.row_key IN ('8', '9');
SELECT pg_temp.verdict();
ROLLBACK;
-- an event is slipped into a transaction that is sealed, or doubled
BEGIN; INSERT INTO event_log SELECT (x.e).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object('id', nextval('event_log_id'), 'row_key', '5000')) AS e FROM event_log e WHERE table_name = 'asset' AND row_key = '7') x; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; INSERT INTO event_log SELECT (x.e).* FROM (SELECT jsonb_populate_record(e, jsonb_build_object('recorded_at', now() - interval '1 hour')) AS e FROM event_log e WHERE table_name = 'asset' AND row_key = '7') x; SELECT pg_temp.verdict(); ROLLBACK;
-- a seal is rewritten: what it says, its leaves, its root, its place
BEGIN; UPDATE event_seal SET sealed_at = sealed_at + interval '1 hour' WHERE number = 1; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_seal SET log_root = sha256('x') WHERE number = 0; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_seal SET previous_log_root = sha256('x') WHERE number = 1; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; DELETE FROM event_run WHERE seal_number = 1; DELETE FROM event_seal WHERE number = 1; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_run SET leaves = substr(leaves, 33), event_ids = event_ids[2:] WHERE seal_number = 0 AND run = 0; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_run SET root = sha256('x') WHERE seal_number = 0 AND run = 0; SELECT pg_temp.verdict(); ROLLBACK;
-- an event and its leaf together: the head of the seal tells
BEGIN;
UPDATE event_log SET after = replace(after, 'Latecomer', 'Earlycomer') WHERE table_name = 'participant' AND row_key = '4';
UPDATE event_run r SET leaves = (SELECT string_agg(h.leaf, '' ORDER BY e.id) FROM event_log e, event_hashes(e) h WHERE e.id = ANY (r.event_ids)) WHERE seal_number = 1;
SELECT pg_temp.verdict();
ROLLBACK;
-- content is exchanged for other content, with its hash left in place; content goes, and nobody says so
BEGIN; UPDATE event_log e SET content_digest = (event_hashes(e)).content_digest, salt = NULL, after = replace(after, 'Rival', 'Forged') WHERE table_name = 'participant' AND row_key = '3'; SELECT pg_temp.verdict(); ROLLBACK;
BEGIN; UPDATE event_log e SET content_digest = (event_hashes(e)).content_digest, salt = NULL, after = NULL, before = NULL WHERE table_name = 'participant' AND row_key = '3'; SELECT pg_temp.verdict(); ROLLBACK;
-- a row is changed and a trigger switched off: the log is as it was, the table is not
BEGIN; UPDATE asset SET qualified_up_kw = 1 WHERE id = 9; ALTER TABLE market DISABLE TRIGGER t05_log_update; SELECT * FROM verify_tables(); ROLLBACK;
-- everything at once, by somebody who knows how: a root that was kept tells
SELECT log_root AS kept FROM event_seal WHERE number = 1 \gset
BEGIN;
UPDATE event_log SET after = replace(after, 'Latecomer', 'Earlycomer') WHERE table_name = 'participant' AND row_key = '4';
DELETE FROM event_run WHERE seal_number >= 1;
DELETE FROM event_seal WHERE number >= 1;
SET LOCAL session_replication_role = origin;
SELECT seal_number FROM seal_events();
SELECT pg_temp.verdict();
SELECT sound, problem FROM verify_log(:'kept');
ROLLBACK;
RESET session_replication_role;
SELECT sound FROM verify_log(:'kept');

-- forgotten on request: content and salt go, every proof stays
INSERT INTO participant_contact (participant_id, purpose, name, email) VALUES (2, 'operations', 'Jo Doe', 'jo@kerbside.example');
SELECT row_key AS contact FROM event_log WHERE table_name = 'participant_contact' ORDER BY id DESC LIMIT 1 \gset
SELECT count(*) FROM seal_events();
DELETE FROM participant_contact WHERE participant_id = 2;
SELECT erase_event_content('participant_contact', :'contact', ' ');
SELECT erase_event_content('participant_contact', :'contact', 'asked for by the person, UK GDPR article 17');
SELECT action, content FROM history('participant_contact', :'contact');
SELECT count(*) AS left_of_jo FROM event_log e WHERE e::text LIKE '%Jo Doe%';
-- the operator does it without reading it
INSERT INTO participant_contact (id, participant_id, purpose, name, email) OVERRIDING SYSTEM VALUE VALUES (77, 2, 'operations', 'Al Roe', 'al@kerbside.example');
SET ROLE log_operator;
SELECT count(*) FROM participant_contact;
SELECT name FROM read_contacts(2, 'a call for the desk');
SELECT erase_contact(77, 'asked for by the person');
RESET ROLE;
SELECT action, content FROM history('participant_contact', '77');
SELECT row_key, role, after FROM event_log WHERE action = 'read';
SELECT sound, problem FROM verify_log();
SELECT count(*) FROM seal_events();
SELECT sound, not_sealed FROM verify_log();
SELECT p ->> 'content' IS NULL AS without_content, p ->> 'salt' AS salt FROM prove_event((SELECT min(id) FROM event_log WHERE table_name = 'participant_contact' AND row_key = :'contact')) p;

-- the past: as of now every table is what it is, and as of then what it was
SELECT count(*) AS functions FROM pg_proc WHERE pronamespace = 'log_test'::regnamespace AND proname LIKE '%\_as\_of';
CREATE FUNCTION pg_temp.differing() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE t name; n bigint;
BEGIN
  FOR t IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'log_test'::regnamespace AND to_regprocedure(format('log_test.%I(timestamptz)', c.relname || '_as_of')) IS NOT NULL LOOP
    EXECUTE format('SELECT count(*) FROM ((SELECT canonical_json(a) FROM log_test.%1$I a EXCEPT ALL SELECT canonical_json(b) FROM log_test.%2$I(now()) b) UNION ALL (SELECT canonical_json(b) FROM log_test.%2$I(now()) b EXCEPT ALL SELECT canonical_json(a) FROM log_test.%1$I a)) x', t, t || '_as_of') INTO n;
    IF n > 0 THEN RETURN NEXT t || ': ' || n; END IF;
  END LOOP;
END $$;
SELECT * FROM pg_temp.differing();
SELECT recorded_at AS then FROM event_log WHERE table_name = 'asset' AND row_key = '2' AND action = 'update' ORDER BY id OFFSET 1 LIMIT 1 \gset
SELECT name, qualified_up_kw FROM asset_as_of(:'then') WHERE id = 2;
SELECT qualified_up_kw FROM asset WHERE id = 2;
SELECT count(*) FROM asset_as_of('2020-01-01T00:00Z');
-- a table without a key: what was written and not taken back
UPDATE asset_operator SET valid = '2026-01-01T00:00Z/2026-02-01T00:00Z' WHERE asset_id = 1;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (1, 3, '2026-02-01T00:00Z/infinity');

SELECT service_provider_id, valid FROM asset_operator_as_of(now()) ORDER BY 1;
SELECT service_provider_id, valid FROM asset_operator_as_of(:'then') ORDER BY 1;

-- the book, from when its rows were posted and closed
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (9001, 1, 2, 1, 'up', 5, '2030-01-01T00:00Z/PT1H'), (9002, 1, 2, 3, 'up', 5, '2030-01-01T00:00Z/PT1H');
SELECT clock_timestamp() AS then \gset
UPDATE award SET status = 'released' WHERE id = 9001;
SELECT source_id, closed_at FROM commitment_as_of(:'then') ORDER BY 1;
SELECT source_id, closed_at FROM commitment_as_of(clock_timestamp()) ORDER BY 1;

-- a row that its own trigger changes again: the last event is what it is
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (1, 1, 'open', now() + interval '1 day');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (9003, 1, 1, 3, 3, 'up', 900, '2030-01-01T00:00Z/PT1H');
SELECT action, content ->> 'status' AS status FROM history('bid', '9003');
SELECT b.status = a.status AS same FROM bid b JOIN bid_as_of(clock_timestamp()) a USING (id) WHERE id = 9003;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (9004, 1, 1, 3, 3, 'up', 1, '2031-01-01T00:00Z/PT1H');
-- another key is another row
UPDATE participant_group SET id = 5 WHERE id = 1;
SELECT action, row_key FROM event_log WHERE table_name = 'participant_group' ORDER BY id;
SELECT id FROM participant_group_as_of(clock_timestamp());
-- a table without a key, with NULL inside a value
CREATE TABLE log_test.nokey (a integer, j jsonb);
SELECT log_all_tables(), make_as_of_functions() > 60 AS more;
INSERT INTO nokey VALUES (1, '{"x": null}'), (2, NULL);
DELETE FROM nokey WHERE a = 1;
UPDATE nokey SET j = '{"y": [null]}' WHERE a = 2;
SELECT * FROM nokey_as_of(clock_timestamp());
-- a table without columns, as yet
CREATE TABLE log_test.bare ();
SELECT log_all_tables();
INSERT INTO bare DEFAULT VALUES;
ALTER TABLE bare ADD a integer;
UPDATE bare SET a = 1;
ALTER TABLE bare DROP a;
DELETE FROM bare;
SELECT action, row_key, before, after FROM event_log WHERE table_name = 'bare' ORDER BY id;
DROP TABLE bare;
-- rows that are large together
INSERT INTO nokey SELECT i, to_jsonb(repeat('a', 1200000)) FROM generate_series(1, 40) i;
SELECT count(*) FROM event_log WHERE table_name = 'nokey';
DROP TABLE nokey CASCADE;
DROP FUNCTION IF EXISTS nokey_as_of(timestamptz);
SELECT * FROM verify_tables();

-- sealed bids are not read from the log, a proof, a case, a finding; and the gate stays where it was
SELECT count(*) FROM seal_events();
SELECT max(id) AS of_bid FROM event_log WHERE table_name = 'bid' \gset
SET ROLE log_operator;
SELECT (SELECT count(*) FROM bid) AS bids, (SELECT count(*) FROM event_log WHERE table_name = 'bid') AS events, (SELECT count(*) FROM commitment WHERE stage = 'bid') AS booked,
       (SELECT count(*) FROM hold WHERE stage = 'bid') AS held, (SELECT count(*) FROM conflict) AS findings;
\set VERBOSITY sqlstate
SELECT prove_event(:of_bid);
UPDATE competition SET gate_closes_at = now() WHERE id = 1;
\set VERBOSITY terse
SELECT count(*) FROM jsonb_array_elements(export_case(participant_id => 3) -> 'events') e WHERE e ->> 'header' LIKE '%"table_name":"bid"%';
-- what it may not read it verifies all the same
SELECT sound, problem FROM verify_log();
RESET ROLE;
SELECT count(*) > 0 AS bids_in_the_book FROM commitment WHERE stage = 'bid' AND closed_at IS NULL;

-- a case: what concerns a participant, or a unit, with its proofs
SELECT seal_number IS NOT NULL AS sealed FROM seal_events();
SET ROLE log_regulator;
SELECT jsonb_array_length(c -> 'events') AS events, c ->> 'not_sealed' AS not_sealed FROM export_case(participant_id => 3) c;
SELECT jsonb_array_length(c -> 'events') AS events FROM export_case(unit_id => 1) c;
SELECT jsonb_array_length(c -> 'events') AS events FROM export_case(unit_id => 1, span => '2020-01-01T00:00Z/P1D') c;
UPDATE asset SET name = 'x' WHERE id = 1;
SELECT * FROM seal_events();
RESET ROLE;
SELECT role, after::jsonb -> 'export_case' ->> 'unit_id' AS unit FROM event_log WHERE action = 'read' AND after LIKE '%export_case%' ORDER BY id;
SET ROLE log_kerb;
SELECT export_case(participant_id => 3);
RESET ROLE;

-- a new month is made ahead; an event of a month that has no partition is kept all the same
UPDATE partition_policy SET ahead = 4 WHERE table_name = 'event_log';
SELECT outcome, count(*) FROM maintain_partitions() WHERE table_name = 'event_log' GROUP BY 1;
SELECT count(*) FROM maintain_partitions() WHERE table_name = 'event_log';
SELECT waiting_rows('event_log') AS waiting, waiting_rows('participant') AS in_no_partitions;
-- events of a month that nobody made stay in the default, and sealing goes on
SET session_replication_role = replica;
INSERT INTO event_log (recorded_at, cluster, transaction_id, login, role, table_name, action, salt) SELECT date_trunc('month', now(), 'UTC') + interval '6 months', system_identifier, pg_current_xact_id()::text::bigint, 'x', 'x', 'asset', 'insert', '\x00' FROM pg_control_system();
RESET session_replication_role;
UPDATE partition_policy SET ahead = 7 WHERE table_name = 'event_log';
SELECT outcome, count(*) FROM maintain_partitions() WHERE table_name = 'event_log' GROUP BY 1;
-- it is evidence: a policy that would retire it is refused
UPDATE partition_policy SET keep = interval '1 year' WHERE table_name = 'event_log';
SELECT count(*) FROM event_log_default;
SELECT count(*) FROM seal_events();
-- the trigger on a table of somebody's own, declared wrongly
CREATE TABLE log_test.mine (id integer);
CREATE TRIGGER wrong AFTER UPDATE ON log_test.mine FOR EACH STATEMENT EXECUTE FUNCTION log_events();
UPDATE log_test.mine SET id = 1;
CREATE TRIGGER wrong_too BEFORE INSERT ON log_test.mine FOR EACH STATEMENT EXECUTE FUNCTION log_events();
INSERT INTO log_test.mine VALUES (1);
DROP TABLE log_test.mine;
SELECT event_hashes(x) FROM (SELECT 1 AS id) x;
SELECT flexexchange.drop_exchange('log_test', with_data => true);
DROP ROLE log_kerb, log_regulator, log_operator;
