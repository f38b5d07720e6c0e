-- Importing an Embedded Capacity Register: what goes in, what is left out and
-- why, and that a second time changes nothing.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set fingerprint :src '/fingerprint.sql'
\i :setup
SELECT flexexchange.create_exchange('import_register_test', 'medium');
SET search_path = import_register_test, flexexchange;

\i :fingerprint

-- one row of a register, given by what it says
CREATE FUNCTION pg_temp.stage(VARIADIC said text[]) RETURNS integer LANGUAGE sql AS $$
  INSERT INTO embedded_capacity_register_staging
  SELECT r.* FROM jsonb_populate_record(NULL::embedded_capacity_register_staging,
    '{"connection_status": "Connected", "customer_site": "Site", "licence_area": "East", "export_mpan_msid": "1470116845051"}'::jsonb
    || jsonb_object(said)) r
  RETURNING 1
$$;

-- A file as it is published: 62 columns in this order, copied without a list.
\copy embedded_capacity_register_staging from stdin csv header
Export MPAN / MSID,Import MPAN / MSID,Customer Name,Customer Site,Address Line 1,Address Line 2,Town/ City,County,Postcode,Country,Location (X-coordinate):_Eastings (where data is held),Location (y-coordinate):_Northings (where data is held),Grid Supply Point,Bulk Supply Point,Primary,Point of Connection (POC)_Voltage (kV),Licence Area,Energy Source 1,Energy Conversion Technology 1,CHP Cogeneration (Yes/No),Storage Capacity 1 (MWh),Storage Duration 1 (Hours),Energy Source & Energy Conversion Technology 1 - Registered Capacity (MW),Energy Source 2,Energy Conversion Technology 2,CHP Cogeneration 2 (Yes/No),Storage Capacity 2 (MWh),Storage Duration 2 (Hours),Energy Source & Energy Conversion Technology 2 - Registered Capacity (MW),Energy Source 3,Energy Conversion Technology 3,CHP Cogeneration 3 (Yes/No),Storage Capacity 3 (MWh),Storage Duration 3 (Hours),Energy Source & Energy Conversion Technology 3 - Registered Capacity (MW),Flexible Connection (Yes/No),Connection Status,Already connected Registered Capacity (MW),Already Connected - Maximum Export Capacity (MW),Already Connected - Maximum Export Capacity (MVA),Already Connected - Maximum Import Capacity (MW),Already Connected - Maximum Import Capacity (MVA),Date Connected,Accepted to Connect Registered Capacity (MW),Accepted to Connect - Change to Maximum Export Capacity (MW),Accepted to Connect - Change to Maximum Export Capacity (MVA),Accepted to Connect - Change to Maximum Import Capacity (MW),Accepted to Connect - Change to Maximum Import Capacity (MVA),Date Accepted,Target Energisation Date,Distribution Service Provider (Y/N),Transmission Service Provider (Y/N),Reference,In a Connection Queue (Y/N),Distribution Reinforcement Reference,Transmission Reinforcement Reference,Last Updated,Longitude,Latitude,SpatialCoordinates_Customer,SiteFunctionalLocation,Primary Resource Type_Group
1470116845051,,Sunny Fields Ltd,SUNNY FIELDS,Lane 1,,Ashford,Kent,TN24 0GP,England,600000,140000,NORTHWICK GRID 132kV,NORTHWICK LOCAL 132/33kV,ASH PRIMARY 33/11kV,33kV,East,Solar,Photovoltaic,,,,5.0,,,,,,,,,,,,,No,Connected,5.0,4.5,4.737,0.1,0.105,2016-10-01,,,,,,,,,,,,,,2021-06-14,0.875,51.125,"51.125,0.875",EPN-1,Solar PV
Data not available,,SUNNY FIELDS LTD,-,,,,,TN24 0GQ,0,0,0,NORTHWICK GRID 132kV,NORTHWICK LOCAL 132/33kV,Ash Primary 33/11kV,33,East,Solar,Photovoltaic,,,,20.0,Stored Energy,Battery,No,,2,5,,,,,,,Yes,Accepted to Connect,,,,,,,20.0,19.5,,20.0,,2021-03-03,2023-12-31,,To be confirmed,,,,,2021-06-14,,,,NULL,Storage
1049827101269,,Big Bin Co,LANDFILL ONE,,,,,,England,,,NORTHWICK GRID 132kV,-,GRID,to be confirmed,East,Biofuel landfill gas,Engine,,,,,,,,,,,,,,,,,No,Connected,1.2,1.2,,,,2001-01-31,,,,,,,,,,,,,,2021-06-14,0,0,,NULL,Biogas
1049827101269,,Big Bin Co,LANDFILL TWO,,,,,,England,,,NORTHWICK GRID 132kV,,GSP,132,East,Biofuel landfill gas,Engine,,,,,,,,,,,,,,,,,No,Connected,1.75,1.75,,,,,,,,,,,,,,,,,,2021-06-14,,,,,
1049827101269,,Big Bin Co,LANDFILL THREE,,,,,,England,,,NORTHWICK GRID 132kV,Not Applicable,,LV,East,Biofuel landfill gas,Engine,,,,,,,,,,,,,,,,,No,Accepted to Connect,,,,,,,9.0,9.0,,0.25,,2021-05-05,,,,,,,,2021-06-14,,,,,
\.
SELECT * FROM import_embedded_capacity_register();
SELECT a.name, a.energy_source, a.technology, a.connection_status AS status, a.connected_on, trim_scale(a.installed_kw) AS kw,
       a.qualified_up_kw AS up_kw, a.qualified_down_kw AS down_kw, a.latitude, a.longitude, g.kind, g.name AS node, m.mpan, a.source
FROM asset a LEFT JOIN grid_node g ON g.id = a.grid_node_id LEFT JOIN metering_point m ON m.id = a.metering_point_id ORDER BY a.id;
-- what stands behind one registration, each with its capacity; when it was accepted and is to be energised
SELECT a.name, a.connection_type, a.accepted_on, a.target_energisation_on, t.place, t.technology, t.energy_source, t.cogeneration, trim_scale(t.installed_kw) AS kw, trim_scale(t.energy_kwh) AS kwh
FROM asset a JOIN asset_technology t ON t.asset_id = a.id ORDER BY a.id, t.place;
-- words in common, where each of them has one that is sure; the words as registered stand beside it
SELECT name, profile FROM asset ORDER BY id;
-- three assets behind one meter: the greatest of what is connected, and for import, where nothing is, of what is accepted
SELECT m.mpan, m.kind, trim_scale(agreed_export_kw) AS export_kw, trim_scale(agreed_import_kw) AS import_kw, postcode, g.name AS node
FROM metering_point m JOIN grid_node g ON g.id = m.grid_node_id ORDER BY m.id;
SELECT g.kind, g.name, g.licence_area, trim_scale(g.voltage_kv) AS kv, o.name AS operator, up.kind AS below, up.name, p.valid
FROM grid_node g JOIN participant o ON o.id = g.operator_id LEFT JOIN grid_node_parent p ON p.grid_node_id = g.id
LEFT JOIN grid_node up ON up.id = p.parent_id ORDER BY g.id;
SELECT p.name, p.kinds, count(o.asset_id) AS assets, min(o.valid::text) AS valid
FROM participant p LEFT JOIN asset_operator o ON o.service_provider_id = p.id GROUP BY p.id ORDER BY p.id;
SELECT line, column_name, value, reason, effect FROM import_rejection ORDER BY line, column_name COLLATE "C";
SELECT i.importer, i.entity, count(*), count(a.id) AS assets FROM import_row i LEFT JOIN asset a ON a.id = i.entity_id GROUP BY i.importer, i.entity;

-- the same again, and as a part of a larger file: nothing changes
SELECT pg_temp.fingerprint() AS before \gset
SELECT * FROM import_embedded_capacity_register();
SELECT pg_temp.fingerprint() = :'before' AS unchanged;
INSERT INTO embedded_capacity_register_staging SELECT * FROM embedded_capacity_register_staging LIMIT 2;
SELECT * FROM import_embedded_capacity_register();
TRUNCATE embedded_capacity_register_staging;

-- Rows and values with one fault each.  The name of the site says which.
SELECT sum(pg_temp.stage(VARIADIC ARRAY['customer_site', 'fault ' || nr] || c)) AS staged FROM (VALUES
  (1, ARRAY['connection_status', NULL]), (2, ARRAY['connection_status', 'Dreaming']),
  (3, ARRAY['customer_site', NULL]), (4, ARRAY['customer_site', '-', 'customer_name', repeat('c', 256)]),
  (5, ARRAY['customer_site', repeat('s', 256), 'customer_name', 'Fault five']), (6, ARRAY['customer_name', repeat('c', 256)]),
  (10, ARRAY['export_mpan_msid', NULL]), (11, ARRAY['export_mpan_msid', '1200010257778']),
  (12, ARRAY['export_mpan_msid', '10300004967319']), (13, ARRAY['export_mpan_msid', '147011684505X']),
  (14, ARRAY['export_mpan_msid', 'Data not available', 'import_mpan_msid', '2143967712809']),
  (15, ARRAY['export_mpan_msid', '3433899920164', 'import_mpan_msid', '2830997098859']),
  (16, ARRAY['import_mpan_msid', '1234567890123']), (17, ARRAY['import_mpan_msid', 'x']), (18, ARRAY['import_mpan_msid', '12']),
  (20, ARRAY['postcode', repeat('p', 17)]), (21, ARRAY['licence_area', repeat('l', 256)]),
  (22, ARRAY['grid_supply_point', repeat('g', 256)]), (23, ARRAY['bulk_supply_point', repeat('b', 256)]),
  (24, ARRAY['primary_substation', repeat('p', 256)]),
  (25, ARRAY['point_of_connection_voltage_kv', 'high']), (26, ARRAY['point_of_connection_voltage_kv', '0']),
  (27, ARRAY['point_of_connection_voltage_kv', '9999 kV']),
  (28, ARRAY['energy_conversion_technology_1', 'Battery', 'registered_capacity_1_mw', 'ten', 'storage_capacity_1_mwh', '-1', 'storage_duration_1_hours', '1e9', 'chp_cogeneration_1', 'perhaps']),
  (29, ARRAY['date_accepted', '2023-02-30', 'target_energisation_date', 'soon', 'flexible_connection', 'a little']),
  (30, ARRAY['energy_source_1', repeat('e', 81)]), (31, ARRAY['energy_source_2', repeat('e', 81)]), (32, ARRAY['energy_source_3', repeat('e', 81)]),
  (33, ARRAY['energy_conversion_technology_1', repeat('t', 81)]), (34, ARRAY['energy_conversion_technology_2', repeat('t', 81)]),
  (35, ARRAY['energy_conversion_technology_3', repeat('t', 81)]), (36, ARRAY['energy_conversion_technology_1', 'Battery', 'energy_conversion_technology_2', repeat('t', 81)]),
  (37, ARRAY['energy_source_1', 'Fossil oil', 'energy_conversion_technology_1', 'Photovoltaic + Battery', 'energy_conversion_technology_2', 'Battery + Kiln']),
  (38, ARRAY['energy_source_1', 'Solar', 'energy_conversion_technology_1', 'Photovoltaic + Battery']),
  (40, ARRAY['already_connected_registered_capacity_mw', 'five']), (41, ARRAY['already_connected_maximum_export_mw', '-1']),
  (42, ARRAY['already_connected_maximum_import_mw', '1e7']),
  (43, ARRAY['already_connected_registered_capacity_mw', '5', 'connection_status', 'Accepted to Connect']),
  (44, ARRAY['accepted_to_connect_registered_capacity_mw', '5']),
  (45, ARRAY['accepted_to_connect_registered_capacity_mw', 'NaN', 'connection_status', 'accepted to connect']),
  (46, ARRAY['accepted_to_connect_maximum_export_mw', '1,5', 'connection_status', 'Accepted to Connect']),
  (47, ARRAY['accepted_to_connect_maximum_import_mw', 'Infinity', 'connection_status', 'Accepted to Connect']),
  (50, ARRAY['date_connected', '2021-02-29']), (51, ARRAY['date_connected', '14/06/2021']), (52, ARRAY['date_connected', 'infinity']),
  (53, ARRAY['latitude', '91']), (54, ARRAY['latitude', 'north']), (55, ARRAY['longitude', '-180.5'])
) AS v (nr, c);
SELECT coalesce(max(id), 0) AS seen FROM import_rejection \gset
SELECT * FROM import_embedded_capacity_register();
SELECT line, column_name, left(value, 26) AS value, reason, effect FROM import_rejection WHERE id > :seen
ORDER BY line, column_name COLLATE "C";
SELECT column_name, hint FROM import_rejection GROUP BY column_name, hint ORDER BY column_name COLLATE "C", hint COLLATE "C";
SELECT name, technology, profile FROM asset WHERE name IN ('fault 36', 'fault 37', 'fault 38') ORDER BY id;
SELECT a.name, m.mpan FROM asset a LEFT JOIN metering_point m ON m.id = a.metering_point_id
WHERE a.name IN ('fault 11', 'fault 14', 'fault 15', 'Fault five') ORDER BY a.id;
SELECT pg_temp.fingerprint() AS before \gset
SELECT * FROM import_embedded_capacity_register();
SELECT pg_temp.fingerprint() = :'before' AS unchanged;
TRUNCATE embedded_capacity_register_staging;

-- Lines are those of the file, although rows of many lengths do not lie in the
-- table in that order; also when the table was emptied by DELETE.
SELECT sum(pg_temp.stage('customer_site', 'long ' || i, 'address_line_1', repeat('x', (i * 7919) % 1500), 'date_connected', i::text)) AS staged
FROM generate_series(1, 400) i;
SELECT rows_imported, values_left_out FROM import_embedded_capacity_register();
SELECT count(*), count(*) FILTER (WHERE line <> value::integer + 1) AS elsewhere FROM import_rejection WHERE value ~ '^[0-9]{1,3}$' AND column_name = 'date_connected';
SELECT count(*) FROM (SELECT lag(i.entity_id) OVER (ORDER BY substr(a.name, 6)::integer) > i.entity_id AS earlier
                      FROM asset a JOIN import_row i ON i.entity_id = a.id WHERE a.name LIKE 'long %') o WHERE earlier;
DELETE FROM embedded_capacity_register_staging WHERE customer_site <> 'long 400';
SELECT count(*) FROM import_line;
DELETE FROM embedded_capacity_register_staging;
SELECT count(*) FROM import_line;
SELECT sum(pg_temp.stage('customer_site', 'after', 'date_connected', i)) AS staged FROM unnest(ARRAY['one', 'two']) i;
SELECT rows_imported FROM import_embedded_capacity_register();
SELECT line, value FROM import_rejection WHERE value IN ('one', 'two') ORDER BY line;
TRUNCATE embedded_capacity_register_staging;

-- A node has one parent: what most rows say, or the first; a bulk supply point
-- before a grid supply point.  Rows that say less are not wrong.
SELECT sum(pg_temp.stage(VARIADIC c || ARRAY['export_mpan_msid', '-'])) AS staged FROM (VALUES
  (ARRAY['customer_site', 'tree 1', 'grid_supply_point', 'Alder', 'bulk_supply_point', 'Birch', 'primary_substation', 'Cedar']),
  (ARRAY['customer_site', 'tree 2', 'grid_supply_point', 'Aspen', 'bulk_supply_point', 'Birch', 'primary_substation', 'Cherry']),
  (ARRAY['customer_site', 'tree 3', 'grid_supply_point', 'Aspen', 'bulk_supply_point', 'Birch', 'primary_substation', 'Cherry']),
  (ARRAY['customer_site', 'tree 4', 'grid_supply_point', 'Aspen', 'primary_substation', 'Cherry']),
  (ARRAY['customer_site', 'tree 5', 'grid_supply_point', 'Aspen', 'primary_substation', 'Cherry']),
  (ARRAY['customer_site', 'tree 6', 'grid_supply_point', 'Alder', 'primary_substation', 'Cherry']),
  (ARRAY['customer_site', 'tree 7', 'grid_supply_point', 'Aspen', 'bulk_supply_point', 'Beech', 'primary_substation', 'Cedar']),
  (ARRAY['customer_site', 'tree 8', 'grid_supply_point', 'ASPEN', 'bulk_supply_point', 'birch']),
  -- the same names in another licence area are other places
  (ARRAY['customer_site', 'tree 9', 'grid_supply_point', 'Alder', 'bulk_supply_point', 'Birch', 'licence_area', NULL])
) AS v (c);
SELECT coalesce(max(id), 0) AS seen FROM import_rejection \gset
SELECT * FROM import_embedded_capacity_register();
SELECT g.kind, g.name, g.licence_area, up.name AS below FROM grid_node g LEFT JOIN grid_node_parent p ON p.grid_node_id = g.id
LEFT JOIN grid_node up ON up.id = p.parent_id WHERE g.name ~ '^[ABC][a-z]+$' ORDER BY g.id;
SELECT line, column_name, value, reason, hint FROM import_rejection WHERE id > :seen AND column_name <> 'export_mpan_msid'
ORDER BY line, column_name COLLATE "C";
SELECT a.name, g.kind, g.name AS node FROM asset a JOIN grid_node g ON g.id = a.grid_node_id WHERE a.name LIKE 'tree%' ORDER BY a.id;
TRUNCATE embedded_capacity_register_staging;

-- What is registered already stays as it is; a company gets one more kind.
INSERT INTO participant (name, kinds) VALUES ('Mill Supply', '{supplier}');
UPDATE metering_point SET agreed_export_kw = 777 WHERE mpan = '1470116845051';
SELECT pg_temp.stage('customer_name', 'mill supply', 'already_connected_maximum_export_mw', '8') AS staged;
SELECT * FROM import_embedded_capacity_register();
SELECT trim_scale(agreed_export_kw) AS export_kw FROM metering_point WHERE mpan = '1470116845051';
SELECT name, kinds FROM participant WHERE name ILIKE 'mill supply';
TRUNCATE embedded_capacity_register_staging;

-- Ten megabytes in any field are left out like any other value.
SELECT sum(pg_temp.stage(VARIADIC ARRAY[c, repeat('9', 10 * 1024 * 1024)])) AS staged
FROM unnest(ARRAY['export_mpan_msid', 'customer_name', 'customer_site', 'postcode', 'licence_area', 'grid_supply_point',
                  'bulk_supply_point', 'primary_substation', 'point_of_connection_voltage_kv', 'energy_source_1',
                  'energy_conversion_technology_1', 'already_connected_registered_capacity_mw', 'already_connected_maximum_export_mw',
                  'date_connected', 'latitude', 'longitude', 'connection_status', 'address_line_1']) c;
SELECT coalesce(max(id), 0) AS seen FROM import_rejection \gset
SELECT * FROM import_embedded_capacity_register();
SELECT line, column_name, length(value), reason, effect, pg_column_size(row_content) < 2000 AS small
FROM import_rejection WHERE id > :seen ORDER BY line, column_name COLLATE "C";
TRUNCATE embedded_capacity_register_staging;

-- From a table of the user's own, of another operator.
CREATE TEMPORARY TABLE my_rows (LIKE embedded_capacity_register_staging);
SELECT pg_temp.stage('customer_site', 'Hill', 'export_mpan_msid', '2146743072093', 'licence_area', 'North', 'grid_supply_point', 'Oak') AS staged;
INSERT INTO my_rows SELECT * FROM embedded_capacity_register_staging;
SELECT rows_imported FROM import_embedded_capacity_register('my_rows', 'Northern register', 'Northern Networks');
SELECT a.name, a.source, o.name AS operator FROM asset a JOIN grid_node g ON g.id = a.grid_node_id JOIN participant o ON o.id = g.operator_id
WHERE g.name = 'Oak';
ALTER TABLE my_rows DROP COLUMN latitude;
SELECT * FROM import_embedded_capacity_register('my_rows');
SELECT * FROM import_embedded_capacity_register(source => '');
SELECT * FROM import_embedded_capacity_register(network_operator => repeat('n', 256));

-- Words that get a meaning later: the same question as the import asked.
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('ecr_conversion_technology', '2022-02', 'Engine', 'Engine');
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source)
  VALUES ('ecr_conversion_technology', '2022-02', 'Engine', 'common', '1', 'ENGINE_GEN', 'exact', 'the test');
UPDATE asset SET profile = common_profile('ecr_conversion_technology', technology, 'ecr_energy_source', energy_source)
WHERE source = 'Embedded Capacity Register' AND technology = 'Engine';
SELECT profile, count(*) FROM asset WHERE technology = 'Engine' GROUP BY profile::text, profile;

-- The operator runs imports; those who take part do not.
TRUNCATE embedded_capacity_register_staging;
SELECT pg_temp.stage('customer_site', 'by the operator') AS staged;
SET ROLE flexexchange_operator;
SELECT rows_read, rows_imported FROM import_embedded_capacity_register();
TRUNCATE embedded_capacity_register_staging;
RESET ROLE;
SET ROLE flexexchange_participant;
\set VERBOSITY sqlstate
SELECT * FROM import_embedded_capacity_register();
SELECT * FROM embedded_capacity_register_staging;
RESET ROLE;
SELECT flexexchange.drop_exchange('import_register_test', with_data => true);
