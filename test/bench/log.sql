-- log_insert: 100,000 rows written at once with their events, beside the same without, in three tables:
-- bids, which are examined for conflicts; names of assets, which have foreign keys and indexes;
-- what assets are made of, which has one key and one foreign key.
-- seal: a million events sealed, beside the ten seconds that it is to take.
-- rls_read: the bids of one provider of a thousand among :rows, read by policy as that provider, beside
-- the same query with the condition written by hand, as the owner.

SELECT flexexchange.create_exchange('bench_log') \g /dev/null
SET search_path = bench_log, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) SELECT n, 'participant ' || n, '{market_operator,service_provider}' FROM generate_series(1, 1000) n;
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'P', 'product', 'PR');
ALTER TABLE asset DISABLE TRIGGER t05_log_insert;
INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'asset ' || n, 100 FROM generate_series(1, 100000) n;
ANALYZE asset;

CREATE PROCEDURE bench.log_of(name text, logged boolean) LANGUAGE plpgsql SET search_path = bench_log AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I %s TRIGGER t05_log_insert', name, CASE WHEN logged THEN 'ENABLE' ELSE 'DISABLE' END);
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim)
SELECT 'log_insert_' || t.name, CASE WHEN logged THEN '100,000 rows of ' || t.name || ', logged' ELSE 'the same, not logged' END, logged,
       format('CALL bench.log_of(%L, %L)', t.name, logged), format('CALL bench.and_take_back(%L, 1)', t.statement), CASE WHEN logged THEN NULL ELSE 1.6 END
FROM (VALUES
  ('bid', 'INSERT INTO bench_log.bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) '
       || 'SELECT 1, 1 + n % 1000, n, ''up'', 50, flexexchange.time_window(''2030-01-01''::timestamptz + n % 48 * interval ''30 min'', ''2030-01-01''::timestamptz + n % 48 * interval ''30 min'' + interval ''30 min''), 10 FROM generate_series(1, 100000) n'),
  ('external_id', 'INSERT INTO bench_log.external_id (scheme, value, asset_id) SELECT ''unit'', ''U-'' || n, n FROM generate_series(1, 100000) n'),
  ('asset_technology', 'INSERT INTO bench_log.asset_technology (asset_id, place, technology, installed_kw) SELECT n, 1, ''BESS'', 50 FROM generate_series(1, 100000) n')
) AS t (name, statement), (VALUES (true), (false)) AS l (logged);

-- a million events, put there as they are and sealed
CREATE PROCEDURE bench.log_million() LANGUAGE plpgsql SET search_path = bench_log, flexexchange AS $$
BEGIN
  IF (SELECT count(*) < 1000000 FROM event_log) THEN
    INSERT INTO event_log (cluster, transaction_id, login, role, table_name, row_key, action, after, salt)
    SELECT (SELECT system_identifier FROM pg_control_system()), pg_current_xact_id()::text::bigint, session_user, session_user, 'asset', n::text, 'insert', canonical_json(a), uuid_send(gen_random_uuid())
    FROM generate_series(1, 10) n, asset a;
    ANALYZE event_log;
  END IF;
END $$;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('seal', 'a million events sealed', true, 'CALL bench.log_million()', $$CALL bench.and_take_back('SELECT bench_log.seal_events()', 1)$$, NULL),
  ('seal', '10 s', false, 'SELECT', 'SELECT pg_sleep(10)', 1);

ALTER TABLE bid DISABLE TRIGGER USER;
INSERT INTO bid (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 1, 1 + (hashint8extended(n, 1) & 1023) % 1000, 1 + n % 100000, 'up', 50, time_window('2025-01-01'::timestamptz + n % 100000 * interval '30 min', '2025-01-01'::timestamptz + n % 100000 * interval '30 min' + interval '30 min') FROM generate_series(1, :rows) n;
ALTER TABLE bid ENABLE TRIGGER USER;
VACUUM ANALYZE bid;
DO $$ BEGIN CREATE ROLE bench_provider IN ROLE flexexchange_participant; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT USAGE ON SCHEMA bench TO bench_provider;
INSERT INTO participant_login VALUES ('bench_provider', 7);
CREATE PROCEDURE bench.own_bids(by_policy boolean) LANGUAGE plpgsql SET search_path = bench_log, flexexchange AS $$
BEGIN
  FOR i IN 1 .. 20 LOOP
    IF by_policy THEN
      PERFORM count(*), sum(power_kw) FROM bid WHERE delivery_window && '2026-01-01T00:00Z/P30D'::time_window;
    ELSE
      PERFORM count(*), sum(power_kw) FROM bid WHERE service_provider_id = 7 AND delivery_window && '2026-01-01T00:00Z/P30D'::time_window;
    END IF;
  END LOOP;
END $$;
GRANT EXECUTE ON PROCEDURE bench.own_bids(boolean) TO bench_provider;
INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('rls_read', '20 readings of a provider''s own bids, by policy', true, 'SELECT', $$DO 'BEGIN SET LOCAL ROLE bench_provider; CALL bench.own_bids(true); RESET ROLE; END'$$, NULL),
  ('rls_read', 'the condition by hand, as the owner', false, 'SELECT', 'CALL bench.own_bids(false)', 1.5);
SET search_path = bench, flexexchange, public;
