-- Attacks that docs/security.md names, each by a participant that has a schema of its own to build
-- traps in.  Each is run twice where that can be: as things are, when it gains nothing, and with
-- the defence taken away, when it must gain something, or it would be no attack.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
SELECT flexexchange.create_exchange('siege');
SET search_path = siege, flexexchange;
\set ECHO all
CREATE ROLE siege_mallory IN ROLE flexexchange_participant;
CREATE ROLE siege_victim IN ROLE flexexchange_participant;
CREATE ROLE siege_buyer IN ROLE flexexchange_participant;
CREATE ROLE siege_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Buyer', '{market_operator}'), (2, 'Victim', '{service_provider}'), (3, 'Mallory', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('siege_buyer', 1), ('siege_victim', 2), ('siege_mallory', 3);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (1, 'of the victim', 100), (2, 'of mallory', 100);
INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (1, 2), (2, 3);
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h)
  VALUES (1000, 1, 2, 1, 'up', 50, '2030-01-01T00:00Z/PT1H', 123.45);
-- what a trap that snaps leaves behind, whatever is rolled back: a sequence that mallory's functions advance
CREATE SCHEMA siege_trap AUTHORIZATION siege_mallory;
CREATE SEQUENCE siege_trap.sprung;
ALTER SEQUENCE siege_trap.sprung OWNER TO siege_mallory;
GRANT USAGE ON SCHEMA siege_trap TO PUBLIC;
GRANT USAGE ON SEQUENCE siege_trap.sprung TO PUBLIC;
CREATE FUNCTION pg_temp.sprung() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint := (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM siege_trap.sprung);
BEGIN
  PERFORM setval('siege_trap.sprung', 1, false);
  RETURN n;
END $$;

-- 1. SQL injection: every function that may be called, with every kind of quote in every text
SET ROLE siege_mallory;
CREATE FUNCTION siege_trap.snap() RETURNS text LANGUAGE sql AS $$ SELECT nextval('siege_trap.sprung')::text $$;
RESET ROLE;
CREATE FUNCTION pg_temp.inject(role name) RETURNS TABLE (functions bigint, calls bigint) LANGUAGE plpgsql AS $f$
DECLARE
  f record;
  payload text;
  one integer;
BEGIN
  functions := 0;
  calls := 0;
  FOR f IN SELECT p.oid, n.nspname, p.proname, p.pronargs, p.proargtypes::oid[] AS types FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
           WHERE n.nspname IN ('siege', 'flexexchange') AND p.prokind = 'f' AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype, 'cstring'::regtype)
             AND has_function_privilege(role, p.oid, 'EXECUTE') AND p.proname NOT IN ('drop_exchange', 'rename_exchange')
             AND p.proargtypes::oid[] && ARRAY['text'::regtype::oid, 'name'::regtype::oid, 'text[]'::regtype::oid]
             AND NOT p.proargtypes::oid[] && ARRAY['internal'::regtype::oid, 'cstring'::regtype::oid] ORDER BY p.oid LOOP
    functions := functions + 1;
    FOREACH payload IN ARRAY ARRAY['''; SELECT siege_trap.snap(); --', '" ; SELECT siege_trap.snap(); --', ''' || siege_trap.snap() || ''', '$$ || siege_trap.snap() || $$', '%1$s''||siege_trap.snap()||''', 'siege_trap.snap()'] LOOP
      calls := calls + 1;
      BEGIN
        EXECUTE format('SET LOCAL ROLE %I', role);
        EXECUTE format('SELECT %I.%I(%s)', f.nspname, f.proname, (SELECT string_agg(CASE WHEN t IN ('text'::regtype, 'name'::regtype) THEN format('%L::%s', payload, t::regtype)
            WHEN t = 'text[]'::regtype THEN format('ARRAY[%L]', payload) WHEN t = 'bigint'::regtype THEN '1' WHEN t = 'time_window'::regtype THEN '''2030-01-01T00:00Z/PT1H''' ELSE 'NULL' END
            || CASE WHEN t IN ('bigint'::regtype, 'time_window'::regtype, 'text'::regtype, 'name'::regtype, 'text[]'::regtype) THEN '' ELSE '::' || t::regtype END, ', ' ORDER BY n) FROM unnest(f.types) WITH ORDINALITY u (t, n)));
        RAISE EXCEPTION USING ERRCODE = 'PT001';
      EXCEPTION WHEN OTHERS THEN NULL;
      END;
    END LOOP;
  END LOOP;
  RETURN NEXT;
END $f$;
SELECT functions > 40 AS many, calls = 6 * functions AS calls FROM pg_temp.inject('siege_mallory');
SELECT pg_temp.sprung();
SELECT functions > 60 AS many FROM pg_temp.inject('siege_operator');
SELECT pg_temp.sprung();
-- a function that is careless is found
BEGIN;
CREATE FUNCTION siege.careless(word text) RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM participant WHERE name = ''' || word || '''' INTO n; RETURN n; END $$;
SELECT functions > 40 AS many FROM pg_temp.inject('siege_mallory');
ROLLBACK;
SELECT pg_temp.sprung() > 0 AS sprung;

-- 2. a path of the caller's: tables, functions and operators of the same names, before everybody else's
SET ROLE siege_mallory;
CREATE TABLE siege_trap.participant_login (role_name name, participant_id bigint, status text DEFAULT 'active');
INSERT INTO siege_trap.participant_login VALUES ('siege_mallory', 2);
CREATE FUNCTION siege_trap.session_role() RETURNS name LANGUAGE sql AS $$ SELECT nextval('siege_trap.sprung'), 'siege_victim'::name; SELECT 'siege_victim'::name $$;
CREATE FUNCTION siege_trap.equal(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval('siege_trap.sprung') > 0 $$;
CREATE FUNCTION siege_trap.equal(name, name) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval('siege_trap.sprung') > 0 $$;
CREATE FUNCTION siege_trap.equal(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT nextval('siege_trap.sprung') > 0 $$;
CREATE OPERATOR siege_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = siege_trap.equal);
CREATE OPERATOR siege_trap.= (LEFTARG = name, RIGHTARG = name, FUNCTION = siege_trap.equal);
CREATE OPERATOR siege_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = siege_trap.equal);
RESET ROLE;
GRANT SELECT ON siege_trap.participant_login TO PUBLIC;
-- what a participant does in a day, and every function that runs with more than its rights
CREATE FUNCTION pg_temp.a_day(role name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE statement text;
BEGIN
  FOR statement IN SELECT * FROM unnest(ARRAY['SELECT siege.current_participant()', 'SELECT siege.own_logins()', 'SELECT count(*) FROM siege.bid', 'SELECT count(*) FROM siege.asset',
      'INSERT INTO siege.bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 2, ''up'', 40, ''2030-01-01T00:00Z/PT1H'')',
      'INSERT INTO siege.portfolio (name, service_provider_id) VALUES (''p'', 3)', 'INSERT INTO siege.asset_registration_intake (scheme, value) VALUES (''charger_id'', ''M-1'')'])
    UNION ALL SELECT format('SELECT siege.%I(%s)', p.proname, (SELECT string_agg(CASE WHEN t = 'bigint'::regtype THEN '1' WHEN t = 'text'::regtype THEN '''x''' ELSE 'NULL::' || t::regtype END, ', ' ORDER BY n) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, n)))
      FROM pg_proc p WHERE p.pronamespace = 'siege'::regnamespace AND p.prosecdef AND p.prorettype <> 'trigger'::regtype AND has_function_privilege(role, p.oid, 'EXECUTE') LOOP
    BEGIN
      EXECUTE format('SET LOCAL ROLE %I', role);
      SET LOCAL search_path = siege_trap, pg_catalog, siege, flexexchange;
      EXECUTE statement;
      RAISE EXCEPTION USING ERRCODE = 'PT001';
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
END $$;
SELECT pg_temp.a_day('siege_mallory');
SELECT pg_temp.sprung();
BEGIN;
ALTER FUNCTION siege.current_participant() RESET search_path;
SELECT pg_temp.a_day('siege_mallory');
SET LOCAL ROLE siege_mallory;
SET LOCAL search_path = siege_trap, pg_catalog, siege, flexexchange;
SELECT siege.current_participant() AS mallory_is;
ROLLBACK;
SELECT pg_temp.sprung() > 0 AS sprung;

-- 3. a temporary table in place of the real one
SET ROLE siege_mallory;
CREATE TEMP TABLE participant_login (role_name name, participant_id bigint, status text DEFAULT 'active');
INSERT INTO pg_temp.participant_login VALUES ('siege_mallory', 2);
SELECT siege.current_participant() AS mallory_is;
RESET ROLE;
BEGIN;
ALTER FUNCTION siege.current_participant() SET search_path = pg_temp, siege, flexexchange;
GRANT SELECT ON pg_temp.participant_login TO PUBLIC;
SET LOCAL ROLE siege_mallory;
SELECT siege.current_participant() AS mallory_is;
ROLLBACK;
DROP TABLE pg_temp.participant_login;
SELECT proname FROM pg_proc WHERE pronamespace IN ('siege'::regnamespace, 'flexexchange'::regnamespace) AND prosecdef AND array_to_string(proconfig, ' ') !~ 'search_path=[^=]*pg_temp(\s|$)';

-- 4. a condition that tells of what it is shown: below row-level security it is not shown rows of others
SET ROLE siege_mallory;
CREATE FUNCTION siege_trap.tell(price numeric) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN PERFORM nextval('siege_trap.sprung'); RETURN true; END $$;
SELECT count(*) FROM siege.bid WHERE siege_trap.tell(availability_price_per_mw_h);
RESET ROLE;
SELECT pg_temp.sprung();
BEGIN;
ALTER FUNCTION siege_trap.tell(numeric) LEAKPROOF;
SET LOCAL ROLE siege_mallory;
SELECT count(*) FROM siege.bid WHERE siege_trap.tell(availability_price_per_mw_h);
ROLLBACK;
SELECT pg_temp.sprung() > 0 AS sprung;
-- what is leakproof: comparisons of our types, which raise no error whatever they are given
SELECT count(*) > 20 AS some, count(*) FILTER (WHERE p.prorettype NOT IN ('boolean'::regtype, 'integer'::regtype)) AS not_comparing FROM pg_proc p
WHERE p.pronamespace = 'flexexchange'::regnamespace AND p.proleakproof;
SELECT count(*) AS leakproof_of_the_exchange FROM pg_proc p WHERE p.pronamespace = 'siege'::regnamespace AND p.proleakproof;

-- 5. errors that tell: unique keys that a participant can write to begin with what is its own
SELECT c.relname, i.indexrelid::regclass AS key FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE c.relnamespace = 'siege'::regnamespace AND i.indisunique AND c.relrowsecurity
  AND NOT EXISTS (SELECT FROM unnest(i.indkey) k WHERE k = 0 OR (NOT has_column_privilege('siege_mallory', c.oid, k, 'INSERT') AND NOT has_column_privilege('siege_mallory', c.oid, k, 'UPDATE')))
ORDER BY 1, 2::text COLLATE "C";
-- a parent that is another's, a unit that is another's, and one that is not there, all say the same
\set VERBOSITY sqlstate
SET ROLE siege_mallory;
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 1, 'up', 40, '2030-01-01T00:00Z/PT1H');
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 999, 'up', 40, '2030-01-01T00:00Z/PT1H');
RESET ROLE;
SET ROLE siege_buyer;
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1000, 1, 2, 1, 'up', 40, '2030-01-01T00:00Z/PT1H');
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (999, 1, 2, 1, 'up', 40, '2030-01-01T00:00Z/PT1H');
RESET ROLE;
\set VERBOSITY terse

-- 6. another role, and looking past the policies
SET SESSION AUTHORIZATION siege_mallory;
SET ROLE siege_victim;
SET ROLE siege_operator;
SET row_security = off;
SELECT count(*) FROM siege.bid;
RESET row_security;
COPY siege.bid TO STDOUT;
SET session_replication_role = replica;
ALTER TABLE siege.bid DISABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON siege.bid USING (true);
CREATE TRIGGER mine AFTER INSERT ON siege.bid FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.log_events();
CREATE TABLE siege.mine (id integer);
RESET SESSION AUTHORIZATION;

-- 7. our triggers on tables of mallory's: they act as mallory, in mallory's schema
SET ROLE siege_mallory;
CREATE TABLE siege_trap.asset (id bigint PRIMARY KEY, name text);
CREATE TRIGGER t AFTER INSERT ON siege_trap.asset REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.log_events();
INSERT INTO siege_trap.asset VALUES (1, 'x');
CREATE TABLE siege_trap.event_log (cluster bigint, transaction_id bigint, login text, role text, participant_id bigint, table_name text, action text, row_key text, before text, after text, salt bytea);
CREATE FUNCTION siege_trap.current_participant() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'siege_mallory' THEN PERFORM nextval('siege_trap.sprung'); END IF; RETURN 2; END $$;
INSERT INTO siege_trap.asset VALUES (1, 'x');
SELECT role, participant_id FROM siege_trap.event_log;
RESET ROLE;
SELECT pg_temp.sprung();
SELECT count(*) AS forged FROM siege.event_log WHERE after LIKE '%"name":"x"%';

-- a temporary table of the caller's, with a trigger, under the name of one that a function with more rights might use
SET ROLE siege_operator;
CREATE TEMP TABLE sealing (run integer, event_ids bigint[], leaves bytea);
CREATE FUNCTION pg_temp.snap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF current_user <> 'siege_operator' THEN PERFORM nextval('siege_trap.sprung'); END IF; RETURN NEW; END $$;
CREATE TRIGGER t BEFORE INSERT ON pg_temp.sealing FOR EACH ROW EXECUTE FUNCTION pg_temp.snap();
SELECT seal_number FROM siege.seal_events();
RESET ROLE;
SELECT pg_temp.sprung();
SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'siege'::regnamespace AND prosrc ~* 'TEMP(ORARY)? TABLE IF NOT EXISTS';
-- what the engine writes in rows of others while one acts is not read from the log: not even in a transaction that leaves no trace
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (1, 1, 'sealed', now() + interval '1 year');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1001, 1, 1, 2, 1, 'up', 77, '2030-02-01T00:00Z/PT1H');
INSERT INTO participant (id, name, kinds) VALUES (4, 'Other buyer', '{market_operator}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (2, 'n', 'other market', 4);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (2, 2, 'OU', 'Other', 'OUrt');
CREATE ROLE siege_other_buyer IN ROLE flexexchange_participant;
INSERT INTO participant_login (role_name, participant_id) VALUES ('siege_other_buyer', 4);
SET ROLE siege_other_buyer;
BEGIN;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 2, 1, 'up', 90, '2030-02-01T00:00Z/PT1H');
SELECT table_name, action FROM siege.event_log ORDER BY id;
ROLLBACK;
RESET ROLE;
BEGIN;
CREATE POLICY wide ON event_log FOR SELECT TO flexexchange_participant USING (participant_id = (SELECT current_participant()));
SET LOCAL ROLE siege_other_buyer;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 2, 1, 'up', 90, '2030-02-01T00:00Z/PT1H');
SELECT count(*) > 0 AS tells_of_others FROM siege.event_log WHERE after LIKE '%77%';
ROLLBACK;

-- 8. too much: what waits to be taken in has an end
SET ROLE siege_operator;
UPDATE siege.exchange_instance SET intake_quota = 10;
RESET ROLE;
UPDATE siege.exchange_instance SET intake_quota = 10;
SET ROLE siege_mallory;
INSERT INTO siege.asset_registration_intake (scheme, value) SELECT 'charger_id', 'M-' || n FROM generate_series(1, 10) n;
INSERT INTO siege.asset_registration_intake (scheme, value) VALUES ('charger_id', 'M-11');
RESET ROLE;
SET ROLE siege_victim;
INSERT INTO siege.asset_registration_intake (scheme, value) VALUES ('charger_id', 'V-1');
RESET ROLE;
SET ROLE siege_mallory;
SELECT rejected FROM siege.register_assets();
INSERT INTO siege.asset_registration_intake (scheme, value) VALUES ('charger_id', 'M-11');
RESET ROLE;

DROP OWNED BY siege_operator;
DROP SCHEMA siege_trap CASCADE;
SELECT flexexchange.drop_exchange('siege', with_data => true);
DROP ROLE siege_other_buyer, siege_mallory, siege_victim, siege_buyer, siege_operator;
