-- rules_insert: a row with every rule beside the same row with core's exclusion
-- constraint, on a book of :rows commitments.
--
-- 10 commitments to an asset, each asset in two portfolios of 100.  The measured
-- statement writes 10,000 awards, one statement each, to assets of the book at times
-- when they are free (no conflict), or of which one in a hundred overlaps an award
-- of a service that it may not be stacked with; foreign keys are checked, then
-- everything is rolled back, so that each round finds the same book.

SELECT flexexchange.create_exchange('bench_book') \g /dev/null
SET search_path = bench_book, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR'), (2, 1, 'SA', 'Scheduled Availability', 'SAda');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT i, 'asset ' || i, 100, 100 FROM generate_series(1, greatest(:rows / 10, 1)) i;
INSERT INTO portfolio (id, name, service_provider_id) SELECT 1000000000 + i, 'portfolio ' || i, 2 FROM generate_series(0, :rows / 500 + 2) i;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT 1000000000 + 2 * (id / 100) + n, id, 50, 50, '-infinity/infinity' FROM asset, generate_series(0, 1) n;

-- the book: what the triggers would have written, in one go
CREATE VIEW bench.trade AS
  SELECT i AS id, (abs(hashint8extended(i, 1)) % greatest(:rows / 10, 1) + 1)::bigint AS asset,
         timestamptz '2098-01-01T00:00Z' + (i % 1460) * interval '6 hours' AS starts FROM generate_series(1, :rows) i;
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT id, 1, 2, asset, 'up', 50, time_window(starts, starts + interval '30 minutes') FROM bench.trade;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked)
  SELECT 'award', id, asset, 'asset', 'PR', 1, 1, 2, 'up', 50, time_window(starts, starts + interval '30 minutes'), true FROM bench.trade;
INSERT INTO member_commitment
  SELECT s.portfolio_id, window_cell(c.delivery_window), c.unit_id, c.id, c.delivery_window FROM commitment c JOIN place_supply s ON s.place_id = c.unit_id AND s.portfolio_id = s.with_id;
SET session_replication_role = origin;
SELECT setval('trade_id', 1000000000) \g /dev/null

-- the same table with core's constraint, and with none
CREATE TABLE bench.award_excluding (LIKE award INCLUDING ALL, span tstzrange);
CREATE TABLE bench.award_plain (LIKE award INCLUDING ALL, span tstzrange);
CREATE TABLE bench.award_indexed (LIKE award INCLUDING ALL);
CREATE INDEX ON bench.award_indexed USING gist (resource_window(unit_id, delivery_window));
INSERT INTO bench.award_indexed (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT id, 1, 2, asset, 'up', 50, time_window(starts, starts + interval '30 minutes') FROM bench.trade;
INSERT INTO bench.award_excluding (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, span)
  SELECT id, 1, 2, asset, 'up', 50, time_window(starts, starts + interval '30 minutes'), tstzrange(starts, starts + interval '30 minutes') FROM bench.trade;
-- two in the same place are there already: only what follows is checked
DELETE FROM bench.award_excluding a USING bench.award_excluding b WHERE a.asset_id = b.asset_id AND a.delivery_window = b.delivery_window AND a.id > b.id;
ALTER TABLE bench.award_excluding ADD EXCLUDE USING gist (asset_id WITH =, span WITH &&);
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['award_excluding', 'award_plain', 'award_indexed'] LOOP
    EXECUTE format('ALTER TABLE bench.%I ADD FOREIGN KEY (bid_id) REFERENCES bid DEFERRABLE INITIALLY DEFERRED,
      ADD FOREIGN KEY (product_id) REFERENCES product DEFERRABLE INITIALLY DEFERRED, ADD FOREIGN KEY (service_provider_id) REFERENCES participant DEFERRABLE INITIALLY DEFERRED,
      ADD FOREIGN KEY (asset_id) REFERENCES asset DEFERRABLE INITIALLY DEFERRED, ADD FOREIGN KEY (portfolio_id) REFERENCES portfolio DEFERRABLE INITIALLY DEFERRED', name);
  END LOOP;
END $$;
VACUUM ANALYZE award;
VACUUM ANALYZE commitment;
VACUUM ANALYZE asset;
VACUUM ANALYZE member_commitment;
VACUUM ANALYZE place_supply;
VACUUM ANALYZE bench.award_excluding;

-- write trades to a table one by one, and take them back
CREATE PROCEDURE bench.write_awards(into_table text, with_span boolean, in_conflict integer) LANGUAGE plpgsql AS $$
DECLARE
  assets bigint := (SELECT count(*) FROM bench_book.asset);
  asset bigint;
  starts timestamptz;
  statement text := format('INSERT INTO %s (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window%s) VALUES ($1, 2, $2, ''up'', 50, $3%s)',
                           into_table, CASE WHEN with_span THEN ', span' ELSE '' END, CASE WHEN with_span THEN ', $4' ELSE '' END);
BEGIN
  FOR i IN 1 .. 10000 LOOP
    asset := abs(hashint8extended(i, 5)) % assets + 1;
    starts := timestamptz '2098-01-01T01:00Z' + (i % 1460) * interval '6 hours';
    IF i % 100 < in_conflict THEN
      SELECT a.asset_id, lower(a.delivery_window) INTO asset, starts FROM bench_book.award a WHERE a.id = i * 7;
    END IF;
    EXECUTE statement USING CASE WHEN i % 100 < in_conflict THEN 2 ELSE 1 END, asset, flexexchange.time_window(starts, starts + interval '30 minutes'), tstzrange(starts, starts + interval '30 minutes');
  END LOOP;
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
EXCEPTION WHEN triggered_action_exception THEN NULL;
END $$;

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('rules_insert', 'award, all rules', true, 'SELECT', 'CALL bench.write_awards(''bench_book.award'', false, 0)', NULL),
  ('rules_insert', 'award, EXCLUDE (asset WITH =, tstzrange WITH &&)', false, 'SELECT', 'CALL bench.write_awards(''bench.award_excluding'', true, 0)', 1),
  ('rules_insert', 'award, no rules', false, 'SELECT', 'CALL bench.write_awards(''bench.award_plain'', true, 0)', NULL),
  ('rules_insert_1_percent', 'award, all rules, 1 % in conflict', true, 'SELECT', 'CALL bench.write_awards(''bench_book.award'', false, 1)', NULL),
  ('rules_insert_1_percent', 'award, EXCLUDE (asset WITH =, tstzrange WITH &&), none in conflict', false, 'SELECT', 'CALL bench.write_awards(''bench.award_excluding'', true, 0)', 1);
SET search_path = bench, flexexchange, public;

-- rules_copy: a file of a tenth as many awards, loaded into the book's exchange and into the
-- same table with the book's index and no rules; no conflicts.  sweep: all of the
-- book examined again, beside a join of the book with itself that finds the overlaps
-- of different services and no more.
SET search_path = bench_book, bench, flexexchange, public;
CREATE VIEW bench.copied AS
  SELECT 1 AS product_id, 2 AS service_provider_id, abs(hashint8extended(i, 5)) % (SELECT count(*) FROM asset) + 1 AS asset_id, 'up' AS direction, 50 AS power_kw,
         time_window(starts, starts + interval '30 minutes') AS delivery_window
  FROM generate_series(1, greatest(:rows / 10, 1)) i, LATERAL (SELECT timestamptz '2098-01-01T01:00Z' + (i % 1460) * interval '6 hours' AS starts) s;
CREATE PROCEDURE bench.copy_awards(into_table text) LANGUAGE plpgsql AS $$
DECLARE
  file text := current_setting('data_directory') || '/bench_awards';
BEGIN
  IF into_table IS NULL THEN
    EXECUTE format('COPY (SELECT * FROM bench.copied) TO %L', file);
    RETURN;
  END IF;
  EXECUTE format('COPY %s (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) FROM %L', into_table, file);
  SET CONSTRAINTS ALL IMMEDIATE;
  RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
EXCEPTION WHEN triggered_action_exception THEN NULL;
END $$;
CALL bench.copy_awards(NULL);

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('rules_copy', 'COPY of a tenth as many awards, all rules', true, 'SELECT', 'CALL bench.copy_awards(''bench_book.award'')', NULL),
  ('rules_copy', 'the same COPY, the same indexes, no rules', false, 'SELECT', 'CALL bench.copy_awards(''bench.award_indexed'')', 1.5),
  ('sweep', 'detect_conflicts()', true, 'SELECT', 'SELECT bench_book.detect_conflicts(''-infinity/infinity'')', NULL),
  ('sweep', 'self-join for overlaps', false, 'SELECT', 'SELECT count(*) FROM bench_book.commitment a JOIN bench_book.commitment b ON a.unit_id = b.unit_id AND a.id < b.id
     AND a.delivery_window && b.delivery_window AND a.service_code <> b.service_code WHERE a.closed_at IS NULL AND b.closed_at IS NULL', 0.1),
  -- run by pgbench: see bench.sh
  ('rules_tps', '1,000 awards by 8 clients, all rules', true, '', '', NULL),
  ('rules_tps', 'the same, no rules', false, '', '', 1.25);
SET search_path = bench, flexexchange, public;
