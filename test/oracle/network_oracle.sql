-- What a counteraction is, in naive SQL: instant by instant, from the words of
-- docs/network.md.
--
-- It reads dispatches, the register, what operators state and the rule rows; never
-- the book, network_dispatch, conflict or a function of ours.  Windows are taken
-- apart into two instants; nothing changes between two instants at which anything
-- can change, so each of those pieces is judged alone.  The order of posting comes
-- from journal.sql.

CREATE FUNCTION since(w time_window) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT split_part(w::text, '/', 1)::timestamptz $$;
CREATE FUNCTION until(w time_window) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$ SELECT split_part(w::text, '/', 2)::timestamptz $$;

-- Live dispatches whose place no live one has taken.
CREATE VIEW oracle_instruction AS
  SELECT d.id, j.seq, coalesce(d.asset_id, d.portfolio_id) AS unit_id, m.market_operator_id AS operator, s.code AS service, s.buyer_kind,
         d.direction, d.power_kw AS kw, since(d.delivery_window) AS since, until(d.delivery_window) AS until, d.purpose, d.grid_node_id AS element,
         coalesce((SELECT grid_node_id FROM asset WHERE id = d.asset_id), (SELECT grid_node_id FROM portfolio WHERE id = d.portfolio_id)) AS node
  FROM dispatch d JOIN journal j ON j.source_id = d.id
  JOIN product p ON p.id = d.product_id JOIN market m ON m.id = p.market_id JOIN service s ON s.code = p.service_code
  WHERE d.status IN ('instructed', 'acknowledged', 'executing', 'stopped', 'completed', 'failed')
    AND NOT EXISTS (SELECT FROM dispatch e WHERE e.supersedes_id = d.id
                    AND e.status IN ('instructed', 'acknowledged', 'executing', 'stopped', 'completed', 'failed'));

CREATE VIEW oracle_statement AS
  SELECT 'limit' AS what, id, grid_node_id AS node, since(valid) AS since, until(valid) AS until, direction, limit_kw, operator_id FROM operating_limit WHERE closed_at IS NULL
  UNION ALL SELECT 'period', id, grid_node_id, since(valid), until(valid), direction, limit_kw, operator_id FROM constraint_period WHERE closed_at IS NULL;

-- Where every instruction stands in every piece of its delivery.
CREATE TABLE oracle_piece (start timestamptz PRIMARY KEY, stop timestamptz);
CREATE TABLE oracle_standing (id bigint, start timestamptz, stop timestamptz, node bigint, steps int);

CREATE FUNCTION oracle_look() RETURNS void LANGUAGE sql AS $$
  DELETE FROM oracle_piece;
  INSERT INTO oracle_piece SELECT t, lead(t, 1, 'infinity') OVER (ORDER BY t) FROM (
    SELECT since AS t FROM oracle_instruction UNION SELECT until FROM oracle_instruction
    UNION SELECT since FROM oracle_statement UNION SELECT until FROM oracle_statement
    UNION SELECT since(valid) FROM grid_node_parent UNION SELECT until(valid) FROM grid_node_parent) e;
  DELETE FROM oracle_standing;
  INSERT INTO oracle_standing
  WITH RECURSIVE up AS (
    SELECT i.id, p.start, p.stop, i.node, 0 AS steps, ARRAY[i.node] AS seen
    FROM oracle_instruction i JOIN oracle_piece p ON p.start >= i.since AND p.start < i.until WHERE i.node IS NOT NULL
    UNION ALL
    SELECT up.id, up.start, up.stop, n.parent_id, up.steps + 1, up.seen || n.parent_id
    FROM up JOIN grid_node_parent n ON n.grid_node_id = up.node AND since(n.valid) <= up.start AND up.start < until(n.valid) AND n.parent_id <> ALL (up.seen)
  ) SELECT id, start, stop, node, steps FROM up;
$$;

CREATE FUNCTION oracle_counteraction() RETURNS TABLE (challenger bigint, incumbent bigint, what text, what_id bigint, node bigint, since timestamptz, until timestamptz,
                                                      short_kw numeric, short_windows text, severity text, prevailing bigint)
LANGUAGE sql AS $$
  WITH meeting AS (
    SELECT b.id AS challenger, a.id AS incumbent, sb.start, sb.stop, sb.node, sb.steps, b.element IS NOT DISTINCT FROM sb.node AS by_b, a.element IS NOT DISTINCT FROM sb.node AS by_a
    FROM oracle_instruction a JOIN oracle_instruction b ON a.seq < b.seq AND a.direction <> b.direction AND a.operator <> b.operator AND a.unit_id <> b.unit_id
    JOIN oracle_standing sa ON sa.id = a.id JOIN oracle_standing sb ON sb.id = b.id AND sb.start = sa.start AND sb.node = sa.node
    WHERE a.element = sa.node OR b.element = sa.node
       OR EXISTS (SELECT FROM oracle_statement x WHERE x.node = sa.node AND x.operator_id IN (a.operator, b.operator) AND x.since <= sa.start AND sa.start < x.until)
  ), pair AS (
    SELECT challenger, incumbent, min(start) AS since, max(stop) AS until,
           (array_agg(node ORDER BY by_b DESC, by_a DESC, steps, node))[1] AS node
    FROM meeting GROUP BY challenger, incumbent
  ), sides AS (
    SELECT pair.*, dso.purpose, dso.direction, dso.operator AS dso_operator, neso.operator AS neso_operator
    FROM pair
    LEFT JOIN oracle_instruction dso ON dso.id IN (challenger, incumbent) AND dso.buyer_kind = 'dso'
         AND EXISTS (SELECT FROM oracle_instruction o WHERE o.id IN (challenger, incumbent) AND o.buyer_kind = 'neso')
    LEFT JOIN oracle_instruction neso ON neso.id IN (challenger, incumbent) AND neso.buyer_kind = 'neso' AND dso.id IS NOT NULL
  )
  SELECT s.challenger, s.incumbent, NULL::text, NULL::bigint, s.node, s.since, s.until, NULL::numeric, NULL::text, coalesce(r.severity, 'blocking'),
         CASE r.prevails WHEN 'dso' THEN s.dso_operator WHEN 'neso' THEN s.neso_operator END
  FROM sides s
  LEFT JOIN primacy_rule r ON r.dso_purpose = s.purpose AND r.dso_direction = s.direction
       AND r.ruleset_id = (SELECT id FROM ruleset WHERE status = 'in_force' AND since(in_force) <= s.since AND s.since < until(in_force))
  UNION ALL
  SELECT x.challenger, NULL, x.what, x.id, x.node, min(x.start), max(x.stop), max(x.kw) - x.limit_kw, range_agg(tstzrange(x.start, x.stop))::text, 'blocking', NULL
  FROM (
    SELECT c.id AS challenger, l.what, l.id, l.node, l.limit_kw, sc.start, sc.stop,
           (SELECT sum(d.kw) FROM oracle_instruction d JOIN oracle_standing sd ON sd.id = d.id
            WHERE sd.node = l.node AND sd.start = sc.start AND d.direction = l.direction AND d.seq <= c.seq) AS kw
    FROM oracle_statement l JOIN oracle_standing sc ON sc.node = l.node AND l.since <= sc.start AND sc.start < l.until
    JOIN oracle_instruction c ON c.id = sc.id AND c.direction = l.direction) x
  WHERE x.kw > x.limit_kw GROUP BY x.challenger, x.what, x.id, x.node, x.limit_kw
  UNION ALL
  SELECT c.id, NULL, 'removal', r.id, NULL, greatest(c.since, since(r.valid)), least(c.until, until(r.valid)), NULL, NULL, 'blocking', NULL
  FROM oracle_instruction c JOIN unit_removal r ON coalesce(r.asset_id, r.portfolio_id) = c.unit_id AND r.closed_at IS NULL
  WHERE c.since < until(r.valid) AND since(r.valid) < c.until AND r.operator_id <> c.operator
    AND CASE WHEN r.service_code IS NULL THEN c.buyer_kind = 'neso' ELSE r.service_code = c.service END
$$;

CREATE VIEW engine_counteraction AS
  SELECT c.source_id AS challenger, i.source_id AS incumbent,
         CASE WHEN k.operating_limit_id IS NOT NULL THEN 'limit' WHEN k.constraint_period_id IS NOT NULL THEN 'period' WHEN k.unit_removal_id IS NOT NULL THEN 'removal' END AS what,
         coalesce(k.operating_limit_id, k.constraint_period_id, k.unit_removal_id) AS what_id, k.grid_node_id AS node, since(k.overlap) AS since, until(k.overlap) AS until,
         k.short_kw, (SELECT range_agg(tstzrange(since(w), until(w)))::text FROM unnest(k.short_windows) w) AS short_windows, k.severity, k.prevailing_id AS prevailing
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id LEFT JOIN commitment i ON i.id = k.incumbent_id
  WHERE k.kind = 'counteraction' AND k.closed_at IS NULL;

-- Differences, with the side that has them; no rows means agreement.
CREATE FUNCTION compare_counteractions() RETURNS TABLE (who text, challenger bigint, incumbent bigint, what text, what_id bigint, node bigint, since timestamptz, until timestamptz,
                                                        short_kw numeric, short_windows text, severity text, prevailing bigint)
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM oracle_look();
  ANALYZE oracle_piece;
  ANALYZE oracle_standing;
  CREATE TEMP TABLE expected ON COMMIT DROP AS SELECT * FROM oracle_counteraction();
  RETURN QUERY
    (SELECT 'engine only', f.* FROM (SELECT * FROM engine_counteraction EXCEPT SELECT * FROM expected) f)
    UNION ALL
    (SELECT 'oracle only', f.* FROM (SELECT * FROM expected EXCEPT SELECT * FROM engine_counteraction) f);
  DROP TABLE expected;
END $$;
