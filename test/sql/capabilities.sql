-- Capabilities: assets found by place, distance, technology, service and kW, beside a
-- plain query over everything, and who finds what.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('able_test');
SET search_path = able_test, flexexchange;
CREATE FUNCTION dice(i bigint, k int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8extended(i * 64 + k, 7) & 2147483647) % n)::int $$;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'Volt & Sons', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1);
INSERT INTO product (market_id, code, name, service_code, spec) VALUES
  (1, 'DC', 'Dynamic Containment', 'DC', '{"member": {"technology": ["BESS"], "full_delivery": {"max": "PT1S"}}}'), (1, 'STOR', 'STOR', 'STOR', '{"member": {"up_kw": {"min": 1}}}'),
  (1, 'STOR2', 'STOR of CHP', 'STOR', '{"member": {"technology": ["CHP"]}}'), (1, 'BR', 'Balancing Reserve', 'BR', NULL);
INSERT INTO grid_node (id, kind, name, latitude, longitude) SELECT 10000 + n, CASE WHEN n <= 3 THEN 'gsp' ELSE 'primary' END, 'node ' || n, 50 + dice(n, 1, 800) / 100.0, -5 + dice(n, 2, 600) / 100.0 FROM generate_series(1, 30) n;
INSERT INTO grid_node_parent (grid_node_id, parent_id) SELECT 10000 + n, 10001 + n % 3 FROM generate_series(4, 30) n;
INSERT INTO asset (id, name, technology, qualified_up_kw, qualified_down_kw, grid_node_id, latitude, longitude, profile)
  SELECT n, 'asset ' || n, t, kw, CASE WHEN dice(n, 5, 3) > 0 THEN kw / 2 END, CASE WHEN dice(n, 3, 9) > 0 THEN g.id END, g.latitude + dice(n, 6, 100) / 100.0, g.longitude + dice(n, 7, 100) / 100.0,
         CASE WHEN dice(n, 8, 5) > 0 THEN format('{"technology": "%s", "directions": ["up"], "up_kw": %s, "full_delivery": "PT%sS"}', t, kw, 1 + dice(n, 9, 3))::asset_profile END
  FROM (SELECT n, (ARRAY['BESS', 'EV_CHARGER', 'CHP'])[1 + dice(n, 1, 3)] AS t, round(1 + dice(n, 2, 5000) + n / 10000.0, 3) AS kw FROM generate_series(1, 3000) n) n
  JOIN grid_node g ON g.id = 10004 + dice(n, 4, 27);
ANALYZE asset;

CREATE FUNCTION plainly(words text, nodes bigint[], lat numeric, lon numeric, within numeric, service text, way text, least_kw numeric) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT a.id FROM asset a
  WHERE (words IS NULL OR lower(a.technology) = lower(words)) AND (nodes IS NULL OR a.grid_node_id = ANY (nodes))
    AND (within IS NULL OR distance_km(lat, lon, a.latitude, a.longitude) <= within)
    AND (way IS NULL OR CASE way WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END > 0)
    AND (least_kw IS NULL OR CASE way WHEN 'up' THEN a.qualified_up_kw WHEN 'down' THEN a.qualified_down_kw ELSE greatest(a.qualified_up_kw, a.qualified_down_kw) END >= least_kw)
    AND (service IS NULL OR EXISTS (SELECT FROM product p WHERE p.service_code = service AND p.spec @> a.profile))
  ORDER BY CASE WHEN within IS NOT NULL THEN distance_km(lat, lon, a.latitude, a.longitude) END, greatest(a.qualified_up_kw, a.qualified_down_kw) DESC NULLS LAST, a.id LIMIT 15
$$;
SELECT count(*) AS asked, sum(cardinality(plain)) > 3000 AS enough, count(*) FILTER (WHERE plain = '{}') BETWEEN 10 AND 200 AS some_find_nothing, count(*) FILTER (WHERE plain <> found) AS differ FROM (
  SELECT ARRAY(SELECT * FROM plainly(w, nodes, lat, lon, within, service, way, kw)) AS plain,
         ARRAY(SELECT id FROM search_capabilities(w, nodes, lat, lon, within, service, way, kw, 15)) AS found
  FROM (SELECT CASE WHEN dice(i, 11, 3) = 0 THEN (ARRAY['bess', 'EV_charger', 'CHP', 'kite'])[1 + dice(i, 12, 4)] END AS w,
               CASE WHEN dice(i, 13, 3) = 0 THEN grid_nodes_concerned(10001 + dice(i, 14, 30)) END AS nodes,
               50 + dice(i, 15, 800) / 100.0 AS lat, -5 + dice(i, 16, 600) / 100.0 AS lon, CASE WHEN dice(i, 17, 3) = 0 THEN (1 + dice(i, 18, 300))::numeric END AS within,
               CASE WHEN dice(i, 19, 3) = 0 THEN (ARRAY['DC', 'STOR', 'BR', 'DC'])[1 + dice(i, 20, 4)] END AS service,
               (ARRAY['up', 'down', NULL])[1 + dice(i, 21, 3)] AS way, CASE WHEN dice(i, 22, 3) = 0 THEN dice(i, 23, 5200)::numeric END AS kw
        FROM generate_series(1, 600) i OFFSET 0) q) r;

-- in one call with everything else; a provider finds its own assets, an analyst none
CREATE ROLE able_neso IN ROLE flexexchange_participant;
CREATE ROLE able_seller IN ROLE flexexchange_participant;
CREATE ROLE able_nobody IN ROLE flexexchange_analyst;
INSERT INTO participant_login (role_name, participant_id) VALUES ('able_neso', 1), ('able_seller', 2);
INSERT INTO asset_operator (asset_id, service_provider_id) SELECT id, 2 FROM asset WHERE id IN (5, 6, 7);
SET ROLE able_neso;
SELECT kind, id, name, summary FROM search_exchange(service_code => 'DC', power_kw => 4900, kinds => '{product,capability}');
RESET ROLE;
SET ROLE able_seller;
SELECT count(*), array_agg(id ORDER BY id) AS own FROM search_exchange(kinds => '{capability}');
RESET ROLE;
SET ROLE able_nobody;
SELECT count(*) FROM search_exchange(kinds => '{capability}');
RESET ROLE;

-- indexes leave out the assets that cannot be what is asked for, and serve all the same
CREATE FUNCTION found_by(search text) RETURNS text LANGUAGE plpgsql SET enable_seqscan = off SET search_path FROM CURRENT AS $$
DECLARE
  indexes CONSTANT regclass[] := '{asset_down_idx, asset_grid_node_id_idx, asset_metering_point_id_idx, asset_up_idx}';
  before CONSTANT bigint[] := ARRAY(SELECT coalesce(pg_stat_get_xact_numscans(i), 0) FROM unnest(indexes) WITH ORDINALITY u (i, n) ORDER BY n);
BEGIN
  EXECUTE search;
  RETURN (SELECT string_agg(u.i::text, ', ') FROM unnest(indexes, before) u (i, n) WHERE pg_stat_get_xact_numscans(u.i) > u.n);
END $$;
ANALYZE asset;
SELECT found_by(s) FROM unnest(ARRAY[$$SELECT search_exchange(direction => 'up', kinds => '{capability}')$$, $$SELECT search_exchange(direction => 'down', kinds => '{capability}')$$,
  $$SELECT FROM asset WHERE grid_node_id = 1 ORDER BY greatest(qualified_up_kw, qualified_down_kw) DESC NULLS LAST$$, $$SELECT FROM asset WHERE metering_point_id = 1$$]) s;

-- what it would change if all asked for the same
SELECT code, members_now, members_then - members_now AS more FROM harmonisation_effect('member', 'technology', '["BESS", "CHP"]');
SELECT code, members_now, members_then - members_now AS more FROM harmonisation_effect('member', 'full_delivery', NULL);
SELECT * FROM harmonisation_effect('member', 'full_delivery', '{"max": "quick"}');
SELECT * FROM harmonisation_effect('whole', 'up_kw', NULL);
SELECT part, requirement, products, ways FROM requirement_variety ORDER BY 1, 2;

-- published products are a market's own with one call; all of them can be read and used
SELECT count(*) AS templates, count(DISTINCT service_code) AS services, count(*) FILTER (WHERE source IS NULL OR as_of IS NULL) AS without_source FROM product_template;
SELECT create_product(1, 'QR') IS NOT NULL AS made, (SELECT max(version) FROM product WHERE code = 'QR') AS version;
SELECT create_product(1, 'QR', name => 'Quick Reserve, phase 2') IS NOT NULL AS made;
SELECT version, name, price_mechanism, paid_for, max_recovery, source FROM product WHERE code = 'QR' ORDER BY version;
SELECT create_product(1, 'Quick');
SELECT flexexchange.drop_exchange('able_test', with_data => true);
DROP ROLE able_neso, able_seller, able_nobody;
