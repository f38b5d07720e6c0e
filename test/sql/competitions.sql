-- Competitions: what is declared, the life, what bids may say, and who reads it when.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('comp_test');
SET search_path = comp_test, flexexchange;
CREATE ROLE comp_operator IN ROLE flexexchange_operator;
CREATE ROLE comp_regulator IN ROLE flexexchange_regulator;
CREATE ROLE comp_dso IN ROLE flexexchange_participant;
CREATE ROLE comp_neso IN ROLE flexexchange_participant;
CREATE ROLE comp_volt IN ROLE flexexchange_participant;
CREATE ROLE comp_amp IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('comp_dso', 1), ('comp_neso', 2), ('comp_volt', 3), ('comp_amp', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1), (2, 'neso', 'Response', 2);
INSERT INTO product (id, market_id, code, name, service_code, paid_for) VALUES (1, 1, 'SA', 'Scheduled Availability', 'SAda', '{availability,utilisation}'), (2, 1, 'PR', 'Peak Reduction', 'PR', '{utilisation}'), (3, 2, 'DC', 'Dynamic Containment', 'DC', '{availability}');
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (101, 'bsp', 'North', 1), (102, 'primary', 'North A', 1), (103, 'bsp', 'South', 1);
INSERT INTO grid_node_parent (grid_node_id, parent_id, valid) VALUES (102, 101, '2020-01-01T00:00Z/infinity');
INSERT INTO asset (id, name, grid_node_id) SELECT n, 'asset ' || n, CASE WHEN n IN (13, 23) THEN 103 ELSE 102 END FROM unnest(ARRAY[11, 12, 13, 21, 22, 23]) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT n, CASE WHEN n < 20 THEN 3 ELSE 4 END, '2020-01-01T00:00Z/infinity' FROM unnest(ARRAY[11, 12, 13, 21, 22, 23]) n;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (31, 'Volt everywhere', 3);
INSERT INTO portfolio_member (portfolio_id, asset_id, valid) VALUES (31, 12, '2020-01-01T00:00Z/infinity'), (31, 13, '2020-01-01T00:00Z/infinity');

-- ---------------------------------------------------------------- a buyer declares

SET ROLE comp_dso;
INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 'Winter evenings', now() + interval '1 hour', now() + interval '2 hours') RETURNING status;
SELECT id AS comp FROM competition \gset
INSERT INTO competition_terms (competition_id, pricing, clearing_price, carbon_weight, carbon_price_per_t, ceiling_utilisation_price_per_mwh, order_features, challenge_period)
  VALUES (:comp, 'pay_as_clear', 'marginal', 0.5, 80, 500, '{steps,minimum,all_or_nothing,start_up,block,ramp,exclusive,link}', '2 days');
INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw, ceiling_availability_price_per_mw_h)
  SELECT :comp, 1, 101, w, 'up', 1000, 20 FROM unnest(ARRAY['2030-01-07T17:00Z/PT30M', '2030-01-07T17:30Z/PT30M', '2030-01-07T18:00Z/PT30M']::time_window[]) w;
INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw, expected_utilisation_hours) VALUES (:comp, 1, 103, '2030-01-07T17:00Z/PT1H', 'down', 300, 0.25);
INSERT INTO competition_transfer_limit (competition_id, from_grid_node_id, to_grid_node_id, delivery_window, forward_kw, backward_kw) VALUES (:comp, 103, 101, '2030-01-07T17:00Z/PT2H', 400, 100);
INSERT INTO requirement_reserve (requirement_id, availability_price_per_mw_h) SELECT id, 15 FROM competition_requirement WHERE direction = 'up';
SELECT delivery_window, direction, hours::numeric(6,2), utilisation_hours::numeric(6,2), most_availability_price_per_mw_h AS most_availability, most_utilisation_price_per_mwh AS most_utilisation
  FROM competition_cell WHERE competition_id = :comp ORDER BY direction, delivery_window;
-- what contradicts itself, or is another's
INSERT INTO competition_terms (competition_id, pricing) VALUES (:comp, 'pay_as_clear');
UPDATE competition_terms SET clearing_price = NULL;
UPDATE competition_terms SET carbon_price_per_t = NULL;
UPDATE competition_terms SET tie_break = 'seeded';
UPDATE competition_terms SET cost_weight = -1;
UPDATE competition_terms SET order_features = '{steps,iceberg}';
UPDATE competition_terms SET framework_id = competition_id;
INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw) VALUES (:comp, 3, '2030-01-07T17:00Z/PT30M', 'up', 1);
INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw) VALUES (:comp, 1, 101, '2030-01-07T17:15Z/PT30M', 'up', 1);
INSERT INTO competition_requirement (competition_id, lot_id, product_id, delivery_window, direction, power_kw) VALUES (:comp, 77, 1, '2030-01-07T17:00Z/PT30M', 'up', 1);
INSERT INTO competition_transfer_limit (competition_id, from_grid_node_id, to_grid_node_id, delivery_window, forward_kw, backward_kw, loss_share) VALUES (:comp, 101, 103, '2030-01-07T17:00Z/PT2H', 1, 1, 0.05);
INSERT INTO competition (product_id, name, gate_closes_at) VALUES (3, 'of another', 'infinity');
UPDATE competition SET status = 'open';
SET ROLE comp_neso;
UPDATE competition_terms SET cost_weight = 2;
UPDATE competition SET name = 'x';
-- everybody reads what is declared, but the reserve
SET ROLE comp_volt;
SELECT (SELECT count(*) FROM competition_terms) AS terms, (SELECT count(*) FROM competition_requirement) AS requirements, (SELECT count(*) FROM competition_transfer_limit) AS limits, (SELECT count(*) FROM requirement_reserve) AS reserves,
  (SELECT max(most_availability_price_per_mw_h) FROM competition_cell) AS most;
SET ROLE comp_operator;
SELECT count(*) AS reserves FROM requirement_reserve;
SET ROLE comp_regulator;
SELECT count(*) AS reserves FROM requirement_reserve;
RESET ROLE;

-- ---------------------------------------------------------------- time opens the gate

-- nobody bids before, and no status comes before its time
SET ROLE comp_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 11, 'up', 600, '2030-01-07T17:00Z/PT30M');
SET ROLE comp_operator;
SELECT stage, changes_at > now() AS soon FROM competition_stage WHERE competition_id = :comp;
SELECT count(*) AS nothing_is_due FROM advance_competitions();
\set VERBOSITY sqlstate
UPDATE competition SET status = 'open' WHERE id = :comp;
UPDATE competition SET status = 'closed' WHERE id = :comp;
\set VERBOSITY default
RESET ROLE;
UPDATE competition SET gate_opens_at = now() - interval '1 minute' WHERE id = :comp;
-- open by the clock: terms stay, although no one has advanced it
SET ROLE comp_dso;
SELECT status, stage FROM competition_stage WHERE competition_id = :comp;
\set VERBOSITY sqlstate
UPDATE competition_terms SET cost_weight = 2;
DELETE FROM competition_terms;
INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw) VALUES (:comp, 1, '2031-01-07T17:00Z/PT30M', 'up', 1);
UPDATE competition_requirement SET power_kw = 1;
UPDATE requirement_reserve SET availability_price_per_mw_h = 1;
UPDATE competition SET gate_opens_at = now() + interval '1 minute' WHERE id = :comp;
\set VERBOSITY default
-- a gate may still be put off, and does not come forward: not even to learn whether there are bids
\set VERBOSITY sqlstate
UPDATE competition SET gate_closes_at = now() + interval '1 minute' WHERE id = :comp;
\set VERBOSITY default
UPDATE competition SET gate_closes_at = now() + interval '3 hours' WHERE id = :comp;
SET ROLE comp_operator;
SELECT status FROM advance_competitions();
SELECT status FROM competition_step WHERE competition_id = :comp ORDER BY id;
RESET ROLE;

-- ---------------------------------------------------------------- bids, and what they may say

SET ROLE comp_volt;
CREATE FUNCTION pg_temp.bids(asset bigint, at text, kw numeric, price numeric) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h)
  SELECT id, 1, current_participant(), asset, 'up', kw, time_window(at || '/PT30M'), price FROM competition WHERE name = 'Winter evenings' RETURNING id $$;
SELECT pg_temp.bids(11, '2030-01-07T17:00Z', 600, 10) AS b1 \gset
SELECT pg_temp.bids(11, '2030-01-07T17:30Z', 500, 10) AS b2 \gset
SELECT pg_temp.bids(12, '2030-01-07T17:00Z', 100, NULL) AS b3 \gset
-- what the competition does not want or take
\set VERBOSITY terse
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 2, 3, 11, 'up', 1, '2030-01-07T17:00Z/PT30M');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 11, 'down', 1, '2030-01-07T17:00Z/PT30M');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 13, 'up', 1, '2030-01-07T17:00Z/PT30M');
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 11, 'up', 1, '2030-01-07T18:00Z/PT1H');
INSERT INTO bid (competition_id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 31, 'up', 1, '2030-01-07T17:00Z/PT30M');
SELECT pg_temp.bids(11, '2030-01-07T18:00Z', 1, 20.01);
UPDATE bid SET availability_price_per_mw_h = 21 WHERE id = :b1;
UPDATE bid SET utilisation_price_per_mwh = 501 WHERE id = :b1;
\set VERBOSITY default
-- over all windows at once is one bid over what is wanted without a gap
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:comp, 1, 3, 12, 'up', 7, '2030-01-07T17:00Z/PT1H30M');
-- terms, steps
INSERT INTO bid_terms (bid_id, minimum_share, start_up_cost, carbon_g_per_kwh, reliability) VALUES (:b1, 0.5, 25, 120, 0.97);
INSERT INTO bid_terms (bid_id, minimum_kw) VALUES (:b2, 500);
BEGIN;
INSERT INTO bid_step (bid_id, step, power_kw, availability_price_per_mw_h) VALUES (:b3, 1, 60, 5), (:b3, 2, 40, 8);
COMMIT;
\set VERBOSITY terse
INSERT INTO bid_step (bid_id, step, power_kw, availability_price_per_mw_h) VALUES (:b3, 3, 40, 9);
UPDATE bid_step SET availability_price_per_mw_h = 4 WHERE step = 2;
UPDATE bid_step SET availability_price_per_mw_h = 40 WHERE step = 2;
UPDATE bid_step SET step = 3 WHERE step = 2;
UPDATE bid SET power_kw = 90 WHERE id = :b3;
UPDATE bid SET availability_price_per_mw_h = 5 WHERE id = :b3;
UPDATE bid SET power_kw = 400 WHERE id = :b2;
UPDATE bid_terms SET minimum_share = 0 WHERE bid_id = :b1;
UPDATE bid_terms SET minimum_kw = 3 WHERE bid_id = :b1;
UPDATE bid_terms SET reliability = 1.01 WHERE bid_id = :b1;
UPDATE bid_terms SET lot_id = 5 WHERE bid_id = :b1;
\set VERBOSITY default
BEGIN;
UPDATE bid SET power_kw = 120 WHERE id = :b3;
UPDATE bid_step SET power_kw = 60 WHERE bid_id = :b3 AND step = 2;
COMMIT;
-- groups and links
SELECT pg_temp.bids(11, '2030-01-07T18:00Z', 400, 10) AS b4 \gset
SELECT pg_temp.bids(12, '2030-01-07T18:00Z', 50, 3) AS b5 \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind, name) VALUES (:comp, 3, 'block', 'evening') RETURNING id AS block \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind) VALUES (:comp, 3, 'exclusive') RETURNING id AS exclusive \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind, most_change_kw) VALUES (:comp, 3, 'ramp', 150) RETURNING id AS ramp \gset
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:block, :b1), (:block, :b2), (:exclusive, :b3), (:exclusive, :b1), (:ramp, :b1), (:ramp, :b2), (:ramp, :b4);
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b5, :b4), (:b4, :b3);
\set VERBOSITY terse
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b3, :b3);
\set VERBOSITY sqlstate
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b3, :b5);
-- through a block, from either side: b1 and b2 are one
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b2, :b5);
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b3, :b1);
BEGIN;
DELETE FROM bid_link WHERE child_bid_id = :b2;
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:b1, :b5);
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:block, :b5);
ROLLBACK;
INSERT INTO bid_group (competition_id, service_provider_id, kind) VALUES (:comp, 3, 'block') RETURNING id AS another \gset
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:another, :b1);
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:ramp, :b5);
UPDATE bid_group SET most_change_kw = NULL WHERE kind = 'ramp';
INSERT INTO bid_group (competition_id, service_provider_id, kind) VALUES (:comp, 4, 'block');
\set VERBOSITY default
SELECT g.kind, g.most_change_kw, array_agg(b.power_kw ORDER BY b.power_kw) AS kw FROM bid_group g JOIN bid_group_member m ON m.bid_group_id = g.id JOIN bid b ON b.id = m.bid_id GROUP BY g.id ORDER BY g.id;

-- a rival's bids: neither seen nor told of
SET ROLE comp_amp;
SELECT pg_temp.bids(21, '2030-01-07T17:00Z', 300, 12) AS a1 \gset
INSERT INTO bid_terms (bid_id, minimum_share) VALUES (:a1, 1);
SELECT (SELECT count(*) FROM bid) AS bids, (SELECT count(*) FROM bid_terms) AS terms, (SELECT count(*) FROM bid_step) AS steps, (SELECT count(*) FROM bid_group) AS groups,
  (SELECT count(*) FROM bid_group_member) AS members, (SELECT count(*) FROM bid_link) AS links, (SELECT count(*) FROM requirement_bids(:comp)) AS served;
\set VERBOSITY sqlstate
INSERT INTO bid_terms (bid_id, minimum_share) VALUES (:b4, 1);
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:a1, :b1);
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:exclusive, :a1);
INSERT INTO bid_terms (bid_id, minimum_share) VALUES (:a1 + 1000, 1);
\set VERBOSITY default
UPDATE bid_terms SET minimum_share = 0.1 WHERE bid_id = :b1;
DELETE FROM bid_step;

-- ---------------------------------------------------------------- sealed

CREATE FUNCTION pg_temp.seen() RETURNS TABLE (bids bigint, terms bigint, steps bigint, groups bigint, members bigint, links bigint, events bigint, served bigint) LANGUAGE sql AS $$
  SELECT (SELECT count(*) FROM bid), (SELECT count(*) FROM bid_terms), (SELECT count(*) FROM bid_step), (SELECT count(*) FROM bid_group), (SELECT count(*) FROM bid_group_member), (SELECT count(*) FROM bid_link),
    (SELECT count(*) FROM event_log WHERE table_name IN ('bid', 'bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link')), (SELECT count(*) FROM competition c, requirement_bids(c.id)) $$;
SET ROLE comp_dso;
SELECT * FROM pg_temp.seen();
SET ROLE comp_neso;
SELECT * FROM pg_temp.seen();
SET ROLE comp_operator;
SELECT * FROM pg_temp.seen();
SELECT count(*) AS in_the_feed FROM event_feed(NULL, 10000, 'events') WHERE event ->> 'type' ~ 'flexexchange\.(bid|requirement_reserve)';
SELECT count(*) AS in_the_past FROM bid_terms_as_of(clock_timestamp());
SET ROLE comp_regulator;
SELECT bids, terms, steps, groups, members, links, events > 20 AS events FROM pg_temp.seen();
-- the bidder has the history of what it changed
SET ROLE comp_volt;
SELECT bids, terms, steps, groups, members, links FROM pg_temp.seen();
SELECT action, changed FROM history('bid_step', (SELECT row_key FROM event_log WHERE table_name = 'bid_step' AND action = 'update' LIMIT 1));
-- withdrawn before the gate, and taken off a block
UPDATE bid SET status = 'withdrawn' WHERE id = :b5;
DELETE FROM bid_group_member WHERE bid_group_id = :ramp AND bid_id = :b4;
RESET ROLE;

-- ---------------------------------------------------------------- the gate closes

UPDATE competition SET gate_closes_at = now() WHERE id = :comp;
SET ROLE comp_volt;
UPDATE bid SET power_kw = 1 WHERE id = :b1;
UPDATE bid_terms SET minimum_share = 0.1 WHERE bid_id = :b1;
DELETE FROM bid_step;
DELETE FROM bid_link;
-- from then on the buyer and the operator read what was bid, and everybody the reserve
SELECT max(most_availability_price_per_mw_h) AS most FROM competition_cell;
SET ROLE comp_dso;
SELECT bids, terms, steps, groups, members, links FROM pg_temp.seen();
SET ROLE comp_neso;
SELECT bids, terms, steps, groups, members, links FROM pg_temp.seen();
SET ROLE comp_operator;
SELECT bids, terms, steps, groups, members, links, events > 20 AS events FROM pg_temp.seen();
-- what happened before the gate is not told in the feed after it
SELECT count(*) AS in_the_feed FROM event_feed(NULL, 10000, 'events') WHERE event ->> 'type' ~ 'flexexchange\.(bid|requirement_reserve)';
-- and nobody writes it any more: the clock says so to the operator, the status to the owner
\set VERBOSITY sqlstate
UPDATE bid SET power_kw = 1 WHERE id = :b1;
UPDATE bid_terms SET minimum_share = 0.1 WHERE bid_id = :b1;
\set VERBOSITY default
SELECT status FROM advance_competitions();
SELECT s.status, s.since = c.gate_closes_at AS at_the_gate FROM competition_step s JOIN competition c ON c.id = s.competition_id WHERE c.id = :comp AND s.status = 'closed';
RESET ROLE;
\set VERBOSITY sqlstate
UPDATE bid SET power_kw = 1 WHERE id = :b1;
UPDATE bid_step SET power_kw = 1;
UPDATE competition SET gate_closes_at = now() + interval '1 day' WHERE id = :comp;
\set VERBOSITY default
SELECT (SELECT count(*) FROM requirement_bids(:comp)) AS served;

-- nor does anybody keep a closed competition from being cleared
BEGIN;
SET LOCAL ROLE comp_volt;
SELECT hold_gate(ARRAY[:comp]) = :comp AS shut;
RESET ROLE;
SELECT count(*) AS locked FROM pg_locks WHERE relation = 'competition'::regclass AND pid = pg_backend_pid() AND mode = 'RowShareLock';
ROLLBACK;

-- ---------------------------------------------------------------- awards and challenges

-- what a clearing does, by hand
SELECT take_competition_step(:comp, 'awarded');
SELECT take_competition_step(:comp, 'cleared', 'least cost'), take_competition_step(:comp, 'awarded');
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h)
  SELECT id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, 12 FROM bid WHERE id IN (:a1, :b2);
UPDATE bid SET status = CASE WHEN id IN (:a1, :b2) THEN 'awarded' ELSE 'lapsed' END WHERE status = 'submitted';
SET ROLE comp_dso;
\set VERBOSITY terse
SELECT challenge_competition(:comp, 'no');
SET ROLE comp_volt;
SELECT challenge_competition(:comp, ' ');
SELECT challenge_competition(:comp, 'my bid was cheaper') AS challenge \gset
SET ROLE comp_amp;
SELECT count(*) AS not_mine FROM competition_challenge;
-- that it is challenged is everybody's to know, and not by whom
SELECT status, reason FROM competition_step WHERE status = 'challenged';
SELECT participant_id FROM competition_step;
SELECT taken_by FROM competition_step;
SELECT challenge_competition(:comp, 'mine too') AS other \gset
SELECT decide_challenge(:challenge, false, 'no');
SELECT withdraw_challenge(:challenge, 'no');
SELECT withdraw_challenge(:other, 'settled');
SET ROLE comp_dso;
SELECT challenger_id, reason, decision FROM competition_challenge ORDER BY id;
SET ROLE comp_operator;
SELECT stage FROM competition_stage WHERE competition_id = :comp;
SELECT decide_challenge(:challenge, false, '');
SELECT decide_challenge(:challenge, NULL, 'x');
\set VERBOSITY sqlstate
UPDATE competition SET status = 'awarded' WHERE id = :comp;
\set VERBOSITY terse
SELECT decide_challenge(:challenge, true, 'the unit was left out');
SELECT decide_challenge(:challenge, true, 'again');
RESET ROLE;
SELECT status FROM competition WHERE id = :comp;
SELECT status, count(*) FROM bid GROUP BY 1 ORDER BY 1;
SELECT status, count(*) FROM award GROUP BY 1 ORDER BY 1;
-- what was terminated its buyer does not award again past the competition
SET ROLE comp_dso;
UPDATE award SET status = 'awarded' WHERE status = 'terminated';
UPDATE award SET status = 'completed' WHERE status = 'terminated';
RESET ROLE;
SELECT take_competition_step(:comp, 'cleared'), take_competition_step(:comp, 'awarded');
SET ROLE comp_volt;
SELECT challenge_competition(:comp, 'still wrong') AS challenge \gset
SET ROLE comp_operator;
SELECT decide_challenge(:challenge, false, 'it is right');
SELECT count(*) AS nothing_is_due FROM advance_competitions();
SELECT decision, decided_by FROM competition_challenge ORDER BY id;
RESET ROLE;
-- days later
UPDATE competition_step SET since = since - interval '3 days' WHERE status = 'awarded';
SET ROLE comp_volt;
\set VERBOSITY sqlstate
SELECT challenge_competition(:comp, 'late');
\set VERBOSITY terse
SELECT status, stage FROM competition_stage WHERE competition_id = :comp;
SET ROLE comp_operator;
SELECT status FROM advance_competitions();
SELECT cancel_competition(:comp, 'late');
RESET ROLE;
SELECT status, taken_by, participant_id, reason FROM competition_step WHERE competition_id = :comp ORDER BY id;

-- ---------------------------------------------------------------- a transaction that began before the gate

RESET ROLE;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (90, 2, 'closes at once', clock_timestamp() + interval '2 seconds');
SET ROLE comp_volt;
BEGIN;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (90, 2, 3, 11, 'up', 5, '2030-03-07T17:00Z/PT30M');
SELECT pg_sleep(greatest(0, extract(epoch FROM gate_closes_at - clock_timestamp()) + 0.05)) FROM competition WHERE id = 90;
-- for the transaction the gate is open still, and for the clock it is not
SELECT now() < gate_closes_at AS open FROM competition WHERE id = 90;
SAVEPOINT s;
\set VERBOSITY sqlstate
UPDATE bid SET power_kw = 1 WHERE competition_id = 90;
ROLLBACK TO s;
UPDATE bid SET status = 'withdrawn' WHERE competition_id = 90;
ROLLBACK TO s;
\set VERBOSITY terse
COMMIT;
SELECT status, power_kw FROM bid WHERE competition_id = 90;

-- ---------------------------------------------------------------- cancelled

SET ROLE comp_dso;
INSERT INTO competition (product_id, name, gate_closes_at) VALUES (2, 'Peaks', now() + interval '1 day') RETURNING id AS peaks \gset
SET ROLE comp_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (:peaks, 2, 3, 11, 'up', 5, '2030-02-07T17:00Z/PT30M') RETURNING id AS plain \gset
-- plain bids alone, where nothing is declared
INSERT INTO bid_terms (bid_id, minimum_share) VALUES (:plain, 0.5);
SELECT cancel_competition(:peaks, 'not mine');
SET ROLE comp_dso;
SELECT cancel_competition(:peaks, '');
SELECT cancel_competition(:peaks, 'the line is repaired');
SET ROLE comp_volt;
SELECT b.status, s.stage FROM bid b JOIN competition_stage s USING (competition_id) WHERE b.id = :plain;
SELECT reason FROM competition_step WHERE competition_id = :peaks AND status = 'cancelled';
-- bidders and the buyer have been told, and nobody else, nor the operator who bid while the gate was open
RESET ROLE;
SELECT array_agg(p.name ORDER BY p.name) AS told, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.competition_id IS NOT NULL GROUP BY n.competition_id, n.event, n.message ORDER BY min(n.id);
SET ROLE comp_amp;
SELECT count(*) FROM notification WHERE competition_id = :peaks;
SET ROLE comp_operator;
SELECT count(*) FILTER (WHERE competition_id = :peaks) AS sealed, count(*) FILTER (WHERE competition_id = :comp) > 0 AS of_the_other FROM notification;
RESET ROLE;

-- ---------------------------------------------------------------- lots and several products

BEGIN;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (91, 1, 'Lots', 'infinity');
INSERT INTO competition_terms (competition_id) VALUES (91);
INSERT INTO competition_lot (id, competition_id, name) VALUES (911, 91, 'North'), (912, 91, 'South');
INSERT INTO competition_requirement (id, competition_id, lot_id, product_id, grid_node_id, delivery_window, direction, power_kw) VALUES
  (9111, 91, 911, 1, 101, '2030-04-01T17:00Z/PT1H', 'up', 100), (9112, 91, 911, 2, 101, '2030-04-01T17:00Z/PT1H', 'up', 50), (9121, 91, 912, 1, 103, '2030-04-01T17:00Z/PT1H', 'up', 0);
INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw) VALUES (91, 1, '2030-05-01T17:00Z/PT1H', 'up', 100);
ROLLBACK;
BEGIN;
INSERT INTO competition (id, product_id, name, gate_closes_at) VALUES (91, 1, 'Lots', 'infinity');
INSERT INTO competition_terms (competition_id) VALUES (91);
INSERT INTO competition_lot (id, competition_id, name) VALUES (911, 91, 'North'), (912, 91, 'South'), (913, 91, 'North again');
INSERT INTO competition_requirement (id, competition_id, lot_id, product_id, grid_node_id, delivery_window, direction, power_kw) VALUES
  (9111, 91, 911, 1, 101, '2030-04-01T17:00Z/PT1H', 'up', 100), (9112, 91, 911, 2, 101, '2030-04-01T17:00Z/PT1H', 'up', 50), (9121, 91, 912, 1, 103, '2030-04-01T17:00Z/PT1H', 'up', 0),
  (9131, 91, 913, 1, 101, '2030-04-01T17:00Z/PT1H', 'up', 30);
COMMIT;
SET ROLE comp_volt;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 91, p, 3, a, 'up', 10 * p, '2030-04-01T17:15Z/PT30M' FROM (VALUES (1, 11), (2, 11), (1, 12), (1, 13)) v (p, a);
-- one of them for a lot
INSERT INTO bid_terms (bid_id, lot_id) SELECT id, 913 FROM bid WHERE competition_id = 91 AND asset_id = 12;
-- a portfolio serves a place where all its members are
INSERT INTO bid (competition_id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (91, 1, 3, 31, 'up', 5, '2030-04-01T17:15Z/PT30M');
SELECT b.product_id, b.asset_id, array_agg(s.requirement_id ORDER BY s.requirement_id) AS serves FROM requirement_bids(91) s JOIN bid b ON b.id = s.bid_id GROUP BY b.id ORDER BY b.id;
RESET ROLE;

SELECT flexexchange.drop_exchange('comp_test', with_data => true);
DROP FUNCTION pg_temp.seen, pg_temp.bids;
DROP ROLE comp_operator, comp_regulator, comp_dso, comp_neso, comp_volt, comp_amp;
