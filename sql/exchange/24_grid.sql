-- archetype: thin
-- Grid: the places of the network, and what feeds what.

CREATE TABLE grid_node (
  id           bigint PRIMARY KEY DEFAULT nextval('resource_id'),
  mrid         uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  kind         text NOT NULL,
  name         text NOT NULL,
  licence_area text,
  voltage_kv   numeric(7,3),
  operator_id  bigint REFERENCES participant,
  recorded_at  timestamptz NOT NULL DEFAULT now(),
  latitude     numeric(9,6),
  longitude    numeric(9,6),
  CONSTRAINT grid_node_kind_is_known CHECK (
    check_code(kind, 'grid_node.kind', 'nation', 'gsp_group', 'gsp', 'bsp', 'primary', 'feeder', 'zone')),
  CONSTRAINT grid_node_name_is_short CHECK (check_text(name, 'grid_node.name', 255)),
  CONSTRAINT grid_node_voltage_is_positive CHECK (check_positive(voltage_kv, 'grid_node.voltage_kv')),
  CONSTRAINT grid_node_latitude_on_earth CHECK (latitude BETWEEN -90 AND 90),
  CONSTRAINT grid_node_longitude_on_earth CHECK (longitude BETWEEN -180 AND 180)
);
-- importers find a node by its name within its kind and licence area
CREATE UNIQUE INDEX grid_node_name_key ON grid_node (kind, name, licence_area) NULLS NOT DISTINCT;
COMMENT ON TABLE grid_node IS 'places of the network, from the grid supply point down to the feeder, and the zones that operators draw';
COMMENT ON COLUMN grid_node.id IS 'surrogate key, from the sequence of resources';
COMMENT ON COLUMN grid_node.mrid IS 'master resource identifier (IEC CIM), never changed';
COMMENT ON COLUMN grid_node.kind IS 'nation, gsp_group, gsp, bsp, primary, feeder, or zone (a constraint management zone)';
COMMENT ON COLUMN grid_node.name IS 'name, unique within kind and licence area';
COMMENT ON COLUMN grid_node.licence_area IS 'licence area of the network operator, as it writes it';
COMMENT ON COLUMN grid_node.voltage_kv IS 'nominal voltage, kV';
COMMENT ON COLUMN grid_node.operator_id IS 'the participant that operates it';
COMMENT ON COLUMN grid_node.recorded_at IS 'when the row was written';
COMMENT ON COLUMN grid_node.latitude IS 'its middle, degrees north, WGS 84';
COMMENT ON COLUMN grid_node.longitude IS 'its middle, degrees east, WGS 84';
COMMENT ON INDEX grid_node_name_key IS 'a node is registered once';

CREATE TABLE grid_node_parent (
  grid_node_id bigint NOT NULL REFERENCES grid_node,
  parent_id    bigint NOT NULL REFERENCES grid_node,
  valid        time_window NOT NULL DEFAULT '-infinity/infinity',
  CONSTRAINT grid_node_parent_is_another CHECK (grid_node_id <> parent_id),
  CONSTRAINT grid_node_parent_one_at_a_time EXCLUDE USING gist (resource_window(grid_node_id, valid) WITH &&)
);
CREATE INDEX grid_node_parent_parent_id_idx ON grid_node_parent (parent_id);
COMMENT ON TABLE grid_node_parent IS 'what feeds a node, and when: networks are switched';
COMMENT ON COLUMN grid_node_parent.grid_node_id IS 'the node that is fed';
COMMENT ON COLUMN grid_node_parent.parent_id IS 'the node that feeds it';
COMMENT ON COLUMN grid_node_parent.valid IS 'when';
COMMENT ON INDEX grid_node_parent_parent_id_idx IS 'what lies below a node';
COMMENT ON CONSTRAINT grid_node_parent_one_at_a_time ON grid_node_parent IS 'one parent at a time';
