-- register_copy: 100,000 chargers are sent in and registered with all checks, beside the time
-- that 20,000 a second take, and beside writing the same rows into the register unchecked.
-- Everything is taken back, so that each round finds the same register.

SELECT flexexchange.create_exchange('bench_registration') \g /dev/null
SET search_path = bench_registration, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'charging company', '{service_provider}');
INSERT INTO participant_login VALUES (session_user, 1);
CREATE TABLE bench.charger AS
  SELECT 'C-' || n AS value, 'EV_CHARGER' AS technology, 'GRID' AS energy_source, 'Plugco' AS manufacturer, 'PC-' || n AS serial_number, (ARRAY['7.4', '11', '22', '50'])[1 + n % 4] AS kw,
         '2025-03-' || (10 + n % 20) AS commissioned_on, (50 + n % 8000 / 1000.0)::text AS latitude, (-5 + n % 6001 / 1000.0)::text AS longitude
  FROM generate_series(1, 100000) n;
COPY (SELECT 'charger_id', value, technology, energy_source, manufacturer, serial_number, kw, kw, commissioned_on, latitude, longitude FROM bench.charger)
  TO PROGRAM 'cat > bench_chargers.copy';
CREATE FUNCTION bench.send_chargers() RETURNS bigint LANGUAGE plpgsql SET search_path = bench_registration, bench, flexexchange, public AS $$
BEGIN
  -- a program runs in the directory of the cluster
  COPY asset_registration_intake (scheme, value, technology, energy_source, manufacturer, serial_number, installed_kw, up_kw, commissioned_on, latitude, longitude)
    FROM PROGRAM 'cat bench_chargers.copy';
  RETURN (SELECT registered FROM register_assets());
END $$;
CREATE FUNCTION bench.write_chargers() RETURNS void LANGUAGE plpgsql SET search_path = bench_registration, bench, flexexchange, public AS $$
BEGIN
  CREATE TEMP TABLE written AS SELECT nextval('resource_id') AS id, * FROM bench.charger;
  INSERT INTO asset (id, name, technology, energy_source, manufacturer, serial_number, installed_kw, qualified_up_kw, connected_on, latitude, longitude, profile)
  SELECT id, value, technology, energy_source, manufacturer, serial_number, kw::numeric, kw::numeric, commissioned_on::date, latitude::numeric, longitude::numeric,
         format('{"technology": "%s", "energy_source": "%s", "directions": ["up"], "up_kw": %s}', technology, energy_source, kw)::asset_profile FROM pg_temp.written;
  INSERT INTO asset_operator (asset_id, service_provider_id) SELECT id, 1 FROM pg_temp.written;
  INSERT INTO external_id (scheme, value, asset_id) SELECT 'charger_id', value, id FROM pg_temp.written;
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('register_copy', '100,000 chargers sent in and registered', true, 'SELECT', $$CALL bench.and_take_back('SELECT bench.send_chargers()', 1)$$, NULL),
  ('register_copy', '5 s', false, 'SELECT', 'SELECT pg_sleep(5)', 1),
  ('register_copy', 'the same rows written unchecked', false, 'SELECT', $$CALL bench.and_take_back('SELECT bench.write_chargers()', 1)$$, NULL);
SET search_path = bench, flexexchange, public;
