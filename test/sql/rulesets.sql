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
