-- Making, extending, upgrading, renaming and dropping exchanges.
--
-- An exchange is a schema of ordinary objects, made by running modules with
-- search_path = <exchange>, flexexchange, pg_temp.  It is recognised by its table
-- exchange_instance with a column of type time_window, which also makes DROP
-- EXTENSION refuse while an exchange exists.
--
-- Everything here runs with the rights of its caller.

CREATE FUNCTION protect_table(name regclass, readers text[] DEFAULT '{}') RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $function$
DECLARE
  reader text;
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', name);
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO flexexchange_operator', name);
  EXECUTE format('GRANT SELECT ON %s TO flexexchange_regulator', name);
  EXECUTE format('DROP POLICY IF EXISTS operator_all ON %s', name);
  EXECUTE format('CREATE POLICY operator_all ON %s TO flexexchange_operator USING (true) WITH CHECK (true)', name);
  EXECUTE format('COMMENT ON POLICY operator_all ON %s IS ''ALL-OP-1: the operator reads and writes every row''', name);
  EXECUTE format('DROP POLICY IF EXISTS regulator_read ON %s', name);
  EXECUTE format('CREATE POLICY regulator_read ON %s FOR SELECT TO flexexchange_regulator USING (true)', name);
  EXECUTE format('COMMENT ON POLICY regulator_read ON %s IS ''ALL-REG-1: the regulator reads every row''', name);
  EXECUTE format('DROP POLICY IF EXISTS public_read ON %s', name);
  IF readers <> '{}' THEN
    FOREACH reader IN ARRAY readers LOOP
      EXECUTE format('GRANT SELECT ON %s TO %I', name, reader);
    END LOOP;
    EXECUTE format('CREATE POLICY public_read ON %s FOR SELECT TO %s USING (true)', name,
                   (SELECT string_agg(quote_ident(r), ', ') FROM unnest(readers) r));
    EXECUTE format('COMMENT ON POLICY public_read ON %s IS ''ALL-PUB-1: whoever takes part reads every row''', name);
  END IF;
END
$function$;
COMMENT ON FUNCTION protect_table(regclass, text[]) IS
  'turns on row-level security for a table of an exchange: all for the operator, reading for the regulator and for the roles named, nothing for others';

CREATE FUNCTION exchange_schemas()
RETURNS TABLE (schema_oid oid, instance regclass)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT c.relnamespace, c.oid::regclass
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'valid'
  WHERE c.relname = 'exchange_instance' AND c.relkind = 'r' AND NOT c.relrowsecurity
    AND a.atttypid = 'flexexchange.time_window'::regtype
    -- only plain text is read from a table that may be a stranger's
    AND (SELECT count(*) FROM pg_attribute t WHERE t.attrelid = c.oid AND t.atttypid = 'text'::regtype
         AND t.attname IN ('archetype', 'version', 'time_zone') AND NOT t.attisdropped) = 3
$function$;
COMMENT ON FUNCTION exchange_schemas() IS
  'the schemas of this database that are exchanges, found in the catalog';

CREATE FUNCTION list_exchanges()
RETURNS TABLE (name name, owner name, archetype text, version text, time_zone text, created_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  found record;
BEGIN
  FOR found IN
    SELECT n.nspname, n.oid, pg_get_userbyid(n.nspowner) AS owner, s.instance
    FROM flexexchange.exchange_schemas() s
    JOIN pg_namespace n ON n.oid = s.schema_oid
    ORDER BY n.nspname
  LOOP
    name := found.nspname;
    owner := found.owner;
    archetype := NULL;
    version := NULL;
    time_zone := NULL;
    created_at := NULL;
    IF has_schema_privilege(found.oid, 'USAGE') AND has_table_privilege(found.instance, 'SELECT') THEN
      EXECUTE format('SELECT archetype, version, time_zone, flexexchange.lower(valid) FROM %s', found.instance)
        INTO archetype, version, time_zone, created_at;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION list_exchanges() IS 'the rows of view exchange';

CREATE VIEW exchange WITH (security_invoker = true) AS
  SELECT name, owner, archetype, version, time_zone, created_at FROM list_exchanges();
COMMENT ON VIEW exchange IS
  'the exchanges of this database; what their owner does not let the reader see is NULL';
COMMENT ON COLUMN exchange.name IS 'schema of the exchange';
COMMENT ON COLUMN exchange.owner IS 'role that made it and owns its tables';
COMMENT ON COLUMN exchange.archetype IS 'thin: directory; medium: registers, rules, conflicts too; thick: whole market';
COMMENT ON COLUMN exchange.version IS 'version of the extension that made or last upgraded it';
COMMENT ON COLUMN exchange.time_zone IS 'time zone in which delivery days are counted';
COMMENT ON COLUMN exchange.created_at IS 'when it was made';
GRANT SELECT ON exchange TO PUBLIC;

CREATE FUNCTION extension_version() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$ SELECT extversion FROM pg_extension WHERE extname = 'flexexchange' $function$;
COMMENT ON FUNCTION extension_version() IS 'the installed version of the extension';

CREATE FUNCTION version_order(version text) RETURNS integer[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$ SELECT string_to_array(version, '.')::integer[] $function$;
COMMENT ON FUNCTION version_order(text) IS 'a version as numbers, so that 0.10 comes after 0.9';

CREATE FUNCTION archetype_rank(archetype text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known CONSTANT text[] := ARRAY['thin', 'medium', 'thick'];
BEGIN
  IF array_position(known, archetype) IS NULL THEN
    RAISE EXCEPTION 'unknown archetype: "%"', left(archetype, 40)
      USING ERRCODE = 'MX902', HINT = 'Use thin, medium or thick.';
  END IF;
  RETURN array_position(known, archetype);
END
$function$;
COMMENT ON FUNCTION archetype_rank(text) IS 'thin 1, medium 2, thick 3; error MX902 for anything else';

CREATE FUNCTION exchange_of_id(id bigint) RETURNS name
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT n.nspname
  FROM flexexchange.exchange_schemas() s
  JOIN pg_namespace n ON n.oid = s.schema_oid
  JOIN pg_class c ON c.relnamespace = s.schema_oid AND c.relname = 'resource_id'
  JOIN pg_sequence q ON q.seqrelid = c.oid
  WHERE id > 0 AND (id - 1) / 1000000000000 = (q.seqstart - 1) / 1000000000000
  ORDER BY n.nspname LIMIT 1
$function$;
COMMENT ON FUNCTION exchange_of_id(bigint) IS
  'the exchange of this database that counts in the range of that id, NULL when none does';

CREATE FUNCTION check_exchange_name(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF name IS NULL OR name !~ '^[a-z][a-z0-9_]{0,39}$' OR name ~ '^pg_'
     OR name IN ('flexexchange', 'public', 'information_schema') THEN
    RAISE EXCEPTION 'not a name for an exchange: %', coalesce(quote_literal(left(name, 40)), 'NULL')
      USING ERRCODE = 'MX901',
            HINT = 'Use a lower-case letter, then at most 39 lower-case letters, digits or underscores; not pg_..., public or flexexchange.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_exchange_name(text) IS 'error MX901 unless the text can name an exchange';

CREATE FUNCTION require_exchange(name text) RETURNS oid
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  found oid;
  others text;
BEGIN
  SELECT s.schema_oid INTO found
  FROM flexexchange.exchange_schemas() s
  JOIN pg_namespace n ON n.oid = s.schema_oid
  WHERE n.nspname = name;
  IF found IS NULL THEN
    SELECT string_agg(n.nspname, ', ' ORDER BY n.nspname) INTO others
    FROM flexexchange.exchange_schemas() s JOIN pg_namespace n ON n.oid = s.schema_oid;
    RAISE EXCEPTION 'there is no exchange %', coalesce(quote_literal(left(name, 40)), 'NULL')
      USING ERRCODE = 'MX904',
            HINT = coalesce('Exchanges of this database: ' || others || '.',
                            'Make one with SELECT flexexchange.create_exchange(''gb'').');
  END IF;
  IF NOT pg_has_role((SELECT nspowner FROM pg_namespace WHERE oid = found), 'USAGE') THEN
    RAISE EXCEPTION 'must be owner of exchange %', quote_literal(name)
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Ask its owner: SELECT owner FROM flexexchange.exchange WHERE name = ' || quote_literal(name) || '.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION require_exchange(text) IS
  'the schema of an exchange that the caller owns; error MX904 or 42501';

-- Who may do what with the objects of an exchange, and which triggers are off:
-- taken before modules run again, and put back after.
CREATE FUNCTION access_state(exchange text) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT jsonb_build_object(
    'objects', (SELECT coalesce(jsonb_object_agg(object, grants), '{}') FROM (
      SELECT 'TABLE ' || c.oid::regclass AS object,
             (SELECT jsonb_agg(jsonb_build_array(a.privilege_type, pg_get_userbyid(a.grantee)))
              FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a WHERE a.grantee <> 0) AS grants
      FROM pg_class c WHERE c.relnamespace = exchange::regnamespace AND c.relkind IN ('r', 'v', 'p')
      UNION ALL
      SELECT 'FUNCTION ' || p.oid::regprocedure,
             (SELECT jsonb_agg(jsonb_build_array(a.privilege_type, pg_get_userbyid(a.grantee)))
              FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> 0)
      FROM pg_proc p WHERE p.pronamespace = exchange::regnamespace) x),
    'columns', (SELECT coalesce(jsonb_object_agg(c.oid::regclass || ' ' || t.attname,
             (SELECT jsonb_agg(jsonb_build_array(a.privilege_type, pg_get_userbyid(a.grantee))) FROM aclexplode(t.attacl) a)), '{}')
      FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid
      WHERE c.relnamespace = exchange::regnamespace AND t.attnum > 0 AND NOT t.attisdropped AND c.relkind = 'r'),
    'disabled', (SELECT coalesce(jsonb_agg(jsonb_build_array(t.tgrelid::regclass::text, t.tgname)), '[]')
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
      WHERE c.relnamespace = exchange::regnamespace AND NOT t.tgisinternal AND t.tgenabled = 'D'))
$function$;
COMMENT ON FUNCTION access_state(text) IS 'grants on the objects of an exchange and the triggers that are off, for restore_access()';

CREATE FUNCTION restore_access(exchange text, before jsonb) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  WITH now (state) AS (SELECT flexexchange.access_state(exchange)),
  change AS (
    SELECT format('REVOKE %s ON %s FROM %I', g ->> 0, o.key, g ->> 1) AS statement
    FROM now, jsonb_each(state -> 'objects') o, jsonb_array_elements(nullif(o.value, 'null')) g
    WHERE before -> 'objects' ? o.key AND NOT coalesce(before -> 'objects' -> o.key @> jsonb_build_array(g), false)
    UNION ALL
    SELECT format('GRANT %s ON %s TO %I', g ->> 0, o.key, g ->> 1)
    FROM now, jsonb_each(before -> 'objects') o, jsonb_array_elements(nullif(o.value, 'null')) g
    WHERE state -> 'objects' ? o.key AND NOT coalesce(state -> 'objects' -> o.key @> jsonb_build_array(g), false)
    UNION ALL
    SELECT format('REVOKE %s (%I) ON TABLE %s FROM %I', g ->> 0, split_part(o.key, ' ', 2), split_part(o.key, ' ', 1), g ->> 1)
    FROM now, jsonb_each(state -> 'columns') o, jsonb_array_elements(nullif(o.value, 'null')) g
    WHERE before -> 'columns' ? o.key AND NOT coalesce(nullif(before -> 'columns' -> o.key, 'null') @> jsonb_build_array(g), false)
    UNION ALL
    SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', d ->> 0, d ->> 1)
    FROM jsonb_array_elements(before -> 'disabled') d
    -- a migration may have removed it
    WHERE EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = to_regclass(d ->> 0) AND t.tgname = d ->> 1)
  )
  SELECT coalesce(array_agg(statement), '{}') FROM change
$function$;
COMMENT ON FUNCTION restore_access(text, jsonb) IS
  'the statements that give objects which were there before the grants that they had, and switch triggers off again';

CREATE FUNCTION changed_access(kept jsonb, before jsonb, after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
  SELECT kept || jsonb_object_agg(part, kept -> part || (
           SELECT coalesce(jsonb_object_agg(a.key, a.value), '{}') FROM jsonb_each(after -> part) a
           WHERE before -> part ? a.key AND before -> part -> a.key <> a.value))
  FROM unnest(ARRAY['objects', 'columns']) part
$function$;
COMMENT ON FUNCTION changed_access(jsonb, jsonb, jsonb) IS
  'grants to be kept, of access_state(), with what a migration granted and revoked between two of its states';

-- Brings an exchange to the installed version, module by module: one that it has goes through
-- the migrations since the version that it has it in, one that it lacks, up to an archetype, is run.
-- Logic runs again when asked to, or when the exchange is older.
CREATE FUNCTION run_modules(exchange text, archetype text, refresh_logic boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
SET check_function_bodies = on
AS $function$
DECLARE
  part record;
  counter record;
  base bigint;
  installed jsonb := '{}'::jsonb;
  present text;
  kept jsonb;
  before jsonb;
  earlier name[];
  fresh name;
  filled boolean;
  owner name := (SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = exchange);
  caller text := current_setting('role');
  statement text;
BEGIN
  -- modules run as the owner, whoever of its members calls: what they make is its
  -- own, and what a user added to the exchange runs with no more than its rights
  IF owner <> current_user THEN
    EXECUTE format('SET LOCAL ROLE %I', owner);
  END IF;
  kept := flexexchange.access_state(exchange);
  SELECT coalesce(array_agg(relname), '{}') INTO earlier FROM pg_class WHERE relnamespace = exchange::regnamespace;
  -- pg_catalog stays implicitly first: an exchange must not shadow it
  PERFORM set_config('search_path', format('%I, flexexchange, pg_temp', exchange), true);
  IF to_regclass(format('%I.exchange_module', exchange)) IS NOT NULL THEN
    EXECUTE format('SELECT jsonb_object_agg(name, version) FROM %I.exchange_module', exchange) INTO installed;
    EXECUTE format('SELECT version FROM %I.exchange_instance', exchange) INTO present;
    IF flexexchange.version_order(present) > flexexchange.version_order(flexexchange.extension_version()) THEN
      RAISE EXCEPTION 'exchange % was made by version % of the extension, and here is %', quote_literal(exchange), present, flexexchange.extension_version()
        USING ERRCODE = 'MX909', HINT = 'Install that version or a later one, then ALTER EXTENSION flexexchange UPDATE.';
    END IF;
    refresh_logic := refresh_logic OR present <> flexexchange.extension_version();
  END IF;
  -- each exchange counts from a billion thousands of its own, so that an id of
  -- another exchange is an unknown id here and never somebody else's asset
  WITH taken (range, own) AS (
    SELECT (q.seqstart - 1) / 1000000000000, c.relnamespace = exchange::regnamespace
    FROM pg_sequence q
    JOIN pg_class c ON c.oid = q.seqrelid AND c.relname = 'resource_id'
    JOIN flexexchange.exchange_schemas() s ON s.schema_oid = c.relnamespace
    -- a stranger's sequence may start anywhere
    WHERE q.seqstart BETWEEN 1 AND 1000000000000000000 AND q.seqstart % 1000000000000 = 1
  )
  SELECT coalesce((SELECT range FROM taken WHERE own),
                  (SELECT min(free) FROM generate_series(0, (SELECT count(*) FROM taken)) free
                   WHERE free NOT IN (SELECT range FROM taken))) * 1000000000000
    INTO base;

  FOR part IN
    SELECT step.name, step.kind, step.source FROM (
      SELECT g.name, 'migration' AS kind, g.source, flexexchange.version_order(g.version) AS version FROM flexexchange.migration g
      WHERE flexexchange.version_order(g.version) > flexexchange.version_order(installed ->> g.name)
      UNION ALL
      SELECT m.name, m.kind, m.source, NULL FROM flexexchange.module m
      WHERE flexexchange.archetype_rank(m.archetype) <= flexexchange.archetype_rank(run_modules.archetype)
        AND (NOT installed ? m.name OR (refresh_logic AND m.kind = 'logic'))) step
    ORDER BY step.name COLLATE "C", step.version NULLS LAST
  LOOP
    IF part.kind = 'migration' THEN
      before := flexexchange.access_state(exchange);
      EXECUTE part.source;
      kept := flexexchange.changed_access(kept, before, flexexchange.access_state(exchange));
    ELSE
      EXECUTE part.source;
    END IF;
    IF part.kind IN ('state', 'migration') THEN
      FOR counter IN
        SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_sequence q ON q.seqrelid = c.oid
        WHERE c.relnamespace = exchange::regnamespace AND q.seqstart = 1 AND base > 0 AND c.relname <> ALL (earlier)
      LOOP
        EXECUTE format('ALTER SEQUENCE %s START WITH %s RESTART', counter.name, base + 1);
      END LOOP;
    END IF;
    EXECUTE format('INSERT INTO %I.exchange_module (name, version) VALUES (%L, %L)
                    ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version, installed_at = now()',
                   exchange, part.name, flexexchange.extension_version());
  END LOOP;

  -- what nothing had to be run for has the shape of this version, too
  EXECUTE format('UPDATE %I.exchange_module SET version = %L WHERE version <> %2$L', exchange, flexexchange.extension_version());
  -- whatever tables there are now are logged, and can be looked back at
  EXECUTE format('SELECT %1$I.log_all_tables(), %1$I.make_as_of_functions()', exchange);
  EXECUTE format('UPDATE %I.exchange_instance SET archetype = %L, version = %L',
                 exchange, archetype, flexexchange.extension_version());
  -- a row without a key is known by all its columns: a publication of the exchange would otherwise refuse its changes
  FOR fresh IN SELECT c.relname FROM pg_class c
               WHERE c.relnamespace = exchange::regnamespace AND c.relkind = 'r' AND c.relreplident = 'd'
                 AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
  LOOP
    EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', exchange, fresh);
  END LOOP;
  -- rows that came with the modules are no data of the market: see drop_exchange
  FOR fresh IN SELECT relname FROM pg_class
               WHERE relnamespace = exchange::regnamespace AND relkind IN ('r', 'p') AND relname <> ALL (earlier)
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', exchange, fresh) INTO filled;
    IF filled THEN
      EXECUTE format('UPDATE %I.exchange_instance SET seeded_tables = seeded_tables || %L::text', exchange, fresh);
    END IF;
  END LOOP;
  -- what the owner granted, revoked or switched off before stays so
  FOREACH statement IN ARRAY flexexchange.restore_access(exchange, kept) LOOP
    EXECUTE statement;
  END LOOP;
  IF owner <> session_user OR caller <> 'none' THEN
    EXECUTE format('SET LOCAL ROLE %s', CASE WHEN caller = 'none' THEN 'NONE' ELSE quote_ident(caller) END);
  END IF;
END
$function$;
COMMENT ON FUNCTION run_modules(text, text, boolean) IS
  'brings the modules of an exchange to the installed version and runs those that it lacks up to an archetype; used by create_exchange, extend_exchange, upgrade_exchange; error MX909';

CREATE FUNCTION create_exchange(name text, archetype text DEFAULT 'thick', time_zone text DEFAULT 'Europe/London')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM flexexchange.check_exchange_name(name);
  PERFORM flexexchange.archetype_rank(coalesce(archetype, 'NULL'));
  IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = time_zone) THEN
    RAISE EXCEPTION 'unknown time zone: %', coalesce(quote_literal(left(time_zone, 40)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a name of pg_timezone_names, such as Europe/London.';
  END IF;
  IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = create_exchange.name) THEN
    RAISE EXCEPTION 'schema % already exists', quote_literal(name)
      USING ERRCODE = 'MX903',
            HINT = CASE WHEN EXISTS (SELECT FROM flexexchange.exchange e WHERE e.name = create_exchange.name)
                        THEN 'It is an exchange: use extend_exchange or upgrade_exchange, or choose another name.'
                        ELSE 'Choose another name: an exchange gets a schema of its own.' END;
  END IF;
  IF NOT has_database_privilege(current_database(), 'CREATE') THEN
    RAISE EXCEPTION 'permission denied to create an exchange in database %', quote_literal(current_database())
      USING ERRCODE = 'insufficient_privilege',
            HINT = format('The owner of the database can allow it: GRANT CREATE ON DATABASE %I TO %I.',
                          current_database(), current_user);
  END IF;

  -- two exchanges made at once must not get the same range of ids
  PERFORM pg_advisory_xact_lock(hashtext('flexexchange.create_exchange'));
  EXECUTE format('CREATE SCHEMA %I', name);
  PERFORM flexexchange.run_modules(name, archetype, false);
  EXECUTE format('UPDATE %I.exchange_instance SET time_zone = %L', name, time_zone);
END
$function$;
COMMENT ON FUNCTION create_exchange(text, text, text) IS
  'makes an exchange: a schema of that name with the modules of the archetype thin, medium or thick, owned by the caller; delivery days are counted in time_zone; errors MX901, MX902, MX903';

CREATE FUNCTION extend_exchange(name text, archetype text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  present text;
BEGIN
  PERFORM flexexchange.require_exchange(name);
  EXECUTE format('SELECT archetype FROM %I.exchange_instance FOR UPDATE', name) INTO present;
  IF flexexchange.archetype_rank(coalesce(archetype, 'NULL')) < flexexchange.archetype_rank(present) THEN
    RAISE EXCEPTION 'exchange % is % already and cannot become %', quote_literal(name), present, archetype
      USING ERRCODE = 'MX905', HINT = 'An exchange only grows: thin, medium, thick.';
  END IF;
  PERFORM flexexchange.run_modules(name, archetype, false);
END
$function$;
COMMENT ON FUNCTION extend_exchange(text, text) IS
  'adds the modules of a larger archetype in place, leaving every row as it is; owner only; errors MX902, MX904, MX905';

CREATE FUNCTION upgrade_exchange(name text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  present text;
BEGIN
  PERFORM flexexchange.require_exchange(name);
  EXECUTE format('SELECT archetype FROM %I.exchange_instance FOR UPDATE', name) INTO present;
  PERFORM flexexchange.run_modules(name, present, true);
END
$function$;
COMMENT ON FUNCTION upgrade_exchange(text) IS
  'brings an exchange to the installed version of the extension, in this transaction: runs the migrations of its modules since the version that it has, new modules, and all logic again; owner only; errors MX904, MX909';

CREATE FUNCTION rename_exchange(name text, new_name text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  PERFORM flexexchange.require_exchange(name);
  PERFORM flexexchange.check_exchange_name(new_name);
  IF EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = new_name) THEN
    RAISE EXCEPTION 'schema % already exists', quote_literal(new_name)
      USING ERRCODE = 'MX903', HINT = 'Choose another name.';
  END IF;
  EXECUTE format('ALTER SCHEMA %I RENAME TO %I', name, new_name);
  PERFORM flexexchange.upgrade_exchange(new_name);   -- functions pin their search_path by name
END
$function$;
COMMENT ON FUNCTION rename_exchange(text, text) IS
  'renames an exchange and re-creates its functions, whose search_path names it; owner only; errors MX901, MX903, MX904';

CREATE FUNCTION drop_exchange(name text, with_data boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $function$
DECLARE
  part name;
  seeded text[];
  filled boolean;
BEGIN
  PERFORM flexexchange.require_exchange(name);
  IF NOT coalesce(with_data, false) THEN
    EXECUTE format('SELECT seeded_tables FROM %I.exchange_instance', name) INTO seeded;
    FOR part IN SELECT relname FROM pg_class
                WHERE relnamespace = name::regnamespace AND relkind IN ('r', 'p')
                  AND relname <> ALL (seeded) ORDER BY relname
    LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM %I.%I)', name, part) INTO filled;
      IF filled THEN
        RAISE EXCEPTION 'exchange % has data: table % is not empty', quote_literal(name), quote_literal(part)
          USING ERRCODE = 'MX908',
                HINT = format('To drop it with all its data: SELECT flexexchange.drop_exchange(%L, with_data => true).', name);
      END IF;
    END LOOP;
  END IF;
  EXECUTE format('DROP SCHEMA %I CASCADE', name);
END
$function$;
COMMENT ON FUNCTION drop_exchange(text, boolean) IS
  'drops an exchange; refuses while it has data unless told with_data => true; owner only; errors MX904, MX908';
