-- A household's half-hours and the calendar of a tariff whose dear hours are events: what each method would have said on the days without one.
--
-- Files of one meter of the Low Carbon London trial, the tariff calendar of 2013 and bank holidays. All stamps are read as UTC, as the trial says of its own. Readings go through the intake, so duplicates, gaps
-- and what is no number are judged as any sender's are; dear hours become dispatches, so that their days are event days; this household was on a flat tariff and had no reason to heed them.

CREATE TABLE replay.half_hour (meter text, tariff text, at text, kwh text, acorn text, acorn_group text);
CREATE TABLE replay.tariff (at text, tariff text);
CREATE TABLE replay.bank_holiday (day date);

CREATE PROCEDURE replay.prepare_household() LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO participant (id, name, kinds) VALUES (9001, 'Supplier', '{service_provider}'), (9002, 'Trial', '{market_operator}') ON CONFLICT DO NOTHING;
  INSERT INTO asset (id, name) VALUES (9101, 'household');
  INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (9101, 9001, '2010-01-01T00:00Z/infinity');
  INSERT INTO market (id, code, name, market_operator_id) VALUES (9001, 'trial', 'Trial', 9002);
  INSERT INTO product (id, market_id, code, name, service_code) VALUES (9001, 9001, 'HIGH', 'Dear hours', 'PR');
  PERFORM make_partition('meter_reading', m) FROM generate_series((SELECT date_trunc('month', min(to_timestamp(at, 'DD/MM/YYYY'))) FROM replay.half_hour), (SELECT max(to_timestamp(at, 'DD/MM/YYYY')) FROM replay.half_hour), '1 month') m;
  INSERT INTO meter_reading_intake (sender_id, scheme, unit, starts_at, length, kwh)
  SELECT 9001, 'id', '9101', to_char(to_timestamp(at, 'DD/MM/YYYY HH24:MI:SS'), 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'PT30M', kwh FROM replay.half_hour;
  INSERT INTO holiday SELECT day FROM replay.bank_holiday;
  -- half-hours that follow one another are one event
  INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source, status)
  SELECT 9001, 9001, 9101, 'up', 1, time_window(min(at), max(at) + interval '30 minutes'), 'tariff calendar', 'completed'
  FROM (SELECT at, at - row_number() OVER (ORDER BY at) * interval '30 minutes' AS island FROM (SELECT (t.at || 'Z')::timestamptz AS at FROM replay.tariff t WHERE t.tariff = 'High') x) y GROUP BY island;
END $$;

CREATE FUNCTION replay.household_page() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  first date := (SELECT greatest(min(starts_at) AT TIME ZONE 'UTC' + interval '61 days', (SELECT min(t.at)::timestamp FROM replay.tariff t WHERE t.tariff IN ('High', 'Normal', 'Low')))::date FROM meter_reading);
  last date := (SELECT (max(starts_at) AT TIME ZONE 'UTC')::date - 1 FROM meter_reading);
  m baseline_method;
BEGIN
  RETURN NEXT (SELECT format('%s rows: %s readings taken, %s said twice the same, %s rejected (%s).', b.rows_read, b.stored, b.unchanged, b.rejected, (SELECT string_agg(format('%s "%s" %s', column_name, value, reason), '; ') FROM meter_reading_rejection WHERE sender_id = 9001))
               FROM meter_reading_batch b WHERE b.sender_id = 9001 ORDER BY id DESC LIMIT 1);
  RETURN NEXT (SELECT format('%s half-hours are missing: %s.', sum(steps), string_agg(missing::text, ', ' ORDER BY missing))
               FROM reading_gaps((SELECT time_window(min(starts_at), max(starts_at) + interval '30 minutes') FROM meter_reading WHERE channel_id IN (SELECT id FROM meter_channel WHERE asset_id = 9101))) WHERE resource_id = 9101);
  RETURN NEXT (SELECT format('From %s to %s: %s events on %s days; %s days without one, each asked as if one had been.', first, last,
                             (SELECT count(*) FROM dispatch d WHERE d.asset_id = 9101 AND d.delivery_window && time_window(local_midnight(first), local_midnight(last + 1))), count(*), last - first + 1 - count(*))
               FROM event_days('{9101}', first, last));
  RETURN NEXT E'\n| method | 17:00 to 20:00: days | bias | CV(RMSE) | 11:00 to 14:00: days | bias | CV(RMSE) |\n|---|---|---|---|---|---|---|';
  FOR m IN SELECT * FROM baseline_method WHERE kind IN ('history', 'meter', 'zero') ORDER BY kind = 'zero', kind, code COLLATE "C" LOOP
    RETURN NEXT (SELECT format('| %s | %s | %s %% | %s %% | %s | %s %% | %s %% |', m.code, e.days - e.without_baseline, round(100 * e.bias, 1), round(100 * e.cv_rmse, 1), n.days - n.without_baseline, round(100 * n.bias, 1), round(100 * n.cv_rmse, 1))
                 FROM baseline_quality(m.code, '{9101}', first, last, '17:00', '3 hours') e, baseline_quality(m.code, '{9101}', first, last, '11:00', '3 hours') n);
  END LOOP;
END $$;
