-- archetype: thick
-- Carbon of dispatch: the arithmetic, once, and what it comes to of a month.
--
-- More generation or less demand (up) displaces as much energy of the grid, and emits what its own fuel, its charging or the
-- catching up later emits; down is the reverse.  What is not known, of the unit or of the grid, is said and counted as nothing.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['carbon_method', 'carbon_factor', 'carbon_technology']) t;
SELECT protect_table('unit_carbon_category');
REVOKE UPDATE, DELETE ON carbon_method, carbon_factor, carbon_technology, unit_carbon_category FROM flexexchange_operator;
GRANT SELECT, INSERT (unit_id, category, since) ON unit_carbon_category TO flexexchange_participant;
DROP POLICY IF EXISTS unit_carbon_category_insert_own ON unit_carbon_category;
CREATE POLICY unit_carbon_category_insert_own ON unit_carbon_category FOR INSERT TO flexexchange_participant
  WITH CHECK (unit_id = ANY (ARRAY(SELECT own_asset_ids())) OR unit_id = ANY (ARRAY(SELECT own_portfolio_ids())));
COMMENT ON POLICY unit_carbon_category_insert_own ON unit_carbon_category IS 'CARBON-SP-1: a provider confirms the category of its own units';
DROP POLICY IF EXISTS unit_carbon_category_read ON unit_carbon_category;
CREATE POLICY unit_carbon_category_read ON unit_carbon_category FOR SELECT TO flexexchange_participant
  USING (unit_id = ANY (ARRAY(SELECT own_asset_ids())) OR unit_id = ANY (ARRAY(SELECT own_portfolio_ids())) OR unit_id IN (SELECT x.unit_id FROM dispatch x));
COMMENT ON POLICY unit_carbon_category_read ON unit_carbon_category IS 'CARBON-ALL-1: a provider reads what was said of its units, and whoever reads a dispatch what was said of its unit';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['carbon_method', 'carbon_factor', 'carbon_technology', 'unit_carbon_category'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''Add another version, or say it anew: reports rest on this.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what was reported can be worked out again''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Reports rest on them.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION confirm_from_now_on() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NEW.since < now() AND NOT operates_exchange() THEN
    RAISE EXCEPTION 'unit_carbon_category.since is %, which is past', NEW.since
      USING ERRCODE = 'insufficient_privilege', HINT = 'A provider confirms what holds from now on; the operator of the exchange records what held before.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION confirm_from_now_on() IS 'trigger: what a category changes of deliveries that were, the operator and the owner of the exchange alone record; error 42501';
REVOKE ALL ON FUNCTION confirm_from_now_on() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_from_now_on AFTER INSERT ON unit_carbon_category FOR EACH ROW EXECUTE FUNCTION confirm_from_now_on();
COMMENT ON TRIGGER t20_from_now_on ON unit_carbon_category IS 'a provider changes no figure of what was';

CREATE OR REPLACE FUNCTION carbon_of_energy(factor carbon_factor, direction text, kwh numeric, intensity_g_per_kwh numeric)
RETURNS TABLE (emitted_kg numeric, displaced_kg numeric, net_kg numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT e.sign * e.own, e.sign * e.grid, e.sign * (e.own - e.grid)
  FROM (SELECT CASE direction WHEN 'up' THEN 1 WHEN 'down' THEN -1 END AS sign, round(kwh * intensity_g_per_kwh / 1000, 6) AS grid,
               CASE (factor).kind
                 WHEN 'generation' THEN round(kwh / (factor).generator_efficiency * (factor).fuel_kg_per_kwh, 6)
                 -- an export that is shifted was charged all the same
                 WHEN 'storage' THEN CASE WHEN direction = 'down' THEN round(kwh * intensity_g_per_kwh / 1000, 6)
                                          WHEN (factor).fuel_kg_per_kwh IS NULL THEN round(kwh / (factor).storage_efficiency * intensity_g_per_kwh / 1000, 6)
                                          ELSE round(kwh / (factor).storage_efficiency / (factor).generator_efficiency * (factor).fuel_kg_per_kwh, 6) END
                 WHEN 'demand' THEN round(kwh * CASE direction WHEN 'up' THEN (factor).payback_up ELSE (factor).payback_down END * intensity_g_per_kwh / 1000, 6) END AS own) e;
END;
COMMENT ON FUNCTION carbon_of_energy(carbon_factor, text, numeric, numeric) IS
  'kg CO2 of energy that was dispatched, at an intensity of the grid in g per kWh: emitted (by fuel, by charging, by catching up later), displaced (of the grid), and the difference; up as it is, down the reverse; below zero: saved; to six decimals';
REVOKE ALL ON FUNCTION carbon_of_energy(carbon_factor, text, numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carbon_of_energy(carbon_factor, text, numeric, numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION carbon_method_of(code text, version integer DEFAULT NULL) RETURNS carbon_method
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found carbon_method;
BEGIN
  SELECT * INTO found FROM carbon_method m WHERE m.code = carbon_method_of.code AND (carbon_method_of.version IS NULL OR m.version = carbon_method_of.version) ORDER BY m.version DESC LIMIT 1;
  IF found.id IS NULL THEN
    RAISE EXCEPTION 'carbon method %, version %, is unknown in this exchange', coalesce(quote_literal(left(code, 64)), 'NULL'), coalesce(version::text, 'any')
      USING ERRCODE = 'MX518', HINT = 'See table carbon_method.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION carbon_method_of(text, integer) IS 'a version of a method, NULL: the last; error MX518';
REVOKE ALL ON FUNCTION carbon_method_of(text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carbon_method_of(text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION grid_intensity(method carbon_method, during time_window) RETURNS TABLE (g_per_kwh numeric, unknown_seconds numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN (method).intensity = 'fixed' THEN (method).fixed_g_per_kwh WHEN s.known = l.length THEN s.weighted / l.length END,
         CASE WHEN (method).intensity = 'fixed' THEN 0 ELSE l.length - s.known END
  FROM (SELECT extract(epoch FROM upper(during) - lower(during)) AS length) l
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.seconds), 0) AS known, sum(t.seconds * t.g) AS weighted
    FROM (SELECT extract(epoch FROM least(c.ends_at, upper(during)) - greatest(c.starts_at, lower(during))) AS seconds,
                 CASE (method).intensity WHEN 'actual' THEN c.actual_g_per_kwh WHEN 'forecast' THEN c.forecast_g_per_kwh ELSE coalesce(c.actual_g_per_kwh, c.forecast_g_per_kwh) END AS g
          FROM carbon_intensity c
          WHERE (method).intensity <> 'fixed' AND c.area = (method).area AND c.starts_at < upper(during) AND c.ends_at > lower(during) AND c.starts_at > lower(during) - interval '1 day') t
    WHERE t.g IS NOT NULL) s;
END;
COMMENT ON FUNCTION grid_intensity(carbon_method, time_window) IS
  'the mean intensity of the grid over a window, by the column and area that a method goes by, weighted by time, in g CO2 per kWh; NULL where it is not known of all of the window, and of how many seconds it is not (below zero: steps overlap)';
REVOKE ALL ON FUNCTION grid_intensity(carbon_method, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grid_intensity(carbon_method, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION delivery_carbon(market_id bigint, month date, method text, version integer DEFAULT NULL)
RETURNS TABLE (dispatch_id bigint, product_id bigint, service_provider_id bigint, unit_id bigint, delivery_id bigint, delivery_window time_window, direction text, kwh numeric, energy_is text,
               category text, intensity_g_per_kwh numeric, emitted_kg numeric, displaced_kg numeric, net_kg numeric, unknown text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT d.id, d.product_id, d.service_provider_id, d.unit_id, v.delivery_id, v.delivery_window, d.direction, v.kwh, v.energy_is, f.category, round(g.g_per_kwh, 4), c.emitted_kg, c.displaced_kg, c.net_kg,
         nullif(concat_ws('; ', CASE WHEN f.category IS NULL THEN coalesce(format('technology %s, energy source %s, is of no category of the method', coalesce(u.technology, 'not said'), coalesce(u.energy_source, 'not said')), 'the unit is not known') END,
                                CASE WHEN g.g_per_kwh IS NULL THEN CASE WHEN g.unknown_seconds < 0 THEN 'steps of carbon_intensity overlap' ELSE format('carbon intensity is not known of %s of %s s', trim_scale(round(g.unknown_seconds, 3)), trim_scale(round(extract(epoch FROM upper(v.delivery_window) - lower(v.delivery_window)), 3))) END END), '')
  FROM carbon_method_of(delivery_carbon.method, delivery_carbon.version) m
  CROSS JOIN LATERAL (SELECT lower(w.within) AS since, upper(w.within) AS until FROM (SELECT month_of_market(delivery_carbon.market_id, delivery_carbon.month) AS within OFFSET 0) w OFFSET 0) w
  JOIN dispatch d ON d.live
  JOIN product p ON p.id = d.product_id AND p.market_id = delivery_carbon.market_id
  LEFT JOIN LATERAL (
    SELECT coalesce(a.profile::jsonb ->> 'technology', a.technology) AS technology, coalesce(a.profile::jsonb ->> 'energy_source', a.energy_source) AS energy_source FROM asset a WHERE a.id = d.asset_id
    UNION ALL SELECT o.technology, NULL FROM portfolio o WHERE o.id = d.portfolio_id) u ON true
  LEFT JOIN LATERAL (
    SELECT k.category FROM carbon_technology k
    WHERE k.carbon_method_id = m.id AND lower(k.technology) = lower(u.technology) AND (k.energy_source IS NULL OR lower(k.energy_source) = lower(u.energy_source)) ORDER BY k.energy_source NULLS LAST LIMIT 1) t ON true
  CROSS JOIN LATERAL (
    SELECT x.id AS delivery_id, x.delivery_window, coalesce(x.delivered_kwh, x.requested_kwh)::numeric AS kwh, CASE WHEN x.delivered_kwh IS NULL THEN 'requested' ELSE 'delivered' END AS energy_is
    FROM delivery x WHERE resource_window(x.trade_id, x.delivery_window) && resource_window(d.id, d.delivery_window) AND x.dispatch_id = d.id AND x.superseded_at IS NULL
    UNION ALL
    SELECT NULL::bigint AS delivery_id, d.delivery_window, round(d.power_kw * extract(epoch FROM upper(d.delivery_window) - lower(d.delivery_window)) / 3600, 6) AS kwh, 'requested' AS energy_is
    WHERE isfinite(upper(d.delivery_window)) AND isfinite(lower(d.delivery_window)) AND NOT EXISTS (SELECT FROM delivery x WHERE resource_window(x.trade_id, x.delivery_window) && resource_window(d.id, d.delivery_window) AND x.dispatch_id = d.id AND x.superseded_at IS NULL)) v
  CROSS JOIN LATERAL grid_intensity(m, v.delivery_window) g
  -- as its provider confirmed, else as its technology is
  LEFT JOIN LATERAL (
    SELECT k.* FROM carbon_factor k
    WHERE k.carbon_method_id = m.id
      AND k.category = coalesce(
        (SELECT s.category FROM unit_carbon_category s JOIN carbon_factor z ON z.carbon_method_id = m.id AND z.category = s.category
         WHERE s.unit_id = d.unit_id AND s.since <= lower(v.delivery_window) ORDER BY s.since DESC LIMIT 1), t.category)) f ON true
  LEFT JOIN LATERAL carbon_of_energy(ROW(f.carbon_method_id, f.category, f.kind, f.fuel_kg_per_kwh, f.generator_efficiency, f.storage_efficiency, f.payback_up, f.payback_down)::carbon_factor, d.direction, v.kwh, g.g_per_kwh) c ON f.category IS NOT NULL
  WHERE lower(v.delivery_window) >= w.since AND lower(v.delivery_window) < w.until;
END;
COMMENT ON FUNCTION delivery_carbon(bigint, date, text, integer) IS
  'the carbon of each delivery of a month of a market, of dispatches that stand, by a method: kWh (delivered; requested where that is not known, which is said), category of the unit, mean intensity of the grid in g per kWh, kg CO2 emitted, displaced and the difference (below zero: saved), and what is not known, where a figure is missing; as far as the caller reads dispatches and units; error MX518';
REVOKE ALL ON FUNCTION delivery_carbon(bigint, date, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION delivery_carbon(bigint, date, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION dispatch_carbon(market_id bigint, month date, method text, version integer DEFAULT NULL)
RETURNS TABLE (dispatch_id bigint, product_id bigint, unit_id bigint, direction text, category text, periods bigint, delivered_kwh numeric, requested_kwh numeric, emitted_kg numeric, displaced_kg numeric, net_kg numeric, unknown_periods bigint, unknown text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT c.dispatch_id, c.product_id, c.unit_id, c.direction, min(c.category), count(*), coalesce(sum(c.kwh) FILTER (WHERE c.energy_is = 'delivered'), 0), coalesce(sum(c.kwh) FILTER (WHERE c.energy_is = 'requested'), 0),
         sum(c.emitted_kg) FILTER (WHERE c.net_kg IS NOT NULL), sum(c.displaced_kg) FILTER (WHERE c.net_kg IS NOT NULL), sum(c.net_kg), count(*) FILTER (WHERE c.net_kg IS NULL), min(c.unknown)
  FROM delivery_carbon(dispatch_carbon.market_id, dispatch_carbon.month, dispatch_carbon.method, dispatch_carbon.version) c
  GROUP BY c.dispatch_id, c.product_id, c.unit_id, c.direction ORDER BY c.dispatch_id;
END;
COMMENT ON FUNCTION dispatch_carbon(bigint, date, text, integer) IS
  'the same by dispatch: kWh that were delivered, kWh of periods of which only the request is known, kg CO2 of the periods of which all is known, how many that is not of, and why, the first reason; NULL kg: of none; error MX518';
REVOKE ALL ON FUNCTION dispatch_carbon(bigint, date, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dispatch_carbon(bigint, date, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION carbon_report(method text, market_id bigint DEFAULT NULL, from_month date DEFAULT NULL, to_month date DEFAULT NULL, version integer DEFAULT NULL)
RETURNS TABLE (market_code text, month date, product_code text, dispatches bigint, delivered_mwh numeric, requested_mwh numeric, unknown_mwh numeric, emitted_kg numeric, displaced_kg numeric, net_kg numeric, g_per_kwh numeric)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH month_of AS (
    SELECT DISTINCT p.market_id, date_trunc('month', coalesce(lower(x.delivery_window), lower(d.delivery_window)) AT TIME ZONE m.time_zone)::date AS month
    FROM dispatch d JOIN product p ON p.id = d.product_id JOIN market m ON m.id = p.market_id LEFT JOIN delivery x ON x.dispatch_id = d.id AND x.superseded_at IS NULL
    WHERE d.live AND isfinite(lower(d.delivery_window)) AND (carbon_report.market_id IS NULL OR p.market_id = carbon_report.market_id))
  SELECT m.code, o.month, p.code, count(DISTINCT c.dispatch_id), round(coalesce(sum(c.kwh) FILTER (WHERE c.energy_is = 'delivered'), 0) / 1000, 6), round(coalesce(sum(c.kwh) FILTER (WHERE c.energy_is = 'requested'), 0) / 1000, 6),
         round(coalesce(sum(c.kwh) FILTER (WHERE c.net_kg IS NULL), 0) / 1000, 6), sum(c.emitted_kg) FILTER (WHERE c.net_kg IS NOT NULL), sum(c.displaced_kg) FILTER (WHERE c.net_kg IS NOT NULL), sum(c.net_kg),
         round(sum(c.net_kg) * 1000 / nullif(sum(c.kwh) FILTER (WHERE c.net_kg IS NOT NULL), 0), 3)
  FROM month_of o
  JOIN market m ON m.id = o.market_id
  CROSS JOIN LATERAL delivery_carbon(o.market_id, o.month, carbon_report.method, carbon_report.version) c
  JOIN product p ON p.id = c.product_id
  WHERE (carbon_report.from_month IS NULL OR o.month >= date_trunc('month', carbon_report.from_month::timestamp)) AND (carbon_report.to_month IS NULL OR o.month <= carbon_report.to_month)
  GROUP BY GROUPING SETS ((m.code, o.month, p.code), (m.code, o.month))
  ORDER BY m.code COLLATE "C", o.month, p.code COLLATE "C" NULLS LAST;
END;
COMMENT ON FUNCTION carbon_report(text, bigint, date, date, integer) IS
  'the carbon of dispatch by market, month and product (NULL: all of the market''s), by a method: dispatches, MWh delivered, MWh of which only the request is known, MWh of which the carbon is not known (they are in neither sum of kg), kg CO2 emitted, displaced and the difference, and that per kWh in g; below zero: saved; error MX518';
REVOKE ALL ON FUNCTION carbon_report(text, bigint, date, date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION carbon_report(text, bigint, date, date, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
