-- archetype: medium
-- Open data: as CSV with a datapackage.json (Data Package 1, Table Schema 1), and as a publication.
--
-- Everything here runs with the rights of its caller: what row-level security hides, it does not give.  open_dataset has
-- only what everybody reads, so that everybody gets the same bytes; a test holds that.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['open_package', 'open_dataset']) t;
-- what is said of the data is the operator's to say; what is open is the owner's, whose conditions are run as SQL
REVOKE INSERT, DELETE ON open_package FROM flexexchange_operator;
REVOKE INSERT, UPDATE, DELETE ON open_dataset FROM flexexchange_operator;

-- ------------------------------------------------------------------ values as text, whatever the settings of the session

CREATE OR REPLACE FUNCTION iso_text(instant timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN NOT isfinite(instant) THEN CASE WHEN instant > '-infinity' THEN 'infinity' ELSE '-infinity' END
              ELSE regexp_replace(to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '\.000000Z$', 'Z') END
$function$;
COMMENT ON FUNCTION iso_text(timestamptz) IS 'an instant in UTC as RFC 3339 writes it, with microseconds where it has some; infinity and -infinity as such';
CREATE OR REPLACE FUNCTION iso_text(span time_window) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT iso_text(lower(span)) || '/' || iso_text(upper(span))
$function$;
COMMENT ON FUNCTION iso_text(time_window) IS 'a window as start/end, in UTC';
CREATE OR REPLACE FUNCTION iso_text(duration interval) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
SET IntervalStyle = 'iso_8601'
AS $function$
  SELECT duration::text
$function$;
COMMENT ON FUNCTION iso_text(interval) IS 'an interval as ISO 8601 writes a duration, for example PT30M';
CREATE OR REPLACE FUNCTION csv_cell(value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN value IS NULL THEN '' WHEN value = '' OR value = '\.' OR value ~ '[",\r\n]' THEN '"' || replace(value, '"', '""') || '"' ELSE value END;
COMMENT ON FUNCTION csv_cell(text) IS 'a value as RFC 4180 writes it, quoted where it has to be; NULL is nothing, and an empty text is "", as COPY has it';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['iso_text(timestamptz)', 'iso_text(time_window)', 'iso_text(interval)', 'csv_cell(text)'] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator', name);
  END LOOP;
END
$block$;

-- ------------------------------------------------------------------ what a dataset is made of

CREATE OR REPLACE FUNCTION require_open_dataset(name text) RETURNS open_dataset
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  d open_dataset;
BEGIN
  SELECT * INTO d FROM open_dataset o WHERE o.name = require_open_dataset.name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no open dataset %', coalesce(quote_literal(left(name, 64)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = format('There are %s.', (SELECT string_agg(o.name, ', ' ORDER BY o.name COLLATE "C") FROM open_dataset o));
  END IF;
  RETURN d;
END
$function$;
COMMENT ON FUNCTION require_open_dataset(text) IS 'the dataset of that name; error 22023';
REVOKE ALL ON FUNCTION require_open_dataset(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION require_open_dataset(text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- The types of Table Schema, and the expression that writes a value of each.
CREATE OR REPLACE FUNCTION open_columns(d open_dataset)
RETURNS TABLE (place integer, column_name text, field_type text, field_format text, expression text, required boolean, description text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT row_number() OVER (ORDER BY coalesce(array_position(d.columns, a.attname::text), a.attnum))::integer, a.attname::text,
    CASE WHEN a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN 'integer' WHEN a.atttypid = 'numeric'::regtype THEN 'number'
         WHEN a.atttypid = 'boolean'::regtype THEN 'boolean' WHEN a.atttypid = 'timestamptz'::regtype THEN 'datetime' WHEN a.atttypid = 'date'::regtype THEN 'date'
         WHEN a.atttypid = 'time'::regtype THEN 'time' WHEN a.atttypid = 'interval'::regtype THEN 'duration'
         WHEN a.atttypid IN ('text[]'::regtype, 'bigint[]'::regtype, 'integer[]'::regtype) THEN 'array'
         WHEN a.atttypid IN ('product_spec'::regtype, 'asset_profile'::regtype) THEN 'object' WHEN a.atttypid IN ('json'::regtype, 'jsonb'::regtype) THEN 'any' ELSE 'string' END,
    CASE WHEN a.atttypid = 'uuid'::regtype THEN 'uuid' END,
    format(CASE WHEN a.atttypid IN ('timestamptz'::regtype, 'time_window'::regtype, 'interval'::regtype) THEN '%2$I.iso_text(r.%1$I)'
                WHEN a.atttypid = 'date'::regtype THEN 'to_char(r.%1$I, ''YYYY-MM-DD'')' WHEN a.atttypid = 'bytea'::regtype THEN 'encode(r.%1$I, ''hex'')'
                WHEN a.atttypid IN ('text[]'::regtype, 'bigint[]'::regtype, 'integer[]'::regtype) THEN 'to_jsonb(r.%1$I)::text' ELSE 'r.%1$I::text' END, a.attname, current_schema()),
    a.attnotnull,
    coalesce(col_description(a.attrelid, a.attnum), '') || CASE WHEN a.atttypid = 'time_window'::regtype THEN ' (start/end, ISO 8601, half-open, in UTC; infinity where it is open)'
      WHEN a.atttypid = 'bytea'::regtype THEN ' (hexadecimal)' ELSE '' END
  FROM pg_attribute a
  WHERE a.attrelid = format('%I.%I', current_schema(), d.relation)::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND CASE WHEN d.columns IS NULL THEN a.atttypid <> 'tsvector'::regtype ELSE a.attname = ANY (d.columns) END
$function$;
COMMENT ON FUNCTION open_columns(open_dataset) IS 'the columns of a dataset in their order, with their type and format in Table Schema, and the SQL that writes a value as text whatever the settings of a session are';
REVOKE ALL ON FUNCTION open_columns(open_dataset) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_columns(open_dataset) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION open_key(d open_dataset) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT k.names
  FROM (SELECT array_agg(a.attname::text ORDER BY array_position(k.conkey, a.attnum)) AS names
        FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
        WHERE k.conrelid = format('%I.%I', current_schema(), d.relation)::regclass AND k.contype = 'p') k
  WHERE k.names <@ ARRAY(SELECT c.column_name FROM open_columns(d) c)
$function$;
COMMENT ON FUNCTION open_key(open_dataset) IS 'the primary key of a dataset, NULL where it has none, or not all of it is open';
REVOKE ALL ON FUNCTION open_key(open_dataset) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_key(open_dataset) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- Rows in the order of their key, or of all they have, so that equal data are equal bytes.
CREATE OR REPLACE FUNCTION open_data_query(name text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT format('SELECT %s FROM %I.%I AS r%s ORDER BY %s', string_agg(format('%s AS %I', c.expression, c.column_name), ', ' ORDER BY c.place), current_schema(), d.relation,
                ' WHERE ' || d.condition,
                string_agg(CASE WHEN key.names IS NULL THEN c.expression || ' COLLATE "C" NULLS FIRST' WHEN c.field_type = 'string' THEN c.expression || ' COLLATE "C"' ELSE format('r.%I', c.column_name) END, ', '
                           ORDER BY coalesce(array_position(key.names, c.column_name), c.place)) FILTER (WHERE key.names IS NULL OR c.column_name = ANY (key.names)))
  FROM require_open_dataset(name) d CROSS JOIN LATERAL (SELECT open_key(d) AS names) key CROSS JOIN LATERAL open_columns(d) c
  GROUP BY d.relation, d.condition
$function$;
COMMENT ON FUNCTION open_data_query(text) IS 'the query that gives a dataset as texts, each column under its name, in the order of its CSV: to be run in the path of the exchange; error 22023';
REVOKE ALL ON FUNCTION open_data_query(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_data_query(text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ------------------------------------------------------------------ CSV

CREATE OR REPLACE FUNCTION open_data_csv(name text, for_spreadsheets boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  head text;
  line text;
  body text;
BEGIN
  -- an apostrophe keeps a spreadsheet from taking text for a formula; it is a character more than the data have
  SELECT string_agg(csv_cell(c.column_name), ',' ORDER BY c.place),
         string_agg(CASE WHEN for_spreadsheets AND c.field_type NOT IN ('integer', 'number')
                         THEN format('csv_cell(CASE WHEN q.%1$I ~ ''^[-=+@\t\r]'' THEN '''''''' ELSE '''' END || q.%1$I)', c.column_name)
                         ELSE format('csv_cell(q.%I)', c.column_name) END, ' || '','' || ' ORDER BY c.place)
    INTO head, line FROM open_columns(require_open_dataset(open_data_csv.name)) c;
  EXECUTE format('SELECT string_agg(%s, E''\r\n'' ORDER BY q.ordinality) FROM (SELECT q.*, row_number() OVER () AS ordinality FROM (%s) q) q', line, open_data_query(open_data_csv.name)) INTO body;
  RETURN head || E'\r\n' || coalesce(body || E'\r\n', '');
END
$function$;
COMMENT ON FUNCTION open_data_csv(text, boolean) IS
  'a dataset as CSV (RFC 4180): a header, CRLF after every line, instants in UTC; the same text for everybody and in every session; for_spreadsheets puts an apostrophe before text that a spreadsheet would take for a formula; error 22023';
REVOKE ALL ON FUNCTION open_data_csv(text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_data_csv(text, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ------------------------------------------------------------------ its description

CREATE OR REPLACE FUNCTION open_licence(code text) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('name', l.code, 'title', l.title, 'path', l.path)
  FROM (VALUES ('CC0-1.0', 'CC0 1.0', 'https://creativecommons.org/publicdomain/zero/1.0/'),
               ('CC-BY-4.0', 'Creative Commons Attribution 4.0', 'https://creativecommons.org/licenses/by/4.0/'),
               ('ODC-BY-1.0', 'Open Data Commons Attribution License 1.0', 'https://opendatacommons.org/licenses/by/1-0/'),
               ('OGL-UK-3.0', 'Open Government Licence 3.0 (United Kingdom)', 'https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/'),
               ('PDDL-1.0', 'Open Data Commons Public Domain Dedication and Licence 1.0', 'https://opendatacommons.org/licenses/pddl/1-0/')) AS l (code, title, path)
  WHERE l.code = open_licence.code
$function$;
COMMENT ON FUNCTION open_licence(text) IS 'a licence as the Data Package specification has it';
REVOKE ALL ON FUNCTION open_licence(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_licence(text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- What a row refers to is open with it, or the key is left out.
CREATE OR REPLACE FUNCTION open_foreign_keys(d open_dataset) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_agg(jsonb_build_object('fields', f.own, 'reference', jsonb_build_object('resource', CASE WHEN t.name = d.name THEN '' ELSE t.name END, 'fields', f.theirs)) ORDER BY f.own::text COLLATE "C")
  FROM pg_constraint k
  JOIN open_dataset t ON format('%I.%I', current_schema(), t.relation)::regclass = k.confrelid
  CROSS JOIN LATERAL (SELECT jsonb_agg(o.attname ORDER BY x.n) AS own, jsonb_agg(r.attname ORDER BY x.n) AS theirs, array_agg(o.attname::text) AS own_names, array_agg(r.attname::text) AS their_names
                      FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS x (own, theirs, n)
                      JOIN pg_attribute o ON o.attrelid = k.conrelid AND o.attnum = x.own JOIN pg_attribute r ON r.attrelid = k.confrelid AND r.attnum = x.theirs) f
  WHERE k.conrelid = format('%I.%I', current_schema(), d.relation)::regclass AND k.contype = 'f'
    AND f.own_names <@ ARRAY(SELECT c.column_name FROM open_columns(d) c) AND f.their_names <@ ARRAY(SELECT c.column_name FROM open_columns(t) c)
$function$;
COMMENT ON FUNCTION open_foreign_keys(open_dataset) IS 'the foreign keys of a dataset to others, as Table Schema has them; NULL where there are none';
REVOKE ALL ON FUNCTION open_foreign_keys(open_dataset) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_foreign_keys(open_dataset) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION open_resource(name text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('profile', 'tabular-data-resource', 'name', d.name, 'path', d.name || '.csv', 'title', d.title,
    'description', coalesce(d.description, obj_description(format('%I.%I', current_schema(), d.relation)::regclass, 'pg_class'), d.title),
    'format', 'csv', 'mediatype', 'text/csv', 'encoding', 'utf-8', 'bytes', octet_length(b.bytes), 'hash', 'sha256:' || encode(sha256(b.bytes), 'hex'),
    'dialect', jsonb_build_object('csvddfVersion', 1.2, 'delimiter', ',', 'lineTerminator', E'\r\n', 'quoteChar', '"', 'doubleQuote', true, 'skipInitialSpace', false, 'header', true),
    'licenses', jsonb_build_array(open_licence(d.licence)), 'sources', jsonb_build_array(jsonb_build_object('title', coalesce(d.source, p.source))),
    'schema', jsonb_strip_nulls(jsonb_build_object('fields', f.fields, 'missingValues', jsonb_build_array(''), 'primaryKey', to_jsonb(open_key(d)), 'foreignKeys', open_foreign_keys(d))))
  FROM require_open_dataset(name) d CROSS JOIN open_package p
  CROSS JOIN LATERAL (SELECT convert_to(open_data_csv(d.name), 'UTF8') AS bytes OFFSET 0) b
  CROSS JOIN LATERAL (
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('name', c.column_name, 'type', c.field_type, 'format', c.field_format, 'description', c.description,
             -- an empty text is none to Table Schema, and a text that must be there may be empty
             'constraints', CASE WHEN c.required AND c.field_type <> 'string' THEN '{"required": true}'::jsonb END)) ORDER BY c.place) AS fields
    FROM open_columns(d) c) f
$function$;
COMMENT ON FUNCTION open_resource(text) IS 'a dataset as a resource of a data package: where it is, how it is written, its bytes and hash, and the meaning of its columns from their comments; error 22023';
REVOKE ALL ON FUNCTION open_resource(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_resource(text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION datapackage() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('profile', 'tabular-data-package', '@context', jsonb_build_object('dc', 'http://purl.org/dc/elements/1.1/'),
    'name', p.name, 'id', i.uri, 'title', p.title, 'description', p.description, 'created', iso_text(date_trunc('second', now())), 'keywords', to_jsonb(p.subject),
    'licenses', l.licences, 'sources', jsonb_build_array(jsonb_build_object('title', p.source)),
    'contributors', jsonb_build_array(jsonb_build_object('title', p.creator, 'role', 'author'), jsonb_build_object('title', p.publisher, 'role', 'publisher'))
                    || CASE WHEN p.contributor IS NOT NULL THEN jsonb_build_array(jsonb_build_object('title', p.contributor, 'role', 'contributor')) ELSE '[]' END,
    'dc:title', p.title, 'dc:creator', p.creator, 'dc:subject', to_jsonb(p.subject), 'dc:description', p.description, 'dc:publisher', p.publisher,
    'dc:contributor', coalesce(p.contributor, p.creator), 'dc:date', iso_text(date_trunc('second', now())), 'dc:type', 'Dataset', 'dc:format', 'text/csv', 'dc:identifier', i.uri,
    'dc:source', p.source, 'dc:language', p.language, 'dc:relation', coalesce(p.relation, i.uri), 'dc:coverage', p.coverage,
    'dc:rights', (SELECT jsonb_agg(r -> 'path') FROM jsonb_array_elements(l.licences) r),
    'resources', (SELECT jsonb_agg(open_resource(d.name) ORDER BY d.name COLLATE "C") FROM open_dataset d))
  FROM open_package p CROSS JOIN exchange_instance i
  CROSS JOIN (SELECT jsonb_agg(open_licence(x.licence) ORDER BY x.licence COLLATE "C") AS licences FROM (SELECT DISTINCT d.licence FROM open_dataset d) x) l
$function$;
COMMENT ON FUNCTION datapackage() IS 'the descriptor of the open data (Data Package 1, with the fifteen elements of Dublin Core), made from the catalog and its comments: what goes into datapackage.json';
REVOKE ALL ON FUNCTION datapackage() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION datapackage() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION open_data_files() RETURNS TABLE (path text, content bytea)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT 'datapackage.json', convert_to(jsonb_pretty(datapackage()) || E'\n', 'UTF8')
  UNION ALL
  (SELECT d.name || '.csv', convert_to(open_data_csv(d.name), 'UTF8') FROM open_dataset d ORDER BY d.name COLLATE "C")
$function$;
COMMENT ON FUNCTION open_data_files() IS 'the files of the data package as one statement sees them, so that sizes and hashes are right: datapackage.json and a CSV of each dataset; test/bin/open_data.sh writes them';
REVOKE ALL ON FUNCTION open_data_files() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_data_files() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ------------------------------------------------------------------ the publication

-- An update or a delete of a published table needs an identity of the row: its key, or, where there is none or a condition
-- asks other columns, the whole row.  Without one PostgreSQL would refuse it, and the exchange with it.
CREATE OR REPLACE FUNCTION publish_open_data() RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = error
AS $function$
DECLARE
  publication CONSTANT text := current_schema() || '_open';
  part record;
  list text;
BEGIN
  IF NOT pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()), 'USAGE') OR NOT has_database_privilege(current_database(), 'CREATE') THEN
    RAISE EXCEPTION 'publish_open_data() is for the owner of the exchange, with CREATE on the database'
      USING ERRCODE = 'insufficient_privilege', HINT = format('GRANT CREATE ON DATABASE %I TO the owner, who calls it.', current_database());
  END IF;
  FOR part IN
    SELECT d.name, d.relation, d.columns, d.condition, open_key(d) AS key, c.oid, c.relkind, c.relreplident
    FROM open_dataset d JOIN pg_class c ON c.oid = format('%I.%I', current_schema(), d.relation)::regclass WHERE d.replicated ORDER BY d.name COLLATE "C"
  LOOP
    IF part.relkind <> 'r' OR (part.columns IS NOT NULL AND (part.condition IS NOT NULL OR part.key IS NULL)) THEN
      RAISE EXCEPTION 'open dataset % cannot be published', quote_literal(part.name) USING ERRCODE = 'object_not_in_prerequisite_state',
        DETAIL = CASE WHEN part.relkind <> 'r' THEN 'It is no table.' ELSE 'It has some columns, and a condition or no key among them.' END,
        HINT = 'Set open_dataset.replicated to false: it is given as CSV then.';
    END IF;
    IF (part.condition IS NOT NULL OR part.key IS NULL) AND part.relreplident <> 'f' THEN
      EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', current_schema(), part.relation);
    END IF;
    list := concat_ws(', ', list, format('%I.%I%s%s', current_schema(), part.relation,
              (SELECT format(' (%s)', string_agg(quote_ident(x), ', ')) FROM unnest(part.columns) x HAVING count(*) > 0), ' WHERE (' || part.condition || ')'));
    RETURN NEXT part.name;
  END LOOP;
  EXECUTE format(CASE WHEN EXISTS (SELECT FROM pg_publication WHERE pubname = publication) THEN 'ALTER PUBLICATION %I SET TABLE %s' ELSE 'CREATE PUBLICATION %I FOR TABLE %s' END, publication, list);
  EXECUTE format('COMMENT ON PUBLICATION %I IS %L', publication, format('the open data of exchange %s; made by publish_open_data()', current_schema()));
END
$function$;
COMMENT ON FUNCTION publish_open_data() IS
  'makes the publication <exchange>_open of the tables of open_dataset that are replicated, and of nothing else, or brings it up to date; gives tables without a key, or with a condition, the identity of the whole row; returns the datasets; owner only, with CREATE on the database; errors 42501, 55000';
REVOKE ALL ON FUNCTION publish_open_data() FROM PUBLIC;

CREATE OR REPLACE FUNCTION open_data_tables() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT format(E'CREATE SCHEMA IF NOT EXISTS %I;\n', current_schema()) || string_agg(t.definition, '' ORDER BY t.name COLLATE "C")
  FROM (
    SELECT d.name, format(E'CREATE TABLE %I.%I (%s%s);\n', current_schema(), d.relation,
      string_agg(format('%I %s', c.column_name, CASE WHEN y.typnamespace = 'pg_catalog'::regnamespace THEN format_type(a.atttypid, a.atttypmod) ELSE 'text' END), ', ' ORDER BY c.place),
      (SELECT format(', PRIMARY KEY (%s)', string_agg(quote_ident(k), ', ' ORDER BY n)) FROM unnest(open_key(d)) WITH ORDINALITY AS x (k, n) HAVING count(*) > 0)) AS definition
    FROM open_dataset d CROSS JOIN LATERAL open_columns(d) c
    JOIN pg_attribute a ON a.attrelid = format('%I.%I', current_schema(), d.relation)::regclass AND a.attname = c.column_name JOIN pg_type y ON y.oid = a.atttypid
    WHERE d.replicated GROUP BY d.name, d.*) t
$function$;
COMMENT ON FUNCTION open_data_tables() IS 'the statements that make the tables of the publication in a subscriber''s database, which needs no extension: windows, specs and conditions are texts there';
REVOKE ALL ON FUNCTION open_data_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_data_tables() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
