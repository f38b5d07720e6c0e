-- archetype: medium
-- Baselines of events, by the methods of this exchange, and how good each is.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['baseline_method', 'holiday', 'reference_profile']) t;
-- what was settled by a version can be computed again
REVOKE UPDATE ON baseline_method FROM flexexchange_operator;
CREATE OR REPLACE TRIGGER t10_method_is_kept BEFORE UPDATE ON baseline_method
  FOR EACH ROW EXECUTE FUNCTION refuse_change('rows', 'Write another version.');
COMMENT ON TRIGGER t10_method_is_kept ON baseline_method IS 'what was settled by a version can be computed again';

-- ------------------------------------------------------------------ nominations

SELECT protect_table('baseline_nomination');
GRANT SELECT, DELETE ON baseline_nomination TO flexexchange_participant;
GRANT INSERT (product_id, service_provider_id, asset_id, portfolio_id, starts_at, kwh), UPDATE (kwh) ON baseline_nomination TO flexexchange_participant;
DROP POLICY IF EXISTS baseline_nomination_own ON baseline_nomination;
CREATE POLICY baseline_nomination_own ON baseline_nomination TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()))
  WITH CHECK (service_provider_id = (SELECT current_participant())
              AND (asset_id IN (SELECT own_asset_ids()) OR portfolio_id IN (SELECT p.id FROM portfolio p WHERE p.service_provider_id = (SELECT current_participant()))));
COMMENT ON POLICY baseline_nomination_own ON baseline_nomination IS 'BASE-SP-1: a provider nominates baselines of units of its own, while the gate is open';
DROP POLICY IF EXISTS baseline_nomination_read_bought ON baseline_nomination;
CREATE POLICY baseline_nomination_read_bought ON baseline_nomination FOR SELECT TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY baseline_nomination_read_bought ON baseline_nomination IS 'BASE-MO-1: a buyer reads what is nominated for its products';

CREATE OR REPLACE FUNCTION keep_nomination() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  nomination baseline_nomination := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  -- of what the unit sold for that step, the competition's own gate, otherwise the market's
  closes timestamptz := coalesce(
    (SELECT min(g.closes_at) FROM award a JOIN bid b ON b.id = a.bid_id CROSS JOIN LATERAL competition_gates(b.competition_id, nomination.starts_at) g
     WHERE a.unit_id = coalesce(nomination.asset_id, nomination.portfolio_id) AND a.product_id = nomination.product_id AND a.live AND a.delivery_window @> nomination.starts_at AND g.stage = 'baseline'),
    (SELECT gate_closure(p.market_id, 'baseline', nomination.starts_at) FROM product p WHERE p.id = nomination.product_id));
BEGIN
  IF closes <= now() THEN
    RAISE EXCEPTION 'baseline_nomination.starts_at "%" is after its gate, which closed at %', nomination.starts_at, closes
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A baseline is nominated before the gate of stage baseline closes; see competition_gate and market_gate.';
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN OLD;
  END IF;
  NEW.nominated_at := now();
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_nomination() IS 'trigger: what is nominated stands from the gate on';
REVOKE ALL ON FUNCTION keep_nomination() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_gate BEFORE INSERT OR UPDATE OR DELETE ON baseline_nomination
  FOR EACH ROW EXECUTE FUNCTION keep_nomination();
COMMENT ON TRIGGER t10_gate ON baseline_nomination IS 'nothing is nominated, changed or withdrawn after the gate';

-- ------------------------------------------------------------------ days

CREATE OR REPLACE FUNCTION find_baseline_method(code text, version integer DEFAULT NULL) RETURNS baseline_method
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found baseline_method;
BEGIN
  SELECT * INTO found FROM baseline_method m
  WHERE m.code = find_baseline_method.code AND m.version = coalesce(find_baseline_method.version, m.version) ORDER BY m.version DESC LIMIT 1;
  IF found.code IS NULL THEN
    RAISE EXCEPTION 'baseline method "%" is not known', left(concat_ws(' version ', code, version), 100)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Table baseline_method has those of this exchange.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION find_baseline_method(text, integer) IS 'a version of a method, the last when none is named; error 22023';
REVOKE ALL ON FUNCTION find_baseline_method(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_baseline_method(text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION baseline_days(method baseline_method, first date, last date)
RETURNS TABLE (day date, starts_at timestamptz, ends_at timestamptz, day_type integer, sample integer, chosen integer, excluded text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT x.day, x.starts_at, x.ends_at, CASE WHEN (method).day_types = 'all' OR x.working THEN 1 ELSE 2 END,
         CASE WHEN (method).day_types = 'all' OR x.working THEN (method).working_sample ELSE (method).non_working_sample END,
         CASE WHEN (method).day_types = 'all' OR x.working THEN (method).working_chosen ELSE (method).non_working_chosen END,
         CASE WHEN x.holiday AND (method).holidays = 'excluded' THEN 'holiday'
              WHEN x.ends_at - x.starts_at <> interval '24 hours' AND NOT (method).clock_change_days THEN 'clock_change' END
  FROM (SELECT d.day, local_midnight(d.day) AS starts_at, local_midnight(d.day + 1) AS ends_at, h.day IS NOT NULL AS holiday,
               extract(isodow FROM d.day) < 6 AND (h.day IS NULL OR (method).holidays <> 'non_working') AS working
        FROM (SELECT first + n AS day FROM generate_series(0, last - first) n) d LEFT JOIN holiday h ON h.day = d.day) x;
END;
COMMENT ON FUNCTION baseline_days(baseline_method, date, date) IS 'the local days of a span as a method sees them: their type, how many days of it are looked for and chosen, and why one is never looked at';
REVOKE ALL ON FUNCTION baseline_days(baseline_method, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION baseline_days(baseline_method, date, date) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_days(resource_ids bigint[], first date, last date) RETURNS TABLE (resource_id bigint, day date)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT DISTINCT u.resource_id, first + n
  FROM dispatch x
  CROSS JOIN (SELECT i.time_zone FROM exchange_instance i) z
  CROSS JOIN LATERAL generate_series(greatest((lower(x.delivery_window) AT TIME ZONE z.time_zone)::date - first, 0),
                                     least((upper(x.delivery_window) - interval '1 microsecond') AT TIME ZONE z.time_zone, last::timestamp)::date - first) n
  CROSS JOIN LATERAL (
    SELECT x.unit_id AS resource_id
    UNION ALL SELECT m.asset_id FROM portfolio_member m WHERE m.portfolio_id = x.unit_id AND m.valid && x.delivery_window
    UNION ALL SELECT p.id FROM (SELECT x.unit_id AS asset_id UNION ALL SELECT m.asset_id FROM portfolio_member m WHERE m.portfolio_id = x.unit_id AND m.valid && x.delivery_window) w
      JOIN asset a ON a.id = w.asset_id LEFT JOIN metering_point i ON i.id = a.metering_point_id
      CROSS JOIN LATERAL unnest(ARRAY[a.metering_point_id, a.export_metering_point_id, i.parent_id]) AS p (id)
      -- asked once: where no meter is asked for, none is looked up
      WHERE EXISTS (SELECT FROM metering_point q WHERE q.id = ANY (resource_ids))) u
  WHERE x.live AND x.delivery_window && time_window(local_midnight(first), local_midnight(last + 1)) AND u.resource_id = ANY (resource_ids);
END;
COMMENT ON FUNCTION event_days(bigint[], date, date) IS 'the local days on which a unit, or a portfolio that it was in, or an asset behind the meter or a portfolio that this was in, was dispatched, as far as the caller reads dispatches';
REVOKE ALL ON FUNCTION event_days(bigint[], date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_days(bigint[], date, date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ baselines

CREATE OR REPLACE FUNCTION readings_query(resource_ids bigint[], span time_window, flow text, step_seconds integer) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- of several senders the first that opened a channel; of several lengths the one that fits best
  WITH channel AS (
    SELECT DISTINCT ON (c.resource_id) c.resource_id, c.id, c.quantity, c.interval_seconds FROM meter_channel c
    WHERE c.resource_id = ANY (resource_ids) AND c.flow = readings_query.flow AND readings_query.step_seconds % c.interval_seconds = 0
    ORDER BY c.resource_id, c.interval_seconds DESC, c.id),
  part AS (
    SELECT c.interval_seconds, c.quantity, format(CASE WHEN c.interval_seconds = step_seconds
             THEN 'SELECT c.resource_id, r.starts_at, %1$s FROM unnest(%2$L::bigint[], %3$L::bigint[]) AS c (resource_id, id) JOIN meter_reading r ON r.channel_id = c.id AND r.starts_at >= %4$L AND r.starts_at < %5$L'
             ELSE 'SELECT c.resource_id, date_bin(%6$L, r.starts_at, ''2000-01-01T00:00Z''), sum(%1$s) FROM unnest(%2$L::bigint[], %3$L::bigint[]) AS c (resource_id, id) JOIN meter_reading r ON r.channel_id = c.id AND r.starts_at >= %4$L AND r.starts_at < %5$L GROUP BY 1, 2 HAVING count(*) = %7$s' END,
             CASE c.quantity WHEN 'energy' THEN 'r.value' ELSE format('round(r.value * %s / 3600, 4)', c.interval_seconds) END,
             array_agg(c.resource_id), array_agg(c.id), lower(span), upper(span), make_interval(secs => step_seconds), step_seconds / c.interval_seconds) AS query
    FROM channel c GROUP BY c.interval_seconds, c.quantity)
  SELECT coalesce(string_agg('(' || p.query || ')', ' UNION ALL ') || ' ORDER BY 1', 'SELECT 0::bigint, now(), 0::numeric WHERE false') FROM part p
$function$;
COMMENT ON FUNCTION readings_query(bigint[], time_window, text, integer) IS
  'a query of the energy of units in steps (unit_id, starts_at, kwh), units together, for baselines(): from channels whose steps are as long or divide them, the longest first, of several senders the first that opened one; a step of which a part is missing is missing';
REVOKE ALL ON FUNCTION readings_query(bigint[], time_window, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readings_query(bigint[], time_window, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_baselines(method text, resource_ids bigint[], windows time_window[], flow text DEFAULT 'import', adjust boolean DEFAULT true, version integer DEFAULT NULL, product_id bigint DEFAULT NULL)
RETURNS TABLE (resource_id bigint, delivery_window time_window, status text, baseline_kwh numeric[], considered date[], verdict text[], adjustment_applied numeric, adjustment_measured numeric, limited_by text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  m baseline_method := find_baseline_method(method, version);
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
  first date;
  last date;
  step interval := make_interval(secs => m.step_seconds);
BEGIN
  IF cardinality(resource_ids) <> cardinality(windows) OR resource_ids IS NULL OR windows IS NULL THEN
    RAISE EXCEPTION 'resource_ids has % elements and windows %', coalesce(cardinality(resource_ids), 0), coalesce(cardinality(windows), 0)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one window for each resource.';
  END IF;
  SELECT min((lower(w) AT TIME ZONE zone)::date), max((lower(w) AT TIME ZONE zone)::date) INTO first, last FROM unnest(windows) w;
  IF m.kind IN ('history', 'meter') THEN
    first := first - m.look_back_days;
    RETURN QUERY
    SELECT b.unit_id, time_window(b.starts_at, b.ends_at), b.status, b.baseline::numeric[], b.considered, b.verdict, b.adjustment_applied::numeric, b.adjustment_measured::numeric, b.limited_by
    FROM baselines(
      readings_query(ARRAY(SELECT DISTINCT r FROM unnest(resource_ids) r), time_window(local_midnight(first), local_midnight(last + 3)), flow, m.step_seconds),
      format('SELECT day, starts_at, ends_at, day_type, sample, chosen, excluded FROM baseline_days(find_baseline_method(%L, %L), %L, %L)', m.code, m.version, first, last),
      format('SELECT u, (lower(w) AT TIME ZONE %L)::date, lower(w), upper(w), %L::boolean FROM unnest(%L::bigint[], %L::time_window[]) AS x (u, w)', zone, adjust, resource_ids, windows),
      format('SELECT resource_id, day FROM event_days(%L, %L, %L)', resource_ids, first, last),
      kind => m.kind, step_seconds => m.step_seconds, look_back_days => m.look_back_days, event_day_fallback => m.event_day_fallback, minimum_days => m.minimum_days, completeness => m.completeness,
      ranking => m.ranking, ranked_over => m.ranked_over, weights => m.weights, smoothing => m.smoothing, adjustment => m.adjustment, before_gap_seconds => m.before_gap_seconds, before_seconds => m.before_seconds,
      after_gap_seconds => m.after_gap_seconds, after_seconds => m.after_seconds, direction => m.direction, cap => m.cap) b;
    RETURN;
  END IF;
  RETURN QUERY
  SELECT x.u, x.w, CASE WHEN s.whole THEN 'complete' ELSE 'insufficient' END, CASE WHEN s.whole THEN s.kwh END, '{}'::date[], '{}'::text[], NULL::numeric, NULL::numeric, NULL::text
  FROM unnest(resource_ids, windows) AS x (u, w)
  CROSS JOIN LATERAL (
    SELECT array_agg(k.kwh ORDER BY t.at) AS kwh, bool_and(k.kwh IS NOT NULL) AS whole
    FROM generate_series(lower(x.w), upper(x.w) - step, step) AS t (at)
    LEFT JOIN LATERAL (
      SELECT 0::numeric AS kwh WHERE m.kind = 'zero'
      UNION ALL SELECT n.kwh FROM baseline_nomination n WHERE m.kind = 'nominated' AND n.unit_id = x.u AND n.starts_at = t.at AND n.product_id = event_baselines.product_id
      UNION ALL SELECT round(sum(a.installed_kw) * m.step_seconds / 3600, 4) FROM asset a
        WHERE m.kind = 'asset_capacity' AND (a.id = x.u OR a.id IN (SELECT p.asset_id FROM portfolio_member p WHERE p.portfolio_id = x.u AND p.valid @> t.at))
        HAVING count(*) = count(a.installed_kw) AND count(*) > 0
      UNION ALL SELECT r.kwh * coalesce(nullif((SELECT count(*) FROM portfolio_member p WHERE p.portfolio_id = x.u AND p.valid @> t.at), 0), 1)
        FROM baseline_days(m, (t.at AT TIME ZONE zone)::date, (t.at AT TIME ZONE zone)::date) d
        JOIN reference_profile r ON m.kind = 'fixed_profile' AND r.code = m.profile_code AND r.day_type = CASE d.day_type WHEN 1 THEN 'working' ELSE 'non_working' END AND r.at_time = (t.at AT TIME ZONE zone)::time
    ) k ON true) s;
END
$function$;
COMMENT ON FUNCTION event_baselines(text, bigint[], time_window[], text, boolean, integer, bigint) IS
  'the baseline of each unit in its window, kWh a step, by a method of baseline_method; with the days that were looked at and what became of each, and the adjustment where it is due; product_id: of nominations; error 22023 and those of baselines()';
REVOKE ALL ON FUNCTION event_baselines(text, bigint[], time_window[], text, boolean, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_baselines(text, bigint[], time_window[], text, boolean, integer, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ how good they are

CREATE OR REPLACE FUNCTION baseline_accuracy(predicted numeric[], actual numeric[], OUT steps bigint, OUT bias numeric, OUT cv_rmse numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT count(*), round(sum(x.p - x.a) / nullif(sum(x.a), 0), 4), round(sqrt(avg((x.p - x.a) * (x.p - x.a))) / nullif(avg(x.a), 0), 4)
  FROM unnest(predicted, actual) AS x (p, a) WHERE x.p IS NOT NULL AND x.a IS NOT NULL;
END;
COMMENT ON FUNCTION baseline_accuracy(numeric[], numeric[]) IS 'of what was predicted beside what was: how many pairs, normalised mean bias error, and root mean square error over the mean';
REVOKE ALL ON FUNCTION baseline_accuracy(numeric[], numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION baseline_accuracy(numeric[], numeric[]) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION baseline_quality(method text, resource_ids bigint[], first date, last date, from_time time, lasting interval, flow text DEFAULT 'import', adjust boolean DEFAULT true, version integer DEFAULT NULL)
RETURNS TABLE (resource_id bigint, days bigint, without_baseline bigint, steps bigint, bias numeric, cv_rmse numeric)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  m baseline_method := find_baseline_method(method, version);
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
  units bigint[];
  windows time_window[];
BEGIN
  -- as if there had been an event on every day on which there was none
  SELECT array_agg(u), array_agg(time_window(x.starts_at, x.starts_at + lasting)) INTO units, windows
  FROM unnest(resource_ids) u CROSS JOIN (SELECT d.day, (d.day + from_time) AT TIME ZONE zone AS starts_at FROM (SELECT first + n AS day FROM generate_series(0, last - first) n) d) x
  WHERE (u, x.day) NOT IN (SELECT e.resource_id, e.day FROM event_days(resource_ids, first, last) e);
  RETURN QUERY EXECUTE format($sql$
    WITH actual AS MATERIALIZED (SELECT * FROM (%s) AS r (unit_id, starts_at, kwh)),
    event AS (
      SELECT b.resource_id, b.delivery_window, b.baseline_kwh, array_agg(r.kwh ORDER BY t.n) AS kwh, count(r.kwh) AS there
      FROM event_baselines($1, $2, $3, $4, $5, $6) b
      CROSS JOIN LATERAL generate_series(0, $7) AS t (n)
      LEFT JOIN actual r ON r.unit_id = b.resource_id AND r.starts_at = lower(b.delivery_window) + t.n * make_interval(secs => $8)
      GROUP BY b.resource_id, b.delivery_window, b.baseline_kwh),
    read AS (SELECT * FROM event e WHERE e.there > $7),
    pair AS (SELECT e.resource_id, array_agg(x.p) AS p, array_agg(x.a) AS a FROM read e CROSS JOIN LATERAL unnest(e.baseline_kwh, e.kwh) AS x (p, a) GROUP BY e.resource_id),
    unit AS (SELECT e.resource_id, count(*) AS days, count(*) FILTER (WHERE e.baseline_kwh IS NULL) AS without_baseline FROM read e GROUP BY e.resource_id)
    SELECT u.resource_id, u.days, u.without_baseline, q.steps, q.bias, q.cv_rmse
    FROM unit u JOIN pair p USING (resource_id) CROSS JOIN LATERAL baseline_accuracy(p.p, p.a) q ORDER BY u.resource_id$sql$,
    readings_query(resource_ids, time_window(local_midnight(first), local_midnight(last + 2)), flow, m.step_seconds))
  USING m.code, units, windows, flow, adjust, m.version, (extract(epoch FROM lasting) / m.step_seconds)::integer - 1, m.step_seconds;
END
$function$;
COMMENT ON FUNCTION baseline_quality(text, bigint[], date, date, time, interval, text, boolean, integer) IS
  'how far a method is off where nothing happened: for each unit, over the days of a span without an event, as if one had been from a local time on; days, those of them without a baseline, normalised mean bias error and CV(RMSE) of the steps';
REVOKE ALL ON FUNCTION baseline_quality(text, bigint[], date, date, time, interval, text, boolean, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION baseline_quality(text, bigint[], date, date, time, interval, text, boolean, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
