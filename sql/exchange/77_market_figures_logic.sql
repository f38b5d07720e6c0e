-- archetype: medium
-- Figures that others publish: read from files, again and again, without ever failing on a row.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['carbon_intensity', 'system_price']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['carbon_intensity_staging', 'system_price_staging', 'market_figure_rejection']) t;
GRANT TRUNCATE ON carbon_intensity_staging, system_price_staging TO flexexchange_operator;
REVOKE UPDATE, DELETE ON market_figure_rejection FROM flexexchange_operator;
SELECT make_partition(t, NULL), make_partition(t, now()), make_partition(t, now() + interval '1 year') FROM unnest(ARRAY['carbon_intensity', 'system_price']) t;

CREATE OR REPLACE FUNCTION read_figure(value text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(value) <= 40 AND btrim(value) ~ '^[+-]?([0-9]{1,10}[.]?[0-9]*|[.][0-9]+)$' THEN btrim(value)::numeric END;
COMMENT ON FUNCTION read_figure(text) IS 'a decimal number below ten thousand million; NULL for anything else';
REVOKE ALL ON FUNCTION read_figure(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_figure(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_carbon_intensity(area text DEFAULT 'GB', source text DEFAULT 'carbon intensity',
                                                   OUT rows_read bigint, OUT rows_stored bigint, OUT rows_corrected bigint, OUT rows_unchanged bigint, OUT rows_rejected bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM check_text(import_carbon_intensity.area, 'area', 64), check_text(import_carbon_intensity.source, 'source', 255);
  WITH staged AS MATERIALIZED (
    SELECT s.*, iso_instant(s.starts_at) AS first, iso_instant(s.ends_at) AS past, read_figure(s.forecast) AS forecast_g, read_figure(s.actual) AS actual_g,
           nullif(btrim(s.forecast), '') IS NOT NULL AS has_forecast, nullif(btrim(s.actual), '') IS NOT NULL AS has_actual,
           count(*) OVER (PARTITION BY iso_instant(s.starts_at)) AS times
    FROM carbon_intensity_staging s),
  judged AS MATERIALIZED (
    SELECT s.*, x.column_name, x.value, x.reason FROM staged s LEFT JOIN LATERAL (
      SELECT * FROM (VALUES
        ('starts_at', s.starts_at, 'is not a time with its offset', s.first IS NULL),
        ('ends_at', s.ends_at, 'is not a time with its offset', s.past IS NULL),
        ('ends_at', s.ends_at, 'is not later than the start, by at most a day', s.past <= s.first OR s.past > s.first + interval '1 day'),
        ('forecast', s.forecast, 'is not a figure from 0 to 99999', s.has_forecast AND (s.forecast_g BETWEEN 0 AND 99999) IS NOT TRUE),
        ('actual', s.actual, 'is not a figure from 0 to 99999', s.has_actual AND (s.actual_g BETWEEN 0 AND 99999) IS NOT TRUE),
        ('forecast', s.forecast, 'is missing, and so is actual', NOT s.has_forecast AND NOT s.has_actual),
        ('starts_at', s.starts_at, 'comes more than once', s.times > 1)) AS p (column_name, value, reason, holds)
      WHERE p.holds LIMIT 1) x ON true),
  rejected AS (
    INSERT INTO market_figure_rejection (table_name, source, column_name, value, reason, content)
    SELECT 'carbon_intensity', import_carbon_intensity.source, j.column_name, left(j.value, 64), j.reason,
           jsonb_build_object('starts_at', left(j.starts_at, 255), 'ends_at', left(j.ends_at, 255), 'forecast', left(j.forecast, 255), 'actual', left(j.actual, 255))
    FROM judged j WHERE j.reason IS NOT NULL ON CONFLICT DO NOTHING),
  known AS MATERIALIZED (SELECT k.* FROM judged j JOIN carbon_intensity k ON k.area = import_carbon_intensity.area AND k.starts_at = j.first WHERE j.reason IS NULL),
  stored AS (
    INSERT INTO carbon_intensity AS c (area, starts_at, ends_at, forecast_g_per_kwh, actual_g_per_kwh, source)
    SELECT import_carbon_intensity.area, j.first, j.past, j.forecast_g, j.actual_g, import_carbon_intensity.source FROM judged j WHERE j.reason IS NULL
    ON CONFLICT ON CONSTRAINT carbon_intensity_once DO UPDATE
      -- what is not said again stays: a forecast when the figure is known
      SET ends_at = excluded.ends_at, forecast_g_per_kwh = coalesce(excluded.forecast_g_per_kwh, c.forecast_g_per_kwh),
          actual_g_per_kwh = coalesce(excluded.actual_g_per_kwh, c.actual_g_per_kwh), source = excluded.source, recorded_at = now()
      WHERE (c.ends_at, c.forecast_g_per_kwh, c.actual_g_per_kwh)
            IS DISTINCT FROM (excluded.ends_at, coalesce(excluded.forecast_g_per_kwh, c.forecast_g_per_kwh), coalesce(excluded.actual_g_per_kwh, c.actual_g_per_kwh))
    RETURNING c.starts_at)
  SELECT (SELECT count(*) FROM staged), (SELECT count(*) FROM stored s WHERE NOT EXISTS (SELECT FROM known k WHERE k.starts_at = s.starts_at)),
         (SELECT count(*) FROM stored s JOIN known k USING (starts_at)), (SELECT count(*) FROM known k WHERE NOT EXISTS (SELECT FROM stored s WHERE s.starts_at = k.starts_at)),
         (SELECT count(*) FROM judged WHERE reason IS NOT NULL)
  INTO rows_read, rows_stored, rows_corrected, rows_unchanged, rows_rejected;
  DELETE FROM carbon_intensity_staging;
END
$function$;
COMMENT ON FUNCTION import_carbon_intensity(text, text) IS
  'takes what stands in carbon_intensity_staging for an area and empties it: new steps are stored, others corrected, as often as the file is read; what is wrong goes to market_figure_rejection; returns how many of each; error 23514';
REVOKE ALL ON FUNCTION import_carbon_intensity(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_carbon_intensity(text, text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_system_prices(source text DEFAULT 'system prices',
                                                OUT rows_read bigint, OUT rows_stored bigint, OUT rows_corrected bigint, OUT rows_unchanged bigint, OUT rows_rejected bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM check_text(import_system_prices.source, 'source', 255);
  WITH staged AS MATERIALIZED (
    SELECT s.*, btrim(s.kind) AS of_kind, btrim(s.area) AS in_area, iso_instant(s.starts_at) AS first, iso_instant(s.ends_at) AS past, read_figure(s.price_per_mwh) AS price,
           coalesce(nullif(btrim(s.currency), ''), 'GBP') AS in_currency,
           count(*) OVER (PARTITION BY btrim(s.kind), btrim(s.area), iso_instant(s.starts_at)) AS times
    FROM system_price_staging s),
  judged AS MATERIALIZED (
    SELECT s.*, x.column_name, x.value, x.reason FROM staged s LEFT JOIN LATERAL (
      SELECT * FROM (VALUES
        ('kind', s.kind, 'is not day_ahead, intraday, imbalance, system_buy or system_sell', coalesce(s.of_kind, '') NOT IN ('day_ahead', 'intraday', 'imbalance', 'system_buy', 'system_sell')),
        ('area', s.area, 'is missing or has more than 64 characters', coalesce(length(s.in_area), 0) NOT BETWEEN 1 AND 64),
        ('starts_at', s.starts_at, 'is not a time with its offset', s.first IS NULL),
        ('ends_at', s.ends_at, 'is not a time with its offset', s.past IS NULL),
        ('ends_at', s.ends_at, 'is not later than the start, by at most a day', s.past <= s.first OR s.past > s.first + interval '1 day'),
        ('price_per_mwh', s.price_per_mwh, 'is not a number', s.price IS NULL),
        ('currency', s.currency, 'is not a currency code such as GBP', s.in_currency !~ '^[A-Z]{3}$'),
        ('starts_at', s.starts_at, 'comes more than once', s.times > 1)) AS p (column_name, value, reason, holds)
      WHERE p.holds LIMIT 1) x ON true),
  rejected AS (
    INSERT INTO market_figure_rejection (table_name, source, column_name, value, reason, content)
    SELECT 'system_price', import_system_prices.source, j.column_name, left(j.value, 64), j.reason,
           jsonb_build_object('kind', left(j.kind, 255), 'area', left(j.area, 255), 'starts_at', left(j.starts_at, 255), 'ends_at', left(j.ends_at, 255),
                              'price_per_mwh', left(j.price_per_mwh, 255), 'currency', left(j.currency, 255))
    FROM judged j WHERE j.reason IS NOT NULL ON CONFLICT DO NOTHING),
  known AS MATERIALIZED (SELECT k.* FROM judged j JOIN system_price k ON k.kind = j.of_kind AND k.area = j.in_area AND k.starts_at = j.first WHERE j.reason IS NULL),
  stored AS (
    INSERT INTO system_price AS c (kind, area, starts_at, ends_at, price_per_mwh, currency, source)
    SELECT j.of_kind, j.in_area, j.first, j.past, j.price, j.in_currency, import_system_prices.source FROM judged j WHERE j.reason IS NULL
    ON CONFLICT ON CONSTRAINT system_price_once DO UPDATE
      SET ends_at = excluded.ends_at, price_per_mwh = excluded.price_per_mwh, currency = excluded.currency, source = excluded.source, recorded_at = now()
      WHERE (c.ends_at, c.price_per_mwh, c.currency) IS DISTINCT FROM (excluded.ends_at, excluded.price_per_mwh, excluded.currency)
    RETURNING c.kind, c.area, c.starts_at)
  SELECT (SELECT count(*) FROM staged), (SELECT count(*) FROM stored s WHERE NOT EXISTS (SELECT FROM known k WHERE (k.kind, k.area, k.starts_at) = (s.kind, s.area, s.starts_at))),
         (SELECT count(*) FROM stored s JOIN known k USING (kind, area, starts_at)),
         (SELECT count(*) FROM known k WHERE NOT EXISTS (SELECT FROM stored s WHERE (k.kind, k.area, k.starts_at) = (s.kind, s.area, s.starts_at))),
         (SELECT count(*) FROM judged WHERE reason IS NOT NULL)
  INTO rows_read, rows_stored, rows_corrected, rows_unchanged, rows_rejected;
  DELETE FROM system_price_staging;
END
$function$;
COMMENT ON FUNCTION import_system_prices(text) IS
  'takes what stands in system_price_staging and empties it: new steps are stored, others corrected, as often as the file is read; what is wrong goes to market_figure_rejection; returns how many of each; error 23514';
REVOKE ALL ON FUNCTION import_system_prices(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_system_prices(text) TO flexexchange_operator;

-- ------------------------------------------------------------------ carbon of what was delivered

CREATE OR REPLACE FUNCTION mean_carbon_intensity(during time_window, area text DEFAULT 'GB') RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT round(sum(coalesce(c.actual_g_per_kwh, c.forecast_g_per_kwh) * s.seconds) / nullif(sum(s.seconds), 0), 2)
  FROM carbon_intensity c
  CROSS JOIN LATERAL (SELECT extract(epoch FROM least(c.ends_at, upper(during)) - greatest(c.starts_at, lower(during)))) AS s (seconds)
  WHERE c.area = mean_carbon_intensity.area AND c.starts_at < upper(during) AND c.ends_at > lower(during)
    AND c.starts_at > lower(during) - interval '1 day';
END;
COMMENT ON FUNCTION mean_carbon_intensity(time_window, text) IS 'mean carbon intensity over a window, g CO2 per kWh, weighted by time: what it was, and what was forecast where nobody said; NULL where nothing is known';
REVOKE ALL ON FUNCTION mean_carbon_intensity(time_window, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mean_carbon_intensity(time_window, text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
