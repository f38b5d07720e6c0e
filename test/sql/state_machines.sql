-- State machines: every pair of states of every machine, and what they say.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('state_test');
SET search_path = state_test, flexexchange;
\set VERBOSITY default
\set SHOW_CONTEXT never

-- ---------------------------------------------------------------- a machine of one's own

CREATE TABLE door (id int PRIMARY KEY, status text);
CREATE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON door FOR EACH ROW EXECUTE FUNCTION follow_states('status',
  'start > open', 'open > shut', E'shut > open \t locked', 'locked > shut', 'open shut locked > bricked_up');
INSERT INTO door VALUES (1, 'open');
INSERT INTO door VALUES (2, 'locked');
UPDATE door SET status = 'locked';
UPDATE door SET status = 'ajar';
UPDATE door SET status = 'shut';
UPDATE door SET status = 'shut', id = 3;
UPDATE door SET status = 'locked';
UPDATE door SET status = NULL;
UPDATE door SET status = 'bricked_up';
UPDATE door SET status = 'open';
-- nothing is called start; without a state a row has not begun
INSERT INTO door VALUES (2, 'start');
INSERT INTO door VALUES (2, NULL), (4, NULL);
UPDATE door SET status = 'shut' WHERE id = 2;
UPDATE door SET status = 'open' WHERE id = 2;
SELECT * FROM door ORDER BY id;
SELECT from_state, to_state FROM state_machine WHERE object = 'door'::regclass ORDER BY from_state COLLATE "C", to_state COLLATE "C";
-- another type, after the row, and on a table with a partition
CREATE TYPE light AS ENUM ('red', 'green');
CREATE TABLE signal (id int, shows light) PARTITION BY LIST (id);
CREATE TABLE signal_1 PARTITION OF signal FOR VALUES IN (1);
CREATE TRIGGER t10_shows AFTER INSERT OR UPDATE ON signal FOR EACH ROW EXECUTE FUNCTION follow_states('shows', 'start > red', 'red > green');
INSERT INTO signal VALUES (1, 'green');
INSERT INTO signal VALUES (1, 'red');
UPDATE signal SET shows = 'green';
UPDATE signal SET shows = 'red';
SELECT object, state_column, from_state, to_state FROM state_machine WHERE object::text ~ 'signal' ORDER BY 3;
-- a machine that is off is not shown
ALTER TABLE door DISABLE TRIGGER t10_status;
SELECT count(*) FROM state_machine WHERE object = 'door'::regclass;
UPDATE door SET status = 'open' WHERE status = 'bricked_up';
-- what is not a machine
CREATE TABLE wrong (status text);
CREATE FUNCTION tried(arguments text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE TRIGGER t BEFORE INSERT ON wrong FOR EACH ROW EXECUTE FUNCTION follow_states(%s)', arguments);
  INSERT INTO wrong VALUES ('a');
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT arguments, tried(arguments) FROM (VALUES (1, ''), (2, $$'status'$$), (3, $$'state', 'start > a'$$), (4, $$'status', 'start a'$$), (5, $$'status', '> a'$$), (6, $$'status', 'start >'$$),
  (7, $$'status', 'start > a', 'a > start'$$), (8, $$'status', 'start > a > b'$$), (9, $$'status', 'start > a', ''$$), (10, $$'status', 'start > a'$$)) v (n, arguments) ORDER BY n;
CREATE TRIGGER t BEFORE DELETE ON door FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > a');
DELETE FROM door;
DROP TRIGGER t ON door;
ALTER TABLE door ENABLE TRIGGER t10_status;
DROP TABLE wrong;

-- ---------------------------------------------------------------- all machines, those of the exchange among them

SELECT object, state_column, from_state, string_agg(to_state, ' ' ORDER BY to_state COLLATE "C") AS to_states FROM state_machine
GROUP BY 1, 2, 3 ORDER BY object::text COLLATE "C", 2, from_state <> 'start', from_state COLLATE "C";

-- all pairs, also from and to a state that there is not, on a copy of the table that has
-- the trigger and none of the constraints; hints name what may follow and nothing else
CREATE FUNCTION try_all_pairs(OUT machines int, OUT allowed int, OUT wrong text[]) LANGUAGE plpgsql AS $$
DECLARE
  m record; f text; n text; name text; next_states text[]; passed boolean; hint text;
BEGIN
  machines := 0; allowed := 0; wrong := '{}';
  FOR m IN SELECT object, state_column, array_agg(DISTINCT x) AS states FROM state_machine, unnest(ARRAY[from_state, to_state]) x GROUP BY 1, 2 LOOP
    machines := machines + 1;
    EXECUTE format('CREATE TEMP TABLE probe AS SELECT * FROM %s WITH NO DATA', m.object);
    EXECUTE format('ALTER TABLE pg_temp.probe ALTER %I TYPE text', m.state_column);
    -- without the condition by which some hold for some rows alone
    FOR name IN SELECT regexp_replace(replace(pg_get_triggerdef(t.oid), ' ON state_test.' || m.object || ' ', ' ON pg_temp.probe '), ' WHEN \(.*\) EXECUTE ', ' EXECUTE ') FROM pg_trigger t
                WHERE t.tgrelid = m.object AND t.tgfoid = 'follow_states()'::regprocedure AND split_part(encode(t.tgargs, 'escape'), '\000', 1) = m.state_column LOOP
      EXECUTE name;
    END LOOP;
    FOREACH f IN ARRAY m.states || 'no_such_state'::text LOOP
      SELECT array_agg(to_state ORDER BY to_state COLLATE "C") INTO next_states FROM state_machine WHERE (object, state_column, from_state) = (m.object, m.state_column, f);
      FOREACH n IN ARRAY m.states || 'no_such_state'::text LOOP
        CONTINUE WHEN n = f AND n <> 'start';
        hint := NULL;
        BEGIN
          IF f = 'start' THEN
            EXECUTE format('INSERT INTO pg_temp.probe (%I) VALUES ($1)', m.state_column) USING n;
          ELSE
            ALTER TABLE pg_temp.probe DISABLE TRIGGER USER;
            EXECUTE format('INSERT INTO pg_temp.probe (%I) VALUES ($1)', m.state_column) USING f;
            ALTER TABLE pg_temp.probe ENABLE TRIGGER USER;
            EXECUTE format('UPDATE pg_temp.probe SET %I = $1', m.state_column) USING n;
          END IF;
          RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
        EXCEPTION
          WHEN triggered_action_exception THEN passed := true;
          WHEN SQLSTATE 'MX001' THEN passed := false;
            GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
        END;
        allowed := allowed + passed::int;
        IF passed <> EXISTS (SELECT FROM state_machine WHERE (object, state_column, from_state, to_state) = (m.object, m.state_column, f, n))
           OR NOT passed AND (SELECT array_agg(x ORDER BY x COLLATE "C") FROM regexp_split_to_table(rtrim(split_part(hint, 'one of: ', 2), '.'), ', ') x)
                             IS DISTINCT FROM coalesce(next_states, '{""}')
           OR NOT passed AND (next_states IS NULL) <> (hint = format('Nothing follows "%s".', f)) THEN
          wrong := wrong || format('%s.%s %s > %s: %s', m.object, m.state_column, f, n, coalesce(hint, 'passed'));
        END IF;
      END LOOP;
    END LOOP;
    DROP TABLE pg_temp.probe;
  END LOOP;
END $$;
SELECT machines = (SELECT count(DISTINCT (object, state_column)) FROM state_machine) AS all_machines, allowed = (SELECT count(*) FROM state_machine) AS exactly_those_listed, wrong FROM try_all_pairs();
DROP TABLE door, signal;
DROP TYPE light;
SELECT flexexchange.drop_exchange('state_test', with_data => true);
