-- archetype: thin
-- Taxonomy: what a new version changes, and whom that affects.
--
-- View word_use says who uses which word.  Modules that have more users of words
-- replace it: 31_taxonomy_changes_logic.sql does when there are assets.

CREATE OR REPLACE VIEW word_use WITH (security_invoker = true) AS
  -- whatever texts a specification has; a product may have none yet, nor a column for one
  SELECT w.word #>> '{}' AS word, true AS in_common, 'product'::text AS used_by, p.id, false AS imported
  FROM product p
  CROSS JOIN LATERAL jsonb_path_query((to_jsonb(p) ->> 'spec')::jsonb, 'strict $.** ? (@.type() == "string")') AS w (word);
COMMENT ON VIEW word_use IS 'which products, assets and portfolios use which words, as far as the reader may see them; a word may stand there more than once for one of them';
COMMENT ON COLUMN word_use.word IS 'the word';
COMMENT ON COLUMN word_use.in_common IS 'true: a common word of a specification or profile; false: as registered, in the words of whoever registered it';
COMMENT ON COLUMN word_use.used_by IS 'product, asset or portfolio';
COMMENT ON COLUMN word_use.id IS 'its id';
COMMENT ON COLUMN word_use.imported IS 'true when it came by an import';
GRANT SELECT ON word_use TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION taxonomy_changes(scheme text, old_version text, new_version text)
RETURNS TABLE (change text, code text, was text, becomes text, products bigint, assets bigint, imported_assets bigint, portfolios bigint)
LANGUAGE plpgsql VOLATILE PARALLEL SAFE
SET search_path FROM CURRENT
SET jit = off   -- the planner expects a thousand texts in each profile
AS $function$
DECLARE
  before taxonomy_scheme := require_taxonomy(taxonomy_changes.scheme, old_version);
  after taxonomy_scheme := require_taxonomy(taxonomy_changes.scheme, new_version);
BEGIN
  RETURN QUERY
  WITH mapped AS (   -- both ways, whatever the versions of the other schemes
    SELECT m.version, m.code, format('%s %s %s', m.relation, m.to_scheme, m.to_code) AS said
    FROM taxonomy_mapping m WHERE m.scheme = before.code AND m.version IN (before.version, after.version)
    UNION
    SELECT m.to_version, m.to_code, format('%s of %s %s', m.relation, m.scheme, m.code)
    FROM taxonomy_mapping m WHERE m.to_scheme = before.code AND m.to_version IN (before.version, after.version)
  ), standing AS (
    SELECT t.version, t.code, t.label, t.definition, t.broader,
           (SELECT string_agg(m.said, ', ' ORDER BY m.said COLLATE "C") FROM mapped m WHERE (m.version, m.code) = (t.version, t.code)) AS mapped
    FROM taxonomy_term t
    WHERE t.scheme = before.code
      AND (t.version = before.version AND t.valid && before.valid OR t.version = after.version AND t.valid && after.valid)
  ), used AS (
    SELECT CASE before.code WHEN 'common' THEN u.word ELSE lower(u.word) END AS word,
           count(DISTINCT u.id) FILTER (WHERE u.used_by = 'product') AS products,
           count(DISTINCT u.id) FILTER (WHERE u.used_by = 'asset') AS assets,
           count(DISTINCT u.id) FILTER (WHERE u.used_by = 'asset' AND u.imported) AS imported_assets,
           count(DISTINCT u.id) FILTER (WHERE u.used_by = 'portfolio') AS portfolios
    FROM word_use u WHERE u.in_common = (before.code = 'common') GROUP BY 1
  )
  SELECT d.change, d.code, d.was, d.becomes,
         coalesce(u.products, 0), coalesce(u.assets, 0), coalesce(u.imported_assets, 0), coalesce(u.portfolios, 0)
  FROM (
    SELECT c.change, coalesce(o.code, n.code) AS code, c.was, c.becomes
    FROM (SELECT * FROM standing s WHERE s.version = before.version) o
    FULL JOIN (SELECT * FROM standing s WHERE s.version = after.version) n ON n.code = o.code
    CROSS JOIN LATERAL (VALUES
      ('added', NULL, n.label, o.code IS NULL),
      ('ended', o.label, NULL, n.code IS NULL),
      ('relabelled', o.label, n.label, o.label <> n.label),
      ('redefined', o.definition, n.definition, o.code = n.code AND o.definition IS DISTINCT FROM n.definition),
      ('moved', o.broader, n.broader, o.code = n.code AND o.broader IS DISTINCT FROM n.broader),
      ('remapped', o.mapped, n.mapped, o.code = n.code AND o.mapped IS DISTINCT FROM n.mapped)
    ) AS c (change, was, becomes, holds)
    WHERE c.holds
  ) d
  LEFT JOIN used u ON u.word = CASE before.code WHEN 'common' THEN d.code ELSE lower(d.code) END
  ORDER BY d.code COLLATE "C", d.change COLLATE "C";
END
$function$;
COMMENT ON FUNCTION taxonomy_changes(text, text, text) IS
  'what one version of a scheme says otherwise than another: terms added, ended (or not active), relabelled, redefined, moved below another, remapped; each with the products, assets (and those of them that were imported) and portfolios that use the word and that the caller may see: of scheme common in a specification or profile, of others as registered; error MX104';
REVOKE ALL ON FUNCTION taxonomy_changes(text, text, text) FROM PUBLIC;
-- analysts do not read the register
GRANT EXECUTE ON FUNCTION taxonomy_changes(text, text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
