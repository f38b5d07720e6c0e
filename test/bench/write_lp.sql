-- bench.write_lp: an instance of clear_orders, told by the same queries, as the lines of a file in CPLEX LP format for glpsol and cbc.
--
-- s<o> is the share of order o, at most 1; b<o> whether it is accepted at all, where it has a least share, a fixed cost or an exclusion; h<c> what cell c is short of;
-- f<n> what leaves the cell where flow n begins. An order of all or nothing is one binary. Objective and balances are those of clear_orders with pricing 'none'.

-- a coefficient with its sign apart, as the format wants it
CREATE FUNCTION bench.signed(value float8) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN value < 0 THEN '- ' || -value ELSE '+ ' || value END $$;

CREATE FUNCTION bench.write_lp(orders text, cells text DEFAULT NULL, terms text DEFAULT NULL, exclusions text DEFAULT NULL, links text DEFAULT NULL, limits text DEFAULT NULL, flows text DEFAULT NULL)
RETURNS SETOF text LANGUAGE plpgsql AS $function$
BEGIN
  DROP TABLE IF EXISTS pg_temp.lp_leg, pg_temp.lp_cell, pg_temp.lp_term, pg_temp.lp_exclusion, pg_temp.lp_link, pg_temp.lp_limit, pg_temp.lp_flow, pg_temp.lp_order;
  EXECUTE 'CREATE TEMPORARY TABLE lp_leg AS SELECT order_id, cell, quantity, price FROM (' || orders || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_cell AS SELECT cell, requirement, ceiling, at_least FROM (' || coalesce(cells, 'SELECT NULL::bigint AS cell, 0::float8 AS requirement, 0::float8 AS ceiling, false AS at_least WHERE false') || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_term AS SELECT order_id, minimum, fixed_cost FROM (' || coalesce(terms, 'SELECT NULL::bigint AS order_id, 0::float8 AS minimum, 0::float8 AS fixed_cost WHERE false') || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_exclusion AS SELECT exclusion, order_id FROM (' || coalesce(exclusions, 'SELECT NULL::bigint AS exclusion, NULL::bigint AS order_id WHERE false') || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_link AS SELECT child, parent FROM (' || coalesce(links, 'SELECT NULL::bigint AS child, NULL::bigint AS parent WHERE false') || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_limit AS SELECT limit_id, order_id, coefficient, most FROM (' || coalesce(limits, 'SELECT NULL::bigint AS limit_id, NULL::bigint AS order_id, 0::float8 AS coefficient, 0::float8 AS most WHERE false') || ') q';
  EXECUTE 'CREATE TEMPORARY TABLE lp_flow AS SELECT row_number() OVER () AS n, from_cell, to_cell, least, most, loss FROM (' || coalesce(flows, 'SELECT NULL::bigint AS from_cell, NULL::bigint AS to_cell, 0::float8 AS least, 0::float8 AS most, 0::float8 AS loss WHERE false') || ') q';
  INSERT INTO pg_temp.lp_cell SELECT c, 0, 0, false FROM (SELECT cell FROM pg_temp.lp_leg UNION SELECT from_cell FROM pg_temp.lp_flow UNION SELECT to_cell FROM pg_temp.lp_flow) x (c) WHERE NOT EXISTS (SELECT FROM pg_temp.lp_cell k WHERE k.cell = c);
  CREATE TEMPORARY TABLE lp_order AS
    SELECT l.order_id, sum(l.quantity * l.price) + CASE WHEN t.minimum = 1 THEN t.fixed_cost ELSE 0 END AS cost, coalesce(t.minimum, 0) AS minimum, coalesce(t.fixed_cost, 0) AS fixed_cost,
           coalesce(t.minimum, 0) > 0 OR coalesce(t.fixed_cost, 0) <> 0 OR EXISTS (SELECT FROM pg_temp.lp_exclusion e WHERE e.order_id = l.order_id) AS has_choice,
           CASE WHEN coalesce(t.minimum, 0) = 1 THEN 'b' ELSE 's' END || l.order_id AS share
    FROM pg_temp.lp_leg l LEFT JOIN pg_temp.lp_term t USING (order_id) GROUP BY l.order_id, t.minimum, t.fixed_cost;
  CREATE UNIQUE INDEX ON pg_temp.lp_order (order_id);
  ANALYZE pg_temp.lp_leg, pg_temp.lp_order, pg_temp.lp_cell;

  RETURN NEXT 'Minimize';
  RETURN NEXT ' cost: 0 zero';
  RETURN QUERY SELECT format(' %s %s', bench.signed(o.cost), o.share) FROM pg_temp.lp_order o WHERE o.cost <> 0 ORDER BY o.order_id;
  RETURN QUERY SELECT format(' %s b%s', bench.signed(o.fixed_cost), o.order_id) FROM pg_temp.lp_order o WHERE o.fixed_cost <> 0 AND o.minimum < 1 ORDER BY o.order_id;
  RETURN QUERY SELECT format(' %s h%s', bench.signed(c.ceiling), c.cell) FROM pg_temp.lp_cell c WHERE c.requirement > 0 ORDER BY c.cell;
  RETURN NEXT 'Subject To';
  RETURN QUERY SELECT line FROM (
    SELECT c.cell, 0 AS part, NULL::bigint AS which, format(' cell%s: 0 zero%s', c.cell, CASE WHEN c.requirement > 0 THEN ' + h' || c.cell ELSE '' END) AS line FROM pg_temp.lp_cell c
    UNION ALL SELECT l.cell, 1, l.order_id, format(' %s %s', bench.signed(sum(l.quantity)), o.share) FROM pg_temp.lp_leg l JOIN pg_temp.lp_order o USING (order_id) GROUP BY l.cell, l.order_id, o.share
    UNION ALL SELECT f.from_cell, 2, f.n, format(' - f%s', f.n) FROM pg_temp.lp_flow f
    UNION ALL SELECT f.to_cell, 2, f.n, format(' %s f%s', bench.signed(1 - f.loss), f.n) FROM pg_temp.lp_flow f
    UNION ALL SELECT c.cell, 3, NULL, format(' %s %s', CASE WHEN c.at_least THEN '>=' ELSE '=' END, c.requirement) FROM pg_temp.lp_cell c) x ORDER BY cell, part, which;
  RETURN QUERY SELECT format(' most%s: %s - b%s <= 0', o.order_id, o.share, o.order_id) FROM pg_temp.lp_order o WHERE o.has_choice AND o.minimum < 1 ORDER BY o.order_id;
  RETURN QUERY SELECT format(' least%s: %s - %s b%s >= 0', o.order_id, o.share, o.minimum, o.order_id) FROM pg_temp.lp_order o WHERE o.minimum > 0 AND o.minimum < 1 ORDER BY o.order_id;
  RETURN QUERY SELECT format(' one%s: %s <= 1', e.exclusion, string_agg('b' || e.order_id, ' + ' ORDER BY e.order_id)) FROM pg_temp.lp_exclusion e GROUP BY e.exclusion ORDER BY e.exclusion;
  RETURN QUERY SELECT format(' after%s_%s: %s - %s <= 0', k.child, k.parent, c.share, p.share) FROM pg_temp.lp_link k JOIN pg_temp.lp_order c ON c.order_id = k.child JOIN pg_temp.lp_order p ON p.order_id = k.parent ORDER BY k.child, k.parent;
  RETURN QUERY SELECT format(' limit%s: %s <= %s', m.limit_id, string_agg(bench.signed(m.coefficient) || ' ' || o.share, ' ' ORDER BY m.order_id), min(m.most)) FROM pg_temp.lp_limit m JOIN pg_temp.lp_order o USING (order_id) GROUP BY m.limit_id ORDER BY m.limit_id;
  RETURN NEXT 'Bounds';
  RETURN NEXT ' zero = 0';
  RETURN QUERY SELECT format(' 0 <= %s <= 1', o.share) FROM pg_temp.lp_order o WHERE o.minimum < 1 ORDER BY o.order_id;
  RETURN QUERY SELECT format(' 0 <= h%s <= %s', c.cell, c.requirement) FROM pg_temp.lp_cell c WHERE c.requirement > 0 ORDER BY c.cell;
  RETURN QUERY SELECT format(' %s <= f%s <= %s', f.least, f.n, f.most) FROM pg_temp.lp_flow f ORDER BY f.n;
  RETURN NEXT 'Binaries';
  RETURN QUERY SELECT format(' b%s', o.order_id) FROM pg_temp.lp_order o WHERE o.has_choice ORDER BY o.order_id;
  RETURN NEXT 'End';
END $function$;
