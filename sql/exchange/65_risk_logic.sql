-- archetype: medium
-- Risk of conflict: the question of counteraction, asked ahead.
--
-- What is promised but not instructed yet is taken as if it were instructed as
-- committed.  A lineage counts once: of an award or availability only what its
-- live children leave of it.  A promise says nothing of its purpose; where a
-- distribution operator limits the other direction at the element, it is taken to
-- be for holding that limit.

CREATE OR REPLACE FUNCTION expected_dispatch(span time_window)
RETURNS TABLE (commitment_id bigint, stage text, unit_kind text, unit_id bigint, service_code text, market_operator_id bigint, service_provider_id bigint,
               direction text, power_kw numeric, during time_window)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH live AS MATERIALIZED (
    SELECT c.*, c.delivery_window * span AS part
    FROM commitment c
    WHERE c.closed_at IS NULL AND c.stage <> 'bid' AND c.delivery_window && span
      AND NOT EXISTS (SELECT FROM commitment e WHERE c.stage = 'dispatch' AND e.supersedes_id = c.source_id AND e.closed_at IS NULL AND e.stage = 'dispatch')
  ), child AS MATERIALIZED (
    SELECT k.id, a.id AS award_id, v.id AS availability_id, k.stage, k.part, k.power_kw
    FROM live k
    LEFT JOIN live a ON a.stage = 'award' AND a.source_id = k.award_id
    LEFT JOIN live v ON v.stage = 'availability' AND v.source_id = k.availability_id
    WHERE a.id IS NOT NULL OR v.id IS NOT NULL
  ), instant AS (
    -- when anything can change in a lineage
    SELECT l.id, lower(l.part) AS at FROM live l
    UNION
    SELECT p.id, e.at
    FROM child k
    CROSS JOIN LATERAL (VALUES (k.award_id), (k.availability_id)) AS p (id)
    JOIN live l ON l.id = p.id,
    LATERAL (VALUES (lower(k.part)), (upper(k.part))) AS e (at)
    WHERE l.part @> e.at
  ), piece AS (
    SELECT i.id, i.at, time_window(i.at, lead(i.at, 1, upper(l.part)) OVER (PARTITION BY i.id ORDER BY i.at)) AS during
    FROM instant i JOIN live l ON l.id = i.id
  ), remaining AS (
    -- what an availability does not leave to its dispatches is the availability's; a dispatch outside of its availability uses the award
    SELECT p.id, p.during, l.power_kw
      - coalesce((SELECT sum(greatest(k.power_kw, (SELECT sum(d.power_kw) FROM child d WHERE d.availability_id = k.id AND d.part @> p.at)))
                  FROM child k WHERE k.award_id = p.id AND k.stage = 'availability' AND k.part @> p.at), 0)
      - coalesce((SELECT sum(d.power_kw) FROM child d
                  WHERE d.stage = 'dispatch' AND d.part @> p.at
                    AND p.id = CASE WHEN EXISTS (SELECT FROM live v WHERE v.id = d.availability_id AND v.part @> p.at)
                                    THEN d.availability_id ELSE d.award_id END), 0) AS kw
    FROM piece p JOIN live l ON l.id = p.id
  )
  SELECT l.id, l.stage, l.unit_kind, l.unit_id, l.service_code, l.market_operator_id, l.service_provider_id, l.direction, r.kw, r.during
  FROM remaining r JOIN live l ON l.id = r.id
  WHERE r.kw > 0;
END
$function$;
COMMENT ON FUNCTION expected_dispatch(time_window) IS
  'what will be instructed in a window if everything is dispatched as committed: live dispatches, and of obligations what their live children leave, piece by piece';
REVOKE ALL ON FUNCTION expected_dispatch(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expected_dispatch(time_window) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION risk_of_conflict(span time_window)
RETURNS TABLE (risk_key text, what text, grid_node_id bigint, operating_limit_id bigint, constraint_period_id bigint, unit_removal_id bigint,
               operator_ids bigint[], service_codes text[], unit_ids bigint[], windows time_window[], up_kw numeric, down_kw numeric, limit_kw numeric,
               ruleset_code text, case_code text, prevails text, prevailing_id bigint, why text, commitment_ids bigint[], participant_ids bigint[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH RECURSIVE expected AS MATERIALIZED (
    SELECT e.*, row_number() OVER () AS n, d.purpose, d.grid_node_id AS element
    FROM expected_dispatch(span) e
    LEFT JOIN commitment c ON c.id = e.commitment_id AND e.stage = 'dispatch'
    LEFT JOIN dispatch d ON d.id = c.source_id
  ), path AS (
    -- where each unit lies, once
    SELECT u.unit_kind, u.unit_id, u.node, span AS during, ARRAY[u.node] AS nodes
    FROM (SELECT DISTINCT e.unit_kind, e.unit_id,
                 CASE e.unit_kind WHEN 'asset' THEN (SELECT a.grid_node_id FROM asset a WHERE a.id = e.unit_id)
                                  ELSE (SELECT p.grid_node_id FROM portfolio p WHERE p.id = e.unit_id) END AS node
          FROM expected e) u
    WHERE u.node IS NOT NULL
    UNION ALL
    SELECT path.unit_kind, path.unit_id, p.parent_id, path.during * p.valid, path.nodes || p.parent_id
    FROM path
    JOIN grid_node_parent p ON resource_window(p.grid_node_id, p.valid) && resource_window(path.node, path.during)
    WHERE p.parent_id <> ALL (path.nodes)
  ), restriction AS MATERIALIZED (
    SELECT x.kind, x.id, x.grid_node_id AS node, x.valid * span AS valid, x.direction, x.limit_kw, x.operator_id, x.source
    FROM network_restriction x WHERE x.valid && span
  ), placed AS MATERIALIZED (
    SELECT e.n, e.commitment_id, e.stage, e.unit_kind, e.unit_id, e.service_code, e.market_operator_id, e.service_provider_id, e.direction, e.power_kw,
           e.during * path.during AS during, path.node, e.element IS NOT DISTINCT FROM path.node AS named, s.buyer_kind,
           CASE WHEN e.stage = 'dispatch' THEN e.purpose
                WHEN s.buyer_kind = 'dso' AND EXISTS (
                  SELECT FROM restriction x WHERE x.node = path.node AND x.operator_id = e.market_operator_id
                    AND x.direction <> e.direction AND x.valid && (e.during * path.during)) THEN 'hold_limit' END AS purpose
    FROM expected e
    JOIN path ON path.unit_kind = e.unit_kind AND path.unit_id = e.unit_id AND path.during && e.during
    JOIN service s ON s.code = e.service_code
    WHERE path.node IN (SELECT x.node FROM restriction x UNION ALL SELECT element FROM expected)
  ), meeting AS MATERIALIZED (
    SELECT u.node, u.market_operator_id AS up_operator, u.service_code AS up_service, d.market_operator_id AS down_operator, d.service_code AS down_service,
           u.buyer_kind AS up_kind, d.buyer_kind AS down_kind,
           CASE WHEN u.buyer_kind = 'dso' THEN u.purpose WHEN d.buyer_kind = 'dso' THEN d.purpose END AS dso_purpose,
           u.n AS up_n, d.n AS down_n, u.during * d.during * part.valid AS during
    FROM placed u
    JOIN placed d ON d.node = u.node AND d.during && u.during AND d.market_operator_id <> u.market_operator_id
                 AND (d.unit_kind, d.unit_id) <> (u.unit_kind, u.unit_id)
    JOIN LATERAL (SELECT span AS valid WHERE u.named OR d.named
                  UNION ALL
                  SELECT x.valid FROM restriction x WHERE x.node = u.node AND x.operator_id IN (u.market_operator_id, d.market_operator_id)) part
      ON part.valid && (u.during * d.during)
    WHERE u.direction = 'up' AND d.direction = 'down'
  ), opposed AS (
    SELECT m.node, m.up_operator, m.up_service, m.down_operator, m.down_service, m.up_kind, m.down_kind, m.dso_purpose,
           window_union(m.during) AS windows, array_agg(DISTINCT m.up_n) || array_agg(DISTINCT m.down_n) AS ns
    FROM meeting m GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
  ), side AS (
    -- the most that each side has at once while it is opposed
    SELECT o.node, o.up_operator, o.up_service, o.down_operator, o.down_service, o.dso_purpose, o.direction,
           (max_concurrent(o.during, o.power_kw)).peak AS kw
    FROM (SELECT m.node, m.up_operator, m.up_service, m.down_operator, m.down_service, m.dso_purpose, e.direction, e.n, e.power_kw,
                 unnest(window_union(m.during)) AS during
          FROM meeting m JOIN expected e ON e.n IN (m.up_n, m.down_n)
          GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9) o
    GROUP BY 1, 2, 3, 4, 5, 6, 7
  ), step AS (
    SELECT x.kind, x.id, e.instant, sum(e.kw) AS kw
    FROM restriction x
    JOIN placed p ON p.node = x.node AND p.direction = x.direction AND p.during && x.valid,
    LATERAL (VALUES (lower(p.during * x.valid), p.power_kw), (upper(p.during * x.valid), - p.power_kw)) AS e (instant, kw)
    GROUP BY 1, 2, 3
  ), level AS (
    SELECT t.kind, t.id, t.instant, sum(t.kw) OVER up AS kw, lead(t.instant) OVER up AS until
    FROM step t WINDOW up AS (PARTITION BY t.kind, t.id ORDER BY t.instant)
  ), excess AS (
    SELECT v.kind, v.id, max(v.kw) AS kw, window_union(time_window(v.instant, v.until)) AS windows
    FROM level v JOIN restriction x ON x.kind = v.kind AND x.id = v.id
    WHERE v.kw > x.limit_kw GROUP BY 1, 2
  ), origin AS (
    -- a revision is of the same thing as what it revises
    SELECT 'operating_limit' AS kind, l.id, l.id AS standing, l.revises_id FROM operating_limit l WHERE l.id IN (SELECT e.id FROM excess e WHERE e.kind = 'operating_limit')
    UNION ALL
    SELECT 'constraint_period', c.id, c.id, c.revises_id FROM constraint_period c WHERE c.id IN (SELECT e.id FROM excess e WHERE e.kind = 'constraint_period')
    UNION ALL
    SELECT o.kind, before.id, o.standing, before.revises_id
    FROM origin o, LATERAL (SELECT l.id, l.revises_id FROM operating_limit l WHERE o.kind = 'operating_limit' AND l.id = o.revises_id
                            UNION ALL SELECT c.id, c.revises_id FROM constraint_period c WHERE o.kind = 'constraint_period' AND c.id = o.revises_id) before
  )
  SELECT concat_ws(' ', 'opposed', o.node, o.up_operator, o.up_service, o.down_operator, o.down_service, o.dso_purpose), 'opposed', o.node,
         NULL::bigint, NULL::bigint, NULL::bigint, ARRAY[o.up_operator, o.down_operator], ARRAY[o.up_service, o.down_service],
         (SELECT array_agg(DISTINCT e.unit_id) FROM expected e WHERE e.n = ANY (o.ns)), o.windows, up.kw, down.kw, NULL::numeric,
         r.code, p.case_code, coalesce(p.prevails, 'none'),
         CASE p.prevails WHEN o.up_kind THEN o.up_operator WHEN o.down_kind THEN o.down_operator END,
         CASE WHEN p.id IS NULL THEN 'no rule is for what is known of their purpose'
              ELSE coalesce(p.reason, 'by case ' || p.case_code) END
           || CASE WHEN o.dso_purpose = 'hold_limit' AND EXISTS (SELECT FROM expected e WHERE e.n = ANY (o.ns) AND e.stage <> 'dispatch')
                   THEN '; what is promised to the distribution operator and not instructed yet is taken to be for holding its limit' ELSE '' END,
         (SELECT array_agg(DISTINCT e.commitment_id) FROM expected e WHERE e.n = ANY (o.ns)),
         (SELECT array_agg(DISTINCT q.id) FROM expected e, LATERAL (VALUES (e.market_operator_id), (e.service_provider_id)) AS q (id) WHERE e.n = ANY (o.ns))
  FROM opposed o
  JOIN side up ON up.direction = 'up' AND (up.node, up.up_operator, up.up_service, up.down_operator, up.down_service) = (o.node, o.up_operator, o.up_service, o.down_operator, o.down_service)
              AND up.dso_purpose IS NOT DISTINCT FROM o.dso_purpose
  JOIN side down ON down.direction = 'down' AND (down.node, down.up_operator, down.up_service, down.down_operator, down.down_service) = (o.node, o.up_operator, o.up_service, o.down_operator, o.down_service)
              AND down.dso_purpose IS NOT DISTINCT FROM o.dso_purpose
  LEFT JOIN ruleset r ON r.status = 'in_force' AND r.in_force @> lower(o.windows[1])
  LEFT JOIN primacy_rule p ON p.ruleset_id = r.id AND p.dso_purpose = o.dso_purpose
   AND ((o.up_kind = 'dso' AND o.down_kind = 'neso' AND p.dso_direction = 'up') OR (o.up_kind = 'neso' AND o.down_kind = 'dso' AND p.dso_direction = 'down'))
  UNION ALL
  SELECT x.kind || ' ' || (SELECT min(g.id) FROM origin g WHERE g.kind = x.kind AND g.standing = x.id), x.kind, x.node,
         CASE x.kind WHEN 'operating_limit' THEN x.id END, CASE x.kind WHEN 'constraint_period' THEN x.id END, NULL,
         array_agg(DISTINCT p.market_operator_id), array_agg(DISTINCT p.service_code), array_agg(DISTINCT p.unit_id), k.windows,
         CASE x.direction WHEN 'up' THEN k.kw END, CASE x.direction WHEN 'down' THEN k.kw END, x.limit_kw,
         NULL, NULL, 'none', NULL,
         format('%s kW too much%s', trim_scale(k.kw - x.limit_kw), coalesce(': ' || x.source, '')),
         array_agg(DISTINCT p.commitment_id),
         (SELECT array_agg(DISTINCT q.id) FROM unnest(array_agg(p.market_operator_id) || array_agg(p.service_provider_id) || x.operator_id) AS q (id))
  FROM excess k
  JOIN restriction x ON x.kind = k.kind AND x.id = k.id
  JOIN placed p ON p.node = x.node AND p.direction = x.direction AND EXISTS (SELECT FROM unnest(k.windows) AS w (part) WHERE w.part && p.during)
  GROUP BY x.kind, x.id, x.node, x.direction, x.limit_kw, x.operator_id, x.source, k.windows, k.kw
  UNION ALL
  SELECT concat_ws(' ', 'removal', u.id, e.market_operator_id, e.service_code), 'removal', NULL, NULL, NULL, u.id,
         ARRAY[e.market_operator_id], ARRAY[e.service_code], ARRAY[e.unit_id], window_union(e.during * u.valid),
         (max_concurrent(e.during * u.valid, e.power_kw) FILTER (WHERE e.direction = 'up')).peak,
         (max_concurrent(e.during * u.valid, e.power_kw) FILTER (WHERE e.direction = 'down')).peak,
         NULL, NULL, NULL, 'none', NULL, u.reason,
         array_agg(DISTINCT e.commitment_id), (SELECT array_agg(DISTINCT q.id) FROM unnest(array_agg(e.service_provider_id) || e.market_operator_id || u.operator_id) AS q (id))
  FROM expected e
  JOIN service s ON s.code = e.service_code
  JOIN unit_removal u ON u.closed_at IS NULL AND resource_window(u.unit_id, u.valid) && resource_window(e.unit_id, e.during)
  WHERE (u.portfolio_id IS NOT NULL) = (e.unit_kind = 'portfolio') AND u.operator_id <> e.market_operator_id
    AND (u.service_code = e.service_code OR (u.service_code IS NULL AND s.buyer_kind = 'neso'))
  GROUP BY u.id, u.reason, u.operator_id, e.market_operator_id, e.service_code, e.unit_id;
END
$function$;
COMMENT ON FUNCTION risk_of_conflict(time_window) IS
  'which counteractions would arise in a window if everything were dispatched as committed: element, operators, services, units, windows, kW, case, who would prevail and why';
REVOKE ALL ON FUNCTION risk_of_conflict(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION risk_of_conflict(time_window) TO flexexchange_operator, flexexchange_regulator;

-- It counts on promises that the caller may not read, so it runs as its owner; what it
-- gives is what the caller would be told of an issue.
CREATE OR REPLACE FUNCTION own_risk_of_conflict(span time_window)
RETURNS TABLE (what text, grid_node_id bigint, operating_limit_id bigint, constraint_period_id bigint, unit_removal_id bigint, service_codes text[],
               own_unit_ids bigint[], windows time_window[], up_kw numeric, down_kw numeric, limit_kw numeric, ruleset_code text, case_code text,
               prevails text, why text)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT r.what, r.grid_node_id, r.operating_limit_id, r.constraint_period_id, r.unit_removal_id, r.service_codes,
         ARRAY(SELECT DISTINCT c.unit_id FROM commitment c
               WHERE c.id = ANY (r.commitment_ids) AND current_participant() IN (c.market_operator_id, c.service_provider_id) ORDER BY 1),
         r.windows, r.up_kw, r.down_kw, r.limit_kw, r.ruleset_code, r.case_code, r.prevails, r.why
  FROM risk_of_conflict(own_risk_of_conflict.span) r
  WHERE current_participant() = ANY (r.participant_ids)
  ORDER BY r.risk_key COLLATE "C"
$function$;
COMMENT ON FUNCTION own_risk_of_conflict(time_window) IS
  'a participant asks the risk of conflict in a window for itself: the counteractions that would concern it if everything were dispatched as committed, with its own units and nobody else''s name; none for a session that acts for nobody; SECURITY DEFINER because it counts on what others promised';
REVOKE ALL ON FUNCTION own_risk_of_conflict(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_risk_of_conflict(time_window) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION risk_words(told risk) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE told.what
           WHEN 'opposed' THEN format('If dispatched as committed, %s kW up for %s and %s kW down for %s oppose one another behind %s %s. %s: %s.',
             trim_scale(told.up_kw), (SELECT name FROM service WHERE code = told.service_codes[1]),
             trim_scale(told.down_kw), (SELECT name FROM service WHERE code = told.service_codes[2]), element.name, during.words,
             CASE told.prevails WHEN 'dso' THEN 'The distribution operator would prevail' WHEN 'neso' THEN 'The system operator would prevail'
                                WHEN 'joint' THEN 'The two operators would decide together' ELSE 'Nobody would prevail' END, told.why)
           WHEN 'removal' THEN format('If dispatched as committed, a unit serves %s although its network operator has taken it out %s: %s.',
             (SELECT name FROM service WHERE code = told.service_codes[1]), during.words, told.why)
           ELSE format('If dispatched as committed, %s kW %s are instructed at once behind %s %s, where %s kW may be: %s.',
             trim_scale(coalesce(told.up_kw, told.down_kw)), CASE WHEN told.up_kw IS NULL THEN 'down' ELSE 'up' END, element.name, during.words,
             trim_scale(told.limit_kw), told.why) END
  FROM (SELECT (SELECT format('%s "%s"', replace(g.kind, '_', ' '), g.name) FROM grid_node g WHERE g.id = told.grid_node_id)) AS element (name),
       (SELECT window_words(time_window(lower(told.windows[1]), upper(told.windows[cardinality(told.windows)])))) AS during (words)
$function$;
COMMENT ON FUNCTION risk_words(risk) IS 'a risk in one or two sentences; names no buyer, seller or unit';
REVOKE ALL ON FUNCTION risk_words(risk) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION risk_words(risk) TO flexexchange_operator, flexexchange_regulator;

-- It writes what nobody writes by hand, so it runs as its owner; whoever may call it
-- is the operator of the exchange.
CREATE OR REPLACE FUNCTION issue_risk_of_conflict(span time_window) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  before risk_issue;
  issue bigint;
  told risk;
BEGIN
  -- issues of one window follow one another
  LOCK TABLE risk_issue IN SHARE ROW EXCLUSIVE MODE;
  SELECT i.* INTO before FROM risk_issue i WHERE i.span = issue_risk_of_conflict.span ORDER BY i.number DESC LIMIT 1;
  INSERT INTO risk_issue (span, number) VALUES (issue_risk_of_conflict.span, coalesce(before.number, 0) + 1) RETURNING id INTO issue;

  INSERT INTO risk (risk_issue_id, change, risk_key, what, grid_node_id, operating_limit_id, constraint_period_id, unit_removal_id, operator_ids,
                    service_codes, unit_ids, windows, up_kw, down_kw, limit_kw, ruleset_code, case_code, prevails, prevailing_id, why, commitment_ids, participant_ids)
  SELECT issue,
         CASE WHEN o.id IS NULL THEN 'new'
              WHEN (o.unit_ids, o.windows, o.up_kw, o.down_kw, o.limit_kw, o.prevails, o.prevailing_id)
                   IS DISTINCT FROM (n.unit_ids, n.windows, n.up_kw::numeric(20,3), n.down_kw::numeric(20,3), n.limit_kw::numeric(20,3), n.prevails, n.prevailing_id)
              THEN 'changed' ELSE 'same' END,
         n.*
  FROM risk_of_conflict(issue_risk_of_conflict.span) n
  LEFT JOIN risk o ON o.risk_issue_id = before.id AND o.risk_key = n.risk_key AND o.change <> 'gone'
  ORDER BY n.risk_key COLLATE "C";
  INSERT INTO risk (risk_issue_id, change, risk_key, what, grid_node_id, operating_limit_id, constraint_period_id, unit_removal_id, operator_ids,
                    service_codes, unit_ids, windows, up_kw, down_kw, limit_kw, ruleset_code, case_code, prevails, prevailing_id, why, commitment_ids, participant_ids)
  SELECT issue, 'gone', o.risk_key, o.what, o.grid_node_id, o.operating_limit_id, o.constraint_period_id, o.unit_removal_id, o.operator_ids,
         o.service_codes, o.unit_ids, o.windows, o.up_kw, o.down_kw, o.limit_kw, o.ruleset_code, o.case_code, o.prevails, o.prevailing_id, o.why, o.commitment_ids, o.participant_ids
  FROM risk o
  WHERE o.risk_issue_id = before.id AND o.change <> 'gone'
    AND NOT EXISTS (SELECT FROM risk n WHERE n.risk_issue_id = issue AND n.risk_key = o.risk_key)
  ORDER BY o.id;

  FOR told IN SELECT r.* FROM risk r WHERE r.risk_issue_id = issue AND r.change <> 'same' ORDER BY r.id LOOP
    -- each learns which of its own units, and no more of the others than the sentence says
    INSERT INTO notification (participant_id, event, risk_id, message, content)
    SELECT p.id, 'risk_' || told.change, told.id,
           CASE told.change WHEN 'gone' THEN 'No longer so: ' ELSE '' END || risk_words(told),
           jsonb_strip_nulls(jsonb_build_object(
             'event', 'risk_' || told.change, 'what', told.what, 'issue', coalesce(before.number, 0) + 1, 'grid_node_id', told.grid_node_id,
             'services', told.service_codes, 'windows', to_jsonb(told.windows::text[]), 'up_kw', told.up_kw, 'down_kw', told.down_kw, 'limit_kw', told.limit_kw,
             'case', told.case_code, 'prevails', told.prevails, 'why', told.why,
             'unit_ids', (SELECT jsonb_agg(DISTINCT c.unit_id) FROM commitment c WHERE c.id = ANY (told.commitment_ids)
                          AND p.id IN (c.market_operator_id, c.service_provider_id))))
    FROM unnest(told.participant_ids) AS p (id) ORDER BY p.id;
  END LOOP;
  RETURN issue;
END
$function$;
COMMENT ON FUNCTION issue_risk_of_conflict(time_window) IS
  'issues the report on the risk of conflict in a window, with what has changed since the issue before, and tells those concerned; gives the issue; SECURITY DEFINER because nobody writes the report by hand';
REVOKE ALL ON FUNCTION issue_risk_of_conflict(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION issue_risk_of_conflict(time_window) TO flexexchange_operator;

SELECT protect_table('risk_issue', ARRAY['flexexchange_participant']);
SELECT protect_table('risk');
REVOKE INSERT, UPDATE, DELETE ON risk_issue, risk FROM flexexchange_operator;
-- not who the others are, nor with which units
GRANT SELECT (id, risk_issue_id, change, what, grid_node_id, operating_limit_id, constraint_period_id, unit_removal_id, service_codes, windows,
              up_kw, down_kw, limit_kw, ruleset_code, case_code, prevails, why) ON risk TO flexexchange_participant;
DROP POLICY IF EXISTS risk_read_own ON risk;
CREATE POLICY risk_read_own ON risk FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant()) = ANY (participant_ids));
COMMENT ON POLICY risk_read_own ON risk IS 'RISK-1: a participant reads the risks that concern it';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['risk_issue', 'risk'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was issued stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
