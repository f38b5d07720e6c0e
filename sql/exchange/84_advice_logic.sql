-- archetype: thick
-- Advice: what a unit could best sell, and what a need may expect to be offered.
--
--   open competitions, needs --> who may, what bars, what is free --> past prices, past acceptance --> best_products(unit, window)
--   register, own bids and awards, the book in the large ----------------------------------------------> expected_offers(need)
--
-- Who asks reads what row-level security lets it read, and nothing else: a provider its own past, its own book and the
-- published open statistics; a buyer the register, and what was offered to it once gates have closed.  One function reads
-- more, committed_elsewhere(), and tells a rounded share of a whole region.
--
-- Figures of too few are NULL, never guessed.  Advice is careful where it simplifies: what it says is free is free, and
-- what it puts together may stand together; validate_bid() has the last word.

-- ------------------------------------------------------------------ shares and their uncertainty

CREATE OR REPLACE FUNCTION share_interval(met bigint, tried bigint, OUT share numeric, OUT low numeric, OUT high numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  -- z of 10 and 90 per cent, 1.2816, and its square
  SELECT round(p, 4), CASE WHEN tried > 0 THEN round(greatest(middle - reach, 0), 4) END, CASE WHEN tried > 0 THEN round(least(middle + reach, 1), 4) END
  FROM (SELECT met::numeric / nullif(tried, 0) AS p, nullif(tried, 0)::numeric AS n) x
  CROSS JOIN LATERAL (SELECT (p + 1.6424 / (2 * n)) / (1 + 1.6424 / n) AS middle, 1.2816 / (1 + 1.6424 / n) * sqrt(p * (1 - p) / n + 1.6424 / (4 * n * n)) AS reach) y;
END;
COMMENT ON FUNCTION share_interval(bigint, bigint) IS
  'the share of tries that met with success, and between what it lies in 8 cases of 10 (Wilson''s interval, from the 10 to the 90 per cent point); NULL of none';
REVOKE ALL ON FUNCTION share_interval(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION share_interval(bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION bid_outcome(bid_status text, competition_status text, source text, reason text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN bid_status = 'awarded' THEN true
            -- a cancelled competition refuses nobody; what was rejected without a clearing was rejected for a conflict, but by another platform
            WHEN bid_status = 'rejected' AND CASE WHEN reason IS NULL THEN source IS NOT NULL ELSE reason IN ('too_dear', 'tied', 'minimum_not_reached', 'paradoxically_rejected') END
                 OR bid_status = 'lapsed' AND competition_status IN ('awarded', 'challenged', 'final') THEN false END;
COMMENT ON FUNCTION bid_outcome(text, text, text, text) IS
  'whether a bid was taken (true) or refused for what it asked (false), by its status, that of its competition, its source, and the reason that its clearing gave; NULL: neither, as when it waits, was withdrawn, conflicts or is held back by another of its provider';
REVOKE ALL ON FUNCTION bid_outcome(text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bid_outcome(text, text, text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION decided_bids(provider bigint, products bigint[], look_back interval)
RETURNS TABLE (bid_id bigint, competition_id bigint, product_id bigint, unit_id bigint, service_provider_id bigint, direction text, power_kw numeric, delivery_window time_window,
               availability numeric, utilisation numeric, status text, taken boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT b.id, b.competition_id, b.product_id, b.unit_id, b.service_provider_id, b.direction, b.power_kw, b.delivery_window, b.availability_price_per_mw_h, b.utilisation_price_per_mwh, b.status,
         bid_outcome(b.status, c.status, b.source, r.reason)
  FROM bid b LEFT JOIN competition c ON c.id = b.competition_id
  LEFT JOIN LATERAL (SELECT x.reason FROM clearing g JOIN clearing_bid x ON x.clearing_id = g.id AND x.bid_id = b.id
                     WHERE b.status = 'rejected' AND g.competition_id = b.competition_id AND g.purpose = 'official' ORDER BY g.id DESC LIMIT 1) r ON true
  WHERE b.product_id = ANY (products) AND (provider IS NULL OR b.service_provider_id = provider)
    AND CASE WHEN b.competition_id IS NULL THEN provider IS NOT NULL ELSE c.gate_closes_at <= now() END
    AND coalesce(c.gate_closes_at, lower(b.delivery_window)) >= now() - look_back AND coalesce(c.gate_closes_at, lower(b.delivery_window)) < now();
END
$function$;
COMMENT ON FUNCTION decided_bids(bigint, bigint[], interval) IS
  'bids for some products whose gate closed in an interval up to now, of a provider (those without a competition too, by their delivery) or of all (NULL), and whether they were taken; of what the caller may read';
REVOKE ALL ON FUNCTION decided_bids(bigint, bigint[], interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION decided_bids(bigint, bigint[], interval) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ what is open

CREATE OR REPLACE FUNCTION open_opportunities(unit_id bigint, during time_window)
RETURNS TABLE (competition_id bigint, requirement_id bigint, need_id bigint, product_id bigint, direction text, delivery_window time_window, wanted_kw numeric,
               most_availability_price numeric, most_utilisation_price numeric, named_availability_price numeric, named_utilisation_price numeric,
               use_hours numeric, takes_portfolios boolean, framework_id bigint)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH place AS MATERIALIZED (
    -- where the unit is, or all its members are, and what lies above all of them
    SELECT DISTINCT coalesce(f.grid_node_id, a.grid_node_id, m.grid_node_id, -1) AS node
    FROM (SELECT open_opportunities.unit_id AS id) u
    LEFT JOIN portfolio f ON f.id = u.id
    LEFT JOIN portfolio_member e ON e.portfolio_id = f.id AND f.grid_node_id IS NULL AND e.valid && during
    LEFT JOIN asset a ON a.id = CASE WHEN f.id IS NULL THEN u.id ELSE e.asset_id END
    LEFT JOIN metering_point m ON m.id = a.metering_point_id),
  above AS MATERIALIZED (
    SELECT array_agg(x.grid_node_id) AS nodes
    FROM (SELECT g.grid_node_id FROM place p CROSS JOIN LATERAL grid_nodes_above(p.node, time_window(greatest(lower(during), now()), greatest(lower(during), now()) + interval '1 microsecond')) g
          GROUP BY g.grid_node_id HAVING count(DISTINCT p.node) = (SELECT count(*) FROM place)) x),
  wanted AS MATERIALIZED (
    SELECT c.id AS competition_id, r.id AS requirement_id, r.need_id, r.product_id, r.direction, r.delivery_window, r.power_kw,
           coalesce(r.ceiling_availability_price_per_mw_h, t.ceiling_availability_price_per_mw_h) AS most_availability, coalesce(r.ceiling_utilisation_price_per_mwh, t.ceiling_utilisation_price_per_mwh) AS most_utilisation,
           r.expected_utilisation_hours, coalesce('portfolio' = ANY (t.order_features), true) AS takes_portfolios, t.framework_id
    FROM competition c JOIN competition_requirement r ON r.competition_id = c.id LEFT JOIN competition_terms t ON t.competition_id = c.id
    WHERE c.status IN ('announced', 'open') AND c.gate_closes_at > now() AND r.delivery_window && during
      AND (r.grid_node_id IS NULL OR r.grid_node_id = ANY ((SELECT nodes FROM above)::bigint[])))
  SELECT w.competition_id, w.requirement_id, w.need_id, w.product_id, w.direction, w.delivery_window * during, w.power_kw, w.most_availability, w.most_utilisation, w.most_availability, w.most_utilisation,
         w.expected_utilisation_hours / (extract(epoch FROM upper(w.delivery_window) - lower(w.delivery_window)) / 3600)
           * (extract(epoch FROM upper(w.delivery_window * during) - lower(w.delivery_window * during)) / 3600), w.takes_portfolios, w.framework_id
  FROM wanted w
  UNION ALL
  SELECT NULL, NULL, n.id, p.id, n.direction, s.delivery_window * during, s.power_kw, NULL, NULL, n.guide_availability_price_per_mw_h, n.guide_price_per_mwh, NULL, true, NULL
  FROM need n
  JOIN LATERAL (
    SELECT x.delivery_window, x.power_kw FROM need_window x WHERE resource_window(x.need_id, x.delivery_window) && resource_window(n.id, during)
    UNION ALL
    SELECT n.delivery_window, n.power_kw WHERE NOT EXISTS (SELECT FROM need_window x WHERE resource_window(x.need_id, x.delivery_window) && resource_window(n.id, '-infinity/infinity'))) s ON true
  JOIN product p ON p.service_code = n.service_code AND p.valid && (s.delivery_window * during)
    AND CASE WHEN n.product_id IS NOT NULL THEN p.id = n.product_id ELSE EXISTS (SELECT FROM market m WHERE m.id = p.market_id AND m.market_operator_id = n.market_operator_id) END
  WHERE n.status = 'published' AND n.delivery_window && during AND (n.respond_by IS NULL OR n.respond_by > now())
    AND (n.grid_node_id IS NULL OR n.grid_node_id = ANY ((SELECT nodes FROM above)::bigint[]))
    -- what a competition asks for already is wanted once
    AND NOT EXISTS (SELECT FROM wanted w WHERE w.need_id = n.id AND w.delivery_window && s.delivery_window);
END
$function$;
COMMENT ON FUNCTION open_opportunities(bigint, time_window) IS
  'what is wanted in a window at the place of a unit or above it: requirements of competitions whose gate has not closed, with their ceilings and the hours of use that were declared, and published needs to which one can still respond, with the prices that their operators named, for each product that fits; of what the caller may read';
REVOKE ALL ON FUNCTION open_opportunities(bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_opportunities(bigint, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ what is promised

CREATE OR REPLACE FUNCTION unit_obligations(unit_id bigint, span time_window)
RETURNS TABLE (held_by bigint, beside boolean, lent_up_kw numeric, lent_down_kw numeric, stage text, source_id bigint, award_id bigint, availability_id bigint, service_code text, product_id bigint,
               direction text, power_kw numeric, delivery_window time_window)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  caller CONSTANT bigint := current_participant();
  reads_all CONSTANT boolean := acts_for_exchange();
BEGIN
  RETURN QUERY
  WITH partner AS MATERIALIZED (
    SELECT unit_obligations.unit_id AS id, false AS beside, NULL::numeric AS up_kw, NULL::numeric AS down_kw
    -- portfolios that draw on the asset; members of the portfolio; portfolios that share members with it; assets behind the same connection
    UNION ALL SELECT e.portfolio_id, false, max(e.flexible_up_kw), max(e.flexible_down_kw) FROM portfolio_member e WHERE e.asset_id = unit_obligations.unit_id AND e.valid && span GROUP BY 1
    UNION ALL SELECT e.asset_id, false, max(e.flexible_up_kw), max(e.flexible_down_kw) FROM portfolio_member e WHERE e.portfolio_id = unit_obligations.unit_id AND e.valid && span GROUP BY 1
    UNION ALL SELECT o.portfolio_id, false, sum(least(e.flexible_up_kw, o.flexible_up_kw)), sum(least(e.flexible_down_kw, o.flexible_down_kw))
    FROM portfolio_member e JOIN portfolio_member o ON o.asset_id = e.asset_id AND o.portfolio_id <> e.portfolio_id AND o.valid && span
    WHERE e.portfolio_id = unit_obligations.unit_id AND e.valid && span GROUP BY 1
    UNION ALL SELECT n.asset_id, true, NULL, NULL FROM asset_connection c JOIN connection_asset n ON n.connection_id = c.connection_id WHERE c.asset_id = unit_obligations.unit_id AND n.asset_id <> c.asset_id)
  SELECT p.id, p.beside, p.up_kw, p.down_kw, k.stage, k.source_id, k.award_id, k.availability_id, k.service_code, k.product_id, k.direction, k.power_kw, k.delivery_window
  FROM partner p JOIN commitment k ON resource_window(k.unit_id, k.delivery_window) && resource_window(p.id, span)
  -- policies BOOK-SP-1 and BOOK-MO-1
  WHERE k.closed_at IS NULL AND k.stage <> 'bid' AND (reads_all OR k.service_provider_id = caller OR k.market_operator_id = caller);
END
$function$;
COMMENT ON FUNCTION unit_obligations(bigint, time_window) IS
  'obligations that press on a unit in a window: its own (lent NULL), those of portfolios that draw on it, of its members, and of portfolios that share members with it, with the most that these can take from it, kW; and those of assets behind the same connection (beside); SECURITY DEFINER because row-level security keeps the index of the book from being used: it gives what policies BOOK-SP-1 and BOOK-MO-1 let the caller read';
REVOKE ALL ON FUNCTION unit_obligations(bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unit_obligations(bigint, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION services_together(services text[], during time_window)
RETURNS TABLE (service_a text, service_b text, may_stand_together boolean, share_power boolean, may_follow boolean, within_day boolean, meanings jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  strictness CONSTANT text[] := ARRAY['yes', 'not_tested', 'unknown', 'no'];
BEGIN
  RETURN QUERY
  -- both orders, every ruleset that governs a part of the window and every condition: the strictest
  WITH cell AS MATERIALIZED (
    SELECT least(s.service_a, s.service_b) AS one, greatest(s.service_a, s.service_b) AS other, s.mode, array_position(strictness, s.meaning) AS strict, r.jumping_scope
    FROM ruleset r JOIN stacking_meaning s ON s.ruleset_id = r.id
    WHERE r.status = 'in_force' AND r.in_force && during AND s.service_a = ANY (services) AND s.service_b = ANY (services) AND s.service_a <> s.service_b),
  pair AS MATERIALIZED (
    SELECT c.one, c.other, strictness[max(c.strict) FILTER (WHERE c.mode = 'co_delivery')] AS co_delivery, strictness[max(c.strict) FILTER (WHERE c.mode = 'splitting')] AS splitting,
           strictness[max(c.strict) FILTER (WHERE c.mode = 'jumping')] AS jumping, bool_and(c.jumping_scope = 'day') AS within_day
    FROM cell c GROUP BY c.one, c.other)
  SELECT a, b, a = b OR coalesce('yes' IN (p.co_delivery, p.splitting), false), a <> b AND coalesce(p.co_delivery = 'yes', false), a = b OR coalesce(p.jumping <> 'no', true), coalesce(p.within_day, true),
         CASE WHEN a <> b THEN jsonb_build_object('co_delivery', coalesce(p.co_delivery, 'unknown'), 'splitting', coalesce(p.splitting, 'unknown'), 'jumping', coalesce(p.jumping, 'unknown')) ELSE '{}' END
  FROM unnest(services) a CROSS JOIN unnest(services) b LEFT JOIN pair p ON p.one = least(a, b) AND p.other = greatest(a, b);
END
$function$;
COMMENT ON FUNCTION services_together(text[], time_window) IS
  'for each ordered pair of some services, whether one unit may be promised to both at once (co-delivery or splitting is a yes), whether they then share their megawatts (co-delivery is), and whether it may serve one after the other (jumping is no known no; within_day: on one local day), by the rulesets in force in a window; where they, the two orders or conditions differ the strictest holds; meanings says why';
REVOKE ALL ON FUNCTION services_together(text[], time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION services_together(text[], time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION days_meet(a time_window, b time_window) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT (lower(a) AT TIME ZONE e.time_zone)::date <= ((upper(b) - interval '1 microsecond') AT TIME ZONE e.time_zone)::date
         AND (lower(b) AT TIME ZONE e.time_zone)::date <= ((upper(a) - interval '1 microsecond') AT TIME ZONE e.time_zone)::date FROM exchange_instance e
$function$;
COMMENT ON FUNCTION days_meet(time_window, time_window) IS 'true when the local days of two windows have one in common';
REVOKE ALL ON FUNCTION days_meet(time_window, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION days_meet(time_window, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Bron and Kerbosch (1973) with a pivot: what is said of all vertices by one call stays linear where everything is joined to everything.
CREATE OR REPLACE FUNCTION maximal_cliques(adjacent bigint[], taken bigint, open bigint, past bigint) RETURNS SETOF bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  pivot bigint;
BEGIN
  IF open = 0 THEN
    IF past = 0 THEN
      RETURN NEXT taken;
    END IF;
    RETURN;
  END IF;
  SELECT adjacent[v] INTO pivot FROM generate_subscripts(adjacent, 1) v WHERE (open | past) & (1::bigint << v) <> 0 ORDER BY bit_count((adjacent[v] & open)::bit(64)) DESC, v LIMIT 1;
  FOR v IN 1 .. cardinality(adjacent) LOOP
    IF open & ~pivot & (1::bigint << v) <> 0 THEN
      RETURN QUERY SELECT maximal_cliques(adjacent, taken | (1::bigint << v), open & adjacent[v], past & adjacent[v]);
      open := open & ~(1::bigint << v);
      past := past | (1::bigint << v);
    END IF;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION maximal_cliques(bigint[], bigint, bigint, bigint) IS
  'the sets of vertices that are all joined to one another and cannot be made larger, as bits from 1; adjacent has the neighbours of each; called with taken 0, all bits open, past 0; at most 62 vertices';
REVOKE ALL ON FUNCTION maximal_cliques(bigint[], bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION maximal_cliques(bigint[], bigint, bigint, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- What a unit can give at an instant, and what each service takes of it already: lineages once, at each step the greater of
-- what stands there and what follows from it.
CREATE OR REPLACE FUNCTION unit_load(unit_id bigint, instants timestamptz[], span time_window)
RETURNS TABLE (at timestamptz, direction text, capacity_kw numeric, taken jsonb)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH every AS MATERIALIZED (SELECT * FROM unit_obligations(unit_load.unit_id, span)),
  o AS (SELECT * FROM every WHERE NOT beside),
  at AS MATERIALIZED (SELECT DISTINCT t FROM unnest(instants) t),
  dispatched AS (SELECT at.t, o.* FROM at JOIN o ON o.delivery_window @> at.t WHERE o.stage = 'dispatch'),
  ready AS (SELECT at.t, o.held_by, o.lent_up_kw, o.lent_down_kw, o.source_id, o.award_id, o.service_code, o.direction,
                   greatest(o.power_kw, (SELECT sum(d.power_kw) FROM dispatched d WHERE d.t = at.t AND d.availability_id = o.source_id)) AS power_kw
            FROM at JOIN o ON o.delivery_window @> at.t WHERE o.stage = 'availability'),
  loose AS (SELECT d.* FROM dispatched d WHERE NOT EXISTS (SELECT FROM ready r WHERE r.t = d.t AND r.source_id = d.availability_id)),
  awarded AS (SELECT at.t, o.held_by, o.lent_up_kw, o.lent_down_kw, o.source_id, o.service_code, o.direction,
                     greatest(o.power_kw, coalesce((SELECT sum(r.power_kw) FROM ready r WHERE r.t = at.t AND r.award_id = o.source_id), 0)
                                          + coalesce((SELECT sum(d.power_kw) FROM loose d WHERE d.t = at.t AND d.award_id = o.source_id), 0)) AS power_kw
              FROM at JOIN o ON o.delivery_window @> at.t WHERE o.stage = 'award'),
  root AS (
    SELECT t, held_by, lent_up_kw, lent_down_kw, service_code, direction, power_kw FROM awarded
    UNION ALL SELECT r.t, r.held_by, r.lent_up_kw, r.lent_down_kw, r.service_code, r.direction, r.power_kw FROM ready r WHERE NOT EXISTS (SELECT FROM awarded a WHERE a.t = r.t AND a.source_id = r.award_id)
    UNION ALL SELECT d.t, d.held_by, d.lent_up_kw, d.lent_down_kw, d.service_code, d.direction, d.power_kw FROM loose d WHERE NOT EXISTS (SELECT FROM awarded a WHERE a.t = d.t AND a.source_id = d.award_id)),
  taken AS (
    SELECT t, direction, service_code, sum(power_kw) AS power_kw
    FROM (SELECT t, direction, service_code, CASE WHEN held_by = unit_load.unit_id THEN sum(power_kw)
                                                  ELSE least(sum(power_kw), CASE direction WHEN 'up' THEN max(lent_up_kw) ELSE max(lent_down_kw) END) END AS power_kw
          FROM root GROUP BY t, direction, service_code, held_by) x GROUP BY t, direction, service_code),
  -- what others behind the same connection promised leaves that much less of its swing
  beside AS (
    SELECT at.t, k.direction, sum(k.power_kw) AS power_kw FROM every k JOIN at ON k.delivery_window @> at.t WHERE k.beside AND k.stage IN ('award', 'availability') GROUP BY 1, 2)
  SELECT at.t, d.direction,
         CASE WHEN EXISTS (SELECT FROM portfolio f WHERE f.id = unit_load.unit_id) THEN
                (SELECT CASE WHEN count(x.kw) = count(*) THEN coalesce(sum(x.kw), 0) END
                 FROM (SELECT CASE d.direction WHEN 'up' THEN least(e.flexible_up_kw, a.qualified_up_kw) ELSE least(e.flexible_down_kw, a.qualified_down_kw) END AS kw
                       FROM portfolio_member e JOIN asset a ON a.id = e.asset_id WHERE e.portfolio_id = unit_load.unit_id AND e.valid @> at.t) x)
              ELSE (SELECT least(CASE d.direction WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END,
                                 (SELECT min(c.swing_kw) FROM asset_connection c WHERE c.asset_id = a.id) - coalesce(b.power_kw, 0))
                    FROM asset a WHERE a.id = unit_load.unit_id AND CASE d.direction WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END IS NOT NULL) END,
         coalesce((SELECT jsonb_object_agg(k.service_code, k.power_kw) FROM taken k WHERE k.t = at.t AND k.direction = d.direction), '{}')
  FROM at CROSS JOIN (VALUES ('up'), ('down')) AS d (direction) LEFT JOIN beside b ON b.t = at.t AND b.direction = d.direction;
END
$function$;
COMMENT ON FUNCTION unit_load(bigint, timestamptz[], time_window) IS
  'what a unit can give at instants of a window, kW (NULL: not known), and what each service takes of it already, a JSON object of kW; of what the caller may read; on the careful side where units share assets';
REVOKE ALL ON FUNCTION unit_load(bigint, timestamptz[], time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unit_load(bigint, timestamptz[], time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ for a provider

-- Its statements are large and their rows few: to plan them for each unit would take longer than to run them.
CREATE OR REPLACE FUNCTION best_products(unit_id bigint, during time_window, least_history integer DEFAULT 5, look_back interval DEFAULT '1 year')
RETURNS TABLE (
  place integer, competition_id bigint, requirement_id bigint, need_id bigint, product_id bigint, market_code text, product_code text, service_code text,
  direction text, delivery_window time_window, wanted_kw numeric, offer_kw numeric, eligible boolean, missing jsonb, barred_by jsonb, bars integer[],
  basis text, history bigint, currency text, used_share numeric, price_per_mw_h numeric, chance numeric, chance_low numeric, chance_high numeric, chance_history bigint,
  low_revenue numeric, median_revenue numeric, high_revenue numeric, mean_revenue numeric, expected_revenue numeric, named_price_revenue numeric, best_kw numeric, best_gap numeric)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET jit = off
SET plan_cache_mode = force_generic_plan
AS $function$
#variable_conflict use_column
DECLARE
  seller bigint := coalesce((SELECT f.service_provider_id FROM portfolio f WHERE f.id = best_products.unit_id),
                            (SELECT o.service_provider_id FROM asset_operator o WHERE o.asset_id = best_products.unit_id AND o.valid @> now()));
  of_portfolio CONSTANT boolean := EXISTS (SELECT FROM portfolio f WHERE f.id = best_products.unit_id);
  zone CONSTANT text := (SELECT e.time_zone FROM exchange_instance e);
  asked CONSTANT time_window := during;
  around time_window;
  home bigint;
  what asset_profile;
  advice jsonb;
  services text[];
  together jsonb;
  adjacent bigint[];
  limits jsonb;
  orders jsonb;
  exclusions jsonb;
  kept jsonb := jsonb '{}';
  gap numeric;
BEGIN
  IF seller IS NULL OR NOT acts_for_exchange() AND seller IS DISTINCT FROM current_participant() THEN
    RAISE EXCEPTION 'best_products: unit % is not yours', coalesce(unit_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'A provider is advised on the portfolios that are its own and the assets that it operates now.';
  END IF;
  IF during IS NULL OR lower(during) = '-infinity' OR upper(during) = 'infinity' OR upper(during) <= now() THEN
    RAISE EXCEPTION 'best_products: window %', coalesce(during::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It has a start and an end that is still to come.';
  END IF;
  PERFORM check_positive(least_history, 'best_products.least_history'), check_positive(extract(epoch FROM look_back), 'best_products.look_back, in seconds,');
  IF of_portfolio THEN
    what := portfolio_profile(unit_id);
    SELECT f.grid_node_id INTO home FROM portfolio f WHERE f.id = best_products.unit_id;
  ELSE
    SELECT coalesce(a.profile, '{}'), coalesce(a.grid_node_id, m.grid_node_id) INTO what, home FROM asset a LEFT JOIN metering_point m ON m.id = a.metering_point_id WHERE a.id = best_products.unit_id;
  END IF;

  -- what there is, may the unit, and what it earned before
  WITH opportunity AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY o.competition_id, o.requirement_id, o.need_id, o.product_id, lower(o.delivery_window)) AS n, o.*,
           p.market_id, p.code AS product_code, p.service_code, p.spec, p.utilisation, p.paid_for, m.code AS market_code, m.currency,
           extract(epoch FROM upper(o.delivery_window) - lower(o.delivery_window)) / 3600 AS hours
    FROM open_opportunities(best_products.unit_id, asked) o JOIN product p ON p.id = o.product_id JOIN market m ON m.id = p.market_id),
  wanted AS MATERIALIZED (SELECT DISTINCT product_id, direction FROM opportunity),
  sold AS MATERIALIZED (
    SELECT a.product_id, a.direction, a.unit_id, a.availability_price_per_mw_h AS availability, a.utilisation_price_per_mwh AS utilisation, mw_h(a.power_kw, a.delivery_window) AS mw_h
    FROM award a WHERE a.service_provider_id = seller AND a.live AND a.product_id = ANY (ARRAY(SELECT product_id FROM wanted)) AND lower(a.delivery_window) < now() AND lower(a.delivery_window) >= now() - look_back
    UNION ALL
    SELECT d.product_id, d.direction, d.unit_id, NULL, d.utilisation_price_per_mwh, NULL
    FROM dispatch d WHERE d.service_provider_id = seller AND d.live AND d.award_id IS NULL AND d.availability_id IS NULL AND d.product_id = ANY (ARRAY(SELECT product_id FROM wanted))
      AND lower(d.delivery_window) < now() AND lower(d.delivery_window) >= now() - look_back),
  -- how much of what was sold was called
  called AS MATERIALIZED (
    SELECT s.product_id, s.direction, CASE WHEN count(s.mw_h) >= least_history THEN least(coalesce((
             SELECT sum(mw_h(d.power_kw, d.delivery_window)) FROM dispatch d
             WHERE d.service_provider_id = seller AND d.live AND d.product_id = s.product_id AND d.direction = s.direction AND num_nonnulls(d.award_id, d.availability_id) > 0
               AND lower(d.delivery_window) < now() AND lower(d.delivery_window) >= now() - look_back), 0) / nullif(sum(s.mw_h), 0), 1) END AS share
    FROM sold s GROUP BY 1, 2),
  -- those that are worth the same a MW and hour are reckoned once
  used AS MATERIALIZED (
    SELECT x.*, dense_rank() OVER (ORDER BY x.product_id, x.direction, x.most_availability_price, x.most_utilisation_price, x.use) AS worth
    FROM (SELECT o.*, CASE WHEN o.use_hours IS NOT NULL THEN o.use_hours / o.hours WHEN o.utilisation = 'scheduled' THEN 1 ELSE c.share END AS use
          FROM opportunity o LEFT JOIN called c USING (product_id, direction)) x),
  at_home AS MATERIALIZED (
    SELECT s.*, coalesce(f.grid_node_id, a.grid_node_id, m.grid_node_id) IS NOT DISTINCT FROM home AS here
    FROM sold s LEFT JOIN portfolio f ON f.id = s.unit_id LEFT JOIN asset a ON a.id = s.unit_id LEFT JOIN metering_point m ON m.id = a.metering_point_id),
  -- per MW and hour of the window: nobody is paid above a ceiling, and what is never used earns what it was paid for being there
  earned AS (
    SELECT u.worth, s.here, coalesce(least(s.availability, u.most_availability_price), 0) + coalesce(least(s.utilisation, u.most_utilisation_price), 0) * coalesce(u.use, 0) AS value
    FROM (SELECT DISTINCT ON (worth) * FROM used ORDER BY worth) u JOIN at_home s USING (product_id, direction) WHERE s.availability IS NOT NULL OR s.utilisation IS NOT NULL AND u.use IS NOT NULL),
  own_price AS (
    SELECT worth, here, count(*) AS trades, avg(value) AS mean, percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY value::float8) AS points
    FROM (SELECT worth, true AS here, value FROM earned WHERE here UNION ALL SELECT worth, false, value FROM earned) e GROUP BY worth, here HAVING count(*) >= least_history),
  published AS (
    SELECT u.n, sum(s.number) AS trades, count(*) AS months, sum(value * s.mw_h) / nullif(sum(s.mw_h), 0) AS mean, percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY value::float8) AS points
    FROM used u JOIN open_statistic s ON s.subject = 'award' AND NOT s.hidden AND s.market_code = u.market_code AND s.product_code = u.product_code AND s.month >= (now() - look_back)::date
    CROSS JOIN LATERAL (SELECT coalesce(least(s.mean_availability_price_per_mw_h, u.most_availability_price), 0) + coalesce(least(s.mean_utilisation_price_per_mwh, u.most_utilisation_price), 0) * coalesce(u.use, 0) AS value) v
    WHERE s.mean_availability_price_per_mw_h IS NOT NULL OR s.mean_utilisation_price_per_mwh IS NOT NULL AND u.use IS NOT NULL
    GROUP BY u.n HAVING sum(s.number) >= least_history),
  priced AS MATERIALIZED (
    SELECT u.*, CASE WHEN h.worth IS NOT NULL THEN 'own sales at the place' WHEN e.worth IS NOT NULL THEN 'own sales' WHEN p.n IS NOT NULL THEN 'published means' ELSE 'no history' END AS basis,
           coalesce(h.trades, e.trades, p.trades, 0) AS history, coalesce(h.mean, e.mean, p.mean) AS mean,
           coalesce(h.points, e.points, CASE WHEN p.months >= least_history THEN p.points END) AS points
    FROM used u LEFT JOIN own_price h ON h.worth = u.worth AND h.here LEFT JOIN own_price e ON e.worth = u.worth AND NOT e.here LEFT JOIN published p ON p.n = u.n),
  -- of bids that were decided, those that tell something of that price: dearer and taken, cheaper and refused
  tried AS MATERIALIZED (
    SELECT b.product_id, b.direction, b.availability, b.utilisation, b.taken FROM decided_bids(seller, ARRAY(SELECT product_id FROM wanted), look_back) b
    WHERE b.taken IS NOT NULL AND num_nonnulls(b.availability, b.utilisation) > 0),
  chances AS MATERIALIZED (
    SELECT x.worth, x.price, x.met, x.tried, i.*
    FROM (SELECT p.worth, p.price, count(*) FILTER (WHERE t.taken AND v.value >= p.price) AS met,
                 count(*) FILTER (WHERE CASE WHEN t.taken THEN v.value >= p.price ELSE v.value <= p.price END) AS tried
          FROM (SELECT DISTINCT ON (worth) worth, product_id, direction, use, coalesce(points[2], mean)::numeric AS price FROM priced WHERE mean IS NOT NULL ORDER BY worth) p
          JOIN tried t USING (product_id, direction) CROSS JOIN LATERAL (SELECT coalesce(t.availability, 0) + coalesce(t.utilisation, 0) * coalesce(p.use, 0) AS value) v
          GROUP BY p.worth, p.price) x CROSS JOIN LATERAL share_interval(x.met, x.tried) i
    WHERE x.tried >= least_history),
  judged AS (
    SELECT DISTINCT o.product_id, coalesce(missed_requirements(o.spec, what, CASE WHEN of_portfolio THEN 'unit' ELSE 'alone' END), '[]')
             || CASE WHEN of_portfolio AND o.spec IS NOT NULL AND EXISTS (SELECT FROM portfolio_member k JOIN asset a ON a.id = k.asset_id WHERE k.portfolio_id = best_products.unit_id AND k.valid @> now() AND NOT o.spec @> coalesce(a.profile, '{}'))
                     THEN jsonb '[{"requirement": "members", "required": "each meets the member part", "offered": "some do not"}]' ELSE '[]' END AS missed
    FROM (SELECT DISTINCT ON (product_id) product_id, spec FROM opportunity ORDER BY product_id) o),
  ready AS (
    SELECT w.product_id, r.is_not_rejected AND r.is_not_suspended AND r.provider_has_unit AND r.unit_is_active AS may, r.is_ready,
           concat_ws(', ', CASE WHEN NOT r.product_is_offered THEN 'product not offered now' END, CASE WHEN NOT r.provider_has_unit THEN 'unit of another' END, CASE WHEN NOT r.unit_is_active THEN 'unit disconnected' END,
                     CASE WHEN NOT r.is_eligible THEN 'requirements missed' END, CASE WHEN NOT r.is_not_rejected THEN 'rejected' END, CASE WHEN NOT r.is_approved THEN 'not approved yet' END,
                     CASE WHEN NOT r.decision_is_valid THEN 'approval not valid now' END, CASE WHEN NOT r.is_not_suspended THEN 'suspended' END) AS words
    FROM (SELECT DISTINCT product_id FROM opportunity) w JOIN market_readiness r ON r.unit_id = best_products.unit_id AND r.product_id = w.product_id AND r.service_provider_id = seller),
  framed AS (
    SELECT o.n, o.framework_id IS NULL OR EXISTS (
             SELECT FROM award a WHERE competition_of_award(a.id) = o.framework_id AND a.unit_id = best_products.unit_id AND a.service_provider_id = seller
               AND a.direction = o.direction AND a.status IN ('awarded', 'completed') AND a.delivery_window @> o.delivery_window) AS in_framework,
           NOT of_portfolio OR o.takes_portfolios AS taken
    FROM opportunity o)
  SELECT jsonb_agg(jsonb_build_object(
    'n', p.n, 'competition_id', p.competition_id, 'requirement_id', p.requirement_id, 'need_id', p.need_id, 'product_id', p.product_id, 'market_code', p.market_code, 'product_code', p.product_code,
    'service_code', p.service_code, 'utilisation', p.utilisation, 'direction', p.direction, 'delivery_window', p.delivery_window, 'wanted_kw', p.wanted_kw, 'hours', p.hours, 'currency', p.currency,
    'eligible', j.missed = '[]' AND coalesce(r.may, true) AND f.in_framework AND f.taken,
    'missing', j.missed || CASE WHEN r.product_id IS NULL THEN jsonb '[{"requirement": "qualification", "required": "approved", "offered": "not applied for"}]'
                                WHEN NOT r.is_ready THEN jsonb_build_array(jsonb_build_object('requirement', 'qualification', 'required', 'approved', 'offered', r.words)) ELSE '[]' END
                        || CASE WHEN NOT f.in_framework THEN jsonb '[{"requirement": "framework", "required": "an award in it", "offered": "none"}]' ELSE '[]' END
                        || CASE WHEN NOT f.taken THEN jsonb '[{"requirement": "unit", "required": "a single asset", "offered": "a portfolio"}]' ELSE '[]' END,
    'basis', p.basis, 'history', p.history, 'used_share', round(p.use, 4), 'price', coalesce(c.price, coalesce(p.points[2], p.mean)::numeric), 'chance', c.share, 'chance_low', c.low, 'chance_high', c.high,
    'chance_history', coalesce(c.tried, 0), 'low', p.points[1], 'median', p.points[2], 'high', p.points[3], 'mean', p.mean,
    'named', CASE WHEN p.named_availability_price IS NOT NULL THEN p.named_availability_price + coalesce(p.named_utilisation_price * p.use, 0) ELSE p.named_utilisation_price * nullif(p.use, 0) END) ORDER BY p.n)
  INTO advice
  FROM priced p JOIN judged j USING (product_id) JOIN framed f USING (n) LEFT JOIN ready r USING (product_id) LEFT JOIN chances c USING (worth);
  IF advice IS NULL THEN
    RETURN;
  END IF;

  -- what bars what: by the rules, by agreements, by what is delivered in the other direction
  around := time_window(local_midnight((lower(during) AT TIME ZONE zone)::date, zone), local_midnight((upper(during) AT TIME ZONE zone)::date + 1, zone));
  SELECT array_agg(s ORDER BY s COLLATE "C") INTO services FROM (
    SELECT a ->> 'service_code' AS s FROM jsonb_array_elements(advice) a UNION SELECT o.service_code FROM unit_obligations(best_products.unit_id, around) o WHERE NOT o.beside) x;
  SELECT jsonb_object_agg(t.service_a || ' ' || t.service_b, jsonb_build_array(t.may_stand_together, t.share_power, t.may_follow, t.within_day, t.meanings)) INTO together FROM services_together(services, around) t;
  WITH o AS MATERIALIZED (
    SELECT k.*, p.utilisation = 'scheduled' OR k.stage = 'dispatch' AS flows FROM unit_obligations(best_products.unit_id, around) k JOIN product p ON p.id = k.product_id WHERE NOT k.beside),
  a AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(advice) AS x (n bigint, service_code text, utilisation text, direction text, delivery_window time_window)),
  barred AS (
    SELECT a.n, jsonb_build_object('service', o.service_code, 'stage', o.stage, 'from', lower(o.delivery_window), 'to', upper(o.delivery_window), 'kw', o.power_kw, 'why', y.why) AS what
    FROM a JOIN o ON true CROSS JOIN LATERAL (SELECT together -> (a.service_code || ' ' || o.service_code) AS rule) r CROSS JOIN LATERAL (
      SELECT CASE WHEN a.delivery_window && o.delivery_window AND a.direction = o.direction AND NOT (r.rule ->> 0)::boolean
                    THEN format('co-delivery %s, splitting %s', r.rule #>> '{4,co_delivery}', r.rule #>> '{4,splitting}')
                  WHEN NOT a.delivery_window && o.delivery_window AND o.held_by = best_products.unit_id AND NOT (r.rule ->> 2)::boolean
                         AND (NOT (r.rule ->> 3)::boolean OR days_meet(a.delivery_window, o.delivery_window))
                    THEN 'jumping ' || (r.rule #>> '{4,jumping}')
                  WHEN a.delivery_window && o.delivery_window AND a.direction <> o.direction AND a.utilisation = 'scheduled' AND o.flows THEN 'opposite directions' END AS why) y
    WHERE y.why IS NOT NULL
    UNION ALL
    SELECT a.n, jsonb_build_object('service', x.service_code, 'stage', 'agreement', 'from', lower(x.valid), 'to', upper(x.valid), 'why', 'exclusivity')
    FROM a JOIN exclusivity x ON resource_window(x.unit_id, x.valid) && resource_window(best_products.unit_id, a.delivery_window) AND x.service_code <> a.service_code)
  SELECT jsonb_agg(e || jsonb_build_object('barred_by', coalesce(b.by, '[]')) ORDER BY (e ->> 'n')::bigint) INTO advice
  FROM jsonb_array_elements(advice) e LEFT JOIN (SELECT n, jsonb_agg(what ORDER BY what ->> 'from', what ->> 'service', what) AS by FROM barred GROUP BY n) b ON b.n = (e ->> 'n')::bigint;

  -- what is free: at each instant at which something begins, for each heaviest set of services of which no two share
  SELECT array_agg(x.bits ORDER BY x.i) INTO adjacent FROM (
    SELECT i.i, coalesce(sum(1::bigint << j.j::integer) FILTER (WHERE i.s <> j.s AND NOT (together -> (i.s || ' ' || j.s) ->> 1)::boolean), 0)::bigint AS bits
    FROM unnest(services) WITH ORDINALITY AS i (s, i) CROSS JOIN unnest(services) WITH ORDINALITY AS j (s, j) GROUP BY i.i) x;
  WITH a AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(advice) AS x (n bigint, service_code text, direction text, delivery_window time_window, wanted_kw numeric)),
  instants AS (SELECT DISTINCT lower(x.delivery_window) AS t FROM (SELECT delivery_window FROM a UNION ALL SELECT k.delivery_window FROM unit_obligations(best_products.unit_id, around) k UNION ALL
                                                                   SELECT e.valid FROM portfolio_member e WHERE e.portfolio_id = best_products.unit_id AND lower(e.valid) > '-infinity' UNION ALL
                                                                   SELECT time_window(upper(e.valid), upper(e.valid) + interval '1 microsecond') FROM portfolio_member e WHERE e.portfolio_id = best_products.unit_id AND upper(e.valid) < 'infinity') x),
  load AS MATERIALIZED (SELECT * FROM unit_load(best_products.unit_id, ARRAY(SELECT i.t FROM instants i WHERE asked @> i.t), around)),
  clique AS MATERIALIZED (SELECT row_number() OVER () AS clique, c.bits FROM maximal_cliques(adjacent, 0, (1::bigint << cardinality(services) + 1) - 2, 0) AS c (bits)),
  room AS MATERIALIZED (
    SELECT l.at, l.direction, c.clique, c.bits, l.capacity_kw - coalesce((SELECT sum(k.value::numeric) FROM jsonb_each_text(l.taken) k WHERE c.bits & (1::bigint << array_position(services, k.key)) <> 0), 0) AS free_kw
    FROM load l CROSS JOIN clique c),
  part AS MATERIALIZED (
    SELECT a.n, r.at, r.direction, r.clique, r.free_kw FROM a JOIN room r ON a.delivery_window @> r.at AND r.direction = a.direction AND r.bits & (1::bigint << array_position(services, a.service_code)) <> 0),
  offer AS (SELECT a.n, CASE WHEN bool_and(p.free_kw IS NOT NULL) THEN least(a.wanted_kw, greatest(min(p.free_kw), 0)) END AS kw FROM a JOIN part p USING (n) GROUP BY a.n, a.wanted_kw)
  SELECT (SELECT jsonb_agg(e || jsonb_build_object('offer_kw', o.kw) ORDER BY o.n) FROM jsonb_array_elements(advice) e JOIN offer o ON o.n = (e ->> 'n')::bigint),
         (SELECT jsonb_agg(to_jsonb(p)) FROM part p)
  INTO advice, limits;

  -- ranked
  SELECT jsonb_agg(to_jsonb(x) ORDER BY x.place) INTO advice FROM (
    SELECT row_number() OVER (ORDER BY coalesce(a.eligible AND a.barred_by = '[]' AND a.offer_kw > 0, false) DESC, a.eligible DESC, a.chance * a.mean * a.mw_h DESC NULLS LAST, a.mean * a.mw_h DESC NULLS LAST,
                                       a.named * a.mw_h DESC NULLS LAST, a.mw_h DESC NULLS LAST, a.n)::integer AS place, a.*
    FROM (SELECT e.*, e.offer_kw / 1000 * e.hours AS mw_h
          FROM jsonb_to_recordset(advice) AS e (n bigint, competition_id bigint, requirement_id bigint, need_id bigint, product_id bigint, market_code text, product_code text, service_code text, utilisation text,
            direction text, delivery_window time_window, wanted_kw numeric, offer_kw numeric, hours numeric, currency text, eligible boolean, missing jsonb, barred_by jsonb, basis text, history bigint, used_share numeric,
            price numeric, chance numeric, chance_low numeric, chance_high numeric, chance_history bigint, low numeric, median numeric, high numeric, mean numeric, named numeric)) a) x;
  -- which of them stand together: what may be expected of those with a history of acceptance first, then what is left for those without
  WITH a AS MATERIALIZED (
    SELECT x.*, coalesce(x.chance * x.mean, x.mean / 10000) AS value, x.eligible AND x.barred_by = '[]' AND x.offer_kw > 0 AS sells,
           x.eligible AND x.barred_by = '[]' AND x.offer_kw > 0 AND x.mean > 0 AND x.currency = (SELECT y.currency FROM jsonb_to_recordset(advice) AS y (currency text, place integer) ORDER BY y.place LIMIT 1) AS fits
    FROM jsonb_to_recordset(advice) AS x (place integer, n bigint, service_code text, utilisation text, direction text, delivery_window time_window, offer_kw numeric, mw_h numeric, currency text, eligible boolean, barred_by jsonb,
                                          mean numeric, chance numeric)),
  rule AS MATERIALIZED (
    SELECT split_part(r.key, ' ', 1) AS service_a, split_part(r.key, ' ', 2) AS service_b, (r.value ->> 0)::boolean AS at_once, (r.value ->> 2)::boolean AS may_follow, (r.value ->> 3)::boolean AS within_day FROM jsonb_each(together) r),
  -- those of one kind are judged once
  kind AS MATERIALIZED (
    SELECT a.service_code, a.direction, a.utilisation = 'scheduled' AS flows, lower(a.delivery_window) AS first, upper(a.delivery_window) AS past, (lower(a.delivery_window) AT TIME ZONE zone)::date AS first_day,
           ((upper(a.delivery_window) - interval '1 microsecond') AT TIME ZONE zone)::date AS last_day, array_agg(a.place) AS places, array_agg(a.place) FILTER (WHERE a.fits) AS fitting
    FROM a WHERE a.sells GROUP BY a.service_code, a.direction, a.utilisation, a.delivery_window),
  barring AS MATERIALIZED (
    SELECT i.places AS ones, j.places AS others, i.fitting AS fitting_ones, j.fitting AS fitting_others
    FROM kind i JOIN rule r ON r.service_a = i.service_code JOIN kind j ON j.service_code = r.service_b
    WHERE CASE WHEN i.first >= j.past OR j.first >= i.past THEN NOT r.may_follow AND (NOT r.within_day OR i.first_day <= j.last_day AND j.first_day <= i.last_day)
               WHEN i.direction = j.direction THEN NOT r.at_once ELSE i.flows AND j.flows END)
  SELECT (SELECT jsonb_agg(jsonb_build_object('order_id', a.place, 'cell', a.place, 'quantity', a.offer_kw, 'price', -a.value * a.mw_h / a.offer_kw) ORDER BY a.place) FROM a WHERE a.fits),
         (SELECT jsonb_agg(jsonb_build_object('exclusion', x.exclusion, 'order_id', x.order_id))
          FROM (SELECT row_number() OVER (ORDER BY p.one, p.other) AS exclusion, ARRAY[p.one, p.other] AS members
                FROM (SELECT o.one, t.other FROM barring b CROSS JOIN LATERAL unnest(b.fitting_ones) AS o (one) CROSS JOIN LATERAL unnest(b.fitting_others) AS t (other) WHERE o.one < t.other) p) e,
               LATERAL (SELECT e.exclusion, unnest(e.members) AS order_id) x),
         (SELECT jsonb_agg(jsonb_build_object('limit_id', l.limit_id, 'order_id', a.place, 'coefficient', a.offer_kw, 'most', l.free_kw))
          FROM (SELECT dense_rank() OVER (ORDER BY p.at, p.direction, p.clique) AS limit_id, p.n, p.free_kw FROM jsonb_to_recordset(limits) AS p (n bigint, at timestamptz, direction text, clique bigint, free_kw numeric)) l
          JOIN a ON a.n = l.n AND a.fits),
         (SELECT jsonb_object_agg(x.place, x.others) FROM (SELECT o.one AS place, jsonb_agg(t.other ORDER BY t.other) AS others FROM barring b CROSS JOIN LATERAL unnest(b.ones) AS o (one) CROSS JOIN LATERAL unnest(b.others) AS t (other) GROUP BY o.one) x)
  INTO orders, exclusions, limits, together;
  IF orders IS NOT NULL THEN
    SELECT jsonb_object_agg(x.order_id, round(x.share::numeric * (o ->> 'quantity')::numeric, 3)), max(c.gap)::numeric INTO kept, gap
    FROM clear_orders(
      format('SELECT * FROM jsonb_to_recordset(%L) AS o (order_id bigint, cell bigint, quantity float8, price float8) ORDER BY order_id', orders),
      format('SELECT cell, quantity, 0::float8, true FROM jsonb_to_recordset(%L) AS o (cell bigint, quantity float8)', orders), NULL,
      format('SELECT * FROM jsonb_to_recordset(%L) AS o (exclusion bigint, order_id bigint) ORDER BY 1, 2', coalesce(exclusions, '[]')), NULL,
      format('SELECT * FROM jsonb_to_recordset(%L) AS o (limit_id bigint, order_id bigint, coefficient float8, most float8) ORDER BY 1, 2', coalesce(limits, '[]')),
      pricing => 'none', max_gap => 0.0001, max_seconds => 5) c
    CROSS JOIN LATERAL unnest(c.order_id, c.share) AS x (order_id, share) JOIN jsonb_array_elements(orders) o ON (o ->> 'order_id')::bigint = x.order_id;
  END IF;

  RETURN QUERY
  SELECT a.place, a.competition_id, a.requirement_id, a.need_id, a.product_id, a.market_code, a.product_code, a.service_code, a.direction, a.delivery_window, a.wanted_kw, a.offer_kw, a.eligible, a.missing, a.barred_by,
         ARRAY(SELECT o::integer FROM jsonb_array_elements_text(coalesce(together -> a.place::text, '[]')) o), a.basis, a.history, a.currency, a.used_share, round(a.price, 4), a.chance, a.chance_low, a.chance_high, a.chance_history,
         round(a.low * a.mw_h, 2), round(a.median * a.mw_h, 2), round(a.high * a.mw_h, 2), round(a.mean * a.mw_h, 2), round(a.chance * a.mean * a.mw_h, 2), round(a.named * a.mw_h, 2),
         nullif((kept ->> a.place::text)::numeric, 0), CASE WHEN (kept ->> a.place::text)::numeric > 0 THEN round(gap, 6) END
  FROM jsonb_to_recordset(advice) AS a (place integer, competition_id bigint, requirement_id bigint, need_id bigint, product_id bigint, market_code text, product_code text, service_code text, direction text,
    delivery_window time_window, wanted_kw numeric, offer_kw numeric, mw_h numeric, currency text, eligible boolean, missing jsonb, barred_by jsonb, basis text, history bigint, used_share numeric, price numeric,
    chance numeric, chance_low numeric, chance_high numeric, chance_history bigint, low numeric, median numeric, high numeric, mean numeric, named numeric)
  ORDER BY a.place;
END
$function$;
COMMENT ON FUNCTION best_products(bigint, time_window, integer, interval) IS
  'what an asset or portfolio of the caller''s could sell in a window, ranked: what it lacks, what bars it, what is free (kW), what it would earn (in the currency of the market, for offer_kw over delivery_window) by the 10, 50 and 90 per cent points and the mean of past prices, the chance that it is taken at their median, and how much of each belongs to the best set that can stand together (best_kw, within best_gap of the best); NULL and "no history" where fewer than least_history trades of look_back tell; places of one row that it would bar are in bars; VOLATILE because it clears, and writes nothing; errors 42501, 22023, 23514';
REVOKE ALL ON FUNCTION best_products(bigint, time_window, integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION best_products(bigint, time_window, integer, interval) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ for a buyer

CREATE OR REPLACE FUNCTION committed_elsewhere(buyer bigint, node bigint, direction text, windows time_window[]) RETURNS TABLE (place bigint, share numeric)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  smallest CONSTANT integer := (SELECT e.smallest_group FROM exchange_instance e);
  known_at CONSTANT time_window := time_window(now(), now() + interval '1 microsecond');
  span CONSTANT time_window := (SELECT time_window(min(lower(w)), max(upper(w))) FROM unnest(windows) w);
  -- the region: all below the topmost node, so that no two regions are part of one another
  region CONSTANT bigint[] := (SELECT array_agg(b.grid_node_id) FROM (SELECT a.grid_node_id FROM grid_nodes_above(node, known_at) a ORDER BY a.steps DESC LIMIT 1) t CROSS JOIN LATERAL grid_nodes_below(t.grid_node_id, known_at) b);
  all_kw numeric;
  -- what the buyer's own group sells it knows
  kin CONSTANT bigint[] := ARRAY(SELECT committed_elsewhere.buyer UNION SELECT o.participant_id FROM participant_group_member g JOIN participant_group_member o USING (participant_group_id)
                                 WHERE g.participant_id = committed_elsewhere.buyer AND g.valid @> now() AND o.valid @> now());
BEGIN
  IF NOT acts_for_exchange() AND NOT coalesce(buyer = current_participant() AND current_participant_is('market_operator'), false) THEN
    RAISE EXCEPTION 'committed_elsewhere: you are not market operator %', coalesce(buyer::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Buyers ask expected_offers(), which asks this.';
  END IF;
  PERFORM check_code(direction, 'committed_elsewhere.direction', 'up', 'down');
  IF region IS NULL THEN
    SELECT sum(CASE committed_elsewhere.direction WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END) INTO all_kw FROM asset a;
  END IF;
  RETURN QUERY
  WITH there AS MATERIALIZED (
    SELECT a.id, CASE committed_elsewhere.direction WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END AS kw FROM asset a WHERE a.grid_node_id = ANY (region)),
  k AS MATERIALIZED (
    SELECT k.unit_id, k.unit_kind, k.service_provider_id AS provider, k.stage, k.power_kw, k.delivery_window FROM commitment k
    WHERE k.closed_at IS NULL AND k.stage <> 'bid' AND k.direction = committed_elsewhere.direction AND k.delivery_window && span AND k.market_operator_id IS DISTINCT FROM committed_elsewhere.buyer
      AND k.service_provider_id <> ALL (kin)),
  -- of assets those there alone; of portfolios all, since their members are
  part AS MATERIALIZED (
    SELECT k.*, t.kw AS most_kw FROM k JOIN there t ON t.id = k.unit_id WHERE k.unit_kind = 'asset'
    UNION ALL SELECT k.*, CASE committed_elsewhere.direction WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END FROM k JOIN asset a ON a.id = k.unit_id WHERE k.unit_kind = 'asset' AND region IS NULL
    UNION ALL SELECT k.*, NULL FROM k WHERE k.unit_kind = 'portfolio'),
  u AS MATERIALIZED (
    SELECT w.place, p.unit_id, p.unit_kind, p.provider, p.most_kw,
           greatest(sum(p.power_kw) FILTER (WHERE p.stage = 'award'), sum(p.power_kw) FILTER (WHERE p.stage = 'availability'), sum(p.power_kw) FILTER (WHERE p.stage = 'dispatch')) AS kw
    FROM part p JOIN unnest(windows) WITH ORDINALITY AS w (during, place) ON p.delivery_window && w.during GROUP BY w.place, p.unit_id, p.unit_kind, p.provider, p.most_kw),
  here AS (
    SELECT u.place, u.provider, least(u.kw, u.most_kw) AS kw FROM u WHERE u.unit_kind = 'asset'
    UNION ALL
    SELECT u.place, u.provider, least(u.kw, sum(CASE committed_elsewhere.direction WHEN 'up' THEN e.flexible_up_kw ELSE e.flexible_down_kw END))
    FROM u JOIN portfolio_member e ON e.portfolio_id = u.unit_id AND e.valid && windows[u.place] JOIN asset a ON a.id = e.asset_id
    WHERE u.unit_kind = 'portfolio' AND (region IS NULL OR a.grid_node_id = ANY (region)) GROUP BY u.place, u.provider, u.unit_id, u.kw)
  SELECT h.place, least(round(round(sum(h.kw) / nullif(coalesce(all_kw, (SELECT sum(t.kw) FROM there t)), 0) * 20) / 20, 2), 1)
  FROM here h
  -- who is under one owner is one
  LEFT JOIN participant_group_member g ON g.participant_id = h.provider AND g.valid @> now()
  GROUP BY h.place HAVING count(DISTINCT coalesce(-g.participant_group_id, h.provider)) >= smallest;
END
$function$;
COMMENT ON FUNCTION committed_elsewhere(bigint, bigint, text, time_window[]) IS
  'for each window (by its place in the array) the share of the kW of a region that other buyers than this one have a call on with others than its own group, in steps of 5 per cent; the region is all below the topmost node above a place (NULL: everywhere), so that no two answers differ by a part of it; no row where fewer than exchange_instance.smallest_group owners are committed, none included; for market operators; errors 42501, 23514; SECURITY DEFINER because it adds up the book of all';
REVOKE ALL ON FUNCTION committed_elsewhere(bigint, bigint, text, time_window[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION committed_elsewhere(bigint, bigint, text, time_window[]) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION need_scope(need_id bigint, OUT products bigint[], OUT specs product_spec[], OUT nodes bigint[], OUT meters bigint[], OUT condition text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  asked need;
  any_will_do boolean;
BEGIN
  SELECT * INTO asked FROM need n WHERE n.id = need_scope.need_id AND (n.market_operator_id = current_participant() OR acts_for_exchange());
  IF NOT FOUND THEN
    RAISE EXCEPTION 'expected_offers: need % is not yours', coalesce(need_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'A market operator asks about needs of its own.';
  END IF;
  SELECT array_agg(DISTINCT p.id), array_agg(p.spec) FILTER (WHERE p.spec IS NOT NULL), coalesce(bool_or(p.spec IS NULL), true) INTO products, specs, any_will_do
  FROM product p JOIN market m ON m.id = p.market_id
  WHERE m.market_operator_id = asked.market_operator_id AND p.service_code = asked.service_code AND (asked.product_id IS NULL OR p.id = asked.product_id) AND p.valid && asked.delivery_window;
  IF asked.grid_node_id IS NOT NULL THEN
    nodes := ARRAY(SELECT g.grid_node_id FROM grid_nodes_below(asked.grid_node_id, time_window(greatest(lower(asked.delivery_window), now()), greatest(lower(asked.delivery_window), now()) + interval '1 microsecond')) g);
    meters := ARRAY(SELECT m.id FROM metering_point m WHERE m.grid_node_id = ANY (nodes));
  END IF;
  -- what is asked for and no more, so that the plan suits it; of one spec the index of profiles may find them
  condition := concat_ws(' AND ', CASE asked.direction WHEN 'up' THEN 'a.qualified_up_kw > 0' ELSE 'a.qualified_down_kw > 0' END,
    CASE WHEN any_will_do THEN NULL WHEN cardinality(specs) = 1 THEN 'a.profile <@ $2[1]' ELSE 'EXISTS (SELECT FROM unnest($2) s WHERE a.profile <@ s)' END,
    CASE WHEN nodes IS NULL THEN NULL WHEN meters = '{}' THEN 'a.grid_node_id = ANY ($1)' ELSE '(a.grid_node_id = ANY ($1) OR a.grid_node_id IS NULL AND a.metering_point_id = ANY ($3))' END);
END
$function$;
COMMENT ON FUNCTION need_scope(bigint) IS
  'which assets a need of the caller''s is about: the products that serve it, their specs, the nodes and meters of its place (NULL: anywhere), and the condition on an asset a, with the nodes as $1, the specs as $2, the meters as $3; error 42501';
REVOKE ALL ON FUNCTION need_scope(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION need_scope(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION who_could_serve(need_id bigint) RETURNS TABLE (technology text, assets bigint, kw numeric, owners jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  scope CONSTANT record := need_scope(need_id);
BEGIN
  -- policy REG-2
  IF NOT acts_for_exchange() AND NOT current_participant_is('market_operator') THEN
    RAISE EXCEPTION 'who_could_serve: you are not a market operator'
      USING ERRCODE = 'insufficient_privilege', HINT = 'Buyers read the register; a provider reads what is its own.';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH provider AS (
      SELECT coalesce(a.technology, 'not said') AS technology, o.service_provider_id, count(*) AS number, sum(a.%1$I) AS kw
      FROM asset a JOIN asset_operator o ON o.asset_id = a.id AND o.valid @> now() WHERE %2$s GROUP BY 1, 2)
    SELECT p.technology, sum(p.number)::bigint, sum(p.kw), jsonb_agg(DISTINCT coalesce(-g.participant_group_id, p.service_provider_id))
    FROM provider p LEFT JOIN participant_group_member g ON g.participant_id = p.service_provider_id AND g.valid @> now() GROUP BY 1 ORDER BY p.technology COLLATE "C"
    $query$, (SELECT CASE n.direction WHEN 'up' THEN 'qualified_up_kw' ELSE 'qualified_down_kw' END FROM need n WHERE n.id = who_could_serve.need_id), scope.condition) USING scope.nodes, scope.specs, scope.meters;
END
$function$;
COMMENT ON FUNCTION who_could_serve(bigint) IS
  'assets that somebody operates and that meet a need of the caller''s, by technology: how many, their kW, and their owners (ids of participants, of a group its own below zero); error 42501; SECURITY DEFINER because row-level security keeps a million assets from being joined with their operators in time: it gives what policy REG-2 lets a market operator read';
REVOKE ALL ON FUNCTION who_could_serve(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION who_could_serve(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION expected_offers(need_id bigint, least_history integer DEFAULT 5, look_back interval DEFAULT '1 year')
RETURNS TABLE (
  delivery_window time_window, wanted_kw numeric, technology text, providers bigint, assets bigint, eligible_kw numeric, committed_kw numeric, elsewhere_share numeric, free_kw numeric,
  basis text, competitions bigint, low_kw numeric, median_kw numeric, high_kw numeric, mean_kw numeric,
  price_basis text, bids bigint, low_availability_price numeric, median_availability_price numeric, high_availability_price numeric, low_utilisation_price numeric, median_utilisation_price numeric,
  high_utilisation_price numeric, taken_share numeric, taken_low numeric, taken_high numeric)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  asked need;
  scope record;
  smallest CONSTANT integer := (SELECT e.smallest_group FROM exchange_instance e);
  spans time_window[];
  wanted numeric[];
  technologies text[];
  kw numeric[];
  number bigint[];
  owners jsonb;
  hidden boolean[];
  groups jsonb;
BEGIN
  scope := need_scope(need_id);
  SELECT * INTO asked FROM need n WHERE n.id = expected_offers.need_id;
  PERFORM check_positive(least_history, 'expected_offers.least_history'), check_positive(extract(epoch FROM look_back), 'expected_offers.look_back, in seconds,');
  SELECT array_agg(w.delivery_window ORDER BY lower(w.delivery_window)), array_agg(w.power_kw ORDER BY lower(w.delivery_window)) INTO spans, wanted
  FROM need_window w WHERE resource_window(w.need_id, w.delivery_window) && resource_window(expected_offers.need_id, '-infinity/infinity');
  IF spans IS NULL THEN
    spans := ARRAY[asked.delivery_window];
    wanted := ARRAY[asked.power_kw];
  END IF;
  -- who could, by technology; of too few owners, together
  SELECT array_agg(w.technology), array_agg(w.assets), array_agg(w.kw), jsonb_agg(w.owners) INTO technologies, number, kw, owners FROM who_could_serve(need_id) w;
  hidden := hidden_cells(array_fill('all'::text, ARRAY[coalesce(cardinality(technologies), 0)]), technologies, owners, kw, smallest);
  SELECT jsonb_agg(to_jsonb(x)) INTO groups
  FROM (WITH t AS (SELECT CASE WHEN hidden[i] THEN 'other' ELSE technologies[i] END AS label, technologies[i] AS technology, number[i] AS number, kw[i] AS kw, owners -> (i - 1) AS owners FROM generate_subscripts(technologies, 1) i)
        SELECT t.label, jsonb_agg(t.technology) AS technologies, sum(t.number)::bigint AS number, sum(t.kw) AS kw,
               (SELECT count(DISTINCT o.owner) FROM t w CROSS JOIN LATERAL jsonb_array_elements(w.owners) AS o (owner) WHERE w.label = t.label) AS owners
        FROM t GROUP BY t.label) x;
  IF (SELECT coalesce(min((g ->> 'owners')::bigint), 0) FROM jsonb_array_elements(groups) g) < smallest THEN
    RETURN QUERY SELECT w.during, w.kw, NULL::text, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, format('fewer than %s owners', smallest), NULL::bigint,
                        NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::text, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric, NULL::numeric,
                        NULL::numeric, NULL::numeric, NULL::numeric FROM unnest(spans, wanted) AS w (during, kw) ORDER BY lower(w.during);
    RETURN;
  END IF;

  RETURN QUERY EXECUTE format($query$
    WITH span AS MATERIALIZED (SELECT s.place, s.during, s.wanted_kw FROM unnest($4, $5) WITH ORDINALITY AS s (during, wanted_kw, place)),
    grp AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($6) AS g (label text, technologies jsonb, number bigint, kw numeric, owners bigint)),
    mine AS MATERIALIZED (
      SELECT k.unit_id, k.stage, k.power_kw, k.delivery_window FROM commitment k
      WHERE k.closed_at IS NULL AND k.stage <> 'bid' AND k.market_operator_id = $7 AND k.direction = %1$L AND k.delivery_window && $8),
    tried AS MATERIALIZED (
      SELECT b.bid_id AS id, b.competition_id, b.product_id, b.unit_id, b.service_provider_id, b.power_kw, b.delivery_window, b.availability, b.utilisation, b.taken
      FROM decided_bids(NULL, $10, $9) b JOIN competition c ON c.id = b.competition_id WHERE c.status <> 'cancelled' AND b.direction = %1$L AND b.status NOT IN ('withdrawn', 'held')),
    -- of what a unit is made: itself, or the members of a portfolio by what they lend
    part AS MATERIALIZED (
      SELECT a.id AS unit_id, g.label, 1::numeric AS share, a.qualified_%1$s_kw AS most_kw
      FROM (SELECT unit_id FROM mine UNION SELECT unit_id FROM tried) u JOIN asset a ON a.id = u.unit_id JOIN grp g ON g.technologies ? coalesce(a.technology, 'not said') WHERE %2$s
      UNION ALL
      SELECT e.portfolio_id, g.label, sum(e.flexible_%1$s_kw) / nullif(max(w.kw), 0), sum(e.flexible_%1$s_kw)
      FROM (SELECT unit_id FROM mine UNION SELECT unit_id FROM tried) u JOIN portfolio_member e ON e.portfolio_id = u.unit_id AND e.valid @> now() JOIN asset a ON a.id = e.asset_id
      JOIN grp g ON g.technologies ? coalesce(a.technology, 'not said')
      JOIN LATERAL (SELECT sum(y.flexible_%1$s_kw) AS kw FROM portfolio_member y WHERE y.portfolio_id = u.unit_id AND y.valid @> now()) w ON true
      WHERE %2$s GROUP BY e.portfolio_id, g.label),
    committed AS (
      SELECT x.place, p.label, sum(least(x.kw * p.share, p.most_kw)) AS kw
      FROM (SELECT s.place, k.unit_id, greatest(sum(k.power_kw) FILTER (WHERE k.stage = 'award'), sum(k.power_kw) FILTER (WHERE k.stage = 'availability'), sum(k.power_kw) FILTER (WHERE k.stage = 'dispatch')) AS kw
            FROM mine k JOIN span s ON s.during && k.delivery_window GROUP BY 1, 2) x JOIN part p USING (unit_id) GROUP BY 1, 2),
    elsewhere AS (SELECT e.place, e.share FROM committed_elsewhere($7, $11, %1$L, $4) e),
    -- how much of it came forward when the same was asked for at the same place
    asked AS MATERIALIZED (
      SELECT r.id, r.competition_id, r.product_id, r.delivery_window FROM competition c JOIN competition_requirement r ON r.competition_id = c.id
      WHERE c.gate_closes_at <= now() AND c.gate_closes_at >= now() - $9 AND c.status <> 'cancelled' AND r.product_id = ANY ($10) AND r.direction = %1$L AND r.grid_node_id IS NOT DISTINCT FROM $11),
    came AS (
      SELECT r.id, g.label, least(coalesce(sum(x.kw), 0) / g.kw, 1) AS rate
      FROM asked r CROSS JOIN grp g LEFT JOIN LATERAL (
        SELECT max(t.power_kw * p.share) AS kw FROM tried t JOIN part p USING (unit_id)
        WHERE t.competition_id = r.competition_id AND t.product_id = r.product_id AND t.delivery_window && r.delivery_window AND p.label = g.label GROUP BY t.unit_id) x ON true
      GROUP BY r.id, g.label, g.kw),
    rate AS (
      SELECT c.label, count(*) AS number, avg(c.rate) AS mean, percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY c.rate::float8) AS points FROM came c GROUP BY c.label HAVING count(*) >= $12),
    -- what was asked for it: by the group at the place, by all at the place, by all; the first that is of enough bids of enough owners
    told AS MATERIALIZED (
      SELECT x.label, x.level, count(DISTINCT t.id) AS bids, count(DISTINCT coalesce(-m.participant_group_id, t.service_provider_id)) AS owners,
             percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY t.availability::float8) AS availability, percentile_cont(ARRAY[0.1, 0.5, 0.9]) WITHIN GROUP (ORDER BY t.utilisation::float8) AS utilisation,
             count(DISTINCT coalesce(-m.participant_group_id, t.service_provider_id)) FILTER (WHERE t.availability IS NOT NULL) AS availability_owners, count(t.availability) AS availability_bids,
             count(DISTINCT coalesce(-m.participant_group_id, t.service_provider_id)) FILTER (WHERE t.utilisation IS NOT NULL) AS utilisation_owners, count(t.utilisation) AS utilisation_bids,
             count(*) FILTER (WHERE t.taken) AS met, count(t.taken) AS decided, count(DISTINCT coalesce(-m.participant_group_id, t.service_provider_id)) FILTER (WHERE t.taken IS NOT NULL) AS decided_owners
      FROM (SELECT p.unit_id, p.label, 1 AS level FROM part p UNION ALL SELECT DISTINCT p.unit_id, NULL, 2 FROM part p UNION ALL SELECT DISTINCT t.unit_id, NULL, 3 FROM tried t) x
      JOIN tried t USING (unit_id) LEFT JOIN participant_group_member m ON m.participant_id = t.service_provider_id AND m.valid @> now()
      GROUP BY x.label, x.level HAVING count(DISTINCT t.id) >= $12 AND count(DISTINCT coalesce(-m.participant_group_id, t.service_provider_id)) >= $13)
    SELECT s.during, s.wanted_kw, g.label, g.owners, g.number, g.kw, round(coalesce(k.kw, 0), 3), e.share, f.kw,
           CASE WHEN r.label IS NULL THEN 'no history' ELSE 'offers at the place' END, (SELECT count(*) FROM asked),
           round((f.kw * r.points[1])::numeric, 3), round((f.kw * r.points[2])::numeric, 3), round((f.kw * r.points[3])::numeric, 3), round(f.kw * r.mean, 3),
           CASE t.level WHEN 1 THEN 'group at the place' WHEN 2 THEN 'all at the place' WHEN 3 THEN 'all' ELSE 'no history' END, coalesce(t.bids, 0),
           round(t.a[1]::numeric, 4), round(t.a[2]::numeric, 4), round(t.a[3]::numeric, 4), round(t.u[1]::numeric, 4), round(t.u[2]::numeric, 4), round(t.u[3]::numeric, 4), i.share, i.low, i.high
    FROM span s CROSS JOIN grp g LEFT JOIN committed k ON k.place = s.place AND k.label = g.label LEFT JOIN elsewhere e ON e.place = s.place
    CROSS JOIN LATERAL (SELECT greatest(round(g.kw - coalesce(k.kw, 0) - coalesce(e.share, 0) * g.kw, 3), 0) AS kw) f
    LEFT JOIN rate r ON r.label = g.label
    LEFT JOIN LATERAL (
      SELECT d.level, d.bids, d.met, CASE WHEN d.decided >= $12 AND d.decided_owners >= $13 THEN d.decided END AS decided,
             CASE WHEN d.availability_bids >= $12 AND d.availability_owners >= $13 THEN d.availability END AS a, CASE WHEN d.utilisation_bids >= $12 AND d.utilisation_owners >= $13 THEN d.utilisation END AS u
      FROM told d WHERE d.label = g.label OR d.label IS NULL ORDER BY d.level LIMIT 1) t ON true
    LEFT JOIN LATERAL share_interval(t.met, t.decided) i ON t.decided IS NOT NULL
    ORDER BY lower(s.during), g.label = 'other', g.label COLLATE "C"
    $query$, asked.direction, scope.condition)
  USING scope.nodes, scope.specs, scope.meters, spans, wanted, groups, asked.market_operator_id, (SELECT time_window(min(lower(x)), max(upper(x))) FROM unnest(spans) x), look_back, scope.products, asked.grid_node_id, least_history, smallest;
END
$function$;
COMMENT ON FUNCTION expected_offers(bigint, integer, interval) IS
  'what may be offered for a need of the caller''s, by window and technology, technologies of too few owners together as other: owners and assets that are eligible and operated at the place, their kW, less what they have promised to the caller (a commitment that overlaps the window counts whole, of its stages the greatest) and the share that others have a call on in the region (NULL: of too few, and not subtracted), times the share of the eligible kW that came forward when the same was asked for at the same place (10, 50, 90 per cent points and mean); what bids asked (per MW and hour, per MWh), and how many were taken; NULL and "no history" of fewer than least_history competitions or bids of look_back, or of fewer than exchange_instance.smallest_group owners; errors 42501, 23514';
REVOKE ALL ON FUNCTION expected_offers(bigint, integer, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION expected_offers(bigint, integer, interval) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
