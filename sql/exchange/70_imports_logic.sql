-- archetype: medium
-- Imports: reading values without ever failing on them, and the steps that importers share.
--
-- An import runs in the same steps for every kind of file: the staged rows get
-- their line and digest (read_staging), what is new is parsed into a temporary
-- table, a list of checks yields the problems, good rows are inserted set by set
-- in the order of the file, and problems are kept (record_rejections).

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['embedded_capacity_register_staging', 'dispatch_instruction_staging', 'flexibility_tender_staging', 'import_line',
                  'import_row', 'import_rejection']) t;
SELECT protect_table('product_alias', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
-- staging is emptied before each file
GRANT TRUNCATE ON embedded_capacity_register_staging, dispatch_instruction_staging, flexibility_tender_staging TO flexexchange_operator;

CREATE OR REPLACE VIEW import_rejection_open WITH (security_invoker = true) AS
  SELECT r.importer, r.source, r.line, r.column_name, r.value, r.reason, r.hint, r.effect, r.row_content, r.recorded_at
  FROM import_rejection r
  WHERE r.effect <> 'row'
     OR NOT EXISTS (SELECT FROM import_row i WHERE i.importer = r.importer AND i.row_digest = r.row_digest);
COMMENT ON VIEW import_rejection_open IS 'rejections that still hold: without those of rows that were imported later';
COMMENT ON COLUMN import_rejection_open.importer IS 'embedded_capacity_register, dispatch_instructions or flexibility_tenders';
COMMENT ON COLUMN import_rejection_open.source IS 'the file, as the caller named it';
COMMENT ON COLUMN import_rejection_open.line IS 'line of the row in the file';
COMMENT ON COLUMN import_rejection_open.column_name IS 'column of the staging table';
COMMENT ON COLUMN import_rejection_open.value IS 'what stands there, clipped';
COMMENT ON COLUMN import_rejection_open.reason IS 'what is wrong with it';
COMMENT ON COLUMN import_rejection_open.hint IS 'what to do about it';
COMMENT ON COLUMN import_rejection_open.effect IS 'row, value or word';
COMMENT ON COLUMN import_rejection_open.row_content IS 'the row, clipped';
COMMENT ON COLUMN import_rejection_open.recorded_at IS 'when it was found first';
GRANT SELECT ON import_rejection_open TO flexexchange_operator, flexexchange_regulator;

-- ------------------------------------------------------------------ values

-- Those that are one expression are inlined, so they are not STRICT: each gives
-- NULL for NULL as it stands.
CREATE OR REPLACE FUNCTION import_value(value text, VARIADIC placeholders text[] DEFAULT '{}') RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(value) > 255 THEN nullif(btrim(value, E' \t\r\n'), '')
            WHEN lower(btrim(value, E' \t\r\n'))
                 = ANY (placeholders || ARRAY['', '-', 'n/a', 'null', 'not applicable', 'not available', 'data not available',
                                              'to be confirmed', 'tbc'])
            THEN NULL
            ELSE btrim(value, E' \t\r\n') END;
COMMENT ON FUNCTION import_value(text, text[]) IS
  'what a file says in a field, without white space around it; NULL for nothing, for what is written in place of nothing ("Data not available", "-") and for the placeholders given, in lower case';
REVOKE ALL ON FUNCTION import_value(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_value(text, text[]) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_text_problem(value text, longest integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(value) > longest THEN 'has ' || length(value)::text || ' characters, more than ' || longest::text END;
COMMENT ON FUNCTION import_text_problem(text, integer) IS 'what is wrong with a text: too long; NULL when nothing is';
REVOKE ALL ON FUNCTION import_text_problem(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_text_problem(text, integer) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_number(value text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN length(value) > 40 THEN NULL
            WHEN value ~ '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$' THEN value::numeric END;
COMMENT ON FUNCTION import_number(text) IS 'a decimal number of at most 40 characters with a point; NULL for anything else, such as NaN or 1,5';
REVOKE ALL ON FUNCTION import_number(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_number(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_quantity_problem(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL OR import_number(value) BETWEEN 0 AND 1000000 THEN NULL
            WHEN import_number(value) < 0 THEN 'is negative'
            WHEN import_number(value) > 0 THEN 'is more than 1000000'
            ELSE 'is not a number' END;
COMMENT ON FUNCTION import_quantity_problem(text) IS
  'what is wrong with a power in MW or a price: not a number, negative, or beyond reason; NULL when nothing is';
REVOKE ALL ON FUNCTION import_quantity_problem(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_quantity_problem(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_quantity(value text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN import_number(value) BETWEEN 0 AND 1000000 THEN import_number(value) END;
COMMENT ON FUNCTION import_quantity(text) IS 'a power in MW or a price, from 0 to 1000000; NULL for anything else';
REVOKE ALL ON FUNCTION import_quantity(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_quantity(text) TO flexexchange_operator;

-- Dates and times are read by their parts: a cast would ask DateStyle and
-- TimeZone of the session, and fail on 30 February.
CREATE OR REPLACE FUNCTION import_date(value text) RETURNS date
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value ~ '^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' THEN
         CASE WHEN right(value, 2) <= '28'
                OR right(value, 2)::integer <= date_part('day', make_date(left(value, 4)::integer, substr(value, 6, 2)::integer, 1) + interval '1 month' - interval '1 day')
              THEN make_date(left(value, 4)::integer, substr(value, 6, 2)::integer, right(value, 2)::integer) END END;
COMMENT ON FUNCTION import_date(text) IS 'a date written as 2024-05-17; NULL for anything else, such as 2024-02-30';
REVOKE ALL ON FUNCTION import_date(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_date(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_clock(value text, OUT clock timestamp, OUT utc_offset interval)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  part text[];
  day date;
BEGIN
  IF length(value) > 40 THEN
    RETURN;
  END IF;
  part := regexp_match(value, '^([0-9-]{10})[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9](?:[.][0-9]{1,6})?))?'
                              '(?:(Z)|([+-])(0[0-9]|1[0-5]):?([0-5][0-9])?)?$');
  day := import_date(part[1]);
  IF day IS NULL THEN
    RETURN;
  END IF;
  clock := day + make_time(part[2]::integer, part[3]::integer, coalesce(part[4], '0')::double precision);
  utc_offset := CASE WHEN part[5] IS NOT NULL THEN interval '0'
                     WHEN part[6] IS NOT NULL
                     THEN make_interval(hours => part[7]::integer, mins => coalesce(part[8], '0')::integer)
                          * (part[6] || '1')::integer END;
END
$function$;
COMMENT ON FUNCTION import_clock(text) IS
  'an ISO 8601 time: what the clock shows, and its offset from UTC, NULL when none is written; both NULL for anything else';
REVOKE ALL ON FUNCTION import_clock(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_clock(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_local_time(value text, zone text, OUT instant timestamptz, OUT problem text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  shown record := import_clock(value);
BEGIN
  IF shown.clock IS NULL THEN
    problem := CASE WHEN value IS NULL THEN 'is blank' ELSE 'is not a time' END;
  ELSIF local_time(shown.clock, zone) IS NULL THEN
    problem := format('is skipped by the clocks of %s', zone);
  ELSIF shown.utc_offset IS NULL AND local_time_is_ambiguous(shown.clock, zone) THEN
    problem := format('is shown twice by the clocks of %s, and has no offset', zone);
  ELSIF shown.utc_offset IS NULL THEN
    problem := 'has no offset';
  ELSE
    instant := (shown.clock - shown.utc_offset) AT TIME ZONE 'UTC';
    IF instant AT TIME ZONE zone <> shown.clock THEN
      instant := NULL;
      problem := format('has an offset that %s does not have then', zone);
    END IF;
  END IF;
END
$function$;
COMMENT ON FUNCTION import_local_time(text, text) IS
  'the instant of a local time with its offset, or what is wrong with it: blank, no time, skipped in spring, shown twice in autumn without saying which, no offset, an offset of another zone or season';
REVOKE ALL ON FUNCTION import_local_time(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_local_time(text, text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_utc_problem(value text, instant timestamptz) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  shown record := import_clock(value);
BEGIN
  RETURN CASE WHEN value IS NULL THEN NULL
              WHEN shown.clock IS NULL THEN 'is not a time'
              WHEN (shown.clock - coalesce(shown.utc_offset, interval '0')) AT TIME ZONE 'UTC' <> instant
              THEN 'is not the instant of the local column' END;
END
$function$;
COMMENT ON FUNCTION import_utc_problem(text, timestamptz) IS
  'what is wrong with a column that repeats an instant in UTC: no time, or another instant; NULL when nothing is, or when it is empty';
REVOKE ALL ON FUNCTION import_utc_problem(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_utc_problem(text, timestamptz) TO flexexchange_operator;

-- ------------------------------------------------------------------ lines

CREATE OR REPLACE FUNCTION number_lines() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- a transition table is read in the order in which its rows came
  INSERT INTO import_line (staging, line, row_digest)
  SELECT TG_TABLE_NAME,
         row_number() OVER () + (SELECT coalesce(max(l.line), 0) FROM import_line l WHERE l.staging = TG_TABLE_NAME),
         sha256(convert_to(c::text, 'UTF8'))
  FROM copied c;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION number_lines() IS 'trigger: keeps the order of the rows that came into a staging table';
REVOKE ALL ON FUNCTION number_lines() FROM PUBLIC;

CREATE OR REPLACE FUNCTION forget_lines() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  filled boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s)', TG_RELID::regclass) INTO filled;
  IF NOT filled THEN
    DELETE FROM import_line l WHERE l.staging = TG_TABLE_NAME;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION forget_lines() IS 'trigger: lines are counted from 1 again once a staging table is empty';
REVOKE ALL ON FUNCTION forget_lines() FROM PUBLIC;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['embedded_capacity_register_staging', 'dispatch_instruction_staging', 'flexibility_tender_staging'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t50_number_lines AFTER INSERT ON %I
      REFERENCING NEW TABLE AS copied FOR EACH STATEMENT EXECUTE FUNCTION number_lines()', name);
    EXECUTE format('COMMENT ON TRIGGER t50_number_lines ON %I IS ''keeps the order of the file''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t50_forget_lines AFTER DELETE OR TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION forget_lines()', name);
    EXECUTE format('COMMENT ON TRIGGER t50_forget_lines ON %I IS ''counts lines anew for the next file''', name);
  END LOOP;
END
$block$;

-- ------------------------------------------------------------------ steps of every import

CREATE OR REPLACE FUNCTION read_staging(importer text, own regclass, staging regclass) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  wanted regclass := coalesce(staging, own);
  missing text;
  names text;
  texts text;
  staged bigint;
BEGIN
  IF (SELECT c.relkind FROM pg_class c WHERE c.oid = wanted) IS DISTINCT FROM 'r' THEN
    RAISE EXCEPTION '% is not a table', coalesce(quote_literal(wanted::text), 'NULL')
      USING ERRCODE = 'wrong_object_type',
            HINT = 'Copy the rows into a table, such as CREATE TEMPORARY TABLE my_rows (LIKE ' || own || ').';
  END IF;
  SELECT o.attname::text INTO missing
  FROM pg_attribute o
  WHERE o.attrelid = own AND o.attnum > 0 AND NOT o.attisdropped
    AND NOT EXISTS (SELECT FROM pg_attribute t
                    WHERE t.attrelid = wanted AND t.attname = o.attname AND NOT t.attisdropped)
  ORDER BY o.attnum
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'table % has no column %', quote_literal(wanted::text), quote_literal(missing)
      USING ERRCODE = 'undefined_column',
            HINT = format('Make it as CREATE TEMPORARY TABLE my_rows (LIKE %s).', own);
  END IF;
  SELECT string_agg(format('s.%I', o.attname), ', ' ORDER BY o.attnum),
         string_agg(format('s.%1$I::text', o.attname), ', ' ORDER BY o.attnum)
    INTO names, texts
  FROM pg_attribute o
  WHERE o.attrelid = own AND o.attnum > 0 AND NOT o.attisdropped;

  -- imports take turns, so that two sessions with one file do not both find its rows new
  LOCK TABLE import_row IN SHARE ROW EXCLUSIVE MODE;
  EXECUTE format($query$
    CREATE TEMPORARY TABLE import_staged ON COMMIT DROP AS
    SELECT d.*,
           row_number() OVER (PARTITION BY d.row_digest ORDER BY d.line) > 1 AS repeated,
           EXISTS (SELECT FROM import_row i WHERE i.importer = %L AND i.row_digest = d.row_digest) AS known
    FROM (SELECT row_number() OVER (ORDER BY l.line, s.place) + 1 AS line,   -- the header is line 1
                 s.row_digest, %s
          FROM (SELECT s.*, row_number() OVER (PARTITION BY s.row_digest ORDER BY s.place DESC) AS nth
                FROM (SELECT s.ctid AS place, sha256(convert_to(ROW(%s)::text, 'UTF8')) AS row_digest, %s FROM %s s) s) s
          -- rows of one text are one as good as the other; what was deleted since came before
          LEFT JOIN (SELECT l.line, l.row_digest, row_number() OVER (PARTITION BY l.row_digest ORDER BY l.line DESC) AS nth
                     FROM import_line l WHERE l.staging = %L) l USING (row_digest, nth)) d
    ORDER BY d.line$query$,
    importer, names, texts, texts, wanted, CASE WHEN wanted = own THEN (SELECT c.relname FROM pg_class c WHERE c.oid = own) END);
  GET DIAGNOSTICS staged = ROW_COUNT;
  ANALYZE pg_temp.import_staged;
  CREATE TEMPORARY TABLE import_problem (
    line        bigint,
    row_digest  bytea,
    column_name text,
    value       text,
    reason      text,
    hint        text,
    effect      text
  ) ON COMMIT DROP;
  RETURN staged;
END
$function$;
COMMENT ON FUNCTION read_staging(text, regclass, regclass) IS
  'step of an import: the staged rows with line (of a table of the caller, by place in it), digest, and whether they are repeated in the file or known from before, as pg_temp.import_staged, and an empty pg_temp.import_problem; returns the number of rows';
REVOKE ALL ON FUNCTION read_staging(text, regclass, regclass) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_staging(text, regclass, regclass) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION record_rejections(importer text, source text, OUT rows_rejected bigint, OUT values_left_out bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- a row that is not imported leaves no single value out
  DELETE FROM pg_temp.import_problem p
  WHERE p.effect <> 'row'
    AND p.row_digest IN (SELECT o.row_digest FROM pg_temp.import_problem o WHERE o.effect = 'row');
  SELECT count(DISTINCT p.row_digest) FILTER (WHERE p.effect = 'row'),
         count(DISTINCT (p.row_digest, p.column_name)) FILTER (WHERE p.effect = 'value')
    INTO rows_rejected, values_left_out
  FROM pg_temp.import_problem p;

  INSERT INTO import_rejection (importer, source, line, column_name, value, reason, hint, effect, row_digest, row_content)
  SELECT record_rejections.importer, record_rejections.source, p.line, p.column_name, left(p.value, 200),
         p.reason, p.hint, p.effect, p.row_digest, content.clipped
  FROM (SELECT DISTINCT ON (o.line, o.column_name) o.* FROM pg_temp.import_problem o
        ORDER BY o.line, o.column_name, o.reason) p
  JOIN pg_temp.import_staged s ON s.line = p.line
  CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_object_agg(f.key, left(f.value, 200)), '{}') AS clipped
    FROM jsonb_each_text(to_jsonb(s) - ARRAY['line', 'row_digest', 'repeated', 'known']) f
    WHERE f.value IS NOT NULL
  ) content
  WHERE NOT EXISTS (SELECT FROM import_rejection r
                    WHERE r.importer = record_rejections.importer AND r.row_digest = p.row_digest
                      AND r.column_name = p.column_name)
  ORDER BY p.line, p.column_name;
  DROP TABLE pg_temp.import_problem, pg_temp.import_staged;
END
$function$;
COMMENT ON FUNCTION record_rejections(text, text) IS
  'last step of an import: keeps the problems that are new, drops the tables of read_staging, and counts the rows refused and the values left out';
REVOKE ALL ON FUNCTION record_rejections(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_rejections(text, text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_words(scheme text, key text, words text[]) RETURNS TABLE (word text, reason text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT w.word,
         coalesce('has no common word that is sure: ' || (SELECT string_agg(c.code || ' is ' || c.relation, ', ')
                                                          FROM common_terms(import_words.scheme, w.word) c),
                  'has no common word'),
         format('It is kept as it stands. Say what it is in common, in taxonomy_term and taxonomy_mapping, scheme %s; then common_profile() gives the profile.',
                import_words.scheme)
  FROM (SELECT DISTINCT u.word FROM unnest(import_words.words) AS u (word)) w
  -- as common_profile() reads it
  WHERE EXISTS (SELECT FROM string_to_table(w.word, ' + ') AS part WHERE common_term(import_words.scheme, part, import_words.key) IS NULL);
END;
COMMENT ON FUNCTION import_words(text, text, text[]) IS
  'those of the words of a scheme that have no sure common word below a key such as technology, what is to be said of them, and what to do';
REVOKE ALL ON FUNCTION import_words(text, text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_words(text, text, text[]) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION import_participants(names text[], kind text) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
  INSERT INTO participant (name, kinds)
  SELECT (array_agg(n.name ORDER BY n.place))[1], ARRAY[kind]
  FROM unnest(names) WITH ORDINALITY AS n (name, place)
  WHERE NOT EXISTS (SELECT FROM participant p WHERE lower(p.name) = lower(n.name)) AND n.name IS NOT NULL
  GROUP BY lower(n.name)
  ORDER BY min(n.place)
  ON CONFLICT (lower(name)) DO NOTHING;

  UPDATE participant p SET kinds = p.kinds || kind
  WHERE lower(p.name) IN (SELECT lower(n) FROM unnest(names) n) AND kind <> ALL (p.kinds);
$function$;
COMMENT ON FUNCTION import_participants(text[], text) IS
  'registers the companies of these names that are not there yet, in their first spelling, and gives those that are there this kind as well';
REVOKE ALL ON FUNCTION import_participants(text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_participants(text[], text) TO flexexchange_operator;

