-- Advice: figures that anybody can work out anew from what the asker may read, sets that the rules engine lets stand, and
-- nothing of others.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('advice_test');
SET search_path = advice_test, flexexchange;
-- below them rows are written with ids of their own
SELECT setval('trade_id', 100000), setval(pg_get_serial_sequence('need', 'id'), 100);
CREATE ROLE adv_dso IN ROLE flexexchange_participant;
CREATE ROLE adv_neso IN ROLE flexexchange_participant;
CREATE ROLE adv_seller IN ROLE flexexchange_participant;
CREATE ROLE adv_rival IN ROLE flexexchange_participant;
CREATE ROLE adv_operator IN ROLE flexexchange_operator;
INSERT INTO participant (id, name, kinds) SELECT n, 'participant ' || n, CASE WHEN n <= 2 THEN '{market_operator}' ELSE '{service_provider}' END::text[] FROM generate_series(1, 9) n;
INSERT INTO participant_login (role_name, participant_id) VALUES ('adv_dso', 1), ('adv_neso', 2), ('adv_seller', 3), ('adv_rival', 4);
INSERT INTO grid_node (id, kind, name) VALUES (1001, 'gsp', 'North'), (1002, 'primary', 'Mill'), (1003, 'primary', 'Quay');
INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (1002, 1001), (1003, 1001);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local', 1), (2, 'so', 'System', 2);
INSERT INTO product (id, market_id, code, name, service_code, utilisation, paid_for, spec) VALUES
  (1, 1, 'PR', 'Peak reduction', 'PR', 'scheduled', '{utilisation}', '{"unit": {"up_kw": {"min": 50}}}'),
  (2, 1, 'SU', 'Scheduled use', 'SU', 'instructed', '{availability,utilisation}', NULL),
  (3, 2, 'DC', 'Containment', 'DC', 'instructed', '{availability}', '{"member": {"notice": {"max": "PT1S"}}}'),
  (4, 2, 'CM', 'Capacity', 'CM', 'instructed', '{availability}', NULL);
INSERT INTO asset (id, name, technology, qualified_up_kw, qualified_down_kw, grid_node_id, profile) VALUES
  (11, 'battery', 'BESS', 100, 100, 1002, '{"technology": "BESS", "up_kw": 100, "notice": "PT1S"}'), (12, 'boiler', 'CHP', 40, NULL, 1003, '{"technology": "CHP", "up_kw": 40, "notice": "PT5M"}'),
  (13, 'rival''s battery', 'BESS', 100, 100, 1003, '{"technology": "BESS", "up_kw": 100, "notice": "PT1S"}');
INSERT INTO asset_operator VALUES (11, 3, '-infinity/infinity'), (12, 3, '-infinity/infinity'), (13, 4, '-infinity/infinity');
INSERT INTO portfolio (id, name, service_provider_id) VALUES (15, 'both', 3);
INSERT INTO portfolio_member VALUES (15, 11, 60, 60, '-infinity/infinity'), (15, 12, 40, NULL, '-infinity/infinity');

-- shares: 8 of 10 lie between 0.60 and 0.91 in 8 cases of 10 (Wilson), none and all are no certainties
SELECT * FROM share_interval(8, 10) UNION ALL SELECT * FROM share_interval(0, 5) UNION ALL SELECT * FROM share_interval(5, 5) UNION ALL SELECT * FROM share_interval(0, 0);
-- sets that are joined and cannot be made larger, beside all subsets looked at one by one
CREATE TEMP TABLE graph AS
  SELECT g, ARRAY(SELECT (SELECT coalesce(sum(1::bigint << j), 0) FROM generate_series(1, 7) j WHERE i <> j AND (hashint8extended(least(i, j) * 8 + greatest(i, j), g) & 3) <> 0)::bigint FROM generate_series(1, 7) i) AS adjacent FROM generate_series(1, 60) g;
WITH joined AS (SELECT g, s, adjacent FROM graph, generate_series(2, 254, 2) s WHERE NOT EXISTS (SELECT FROM generate_series(1, 7) i WHERE s & (1 << i) <> 0 AND s & ~(adjacent[i] | (1 << i)) <> 0)),
  naive AS (SELECT g, s::bigint FROM joined a WHERE NOT EXISTS (SELECT FROM joined b WHERE b.g = a.g AND b.s <> a.s AND b.s & a.s = a.s)),
  found AS (SELECT g, s FROM graph, maximal_cliques(adjacent, 0, 254, 0) s)
SELECT (SELECT count(*) FROM found) > 150 AS many, count(*) AS differing FROM ((TABLE naive EXCEPT ALL TABLE found) UNION ALL (TABLE found EXCEPT ALL TABLE naive)) d;

-- what is open: three competitions and a need with a window
BEGIN;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES
  (1, 1, 'evening', now() - interval '1 hour', now() + interval '1 day'), (2, 3, 'containment', now() - interval '1 hour', now() + interval '1 day'), (3, 4, 'capacity', now() - interval '1 hour', now() + interval '1 day'),
  (4, 1, 'over', now() - interval '2 hours', now() - interval '1 hour');
INSERT INTO competition_terms (competition_id, ceiling_utilisation_price_per_mwh) SELECT id, 170 FROM competition WHERE id <> 4;
INSERT INTO competition_requirement (competition_id, product_id, grid_node_id, delivery_window, direction, power_kw) VALUES
  (1, 1, 1001, '2099-01-10T17:00Z/PT1H', 'up', 60), (1, 1, 1003, '2099-01-10T18:00Z/PT1H', 'up', 60), (1, 1, 1002, '2099-01-10T18:00Z/PT1H', 'up', 500),
  (2, 3, NULL, '2099-01-10T16:00Z/PT4H', 'up', 1000), (3, 4, NULL, '2099-01-10T16:00Z/PT4H', 'up', 1000), (4, 1, NULL, '2099-01-10T16:00Z/PT4H', 'up', 1000);
INSERT INTO requirement_reserve (requirement_id, utilisation_price_per_mwh) SELECT id, 111.11 FROM competition_requirement WHERE competition_id = 1;
COMMIT;
INSERT INTO need (id, market_operator_id, service_code, name, grid_node_id, direction, power_kw, delivery_window, status, guide_availability_price_per_mw_h) VALUES
  (1, 1, 'SU', 'winter', 1002, 'up', 40, '2099-01-01T00:00Z/P30D', 'published', 20), (2, 1, 'SU', 'secret plan', 1002, 'up', 40, '2099-01-01T00:00Z/P30D', 'draft', 77), (3, 2, 'DC', 'of another', NULL, 'up', 40, '2099-01-05T00:00Z/P1D', 'published', NULL);
INSERT INTO need_window VALUES (1, '2099-01-10T19:00Z/PT2H', 40), (1, '2099-01-11T19:00Z/PT2H', 40);

-- nothing is known yet, and nothing is said
SET ROLE adv_seller;
SELECT place, product_code AS product, delivery_window, wanted_kw, offer_kw, eligible, bars, basis, mean_revenue, chance, named_price_revenue AS named, best_kw FROM best_products(11, '2099-01-10T00:00Z/P1D');
-- what the boiler lacks, and the portfolio
SELECT product_code AS product, eligible, missing FROM best_products(12, '2099-01-10T00:00Z/P1D') ORDER BY product_id, place;
SELECT product_code AS product, delivery_window, eligible, offer_kw, missing FROM best_products(15, '2099-01-10T00:00Z/P1D') ORDER BY product_id, place;
RESET ROLE;

-- a past: awards and decided bids of the seller, with prices that differ, some in another place
SET session_replication_role = replica;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at, status) VALUES (90, 1, 'past', now() - interval '1 year', now() - interval '200 days', 'final'), (91, 1, 'cancelled', now() - interval '1 year', now() - interval '200 days', 'cancelled');
CREATE FUNCTION pg_temp.past(days numeric) RETURNS time_window LANGUAGE sql AS $$ SELECT time_window(now() - days * interval '1 day', now() - days * interval '1 day' + interval '1 hour') $$;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status)
  SELECT 100 + n, CASE WHEN n <= 30 THEN 1 WHEN n <= 60 THEN 2 ELSE 4 END, 3, CASE WHEN n % 2 = 0 THEN 11 ELSE 12 END, 'up', 20 + n, pg_temp.past(1 + n), CASE WHEN n > 30 THEN 5 + (hashint8(n) & 15) END, CASE WHEN n <= 60 THEN 100 + (hashint8(n) & 127) END,
         CASE WHEN n % 10 = 0 THEN 'released' ELSE 'awarded' END FROM generate_series(1, 64) n;
-- too old, and of another direction
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (180, 1, 3, 11, 'up', 50, pg_temp.past(400), 9999), (181, 1, 3, 11, 'down', 50, pg_temp.past(3), 9999);
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT 200 + n, 130 + n, 2, 3, 11, 'up', 25, pg_temp.past(31 + n), 100 FROM generate_series(1, 9) n;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status)
  SELECT 300 + n, CASE WHEN n = 20 THEN 91 ELSE 90 END, 1, 3, 11, 'up', 50, pg_temp.past(n), 60 + 10 * n, CASE WHEN n = 19 THEN 'withdrawn' WHEN n = 18 THEN 'rejected' WHEN n > 8 AND n % 2 = 0 THEN 'lapsed' ELSE 'awarded' END FROM generate_series(1, 20) n;
-- two that a clearing rejected: one as too dear, one for a conflict
INSERT INTO clearing (id, competition_id, purpose, cost_weight, carbon_weight, security_weight, pricing, surplus_share, max_gap, max_seconds, seed, library_version, ties) OVERRIDING SYSTEM VALUE VALUES (1, 90, 'official', 1, 0, 1, 'none', 0, 0, 1, 1, 'x', 'order');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status) SELECT 320 + n, 90, 1, 3, 11, 'up', 50, pg_temp.past(n), 90, 'rejected' FROM generate_series(1, 2) n;
INSERT INTO clearing_bid (clearing_id, bid_id, competition_id, service_provider_id, offered_kw, accepted_kw, result, reason) VALUES (1, 321, 90, 3, 50, 0, 'rejected', 'too_dear'), (1, 322, 90, 3, 50, 0, 'rejected', 'conflict');
RESET session_replication_role;
SET ROLE adv_seller;
SELECT place, product_code AS product, delivery_window, offer_kw, basis, history, used_share, price_per_mw_h AS price, chance, chance_low AS low, chance_high AS high, chance_history AS of, low_revenue, median_revenue, high_revenue, mean_revenue, expected_revenue, best_kw
FROM best_products(11, '2099-01-10T00:00Z/P1D');
CREATE TEMP TABLE advised AS SELECT * FROM best_products(11, '2099-01-10T00:00Z/P1D');
RESET ROLE;

-- the oracle: sorted by hand, interpolated by hand, counted by hand
CREATE FUNCTION pg_temp.point(sorted numeric[], p numeric) RETURNS numeric LANGUAGE sql AS $$
  SELECT sorted[1 + floor(p * (cardinality(sorted) - 1))] + (p * (cardinality(sorted) - 1) - floor(p * (cardinality(sorted) - 1))) * (sorted[least(2 + floor(p * (cardinality(sorted) - 1)), cardinality(sorted))] - sorted[1 + floor(p * (cardinality(sorted) - 1))]) $$;
CREATE FUNCTION pg_temp.check_advice(advised regclass, home bigint) RETURNS TABLE (product text, compared bigint, differing bigint) LANGUAGE plpgsql AS $$
DECLARE a record; value numeric[]; use numeric; price numeric; met bigint; refused bigint; mw_hours numeric; sold_mwh numeric; same boolean; here numeric[];
BEGIN
  CREATE TEMP TABLE outcome (product text, same boolean) ON COMMIT DROP;
  FOR a IN EXECUTE format('SELECT * FROM %s WHERE mean_revenue IS NOT NULL AND basis LIKE ''own sales%%''', advised) LOOP
    mw_hours := a.offer_kw / 1000 * extract(epoch FROM upper(a.delivery_window) - lower(a.delivery_window)) / 3600;
    SELECT CASE WHEN a.product_id = 1 THEN 1 ELSE round((SELECT coalesce(sum(power_kw), 0) FROM dispatch d WHERE d.product_id = a.product_id AND d.award_id IS NOT NULL) / (SELECT sum(power_kw) FROM award w WHERE w.product_id = a.product_id AND status = 'awarded'), 20) END INTO use;
    SELECT array_agg(v ORDER BY v), array_agg(v ORDER BY v) FILTER (WHERE node = home) INTO value, here
    FROM (SELECT coalesce(w.availability_price_per_mw_h, 0) + coalesce(CASE WHEN a.competition_id IS NOT NULL THEN least(w.utilisation_price_per_mwh, 170) ELSE w.utilisation_price_per_mwh END, 0) * use AS v, x.grid_node_id AS node
          FROM award w JOIN asset x ON x.id = w.asset_id WHERE w.product_id = a.product_id AND w.service_provider_id = 3 AND w.direction = a.direction AND w.status = 'awarded' AND w.id < 180) q;
    value := CASE WHEN a.basis = 'own sales at the place' THEN here ELSE value END;
    price := pg_temp.point(value, 0.5);
    SELECT count(*) FILTER (WHERE b.status = 'awarded' AND b.utilisation_price_per_mwh >= price), count(*) FILTER (WHERE (b.status = 'lapsed' AND b.competition_id = 90 OR b.id = 321) AND b.utilisation_price_per_mwh <= price) INTO met, refused
    FROM bid b WHERE b.product_id = a.product_id AND b.service_provider_id = 3 AND b.id BETWEEN 300 AND 400;
    same := abs(a.low_revenue - mw_hours * pg_temp.point(value, 0.1)) < 0.01 AND abs(a.median_revenue - mw_hours * price) < 0.01 AND abs(a.high_revenue - mw_hours * pg_temp.point(value, 0.9)) < 0.01
            AND abs(a.mean_revenue - mw_hours * (SELECT sum(v) / count(*) FROM unnest(value) v)) < 0.01 AND a.history = cardinality(value)
            AND CASE WHEN met + refused < 5 THEN num_nulls(a.chance, a.expected_revenue) = 2
                     ELSE abs(a.chance - met::numeric / (met + refused)) < 0.0001 AND abs(a.expected_revenue - mw_hours * (SELECT sum(v) / count(*) FROM unnest(value) v) * met / (met + refused)) < 0.02 END;
    INSERT INTO outcome VALUES (a.product_code, same);
  END LOOP;
  RETURN QUERY SELECT o.product, count(*), count(*) FILTER (WHERE o.same IS NOT TRUE) FROM outcome o GROUP BY 1 ORDER BY 1;
  DROP TABLE outcome;
END $$;
SELECT * FROM pg_temp.check_advice('advised', 1002);
-- few trades are none: with a greater least history nothing is said
SET ROLE adv_seller;
SELECT DISTINCT basis, mean_revenue, chance FROM best_products(11, '2099-01-10T00:00Z/P1D', least_history => 100);
RESET ROLE;

-- ------------------------------------------------------------------ sets that stand together

-- an obligation bars what the rules bar, and leaves what is left
SET ROLE adv_neso;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (3, 3, 11, 'up', 30, '2099-01-10T17:30Z/PT1H');
RESET ROLE;
SET ROLE adv_seller;
SELECT product_code AS product, delivery_window, offer_kw, jsonb_array_length(barred_by) AS barred, bars, best_kw FROM best_products(11, '2099-01-10T00:00Z/P1D') ORDER BY place;
SELECT product_code AS product, offer_kw FROM best_products(15, '2099-01-10T00:00Z/P1D') ORDER BY product_id, place;
SELECT b.product_code AS product, b.best_kw, v.verdict FROM best_products(11, '2099-01-10T00:00Z/P1D') b CROSS JOIN LATERAL validate_bid(b.product_id, b.direction, b.best_kw, b.delivery_window, 11) v WHERE b.best_kw > 0 ORDER BY b.place;
RESET ROLE;
SET ROLE adv_neso;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (4, 3, 11, 'up', 30, '2099-01-10T18:30Z/PT1H');
RESET ROLE;
SET ROLE adv_seller;
SELECT product_code AS product, delivery_window, offer_kw, barred_by #>> '{0,service}' AS service, barred_by #>> '{0,why}' AS why, best_kw FROM best_products(11, '2099-01-10T00:00Z/P1D') ORDER BY place;
RESET ROLE;
UPDATE award SET status = 'released' WHERE delivery_window && '2099-01-10T00:00Z/P1D';
-- what is promised for a lineage counts once: an award of 50, 30 of it dispatched, and 60 dispatched beside leave 40 and 10
BEGIN;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (7001, 3, 3, 11, 'up', 50, '2099-01-10T16:00Z/PT2H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (7002, 7001, 3, 3, 11, 'up', 30, '2099-01-10T16:00Z/PT1H'), (7003, 7001, 3, 3, 11, 'up', 60, '2099-01-10T17:00Z/PT30M');
SELECT at, taken FROM unit_load(11, ARRAY['2099-01-10T16:00Z', '2099-01-10T17:00Z', '2099-01-10T17:30Z', '2099-01-10T18:00Z']::timestamptz[], '2099-01-10T00:00Z/P1D') WHERE direction = 'up' ORDER BY at;
ROLLBACK;

-- random days: the engine lets the best set stand, and no other set in steps of a half is worth more
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) SELECT 7200 + n, 3 + n % 2, 3, 11, 'up', 20, pg_temp.past(n), 20 + n FROM generate_series(1, 14) n;
RESET session_replication_role;
CREATE TEMP TABLE round (unit bigint, obliged bigint, seed integer, rows bigint, conflicts bigint, best numeric, tried numeric, shared boolean);
CREATE FUNCTION pg_temp.try_rounds(seeds integer, unit bigint, obliged bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE r round; h bigint;
BEGIN
  FOR seed IN 1 .. seeds LOOP
    BEGIN
      DELETE FROM need_window WHERE need_id = 1;
      UPDATE competition SET status = 'cancelled' WHERE id <= 3;
      UPDATE need SET status = 'withdrawn' WHERE id = 1;
      INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) SELECT 500 + p, p, 'round', now(), now() + interval '1 day' FROM generate_series(1, 4) p WHERE p <> 2;
      INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (502, 2, 'round', now(), now() + interval '1 day');
      INSERT INTO competition_requirement (competition_id, product_id, delivery_window, direction, power_kw)
        SELECT DISTINCT ON (p) 500 + p, p, time_window('2099-02-01T16:00Z'::timestamptz + (x.h & 3) * interval '1 hour', '2099-02-01T17:00Z'::timestamptz + ((x.h & 3) + (x.h >> 2 & 3)) * interval '1 hour'), 'up', 20 + 10 * (x.h >> 4 & 15)
        FROM generate_series(1, 5) i CROSS JOIN LATERAL (SELECT hashint8extended(i, try_rounds.seeds * 100 + seed) & 1073741823 AS h) x CROSS JOIN LATERAL (SELECT (1 + (x.h >> 8 & 3))::integer AS p) y ORDER BY p, i;
      h := hashint8extended(77, seed) & 1073741823;
      INSERT INTO award (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
        VALUES ((1 + (h & 3)), 3, nullif(obliged, 15), CASE obliged WHEN 15 THEN 15 END, 'up', 10 + 10 * (h >> 2 & 7), time_window('2099-02-01T16:00Z'::timestamptz + (h >> 5 & 3) * interval '1 hour', '2099-02-01T17:00Z'::timestamptz + ((h >> 5 & 3) + (h >> 7 & 1)) * interval '1 hour'));
      CREATE TEMP TABLE day ON COMMIT DROP AS SELECT b.*, coalesce(b.chance * b.mean_revenue, b.mean_revenue / 10000) / b.offer_kw AS per_kw FROM best_products(unit, '2099-02-01T00:00Z/P1D') b WHERE b.offer_kw > 0;
      -- every set in steps of a half, hour by hour: at most one of PR, SU and CM at once (DC stands beside each), 100 kW in all, CM and DC together as much as the greater
      WITH RECURSIVE o AS (SELECT row_number() OVER (ORDER BY place) AS i, * FROM day), promised AS (SELECT p.service_code, a.power_kw, a.delivery_window FROM award a JOIN product p ON p.id = a.product_id WHERE a.live AND a.delivery_window && '2099-02-01T00:00Z/P1D'),
      combination AS (SELECT 0::bigint AS i, '{}'::numeric[] AS kws, 0::numeric AS worth
                      UNION ALL SELECT o.i, c.kws || o.offer_kw * s / 2, c.worth + coalesce(o.per_kw, 0) * o.offer_kw * s / 2 FROM combination c JOIN o ON o.i = c.i + 1 CROSS JOIN generate_series(0, 2) s),
      whole AS (SELECT row_number() OVER () AS c, * FROM combination WHERE i = (SELECT count(*) FROM o)),
      hour AS (SELECT t, time_window(t, t + interval '1 hour') AS w FROM generate_series('2099-02-01T16:00Z'::timestamptz, '2099-02-01T23:00Z', interval '1 hour') t),
      standing AS (SELECT whole.c, hour.t, o.service_code, whole.kws[o.i] AS kw, false AS old FROM whole JOIN o ON whole.kws[o.i] > 0 JOIN hour ON hour.w && o.delivery_window
                   UNION ALL SELECT whole.c, hour.t, p.service_code, p.power_kw, true FROM whole CROSS JOIN promised p JOIN hour ON hour.w && p.delivery_window),
      bad AS (SELECT c FROM (SELECT c, t, service_code, sum(kw) AS kw FROM standing GROUP BY 1, 2, 3) x GROUP BY c, t
              HAVING count(*) FILTER (WHERE service_code <> 'DC') > 1
                  OR CASE WHEN bool_or(service_code = 'CM') THEN greatest(max(kw) FILTER (WHERE service_code = 'CM'), coalesce(max(kw) FILTER (WHERE service_code = 'DC'), 0)) ELSE sum(kw) END > 100)
      SELECT unit, obliged, seed, (SELECT count(*) FROM day), 0, coalesce((SELECT sum(best_kw * per_kw) FROM day), 0), max(w.worth),
             EXISTS (SELECT FROM day a, day b WHERE a.service_code = 'CM' AND b.service_code = 'DC' AND a.best_kw > 0 AND b.best_kw > 0 AND a.delivery_window && b.delivery_window) INTO r
      FROM whole w WHERE NOT EXISTS (SELECT FROM bad b WHERE b.c = w.c);
      SELECT count(*) INTO r.conflicts FROM conflict WHERE closed_at IS NULL;
      INSERT INTO award (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
        SELECT product_id, 3, nullif(unit, 15), CASE unit WHEN 15 THEN 15 END, direction, best_kw, delivery_window FROM day WHERE best_kw > 0;
      r.conflicts := (SELECT count(*) FROM conflict WHERE closed_at IS NULL) - r.conflicts;
      RAISE EXCEPTION USING ERRCODE = 'PT001';
    EXCEPTION WHEN SQLSTATE 'PT001' THEN
      INSERT INTO round SELECT r.*;
    END;
  END LOOP;
END $$;
SELECT pg_temp.try_rounds(60, 11, 11);
-- beside a portfolio, of a portfolio, and of one whose member is sold: what is advised stands, if not always all that might
SELECT pg_temp.try_rounds(40, 11, 15);
SELECT pg_temp.try_rounds(40, 15, 15);
SELECT pg_temp.try_rounds(40, 15, 11);
SELECT unit, obliged, count(*) AS rounds, sum(rows) > 2 * count(*) AS many, count(*) FILTER (WHERE best > 0) > 0.6 * count(*) AS with_a_set, count(*) FILTER (WHERE shared) > 0 AS with_shared_power,
       count(*) FILTER (WHERE conflicts > 0) AS refused_by_the_engine, CASE WHEN (unit, obliged) = (11, 11) THEN count(*) FILTER (WHERE best < tried - 0.001) END AS bettered FROM round GROUP BY 1, 2 ORDER BY 1, 2;
-- the rules are what keeps them apart: without the exclusions the engine refuses
BEGIN;
CREATE OR REPLACE FUNCTION services_together(services text[], during time_window)
RETURNS TABLE (service_a text, service_b text, may_stand_together boolean, share_power boolean, may_follow boolean, within_day boolean, meanings jsonb)
LANGUAGE sql AS $$ SELECT a, b, true, false, true, true, '{}'::jsonb FROM unnest(services) a, unnest(services) b $$;
DELETE FROM round;
SELECT pg_temp.try_rounds(20, 11, 11);
SELECT count(*) FILTER (WHERE conflicts > 0) > 0 AS refused_by_the_engine FROM round;
ROLLBACK;

-- ------------------------------------------------------------------ nothing of others

-- a newcomer knows what was published, and what is hidden it does not: means of months, and their spread where there are enough
INSERT INTO open_statistic (month, subject, market_code, product_code, hidden, number, mw_h, mean_availability_price_per_mw_h)
  SELECT date_trunc('month', now() - n * interval '1 month')::date, 'award', 'so', CASE WHEN n > 6 THEN 'CM' ELSE 'DC' END, n = 6, CASE WHEN n <> 6 THEN 4 END, CASE WHEN n <> 6 THEN n END, CASE WHEN n <> 6 THEN 10 * n END FROM generate_series(1, 8) n;
SET ROLE adv_rival;
SELECT product_code AS product, offer_kw, basis, history, chance, expected_revenue, low_revenue, median_revenue, high_revenue, mean_revenue, best_kw FROM best_products(13, '2099-01-10T00:00Z/P1D') ORDER BY product_id, place;
RESET ROLE;
SELECT sum(0.4 * 10 * n * n) / sum(n) AS mean, 0.4 * 14 AS low, 0.4 * 30 AS median, 0.4 * 46 AS high FROM generate_series(1, 5) n;

-- others' trades, sealed bids and prices change nothing of what a provider is told; its own do
CREATE FUNCTION pg_temp.told(unit bigint) RETURNS text LANGUAGE sql AS $$ SELECT md5(string_agg(b::text, E'\n' ORDER BY place)) FROM advice_test.best_products(unit, '2099-01-10T00:00Z/P1D') b $$;
SET ROLE adv_rival;
SELECT pg_temp.told(13) AS before \gset
RESET ROLE;
SET ROLE adv_seller;
INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (1, 1, 3, 11, 'up', 60, '2099-01-10T18:00Z/PT1H', 33.33);
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh) SELECT 8000 + n, 1 + n % 4, 5, 13, 'up', 50, pg_temp.past(n), 777, 888 FROM generate_series(1, 40) n;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status) SELECT 8100 + n, 90, 1, 5, 13, 'up', 50, pg_temp.past(n), 999, 'awarded' FROM generate_series(1, 20) n;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) VALUES ('bid', 8200, 11, 'asset', 'PR', 1, 1, 3, 'up', 60, '2099-01-10T18:00Z/PT1H', true);
RESET session_replication_role;
SET ROLE adv_rival;
SELECT pg_temp.told(13) = :'before' AS others_change_nothing;
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) SELECT 8300 + n, 4, 4, 13, 'up', 50, pg_temp.past(n), 7 FROM generate_series(1, 5) n;
RESET session_replication_role;
SET ROLE adv_rival;
SELECT pg_temp.told(13) = :'before' AS own_change_nothing;
-- nothing is written: a standby answers too
BEGIN READ ONLY;
SELECT count(*) FROM best_products(13, '2099-01-10T00:00Z/P1D');
COMMIT;
-- not one's own, and not there, are refused alike; a buyer has nothing to sell
SELECT * FROM best_products(11, '2099-01-10T00:00Z/P1D');
SELECT * FROM best_products(15, '2099-01-10T00:00Z/P1D');
SELECT * FROM best_products(999, '2099-01-10T00:00Z/P1D');
SELECT * FROM expected_offers(1);
SELECT * FROM need_scope(1);
SELECT * FROM who_could_serve(1);
SELECT * FROM committed_elsewhere(4, NULL, 'up', ARRAY['2099-01-10T00:00Z/P1D'::time_window]);
SELECT * FROM committed_elsewhere(2, NULL, 'up', ARRAY['2099-01-10T00:00Z/P1D'::time_window]);
SELECT count(*) AS of_others FROM unit_obligations(11, '2099-01-10T00:00Z/P1D');
RESET ROLE;
SET ROLE adv_neso;
SELECT * FROM best_products(11, '2099-01-10T00:00Z/P1D');
SELECT * FROM expected_offers(1);
SELECT * FROM expected_offers(2);
SELECT * FROM expected_offers(999);
SELECT * FROM who_could_serve(1);
SELECT DISTINCT service_code FROM unit_obligations(11, '2099-01-10T00:00Z/P1D');
SELECT * FROM committed_elsewhere(1, NULL, 'up', ARRAY['2099-01-10T00:00Z/P1D'::time_window]);
RESET ROLE;
-- the operator is told what the provider is, as far as it may know
SET ROLE adv_operator;
SELECT count(*) FROM best_products(11, '2099-01-10T00:00Z/P1D');
-- errors
SELECT * FROM best_products(11, '2099-01-10T00:00Z/infinity');
SELECT * FROM best_products(11, '2019-01-10T00:00Z/P1D');
SELECT * FROM best_products(11, NULL);
SELECT * FROM best_products(11, '2099-01-10T00:00Z/P1D', 0);
SELECT * FROM best_products(11, '2099-01-10T00:00Z/P1D', 5, '-1 day');
SELECT * FROM expected_offers(1, 0);
SELECT * FROM committed_elsewhere(1, NULL, 'sideways', ARRAY['2099-01-10T00:00Z/P1D'::time_window]);
RESET ROLE;

-- ------------------------------------------------------------------ what a buyer may expect

INSERT INTO asset (id, name, technology, qualified_up_kw, grid_node_id) SELECT 20 + n, 'a' || n, CASE WHEN n <= 12 THEN 'BESS' WHEN n <= 16 THEN 'CHP' ELSE 'SOLAR_PV' END, 100 + n, CASE WHEN n <= 20 THEN 1002 ELSE 1003 END FROM generate_series(1, 24) n;
INSERT INTO asset_operator SELECT 20 + n, CASE WHEN n <= 12 THEN 4 + n % 4 WHEN n <= 16 THEN 8 ELSE 3 + n % 6 END, '-infinity/infinity' FROM generate_series(1, 24) n;
UPDATE asset SET profile = '{"technology": "BESS"}' WHERE id > 20;
SET ROLE adv_dso;
-- technologies of too few owners, together; nothing is known of the past, nor of what others have
SELECT delivery_window, wanted_kw, technology, providers, assets, eligible_kw, committed_kw, elsewhere_share, free_kw, basis, mean_kw, price_basis, bids, taken_share FROM expected_offers(1);
RESET ROLE;
SELECT technology, count(DISTINCT service_provider_id), count(*), sum(qualified_up_kw) FROM asset a JOIN asset_operator o ON o.asset_id = a.id WHERE grid_node_id = 1002 GROUP BY 1 ORDER BY 1;
-- promised to the buyer itself: 50 of one battery in one of the windows, and what a portfolio of others' promised, by what its members lend
INSERT INTO portfolio (id, name, service_provider_id) VALUES (16, 'fleet', 5);
INSERT INTO portfolio_member SELECT 16, 20 + n, 50, NULL, '-infinity/infinity' FROM (VALUES (1), (5)) AS v (n);
SET session_replication_role = replica;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) VALUES
  ('award', 9001, 22, 'asset', 'SU', 2, 1, 6, 'up', 50, '2099-01-10T19:00Z/PT1H', true), ('dispatch', 9002, 22, 'asset', 'SU', 2, 1, 6, 'up', 60, '2099-01-10T19:00Z/PT1H', true), ('award', 9003, 16, 'portfolio', 'SU', 2, 1, 5, 'up', 80, '2099-01-11T19:00Z/PT1H', true);
-- a past of six tenders at the place, bids of four owners
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at, status) SELECT 100 + n, 2, 'past', now() - interval '1 year', now() - n * interval '20 days', 'final' FROM generate_series(1, 6) n;
INSERT INTO competition_requirement (id, competition_id, product_id, grid_node_id, delivery_window, direction, power_kw) SELECT 900 + n, 100 + n, 2, 1002, pg_temp.past(n * 10), 'up', 1000 FROM generate_series(1, 6) n;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status)
  SELECT 9100 + 100 * c + n, 100 + c, 2, CASE WHEN n <= 12 THEN 4 + n % 4 ELSE 8 END, 20 + n, 'up', 40 + n, pg_temp.past(c * 10), 5, 100 + (hashint8extended(n, c) & 127), CASE WHEN hashint8extended(n, c) % 3 = 0 THEN 'lapsed' ELSE 'awarded' END
  FROM generate_series(1, 6) c, generate_series(1, 16) n WHERE (n + c) % 3 > 0;
RESET session_replication_role;
SET ROLE adv_dso;
SELECT delivery_window, technology, providers, eligible_kw, committed_kw, free_kw, basis, competitions, low_kw, median_kw, high_kw, mean_kw, price_basis, bids, low_utilisation_price AS low, median_utilisation_price AS median, high_utilisation_price AS high,
       median_availability_price AS availability, taken_share, taken_low, taken_high FROM expected_offers(1);
CREATE TEMP TABLE expected AS SELECT * FROM expected_offers(1);
RESET ROLE;
-- the same by hand
WITH g AS (SELECT a.id, a.qualified_up_kw AS kw, CASE WHEN technology = 'BESS' THEN 'BESS' ELSE 'other' END AS technology FROM asset a WHERE grid_node_id = 1002),
t AS (SELECT technology, sum(kw) AS kw FROM g GROUP BY 1),
r AS (SELECT c, t.technology, coalesce((SELECT sum(b.power_kw) FROM bid b JOIN g ON g.id = b.asset_id WHERE b.competition_id = 100 + c AND g.technology = t.technology), 0) / t.kw AS rate FROM generate_series(1, 6) c, t),
q AS (SELECT technology, array_agg(rate ORDER BY rate) AS rates, sum(rate) / 6 AS mean FROM r GROUP BY 1),
p AS (SELECT g.technology, array_agg(b.utilisation_price_per_mwh ORDER BY b.utilisation_price_per_mwh) AS prices, count(*) FILTER (WHERE b.status = 'awarded')::numeric / count(*) AS taken FROM bid b JOIN g ON g.id = b.asset_id WHERE b.id BETWEEN 9100 AND 9900 GROUP BY 1)
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(e.low_kw - e.free_kw * pg_temp.point(q.rates, 0.1)) > 0.01 OR abs(e.median_kw - e.free_kw * pg_temp.point(q.rates, 0.5)) > 0.01 OR abs(e.high_kw - e.free_kw * pg_temp.point(q.rates, 0.9)) > 0.01
  OR abs(e.mean_kw - e.free_kw * q.mean) > 0.01 OR e.free_kw <> e.eligible_kw - e.committed_kw OR e.eligible_kw <> t.kw OR e.price_basis = 'group at the place' AND (abs(e.low_utilisation_price - pg_temp.point(p.prices, 0.1)) > 0.001
  OR abs(e.high_utilisation_price - pg_temp.point(p.prices, 0.9)) > 0.001 OR abs(e.taken_share - p.taken) > 0.0001)) AS differing
FROM expected e JOIN q USING (technology) JOIN t USING (technology) JOIN p USING (technology);

-- what is sealed is not told: bids of a gate that is open change nothing, until it closes
CREATE FUNCTION pg_temp.expects(need bigint) RETURNS text LANGUAGE sql AS $$ SELECT md5(string_agg(e::text, E'\n' ORDER BY e::text)) FROM advice_test.expected_offers(need) e $$;
SET ROLE adv_dso;
SELECT pg_temp.expects(1) AS before \gset
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at, status) VALUES (200, 2, 'sealed', now() - interval '1 day', now() + interval '1 day', 'open');
INSERT INTO competition_requirement (id, competition_id, product_id, grid_node_id, delivery_window, direction, power_kw) VALUES (999, 200, 2, 1002, '2098-01-10T19:00Z/PT1H', 'up', 1000);
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT 9950 + n, 200, 2, 4 + n % 4, 20 + n, 'up', 40, '2098-01-10T19:00Z/PT1H', 1 FROM generate_series(1, 12) n;
RESET session_replication_role;
SET ROLE adv_dso;
SELECT pg_temp.expects(1) = :'before' AS sealed_bids_change_nothing;
RESET ROLE;
SET ROLE adv_operator;
SELECT pg_temp.expects(1) = :'before' AS nor_for_the_operator;
RESET ROLE;
SET session_replication_role = replica;
UPDATE competition SET gate_closes_at = now() - interval '1 hour', status = 'closed' WHERE id = 200;
RESET session_replication_role;
SET ROLE adv_dso;
SELECT pg_temp.expects(1) = :'before' AS open_bids_change_nothing;
RESET ROLE;

-- what others have a call on: of two owners nothing, of three a share of the whole region in steps of 5 per cent, the same from every place in it
SET session_replication_role = replica;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) VALUES
  ('award', 9011, 24, 'asset', 'DC', 3, 2, 4, 'up', 104, '2099-01-10T19:00Z/PT1H', true), ('award', 9012, 25, 'asset', 'DC', 3, 2, 5, 'up', 105, '2099-01-10T19:00Z/PT1H', true), ('bid', 9013, 23, 'asset', 'DC', 3, 2, 7, 'up', 103, '2099-01-10T19:00Z/PT1H', true);
RESET session_replication_role;
SET ROLE adv_dso;
SELECT delivery_window, technology, elsewhere_share FROM expected_offers(1);
RESET ROLE;
SET session_replication_role = replica;
INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) VALUES ('award', 9014, 26, 'asset', 'DC', 3, 2, 6, 'up', 300, '2099-01-10T19:00Z/PT1H', true);
RESET session_replication_role;
SET ROLE adv_dso;
SELECT delivery_window, technology, elsewhere_share, free_kw = round(eligible_kw - committed_kw - coalesce(elsewhere_share, 0) * eligible_kw, 3) AS subtracted FROM expected_offers(1);
SELECT node, c.* FROM unnest(ARRAY[1001, 1002, 1003]) node, committed_elsewhere(1, node, 'up', ARRAY['2099-01-10T19:00Z/PT2H', '2099-01-10T23:00Z/PT1H', '2099-01-10T19:30Z/PT1M']::time_window[]) c ORDER BY 1, 2;
RESET ROLE;
SELECT round((104 + 105 + 106) / sum(qualified_up_kw) * 20) / 20 AS share FROM asset WHERE grid_node_id IN (1001, 1002, 1003);
-- two of the three are of one owner: again of too few
INSERT INTO participant_group (id, name) VALUES (1, 'holding');
INSERT INTO participant_group_member VALUES (1, 4, '-infinity/infinity'), (1, 5, '-infinity/infinity');
SET ROLE adv_dso;
SELECT count(*) AS of_two_owners FROM committed_elsewhere(1, 1002, 'up', ARRAY['2099-01-10T19:00Z/PT2H']::time_window[]);
-- a need that too few can serve
INSERT INTO need (market_operator_id, service_code, product_id, name, grid_node_id, direction, power_kw, delivery_window) VALUES (1, 'SU', 2, 'down', 1002, 'down', 40, '2099-01-10T19:00Z/PT1H') RETURNING id AS few \gset
SELECT delivery_window, technology, eligible_kw, basis, mean_kw FROM expected_offers(:few);
RESET ROLE;
DROP OWNED BY adv_dso, adv_neso, adv_seller, adv_rival, adv_operator;
DROP ROLE adv_dso, adv_neso, adv_seller, adv_rival, adv_operator;
SELECT flexexchange.drop_exchange('advice_test', with_data => true);
