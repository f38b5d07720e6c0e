-- The authority matrix of docs/authority.md against what happens: each kind of party tries each action on
-- each table, on rows of its own world and of another's, and finds exactly what the matrix says.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set fixture :src '/authority_fixture.sql'
\set ECHO none
\i :setup
SELECT flexexchange.create_exchange('authority_test');
SET search_path = authority_test, flexexchange;
\i :fixture
\set ECHO all
CREATE ROLE auth_operator IN ROLE flexexchange_operator;
CREATE ROLE auth_regulator IN ROLE flexexchange_regulator;
CREATE ROLE auth_analyst IN ROLE flexexchange_analyst;
CREATE ROLE auth_seller_1 IN ROLE flexexchange_participant;
CREATE ROLE auth_buyer_1 IN ROLE flexexchange_participant;
CREATE ROLE auth_nobody;

-- what is there before, with the rows of the first world, with those of the second
CREATE TEMP TABLE part AS SELECT c.relname AS name FROM pg_class c
  WHERE c.relnamespace = 'authority_test'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition;
CREATE TEMP TABLE seen (part name, step integer, place text, content jsonb);
CREATE FUNCTION pg_temp.look(step integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE p name;
BEGIN
  FOR p IN SELECT name FROM part LOOP
    EXECUTE format('INSERT INTO seen SELECT %L, %s, format(''tableoid = %%s AND ctid = %%L'', t.tableoid, t.ctid), to_jsonb(t) FROM %I t', p, step, p);
  END LOOP;
END $$;
SET session_replication_role = replica;
SELECT pg_temp.look(0);
SELECT pg_temp.world(1, 1, 2);
SELECT pg_temp.look(1);
SELECT pg_temp.world(2, 4, 3);
SELECT pg_temp.look(2);
-- row, and whose: the first world is the own one; where it has none, a row that came with the modules is everybody's
CREATE TEMP TABLE row AS
  SELECT s.part, s.step = 1 AS own, s.place, s.content FROM seen s WHERE s.step > 0 AND NOT EXISTS (SELECT FROM seen e WHERE e.part = s.part AND e.place = s.place AND e.step < s.step);
INSERT INTO row SELECT DISTINCT ON (s.part, own) s.part, own, s.place, s.content FROM seen s, (VALUES (true), (false)) AS o (own)
  WHERE s.step = 0 AND NOT EXISTS (SELECT FROM row r WHERE r.part = s.part) ORDER BY s.part, own, s.place;
SELECT name AS without_a_row FROM part WHERE NOT EXISTS (SELECT FROM row r WHERE r.part = part.name) ORDER BY name COLLATE "C";

-- one try, taken back: may this role do this to that row?  A rule that refuses the row is no lack of authority.
CREATE FUNCTION pg_temp.try(role name, statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE touched bigint;
BEGIN
  IF statement IS NULL THEN
    RETURN NULL;
  END IF;
  BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'PT001', MESSAGE = touched;
  EXCEPTION
    WHEN insufficient_privilege THEN RETURN NULL;
    -- an intake takes a row and keeps none
    WHEN SQLSTATE 'PT001' THEN RETURN SQLERRM::bigint > 0 OR statement LIKE 'INSERT %';
    WHEN OTHERS THEN RETURN true;
  END;
END $$;
CREATE FUNCTION pg_temp.may(role name, action text, part name, place text, content jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  columns text;
  one record;
  key text;
  full_name CONSTANT text := format('authority_test.%I', part);
BEGIN
  -- who may not read where a row stands may read its id
  key := CASE WHEN content ? 'id' THEN format('id = %s', content ->> 'id') WHEN content ? 'delivery_id' THEN format('delivery_id = %s', content ->> 'delivery_id') ELSE 'false' END;
  IF action = 'R' THEN
    RETURN coalesce(pg_temp.try(role, format('SELECT 1 FROM %s WHERE %s', full_name, place)), pg_temp.try(role, format('SELECT 1 FROM %s WHERE %s', full_name, key)), false);
  ELSIF action = 'D' THEN
    RETURN coalesce(pg_temp.try(role, format('DELETE FROM %s WHERE %s', full_name, place)), false);
  ELSIF action = 'I' THEN
    SELECT string_agg(format('%I', a.attname), ', ') INTO columns FROM pg_attribute a WHERE a.attrelid = part::regclass AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = '' AND a.attidentity = '' AND content ? a.attname AND has_column_privilege(role, part::regclass, a.attnum, 'INSERT');
    RETURN columns IS NOT NULL AND coalesce(pg_temp.try(role, format('INSERT INTO %1$s (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, %3$L)', full_name, columns, content)), false);
  ELSE
    FOR one IN SELECT a.attname AS name FROM pg_attribute a WHERE a.attrelid = part::regclass AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attgenerated = '' AND a.attidentity <> 'a' AND has_column_privilege(role, part::regclass, a.attnum, 'UPDATE') LOOP
      IF coalesce(pg_temp.try(role, format('UPDATE %1$s t SET %2$I = (jsonb_populate_record(NULL::%1$s, %3$L)).%2$I WHERE %4$s', full_name, one.name, content, place)),
                  pg_temp.try(role, format('UPDATE %1$s t SET %2$I = (jsonb_populate_record(NULL::%1$s, %3$L)).%2$I WHERE %4$s', full_name, one.name, content, key)), false) THEN
        RETURN true;
      END IF;
    END LOOP;
    RETURN false;
  END IF;
END $$;
-- R I U D for every row, r i u d for those of the own world alone; r? some of the own, R! some of every world's
CREATE FUNCTION pg_temp.cell(who name, part name) RETURNS text LANGUAGE sql AS $$
  SELECT coalesce(nullif(string_agg(CASE WHEN own = owns AND other = others THEN letter WHEN own = owns AND other = 0 THEN lower(letter)
                           WHEN own > 0 AND other = 0 THEN lower(letter) || '?' WHEN own = 0 AND other = 0 THEN '' ELSE letter || '!' END, '' ORDER BY n), ''), '-')
  FROM (SELECT a.letter, a.n, count(*) FILTER (WHERE r.own) AS owns, count(*) FILTER (WHERE NOT r.own) AS others,
               count(*) FILTER (WHERE r.own AND m.may) AS own, count(*) FILTER (WHERE NOT r.own AND m.may) AS other
        FROM row r CROSS JOIN (VALUES ('R', 1), ('I', 2), ('U', 3), ('D', 4)) AS a (letter, n)
        CROSS JOIN LATERAL (SELECT pg_temp.may(who, a.letter, r.part, r.place, r.content) AS may OFFSET 0) m WHERE r.part = cell.part GROUP BY a.letter, a.n) x $$;
CREATE TEMP TABLE happens AS
  SELECT name, format('| %s | %s | %s | %s | %s | %s |', name, pg_temp.cell('auth_operator', name), pg_temp.cell('auth_regulator', name), pg_temp.cell('auth_seller_1', name),
                pg_temp.cell('auth_buyer_1', name), pg_temp.cell('auth_analyst', name)) AS line FROM part;
SELECT name AS open_to_nobody FROM part WHERE pg_temp.cell('auth_nobody', name) <> '-';

CREATE TEMP TABLE written (line text);
\copy written from program 'grep "^| [a-z_]* | [RIUDriud?!-]* |" "$PG_ABS_SRCDIR/../docs/authority.md" || true'
SELECT count(*) = (SELECT count(*) FROM part) AS every_table FROM written;
-- what happens and is not written, what is written and does not happen
SELECT h.line AS happens FROM happens h WHERE h.line NOT IN (SELECT w.line FROM written w) ORDER BY h.name COLLATE "C";
SELECT w.line AS written FROM written w WHERE w.line NOT IN (SELECT h.line FROM happens h) ORDER BY line COLLATE "C";

-- the test can fail: a policy too wide, one too few, a grant too many
BEGIN; CREATE POLICY wide ON bid FOR SELECT TO flexexchange_participant USING (true); SELECT pg_temp.cell('auth_buyer_1', 'bid'), pg_temp.cell('auth_seller_1', 'bid'); ROLLBACK;
BEGIN; DROP POLICY bid_read_own ON bid; SELECT pg_temp.cell('auth_seller_1', 'bid'); ROLLBACK;
BEGIN; DROP POLICY bid_sealed ON bid; SELECT pg_temp.cell('auth_operator', 'bid'); ROLLBACK;
BEGIN; GRANT DELETE ON award TO flexexchange_regulator; CREATE POLICY wide ON award FOR DELETE TO flexexchange_regulator USING (true); SELECT pg_temp.cell('auth_regulator', 'award'); ROLLBACK;

-- the sentences of the policies stand there, each with its key
CREATE TEMP TABLE sentence (line text);
\copy sentence from program 'grep "^- [A-Z]*-" "$PG_ABS_SRCDIR/../docs/authority.md" || true'
CREATE TEMP TABLE policy AS SELECT DISTINCT '- ' || obj_description(p.oid, 'pg_policy') AS line FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = 'authority_test'::regnamespace;
SELECT line AS not_written FROM policy WHERE line NOT IN (SELECT line FROM sentence) ORDER BY line COLLATE "C";
SELECT line AS no_policy FROM sentence WHERE line NOT IN (SELECT line FROM policy) ORDER BY line COLLATE "C";
RESET session_replication_role;
SELECT flexexchange.drop_exchange('authority_test', with_data => true);
DROP ROLE auth_operator, auth_regulator, auth_analyst, auth_seller_1, auth_buyer_1, auth_nobody;
