-- archetype: medium
-- Imports: dispatch instructions of a distribution operator, into units, availability
-- and dispatches.

CREATE OR REPLACE FUNCTION import_dispatch_instructions(
  staging regclass DEFAULT NULL,
  source text DEFAULT 'DSO dispatch instructions',
  network_operator text DEFAULT 'UK Power Networks',
  market_code text DEFAULT 'ukpn',
  time_zone text DEFAULT 'Europe/London',
  unit_scheme text DEFAULT NULL)
RETURNS TABLE (rows_read bigint, rows_imported bigint, rows_unchanged bigint, rows_repeated bigint,
               rows_rejected bigint, values_left_out bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  importer CONSTANT text := 'dispatch_instructions';
  origin CONSTANT text := coalesce(btrim(source), '');
  operator_name CONSTANT text := coalesce(btrim(network_operator), '');
  market_name CONSTANT text := coalesce(btrim(market_code), '');
  scheme_name CONSTANT text := coalesce(btrim(unit_scheme), btrim(market_code) || '_flexible_unit', '');
  technology_scheme CONSTANT text := coalesce(btrim(market_code), '') || '_technology';
  zone_name CONSTANT text := time_zone;
  text_hint CONSTANT text := 'Write a name of at most 255 characters.';
  power_hint CONSTANT text := 'Write a number of MW from 0 to 1000000; exactly one of availability_mw_req and utilisation_mw_req is above zero.';
  price_hint CONSTANT text := 'Write a number from 0 to 1000000, or leave it empty where the price is not known.';
  time_hint CONSTANT text := 'Write local time with its offset, for example 2024-05-17T10:00:00+01:00.';
  utc_hint CONSTANT text := 'Write the instant of the local column in UTC, for example 2024-05-17 09:00:00+00:00, or leave it empty.';
  operator_id bigint;
  the_market market;
BEGIN
  PERFORM check_text(origin, 'source', 255), check_text(operator_name, 'network_operator', 255),
          check_text(market_name, 'market_code', 64), check_text(scheme_name, 'unit_scheme', 64);
  IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = zone_name) THEN
    RAISE EXCEPTION 'unknown time zone: %', coalesce(quote_literal(left(zone_name, 40)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name of pg_timezone_names, such as Europe/London.';
  END IF;
  rows_read := read_staging(importer, 'dispatch_instruction_staging', staging);
  SELECT count(*) FILTER (WHERE s.repeated), count(*) FILTER (WHERE s.known AND NOT s.repeated)
    INTO rows_repeated, rows_unchanged
  FROM pg_temp.import_staged s;

  CREATE TEMPORARY TABLE import_parsed ON COMMIT DROP AS
  SELECT s.line, s.row_digest, said.*,
         a.service_code, a.binds,
         start_at.instant AS start_at, start_at.problem AS start_problem,
         end_at.instant AS end_at, end_at.problem AS end_problem,
         -- up is more generation or less demand
         CASE said.dispatch_type WHEN 'demand_turn_down' THEN 'up' WHEN 'demand_turn_up' THEN 'down'
                                 WHEN 'generation_turn_up' THEN 'up' WHEN 'generation_turn_down' THEN 'down' END AS direction,
         -- nothing written is nothing asked for; a watt is the least that can be asked for
         round(import_quantity(coalesce(said.availability_mw, '0')) * 1000, 3) AS availability_kw,
         round(import_quantity(coalesce(said.utilisation_mw, '0')) * 1000, 3) AS utilisation_kw
  FROM pg_temp.import_staged s
  CROSS JOIN LATERAL (SELECT
    import_value(s.company_name) AS company,
    import_value(s.fu_id) AS unit,
    import_value(s.zone) AS zone,
    import_value(s.product) AS product,
    import_value(s.technology) AS technology,
    import_value(s.start_time_local) AS start_local,
    import_value(s.end_time_local) AS end_local,
    import_value(s.start_time_utc) AS start_utc,
    import_value(s.end_time_utc) AS end_utc,
    import_value(s.availability_mw_req) AS availability_mw,
    import_value(s.utilisation_mw_req) AS utilisation_mw,
    import_value(s.availability_price) AS availability_price,
    import_value(s.utilisation_price) AS utilisation_price,
    lower(left(import_value(s.dispatch_type), 40)) AS dispatch_type
    OFFSET 0   -- worked out once a row, however often it is used
  ) said
  CROSS JOIN LATERAL import_local_time(said.start_local, zone_name) AS start_at
  CROSS JOIN LATERAL import_local_time(said.end_local, zone_name) AS end_at
  LEFT JOIN product_alias a ON a.source = origin AND a.name = said.product
  WHERE NOT s.repeated AND NOT s.known;
  ANALYZE pg_temp.import_parsed;

  -- The checks.  All but the technology refuse the row.
  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT DISTINCT ON (p.line, c.column_name) p.line, p.row_digest, c.column_name, left(c.value, 200), c.reason, c.hint, c.effect
  FROM pg_temp.import_parsed p
  JOIN pg_temp.import_staged s ON s.line = p.line
  CROSS JOIN LATERAL (VALUES
    (1, 'row', 'company_name', s.company_name,
      CASE WHEN p.company IS NULL THEN 'is blank' ELSE import_text_problem(p.company, 255) END, text_hint),
    (1, 'row', 'fu_id', s.fu_id,
      CASE WHEN p.unit IS NULL THEN 'is blank' ELSE import_text_problem(p.unit, 255) END, text_hint),
    (1, 'row', 'zone', s.zone,
      CASE WHEN p.zone IS NULL THEN 'is blank' ELSE import_text_problem(p.zone, 255) END, text_hint),
    (1, 'row', 'product', s.product,
      CASE WHEN p.product IS NULL THEN 'is blank'
           WHEN length(p.product) > 64 THEN import_text_problem(p.product, 64)
           WHEN p.service_code IS NULL THEN 'is a product name that is not known' END,
      format('Say what it is, with a code of table service, and import again: INSERT INTO product_alias (source, name, service_code, binds, note) VALUES (%L, %L, ''...'', ''award'', ''...'');',
             origin, left(coalesce(p.product, ''), 64))),
    (1, 'row', 'dispatch_type', s.dispatch_type,
      CASE WHEN p.dispatch_type IS NULL THEN 'is blank' WHEN p.direction IS NULL THEN 'is not a dispatch type' END,
      'Write demand_turn_down, demand_turn_up, generation_turn_up or generation_turn_down.'),
    (1, 'row', 'availability_mw_req', s.availability_mw_req, import_quantity_problem(p.availability_mw), power_hint),
    (1, 'row', 'utilisation_mw_req', s.utilisation_mw_req, import_quantity_problem(p.utilisation_mw), power_hint),
    (2, 'row', 'availability_mw_req', s.availability_mw_req,
      CASE WHEN p.availability_kw = 0 AND p.utilisation_kw = 0 THEN 'is zero, and so is utilisation_mw_req'
           WHEN p.availability_kw > 0 AND p.utilisation_kw > 0 THEN 'is above zero, and so is utilisation_mw_req' END, power_hint),
    (1, 'row', 'availability_price', s.availability_price, import_quantity_problem(p.availability_price), price_hint),
    (1, 'row', 'utilisation_price', s.utilisation_price, import_quantity_problem(p.utilisation_price), price_hint),
    (1, 'row', 'start_time_local', s.start_time_local, p.start_problem, time_hint),
    (1, 'row', 'end_time_local', s.end_time_local, p.end_problem, time_hint),
    (2, 'row', 'end_time_local', s.end_time_local,
      CASE WHEN p.end_at <= p.start_at THEN 'is not later than the start' END, time_hint),
    (1, 'row', 'start_time_utc', s.start_time_utc, import_utc_problem(p.start_utc, p.start_at), utc_hint),
    (1, 'row', 'end_time_utc', s.end_time_utc, import_utc_problem(p.end_utc, p.end_at), utc_hint),
    (1, 'value', 'technology', s.technology, import_text_problem(p.technology, 255), 'Shorten it.')
  ) AS c (place, effect, column_name, value, reason, hint)
  WHERE c.reason IS NOT NULL
  ORDER BY p.line, c.column_name, c.place;
  DELETE FROM pg_temp.import_parsed p
  USING pg_temp.import_problem o WHERE o.line = p.line AND o.effect = 'row';

  -- Units.  A name of the scheme is of one unit, and a unit is of one company: the
  -- one that it is registered with, or the first that the file names.
  CREATE TEMPORARY TABLE import_unit ON COMMIT DROP AS
  SELECT DISTINCT ON (p.unit) p.unit, e.id IS NOT NULL AS known, e.portfolio_id,
         coalesce(c.name, p.company) AS company, p.zone, left(p.technology, 256) AS technology, p.line
  FROM pg_temp.import_parsed p
  LEFT JOIN external_id e ON e.scheme = scheme_name AND e.value = p.unit AND upper(e.valid) = 'infinity'
  LEFT JOIN portfolio f ON f.id = e.portfolio_id
  LEFT JOIN participant c ON c.id = f.service_provider_id
  ORDER BY p.unit, p.line;
  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT p.line, p.row_digest, 'fu_id', left(p.unit, 200),
         CASE WHEN u.known AND u.portfolio_id IS NULL THEN 'is the name of something that is not a portfolio'
              ELSE format('is a unit of %s already', quote_literal(left(u.company, 200))) END,
         format('If the unit changed hands, end its name (external_id.valid, scheme %s), and import again.', quote_literal(scheme_name)),
         'row'
  FROM pg_temp.import_parsed p
  JOIN pg_temp.import_unit u ON u.unit = p.unit
  WHERE (u.known AND u.portfolio_id IS NULL) OR lower(u.company) <> lower(p.company);
  DELETE FROM pg_temp.import_parsed p
  USING pg_temp.import_problem o WHERE o.line = p.line AND o.effect = 'row';

  IF EXISTS (SELECT FROM pg_temp.import_parsed) THEN
    -- The market, its products, the companies and the zones.
    PERFORM import_participants(ARRAY[operator_name], 'market_operator');
    PERFORM import_participants(array_agg(p.company ORDER BY p.line), 'service_provider') FROM pg_temp.import_parsed p;
    SELECT o.id INTO STRICT operator_id FROM participant o WHERE lower(o.name) = lower(operator_name);

    INSERT INTO market (code, name, market_operator_id, time_zone)
    VALUES (market_name, operator_name, operator_id, zone_name)
    ON CONFLICT (code) DO NOTHING;
    SELECT * INTO STRICT the_market FROM market m WHERE m.code = market_name;
    IF the_market.market_operator_id <> operator_id THEN
      RAISE EXCEPTION 'market % is not run by %', quote_literal(market_name), quote_literal(operator_name)
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Name its operator as network_operator, or another market as market_code.';
    END IF;
    INSERT INTO product (market_id, code, name, service_code, binds, source)
    SELECT the_market.id, p.product, p.product, min(p.service_code), min(p.binds), origin
    FROM pg_temp.import_parsed p
    WHERE NOT EXISTS (SELECT FROM product r WHERE r.market_id = the_market.id AND r.code = p.product)
    GROUP BY p.product
    ORDER BY min(p.line);

    -- The file names no licence area: zones of one name are kept apart by their operator.
    INSERT INTO grid_node (kind, name, licence_area, operator_id)
    SELECT 'zone', (array_agg(p.zone ORDER BY p.line))[1], operator_name, operator_id
    FROM pg_temp.import_parsed p
    WHERE NOT EXISTS (SELECT FROM grid_node g
                      WHERE g.kind = 'zone' AND lower(g.name) = lower(p.zone) AND g.operator_id = the_market.market_operator_id)
    GROUP BY lower(p.zone)
    ORDER BY min(p.line)
    ON CONFLICT (kind, name, licence_area) DO NOTHING;

    -- Units that are new become portfolios: what lies in them is not published.
    INSERT INTO portfolio (name, service_provider_id, grid_node_id, technology, profile)
    SELECT u.unit, c.id, z.id, t.technology, common_profile(technology_scheme, t.technology, NULL, NULL)
    FROM pg_temp.import_unit u
    JOIN participant c ON lower(c.name) = lower(u.company)
    CROSS JOIN LATERAL (SELECT CASE WHEN length(u.technology) <= 255 THEN u.technology END AS technology) t
    LEFT JOIN LATERAL (SELECT min(g.id) AS id FROM grid_node g
                       WHERE g.kind = 'zone' AND lower(g.name) = lower(u.zone)
                         AND g.operator_id = the_market.market_operator_id) z ON true
    WHERE NOT u.known
    ORDER BY u.line
    ON CONFLICT (service_provider_id, name) DO NOTHING;
    INSERT INTO external_id (scheme, value, portfolio_id, valid)
    SELECT scheme_name, u.unit, f.id,
           time_window(coalesce((SELECT max(upper(e.valid)) FROM external_id e WHERE e.scheme = scheme_name AND e.value = u.unit),
                                '-infinity'), 'infinity')
    FROM pg_temp.import_unit u
    JOIN participant c ON lower(c.name) = lower(u.company)
    JOIN portfolio f ON f.service_provider_id = c.id AND f.name = u.unit
    WHERE NOT u.known
    ORDER BY f.id;
    UPDATE pg_temp.import_unit u SET portfolio_id = e.portfolio_id
    FROM external_id e
    WHERE NOT u.known AND e.scheme = scheme_name AND e.value = u.unit AND upper(e.valid) = 'infinity';

    -- A portfolio has one place and one technology: a row that says otherwise is
    -- imported without it.
    INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
    SELECT p.line, p.row_digest, c.*, 'value'
    FROM pg_temp.import_parsed p
    JOIN pg_temp.import_unit u ON u.unit = p.unit
    JOIN portfolio f ON f.id = u.portfolio_id
    LEFT JOIN grid_node g ON g.id = f.grid_node_id
    CROSS JOIN LATERAL (VALUES
      ('zone', left(p.zone, 200),
        CASE WHEN lower(g.name) <> lower(p.zone)
             THEN format('is not where unit %s is registered, which is %s', quote_literal(p.unit), quote_literal(g.name)) END,
        'Correct portfolio.grid_node_id if the unit has moved.'),
      ('technology', left(p.technology, 200),
        CASE WHEN length(p.technology) <= 255 AND lower(f.technology) <> lower(p.technology)
             THEN format('is not what unit %s is registered as, which is %s', quote_literal(p.unit), quote_literal(f.technology)) END,
        'Correct portfolio.technology if the unit has changed.')
    ) AS c (column_name, value, reason, hint)
    WHERE c.reason IS NOT NULL;

    -- What new units are made of has no common word: imported all the same, and
    -- reported with the row that made them.
    INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
    SELECT p.line, p.row_digest, 'technology', left(p.technology, 200), i.reason, i.hint, 'word'
    FROM import_words(technology_scheme, 'technology',
                      ARRAY(SELECT u.technology FROM pg_temp.import_unit u WHERE NOT u.known AND length(u.technology) <= 255)) i
    JOIN pg_temp.import_unit u ON u.technology = i.word AND NOT u.known
    JOIN pg_temp.import_parsed p ON p.line = u.line;

    -- The trades: availability first, so that dispatches find it, each in the
    -- order of the file, which is the order in which they are posted.
    CREATE TEMPORARY TABLE import_trade ON COMMIT DROP AS
    SELECT nextval('trade_id') AS id, t.*
    FROM (SELECT p.line, p.row_digest, p.availability_kw > 0 AS is_availability,
                 r.id AS product_id, f.service_provider_id, f.id AS portfolio_id, p.direction,
                 greatest(p.availability_kw, p.utilisation_kw) AS power_kw,
                 time_window(p.start_at, p.end_at) AS delivery_window,
                 import_quantity(CASE WHEN p.availability_kw > 0 THEN p.availability_price ELSE p.utilisation_price END) AS price
          FROM pg_temp.import_parsed p
          JOIN pg_temp.import_unit u ON u.unit = p.unit
          JOIN portfolio f ON f.id = u.portfolio_id
          CROSS JOIN LATERAL (SELECT r.id FROM product r
                              WHERE r.market_id = the_market.id AND r.code = p.product
                              ORDER BY r.version DESC LIMIT 1) r
          ORDER BY p.availability_kw > 0 DESC, p.line) t;

    INSERT INTO availability (id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window,
                              availability_price_per_mw_h, status, source)
    SELECT t.id, t.product_id, t.service_provider_id, t.portfolio_id, t.direction, t.power_kw, t.delivery_window,
           t.price, 'accepted', origin
    FROM pg_temp.import_trade t
    WHERE t.is_availability
    ORDER BY t.line;

    -- a dispatch uses the first availability of its unit and product that covers it
    INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, portfolio_id, direction, power_kw,
                          delivery_window, utilisation_price_per_mwh, status, source)
    SELECT t.id,
           (SELECT min(v.id) FROM availability v
            WHERE v.unit_id = t.portfolio_id AND v.product_id = t.product_id AND v.direction = t.direction
              AND v.live AND v.delivery_window @> t.delivery_window),
           t.product_id, t.service_provider_id, t.portfolio_id, t.direction, t.power_kw, t.delivery_window,
           t.price, 'instructed', origin
    FROM pg_temp.import_trade t
    WHERE NOT t.is_availability
    ORDER BY t.line;

    INSERT INTO import_row (importer, row_digest, entity, entity_id)
    SELECT importer, t.row_digest, CASE WHEN t.is_availability THEN 'availability' ELSE 'dispatch' END, t.id
    FROM pg_temp.import_trade t ORDER BY t.line;
    GET DIAGNOSTICS rows_imported = ROW_COUNT;
    DROP TABLE pg_temp.import_trade;
  ELSE
    rows_imported := 0;
  END IF;

  SELECT r.rows_rejected, r.values_left_out INTO rows_rejected, values_left_out FROM record_rejections(importer, origin) r;
  DROP TABLE pg_temp.import_parsed, pg_temp.import_unit;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION import_dispatch_instructions(regclass, text, text, text, text, text) IS
  'imports the rows of a staging table (NULL: dispatch_instruction_staging) into market, product, participant, portfolio, availability and dispatch, which posts commitments and finds conflicts; product names are read by product_alias of the source, unit names by external_id of the scheme (NULL: the market code and _flexible_unit); returns the rows read, imported, unchanged since an earlier import, repeated within the file and rejected, which add up, and the values left out of imported rows; one that is imported again changes nothing; errors 22023, 23514, 42703, 42809';
REVOKE ALL ON FUNCTION import_dispatch_instructions(regclass, text, text, text, text, text) FROM PUBLIC;
-- writes the book of everybody: the operator only
GRANT EXECUTE ON FUNCTION import_dispatch_instructions(regclass, text, text, text, text, text) TO flexexchange_operator;
