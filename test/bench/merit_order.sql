-- merit_order: whom to call for 1,000 kW out of 10,000 candidates, each with ten dispatches in its history, with ten limits of the network above them, beside the second that it is to take about.  Everything is rolled back.

SELECT flexexchange.create_exchange('bench_merit') \g /dev/null
SET search_path = bench_merit, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id, time_zone) VALUES (1, 'm', 'market', 1, 'UTC');
INSERT INTO product (id, market_id, code, name, service_code, paid_for, valid) VALUES (1, 1, 'OU', 'Operational Utilisation', 'OUrt', '{utilisation}', '2090-01-01T00:00Z/infinity');
INSERT INTO grid_node (id, kind, name, operator_id) SELECT n, CASE n WHEN 1 THEN 'bsp' ELSE 'primary' END, 'node ' || n, 1 FROM generate_series(1, 51) n;
INSERT INTO grid_node_parent (grid_node_id, parent_id) SELECT n, 1 FROM generate_series(2, 51) n;
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, profile) SELECT 100 + n, 'asset ' || n, 2 + n % 50, 500, CASE n % 10 WHEN 0 THEN '{"notice": "PT15M", "energy_kwh": 100, "recovery": "PT2H"}' ELSE '{"notice": "PT15M"}' END::asset_profile FROM generate_series(1, 10000) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2090-01-01T00:00Z/infinity' FROM asset;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT 100000 + n, 1, 2, 100 + n, 'up', 5 + (hashint8extended(n, 1) & 127), '2097-01-01T00:00Z/2097-03-01T00:00Z', 50 + (hashint8extended(n, 2) & 32767) / 100.0 FROM generate_series(1, 10000) n;
INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id) SELECT n, '2097-01-01T00:00Z/2097-03-01T00:00Z', 'up', 1000, 1 FROM generate_series(2, 11) n;
SET session_replication_role = replica;
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 1000000 + 10000 * d + n, 100000 + n, 1, 2, 100 + n, 'up', 5, time_window(timestamptz '2097-01-01T17:00Z' + d * interval '1 day', timestamptz '2097-01-01T18:00Z' + d * interval '1 day'), 'completed' FROM generate_series(1, 10) d, generate_series(1, 10000) n;
INSERT INTO delivery (dispatch_id, product_id, service_provider_id, unit_id, delivery_window, requested_kwh, delivered_kwh)
  SELECT id, 1, 2, unit_id, delivery_window, 5, 2.5 + (hashint8extended(id, 3) & 63) / 20.0 FROM dispatch;
RESET session_replication_role;
VACUUM ANALYZE award;
VACUUM ANALYZE dispatch;
VACUUM ANALYZE delivery;
VACUUM ANALYZE asset;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('merit_order', '1,000 kW out of 10,000 candidates', true, 'SELECT', $$CALL bench.and_take_back('SELECT bench_merit.merit_order(''{1}'', 1, ''up'', 1000, ''2097-02-01T17:00Z/PT1H'', at => ''2097-02-01T12:00Z'')', 1)$$, NULL),
  ('merit_order', '1 s', false, 'SELECT', 'SELECT pg_sleep(1)', 1);
SET search_path = bench, flexexchange, public;
