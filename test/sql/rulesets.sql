-- Rulesets as agreed documents: proposed, in force, retired; copied to be changed.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('rules_test');
SET search_path = rules_test, flexexchange;
\set VERBOSITY default
\set SHOW_CONTEXT never

-- what is in force is kept, row for row
UPDATE stacking_rule SET verdict = 'explicit_yes' WHERE service_a = 'DC';
INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, meaning) SELECT id, 'jumping', 'no_data', 'yes' FROM ruleset;
DELETE FROM stacking_interpretation;
TRUNCATE stacking_rule CASCADE;
DELETE FROM ruleset;
UPDATE ruleset SET share_price = true;
UPDATE ruleset SET status = 'proposed';
UPDATE ruleset SET in_force = '2020-01-01T00:00Z/infinity';
UPDATE ruleset SET in_force = '-infinity/2020-01-01T00:00Z';
UPDATE service SET buyer_kind = 'dso' WHERE code = 'DC';
-- nothing was to be changed, and nothing is
UPDATE stacking_rule SET verdict = verdict WHERE false;
UPDATE ruleset SET title = title;
SELECT count(*) AS rules FROM stacking_rule;

-- a new one is proposed first
INSERT INTO ruleset (code, title, source, status, in_force) VALUES ('x', 'x', 'this test', 'in_force', '2099-01-01T00:00Z/infinity');
SELECT copy_ruleset('no such', 'copy');
SELECT copy_ruleset('ena-2025-01', 'ena-2099') AS copy \gset
SELECT (SELECT count(*) FROM stacking_rule s WHERE s.ruleset_id = r.id) AS rules, (SELECT count(*) FROM stacking_interpretation i WHERE i.ruleset_id = r.id) AS interpretations, code, title, status, in_force FROM ruleset r ORDER BY id;
SELECT count(*) AS differ FROM stacking_meaning a JOIN stacking_meaning b USING (service_a, service_b, mode)
WHERE a.ruleset_id < b.ruleset_id AND (a.verdict, a.meaning, a.severity, a.reason) IS DISTINCT FROM (b.verdict, b.meaning, b.severity, b.reason);
-- the copy may be changed, put off, thrown away
UPDATE stacking_rule SET verdict = 'explicit_yes' WHERE ruleset_id = :copy AND service_a = 'DC';
UPDATE ruleset SET title = 'Another title', share_price = true WHERE code = 'ena-2099';
DELETE FROM stacking_rule WHERE ruleset_id = :copy AND service_a = 'PR';
SELECT copy_ruleset('ena-2099', 'thrown away') IS NOT NULL AS copied;
DELETE FROM ruleset WHERE code = 'thrown away';
SELECT r.code, count(*) FROM stacking_rule s JOIN ruleset r ON r.id = s.ruleset_id GROUP BY r.code ORDER BY r.code COLLATE "C";
-- rules do not move from one ruleset to another that is in force
UPDATE stacking_interpretation SET ruleset_id = 1, mode = 'jumping' WHERE ruleset_id = :copy AND verdict = 'no_data';

-- in force from an instant to come; the one before ends there
SELECT put_ruleset_in_force('ena-2099', NULL);
SELECT put_ruleset_in_force('ena-2099', '2020-01-01T00:00Z');
SELECT put_ruleset_in_force('ena-2099', '2099-04-01T00:00Z');
SELECT code, status, in_force FROM ruleset ORDER BY id;
SELECT put_ruleset_in_force('ena-2099', '2099-05-01T00:00Z');
-- one between the two ends where the next begins
SELECT copy_ruleset('ena-2025-01', 'ena-2098') IS NOT NULL AS copied;
SELECT put_ruleset_in_force('ena-2098', '2099-04-01T00:00Z');
SELECT put_ruleset_in_force('ena-2098', '2098-04-01T00:00Z');
SELECT code, status, in_force FROM ruleset ORDER BY id;
UPDATE ruleset SET in_force = '2098-04-01T00:00Z/2098-06-01T00:00Z' WHERE code = 'ena-2098';
UPDATE ruleset SET in_force = '2098-04-01T00:00Z/2098-07-01T00:00Z' WHERE code = 'ena-2098';
UPDATE ruleset SET status = 'retired' WHERE code = 'ena-2098';
UPDATE ruleset SET status = 'in_force' WHERE code = 'ena-2098';
UPDATE stacking_rule SET verdict = 'explicit_yes' WHERE ruleset_id = (SELECT id FROM ruleset WHERE code = 'ena-2098') AND service_a = 'DC';

-- what is to be done about a finding: by default a bid is held on a blocking one
SELECT severity, stage, action, count(*) AS kinds FROM ruleset_action_meaning WHERE ruleset_id = 1 GROUP BY severity, stage, action ORDER BY stage COLLATE "C", severity COLLATE "C";
SELECT copy_ruleset('ena-2025-01', 'actions') AS actions \gset
CREATE VIEW wanted AS
  SELECT action, stage, severity, string_agg(kind, ' ' ORDER BY kind COLLATE "C") AS kinds FROM ruleset_action_meaning m JOIN ruleset r ON r.id = m.ruleset_id
  WHERE r.code = 'actions' AND action <> 'notify' GROUP BY action, stage, severity ORDER BY stage COLLATE "C", severity COLLATE "C", action COLLATE "C";
-- a row for everything: a dispatch is not held without being asked for
INSERT INTO ruleset_action (ruleset_id, action) VALUES (:actions, 'hold');
SELECT * FROM wanted;
-- the row that names most wins; of two that name as many the one with the kind, then the stage
INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action, reason) VALUES
  (:actions, NULL, 'advisory', NULL, 'notify', 'a warning is told'), (:actions, 'jumping', NULL, NULL, 'reject', NULL), (:actions, NULL, NULL, 'award', 'notify', NULL),
  (:actions, NULL, 'blocking', 'award', 'reject', NULL), (:actions, 'headroom', 'blocking', NULL, 'hold', NULL), (:actions, 'energy', 'blocking', 'dispatch', 'hold', 'asked for');
SELECT * FROM wanted;
\set VERBOSITY sqlstate
INSERT INTO ruleset_action (ruleset_id, kind, action) VALUES (:actions, 'jumping', 'hold');
\set VERBOSITY default
INSERT INTO ruleset_action (ruleset_id, kind, action) VALUES (:actions, 'jump', 'hold');
INSERT INTO ruleset_action (ruleset_id, stage, action) VALUES (:actions, 'competition', 'hold');
INSERT INTO ruleset_action (ruleset_id, stage, action) VALUES (:actions, 'bid', 'ask');
UPDATE primacy_rule SET prevails = 'neso' WHERE ruleset_id = 1 AND case_code = '1';
INSERT INTO ruleset_action (ruleset_id, kind, action) VALUES (1, 'jumping', 'hold');
SELECT copy_ruleset('actions', 'actions copied') AS copy \gset
SELECT count(*) AS actions FROM ruleset_action WHERE ruleset_id = :copy;

-- how far a service may be from another and still jump: within a contract, or whenever
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC', 'award'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt', 'availability');
INSERT INTO asset (id, name) VALUES (1, 'battery');
CREATE VIEW jump AS SELECT c.stage || ' ' || c.source_id AS challenger, i.stage || ' ' || i.source_id AS incumbent, k.overlap, r.code AS ruleset, k.closed_at IS NULL AS open
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id JOIN commitment i ON i.id = k.incumbent_id LEFT JOIN ruleset r ON r.id = k.ruleset_id WHERE k.kind = 'jumping' ORDER BY k.id;
-- a framework of a season, of which two days are called for; Dynamic Containment on other days
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 3, 1, 'up', 10, '2101-11-01T00:00Z/2102-02-01T00:00Z');
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  VALUES (2, 1, 2, 3, 1, 'up', 10, '2101-11-05T16:00Z/PT2H', 'accepted'), (3, NULL, 2, 3, 1, 'up', 10, '2101-11-06T16:00Z/PT2H', 'accepted');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (4, 1, 3, 1, 'up', 10, '2101-12-20T16:00Z/PT2H'), (5, 1, 3, 1, 'up', 10, '2102-03-20T16:00Z/PT2H');
SELECT * FROM jump;
SELECT copy_ruleset('ena-2025-01', 'contract') IS NOT NULL AS copied;
UPDATE ruleset SET jumping_scope = 'contract' WHERE code = 'contract';
SELECT put_ruleset_in_force('contract', '2101-01-01T00:00Z');
SELECT * FROM jump;
SELECT explain_conflict(id) FROM conflict WHERE kind = 'jumping';
-- the framework ends sooner: the calls of it no longer share its months with the other
UPDATE award SET delivery_window = '2101-11-01T00:00Z/2101-12-01T00:00Z' WHERE id = 1;
SELECT * FROM jump;
UPDATE award SET delivery_window = '2101-11-01T00:00Z/2102-04-01T00:00Z' WHERE id = 1;
SELECT * FROM jump WHERE open;
SELECT copy_ruleset('contract', 'registration') IS NOT NULL AS copied;
UPDATE ruleset SET jumping_scope = 'registration' WHERE code = 'registration';
SELECT put_ruleset_in_force('registration', '2102-01-01T00:00Z');
SELECT * FROM jump WHERE open;
SELECT explain_conflict(max(id)) FROM conflict WHERE kind = 'jumping';
UPDATE ruleset SET jumping_scope = 'week' WHERE code = 'actions';

-- the operator makes rulesets, the others read them
CREATE ROLE rules_operator IN ROLE flexexchange_operator;
CREATE ROLE rules_participant IN ROLE flexexchange_participant;
SET ROLE rules_operator;
SELECT copy_ruleset('ena-2025-01', 'by the operator') IS NOT NULL AS copied;
DELETE FROM ruleset WHERE code = 'by the operator';
UPDATE stacking_rule SET verdict = 'explicit_yes' WHERE ruleset_id = 1;
SET ROLE rules_participant;
SELECT copy_ruleset('ena-2025-01', 'by a participant');
SELECT count(*) AS rulesets FROM ruleset;
RESET ROLE;
DROP ROLE rules_operator, rules_participant;
SELECT flexexchange.drop_exchange('rules_test', with_data => true);
