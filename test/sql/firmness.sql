-- Firm quantities: known answers, and beside them all that can happen, enumerated.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = flexexchange;
\set SHOW_CONTEXT never

-- ---------------------------------------------------------------- known answers
-- arithmetic of the normal distribution and of the binomial, as tables of them have it

SELECT c AS confidence, round(normal_quantile(c)::numeric, 6) AS z FROM unnest('{0.5,0.9,0.95,0.99,0.05,0.999999}'::float8[]) c;
-- units of mean 1 and standard deviation 0.3: firm share of each at 95 %
SELECT n, round((firm_normal(array_fill(1::float8, ARRAY[n]), array_fill(0.3::float8, ARRAY[n]), 0, 0.95) / n)::numeric, 4) AS independent,
  round((firm_normal(array_fill(1::float8, ARRAY[n]), array_fill(0.3::float8, ARRAY[n]), 0.1, 0.95) / n)::numeric, 4) AS "0.1",
  round((firm_normal(array_fill(1::float8, ARRAY[n]), array_fill(0.3::float8, ARRAY[n]), 0.3, 0.95) / n)::numeric, 4) AS "0.3"
FROM unnest('{1,10,100,1000000}'::integer[]) n;
-- ten of them: each by itself, and together
SELECT round((10 * firm_normal('{1}', '{0.3}', 0, 0.95))::numeric, 3) AS singly, round(firm_normal(array_fill(1::float8, ARRAY[10]), array_fill(0.3::float8, ARRAY[10]), 0, 0.95)::numeric, 3) AS together;
-- units that deliver with probability 0.9: how many come at 95 %
SELECT n, firm_on_off(array_fill(1::numeric, ARRAY[n]), array_fill(0.9::float8, ARRAY[n]), 0.95) AS k,
  round(firm_on_off_probability(array_fill(1::numeric, ARRAY[n]), array_fill(0.9::float8, ARRAY[n]), firm_on_off(array_fill(1::numeric, ARRAY[n]), array_fill(0.9::float8, ARRAY[n]), 0.95))::numeric, 4) AS at_least_k
FROM unnest('{1,5,10,20,100}'::integer[]) n;
-- three unlike units
SELECT k, round((firm_on_off_probability('{1,1,1}', '{0.9,0.8,0.7}', k) - firm_on_off_probability('{1,1,1}', '{0.9,0.8,0.7}', k + 1))::numeric, 12) AS exactly,
  round(firm_on_off_probability('{1,1,1}', '{0.9,0.8,0.7}', k)::numeric, 12) AS at_least FROM generate_series(3, 0, -1) k;
-- the confidence that is just met is met
SELECT firm_on_off('{1,1,1}', '{0.9,0.8,0.7}', 0.902) AS met, firm_on_off('{1,1,1}', '{0.9,0.8,0.7}', 0.9020001) AS missed, firm_on_off('{7}', '{0.95}', 0.95) AS one;
-- conformal: 19 errors, the largest; 99, number 95; 18 are too few
SELECT n, conformal_rank(n, 0.95) AS rank FROM unnest('{18,19,99}'::integer[]) n;
SELECT firm_conformal(100, (SELECT array_agg(i) FROM generate_series(1, 19) i), 0.95) AS n19, firm_conformal(100, (SELECT array_agg(i ORDER BY hashint8extended(i, 1)) FROM generate_series(1, 99) i), 0.95) AS n99;
\set VERBOSITY default
SELECT firm_conformal(100, (SELECT array_agg(i) FROM generate_series(1, 18) i), 0.95);
\set VERBOSITY terse
-- samples: k = ceil(0.05 n)
SELECT n, firm_samples((SELECT array_agg(i ORDER BY hashint8extended(i, 2)) FROM generate_series(1, n) i), 0.95) AS k FROM unnest('{1,19,20,21,40,41,100}'::integer[]) n;
-- storage: 1 MW and 2 MWh on a call of four hours
SELECT round(firm_storage(1000, 2000, 4), 3) AS four_hours, firm_storage(1000, 2000, 1) AS one_hour, firm_storage(1000, NULL, 4) AS no_limit;
-- dependence unknown
SELECT round(firm_bonferroni('{10,20}', '{1,2}', 0.95)::numeric, 6) AS normal, round((30 - 3 * normal_quantile(0.975))::numeric, 6) AS by_hand,
  firm_bonferroni_on_off('{100,50,10}', '{0.97,0.99,0.9}', 0.95) AS on_off, firm_bonferroni_on_off(array_fill(1::numeric, ARRAY[10]), array_fill(0.9::float8, ARRAY[10]), 0.95) AS none;

-- ---------------------------------------------------------------- against what can happen

-- every subset of up to ten units of unlike powers: its probability, and so the greatest sum that is firm
CREATE FUNCTION pg_temp.outcomes(powers numeric[], p numeric[]) RETURNS TABLE (kw numeric, chance numeric) LANGUAGE sql AS $$
  WITH RECURSIVE x AS (
    SELECT 0 AS i, 0::numeric AS kw, 1::numeric AS chance
    UNION ALL
    SELECT x.i + 1, x.kw + o.comes * powers[x.i + 1], x.chance * CASE o.comes WHEN 1 THEN p[x.i + 1] ELSE 1 - p[x.i + 1] END FROM x, (VALUES (0), (1)) o (comes) WHERE x.i < cardinality(powers))
  SELECT kw, sum(chance) FROM x WHERE i = cardinality(powers) GROUP BY kw $$;
CREATE TEMP TABLE book AS
  SELECT s, array_agg((mod(abs(hashint8extended(i, 100 + s)), 5000) + 1)::numeric / CASE WHEN s % 3 = 0 THEN 1000 ELSE 10 END ORDER BY i) AS powers,
    array_agg((mod(abs(hashint8extended(i, 9000 + s)), 101))::numeric / 100 ORDER BY i) AS p, 0.5 + mod(abs(hashint8extended(s, 5)), 50)::numeric / 100 AS confidence
  FROM generate_series(1, 60) s, generate_series(1, 1 + s % 10) i GROUP BY s;
WITH truth AS (
  SELECT b.*, (SELECT coalesce(max(o.kw), 0) FROM (SELECT kw, sum(chance) OVER (ORDER BY kw DESC) AS at_least FROM pg_temp.outcomes(b.powers, b.p)) o WHERE o.at_least >= b.confidence) AS firm FROM book b)
SELECT count(*) AS books, count(*) FILTER (WHERE firm_on_off(powers, p::float8[], confidence::float8) = firm) AS the_same,
  count(*) FILTER (WHERE abs(firm_on_off_probability(powers, p::float8[], firm) - (SELECT sum(chance) FROM pg_temp.outcomes(powers, p) WHERE kw >= firm)::float8) < 1e-12) AS same_probability,
  count(*) FILTER (WHERE firm_on_off(powers, p::float8[], confidence::float8, 7) BETWEEN firm - 7 * cardinality(powers) AND firm) AS safe_on_a_grid,
  count(*) FILTER (WHERE firm_on_off(powers, p::float8[], confidence::float8, 7) < firm) > 0 AS where_a_grid_counts,
  count(*) FILTER (WHERE firm_on_off(powers, p::float8[], confidence::float8, 0.001) = firm) AS exact_on_a_fine_one,
  count(*) FILTER (WHERE firm_bonferroni_on_off(powers, p::float8[], confidence::float8) <= firm) AS bonferroni_is_safe,
  count(DISTINCT firm) > 40 AS unlike FROM truth;
-- like units: the binomial tail
WITH tail AS (SELECT n, k, (SELECT sum(exp(ln(factorial(n)) - ln(factorial(j)) - ln(factorial(n - j)) + j * ln(0.83) + (n - j) * ln(0.17))) FROM generate_series(k, n) j) AS p FROM unnest('{1,2,7,30}'::integer[]) n, generate_series(0, n) k)
SELECT n, max(k) FILTER (WHERE p >= 0.95) = max(firm_on_off(array_fill(1::numeric, ARRAY[n]), array_fill(0.83::float8, ARRAY[n]), 0.95)) AS the_same FROM tail GROUP BY n ORDER BY n;
-- one correlation for all, and the matrix that says the same; a matrix of blocks against its own sum
SELECT s, round((firm_normal(m, d, r, 0.95) - firm_normal(m, d, (SELECT array_agg(row ORDER BY i) FROM (SELECT i, array_agg(CASE WHEN i = j THEN 1 ELSE r END ORDER BY j) AS row FROM generate_series(1, 5) i, generate_series(1, 5) j GROUP BY i) x), 0.95))::numeric, 9) AS differ
FROM (SELECT s, array_agg(10 + mod(abs(hashint8extended(i, s)), 90)::float8) AS m, array_agg(mod(abs(hashint8extended(i, s + 50)), 30)::float8) AS d, -0.2 + s * 0.2 AS r FROM generate_series(0, 5) s, generate_series(1, 5) i GROUP BY s) x ORDER BY s;
SELECT round((30 - firm_normal('{10,10,10}', '{1,2,3}', '{{1,0.5,0},{0.5,1,0},{0,0,1}}'::float8[], 0.95))::numeric, 6) AS matrix, round((normal_quantile(0.95) * sqrt(1 + 4 + 9 + 2 * 0.5 * 1 * 2))::numeric, 6) AS by_hand;
-- two units of which one undoes the other
SELECT firm_normal('{10,10}', '{3,3}', -1, 0.95) AS certain, firm_normal('{10,10}', '{3,3}', '{{1,-1},{-1,1}}'::float8[], 0.95) AS by_matrix;
-- firm at a confidence is what comes with that probability
SELECT round(firm_normal_probability('{10,20,30}', '{3,4,5}', 0.2, firm_normal('{10,20,30}', '{3,4,5}', 0.2, 0.87))::numeric, 9) AS probability, firm_normal_probability('{10}', '{0}', 0, 10) AS certain, firm_normal_probability('{10}', '{0}', 0, 10.001) AS never;
-- samples: so many of the history are at least that, and of the next greater one too few
WITH h AS (SELECT s, array_agg(mod(abs(hashint8extended(i, s)), 1000)::float8) AS x FROM generate_series(1, 40) s, generate_series(1, s * 3) i GROUP BY s)
SELECT count(*) AS histories, count(*) FILTER (WHERE (SELECT count(*) FROM unnest(x) v WHERE v >= firm_samples(x, 0.9)) >= 0.9 * cardinality(x)) AS firm_enough FROM h;
-- conformal keeps its word: of 20 numbers in any order, each in turn the new one, it holds for 19
SELECT count(*) FILTER (WHERE delivered >= firm) AS held, count(*) AS events
FROM (SELECT -e.v AS delivered, firm_conformal(0, (SELECT array_agg(o.v) FROM unnest(x.v) WITH ORDINALITY o (v, i) WHERE o.i <> e.i), 0.95) AS firm
      FROM (SELECT array_agg(mod(abs(hashint8extended(i, 77)), 100000)::float8) AS v FROM generate_series(1, 20) i) x, unnest(x.v) WITH ORDINALITY e (v, i)) y;

-- ---------------------------------------------------------------- no unit, one that is certain, one that never comes

SELECT firm_normal('{}', '{}', 0.3, 0.95) AS normal, firm_normal('{}', '{}', '{}'::float8[], 0.95) AS matrix, firm_on_off('{}', '{}', 0.95) AS on_off, firm_bonferroni('{}', '{}', 0.95) AS bonferroni, firm_bonferroni_on_off('{}', '{}', 0.95) AS of_doubt;
SELECT firm_on_off('{5,3}', '{1,0}', 0.999) AS certain, firm_on_off('{0,0}', '{1,1}', 0.5) AS nothing, firm_on_off('{0.001}', '{1}', 0.5) AS a_watt, firm_on_off_probability('{5}', '{0.5}', 0) AS always, firm_on_off_probability('{5}', '{0.5}', 5.001) AS never;
SELECT firm_normal(NULL, '{}', 0, 0.95) IS NULL AS unknown, firm_on_off(NULL, '{}', 0.95) IS NULL AS unknown_too;
-- two thousand units, unlike to 100 W
SELECT firm_on_off(array_agg((1 + i % 50)::numeric / 10), array_agg(0.5 + (i % 10) / 20.0), 0.95) AS kw FROM generate_series(1, 2000) i;

-- ---------------------------------------------------------------- what is refused

\set VERBOSITY default
SELECT firm_normal('{1}', '{0.3}', 0, 1);
SELECT firm_normal('{1}', '{-0.3}', 0, 0.95);
SELECT firm_normal('{1,2}', '{0.3}', 0, 0.95);
SELECT firm_normal('{1,2,3}', '{1,1,1}', -0.6, 0.95);
SELECT firm_normal('{1,2}', '{1,1}', 1.5, 0.95);
SELECT firm_normal('{1,2}', '{1,1}', '{{1,0.5},{0.4,1}}'::float8[], 0.95);
SELECT firm_normal('{1,2}', '{1,1}', '{{1,0.5}}'::float8[], 0.95);
SELECT firm_normal('{1,2,3}', '{1,1,1}', '{{1,0.9,0.9},{0.9,1,-0.9},{0.9,-0.9,1}}'::float8[], 0.95);
SELECT firm_on_off('{1}', '{1.1}', 0.95);
SELECT firm_on_off('{-1}', '{1}', 0.95);
SELECT firm_on_off('{0.0001}', '{1}', 0.95);
SELECT firm_on_off('{20000,0.001}', '{1,1}', 0.95);
SELECT firm_on_off('{1}', '{1}', 0.95, 0);
SELECT firm_on_off('{1,NULL}', '{1,1}', 0.95);
SELECT firm_samples('{}', 0.95);
SELECT firm_samples('{NaN}', 0.95);
SELECT firm_conformal('Infinity', '{1}', 0.5);
SELECT conformal_rank(-1, 0.5);
SELECT normal_quantile(0);
SELECT firm_storage(1000, 2000, 0);
