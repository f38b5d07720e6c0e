-- Every cell of the published matrix through real commitments: 22 x 22 services, in
-- both orders of posting, in three modes; then one rule changed, and what changes.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('matrix_test');
SET search_path = matrix_test, flexexchange;
-- the verdicts are those of the published file: tail -n +2 matrix.csv | LC_ALL=C sort | md5sum
SELECT count(*) AS cells, md5(string_agg(concat_ws(',', service_a, service_b, mode, verdict) || E'\n', '' ORDER BY concat_ws(',', service_a, service_b, mode, verdict) COLLATE "C"))
       = '966dca00bd7423a7f34887ed16082ee9' AS as_published FROM stacking_rule;

INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
INSERT INTO product (market_id, code, name, service_code) SELECT 1, code, name, code FROM service ORDER BY code COLLATE "C";
-- three units for each ordered pair: both at once with room for both, both at once with
-- all the unit has, and in turn on one day; a is posted first
CREATE TABLE cell AS
  SELECT 10000 * k + row_number() OVER (PARTITION BY k ORDER BY a.code COLLATE "C", b.code COLLATE "C") AS unit, k AS how,
         a.code AS a, b.code AS b, a.buyer_kind AS kind_a, b.buyer_kind AS kind_b
  FROM service a, service b, generate_series(1, 3) k;
INSERT INTO asset (id, name, qualified_up_kw) SELECT unit, a || ' then ' || b, 100 FROM cell;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, 2, c.unit, 'up', CASE how WHEN 2 THEN 100 ELSE 10 END, time_window '2101-11-20T10:00Z/PT2H' FROM cell c JOIN product p ON p.code = a ORDER BY c.unit;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT p.id, 2, c.unit, 'up', CASE how WHEN 2 THEN 100 ELSE 10 END, CASE how WHEN 3 THEN time_window '2101-11-20T18:00Z/PT2H' ELSE '2101-11-20T11:00Z/PT2H' END
  FROM cell c JOIN product p ON p.code = b ORDER BY c.unit;
CREATE VIEW found AS
  SELECT c.unit, c.how, c.a, c.b, coalesce((SELECT string_agg(k.kind || ' ' || k.severity, ', ' ORDER BY k.kind COLLATE "C") FROM conflict k WHERE k.unit_id = c.unit AND k.closed_at IS NULL), 'nothing') AS findings
  FROM cell c;

-- What must be found, from the words of the ruleset: every verdict as published, no data
-- on co-delivery is a no and on the rest unknown; not applicable is a no for two services
-- of distribution operators at once, and else not tested; the Capacity Market's
-- co-delivery with those is a warning.
CREATE FUNCTION demanded(co text DEFAULT NULL, sp text DEFAULT NULL) RETURNS TABLE (unit bigint, findings text) LANGUAGE sql AS $$
  WITH meaning AS (
    SELECT c.*, c.kind_a = 'dso' AND c.kind_b = 'dso' AS one_place,
           'dso' IN (c.kind_a, c.kind_b) AND 'capacity_market' IN (c.kind_a, c.kind_b) AS warned,
           coalesce(co, x.verdict) AS co, coalesce(sp, y.verdict) AS sp, z.verdict AS ju
    FROM cell c
    JOIN stacking_rule x ON (x.service_a, x.service_b, x.mode, x.ruleset_id) = (c.a, c.b, 'co_delivery', 1)
    JOIN stacking_rule y ON (y.service_a, y.service_b, y.mode, y.ruleset_id) = (c.a, c.b, 'splitting', 1)
    JOIN stacking_rule z ON (z.service_a, z.service_b, z.mode, z.ruleset_id) = (c.a, c.b, 'jumping', 1)
  ), judged AS (
    SELECT *,
           CASE WHEN a = b OR co LIKE '%yes' OR sp LIKE '%yes' THEN NULL
                WHEN co = 'not_applicable' AND sp = 'not_applicable' AND NOT one_place THEN NULL
                WHEN warned OR (sp = 'no_data') THEN 'advisory'
                ELSE 'blocking' END AS twice,
           CASE WHEN how = 2 AND (a = b OR co NOT LIKE '%yes') THEN 'blocking' END AS short,
           CASE WHEN how = 3 AND a <> b AND ju LIKE '%no' THEN 'blocking' END AS jumped
    FROM meaning
  )
  SELECT unit, coalesce(nullif(CASE WHEN how = 3 THEN concat_ws(', ', 'jumping ' || jumped)
                                    ELSE concat_ws(', ', 'double_commitment ' || twice, 'headroom ' || short) END, ''), 'nothing')
  FROM judged
$$;
SELECT how, findings, count(*) FROM found GROUP BY how, findings ORDER BY how, findings COLLATE "C";
SELECT f.*, d.findings AS demanded FROM found f JOIN demanded() d USING (unit) WHERE f.findings <> d.findings ORDER BY unit;
-- for people: B blocking, w a warning, . nothing; rows were posted first
CREATE VIEW shown AS
  SELECT how, a, string_agg(CASE WHEN findings LIKE '%' || what || ' blocking%' THEN 'B' WHEN findings LIKE '%' || what || ' advisory%' THEN 'w' ELSE '.' END, '' ORDER BY b COLLATE "C") AS found
  FROM found JOIN (VALUES (1, 'double_commitment'), (2, 'headroom'), (3, 'jumping')) AS v (how, what) USING (how) GROUP BY how, a ORDER BY how, a COLLATE "C";
SELECT string_agg(code, ' ' ORDER BY code COLLATE "C") AS columns FROM service;
SELECT * FROM shown;
CREATE TABLE before AS SELECT * FROM found;

-- Where one mode is a yes the other has no say at once.  So each in turn, the other a
-- known no everywhere, in rules that take the place of the published ones.
CREATE FUNCTION judge_by(rules text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE ruleset SET status = 'retired' WHERE status = 'in_force' AND in_force = '2101-01-01T00:00Z/infinity';
  PERFORM put_ruleset_in_force(rules, '2101-01-01T00:00Z');
END $$;
SELECT copy_ruleset('ena-2025-01', 'splitting alone') IS NOT NULL AS copied, copy_ruleset('ena-2025-01', 'co-delivery alone') IS NOT NULL AS copied;
UPDATE stacking_rule SET verdict = 'explicit_no' WHERE ruleset_id = require_ruleset('splitting alone') AND mode = 'co_delivery';
UPDATE stacking_rule SET verdict = 'explicit_no' WHERE ruleset_id = require_ruleset('co-delivery alone') AND mode = 'splitting';
SELECT judge_by('splitting alone');
SELECT how, findings, count(*) FROM found WHERE how < 3 GROUP BY how, findings ORDER BY how, findings COLLATE "C";
SELECT f.*, d.findings AS demanded FROM found f JOIN demanded(co => 'explicit_no') d USING (unit) WHERE f.findings <> d.findings ORDER BY unit;
SELECT judge_by('co-delivery alone');
SELECT how, findings, count(*) FROM found WHERE how < 3 GROUP BY how, findings ORDER BY how, findings COLLATE "C";
SELECT f.*, d.findings AS demanded FROM found f JOIN demanded(sp => 'explicit_no') d USING (unit) WHERE f.findings <> d.findings ORDER BY unit;

-- One rule changed, and exactly what should changes: the rest of 1,452 units is judged as before.
CREATE FUNCTION mutate(name text, change text) RETURNS TABLE (how int, a text, b text, was text, is_now text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM copy_ruleset('ena-2025-01', name);
  EXECUTE format('%s AND ruleset_id = require_ruleset(%L)', change, name);
  PERFORM judge_by(name);
  RETURN QUERY SELECT f.how, f.a, f.b, o.findings, f.findings FROM found f JOIN before o USING (unit) WHERE f.findings <> o.findings ORDER BY f.unit;
END $$;
SELECT * FROM mutate('no splitting', $$UPDATE stacking_rule SET verdict = 'explicit_no' WHERE mode = 'splitting' AND service_a IN ('DC', 'PR') AND service_b IN ('DC', 'PR') AND service_a <> service_b$$);
SELECT * FROM diff_rulesets('ena-2025-01', 'no splitting') WHERE part <> 'ruleset';
-- one of each kind at once: splitting, in one order alone (the stricter of the two holds), said to be allowed in one order
-- alone, not known; co-delivery, taken away and given; a warning that becomes a ban; jumping; and every reason
SELECT * FROM mutate('one of each kind', $$UPDATE stacking_rule SET reason = 'another',
  verdict = CASE WHEN mode = 'splitting' AND (service_a, service_b) = ('PR', 'DC') THEN 'explicit_no'
                 WHEN mode = 'splitting' AND (service_a, service_b) = ('DC', 'SArt') THEN 'explicit_yes'
                 WHEN mode = 'splitting' AND (service_a, service_b) IN (('DC', 'OUrt'), ('OUrt', 'DC')) THEN 'no_data'
                 WHEN mode = 'co_delivery' AND (service_a, service_b) IN (('CM', 'DC'), ('DC', 'CM')) THEN 'implicit_no'
                 WHEN mode = 'co_delivery' AND (service_a, service_b) IN (('DC', 'VArt'), ('VArt', 'DC')) THEN 'implicit_yes'
                 WHEN mode = 'jumping' AND (service_a, service_b) IN (('SU', 'PR'), ('PR', 'SU')) THEN 'implicit_no'
                 WHEN mode = 'jumping' AND (service_a, service_b) IN (('DFS', 'DC'), ('DC', 'DFS')) THEN 'explicit_yes'
                 ELSE verdict END,
  severity = CASE WHEN (service_a, service_b) NOT IN (('CM', 'PR'), ('PR', 'CM')) THEN severity END WHERE true$$);
-- a reading changed: all that rests on it, and nothing else
SELECT m.how, m.was, m.is_now, count(*), bool_and(r.verdict = 'not_applicable' AND s.verdict = 'not_applicable' AND x.buyer_kind = 'dso' AND y.buyer_kind = 'dso') AS rests_on_it
FROM mutate('two at one place', $$DELETE FROM stacking_interpretation WHERE buyer_kind_a = 'dso'$$) m
JOIN stacking_rule r ON (r.service_a, r.service_b, r.mode, r.ruleset_id) = (m.a, m.b, 'co_delivery', 1) JOIN stacking_rule s ON (s.service_a, s.service_b, s.mode, s.ruleset_id) = (m.a, m.b, 'splitting', 1)
JOIN service x ON x.code = m.a JOIN service y ON y.code = m.b GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT m.how, m.was, m.is_now, count(*), bool_and(r.verdict = 'no_data') AS rests_on_it
FROM mutate('no data is not known', $$UPDATE stacking_interpretation SET meaning = 'unknown' WHERE mode = 'co_delivery' AND verdict = 'no_data'$$) m
JOIN stacking_rule r ON (r.service_a, r.service_b, r.mode, r.ruleset_id) = (m.a, m.b, 'co_delivery', 1) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT flexexchange.drop_exchange('matrix_test', with_data => true);
