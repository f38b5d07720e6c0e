-- Exchanges: making, extending, upgrading, renaming, dropping; two that never meet.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never

-- as a plain role with CREATE on the database
CREATE ROLE exchange_test_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO exchange_test_owner', current_database()) \gexec
SET ROLE exchange_test_owner;
SELECT flexexchange.create_exchange('exchange_a');
SELECT flexexchange.create_exchange('exchange_b', archetype => 'thin', time_zone => 'Europe/Oslo');
SELECT name, owner, archetype, version = (SELECT default_version FROM pg_available_extensions WHERE name = 'flexexchange') AS current, time_zone, created_at <= now() AS made FROM flexexchange.exchange WHERE name LIKE 'exchange\__' ORDER BY name;
SHOW search_path;
-- thin has a directory and no registers; extended it has, and what was there stays
SELECT to_regclass('exchange_b.participant') IS NOT NULL AS directory, to_regclass('exchange_b.asset') IS NOT NULL AS register;
INSERT INTO exchange_b.participant (name, kinds) VALUES ('Statnett', '{market_operator}');
SELECT flexexchange.extend_exchange('exchange_b', 'medium');
SELECT to_regclass('exchange_b.asset') IS NOT NULL AS register, (SELECT count(*) FROM exchange_b.participant) AS participants, (SELECT count(*) FROM exchange_b.stacking_rule) AS rules;
SELECT flexexchange.extend_exchange('exchange_b', 'medium');
SELECT flexexchange.extend_exchange('exchange_b', 'thin');
-- two exchanges do not see each other, and their ids do not meet
INSERT INTO exchange_a.participant (name, kinds) VALUES ('NESO', '{market_operator}'), ('seller', '{service_provider}');
INSERT INTO exchange_a.market (code, name, market_operator_id) SELECT 'm', 'market', id FROM exchange_a.participant WHERE name = 'NESO';
INSERT INTO exchange_a.product (market_id, code, name, service_code) SELECT id, 'DC', 'Dynamic Containment', 'DC' FROM exchange_a.market;
INSERT INTO exchange_a.asset (name) VALUES ('battery');
INSERT INTO exchange_b.asset (name) VALUES ('battery');
SELECT count(*) FROM exchange_a.asset a JOIN exchange_b.asset b USING (id);
INSERT INTO exchange_a.dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, s.id, b.id, 'up', 1, '2026-11-20T17:00Z/PT1H' FROM exchange_a.product p, exchange_a.participant s, exchange_b.asset b WHERE s.name = 'seller';
-- upgrading runs the logic again and leaves rows and additions alone
CREATE INDEX mine ON exchange_a.asset (name);
ALTER TABLE exchange_a.asset ADD COLUMN note text;
GRANT SELECT ON exchange_a.asset TO flexexchange_analyst;
SELECT flexexchange.upgrade_exchange('exchange_a');
SELECT to_regclass('exchange_a.mine') IS NOT NULL AS index_kept, has_table_privilege('flexexchange_analyst', 'exchange_a.asset', 'SELECT') AS grant_kept, count(*) AS assets FROM exchange_a.asset;
-- renaming: functions and triggers follow
SELECT flexexchange.rename_exchange('exchange_a', 'exchange_c');
INSERT INTO exchange_c.dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, s.id, a.id, 'up', 1, '2026-11-20T17:00Z/PT1H' FROM exchange_c.product p, exchange_c.participant s, exchange_c.asset a, generate_series(1, 2) WHERE s.name = 'seller';
SELECT exchange_c.explain_conflict(id) FROM exchange_c.conflict;
-- what cannot be done is said, with what can
SELECT flexexchange.create_exchange('exchange_c');
SELECT flexexchange.create_exchange('Exchange');
SELECT flexexchange.create_exchange('pg_exchange');
SELECT flexexchange.create_exchange('x; DROP SCHEMA exchange_c CASCADE');
SELECT flexexchange.create_exchange(NULL);
SELECT flexexchange.create_exchange('exchange_d', 'fat');
SELECT flexexchange.create_exchange('exchange_d', NULL);
SELECT flexexchange.create_exchange('exchange_d', time_zone => 'Europe/Atlantis');
SELECT flexexchange.rename_exchange('exchange_c', 'exchange_b');
SELECT flexexchange.upgrade_exchange('nowhere');
SELECT flexexchange.drop_exchange('exchange_c');
RESET ROLE;
CREATE SCHEMA exchange_e;
SELECT flexexchange.create_exchange('exchange_e');
DROP SCHEMA exchange_e;
-- another role sees that it is there, and can do nothing to it
CREATE ROLE exchange_test_other;
SET ROLE exchange_test_other;
SELECT flexexchange.drop_exchange('exchange_c', with_data => true);
SELECT flexexchange.extend_exchange('exchange_b', 'thick');
SELECT name, owner, archetype FROM flexexchange.exchange WHERE name LIKE 'exchange\__' ORDER BY name;
SELECT count(*) FROM exchange_c.asset;
RESET ROLE;
SELECT format('REVOKE CREATE ON DATABASE %I FROM exchange_test_owner', current_database()) \gexec
SET ROLE exchange_test_other;
\set VERBOSITY sqlstate
SELECT flexexchange.create_exchange('exchange_f');
RESET ROLE;
-- the extension is not dropped under an exchange
\set VERBOSITY sqlstate
DROP EXTENSION flexexchange;
\set VERBOSITY terse
SET ROLE exchange_test_owner;
SELECT flexexchange.drop_exchange('exchange_c', with_data => true);
SELECT flexexchange.drop_exchange('exchange_b', with_data => true);
RESET ROLE;
DROP ROLE exchange_test_owner, exchange_test_other;
SELECT count(*) FROM flexexchange.exchange WHERE name LIKE 'exchange\__';
