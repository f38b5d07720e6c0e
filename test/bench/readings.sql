-- ingest_by_time, ingest_by_meter: a file of :rows readings through meter_reading_intake, names, times and quantities as text,
-- every rule asked, beside the same readings, typed and with the channel's number, copied into the same partitions unasked.
-- By time: all meters, half-hour after half-hour; by meter: one meter's half-hours after the other.
-- reading_day: a day of one unit among a hundred times :rows readings, 100 units asked, beside 10 ms each.
-- dashboard_*: a dashboard's question of those readings, and of three times :rows trades, beside a second.

SELECT flexexchange.create_exchange('bench_reading') \g /dev/null
SET search_path = bench_reading, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) SELECT n, 'participant ' || n, '{market_operator,service_provider}' FROM generate_series(1, 200) n;
ALTER TABLE asset DISABLE TRIGGER USER;
ALTER TABLE asset_operator DISABLE TRIGGER USER;
INSERT INTO asset (id, name, technology) SELECT n, 'asset ' || n, (ARRAY['battery', 'charger', 'heat pump', 'generator'])[1 + n % 4] FROM generate_series(1, 20000) n;
INSERT INTO external_id (scheme, value, asset_id) SELECT 'meter', 'METER-' || n, n FROM generate_series(1, 20000) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT n, 1, '2020-01-01T00:00Z/infinity' FROM generate_series(1, 20000) n;
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) SELECT n, n, 1, 'energy', 'import', 1800 FROM generate_series(1, 20000) n;
SELECT make_partition('meter_reading', m) FROM generate_series('2025-01-01'::timestamptz, '2025-12-01', '1 month') m \g /dev/null
ANALYZE;

-- so many half-hours of twenty thousand meters, written to files as a sender and as a DBA would have them
CREATE TABLE bench.reading_source AS
  SELECT c AS channel_id, '2025-06-29T00:00Z'::timestamptz + h * interval '30 minutes' AS starts_at, ((hashint8extended(c * 100 + h, 1) & 65535) / 10000.0)::numeric(14,4) AS value
  FROM generate_series(1, 20000) c, generate_series(0, greatest(:rows / 20000, 1) - 1) h;
CREATE FUNCTION bench.reading_file(name text) RETURNS text LANGUAGE sql AS $$ SELECT current_setting('data_directory') || '/bench_reading_' || name $$;
DO $$
BEGIN
  EXECUTE format('COPY (SELECT channel_id, starts_at, value FROM bench.reading_source ORDER BY starts_at, channel_id) TO %L', bench.reading_file('plain_by_time'));
  EXECUTE format('COPY (SELECT channel_id, starts_at, value FROM bench.reading_source ORDER BY channel_id, starts_at) TO %L', bench.reading_file('plain_by_meter'));
  EXECUTE format('COPY (SELECT 1, ''meter'', ''METER-'' || channel_id, to_char(starts_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI"Z"''), ''PT30M'', value FROM bench.reading_source ORDER BY starts_at, channel_id) TO %L', bench.reading_file('sent_by_time'));
  EXECUTE format('COPY (SELECT 1, ''meter'', ''METER-'' || channel_id, to_char(starts_at AT TIME ZONE ''UTC'', ''YYYY-MM-DD"T"HH24:MI"Z"''), ''PT30M'', value FROM bench.reading_source ORDER BY channel_id, starts_at) TO %L', bench.reading_file('sent_by_meter'));
END $$;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim)
SELECT 'ingest_by_' || o, CASE WHEN s THEN 'the file through the intake' ELSE 'typed, copied into the same partitions' END, s,
       'TRUNCATE bench_reading.meter_reading',
       CASE WHEN s THEN format('COPY bench_reading.meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh) FROM %L', bench.reading_file('sent_by_' || o))
            ELSE format('COPY bench_reading.meter_reading (channel_id, starts_at, value) FROM %L', bench.reading_file('plain_by_' || o)) END,
       CASE WHEN NOT s THEN 1.43 END
FROM unnest(ARRAY['time', 'meter']) o, (VALUES (true), (false)) AS c (s);

-- a hundred times as many, put into the partitions as they are; then added up by the day
CREATE PROCEDURE bench.fill_readings() LANGUAGE plpgsql SET search_path = bench_reading, flexexchange AS $$
DECLARE
  wanted CONSTANT bigint := 100 * current_setting('bench.rows')::bigint;
  days CONSTANT integer := greatest(wanted / 20000 / 48, 1);
BEGIN
  IF (SELECT count(*) = 0 FROM reading_day) THEN
    TRUNCATE meter_reading;
    FOR d IN 0 .. days - 1 LOOP
      INSERT INTO meter_reading (channel_id, starts_at, value)
      SELECT c, '2025-01-01T00:00Z'::timestamptz + d * interval '1 day' + h * interval '30 minutes', ((hashint8extended(c * 100 + h, d) & 65535) / 10000.0)::numeric(14,4)
      FROM generate_series(1, 20000) c, generate_series(0, 47) h;
      INSERT INTO stale_day (fact, day) VALUES ('meter_reading', '2025-01-01'::date + d);
    END LOOP;
    PERFORM refresh_reading_days();
    ANALYZE meter_reading, reading_day;
  END IF;
END $$;
CREATE PROCEDURE bench.read_days() LANGUAGE plpgsql SET search_path = bench_reading, flexexchange AS $$
BEGIN
  FOR i IN 1 .. 100 LOOP
    PERFORM count(*), sum(energy_kwh) FROM reading
    WHERE resource_id = 1 + (hashint8extended(i, 3) & 16383) AND starts_at >= '2025-02-01T00:00Z'::timestamptz + i % 30 * interval '1 day' AND starts_at < '2025-02-02T00:00Z'::timestamptz + i % 30 * interval '1 day';
  END LOOP;
END $$;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('reading_day', '100 units, a day of each', true, 'CALL bench.fill_readings()', 'CALL bench.read_days()', NULL),
  ('reading_day', '100 times 10 ms', false, 'SELECT', 'SELECT pg_sleep(1)', 1);

-- trades of a year, without what examines them; added up by the day
CREATE PROCEDURE bench.fill_trades() LANGUAGE plpgsql SET search_path = bench_reading, flexexchange AS $$
BEGIN
  IF (SELECT count(*) = 0 FROM award) THEN
    INSERT INTO grid_node (id, kind, name) SELECT 900000 + n, 'primary', 'primary ' || n FROM generate_series(1, 100) n;
    UPDATE asset SET grid_node_id = 900001 + id % 100;
    INSERT INTO market (id, code, name, market_operator_id) SELECT n, 'm' || n, 'market ' || n, 100 + n FROM generate_series(1, 6) n;
    INSERT INTO product (id, market_id, code, name, service_code) SELECT n, 1 + n % 6, 'P' || n, 'product ' || n, 'PR' FROM generate_series(1, 12) n;
    INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) SELECT n, n, 'c' || n, '2024-01-01', '2024-12-01' FROM generate_series(1, 12) n;
    ALTER TABLE bid DISABLE TRIGGER USER;
    ALTER TABLE award DISABLE TRIGGER USER;
    ALTER TABLE dispatch DISABLE TRIGGER USER;
    INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status)
    SELECT 1 + n % 12, 1 + n % 12, 1 + n % 50, 1 + n % 20000, 'up', 50 + n % 7, time_window(s, s + interval '2 hours'), n % 200, CASE WHEN n % 3 = 0 THEN 'rejected' ELSE 'awarded' END
    FROM generate_series(1, current_setting('bench.rows')::bigint) n, LATERAL (SELECT '2025-01-01T17:00Z'::timestamptz + n * 365 / current_setting('bench.rows')::bigint * interval '1 day') AS x (s);
    INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
    SELECT b.product_id, b.service_provider_id, b.asset_id, b.direction, b.power_kw, b.delivery_window, b.utilisation_price_per_mwh FROM bid b;
    INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status)
    SELECT b.product_id, b.service_provider_id, b.asset_id, b.direction, b.power_kw, b.delivery_window, b.utilisation_price_per_mwh, CASE WHEN b.id % 20 = 0 THEN 'failed' ELSE 'completed' END FROM bid b;
    INSERT INTO stale_day (fact, day) SELECT f, d::date FROM unnest(ARRAY['award', 'dispatch']) f, generate_series('2025-01-01'::date, '2026-01-02', '1 day') d;
    PERFORM refresh_trade_days();
    ANALYZE bid, award, dispatch, trade_day, product;
  END IF;
END $$;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim)
SELECT 'dashboard_' || q.name, CASE WHEN s THEN q.says ELSE 'a second' END, s, CASE WHEN s THEN q.reset ELSE 'SELECT' END, CASE WHEN s THEN 'DO $d$ BEGIN PERFORM * FROM (' || q.query || ') q; END $d$' ELSE 'SELECT pg_sleep(1)' END, CASE WHEN NOT s THEN 1 END
FROM (VALUES
  ('energy', 'energy by month and technology', 'CALL bench.fill_readings()', 'SELECT m.month, a.technology, sum(m.energy_kwh) FROM bench_reading.monthly_reading m JOIN bench_reading.asset a ON a.id = m.resource_id GROUP BY 1, 2'),
  ('volume', 'awards by month, product and technology', 'CALL bench.fill_trades()', 'SELECT month, product_code, technology, sum(mw_h) FROM bench_reading.price_and_volume WHERE subject = ''award'' GROUP BY 1, 2, 3'),
  ('reliability', 'dispatches carried out, by month and technology', 'CALL bench.fill_trades()', 'SELECT * FROM bench_reading.reliability'),
  ('acceptance', 'bids accepted, by month, product and technology', 'CALL bench.fill_trades()', 'SELECT * FROM bench_reading.acceptance'),
  ('concentration', 'concentration of the awards and offers of a month', 'CALL bench.fill_trades()', 'SELECT * FROM bench_reading.concentration WHERE month = ''2025-06-01''')
) AS q (name, says, reset, query), (VALUES (true), (false)) AS c (s);
SET search_path = bench, flexexchange, public;
