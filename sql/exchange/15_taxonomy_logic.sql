-- archetype: thin
-- Taxonomy: reading the words, what they are in common, and putting a new version
-- beside the old one.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['taxonomy_scheme', 'taxonomy_term', 'taxonomy_mapping']) t;

-- ------------------------------------------------------------------ no term above itself

CREATE OR REPLACE FUNCTION refuse_broader_cycle() RETURNS trigger
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  closed record;
BEGIN
  -- One writer of a hierarchy at a time: two sessions could close a cycle together.
  -- The update, rather than a lock, ends a REPEATABLE READ transaction that could not
  -- see what the other wrote with 40001.
  UPDATE taxonomy_scheme s SET title = s.title
  WHERE (s.code, s.version) IN (SELECT c.scheme, c.version FROM changed c WHERE c.broader IS NOT NULL);

  WITH RECURSIVE upwards AS (
    SELECT c.scheme, c.version, ARRAY[c.code] AS path, c.broader AS next FROM changed c WHERE c.broader IS NOT NULL
    UNION ALL
    SELECT u.scheme, u.version, u.path || t.code, t.broader
    FROM upwards u JOIN taxonomy_term t ON (t.scheme, t.version, t.code) = (u.scheme, u.version, u.next)
    WHERE u.next <> ALL (u.path)
  )
  SELECT u.scheme, u.version, u.path[array_position(u.path, u.next):] || u.next AS cycle INTO closed
  FROM upwards u WHERE u.next = ANY (u.path)
  ORDER BY u.path COLLATE "C" LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'taxonomy_term.broader leads back to the term itself: %', array_to_string(closed.cycle, ' -> ')
      USING ERRCODE = 'check_violation',
            DETAIL = format('Scheme %s, version %s.', closed.scheme, closed.version),
            HINT = 'Give one of these terms another broader term, or none.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION refuse_broader_cycle() IS
  'trigger, AFTER a change FOR EACH STATEMENT with transition table changed: no term is above itself; error 23514 names the cycle';
REVOKE ALL ON FUNCTION refuse_broader_cycle() FROM PUBLIC;

CREATE OR REPLACE TRIGGER t50_no_cycle_insert AFTER INSERT ON taxonomy_term REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_broader_cycle();
COMMENT ON TRIGGER t50_no_cycle_insert ON taxonomy_term IS 'no term is above itself';
CREATE OR REPLACE TRIGGER t50_no_cycle_update AFTER UPDATE ON taxonomy_term REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_broader_cycle();
COMMENT ON TRIGGER t50_no_cycle_update ON taxonomy_term IS 'no term is above itself';

-- ------------------------------------------------------------------ reading

CREATE OR REPLACE FUNCTION narrower_terms(scheme text, code text, instant timestamptz DEFAULT now())
RETURNS TABLE (code text, label text, broader text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH RECURSIVE below AS (
    SELECT t.scheme, t.version, t.code FROM taxonomy_term t
    JOIN taxonomy_scheme s ON (s.code, s.version) = (t.scheme, t.version) AND s.valid @> narrower_terms.instant
    WHERE t.scheme = narrower_terms.scheme AND t.code = narrower_terms.code
    UNION
    SELECT t.scheme, t.version, t.code FROM below b JOIN taxonomy_term t ON (t.scheme, t.version, t.broader) = (b.scheme, b.version, b.code)
  )
  SELECT t.code, t.label, t.broader FROM below b JOIN taxonomy_term t ON (t.scheme, t.version, t.code) = (b.scheme, b.version, b.code)
  WHERE t.valid @> narrower_terms.instant;
END;
COMMENT ON FUNCTION narrower_terms(text, text, timestamptz) IS
  'a term and all terms below it that may be used at an instant, in the version of the scheme that is used then: what a product lists that takes any of them';
REVOKE ALL ON FUNCTION narrower_terms(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION narrower_terms(text, text, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION common_terms(scheme text, word text, instant timestamptz DEFAULT now())
RETURNS TABLE (code text, label text, relation text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.code, t.label, m.relation
  FROM taxonomy_scheme s
  JOIN taxonomy_term w ON (w.scheme, w.version) = (s.code, s.version) AND lower(w.code) = lower(common_terms.word)
    AND w.valid @> common_terms.instant
  JOIN taxonomy_mapping m ON (m.scheme, m.version, m.code) = (w.scheme, w.version, w.code) AND m.to_scheme = 'common'
    AND m.valid @> common_terms.instant
  JOIN taxonomy_scheme c ON (c.code, c.version) = (m.to_scheme, m.to_version) AND c.valid @> common_terms.instant
  JOIN taxonomy_term t ON (t.scheme, t.version, t.code) = (m.to_scheme, m.to_version, m.to_code) AND t.valid @> common_terms.instant
  WHERE s.code = common_terms.scheme AND s.valid @> common_terms.instant
  ORDER BY array_position(ARRAY['exact', 'broad', 'close', 'narrow'], m.relation), t.code COLLATE "C";
END;
COMMENT ON FUNCTION common_terms(text, text, timestamptz) IS
  'what a word of a scheme, in any case, is in common, in the versions that are used at an instant, and how exactly (taxonomy_mapping.relation), the surest first; no row for a word that is not known, not active or not mapped';
REVOKE ALL ON FUNCTION common_terms(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION common_terms(text, text, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- An onshore turbine is a wind turbine: what is exact or broader is true of the
-- asset.  What is close or narrower may not be, and a profile claims nothing that
-- may not be.
CREATE OR REPLACE FUNCTION common_term(scheme text, word text, key text, instant timestamptz DEFAULT now()) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.code
  FROM common_terms(common_term.scheme, common_term.word, common_term.instant) c
  WHERE c.relation IN ('exact', 'broad')
    AND c.code IN (SELECT n.code FROM narrower_terms('common', common_term.key, common_term.instant) n)
    AND c.code <> common_term.key
  ORDER BY c.relation = 'broad', c.code COLLATE "C"
  LIMIT 1;
END;
COMMENT ON FUNCTION common_term(text, text, text, timestamptz) IS
  'the common word that is sure to be true of what a scheme calls by a word: an exact or else a broader one; key is the term of scheme common that it must lie below, such as technology or energy_source; NULL when there is none';
REVOKE ALL ON FUNCTION common_term(text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION common_term(text, text, text, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION common_profile(technology_scheme text, technology text, energy_source_scheme text, energy_source text,
                                          instant timestamptz DEFAULT now()) RETURNS asset_profile
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- a key is known when each of its words is: half of what an asset is would be a wrong answer
  SELECT jsonb_object_agg(k.key, k.codes)::asset_profile
  FROM (
    SELECT w.key, jsonb_agg(DISTINCT c.code) AS codes
    FROM (VALUES ('technology', common_profile.technology_scheme, common_profile.technology),
                 ('energy_source', common_profile.energy_source_scheme, common_profile.energy_source)) AS w (key, scheme, registered)
    CROSS JOIN LATERAL string_to_table(w.registered, ' + ') AS word
    CROSS JOIN LATERAL common_term(w.scheme, word, w.key, common_profile.instant) AS c (code)
    GROUP BY w.key
    HAVING bool_and(c.code IS NOT NULL)
  ) k;
END;
COMMENT ON FUNCTION common_profile(text, text, text, text, timestamptz) IS
  'what the registered technology and energy source of an asset (words of these schemes, several joined by " + ") say in common words: a profile of the keys technology and energy_source, each where common_term() knows all its words; NULL where it knows neither';
REVOKE ALL ON FUNCTION common_profile(text, text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION common_profile(text, text, text, text, timestamptz)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ------------------------------------------------------------------ versions

-- VOLATILE, for the planner tries STABLE functions beforehand: see require_ruleset()
CREATE OR REPLACE FUNCTION require_taxonomy(scheme text, version text) RETURNS taxonomy_scheme
LANGUAGE plpgsql VOLATILE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  required taxonomy_scheme;
BEGIN
  SELECT s.* INTO required FROM taxonomy_scheme s WHERE s.code = require_taxonomy.scheme AND s.version = require_taxonomy.version;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no version % of taxonomy scheme %', coalesce(quote_literal(left(require_taxonomy.version, 64)), 'NULL'),
                    coalesce(quote_literal(left(require_taxonomy.scheme, 64)), 'NULL')
      USING ERRCODE = 'MX104',
            HINT = coalesce('Versions of it: ' || (SELECT string_agg(s.version, ', ' ORDER BY s.version COLLATE "C")
                                                    FROM taxonomy_scheme s WHERE s.code = require_taxonomy.scheme) || '.',
                            'Schemes of this exchange: ' || (SELECT string_agg(DISTINCT s.code, ', ' ORDER BY s.code) FROM taxonomy_scheme s) || '.',
                            'Load one into taxonomy_scheme and taxonomy_term.');
  END IF;
  RETURN required;
END
$function$;
COMMENT ON FUNCTION require_taxonomy(text, text) IS 'a version of a scheme; error MX104';
REVOKE ALL ON FUNCTION require_taxonomy(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION require_taxonomy(text, text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION copy_taxonomy(scheme text, version text, new_version text, starts timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  original taxonomy_scheme := require_taxonomy(copy_taxonomy.scheme, copy_taxonomy.version);
BEGIN
  IF starts IS NULL OR NOT (original.valid @> starts) OR starts = lower(original.valid) THEN
    RAISE EXCEPTION 'starts must be an instant within version % and after its beginning, not %', quote_literal(original.version),
                    coalesce(quote_literal(starts), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', DETAIL = format('It is used in %s.', original.valid),
            HINT = 'The version that is copied ends where the new one starts.';
  END IF;
  UPDATE taxonomy_scheme s SET valid = time_window(lower(s.valid), starts)
  WHERE s.code = original.code AND s.version = original.version;
  INSERT INTO taxonomy_scheme (code, version, title, publisher, source, status, valid)
    VALUES (original.code, new_version, original.title, original.publisher, original.source, original.status,
            time_window(starts, upper(original.valid)));
  INSERT INTO taxonomy_term (scheme, version, code, label, definition, broader, valid)
    SELECT t.scheme, new_version, t.code, t.label, t.definition, t.broader, t.valid
    FROM taxonomy_term t WHERE t.scheme = original.code AND t.version = original.version;
  -- from its terms, and to them
  INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source, valid)
    SELECT m.scheme, new_version, m.code, m.to_scheme, m.to_version, m.to_code, m.relation, m.source, m.valid
    FROM taxonomy_mapping m WHERE m.scheme = original.code AND m.version = original.version
    UNION ALL
    SELECT m.scheme, m.version, m.code, m.to_scheme, new_version, m.to_code, m.relation, m.source, m.valid
    FROM taxonomy_mapping m WHERE m.to_scheme = original.code AND m.to_version = original.version;
END
$function$;
COMMENT ON FUNCTION copy_taxonomy(text, text, text, timestamptz) IS
  'puts a copy of a version of a scheme, with its terms and the mappings from and to them, beside it as a new version that is used from an instant on, where the copied one ends; change the copy, then look at taxonomy_changes(); errors MX104, 22023, 23505';
REVOKE ALL ON FUNCTION copy_taxonomy(text, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION copy_taxonomy(text, text, text, timestamptz) TO flexexchange_operator;
