-- search: 400 mixed searches of a market operator (words, places of the network, distances,
-- services, windows, kW) among 5,000 participants, 50,000 needs and as many assets as
-- there are rows; the time that 95 % of them keep to.  Beside it stand what it is to be,
-- and the same search written over the tables without indexes of words and places.

SELECT flexexchange.create_exchange('bench_search') \g /dev/null
SET search_path = bench_search, bench, flexexchange, public;
SELECT setseed(0.42) \g /dev/null
INSERT INTO participant (id, name, kinds, description)
  SELECT n, format('%s %s %s', (ARRAY['Volt', 'Grid', 'Green', 'Amber', 'North', 'River', 'Solar', 'Wind', 'Peak', 'Storage'])[1 + floor(random() * 10)::int],
                (ARRAY['Energy', 'Power', 'Flex', 'Charging', 'Heat', 'Networks'])[1 + floor(random() * 6)::int], n),
         CASE WHEN n <= 20 THEN '{market_operator}' ELSE '{service_provider}' END::text[],
         format('aggregator of %s in %s', (ARRAY['batteries', 'chargers', 'heat pumps', 'generators', 'fridges', 'boilers'])[1 + floor(random() * 6)::int],
                (ARRAY['Kent', 'Essex', 'Cornwall', 'Lothian', 'Powys', 'Norfolk', 'Surrey'])[1 + floor(random() * 7)::int])
  FROM generate_series(1, 5000) n;
INSERT INTO grid_node (id, kind, name, latitude, longitude)
  SELECT n, CASE WHEN n <= 14 THEN 'gsp_group' WHEN n <= 314 THEN 'gsp' WHEN n <= 1314 THEN 'bsp' ELSE 'primary' END, 'node ' || n, 50 + random() * 8, -5 + random() * 6
  FROM generate_series(1, 5314) n;
INSERT INTO grid_node_parent (grid_node_id, parent_id)
  SELECT n, CASE WHEN n <= 314 THEN 1 + n % 14 WHEN n <= 1314 THEN 15 + n % 300 ELSE 315 + n % 1000 END FROM generate_series(15, 5314) n;
INSERT INTO market (id, code, name, market_operator_id) SELECT n, 'm' || n, 'market ' || n, n FROM generate_series(1, 20) n;
INSERT INTO product (market_id, code, name, service_code, spec)
  SELECT 1 + n % 20, s.code || n, s.name, s.code, CASE WHEN s.code IN ('PR', 'SU') THEN '{"member": {"notice": {"max": "PT5M"}, "metering": ["asset"]}}'
                                                       WHEN s.code = 'OUrt' THEN '{"member": {"technology": ["CHP"], "up_kw": {"min": 2500}}}' END::product_spec
  FROM service s, generate_series(1, 3) n;
INSERT INTO need (market_operator_id, service_code, name, description, grid_node_id, latitude, longitude, direction, power_kw, delivery_window, status)
  SELECT 1 + n % 20, s.codes[1 + n % 22],
         format('%s %s at %s', (ARRAY['Winter', 'Summer', 'Evening', 'Morning', 'Weekend'])[1 + floor(random() * 5)::int],
                (ARRAY['peak', 'constraint', 'reinforcement', 'outage', 'voltage'])[1 + floor(random() * 5)::int], g.name),
         format('flexibility wanted to defer %s in %s', (ARRAY['transformer', 'cable', 'overhead line', 'switchgear'])[1 + floor(random() * 4)::int],
                (ARRAY['Kent', 'Essex', 'Cornwall', 'Lothian', 'Powys', 'Norfolk', 'Surrey'])[1 + floor(random() * 7)::int]),
         g.id, g.latitude, g.longitude, CASE WHEN random() < 0.8 THEN 'up' ELSE 'down' END, 50 + random() * 5000, time_window(t, t + interval '90 days'), 'published'
  FROM (SELECT n, timestamptz '2026-11-01' + random() * 700 * interval '1 day' AS t, 15 + floor(random() * 5300)::int AS node FROM generate_series(1, 50000) n) n
  JOIN grid_node g ON g.id = n.node, (SELECT array_agg(code ORDER BY code) AS codes FROM service) s;
INSERT INTO service_offer (service_provider_id, service_code, grid_node_id, latitude, longitude, power_kw)
  SELECT 21 + floor(random() * 4979)::int, s.codes[1 + n % 22], g.id, g.latitude, g.longitude, 10 + random() * 10000
  FROM (SELECT n, 15 + floor(random() * 5300)::int AS node FROM generate_series(1, 10000) n) n JOIN grid_node g ON g.id = n.node, (SELECT array_agg(code ORDER BY code) AS codes FROM service) s;
INSERT INTO asset (name, technology, qualified_up_kw, qualified_down_kw, grid_node_id, latitude, longitude, profile)
  SELECT 'asset ' || n, t.technology, kw, kw, g.id, g.latitude + random() * 0.1, g.longitude + random() * 0.1,
         format('{"technology": "%s", "directions": ["up"], "up_kw": %s, "notice": "PT%sM", "metering": ["asset"]}', t.technology, kw, 1 + n % 60)::asset_profile
  FROM (SELECT n, 1315 + floor(random() * 3999)::int AS node, round(exp(random() * 8)::numeric, 1) AS kw FROM generate_series(1, :rows) n) n
  JOIN grid_node g ON g.id = n.node
  CROSS JOIN LATERAL (SELECT (ARRAY['BESS', 'EV_CHARGER', 'HEAT_PUMP', 'SOLAR_PV', 'CHP'])[1 + n % 5] AS technology) t;
INSERT INTO participant_login VALUES (session_user, 1);
VACUUM ANALYZE need;
VACUUM ANALYZE asset;
ANALYZE;

CREATE TABLE bench.search_took (ms numeric);
CREATE PROCEDURE bench.search_mix(times integer) LANGUAGE plpgsql SET search_path = bench_search, bench, flexexchange, public AS $$
DECLARE
  started timestamptz;
BEGIN
  TRUNCATE bench.search_took;
  PERFORM setseed(0.1);
  FOR i IN 1 .. times LOOP
    started := clock_timestamp();
    PERFORM FROM search_exchange(
      words => CASE WHEN i % 8 IN (0, 1, 5) THEN (ARRAY['evening peak', 'transformer Kent', 'outage', 'storage', 'Cornwall voltage', 'flexibility wanted'])[1 + floor(random() * 6)::int] END,
      grid_node_id => CASE WHEN i % 8 IN (1, 2) THEN 1 + floor(random() * 5314)::int END,
      latitude => CASE WHEN i % 8 IN (3, 5) THEN 50 + random() * 8 END::numeric, longitude => CASE WHEN i % 8 IN (3, 5) THEN -5 + random() * 6 END::numeric,
      within_km => CASE WHEN i % 8 IN (3, 5) THEN 5 + random() * 60 END::numeric,
      service_code => CASE WHEN i % 8 IN (4, 6) THEN (ARRAY['DC', 'PR', 'SU', 'OUrt'])[1 + floor(random() * 4)::int] END,
      during => CASE WHEN i % 8 IN (4, 7) THEN '2027-01-10T17:00Z/PT3H' END::time_window,
      power_kw => CASE WHEN i % 8 IN (6, 7) THEN 2500 END);
    INSERT INTO bench.search_took VALUES (extract(epoch FROM clock_timestamp() - started) * 1000);
  END LOOP;
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, measure, aim) VALUES
  ('search', '95 % of 400 mixed searches', true, 'SELECT', 'CALL bench.search_mix(400)',
   'SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY ms) FROM bench.search_took', NULL),
  ('search', '20 ms', false, 'SELECT', 'SELECT', 'SELECT 20', 1),
  ('search', 'one search for needs by words and assets by distance, scanning', false, 'SELECT',
   $$SELECT count(*) FROM (
       (SELECT id FROM bench_search.need WHERE name || description ILIKE '%evening%peak%' ORDER BY power_kw DESC LIMIT 20) UNION ALL
       (SELECT id FROM bench_search.asset WHERE 6371 * acos(least(1, sin(radians(54)) * sin(radians(latitude)) + cos(radians(54)) * cos(radians(latitude)) * cos(radians(longitude + 2)))) < 40
        ORDER BY qualified_up_kw DESC LIMIT 20)) x$$, NULL, NULL);
SET search_path = bench, flexexchange, public;
