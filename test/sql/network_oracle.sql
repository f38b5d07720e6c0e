-- Random dispatching in a random network against the oracle: the same
-- counteractions, every one of them.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/network_oracle.sql'
\set random_network :src '/oracle/random_network.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('network_oracle');
SET search_path = network_oracle, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_network
\set ECHO all

-- The published cases until noon, then one that is a warning, one that is joint, one that says none, and one missing.
UPDATE ruleset SET in_force = '-infinity/2099-01-01T12:00Z';
INSERT INTO ruleset (id, code, title, source, status, in_force) VALUES (1000, 'other', 'other rules', 'this test', 'in_force', '2099-01-01T12:00Z/2099-01-01T20:00Z');
INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, severity, source) VALUES
  (1000, 'a', 'hold_limit', 'up', 'neso', 'advisory', 'this test'), (1000, 'b', 'hold_limit', 'down', 'joint', NULL, 'this test'), (1000, 'c', 'use_headroom', 'up', 'none', 'advisory', 'this test');

SELECT random_network(12);
-- nothing is known of the network: no dispatch stands in it
SELECT random_dispatching(1, 80, false, 12);
SELECT count(*) > 30 AS dispatches, (SELECT count(*) FROM network_dispatch) AS placed, (SELECT count(*) FROM network_watch) AS watched FROM commitment WHERE closed_at IS NULL;
-- from the first limit on it is
SELECT random_dispatching(81, 450, true, 12);
SELECT CASE WHEN incumbent IS NOT NULL THEN 'opposed' ELSE what END AS what, severity, prevailing IS NOT NULL AS prevails, count(*) > 0 AS some
FROM engine_counteraction GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT * FROM compare_counteractions();
SELECT random_dispatching(451, 800, true, 13);
SELECT count(*) > 50 AS enough, count(DISTINCT node) > 4 AS at_many, count(*) FILTER (WHERE what = 'removal') > 0 AS removals FROM engine_counteraction;
SELECT * FROM compare_counteractions();

-- where dispatches stand is what their units' nodes and parents say
SELECT count(*) > 100 AS enough FROM network_dispatch;
SELECT count(*) AS wrong FROM (
  (SELECT * FROM network_dispatch EXCEPT SELECT * FROM network_places(ARRAY(SELECT id FROM commitment)))
  UNION ALL (SELECT * FROM network_places(ARRAY(SELECT id FROM commitment)) EXCEPT SELECT * FROM network_dispatch)) x;

-- When everybody withdraws, nothing is left.
UPDATE dispatch SET status = 'cancelled';
SELECT (SELECT count(*) FROM engine_counteraction) AS open, (SELECT count(*) FROM network_dispatch) AS placed;
SELECT flexexchange.drop_exchange('network_oracle', with_data => true);
