-- Open data: everybody gets the same bytes, nothing in them is of a single provider, and hostile
-- values stay values.  170_open_data.pl writes the files and holds them against their specifications.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('out_test');
SET search_path = out_test, flexexchange;
CREATE ROLE out_operator IN ROLE flexexchange_operator;
CREATE ROLE out_regulator IN ROLE flexexchange_regulator;
CREATE ROLE out_analyst IN ROLE flexexchange_analyst;
CREATE ROLE out_seller IN ROLE flexexchange_participant;
CREATE ROLE out_buyer IN ROLE flexexchange_participant;
-- what nobody may learn says so, wherever a provider or a draft could show
INSERT INTO participant (id, name, kinds, description) VALUES (1, 'Network, "North"', '{market_operator}', E'two\nlines'), (777771, 'SECRET seller', '{service_provider}', 'SECRET'),
  (777772, 'SECRET seller and buyer to be', '{service_provider,market_operator}', 'SECRET');
INSERT INTO participant_login (role_name, participant_id) VALUES ('out_seller', 777771), ('out_buyer', 1);
INSERT INTO participant_contact (participant_id, purpose, name, published) VALUES (777771, 'primary', 'SECRET', true);
INSERT INTO participant_group (name) VALUES ('SECRET');
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (10, 'primary', '=HYPERLINK("http://example.org";"x")', 1), (11, 'feeder', '-1+1', 1);
INSERT INTO grid_node_parent (grid_node_id, parent_id, valid) VALUES (11, 10, '2025-03-30T00:30Z/infinity');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', '@SUM(A1)', 1);
INSERT INTO product (id, market_id, code, name, service_code, description, max_recovery, paid_for, valid) VALUES
  (1, 1, 'PR', E'+quotes "", commas, and\r\nlines', 'PR', '', 'PT1H30M', '{availability,utilisation}', '2025-01-01T00:00Z/infinity');
INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status) VALUES
  (1, 1, 'PR', 'evenings', 'up', 100, '2030-01-01T17:00Z/P3M', 'published'), (2, 1, 'PR', 'SECRET draft', 'up', 100, '2030-01-01T17:00Z/P3M', 'draft');
INSERT INTO need_window (need_id, delivery_window, power_kw) VALUES (1, '2030-01-01T17:00Z/PT2H', 50), (2, '2030-01-01T17:00Z/PT2H', 987654.321);
INSERT INTO asset (id, name, qualified_up_kw) VALUES (777773, 'SECRET asset', 777774);
INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (777773, 777771);
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (1, 777771, 777773, 'up', 777.775, '2025-01-10T00:00Z/PT2H', 777.776);
INSERT INTO service_offer (service_provider_id, service_code, power_kw) VALUES (777771, 'PR', 777.777);
SELECT publish_statistics('2025-01-01') > 0 AS published;
SELECT count(*) > 0 AS sealed FROM seal_events();

-- whoever asks, in whatever session: the same
CREATE TEMP TABLE got (who text, settings text, path text, content bytea);
GRANT INSERT ON got TO PUBLIC;
CREATE PROCEDURE pg_temp.get(who text) LANGUAGE plpgsql AS $$
DECLARE
  zone text;
BEGIN
  FOREACH zone IN ARRAY '{UTC,Asia/Tokyo,America/St_Johns}'::text[] LOOP
    PERFORM set_config('TimeZone', zone, true), set_config('DateStyle', CASE zone WHEN 'UTC' THEN 'ISO, YMD' ELSE 'German' END, true),
            set_config('IntervalStyle', CASE zone WHEN 'UTC' THEN 'iso_8601' ELSE 'postgres_verbose' END, true), set_config('bytea_output', CASE zone WHEN 'UTC' THEN 'hex' ELSE 'escape' END, true),
            set_config('extra_float_digits', CASE zone WHEN 'UTC' THEN '3' ELSE '-5' END, true);
    INSERT INTO got SELECT who, zone, d.name || '.csv', convert_to(out_test.open_data_csv(d.name), 'UTF8') FROM out_test.open_dataset d;
  END LOOP;
END $$;
BEGIN; CALL pg_temp.get('owner'); COMMIT;
BEGIN; SET LOCAL ROLE out_operator; CALL pg_temp.get('operator'); COMMIT;
BEGIN; SET LOCAL ROLE out_regulator; CALL pg_temp.get('regulator'); COMMIT;
BEGIN; SET LOCAL ROLE out_analyst; CALL pg_temp.get('analyst'); COMMIT;
BEGIN; SET LOCAL ROLE out_seller; CALL pg_temp.get('seller'); COMMIT;
BEGIN; SET LOCAL ROLE out_buyer; CALL pg_temp.get('buyer'); COMMIT;
SELECT count(DISTINCT (who, settings)) AS ways, count(DISTINCT path) = (SELECT count(*) FROM open_dataset) AS every_dataset, count(*) = 18 * count(DISTINCT path) AS every_time FROM got;
SELECT path AS differs FROM got GROUP BY path HAVING count(DISTINCT content) > 1 ORDER BY path COLLATE "C";
-- nothing of a provider, nothing that is not published
SELECT path AS tells FROM got WHERE who = 'owner' AND settings = 'UTC' AND convert_from(content, 'UTF8') ~ 'SECRET|77777[1-7]|777\.77|987654' ORDER BY path COLLATE "C";
SELECT convert_from(content, 'UTF8') ~ 'SECRET' AS of_a_table_that_is_not_open FROM (SELECT convert_to(string_agg(name, ','), 'UTF8') AS content FROM participant) x;
-- hostile values, as RFC 4180 has them
SELECT replace(open_data_csv('grid_node'), E'\r\n', '|') ~ '\|11,[-0-9a-f]{36},feeder,-1\+1,.*' AS as_it_is, open_data_csv('grid_node') LIKE '%,"=HYPERLINK(""http://example.org"";""x"")",%' AS quoted;
SELECT replace(regexp_replace(open_data_csv('product'), '[-0-9a-f]{36}', 'MRID'), E'\r\n', '|');
SELECT replace(open_data_csv('grid_node_parent'), E'\r\n', '|'), replace(open_data_csv('need_window'), E'\r\n', '|');
-- for a spreadsheet: text that would be a formula is none, numbers stay numbers
SELECT regexp_matches(open_data_csv('grid_node', for_spreadsheets => true), '(primary|feeder),("?[^=-]*[=-].)', 'g');
SELECT open_data_csv('market', true) LIKE '%,dso,''@SUM(A1),%' AS market, open_data_csv('market', false) LIKE '%,dso,@SUM(A1),%' AS as_it_is;
-- the query is for whoever wants to COPY it, and gives what the CSV has
SELECT open_data_query('market_gate');

-- what is said of it
SELECT key FROM jsonb_object_keys(datapackage()) key WHERE key LIKE 'dc:%' ORDER BY key COLLATE "C";
SELECT r ->> 'name' AS name, (r ->> 'bytes')::integer = octet_length(content) AS bytes, r ->> 'hash' = 'sha256:' || encode(sha256(content), 'hex') AS hash
FROM jsonb_array_elements(datapackage() -> 'resources') r JOIN got ON path = r ->> 'path' AND who = 'owner' AND settings = 'UTC' WHERE r ->> 'name' IN ('product', 'need') ORDER BY 1;
SELECT f ->> 'name' AS name, f ->> 'type' AS type, f ->> 'format' AS format, f -> 'constraints' AS constraints, f ->> 'description' AS description FROM jsonb_array_elements(open_resource('need') #> '{schema,fields}') f
WHERE f ->> 'name' IN ('id', 'mrid', 'power_kw', 'delivery_window', 'notice', 'respond_by');
SELECT open_resource('need') #> '{schema,primaryKey}' AS key, open_resource('need') #> '{schema,foreignKeys}' AS refers_to;
SELECT open_resource('grid_node_parent') #> '{schema,primaryKey}' AS key, open_resource('taxonomy_term') #> '{schema,foreignKeys,0}' AS to_itself;
-- no file of it that its licence or meaning is not said of
SELECT r ->> 'name' AS lacks FROM jsonb_array_elements(datapackage() -> 'resources') r WHERE NOT r ?& '{title,description,licenses,sources,mediatype,encoding}' OR EXISTS (SELECT FROM jsonb_array_elements(r #> '{schema,fields}') f WHERE coalesce(f ->> 'description', '') = '');

-- who says what is open: the owner
SET ROLE out_operator;
INSERT INTO open_dataset (name, relation, title) VALUES ('award', 'award', 'Awards');
UPDATE open_dataset SET condition = 'true';
UPDATE open_package SET publisher = 'NESO', coverage = 'England';
SELECT datapackage() ->> 'dc:publisher' AS publisher;
SELECT publish_open_data();
RESET ROLE;
-- names and licences that a package cannot have
INSERT INTO open_dataset (name, relation, title) VALUES ('Award 1', 'award', 'Awards');
INSERT INTO open_dataset (name, relation, title, licence) VALUES ('x', 'market', 'x', 'proprietary');
UPDATE open_package SET language = 'English';
SELECT open_data_csv('award');
SELECT open_data_csv(NULL);
SELECT open_resource('nothing');

-- the test can fail: a table that not everybody reads
BEGIN;
INSERT INTO open_dataset (name, relation, title) VALUES ('award', 'award', 'Awards');
SELECT open_data_csv('award') ~ '777\.77' AS tells;
SET LOCAL ROLE out_analyst;
SELECT open_data_csv('award');
ROLLBACK;

-- the publication: open tables, conditions with them, and an identity for rows without a key
SELECT count(*) FROM publish_open_data();
SELECT tablename, rowfilter FROM pg_publication_tables WHERE pubname = 'out_test_open' AND (rowfilter IS NOT NULL OR tablename ~ 'parent|statistic|window|participant');
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'out_test'::regnamespace AND c.relreplident = 'f' AND c.relname IN (SELECT d.relation FROM open_dataset d WHERE d.replicated) ORDER BY c.relname COLLATE "C";
-- the exchange goes on as before
UPDATE need SET status = 'published' WHERE id = 2;
UPDATE grid_node_parent SET valid = '2025-03-30T00:30Z/P1Y';
DELETE FROM grid_node_parent;
-- again, after it was decided otherwise
UPDATE open_dataset SET replicated = false WHERE name <> 'market';
SELECT string_agg(p, ' ') FROM publish_open_data() p;
SELECT count(*) FROM pg_publication_tables WHERE pubname = 'out_test_open';
UPDATE open_dataset SET replicated = true WHERE name = 'market_operator';
SELECT publish_open_data();
DROP PUBLICATION out_test_open;
SELECT flexexchange.drop_exchange('out_test', with_data => true);
DROP ROLE out_operator, out_regulator, out_analyst, out_seller, out_buyer;
