-- make lint: plpgsql_check over every PL/pgSQL function of the extension and of a thick exchange,
-- each trigger function with every table whose triggers call it.
--
-- Some functions work in temporary tables that they or their callers make and drop: such a function
-- is looked at again with those that each of them left, and its best result counts.
-- Prints what was found and is not excused, nothing when all is well.
\set ON_ERROR_STOP 1
SET client_min_messages = warning;
ALTER DATABASE :"DBNAME" SET client_min_messages = warning;
CREATE EXTENSION plpgsql_check;
CREATE EXTENSION flexexchange;
SELECT flexexchange.create_exchange('lint') \g /dev/null
CREATE SCHEMA linter;
SET search_path = linter, public;

-- What is right all the same.  An excuse that excuses nothing is itself a finding.
CREATE TABLE excuse (function_name text, message text, reason text NOT NULL, PRIMARY KEY (function_name, message));
INSERT INTO excuse VALUES
  ('%', '%cannot %determin% of %dynamic SQL%', 'nor does the check know that anything is wrong'),
  ('lint.declare_columns', 'text type variable is not sanitized%', 'the name of the table is its caller''s, and quoted, as are columns, which are of the catalog'),
  ('lint.write_record', 'text type variable is not sanitized%', 'the table is one of five, as record_trade() checked, and columns are of the catalog and quoted'),
  ('lint.attach_remote_source', 'text type variable is not sanitized%', 'names are quoted by format(), the columns stand in remote_columns()'),
  ('lint.open_data_csv', 'text type variable is not sanitized%', 'the conditions of open_dataset are SQL, and written by the owner alone'),
  ('lint.add_up_trades', 'text type variable is not sanitized%', 'what is added up is one of four, as checked, and the rest stands in the function'),
  ('lint.publish_open_data', 'text type variable is not sanitized%', 'the conditions of open_dataset are SQL, and written by the owner alone'),
  ('lint.expected_offers', 'text type variable is not sanitized%', 'the condition is one of few that need_scope() puts together of texts of its own; values are parameters'),
  ('lint.conflict_words', 'control reached end of function without RETURN%', 'a CASE without ELSE raises where no WHEN is met, and each WHEN returns'),
  ('lint.tell_of_qualification', 'column %does not exist', 'one function for three tables, by TG_TABLE_NAME: each branch has the columns of its own'),
  ('lint.mark_trade_days', 'column %does not exist', 'the same for four'),
  ('flexexchange.judge_clearing', 'text type variable is not sanitized%', 'the queries are its caller''s own, and run as him: to read what they say is what it is for'),
  ('flexexchange.run_modules', 'text type variable is not sanitized%', 'to execute the text of a module is what it is for; only the owner of the extension writes table module'),
  ('lint.baseline_quality', 'text type variable is not sanitized%', 'the queries are those of the function itself, with values quoted by format()'),
  ('lint.read_staging', 'text type variable is not sanitized%', 'names and texts are lists of names quoted by format()'),
  ('lint.waiting_rows', 'text type variable is not sanitized%', 'names of the catalog, quoted by format()'),
  ('lint.log_all_tables', 'text type variable is not sanitized%', 'part.name is a regclass, the others stand in the query'),
  ('lint.require_ruleset', 'routine is marked as VOLATILE, should be STABLE%', 'it finds what the statement that calls it has made just before'),
  ('lint.require_taxonomy', 'routine is marked as VOLATILE, should be STABLE%', 'it finds what the statement that calls it has made just before');

CREATE TABLE look (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, function regprocedure);
CREATE TABLE finding (look_id bigint, relation regclass, level text, line integer, message text);   -- with its detail

CREATE FUNCTION look_at(function regprocedure) RETURNS void LANGUAGE plpgsql SET client_min_messages = warning AS $$
DECLARE
  this bigint;
BEGIN
  INSERT INTO linter.look (function) VALUES (look_at.function) RETURNING id INTO this;
  INSERT INTO linter.finding
  SELECT this, nullif(t.relation, 0), c.level, c.lineno, concat_ws(': ', c.message, c.detail)
  FROM (SELECT 0::oid AS relation, NULL::name AS old_table, NULL::name AS new_table
        FROM pg_proc p WHERE p.oid = look_at.function AND p.prorettype <> 'trigger'::regtype
        UNION ALL
        SELECT t.tgrelid, max(t.tgoldtable), nullif(max(t.tgnewtable), max(t.tgoldtable))
        FROM pg_trigger t WHERE t.tgfoid = look_at.function GROUP BY t.tgrelid) t,
       public.plpgsql_check_function_tb(look_at.function, t.relation, fatal_errors => false, other_warnings => true, extra_warnings => true,
                                        performance_warnings => true, security_warnings => true, compatibility_warnings => true,
                                        oldtable => t.old_table, newtable => t.new_table) c;
END
$$;

-- What temporary tables look like is kept when the first of them is about to go; the check itself
-- waits for a session that has run none of the functions: plpgsql_check 2.3 crashes on one that has.
CREATE FUNCTION keep_tables() RETURNS event_trigger LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = pg_my_temp_schema() AND c.relkind = 'r' LOOP
    EXECUTE format('CREATE TABLE IF NOT EXISTS kept.%I (LIKE pg_temp.%1$I)', name);
  END LOOP;
END
$$;

CREATE FUNCTION look_again() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'kept'::regnamespace LOOP
    EXECUTE format('CREATE TEMP TABLE %I (LIKE kept.%1$I)', name);
  END LOOP;
  PERFORM linter.look_at(l.function)
  FROM (SELECT DISTINCT l.function FROM linter.look l JOIN linter.finding f ON f.look_id = l.id AND f.message LIKE 'relation % does not exist%') l;
  FOR name IN SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'kept'::regnamespace LOOP
    EXECUTE format('DROP TABLE pg_temp.%I, kept.%1$I', name);
  END LOOP;
END
$$;

SELECT look_at(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
WHERE p.pronamespace IN ('flexexchange'::regnamespace, 'lint'::regnamespace) AND l.lanname = 'plpgsql' ORDER BY p.oid
\g /dev/null
CREATE SCHEMA kept;
CREATE EVENT TRIGGER before_drop ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION keep_tables();

-- all that makes temporary tables, with enough in it to make all of them
SET search_path = lint, flexexchange;
SELECT count(*) FROM load_sample_book(10) \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
INSERT INTO dispatch_instruction_staging (company_name, fu_id, zone, product, start_time_local, end_time_local, availability_mw_req, utilisation_mw_req,
                                          availability_price, utilisation_price, technology, dispatch_type, start_time_utc, end_time_utc)
  VALUES ('Amber Cars', 'mill-1', 'Mill Lane', 'Peak Reduction', '2024-07-01T17:00:00+01:00', '2024-07-01T18:00:00+01:00', '0.0', '0.01', '0.0', '100',
          'EV Charger DSR', 'demand_turn_down', '2024-07-01 16:00:00+00:00', '2024-07-01 17:00:00+00:00');
INSERT INTO flexibility_tender_staging (zone_code, product, opportunity_name, trade_windows, delivery_start_date, delivery_end_date, service_days, earliest_start_time,
                                        latest_end_time, peak_tendered_kw, ceiling_availability_price, ceiling_utilisation_price, ceiling_sustain_price, company_name,
                                        offered_kw, trade_outcome, accepted_kw)
  VALUES ('CMZ_1', 'Secure', 'Spring at Mill Lane', '2024', '2024-03-29', '2024-04-02', 'Friday,Monday,Tuesday', '16:00:00', '20:00:00', '135.0', '66.71', '4002.76', '0.0',
          'Volt Limited', '10', 'Accepted', '10');
SELECT count(*) FROM import_embedded_capacity_register() \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT count(*) FROM import_dispatch_instructions() \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT recorded FROM verify(market_id => (SELECT min(id) FROM market), within => '2024-07-01T00:00Z/2024-08-01T00:00Z') \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT recorded FROM verify_availability((SELECT min(id) FROM market), '2024-07-01T00:00Z/2024-08-01T00:00Z') \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT settle((SELECT min(id) FROM market), '2024-07-01', 'initial') \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT count(*) FROM transfer_alerts('2024-07-01T00:00Z/2024-08-01T00:00Z') \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT count(*) FROM import_flexibility_tenders() \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
SELECT publish_statistics('2020-01-01') \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
INSERT INTO participant_login (role_name, participant_id) SELECT current_user, min(id) FROM participant WHERE kinds @> '{service_provider}';
SELECT count(*) FROM register_assets() \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;
-- a source that is remote by its name alone
INSERT INTO data_location (participant_id, what, kept) SELECT min(id), 'award', 'remote' FROM participant WHERE kinds @> '{market_operator}';
INSERT INTO remote_source (participant_id, what, server, remote_schema, remote_table, covers)
  SELECT participant_id, what, 'here', 'lint', 'award', '-infinity/infinity' FROM data_location RETURNING id AS source \gset
SELECT format('CREATE TABLE remote_award_%s (%s)', :source, remote_columns('award')) \gexec
SELECT count(*) FROM pull_remote_trades(:source) \g /dev/null
\c :DBNAME
SELECT linter.look_again() \g /dev/null
SET search_path = lint, flexexchange;

SET search_path = linter, public;
\pset format unaligned
\pset tuples_only on
CREATE VIEW best AS
  SELECT DISTINCT ON (l.function) l.function, l.id, (SELECT p.pronamespace::regnamespace::text || '.' || p.proname FROM pg_proc p WHERE p.oid = l.function) AS name
  FROM look l ORDER BY l.function, (SELECT count(*) FROM finding f WHERE f.look_id = l.id), l.id;
SELECT format('%s%s, line %s: %s: %s', b.function, ' on ' || f.relation::text, coalesce(f.line::text, '-'), f.level, f.message)
FROM best b JOIN finding f ON f.look_id = b.id
WHERE NOT EXISTS (SELECT FROM excuse e WHERE b.name LIKE e.function_name AND f.message LIKE e.message)
ORDER BY b.function::text COLLATE "C", f.line, f.relation::text COLLATE "C", f.message;
SELECT format('%s: nothing to excuse: %s', e.function_name, e.message) FROM excuse e
WHERE NOT EXISTS (SELECT FROM best b JOIN finding f ON f.look_id = b.id WHERE b.name LIKE e.function_name AND f.message LIKE e.message)
ORDER BY e.function_name COLLATE "C";
