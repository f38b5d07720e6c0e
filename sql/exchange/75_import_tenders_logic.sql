-- archetype: medium
-- Imports: flexibility tenders of a distribution operator, into zones, products,
-- companies and needs.  What was offered and awarded in them is not taken in: it names
-- no unit.

CREATE OR REPLACE FUNCTION import_flexibility_tenders(
  staging regclass DEFAULT NULL,
  source text DEFAULT 'DSO flexibility tenders',
  network_operator text DEFAULT 'National Grid Electricity Distribution',
  market_code text DEFAULT 'nged',
  time_zone text DEFAULT 'Europe/London')
RETURNS TABLE (rows_read bigint, rows_imported bigint, rows_unchanged bigint, rows_repeated bigint,
               rows_rejected bigint, values_left_out bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  importer CONSTANT text := 'flexibility_tenders';
  origin CONSTANT text := coalesce(btrim(source), '');
  operator_name CONSTANT text := coalesce(btrim(network_operator), '');
  market_name CONSTANT text := coalesce(btrim(market_code), '');
  zone_name CONSTANT text := time_zone;
  week CONSTANT text[] := ARRAY['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
  date_hint CONSTANT text := 'Write a day such as 2024-11-04.';
  clock_hint CONSTANT text := 'Write local time such as 16:30:00.';
  text_hint CONSTANT text := 'Write a name of at most 255 characters.';
  operator_id bigint;
  the_market market;
BEGIN
  PERFORM check_text(origin, 'source', 255), check_text(operator_name, 'network_operator', 255), check_text(market_name, 'market_code', 64);
  IF NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = zone_name) THEN
    RAISE EXCEPTION 'unknown time zone: %', coalesce(quote_literal(left(zone_name, 40)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name of pg_timezone_names, such as Europe/London.';
  END IF;
  rows_read := read_staging(importer, 'flexibility_tender_staging', staging);
  SELECT count(*) FILTER (WHERE s.repeated), count(*) FILTER (WHERE s.known AND NOT s.repeated)
    INTO rows_repeated, rows_unchanged
  FROM pg_temp.import_staged s;

  CREATE TEMPORARY TABLE import_parsed ON COMMIT DROP AS
  SELECT s.line, s.row_digest, said.*, a.service_code, a.binds,
         import_date(said.start_said) AS start_date, import_date(said.end_said) AS end_date,
         CASE WHEN said.start_clock ~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$' THEN said.start_clock::time END AS start_time,
         CASE WHEN said.end_clock ~ '^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$' THEN said.end_clock::time END AS end_time,
         round(import_quantity(said.peak_said), 3) AS peak_kw,
         nullif(import_quantity(said.availability_said), 0) AS availability_price, nullif(import_quantity(said.utilisation_said), 0) AS utilisation_price
  FROM pg_temp.import_staged s
  CROSS JOIN LATERAL (SELECT
    import_value(s.zone_code) AS zone, import_value(s.product) AS product, import_value(s.opportunity_name) AS opportunity,
    import_value(s.delivery_start_date) AS start_said, import_value(s.delivery_end_date) AS end_said,
    lower(import_value(s.service_days)) AS days, import_value(s.earliest_start_time) AS start_clock, import_value(s.latest_end_time) AS end_clock,
    import_value(s.peak_tendered_kw) AS peak_said, import_value(s.ceiling_availability_price) AS availability_said,
    import_value(s.ceiling_utilisation_price) AS utilisation_said, import_value(s.ceiling_sustain_price, '0.0', '0') AS sustain_said,
    import_value(s.company_name, '0') AS company, import_value(s.trade_outcome) AS outcome, import_value(s.trade_close_date) AS closes_said
    OFFSET 0   -- worked out once a row, however often it is used
  ) said
  LEFT JOIN product_alias a ON a.source = origin AND a.name = said.product
  WHERE NOT s.repeated AND NOT s.known;
  ANALYZE pg_temp.import_parsed;

  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT p.line, p.row_digest, c.column_name, left(c.value, 200), c.reason, c.hint, c.effect
  FROM pg_temp.import_parsed p
  JOIN pg_temp.import_staged s ON s.line = p.line
  CROSS JOIN LATERAL (VALUES
    ('row', 'zone_code', s.zone_code, CASE WHEN p.zone IS NULL THEN 'is blank' ELSE import_text_problem(p.zone, 255) END, text_hint),
    ('row', 'opportunity_name', s.opportunity_name, CASE WHEN p.opportunity IS NULL THEN 'is blank' ELSE import_text_problem(p.opportunity, 255) END, text_hint),
    ('row', 'product', s.product,
      CASE WHEN p.product IS NULL THEN 'is blank' WHEN length(p.product) > 64 THEN import_text_problem(p.product, 64) WHEN p.service_code IS NULL THEN 'is a product name that is not known' END,
      format('Say what it is, with a code of table service, and import again: INSERT INTO product_alias (source, name, service_code, binds, note) VALUES (%L, %L, ''...'', ''award'', ''...'');',
             origin, left(coalesce(p.product, ''), 64))),
    ('row', 'delivery_start_date', s.delivery_start_date, CASE WHEN p.start_date IS NULL THEN 'is not a day' END, date_hint),
    ('row', 'delivery_end_date', s.delivery_end_date,
      CASE WHEN p.end_date IS NULL THEN 'is not a day' WHEN p.end_date < p.start_date THEN 'is before the start' WHEN p.end_date > p.start_date + 1830 THEN 'is more than five years after the start' END, date_hint),
    ('row', 'service_days', s.service_days,
      CASE WHEN p.days IS NULL THEN 'is blank' WHEN EXISTS (SELECT FROM string_to_table(p.days, ',') d WHERE btrim(d) <> ALL (week)) THEN 'has something that is no day of the week' END,
      'Write Monday to Sunday, with commas between them.'),
    ('row', 'earliest_start_time', s.earliest_start_time, CASE WHEN p.start_time IS NULL THEN 'is not a time' END, clock_hint),
    ('row', 'latest_end_time', s.latest_end_time, CASE WHEN p.end_time IS NULL THEN 'is not a time' END, clock_hint),
    ('row', 'peak_tendered_kw', s.peak_tendered_kw,
      CASE WHEN p.peak_said IS NULL THEN 'is blank' WHEN p.peak_kw = 0 THEN 'is not above zero' ELSE import_quantity_problem(p.peak_said) END, 'Write a number of kW.'),
    ('value', 'ceiling_availability_price', s.ceiling_availability_price, import_quantity_problem(p.availability_said), 'Write a number, or leave it empty.'),
    ('value', 'ceiling_utilisation_price', s.ceiling_utilisation_price, import_quantity_problem(p.utilisation_said), 'Write a number, or leave it empty.'),
    ('value', 'ceiling_sustain_price', s.ceiling_sustain_price, import_text_problem(p.sustain_said, 255), 'Shorten it.'),
    ('value', 'company_name', s.company_name, import_text_problem(p.company, 255), text_hint)
  ) AS c (effect, column_name, value, reason, hint)
  WHERE c.reason IS NOT NULL;
  DELETE FROM pg_temp.import_parsed p
  USING pg_temp.import_problem o WHERE o.line = p.line AND o.effect = 'row';

  rows_imported := 0;
  IF EXISTS (SELECT FROM pg_temp.import_parsed) THEN
    PERFORM import_participants(ARRAY[operator_name], 'market_operator');
    PERFORM import_participants(array_agg(p.company ORDER BY p.line), 'service_provider')
    FROM pg_temp.import_parsed p WHERE length(p.company) <= 255;
    SELECT o.id INTO STRICT operator_id FROM participant o WHERE lower(o.name) = lower(operator_name);
    INSERT INTO market (code, name, market_operator_id, time_zone)
    VALUES (market_name, operator_name, operator_id, zone_name)
    ON CONFLICT (code) DO NOTHING;
    SELECT * INTO STRICT the_market FROM market m WHERE m.code = market_name;
    IF the_market.market_operator_id <> operator_id THEN
      RAISE EXCEPTION 'market % is not run by %', quote_literal(market_name), quote_literal(operator_name)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Name its operator as network_operator, or another market as market_code.';
    END IF;
    INSERT INTO product (market_id, code, name, service_code, binds, source)
    SELECT the_market.id, p.product, p.product, min(p.service_code), min(p.binds), origin
    FROM pg_temp.import_parsed p
    WHERE NOT EXISTS (SELECT FROM product r WHERE r.market_id = the_market.id AND r.code = p.product)
    GROUP BY p.product
    ORDER BY min(p.line);
    INSERT INTO grid_node (kind, name, licence_area, operator_id)
    SELECT 'zone', (array_agg(p.zone ORDER BY p.line))[1], operator_name, operator_id
    FROM pg_temp.import_parsed p
    WHERE NOT EXISTS (SELECT FROM grid_node g WHERE g.kind = 'zone' AND lower(g.name) = lower(p.zone) AND g.operator_id = the_market.market_operator_id)
    GROUP BY lower(p.zone)
    ORDER BY min(p.line)
    ON CONFLICT (kind, name, licence_area) DO NOTHING;

    -- A need is asked for in as many rows as companies answered.
    CREATE TEMPORARY TABLE import_need ON COMMIT DROP AS
    SELECT (SELECT min(n.id) FROM need n WHERE n.source = origin AND n.market_operator_id = operator_id AND n.name = p.opportunity AND n.grid_node_id = z.id
                                           AND n.delivery_window = w.delivery_window AND n.power_kw = p.peak_kw AND n.service_code = p.service_code) AS id,
           p.opportunity, p.product, p.service_code, z.id AS grid_node_id, w.delivery_window, p.start_date, p.end_date, p.start_time, p.end_time, p.days, p.peak_kw,
           max(p.availability_price) AS availability_price, max(p.utilisation_price) AS utilisation_price, max(p.sustain_said) AS sustain_said,
           bool_or(p.outcome = 'Accepted') AS met, min(p.line) AS line, array_agg(p.row_digest ORDER BY p.line) AS row_digests
    FROM pg_temp.import_parsed p
    JOIN LATERAL (SELECT min(g.id) AS id FROM grid_node g WHERE g.kind = 'zone' AND lower(g.name) = lower(p.zone)
                    AND (g.operator_id = the_market.market_operator_id OR (g.operator_id IS NULL AND g.licence_area = operator_name))) z ON true
    CROSS JOIN LATERAL (SELECT time_window((p.start_date + p.start_time) AT TIME ZONE zone_name,
                                           (p.end_date + CASE WHEN p.end_time <= p.start_time THEN 1 ELSE 0 END + p.end_time) AT TIME ZONE zone_name) AS delivery_window) w
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12;
    UPDATE pg_temp.import_need n SET id = -line WHERE id IS NULL;
    WITH made AS (
      INSERT INTO need (market_operator_id, service_code, product_id, name, description, grid_node_id, direction, power_kw, delivery_window,
                        guide_price_per_mwh, guide_availability_price_per_mw_h, status, source)
      SELECT operator_id, n.service_code, (SELECT max(r.id) FROM product r WHERE r.market_id = the_market.id AND r.code = n.product AND r.service_code = n.service_code),
             n.opportunity, CASE WHEN length(n.sustain_said) <= 255 THEN 'ceiling of Sustain: ' || n.sustain_said END, n.grid_node_id, 'up', n.peak_kw, n.delivery_window, round(n.utilisation_price, 2), round(n.availability_price, 2), 'published', origin
      FROM pg_temp.import_need n WHERE n.id < 0 ORDER BY n.line
      RETURNING id
    )
    UPDATE pg_temp.import_need n SET id = m.id
    FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM made) m
    JOIN (SELECT line, row_number() OVER (ORDER BY line) AS place FROM pg_temp.import_need WHERE id < 0) x USING (place)
    WHERE n.line = x.line;
    INSERT INTO need_window (need_id, delivery_window, power_kw)
    SELECT n.id, time_window((day + n.start_time) AT TIME ZONE zone_name, (day + CASE WHEN n.end_time <= n.start_time THEN interval '1 day' ELSE interval '0' END + n.end_time) AT TIME ZONE zone_name), n.peak_kw
    FROM pg_temp.import_need n
    CROSS JOIN LATERAL generate_series(n.start_date::timestamp, n.end_date::timestamp, interval '1 day') day
    WHERE week[extract(isodow FROM day)::integer] = ANY (string_to_array(replace(n.days, ' ', ''), ','))
      -- clocks that go forward skip some windows
      AND (day + n.start_time) AT TIME ZONE zone_name < (day + CASE WHEN n.end_time <= n.start_time THEN interval '1 day' ELSE interval '0' END + n.end_time) AT TIME ZONE zone_name
      AND NOT EXISTS (SELECT FROM need_window x
                      WHERE resource_window(x.need_id, x.delivery_window)
                            && resource_window(n.id, time_window((day + n.start_time) AT TIME ZONE zone_name,
                                                                 greatest((day + CASE WHEN n.end_time <= n.start_time THEN interval '1 day' ELSE interval '0' END + n.end_time) AT TIME ZONE zone_name,
                                                                          (day + n.start_time) AT TIME ZONE zone_name + interval '1 microsecond'))))
    ORDER BY n.id, day;
    UPDATE need d SET status = CASE WHEN n.met THEN 'met' ELSE 'expired' END
    FROM pg_temp.import_need n WHERE d.id = n.id AND d.status = 'published' AND upper(d.delivery_window) < now();

    INSERT INTO import_row (importer, row_digest, entity, entity_id)
    SELECT importer, digest, 'need', n.id FROM pg_temp.import_need n CROSS JOIN LATERAL unnest(n.row_digests) digest ORDER BY n.line;
    GET DIAGNOSTICS rows_imported = ROW_COUNT;
    DROP TABLE pg_temp.import_need;
  END IF;
  DROP TABLE pg_temp.import_parsed;
  SELECT r.rows_rejected, r.values_left_out INTO rows_rejected, values_left_out FROM record_rejections(importer, origin) r;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION import_flexibility_tenders(regclass, text, text, text, text) IS
  'takes tenders in from flexibility_tender_staging, or a table like it: zones, products, companies, and needs with their windows in market time; a need whose delivery is over is met or expired; rejected rows are kept; the same file again changes nothing';
REVOKE ALL ON FUNCTION import_flexibility_tenders(regclass, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION import_flexibility_tenders(regclass, text, text, text, text) TO flexexchange_operator;
