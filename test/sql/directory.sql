-- The directory: who takes part, what is needed, and finding it.  A thin exchange
-- has all of this.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('found_test', archetype => 'thin');
SET search_path = found_test, flexexchange;
CREATE ROLE found_operator IN ROLE flexexchange_operator;
CREATE ROLE found_dso IN ROLE flexexchange_participant;
CREATE ROLE found_seller IN ROLE flexexchange_participant;
CREATE ROLE found_rival IN ROLE flexexchange_participant;
CREATE ROLE found_analyst IN ROLE flexexchange_analyst;
INSERT INTO participant (id, name, kinds, legal_name, legal_form, country, description) VALUES
  (1, 'Northern Networks', '{market_operator}', 'Northern Networks plc', 'public_limited_company', 'GB', 'distributes electricity in the north'),
  (2, 'Volt & Sons', '{service_provider}', NULL, 'private_limited_company', 'GB', 'aggregator of batteries'),
  (3, 'Amber Charging', '{service_provider,supplier}', NULL, 'foreign_company', 'IE', 'chargers for buses'),
  (4, 'Volt Trading', '{service_provider}', NULL, NULL, NULL, NULL);
INSERT INTO participant_login (role_name, participant_id) VALUES ('found_dso', 1), ('found_seller', 2), ('found_rival', 3);

-- bad input: the field, the value, what would be right
\set VERBOSITY default
INSERT INTO participant (name, kinds, country) VALUES ('x', '{analyst}', 'Britain');
INSERT INTO participant (name, kinds, website) VALUES ('x', '{analyst}', 'example.org');
INSERT INTO participant (name, kinds, legal_form) VALUES ('x', '{analyst}', 'Ltd');
INSERT INTO participant_contact (participant_id, purpose, name, phone) VALUES (2, 'primary', 'desk', '01632 960123');
INSERT INTO participant_contact (participant_id, purpose, name, email) VALUES (2, 'primary', 'desk', 'desk at example.org');
INSERT INTO accreditation (participant_id, kind) VALUES (2, 'supplier');
\set VERBOSITY terse

-- a participant says what it likes of itself, and nothing of others or of what it is in law
SET ROLE found_seller;
UPDATE participant SET website = 'https://volt.example', description = 'batteries and generators' WHERE id = 2;
UPDATE participant SET description = 'bankrupt' WHERE id = 3;
UPDATE participant SET legal_form = 'charity' WHERE id = 2;
INSERT INTO participant_contact (participant_id, purpose, name, email, phone, published) VALUES
  (2, 'operations', 'Control room', 'control@volt.example', '+441632960123', true), (2, 'billing', 'J. Smith', 'j.smith@volt.example', NULL, false);
INSERT INTO participant_contact (participant_id, purpose, name) VALUES (3, 'primary', 'somebody');
RESET ROLE;
SET ROLE found_rival;
SELECT name, email FROM participant_contact;
RESET ROLE;

-- accreditation: applied for, then step by step, each kept with who and why
SET ROLE found_seller;
INSERT INTO accreditation (participant_id, kind, evidence) VALUES (2, 'service_provider', 'application of 3 March');
INSERT INTO accreditation (participant_id, kind) VALUES (3, 'service_provider');
INSERT INTO accreditation (participant_id, kind, status) VALUES (2, 'service_provider', 'accredited');
UPDATE accreditation SET status = 'accredited';
SELECT kind, status FROM accreditation;
RESET ROLE;
SET ROLE found_rival;
SELECT count(*) AS of_others FROM accreditation;
RESET ROLE;
SET ROLE found_operator;
UPDATE accreditation SET status = 'screened', reason = NULL, evidence = 'companies register, 4 March' WHERE participant_id = 2;
UPDATE accreditation SET status = 'accredited', evidence = 'minutes of 9 March' WHERE participant_id = 2;
\set VERBOSITY default
UPDATE accreditation SET status = 'suspended' WHERE participant_id = 2;
UPDATE accreditation SET status = 'screened' WHERE participant_id = 2;
UPDATE accreditation SET kind = 'supplier' WHERE participant_id = 2;
\set VERBOSITY terse
UPDATE accreditation SET status = 'suspended', reason = 'does not answer', evidence = NULL WHERE participant_id = 2;
UPDATE accreditation SET status = 'accredited', reason = NULL WHERE participant_id = 2;
DELETE FROM accreditation_step;
RESET ROLE;
SET ROLE found_seller;
SELECT status, taken_by, reason, evidence FROM accreditation_step ORDER BY taken_at;
RESET ROLE;
SET ROLE found_rival;
SELECT kind, status FROM accreditation;
SELECT count(*) AS steps_of_others FROM accreditation_step;
RESET ROLE;

-- common ownership, for as long as it lasts
INSERT INTO participant_group (id, name, source) VALUES (1, 'Volt', 'annual report');
INSERT INTO participant_group_member VALUES (1, 2, '2020-01-01T00:00Z/infinity'), (1, 4, '2020-01-01T00:00Z/2026-01-01T00:00Z');
INSERT INTO participant_group_member VALUES (1, 4, '2025-06-01T00:00Z/infinity');
SELECT commonly_owned(2, 4, '2025-01-01T00:00Z') AS were, commonly_owned(2, 4, '2026-01-01T00:00Z') AS are, commonly_owned(2, 2) AS oneself, commonly_owned(2, 3) AS strangers;

-- the places, and what is wanted there
INSERT INTO grid_node (id, kind, name, operator_id, latitude, longitude) VALUES
  (10, 'gsp', 'Northgate', 1, 54.97, -1.61), (11, 'primary', 'Mill Lane', 1, 54.98, -1.60), (12, 'primary', 'Canal Street', 1, 54.95, -1.70), (13, 'gsp', 'Southgate', NULL, 51.5, -0.1);
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (11, 10), (12, 10);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'north', 'Northern flexibility', 1);
INSERT INTO product (id, market_id, code, name, service_code, description) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU', 'evening peaks, scheduled'), (2, 1, 'OU', 'Operational Utilisation', 'OUrt', NULL);
SELECT grid_node_id, steps FROM grid_nodes_below(10, '2026-11-20T17:00Z/PT1H') ORDER BY 1;
SET ROLE found_dso;
INSERT INTO need (market_operator_id, service_code, product_id, name, description, grid_node_id, latitude, longitude, direction, power_kw, delivery_window, notice, guide_price_per_mwh, status) VALUES
  (1, 'SU', 1, 'Winter evenings at Mill Lane', 'to defer a transformer', 11, 54.98, -1.60, 'up', 400, '2026-11-01T00:00Z/2027-03-01T00:00Z', 'P7D', 180, 'published'),
  (1, 'OUrt', 2, 'Outage at Canal Street', NULL, 12, 54.95, -1.70, 'up', 1500, '2027-05-01T00:00Z/P14D', 'PT15M', NULL, 'published'),
  (1, 'SU', NULL, 'Summer evenings', 'solar peaks at noon', 10, NULL, NULL, 'down', 900, '2027-06-01T00:00Z/P90D', NULL, NULL, 'draft');
INSERT INTO need_window SELECT 1, time_window(t, t + interval '2 hours'), 400 FROM generate_series(timestamptz '2026-11-02T17:00Z', '2026-11-06T17:00Z', '1 day') t;
-- one of another's, of another's product, of nothing, twice at once, and a step back
\set VERBOSITY default
INSERT INTO need (market_operator_id, service_code, name, direction, power_kw, delivery_window) VALUES (2, 'SU', 'x', 'up', 1, '2027-06-01T00:00Z/P90D');
INSERT INTO need (market_operator_id, service_code, product_id, name, direction, power_kw, delivery_window) VALUES (1, 'DC', 1, 'x', 'up', 1, '2027-06-01T00:00Z/P90D');
INSERT INTO need (market_operator_id, service_code, name, direction, power_kw, delivery_window) VALUES (1, 'SU', 'x', 'up', 0, '2027-06-01T00:00Z/P90D');
INSERT INTO need_window VALUES (1, '2026-11-02T18:00Z/PT2H', 100);
UPDATE need SET status = 'draft' WHERE id = 1;
UPDATE need SET direction = 'down' WHERE id = 1;
\set VERBOSITY terse
SELECT published_at IS NOT NULL AS published FROM need ORDER BY id;
RESET ROLE;
SET ROLE found_seller;
INSERT INTO service_offer (service_provider_id, service_code, grid_node_id, latitude, longitude, power_kw) VALUES (2, 'SU', 10, 54.97, -1.61, 800), (2, 'OUrt', 13, 51.5, -0.1, 200);
INSERT INTO service_offer (service_provider_id, service_code) VALUES (3, 'SU');
RESET ROLE;
INSERT INTO service_offer (service_provider_id, service_code) VALUES (3, 'DC');

-- gates in market time: an hour before, at noon the day before across a change of the clock, midnight on Wednesday of the week before
INSERT INTO market_gate (market_id, stage, closes_before, at_time, on_weekday) VALUES (1, 'instruction', 'PT1H', NULL, NULL), (1, 'bid', 'P1D', '12:00', NULL), (1, 'availability', 'P2D', '23:59', 3), (1, 'baseline', 'PT0S', '01:30', NULL);
SELECT stage, gate_closure(1, stage, d) AT TIME ZONE 'Europe/London' AS closes, to_char(gate_closure(1, stage, d) AT TIME ZONE 'Europe/London', 'Dy') AS day
FROM market_gate, unnest(ARRAY[timestamptz '2026-11-20T17:00Z', '2027-03-28T16:00Z', '2027-03-29T10:00Z']) d ORDER BY d, stage;
SELECT gate_closure(1, 'award', '2026-11-20T17:00Z') AS no_such_gate;
INSERT INTO market_gate (market_id, stage, closes_before, on_weekday) VALUES (1, 'award', 'P1D', 3);
INSERT INTO market_gate (market_id, stage, closes_before, at_time, on_weekday) VALUES (1, 'award', 'P1D', '12:00', 8);
INSERT INTO market_gate (market_id, stage, closes_before) VALUES (1, 'award', '-1 day');

-- one call: words, place, distance, service, window, direction, kW
SET ROLE found_rival;
SELECT kind, id, name, kw, km FROM search_exchange('evening');
SELECT kind, id, name, summary, kw, km FROM search_exchange(grid_node_id => 11);
SELECT kind, id, name, km FROM search_exchange(latitude => 54.98, longitude => -1.6, within_km => 10);
SELECT kind, id, name FROM search_exchange(service_code => 'OUrt', power_kw => 1000);
SELECT kind, id, name FROM search_exchange(during => '2026-11-03T18:00Z/PT30M', kinds => '{need}');
SELECT kind, id, name FROM search_exchange(during => '2026-11-03T20:00Z/PT30M', kinds => '{need}');
SELECT kind, id, name FROM search_exchange(service_code => 'SU', grid_node_id => 12, kinds => '{participant}');
SELECT kind, id FROM search_exchange(page_size => 3);
SELECT kind, id FROM search_exchange(page_size => 3, page => 2);
SELECT count(*) AS drafts FROM search_exchange('solar');
RESET ROLE;
-- a draft is found by its operator, and by the exchange's
SET ROLE found_dso;
SELECT kind, id, name FROM search_exchange('solar');
RESET ROLE;
SET ROLE found_operator;
SELECT kind, id, name FROM search_exchange('solar');
RESET ROLE;
SET ROLE found_analyst;
SELECT kind, id, name FROM search_exchange('solar OR transformer');
SELECT count(*) FROM need;
RESET ROLE;
\set VERBOSITY default
SELECT * FROM search_exchange(kinds => '{needs}');
SELECT * FROM search_exchange(latitude => 54.98, longitude => -1.6);
SELECT * FROM search_exchange(page => 0);
\set VERBOSITY terse

-- distances: known ones, and a box holds whatever is within
SELECT round(distance_km(51.4769, 0, 48.8530, 2.3499)::numeric) AS greenwich_to_notre_dame, distance_km(10, 20, 10, 20) AS here, round(distance_km(0, 0, 0, 180)::numeric) AS half_way_round;
SELECT count(*) AS tried, count(*) FILTER (WHERE d <= r) > 500 AS enough, count(*) FILTER (WHERE d <= r AND NOT place(b_lat, b_lon) <@ box_around(a_lat, a_lon, r)) AS lost
FROM (SELECT *, distance_km(a_lat, a_lon, b_lat, b_lon) AS d FROM (
        SELECT ((hashint4extended(n, 1) & 1023) / 1023.0 * 178 - 89)::numeric AS a_lat, ((hashint4extended(n, 2) & 1023) / 1023.0 * 360 - 180)::numeric AS a_lon,
               least(greatest(((hashint4extended(n, 1) & 1023) / 1023.0 * 178 - 89) + (hashint4extended(n, 3) & 255) / 20.0 - 6.4, -90), 90)::numeric AS b_lat,
               (((((hashint4extended(n, 2) & 1023) / 1023.0 * 360 - 180) + (hashint4extended(n, 4) & 255) / 20.0 - 6.4 + 540)::numeric % 360) - 180)::numeric AS b_lon,
               (hashint4extended(n, 5) & 1023)::numeric + 1 AS r FROM generate_series(1, 20000) n) x) y;
SELECT flexexchange.drop_exchange('found_test', with_data => true);
DROP ROLE found_operator, found_dso, found_seller, found_rival, found_analyst;
