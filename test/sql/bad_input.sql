-- Bad input gets an SQLSTATE, a message that names the field and the value, and a hint.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('bad_test');
SELECT flexexchange.create_exchange('bad_other');
SET search_path = bad_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'Seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR'), (2, 1, 'SU', 'Scheduled Utilisation', 'SU');
INSERT INTO asset (id, name) VALUES (1, 'one'), (2, 'two');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (3, 'three', 2);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (101, 1, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H');
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (102, 101, 1, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (103, 1, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H');

-- what happened: state, message, hint; and nothing was written
CREATE FUNCTION attempt(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text; message text; hint text;
BEGIN
  EXECUTE sql;
  SET CONSTRAINTS ALL IMMEDIATE;
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN format(E'%s %s\n    hint: %s', state, message, hint);
END $$;
CREATE FUNCTION dispatching(columns text, vals text) RETURNS text LANGUAGE sql AS
$$ SELECT format('INSERT INTO dispatch (product_id, service_provider_id, direction, %s) VALUES (1, 2, ''up'', %s)', columns, vals) $$;

SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, 1, '2026-11-20T18:00Z/2026-11-20T17:00Z'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, 1, '2026-11-20T18:00Z'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, -5, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, 0, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, 'NaN', '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$99, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$3, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('portfolio_id, power_kw, delivery_window', $$1, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$-1, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('power_kw, delivery_window', $$1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, portfolio_id, power_kw, delivery_window', $$1, 3, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, status, power_kw, delivery_window', $$1, 'gone', 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, source, power_kw, delivery_window', $$1, repeat('x', 10000000), 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, status, power_kw, delivery_window', $$1, repeat('x', 10000000), 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, power_kw, delivery_window', $$1, 1, repeat('x', 10000000)::time_window$$));
SELECT attempt(dispatching('asset_id, award_id, power_kw, delivery_window', $$1, 999, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, availability_id, power_kw, delivery_window', $$1, 101, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, award_id, power_kw, delivery_window', $$2, 101, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, supersedes_id, power_kw, delivery_window', $$1, 101, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt(dispatching('asset_id, supersedes_id, power_kw, delivery_window', $$2, 103, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (7, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H')$$);
SELECT attempt($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 77, 1, 'up', 1, '2026-11-20T17:00Z/PT1H')$$);
SELECT attempt($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 1, 'sideways', 1, '2026-11-20T17:00Z/PT1H')$$);
SELECT attempt($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, award_id) VALUES (2, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H', 101)$$);
SELECT attempt($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, award_id) VALUES (1, 2, 1, 'down', 1, '2026-11-20T17:00Z/PT1H', 101)$$);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (104, 1, 2, 1, 'up', 1, '2026-11-21T17:00Z/PT1H');
SELECT attempt(dispatching('asset_id, award_id, availability_id, power_kw, delivery_window', $$1, 104, 102, 1, '2026-11-20T17:00Z/PT1H'$$));
SELECT attempt($$UPDATE award SET asset_id = 2 WHERE id = 101$$);
SELECT attempt($$UPDATE award SET id = 999 WHERE id = 104$$);
SELECT attempt($$UPDATE asset SET mrid = gen_random_uuid()$$);
SELECT attempt($$UPDATE product SET service_code = 'DC'$$);
SELECT attempt($$TRUNCATE dispatch CASCADE$$);
-- ids of another exchange of this database are unknown here, for every table that takes one
INSERT INTO bad_other.participant (name, kinds) VALUES ('DSO', '{market_operator}');
INSERT INTO bad_other.market (code, name, market_operator_id) SELECT 'm', 'market', id FROM bad_other.participant;
INSERT INTO bad_other.product (market_id, code, name, service_code) SELECT id, 'PR', 'Peak Reduction', 'PR' FROM bad_other.market;
INSERT INTO bad_other.asset (name) VALUES ('one');
INSERT INTO bad_other.award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, s.id, a.id, 'up', 1, '2026-11-20T17:00Z/PT1H' FROM bad_other.product p, bad_other.participant s, bad_other.asset a;
SELECT regexp_replace(attempt(format($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, %s, 'up', 1, '2026-11-20T17:00Z/PT1H')$$, (SELECT id FROM bad_other.asset))), '\d{12,}', '<id>');
SELECT regexp_replace(attempt(format($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (%s, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H')$$, (SELECT id FROM bad_other.product))), '\d{12,}', '<id>');
SELECT regexp_replace(attempt(format($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, award_id) VALUES (1, 2, 1, 'up', 1, '2026-11-20T17:00Z/PT1H', %s)$$, (SELECT id FROM bad_other.award))), '\d{12,}', '<id>');
SELECT regexp_replace(attempt(format($$INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, %s, 1, 'up', 1, '2026-11-20T17:00Z/PT1H')$$, (SELECT id FROM bad_other.participant))), '\d{12,}', '<id>');
-- the register
SELECT attempt($$INSERT INTO participant (name, kinds) VALUES (repeat('x', 10000000), '{supplier}')$$);
SELECT attempt($$INSERT INTO participant (name, kinds) VALUES ('   ', '{supplier}')$$);
SELECT attempt($$INSERT INTO participant (name, kinds) VALUES ('x', '{baker}')$$);
SELECT attempt($$INSERT INTO asset (name, qualified_up_kw) VALUES ('x', -1)$$);
SELECT attempt($$INSERT INTO asset (name, connection_status) VALUES ('x', 'energised')$$);
SELECT attempt($$INSERT INTO metering_point (mpan) VALUES ('1200010257778')$$);
SELECT attempt($$INSERT INTO metering_point (mpan) VALUES ('1470116845051')$$);
SELECT attempt($$INSERT INTO portfolio_member (portfolio_id, asset_id, valid) VALUES (3, 1, '2026-11-20T17:00Z/PT1H'), (3, 1, '2026-11-20T17:30Z/PT1H')$$);
SELECT attempt($$INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (1, 2, '2026-11-20T17:00Z/PT1H'), (1, 1, '2026-11-20T17:30Z/PT1H')$$);
SELECT attempt($$INSERT INTO grid_node (kind, name) VALUES ('pole', 'x')$$);
SELECT attempt($$INSERT INTO external_id (scheme, value) VALUES ('bm_unit', 'x')$$);
SELECT attempt($$INSERT INTO product (market_id, code, name, service_code, binds) VALUES (1, 'x', 'x', 'PR', 'handshake')$$);
SELECT attempt($$INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict) SELECT id, 'DC', 'XX', 'jumping', 'maybe' FROM ruleset$$);
SELECT count(*) AS dispatches FROM dispatch;
SELECT flexexchange.drop_exchange('bad_test', with_data => true);
SELECT flexexchange.drop_exchange('bad_other', with_data => true);
-- triggers in the wrong place
CREATE TABLE stray (id bigint);
CREATE TRIGGER t AFTER INSERT ON stray REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.post_commitment('dispatch');
INSERT INTO stray VALUES (1);
DROP TRIGGER t ON stray;
CREATE TRIGGER t AFTER INSERT ON stray REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.post_commitment();
INSERT INTO stray VALUES (1);
DROP TRIGGER t ON stray;
CREATE TRIGGER t AFTER INSERT ON stray FOR EACH ROW EXECUTE FUNCTION flexexchange.post_commitment('dispatch');
INSERT INTO stray VALUES (1);
DROP TRIGGER t ON stray;
CREATE TRIGGER t AFTER UPDATE ON stray REFERENCING NEW TABLE AS rows FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.post_commitment('dispatch');
UPDATE stray SET id = 2;
DROP TRIGGER t ON stray;
CREATE TRIGGER t BEFORE INSERT ON stray FOR EACH ROW EXECUTE FUNCTION flexexchange.post_commitment('dispatch');
INSERT INTO stray VALUES (1);
DROP TABLE stray;
