-- An auction that falls apart is cleared part by part: the same outcome as of each part by itself, and the gap of the whole.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;
CREATE FUNCTION draw(what bigint, seed bigint, below integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8extended(what, seed) & 1073741823) % below)::integer $$;
-- 40 evenings of two cells each, of every kind: steps alone, one requirement and whole orders, blocks with links, exclusions, limits and flows
CREATE TABLE leg AS
  SELECT e * 100 + b AS order_id, e * 2 + cell AS cell, 1 + draw(e * 1000 + b, 1, 60)::float8 AS quantity, 20 + draw(e * 1000 + b, 2, 1000) / 10.0::float8 AS price, e AS evening
  FROM generate_series(1::bigint, 40) e, generate_series(1, 12) b, generate_series(0, CASE WHEN e % 4 = 3 AND b % 3 = 0 THEN 1 ELSE 0 END) cell;
CREATE TABLE term AS SELECT DISTINCT order_id, CASE WHEN evening % 4 = 1 OR order_id % 2 = 0 THEN 1 ELSE 0.4 END::float8 AS minimum, draw(order_id, 3, 40)::float8 AS fixed_cost, evening FROM leg WHERE evening % 4 > 0;
CREATE TABLE cell AS SELECT e * 2 + c AS cell, CASE c WHEN 0 THEN 150 ELSE 30 END::float8 AS requirement, 400::float8 AS ceiling, true AS at_least, e AS evening FROM generate_series(1::bigint, 40) e, generate_series(0, 1) c WHERE c = 0 OR e % 4 > 1;
CREATE FUNCTION clear_evenings(evenings text, max_gap float8, OUT cost float8, OUT gap float8, OUT status text, OUT price float8[], OUT share float8[], OUT broken text) LANGUAGE plpgsql AS $$
DECLARE
  q text[] := ARRAY['SELECT order_id, cell, quantity, price FROM leg WHERE @ ORDER BY order_id, cell', 'SELECT cell, requirement, ceiling, at_least FROM cell WHERE @ ORDER BY cell',
    'SELECT order_id, minimum, fixed_cost FROM term WHERE @ ORDER BY order_id', 'SELECT evening * 10 + order_id % 2 AS exclusion, order_id FROM (SELECT DISTINCT evening, order_id FROM leg) l WHERE evening % 4 = 2 AND order_id % 100 < 5 AND @ ORDER BY 1, 2',
    'SELECT order_id AS child, order_id - 1 AS parent FROM (SELECT DISTINCT evening, order_id FROM leg) l WHERE evening % 4 = 3 AND order_id % 100 = 8 AND @ ORDER BY 1',
    'SELECT evening AS limit_id, order_id, 1.0::float8 AS coefficient, 2.0::float8 AS most FROM (SELECT DISTINCT evening, order_id FROM leg) l WHERE evening % 4 = 2 AND order_id % 100 > 8 AND @ ORDER BY 1, 2',
    'SELECT cell AS from_cell, cell + 1 AS to_cell, -5.0::float8 AS least, 10.0::float8 AS most, 0.0::float8 AS loss FROM cell WHERE cell % 2 = 0 AND evening % 4 > 1 AND @ ORDER BY 1'];
  r record;
BEGIN
  q := ARRAY(SELECT replace(x, '@', evenings) FROM unnest(q) WITH ORDINALITY u (x, n) ORDER BY n);
  SELECT * INTO r FROM clear_orders(q[1], q[2], q[3], q[4], q[5], q[6], q[7], pricing => 'none', max_gap => clear_evenings.max_gap);
  cost := r.cost; gap := r.gap; status := r.status; price := r.shadow_price; share := r.share;
  SELECT string_agg(k.rule || ' ' || k.subject, ', ') INTO broken FROM check_clearing(to_jsonb(r), q[1], q[2], q[3], q[4], q[5], q[6], q[7], pricing => 'none', max_gap => clear_evenings.max_gap) k WHERE NOT k.holds;
END $$;
SELECT w.status, w.broken, w.gap < 1e-9 AS proved, abs(w.cost - p.cost) < 1e-6 * p.cost AS same_cost, p.parts, p.broken AS parts_broken
FROM clear_evenings('true', 0) w, (SELECT sum(c.cost) AS cost, count(*) AS parts, count(c.broken) AS broken FROM generate_series(1, 40) e, clear_evenings(format('evening = %s', e), 0) c) p;
-- parts that cost and parts that bring in: together they cost little, and the gap is of that
INSERT INTO leg SELECT -l.order_id, -l.cell, -l.quantity, 45 + l.price * 0.99, -l.evening FROM leg l WHERE l.evening % 4 = 1;
INSERT INTO leg SELECT -l.evening * 100 - 90 - n, -l.cell, 14 * n, 20 + 3 * n, -l.evening FROM (SELECT DISTINCT evening, cell FROM leg WHERE evening % 4 = 1 AND evening > 0) l, generate_series(1, 9) n;
INSERT INTO term SELECT order_id, CASE WHEN order_id % 2 = 0 THEN 1 ELSE 0.5 END, 30, evening FROM leg WHERE evening < 0;
SELECT w.status, w.broken, w.gap <= 0.02 AS within, abs(w.cost) < 0.9 * (SELECT sum(abs(c.cost)) FROM generate_series(-40, 40) e, clear_evenings(format('evening = %s', e), 0.01) c WHERE e <> 0 AND EXISTS (SELECT FROM leg WHERE evening = e)) AS cancels
FROM clear_evenings('true', 0.02) w;
DROP FUNCTION clear_evenings(text, float8), draw(bigint, bigint, integer);
DROP TABLE leg, term, cell;
-- what cannot be cleared is refused, with the query and the value
\set VERBOSITY default
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, NULL::float8');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, 1');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, ''NaN''::float8, 1::float8');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8), (2, 1, 1, 1), (1, 1, 1, 1)', terms => 'VALUES (1::bigint, 1::float8, 0::float8)');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, 1::float8', terms => 'VALUES (1::bigint, 1::float8, 0::float8), (1, 0, 5)');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, 1::float8', terms => 'VALUES (1::bigint, 1.5::float8, 0::float8)');
SELECT cost FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, 1::float8', terms => 'VALUES (7::bigint, 1::float8, 0::float8)');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8), (2, 1, 1, 1)', links => 'VALUES (1::bigint, 2::bigint), (2, 1)');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8)', cells => 'VALUES (1::bigint, 5::float8, NULL::float8, true)');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8)', flows => 'VALUES (1::bigint, 2::bigint, -1::float8, 5::float8, 0.1::float8)');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8)', limits => 'VALUES (1::bigint, 1::bigint, 1::float8, -5::float8)');
SELECT cost FROM clear_orders('DELETE FROM pg_class');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8)', pricing => 'dutch');
SELECT cost FROM clear_orders('VALUES (1::bigint, 1::bigint, 1::float8, 1::float8)', max_gap => -1);
SELECT cost FROM clear_orders(NULL);
-- nothing to clear is cleared
SELECT status, cost, order_id, cell FROM clear_orders('SELECT 1::bigint, 1::bigint, 1::float8, 1::float8 WHERE false');
