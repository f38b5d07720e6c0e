-- What others do to us: tables that only look like ours, paths of the caller's,
-- triggers of triggers, rows that were never there.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('hostile_test');
SET search_path = hostile_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}'), (4, 'Rival', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO', 1), (2, 'dso', 'DSO', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt'), (3, 2, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'asset ' || n, 100 FROM generate_series(1, 20) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3, '-infinity/infinity' FROM asset;
CREATE VIEW open_finding AS
  SELECT k.kind, c.stage || ' ' || c.source_id AS challenger, i.stage || ' ' || i.source_id AS incumbent, k.short_kw, k.unit_id
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id LEFT JOIN commitment i ON i.id = k.incumbent_id WHERE k.closed_at IS NULL ORDER BY k.unit_id, k.kind COLLATE "C", c.source_id;
CREATE FUNCTION dispatching(id bigint, product bigint, unit bigint, kw numeric, w time_window) RETURNS void LANGUAGE sql AS
$$ INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (id, product, 3, unit, 'up', kw, w) $$;
CREATE ROLE hostile_neso IN ROLE flexexchange_participant;
CREATE ROLE hostile_dso IN ROLE flexexchange_participant;
CREATE ROLE hostile_seller IN ROLE flexexchange_participant;
CREATE ROLE hostile_rival IN ROLE flexexchange_participant;
INSERT INTO participant_login VALUES ('hostile_neso', 1), ('hostile_dso', 2), ('hostile_seller', 3), ('hostile_rival', 4);

-- tables of a stranger with our triggers: the names are right, the types are not
CREATE SCHEMA hostile_schema;
CREATE TABLE hostile_schema.dispatch (id bigint, product_id bigint, service_provider_id bigint, asset_id bigint, portfolio_id bigint, unit_id bigint, direction text, power_kw bigint, delivery_window bigint, live boolean);
CREATE TRIGGER t AFTER INSERT ON hostile_schema.dispatch REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION post_commitment('dispatch');
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, 7, true);
DROP TABLE hostile_schema.dispatch;
CREATE TABLE hostile_schema.dispatch (id bigint, product_id bigint, service_provider_id bigint, asset_id bigint, portfolio_id bigint, unit_id bigint, direction text, power_kw numeric, delivery_window time_window, live boolean);
CREATE TRIGGER t AFTER INSERT ON hostile_schema.dispatch REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION post_commitment('dispatch');
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, NULL, 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.dispatch ADD PRIMARY KEY (id);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, NULL, 7, '2026-01-01T00:00Z/PT1H', true);
CREATE TABLE hostile_schema.ruleset ();
CREATE TABLE hostile_schema.commitment (LIKE commitment);
ALTER TABLE hostile_schema.commitment ALTER unit_kind TYPE bigint USING 7;
CREATE INDEX commitment_live_idx ON hostile_schema.commitment (id);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.commitment ALTER unit_kind TYPE text USING 'asset';
\set VERBOSITY default
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
\set VERBOSITY terse
DROP INDEX hostile_schema.commitment_live_idx;
CREATE INDEX commitment_live_idx ON hostile_schema.commitment USING gist (resource_window(unit_id, delivery_window));
CREATE INDEX commitment_source_key ON hostile_schema.commitment (stage, source_id);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
DROP INDEX hostile_schema.commitment_source_key;
CREATE INDEX commitment_source_key ON hostile_schema.commitment (source_id, stage);
-- units are read straight from their tables, so these must be tables, with their keys and types
CREATE VIEW hostile_schema.asset AS SELECT 1::bigint AS id;
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
DROP VIEW hostile_schema.asset;
CREATE TABLE hostile_schema.asset (id text PRIMARY KEY, qualified_up_kw numeric, qualified_down_kw numeric, profile asset_profile);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
DROP TABLE hostile_schema.asset;
CREATE TABLE hostile_schema.asset (id bigint PRIMARY KEY, qualified_up_kw bigint, qualified_down_kw numeric, profile asset_profile, metering_point_id text);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.asset ALTER qualified_up_kw TYPE numeric, ALTER profile TYPE bigint USING 7;
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.asset DROP profile, ADD profile asset_profile;
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.asset DROP metering_point_id, ADD metering_point_id bigint;
CREATE TABLE hostile_schema.portfolio (id bigint PRIMARY KEY, profile asset_profile);
-- and so are the commitments of members
CREATE TABLE hostile_schema.member_commitment (portfolio_id bigint, cell bigint, asset_id text, commitment_id bigint, delivery_window time_window);
CREATE INDEX member_commitment_cell_idx ON hostile_schema.member_commitment (portfolio_id);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.member_commitment ALTER asset_id TYPE bigint USING 7;
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
DROP INDEX hostile_schema.member_commitment_cell_idx;
CREATE INDEX member_commitment_cell_idx ON hostile_schema.member_commitment (portfolio_id, cell);
-- and what portfolios draw on a place
CREATE TABLE hostile_schema.place_supply (place_id bigint, portfolio_id bigint, with_id bigint, valid text);
CREATE INDEX place_supply_place_id_idx ON hostile_schema.place_supply (place_id) WHERE portfolio_id = with_id;
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
DROP INDEX hostile_schema.place_supply_place_id_idx;
CREATE INDEX place_supply_place_id_idx ON hostile_schema.place_supply (place_id);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
ALTER TABLE hostile_schema.place_supply ALTER valid TYPE time_window USING '2026-01-01T00:00Z/PT1H';
CREATE TABLE hostile_schema.exchange_instance (time_zone text, detection text);
INSERT INTO hostile_schema.exchange_instance VALUES (NULL);
INSERT INTO hostile_schema.dispatch VALUES (1, 1, 1, 1, NULL, 1, 'up', 7, '2026-01-01T00:00Z/PT1H', true);
-- the register's trigger, told nothing, something else, or fired row by row
CREATE TABLE hostile_schema.portfolio_member (portfolio_id text, asset_id bigint, flexible_up_kw numeric, flexible_down_kw numeric, valid text);
CREATE TRIGGER t AFTER INSERT ON hostile_schema.portfolio_member REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reexamine_units();
INSERT INTO hostile_schema.portfolio_member VALUES ('x', 1, 1, 1, 'never');
CREATE OR REPLACE TRIGGER t AFTER INSERT ON hostile_schema.portfolio_member REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION reexamine_units('asset');
INSERT INTO hostile_schema.portfolio_member VALUES ('x', 1, 1, 1, 'never');
CREATE OR REPLACE TRIGGER t AFTER INSERT ON hostile_schema.portfolio_member FOR EACH ROW EXECUTE FUNCTION reexamine_units('portfolio_member');
INSERT INTO hostile_schema.portfolio_member VALUES ('x', 1, 1, 1, 'never');
-- a stranger's schema neither lists as an exchange nor takes the next range of ids
ALTER TABLE hostile_schema.exchange_instance ADD COLUMN valid time_window, ADD COLUMN archetype name, ADD COLUMN version text;
CREATE SEQUENCE hostile_schema.resource_id START 9223372036854775807;
SELECT count(*) FROM flexexchange.exchange WHERE name = 'hostile_schema';
ALTER TABLE hostile_schema.exchange_instance ALTER archetype TYPE text;
SELECT flexexchange.create_exchange('hostile_other');
SELECT flexexchange.drop_exchange('hostile_other');
DROP SCHEMA hostile_schema CASCADE;

-- operators of the caller's: nothing of them runs as the owner, relinking included
CREATE SCHEMA hostile_trap;
CREATE FUNCTION hostile_trap.eq(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked as %', current_user; END $$;
CREATE OPERATOR hostile_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile_trap.eq);
GRANT USAGE ON SCHEMA hostile_trap TO PUBLIC;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 1, 'closed', '2020-01-01', '2020-01-02'), (2, 1, 'open', '2020-01-01', 'infinity');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (900, 1, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H'), (901, 2, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (902, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (903, 902, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H');
SET ROLE hostile_neso;
SET search_path = hostile_trap, pg_catalog, hostile_test, flexexchange;
UPDATE hostile_test.award SET bid_id = 900;
SET search_path = hostile_test, flexexchange;
-- a sealed bid says nothing, not even whether it is there
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 1, 3, 11, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (999, 1, 3, 10, 'up', 5, '2026-01-01T00:00Z/PT1H');
RESET ROLE;
SELECT source_id, bid_id FROM commitment WHERE award_id = 902;
DROP SCHEMA hostile_trap CASCADE;
-- ... nor when it is deleted
SELECT coalesce(max(id), 0) AS before FROM notification \gset
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 3, 12, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (904, 2, 1, 3, 12, 'up', 5, '2026-01-01T00:00Z/PT1H');
DELETE FROM bid WHERE id = 904;
SELECT p.name, n.event FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before ORDER BY n.id;

-- ids are the exchange's: a portfolio with the id of a rival's asset, a trade with
-- the id of a rival's trade
SET ROLE hostile_rival;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (1, 'mine', 4);
INSERT INTO portfolio (name, service_provider_id) VALUES ('mine', 4);
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 4, 1, 'up', 5, '2026-01-01T00:00Z/PT1H');
RESET ROLE;
SELECT dispatching(1, 1, 1, 100, '2026-11-20T17:00Z/PT2H');
SET ROLE hostile_dso;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 3, 1, 'up', 100, '2026-11-20T17:00Z/PT2H');
RESET ROLE;
-- even where the owner does so, a lineage is of one stage and id
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (1, 2, 3, 1, 'up', 100, '2026-11-20T17:00Z/PT2H', 'held');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 1, 2, 3, 1, 'up', 100, '2026-11-20T17:00Z/PT2H');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (17, 'namesake', 3);
INSERT INTO dispatch (id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (3, 2, 3, 17, 'up', 100, '2026-11-20T17:00Z/PT2H');
SELECT dispatching(4, 1, 17, 100, '2026-11-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id IN (1, 17);
INSERT INTO asset (id, name) VALUES (0, 'zero');
SELECT dispatching(0, 1, 1, 1, '2026-11-20T17:00Z/PT2H');
-- a provider decides neither when the gate closes nor what becomes of its bid
SET ROLE hostile_seller;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 1, 3, 13, 'up', 5, '2026-01-01T00:00Z/PT1H');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 1, 3, 13, 'up', 5, '2026-01-01T00:00Z/PT1H');
UPDATE bid SET status = 'awarded' WHERE asset_id = 13;
UPDATE bid SET power_kw = 6 WHERE asset_id = 10;
UPDATE bid SET status = 'withdrawn' WHERE asset_id = 13;
UPDATE bid SET recorded_at = '2020-01-01' WHERE asset_id = 13;
SELECT asset_id, power_kw, status FROM bid ORDER BY id;
RESET ROLE;

-- rows that were never there: what was rolled back is not remembered
BEGIN;
INSERT INTO product (id, market_id, code, name, service_code) VALUES (60, 1, 'X', 'X', 'DC');
SELECT dispatching(20, 60, 2, 1, '2026-01-01T00:00Z/PT1H');
ROLLBACK;
INSERT INTO product (id, market_id, code, name, service_code) VALUES (60, 2, 'X', 'X', 'PR');
SELECT dispatching(20, 60, 2, 1, '2026-01-01T00:00Z/PT1H');
BEGIN;
SAVEPOINT s;
UPDATE ruleset SET status = 'retired';
SELECT dispatching(21, 1, 3, 1, '2026-01-01T00:00Z/PT1H'), dispatching(22, 2, 3, 1, '2026-01-01T00:00Z/PT1H');
ROLLBACK TO s;
SELECT dispatching(21, 1, 3, 1, '2026-01-01T00:00Z/PT1H'), dispatching(22, 2, 3, 1, '2026-01-01T00:00Z/PT1H');
COMMIT;
-- a service that the same statement makes
WITH s AS (INSERT INTO service VALUES ('ZZZ', 'new', 'dso', 'this test')), p AS (INSERT INTO product (id, market_id, code, name, service_code) VALUES (70, 1, 'Z', 'Z', 'ZZZ'))
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (23, 70, 3, 4, 'up', 1, '2026-01-01T00:00Z/PT1H');
SELECT source_id, service_code, market_operator_id FROM commitment WHERE source_id IN (20, 23) ORDER BY id;
SELECT * FROM open_finding WHERE unit_id = 3;
-- a product that goes before its trade, in one transaction
SELECT dispatching(24, 60, 5, 80, '2026-11-20T17:00Z/PT2H');
BEGIN;
DELETE FROM dispatch WHERE id = 20;
DELETE FROM product WHERE id = 60;
DELETE FROM dispatch WHERE id = 24;
COMMIT;
SELECT count(*) FROM commitment WHERE product_id = 60 AND closed_at IS NULL;

-- triggers of users that change the row again, before or after ours
CREATE FUNCTION clamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.power_kw > 50 AND NEW.asset_id = 6 THEN UPDATE hostile_test.dispatch SET power_kw = 50 WHERE id = NEW.id; END IF; RETURN NULL; END $$;
CREATE TRIGGER a_clamp AFTER INSERT OR UPDATE ON dispatch FOR EACH ROW EXECUTE FUNCTION clamp();
SELECT dispatching(30, 1, 6, 500, '2026-11-20T17:00Z/PT2H');
UPDATE dispatch SET power_kw = 400 WHERE id = 30;
DROP TRIGGER a_clamp ON dispatch;
CREATE TRIGGER z_clamp AFTER INSERT OR UPDATE ON dispatch FOR EACH ROW EXECUTE FUNCTION clamp();
UPDATE dispatch SET power_kw = 300 WHERE id = 30;
DROP TRIGGER z_clamp ON dispatch;
SELECT d.power_kw, c.power_kw AS booked FROM dispatch d JOIN commitment c ON c.source_id = d.id AND c.stage = 'dispatch' AND c.closed_at IS NULL WHERE d.id = 30;
SELECT * FROM open_finding WHERE unit_id = 6;
-- ... or that do so while others of the same statement wait to be posted: one is taken away, one cancelled, one comes back, one is written again as it was
CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  CASE NEW.id
    WHEN 70 THEN DELETE FROM hostile_test.dispatch WHERE id = 71;
    WHEN 72 THEN UPDATE hostile_test.dispatch SET status = 'cancelled' WHERE id = 72;
    WHEN 73 THEN DELETE FROM hostile_test.dispatch WHERE id = 74; PERFORM hostile_test.dispatching(74, 1, 6, 3, '2026-11-26T17:00Z/PT1H');
    WHEN 75 THEN UPDATE hostile_test.dispatch SET source = 'seen' WHERE id = 75;
    ELSE NULL;
  END CASE; RETURN NULL; END $$;
CREATE TRIGGER a_interfere AFTER INSERT ON dispatch FOR EACH ROW EXECUTE FUNCTION interfere();
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT n, 1, 3, 6, 'up', 1, time_window('2026-11-25T00:00Z'::timestamptz + n * interval '1 hour', '2026-11-25T01:00Z'::timestamptz + n * interval '1 hour') FROM generate_series(76, 70, -1) n;
DROP TRIGGER a_interfere ON dispatch;
SELECT c.source_id, c.power_kw, c.delivery_window FROM commitment c WHERE c.source_id BETWEEN 70 AND 76 AND c.stage = 'dispatch' AND closed_at IS NULL ORDER BY 1;
-- ... one that deletes a row and writes the same again, when it is inserted, and when it is deleted
CREATE FUNCTION write_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF TG_OP = 'INSERT' AND pg_trigger_depth() = 1 THEN
    DELETE FROM hostile_test.dispatch WHERE id = NEW.id;
    PERFORM hostile_test.dispatching(NEW.id, NEW.product_id, NEW.asset_id, NEW.power_kw, NEW.delivery_window);
  ELSIF TG_OP = 'DELETE' AND OLD.id = 77 THEN
    PERFORM hostile_test.dispatching(OLD.id, OLD.product_id, OLD.asset_id, OLD.power_kw, OLD.delivery_window);
  END IF; RETURN NULL; END $$;
CREATE TRIGGER a_again AFTER INSERT ON dispatch FOR EACH ROW EXECUTE FUNCTION write_again();
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (78, 1, 3, 6, 'up', 1, '2026-11-29T00:00Z/PT1H'), (77, 1, 3, 6, 'up', 1, '2026-11-29T02:00Z/PT1H');
DROP TRIGGER a_again ON dispatch;
CREATE TRIGGER a_again AFTER DELETE ON dispatch FOR EACH ROW EXECUTE FUNCTION write_again();
DELETE FROM dispatch WHERE id IN (77, 78);
DROP TRIGGER a_again ON dispatch;
SELECT d.id, c.source_id, c.delivery_window FROM (SELECT id FROM dispatch WHERE id IN (77, 78)) d FULL JOIN (SELECT source_id, delivery_window FROM commitment WHERE source_id IN (77, 78) AND closed_at IS NULL) c ON c.source_id = d.id;
-- ... one that, on the first finding of a long statement, cancels and deletes rows that wait to be posted
CREATE FUNCTION forestall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE hostile_test.dispatch SET status = 'cancelled' WHERE id = 3400; DELETE FROM hostile_test.dispatch WHERE id = 3401; RETURN NULL; END $$;
CREATE TRIGGER z_forestall AFTER INSERT ON conflict FOR EACH ROW EXECUTE FUNCTION forestall();
BEGIN;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 2000 + n, 1, 3, 6, 'up', CASE n WHEN 5 THEN 5000 ELSE 1 END, time_window('2027-01-01T00:00Z'::timestamptz + n * interval '1 hour', '2027-01-01T01:00Z'::timestamptz + n * interval '1 hour') FROM generate_series(1, 1500) n;
SELECT count(*) AS live, count(*) FILTER (WHERE source_id IN (3400, 3401)) AS ghosts FROM commitment WHERE source_id BETWEEN 2001 AND 3500 AND closed_at IS NULL;
ROLLBACK;
DROP TRIGGER z_forestall ON conflict;
-- ... and a service that the statement itself makes, which sorts before those of other rows
WITH s AS (INSERT INTO service (code, name, buyer_kind, source) VALUES ('AAA', 'new', 'dso', 'this test')),
     p AS (INSERT INTO product (id, market_id, code, name, service_code) VALUES (71, 1, 'A', 'A', 'AAA'))
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
VALUES (80, 1, 3, 6, 'up', 1, '2026-02-01T00:00Z/PT1H'), (81, 71, 3, 6, 'up', 1, '2026-03-01T00:00Z/PT1H');
SELECT c.source_id, c.service_code = p.service_code AS right_service FROM commitment c JOIN product p ON p.id = c.product_id WHERE c.source_id IN (80, 81) AND c.stage = 'dispatch' ORDER BY 1;
DELETE FROM dispatch WHERE id IN (80, 81);
-- ... and one that holds the challenger while findings are being written
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE hostile_test.dispatch d SET status = 'held' FROM hostile_test.commitment c WHERE c.id = NEW.challenger_id AND d.id = c.source_id AND NEW.unit_id = 7; RETURN NULL; END $$;
CREATE TRIGGER z_hold AFTER INSERT ON conflict FOR EACH ROW EXECUTE FUNCTION hold();
SELECT dispatching(31, 1, 7, 100, '2026-11-20T17:00Z/PT2H'), dispatching(32, 2, 7, 100, '2026-11-20T17:00Z/PT2H');
DROP TRIGGER z_hold ON conflict;
SELECT id, status FROM dispatch WHERE asset_id = 7 ORDER BY id;
SELECT * FROM open_finding WHERE unit_id = 7;
-- ... and one that takes the incumbent away: what the challenger has against an agreement is found all the same
INSERT INTO exclusivity (id, asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (1, 18, 'CM', 1, 3, '2026-11-20T00:00Z/P1D');
CREATE FUNCTION yield() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE hostile_test.dispatch d SET status = 'cancelled' FROM hostile_test.commitment c WHERE c.id = NEW.incumbent_id AND d.id = c.source_id AND NEW.unit_id = 18; RETURN NULL; END $$;
CREATE TRIGGER z_yield AFTER INSERT ON conflict FOR EACH ROW EXECUTE FUNCTION yield();
SELECT dispatching(33, 1, 18, 100, '2026-11-20T17:00Z/PT2H'), dispatching(34, 2, 18, 100, '2026-11-20T17:00Z/PT2H');
-- ... the challenger away, of which two agreements had something to say
CREATE OR REPLACE FUNCTION yield() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  UPDATE hostile_test.dispatch d SET status = 'held' FROM hostile_test.commitment c WHERE c.id = NEW.challenger_id AND d.id = c.source_id AND NEW.unit_id = 19; RETURN NULL; END $$;
SELECT dispatching(35, 1, 19, 10, '2099-11-20T17:00Z/PT2H'), dispatching(36, 1, 19, 10, '2099-11-20T20:00Z/PT2H');
INSERT INTO exclusivity (id, asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (2, 19, 'CM', 1, 3, '2099-11-20T00:00Z/P1D'), (3, 19, 'WM', 1, 3, '2099-11-20T00:00Z/P1D');
SELECT count(*) AS live, (SELECT count(*) FROM conflict WHERE unit_id = 19) AS found, (SELECT count(*) FROM conflict WHERE unit_id = 19 AND closed_at IS NULL) AS open
FROM commitment WHERE unit_id = 19 AND closed_at IS NULL;
DROP TRIGGER z_yield ON conflict;
SELECT c.source_id AS dispatch, k.kind FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE k.unit_id = 18 AND k.closed_at IS NULL;

-- midnight that comes twice, and one that does not come
UPDATE exchange_instance SET time_zone = 'Atlantic/Azores';
SELECT dispatching(40, 1, 8, 60, '2026-10-25T00:10Z/2026-10-25T00:50Z'), dispatching(41, 2, 8, 60, '2026-10-25T00:10Z/2026-10-25T00:50Z');
SELECT dispatching(42, 1, 9, 60, '2026-10-25T00:10Z/2026-10-25T00:50Z'), dispatching(43, 2, 9, 60, '2026-10-25T12:10Z/2026-10-25T12:50Z');
UPDATE exchange_instance SET time_zone = 'America/Sao_Paulo';
SELECT dispatching(44, 1, 14, 60, '2018-11-04T03:10Z/PT1H'), dispatching(45, 2, 14, 60, '2018-11-05T01:10Z/PT30M'), dispatching(46, 2, 14, 60, '2018-11-04T02:00Z/PT30M');
-- the ends of time, the greatest power, windows without ends
SELECT dispatching(47, 1, 15, 99999999999.999, '-infinity/infinity'), dispatching(48, 2, 15, 99999999999.999, '4713-01-01T00:00Z BC/294276-12-31T23:00Z');
UPDATE exchange_instance SET time_zone = 'Europe/London';
SELECT * FROM open_finding WHERE unit_id IN (8, 9, 14, 15);

-- an advisory that closes and comes back is told each time
SELECT max(id) AS before FROM notification \gset
SELECT dispatching(50, 3, 16, 10, '2026-11-20T17:00Z/PT2H'), dispatching(51, 3, 16, 10, '2026-11-20T17:00Z/PT2H'), dispatching(52, 3, 16, 10, '2026-11-20T17:00Z/PT2H');
UPDATE dispatch SET status = 'cancelled' WHERE id = 52;
UPDATE dispatch SET status = 'cancelled' WHERE id = 51;
UPDATE dispatch SET status = 'instructed' WHERE id = 51;
SELECT event, count(*) FROM notification WHERE id > :before AND participant_id = 3 GROUP BY event ORDER BY event;

-- an upgrade gives back nothing that the owner took, and switches nothing on
REVOKE INSERT (status), UPDATE (status) ON dispatch FROM flexexchange_participant;
REVOKE SELECT ON award FROM flexexchange_participant;
REVOKE EXECUTE ON FUNCTION explain_conflict(bigint) FROM flexexchange_operator;
GRANT SELECT ON conflict TO hostile_neso;
ALTER TABLE conflict DISABLE TRIGGER t50_tell;
SELECT flexexchange.upgrade_exchange('hostile_test');
SELECT has_column_privilege('flexexchange_participant', 'dispatch', 'status', 'UPDATE') AS status, has_column_privilege('flexexchange_participant', 'dispatch', 'power_kw', 'UPDATE') AS power,
       has_table_privilege('flexexchange_participant', 'award', 'SELECT') AS award, has_table_privilege('flexexchange_operator', 'award', 'SELECT') AS operator,
       has_function_privilege('flexexchange_operator', 'explain_conflict(bigint)', 'EXECUTE') AS explain, has_table_privilege('hostile_neso', 'conflict', 'SELECT') AS added,
       (SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'conflict'::regclass AND tgname = 't50_tell') AS trigger;
TRUNCATE commitment CASCADE;
-- a member of the owner's role extends; what comes belongs to the owner
CREATE ROLE hostile_owner;
CREATE ROLE hostile_clerk IN ROLE hostile_owner;
SELECT format('GRANT CREATE ON DATABASE %I TO hostile_owner', current_database()) \gexec
SET ROLE hostile_owner;
SELECT flexexchange.create_exchange('hostile_pilot', 'thin');
SET ROLE hostile_clerk;
SELECT flexexchange.extend_exchange('hostile_pilot', 'medium');
SELECT current_user;
RESET ROLE;
SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'hostile_pilot'::regnamespace;
SELECT flexexchange.drop_exchange('hostile_pilot', with_data => true);
SELECT flexexchange.drop_exchange('hostile_test', with_data => true);
SELECT format('REVOKE CREATE ON DATABASE %I FROM hostile_owner', current_database()) \gexec
DROP ROLE hostile_neso, hostile_dso, hostile_seller, hostile_rival, hostile_clerk, hostile_owner;
