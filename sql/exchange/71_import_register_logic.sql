-- archetype: medium
-- Imports: the Embedded Capacity Register, into nodes, meters, assets and participants.

CREATE OR REPLACE FUNCTION import_embedded_capacity_register(
  staging regclass DEFAULT NULL,
  source text DEFAULT 'Embedded Capacity Register',
  network_operator text DEFAULT 'UK Power Networks')
RETURNS TABLE (rows_read bigint, rows_imported bigint, rows_unchanged bigint, rows_repeated bigint,
               rows_rejected bigint, values_left_out bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  importer CONSTANT text := 'embedded_capacity_register';
  origin CONSTANT text := coalesce(btrim(source), '');
  operator_name CONSTANT text := coalesce(btrim(network_operator), '');
  number_hint CONSTANT text := 'Write a number of MW from 0 to 1000000 with a decimal point, or leave it empty.';
  status_hint CONSTANT text := 'Correct the status, or write the capacity in the column of the status.';
BEGIN
  PERFORM check_text(origin, 'source', 255), check_text(operator_name, 'network_operator', 255);
  rows_read := read_staging(importer, 'embedded_capacity_register_staging', staging);
  SELECT count(*) FILTER (WHERE s.repeated), count(*) FILTER (WHERE s.known AND NOT s.repeated)
    INTO rows_repeated, rows_unchanged
  FROM pg_temp.import_staged s;

  -- "said" is what the file says, "used" is what can be made of it.
  CREATE TEMPORARY TABLE import_parsed ON COMMIT DROP AS
  SELECT s.line, s.row_digest, said.*, used.*
  FROM pg_temp.import_staged s
  CROSS JOIN LATERAL (SELECT
    import_value(s.export_mpan_msid, '0') AS export_mpan,
    import_value(s.import_mpan_msid, '0') AS import_mpan,
    import_value(s.customer_name) AS customer_name,
    import_value(s.customer_site) AS customer_site,
    import_value(s.postcode) AS postcode,
    import_value(s.licence_area) AS licence_area,
    import_value(s.grid_supply_point) AS grid_supply_point,
    import_value(s.bulk_supply_point) AS bulk_supply_point,
    import_value(s.primary_substation, 'grid', 'gsp') AS primary_substation,
    -- LV says that the voltage is low, not what it is
    regexp_replace(left(import_value(s.point_of_connection_voltage_kv, 'lv'), 41), '\s*kV$', '', 'i') AS voltage,
    import_value(s.energy_source_1) AS energy_source_1,
    import_value(s.energy_source_2) AS energy_source_2,
    import_value(s.energy_source_3) AS energy_source_3,
    import_value(s.energy_conversion_technology_1) AS technology_1,
    import_value(s.energy_conversion_technology_2) AS technology_2,
    import_value(s.energy_conversion_technology_3) AS technology_3,
    import_value(s.already_connected_registered_capacity_mw) AS connected_mw,
    import_value(s.already_connected_maximum_export_mw) AS connected_export_mw,
    import_value(s.already_connected_maximum_import_mw) AS connected_import_mw,
    import_value(s.accepted_to_connect_registered_capacity_mw) AS accepted_mw,
    import_value(s.accepted_to_connect_maximum_export_mw) AS accepted_export_mw,
    import_value(s.accepted_to_connect_maximum_import_mw) AS accepted_import_mw,
    import_value(s.registered_capacity_1_mw) AS capacity_1_mw,
    import_value(s.storage_capacity_1_mwh) AS storage_1_mwh,
    import_value(s.storage_duration_1_hours) AS storage_1_hours,
    lower(left(import_value(s.chp_cogeneration_1), 40)) AS cogeneration_1,
    import_value(s.registered_capacity_2_mw) AS capacity_2_mw,
    import_value(s.storage_capacity_2_mwh) AS storage_2_mwh,
    import_value(s.storage_duration_2_hours) AS storage_2_hours,
    lower(left(import_value(s.chp_cogeneration_2), 40)) AS cogeneration_2,
    import_value(s.registered_capacity_3_mw) AS capacity_3_mw,
    import_value(s.storage_capacity_3_mwh) AS storage_3_mwh,
    import_value(s.storage_duration_3_hours) AS storage_3_hours,
    lower(left(import_value(s.chp_cogeneration_3), 40)) AS cogeneration_3,
    import_value(s.date_accepted) AS date_accepted,
    import_value(s.target_energisation_date) AS target_date,
    lower(left(import_value(s.flexible_connection), 40)) AS flexible,
    import_value(s.date_connected) AS date_connected,
    import_value(s.latitude, '0') AS latitude_degrees,
    import_value(s.longitude, '0') AS longitude_degrees,
    CASE lower(left(import_value(s.connection_status), 40))
      WHEN 'connected' THEN true WHEN 'accepted to connect' THEN false END AS connected
    OFFSET 0   -- worked out once a row, however often it is used
  ) said
  CROSS JOIN LATERAL (SELECT
    CASE WHEN mpan_is_valid(said.export_mpan) THEN said.export_mpan
         WHEN mpan_is_valid(said.import_mpan) THEN said.import_mpan END AS mpan,
    CASE WHEN length(said.customer_name) <= 255 THEN said.customer_name END AS customer,
    CASE WHEN length(said.customer_site) <= 255 THEN said.customer_site
         WHEN length(said.customer_name) <= 255 THEN said.customer_name END AS name,
    CASE WHEN length(said.postcode) <= 16 THEN said.postcode END AS short_postcode,
    CASE WHEN length(said.licence_area) <= 255 THEN said.licence_area END AS area,
    CASE WHEN length(said.grid_supply_point) <= 255 THEN said.grid_supply_point END AS gsp,
    CASE WHEN length(said.bulk_supply_point) <= 255 THEN said.bulk_supply_point END AS bsp,
    CASE WHEN length(said.primary_substation) <= 255 THEN said.primary_substation END AS primary_name,
    -- up to 1200 kV, and not less than a volt
    CASE WHEN import_number(said.voltage) BETWEEN 0.001 AND 1200 THEN round(import_number(said.voltage), 3) END AS voltage_kv,
    nullif(concat_ws(' + ', CASE WHEN length(said.energy_source_1) <= 80 THEN said.energy_source_1 END,
                            CASE WHEN length(said.energy_source_2) <= 80 THEN said.energy_source_2 END,
                            CASE WHEN length(said.energy_source_3) <= 80 THEN said.energy_source_3 END), '') AS energy_source,
    nullif(concat_ws(' + ', CASE WHEN length(said.technology_1) <= 80 THEN said.technology_1 END,
                            CASE WHEN length(said.technology_2) <= 80 THEN said.technology_2 END,
                            CASE WHEN length(said.technology_3) <= 80 THEN said.technology_3 END), '') AS technology,
    round(import_quantity(CASE said.connected WHEN true THEN said.connected_mw ELSE said.accepted_mw END) * 1000, 3) AS installed_kw,
    round(import_quantity(CASE said.connected WHEN true THEN said.connected_export_mw ELSE said.accepted_export_mw END) * 1000, 3) AS export_kw,
    round(import_quantity(CASE said.connected WHEN true THEN said.connected_import_mw ELSE said.accepted_import_mw END) * 1000, 3) AS import_kw,
    CASE WHEN said.connected THEN import_date(said.date_connected) END AS connected_on,
    import_date(said.date_accepted) AS accepted_on,
    import_date(said.target_date) AS target_energisation_on,
    CASE said.flexible WHEN 'yes' THEN 'flexible' WHEN 'no' THEN 'firm' END AS connection_type,
    CASE WHEN import_number(said.latitude_degrees) BETWEEN -90 AND 90 THEN import_number(said.latitude_degrees) END AS latitude,
    CASE WHEN import_number(said.longitude_degrees) BETWEEN -180 AND 180 THEN import_number(said.longitude_degrees) END AS longitude
  ) used
  WHERE NOT s.repeated AND NOT s.known;
  ANALYZE pg_temp.import_parsed;

  -- The checks.  A row needs a status and a name; any other value can be left out.
  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT p.line, p.row_digest, c.column_name, left(c.value, 200), c.reason, c.hint, c.effect
  FROM pg_temp.import_parsed p
  JOIN pg_temp.import_staged s ON s.line = p.line
  CROSS JOIN LATERAL (VALUES
    ('row', 'connection_status', s.connection_status,
      CASE WHEN p.connected IS NULL THEN 'is not a connection status' END,
      'Write Connected or Accepted to Connect.'),
    ('row', 'customer_site', s.customer_site,
      CASE WHEN p.name IS NULL THEN 'gives the asset no name, nor does the customer' END,
      'Write the site or the customer, in at most 255 characters.'),
    ('value', 'customer_site', s.customer_site, import_text_problem(p.customer_site, 255), 'Shorten it.'),
    ('value', 'customer_name', s.customer_name, import_text_problem(p.customer_name, 255), 'Shorten it.'),
    ('value', 'export_mpan_msid', s.export_mpan_msid,
      CASE WHEN p.export_mpan IS NULL THEN CASE WHEN p.import_mpan IS NULL THEN 'gives no MPAN' END
           WHEN p.export_mpan !~ '^[0-9]+$' THEN 'is not a number of 13 digits'
           WHEN length(p.export_mpan) <> 13 THEN format('has %s digits, an MPAN has 13', length(p.export_mpan))
           WHEN NOT mpan_is_valid(p.export_mpan) THEN 'has a wrong check digit' END,
      'Ask the network operator for the MPAN; until then the asset has no metering point.'),
    ('value', 'import_mpan_msid', s.import_mpan_msid,
      CASE WHEN p.import_mpan !~ '^[0-9]+$' THEN 'is not a number of 13 digits'
           WHEN length(p.import_mpan) <> 13 THEN format('has %s digits, an MPAN has 13', length(p.import_mpan))
           WHEN NOT mpan_is_valid(p.import_mpan) THEN 'has a wrong check digit'
           WHEN p.import_mpan <> p.mpan THEN 'is a second MPAN, and the asset has one metering point' END,
      'The export MPAN is taken where it is right.'),
    ('value', 'postcode', s.postcode, import_text_problem(p.postcode, 16), 'Shorten it.'),
    ('value', 'licence_area', s.licence_area, import_text_problem(p.licence_area, 255), 'Shorten it.'),
    ('value', 'grid_supply_point', s.grid_supply_point, import_text_problem(p.grid_supply_point, 255), 'Shorten it.'),
    ('value', 'bulk_supply_point', s.bulk_supply_point, import_text_problem(p.bulk_supply_point, 255), 'Shorten it.'),
    ('value', 'primary_substation', s.primary_substation, import_text_problem(p.primary_substation, 255), 'Shorten it.'),
    ('value', 'point_of_connection_voltage_kv', s.point_of_connection_voltage_kv,
      CASE WHEN p.voltage IS NOT NULL AND p.voltage_kv IS NULL THEN 'is not a voltage in kV' END,
      'Write a number of kV such as 33 or 33kV, or leave it empty.'),
    ('value', 'energy_source_1', s.energy_source_1, import_text_problem(p.energy_source_1, 80), 'Shorten it.'),
    ('value', 'energy_source_2', s.energy_source_2, import_text_problem(p.energy_source_2, 80), 'Shorten it.'),
    ('value', 'energy_source_3', s.energy_source_3, import_text_problem(p.energy_source_3, 80), 'Shorten it.'),
    ('value', 'energy_conversion_technology_1', s.energy_conversion_technology_1, import_text_problem(p.technology_1, 80), 'Shorten it.'),
    ('value', 'energy_conversion_technology_2', s.energy_conversion_technology_2, import_text_problem(p.technology_2, 80), 'Shorten it.'),
    ('value', 'energy_conversion_technology_3', s.energy_conversion_technology_3, import_text_problem(p.technology_3, 80), 'Shorten it.'),
    ('value', 'already_connected_registered_capacity_mw', s.already_connected_registered_capacity_mw,
      CASE WHEN p.connected THEN import_quantity_problem(p.connected_mw) END, number_hint),
    ('value', 'already_connected_registered_capacity_mw', s.already_connected_registered_capacity_mw,
      CASE WHEN NOT p.connected AND p.connected_mw IS NOT NULL
           THEN 'is of a connected asset, and this one is accepted to connect' END, status_hint),
    ('value', 'already_connected_maximum_export_mw', s.already_connected_maximum_export_mw,
      CASE WHEN p.connected THEN import_quantity_problem(p.connected_export_mw) END, number_hint),
    ('value', 'already_connected_maximum_import_mw', s.already_connected_maximum_import_mw,
      CASE WHEN p.connected THEN import_quantity_problem(p.connected_import_mw) END, number_hint),
    ('value', 'accepted_to_connect_registered_capacity_mw', s.accepted_to_connect_registered_capacity_mw,
      CASE WHEN NOT p.connected THEN import_quantity_problem(p.accepted_mw) END, number_hint),
    ('value', 'accepted_to_connect_registered_capacity_mw', s.accepted_to_connect_registered_capacity_mw,
      CASE WHEN p.connected AND p.connected_mw IS NULL AND p.accepted_mw IS NOT NULL
           THEN 'is of an asset accepted to connect, and this one is connected' END, status_hint),
    ('value', 'accepted_to_connect_maximum_export_mw', s.accepted_to_connect_maximum_export_mw,
      CASE WHEN NOT p.connected THEN import_quantity_problem(p.accepted_export_mw) END, number_hint),
    ('value', 'accepted_to_connect_maximum_import_mw', s.accepted_to_connect_maximum_import_mw,
      CASE WHEN NOT p.connected THEN import_quantity_problem(p.accepted_import_mw) END, number_hint),
    ('value', 'date_connected', s.date_connected,
      CASE WHEN p.connected AND p.date_connected IS NOT NULL AND p.connected_on IS NULL THEN 'is not a date' END,
      'Write it as 2024-05-17, or leave it empty.'),
    ('value', 'registered_capacity_1_mw', s.registered_capacity_1_mw, import_quantity_problem(p.capacity_1_mw), number_hint),
    ('value', 'storage_capacity_1_mwh', s.storage_capacity_1_mwh, import_quantity_problem(p.storage_1_mwh), 'Write a number of MWh with a decimal point, or leave it empty.'),
    ('value', 'storage_duration_1_hours', s.storage_duration_1_hours, import_quantity_problem(p.storage_1_hours), 'Write a number of hours with a decimal point, or leave it empty.'),
    ('value', 'chp_cogeneration_1', s.chp_cogeneration_1, CASE WHEN p.cogeneration_1 NOT IN ('yes', 'no') THEN 'is not yes or no' END, 'Write Yes or No, or leave it empty.'),
    ('value', 'registered_capacity_2_mw', s.registered_capacity_2_mw, import_quantity_problem(p.capacity_2_mw), number_hint),
    ('value', 'storage_capacity_2_mwh', s.storage_capacity_2_mwh, import_quantity_problem(p.storage_2_mwh), 'Write a number of MWh with a decimal point, or leave it empty.'),
    ('value', 'storage_duration_2_hours', s.storage_duration_2_hours, import_quantity_problem(p.storage_2_hours), 'Write a number of hours with a decimal point, or leave it empty.'),
    ('value', 'chp_cogeneration_2', s.chp_cogeneration_2, CASE WHEN p.cogeneration_2 NOT IN ('yes', 'no') THEN 'is not yes or no' END, 'Write Yes or No, or leave it empty.'),
    ('value', 'registered_capacity_3_mw', s.registered_capacity_3_mw, import_quantity_problem(p.capacity_3_mw), number_hint),
    ('value', 'storage_capacity_3_mwh', s.storage_capacity_3_mwh, import_quantity_problem(p.storage_3_mwh), 'Write a number of MWh with a decimal point, or leave it empty.'),
    ('value', 'storage_duration_3_hours', s.storage_duration_3_hours, import_quantity_problem(p.storage_3_hours), 'Write a number of hours with a decimal point, or leave it empty.'),
    ('value', 'chp_cogeneration_3', s.chp_cogeneration_3, CASE WHEN p.cogeneration_3 NOT IN ('yes', 'no') THEN 'is not yes or no' END, 'Write Yes or No, or leave it empty.'),
    ('value', 'date_accepted', s.date_accepted,
      CASE WHEN p.date_accepted IS NOT NULL AND p.accepted_on IS NULL THEN 'is not a date' END,
      'Write it as 2024-05-17, or leave it empty.'),
    ('value', 'target_energisation_date', s.target_energisation_date,
      CASE WHEN p.target_date IS NOT NULL AND p.target_energisation_on IS NULL THEN 'is not a date' END,
      'Write it as 2024-05-17, or leave it empty.'),
    ('value', 'flexible_connection', s.flexible_connection,
      CASE WHEN p.flexible NOT IN ('yes', 'no') THEN 'is not yes or no' END, 'Write Yes or No, or leave it empty.'),
    ('value', 'latitude', s.latitude,
      CASE WHEN p.latitude_degrees IS NOT NULL AND p.latitude IS NULL THEN 'is not a latitude' END,
      'Write degrees from -90 to 90, or leave it empty.'),
    ('value', 'longitude', s.longitude,
      CASE WHEN p.longitude_degrees IS NOT NULL AND p.longitude IS NULL THEN 'is not a longitude' END,
      'Write degrees from -180 to 180, or leave it empty.')
  ) AS c (effect, column_name, value, reason, hint)
  WHERE c.reason IS NOT NULL;
  DELETE FROM pg_temp.import_parsed p
  USING pg_temp.import_problem o WHERE o.line = p.line AND o.effect = 'row';

  -- Words that have no common word are imported all the same, and reported.
  CREATE TEMPORARY TABLE import_word ON COMMIT DROP AS
  SELECT p.line, p.row_digest, w.* FROM pg_temp.import_parsed p
  CROSS JOIN LATERAL (VALUES
    ('ecr_energy_source', 'energy_source', 'energy_source_1', p.energy_source_1),
    ('ecr_energy_source', 'energy_source', 'energy_source_2', p.energy_source_2),
    ('ecr_energy_source', 'energy_source', 'energy_source_3', p.energy_source_3),
    ('ecr_conversion_technology', 'technology', 'energy_conversion_technology_1', p.technology_1),
    ('ecr_conversion_technology', 'technology', 'energy_conversion_technology_2', p.technology_2),
    ('ecr_conversion_technology', 'technology', 'energy_conversion_technology_3', p.technology_3)
  ) AS w (scheme, key, column_name, word)
  WHERE length(w.word) <= 80;
  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT w.line, w.row_digest, w.column_name, w.word, i.reason, i.hint, 'word'
  FROM (SELECT o.scheme, o.key, array_agg(DISTINCT o.word) AS words FROM pg_temp.import_word o GROUP BY o.scheme, o.key) s
  CROSS JOIN LATERAL import_words(s.scheme, s.key, s.words) i
  JOIN pg_temp.import_word w ON w.key = s.key AND w.word = i.word;

  -- Companies: the operator of the network, and the customers.
  PERFORM import_participants(ARRAY[operator_name], 'market_operator') WHERE EXISTS (SELECT FROM pg_temp.import_parsed);
  PERFORM import_participants(array_agg(p.customer ORDER BY p.line), 'service_provider') FROM pg_temp.import_parsed p;

  -- The network: every node that a row names, with what feeds it.  Names that
  -- differ in case only are one node of their licence area.
  CREATE TEMPORARY TABLE import_place ON COMMIT DROP AS
  SELECT p.line, p.row_digest, p.area, n.*
  FROM pg_temp.import_parsed p
  CROSS JOIN LATERAL (VALUES
    ('gsp', p.gsp, NULL, NULL, NULL, p.bsp IS NULL AND p.primary_name IS NULL),
    ('bsp', p.bsp, 'gsp', p.gsp, 'grid_supply_point', p.primary_name IS NULL),
    ('primary', p.primary_name, CASE WHEN p.bsp IS NULL THEN 'gsp' ELSE 'bsp' END, coalesce(p.bsp, p.gsp),
      CASE WHEN p.bsp IS NULL THEN 'grid_supply_point' ELSE 'bulk_supply_point' END, true)
  ) AS n (kind, name, parent_kind, parent_name, parent_column, connects)
  WHERE n.name IS NOT NULL;

  INSERT INTO grid_node (kind, name, licence_area, voltage_kv, operator_id)
  SELECT n.kind, (array_agg(n.name ORDER BY n.line))[1], n.area,
         -- the voltage at which customers connect there, where that is one
         CASE WHEN min(p.voltage_kv) FILTER (WHERE n.connects) = max(p.voltage_kv) FILTER (WHERE n.connects)
              THEN min(p.voltage_kv) FILTER (WHERE n.connects) END,
         (SELECT o.id FROM participant o WHERE lower(o.name) = lower(operator_name))
  FROM pg_temp.import_place n
  JOIN pg_temp.import_parsed p ON p.line = n.line
  WHERE NOT EXISTS (SELECT FROM grid_node g
                    WHERE g.kind = n.kind AND lower(g.name) = lower(n.name) AND coalesce(g.licence_area, '') = coalesce(n.area, ''))
  GROUP BY n.kind, n.area, lower(n.name)
  ORDER BY CASE n.kind WHEN 'gsp' THEN 1 WHEN 'bsp' THEN 2 ELSE 3 END, min(n.line);

  CREATE TEMPORARY TABLE import_node ON COMMIT DROP AS
  SELECT DISTINCT ON (n.line, n.kind) n.line, n.row_digest, n.kind, g.id, g.name, n.connects,
         n.parent_kind, n.parent_name, n.parent_column, up.id AS parent_id
  FROM pg_temp.import_place n
  JOIN grid_node g ON g.kind = n.kind AND lower(g.name) = lower(n.name) AND coalesce(g.licence_area, '') = coalesce(n.area, '')
  LEFT JOIN grid_node up ON up.kind = n.parent_kind AND lower(up.name) = lower(n.parent_name)
                        AND coalesce(up.licence_area, '') = coalesce(n.area, '')
  ORDER BY n.line, n.kind, g.id, up.id;

  -- A node has one parent at a time: a bulk supply point before a grid supply
  -- point, then what most rows say, then what the first row says.
  INSERT INTO grid_node_parent (grid_node_id, parent_id)
  SELECT DISTINCT ON (v.id) v.id, v.parent_id
  FROM (SELECT n.id, n.parent_id, n.parent_kind, count(*) AS votes, min(n.line) AS first_line
        FROM pg_temp.import_node n
        WHERE n.parent_id IS NOT NULL
        GROUP BY n.id, n.parent_id, n.parent_kind) v
  WHERE NOT EXISTS (SELECT FROM grid_node_parent g WHERE g.grid_node_id = v.id)
  ORDER BY v.id, v.parent_kind COLLATE "C", v.votes DESC, v.first_line;

  INSERT INTO pg_temp.import_problem (line, row_digest, column_name, value, reason, hint, effect)
  SELECT n.line, n.row_digest, n.parent_column, left(n.parent_name, 200),
         format('does not feed %s %s, which is registered below %s %s', n.kind, quote_literal(n.name), up.kind, quote_literal(up.name)),
         'A node has one parent at a time: correct grid_node_parent if the other rows are wrong.', 'value'
  FROM pg_temp.import_node n
  JOIN grid_node_parent g ON g.grid_node_id = n.id AND g.valid @> now()
  JOIN grid_node up ON up.id = g.parent_id
  LEFT JOIN grid_node_parent above ON above.grid_node_id = g.parent_id AND above.valid @> now()
  WHERE n.parent_id <> g.parent_id AND n.parent_id IS DISTINCT FROM above.parent_id;

  -- Metering points.  Rows may share one: it is registered once, with the
  -- greatest capacity that connected rows give it, or else accepted ones.
  INSERT INTO metering_point (mpan, kind, grid_node_id, agreed_import_kw, agreed_export_kw, postcode)
  SELECT p.mpan, 'boundary', (array_agg(n.id ORDER BY p.line))[1],
         coalesce(max(p.import_kw) FILTER (WHERE p.connected), max(p.import_kw)),
         coalesce(max(p.export_kw) FILTER (WHERE p.connected), max(p.export_kw)),
         (array_agg(p.short_postcode ORDER BY p.line))[1]
  FROM pg_temp.import_parsed p
  LEFT JOIN pg_temp.import_node n ON n.line = p.line AND n.connects
  WHERE p.mpan IS NOT NULL
  GROUP BY p.mpan
  ORDER BY min(p.line)
  ON CONFLICT (mpan) DO NOTHING;

  -- Assets, one a row, and who operates them.  Qualified power stays unknown: a
  -- register does not qualify anything.
  CREATE TEMPORARY TABLE import_asset ON COMMIT DROP AS
  SELECT nextval('resource_id') AS id, p.* FROM (SELECT * FROM pg_temp.import_parsed ORDER BY line) p;

  INSERT INTO asset (id, name, technology, energy_source, metering_point_id, grid_node_id, connection_status,
                     connected_on, accepted_on, target_energisation_on, connection_type, installed_kw, latitude, longitude, source, profile)
  SELECT a.id, a.name, a.technology, a.energy_source, m.id, n.id, CASE WHEN a.connected THEN 'connected' ELSE 'pending' END,
         a.connected_on, a.accepted_on, a.target_energisation_on, a.connection_type, a.installed_kw, a.latitude, a.longitude, origin,
         -- a word that was left out might say otherwise
         CASE WHEN greatest(length(a.energy_source_1), length(a.energy_source_2), length(a.energy_source_3),
                            length(a.technology_1), length(a.technology_2), length(a.technology_3)) <= 80 THEN w.profile END
  FROM pg_temp.import_asset a
  LEFT JOIN (SELECT d.*, common_profile('ecr_conversion_technology', d.technology, 'ecr_energy_source', d.energy_source) AS profile
             FROM (SELECT DISTINCT o.technology, o.energy_source FROM pg_temp.import_asset o) d) w
    ON (w.technology, w.energy_source) IS NOT DISTINCT FROM (a.technology, a.energy_source)
  LEFT JOIN metering_point m ON m.mpan = a.mpan
  LEFT JOIN pg_temp.import_node n ON n.line = a.line AND n.connects
  ORDER BY a.line;

  -- up to three in one registration; what a store holds is said, or follows from how long it lasts
  INSERT INTO asset_technology (asset_id, place, technology, energy_source, cogeneration, installed_kw, energy_kwh)
  SELECT a.id, t.place, t.technology, t.energy_source, t.cogeneration = 'yes', round(import_quantity(t.mw) * 1000, 3),
         round(coalesce(import_quantity(t.mwh), import_quantity(t.hours) * import_quantity(t.mw)) * 1000, 3)
  FROM pg_temp.import_asset a
  CROSS JOIN LATERAL (VALUES
    (1, a.technology_1, a.energy_source_1, a.cogeneration_1, a.capacity_1_mw, a.storage_1_mwh, a.storage_1_hours),
    (2, a.technology_2, a.energy_source_2, a.cogeneration_2, a.capacity_2_mw, a.storage_2_mwh, a.storage_2_hours),
    (3, a.technology_3, a.energy_source_3, a.cogeneration_3, a.capacity_3_mw, a.storage_3_mwh, a.storage_3_hours)
  ) AS said (place, technology, energy_source, cogeneration, mw, mwh, hours)
  CROSS JOIN LATERAL (SELECT said.place, CASE WHEN length(said.technology) <= 80 THEN said.technology END AS technology,
                             CASE WHEN length(said.energy_source) <= 80 THEN said.energy_source END AS energy_source,
                             said.cogeneration, said.mw, said.mwh, said.hours) t
  WHERE t.technology IS NOT NULL OR t.energy_source IS NOT NULL
  ORDER BY a.line, t.place;

  INSERT INTO asset_operator (asset_id, service_provider_id, valid)
  SELECT a.id, c.id, '-infinity/infinity'   -- the register does not say since when
  FROM pg_temp.import_asset a
  JOIN participant c ON lower(c.name) = lower(a.customer)
  ORDER BY a.line;

  INSERT INTO import_row (importer, row_digest, entity, entity_id)
  SELECT importer, a.row_digest, 'asset', a.id FROM pg_temp.import_asset a ORDER BY a.line;
  GET DIAGNOSTICS rows_imported = ROW_COUNT;

  SELECT r.rows_rejected, r.values_left_out INTO rows_rejected, values_left_out FROM record_rejections(importer, origin) r;
  DROP TABLE pg_temp.import_parsed, pg_temp.import_word, pg_temp.import_place, pg_temp.import_node, pg_temp.import_asset;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION import_embedded_capacity_register(regclass, text, text) IS
  'imports the rows of a staging table (NULL: embedded_capacity_register_staging) into grid_node, metering_point, participant and asset; returns the rows read, imported, unchanged since an earlier import, repeated within the file and rejected, which add up, and the values left out of imported rows; one that is imported again changes nothing; errors 23514, 42703, 42809';
REVOKE ALL ON FUNCTION import_embedded_capacity_register(regclass, text, text) FROM PUBLIC;
-- writes the register of everybody: the operator only
GRANT EXECUTE ON FUNCTION import_embedded_capacity_register(regclass, text, text) TO flexexchange_operator;
