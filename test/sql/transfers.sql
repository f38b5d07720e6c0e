-- Secondary trading: an award, or a part of it, passes from provider to provider.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('transfer_test');
SET search_path = transfer_test, flexexchange;
SELECT setval('trade_id', 1000000) IS NULL;
CREATE ROLE transfer_dso IN ROLE flexexchange_participant;
CREATE ROLE transfer_volt IN ROLE flexexchange_participant;
CREATE ROLE transfer_amp IN ROLE flexexchange_participant;
CREATE ROLE transfer_ohm IN ROLE flexexchange_participant;
CREATE ROLE transfer_operator IN ROLE flexexchange_operator;
CREATE ROLE transfer_regulator IN ROLE flexexchange_regulator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}'), (5, 'Ohm', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('transfer_dso', 1), ('transfer_volt', 3), ('transfer_amp', 4), ('transfer_ohm', 5);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code, valid) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU', '2020-01-01T00:00Z/infinity'), (2, 1, 'PR', 'Peak Reduction', 'PR', '2020-01-01T00:00Z/infinity'),
  (3, 2, 'DC', 'Dynamic Containment', 'DC', '2020-01-01T00:00Z/infinity');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'Volt battery', 100), (12, 'Amp battery', 100), (13, 'Ohm battery', 100), (14, 'Amp spare', 100);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity'), (12, 4, '2020-01-01T00:00Z/infinity'), (13, 5, '2020-01-01T00:00Z/infinity'), (14, 4, '2020-01-01T00:00Z/infinity');
INSERT INTO qualification (id, asset_id, product_id, service_provider_id) VALUES (1, 11, 1, 3), (2, 12, 1, 4), (3, 13, 1, 5);
UPDATE qualification SET status = 'prequalification';
UPDATE qualification SET status = 'prequalified', valid = '2020-01-01T00:00Z/infinity';
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh) VALUES
  (101, 1, 3, 11, 'up', 100, '2024-11-04T16:00Z/PT4H', 12.5, 250), (102, 1, 3, 11, 'up', 60, '2024-11-05T16:00Z/PT4H', 12.5, 250), (103, 2, 3, 11, 'up', 10, '2024-11-09T16:00Z/PT4H', 1, 1),
  (104, 1, 3, 11, 'up', 100, '2024-11-06T16:00Z/PT4H', 12.5, 250), (105, 1, 3, 11, 'up', 100, '2024-11-07T16:00Z/PT4H', 12.5, 250);

-- ---------------------------------------------------------------- what the buyer allows

SET ROLE transfer_dso;
INSERT INTO transfer_terms (product_id, valid, consent_within, smallest_power_kw, latest_before, source) VALUES (1, '2024-01-01T00:00Z/infinity', 'P2D', 10, 'PT1H', 'standard agreement, clause on assignment');
INSERT INTO transfer_terms (product_id, valid, kinds) VALUES (1, '2025-01-01T00:00Z/infinity', '{novation}');
INSERT INTO transfer_terms (product_id, kinds) VALUES (2, '{gift}');
INSERT INTO transfer_terms (product_id) VALUES (3);
UPDATE transfer_terms SET consent_needed = false;
RESET ROLE;
UPDATE transfer_terms SET consent_needed = false;

-- ---------------------------------------------------------------- an offer

\set at '2024-11-01 09:00+00'
SET ROLE transfer_volt;
-- a party does not turn the clock back
SELECT offer_transfer(101, at => :'at');
RESET ROLE;
-- but those of this test live then
CREATE OR REPLACE FUNCTION acting_at(at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at';
SET ROLE transfer_volt;
SELECT transferable_kw(101) AS whole, transferable_kw(101, '2024-11-04T17:00Z/PT1H') AS an_hour, transferable_kw(101, '2024-11-04T19:00Z/PT2H') AS beyond;
-- not without terms, not beyond the award, too little, too late, not to itself, not what is another's
SELECT offer_transfer(103, at => :'at');
SELECT offer_transfer(101, 120, at => :'at');
SELECT offer_transfer(101, 50, '2024-11-04T19:00Z/PT2H', at => :'at');
SELECT offer_transfer(101, 5, at => :'at');
SELECT offer_transfer(101, 50, kind => 'gift', at => :'at');
SELECT offer_transfer(101, 50, at => '2024-11-04 15:30+00');
SELECT offer_transfer(101, 50, transferee_id => 3, at => :'at');
SELECT offer_transfer(101, 50, transferee_id => 1, at => :'at');
SELECT offer_transfer(999, 50, at => :'at');
SELECT offer_transfer(101, 0, at => :'at');
RESET ROLE;
SET ROLE transfer_amp;
SELECT offer_transfer(101, 50, at => :'at');
RESET ROLE;
-- 40 kW of the two hours in the middle, to Amp
SET ROLE transfer_volt;
SELECT offer_transfer(101, 40, '2024-11-04T17:00Z/PT2H', transferee_id => 4, price => 3.5, at => :'at') AS first \gset
RESET ROLE;
SELECT status, is_open, power_kw, delivery_window, offer_ends_at FROM award_transfer;
-- the one it is offered to reads it with its price; nobody else does, nor the buyer yet
SET ROLE transfer_amp;
SELECT t.status, p.price, p.per FROM award_transfer t LEFT JOIN transfer_price p ON p.award_transfer_id = t.id;
RESET ROLE;
SET ROLE transfer_ohm;
SELECT count(*) FROM award_transfer;
SELECT * FROM accept_transfer(:first, 13, at => :'at');
RESET ROLE;
SET ROLE transfer_dso;
SELECT (SELECT count(*) FROM award_transfer) AS transfers, (SELECT count(*) FROM transfer_price) AS prices;
RESET ROLE;

-- ---------------------------------------------------------------- acceptance: eligibility, then the rules

SET ROLE transfer_amp;
SELECT * FROM transfer_obstacles(:first, 14, at => :'at');
SELECT status, obstacles FROM accept_transfer(:first, 14, at => :'at');
SELECT status, obstacles FROM accept_transfer(:first, 11, at => :'at');
RESET ROLE;
-- nor what has become of the units of others
UPDATE asset SET connection_status = 'disconnected' WHERE id IN (11, 14);
SET ROLE transfer_amp;
SELECT obstacle FROM transfer_obstacles(:first, 11, at => :'at');
SELECT obstacle FROM transfer_obstacles(:first, 14, at => :'at');
RESET ROLE;
UPDATE asset SET connection_status = 'connected' WHERE id IN (11, 14);
SET ROLE transfer_amp;
SELECT * FROM accept_transfer(:first, at => :'at');
RESET ROLE;
INSERT INTO suspension (qualification_id, reason, note) VALUES (2, 'other', 'meter fault');
SET ROLE transfer_amp;
SELECT obstacle FROM transfer_obstacles(:first, 12, at => :'at');
RESET ROLE;
UPDATE suspension SET status = 'reinstated';
-- the unit is sold to the system operator that evening: the finding is the transferee's to read, and no more of it than the rules share
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (201, 3, 4, 12, 'up', 90, '2024-11-04T18:00Z/PT1H');
SET ROLE transfer_amp;
SELECT status, jsonb_path_query_array(findings, '$[*].kind') AS kinds, jsonb_path_query_array(findings, '$[*].severity') AS severities, findings -> 0 ->> 'message' AS message FROM accept_transfer(:first, 12, at => :'at');
SELECT stage, verdict FROM transfer_check ORDER BY id;
RESET ROLE;
SET ROLE transfer_volt;
SELECT stage, verdict FROM transfer_check ORDER BY id;
RESET ROLE;
-- nothing is left of what was tried
SELECT count(*) AS awards, (SELECT count(*) FROM award_holding) AS holdings, (SELECT power_kw FROM award WHERE id = 101) AS power_kw FROM award;
UPDATE award SET status = 'released' WHERE id = 201;
SET ROLE transfer_amp;
SELECT * FROM accept_transfer(:first, 12, at => '2024-11-01 10:00+00');
SELECT * FROM accept_transfer(:first, 12, at => '2024-11-01 10:00+00');
RESET ROLE;
-- what was promised is not offered again
SET ROLE transfer_volt;
SELECT transferable_kw(101, '2024-11-04T17:00Z/PT2H') AS middle, transferable_kw(101, '2024-11-04T16:00Z/PT1H') AS before;
RESET ROLE;

-- ---------------------------------------------------------------- consent and completion

SET ROLE transfer_dso;
SELECT status, transferor_id, transferee_id, unit_id, power_kw, delivery_window, consent_due_at FROM award_transfer;
SELECT count(*) AS prices FROM transfer_price;
SELECT consent_to_transfer(:first, '2024-11-04 10:00+00');
SELECT consent_to_transfer(:first, '2024-11-02 10:00+00');
SELECT consent_to_transfer(:first, '2024-11-02 10:00+00');
RESET ROLE;
SELECT service_provider_id, unit_id, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status FROM award WHERE service_provider_id IN (3, 4) AND delivery_window && '2024-11-04T16:00Z/PT4H' AND status = 'awarded' ORDER BY service_provider_id, lower(delivery_window), id;
-- the book has every megawatt once
SELECT unit_id, power_kw, delivery_window FROM commitment WHERE closed_at IS NULL AND delivery_window && '2024-11-04T16:00Z/PT4H' ORDER BY unit_id, lower(delivery_window), power_kw;
SELECT count(*) FROM conflict WHERE closed_at IS NULL;
SELECT status, reason, happened_at, made_by FROM transfer_step ORDER BY id;
SELECT step, because, service_provider, sub_contractor, unit_id, power_kw, delivery_window, consent, held_from IS NULL AS unknown, held_until, made_by FROM chain_of_custody(101) ORDER BY step, holding_id;
-- for any award of the chain; the transferee sees what it took part in
SET ROLE transfer_amp;
SELECT step, because, service_provider, power_kw, delivery_window FROM chain_of_custody((SELECT new_award_id FROM award_transfer)) ORDER BY step, holding_id;
RESET ROLE;
SET ROLE transfer_ohm;
SELECT count(*) FROM chain_of_custody(101);
RESET ROLE;

-- ---------------------------------------------------------------- what was used stays with who delivers it

INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES
  (301, 104, 1, 3, 11, 'up', 30, '2024-11-06T16:00Z/PT4H', 'accepted'), (302, 104, 1, 3, 11, 'up', 60, '2024-11-06T18:00Z/PT2H', 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (311, 302, 1, 3, 11, 'up', 60, '2024-11-06T18:30Z/PT30M');
SET ROLE transfer_volt;
SELECT transferable_kw(104, '2024-11-06T16:00Z/PT2H') AS early, transferable_kw(104, '2024-11-06T18:00Z/PT2H') AS late;
SELECT offer_transfer(104, 20, '2024-11-06T16:00Z/PT4H', at => :'at');
-- 302 would reach over the end: it needs 60 of what is left, and 301 its 30 throughout
SELECT offer_transfer(104, 50, '2024-11-06T16:00Z/PT2H', transferee_id => 4, at => :'at') AS second \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:second, 12, at => :'at');
RESET ROLE;
SET ROLE transfer_dso;
SELECT consent_to_transfer(:second, :'at');
RESET ROLE;
SELECT a.service_provider_id, a.power_kw, a.delivery_window, (SELECT array_agg(v.id ORDER BY v.id) FROM availability v WHERE v.award_id = a.id) AS availability FROM award a
WHERE a.delivery_window && '2024-11-06T16:00Z/PT4H' ORDER BY 1, 3, 2;
-- each commitment knows the award that it is of now
SELECT c.stage, c.source_id, a.power_kw AS of_award_kw FROM commitment c LEFT JOIN award a ON a.id = c.award_id WHERE c.closed_at IS NULL AND c.source_id IN (301, 302, 311) ORDER BY c.source_id;
SELECT count(*) FROM conflict WHERE closed_at IS NULL;
-- and of what was passed on no more is used than is left
INSERT INTO dispatch (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (101, 1, 3, 11, 'up', 100, '2024-11-04T17:00Z/PT1H');
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (101, 1, 3, 11, 'up', 60.001, '2024-11-04T17:00Z/PT1H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (411, 101, 1, 3, 11, 'up', 60, '2024-11-04T17:00Z/PT1H');
UPDATE dispatch SET power_kw = 61 WHERE id = 411;
-- what ends early may always
UPDATE dispatch SET power_kw = 50, delivery_window = '2024-11-04T17:00Z/PT30M', status = 'stopped' WHERE id = 411;
-- what reaches over both ends needs 70 kW of what is left, and beside it lie 60 more: so it cannot be divided, but where nothing reaches over it can
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (111, 1, 3, 11, 'up', 100, '2024-11-16T16:00Z/PT6H');
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (111, 1, 3, 11, 'up', 40, '2024-11-16T16:00Z/PT2H30M', 'accepted'),
  (111, 1, 3, 11, 'up', 60, '2024-11-16T16:00Z/PT1H', 'accepted'), (111, 1, 3, 11, 'up', 70, '2024-11-16T19:30Z/PT2H30M', 'accepted');
SET ROLE transfer_volt;
SELECT offer_transfer(111, 30, '2024-11-16T18:00Z/PT2H', at => :'at');
SELECT offer_transfer(6002, 100, '2024-11-16T18:30Z/PT1H', at => :'at') IS NOT NULL AS offered;
RESET ROLE;

-- ---------------------------------------------------------------- refusals are kept

SET ROLE transfer_volt;
SELECT offer_transfer(102, 30, transferee_id => 4, at => :'at') AS third, offer_transfer(102, 30, transferee_id => 4, at => :'at') AS fourth, offer_transfer(102, 30, price => -100, per => 'lump_sum', offer_ends_at => '2024-11-02 00:00+00', at => :'at') AS fifth \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT decline_transfer(:third, '', :'at');
SELECT decline_transfer(:third, 'too cheap', :'at');
SELECT status FROM accept_transfer(:fourth, 12, at => :'at');
RESET ROLE;
SET ROLE transfer_ohm;
SELECT decline_transfer(:fourth, 'not mine', :'at');
SELECT count(*) AS open_offers, min(p.price) AS price FROM award_transfer t JOIN transfer_price p ON p.award_transfer_id = t.id;
RESET ROLE;
SET ROLE transfer_dso;
SELECT refuse_consent(:fourth, NULL, :'at');
SELECT refuse_consent(:fourth, 'its last two tests failed', :'at');
SELECT withdraw_transfer(:fifth, 'x', :'at');
SELECT * FROM advance_transfers('2024-11-02 00:00+00');
RESET ROLE;
SET ROLE transfer_operator;
SELECT status FROM advance_transfers('2024-11-01 23:59+00');
SELECT status FROM advance_transfers('2024-11-03 00:00+00');
UPDATE award_transfer SET status = 'offered';
SELECT end_transfer(:third, 'completed', 'x', :'at');
RESET ROLE;
-- silence is what the terms say, at its time
SET ROLE transfer_volt;
SELECT offer_transfer(102, 30, transferee_id => 4, at => :'at') AS sixth, offer_transfer(102, 30, transferee_id => 5, at => :'at') AS seventh, offer_transfer(102, 30, transferee_id => 5, at => :'at') AS eighth \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:sixth, 12, at => :'at');
RESET ROLE;
SET ROLE transfer_volt;
SELECT withdraw_transfer(:seventh, 'changed my mind', :'at');
RESET ROLE;
SET ROLE transfer_ohm;
SELECT status FROM accept_transfer(:eighth, 13, at => :'at');
SELECT withdraw_transfer(:eighth, 'sold elsewhere', :'at');
RESET ROLE;
SET ROLE transfer_operator;
SELECT status FROM advance_transfers('2024-11-03 09:00+00');
SELECT status FROM advance_transfers('2024-11-04 00:00+00');
RESET ROLE;
SELECT t.id - :third + 3 AS nth, s.status, s.reason, s.happened_at FROM award_transfer t JOIN transfer_step s ON s.award_transfer_id = t.id WHERE t.id >= :third ORDER BY s.id;
UPDATE transfer_terms SET valid = '2024-01-01T00:00Z/2024-11-01T12:00Z' WHERE product_id = 1;
INSERT INTO transfer_terms (product_id, valid, consent_within, silence, must_have_bid) VALUES (1, '2024-11-01T12:00Z/2024-11-01T13:00Z', 'P1D', 'consent', true);
INSERT INTO transfer_terms (product_id, valid, consent_within, silence) VALUES (1, '2024-11-01T13:00Z/2024-11-01T14:00Z', 'P1D', 'consent');
INSERT INTO transfer_terms (product_id, valid, consent_needed, must_be_qualified) VALUES (1, '2024-11-01T14:00Z/infinity', false, false);
SET ROLE transfer_volt;
SELECT offer_transfer(102, 30, transferee_id => 4, at => '2024-11-01 12:30+00') AS ninth \gset
SELECT offer_transfer(102, 20, transferee_id => 4, at => '2024-11-01 13:30+00') AS tenth \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:tenth, 12, at => '2024-11-01 13:40+00');
RESET ROLE;
SELECT status FROM advance_transfers('2024-11-09 00:00+00');
SELECT status, happened_at FROM transfer_step WHERE award_transfer_id = :tenth ORDER BY id;

-- ---------------------------------------------------------------- all of it, at once, without consent; and what is settled

SET ROLE transfer_volt;
SELECT offer_transfer(105, 40, '2024-11-07T16:00Z/PT2H', 'sub_contract', 4, 200, at => '2024-11-01 15:00+00') AS sub, offer_transfer(105, 30, at => '2024-11-01 15:00+00') AS open \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:sub, 14, at => '2024-11-01 15:00+00');
RESET ROLE;
SET ROLE transfer_ohm;
SELECT status FROM accept_transfer(:open, 13, at => '2024-11-01 15:30+00');
RESET ROLE;
SELECT a.service_provider_id, a.unit_id, a.power_kw, a.delivery_window, h.because, h.sub_contractor_id FROM award a JOIN award_holding h ON h.award_id = a.id AND h.held_until IS NULL
WHERE a.delivery_window && '2024-11-07T16:00Z/PT4H' ORDER BY 1, 2, lower(a.delivery_window), 3;
-- the sub-contractor reads what it delivers, and the provider declares it available with the unit of the sub-contractor
SELECT new_award_id AS sub_award FROM award_transfer WHERE id = :sub \gset
SELECT new_award_id AS open_award FROM award_transfer WHERE id = :open \gset
SET ROLE transfer_volt;
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:sub_award, 1, 3, 14, 'up', 40, '2024-11-07T16:00Z/PT2H');
INSERT INTO availability (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 14, 'up', 40, '2024-11-07T16:00Z/PT2H');
-- its obligation goes to the sub-contractor alone
\set VERBOSITY sqlstate
SELECT offer_transfer(:sub_award, at => '2024-11-01 16:00+00') IS NULL;
\set VERBOSITY terse
RESET ROLE;
UPDATE availability SET status = 'accepted' WHERE award_id = :sub_award;
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 501, v.id, 1, 3, 14, 'up', 40, '2024-11-07T16:00Z/PT1H' FROM availability v WHERE v.award_id = :sub_award;
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (502, :open_award, 1, 5, 13, 'up', 30, '2024-11-07T16:00Z/PT1H');
SET ROLE transfer_amp;
SELECT (SELECT count(*) FROM award WHERE id = :sub_award) AS awards, (SELECT count(*) FROM availability WHERE award_id = :sub_award) AS availability, (SELECT array_agg(id) FROM dispatch) AS dispatches;
RESET ROLE;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (501, '2024-11-07T16:00Z/PT1H', 40, 38), (502, '2024-11-07T16:00Z/PT1H', 30, 30);
INSERT INTO delivery (availability_id, delivery_window, requested_kwh, delivered_kwh) SELECT v.id, v.delivery_window, 80, 80 FROM availability v WHERE v.award_id = :sub_award;
INSERT INTO settlement_mechanism (id, code, name, cap_ratio, rounds_at, confirmed, source) VALUES (1001, 'plain', 'delivered, as priced', 1, 'line', true, 'test');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 1001), (1, 'availability', 1001);
SELECT settle(1, '2024-11-01', 'initial') IS NOT NULL AS settled;
-- a novation pays the new holder, a sub-contract the provider that answers for it; the unit is that which delivered
SELECT p.name, l.stage, l.unit_id, l.price, l.delivered, l.amount FROM settlement_line l JOIN participant p ON p.id = l.service_provider_id ORDER BY l.service_provider_id, l.stage;
-- as if nothing had been passed on: 0.038 MWh and 0.03 MWh at 250, 0.08 MW h at 12.50
SELECT sum(l.amount) AS paid, round(0.038 * 250, 2) + round(0.03 * 250, 2) + round(0.08 * 12.5, 2) AS expected FROM settlement_line l;
-- what Volt owes Amp for delivering is between the two: 40 kW for two hours at 200
SELECT t.power_kw / 1000 * extract(epoch FROM duration(t.delivery_window)) / 3600 * p.price AS owed FROM award_transfer t JOIN transfer_price p ON p.award_transfer_id = t.id WHERE t.id = :sub;

-- ---------------------------------------------------------------- asked again at completion

RESET ROLE;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (106, 1, 3, 11, 'up', 50, '2024-11-12T16:00Z/PT2H', 250), (107, 1, 3, 11, 'up', 50, '2024-11-13T16:00Z/PT2H', 250), (108, 1, 3, 11, 'up', 50, '2024-11-14T16:00Z/PT2H', 250), (109, 1, 3, 11, 'up', 100, '2100-02-15T16:00Z/PT2H', 250);
SET ROLE transfer_volt;
SELECT offer_transfer(106, transferee_id => 4, at => :'at') AS late_sale, offer_transfer(107, transferee_id => 4, at => :'at') AS late_suspension, offer_transfer(108, 30, transferee_id => 4, at => :'at') AS late_dispatch, offer_transfer(108, 20, price => 1, at => :'at') AS for_all \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT x.status FROM unnest(ARRAY[:late_sale, :late_suspension, :late_dispatch]) t CROSS JOIN LATERAL accept_transfer(t, 12, at => :'at') x;
RESET ROLE;
-- the unit is sold to somebody else meanwhile, the next is suspended, of the third too much is dispatched
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (202, 3, 4, 12, 'up', 90, '2024-11-12T17:00Z/PT1H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (601, 108, 1, 3, 11, 'up', 25, '2024-11-14T16:00Z/PT1H');
SET ROLE transfer_dso;
SELECT consent_to_transfer(:late_sale, :'at') AS late_sale, consent_to_transfer(:late_dispatch, :'at') AS late_dispatch;
INSERT INTO suspension (qualification_id, reason, note) VALUES (2, 'other', 'meter fault');
SELECT consent_to_transfer(:late_suspension, :'at') AS late_suspension;
UPDATE suspension SET status = 'reinstated' WHERE status = 'suspended';
-- the buyer reads that it did not come about, and nothing of what else Amp sold
SELECT t.status, regexp_replace(t.reason, 'since .*: ', 'since ...: ') AS reason FROM award_transfer t WHERE t.id IN (:late_sale, :late_suspension, :late_dispatch) ORDER BY t.id;
SELECT count(*) AS checks FROM transfer_check;
RESET ROLE;
SET ROLE transfer_amp;
SELECT c.stage, c.verdict, c.obstacles -> 0 ->> 'obstacle' AS obstacle, c.findings -> 0 ->> 'kind' AS finding FROM transfer_check c WHERE c.award_transfer_id >= :late_sale ORDER BY c.id;
RESET ROLE;
SELECT count(*) AS changed FROM award WHERE id IN (106, 107, 108) AND (power_kw, status) <> (50, 'awarded');
-- an open offer is read by those that could take it, and with its price; by the regulator always
SET ROLE transfer_ohm;
SELECT t.power_kw, p.price FROM award_transfer t JOIN transfer_price p ON p.award_transfer_id = t.id WHERE t.id = :for_all;
RESET ROLE;
INSERT INTO suspension (qualification_id, reason, note) VALUES (3, 'other', 'meter fault');
SET ROLE transfer_ohm;
SELECT t.power_kw FROM award_transfer t WHERE t.id = :for_all;
SELECT status FROM accept_transfer(:for_all, 13, at => :'at');
RESET ROLE;
UPDATE suspension SET status = 'reinstated' WHERE status = 'suspended';
SET ROLE transfer_regulator;
SELECT count(*) AS prices FROM transfer_price;
RESET ROLE;

-- ---------------------------------------------------------------- what remains has to stand, too

-- more was sold while the unit could do more: what remains of 109 would be posted behind it
UPDATE asset SET qualified_up_kw = 300 WHERE id = 11;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (203, 3, 3, 11, 'up', 60, '2100-02-15T16:00Z/PT2H');
UPDATE asset SET qualified_up_kw = 100 WHERE id = 11;
SELECT copy_ruleset('ena-2025-01', 'strict') IS NOT NULL AS copied;
INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action) SELECT r.id, 'headroom', 'blocking', 'award', 'hold' FROM ruleset r WHERE r.code = 'strict';
SELECT put_ruleset_in_force('strict', '2100-01-01T00:00Z');
SET ROLE transfer_volt;
SELECT offer_transfer(109, 20, transferee_id => 4, at => :'at');
-- where it leaves enough it does
SELECT offer_transfer(109, 60, transferee_id => 4, at => :'at') IS NOT NULL AS offered;
RESET ROLE;

-- ---------------------------------------------------------------- a sub-contractor takes the obligation, too; a framework is passed on

SET ROLE transfer_volt;
SELECT offer_transfer(107, 30, '2024-11-13T16:00Z/PT1H', 'sub_contract', 4, at => '2024-11-01 15:00+00') AS sub2 \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:sub2, 12, at => '2024-11-01 15:00+00');
RESET ROLE;
SELECT new_award_id AS sub2_award FROM award_transfer WHERE id = :sub2 \gset
SET ROLE transfer_volt;
\set VERBOSITY sqlstate
SELECT offer_transfer(:sub2_award, transferee_id => 5, at => '2024-11-01 15:00+00');
SELECT offer_transfer(:sub2_award, transferee_id => 4, kind => 'sub_contract', at => '2024-11-01 15:00+00');
\set VERBOSITY terse
SELECT offer_transfer(:sub2_award, transferee_id => 4, at => '2024-11-01 15:00+00') AS taken_over \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:taken_over, 12, at => '2024-11-01 16:00+00');
SELECT step, because, service_provider, sub_contractor, power_kw, delivery_window, held_until FROM chain_of_custody(107) ORDER BY step, holding_id;
RESET ROLE;
SELECT step, because, service_provider, sub_contractor, power_kw, delivery_window, held_until FROM chain_of_custody(107) ORDER BY step, holding_id;
SELECT unit_id, service_provider_id, power_kw, delivery_window FROM commitment WHERE closed_at IS NULL AND delivery_window && '2024-11-13T16:00Z/PT2H' ORDER BY 1, 2, 3;
-- the buyer changes an award that was passed on: the chain says so when it goes on
UPDATE award SET power_kw = 25 WHERE id = (SELECT new_award_id FROM award_transfer WHERE id = :taken_over);
SELECT new_award_id AS amended FROM award_transfer WHERE id = :taken_over \gset
SET ROLE transfer_amp;
SELECT offer_transfer(:amended, transferee_id => 3, at => '2024-11-01 17:00+00') AS back \gset
RESET ROLE;
SET ROLE transfer_volt;
SELECT status FROM accept_transfer(:back, 11, at => '2024-11-01 17:00+00');
RESET ROLE;
SELECT step, because, service_provider, power_kw, held_until IS NULL AS held FROM chain_of_custody(:amended) WHERE step > 2 ORDER BY step, holding_id;
-- a portfolio takes over as an asset does
INSERT INTO portfolio (id, name, service_provider_id) VALUES (15, 'Amp fleet', 4);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (15, 14, 100, '2020-01-01T00:00Z/infinity');
SET ROLE transfer_volt;
SELECT offer_transfer(106, 45.5, transferee_id => 4, at => '2024-11-01 17:00+00') AS to_fleet, offer_transfer(106, at => '2024-11-01 17:00+00') AS too_much \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:to_fleet, portfolio_id => 15, at => '2024-11-01 17:00+00');
SELECT status, obstacles -> 0 ->> 'obstacle' AS obstacle FROM accept_transfer(:too_much, 14, at => '2024-11-01 17:00+00');
RESET ROLE;
SELECT c.unit_kind, c.unit_id, c.power_kw FROM commitment c WHERE c.closed_at IS NULL AND c.stage = 'award' AND c.product_id = 1 AND c.delivery_window && '2024-11-12T16:00Z/PT2H' ORDER BY c.unit_id;
-- where availability binds, the award is a framework: it obliges to nothing, and passes on alike
INSERT INTO product (id, market_id, code, name, service_code, binds, valid) VALUES (4, 1, 'DA', 'Day ahead', 'SAda', 'availability', '2020-01-01T00:00Z/infinity');
INSERT INTO transfer_terms (product_id, valid, consent_needed, must_be_qualified) VALUES (4, '2024-01-01T00:00Z/infinity', false, false);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (110, 4, 3, 11, 'up', 100, '2024-12-20T00:00Z/P10D');
SET ROLE transfer_volt;
SELECT offer_transfer(110, 100, '2024-12-25T00:00Z/P5D', transferee_id => 4, at => '2024-11-01 17:00+00') AS framework \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:framework, 12, at => '2024-11-01 17:00+00');
INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT t.new_award_id, 4, 4, 12, 'up', 80, '2024-12-26T17:00Z/PT2H' FROM award_transfer t WHERE t.id = :framework;
RESET ROLE;
SELECT service_provider_id, power_kw, delivery_window, status FROM award WHERE product_id = 4 ORDER BY 1;
SELECT count(*) AS commitments FROM commitment WHERE product_id = 4 AND closed_at IS NULL;

-- and with it the right to bid in its call-offs, for as long and in as much as it is one's own, from hand to hand
BEGIN;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (60, 4, 'Framework', 'infinity');
INSERT INTO competition_gate (competition_id, stage, closes_before) VALUES (60, 'availability', '3 days');
COMMIT;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, source) VALUES (6001, 60, 4, 3, 11, 'up', 100, '2090-12-01T00:00Z/2091-01-01T00:00Z', 'paper');
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (6002, 6001, 4, 3, 11, 'up', 100, '2090-12-01T00:00Z/2091-01-01T00:00Z');
BEGIN;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (61, 4, 'Call-off', 'infinity');
INSERT INTO competition_terms (competition_id, framework_id) VALUES (61, 60);
COMMIT;
CREATE FUNCTION pg_temp.may_bid(who text, provider bigint, unit bigint, day date) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('SET LOCAL ROLE %I', who);
  INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (61, 4, provider, unit, 'up', 50, time_window(day + time '17:00', day + time '19:00'));
  RAISE EXCEPTION USING ERRCODE = 'PT001';
EXCEPTION
  WHEN SQLSTATE 'PT001' THEN RETURN 'yes';
  WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE FUNCTION pg_temp.who_may() RETURNS TABLE (day date, volt text, amp text, amp_spare text, ohm text) LANGUAGE sql AS $$
  SELECT d, pg_temp.may_bid('transfer_volt', 3, 11, d), pg_temp.may_bid('transfer_amp', 4, 12, d), pg_temp.may_bid('transfer_amp', 4, 14, d), pg_temp.may_bid('transfer_ohm', 5, 13, d)
  FROM unnest('{2090-12-05,2090-12-12,2090-12-25}'::date[]) d $$;
SELECT * FROM pg_temp.who_may();
SET ROLE transfer_volt;
SELECT offer_transfer(6002, 100, '2090-12-10T00:00Z/P10D', transferee_id => 4, at => '2024-11-01 17:00+00') AS passed \gset
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:passed, 12, at => '2024-11-01 17:00+00');
RESET ROLE;
SELECT * FROM pg_temp.who_may();
SET ROLE transfer_amp;
SELECT offer_transfer((SELECT t.new_award_id FROM award_transfer t WHERE t.id = :passed), 40, '2090-12-11T00:00Z/P2D', transferee_id => 5, at => '2024-11-01 17:00+00') AS on_again \gset
SET ROLE transfer_ohm;
SELECT status FROM accept_transfer(:on_again, 13, at => '2024-11-01 17:00+00');
RESET ROLE;
SELECT * FROM pg_temp.who_may();
SELECT a.service_provider_id, a.power_kw, a.delivery_window, a.bid_id IS NOT NULL AS has_bid, competition_of_award(a.id) AS competition FROM award a WHERE a.product_id = 4 AND lower(a.delivery_window) > '2090-01-01' ORDER BY 1, lower(a.delivery_window), 2;
-- and it ends with the award
SELECT t.new_award_id AS ohms FROM award_transfer t WHERE t.id = :on_again \gset
UPDATE award SET status = 'terminated' WHERE id = :ohms;
SELECT ohm FROM pg_temp.who_may() WHERE day = '2090-12-12';
-- the gate of availability under it is that of its competition
SELECT availability_gate(4, t.new_award_id, '2090-12-15T17:00Z'), availability_gate(4, 110, '2090-12-15T17:00Z') AS without FROM award_transfer t WHERE t.id = :passed;
SET ROLE transfer_ohm;
SELECT award_id = :ohms AS own, competition_id FROM framework_holding;
RESET ROLE;
UPDATE framework_holding SET competition_id = 61;

-- ---------------------------------------------------------------- random chains, against a minute-by-minute count

CREATE TEMP TABLE root AS SELECT n AS id FROM generate_series(1, 12) n;
INSERT INTO participant (id, name, kinds) SELECT 1000 + n, 'Provider ' || n, '{service_provider}' FROM generate_series(0, 4) n;
INSERT INTO asset (id, name, qualified_up_kw) SELECT 1000 + n, 'Unit ' || n, 100000 FROM generate_series(0, 4) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT 1000 + n, 1000 + n, '2020-01-01T00:00Z/infinity' FROM generate_series(0, 4) n;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 90000 + r.id, 1, 1000, 1000, 'up', 100, time_window('2024-12-01 00:00+00'::timestamptz + r.id * interval '1 day', '2024-12-01 02:00+00'::timestamptz + r.id * interval '1 day') FROM root r;
-- the naive count: who has how many kW in each ten minutes of each award; and what is available out of it
CREATE TEMP TABLE naive AS SELECT r.id AS root, 1000 AS holder, m, 100::numeric AS kw FROM root r, generate_series(0, 11) m;
CREATE TEMP TABLE outcome (root int, n int, outcome text);
DO $$
DECLARE
  r int; n int; s bigint; a record; w time_window; p numeric; to_id int; made bigint; answer text;
  day_begins timestamptz; i int; j int;
BEGIN
  FOR r IN SELECT id FROM root ORDER BY id LOOP
    FOR n IN 1 .. 14 LOOP
      s := hashint8extended(r * 1000 + n, 42) & 1073741823;
      day_begins := '2024-12-01 00:00+00'::timestamptz + r * interval '1 day';
      SELECT x.* INTO a FROM award x WHERE x.product_id = 1 AND x.status = 'awarded' AND x.asset_id >= 1000 AND x.delivery_window <@ time_window(day_begins, day_begins + interval '1 day')
      ORDER BY hashint8extended(x.power_kw::bigint * 7 + x.asset_id * 31 + extract(epoch FROM lower(x.delivery_window))::bigint, n), x.id LIMIT 1;
      i := (extract(epoch FROM lower(a.delivery_window) - day_begins) / 600)::int;
      j := (extract(epoch FROM upper(a.delivery_window) - day_begins) / 600)::int;
      -- a part of its window, and of its power, or all
      IF s % 3 > 0 THEN i := i + (s / 3 % (j - i))::int; END IF;
      IF s / 7 % 3 > 0 THEN j := i + 1 + (s / 21 % (j - i))::int; END IF;
      w := time_window(day_begins + i * interval '10 minutes', day_begins + j * interval '10 minutes');
      p := CASE WHEN s / 11 % 2 = 0 THEN a.power_kw ELSE ceil(a.power_kw * (s / 13 % 9 + 1) / 10) END;
      IF s / 17 % 4 = 0 THEN
        -- some of it is made available meanwhile
        INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status)
        SELECT a.id, 1, a.service_provider_id, a.asset_id, 'up', ceil(transferable_kw(a.id, w) / 3), w, 'accepted' WHERE transferable_kw(a.id, w) > 3;
        CONTINUE;
      END IF;
      to_id := 1000 + ((a.asset_id - 1000 + 1 + s / 29 % 4) % 5)::int;
      BEGIN
        made := offer_transfer(a.id, p, w, at => '2024-11-10 00:00+00');
        -- in the name of whoever takes over: as accept_transfer() does
        UPDATE award_transfer SET status = 'accepted', transferee_id = to_id, asset_id = to_id, consent = 'not_needed' WHERE id = made;
        -- some wait for the buyer while others go on
        IF s / 37 % 3 = 0 THEN
          INSERT INTO outcome VALUES (r, n, 'waits');
          CONTINUE;
        END IF;
        answer := (SELECT complete_transfer(t, '2024-11-10 00:00+00') FROM award_transfer t WHERE t.id = made);
      EXCEPTION WHEN SQLSTATE 'MX223' OR SQLSTATE 'MX225' THEN
        answer := SQLSTATE;
      END;
      INSERT INTO outcome VALUES (r, n, answer);
      IF answer = 'completed' THEN
        INSERT INTO naive SELECT r, h.holder, m, h.kw FROM generate_series(i, j - 1) m, (VALUES (a.asset_id, - p), (to_id, p)) h (holder, kw);
      END IF;
    END LOOP;
    -- what was accepted was promised: whatever became of the award meanwhile, it completes
    FOR a IN SELECT t.* FROM award_transfer t WHERE t.status = 'accepted' AND t.transferor_id >= 1000 ORDER BY t.id LOOP
      answer := (SELECT complete_transfer(t, '2024-11-11 00:00+00') FROM award_transfer t WHERE t.id = a.id);
      INSERT INTO outcome VALUES (r, a.id, 'waited, ' || answer);
      IF answer = 'completed' THEN
        INSERT INTO naive SELECT r, h.holder, m, h.kw FROM generate_series(0, 11) m, (VALUES (a.transferor_id, - a.power_kw), (a.transferee_id, a.power_kw)) h (holder, kw) WHERE a.delivery_window @> (day_begins + m * interval '10 minutes');
      END IF;
    END LOOP;
  END LOOP;
END $$;
SELECT outcome, count(*) > 0 AS seen FROM outcome GROUP BY outcome ORDER BY outcome COLLATE "C";
SELECT count(*) > 30 AS many FROM outcome WHERE outcome = 'completed';
CREATE TEMP VIEW counted AS SELECT root, holder, m, sum(kw) AS kw FROM naive GROUP BY root, holder, m HAVING sum(kw) <> 0;
-- the leaves of the chain, the awards that stand and the book say the same as the count, in every ten minutes
CREATE TEMP VIEW slot AS SELECT r.id AS root, m, '2024-12-01 00:00+00'::timestamptz + r.id * interval '1 day' + m * interval '10 minutes' AS at FROM root r, generate_series(0, 11) m;
SELECT 'chain' AS what, count(*) AS differ FROM (
  (SELECT s.root, c.unit_id, s.m, sum(c.power_kw) FROM slot s CROSS JOIN LATERAL chain_of_custody(90000 + s.root) c WHERE c.held_until IS NULL AND c.delivery_window @> s.at GROUP BY 1, 2, 3
   EXCEPT SELECT * FROM counted)
  UNION ALL
  (SELECT * FROM counted EXCEPT SELECT s.root, c.unit_id, s.m, sum(c.power_kw) FROM slot s CROSS JOIN LATERAL chain_of_custody(90000 + s.root) c WHERE c.held_until IS NULL AND c.delivery_window @> s.at GROUP BY 1, 2, 3)) d
UNION ALL
SELECT 'awards', count(*) FROM (
  (SELECT s.root, a.service_provider_id, s.m, sum(a.power_kw) FROM slot s JOIN award a ON a.delivery_window @> s.at AND a.asset_id >= 1000 AND a.status = 'awarded' GROUP BY 1, 2, 3 EXCEPT SELECT * FROM counted)
  UNION ALL
  (SELECT * FROM counted EXCEPT SELECT s.root, a.service_provider_id, s.m, sum(a.power_kw) FROM slot s JOIN award a ON a.delivery_window @> s.at AND a.asset_id >= 1000 AND a.status = 'awarded' GROUP BY 1, 2, 3)) d
UNION ALL
SELECT 'book', count(*) FROM (
  (SELECT s.root, c.unit_id, s.m, sum(c.power_kw) FROM slot s JOIN commitment c ON c.delivery_window @> s.at AND c.unit_id >= 1000 AND c.stage = 'award' AND c.closed_at IS NULL GROUP BY 1, 2, 3 EXCEPT SELECT * FROM counted)
  UNION ALL
  (SELECT * FROM counted EXCEPT SELECT s.root, c.unit_id, s.m, sum(c.power_kw) FROM slot s JOIN commitment c ON c.delivery_window @> s.at AND c.unit_id >= 1000 AND c.stage = 'award' AND c.closed_at IS NULL GROUP BY 1, 2, 3)) d;
-- at every instant the chain adds up to what was awarded
SELECT DISTINCT sum(c.power_kw) AS kw FROM slot s CROSS JOIN LATERAL chain_of_custody(90000 + s.root) c WHERE c.held_until IS NULL AND c.delivery_window @> s.at GROUP BY s.root, s.m;
-- what is available lies within its award, in power and in time
SELECT count(*) AS beyond FROM availability v JOIN award a ON a.id = v.award_id WHERE a.asset_id >= 1000 AND NOT (v.delivery_window <@ a.delivery_window AND award_used_kw(a.id, v.delivery_window) <= a.power_kw);
SELECT max(step) > 3 AS deep FROM root r CROSS JOIN LATERAL chain_of_custody(90000 + r.id);
-- no obligation was found to be more than its unit has
SELECT count(*) FROM conflict WHERE closed_at IS NULL AND unit_id >= 1000;

-- ---------------------------------------------------------------- a sub-contract, from the award to the instruction

INSERT INTO asset (id, name, qualified_up_kw) VALUES (21, 'Volt site', 100), (22, 'Amp site', 100);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (21, 3, '2020-01-01T00:00Z/infinity'), (22, 4, '2020-01-01T00:00Z/infinity');
INSERT INTO qualification (id, asset_id, product_id, service_provider_id) VALUES (22, 22, 2, 4);
UPDATE qualification SET status = 'prequalification' WHERE id = 22;
UPDATE qualification SET status = 'prequalified', valid = '2020-01-01T00:00Z/infinity' WHERE id = 22;
INSERT INTO transfer_terms (product_id, valid, consent_needed) VALUES (2, '2024-01-01T00:00Z/infinity', false);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 2, 3, 21, 'up', 100, '2101-11-07T16:00Z/PT4H');
SET ROLE transfer_volt;
SELECT offer_transfer(901, 40, '2101-11-07T17:00Z/PT2H', 'sub_contract', 4) AS sub3 \gset
RESET ROLE;
SET ROLE transfer_amp;
SELECT status FROM accept_transfer(:sub3, 22);
RESET ROLE;
SELECT new_award_id AS sub3_award FROM award_transfer WHERE id = :sub3 \gset
-- who answers for it declares it, until its end and no more of it; the sub-contractor does not in its place, nor another
SET ROLE transfer_ohm;
SELECT declare_availability(22, 2, 'up', 30, '2101-11-07T17:00Z/PT1H');
RESET ROLE;
SET ROLE transfer_amp;
\set VERBOSITY sqlstate
SELECT declare_availability(22, 2, 'up', 30, '2101-11-07T17:00Z/PT1H', :sub3_award) IS NULL;
\set VERBOSITY terse
RESET ROLE;
SET ROLE transfer_volt;
SELECT declare_availability(22, 2, 'up', 30, '2101-11-07T18:30Z/PT1H');
SELECT declare_availability(22, 2, 'up', 30, '2101-11-07T17:00Z/PT1H') AS declared \gset
SELECT award_id = :sub3_award AS of_it, service_provider_id, unit_id, power_kw, status FROM availability WHERE id = :declared;
RESET ROLE;
-- of the awards of a unit that is taken of which there is so much left
SET ROLE transfer_volt;
SELECT declare_availability(21, 2, 'up', 60, '2101-11-07T16:15Z/PT30M') AS sixty \gset
SELECT declare_availability(21, 2, 'up', 40, '2101-11-07T16:15Z/PT30M') AS forty \gset
SELECT v.power_kw, a.power_kw AS of_kw FROM availability v JOIN award a ON a.id = v.award_id WHERE v.id IN (:sixty, :forty);
RESET ROLE;
-- the buyer accepts and instructs the unit: who answers is told, and the sub-contractor reads it
SET ROLE transfer_dso;
SELECT accept_availability(:declared);
SELECT status, cardinality(dispatch_ids) AS dispatches, instruction_id AS told FROM instruct('{"product_id": 2, "unit_id": 22, "start": "2101-11-07T17:00Z", "duration": "PT1H", "set_point_kw": 30, "rationale": {"code": "only_unit"}}') \gset
RESET ROLE;
SELECT :'status' AS status, i.service_provider_id AS instructed, d.service_provider_id AS of_dispatch, d.availability_id = :declared AS of_availability FROM instruction i JOIN instruction_interval v ON v.instruction_id = i.id JOIN dispatch d ON d.id = v.dispatch_id WHERE i.id = :told;
SET ROLE transfer_volt;
SELECT count(*) AS fetched FROM fetch_instructions();
RESET ROLE;
SET ROLE transfer_amp;
SELECT (SELECT count(*) FROM fetch_instructions()) AS fetched, (SELECT count(*) FROM instruction) AS instructions, (SELECT sum(power_kw) FROM instruction_interval) AS kw, (SELECT count(*) FROM dispatch WHERE unit_id = 22) AS dispatches;
SELECT acknowledge_instruction(:told);
RESET ROLE;
SET ROLE transfer_ohm;
SELECT count(*) AS instructions FROM instruction;
RESET ROLE;
-- the operator of the unit is heard, and says what it lacks; one that is suspended is not called, whoever answers for it
SET ROLE transfer_amp;
SELECT heartbeat(22, update_interval_seconds => 60);
SELECT notice_id AS lacking, withdrawn_id IS NULL AS nothing_withdrawn FROM give_unavailability_notice(22, '2101-11-07T17:00Z/PT2H', 'a string of cells is out', power_kw => 15) \gset
RESET ROLE;
SELECT stage, power_kw, left_kw, callable, reasons FROM callable_units('2101-11-07T18:00Z', only_product_id => 2) WHERE unit_id = 22;
INSERT INTO suspension (qualification_id, reason, note) VALUES (22, 'other', 'meter fault');
SELECT stage, callable, reasons FROM callable_units('2101-11-07T18:00Z', only_product_id => 2) WHERE unit_id = 22;

RESET search_path;
SELECT flexexchange.drop_exchange('transfer_test', with_data => true);
DROP ROLE transfer_dso, transfer_volt, transfer_amp, transfer_ohm, transfer_operator, transfer_regulator;
