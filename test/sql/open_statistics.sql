-- Open statistics: no figure, and nothing that can be worked out from several, is of fewer
-- providers than the smallest group.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('open_test');
SET search_path = open_test, flexexchange;
CREATE ROLE open_analyst IN ROLE flexexchange_analyst;
CREATE ROLE open_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) SELECT n, 'participant ' || n, '{market_operator,service_provider}' FROM generate_series(1, 12) n;
INSERT INTO market (id, code, name, market_operator_id) SELECT n, 'm' || n, 'market ' || n, n FROM generate_series(1, 3) n;
INSERT INTO product (id, market_id, code, name, service_code) SELECT n, 1 + (n - 1) / 5, 'p' || n, 'product ' || n, 'PR' FROM generate_series(1, 15) n;
INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'asset ' || n, 1000000 FROM generate_series(1, 12) n;
-- what is open in January 2025: one product of many, one of two providers; the market below tells
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h)
SELECT row_number() OVER (), product, provider, provider, 'up', 1000 * provider, '2025-01-10T00:00Z/PT2H', 10 * provider
FROM (VALUES (1, 4), (1, 5), (1, 6), (1, 7), (2, 8), (2, 9), (3, 4), (3, 5), (3, 6), (6, 4), (6, 5), (6, 6), (11, 10)) AS v (product, provider);
RESET session_replication_role;
SET ROLE open_operator;
SELECT publish_statistics('2025-01-01');
SELECT publish_statistics('2025-01-01');
SELECT publish_statistics('2025-02-02');
SELECT publish_statistics('2025-02-01') AS of_an_empty_month;
SELECT publish_statistics(date_trunc('month', now())::date);
RESET ROLE;
SET ROLE open_analyst;
SELECT market_code, product_code, hidden, number, mw_h, mean_availability_price_per_mw_h AS price FROM open_statistic ORDER BY market_code NULLS FIRST, length(product_code), product_code NULLS FIRST;
SELECT count(*) FROM award;
SELECT publish_statistics('2025-03-01');
RESET ROLE;

-- a mean is of all that the figure counts: of two that have a price it would tell
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h)
  SELECT 500 + n, 7, 3 + n, 4, 'up', 1000, '2024-06-10T00:00Z/PT2H', CASE WHEN n < 3 THEN 10 * n END FROM generate_series(1, 5) n;
RESET session_replication_role;
SELECT publish_statistics('2024-06-01');
SELECT number, mw_h, mean_availability_price_per_mw_h AS price FROM open_statistic WHERE month = '2024-06-01' AND product_code = 'p7';

-- random months, and an attacker who subtracts whatever is published from whatever is published
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
SELECT 1000 + i, 1 + (h & 1023) % 15, 4 + ((h >> 10) & 1023) % (2 + (h >> 30 & 7)), 4, 'up', 1 + (h >> 20 & 1023), time_window('2015-01-15'::timestamptz + i % 100 * interval '1 month', '2015-01-15'::timestamptz + i % 100 * interval '1 month' + interval '1 hour')
FROM (SELECT i, abs(hashint8extended(i, 7)) AS h FROM generate_series(1, 1500) i) x;
RESET session_replication_role;
SELECT sum(publish_statistics(('2015-01-01'::date + n * interval '1 month')::date)) > 500 AS some FROM generate_series(0, 99) n;
CREATE TEMP VIEW truth AS
  SELECT date_trunc('month', lower(a.delivery_window))::date AS month, m.code AS market_code, p.code AS product_code, a.service_provider_id AS provider
  FROM award a JOIN product p ON p.id = a.product_id JOIN market m ON m.id = p.market_id WHERE lower(a.delivery_window) < '2024-01-01';
-- figures of too few
SELECT count(*) FROM open_statistic o WHERE NOT hidden AND month < '2024-01-01'
  AND (SELECT count(DISTINCT t.provider) FROM truth t WHERE t.month = o.month AND (o.market_code IS NULL OR t.market_code = o.market_code) AND (o.product_code IS NULL OR t.product_code = o.product_code)) < 3;
-- what a published total and all that is published below it leave over
CREATE TEMP VIEW left_over AS
  SELECT o.month, o.market_code, count(DISTINCT t.provider) AS providers FROM open_statistic o
  JOIN open_statistic c ON c.month = o.month AND c.subject = o.subject AND c.hidden
    AND CASE WHEN o.market_code IS NULL THEN c.market_code IS NOT NULL AND c.product_code IS NULL ELSE c.market_code = o.market_code AND c.product_code IS NOT NULL END
  JOIN truth t ON t.month = c.month AND t.market_code = c.market_code AND (c.product_code IS NULL OR t.product_code = c.product_code)
  WHERE NOT o.hidden AND o.product_code IS NULL GROUP BY 1, 2;
SELECT count(*) > 50 AS many, count(*) FILTER (WHERE providers < 3) AS too_few FROM left_over;
-- below what is hidden nothing is published
SELECT count(*) FROM open_statistic c JOIN open_statistic m ON m.month = c.month AND m.subject = c.subject AND m.hidden AND m.product_code IS NULL AND (m.market_code = c.market_code OR m.market_code IS NULL)
  WHERE NOT c.hidden AND (c.market_code, c.product_code) IS DISTINCT FROM (m.market_code, m.product_code);
-- nothing is hidden without need: with all cells of enough providers all are published
SELECT hidden_cells(ARRAY['a', 'a', 'b'], ARRAY['x', 'y', 'z'], '[[1,2,3],[1,2,3],[4,5,6]]', ARRAY[1, 2, 3], 3);
-- the second step is what keeps the remainder from telling: without it one cell of one provider is left over
SELECT hidden_cells(ARRAY['a', 'a', 'a'], ARRAY['x', 'y', 'z'], '[[1],[1,2,3],[4,5,6]]', ARRAY[9, 2, 1], 3, complementary => false) AS without,
       hidden_cells(ARRAY['a', 'a', 'a'], ARRAY['x', 'y', 'z'], '[[1],[1,2,3],[4,5,6]]', ARRAY[9, 2, 1], 3) AS with_it;
BEGIN;
CREATE OR REPLACE FUNCTION hidden_cells(parents text[], names text[], providers jsonb, weights numeric[], smallest_group integer, complementary boolean DEFAULT true) RETURNS boolean[]
LANGUAGE sql AS $$ SELECT array_agg(jsonb_array_length(p) < smallest_group ORDER BY n) FROM jsonb_array_elements(providers) WITH ORDINALITY u (p, n) $$;
SET LOCAL session_replication_role = replica;
DELETE FROM open_statistic;
SELECT sum(publish_statistics(('2015-01-01'::date + n * interval '1 month')::date)) > 500 AS some FROM generate_series(0, 99) n;
SELECT count(*) FILTER (WHERE providers < 3) > 10 AS found_out FROM left_over;
ROLLBACK;
SELECT flexexchange.drop_exchange('open_test', with_data => true);
DROP ROLE open_analyst, open_operator;
