-- archetype: thin
-- Search: participants, needs and products in one call, and capabilities where the
-- exchange has a register.
--
-- Below row-level security no index of words or of places is used, since their
-- operators may tell of rows that the reader must not see.  So the search runs as
-- its owner and says itself what its caller may find: what the policies say.
--
-- Each kind gives its best rows, as many as the pages asked for hold, and these
-- are ranked together: by how well the words match, then by how near a coordinate
-- they are, then by power.

CREATE OR REPLACE FUNCTION grid_nodes_concerned(node bigint, at timestamptz DEFAULT now()) RETURNS bigint[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT ARRAY(SELECT grid_node_id FROM grid_nodes_below(node, time_window(at, at + interval '1 microsecond'))
               UNION SELECT grid_node_id FROM grid_nodes_above(node, time_window(at, at + interval '1 microsecond')))
$function$;
COMMENT ON FUNCTION grid_nodes_concerned(bigint, timestamptz) IS
  'a node, all that it feeds and all that feeds it, at an instant: what is wanted at any of them concerns whoever is there';
REVOKE ALL ON FUNCTION grid_nodes_concerned(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grid_nodes_concerned(bigint, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION search_capabilities(
  words text, nodes bigint[], latitude numeric, longitude numeric, within_km numeric,
  service_code text, direction text, power_kw numeric, best integer)
RETURNS TABLE (kind text, id bigint, name text, summary text, kw numeric, km double precision, rank real)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT NULL::text, NULL::bigint, NULL::text, NULL::text, NULL::numeric, NULL::double precision, NULL::real WHERE false
$function$;
COMMENT ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer) IS
  'nothing: this exchange has no register of assets';
REVOKE ALL ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION search_exchange(
  words text DEFAULT NULL, kinds text[] DEFAULT NULL, grid_node_id bigint DEFAULT NULL,
  latitude numeric DEFAULT NULL, longitude numeric DEFAULT NULL, within_km numeric DEFAULT NULL,
  service_code text DEFAULT NULL, during time_window DEFAULT NULL, direction text DEFAULT NULL, power_kw numeric DEFAULT NULL,
  page integer DEFAULT 1, page_size integer DEFAULT 20)
RETURNS TABLE (kind text, id bigint, name text, summary text, kw numeric, km numeric, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
DECLARE
  known CONSTANT text[] := ARRAY['participant', 'need', 'product', 'capability'];
  asked CONSTANT tsquery := websearch_to_tsquery('pg_catalog.english', words);
  nodes bigint[];
  around box;
  best integer;
  by_offer CONSTANT boolean := num_nonnulls(search_exchange.grid_node_id, within_km, search_exchange.service_code, during,
                                            search_exchange.direction, search_exchange.power_kw) > 0;
  caller CONSTANT bigint := current_participant();
  reads_all CONSTANT boolean := acts_for_exchange();
  unknown text;
BEGIN
  SELECT k INTO unknown FROM unnest(search_exchange.kinds) k WHERE k <> ALL (known) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'search_exchange: unknown kind "%"', left(unknown, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Known kinds: %s.', array_to_string(known, ', '));
  END IF;
  IF page IS NULL OR page_size IS NULL OR page NOT BETWEEN 1 AND 1000 OR page_size NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'search_exchange: page % of % rows', coalesce(page::text, 'NULL'), coalesce(page_size::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Pages count from 1 to 1000 and have 1 to 1000 rows.';
  END IF;
  IF num_nonnulls(search_exchange.latitude, search_exchange.longitude, within_km) NOT IN (0, 3)
     OR within_km NOT BETWEEN 0.001 AND 20100 OR search_exchange.latitude NOT BETWEEN -90 AND 90 OR search_exchange.longitude NOT BETWEEN -180 AND 180 THEN
    RAISE EXCEPTION 'search_exchange: latitude %, longitude %, within_km %', coalesce(search_exchange.latitude::text, 'NULL'), coalesce(search_exchange.longitude::text, 'NULL'), coalesce(within_km::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give all three or none: degrees from -90 to 90 and from -180 to 180, and up to 20,100 km.';
  END IF;
  IF search_exchange.direction NOT IN ('up', 'down') THEN
    RAISE EXCEPTION 'search_exchange: direction "%"', left(search_exchange.direction, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It is up or down.';
  END IF;
  best := page * page_size;
  around := box_around(search_exchange.latitude, search_exchange.longitude, within_km);
  IF search_exchange.grid_node_id IS NOT NULL THEN
    nodes := grid_nodes_concerned(search_exchange.grid_node_id, CASE WHEN lower(during) > '-infinity' THEN lower(during) ELSE now() END);
  END IF;

  RETURN QUERY
  SELECT found.kind, found.id, found.name, found.summary, found.kw, round(found.km::numeric, 1), found.rank
  FROM (
    (SELECT 'participant' AS kind, p.id, p.name, array_to_string(p.kinds, ', ') AS summary, NULL::numeric AS kw, offered.km,
            coalesce(ts_rank(p.words, asked), 0) AS rank
     FROM participant p
     -- what it serves, where and when, in one and the same offer
     LEFT JOIN (
       SELECT o.service_provider_id, min(distance_km(search_exchange.latitude, search_exchange.longitude, o.latitude, o.longitude)) AS km
       FROM service_offer o
       WHERE by_offer
         AND (nodes IS NULL OR o.grid_node_id IS NULL OR o.grid_node_id = ANY (nodes))
         AND (around IS NULL OR (place(o.latitude, o.longitude) <@ around
              AND distance_km(search_exchange.latitude, search_exchange.longitude, o.latitude, o.longitude) <= within_km))
         AND (search_exchange.service_code IS NULL OR o.service_code = search_exchange.service_code)
         AND (during IS NULL OR o.valid && during)
         AND (search_exchange.direction IS NULL OR o.direction IS NULL OR o.direction = search_exchange.direction)
         AND (search_exchange.power_kw IS NULL OR o.power_kw >= search_exchange.power_kw)
       GROUP BY o.service_provider_id) offered ON offered.service_provider_id = p.id
     WHERE (search_exchange.kinds IS NULL OR 'participant' = ANY (search_exchange.kinds)) AND (asked IS NULL OR p.words @@ asked)
       AND (NOT by_offer OR offered.service_provider_id IS NOT NULL)
     ORDER BY rank DESC, offered.km, p.id LIMIT best)
    UNION ALL
    (SELECT 'need', n.id, n.name,
            format('%s %s, %s', n.service_code, n.direction, n.status), n.power_kw,
            distance_km(search_exchange.latitude, search_exchange.longitude, n.latitude, n.longitude) AS km,
            coalesce(ts_rank(n.words, asked), 0) AS rank
     FROM need n
     WHERE (search_exchange.kinds IS NULL OR 'need' = ANY (search_exchange.kinds)) AND (asked IS NULL OR n.words @@ asked)
       -- policy NEED-1
       AND (reads_all OR n.status <> 'draft' OR n.market_operator_id = caller)
       AND (nodes IS NULL OR n.grid_node_id IS NULL OR n.grid_node_id = ANY (nodes))
       AND (around IS NULL OR (place(n.latitude, n.longitude) <@ around
            AND distance_km(search_exchange.latitude, search_exchange.longitude, n.latitude, n.longitude) <= within_km))
       AND (search_exchange.service_code IS NULL OR n.service_code = search_exchange.service_code)
       AND (search_exchange.direction IS NULL OR n.direction = search_exchange.direction)
       AND (search_exchange.power_kw IS NULL OR n.power_kw >= search_exchange.power_kw)
       AND (during IS NULL OR (n.delivery_window && during
            AND (NOT EXISTS (SELECT FROM need_window w WHERE w.need_id = n.id)
                 OR EXISTS (SELECT FROM need_window w WHERE resource_window(w.need_id, w.delivery_window) && resource_window(n.id, during)))))
     ORDER BY rank DESC, km, n.power_kw DESC, n.id LIMIT best)
    UNION ALL
    (SELECT 'product', p.id, p.name, format('%s of %s, version %s', p.code, m.name, p.version), NULL, NULL,
            coalesce(ts_rank(p.words, asked), 0) AS rank
     FROM product p JOIN market m ON m.id = p.market_id
     WHERE (search_exchange.kinds IS NULL OR 'product' = ANY (search_exchange.kinds)) AND (asked IS NULL OR p.words @@ asked)
       AND (search_exchange.service_code IS NULL OR p.service_code = search_exchange.service_code)
       AND p.valid && coalesce(during, time_window(now(), now() + interval '1 microsecond'))
       -- a product has no place of its own: it is bought where its buyer operates the network
       AND within_km IS NULL
       AND (nodes IS NULL OR EXISTS (SELECT FROM grid_node g WHERE g.id = ANY (nodes) AND g.operator_id = m.market_operator_id))
     ORDER BY rank DESC, p.id LIMIT best)
    UNION ALL
    SELECT c.kind, c.id, c.name, c.summary, c.kw, c.km, c.rank
    FROM search_capabilities(words, nodes, search_exchange.latitude, search_exchange.longitude, within_km,
                             search_exchange.service_code, search_exchange.direction, search_exchange.power_kw, best) c
    WHERE search_exchange.kinds IS NULL OR 'capability' = ANY (search_exchange.kinds)
  ) found
  ORDER BY found.rank DESC, found.km, found.kw DESC NULLS LAST, found.kind, found.id
  LIMIT page_size OFFSET (page - 1) * page_size;
END
$function$;
COMMENT ON FUNCTION search_exchange(text, text[], bigint, numeric, numeric, numeric, text, time_window, text, numeric, integer, integer) IS
  'participants, needs, products and (where there is a register) capabilities of assets that match words (as typed into a search engine), a place of the network with all above and below it, a distance in km of a coordinate in degrees, a service, a window, a direction, and at least so many kW; what is not given does not matter; ranked by words, then distance, then kW; pages count from 1; SECURITY DEFINER because row-level security keeps the indexes of words and places from being used: it asks for what policy NEED-1 lets the caller read';
REVOKE ALL ON FUNCTION search_exchange(text, text[], bigint, numeric, numeric, numeric, text, time_window, text, numeric, integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_exchange(text, text[], bigint, numeric, numeric, numeric, text, time_window, text, numeric, integer, integer)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
