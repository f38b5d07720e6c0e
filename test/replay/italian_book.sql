-- The Italian day-ahead book: staging tables as the files have them, and the book as the clearing engine reads it.
--
-- Files of seven zones: steps of demand and supply, blocks accepted or not, limits of the lines between zones, and what was published: prices, flows, exchanges with neighbours.
-- What the files do not say was found by adding up: the steps stand without the blocks; a block of several hours is taken whole; an exchange above zero leaves the zone; a flow above zero goes
-- from from_zone to to_zone. The other side of a border is not in the book: its exchange is put in as published, whatever the price, since it was.

CREATE TABLE replay.step (at timestamptz, day date, period integer, zone text, side text, price float8, quantity float8);
CREATE TABLE replay.block (at timestamptz, day date, block text, period integer, zone text, side text, quantity float8, price float8, status text);
CREATE TABLE replay.line (at timestamptz, day date, period integer, from_zone text, to_zone text, forward float8, backward float8);
CREATE TABLE replay.exchange (at timestamptz, day date, period integer, zone text, outside text, quantity float8);
CREATE TABLE replay.published_price (at timestamptz, day date, period integer, zone text, price float8);
CREATE TABLE replay.published_flow (at timestamptz, day date, period integer, from_zone text, to_zone text, quantity float8);

-- what the engine reads: order_id of a step or an exchange is below that of any block; share of a block as published, 1 or 0
CREATE TABLE replay.zone (zone_id bigint, zone text);
CREATE TABLE replay.leg (day date, order_id bigint, period integer, zone_id bigint, quantity float8, price float8, block text, status text, share float8);
CREATE TABLE replay.capacity (day date, period integer, from_zone bigint, to_zone bigint, least float8, most float8);
-- the price of each cell, one number for all zones where they are pooled; whether the hour has one price in all zones
CREATE TABLE replay.answer (day date, period integer, zone_id bigint, price float8, one_price boolean);

-- what is cleared: pooled or in zones; blocks as published, or so with one that does not add up at the share that does, or free, or free with that one divisible; and what came of it
CREATE TABLE replay.way (way text, in_zones boolean, blocks text);
INSERT INTO replay.way SELECT z || ', blocks ' || b, z LIKE 'zones%', b FROM unnest(ARRAY['pooled', 'zones coupled']) z, unnest(ARRAY['as published', 'as they add up', 'free', 'free, trimmed one divisible']) b;
CREATE TABLE replay.run (way text, day date, status text, cost float8, bound float8, gap float8, nodes bigint, seconds float8, took float8);
CREATE TABLE replay.run_price (way text, day date, period integer, zone_id bigint, lowest float8, highest float8);
CREATE TABLE replay.run_block (way text, day date, order_id bigint, share float8, reason text);
CREATE TABLE replay.run_flow (way text, day date, period integer, from_zone bigint, to_zone bigint, quantity float8);

CREATE PROCEDURE replay.prepare_book() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO replay.zone SELECT row_number() OVER (ORDER BY zone COLLATE "C"), zone FROM (SELECT DISTINCT zone FROM replay.step) s;
  -- exchanges first, so that nothing at the same price comes before them; one unit of money beyond the floor and the cap of the market
  INSERT INTO replay.leg
  SELECT day, row_number() OVER (ORDER BY day, part, period, zone_id, side, price, quantity), period, zone_id, CASE side WHEN 'supply' THEN quantity ELSE -quantity END, price, NULL, NULL, NULL
  FROM (SELECT day, 0 AS part, period, zone, CASE WHEN quantity > 0 THEN 'demand' ELSE 'supply' END AS side, CASE WHEN quantity > 0 THEN 4001 ELSE -501 END AS price, abs(quantity) AS quantity FROM replay.exchange WHERE quantity <> 0
        UNION ALL SELECT day, 1, period, zone, side, price, quantity FROM replay.step WHERE quantity > 0) s JOIN replay.zone USING (zone);
  INSERT INTO replay.leg
  SELECT day, 1000000000 + dense_rank() OVER (ORDER BY day, block COLLATE "C"), period, zone_id, CASE side WHEN 'supply' THEN quantity ELSE -quantity END, price, block, status, (status = 'ACC')::integer
  FROM replay.block JOIN replay.zone USING (zone);
  CREATE INDEX ON replay.leg (day, order_id);
  CREATE INDEX ON replay.leg (day, period, zone_id);
  CREATE INDEX ON replay.published_flow (day, period);
  INSERT INTO replay.capacity SELECT l.day, l.period, a.zone_id, b.zone_id, -l.backward, l.forward
  FROM replay.line l JOIN replay.zone a ON a.zone = l.from_zone JOIN replay.zone b ON b.zone = l.to_zone;
  INSERT INTO replay.answer SELECT p.day, p.period, z.zone_id, p.price, min(p.price) OVER w = max(p.price) OVER w
  FROM replay.published_price p JOIN replay.zone z USING (zone) WINDOW w AS (PARTITION BY p.day, p.period);
  ANALYZE replay.leg, replay.capacity, replay.answer;
  UPDATE replay.leg l SET share = c.share FROM replay.curtailed() c WHERE (l.day, l.block) = (c.day, c.block);
END $$;

-- the queries of a day. Blocks that are not free are in, whatever the price. Demand at the cap and exports are what the cell requires.
CREATE FUNCTION replay.cell_of(in_zones boolean) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE WHEN in_zones THEN '(period * 100 + zone_id)' ELSE 'period::bigint' END $$;
CREATE FUNCTION replay.share_of_block(blocks text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE blocks WHEN 'as published' THEN 'ceil(share)' WHEN 'as they add up' THEN 'share' END $$;
CREATE FUNCTION replay.orders_of(the_day date, in_zones boolean, blocks text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('SELECT order_id, %s AS cell, quantity, price FROM replay.leg WHERE day = %L AND block IS NULL AND (quantity > 0 OR price < 4000) ', replay.cell_of(in_zones), the_day)
         || CASE WHEN blocks LIKE 'free%' THEN format('UNION ALL SELECT order_id, %s, quantity, price FROM replay.leg WHERE day = %L AND block IS NOT NULL ', replay.cell_of(in_zones), the_day)
                 ELSE format('UNION ALL SELECT order_id * 100 + period, %s, quantity * %s, -501 FROM replay.leg WHERE day = %L AND share > 0 AND quantity > 0 ', replay.cell_of(in_zones), replay.share_of_block(blocks), the_day) END
         || 'ORDER BY 1, 2' $$;
CREATE FUNCTION replay.cells_of(the_day date, in_zones boolean, blocks text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('SELECT %s AS cell, sum(-quantity * %s) AS requirement, 4000::float8 AS ceiling, false AS at_least FROM replay.leg WHERE day = %L AND quantity < 0 AND %s GROUP BY 1 ORDER BY 1',
                replay.cell_of(in_zones), CASE WHEN blocks LIKE 'free%' THEN '1' ELSE 'coalesce(' || replay.share_of_block(blocks) || ', 1)' END, the_day,
                CASE WHEN blocks LIKE 'free%' THEN 'block IS NULL AND price >= 4000' ELSE '(block IS NULL AND price >= 4000 OR share > 0)' END) $$;
CREATE FUNCTION replay.terms_of(the_day date, blocks text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('SELECT DISTINCT order_id, %s::float8 AS minimum, 0::float8 AS fixed_cost FROM replay.leg WHERE day = %L AND block IS NOT NULL ORDER BY order_id',
                CASE WHEN blocks = 'free' THEN '1' ELSE '(share IN (0, 1))::integer' END, the_day) $$;
CREATE FUNCTION replay.flows_of(the_day date) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT format('SELECT period * 100 + from_zone AS from_cell, period * 100 + to_zone AS to_cell, least, most, 0::float8 AS loss FROM replay.capacity WHERE day = %L ORDER BY 1, 2', the_day) $$;

-- clears each day in each way; seconds is the engine's own time, took the whole statement's
CREATE PROCEDURE replay.clear_book() LANGUAGE plpgsql AS $$
DECLARE
  w replay.way;
  d date;
  r record;
  flows text;
  started timestamptz;
BEGIN
  FOR d IN SELECT DISTINCT day FROM replay.leg ORDER BY day LOOP
    FOR w IN SELECT * FROM replay.way LOOP
      flows := CASE WHEN w.in_zones THEN replay.flows_of(d) END;
      started := clock_timestamp();
      SELECT * INTO r FROM flexexchange.clear_orders(replay.orders_of(d, w.in_zones, w.blocks), replay.cells_of(d, w.in_zones, w.blocks),
        CASE WHEN w.blocks LIKE 'free%' THEN replay.terms_of(d, w.blocks) END, flows => flows, surplus_share => 0, max_gap => 0, max_gap_cost => 0.01, ties => 'pro_rata');
      INSERT INTO replay.run VALUES (w.way, d, r.status, r.cost, r.bound, r.gap, r.nodes, r.seconds, extract(epoch FROM clock_timestamp() - started));
      INSERT INTO replay.run_price SELECT w.way, d, CASE WHEN w.in_zones THEN c / 100 ELSE c END, CASE WHEN w.in_zones THEN c % 100 END, l, h FROM unnest(r.cell, r.price, r.highest_price) x (c, l, h);
      INSERT INTO replay.run_block SELECT w.way, d, o, s, y FROM unnest(r.order_id, r.share, r.reason) x (o, s, y) WHERE w.blocks LIKE 'free%' AND o > 1000000000;
      IF w.in_zones THEN
        EXECUTE format('INSERT INTO replay.run_flow SELECT $1, $2, from_cell / 100, from_cell %% 100, to_cell %% 100, q FROM (SELECT row_number() OVER () AS n, * FROM (%s) f) f JOIN unnest($3) WITH ORDINALITY x (q, n) USING (n)', flows)
        USING w.way, d, r.flow;
      END IF;
    END LOOP;
  END LOOP;
END $$;

-- lowest and highest price of each cell beside the published one; within half a cent they are the same
CREATE VIEW replay.cell AS
  SELECT r.way, w.in_zones, w.blocks, r.day, r.period, a.zone_id, a.one_price, a.price AS published, r.lowest, r.highest
  FROM replay.run_price r JOIN replay.way w USING (way) JOIN replay.answer a ON (a.day, a.period) = (r.day, r.period) AND a.zone_id = coalesce(r.zone_id, 1)
  WHERE w.in_zones OR a.one_price;
CREATE VIEW replay.block_answer AS
  SELECT b.way, w.in_zones, w.blocks, b.day, g.block, z.zone, CASE WHEN g.quantity > 0 THEN 'supply' ELSE 'demand' END AS side, g.price, g.status, g.share AS published_share, b.share, b.reason, g.surplus,
         CASE WHEN w.blocks = 'free' THEN ceil(g.share) = b.share ELSE abs(g.share - b.share) < 0.001 END AS agrees
  FROM replay.run_block b
  JOIN replay.way w ON w.way = b.way
  JOIN (SELECT l.day, l.order_id, l.block, min(l.zone_id) AS zone_id, min(l.quantity) AS quantity, min(l.price) AS price, min(l.status) AS status, min(l.share) AS share, sum(l.quantity * (a.price - l.price)) AS surplus
        FROM replay.leg l JOIN replay.answer a USING (day, period, zone_id) WHERE l.block IS NOT NULL GROUP BY l.day, l.order_id, l.block) g USING (day, order_id)
  JOIN replay.zone z USING (zone_id);

-- What was published, added up without the engine: steps below the price for certain and those at it as far as needed, accepted blocks, what lines and neighbours bring. spare is what a zone has too much, or lacks.
CREATE FUNCTION replay.balance() RETURNS TABLE (day date, period integer, zone_id bigint, spare float8) LANGUAGE sql STABLE AS $$
  SELECT a.day, a.period, a.zone_id, CASE WHEN v.least > 0.1 THEN v.least WHEN v.most < -0.1 THEN v.most ELSE 0 END
  FROM replay.answer a
  CROSS JOIN LATERAL (SELECT coalesce(sum(l.quantity) FILTER (WHERE l.status = 'ACC' OR l.block IS NULL AND (l.quantity > 0 AND l.price < a.price OR l.quantity < 0 AND l.price >= a.price)), 0),
                             coalesce(sum(l.quantity) FILTER (WHERE l.status = 'ACC' OR l.block IS NULL AND (l.quantity > 0 AND l.price <= a.price OR l.quantity < 0 AND l.price > a.price)), 0)
                      FROM replay.leg l WHERE (l.day, l.period, l.zone_id) = (a.day, a.period, a.zone_id)) s (least, most)
  CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN f.from_zone = z.zone THEN -f.quantity ELSE f.quantity END), 0)
                      FROM replay.published_flow f JOIN replay.zone z ON z.zone_id = a.zone_id WHERE (f.day, f.period) = (a.day, a.period) AND z.zone IN (f.from_zone, f.to_zone)) f (arrives)
  CROSS JOIN LATERAL (VALUES (s.least + f.arrives, s.most + f.arrives)) v (least, most) $$;
-- the accepted block, if there is one, that makes its zone balance in all its hours when it is taken at one share of what it offered
CREATE FUNCTION replay.curtailed() RETURNS TABLE (day date, zone_id bigint, block text, share float8) LANGUAGE sql STABLE AS $$
  SELECT l.day, l.zone_id, l.block, avg(1 - b.spare / l.quantity)
  FROM replay.leg l LEFT JOIN (SELECT * FROM replay.balance() WHERE spare <> 0) b USING (day, period, zone_id) WHERE l.status = 'ACC'
  GROUP BY l.day, l.zone_id, l.block HAVING count(*) = count(b.spare) AND max(b.spare / l.quantity) - min(b.spare / l.quantity) < 0.001 $$;
-- What was taken, as published, of the steps exactly at the price of their zone, beside what most volume and one ratio for all give: of supply and demand at one price in some zones the shorter side is taken wholly,
-- of the other each step the same share.
CREATE FUNCTION replay.margin() RETURNS TABLE (day date, period integer, price float8, zones bigint, error float8) LANGUAGE sql STABLE AS $$
  SELECT day, period, price, count(*), max(abs(taken - (least(1, (net + d) / nullif(s, 0)) * supply - least(1, (s - net) / nullif(d, 0)) * demand)))
  FROM (SELECT *, sum(taken) OVER w AS net, sum(supply) OVER w AS s, sum(demand) OVER w AS d
        FROM (SELECT a.day, a.period, a.price, s.supply, s.demand, -f.arrives - s.certain AS taken
              FROM replay.answer a
              CROSS JOIN LATERAL (SELECT coalesce(sum(l.quantity * coalesce(l.share, 1)) FILTER (WHERE l.block IS NOT NULL OR l.price <> a.price), 0), coalesce(sum(l.quantity) FILTER (WHERE l.block IS NULL AND l.price = a.price AND l.quantity > 0), 0),
                                         coalesce(-sum(l.quantity) FILTER (WHERE l.block IS NULL AND l.price = a.price AND l.quantity < 0), 0)
                                  FROM replay.leg l WHERE (l.day, l.period, l.zone_id) = (a.day, a.period, a.zone_id) AND (l.block IS NOT NULL OR l.quantity > 0 AND l.price <= a.price OR l.quantity < 0 AND l.price >= a.price)) s (certain, supply, demand)
              CROSS JOIN LATERAL (SELECT coalesce(sum(CASE WHEN f.from_zone = z.zone THEN -f.quantity ELSE f.quantity END), 0)
                                  FROM replay.published_flow f JOIN replay.zone z ON z.zone_id = a.zone_id WHERE (f.day, f.period) = (a.day, a.period) AND z.zone IN (f.from_zone, f.to_zone)) f (arrives)
              WHERE s.supply + s.demand > 0) x
        WINDOW w AS (PARTITION BY day, period, price)) y
  GROUP BY day, period, price $$;
CREATE FUNCTION replay.share_of(part bigint, whole bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT format('%s of %s%s', part, whole, ' (' || round(100.0 * part / nullif(whole, 0), 2) || ' %)') $$;

-- the page: Markdown
CREATE FUNCTION replay.book_page() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NEXT (SELECT format('%s steps, %s blocks, %s zones, %s days from %s to %s; %s of %s hours have one price in all zones.',
                             (SELECT count(*) FROM replay.step), (SELECT count(DISTINCT (day, block)) FROM replay.block), (SELECT count(*) FROM replay.zone), count(DISTINCT day), min(day), max(day),
                             count(DISTINCT (day, period)) FILTER (WHERE one_price), count(DISTINCT (day, period))) FROM replay.answer);
  RETURN NEXT E'\n| what was published, added up: | zones and hours | balance within 0.1 MWh |\n|---|---|---|';
  RETURN NEXT (SELECT format('| steps, accepted blocks, exchanges and flows | %s | %s |', count(*), replay.share_of(count(*) FILTER (WHERE spare = 0), count(*))) FROM replay.balance());
  RETURN NEXT E'\n| hours out of balance | zone | too much, MWh | the accepted block that explains all of them | at a share of |\n|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s hour %s | %s | %s | %s | %s |', o.day, o.period, z.zone, round(o.spare::numeric, 2), coalesce(g.block, ''), coalesce(round(g.share::numeric, 4)::text, ''))
    FROM replay.balance() o JOIN replay.zone z USING (zone_id) LEFT JOIN replay.curtailed() g USING (day, zone_id) WHERE o.spare <> 0 ORDER BY o.day, o.period, z.zone;
  RETURN NEXT E'\n| prices | hours, or zones and hours | published price clears | one price clears, and it is the published one | an interval of prices clears, the published one in it | furthest miss, EUR/MWh |\n|---|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s%s | %s | %s | %s | %s | %s |', way, CASE WHEN NOT in_zones THEN ', hours with one price' END, count(*),
                  replay.share_of(count(*) FILTER (WHERE inside), count(*)), replay.share_of(count(*) FILTER (WHERE inside AND single), count(*) FILTER (WHERE single)), replay.share_of(count(*) FILTER (WHERE inside AND NOT single), count(*) FILTER (WHERE NOT single)),
                  coalesce(round(max(greatest(lowest - published, published - highest)) FILTER (WHERE NOT inside)::numeric, 3)::text, 'none'))
    FROM (SELECT *, published BETWEEN lowest - 0.005 AND highest + 0.005 AS inside, highest - lowest < 0.005 AS single FROM replay.cell) c
    GROUP BY way, in_zones, blocks ORDER BY way;
  RETURN NEXT E'\n| hours whose published price does not clear | prices missed | published | cleared |\n|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s: %s hour %s | %s | %s | %s |', way, day, period, count(*), string_agg(DISTINCT round(published::numeric, 2)::text, ', '), string_agg(DISTINCT round(lowest::numeric, 2) || CASE WHEN highest > lowest THEN ' to ' || round(highest::numeric, 2) ELSE '' END, ', '))
    FROM replay.cell WHERE published NOT BETWEEN lowest - 0.005 AND highest + 0.005 GROUP BY way, day, period ORDER BY way, day, period;
  RETURN NEXT E'\n| steps exactly at the price, in several zones that share it | hours and prices | most volume, and one ratio for the longer side, within 0.1 MWh |\n|---|---|---|';
  RETURN NEXT (SELECT format('| published | %s | %s |', count(*), replay.share_of(count(*) FILTER (WHERE error <= 0.1), count(*))) FROM replay.margin() WHERE zones > 1);

  RETURN NEXT E'\n| blocks published as | | in the money at published prices |\n|---|---|---|';
  RETURN QUERY
    SELECT format('| %s | %s | %s |', CASE status WHEN 'ACC' THEN 'accepted' WHEN 'REJ' THEN 'rejected' ELSE 'paradoxically rejected' END, count(*), replay.share_of(count(*) FILTER (WHERE surplus > 0), count(*)))
    FROM replay.block_answer WHERE in_zones AND blocks = 'free' GROUP BY status ORDER BY status;
  RETURN NEXT E'\n| blocks cleared | accepted, of those published so | rejected, of those published so | rejected, of those paradoxically rejected | as published |\n|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s | %s | %s | %s | %s |', way, replay.share_of(count(*) FILTER (WHERE status = 'ACC' AND agrees), count(*) FILTER (WHERE status = 'ACC')), replay.share_of(count(*) FILTER (WHERE status = 'REJ' AND agrees), count(*) FILTER (WHERE status = 'REJ')),
                  replay.share_of(count(*) FILTER (WHERE status = 'PREJ' AND agrees), count(*) FILTER (WHERE status = 'PREJ')), replay.share_of(count(*) FILTER (WHERE agrees), count(*)))
    FROM replay.block_answer GROUP BY way ORDER BY way;
  RETURN NEXT E'\n| blocks that differ | zone | price | published | its surplus at published prices, EUR | cleared |\n|---|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s: %s %s | %s | %s %s | %s%s | %s | %s%s |', way, day, block, zone, side, price, status, CASE WHEN published_share NOT IN (0, 1) THEN ' ' || round(published_share::numeric, 4) END, round(surplus::numeric, 2), reason, CASE WHEN share NOT IN (0, 1) THEN ' ' || round(share::numeric, 4) END)
    FROM replay.block_answer WHERE NOT agrees ORDER BY way, day, block COLLATE "C";
  RETURN NEXT E'\n| blocks that were trimmed | published | cleared |\n|---|---|---|';
  RETURN QUERY
    SELECT format('| %s: %s %s | %s | %s |', way, day, block, round(published_share::numeric, 5), round(share::numeric, 5))
    FROM replay.block_answer WHERE published_share NOT IN (0, 1) ORDER BY way, day, block COLLATE "C";
  RETURN NEXT E'\n| flows between zones | lines and hours | mean error, MWh | greatest | within 0.1 MWh |\n|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s%s | %s | %s | %s | %s |', way, CASE WHEN shared THEN ', hours in which several zones had steps at the price' ELSE ', other hours' END, count(*), round(avg(error)::numeric, 4), round(max(error)::numeric, 3),
                  replay.share_of(count(*) FILTER (WHERE error <= 0.1), count(*)))
    FROM (SELECT f.way, abs(f.quantity - p.quantity) AS error, m.day IS NOT NULL AS shared
          FROM replay.run_flow f JOIN replay.zone a ON a.zone_id = f.from_zone JOIN replay.zone b ON b.zone_id = f.to_zone
          JOIN replay.published_flow p ON (p.day, p.period, p.from_zone, p.to_zone) = (f.day, f.period, a.zone, b.zone)
          LEFT JOIN (SELECT DISTINCT day, period FROM replay.margin() WHERE zones > 1) m
                 ON (m.day, m.period) = (f.day, f.period)) x
    GROUP BY way, shared ORDER BY way, shared;
END $$;
CREATE FUNCTION replay.time_page() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NEXT E'| a day, whole statement | days | median, s | slowest, s | greatest gap proved, EUR | not proved in time |\n|---|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s | %s | %s | %s | %s | %s |', way, count(*), round(percentile_cont(0.5) WITHIN GROUP (ORDER BY took)::numeric, 3), round(max(took)::numeric, 3), round(max(cost - bound)::numeric, 2), count(*) FILTER (WHERE status <> 'optimal'))
    FROM replay.run GROUP BY way ORDER BY way;
END $$;
