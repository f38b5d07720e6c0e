-- asset_profile and product_spec: text, errors, and eligibility against a naive oracle.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
CREATE SCHEMA eligibility_test;
SET search_path = eligibility_test, flexexchange;
SELECT amname, opcname, amvalidate(o.oid) AS sound FROM pg_opclass o JOIN pg_am a ON a.oid = o.opcmethod
WHERE opcintype IN ('asset_profile'::regtype, 'product_spec'::regtype) ORDER BY opcname COLLATE "C", amname COLLATE "C";

-- ---------------------------------------------------------------- text

-- canonical: fixed order of keys, no blanks, no more digits than needed, codes sorted
SELECT p::asset_profile FROM (VALUES
  ('{}'), (' { "up_kw" : 7.500 , "technology" : [ "EV", "BESS" ] } '), ('{"technology":["BESS"]}'), ('{"technology":"BESS"}'),
  ('{"notice":"P1W2DT3H4M5.06S","recovery":"PT0S","full_delivery":"PT90M","max_duration":"infinity","min_duration":"PT0.000001S"}'),
  ('{"energy_kwh":0.1,"up_kw":0,"down_kw":-0,"import_kw":999999999.999,"export_kw":1000000000,"ramp_kw_per_minute":0.001,"voltage_kv":0.4}'),
  ('{"metering":["asset","boundary"],"directions":["down","up"],"metering_granularity":"PT0.05S","operational_metering_granularity":"PT1S"}'),
  ('{"constraint_zone":"Z \"1\" \\ 2","gsp":"\u00e9\u20ac\ud83d\ude00","gsp_group":"_C","nation":"GB","bm_unit":true,"bsc_party":false,"member_count":3}'),
  ('{"connection_type":"FIRM","connection_status":"CONNECTED","energy_source":["SOLAR","GRID"]}')) v (p);
SELECT s::product_spec FROM (VALUES
  ('{}'), ('{"member":{},"unit":{}}'), ('{"grouping":"none"}'),
  ('{"grouping":"gsp_group", "unit":{"up_kw":{"max":300000,"min":1000}}, "member":{"technology":["EV","BESS"],"notice":{"max":"PT120S"},"bm_unit":false,"metering":["asset","boundary"],"directions":["up"]}}'),
  ('{"member":{"constraint_zone":["B","A"],"voltage_kv":{"min":0.4,"max":0.4},"max_duration":{"min":"PT1H"},"member_count":{"max":1}}}')) v (s);
-- the same value is the same bytes
SELECT count(DISTINCT p), count(*) FROM (VALUES ('{"up_kw":7.5,"notice":"PT2M"}'::asset_profile), ('{"notice":"PT120S","up_kw":7.500}'), (' {"notice":"PT0H2M0S", "up_kw":7.5}')) v (p);
SELECT p, count(*) FROM (VALUES ('{"up_kw":7}'::asset_profile), ('{"up_kw":8}'), ('{"up_kw":7.0}')) v (p) GROUP BY p ORDER BY p::text COLLATE "C";
SELECT a = b, a <> b, a < b OR a > b, a <= b AND a >= b, asset_profile_cmp(a, b), asset_profile_hash(a) = asset_profile_hash(b), asset_profile_hash_extended(a, 7) = asset_profile_hash_extended(b, 7)
FROM (VALUES ('{"up_kw":7}'::asset_profile, '{"up_kw":7.0}'::asset_profile)) v (a, b);
SELECT ('{"up_kw":7.5,"technology":"EV"}'::asset_profile::jsonb ->> 'up_kw')::numeric, '{"up_kw":7.5}'::jsonb::asset_profile, '{"up_kw":7.5}'::asset_profile::json, convert_from(asset_profile_send('{"up_kw":7.5}'), 'UTF8') = E'\x01{"up_kw":7.5}' AS sent;

-- ---------------------------------------------------------------- errors

-- state, message, place; each has a hint
CREATE FUNCTION attempt(type text, value text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text; message text; detail text; hint text; result text;
BEGIN
  EXECUTE format('SELECT %L::%I', value, type) INTO result;
  RETURN 'accepted ' || result;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN format('%s %s. %s%s', state, message, detail, CASE WHEN hint = '' THEN ' NO HINT' END);
END $$;
SELECT attempt('asset_profile', v) FROM (VALUES
  (''), ('7'), ('null'), ('"x"'), ('[]'), ('{'), ('{"up_kw"'), ('{"up_kw":'), ('{"up_kw":7'), ('{"up_kw":7}}'), ('{"up_kw":7} x'), ('{"up_kw":7,}'), ('{up_kw:7}'), ('{''up_kw'':7}'),
  ('{"up_kw":7kW}'), ('{"up_kw":07}'), ('{"up_kw":.5}'), ('{"up_kw":NaN}'), ('{"up_kw":+7}'), ('{"up_kw":7 "notice":"PT1M"}'), (E'{\n "up_kw": 7,\n "notice" "PT2M"}'), ('{"notice":"PT2M}'), (E'{"notice":"PT\t2M"}'), ('{"notice":"\x"}'),
  (E'{"up_kw":7,\n  "up_kw":7}'), ('{"gsp":"\u0000"}'), ('{"g\u0000sp":"x"}'), ('{"gsp":"\ud800"}'), (repeat('[', 5000)), (repeat('{"a":', 3000)), ('{"up_kw":1e999}'), ('{"up_kw":99999999999999999999}'),
  (E'{"up_kw":7,\n\n  "colour":"red"}'), ('{"Up_kw":7}'), ('{"":7}'), ('{"min":7}'), (format('{"%s":7}', repeat('x', 100))),
  ('{"up_kw":"7 kW"}'), ('{"up_kw":"7"}'), ('{"up_kw":null}'), ('{"up_kw":true}'), ('{"up_kw":[7]}'), ('{"up_kw":{"min":7}}'), ('{"up_kw":7.1234}'), ('{"up_kw":7.0000000000000000001}'), ('{"up_kw":7.00000000000000000000}'), ('{"up_kw":7e0}'),
  ('{"up_kw":-1}'), ('{"up_kw":-0.001}'), ('{"up_kw":1000000000.001}'), ('{"up_kw":9223372036854775807}'), ('{"up_kw":9223372036854775.9}'), ('{"energy_kwh":1000000000001}'), ('{"voltage_kv":132000}'),
  ('{"member_count":0}'), ('{"member_count":1.5}'), ('{"member_count":"2"}'),
  ('{"notice":120}'), ('{"notice":"2 minutes"}'), ('{"notice":"P1M"}'), ('{"notice":"P1Y"}'), ('{"notice":"PT"}'), ('{"notice":"P"}'), ('{"notice":"P1DT"}'), ('{"notice":"PT1M1H"}'), ('{"notice":"PT1M1M"}'), ('{"notice":"-PT1M"}'), ('{"notice":"PT-1M"}'),
  ('{"notice":"PT1.5M"}'), ('{"notice":"PT0.0000001S"}'), ('{"notice":"pt2m"}'), ('{"notice":"PT2M "}'), ('{"notice":"P1H"}'), ('{"notice":"P367D"}'), ('{"notice":"PT99999999999999999999S"}'), ('{"notice":"infinity"}'), ('{"metering_granularity":"PT0S"}'), ('{"max_duration":"PT0S"}'),
  ('{"technology":""}'), ('{"technology":" EV"}'), ('{"technology":[]}'), ('{"technology":["EV",7]}'), ('{"technology":["EV","BESS","EV"]}'), ('{"technology":"a\nb"}'), (format('{"technology":"%s"}', repeat('x', 64))), ('{"technology":7}'), ('{"gsp":["A","B"]}'),
  ('{"directions":"up"}'), ('{"directions":[]}'), ('{"directions":["up","sideways"]}'), ('{"directions":["up","up"]}'), ('{"metering":["Boundary"]}'), ('{"bm_unit":1}'), ('{"bm_unit":"yes"}'),
  (E'{"min_duration":"PT2H",\n "max_duration":"PT1H"}'), ('{"directions":["down"],"up_kw":7}'), ('{"directions":["up"],"down_kw":0}')) t (v);
SELECT attempt('asset_profile', format('{"technology":["%s"]}', (SELECT string_agg(i::text, '","') FROM generate_series(1, 1001) i)));
SELECT attempt('asset_profile', format('{"technology":"%sx"}', repeat(' ', 65536)));
SELECT left(attempt('asset_profile', format('%s{"up_kw":7}', repeat(' ', 65000))), 40);
SELECT attempt('product_spec', v) FROM (VALUES
  ('[]'), ('{"members":{}}'), ('{"member":[]}'), ('{"member":null}'), ('{"member":{"notce":{"max":"PT2M"}}}'), ('{"grouping":"region"}'), ('{"grouping":null}'), ('{"grouping":["gsp"]}'),
  ('{"member":{"up_kw":7}}'), ('{"member":{"up_kw":{}}}'), ('{"member":{"up_kw":{"least":7}}}'), ('{"member":{"up_kw":{"min":8,"max":7}}}'), (E'{"member":\n {"notice":\n  {"max":\n   "PT2X"}}}'), ('{"unit":{"notice":{"min":"PT3M","max":"PT2M"}}}'),
  ('{"unit":{"up_kw":{"min":1000,"min":2000}}}'), ('{"unit":{"up_kw":{"min":"1 MW"}}}'), ('{"unit":{"up_kw":{"min":null}}}'), ('{"member":{"technology":"BESS"}}'), ('{"member":{"technology":[]}}'), ('{"member":{"technology":["A","B","A"]}}'),
  ('{"member":{"gsp":"X"}}'), ('{"member":{"max_duration":{"min":"infinity"}}}'), ('{"member":{"bm_unit":["yes"]}}'), ('{"member":{"metering":["meter"]}}'), ('{"unit":{"member_count":{"min":2}},"grouping":"none"}'), ('{"unit":{"member_count":{"max":2}},"grouping":"none"}'),
  ('{"member":{"member":{"up_kw":{"min":1}}}}'), ('{"member":{"up_kw":{"min":{"min":1}}}}')) t (v);
SELECT attempt('eligibility_key', 'x');
-- nothing is too long that was read: a text near the limit reads back
SELECT length(t) > 60000 AS long, t::product_spec::text::product_spec = t::product_spec AS same FROM (SELECT format('{"member":{"technology":["%s"],"gsp":["%s"]}}', string_agg(lpad(i::text, 29, 'x'), '","'), string_agg(lpad(i::text, 29, 'y'), '","')) FROM generate_series(1, 990) i) x (t);

-- ---------------------------------------------------------------- a random market, and an oracle on its JSON

CREATE TABLE property (key text, kind text, domain jsonb);
INSERT INTO property VALUES
  ('technology', 'codes', '["BESS","EV_CHARGER","CHP","HVAC"]'), ('energy_source', 'codes', '["GRID","SOLAR"]'), ('connection_type', 'codes', '["FIRM","NON_FIRM"]'), ('connection_status', 'codes', '["CONNECTED","PENDING"]'),
  ('constraint_zone', 'place', '["Z1","Z2","Z3","Z4"]'), ('gsp', 'place', '["G1","G2"]'), ('gsp_group', 'place', '["_A","_C"]'), ('nation', 'place', '["GB"]'),
  ('export_kw', 'number', '[0,7,7.5,1000]'), ('import_kw', 'number', '[0.001,3,7]'), ('up_kw', 'number', '[0,2.047,2.048,2.049,7,1000.001,1000.002]'), ('down_kw', 'number', '[0,7,7.001]'),
  ('energy_kwh', 'number', '[1,13.5,2000]'), ('ramp_kw_per_minute', 'number', '[1,25]'), ('voltage_kv', 'number', '[0.4,11,33]'), ('member_count', 'number', '[1,2,50]'),
  ('min_duration', 'duration', '["PT0S","PT1M","PT15M"]'), ('max_duration', 'duration', '["PT15M","PT30M","PT4H"]'), ('notice', 'duration', '["PT0S","PT1S","PT2M","PT15M","PT8H"]'), ('full_delivery', 'duration', '["PT1S","PT30S"]'),
  ('recovery', 'duration', '["PT0S","PT3M","PT20H"]'), ('metering_granularity', 'duration', '["PT0.05S","PT1S","PT30M"]'), ('operational_metering_granularity', 'duration', '["PT1S","PT15S"]'),
  ('directions', 'all', '["up","down"]'), ('metering', 'any', '["boundary","asset"]'), ('bm_unit', 'boolean', '[true,false]'), ('bsc_party', 'boolean', '[true,false]');
CREATE FUNCTION draw(i bigint, what text, n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT (hashint8extended(i, hashtext(what)) & 1048575)::int % n $$;
CREATE FUNCTION some_of(domain jsonb, i bigint, what text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_agg(v ORDER BY draw(i, what || v, 1000), v) FROM jsonb_array_elements(domain) WITH ORDINALITY x (v, o) WHERE draw(i, what || o, 2) = 0 OR o = 1 + draw(i, what || 'one', jsonb_array_length(domain)) $$;

-- offers; a direction that is missing has no power
CREATE FUNCTION random_profile(i bigint) RETURNS jsonb LANGUAGE sql AS $$
  SELECT CASE WHEN doc -> 'directions' @> '["up"]' OR NOT doc ? 'directions' THEN doc ELSE doc - 'up_kw' END
       - CASE WHEN doc -> 'directions' @> '["down"]' OR NOT doc ? 'directions' THEN '' ELSE 'down_kw' END
  FROM (SELECT coalesce(jsonb_object_agg(key, CASE WHEN kind IN ('all', 'any') THEN some_of(domain, i, key)
                                           WHEN kind = 'codes' AND draw(i, key || 'many', 6) = 0 THEN some_of(domain, i, key)
                                           ELSE domain -> draw(i, key || 'which', jsonb_array_length(domain)) END), '{}') AS doc
        FROM property WHERE draw(i, key || 'known', 100) < CASE WHEN i % 3 = 0 THEN 100 WHEN key = 'member_count' THEN 20 ELSE 80 END) x $$;
CREATE FUNCTION random_part(i bigint, part text) RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_object_agg(key, CASE WHEN kind IN ('number', 'duration') THEN
             jsonb_strip_nulls(jsonb_build_object('min', CASE WHEN shape <> 0 THEN domain -> least(a, b) END, 'max', CASE WHEN shape <> 1 THEN domain -> greatest(a, b) END))
           WHEN kind = 'boolean' THEN domain -> draw(i, part || key, 2) ELSE some_of(domain, i, part || key) END), '{}')
  FROM (SELECT *, draw(i, part || key || 'shape', 3) AS shape, draw(i, part || key || 'a', jsonb_array_length(domain)) AS a, draw(i, part || key || 'b', jsonb_array_length(domain)) AS b
        FROM property WHERE draw(i, part || key || 'required', 100) < 9) x $$;
CREATE TABLE asset AS SELECT i AS id, random_profile(i) AS doc FROM generate_series(1, 200) i;
CREATE TABLE product AS SELECT i AS id, jsonb_strip_nulls(jsonb_build_object('member', random_part(i, 'member'), 'unit', random_part(i, 'unit'),
  'grouping', (ARRAY[NULL, 'constraint_zone', 'gsp', 'gsp_group', 'nation', 'none'])[1 + draw(i, 'grouping', 6)])) AS doc FROM generate_series(1, 120) i;
-- not a contradiction of grouping none and more than one member
UPDATE product SET doc = doc - 'grouping' WHERE doc ->> 'grouping' = 'none' AND (doc #>> '{unit,member_count,min}')::numeric > 1;
ALTER TABLE asset ADD profile asset_profile;
ALTER TABLE product ADD spec product_spec;
UPDATE asset SET profile = doc::asset_profile;
UPDATE product SET spec = doc::product_spec;

-- what is written is what was read, in any order of keys, and reads back as the same bytes
CREATE FUNCTION as_array(v jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT CASE jsonb_typeof(v) WHEN 'array' THEN (SELECT jsonb_agg(x ORDER BY x) FROM jsonb_array_elements(v) x) WHEN 'string' THEN jsonb_build_array(v) ELSE v END $$;
CREATE FUNCTION plain(doc jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$ SELECT jsonb_object_agg(key, as_array(value)) FROM jsonb_each(doc) $$;
SELECT count(*) FROM asset WHERE plain(profile::jsonb) <> plain(doc) OR profile::text::asset_profile <> profile OR profile::text::asset_profile::text <> profile::text OR doc::text::asset_profile <> profile;
SELECT count(*) FROM product WHERE plain(spec::jsonb -> 'member') IS DISTINCT FROM plain(nullif(doc -> 'member', '{}')) OR plain(spec::jsonb -> 'unit') IS DISTINCT FROM plain(nullif(doc -> 'unit', '{}'))
  OR spec::jsonb -> 'grouping' IS DISTINCT FROM doc -> 'grouping' OR spec::text::product_spec <> spec;
SELECT count(*) FROM asset a JOIN asset b ON (a.profile = b.profile) <> (plain(a.doc) = plain(b.doc));
SELECT (SELECT count(*) FROM (SELECT profile FROM asset GROUP BY profile) x) = (SELECT count(DISTINCT plain(doc)) FROM asset) AS grouped, (SELECT count(*) FROM asset a JOIN asset b USING (profile)) = (SELECT count(*) FROM asset a JOIN asset b ON plain(a.doc) = plain(b.doc)) AS joined;

-- The oracle: the words of docs/eligibility.md, on JSON, with core's numbers and intervals.
CREATE FUNCTION missed(required jsonb, offered jsonb) RETURNS text[] LANGUAGE sql STABLE AS $$
  SELECT coalesce(array_agg(r.key ORDER BY r.key COLLATE "C"), '{}') FROM jsonb_each(required) r JOIN property p USING (key),
    LATERAL (SELECT CASE WHEN r.key = 'member_count' THEN coalesce(offered -> r.key, '1') ELSE offered -> r.key END) o (value)
  WHERE NOT coalesce(CASE p.kind
    WHEN 'number' THEN (o.value #>> '{}')::numeric BETWEEN coalesce((r.value ->> 'min')::numeric, '-infinity') AND coalesce((r.value ->> 'max')::numeric, 'infinity')
    WHEN 'duration' THEN (o.value #>> '{}')::interval BETWEEN coalesce((r.value ->> 'min')::interval, '0') AND coalesce((r.value ->> 'max')::interval, '1000 years')
    WHEN 'codes' THEN as_array(o.value) <@ r.value
    WHEN 'place' THEN o.value <@ r.value
    WHEN 'all' THEN r.value <@ o.value
    WHEN 'any' THEN r.value ?| (SELECT array_agg(x) FROM jsonb_array_elements_text(o.value) x)
    WHEN 'boolean' THEN o.value = r.value END, false) $$;
CREATE FUNCTION may_group(doc jsonb, offered jsonb) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN NOT doc ? 'grouping' OR coalesce((offered ->> 'member_count')::int, 1) = 1 THEN true WHEN doc ->> 'grouping' = 'none' THEN false ELSE offered ? (doc ->> 'grouping') END $$;
CREATE TABLE pair AS SELECT p.id AS product, a.id AS asset, p.spec, a.profile, missed(p.doc -> 'member', a.doc) AS member, missed(p.doc -> 'unit', a.doc) AS unit, may_group(p.doc, a.doc) AS groups FROM product p, asset a;
SELECT count(*) AS pairs, count(*) FILTER (WHERE member = '{}') > 1000 AS members, count(*) FILTER (WHERE unit = '{}' AND groups) > 1000 AS units FROM pair;
SELECT count(*) AS wrong FROM pair WHERE (spec @> profile) <> (member = '{}') OR (profile <@ spec) <> (member = '{}') OR eligible_member(spec, profile) <> (member = '{}')
  OR eligible_unit(spec, profile) <> (unit = '{}' AND groups) OR eligible_alone(spec, profile) <> (member = '{}' AND unit = '{}' AND groups);
SELECT count(*) AS wrong FROM pair WHERE (SELECT coalesce(array_agg(requirement ORDER BY requirement COLLATE "C"), '{}') FROM ineligibility(spec, profile, 'alone'))
  <> (SELECT coalesce(array_agg(x ORDER BY x COLLATE "C"), '{}') FROM (SELECT 'member.' || unnest(member) UNION ALL SELECT 'unit.' || unnest(unit) UNION ALL SELECT 'grouping' WHERE NOT groups) y (x));
SELECT count(*) AS wrong FROM pair WHERE (SELECT count(*) FROM ineligibility(spec, profile)) <> cardinality(member) OR (SELECT count(*) FROM ineligibility(spec, profile, 'unit')) <> cardinality(unit) + (NOT groups)::int;

-- why not, in words
SELECT * FROM ineligibility('{"member":{"technology":["BESS","CHP"],"voltage_kv":{"min":0.4,"max":0.4},"directions":["up","down"],"notice":{"max":"PT2M"},"max_duration":{"min":"PT30M","max":"PT4H"},"metering":["asset","boundary"],"gsp_group":["_C"],"bm_unit":true,"bsc_party":false},
  "unit":{"up_kw":{"min":1000}},"grouping":"gsp"}', '{"technology":["EV_CHARGER","BESS"],"voltage_kv":11,"directions":["up"],"up_kw":7.5,"notice":"PT5M","max_duration":"infinity","gsp_group":"_A","bm_unit":false,"member_count":40}', 'alone');
SELECT * FROM ineligibility('{"grouping":"none"}', '{"member_count":40}', 'unit');
SELECT count(*) FROM ineligibility('{}', '{}', 'alone');
SELECT * FROM ineligibility('{}', '{}', 'whole');
SELECT '{"member":{"max_duration":{"min":"PT4H"}}}' @> '{"max_duration":"infinity"}'::asset_profile, '{"member":{"max_duration":{"max":"PT4H"}}}' @> '{"max_duration":"infinity"}'::asset_profile;

-- ---------------------------------------------------------------- indexes

CREATE FUNCTION index_names(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN (SELECT string_agg(DISTINCT x #>> '{}', ',') FROM jsonb_path_query(plan, '$.**."Index Name"') x);
END $$;
-- more assets than one page holds, many of them equal; built by sorting, and grown row by row
-- (no autovacuum: with statistics of id the aggregate below would not be parallel)
CREATE TABLE many WITH (autovacuum_enabled = false) AS SELECT i AS id, random_profile(i % 700)::asset_profile AS profile FROM generate_series(1, 5000) i;
CREATE TABLE grown (LIKE many);
CREATE TABLE offer AS SELECT i AS id, jsonb_build_object('member', random_part(i, 'member'))::product_spec AS spec FROM generate_series(1, 3000) i;
CREATE TABLE offer_grown (LIKE offer);
CREATE INDEX many_profile_idx ON many USING gist (profile);
CREATE INDEX grown_profile_idx ON grown USING gist (profile);
CREATE INDEX offer_spec_idx ON offer USING gist (spec);
CREATE INDEX offer_grown_spec_idx ON offer_grown USING gist (spec);
INSERT INTO grown SELECT * FROM many ORDER BY draw(id, 'order', 100000);
INSERT INTO offer_grown SELECT * FROM offer ORDER BY draw(id, 'order', 100000);
INSERT INTO many VALUES (0, NULL);
CREATE FUNCTION disagreements(query text, OUT index_used text, OUT matches boolean, OUT wrong bigint) LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_material = off; SET LOCAL enable_memoize = off;
  index_used := index_names(query);
  EXECUTE 'CREATE TEMP TABLE by_index AS ' || query;
  SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
  EXECUTE 'CREATE TEMP TABLE by_scan AS ' || query;
  SELECT count(*) > 1000 INTO matches FROM by_scan;
  SELECT (SELECT count(*) FROM (TABLE by_index EXCEPT ALL TABLE by_scan) a) + (SELECT count(*) FROM (TABLE by_scan EXCEPT ALL TABLE by_index) b) INTO wrong;
  DROP TABLE by_index, by_scan;
END $$;
SELECT * FROM disagreements('SELECT p.id AS p, m.id AS m FROM (SELECT * FROM product OFFSET 0) p JOIN many m ON m.profile <@ p.spec');
SELECT * FROM disagreements('SELECT p.id AS p, m.id AS m FROM (SELECT * FROM product OFFSET 0) p JOIN grown m ON p.spec @> m.profile');
SELECT * FROM disagreements('SELECT a.id AS a, o.id AS o FROM (SELECT * FROM asset OFFSET 0) a JOIN offer o ON o.spec @> a.profile');
SELECT * FROM disagreements('SELECT a.id AS a, o.id AS o FROM (SELECT * FROM asset OFFSET 0) a JOIN offer_grown o ON a.profile <@ o.spec');
-- pages of equal keys split, too
CREATE TABLE equal (profile asset_profile);
CREATE INDEX equal_profile_idx ON equal USING gist (profile);
INSERT INTO equal SELECT '{"technology":"EV","up_kw":7}' FROM generate_series(1, 3000);
SET enable_seqscan = off;
SELECT count(*) FROM equal WHERE profile <@ '{"member":{"up_kw":{"min":7}}}';
SELECT count(*) FROM equal WHERE profile <@ '{"member":{"up_kw":{"min":7.001}}}';
RESET enable_seqscan;

-- the planner knows without being told, and under row-level security too
CREATE TABLE crowd AS SELECT i AS id, jsonb_build_object('technology', CASE WHEN i % 100 = 0 THEN 'BESS' ELSE 'EV' END, 'up_kw', i % 50, 'constraint_zone', 'Z' || i % 97)::asset_profile AS profile FROM generate_series(1, 20000) i;
CREATE INDEX crowd_profile_idx ON crowd USING gist (profile);
ANALYZE crowd;
SELECT index_names($$SELECT * FROM crowd WHERE profile <@ '{"member":{"technology":["BESS"],"up_kw":{"min":45}}}'$$) AS selective, index_names($$SELECT * FROM crowd WHERE profile <@ '{"member":{"up_kw":{"min":1}}}'$$) AS broad;
CREATE ROLE regress_eligibility;
GRANT USAGE ON SCHEMA eligibility_test, flexexchange TO regress_eligibility;
GRANT SELECT ON crowd TO regress_eligibility;
ALTER TABLE crowd ENABLE ROW LEVEL SECURITY;
CREATE POLICY crowd_odd ON crowd USING (id % 2 = (SELECT 0));
SET ROLE regress_eligibility;
SELECT index_names($$SELECT * FROM crowd WHERE profile <@ '{"member":{"technology":["BESS"],"up_kw":{"min":45}}}'$$) AS under_policy;
RESET ROLE;

-- ---------------------------------------------------------------- the profile of a unit

-- two chargers, a battery
SELECT profile_of(p) FROM (VALUES ('{"technology":"EV","up_kw":7.4,"directions":["up"],"notice":"PT2M","max_duration":"PT2H","min_duration":"PT1M","gsp":"A","gsp_group":"_C","metering":["asset","boundary"],"energy_kwh":40}'::asset_profile),
  ('{"technology":"EV","up_kw":7.4,"directions":["up"],"notice":"PT1M","max_duration":"PT4H","min_duration":"PT5M","gsp":"A","gsp_group":"_C","metering":["asset"],"energy_kwh":60.5}'),
  ('{"technology":"BESS","up_kw":1000,"down_kw":800.001,"directions":["up","down"],"notice":"PT1S","max_duration":"PT1H","min_duration":"PT0S","gsp":"B","gsp_group":"_C","metering":["asset"],"bm_unit":true}')) v (p);
SELECT profile_of(p) FROM (VALUES (NULL::asset_profile)) v (p);
SELECT profile_of(p) FROM (VALUES ('{"directions":["down"]}'::asset_profile)) v (p);
-- no duration in common
SELECT profile_of(p) FROM (VALUES ('{"min_duration":"PT4H","max_duration":"PT8H"}'::asset_profile), ('{"min_duration":"PT1M","max_duration":"PT1H"}')) v (p);
SELECT profile_of(p) FROM (VALUES ('{"up_kw":1000000000}'::asset_profile), ('{"up_kw":1000000000}')) v (p);
SELECT profile_of_merge('{}', '{}');
-- a 7 kW charger in a 1 MW portfolio is a good member
WITH spec (s) AS (VALUES ('{"member":{"technology":["EV"],"notice":{"max":"PT2M"}},"unit":{"up_kw":{"min":1000}},"grouping":"gsp_group"}'::product_spec)),
  member (p) AS (SELECT '{"technology":"EV","up_kw":7,"notice":"PT1M","gsp_group":"_C"}'::asset_profile FROM generate_series(1, 143))
SELECT bool_and(s @> p) AS members, bool_or(eligible_alone(s, p)) AS one_alone, eligible_unit(s, profile_of(p)) AS unit, profile_of(p) FROM spec, member GROUP BY s;

-- against the naive way, on random units
CREATE FUNCTION naive_unit(docs jsonb[]) RETURNS jsonb LANGUAGE sql STABLE AS $$
  WITH member AS (SELECT m AS n, docs[m] || CASE WHEN docs[m] ? 'directions' AND NOT docs[m] -> 'directions' ? 'up' AND NOT docs[m] ? 'up_kw' THEN '{"up_kw":0}' ELSE '{}'::jsonb END
                             || CASE WHEN docs[m] ? 'directions' AND NOT docs[m] -> 'directions' ? 'down' AND NOT docs[m] ? 'down_kw' THEN '{"down_kw":0}' ELSE '{}'::jsonb END AS doc FROM generate_subscripts(docs, 1) m),
  known AS (SELECT p.key, p.kind, array_agg(doc -> p.key) AS v FROM member, property p WHERE p.key <> 'member_count' GROUP BY p.key, p.kind HAVING bool_and(doc ? p.key)),
  unit AS (SELECT key, CASE
      WHEN key IN ('up_kw', 'down_kw', 'export_kw', 'import_kw', 'energy_kwh', 'ramp_kw_per_minute') THEN (SELECT to_jsonb(sum(x::numeric)) FROM unnest(v) x)
      WHEN key IN ('notice', 'full_delivery', 'recovery', 'min_duration', 'metering_granularity', 'operational_metering_granularity') THEN (SELECT x FROM unnest(v) x ORDER BY (x #>> '{}')::interval DESC LIMIT 1)
      WHEN key = 'max_duration' THEN (SELECT x FROM unnest(v) x ORDER BY (x #>> '{}')::interval LIMIT 1)
      WHEN kind = 'codes' OR key = 'directions' THEN (SELECT jsonb_agg(DISTINCT y) FROM unnest(v) x, jsonb_array_elements(as_array(x)) y)
      WHEN key = 'metering' THEN (SELECT jsonb_agg(y) FROM unnest(ARRAY['asset', 'boundary']) y WHERE y = ALL (SELECT CASE WHEN x ? y THEN y END FROM unnest(v) x))
      ELSE (SELECT min(x::text)::jsonb FROM unnest(v) x HAVING count(DISTINCT x) = 1) END AS value FROM known)
  SELECT jsonb_strip_nulls(coalesce((SELECT jsonb_object_agg(key, value) FROM unit), '{}')
    || (SELECT jsonb_build_object('member_count', sum(coalesce((doc ->> 'member_count')::int, 1))) FROM member)) $$;
SELECT count(*) AS units, count(*) FILTER (WHERE unit IS DISTINCT FROM naive::asset_profile) AS wrong FROM (
  SELECT profile_of(profile) AS unit, naive_unit(array_agg(doc)) AS naive FROM asset, generate_series(1, 3) size GROUP BY size, CASE size WHEN 1 THEN id WHEN 2 THEN id / 2 ELSE draw(id, 'unit', 60) END) x;
-- the order of members does not matter, nor do partial results of parallel workers
SELECT count(*) AS wrong FROM (SELECT profile_of(profile ORDER BY id) <> profile_of(profile ORDER BY id DESC) AS differs FROM asset GROUP BY draw(id, 'unit', 40)) x WHERE differs;
CREATE TABLE serial AS SELECT id % 7 AS g, profile_of(profile) AS unit FROM many GROUP BY 1;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; SET enable_indexonlyscan = off;
CREATE FUNCTION parallel_aggregate(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN plan @? '$.**."Partial Mode" ? (@ == "Partial")';
END $$;
SELECT parallel_aggregate('SELECT id % 7, profile_of(profile) FROM many GROUP BY 1');
SELECT count(*) AS same FROM (SELECT id % 7 AS g, profile_of(profile) AS unit FROM many GROUP BY 1) p JOIN serial USING (g, unit);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather; RESET enable_indexonlyscan;

-- ---------------------------------------------------------------- a short fuzz

-- every byte of valid documents replaced, dropped or doubled: refused with a state of ours, or accepted and reads back
CREATE FUNCTION fuzz(type text, document text, OUT tried int, OUT states text[], OUT broken text[]) LANGUAGE plpgsql AS $$
DECLARE
  mutant text; text_1 text; text_2 text; same boolean; state text;
BEGIN
  tried := 0; states := '{}'; broken := '{}';
  FOR at IN 1 .. length(document) LOOP
    FOR how IN 1 .. 16 LOOP
      mutant := left(document, at - 1) || CASE how WHEN 1 THEN '' WHEN 2 THEN repeat(substr(document, at, 1), 2) ELSE substr('"\{}[],:0-9.eP' || chr(1), how - 2, 1) END || substr(document, at + 1);
      tried := tried + 1;
      BEGIN
        EXECUTE format('SELECT v::text, v::text::%1$I::text, v = v::text::%1$I FROM (SELECT $1::%1$I) x (v)', type) INTO text_1, text_2, same USING mutant;
        IF text_1 <> text_2 OR NOT same THEN
          broken := broken || mutant;
        END IF;
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
        IF state <> ALL (states) THEN
          states := states || state;
        END IF;
      END;
    END LOOP;
  END LOOP;
  states := (SELECT array_agg(s ORDER BY s) FROM unnest(states) s);
END $$;
SELECT f.* FROM (VALUES
  ('asset_profile', '{"technology":["EV","BESS"],"up_kw":7.25,"notice":"PT1M0.5S","directions":["up"],"metering":["asset","boundary"],"bm_unit":true,"gsp":"a\"\u00e9","member_count":12,"min_duration":"PT1M","max_duration":"P1D"}'),
  ('product_spec', '{"member":{"technology":["EV","CHP"],"notice":{"min":"PT0S","max":"PT2M"},"bm_unit":false},"unit":{"up_kw":{"min":10,"max":99.5},"directions":["up","down"]},"grouping":"gsp_group"}')) v (type, document), fuzz(type, document) f;
-- a million errors would not fill memory: twenty thousand here
DO $$ BEGIN FOR i IN 1 .. 20000 LOOP BEGIN PERFORM format('{"up_kw":%s,"technology":["A","B","A"]}', i)::asset_profile; EXCEPTION WHEN invalid_text_representation THEN END; END LOOP; END $$;
SELECT sum(total_bytes) < 50000000 AS small FROM pg_backend_memory_contexts;
DROP SCHEMA eligibility_test CASCADE;
DROP OWNED BY regress_eligibility;
DROP ROLE regress_eligibility;
