-- archetype: medium
-- Imports: files that others publish, taken into the register and the book.
--
-- A file is copied as text into its staging table, and an import function reads
-- it from there: good rows go in, bad rows and bad values go to import_rejection
-- with what is wrong with them.  Rows of these files repeat their natural keys,
-- so a row is known by the digest of its whole text (import_row), and importing
-- a file again changes nothing.  docs/importers.md has the rules.

-- ------------------------------------------------------------------ staging

CREATE TABLE embedded_capacity_register_staging (
  export_mpan_msid                           text,
  import_mpan_msid                           text,
  customer_name                              text,
  customer_site                              text,
  address_line_1                             text,
  address_line_2                             text,
  town_city                                  text,
  county                                     text,
  postcode                                   text,
  country                                    text,
  location_x_eastings                        text,
  location_y_northings                       text,
  grid_supply_point                          text,
  bulk_supply_point                          text,
  primary_substation                         text,
  point_of_connection_voltage_kv             text,
  licence_area                               text,
  energy_source_1                            text,
  energy_conversion_technology_1             text,
  chp_cogeneration_1                         text,
  storage_capacity_1_mwh                     text,
  storage_duration_1_hours                   text,
  registered_capacity_1_mw                   text,
  energy_source_2                            text,
  energy_conversion_technology_2             text,
  chp_cogeneration_2                         text,
  storage_capacity_2_mwh                     text,
  storage_duration_2_hours                   text,
  registered_capacity_2_mw                   text,
  energy_source_3                            text,
  energy_conversion_technology_3             text,
  chp_cogeneration_3                         text,
  storage_capacity_3_mwh                     text,
  storage_duration_3_hours                   text,
  registered_capacity_3_mw                   text,
  flexible_connection                        text,
  connection_status                          text,
  already_connected_registered_capacity_mw   text,
  already_connected_maximum_export_mw        text,
  already_connected_maximum_export_mva       text,
  already_connected_maximum_import_mw        text,
  already_connected_maximum_import_mva       text,
  date_connected                             text,
  accepted_to_connect_registered_capacity_mw text,
  accepted_to_connect_maximum_export_mw      text,
  accepted_to_connect_maximum_export_mva     text,
  accepted_to_connect_maximum_import_mw      text,
  accepted_to_connect_maximum_import_mva     text,
  date_accepted                              text,
  target_energisation_date                   text,
  distribution_service_provider              text,
  transmission_service_provider              text,
  reference                                  text,
  in_a_connection_queue                      text,
  distribution_reinforcement_reference       text,
  transmission_reinforcement_reference       text,
  last_updated                               text,
  longitude                                  text,
  latitude                                   text,
  spatial_coordinates_customer               text,
  site_functional_location                   text,
  primary_resource_type_group                text
);
COMMENT ON TABLE embedded_capacity_register_staging IS
  'rows of an Embedded Capacity Register as they stand in the file, all text, 62 columns in the order of the file; empty it before each \copy, since lines are counted from its first row';
COMMENT ON COLUMN embedded_capacity_register_staging.export_mpan_msid IS 'file column "Export MPAN / MSID"';
COMMENT ON COLUMN embedded_capacity_register_staging.import_mpan_msid IS 'file column "Import MPAN / MSID"';
COMMENT ON COLUMN embedded_capacity_register_staging.customer_name IS 'file column "Customer Name"';
COMMENT ON COLUMN embedded_capacity_register_staging.customer_site IS 'file column "Customer Site"';
COMMENT ON COLUMN embedded_capacity_register_staging.address_line_1 IS 'file column "Address Line 1"';
COMMENT ON COLUMN embedded_capacity_register_staging.address_line_2 IS 'file column "Address Line 2"';
COMMENT ON COLUMN embedded_capacity_register_staging.town_city IS 'file column "Town/ City"';
COMMENT ON COLUMN embedded_capacity_register_staging.county IS 'file column "County"';
COMMENT ON COLUMN embedded_capacity_register_staging.postcode IS 'file column "Postcode"';
COMMENT ON COLUMN embedded_capacity_register_staging.country IS 'file column "Country"';
COMMENT ON COLUMN embedded_capacity_register_staging.location_x_eastings IS 'file column "Location (X-coordinate):_Eastings (where data is held)"';
COMMENT ON COLUMN embedded_capacity_register_staging.location_y_northings IS 'file column "Location (y-coordinate):_Northings (where data is held)"';
COMMENT ON COLUMN embedded_capacity_register_staging.grid_supply_point IS 'file column "Grid Supply Point"';
COMMENT ON COLUMN embedded_capacity_register_staging.bulk_supply_point IS 'file column "Bulk Supply Point"';
COMMENT ON COLUMN embedded_capacity_register_staging.primary_substation IS 'file column "Primary"';
COMMENT ON COLUMN embedded_capacity_register_staging.point_of_connection_voltage_kv IS 'file column "Point of Connection (POC)_Voltage (kV)"';
COMMENT ON COLUMN embedded_capacity_register_staging.licence_area IS 'file column "Licence Area"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_source_1 IS 'file column "Energy Source 1"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_conversion_technology_1 IS 'file column "Energy Conversion Technology 1"';
COMMENT ON COLUMN embedded_capacity_register_staging.chp_cogeneration_1 IS 'file column "CHP Cogeneration (Yes/No)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_capacity_1_mwh IS 'file column "Storage Capacity 1 (MWh)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_duration_1_hours IS 'file column "Storage Duration 1 (Hours)"';
COMMENT ON COLUMN embedded_capacity_register_staging.registered_capacity_1_mw IS 'file column "Energy Source & Energy Conversion Technology 1 - Registered Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_source_2 IS 'file column "Energy Source 2"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_conversion_technology_2 IS 'file column "Energy Conversion Technology 2"';
COMMENT ON COLUMN embedded_capacity_register_staging.chp_cogeneration_2 IS 'file column "CHP Cogeneration 2 (Yes/No)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_capacity_2_mwh IS 'file column "Storage Capacity 2 (MWh)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_duration_2_hours IS 'file column "Storage Duration 2 (Hours)"';
COMMENT ON COLUMN embedded_capacity_register_staging.registered_capacity_2_mw IS 'file column "Energy Source & Energy Conversion Technology 2 - Registered Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_source_3 IS 'file column "Energy Source 3"';
COMMENT ON COLUMN embedded_capacity_register_staging.energy_conversion_technology_3 IS 'file column "Energy Conversion Technology 3"';
COMMENT ON COLUMN embedded_capacity_register_staging.chp_cogeneration_3 IS 'file column "CHP Cogeneration 3 (Yes/No)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_capacity_3_mwh IS 'file column "Storage Capacity 3 (MWh)"';
COMMENT ON COLUMN embedded_capacity_register_staging.storage_duration_3_hours IS 'file column "Storage Duration 3 (Hours)"';
COMMENT ON COLUMN embedded_capacity_register_staging.registered_capacity_3_mw IS 'file column "Energy Source & Energy Conversion Technology 3 - Registered Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.flexible_connection IS 'file column "Flexible Connection (Yes/No)"';
COMMENT ON COLUMN embedded_capacity_register_staging.connection_status IS 'file column "Connection Status"';
COMMENT ON COLUMN embedded_capacity_register_staging.already_connected_registered_capacity_mw IS 'file column "Already connected Registered Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.already_connected_maximum_export_mw IS 'file column "Already Connected - Maximum Export Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.already_connected_maximum_export_mva IS 'file column "Already Connected - Maximum Export Capacity (MVA)"';
COMMENT ON COLUMN embedded_capacity_register_staging.already_connected_maximum_import_mw IS 'file column "Already Connected - Maximum Import Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.already_connected_maximum_import_mva IS 'file column "Already Connected - Maximum Import Capacity (MVA)"';
COMMENT ON COLUMN embedded_capacity_register_staging.date_connected IS 'file column "Date Connected"';
COMMENT ON COLUMN embedded_capacity_register_staging.accepted_to_connect_registered_capacity_mw IS 'file column "Accepted to Connect Registered Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.accepted_to_connect_maximum_export_mw IS 'file column "Accepted to Connect - Change to Maximum Export Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.accepted_to_connect_maximum_export_mva IS 'file column "Accepted to Connect - Change to Maximum Export Capacity (MVA)"';
COMMENT ON COLUMN embedded_capacity_register_staging.accepted_to_connect_maximum_import_mw IS 'file column "Accepted to Connect - Change to Maximum Import Capacity (MW)"';
COMMENT ON COLUMN embedded_capacity_register_staging.accepted_to_connect_maximum_import_mva IS 'file column "Accepted to Connect - Change to Maximum Import Capacity (MVA)"';
COMMENT ON COLUMN embedded_capacity_register_staging.date_accepted IS 'file column "Date Accepted"';
COMMENT ON COLUMN embedded_capacity_register_staging.target_energisation_date IS 'file column "Target Energisation Date"';
COMMENT ON COLUMN embedded_capacity_register_staging.distribution_service_provider IS 'file column "Distribution Service Provider (Y/N)"';
COMMENT ON COLUMN embedded_capacity_register_staging.transmission_service_provider IS 'file column "Transmission Service Provider (Y/N)"';
COMMENT ON COLUMN embedded_capacity_register_staging.reference IS 'file column "Reference"';
COMMENT ON COLUMN embedded_capacity_register_staging.in_a_connection_queue IS 'file column "In a Connection Queue (Y/N)"';
COMMENT ON COLUMN embedded_capacity_register_staging.distribution_reinforcement_reference IS 'file column "Distribution Reinforcement Reference"';
COMMENT ON COLUMN embedded_capacity_register_staging.transmission_reinforcement_reference IS 'file column "Transmission Reinforcement Reference"';
COMMENT ON COLUMN embedded_capacity_register_staging.last_updated IS 'file column "Last Updated"';
COMMENT ON COLUMN embedded_capacity_register_staging.longitude IS 'file column "Longitude"';
COMMENT ON COLUMN embedded_capacity_register_staging.latitude IS 'file column "Latitude"';
COMMENT ON COLUMN embedded_capacity_register_staging.spatial_coordinates_customer IS 'file column "SpatialCoordinates_Customer"';
COMMENT ON COLUMN embedded_capacity_register_staging.site_functional_location IS 'file column "SiteFunctionalLocation"';
COMMENT ON COLUMN embedded_capacity_register_staging.primary_resource_type_group IS 'file column "Primary Resource Type_Group"';

CREATE TABLE dispatch_instruction_staging (
  company_name         text,
  fu_id                text,
  zone                 text,
  product              text,
  start_time_local     text,
  end_time_local       text,
  availability_mw_req  text,
  utilisation_mw_req   text,
  availability_price   text,
  utilisation_price    text,
  availability_mwh_req text,
  utilisation_mwh_req  text,
  technology           text,
  dispatch_type        text,
  hours_requested      text,
  dispatch_method      text,
  start_time_utc       text,
  end_time_utc         text,
  time_utc             text
);
COMMENT ON TABLE dispatch_instruction_staging IS
  'rows of a file of dispatch instructions as they stand in it, all text, 19 columns in the order of the file; empty it before each \copy, since lines are counted from its first row';
COMMENT ON COLUMN dispatch_instruction_staging.company_name IS 'company that sells the unit';
COMMENT ON COLUMN dispatch_instruction_staging.fu_id IS 'name that the network operator gives to the flexible unit';
COMMENT ON COLUMN dispatch_instruction_staging.zone IS 'zone of the network in which the unit lies';
COMMENT ON COLUMN dispatch_instruction_staging.product IS 'name of the product, see table product_alias';
COMMENT ON COLUMN dispatch_instruction_staging.start_time_local IS 'start, local time with its offset';
COMMENT ON COLUMN dispatch_instruction_staging.end_time_local IS 'end, local time with its offset';
COMMENT ON COLUMN dispatch_instruction_staging.availability_mw_req IS 'availability that is asked for, MW';
COMMENT ON COLUMN dispatch_instruction_staging.utilisation_mw_req IS 'utilisation that is asked for, MW';
COMMENT ON COLUMN dispatch_instruction_staging.availability_price IS 'price of availability, GBP per MW and hour';
COMMENT ON COLUMN dispatch_instruction_staging.utilisation_price IS 'price of utilisation, GBP per MWh';
COMMENT ON COLUMN dispatch_instruction_staging.availability_mwh_req IS 'availability_mw_req times the hours; not imported';
COMMENT ON COLUMN dispatch_instruction_staging.utilisation_mwh_req IS 'utilisation_mw_req times the hours; not imported';
COMMENT ON COLUMN dispatch_instruction_staging.technology IS 'technology of the unit';
COMMENT ON COLUMN dispatch_instruction_staging.dispatch_type IS 'demand_turn_down, demand_turn_up, generation_turn_up or generation_turn_down';
COMMENT ON COLUMN dispatch_instruction_staging.hours_requested IS 'hours from start to end; not imported';
COMMENT ON COLUMN dispatch_instruction_staging.dispatch_method IS 'platform that sent the instruction; not imported';
COMMENT ON COLUMN dispatch_instruction_staging.start_time_utc IS 'start, UTC';
COMMENT ON COLUMN dispatch_instruction_staging.end_time_utc IS 'end, UTC';
COMMENT ON COLUMN dispatch_instruction_staging.time_utc IS 'time of day of the start, UTC; not imported';

-- A table has no order, not even a physical one: COPY puts a short row into a
-- gap that a long one left behind.  The staging tables cannot have a column for
-- the line, which \copy would ask of the file; so triggers keep it here.
CREATE TABLE flexibility_tender_staging (
  zone_code                  text,
  product                    text,
  opportunity_name           text,
  trade_windows              text,
  delivery_start_date        text,
  delivery_end_date          text,
  service_days               text,
  earliest_start_time        text,
  latest_end_time            text,
  peak_tendered_kw           text,
  ceiling_availability_price text,
  ceiling_utilisation_price  text,
  ceiling_sustain_price      text,
  trade_open_date            text,
  trade_close_date           text,
  company_name               text,
  offered_kw                 text,
  offered_availability_price text,
  offered_utilisation_price  text,
  offered_sustain_price      text,
  trade_outcome              text,
  accepted_kw                text,
  awarded_availability_price text,
  awarded_utilisation_price  text,
  awarded_sustain_price      text,
  technology_type            text,
  number_of_assets           text,
  total_installed_kw         text,
  available_for_restore      text,
  restore_price              text
);
COMMENT ON TABLE flexibility_tender_staging IS
  'rows of a distribution operator''s tenders as they stand in the file, all text, 30 columns in the order of the file; empty it before each \copy, since lines are counted from its first row';
COMMENT ON COLUMN flexibility_tender_staging.zone_code IS 'file column "CMZ Code"';
COMMENT ON COLUMN flexibility_tender_staging.product IS 'file column "Flexibility Product"';
COMMENT ON COLUMN flexibility_tender_staging.opportunity_name IS 'file column "Trade Opportunity Name"';
COMMENT ON COLUMN flexibility_tender_staging.trade_windows IS 'file column "Trade Windows"';
COMMENT ON COLUMN flexibility_tender_staging.delivery_start_date IS 'file column "Trade Opportunity Delivery Start Date"';
COMMENT ON COLUMN flexibility_tender_staging.delivery_end_date IS 'file column "Trade Opportunity Delivery End Date"';
COMMENT ON COLUMN flexibility_tender_staging.service_days IS 'file column "Service Days Across All Windows"';
COMMENT ON COLUMN flexibility_tender_staging.earliest_start_time IS 'file column "Earliest Start Time"';
COMMENT ON COLUMN flexibility_tender_staging.latest_end_time IS 'file column "Latest End Time"';
COMMENT ON COLUMN flexibility_tender_staging.peak_tendered_kw IS 'file column "Peak Tendered Capacity"';
COMMENT ON COLUMN flexibility_tender_staging.ceiling_availability_price IS 'file column "Tendered Ceiling Availability Price"';
COMMENT ON COLUMN flexibility_tender_staging.ceiling_utilisation_price IS 'file column "Tendered Ceiling Utilisation Price"';
COMMENT ON COLUMN flexibility_tender_staging.ceiling_sustain_price IS 'file column "Tendered Sustain Ceiling Price"';
COMMENT ON COLUMN flexibility_tender_staging.trade_open_date IS 'file column "Trade Open Date"';
COMMENT ON COLUMN flexibility_tender_staging.trade_close_date IS 'file column "Trade Close Date"';
COMMENT ON COLUMN flexibility_tender_staging.company_name IS 'file column "Company Name"';
COMMENT ON COLUMN flexibility_tender_staging.offered_kw IS 'file column "Offered Capacity [kW]"';
COMMENT ON COLUMN flexibility_tender_staging.offered_availability_price IS 'file column "Offered Availability Price"';
COMMENT ON COLUMN flexibility_tender_staging.offered_utilisation_price IS 'file column "Offered Utilisation Price"';
COMMENT ON COLUMN flexibility_tender_staging.offered_sustain_price IS 'file column "Offered Sustain Price"';
COMMENT ON COLUMN flexibility_tender_staging.trade_outcome IS 'file column "Trade Outcome"';
COMMENT ON COLUMN flexibility_tender_staging.accepted_kw IS 'file column "Accepted Capacity [kW]"';
COMMENT ON COLUMN flexibility_tender_staging.awarded_availability_price IS 'file column "Awarded Availability Price"';
COMMENT ON COLUMN flexibility_tender_staging.awarded_utilisation_price IS 'file column "Awarded Utilisation Price"';
COMMENT ON COLUMN flexibility_tender_staging.awarded_sustain_price IS 'file column "Awarded Sustain Price"';
COMMENT ON COLUMN flexibility_tender_staging.technology_type IS 'file column "Technology Type"';
COMMENT ON COLUMN flexibility_tender_staging.number_of_assets IS 'file column "Number of Assets"';
COMMENT ON COLUMN flexibility_tender_staging.total_installed_kw IS 'file column "Total Asset Installed Capacity"';
COMMENT ON COLUMN flexibility_tender_staging.available_for_restore IS 'file column "Available for Restore"';
COMMENT ON COLUMN flexibility_tender_staging.restore_price IS 'file column "Restore Price"';

CREATE TABLE import_line (
  staging    text NOT NULL,
  line       bigint NOT NULL,
  row_digest bytea NOT NULL,
  CONSTRAINT import_line_once PRIMARY KEY (staging, line),
  CONSTRAINT import_line_digest_is_sha256 CHECK (length(row_digest) = 32)
);
COMMENT ON TABLE import_line IS 'the order in which rows came into a staging table';
COMMENT ON COLUMN import_line.staging IS 'the staging table';
COMMENT ON COLUMN import_line.line IS 'place of the row among those that came, from 1';
COMMENT ON COLUMN import_line.row_digest IS 'SHA-256 of the text of the whole row';
COMMENT ON CONSTRAINT import_line_once ON import_line IS 'a row a place: two sessions cannot copy into one staging table at once';
COMMENT ON CONSTRAINT import_line_digest_is_sha256 ON import_line IS '32 bytes';

-- ------------------------------------------------------------------ what came of the rows

CREATE TABLE import_row (
  importer    text NOT NULL,
  row_digest  bytea NOT NULL,
  entity      text NOT NULL,
  entity_id   bigint NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT import_row_once PRIMARY KEY (importer, row_digest),
  CONSTRAINT import_row_importer_is_known CHECK (
    check_code(importer, 'import_row.importer', 'embedded_capacity_register', 'dispatch_instructions', 'flexibility_tenders')),
  CONSTRAINT import_row_digest_is_sha256 CHECK (length(row_digest) = 32),
  CONSTRAINT import_row_entity_is_known CHECK (check_code(entity, 'import_row.entity', 'asset', 'availability', 'dispatch', 'need'))
);
-- from a trade or an asset back to the row of the file
CREATE INDEX import_row_entity_idx ON import_row (entity, entity_id);
COMMENT ON TABLE import_row IS 'which row of a file became what; a row that stands here is not imported again';
COMMENT ON COLUMN import_row.importer IS 'embedded_capacity_register, dispatch_instructions or flexibility_tenders';
COMMENT ON COLUMN import_row.row_digest IS 'SHA-256 of the text of the whole row: rows repeat their natural keys';
COMMENT ON COLUMN import_row.entity IS 'the table of what the row became: asset, availability, dispatch or need';
COMMENT ON COLUMN import_row.entity_id IS 'its id there';
COMMENT ON COLUMN import_row.recorded_at IS 'when the row was imported';
COMMENT ON CONSTRAINT import_row_once ON import_row IS 'a row is imported once';
COMMENT ON CONSTRAINT import_row_importer_is_known ON import_row IS 'a known importer';
COMMENT ON CONSTRAINT import_row_digest_is_sha256 ON import_row IS '32 bytes';
COMMENT ON CONSTRAINT import_row_entity_is_known ON import_row IS 'a table that imports write';
COMMENT ON INDEX import_row_entity_idx IS 'from what was imported back to the row of the file';

CREATE TABLE import_rejection (
  id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  importer    text NOT NULL,
  source      text NOT NULL,
  line        bigint NOT NULL,
  column_name text NOT NULL,
  value       text,
  reason      text NOT NULL,
  hint        text NOT NULL,
  effect      text NOT NULL,
  row_digest  bytea NOT NULL,
  row_content jsonb NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT import_rejection_once UNIQUE (importer, row_digest, column_name),
  CONSTRAINT import_rejection_importer_is_known CHECK (
    check_code(importer, 'import_rejection.importer', 'embedded_capacity_register', 'dispatch_instructions', 'flexibility_tenders')),
  CONSTRAINT import_rejection_source_is_short CHECK (check_text(source, 'import_rejection.source', 255)),
  CONSTRAINT import_rejection_value_is_clipped CHECK (length(value) <= 200),
  CONSTRAINT import_rejection_effect_is_known CHECK (check_code(effect, 'import_rejection.effect', 'row', 'value', 'word')),
  CONSTRAINT import_rejection_digest_is_sha256 CHECK (length(row_digest) = 32)
);
COMMENT ON TABLE import_rejection IS 'rows and values of files that were not imported, and words that have no common word, and why; kept as history when the row is imported later';
COMMENT ON COLUMN import_rejection.id IS 'surrogate key';
COMMENT ON COLUMN import_rejection.importer IS 'embedded_capacity_register, dispatch_instructions or flexibility_tenders';
COMMENT ON COLUMN import_rejection.source IS 'the file, as the caller named it';
COMMENT ON COLUMN import_rejection.line IS 'line of the row in the file, its header being line 1 and each row one line';
COMMENT ON COLUMN import_rejection.column_name IS 'column of the staging table';
COMMENT ON COLUMN import_rejection.value IS 'what stands there, at most 200 characters of it';
COMMENT ON COLUMN import_rejection.reason IS 'what is wrong with it; read after the value';
COMMENT ON COLUMN import_rejection.hint IS 'what to do about it';
COMMENT ON COLUMN import_rejection.effect IS 'row: the row was not imported; value: it was imported without this value; word: it was imported with this word as it stands, and the profile does not have it in common words';
COMMENT ON COLUMN import_rejection.row_digest IS 'SHA-256 of the text of the whole row, as in import_row';
COMMENT ON COLUMN import_rejection.row_content IS 'the row, at most 200 characters of each value';
COMMENT ON COLUMN import_rejection.recorded_at IS 'when it was found first';
COMMENT ON CONSTRAINT import_rejection_once ON import_rejection IS 'a row is rejected once a column, however often its file is imported';
COMMENT ON CONSTRAINT import_rejection_importer_is_known ON import_rejection IS 'a known importer';
COMMENT ON CONSTRAINT import_rejection_source_is_short ON import_rejection IS 'at most 255 characters';
COMMENT ON CONSTRAINT import_rejection_value_is_clipped ON import_rejection IS 'at most 200 characters';
COMMENT ON CONSTRAINT import_rejection_effect_is_known ON import_rejection IS 'row, value or word';
COMMENT ON CONSTRAINT import_rejection_digest_is_sha256 ON import_rejection IS '32 bytes';

-- ------------------------------------------------------------------ what names mean

CREATE TABLE product_alias (
  source       text NOT NULL,
  name         text NOT NULL,
  service_code text NOT NULL REFERENCES service,
  binds        text NOT NULL DEFAULT 'award',
  note         text NOT NULL,
  CONSTRAINT product_alias_once PRIMARY KEY (source, name),
  CONSTRAINT product_alias_source_is_short CHECK (check_text(source, 'product_alias.source', 255)),
  CONSTRAINT product_alias_name_is_short CHECK (check_text(name, 'product_alias.name', 64)),
  CONSTRAINT product_alias_binds_is_known CHECK (check_code(binds, 'product_alias.binds', 'award', 'availability')),
  CONSTRAINT product_alias_note_is_short CHECK (check_text(note, 'product_alias.note', 1000))
);
COMMENT ON TABLE product_alias IS 'what the product names of a source are for the stacking rules; to be added to before a file with other names is imported';
COMMENT ON COLUMN product_alias.source IS 'the source, as it is passed to the import function';
COMMENT ON COLUMN product_alias.name IS 'the name, as the source writes it';
COMMENT ON COLUMN product_alias.service_code IS 'the service that it is';
COMMENT ON COLUMN product_alias.binds IS 'what obliges the seller: award or availability, as in table product';
COMMENT ON COLUMN product_alias.note IS 'why, and how sure that is';
COMMENT ON CONSTRAINT product_alias_once ON product_alias IS 'a source means one thing by a name';
COMMENT ON CONSTRAINT product_alias_source_is_short ON product_alias IS 'at most 255 characters';
COMMENT ON CONSTRAINT product_alias_name_is_short ON product_alias IS 'at most 64 characters, as a product code';
COMMENT ON CONSTRAINT product_alias_binds_is_known ON product_alias IS 'award or availability';
COMMENT ON CONSTRAINT product_alias_note_is_short ON product_alias IS 'at most 1000 characters';
