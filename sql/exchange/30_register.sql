-- archetype: medium
-- Register: the meters, the assets, who operates them, how they are grouped, and
-- under which names others know them.
--
-- Assets, portfolios, metering points and grid nodes share one sequence of ids.
-- A unit is an asset or a portfolio: what can be committed.

-- ------------------------------------------------------------------ meters

CREATE TABLE metering_point (
  id               bigint PRIMARY KEY DEFAULT nextval('resource_id'),
  mrid             uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  mpan             text NOT NULL UNIQUE,
  kind             text NOT NULL DEFAULT 'boundary',
  parent_id        bigint REFERENCES metering_point,
  grid_node_id     bigint REFERENCES grid_node,
  agreed_import_kw numeric(14,3),
  agreed_export_kw numeric(14,3),
  postcode         text,
  recorded_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT metering_point_mpan_is_valid CHECK (check_mpan(mpan, 'metering_point.mpan')),
  CONSTRAINT metering_point_kind_is_known CHECK (check_code(kind, 'metering_point.kind', 'boundary', 'asset')),
  CONSTRAINT metering_point_import_not_negative CHECK (check_not_negative(agreed_import_kw, 'metering_point.agreed_import_kw')),
  CONSTRAINT metering_point_export_not_negative CHECK (check_not_negative(agreed_export_kw, 'metering_point.agreed_export_kw'))
);
COMMENT ON TABLE metering_point IS 'meters: at the boundary of a connection, or at an asset behind it';
COMMENT ON COLUMN metering_point.id IS 'surrogate key, from the sequence of resources';
COMMENT ON COLUMN metering_point.mrid IS 'master resource identifier (IEC CIM), never changed';
COMMENT ON COLUMN metering_point.mpan IS 'core of the meter point administration number, or asset metering system id: 13 digits with a right check digit';
COMMENT ON COLUMN metering_point.kind IS 'boundary or asset';
COMMENT ON COLUMN metering_point.parent_id IS 'the boundary meter behind which an asset meter lies';
COMMENT ON COLUMN metering_point.grid_node_id IS 'where it is connected';
COMMENT ON COLUMN metering_point.agreed_import_kw IS 'most that may be drawn from the network, kW; NULL when not known';
COMMENT ON COLUMN metering_point.agreed_export_kw IS 'most that may be fed into the network, kW; NULL when not known';
COMMENT ON COLUMN metering_point.postcode IS 'postcode of the site';
COMMENT ON COLUMN metering_point.recorded_at IS 'when the row was written';

-- ------------------------------------------------------------------ assets

CREATE TABLE asset (
  id                bigint PRIMARY KEY DEFAULT nextval('resource_id'),
  mrid              uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  name              text NOT NULL,
  technology        text,
  energy_source     text,
  metering_point_id bigint REFERENCES metering_point,
  grid_node_id      bigint REFERENCES grid_node,
  connection_status text NOT NULL DEFAULT 'connected',
  connected_on      date,
  installed_kw      numeric(14,3),
  qualified_up_kw   numeric(14,3),
  qualified_down_kw numeric(14,3),
  latitude          numeric(9,6),
  longitude         numeric(9,6),
  source            text,
  recorded_at       timestamptz NOT NULL DEFAULT now(),
  profile           asset_profile,
  manufacturer      text,
  model             text,
  serial_number     text,
  connection_type   text,
  export_metering_point_id bigint REFERENCES metering_point,
  domestic          boolean,
  accepted_on       date,
  target_energisation_on date,
  CONSTRAINT asset_manufacturer_is_short CHECK (check_text(manufacturer, 'asset.manufacturer', 255)),
  CONSTRAINT asset_model_is_short CHECK (check_text(model, 'asset.model', 255)),
  CONSTRAINT asset_serial_number_is_short CHECK (check_text(serial_number, 'asset.serial_number', 64)),
  CONSTRAINT asset_connection_type_is_short CHECK (check_text(connection_type, 'asset.connection_type', 64)),
  CONSTRAINT asset_id_is_positive CHECK (id > 0),
  CONSTRAINT asset_name_is_short CHECK (check_text(name, 'asset.name', 255)),
  CONSTRAINT asset_technology_is_short CHECK (check_text(technology, 'asset.technology', 255)),
  CONSTRAINT asset_energy_source_is_short CHECK (check_text(energy_source, 'asset.energy_source', 255)),
  CONSTRAINT asset_connection_status_is_known CHECK (
    check_code(connection_status, 'asset.connection_status', 'connected', 'pending', 'disconnected')),
  CONSTRAINT asset_installed_not_negative CHECK (check_not_negative(installed_kw, 'asset.installed_kw')),
  CONSTRAINT asset_qualified_up_not_negative CHECK (check_not_negative(qualified_up_kw, 'asset.qualified_up_kw')),
  CONSTRAINT asset_qualified_down_not_negative CHECK (check_not_negative(qualified_down_kw, 'asset.qualified_down_kw')),
  CONSTRAINT asset_latitude_on_earth CHECK (latitude BETWEEN -90 AND 90),
  CONSTRAINT asset_longitude_on_earth CHECK (longitude BETWEEN -180 AND 180)
);
-- which assets share a meter; which lie at a place, the most powerful first; of those without there is nothing to find
CREATE INDEX asset_metering_point_id_idx ON asset (metering_point_id) WHERE metering_point_id IS NOT NULL;
CREATE INDEX asset_grid_node_id_idx ON asset (grid_node_id, greatest(qualified_up_kw, qualified_down_kw) DESC NULLS LAST) WHERE grid_node_id IS NOT NULL;
-- what is near, and the most powerful first, of all and of a technology
CREATE INDEX asset_place_idx ON asset USING gist (place(latitude, longitude));
CREATE INDEX asset_export_metering_point_id_idx ON asset (export_metering_point_id) WHERE export_metering_point_id IS NOT NULL;
CREATE INDEX asset_serial_number_idx ON asset (serial_number) WHERE serial_number IS NOT NULL;
CREATE INDEX asset_power_idx ON asset (greatest(qualified_up_kw, qualified_down_kw) DESC NULLS LAST);
CREATE INDEX asset_up_idx ON asset (qualified_up_kw DESC NULLS LAST) WHERE qualified_up_kw > 0;
CREATE INDEX asset_down_idx ON asset (qualified_down_kw DESC NULLS LAST) WHERE qualified_down_kw > 0;
CREATE INDEX asset_technology_idx ON asset (lower(technology), greatest(qualified_up_kw, qualified_down_kw) DESC NULLS LAST);
COMMENT ON TABLE asset IS 'what is controlled: batteries, chargers, heat pumps, generators';
COMMENT ON COLUMN asset.id IS 'surrogate key, from the sequence of resources';
COMMENT ON COLUMN asset.mrid IS 'master resource identifier (IEC CIM), never changed';
COMMENT ON COLUMN asset.name IS 'name given by its operator';
COMMENT ON COLUMN asset.technology IS 'conversion technology, as registered';
COMMENT ON COLUMN asset.energy_source IS 'energy source, as registered';
COMMENT ON COLUMN asset.metering_point_id IS 'the meter it lies behind';
COMMENT ON COLUMN asset.grid_node_id IS 'where it is connected';
COMMENT ON COLUMN asset.connection_status IS 'connected, pending (accepted to connect) or disconnected';
COMMENT ON COLUMN asset.connected_on IS 'day of connection, local';
COMMENT ON COLUMN asset.installed_kw IS 'registered capacity, kW';
COMMENT ON COLUMN asset.qualified_up_kw IS 'most that it may sell upwards (more generation or less demand), kW; NULL when not known, and then headroom is not checked';
COMMENT ON COLUMN asset.qualified_down_kw IS 'most that it may sell downwards (less generation or more demand), kW; NULL when not known, and then headroom is not checked';
COMMENT ON COLUMN asset.latitude IS 'degrees north, WGS 84';
COMMENT ON COLUMN asset.longitude IS 'degrees east, WGS 84';
COMMENT ON COLUMN asset.source IS 'where the row came from, when it was imported';
COMMENT ON COLUMN asset.recorded_at IS 'when the row was written';
COMMENT ON COLUMN asset.profile IS 'what it can do, in the terms in which products ask; NULL when not declared';
COMMENT ON COLUMN asset.manufacturer IS 'who made it';
COMMENT ON COLUMN asset.model IS 'make and model';
COMMENT ON COLUMN asset.serial_number IS 'number that its manufacturer gave it';
COMMENT ON COLUMN asset.connection_type IS 'firm, flexible, dynamic ..., as registered';
COMMENT ON COLUMN asset.export_metering_point_id IS 'the meter of its export, where that is another than metering_point_id';
COMMENT ON COLUMN asset.domestic IS 'true: it belongs to a household, whose consent stands behind it; NULL: not said';
COMMENT ON COLUMN asset.accepted_on IS 'day on which the network operator accepted the connection';
COMMENT ON COLUMN asset.target_energisation_on IS 'day on which a connection that is accepted is to be energised';
COMMENT ON INDEX asset_export_metering_point_id_idx IS 'which assets export through a meter';
COMMENT ON INDEX asset_serial_number_idx IS 'assets by what their manufacturers call them, to find one that is there twice';
COMMENT ON INDEX asset_place_idx IS 'which assets are near a coordinate';
COMMENT ON INDEX asset_power_idx IS 'the most powerful assets';
COMMENT ON INDEX asset_up_idx IS 'the most powerful assets upwards';
COMMENT ON INDEX asset_down_idx IS 'the most powerful assets downwards';
COMMENT ON INDEX asset_technology_idx IS 'the most powerful assets of a technology';
COMMENT ON INDEX asset_metering_point_id_idx IS 'which assets share a meter';
COMMENT ON INDEX asset_grid_node_id_idx IS 'which assets lie at a place, the most powerful first';

CREATE TABLE asset_technology (
  asset_id      bigint NOT NULL REFERENCES asset,
  place         smallint NOT NULL,
  technology    text,
  energy_source text,
  cogeneration  boolean,
  installed_kw  numeric(14,3),
  energy_kwh    numeric(14,3),
  PRIMARY KEY (asset_id, place),
  CONSTRAINT asset_technology_place_counts_from_one CHECK (check_positive(place, 'asset_technology.place')),
  CONSTRAINT asset_technology_says_something CHECK (
    check_given(technology IS NOT NULL OR energy_source IS NOT NULL, 'asset_technology.technology or energy_source', 'Name what it is, or what it burns, stores or catches.')),
  CONSTRAINT asset_technology_technology_is_short CHECK (check_text(technology, 'asset_technology.technology', 255)),
  CONSTRAINT asset_technology_energy_source_is_short CHECK (check_text(energy_source, 'asset_technology.energy_source', 255)),
  CONSTRAINT asset_technology_installed_not_negative CHECK (check_not_negative(installed_kw, 'asset_technology.installed_kw')),
  CONSTRAINT asset_technology_energy_not_negative CHECK (check_not_negative(energy_kwh, 'asset_technology.energy_kwh'))
);
COMMENT ON TABLE asset_technology IS 'what stands behind one registration, each for itself: panels and a battery; asset has them in one line';
COMMENT ON COLUMN asset_technology.asset_id IS 'the asset';
COMMENT ON COLUMN asset_technology.place IS 'counted from 1, the principal first';
COMMENT ON COLUMN asset_technology.technology IS 'what it is, in the words of its register';
COMMENT ON COLUMN asset_technology.energy_source IS 'what it burns, stores or catches, in the words of its register';
COMMENT ON COLUMN asset_technology.cogeneration IS 'true when its heat is used (CHP)';
COMMENT ON COLUMN asset_technology.installed_kw IS 'its registered capacity, kW';
COMMENT ON COLUMN asset_technology.energy_kwh IS 'energy that it can store, kWh';

CREATE TABLE asset_operator (
  asset_id            bigint NOT NULL REFERENCES asset,
  service_provider_id bigint NOT NULL REFERENCES participant,
  valid               time_window NOT NULL DEFAULT time_window(now(), 'infinity'),
  CONSTRAINT asset_operator_one_at_a_time EXCLUDE USING gist (resource_window(asset_id, valid) WITH &&)
);
-- who operates an asset, asked once an asset by the policies of those who read many
CREATE INDEX asset_operator_asset_id_idx ON asset_operator (asset_id);
CREATE INDEX asset_operator_service_provider_id_idx ON asset_operator (service_provider_id);
COMMENT ON TABLE asset_operator IS 'which service provider operates an asset, and when';
COMMENT ON COLUMN asset_operator.asset_id IS 'the asset';
COMMENT ON COLUMN asset_operator.service_provider_id IS 'the service provider';
COMMENT ON COLUMN asset_operator.valid IS 'when';
COMMENT ON CONSTRAINT asset_operator_one_at_a_time ON asset_operator IS 'one operator at a time';
COMMENT ON INDEX asset_operator_asset_id_idx IS 'who operates an asset';
COMMENT ON INDEX asset_operator_service_provider_id_idx IS 'the assets of a provider';

CREATE TABLE portfolio (
  id                  bigint PRIMARY KEY DEFAULT nextval('resource_id'),
  mrid                uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  name                text NOT NULL,
  service_provider_id bigint NOT NULL REFERENCES participant,
  grid_node_id        bigint REFERENCES grid_node,
  technology          text,
  recorded_at         timestamptz NOT NULL DEFAULT now(),
  profile             asset_profile,
  CONSTRAINT portfolio_id_is_positive CHECK (id > 0),
  CONSTRAINT portfolio_name_is_short CHECK (check_text(name, 'portfolio.name', 255)),
  CONSTRAINT portfolio_name_once UNIQUE (service_provider_id, name)
);
COMMENT ON TABLE portfolio IS 'assets that are sold together as one unit';
COMMENT ON COLUMN portfolio.id IS 'surrogate key, from the sequence of resources';
COMMENT ON COLUMN portfolio.mrid IS 'master resource identifier (IEC CIM), never changed';
COMMENT ON COLUMN portfolio.name IS 'name given by its provider, unique with it';
COMMENT ON COLUMN portfolio.service_provider_id IS 'the service provider that sells it';
COMMENT ON COLUMN portfolio.grid_node_id IS 'where its members lie, when that is one place or zone';
COMMENT ON COLUMN portfolio.technology IS 'technology of its members, as registered';
COMMENT ON COLUMN portfolio.recorded_at IS 'when the row was written';
COMMENT ON COLUMN portfolio.profile IS 'what it can do as a whole, as its provider declares; NULL when not declared';
COMMENT ON CONSTRAINT portfolio_name_once ON portfolio IS 'a provider uses a name once';

CREATE TABLE portfolio_member (
  portfolio_id     bigint NOT NULL REFERENCES portfolio,
  asset_id         bigint NOT NULL REFERENCES asset,
  flexible_up_kw   numeric(14,3),
  flexible_down_kw numeric(14,3),
  valid            time_window NOT NULL DEFAULT time_window(now(), 'infinity'),
  CONSTRAINT portfolio_member_up_not_negative CHECK (check_not_negative(flexible_up_kw, 'portfolio_member.flexible_up_kw')),
  CONSTRAINT portfolio_member_down_not_negative CHECK (check_not_negative(flexible_down_kw, 'portfolio_member.flexible_down_kw')),
  -- an asset may be in several portfolios at once, but in each of them once
  CONSTRAINT portfolio_member_once_at_a_time EXCLUDE USING gist (
    resource_window(portfolio_id, valid) WITH &&,
    resource_window(asset_id, valid) WITH &&)
);
-- the members of a portfolio during a window, the portfolios of an asset
CREATE INDEX portfolio_member_asset_id_idx ON portfolio_member (asset_id);
CREATE INDEX portfolio_member_portfolio_id_idx ON portfolio_member (portfolio_id);
COMMENT ON TABLE portfolio_member IS 'which assets belong to a portfolio, when, and with how much';
COMMENT ON COLUMN portfolio_member.portfolio_id IS 'the portfolio';
COMMENT ON COLUMN portfolio_member.asset_id IS 'the member';
COMMENT ON COLUMN portfolio_member.flexible_up_kw IS 'what the member lends to the portfolio upwards, kW (not its rating); NULL when not known';
COMMENT ON COLUMN portfolio_member.flexible_down_kw IS 'what the member lends to the portfolio downwards, kW (not its rating); NULL when not known';
COMMENT ON COLUMN portfolio_member.valid IS 'when';
COMMENT ON CONSTRAINT portfolio_member_once_at_a_time ON portfolio_member IS 'an asset is once in a portfolio at a time';
COMMENT ON INDEX portfolio_member_asset_id_idx IS 'the portfolios of an asset';
COMMENT ON INDEX portfolio_member_portfolio_id_idx IS 'the members of a portfolio';

CREATE TABLE external_id (
  id                bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  scheme            text NOT NULL,
  value             text NOT NULL,
  asset_id          bigint REFERENCES asset,
  portfolio_id      bigint REFERENCES portfolio,
  metering_point_id bigint REFERENCES metering_point,
  grid_node_id      bigint REFERENCES grid_node,
  resource_id       bigint GENERATED ALWAYS AS (coalesce(asset_id, portfolio_id, metering_point_id, grid_node_id)) STORED,
  valid             time_window NOT NULL DEFAULT time_window(now(), 'infinity'),
  CONSTRAINT external_id_names_one CHECK (
    check_one(num_nonnulls(asset_id, portfolio_id, metering_point_id, grid_node_id),
              'external_id.asset_id, portfolio_id, metering_point_id and grid_node_id')),
  CONSTRAINT external_id_scheme_is_short CHECK (check_text(scheme, 'external_id.scheme', 64)),
  CONSTRAINT external_id_value_is_short CHECK (check_text(value, 'external_id.value', 255))
);
-- a unit is found by any name that others give it
CREATE UNIQUE INDEX external_id_current_key ON external_id (scheme, value) WHERE upper(valid) = 'infinity';
CREATE INDEX external_id_value_idx ON external_id (value);
CREATE INDEX external_id_resource_id_idx ON external_id (resource_id);
COMMENT ON TABLE external_id IS 'the names that others give to a resource: BM unit, auction unit, platform unit, charger id';
COMMENT ON COLUMN external_id.id IS 'surrogate key';
COMMENT ON COLUMN external_id.scheme IS 'who gives the name, for example bm_unit';
COMMENT ON COLUMN external_id.value IS 'the name';
COMMENT ON COLUMN external_id.asset_id IS 'the asset it names';
COMMENT ON COLUMN external_id.portfolio_id IS 'the portfolio it names';
COMMENT ON COLUMN external_id.metering_point_id IS 'the metering point it names';
COMMENT ON COLUMN external_id.grid_node_id IS 'the grid node it names';
COMMENT ON COLUMN external_id.resource_id IS 'whichever of the four it names';
COMMENT ON COLUMN external_id.valid IS 'when';
COMMENT ON CONSTRAINT external_id_names_one ON external_id IS 'one resource a row';
COMMENT ON INDEX external_id_current_key IS 'a name in force names one resource';
COMMENT ON INDEX external_id_value_idx IS 'what is known by a name, whoever gave it';
COMMENT ON INDEX external_id_resource_id_idx IS 'the names of a resource';
