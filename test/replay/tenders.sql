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
