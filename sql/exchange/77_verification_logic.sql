-- archetype: thick
-- Verification: who reads and writes it, the arithmetic, and how what came out is explained.
--
-- verify() goes from dispatches to deliveries in steps, each a table that is gone when the transaction ends:
--
--   verify_dispatch -> verify_piece          a dispatch cut at settlement periods
--                   -> verify_asset          which assets count in which, and what share of the request is theirs
--                   -> verify_point, _place  at which meter each is looked at, in which flow
--                   -> verify_meter, _slice  the steps of each meter in each period, with their readings; gaps filled
--                   -> verify_event, _base   the baselines, one call of event_baselines() for each method and flow
--                   -> verify_flow, _effect  baseline, meter and effect, by meter and flow
--                   -> verify_claim, _asked  what other dispatches asked of the same assets at the same time
--                   -> verify_point_piece    each meter's part, what is of others taken off
--                   -> verify_result         a delivery for each period, by the rule for what is missing
--
-- Every step is counted before the next is planned, and has a key of one column: of two, the planner multiplies
-- selectivities that are not independent.  So joins are by hash, and time grows with steps and readings alone.

-- ------------------------------------------------------------------ who reads and writes what

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['verification_terms', 'joint_use']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['baseline_choice', 'metering_point_supplier', 'verification', 'verification_baseline', 'verification_meter', 'imbalance_adjustment']) t;
-- written by verify() alone; terms are ended, not changed
REVOKE INSERT, UPDATE, DELETE ON verification, verification_baseline, verification_meter, imbalance_adjustment FROM flexexchange_operator;
REVOKE DELETE ON verification_terms, baseline_choice FROM flexexchange_operator;
GRANT SELECT ON verification_baseline, verification_meter, imbalance_adjustment, baseline_choice, metering_point_supplier TO flexexchange_participant;
-- all but with_trades: of others' dispatches joint_trades() says how many, and no more
GRANT SELECT (delivery_id, trade_id, product_id, service_provider_id, unit_id, delivery_window, terms_id, method_code, method_version, meters, steps, steps_missing, steps_estimated, steps_filled, baseline_kwh, metered_kwh,
              measured_kwh, others_kwh, joint_use, rule, delivered_kwh, known_at, others_by) ON verification TO flexexchange_participant;
GRANT INSERT (product_id, valid, method_code, method_version, choices, flows, level, metered_at, reading_seconds, spread, missing_rule, missing_share, fill_steps, estimated_counts, below_zero, capped, adjusted,
              shared, imbalance_reason, imbalance_notice, availability_rule, source), UPDATE (valid) ON verification_terms TO flexexchange_participant;
GRANT INSERT (product_id, service_provider_id, asset_id, portfolio_id, method_code, method_version, valid), UPDATE (valid) ON baseline_choice TO flexexchange_participant;

DROP POLICY IF EXISTS verification_terms_insert_own ON verification_terms;
CREATE POLICY verification_terms_insert_own ON verification_terms FOR INSERT TO flexexchange_participant WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY verification_terms_insert_own ON verification_terms IS 'VERIFY-MO-1: a buyer says how deliveries of its products are verified';
DROP POLICY IF EXISTS verification_terms_update_own ON verification_terms;
CREATE POLICY verification_terms_update_own ON verification_terms FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY verification_terms_update_own ON verification_terms IS 'VERIFY-MO-2: a buyer ends how they were verified';

DROP POLICY IF EXISTS baseline_choice_own ON baseline_choice;
CREATE POLICY baseline_choice_own ON baseline_choice TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()))
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids())) AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY baseline_choice_own ON baseline_choice IS 'VERIFY-SP-1: a provider chooses the baselines of units of its own, of those that the terms allow, while the gate is open';
DROP POLICY IF EXISTS baseline_choice_read_bought ON baseline_choice;
CREATE POLICY baseline_choice_read_bought ON baseline_choice FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY baseline_choice_read_bought ON baseline_choice IS 'VERIFY-MO-3: a buyer reads which baselines were chosen under its products';
DROP POLICY IF EXISTS metering_point_supplier_read_own ON metering_point_supplier;
CREATE POLICY metering_point_supplier_read_own ON metering_point_supplier FOR SELECT TO flexexchange_participant USING (supplier_id = (SELECT current_participant()));
COMMENT ON POLICY metering_point_supplier_read_own ON metering_point_supplier IS 'VERIFY-SU-1: a supplier reads which metering points are registered as its own';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['verification', 'verification_baseline', 'verification_meter', 'imbalance_adjustment'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''VERIFY-SP-2: a provider reads what its deliveries follow from''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_bought ON %1$I FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_bought ON %1$I IS ''VERIFY-MO-4: a buyer reads what deliveries of its products follow from''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''Verify again: what comes out otherwise is another delivery.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what a delivery follows from stays as it was''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What deliveries follow from is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF product_id, method_code, method_version, choices, flows, level, metered_at, reading_seconds, spread, missing_rule, missing_share, fill_steps, estimated_counts,
  below_zero, capped, adjusted, shared, imbalance_reason, imbalance_notice, availability_rule ON verification_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('terms', 'End them (valid) and write others.');
COMMENT ON TRIGGER t10_is_kept ON verification_terms IS 'what was verified by terms can be verified again';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF product_id, service_provider_id, asset_id, portfolio_id, method_code, method_version, chosen_at ON baseline_choice
  FOR EACH ROW EXECUTE FUNCTION refuse_change('choices', 'End it (valid) and choose again.');
COMMENT ON TRIGGER t10_is_kept ON baseline_choice IS 'what was verified by a choice can be verified again';

CREATE OR REPLACE FUNCTION keep_baseline_choice() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  the_market CONSTANT bigint := (SELECT p.market_id FROM product p WHERE p.id = NEW.product_id);
  -- the first delivery that it changes
  first timestamptz := lower(NEW.valid);
  closes timestamptz;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.valid = NEW.valid THEN
      RETURN NEW;
    END IF;
    first := CASE WHEN lower(OLD.valid) <> lower(NEW.valid) THEN least(lower(OLD.valid), lower(NEW.valid)) ELSE least(upper(OLD.valid), upper(NEW.valid)) END;
  ELSIF NOT EXISTS (SELECT FROM verification_terms t WHERE t.product_id = NEW.product_id AND t.valid && NEW.valid AND NEW.method_code = ANY (t.choices)) THEN
    RAISE EXCEPTION 'baseline_choice.method_code "%" is none that the terms of product % allow', NEW.method_code, NEW.product_id
      USING ERRCODE = 'MX440', HINT = 'See choices in verification_terms.';
  END IF;
  closes := least(coalesce(gate_closure(the_market, 'baseline', first), first), first);
  IF closes <= now() THEN
    RAISE EXCEPTION 'baseline_choice.valid "%" changes deliveries of % on, whose gate closed at %', NEW.valid, first, closes
      USING ERRCODE = 'MX441', HINT = 'A baseline is chosen before the gate of stage baseline closes; see market_gate.';
  END IF;
  NEW.chosen_at := CASE TG_OP WHEN 'INSERT' THEN now() ELSE OLD.chosen_at END;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_baseline_choice() IS 'trigger: a baseline is one of those that the terms allow, and is chosen before the gate of the first delivery that it changes; errors MX440, MX441';
REVOKE ALL ON FUNCTION keep_baseline_choice() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_gate BEFORE INSERT OR UPDATE ON baseline_choice FOR EACH ROW EXECUTE FUNCTION keep_baseline_choice();
COMMENT ON TRIGGER t20_gate ON baseline_choice IS 'a baseline stands from the gate on';

-- ------------------------------------------------------------------ verifying

CREATE OR REPLACE FUNCTION baseline_windows(span time_window, zone text, step_seconds integer, longest_seconds integer) RETURNS SETOF time_window
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH event AS (
    SELECT date_bin(make_interval(secs => step_seconds), lower(span), '2000-01-01T00:00Z'::timestamptz) AS starts_at,
           date_bin(make_interval(secs => step_seconds), upper(span) - interval '1 microsecond', '2000-01-01T00:00Z'::timestamptz) + make_interval(secs => step_seconds) AS ends_at),
  cut AS (
    SELECT e.starts_at AS at FROM event e UNION SELECT e.ends_at FROM event e
    UNION SELECT c.at FROM event e CROSS JOIN LATERAL generate_series((e.starts_at AT TIME ZONE zone)::date, (e.ends_at AT TIME ZONE zone)::date, interval '1 day') d (day)
    CROSS JOIN LATERAL (VALUES (local_midnight(d.day::date, zone), true), (local_midnight(d.day::date, zone) + interval '12 hours', extract(epoch FROM e.ends_at - e.starts_at) > longest_seconds)) c (at, used)
    WHERE c.used AND c.at > e.starts_at AND c.at < e.ends_at)
  SELECT time_window(x.at, x.next) FROM (SELECT c.at, lead(c.at) OVER (ORDER BY c.at) AS next FROM cut c) x WHERE x.next IS NOT NULL ORDER BY x.at;
END;
COMMENT ON FUNCTION baseline_windows(time_window, text, integer, integer) IS 'a window widened to whole steps and cut at local midnights, and at local noon where it lasts longer than event_baselines() takes';
REVOKE ALL ON FUNCTION baseline_windows(time_window, text, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION baseline_windows(time_window, text, integer, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION lock_own_markets(market_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND EXISTS (SELECT FROM unnest(market_ids) m WHERE m <> ALL (ARRAY(SELECT own_market_ids())) OR m IS NULL) THEN
    RAISE EXCEPTION 'market % is not yours to verify', (SELECT coalesce(min(m)::text, 'NULL') FROM unnest(market_ids) m WHERE m <> ALL (ARRAY(SELECT own_market_ids())))
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its buyer and the operator of the exchange can.';
  END IF;
  IF EXISTS (SELECT FROM unnest(market_ids) i WHERE NOT EXISTS (SELECT FROM market m WHERE m.id = i)) THEN
    RAISE EXCEPTION 'market % is unknown in this exchange', (SELECT min(i) FROM unnest(market_ids) i WHERE NOT EXISTS (SELECT FROM market m WHERE m.id = i)) USING ERRCODE = 'MX105', HINT = 'See table market.';
  END IF;
  -- verifications of a market take turns, with one another and with its settlements
  PERFORM FROM market m WHERE m.id = ANY (market_ids) ORDER BY m.id FOR NO KEY UPDATE;
END
$function$;
COMMENT ON FUNCTION lock_own_markets(bigint[]) IS 'lets one verification or settlement at a time into markets, of those that the caller may verify; errors 42501, MX105';
REVOKE ALL ON FUNCTION lock_own_markets(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION verify(dispatch_ids bigint[] DEFAULT NULL, market_id bigint DEFAULT NULL, within time_window DEFAULT NULL, at timestamptz DEFAULT now())
RETURNS TABLE (dispatches bigint, recorded bigint, unchanged bigint, left_out bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
  epoch CONSTANT timestamptz := timestamptz '2000-01-01T00:00Z';
  wanted bigint[];
  unknown bigint;
  first timestamptz;
  last timestamptz;
  batch record;
BEGIN
  PERFORM over_by(verify.at);
  IF (verify.dispatch_ids IS NULL) = (verify.market_id IS NULL) OR (verify.market_id IS NULL) <> (verify.within IS NULL) THEN
    RAISE EXCEPTION 'either dispatch_ids or market_id and within are given to verify' USING ERRCODE = 'invalid_parameter_value', HINT = 'Name the dispatches, or a market and the window in which they begin.';
  END IF;
  IF verify.market_id IS NOT NULL THEN
    PERFORM lock_own_markets(ARRAY[verify.market_id]);
    wanted := ARRAY(SELECT d.id FROM dispatch d JOIN product p ON p.id = d.product_id
                    WHERE p.market_id = verify.market_id AND lower(d.delivery_window) >= lower(verify.within) AND lower(d.delivery_window) < upper(verify.within) AND d.live);
  ELSE
    wanted := ARRAY(SELECT DISTINCT i FROM unnest(verify.dispatch_ids) i);
    -- others' and those that are not there are refused alike
    SELECT i INTO unknown FROM unnest(wanted) i LEFT JOIN dispatch d ON d.id = i
    WHERE d.id IS NULL OR NOT (pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') OR d.product_id = ANY (ARRAY(SELECT own_product_ids()))) ORDER BY i LIMIT 1;
    IF FOUND THEN
      RAISE EXCEPTION 'dispatch % is unknown in this exchange', coalesce(unknown::text, 'NULL') USING ERRCODE = 'MX201', HINT = 'A buyer verifies the dispatches of its own products.';
    END IF;
    PERFORM lock_own_markets(ARRAY(SELECT DISTINCT p.market_id FROM dispatch d JOIN product p ON p.id = d.product_id WHERE d.id = ANY (wanted)));
  END IF;

  DROP TABLE IF EXISTS pg_temp.verify_dispatch, pg_temp.verify_piece, pg_temp.verify_asset, pg_temp.verify_point, pg_temp.verify_part, pg_temp.verify_place, pg_temp.verify_meter, pg_temp.verify_step, pg_temp.verify_slice, pg_temp.verify_level, pg_temp.verify_event, pg_temp.verify_same,
    pg_temp.verify_found, pg_temp.verify_base, pg_temp.verify_flow, pg_temp.verify_ground, pg_temp.verify_claim, pg_temp.verify_effect, pg_temp.verify_during, pg_temp.verify_kind, pg_temp.verify_asked, pg_temp.verify_shared, pg_temp.verify_point_piece, pg_temp.verify_result, pg_temp.verify_recorded;
  CREATE TEMPORARY TABLE verify_dispatch ON COMMIT DROP AS
  SELECT d.id AS dispatch_id, d.product_id, p.market_id, p.service_code, d.service_provider_id, d.unit_id, d.portfolio_id IS NOT NULL AS of_portfolio, d.direction, d.power_kw, d.delivery_window AS span, k.settlement_period AS period,
         d.recorded_at, t.id AS terms_id, t.flows, t.level, t.metered_at, t.reading_seconds, t.spread, t.missing_rule, t.missing_share, t.fill_steps, t.estimated_counts, t.below_zero, t.capped, t.adjusted, t.shared,
         CASE WHEN t.imbalance_notice IS NULL OR lower(d.delivery_window) - least((SELECT min(e.happened_at) FROM dispatch_event e WHERE e.dispatch_id = d.id), d.recorded_at) < t.imbalance_notice THEN t.imbalance_reason END AS imbalance_reason,
         m.code AS method_code, m.version AS method_version, m.kind IN ('history', 'meter') AS from_meter, m.kind = 'nominated' AS nominated, m.step_seconds AS baseline_seconds,
         86400 - m.before_gap_seconds - m.before_seconds - m.after_gap_seconds - m.after_seconds AS longest_seconds
  FROM dispatch d
  JOIN product p ON p.id = d.product_id
  JOIN market k ON k.id = p.market_id
  JOIN verification_terms t ON t.product_id = d.product_id AND t.valid @> lower(d.delivery_window)
  LEFT JOIN baseline_choice b ON b.product_id = d.product_id AND b.unit_id = d.unit_id AND b.valid @> lower(d.delivery_window) AND b.method_code = ANY (t.choices)
  JOIN baseline_method m ON m.code = coalesce(b.method_code, t.method_code) AND m.version = coalesce(b.method_version, t.method_version)
  WHERE d.id = ANY (wanted) AND d.live AND isfinite(upper(d.delivery_window)) AND upper(d.delivery_window) <= verify.at;
  ANALYZE pg_temp.verify_dispatch;
  SELECT min(lower(v.span)) - interval '2 days', max(upper(v.span)) + interval '2 days' INTO first, last FROM pg_temp.verify_dispatch v;

  CREATE TEMPORARY TABLE verify_piece ON COMMIT DROP AS
  SELECT row_number() OVER (ORDER BY v.dispatch_id, g.n) AS piece_id, v.dispatch_id, c.span, v.power_kw * extract(epoch FROM upper(c.span) - lower(c.span)) / 3600 AS requested_kwh
  FROM pg_temp.verify_dispatch v
  CROSS JOIN LATERAL generate_series(date_bin(v.period, lower(v.span), epoch), upper(v.span) - interval '1 microsecond', v.period) WITH ORDINALITY AS g (at, n)
  CROSS JOIN LATERAL (SELECT time_window(greatest(g.at, lower(v.span)), least(g.at + v.period, upper(v.span))) AS span) c;
  ANALYZE pg_temp.verify_piece;

  -- a member counts in the periods that begin while it is one, with what it lends; alike, where that is not known of all
  CREATE TEMPORARY TABLE verify_asset ON COMMIT DROP AS
  SELECT dense_rank() OVER (ORDER BY y.dispatch_id, y.asset_id) AS unit_key, y.piece_id, y.dispatch_id, y.asset_id, y.share
  FROM (SELECT v.dispatch_id, p.piece_id, v.unit_id AS asset_id, 1::numeric AS share FROM pg_temp.verify_dispatch v JOIN pg_temp.verify_piece p USING (dispatch_id) WHERE NOT v.of_portfolio
        UNION ALL
        SELECT x.dispatch_id, x.piece_id, x.asset_id, CASE WHEN count(x.kw) OVER w = count(*) OVER w AND sum(x.kw) OVER w > 0 THEN x.kw / sum(x.kw) OVER w ELSE 1::numeric / count(*) OVER w END
        FROM (SELECT v.dispatch_id, p.piece_id, m.asset_id, CASE v.direction WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END AS kw
              FROM pg_temp.verify_dispatch v JOIN pg_temp.verify_piece p USING (dispatch_id) JOIN portfolio_member m ON m.portfolio_id = v.unit_id AND m.valid @> lower(p.span) WHERE v.of_portfolio) x
        WINDOW w AS (PARTITION BY x.piece_id)) y;
  ANALYZE pg_temp.verify_asset;

  -- where an asset is looked at: point_id is one place for all flows, meter_id what is read there in one
  CREATE TEMPORARY TABLE verify_point ON COMMIT DROP AS
  SELECT x.unit_key, x.dispatch_id, x.asset_id, f.flow, CASE v.level WHEN 'unit' THEN v.unit_id ELSE coalesce(x.main_id, x.asset_id) END AS point_id,
         CASE WHEN v.level = 'unit' AND v.of_portfolio AND EXISTS (SELECT FROM meter_channel c WHERE c.resource_id = v.unit_id AND c.flow = f.flow) THEN v.unit_id
              WHEN f.flow = 'export' THEN x.export_id ELSE x.main_id END AS meter_id
  FROM (SELECT a.unit_key, a.dispatch_id, a.asset_id,
               CASE l.place WHEN 'asset' THEN a.asset_id WHEN 'asset_point' THEN CASE WHEN i.kind = 'asset' THEN i.id END ELSE CASE i.kind WHEN 'asset' THEN i.parent_id ELSE i.id END END AS main_id,
               CASE l.place WHEN 'asset' THEN a.asset_id WHEN 'asset_point' THEN CASE WHEN e.kind = 'asset' THEN e.id END ELSE CASE e.kind WHEN 'asset' THEN e.parent_id ELSE e.id END END AS export_id
        FROM (SELECT DISTINCT a.unit_key, a.dispatch_id, a.asset_id FROM pg_temp.verify_asset a) a
        JOIN pg_temp.verify_dispatch v USING (dispatch_id)
        JOIN asset s ON s.id = a.asset_id
        LEFT JOIN metering_point i ON i.id = s.metering_point_id
        LEFT JOIN metering_point e ON e.id = coalesce(s.export_metering_point_id, s.metering_point_id)
        CROSS JOIN LATERAL (SELECT CASE WHEN v.metered_at <> 'nearest' THEN v.metered_at
                                        WHEN EXISTS (SELECT FROM meter_channel c WHERE c.resource_id = a.asset_id AND c.flow = ANY (v.flows)) THEN 'asset'
                                        WHEN i.kind = 'asset' AND EXISTS (SELECT FROM meter_channel c WHERE c.resource_id = i.id AND c.flow = ANY (v.flows)) THEN 'asset_point'
                                        ELSE 'boundary' END AS place) l) x
  JOIN pg_temp.verify_dispatch v USING (dispatch_id)
  CROSS JOIN LATERAL unnest(v.flows) AS f (flow);
  ANALYZE pg_temp.verify_point;
  -- a place in a period, with the assets that lie there
  CREATE TEMPORARY TABLE verify_part ON COMMIT DROP AS
  SELECT dense_rank() OVER (ORDER BY a.piece_id, p.point_id) AS place_id, a.piece_id, a.dispatch_id, p.point_id, a.unit_key, a.asset_id, a.share
  FROM pg_temp.verify_asset a JOIN (SELECT DISTINCT p.unit_key, p.point_id FROM pg_temp.verify_point p) p USING (unit_key);
  ANALYZE pg_temp.verify_part;
  CREATE TEMPORARY TABLE verify_place ON COMMIT DROP AS
  SELECT x.place_id, x.piece_id, x.dispatch_id, x.point_id, p.span, round(p.requested_kwh * x.share, 6) AS requested_kwh
  FROM (SELECT t.place_id, t.piece_id, t.dispatch_id, t.point_id, sum(t.share) AS share FROM pg_temp.verify_part t GROUP BY t.place_id, t.piece_id, t.dispatch_id, t.point_id) x JOIN pg_temp.verify_piece p USING (piece_id);
  ANALYZE pg_temp.verify_place;

  -- a meter that several assets lie behind counts once
  CREATE TEMPORARY TABLE verify_meter ON COMMIT DROP AS
  WITH meter AS (
    SELECT DISTINCT t.place_id, t.piece_id, t.dispatch_id, p.flow, p.meter_id, v.reading_seconds, v.spread
    FROM pg_temp.verify_part t JOIN pg_temp.verify_point p USING (unit_key) JOIN pg_temp.verify_dispatch v ON v.dispatch_id = t.dispatch_id),
  channel AS (
    SELECT DISTINCT ON (x.meter_id, x.flow, x.reading_seconds, x.spread) x.meter_id, x.flow, x.reading_seconds, x.spread, c.id AS channel_id, c.interval_seconds, c.quantity
    FROM (SELECT DISTINCT m.meter_id, m.flow, m.reading_seconds, m.spread FROM meter m) x
    JOIN meter_channel c ON c.resource_id = x.meter_id AND c.flow = x.flow AND (x.spread OR c.interval_seconds <= x.reading_seconds)
    ORDER BY x.meter_id, x.flow, x.reading_seconds, x.spread, c.interval_seconds > x.reading_seconds, CASE WHEN c.interval_seconds > x.reading_seconds THEN c.interval_seconds ELSE - c.interval_seconds END, c.id)
  SELECT dense_rank() OVER (ORDER BY m.place_id, m.flow) AS flow_id, m.place_id, m.piece_id, m.dispatch_id, m.flow, m.meter_id, c.channel_id, c.interval_seconds, c.quantity, m.spread,
         coalesce(max(c.interval_seconds) OVER (PARTITION BY m.place_id, m.flow), m.reading_seconds) AS step_seconds
  FROM meter m LEFT JOIN channel c ON c.meter_id = m.meter_id AND c.flow = m.flow AND c.reading_seconds = m.reading_seconds AND c.spread = m.spread;
  ANALYZE pg_temp.verify_meter;

  CREATE TEMPORARY TABLE verify_step ON COMMIT DROP AS
  SELECT m.flow_id, m.step_seconds, m.channel_id, m.interval_seconds, m.spread, v.fill_steps, v.estimated_counts, lower(p.span) AS starts_at, upper(p.span) AS ends_at, g.at, g.at + k * make_interval(secs => m.interval_seconds) AS reading_at,
         NULL::numeric AS kwh, NULL::text AS quality, NULL::timestamptz AS received_at, false AS filled, m.quantity
  FROM pg_temp.verify_meter m
  JOIN pg_temp.verify_dispatch v USING (dispatch_id)
  JOIN pg_temp.verify_piece p USING (piece_id)
  CROSS JOIN LATERAL generate_series(date_bin(make_interval(secs => m.step_seconds), lower(p.span), epoch), upper(p.span) - interval '1 microsecond', make_interval(secs => m.step_seconds)) AS g (at)
  CROSS JOIN LATERAL generate_series(0, coalesce(m.step_seconds / m.interval_seconds, 1) - 1) AS k;
  ANALYZE pg_temp.verify_step;
  UPDATE pg_temp.verify_step s SET kwh = CASE s.quantity WHEN 'energy' THEN r.value ELSE round(r.value * s.interval_seconds / 3600, 4) END, quality = r.quality, received_at = r.received_at
  FROM meter_reading r
  WHERE r.channel_id = s.channel_id AND r.starts_at = s.reading_at AND r.starts_at >= first AND r.starts_at < last AND (s.estimated_counts OR r.quality = 'A');
  -- gaps: on a line between the readings beside them, where few enough are missing
  UPDATE pg_temp.verify_step s SET filled = true,
    kwh = round(CASE s.quantity WHEN 'energy' THEN x.value ELSE x.value * s.interval_seconds / 3600 END, 4)
  FROM (SELECT g.ctid AS row, b.value + (e.value - b.value) * extract(epoch FROM g.reading_at - b.starts_at) / extract(epoch FROM e.starts_at - b.starts_at) AS value
        FROM pg_temp.verify_step g
        CROSS JOIN LATERAL (SELECT r.starts_at, r.value FROM meter_reading r WHERE r.channel_id = g.channel_id AND r.starts_at < g.reading_at AND r.starts_at >= g.reading_at - make_interval(secs => g.fill_steps * g.interval_seconds)
                              AND r.starts_at >= first AND (g.estimated_counts OR r.quality = 'A') ORDER BY r.starts_at DESC LIMIT 1) b
        CROSS JOIN LATERAL (SELECT r.starts_at, r.value FROM meter_reading r WHERE r.channel_id = g.channel_id AND r.starts_at > g.reading_at AND r.starts_at <= g.reading_at + make_interval(secs => g.fill_steps * g.interval_seconds)
                              AND r.starts_at < last AND (g.estimated_counts OR r.quality = 'A') ORDER BY r.starts_at LIMIT 1) e
        WHERE g.kwh IS NULL AND g.channel_id IS NOT NULL AND g.fill_steps > 0
          AND e.starts_at - b.starts_at <= make_interval(secs => (g.fill_steps + 1) * g.interval_seconds)) x
  WHERE s.ctid = x.row;

  -- a step of which a part is missing is missing; of which a period has a part, it is spread
  CREATE TEMPORARY TABLE verify_slice ON COMMIT DROP AS
  SELECT s.flow_id, s.at, greatest(s.at, s.starts_at) AS starts_at, least(s.at + make_interval(secs => s.step_seconds), s.ends_at) AS ends_at,
         CASE WHEN count(s.kwh) = count(*) AND (s.spread OR (s.at >= s.starts_at AND s.at + make_interval(secs => s.step_seconds) <= s.ends_at)) THEN sum(s.kwh) END AS kwh,
         bool_or(s.kwh IS NOT NULL AND s.quality <> 'A') AS estimated, bool_or(s.filled) AS filled, CASE WHEN NOT bool_or(s.filled) THEN max(s.received_at) END AS received_at
  FROM pg_temp.verify_step s
  GROUP BY s.flow_id, s.step_seconds, s.at, s.spread, s.starts_at, s.ends_at;
  ANALYZE pg_temp.verify_slice;

  -- of which resource the baseline is: of the meter, of the asset behind it, or of the unit as a whole
  CREATE TEMPORARY TABLE verify_level ON COMMIT DROP AS
  SELECT DISTINCT m.flow_id, m.piece_id, x.dispatch_id, x.flow, x.resource_id, dense_rank() OVER (ORDER BY x.dispatch_id, x.resource_id, x.flow) AS event_key
  FROM (SELECT t.place_id, t.piece_id, t.dispatch_id, p.flow, CASE WHEN v.level = 'unit' THEN v.unit_id WHEN v.from_meter THEN p.meter_id ELSE t.asset_id END AS resource_id
        FROM pg_temp.verify_part t JOIN pg_temp.verify_point p USING (unit_key) JOIN pg_temp.verify_dispatch v ON v.dispatch_id = t.dispatch_id) x
  JOIN (SELECT DISTINCT m.flow_id, m.place_id, m.piece_id, m.flow FROM pg_temp.verify_meter m) m ON m.place_id = x.place_id AND m.flow = x.flow;
  ANALYZE pg_temp.verify_level;
  CREATE TEMPORARY TABLE verify_event ON COMMIT DROP AS
  SELECT nextval(pg_get_serial_sequence('verification_baseline', 'id')) AS id, l.event_key, l.dispatch_id, l.resource_id, l.flow, w.span, v.adjusted AND w.n = 1 AS adjust, v.method_code, v.method_version, v.baseline_seconds,
         CASE WHEN v.nominated THEN v.product_id END AS nominated_for
  FROM (SELECT DISTINCT l.event_key, l.dispatch_id, l.resource_id, l.flow FROM pg_temp.verify_level l WHERE l.resource_id IS NOT NULL) l
  JOIN pg_temp.verify_dispatch v USING (dispatch_id)
  CROSS JOIN LATERAL (SELECT b AS span, row_number() OVER (ORDER BY b) AS n FROM baseline_windows(v.span, zone, v.baseline_seconds, v.longest_seconds) b) w;
  -- the same baseline, of dispatches at the same time, is worked out once
  CREATE TEMPORARY TABLE verify_same ON COMMIT DROP AS
  SELECT e.id, dense_rank() OVER (ORDER BY e.method_code, e.method_version, e.flow, e.adjust, e.nominated_for) AS batch, dense_rank() OVER (ORDER BY e.method_code, e.method_version, e.flow, e.adjust, e.nominated_for, e.resource_id, e.span) AS found_key,
         e.method_code, e.method_version, e.flow, e.adjust, e.nominated_for, e.resource_id, e.span
  FROM pg_temp.verify_event e;
  ANALYZE pg_temp.verify_event;
  ANALYZE pg_temp.verify_same;
  CREATE TEMPORARY TABLE verify_found (found_key bigint, status text, baseline_kwh numeric[], considered date[], verdict text[], adjustment_applied numeric, adjustment_measured numeric, limited_by text) ON COMMIT DROP;
  FOR batch IN
    SELECT x.batch, x.method_code, x.method_version, x.flow, x.adjust, x.nominated_for, array_agg(x.resource_id ORDER BY x.found_key) AS resource_ids, array_agg(x.span ORDER BY x.found_key) AS spans
    FROM (SELECT DISTINCT y.batch, y.found_key, y.method_code, y.method_version, y.flow, y.adjust, y.nominated_for, y.resource_id, y.span FROM pg_temp.verify_same y) x
    GROUP BY x.batch, x.method_code, x.method_version, x.flow, x.adjust, x.nominated_for ORDER BY x.batch
  LOOP
    INSERT INTO pg_temp.verify_found
    SELECT k.found_key, b.status, b.baseline_kwh, b.considered, b.verdict, b.adjustment_applied, b.adjustment_measured, b.limited_by
    FROM event_baselines(batch.method_code, batch.resource_ids, batch.spans, batch.flow, batch.adjust, batch.method_version, batch.nominated_for) b
    JOIN (SELECT DISTINCT y.found_key, y.resource_id, y.span FROM pg_temp.verify_same y WHERE y.batch = batch.batch) k ON k.resource_id = b.resource_id AND k.span = b.delivery_window;
  END LOOP;
  ANALYZE pg_temp.verify_found;

  CREATE TEMPORARY TABLE verify_base ON COMMIT DROP AS
  SELECT e.event_key, lower(e.span) + (k.n - 1) * make_interval(secs => e.baseline_seconds) AS at, k.kwh
  FROM pg_temp.verify_event e
  JOIN pg_temp.verify_same y USING (id)
  JOIN pg_temp.verify_found f USING (found_key)
  CROSS JOIN LATERAL unnest(f.baseline_kwh) WITH ORDINALITY AS k (kwh, n);
  ANALYZE pg_temp.verify_base;

  -- energy times seconds is added up, and divided once
  CREATE TEMPORARY TABLE verify_flow ON COMMIT DROP AS
  WITH slice AS (
    SELECT s.flow_id, m.step_seconds, s.at, s.starts_at, s.ends_at, s.kwh, s.estimated, s.filled, s.received_at, m.baseline_seconds,
           CASE WHEN count(b.kwh) = count(*) THEN sum(b.kwh * extract(epoch FROM least(s.ends_at, g.at + make_interval(secs => m.baseline_seconds)) - greatest(s.starts_at, g.at))) END AS baseline
    FROM pg_temp.verify_slice s
    JOIN (SELECT DISTINCT m.flow_id, m.step_seconds, v.baseline_seconds FROM pg_temp.verify_meter m JOIN pg_temp.verify_dispatch v USING (dispatch_id)) m USING (flow_id)
    JOIN pg_temp.verify_level l USING (flow_id)
    CROSS JOIN LATERAL generate_series(date_bin(make_interval(secs => m.baseline_seconds), s.starts_at, epoch), s.ends_at - interval '1 microsecond', make_interval(secs => m.baseline_seconds)) AS g (at)
    LEFT JOIN pg_temp.verify_base b ON b.event_key = l.event_key AND b.at = g.at
    GROUP BY s.flow_id, m.step_seconds, s.at, s.starts_at, s.ends_at, s.kwh, s.estimated, s.filled, s.received_at, m.baseline_seconds),
  part AS (SELECT s.*, s.kwh IS NOT NULL AND s.baseline IS NOT NULL AS there, extract(epoch FROM s.ends_at - s.starts_at) AS seconds FROM slice s),
  flow AS (
    SELECT x.flow_id, x.step_seconds, count(*)::integer AS steps, (count(*) FILTER (WHERE NOT x.there))::integer AS missing, (count(*) FILTER (WHERE x.there AND x.estimated))::integer AS estimated,
           (count(*) FILTER (WHERE x.there AND x.filled))::integer AS filled, coalesce(sum(x.seconds) FILTER (WHERE x.there), 0) AS there, sum(x.seconds) AS whole,
           round(sum(x.baseline) FILTER (WHERE x.there) / x.baseline_seconds, 6) AS baseline_kwh, round(sum(x.kwh * x.seconds) FILTER (WHERE x.there) / x.step_seconds, 6) AS metered_kwh,
           array_agg(x.at ORDER BY x.at) AS step_starts, array_agg(x.kwh ORDER BY x.at) AS readings, array_agg(x.received_at ORDER BY x.at) AS received_at
    FROM part x GROUP BY x.flow_id, x.step_seconds, x.baseline_seconds)
  SELECT f.*, m.place_id, m.flow, CASE WHEN (m.flow = 'import') = (v.direction = 'up') THEN f.baseline_kwh - f.metered_kwh ELSE f.metered_kwh - f.baseline_kwh END AS measured_kwh, m.flow = v.flows[1] AS is_first
  FROM flow f JOIN (SELECT DISTINCT m.flow_id, m.place_id, m.dispatch_id, m.flow FROM pg_temp.verify_meter m) m USING (flow_id) JOIN pg_temp.verify_dispatch v USING (dispatch_id);
  ANALYZE pg_temp.verify_flow;

  -- what other dispatches ask of the same assets, and of what lies behind the same meter, at the same time; found by asset and hour
  CREATE TEMPORARY TABLE verify_ground ON COMMIT DROP AS
  WITH meter AS (SELECT DISTINCT t.place_id, t.point_id FROM pg_temp.verify_part t JOIN pg_temp.verify_dispatch v USING (dispatch_id) WHERE v.level = 'asset' AND t.point_id <> t.asset_id)
  SELECT t.place_id, t.asset_id FROM pg_temp.verify_part t
  UNION SELECT m.place_id, s.id FROM meter m JOIN asset s ON s.metering_point_id = m.point_id
  UNION SELECT m.place_id, s.id FROM meter m JOIN metering_point c ON c.parent_id = m.point_id JOIN asset s ON s.metering_point_id = c.id;
  ANALYZE pg_temp.verify_ground;
  CREATE TEMPORARY TABLE verify_claim ON COMMIT DROP AS
  WITH batch AS (SELECT min(lower(p.span)) AS starts_at, max(upper(p.span)) AS ends_at FROM pg_temp.verify_piece p),
  ground AS (SELECT DISTINCT g.asset_id FROM pg_temp.verify_ground g),
  other AS (
    SELECT x.id, x.direction, x.service_code, x.recorded_at, x.delivery_window, x.power_kw, x.asset_id, x.portfolio_id, h.at AS hour
    FROM (SELECT d.id, d.direction, q.service_code, d.recorded_at, d.delivery_window, d.power_kw, d.asset_id, d.portfolio_id
          FROM dispatch d JOIN product q ON q.id = d.product_id JOIN batch b ON d.delivery_window && time_window(b.starts_at, b.ends_at)
          WHERE d.live AND (d.asset_id IN (SELECT g.asset_id FROM ground g)
                            OR d.portfolio_id IN (SELECT m.portfolio_id FROM portfolio_member m JOIN ground g USING (asset_id)))) x
    JOIN batch b ON true
    CROSS JOIN LATERAL generate_series(date_bin('1 hour', greatest(lower(x.delivery_window), b.starts_at), epoch), least(upper(x.delivery_window), b.ends_at) - interval '1 microsecond', interval '1 hour') AS h (at)),
  claim AS (
    SELECT o.id, o.direction, o.service_code, o.recorded_at, o.delivery_window, o.hour, o.asset_id, o.power_kw AS kw FROM other o WHERE o.asset_id IS NOT NULL
    UNION ALL
    SELECT y.id, y.direction, y.service_code, y.recorded_at, y.delivery_window, y.hour, y.asset_id,
           y.power_kw * CASE WHEN count(y.lent) OVER w = count(*) OVER w AND sum(y.lent) OVER w > 0 THEN y.lent / sum(y.lent) OVER w ELSE 1::numeric / count(*) OVER w END
    FROM (SELECT o.id, o.direction, o.service_code, o.recorded_at, o.delivery_window, o.hour, o.power_kw, m.asset_id, CASE o.direction WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END AS lent
          FROM other o JOIN portfolio_member m ON m.portfolio_id = o.portfolio_id AND m.valid @> greatest(o.hour, lower(o.delivery_window))) y
    WINDOW w AS (PARTITION BY y.id, y.hour))
  SELECT x.place_id, x.other_id, x.same_way, x.earlier, x.service_code, x.span, sum(x.kw) AS kw, false AS known
  FROM (SELECT p.place_id, c.id AS other_id, c.direction = v.direction AS same_way, (c.recorded_at, c.id) < (v.recorded_at, v.dispatch_id) AS earlier, c.service_code, c.delivery_window * p.span AS span, c.kw
        FROM (SELECT g.place_id, g.asset_id, p.dispatch_id, p.span, date_bin('1 hour', lower(p.span), epoch) AS hour FROM pg_temp.verify_ground g JOIN pg_temp.verify_place p USING (place_id)) p
        JOIN pg_temp.verify_dispatch v ON v.dispatch_id = p.dispatch_id
        JOIN claim c ON c.asset_id = p.asset_id AND c.hour = p.hour AND c.id <> p.dispatch_id AND c.delivery_window && p.span) x
  GROUP BY x.place_id, x.other_id, x.same_way, x.earlier, x.service_code, x.span;
  ANALYZE pg_temp.verify_claim;
  -- what another delivered by a meter of its own, that nothing of this lies behind and that it shares with none, rests on nothing here: it counts as it was verified before, and is known;
  -- of the same market not, whose dispatches are verified together
  UPDATE pg_temp.verify_claim c SET known = true, kw = k.kwh * 3600 / extract(epoch FROM upper(c.span) - lower(c.span))
  FROM (SELECT c.place_id, c.other_id, c.span, sum(v.measured_kwh * extract(epoch FROM upper(x.part) - lower(x.part)) / extract(epoch FROM upper(v.delivery_window) - lower(v.delivery_window))) AS kwh
        FROM pg_temp.verify_claim c
        JOIN pg_temp.verify_place p USING (place_id)
        JOIN pg_temp.verify_dispatch w ON w.dispatch_id = p.dispatch_id
        JOIN product q ON q.id = w.product_id
        JOIN dispatch d ON d.id = c.other_id AND d.asset_id IS NOT NULL
        JOIN product o ON o.id = d.product_id AND o.market_id <> q.market_id
        JOIN verification v ON v.trade_id = d.id AND v.rule = 'measured' AND v.joint_use IS NULL AND v.delivery_window && c.span
        JOIN delivery e ON e.id = v.delivery_id AND e.superseded_at IS NULL
        CROSS JOIN LATERAL (SELECT v.delivery_window * c.span AS part) x
        WHERE NOT EXISTS (SELECT FROM pg_temp.verify_part t WHERE t.place_id = c.place_id AND t.asset_id = d.asset_id)
          AND NOT EXISTS (SELECT FROM verification_meter m WHERE m.delivery_id = v.delivery_id AND m.resource_id <> d.asset_id)
        GROUP BY c.place_id, c.other_id, c.span
        HAVING sum(extract(epoch FROM upper(x.part) - lower(x.part))) = extract(epoch FROM upper(c.span) - lower(c.span))) k
  WHERE c.place_id = k.place_id AND c.other_id = k.other_id AND c.span = k.span;

  -- each meter's part: what opposed it is added, what is taken off is taken off, the rest is shared
  CREATE TEMPORARY TABLE verify_effect ON COMMIT DROP AS
  SELECT p.place_id, p.piece_id, p.dispatch_id, p.point_id, p.span, p.requested_kwh, f.steps, f.missing, f.estimated, f.filled, f.there, f.baseline_kwh, f.metered_kwh, f.measured_kwh
  FROM (SELECT f.place_id, sum(f.steps)::integer AS steps, sum(f.missing)::integer AS missing, sum(f.estimated)::integer AS estimated, sum(f.filled)::integer AS filled, sum(f.there) / sum(f.whole) AS there,
               sum(f.baseline_kwh) AS baseline_kwh, sum(f.metered_kwh) AS metered_kwh, sum(f.measured_kwh) AS measured_kwh
        FROM pg_temp.verify_flow f GROUP BY f.place_id) f
  JOIN pg_temp.verify_place p USING (place_id);
  ANALYZE pg_temp.verify_effect;
  -- cut again where another begins or ends: within such a part all last from end to end
  CREATE TEMPORARY TABLE verify_during ON COMMIT DROP AS
  SELECT row_number() OVER () AS during_id, d.place_id, d.starts_at, d.ends_at
  FROM (SELECT c.place_id, c.at AS starts_at, lead(c.at) OVER (PARTITION BY c.place_id ORDER BY c.at) AS ends_at
        FROM (SELECT DISTINCT c.place_id, e.at FROM pg_temp.verify_claim c JOIN pg_temp.verify_place p USING (place_id) CROSS JOIN LATERAL (VALUES (lower(p.span)), (upper(p.span)), (lower(c.span)), (upper(c.span))) AS e (at)) c) d
  WHERE d.ends_at IS NOT NULL;
  ANALYZE pg_temp.verify_during;
  CREATE TEMPORARY TABLE verify_kind ON COMMIT DROP AS
  SELECT x.place_id, x.other_id, x.service_code, u.kind, u.service_code = x.own_code AS takes, u.adjustment_reason
  FROM (SELECT DISTINCT c.place_id, c.other_id, c.service_code, v.service_code AS own_code, v.direction, v.span FROM pg_temp.verify_claim c JOIN pg_temp.verify_place p USING (place_id) JOIN pg_temp.verify_dispatch v USING (dispatch_id) WHERE c.same_way) x
  CROSS JOIN LATERAL (SELECT u.kind, u.service_code, u.adjustment_reason FROM joint_use u
    WHERE least(u.service_code, u.other_service_code) = least(x.service_code, x.own_code) AND greatest(u.service_code, u.other_service_code) = greatest(x.service_code, x.own_code)
      AND (u.direction IS NULL OR u.direction = x.direction) AND u.valid @> lower(x.span)
    ORDER BY u.direction IS NULL, lower(u.valid) DESC LIMIT 1) u;
  ANALYZE pg_temp.verify_kind;
  CREATE TEMPORARY TABLE verify_asked ON COMMIT DROP AS
  SELECT t.during_id, t.place_id, t.starts_at, t.ends_at,
         coalesce(sum(k.kwh) FILTER (WHERE NOT c.same_way), 0) AS opposing,
         coalesce(bool_or(c.earlier) FILTER (WHERE j.kind = 'not_allowed'), false) AS barred,
         coalesce(sum(greatest(k.kwh, 0)) FILTER (WHERE j.kind = 'adjusted_to_remove' AND NOT j.takes), 0) AS removed,
         -- what is known of another is not shared with it, but its own
         coalesce(sum(k.kwh) FILTER (WHERE c.same_way AND j.kind = 'additive' AND c.known), 0) AS known,
         max(j.adjustment_reason) FILTER (WHERE j.kind = 'adjusted_to_remove' AND j.takes) AS takes_by,
         coalesce(sum(k.kwh) FILTER (WHERE c.same_way AND j.kind = 'additive' AND NOT c.known), 0) AS adding, coalesce(sum(k.kwh) FILTER (WHERE c.same_way AND j.kind = 'additive' AND NOT c.known AND c.earlier), 0) AS adding_before,
         coalesce(bool_or(NOT c.earlier) FILTER (WHERE c.same_way AND j.kind = 'additive' AND NOT c.known), false) AS adding_after,
         max(CASE j.kind WHEN 'additive' THEN 1 WHEN 'adjusted_to_replace' THEN 2 WHEN 'adjusted_to_remove' THEN 3 WHEN 'not_allowed' THEN 4 END) AS kind
  FROM pg_temp.verify_during t
  LEFT JOIN pg_temp.verify_claim c ON c.place_id = t.place_id AND lower(c.span) <= t.starts_at AND upper(c.span) >= t.ends_at
  LEFT JOIN pg_temp.verify_kind u ON u.place_id = c.place_id AND u.other_id = c.other_id AND c.same_way
  CROSS JOIN LATERAL (SELECT c.kw * extract(epoch FROM t.ends_at - t.starts_at) / 3600 AS kwh) k
  CROSS JOIN LATERAL (SELECT CASE WHEN c.other_id IS NOT NULL THEN coalesce(u.kind, 'additive') END AS kind, u.takes, u.adjustment_reason) j
  GROUP BY t.during_id, t.place_id, t.starts_at, t.ends_at;
  ANALYZE pg_temp.verify_asked;
  CREATE TEMPORARY TABLE verify_shared ON COMMIT DROP AS
  SELECT c.place_id, sum(CASE WHEN c.barred THEN 0 WHEN c.takes_by IS NOT NULL THEN greatest(least(s.kwh, w.requested), 0) ELSE s.kwh END) AS delivered_kwh,
         coalesce(sum(w.part) FILTER (WHERE NOT c.barred), 0) AS open, max(c.kind) AS kind, max(c.takes_by) AS takes_by
  FROM pg_temp.verify_asked c
  JOIN pg_temp.verify_effect f USING (place_id)
  JOIN pg_temp.verify_dispatch v USING (dispatch_id)
  CROSS JOIN LATERAL (SELECT extract(epoch FROM c.ends_at - c.starts_at) / extract(epoch FROM upper(f.span) - lower(f.span)) AS part,
                             f.measured_kwh * extract(epoch FROM c.ends_at - c.starts_at) / extract(epoch FROM upper(f.span) - lower(f.span)) AS measured,
                             f.requested_kwh * extract(epoch FROM c.ends_at - c.starts_at) / extract(epoch FROM upper(f.span) - lower(f.span)) AS requested) w
  CROSS JOIN LATERAL (SELECT w.measured + c.opposing - c.known AS kwh) a
  CROSS JOIN LATERAL (SELECT a.kwh - least(greatest(a.kwh, 0), c.removed) AS kwh) b
  CROSS JOIN LATERAL (SELECT b.kwh - least(greatest(b.kwh, 0), c.adding_before) AS kwh) r
  CROSS JOIN LATERAL (SELECT CASE WHEN v.shared = 'pro_rata' THEN b.kwh * w.requested / nullif(w.requested + c.adding, 0)
                                  WHEN c.adding_after THEN greatest(least(r.kwh, w.requested), 0) ELSE r.kwh END AS kwh) s
  GROUP BY c.place_id;
  ANALYZE pg_temp.verify_shared;
  CREATE TEMPORARY TABLE verify_point_piece ON COMMIT DROP AS
  SELECT f.*, s.kind, s.takes_by, coalesce(s.open, 1) AS open, CASE WHEN f.measured_kwh IS NOT NULL THEN round(CASE WHEN s.place_id IS NULL THEN f.measured_kwh ELSE s.delivered_kwh END, 6) END AS delivered_kwh
  FROM pg_temp.verify_effect f LEFT JOIN pg_temp.verify_shared s USING (place_id);
  ANALYZE pg_temp.verify_point_piece;

  CREATE TEMPORARY TABLE verify_result ON COMMIT DROP AS
  WITH total AS (
    SELECT x.piece_id, count(*)::integer AS meters, sum(x.steps)::integer AS steps, sum(x.missing)::integer AS missing, sum(x.estimated)::integer AS estimated, sum(x.filled)::integer AS filled,
           sum(x.baseline_kwh) AS baseline_kwh, sum(x.metered_kwh) AS metered_kwh, sum(x.measured_kwh) AS measured_kwh, sum(x.measured_kwh - x.delivered_kwh) AS others_kwh,
           sum(x.delivered_kwh) AS there_kwh, sum(greatest(x.delivered_kwh, 0)) FILTER (WHERE x.delivered_kwh IS NOT NULL) AS there_above_kwh, sum(x.requested_kwh * (1 - x.there) * x.open) AS missing_kwh, max(x.kind) AS kind
    FROM pg_temp.verify_point_piece x GROUP BY x.piece_id),
  trades AS (SELECT p.piece_id, array_agg(DISTINCT c.other_id ORDER BY c.other_id) AS with_trades, CASE WHEN bool_and(c.known) THEN 'verified' WHEN bool_or(c.known) THEN 'both' ELSE 'requested' END AS others_by FROM pg_temp.verify_claim c JOIN pg_temp.verify_place p USING (place_id) GROUP BY p.piece_id),
  judged AS (
    SELECT p.piece_id, p.dispatch_id, p.span, round(p.requested_kwh, 6) AS requested_kwh, v.below_zero, v.capped, v.terms_id, v.method_code, v.method_version, v.product_id, v.service_provider_id, v.unit_id,
           coalesce(t.meters, 0) AS meters, coalesce(t.steps, 0) AS steps, coalesce(t.missing, 0) AS missing, coalesce(t.estimated, 0) AS estimated, coalesce(t.filled, 0) AS filled, t.baseline_kwh, t.metered_kwh, t.measured_kwh,
           coalesce(t.others_kwh, 0) AS others_kwh, coalesce(CASE v.below_zero WHEN 'clamped_by_meter' THEN t.there_above_kwh ELSE t.there_kwh END, 0) AS there_kwh, t.missing_kwh, t.kind, w.with_trades, w.others_by,
           CASE WHEN t.missing = 0 THEN 'measured' WHEN v.missing_rule = 'zero' THEN CASE WHEN t.missing < t.steps THEN 'measured_in_part' ELSE 'zero' END
                WHEN t.piece_id IS NULL OR t.missing > v.missing_share * t.steps THEN 'excluded' WHEN v.missing_rule = 'as_requested' THEN 'as_requested' ELSE 'measured_in_part' END AS rule
    FROM pg_temp.verify_piece p JOIN pg_temp.verify_dispatch v USING (dispatch_id) LEFT JOIN total t USING (piece_id) LEFT JOIN trades w USING (piece_id))
  SELECT j.*, ('{additive,adjusted_to_replace,adjusted_to_remove,not_allowed}'::text[])[j.kind] AS joint_use, round(CASE WHEN j.capped THEN least(c.kwh, j.requested_kwh) ELSE c.kwh END, 6) AS delivered_kwh
  FROM judged j
  CROSS JOIN LATERAL (SELECT CASE j.rule WHEN 'excluded' THEN NULL WHEN 'zero' THEN 0 WHEN 'as_requested' THEN j.there_kwh + j.missing_kwh ELSE j.there_kwh END AS kwh) k
  CROSS JOIN LATERAL (SELECT CASE WHEN j.below_zero = 'counted' THEN k.kwh WHEN k.kwh IS NOT NULL THEN greatest(k.kwh, 0) END AS kwh) c;
  ANALYZE pg_temp.verify_result;

  -- what is not of a period of the dispatch as it is now, holds no more; what came out as it did is left as it is
  UPDATE delivery e SET superseded_at = clock_timestamp()
  FROM pg_temp.verify_dispatch v
  WHERE e.superseded_at IS NULL AND resource_window(e.trade_id, e.delivery_window) && resource_window(v.dispatch_id, time_window('-infinity', 'infinity'))
    AND NOT EXISTS (SELECT FROM pg_temp.verify_piece p WHERE p.dispatch_id = v.dispatch_id AND p.span = e.delivery_window);
  CREATE TEMPORARY TABLE verify_recorded (delivery_id bigint, dispatch_id bigint, piece_id bigint, span time_window) ON COMMIT DROP;
  WITH made AS (
    INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, source, evidence)
    SELECT r.dispatch_id, r.span, r.requested_kwh, r.delivered_kwh, 'verification',
           format('%s version %s, %s of %s steps, %s%s', r.method_code, r.method_version, r.steps - r.missing, r.steps, r.rule, coalesce(', ' || r.joint_use, ''))
    FROM pg_temp.verify_result r
    WHERE NOT EXISTS (
      SELECT FROM delivery e JOIN verification w ON w.delivery_id = e.id
      WHERE e.superseded_at IS NULL AND resource_window(e.trade_id, e.delivery_window) && resource_window(r.dispatch_id, r.span) AND e.delivery_window = r.span
        AND (e.requested_kwh, e.delivered_kwh, w.terms_id, w.method_code, w.method_version, w.meters, w.steps, w.steps_missing, w.steps_estimated, w.steps_filled, w.baseline_kwh, w.metered_kwh, w.measured_kwh, w.others_kwh, w.joint_use, w.with_trades, w.others_by, w.rule)
            IS NOT DISTINCT FROM (r.requested_kwh, r.delivered_kwh, r.terms_id, r.method_code, r.method_version, r.meters, r.steps, r.missing, r.estimated, r.filled, r.baseline_kwh, r.metered_kwh, r.measured_kwh, r.others_kwh, r.joint_use, r.with_trades, r.others_by, r.rule))
      -- what was decided in a dispute of the same request stands
      AND NOT EXISTS (
      SELECT FROM delivery e
      WHERE e.superseded_at IS NULL AND resource_window(e.trade_id, e.delivery_window) && resource_window(r.dispatch_id, r.span) AND e.delivery_window = r.span AND e.source = 'dispute' AND e.requested_kwh = r.requested_kwh)
    ORDER BY r.piece_id
    RETURNING id, dispatch_id, delivery_window)
  INSERT INTO pg_temp.verify_recorded SELECT m.id, m.dispatch_id, p.piece_id, m.delivery_window FROM made m JOIN pg_temp.verify_piece p ON p.dispatch_id = m.dispatch_id AND p.span = m.delivery_window;
  ANALYZE pg_temp.verify_recorded;

  INSERT INTO verification (delivery_id, trade_id, product_id, service_provider_id, unit_id, delivery_window, terms_id, method_code, method_version, meters, steps, steps_missing, steps_estimated, steps_filled,
                            baseline_kwh, metered_kwh, measured_kwh, others_kwh, joint_use, with_trades, rule, delivered_kwh, known_at, others_by)
  SELECT d.delivery_id, r.dispatch_id, r.product_id, r.service_provider_id, r.unit_id, r.span, r.terms_id, r.method_code, r.method_version, r.meters, r.steps, r.missing, r.estimated, r.filled,
         r.baseline_kwh, r.metered_kwh, r.measured_kwh, r.others_kwh, r.joint_use, r.with_trades, r.rule, r.delivered_kwh, now(), r.others_by
  FROM pg_temp.verify_recorded d JOIN pg_temp.verify_result r USING (piece_id);
  WITH channel AS (SELECT m.flow_id, array_agg(m.channel_id ORDER BY m.channel_id) FILTER (WHERE m.channel_id IS NOT NULL) AS ids FROM pg_temp.verify_meter m GROUP BY m.flow_id),
  baseline AS (
    SELECT l.flow_id, array_agg(e.id ORDER BY e.id) AS ids
    FROM pg_temp.verify_level l JOIN pg_temp.verify_event e USING (event_key) JOIN pg_temp.verify_piece p USING (piece_id) WHERE e.span && p.span GROUP BY l.flow_id)
  INSERT INTO verification_meter (delivery_id, resource_id, flow, product_id, service_provider_id, channel_ids, baseline_ids, step_seconds, steps, steps_missing, steps_estimated, steps_filled, baseline_kwh, metered_kwh, measured_kwh,
                                  others_kwh, requested_kwh, delivered_kwh, step_starts, readings, received_at)
  SELECT d.delivery_id, x.point_id, f.flow, v.product_id, v.service_provider_id, coalesce(c.ids, '{}'), coalesce(b.ids, '{}'), f.step_seconds, f.steps, f.missing, f.estimated, f.filled, f.baseline_kwh, f.metered_kwh, f.measured_kwh,
         CASE WHEN f.is_first THEN coalesce(x.measured_kwh - x.delivered_kwh, 0) ELSE 0 END, CASE WHEN f.is_first THEN x.requested_kwh ELSE 0 END,
         f.measured_kwh - CASE WHEN f.is_first THEN x.measured_kwh - x.delivered_kwh ELSE 0 END, f.step_starts, f.readings, f.received_at
  FROM pg_temp.verify_recorded d
  JOIN pg_temp.verify_point_piece x USING (piece_id)
  JOIN pg_temp.verify_flow f USING (place_id)
  JOIN pg_temp.verify_dispatch v ON v.dispatch_id = x.dispatch_id
  LEFT JOIN channel c USING (flow_id)
  LEFT JOIN baseline b USING (flow_id);
  INSERT INTO verification_baseline (id, dispatch_id, product_id, service_provider_id, resource_id, flow, method_code, method_version, event_window, status, baseline_kwh, considered, verdict, days_used, days_excluded,
                                     adjustment_applied, adjustment_measured, limited_by, known_at)
  SELECT e.id, e.dispatch_id, v.product_id, v.service_provider_id, e.resource_id, e.flow, e.method_code, e.method_version, e.span, f.status, f.baseline_kwh, f.considered, f.verdict, k.used, k.excluded,
         f.adjustment_applied, f.adjustment_measured, f.limited_by, now()
  FROM pg_temp.verify_event e
  JOIN pg_temp.verify_dispatch v USING (dispatch_id)
  JOIN pg_temp.verify_same y USING (id)
  JOIN pg_temp.verify_found f USING (found_key)
  CROSS JOIN LATERAL (SELECT (count(*) FILTER (WHERE x LIKE 'chosen%'))::integer AS used, (count(*) FILTER (WHERE x NOT LIKE 'chosen%' AND x <> 'other_type'))::integer AS excluded FROM unnest(f.verdict) x) k
  WHERE EXISTS (SELECT FROM pg_temp.verify_recorded d WHERE d.dispatch_id = e.dispatch_id AND d.span && e.span);

  -- what is given back to suppliers: of what was measured, by the connection of each asset
  INSERT INTO imbalance_adjustment (delivery_id, product_id, service_provider_id, asset_id, metering_point_id, settlement_period, kwh, reason)
  SELECT d.delivery_id, v.product_id, v.service_provider_id, a.asset_id, CASE i.kind WHEN 'asset' THEN i.parent_id ELSE i.id END,
         time_window(date_bin(v.period, lower(p.span), epoch), date_bin(v.period, lower(p.span), epoch) + v.period),
         round(CASE v.direction WHEN 'up' THEN 1 ELSE -1 END * m.delivered_kwh * CASE WHEN a.total > 0 THEN a.share / a.total ELSE a.alike END, 6), w.reason
  FROM pg_temp.verify_recorded d
  JOIN pg_temp.verify_piece p USING (piece_id)
  JOIN pg_temp.verify_result r USING (piece_id)
  JOIN pg_temp.verify_point_piece x USING (piece_id)
  JOIN pg_temp.verify_dispatch v ON v.dispatch_id = x.dispatch_id
  CROSS JOIN LATERAL (SELECT coalesce(x.takes_by, v.imbalance_reason) AS reason) w
  JOIN verification_meter m ON m.delivery_id = d.delivery_id AND m.resource_id = x.point_id AND m.delivered_kwh IS NOT NULL
  JOIN (SELECT t.place_id, t.asset_id, t.share, sum(t.share) OVER o AS total, 1::numeric / count(*) OVER o AS alike FROM pg_temp.verify_part t WINDOW o AS (PARTITION BY t.place_id)) a ON a.place_id = x.place_id
  JOIN asset s ON s.id = a.asset_id
  LEFT JOIN metering_point i ON i.id = CASE m.flow WHEN 'export' THEN coalesce(s.export_metering_point_id, s.metering_point_id) ELSE s.metering_point_id END
  WHERE w.reason IS NOT NULL AND r.rule <> 'excluded' AND m.delivered_kwh <> 0
  ORDER BY d.delivery_id, a.asset_id;

  SELECT count(*) INTO dispatches FROM pg_temp.verify_dispatch;
  SELECT count(*) INTO recorded FROM pg_temp.verify_recorded;
  SELECT count(*) - recorded INTO unchanged FROM pg_temp.verify_result;
  left_out := cardinality(wanted) - dispatches;
  DROP TABLE pg_temp.verify_dispatch, pg_temp.verify_piece, pg_temp.verify_asset, pg_temp.verify_point, pg_temp.verify_part, pg_temp.verify_place, pg_temp.verify_meter, pg_temp.verify_step, pg_temp.verify_slice, pg_temp.verify_level, pg_temp.verify_event, pg_temp.verify_same,
    pg_temp.verify_found, pg_temp.verify_base, pg_temp.verify_flow, pg_temp.verify_ground, pg_temp.verify_claim, pg_temp.verify_effect, pg_temp.verify_during, pg_temp.verify_kind, pg_temp.verify_asked, pg_temp.verify_shared, pg_temp.verify_point_piece, pg_temp.verify_result, pg_temp.verify_recorded;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION verify(bigint[], bigint, time_window, timestamptz) IS
  'verifies dispatches, or all of a market that begin in a window: what was delivered in each settlement period, by the terms of the product, as a delivery with what it follows from; others on the same assets count as their own meters verified them before, else as requested; what is over by the instant (still to come for the operator and the owner of the exchange alone), stands, and has terms; what comes out as it did before stays, and what was decided in a dispute of the same request; returns how many dispatches were looked at, deliveries recorded and left as they were, and dispatches left out (unverified_dispatches() says why); by the buyer or the operator; errors 22023, 42501, MX201, MX105; SECURITY DEFINER because nobody writes verifications, and the caller is checked';
REVOKE ALL ON FUNCTION verify(bigint[], bigint, time_window, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verify(bigint[], bigint, time_window, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION unverified_dispatches(market_id bigint, within time_window, at timestamptz DEFAULT now()) RETURNS TABLE (dispatch_id bigint, reason text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT d.id, CASE WHEN NOT d.live THEN 'it is ' || d.status WHEN NOT isfinite(upper(d.delivery_window)) THEN 'it has no end' WHEN upper(d.delivery_window) > unverified_dispatches.at THEN 'it is not over'
                    WHEN t.id IS NULL THEN 'its product has no terms of verification' ELSE 'it was not verified yet' END
  FROM dispatch d
  JOIN product p ON p.id = d.product_id
  LEFT JOIN verification_terms t ON t.product_id = d.product_id AND t.valid @> lower(d.delivery_window)
  WHERE p.market_id = unverified_dispatches.market_id AND lower(d.delivery_window) >= lower(unverified_dispatches.within) AND lower(d.delivery_window) < upper(unverified_dispatches.within)
    AND NOT EXISTS (SELECT FROM verification v JOIN delivery e ON e.id = v.delivery_id WHERE v.trade_id = d.id AND e.superseded_at IS NULL)
  ORDER BY d.id;
END;
COMMENT ON FUNCTION unverified_dispatches(bigint, time_window, timestamptz) IS 'the dispatches of a market that begin in a window and have no verification that holds, and why';
REVOKE ALL ON FUNCTION unverified_dispatches(bigint, time_window, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unverified_dispatches(bigint, time_window, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION verify_availability(market_id bigint, within time_window, at timestamptz DEFAULT now()) RETURNS TABLE (availabilities bigint, recorded bigint, unchanged bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
#variable_conflict use_column
DECLARE
  epoch CONSTANT timestamptz := timestamptz '2000-01-01T00:00Z';
BEGIN
  PERFORM over_by(verify_availability.at);
  PERFORM lock_own_markets(ARRAY[verify_availability.market_id]);
  DROP TABLE IF EXISTS pg_temp.verify_held, pg_temp.verify_kept, pg_temp.verify_entered;
  CREATE TEMPORARY TABLE verify_held ON COMMIT DROP AS
  SELECT v.id AS availability_id, v.product_id, v.service_provider_id, v.unit_id, v.portfolio_id, v.direction, v.delivery_window, c.span, t.id AS terms_id, t.availability_rule, t.flows[1] AS flow,
         round(v.power_kw * extract(epoch FROM upper(c.span) - lower(c.span)) / 3600, 6) AS requested_kwh, extract(epoch FROM upper(c.span) - lower(c.span)) / 3600 AS hours,
         EXISTS (SELECT FROM dispatch d WHERE d.availability_id = v.id AND d.live AND d.delivery_window && c.span) AS dispatched
  FROM availability v
  JOIN product p ON p.id = v.product_id
  JOIN market k ON k.id = p.market_id
  JOIN verification_terms t ON t.product_id = v.product_id AND t.valid @> lower(v.delivery_window)
  CROSS JOIN LATERAL generate_series(date_bin(k.settlement_period, lower(v.delivery_window), epoch), upper(v.delivery_window) - interval '1 microsecond', k.settlement_period) AS g (at)
  CROSS JOIN LATERAL (SELECT time_window(greatest(g.at, lower(v.delivery_window)), least(g.at + k.settlement_period, upper(v.delivery_window))) AS span) c
  WHERE k.id = verify_availability.market_id AND v.live AND isfinite(upper(v.delivery_window)) AND upper(v.delivery_window) <= verify_availability.at
    AND lower(v.delivery_window) >= lower(verify_availability.within) AND lower(v.delivery_window) < upper(verify_availability.within);
  ANALYZE pg_temp.verify_held;
  -- what could have been delivered, by the meter: what is taken can be turned down, what is not given can be given
  CREATE TEMPORARY TABLE verify_kept ON COMMIT DROP AS
  WITH asset_of AS (
    SELECT h.availability_id, h.span, h.direction, h.flow, h.hours, h.unit_id AS asset_id FROM pg_temp.verify_held h WHERE h.portfolio_id IS NULL AND h.availability_rule = 'metered' AND NOT h.dispatched
    UNION ALL SELECT h.availability_id, h.span, h.direction, h.flow, h.hours, m.asset_id FROM pg_temp.verify_held h JOIN portfolio_member m ON m.portfolio_id = h.portfolio_id AND m.valid @> lower(h.span)
      WHERE h.availability_rule = 'metered' AND NOT h.dispatched),
  metered AS (
    SELECT a.availability_id, a.span, a.asset_id, a.direction, a.flow, a.hours, s.installed_kw,
           (SELECT CASE WHEN count(r.value) = count(*) THEN sum(CASE c.quantity WHEN 'energy' THEN r.value ELSE r.value * c.interval_seconds / 3600 END
                     * extract(epoch FROM least(g.at + make_interval(secs => c.interval_seconds), upper(a.span)) - greatest(g.at, lower(a.span))) / c.interval_seconds) END
            FROM (SELECT x.id, x.quantity, x.interval_seconds FROM meter_channel x WHERE x.resource_id = a.asset_id AND x.flow = a.flow ORDER BY x.interval_seconds DESC, x.id LIMIT 1) c
            CROSS JOIN LATERAL generate_series(date_bin(make_interval(secs => c.interval_seconds), lower(a.span), epoch), upper(a.span) - interval '1 microsecond', make_interval(secs => c.interval_seconds)) AS g (at)
            LEFT JOIN meter_reading r ON r.channel_id = c.id AND r.starts_at = g.at) AS kwh
    FROM asset_of a JOIN asset s ON s.id = a.asset_id)
  SELECT m.availability_id, m.span, count(*)::integer AS meters, count(*) FILTER (WHERE m.kwh IS NULL)::integer AS missing, round(sum(m.kwh), 6) AS metered_kwh,
         CASE WHEN count(m.kwh) = count(*) THEN round(greatest(sum(CASE WHEN (m.flow = 'import') = (m.direction = 'up') THEN m.kwh ELSE m.installed_kw * m.hours - m.kwh END), 0), 6) END AS could_kwh
  FROM metered m GROUP BY m.availability_id, m.span;
  ANALYZE pg_temp.verify_kept;
  UPDATE delivery e SET superseded_at = clock_timestamp()
  WHERE e.superseded_at IS NULL AND e.availability_id IN (SELECT h.availability_id FROM pg_temp.verify_held h)
    AND NOT EXISTS (SELECT FROM pg_temp.verify_held h WHERE h.availability_id = e.availability_id AND h.span = e.delivery_window);
  CREATE TEMPORARY TABLE verify_entered (delivery_id bigint, availability_id bigint, span time_window) ON COMMIT DROP;
  WITH result AS (
    SELECT h.*, k.metered_kwh, coalesce(k.meters, 0) AS meters, coalesce(k.missing, 0) AS missing, CASE WHEN h.availability_rule = 'metered' AND NOT h.dispatched THEN least(k.could_kwh, h.requested_kwh) ELSE h.requested_kwh END AS delivered_kwh,
           CASE WHEN h.availability_rule = 'as_accepted' OR h.dispatched THEN 'as_accepted' WHEN k.could_kwh IS NULL THEN 'excluded' ELSE 'metered_capability' END AS rule
    FROM pg_temp.verify_held h LEFT JOIN pg_temp.verify_kept k USING (availability_id, span)),
  made AS (
    INSERT INTO delivery (availability_id, delivery_window, requested_kwh, delivered_kwh, source, evidence)
    SELECT r.availability_id, r.span, r.requested_kwh, CASE WHEN r.rule <> 'excluded' THEN r.delivered_kwh END, 'verification', r.rule || CASE WHEN r.dispatched THEN ', dispatched' ELSE '' END FROM result r
    WHERE NOT EXISTS (SELECT FROM delivery e JOIN verification w ON w.delivery_id = e.id
      WHERE e.superseded_at IS NULL AND resource_window(e.trade_id, e.delivery_window) && resource_window(r.availability_id, r.span) AND e.delivery_window = r.span
        AND (e.requested_kwh, e.delivered_kwh, w.rule, w.terms_id, w.metered_kwh) IS NOT DISTINCT FROM (r.requested_kwh, CASE WHEN r.rule <> 'excluded' THEN r.delivered_kwh END, r.rule, r.terms_id, r.metered_kwh))
      AND NOT EXISTS (SELECT FROM delivery e
      WHERE e.superseded_at IS NULL AND resource_window(e.trade_id, e.delivery_window) && resource_window(r.availability_id, r.span) AND e.delivery_window = r.span AND e.source = 'dispute' AND e.requested_kwh = r.requested_kwh)
    ORDER BY r.availability_id, lower(r.span)
    RETURNING id, availability_id, delivery_window, delivered_kwh)
  INSERT INTO pg_temp.verify_entered SELECT m.id, m.availability_id, m.delivery_window FROM made m;
  INSERT INTO verification (delivery_id, trade_id, product_id, service_provider_id, unit_id, delivery_window, terms_id, meters, steps, steps_missing, steps_estimated, steps_filled, metered_kwh, rule, delivered_kwh, known_at)
  SELECT d.delivery_id, h.availability_id, h.product_id, h.service_provider_id, h.unit_id, h.span, h.terms_id, coalesce(k.meters, 0), coalesce(k.meters, 0), coalesce(k.missing, 0), 0, 0, k.metered_kwh,
         CASE WHEN h.availability_rule = 'as_accepted' OR h.dispatched THEN 'as_accepted' WHEN k.could_kwh IS NULL THEN 'excluded' ELSE 'metered_capability' END, e.delivered_kwh, now()
  FROM pg_temp.verify_entered d JOIN pg_temp.verify_held h USING (availability_id, span) LEFT JOIN pg_temp.verify_kept k USING (availability_id, span) JOIN delivery e ON e.id = d.delivery_id;
  SELECT count(DISTINCT h.availability_id), count(*) INTO availabilities, unchanged FROM pg_temp.verify_held h;
  SELECT count(*), unchanged - count(*) INTO recorded, unchanged FROM pg_temp.verify_entered;
  DROP TABLE pg_temp.verify_held, pg_temp.verify_kept, pg_temp.verify_entered;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION verify_availability(bigint, time_window, timestamptz) IS
  'verifies the availability of a market that begins in a window and stands: delivered as accepted, or, where terms say metered, up to what the meter says could have been delivered, but in periods in which it was dispatched; what was withdrawn or released has none; returns how many were looked at, deliveries recorded and left; errors 42501, MX105; SECURITY DEFINER because nobody writes verifications, and the caller is checked';
REVOKE ALL ON FUNCTION verify_availability(bigint, time_window, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verify_availability(bigint, time_window, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ why

CREATE OR REPLACE FUNCTION joint_trades(delivery_id bigint, OUT with_trades bigint[], OUT of_others integer, OUT words text) RETURNS record
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT x.told, x.hidden, nullif(concat_ws(' and ', nullif(array_to_string(x.told, ', '), ''), CASE WHEN x.hidden > 0 THEN format('%s of others', x.hidden) END), '')
  FROM verification v
  CROSS JOIN LATERAL (SELECT array_agg(d.id ORDER BY d.id) FILTER (WHERE r.reads) AS told, (count(*) FILTER (WHERE NOT r.reads))::integer AS hidden
                      FROM dispatch d
                      CROSS JOIN LATERAL (SELECT acts_for_exchange() OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'verification'::regclass), 'MEMBER')
                                                 OR coalesce(d.service_provider_id = current_participant(), false) OR d.product_id = ANY (ARRAY(SELECT own_product_ids())) AS reads) r
                      WHERE d.id = ANY (v.with_trades)) x
  WHERE v.delivery_id = joint_trades.delivery_id
    AND (acts_for_exchange() OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'verification'::regclass), 'MEMBER')
         OR v.service_provider_id = current_participant() OR v.product_id = ANY (ARRAY(SELECT own_product_ids())))
$function$;
COMMENT ON FUNCTION joint_trades(bigint) IS
  'the other dispatches of the same assets at the time of a delivery: those that the caller sells or buys, how many others there are, and both in words; NULL: no delivery that was verified, or none that the caller reads; SECURITY DEFINER because others'' dispatches are counted, and not named';
REVOKE ALL ON FUNCTION joint_trades(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION joint_trades(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION joint_trades_differ(delivery_id bigint, other_delivery_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT v.with_trades IS DISTINCT FROM o.with_trades FROM verification v, verification o
  WHERE v.delivery_id = joint_trades_differ.delivery_id AND o.delivery_id = joint_trades_differ.other_delivery_id AND v.trade_id = o.trade_id
    AND (acts_for_exchange() OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'verification'::regclass), 'MEMBER')
         OR v.service_provider_id = current_participant() OR v.product_id = ANY (ARRAY(SELECT own_product_ids())))
$function$;
COMMENT ON FUNCTION joint_trades_differ(bigint, bigint) IS
  'whether two verifications of a trade met other dispatches of the same assets; NULL: the caller reads them not; SECURITY DEFINER because which these are is not told';
REVOKE ALL ON FUNCTION joint_trades_differ(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION joint_trades_differ(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION explain_verification(delivery_id bigint) RETURNS TABLE (step integer, name text, value numeric, unit text, because text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT x.step, x.name, trim_scale(x.value), 'kWh', x.because
  FROM verification v
  JOIN delivery d ON d.id = v.delivery_id
  JOIN verification_terms t ON t.id = v.terms_id
  LEFT JOIN LATERAL (
    SELECT string_agg(DISTINCT format('%s: %s, %s days used, %s left out%s', b.resource_id, b.status, b.days_used, b.days_excluded,
             coalesce(', adjusted by ' || trim_scale(b.adjustment_applied), '') || coalesce(', limited by ' || b.limited_by, '')), '; ') AS days
    FROM verification_baseline b WHERE v.meters <= 3 AND b.id IN (SELECT unnest(m.baseline_ids) FROM verification_meter m WHERE m.delivery_id = v.delivery_id)) b ON true
  CROSS JOIN LATERAL (VALUES
    (1, 'requested', d.requested_kwh, format('%s %s, %s', CASE WHEN d.dispatch_id IS NULL THEN 'availability' ELSE 'dispatch' END, v.trade_id, v.delivery_window)),
    (2, 'baseline', v.baseline_kwh, coalesce(format('%s version %s', v.method_code, v.method_version) || coalesce('; ' || b.days, ''), 'none')),
    (3, 'metered', v.metered_kwh, format('%s of %s steps of %s meters%s%s, known %s', v.steps - v.steps_missing, v.steps, v.meters, CASE WHEN v.steps_estimated > 0 THEN format(', %s estimated', v.steps_estimated) ELSE '' END,
      CASE WHEN v.steps_filled > 0 THEN format(', %s filled', v.steps_filled) ELSE '' END, to_char(v.known_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'))),
    (4, 'measured', v.measured_kwh, CASE WHEN d.dispatch_id IS NULL THEN 'none' ELSE format('difference of the two, in %s', array_to_string(t.flows, ' and ')) END),
    (5, 'others', v.others_kwh, CASE WHEN v.joint_use IS NULL THEN 'no other dispatch' ELSE format('%s with %s%s', v.joint_use, (joint_trades(v.delivery_id)).words,
      CASE v.others_by WHEN 'verified' THEN ', by what their own meters verified' WHEN 'both' THEN ', by what their own meters verified or, where that is not known, what was requested' ELSE ', by what was requested' END) END),
    (6, 'delivered', v.delivered_kwh, v.rule || CASE WHEN t.below_zero <> 'counted' THEN ', ' || t.below_zero ELSE '' END || CASE WHEN t.capped THEN ', at most as requested' ELSE '' END)
  ) AS x (step, name, value, because)
  WHERE v.delivery_id = explain_verification.delivery_id AND (d.dispatch_id IS NOT NULL OR x.step IN (1, 3, 6))
  ORDER BY x.step;
END;
COMMENT ON FUNCTION explain_verification(bigint) IS 'how a delivery that was verified came about, step by step: requested, baseline with its days, metered, measured, what belongs to others, delivered by which rule; of up to three meters with their days';
REVOKE ALL ON FUNCTION explain_verification(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_verification(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION delivery_before(delivery_id bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT max(o.id) FROM delivery d JOIN delivery o ON resource_window(o.trade_id, o.delivery_window) && resource_window(d.trade_id, d.delivery_window) AND o.delivery_window = d.delivery_window AND o.superseded_at IS NOT NULL AND o.id < d.id
  WHERE d.id = delivery_before.delivery_id AND o.product_id = d.product_id AND lower(o.delivery_window) = lower(d.delivery_window) AND o.service_provider_id = d.service_provider_id
$function$;
COMMENT ON FUNCTION delivery_before(bigint) IS 'the delivery of the same period that a delivery took the place of; NULL: there was none; with explain_verification_change() it leads from settlement_changes() to the readings';
REVOKE ALL ON FUNCTION delivery_before(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_before(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION explain_verification_change(old_delivery_id bigint, new_delivery_id bigint)
RETURNS TABLE (cause text, resource_id bigint, flow text, channel_id bigint, starts_at timestamptz, before_kwh numeric, after_kwh numeric, received_at timestamptz, detail text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  WITH zone AS (SELECT i.time_zone FROM exchange_instance i),
  o AS (SELECT v.delivery_id, v.terms_id, v.method_code, v.method_version, v.others_kwh, v.joint_use, v.others_by, v.known_at, d.requested_kwh FROM verification v JOIN delivery d ON d.id = v.delivery_id WHERE v.delivery_id = old_delivery_id),
  n AS (SELECT v.delivery_id, v.terms_id, v.method_code, v.method_version, v.others_kwh, v.joint_use, v.others_by, v.known_at, d.requested_kwh FROM verification v JOIN delivery d ON d.id = v.delivery_id WHERE v.delivery_id = new_delivery_id),
  -- what was read in the period itself, by the versions that were used
  step AS (
    SELECT coalesce(a.resource_id, b.resource_id) AS resource_id, coalesce(a.flow, b.flow) AS flow, coalesce(a.channel_ids, b.channel_ids) AS channel_ids, coalesce(a.at, b.at) AS starts_at,
           a.kwh AS before_kwh, b.kwh AS after_kwh, b.received_at, a.received_at AS was_received_at, a.resource_id IS NULL AS added, b.resource_id IS NULL AS gone
    FROM (SELECT m.resource_id, m.flow, m.channel_ids, s.at, s.kwh, s.received_at FROM verification_meter m CROSS JOIN LATERAL unnest(m.step_starts, m.readings, m.received_at) AS s (at, kwh, received_at) WHERE m.delivery_id = old_delivery_id) a
    FULL JOIN (SELECT m.resource_id, m.flow, m.channel_ids, s.at, s.kwh, s.received_at FROM verification_meter m CROSS JOIN LATERAL unnest(m.step_starts, m.readings, m.received_at) AS s (at, kwh, received_at) WHERE m.delivery_id = new_delivery_id) b
      ON b.resource_id = a.resource_id AND b.flow = a.flow AND b.at = a.at),
  -- the baselines of each side, and what became of each day in them
  base AS (
    SELECT DISTINCT m.delivery_id = new_delivery_id AS is_new, b.resource_id, b.flow, b.method_code, b.method_version, b.event_window, b.considered, b.verdict
    FROM verification_meter m JOIN verification_baseline b ON b.id = ANY (m.baseline_ids) WHERE m.delivery_id IN (old_delivery_id, new_delivery_id)),
  day AS (
    SELECT x.resource_id, x.flow, x.event_window, x.day, max(x.verdict) FILTER (WHERE NOT x.is_new) AS was, max(x.verdict) FILTER (WHERE x.is_new) AS is_now
    FROM (SELECT b.is_new, b.resource_id, b.flow, b.event_window, d.day, d.verdict FROM base b CROSS JOIN LATERAL unnest(b.considered, b.verdict) AS d (day, verdict)) x
    GROUP BY x.resource_id, x.flow, x.event_window, x.day),
  channel AS (
    SELECT DISTINCT ON (b.resource_id, b.flow) b.resource_id, b.flow, c.id, c.quantity, c.interval_seconds
    FROM base b JOIN baseline_method m ON m.code = b.method_code AND m.version = b.method_version
    JOIN meter_channel c ON c.resource_id = b.resource_id AND c.flow = b.flow AND m.step_seconds % c.interval_seconds = 0
    WHERE m.kind IN ('history', 'meter') ORDER BY b.resource_id, b.flow, c.interval_seconds DESC, c.id),
  looked_at AS (
    SELECT d.resource_id, d.flow, d.day, d.event_window, coalesce(d.was LIKE 'chosen%' OR d.is_now LIKE 'chosen%', false) AS chosen, d.was IS DISTINCT FROM d.is_now AS changed, NULL::timestamptz AS starts_at, NULL::timestamptz AS ends_at FROM day d
    UNION ALL
    -- of the day itself the windows by which it is adjusted
    SELECT DISTINCT b.resource_id, b.flow, (lower(b.event_window) AT TIME ZONE z.time_zone)::date, b.event_window, false, false, w.starts_at, w.ends_at
    FROM base b CROSS JOIN zone z JOIN baseline_method m ON m.code = b.method_code AND m.version = b.method_version
    CROSS JOIN LATERAL (VALUES (lower(b.event_window) - make_interval(secs => m.before_gap_seconds + m.before_seconds), lower(b.event_window) - make_interval(secs => m.before_gap_seconds)),
                               (upper(b.event_window) + make_interval(secs => m.after_gap_seconds), upper(b.event_window) + make_interval(secs => m.after_gap_seconds + m.after_seconds))) AS w (starts_at, ends_at)
    WHERE w.starts_at < w.ends_at),
  version AS (
    SELECT c.resource_id, c.flow, c.id AS channel_id, c.quantity, c.interval_seconds, l.day, l.event_window, l.chosen, l.changed, r.starts_at, r.received_at, r.superseded_at, r.value
    FROM looked_at l CROSS JOIN zone z
    JOIN channel c ON c.resource_id = l.resource_id AND c.flow = l.flow
    CROSS JOIN LATERAL (
      SELECT x.starts_at, x.received_at, 'infinity'::timestamptz AS superseded_at, x.value FROM meter_reading x
      WHERE x.channel_id = c.id AND x.starts_at >= l.day::timestamp AT TIME ZONE z.time_zone AND x.starts_at < (l.day + 1)::timestamp AT TIME ZONE z.time_zone
      UNION ALL
      SELECT x.starts_at, x.received_at, x.superseded_at, x.value FROM meter_reading_superseded x
      WHERE x.channel_id = c.id AND x.starts_at >= l.day::timestamp AT TIME ZONE z.time_zone AND x.starts_at < (l.day + 1)::timestamp AT TIME ZONE z.time_zone) r
    -- of a chosen day what stands at the time of the event, of one that came in or went out all
    WHERE l.changed OR (r.starts_at >= l.starts_at AND r.starts_at < l.ends_at) OR (l.chosen AND (r.starts_at AT TIME ZONE z.time_zone)::time >= (lower(l.event_window) AT TIME ZONE z.time_zone)::time
                        AND (r.starts_at AT TIME ZONE z.time_zone)::time < coalesce(nullif((upper(l.event_window) AT TIME ZONE z.time_zone)::time, '00:00'), '24:00'))),
  reading AS (
    SELECT v.resource_id, v.flow, v.channel_id, v.day, v.event_window, v.chosen, v.changed, v.starts_at,
           max(CASE v.quantity WHEN 'energy' THEN v.value ELSE round(v.value * v.interval_seconds / 3600, 4) END) FILTER (WHERE v.received_at <= o.known_at AND v.superseded_at > o.known_at) AS before_kwh,
           max(CASE v.quantity WHEN 'energy' THEN v.value ELSE round(v.value * v.interval_seconds / 3600, 4) END) FILTER (WHERE v.received_at <= n.known_at AND v.superseded_at > n.known_at) AS after_kwh,
           max(v.received_at) FILTER (WHERE v.received_at <= n.known_at AND v.superseded_at > n.known_at) AS received_at
    FROM version v CROSS JOIN o CROSS JOIN n
    GROUP BY v.resource_id, v.flow, v.channel_id, v.day, v.event_window, v.chosen, v.changed, v.starts_at)
  SELECT x.cause, x.resource_id, x.flow, x.channel_id, x.starts_at, x.before_kwh, x.after_kwh, x.received_at, x.detail FROM (
    SELECT 1 AS place, 'reading' AS cause, s.resource_id, s.flow, CASE WHEN cardinality(s.channel_ids) = 1 THEN s.channel_ids[1] END AS channel_id, s.starts_at, s.before_kwh, s.after_kwh, s.received_at,
           CASE WHEN s.before_kwh IS NULL THEN 'metered: it came after' WHEN s.after_kwh IS NULL THEN 'metered: it counts no more' ELSE 'metered: it was corrected' END AS detail
    FROM step s WHERE NOT s.added AND NOT s.gone AND (s.before_kwh, s.was_received_at) IS DISTINCT FROM (s.after_kwh, s.received_at)
    UNION ALL
    SELECT 2, 'reading', r.resource_id, r.flow, r.channel_id, r.starts_at, r.before_kwh, r.after_kwh, r.received_at,
           CASE WHEN r.day = (lower(r.event_window) AT TIME ZONE z.time_zone)::date THEN 'baseline: of the day itself' ELSE format('baseline: of %s', r.day) END || CASE WHEN r.before_kwh IS NULL THEN ', it came after' ELSE ', it was corrected' END
    FROM reading r CROSS JOIN zone z
    WHERE r.before_kwh IS DISTINCT FROM r.after_kwh AND NOT EXISTS (SELECT FROM step s WHERE s.resource_id = r.resource_id AND s.flow = r.flow AND s.starts_at = r.starts_at)
    UNION ALL
    SELECT 3, 'day', d.resource_id, d.flow, NULL, NULL, NULL, NULL, NULL, format('%s is %s, and was %s', d.day, coalesce(d.is_now, 'not looked at'), coalesce(d.was, 'not looked at')) FROM day d WHERE d.was IS DISTINCT FROM d.is_now
    UNION ALL
    SELECT DISTINCT 4, 'meter', s.resource_id, s.flow, NULL::bigint, NULL::timestamptz, NULL::numeric, NULL::numeric, NULL::timestamptz, CASE WHEN s.added THEN 'is looked at now, and was not' ELSE 'was looked at, and is no more' END FROM step s WHERE s.added OR s.gone
    UNION ALL
    SELECT 5, 'requested', NULL, NULL, NULL, NULL, o.requested_kwh, n.requested_kwh, NULL, 'what was requested changed' FROM o CROSS JOIN n WHERE o.requested_kwh <> n.requested_kwh
    UNION ALL
    SELECT 6, 'joint use', NULL, NULL, NULL, NULL, o.others_kwh, n.others_kwh, NULL, format('%s, and before %s', coalesce(n.joint_use || ' with ' || (joint_trades(n.delivery_id)).words || ', as ' || n.others_by, 'none'), coalesce(o.joint_use || ' with ' || (joint_trades(o.delivery_id)).words || ', as ' || o.others_by, 'none'))
    FROM o CROSS JOIN n WHERE (o.joint_use, o.others_by) IS DISTINCT FROM (n.joint_use, n.others_by) OR joint_trades_differ(o.delivery_id, n.delivery_id)
    UNION ALL
    SELECT 7, 'terms', NULL, NULL, NULL, NULL, NULL, NULL, NULL, format('terms %s, %s version %s, and before terms %s, %s version %s', n.terms_id, n.method_code, n.method_version, o.terms_id, o.method_code, o.method_version)
    FROM o CROSS JOIN n WHERE (o.terms_id, o.method_code, o.method_version) IS DISTINCT FROM (n.terms_id, n.method_code, n.method_version)) x
  ORDER BY x.place, x.resource_id, x.flow, x.starts_at, x.detail
$function$;
COMMENT ON FUNCTION explain_verification_change(bigint, bigint) IS
  'what changed between two verifications of a period: the readings in it and in its baseline that came or were corrected between them, with their values before and after; days that came in or went out; meters, the request, joint use and terms that changed; as far as the caller reads readings';
REVOKE ALL ON FUNCTION explain_verification_change(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_verification_change(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ joint use and suppliers

CREATE OR REPLACE VIEW joint_delivery WITH (security_invoker = true) AS
  SELECT v.trade_id, v.delivery_window, v.joint_use, t.with_trades, v.measured_kwh, v.others_kwh, v.delivered_kwh, v.product_id, v.service_provider_id, v.unit_id, v.delivery_id, t.of_others
  FROM verification v JOIN delivery d ON d.id = v.delivery_id CROSS JOIN LATERAL joint_trades(v.delivery_id) t WHERE d.superseded_at IS NULL AND v.joint_use IS NOT NULL;
COMMENT ON VIEW joint_delivery IS 'deliveries that share their assets with other dispatches, and what became of it; where it was not allowed, what was not counted stands in others_kwh';
COMMENT ON COLUMN joint_delivery.trade_id IS 'the dispatch';
COMMENT ON COLUMN joint_delivery.delivery_window IS 'the period';
COMMENT ON COLUMN joint_delivery.joint_use IS 'kind of joint use';
COMMENT ON COLUMN joint_delivery.with_trades IS 'the other dispatches, as far as the caller sells or buys them; NULL: none';
COMMENT ON COLUMN joint_delivery.measured_kwh IS 'effect on the meters, kWh';
COMMENT ON COLUMN joint_delivery.others_kwh IS 'part of it that belongs to the others, kWh';
COMMENT ON COLUMN joint_delivery.delivered_kwh IS 'what counts as delivered, kWh';
COMMENT ON COLUMN joint_delivery.product_id IS 'the product';
COMMENT ON COLUMN joint_delivery.service_provider_id IS 'the provider';
COMMENT ON COLUMN joint_delivery.unit_id IS 'the unit';
COMMENT ON COLUMN joint_delivery.delivery_id IS 'the delivery';
COMMENT ON COLUMN joint_delivery.of_others IS 'how many more there are, of other parties';
GRANT SELECT ON joint_delivery TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION supplier_adjustments(within time_window) RETURNS TABLE (supplier_id bigint, metering_point_id bigint, settlement_period time_window, reason text, kwh numeric, deliveries bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT s.supplier_id, a.metering_point_id, a.settlement_period, a.reason, sum(a.kwh), count(DISTINCT a.delivery_id)
  FROM imbalance_adjustment a
  JOIN delivery d ON d.id = a.delivery_id AND d.superseded_at IS NULL
  JOIN dispatch t ON t.id = d.dispatch_id AND t.live
  LEFT JOIN metering_point_supplier s ON s.metering_point_id = a.metering_point_id AND s.valid @> lower(a.settlement_period)
  WHERE lower(a.settlement_period) >= lower(within) AND lower(a.settlement_period) < upper(within) AND (acts_for_exchange() OR s.supplier_id = current_participant())
  GROUP BY s.supplier_id, a.metering_point_id, a.settlement_period, a.reason
  ORDER BY s.supplier_id, a.metering_point_id, a.settlement_period, a.reason;
END
$function$;
COMMENT ON FUNCTION supplier_adjustments(time_window) IS
  'what imbalance settlement gives back to suppliers: kWh to be added to the import of each metering point in each settlement period that begins in a window, by rule, of dispatches that stand; a supplier gets its own, the operator and the regulator all, with a NULL supplier where none is registered; SECURITY DEFINER because a supplier is told the volume and not who delivered what to whom, and the caller is checked';
REVOKE ALL ON FUNCTION supplier_adjustments(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION supplier_adjustments(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ performance

CREATE OR REPLACE FUNCTION deviation(baseline numeric, ordered numeric, allocation numeric, OUT realised numeric, OUT delivered numeric, OUT deviation numeric, OUT deficiency numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT baseline - allocation, least(greatest(baseline - allocation, 0), ordered), allocation - (baseline - ordered), greatest(allocation - (baseline - ordered), 0);
END;
COMMENT ON FUNCTION deviation(numeric, numeric, numeric) IS
  'a reduction of consumption as the Flex Trading Protocol has it: realised, delivered (from zero to the ordered), deviation from what was expected, and deficiency, its part above zero; all in the unit of what is given';
REVOKE ALL ON FUNCTION deviation(numeric, numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deviation(numeric, numeric, numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE VIEW dispatch_performance WITH (security_invoker = true) AS
  SELECT d.dispatch_id, d.product_id, d.service_provider_id, d.unit_id, min(lower(d.delivery_window)) AS starts_at, count(*) AS periods, count(*) FILTER (WHERE d.delivered_kwh IS NULL) AS periods_not_known,
         sum(d.requested_kwh) AS requested_kwh, sum(d.requested_kwh) FILTER (WHERE d.delivered_kwh IS NOT NULL) AS requested_known_kwh, sum(d.delivered_kwh) AS delivered_kwh,
         sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)) AS counted_kwh,
         round(sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)) / nullif(sum(d.requested_kwh) FILTER (WHERE d.delivered_kwh IS NOT NULL), 0), 6) AS ratio,
         round(min(d.delivered_kwh / nullif(d.requested_kwh, 0)), 6) AS worst_ratio,
         round((array_agg(d.delivered_kwh / nullif(d.requested_kwh, 0) ORDER BY lower(d.delivery_window)))[1], 6) AS first_ratio,
         sum(greatest(d.requested_kwh - d.delivered_kwh, 0)) AS deficiency_kwh, sum(greatest(d.delivered_kwh - d.requested_kwh, 0)) AS over_kwh
  FROM delivery d JOIN dispatch t ON t.id = d.dispatch_id AND t.live WHERE d.superseded_at IS NULL
  GROUP BY d.dispatch_id, d.product_id, d.service_provider_id, d.unit_id;
COMMENT ON VIEW dispatch_performance IS 'how each dispatch that stands was followed, by the deliveries that hold, whoever recorded them';
COMMENT ON COLUMN dispatch_performance.dispatch_id IS 'the dispatch';
COMMENT ON COLUMN dispatch_performance.product_id IS 'its product';
COMMENT ON COLUMN dispatch_performance.service_provider_id IS 'its provider';
COMMENT ON COLUMN dispatch_performance.unit_id IS 'its unit';
COMMENT ON COLUMN dispatch_performance.starts_at IS 'start of its first period';
COMMENT ON COLUMN dispatch_performance.periods IS 'how many periods it has';
COMMENT ON COLUMN dispatch_performance.periods_not_known IS 'of how many it is not known what was delivered';
COMMENT ON COLUMN dispatch_performance.requested_kwh IS 'requested, kWh';
COMMENT ON COLUMN dispatch_performance.requested_known_kwh IS 'requested in periods of which it is known what was delivered, kWh';
COMMENT ON COLUMN dispatch_performance.delivered_kwh IS 'delivered, kWh';
COMMENT ON COLUMN dispatch_performance.counted_kwh IS 'delivered, of each period from zero to what was requested, kWh';
COMMENT ON COLUMN dispatch_performance.ratio IS 'that over what was requested in periods that are known, 0 to 1';
COMMENT ON COLUMN dispatch_performance.worst_ratio IS 'lowest ratio of a period, delivered over requested';
COMMENT ON COLUMN dispatch_performance.first_ratio IS 'ratio of the first period: how it responded; NULL: not known';
COMMENT ON COLUMN dispatch_performance.deficiency_kwh IS 'what was missing, period by period, kWh';
COMMENT ON COLUMN dispatch_performance.over_kwh IS 'what was delivered beyond the requested, period by period, kWh';
GRANT SELECT ON dispatch_performance TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW delivery_deviation WITH (security_invoker = true) AS
  SELECT d.id AS delivery_id, d.dispatch_id, d.delivery_window, v.baseline_kwh, v.metered_kwh AS allocation_kwh, d.requested_kwh AS ordered_kwh, d.delivered_kwh AS realised_kwh,
         least(greatest(d.delivered_kwh, 0), d.requested_kwh) AS delivered_kwh, d.requested_kwh - d.delivered_kwh AS deviation_kwh, greatest(d.requested_kwh - d.delivered_kwh, 0) AS deficiency_kwh
  FROM delivery d JOIN verification v ON v.delivery_id = d.id WHERE d.superseded_at IS NULL AND d.dispatch_id IS NOT NULL;
COMMENT ON VIEW delivery_deviation IS 'verified deliveries in the words of the Flex Trading Protocol, energy in place of power';
COMMENT ON COLUMN delivery_deviation.delivery_id IS 'the delivery';
COMMENT ON COLUMN delivery_deviation.dispatch_id IS 'the dispatch';
COMMENT ON COLUMN delivery_deviation.delivery_window IS 'the period';
COMMENT ON COLUMN delivery_deviation.baseline_kwh IS 'baseline, kWh';
COMMENT ON COLUMN delivery_deviation.allocation_kwh IS 'what the meters had, kWh';
COMMENT ON COLUMN delivery_deviation.ordered_kwh IS 'what was ordered, kWh';
COMMENT ON COLUMN delivery_deviation.realised_kwh IS 'effect, as terms and joint use have it, kWh';
COMMENT ON COLUMN delivery_deviation.delivered_kwh IS 'of it from zero to what was ordered, kWh';
COMMENT ON COLUMN delivery_deviation.deviation_kwh IS 'ordered less realised, kWh; below zero: more came than was ordered';
COMMENT ON COLUMN delivery_deviation.deficiency_kwh IS 'its part above zero, kWh';
GRANT SELECT ON delivery_deviation TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION delivery_performance(month date, per text DEFAULT 'unit')
RETURNS TABLE (subject_id bigint, dispatches bigint, requested_kwh numeric, delivered_kwh numeric, ratio numeric, worst_ratio numeric, periods bigint, periods_not_known bigint, deficiency_kwh numeric, over_kwh numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM check_code(delivery_performance.per, 'per', 'unit', 'product', 'provider', 'market');
  RETURN QUERY
  SELECT s.id, count(*), sum(x.requested_kwh), sum(x.delivered_kwh), round(sum(x.counted_kwh) / nullif(sum(x.requested_known_kwh), 0), 6), min(x.worst_ratio), sum(x.periods)::bigint, sum(x.periods_not_known)::bigint, sum(x.deficiency_kwh), sum(x.over_kwh)
  FROM dispatch_performance x
  JOIN product p ON p.id = x.product_id
  JOIN market k ON k.id = p.market_id
  CROSS JOIN LATERAL (SELECT CASE delivery_performance.per WHEN 'unit' THEN x.unit_id WHEN 'product' THEN x.product_id WHEN 'provider' THEN x.service_provider_id ELSE p.market_id END AS id) s
  WHERE x.starts_at >= date_trunc('month', delivery_performance.month::timestamp) AT TIME ZONE k.time_zone AND x.starts_at < (date_trunc('month', delivery_performance.month::timestamp) + interval '1 month') AT TIME ZONE k.time_zone
  GROUP BY s.id ORDER BY s.id;
END
$function$;
COMMENT ON FUNCTION delivery_performance(date, text) IS 'how the dispatches of a month were followed, per unit, product, provider or market, as far as the caller reads deliveries; the month by the clocks of each market; of each period no more counts than was requested; error 23514';
REVOKE ALL ON FUNCTION delivery_performance(date, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_performance(date, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
