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
INSERT INTO ruleset (id, code, title, source, in_force) VALUES (1000, 'other', 'other rules', 'this test', '2099-01-01T12:00Z/2099-01-01T20:00Z');
INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, severity, source) VALUES
  (1000, 'a', 'hold_limit', 'up', 'neso', 'advisory', 'this test'), (1000, 'b', 'hold_limit', 'down', 'joint', NULL, 'this test'), (1000, 'c', 'use_headroom', 'up', 'none', 'advisory', 'this test');
UPDATE ruleset SET in_force = '-infinity/2099-01-01T12:00Z' WHERE code = 'ena-2025-01';
UPDATE ruleset SET status = 'in_force' WHERE id = 1000;

SELECT random_network(12);
-- nothing is known of the network: no dispatch stands in it
SELECT random_dispatching(1, 80, false, 12);
SELECT count(*) > 30 AS dispatches, (SELECT count(*) FROM network_dispatch) AS placed, (SELECT count(*) FROM network_watch) AS watched FROM commitment WHERE closed_at IS NULL;
-- from the first limit on it is
SELECT random_dispatching(81, 330, true, 12);
SELECT CASE WHEN incumbent IS NOT NULL THEN 'opposed' ELSE what END AS what, severity, prevailing IS NOT NULL AS prevails, count(*) > 0 AS some
FROM engine_counteraction GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT * FROM compare_counteractions();
SELECT random_dispatching(331, 560, true, 13);
SELECT count(*) > 50 AS enough, count(DISTINCT node) > 4 AS at_many, count(*) FILTER (WHERE what = 'removal') > 0 AS removals FROM engine_counteraction;
SELECT * FROM compare_counteractions();

-- where dispatches stand is what their units' nodes and parents say
SELECT count(*) > 100 AS enough FROM network_dispatch;
SELECT count(*) AS wrong FROM (
  (SELECT * FROM network_dispatch EXCEPT SELECT * FROM network_places(ARRAY(SELECT id FROM commitment)))
  UNION ALL (SELECT * FROM network_places(ARRAY(SELECT id FROM commitment)) EXCEPT SELECT * FROM network_dispatch)) x;

-- Asked ahead of a book of dispatches alone, the report says what the engine found: the same limits with the
-- same excess, the same dispatches against one another and the same removals.
SELECT count(*) > 10 AS enough FROM risk_of_conflict('2099-01-01T00:00Z/P3D');
SELECT count(*) AS wrong FROM (
  (SELECT what, operating_limit_id, constraint_period_id, coalesce(up_kw, down_kw) - limit_kw, NULL::bigint, NULL::bigint FROM risk_of_conflict('2099-01-01T00:00Z/P3D') WHERE limit_kw IS NOT NULL
   UNION SELECT what, NULL, NULL, NULL, c, unit_removal_id FROM risk_of_conflict('2099-01-01T00:00Z/P3D'), unnest(commitment_ids) c WHERE limit_kw IS NULL
   EXCEPT (SELECT CASE WHEN operating_limit_id IS NULL THEN 'constraint_period' ELSE 'operating_limit' END, operating_limit_id, constraint_period_id, max(short_kw), NULL, NULL
           FROM conflict WHERE kind = 'counteraction' AND closed_at IS NULL AND short_kw IS NOT NULL GROUP BY 2, 3
           UNION SELECT CASE WHEN unit_removal_id IS NULL THEN 'opposed' ELSE 'removal' END, NULL, NULL, NULL, c, unit_removal_id
           FROM conflict k, LATERAL (VALUES (challenger_id), (incumbent_id)) AS v (c) WHERE k.kind = 'counteraction' AND closed_at IS NULL AND short_kw IS NULL AND c IS NOT NULL))
  UNION ALL
  ((SELECT CASE WHEN operating_limit_id IS NULL THEN 'constraint_period' ELSE 'operating_limit' END, operating_limit_id, constraint_period_id, max(short_kw), NULL, NULL
    FROM conflict WHERE kind = 'counteraction' AND closed_at IS NULL AND short_kw IS NOT NULL GROUP BY 2, 3
    UNION SELECT CASE WHEN unit_removal_id IS NULL THEN 'opposed' ELSE 'removal' END, NULL, NULL, NULL, c, unit_removal_id
    FROM conflict k, LATERAL (VALUES (challenger_id), (incumbent_id)) AS v (c) WHERE k.kind = 'counteraction' AND closed_at IS NULL AND short_kw IS NULL AND c IS NOT NULL)
   EXCEPT (SELECT what, operating_limit_id, constraint_period_id, coalesce(up_kw, down_kw) - limit_kw, NULL::bigint, NULL::bigint FROM risk_of_conflict('2099-01-01T00:00Z/P3D') WHERE limit_kw IS NOT NULL
           UNION SELECT what, NULL, NULL, NULL, c, unit_removal_id FROM risk_of_conflict('2099-01-01T00:00Z/P3D'), unnest(commitment_ids) c WHERE limit_kw IS NULL))) x;

-- A sweep finds nothing that the events had not; what somebody has spoilt is put right; by schedule it finds all.
SELECT * FROM detect_conflicts('-infinity/infinity') d (live, written, closed) WHERE written > 0 OR closed > 0;
ALTER TABLE conflict DISABLE TRIGGER USER;
UPDATE conflict SET closed_at = now() WHERE id % 3 = 0 AND kind = 'counteraction' AND closed_at IS NULL;
UPDATE conflict SET severity = 'advisory', rationale = '{}' WHERE id % 4 = 0 AND kind = 'counteraction' AND closed_at IS NULL;
ALTER TABLE conflict ENABLE TRIGGER USER;
SELECT count(*) > 10 AS spoilt FROM compare_counteractions();
SELECT written > 10 AS enough FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_counteractions();
UPDATE exchange_instance SET detection = 'schedule';
SELECT random_dispatching(1001, 1060, false, 12);
SELECT count(*) > 5 AS behind FROM compare_counteractions();
SELECT written > 5 AS enough FROM detect_conflicts('-infinity/infinity');
SELECT * FROM compare_counteractions();
UPDATE exchange_instance SET detection = 'event';

-- When everybody withdraws, nothing is left.
UPDATE dispatch SET status = 'cancelled';
SELECT (SELECT count(*) FROM engine_counteraction) AS open, (SELECT count(*) FROM network_dispatch) AS placed;
SELECT flexexchange.drop_exchange('network_oracle', with_data => true);
