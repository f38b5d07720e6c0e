-- clear_divisible, clear_divisible_48: :rows divisible bids against one requirement, and against one in each of 48 cells, beside the sort and sweep that a user would write with window functions.
-- clear_blocks: 2,000 bids of one to twelve half-hours of a day, with least shares, start-up costs, exclusive groups and links, cleared to a gap of 0.1 % beside 5 s and beside the command lines
-- of GLPK and CBC on the same instance, which read it from a file; another day in each round. The costs of all three and the proved bound must agree.

\ir write_lp.sql
CREATE TABLE bench.offer AS
  SELECT i::bigint AS order_id, (i % 48)::bigint AS cell, 1 + (hashint8extended(i, 41) & 1023) / 10.0::float8 AS quantity, 20 + (hashint8extended(i, 42) & 262143) / 1000.0::float8 AS price
  FROM generate_series(1, :rows) i;
CREATE TABLE bench.offer_need AS SELECT cell, sum(quantity) * 0.4 AS requirement FROM bench.offer GROUP BY cell;
VACUUM ANALYZE bench.offer;

-- a draw in 0 .. below - 1
CREATE FUNCTION bench.draw(what bigint, seed bigint, below integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8extended(what, seed) & 1073741823) % below)::integer $$;
CREATE TABLE bench.block_bid AS
  SELECT seed, b::bigint AS order_id, bench.draw(b, seed * 100 + 1, 48) AS starts, 1 + bench.draw(b, seed * 100 + 2, 12) AS length, 1 + bench.draw(b, seed * 100 + 3, 400) / 10.0::float8 AS quantity,
         40 + bench.draw(b, seed * 100 + 4, 8000) / 100.0::float8 AS price, (ARRAY[0, 0.25, 0.5, 1])[1 + bench.draw(b, seed * 100 + 5, 4)]::float8 AS minimum,
         CASE bench.draw(b, seed * 100 + 6, 5) WHEN 0 THEN 50 + bench.draw(b, seed * 100 + 7, 2000) / 10.0::float8 ELSE 0 END AS fixed_cost,
         CASE WHEN b % 10 < 3 THEN b / 10 END AS exclusion, CASE WHEN b % 10 IN (5, 7) THEN b - 1 END::bigint AS parent
  FROM generate_series(1, 5) seed, generate_series(1, 2000) b;
CREATE TABLE bench.block_leg AS
  SELECT seed, order_id, (starts + k) % 48 AS cell, quantity * (0.8 + bench.draw(order_id * 100 + k, seed * 100 + 8, 5) / 10.0::float8) AS quantity, price FROM bench.block_bid, generate_series(0, length - 1) k;
CREATE TABLE bench.block_need AS
  SELECT seed, cell::bigint, sum(quantity) * (0.3 + 0.1 * sin(cell * pi() / 24)) AS requirement FROM bench.block_leg GROUP BY seed, cell;
ANALYZE bench.block_bid, bench.block_leg, bench.block_need;

CREATE FUNCTION bench.block_queries(seed bigint) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT ARRAY(SELECT format(q, seed) FROM unnest(ARRAY[
    'SELECT order_id, cell::bigint, quantity, price FROM bench.block_leg WHERE seed = %s ORDER BY order_id, cell',
    'SELECT cell, requirement, 400::float8 AS ceiling, true AS at_least FROM bench.block_need WHERE seed = %s ORDER BY cell',
    'SELECT order_id, minimum, fixed_cost FROM bench.block_bid WHERE seed = %s AND (minimum > 0 OR fixed_cost > 0) ORDER BY order_id',
    'SELECT exclusion::bigint, order_id FROM bench.block_bid WHERE seed = %s AND exclusion IS NOT NULL ORDER BY exclusion, order_id',
    'SELECT order_id AS child, parent FROM bench.block_bid WHERE seed = %s AND parent IS NOT NULL ORDER BY order_id']) WITH ORDINALITY AS x (q, n) ORDER BY n) $$;

-- what each found: of the engine its bound, too
CREATE TABLE bench.block_result (solver text, seed bigint, cost float8, bound float8);
CREATE TABLE bench.said (line text);
CREATE FUNCTION bench.block_seed() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 1 + (current_setting('bench.round')::bigint - 1) % 5 $$;
CREATE FUNCTION bench.block_file() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('data_directory') || '/bench_blocks_' || bench.block_seed() || '.lp' $$;
CREATE PROCEDURE bench.write_blocks() LANGUAGE plpgsql AS $$
DECLARE
  q CONSTANT text[] := bench.block_queries(bench.block_seed());
BEGIN
  EXECUTE format('COPY (SELECT bench.write_lp(%L, %L, %L, %L, %L)) TO %L', q[1], q[2], q[3], q[4], q[5], bench.block_file());
END $$;
CREATE PROCEDURE bench.solve_blocks(solver text, command text, pattern text) LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE bench.said;
  EXECUTE format('COPY bench.said FROM PROGRAM %L (FORMAT csv, DELIMITER E''\x01'', QUOTE E''\x02'')', format(command, bench.block_file()));
  INSERT INTO bench.block_result SELECT solver, bench.block_seed(), (SELECT (regexp_match(line, pattern))[1]::float8 FROM bench.said WHERE line ~ pattern ORDER BY ctid DESC LIMIT 1);
END $$;
CREATE PROCEDURE bench.clear_blocks() LANGUAGE plpgsql AS $$
DECLARE
  q CONSTANT text[] := bench.block_queries(bench.block_seed());
BEGIN
  INSERT INTO bench.block_result
  SELECT 'flexexchange', bench.block_seed(), c.cost, c.bound FROM flexexchange.clear_orders(q[1], q[2], q[3], q[4], q[5], pricing => 'none', max_gap => 0.001, max_seconds => 60) c;
END $$;
-- no cost may be below a proved bound, and none more than two gaps from another
CREATE FUNCTION bench.check_blocks() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  r record;
BEGIN
  FOR r IN SELECT a.seed, a.solver, a.cost, b.solver AS other, b.cost AS other_cost, b.bound FROM bench.block_result a JOIN bench.block_result b USING (seed)
           WHERE a.cost IS NULL OR a.cost < b.bound - 1e-6 * abs(b.bound) OR a.cost > b.cost + 0.002 * abs(b.cost) LOOP
    RAISE EXCEPTION 'day %: % found %, % found % and bound %', r.seed, r.solver, r.cost, r.other, r.other_cost, r.bound;
  END LOOP;
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('clear_divisible', 'divisible bids, one requirement', true, 'SELECT',
   $run$DO $d$ BEGIN PERFORM c.price, cardinality(c.share) FROM flexexchange.clear_orders('SELECT order_id, 0::bigint AS cell, quantity, price FROM bench.offer', 'SELECT 0::bigint AS cell, sum(requirement) AS requirement, 1000::float8 AS ceiling, true AS at_least FROM bench.offer_need') c; END $d$$run$, NULL),
  ('clear_divisible', '1 s', false, 'SELECT', 'SELECT pg_sleep(1)', 1),
  ('clear_divisible', 'sort and sweep with window functions', false, 'SELECT',
   $run$DO $d$ BEGIN PERFORM array_agg(order_id), array_agg(least(1, greatest(0, (need - before) / quantity))), max(price) FILTER (WHERE before < need)
     FROM (SELECT order_id, quantity, price, sum(quantity) OVER (ORDER BY price, order_id) - quantity AS before FROM bench.offer) o CROSS JOIN (SELECT sum(requirement) AS need FROM bench.offer_need) n; END $d$$run$, NULL),
  ('clear_divisible_48', 'divisible bids, 48 requirements', true, 'SELECT',
   $run$DO $d$ BEGIN PERFORM c.price, cardinality(c.share) FROM flexexchange.clear_orders('SELECT order_id, cell, quantity, price FROM bench.offer', 'SELECT cell, requirement, 1000::float8 AS ceiling, true AS at_least FROM bench.offer_need') c; END $d$$run$, NULL),
  ('clear_divisible_48', '1 s', false, 'SELECT', 'SELECT pg_sleep(1)', 1),
  ('clear_divisible_48', 'sort and sweep with window functions', false, 'SELECT',
   $run$DO $d$ BEGIN PERFORM array_agg(order_id), array_agg(least(1, greatest(0, (requirement - before) / quantity))), max(price) FILTER (WHERE before < requirement)
     FROM (SELECT order_id, cell, quantity, price, sum(quantity) OVER (PARTITION BY cell ORDER BY price, order_id) - quantity AS before FROM bench.offer) o JOIN bench.offer_need n USING (cell) GROUP BY cell; END $d$$run$, NULL),
  ('clear_blocks', '2,000 bids of blocks in 48 half-hours, gap 0.1 %', true, 'SELECT', 'CALL bench.clear_blocks()', NULL),
  ('clear_blocks', '5 s', false, 'SELECT', 'SELECT pg_sleep(5)', 1),
  ('clear_blocks', 'glpsol', false, 'CALL bench.write_blocks()', $$CALL bench.solve_blocks('glpsol', 'glpsol --lp %s --mipgap 0.001 --tmlim 60', 'mip = +(-?[0-9.e+-]+) ')$$, NULL),
  ('clear_blocks', 'cbc', false, 'SELECT', $$CALL bench.solve_blocks('cbc', 'cbc %s ratio 0.001 sec 60 solve', '^Objective value: +(-?[0-9.e+-]+)')$$, NULL);
