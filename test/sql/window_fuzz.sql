-- Any text is a window that reads back as itself, or is refused with a code of
-- class 22: never a crash, never another error.  Texts are valid ones, damaged.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;
CREATE FUNCTION damage(valid text, i bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  alphabet CONSTANT text := '0123456789-:/TPZHMSYWD.,+[]()"@ infityBC' || chr(9) || chr(233) || chr(8364);
  result text := valid;
  place int;
  letter text;
BEGIN
  FOR k IN 0 .. (abs(hashint8extended(i, 1)) % 3)::int LOOP
    place := 1 + (abs(hashint8extended(i, 10 + k)) % greatest(length(result), 1))::int;
    letter := substr(alphabet, 1 + (abs(hashint8extended(i, 20 + k)) % length(alphabet))::int, 1);
    CASE abs(hashint8extended(i, 30 + k)) % 5
      WHEN 0 THEN result := overlay(result PLACING letter FROM place FOR 1);
      WHEN 1 THEN result := overlay(result PLACING letter FROM place FOR 0);
      WHEN 2 THEN result := overlay(result PLACING '' FROM place FOR 1);
      WHEN 3 THEN result := substr(result, 1, place);
      ELSE result := result || substr(result, place);
    END CASE;
  END LOOP;
  RETURN result;
END $$;
CREATE FUNCTION verdict(kind text, txt text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  once text;
  twice text;
BEGIN
  EXECUTE format('SELECT ($1::%s)::text', kind) INTO once USING txt;
  EXECUTE format('SELECT ($1::%s)::text', kind) INTO twice USING once;
  RETURN CASE WHEN once = twice THEN 'a window' ELSE 'changed: ' || txt END;
EXCEPTION
  WHEN data_exception THEN RETURN 'refused';
  WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE LIKE '22%' THEN 'refused' ELSE SQLSTATE || ': ' || txt END;
END $$;
SELECT kind, v, count(*) > 100 AS many FROM (
  SELECT kind, verdict(kind, damage(valid, i)) AS v
  FROM generate_series(1, 6000) i,
       (VALUES ('time_window', ARRAY['2026-11-20T17:00Z/2026-11-20T17:30Z', '2026-11-20T17:00:00.123456+01:30/PT30M', 'P1Y2M3DT4H5M6.5S/2026-11-20T17:00Z', '["2026-11-20 17:00:00+00","2026-11-20 17:30:00+00")', '-infinity/infinity', '0044-03-15T12:00Z BC/20261120T173000Z']),
               ('resource_window', ARRAY['42@2026-11-20T17:00Z/PT30M', '-9223372036854775808@-infinity/infinity'])) k (kind, valids),
       LATERAL (SELECT valids[1 + i % cardinality(valids)]) x (valid)) y
GROUP BY kind, v ORDER BY kind COLLATE "C", v COLLATE "C";
DROP FUNCTION damage(text, bigint), verdict(text, text);
