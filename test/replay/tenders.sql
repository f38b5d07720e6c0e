-- Tenders of a distribution operator, replayed as competitions: a lot is a zone, an opportunity and its windows.
--
-- A file repeats an offer for each technology in it, with the whole of its kW: an offer counts once by lot, company, kW, prices and outcome. The rule that is replayed: offers in the order of their price
-- (availability + utilisation + Sustain, in the units of the lot) until the need is met, the last one whole; all are paid the ceiling while the need is not met, the highest price taken otherwise.
-- Of two offers that differ in nothing but their outcome, either may be called the first: it is the accepted one.

CREATE TABLE replay.lot (lot_id bigint, zone text, opportunity text, windows text, product text, need_kw float8, availability numeric, utilisation numeric, sustain numeric);
CREATE TABLE replay.offer (order_id bigint, lot_id bigint, company text, kw float8, availability numeric, utilisation numeric, sustain numeric, outcome text, accepted_kw float8,
                           awarded_availability numeric, awarded_utilisation numeric, awarded_sustain numeric);
CREATE TABLE replay.lot_result (lot_id bigint, price float8, shortfall float8, price_setter bigint);
CREATE TABLE replay.offer_result (order_id bigint, share float8, reason text);

CREATE TABLE replay.competition_lot (lot_id bigint, requirement_id bigint, price numeric, shortfall float8);
CREATE TABLE replay.competition_offer (order_id bigint, bid_id bigint, accepted_kw numeric, reason text);

CREATE PROCEDURE replay.prepare_tenders(staging regclass) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format($q$
    INSERT INTO replay.lot
    SELECT row_number() OVER (ORDER BY zone_code COLLATE "C", opportunity_name COLLATE "C", trade_windows COLLATE "C"), zone_code, opportunity_name, trade_windows, min(product), max(peak_tendered_kw::float8),
           max(ceiling_availability_price::numeric), max(ceiling_utilisation_price::numeric), max(ceiling_sustain_price::numeric)
    FROM %s WHERE trade_outcome IN ('Accepted', 'Rejected') GROUP BY zone_code, opportunity_name, trade_windows$q$, staging);
  EXECUTE format($q$
    INSERT INTO replay.offer
    SELECT row_number() OVER (ORDER BY lot_id, company COLLATE "C", kw, availability, utilisation, sustain, outcome COLLATE "C"), x.*
    FROM (SELECT DISTINCT l.lot_id, s.company_name AS company, s.offered_kw::float8 AS kw, s.offered_availability_price::numeric AS availability, s.offered_utilisation_price::numeric AS utilisation, s.offered_sustain_price::numeric AS sustain,
                 s.trade_outcome AS outcome, s.accepted_kw::float8, s.awarded_availability_price::numeric, s.awarded_utilisation_price::numeric, s.awarded_sustain_price::numeric
          FROM %s s JOIN replay.lot l ON (l.zone, l.opportunity, l.windows) = (s.zone_code, s.opportunity_name, s.trade_windows) WHERE s.trade_outcome IN ('Accepted', 'Rejected')) x$q$, staging);
END $$;

CREATE PROCEDURE replay.clear_tenders() LANGUAGE plpgsql AS $$
DECLARE
  r record;
BEGIN
  SELECT * INTO r FROM flexexchange.clear_orders(
    'SELECT order_id, lot_id AS cell, kw AS quantity, (availability + utilisation + sustain)::float8 AS price FROM replay.offer WHERE kw > 0 ORDER BY order_id',
    'SELECT lot_id AS cell, need_kw AS requirement, (availability + utilisation + sustain)::float8 AS ceiling, true AS at_least FROM replay.lot ORDER BY lot_id', pricing => 'highest_accepted');
  INSERT INTO replay.lot_result SELECT * FROM unnest(r.cell, r.price, r.shortfall, r.price_setter);
  INSERT INTO replay.offer_result SELECT * FROM unnest(r.order_id, r.share, r.reason);
END $$;

-- The same as competitions of the exchange, one for each lot at a place of its own, each offer with an asset of its own. Prices of a lot are added up to one, which stands as the price of utilisation in a window of an hour.
CREATE PROCEDURE replay.compete() LANGUAGE plpgsql AS $$
DECLARE
  buyer bigint;
  traded bigint;
  held bigint;
  made bigint;
BEGIN
  INSERT INTO participant (name, kinds) VALUES ('buyer of the tenders', '{market_operator}') RETURNING id INTO buyer;
  INSERT INTO participant (name, kinds) SELECT DISTINCT company, ARRAY['service_provider'] FROM replay.offer o WHERE NOT EXISTS (SELECT FROM participant p WHERE lower(p.name) = lower(o.company));
  INSERT INTO market (code, name, market_operator_id) VALUES ('replay', 'tenders replayed', buyer) RETURNING id INTO held;
  INSERT INTO product (market_id, code, name, service_code, paid_for) VALUES (held, 'lot', 'a lot', 'SU', '{utilisation}') RETURNING id INTO traded;
  INSERT INTO grid_node (kind, name, operator_id) SELECT 'zone', 'lot ' || lot_id, buyer FROM replay.lot ORDER BY lot_id;
  INSERT INTO asset (name, grid_node_id) SELECT 'offer ' || order_id, g.id FROM replay.offer o JOIN grid_node g ON g.name = 'lot ' || o.lot_id WHERE o.kw > 0 ORDER BY order_id;
  INSERT INTO asset_operator (asset_id, service_provider_id, valid)
  SELECT a.id, p.id, '2020-01-01T00:00Z/infinity' FROM replay.offer o JOIN asset a ON a.name = 'offer ' || o.order_id JOIN participant p ON lower(p.name) = lower(o.company);
  INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at) SELECT traded, 'lot ' || lot_id, now() - interval '1 hour', now() + interval '1 hour' FROM replay.lot ORDER BY lot_id;
  INSERT INTO competition_terms (competition_id, pricing, clearing_price) SELECT id, 'pay_as_clear', 'highest_accepted' FROM competition WHERE product_id = traded;
  INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw, ceiling_utilisation_price_per_mwh)
  SELECT c.id, traded, g.id, '2030-01-07T17:00Z/PT1H', 'up', l.need_kw, l.availability + l.utilisation + l.sustain
  FROM replay.lot l JOIN grid_node g ON g.name = 'lot ' || l.lot_id AND g.operator_id = buyer JOIN competition c ON c.name = g.name AND c.product_id = traded ORDER BY l.lot_id;
  COMMIT;
  ANALYZE;
  WITH written AS (
    INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
    SELECT c.id, traded, p.id, a.id, 'up', o.kw, '2030-01-07T17:00Z/PT1H', o.availability + o.utilisation + o.sustain
    FROM replay.offer o JOIN asset a ON a.name = 'offer ' || o.order_id JOIN participant p ON lower(p.name) = lower(o.company) JOIN competition c ON c.name = 'lot ' || o.lot_id AND c.product_id = traded ORDER BY o.order_id
    RETURNING id, asset_id)
  INSERT INTO replay.competition_offer (order_id, bid_id) SELECT substr(a.name, 7)::bigint, w.id FROM written w JOIN asset a ON a.id = w.asset_id;
  COMMIT;
  UPDATE competition SET gate_closes_at = clock_timestamp() WHERE product_id = traded;
  COMMIT;
  PERFORM count(*) FROM advance_competitions();
  COMMIT;
  ANALYZE;
  FOR made IN SELECT id FROM competition WHERE product_id = traded AND EXISTS (SELECT FROM bid b WHERE b.competition_id = competition.id) ORDER BY id LOOP
    PERFORM count(*) FROM clear_competition(made);
    INSERT INTO replay.competition_lot
    SELECT substr(c.name, 5)::bigint, k.requirement_id, round((k.price_per_kw * 1000 / k.hours)::numeric, 4), k.shortfall_kw FROM clearing_cell k JOIN competition c ON c.id = made WHERE k.clearing_id = official_clearing(made);
    UPDATE replay.competition_offer o SET accepted_kw = r.accepted_kw, reason = r.reason FROM clearing_bid r WHERE r.bid_id = o.bid_id AND r.clearing_id = official_clearing(made);
    COMMIT;
  END LOOP;
END $$;

-- what was awarded beside what the rule gives: the ceiling, or the prices of the offer that sets it
CREATE VIEW replay.lot_answer AS
  SELECT l.*, o.offered_kw, o.awarded_kw, o.taken_kw, o.awards, o.taken, o.awarded, o.prices,
         CASE WHEN r.price = (l.availability + l.utilisation + l.sustain)::float8 THEN (l.availability, l.utilisation, l.sustain)::text ELSE (s.availability, s.utilisation, s.sustain)::text END AS price
  FROM replay.lot l
  JOIN (SELECT o.lot_id, sum(o.kw) AS offered_kw, coalesce(sum(o.accepted_kw) FILTER (WHERE o.outcome = 'Accepted'), 0) AS awarded_kw, coalesce(sum(o.kw) FILTER (WHERE r.share > 0), 0) AS taken_kw,
               count(*) FILTER (WHERE o.outcome = 'Accepted') AS awards, count(*) FILTER (WHERE r.share > 0) AS taken,
               min((o.awarded_availability, o.awarded_utilisation, o.awarded_sustain)::text) FILTER (WHERE o.outcome = 'Accepted') AS awarded,
               count(DISTINCT (o.awarded_availability, o.awarded_utilisation, o.awarded_sustain)) FILTER (WHERE o.outcome = 'Accepted') AS prices
        FROM replay.offer o LEFT JOIN replay.offer_result r USING (order_id) GROUP BY o.lot_id) o USING (lot_id)
  JOIN replay.lot_result r USING (lot_id)
  LEFT JOIN replay.offer s ON s.order_id = r.price_setter;

CREATE FUNCTION replay.tender_page() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NEXT (SELECT format('%s offers in %s lots, %s of them with awards; %s of the offers were accepted, %s of them whole.', count(*), count(DISTINCT o.lot_id), count(DISTINCT o.lot_id) FILTER (WHERE outcome = 'Accepted'),
                             count(*) FILTER (WHERE outcome = 'Accepted'), count(*) FILTER (WHERE outcome = 'Accepted' AND accepted_kw = kw)) FROM replay.offer o);
  RETURN NEXT E'\n| awarded prices | lots | reproduced |\n|---|---|---|';
  RETURN QUERY
    SELECT format('| %s | %s | %s |', coalesce(substr(kind, 3), 'all'), count(*), replay.share_of(count(*) FILTER (WHERE prices = 1 AND awarded = price), count(*)))
    FROM (SELECT *, CASE WHEN offered_kw < need_kw THEN '1 offered below the need: the ceiling' WHEN offered_kw = need_kw THEN '2 offered exactly: the highest accepted, which is the ceiling'
                         WHEN price = (availability, utilisation, sustain)::text THEN '3 offered above the need: the highest accepted, which is the ceiling' ELSE '4 offered above the need: the highest accepted, below the ceiling' END AS kind
          FROM replay.lot_answer WHERE awards > 0) l GROUP BY ROLLUP (kind) ORDER BY kind;
  RETURN NEXT E'\n| the same lots as competitions of the exchange | |\n|---|---|';
  RETURN QUERY
    SELECT format('| awarded prices, added up, reproduced | %s |', replay.share_of(count(*) FILTER (WHERE c.price = o.awarded), count(*)))
    FROM (SELECT lot_id, min(awarded_availability + awarded_utilisation + awarded_sustain) AS awarded FROM replay.offer WHERE outcome = 'Accepted' GROUP BY lot_id) o LEFT JOIN replay.competition_lot c USING (lot_id)
    UNION ALL
    SELECT format('| offers taken as by clear_orders | %s |', replay.share_of(count(*) FILTER (WHERE (c.accepted_kw > 0) = (r.share > 0)), count(*))) FROM replay.offer_result r LEFT JOIN replay.competition_offer c USING (order_id);
  RETURN NEXT E'\n| acceptance | offers | right |\n|---|---|---|';
  RETURN QUERY
    SELECT format('| %s | %s | %s |', v.rule, count(*), replay.share_of(count(*) FILTER (WHERE v.accepts = (o.outcome = 'Accepted')), count(*)))
    FROM replay.offer o LEFT JOIN replay.offer_result r USING (order_id)
    CROSS JOIN LATERAL (VALUES (1, 'accept all at the ceiling', true), (2, 'the same, but nothing where nothing is offered', o.kw > 0), (3, 'in the order of price until the need is met', coalesce(r.share > 0, false))) v (n, rule, accepts)
    GROUP BY v.n, v.rule ORDER BY v.n;
  RETURN NEXT E'\n| lots offered above the need | need, kW | offered | awarded kW, offers, prices | replayed kW, offers, prices | |\n|---|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s, %s, %s | %s | %s | %s, %s, %s | %s, %s, %s | %s |', zone, opportunity, replace(windows, '"', ''), need_kw, round(offered_kw::numeric, 2), round(awarded_kw::numeric, 2), awards, coalesce(awarded, 'none'), round(taken_kw::numeric, 2), taken, price,
                  CASE WHEN awards = taken AND abs(awarded_kw - taken_kw) < 0.01 AND awarded = price THEN 'same' WHEN awarded = price THEN 'same price' ELSE 'differs' END)
    FROM replay.lot_answer WHERE offered_kw > need_kw ORDER BY offered_kw / need_kw, lot_id;
  RETURN NEXT E'\n| rejected offers | kW | need, kW | prices | ceilings | replayed as | |\n|---|---|---|---|---|---|---|';
  RETURN QUERY
    SELECT format('| %s, %s, %s: %s | %s | %s | %s | %s | %s | %s |', l.zone, l.opportunity, replace(l.windows, '"', ''), o.company, o.kw, l.need_kw, (o.availability, o.utilisation, o.sustain)::text, (l.availability, l.utilisation, l.sustain)::text,
                  coalesce(r.reason, 'nothing offered'),
                  CASE WHEN o.kw = 0 THEN 'reproduced: 0 kW' WHEN r.share = 0 THEN 'reproduced: the need was met before it'
                       WHEN EXISTS (SELECT FROM replay.offer p JOIN replay.lot m USING (lot_id) WHERE p.outcome = 'Accepted' AND (p.company, p.kw, p.availability, p.utilisation, p.sustain) = (o.company, o.kw, o.availability, o.utilisation, o.sustain)
                                    AND (m.zone, m.need_kw, m.availability, m.utilisation, m.sustain) = (l.zone, l.need_kw, l.availability, l.utilisation, l.sustain)) THEN 'no reason in the data: the same offer for the same need was accepted in another lot of the zone'
                       WHEN l.awards = 0 THEN 'no reason in the data: first in the order of price, and nobody else was awarded'
                       ELSE 'no reason in the data' END)
    FROM replay.offer o JOIN replay.lot_answer l USING (lot_id) LEFT JOIN replay.offer_result r USING (order_id) WHERE o.outcome = 'Rejected' ORDER BY o.kw > 0, o.order_id;
END $$;
