-- archetype: medium
-- Charts: pictures of the market, as SVG, drawn by the kit of schema flexexchange.
--
-- They run as their caller, below row-level security: a provider's picture is of its own trades, a buyer's of what
-- it buys, the operator's of everything.  What the caller has no right to at all (an analyst has none to trades) is
-- refused, as if the table had been read; where it is one part of a picture among others, it is left out.
--
-- A window that is not given is that of what is drawn, out to whole local days.  MW and hours are counted within
-- the window.

CREATE OR REPLACE FUNCTION may_read(VARIADIC tables text[]) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce(bool_and(has_table_privilege(to_regclass(t), 'SELECT')), false) FROM unnest(tables) t
$function$;
COMMENT ON FUNCTION may_read(text[]) IS 'may the caller read these tables of the exchange at all; which of their rows is for row-level security to say';
REVOKE ALL ON FUNCTION may_read(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION may_read(text[]) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_scope(market_code text, product_code text, OUT zone text, OUT currency text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  SELECT m.time_zone, m.currency INTO zone, currency FROM market m WHERE m.code = chart_scope.market_code;
  IF NOT FOUND AND chart_scope.market_code IS NOT NULL THEN
    RAISE EXCEPTION 'unknown market %', quote_literal(left(chart_scope.market_code, 64))
      USING ERRCODE = 'MX105', HINT = format('Markets: %s.', coalesce((SELECT string_agg(c.code, ', ' ORDER BY c.code COLLATE "C") FROM (SELECT m.code FROM market m ORDER BY m.code COLLATE "C" LIMIT 12) c), 'none'));
  END IF;
  IF chart_scope.product_code IS NOT NULL AND NOT EXISTS (
    SELECT FROM product p JOIN market m ON m.id = p.market_id WHERE p.code = chart_scope.product_code AND (chart_scope.market_code IS NULL OR m.code = chart_scope.market_code)) THEN
    RAISE EXCEPTION 'unknown product %', quote_literal(left(chart_scope.product_code, 64)) || CASE WHEN chart_scope.market_code IS NULL THEN '' ELSE format(' of market %L', chart_scope.market_code) END
      USING ERRCODE = 'MX102', HINT = format('Products: %s.', coalesce((SELECT string_agg(c.code, ', ' ORDER BY c.code COLLATE "C") FROM (
        SELECT DISTINCT p.code FROM product p JOIN market m ON m.id = p.market_id WHERE chart_scope.market_code IS NULL OR m.code = chart_scope.market_code ORDER BY 1 LIMIT 20) c), 'none'));
  END IF;
  zone := coalesce(zone, (SELECT i.time_zone FROM exchange_instance i));
END
$function$;
COMMENT ON FUNCTION chart_scope(text, text) IS
  'time zone and currency of a market (no currency, and the zone of the exchange, for NULL: all markets); errors MX105 for an unknown market, MX102 for an unknown product';
REVOKE ALL ON FUNCTION chart_scope(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_scope(text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_span(span time_window, since timestamptz, until timestamptz, zone text) RETURNS time_window
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN b.since < b.until THEN time_window(b.since, b.until) END
  FROM (SELECT CASE WHEN lower(span) > '-infinity' THEN lower(span) ELSE local_midnight((since AT TIME ZONE zone)::date, zone) END AS since,
               CASE WHEN upper(span) < 'infinity' THEN upper(span) ELSE local_midnight(((until - interval '1 microsecond') AT TIME ZONE zone)::date + 1, zone) END AS until) b
$function$;
COMMENT ON FUNCTION chart_span(time_window, timestamptz, timestamptz, text) IS
  'the window of a chart: as asked, and where that leaves an end open, out to the local day of the first and last of what is drawn; NULL where nothing is';
REVOKE ALL ON FUNCTION chart_span(time_window, timestamptz, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_span(time_window, timestamptz, timestamptz, text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION drawn_trades(subject text, market_code text DEFAULT NULL, product_code text DEFAULT NULL, delivery time_window DEFAULT NULL)
RETURNS TABLE (trade_id bigint, product_id bigint, product_name text, service_code text, market text, currency text, unit_id bigint, technology text, service_provider_id bigint,
               direction text, power_kw numeric, delivery_window time_window, mw_h numeric, availability_price_per_mw_h numeric, utilisation_price_per_mwh numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  IF subject IS NULL OR subject NOT IN ('bid', 'award', 'availability', 'dispatch') THEN
    RAISE EXCEPTION 'unknown kind of trade: %', coalesce(quote_literal(left(subject, 64)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It is bid, award, availability or dispatch.';
  END IF;
  RETURN QUERY
  SELECT t.id, t.product_id, p.name, p.service_code, m.code, m.currency, t.unit_id, coalesce(a.technology, f.technology), t.service_provider_id, t.direction, t.power_kw::numeric, t.delivery_window,
         CASE WHEN isfinite(e.since) AND isfinite(e.until) THEN t.power_kw / 1000 * extract(epoch FROM e.until - e.since) / 3600 END, t.availability_price_per_mw_h::numeric, t.utilisation_price_per_mwh::numeric
  FROM trade t JOIN product p ON p.id = t.product_id JOIN market m ON m.id = p.market_id LEFT JOIN asset a ON a.id = t.asset_id LEFT JOIN portfolio f ON f.id = t.portfolio_id
  CROSS JOIN LATERAL (SELECT greatest(lower(t.delivery_window), lower(delivery)) AS since, least(upper(t.delivery_window), upper(delivery)) AS until) e
  WHERE t.subject = drawn_trades.subject AND (t.live OR t.subject = 'bid' AND t.status NOT IN ('withdrawn', 'held')) AND (drawn_trades.market_code IS NULL OR m.code = drawn_trades.market_code)
    AND (drawn_trades.product_code IS NULL OR p.code = drawn_trades.product_code) AND (delivery IS NULL OR t.delivery_window && delivery);
END
$function$;
COMMENT ON FUNCTION drawn_trades(text, text, text, time_window) IS
  'the trades of a kind that charts and reports are made of and the caller may read: awards, availability and dispatches that are live, bids that were not withdrawn and are not held, as in price_and_volume; mw_h is power times the hours within the window given, NULL where that has no end; error 22023 for an unknown kind';
REVOKE ALL ON FUNCTION drawn_trades(text, text, text, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION drawn_trades(text, text, text, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION subject_words(subject text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE subject WHEN 'bid' THEN 'offered' WHEN 'award' THEN 'awarded' WHEN 'availability' THEN 'declared' WHEN 'dispatch' THEN 'instructed' ELSE subject END;
COMMENT ON FUNCTION subject_words(text) IS 'what the trades of a kind are, in a word';
REVOKE ALL ON FUNCTION subject_words(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subject_words(text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ---------------------------------------------------------------- prices and volumes

CREATE OR REPLACE FUNCTION chart_price_duration(market_code text DEFAULT NULL, product_code text DEFAULT NULL, delivery time_window DEFAULT NULL,
                                                subject text DEFAULT 'dispatch', price text DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  kind CONSTANT text := coalesce(price, CASE WHEN subject = 'availability' THEN 'availability' ELSE 'utilisation' END);
  unit CONSTANT text := CASE WHEN kind = 'availability' THEN 'MW h' ELSE 'MWh' END;
  currencies text[];
  names text[];
  amounts numeric[];
  prices numeric[];
  unpriced bigint;
BEGIN
  IF kind NOT IN ('availability', 'utilisation') OR (subject, kind) IN (('dispatch', 'availability'), ('availability', 'utilisation')) THEN
    RAISE EXCEPTION 'no price % of %', quote_literal(left(kind, 64)), left(subject, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Bids and awards have prices of availability and utilisation, availability has the former, dispatches the latter.';
  END IF;
  PERFORM chart_scope(market_code, product_code);
  SELECT array_agg(t.product_name ORDER BY t.price DESC, t.trade_id), array_agg(t.mw_h ORDER BY t.price DESC, t.trade_id), array_agg(t.price ORDER BY t.price DESC, t.trade_id),
         array_agg(DISTINCT t.currency) FILTER (WHERE t.price IS NOT NULL), count(*) FILTER (WHERE t.price IS NULL)
    INTO names, amounts, prices, currencies, unpriced
  FROM (SELECT d.*, CASE kind WHEN 'availability' THEN d.availability_price_per_mw_h ELSE d.utilisation_price_per_mwh END AS price
        FROM drawn_trades(subject, market_code, product_code, delivery) d) t;
  IF cardinality(currencies) > 1 THEN
    RAISE EXCEPTION 'prices in %', array_to_string(currencies, ', ')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Name a market: prices of one chart are in one currency.';
  END IF;
  RETURN chart_steps(
    format('Prices of %s %s, highest first', kind, subject_words(subject)),
    format('%s%s, over the volume %s at that price or above%s', coalesce(product_code, 'by product'), coalesce(' of ' || market_code, ''), subject_words(subject),
           CASE WHEN unpriced > 0 THEN format('; %s without a price are left out', chart_number(unpriced)) ELSE '' END),
    unit, coalesce(currencies[1] || '/' || unit, unit), names, amounts, prices, width);
END
$function$;
COMMENT ON FUNCTION chart_price_duration(text, text, time_window, text, text, integer) IS
  'SVG: for each product the prices of its trades (bid, award, availability or dispatch), highest first, over cumulative MW and hours; price is utilisation or availability; all markets of one currency, or one market, and product; errors MX105, MX102, 22023';
REVOKE ALL ON FUNCTION chart_price_duration(text, text, time_window, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_price_duration(text, text, time_window, text, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_volume_by_product(market_code text DEFAULT NULL, delivery time_window DEFAULT NULL, subject text DEFAULT 'dispatch',
                                                   resolution text DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  scope CONSTANT record := chart_scope(market_code, NULL);
  local_zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  span time_window;
  step text;
  periods time_window[];
  names text[];
  amounts numeric[];
  unit text;
BEGIN
  -- to the end of the last delivery, if it takes only days; else to that of the day on which the last delivery begins
  SELECT chart_span(delivery, min(t.since), CASE WHEN max(t.until) - min(t.since) <= interval '5 days' THEN max(t.until) ELSE max(t.since) + interval '1 microsecond' END, scope.zone) INTO span
  FROM (SELECT nullif(lower(d.delivery_window), '-infinity') AS since, nullif(upper(d.delivery_window), 'infinity') AS until FROM drawn_trades(subject, market_code, NULL, delivery) d) t;
  step := chart_check_resolution(resolution, span);
  unit := CASE WHEN step IN ('half hour', 'hour') THEN 'MW' WHEN subject = 'dispatch' THEN 'MWh' ELSE 'MW h' END;
  IF unit <> 'MW' AND scope.zone = local_zone AND lower(span) = local_midnight((lower(span) AT TIME ZONE local_zone)::date, local_zone) AND upper(span) = local_midnight((upper(span) AT TIME ZONE local_zone)::date, local_zone) THEN
    -- whole days have been added up
    SELECT array_agg(s.period ORDER BY s.period, s.name COLLATE "C"), array_agg(s.name ORDER BY s.period, s.name COLLATE "C"), array_agg(s.amount ORDER BY s.period, s.name COLLATE "C") INTO periods, names, amounts
    FROM (SELECT time_window(date_trunc(step, v.day::timestamp) AT TIME ZONE local_zone, (date_trunc(step, v.day::timestamp) + CASE step WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || step)::interval END) AT TIME ZONE local_zone) AS period,
                 p.name, sum(v.mw_h) AS amount
          FROM trade_volume v JOIN product p ON p.id = v.product_id
          WHERE v.subject = chart_volume_by_product.subject AND (chart_volume_by_product.market_code IS NULL OR v.market_code = chart_volume_by_product.market_code)
            AND v.day >= (lower(span) AT TIME ZONE local_zone)::date AND v.day < (upper(span) AT TIME ZONE local_zone)::date
            AND CASE v.subject WHEN 'bid' THEN v.status NOT IN ('withdrawn', 'held') WHEN 'award' THEN v.status IN ('awarded', 'completed') WHEN 'availability' THEN v.status IN ('accepted', 'completed')
                               ELSE v.status IN ('instructed', 'acknowledged', 'executing', 'stopped', 'completed', 'failed') END
          GROUP BY 1, 2) s;
  ELSIF span IS NOT NULL THEN
    SELECT array_agg(s.period ORDER BY s.period, s.product_name COLLATE "C"), array_agg(s.product_name ORDER BY s.period, s.product_name COLLATE "C"), array_agg(s.amount ORDER BY s.period, s.product_name COLLATE "C")
      INTO periods, names, amounts
    FROM (SELECT w.period, t.product_name, sum(t.power_kw / 1000 * w.hours) / CASE step WHEN 'half hour' THEN 0.5 ELSE 1 END AS amount
          FROM drawn_trades(subject, market_code, NULL, span) t CROSS JOIN LATERAL window_pieces(t.delivery_window, span, step, scope.zone) w GROUP BY 1, 2) s;
  END IF;
  RETURN CASE WHEN periods IS NULL THEN chart_nothing(format('Volume %s, by product', subject_words(subject)), '', width)
    ELSE chart_columns(format('Volume %s, by product', subject_words(subject)),
      format('%s, local time of %s', CASE WHEN unit = 'MW' THEN 'mean MW in each ' || step ELSE format('%s in each %s', unit, step) END, scope.zone), unit, span, scope.zone, periods, names, amounts, width => width, additive => unit <> 'MW') END;
END
$function$;
COMMENT ON FUNCTION chart_volume_by_product(text, time_window, text, text, integer) IS
  'SVG: volume of trades (bid, award, availability or dispatch) over time, by product: MW and hours in each day, week, month, quarter or year, of whole days as trade_volume has them, by the day on which delivery begins; mean MW in each hour or half hour; the period is chosen to fit the window unless it is given; errors MX105, 22023';
REVOKE ALL ON FUNCTION chart_volume_by_product(text, time_window, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_volume_by_product(text, time_window, text, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_check_resolution(resolution text, span time_window) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF resolution NOT IN ('half hour', 'hour', 'day', 'week', 'month', 'quarter', 'year') THEN
    RAISE EXCEPTION 'unknown period %', quote_literal(left(resolution, 64))
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It is half hour, hour, day, week, month, quarter or year, or NULL: what suits the window.';
  END IF;
  RETURN coalesce(resolution, chart_resolution(span));
END
$function$;
COMMENT ON FUNCTION chart_check_resolution(text, time_window) IS 'the period asked for, or what suits the window; error 22023 for one that is not known';
REVOKE ALL ON FUNCTION chart_check_resolution(text, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_check_resolution(text, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ---------------------------------------------------------------- competition and need

CREATE OR REPLACE FUNCTION chart_merit_order(competition_id bigint, at timestamptz DEFAULT NULL, direction text DEFAULT NULL, price text DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  offered record;
  instant timestamptz := chart_merit_order.at;
  way text := chart_merit_order.direction;
  kind text := chart_merit_order.price;
  need_kw numeric;
  ceiling numeric;
  unpriced bigint;
  classes text[];
  names text[];
  powers numeric[];
  prices numeric[];
BEGIN
  SELECT c.name, c.gate_closes_at, c.product_id, p.name AS product_name, m.time_zone, m.currency INTO offered
  FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id WHERE c.id = competition_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unknown competition %', coalesce(competition_id::text, 'NULL') USING ERRCODE = 'MX105', HINT = 'Look into table competition.';
  END IF;
  IF way NOT IN ('up', 'down') OR kind NOT IN ('availability', 'utilisation') THEN
    RAISE EXCEPTION 'no merit order of direction % and price %', coalesce(left(way, 64), 'NULL'), coalesce(left(kind, 64), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The direction is up or down, the price availability or utilisation; NULL: what most of the bids have.';
  END IF;
  IF way IS NULL THEN
    SELECT b.direction INTO way FROM bid b WHERE b.competition_id = chart_merit_order.competition_id GROUP BY b.direction ORDER BY sum(b.power_kw) DESC, b.direction DESC LIMIT 1;
  END IF;
  -- the instant for which most is offered, unless one is given
  IF instant IS NULL THEN
    SELECT e.instant INTO instant
    FROM (SELECT v.instant, sum(sum(v.kw)) OVER (ORDER BY v.instant) AS offered_kw
          FROM bid b CROSS JOIN LATERAL (VALUES (lower(b.delivery_window), b.power_kw), (upper(b.delivery_window), -b.power_kw)) AS v (instant, kw)
          WHERE b.competition_id = chart_merit_order.competition_id AND b.direction = way AND b.status <> 'withdrawn' GROUP BY v.instant) e
    WHERE isfinite(e.instant) ORDER BY e.offered_kw DESC, e.instant LIMIT 1;
  END IF;
  IF kind IS NULL THEN
    SELECT CASE WHEN count(b.utilisation_price_per_mwh) >= count(b.availability_price_per_mw_h) THEN 'utilisation' ELSE 'availability' END INTO kind
    FROM bid b WHERE b.competition_id = chart_merit_order.competition_id AND b.direction = way;
  END IF;
  SELECT array_agg(b.class ORDER BY b.price, b.class, b.id) FILTER (WHERE b.price IS NOT NULL), array_agg(b.name ORDER BY b.price, b.class, b.id) FILTER (WHERE b.price IS NOT NULL),
         array_agg(b.power_kw ORDER BY b.price, b.class, b.id) FILTER (WHERE b.price IS NOT NULL), array_agg(b.price ORDER BY b.price, b.class, b.id) FILTER (WHERE b.price IS NOT NULL), count(*) FILTER (WHERE b.price IS NULL)
    INTO classes, names, powers, prices, unpriced
  FROM (SELECT b.id, b.power_kw, p.name, CASE kind WHEN 'availability' THEN b.availability_price_per_mw_h ELSE b.utilisation_price_per_mwh END AS price,
               CASE WHEN b.status = 'lapsed' OR b.status = 'submitted' AND offered.gate_closes_at <= now() THEN 'not awarded' WHEN b.status = 'submitted' THEN 'not decided' ELSE b.status END AS class
        FROM bid b JOIN participant p ON p.id = b.service_provider_id
        WHERE b.competition_id = chart_merit_order.competition_id AND b.direction = way AND b.status <> 'withdrawn' AND lower(b.delivery_window) <= instant AND instant < upper(b.delivery_window)) b;
  SELECT sum(coalesce(w.power_kw, n.power_kw)), max(CASE kind WHEN 'availability' THEN n.guide_availability_price_per_mw_h ELSE n.guide_price_per_mwh END) INTO need_kw, ceiling
  FROM need n LEFT JOIN need_window w ON w.need_id = n.id AND lower(w.delivery_window) <= instant AND instant < upper(w.delivery_window)
  WHERE n.product_id = offered.product_id AND n.direction = way AND n.status IN ('published', 'met', 'expired') AND lower(n.delivery_window) <= instant AND instant < upper(n.delivery_window)
    AND (w.need_id IS NOT NULL OR NOT EXISTS (SELECT FROM need_window o WHERE o.need_id = n.id));
  RETURN CASE WHEN classes IS NULL THEN chart_nothing('Merit order: ' || offered.name, '', width, 'No bids that you may read.')
    ELSE chart_blocks('Merit order: ' || offered.name,
      format('%s %s, bids for %s (%s), by price of %s%s', offered.product_name, way, to_char(instant AT TIME ZONE offered.time_zone, 'FMDD Mon YYYY HH24:MI'), offered.time_zone, kind,
             CASE WHEN unpriced > 0 THEN format('; %s without one are left out', unpriced) ELSE '' END),
      'MW', offered.currency || CASE kind WHEN 'availability' THEN '/MW h' ELSE '/MWh' END, classes, names, ARRAY(SELECT p.kw / 1000 FROM unnest(powers) WITH ORDINALITY AS p (kw, place) ORDER BY p.place), prices,
      need_kw / 1000, format('need %s MW', chart_number(need_kw / 1000)), ceiling, format('ceiling %s', chart_number(ceiling)), width, ARRAY['awarded', 'not awarded', 'not decided', 'held', 'rejected']) END;
END
$function$;
COMMENT ON FUNCTION chart_merit_order(bigint, timestamptz, text, text, integer) IS
  'SVG: the bids of a competition that cover an instant (unless given, that for which most is offered) in order of price, over cumulative MW: which were awarded, and, where the product has a published need then, how much and the guide price as ceiling; errors MX105, 22023';
REVOKE ALL ON FUNCTION chart_merit_order(bigint, timestamptz, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_merit_order(bigint, timestamptz, text, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION need_and_offers(market_operator_id bigint DEFAULT NULL, service_code text DEFAULT NULL, direction text DEFAULT NULL, delivery time_window DEFAULT NULL, resolution text DEFAULT NULL)
RETURNS TABLE (period time_window, need_mw_h numeric, awarded_mw_h numeric, offered_mw_h numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  sees_offers CONSTANT boolean := may_read('bid', 'award');
  span time_window;
  step text;
BEGIN
  IF service_code IS NOT NULL AND NOT EXISTS (SELECT FROM service s WHERE s.code = need_and_offers.service_code) THEN
    RAISE EXCEPTION 'unknown service %', quote_literal(left(service_code, 64)) USING ERRCODE = 'invalid_parameter_value', HINT = 'Codes stand in table service.';
  END IF;
  IF market_operator_id IS NOT NULL AND NOT EXISTS (SELECT FROM participant p WHERE p.id = need_and_offers.market_operator_id AND 'market_operator' = ANY (p.kinds)) THEN
    RAISE EXCEPTION 'participant % is no market operator', market_operator_id USING ERRCODE = 'MX103', HINT = 'Look into table participant.';
  END IF;
  IF direction NOT IN ('up', 'down') THEN
    RAISE EXCEPTION 'unknown direction %', quote_literal(left(direction, 64)) USING ERRCODE = 'invalid_parameter_value', HINT = 'It is up or down, or NULL: both.';
  END IF;
  SELECT chart_span(delivery, min(lower(n.delivery_window)) FILTER (WHERE lower(n.delivery_window) > '-infinity'), max(upper(n.delivery_window)) FILTER (WHERE upper(n.delivery_window) < 'infinity'), zone) INTO span
  FROM need n
  WHERE n.status IN ('published', 'met', 'expired') AND (need_and_offers.market_operator_id IS NULL OR n.market_operator_id = need_and_offers.market_operator_id)
    AND (need_and_offers.service_code IS NULL OR n.service_code = need_and_offers.service_code) AND (need_and_offers.direction IS NULL OR n.direction = need_and_offers.direction);
  step := chart_check_resolution(resolution, span);
  RETURN QUERY
  WITH wanted AS (
    SELECT coalesce(w.delivery_window, n.delivery_window) AS delivery_window, coalesce(w.power_kw, n.power_kw) AS power_kw
    FROM need n LEFT JOIN need_window w ON w.need_id = n.id
    WHERE n.status IN ('published', 'met', 'expired') AND (need_and_offers.market_operator_id IS NULL OR n.market_operator_id = need_and_offers.market_operator_id)
      AND (need_and_offers.service_code IS NULL OR n.service_code = need_and_offers.service_code) AND (need_and_offers.direction IS NULL OR n.direction = need_and_offers.direction)
      AND coalesce(w.delivery_window, n.delivery_window) && span
  ), pieces AS (
    SELECT p.period, sum(w.power_kw / 1000 * p.hours) AS need_mw_h, NULL::numeric AS awarded_mw_h, NULL::numeric AS offered_mw_h
    FROM wanted w CROSS JOIN LATERAL window_pieces(w.delivery_window, span, step, zone) p GROUP BY 1
    UNION ALL
    SELECT p.period, NULL, sum(o.power_kw / 1000 * p.hours) FILTER (WHERE o.awarded), sum(o.power_kw / 1000 * p.hours) FILTER (WHERE NOT o.awarded)
    FROM offered_power(need_and_offers.market_operator_id, need_and_offers.service_code, need_and_offers.direction, span, sees_offers) o
    CROSS JOIN LATERAL window_pieces(o.delivery_window, span, step, zone) p GROUP BY 1
  )
  SELECT p.period, coalesce(sum(p.need_mw_h), 0), coalesce(sum(p.awarded_mw_h), 0), coalesce(sum(p.awarded_mw_h), 0) + coalesce(sum(p.offered_mw_h), 0) FROM pieces p GROUP BY p.period ORDER BY p.period;
END
$function$;
COMMENT ON FUNCTION need_and_offers(bigint, text, text, time_window, text) IS
  'MW and hours of published needs, period by period, and what was offered for the services and operators that need: awarded, and in all (awards, and bids that were not awarded), as far as the caller reads it; all operators, services and directions, or one; errors MX103, 22023';
REVOKE ALL ON FUNCTION need_and_offers(bigint, text, text, time_window, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION need_and_offers(bigint, text, text, time_window, text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION offered_power(market_operator_id bigint, service_code text, direction text, span time_window, readable boolean)
RETURNS TABLE (awarded boolean, delivery_window time_window, power_kw numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  IF NOT readable THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT o.awarded, o.delivery_window, o.power_kw
  FROM (SELECT true AS awarded, a.product_id, a.direction, a.delivery_window, a.power_kw::numeric FROM award a WHERE a.live AND a.delivery_window && span
        UNION ALL
        SELECT false, b.product_id, b.direction, b.delivery_window, b.power_kw FROM bid b WHERE b.status IN ('submitted', 'lapsed', 'rejected') AND b.delivery_window && span) o
  JOIN product p ON p.id = o.product_id JOIN market m ON m.id = p.market_id
  WHERE (offered_power.direction IS NULL OR o.direction = offered_power.direction) AND (offered_power.service_code IS NULL OR p.service_code = offered_power.service_code)
    AND (offered_power.market_operator_id IS NULL OR m.market_operator_id = offered_power.market_operator_id)
    -- what nobody stated a need for is not held against one
    AND EXISTS (SELECT FROM need n WHERE n.service_code = p.service_code AND n.market_operator_id = m.market_operator_id AND n.direction = o.direction AND n.status IN ('published', 'met', 'expired'));
END
$function$;
COMMENT ON FUNCTION offered_power(bigint, text, text, time_window, boolean) IS
  'awards, and bids that were not awarded, for services of which their buyer stated a need in that direction; none where the caller does not read bids and awards';
REVOKE ALL ON FUNCTION offered_power(bigint, text, text, time_window, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offered_power(bigint, text, text, time_window, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_need_against_offers(market_operator_id bigint DEFAULT NULL, service_code text DEFAULT NULL, direction text DEFAULT NULL, delivery time_window DEFAULT NULL,
                                                     resolution text DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  title CONSTANT text := format('Need against offers%s%s', coalesce(': ' || service_code, ''), coalesce(' ' || direction, ''));
  span time_window;
  step text;
  as_power boolean;
  divisor numeric;
  periods time_window[];
  needs numeric[];
  awarded numeric[];
  others numeric[];
  nothing_offered boolean;
BEGIN
  SELECT array_agg(n.period ORDER BY n.period), array_agg(n.need_mw_h ORDER BY n.period), array_agg(n.awarded_mw_h ORDER BY n.period), array_agg(n.offered_mw_h - n.awarded_mw_h ORDER BY n.period), sum(n.offered_mw_h) = 0
    INTO periods, needs, awarded, others, nothing_offered
  FROM need_and_offers(market_operator_id, service_code, direction, delivery, resolution) n;
  IF periods IS NULL THEN
    RETURN chart_nothing(title, '', width);
  END IF;
  -- days are of 23 to 25 hours, months of 28 to 31 days
  step := (SELECT CASE WHEN h <= 0.5 THEN 'half hour' WHEN h <= 1 THEN 'hour' WHEN h <= 25 THEN 'day' WHEN h <= 169 THEN 'week' WHEN h <= 745 THEN 'month' WHEN h <= 2300 THEN 'quarter' ELSE 'year' END
           FROM (SELECT extract(epoch FROM upper(periods[1]) - lower(periods[1])) / 3600 AS h) p);
  as_power := step IN ('half hour', 'hour');
  divisor := CASE step WHEN 'half hour' THEN 0.5 ELSE 1 END;
  span := coalesce(delivery, time_window(lower(periods[1]), upper(periods[cardinality(periods)])));
  IF NOT (isfinite(lower(span)) AND isfinite(upper(span))) THEN
    span := time_window(lower(periods[1]), upper(periods[cardinality(periods)]));
  END IF;
  RETURN chart_columns(title,
    format('%s, local time of %s%s', CASE WHEN as_power THEN 'mean MW in each ' || step ELSE 'MW and hours in each ' || step END, zone,
           CASE WHEN nothing_offered THEN '; no bids or awards for these needs that you may read' ELSE '' END),
    CASE WHEN as_power THEN 'MW' ELSE 'MW h' END, span, zone, periods || periods,
    ARRAY(SELECT 'awarded' FROM unnest(periods)) || ARRAY(SELECT 'offered, not awarded' FROM unnest(periods)),
    ARRAY(SELECT nullif(a, 0) / divisor FROM unnest(awarded) WITH ORDINALITY AS u (a, place) ORDER BY place) || ARRAY(SELECT nullif(a, 0) / divisor FROM unnest(others) WITH ORDINALITY AS u (a, place) ORDER BY place),
    'need', periods, ARRAY(SELECT a / divisor FROM unnest(needs) WITH ORDINALITY AS u (a, place) ORDER BY place), width, NOT as_power);
END
$function$;
COMMENT ON FUNCTION chart_need_against_offers(bigint, text, text, time_window, text, integer) IS
  'SVG: what was offered and awarded in each period, as columns, against what was needed, as a line: see need_and_offers(); errors MX103, 22023';
REVOKE ALL ON FUNCTION chart_need_against_offers(bigint, text, text, time_window, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_need_against_offers(bigint, text, text, time_window, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ---------------------------------------------------------------- conflicts

CREATE OR REPLACE FUNCTION known_conflicts(delivery time_window DEFAULT NULL, unit_id bigint DEFAULT NULL)
RETURNS TABLE (conflict_id bigint, kind text, severity text, unit bigint, overlap time_window, service_a text, service_b text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  IF may_read('conflict') THEN
    RETURN QUERY
    SELECT f.id, f.kind, f.severity, f.unit_id, f.overlap, c.service_code, i.service_code
    FROM conflict f JOIN commitment c ON c.id = f.challenger_id LEFT JOIN commitment i ON i.id = f.incumbent_id
    WHERE f.closed_at IS NULL AND (known_conflicts.unit_id IS NULL OR f.unit_id = known_conflicts.unit_id) AND (delivery IS NULL OR f.overlap && delivery);
  ELSE
    -- the parties know of findings by what they were told last
    RETURN QUERY
    SELECT n.conflict_id, n.content ->> 'kind', n.content ->> 'severity', (n.content ->> 'unit_id')::bigint, w.overlap, n.content -> 'challenger' ->> 'service', n.content -> 'incumbent' ->> 'service'
    FROM (SELECT DISTINCT ON (t.conflict_id) t.conflict_id, t.event, t.content FROM notification t ORDER BY t.conflict_id, t.id DESC) n
    CROSS JOIN LATERAL (SELECT time_window((n.content ->> 'start')::timestamptz, (n.content ->> 'end')::timestamptz) AS overlap) w
    WHERE n.event <> 'conflict_closed' AND (known_conflicts.unit_id IS NULL OR (n.content ->> 'unit_id')::bigint = known_conflicts.unit_id) AND (delivery IS NULL OR w.overlap && delivery);
  END IF;
END
$function$;
COMMENT ON FUNCTION known_conflicts(time_window, bigint) IS
  'the open findings that the caller knows of, with their two services: from conflict for operator and regulator, from the notifications for the parties; all of them, or those of a window and unit';
REVOKE ALL ON FUNCTION known_conflicts(time_window, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION known_conflicts(time_window, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_conflicts(delivery time_window DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_bars('Open conflicts, by kind', 'findings of the rules, blocking or advisory', 'findings', array_agg(c.kind ORDER BY c.severity DESC), array_agg(c.severity ORDER BY c.severity DESC), array_agg(c.number ORDER BY c.severity DESC), chart_conflicts.width)
  FROM (SELECT replace(k.kind, '_', ' ') AS kind, k.severity, count(*)::numeric AS number FROM known_conflicts(chart_conflicts.delivery) k GROUP BY 1, 2) c
$function$;
COMMENT ON FUNCTION chart_conflicts(time_window, integer) IS 'SVG: the open findings that the caller knows of, by kind and severity';
REVOKE ALL ON FUNCTION chart_conflicts(time_window, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_conflicts(time_window, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_commitment_timeline(unit_id bigint, delivery time_window DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  unit_name CONSTANT text := coalesce((SELECT format('%s (asset %s)', a.name, a.id) FROM asset a WHERE a.id = chart_commitment_timeline.unit_id),
                                      (SELECT format('%s (portfolio %s)', p.name, p.id) FROM portfolio p WHERE p.id = chart_commitment_timeline.unit_id));
  span time_window;
  lanes text[];
  windows time_window[];
  labels text[];
  mark_windows time_window[];
  marks text[];
BEGIN
  IF unit_name IS NULL THEN
    RAISE EXCEPTION 'unknown unit %', coalesce(unit_id::text, 'NULL') USING ERRCODE = 'MX101', HINT = 'Give the id of an asset or portfolio that you may read.';
  END IF;
  SELECT array_agg(c.lane ORDER BY c.id), array_agg(c.delivery_window ORDER BY c.id), array_agg(c.label ORDER BY c.id),
         -- of what has no end a day is drawn
         chart_span(delivery, min(lower(c.delivery_window)) FILTER (WHERE lower(c.delivery_window) > '-infinity'), max(least(upper(c.delivery_window), CASE WHEN upper(c.delivery_window) = 'infinity' THEN lower(c.delivery_window) + interval '1 day' END)), zone)
    INTO lanes, windows, labels, span
  FROM (SELECT k.id, k.delivery_window, format('%s: %s', s.name, k.stage) AS lane, format('%s kW %s', chart_number(k.power_kw), k.direction) AS label
        FROM commitment k JOIN service s ON s.code = k.service_code
        WHERE k.closed_at IS NULL AND k.unit_id = chart_commitment_timeline.unit_id AND (delivery IS NULL OR k.delivery_window && delivery)) c;
  IF span IS NULL THEN
    RETURN chart_nothing('Commitments of ' || unit_name, '', width, 'No commitments that you may read in this window.');
  END IF;
  SELECT array_agg(f.overlap ORDER BY f.conflict_id), array_agg(format('Conflict: %s (%s)', replace(f.kind, '_', ' '), f.severity) ORDER BY f.conflict_id) INTO mark_windows, marks
  FROM known_conflicts(span, chart_commitment_timeline.unit_id) f;
  RETURN chart_timeline('Commitments of ' || unit_name, format('by service, local time of %s; %s', zone,
                          CASE WHEN marks IS NULL THEN 'no open conflict that you know of' ELSE 'shaded: where they cannot all be kept' END),
                        span, zone, lanes, windows, labels, mark_windows, marks, width);
END
$function$;
COMMENT ON FUNCTION chart_commitment_timeline(bigint, time_window, integer) IS
  'SVG: the live commitments of an asset or portfolio that the caller may read, by service and stage, as bars over time, and where it knows of open conflicts among them, with their kind; error MX101';
REVOKE ALL ON FUNCTION chart_commitment_timeline(bigint, time_window, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_commitment_timeline(bigint, time_window, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- the register

CREATE OR REPLACE FUNCTION registered_capacity() RETURNS TABLE (technology text, connection_status text, assets bigint, mw numeric)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce(t.label, a.technology, 'not said'), a.connection_status, sum(a.assets)::bigint, sum(a.mw)
  FROM (SELECT a.profile::text::jsonb -> 'technology' AS codes, a.technology, a.connection_status, count(*) AS assets, sum(a.installed_kw) / 1000 AS mw FROM asset a GROUP BY 1, 2, 3) a
  -- the common words of its profile, several joined; without one, the word of its source
  LEFT JOIN LATERAL (
    SELECT string_agg(coalesce(w.label, c.code), ' + ' ORDER BY c.place) AS label
    FROM jsonb_array_elements_text(CASE jsonb_typeof(a.codes) WHEN 'array' THEN a.codes WHEN 'string' THEN jsonb_build_array(a.codes) END) WITH ORDINALITY AS c (code, place)
    LEFT JOIN LATERAL (SELECT w.label FROM taxonomy_term w WHERE w.scheme = 'common' AND w.code = c.code ORDER BY w.version DESC LIMIT 1) w ON true) t ON true
  GROUP BY 1, 2
$function$;
COMMENT ON FUNCTION registered_capacity() IS
  'assets that the caller may read and their installed capacity in MW, by technology (the common words of their profiles, or what was registered) and state of connection';
REVOKE ALL ON FUNCTION registered_capacity() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION registered_capacity() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_registered_capacity(width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_bars('Registered capacity, by technology', 'installed MW, by state of connection', 'MW', array_agg(r.technology ORDER BY r.connection_status), array_agg(r.connection_status ORDER BY r.connection_status), array_agg(r.mw ORDER BY r.connection_status), chart_registered_capacity.width)
  FROM registered_capacity() r
$function$;
COMMENT ON FUNCTION chart_registered_capacity(integer) IS 'SVG: see registered_capacity()';
REVOKE ALL ON FUNCTION chart_registered_capacity(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_registered_capacity(integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- readings

CREATE OR REPLACE FUNCTION chart_metered_energy(unit_id bigint DEFAULT NULL, delivery time_window DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  title CONSTANT text := coalesce('Metered energy of ' || coalesce((SELECT a.name FROM asset a WHERE a.id = chart_metered_energy.unit_id), (SELECT p.name FROM portfolio p WHERE p.id = chart_metered_energy.unit_id), 'unit ' || unit_id), 'Metered energy');
  span time_window;
  step text;
  periods time_window[];
  flows text[];
  amounts numeric[];
  large boolean;
BEGIN
  SELECT chart_span(delivery, local_midnight(min(r.day)), local_midnight(max(r.day) + 1), zone) INTO span FROM daily_reading r WHERE chart_metered_energy.unit_id IS NULL OR r.resource_id = chart_metered_energy.unit_id;
  step := chart_resolution(span);
  IF step IN ('half hour', 'hour') THEN
    SELECT array_agg(s.period ORDER BY s.period, s.flow), array_agg(s.flow ORDER BY s.period, s.flow), array_agg(s.amount ORDER BY s.period, s.flow) INTO periods, flows, amounts
    FROM (SELECT w.period, r.flow, sum(r.mean_power_kw * w.hours) / CASE step WHEN 'half hour' THEN 0.5 ELSE 1 END AS amount
          FROM reading r CROSS JOIN LATERAL window_pieces(time_window(r.starts_at, r.ends_at), span, step, zone) w
          WHERE (chart_metered_energy.unit_id IS NULL OR r.resource_id = chart_metered_energy.unit_id) AND r.starts_at >= lower(span) - interval '1 hour' AND r.starts_at < upper(span) GROUP BY 1, 2) s;
  ELSIF span IS NOT NULL THEN
    -- days that begin in the window
    SELECT array_agg(s.period ORDER BY s.period, s.flow), array_agg(s.flow ORDER BY s.period, s.flow), array_agg(s.amount ORDER BY s.period, s.flow) INTO periods, flows, amounts
    FROM (SELECT time_window(date_trunc(step, r.day::timestamp) AT TIME ZONE zone, (date_trunc(step, r.day::timestamp) + CASE step WHEN 'quarter' THEN interval '3 months' ELSE ('1 ' || step)::interval END) AT TIME ZONE zone) AS period,
                 r.flow, sum(r.energy_kwh) AS amount
          FROM daily_reading r
          WHERE (chart_metered_energy.unit_id IS NULL OR r.resource_id = chart_metered_energy.unit_id) AND local_midnight(r.day) >= lower(span) AND local_midnight(r.day) < upper(span) GROUP BY 1, 2) s;
  END IF;
  large := (SELECT max(abs(a)) >= 10000 FROM unnest(amounts) a);
  -- what flows the other way is drawn the other way
  amounts := ARRAY(SELECT CASE WHEN large THEN u.a / 1000 ELSE u.a END * CASE WHEN u.flow = 'import' AND flows && ARRAY['export', 'net'] THEN -1 ELSE 1 END FROM unnest(amounts, flows) WITH ORDINALITY AS u (a, flow, place) ORDER BY u.place);
  RETURN CASE WHEN periods IS NULL THEN chart_nothing(title, '', width, 'No readings that you may read in this window.')
    WHEN step IN ('half hour', 'hour') THEN chart_columns(title, format('mean %s in each %s, local time of %s', CASE WHEN large THEN 'MW' ELSE 'kW' END, step, zone), CASE WHEN large THEN 'MW' ELSE 'kW' END,
                                                          span, zone, periods, flows, amounts, width => width, additive => false)
    ELSE chart_columns(title, format('%s in each %s, local time of %s', CASE WHEN large THEN 'MWh' ELSE 'kWh' END, step, zone), CASE WHEN large THEN 'MWh' ELSE 'kWh' END, span, zone, periods, flows, amounts, width => width) END;
END
$function$;
COMMENT ON FUNCTION chart_metered_energy(bigint, time_window, integer) IS
  'SVG: energy that was read, by flow (import below zero where there is export too), of all units together whose readings the caller may read, or of one asset, portfolio or metering point: in each day, week, month, quarter or year; over a few days mean power in each hour or half hour';
REVOKE ALL ON FUNCTION chart_metered_energy(bigint, time_window, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_metered_energy(bigint, time_window, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- figures that others publish

CREATE OR REPLACE FUNCTION chart_published_figures(title text, unit text, span time_window, starts timestamptz[], ends timestamptz[], figures numeric[], line text, width integer) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  whole CONSTANT time_window := chart_span(span, (SELECT min(t) FROM unnest(starts) t), (SELECT max(t) FROM unnest(ends) t), zone);
  -- a line has more points than there are columns
  step CONSTANT text := CASE WHEN extract(epoch FROM upper(whole) - lower(whole)) <= 16 * 86400 THEN 'half hour' WHEN extract(epoch FROM upper(whole) - lower(whole)) <= 800 * 86400 THEN 'day' ELSE 'month' END;
  periods time_window[];
  means numeric[];
BEGIN
  IF whole IS NULL THEN
    RETURN chart_nothing(title, '', width);
  END IF;
  SELECT array_agg(m.period), array_agg(m.mean) INTO periods, means
  FROM (SELECT p.period, sum(u.figure * p.hours) / sum(p.hours) AS mean
        FROM unnest(starts, ends, figures) AS u (since, until, figure) CROSS JOIN LATERAL window_pieces(time_window(u.since, u.until), whole, step, zone) p GROUP BY 1) m;
  RETURN chart_columns(title, format('mean of each %s, local time of %s', step, zone), unit, whole, zone, NULL, NULL, NULL, line, periods, means, width);
END
$function$;
COMMENT ON FUNCTION chart_published_figures(text, text, time_window, timestamptz[], timestamptz[], numeric[], text, integer) IS
  'SVG: figures over time, given with the start and end of their steps, as a line of means: of half hours, days or months, as suits the window';
REVOKE ALL ON FUNCTION chart_published_figures(text, text, time_window, timestamptz[], timestamptz[], numeric[], text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_published_figures(text, text, time_window, timestamptz[], timestamptz[], numeric[], text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_carbon_intensity(delivery time_window DEFAULT NULL, area text DEFAULT 'GB', width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_published_figures('Carbon intensity, ' || chart_carbon_intensity.area, 'g CO2 per kWh', delivery, array_agg(c.starts_at), array_agg(c.ends_at), array_agg(coalesce(c.actual_g_per_kwh, c.forecast_g_per_kwh)),
                                 'as it was, or as forecast where nobody said', chart_carbon_intensity.width)
  FROM carbon_intensity c
  WHERE c.area = chart_carbon_intensity.area AND (delivery IS NULL OR c.starts_at < upper(delivery) AND c.ends_at > lower(delivery))
$function$;
COMMENT ON FUNCTION chart_carbon_intensity(time_window, text, integer) IS 'SVG: the carbon intensity of an area over time, as means of half hours, days or months';
REVOKE ALL ON FUNCTION chart_carbon_intensity(time_window, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_carbon_intensity(time_window, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_system_price(kind text DEFAULT 'day_ahead', delivery time_window DEFAULT NULL, area text DEFAULT 'GB', width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_published_figures(format('Price of energy, %s, %s', replace(chart_system_price.kind, '_', ' '), chart_system_price.area), coalesce(min(p.currency), 'GBP') || '/MWh', delivery,
                                 array_agg(p.starts_at), array_agg(p.ends_at), array_agg(p.price_per_mwh), replace(chart_system_price.kind, '_', ' '), chart_system_price.width)
  FROM system_price p
  WHERE p.kind = chart_system_price.kind AND p.area = chart_system_price.area AND (delivery IS NULL OR p.starts_at < upper(delivery) AND p.ends_at > lower(delivery))
$function$;
COMMENT ON FUNCTION chart_system_price(text, time_window, text, integer) IS 'SVG: prices of energy of a kind (day_ahead, intraday, imbalance, system_buy, system_sell) and area over time, as means of half hours, days or months';
REVOKE ALL ON FUNCTION chart_system_price(text, time_window, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_system_price(text, time_window, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
