-- What an asset does not have it is not looked for by.
DROP INDEX asset_metering_point_id_idx, asset_grid_node_id_idx, asset_up_idx, asset_down_idx;
CREATE INDEX asset_metering_point_id_idx ON asset (metering_point_id) WHERE metering_point_id IS NOT NULL;
CREATE INDEX asset_grid_node_id_idx ON asset (grid_node_id, greatest(qualified_up_kw, qualified_down_kw) DESC NULLS LAST) WHERE grid_node_id IS NOT NULL;
CREATE INDEX asset_up_idx ON asset (qualified_up_kw DESC NULLS LAST) WHERE qualified_up_kw > 0;
CREATE INDEX asset_down_idx ON asset (qualified_down_kw DESC NULLS LAST) WHERE qualified_down_kw > 0;
COMMENT ON INDEX asset_metering_point_id_idx IS 'which assets share a meter';
COMMENT ON INDEX asset_grid_node_id_idx IS 'which assets lie at a place, the most powerful first';
COMMENT ON INDEX asset_up_idx IS 'the most powerful assets upwards';
COMMENT ON INDEX asset_down_idx IS 'the most powerful assets downwards';
