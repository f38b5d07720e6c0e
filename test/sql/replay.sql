-- The replay of real books, tenders, dispatches and a household, on an invented excerpt that has their form: what it reads, what it clears and settles, what it says. make replay runs the same on the real files.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set italian_book :src '/replay/italian_book.sql'
\set tenders :src '/replay/tenders.sql'
\set dispatches :src '/replay/dispatches.sql'
\set household :src '/replay/household.sql'
\set sample :src '/replay/sample.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('replay_test');
SET search_path = replay_test, flexexchange;
CREATE SCHEMA replay;
\set ECHO none
\i :italian_book
\i :tenders
\i :dispatches
\i :household
\i :sample
\set ECHO all
CALL replay.prepare_book();
CALL replay.clear_book();
SELECT * FROM replay.book_page();
-- the engine's share of each block, where the zones are coupled
SELECT block, status, share, reason, round(surplus::numeric, 2) AS surplus FROM replay.block_answer WHERE way = 'zones coupled, blocks free' ORDER BY block COLLATE "C";
SELECT way, status FROM replay.run WHERE status <> 'optimal' OR cost - bound > 0.01;
CALL replay.prepare_tenders('flexibility_tender_staging');
CALL replay.clear_tenders();
CALL replay.compete();
SELECT * FROM replay.tender_page();
CALL replay.settle_dispatches();
SELECT * FROM replay.dispatch_page();
SELECT s.month, s.service_provider, s.lines, trim_scale(s.amount) AS amount, trim_scale(s.rounding) AS rounding, s.total FROM monthly_statement s ORDER BY s.month, s.service_provider COLLATE "C";
-- no row may be settled for less than it says
BEGIN;
UPDATE dispatch_instruction_staging SET utilisation_price = '99.98' WHERE utilisation_price = '99.99';
SELECT * FROM replay.dispatch_page() page WHERE page LIKE '%differs%';
ROLLBACK;
CALL replay.prepare_household();
SELECT * FROM replay.household_page();
DROP SCHEMA replay CASCADE;
SELECT flexexchange.drop_exchange('replay_test', with_data => true);
