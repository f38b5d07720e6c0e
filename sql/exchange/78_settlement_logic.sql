-- archetype: thick
-- Settlement: the arithmetic, runs, and what changed between them.
--
-- payment() is the arithmetic, once: it is inlined into settle(), which asks it for a month at a time, into check_settlement_run(), and anybody can ask it.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['settlement_mechanism', 'product_settlement']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['settlement_run', 'settlement_line', 'settlement_statement', 'settlement_decision', 'settlement_adjustment']) t;
REVOKE UPDATE, DELETE ON settlement_mechanism FROM flexexchange_operator;
-- written by settle() alone, and decisions by those who carry one out
REVOKE INSERT, UPDATE, DELETE ON settlement_run, settlement_line, settlement_statement, settlement_decision, settlement_adjustment FROM flexexchange_operator;
GRANT SELECT ON settlement_run, settlement_line, settlement_statement, settlement_decision, settlement_adjustment TO flexexchange_participant;
GRANT INSERT (product_id, stage, settlement_mechanism_id, valid), UPDATE (valid) ON product_settlement TO flexexchange_participant;
DROP POLICY IF EXISTS product_settlement_insert_own ON product_settlement;
CREATE POLICY product_settlement_insert_own ON product_settlement FOR INSERT TO flexexchange_participant WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY product_settlement_insert_own ON product_settlement IS 'SETTLE-MO-1: a buyer says how its products are paid';
DROP POLICY IF EXISTS product_settlement_update_own ON product_settlement;
CREATE POLICY product_settlement_update_own ON product_settlement FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY product_settlement_update_own ON product_settlement IS 'SETTLE-MO-2: a buyer ends how its products were paid';
DROP POLICY IF EXISTS settlement_run_read_bought ON settlement_run;
CREATE POLICY settlement_run_read_bought ON settlement_run FOR SELECT TO flexexchange_participant USING (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY settlement_run_read_bought ON settlement_run IS 'SETTLE-MO-3: a buyer reads the runs of its markets';
DROP POLICY IF EXISTS settlement_run_read_own ON settlement_run;
CREATE POLICY settlement_run_read_own ON settlement_run FOR SELECT TO flexexchange_participant
  USING (id = ANY (ARRAY(SELECT s.run_id FROM settlement_statement s WHERE s.service_provider_id = (SELECT current_participant()))));
COMMENT ON POLICY settlement_run_read_own ON settlement_run IS 'SETTLE-SP-1: a provider reads the runs that it has a statement in';
DROP POLICY IF EXISTS settlement_line_read_own ON settlement_line;
CREATE POLICY settlement_line_read_own ON settlement_line FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY settlement_line_read_own ON settlement_line IS 'SETTLE-SP-2: a provider reads its own lines and statements';
DROP POLICY IF EXISTS settlement_line_read_bought ON settlement_line;
CREATE POLICY settlement_line_read_bought ON settlement_line FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY settlement_line_read_bought ON settlement_line IS 'SETTLE-MO-4: a buyer reads the lines and statements of its products';
DROP POLICY IF EXISTS settlement_decision_read_own ON settlement_decision;
CREATE POLICY settlement_decision_read_own ON settlement_decision FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY settlement_decision_read_own ON settlement_decision IS 'SETTLE-SP-4: a provider reads the amounts that were decided of what it delivered, and what runs made of them';
DROP POLICY IF EXISTS settlement_decision_read_bought ON settlement_decision;
CREATE POLICY settlement_decision_read_bought ON settlement_decision FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY settlement_decision_read_bought ON settlement_decision IS 'SETTLE-MO-8: a buyer reads the amounts that were decided of its products, and what runs made of them';
DROP POLICY IF EXISTS settlement_adjustment_read_own ON settlement_adjustment;
CREATE POLICY settlement_adjustment_read_own ON settlement_adjustment FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY settlement_adjustment_read_own ON settlement_adjustment IS 'SETTLE-SP-4: a provider reads the amounts that were decided of what it delivered, and what runs made of them';
DROP POLICY IF EXISTS settlement_adjustment_read_bought ON settlement_adjustment;
CREATE POLICY settlement_adjustment_read_bought ON settlement_adjustment FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY settlement_adjustment_read_bought ON settlement_adjustment IS 'SETTLE-MO-8: a buyer reads the amounts that were decided of its products, and what runs made of them';
DROP POLICY IF EXISTS settlement_statement_read_own ON settlement_statement;
CREATE POLICY settlement_statement_read_own ON settlement_statement FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY settlement_statement_read_own ON settlement_statement IS 'SETTLE-SP-2: a provider reads its own lines and statements';
CREATE OR REPLACE FUNCTION own_settlement_run_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT r.id FROM settlement_run r JOIN market m ON m.id = r.market_id WHERE m.market_operator_id = current_participant()
$function$;
COMMENT ON FUNCTION own_settlement_run_ids() IS
  'the runs of the markets that the session''s participant runs; SECURITY DEFINER because the policies of runs and of statements would otherwise ask one another';
REVOKE ALL ON FUNCTION own_settlement_run_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_settlement_run_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
DROP POLICY IF EXISTS settlement_statement_read_bought ON settlement_statement;
CREATE POLICY settlement_statement_read_bought ON settlement_statement FOR SELECT TO flexexchange_participant USING (run_id = ANY (ARRAY(SELECT own_settlement_run_ids())));
COMMENT ON POLICY settlement_statement_read_bought ON settlement_statement IS 'SETTLE-MO-4: a buyer reads the lines and statements of its products';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['settlement_mechanism', 'settlement_run', 'settlement_line', 'settlement_statement', 'settlement_decision', 'settlement_adjustment'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE %sON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', %L)',
                   CASE name WHEN 'settlement_decision' THEN 'OF delivery_id, trade_id, stage, product_id, service_provider_id, unit_id, delivery_window, amount, evidence, recorded_at, recorded_by ' ELSE '' END, name,
                   CASE name WHEN 'settlement_mechanism' THEN 'Insert another version: settlements rest on this one.' WHEN 'settlement_decision' THEN 'What is decided since supersedes it.' ELSE 'Make a revised run with settle().' END);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what was settled stays as it was''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was settled is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

-- ---------------------------------------------------------------- arithmetic

-- each step in a subquery of its own, so that it is worked out once
CREATE OR REPLACE FUNCTION payment(mechanism settlement_mechanism, requested_kwh numeric, delivered_kwh numeric, seconds numeric, price numeric,
                                   measured numeric DEFAULT NULL, clawback_measured numeric DEFAULT NULL)
RETURNS TABLE (price_paid numeric, requested numeric, delivered numeric, measure numeric, factor numeric, paid_volume numeric, payment numeric,
               shortfall numeric, penalty numeric, clawback numeric, exact_amount numeric, amount numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT v.price_paid, v.requested, v.delivered, m.measure, f.factor, p.paid_volume, p.payment, s.shortfall, s.penalty, s.clawback, x.exact_amount,
         CASE WHEN (mechanism).rounds_at = 'line' THEN round_money(x.exact_amount, (mechanism).decimals, (mechanism).rounding) ELSE x.exact_amount END
  FROM (SELECT payment.price * (mechanism).price_share AS price_paid,
               CASE WHEN (mechanism).quantity = 'mwh' THEN round(requested_kwh * 0.001, 9) ELSE round(requested_kwh * 3.6 / seconds, 9) END AS requested,
               CASE WHEN (mechanism).quantity = 'mwh' THEN round(delivered_kwh * 0.001, 9) ELSE round(delivered_kwh * 3.6 / seconds, 9) END AS delivered OFFSET 0) v
  CROSS JOIN LATERAL (SELECT CASE WHEN (mechanism).measured_over = 'period' AND (mechanism).measured_by = 'ratio' THEN round(v.delivered / nullif(v.requested, 0), 12)
                                  ELSE payment.measured END AS measure OFFSET 0) m
  CROSS JOIN LATERAL (SELECT CASE WHEN (mechanism).factor IS NULL THEN 1 WHEN m.measure IS NULL THEN (mechanism).factor_unmeasured
                                  ELSE round(piecewise_linear(m.measure, (mechanism).factor_at, (mechanism).factor), 12) END AS factor OFFSET 0) f
  CROSS JOIN LATERAL (SELECT w.paid_volume, w.paid_volume * v.price_paid * f.factor AS payment
                      FROM (SELECT CASE (mechanism).basis WHEN 'requested' THEN v.requested WHEN 'deviation' THEN v.delivered - v.requested
                                                          ELSE CASE WHEN v.delivered IS NOT NULL THEN least(greatest(v.delivered, 0), v.requested * (mechanism).cap_ratio) END END AS paid_volume OFFSET 0) w OFFSET 0) p
  CROSS JOIN LATERAL (SELECT d.shortfall,
                             - least(d.shortfall * coalesce((mechanism).penalty_price, (mechanism).penalty_of_price * v.price_paid, 0), (mechanism).penalty_cap * v.requested * v.price_paid) AS penalty,
                             CASE WHEN (mechanism).clawback IS NULL OR clawback_measured IS NULL THEN 0
                                  ELSE - p.payment * round(piecewise_linear(clawback_measured, (mechanism).clawback_at, (mechanism).clawback), 12) END AS clawback
                      FROM (SELECT coalesce(greatest(v.requested * (1 - (mechanism).grace) - v.delivered, 0), 0) AS shortfall OFFSET 0) d OFFSET 0) s
  CROSS JOIN LATERAL (SELECT greatest(p.payment + s.penalty + s.clawback, (mechanism).least_amount) AS exact_amount OFFSET 0) x;
END;
COMMENT ON FUNCTION payment(settlement_mechanism, numeric, numeric, numeric, numeric, numeric, numeric) IS
  'what is owed for a delivery by a mechanism, with each step to it: energy asked for and delivered in kWh, length in seconds, price per unit of quantity, performance where it is measured over more than the period or by error, and the ratio of the dispatches out of an availability; volumes have nine decimals, ratios and factors twelve, money as many as the mechanism says; the rest is exact; NULL payment: what was delivered is not known';
REVOKE ALL ON FUNCTION payment(settlement_mechanism, numeric, numeric, numeric, numeric, numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payment(settlement_mechanism, numeric, numeric, numeric, numeric, numeric, numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION late_interest(amount numeric, days integer, base_rate numeric, above numeric DEFAULT 0.02, days_of_year integer DEFAULT 365) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN round(amount * (base_rate + above) * days / days_of_year, 2);
COMMENT ON FUNCTION late_interest(numeric, integer, numeric, numeric, integer) IS
  'simple interest on what was paid late, by day, at base rate plus so much a year, to two decimals; rates are shares: 0.04 for 4 %';
REVOKE ALL ON FUNCTION late_interest(numeric, integer, numeric, numeric, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION late_interest(numeric, integer, numeric, numeric, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ---------------------------------------------------------------- amounts that were decided

CREATE OR REPLACE FUNCTION decide_settlement(delivery_id bigint, amount numeric, evidence text) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  made bigint;
BEGIN
  -- what was decided of the period before, or of more or less of it, is over
  UPDATE settlement_decision x SET superseded_at = clock_timestamp()
  FROM delivery d WHERE d.id = decide_settlement.delivery_id AND x.superseded_at IS NULL AND resource_window(x.trade_id, x.delivery_window) && resource_window(d.trade_id, d.delivery_window);
  IF decide_settlement.amount IS NOT NULL THEN
    INSERT INTO settlement_decision AS x (delivery_id, trade_id, stage, product_id, service_provider_id, unit_id, delivery_window, amount, evidence)
    SELECT d.id, d.trade_id, CASE WHEN d.dispatch_id IS NULL THEN 'availability' ELSE 'dispatch' END, d.product_id, d.service_provider_id, d.unit_id, d.delivery_window, decide_settlement.amount, decide_settlement.evidence
    FROM delivery d WHERE d.id = decide_settlement.delivery_id
    RETURNING x.id INTO made;
  END IF;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION decide_settlement(bigint, numeric, text) IS
  'records an amount that was decided of the period of a delivery, which supersedes what was decided of it before; NULL amount: it is settled as follows from what was delivered again; gives the number of the decision; error 23514';
REVOKE ALL ON FUNCTION decide_settlement(bigint, numeric, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION share_of_line(amount numeric, line_window time_window, period time_window) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN line_window <@ period THEN share_of_line.amount
              ELSE round(share_of_line.amount * extract(epoch FROM least(upper(line_window), upper(period)) - greatest(lower(line_window), lower(period))) / extract(epoch FROM upper(line_window) - lower(line_window)), 12) END;
END;
COMMENT ON FUNCTION share_of_line(numeric, time_window, time_window) IS 'what a line says of a period that it overlaps: all of it where it lies within, else its share by time, to twelve decimals; currency';
REVOKE ALL ON FUNCTION share_of_line(numeric, time_window, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION share_of_line(numeric, time_window, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION line_as_adjusted(run_id bigint, delivery_id bigint) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT l.amount + coalesce((SELECT sum(a.amount) FROM settlement_adjustment a JOIN settlement_decision x ON x.id = a.decision_id
                              WHERE a.run_id = l.run_id AND x.trade_id = l.trade_id AND x.delivery_window = l.delivery_window), 0)
  FROM settlement_line l WHERE l.run_id = line_as_adjusted.run_id AND l.delivery_id = line_as_adjusted.delivery_id;
END;
COMMENT ON FUNCTION line_as_adjusted(bigint, bigint) IS 'what a run owes for the period of one of its lines: the line, and what was decided of that period; NULL: it has no such line, or none that the caller reads';
REVOKE ALL ON FUNCTION line_as_adjusted(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION line_as_adjusted(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- runs

CREATE OR REPLACE FUNCTION month_of_market(market_id bigint, month date) RETURNS time_window
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT time_window(date_trunc('month', month_of_market.month::timestamp) AT TIME ZONE m.time_zone, (date_trunc('month', month_of_market.month::timestamp) + interval '1 month') AT TIME ZONE m.time_zone)
  FROM market m WHERE m.id = month_of_market.market_id;
END;
COMMENT ON FUNCTION month_of_market(bigint, date) IS 'the month of a day, as the clocks of the market have it; NULL: there is no such market';
REVOKE ALL ON FUNCTION month_of_market(bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION month_of_market(bigint, date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW settleable_delivery WITH (security_invoker = true) AS
  SELECT d.id AS delivery_id, d.trade_id, t.stage, d.product_id, p.market_id, d.service_provider_id, d.unit_id, d.delivery_window, d.requested_kwh, d.delivered_kwh, d.error,
         s.settlement_mechanism_id, t.price, t.availability_id, t.live AND d.delivery_window <@ t.delivery_window AS live
  FROM delivery d
  JOIN (SELECT x.id, 'dispatch' AS stage, x.live, x.delivery_window, x.availability_id,
               coalesce(x.utilisation_price_per_mwh,
                        (SELECT a.utilisation_price_per_mwh FROM award a WHERE a.id = coalesce(x.award_id, (SELECT v.award_id FROM availability v WHERE v.id = x.availability_id)))) AS price
        FROM dispatch x
        UNION ALL
        SELECT v.id, 'availability', v.live, v.delivery_window, v.id, coalesce(v.availability_price_per_mw_h, (SELECT a.availability_price_per_mw_h FROM award a WHERE a.id = v.award_id))
        FROM availability v) t ON t.id = d.trade_id
  JOIN product p ON p.id = d.product_id
  LEFT JOIN product_settlement s ON s.product_id = d.product_id AND s.stage = t.stage AND s.valid @> lower(d.delivery_window)
  WHERE d.superseded_at IS NULL;
COMMENT ON VIEW settleable_delivery IS 'deliveries that hold, with price and mechanism as they are now';
COMMENT ON COLUMN settleable_delivery.delivery_id IS 'the delivery';
COMMENT ON COLUMN settleable_delivery.trade_id IS 'the dispatch or availability';
COMMENT ON COLUMN settleable_delivery.stage IS 'dispatch or availability';
COMMENT ON COLUMN settleable_delivery.product_id IS 'the product';
COMMENT ON COLUMN settleable_delivery.market_id IS 'its market';
COMMENT ON COLUMN settleable_delivery.service_provider_id IS 'who is paid';
COMMENT ON COLUMN settleable_delivery.unit_id IS 'the unit';
COMMENT ON COLUMN settleable_delivery.delivery_window IS 'the period';
COMMENT ON COLUMN settleable_delivery.requested_kwh IS 'asked for or agreed, kWh';
COMMENT ON COLUMN settleable_delivery.delivered_kwh IS 'delivered, kWh';
COMMENT ON COLUMN settleable_delivery.error IS 'distance from what was to be delivered, a share';
COMMENT ON COLUMN settleable_delivery.settlement_mechanism_id IS 'how it is paid; NULL: nobody said';
COMMENT ON COLUMN settleable_delivery.price IS 'price of the trade, else of its award: per MWh of a dispatch, per MW and hour of availability; NULL: nobody said';
COMMENT ON COLUMN settleable_delivery.availability_id IS 'the availability, or that which the dispatch uses';
COMMENT ON COLUMN settleable_delivery.live IS 'false: the trade was cancelled, refused, withdrawn or is held, or was cut since so that the period lies not within it any more';
GRANT SELECT ON settleable_delivery TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION unsettled_deliveries(market_id bigint, month date) RETURNS TABLE (delivery_id bigint, trade_id bigint, reason text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT d.delivery_id, d.trade_id,
         CASE WHEN NOT d.live THEN 'the trade does not stand, or not in that window' WHEN d.settlement_mechanism_id IS NULL THEN 'its product has no mechanism for ' || d.stage
              WHEN d.price IS NULL THEN 'it has no price' ELSE 'what was delivered is not known' END
  FROM settleable_delivery d
  LEFT JOIN settlement_mechanism m ON m.id = d.settlement_mechanism_id
  WHERE d.market_id = unsettled_deliveries.market_id AND month_of_market(unsettled_deliveries.market_id, unsettled_deliveries.month) @> lower(d.delivery_window)
    AND (NOT d.live OR m.id IS NULL OR d.price IS NULL OR (m.basis <> 'requested' AND d.delivered_kwh IS NULL));
END;
COMMENT ON FUNCTION unsettled_deliveries(bigint, date) IS 'the deliveries of a month that a run would leave out, and why';
REVOKE ALL ON FUNCTION unsettled_deliveries(bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unsettled_deliveries(bigint, date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settle(market_id bigint, month date, kind text, reason text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  the_market market;
  last settlement_run;
  made bigint;
  within time_window;
  before time_window;
BEGIN
  PERFORM check_code(settle.kind, 'kind', 'initial', 'revised', 'final');
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND settle.market_id <> ALL (ARRAY(SELECT own_market_ids())) THEN
    RAISE EXCEPTION 'market % is not yours to settle', coalesce(settle.market_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its buyer and the operator of the exchange can.';
  END IF;
  -- runs of a market take turns
  SELECT * INTO the_market FROM market m WHERE m.id = settle.market_id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'market % is unknown in this exchange', coalesce(settle.market_id::text, 'NULL') USING ERRCODE = 'MX105', HINT = 'See table market.';
  END IF;
  within := month_of_market(the_market.id, settle.month);
  before := month_of_market(the_market.id, (date_trunc('month', settle.month::timestamp) - interval '1 day')::date);
  SELECT * INTO last FROM settlement_run r WHERE r.market_id = the_market.id AND r.period = within ORDER BY r.number DESC LIMIT 1;
  IF (settle.kind = 'initial') <> (last.id IS NULL) OR last.kind = 'final' THEN
    RAISE EXCEPTION 'no % run of % may follow %', settle.kind, to_char(settle.month, 'YYYY-MM'), coalesce('a run that is ' || last.kind, 'none')
      USING ERRCODE = 'MX501', HINT = 'The first run of a month is initial, those after it are revised, and the last is final.';
  END IF;
  INSERT INTO settlement_run (market_id, month, period, number, kind, previous_run_id, currency, reason, library_version)
  VALUES (the_market.id, date_trunc('month', settle.month::timestamp)::date, within, coalesce(last.number, 0) + 1, settle.kind, last.id, the_market.currency, settle.reason, extension_version())
  RETURNING id INTO made;

  -- a table, so that it can be counted before what comes of it is planned
  DROP TABLE IF EXISTS pg_temp.settlement_due;
  CREATE TEMPORARY TABLE settlement_due ON COMMIT DROP AS
  SELECT d.* FROM settleable_delivery d
  WHERE d.market_id = the_market.id AND lower(d.delivery_window) >= lower(within) AND lower(d.delivery_window) < upper(within) AND d.live AND d.settlement_mechanism_id IS NOT NULL AND d.price IS NOT NULL;
  ANALYZE pg_temp.settlement_due (delivery_id, trade_id, unit_id, product_id, availability_id, settlement_mechanism_id, stage);
  WITH
  -- performance over more than a period: of each no more than was asked for counts, and nothing of what is not known
  of_trade AS (
    SELECT d.trade_id, round(sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)) FILTER (WHERE d.delivered_kwh IS NOT NULL) / nullif(sum(d.requested_kwh) FILTER (WHERE d.delivered_kwh IS NOT NULL), 0), 12) AS total, round(min(d.delivered_kwh / nullif(d.requested_kwh, 0)), 12) AS worst, max(d.error) AS error
    FROM pg_temp.settlement_due d JOIN settlement_mechanism m ON m.id = d.settlement_mechanism_id WHERE m.measured_over = 'trade' OR m.measured_by = 'error' GROUP BY d.trade_id),
  of_month AS (
    SELECT d.unit_id, d.product_id, lower(d.delivery_window) < lower(within) AS is_before,
           round(sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)) / nullif(sum(d.requested_kwh), 0), 12) AS total, round(min(d.delivered_kwh / nullif(d.requested_kwh, 0)), 12) AS worst, max(d.error) AS error
    FROM settleable_delivery d
    WHERE d.market_id = the_market.id AND d.stage = 'dispatch' AND d.live AND d.delivered_kwh IS NOT NULL AND lower(d.delivery_window) >= lower(before) AND lower(d.delivery_window) < upper(within)
      AND d.product_id IN (SELECT s.product_id FROM product_settlement s JOIN settlement_mechanism m ON m.id = s.settlement_mechanism_id WHERE m.measured_over IN ('month', 'previous_month'))
    GROUP BY d.unit_id, d.product_id, lower(d.delivery_window) < lower(within)),
  -- parts that an availability was cut into are one promise still
  part AS (
    WITH RECURSIVE part AS (
      SELECT p.availability_id, p.part_of_id FROM availability_part p
      UNION ALL SELECT p.availability_id, o.part_of_id FROM part p JOIN availability_part o ON o.availability_id = p.part_of_id)
    SELECT p.availability_id, p.part_of_id FROM part p WHERE NOT EXISTS (SELECT FROM availability_part o WHERE o.availability_id = p.part_of_id)),
  of_availability AS (
    SELECT coalesce(p.part_of_id, d.availability_id) AS availability_id, round(sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)) / nullif(sum(d.requested_kwh), 0), 12) AS total
    FROM pg_temp.settlement_due d LEFT JOIN part p ON p.availability_id = d.availability_id
    WHERE d.stage = 'dispatch' AND d.availability_id IS NOT NULL AND d.delivered_kwh IS NOT NULL GROUP BY coalesce(p.part_of_id, d.availability_id))
  INSERT INTO settlement_line (run_id, delivery_id, trade_id, stage, product_id, service_provider_id, unit_id, delivery_window, settlement_mechanism_id, price, requested, delivered, measured, factor,
                               paid_volume, payment, shortfall, penalty, clawback_measured, clawback, exact_amount, amount)
  SELECT made, d.delivery_id, d.trade_id, d.stage, d.product_id, d.service_provider_id, d.unit_id, d.delivery_window, m.id, d.price, p.requested, p.delivered, p.measure, p.factor,
         p.paid_volume, p.payment, p.shortfall, p.penalty, CASE WHEN d.stage = 'availability' AND m.clawback IS NOT NULL THEN c.total END, p.clawback, p.exact_amount, p.amount
  FROM pg_temp.settlement_due d
  JOIN settlement_mechanism m ON m.id = d.settlement_mechanism_id
  LEFT JOIN of_trade t ON t.trade_id = d.trade_id
  LEFT JOIN of_month o ON m.measured_over IN ('month', 'previous_month') AND o.unit_id = d.unit_id AND o.product_id = d.product_id AND o.is_before = (m.measured_over = 'previous_month')
  LEFT JOIN part q ON q.availability_id = d.availability_id
  LEFT JOIN of_availability c ON c.availability_id = coalesce(q.part_of_id, d.availability_id)
  CROSS JOIN LATERAL payment(m, d.requested_kwh, d.delivered_kwh, extract(epoch FROM upper(d.delivery_window) - lower(d.delivery_window)), d.price,
    CASE WHEN m.measured_by = 'error' THEN CASE m.measured_over WHEN 'period' THEN d.error WHEN 'trade' THEN t.error ELSE o.error END
         WHEN m.measured_over = 'trade' THEN CASE m.measured_as WHEN 'total' THEN t.total ELSE t.worst END
         ELSE CASE m.measured_as WHEN 'total' THEN o.total ELSE o.worst END END,
    CASE WHEN d.stage = 'availability' THEN c.total END) p
  WHERE p.paid_volume IS NOT NULL;
  -- what was decided is settled whatever became of the trade since, so that nobody escapes it
  INSERT INTO settlement_adjustment (run_id, decision_id, product_id, service_provider_id, decided, settled)
  SELECT made, x.id, x.product_id, x.service_provider_id, x.amount, coalesce(s.settled, 0)
  FROM settlement_decision x
  JOIN product p ON p.id = x.product_id
  LEFT JOIN (SELECT y.id, sum(share_of_line(l.amount, l.delivery_window, y.delivery_window)) AS settled
             FROM settlement_decision y JOIN pg_temp.settlement_due d ON d.trade_id = y.trade_id AND d.delivery_window && y.delivery_window JOIN settlement_line l ON l.run_id = made AND l.delivery_id = d.delivery_id
             WHERE y.superseded_at IS NULL GROUP BY y.id) s ON s.id = x.id
  WHERE p.market_id = the_market.id AND x.superseded_at IS NULL AND lower(x.delivery_window) >= lower(within) AND lower(x.delivery_window) < upper(within);
  DROP TABLE pg_temp.settlement_due;

  INSERT INTO settlement_statement (run_id, service_provider_id, lines, amount, rounding, digest, adjustment)
  SELECT made, coalesce(l.service_provider_id, a.service_provider_id), coalesce(l.lines, 0), s.amount, round(s.amount, 2) - s.amount, sha256(coalesce(l.content, '') || coalesce(a.content, '')), coalesce(a.amount, 0)
  FROM (SELECT l.service_provider_id, count(*) AS lines, sum(l.amount) AS amount, string_agg(int8send(l.delivery_id) || convert_to(trim_scale(l.amount)::text, 'UTF8'), ''::bytea ORDER BY l.delivery_id) AS content
        FROM settlement_line l WHERE l.run_id = made GROUP BY l.service_provider_id) l
  FULL JOIN (SELECT a.service_provider_id, sum(a.amount) AS amount, string_agg(convert_to('decision', 'UTF8') || int8send(a.decision_id) || convert_to(trim_scale(a.amount)::text, 'UTF8'), ''::bytea ORDER BY a.decision_id) AS content
             FROM settlement_adjustment a WHERE a.run_id = made GROUP BY a.service_provider_id) a USING (service_provider_id)
  CROSS JOIN LATERAL (SELECT coalesce(l.amount, 0) + coalesce(a.amount, 0) AS amount) s;
  -- who is owed nothing any more is told so
  INSERT INTO settlement_statement (run_id, service_provider_id, lines, amount, rounding, digest)
  SELECT made, s.service_provider_id, 0, 0, 0, sha256('') FROM settlement_statement s
  WHERE s.run_id = last.id AND NOT EXISTS (SELECT FROM settlement_statement n WHERE n.run_id = made AND n.service_provider_id = s.service_provider_id);
  RETURN made;
END
$function$;
COMMENT ON FUNCTION settle(bigint, date, text, text) IS
  'settles the month of a day of a market: a line for each delivery that holds, stands, has a price, a mechanism and what it pays for, an adjustment for each amount that was decided, and a statement for each provider; unsettled_deliveries() says what is left out; the first run is initial, later ones revised, the last final; by the buyer or the operator; returns the run; errors 42501, 23514, MX105, MX501; SECURITY DEFINER because nobody writes settlements, and the caller is checked';
REVOKE ALL ON FUNCTION settle(bigint, date, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settle(bigint, date, text, text) TO flexexchange_operator, flexexchange_participant;

-- ---------------------------------------------------------------- why

CREATE OR REPLACE FUNCTION check_settlement_run(run_id bigint) RETURNS TABLE (rule text, subject bigint, detail text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT 'line', l.delivery_id, format('%s is owed, and %s follows from what the line names', l.amount, p.amount)
  FROM settlement_line l
  JOIN settlement_mechanism m ON m.id = l.settlement_mechanism_id
  JOIN delivery d ON d.id = l.delivery_id
  CROSS JOIN LATERAL payment(m, d.requested_kwh, d.delivered_kwh, extract(epoch FROM upper(d.delivery_window) - lower(d.delivery_window)), l.price, l.measured, l.clawback_measured) p
  WHERE l.run_id = check_settlement_run.run_id
    AND (p.requested, p.delivered, p.measure, p.factor, p.paid_volume, p.payment, p.shortfall, p.penalty, p.clawback, p.exact_amount, p.amount)
        IS DISTINCT FROM (l.requested, l.delivered, l.measured, l.factor, l.paid_volume, l.payment, l.shortfall, l.penalty, l.clawback, l.exact_amount, l.amount)
  UNION ALL
  SELECT 'adjustment', a.decision_id, format('%s is adjusted to %s, and %s to %s follows from the lines and the decision', a.settled, a.decided, coalesce(s.settled, 0), x.amount)
  FROM settlement_adjustment a
  JOIN settlement_decision x ON x.id = a.decision_id
  LEFT JOIN (SELECT y.id, sum(share_of_line(l.amount, l.delivery_window, y.delivery_window)) AS settled
             FROM settlement_decision y JOIN settlement_line l ON l.trade_id = y.trade_id AND l.delivery_window && y.delivery_window WHERE l.run_id = check_settlement_run.run_id GROUP BY y.id) s ON s.id = a.decision_id
  WHERE a.run_id = check_settlement_run.run_id AND (a.decided, a.settled) IS DISTINCT FROM (x.amount, coalesce(s.settled, 0))
  UNION ALL
  SELECT 'statement', s.service_provider_id, format('%s is stated for %s lines, which are %s and, with adjustments, add up to %s', s.amount, s.lines, coalesce(x.lines, 0), coalesce(x.amount, 0) + coalesce(y.amount, 0))
  FROM settlement_statement s
  LEFT JOIN (SELECT l.service_provider_id, count(*) AS lines, sum(l.amount) AS amount FROM settlement_line l WHERE l.run_id = check_settlement_run.run_id GROUP BY l.service_provider_id) x USING (service_provider_id)
  LEFT JOIN (SELECT a.service_provider_id, sum(a.amount) AS amount FROM settlement_adjustment a WHERE a.run_id = check_settlement_run.run_id GROUP BY a.service_provider_id) y USING (service_provider_id)
  -- a statement of nothing has no lines
  WHERE s.run_id = check_settlement_run.run_id AND (s.lines, s.amount, s.adjustment) IS DISTINCT FROM (coalesce(x.lines, 0), coalesce(x.amount, 0) + coalesce(y.amount, 0), coalesce(y.amount, 0));
END;
COMMENT ON FUNCTION check_settlement_run(bigint) IS
  'works every line of a run out again from the delivery, mechanism, price and measure that it names, and every adjustment from the decision and the lines, and adds up every statement: a row for each that differs, none when all is as it was';
REVOKE ALL ON FUNCTION check_settlement_run(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_settlement_run(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION explain_settlement_line(run_id bigint, delivery_id bigint) RETURNS TABLE (step integer, name text, value numeric, unit text, because text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT x.step, x.name, trim_scale(x.value), x.unit, x.because
  FROM settlement_line l
  JOIN settlement_mechanism m ON m.id = l.settlement_mechanism_id
  JOIN settlement_run r ON r.id = l.run_id
  JOIN delivery d ON d.id = l.delivery_id
  CROSS JOIN LATERAL (SELECT CASE m.quantity WHEN 'mwh' THEN 'MWh' ELSE 'MW' END AS unit) u
  CROSS JOIN LATERAL (VALUES
    (1, 'requested', l.requested, u.unit, format('%s %s, %s: %s kWh', l.stage, l.trade_id, l.delivery_window, trim_scale(d.requested_kwh))),
    (2, 'delivered', l.delivered, u.unit, format('delivery %s%s', d.id, coalesce(', ' || d.source, ''))),
    (3, 'performance', l.measured, m.measured_by, CASE m.measured_over WHEN 'period' THEN 'of the period' WHEN 'trade' THEN 'of the trade' WHEN 'month' THEN 'of the unit''s dispatches in the month' ELSE 'of the unit''s dispatches in the month before' END
      || CASE WHEN m.measured_over = 'period' OR m.measured_by = 'error' THEN '' ELSE ', ' || m.measured_as END),
    (4, 'factor', l.factor, '', CASE WHEN m.factor IS NULL THEN 'no curve' WHEN l.measured IS NULL THEN 'nothing was measured'
      ELSE format('curve through %s', (SELECT string_agg(format('(%s, %s)', a.at, a.value), ' ' ORDER BY a.n) FROM unnest(m.factor_at, m.factor) WITH ORDINALITY AS a (at, value, n))) END),
    (5, 'paid volume', l.paid_volume, u.unit, m.basis || CASE WHEN m.basis = 'delivered' THEN coalesce(', up to ' || m.cap_ratio || ' of the requested', '') ELSE '' END),
    (6, 'price', l.price * m.price_share, r.currency || '/' || u.unit, CASE WHEN m.price_share = 1 THEN 'of the trade' ELSE format('%s of that of the trade, %s', m.price_share, trim_scale(l.price)) END),
    (7, 'payment', l.payment, r.currency, 'paid volume x price x factor'),
    (8, 'shortfall', l.shortfall, u.unit, CASE WHEN m.grace = 0 THEN 'requested less delivered' ELSE format('requested less %s of it and less delivered', m.grace) END),
    (9, 'penalty', l.penalty, r.currency, CASE WHEN m.penalty_price IS NOT NULL THEN format('shortfall x %s', m.penalty_price) WHEN m.penalty_of_price IS NOT NULL THEN format('shortfall x %s of the price', m.penalty_of_price) ELSE 'none' END
      || coalesce(', at most ' || m.penalty_cap || ' of requested x price', '')),
    (10, 'clawback', l.clawback, r.currency, CASE WHEN m.clawback IS NULL THEN 'none' WHEN l.clawback_measured IS NULL THEN 'no dispatch used it' ELSE format('its dispatches delivered %s', trim_scale(l.clawback_measured)) END),
    (11, 'exact amount', l.exact_amount, r.currency, 'payment + penalty + clawback' || coalesce(', not below ' || m.least_amount, '')),
    (12, 'amount', l.amount, r.currency, CASE m.rounds_at WHEN 'line' THEN format('%s decimals, %s', m.decimals, m.rounding) ELSE 'rounded on the statement' END || format('; %s, version %s', m.code, m.version))
  ) AS x (step, name, value, unit, because)
  WHERE l.run_id = explain_settlement_line.run_id AND l.delivery_id = explain_settlement_line.delivery_id
  UNION ALL
  SELECT x.step, x.name, trim_scale(x.value), r.currency, x.because
  FROM settlement_line l
  JOIN settlement_run r ON r.id = l.run_id
  JOIN settlement_adjustment a ON a.run_id = l.run_id
  JOIN settlement_decision s ON s.id = a.decision_id AND s.trade_id = l.trade_id AND s.delivery_window && l.delivery_window
  CROSS JOIN LATERAL (VALUES (13, 'adjustment', a.amount, s.evidence),
                             (14, 'settled at', a.decided, CASE WHEN s.delivery_window = l.delivery_window THEN 'amount + adjustment' ELSE format('all lines of %s + adjustment', s.delivery_window) END)) AS x (step, name, value, because)
  WHERE l.run_id = explain_settlement_line.run_id AND l.delivery_id = explain_settlement_line.delivery_id
  ORDER BY 1;
END;
COMMENT ON FUNCTION explain_settlement_line(bigint, bigint) IS 'how a line came about, step by step: volumes, performance, factor, price, payment, penalty, clawback, rounding, and, where an amount was decided of its period, the adjustment; each with its reason';
REVOKE ALL ON FUNCTION explain_settlement_line(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_settlement_line(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settlement_changes(run_id bigint, against bigint DEFAULT NULL)
RETURNS TABLE (service_provider_id bigint, trade_id bigint, delivery_window time_window, before numeric, after numeric, change numeric, cause text, detail text, changed_deliveries bigint[])
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH runs AS (SELECT r.id AS new_run, coalesce(settlement_changes.against, r.previous_run_id) AS old_run FROM settlement_run r WHERE r.id = settlement_changes.run_id),
  old_line AS (SELECT l.* FROM settlement_line l JOIN runs r ON l.run_id = r.old_run),
  new_line AS (SELECT l.* FROM settlement_line l JOIN runs r ON l.run_id = r.new_run),
  both_lines AS (
    SELECT coalesce(n.service_provider_id, o.service_provider_id) AS service_provider_id, coalesce(n.trade_id, o.trade_id) AS trade_id, coalesce(n.delivery_window, o.delivery_window) AS delivery_window,
           coalesce(n.unit_id, o.unit_id) AS unit_id, coalesce(n.product_id, o.product_id) AS product_id, o.delivery_id AS old_delivery, n.delivery_id AS new_delivery,
           coalesce(o.amount, 0) AS before, coalesce(n.amount, 0) AS after, o.settlement_mechanism_id AS old_mechanism, n.settlement_mechanism_id AS new_mechanism, o.price AS old_price, n.price AS new_price,
           o.measured AS old_measured, n.measured AS new_measured, o.clawback_measured AS old_clawback, n.clawback_measured AS new_clawback
    FROM old_line o FULL JOIN new_line n ON n.trade_id = o.trade_id AND n.delivery_window = o.delivery_window),
  moved AS (SELECT b.unit_id, b.product_id, array_agg(coalesce(b.new_delivery, b.old_delivery) ORDER BY coalesce(b.new_delivery, b.old_delivery)) AS deliveries
            FROM both_lines b WHERE b.old_delivery IS DISTINCT FROM b.new_delivery GROUP BY b.unit_id, b.product_id)
  SELECT x.service_provider_id, x.trade_id, x.delivery_window, x.before, x.after, x.change, x.cause, x.detail, x.changed_deliveries
  FROM (
  SELECT b.service_provider_id, b.trade_id, b.delivery_window, b.before, b.after, b.after - b.before,
         CASE WHEN b.old_delivery IS NULL THEN 'added' WHEN b.new_delivery IS NULL THEN 'left out' WHEN b.old_mechanism <> b.new_mechanism THEN 'mechanism' WHEN b.old_price <> b.new_price THEN 'price'
              WHEN b.old_delivery <> b.new_delivery THEN 'delivery' ELSE 'performance' END,
         concat_ws('; ', CASE WHEN b.old_delivery IS NULL THEN format('delivery %s, recorded %s', n.id, n.recorded_at) END,
           CASE WHEN b.new_delivery IS NULL THEN CASE WHEN o.superseded_at IS NULL THEN format('delivery %s is not settled any more', o.id) ELSE format('delivery %s was superseded', o.id) END END,
           CASE WHEN b.old_mechanism <> b.new_mechanism THEN format('mechanism %s for %s', b.new_mechanism, b.old_mechanism) END,
           CASE WHEN b.old_price <> b.new_price THEN format('price %s for %s', trim_scale(b.new_price), trim_scale(b.old_price)) END,
           CASE WHEN b.old_delivery <> b.new_delivery THEN concat_ws(', ', format('delivery %s for %s', n.id, o.id),
             CASE WHEN n.requested_kwh <> o.requested_kwh THEN format('requested %s for %s kWh', trim_scale(n.requested_kwh), trim_scale(o.requested_kwh)) END,
             CASE WHEN n.delivered_kwh IS DISTINCT FROM o.delivered_kwh THEN format('delivered %s for %s kWh', coalesce(trim_scale(n.delivered_kwh)::text, 'not known'), coalesce(trim_scale(o.delivered_kwh)::text, 'not known')) END,
             CASE WHEN n.error IS DISTINCT FROM o.error THEN format('error %s for %s', coalesce(n.error::text, 'none'), coalesce(o.error::text, 'none')) END,
             'recorded ' || n.recorded_at, n.evidence) END,
           CASE WHEN b.old_delivery = b.new_delivery AND b.old_measured IS DISTINCT FROM b.new_measured
                THEN format('performance %s for %s, by other deliveries of the unit', coalesce(trim_scale(b.new_measured)::text, 'none'), coalesce(trim_scale(b.old_measured)::text, 'none')) END,
           CASE WHEN b.old_delivery = b.new_delivery AND b.old_clawback IS DISTINCT FROM b.new_clawback
                THEN format('dispatches out of it delivered %s for %s', coalesce(trim_scale(b.new_clawback)::text, 'nothing'), coalesce(trim_scale(b.old_clawback)::text, 'nothing')) END),
         CASE WHEN b.old_delivery IS DISTINCT FROM b.new_delivery THEN ARRAY[coalesce(b.new_delivery, b.old_delivery)] ELSE coalesce(m.deliveries, '{}') END
  FROM both_lines b
  LEFT JOIN delivery o ON o.id = b.old_delivery
  LEFT JOIN delivery n ON n.id = b.new_delivery
  LEFT JOIN moved m ON m.unit_id = b.unit_id AND m.product_id = b.product_id
  WHERE b.before <> b.after OR (b.old_delivery IS NULL) <> (b.new_delivery IS NULL)
  UNION ALL
  SELECT s.service_provider_id, s.trade_id, s.delivery_window, coalesce(o.amount, 0), coalesce(n.amount, 0), coalesce(n.amount, 0) - coalesce(o.amount, 0), 'decision',
         CASE WHEN n.run_id IS NULL THEN format('%s; something else was decided since', s.evidence)
              ELSE concat_ws(', ', format('%s; %s is settled, the lines say %s', s.evidence, trim_scale(n.decided), trim_scale(n.settled)), CASE WHEN o.run_id IS NOT NULL THEN format('and said %s', trim_scale(o.settled)) END) END,
         '{}'
  FROM (SELECT a.* FROM settlement_adjustment a JOIN runs r ON a.run_id = r.old_run) o
  FULL JOIN (SELECT a.* FROM settlement_adjustment a JOIN runs r ON a.run_id = r.new_run) n USING (decision_id)
  JOIN settlement_decision s ON s.id = decision_id
  WHERE coalesce(o.amount, 0) <> coalesce(n.amount, 0) OR (o.run_id IS NULL) <> (n.run_id IS NULL)
  ) x (service_provider_id, trade_id, delivery_window, before, after, change, cause, detail, changed_deliveries)
  ORDER BY x.trade_id, lower(x.delivery_window), x.cause COLLATE "C", upper(x.delivery_window);
END;
COMMENT ON FUNCTION settlement_changes(bigint, bigint) IS
  'what differs between a run and another (NULL: the one that it revises), line by line: added, left out, or changed in mechanism, price, delivery or performance, with what was said before and after and the deliveries that changed; and adjustment by adjustment (decision), with what was decided by whom; the changes add up to the difference of the amounts';
REVOKE ALL ON FUNCTION settlement_changes(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_changes(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settlement_changes_by_reading(run_id bigint, against bigint DEFAULT NULL)
RETURNS TABLE (service_provider_id bigint, trade_id bigint, delivery_window time_window, change numeric, delivery_id bigint, cause text, resource_id bigint, flow text, channel_id bigint, starts_at timestamptz,
               before_kwh numeric, after_kwh numeric, received_at timestamptz, detail text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT c.service_provider_id, c.trade_id, c.delivery_window, c.change, x.id, coalesce(e.cause, c.cause), e.resource_id, e.flow, e.channel_id, e.starts_at, e.before_kwh, e.after_kwh, e.received_at, coalesce(e.detail, c.detail)
  FROM settlement_changes(settlement_changes_by_reading.run_id, against) c
  LEFT JOIN LATERAL unnest(c.changed_deliveries) AS x (id) ON true
  LEFT JOIN settlement_line l ON l.run_id = coalesce(against, (SELECT r.previous_run_id FROM settlement_run r WHERE r.id = settlement_changes_by_reading.run_id))
                             AND l.trade_id = (SELECT d.trade_id FROM delivery d WHERE d.id = x.id) AND l.delivery_window = (SELECT d.delivery_window FROM delivery d WHERE d.id = x.id)
  LEFT JOIN LATERAL explain_verification_change(l.delivery_id, x.id) e ON l.delivery_id <> x.id
  ORDER BY c.trade_id, lower(c.delivery_window), x.id, e.resource_id, e.starts_at;
END;
COMMENT ON FUNCTION settlement_changes_by_reading(bigint, bigint) IS
  'each change between a run and another (NULL: the one that it revises) down to what it comes from: the readings, days, dispatches or terms by which the verification of its deliveries differs; a change that comes from elsewhere is told as settlement_changes() tells it';
REVOKE ALL ON FUNCTION settlement_changes_by_reading(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_changes_by_reading(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW monthly_statement WITH (security_invoker = true) AS
  SELECT r.id AS run_id, m.code AS market_code, r.month, r.number, r.kind, s.service_provider_id, p.name AS service_provider, s.lines, r.currency, s.amount, s.rounding, s.total,
         s.total - coalesce(o.total, 0) AS change, r.made_at, s.adjustment
  FROM settlement_run r
  JOIN market m ON m.id = r.market_id
  JOIN settlement_statement s ON s.run_id = r.id
  JOIN participant p ON p.id = s.service_provider_id
  LEFT JOIN settlement_statement o ON o.run_id = r.previous_run_id AND o.service_provider_id = s.service_provider_id;
COMMENT ON VIEW monthly_statement IS 'statements with the names of market and provider';
COMMENT ON COLUMN monthly_statement.run_id IS 'the run';
COMMENT ON COLUMN monthly_statement.market_code IS 'the market';
COMMENT ON COLUMN monthly_statement.month IS 'the month, by its first day';
COMMENT ON COLUMN monthly_statement.number IS 'number of the run';
COMMENT ON COLUMN monthly_statement.kind IS 'initial, revised or final';
COMMENT ON COLUMN monthly_statement.service_provider_id IS 'who is paid';
COMMENT ON COLUMN monthly_statement.service_provider IS 'its name';
COMMENT ON COLUMN monthly_statement.lines IS 'how many lines';
COMMENT ON COLUMN monthly_statement.currency IS 'currency, ISO 4217';
COMMENT ON COLUMN monthly_statement.amount IS 'sum of the lines and adjustments';
COMMENT ON COLUMN monthly_statement.rounding IS 'rounding of the sum';
COMMENT ON COLUMN monthly_statement.total IS 'what is owed';
COMMENT ON COLUMN monthly_statement.change IS 'less what the run before owed: what is still to be paid, or paid back';
COMMENT ON COLUMN monthly_statement.made_at IS 'when the run was made';
COMMENT ON COLUMN monthly_statement.adjustment IS 'what of it was decided beside the lines';
GRANT SELECT ON monthly_statement TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
