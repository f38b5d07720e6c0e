-- The feed: events and notifications as CloudEvents, to whoever may read them, by a cursor that
-- passes over nothing.  Races are in the isolation test feed_race and in 160_feed.pl.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('feed_test');
SET search_path = feed_test, flexexchange;
CREATE ROLE feed_operator IN ROLE flexexchange_operator;
CREATE ROLE feed_regulator IN ROLE flexexchange_regulator;
CREATE ROLE feed_analyst IN ROLE flexexchange_analyst;
CREATE ROLE feed_buyer IN ROLE flexexchange_participant;
CREATE ROLE feed_seller IN ROLE flexexchange_participant;
CREATE ROLE feed_rival IN ROLE flexexchange_participant;
-- whatever runs beside the test, such as autovacuum, holds the feed up
CREATE PROCEDURE pg_temp.settle() LANGUAGE plpgsql AS $$
BEGIN
  WHILE pg_snapshot_xmin(pg_current_snapshot()) < pg_snapshot_xmax(pg_current_snapshot()) LOOP
    PERFORM pg_sleep(0.01);
  END LOOP;
END $$;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Network', '{market_operator}'), (2, 'Volt', '{service_provider}'), (3, 'Rival', '{service_provider}'), (4, 'System', '{market_operator}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('feed_buyer', 1), ('feed_seller', 2), ('feed_rival', 3);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local', 1), (2, 'so', 'Response', 4);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'OU', 'Utilisation', 'OUrt'), (2, 2, 'DC', 'Containment', 'DC');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (1, 'battery', 1000);
INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (1, 2);
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 2, 1, 'up', 600, '2030-11-20T17:00Z/PT4H');
SET ROLE feed_buyer;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 1, 'up', 700, '2030-11-20T18:00Z/PT1H');
UPDATE dispatch SET status = 'cancelled';
SET ROLE feed_seller;
INSERT INTO portfolio (name, service_provider_id) VALUES ('chargers', 2);
UPDATE portfolio SET name = 'chargers and more';

CALL pg_temp.settle();

-- thin: what happened to which row; ids and times are shortened here
SELECT event ->> 'type' AS type, regexp_replace(event ->> 'subject', '\d+', 'N') AS subject, (event -> 'data') - 'key' - 'event_id' - 'notification_id' - 'conflict_id' AS data FROM event_feed();
-- content, where it is asked for: what the log and the notification have
SELECT event ->> 'type' AS type, event #>> '{data,before,name}' AS name_before, event #>> '{data,after,name}' AS name, left(event #>> '{data,message}', 33) AS message, event #>> '{data,content,kind}' AS kind
FROM event_feed(with_content => true);

RESET ROLE;
-- what CloudEvents 1.0 asks for (sections 2.1 to 2.4 of the specification and its JSON format)
CREATE FUNCTION pg_temp.wrong(e jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(', ',
    CASE WHEN e ->> 'specversion' <> '1.0' THEN 'specversion' END,
    CASE WHEN NOT e ?& '{specversion,id,source,type}' OR '' IN (e ->> 'id', e ->> 'source', e ->> 'type') THEN 'what is required' END,
    CASE WHEN e ->> 'source' !~ '^[a-z][a-z0-9+.-]*:\S+$' THEN 'source' END,
    CASE WHEN e ->> 'time' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$' THEN 'time' END,
    CASE WHEN e ->> 'subject' = '' THEN 'subject' END,
    CASE WHEN e ->> 'datacontenttype' <> 'application/json' OR jsonb_typeof(e -> 'data') <> 'object' THEN 'data' END,
    CASE WHEN EXISTS (SELECT FROM jsonb_each(e) a WHERE a.key !~ '^[a-z0-9]{1,20}$' OR (a.key <> 'data' AND (jsonb_typeof(a.value) <> 'string' OR a.value::text ~ '[\u0001-\u001f]'))) THEN 'attributes' END) $$;
SELECT pg_temp.wrong('{"specversion": "1.0", "id": "", "source": "x", "type": "t", "not_a_name": 1}') AS of_a_wrong_one;
SELECT count(*) > 100 AS many, count(*) FILTER (WHERE pg_temp.wrong(event) <> '') AS wrong, count(*) - count(DISTINCT (event ->> 'source') || (event ->> 'id')) AS twice FROM event_feed(page => 10000, with_content => true);

-- page by page it is the same as at once, whatever the pages
CREATE FUNCTION pg_temp.in_pages(size integer, about text DEFAULT 'all') RETURNS TABLE (n bigint, id text) LANGUAGE plpgsql AS $$
DECLARE
  place text;
  one record;
  found_some boolean := true;
BEGIN
  n := 0;
  WHILE found_some LOOP
    found_some := false;
    FOR one IN SELECT f.cursor, f.event FROM feed_test.event_feed(place, size, about) f LOOP
      found_some := true;
      n := n + 1;
      id := one.event ->> 'id';
      place := one.cursor;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;
CREATE FUNCTION pg_temp.differences(size integer) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM (SELECT row_number() OVER () AS n, event ->> 'id' AS id FROM feed_test.event_feed(page => 10000)) a FULL JOIN pg_temp.in_pages(size) b USING (n, id) WHERE a.id IS NULL OR b.id IS NULL $$;
SET ROLE feed_seller;
SELECT size, pg_temp.differences(size) FROM unnest('{1,2,3,7}'::integer[]) size;
-- everything that it may read, and nothing else
SELECT count(*) AS differing FROM (SELECT 'e' || e.id AS id FROM event_log e UNION ALL SELECT 'n' || n.id FROM notification n) a
  FULL JOIN (SELECT left(split_part(event ->> 'id', '/', 2), 1) || split_part(event ->> 'id', '/', 3) AS id FROM event_feed(page => 10000)) b USING (id) WHERE a.id IS NULL OR b.id IS NULL;
SELECT about, count(*) FROM unnest('{all,events,notifications}'::text[]) about, event_feed(about => about) GROUP BY about ORDER BY about COLLATE "C";
SET ROLE feed_rival;
SELECT count(*) AS of_others FROM event_feed();
SET ROLE feed_regulator;
SELECT pg_temp.differences(7);
SELECT count(*) AS differing FROM (SELECT e.id::text AS id FROM event_log e) a FULL JOIN (SELECT split_part(event ->> 'id', '/', 3) AS id FROM event_feed(page => 10000)) b USING (id) WHERE a.id IS NULL OR b.id IS NULL;
RESET ROLE;

-- who may not, and what is no cursor
SET ROLE feed_analyst;
SELECT count(*) FROM event_feed();
RESET ROLE;
UPDATE participant_login SET status = 'suspended', reason = 'x' WHERE role_name = 'feed_rival';
SET ROLE feed_rival;
SELECT count(*) FROM event_feed();
SET ROLE feed_seller;
SELECT count(*) FROM event_feed('1;2;all;1.1.e.1; DROP TABLE x');
SELECT count(*) FROM event_feed('1;3;all');
SELECT count(*) FROM event_feed('1;x;all');
SELECT count(*) FROM event_feed('1;2;events');
SELECT count(*) FROM event_feed('');
SELECT count(*) FROM event_feed(page => 0);
SELECT count(*) FROM event_feed(page => 10001);
SELECT count(*) FROM event_feed(about => 'money');
SELECT count(*) FROM event_feed(about => NULL);
-- a cursor of a time to which this database has not come
\set VERBOSITY sqlstate
SELECT count(*) FROM event_feed(format('1;2;all;%s.999999999999999999.e.1', this_cluster()));
\set VERBOSITY terse

-- from now on, and what is not committed yet is not delivered
CALL pg_temp.settle();
SELECT count(*) FROM event_feed(event_feed_now());
SELECT event_feed_now() AS here \gset
BEGIN;
INSERT INTO portfolio (name, service_provider_id) VALUES ('later', 2);
SELECT count(*) AS not_yet FROM event_feed(:'here');
COMMIT;
CALL pg_temp.settle();
SELECT event ->> 'type' AS type FROM event_feed(:'here');
SELECT cursor AS here FROM event_feed(:'here') \gset
SELECT count(*) FROM event_feed(:'here');

-- a sealed bid: the operator hears of it by what comes after the gate, and so whenever it asks
RESET ROLE;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (1, 1, 'evenings', now() + interval '1 day');
CALL pg_temp.settle();
SET ROLE feed_operator;
SELECT event_feed_now() AS before_bid \gset
SET ROLE feed_seller;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 1, 2, 1, 'up', 700, '2030-11-20T18:00Z/PT1H');
CALL pg_temp.settle();
SELECT event ->> 'type' AS type FROM event_feed(:'here') WHERE event ->> 'type' LIKE 'flexexchange.bid.%';
SET ROLE feed_operator;
SELECT event ->> 'type' AS sealed FROM event_feed(:'before_bid') WHERE event ->> 'type' !~ 'competition';
RESET ROLE;
-- the gate closes: what was sealed then stays out of the feed, what comes is in it
SET session_replication_role = replica;
UPDATE competition SET gate_closes_at = (SELECT recorded_at + interval '1 microsecond' FROM bid), gate_opens_at = '2020-01-01';
RESET session_replication_role;
UPDATE bid SET status = 'lapsed';
CALL pg_temp.settle();
SET ROLE feed_operator;
SELECT event ->> 'type' AS type, event #>> '{data,changed}' AS changed FROM event_feed(:'before_bid');
SET ROLE feed_regulator;
SELECT count(*) FROM event_feed(page => 10000) WHERE event ->> 'type' LIKE 'flexexchange.bid.%';
RESET ROLE;

-- what was forgotten says so
SELECT erase_event_content('portfolio', (SELECT row_key FROM event_log WHERE table_name = 'portfolio' ORDER BY id LIMIT 1), 'asked for') > 0 AS erased;
CALL pg_temp.settle();
SELECT event ->> 'type' AS type, event #> '{data,erased}' AS erased, event -> 'data' ? 'after' AS has_content FROM event_feed(page => 10000, with_content => true) WHERE event ->> 'type' LIKE 'flexexchange.portfolio.%';

-- rows of another cluster, restored here, with transactions of higher numbers than any of this one: finished, each delivered once
SET session_replication_role = replica;
INSERT INTO event_log (cluster, transaction_id, login, role, participant_id, table_name, row_key, action, after, salt)
  SELECT c, 900000000 - n, 'x', 'x', 2, 'portfolio', n, 'insert', '{"service_provider_id":2}', '\x00' FROM unnest(ARRAY[11, 9223372036854775807]) c, generate_series(1, 3) n;
INSERT INTO notification (participant_id, event, conflict_id, message, content, cluster, transaction_id) SELECT 2, 'conflict_found', 1, 'x', '{}', 11, 900000000 - n FROM generate_series(0, 2) n;
RESET session_replication_role;
CALL pg_temp.settle();
SET ROLE feed_seller;
SELECT split_part(event ->> 'id', '/', 1) AS cluster, count(*) FROM event_feed(:'here') WHERE event ->> 'id' ~ '^(11|9223372036854775807)/' GROUP BY 1 ORDER BY 1;
SELECT size, pg_temp.differences(size) FROM unnest('{1,2,5}'::integer[]) size;
SELECT count(*) FROM event_feed(event_feed_now());
RESET ROLE;

-- by index, whatever stands in the log and whoever else is told
SET session_replication_role = replica;
INSERT INTO notification (participant_id, event, conflict_id, message, content, cluster, transaction_id) SELECT 1 + n % 4, 'conflict_found', 1, 'x', '{}', 12, 1 + n / 10 FROM generate_series(1, 20000) n;
INSERT INTO event_log (cluster, transaction_id, login, role, participant_id, table_name, row_key, action, after, salt)
  SELECT 12, 1 + n / 10, 'x', 'x', 1 + n % 4, 'portfolio', n, 'insert', format('{"service_provider_id":%s}', 1 + n % 4), '\x00' FROM generate_series(1, 20000) n;
RESET session_replication_role;
ANALYZE notification, event_log;
CREATE TEMP VIEW read_so_far AS
  SELECT CASE WHEN relname LIKE 'event_log%' THEN 'event_log' ELSE relname END AS part, sum(seq_tup_read) + sum(idx_tup_fetch) AS rows
  FROM pg_stat_xact_user_tables WHERE schemaname = 'feed_test' AND (relname = 'notification' OR relname LIKE 'event_log\_%' AND relname !~ 'exemption') GROUP BY 1 ORDER BY 1;
GRANT SELECT ON read_so_far TO PUBLIC;
-- what was counted before goes where it belongs
SELECT pg_stat_force_next_flush();
BEGIN;
SET LOCAL ROLE feed_seller;
SELECT count(*) FROM event_feed('1;2;all;12.900.e.1');
SELECT part, rows BETWEEN 1 AND 250 AS few FROM read_so_far;
COMMIT;
SELECT pg_stat_force_next_flush();
BEGIN;
SET LOCAL ROLE feed_operator;
SELECT count(*) FROM event_feed('1;x;all;12.900.e.1');
SELECT part, rows BETWEEN 0 AND 250 AS few FROM read_so_far;
COMMIT;

-- the exchange's own name to the world
SELECT uri ~ '^urn:uuid:[0-9a-f-]{36}$' AS random FROM exchange_instance;
UPDATE exchange_instance SET uri = 'gb';
UPDATE exchange_instance SET uri = 'https://exchange.example.org/gb';
SELECT DISTINCT event ->> 'source' AS source FROM event_feed(page => 3);
DROP VIEW read_so_far;
SELECT flexexchange.drop_exchange('feed_test', with_data => true);
DROP ROLE feed_operator, feed_regulator, feed_analyst, feed_buyer, feed_seller, feed_rival;
