-- archetype: thick
-- Open figures of the carbon of dispatch: which are published.

SELECT protect_table('open_dispatch_carbon', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
REVOKE INSERT, UPDATE, DELETE ON open_dispatch_carbon FROM flexexchange_operator;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON open_dispatch_carbon FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'What was published is known.');
COMMENT ON TRIGGER t10_is_kept ON open_dispatch_carbon IS 'what was published stays as it was';

CREATE OR REPLACE FUNCTION publish_dispatch_carbon(month date, method text, version integer DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  used CONSTANT carbon_method := carbon_method_of(method, version);
  smallest CONSTANT integer := (SELECT smallest_group FROM exchange_instance);
  written bigint;
BEGIN
  PERFORM check_given(extract(day FROM publish_dispatch_carbon.month) = 1, 'month, as its first day', 'Write 2026-11-01.');
  IF NOT EXISTS (SELECT FROM open_statistic o WHERE o.month = publish_dispatch_carbon.month) THEN
    RAISE EXCEPTION 'the volumes of % are not published', publish_dispatch_carbon.month
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'First publish_statistics(): what is hidden there is hidden here.';
  END IF;
  IF EXISTS (SELECT FROM open_dispatch_carbon o WHERE o.month = publish_dispatch_carbon.month) THEN
    RAISE EXCEPTION 'the carbon of % is published', publish_dispatch_carbon.month
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'It is published once, by one method: two would tell of what lies between.';
  END IF;
  INSERT INTO open_dispatch_carbon (month, market_code, method_code, method_version, hidden, dispatches, emitted_kg, displaced_kg, net_kg)
  SELECT publish_dispatch_carbon.month, x.code, used.code, used.version, h.hidden, CASE WHEN NOT h.hidden THEN x.dispatches END, CASE WHEN NOT h.hidden THEN x.emitted END, CASE WHEN NOT h.hidden THEN x.displaced END, CASE WHEN NOT h.hidden THEN x.net END
  FROM (SELECT m.code, count(DISTINCT c.dispatch_id) FILTER (WHERE c.net_kg IS NOT NULL) AS dispatches, sum(c.emitted_kg) FILTER (WHERE c.net_kg IS NOT NULL) AS emitted, sum(c.displaced_kg) FILTER (WHERE c.net_kg IS NOT NULL) AS displaced,
               sum(c.net_kg) AS net, count(DISTINCT c.service_provider_id) FILTER (WHERE c.net_kg IS NOT NULL) AS known, count(DISTINCT c.service_provider_id) FILTER (WHERE c.net_kg IS NULL) AS unknown
        FROM market m CROSS JOIN LATERAL delivery_carbon(m.id, publish_dispatch_carbon.month, used.code, used.version) c GROUP BY m.code) x
  -- with the intensity of the grid a figure tells of energy: that of a volume that is hidden, and what is left over of one that is not
  CROSS JOIN LATERAL (SELECT x.known < smallest OR x.unknown BETWEEN 1 AND smallest - 1
                             OR NOT EXISTS (SELECT FROM open_statistic o WHERE o.month = publish_dispatch_carbon.month AND o.subject = 'dispatch' AND o.market_code = x.code AND o.product_code IS NULL AND NOT o.hidden) AS hidden) h
  ORDER BY x.code COLLATE "C";
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END
$function$;
COMMENT ON FUNCTION publish_dispatch_carbon(date, text, integer) IS
  'publishes the carbon of the dispatches of a month, given by its first day, by market and by one method, where its volume is published and it is of no fewer providers than exchange_instance.smallest_group, nor what of it is not known; after publish_statistics(), once for each month; returns the rows; errors 55000, 23514, MX518; SECURITY DEFINER because nobody writes open_dispatch_carbon itself';
REVOKE ALL ON FUNCTION publish_dispatch_carbon(date, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION publish_dispatch_carbon(date, text, integer) TO flexexchange_operator;
