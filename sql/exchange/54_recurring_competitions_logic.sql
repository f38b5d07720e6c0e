-- archetype: thick
-- Recurring competitions: written from their templates, in market time.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['competition_template', 'competition_template_requirement', 'competition_occurrence']) t;
REVOKE INSERT, UPDATE, DELETE ON competition_occurrence FROM flexexchange_operator;
GRANT INSERT (product_id, name, period, opens_before, closes_before, at_time, on_weekday, terms), UPDATE (name, period, opens_before, closes_before, at_time, on_weekday, terms), DELETE
  ON competition_template TO flexexchange_participant;
GRANT INSERT (template_id, lot_name, product_id, grid_node_id, weekdays, starts_at, ends_at, every, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours),
      UPDATE (lot_name, product_id, grid_node_id, weekdays, starts_at, ends_at, every, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours),
      DELETE ON competition_template_requirement TO flexexchange_participant;
DROP POLICY IF EXISTS competition_template_own ON competition_template;
CREATE POLICY competition_template_own ON competition_template TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY competition_template_own ON competition_template IS 'COMP-MO-4: a buyer keeps the templates of its competitions';
DROP POLICY IF EXISTS competition_template_requirement_own ON competition_template_requirement;
CREATE POLICY competition_template_requirement_own ON competition_template_requirement TO flexexchange_participant
  USING (template_id IN (SELECT t.id FROM competition_template t WHERE t.product_id = ANY (ARRAY(SELECT own_product_ids()))))
  WITH CHECK (template_id IN (SELECT t.id FROM competition_template t WHERE t.product_id = ANY (ARRAY(SELECT own_product_ids()))));
COMMENT ON POLICY competition_template_requirement_own ON competition_template_requirement IS 'COMP-MO-4: a buyer keeps the templates of its competitions';

CREATE OR REPLACE FUNCTION competition_from_need(need_id bigint, gate_opens_at timestamptz, gate_closes_at timestamptz, product_id bigint DEFAULT NULL, terms jsonb DEFAULT '{}') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  wanted need;
  made bigint;
BEGIN
  SELECT * INTO wanted FROM need n WHERE n.id = competition_from_need.need_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'need % is unknown in this exchange', coalesce(competition_from_need.need_id::text, 'NULL') USING ERRCODE = 'no_data_found', HINT = 'See table need.';
  ELSIF wanted.status <> 'published' THEN
    RAISE EXCEPTION 'need % is %', wanted.id, wanted.status USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Publish it first.';
  END IF;
  PERFORM check_given(coalesce(competition_from_need.product_id, wanted.product_id) IS NOT NULL, 'product_id', 'The need names no product; say by which it is bought.');
  INSERT INTO competition AS c (product_id, name, gate_opens_at, gate_closes_at)
  VALUES (coalesce(competition_from_need.product_id, wanted.product_id), wanted.name, competition_from_need.gate_opens_at, competition_from_need.gate_closes_at) RETURNING c.id INTO made;
  PERFORM declare_columns('competition_terms', jsonb_build_object('competition_id', made), terms);
  INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw, need_id)
  SELECT made, coalesce(competition_from_need.product_id, wanted.product_id), wanted.grid_node_id, w.delivery_window, wanted.direction, w.power_kw, wanted.id
  FROM (SELECT x.delivery_window, x.power_kw FROM need_window x WHERE x.need_id = wanted.id
        UNION ALL SELECT wanted.delivery_window, wanted.power_kw WHERE NOT EXISTS (SELECT FROM need_window x WHERE x.need_id = wanted.id)) w
  ORDER BY w.delivery_window;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION competition_from_need(bigint, timestamptz, timestamptz, bigint, jsonb) IS
  'announces a competition for a published need: its place, direction and windows become requirements; terms are columns of competition_terms; gives the id of the competition; by the buyer or the operator; errors P0002, 55000, 23514, 22023';
REVOKE ALL ON FUNCTION competition_from_need(bigint, timestamptz, timestamptz, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION competition_from_need(bigint, timestamptz, timestamptz, bigint, jsonb) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION write_competitions(template_id bigint, first_day date, last_day date) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  pattern competition_template;
  zone text;
  of_market bigint;
  starts date;
  days integer;
  closes timestamptz;
  made bigint;
BEGIN
  -- one after another: a day is written once
  SELECT * INTO pattern FROM competition_template t WHERE t.id = write_competitions.template_id FOR UPDATE;
  IF NOT FOUND OR NOT (pattern.product_id IN (SELECT own_product_ids()) OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER')
                       OR pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = 'competition'::regclass), 'USAGE')) THEN
    RAISE EXCEPTION 'competition_template % is not yours', coalesce(write_competitions.template_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'The buyer of its product and the operator of the exchange write its competitions.';
  END IF;
  SELECT m.id, m.time_zone INTO of_market, zone FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = pattern.product_id;
  days := CASE pattern.period WHEN 'week' THEN 7 ELSE 1 END;
  starts := CASE pattern.period WHEN 'week' THEN date_trunc('week', first_day::timestamp)::date ELSE first_day END;
  FOR starts IN SELECT d::date FROM generate_series(starts::timestamp, last_day::timestamp, make_interval(days => days)) d LOOP
    closes := CASE WHEN pattern.closes_before IS NULL THEN gate_closure(of_market, 'bid', local_midnight(starts, zone))
                   ELSE gate_before(local_midnight(starts, zone), zone, pattern.closes_before, pattern.at_time, pattern.on_weekday) END;
    PERFORM check_given(closes IS NOT NULL, 'competition_template.closes_before', 'The market has no gate for bids; say when that of the template closes.');
    -- what is over is not opened any more
    CONTINUE WHEN closes <= now() OR EXISTS (SELECT FROM competition_occurrence o WHERE o.template_id = pattern.id AND o.first_day = starts);
    INSERT INTO competition AS c (product_id, name, gate_opens_at, gate_closes_at)
    VALUES (pattern.product_id, format('%s %s', pattern.name, to_char(starts, 'YYYY-MM-DD')), gate_before(closes, zone, pattern.opens_before), closes) RETURNING c.id INTO made;
    PERFORM declare_columns('competition_terms', jsonb_build_object('competition_id', made), pattern.terms);
    INSERT INTO competition_lot (competition_id, name)
    SELECT made, r.lot_name FROM competition_template_requirement r WHERE r.template_id = pattern.id AND r.lot_name IS NOT NULL GROUP BY r.lot_name ORDER BY r.lot_name COLLATE "C";
    INSERT INTO competition_requirement (competition_id, lot_id, product_id, grid_node_id, delivery_window, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
                                         expected_utilisation_hours)
    SELECT made, l.id, coalesce(r.product_id, pattern.product_id), r.grid_node_id, w.delivery_window, r.direction, r.power_kw, r.at_least, r.ceiling_availability_price_per_mw_h,
           r.ceiling_utilisation_price_per_mwh, r.expected_utilisation_hours
    FROM competition_template_requirement r
    LEFT JOIN competition_lot l ON l.competition_id = made AND l.name = r.lot_name
    CROSS JOIN generate_series(starts::timestamp, starts::timestamp + make_interval(days => days - 1), interval '1 day') AS day
    -- a time that clocks skip is the one after the gap, one that they show twice is the second
    CROSS JOIN LATERAL (SELECT (day + r.starts_at) AT TIME ZONE zone AS first, (day + r.ends_at + CASE WHEN r.ends_at <= r.starts_at THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE zone AS past) x
    CROSS JOIN LATERAL (SELECT time_window(x.first, x.past) AS span WHERE x.first < x.past) s
    CROSS JOIN LATERAL (SELECT s.span AS delivery_window WHERE r.every IS NULL UNION ALL SELECT g FROM generate_windows(s.span, r.every) g WHERE r.every IS NOT NULL) w
    WHERE r.template_id = pattern.id AND extract(isodow FROM day) = ANY (r.weekdays) ORDER BY w.delivery_window, r.id;
    INSERT INTO competition_occurrence (template_id, first_day, competition_id) VALUES (pattern.id, starts, made);
    RETURN NEXT made;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION write_competitions(bigint, date, date) IS
  'announces the competitions of a template whose first day of delivery lies in a range of days (of weeks: the weeks that it touches), each once and none whose gate would have closed; days, weeks, gates and windows are in market time; gives their ids; errors 42501, 23514, 22023; SECURITY DEFINER because nobody writes competition_occurrence itself';
REVOKE ALL ON FUNCTION write_competitions(bigint, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_competitions(bigint, date, date) TO flexexchange_operator, flexexchange_participant;
