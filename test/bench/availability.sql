-- callable: what can be called of 2,000 units among 100,000 availabilities and 20,000 dispatches, each unit with a beat and a forecast; and of a week ahead, beside half a second.
-- heartbeat: 2,000 units are heard one by one, and at once, beside a row appended and indexed for each, which leaves the question open what a unit says now.

SELECT flexexchange.create_exchange('bench_avail') \g /dev/null
SET search_path = bench_avail, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (1, 1, 'VA', 'Variable Availability', 'VAda', 'availability');
INSERT INTO heartbeat_terms (market_id, missed_intervals) VALUES (1, 3);
SET session_replication_role = replica;
INSERT INTO asset (id, name, profile) SELECT n, 'unit ' || n, '{"directions": ["up"], "up_kw": 100, "notice": "PT15M", "recovery": "PT1H", "min_duration": "PT30M", "max_duration": "PT2H", "energy_kwh": 100}' FROM generate_series(1, 2000) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 10000 + u * 50 + d, 1, 2, u, 'up', 50, time_window(timestamptz '2024-01-01T17:00Z' + d * interval '1 day', timestamptz '2024-01-01T20:00Z' + d * interval '1 day'), CASE WHEN d < 10 THEN 'completed' ELSE 'accepted' END
  FROM generate_series(1, 2000) u, generate_series(0, 49) d;
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT v.id + 1000000, v.id, 1, 2, v.asset_id, 'up', 20, time_window(lower(v.delivery_window) + interval '1 hour', lower(v.delivery_window) + interval '2 hours') FROM availability v WHERE v.id % 5 = 0;
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, issued_at, levels, power_kw, method)
  SELECT u, 2, 'up', time_window(timestamptz '2024-01-01T17:00Z' + d * interval '1 day', timestamptz '2024-01-01T20:00Z' + d * interval '1 day'), '2024-01-01', '{0.05,0.5,0.95}', '{30,50,70}', 'bench'
  FROM generate_series(1, 2000) u, generate_series(10, 20) d;
RESET session_replication_role;
SELECT heartbeats(ARRAY(SELECT id FROM asset), 'available', 60, '2024-01-12T17:29Z') \g /dev/null
CREATE TABLE bench.beat (unit_id bigint NOT NULL, status text NOT NULL, heard_at timestamptz NOT NULL);
CREATE INDEX ON bench.beat (unit_id, heard_at);
VACUUM ANALYZE availability;
VACUUM ANALYZE dispatch;
VACUUM ANALYZE availability_forecast;
VACUUM ANALYZE unit_heartbeat;
VACUUM ANALYZE asset;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('callable', 'what can be called now', true, 'SELECT', $$SELECT count(*) FROM bench_avail.callable_units('2024-01-12T17:30Z')$$, NULL),
  ('callable', 'half a second', false, 'SELECT', 'SELECT pg_sleep(0.5)', 1),
  ('heartbeat', '2,000 beats, one by one', true, 'SELECT', $$SELECT count(bench_avail.heartbeat(id, 'available')) FROM bench_avail.asset$$, NULL),
  ('heartbeat', 'one second', false, 'SELECT', 'SELECT pg_sleep(1)', 1),
  ('heartbeat', 'as many in one call', false, 'SELECT', $$SELECT bench_avail.heartbeats(ARRAY(SELECT id FROM bench_avail.asset))$$, NULL),
  ('heartbeat', 'a row appended for each', false, 'SELECT', 'DO $d$ DECLARE u bigint; BEGIN FOR u IN SELECT id FROM bench_avail.asset LOOP INSERT INTO bench.beat VALUES (u, ''available'', clock_timestamp()); END LOOP; END $d$', NULL);
SET search_path = bench, flexexchange, public;
