-- advice: what 200 providers could best sell on one evening, and what 100 needs of one buyer may
-- expect, and one need of the whole country, on the data of search.sql (50,000 needs, as many assets as there are rows), each asset
-- operated by one of 4,979 providers, with 40 competitions open for ten services, 200,000 awards and 100,000 bids
-- of the past and 300,000 obligations to come; under row-level security, as the participant.  The
-- time that 95 % keep to, beside what it is to be.

SET search_path = bench_search, bench, flexexchange, public;
SELECT setseed(0.43) \g /dev/null
CREATE ROLE bench_provider IN ROLE flexexchange_participant;
CREATE ROLE bench_buyer IN ROLE flexexchange_participant;
GRANT USAGE ON SCHEMA bench TO PUBLIC;
INSERT INTO participant_login VALUES ('bench_buyer', 2), ('bench_provider', 21);
SET session_replication_role = replica;
INSERT INTO asset_operator SELECT id, 21 + hashint8(id) % 4979 & 4095, '-infinity/infinity' FROM asset;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at, status)
  SELECT n, p.id, 'open ' || n, now() - interval '1 day', now() + interval '10 years', 'open'
  FROM generate_series(1, 40) n JOIN (SELECT id, row_number() OVER () AS i, count(*) OVER () AS k FROM product WHERE service_code IN ('DC', 'DM', 'DR', 'QR', 'SR', 'STOR', 'PR', 'SU', 'OUrt', 'OUwa')) p ON p.i = 1 + n % p.k;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at, status)
  SELECT n, p.id, 'past ' || n, now() - interval '1 year', now() - n % 300 * interval '1 day', 'final' FROM generate_series(1001, 6000) n JOIN (SELECT id, row_number() OVER () AS i, count(*) OVER () AS k FROM product) p ON p.i = 1 + n % p.k;
INSERT INTO competition_terms (competition_id) SELECT id FROM competition;
INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw)
  SELECT c.id, c.product_id, CASE WHEN c.id % 3 > 0 THEN 1 + c.id % 314 END, time_window(t, t + interval '30 minutes'), 'up', 1000
  FROM competition c CROSS JOIN generate_series(0, 3) s CROSS JOIN LATERAL (SELECT CASE WHEN c.id <= 40 THEN timestamptz '2027-01-10 16:00Z' ELSE c.gate_closes_at END + s * interval '30 minutes' AS t) x;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status)
  SELECT c.id, c.product_id, o.service_provider_id, o.asset_id, 'up', 10, time_window(c.gate_closes_at, c.gate_closes_at + interval '1 hour'), 2 + random() * 10, 50 + random() * 200, CASE WHEN random() < 0.7 THEN 'awarded' ELSE 'lapsed' END
  FROM (SELECT n, 1 + (random() * (:rows - 1))::bigint AS asset_id, 1001 + n % 5000 AS competition FROM generate_series(1, 100000) n) n JOIN asset_operator o ON o.asset_id = n.asset_id JOIN competition c ON c.id = n.competition;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
  SELECT p.ids[1 + (o.service_provider_id + n % 3) % cardinality(p.ids)], o.service_provider_id, o.asset_id, 'up', 10, time_window(now() - n % 360 * interval '1 day', now() - n % 360 * interval '1 day' + interval '1 hour'), 2 + random() * 10, 50 + random() * 200
  FROM (SELECT n, 1 + (random() * (:rows - 1))::bigint AS asset_id FROM generate_series(1, 200000) n) n JOIN asset_operator o ON o.asset_id = n.asset_id, (SELECT array_agg(DISTINCT product_id) AS ids FROM competition WHERE id <= 40) p;
-- each provider has a history of three products, which are bought again
UPDATE bid b SET product_id = p.ids[1 + (b.service_provider_id + b.id % 3) % cardinality(p.ids)] FROM (SELECT array_agg(DISTINCT product_id) AS ids FROM competition WHERE id <= 40) p WHERE b.id % 2 = 0;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked)
  SELECT 'award', 10000000 + n, o.asset_id, 'asset', p.service_code, p.id, m.market_operator_id, o.service_provider_id, 'up', 5, time_window(t, t + interval '2 hours'), true
  FROM (SELECT n, 1 + (random() * (:rows - 1))::bigint AS asset_id, 1 + n % 66 AS product, timestamptz '2027-01-01 00:00Z' + floor(random() * 240) * interval '1 hour' AS t FROM generate_series(1, 300000) n) n
  JOIN asset_operator o ON o.asset_id = n.asset_id JOIN product p ON p.id = n.product JOIN market m ON m.id = p.market_id;
RESET session_replication_role;
CREATE TABLE bench.advice_unit AS SELECT o.asset_id, row_number() OVER () AS i, o.service_provider_id FROM asset_operator o JOIN bench_search.bid b ON b.asset_id = o.asset_id ORDER BY b.id LIMIT 200;
CREATE TABLE bench.advice_need AS SELECT n.id AS need_id, row_number() OVER (ORDER BY n.id) AS i FROM need n WHERE n.market_operator_id = 2 LIMIT 100;
INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status) VALUES (900001, 2, 'PR', 'anywhere', 'up', 100000, '2027-01-10T16:00Z/PT4H', 'published');
GRANT SELECT ON bench.advice_unit, bench.advice_need TO PUBLIC;
VACUUM ANALYZE asset_operator;
ANALYZE;

CREATE TABLE bench.advice_took (what text, ms numeric);
CREATE PROCEDURE bench.advise() LANGUAGE plpgsql SET search_path = bench_search, bench, flexexchange, public AS $$
DECLARE
  u record;
  started timestamptz;
  took numeric;
BEGIN
  DELETE FROM bench.advice_took WHERE what = 'unit';
  FOR u IN SELECT * FROM bench.advice_unit ORDER BY i LOOP
    UPDATE participant_login SET participant_id = u.service_provider_id WHERE role_name = 'bench_provider';
    SET LOCAL ROLE bench_provider;
    started := clock_timestamp();
    PERFORM FROM best_products(u.asset_id, '2027-01-10T16:00Z/PT4H');
    took := extract(epoch FROM clock_timestamp() - started) * 1000;
    RESET ROLE;
    INSERT INTO bench.advice_took VALUES ('unit', took);
  END LOOP;
END $$;
CREATE PROCEDURE bench.expect_anywhere() LANGUAGE plpgsql SET search_path = bench_search, bench, flexexchange, public AS $$
BEGIN
  SET LOCAL ROLE bench_buyer;
  PERFORM FROM expected_offers(900001);
  RESET ROLE;
END $$;
CREATE PROCEDURE bench.expect() LANGUAGE plpgsql SET search_path = bench_search, bench, flexexchange, public AS $$
DECLARE
  n record;
  started timestamptz;
  took numeric;
BEGIN
  DELETE FROM bench.advice_took WHERE what = 'need';
  FOR n IN SELECT * FROM bench.advice_need ORDER BY i LOOP
    SET LOCAL ROLE bench_buyer;
    started := clock_timestamp();
    PERFORM FROM expected_offers(n.need_id);
    took := extract(epoch FROM clock_timestamp() - started) * 1000;
    RESET ROLE;
    INSERT INTO bench.advice_took VALUES ('need', took);
  END LOOP;
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, measure, aim) VALUES
  ('best_products', '95 % of 200 units', true, 'SELECT', 'CALL bench.advise()', $$SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) FROM bench.advice_took WHERE what = 'unit'$$, NULL),
  ('best_products', '50 ms', false, 'SELECT', 'SELECT', 'SELECT 50', 1),
  ('expected_offers', '95 % of 100 needs', true, 'SELECT', 'CALL bench.expect()', $$SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) FROM bench.advice_took WHERE what = 'need'$$, NULL),
  ('expected_offers', '1 s', false, 'SELECT', 'SELECT', 'SELECT 1000', 1),
  ('expected_anywhere', 'one need of the whole country', true, 'SELECT', 'CALL bench.expect_anywhere()', NULL, NULL),
  ('expected_anywhere', '1 s', false, 'SELECT', 'SELECT', 'SELECT 1000', 1);
SET search_path = bench, flexexchange, public;
