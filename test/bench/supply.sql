-- portfolio_check: a commitment of a portfolio of 50,000 members beside one of another with
-- 1,000 of them in common; switch: 2,000 assets change portfolio in one statement, among 40
-- portfolios over 300,000 assets, all with live commitments.
--
-- Beside them stand the times that they are to take, and for the first what a user would do:
-- add up the members.  Everything is rolled back, so that each round finds the same register.

SELECT flexexchange.create_exchange('bench_supply') \g /dev/null
SET search_path = bench_supply, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT i, 'asset ' || i, 100, 100 FROM generate_series(1, 300000) i;
INSERT INTO portfolio (id, name, service_provider_id) SELECT 1000000000 + i, 'portfolio ' || i, 2 FROM generate_series(0, 41) i;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT 1000000000 + id % 40, id, 50, 50, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT 1000000040, id, 50, 50, time_window '2020-01-01T00:00Z/infinity' FROM asset WHERE id <= 50000
  UNION ALL SELECT 1000000041, id, 80, 50, time_window '2020-01-01T00:00Z/infinity' FROM asset WHERE id BETWEEN 49001 AND 60000;
INSERT INTO award (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window)
  SELECT 1, 2, 1000000000 + i, 'up', 360000, time_window(d, d + interval '4 hours') FROM generate_series(0, 39) i, generate_series(timestamptz '2098-01-01T16:00Z', '2098-01-05T16:00Z', '1 day') d;
INSERT INTO award (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window)
  VALUES (1, 2, 1000000041, 'up', 500000, '2098-03-01T16:00Z/PT4H');
VACUUM ANALYZE asset;
VACUUM ANALYZE portfolio_member;
VACUUM ANALYZE place_supply;
VACUUM ANALYZE portfolio_supply;
VACUUM ANALYZE commitment;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('portfolio_check', '10 awards of a portfolio of 50,000 members, 1,000 in common', true, 'SELECT',
   $$CALL bench.and_take_back('INSERT INTO bench_supply.award (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (1, 2, 1000000040, ''up'', 2490000, ''2098-03-01T17:00Z/PT1H'')', 10)$$, NULL),
  ('portfolio_check', '10 times 10 ms', false, 'SELECT', 'SELECT pg_sleep(0.1)', 1),
  ('portfolio_check', 'adding up the members of both, 10 times', false, 'SELECT',
   $$SELECT sum(kw) FROM generate_series(1, 10) i CROSS JOIN LATERAL (SELECT least(a.qualified_up_kw, sum(m.flexible_up_kw)) + i - i AS kw
     FROM bench_supply.portfolio_member m JOIN bench_supply.asset a ON a.id = m.asset_id
     WHERE m.portfolio_id IN (1000000040, 1000000041) AND m.valid @> timestamptz '2098-03-01T17:00Z' GROUP BY a.id, i) x$$, NULL),
  ('switch', '2,000 assets change portfolio', true, 'SELECT',
   $$CALL bench.and_take_back('UPDATE bench_supply.portfolio_member SET portfolio_id = 1000000000 + (asset_id + 1) % 40 WHERE asset_id BETWEEN 100000 AND 101999', 1)$$, NULL),
  ('switch', '2 s', false, 'SELECT', 'SELECT pg_sleep(2)', 1);
SET search_path = bench, flexexchange, public;
