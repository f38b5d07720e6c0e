-- Tenders of a distribution operator: zones, products, companies and needs, with their
-- windows in market time; bad rows are kept, the same again changes nothing.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('tender_test');
SET search_path = tender_test, flexexchange;
COPY flexibility_tender_staging (zone_code, product, opportunity_name, trade_windows, delivery_start_date, delivery_end_date, service_days, earliest_start_time, latest_end_time, peak_tendered_kw,
  ceiling_availability_price, ceiling_utilisation_price, ceiling_sustain_price, company_name, offered_kw, trade_outcome, accepted_kw) FROM stdin (FORMAT csv);
CMZ_1,Secure,Spring at Mill Lane,"""2024""",2024-03-29,2024-04-02,"Friday,Monday,Tuesday",16:00:00,20:00:00,135.0,66.71,4002.76,0.0,Volt Limited,10,Accepted,10
CMZ_1,Secure,Spring at Mill Lane,"""2024""",2024-03-29,2024-04-02,"Friday,Monday,Tuesday",16:00:00,20:00:00,135.0,66.71,4002.76,0.0,Amber Ltd,20,Rejected,0
CMZ_1,Secure,Spring at Mill Lane,"""2024""",2024-03-29,2024-04-02,"Friday,Monday,Tuesday",16:00:00,20:00:00,135.0,66.71,4002.76,0.0,Amber Ltd,20,Rejected,0
CMZ_2,Sustain,Nights at Canal Street,"""2024""",2024-11-04,2024-11-06,"Monday,Tuesday,Wednesday",22:00:00,06:00:00,9.5,0.0,0.0,22.48,0,0.0,No response received,0.0
CMZ_2,Sustain,To come,"""2098""",2098-11-03,2098-11-07,Monday,22:00:00,23:00:00,9.5,n/a,x,22.48,0,0.0,,0.0
CMZ_2,Sustain,Short nights,"""2024""",2024-03-31,2024-04-07,Sunday,01:30:00,02:00:00,3,0,0,1,0,0.0,No response received,0.0
CMZ_3,Flexible,What is this,"""2024""",2024-11-04,2024-11-03,"Monday,Funday",25:00:00,23:00:00,0,0.0,0.0,22.48,0,0.0,No response received,0.0
\.
SELECT * FROM import_flexibility_tenders();
SELECT line, column_name, value, reason, effect FROM import_rejection ORDER BY line, column_name;
SELECT name, kinds FROM participant ORDER BY name;
SELECT kind, name, licence_area FROM grid_node ORDER BY name;
SELECT code, service_code, binds FROM product ORDER BY code;
SELECT name, (SELECT name FROM grid_node g WHERE g.id = grid_node_id) AS zone, service_code, direction, power_kw, delivery_window, guide_availability_price_per_mw_h AS availability, guide_price_per_mwh AS utilisation, description, status FROM need ORDER BY id;
-- local evenings before and after the clock changed; a night ends on the next day
SELECT need.name, w.delivery_window FROM need_window w JOIN need ON need.id = w.need_id ORDER BY need.id, w.delivery_window;
SELECT * FROM import_flexibility_tenders();
-- the word is said, and the rest corrected
INSERT INTO product_alias (source, name, service_code, note) VALUES ('DSO flexibility tenders', 'Flexible', 'SU', 'this test');
UPDATE flexibility_tender_staging SET delivery_end_date = '2024-11-05', service_days = 'Tuesday', earliest_start_time = '21:00', peak_tendered_kw = '5' WHERE zone_code = 'CMZ_3';
SELECT rows_imported, rows_rejected FROM import_flexibility_tenders();
SELECT need.name, w.delivery_window FROM need_window w JOIN need ON need.id = w.need_id WHERE need.name = 'What is this';
SELECT * FROM import_flexibility_tenders(time_zone => 'Europe/Nowhere');
SELECT kind, name FROM search_exchange('canal OR amber');
SELECT flexexchange.drop_exchange('tender_test', with_data => true);
