-- archetype: medium
-- Capabilities: finding assets by what they can do and where, for those who may read
-- them, and what it would change if products asked for the same.

CREATE OR REPLACE FUNCTION search_capabilities(
  words text, nodes bigint[], latitude numeric, longitude numeric, within_km numeric,
  service_code text, direction text, power_kw numeric, best integer)
RETURNS TABLE (kind text, id bigint, name text, summary text, kw numeric, km double precision, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $function$
DECLARE
  caller CONSTANT bigint := current_participant();
  takes_part CONSTANT boolean := pg_has_role(session_role(), 'flexexchange_participant', 'MEMBER');
  reads_all CONSTANT boolean := acts_for_exchange() OR (takes_part AND current_participant_is('market_operator'));
  specs product_spec[];
  spec product_spec;
  eligible bigint[];
  radius numeric := within_km / 16;
  -- what is asked for, and no more, so that each search has the plan that suits it
  conditions text := concat_ws(' AND ',
    'true',
    CASE WHEN words IS NOT NULL THEN 'lower(a.technology) = lower($1)' END,
    CASE WHEN search_capabilities.direction = 'up' THEN 'a.qualified_up_kw > 0 AND a.qualified_up_kw >= coalesce($2, 0)'
         WHEN search_capabilities.direction = 'down' THEN 'a.qualified_down_kw > 0 AND a.qualified_down_kw >= coalesce($2, 0)'
         WHEN search_capabilities.power_kw IS NOT NULL THEN 'greatest(a.qualified_up_kw, a.qualified_down_kw) >= $2' END,
    CASE WHEN within_km IS NOT NULL THEN 'place(a.latitude, a.longitude) <@ box_around($3, $4, $5) AND distance_km($3, $4, a.latitude, a.longitude) <= $5' END,
    -- policy REG-2
    CASE WHEN NOT reads_all THEN 'EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = a.id AND o.service_provider_id = $6 AND lower(o.valid) <= now())' END);
  powerful CONSTANT text := CASE search_capabilities.direction WHEN 'up' THEN 'a.qualified_up_kw' WHEN 'down' THEN 'a.qualified_down_kw'
                                                               ELSE 'greatest(a.qualified_up_kw, a.qualified_down_kw)' END || ' DESC NULLS LAST, a.id';
  query text;
  found bigint[];
BEGIN
  IF NOT reads_all AND (caller IS NULL OR NOT takes_part) THEN
    RETURN;
  END IF;
  IF search_capabilities.service_code IS NOT NULL THEN
    specs := ARRAY(SELECT DISTINCT p.spec FROM product p
                   WHERE p.service_code = search_capabilities.service_code AND p.spec IS NOT NULL AND p.valid @> now());
    -- where few are eligible the index of profiles finds them; where many are, they are met soon
    eligible := '{}';
    FOREACH spec IN ARRAY specs LOOP
      eligible := eligible || ARRAY(SELECT a.id FROM asset a WHERE a.profile <@ spec LIMIT 2001);
      EXIT WHEN cardinality(eligible) > 2000;
    END LOOP;
    conditions := conditions || CASE WHEN cardinality(eligible) > 2000 THEN ' AND EXISTS (SELECT FROM unnest($7) s WHERE a.profile <@ s)'
                                     ELSE ' AND a.id = ANY ($8)' END;
  END IF;
  query := CASE
    -- the most powerful of each place, then of all of them
    WHEN cardinality(nodes) <= 500 AND within_km IS NULL THEN format(
      'SELECT a.id FROM unnest($9) node CROSS JOIN LATERAL (SELECT * FROM asset a WHERE a.grid_node_id = node AND %s ORDER BY %s LIMIT $10) a ORDER BY %2$s LIMIT $10',
      conditions, powerful)
    ELSE format('SELECT a.id FROM asset a WHERE %s ORDER BY %s LIMIT $10',
      conditions || CASE WHEN nodes IS NOT NULL THEN ' AND a.grid_node_id = ANY ($9)' ELSE '' END,
      CASE WHEN within_km IS NOT NULL THEN 'distance_km($3, $4, a.latitude, a.longitude), ' ELSE '' END || powerful) END;
  -- the nearest are within half the distance, or a quarter, when there are enough of them
  LOOP
    EXECUTE format('SELECT ARRAY(%s)', query) INTO found
      USING words, search_capabilities.power_kw, search_capabilities.latitude, search_capabilities.longitude, radius, caller, specs, eligible, nodes, best;
    EXIT WHEN within_km IS NULL OR cardinality(found) >= best OR radius >= within_km;
    radius := least(2 * radius, within_km);
  END LOOP;
  RETURN QUERY
  SELECT 'capability', a.id, a.name, concat_ws(', ', a.technology, a.energy_source),
         CASE search_capabilities.direction WHEN 'up' THEN a.qualified_up_kw WHEN 'down' THEN a.qualified_down_kw
                                            ELSE greatest(a.qualified_up_kw, a.qualified_down_kw) END,
         distance_km(search_capabilities.latitude, search_capabilities.longitude, a.latitude, a.longitude), 0::real
  FROM unnest(found) WITH ORDINALITY f (id, place) JOIN asset a ON a.id = f.id
  ORDER BY f.place;
END
$function$;
COMMENT ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer) IS
  'what search_exchange() finds among assets: of a technology, at places of the network, near a coordinate, eligible as members for a product of a service, with so many kW; nearest, or most powerful, first; a market operator finds every asset, a provider those that it operates or operated; SECURITY DEFINER because row-level security keeps the index of places from being used: it asks for what policy REG-2 lets the caller read';
REVOKE ALL ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION search_capabilities(text, bigint[], numeric, numeric, numeric, text, text, numeric, integer)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION harmonisation_effect(part text, requirement text, wanted jsonb)
RETURNS TABLE (product_id bigint, code text, members_now bigint, members_then bigint, alone_now bigint, alone_then bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  asked record;
  changed product_spec;
BEGIN
  IF part NOT IN ('member', 'unit') THEN
    RAISE EXCEPTION 'harmonisation_effect: part "%"', left(part, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = 'It is member or unit.';
  END IF;
  FOR asked IN
    SELECT p.id, p.code, p.spec FROM product p
    WHERE p.valid @> now() AND p.spec::jsonb -> harmonisation_effect.part ? harmonisation_effect.requirement ORDER BY p.id
  LOOP
    changed := (CASE WHEN wanted IS NULL THEN asked.spec::jsonb #- ARRAY[part, requirement]
                     ELSE jsonb_set(asked.spec::jsonb, ARRAY[part, requirement], wanted) END)::product_spec;
    product_id := asked.id;
    code := asked.code;
    SELECT count(*) FILTER (WHERE a.profile <@ asked.spec), count(*) FILTER (WHERE a.profile <@ changed),
           count(*) FILTER (WHERE eligible_alone(asked.spec, a.profile)), count(*) FILTER (WHERE eligible_alone(changed, a.profile))
      INTO members_now, members_then, alone_now, alone_then
    FROM asset a WHERE a.profile IS NOT NULL;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION harmonisation_effect(text, text, jsonb) IS
  'what it would change if every product on offer that has this requirement had it in these words (NULL: had it no more): how many of the assets that the caller may read are eligible as members and by themselves, now and then; part is member or unit; error 22023 for another part, 22P02 or 22023 for words that a product_spec does not take';
REVOKE ALL ON FUNCTION harmonisation_effect(text, text, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION harmonisation_effect(text, text, jsonb) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
