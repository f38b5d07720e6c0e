-- Clearing a competition: from bids to awards that the rules let stand, with reasons, and again.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('clear_test');
SET search_path = clear_test, flexexchange;
CREATE ROLE clear_operator IN ROLE flexexchange_operator;
CREATE ROLE clear_dso IN ROLE flexexchange_participant;
CREATE ROLE clear_volt IN ROLE flexexchange_participant;
CREATE ROLE clear_amp IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('clear_dso', 1), ('clear_volt', 3), ('clear_amp', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1);
INSERT INTO product (id, market_id, code, name, service_code, paid_for) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU', '{utilisation}'), (2, 1, 'SA', 'Scheduled Availability', 'SAda', '{availability,utilisation}');
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (101, 'bsp', 'North', 1), (103, 'bsp', 'South', 1);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw) SELECT n, 'asset ' || n, CASE WHEN n IN (13, 23) THEN 103 ELSE 101 END, 500 FROM unnest(ARRAY[11, 12, 13, 21, 22, 23]) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT n, CASE WHEN n < 20 THEN 3 ELSE 4 END, '2020-01-01T00:00Z/infinity' FROM unnest(ARRAY[11, 12, 13, 21, 22, 23]) n;

-- a competition whose gate closes as soon as the bids are in
CREATE FUNCTION announce(name text, wanted jsonb, terms jsonb DEFAULT '{}') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE made bigint;
BEGIN
  INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at) VALUES (1, announce.name, now() - interval '1 hour', now() + interval '1 hour') RETURNING id INTO made;
  INSERT INTO competition_terms SELECT (jsonb_populate_record(NULL::competition_terms,
    '{"pricing": "pay_as_bid", "surplus_share": 0, "cost_weight": 1, "carbon_weight": 0, "security_weight": 1, "max_gap": 0, "max_seconds": 60, "tie_break": "arrival", "challenge_period": "1 day",
      "order_features": ["portfolio", "steps", "minimum", "all_or_nothing", "start_up", "block", "ramp", "exclusive", "link"]}'::jsonb || terms || jsonb_build_object('competition_id', made, 'declared_at', now()))).*;
  INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh, at_least)
  SELECT made, coalesce(w.product, 1), w.node, w."window", 'up', w.kw, w.availability, coalesce(w.ceiling, 500), coalesce(w.at_least, true)
  FROM jsonb_to_recordset(wanted) w (product bigint, node bigint, "window" time_window, kw numeric, availability numeric, ceiling numeric, at_least boolean);
  RETURN made;
END $$;
-- the owner moves what was written wrongly: here, the time
CREATE FUNCTION close_gate(competition_id bigint) RETURNS void LANGUAGE sql AS $$
  UPDATE competition SET gate_closes_at = clock_timestamp() WHERE id = competition_id;
  SELECT count(*) FROM advance_competitions();
$$;
CREATE FUNCTION bid(competition_id bigint, asset_id bigint, kw numeric, "window" time_window, price numeric, availability numeric DEFAULT NULL, product_id bigint DEFAULT 1) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, availability_price_per_mw_h)
  VALUES (competition_id, product_id, CASE WHEN asset_id < 20 THEN 3 ELSE 4 END, asset_id, 'up', kw, "window", price, availability) RETURNING id
$$;
CREATE FUNCTION result(competition_id bigint) RETURNS TABLE (asset bigint, offered numeric, accepted numeric, result text, reason text, instead_of_it bigint, availability_price numeric, utilisation_price numeric, windows text) LANGUAGE sql AS $$
  SELECT b.asset_id, r.offered_kw, r.accepted_kw, r.result, r.reason, (SELECT d.asset_id FROM bid d WHERE d.id = r.displaced_by_bid_id), a.availability_price_per_mw_h, a.utilisation_price_per_mwh,
         to_char(lower(a.delivery_window) AT TIME ZONE 'UTC', 'HH24:MI') || '-' || to_char(upper(a.delivery_window) AT TIME ZONE 'UTC', 'HH24:MI')
  FROM clearing_bid r JOIN bid b ON b.id = r.bid_id LEFT JOIN clearing_awards(r.clearing_id) a ON a.bid_id = b.id
  WHERE r.clearing_id = official_clearing(result.competition_id) ORDER BY b.asset_id, b.id, a.delivery_window, a.order_id
$$;
CREATE FUNCTION prices(competition_id bigint) RETURNS TABLE (node bigint, "window" text, wanted double precision, accepted double precision, short double precision, price_per_mwh numeric, shadow_price_per_mwh numeric, set_by bigint) LANGUAGE sql AS $$
  SELECT q.grid_node_id, to_char(lower(k.delivery_window) AT TIME ZONE 'UTC', 'HH24:MI') || '-' || to_char(upper(k.delivery_window) AT TIME ZONE 'UTC', 'HH24:MI'), k.required_kw, k.accepted_kw, k.shortfall_kw,
         round((k.price_per_kw * 1000 / k.hours)::numeric, 2), round((k.shadow_price_per_kw * 1000 / k.hours)::numeric, 2), (SELECT b.asset_id FROM clearing_order o JOIN bid b ON b.id = o.whole_id WHERE o.clearing_id = k.clearing_id AND o.order_id = k.price_setter_id)
  FROM clearing_cell k JOIN competition_requirement q ON q.id = k.requirement_id WHERE k.clearing_id = official_clearing(prices.competition_id) ORDER BY k.cell
$$;

-- ---------------------------------------------------------------- as bid: windows are cut where bids begin and end

BEGIN;
SELECT announce('evening', '[{"node":101,"window":"2030-01-07T17:00Z/PT30M","kw":600},{"node":101,"window":"2030-01-07T17:30Z/PT30M","kw":600}]') AS comp \gset
SELECT bid(:comp, 11, 300, '2030-01-07T17:00Z/PT1H', 100), bid(:comp, 12, 200, '2030-01-07T17:00Z/PT30M', 150), bid(:comp, 21, 400, '2030-01-07T17:00Z/PT1H', 120), bid(:comp, 22, 400, '2030-01-07T17:30Z/PT30M', 90) \g /dev/null
COMMIT;
-- not before the gate has closed, not by anybody, not without terms
\set VERBOSITY sqlstate
SELECT * FROM clear_competition(:comp);
SET ROLE clear_volt;
SELECT * FROM clear_competition(:comp);
SELECT award_competition(:comp);
SELECT count(*) FROM clearing_awards(1);
RESET ROLE;
SELECT * FROM clear_competition(4711);
\set VERBOSITY default
SELECT close_gate(:comp);
SELECT award_competition(:comp);
SET ROLE clear_dso;
SELECT purpose, status, round(cost::numeric, 2) AS cost, round(bound::numeric, 2) AS bound, accepted_kw, bids_accepted, bids_rejected FROM clear_competition(:comp);
SELECT * FROM result(:comp);
SELECT * FROM prices(:comp);
-- the buyer reads the result; a provider does so once it is awarded, and of its own bids
SET ROLE clear_volt;
SELECT (SELECT count(*) FROM clearing) AS clearings, (SELECT count(*) FROM clearing_bid) AS bids, (SELECT count(*) FROM clearing_leg) AS legs;
SET ROLE clear_dso;
SELECT award_competition(:comp);
SET ROLE clear_volt;
SELECT (SELECT count(*) FROM clearing) AS clearings, (SELECT count(*) FROM clearing_cell) AS cells, (SELECT array_agg(DISTINCT service_provider_id) FROM clearing_bid) AS whose_bids,
       (SELECT count(DISTINCT order_id) FROM clearing_leg) AS own_orders, (SELECT count(*) FROM clearing_order) AS orders;
SELECT asset_id, power_kw, status FROM bid ORDER BY asset_id;
SELECT asset_id, power_kw, utilisation_price_per_mwh, status FROM award ORDER BY asset_id;
RESET ROLE;
SELECT status FROM competition WHERE id = :comp;
SELECT purpose, is_same, orders_differing, prices_differing FROM reclear(:comp);

-- ---------------------------------------------------------------- at one price, and a clearing price that the ceiling sets

BEGIN;
SELECT announce('uniform', '[{"node":101,"window":"2030-01-08T17:00Z/PT30M","kw":600},{"node":101,"window":"2030-01-08T18:00Z/PT30M","kw":2000}]', '{"pricing":"pay_as_clear","clearing_price":"marginal"}') AS comp \gset
SELECT bid(:comp, 11, 300, '2030-01-08T17:00Z/PT30M', 100), bid(:comp, 12, 400, '2030-01-08T17:00Z/PT30M', 150), bid(:comp, 21, 400, '2030-01-08T17:00Z/PT30M', 180), bid(:comp, 22, 400, '2030-01-08T18:00Z/PT30M', 90) \g /dev/null
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
SELECT * FROM result(:comp);
SELECT * FROM prices(:comp);

-- ---------------------------------------------------------------- order features: steps, least, start-up, blocks, groups, links, ramps

BEGIN;
SELECT announce('features', '[{"node":101,"window":"2030-01-09T17:00Z/PT30M","kw":600},{"node":101,"window":"2030-01-09T17:30Z/PT30M","kw":300}]') AS comp \gset
SELECT bid(:comp, 11, 400, '2030-01-09T17:00Z/PT30M', NULL) AS stepped \gset
INSERT INTO bid_step (bid_id, step, power_kw, utilisation_price_per_mwh) VALUES (:stepped, 1, 100, 80), (:stepped, 2, 100, 90), (:stepped, 3, 200, 300);
INSERT INTO bid_terms (bid_id, minimum_kw) VALUES (:stepped, 150);
-- cheap by the MWh, dear to start
SELECT bid(:comp, 12, 250, '2030-01-09T17:00Z/PT30M', 10) AS starter \gset
INSERT INTO bid_terms (bid_id, start_up_cost) VALUES (:starter, 20);
-- two windows or none
SELECT bid(:comp, 21, 300, '2030-01-09T17:00Z/PT30M', 120) AS one, bid(:comp, 21, 200, '2030-01-09T17:30Z/PT30M', 120) AS two \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind) VALUES (:comp, 4, 'block') RETURNING id AS block \gset
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:block, :one), (:block, :two);
INSERT INTO bid_terms (bid_id, minimum_share) VALUES (:one, 1);
-- one of the two; and one that is cheap and hangs on a dear one
SELECT bid(:comp, 22, 100, '2030-01-09T17:30Z/PT30M', 100) AS small, bid(:comp, 22, 200, '2030-01-09T17:30Z/PT30M', 101) AS large \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind) VALUES (:comp, 4, 'exclusive') RETURNING id AS either \gset
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:either, :small), (:either, :large);
SELECT bid(:comp, 12, 40, '2030-01-09T17:30Z/PT30M', 150) AS parent, bid(:comp, 11, 40, '2030-01-09T17:30Z/PT30M', 1) AS child \gset
INSERT INTO bid_link (child_bid_id, parent_bid_id) VALUES (:child, :parent);
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost, gap < 1e-6 AS proved FROM clear_competition(:comp);
SELECT * FROM result(:comp);
SELECT * FROM prices(:comp);
SELECT purpose, is_same FROM reclear(:comp);

-- no faster than it can: 100 kW from one half-hour to the next
BEGIN;
SELECT announce('ramp', '[{"node":101,"window":"2030-01-10T17:00Z/PT30M","kw":50},{"node":101,"window":"2030-01-10T17:30Z/PT30M","kw":400},{"node":101,"window":"2030-01-10T18:00Z/PT30M","kw":400}]') AS comp \gset
SELECT bid(:comp, 11, 400, '2030-01-10T17:00Z/PT30M', 10) AS one, bid(:comp, 11, 400, '2030-01-10T17:30Z/PT30M', 10) AS two, bid(:comp, 11, 400, '2030-01-10T18:00Z/PT30M', 10) AS three,
       bid(:comp, 21, 400, '2030-01-10T17:30Z/PT1H', 100) AS other \gset
INSERT INTO bid_group (competition_id, service_provider_id, kind, most_change_kw) VALUES (:comp, 3, 'ramp', 100) RETURNING id AS ramp \gset
INSERT INTO bid_group_member (bid_group_id, bid_id) VALUES (:ramp, :one), (:ramp, :two), (:ramp, :three);
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
SELECT * FROM result(:comp);

-- ---------------------------------------------------------------- places, and what can be sent between them

BEGIN;
SELECT announce('places', '[{"node":101,"window":"2030-01-11T17:00Z/PT30M","kw":300},{"node":103,"window":"2030-01-11T17:00Z/PT30M","kw":300}]', '{"pricing":"pay_as_clear","clearing_price":"marginal"}') AS comp \gset
INSERT INTO competition_transfer_limit (competition_id, from_grid_node_id, to_grid_node_id, delivery_window, forward_kw, backward_kw) VALUES (:comp, 101, 103, '2030-01-11T17:00Z/PT30M', 120, 10);
SELECT bid(:comp, 11, 500, '2030-01-11T17:00Z/PT30M', 50), bid(:comp, 13, 100, '2030-01-11T17:00Z/PT30M', 70), bid(:comp, 23, 400, '2030-01-11T17:00Z/PT30M', 90) \g /dev/null
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
SELECT * FROM result(:comp);
SELECT * FROM prices(:comp);
SELECT least, most, flow_kw FROM clearing_flow WHERE clearing_id = official_clearing(:comp);

-- ---------------------------------------------------------------- no award that the rules would not let stand

-- 500 kW of asset 21 are offered twice, and 300 kW of asset 11 are sold already
BEGIN;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 11, 'up', 300, '2030-01-12T16:00Z/PT3H');
SELECT announce('rules', '[{"node":101,"window":"2030-01-12T17:00Z/PT30M","kw":1100},{"product":2,"node":101,"window":"2030-01-12T17:00Z/PT30M","kw":200,"availability":50}]') AS comp \gset
SELECT bid(:comp, 11, 200, '2030-01-12T17:00Z/PT30M', 20), bid(:comp, 21, 400, '2030-01-12T17:00Z/PT30M', 30), bid(:comp, 21, 400, '2030-01-12T17:00Z/PT30M', 40), bid(:comp, 22, 500, '2030-01-12T17:00Z/PT30M', 90) \g /dev/null
-- one asset, two products: the rules know whether both may be sold
SELECT bid(:comp, 12, 200, '2030-01-12T17:00Z/PT30M', 10), bid(:comp, 12, 200, '2030-01-12T17:00Z/PT30M', 10, 20, 2) \g /dev/null
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost, gap < 1e-6 AS proved FROM clear_competition(:comp);
SELECT rule_rounds > 0 AS asked_the_rules FROM clearing WHERE id = official_clearing(:comp);
SELECT * FROM result(:comp);
SELECT DISTINCT because, most FROM clearing_limit WHERE clearing_id = official_clearing(:comp) UNION SELECT because, NULL FROM clearing_exclusion WHERE clearing_id = official_clearing(:comp) ORDER BY 1;
SELECT count(*) AS blocking FROM conflict WHERE severity = 'blocking' AND closed_at IS NULL;
SELECT award_competition(:comp);
SELECT count(*) AS blocking FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE severity = 'blocking' AND k.closed_at IS NULL AND c.stage = 'award';

-- sold elsewhere between clearing and award: not awarded, but cleared again
BEGIN;
SELECT announce('late', '[{"node":101,"window":"2030-01-13T17:00Z/PT30M","kw":400}]') AS comp \gset
SELECT bid(:comp, 11, 400, '2030-01-13T17:00Z/PT30M', 20), bid(:comp, 21, 400, '2030-01-13T17:00Z/PT30M', 30) \g /dev/null
COMMIT;
SELECT close_gate(:comp);
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 3, 11, 'up', 300, '2030-01-13T16:00Z/PT3H');
\set VERBOSITY sqlstate
SELECT award_competition(:comp);
\set VERBOSITY default
SELECT take_competition_step(:comp, 'closed', 'a unit was sold elsewhere');
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
SELECT * FROM result(:comp);
SELECT award_competition(:comp);

-- ---------------------------------------------------------------- other weights

BEGIN;
SELECT announce('weights', '[{"node":101,"window":"2030-01-14T17:00Z/PT1H","kw":300}]', '{"carbon_weight":1,"carbon_price_per_t":100,"unserved_price_per_mwh":6000}') AS comp \gset
SELECT bid(:comp, 11, 300, '2030-01-14T17:00Z/PT1H', 100) AS dirty, bid(:comp, 12, 300, '2030-01-14T17:00Z/PT1H', 140) AS clean, bid(:comp, 21, 300, '2030-01-14T17:00Z/PT1H', 120) AS unsure, bid(:comp, 22, 300, '2030-01-14T17:00Z/PT1H', 160) AS cleanest \gset
INSERT INTO bid_terms (bid_id, carbon_g_per_kwh, reliability) VALUES (:dirty, 700, 1), (:clean, 100, 1), (:unsure, 0, 0.99), (:cleanest, 0, 1);
COMMIT;
SELECT close_gate(:comp);
-- 100 + 70, 140 + 10, 120 + 0 + 60, 160: by cost alone the first, by carbon alone the third or the last
SELECT purpose, round(cost::numeric, 2) AS cost FROM clear_competition(:comp);
SELECT c.purpose, b.asset_id, r.reason FROM clearing_bid r JOIN clearing c ON c.id = r.clearing_id JOIN bid b ON b.id = r.bid_id WHERE c.competition_id = :comp ORDER BY c.id, b.asset_id;
SELECT purpose, is_same FROM reclear(:comp);
-- ---------------------------------------------------------------- judged by itself, all that was cleared here

SELECT count(DISTINCT k.clearing_id) AS clearings, count(*) > 50 AS rules, count(*) FILTER (WHERE NOT k.holds) AS broken FROM competition c CROSS JOIN LATERAL certificate(c.id) k;
SELECT c.name, k.purpose, k.rule, k.subject, k.detail FROM competition c CROSS JOIN LATERAL certificate(c.id) k WHERE NOT k.holds;
-- whoever changes what was kept is found out
UPDATE clearing_order SET share = share / 2 WHERE clearing_id = 1 AND order_id = 1;
SELECT DISTINCT k.rule FROM certificate((SELECT competition_id FROM clearing WHERE id = 1)) k WHERE NOT k.holds ORDER BY 1;
SELECT is_same, orders_differing FROM reclear((SELECT competition_id FROM clearing WHERE id = 1));
SELECT flexexchange.drop_exchange('clear_test', true);
DROP ROLE clear_operator, clear_dso, clear_volt, clear_amp;
