-- A second opinion on a clearing.
--
-- check_clearing() is told what was asked and what was answered, and judges the answer without solving anything: it adds
-- up, compares, and tries each order by itself.  It knows nothing of how the answer was found and shares no code with
-- what found it.  What it cannot see is an improvement that moves several orders at once; of that the answer's own bound
-- speaks, which is no better than the solver.
--
-- An answer is one row of clear_orders() as JSON, so that it can be kept and judged years later.
--
-- One query judges it, over rows that come from the parameters and of which the planner knows nothing: nested loops are
-- ruled out, which could be slow by the square, and so is JIT, which the price of ruling them out would call.
--
-- How prices are judged.  An order earns its quantities at the prices of their cells, less its own prices.  Who is taken
-- above his least earns no less than nothing, who is not taken whole earns no more: otherwise he, or the exchange, would
-- rather have it otherwise.  Three things excuse: being left out altogether, where an order cannot be divided (a
-- paradoxical rejection, which pricing 'marginal' allows); a link or a limit that holds it down, as a child that waits
-- for its parent, or as one that takes room which is scarce; a link or a limit that holds it up, as a parent that a child
-- pays for, or as energy that must run for the sake of its reserve.

CREATE FUNCTION judge_clearing(result jsonb, orders text, cells text, terms text, exclusions text, links text, limits text, flows text, pricing text, surplus_share float8, max_gap float8, max_gap_cost float8, path text)
RETURNS TABLE (rule text, subject text, holds boolean, detail text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  leg_order bigint[];
  leg_cell bigint[];
  leg_quantity float8[];
  leg_price float8[];
  cell_id bigint[];
  cell_requirement float8[];
  cell_ceiling float8[];
  cell_at_least boolean[];
  term_order bigint[];
  term_minimum float8[];
  term_fixed float8[];
  exclusion_id bigint[];
  exclusion_order bigint[];
  link_child bigint[];
  link_parent bigint[];
  limit_of bigint[];
  limit_order bigint[];
  limit_coefficient float8[];
  limit_most float8[];
  flow_from bigint[];
  flow_to bigint[];
  flow_least float8[];
  flow_most float8[];
  flow_loss float8[];
  answer_order bigint[];
  answer_share float8[];
  answer_reason text[];
  answer_displaced bigint[];
  answer_cell bigint[];
  answer_price float8[];
  answer_shadow float8[];
  answer_highest float8[];
  answer_quantity float8[];
  answer_shortfall float8[];
  answer_setter bigint[];
  answer_flow float8[];
BEGIN
  IF pricing IS NULL OR pricing NOT IN ('marginal', 'highest_accepted', 'none') THEN
    RAISE EXCEPTION 'pricing must be marginal, highest_accepted or none, not %', coalesce(pricing, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Say what clear_orders() was told.';
  END IF;
  IF jsonb_typeof(result) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'result must be a row of clear_orders() as a JSON object, not %', coalesce(jsonb_typeof(result), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give to_jsonb(r), where r is the row.';
  END IF;

  -- the queries are the caller's, and so are the names in them
  PERFORM set_config('search_path', path, true);
  EXECUTE format('SELECT array_agg(q.order_id::bigint), array_agg(q.cell::bigint), array_agg(q.quantity::float8), array_agg(q.price::float8) FROM (%s) q', orders)
    INTO leg_order, leg_cell, leg_quantity, leg_price;
  IF cells IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.cell::bigint), array_agg(q.requirement::float8), array_agg(q.ceiling::float8), array_agg(q.at_least::boolean) FROM (%s) q', cells)
      INTO cell_id, cell_requirement, cell_ceiling, cell_at_least;
  END IF;
  IF terms IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.order_id::bigint), array_agg(q.minimum::float8), array_agg(q.fixed_cost::float8) FROM (%s) q', terms)
      INTO term_order, term_minimum, term_fixed;
  END IF;
  IF exclusions IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.exclusion::bigint), array_agg(q.order_id::bigint) FROM (%s) q', exclusions)
      INTO exclusion_id, exclusion_order;
  END IF;
  IF links IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.child::bigint), array_agg(q.parent::bigint) FROM (%s) q', links)
      INTO link_child, link_parent;
  END IF;
  IF limits IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.limit_id::bigint), array_agg(q.order_id::bigint), array_agg(q.coefficient::float8), array_agg(q.most::float8) FROM (%s) q', limits)
      INTO limit_of, limit_order, limit_coefficient, limit_most;
  END IF;
  IF flows IS NOT NULL THEN
    EXECUTE format('SELECT array_agg(q.from_cell::bigint), array_agg(q.to_cell::bigint), array_agg(q.least::float8), array_agg(q.most::float8), array_agg(q.loss::float8) FROM (%s) q', flows)
      INTO flow_from, flow_to, flow_least, flow_most, flow_loss;
  END IF;
  PERFORM set_config('search_path', 'pg_catalog, pg_temp', true);

  answer_order := ARRAY(SELECT e.v::bigint FROM jsonb_array_elements_text(result -> 'order_id') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_share := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'share') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_reason := ARRAY(SELECT e.v FROM jsonb_array_elements_text(result -> 'reason') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_displaced := ARRAY(SELECT e.v::bigint FROM jsonb_array_elements_text(result -> 'displaced_by') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_cell := ARRAY(SELECT e.v::bigint FROM jsonb_array_elements_text(result -> 'cell') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_price := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'price') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_shadow := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'shadow_price') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_highest := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'highest_price') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_quantity := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'quantity') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_shortfall := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'shortfall') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_setter := ARRAY(SELECT e.v::bigint FROM jsonb_array_elements_text(result -> 'price_setter') WITH ORDINALITY AS e (v, place) ORDER BY e.place);
  answer_flow := ARRAY(SELECT e.v::float8 FROM jsonb_array_elements_text(result -> 'flow') WITH ORDINALITY AS e (v, place) ORDER BY e.place);

  RETURN QUERY
  WITH RECURSIVE leg AS MATERIALIZED (
    SELECT l.order_id, l.cell, sum(l.quantity) AS quantity, sum(l.quantity * l.price) AS value,
           max(l.price) FILTER (WHERE l.quantity > 0) AS highest, sum(l.quantity) FILTER (WHERE l.quantity > 0) AS sold
    FROM unnest(leg_order, leg_cell, leg_quantity, leg_price) AS l (order_id, cell, quantity, price) GROUP BY l.order_id, l.cell
  ), excluded AS MATERIALIZED (
    SELECT DISTINCT x.exclusion, x.order_id FROM unnest(exclusion_id, exclusion_order) AS x (exclusion, order_id)
  ), link AS MATERIALIZED (
    SELECT DISTINCT l.child, l.parent FROM unnest(link_child, link_parent) AS l (child, parent)
  ), limited AS MATERIALIZED (
    SELECT l.limit_id, l.order_id, sum(l.coefficient) AS coefficient, min(l.most) AS most
    FROM unnest(limit_of, limit_order, limit_coefficient, limit_most) AS l (limit_id, order_id, coefficient, most) GROUP BY l.limit_id, l.order_id
  ), flowing AS MATERIALIZED (
    SELECT f.place, f.from_cell, f.to_cell, f.least, f.most, coalesce(f.loss, 0) AS loss, f.flow
    FROM unnest(flow_from, flow_to, flow_least, flow_most, flow_loss, answer_flow) WITH ORDINALITY AS f (from_cell, to_cell, least, most, loss, flow, place) WHERE f.from_cell IS NOT NULL
  ),
  -- the answer, by order and by cell
  answered AS MATERIALIZED (
    SELECT a.order_id, a.share, a.reason, a.displaced_by FROM unnest(answer_order, answer_share, answer_reason, answer_displaced) AS a (order_id, share, reason, displaced_by) WHERE a.order_id IS NOT NULL
  ), priced AS MATERIALIZED (
    SELECT p.cell, p.price, p.shadow_price, p.highest_price, p.quantity, p.shortfall, p.price_setter
    FROM unnest(answer_cell, answer_price, answer_shadow, answer_highest, answer_quantity, answer_shortfall, answer_setter) AS p (cell, price, shadow_price, highest_price, quantity, shortfall, price_setter) WHERE p.cell IS NOT NULL
  ), ordered AS MATERIALIZED (
    SELECT l.order_id, coalesce(a.share, 0) AS share, a.reason, a.displaced_by, coalesce(t.minimum, 0) AS minimum, coalesce(t.fixed_cost, 0) AS fixed_cost, l.value,
           coalesce(t.minimum, 0) > 0 OR coalesce(t.fixed_cost, 0) <> 0 OR x.order_id IS NOT NULL AS indivisible, coalesce(a.share, 0) > 1e-7 AS taken
    FROM (SELECT l.order_id, sum(l.value) AS value FROM leg l GROUP BY l.order_id) l
    LEFT JOIN (SELECT a.order_id, max(a.share) AS share, max(a.reason) AS reason, max(a.displaced_by) AS displaced_by FROM answered a GROUP BY a.order_id) a USING (order_id)
    LEFT JOIN (SELECT t.order_id, max(t.minimum) AS minimum, max(t.fixed_cost) AS fixed_cost FROM unnest(term_order, term_minimum, term_fixed) AS t (order_id, minimum, fixed_cost) GROUP BY t.order_id) t USING (order_id)
    LEFT JOIN (SELECT DISTINCT x.order_id FROM excluded x) x USING (order_id)
  ), traded AS (
    SELECT l.cell, sum(l.quantity * o.share) AS net, sum(l.sold * o.share) AS sold, sum(abs(l.quantity) * o.share) AS turnover, max(l.highest) FILTER (WHERE o.taken) AS highest
    FROM leg l JOIN ordered o USING (order_id) GROUP BY l.cell
  ), carried AS (
    SELECT e.cell, sum(e.quantity) AS net, sum(abs(e.quantity)) AS turnover
    FROM (SELECT f.from_cell AS cell, -f.flow AS quantity FROM flowing f UNION ALL SELECT f.to_cell, f.flow * (1 - f.loss) FROM flowing f) e GROUP BY e.cell
  ), cell AS MATERIALIZED (
    SELECT n.cell, coalesce(c.requirement, 0) AS requirement, coalesce(c.ceiling, 0) AS ceiling, coalesce(c.at_least, false) AS at_least,
           p.price, p.shadow_price, p.highest_price, p.quantity, p.shortfall, p.price_setter, t.highest, coalesce(t.sold, 0) AS sold, coalesce(t.turnover, 0) + coalesce(f.turnover, 0) AS turnover, z.slack,
           -- the price that clears it: what is published, where that is meant to clear
           CASE pricing WHEN 'marginal' THEN p.price ELSE p.shadow_price END AS worth,
           -- what the orders leave to be met, nothing where it is nothing but rounding
           CASE WHEN abs(z.missing) <= z.slack THEN 0 ELSE z.missing END AS missing
    FROM (SELECT l.cell FROM leg l UNION SELECT unnest(cell_id) UNION SELECT unnest(flow_from) UNION SELECT unnest(flow_to)) n
    LEFT JOIN unnest(cell_id, cell_requirement, cell_ceiling, cell_at_least) AS c (cell, requirement, ceiling, at_least) USING (cell)
    LEFT JOIN priced p USING (cell) LEFT JOIN traded t USING (cell) LEFT JOIN carried f USING (cell),
    LATERAL (SELECT coalesce(c.requirement, 0) - coalesce(t.net, 0) - coalesce(f.net, 0) AS missing, 1e-6 * greatest(1, coalesce(c.requirement, 0) + coalesce(t.turnover, 0) + coalesce(f.turnover, 0)) AS slack) z
  ), money AS MATERIALIZED (
    SELECT o.cost + c.cost AS cost, 1e-6 * greatest(1, o.size + c.size) AS slack, (result ->> 'cost')::float8 AS stated, (result ->> 'bound')::float8 AS bound, (result ->> 'gap')::float8 AS gap
    FROM (SELECT coalesce(sum(o.share * o.value + CASE WHEN o.taken THEN o.fixed_cost ELSE 0 END), 0) AS cost, coalesce(sum(abs(o.share * o.value) + CASE WHEN o.taken THEN abs(o.fixed_cost) ELSE 0 END), 0) AS size FROM ordered o) o,
         (SELECT coalesce(sum(c.ceiling * greatest(c.missing, 0)), 0) AS cost, coalesce(sum(abs(c.ceiling) * greatest(c.missing, 0)), 0) AS size FROM cell c) c
  ),
  -- what an order earns, whole, and what links and limits excuse
  used AS MATERIALIZED (
    SELECT l.limit_id, sum(l.coefficient * o.share) AS used, min(l.most) AS most, 1e-6 * greatest(1, sum(abs(l.coefficient) * o.share)) AS slack FROM limited l JOIN ordered o USING (order_id) GROUP BY l.limit_id
  ), tight AS MATERIALIZED (
    SELECT l.child, l.parent FROM link l JOIN ordered c ON c.order_id = l.child JOIN ordered p ON p.order_id = l.parent WHERE c.share >= p.share - 1e-7
  ), binding AS MATERIALIZED (
    SELECT l.order_id, bool_or(l.coefficient > 0) AS down, bool_or(l.coefficient < 0) AS up FROM limited l JOIN used u USING (limit_id) WHERE u.used >= u.most - u.slack GROUP BY l.order_id
  ), earner AS MATERIALIZED (
    SELECT o.order_id, o.share, o.minimum, o.fixed_cost, o.indivisible, o.taken, o.reason, e.earns, 1e-6 * greatest(1, e.size) AS slack,
           coalesce(b.down, false) OR d.order_id IS NOT NULL AS held_down, coalesce(b.up, false) AS held_up_by_limit, u.order_id IS NOT NULL AS held_up_by_child
    FROM ordered o
    JOIN (SELECT l.order_id, CASE WHEN count(c.worth) = count(*) THEN sum(l.quantity * c.worth - l.value) END AS earns, sum(abs(l.quantity * c.worth) + abs(l.value)) AS size FROM leg l JOIN cell c USING (cell) GROUP BY l.order_id) e USING (order_id)
    LEFT JOIN binding b USING (order_id)
    LEFT JOIN (SELECT DISTINCT t.child AS order_id FROM tight t) d USING (order_id)
    LEFT JOIN (SELECT DISTINCT t.parent AS order_id FROM tight t) u USING (order_id)
  ), family AS (
    SELECT e.order_id AS head, e.order_id FROM earner e WHERE pricing = 'marginal' AND e.taken AND e.indivisible
    UNION
    SELECT f.head, t.child FROM family f JOIN tight t ON t.parent = f.order_id JOIN earner c ON c.order_id = t.child WHERE c.taken
  ),
  -- each order by itself: how far it can go with all others as they are, and what that would save
  room AS (
    SELECT r.order_id, max(r.least) AS least, min(r.most) AS most
    FROM (SELECT o.order_id, 0::float8 AS least, 1::float8 AS most FROM ordered o
          UNION ALL SELECT l.child, 0, p.share FROM link l JOIN ordered p ON p.order_id = l.parent
          UNION ALL SELECT l.parent, c.share, 1 FROM link l JOIN ordered c ON c.order_id = l.child
          UNION ALL SELECT x.order_id, 0, 0 FROM excluded x JOIN excluded y ON y.exclusion = x.exclusion AND y.order_id <> x.order_id JOIN ordered o ON o.order_id = y.order_id WHERE o.taken
          UNION ALL SELECT l.order_id, CASE WHEN l.coefficient < 0 THEN o.share + greatest(u.most - u.used, 0) / l.coefficient ELSE 0 END, CASE WHEN l.coefficient > 0 THEN o.share + greatest(u.most - u.used, 0) / l.coefficient ELSE 1 END
                    FROM limited l JOIN used u USING (limit_id) JOIN ordered o USING (order_id)
          UNION ALL SELECT l.order_id,
                           CASE WHEN l.quantity > 0 THEN o.share + least(c.missing - c.requirement, 0) / l.quantity WHEN l.quantity < 0 AND NOT c.at_least THEN o.share + greatest(c.missing, 0) / l.quantity ELSE 0 END,
                           CASE WHEN l.quantity < 0 THEN o.share + least(c.missing - c.requirement, 0) / l.quantity WHEN l.quantity > 0 AND NOT c.at_least THEN o.share + greatest(c.missing, 0) / l.quantity ELSE 1 END
                    FROM leg l JOIN cell c USING (cell) JOIN ordered o USING (order_id)) r
    GROUP BY r.order_id
  ), ranged AS MATERIALIZED (
    SELECT o.order_id, o.share, o.value, o.fixed_cost, o.taken, o.indivisible, least(r.least, o.share) <= 1e-9 AS can_be_out, greatest(least(r.least, o.share), o.minimum) AS least, least(greatest(r.most, o.share), 1) AS most
    FROM ordered o JOIN room r USING (order_id)
  ), place AS MATERIALIZED (
    SELECT DISTINCT p.order_id, p.there
    FROM (SELECT r.order_id, r.share, 0::float8 AS there FROM ranged r WHERE r.can_be_out
          UNION ALL SELECT r.order_id, r.share, unnest(ARRAY[r.least, r.most]) FROM ranged r WHERE r.least <= r.most
          UNION ALL SELECT r.order_id, r.share, r.share + c.missing / l.quantity FROM ranged r JOIN leg l USING (order_id) JOIN cell c USING (cell)
                    WHERE c.at_least AND l.quantity <> 0 AND c.ceiling <> 0 AND r.share + c.missing / l.quantity > r.least AND r.share + c.missing / l.quantity < r.most) p
    WHERE abs(p.there - p.share) > 1e-7
  ), met AS (
    SELECT p.order_id, p.there, sum(c.ceiling * (greatest(c.missing - l.quantity * (p.there - r.share), 0) - greatest(c.missing, 0))) AS added
    FROM place p JOIN ranged r USING (order_id) JOIN leg l USING (order_id) JOIN cell c USING (cell) GROUP BY p.order_id, p.there
  ), moved AS (
    SELECT m.order_id, m.there, r.indivisible AND (m.there > 1e-7) <> r.taken AS flips, (m.there - r.share) * r.value + r.fixed_cost * ((m.there > 1e-7)::integer - r.taken::integer) + m.added AS added
    FROM met m JOIN ranged r USING (order_id)
  ), best_move AS (
    SELECT DISTINCT ON (m.order_id) m.order_id, m.there, m.flips, m.added
    FROM moved m, money y WHERE NOT (m.flips AND pricing = 'marginal')
    ORDER BY m.order_id, m.added + CASE WHEN m.flips THEN greatest(y.stated - y.bound, 0) ELSE 0 END
  ),
  -- what can be the reason of a rejection
  barred AS (
    SELECT DISTINCT x.order_id FROM excluded x JOIN excluded y USING (exclusion) JOIN ordered t ON t.order_id = y.order_id WHERE y.order_id <> x.order_id AND t.taken
  ), orphaned AS (
    SELECT DISTINCT l.child AS order_id FROM link l JOIN ordered p ON p.order_id = l.parent WHERE NOT p.taken
  ), in_limit AS (
    SELECT DISTINCT l.order_id FROM limited l
  ), clearing_price AS (
    SELECT CASE pricing WHEN 'marginal' THEN 'price' ELSE 'shadow_price' END AS rule
  ),
  finding AS (
    -- nothing left out, nothing twice, nothing invented
    SELECT 'complete' AS rule, 'order ' || coalesce(o.order_id, a.order_id) AS subject, o.order_id IS NOT NULL AND a.times = 1 AND a.shares = 1 AS holds,
           CASE WHEN o.order_id IS NULL THEN 'answered, not asked' WHEN a.order_id IS NULL THEN 'asked, not answered' ELSE format('answered %s times, %s shares', a.times, a.shares) END AS detail
    FROM ordered o FULL JOIN (SELECT a.order_id, count(*) AS times, count(a.share) AS shares FROM answered a GROUP BY a.order_id) a USING (order_id)
    UNION ALL
    SELECT 'complete', 'cell ' || coalesce(c.cell, p.cell), c.cell IS NOT NULL AND p.times = 1,
           CASE WHEN c.cell IS NULL THEN 'answered, not asked' WHEN p.cell IS NULL THEN 'asked, not answered' ELSE format('answered %s times', p.times) END
    FROM cell c FULL JOIN (SELECT p.cell, count(*) AS times FROM priced p GROUP BY p.cell) p USING (cell)
    UNION ALL
    SELECT 'complete', a.name, jsonb_array_length(result -> a.name) = jsonb_array_length(result -> a.beside), format('%s values beside %s of %s', jsonb_array_length(result -> a.name), jsonb_array_length(result -> a.beside), a.beside)
    FROM (VALUES ('share', 'order_id'), ('reason', 'order_id'), ('displaced_by', 'order_id'), ('price', 'cell'), ('shadow_price', 'cell'), ('highest_price', 'cell'), ('quantity', 'cell'), ('shortfall', 'cell'), ('price_setter', 'cell')) AS a (name, beside)
    UNION ALL
    SELECT 'complete', 'flow', coalesce(jsonb_array_length(CASE jsonb_typeof(result -> 'flow') WHEN 'array' THEN result -> 'flow' END), 0) = coalesce(cardinality(flow_from), 0), format('%s flows asked', coalesce(cardinality(flow_from), 0))
    UNION ALL
    SELECT 'share', 'order ' || o.order_id, o.share BETWEEN -1e-7 AND 1 + 1e-7 AND (NOT o.taken OR o.share >= o.minimum - 1e-7), format('%s, either nothing or from %s to 1', o.share, o.minimum) FROM ordered o
    UNION ALL
    SELECT 'exclusion', 'exclusion ' || x.exclusion, count(*) FILTER (WHERE o.taken) <= 1, format('accepted: %s', coalesce(string_agg(o.order_id::text, ', ' ORDER BY o.order_id) FILTER (WHERE o.taken), 'none'))
    FROM excluded x JOIN ordered o USING (order_id) GROUP BY x.exclusion
    UNION ALL
    SELECT 'link', format('order %s, parent %s', l.child, l.parent), c.share <= p.share + 1e-7, format('%s of the child, %s of the parent', c.share, p.share)
    FROM link l JOIN ordered c ON c.order_id = l.child JOIN ordered p ON p.order_id = l.parent
    UNION ALL
    SELECT 'limit', 'limit ' || u.limit_id, u.used <= u.most + u.slack, format('%s, at most %s', u.used, u.most) FROM used u
    UNION ALL
    SELECT 'flow', 'flow ' || f.place, f.flow BETWEEN f.least - 1e-6 * greatest(1, abs(f.least)) AND f.most + 1e-6 * greatest(1, abs(f.most)), format('%s, from %s to %s', f.flow, f.least, f.most) FROM flowing f
    UNION ALL
    SELECT 'balance', 'cell ' || c.cell, c.missing <= c.requirement + c.slack AND (c.at_least OR c.missing >= -c.slack),
           CASE WHEN c.missing >= 0 THEN format('short of %s, required %s', c.missing, c.requirement) ELSE format('%s too much', -c.missing) END FROM cell c
    UNION ALL
    SELECT 'shortfall', 'cell ' || c.cell, abs(c.shortfall - greatest(c.missing, 0)) <= c.slack, format('stated %s, found %s', c.shortfall, greatest(c.missing, 0)) FROM cell c
    UNION ALL
    SELECT 'quantity', 'cell ' || c.cell, abs(c.quantity - c.sold) <= c.slack, format('stated %s, sold %s', c.quantity, c.sold) FROM cell c
    UNION ALL
    SELECT 'cost', '', abs(m.stated - m.cost) <= m.slack, format('stated %s, found %s', m.stated, m.cost) FROM money m
    UNION ALL
    SELECT 'bound', '', m.bound <= m.stated + m.slack, format('at least %s, stated %s', m.bound, m.stated) FROM money m
    UNION ALL
    SELECT 'gap', '', abs(m.gap - greatest(m.stated - m.bound, 0) / greatest(abs(m.stated), 1e-9)) <= 1e-6 AND (result ->> 'status' <> 'optimal' OR m.gap <= max_gap + 1e-9 OR m.stated - m.bound <= max_gap_cost + m.slack) AND result ->> 'status' IN ('optimal', 'time_limit'),
           format('%s: stated %s, found %s, asked for %s', result ->> 'status', m.gap, greatest(m.stated - m.bound, 0) / greatest(abs(m.stated), 1e-9), max_gap) FROM money m

    -- prices
    UNION ALL
    SELECT 'price', 'cell ' || c.cell, CASE WHEN c.missing > 0 THEN abs(c.price - c.ceiling) <= 1e-6 * greatest(1, abs(c.ceiling)) ELSE abs(c.price - c.highest) <= 1e-6 * greatest(1, abs(c.highest)) END,
           format('%s, %s', c.price, CASE WHEN c.missing > 0 THEN format('short below a ceiling of %s', c.ceiling) ELSE format('highest accepted %s', c.highest) END)
    FROM cell c WHERE pricing = 'highest_accepted' AND (c.missing > 0 OR c.highest IS NOT NULL)
    UNION ALL
    SELECT p.rule, 'cell ' || c.cell,
           CASE WHEN c.worth IS NULL THEN c.missing = 0 AND c.turnover <= c.slack   -- where nothing is traded there may be no price
                ELSE (c.requirement <= c.slack OR c.missing < c.slack OR c.worth >= c.ceiling - e.slack) AND (c.requirement <= c.slack OR c.missing > c.requirement - c.slack OR c.worth <= c.ceiling + e.slack)
                     AND (NOT c.at_least OR c.worth >= -e.slack) AND (c.missing >= 0 OR abs(c.worth) <= e.slack) END,
           format('%s with a ceiling of %s, %s', coalesce(c.worth::text, 'none'), c.ceiling, CASE WHEN c.missing > 0 THEN format('short of %s of %s', c.missing, c.requirement) WHEN c.missing < 0 THEN format('%s too much', -c.missing) ELSE 'all met' END)
    FROM cell c, clearing_price p, LATERAL (SELECT 1e-6 * greatest(1, abs(c.worth), abs(c.ceiling)) AS slack) e
    UNION ALL
    SELECT p.rule, 'flow ' || f.place, a.worth IS NULL OR b.worth IS NULL OR f.most - f.least <= 1e-7 OR ((f.flow >= f.most - 1e-7 OR e.gain <= e.slack) AND (f.flow <= f.least + 1e-7 OR e.gain >= -e.slack)),
           format('%s from %s to %s, carried from a price of %s to %s', f.flow, f.least, f.most, a.worth, b.worth)
    FROM flowing f JOIN cell a ON a.cell = f.from_cell JOIN cell b ON b.cell = f.to_cell, clearing_price p, LATERAL (SELECT (1 - f.loss) * b.worth - a.worth AS gain, 1e-6 * greatest(1, abs(a.worth), abs(b.worth)) AS slack) e
    UNION ALL
    SELECT p.rule, 'order ' || e.order_id, e.earns IS NULL AND NOT e.taken OR (e.share >= 1 - 1e-7 OR e.held_down OR e.earns <= e.slack) AND (e.share <= CASE WHEN e.indivisible THEN e.minimum ELSE 0 END + 1e-7 OR e.held_up_by_limit OR e.held_up_by_child OR e.earns >= -e.slack),
           format('share %s, earns %s at its share of 1', e.share, e.earns)
    FROM earner e, clearing_price p WHERE e.taken OR NOT e.indivisible
    UNION ALL
    SELECT 'no_loss', 'order ' || e.order_id, bool_or(m.held_up_by_limit) OR sum(m.share * m.earns - m.fixed_cost) >= -sum(m.slack),
           format('earns %s%s', sum(m.share * m.earns - m.fixed_cost), CASE WHEN count(*) > 1 THEN format(' with %s that follow it', count(*) - 1) ELSE '' END)
    FROM earner e JOIN family f ON f.head = e.order_id JOIN earner m ON m.order_id = f.order_id GROUP BY e.order_id
    UNION ALL
    SELECT 'surplus_share', 'cell ' || c.cell, abs(c.price - c.shadow_price - surplus_share * (c.highest_price - c.shadow_price)) <= 1e-6 * greatest(1, abs(c.price), abs(c.shadow_price), abs(c.highest_price)),
           format('%s, a share of %s from %s to %s', c.price, surplus_share, c.shadow_price, c.highest_price)
    FROM cell c WHERE pricing = 'marginal' AND c.shadow_price IS NOT NULL AND c.highest_price IS NOT NULL
    UNION ALL
    SELECT 'price_setter', 'cell ' || c.cell, o.taken AND abs(l.priced - coalesce(c.price, c.shadow_price)) <= 1e-6 * greatest(1, abs(l.priced)), format('order %s, share %s, priced %s of %s', c.price_setter, o.share, l.priced, coalesce(c.price, c.shadow_price))
    FROM cell c LEFT JOIN ordered o ON o.order_id = c.price_setter LEFT JOIN (SELECT l.order_id, l.cell, l.value / l.quantity AS priced FROM leg l WHERE l.quantity <> 0) l ON l.order_id = c.price_setter AND l.cell = c.cell WHERE c.price_setter IS NOT NULL

    -- no better acceptance of one order
    UNION ALL
    SELECT 'one_order', 'order ' || o.order_id, m.added IS NULL OR m.added >= -(CASE WHEN m.flips THEN greatest(y.stated - y.bound, 0) ELSE 0 END) - y.slack,
           CASE WHEN m.added < 0 THEN format('share %s instead of %s would save %s', m.there, o.share, -m.added) ELSE 'nothing to save' END
    FROM money y, ordered o LEFT JOIN best_move m USING (order_id)

    -- reasons
    UNION ALL
    SELECT 'reason', 'order ' || o.order_id,
           CASE o.reason
             WHEN 'accepted' THEN o.share >= 1 - 1e-7
             WHEN 'part' THEN o.taken AND o.share < 1 - 1e-7
             WHEN 'excluded' THEN NOT o.taken AND b.order_id IS NOT NULL
             WHEN 'parent_rejected' THEN NOT o.taken AND p.order_id IS NOT NULL
             WHEN 'limited' THEN NOT o.taken AND l.order_id IS NOT NULL
             WHEN 'minimum_not_reached' THEN NOT o.taken AND o.indivisible
             WHEN 'paradoxically_rejected' THEN NOT o.taken AND o.indivisible
             WHEN 'too_dear' THEN NOT o.taken AND (pricing <> 'marginal' OR e.earns IS NULL OR e.earns <= e.slack + o.fixed_cost)
             WHEN 'tied' THEN NOT o.taken AND (pricing <> 'marginal' OR e.earns IS NULL OR abs(e.earns - o.fixed_cost) <= e.slack)
             ELSE false END,
           format('%s, share %s, would earn %s less %s', coalesce(o.reason, 'no reason'), o.share, e.earns, o.fixed_cost)
    FROM ordered o JOIN earner e USING (order_id) LEFT JOIN barred b USING (order_id) LEFT JOIN orphaned p USING (order_id) LEFT JOIN in_limit l USING (order_id)
    UNION ALL
    SELECT 'displaced_by', 'order ' || o.order_id, (t.taken OR o.reason = 'parent_rejected') AND t.order_id <> o.order_id AND o.share < 1 - 1e-7, format('share %s, displaced by order %s of share %s', o.share, o.displaced_by, t.share)
    FROM ordered o LEFT JOIN ordered t ON t.order_id = o.displaced_by WHERE o.displaced_by IS NOT NULL
  )
  SELECT f.rule, NULL::text, true, count(*) || ' checked' FROM finding f WHERE f.holds GROUP BY f.rule
  UNION ALL
  SELECT f.rule, nullif(f.subject, ''), false, f.detail FROM finding f WHERE f.holds IS NOT TRUE
  ORDER BY 1, 3 DESC, 2;
END
$function$;
COMMENT ON FUNCTION judge_clearing(jsonb, text, text, text, text, text, text, text, text, float8, float8, float8, text) IS
  'what check_clearing() calls, with the search path of its caller for the queries; errors 22023 for another pricing or a result that is no object, and those of the queries';

CREATE FUNCTION check_clearing(result jsonb, orders text, cells text DEFAULT NULL, terms text DEFAULT NULL, exclusions text DEFAULT NULL, links text DEFAULT NULL,
                               limits text DEFAULT NULL, flows text DEFAULT NULL, pricing text DEFAULT 'marginal', surplus_share float8 DEFAULT 0, max_gap float8 DEFAULT 0.0001, max_gap_cost float8 DEFAULT 0)
RETURNS TABLE (rule text, subject text, holds boolean, detail text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT j.rule, j.subject, j.holds, j.detail
  FROM judge_clearing(result, orders, cells, terms, exclusions, links, limits, flows, pricing, surplus_share, max_gap, max_gap_cost, current_setting('search_path')) j;
END;
COMMENT ON FUNCTION check_clearing(jsonb, text, text, text, text, text, text, text, text, float8, float8, float8) IS
  'judges a row of clear_orders(), as JSON, by the queries and options that it was asked with, independently of the solver: a row for each rule that holds, saying how often it was tried, and one for each order, cell, limit or flow where it does not. '
  'Rules: complete; share, exclusion, link, limit, flow, balance (feasible); shortfall, quantity, cost, bound, gap (adds up); price, no_loss, price_setter (prices as the pricing says); one_order (no order taken differently, all others as they are, would cost less); reason, displaced_by. '
  'Errors: 22023, and those of the queries';
