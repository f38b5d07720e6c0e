-- From instruction to invoice: a random month of two markets, and what must be owed for it by going minute by minute.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY terse
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('story_test');
SET search_path = story_test, flexexchange;
CREATE FUNCTION pg_temp.draw(i bigint, seed bigint, many integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT mod(abs(hashint8extended(i, seed) / 2), many)::integer $$;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'Reseau', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
-- one market pays by half-hours of London, in pounds, the other by quarters of an hour of Paris, in euros
INSERT INTO market (id, code, name, market_operator_id, time_zone, currency, settlement_period) VALUES (1, 'uk', 'Local', 1, 'Europe/London', 'GBP', '30 minutes'), (2, 'fr', 'Locale', 2, 'Europe/Paris', 'EUR', '15 minutes');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Utilisation', 'SU'), (2, 2, 'UT', 'Utilisation', 'SU');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT n, 'battery ' || n, 500, 500 FROM generate_series(11, 14) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3 + id % 2, '2020-01-01T00:00Z/infinity' FROM asset;
INSERT INTO verification_terms (product_id, method_code, flows, missing_rule) VALUES (1, 'ZERO', '{net}', 'zero'), (2, 'ZERO', '{net}', 'exclude');
INSERT INTO settlement_mechanism (id, code, name, basis, cap_ratio, measured_over, factor_at, factor, penalty_of_price, confirmed, source) VALUES
  (301, 'story-uk', 'delivered up to the requested, and half the price for what is missing', 'delivered', 1, 'period', NULL, NULL, 0.5, true, 'test'),
  (302, 'story-fr', 'requested, scaled by what the whole dispatch delivered', 'requested', NULL, 'trade', '{0,1}', '{0,1}', NULL, true, 'test');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 301), (2, 'dispatch', 302);
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE SELECT id, id, 3 + id % 2, 'energy', 'net', 1800 FROM asset;
-- net readings of either sign, some missing and some wrong at first
CREATE TEMP TABLE true_reading AS
SELECT a.id AS asset_id, s AS period, round((pg_temp.draw(x.i, 1, 1200) - 600) / 10.0, 1) AS kwh, pg_temp.draw(x.i, 2, 12) = 0 AS late, pg_temp.draw(x.i, 3, 15) = 0 AS corrected
FROM asset a, unnest('{0,1,2,14,29,30,31}'::integer[]) d, generate_series(timestamptz '2030-02-28T20:00Z' + d * interval '1 day', timestamptz '2030-03-01T05:00Z' + d * interval '1 day', '30 minutes') s, LATERAL (SELECT a.id * 10000000 + extract(epoch FROM s)::bigint / 1800 AS i) x;
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) SELECT asset_id, period, period + interval '1 day', CASE WHEN corrected THEN 1 ELSE kwh END FROM true_reading WHERE NOT late;

-- ---------------------------------------------------------------- instructions, and the minutes that each is owed for

CREATE TEMP TABLE minute (instruction bigint, version integer, number integer, asset_id bigint, product_id bigint, at timestamptz, direction text, kw numeric, price numeric);
CREATE FUNCTION pg_temp.add_minutes(instruction bigint, version integer, asset bigint, product bigint, starts timestamptz, since timestamptz, long integer, first integer, second integer, price numeric) RETURNS void LANGUAGE sql AS $$
  INSERT INTO minute SELECT instruction, version, CASE WHEN n < long THEN 1 ELSE 2 END, asset, product, starts + n * interval '1 minute', CASE WHEN k > 0 THEN 'up' ELSE 'down' END, abs(k), price
  FROM generate_series(0, 2 * long - 1) n CROSS JOIN LATERAL (SELECT CASE WHEN n < long THEN first ELSE second END AS k) x WHERE k <> 0 AND starts + n * interval '1 minute' >= since $$;
CREATE FUNCTION pg_temp.story(OUT instructed integer, OUT amended integer, OUT stopped integer, OUT cancelled integer, OUT refused integer, OUT not_standing integer, OUT not_amended integer) LANGUAGE plpgsql AS $$
DECLARE
  i bigint;
  one record;
  made record;
  starts timestamptz;
  acts timestamptz;
  long integer;
  kws integer[];
  price numeric;
  act integer;
BEGIN
  instructed := 0; amended := 0; stopped := 0; cancelled := 0; refused := 0; not_standing := 0; not_amended := 0;
  FOR one IN SELECT u, p, d FROM unnest('{0,1,2,14,29,30,31}'::integer[]) d, generate_series(11, 14) u, generate_series(1, 2) p ORDER BY d, u, p LOOP
    i := one.d * 100 + one.u * 2 + one.p;
    CONTINUE WHEN pg_temp.draw(i, 11, 10) < 1;
    starts := timestamptz '2030-02-28T21:50Z' + one.d * interval '1 day' + pg_temp.draw(i, 12, 130) * interval '1 minute';
    long := 5 + pg_temp.draw(i, 13, 80);
    kws := ARRAY[pg_temp.draw(i, 14, 240) - 120, CASE WHEN pg_temp.draw(i, 15, 4) > 0 THEN pg_temp.draw(i, 16, 240) - 120 ELSE 0 END];
    price := 50 + pg_temp.draw(i, 17, 10000) / 100.0;
    SELECT x.instruction_id AS id, x.status INTO made FROM instruct(jsonb_build_object('product_id', one.p, 'unit_id', one.u, 'start', starts, 'duration', make_interval(mins => long), 'utilisation_price_per_mwh', price,
      'intervals', jsonb_build_array(jsonb_build_object('set_point_kw', kws[1]), jsonb_build_object('set_point_kw', kws[2])), 'rationale', '{"code": "only_unit"}'::jsonb), starts - interval '30 minutes') x;
    instructed := instructed + 1;
    IF made.status NOT IN ('issued', 'delivered') THEN
      not_standing := not_standing + 1;
      CONTINUE;
    END IF;
    PERFORM pg_temp.add_minutes(made.id, 1, one.u, one.p, starts, starts, long, kws[1], kws[2], price);
    act := pg_temp.draw(i, 18, 10);
    acts := NULL;
    IF act = 0 THEN
      PERFORM refuse_instruction(made.id, 'out of order', at => starts - interval '20 minutes');
      DELETE FROM minute m WHERE m.instruction = made.id;
      refused := refused + 1;
      CONTINUE;
    END IF;
    PERFORM acknowledge_instruction(made.id, at => starts - interval '20 minutes');
    IF act BETWEEN 1 AND 4 THEN
      -- before it begins, or in the middle of it; once or twice
      FOR version IN 2 .. 2 + act % 2 LOOP
        acts := greatest(acts, starts - interval '10 minutes') + pg_temp.draw(i, 19 + version, long) * interval '1 minute';
        kws := ARRAY[pg_temp.draw(i, 24 + version, 240) - 120, pg_temp.draw(i, 34 + version, 240) - 120];
        BEGIN
          PERFORM amend_instruction(made.id, jsonb_build_object('duration', make_interval(mins => long), 'intervals', jsonb_build_array(jsonb_build_object('set_point_kw', kws[1]), jsonb_build_object('set_point_kw', kws[2])),
            'rationale', '{"code": "only_unit"}'::jsonb), acts);
          DELETE FROM minute m WHERE m.instruction = made.id AND m.at >= acts;
          PERFORM pg_temp.add_minutes(made.id, version, one.u, one.p, starts, acts, long, kws[1], kws[2], price);
          -- it begins there from now on, where the next does not say otherwise
          starts := greatest(starts, acts);
          amended := amended + 1;
        EXCEPTION WHEN SQLSTATE 'MX428' OR SQLSTATE 'MX422' THEN
          not_amended := not_amended + 1;
          EXIT;
        END;
      END LOOP;
    END IF;
    IF act IN (3, 4, 5, 6) THEN
      acts := greatest(acts, starts) + pg_temp.draw(i, 44, long) * interval '1 minute';
      BEGIN
        IF act = 6 THEN
          PERFORM cancel_instruction(made.id, 'not needed', at => acts);
          cancelled := cancelled + 1;
        ELSE
          PERFORM stop_instruction(made.id, at => acts);
          stopped := stopped + 1;
        END IF;
        DELETE FROM minute m WHERE m.instruction = made.id AND m.at >= acts;
      EXCEPTION WHEN SQLSTATE 'MX422' THEN NULL;
      END;
    END IF;
  END LOOP;
END $$;
SELECT * FROM pg_temp.story();
CREATE INDEX ON minute (asset_id, at);
CREATE INDEX ON true_reading (asset_id, period);
ANALYZE minute;
ANALYZE true_reading;
ANALYZE instruction_interval;
ANALYZE delivery;
SELECT count(*) > 0 AS advanced FROM advance_instructions('2030-04-03T00:00Z');

-- ---------------------------------------------------------------- what is owed, minute by minute

CREATE TEMP TABLE decided (dispatch_id bigint, starts_at timestamptz, kwh numeric);
CREATE FUNCTION pg_temp.owed(all_readings boolean) RETURNS TABLE (market_id bigint, provider bigint, dispatch_id bigint, starts_at timestamptz, requested numeric, delivered numeric, in_month boolean, amount numeric, shares boolean) LANGUAGE sql AS $$
  WITH asked AS MATERIALIZED (SELECT m.*, v.dispatch_id, m.kw / 60 AS kwh FROM minute m JOIN instruction_interval v ON v.instruction_id = m.instruction AND v.version = m.version AND v.number = m.number),
  both_ways AS (SELECT a.asset_id, a.at, sum(a.kwh) FILTER (WHERE a.direction = 'up') AS up, sum(a.kwh) FILTER (WHERE a.direction = 'down') AS down, count(*) AS trades FROM asked a GROUP BY 1, 2),
  part AS (
    SELECT a.*, k.id AS market_id, date_bin(k.settlement_period, a.at, timestamptz '2000-01-01T00:00Z') AS period, b.trades > 1 AS shares,
           (CASE a.direction WHEN 'up' THEN r.kwh ELSE - r.kwh END / 30 + coalesce(CASE a.direction WHEN 'up' THEN b.down ELSE b.up END, 0)) * a.kwh / CASE a.direction WHEN 'up' THEN b.up ELSE b.down END AS came
    FROM asked a JOIN both_ways b USING (asset_id, at) JOIN product p ON p.id = a.product_id JOIN market k ON k.id = p.market_id
    LEFT JOIN (SELECT t.asset_id, t.period AS half_hour, CASE WHEN t.corrected AND NOT all_readings THEN 1 ELSE t.kwh END AS kwh FROM true_reading t WHERE all_readings OR NOT t.late) r
      ON r.asset_id = a.asset_id AND r.half_hour = date_bin('30 minutes', a.at, timestamptz '2000-01-01T00:00Z')),
  piece AS (
    SELECT x.market_id, 3 + x.asset_id % 2 AS provider, x.dispatch_id, x.period, x.price, min(x.at) AS starts_at, sum(x.kwh) AS requested, bool_or(x.shares) AS shares,
           CASE WHEN count(x.came) = count(*) THEN sum(x.came) WHEN x.market_id = 1 THEN 0 END AS came
    FROM part x GROUP BY x.market_id, x.asset_id, x.dispatch_id, x.period, x.price),
  known AS (
    SELECT p.*, CASE WHEN d.dispatch_id IS NULL THEN p.came ELSE d.kwh END AS delivered, to_char(p.starts_at AT TIME ZONE k.time_zone, 'YYYY-MM') = '2030-03' AS in_month
    FROM piece p JOIN market k ON k.id = p.market_id LEFT JOIN decided d ON d.dispatch_id = p.dispatch_id AND d.starts_at = p.starts_at),
  measured AS (
    SELECT k.*, sum(least(greatest(k.delivered, 0), k.requested)) FILTER (WHERE k.delivered IS NOT NULL) OVER w / sum(k.requested) FILTER (WHERE k.delivered IS NOT NULL) OVER w AS ratio
    FROM known k WINDOW w AS (PARTITION BY k.dispatch_id, k.in_month))
  SELECT m.market_id, m.provider, m.dispatch_id, m.starts_at, m.requested, m.delivered, m.in_month,
         m.price / 1000 * CASE m.market_id WHEN 1 THEN least(greatest(m.delivered, 0), m.requested) - 0.5 * greatest(m.requested - m.delivered, 0) ELSE m.requested * coalesce(m.ratio, 1) END, m.shares
  FROM measured m $$;
-- what is said of a period, and what a run owes for it, against that: nothing twice, nothing left out
CREATE FUNCTION pg_temp.differ(all_readings boolean, runs bigint[] DEFAULT '{}') RETURNS TABLE (what text, market_id bigint, id bigint, starts_at timestamptz, is_now numeric, must_be numeric) LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE answer ON COMMIT DROP AS SELECT * FROM pg_temp.owed(all_readings);
  RETURN QUERY
  SELECT w.what, coalesce(a.market_id, p.market_id), coalesce(a.dispatch_id, d.dispatch_id), coalesce(a.starts_at, lower(d.delivery_window)), w.is_now, w.must_be
  FROM answer a FULL JOIN (SELECT * FROM delivery WHERE superseded_at IS NULL) d ON d.dispatch_id = a.dispatch_id AND lower(d.delivery_window) = a.starts_at LEFT JOIN product p ON p.id = d.product_id
  CROSS JOIN LATERAL (VALUES ('requested', d.requested_kwh, a.requested), ('delivered', d.delivered_kwh, a.delivered)) w (what, is_now, must_be)
  WHERE (w.is_now IS NULL) <> (w.must_be IS NULL) OR abs(w.is_now - w.must_be) > 0.00001;
  RETURN QUERY
  SELECT 'line', a.market_id, coalesce(a.dispatch_id, l.trade_id), coalesce(a.starts_at, lower(l.delivery_window)), l.amount, a.amount
  FROM (SELECT * FROM answer x WHERE x.in_month) a FULL JOIN (SELECT * FROM settlement_line x WHERE x.run_id = ANY (runs)) l ON l.trade_id = a.dispatch_id AND lower(l.delivery_window) = a.starts_at
  WHERE cardinality(runs) > 0 AND (l.amount IS NULL OR a.amount IS NULL OR abs(l.amount - a.amount) > 0.00001);
  RETURN QUERY
  SELECT w.what, r.market_id, s.service_provider_id, NULL::timestamptz, w.is_now, w.must_be
  FROM settlement_statement s JOIN settlement_run r ON r.id = s.run_id
  LEFT JOIN (SELECT x.market_id, x.provider, sum(x.amount) AS amount FROM answer x WHERE x.in_month GROUP BY 1, 2) a ON a.market_id = r.market_id AND a.provider = s.service_provider_id
  CROSS JOIN LATERAL (VALUES ('statement', s.total, round(a.amount, 2)),
    ('lines', s.amount, (SELECT sum(l.amount) FROM settlement_line l WHERE l.run_id = r.id AND l.service_provider_id = s.service_provider_id)),
    ('report', s.total, (SELECT sum(e.amount) FROM earnings_report(r.market_id, r.month, s.service_provider_id) e)),
    ('parts of the report', s.total, (SELECT sum(e.payment + e.penalty + e.clawback + e.adjustment) FROM earnings_report(r.market_id, r.month, s.service_provider_id) e)),
    ('balance', s.total, (SELECT b.invoiced + b.to_invoice + b.held FROM statement_balance(r.id) b WHERE b.service_provider_id = s.service_provider_id))) w (what, is_now, must_be)
  WHERE r.id = ANY (runs) AND w.is_now IS DISTINCT FROM w.must_be;
  RETURN QUERY SELECT 'check: ' || c.rule || ' ' || c.detail, NULL::bigint, c.subject, NULL::timestamptz, NULL::numeric, NULL::numeric FROM unnest(runs) u CROSS JOIN LATERAL check_settlement_run(u) c;
  RETURN QUERY
  SELECT 'changes', n.market_id, n.id, NULL::timestamptz, (SELECT sum(c.change) FROM settlement_changes(n.id) c), (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = n.id) - (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = n.previous_run_id)
  FROM settlement_run n WHERE n.id = ANY (runs) AND n.previous_run_id IS NOT NULL AND
    coalesce((SELECT sum(c.change) FROM settlement_changes(n.id) c), 0) <> (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = n.id) - (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = n.previous_run_id);
  DROP TABLE answer;
END $$;
SELECT count(*) > 200 AS periods, count(*) FILTER (WHERE shares) > 20 AS share, count(*) FILTER (WHERE NOT in_month) > 5 AS of_other_months, count(*) FILTER (WHERE delivered IS NULL) > 5 AS not_known, count(*) FILTER (WHERE delivered < 0) > 20 AS the_wrong_way,
       count(DISTINCT in_month) FILTER (WHERE dispatch_id IN (SELECT o.dispatch_id FROM pg_temp.owed(false) o GROUP BY 1 HAVING count(DISTINCT o.in_month) = 2)) = 2 AS over_midnight FROM pg_temp.owed(false);

-- in the middle of the month, and after it; those that run are left out
SELECT left_out > 0 AS left_out FROM verify(market_id => 1, within => '2030-02-20T00:00Z/2030-04-10T00:00Z', at => '2030-03-14T09:00Z');
SELECT dispatches > 0 AS dispatches FROM verify(ARRAY(SELECT d.id FROM dispatch d WHERE d.product_id = 2 AND d.live AND d.id % 2 = 0), at => '2030-04-05T00:00Z');
SELECT m.id, v.recorded > 0 AS recorded FROM market m CROSS JOIN LATERAL verify(market_id => m.id, within => '2030-02-20T00:00Z/2030-04-10T00:00Z', at => '2030-04-05T00:00Z') v ORDER BY m.id;
SELECT settle(1, '2030-03-01', 'initial') AS uk \gset
SELECT settle(2, '2030-03-01', 'initial') AS fr \gset
SELECT * FROM pg_temp.differ(false, ARRAY[:uk, :fr]) LIMIT 10;
SELECT count(*) FROM issue_invoices(:uk, 0.2);
SELECT count(*) FROM issue_invoices(:fr, 0.2, service_provider_id => 3);

-- ---------------------------------------------------------------- disputes, and readings that come late

CREATE ROLE story_dso IN ROLE flexexchange_participant;
CREATE ROLE story_reseau IN ROLE flexexchange_participant;
CREATE ROLE story_volt IN ROLE flexexchange_participant;
CREATE ROLE story_amp IN ROLE flexexchange_participant;
CREATE ROLE story_operator IN ROLE flexexchange_operator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('story_dso', 1), ('story_reseau', 2), ('story_volt', 3), ('story_amp', 4);
CREATE FUNCTION pg_temp.disputes(runs bigint[], OUT upheld integer, OUT partly integer, OUT dismissed integer, OUT withdrawn integer) LANGUAGE plpgsql AS $$
DECLARE
  one record;
  made bigint;
  claimed numeric;
BEGIN
  upheld := 0; partly := 0; dismissed := 0; withdrawn := 0;
  FOR one IN SELECT l.*, d.delivered_kwh, row_number() OVER (ORDER BY pg_temp.draw(v.instruction_id * 1000 + v.version * 100 + v.number, extract(epoch FROM lower(l.delivery_window))::bigint, 1000000)) AS n
             FROM settlement_line l JOIN delivery d ON d.id = l.delivery_id JOIN instruction_interval v ON v.dispatch_id = l.trade_id WHERE l.run_id = ANY (runs) ORDER BY n LIMIT 24 LOOP
    claimed := round(coalesce(one.delivered_kwh, 0) + one.n, 6);
    EXECUTE 'SET LOCAL ROLE ' || CASE one.service_provider_id WHEN 3 THEN 'story_volt' ELSE 'story_amp' END;
    made := raise_dispute('more came', run_id => one.run_id, delivery_id => one.delivery_id, claimed_kwh => claimed);
    IF one.n % 4 = 0 THEN
      PERFORM withdraw_dispute(made, 'found it');
      withdrawn := withdrawn + 1;
    ELSE
      EXECUTE 'SET LOCAL ROLE ' || CASE one.product_id WHEN 1 THEN 'story_dso' ELSE 'story_reseau' END;
      PERFORM answer_dispute(made, 'no more came');
      SET LOCAL ROLE story_operator;
      CASE one.n % 4
        WHEN 1 THEN PERFORM resolve_dispute(made, 'upheld', 'it did'); upheld := upheld + 1;
        WHEN 2 THEN PERFORM resolve_dispute(made, 'partly', 'some did', round(claimed / 3, 6)); partly := partly + 1;
        ELSE PERFORM resolve_dispute(made, 'dismissed', 'it did not'); dismissed := dismissed + 1;
      END CASE;
    END IF;
    RESET ROLE;
    INSERT INTO decided SELECT one.trade_id, lower(one.delivery_window), CASE one.n % 4 WHEN 1 THEN claimed ELSE round(claimed / 3, 6) END WHERE one.n % 4 IN (1, 2);
  END LOOP;
END $$;
SELECT * FROM pg_temp.disputes(ARRAY[:uk, :fr]);
SELECT * FROM pg_temp.differ(false) LIMIT 10;
SELECT settle(1, '2030-03-01', 'revised', 'disputes') AS uk \gset
SELECT settle(2, '2030-03-01', 'revised', 'disputes') AS fr \gset
SELECT * FROM pg_temp.differ(false, ARRAY[:uk, :fr]) LIMIT 10;
UPDATE meter_reading r SET value = t.kwh, received_at = '2030-04-20T06:00Z' FROM true_reading t WHERE t.asset_id = r.channel_id AND t.period = r.starts_at AND t.corrected AND NOT t.late;
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) SELECT asset_id, period, '2030-04-20T06:00Z', kwh FROM true_reading WHERE late;
SELECT m.id, v.recorded > 0 AS recorded, v.unchanged > 0 AS unchanged FROM market m CROSS JOIN LATERAL verify(market_id => m.id, within => '2030-02-20T00:00Z/2030-04-10T00:00Z', at => '2030-04-21T00:00Z') v ORDER BY m.id;
SELECT m.id, v.recorded FROM market m CROSS JOIN LATERAL verify(market_id => m.id, within => '2030-02-20T00:00Z/2030-04-10T00:00Z', at => '2030-04-21T00:00Z') v ORDER BY m.id;
SELECT settle(1, '2030-03-01', 'revised', 'readings') AS uk \gset
SELECT count(*) > 0 AS invoices FROM issue_invoices(:uk, 0.2);
SELECT settle(1, '2030-03-01', 'final') AS uk \gset
SELECT settle(2, '2030-03-01', 'final') AS fr \gset
SELECT * FROM pg_temp.differ(true, ARRAY[:uk, :fr]) LIMIT 10;
SELECT count(*) > 0 AS invoices FROM unnest(ARRAY[:uk, :fr]) run CROSS JOIN LATERAL issue_invoices(run, 0.2);
-- every penny of the final runs was invoiced, in credit notes and invoices together, and nothing is left
SELECT count(*) AS statements, count(*) FILTER (WHERE (b.invoiced, b.to_invoice, b.held) IS DISTINCT FROM (b.total, 0, 0)) AS differ,
       bool_and(b.total = (SELECT sum(v.net) FROM invoice v JOIN settlement_run r ON r.id = v.run_id WHERE v.service_provider_id = b.service_provider_id AND r.market_id = (SELECT x.market_id FROM settlement_run x WHERE x.id = run))) AS adds_up
FROM unnest(ARRAY[:uk, :fr]) run CROSS JOIN LATERAL statement_balance(run) b;
SELECT DISTINCT r.market_id, v.currency FROM invoice v JOIN settlement_run r ON r.id = v.run_id ORDER BY 1;
-- a month without deliveries
SELECT settle(2, '2030-06-01', 'initial') AS nothing \gset
SELECT (SELECT count(*) FROM settlement_statement WHERE run_id = :nothing) AS statements, (SELECT count(*) FROM check_settlement_run(:nothing)) AS wrong, (SELECT count(*) FROM issue_invoices(:nothing, 0.2)) AS invoices, (SELECT count(*) FROM earnings_report(2, '2030-06-01')) AS reported;
SELECT flexexchange.drop_exchange('story_test', with_data => true);
DROP ROLE story_dso, story_reseau, story_volt, story_amp, story_operator;
