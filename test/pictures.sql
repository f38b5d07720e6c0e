-- The pictures of docs/charts.md: a small sample book, and one tender for which more was offered than needed.
-- Same seed, same pictures: the test compares them with the files.
SET client_min_messages = warning;
SET search_path = gb, flexexchange;
SELECT count(*) FROM load_sample_book(2000);
CREATE TABLE public.picture (name text PRIMARY KEY, svg text NOT NULL);

INSERT INTO product (id, market_id, code, name, service_code) SELECT 9001, m.id, 'PRW', 'Winter peaks', 'PR' FROM market m WHERE m.code = 'dso-uk-power-networks';
INSERT INTO need (market_operator_id, service_code, product_id, name, direction, power_kw, delivery_window, guide_price_per_mwh, status)
  SELECT m.market_operator_id, 'PR', 9001, 'Winter peaks', 'up', 4000, '2026-02-02T16:00Z/2026-02-06T20:00Z', 420, 'published' FROM market m WHERE m.code = 'dso-uk-power-networks';
INSERT INTO need_window (need_id, delivery_window, power_kw)
  SELECT max(n.id), time_window(d + interval '16 hours', d + interval '20 hours'), 4000 + 250 * extract(day FROM d)::integer FROM need n, generate_series('2026-02-02T00:00Z'::timestamptz, '2026-02-06T00:00Z', interval '1 day') d GROUP BY d;
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (9001, 9001, 'Winter peaks, week 6', '2026-01-05T08:00Z', '2026-01-23T17:00Z');
INSERT INTO asset (id, name, technology, qualified_up_kw) SELECT 900000 + i, 'Tender unit ' || i, 'Battery', 5000 FROM generate_series(1, 18) i;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status)
  SELECT 900000 + 100 * w.n + i, 9001, 9001, (SELECT p.id FROM participant p WHERE 'service_provider' = ANY (p.kinds) ORDER BY p.name COLLATE "C" LIMIT 1 OFFSET i % 5), 900000 + i, 'up', 150 + 70 * (i * 7 % 9),
         w.delivery_window, 180 + i * i + 3 * i, CASE WHEN i <= 11 THEN 'awarded' ELSE 'lapsed' END
  FROM generate_series(1, 18) i, (SELECT row_number() OVER (ORDER BY nw.delivery_window) AS n, nw.delivery_window FROM need_window nw) w;
INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT b.id, b.product_id, b.service_provider_id, b.asset_id, b.direction, b.power_kw, b.delivery_window, b.utilisation_price_per_mwh FROM bid b WHERE b.competition_id = 9001 AND b.status = 'awarded' ORDER BY b.id;

INSERT INTO public.picture
SELECT 'price_duration', chart_price_duration(delivery => '2026-01-15T00:00Z/P1D') UNION ALL
SELECT 'volume_by_product', chart_volume_by_product(delivery => '2026-01-15T00:00Z/P1D') UNION ALL
SELECT 'merit_order', chart_merit_order(9001) UNION ALL
SELECT 'need_against_offers', chart_need_against_offers(delivery => '2026-02-02T00:00Z/P5D') UNION ALL
SELECT 'commitment_timeline', chart_commitment_timeline((SELECT f.unit_id FROM conflict f JOIN commitment c ON c.unit_id = f.unit_id AND c.closed_at IS NULL WHERE f.kind = 'double_commitment' AND f.severity = 'blocking'
                                                         GROUP BY f.unit_id ORDER BY count(DISTINCT c.id) DESC, f.unit_id LIMIT 1)) UNION ALL
SELECT 'conflicts', chart_conflicts() UNION ALL
SELECT 'registered_capacity', chart_registered_capacity();
