-- Known answers of other clearing engines.  Their numbers were published with them; each case names its project.
-- P: asserted by a test of that project; =: computed from such numbers; derived: follows from them, as the comment says.
-- Where several answers are right (a tie), the case says so and takes any of them, unless the engine declares which.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
CREATE SCHEMA known;
SET search_path = known, flexexchange;

-- rows from 'order cell quantity@price, ...', and from 'number number ..., ...'
CREATE FUNCTION legs(words text) RETURNS TABLE (order_id bigint, cell bigint, quantity float8, price float8) LANGUAGE sql IMMUTABLE
AS $$ SELECT m[1]::bigint, m[2]::bigint, m[3]::float8, m[4]::float8 FROM regexp_matches($1, '(\d+) (\d+) ([-.\d]+)@([-.\d]+)', 'g') WITH ORDINALITY AS r (m, place) ORDER BY place $$;
CREATE FUNCTION numbers(words text) RETURNS TABLE (a float8, b float8, c float8, d float8, e float8) LANGUAGE sql IMMUTABLE
AS $$ SELECT m[1]::float8, m[2]::float8, m[3]::float8, m[4]::float8, m[5]::float8
      FROM (SELECT place, string_to_array(btrim(line), ' ') AS m FROM string_to_table($1, ',') WITH ORDINALITY AS r (line, place)) x ORDER BY place $$;

-- one case: the answer names what is asserted, a number (within 0.0001) or [least, most]; what was found is shown where it is wrong
CREATE FUNCTION known(name text, source text, answer jsonb, orders text, cells text DEFAULT NULL, terms text DEFAULT NULL, exclusions text DEFAULT NULL, links text DEFAULT NULL,
                      limits text DEFAULT NULL, flows text DEFAULT NULL, pricing text DEFAULT 'marginal', surplus_share float8 DEFAULT 0)
RETURNS TABLE ("case" text, "from" text, "right" boolean, wrong text) LANGUAGE plpgsql
AS $$
DECLARE
  r jsonb;
BEGIN
  SELECT to_jsonb(c) INTO r FROM clear_orders(
    orders => format('SELECT * FROM known.legs(%L)', known.orders),
    cells => CASE WHEN known.cells IS NOT NULL THEN format('SELECT a::bigint AS cell, b AS requirement, c AS ceiling, d = 1 AS at_least FROM known.numbers(%L)', known.cells) END,
    terms => CASE WHEN known.terms IS NOT NULL THEN format('SELECT a::bigint AS order_id, b AS minimum, c AS fixed_cost FROM known.numbers(%L)', known.terms) END,
    exclusions => CASE WHEN known.exclusions IS NOT NULL THEN format('SELECT a::bigint AS exclusion, b::bigint AS order_id FROM known.numbers(%L)', known.exclusions) END,
    links => CASE WHEN known.links IS NOT NULL THEN format('SELECT a::bigint AS child, b::bigint AS parent FROM known.numbers(%L)', known.links) END,
    limits => CASE WHEN known.limits IS NOT NULL THEN format('SELECT a::bigint AS limit_id, b::bigint AS order_id, c AS coefficient, d AS most FROM known.numbers(%L)', known.limits) END,
    flows => CASE WHEN known.flows IS NOT NULL THEN format('SELECT a::bigint AS from_cell, b::bigint AS to_cell, c AS least, d AS most, e AS loss FROM known.numbers(%L)', known.flows) END,
    pricing => known.pricing, surplus_share => known.surplus_share, max_gap => 0) c;
  RETURN QUERY
  WITH share AS (
    SELECT o.id::bigint AS order_id, s.share::float8, e.reason
    FROM jsonb_array_elements_text(r -> 'order_id') WITH ORDINALITY AS o (id, place) JOIN jsonb_array_elements_text(r -> 'share') WITH ORDINALITY AS s (share, place) USING (place)
    JOIN jsonb_array_elements_text(r -> 'reason') WITH ORDINALITY AS e (reason, place) USING (place)
  ), found AS (
    SELECT 'price' AS what, c.id AS subject, to_jsonb(p.price::float8) AS value
    FROM jsonb_array_elements_text(r -> 'cell') WITH ORDINALITY AS c (id, place) JOIN jsonb_array_elements_text(r -> 'price') WITH ORDINALITY AS p (price, place) USING (place)
    UNION ALL SELECT 'share', s.order_id::text, to_jsonb(s.share) FROM share s
    UNION ALL SELECT 'reason', s.order_id::text, to_jsonb(s.reason) FROM share s
    UNION ALL SELECT 'quantity', s.order_id::text, to_jsonb(sum(s.share * abs(l.quantity))) FROM share s JOIN known.legs(known.orders) l USING (order_id) GROUP BY s.order_id
    UNION ALL SELECT 'volume', l.cell::text, to_jsonb(sum(s.share * l.quantity)) FROM share s JOIN known.legs(known.orders) l USING (order_id) WHERE l.quantity > 0 GROUP BY l.cell
    UNION ALL SELECT 'flow', f.place::text, to_jsonb(f.flow::float8) FROM jsonb_array_elements_text(r -> 'flow') WITH ORDINALITY AS f (flow, place)
    UNION ALL SELECT 'cost', '', r -> 'cost'
  ), asserted AS (
    SELECT k.key AS what, v.key AS subject, v.value
    FROM jsonb_each(known.answer) k, jsonb_each(CASE WHEN jsonb_typeof(k.value) = 'object' THEN k.value ELSE jsonb_build_object('', k.value) END) v
  ), judged AS (
    SELECT a.what, a.subject, a.value AS asserted, f.value AS found,
           coalesce(CASE jsonb_typeof(a.value) WHEN 'number' THEN abs((f.value)::float8 - (a.value)::float8) <= 1e-4
                    WHEN 'array' THEN (f.value)::float8 BETWEEN (a.value -> 0)::float8 - 1e-4 AND (a.value -> 1)::float8 + 1e-4 ELSE f.value = a.value END, false) AS holds
    FROM asserted a LEFT JOIN found f USING (what, subject)
  )
  SELECT known.name, known.source, bool_and(j.holds) AND r ->> 'status' = 'optimal',
         string_agg(format('%s %s: %s, not %s', j.what, j.subject, j.found, j.asserted), '; ' ORDER BY j.what COLLATE "C", j.subject COLLATE "C") FILTER (WHERE NOT j.holds)
  FROM judged j;
END
$$;
\set ECHO all

-- Simple and zonal

SELECT * FROM known('merit order', 'ASSUME, P', '{"price": {"1": 100}, "quantity": {"1": 1000, "2": 100, "3": 900}}', '1 1 -1000@3000, 2 1 1000@100, 3 1 900@50');
-- 100 of 10 are used up exactly: any price from 10 to 50 clears; surplus_share says which
SELECT * FROM known('two zones, wide line, lowest', 'OpenEUPHEMIA, P', '{"price": {"1": 10, "2": 10}, "quantity": {"1": 100, "2": 40, "3": 0, "4": 60}, "flow": {"1": 60}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90', flows => '1 2 -1000 1000 0', surplus_share => 0);
SELECT * FROM known('two zones, wide line, highest', 'OpenEUPHEMIA, derived', '{"price": {"1": 50, "2": 50}, "quantity": {"1": 100, "3": 0}, "flow": {"1": 60}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90', flows => '1 2 -1000 1000 0', surplus_share => 1);
SELECT * FROM known('two zones, wide line, halfway', 'OpenEUPHEMIA, derived', '{"price": {"1": [10, 50], "2": [10, 50]}, "quantity": {"1": 100, "3": 0}, "flow": {"1": 60}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90', flows => '1 2 -1000 1000 0', surplus_share => 0.5);
SELECT * FROM known('two zones, line 20', 'OpenEUPHEMIA, P', '{"price": {"1": 10, "2": 50}, "flow": {"1": 20}, "quantity": {"1": 60, "3": 40}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90', flows => '1 2 -20 20 0');
-- the line stated the other way round
SELECT * FROM known('two zones, line 20, reversed', 'OpenEUPHEMIA, derived', '{"price": {"1": 10, "2": 50}, "flow": {"1": -20}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90', flows => '2 1 -20 20 0');
SELECT * FROM known('two zones and a price-taker', 'OpenEUPHEMIA, P', '{"price": {"1": 30, "2": 30}}',
  '1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90, 5 2 -500@30, 6 2 500@30', flows => '1 2 -1000 1000 0');
SELECT * FROM known('two nodes', 'ASSUME, P', '{"price": {"1": 100, "2": 50}, "quantity": {"2": 500, "4": 700}, "flow": {"1": 500}}',
  '1 1 -1000@3000, 2 1 1000@100, 3 2 -200@3000, 4 2 1000@50', flows => '2 1 -500 500 0');
SELECT * FROM known('and an island', 'ASSUME, P', '{"price": {"1": 100, "2": 50, "3": 3000}, "quantity": {"2": 500, "4": 700, "5": 400, "6": 400}}',
  '1 1 -1000@3000, 2 1 1000@100, 3 2 -200@3000, 4 2 1000@50, 5 3 -500@3000, 6 3 400@75', flows => '2 1 -500 500 0');
SELECT * FROM known('and a line to it', 'ASSUME, P', '{"price": {"1": 100, "2": 50, "3": 75}, "quantity": {"2": 500, "4": 900, "5": 500, "6": 300}, "flow": {"1": 500, "2": 200}}',
  '1 1 -1000@3000, 2 1 1000@100, 3 2 -200@3000, 4 2 1000@50, 5 3 -500@3000, 6 3 400@75', flows => '2 1 -500 500 0, 2 3 -200 200 0');
-- a loss factor divides the price of what is offered; A has capacity for 55 of its 70
SELECT * FROM known('loss factors', 'nempy, P', '{"price": {"1": 58.8889}, "quantity": {"1": 20, "2": 20, "3": 20, "4": 0}}',
  format('1 1 20@%s, 2 1 50@%s, 3 1 20@%s, 4 1 30@%s', 50 / 0.9, 53 / 0.9, 52 / 0.95, 60 / 0.95), cells => '1 60 10000 0', limits => '1 1 20 55, 1 2 50 55');
-- a loss of 5 % of the flow in the middle of the line, half of it at each end: of what leaves, 0.975/1.025 arrive; the flow in the middle is 94.6154/1.025 = 92.3077
SELECT * FROM known('a line that loses', 'nempy, =', '{"price": {"1": 50, "2": 52.5641}, "quantity": {"1": 94.6154}, "flow": {"1": 94.6154}}',
  '1 1 100@50', cells => '2 90 10000 0', flows => format('1 2 0 120 %s', 1 - 0.975 / 1.025));

-- Blocks, minimum acceptance, links

-- 10 of the 12 at 40 are taken: which, is a convention
SELECT * FROM known('WP-A', 'ASSUME after Bichler et al., P', '{"price": {"1": 40}, "volume": {"1": 10}, "quantity": {"1": 10, "2": 0, "3": [0, 1], "4": [9, 10], "5": 0}}',
  '1 1 -10@300, 2 1 -14@10, 3 1 1@40, 4 1 11@40, 5 1 13@100');
-- the block takes 11 or nothing; 11 need the buyer at 10, and 10 is less than 40
SELECT * FROM known('WP-D', 'ASSUME after Bichler et al., P', '{"price": {"1": 100}, "volume": {"1": 10}, "quantity": {"1": 10, "2": 0, "4": 0, "5": 10}, "reason": {"4": "paradoxically_rejected"}, "cost": -2000}',
  '1 1 -10@300, 2 1 -14@10, 4 1 12@40, 5 1 13@100', terms => format('4 %s 0', 11 / 12.0));
-- at least cost alone the buyer at 10 would take the eleventh: 11 x 40 - 10 x 300 - 1 x 10
SELECT * FROM known('WP-D, least cost', 'ASSUME after Bichler et al., derived', '{"cost": -2570, "quantity": {"1": 10, "2": 1, "4": 11, "5": 0}}',
  '1 1 -10@300, 2 1 -14@10, 4 1 12@40, 5 1 13@100', terms => format('4 %s 0', 11 / 12.0), pricing => 'none');
SELECT * FROM known('NC1', 'ASSUME after Bichler et al., P', '{"volume": {"1": 7, "2": 12, "3": 22}, "price": {"1": 3, "2": 3, "3": 5}, "share": {"1": 1, "2": 1}}',
  '1 1 -4@100, 1 2 -6@100, 1 3 -10@100, 2 1 -3@100, 2 2 -6@100, 2 3 -12@100, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3');
-- hour 1 comes from the offer at 5: its 7 are fewer than the 10 that the offer at 3 takes at least
SELECT * FROM known('NC2', 'ASSUME after Bichler et al., P', '{"volume": {"1": 7, "2": 12, "3": 23}, "price": {"1": 5, "2": 3, "3": 5}, "share": {"1": 1, "2": 1}, "quantity": {"11": 7, "21": 0, "22": 12, "23": 20}}',
  '1 1 -4@100, 1 2 -6@100, 1 3 -11@100, 2 1 -3@100, 2 2 -6@100, 2 3 -12@100, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3',
  terms => format('11 %s 0, 12 %1$s 0, 13 %1$s 0, 21 0.5 0, 22 0.5 0, 23 0.5 0', 2 / 15.0));
SELECT * FROM known('NC3', 'ASSUME after Bichler et al., P', '{"volume": {"1": 5.5, "2": 9, "3": 17}, "price": {"1": 5, "2": 5, "3": 3}, "share": {"1": 1, "2": 1, "3": 1, "4": 0}, "cost": -2081.5}',
  '1 1 -2@100, 1 2 -3@100, 1 3 -5.5@100, 2 1 -1.5@100, 2 2 -3@100, 2 3 -6@100, 3 1 -2@10, 3 2 -3@10, 3 3 -5.5@10, 4 1 -1.5@2, 4 2 -3@2, 4 3 -6@2, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3',
  terms => format('11 %s 0, 12 %1$s 0, 13 %1$s 0, 21 0.5 0, 22 0.5 0, 23 0.5 0', 2 / 15.0));
-- at least cost alone a third of the bid at 2 lifts hour 2 to the 10 of the offer at 3: 45 saved to 30, 0.5 x 5 + 2 x 3 spent, 3.5 x 2 gained
SELECT * FROM known('NC3, least cost', 'ASSUME after Bichler et al., derived', '{"cost": -2095, "share": {"4": 0.3333333333}}',
  '1 1 -2@100, 1 2 -3@100, 1 3 -5.5@100, 2 1 -1.5@100, 2 2 -3@100, 2 3 -6@100, 3 1 -2@10, 3 2 -3@10, 3 3 -5.5@10, 4 1 -1.5@2, 4 2 -3@2, 4 3 -6@2, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3',
  terms => format('11 %s 0, 12 %1$s 0, 13 %1$s 0, 21 0.5 0, 22 0.5 0, 23 0.5 0', 2 / 15.0), pricing => 'none');

-- one block over two hours against hourly offers; where it is out, 1000 are used up exactly and any price from 50 to 100 clears: the lowest
SELECT * FROM known('block at 75', 'ASSUME, P', '{"share": {"7": 0}, "price": {"1": 50, "2": 50}}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@50, 6 2 1000@50, 7 1 100@75, 7 2 100@75', terms => '7 1 0');
SELECT * FROM known('block at 45', 'ASSUME, P', '{"share": {"7": 1}, "price": {"1": 50, "2": 50}}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@50, 6 2 1000@50, 7 1 100@45, 7 2 100@45', terms => '7 1 0');
SELECT * FROM known('block at 45, hours at 41 and 50', 'ASSUME, P', '{"share": {"7": 1}, "price": {"1": 41, "2": 50}}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@41, 6 2 1000@50, 7 1 100@45, 7 2 100@45', terms => '7 1 0');
SELECT * FROM known('block at 45, hours at 39 and 50', 'ASSUME, P', '{"share": {"7": 0}}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@39, 6 2 1000@50, 7 1 100@45, 7 2 100@45', terms => '7 1 0');
-- a tie: with it or without it, the cost is the same
SELECT * FROM known('block at 45, hours at 40 and 50', 'ASSUME, P', '{"share": {"7": [0, 1]}, "cost": -5910000}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@40, 6 2 1000@50, 7 1 100@45, 7 2 100@45', terms => '7 1 0');
SELECT * FROM known('profile block at 45, hours at 40 and 50', 'ASSUME, P', '{"share": {"7": 1}, "price": {"1": 40, "2": 50}, "cost": -5914000}',
  '1 1 -1000@3000, 2 2 -1000@3000, 3 1 1000@100, 4 2 1000@100, 5 1 1000@40, 6 2 1000@50, 7 1 100@45, 7 2 900@45', terms => '7 1 0');
-- parent 7 and child 8, all or nothing, at a price of 100: a child can save its parent, a parent cannot save its child
SELECT * FROM known('parent 75, child 75', 'ASSUME, P', '{"share": {"7": 1, "8": 1}, "price": {"1": 100, "2": 100}}',
  '1 1 -999@3000, 2 2 -999@3000, 3 1 1000@100, 4 2 1000@100, 7 1 100@75, 7 2 100@75, 8 1 100@75, 8 2 100@75', terms => '7 1 0, 8 1 0', links => '8 7');
SELECT * FROM known('parent 120, child 75', 'ASSUME, P', '{"share": {"7": 1, "8": 1}, "price": {"1": 100, "2": 100}}',
  '1 1 -999@3000, 2 2 -999@3000, 3 1 1000@100, 4 2 1000@100, 7 1 100@120, 7 2 100@120, 8 1 100@75, 8 2 100@75', terms => '7 1 0, 8 1 0', links => '8 7');
SELECT * FROM known('parent 130, child 75', 'ASSUME, P', '{"share": {"7": 0, "8": 0}, "price": {"1": 100, "2": 100}}',
  '1 1 -999@3000, 2 2 -999@3000, 3 1 1000@100, 4 2 1000@100, 7 1 100@130, 7 2 100@130, 8 1 100@75, 8 2 100@75', terms => '7 1 0, 8 1 0', links => '8 7');
SELECT * FROM known('parent 90, child 120', 'ASSUME, P', '{"share": {"7": 1, "8": 0}, "price": {"1": 100, "2": 100}}',
  '1 1 -999@3000, 2 2 -999@3000, 3 1 1000@100, 4 2 1000@100, 7 1 100@90, 7 2 100@90, 8 1 100@120, 8 2 100@120', terms => '7 1 0, 8 1 0', links => '8 7');
SELECT * FROM known('parent 90, child 120, grandchild 50', 'ASSUME, P', '{"share": {"7": 1, "8": 1, "9": 1}, "price": {"1": 100, "2": 100}}',
  '1 1 -999@3000, 2 2 -999@3000, 3 1 1000@100, 4 2 1000@100, 7 1 100@90, 7 2 100@90, 8 1 100@120, 8 2 100@120, 9 1 100@50, 9 2 100@50', terms => '7 1 0, 8 1 0, 9 1 0', links => '8 7, 9 8');

-- Energy with reserve: cell 1 energy, 2 raise in 6 seconds, 3 regulation; a trapezium is two limits on what one unit sells of each:
-- energy + slope x reserve at most where it ends, energy - slope x reserve at least where it begins

SELECT * FROM known('energy, raise and regulation', 'nempy, P', '{"price": {"1": 75, "2": 35, "3": 45}, "quantity": {"1": 100, "2": 5, "3": 95, "4": 5, "5": 10}}',
  '1 1 100@50, 2 2 10@35, 3 1 110@60, 4 2 15@20, 5 3 15@30', cells => '1 195 10000 0, 2 10 10000 0, 3 10 10000 0',
  limits => '1 1 100 110, 1 2 10 110, 2 1 -100 -70, 2 2 10 -70, 3 3 110 110, 3 4 15 110, 3 5 15 110, 4 3 -110 -50, 4 4 15 -50, 5 3 -110 -50, 5 5 15 -50');
-- B is held at 60 for the sake of its regulation: its energy is sold below its price, and the price of regulation makes up for the last of it
SELECT * FROM known('energy and regulation', 'nempy, P', '{"price": {"1": 50, "3": 30}, "quantity": {"1": 40, "3": 60, "5": 10}}',
  '1 1 100@50, 3 1 110@60, 5 3 15@20', cells => '1 100 10000 0, 3 10 10000 0', limits => '1 3 110 110, 1 5 15 110, 2 3 -110 -50, 2 5 15 -50');

-- Double auctions: who trades is cleared here, the price between them is double_auction_price(), which double_auction tests with the same books

CREATE FUNCTION traded(orders text) RETURNS TABLE (volume numeric, price numeric) LANGUAGE sql
AS $$
  SELECT round(sum(s.share * l.quantity) FILTER (WHERE l.quantity > 0)::numeric, 6),
         double_auction_price(max(l.price) FILTER (WHERE l.quantity > 0 AND s.share > 1e-9)::numeric, min(l.price) FILTER (WHERE l.quantity < 0 AND s.share > 1e-9)::numeric)
  FROM clear_orders(format('SELECT * FROM known.legs(%L)', $1), max_gap => 0) c, unnest(c.order_id, c.share) AS s (order_id, share) JOIN known.legs($1) l USING (order_id)
$$;
-- Power TAC (Apache-2.0), P
SELECT b.name, t.volume = b.volume AND (t.volume = 0 OR t.price = b.price) AS "right"
FROM (VALUES (1, 'one and one', 1, 21, '1 1 1@20, 2 1 -1@22'),
             (2, 'a high bid', 1, 21, '1 1 1@20, 2 1 -1@32'),
             (3, 'no trade', 0, NULL, '1 1 1@23, 2 1 -1@22'),
             (4, 'two bids', 1, 20.5, '1 1 1@20, 2 1 -0.6@21, 3 1 -0.6@22'),
             (5, 'three asks', 1.9, 20.5, '1 1 0.9@18, 2 1 1@20, 3 1 1@21.5, 4 1 -1.4@21, 5 1 -0.6@22')) AS b (place, name, volume, price, orders), traded(b.orders) t ORDER BY b.place;
-- who gets how much of it
SELECT * FROM known('two bids', 'Power TAC, P', '{"quantity": {"1": 1, "2": 0.4, "3": 0.6}}', '1 1 1@20, 2 1 -0.6@21, 3 1 -0.6@22');
SELECT * FROM known('three asks', 'Power TAC, P', '{"quantity": {"1": 0.9, "2": 1, "3": 0, "4": 1.3, "5": 0.6}}', '1 1 0.9@18, 2 1 1@20, 3 1 1@21.5, 4 1 -1.4@21, 5 1 -0.6@22');
-- the last tenth is asked and bid at 21: to trade it is worth nothing, and Power TAC does (2.0 at 21.0)
SELECT t.volume IN (1.9, 2.0) AND t.price = CASE t.volume WHEN 2.0 THEN 21.0 ELSE 20.5 END AS "right"
FROM traded('1 1 0.9@18, 2 1 1@20, 3 1 1@21, 4 1 -0.8@21, 5 1 -0.2@21, 6 1 -0.2@21, 7 1 -0.2@21, 8 1 -0.6@22') t;

-- What needs no integer solver

-- divisible orders, one period: a sort and a sweep are exact
CREATE TABLE step AS SELECT i AS order_id, 1::bigint AS cell, CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END * (1 + abs(hashint8extended(i, 1) % 50))::float8 AS quantity, (abs(hashint8extended(i, 2) % 2000) / 10.0)::float8 AS price FROM generate_series(1::bigint, 4000) i;
WITH curve AS (
  SELECT p.price, (SELECT sum(quantity) FROM step s WHERE quantity > 0 AND s.price <= p.price) AS sold, (SELECT -sum(quantity) FROM step s WHERE quantity < 0 AND s.price >= p.price) AS bought, (SELECT -sum(quantity) FROM step s WHERE quantity < 0 AND s.price > p.price) AS bought_above
  FROM (SELECT DISTINCT price FROM step) p
), swept AS (SELECT max(least(sold, bought)) AS volume, min(price) FILTER (WHERE sold >= bought_above) AS price FROM curve)
SELECT abs(sum(s.share * l.quantity) FILTER (WHERE l.quantity > 0) - max(w.volume)) < 1e-6 AS same_volume, max(c.price[1]) = max(w.price) AS same_price, count(*) FILTER (WHERE s.share > 1e-9 AND s.share < 1 - 1e-9) <= 1 AS one_in_part
FROM clear_orders('SELECT * FROM known.step ORDER BY order_id', max_gap => 0) c, unnest(c.order_id, c.share) AS s (order_id, share) JOIN step l USING (order_id), swept w;
-- indivisible orders against one need: the covering knapsack, by dynamic programming over the quantity covered
CREATE FUNCTION cover(quantities int[], costs int[], need int) RETURNS int LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  least int[] := ARRAY[0] || array_fill(NULL::int, ARRAY[need]);   -- cost of covering at least place - 1
BEGIN
  FOR i IN 1 .. cardinality(quantities) LOOP
    FOR covered IN REVERSE need .. 1 LOOP
      least[covered + 1] := least(least[covered + 1], least[greatest(covered - quantities[i], 0) + 1] + costs[i]);
    END LOOP;
  END LOOP;
  RETURN least[need + 1];
END
$$;
SELECT count(*) AS tried, count(*) FILTER (WHERE abs(c.cost - cover(x.quantities, x.costs, x.need)) > 1e-6) AS "wrong"
FROM (SELECT seed, array_agg(1 + abs(hashint8extended(i, seed) % 40)::int ORDER BY i) AS quantities, array_agg(1 + abs(hashint8extended(i, seed + 1000) % 400)::int ORDER BY i) AS costs, 150 AS need
      FROM generate_series(1, 10) seed, generate_series(1, 24) i GROUP BY seed) x,
     clear_orders(format('SELECT place, 1::bigint, q::float8, c::float8 / q FROM unnest(%L::int[], %L::int[]) WITH ORDINALITY AS u (q, c, place)', x.quantities, x.costs),
                  cells => format('SELECT 1::bigint, %s::float8, 1000000::float8, true', x.need), terms => format('SELECT i::bigint, 1::float8, 0::float8 FROM generate_series(1, 24) i'), pricing => 'none', max_gap => 0) c;
-- minimum acceptance, one period, linear costs: at most one order is strictly between its minimum and its whole
SELECT count(*) AS tried, count(*) FILTER (WHERE x.between_them > 1) AS "wrong"
FROM (SELECT seed, (SELECT count(*) FROM clear_orders(
               format('SELECT i, 1::bigint, (CASE WHEN i %% 3 = 0 THEN -1 ELSE 1 END * (5 + abs(hashint8extended(i, %1$s) %% 40)))::float8, (abs(hashint8extended(i, %1$s + 1000) %% 1000) / 10.0 + CASE WHEN i %% 3 = 0 THEN 30 ELSE 0 END)::float8 FROM generate_series(1::bigint, 30) i', seed),
               terms => 'SELECT i, 0.4::float8, 0::float8 FROM generate_series(1::bigint, 30) i', pricing => 'none', max_gap => 0) c, unnest(c.share) s WHERE s > 0.4 + 1e-9 AND s < 1 - 1e-9) AS between_them
      FROM generate_series(1, 10) seed) x;

DROP SCHEMA known CASCADE;
