-- The JSON document of a ruleset: what judges it.  Writing it and reading it into
-- tables is SQL, in module 41_rulesets_logic.

CREATE FUNCTION check_ruleset_document(document text, services text[]) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_ruleset_document'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_ruleset_document(text, text[]) IS
  'true when the text is the JSON document of a ruleset on these services, else error 22P02 or 22023 that names line, column and key; O(n log n)';
