-- Importing dispatch instructions: what goes in, what does not and why, and that
-- a second time changes nothing.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set fingerprint :src '/fingerprint.sql'
\i :setup
SELECT flexexchange.create_exchange('import_dispatch_test', 'medium');
SET search_path = import_dispatch_test, flexexchange;

\i :fingerprint

-- A small file, copied as any file is.  Two tranches, two uses of them, the same
-- instruction given twice, one row written twice, and rows that stand alone.
\copy dispatch_instruction_staging from stdin csv header
company_name,fu_id,zone,product,start_time_local,end_time_local,availability_mw_req,utilisation_mw_req,availability_price,utilisation_price,availability_mwh_req,utilisation_mwh_req,technology,dispatch_type,hours_requested,dispatch_method,start_time_utc,end_time_utc,time_utc
Amber Cars,mill-1,Mill Lane,Scheduled Availability,2024-06-03T17:00:00+01:00,2024-06-03T20:00:00+01:00,0.0,0.02,0.0,400.5,0.0,0.06,EV Charger DSR,demand_turn_down,3.0,api,2024-06-03 16:00:00+00:00,2024-06-03 19:00:00+00:00,16:00:00+00:00
Amber Cars,mill-1,Mill Lane,Scheduled Availability,2024-06-03T16:00:00+01:00,2024-06-03T20:00:00+01:00,0.04,0.0,25.0,0.0,0.16,0.0,EV Charger DSR,demand_turn_down,4.0,api,2024-06-03 15:00:00+00:00,2024-06-03 19:00:00+00:00,15:00:00+00:00
Amber Cars,mill-1,Mill Lane,Scheduled Availability,2024-06-03T16:00:00+01:00,2024-06-03T20:00:00+01:00,0.03,0.0,30.0,0.0,0.12,0.0,EV Charger DSR,demand_turn_down,4.0,api,2024-06-03 15:00:00+00:00,2024-06-03 19:00:00+00:00,15:00:00+00:00
AMBER CARS,mill-1,MILL LANE,Scheduled Availability,2024-06-03T19:00:00+01:00,2024-06-03T21:00:00+01:00,,0.0125,,,,,EV Charger DSR,demand_turn_down,2.0,api,,,
Amber Cars,mill-2,Mill Lane,Peak Reduction,2024-06-03T18:00:00+01:00,2024-06-03T20:00:00+01:00,0.0,0.01,0.0,209.3,0.0,0.02,EV Charger DSR,demand_turn_down,2.0,api,2024-06-03 17:00:00+00:00,2024-06-03 19:00:00+00:00,17:00:00+00:00
Amber Cars,mill-2,Mill Lane,Peak Reduction,2024-06-03T19:00:00+01:00,2024-06-03T21:00:00+01:00,0.0,0.01,0.0,209.3,0.0,0.02,EV Charger DSR,demand_turn_down,2.0,api,2024-06-03 18:00:00+00:00,2024-06-03 20:00:00+00:00,18:00:00+00:00
Amber Cars,mill-2,Mill Lane,Peak Reduction,2024-06-03T19:00:00+01:00,2024-06-03T21:00:00+01:00,0.0,0.01,0.0,209.3,0.0,0.02,EV Charger DSR,demand_turn_down,2.0,api,2024-06-03 18:00:00+00:00,2024-06-03 20:00:00+00:00,18:00:00+00:00
Bolt & Co,bolt-1,Station Road,Day-Ahead,2024-12-03T17:00:00+00:00,2024-12-03T17:30:00+00:00,0,1e-3,0,0,0,0,Battery,demand_turn_up,0.5,api,2024-12-03T17:00:00Z,2024-12-03T17:30:00Z,
Bolt & Co,bolt-1,Station Road,Day-Ahead,2024-12-04T17:00Z,2024-12-04T17:30Z,0,1.5,0,12,0,0,Battery,generation_turn_up,0.5,api,2024-12-04T17:00,2024-12-04T17:30,
Bolt & Co,bolt-1,Station Road,Long-Term Utilisation,2024-12-05T17:00:00+00:00,2024-12-05T17:30:00+00:00,0,2,0,12,0,0,Battery,generation_turn_down,0.5,api,,,
\.
SELECT * FROM import_dispatch_instructions();
SELECT stage, p.name AS unit, s.name AS seller, r.code AS product, r.service_code, r.binds, x.direction, trim_scale(power_kw) AS kw,
       delivery_window AS window, trim_scale(price) AS price, status, x.source
FROM (SELECT 'availability' AS stage, id, portfolio_id, product_id, service_provider_id, direction, power_kw, delivery_window,
             availability_price_per_mw_h AS price, status, source FROM availability
      UNION ALL
      SELECT 'dispatch', id, portfolio_id, product_id, service_provider_id, direction, power_kw, delivery_window,
             utilisation_price_per_mwh, status, source FROM dispatch) x
JOIN portfolio p ON p.id = x.portfolio_id
JOIN participant s ON s.id = x.service_provider_id
JOIN product r ON r.id = x.product_id
ORDER BY x.id;
-- the use of line 2 has the first tranche that covers it as its parent; that of line 5 runs on beyond both
SELECT trim_scale(d.power_kw) AS used_kw, d.delivery_window AS window, trim_scale(v.power_kw) AS available_kw
FROM dispatch d LEFT JOIN availability v ON v.id = d.availability_id
JOIN portfolio p ON p.id = d.portfolio_id WHERE p.name = 'mill-1' ORDER BY d.id;
SELECT what, count(*) FROM overlap_report GROUP BY what ORDER BY what COLLATE "C";
SELECT kind, severity, stage, overlap, closed_at IS NULL AS open FROM conflict ORDER BY id;
SELECT name, kinds FROM participant ORDER BY id;
SELECT m.code, m.name, m.time_zone, m.currency, p.name AS operator FROM market m JOIN participant p ON p.id = m.market_operator_id;
SELECT g.kind, g.name, g.licence_area, o.name AS operator FROM grid_node g JOIN participant o ON o.id = g.operator_id ORDER BY g.id;
SELECT p.name, p.technology, p.profile, g.name AS zone, e.scheme, e.value, e.valid
FROM portfolio p JOIN grid_node g ON g.id = p.grid_node_id JOIN external_id e ON e.portfolio_id = p.id ORDER BY p.id;
SELECT entity, count(*) FROM import_row GROUP BY entity ORDER BY entity COLLATE "C";
SELECT count(*) FROM import_row i
WHERE NOT EXISTS (SELECT FROM availability WHERE id = i.entity_id AND i.entity = 'availability'
                  UNION ALL SELECT FROM dispatch WHERE id = i.entity_id AND i.entity = 'dispatch');

-- the same again: nothing changes
SELECT pg_temp.fingerprint() AS before \gset
SELECT * FROM import_dispatch_instructions();
SELECT pg_temp.fingerprint() = :'before' AS unchanged;

-- Rows with one fault each.  A row is a good row with some values changed.
TRUNCATE dispatch_instruction_staging;
CREATE FUNCTION pg_temp.stage(VARIADIC changes text[]) RETURNS integer LANGUAGE sql AS $$
  INSERT INTO dispatch_instruction_staging
  SELECT r.* FROM jsonb_populate_record(NULL::dispatch_instruction_staging,
    '{"company_name": "Amber Cars", "fu_id": "mill-1", "zone": "Mill Lane", "product": "Peak Reduction",
      "start_time_local": "2024-07-01T17:00:00+01:00", "end_time_local": "2024-07-01T18:00:00+01:00",
      "availability_mw_req": "0.0", "utilisation_mw_req": "0.01", "availability_price": "0.0", "utilisation_price": "100",
      "technology": "EV Charger DSR", "dispatch_type": "demand_turn_down",
      "start_time_utc": "2024-07-01 16:00:00+00:00", "end_time_utc": "2024-07-01 17:00:00+00:00"}'::jsonb
    || jsonb_object(changes)) r
  RETURNING 1
$$;
SELECT sum(pg_temp.stage(VARIADIC c)) AS staged FROM (VALUES
  (ARRAY['company_name', '']), (ARRAY['company_name', E' \t ']), (ARRAY['company_name', repeat('c', 256)]),
  (ARRAY['fu_id', NULL]), (ARRAY['fu_id', repeat('u', 256)]), (ARRAY['fu_id', 'Not applicable']),
  (ARRAY['zone', '-']), (ARRAY['zone', repeat('z', 256)]),
  (ARRAY['product', '']), (ARRAY['product', 'Restore']), (ARRAY['product', repeat('p', 65)]),
  (ARRAY['dispatch_type', '']), (ARRAY['dispatch_type', 'sideways']),
  (ARRAY['utilisation_mw_req', 'ten']), (ARRAY['utilisation_mw_req', '0,01']), (ARRAY['utilisation_mw_req', 'NaN']),
  (ARRAY['utilisation_mw_req', 'Infinity']), (ARRAY['utilisation_mw_req', '-0.01']), (ARRAY['utilisation_mw_req', '1e99']),
  (ARRAY['utilisation_mw_req', repeat('9', 41)]),
  (ARRAY['availability_mw_req', 'x']), (ARRAY['availability_mw_req', '0.01']), (ARRAY['utilisation_mw_req', '0.0']),
  (ARRAY['utilisation_mw_req', '']), (ARRAY['utilisation_mw_req', '0.0000001']),
  (ARRAY['utilisation_price', '-1']), (ARRAY['utilisation_price', '1e400']), (ARRAY['availability_price', 'free']),
  (ARRAY['start_time_local', '']), (ARRAY['start_time_local', 'noon']), (ARRAY['start_time_local', '2024-02-30T10:00:00+00:00']),
  (ARRAY['start_time_local', '2024-07-01T25:00:00+01:00']), (ARRAY['start_time_local', '2024-13-01T10:00:00+01:00']),
  (ARRAY['start_time_local', '0000-01-01T10:00:00+01:00']), (ARRAY['start_time_local', 'infinity']),
  (ARRAY['start_time_local', '01/07/2024 17:00']),
  (ARRAY['start_time_local', '2024-07-01T17:00:00']), (ARRAY['start_time_local', '2024-07-01T17:00:00+00:00']),
  (ARRAY['start_time_local', '2024-07-01T17:00:00+02:00']),
  -- clocks go forward on 31 March and back on 27 October
  (ARRAY['start_time_local', '2024-03-31T01:30:00+00:00']), (ARRAY['start_time_local', '2024-03-31T01:30:00+01:00']),
  (ARRAY['start_time_local', '2024-10-27T01:30:00']),
  (ARRAY['end_time_local', '2024-07-01T17:00:00+01:00', 'end_time_utc', NULL]),
  (ARRAY['end_time_local', '2024-06-30T18:00:00+01:00', 'end_time_utc', NULL]),
  (ARRAY['end_time_local', '2024-07-01T24:00:00+01:00']),
  (ARRAY['start_time_utc', '2024-07-01 17:00:00+00:00']), (ARRAY['start_time_utc', 'yes']),
  (ARRAY['end_time_utc', '2024-07-01 18:00:00']),
  (ARRAY['zone', '', 'product', 'Sustain', 'start_time_local', 'soon'])
) AS v (c);
SELECT * FROM import_dispatch_instructions();
SELECT line, column_name, left(value, 26) AS value, reason, effect FROM import_rejection ORDER BY line, column_name COLLATE "C";
SELECT column_name, hint FROM import_rejection GROUP BY column_name, hint ORDER BY column_name COLLATE "C", hint COLLATE "C";
SELECT pg_temp.fingerprint() AS before \gset
SELECT * FROM import_dispatch_instructions();
SELECT pg_temp.fingerprint() = :'before' AS unchanged;

-- A time that clocks show twice is two instants, told apart by the offset.
TRUNCATE dispatch_instruction_staging;
SELECT sum(pg_temp.stage(VARIADIC c || ARRAY['start_time_utc', NULL, 'end_time_utc', NULL])) AS staged FROM (VALUES
  (ARRAY['fu_id', 'clock', 'start_time_local', '2024-10-27T01:30:00+01:00', 'end_time_local', '2024-10-27T01:30:00+00:00']),
  (ARRAY['fu_id', 'clock', 'start_time_local', '2024-10-27T01:30:00+00:00', 'end_time_local', '2024-10-27T02:30:00+00:00']),
  (ARRAY['fu_id', 'clock', 'start_time_local', '2024-03-31T00:30:00+00:00', 'end_time_local', '2024-03-31T02:00:00+01:00'])
) AS v (c);
SELECT * FROM import_dispatch_instructions();
SELECT d.delivery_window, duration(d.delivery_window) FROM dispatch d JOIN portfolio p ON p.id = d.portfolio_id
WHERE p.name = 'clock' ORDER BY d.id;

-- A product name is learned, and the row that waited for it goes in.
INSERT INTO product_alias (source, name, service_code, binds, note)
  VALUES ('DSO dispatch instructions', 'Restore', 'OUrt', 'award', 'our reading');
TRUNCATE dispatch_instruction_staging;
SELECT pg_temp.stage('product', 'Restore') AS staged;
SELECT count(*) FROM import_rejection_open WHERE value = 'Restore';
SELECT * FROM import_dispatch_instructions();
SELECT code, service_code, binds FROM product WHERE code = 'Restore';
SELECT count(*) FROM import_rejection WHERE value = 'Restore';
SELECT count(*) FROM import_rejection_open WHERE value = 'Restore';

-- A unit belongs to one company: to the one that has it, or the first in the file
-- (not counting rows that are refused for something else).  Place and
-- technology that differ are left out.
TRUNCATE dispatch_instruction_staging;
SELECT sum(pg_temp.stage(VARIADIC c)) AS staged FROM (VALUES
  (ARRAY['company_name', 'Bolt & Co', 'utilisation_price', '1']),
  (ARRAY['company_name', 'Crown Power', 'fu_id', 'shared', 'zone', '']),
  (ARRAY['company_name', 'Bolt & Co', 'fu_id', 'shared']),
  (ARRAY['company_name', 'Crown Power', 'fu_id', 'shared']),
  (ARRAY['company_name', 'BOLT & CO', 'fu_id', 'shared', 'zone', 'Far Away', 'utilisation_price', '2']),
  (ARRAY['company_name', 'Bolt & Co', 'fu_id', 'shared', 'technology', 'Fridges', 'utilisation_price', '3']),
  (ARRAY['company_name', 'Bolt & Co', 'fu_id', 'shared', 'technology', repeat('t', 256), 'utilisation_price', '4']),
  (ARRAY['company_name', 'Bolt & Co', 'fu_id', 'shared', 'technology', NULL, 'utilisation_price', '5'])
) AS v (c);
SELECT max(id) AS seen FROM import_rejection \gset
SELECT * FROM import_dispatch_instructions();
SELECT line, column_name, left(value, 20) AS value, reason, hint, effect FROM import_rejection WHERE id > :seen
ORDER BY line, column_name COLLATE "C";
SELECT p.name, s.name AS seller, g.name AS zone, p.technology FROM portfolio p JOIN participant s ON s.id = p.service_provider_id
JOIN grid_node g ON g.id = p.grid_node_id WHERE p.name = 'shared';
SELECT pg_temp.fingerprint() AS before \gset
SELECT * FROM import_dispatch_instructions();
SELECT pg_temp.fingerprint() = :'before' AS unchanged;
-- the unit is sold to the other company: its name is ended, and becomes that of a new portfolio
UPDATE external_id SET valid = '-infinity/2024-06-30T23:00Z' WHERE value = 'shared';
TRUNCATE dispatch_instruction_staging;
SELECT pg_temp.stage('company_name', 'Crown Power', 'fu_id', 'shared') AS staged;
SELECT * FROM import_dispatch_instructions();
SELECT p.name, s.name AS seller, e.valid FROM portfolio p JOIN participant s ON s.id = p.service_provider_id
JOIN external_id e ON e.portfolio_id = p.id WHERE p.name = 'shared' ORDER BY p.id;
-- a name that is taken by something else
INSERT INTO external_id (scheme, value, grid_node_id) SELECT 'ukpn_flexible_unit', 'not-a-unit', min(id) FROM grid_node;
TRUNCATE dispatch_instruction_staging;
SELECT pg_temp.stage('fu_id', 'not-a-unit') AS staged;
SELECT * FROM import_dispatch_instructions();
SELECT column_name, value, reason, effect FROM import_rejection ORDER BY id DESC LIMIT 1;

-- Ten megabytes in a field are a rejection like any other.
TRUNCATE dispatch_instruction_staging;
SELECT sum(pg_temp.stage(VARIADIC ARRAY[c, repeat('x', 10 * 1024 * 1024)])) AS staged
FROM unnest(ARRAY['company_name', 'fu_id', 'zone', 'product', 'start_time_local', 'end_time_local', 'availability_mw_req',
                  'utilisation_mw_req', 'availability_price', 'utilisation_price', 'technology', 'dispatch_type',
                  'start_time_utc', 'end_time_utc', 'hours_requested']) c;
SELECT max(id) AS seen FROM import_rejection \gset
SELECT * FROM import_dispatch_instructions();
SELECT line, column_name, length(value), reason, effect, pg_column_size(row_content) < 2000 AS small
FROM import_rejection WHERE id > :seen ORDER BY line, column_name COLLATE "C";

-- Another operator, with its own names, from a table of the user's own.
INSERT INTO product_alias (source, name, service_code, binds, note)
  VALUES ('Northern file', 'Sustain', 'PR', 'award', 'our reading');
CREATE TEMPORARY TABLE my_rows (LIKE dispatch_instruction_staging);
ALTER TABLE my_rows ADD remark text;
TRUNCATE dispatch_instruction_staging;
SELECT pg_temp.stage('product', 'Sustain', 'company_name', 'Bolt & Co', 'fu_id', 'mill-1') AS staged;
INSERT INTO my_rows SELECT * FROM dispatch_instruction_staging;
SELECT * FROM import_dispatch_instructions('my_rows', 'Northern file', 'Northern Networks', 'northern');
SELECT e.scheme, e.value, s.name AS seller, g.name AS zone, o.name AS operator
FROM external_id e JOIN portfolio p ON p.id = e.portfolio_id JOIN participant s ON s.id = p.service_provider_id
JOIN grid_node g ON g.id = p.grid_node_id JOIN participant o ON o.id = g.operator_id
WHERE e.value = 'mill-1' ORDER BY e.id;
-- an empty file makes nothing, not even a market
TRUNCATE my_rows;
SELECT * FROM import_dispatch_instructions('my_rows', 'Western file', 'Western Networks', 'western');
SELECT count(*) FROM market WHERE code = 'western';

-- Calls that cannot be understood.
SELECT * FROM import_dispatch_instructions(source => ' ');
SELECT * FROM import_dispatch_instructions(network_operator => NULL);
SELECT * FROM import_dispatch_instructions(market_code => repeat('m', 65));
SELECT * FROM import_dispatch_instructions(time_zone => 'Mars/Olympus');
SELECT * FROM import_dispatch_instructions(time_zone => NULL);
SELECT * FROM import_dispatch_instructions('overlap_report');
SELECT * FROM import_dispatch_instructions('participant');
TRUNCATE dispatch_instruction_staging;
SELECT pg_temp.stage('utilisation_price', '77') AS staged;
SELECT * FROM import_dispatch_instructions(network_operator => 'Southern Networks');

-- The operator runs imports; those who take part do not.
SET ROLE flexexchange_operator;
SELECT rows_read, rows_imported FROM import_dispatch_instructions();
TRUNCATE dispatch_instruction_staging;
RESET ROLE;
SET ROLE flexexchange_participant;
\set VERBOSITY sqlstate
SELECT * FROM import_dispatch_instructions();
SELECT * FROM dispatch_instruction_staging;
SELECT * FROM import_rejection;
SELECT * FROM import_row;
SELECT count(*) FROM product_alias WHERE source = 'DSO dispatch instructions';
RESET ROLE;
SET ROLE flexexchange_regulator;
SELECT count(*) > 0 AS read FROM import_rejection_open;
DELETE FROM import_rejection;
RESET ROLE;
SELECT flexexchange.drop_exchange('import_dispatch_test', with_data => true);
