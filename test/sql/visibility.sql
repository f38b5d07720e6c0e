-- Who sees what: a participant that may not see a rival's rows still has its
-- conflicts with them found, and learns no more than the rules share.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('seen_test');
SET search_path = seen_test, flexexchange;
CREATE ROLE seen_neso IN ROLE flexexchange_participant;
CREATE ROLE seen_dso IN ROLE flexexchange_participant;
CREATE ROLE seen_seller IN ROLE flexexchange_participant;
CREATE ROLE seen_rival IN ROLE flexexchange_participant;
CREATE ROLE seen_stranger IN ROLE flexexchange_participant;
CREATE ROLE seen_regulator IN ROLE flexexchange_regulator;
CREATE ROLE seen_nobody;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}'), (4, 'Rival', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('seen_neso', 1), ('seen_dso', 2), ('seen_seller', 3), ('seen_rival', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt'), (3, 1, 'DFS', 'Demand Flexibility Service', 'DFS');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (1, 'battery', 100), (2, 'rival battery', 100), (3, 'sealed battery', 100);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (1, 3, '-infinity/infinity'), (2, 4, '-infinity/infinity'), (3, 3, '-infinity/infinity');
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 1, 'open', '2020-01-01', 'infinity'), (2, 1, 'closed', '2020-01-01', '2020-01-02');

-- the system operator records an award, the network operator instructs the same unit
SET ROLE seen_neso;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (1, 3, 1, 'up', 60, '2026-11-20T17:00Z/PT2H', 12.34);
RESET ROLE;
SET ROLE seen_dso;
SELECT count(*) AS rivals_rows FROM award;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (2, 3, 1, 'up', 50, '2026-11-20T18:00Z/PT2H', 567.89);
-- it has been found, and told
SELECT event, message FROM notification ORDER BY id;
SELECT content FROM notification ORDER BY id LIMIT 1;
-- nothing of the rival: neither name nor price nor number
SELECT count(*) FROM notification WHERE message || content::text ~ 'NESO|12\.34';
SELECT count(*) FROM award;
SELECT count(*) FROM commitment;
SELECT count(*) FROM conflict;
RESET ROLE;
-- the system operator hears the same from its side; the seller knows both
SET ROLE seen_neso;
SELECT message FROM notification ORDER BY id;
SELECT count(*) FROM notification WHERE message || content::text ~ 'DSO|567\.89';
RESET ROLE;
SET ROLE seen_seller;
SELECT message FROM notification ORDER BY id;
SELECT count(*) AS bought_by_both FROM commitment;
RESET ROLE;
SET ROLE seen_rival;
SELECT (SELECT count(*) FROM notification) AS notifications, (SELECT count(*) FROM commitment) AS commitments, (SELECT count(*) FROM award) AS awards, (SELECT count(*) FROM asset) AS assets;
RESET ROLE;
SET ROLE seen_stranger;
SELECT (SELECT count(*) FROM notification) AS notifications, (SELECT count(*) FROM commitment) AS commitments, (SELECT count(*) FROM award) AS awards, (SELECT count(*) FROM asset) AS assets;
RESET ROLE;
SET ROLE seen_regulator;
SELECT (SELECT count(*) FROM notification) > 0 AS notifications, (SELECT count(*) FROM conflict) AS conflicts, (SELECT count(*) FROM award) AS awards;
UPDATE award SET power_kw = 1;
RESET ROLE;
SET ROLE seen_nobody;
SELECT count(*) FROM seen_test.award;
RESET ROLE;
-- where the ruleset shares identity and price, they are told
SELECT copy_ruleset('ena-2025-01', 'open') IS NOT NULL AS copied;
UPDATE ruleset SET share_identity = true, share_price = true WHERE code = 'open';
SELECT put_ruleset_in_force('open', '2099-01-01T00:00Z');
SET ROLE seen_neso;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (1, 3, 1, 'up', 60, '2099-11-20T17:00Z/PT2H', 12.34);
SET ROLE seen_dso;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 3, 1, 'up', 30, '2099-11-20T17:00Z/PT1H');
SELECT message FROM notification ORDER BY id DESC LIMIT 1;
SELECT content -> 'incumbent' ->> 'market_operator' AS other, content -> 'incumbent' ->> 'availability_price_per_mw_h' AS price FROM notification WHERE content ->> 'kind' = 'double_commitment' ORDER BY id DESC LIMIT 1;
RESET ROLE;

-- a sealed bid: only the bidder hears of it, and nobody else reads it, before the gate closes
SET ROLE seen_dso;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 3, 3, 'up', 50, '2026-11-20T17:00Z/PT2H');
RESET ROLE;
SELECT max(id) AS before FROM notification \gset
SET ROLE seen_seller;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (1, 1, 3, 3, 'up', 40, '2026-11-20T17:00Z/PT2H', 3.21);
SELECT count(*) AS bidder_told FROM notification WHERE id > :before;
RESET ROLE;
SELECT p.name FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before;
SET ROLE seen_neso;
SELECT count(*) AS sealed FROM bid;
SELECT count(*) AS sealed FROM commitment WHERE stage = 'bid';
RESET ROLE;
-- after the gate both buyers hear of it
SELECT max(id) AS before FROM notification \gset
UPDATE bid SET competition_id = 2, power_kw = 41, status = 'submitted';
SELECT p.name FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before AND n.event = 'conflict_found' GROUP BY p.name ORDER BY p.name;
SET ROLE seen_neso;
SELECT power_kw FROM bid;
RESET ROLE;

-- nobody does what is not theirs
SET ROLE seen_rival;
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 4, 1, 'up', 40, '2026-11-20T17:00Z/PT2H');
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 1, 'up', 40, '2026-11-20T17:00Z/PT2H');
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 4, 2, 'up', 40, '2026-11-20T17:00Z/PT2H');
INSERT INTO conflict (kind) VALUES ('duplicate');
INSERT INTO notification (participant_id) VALUES (3);
UPDATE commitment SET power_kw = 1;
DELETE FROM award;
UPDATE participant_login SET participant_id = 3;
SELECT explain_conflict(1);
RESET ROLE;
SET ROLE seen_dso;
UPDATE dispatch SET product_id = 1;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 1, 'up', 40, '2026-11-20T17:00Z/PT2H');
RESET ROLE;
-- a path of the caller's own changes nothing
CREATE SCHEMA seen_trap;
CREATE TABLE seen_trap.participant_login (role_name name, participant_id bigint);
INSERT INTO seen_trap.participant_login VALUES ('seen_rival', 3);
CREATE FUNCTION seen_trap.session_role() RETURNS name LANGUAGE sql AS $$ SELECT 'seen_seller'::name $$;
CREATE FUNCTION seen_trap.trap(bigint, bigint) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'hijacked by %', current_user; END $$;
CREATE OPERATOR seen_trap.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = seen_trap.trap);
GRANT USAGE ON SCHEMA seen_trap TO PUBLIC;
GRANT SELECT ON seen_trap.participant_login TO PUBLIC;
SET ROLE seen_neso;
SET search_path = seen_trap, pg_catalog, seen_test, flexexchange;
INSERT INTO seen_test.award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 1, 'up', 40, '2026-11-22T17:00Z/PT2H');
RESET ROLE;
SET ROLE seen_rival;
SELECT seen_test.current_participant() AS rival_is;
RESET ROLE;
RESET search_path;
DROP SCHEMA seen_trap CASCADE;
SELECT flexexchange.drop_exchange('seen_test', with_data => true);
DROP ROLE seen_neso, seen_dso, seen_seller, seen_rival, seen_stranger, seen_regulator, seen_nobody;
