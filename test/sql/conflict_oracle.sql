-- Random books against the oracle: the same findings, every one of them.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
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
\set ECHO all

-- The published rules until the clock changes, then rules with many unknowns and
-- with co-delivery that makes a graph, then none at all.
UPDATE ruleset SET in_force = '-infinity/2099-03-29T01:00Z';
INSERT INTO ruleset (code, title, source, status, in_force)
  VALUES ('random', 'random rules', 'this test', 'in_force', '2099-03-29T01:00Z/2099-03-30T12:00Z');
INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity)
  SELECT r.id, a.code, b.code, m,
         (CASE m WHEN 'co_delivery' THEN ARRAY['explicit_yes', 'implicit_no', 'no_data', 'no_data', 'no_data', 'not_applicable']
                 ELSE ARRAY['explicit_yes', 'implicit_yes', 'explicit_no', 'implicit_no', 'no_data', 'not_applicable'] END)
           [1 + dice(hashtext(least(a.code, b.code) || greatest(a.code, b.code) || m), 1, 6, 7)],
         CASE WHEN dice(hashtext(a.code || b.code || m), 2, 9, 7) = 0 THEN 'advisory' END
  FROM ruleset r, service a, service b, unnest(ARRAY['co_delivery', 'splitting', 'jumping']) m
  WHERE r.code = 'random' AND a.code <> b.code
  ORDER BY a.code, b.code, m;
INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning)
  SELECT r.id, i.* FROM ruleset r, (VALUES ('splitting', 'no_data', 'neso', NULL, 'no'), ('jumping', 'not_applicable', 'dso', 'neso', 'no')) i
  WHERE r.code = 'random';

SELECT random_register(60, 1);
SELECT random_trading(1, 3000, 60, 1);
SELECT count(*) > 2000 AS enough_posted, count(*) FILTER (WHERE closed_at IS NULL) > 1000 AS enough_live,
       bool_and(headroom_checked) AS all_checked FROM commitment;
SELECT kind, severity, count(*) > 2 AS enough FROM conflict WHERE closed_at IS NULL GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- More trading in the same book, and another order of things.
SELECT random_trading(3001, 3200, 60, 2);
SELECT kind, severity, count(*) > 2 AS enough FROM conflict WHERE closed_at IS NULL GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- The journal of this test and the book agree on the order of posting.
SELECT count(*) FROM (
  SELECT c.source_id, row_number() OVER (ORDER BY c.id) AS a, row_number() OVER (ORDER BY j.seq) AS b
  FROM commitment c JOIN journal j ON j.source_id = c.source_id WHERE c.closed_at IS NULL) x WHERE a <> b;

-- When everybody withdraws, nothing is left.
UPDATE dispatch SET status = 'cancelled';
UPDATE availability SET status = 'withdrawn';
UPDATE award SET status = 'released';
UPDATE bid SET status = 'withdrawn';
SELECT count(*) AS live FROM commitment WHERE closed_at IS NULL;
SELECT count(*) AS open FROM conflict WHERE closed_at IS NULL;
SELECT flexexchange.drop_exchange('oracle_test', with_data => true);
