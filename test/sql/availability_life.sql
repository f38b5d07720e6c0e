-- Availability: declared, answered, given back and over; whether units are heard, what they will have, and what
-- can be called, against a plain account of it.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('avail_test');
SET search_path = avail_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Network operator', '{market_operator}'), (2, 'Volt & Sons', '{service_provider}'), (3, 'System operator', '{market_operator}'), (4, 'Another', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Reserve', 3);
-- for the week that follows by midnight on Wednesday, and not later than three days before
INSERT INTO market_gate (market_id, stage, closes_before, at_time, on_weekday) VALUES (1, 'availability', '3 days', '00:00', 4);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES
  (1, 1, 'VA', 'Variable Availability', 'VAda', 'availability'), (2, 1, 'SA', 'Scheduled Availability', 'SAda', 'award'), (3, 2, 'QR', 'Quick Reserve', 'QR', 'availability');
INSERT INTO grid_node (id, kind, name) VALUES (1, 'primary', 'Mill Lane'), (2, 'feeder', 'Mill Lane 3'), (3, 'primary', 'Elsewhere');
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (2, 1);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, qualified_down_kw, profile) VALUES
  (11, 'Battery', 2, 1000, 1000, '{"directions": ["up", "down"], "up_kw": 1000, "down_kw": 1000, "energy_kwh": 1000, "notice": "PT15M", "recovery": "PT1H", "min_duration": "PT30M", "max_duration": "PT2H"}'),
  (12, 'Chargers', 2, 400, NULL, NULL), (13, 'Engine', 3, 300, NULL, '{"directions": ["up"], "up_kw": 300, "notice": "PT2H"}'), (14, 'Boiler', NULL, NULL, 50, NULL), (15, 'Pump', NULL, 20, NULL, NULL);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2020-01-01T00:00Z/infinity' FROM asset;
CREATE ROLE avail_buyer IN ROLE flexexchange_participant;
CREATE ROLE avail_seller IN ROLE flexexchange_participant;
CREATE ROLE avail_other_buyer IN ROLE flexexchange_participant;
CREATE ROLE avail_other_seller IN ROLE flexexchange_participant;
CREATE ROLE avail_operator IN ROLE flexexchange_operator;
INSERT INTO participant_login (role_name, participant_id) VALUES ('avail_buyer', 1), ('avail_seller', 2), ('avail_other_buyer', 3), ('avail_other_seller', 4);
GRANT USAGE ON SCHEMA avail_test TO avail_buyer, avail_seller, avail_other_buyer, avail_other_seller, avail_operator;
CREATE VIEW stands AS SELECT v.id, v.award_id, v.unit_id, v.power_kw, v.delivery_window, v.status, p.part_of_id FROM availability v LEFT JOIN availability_part p ON p.availability_id = v.id ORDER BY v.id;
CREATE VIEW steps AS SELECT s.availability_id, s.status, s.power_kw, s.delivery_window, s.reason_code, s.reason, s.happened_at, s.gate_closes_at, s.late, s.participant_id FROM availability_step s ORDER BY s.id;
-- ids from a round number on, so that each part of the story has its own
CREATE FUNCTION pg_temp.from_id(first bigint) RETURNS void LANGUAGE sql AS $$ SELECT setval('trade_id', first, false) $$;
SELECT pg_temp.from_id(101);

-- ---------------------------------------------------------------- a week is declared

-- the award is a framework: each evening of the week of the spring change of clocks, 29 March to 4 April 2027
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
  SELECT 50 + n, 1, 2, 11, 'up', 500, w, 12, 300 FROM unnest(recurring_windows('Europe/London', '2027-03-27', '2027-04-02', '{6,7,1}', '17:00', '20:00')) WITH ORDINALITY AS x (w, n);
SELECT id, delivery_window FROM award ORDER BY id;
SELECT availability_gate(1, 51, '2027-03-27T17:00Z') AS saturday, availability_gate(1, 53, '2027-03-29T16:00Z') AS monday, availability_gate(3, NULL, '2027-03-29T16:00Z') AS none;
SELECT declare_availability_week(11, 1, 'up', 500, '2027-03-27', '17:00', '20:00', '{6,7,1}', reason => 'as usual', at => '2027-03-17T12:00Z');
SELECT * FROM stands;
SELECT * FROM steps;
-- all day for three days, over the night that loses an hour, is one window; a night that ends the next morning ends then
SELECT recurring_windows('Europe/London', '2027-03-27', '2027-03-29', '{1,2,3,4,5,6,7}', '00:00', '00:00') AS whole, recurring_windows('Europe/London', '2027-03-27', '2027-03-28', '{6,7}', '22:00', '06:00') AS nights,
  recurring_windows('Europe/London', '2027-03-28', '2027-03-28', '{7}', '01:15', '01:45') AS skipped, recurring_windows('Europe/London', '2027-03-29', '2027-03-29', '{7}', '01:00', '02:00') AS no_sunday;
-- not twice, not more than was awarded, not after the gate, not with the unit of another, and nothing that is over
SELECT declare_availability(11, 1, 'up', 1, '2027-03-27T18:00Z/PT1H', at => '2027-03-17T12:00Z');
SELECT declare_availability(11, 1, 'up', 1, '2027-03-27T18:00Z/PT1H', award_id => 52, at => '2027-03-17T12:00Z');
SELECT declare_availability(11, 1, 'up', 1, '2027-03-27T18:00Z/PT1H', at => '2027-03-18T00:00Z');
SELECT declare_availability(99, 1, 'up', 1, '2027-03-27T18:00Z/PT1H', at => '2027-03-17T12:00Z');
SELECT declare_availability(12, 3, 'up', 1, '2027-03-27T18:00Z/PT1H', at => '2027-03-28T00:00Z');
SELECT declare_availability_week(11, 99, 'up', 500, '2027-03-27', '17:00', '20:00');
SELECT declare_availability_week(11, 1, 'up', 500, '2027-03-27', '17:00', '20:00', '{0}');

-- ---------------------------------------------------------------- it is answered

SELECT accept_availability(101, 400, 'as much as is needed', '2027-03-25T10:00Z');
SELECT refuse_availability(103, 'no need on Monday', at => '2027-03-25T10:00Z');
SELECT accept_availability(102, at => '2027-03-25T10:01Z');
-- what was not taken stands as a row of its own, and the kWh are what they were
SELECT * FROM stands;
SELECT availability_id, status, power_kw, reason_code, reason, happened_at, gate_closes_at FROM steps WHERE happened_at > '2027-03-25';
SELECT source_id, power_kw, delivery_window FROM commitment WHERE stage = 'availability' AND closed_at IS NULL ORDER BY source_id;
-- once, by its buyer, and not more than there is
SELECT accept_availability(101, at => '2027-03-25T10:02Z');
SELECT refuse_availability(102, 'too late', at => '2027-03-25T10:02Z');
SELECT refuse_availability(102, ' ', at => '2027-03-25T10:02Z');
SELECT accept_availability(999);
UPDATE availability SET status = 'accepted' WHERE id = 103;
UPDATE availability SET status = 'declared' WHERE id = 101;
-- another platform's may come in any state, and is kept there
SELECT pg_temp.from_id(201);
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status, source) VALUES (3, 2, 12, 'up', 7, '2027-03-27T17:00Z/PT1H', 'released', 'elsewhere');
UPDATE availability SET status = 'accepted' WHERE id = 201;
SELECT release_availability(201, 'x', at => '2027-03-01T00:00Z');

-- what the ruleset holds is held: it was answered, and obliges to nothing until that is settled
SELECT pg_temp.from_id(251);
SELECT copy_ruleset('ena-2025-01', 'strict') IS NOT NULL AS copied;
INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action) SELECT r.id, a.* FROM ruleset r, (VALUES (NULL, 'blocking', 'availability', 'hold'), (NULL, NULL, NULL, 'notify')) AS a (kind, severity, stage, action) WHERE r.code = 'strict';
SELECT put_ruleset_in_force('strict', '2090-01-01T00:00Z');
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (250, 3, 2, 11, 'up', 900, '2090-04-20T10:00Z/PT1H', 'accepted');
SELECT declare_availability(11, 1, 'up', 200, '2090-04-20T10:30Z/PT1H', at => '2090-04-01T00:00Z'), declare_availability(11, 1, 'up', 300, '2090-04-20T10:30Z/PT1H', at => '2090-04-01T00:00Z');
SELECT accept_availability(251, at => '2090-04-02T00:00Z'), accept_availability(252, 250, at => '2090-04-02T00:00Z');
SELECT id, status, power_kw FROM stands WHERE id > 249;
SELECT trade_id, former_status, resolution FROM hold ORDER BY id;
SELECT trade_id, left_kw, callable, reasons FROM callable_units('2090-04-20T10:45Z', only_product_id => 1);
SELECT withdraw_availability(251, 'x', power_kw => 100, at => '2090-04-02T00:00Z');
SELECT withdraw_availability(251, 'sold elsewhere', 'commercial', at => '2090-04-02T00:00Z');
SELECT resolve_hold(id, 'accepted', 'agreed by both') FROM hold WHERE trade_id = 252 AND resolved_at IS NULL;
SELECT availability_id, status, power_kw, reason_code, reason FROM steps WHERE availability_id > 249;
SELECT trade_id, former_status, resolution, decided_by FROM hold ORDER BY id;
SELECT trade_id, callable, cardinality(conflict_ids) AS conflicts, reasons FROM callable_units('2090-04-20T10:45Z', only_product_id => 1);

-- ---------------------------------------------------------------- it is given back

-- Saturday: 400 kW from 17:00 to 20:00.  The buyer lets go of the last hour, and of 100 kW of the second
SELECT pg_temp.from_id(301);
SELECT release_availability(101, 'the peak is over by then', from_at => '2027-03-27T19:00Z', at => '2027-03-26T09:00Z');
SELECT release_availability(101, 'less wind than feared', during => '2027-03-27T18:00Z/PT1H', power_kw => 100, at => '2027-03-26T09:01Z');
SELECT * FROM stands WHERE id IN (101, 104) OR part_of_id = 101;
-- the seller takes back a part in the middle of Sunday, with the reason
SELECT withdraw_availability(102, 'inverter trips', 'outage', '2027-03-28T17:00Z/PT30M', at => '2027-03-28T10:00Z');
SELECT * FROM stands WHERE id = 102 OR part_of_id = 102;
SELECT availability_id, status, power_kw, delivery_window, reason_code, reason, late FROM steps WHERE availability_id > 300 OR happened_at >= '2027-03-26';
-- nothing is lost: of each that was declared, the kWh of all its parts
SELECT root, sum(power_kw * extract(epoch FROM upper(delivery_window) - lower(delivery_window)) / 3600)::numeric(9, 3) AS kwh, string_agg(DISTINCT status, ' ' ORDER BY status) AS statuses
FROM (SELECT s.*, coalesce(p.part_of_id, s.part_of_id, s.id) AS root FROM stands s LEFT JOIN availability_part p ON p.availability_id = s.part_of_id) x WHERE award_id IS NOT NULL GROUP BY root ORDER BY root;
-- what is past was available: only what is to come is released
SELECT pg_temp.from_id(401);
SELECT release_availability(102, 'enough', at => '2027-03-28T16:15Z');
SELECT * FROM stands WHERE id IN (102, 401) ORDER BY id;
SELECT release_availability(102, 'enough', at => '2027-03-28T17:00Z');
SELECT release_availability(101, 'x', power_kw => 401, at => '2027-03-26T09:00Z');
SELECT release_availability(101, 'x', from_at => '2027-03-27T17:30Z', during => '2027-03-27T17:00Z/PT1H', at => '2027-03-26T09:00Z');
SELECT release_availability(103, 'x', at => '2027-03-26T09:00Z');
SELECT release_availability(101, '', at => '2027-03-26T09:00Z');
-- what is called is not given back; a dispatch is not cut, and moves with its part
SELECT pg_temp.from_id(501);
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (500, 3, 2, 12, 'up', 100, '2027-06-01T10:00Z/PT6H', 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (590, 500, 3, 2, 12, 'up', 60, '2027-06-01T11:00Z/PT1H'), (591, 500, 3, 2, 12, 'up', 100, '2027-06-01T14:00Z/PT1H');
SELECT release_availability(500, 'x', at => '2027-06-01T09:00Z');
SELECT release_availability(500, 'x', power_kw => 50, during => '2027-06-01T11:00Z/PT1H', at => '2027-06-01T09:00Z');
SELECT release_availability(500, 'x', power_kw => 30, during => '2027-06-01T10:30Z/PT1H', at => '2027-06-01T09:00Z');
SELECT release_availability(500, 'a pause', during => '2027-06-01T12:00Z/PT2H', at => '2027-06-01T09:00Z');
SELECT * FROM stands WHERE id BETWEEN 500 AND 599;
SELECT id, availability_id, delivery_window FROM dispatch WHERE id IN (590, 591) ORDER BY id;
SELECT stage, source_id, availability_id, power_kw, delivery_window FROM commitment WHERE unit_id = 12 AND closed_at IS NULL AND lower(delivery_window) >= '2027-06-01' ORDER BY source_id;
SELECT count(*) AS conflicts FROM conflict WHERE unit_id = 12 AND closed_at IS NULL;
-- and what was given back is not called
INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (502, 3, 2, 12, 'up', 10, '2027-06-01T12:00Z/PT1H');
INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (500, 3, 2, 12, 'up', 10, '2027-06-01T12:00Z/PT1H');
UPDATE dispatch SET availability_id = 502 WHERE id = 591;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT release_availability(500, 'x', at => '2027-06-01T09:00Z');
ROLLBACK;

-- given back at random sixty times, by quarters of an hour and kW: what is left is what a grid of quarters says, and the rows together are what was declared
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (5000, 3, 2, 13, 'up', 300, '2027-06-02T00:00Z/PT12H', 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 5100 + n, 5000, 3, 2, 13, 'up', 40 * (1 + n % 4), time_window(s, s + interval '45 minutes')
  FROM generate_series(0, 5) n, LATERAL (SELECT timestamptz '2027-06-02T00:30Z' + n * interval '2 hours' AS s) x;
CREATE TEMP TABLE quarter AS SELECT q, 300 AS kw FROM generate_series(timestamptz '2027-06-02T00:00Z', '2027-06-02T11:45Z', interval '15 minutes') q;
SELECT pg_temp.from_id(5201);
DO $$
DECLARE part availability; span time_window; back numeric; quarters int; dice CONSTANT int[] := ARRAY(SELECT abs(hashint8extended(i, 7) % 1000)::int FROM generate_series(1, 300) i); given int := 0; refused int := 0; code text;
BEGIN
  FOR i IN 1 .. 60 LOOP
    SELECT v.* INTO part FROM availability v WHERE v.unit_id = 13 AND v.product_id = 3 ORDER BY v.status <> 'accepted', (v.id * 7 + dice[i]) % 11, v.id LIMIT 1;
    quarters := extract(epoch FROM upper(part.delivery_window) - lower(part.delivery_window)) / 900;
    span := time_window(lower(part.delivery_window) + dice[60 + i] % quarters * interval '15 minutes', lower(part.delivery_window) + (dice[60 + i] % quarters + 1 + dice[120 + i] % 6) * interval '15 minutes') * part.delivery_window;
    back := CASE WHEN dice[180 + i] % 3 > 0 THEN least(part.power_kw, 10 + dice[240 + i] % 120) END;
    BEGIN
      IF i % 2 = 0 THEN
        PERFORM release_availability(part.id, 'x', during => span, power_kw => back, at => '2027-06-01T00:00Z');
      ELSE
        PERFORM withdraw_availability(part.id, 'x', 'other', span, back, '2027-06-01T00:00Z');
      END IF;
      UPDATE quarter t SET kw = t.kw - coalesce(back, part.power_kw) WHERE span @> t.q;
      given := given + 1;
    EXCEPTION WHEN SQLSTATE 'MX413' THEN refused := refused + 1;
    END;
  END LOOP;
  RAISE WARNING 'given back %, refused %', given, refused;
END $$;
SELECT count(*) FILTER (WHERE q.kw > 0) AS quarters_left, count(*) FILTER (WHERE q.kw <> coalesce((SELECT sum(v.power_kw) FROM availability v WHERE v.unit_id = 13 AND v.product_id = 3 AND v.status = 'accepted' AND v.delivery_window @> q.q), 0)) AS differ FROM quarter q;
SELECT sum(v.power_kw * extract(epoch FROM upper(v.delivery_window) - lower(v.delivery_window)) / 3600)::numeric(9, 3) AS kwh, count(DISTINCT v.status) AS statuses, count(*) > 20 AS many FROM availability v WHERE v.unit_id = 13 AND v.product_id = 3;
SELECT count(*) AS dispatches, count(*) FILTER (WHERE v.status = 'accepted' AND v.delivery_window @> d.delivery_window AND v.power_kw >= d.power_kw) AS within_their_part FROM dispatch d JOIN availability v ON v.id = d.availability_id WHERE d.unit_id = 13;
SELECT count(*) AS conflicts FROM conflict k WHERE k.unit_id = 13 AND k.closed_at IS NULL;

-- ---------------------------------------------------------------- by other terms

SELECT pg_temp.from_id(601);
INSERT INTO availability_terms (product_id, valid, if_undeclared, answer_from, answer_before, if_unanswered, withdraw_before, release_before, source) VALUES
  (1, '2027-05-01/2027-06-01', 'award', 'gate', '1 day', 'accepted', '2 days', '12 hours', 'our order form, May');
INSERT INTO availability_terms (product_id, valid) VALUES (1, '2027-05-31/2027-07-01');
INSERT INTO availability_terms (product_id, valid, if_undeclared, declare_late) VALUES (1, '2027-06-01/2027-07-01', 'nothing', true);
UPDATE availability_terms SET if_undeclared = 'nothing' WHERE id = 1;
-- Tuesday to Friday, 11 to 14 May: the gate is midnight on Wednesday before
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
  SELECT 610 + n, 1, 2, 11, 'up', 500, w, 12, 300 FROM unnest(recurring_windows('Europe/London', '2027-05-11', '2027-05-14', '{2,3,4,5}', '17:00', '19:00')) WITH ORDINALITY AS x (w, n);
SELECT declare_availability(11, 1, 'up', 300, '2027-05-11T16:00Z/PT2H', at => '2027-05-03T00:00Z');
SELECT declare_availability(11, 1, 'up', 200, '2027-05-12T16:30Z/PT1H', at => '2027-05-03T00:00Z');
SELECT declare_availability(11, 1, 'up', 500, '2027-05-13T16:00Z/PT2H', at => '2027-05-03T00:00Z');
SELECT accept_availability(601, at => '2027-05-03T00:00Z');
SELECT withdraw_availability(603, 'maintenance', 'maintenance', at => '2027-05-04T00:00Z');
-- nothing before the gate; then what nobody declared is there as awarded, Wednesday around what was, not Thursday, where it was said that it is not
SELECT * FROM advance_availability('2027-05-05T22:59Z');
SELECT * FROM advance_availability('2027-05-05T23:00Z');
SELECT * FROM stands WHERE id BETWEEN 601 AND 609;
SELECT accept_availability(601, at => '2027-05-10T16:00Z');
SET ROLE avail_seller;
\set VERBOSITY sqlstate
SELECT * FROM advance_availability('2027-05-10T16:00Z');
\set VERBOSITY terse
RESET ROLE;
SET ROLE avail_operator;
SELECT * FROM advance_availability('2027-05-10T16:00Z');
SELECT * FROM advance_availability('2027-05-10T16:00Z');
RESET ROLE;
-- late, by what each may do so late
SELECT release_availability(604, 'x', at => '2027-05-12T12:00Z');
SELECT withdraw_availability(604, 'a fuse', 'outage', at => '2027-05-12T12:00Z');
SELECT declare_availability(11, 1, 'up', 1, '2027-06-03T16:00Z/PT1H', at => '2027-06-03T00:00Z');
-- the clock goes on: what was noticed late happened when it was due
SELECT * FROM advance_availability('2027-06-30T00:00Z') WHERE availability_id BETWEEN 601 AND 699;
SELECT availability_id, status, reason_code, happened_at, gate_closes_at, late, reason FROM steps WHERE availability_id BETWEEN 601 AND 699;

-- ---------------------------------------------------------------- history

-- Saturday evening: what stood before the releases, and after, and while it ran
SELECT availability_id, power_kw, delivery_window, stands_since FROM available_at('2027-03-27T18:30Z');
SELECT count(*) AS not_known_then FROM available_at('2027-03-27T18:30Z', '2020-01-01');
SELECT t.at, v.power_kw, v.status FROM unnest('{2027-03-17T12:00Z,2027-03-25T10:00Z,2027-03-26T09:00Z,2027-03-26T09:01Z,2027-03-27T18:00Z}'::timestamptz[]) t (at)
CROSS JOIN LATERAL (SELECT s.power_kw, s.status FROM availability_step s WHERE s.availability_id = 101 AND s.happened_at <= t.at ORDER BY s.happened_at DESC, s.id DESC LIMIT 1) v ORDER BY 1;
UPDATE availability_step SET status = 'released';
DELETE FROM availability_terms WHERE false;
TRUNCATE availability_step;

-- ---------------------------------------------------------------- who may

SELECT pg_temp.from_id(701);
SET ROLE avail_seller;
SELECT declare_availability(12, 3, 'up', 100, '2099-01-01T10:00Z/PT2H');
SELECT declare_availability(12, 3, 'up', 100, '2099-01-01T14:00Z/PT2H', at => '2020-01-01');
SELECT accept_availability(701);
RESET ROLE;
SET ROLE avail_other_seller;
SELECT declare_availability(12, 3, 'up', 100, '2099-01-01T14:00Z/PT2H');
SELECT withdraw_availability(701, 'x');
SELECT * FROM give_unavailability_notice(12, '2099-01-01T10:00Z/PT1H', 'x');
SELECT heartbeat(12, 'available', 5);
SELECT count(*) FROM availability_step;
RESET ROLE;
SET ROLE avail_buyer;
SELECT accept_availability(701);
SELECT count(*) FROM callable_units('2099-01-01T10:00Z');
RESET ROLE;
SET ROLE avail_other_buyer;
SELECT accept_availability(701, 80);
SELECT release_availability(701, 'x', power_kw => 30);
SELECT status, power_kw, participant_id, reason, made_by FROM availability_step WHERE availability_id BETWEEN 700 AND 799 ORDER BY id;
SELECT count(*) FROM callable_units('2099-01-01T10:00Z');
RESET ROLE;
-- what was given back is not called, and who may not read it does not learn that it was
SELECT id, status FROM availability WHERE id BETWEEN 700 AND 799 ORDER BY id;
SET ROLE avail_other_buyer;
INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (703, 3, 2, 12, 'up', 10, '2099-01-01T10:00Z/PT1H');
RESET ROLE;
SET ROLE avail_buyer;
INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (703, 1, 2, 12, 'up', 10, '2099-01-01T10:00Z/PT1H');
RESET ROLE;
-- the gate of the market stands for what is written into the table, too
SET ROLE avail_seller;
\set VERBOSITY sqlstate
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 12, 'up', 1, time_window(now(), now() + interval '1 hour'));
\set VERBOSITY terse
RESET ROLE;
SET ROLE avail_operator;
SELECT accept_availability(999);
SELECT count(*) > 0 AS sees FROM callable_units('2099-01-01T10:00Z');
RESET ROLE;

-- ---------------------------------------------------------------- being heard

INSERT INTO heartbeat_terms (market_id, missed_intervals, source) VALUES (1, 2, 'operating guide');
INSERT INTO heartbeat_terms (product_id, missed_intervals, required) VALUES (2, 5, true);
INSERT INTO heartbeat_terms (product_id, missed_intervals) VALUES (2, 6);
INSERT INTO heartbeat_terms (missed_intervals) VALUES (1);
UPDATE heartbeat_terms SET missed_intervals = 6;
SELECT p.id, missed_intervals(p.id) FROM product p ORDER BY 1;
SELECT heartbeat(11);
SELECT heartbeat(11, 'available', 10, '2025-01-05T12:00:00Z');
-- twelve in time, two minutes of silence, four more, and out of order for a while
SELECT count(*) FILTER (WHERE heartbeat(11, at => '2025-01-05T12:00:00Z'::timestamptz + n * interval '10 seconds')) AS heard FROM generate_series(1, 12) n;
SELECT count(*) FILTER (WHERE heartbeat(11, at => '2025-01-05T12:04:00Z'::timestamptz + n * interval '19 seconds')) AS heard FROM generate_series(0, 3) n;
SELECT heartbeat(11, 'unavailable', at => '2025-01-05T12:05:00Z'), heartbeat(11, at => '2025-01-05T12:04:30Z'), heartbeat(11, 'unavailable', at => '2025-01-05T12:05:15Z');
SELECT heartbeat(11, 'available', 5, '2025-01-05T12:05:20Z');
SELECT status, update_interval_seconds, since, last_heard, latest FROM unit_spell WHERE unit_id = 11 ORDER BY since;
-- as the market (2 missed), another product (5) and one that does not say (any) see it
SELECT t AS at, unit_state(11, 1, t) AS two, unit_state(11, 2, t) AS five, unit_state(11, 3, t) AS any FROM unnest('{2025-01-05T11:59:59Z,2025-01-05T12:02:30Z,2025-01-05T12:02:31Z,2025-01-05T12:03:01Z,2025-01-05T12:04:00Z,2025-01-05T12:05:00Z,2025-01-05T12:05:35Z,2025-01-05T12:05:36Z,2025-01-05T12:05:51Z}'::timestamptz[]) t;
SELECT heartbeat(12, 'available', 60, '2025-01-05T12:00:00Z');
SET ROLE avail_seller;
SELECT heartbeats('{15,14,14,15}', 'available', 30);
SELECT heartbeats('{14,99}');
SELECT heartbeat(14, at => '2025-01-05T12:00Z');
SELECT heartbeat(14, 'asleep');
SELECT unit_id, status, update_interval_seconds, sender FROM unit_heartbeat ORDER BY 1;
INSERT INTO unit_heartbeat VALUES (13, 2, 'available', 1, now(), now(), 'me');
RESET ROLE;
-- buyers read what is said of units that were awarded or declared to them
SET ROLE avail_buyer;
SELECT unit_id FROM unit_heartbeat ORDER BY 1;
RESET ROLE;
SET ROLE avail_other_buyer;
SELECT unit_id FROM unit_heartbeat ORDER BY 1;
RESET ROLE;

-- ---------------------------------------------------------------- forecasts

SET ROLE avail_seller;
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method) VALUES
  (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05,0.5,0.95}', '{100,200,350}', 'plugged in, last 8 such days'),
  (12, 2, 'up', '2099-02-01T17:30Z/PT30M', '{0.05,0.5,0.95}', '{80,150,300}', 'plugged in, last 8 such days');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, samples_kw, method) VALUES (13, 2, 'up', '2099-02-01T17:00Z/PT1H', '{300,0,300,200,300}', 'five days');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.5,0.05}', '{100,200}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05,0.5}', '{200,100}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05,1}', '{200,300}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05,0.5}', '{200}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, samples_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05}', '{200}', '{1}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, samples_kw, method) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{}', 'x'), (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{-1}', 'x');
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, samples_kw, method, issued_at) VALUES (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{1}', 'x', '2098-01-01');
RESET ROLE;
-- with 95 % and with half, between the levels, in tails that are not given; of both half-hours the lesser; of samples
SELECT p, forecast_kw(12, 'up', '2099-02-01T17:00Z/PT30M', p) AS first, forecast_kw(12, 'up', '2099-02-01T17:00Z/PT1H', p) AS hour, forecast_kw(12, 'up', '2099-02-01T17:15Z/PT1H', p) AS beyond, forecast_kw(12, 'down', '2099-02-01T17:00Z/PT30M', p) AS down,
  forecast_kw(13, 'up', '2099-02-01T17:00Z/PT1H', p) AS samples FROM unnest('{0.99,0.95,0.8,0.5,0.05,0.04}'::numeric[]) p;
-- issued again, of the whole hour: the latest holds, and what was said before is still there to be asked
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method, issued_at) VALUES (12, 2, 'up', '2099-02-01T17:15Z/PT15M', '{0.05,0.5}', '{10,20}', 'a call', now()), (12, 2, 'up', '2099-02-01T17:00Z/PT30M', '{0.05,0.5}', '{1,2}', 'older', '2026-01-01');
SELECT forecast_kw(12, 'up', '2099-02-01T17:00Z/PT15M') AS before, forecast_kw(12, 'up', '2099-02-01T17:15Z/PT15M') AS within, forecast_kw(12, 'up', '2099-02-01T17:00Z/PT1H') AS hour, forecast_kw(12, 'up', '2099-02-01T17:00Z/PT30M', known_at => '2026-02-01') AS then, forecast_kw(12, 'up', '2099-02-01T17:00Z/PT30M', known_at => '2025-02-01') AS earlier;
SELECT unit_id, delivery_window, method FROM latest_availability_forecast ORDER BY unit_id, delivery_window;
UPDATE availability_forecast SET power_kw = '{1,2,3}';
SET ROLE avail_other_seller;
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, samples_kw, method) VALUES (12, 4, 'up', '2099-02-01T17:00Z/PT1H', '{1}', 'x');
SELECT count(*) FROM availability_forecast;
RESET ROLE;

-- ---------------------------------------------------------------- what can be called

-- 1 July 2025, noon: a battery under both products, chargers, an engine elsewhere that needs two hours
SELECT pg_temp.from_id(801);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, availability_price_per_mw_h) VALUES
  (810, 1, 2, 11, 'up', 600, '2025-07-01T10:00Z/PT8H', 250, 11), (811, 2, 2, 11, 'down', 500, '2025-07-01T10:00Z/PT8H', 90, 4), (812, 2, 2, 13, 'up', 300, '2025-07-01T11:00Z/PT2H', 200, 5), (813, 2, 2, 12, 'up', 200, '2025-07-01T12:00Z/PT4H', 310, 6);
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES
  (820, 810, 1, 2, 11, 'up', 600, '2025-07-01T11:00Z/PT6H', 'accepted'), (821, NULL, 3, 2, 12, 'up', 150, '2025-07-01T09:00Z/PT9H', 'declared'), (822, NULL, 1, 2, 12, 'up', 50, '2025-07-01T13:00Z/PT1H', 'accepted');
INSERT INTO dispatch (id, availability_id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (830, 820, NULL, 1, 2, 11, 'up', 200, '2025-07-01T12:30Z/PT1H'), (831, NULL, 813, 2, 2, 12, 'up', 80, '2025-07-01T12:00Z/PT1H'), (832, NULL, 811, 2, 2, 11, 'down', 500, '2025-07-01T10:30Z/PT1H');
UPDATE conflict SET closed_at = now() WHERE closed_at IS NULL;
CREATE VIEW now_callable AS SELECT c.stage, c.trade_id, c.unit_name, c.direction, c.power_kw, c.dispatched_kw, c.left_kw, c.earliest_start, c.until, c.recovery, c.utilisation_price_per_mwh AS price, c.heartbeat, c.callable, c.reasons
  FROM callable_units('2025-07-01T12:00Z', ahead => '1 hour') c;
SELECT * FROM now_callable;
-- only its own, each buyer; below a node, in a direction, of a product
SET ROLE avail_buyer;
SELECT trade_id, callable, reasons FROM callable_units('2025-07-01T12:00Z');
SELECT trade_id FROM callable_units('2025-07-01T12:00Z', node => 1);
SELECT trade_id FROM callable_units('2025-07-01T12:00Z', 2, 'down');
SELECT trade_id FROM callable_units('2025-07-01T12:00Z', only_product_id => 2);
SELECT trade_id FROM callable_units('2025-07-01T12:00Z', only_product_id => 3);
RESET ROLE;
SET ROLE avail_other_buyer;
SELECT trade_id, callable, reasons FROM callable_units('2025-07-01T12:00Z');
RESET ROLE;
SET ROLE avail_seller;
SELECT count(*) FROM callable_units('2025-07-01T12:00Z');
RESET ROLE;
-- heard: the battery in time, the engine silent for too long, the boiler never, where that is asked for
SELECT heartbeat(11, at => '2025-07-01T11:59:58Z'), heartbeat(13, 'available', 60, '2025-07-01T11:40Z'), heartbeat(12, 'unavailable', 60, '2025-07-01T11:59:30Z');
-- forecast, suspended, taken out of a service, in conflict, and given notice of
INSERT INTO availability_forecast (asset_id, service_provider_id, direction, delivery_window, levels, power_kw, method, issued_at) VALUES (11, 2, 'up', '2025-07-01T12:00Z/PT4H', '{0.05,0.5}', '{420,600}', 'state of charge', '2025-07-01T06:00Z');
INSERT INTO qualification (id, asset_id, product_id, service_provider_id) VALUES (1, 13, 2, 2);
INSERT INTO suspension (qualification_id, reason) VALUES (1, 'failed_verification');
INSERT INTO unit_removal (asset_id, service_code, valid, operator_id, reason) VALUES (12, 'VAda', '2025-07-01T13:30Z/PT2H', 1, 'works'), (11, 'QR', '2025-07-01T10:00Z/PT8H', 1, 'works');
INSERT INTO conflict (kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, rationale)
  SELECT 'double_commitment', 'blocking', 'competition', c.id, c.id, 11, c.delivery_window, '{}' FROM commitment c WHERE c.source_id = 811 AND c.closed_at IS NULL;
SELECT trade_id, left_kw, heartbeat, last_heard, forecast_kw, cardinality(conflict_ids) AS conflicts, reasons FROM callable_units('2025-07-01T12:00Z', ahead => '1 hour');
SELECT pg_temp.from_id(841);
SELECT notice_id, withdrawn_id, delivery_window, withdrawn_kw, problem FROM give_unavailability_notice(11, '2025-07-01T12:15Z/PT3H', 'one inverter of three', 'outage', 200, 2, '2025-07-01T12:00Z');
SELECT notice_id, withdrawn_id, delivery_window, withdrawn_kw, problem FROM give_unavailability_notice(11, '2025-07-01T14:00Z/PT1H', 'service', 'maintenance', 100, at => '2025-07-01T12:00Z');
SELECT notice_id, withdrawn_id FROM give_unavailability_notice(12, '2025-07-01T12:00Z/PT1H', 'drivers at lunch', 'commercial', at => '2025-07-01T12:00Z');
SELECT id, unit_id, service_provider_id, grid_node_id, during, power_kw, reason_code, reason, given_at FROM unavailability_notice ORDER BY id;
SELECT trade_id, power_kw, left_kw, delivery_window, until, reasons FROM callable_units('2025-07-01T12:00Z', ahead => '1 hour') ORDER BY 1;
SELECT end_unavailability_notice(3);
SELECT end_unavailability_notice(3);
SELECT trade_id, left_kw, reasons FROM callable_units('2025-07-01T12:00Z', ahead => '1 hour') WHERE trade_id = 813;
DROP VIEW now_callable;

-- a portfolio stands ready, too, by the profile that it declares; the regulator sees it
INSERT INTO portfolio (id, name, service_provider_id, grid_node_id, profile) VALUES (21, 'Chargers of the town', 2, 1, '{"directions": ["down"], "notice": "PT5M"}');
SELECT declare_availability(21, 1, 'down', 700, '2025-07-02T09:00Z/PT3H', at => '2025-06-20T00:00Z') AS declared, heartbeat(21, 'available', 30, '2025-07-02T08:59:40Z');
SELECT accept_availability(max(id), at => '2025-06-27T00:00Z') FROM availability WHERE portfolio_id = 21;
CREATE ROLE avail_regulator IN ROLE flexexchange_regulator;
GRANT USAGE ON SCHEMA avail_test TO avail_regulator;
SET ROLE avail_regulator;
SELECT unit_id, unit_kind, unit_name, grid_node_id, left_kw, earliest_start, until, heartbeat, callable FROM callable_units('2025-07-02T09:00Z', node => 1);
RESET ROLE;
DROP OWNED BY avail_regulator;
DROP ROLE avail_regulator;

-- ---------------------------------------------------------------- against a plain account of it

-- eight units with durations in minutes, a day of availability and awards, dispatches out of them
INSERT INTO asset (id, name, profile) SELECT 1000 + u, 'unit ' || u, jsonb_strip_nulls(jsonb_build_object('directions', '["up"]'::jsonb, 'up_kw', 100, 'notice', CASE WHEN u % 3 > 0 THEN format('PT%sM', 5 * (u % 4)) END,
  'recovery', CASE WHEN u % 2 = 0 THEN format('PT%sM', 10 * u) END, 'max_duration', CASE WHEN u % 4 > 1 THEN format('PT%sM', 15 * u) END, 'min_duration', CASE WHEN u % 5 = 3 THEN 'PT15M' END,
  'energy_kwh', CASE WHEN u % 3 = 1 THEN 30 * u END))::asset_profile FROM generate_series(1, 8) u;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 2, '2020-01-01T00:00Z/infinity' FROM asset WHERE id > 1000;
CREATE FUNCTION pg_temp.dice(i bigint, k bigint, sides bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT abs(hashint8extended(i * 100 + k, 62) % sides) $$;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 2000 + i, 2, 2, 1001 + pg_temp.dice(i, 1, 8), 'up', 20 + pg_temp.dice(i, 2, 80), time_window(s, s + (1 + pg_temp.dice(i, 4, 30)) * interval '5 minutes'), 'awarded'
  FROM generate_series(1, 60) i, LATERAL (SELECT timestamptz '2025-01-01T00:00Z' + pg_temp.dice(i, 3, 72) * interval '5 minutes' AS s) x;
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 3000 + i, a.id, a.product_id, 2, a.asset_id, 'up', 5 + pg_temp.dice(i, 6, 30), a.delivery_window, (ARRAY['accepted', 'declared', 'released', 'withdrawn', 'rejected'])[1 + pg_temp.dice(i, 7, 5)] FROM generate_series(1, 40) i JOIN award a ON a.id = 2001 + pg_temp.dice(i, 5, 60);
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 3100 + i, 1, 2, 1001 + pg_temp.dice(i, 11, 8), 'up', 20 + pg_temp.dice(i, 12, 80), time_window(s, s + (1 + pg_temp.dice(i, 14, 30)) * interval '5 minutes'), (ARRAY['accepted', 'accepted', 'accepted', 'declared', 'released'])[1 + pg_temp.dice(i, 15, 5)]
  FROM generate_series(1, 80) i, LATERAL (SELECT timestamptz '2025-01-01T00:00Z' + pg_temp.dice(i, 13, 72) * interval '5 minutes' AS s) x;
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 4000 + i, v.id, v.product_id, 2, v.asset_id, 'up', 1 + pg_temp.dice(i, 22, 30), time_window(lower(v.delivery_window) + pg_temp.dice(i, 23, 6) * interval '3 minutes', upper(v.delivery_window) + pg_temp.dice(i, 24, 2) * interval '4 minutes'),
    (ARRAY['instructed', 'executing', 'completed', 'cancelled'])[1 + pg_temp.dice(i, 25, 4)] FROM generate_series(1, 60) i JOIN availability v ON v.id = 3101 + pg_temp.dice(i, 21, 80) AND v.status = 'accepted'
  WHERE upper(v.delivery_window) - lower(v.delivery_window) > interval '20 minutes';
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 4100 + i, a.id, a.product_id, 2, a.asset_id, 'up', 1 + pg_temp.dice(i, 32, 30), time_window(lower(a.delivery_window), lower(a.delivery_window) + (1 + pg_temp.dice(i, 33, 20)) * interval '3 minutes') FROM generate_series(1, 30) i JOIN award a ON a.id = 2001 + pg_temp.dice(i, 31, 60);
INSERT INTO dispatch (id, supersedes_id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT d.id + 500, d.id, d.availability_id, d.product_id, 2, d.asset_id, 'up', d.power_kw + 2, d.delivery_window FROM dispatch d WHERE d.id BETWEEN 4000 AND 4010 AND d.live;
INSERT INTO unavailability_notice (asset_id, service_provider_id, during, power_kw, reason_code, reason)
  SELECT 1001 + pg_temp.dice(i, 41, 8), 2, time_window(s, s + interval '40 minutes'), CASE WHEN i % 2 = 0 THEN 15 END, 'other', 'x' FROM generate_series(1, 6) i, LATERAL (SELECT timestamptz '2025-01-01T00:00Z' + pg_temp.dice(i, 42, 72) * interval '5 minutes' AS s) x;
SELECT heartbeat(1001, 'unavailable', 60, '2024-12-31T23:59Z'), heartbeats('{1002,1004,1005,1006,1007,1008}', 'available', 36000, '2024-12-31T23:00Z');

-- what is said of an availability or award, minute by minute
CREATE FUNCTION pg_temp.account(at timestamptz) RETURNS TABLE (stage text, id bigint, start timestamptz, used numeric, unused numeric, until timestamptz, callable boolean) LANGUAGE plpgsql AS $$
DECLARE
  c record; need interval; rest interval; least_time interval; longest interval; energy numeric; product_id bigint;
BEGIN
  FOR c IN SELECT 'availability' AS stage, v.id, v.unit_id, v.product_id, v.power_kw, v.delivery_window, v.status FROM availability v JOIN asset u ON u.id = v.asset_id WHERE v.id > 2000 AND (v.delivery_window @> at OR lower(v.delivery_window) > at AND lower(v.delivery_window) <= at + (u.profile::jsonb ->> 'notice')::interval) AND v.status IN ('accepted', 'declared', 'held')
           UNION ALL SELECT 'award', a.id, a.unit_id, a.product_id, a.power_kw, a.delivery_window, a.status FROM award a JOIN asset u ON u.id = a.asset_id WHERE a.id > 2000 AND (a.delivery_window @> at OR lower(a.delivery_window) > at AND lower(a.delivery_window) <= at + (u.profile::jsonb ->> 'notice')::interval) AND a.status IN ('awarded', 'held') LOOP
    SELECT (p ->> 'notice')::interval, (p ->> 'recovery')::interval, (p ->> 'min_duration')::interval, (p ->> 'max_duration')::interval, (p ->> 'energy_kwh')::numeric INTO need, rest, least_time, longest, energy
    FROM (SELECT a.profile::jsonb AS p FROM asset a WHERE a.id = c.unit_id) x;
    CREATE TEMP TABLE live ON COMMIT DROP AS SELECT d.* FROM dispatch d WHERE d.live AND d.unit_id = c.unit_id AND NOT EXISTS (SELECT FROM dispatch e WHERE e.supersedes_id = d.id AND e.live);
    -- what of it is used by others, at an instant
    CREATE TEMP TABLE uses ON COMMIT DROP AS SELECT l.power_kw, l.delivery_window FROM live l WHERE c.stage = 'availability' AND l.availability_id = c.id OR c.stage = 'award' AND l.award_id = c.id AND l.availability_id IS NULL
      UNION ALL SELECT v.power_kw, v.delivery_window FROM availability v WHERE c.stage = 'award' AND v.award_id = c.id AND v.status NOT IN ('declared', 'rejected');
    start := (SELECT min(m) FROM generate_series(at, at + interval '9 hours', interval '1 minute') m WHERE m >= at + coalesce(need, '0') AND m >= lower(c.delivery_window)
              AND NOT EXISTS (SELECT FROM live l WHERE upper(l.delivery_window) < m AND m - upper(l.delivery_window) < rest));
    used := (SELECT coalesce(sum(u.power_kw), 0) FROM uses u WHERE u.delivery_window @> start);
    -- what was withdrawn under an award is not missing once more
    unused := greatest(0, c.power_kw - used - greatest(0, coalesce((SELECT sum(coalesce(n.power_kw, c.power_kw)) FROM unavailability_notice n WHERE n.unit_id = c.unit_id AND n.ended_at IS NULL AND n.during @> start AND (c.stage = 'award' OR n.power_kw IS NULL)), 0)
      - coalesce((SELECT sum(v.power_kw) FROM availability v WHERE c.stage = 'award' AND v.award_id = c.id AND v.status = 'withdrawn' AND v.delivery_window @> start), 0)));
    -- the last instant up to which nothing new begins, and which is not too far
    until := (SELECT max(m) FROM generate_series(start, greatest(start, upper(c.delivery_window)), interval '1 minute') m
              WHERE (longest IS NULL OR m - start <= longest) AND NOT EXISTS (SELECT FROM uses u WHERE lower(u.delivery_window) > start AND lower(u.delivery_window) < m)
                AND NOT EXISTS (SELECT FROM unavailability_notice n WHERE n.unit_id = c.unit_id AND n.ended_at IS NULL AND lower(n.during) > start AND lower(n.during) < m AND (c.stage = 'award' OR n.power_kw IS NULL)));
    IF unused > 0 THEN until := least(until, start + energy / unused * interval '1 hour'); END IF;
    stage := c.stage; id := c.id;
    callable := c.status IN ('accepted', 'awarded') AND start < upper(c.delivery_window) AND unused > 0 AND NOT (until - start < coalesce(least_time, '0')) AND c.unit_id <> 1001
      AND NOT (c.product_id = 2 AND c.unit_id = 1003)  -- it asks that units be heard
      AND NOT EXISTS (SELECT FROM conflict k JOIN commitment m ON m.id = k.challenger_id WHERE k.closed_at IS NULL AND m.closed_at IS NULL AND k.severity = 'blocking' AND m.source_id = c.id AND m.stage = c.stage AND upper(k.overlap) > at);
    DROP TABLE live, uses;
    RETURN NEXT;
  END LOOP;
END $$;
CREATE TEMP TABLE found AS SELECT t.at, c.* FROM generate_series(timestamptz '2025-01-01T00:07Z', '2025-01-01T08:00Z', interval '41 minutes') t (at) CROSS JOIN LATERAL callable_units(t.at) c;
CREATE TEMP TABLE compared AS SELECT t.at, a.stage, a.id, a.callable, a.used > 0 AS used, (a.start, a.used, a.unused, CASE WHEN a.start < upper(c.delivery_window) THEN a.until END, a.callable) IS NOT DISTINCT FROM (c.earliest_start, c.dispatched_kw, c.left_kw, CASE WHEN a.start < upper(c.delivery_window) THEN c.until END, c.callable) AS same,
    to_jsonb(a) AS said, to_jsonb(c) AS found
  FROM (SELECT DISTINCT at FROM found) t CROSS JOIN LATERAL pg_temp.account(t.at) a LEFT JOIN found c ON c.at = t.at AND c.trade_id = a.id AND c.stage = a.stage;
SELECT count(*) AS asked, count(*) FILTER (WHERE callable) AS callable, count(*) FILTER (WHERE used) AS partly_used, count(*) FILTER (WHERE same IS NOT TRUE) AS differ FROM compared;
SELECT said, found FROM compared WHERE same IS NOT TRUE ORDER BY at, id LIMIT 3;
SELECT count(*) AS unexpected FROM found c WHERE NOT EXISTS (SELECT FROM compared x WHERE x.at = c.at AND x.id = c.trade_id);
SELECT DISTINCT reason FROM found c, unnest(c.reasons) reason ORDER BY 1;
-- and what was available at an instant, from the steps one by one
SELECT t.at, (SELECT array_agg(x.availability_id ORDER BY x.availability_id) FROM available_at(t.at) x WHERE x.availability_id <> 201) AS available,
  (SELECT array_agg(v.id ORDER BY v.id) FROM availability v WHERE v.id <> 201 AND EXISTS (SELECT FROM availability_step s WHERE s.availability_id = v.id AND s.status = 'accepted' AND s.happened_at <= t.at AND s.delivery_window @> t.at
     AND NOT EXISTS (SELECT FROM availability_step l WHERE l.availability_id = v.id AND l.happened_at <= t.at AND (l.happened_at, l.id) > (s.happened_at, s.id)))) AS plainly
FROM unnest('{2027-03-27T17:30Z,2027-03-27T18:30Z,2027-03-27T19:30Z,2027-03-28T16:14Z,2027-03-28T16:15Z,2027-03-28T18:00Z,2027-05-12T16:15Z,2027-05-12T17:00Z,2027-05-14T17:00Z,2099-01-01T11:00Z}'::timestamptz[]) t (at);

-- ---------------------------------------------------------------- past the functions, by the table itself

RESET ROLE;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES
  (9001, 1, 2, 12, 'up', 20, time_window(date_trunc('hour', now()) + interval '1 day', date_trunc('hour', now()) + interval '26 hours'), 5), (9002, 3, 2, 12, 'up', 20, '2031-05-06T17:00Z/PT2H', 5);
SELECT pg_temp.from_id(9101);
\set VERBOSITY sqlstate
SET ROLE avail_seller;
-- an award opens no gate
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) SELECT 9001, 1, 2, 12, 'up', 5, delivery_window, 'declared' FROM award WHERE id = 9001;
\set VERBOSITY default
-- and what was awarded is the most
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (9002, 3, 2, 12, 'up', 15, '2031-05-06T17:00Z/PT1H', 'declared'), (9002, 3, 2, 12, 'up', 6, '2031-05-06T17:30Z/PT1H', 'declared');
RESET ROLE;
SELECT pg_temp.from_id(9111);
SET ROLE avail_seller;
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status) VALUES (9002, 3, 2, 12, 'up', 15, '2031-05-06T17:00Z/PT1H', 5, 'declared');
-- nor is it dearer than it was awarded: silence may accept it
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status) VALUES (9002, 3, 2, 12, 'up', 5, '2031-05-06T17:00Z/PT1H', 999, 'declared');
SELECT declare_availability(12, 3, 'up', 5, '2031-05-06T17:00Z/PT1H', availability_price_per_mw_h => 999);
-- nor does its buyer write anew what its seller said
SET ROLE avail_other_buyer;
UPDATE availability SET power_kw = 5000 WHERE id = 9111;
UPDATE availability SET availability_price_per_mw_h = 0.01 WHERE id = 9111;
UPDATE availability SET delivery_window = '2020-05-06T17:00Z/PT1H' WHERE id = 9111;
UPDATE availability SET status = 'accepted' WHERE id = 9111 RETURNING power_kw, availability_price_per_mw_h, delivery_window;
-- a part of what a seller declared is what its seller declared, whoever cut it; and what the exchange declared in its name
RESET ROLE;
SELECT pg_temp.from_id(9121);
SET ROLE avail_other_buyer;
SELECT release_availability(9111, 'a pause', during => '2031-05-06T17:20Z/PT20M') AS released;
SET ROLE avail_operator;
SELECT declare_availability(11, 3, 'up', 50, '2031-05-07T17:00Z/PT1H') AS in_its_name;
RESET ROLE;
SELECT * FROM stands WHERE id > 9110;
SET ROLE avail_other_buyer;
UPDATE availability SET power_kw = 1, availability_price_per_mw_h = 0.01 WHERE id = 9121;
UPDATE availability SET power_kw = 1 WHERE id = 9123;
RESET ROLE;

-- the table opens no gate that the functions keep shut, and a buyer does nothing there that its seller, the clock or the ruleset do
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES (4, 2, 'TT', 'By its terms', 'QR', 'availability'), (5, 2, 'AG', 'Answered after the gate', 'QR', 'availability');
INSERT INTO availability_terms (product_id, answer_from, answer_before, if_unanswered, release_before) VALUES (4, 'declaration', '1 day', 'rejected', '12 hours'), (5, 'gate', NULL, 'rejected', NULL);
INSERT INTO market_gate (market_id, stage, closes_before) VALUES (2, 'availability', '0 hours');
INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT n, p, 2, 15, 'up', 2, time_window(now + f, now + f + interval '2 hours'), s
  FROM (SELECT date_trunc('hour', now()) AS now) h, (VALUES (9201, 4, interval '20 hours', 'declared'), (9202, 5, '30 hours', 'declared'), (9203, 4, '10 hours', 'accepted'), (9204, 4, '40 hours', 'accepted'), (9205, 3, '-1 hour', 'accepted'),
                      (9206, 3, '50 hours', 'accepted'), (9207, 4, '60 hours', 'declared')) AS v (n, p, f, s);
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 9206, id, product_id, service_provider_id, asset_id, direction, 1, delivery_window FROM availability WHERE id = 9206;
CREATE FUNCTION pg_temp.tried(what text) RETURNS text LANGUAGE plpgsql STRICT AS $$
BEGIN
  BEGIN
    EXECUTE what;
    RAISE EXCEPTION USING ERRCODE = 'ZZ001';
  EXCEPTION WHEN SQLSTATE 'ZZ001' THEN RETURN 'done, and taken back'; END;
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END $$;
SET ROLE avail_other_buyer;
SELECT note, wanted, pg_temp.tried(format('UPDATE availability SET status = %L WHERE id = %s', wanted, id)) AS by_table, pg_temp.tried('SELECT ' || by_function) AS by_function
FROM (VALUES (1, 9201, 'accepted', 'too late to answer', 'accept_availability(9201)'), (2, 9201, 'rejected', 'too late to answer', 'refuse_availability(9201, ''x'')'),
             (3, 9202, 'accepted', 'before the gate', 'accept_availability(9202)'), (4, 9203, 'released', 'too late to release', 'release_availability(9203, ''x'')'),
             (5, 9203, 'rejected', 'it is accepted', 'refuse_availability(9203, ''x'')'), (6, 9206, 'released', 'it is dispatched', 'release_availability(9206, ''x'')'),
             (7, 9204, 'withdrawn', 'its seller does', 'withdraw_availability(9204, ''x'')'), (8, 9204, 'completed', 'the clock does', NULL), (9, 9204, 'held', 'the ruleset does', NULL),
             (10, 9205, 'released', 'half of it was there', NULL), (11, 9204, 'released', 'in time', 'release_availability(9204, ''x'')'), (12, 9207, 'accepted', 'in time', 'accept_availability(9207)')
     ) AS t (n, id, wanted, note, by_function) ORDER BY n;
-- of what it recorded itself it takes back no more than it may release
RESET ROLE;
SELECT pg_temp.from_id(9301);
SET ROLE avail_other_buyer;
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
  SELECT 4, 2, 15, 'up', 2, time_window(now + f, now + f + interval '4 hours'), 'accepted' FROM (SELECT date_trunc('hour', now()) AS now) h, (VALUES (interval '10 hours'), ('30 hours')) v (f) ORDER BY f;
INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT id, product_id, service_provider_id, asset_id, direction, 1, delivery_window FROM availability WHERE id = 9302;
SELECT id, what, pg_temp.tried(format('UPDATE availability SET %s WHERE id = %s', what, id))
FROM (VALUES (9301, 'power_kw = 3'), (9301, 'power_kw = 1'), (9301, 'delivery_window = shift(delivery_window, ''-1 hour'')'), (9301, 'delivery_window = shift(delivery_window, ''2 hours'')'),
             (9302, 'power_kw = 1'), (9302, 'power_kw = 0.5'), (9302, 'delivery_window = shift(delivery_window, ''1 hour'')')) v (id, what);
-- nor does it record in the name of a seller what that has not done, or as over what is not
SELECT s AS status, w AS delivery_window, pg_temp.tried(format('INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (3, 2, 15, ''up'', 2, %L, %L)', w, s))
FROM (VALUES ('declared', '2031-08-01T10:00Z/PT1H'), ('accepted', '2031-08-01T10:00Z/PT1H'), ('withdrawn', '2031-08-01T10:00Z/PT1H'), ('completed', '2031-08-01T10:00Z/PT1H'), ('completed', '2025-08-01T10:00Z/PT1H')) v (s, w);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_temp.tried('UPDATE availability SET status = ''released'' WHERE id = 9204');
ROLLBACK;
RESET ROLE;

-- ---------------------------------------------------------------- whose unit it is then

-- the pump is passed on at the turn of the year: whoever operates it at the time declares it, gives notice, and is instructed, whoever operates it today
UPDATE asset_operator SET valid = '2020-01-01T00:00Z/2032-01-01T00:00Z' WHERE asset_id = 15;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (15, 4, '2032-01-01T00:00Z/infinity');
SELECT pg_temp.from_id(9351);
\set VERBOSITY sqlstate
SET ROLE avail_seller;
SELECT declare_availability(15, 3, 'up', 1, '2031-12-31T10:00Z/PT1H') AS before;
SELECT declare_availability(15, 3, 'up', 1, '2032-01-01T10:00Z/PT1H') AS after;
SELECT withdrawn_id FROM give_unavailability_notice(15, '2032-01-01T10:00Z/PT1H', 'x');
SET ROLE avail_other_seller;
SELECT declare_availability(15, 3, 'up', 1, '2031-12-31T11:00Z/PT1H') AS before;
SELECT declare_availability(15, 3, 'up', 1, '2032-01-01T11:00Z/PT1H') AS after;
SELECT withdrawn_id FROM give_unavailability_notice(15, '2032-01-01T11:30Z/PT1H', 'x');
SET ROLE avail_operator;
SELECT declare_availability(15, 3, 'up', 1, '2031-12-31T12:00Z/PT1H') AS before, declare_availability(15, 3, 'up', 1, '2032-01-01T12:00Z/PT1H') AS after;
RESET ROLE;
\set VERBOSITY default
SELECT id, service_provider_id, delivery_window, status FROM availability WHERE id BETWEEN 9351 AND 9400 ORDER BY id;
SELECT unit_seller(15, '2031-12-31T23:59Z') AS before, unit_seller(15, '2032-01-01T00:00Z') AS after, unit_seller(999, '2032-01-01T00:00Z') AS nobody;

-- ---------------------------------------------------------------- held until its end

-- of four that are held one is decided on in time, and nobody decides on the others once they are over: what becomes of them does not depend on when the clock runs
SELECT pg_temp.from_id(9401);
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (3, 2, 11, 'up', 900, '2090-05-20T10:00Z/PT4H', 'accepted');
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) SELECT 3, 2, 11, 'up', 200, time_window(h, h + interval '1 hour'), 'accepted'
  FROM unnest('{2090-05-20T10:00Z,2090-05-20T11:00Z,2024-04-20T10:00Z,2024-04-20T11:00Z}'::timestamptz[]) h;
-- two as if they had been held while they were to come
UPDATE availability SET status = 'held' WHERE id IN (9404, 9405);
INSERT INTO hold (stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window)
  SELECT 'availability', id, unit_id, service_provider_id, 3, '{3}', (SELECT conflict_ids FROM hold ORDER BY id LIMIT 1), 'accepted', direction, power_kw, delivery_window FROM availability WHERE id IN (9404, 9405);
SELECT id, status, delivery_window FROM stands WHERE id > 9400;
SELECT resolve_hold(id, 'accepted', 'in time') FROM hold WHERE trade_id = 9402 AND resolved_at IS NULL;
SELECT resolve_hold(id, 'accepted', 'too late') FROM hold WHERE trade_id = 9404 AND resolved_at IS NULL;
SELECT resolve_hold(id, 'rejected', 'too late') FROM hold WHERE trade_id = 9405 AND resolved_at IS NULL;
SELECT release_availability(9403, 'x', at => '2090-05-20T12:00Z');
SELECT count(*) FILTER (WHERE status = 'held') AS still_held FROM stands WHERE id > 9400;
SELECT * FROM advance_availability('2090-05-20T11:59Z') WHERE availability_id > 9400;
SELECT * FROM advance_availability('2090-05-20T12:00Z') WHERE availability_id > 9400;
SELECT availability_id, status, reason_code, reason, happened_at >= now() - interval '1 minute' AND happened_at <= now() AS now, CASE WHEN status = 'rejected' THEN happened_at END AS rejected_at FROM steps WHERE availability_id > 9401;
SELECT trade_id, resolution, decided_by, reason FROM hold WHERE trade_id > 9400 ORDER BY id;
SELECT source_id, closed_at IS NULL AS open FROM commitment WHERE stage = 'availability' AND source_id > 9401 ORDER BY id;

DROP OWNED BY avail_buyer, avail_seller, avail_other_buyer, avail_other_seller, avail_operator;
DROP ROLE avail_buyer, avail_seller, avail_other_buyer, avail_other_seller, avail_operator;
DROP VIEW stands, steps;
SELECT flexexchange.drop_exchange('avail_test', with_data => true);
