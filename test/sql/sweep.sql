-- Sweeps of the whole book and replays of other rules, against the oracle.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
\set random_rules :src '/oracle/random_rules.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('sweep_test');
SET search_path = sweep_test, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_book
\i :random_rules
\set ECHO all
SELECT random_register(60, 3);

-- By schedule: trades keep the book and nothing else.
UPDATE exchange_instance SET detection = 'schedule';
SELECT random_trading(1, 900, 60, 3);
SELECT count(*) FILTER (WHERE closed_at IS NULL) > 300 AS enough_live FROM commitment;
SELECT count(*) AS conflicts FROM conflict;

-- One sweep finds what the oracle does; another finds nothing to do.
SELECT written > 100 AS enough, closed FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_with_oracle();
SELECT written, closed FROM detect_conflicts('-infinity/infinity');
SELECT kind, count(*) > 0 AS enough FROM conflict WHERE closed_at IS NULL GROUP BY kind ORDER BY kind COLLATE "C";

-- More changes, another sweep: what no longer holds is closed.
SELECT random_trading(901, 1400, 60, 4);
SELECT written > 100 AS enough, closed > 5 AS enough_closed FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;

-- Event by event again: sweeps find nothing that the events had not.
UPDATE exchange_instance SET detection = 'event';
SELECT random_trading(1401, 1800, 60, 5);
SELECT written, closed FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_with_oracle();

-- What somebody has spoilt is put right: rows gone, rows invented, figures changed.
ALTER TABLE conflict DISABLE TRIGGER USER;
UPDATE conflict SET closed_at = now() WHERE id % 7 = 0 AND closed_at IS NULL;
UPDATE conflict SET closed_at = NULL WHERE id % 5 = 0 AND id IN (SELECT max(id) FROM conflict GROUP BY challenger_id, kind, incumbent_id, exclusivity_id HAVING bool_and(closed_at IS NOT NULL));
UPDATE conflict SET severity = CASE severity WHEN 'advisory' THEN 'blocking' ELSE 'advisory' END, rationale = '{}' WHERE id % 11 = 0 AND closed_at IS NULL;
UPDATE conflict SET short_kw = short_kw + 1, rationale = '{}' WHERE id % 4 = 0 AND kind = 'headroom' AND closed_at IS NULL;
ALTER TABLE conflict ENABLE TRIGGER USER;
SELECT count(*) > 50 AS spoilt FROM compare_with_oracle();
-- within a window, what is challenged there
CREATE TEMP TABLE before AS SELECT k.*, c.delivery_window && '2099-03-28T00:00Z/P1D' AS inside FROM conflict k JOIN commitment c ON c.id = k.challenger_id;
SELECT written > 10 AS enough, closed > 3 AS enough_closed FROM detect_conflicts('2099-03-28T00:00Z/P1D');
SELECT count(*) > 20 AS mended FROM before b JOIN conflict k USING (id) WHERE inside AND (k.rationale IS DISTINCT FROM b.rationale OR k.closed_at IS DISTINCT FROM b.closed_at);
SELECT count(*) AS wrong_inside FROM compare_with_oracle() d JOIN commitment c ON c.source_id = d.challenger AND c.closed_at IS NULL WHERE c.delivery_window && '2099-03-28T00:00Z/P1D';
SELECT count(*) > 20 AS spoilt_elsewhere FROM compare_with_oracle();
SELECT written > 10 AS enough FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_with_oracle();

-- A replay: what the oracle says under other rules, less what it says now.
CREATE TEMP TABLE replayed AS
  SELECT r.change, r.kind, r.severity, c.source_id AS challenger, coalesce(i.source_id, r.exclusivity_id) AS incumbent, lower(r.overlap) AS since, upper(r.overlap) AS until, r.short_kw
  FROM replay_conflicts('random', '-infinity/infinity') r JOIN commitment c ON c.id = r.challenger_id LEFT JOIN commitment i ON i.id = r.incumbent_id;
CREATE TEMP TABLE oracle_before AS SELECT kind, severity, challenger, incumbent, since, until, short_kw FROM oracle_finding();
BEGIN;
UPDATE exchange_instance SET detection = 'schedule';
UPDATE ruleset SET status = 'retired' WHERE status = 'in_force';
SELECT copy_ruleset('random', 'everywhere') IS NOT NULL AS copied;
UPDATE ruleset SET in_force = '-infinity/infinity' WHERE code = 'everywhere';
UPDATE ruleset SET status = 'in_force' WHERE code = 'everywhere';
SELECT oracle_learn();
CREATE TEMP TABLE oracle_after AS SELECT kind, severity, challenger, incumbent, since, until, short_kw FROM oracle_finding();
CREATE TEMP TABLE oracle_change (LIKE replayed);
INSERT INTO oracle_change
  SELECT CASE WHEN a.challenger IS NULL THEN 'disappears' WHEN b.challenger IS NULL THEN 'appears' ELSE 'changes' END, coalesce(a.kind, b.kind),
         coalesce(a.severity, b.severity), coalesce(a.challenger, b.challenger), coalesce(a.incumbent, b.incumbent), coalesce(a.since, b.since), coalesce(a.until, b.until),
         CASE WHEN a.challenger IS NULL THEN b.short_kw ELSE a.short_kw END
  FROM (SELECT *, coalesce(incumbent, 0) AS other FROM oracle_before) b
  FULL JOIN (SELECT *, coalesce(incumbent, 0) AS other FROM oracle_after) a ON a.kind = b.kind AND a.challenger = b.challenger AND a.other = b.other
  WHERE (a.severity, a.since, a.until, a.short_kw) IS DISTINCT FROM (b.severity, b.since, b.until, b.short_kw);
COMMIT;
SELECT change, count(*) > 5 AS enough FROM replayed GROUP BY change ORDER BY change COLLATE "C";
SELECT 'engine only' AS who, * FROM (SELECT * FROM replayed EXCEPT SELECT * FROM oracle_change) x
UNION ALL SELECT 'oracle only', * FROM (SELECT * FROM oracle_change EXCEPT SELECT * FROM replayed) x;

-- Replays write nothing; an unknown ruleset is said so; only those who may, do.
SELECT replay('nonesuch');
SELECT flexexchange.sweep_book('pg_class', '-infinity/infinity');
SELECT flexexchange.sweep_book('sweep_test.bid', '-infinity/infinity');
UPDATE exchange_instance SET detection = 'never';
SELECT flexexchange.drop_exchange('sweep_test', with_data => true);
