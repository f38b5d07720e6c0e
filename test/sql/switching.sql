-- An asset goes to another provider: on consent, with notice, told to the one that
-- loses it, out of its portfolios, and back when the switch is withdrawn.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('switch_test');
SET search_path = switch_test, flexexchange;
CREATE ROLE swt_old IN ROLE flexexchange_participant;
CREATE ROLE swt_new IN ROLE flexexchange_participant;
CREATE ROLE swt_third IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'Old & Co', '{service_provider}'), (3, 'New & Co', '{service_provider}'), (4, 'Third & Co', '{service_provider}');
INSERT INTO participant_login VALUES ('swt_old', 2), ('swt_new', 3), ('swt_third', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'DSO market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO metering_point (id, mpan) VALUES (50, '1470116845051'), (51, '1049827101269');
INSERT INTO asset (id, name, serial_number, qualified_up_kw, metering_point_id) VALUES (101, 'charger', 'PC-1', 10, 50), (102, 'battery', 'B-1', 100, 51), (103, 'heat pump', NULL, 5, 51);
INSERT INTO external_id (scheme, value, asset_id) VALUES ('charger_id', 'C1', 101), ('bm_unit', 'C1', 102);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (101, 2, '2020-01-01T00:00Z/2099-01-01T00:00Z'), (102, 2, '2020-01-01T00:00Z/infinity');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (201, 'all of Old', 2);
INSERT INTO portfolio (id, name, service_provider_id) VALUES (202, 'later', 2), (203, 'until then', 2);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (201, 101, 10, '2020-01-01T00:00Z/2098-01-01T00:00Z'), (201, 102, 100, '2020-01-01T00:00Z/infinity'),
  (202, 101, 5, '2098-02-01T00:00Z/infinity');
-- promised for long after: the portfolio will be short
INSERT INTO award (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (1, 2, 201, 'up', 110, time_window(now() + interval '60 days', now() + interval '61 days'));

-- found by any name; of several one says which
SELECT find_assets('C1') AS by_any ORDER BY 1;
SELECT find_assets('C1', 'charger_id') AS by_scheme;
SELECT find_assets('PC-1') AS by_serial;
SELECT find_assets('1049827101269') AS by_meter ORDER BY 1;
SELECT count(*) FROM find_assets('nothing');

SET ROLE swt_new;
INSERT INTO customer_consent (service_provider_id, reference, scopes, valid) VALUES (3, 'K1', '{switch,register}', time_window(now(), now() + interval '80 days')), (3, 'K2', '{register}', time_window(now(), 'infinity'));
\set VERBOSITY default
SELECT request_switch('PC-1', 'K2', now() + interval '30 days');
SELECT request_switch('PC-1', 'K1', date_trunc('day', timestamptz '2000-01-01'));
SELECT request_switch('C1', 'K1', now() + interval '30 days');
SELECT request_switch('nothing', 'K1', now() + interval '30 days');
\set VERBOSITY terse
SELECT request_switch('C1', 'K1', now() + interval '30 days', scheme => 'charger_id') AS id;
SELECT request_switch('PC-1', 'K1', now() + interval '40 days');
SELECT request_switch('B-1', 'K1', now() + interval '40 days');
SELECT request_switch('B-1', 'K1', NULL);
SELECT request_switch('B-1', 'K1', now() + interval '85 days');
SELECT event, regexp_replace(message, ' on \d.*', '') AS message FROM notification ORDER BY id;
SELECT count(*) AS assets FROM asset;
RESET ROLE;
-- the one that loses it is told, of the switch and of what it will be short of
SET ROLE swt_old;
SELECT event, regexp_replace(message, '\d\d ... \d{4}.*', '...') AS message FROM notification WHERE event LIKE 'switch%' OR event LIKE 'conflict%' ORDER BY id;
SELECT withdraw_switch(1, 'we object');
RESET ROLE;
SET ROLE swt_third;
SELECT count(*) FROM operator_switch;
RESET ROLE;
SELECT service_provider_id, lower(valid) > now() AS from_then, upper(valid) < 'infinity' AS until_then FROM asset_operator WHERE asset_id = 101 ORDER BY valid;
SELECT portfolio_id, asset_id, upper(valid) < '2090-01-01' AS until_then FROM portfolio_member ORDER BY 1, 2;
SELECT kind, short_kw, closed_at IS NULL AS open FROM conflict;

-- withdrawn: as if it had not been asked for
SET ROLE swt_new;
SELECT withdraw_switch(1, NULL);
SELECT withdraw_switch(1, 'the customer stays');
SELECT withdraw_switch(1, 'again');
SELECT status, reason FROM operator_switch;
RESET ROLE;
SELECT service_provider_id, upper(valid) FROM asset_operator WHERE asset_id = 101;
SELECT portfolio_id, asset_id, flexible_up_kw, valid FROM portfolio_member ORDER BY 1, 2;
SELECT kind, closed_at IS NULL AS open FROM conflict;

-- asked for again, and taking effect
SET ROLE swt_new;
SELECT request_switch('PC-1', 'K1', now() + interval '20 days') AS id;
RESET ROLE;
UPDATE operator_switch SET takes_effect_at = now() - interval '1 second' WHERE status = 'requested';
SELECT withdraw_switch(2, 'too late');
SELECT flexexchange.drop_exchange('switch_test', with_data => true);
DROP ROLE swt_old, swt_new, swt_third;
