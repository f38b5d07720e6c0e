-- archetype: medium
-- Counteraction: where dispatches stand in the network, and which of them cannot
-- all stand.  The rules engine asks these two functions, after it has locked what
-- they read and waited for whoever could change the answer (src/counteraction.c).
--
-- An element matters for two dispatches while it carries a standing limit or
-- constraint period of one of their operators, or when one of them says that it is
-- for it.  A dispatch that a live one supersedes does not count.

CREATE OR REPLACE FUNCTION network_places(commitments bigint[]) RETURNS SETOF network_dispatch
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN QUERY
  WITH RECURSIVE asked AS MATERIALIZED (
    -- by id alone: while a book is young, the planner takes the index of live rows for the shorter way
    SELECT c.* FROM commitment c WHERE c.id = ANY (commitments)
  ), path AS (
    SELECT c.id, u.grid_node_id AS node, c.delivery_window AS during, ARRAY[u.grid_node_id] AS nodes,
           c.direction, c.market_operator_id, d.grid_node_id AS element
    FROM asked c
    JOIN dispatch d ON d.id = c.source_id
    CROSS JOIN LATERAL (
      SELECT a.grid_node_id FROM asset a WHERE c.unit_kind = 'asset' AND a.id = c.unit_id
      UNION ALL SELECT p.grid_node_id FROM portfolio p WHERE c.unit_kind = 'portfolio' AND p.id = c.unit_id) u
    WHERE c.stage = 'dispatch' AND c.closed_at IS NULL AND u.grid_node_id IS NOT NULL
    UNION ALL
    SELECT path.id, p.parent_id, path.during * p.valid, path.nodes || p.parent_id,
           path.direction, path.market_operator_id, path.element
    FROM path
    JOIN grid_node_parent p ON resource_window(p.grid_node_id, p.valid) && resource_window(path.node, path.during)
    WHERE p.parent_id <> ALL (path.nodes)
  )
  SELECT path.id, path.node, path.during, path.direction, path.market_operator_id,
         path.element IS NOT DISTINCT FROM path.node, cardinality(path.nodes) - 1
  FROM path;
END
$function$;
COMMENT ON FUNCTION network_places(bigint[]) IS
  'the rows that network_dispatch has to have for these commitments: none for those that are no live dispatch or whose unit has no grid node';
REVOKE ALL ON FUNCTION network_places(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION dispatch_rationale(posted commitment, purpose text, element bigint) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT jsonb_strip_nulls(jsonb_build_object(
    'commitment_id', posted.id, 'stage', posted.stage, 'trade_id', posted.source_id, 'product_id', posted.product_id,
    'service', posted.service_code, 'unit_id', posted.unit_id, 'direction', posted.direction,
    'power_kw', trim_scale(posted.power_kw), 'window', posted.delivery_window::text,
    'purpose', purpose, 'for_grid_node_id', element));
END;
COMMENT ON FUNCTION dispatch_rationale(commitment, text, bigint) IS 'a dispatch as it stands in a rationale';
REVOKE ALL ON FUNCTION dispatch_rationale(commitment, text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION counteractions(subjects bigint[])
RETURNS TABLE (challenger_id bigint, incumbent_id bigint, operating_limit_id bigint, constraint_period_id bigint, unit_removal_id bigint,
               severity text, unit_id bigint, grid_node_id bigint, overlap time_window, short_kw numeric, short_windows time_window[],
               ruleset_id bigint, primacy_rule_id bigint, prevailing_id bigint, rationale jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC' -- windows in a rationale are the same for whoever asks
AS $function$
#variable_conflict use_column
BEGIN
  -- two instructions against one another, both of standing dispatches
  RETURN QUERY
  WITH subject AS MATERIALIZED (
    SELECT n.* FROM network_dispatch n WHERE n.commitment_id = ANY (subjects)
  ), at_element AS MATERIALIZED (
    SELECT s.* FROM subject s
    WHERE s.named OR EXISTS (SELECT FROM network_restriction x
                             WHERE resource_window(x.grid_node_id, x.valid) && resource_window(s.grid_node_id, s.valid))
  ), meeting AS (
    SELECT s.commitment_id AS s_id, s.named AS s_named, s.steps AS s_steps, s.market_operator_id AS s_operator,
           r.commitment_id AS r_id, r.named AS r_named, r.steps AS r_steps, r.market_operator_id AS r_operator,
           s.grid_node_id AS node, s.valid * r.valid AS during
    FROM at_element s
    JOIN network_dispatch r ON resource_window(r.grid_node_id, r.valid) && resource_window(s.grid_node_id, s.valid)
    WHERE r.direction <> s.direction AND r.market_operator_id <> s.market_operator_id
    UNION ALL
    SELECT s.commitment_id, s.named, s.steps, s.market_operator_id,
           r.commitment_id, r.named, r.steps, r.market_operator_id,
           s.grid_node_id, s.valid * r.valid
    FROM subject s
    JOIN network_dispatch r ON r.named AND resource_window(r.grid_node_id, r.valid) && resource_window(s.grid_node_id, s.valid)
    WHERE r.direction <> s.direction AND r.market_operator_id <> s.market_operator_id
  ), opposed AS (
    SELECT DISTINCT greatest(s_id, r_id) AS later_id, least(s_id, r_id) AS earlier_id, node, during,
           least(s_operator, r_operator) AS operator_a, greatest(s_operator, r_operator) AS operator_b,
           s_named OR r_named AS is_named,
           CASE WHEN s_id > r_id THEN s_named ELSE r_named END AS later_named,
           CASE WHEN s_id > r_id THEN s_steps ELSE r_steps END AS steps
    FROM meeting
  ), held AS (
    SELECT o.later_id, o.earlier_id, o.node, o.later_named, o.is_named, o.steps, o.during AS held,
           jsonb_build_object('named_by', CASE WHEN o.later_named THEN 'challenger' ELSE 'incumbent' END) AS because
    FROM opposed o WHERE o.is_named
    UNION
    SELECT o.later_id, o.earlier_id, o.node, o.later_named, o.is_named, o.steps, o.during * x.valid,
           jsonb_build_object(x.kind || '_id', x.id)
    FROM opposed o
    JOIN network_restriction x ON resource_window(x.grid_node_id, x.valid) && resource_window(o.node, o.during)
    WHERE x.operator_id IN (o.operator_a, o.operator_b)
  ), pair AS (
    SELECT h.later_id, h.earlier_id, time_window(min(lower(h.held)), max(upper(h.held))) AS overlap,
           (array_agg(h.node ORDER BY h.later_named DESC, h.is_named DESC, h.steps, h.node))[1] AS node,
           jsonb_agg(jsonb_build_object('grid_node_id', g.id, 'kind', g.kind, 'name', g.name, 'window', h.held::text) || h.because
                     ORDER BY h.steps, h.node, h.held, h.because::text) AS elements
    FROM held h JOIN grid_node g ON g.id = h.node
    GROUP BY h.later_id, h.earlier_id
  )
  SELECT c.id, i.id, NULL::bigint, NULL::bigint, NULL::bigint,
         coalesce(p.severity, 'blocking'), c.unit_id, pair.node, pair.overlap, NULL::numeric, NULL::time_window[],
         r.id, p.id,
         CASE p.prevails WHEN sc.buyer_kind THEN c.market_operator_id WHEN si.buyer_kind THEN i.market_operator_id END,
         jsonb_strip_nulls(jsonb_build_object(
           'kind', 'counteraction', 'severity', coalesce(p.severity, 'blocking'), 'ruleset', r.code, 'overlap', pair.overlap::text,
           'challenger', dispatch_rationale(c, dc.purpose, dc.grid_node_id), 'incumbent', dispatch_rationale(i, di.purpose, di.grid_node_id),
           'elements', pair.elements,
           'primacy', jsonb_build_object('prevails', coalesce(p.prevails, 'none'), 'case', p.case_code, 'primacy_rule_id', p.id,
                                         'dso_purpose', p.dso_purpose, 'dso_direction', p.dso_direction, 'reason', p.reason, 'source', p.source)))
  FROM pair
  JOIN commitment c ON c.id = pair.later_id
  JOIN commitment i ON i.id = pair.earlier_id
  JOIN dispatch dc ON dc.id = c.source_id
  JOIN dispatch di ON di.id = i.source_id
  JOIN service sc ON sc.code = c.service_code
  JOIN service si ON si.code = i.service_code
  LEFT JOIN ruleset r ON r.status = 'in_force' AND r.in_force @> lower(pair.overlap)
  LEFT JOIN primacy_rule p ON p.ruleset_id = r.id
   AND ((sc.buyer_kind = 'dso' AND si.buyer_kind = 'neso' AND (p.dso_purpose, p.dso_direction) = (dc.purpose, c.direction))
     OR (sc.buyer_kind = 'neso' AND si.buyer_kind = 'dso' AND (p.dso_purpose, p.dso_direction) = (di.purpose, i.direction)))
  WHERE (c.unit_kind, c.unit_id) <> (i.unit_kind, i.unit_id)
    AND NOT EXISTS (SELECT FROM commitment e WHERE e.supersedes_id IN (c.source_id, i.source_id) AND e.closed_at IS NULL AND e.stage = 'dispatch');

  -- more than an element can bear: what was posted up to a dispatch, with it.  First
  -- where all that is there is too much at all, which is seldom; then for each dispatch
  RETURN QUERY
  WITH bearing AS MATERIALIZED (
    SELECT s.commitment_id, s.direction, s.valid * x.valid AS during, x.kind, x.id AS restriction_id, x.grid_node_id AS node, x.limit_kw
    FROM network_dispatch s
    JOIN network_restriction x ON resource_window(x.grid_node_id, x.valid) && resource_window(s.grid_node_id, s.valid)
    WHERE s.commitment_id = ANY (subjects) AND x.direction = s.direction
  ), span AS (
    SELECT h.kind, h.restriction_id, h.node, h.direction, h.limit_kw, time_window(min(lower(h.during)), max(upper(h.during))) AS during
    FROM bearing h GROUP BY 1, 2, 3, 4, 5
  ), all_step AS (
    SELECT g.kind, g.restriction_id, g.limit_kw, e.instant, sum(e.kw) AS kw
    FROM span g
    JOIN network_dispatch r ON resource_window(r.grid_node_id, r.valid) && resource_window(g.node, g.during) AND r.direction = g.direction
    JOIN commitment b ON b.id = r.commitment_id,
    LATERAL (VALUES (lower(r.valid * g.during), b.power_kw), (upper(r.valid * g.during), - b.power_kw)) AS e (instant, kw)
    GROUP BY 1, 2, 3, 4
  ), all_level AS (
    SELECT t.kind, t.restriction_id, t.limit_kw, t.instant, sum(t.kw) OVER up AS kw, lead(t.instant) OVER up AS until
    FROM all_step t WINDOW up AS (PARTITION BY t.kind, t.restriction_id ORDER BY t.instant)
  ), crowded AS MATERIALIZED (
    SELECT v.kind, v.restriction_id, unnest(window_union(time_window(v.instant, v.until))) AS during
    FROM all_level v WHERE v.kw > v.limit_kw GROUP BY 1, 2
  ), charge AS MATERIALIZED (
    SELECT h.commitment_id, h.direction, h.during * w.during AS during, h.kind, h.restriction_id, h.node
    FROM bearing h JOIN crowded w ON w.kind = h.kind AND w.restriction_id = h.restriction_id AND w.during && h.during
  ), counted AS (
    SELECT h.commitment_id, h.kind, h.restriction_id, r.valid * h.during AS during, b.power_kw
    FROM charge h
    JOIN network_dispatch r ON resource_window(r.grid_node_id, r.valid) && resource_window(h.node, h.during)
    JOIN commitment b ON b.id = r.commitment_id
    WHERE r.direction = h.direction AND r.commitment_id <= h.commitment_id
      AND NOT EXISTS (SELECT FROM commitment e WHERE e.supersedes_id = b.source_id AND e.closed_at IS NULL AND e.stage = 'dispatch')
  ), step AS (
    SELECT k.commitment_id, k.kind, k.restriction_id, e.instant, sum(e.kw) AS kw, sum(e.n) AS n
    FROM counted k, LATERAL (VALUES (lower(k.during), k.power_kw, 1), (upper(k.during), - k.power_kw, -1)) AS e (instant, kw, n)
    GROUP BY k.commitment_id, k.kind, k.restriction_id, e.instant
  ), level AS (
    SELECT t.commitment_id, t.kind, t.restriction_id, t.instant, sum(t.kw) OVER up AS kw, sum(t.n) OVER up AS n, lead(t.instant) OVER up AS until
    FROM step t
    WINDOW up AS (PARTITION BY t.commitment_id, t.kind, t.restriction_id ORDER BY t.instant)
  ), excess AS (
    SELECT v.commitment_id, v.kind, v.restriction_id, x.grid_node_id AS node, x.limit_kw, x.valid, x.source, x.operator_id,
           max(v.kw) AS kw, window_union(time_window(v.instant, v.until)) AS windows,
           (array_agg(v.n ORDER BY v.kw DESC, v.instant))[1] AS n
    FROM level v
    JOIN network_restriction x ON x.kind = v.kind AND x.id = v.restriction_id
    WHERE v.kw > x.limit_kw
    GROUP BY v.commitment_id, v.kind, v.restriction_id, x.grid_node_id, x.limit_kw, x.valid, x.source, x.operator_id
  )
  SELECT c.id, NULL::bigint, CASE x.kind WHEN 'operating_limit' THEN x.restriction_id END, CASE x.kind WHEN 'constraint_period' THEN x.restriction_id END,
         NULL::bigint, 'blocking', c.unit_id, x.node, time_window(lower(x.windows[1]), upper(x.windows[cardinality(x.windows)])),
         x.kw - x.limit_kw, x.windows, NULL::bigint, NULL::bigint, NULL::bigint,
         jsonb_strip_nulls(jsonb_build_object(
           'kind', 'counteraction', 'severity', 'blocking',
           'overlap', time_window(lower(x.windows[1]), upper(x.windows[cardinality(x.windows)]))::text,
           'challenger', dispatch_rationale(c, d.purpose, d.grid_node_id),
           'elements', jsonb_build_array(jsonb_build_object('grid_node_id', g.id, 'kind', g.kind, 'name', g.name)),
           'limit', jsonb_build_object(x.kind || '_id', x.restriction_id, 'direction', c.direction, 'window', x.valid::text, 'source', x.source,
                                       'limit_kw', trim_scale(x.limit_kw), 'dispatched_kw', trim_scale(x.kw), 'dispatches', x.n,
                                       'short_kw', trim_scale(x.kw - x.limit_kw), 'short_windows', to_jsonb(x.windows::text[]))))
  FROM excess x
  JOIN commitment c ON c.id = x.commitment_id
  JOIN dispatch d ON d.id = c.source_id
  JOIN grid_node g ON g.id = x.node
  WHERE NOT EXISTS (SELECT FROM commitment e WHERE e.supersedes_id = c.source_id AND e.closed_at IS NULL AND e.stage = 'dispatch');

  -- a unit that its network operator has taken out
  RETURN QUERY
  WITH asked AS MATERIALIZED (
    SELECT c AS row FROM commitment c WHERE c.id = ANY (subjects)
  )
  SELECT c.id, NULL::bigint, NULL::bigint, NULL::bigint, u.id, 'blocking', c.unit_id, NULL::bigint, c.delivery_window * u.valid,
         NULL::numeric, NULL::time_window[], NULL::bigint, NULL::bigint, NULL::bigint,
         jsonb_strip_nulls(jsonb_build_object(
           'kind', 'counteraction', 'severity', 'blocking', 'overlap', (c.delivery_window * u.valid)::text,
           'challenger', dispatch_rationale(asked.row, d.purpose, d.grid_node_id),
           'removal', jsonb_build_object('unit_removal_id', u.id, 'service', u.service_code, 'window', u.valid::text, 'reason', u.reason)))
  FROM asked
  CROSS JOIN LATERAL (SELECT (asked.row).*) c
  JOIN service s ON s.code = c.service_code
  JOIN dispatch d ON d.id = c.source_id
  JOIN unit_removal u ON u.closed_at IS NULL AND resource_window(u.unit_id, u.valid) && resource_window(c.unit_id, c.delivery_window)
  WHERE c.stage = 'dispatch' AND c.closed_at IS NULL
    AND (u.portfolio_id IS NOT NULL) = (c.unit_kind = 'portfolio') AND u.operator_id <> c.market_operator_id
    AND (u.service_code = c.service_code OR (u.service_code IS NULL AND s.buyer_kind = 'neso'))
    AND NOT EXISTS (SELECT FROM commitment e WHERE e.supersedes_id = c.source_id AND e.closed_at IS NULL AND e.stage = 'dispatch');
END
$function$;
COMMENT ON FUNCTION counteractions(bigint[]) IS
  'every counteraction that one of these commitments has a part in (of limits, constraint periods and removals: as challenger), with all that its row in conflict says';
REVOKE ALL ON FUNCTION counteractions(bigint[]) FROM PUBLIC;

DO $block$
DECLARE
  name text;
  event text;
  tables text;
BEGIN
  FOR name, event, tables IN
    SELECT x.name, y.event, y.tables
    FROM (VALUES ('operating_limit', 'INSERT'), ('operating_limit', 'UPDATE'),
                 ('constraint_period', 'INSERT'), ('constraint_period', 'UPDATE'),
                 ('unit_removal', 'INSERT'), ('unit_removal', 'UPDATE'),
                 ('grid_node_parent', 'INSERT'), ('grid_node_parent', 'UPDATE'), ('grid_node_parent', 'DELETE'),
                 ('asset', 'UPDATE'), ('portfolio', 'UPDATE')) AS x (name, event)
    JOIN (VALUES ('INSERT', 'NEW TABLE AS after'), ('UPDATE', 'OLD TABLE AS before NEW TABLE AS after'),
                 ('DELETE', 'OLD TABLE AS before')) AS y (event, tables) USING (event)
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
      FOR EACH STATEMENT EXECUTE FUNCTION reexamine_network(%3$L)', 't60_network_' || lower(event), event, name, tables);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''examines again what is dispatched behind the elements, or with the units, that it concerns''',
                   't60_network_' || lower(event), name);
  END LOOP;
END
$block$;

-- before t50_commitment_insert posts: an element that a dispatch names is one from then on
CREATE OR REPLACE TRIGGER t40_network AFTER INSERT ON dispatch
  FOR EACH ROW WHEN (NEW.grid_node_id IS NOT NULL) EXECUTE FUNCTION reexamine_network('dispatch');
COMMENT ON TRIGGER t40_network ON dispatch IS 'the network matters to an exchange from the first named element on';
CREATE OR REPLACE TRIGGER t60_network AFTER UPDATE OF purpose, grid_node_id ON dispatch
  FOR EACH ROW WHEN (OLD.purpose IS DISTINCT FROM NEW.purpose OR OLD.grid_node_id IS DISTINCT FROM NEW.grid_node_id)
  EXECUTE FUNCTION reexamine_network('dispatch');
COMMENT ON TRIGGER t60_network ON dispatch IS 'examines a dispatch again when what it is for changes';
