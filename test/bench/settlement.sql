-- settle: a month of a million half-hours of 50,000 dispatches, paid by a curve of the month and a penalty, beside the twenty seconds that it is to take, and beside the same arithmetic
-- as a user would write it for this one mechanism, with its result kept in a table of as many columns and the same two indexes.  Everything is rolled back.

SELECT flexexchange.create_exchange('bench_settle') \g /dev/null
SET search_path = bench_settle, bench, flexexchange, public;
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}');
INSERT INTO participant (id, name, kinds) SELECT n, 'seller ' || n, '{service_provider}' FROM generate_series(2, 101) n;
INSERT INTO market (id, code, name, market_operator_id, time_zone) VALUES (1, 'm', 'market', 1, 'UTC');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO settlement_mechanism (id, code, name, cap_ratio, measured_over, factor_at, factor, grace, penalty_of_price, rounds_at, confirmed, source)
  VALUES (1001, 'bench', 'bench', 1, 'month', '{0.5,0.8,1}', '{0,0.7,1}', 0.05, 0.5, 'line', true, 'bench');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 1001);
SET session_replication_role = replica;
INSERT INTO asset (id, name) SELECT n, 'asset ' || n FROM generate_series(1, 2000) n;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT n, 1, 2 + n % 100, 1 + n % 2000, 'up', 100, time_window(timestamptz '2097-01-02T00:00Z' + n / 2000 * interval '10 hours', timestamptz '2097-01-02T10:00Z' + n / 2000 * interval '10 hours'), 50 + n % 400 FROM generate_series(1, greatest(:rows / 20, 1)) n;
INSERT INTO delivery (dispatch_id, product_id, service_provider_id, unit_id, delivery_window, requested_kwh, delivered_kwh)
  SELECT d.id, 1, d.service_provider_id, d.unit_id, w, 50, 30 + (hashint8extended(d.id * 20 + i, 3) & 1023) / 40.0
  FROM dispatch d CROSS JOIN generate_series(0, 19) i CROSS JOIN LATERAL time_window(lower(d.delivery_window) + i * interval '30 minutes', lower(d.delivery_window) + (i + 1) * interval '30 minutes') w;
RESET session_replication_role;
VACUUM ANALYZE dispatch;
VACUUM ANALYZE delivery;
VACUUM ANALYZE product_settlement;

CREATE TABLE bench.settled_by_hand (LIKE bench_settle.settlement_line);
ALTER TABLE bench.settled_by_hand ADD PRIMARY KEY (run_id, delivery_id);
CREATE INDEX ON bench.settled_by_hand (service_provider_id, run_id);

INSERT INTO bench.contender ("case", name, is_subject, reset, run, aim) VALUES
  ('settle', 'a run of all deliveries', true, 'SELECT', $$CALL bench.and_take_back('SELECT bench_settle.settle(1, ''2097-01-01'', ''initial'')', 1)$$, NULL),
  ('settle', '20 s', false, 'SELECT', 'SELECT pg_sleep(20)', 1),
  ('settle', 'one mechanism, written by hand', false, 'SELECT',
   $$CALL bench.and_take_back('INSERT INTO bench.settled_by_hand
       SELECT 1, id, dispatch_id, ''dispatch'', 1, service_provider_id, unit_id, delivery_window, 1001, price, requested, delivered, ratio, factor, least(delivered, requested), paid, missed, -fine, NULL, 0, paid - fine, round(paid - fine, 2)
       FROM (SELECT x.*, least(delivered, requested) * price * factor AS paid, missed * price * 0.5 AS fine
             FROM (SELECT y.*, CASE WHEN ratio < 0.5 THEN 0 WHEN ratio < 0.8 THEN (ratio - 0.5) * 0.7 / 0.3 WHEN ratio < 1 THEN 0.7 + (ratio - 0.8) * 0.3 / 0.2 ELSE 1 END AS factor, greatest(requested * 0.95 - delivered, 0) AS missed
                   FROM (SELECT d.*, d.requested_kwh / 1000 AS requested, d.delivered_kwh / 1000 AS delivered, t.utilisation_price_per_mwh AS price, m.ratio
                         FROM bench_settle.delivery d JOIN bench_settle.dispatch t ON t.id = d.dispatch_id
                         JOIN (SELECT unit_id, sum(least(delivered_kwh, requested_kwh)) / sum(requested_kwh) AS ratio FROM bench_settle.delivery GROUP BY 1) m ON m.unit_id = d.unit_id) y) x) z', 1)$$, NULL);
-- the totals of a run are the sum of its lines to the last digit, and each line follows from what it names; run by test/bin/bench.sh
CREATE FUNCTION bench.check_settle() RETURNS void LANGUAGE plpgsql SET search_path = bench_settle, bench, flexexchange, public AS $$
DECLARE
  made CONSTANT bigint := settle(1, '2097-01-01', 'initial');
  wrong bigint := (SELECT count(*) FROM check_settlement_run(made));
  stated numeric := (SELECT sum(amount) FROM settlement_statement WHERE run_id = made);
  added numeric := (SELECT sum(amount) FROM settlement_line WHERE run_id = made);
BEGIN
  IF wrong > 0 OR stated IS DISTINCT FROM added OR added IS NULL THEN
    RAISE EXCEPTION '% findings; % is stated, and lines add up to %', wrong, stated, added;
  END IF;
  RAISE NOTICE '% lines add up to the % that is stated', (SELECT count(*) FROM settlement_line WHERE run_id = made), added;
END $$;
SET search_path = bench, flexexchange, public;
