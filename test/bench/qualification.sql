-- requalify: a new version of a product, and which of :rows assets may be members of a unit for it;
-- requalify_asset: the profile of an asset changes that applied for 60 products and is a member of
-- two portfolios of 50,000 members, of which the profile is declared, that applied for 5 each.
--
-- Beside them stand the times that they are to take, and for the first what a user would do.

SELECT flexexchange.create_exchange('bench_qualification', 'medium') \g /dev/null
SET search_path = bench_qualification, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code, spec)
  SELECT i, 1, 'P' || i, 'product ' || i, 'PR', jsonb_build_object(
    'member', jsonb_build_object('notice', jsonb_build_object('max', 'PT' || 60 * i || 'S'), 'technology', '["EV_CHARGER", "HEAT_PUMP", "BESS"]'::jsonb),
    'unit', jsonb_build_object('up_kw', jsonb_build_object('min', 100 * i)))::product_spec FROM generate_series(1, 60) i;
INSERT INTO asset (id, name, profile) SELECT id, 'asset ' || id, profile FROM bench.asset_typed;
ANALYZE asset;
INSERT INTO portfolio (id, name, service_provider_id, profile) SELECT 1000000000 + i, 'portfolio ' || i, 2, '{"directions": ["up"], "up_kw": 50000}' FROM generate_series(1, 2) i;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) SELECT p.id, i, 1, '2020-01-01T00:00Z/infinity' FROM portfolio p, generate_series(1, least(50000, :rows)) i;
ANALYZE portfolio_member;
INSERT INTO qualification (portfolio_id, product_id, service_provider_id) SELECT f.id, p.id, 2 FROM portfolio f, product p WHERE p.id % 12 = 0;
INSERT INTO qualification (asset_id, product_id, service_provider_id) SELECT i, p.id, 2 FROM generate_series(1, 20) i, product p;
VACUUM ANALYZE asset;
VACUUM ANALYZE portfolio_member;
VACUUM ANALYZE qualification;
VACUUM ANALYZE ineligible_member;

CREATE PROCEDURE bench.new_version() LANGUAGE plpgsql SET search_path = bench_qualification, flexexchange AS $$
DECLARE fresh bigint;
BEGIN
  INSERT INTO product (id, market_id, code, version, name, service_code, spec)
    SELECT (SELECT max(id) + 1 FROM product), 1, 'P1', max(version) + 1, 'another', 'PR', '{"member": {"notice": {"max": "PT1M"}, "up_kw": {"min": 5}}}' FROM product WHERE code = 'P1' RETURNING id INTO fresh;
  PERFORM count(*) FROM eligible_assets(fresh);
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('requalify', 'a new version of a product, and its eligible assets', true, 'SELECT', 'CALL bench.new_version()', NULL),
  ('requalify', '5 s', false, 'SELECT', 'SELECT pg_sleep(5)', 1),
  ('requalify', 'jsonb, no index', false, 'SELECT',
   $$SELECT count(*) FROM bench.asset_jsonb WHERE (doc->>'notice_s')::int <= 60 AND (doc->>'up_kw')::numeric >= 5$$, NULL),
  ('requalify_asset', '20 changes of an asset with 60 applications in two portfolios with 5 each', true, 'SELECT',
   $r$DO $d$ BEGIN FOR i IN 1 .. 20 LOOP UPDATE bench_qualification.asset SET profile = jsonb_set(profile::jsonb, '{notice}', CASE profile::jsonb ->> 'notice' WHEN 'PT1M1S' THEN '"PT30M"' ELSE '"PT1M1S"' END::jsonb)::flexexchange.asset_profile WHERE id = i; END LOOP; END $d$$r$, NULL),
  ('requalify_asset', '20 times 5 ms', false, 'SELECT', 'SELECT pg_sleep(0.1)', 1);
SET search_path = bench, flexexchange, public;
