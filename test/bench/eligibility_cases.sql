-- Cases of `make bench`: eligibility of :rows assets for one selective product, and
-- of one asset after another for 10,000 products.  Included by bench.sql.
\set specs 10000
\ir eligibility_data.sql
CREATE INDEX asset_typed_profile_idx ON asset_typed USING gist (profile);
CREATE INDEX product_spec_idx ON product USING gist (spec);

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('eligibility', 'gist (asset_profile): batteries of 1 MW both ways, 1 s, 1 Hz, 1 h', true, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_typed WHERE profile <@ '{"member":{"technology":["BESS"],"directions":["up","down"],"up_kw":{"min":1000},"down_kw":{"min":1000},"notice":{"max":"PT1S"},"metering_granularity":{"max":"PT1S"},"max_duration":{"min":"PT1H"}}}'; END $d$$r$, NULL),
  ('eligibility', 'jsonb, no index', false, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_jsonb WHERE doc->>'technology' = 'BESS' AND doc->'directions' @> '["up","down"]' AND (doc->>'up_kw')::numeric >= 1000 AND (doc->>'down_kw')::numeric >= 1000 AND (doc->>'notice_s')::int <= 1 AND (doc->>'metering_granularity_s')::int <= 1 AND (doc->>'max_duration_s')::int >= 3600; END $d$$r$, 0.05),
  ('eligibility', 'columns, no index', false, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_column WHERE technology = 'BESS' AND up_kw >= 1000 AND down_kw >= 1000 AND notice_s <= 1 AND metering_granularity_s <= 1 AND max_duration_s >= 3600; END $d$$r$, 0.333),
  ('eligibility_zone', 'gist (asset_profile): batteries and chargers of 7 kW in three zones, 2 min', true, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_typed WHERE profile <@ '{"member":{"constraint_zone":["ZONE_17","ZONE_18","ZONE_19"],"technology":["BESS","EV_CHARGER"],"up_kw":{"min":7},"notice":{"max":"PT2M"}}}'; END $d$$r$, NULL),
  ('eligibility_zone', 'jsonb, no index', false, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_jsonb WHERE doc->>'constraint_zone' IN ('ZONE_17', 'ZONE_18', 'ZONE_19') AND doc->>'technology' IN ('BESS', 'EV_CHARGER') AND (doc->>'up_kw')::numeric >= 7 AND (doc->>'notice_s')::int <= 120; END $d$$r$, 0.05),
  ('eligibility_zone', 'columns, no index', false, 'SELECT 1',
   $r$DO $d$ BEGIN PERFORM count(*) FROM asset_column WHERE constraint_zone IN ('ZONE_17', 'ZONE_18', 'ZONE_19') AND technology IN ('BESS', 'EV_CHARGER') AND up_kw >= 7 AND notice_s <= 120; END $d$$r$, 0.333),
  ('eligibility_products', 'gist (product_spec): 20 assets, one after another, of 10,000 products', true, 'SELECT 1',
   $r$DO $d$ DECLARE a asking; BEGIN FOR a IN SELECT * FROM asking LOOP PERFORM count(*) FROM product WHERE spec @> a.profile; END LOOP; END $d$$r$, NULL),
  ('eligibility_products', 'jsonb, no index', false, 'SELECT 1',
   $r$DO $d$ DECLARE a asking; BEGIN FOR a IN SELECT * FROM asking LOOP
      PERFORM count(*) FROM product_jsonb WHERE (doc->'member'->'technology' IS NULL OR doc->'member'->'technology' ? a.technology) AND (doc->'member'->'constraint_zone' IS NULL OR doc->'member'->'constraint_zone' ? a.constraint_zone)
        AND (doc->'member'->'gsp_group' IS NULL OR doc->'member'->'gsp_group' ? a.gsp_group) AND (doc->'member'->'up_kw'->>'min')::numeric <= a.up_kw AND (doc->'member'->'notice'->>'max')::interval >= a.notice_s * interval '1 s';
      END LOOP; END $d$$r$, NULL);
