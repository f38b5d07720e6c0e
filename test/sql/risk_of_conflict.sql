-- Risk of conflict: counteraction asked ahead, of what is promised, issued again as forecasts change.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('risk_test');
SET search_path = risk_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}'), (4, 'Other seller', '{service_provider}'), (5, 'Stranger', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO', 1), (2, 'dso', 'DSO', 2);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (1, 1, 'MWD', 'MW Dispatch', 'MWD', 'award'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt', 'award'), (3, 2, 'VA', 'Variable Availability', 'VAda', 'availability');
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (101, 'gsp', 'Northgate', 2), (102, 'primary', 'Mill Lane', 2);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (102, 101);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, qualified_down_kw) VALUES (1, 'battery', 102, 1000, 1000), (2, 'wind farm', 101, 1000, 1000), (3, 'somewhere', NULL, 1000, 1000);

-- a lineage counts once: what its children leave of it, piece by piece
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 1, 3, 1, 'up', 100, '2099-01-01T10:00Z/PT4H');
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (2, 1, 1, 3, 1, 'up', 60, '2099-01-01T10:00Z/PT3H', 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (3, 2, 1, 3, 1, 'up', 80, '2099-01-01T11:00Z/PT1H');
SELECT stage, power_kw, during FROM expected_dispatch('2099-01-01T00:00Z/P1D') ORDER BY during, stage COLLATE "C";
SELECT during, (SELECT sum(power_kw) FROM expected_dispatch('2099-01-01T00:00Z/P1D') e WHERE e.during && w.during) AS kw
FROM generate_windows('2099-01-01T10:00Z/PT4H', 'PT1H') AS w (during);
-- a framework obliges to nothing, a bid promises nothing
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4, 3, 4, 2, 'down', 500, '2099-01-01T00:00Z/P1D');
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (5, 2, 4, 2, 'down', 500, '2099-01-01T00:00Z/P1D');
SELECT count(*) FROM expected_dispatch('2099-01-01T15:00Z/P1D');
-- nothing is known of the network
SELECT count(*) FROM risk_of_conflict('2099-01-01T00:00Z/P1D');

-- the day ahead: an outage leaves 70 kW up, and the network operator has bought the other way
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (6, 2, 4, 2, 'down', 50, '2099-01-01T12:00Z/PT2H');
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id, source) VALUES (101, '2099-01-01T11:00Z/PT2H', 'up', 70, 2, 'outage plan, week 1');
INSERT INTO unit_removal (asset_id, valid, operator_id, reason) VALUES (1, '2099-01-01T13:30Z/PT8H', 2, 'it serves the network operator');
SELECT what, grid_node_id AS element, operator_ids, service_codes, unit_ids, windows, up_kw, down_kw, limit_kw, case_code, prevails, prevailing_id, why FROM risk_of_conflict('2099-01-01T00:00Z/P1D') ORDER BY risk_key COLLATE "C";
SELECT commitment_ids, participant_ids FROM risk_of_conflict('2099-01-01T00:00Z/P1D') ORDER BY risk_key COLLATE "C";
-- of the hours asked for
SELECT what, windows FROM risk_of_conflict('2099-01-01T12:30Z/PT15M') ORDER BY risk_key COLLATE "C";

-- the report is issued, and again: what has changed
CREATE ROLE risk_operator IN ROLE flexexchange_operator;
CREATE ROLE risk_dso IN ROLE flexexchange_participant;
CREATE ROLE risk_seller IN ROLE flexexchange_participant;
CREATE ROLE risk_stranger IN ROLE flexexchange_participant;
CREATE ROLE risk_regulator IN ROLE flexexchange_regulator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('risk_dso', 2), ('risk_seller', 3), ('risk_stranger', 5);
CREATE VIEW issued AS SELECT i.number, r.change, r.what, r.windows, r.up_kw, r.down_kw, r.limit_kw, r.prevails FROM risk r JOIN risk_issue i ON i.id = r.risk_issue_id ORDER BY r.id;
SET ROLE risk_operator;
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D') IS NOT NULL AS issued;
INSERT INTO risk_issue (span, number) VALUES ('2099-01-01T00:00Z/P1D', 7);
DELETE FROM risk;
RESET ROLE;
SELECT * FROM issued;
SELECT p.name, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id WHERE risk_id IS NOT NULL ORDER BY n.id;
SELECT n.content FROM notification n WHERE risk_id IS NOT NULL AND participant_id = 4;
-- nothing new, nobody told
SELECT max(id) AS before FROM notification \gset
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D') IS NOT NULL AS issued;
SELECT * FROM issued WHERE number = 2;
SELECT count(*) AS told FROM notification WHERE id > :before;
-- the forecast is issued anew, the removal withdrawn, the promise called for its purpose
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id, source, revises_id) VALUES (101, '2099-01-01T11:00Z/PT2H', 'up', 40, 2, 'outage plan, week 1, issue 2', 1);
UPDATE unit_removal SET closed_at = now();
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, purpose) VALUES (7, 6, 2, 4, 2, 'down', 50, '2099-01-01T12:00Z/PT2H', 'use_headroom');
SELECT max(id) AS before FROM notification \gset
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D') IS NOT NULL AS issued;
SELECT * FROM issued WHERE number = 3;
SELECT p.name, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.id > :before ORDER BY n.id;
-- what is gone is gone once
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D') IS NOT NULL AS issued;
SELECT * FROM issued WHERE number = 4;
-- another window is another report
SELECT issue_risk_of_conflict('2099-01-01T12:00Z/PT1H') IS NOT NULL AS issued;
SELECT number, change, what FROM issued WHERE windows = ARRAY['2099-01-01T12:00Z/PT1H'::time_window] AND number = 1;

-- Who sees what: the operator runs it, participants read what concerns them, not who the others are
SET ROLE risk_dso;
SELECT count(*) FROM risk_of_conflict('2099-01-01T00:00Z/P1D');
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D');
SELECT count(*) > 5 AS all_of_them FROM (SELECT id FROM risk) x;
SELECT operator_ids FROM risk;
RESET ROLE;
SET ROLE risk_seller;
SELECT what, service_codes, up_kw, down_kw, prevails FROM risk r WHERE risk_issue_id = 1 ORDER BY id;
SELECT unit_ids FROM risk;
RESET ROLE;
SET ROLE risk_stranger;
SELECT count(*) FROM (SELECT id FROM risk) x;
SELECT count(*) AS own_risks FROM own_risk_of_conflict('2099-01-01T00:00Z/P1D');
RESET ROLE;
-- a participant asks for itself: what it would be told, with its own units and no others
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (8, 1, 5, 3, 'up', 30, '2099-01-02T10:00Z/PT2H');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (9, 2, 4, 2, 'down', 20, '2099-01-02T11:00Z/PT2H');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (10, 1, 3, 1, 'up', 50, '2099-01-02T10:00Z/PT2H');
INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id) VALUES (101, '2099-01-02T10:00Z/PT2H', 'up', 45, 2);
SET ROLE risk_dso;
SELECT what, service_codes, own_unit_ids, windows, up_kw, down_kw, limit_kw, prevails FROM own_risk_of_conflict('2099-01-02T00:00Z/P1D');
SET ROLE risk_seller;
SELECT what, service_codes, own_unit_ids, windows, up_kw, down_kw, limit_kw, prevails FROM own_risk_of_conflict('2099-01-02T00:00Z/P1D');
-- an issue tells it the same
SET ROLE risk_operator;
SELECT issue_risk_of_conflict('2099-01-02T00:00Z/P1D') AS issue \gset
SET ROLE risk_seller;
WITH own AS (SELECT what, grid_node_id, operating_limit_id, constraint_period_id, unit_removal_id, service_codes, windows, up_kw, down_kw, limit_kw, ruleset_code, case_code, prevails, why
             FROM own_risk_of_conflict('2099-01-02T00:00Z/P1D')),
     told AS (SELECT what, grid_node_id, operating_limit_id, constraint_period_id, unit_removal_id, service_codes, windows, up_kw, down_kw, limit_kw, ruleset_code, case_code, prevails, why
              FROM risk WHERE risk_issue_id = :issue)
SELECT (SELECT count(*) FROM own) AS own, (SELECT count(*) FROM (TABLE own EXCEPT TABLE told) x) AS not_told, (SELECT count(*) FROM (TABLE told EXCEPT TABLE own) x) AS not_own;
SET ROLE risk_stranger;
SELECT count(*) AS own_risks FROM own_risk_of_conflict('2099-01-02T00:00Z/P1D');
SET ROLE risk_regulator;
SELECT count(*) AS own_risks FROM own_risk_of_conflict('2099-01-02T00:00Z/P1D');
RESET ROLE;
SET ROLE risk_regulator;
SELECT count(*) > 0 AS runs FROM risk_of_conflict('2099-01-01T00:00Z/P1D');
SELECT issue_risk_of_conflict('2099-01-01T00:00Z/P1D');
RESET ROLE;
SELECT flexexchange.drop_exchange('risk_test', with_data => true);
DROP ROLE risk_operator, risk_dso, risk_seller, risk_stranger, risk_regulator;
