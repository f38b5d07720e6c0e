-- Surveillance of secondary trading: between sisters, back and forth, round in a circle.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('alert_test');
SET search_path = alert_test, flexexchange;
CREATE ROLE alert_dso IN ROLE flexexchange_participant;
CREATE ROLE alert_amp IN ROLE flexexchange_participant;
CREATE ROLE alert_operator IN ROLE flexexchange_operator;
CREATE ROLE alert_regulator IN ROLE flexexchange_regulator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (3, 'Amp', '{service_provider}'), (4, 'Beta', '{service_provider}'), (5, 'Coil', '{service_provider}'), (6, 'Amp North', '{service_provider}'), (7, 'Diode', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('alert_dso', 1), ('alert_amp', 3);
INSERT INTO participant_group (id, name) VALUES (1, 'Amp Holdings');
-- Amp North was bought on 5 November
INSERT INTO participant_group_member (participant_group_id, participant_id, valid) VALUES (1, 3, '2024-01-01T00:00Z/infinity'), (1, 6, '2024-11-05T00:00Z/infinity');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 1, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, qualified_up_kw) SELECT 10 + n, 'unit ' || n, 100000 FROM unnest('{3,4,5,6,7}'::int[]) n;
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT 10 + n, n, '2020-01-01T00:00Z/infinity' FROM unnest('{3,4,5,6,7}'::int[]) n;
INSERT INTO transfer_terms (id, product_id, valid, consent_needed, must_be_qualified) VALUES (1, 1, '2024-01-01T00:00Z/infinity', false, false), (2, 2, '2024-01-01T00:00Z/infinity', false, false);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (101, 1, 3, 13, 'up', 1000, '2024-12-04T17:00Z/PT2H');

-- ---------------------------------------------------------------- 1 MW from A to B to C to A at one price

-- as the parties do it: one offers, the other accepts
CREATE FUNCTION pg_temp.pass(award_id bigint, to_id bigint, kw numeric, price numeric, at timestamptz, w time_window DEFAULT NULL) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  made bigint := offer_transfer(award_id, kw, w, transferee_id => to_id, price => price, at => at);
BEGIN
  UPDATE award_transfer SET status = 'accepted', asset_id = 10 + to_id, consent = 'not_needed', happened_at = at WHERE id = made;
  PERFORM complete_transfer(t, at) FROM award_transfer t WHERE t.id = made;
  RETURN (SELECT new_award_id FROM award_transfer WHERE id = made);
END $$;
SELECT pg_temp.pass(101, 4, 1000, 5, '2024-11-04 10:00+00') AS b \gset
SELECT pg_temp.pass(:b, 5, 1000, 5, '2024-11-04 11:00+00') AS c \gset
SELECT count(*) AS not_yet FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z');
SELECT pg_temp.pass(:c, 3, 1000, 5, '2024-11-04 12:00+00') AS a \gset
SELECT kind, product_id, direction, delivery_window, owners, participant_ids, transfer_ids, trim_scale(gross_kw) AS gross, trim_scale(net_kw) AS net, trim_scale(least_price) AS price, price_spread, first_at, last_at FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z');
-- not what was completed at another time, nor of another product
SELECT count(*) FROM transfer_alerts('2024-11-04T10:30Z/2024-12-01T00:00Z');
SELECT count(*) FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z', of_product_id => 2);
SELECT count(*) FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z', parameter_id => 99);

-- ---------------------------------------------------------------- sisters are one

-- to Amp North before it was a sister, and by Beta back to Amp once it is: there and back
SELECT pg_temp.pass(:a, 6, 400, 4, '2024-11-04 13:00+00', '2024-12-04T17:00Z/PT1H') AS n \gset
SELECT count(*) AS alerts FROM transfer_alerts('2024-11-04T12:30Z/2024-12-01T00:00Z');
SELECT pg_temp.pass(:n, 4, 400, 4, '2024-11-06 13:00+00') AS b2 \gset
SELECT pg_temp.pass(:b2, 3, 380, 4.1, '2024-11-06 14:00+00') AS a2 \gset
SELECT pg_temp.pass(:a2, 6, 380, NULL, '2024-11-06 15:00+00') AS n2 \gset
SELECT kind, owners, participant_ids, delivery_window, trim_scale(gross_kw) AS gross, trim_scale(net_kw) AS net, round(net_share, 4) AS net_share, trim_scale(least_price) AS least, trim_scale(greatest_price) AS greatest, round(price_spread, 4) AS spread
FROM transfer_alerts('2024-11-04T12:30Z/2024-12-01T00:00Z');
-- stricter thresholds, as another version
SET ROLE alert_operator;
INSERT INTO surveillance_parameter (version, most_net_share, most_price_spread, note) VALUES (2, 0.01, 0.05, 'stricter');
UPDATE surveillance_parameter SET most_net_share = 1;
SELECT kind, owners FROM transfer_alerts('2024-11-04T12:30Z/2024-12-01T00:00Z');
INSERT INTO surveillance_parameter (version, longest_circle) VALUES (3, 9);
INSERT INTO surveillance_parameter (version, most_net_share) VALUES (3, -1);

-- ---------------------------------------------------------------- kept, decided, and whose to read

SELECT raise_transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z', parameter_id => 1) AS made;
SELECT raise_transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z', parameter_id => 1) AS again;
SELECT kind, transfer_ids, status, found_by, measures - 'owners' AS measures FROM surveillance_alert ORDER BY id;
SELECT decide_alert(min(id), 'dismissed', '') FROM surveillance_alert;
SELECT decide_alert(min(id), 'dismissed', 'one battery between two sisters, declared') FROM surveillance_alert;
SELECT decide_alert(min(id), 'confirmed', 'x') FROM surveillance_alert;
SELECT decide_alert(0, 'confirmed', 'x');
UPDATE surveillance_alert SET status = 'open';
RESET ROLE;
SET ROLE alert_regulator;
SELECT decide_alert(max(id), 'confirmed', 'no change of beneficial interest') FROM surveillance_alert;
SELECT count(*) FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z', parameter_id => 1);
SELECT a.kind, s.status, s.reason, s.made_by FROM surveillance_alert_step s JOIN surveillance_alert a ON a.id = s.surveillance_alert_id ORDER BY s.id;
RESET ROLE;
SET ROLE alert_amp;
SELECT count(*) FROM surveillance_alert;
SELECT * FROM transfer_alerts('2024-11-01T00:00Z/2024-12-01T00:00Z');
SELECT decide_alert(1, 'dismissed', 'please');
RESET ROLE;
SET ROLE alert_dso;
SELECT count(*) FROM surveillance_parameter;
RESET ROLE;

-- ---------------------------------------------------------------- random graphs, against all there is

-- transfers as they would stand after they were completed, of many at once
INSERT INTO participant (id, name, kinds) SELECT 100 + n, 'Random ' || n, '{service_provider}' FROM generate_series(0, 7) n;
INSERT INTO participant_group (id, name) SELECT 10 + n, 'Random group ' || n FROM generate_series(0, 1) n;
INSERT INTO participant_group_member (participant_group_id, participant_id, valid) VALUES (10, 100, '2025-01-01T00:00Z/2025-01-16T00:00Z'), (10, 101, '2025-01-01T00:00Z/infinity'), (11, 104, '2025-01-01T00:00Z/infinity'), (11, 105, '2025-01-10T00:00Z/infinity');
SET session_replication_role = replica;
INSERT INTO award_transfer (award_id, product_id, transfer_terms_id, kind, transferor_id, is_open, transferee_id, asset_id, direction, power_kw, delivery_window, offer_ends_at, consent, new_award_id, status, happened_at)
SELECT 101, 1 + h % 2, 1, 'novation', f, false, t, 13, CASE WHEN h / 2 % 5 = 0 THEN 'down' ELSE 'up' END, (ARRAY[100, 100, 100, 110, 300])[1 + h / 10 % 5],
       (ARRAY['2025-02-01T00:00Z/PT2H', '2025-02-01T00:00Z/PT1H', '2025-02-01T01:00Z/PT1H', '2025-02-01T02:00Z/PT1H'])[1 + h / 50 % 4]::time_window, '2025-02-01', 'not_needed', 101, 'completed', '2025-01-01'::timestamptz + n * interval '80 minutes'
FROM generate_series(1, 500) n CROSS JOIN LATERAL (SELECT hashint8extended(n, 7) & 1073741823 AS h) x CROSS JOIN LATERAL (SELECT 100 + h / 200 % 8 AS f, 100 + (h / 200 % 8 + 1 + h / 1600 % 7) % 8 AS t) y;
INSERT INTO transfer_price SELECT t.id, CASE WHEN h % 4 = 0 THEN 21 WHEN h % 4 = 1 THEN 30 ELSE 20 END, 'mw_h' FROM award_transfer t CROSS JOIN LATERAL (SELECT hashint8extended(t.id, 8) & 1073741823 AS h) x WHERE t.transferor_id >= 100 AND h / 4 % 10 > 0;
SET session_replication_role = origin;
CREATE TEMP TABLE arc AS
WITH x AS (SELECT t.*, p.price,
  coalesce((SELECT -m.participant_group_id FROM participant_group_member m WHERE m.participant_id = t.transferor_id AND m.valid @> t.happened_at), t.transferor_id) AS f,
  coalesce((SELECT -m.participant_group_id FROM participant_group_member m WHERE m.participant_id = t.transferee_id AND m.valid @> t.happened_at), t.transferee_id) AS g
  FROM award_transfer t LEFT JOIN transfer_price p ON p.award_transfer_id = t.id WHERE t.transferor_id >= 100)
SELECT product_id, direction, f, g, delivery_window AS w, sum(power_kw) AS kw, sum(price * power_kw) / sum(power_kw) FILTER (WHERE price IS NOT NULL) AS price, array_agg(id) AS ids FROM x GROUP BY product_id, direction, f, g, delivery_window, CASE WHEN f = g THEN id END;
-- every way to put two, three or four arcs in a row, judged only when it is closed
CREATE FUNCTION pg_temp.judge(kws numeric[], prices numeric[], net_share numeric, spread numeric) RETURNS boolean LANGUAGE sql AS $$
  SELECT (SELECT sum(abs(kws[i] - kws[i % cardinality(kws) + 1])) FROM generate_series(1, cardinality(kws)) i) / 2 <= net_share * (SELECT sum(k) FROM unnest(kws) k)
     AND coalesce((SELECT CASE WHEN max(p) = min(p) THEN 0 ELSE (max(p) - min(p)) / max(abs(p)) END FROM unnest(prices) p), 0) <= spread $$;
CREATE FUNCTION pg_temp.naive(longest int, net_share numeric, spread numeric) RETURNS TABLE (ids bigint[]) LANGUAGE sql AS $$
  SELECT ARRAY(SELECT unnest(q.ids) ORDER BY 1) FROM (
    SELECT a.ids FROM arc a WHERE a.f = a.g
    UNION ALL
    SELECT a.ids || b.ids FROM arc a JOIN arc b ON (b.product_id, b.direction, b.f, b.g) = (a.product_id, a.direction, a.g, a.f)
    WHERE a.f < a.g AND longest >= 2 AND greatest(lower(a.w), lower(b.w)) < least(upper(a.w), upper(b.w)) AND pg_temp.judge(ARRAY[a.kw, b.kw], ARRAY[a.price, b.price], net_share, spread)
    UNION ALL
    SELECT a.ids || b.ids || c.ids FROM arc a JOIN arc b ON (b.product_id, b.direction, b.f) = (a.product_id, a.direction, a.g) JOIN arc c ON (c.product_id, c.direction, c.f, c.g) = (a.product_id, a.direction, b.g, a.f)
    WHERE longest >= 3 AND a.f < a.g AND a.f < b.g AND a.g <> b.g AND greatest(lower(a.w), lower(b.w), lower(c.w)) < least(upper(a.w), upper(b.w), upper(c.w)) AND pg_temp.judge(ARRAY[a.kw, b.kw, c.kw], ARRAY[a.price, b.price, c.price], net_share, spread)
    UNION ALL
    SELECT a.ids || b.ids || c.ids || d.ids FROM arc a JOIN arc b ON (b.product_id, b.direction, b.f) = (a.product_id, a.direction, a.g) JOIN arc c ON (c.product_id, c.direction, c.f) = (a.product_id, a.direction, b.g)
      JOIN arc d ON (d.product_id, d.direction, d.f, d.g) = (a.product_id, a.direction, c.g, a.f)
    WHERE longest >= 4 AND a.f < least(a.g, b.g, c.g) AND a.g <> b.g AND a.g <> c.g AND b.g <> c.g AND greatest(lower(a.w), lower(b.w), lower(c.w), lower(d.w)) < least(upper(a.w), upper(b.w), upper(c.w), upper(d.w))
      AND pg_temp.judge(ARRAY[a.kw, b.kw, c.kw, d.kw], ARRAY[a.price, b.price, c.price, d.price], net_share, spread)) q $$;
INSERT INTO surveillance_parameter (id, version, longest_circle, most_net_share, most_price_spread) VALUES (14, 14, 4, 0, 0), (15, 15, 4, 0.1, 0.05), (16, 16, 4, 0.25, 0.5), (17, 17, 3, 1, 2), (18, 18, 2, 0.05, 0.1), (19, 19, 1, 1, 1);
CREATE TEMP TABLE compared AS
SELECT p.id, (SELECT count(*) FROM transfer_alerts('2025-01-01T00:00Z/2025-02-01T00:00Z', parameter_id => p.id)) AS found,
  (SELECT count(*) FROM (SELECT a.transfer_ids FROM transfer_alerts('2025-01-01T00:00Z/2025-02-01T00:00Z', parameter_id => p.id) a EXCEPT ALL SELECT n.ids FROM pg_temp.naive(p.longest_circle, p.most_net_share, p.most_price_spread) n) d) AS too_many,
  (SELECT count(*) FROM (SELECT n.ids FROM pg_temp.naive(p.longest_circle, p.most_net_share, p.most_price_spread) n EXCEPT ALL SELECT a.transfer_ids FROM transfer_alerts('2025-01-01T00:00Z/2025-02-01T00:00Z', parameter_id => p.id) a) d) AS missing
FROM surveillance_parameter p WHERE p.id >= 14;
SELECT id, found, too_many, missing FROM compared ORDER BY id;

-- ---------------------------------------------------------------- the parts that hang together, however long the way round

-- a ring of seven, of 100 kW for an hour; one leaves 10 kW with a bystander
SET session_replication_role = replica;
INSERT INTO participant (id, name, kinds) SELECT 200 + n, 'Ring ' || n, '{service_provider}' FROM generate_series(0, 7) n;
INSERT INTO award_transfer (award_id, product_id, transfer_terms_id, kind, transferor_id, is_open, transferee_id, asset_id, direction, power_kw, delivery_window, offer_ends_at, consent, new_award_id, status, happened_at)
SELECT 101, 1, 1, 'novation', 200 + n, false, 200 + (n + 1) % 7, 13, 'up', 100, '2025-06-01T00:00Z/PT1H'::time_window, '2025-06-01'::timestamptz, 'not_needed', 101, 'completed', '2025-05-01'::timestamptz FROM generate_series(0, 6) n
UNION ALL SELECT 101, 1, 1, 'novation', 203, false, 207, 13, 'up', 10, '2025-06-01T00:00Z/PT1H', '2025-06-01', 'not_needed', 101, 'completed', '2025-05-01';
SET session_replication_role = origin;
SELECT count(*) AS short_circles FROM transfer_alerts('2025-05-01T00:00Z/2025-05-02T00:00Z');
SET ROLE alert_regulator;
SELECT direction, owners, cardinality(transfer_ids) AS transfers, trim_scale(gross_mw_h) AS gross, trim_scale(net_mw_h) AS net, trim_scale(net_share) AS net_share FROM transfer_components(1, '2025-06-01T00:00Z/PT30M');
SELECT count(*) AS at_another_time FROM transfer_components(1, '2025-06-01T01:00Z/PT30M');
RESET ROLE;
SET ROLE alert_amp;
SELECT * FROM transfer_components(1, '2025-06-01T00:00Z/PT30M');
RESET ROLE;
-- against Warshall's closure, on sparse parts of the random graph
CREATE FUNCTION pg_temp.warshall(of_product bigint, w time_window, done time_window) RETURNS TABLE (direction text, transfer_ids bigint[]) LANGUAGE plpgsql AS $$
DECLARE
  d text; m boolean[]; owner bigint[]; size int; i int; j int; k int;
BEGIN
  FOREACH d IN ARRAY '{down,up}'::text[] LOOP
    CREATE TEMP TABLE edge AS SELECT v.id, v.from_owner AS f, v.to_owner AS t FROM transfer_between_owners v WHERE v.product_id = of_product AND v.direction = d AND lower(v.delivery_window) < upper(w) AND lower(w) < upper(v.delivery_window) AND v.happened_at >= lower(done) AND v.happened_at < upper(done) AND v.from_owner <> v.to_owner;
    SELECT array_agg(x.o ORDER BY x.o) INTO owner FROM (SELECT f AS o FROM edge UNION SELECT t FROM edge) x;
    size := coalesce(cardinality(owner), 0);
    m := array_fill(false, ARRAY[size * size]);
    FOR i, j IN SELECT array_position(owner, f), array_position(owner, t) FROM edge LOOP m[(i - 1) * size + j] := true; END LOOP;
    FOR k IN 1 .. size LOOP FOR i IN 1 .. size LOOP FOR j IN 1 .. size LOOP
      IF m[(i - 1) * size + k] AND m[(k - 1) * size + j] THEN m[(i - 1) * size + j] := true; END IF;
    END LOOP; END LOOP; END LOOP;
    RETURN QUERY SELECT d, array_agg(e.id ORDER BY e.id) FROM (SELECT edge.id, (SELECT min(z) FROM generate_series(1, size) z WHERE m[(array_position(owner, f) - 1) * size + z] AND m[(z - 1) * size + array_position(owner, f)]) AS c FROM edge
                 WHERE m[(array_position(owner, t) - 1) * size + array_position(owner, f)]) e GROUP BY e.c;
    DROP TABLE edge;
  END LOOP;
END $$;
CREATE TEMP TABLE span AS SELECT p AS product_id, time_window('2025-01-01'::timestamptz + n * interval '36 hours', '2025-01-01'::timestamptz + n * interval '36 hours' + l * interval '18 hours') AS done, w::time_window AS w
FROM generate_series(1, 2) p, generate_series(0, 17) n, generate_series(1, 3) l, unnest('{2025-02-01T00:00Z/PT1H,2025-02-01T01:30Z/PT1H}'::text[]) w;
SELECT count(*) > 50 AS many, sum((SELECT count(*) FROM (SELECT c.direction, c.transfer_ids FROM transfer_components(s.product_id, s.w, s.done) c EXCEPT ALL SELECT * FROM pg_temp.warshall(s.product_id, s.w, s.done)) d)) AS too_many,
  sum((SELECT count(*) FROM (SELECT * FROM pg_temp.warshall(s.product_id, s.w, s.done) EXCEPT ALL SELECT c.direction, c.transfer_ids FROM transfer_components(s.product_id, s.w, s.done) c) d)) AS missing,
  sum((SELECT count(*) FROM transfer_components(s.product_id, s.w, s.done))) > 50 AS found FROM span s;
RESET search_path;
SELECT flexexchange.drop_exchange('alert_test', with_data => true);
DROP ROLE alert_dso, alert_amp, alert_operator, alert_regulator;
