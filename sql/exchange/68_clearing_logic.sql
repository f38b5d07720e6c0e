-- archetype: thick
-- Clearing: a competition becomes orders and cells, the engine clears them, the rules engine is asked whether
-- the awards would stand, and what would not is ruled out until all do.  Then come the awards.
--
--   bids, requirements, transfer limits --compile_clearing()--> clearing_order, _leg, _cell, ...
--      ^                                                            |
--      |                                       solve_clearing(): flexexchange.clear_orders()
--      |                                                            v
--   awards <--award_competition()-- clearing_bid <------- shares, prices, reasons
--                                        ^                          |
--                                        +--- try_clearing(): as awards, against the rules; what they
--                                             would not let stand becomes a limit, and it is cleared again

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['clearing', 'clearing_cell', 'clearing_order', 'clearing_leg', 'clearing_exclusion', 'clearing_limit', 'clearing_flow', 'clearing_bid']) t;
-- written by clear_competition() alone
REVOKE INSERT, UPDATE, DELETE ON clearing, clearing_cell, clearing_order, clearing_leg, clearing_exclusion, clearing_limit, clearing_flow, clearing_bid FROM flexexchange_operator;
GRANT SELECT ON clearing, clearing_cell, clearing_order, clearing_leg, clearing_exclusion, clearing_limit, clearing_flow, clearing_bid TO flexexchange_participant;

CREATE OR REPLACE FUNCTION published_competition_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.id FROM competition c WHERE c.status IN ('awarded', 'challenged', 'final');
END;
COMMENT ON FUNCTION published_competition_ids() IS 'the competitions of which the result is out';
REVOKE ALL ON FUNCTION published_competition_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION published_competition_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

DROP POLICY IF EXISTS clearing_read ON clearing;
CREATE POLICY clearing_read ON clearing FOR SELECT TO flexexchange_participant
  USING (competition_id = ANY (ARRAY(SELECT published_competition_ids()))
         OR competition_id = ANY (ARRAY(SELECT c.id FROM competition c WHERE c.product_id = ANY (ARRAY(SELECT own_product_ids())))));
COMMENT ON POLICY clearing_read ON clearing IS 'CLEAR-1: weights, cost and gap of a clearing are read by its buyer, and by everybody who takes part once the awards are out';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['clearing_cell', 'clearing_flow'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant USING (EXISTS (SELECT FROM clearing c WHERE c.id = clearing_id))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''CLEAR-2: whoever reads a clearing reads what had to be met, and at what price''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['clearing_leg', 'clearing_exclusion', 'clearing_limit'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant
      USING (EXISTS (SELECT FROM clearing_order o WHERE o.clearing_id = %1$I.clearing_id AND o.order_id = %1$I.order_id))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''CLEAR-3: whoever reads a bid reads what it was made into''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS clearing_order_read ON clearing_order;
CREATE POLICY clearing_order_read ON clearing_order FOR SELECT TO flexexchange_participant
  USING (EXISTS (SELECT FROM clearing c WHERE c.id = clearing_id) AND EXISTS (SELECT FROM bid b WHERE b.id = whole_id));
COMMENT ON POLICY clearing_order_read ON clearing_order IS 'CLEAR-3: whoever reads a bid reads what it was made into';
DROP POLICY IF EXISTS clearing_bid_read ON clearing_bid;
CREATE POLICY clearing_bid_read ON clearing_bid FOR SELECT TO flexexchange_participant
  USING (EXISTS (SELECT FROM clearing c WHERE c.id = clearing_id) AND EXISTS (SELECT FROM bid b WHERE b.id = bid_id));
COMMENT ON POLICY clearing_bid_read ON clearing_bid IS 'CLEAR-4: whoever reads a bid reads its result, its provider once the awards are out';

-- ------------------------------------------------------------------ from a competition to orders

-- A bid with a least power is that power, all or nothing, and what its steps have beyond it.
CREATE OR REPLACE VIEW bid_piece WITH (security_invoker = true) AS
  WITH least AS (
    SELECT b.id, b.competition_id, b.power_kw, b.availability_price_per_mw_h, b.utilisation_price_per_mwh, t.minimum_share, t.minimum_kw,
           coalesce(t.minimum_kw, t.minimum_share * b.power_kw, 0) AS least_kw
    FROM bid b LEFT JOIN bid_terms t ON t.bid_id = b.id WHERE b.status = 'submitted'),
  step AS (
    SELECT l.id AS bid_id, l.competition_id, l.least_kw, s.step, s.power_kw, coalesce(s.availability_price_per_mw_h, 0) AS availability_price_per_mw_h, coalesce(s.utilisation_price_per_mwh, 0) AS utilisation_price_per_mwh,
           least(greatest(l.least_kw - (sum(s.power_kw) OVER (PARTITION BY s.bid_id ORDER BY s.step) - s.power_kw), 0), s.power_kw) AS below_kw
    FROM least l JOIN bid_step s ON s.bid_id = l.id)
  SELECT l.id AS bid_id, l.competition_id, 0 AS piece, l.power_kw, coalesce(l.availability_price_per_mw_h, 0) AS availability_price_per_mw_h, coalesce(l.utilisation_price_per_mwh, 0) AS utilisation_price_per_mwh,
         least(l.least_kw / l.power_kw, 1) AS minimum
  FROM least l WHERE NOT EXISTS (SELECT FROM bid_step s WHERE s.bid_id = l.id)
  UNION ALL
  SELECT s.bid_id, s.competition_id, 0, sum(s.below_kw), sum(s.below_kw * s.availability_price_per_mw_h) / sum(s.below_kw), sum(s.below_kw * s.utilisation_price_per_mwh) / sum(s.below_kw), 1
  FROM step s WHERE s.below_kw > 0 GROUP BY s.bid_id, s.competition_id
  UNION ALL
  SELECT s.bid_id, s.competition_id, s.step, s.power_kw - s.below_kw, s.availability_price_per_mw_h, s.utilisation_price_per_mwh, 0
  FROM step s WHERE s.power_kw > s.below_kw;
COMMENT ON VIEW bid_piece IS 'bids that stand, in pieces: whole, or so much as is the least that it takes (piece 0) and each step beyond';
COMMENT ON COLUMN bid_piece.bid_id IS 'the bid';
COMMENT ON COLUMN bid_piece.competition_id IS 'the competition';
COMMENT ON COLUMN bid_piece.piece IS '0, or the step';
COMMENT ON COLUMN bid_piece.power_kw IS 'power, kW';
COMMENT ON COLUMN bid_piece.availability_price_per_mw_h IS 'price for being available, in the currency of the market per MW and hour; 0: none';
COMMENT ON COLUMN bid_piece.utilisation_price_per_mwh IS 'price for delivering, in the currency of the market per MWh; 0: none';
COMMENT ON COLUMN bid_piece.minimum IS 'least share, if it is accepted at all';
GRANT SELECT ON bid_piece TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- The first piece of a bid or block, and each bid or block that it hangs on.
CREATE OR REPLACE FUNCTION clearing_ties(clearing_id bigint) RETURNS TABLE (child_id bigint, parent_whole_id bigint, number bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH first AS (SELECT o.* FROM clearing_order o WHERE o.clearing_id = clearing_ties.clearing_id
                   AND o.piece = (SELECT min(x.piece) FROM clearing_order x WHERE x.clearing_id = o.clearing_id AND x.whole_id = o.whole_id)),
  of_bid AS (SELECT DISTINCT l.bid_id, f.order_id, f.whole_id FROM first f JOIN clearing_leg l ON l.clearing_id = f.clearing_id AND l.order_id = f.order_id)
  SELECT t.child_id, t.parent_whole_id, row_number() OVER (PARTITION BY t.child_id ORDER BY t.parent_whole_id)
  FROM (SELECT DISTINCT child.order_id AS child_id, coalesce(parent.whole_id, k.parent_bid_id) AS parent_whole_id
        FROM bid_link k JOIN of_bid child ON child.bid_id = k.child_bid_id LEFT JOIN of_bid parent ON parent.bid_id = k.parent_bid_id) t
$function$;
COMMENT ON FUNCTION clearing_ties(bigint) IS 'which orders of a clearing hang on which bids or blocks, numbered for each';
REVOKE ALL ON FUNCTION clearing_ties(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION compile_clearing(clearing_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  c clearing;
  cuts timestamptz[];
  highest double precision;
BEGIN
  SELECT * INTO STRICT c FROM clearing x WHERE x.id = compile_clearing.clearing_id;

  -- windows are cut wherever a bid, a requirement or a transfer limit begins or ends
  SELECT array_agg(DISTINCT u.at ORDER BY u.at) INTO cuts
  FROM (SELECT r.delivery_window FROM competition_requirement r WHERE r.competition_id = c.competition_id
        UNION SELECT b.delivery_window FROM bid b WHERE b.competition_id = c.competition_id AND b.status = 'submitted'
        UNION SELECT t.delivery_window FROM competition_transfer_limit t WHERE t.competition_id = c.competition_id) x (w)
  CROSS JOIN LATERAL (VALUES (lower(x.w)), (upper(x.w))) u (at);
  INSERT INTO clearing_cell (clearing_id, cell, requirement_id, delivery_window, hours, utilisation_hours, required_kw, at_least, ceiling_per_kw)
  SELECT c.id, row_number() OVER (ORDER BY r.requirement_id, s.starts), r.requirement_id, time_window(s.starts, s.ends), h.hours, h.utilisation_hours, r.power_kw, r.at_least,
         -- worked out as a bid's price is below, to the last bit: a bid at the ceiling is not above it
         coalesce(c.cost_weight * CASE WHEN num_nonnulls(r.most_availability_price_per_mw_h, r.most_utilisation_price_per_mwh) > 0
                                       THEN (coalesce(r.most_availability_price_per_mw_h, 0)::float8 * h.hours + coalesce(r.most_utilisation_price_per_mwh, 0)::float8 * h.utilisation_hours) / 1000 END,
                  c.security_weight * c.unserved_price_per_mwh * h.hours / 1000, 0)
  FROM competition_cell r
  CROSS JOIN LATERAL (SELECT cuts[k] AS starts, cuts[k + 1] AS ends FROM generate_series(width_bucket(lower(r.delivery_window), cuts), width_bucket(upper(r.delivery_window), cuts) - 1) k) s
  CROSS JOIN LATERAL (SELECT (extract(epoch FROM s.ends - s.starts) / 3600)::float8 AS hours, (r.utilisation_hours * extract(epoch FROM s.ends - s.starts) / 3600 / nullif(r.hours, 0))::float8 AS utilisation_hours) h
  WHERE r.competition_id = c.competition_id;

  -- a block is one order at each place where all its bids can serve; of a block with a bid that is held nothing can be taken
  INSERT INTO clearing_order (clearing_id, order_id, whole_id, piece, lot_id, grid_node_id, minimum, fixed_cost)
  WITH served AS (
    SELECT DISTINCT s.bid_id, r.lot_id, r.grid_node_id
    FROM requirement_bids(c.competition_id) s JOIN competition_requirement r ON r.id = s.requirement_id JOIN bid b ON b.id = s.bid_id AND b.status = 'submitted'),
  whole AS (
    SELECT b.id AS bid_id, coalesce(k.whole_id, b.id) AS whole_id, k.whole_id IS NOT NULL AS is_block
    FROM bid b
    LEFT JOIN LATERAL (SELECT min(o.bid_id) FILTER (WHERE ob.status = 'submitted') AS whole_id, bool_or(ob.status = 'held') AS is_held
                       FROM bid_group_member m JOIN bid_group g ON g.id = m.bid_group_id AND g.kind = 'block' JOIN bid_group_member o ON o.bid_group_id = g.id JOIN bid ob ON ob.id = o.bid_id
                       WHERE m.bid_id = b.id) k ON true
    WHERE b.competition_id = c.competition_id AND b.status = 'submitted' AND NOT coalesce(k.is_held, false)),
  place AS (
    SELECT w.whole_id, s.lot_id, s.grid_node_id FROM whole w JOIN served s USING (bid_id) GROUP BY w.whole_id, s.lot_id, s.grid_node_id
    HAVING count(*) = (SELECT count(*) FROM whole x WHERE x.whole_id = w.whole_id)),
  piece AS (
    SELECT w.whole_id, CASE WHEN w.is_block THEN 0 ELSE p.piece END AS piece, max(CASE WHEN w.is_block AND p.piece > 0 THEN 0 ELSE p.minimum END) AS minimum,
           CASE WHEN p.piece = (SELECT min(q.piece) FROM bid_piece q WHERE q.bid_id = p.bid_id) THEN max(coalesce(t.start_up_cost, 0)) ELSE 0 END * c.cost_weight AS fixed_cost
    FROM whole w JOIN bid_piece p ON p.bid_id = w.bid_id LEFT JOIN bid_terms t ON t.bid_id = w.bid_id
    GROUP BY w.whole_id, w.is_block, CASE WHEN w.is_block THEN 0 ELSE p.piece END, p.piece, p.bid_id)
  SELECT c.id, row_number() OVER (ORDER BY p.whole_id, p.piece, l.lot_id, l.grid_node_id), p.whole_id, p.piece, l.lot_id, l.grid_node_id, max(p.minimum), sum(p.fixed_cost)
  FROM piece p JOIN place l USING (whole_id) GROUP BY p.whole_id, p.piece, l.lot_id, l.grid_node_id;

  INSERT INTO clearing_leg (clearing_id, order_id, cell, bid_id, power_kw, money_per_kw, extra_per_kw, score_per_kw)
  WITH member AS (
    SELECT o.order_id, o.piece, o.lot_id, o.grid_node_id, m.bid_id, g.id IS NOT NULL AS is_block
    FROM clearing_order o
    LEFT JOIN LATERAL (SELECT g.id FROM bid_group_member x JOIN bid_group g ON g.id = x.bid_group_id AND g.kind = 'block' WHERE x.bid_id = o.whole_id) g ON true
    CROSS JOIN LATERAL (SELECT o.whole_id AS bid_id WHERE g.id IS NULL UNION ALL SELECT x.bid_id FROM bid_group_member x JOIN bid b ON b.id = x.bid_id AND b.status = 'submitted' WHERE x.bid_group_id = g.id) m
    WHERE o.clearing_id = c.id),
  priced AS (
    SELECT m.order_id, m.lot_id, m.grid_node_id, m.bid_id, sum(p.power_kw) AS power_kw,
           CASE WHEN count(*) = 1 THEN min(p.availability_price_per_mw_h) ELSE sum(p.power_kw * p.availability_price_per_mw_h) / sum(p.power_kw) END::float8 AS availability,
           CASE WHEN count(*) = 1 THEN min(p.utilisation_price_per_mwh) ELSE sum(p.power_kw * p.utilisation_price_per_mwh) / sum(p.power_kw) END::float8 AS utilisation
    FROM member m JOIN bid_piece p ON p.bid_id = m.bid_id AND (m.is_block OR p.piece = m.piece) GROUP BY m.order_id, m.lot_id, m.grid_node_id, m.bid_id),
  leg AS (
    SELECT p.order_id, k.cell, p.bid_id, p.power_kw, (p.availability * k.hours + p.utilisation * k.utilisation_hours) / 1000 AS money,
           -- carbon that is not said weighs as the dirtiest that is
           c.carbon_weight * coalesce(t.carbon_g_per_kwh, (SELECT max(x.carbon_g_per_kwh) FROM bid_terms x WHERE x.competition_id = c.competition_id), 0) * k.utilisation_hours * coalesce(c.carbon_price_per_t, 0) / 1e6
           + c.security_weight * (1 - coalesce(t.reliability, 1)) * k.utilisation_hours * coalesce(c.unserved_price_per_mwh, 0) / 1000 AS extra
    FROM priced p JOIN bid b ON b.id = p.bid_id LEFT JOIN bid_terms t ON t.bid_id = p.bid_id
    JOIN competition_requirement r ON r.competition_id = c.competition_id AND r.product_id = b.product_id AND r.direction = b.direction
      AND r.lot_id IS NOT DISTINCT FROM p.lot_id AND r.grid_node_id IS NOT DISTINCT FROM p.grid_node_id AND r.delivery_window && b.delivery_window
    JOIN clearing_cell k ON k.clearing_id = c.id AND k.requirement_id = r.id AND k.delivery_window <@ b.delivery_window)
  SELECT c.id, l.order_id, l.cell, l.bid_id, l.power_kw, l.money, l.extra, c.cost_weight * l.money + l.extra FROM leg l;

  -- where nothing says what being short costs, it is bought whatever it costs
  SELECT max(l.score_per_kw) INTO highest FROM clearing_leg l WHERE l.clearing_id = c.id;
  UPDATE clearing_cell k SET ceiling_per_kw = 10 * greatest(highest, 1) WHERE k.clearing_id = c.id AND k.ceiling_per_kw = 0;

  -- the steps of a bid that is not to be divided freely hang on its first piece
  UPDATE clearing_order o SET parent_id = f.order_id
  FROM clearing_order f
  WHERE o.clearing_id = c.id AND f.clearing_id = c.id AND f.whole_id = o.whole_id AND f.lot_id IS NOT DISTINCT FROM o.lot_id AND f.grid_node_id IS NOT DISTINCT FROM o.grid_node_id AND o.piece > f.piece
    AND f.piece = (SELECT min(x.piece) FROM clearing_order x WHERE x.clearing_id = c.id AND x.whole_id = o.whole_id)
    AND (f.minimum > 0 OR f.fixed_cost > 0 OR EXISTS (SELECT FROM bid_group_member m JOIN bid_group g ON g.id = m.bid_group_id AND g.kind = 'exclusive' WHERE m.bid_id = o.whole_id)
         OR EXISTS (SELECT FROM bid_link l WHERE o.whole_id IN (l.child_bid_id, l.parent_bid_id))
         OR (SELECT count(*) FROM clearing_order x WHERE x.clearing_id = c.id AND x.whole_id = o.whole_id AND x.piece = f.piece) > 1);

  INSERT INTO clearing_exclusion (clearing_id, exclusion, order_id, because)
  SELECT DISTINCT c.id, g.id, o.order_id, 'group'
  FROM bid_group g JOIN bid_group_member m ON m.bid_group_id = g.id JOIN clearing_leg l ON l.bid_id = m.bid_id AND l.clearing_id = c.id
  JOIN clearing_order o ON o.clearing_id = c.id AND o.order_id = l.order_id
  WHERE g.competition_id = c.competition_id AND g.kind = 'exclusive' AND o.parent_id IS NULL
  UNION ALL
  SELECT c.id, -o.whole_id, o.order_id, 'place'
  FROM clearing_order o
  WHERE o.clearing_id = c.id AND o.parent_id IS NULL
    AND EXISTS (SELECT FROM clearing_order x WHERE x.clearing_id = c.id AND x.whole_id = o.whole_id AND x.piece = o.piece AND x.order_id <> o.order_id);

  -- a child hangs on its parent: as the engine has it where each is one order, by a limit elsewhere
  UPDATE clearing_order o SET parent_id = p.order_id
  FROM clearing_ties(c.id) t JOIN clearing_order p ON p.clearing_id = c.id AND p.whole_id = t.parent_whole_id AND p.parent_id IS NULL
  WHERE o.clearing_id = c.id AND o.order_id = t.child_id AND t.number = 1
    AND (SELECT count(*) FROM clearing_order x WHERE x.clearing_id = c.id AND x.whole_id = t.parent_whole_id AND x.parent_id IS NULL) = 1;
  -- one of which the parent hangs on another stands above it already
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because)
  SELECT c.id, -row_number() OVER (ORDER BY t.child_id, t.number) * 2, t.child_id, 1, 0, 'link'
  FROM clearing_ties(c.id) t JOIN clearing_order o ON o.clearing_id = c.id AND o.order_id = t.child_id
  WHERE NOT EXISTS (SELECT FROM clearing_order p WHERE p.clearing_id = c.id AND p.order_id = o.parent_id AND p.whole_id = t.parent_whole_id);
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because)
  SELECT c.id, m.limit_id, p.order_id, -1, 0, 'link'
  FROM (SELECT t.*, -row_number() OVER (ORDER BY t.child_id, t.number) * 2 AS limit_id
        FROM clearing_ties(c.id) t JOIN clearing_order o ON o.clearing_id = c.id AND o.order_id = t.child_id
        WHERE NOT EXISTS (SELECT FROM clearing_order p WHERE p.clearing_id = c.id AND p.order_id = o.parent_id AND p.whole_id = t.parent_whole_id)) m
  JOIN clearing_order p ON p.clearing_id = c.id AND p.whole_id = m.parent_whole_id AND p.piece = (SELECT min(x.piece) FROM clearing_order x WHERE x.clearing_id = c.id AND x.whole_id = m.parent_whole_id);

  -- from one window of a ramp to the next, up and down
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because)
  WITH pair AS (
    SELECT g.id, g.most_change_kw, m.bid_id AS one, lead(m.bid_id) OVER (PARTITION BY g.id ORDER BY lower(b.delivery_window)) AS next
    FROM bid_group g JOIN bid_group_member m ON m.bid_group_id = g.id JOIN bid b ON b.id = m.bid_id AND b.status = 'submitted'
    WHERE g.competition_id = c.competition_id AND g.kind = 'ramp'),
  side AS (
    SELECT row_number() OVER (ORDER BY p.id, p.one, d.sign) AS limit_id, p.*, d.sign FROM pair p CROSS JOIN (VALUES (1), (-1)) d (sign) WHERE p.next IS NOT NULL)
  SELECT c.id, s.limit_id, x.order_id, s.sign * sum(CASE WHEN x.bid_id = s.one THEN x.power_kw ELSE -x.power_kw END), s.most_change_kw, 'ramp'
  FROM side s JOIN (SELECT DISTINCT l.order_id, l.bid_id, l.power_kw FROM clearing_leg l WHERE l.clearing_id = c.id) x ON x.bid_id IN (s.one, s.next)
  GROUP BY s.limit_id, x.order_id, s.most_change_kw, s.sign;

  INSERT INTO clearing_flow (clearing_id, flow_id, from_cell, to_cell, least, most, loss)
  SELECT c.id, row_number() OVER (ORDER BY f.cell, t.cell), f.cell, t.cell, -w.backward_kw, w.forward_kw, w.loss_share
  FROM competition_transfer_limit w
  JOIN competition_requirement fr ON fr.competition_id = w.competition_id AND fr.grid_node_id = w.from_grid_node_id
  JOIN competition_requirement tr ON tr.competition_id = w.competition_id AND tr.grid_node_id = w.to_grid_node_id
    AND tr.product_id = fr.product_id AND tr.direction = fr.direction AND tr.lot_id IS NOT DISTINCT FROM fr.lot_id
  JOIN clearing_cell f ON f.clearing_id = c.id AND f.requirement_id = fr.id AND f.delivery_window <@ w.delivery_window
  JOIN clearing_cell t ON t.clearing_id = c.id AND t.requirement_id = tr.id AND t.delivery_window = f.delivery_window
  WHERE w.competition_id = c.competition_id;
END
$function$;
COMMENT ON FUNCTION compile_clearing(bigint) IS 'makes the competition of a clearing into cells, orders and what binds them';
REVOKE ALL ON FUNCTION compile_clearing(bigint) FROM PUBLIC;

-- ------------------------------------------------------------------ the engine

CREATE OR REPLACE FUNCTION clearing_queries(clearing_id bigint) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT array_agg(format(q, clearing_id) ORDER BY n) FROM unnest(ARRAY[
    'SELECT order_id, cell, sum(power_kw) AS quantity, CASE WHEN count(*) = 1 THEN min(score_per_kw) ELSE sum(power_kw * score_per_kw) / sum(power_kw) END AS price FROM clearing_leg WHERE clearing_id = %s GROUP BY order_id, cell ORDER BY order_id, cell',
    'SELECT cell, required_kw AS requirement, ceiling_per_kw AS ceiling, at_least FROM clearing_cell WHERE clearing_id = %s ORDER BY cell',
    'SELECT order_id, minimum, fixed_cost FROM clearing_order WHERE clearing_id = %s AND (minimum > 0 OR fixed_cost > 0) ORDER BY order_id',
    'SELECT exclusion, order_id FROM clearing_exclusion WHERE clearing_id = %s ORDER BY exclusion, order_id',
    'SELECT order_id AS child, parent_id AS parent FROM clearing_order WHERE clearing_id = %s AND parent_id IS NOT NULL ORDER BY order_id',
    'SELECT limit_id, order_id, coefficient, most FROM clearing_limit WHERE clearing_id = %s ORDER BY limit_id, order_id',
    'SELECT from_cell, to_cell, least, most, loss FROM clearing_flow WHERE clearing_id = %s ORDER BY flow_id']) WITH ORDINALITY AS x (q, n)
$function$;
COMMENT ON FUNCTION clearing_queries(bigint) IS 'the queries by which clear_orders() reads a clearing: orders, cells, terms, exclusions, links, limits, flows';
REVOKE ALL ON FUNCTION clearing_queries(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clearing_queries(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION solve_clearing(clearing_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  c clearing;
  q CONSTANT text[] := clearing_queries(solve_clearing.clearing_id);
  r record;
BEGIN
  SELECT * INTO STRICT c FROM clearing x WHERE x.id = solve_clearing.clearing_id;
  SELECT * INTO r FROM clear_orders(q[1], q[2], q[3], q[4], q[5], q[6], q[7], pricing => c.pricing, surplus_share => c.surplus_share::float8, max_gap => c.max_gap::float8,
                                    max_seconds => c.max_seconds::float8, seed => c.seed, ties => c.ties);
  UPDATE clearing x SET status = r.status, cost = r.cost, bound = r.bound, gap = r.gap, nodes = r.nodes, iterations = r.iterations, seconds = r.seconds WHERE x.id = c.id;
  UPDATE clearing_order o SET share = u.share, reason = u.reason, displaced_by = u.displaced_by
  FROM unnest(r.order_id, r.share, r.reason, r.displaced_by) u (order_id, share, reason, displaced_by)
  WHERE o.clearing_id = c.id AND o.order_id = u.order_id;
  UPDATE clearing_cell k SET price_per_kw = u.price, shadow_price_per_kw = u.shadow_price, highest_price_per_kw = u.highest_price, accepted_kw = u.quantity, shortfall_kw = u.shortfall, price_setter_id = u.setter
  FROM unnest(r.cell, r.price, r.shadow_price, r.highest_price, r.quantity, r.shortfall, r.price_setter) u (cell, price, shadow_price, highest_price, quantity, shortfall, setter)
  WHERE k.clearing_id = c.id AND k.cell = u.cell;
  UPDATE clearing_flow f SET flow_kw = u.flow
  FROM (SELECT w.flow_id, r.flow[row_number() OVER (ORDER BY w.flow_id)] AS flow FROM clearing_flow w WHERE w.clearing_id = c.id) u
  WHERE f.clearing_id = c.id AND f.flow_id = u.flow_id;
END
$function$;
COMMENT ON FUNCTION solve_clearing(bigint) IS 'clears what a clearing was made into, and keeps the answer; errors as of clear_orders()';
REVOKE ALL ON FUNCTION solve_clearing(bigint) FROM PUBLIC;

-- ------------------------------------------------------------------ awards

-- One for each order, bid and contiguous window; as bid, or at the clearing price: capacity as clear and use as bid
-- where both are paid for.  Carbon and risk are the bid's own: what it is paid is the price less what they weigh.
CREATE OR REPLACE FUNCTION clearing_awards(clearing_id bigint)
RETURNS TABLE (order_id bigint, bid_id bigint, power_kw numeric, delivery_window time_window, availability_price_per_mw_h numeric, utilisation_price_per_mwh numeric)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH c AS (SELECT * FROM clearing x WHERE x.id = clearing_awards.clearing_id),
  leg AS (
    SELECT l.order_id, l.bid_id, o.piece, o.share * l.power_kw AS power_kw, k.delivery_window, k.hours, k.utilisation_hours, l.money_per_kw,
           CASE WHEN c.pricing <> 'none' AND c.cost_weight > 0 THEN least((k.price_per_kw - l.extra_per_kw) / c.cost_weight, CASE WHEN k.ceiling_per_kw > 0 THEN k.ceiling_per_kw / c.cost_weight END)
                ELSE l.money_per_kw END AS paid_per_kw,
           lag(upper(k.delivery_window)) OVER w IS DISTINCT FROM lower(k.delivery_window) AS begins
    FROM c JOIN clearing_order o ON o.clearing_id = c.id AND o.share > 0
    JOIN clearing_leg l ON l.clearing_id = c.id AND l.order_id = o.order_id JOIN clearing_cell k ON k.clearing_id = c.id AND k.cell = l.cell
    WINDOW w AS (PARTITION BY l.order_id, l.bid_id ORDER BY lower(k.delivery_window))),
  run AS (SELECT g.*, count(*) FILTER (WHERE g.begins) OVER (PARTITION BY g.order_id, g.bid_id ORDER BY lower(g.delivery_window)) AS number FROM leg g),
  total AS (
    SELECT r.order_id, r.bid_id, min(r.piece) AS piece, r.number, min(r.power_kw) AS power_kw, time_window(min(lower(r.delivery_window)), max(upper(r.delivery_window))) AS delivery_window,
           sum(r.hours) AS hours, sum(r.utilisation_hours) AS utilisation_hours, sum(r.paid_per_kw) AS paid, sum(r.money_per_kw) AS asked
    FROM run r GROUP BY r.order_id, r.bid_id, r.number),
  priced AS (
    SELECT t.*, p.availability_price_per_mw_h AS own_availability, p.utilisation_price_per_mwh AS own_utilisation,
           CASE WHEN r.paid_for IS NOT NULL THEN 'availability' = ANY (r.paid_for) ELSE p.availability_price_per_mw_h > 0 END AS pays_availability
    FROM total t JOIN bid b ON b.id = t.bid_id JOIN product r ON r.id = b.product_id
    CROSS JOIN LATERAL (SELECT sum(x.power_kw * x.availability_price_per_mw_h) / sum(x.power_kw) AS availability_price_per_mw_h, sum(x.power_kw * x.utilisation_price_per_mwh) / sum(x.power_kw) AS utilisation_price_per_mwh
                        FROM (SELECT s.power_kw, coalesce(s.availability_price_per_mw_h, 0) AS availability_price_per_mw_h, coalesce(s.utilisation_price_per_mwh, 0) AS utilisation_price_per_mwh
                              FROM bid_step s WHERE s.bid_id = b.id AND (t.piece = 0 OR s.step = t.piece)
                              UNION ALL SELECT b.power_kw, coalesce(b.availability_price_per_mw_h, 0), coalesce(b.utilisation_price_per_mwh, 0) WHERE NOT EXISTS (SELECT FROM bid_step s WHERE s.bid_id = b.id)) x) p)
  SELECT q.order_id, q.bid_id, round(q.power_kw::numeric, 3), q.delivery_window,
         CASE WHEN q.pays_availability THEN round(((q.paid * 1000 - q.own_utilisation::float8 * q.utilisation_hours) / q.hours)::numeric, 4) END,
         CASE WHEN q.pays_availability OR q.utilisation_hours = 0 THEN nullif(round(q.own_utilisation, 4), 0) ELSE round((q.paid * 1000 / q.utilisation_hours)::numeric, 4) END
  FROM priced q WHERE round(q.power_kw::numeric, 3) > 0
$function$;
COMMENT ON FUNCTION clearing_awards(bigint) IS 'the awards that follow from a clearing: kW, window and prices for each order, bid and contiguous window';
REVOKE ALL ON FUNCTION clearing_awards(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clearing_awards(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Writes the awards, reads what the rules engine says of them, and takes them back.  What it would block becomes a
-- limit: of a set that is too much for its units, so much less; of two that exclude one another, one; none of what goes against
-- what is sold already.  The limits are those of the finding and no more, so they cut off nothing that would stand.
CREATE OR REPLACE FUNCTION try_clearing(clearing_id bigint) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET flexexchange.detect_always = on
AS $function$
#variable_conflict use_column
DECLARE
  tried jsonb;
  findings jsonb;
  added integer := 0;
  made integer;
  base CONSTANT bigint := greatest((SELECT max(x.limit_id) FROM clearing_limit x WHERE x.clearing_id = try_clearing.clearing_id), 0);
  first CONSTANT bigint := greatest((SELECT max(x.exclusion) FROM clearing_exclusion x WHERE x.clearing_id = try_clearing.clearing_id), 0);
BEGIN
  BEGIN
    SELECT jsonb_agg(to_jsonb(a) || jsonb_build_object('award', nextval('trade_id'), 'share', o.share) ORDER BY a.order_id, a.bid_id, lower(a.delivery_window)) INTO tried
    FROM clearing_awards(try_clearing.clearing_id) a JOIN clearing_order o ON o.clearing_id = try_clearing.clearing_id AND o.order_id = a.order_id;
    INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
    SELECT t.award, b.id, b.product_id, b.service_provider_id, b.asset_id, b.portfolio_id, b.direction, t.power_kw, t.delivery_window, t.availability_price_per_mw_h, t.utilisation_price_per_mwh
    FROM jsonb_to_recordset(tried) AS t (award bigint, bid_id bigint, power_kw numeric, delivery_window time_window, availability_price_per_mw_h numeric, utilisation_price_per_mwh numeric)
    JOIN bid b ON b.id = t.bid_id ORDER BY t.award;
    SELECT jsonb_agg(jsonb_build_object('kind', k.kind, 'challenger', c.source_id, 'incumbent', i.source_id, 'short', k.short_kw, 'set', k.rationale -> 'headroom' -> 'set') ORDER BY k.id) INTO findings
    FROM conflict k JOIN commitment c ON c.id = k.challenger_id AND c.stage = 'award' LEFT JOIN commitment i ON i.id = k.incumbent_id
    WHERE k.closed_at IS NULL AND k.severity = 'blocking' AND c.source_id IN (SELECT t.award FROM jsonb_to_recordset(tried) AS t (award bigint)) AND i.stage IS DISTINCT FROM 'bid';
    RAISE EXCEPTION USING ERRCODE = 'MX303', MESSAGE = 'awards that were only tried are taken back';
  EXCEPTION WHEN SQLSTATE 'MX303' THEN
    NULL;
  END;
  IF findings IS NULL THEN
    RETURN 0;
  END IF;

  -- two of this competition, of which the rules let one stand
  INSERT INTO clearing_exclusion (clearing_id, exclusion, order_id, because)
  SELECT try_clearing.clearing_id, first + p.number, o.order_id, 'conflict'
  FROM (SELECT row_number() OVER (ORDER BY x.one, x.other) AS number, x.* FROM (
          SELECT DISTINCT least(a.order_id, b.order_id) AS one, greatest(a.order_id, b.order_id) AS other
          FROM jsonb_to_recordset(findings) AS f (kind text, challenger bigint, incumbent bigint)
          JOIN jsonb_to_recordset(tried) AS a (award bigint, order_id bigint) ON a.award = f.challenger
          JOIN jsonb_to_recordset(tried) AS b (award bigint, order_id bigint) ON b.award = f.incumbent
          WHERE f.kind <> 'headroom' AND a.order_id <> b.order_id) x) p
  CROSS JOIN LATERAL (VALUES (p.one), (p.other)) o (order_id);
  GET DIAGNOSTICS made = ROW_COUNT;
  added := added + made;

  -- one of this competition against what is sold already, or against an agreement
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because)
  SELECT try_clearing.clearing_id, base + row_number() OVER (ORDER BY x.order_id), x.order_id, 1, 0, 'conflict'
  FROM (SELECT DISTINCT a.order_id
        FROM jsonb_to_recordset(findings) AS f (kind text, challenger bigint, incumbent bigint)
        JOIN jsonb_to_recordset(tried) AS a (award bigint, order_id bigint) ON a.award = f.challenger
        WHERE f.kind <> 'headroom' AND NOT EXISTS (SELECT FROM jsonb_to_recordset(tried) AS b (award bigint) WHERE b.award = f.incumbent)) x;
  GET DIAGNOSTICS made = ROW_COUNT;
  added := added + made;

  -- a set that is more than its units have: what it weighs now, less what is short
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because)
  SELECT try_clearing.clearing_id, base + 1000000 + f.number, m.order_id, sum(m.power_kw / m.share), greatest((SELECT sum(x.power_kw) FROM jsonb_to_recordset(f."set") AS s (trade_id bigint, stage text)
                                                                                                      JOIN jsonb_to_recordset(tried) AS x (award bigint, power_kw double precision) ON x.award = s.trade_id WHERE s.stage = 'award') - f.short, 0), 'headroom'
  FROM (SELECT row_number() OVER () AS number, y.* FROM jsonb_to_recordset(findings) AS y (kind text, challenger bigint, short double precision, "set" jsonb) WHERE y.kind = 'headroom') f
  CROSS JOIN LATERAL (SELECT x.order_id, x.power_kw, x.share FROM jsonb_to_recordset(f."set") AS s (trade_id bigint, stage text)
                      JOIN jsonb_to_recordset(tried) AS x (award bigint, order_id bigint, power_kw double precision, share double precision) ON x.award = s.trade_id WHERE s.stage = 'award') m
  GROUP BY f.number, f."set", f.short, m.order_id;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN added + made;
END
$function$;
COMMENT ON FUNCTION try_clearing(bigint) IS 'tries the awards of a clearing against the rules, takes them back, and adds what would not stand as limits and exclusions; returns how many rows: 0, and all would stand';
REVOKE ALL ON FUNCTION try_clearing(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION settle_clearing(clearing_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  -- each round rules out what was found, so there is an end; what is left by then is ruled out whole
  most_rounds CONSTANT integer := 100;
  rounds integer := 0;
BEGIN
  LOOP
    PERFORM solve_clearing(settle_clearing.clearing_id);
    EXIT WHEN try_clearing(settle_clearing.clearing_id) = 0;
    rounds := rounds + 1;
    IF rounds > most_rounds THEN
      RAISE EXCEPTION 'clearing % does not come to an outcome that the rules let stand', settle_clearing.clearing_id
        USING ERRCODE = 'MX212', HINT = 'Table clearing_limit has what was ruled out; look at the capacities of the units named there.';
    END IF;
  END LOOP;
  UPDATE clearing c SET rule_rounds = rounds WHERE c.id = settle_clearing.clearing_id;

  INSERT INTO clearing_bid (clearing_id, bid_id, competition_id, service_provider_id, offered_kw, accepted_kw, result, reason, displaced_by_bid_id)
  SELECT c.id, b.id, b.competition_id, b.service_provider_id, b.power_kw, coalesce(x.accepted_kw, 0),
         CASE WHEN coalesce(x.accepted_kw, 0) = 0 THEN 'rejected' WHEN x.accepted_kw < b.power_kw THEN 'part' ELSE 'accepted' END,
         CASE WHEN x.accepted_kw >= b.power_kw THEN 'accepted' WHEN x.accepted_kw > 0 THEN 'part' WHEN b.status = 'held' THEN 'conflict'
              WHEN x.reason IS NULL THEN CASE WHEN EXISTS (SELECT FROM bid_group_member m JOIN bid_group g ON g.id = m.bid_group_id AND g.kind = 'block' JOIN bid_group_member o ON o.bid_group_id = g.id
                                                           JOIN bid h ON h.id = o.bid_id AND h.status = 'held' WHERE m.bid_id = b.id) THEN 'conflict' ELSE 'serves_nothing' END
              WHEN x.reason = 'limited' AND x.is_barred THEN 'conflict' ELSE x.reason END,
         CASE WHEN coalesce(x.accepted_kw, 0) < b.power_kw THEN x.displaced_by_bid_id END
  FROM clearing c JOIN bid b ON b.competition_id = c.competition_id AND b.status IN ('submitted', 'held')
  LEFT JOIN LATERAL (
    SELECT round(sum(o.share * l.power_kw)::numeric, 3) AS accepted_kw, (array_agg(o.reason ORDER BY o.share, o.piece))[1] AS reason,
           (array_agg(d.whole_id ORDER BY o.share, o.piece))[1] AS displaced_by_bid_id,
           bool_or(EXISTS (SELECT FROM clearing_limit m WHERE m.clearing_id = c.id AND m.order_id = o.order_id AND m.because = 'conflict')) AS is_barred
    FROM clearing_order o JOIN (SELECT DISTINCT y.order_id, y.power_kw FROM clearing_leg y WHERE y.clearing_id = c.id AND y.bid_id = b.id) l ON l.order_id = o.order_id
    LEFT JOIN clearing_order d ON d.clearing_id = c.id AND d.order_id = o.displaced_by
    WHERE o.clearing_id = c.id) x ON true
  WHERE c.id = settle_clearing.clearing_id;
END
$function$;
COMMENT ON FUNCTION settle_clearing(bigint) IS 'clears, asks the rules, and clears again until what comes out would stand; then says what each bid got; error MX212';
REVOKE ALL ON FUNCTION settle_clearing(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION clear_competition(competition_id bigint)
RETURNS TABLE (clearing_id bigint, purpose text, status text, cost double precision, bound double precision, gap double precision, accepted_kw numeric, bids_accepted bigint, bids_rejected bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  cleared competition;
  terms competition_terms;
  made bigint;
  ids bigint[];
  purposes text[];
BEGIN
  IF NOT runs_competition(clear_competition.competition_id) AND NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'competition % is not yours to clear', coalesce(clear_competition.competition_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its buyer and the operator of the exchange can.';
  END IF;
  SELECT * INTO cleared FROM competition c WHERE c.id = clear_competition.competition_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'competition % is unknown in this exchange', coalesce(clear_competition.competition_id::text, 'NULL') USING ERRCODE = 'MX105', HINT = 'See table competition.';
  END IF;
  SELECT * INTO terms FROM competition_terms t WHERE t.competition_id = cleared.id;
  IF NOT FOUND OR NOT EXISTS (SELECT FROM competition_requirement r WHERE r.competition_id = cleared.id) THEN
    RAISE EXCEPTION 'competition % has declared no %', cleared.id, CASE WHEN terms.competition_id IS NULL THEN 'terms' ELSE 'requirement' END
      USING ERRCODE = 'MX211', HINT = 'The exchange clears what was declared before the gate opened, in competition_terms and competition_requirement; what another platform cleared is recorded as awards.';
  END IF;
  -- whatever else its status may be, the step says so
  IF cleared.status <> 'closed' THEN
    RAISE EXCEPTION 'competition % is %, not closed', cleared.id, cleared.status
      USING ERRCODE = 'MX204', HINT = 'It is cleared once its gate has closed; advance_competitions() follows the clock.';
  END IF;

  purposes := ARRAY['official']
    || CASE WHEN terms.carbon_weight > 0 OR terms.security_weight > 0 AND terms.unserved_price_per_mwh > 0 THEN ARRAY['cost_alone'] ELSE '{}' END
    || CASE WHEN EXISTS (SELECT FROM bid_terms x WHERE x.competition_id = cleared.id AND x.carbon_g_per_kwh IS NOT NULL) THEN ARRAY['carbon_alone'] ELSE '{}' END;
  FOR purpose IN SELECT unnest(purposes) LOOP
    INSERT INTO clearing (competition_id, purpose, cost_weight, carbon_weight, security_weight, carbon_price_per_t, unserved_price_per_mwh, pricing, surplus_share, max_gap, max_seconds, ties, seed, library_version)
    SELECT cleared.id, purpose, CASE purpose WHEN 'official' THEN terms.cost_weight WHEN 'cost_alone' THEN 1 ELSE 0 END, CASE purpose WHEN 'official' THEN terms.carbon_weight WHEN 'cost_alone' THEN 0 ELSE 1 END,
           CASE purpose WHEN 'official' THEN terms.security_weight ELSE 0 END,
           coalesce(terms.carbon_price_per_t, CASE purpose WHEN 'carbon_alone' THEN 1000 END), terms.unserved_price_per_mwh,
           CASE WHEN terms.pricing = 'pay_as_bid' OR purpose = 'carbon_alone' THEN 'none' ELSE terms.clearing_price END, terms.surplus_share, terms.max_gap, terms.max_seconds,
           CASE terms.tie_break WHEN 'pro_rata' THEN 'pro_rata' ELSE 'order' END, CASE terms.tie_break WHEN 'seeded' THEN terms.seed ELSE 0 END, extension_version()
    RETURNING id INTO made;
    PERFORM compile_clearing(made);
    PERFORM settle_clearing(made);
    ids := ids || made;
  END LOOP;
  PERFORM take_competition_step(cleared.id, 'cleared');
  RETURN QUERY SELECT c.id, c.purpose, c.status, c.cost, c.bound, c.gap, sum(b.accepted_kw), count(*) FILTER (WHERE b.result <> 'rejected'), count(*) FILTER (WHERE b.result = 'rejected')
               FROM clearing c LEFT JOIN clearing_bid b ON b.clearing_id = c.id WHERE c.id = ANY (ids) GROUP BY c.id ORDER BY c.id;
END
$function$;
COMMENT ON FUNCTION clear_competition(bigint) IS
  'clears a closed competition by its declared terms, under the rules, and says what it would be by cost alone and by carbon alone; nothing is awarded yet; by its buyer or the operator; errors 42501, MX105, MX204, MX211, MX212; SECURITY DEFINER because the rules look at what others sold';
REVOKE ALL ON FUNCTION clear_competition(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clear_competition(bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION official_clearing(competition_id bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT max(c.id) FROM clearing c WHERE c.competition_id = official_clearing.competition_id AND c.purpose = 'official';
END;
COMMENT ON FUNCTION official_clearing(bigint) IS 'the clearing that a competition goes by: its last official one; NULL: it was not cleared here, or that is not for the caller to know';
REVOKE ALL ON FUNCTION official_clearing(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION official_clearing(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION award_competition(competition_id bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  official bigint;
  made bigint;
BEGIN
  IF NOT runs_competition(award_competition.competition_id) AND NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'competition % is not yours to award', coalesce(award_competition.competition_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its buyer and the operator of the exchange can.';
  END IF;
  PERFORM FROM competition c WHERE c.id = award_competition.competition_id FOR NO KEY UPDATE;
  official := official_clearing(award_competition.competition_id);
  PERFORM take_competition_step(award_competition.competition_id, 'awarded');
  -- what was sold elsewhere since it was cleared is looked at once more
  IF try_clearing(official) > 0 THEN
    RAISE EXCEPTION 'the awards of clearing % would not stand any more', official
      USING ERRCODE = 'MX213', HINT = 'Units have been sold elsewhere since; take the competition back to closed with take_competition_step() and clear it again.';
  END IF;
  INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
  SELECT b.id, b.product_id, b.service_provider_id, b.asset_id, b.portfolio_id, b.direction, a.power_kw, a.delivery_window, a.availability_price_per_mw_h, a.utilisation_price_per_mwh
  FROM clearing_awards(official) a JOIN bid b ON b.id = a.bid_id ORDER BY a.order_id, b.id, lower(a.delivery_window);
  GET DIAGNOSTICS made = ROW_COUNT;
  -- not rejected, as the rules reject: a challenge that is upheld lets them stand again
  UPDATE bid b SET status = CASE WHEN r.result = 'rejected' THEN 'lapsed' ELSE 'awarded' END
  FROM clearing_bid r WHERE r.clearing_id = official AND r.bid_id = b.id AND b.status IN ('submitted', 'held');
  RETURN made;
END
$function$;
COMMENT ON FUNCTION award_competition(bigint) IS
  'writes the awards of a cleared competition, and tells each bid its fate; returns how many awards; by its buyer or the operator; errors 42501, MX001, MX105, MX213; SECURITY DEFINER because the rules look at what others sold';
REVOKE ALL ON FUNCTION award_competition(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION award_competition(bigint) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ the result, again and explained

CREATE OR REPLACE FUNCTION reclear(competition_id bigint)
RETURNS TABLE (clearing_id bigint, purpose text, is_same boolean, cost_then double precision, cost_now double precision, orders_differing bigint, prices_differing bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  c clearing;
  q text[];
  r record;
BEGIN
  FOR c IN SELECT x.* FROM clearing x WHERE x.competition_id = reclear.competition_id AND x.id >= official_clearing(reclear.competition_id) ORDER BY x.id LOOP
    q := clearing_queries(c.id);
    SELECT * INTO r FROM clear_orders(q[1], q[2], q[3], q[4], q[5], q[6], q[7], pricing => c.pricing, surplus_share => c.surplus_share::float8, max_gap => c.max_gap::float8,
                                      max_seconds => c.max_seconds::float8, seed => c.seed, ties => c.ties);
    clearing_id := c.id;
    purpose := c.purpose;
    cost_then := c.cost;
    cost_now := r.cost;
    SELECT count(*) INTO orders_differing
    FROM clearing_order o FULL JOIN unnest(r.order_id, r.share, r.reason) u (order_id, share, reason) USING (order_id)
    WHERE o.clearing_id = c.id AND (o.share, o.reason) IS DISTINCT FROM (u.share, u.reason);
    SELECT count(*) INTO prices_differing
    FROM clearing_cell k JOIN unnest(r.cell, r.price, r.shadow_price) u (cell, price, shadow_price) USING (cell)
    WHERE k.clearing_id = c.id AND (k.price_per_kw, k.shadow_price_per_kw) IS DISTINCT FROM (u.price, u.shadow_price);
    is_same := cost_then = cost_now AND orders_differing + prices_differing = 0;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION reclear(bigint) IS
  'clears a competition again from what was kept, and compares to the last digit: same shares, reasons and prices, whatever bids, units and rules are by now; by whoever reads its bids: its buyer, the operator, the regulator';
REVOKE ALL ON FUNCTION reclear(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reclear(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION clearing_answer(clearing_id bigint) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('status', c.status, 'cost', c.cost, 'bound', c.bound, 'gap', c.gap, 'nodes', c.nodes, 'iterations', c.iterations, 'seconds', c.seconds)
    || (SELECT jsonb_build_object('order_id', coalesce(jsonb_agg(o.order_id ORDER BY o.order_id), '[]'), 'share', coalesce(jsonb_agg(o.share ORDER BY o.order_id), '[]'),
                                  'reason', coalesce(jsonb_agg(o.reason ORDER BY o.order_id), '[]'), 'displaced_by', coalesce(jsonb_agg(o.displaced_by ORDER BY o.order_id), '[]'))
        FROM clearing_order o WHERE o.clearing_id = c.id)
    || (SELECT jsonb_build_object('cell', jsonb_agg(k.cell ORDER BY k.cell), 'price', jsonb_agg(k.price_per_kw ORDER BY k.cell), 'shadow_price', jsonb_agg(k.shadow_price_per_kw ORDER BY k.cell),
                                  'highest_price', jsonb_agg(k.highest_price_per_kw ORDER BY k.cell), 'quantity', jsonb_agg(k.accepted_kw ORDER BY k.cell),
                                  'shortfall', jsonb_agg(k.shortfall_kw ORDER BY k.cell), 'price_setter', jsonb_agg(k.price_setter_id ORDER BY k.cell))
        FROM clearing_cell k WHERE k.clearing_id = c.id)
    || (SELECT jsonb_build_object('flow', coalesce(jsonb_agg(f.flow_kw ORDER BY f.flow_id), '[]')) FROM clearing_flow f WHERE f.clearing_id = c.id)
  FROM clearing c WHERE c.id = clearing_answer.clearing_id
$function$;
COMMENT ON FUNCTION clearing_answer(bigint) IS 'what clear_orders() answered, from what was kept of it';
REVOKE ALL ON FUNCTION clearing_answer(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clearing_answer(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION certificate(competition_id bigint) RETURNS TABLE (clearing_id bigint, purpose text, rule text, subject text, holds boolean, detail text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  c clearing;
  q text[];
BEGIN
  FOR c IN SELECT x.* FROM clearing x WHERE x.competition_id = certificate.competition_id AND x.id >= official_clearing(certificate.competition_id) ORDER BY x.id LOOP
    q := clearing_queries(c.id);
    RETURN QUERY SELECT c.id, c.purpose, k.rule, k.subject, k.holds, k.detail
                 FROM check_clearing(clearing_answer(c.id), q[1], q[2], q[3], q[4], q[5], q[6], q[7], pricing => c.pricing, surplus_share => c.surplus_share::float8, max_gap => c.max_gap::float8) k;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION certificate(bigint) IS
  'judges the result of a competition without solving anything: what was kept against the rules of clearing, one row a rule; false shows what does not hold, and detail the figures; by whoever reads its bids: its buyer, the operator, the regulator';
REVOKE ALL ON FUNCTION certificate(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION certificate(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
