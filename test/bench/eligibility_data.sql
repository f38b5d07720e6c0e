-- Synthetic assets and products, the same in our types, in jsonb and in columns:
-- :rows assets and :specs products, in the first schema of the search path.

-- Assets as a register has them: most are small chargers and heat pumps; zones
-- lie in grid supply points, these in groups; size and speed go with technology.
CREATE TABLE asset_column AS
SELECT i AS id, t.technology, t.energy_source, z.zone AS constraint_zone, z.gsp, z.gsp_group,
       round((t.kw * exp(((h3 % 1000) / 500.0 - 1) * t.spread))::numeric, 3) AS up_kw,
       round((t.kw * 0.8 * exp(((h4 % 1000) / 500.0 - 1) * t.spread))::numeric, 3) AS down_kw,
       (ARRAY[1, 10, 60, 120, 900, 3600])[1 + (h5 % t.speeds)::int] AS notice_s,
       (ARRAY[900, 1800, 3600, 7200, 14400])[1 + (h6 % 5)::int] AS max_duration_s,
       CASE WHEN h7 % 10 < t.metered THEN 1 ELSE 1800 END AS metering_granularity_s
FROM (SELECT i, hashint8extended(i, 1) & 1048575 AS h1, hashint8extended(i, 2) & 1048575 AS h2, hashint8extended(i, 3) & 1048575 AS h3,
             hashint8extended(i, 4) & 1048575 AS h4, hashint8extended(i, 5) & 1048575 AS h5, hashint8extended(i, 6) & 1048575 AS h6, hashint8extended(i, 7) & 1048575 AS h7
      FROM generate_series(1, :rows) i) r,
  LATERAL (SELECT * FROM (VALUES (0, 50, 'EV_CHARGER', 'GRID', 7.0, 1.0, 6, 1), (50, 75, 'HEAT_PUMP', 'GRID', 5.0, 0.5, 6, 0), (75, 85, 'BESS', 'GRID', 50.0, 5.0, 4, 5),
      (85, 91, 'SOLAR_PV', 'SOLAR', 20.0, 4.0, 6, 2), (91, 94, 'CHP', 'NATURAL_GAS', 500.0, 2.0, 6, 4), (94, 97, 'INDUSTRIAL_LOAD', 'GRID', 300.0, 3.0, 6, 2),
      (97, 99, 'WIND_TURBINE', 'WIND', 2000.0, 2.0, 6, 5), (99, 100, 'HVAC', 'GRID', 100.0, 1.0, 6, 1)) v (lo, hi, technology, energy_source, kw, spread, speeds, metered)
      WHERE h1 % 100 >= lo AND h1 % 100 < hi) t,
  LATERAL (SELECT 'ZONE_' || h2 % 2000 AS zone, 'GSP_' || h2 % 2000 / 6 AS gsp, '_' || chr(65 + (h2 % 2000 / 150)::int) AS gsp_group) z;

CREATE TABLE asset_jsonb AS
SELECT id, jsonb_build_object('technology', technology, 'energy_source', energy_source, 'constraint_zone', constraint_zone, 'gsp', gsp, 'gsp_group', gsp_group,
  'directions', '["up","down"]'::jsonb, 'up_kw', up_kw, 'down_kw', down_kw, 'notice_s', notice_s, 'max_duration_s', max_duration_s, 'metering_granularity_s', metering_granularity_s) AS doc
FROM asset_column;

CREATE TABLE asset_typed AS
SELECT id, jsonb_build_object('technology', technology, 'energy_source', energy_source, 'constraint_zone', constraint_zone, 'gsp', gsp, 'gsp_group', gsp_group,
  'directions', '["up","down"]'::jsonb, 'up_kw', up_kw, 'down_kw', down_kw, 'notice', 'PT' || notice_s || 'S', 'max_duration', 'PT' || max_duration_s || 'S',
  'metering_granularity', 'PT' || metering_granularity_s || 'S')::asset_profile AS profile
FROM asset_column;

-- 10,000 products: mostly of a zone or a group, with ranges.
CREATE TABLE product AS
SELECT i AS id, jsonb_strip_nulls(jsonb_build_object('member', jsonb_build_object(
    'technology', CASE WHEN h1 % 3 > 0 THEN jsonb_build_array((ARRAY['EV_CHARGER', 'HEAT_PUMP', 'BESS', 'SOLAR_PV', 'CHP'])[1 + (h1 % 5)::int]) END,
    'constraint_zone', CASE WHEN h2 % 10 < 7 THEN jsonb_build_array('ZONE_' || h2 % 2000) END,
    'gsp_group', CASE WHEN h2 % 10 IN (7, 8) THEN jsonb_build_array('_' || chr(65 + (h2 % 14)::int)) END,
    'up_kw', jsonb_build_object('min', (ARRAY[1, 5, 10, 50, 100, 1000])[1 + (h3 % 6)::int]),
    'notice', jsonb_build_object('max', 'PT' || (ARRAY[1, 60, 120, 900, 3600])[1 + (h4 % 5)::int] || 'S'))))::product_spec AS spec
FROM (SELECT i, hashint8extended(i, 11) & 1048575 AS h1, hashint8extended(i, 12) & 1048575 AS h2, hashint8extended(i, 13) & 1048575 AS h3, hashint8extended(i, 14) & 1048575 AS h4
      FROM generate_series(1, :specs) i) r;
CREATE TABLE product_jsonb AS SELECT id, spec::jsonb AS doc FROM product;

-- twenty assets that ask which products they may offer
CREATE TABLE asking AS SELECT t.profile, c.* FROM asset_typed t JOIN asset_column c USING (id) WHERE id % greatest(:rows / 20, 1) = 5;

VACUUM ANALYZE asset_column;
VACUUM ANALYZE asset_jsonb;
VACUUM ANALYZE asset_typed;
VACUUM ANALYZE product;
VACUUM ANALYZE product_jsonb;
