-- The industry's ruleset: complete, symmetric, counted as published, and acted
-- upon cell by cell.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('ena_test');
SET search_path = ena_test, flexexchange;
SELECT code, title, source, status, in_force FROM ruleset;
SELECT buyer_kind, count(*) FROM service GROUP BY buyer_kind ORDER BY buyer_kind COLLATE "C";
SELECT verdict, count(*) FILTER (WHERE mode = 'co_delivery') AS co_delivery, count(*) FILTER (WHERE mode = 'splitting') AS splitting,
       count(*) FILTER (WHERE mode = 'jumping') AS jumping FROM stacking_rule GROUP BY verdict ORDER BY verdict COLLATE "C";
SELECT count(*) AS asymmetric FROM stacking_rule a JOIN stacking_rule b ON (a.mode, a.service_a, a.service_b) = (b.mode, b.service_b, b.service_a) WHERE a.verdict <> b.verdict;
SELECT count(*) AS with_itself FROM stacking_rule WHERE service_a = service_b AND verdict <> 'not_applicable';
SELECT mode, meaning, count(*) FROM stacking_meaning GROUP BY mode, meaning ORDER BY mode COLLATE "C", meaning COLLATE "C";

-- Every unordered pair of services, overlapping: the finding must follow from the
-- published verdicts and the four sentences in which the ruleset reads them.
INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (market_id, code, name, service_code) SELECT 1, code, name, code FROM service ORDER BY code COLLATE "C";
CREATE TABLE pair AS
  SELECT row_number() OVER (ORDER BY a.code COLLATE "C", b.code COLLATE "C") AS n, a.code AS a, b.code AS b, a.buyer_kind AS ka, b.buyer_kind AS kb
  FROM service a JOIN service b ON a.code COLLATE "C" < b.code COLLATE "C";
INSERT INTO asset (id, name) SELECT 10000 + n, a || ' with ' || b || ', at once' FROM pair;
INSERT INTO asset (id, name) SELECT 20000 + n, a || ' with ' || b || ', in turn' FROM pair;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, 2, 10000 + n, 'up', 10, time_window '2026-11-20T10:00Z/PT2H' FROM pair JOIN product p ON p.code = a
  UNION ALL SELECT p.id, 2, 10000 + n, 'up', 10, '2026-11-20T11:00Z/PT2H' FROM pair JOIN product p ON p.code = b
  UNION ALL SELECT p.id, 2, 20000 + n, 'up', 10, '2026-11-20T10:00Z/PT2H' FROM pair JOIN product p ON p.code = a
  UNION ALL SELECT p.id, 2, 20000 + n, 'up', 10, '2026-11-20T18:00Z/PT2H' FROM pair JOIN product p ON p.code = b;
CREATE TABLE expected AS
  SELECT pair.*, c.verdict AS co, s.verdict AS sp, j.verdict AS ju,
         CASE WHEN c.verdict LIKE '%yes' OR s.verdict LIKE '%yes' THEN NULL
              WHEN ka = 'dso' AND kb = 'dso' THEN 'blocking'                                        -- one service at one place
              WHEN c.verdict = 'not_applicable' AND s.verdict = 'not_applicable' THEN NULL           -- nothing is said
              WHEN 'capacity_market' IN (ka, kb) AND 'dso' IN (ka, kb) THEN 'advisory'               -- carried as a warning
              WHEN s.verdict = 'no_data' THEN 'advisory'                                            -- unknown
              WHEN c.verdict IN ('explicit_no', 'implicit_no', 'no_data')                           -- no data: an assumed no
               AND s.verdict IN ('explicit_no', 'implicit_no', 'not_applicable') THEN 'blocking'
         END AS at_once,
         CASE WHEN j.verdict LIKE '%\_no' THEN 'blocking' END AS in_turn
  FROM pair
  JOIN stacking_rule c ON c.mode = 'co_delivery' AND (c.service_a, c.service_b) = (a, b)
  JOIN stacking_rule s ON s.mode = 'splitting' AND (s.service_a, s.service_b) = (a, b)
  JOIN stacking_rule j ON j.mode = 'jumping' AND (j.service_a, j.service_b) = (a, b);
SELECT count(*) AS pairs, count(at_once) FILTER (WHERE at_once = 'blocking') AS blocking, count(at_once) FILTER (WHERE at_once = 'advisory') AS advisory, count(in_turn) AS jumping FROM expected;
SELECT e.a, e.b, e.co, e.sp, e.at_once, k.severity FROM expected e LEFT JOIN conflict k ON k.unit_id = 10000 + e.n AND k.kind = 'double_commitment' WHERE e.at_once IS DISTINCT FROM k.severity;
SELECT e.a, e.b, e.ju, e.in_turn, k.severity FROM expected e LEFT JOIN conflict k ON k.unit_id = 20000 + e.n AND k.kind = 'jumping' WHERE e.in_turn IS DISTINCT FROM k.severity;
SELECT kind, count(*) FROM conflict GROUP BY kind ORDER BY kind COLLATE "C";
-- the commonest reasons are there to be read
SELECT mode, count(*) FILTER (WHERE reason IS NOT NULL) > 0 AS some_reasons FROM stacking_meaning WHERE meaning = 'no' GROUP BY mode ORDER BY mode COLLATE "C";
SELECT flexexchange.drop_exchange('ena_test', with_data => true);
