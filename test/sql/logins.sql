-- Logins: set up by the operator, several of a participant, one of several participants, suspended
-- while a session is open.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('logins_test');
SET search_path = logins_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'North', '{market_operator}'), (2, 'Kerb', '{service_provider}'), (3, 'Depot', '{service_provider}');
SELECT set_up_login('login_kerb', 2);
SELECT set_up_login('login_kerb_night', 2);
SELECT set_up_login('login_agent', 2), set_up_login('login_agent', 3);
SELECT set_up_login('login_kerb', 9);
CREATE ROLE login_operator IN ROLE flexexchange_operator;
CREATE ROLE login_plain;
SELECT set_up_login('login_operator', 2);
SELECT rolname, rolcanlogin, rolsuper, rolcreaterole, rolbypassrls, rolconnlimit, rolconfig FROM pg_roles WHERE rolname LIKE 'login\_kerb%' ORDER BY 1;
-- the operator of the exchange may not make roles: it is told what the administrator is to do
SET ROLE login_operator;
\set SHOW_CONTEXT never
\set VERBOSITY default
SELECT set_up_login('login_new', 2);
\set VERBOSITY terse
RESET ROLE;
SET ROLE login_kerb;
SELECT current_participant(), current_participant_is('service_provider') AS sells;
SELECT * FROM own_logins();
SELECT act_for(3);
SELECT set_up_login('login_plain', 2);
SELECT suspend_logins(3, 'rival');
-- the choice is no authority, and not for everybody to write
SELECT choose_participant('logins_test', 3);
RESET ROLE;
-- one login of two participants acts for none until it says for which, and that is logged
SET ROLE login_agent;
SELECT current_participant();
SELECT act_for(3);
SELECT current_participant();
INSERT INTO portfolio (name, service_provider_id) VALUES ('of Depot', 3);
INSERT INTO portfolio (name, service_provider_id) VALUES ('of Kerb', 2);
SELECT act_for(2);
INSERT INTO portfolio (name, service_provider_id) VALUES ('of Kerb', 2);
SELECT * FROM own_logins();
RESET ROLE;
SELECT role, participant_id, action, after FROM event_log WHERE role = 'login_agent' AND action = 'act_for' ORDER BY id;
SELECT role, participant_id, table_name, action FROM event_log WHERE role = 'login_agent' AND action = 'insert' ORDER BY id;
-- a choice that is rolled back, and its event with it, is no choice
SET ROLE login_agent;
BEGIN; SELECT act_for(3); ROLLBACK;
SELECT current_participant();
SELECT act_for(2);
BEGIN; SAVEPOINT s; SELECT act_for(3); ROLLBACK TO s; SELECT current_participant(); COMMIT;
SELECT current_participant();
BEGIN; SAVEPOINT s; SELECT act_for(3); RELEASE s; COMMIT;
SELECT current_participant();
RESET ROLE;
-- the choice of one role is not that of another
SET ROLE login_kerb_night;
SELECT current_participant();
RESET ROLE;
-- what was chosen is looked up each time: taken away, it is gone
DELETE FROM participant_login WHERE role_name = 'login_agent' AND participant_id = 2;
SET ROLE login_agent;
SELECT current_participant();
SELECT act_for(3);
RESET ROLE;
-- suspended: from the next statement on, in every session, whoever it acts for
SET ROLE login_agent;
SELECT count(*) FROM portfolio;
RESET ROLE;
SELECT suspend_logins(3, '');
SELECT suspend_logins(3, 'fees not paid');
SET ROLE login_agent;
SELECT current_participant();
SELECT count(*) FROM portfolio;
INSERT INTO portfolio (name, service_provider_id) VALUES ('one more', 3);
SELECT act_for(3);
RESET ROLE;
SELECT action, changed -> 'status' AS status, content ->> 'reason' AS reason FROM history('participant_login', (SELECT row_key FROM event_log WHERE table_name = 'participant_login' AND row_key LIKE '%login_agent%' ORDER BY id DESC LIMIT 1));
SELECT set_up_login('login_agent', 3);
SET ROLE login_agent;
SELECT current_participant();
RESET ROLE;
SELECT flexexchange.drop_exchange('logins_test', with_data => true);
DROP ROLE login_kerb, login_kerb_night, login_agent, login_operator, login_plain;
