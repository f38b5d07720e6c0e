-- The published rules until the clock changes, then rules with many unknowns and
-- with co-delivery that makes a graph, and where jumping is judged within a
-- contract, then none at all.
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
UPDATE ruleset SET in_force = '-infinity/2099-03-29T01:00Z' WHERE code = 'ena-2025-01';
UPDATE ruleset SET status = 'in_force' WHERE code = 'random';
