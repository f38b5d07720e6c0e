-- archetype: medium
-- Taxonomy: assets and portfolios use words too, in their profiles and as registered.

CREATE OR REPLACE VIEW word_use WITH (security_invoker = true) AS
  WITH unit AS (
    SELECT 'asset' AS used_by, a.id, a.profile, ARRAY[a.technology, a.energy_source] AS registered, a.source IS NOT NULL AS imported FROM asset a
    UNION ALL
    SELECT 'portfolio', f.id, f.profile, ARRAY[f.technology], false FROM portfolio f
  )
  SELECT w.word #>> '{}' AS word, true AS in_common, 'product'::text AS used_by, p.id, false AS imported
  FROM product p
  CROSS JOIN LATERAL jsonb_path_query((to_jsonb(p) ->> 'spec')::jsonb, 'strict $.** ? (@.type() == "string")') AS w (word)
  UNION ALL
  SELECT w.word #>> '{}', true, u.used_by, u.id, u.imported
  FROM unit u
  CROSS JOIN LATERAL jsonb_path_query(u.profile::jsonb, 'strict $.** ? (@.type() == "string")') AS w (word)
  UNION ALL
  -- several are joined by " + " when they are imported
  SELECT w.word, false, u.used_by, u.id, u.imported
  FROM unit u
  CROSS JOIN LATERAL unnest(u.registered) AS r (words)
  CROSS JOIN LATERAL string_to_table(r.words, ' + ') AS w (word);
