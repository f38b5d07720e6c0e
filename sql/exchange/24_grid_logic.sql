-- archetype: thin
-- Grid: everybody who takes part reads it.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['grid_node', 'grid_node_parent']) t;

CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON grid_node
  FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
  EXECUTE FUNCTION refuse_change('mrid', 'An mrid names a thing for ever; register a new one instead.');
COMMENT ON TRIGGER t10_mrid_is_kept ON grid_node IS 'an mrid never changes';

CREATE OR REPLACE FUNCTION grid_nodes_above(node bigint, span time_window)
RETURNS TABLE (grid_node_id bigint, valid time_window, steps integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH RECURSIVE path AS (
    SELECT node AS id, span AS during, ARRAY[node] AS nodes
    UNION ALL
    SELECT p.parent_id, path.during * p.valid, path.nodes || p.parent_id
    FROM path
    JOIN grid_node_parent p ON resource_window(p.grid_node_id, p.valid) && resource_window(path.id, path.during)
    WHERE p.parent_id <> ALL (path.nodes)
  )
  SELECT path.id, path.during, cardinality(path.nodes) - 1 FROM path
$function$;
COMMENT ON FUNCTION grid_nodes_above(bigint, time_window) IS
  'a node and all that feeds it during a window, with when and how many steps up; a node fed by itself in the end is gone through once';
REVOKE ALL ON FUNCTION grid_nodes_above(bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grid_nodes_above(bigint, time_window)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION grid_nodes_below(node bigint, span time_window)
RETURNS TABLE (grid_node_id bigint, valid time_window, steps integer)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH RECURSIVE path AS (
    SELECT node AS id, span AS during, ARRAY[node] AS nodes
    UNION ALL
    SELECT p.grid_node_id, path.during * p.valid, path.nodes || p.grid_node_id
    FROM path
    JOIN grid_node_parent p ON p.parent_id = path.id AND p.valid && path.during
    WHERE p.grid_node_id <> ALL (path.nodes)
  )
  SELECT path.id, path.during, cardinality(path.nodes) - 1 FROM path
$function$;
COMMENT ON FUNCTION grid_nodes_below(bigint, time_window) IS
  'a node and all that it feeds during a window, with when and how many steps down; a node fed by itself in the end is gone through once';
REVOKE ALL ON FUNCTION grid_nodes_below(bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION grid_nodes_below(bigint, time_window)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
