-- Counteraction and primacy: instructions against one another on one network
-- element, against what it can bear, and against a removal.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('net_test');
SET search_path = net_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'North DSO', '{market_operator}'), (3, 'South DSO', '{market_operator}'),
  (4, 'Seller', '{service_provider}'), (5, 'Other seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO', 1), (2, 'north', 'North DSO', 2), (3, 'south', 'South DSO', 3);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'MWD', 'MW Dispatch', 'MWD'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt'), (3, 3, 'OU', 'Operational Utilisation', 'OUrt'), (4, 1, 'BM', 'Balancing Mechanism', 'BM');
-- two grid supply points; two primaries below the first
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (101, 'gsp', 'Northgate', 2), (102, 'primary', 'Mill Lane', 2), (103, 'primary', 'Canal Street', 2), (104, 'gsp', 'Southgate', 3);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (102, 101), (103, 101);
INSERT INTO asset (id, name, grid_node_id) VALUES (1, 'battery', 102), (2, 'wind farm', 103), (3, 'southern battery', 104), (4, 'somewhere', NULL);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, CASE WHEN id = 2 THEN 5 ELSE 4 END, '-infinity/infinity' FROM asset;
CREATE FUNCTION instruct(id bigint, product bigint, unit bigint, way text, kw numeric, w time_window, purpose text DEFAULT NULL, element bigint DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, purpose, grid_node_id)
  VALUES (id, product, CASE WHEN unit = 2 THEN 5 ELSE 4 END, unit, way, kw, w, purpose, element) $$;
CREATE VIEW open_finding AS
  SELECT c.source_id AS challenger, i.source_id AS incumbent, k.severity, g.name AS element, k.overlap, k.short_kw, k.rationale #>> '{primacy,case}' AS "case",
         k.rationale #>> '{primacy,prevails}' AS prevails, p.name AS prevailing
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id LEFT JOIN commitment i ON i.id = k.incumbent_id LEFT JOIN grid_node g ON g.id = k.grid_node_id
  LEFT JOIN participant p ON p.id = k.prevailing_id WHERE k.kind = 'counteraction' AND k.closed_at IS NULL ORDER BY k.id;

-- an exchange without limits does not look at the network
SELECT instruct(1, 1, 1, 'up', 400, '2099-01-01T10:00Z/PT2H');
SELECT instruct(2, 2, 2, 'down', 300, '2099-01-01T11:00Z/PT2H', 'hold_limit');
SELECT * FROM open_finding;
SELECT count(*) AS placed FROM network_dispatch;
-- the first limit: the two oppose one another behind it
INSERT INTO operating_limit (id, grid_node_id, valid, direction, limit_kw, operator_id, source) VALUES (901, 101, '2099-01-01T00:00Z/infinity', 'up', 500, 2, 'rating of transformer 2');
SELECT * FROM open_finding;
SELECT explain_conflict(id) FROM conflict ORDER BY id;
SELECT jsonb_pretty(rationale - 'challenger' - 'incumbent') FROM conflict;
UPDATE dispatch SET status = 'cancelled';
SELECT * FROM open_finding;

-- The four published cases: the system operator's action and how the network operator counters it.
CREATE TABLE published (use_case text, conflict_case text, neso_way text, dso_way text, dso_purpose text, best_rule text);
INSERT INTO published VALUES
  ('into a constraint',   '1', 'up',   'down', 'hold_limit',   'North DSO'),
  ('into a constraint',   '4', 'down', 'up',   'hold_limit',   'North DSO'),
  ('out of a constraint', '2', 'down', 'up',   'use_headroom', 'NESO'),
  ('out of a constraint', '3', 'up',   'down', 'use_headroom', 'NESO');
DO $$
DECLARE
  p record;
BEGIN
  FOR p IN SELECT *, 10 * row_number() OVER (ORDER BY use_case, conflict_case) AS id FROM published LOOP
    PERFORM instruct(p.id, 1, 1, p.neso_way, 10, time_window(timestamptz '2099-02-01T00:00Z' + p.id * interval '1 hour', timestamptz '2099-02-01T01:00Z' + p.id * interval '1 hour'));
    PERFORM instruct(p.id + 1, 2, 2, p.dso_way, 10, time_window(timestamptz '2099-02-01T00:00Z' + p.id * interval '1 hour', timestamptz '2099-02-01T01:00Z' + p.id * interval '1 hour'), p.dso_purpose);
    -- the same whoever comes first
    PERFORM instruct(p.id + 2, 2, 2, p.dso_way, 10, time_window(timestamptz '2099-03-01T00:00Z' + p.id * interval '1 hour', timestamptz '2099-03-01T01:00Z' + p.id * interval '1 hour'), p.dso_purpose);
    PERFORM instruct(p.id + 3, 1, 1, p.neso_way, 10, time_window(timestamptz '2099-03-01T00:00Z' + p.id * interval '1 hour', timestamptz '2099-03-01T01:00Z' + p.id * interval '1 hour'));
  END LOOP;
END $$;
SELECT p.use_case, p.conflict_case, p.best_rule, f.prevailing, f."case" = p.conflict_case AS right_case, f.prevailing = p.best_rule AS right_rule
FROM (SELECT *, 10 * row_number() OVER (ORDER BY use_case, conflict_case) AS id FROM published) p JOIN open_finding f ON f.challenger IN (p.id + 1, p.id + 3) ORDER BY p.id, f.challenger;
SELECT regexp_replace(explain_conflict(id), '.*\. T', 'T') FROM conflict WHERE kind = 'counteraction' AND closed_at IS NULL ORDER BY id;
-- no primacy: a purpose that no case is of, a purpose not said
UPDATE dispatch SET purpose = 'system' WHERE id = 11;
UPDATE dispatch SET purpose = NULL WHERE id = 21;
SELECT challenger, "case", prevails, prevailing FROM open_finding WHERE challenger IN (11, 21);
-- said again, it is known again, and told
UPDATE dispatch SET purpose = 'use_headroom' WHERE id = 11;
SELECT challenger, "case", prevails, prevailing FROM open_finding WHERE challenger = 11;
SELECT event, count(*) FROM notification n JOIN conflict k ON k.id = n.conflict_id JOIN commitment c ON c.id = k.challenger_id WHERE c.source_id = 11 GROUP BY event ORDER BY event COLLATE "C";
-- joint primacy names neither, a rule may be a warning, and without a ruleset there is no primacy
INSERT INTO ruleset (id, code, title, source, status, in_force) VALUES (1000, 'joint', 'rules of April', 'this test', 'proposed', '2099-04-01T00:00Z/2099-05-01T00:00Z');
INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, severity, source) VALUES (1000, 'a', 'hold_limit', 'down', 'joint', 'advisory', 'this test');
UPDATE ruleset SET in_force = '-infinity/2099-04-01T00:00Z' WHERE id = 1;
UPDATE ruleset SET status = 'in_force' WHERE id = 1000;
SELECT instruct(60, 1, 1, 'up', 10, '2099-04-02T10:00Z/PT1H');
SELECT instruct(61, 2, 2, 'down', 10, '2099-04-02T10:00Z/PT1H', 'hold_limit');
SELECT instruct(62, 1, 1, 'up', 10, '2099-05-02T10:00Z/PT1H');
SELECT instruct(63, 2, 2, 'down', 10, '2099-05-02T10:00Z/PT1H', 'hold_limit');
SELECT * FROM open_finding WHERE challenger IN (61, 63);
SELECT regexp_replace(explain_conflict(k.id), '.*\. T', 'T') FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE c.source_id = 61 AND k.closed_at IS NULL;
UPDATE dispatch SET status = 'cancelled';

-- Where: opposite ends of the country have no element in common
SELECT instruct(100, 1, 3, 'up', 400, '2099-06-01T10:00Z/PT2H');
SELECT instruct(101, 2, 2, 'down', 300, '2099-06-01T10:00Z/PT2H', 'hold_limit');
SELECT instruct(102, 2, 4, 'down', 300, '2099-06-01T10:00Z/PT2H', 'hold_limit');
-- nor does a limit matter that is of neither of the two: the South operator states nothing of the first supply point
SELECT instruct(103, 3, 1, 'down', 300, '2099-06-01T10:00Z/PT2H', 'hold_limit');
SELECT * FROM open_finding;
-- the networks are joined for an hour, at the southern supply point, for which an instruction is
INSERT INTO grid_node_parent (grid_node_id, parent_id, valid) VALUES (101, 104, '2099-06-01T11:00Z/PT1H');
UPDATE dispatch SET grid_node_id = 104 WHERE id = 101;
SELECT * FROM open_finding;
SELECT rationale -> 'elements' FROM conflict WHERE kind = 'counteraction' AND closed_at IS NULL;
DELETE FROM grid_node_parent WHERE grid_node_id = 101;
SELECT * FROM open_finding;
-- a unit that moves
UPDATE asset SET grid_node_id = 102 WHERE id = 3;
SELECT * FROM open_finding;
UPDATE asset SET grid_node_id = 104 WHERE id = 3;
SELECT * FROM open_finding;
UPDATE dispatch SET status = 'cancelled';

-- How much: what was posted up to an instruction, with it
INSERT INTO constraint_period (id, grid_node_id, valid, direction, limit_kw, operator_id, source) VALUES (901, 101, '2099-07-01T17:00Z/PT4H', 'up', 100, 2, 'ANM forecast, issue 1');
SELECT instruct(200, 1, 1, 'up', 80, '2099-07-01T16:00Z/PT2H');
SELECT instruct(201, 2, 2, 'up', 50, '2099-07-01T17:30Z/PT2H');
SELECT instruct(202, 2, 1, 'down', 50, '2099-07-01T18:00Z/PT1H', 'hold_limit');
SELECT challenger, incumbent, element, overlap, short_kw FROM open_finding;
SELECT explain_conflict(id) FROM conflict WHERE constraint_period_id = 901;
-- an instruction that takes the place of another counts instead of it
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, supersedes_id) VALUES (203, 1, 4, 1, 'up', 60, '2099-07-01T16:00Z/PT2H', 200);
SELECT challenger, incumbent, overlap, short_kw FROM open_finding;
UPDATE dispatch SET power_kw = 40 WHERE id = 203;
SELECT challenger, incumbent, overlap, short_kw FROM open_finding;
-- the forecast is issued anew, and in the end withdrawn
INSERT INTO constraint_period (id, grid_node_id, valid, direction, limit_kw, operator_id, source, revises_id) VALUES (902, 101, '2099-07-01T17:00Z/PT3H', 'up', 0, 2, 'ANM forecast, issue 2', 901);
SELECT challenger, incumbent, overlap, short_kw FROM open_finding;
UPDATE constraint_period SET closed_at = now() WHERE id = 902;
SELECT challenger, incumbent, overlap, short_kw FROM open_finding;
UPDATE dispatch SET status = 'cancelled';

-- Removal: of the services of the system operator, or of one
INSERT INTO unit_removal (id, asset_id, valid, operator_id, reason) VALUES (901, 1, '2099-08-01T00:00Z/P1D', 2, 'it serves the network operator');
SELECT instruct(300, 1, 1, 'up', 10, '2099-08-01T10:00Z/PT1H');
SELECT instruct(301, 2, 1, 'up', 10, '2099-08-01T11:00Z/PT1H');
SELECT explain_conflict(id) FROM conflict WHERE unit_removal_id IS NOT NULL;
UPDATE unit_removal SET closed_at = now();
INSERT INTO unit_removal (id, asset_id, service_code, valid, operator_id, reason) VALUES (902, 1, 'BM', '2099-08-01T00:00Z/P1D', 2, 'a fault');
SELECT * FROM open_finding;
SELECT instruct(302, 4, 1, 'up', 10, '2099-08-01T12:00Z/PT1H');
SELECT challenger, overlap FROM open_finding;
UPDATE dispatch SET status = 'cancelled';

-- What ended stays as it was judged
SELECT instruct(400, 1, 1, 'up', 900, '2020-01-01T10:00Z/PT1H');
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (102, '2019-01-01T00:00Z/infinity', 'up', 1, 2);
SELECT * FROM open_finding;

-- What was stated is not changed
UPDATE operating_limit SET limit_kw = 2;
DELETE FROM operating_limit;
TRUNCATE constraint_period CASCADE;
UPDATE constraint_period SET closed_at = NULL WHERE id = 901;
INSERT INTO constraint_period (grid_node_id, valid, direction, operator_id, revises_id) VALUES (101, '2099-07-01T17:00Z/PT4H', 'up', 2, 901);
INSERT INTO operating_limit (grid_node_id, direction, limit_kw, operator_id) VALUES (101, 'sideways', 1, 2), (101, 'up', 1, 2);
INSERT INTO operating_limit (grid_node_id, direction, limit_kw, operator_id) VALUES (101, 'up', -1, 2);
INSERT INTO unit_removal (valid, operator_id, reason) VALUES ('2099-08-01T00:00Z/P1D', 2, 'nothing');
UPDATE dispatch SET purpose = 'fun';
INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, source) VALUES (1, 'x', 'system', 'up', 'me', 'this test');
-- our trigger where it does not belong
CREATE TABLE elsewhere (id bigint);
CREATE TRIGGER t AFTER INSERT ON elsewhere FOR EACH STATEMENT EXECUTE FUNCTION reexamine_network('elsewhere');
INSERT INTO elsewhere VALUES (1);
DROP TRIGGER t ON elsewhere;
CREATE TRIGGER t AFTER INSERT ON elsewhere FOR EACH ROW EXECUTE FUNCTION reexamine_network('dispatch');
INSERT INTO elsewhere VALUES (1);
DROP TABLE elsewhere;

-- Who sees what
CREATE ROLE net_neso IN ROLE flexexchange_participant;
CREATE ROLE net_north IN ROLE flexexchange_participant;
CREATE ROLE net_south IN ROLE flexexchange_participant;
CREATE ROLE net_seller IN ROLE flexexchange_participant;
CREATE ROLE net_other IN ROLE flexexchange_participant;
INSERT INTO participant_login (role_name, participant_id) VALUES ('net_neso', 1), ('net_north', 2), ('net_south', 3), ('net_seller', 4), ('net_other', 5);
SELECT setval('trade_id', 1000) AS next_trade;
SELECT max(id) AS before FROM notification \gset
SET ROLE net_north;
-- NET-2: its own elements, in its own name
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (102, '2099-09-01T00:00Z/P1D', 'up', 50, 2);
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (104, '2099-09-01T00:00Z/P1D', 'up', 50, 2);
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (104, '2099-09-01T00:00Z/P1D', 'up', 50, 3);
-- NET-5
INSERT INTO unit_removal (asset_id, valid, operator_id, reason) VALUES (2, '2099-09-01T00:00Z/P1D', 2, 'it serves us');
INSERT INTO unit_removal (asset_id, valid, operator_id, reason) VALUES (3, '2099-09-01T00:00Z/P1D', 2, 'it does not');
RESET ROLE;
SET ROLE net_neso;
-- NET-1, NET-4: another operator reads them, and changes none (NET-3, NET-6)
SELECT count(*) AS periods FROM constraint_period WHERE closed_at IS NULL;
SELECT count(*) AS removals FROM unit_removal WHERE closed_at IS NULL;
UPDATE constraint_period SET closed_at = now() WHERE closed_at IS NULL RETURNING id;
UPDATE unit_removal SET closed_at = now() WHERE closed_at IS NULL RETURNING id;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, purpose, grid_node_id) VALUES (1, 4, 1, 'up', 60, '2099-09-01T10:00Z/PT1H', 'system', 102);
SELECT count(*) FROM network_dispatch;
RESET ROLE;
SET ROLE net_seller;
SELECT grid_node_id, limit_kw FROM constraint_period WHERE closed_at IS NULL;
SELECT count(*) AS removals FROM unit_removal WHERE closed_at IS NULL;
UPDATE constraint_period SET closed_at = now();
RESET ROLE;
SET ROLE net_other;
-- above its wind farm lies the supply point alone
SELECT DISTINCT grid_node_id FROM (SELECT grid_node_id FROM constraint_period UNION ALL SELECT grid_node_id FROM operating_limit) x;
SELECT reason FROM unit_removal WHERE closed_at IS NULL;
RESET ROLE;
-- the three who are concerned are told, the owner of the limit without the buyer's name
SELECT p.name, n.message FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before ORDER BY n.id;
SELECT content - 'challenger' FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before AND p.name = 'North DSO';
SET ROLE net_north;
-- a revision closes its own row
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id, revises_id) SELECT grid_node_id, valid, direction, 20, operator_id, id FROM constraint_period WHERE closed_at IS NULL;
SELECT limit_kw, closed_at IS NULL AS standing FROM constraint_period WHERE grid_node_id = 102 ORDER BY id;
UPDATE constraint_period SET closed_at = now() WHERE closed_at IS NULL RETURNING grid_node_id;
RESET ROLE;
SELECT * FROM open_finding;
UPDATE operating_limit SET closed_at = now() WHERE grid_node_id = 102;

-- a trigger of a user's answers a finding by withdrawing what it is on, or what it is with
CREATE FUNCTION withdraw() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE net_test.dispatch d SET status = 'refused' FROM net_test.commitment c
  WHERE c.id = CASE TG_ARGV[0] WHEN 'challenger' THEN NEW.challenger_id ELSE NEW.incumbent_id END AND d.id = c.source_id AND d.status = 'instructed';
  RETURN NULL;
END $$;
CREATE TRIGGER t70_withdraw AFTER INSERT ON conflict FOR EACH ROW WHEN (NEW.kind = 'counteraction') EXECUTE FUNCTION withdraw('challenger');
SELECT instruct(500, 1, 1, 'up', 400, '2099-10-01T10:00Z/PT2H');
SELECT instruct(501, 1, 2, 'up', 200, '2099-10-01T11:00Z/PT2H');
SELECT instruct(502, 2, 2, 'down', 300, '2099-10-01T11:30Z/PT2H', 'hold_limit');
SELECT id, status FROM dispatch WHERE id >= 500 AND id < 600 ORDER BY id;
SELECT * FROM open_finding;
DROP TRIGGER t70_withdraw ON conflict;
CREATE TRIGGER t70_withdraw AFTER INSERT ON conflict FOR EACH ROW WHEN (NEW.kind = 'counteraction') EXECUTE FUNCTION withdraw('incumbent');
SELECT instruct(503, 2, 2, 'down', 300, '2099-10-01T10:00Z/PT2H', 'hold_limit');
SELECT instruct(504, 1, 1, 'up', 900, '2099-10-01T10:00Z/PT2H');
SELECT id, status FROM dispatch WHERE id >= 500 AND id < 600 ORDER BY id;
SELECT challenger, incumbent, overlap, short_kw FROM open_finding;
SELECT count(*) AS wrong FROM (SELECT * FROM network_dispatch EXCEPT SELECT * FROM network_places(ARRAY(SELECT id FROM commitment))) x;
SELECT flexexchange.drop_exchange('net_test', with_data => true);
DROP ROLE net_neso, net_north, net_south, net_seller, net_other;
