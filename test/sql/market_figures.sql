-- Figures that others publish: stored, corrected, rejected with a reason; what was said before is known.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
-- instants of files
SELECT value, iso_instant FROM (VALUES ('2026-11-20T17:30Z'), ('2026-11-20 17:30:00+00:00'), (' 2026-11-20T17:30:15.25+0130 '), ('2026-11-20T17:30-02'), ('2026-11-20T17:30'), ('2026-02-29T00:00Z'), ('2024-02-29T00:00Z'),
  ('2026-11-20T24:00Z'), ('20.11.2026 17:30Z'), ('now'), (''), ('2026-11-20T17:30Z!'), ('1899-12-31T00:00Z'), ('2026-11-20T17:30+16:00')) AS v (value), LATERAL flexexchange.iso_instant(value);
SELECT count(*) AS differing FROM generate_series(0, 20000) n, LATERAL (SELECT '1900-01-01'::timestamptz + (hashint8extended(n, 3) & 8589934591) * interval '1 second') AS x (at)
  WHERE flexexchange.iso_instant(to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) IS DISTINCT FROM at;
SELECT flexexchange.create_exchange('figure_test');
SET search_path = figure_test, flexexchange;
COPY carbon_intensity_staging FROM STDIN (FORMAT csv);
2023-01-01 00:00:00+00:00,2023-01-01 00:30:00+00:00,73,72.0,low
2023-01-01 00:30:00+00:00,2023-01-01 01:00:00+00:00,74,,low
2023-01-01 01:00:00+00:00,2023-01-01 01:30:00+00:00,,75,low
2023-01-01 01:30:00+00:00,2023-01-01 02:00:00+00:00,,,low
2023-01-01 02:00:00,2023-01-01 02:30:00+00:00,70,70,low
2023-01-01 02:30:00+00:00,2023-01-01 02:30:00+00:00,70,70,low
2023-01-01 03:00:00+00:00,2023-01-01 03:30:00+00:00,many,70,low
2023-01-01 03:30:00+00:00,2023-01-01 04:00:00+00:00,70,-3,low
2023-01-01 04:00:00+00:00,2023-01-01 04:30:00+00:00,1,1,low
2023-01-01 04:00:00+00:00,2023-01-01 04:30:00+00:00,2,2,low
2023-01-01 05:00:00+00:00,later,70,3,low
\.
SELECT * FROM import_carbon_intensity();
SELECT column_name, value, reason, content ->> 'starts_at' AS starts_at FROM market_figure_rejection ORDER BY (content ->> 'starts_at') COLLATE "C", content::text COLLATE "C";
SELECT starts_at, forecast_g_per_kwh, actual_g_per_kwh FROM carbon_intensity ORDER BY starts_at;
SELECT count(*) FROM carbon_intensity_staging;
-- what is weighted by time, with the forecast where nothing else is known
SELECT mean_carbon_intensity('2023-01-01T00:15Z/2023-01-01T01:30Z') AS mean, round((72 * 15 + 74 * 30 + 75 * 30) / 75.0, 2) AS by_hand, mean_carbon_intensity('2024-01-01T00:15Z/PT1H') AS nothing;
-- the figure comes after the forecast, which stays; what it was before is known
SELECT clock_timestamp() AS then \gset
\o /dev/null
SELECT pg_sleep(0.01);
\o
INSERT INTO carbon_intensity_staging VALUES ('2023-01-01 00:30:00+00:00', '2023-01-01 01:00:00+00:00', NULL, '80', NULL), ('2023-01-01 00:00:00+00:00', '2023-01-01 00:30:00+00:00', '73', '72', 'low');
SELECT * FROM import_carbon_intensity();
SELECT forecast_g_per_kwh, actual_g_per_kwh FROM carbon_intensity WHERE starts_at = '2023-01-01T00:30Z';
SELECT forecast_g_per_kwh, actual_g_per_kwh FROM carbon_intensity_as_of(:'then') WHERE starts_at = '2023-01-01T00:30Z';
INSERT INTO system_price_staging VALUES ('day_ahead', 'GB', '2026-01-01T00:00Z', '2026-01-01T01:00Z', '-12.5', NULL), ('imbalance', 'GB', '2026-01-01T00:00Z', '2026-01-01T00:30Z', '88.1234', 'GBP'),
  ('day_ahead', 'NORD', '2025-12-31T23:00Z', '2026-01-01T00:00Z', '101', 'EUR'), ('guess', 'GB', '2026-01-01T00:00Z', '2026-01-01T01:00Z', '1', NULL), ('day_ahead', ' ', '2026-01-01T00:00Z', '2026-01-01T01:00Z', '1', NULL),
  ('day_ahead', 'GB', '2026-01-01T02:00Z', '2026-01-03T01:00Z', '1', NULL), ('day_ahead', 'GB', '2026-01-01T03:00Z', '2026-01-01T04:00Z', 'NaN', NULL), ('day_ahead', 'GB', '2026-01-01T03:00Z', '2026-01-01T04:00Z', '1', 'pound');
SELECT * FROM import_system_prices();
SELECT column_name, value, reason FROM market_figure_rejection WHERE table_name = 'system_price' ORDER BY column_name COLLATE "C";
SELECT kind, area, starts_at, price_per_mwh, currency FROM system_price ORDER BY starts_at, kind;
INSERT INTO system_price_staging VALUES ('day_ahead', 'GB', '2026-01-01T00:00Z', '2026-01-01T01:00Z', '-12.6', NULL);
SELECT * FROM import_system_prices();
INSERT INTO system_price (kind, starts_at, ends_at, price_per_mwh) VALUES ('day_ahead', '2026-01-02T01:00Z', '2026-01-02T01:00Z', 1);
-- years get a partition of their own
SELECT table_name, partition_name, outcome FROM maintain_partitions() WHERE outcome = 'filled' AND partition_name < 'carbon_intensity_2025' ORDER BY 2;
SELECT count(*) FROM carbon_intensity;
-- everybody reads them, and nobody but the operator writes them
CREATE ROLE figure_analyst IN ROLE flexexchange_analyst;
SET ROLE figure_analyst;
SELECT count(*) FROM carbon_intensity;
SELECT mean_carbon_intensity('2023-01-01T00:00Z/PT30M');
INSERT INTO carbon_intensity_staging DEFAULT VALUES;
SELECT import_carbon_intensity();
RESET ROLE;
DROP ROLE figure_analyst;
SELECT flexexchange.drop_exchange('figure_test', true);
