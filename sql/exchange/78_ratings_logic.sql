-- archetype: thick
-- Ratings: working them out, again, and telling them.

SELECT protect_table('rating_method', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table('rating');
REVOKE UPDATE, DELETE ON rating_method FROM flexexchange_operator;
-- written by rate() alone
REVOKE INSERT, UPDATE, DELETE ON rating FROM flexexchange_operator;
GRANT SELECT ON rating TO flexexchange_participant;
DROP POLICY IF EXISTS rating_read_own ON rating;
CREATE POLICY rating_read_own ON rating FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY rating_read_own ON rating IS 'RATING-SP-1: a provider reads its own ratings, and those of assets while it operated them, in full';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['rating_method', 'rating'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', %L)', name,
                   CASE name WHEN 'rating' THEN 'Rate as of another instant.' ELSE 'Write another version: ratings rest on this one.' END);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what somebody was rated by stays as it was''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Ratings are kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION find_rating_method(code text, version integer DEFAULT NULL) RETURNS rating_method
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found rating_method;
BEGIN
  SELECT * INTO found FROM rating_method m WHERE m.code = find_rating_method.code AND m.version = coalesce(find_rating_method.version, m.version) ORDER BY m.version DESC LIMIT 1;
  IF found.code IS NULL THEN
    RAISE EXCEPTION 'rating method "%" is not known', left(concat_ws(' version ', code, version), 100) USING ERRCODE = 'invalid_parameter_value', HINT = 'Table rating_method has those of this exchange.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION find_rating_method(text, integer) IS 'a version of a method, the last when none is named; error 22023';
REVOKE ALL ON FUNCTION find_rating_method(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_rating_method(text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION rating_inputs(method rating_method, at timestamptz)
RETURNS TABLE (service_provider_id bigint, asset_id bigint, events bigint, failed_events bigint, markets bigint, requested_kwh numeric, counted_kwh numeric, agreed_availability_kwh numeric, kept_availability_kwh numeric, steps bigint, steps_missing bigint,
               withdrawals bigint, withdrawn_kwh numeric)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH span AS (SELECT at - (method).look_back AS starts_at, at AS ends_at),
  -- as it was known then
  instructed AS (
    SELECT x.id AS dispatch_id, x.service_provider_id, x.unit_id, x.portfolio_id, x.product_id, coalesce(e.status, x.status) AS status
    FROM dispatch x CROSS JOIN span s
    LEFT JOIN LATERAL (SELECT e.status FROM dispatch_event e WHERE e.dispatch_id = x.id AND e.happened_at <= s.ends_at ORDER BY e.happened_at DESC, e.id DESC LIMIT 1) e ON true
    WHERE lower(x.delivery_window) >= s.starts_at AND lower(x.delivery_window) < s.ends_at AND x.recorded_at <= s.ends_at),
  standing AS (SELECT i.dispatch_id FROM instructed i WHERE i.status <> ALL ('{held,rejected,refused,cancelled,lapsed,superseded}'::text[])),
  held AS (
    SELECT d.id, d.trade_id, d.dispatch_id, d.service_provider_id, d.unit_id, d.product_id, d.requested_kwh, d.delivered_kwh
    FROM delivery d CROSS JOIN span s
    WHERE lower(d.delivery_window) >= s.starts_at AND lower(d.delivery_window) < s.ends_at AND d.recorded_at <= s.ends_at AND (d.superseded_at IS NULL OR d.superseded_at > s.ends_at)
      AND (d.dispatch_id IS NULL OR d.dispatch_id IN (SELECT t.dispatch_id FROM standing t))),
  -- a dispatch counts that was verified, or that was not followed
  event AS (
    SELECT i.dispatch_id, i.service_provider_id, i.unit_id, i.portfolio_id, i.product_id, i.status = ANY ((method).counts_as_failed) AS failed
    FROM instructed i
    WHERE i.status = ANY ((method).counts_as_failed) OR EXISTS (SELECT FROM held h WHERE h.dispatch_id = i.dispatch_id AND h.delivered_kwh IS NOT NULL)),
  -- of a portfolio, the part of a member is what its own meter says
  measured AS (
    SELECT h.dispatch_id, h.trade_id, h.service_provider_id, NULL::bigint AS asset_id, h.product_id, h.requested_kwh, h.delivered_kwh, v.steps, v.steps_missing FROM held h LEFT JOIN verification v ON v.delivery_id = h.id
    UNION ALL
    SELECT h.dispatch_id, h.trade_id, h.service_provider_id, h.unit_id, h.product_id, h.requested_kwh, h.delivered_kwh, v.steps, v.steps_missing FROM held h JOIN asset a ON a.id = h.unit_id LEFT JOIN verification v ON v.delivery_id = h.id
    UNION ALL
    SELECT h.dispatch_id, h.trade_id, h.service_provider_id, m.resource_id, h.product_id, sum(m.requested_kwh), CASE WHEN count(m.delivered_kwh) = count(*) THEN sum(m.delivered_kwh) END, sum(m.steps), sum(m.steps_missing)
    FROM held h JOIN portfolio p ON p.id = h.unit_id JOIN verification_meter m ON m.delivery_id = h.id JOIN asset a ON a.id = m.resource_id
    GROUP BY h.id, h.dispatch_id, h.trade_id, h.service_provider_id, m.resource_id, h.product_id),
  kept AS (
    SELECT m.service_provider_id, m.asset_id, coalesce(sum(m.requested_kwh) FILTER (WHERE m.dispatch_id IS NOT NULL AND m.delivered_kwh IS NOT NULL), 0) AS requested_kwh,
           coalesce(sum(least(greatest(m.delivered_kwh, 0), m.requested_kwh)) FILTER (WHERE m.dispatch_id IS NOT NULL), 0) AS counted_kwh,
           coalesce(sum(m.requested_kwh) FILTER (WHERE m.dispatch_id IS NULL AND m.delivered_kwh IS NOT NULL), 0) AS agreed_kwh,
           coalesce(sum(least(greatest(m.delivered_kwh, 0), m.requested_kwh)) FILTER (WHERE m.dispatch_id IS NULL), 0) AS kept_kwh,
           coalesce(sum(m.steps) FILTER (WHERE m.dispatch_id IS NOT NULL), 0)::bigint AS steps, coalesce(sum(m.steps_missing) FILTER (WHERE m.dispatch_id IS NOT NULL), 0)::bigint AS steps_missing
    FROM measured m GROUP BY m.service_provider_id, m.asset_id),
  counted AS (
    SELECT x.service_provider_id, x.asset_id, count(DISTINCT x.dispatch_id) AS events, count(DISTINCT x.dispatch_id) FILTER (WHERE x.failed) AS failed, count(DISTINCT p.market_id) AS markets
    FROM (SELECT e.dispatch_id, e.service_provider_id, NULL::bigint AS asset_id, e.product_id, e.failed FROM event e
          UNION ALL SELECT e.dispatch_id, e.service_provider_id, e.unit_id, e.product_id, e.failed FROM event e WHERE e.portfolio_id IS NULL
          UNION ALL SELECT DISTINCT e.dispatch_id, e.service_provider_id, m.asset_id, e.product_id, e.failed FROM event e JOIN measured m ON m.dispatch_id = e.dispatch_id AND m.asset_id IS NOT NULL WHERE e.portfolio_id IS NOT NULL) x
    JOIN product p ON p.id = x.product_id GROUP BY x.service_provider_id, x.asset_id),
  -- taken back by its seller after it was accepted, itself or what it was cut from, and not there again since
  taken_back AS (
    SELECT v.service_provider_id, v.unit_id, v.asset_id, w.power_kw * extract(epoch FROM upper(w.delivery_window) - lower(w.delivery_window)) / 3600 AS kwh
    FROM availability v CROSS JOIN span s
    CROSS JOIN LATERAL (SELECT t.* FROM availability_step t WHERE t.availability_id = v.id AND t.recorded_at <= s.ends_at ORDER BY t.id DESC LIMIT 1) w
    WHERE (method).counts_withdrawn <> 'none' AND w.status = 'withdrawn' AND ((method).counts_withdrawn = 'all' OR w.late)
      AND lower(w.delivery_window) >= s.starts_at AND lower(w.delivery_window) < s.ends_at AND isfinite(upper(w.delivery_window))
      AND EXISTS (WITH RECURSIVE whole AS (SELECT v.id UNION SELECT p.part_of_id FROM whole JOIN availability_part p ON p.availability_id = whole.id)
                  SELECT FROM whole JOIN availability_step t ON t.availability_id = whole.id AND t.id < w.id AND t.status = 'accepted')
      -- anew, not what is left of what it was cut from
      AND NOT EXISTS (SELECT FROM availability o
                      CROSS JOIN LATERAL (SELECT t.* FROM availability_step t WHERE t.availability_id = o.id AND t.recorded_at <= s.ends_at ORDER BY t.id DESC LIMIT 1) n
                      WHERE o.unit_id = v.unit_id AND o.product_id = v.product_id AND n.status IN ('accepted', 'completed') AND w.delivery_window <@ n.delivery_window AND n.power_kw >= w.power_kw
                        AND (SELECT min(t.id) FROM availability_step t WHERE t.availability_id = o.id) > w.id AND NOT EXISTS (SELECT FROM availability_part p WHERE p.availability_id = o.id))),
  taken AS (
    SELECT x.service_provider_id, x.asset_id, count(*) AS withdrawals, sum(x.kwh) AS kwh
    FROM (SELECT b.service_provider_id, NULL::bigint AS asset_id, b.kwh FROM taken_back b UNION ALL SELECT b.service_provider_id, b.asset_id, b.kwh FROM taken_back b WHERE b.asset_id IS NOT NULL) x
    GROUP BY x.service_provider_id, x.asset_id),
  someone AS (
    SELECT c.service_provider_id, c.asset_id FROM counted c UNION SELECT k.service_provider_id, k.asset_id FROM kept k UNION SELECT t.service_provider_id, t.asset_id FROM taken t)
  SELECT x.service_provider_id, x.asset_id, coalesce(c.events, 0), coalesce(c.failed, 0), coalesce(c.markets, 0), coalesce(k.requested_kwh, 0), coalesce(k.counted_kwh, 0),
         coalesce(k.agreed_kwh, 0), coalesce(k.kept_kwh, 0), coalesce(k.steps, 0), coalesce(k.steps_missing, 0), coalesce(t.withdrawals, 0), coalesce(round(t.kwh, 6), 0)
  FROM someone x
  LEFT JOIN counted c ON c.service_provider_id = x.service_provider_id AND coalesce(c.asset_id, 0) = coalesce(x.asset_id, 0)
  LEFT JOIN kept k ON k.service_provider_id = x.service_provider_id AND coalesce(k.asset_id, 0) = coalesce(x.asset_id, 0)
  LEFT JOIN taken t ON t.service_provider_id = x.service_provider_id AND coalesce(t.asset_id, 0) = coalesce(x.asset_id, 0);
END;
COMMENT ON FUNCTION rating_inputs(rating_method, timestamptz) IS
  'what a rating follows from, of every provider and every asset with its provider, as it was known at an instant: dispatches that were verified or not followed, requested and delivered energy, availability, what of it was withdrawn after it was accepted (as the method counts it), steps; as far as the caller reads deliveries and availability';
REVOKE ALL ON FUNCTION rating_inputs(rating_method, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rating_inputs(rating_method, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION rating_score(method rating_method, events bigint, delivered numeric, availability numeric, data numeric, response numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN rating_score.events >= (method).least_events
              THEN round(100 * sum(x.weight * x.value) FILTER (WHERE x.value IS NOT NULL) / nullif(sum(x.weight) FILTER (WHERE x.value IS NOT NULL), 0), 2) END
  FROM (VALUES ((method).weight_delivered, rating_score.delivered), ((method).weight_availability, rating_score.availability), ((method).weight_data, rating_score.data), ((method).weight_response, rating_score.response)) AS x (weight, value);
END;
COMMENT ON FUNCTION rating_score(rating_method, bigint, numeric, numeric, numeric, numeric) IS 'the weighted mean of what is known, 0 to 100, two decimals; NULL with too few events, or where nothing that has a weight is known';
REVOKE ALL ON FUNCTION rating_score(rating_method, bigint, numeric, numeric, numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rating_score(rating_method, bigint, numeric, numeric, numeric, numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION work_out_ratings(method rating_method, at timestamptz)
RETURNS TABLE (service_provider_id bigint, asset_id bigint, score numeric, events bigint, failed_events bigint, markets bigint, delivered numeric, availability numeric, data numeric, response numeric, requested_kwh numeric, counted_kwh numeric,
               agreed_availability_kwh numeric, kept_availability_kwh numeric, steps bigint, steps_missing bigint, withdrawals bigint, withdrawn_kwh numeric)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT i.service_provider_id, i.asset_id, rating_score(method, i.events, c.delivered, c.availability, c.data, c.response), i.events, i.failed_events, i.markets, c.delivered, c.availability, c.data, c.response, i.requested_kwh, i.counted_kwh,
         i.agreed_availability_kwh, i.kept_availability_kwh, i.steps, i.steps_missing, i.withdrawals, i.withdrawn_kwh
  FROM rating_inputs(method, at) i
  CROSS JOIN LATERAL (SELECT round(i.counted_kwh / nullif(i.requested_kwh, 0), 6) AS delivered, round(i.kept_availability_kwh / nullif(i.agreed_availability_kwh + i.withdrawn_kwh, 0), 6) AS availability,
                             round((i.steps - i.steps_missing)::numeric / nullif(i.steps, 0), 6) AS data, round((i.events - i.failed_events)::numeric / nullif(i.events, 0), 6) AS response) c;
END;
COMMENT ON FUNCTION work_out_ratings(rating_method, timestamptz) IS 'the ratings of every provider and asset as of an instant, without keeping them, as far as the caller reads deliveries';
REVOKE ALL ON FUNCTION work_out_ratings(rating_method, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION work_out_ratings(rating_method, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION rate(method text, at timestamptz DEFAULT now(), version integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  m CONSTANT rating_method := find_rating_method(rate.method, rate.version);
  made bigint;
BEGIN
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'ratings are not yours to make' USING ERRCODE = 'insufficient_privilege', HINT = 'The operator of the exchange rates.';
  END IF;
  IF rate.at > now() THEN
    RAISE EXCEPTION 'at "%" is still to come', rate.at USING ERRCODE = 'MX445', HINT = 'A rating is of what was known at an instant.';
  END IF;
  INSERT INTO rating (method_code, method_version, as_of, service_provider_id, asset_id, score, events, markets, delivered, availability, data, response, failed_events, requested_kwh, counted_kwh, agreed_availability_kwh,
                      kept_availability_kwh, steps, steps_missing, withdrawals, withdrawn_kwh)
  SELECT m.code, m.version, rate.at, w.service_provider_id, w.asset_id, w.score, w.events, w.markets, w.delivered, w.availability, w.data, w.response, w.failed_events, w.requested_kwh, w.counted_kwh, w.agreed_availability_kwh,
         w.kept_availability_kwh, w.steps, w.steps_missing, w.withdrawals, w.withdrawn_kwh
  FROM work_out_ratings(m, rate.at) w
  ORDER BY w.asset_id NULLS FIRST, w.service_provider_id
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION rate(text, timestamptz, integer) IS
  'rates every provider and asset that was dispatched or available in the look-back of a method, over all markets, by what was known at an instant; returns how many ratings were made, none the second time; errors 22023, 42501, MX445; SECURITY DEFINER because nobody writes ratings, and the caller is checked';
REVOKE ALL ON FUNCTION rate(text, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rate(text, timestamptz, integer) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION check_ratings(at timestamptz) RETURNS TABLE (rating_id bigint, score numeric, worked_out numeric)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT r.id, r.score, w.score
  FROM rating r
  JOIN rating_method m ON m.code = r.method_code AND m.version = r.method_version
  LEFT JOIN LATERAL (SELECT x.* FROM work_out_ratings(m, check_ratings.at) x WHERE x.service_provider_id = r.service_provider_id AND x.asset_id IS NOT DISTINCT FROM r.asset_id) w ON true
  WHERE r.as_of = check_ratings.at AND (r.score, r.events, r.failed_events, r.requested_kwh, r.counted_kwh, r.agreed_availability_kwh, r.kept_availability_kwh, r.steps, r.steps_missing, r.withdrawals, r.withdrawn_kwh)
    IS DISTINCT FROM (w.score, w.events, w.failed_events, w.requested_kwh, w.counted_kwh, w.agreed_availability_kwh, w.kept_availability_kwh, w.steps, w.steps_missing, w.withdrawals, w.withdrawn_kwh);
END;
COMMENT ON FUNCTION check_ratings(timestamptz) IS 'works the ratings as of an instant out again: a row for each that differs, none when all is as it was';
REVOKE ALL ON FUNCTION check_ratings(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_ratings(timestamptz) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION explain_rating(rating_id bigint) RETURNS TABLE (component text, value numeric, weight numeric, points numeric, because text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT x.component, trim_scale(x.value), trim_scale(x.weight),
         CASE WHEN x.component = 'score' THEN trim_scale(r.score) WHEN x.value IS NOT NULL AND r.score IS NOT NULL THEN round(100 * x.weight * x.value / nullif(sum(x.weight) FILTER (WHERE x.value IS NOT NULL) OVER (), 0), 2) END, x.because
  FROM rating r
  JOIN rating_method m ON m.code = r.method_code AND m.version = r.method_version
  CROSS JOIN LATERAL (VALUES
    (1, 'delivered', r.delivered, m.weight_delivered, format('%s of %s kWh requested; of each period no more than that', trim_scale(r.counted_kwh), trim_scale(r.requested_kwh))),
    (2, 'availability', r.availability, m.weight_availability, format('%s of %s kWh agreed%s', trim_scale(r.kept_availability_kwh), trim_scale(r.agreed_availability_kwh + r.withdrawn_kwh),
       CASE m.counts_withdrawn WHEN 'none' THEN '' ELSE format('; %s kWh of it withdrawn%s after it was accepted, %s times', trim_scale(r.withdrawn_kwh), CASE m.counts_withdrawn WHEN 'late' THEN ' late' ELSE '' END, r.withdrawals) END)),
    (3, 'data', r.data, m.weight_data, format('%s of %s steps missing', r.steps_missing, r.steps)),
    (4, 'response', r.response, m.weight_response, format('%s of %s dispatches %s', r.failed_events, r.events, array_to_string(m.counts_as_failed, ', '))),
    (5, 'score', NULL, NULL, format('%s version %s, of %s before %s, %s dispatches in %s markets%s', m.code, m.version, m.look_back, to_char(r.as_of AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI"Z"'), r.events, r.markets,
       CASE WHEN r.events < m.least_events THEN format('; %s are needed', m.least_events) ELSE '' END))
  ) AS x (place, component, value, weight, because)
  WHERE r.id = explain_rating.rating_id
  ORDER BY x.place;
END;
COMMENT ON FUNCTION explain_rating(bigint) IS 'how a rating came about: each component with its value, weight and points, which add up to the score but for rounding; what is not known leaves its weight to the others';
REVOKE ALL ON FUNCTION explain_rating(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_rating(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ what others are told

CREATE OR REPLACE FUNCTION published_ratings(at timestamptz DEFAULT now()) RETURNS TABLE (service_provider_id bigint, service_provider text, method_code text, method_version integer, as_of timestamptz, score numeric, events bigint)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  WITH run AS (
    SELECT DISTINCT ON (r.method_code) r.method_code, r.method_version, r.as_of FROM rating r WHERE r.as_of <= published_ratings.at ORDER BY r.method_code, r.as_of DESC, r.method_version DESC)
  SELECT r.service_provider_id, p.name, r.method_code, r.method_version, r.as_of, r.score, r.events
  FROM run u
  JOIN rating r ON r.method_code = u.method_code AND r.method_version = u.method_version AND r.as_of = u.as_of
  JOIN participant p ON p.id = r.service_provider_id
  WHERE r.asset_id IS NULL AND r.score IS NOT NULL
    AND (SELECT count(*) FROM rating o WHERE o.method_code = u.method_code AND o.method_version = u.method_version AND o.as_of = u.as_of AND o.asset_id IS NULL AND o.score IS NOT NULL) >= (SELECT i.smallest_group FROM exchange_instance i)
  ORDER BY r.method_code COLLATE "C", r.score DESC, r.service_provider_id
$function$;
COMMENT ON FUNCTION published_ratings(timestamptz) IS
  'the last ratings of providers by each method: score and number of events, and nothing else, where at least exchange_instance.smallest_group providers have a score; SECURITY DEFINER because others read no rating, and are told these two numbers';
REVOKE ALL ON FUNCTION published_ratings(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION published_ratings(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION bought_ratings(at timestamptz DEFAULT now()) RETURNS TABLE (asset_id bigint, method_code text, method_version integer, as_of timestamptz, score numeric, events bigint, delivered numeric, availability numeric, data numeric, response numeric)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT DISTINCT ON (r.asset_id, r.method_code) r.asset_id, r.method_code, r.method_version, r.as_of, r.score, r.events, r.delivered, r.availability, r.data, r.response
  FROM rating r
  WHERE r.as_of <= bought_ratings.at AND r.asset_id = ANY (ARRAY(SELECT b FROM bought_resource_ids() b))
  ORDER BY r.asset_id, r.method_code, r.as_of DESC, r.method_version DESC, r.id DESC
$function$;
COMMENT ON FUNCTION bought_ratings(timestamptz) IS
  'the last ratings of the assets that the session''s participant buys of, or whose portfolios: score, events and components, without volumes; SECURITY DEFINER because a buyer reads no rating, and is told these of what it buys';
REVOKE ALL ON FUNCTION bought_ratings(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bought_ratings(timestamptz) TO flexexchange_participant;
