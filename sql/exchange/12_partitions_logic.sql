-- archetype: thin
-- Partitions: making them before rows come, and taking away what is old.
--
-- A partition is made beside its table and then attached, which locks nobody out.  Rows that came before their
-- partition was made wait in the default one and are moved when it is, while nobody writes.

SELECT protect_table('partition_policy');
SELECT protect_table('retired_partition');
REVOKE INSERT, UPDATE, DELETE ON retired_partition FROM flexexchange_operator;
-- what is only added to, and so never retired, is not the operator's to say
REVOKE INSERT, UPDATE, DELETE ON partition_policy FROM flexexchange_operator;
GRANT UPDATE (every, ahead, keep, retire) ON partition_policy TO flexexchange_operator;

-- Instants as text have their offset here: with abbreviations, IST is Irish when it is written and Israeli when it is read.
CREATE OR REPLACE FUNCTION partition_bound(partition oid) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
SET DateStyle = 'ISO, YMD'
AS $function$
  SELECT pg_get_expr(c.relpartbound, c.oid) FROM pg_class c WHERE c.oid = partition
$function$;
COMMENT ON FUNCTION partition_bound(oid) IS 'what a partition takes, as PostgreSQL writes it, with instants in ISO 8601 whatever the session prefers';
REVOKE ALL ON FUNCTION partition_bound(oid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION partition_bound(oid) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE VIEW table_partition WITH (security_invoker = true) AS
  SELECT p.table_name, c.relname::text AS name, b.bound = 'DEFAULT' AS is_default, c.relkind = 'f' AS is_remote,
         (regexp_match(b.bound, $$FROM \('([^']+)'\)$$))[1]::timestamptz AS starts_at, (regexp_match(b.bound, $$TO \('([^']+)'\)$$))[1]::timestamptz AS ends_at
  FROM partition_policy p
  JOIN pg_class t ON t.relname = p.table_name AND t.relnamespace = (SELECT n.relnamespace FROM pg_class n WHERE n.oid = 'partition_policy'::regclass)
  JOIN pg_inherits i ON i.inhparent = t.oid
  JOIN pg_class c ON c.oid = i.inhrelid
  CROSS JOIN LATERAL (SELECT partition_bound(c.oid)) AS b (bound);
COMMENT ON VIEW table_partition IS 'the partitions that there are';
COMMENT ON COLUMN table_partition.table_name IS 'the partitioned table';
COMMENT ON COLUMN table_partition.name IS 'the partition';
COMMENT ON COLUMN table_partition.is_default IS 'true: it takes what no other does';
COMMENT ON COLUMN table_partition.is_remote IS 'true: it is a foreign table';
COMMENT ON COLUMN table_partition.starts_at IS 'its span, from; NULL of the default';
COMMENT ON COLUMN table_partition.ends_at IS 'its span, until; NULL of the default';
GRANT SELECT ON table_partition TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION make_partition(table_name text, at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
SET TimeZone = 'UTC'
AS $function$
#variable_conflict use_column
DECLARE
  policy partition_policy;
  parent CONSTANT regclass := to_regclass(format('%I.%I', current_schema(), make_partition.table_name));
  key name;
  first timestamptz;
  past timestamptz;
  name text;
  guard record;
BEGIN
  SELECT * INTO policy FROM partition_policy p WHERE p.table_name = make_partition.table_name;
  IF policy IS NULL OR parent IS NULL THEN
    RAISE EXCEPTION 'table_name "%" has no partition_policy', left(make_partition.table_name, 64)
      USING ERRCODE = 'undefined_object', HINT = 'SELECT table_name FROM partition_policy lists the tables that have one.';
  END IF;
  SELECT a.attname INTO key FROM pg_partitioned_table t JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0] WHERE t.partrelid = parent;
  IF at IS NULL THEN
    name := make_partition.table_name || '_default';
  ELSE
    first := date_trunc(policy.every, at);
    past := first + ('1 ' || CASE policy.every WHEN 'quarter' THEN 'month' ELSE policy.every END)::interval * CASE policy.every WHEN 'quarter' THEN 3 ELSE 1 END;
    name := make_partition.table_name || to_char(first, CASE policy.every WHEN 'year' THEN '_YYYY' WHEN 'quarter' THEN '_YYYY_"q"Q' WHEN 'month' THEN '_YYYY_MM' ELSE '_YYYY_MM_DD' END);
  END IF;
  -- one at a time: two sessions would make the same one
  PERFORM pg_advisory_xact_lock(hashtextextended(format('%s.partition', parent::oid), 0));
  IF EXISTS (SELECT FROM table_partition p WHERE p.table_name = make_partition.table_name
             AND CASE WHEN make_partition.at IS NULL THEN p.is_default ELSE p.starts_at < past AND p.ends_at > first END)
     OR EXISTS (SELECT FROM retired_partition r WHERE r.table_name = make_partition.table_name AND r.starts_at < past AND r.ends_at > first) THEN
    RETURN NULL;
  END IF;
  EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS INCLUDING STORAGE)', current_schema(), name, parent);
  EXECUTE format('COMMENT ON TABLE %I IS %L', name, format('partition of %s: %s', make_partition.table_name, coalesce(to_char(first, 'YYYY-MM-DD') || ' until ' || to_char(past, 'YYYY-MM-DD') || ', UTC', 'what no other takes')));
  -- read through its table, and in no other way
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  IF at IS NOT NULL AND to_regclass(format('%I.%I', current_schema(), make_partition.table_name || '_default')) IS NOT NULL THEN
    EXECUTE format('SELECT true FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L LIMIT 1', make_partition.table_name || '_default', key, first, past) INTO guard;
    IF guard IS NOT NULL AND policy.is_only_added_to THEN
      -- they stay where they are, and their span with them
      EXECUTE format('DROP TABLE %I', name);
      RETURN NULL;
    ELSIF guard IS NOT NULL THEN
      -- who writes meanwhile waits at the table, not at a row that goes, and finds the new partition then
      EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', parent);
      EXECUTE format('WITH moved AS (DELETE FROM %1$I WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING *) INSERT INTO %5$I SELECT * FROM moved', make_partition.table_name || '_default', key, first, past, name);
    END IF;
  END IF;
  IF policy.row_key IS NOT NULL THEN
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (%s)', name || '_key', name, (SELECT string_agg(quote_ident(k), ', ' ORDER BY n) FROM unnest(policy.row_key) WITH ORDINALITY AS k (k, n)));
    EXECUTE format('COMMENT ON INDEX %I IS %L', name || '_key', 'a row is there once');
    EXECUTE format('ALTER TABLE %I REPLICA IDENTITY USING INDEX %I', name, name || '_key');
  END IF;
  EXECUTE format('ALTER TABLE %s ATTACH PARTITION %I %s', parent, name, CASE WHEN at IS NULL THEN 'DEFAULT' ELSE format('FOR VALUES FROM (%L) TO (%L)', first, past) END);
  -- what refuses to empty the table refuses to empty a part of it, and is not inherited
  FOR guard IN SELECT t.tgname, p.proname, obj_description(t.oid, 'pg_trigger') AS comment FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
               WHERE t.tgrelid = parent AND NOT t.tgisinternal AND t.tgtype & 32 <> 0 AND p.proname = 'refuse_rewriting' LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION %I()', guard.tgname, name, guard.proname);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS %L', guard.tgname, name, guard.comment);
  END LOOP;
  FOR guard IN SELECT c.tgname, obj_description(c.tgparentid, 'pg_trigger') AS comment FROM pg_trigger c WHERE c.tgrelid = name::regclass AND c.tgparentid <> 0 AND obj_description(c.tgparentid, 'pg_trigger') IS NOT NULL LOOP
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS %L', guard.tgname, name, guard.comment);
  END LOOP;
  RETURN name;
END
$function$;
COMMENT ON FUNCTION make_partition(text, timestamptz) IS
  'makes the partition of a table that an instant falls into, or its default where the instant is NULL, moves the rows that waited for it, and returns its name; NULL when it is there or was retired; error 42704; SECURITY DEFINER because it makes tables';
REVOKE ALL ON FUNCTION make_partition(text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION make_partition(text, timestamptz) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION retire_partitions(table_name text) RETURNS SETOF text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
#variable_conflict use_column
DECLARE
  old record;
BEGIN
  FOR old IN SELECT p.table_name, p.name, p.starts_at, p.ends_at, p.is_remote, y.retire FROM table_partition p JOIN partition_policy y USING (table_name)
             WHERE p.table_name = retire_partitions.table_name AND p.ends_at <= now() - y.keep ORDER BY p.ends_at LOOP
    -- while its rows are there: triggers keep what has to be kept of them
    INSERT INTO retired_partition (name, table_name, starts_at, ends_at, outcome)
    VALUES (old.name, old.table_name, old.starts_at, old.ends_at, CASE old.retire WHEN 'drop' THEN 'dropped' ELSE 'detached' END);
    EXECUTE format('ALTER TABLE %I.%I DETACH PARTITION %I', current_schema(), old.table_name, old.name);
    IF old.retire = 'drop' THEN
      EXECUTE format('DROP %s %I', CASE WHEN old.is_remote THEN 'FOREIGN TABLE' ELSE 'TABLE' END, old.name);
    END IF;
    RETURN NEXT old.name;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION retire_partitions(text) IS
  'detaches or drops, as its policy says, the partitions of a table that ended longer ago than they are kept, and returns their names; SECURITY DEFINER because it alters tables';
REVOKE ALL ON FUNCTION retire_partitions(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION retire_partitions(text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION maintain_partitions() RETURNS TABLE (table_name text, partition_name text, outcome text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $function$
#variable_conflict use_column
DECLARE
  policy partition_policy;
  waiting timestamptz;
BEGIN
  FOR policy IN SELECT * FROM partition_policy p ORDER BY p.table_name COLLATE "C" LOOP
    table_name := policy.table_name;
    outcome := 'made';
    FOR partition_name IN
      SELECT make_partition(policy.table_name, date_trunc(policy.every, now()) + n * CASE policy.every WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || policy.every)::interval END)
      FROM generate_series(0, policy.ahead) n LOOP
      CONTINUE WHEN partition_name IS NULL;
      RETURN NEXT;
    END LOOP;
    -- rows that came before their partition was made
    WHILE NOT policy.is_only_added_to LOOP
      SELECT w.at INTO waiting FROM waiting_rows(policy.table_name) w;
      EXIT WHEN waiting IS NULL;
      partition_name := make_partition(policy.table_name, waiting);
      EXIT WHEN partition_name IS NULL;
      outcome := 'filled';
      RETURN NEXT;
    END LOOP;
    outcome := policy.retire || CASE policy.retire WHEN 'drop' THEN 'ped' ELSE 'ed' END;
    FOR partition_name IN SELECT * FROM retire_partitions(policy.table_name) LOOP
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION maintain_partitions() IS
  'makes the partitions that are to be there ahead, gives rows that wait in a default one theirs, and retires what is older than it is kept, for every table in partition_policy; returns what it did: made, filled, detached or dropped; run it once a day';
REVOKE ALL ON FUNCTION maintain_partitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION maintain_partitions() TO flexexchange_operator;

CREATE OR REPLACE FUNCTION waiting_rows(table_name text, OUT at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  query CONSTANT text := (SELECT format('SELECT min(%I) FROM %I.%I', a.attname, current_schema(), p.name)
           FROM table_partition p JOIN pg_partitioned_table t ON t.partrelid = to_regclass(format('%I.%I', current_schema(), p.table_name))
           JOIN pg_attribute a ON a.attrelid = t.partrelid AND a.attnum = t.partattrs[0]
           WHERE p.table_name = waiting_rows.table_name AND p.is_default);
BEGIN
  -- without a default partition none waits
  IF query IS NOT NULL THEN
    EXECUTE query INTO at;
  END IF;
END
$function$;
COMMENT ON FUNCTION waiting_rows(text) IS 'the earliest instant of which a row waits in the default partition of a table; NULL when none does; SECURITY DEFINER because nobody reads a partition itself';
REVOKE ALL ON FUNCTION waiting_rows(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION waiting_rows(text) TO flexexchange_operator;
