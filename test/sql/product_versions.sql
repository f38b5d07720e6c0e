-- Versions of products: what they require, when they are offered, and what stays once they are used.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
-- a directory knows specs too
SELECT flexexchange.create_exchange('version_test', 'thin');
SET search_path = version_test, flexexchange;
INSERT INTO participant (name, kinds) VALUES ('DSO', '{market_operator}'), ('Seller', '{service_provider}');
INSERT INTO market (code, name, market_operator_id) VALUES ('dso', 'Local', 1);
INSERT INTO product (market_id, code, name, service_code, spec) VALUES (1, 'PR', 'Peak Reduction', 'PR', '{"unit": {"up_kw": {"min": 10}}}');
INSERT INTO product (market_id, code, name, service_code) VALUES (1, 'OU', 'Operational Utilisation', 'OUrt');
SELECT code, version, spec, upper(valid) AS offered_until FROM product ORDER BY id;
UPDATE product SET spec = '{"unit": {"up_kw": {"min": "1 MW"}}}' WHERE code = 'PR';
-- which of them for a charger: what is not stated is not promised
SELECT code FROM product WHERE spec @> '{"technology": "EV_CHARGER"}';
-- until somebody counts on it, it may be put right
UPDATE product SET spec = '{"unit": {"up_kw": {"min": 20}}}' WHERE code = 'PR';
SELECT flexexchange.extend_exchange('version_test', 'medium');
UPDATE product SET spec = '{"unit": {"up_kw": {"min": 30}}}' WHERE code = 'PR';
INSERT INTO competition (product_id, name, gate_closes_at) VALUES (1, 'winter', 'infinity');
UPDATE product SET spec = '{"unit": {"up_kw": {"min": 40}}}' WHERE code = 'PR';
UPDATE product SET spec = NULL, name = 'Peak' WHERE code = 'PR';
-- the same once more says nothing new, and what else there is may change
UPDATE product SET spec = '{"unit":{"up_kw":{"min":30.0}}}', valid = '2026-01-01T00:00Z/2026-12-01T00:00Z' WHERE code = 'PR';
-- each of the tables in which it may stand
INSERT INTO asset (name) VALUES ('battery');
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 2, 1, 'up', 1, '2099-01-01T00:00Z/PT1H');
UPDATE product SET spec = '{}' WHERE code = 'OU';
INSERT INTO product (market_id, code, version, name, service_code, spec) SELECT market_id, code, v, name, service_code, '{}' FROM product, generate_series(2, 4) v WHERE code = 'OU';
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT id, 2, 1, 'up', 1, '2099-01-02T00:00Z/PT1H' FROM product WHERE code = 'OU' AND version = 2;
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT id, 2, 1, 'up', 1, '2099-01-03T00:00Z/PT1H' FROM product WHERE code = 'OU' AND version = 3;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT id, 2, 1, 'up', 1, '2099-01-04T00:00Z/PT1H' FROM product WHERE code = 'OU' AND version = 4;
UPDATE product SET spec = NULL WHERE version = 2;
UPDATE product SET spec = NULL WHERE version = 3;
UPDATE product SET spec = NULL WHERE version = 4;
-- a new version asks for something else
INSERT INTO product (market_id, code, version, name, service_code, spec) SELECT market_id, code, 2, name, service_code, '{"unit": {"up_kw": {"min": 40}}}' FROM product WHERE code = 'PR';
SELECT version, spec FROM product WHERE code = 'PR' ORDER BY version;
SELECT flexexchange.drop_exchange('version_test', with_data => true);
