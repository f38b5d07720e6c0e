-- Steps exactly at the price: by order the first come, by pro_rata each its share, within what flows allow; cost and prices stay as they are.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = flexexchange, public;
CREATE SCHEMA ties_test;
CREATE TABLE ties_test.o (book text, order_id bigint, cell bigint, quantity float8, price float8);
CREATE TABLE ties_test.c (book text, cell bigint, requirement float8, ceiling float8, at_least boolean);
CREATE TABLE ties_test.f (book text, n integer, from_cell bigint, to_cell bigint, least float8, most float8, loss float8);
INSERT INTO ties_test.o VALUES
  -- 20 of 40 at the price, and 5 below it
  ('one cell', 1, 1, 5, 4), ('one cell', 2, 1, 10, 7), ('one cell', 3, 1, 30, 7), ('one cell', 4, 1, 9, 8),
  -- who buys at the price is served wholly, since enough is sold at it; then the other way round
  ('more to sell', 1, 1, 30, 7), ('more to sell', 2, 1, 10, 7), ('more to sell', 3, 1, -12, 7), ('more to sell', 4, 1, -3, 7),
  ('more to buy', 1, 1, 8, 7), ('more to buy', 2, 1, 4, 7), ('more to buy', 3, 1, -30, 7), ('more to buy', 4, 1, -18, 7),
  -- a chain of three cells: 60 wanted in the last, 120 at one price in all
  ('chain', 1, 1, 60, 7), ('chain', 2, 2, 20, 7), ('chain', 3, 3, 40, 7),
  ('narrow chain', 1, 1, 60, 7), ('narrow chain', 2, 2, 20, 7), ('narrow chain', 3, 3, 40, 7),
  -- a flow that loses, and a neighbour at another price, share nothing
  ('lossy', 1, 1, 50, 7), ('lossy', 2, 2, 50, 7), ('lossy', 3, 2, 50, 7),
  ('two prices', 1, 1, 50, 6), ('two prices', 2, 1, 50, 6), ('two prices', 3, 2, 50, 7), ('two prices', 4, 2, 50, 7);
INSERT INTO ties_test.c VALUES ('one cell', 1, 25, 100, false), ('more to sell', 1, 5, 100, false), ('chain', 3, 60, 100, false), ('narrow chain', 3, 60, 100, false),
  ('lossy', 2, 40, 100, false), ('two prices', 1, 10, 100, false), ('two prices', 2, 60, 100, false);
INSERT INTO ties_test.f VALUES ('chain', 1, 1, 2, 0, 50, 0), ('chain', 2, 2, 3, 0, 50, 0), ('narrow chain', 1, 1, 2, 0, 25, 0), ('narrow chain', 2, 3, 2, -50, 0, 0),
  ('lossy', 1, 1, 2, 0, 50, 0.1), ('two prices', 1, 1, 2, 0, 20, 0);
CREATE FUNCTION ties_test.clear(book text, ties text, seed bigint DEFAULT 0) RETURNS TABLE (cost numeric, prices float8[], shares numeric[], flows numeric[]) LANGUAGE sql AS $$
  SELECT round(cost::numeric, 6), price, ARRAY(SELECT round(s::numeric, 6) FROM unnest(share) s), ARRAY(SELECT round(q::numeric, 6) FROM unnest(flow) q)
  FROM flexexchange.clear_orders(format('SELECT order_id, cell, quantity, price FROM ties_test.o WHERE book = %L ORDER BY order_id', book),
    format('SELECT cell, requirement, ceiling, at_least FROM ties_test.c WHERE book = %L ORDER BY cell', book),
    flows => CASE WHEN EXISTS (SELECT FROM ties_test.f x WHERE x.book = clear.book) THEN format('SELECT from_cell, to_cell, least, most, loss FROM ties_test.f WHERE book = %L ORDER BY n', book) END, ties => ties, seed => seed) $$;
SELECT b.book, t.ties, r.* FROM (SELECT DISTINCT book FROM ties_test.o) b, (VALUES ('order'), ('pro_rata')) t (ties), ties_test.clear(b.book, t.ties) r ORDER BY b.book COLLATE "C", t.ties;
-- whoever comes first, the answer of pro_rata is the same
SELECT book, count(DISTINCT (shares, flows)) FROM (SELECT DISTINCT book FROM ties_test.o) b, generate_series(0, 9) seed, ties_test.clear(b.book, 'pro_rata', seed) GROUP BY book HAVING count(DISTINCT (shares, flows)) > 1;
SELECT ties_test.clear('one cell', 'fair');
SELECT ties_test.clear('one cell', NULL);

-- 120 random books of five cells and six lines, some of them loops, with prices from 1 to 4, so that ties are everywhere.
CREATE FUNCTION ties_test.draw(what bigint, seed bigint, below integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8extended(what, seed) & 1073741823) % below)::integer $$;
INSERT INTO ties_test.o SELECT 'random ' || s, i, 1 + ties_test.draw(i, s * 10 + 1, 5), (CASE WHEN ties_test.draw(i, s * 10 + 2, 3) = 0 THEN -1 ELSE 1 END) * (1 + ties_test.draw(i, s * 10 + 3, 20)), 1 + ties_test.draw(i, s * 10 + 4, 4)
  FROM generate_series(1, 120) s, generate_series(1, 25) i;
INSERT INTO ties_test.c SELECT 'random ' || s, c, ties_test.draw(c, s * 10 + 5, 30), 50, false FROM generate_series(1, 120) s, generate_series(1, 5) c;
INSERT INTO ties_test.f SELECT 'random ' || s, n, 1 + ties_test.draw(n, s * 10 + 6, 5) AS a, 1 + (ties_test.draw(n, s * 10 + 6, 5) + 1 + ties_test.draw(n, s * 10 + 7, 4)) % 5, -ties_test.draw(n, s * 10 + 8, 15), ties_test.draw(n, s * 10 + 9, 15), 0
  FROM generate_series(1, 120) s, generate_series(1, 6) n;
CREATE TABLE ties_test.answer AS
  SELECT b.book, t.ties, r.* FROM (SELECT DISTINCT book FROM ties_test.o WHERE book LIKE 'random %') b, (VALUES ('order'), ('pro_rata')) t (ties),
    flexexchange.clear_orders(format('SELECT order_id, cell, quantity, price FROM ties_test.o WHERE book = %L ORDER BY order_id', book), format('SELECT cell, requirement, ceiling, at_least FROM ties_test.c WHERE book = %L ORDER BY cell', book),
      flows => format('SELECT from_cell, to_cell, least, most, loss FROM ties_test.f WHERE book = %L ORDER BY n', book), ties => t.ties) r;
CREATE TABLE ties_test.taken AS
  SELECT a.book, a.ties, o.order_id, o.cell, o.quantity, o.price, x.share, a.price[array_position(a.cell, o.cell)] AS cell_price, a.highest_price[array_position(a.cell, o.cell)] AS highest
  FROM ties_test.answer a CROSS JOIN LATERAL unnest(a.order_id, a.share) x (order_id, share) JOIN ties_test.o o ON o.book = a.book AND o.order_id = x.order_id;
CREATE TABLE ties_test.sent AS
  SELECT a.book, a.ties, f.n, f.from_cell, f.to_cell, f.least, f.most, a.flow[f.n] AS flow FROM ties_test.answer a JOIN ties_test.f f USING (book);
-- the same cost and prices; what is taken costs just that; cells balance; flows are within their bounds
SELECT a.book, a.cost, b.cost, a.price, b.price FROM ties_test.answer a JOIN ties_test.answer b USING (book) WHERE a.ties < b.ties AND (abs(a.cost - b.cost) > 1e-6 OR a.price <> b.price);
SELECT a.book, a.ties, a.cost, t.cost FROM ties_test.answer a JOIN (SELECT book, ties, sum(share * quantity * price) AS cost FROM ties_test.taken GROUP BY book, ties) t USING (book, ties)
WHERE abs(a.cost - t.cost - 50 * (SELECT sum(s) FROM unnest(a.shortfall) s)) > 1e-5;
SELECT c.book, a.ties, c.cell FROM ties_test.answer a JOIN ties_test.c c USING (book)
WHERE abs(coalesce((SELECT sum(share * quantity) FROM ties_test.taken t WHERE (t.book, t.ties, t.cell) = (c.book, a.ties, c.cell)), 0) + a.shortfall[array_position(a.cell, c.cell)] - c.requirement
  + coalesce((SELECT sum(CASE WHEN to_cell = c.cell THEN flow ELSE -flow END) FROM ties_test.sent s WHERE (s.book, s.ties) = (c.book, a.ties) AND c.cell IN (from_cell, to_cell)), 0)) > 1e-5;
SELECT * FROM ties_test.sent WHERE flow < least - 1e-6 OR flow > most + 1e-6;
-- two steps of one side at the price, of one cell or of cells with room on the line between them both ways, have the same share; and a step that sells and one that buys at it in one cell do not both wait
WITH near AS (SELECT book, cell AS a, cell AS b FROM ties_test.c WHERE book LIKE 'random %'
              UNION SELECT book, from_cell, to_cell FROM ties_test.sent WHERE ties = 'pro_rata' AND flow > least + 0.001 AND flow < most - 0.001),
     at_price AS (SELECT * FROM ties_test.taken WHERE ties = 'pro_rata' AND abs(price - cell_price) < 1e-6 AND abs(highest - cell_price) < 1e-6)
SELECT count(*) FILTER (WHERE x.quantity * y.quantity > 0) > 400 AS many, count(*) FILTER (WHERE x.quantity * y.quantity > 0 AND abs(x.share - y.share) > 1e-5) AS uneven,
       count(*) FILTER (WHERE x.quantity > 0 AND y.quantity < 0 AND x.share < 1 - 1e-5 AND y.share < 1 - 1e-5) AS both_wait
FROM at_price x JOIN near n ON n.book = x.book AND n.a = x.cell JOIN at_price y ON y.book = n.book AND y.cell = n.b AND abs(y.price - x.price) < 1e-6;
-- by order, some of them are not
SELECT count(*) > 40 AS uneven FROM ties_test.taken x JOIN ties_test.taken y USING (book, ties, cell, price) WHERE ties = 'order' AND price = x.cell_price AND x.quantity * y.quantity > 0 AND abs(x.share - y.share) > 0.01;
DROP SCHEMA ties_test CASCADE;
