-- archetype: thin
-- Grid: everybody who takes part reads it.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['grid_node', 'grid_node_parent']) t;

CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON grid_node
  FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
  EXECUTE FUNCTION refuse_change('mrid', 'An mrid names a thing for ever; register a new one instead.');
COMMENT ON TRIGGER t10_mrid_is_kept ON grid_node IS 'an mrid never changes';
