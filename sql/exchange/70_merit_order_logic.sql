-- archetype: thick
-- Merit order: what comes of a call, by history, and whom to call so that enough of it comes.
--
-- Who is proposed is decided in three steps, each a function of its own.  merit_order_candidates() looks at every offer and
-- says what speaks against it.  choose_units() takes the cheapest of the rest that are firm enough together.  probe_calls()
-- asks the rules engine about these, all at once; what it would block is taken out, and the rest chosen anew.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['reliability_method', 'derating_factor', 'network_sensitivity']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['merit_order', 'merit_order_unit', 'merit_order_step']) t;
REVOKE UPDATE, DELETE ON reliability_method FROM flexexchange_operator;
-- whom a buyer may call is its own affair and the regulator's: the operator, who may trade elsewhere, neither writes nor reads it
REVOKE ALL ON merit_order, merit_order_unit, merit_order_step FROM flexexchange_operator;
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['merit_order', 'merit_order_unit', 'merit_order_step'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS operator_all ON %I', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was proposed is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
GRANT SELECT ON merit_order, merit_order_unit, merit_order_step TO flexexchange_participant;
DROP POLICY IF EXISTS merit_order_read_own ON merit_order;
CREATE POLICY merit_order_read_own ON merit_order FOR SELECT TO flexexchange_participant USING (market_operator_id = (SELECT current_participant()));
COMMENT ON POLICY merit_order_read_own ON merit_order IS 'MERIT-1: a buyer reads the proposals that it asked for';
DROP POLICY IF EXISTS merit_order_unit_read_own ON merit_order_unit;
CREATE POLICY merit_order_unit_read_own ON merit_order_unit FOR SELECT TO flexexchange_participant USING (merit_order_id IN (SELECT m.id FROM merit_order m));
COMMENT ON POLICY merit_order_unit_read_own ON merit_order_unit IS 'MERIT-2: who reads a proposal reads its units and what became of it';
DROP POLICY IF EXISTS merit_order_step_read_own ON merit_order_step;
CREATE POLICY merit_order_step_read_own ON merit_order_step FOR SELECT TO flexexchange_participant USING (merit_order_id IN (SELECT m.id FROM merit_order m));
COMMENT ON POLICY merit_order_step_read_own ON merit_order_step IS 'MERIT-2: who reads a proposal reads its units and what became of it';
GRANT INSERT (grid_node_id, unit_grid_node_id, sensitivity, valid, source), UPDATE (valid) ON network_sensitivity TO flexexchange_participant;
DROP POLICY IF EXISTS network_sensitivity_insert_own ON network_sensitivity;
CREATE POLICY network_sensitivity_insert_own ON network_sensitivity FOR INSERT TO flexexchange_participant WITH CHECK (grid_node_id IN (SELECT operated_grid_node_ids()));
COMMENT ON POLICY network_sensitivity_insert_own ON network_sensitivity IS 'MERIT-3: who operates an element says what reaches it';
DROP POLICY IF EXISTS network_sensitivity_update_own ON network_sensitivity;
CREATE POLICY network_sensitivity_update_own ON network_sensitivity FOR UPDATE TO flexexchange_participant
  USING (grid_node_id IN (SELECT operated_grid_node_ids())) WITH CHECK (grid_node_id IN (SELECT operated_grid_node_ids()));
COMMENT ON POLICY network_sensitivity_update_own ON network_sensitivity IS 'MERIT-4: who operates an element says until when that holds';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON reliability_method FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Insert another version: proposals rest on this one.');
COMMENT ON TRIGGER t10_is_kept ON reliability_method IS 'proposals rest on methods as they were';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON merit_order_unit FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Ask for another merit order.');
COMMENT ON TRIGGER t10_is_kept ON merit_order_unit IS 'what was proposed stays as it was';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF id, mrid, market_operator_id, asked_by, asked_at, need_id, product_ids, grid_node_id, direction, power_kw, delivery_window, confidence, reliability_method_id,
    correlation, correlation_basis, correlation_events, proposed_kw, expected_kw, firm_kw, covered, probability, cost, least_cost, candidates, recorded_at ON merit_order
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Ask for another merit order.');
COMMENT ON TRIGGER t10_is_kept ON merit_order IS 'what was proposed stays as it was';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON merit_order
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > proposed', 'proposed > followed deviated');
COMMENT ON TRIGGER t10_status ON merit_order IS 'a proposal is followed or deviated from, once';

CREATE OR REPLACE FUNCTION record_merit_order_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' OR OLD.status IS DISTINCT FROM NEW.status THEN
    INSERT INTO merit_order_step (merit_order_id, status, reason, happened_at)
    VALUES (NEW.id, NEW.status, NEW.status_reason, NEW.status_at);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_merit_order_step() IS 'trigger: keeps what became of a proposal; SECURITY DEFINER because nobody writes merit_order_step itself';
REVOKE ALL ON FUNCTION record_merit_order_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t90_step AFTER INSERT OR UPDATE ON merit_order FOR EACH ROW EXECUTE FUNCTION record_merit_order_step();
COMMENT ON TRIGGER t90_step ON merit_order IS 'keeps what became of it';

-- ------------------------------------------------------------------ what comes of a call

CREATE OR REPLACE VIEW delivery_history WITH (security_invoker = true) AS
  SELECT d.unit_id, d.product_id, d.dispatch_id, min(lower(d.delivery_window)) AS starts_at, max(upper(d.delivery_window)) AS ends_at,
         sum(d.requested_kwh) AS requested_kwh, sum(d.delivered_kwh) AS delivered_kwh, sum(d.delivered_kwh) / sum(d.requested_kwh) AS ratio, count(*) AS periods
  FROM delivery d
  WHERE d.dispatch_id IS NOT NULL AND d.superseded_at IS NULL AND d.delivered_kwh IS NOT NULL
  GROUP BY d.unit_id, d.product_id, d.dispatch_id
  HAVING sum(d.requested_kwh) > 0;
COMMENT ON VIEW delivery_history IS 'what came of each dispatch, in all its periods of which that is known';
COMMENT ON COLUMN delivery_history.unit_id IS 'the asset or portfolio';
COMMENT ON COLUMN delivery_history.product_id IS 'out of which product it was called';
COMMENT ON COLUMN delivery_history.dispatch_id IS 'the dispatch: the event';
COMMENT ON COLUMN delivery_history.starts_at IS 'when what is known of it begins';
COMMENT ON COLUMN delivery_history.ends_at IS 'when it ends';
COMMENT ON COLUMN delivery_history.requested_kwh IS 'asked for, kWh';
COMMENT ON COLUMN delivery_history.delivered_kwh IS 'what came, kWh';
COMMENT ON COLUMN delivery_history.ratio IS 'delivered over requested';
COMMENT ON COLUMN delivery_history.periods IS 'how many periods it is known of';
GRANT SELECT ON delivery_history TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION last_reliability_method(method text) RETURNS reliability_method
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found reliability_method;
BEGIN
  SELECT * INTO found FROM reliability_method r WHERE r.code = method ORDER BY r.version DESC LIMIT 1;
  IF found.id IS NULL THEN
    RAISE EXCEPTION 'there is no reliability_method %', coalesce(quote_literal(method), 'NULL')
      USING ERRCODE = 'MX430', HINT = 'See table reliability_method for the methods of this exchange.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION last_reliability_method(text) IS 'the last version of a method; error MX430';
REVOKE ALL ON FUNCTION last_reliability_method(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION last_reliability_method(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- A prior of k events is added to n observed ones: its mean and its spread count k times.
CREATE OR REPLACE FUNCTION delivery_reliability(unit_ids bigint[] DEFAULT NULL, product_ids bigint[] DEFAULT NULL, method text DEFAULT 'normal', at timestamptz DEFAULT now())
RETURNS TABLE (unit_id bigint, product_id bigint, events bigint, first_event timestamptz, last_event timestamptz, observed_ratio numeric, observed_deviation numeric, delivered_in_full bigint,
               mean_ratio numeric, deviation numeric, probability numeric, basis text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  r CONSTANT reliability_method := last_reliability_method(method);
BEGIN
  RETURN QUERY
  WITH event AS (
    SELECT d.unit_id, d.product_id, min(lower(d.delivery_window)) AS starts_at, (sum(d.delivered_kwh) / sum(d.requested_kwh))::float8 AS ratio
    FROM delivery d
    WHERE d.dispatch_id IS NOT NULL AND d.superseded_at IS NULL AND d.delivered_kwh IS NOT NULL
      AND (product_ids IS NULL OR d.product_id = ANY (product_ids)) AND lower(d.delivery_window) >= at - r.look_back AND lower(d.delivery_window) < at AND upper(d.delivery_window) <= at
    GROUP BY d.unit_id, d.product_id, d.dispatch_id
    HAVING sum(d.requested_kwh) > 0
  ), observed AS (
    SELECT e.unit_id, e.product_id, count(*) AS n, min(e.starts_at) AS first, max(e.starts_at) AS last, avg(k.counted) AS mean, stddev_pop(k.counted) AS deviation,
           count(*) FILTER (WHERE e.ratio >= r.full_ratio) AS full
    FROM event e CROSS JOIN LATERAL (SELECT least(greatest(e.ratio, 0), r.counted_up_to::float8) AS counted) k
    GROUP BY e.unit_id, e.product_id
  ), asked AS (
    SELECT u.unit_id, p.product_id FROM unnest(unit_ids) u (unit_id), unnest(product_ids) p (product_id) WHERE product_ids IS NOT NULL
    UNION
    SELECT o.unit_id, o.product_id FROM observed o WHERE unit_ids IS NULL OR (product_ids IS NULL AND o.unit_id = ANY (unit_ids))
  ), weighed AS (
    SELECT a.unit_id, a.product_id, o.*, CASE WHEN o.n >= r.least_events THEN o.n ELSE 0 END::float8 AS w, r.prior_events::float8 AS k
    FROM asked a LEFT JOIN observed o (seen_unit_id, seen_product_id, n, first, last, mean, deviation, full_events) ON o.seen_unit_id = a.unit_id AND o.seen_product_id = a.product_id
  )
  SELECT w.unit_id, w.product_id, coalesce(w.n, 0), w.first, w.last, round(w.mean::numeric, 6), round(w.deviation::numeric, 6), w.full_events,
         round(CASE WHEN w.w = 0 THEN r.prior_ratio ELSE ((w.w * w.mean + w.k * r.prior_ratio) / (w.w + w.k))::numeric END, 6),
         round(CASE WHEN w.w = 0 THEN r.prior_deviation
                    ELSE sqrt((w.w * w.deviation ^ 2 + w.k * r.prior_deviation ^ 2 + w.w * w.k / (w.w + w.k) * (w.mean - r.prior_ratio) ^ 2) / (w.w + w.k))::numeric END, 6),
         round(CASE WHEN w.w = 0 THEN r.prior_probability ELSE ((w.full_events + w.k * r.prior_probability) / (w.w + w.k))::numeric END, 6),
         CASE WHEN w.w = 0 THEN 'prior' WHEN w.k = 0 THEN 'history' ELSE 'history and prior' END
  FROM weighed w
  ORDER BY w.unit_id, w.product_id;
END
$function$;
COMMENT ON FUNCTION delivery_reliability(bigint[], bigint[], text, timestamptz) IS
  'what comes of the next call of a unit, for every one of these units under every one of these products (NULL: those with a history): events that are over within the look-back, mean and deviation of the ratio delivered and probability of delivery in full, drawn towards the prior of the method, and by it alone with too few events; as far as the caller may read deliveries; error MX430';
REVOKE ALL ON FUNCTION delivery_reliability(bigint[], bigint[], text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_reliability(bigint[], bigint[], text, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Over all pairs of units that were called under one product at one time: the sum of products of their standardised ratios is half of (square of the sum less sum of the squares).
CREATE OR REPLACE FUNCTION delivery_correlation(unit_ids bigint[], product_ids bigint[], method text DEFAULT 'normal', at timestamptz DEFAULT now(),
                                                OUT correlation numeric, OUT basis text, OUT events bigint, OUT pairs bigint, OUT observed numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  r CONSTANT reliability_method := last_reliability_method(method);
  estimate float8;
BEGIN
  WITH event AS (
    SELECT d.unit_id, d.product_id, min(lower(d.delivery_window)) AS starts_at, least(greatest((sum(d.delivered_kwh) / sum(d.requested_kwh))::float8, 0), r.counted_up_to::float8) AS ratio
    FROM delivery d
    WHERE d.dispatch_id IS NOT NULL AND d.superseded_at IS NULL AND d.delivered_kwh IS NOT NULL AND (unit_ids IS NULL OR d.unit_id = ANY (unit_ids))
      AND d.product_id = ANY (product_ids) AND lower(d.delivery_window) >= at - r.look_back AND lower(d.delivery_window) < at AND upper(d.delivery_window) <= at
    GROUP BY d.unit_id, d.product_id, d.dispatch_id
    HAVING sum(d.requested_kwh) > 0
  ), standard AS (
    SELECT e.product_id, e.starts_at, (e.ratio - avg(e.ratio) OVER own) / nullif(stddev_pop(e.ratio) OVER own, 0) AS z FROM event e WINDOW own AS (PARTITION BY e.unit_id, e.product_id)
  ), common AS (
    SELECT count(*) AS n, (sum(s.z) ^ 2 - sum(s.z ^ 2)) / 2 AS products FROM standard s WHERE s.z IS NOT NULL GROUP BY s.product_id, s.starts_at HAVING count(*) > 1
  )
  SELECT count(*), coalesce(sum(c.n * (c.n - 1) / 2), 0)::bigint, sum(c.products) / sum(c.n * (c.n - 1) / 2) INTO events, pairs, estimate FROM common c;
  observed := round(estimate::numeric, 6);
  basis := CASE WHEN events > 0 THEN 'estimated' ELSE 'assumed' END;
  correlation := round(least(greatest(coalesce((events * estimate + r.correlation_events::float8 * r.prior_correlation::float8) / nullif(events + r.correlation_events::float8, 0), r.prior_correlation), 0), 1)::numeric, 6);
END
$function$;
COMMENT ON FUNCTION delivery_correlation(bigint[], bigint[], text, timestamptz) IS
  'correlation of the ratios delivered between units, one for all pairs, from events in which several of them were called (their number, that of pairs, and what they say alone are told), drawn towards the prior of the method, never below zero; assumed: there were none; error MX430';
REVOKE ALL ON FUNCTION delivery_correlation(bigint[], bigint[], text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_correlation(bigint[], bigint[], text, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ who could be called

-- The one place to say which units do not answer: a heartbeat that is kept by an earlier module is looked at here.
CREATE OR REPLACE FUNCTION silent_units(unit_ids bigint[], product_ids bigint[], span time_window, at timestamptz) RETURNS TABLE (unit_id bigint, product_id bigint, reason text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT h.unit_id, p.id, CASE s.state WHEN 'stale' THEN 'silent: its heartbeat is stale' ELSE 'unavailable: it says so itself' END
  FROM unit_heartbeat h CROSS JOIN unnest(product_ids) p (id) CROSS JOIN LATERAL (SELECT unit_state(h.unit_id, p.id, silent_units.at) AS state OFFSET 0) s
  WHERE h.unit_id = ANY (unit_ids) AND s.state IN ('stale', 'unavailable')
  UNION ALL
  SELECT u.id, p.id, 'silent: it was never heard, and has to be'
  FROM unnest(product_ids) x (id) JOIN product p ON p.id = x.id CROSS JOIN unnest(unit_ids) u (id)
  WHERE EXISTS (SELECT FROM heartbeat_terms t WHERE t.required AND t.valid @> silent_units.at AND (t.product_id = p.id OR t.market_id = p.market_id))
    AND NOT EXISTS (SELECT FROM unit_heartbeat h WHERE h.unit_id = u.id)
  UNION ALL
  SELECT n.unit_id, p.id, format('unavailable: %s, by notice', n.reason_code)
  FROM unavailability_notice n CROSS JOIN unnest(product_ids) p (id)
  WHERE n.ended_at IS NULL AND n.power_kw IS NULL AND n.given_at <= silent_units.at AND n.during && span AND n.unit_id = ANY (unit_ids)
$function$;
COMMENT ON FUNCTION silent_units(bigint[], bigint[], time_window, timestamptz) IS
  'which of these units cannot be counted on in a window, as far as was known at an instant, and why: by their heartbeat, as each product sees it, or by notice';
REVOKE ALL ON FUNCTION silent_units(bigint[], bigint[], time_window, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION merit_order_candidates(buyer bigint, products bigint[], node bigint, wanted_direction text, span time_window, wanted_method text, at timestamptz, with_bids boolean)
RETURNS SETOF merit_order_unit
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC' -- reasons are the same for whoever asks
SET IntervalStyle = 'iso_8601'
AS $function$
DECLARE
  hours CONSTANT numeric := extract(epoch FROM upper(span) - lower(span)) / 3600;
BEGIN
  RETURN QUERY
  WITH used AS (
    -- of which trades how much is called already
    SELECT coalesce(d.availability_id, d.award_id) AS trade_id, (max_concurrent(d.delivery_window * span, d.power_kw)).peak AS kw
    FROM dispatch d
    WHERE d.product_id = ANY (products) AND d.live AND d.delivery_window && span AND num_nonnulls(d.availability_id, d.award_id) > 0
    GROUP BY 1
  ), offer AS (
    SELECT v.id AS trade_id, 'availability' AS stage, v.unit_id, v.portfolio_id IS NOT NULL AS is_portfolio, v.service_provider_id, v.product_id, v.power_kw, v.delivery_window,
           coalesce(a.utilisation_price_per_mwh, b.utilisation_price_per_mwh) AS price, b.id AS bid_id, NULL::text AS because
    FROM availability v
    LEFT JOIN award a ON a.id = v.award_id
    LEFT JOIN bid b ON b.id = a.bid_id
    WHERE v.product_id = ANY (products) AND v.status = 'accepted' AND v.direction = wanted_direction AND v.delivery_window && span
    UNION ALL
    SELECT a.id, 'award', a.unit_id, a.portfolio_id IS NOT NULL, a.service_provider_id, a.product_id, a.power_kw, a.delivery_window,
           coalesce(a.utilisation_price_per_mwh, b.utilisation_price_per_mwh), b.id,
           CASE p.binds WHEN 'availability' THEN 'not_available: no availability is accepted' END
    FROM award a
    JOIN product p ON p.id = a.product_id
    LEFT JOIN bid b ON b.id = a.bid_id
    WHERE a.product_id = ANY (products) AND a.status = 'awarded' AND a.direction = wanted_direction AND a.delivery_window && span
      AND NOT EXISTS (SELECT FROM availability v WHERE v.award_id = a.id AND v.status = 'accepted' AND v.direction = wanted_direction AND v.delivery_window && span)
    UNION ALL
    SELECT b.id, 'bid', b.unit_id, b.portfolio_id IS NOT NULL, b.service_provider_id, b.product_id, b.power_kw, b.delivery_window, b.utilisation_price_per_mwh, b.id,
           CASE WHEN NOT EXISTS (SELECT FROM qualification q WHERE q.unit_id = b.unit_id AND q.product_id = b.product_id AND q.service_provider_id = b.service_provider_id
                                   AND q.status IN ('prequalified', 'temporary_qualified', 'verified') AND q.valid @> span) THEN 'not_qualified: a bid counts when its unit is qualified' END
    FROM bid b
    LEFT JOIN competition g ON g.id = b.competition_id
    WHERE with_bids AND b.product_id = ANY (products) AND b.live AND b.direction = wanted_direction AND b.delivery_window && span AND (g.id IS NULL OR g.gate_closes_at <= least(at, now())) -- a sealed one stays so, whatever instant is asked about
  ), unit AS MATERIALIZED (
    SELECT o.*, u.grid_node_id, (u.profile ->> 'notice')::interval AS notice, (u.profile ->> 'full_delivery')::interval AS full_delivery, (u.profile ->> 'ramp_kw_per_minute')::numeric AS ramp,
           (u.profile ->> 'min_duration')::interval AS min_duration, nullif(u.profile ->> 'max_duration', 'infinity')::interval AS max_duration,
           (u.profile ->> 'energy_kwh')::numeric AS energy, (u.profile ->> 'recovery')::interval AS recovery,
           t.minimum_kw, t.minimum_share, greatest(o.power_kw - coalesce(used.kw, 0), 0) AS left_kw
    FROM offer o
    JOIN LATERAL (SELECT a.grid_node_id, a.profile::jsonb AS profile FROM asset a WHERE NOT o.is_portfolio AND a.id = o.unit_id
                  UNION ALL
                  SELECT f.grid_node_id, portfolio_profile(f.id)::jsonb FROM portfolio f WHERE o.is_portfolio AND f.id = o.unit_id) u ON true
    LEFT JOIN bid_terms t ON t.bid_id = o.bid_id
    LEFT JOIN used ON used.trade_id = o.trade_id
  ), below AS MATERIALIZED (
    SELECT DISTINCT g.grid_node_id FROM grid_nodes_below(node, span) g WHERE g.valid @> span
  ), reach AS MATERIALIZED (
    SELECT s.unit_grid_node_id, s.sensitivity FROM network_sensitivity s WHERE resource_window(s.grid_node_id, s.valid) && resource_window(node, span) AND s.valid @> lower(span)
  ), bounded AS (
    SELECT u.*, least(u.left_kw, firm_storage(u.left_kw, u.energy, hours),
                      CASE WHEN u.ramp IS NOT NULL THEN u.ramp * greatest(extract(epoch FROM lower(span) - at - coalesce(u.notice, interval '0')), 0) / 60 END) AS most,
           greatest(CASE WHEN u.minimum_kw < u.power_kw THEN u.minimum_kw WHEN u.minimum_kw IS NOT NULL THEN u.power_kw END, u.minimum_share * u.power_kw, 0) AS least,
           coalesce(s.sensitivity, 1) AS sensitivity
    FROM unit u
    LEFT JOIN reach s ON s.unit_grid_node_id = u.grid_node_id
  ), reliability AS MATERIALIZED (
    SELECT r.* FROM delivery_reliability((SELECT array_agg(DISTINCT o.unit_id) FROM offer o), products, wanted_method, at) r
  ), silent AS MATERIALIZED (
    SELECT s.unit_id, s.product_id, min(s.reason) AS reason FROM silent_units((SELECT array_agg(DISTINCT o.unit_id) FROM offer o), products, span, at) s GROUP BY 1, 2
  ), suspended AS MATERIALIZED (
    SELECT q.unit_id, q.product_id, min(concat_ws(', ', x.reason, x.note)) AS reason FROM suspension x JOIN qualification q ON q.id = x.qualification_id
    WHERE q.product_id = ANY (products) AND x.suspended_at <= at AND (x.status = 'suspended' OR x.reinstated_at > at) GROUP BY 1, 2
  ), refused AS MATERIALIZED (
    SELECT q.unit_id, q.product_id FROM qualification q WHERE q.product_id = ANY (products)
    GROUP BY 1, 2 HAVING bool_and(q.status = 'rejected')
  ), gate AS MATERIALIZED (
    SELECT p.id, p.paid_for, s.buyer_kind, s.code, gate_closure(p.market_id, 'instruction', lower(span)) AS closes_at FROM product p JOIN service s ON s.code = p.service_code WHERE p.id = ANY (products)
  ), judged AS (
    SELECT b.*, r.mean_ratio, r.deviation, r.probability, r.events, b.least AS least_kw,
           lower(span) >= at + b.notice AS notice_ok,
           array_remove(ARRAY[
             b.because,
             CASE WHEN NOT b.delivery_window @> span THEN format('window: offered for %s alone', b.delivery_window) END,
             CASE WHEN b.left_kw <= 0 THEN 'called_already: nothing is left of the offer' END,
             CASE WHEN node IS NOT NULL AND b.grid_node_id IS NULL THEN 'elsewhere: its place is not known' END,
             CASE WHEN node IS NOT NULL AND b.grid_node_id NOT IN (SELECT x.grid_node_id FROM below x) THEN 'elsewhere: it does not lie below the element' END,
             CASE WHEN b.sensitivity = 0 THEN 'elsewhere: nothing of it reaches the element' END,
             CASE WHEN gate.closes_at < at THEN format('gate: instructions of this product were due by %s', to_char(gate.closes_at, 'YYYY-MM-DD"T"HH24:MI"Z"')) END,
             CASE WHEN lower(span) < at + b.notice THEN format('notice: it needs %s', b.notice) END,
             CASE WHEN lower(span) < at + b.full_delivery THEN format('full_delivery: it needs %s to full power', b.full_delivery) END,
             CASE WHEN hours * interval '1 hour' < b.min_duration THEN format('minimum_run: it runs for %s at least', b.min_duration) END,
             CASE WHEN hours * interval '1 hour' > b.max_duration THEN format('maximum_duration: it runs for %s at most', b.max_duration) END,
             CASE WHEN b.left_kw > 0 AND firm_storage(b.left_kw, b.energy, hours) < greatest(b.least, 0.001) THEN format('energy: its %s kWh are %s kW for so long, below its minimum', trim_scale(b.energy), trunc(b.energy / hours, 3)) END,
             CASE WHEN b.left_kw > 0 AND b.ramp * greatest(extract(epoch FROM lower(span) - at - coalesce(b.notice, interval '0')), 0) / 60 < greatest(b.least, 0.001) THEN format('ramp: %s kW a minute do not bring its minimum in time', trim_scale(b.ramp)) END,
             CASE WHEN b.left_kw > 0 AND b.left_kw < b.least THEN format('minimum: %s kW are left, and it can be called with %s at the least', trim_scale(b.left_kw), trim_scale(b.least)) END,
             CASE WHEN near.window IS NOT NULL THEN format('recovery: it needs %s between two uses, and has one %s', b.recovery, CASE WHEN near.market_operator_id = buyer THEN near.window::text ELSE 'of another buyer' END) END,
             CASE WHEN b.price IS NULL AND 'utilisation' = ANY (gate.paid_for) THEN 'no_price: utilisation is paid, and no price is known' END,
             CASE WHEN suspended.reason IS NOT NULL THEN format('suspended: %s', suspended.reason) END,
             CASE WHEN refused.unit_id IS NOT NULL THEN 'not_qualified: it was rejected for this product' END,
             silent.reason,
             CASE WHEN removal.reason IS NOT NULL THEN format('removed: %s', removal.reason) END,
             CASE WHEN r.mean_ratio = 0 OR (SELECT m.kind FROM last_reliability_method(wanted_method) m) = 'on_off' AND r.probability = 0 THEN 'never_delivers: nothing is to be expected of it' END], NULL) AS because_all
    FROM bounded b
    JOIN gate ON gate.id = b.product_id
    JOIN reliability r ON r.unit_id = b.unit_id AND r.product_id = b.product_id
    LEFT JOIN silent ON silent.unit_id = b.unit_id AND silent.product_id = b.product_id
    LEFT JOIN suspended ON suspended.unit_id = b.unit_id AND suspended.product_id = b.product_id
    LEFT JOIN refused ON refused.unit_id = b.unit_id AND refused.product_id = b.product_id
    LEFT JOIN LATERAL (SELECT c.delivery_window AS "window", c.market_operator_id FROM commitment c
                       WHERE b.recovery > interval '0' AND c.closed_at IS NULL AND c.stage = 'dispatch'
                         AND resource_window(c.unit_id, c.delivery_window) && resource_window(b.unit_id, time_window(lower(span) - b.recovery, upper(span) + b.recovery))
                         AND NOT c.delivery_window && span
                       ORDER BY lower(c.delivery_window) LIMIT 1) near ON true
    LEFT JOIN LATERAL (SELECT u.reason FROM unit_removal u
                       WHERE u.closed_at IS NULL AND resource_window(u.unit_id, u.valid) && resource_window(b.unit_id, span) AND (u.portfolio_id IS NOT NULL) = b.is_portfolio
                         AND u.operator_id <> buyer AND (u.service_code = gate.code OR u.service_code IS NULL AND gate.buyer_kind = 'neso') ORDER BY u.id LIMIT 1) removal ON true
  ), single AS (
    -- a unit is called once: out of the cheapest of its offers that could be called
    SELECT j.*, row_number() OVER (PARTITION BY j.unit_id, j.because_all = '{}' ORDER BY j.price NULLS FIRST, j.most DESC, j.trade_id) AS turn FROM judged j
  )
  SELECT NULL::bigint, s.trade_id, s.stage, NULL::integer, s.unit_id, s.service_provider_id, s.product_id, round(s.least_kw, 3)::numeric(14,3), trunc(s.most, 3)::numeric(14,3), s.sensitivity::numeric(7,5), s.price::numeric(14,4),
         s.mean_ratio::numeric(9,6), s.deviation::numeric(9,6), s.probability::numeric(9,6), s.events, s.notice_ok, 0::numeric(14,3), 0::numeric(20,3), 0::numeric(20,3), 0::numeric(20,4),
         CASE WHEN s.because_all = '{}' AND s.turn > 1 THEN ARRAY['other_offer: a cheaper offer of the same unit is looked at'] ELSE s.because_all END
  FROM single s
  ORDER BY s.price NULLS FIRST, s.trade_id;
END
$function$;
COMMENT ON FUNCTION merit_order_candidates(bigint, bigint[], bigint, text, time_window, text, timestamptz, boolean) IS
  'every offer that a buyer could call in a window out of its products, and what speaks against it';
REVOKE ALL ON FUNCTION merit_order_candidates(bigint, bigint[], bigint, text, time_window, text, timestamptz, boolean) FROM PUBLIC;

-- ------------------------------------------------------------------ the cheapest that are firm enough

CREATE OR REPLACE FUNCTION firm_of_calls(kw float8[], share float8[], mean float8[], confidence float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- on a grid where there are many sums, which is safe
  SELECT CASE WHEN x.powers IS NULL THEN 0 ELSE firm_on_off(x.powers, x.p, firm_of_calls.confidence, greatest(ceil(x.total / 100) / 1000, 0.001)) END::float8
  FROM (SELECT array_agg(c.power) AS powers, array_agg(c.p) AS p, sum(c.power) AS total
        FROM (SELECT round((u.kw * u.y)::numeric, 3) AS power, least(u.mean / u.kw, 1) AS p FROM unnest(kw, share, mean) u (kw, y, mean) WHERE u.y > 0) c) x
$function$;
COMMENT ON FUNCTION firm_of_calls(float8[], float8[], float8[], float8) IS
  'firm quantity of shares of units that deliver or do not: exact while there are few sums, else on a grid of a hundred-thousandth of all, never more than is firm';
REVOKE ALL ON FUNCTION firm_of_calls(float8[], float8[], float8[], float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION firm_of_calls(float8[], float8[], float8[], float8) TO flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION firm_of(kind text, kw float8[], share float8[], mean float8[], deviation float8[], correlation float8, confidence float8) RETURNS float8
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE firm_of.kind WHEN 'on_off' THEN firm_of_calls(firm_of.kw, firm_of.share, firm_of.mean, firm_of.confidence)
                           WHEN 'bonferroni' THEN firm_bonferroni(x.m, x.s, firm_of.confidence)
                           ELSE firm_normal(x.m, x.s, firm_of.correlation, firm_of.confidence) END
  FROM (SELECT coalesce(array_agg(u.m * u.y), '{}') AS m, coalesce(array_agg(u.s * u.y), '{}') AS s FROM unnest(share, mean, deviation) u (y, m, s) WHERE u.y > 0) x
$function$;
COMMENT ON FUNCTION firm_of(text, float8[], float8[], float8[], float8[], float8, float8) IS
  'firm quantity, kW, of shares of units, as a method of that kind has it; kW of each, shares, mean and deviation of what comes of all of it';
REVOKE ALL ON FUNCTION firm_of(text, float8[], float8[], float8[], float8[], float8, float8) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION firm_of(text, float8[], float8[], float8[], float8[], float8, float8) TO flexexchange_participant, flexexchange_regulator;

-- The firm quantity of shares y of normal units, f(y) = m.y - z sqrt((1 - r) sum (s y)^2 + r (s.y)^2), is concave and grows with y in proportion.  So it lies below each of its
-- tangents, f(y) <= g.y for every gradient g, and what must have f(y) >= required must have g.y >= required.  clear_orders() gives the cheapest shares, with minimums and limits, that have
-- this for the gradients found so far, and proves it; where f itself is not reached there, the gradient there is added.  The cost proved before the end is a bound for every choice.
CREATE OR REPLACE FUNCTION choose_units(kind text, ids bigint[], kw float8[], minimum float8[], cost float8[], mean float8[], deviation float8[], correlation float8, confidence float8, required float8,
                                        limit_ids bigint[], limit_orders bigint[], limit_kw float8[], limit_most float8[],
                                        OUT share float8[], OUT firm float8, OUT total float8, OUT least_total float8, OUT rounds integer)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET extra_float_digits = 1
AS $function$
DECLARE
  z CONSTANT float8 := normal_quantile(confidence);
  r CONSTANT float8 := CASE kind WHEN 'normal' THEN correlation ELSE 0::float8 END;
  n CONSTANT integer := cardinality(ids);
  is_small CONSTANT boolean := n <= 40 AND coalesce(cardinality(limit_ids), 0) = 0;
  max_gap CONSTANT float8 := CASE WHEN n <= 300 THEN 0::float8 ELSE 0.00001::float8 END;
  terms CONSTANT text := format('SELECT u.id, u.minimum, 0::float8 FROM unnest(%L::bigint[], %L::float8[]) u (id, minimum) WHERE u.minimum > 0', ids, minimum);
  limits CONSTANT text := CASE WHEN cardinality(limit_ids) > 0 THEN format('SELECT * FROM unnest(%L::bigint[], %L::bigint[], %L::float8[], %L::float8[])', limit_ids, limit_orders, limit_kw, limit_most) END;
  -- what is short costs more than anything there is
  ceiling CONSTANT float8 := (SELECT 1000 + 1000 * max(abs(u.cost) / u.mean) FROM unnest(cost, mean) u (cost, mean));
  cuts text[] := ARRAY[mean::text];
  needs float8[] := ARRAY[CASE kind WHEN 'on_off' THEN confidence * required ELSE required END];
  target float8 := required;
  below float8 := required;
  enough float8;
  counted bigint := 1::bigint;
  legs text;
  answer record;
  is_short boolean;
  spread float8;
  alone float8;
  reached float8;
  taken bigint;
  tried integer := 0;
  by_mean boolean := false;
  by_contribution boolean := false;
  proved_cuts text[];
  fallback float8[];
  place bigint;
  other bigint;
  trial float8[];
  before float8[];
  lower_share float8;
BEGIN
  rounds := 0;
  IF n = 0 THEN
    share := '{}';
    firm := 0;
    total := 0;
    RETURN;
  END IF;
  -- The mean is a tangent too.  Of units that deliver or do not, P(sum >= required) >= confidence asks for a mean of confidence times required, and for that much power at all.
  -- Units of unknown dependence are no firmer than one of them would be with all the doubt.
  SELECT sqrt((1 - r) * sum(u.s ^ 2) + r * sum(u.s) ^ 2), sum(u.s) INTO spread, alone FROM unnest(deviation) u (s);
  cuts := cuts || CASE kind WHEN 'on_off' THEN kw::text
                            WHEN 'bonferroni' THEN (SELECT array_agg(u.m - z * u.s ORDER BY u.n)::text FROM unnest(mean, deviation) WITH ORDINALITY u (m, s, n))
                            ELSE (SELECT array_agg(u.m - CASE WHEN spread > 0 THEN z * ((1 - r) * u.s ^ 2 + r * u.s * alone) / spread ELSE 0 END ORDER BY u.n)::text
                                  FROM unnest(mean, deviation) WITH ORDINALITY u (m, s, n)) END;
  needs := needs || required;
  LOOP
    rounds := rounds + 1;
    legs := (SELECT string_agg(format('(%s, q%s, %s)', c, c, CASE c WHEN 1 THEN 'u.cost / nullif(u.q1, 0)' ELSE '0' END), ', ' ORDER BY c) FROM generate_series(1, cardinality(cuts)) c);
    SELECT * INTO answer FROM clear_orders(
      orders => format('SELECT u.id, l.cell::bigint, l.quantity, l.price::float8 FROM ROWS FROM (unnest(%L::bigint[]), unnest(%L::float8[]), %s) WITH ORDINALITY AS u (id, cost, %s, n) CROSS JOIN LATERAL (VALUES %s) l (cell, quantity, price) WHERE l.quantity > 1e-9 ORDER BY u.n, l.cell',
                       ids, cost, (SELECT string_agg(format('unnest(%L::float8[])', x.c), ', ' ORDER BY x.i) FROM unnest(cuts) WITH ORDINALITY x (c, i)),
                       (SELECT string_agg('q' || c, ', ' ORDER BY c) FROM generate_series(1, cardinality(cuts)) c), legs),
      cells => format('SELECT x.c, x.need, %s::float8, true FROM unnest(%L::float8[]) WITH ORDINALITY x (need, c)', ceiling, needs),
      terms => terms, limits => limits, pricing => 'none', max_gap => max_gap, max_seconds => 10);
    SELECT max(x) > required * 1e-7 INTO is_short FROM unnest(answer.shortfall) x;
    IF target = required AND (kind = 'normal' OR rounds = 1) THEN
      -- so far only what every choice must have was asked for
      least_total := greatest(least_total, answer.bound);
    END IF;
    tried := tried + 1;
    IF by_contribution AND share IS NULL AND (is_short OR tried >= 12) THEN
      -- nearly all there is is needed: gradients after all
      by_contribution := false;
      cuts := proved_cuts;
      target := required * (1 + 1e-6);
      tried := 5;
      needs := array_fill(target, ARRAY[cardinality(cuts)]);
      CONTINUE;
    END IF;
    IF is_short OR tried >= (CASE WHEN n <= 300 THEN 40 ELSE 12 END) OR enough <= below * 1.002 THEN
      -- units that deliver or do not are looked for in two ways: by mean and spread, and by the mean alone
      IF kind = 'on_off' AND NOT by_mean AND rounds > 1 THEN
        by_mean := true;
        tried := 0;
        cuts := cuts[1:1];
        target := required;
        below := required;
        enough := NULL;
        needs := ARRAY[target];
        fallback := coalesce(fallback, answer.share);
        CONTINUE;
      END IF;
      share := coalesce(share, fallback, answer.share);
      EXIT;
    END IF;
    SELECT sqrt((1 - r) * sum((u.s * u.y) ^ 2) + r * sum(u.s * u.y) ^ 2), sum(u.s * u.y), sum(u.m * u.y), count(*) FILTER (WHERE u.y > 0) INTO spread, alone, reached, taken
    FROM unnest(answer.share, mean, deviation) u (y, m, s);
    reached := reached - z * spread;
    IF kind = 'on_off' AND rounds = 1 THEN
      -- from here on as if they were normal, which finds them; what is found is judged as what it is
      cuts := cuts[1:1];
    END IF;
    IF by_contribution OR n > 300 AND kind = 'normal' AND tried = 4 AND reached < required AND spread > 0 THEN
      -- Of many units a bound is known by now.  A unit that is not taken looks better at the margin than it is once it is taken, which takes many gradients to find out; so from here on every unit is weighed by
      -- what it would add if it were taken among what is taken.  That is no bound, but soon settles.
      IF reached >= required * (1 - 1e-9) AND (share IS NULL OR (SELECT sum(u.y * u.c) FROM unnest(answer.share, cost) u (y, c)) < (SELECT sum(u.y * u.c) FROM unnest(share, cost) u (y, c))) THEN
        share := answer.share;
      END IF;
      EXIT WHEN share IS NOT NULL AND (tried >= 9 OR reached >= required * (1 - 1e-9) AND reached <= required * 1.0005);
      IF NOT by_contribution THEN
        by_contribution := true;
        proved_cuts := cuts;
        target := required * (1 + 1e-6);
      ELSE
        target := target * required / reached * (1 + 1e-6);
      END IF;
      cuts := ARRAY[(SELECT array_agg(greatest(u.m - z * ((1 - r) * u.s ^ 2 + r * u.s * alone) / spread, 0) ORDER BY u.n)::text FROM unnest(mean, deviation) WITH ORDINALITY u (m, s, n))];
      needs := ARRAY[target];
      CONTINUE;
    END IF;
    -- of few units the best is found; of many, a little more is asked for once the gradients say little new, and the cost proved so far says how little that costs
    IF kind <> 'bonferroni' AND NOT by_mean AND spread > 0 AND (kind = 'normal' AND reached < required * (1 - 1e-9) OR kind = 'on_off' AND rounds > 1)
       AND reached < target * (1 - CASE WHEN n > 300 THEN 0.0001 * 3 ^ greatest(tried - 3, 0) WHEN kind = 'normal' THEN 0.000001 * 3 ^ greatest(tried - 15, 0) ELSE 0.000001 END) THEN
      cuts := cuts[1:1] || cuts[greatest(cardinality(cuts) - CASE WHEN n <= 300 THEN 40 ELSE 8 END, 2):]
        || (SELECT array_agg(u.m - z * ((1 - r) * u.s ^ 2 * u.y + r * u.s * alone) / spread ORDER BY u.n)::text FROM unnest(answer.share, mean, deviation) WITH ORDINALITY u (y, m, s, n));
      needs := array_fill(target, ARRAY[cardinality(cuts)]);
      CONTINUE;
    END IF;
    firm := firm_of(kind, kw, answer.share, mean, deviation, r, confidence);
    IF firm >= required * (1 - 1e-9) THEN
      IF share IS NULL OR (SELECT sum(u.y * u.c) FROM unnest(answer.share, cost) u (y, c)) < (SELECT sum(u.y * u.c) FROM unnest(share, cost) u (y, c)) THEN
        share := answer.share;
      END IF;
      enough := target;
    ELSE
      below := target;
    END IF;
    IF kind = 'bonferroni' THEN
      EXIT WHEN share IS NOT NULL;
      counted := greatest(counted + 1, taken);
      cuts[2] := (SELECT array_agg(u.m - normal_quantile(1 - (1 - confidence) / counted) * u.s ORDER BY u.n)::text FROM unnest(mean, deviation) WITH ORDINALITY u (m, s, n));
    ELSIF kind = 'normal' THEN
      EXIT WHEN share IS NOT NULL;
      target := target * greatest(required / firm, 1) * (1 + 1e-8);
    ELSIF enough IS NULL THEN
      target := target * least(greatest(required / greatest(firm, required / 2), 1.002), 1.25);
    ELSE
      -- what units deliver or not comes in steps: perhaps less will do
      target := (below + enough) / 2;
    END IF;
    needs := array_fill(target, ARRAY[cardinality(cuts)]);
  END LOOP;
  firm := firm_of(kind, kw, share, mean, deviation, r, confidence);
  IF kind <> 'normal' AND firm >= required THEN
    -- is one too many?  The dearest first.  Among few: is one too many, or several, once another one is taken?  Until nothing changes
    FOR pass IN 1 .. CASE WHEN is_small THEN 5 ELSE 1 END LOOP
      before := share;
      FOR other IN SELECT 0::bigint UNION ALL (SELECT u.n FROM unnest(share) WITH ORDINALITY u (y, n) WHERE is_small AND u.y = 0 ORDER BY u.n) LOOP
        trial := share;
        IF other > 0 THEN
          CONTINUE WHEN share[other] > 0;
          trial[other] := 1;
        END IF;
        FOR place IN SELECT u.n FROM unnest(share, cost) WITH ORDINALITY u (y, c, n) WHERE u.y > 0 AND u.c > 0 ORDER BY u.y * u.c DESC, u.n LIMIT CASE WHEN is_small THEN 40 ELSE 5 END LOOP
          trial[place] := 0;
          IF firm_of(kind, kw, trial, mean, deviation, r, confidence) < required THEN
            trial[place] := share[place];
          END IF;
        END LOOP;
        IF (SELECT sum(u.y * u.c) FROM unnest(trial, cost) u (y, c)) < (SELECT sum(u.y * u.c) FROM unnest(share, cost) u (y, c)) THEN
          share := trial;
        END IF;
      END LOOP;
      EXIT WHEN share = before;
    END LOOP;
    -- or would less of one do?
    FOR place IN SELECT u.n FROM unnest(share, cost, minimum) WITH ORDINALITY u (y, c, least, n) WHERE is_small AND u.y > u.least AND u.c > 0 ORDER BY u.y * u.c DESC, u.n LOOP
      trial := share;
      lower_share := minimum[place];
      FOR halving IN 1 .. 12 LOOP
        trial[place] := (lower_share + share[place]) / 2;
        IF firm_of(kind, kw, trial, mean, deviation, r, confidence) >= required THEN
          share[place] := trial[place];
        ELSE
          lower_share := trial[place];
        END IF;
      END LOOP;
    END LOOP;
    firm := firm_of(kind, kw, share, mean, deviation, r, confidence);
  END IF;
  IF firm < required * (1 - 1e-9) THEN
    least_total := NULL;
  END IF;
  SELECT sum(u.y * u.c) INTO total FROM unnest(share, cost) u (y, c);
END
$function$;
COMMENT ON FUNCTION choose_units(text, bigint[], float8[], float8[], float8[], float8[], float8[], float8, float8, float8, bigint[], bigint[], float8[], float8[]) IS
  'the cheapest shares of units that are firm for so many kW: ids, kW of each, least share if any, cost of all of it, mean and deviation of what comes, kW; limits as of clear_orders(), in kW; gives the shares, the firm quantity, their cost, and a cost that no choice goes below (NULL: none is enough)';
REVOKE ALL ON FUNCTION choose_units(text, bigint[], float8[], float8[], float8[], float8[], float8[], float8, float8, float8, bigint[], bigint[], float8[], float8[]) FROM PUBLIC;

-- ------------------------------------------------------------------ what the rules would say of it

-- As probe_trade() does for one: written, looked at and taken back, all at once, so that what they do to one another is found too.
CREATE OR REPLACE FUNCTION probe_calls(units merit_order_unit[], wanted_direction text, span time_window, node bigint, reader_id bigint)
RETURNS TABLE (called_trade_id bigint, because text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
SET flexexchange.detect_always = on
AS $function$
#variable_conflict use_column
DECLARE
  trades bigint[];
  found_trades bigint[];
  found_words text[];
BEGIN
  BEGIN
    WITH asked AS (
      SELECT u.*, row_number() OVER (ORDER BY u.rank) AS turn FROM unnest(units) u
    ), made AS (
      INSERT INTO dispatch (award_id, availability_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, grid_node_id)
      SELECT CASE a.stage WHEN 'award' THEN a.trade_id END, CASE a.stage WHEN 'availability' THEN a.trade_id END, a.product_id, a.service_provider_id,
             CASE WHEN p.id IS NULL THEN a.unit_id END, p.id, wanted_direction, a.power_kw, span, node
      FROM asked a LEFT JOIN portfolio p ON p.id = a.unit_id
      ORDER BY a.turn
      RETURNING id, coalesce(award_id, availability_id) AS parent_id, unit_id
    )
    SELECT array_agg(m.id), array_agg(u.trade_id) INTO trades, found_trades FROM made m JOIN asked u ON u.unit_id = m.unit_id;
    SELECT array_agg(x.trade_id), array_agg(x.words) INTO found_trades, found_words
    FROM (SELECT t.trade_id, string_agg(DISTINCT format('conflict: %s', f.message), ' ') AS words
          FROM unnest(trades, found_trades) t (dispatch_id, trade_id)
          JOIN commitment c ON c.source_id = t.dispatch_id AND c.stage = 'dispatch'
          JOIN conflict k ON k.challenger_id = c.id AND k.severity = 'blocking' AND k.closed_at IS NULL
          CROSS JOIN LATERAL (SELECT g.message FROM findings_on_trade('dispatch', t.dispatch_id, reader_id) g WHERE g.conflict_id = k.id) f
          GROUP BY t.trade_id
          UNION ALL
          SELECT t.trade_id, format('conflict: the rules would have it %s', d.status)
          FROM unnest(trades, found_trades) t (dispatch_id, trade_id) JOIN dispatch d ON d.id = t.dispatch_id
          WHERE d.status <> 'instructed' AND NOT EXISTS (SELECT FROM commitment c JOIN conflict k ON k.challenger_id = c.id WHERE c.source_id = d.id AND c.stage = 'dispatch' AND k.severity = 'blocking')) x;
    RAISE EXCEPTION USING ERRCODE = 'MX303', MESSAGE = 'trades that were only asked about are taken back';
  EXCEPTION WHEN SQLSTATE 'MX303' THEN
    NULL;
  END;
  RETURN QUERY SELECT * FROM unnest(found_trades, found_words) WHERE found_words IS NOT NULL;
END
$function$;
COMMENT ON FUNCTION probe_calls(merit_order_unit[], text, time_window, bigint, bigint) IS
  'which of these calls the rules engine would find a blocking conflict with, all of them being made in order of rank, and in words that a participant may know; nothing stays of it; errors as for writing dispatches';
REVOKE ALL ON FUNCTION probe_calls(merit_order_unit[], text, time_window, bigint, bigint) FROM PUBLIC;

-- ------------------------------------------------------------------ proposing

CREATE OR REPLACE FUNCTION merit_order(product_ids bigint[], grid_node_id bigint, direction text, power_kw numeric, delivery_window time_window,
                                       confidence numeric DEFAULT 0.95, correlation numeric DEFAULT NULL, method text DEFAULT 'normal',
                                       at timestamptz DEFAULT now(), need_id bigint DEFAULT NULL, with_bids boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $function$
#variable_conflict use_column
DECLARE
  asked_products CONSTANT bigint[] := ARRAY(SELECT DISTINCT x FROM unnest(merit_order.product_ids) x WHERE x IS NOT NULL ORDER BY x);
  node CONSTANT bigint := merit_order.grid_node_id;
  buyers bigint[];
  how reliability_method;
  hours numeric;
  rho numeric;
  basis text;
  common bigint := 0::bigint;
  units merit_order_unit[];
  free merit_order_unit[];
  limit_ids bigint[];
  limit_orders bigint[];
  limit_most float8[];
  kws float8[];
  means float8[];
  deviations float8[];
  shares float8[];
  chosen_firm float8;
  least_total float8;
  called merit_order_unit[];
  blocked bigint[];
  blocked_because text[];
  spread float8;
  alone float8;
  firm numeric;
  comes float8;
  made bigint;
BEGIN
  SELECT array_agg(DISTINCT m.market_operator_id) INTO buyers FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = ANY (asked_products);
  IF asked_products = '{}' OR (SELECT count(*) FROM product p WHERE p.id = ANY (asked_products)) < cardinality(asked_products) THEN
    RAISE EXCEPTION 'merit_order.product_ids: there is no product %', coalesce(array_to_string(ARRAY(SELECT x FROM unnest(asked_products) x EXCEPT SELECT p.id FROM product p ORDER BY 1), ', '), '')
      USING ERRCODE = 'MX102', HINT = 'See table product for the products of this exchange.';
  END IF;
  IF NOT (pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'merit_order'::regclass), 'MEMBER') OR asked_products <@ ARRAY(SELECT own_product_ids())) THEN
    RAISE EXCEPTION 'merit_order.product_ids: these products are not yours to call'
      USING ERRCODE = 'insufficient_privilege', HINT = 'A buyer asks whom to call out of its own products.';
  END IF;
  IF cardinality(buyers) > 1 THEN
    RAISE EXCEPTION 'merit_order.product_ids: these products are of % buyers', cardinality(buyers)
      USING ERRCODE = 'MX431', HINT = 'Ask for the products of one buyer.';
  END IF;
  PERFORM check_code(direction, 'merit_order.direction', 'up', 'down'), check_given(num_nulls(direction, power_kw, delivery_window, confidence, at) = 0, 'merit_order direction, power_kw, delivery_window, confidence and at', 'Say what is needed, and when.'),
          check_positive(power_kw, 'merit_order.power_kw'), check_given(isfinite(upper(delivery_window)) AND isfinite(lower(delivery_window)), 'an end of merit_order.delivery_window', 'A call has a beginning and an end.'),
          check_given(confidence >= 0.5 AND confidence < 1, 'merit_order.confidence from 0.5 to below 1', 'For example 0.95.'), check_given(correlation IS NULL OR (correlation >= 0 AND correlation <= 1), 'merit_order.correlation from 0 to 1', 'Leave it out to have it estimated.');
  IF node IS NOT NULL AND NOT EXISTS (SELECT FROM grid_node g WHERE g.id = node) THEN
    RAISE EXCEPTION 'merit_order.grid_node_id: there is no grid node %', node
      USING ERRCODE = 'foreign_key_violation', HINT = 'See table grid_node.';
  END IF;
  IF need_id IS NOT NULL AND NOT EXISTS (SELECT FROM need d WHERE d.id = merit_order.need_id AND d.market_operator_id = buyers[1]) THEN
    RAISE EXCEPTION 'merit_order.need_id: the buyer of these products has no need %', need_id
      USING ERRCODE = 'MX432', HINT = 'Name a need of the buyer, or none.';
  END IF;
  how := last_reliability_method(method);
  IF how.kind <> 'normal' AND correlation IS NOT NULL THEN
    RAISE EXCEPTION 'merit_order.correlation: method % takes none', quote_literal(method)
      USING ERRCODE = 'MX433', HINT = CASE how.kind WHEN 'on_off' THEN 'It takes units to be independent; a method of kind normal takes a correlation.' ELSE 'It holds whatever the correlation is.' END;
  END IF;
  hours := extract(epoch FROM upper(delivery_window) - lower(delivery_window)) / 3600;

  SELECT coalesce(array_agg(c ORDER BY c.utilisation_price_per_mwh NULLS FIRST, c.trade_id), '{}') INTO units
  FROM merit_order_candidates(buyers[1], asked_products, node, merit_order.direction, merit_order.delivery_window, method, at, with_bids) c;
  IF how.kind = 'normal' THEN
    IF correlation IS NULL THEN
      SELECT x.correlation, x.basis, x.events INTO rho, basis, common
      FROM delivery_correlation(ARRAY(SELECT DISTINCT u.unit_id FROM unnest(units) u WHERE u.excluded_because = '{}'), asked_products, method, at) x;
    ELSE
      rho := correlation;
      basis := 'stated';
    END IF;
  ELSE
    rho := CASE how.kind WHEN 'on_off' THEN 0.0 END;
    basis := CASE how.kind WHEN 'on_off' THEN 'independent' ELSE 'unknown' END;
  END IF;

  -- what the network still bears: of each limit or constraint above a unit, what is not dispatched at its worst instant, less three watts, since calls are rounded up to the watt
  IF EXISTS (SELECT FROM network_restriction x WHERE x.direction = merit_order.direction AND x.valid && merit_order.delivery_window) THEN
    WITH place AS (
      SELECT u.trade_id, u.least_kw, u.most_kw, coalesce(a.grid_node_id, f.grid_node_id) AS node
      FROM unnest(units) u LEFT JOIN asset a ON a.id = u.unit_id LEFT JOIN portfolio f ON f.id = u.unit_id
    ), above AS MATERIALIZED (
      SELECT DISTINCT n.node, x.kind, x.id, x.grid_node_id, x.limit_kw, x.valid * merit_order.delivery_window AS part
      FROM (SELECT DISTINCT p.node FROM place p WHERE p.node IS NOT NULL) n
      CROSS JOIN LATERAL grid_nodes_above(n.node, merit_order.delivery_window) g
      JOIN network_restriction x ON x.grid_node_id = g.grid_node_id AND x.direction = merit_order.direction AND x.valid && g.valid
    ), room AS MATERIALIZED (
      SELECT b.kind, b.id, b.grid_node_id, row_number() OVER (ORDER BY b.kind, b.id) AS number, b.limit_kw,
             b.limit_kw - coalesce((SELECT (max_concurrent(n.valid * b.part, c.power_kw)).peak FROM network_dispatch n JOIN commitment c ON c.id = n.commitment_id
                                    WHERE resource_window(n.grid_node_id, n.valid) && resource_window(b.grid_node_id, b.part) AND n.direction = merit_order.direction), 0) AS kw
      FROM (SELECT DISTINCT a.kind, a.id, a.grid_node_id, a.limit_kw, a.part FROM above a) b
    ), broken AS (
      SELECT p.trade_id, array_agg(format('%s: %s kW %s at %s, of which %s are left', r.kind, trim_scale(r.limit_kw), merit_order.direction, g.name, trim_scale(greatest(r.kw, 0))) ORDER BY r.kind, r.id) AS because
      FROM place p JOIN above a ON a.node = p.node JOIN room r ON r.kind = a.kind AND r.id = a.id JOIN grid_node g ON g.id = r.grid_node_id
      WHERE r.kw < greatest(p.least_kw, 0.001) GROUP BY p.trade_id
    ), told AS (
      SELECT coalesce(array_agg(jsonb_populate_record(NULL::merit_order_unit, to_jsonb(u) || jsonb_build_object('excluded_because', u.excluded_because || b.because))) FILTER (WHERE b.trade_id IS NOT NULL), '{}') AS changed,
             coalesce(array_agg(u) FILTER (WHERE b.trade_id IS NULL), '{}') AS kept
      FROM unnest(units) u LEFT JOIN broken b ON b.trade_id = u.trade_id
    )
    SELECT t.kept || t.changed,
           (SELECT array_agg(r.number ORDER BY r.number, p.trade_id) FROM place p JOIN above a ON a.node = p.node JOIN room r ON r.kind = a.kind AND r.id = a.id WHERE r.kw > 0),
           (SELECT array_agg(p.trade_id ORDER BY r.number, p.trade_id) FROM place p JOIN above a ON a.node = p.node JOIN room r ON r.kind = a.kind AND r.id = a.id WHERE r.kw > 0),
           (SELECT array_agg(greatest(r.kw - 0.003, 0)::float8 ORDER BY r.number, p.trade_id) FROM place p JOIN above a ON a.node = p.node JOIN room r ON r.kind = a.kind AND r.id = a.id WHERE r.kw > 0)
      INTO units, limit_ids, limit_orders, limit_most
    FROM told t;
  END IF;

  LOOP
    free := ARRAY(SELECT u FROM unnest(units) u WHERE u.excluded_because = '{}' ORDER BY u.utilisation_price_per_mwh NULLS FIRST, u.trade_id);
    SELECT array_agg(x.kw ORDER BY x.n), array_agg(x.kw * CASE how.kind WHEN 'on_off' THEN x.probability ELSE x.mean_ratio END ORDER BY x.n),
           array_agg(x.kw * CASE how.kind WHEN 'on_off' THEN sqrt(x.probability * (1 - x.probability)) ELSE x.deviation END ORDER BY x.n)
      INTO kws, means, deviations
    FROM (SELECT u.n, (u.most_kw * u.sensitivity)::float8 AS kw, u.mean_ratio::float8, u.deviation::float8, u.probability::float8 FROM unnest(free) WITH ORDINALITY
            AS u (merit_order_id, trade_id, stage, rank, unit_id, service_provider_id, product_id, least_kw, most_kw, sensitivity, utilisation_price_per_mwh, mean_ratio, deviation, probability, events, notice_ok,
                  power_kw, expected_kw, firm_share_kw, cost, excluded_because, n)) x;
    SELECT c.share, c.firm, c.least_total INTO shares, chosen_firm, least_total FROM choose_units(how.kind, ARRAY(SELECT u.trade_id FROM unnest(free) u), coalesce(kws, '{}'), ARRAY(SELECT (u.least_kw / u.most_kw)::float8 FROM unnest(free) u),
      ARRAY(SELECT (coalesce(u.utilisation_price_per_mwh, 0) * u.most_kw * hours / 1000)::float8 FROM unnest(free) u), coalesce(means, '{}'), coalesce(deviations, '{}'), coalesce(rho, 0)::float8, confidence::float8, power_kw::float8,
      ARRAY(SELECT l.id FROM unnest(limit_ids, limit_orders) WITH ORDINALITY l (id, trade_id, n) JOIN unnest(free) u ON u.trade_id = l.trade_id ORDER BY l.n),
      ARRAY(SELECT l.trade_id FROM unnest(limit_orders) WITH ORDINALITY l (trade_id, n) JOIN unnest(free) u ON u.trade_id = l.trade_id ORDER BY l.n),
      ARRAY(SELECT u.most_kw::float8 FROM unnest(limit_orders) WITH ORDINALITY l (trade_id, n) JOIN unnest(free) u ON u.trade_id = l.trade_id ORDER BY l.n),
      ARRAY(SELECT l.most FROM unnest(limit_orders, limit_most) WITH ORDINALITY l (trade_id, most, n) JOIN unnest(free) u ON u.trade_id = l.trade_id ORDER BY l.n)) c;
    -- to the watt, upwards
    shares := ARRAY(SELECT CASE WHEN x.y * u.most_kw < 0.0005 THEN 0 ELSE least(ceil(round((x.y * u.most_kw * 1000)::numeric, 3)) / 1000, u.most_kw) / u.most_kw END::float8
                    FROM unnest(shares) WITH ORDINALITY x (y, n)
                    JOIN (SELECT f.most_kw, row_number() OVER () AS n FROM unnest(free) f) u USING (n) ORDER BY n);
    chosen_firm := firm_of(how.kind, coalesce(kws, '{}'), shares, coalesce(means, '{}'), coalesce(deviations, '{}'), coalesce(rho, 0)::float8, confidence::float8);
    -- what each adds to the firm quantity: its share of it at the margin, which adds up to all of it
    SELECT sqrt((1 - rho) * sum((x.s * x.y) ^ 2) + rho * sum(x.s * x.y) ^ 2), sum(x.s * x.y) INTO spread, alone FROM unnest(shares, deviations) x (y, s);
    called := ARRAY(
      SELECT ROW(NULL, w.trade_id, w.stage, row_number() OVER (ORDER BY w.pays / nullif(greatest(w.weight, 0), 0) NULLS LAST, w.trade_id), w.unit_id, w.service_provider_id, w.product_id, w.least_kw, w.most_kw, w.sensitivity,
                 w.utilisation_price_per_mwh, w.mean_ratio, w.deviation, w.probability, w.events, w.notice_ok, w.kw, w.mean * w.y, w.weight * chosen_firm / nullif(sum(w.weight) OVER (), 0), w.pays, '{}')::merit_order_unit
      FROM (SELECT u.*, round((x.y * u.most_kw)::numeric, 3) AS kw, x.m AS mean, x.y, coalesce(u.utilisation_price_per_mwh, 0) * round((x.y * u.most_kw)::numeric, 3) * hours / 1000 AS pays,
                   CASE how.kind WHEN 'normal' THEN x.m * x.y - CASE WHEN spread > 0 THEN normal_quantile(confidence::float8) * ((1 - rho) * (x.s * x.y) ^ 2 + rho * x.s * x.y * alone) / spread ELSE 0 END ELSE x.m * x.y END AS weight
            FROM unnest(free) u JOIN unnest(ARRAY(SELECT f.trade_id FROM unnest(free) f), shares, means, deviations) x (trade_id, y, m, s) ON x.trade_id = u.trade_id
            WHERE x.y > 0) w);
    SELECT array_agg(b.called_trade_id), array_agg(b.because) INTO blocked, blocked_because
    FROM probe_calls(called, merit_order.direction, merit_order.delivery_window, node, buyers[1]) b;
    EXIT WHEN blocked IS NULL;
    units := ARRAY(SELECT CASE WHEN b.id IS NULL THEN u ELSE jsonb_populate_record(NULL::merit_order_unit, to_jsonb(u) || jsonb_build_object('excluded_because', ARRAY[b.because])) END
                   FROM unnest(units) u LEFT JOIN unnest(blocked, blocked_because) b (id, because) ON b.id = u.trade_id);
  END LOOP;

  firm := round(chosen_firm::numeric, 3);
  SELECT CASE WHEN x.kw IS NULL THEN 0
              WHEN how.kind = 'normal' THEN firm_normal_probability(x.means, x.deviations, rho::float8, merit_order.power_kw::float8)
              WHEN how.kind = 'on_off' THEN firm_on_off_probability(x.kw, x.p, merit_order.power_kw, greatest(ceil(x.total / 100) / 1000, 0.001)) END INTO comes
  FROM (SELECT array_agg((u.power_kw * u.sensitivity * u.mean_ratio)::float8) AS means, array_agg((u.power_kw * u.sensitivity * u.deviation)::float8) AS deviations,
               array_agg(round(u.power_kw * u.sensitivity, 3)) AS kw, array_agg(u.probability::float8) AS p, sum(u.power_kw) AS total FROM unnest(called) u) x;
  INSERT INTO merit_order (market_operator_id, asked_at, need_id, product_ids, grid_node_id, direction, power_kw, delivery_window, confidence, reliability_method_id, correlation, correlation_basis, correlation_events,
                           proposed_kw, expected_kw, firm_kw, covered, probability, cost, least_cost, candidates, status_at)
  VALUES (buyers[1], at, need_id, asked_products, node, direction, power_kw, delivery_window, confidence, how.id, rho, basis, common,
          coalesce((SELECT sum(u.power_kw) FROM unnest(called) u), 0), coalesce((SELECT sum(u.expected_kw) FROM unnest(called) u), 0), greatest(firm, 0), firm >= merit_order.power_kw, round(comes::numeric, 6),
          coalesce((SELECT sum(u.cost) FROM unnest(called) u), 0), CASE WHEN firm >= merit_order.power_kw THEN least(least_total::numeric, (SELECT sum(u.cost) FROM unnest(called) u)) END, cardinality(units), at)
  RETURNING id INTO made;
  INSERT INTO merit_order_unit
  SELECT made, u.trade_id, u.stage, c.rank, u.unit_id, u.service_provider_id, u.product_id, u.least_kw, u.most_kw, u.sensitivity, u.utilisation_price_per_mwh, u.mean_ratio, u.deviation, u.probability, u.events, u.notice_ok,
         coalesce(c.power_kw, 0), coalesce(c.expected_kw, 0), coalesce(c.firm_share_kw, 0), coalesce(c.cost, 0),
         CASE WHEN c.trade_id IS NULL AND u.excluded_because = '{}' THEN ARRAY[CASE WHEN firm >= merit_order.power_kw THEN 'not_needed: what is taken is enough, and costs less' ELSE 'adds_nothing: with it no more would be firm, or a limit or minimum is in the way' END]
              ELSE u.excluded_because END
  FROM unnest(units) u LEFT JOIN unnest(called) c ON c.trade_id = u.trade_id
  ORDER BY c.rank, u.trade_id;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) IS
  'proposes whom to call out of a buyer''s products, below a network element or anywhere (NULL), so that a power, kW, comes in a window with a probability (0.5 or more) by a method of reliability and a correlation (NULL: estimated), instructions going out at that instant; bids count where that is said; gives the id in merit_order; errors 42501, 23514, 23503, MX102, MX430, MX431, MX432, MX433; SECURITY DEFINER because it asks the whole book, and nobody writes a proposal by hand';
REVOKE ALL ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION merit_order(need_id bigint, confidence numeric DEFAULT 0.95, correlation numeric DEFAULT NULL, method text DEFAULT 'normal', at timestamptz DEFAULT now(), with_bids boolean DEFAULT false)
RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  asked need;
  products bigint[];
BEGIN
  SELECT * INTO asked FROM need d WHERE d.id = merit_order.need_id;
  products := ARRAY(SELECT p.id FROM product p JOIN market m ON m.id = p.market_id
                    WHERE m.market_operator_id = asked.market_operator_id AND CASE WHEN asked.product_id IS NULL THEN p.service_code = asked.service_code AND p.valid @> lower(asked.delivery_window) ELSE p.id = asked.product_id END);
  IF products = '{}' THEN
    RAISE EXCEPTION 'merit_order.need_id: need % has no product to call out of', need_id
      USING ERRCODE = 'MX432', HINT = 'Name a need of a buyer that has a product of its service.';
  END IF;
  RETURN QUERY
  SELECT merit_order(products, asked.grid_node_id, asked.direction, w.power_kw, w.delivery_window, merit_order.confidence, merit_order.correlation, merit_order.method, merit_order.at, asked.id, merit_order.with_bids)
  FROM (SELECT asked.power_kw, asked.delivery_window WHERE NOT EXISTS (SELECT FROM need_window x WHERE x.need_id = asked.id)
        UNION ALL SELECT x.power_kw, x.delivery_window FROM need_window x WHERE x.need_id = asked.id) w
  ORDER BY w.delivery_window;
END
$function$;
COMMENT ON FUNCTION merit_order(bigint, numeric, numeric, text, timestamptz, boolean) IS
  'proposes whom to call for a need, one proposal for each of its windows, out of its product, or of all the products of its service that the buyer has then; gives their ids; errors as the other merit_order(), and MX432';
REVOKE ALL ON FUNCTION merit_order(bigint, numeric, numeric, text, timestamptz, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merit_order(bigint, numeric, numeric, text, timestamptz, boolean) TO flexexchange_participant;

-- ------------------------------------------------------------------ following it, or not

CREATE OR REPLACE FUNCTION compare_with_merit_order(merit_order_id bigint, unit_ids bigint[], power_kw numeric[])
RETURNS TABLE (followed boolean, proposed_cost numeric, instructed_cost numeric, extra_cost numeric, instructed_firm_kw numeric, short_kw numeric, differences jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  proposal merit_order;
  hours numeric;
BEGIN
  SELECT * INTO proposal FROM merit_order m WHERE m.id = compare_with_merit_order.merit_order_id;
  IF proposal.id IS NULL THEN
    RAISE EXCEPTION 'there is no merit_order % that you may read', coalesce(merit_order_id::text, 'NULL')
      USING ERRCODE = 'MX434', HINT = 'A buyer reads the proposals that it asked for.';
  END IF;
  PERFORM check_given(coalesce(cardinality(unit_ids), 0) = coalesce(cardinality(compare_with_merit_order.power_kw), 0) AND (SELECT count(DISTINCT u) FROM unnest(unit_ids) u) = coalesce(cardinality(unit_ids), 0),
                      'as many power_kw as unit_ids, no unit twice', 'Give one power for each unit that is called.'),
          check_positive(p, 'power_kw') FROM (SELECT 1) one LEFT JOIN unnest(compare_with_merit_order.power_kw) p ON true;
  hours := extract(epoch FROM upper(proposal.delivery_window) - lower(proposal.delivery_window)) / 3600;
  RETURN QUERY
  WITH offered AS (
    -- of a unit with several offers that which was taken, or could have been, or the cheapest
    SELECT DISTINCT ON (u.unit_id) u.* FROM merit_order_unit u WHERE u.merit_order_id = proposal.id
    ORDER BY u.unit_id, u.rank NULLS LAST, u.excluded_because[1] LIKE 'not_needed:%' DESC, u.utilisation_price_per_mwh NULLS FIRST, u.trade_id
  ), called AS (
    SELECT c.unit_id, c.kw FROM unnest(unit_ids, compare_with_merit_order.power_kw) c (unit_id, kw)
  ), side AS (
    SELECT coalesce(c.unit_id, o.unit_id) AS unit_id, o.rank, o.power_kw AS proposed, c.kw AS called, o.unit_id IS NULL AS is_unknown, o.excluded_because, o.cost, coalesce(o.utilisation_price_per_mwh, 0) * c.kw * hours / 1000 AS pays,
           (c.kw * o.sensitivity)::float8 AS kw, CASE r.kind WHEN 'on_off' THEN o.probability ELSE o.mean_ratio END::float8 AS ratio, o.deviation::float8 AS deviation, r.kind
    FROM called c FULL JOIN offered o ON o.unit_id = c.unit_id CROSS JOIN (SELECT m.kind FROM reliability_method m WHERE m.id = proposal.reliability_method_id) r
    WHERE c.unit_id IS NOT NULL OR o.rank IS NOT NULL
  ), total AS (
    SELECT round(greatest(firm_of((SELECT m.kind FROM reliability_method m WHERE m.id = proposal.reliability_method_id), coalesce(array_agg(s.kw), '{}'), coalesce(array_agg(1::float8), '{}'),
                                  coalesce(array_agg(s.kw * s.ratio), '{}'), coalesce(array_agg(s.kw * s.deviation), '{}'), coalesce(proposal.correlation, 0)::float8, proposal.confidence::float8), 0)::numeric, 3) AS firm
    FROM side s WHERE s.called IS NOT NULL AND NOT s.is_unknown
  ), difference AS (
    SELECT s.unit_id, s.rank, jsonb_strip_nulls(jsonb_build_object('unit_id', s.unit_id, 'what', CASE WHEN s.called IS NULL THEN 'left_out' WHEN s.is_unknown THEN 'not_looked_at' WHEN s.rank IS NULL THEN 'added' ELSE 'other_power' END,
             'proposed_kw', trim_scale(nullif(s.proposed, 0)), 'called_kw', trim_scale(s.called), 'extra_cost', trim_scale(round(coalesce(s.pays, 0) - coalesce(s.cost, 0), 4)), 'although', CASE WHEN s.called IS NOT NULL AND s.rank IS NULL THEN s.excluded_because END)) AS said
    FROM side s WHERE s.called IS NULL OR s.is_unknown OR s.rank IS NULL OR s.called <> s.proposed
  )
  SELECT NOT EXISTS (SELECT FROM difference), proposal.cost, (SELECT coalesce(round(sum(s.pays), 4), 0) FROM side s WHERE s.called IS NOT NULL),
         (SELECT coalesce(round(sum(s.pays), 4), 0) FROM side s WHERE s.called IS NOT NULL) - proposal.cost, t.firm, greatest(proposal.power_kw - t.firm, 0),
         coalesce((SELECT jsonb_agg(d.said ORDER BY d.rank, d.unit_id) FROM difference d), '[]')
  FROM total t;
END
$function$;
COMMENT ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) IS
  'what calling these units, kW each, differs from a proposal: what it costs more in the currency of the market (units that were not looked at have no price and count as nothing), how many kW are firm and how many are short, and each unit that is left_out, added, called with other_power or not_looked_at; errors MX434, 23514';
REVOKE ALL ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) TO flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION close_merit_order(merit_order_id bigint, unit_ids bigint[], power_kw numeric[], reason text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  is_followed boolean;
BEGIN
  PERFORM acting_at(close_merit_order.at);
  -- whose it is not, hears that there is none
  IF NOT EXISTS (SELECT FROM merit_order m WHERE m.id = close_merit_order.merit_order_id
                   AND (m.market_operator_id = current_participant() OR operates_exchange())) THEN
    RAISE EXCEPTION 'there is no merit_order % of yours', coalesce(merit_order_id::text, 'NULL')
      USING ERRCODE = 'MX434', HINT = 'The buyer that asked for a proposal follows it or not.';
  END IF;
  IF (SELECT m.status FROM merit_order m WHERE m.id = close_merit_order.merit_order_id FOR NO KEY UPDATE) <> 'proposed' THEN
    RAISE EXCEPTION 'merit_order % is closed', merit_order_id
      USING ERRCODE = 'MX001', HINT = 'What became of it stands in merit_order_step; ask for another.';
  END IF;
  SELECT c.followed INTO is_followed FROM compare_with_merit_order(close_merit_order.merit_order_id, unit_ids, close_merit_order.power_kw) c;
  UPDATE merit_order m SET status = CASE WHEN is_followed THEN 'followed' ELSE 'deviated' END, status_reason = reason, status_at = at WHERE m.id = close_merit_order.merit_order_id;
  RETURN is_followed;
END
$function$;
COMMENT ON FUNCTION close_merit_order(bigint, bigint[], numeric[], text, timestamptz) IS
  'says which units were called, kW each: the proposal is then followed (true), or deviated from, for which a reason is needed; once, now, and at another instant for the operator and the owner of the exchange alone; errors MX001, MX434, 42501, 23514; SECURITY DEFINER because nobody writes a proposal by hand';
REVOKE ALL ON FUNCTION close_merit_order(bigint, bigint[], numeric[], text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION close_merit_order(bigint, bigint[], numeric[], text, timestamptz) TO flexexchange_operator, flexexchange_participant;
