-- The published rules until the clock changes, then rules with many unknowns and
-- with co-delivery that makes a graph, where jumping is judged within a contract and
-- many rules have conditions, then none at all.
INSERT INTO ruleset (code, title, source, in_force, jumping_scope)
  VALUES ('random', 'random rules', 'this test', '2099-03-29T01:00Z/2099-03-30T12:00Z', 'contract');
INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity)
  SELECT r.id, a.code, b.code, m,
         (CASE m WHEN 'co_delivery' THEN ARRAY['explicit_yes', 'implicit_no', 'no_data', 'no_data', 'no_data', 'not_applicable']
                 ELSE ARRAY['explicit_yes', 'implicit_yes', 'explicit_no', 'implicit_no', 'no_data', 'not_applicable'] END)
           [1 + dice(hashtext(least(a.code, b.code) || greatest(a.code, b.code) || m), 1, 6, 7)],
         CASE WHEN dice(hashtext(a.code || b.code || m), 2, 9, 7) = 0 THEN 'advisory' END
  FROM ruleset r, service a, service b, unnest(ARRAY['co_delivery', 'splitting', 'jumping']) m
  WHERE r.code = 'random' AND a.code <> b.code
  ORDER BY a.code, b.code, m;
INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning)
  SELECT r.id, i.* FROM ruleset r, (VALUES ('splitting', 'no_data', 'neso', NULL, 'no'), ('jumping', 'not_applicable', 'dso', 'neso', 'no')) i
  WHERE r.code = 'random';
-- rules that apply when a condition holds, which may be unknown
INSERT INTO oracle_condition VALUES
  ('a.power_kw > 30', '($1).kw > 30'),
  ('a.duration < PT2H and b.market = ''network operator''', '($1).until - ($1).since < interval ''2 hours'' AND ($2).market = ''network operator'''),
  ('energy_kwh >= 100 or a.stage = ''dispatch''', '($3 ->> ''energy_kwh'')::numeric >= 100 OR ($1).stage = ''dispatch'''),
  ('not recovery <= PT40M', 'NOT (($3 ->> ''recovery'')::interval <= interval ''40 minutes'')'),
  ('a.product not in (''BM1'', ''DC1'', ''OUrt1'', ''PR2'') and b.direction = ''up''', '($1).product NOT IN (''BM1'', ''DC1'', ''OUrt1'', ''PR2'') AND ($2).direction = ''up'''),
  ('max_duration is known', '$3 ? ''max_duration'''),
  ('b.power_kw <= 12.5 or unit_kind = ''portfolio''', '($2).kw <= 12.5 OR ($1).is_portfolio'),
  ('technology = ''BESS''', 'NULL::boolean'),
  ('energy_kwh < 150.5 and not (a.power_kw <= 20 or recovery is not known)', '($3 ->> ''energy_kwh'')::numeric < 150.5 AND NOT (($1).kw <= 20 OR NOT $3 ? ''recovery'')');
INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, severity, condition, priority)
  SELECT r.id, a.code, b.code, m,
         (ARRAY['explicit_yes', 'implicit_yes', 'explicit_no', 'implicit_no', 'no_data', 'not_applicable'])[1 + dice(hashtext(a.code || b.code || m || p), 3, 6, 7)],
         CASE WHEN dice(hashtext(a.code || b.code || m || p), 4, 9, 7) = 0 THEN 'advisory' END,
         (SELECT condition FROM oracle_condition ORDER BY condition COLLATE "C" OFFSET dice(hashtext(a.code || b.code || m || p), 5, 9, 7) LIMIT 1)::rule_condition, p * 3
  FROM ruleset r, service a, service b, unnest(ARRAY['co_delivery', 'splitting', 'jumping']) m, generate_series(1, 3) p
  WHERE r.code = 'random' AND a.code <> b.code AND dice(hashtext(a.code || b.code || m || p), 6, 12, 7) = 0
  ORDER BY a.code, b.code, m, p;
UPDATE ruleset SET in_force = '-infinity/2099-03-29T01:00Z' WHERE code = 'ena-2025-01';
UPDATE ruleset SET status = 'in_force' WHERE code = 'random';
