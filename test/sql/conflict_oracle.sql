-- Random books against the oracle: the same findings, every one of them.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
\set random_rules :src '/oracle/random_rules.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('oracle_test');
SET search_path = oracle_test, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_book
\i :random_rules
\set ECHO all

-- rules that apply when a condition holds, which may be unknown
SELECT count(*) > 300 AS enough, count(*) = count(*) FILTER (WHERE EXISTS (SELECT FROM oracle_condition c WHERE c.condition = s.condition)) AS all_canonical FROM stacking_rule s WHERE condition IS NOT NULL;
SELECT random_register(60, 1);
SELECT random_trading(1, 2000, 60, 1);
SELECT count(*) > 1300 AS enough_posted, count(*) FILTER (WHERE closed_at IS NULL) > 700 AS enough_live,
       bool_and(headroom_checked) AS all_checked FROM commitment;
SELECT kind, severity, count(*) > 2 AS enough FROM conflict WHERE closed_at IS NULL GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- More trading in the same book, and another order of things.
SELECT random_trading(2001, 2200, 60, 2);
SELECT kind, severity, count(*) > 2 AS enough FROM conflict WHERE closed_at IS NULL GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- Many rows in one statement.
SELECT random_batches(1, 6, 60, 3);
SELECT count(*) > 400 AS enough_live FROM commitment WHERE closed_at IS NULL AND delivery_window && '2099-03-14/2099-03-19';
SELECT kind, severity, count(*) > 2 AS enough FROM conflict k JOIN commitment c ON c.id = k.challenger_id
WHERE k.closed_at IS NULL AND c.delivery_window && '2099-03-14/2099-03-19' GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- Other rules for a book that stands: an end brought forward, a successor, one retired and
-- replaced; each with another reading of conditions that are unknown.
SELECT copy_ruleset('random', 'successor') IS NOT NULL AS copied;
UPDATE stacking_rule SET verdict = (CASE verdict WHEN 'explicit_yes' THEN 'explicit_no' WHEN 'implicit_no' THEN 'no_data' WHEN 'no_data' THEN 'implicit_yes' ELSE verdict END)
WHERE ruleset_id = (SELECT id FROM ruleset WHERE code = 'successor');
UPDATE ruleset SET jumping_scope = 'registration', unknown_condition = 'met' WHERE code = 'successor';
UPDATE ruleset SET in_force = '2099-03-29T01:00Z/2099-03-30T00:00Z' WHERE code = 'random';
SELECT put_ruleset_in_force('successor', '2099-03-27T20:00Z');
SELECT code, status, in_force FROM ruleset ORDER BY id;
SELECT copy_ruleset('random', 'third') IS NOT NULL AS copied;
UPDATE ruleset SET unknown_condition = 'not_met' WHERE code = 'third';
UPDATE ruleset SET status = 'retired' WHERE code = 'random';
SELECT put_ruleset_in_force('third', '2099-03-29T02:00Z');
SELECT * FROM compare_with_oracle();

-- The journal of this test and the book agree on the order of posting.
SELECT count(*) FROM (
  SELECT c.source_id, row_number() OVER (ORDER BY c.id) AS a, row_number() OVER (ORDER BY j.seq) AS b
  FROM commitment c JOIN journal j ON j.source_id = c.source_id WHERE c.closed_at IS NULL) x WHERE a <> b;

-- When everybody withdraws, nothing is left.
UPDATE dispatch SET status = 'cancelled';
UPDATE availability SET status = 'withdrawn';
UPDATE award SET status = 'released' WHERE status <> 'terminated';
UPDATE bid SET status = 'withdrawn';
SELECT count(*) AS live FROM commitment WHERE closed_at IS NULL;
SELECT count(*) AS open FROM conflict WHERE closed_at IS NULL;
SELECT flexexchange.drop_exchange('oracle_test', with_data => true);
