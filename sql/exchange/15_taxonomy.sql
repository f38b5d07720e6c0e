-- archetype: thin
-- Taxonomy: the words that are used for assets and products, in common and by
-- each operator, and what the one means in terms of the other.
--
-- The meaning is that of SKOS: a term is a concept, its code the notation, and
-- exact, close, broad and narrow are the mapping relations.  A version of a scheme
-- is a row of its own with all its terms; the next one is put beside it.

CREATE TABLE taxonomy_scheme (
  code        text NOT NULL,
  version     text NOT NULL,
  title       text NOT NULL,
  publisher   text NOT NULL,
  source      text NOT NULL,
  status      text NOT NULL DEFAULT 'published',
  valid       time_window NOT NULL DEFAULT time_window(now(), 'infinity'),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT taxonomy_scheme_version_once PRIMARY KEY (code, version),
  CONSTRAINT taxonomy_scheme_code_is_short CHECK (check_text(code, 'taxonomy_scheme.code', 64)),
  CONSTRAINT taxonomy_scheme_version_is_short CHECK (check_text(version, 'taxonomy_scheme.version', 64)),
  CONSTRAINT taxonomy_scheme_title_is_short CHECK (check_text(title, 'taxonomy_scheme.title', 255)),
  CONSTRAINT taxonomy_scheme_publisher_is_short CHECK (check_text(publisher, 'taxonomy_scheme.publisher', 255)),
  CONSTRAINT taxonomy_scheme_source_is_short CHECK (check_text(source, 'taxonomy_scheme.source', 1000)),
  CONSTRAINT taxonomy_scheme_status_is_known CHECK (check_code(status, 'taxonomy_scheme.status', 'draft', 'published')),
  -- 64 bits of hash stand for the code; judged at the end of a statement, so that one version ends and the next begins in one
  CONSTRAINT taxonomy_scheme_one_in_force EXCLUDE USING gist (resource_window(hashtextextended(code, 0), valid) WITH &&) DEFERRABLE
);
COMMENT ON TABLE taxonomy_scheme IS 'versions of lists of words, each published by somebody; scheme common has the words of asset_profile and product_spec';
COMMENT ON COLUMN taxonomy_scheme.code IS 'short code, the same for all versions, for example fmar_asset_category';
COMMENT ON COLUMN taxonomy_scheme.version IS 'version, as its publisher writes it';
COMMENT ON COLUMN taxonomy_scheme.title IS 'title';
COMMENT ON COLUMN taxonomy_scheme.publisher IS 'who publishes it';
COMMENT ON COLUMN taxonomy_scheme.source IS 'the document or data that it was taken from';
COMMENT ON COLUMN taxonomy_scheme.status IS 'draft, where its publisher calls it so, or published';
COMMENT ON COLUMN taxonomy_scheme.valid IS 'when this version is the one that is used';
COMMENT ON COLUMN taxonomy_scheme.recorded_at IS 'when the row was written';
COMMENT ON CONSTRAINT taxonomy_scheme_version_once ON taxonomy_scheme IS 'a version stands once';
COMMENT ON CONSTRAINT taxonomy_scheme_one_in_force ON taxonomy_scheme IS 'one version of a scheme is used at a time';

CREATE TABLE taxonomy_term (
  scheme     text NOT NULL,
  version    text NOT NULL,
  code       text NOT NULL,
  label      text NOT NULL,
  definition text,
  broader    text,
  valid      time_window DEFAULT '-infinity/infinity',
  CONSTRAINT taxonomy_term_once PRIMARY KEY (scheme, version, code),
  CONSTRAINT taxonomy_term_is_of_a_scheme FOREIGN KEY (scheme, version) REFERENCES taxonomy_scheme ON DELETE CASCADE,
  CONSTRAINT taxonomy_term_broader_is_of_the_scheme FOREIGN KEY (scheme, version, broader) REFERENCES taxonomy_term,
  -- codes of profiles have no more
  CONSTRAINT taxonomy_term_code_is_short CHECK (check_text(code, 'taxonomy_term.code', CASE scheme WHEN 'common' THEN 63 ELSE 255 END)),
  CONSTRAINT taxonomy_term_code_has_no_blanks_around CHECK (code = btrim(code)),
  CONSTRAINT taxonomy_term_label_is_short CHECK (check_text(label, 'taxonomy_term.label', 255)),
  CONSTRAINT taxonomy_term_definition_is_short CHECK (check_text(definition, 'taxonomy_term.definition', 1000))
);
-- words are found without regard to case; what lies below a term
CREATE UNIQUE INDEX taxonomy_term_word_key ON taxonomy_term (scheme, version, lower(code));
CREATE INDEX taxonomy_term_broader_idx ON taxonomy_term (scheme, version, broader);
COMMENT ON TABLE taxonomy_term IS 'the words of a version of a scheme';
COMMENT ON COLUMN taxonomy_term.scheme IS 'the scheme';
COMMENT ON COLUMN taxonomy_term.version IS 'its version';
COMMENT ON COLUMN taxonomy_term.code IS 'the word, as it stands in data';
COMMENT ON COLUMN taxonomy_term.label IS 'what people call it';
COMMENT ON COLUMN taxonomy_term.definition IS 'what it means; NULL where the publisher does not say';
COMMENT ON COLUMN taxonomy_term.broader IS 'the term of the same scheme and version that covers it; NULL at the top';
COMMENT ON COLUMN taxonomy_term.valid IS 'when it may be used; NULL for a code that is listed and not active, of which nobody says from when';
COMMENT ON CONSTRAINT taxonomy_term_once ON taxonomy_term IS 'a word stands once in a version';
COMMENT ON CONSTRAINT taxonomy_term_is_of_a_scheme ON taxonomy_term IS 'terms go with their version';
COMMENT ON CONSTRAINT taxonomy_term_broader_is_of_the_scheme ON taxonomy_term IS 'the broader term is one of the same version';
COMMENT ON CONSTRAINT taxonomy_term_code_has_no_blanks_around ON taxonomy_term IS 'words are compared as they stand';
COMMENT ON INDEX taxonomy_term_word_key IS 'words that differ in case only are one';
COMMENT ON INDEX taxonomy_term_broader_idx IS 'the terms below a term';

CREATE TABLE taxonomy_mapping (
  scheme     text NOT NULL,
  version    text NOT NULL,
  code       text NOT NULL,
  to_scheme  text NOT NULL,
  to_version text NOT NULL,
  to_code    text NOT NULL,
  relation   text NOT NULL,
  source     text NOT NULL,
  valid      time_window NOT NULL DEFAULT '-infinity/infinity',
  CONSTRAINT taxonomy_mapping_once PRIMARY KEY (scheme, version, code, to_scheme, to_version, to_code),
  CONSTRAINT taxonomy_mapping_is_of_a_term FOREIGN KEY (scheme, version, code) REFERENCES taxonomy_term ON DELETE CASCADE,
  CONSTRAINT taxonomy_mapping_is_to_a_term FOREIGN KEY (to_scheme, to_version, to_code) REFERENCES taxonomy_term ON DELETE CASCADE,
  CONSTRAINT taxonomy_mapping_is_to_another_scheme CHECK (scheme <> to_scheme),
  CONSTRAINT taxonomy_mapping_relation_is_known CHECK (
    check_code(relation, 'taxonomy_mapping.relation', 'exact', 'close', 'broad', 'narrow')),
  CONSTRAINT taxonomy_mapping_source_is_short CHECK (check_text(source, 'taxonomy_mapping.source', 1000))
);
-- what is mapped to a term
CREATE INDEX taxonomy_mapping_to_idx ON taxonomy_mapping (to_scheme, to_version, to_code);
COMMENT ON TABLE taxonomy_mapping IS 'what a term is in the words of another scheme';
COMMENT ON COLUMN taxonomy_mapping.scheme IS 'scheme of the term';
COMMENT ON COLUMN taxonomy_mapping.version IS 'version of that scheme';
COMMENT ON COLUMN taxonomy_mapping.code IS 'the term';
COMMENT ON COLUMN taxonomy_mapping.to_scheme IS 'the other scheme';
COMMENT ON COLUMN taxonomy_mapping.to_version IS 'its version';
COMMENT ON COLUMN taxonomy_mapping.to_code IS 'the term there';
COMMENT ON COLUMN taxonomy_mapping.relation IS 'what the term there is to this one, as in SKOS: exact, the same; close, nearly the same; broad, it covers more; narrow, it covers less';
COMMENT ON COLUMN taxonomy_mapping.source IS 'who says so, and why';
COMMENT ON COLUMN taxonomy_mapping.valid IS 'when that holds';
COMMENT ON CONSTRAINT taxonomy_mapping_once ON taxonomy_mapping IS 'two terms are compared once';
COMMENT ON CONSTRAINT taxonomy_mapping_is_of_a_term ON taxonomy_mapping IS 'a mapping goes with its term';
COMMENT ON CONSTRAINT taxonomy_mapping_is_to_a_term ON taxonomy_mapping IS 'a mapping goes with the term that it leads to';
COMMENT ON CONSTRAINT taxonomy_mapping_is_to_another_scheme ON taxonomy_mapping IS 'within a scheme there is the broader term';
COMMENT ON INDEX taxonomy_mapping_to_idx IS 'what is mapped to a term';
