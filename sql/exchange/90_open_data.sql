-- archetype: medium
-- Open data: which tables everybody may have, under which licence, and what is said of them as a whole.
--
-- The rows here decide what is given to the world: the owner of the exchange writes them, and nobody else.

ALTER TABLE exchange_instance
  ADD COLUMN uri text NOT NULL DEFAULT 'urn:uuid:' || gen_random_uuid(),
  ADD CONSTRAINT exchange_instance_uri_is_absolute CHECK (
    check_form(uri, 'exchange_instance.uri', '^[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]+$', 'an absolute URI such as https://exchange.example.org/gb'));
COMMENT ON COLUMN exchange_instance.uri IS 'what names this exchange to the world: the source of its events and the id of its open data; a random one that the owner may replace by an address, before anybody reads the feed';
COMMENT ON CONSTRAINT exchange_instance_uri_is_absolute ON exchange_instance IS 'a URI with its scheme';

CREATE TABLE open_package (
  one         boolean PRIMARY KEY DEFAULT true,
  name        text NOT NULL,
  title       text NOT NULL,
  description text NOT NULL,
  creator     text NOT NULL,
  publisher   text NOT NULL,
  contributor text,
  subject     text[] NOT NULL,
  language    text NOT NULL,
  coverage    text NOT NULL,
  source      text NOT NULL,
  relation    text,
  CONSTRAINT open_package_is_one CHECK (one),
  CONSTRAINT open_package_name_is_plain CHECK (check_form(name, 'open_package.name', '^[a-z0-9]+([._-][a-z0-9]+)*$', 'lower-case letters and digits such as gb-open-data')),
  CONSTRAINT open_package_language_is_a_tag CHECK (check_form(language, 'open_package.language', '^[a-z]{2,3}(-[A-Za-z0-9]+)*$', 'a language tag such as en-GB'))
);
COMMENT ON TABLE open_package IS 'one row: what is said of the open data as a whole, by the elements of Dublin Core; what is missing here (date, type, format, identifier, rights) follows from the data';
COMMENT ON COLUMN open_package.one IS 'true: there is one row';
COMMENT ON COLUMN open_package.name IS 'short name, for addresses and files';
COMMENT ON COLUMN open_package.title IS 'title';
COMMENT ON COLUMN open_package.description IS 'what it is';
COMMENT ON COLUMN open_package.creator IS 'who makes the data';
COMMENT ON COLUMN open_package.publisher IS 'who makes them available';
COMMENT ON COLUMN open_package.contributor IS 'who else had a part in them; NULL: nobody';
COMMENT ON COLUMN open_package.subject IS 'keywords';
COMMENT ON COLUMN open_package.language IS 'language of titles and texts (BCP 47)';
COMMENT ON COLUMN open_package.coverage IS 'place that they are about';
COMMENT ON COLUMN open_package.source IS 'what they derive from';
COMMENT ON COLUMN open_package.relation IS 'what else belongs to them, for example a page that explains them; NULL: nothing';
COMMENT ON CONSTRAINT open_package_is_one ON open_package IS 'there is one row';
COMMENT ON CONSTRAINT open_package_name_is_plain ON open_package IS 'a name of the Data Package specification';
COMMENT ON CONSTRAINT open_package_language_is_a_tag ON open_package IS 'a language tag';
INSERT INTO open_package (name, title, description, creator, publisher, contributor, subject, language, coverage, source)
SELECT replace(s, '_', '-') || '-open-data', 'Open data of the flexibility exchange ' || s,
       'Markets, products, needs, rules and statistics of the flexibility exchange ' || s || ', as far as everybody may have them; nothing in them is of a single provider.',
       'Operator of the exchange ' || s, 'Operator of the exchange ' || s, 'Market operators of the exchange ' || s,
       '{electricity,flexibility,markets,networks}', 'en-GB', 'Great Britain', 'The registers and the book of the exchange ' || s
FROM current_schema() s;

CREATE TABLE open_dataset (
  name        text PRIMARY KEY,
  relation    text NOT NULL,
  title       text NOT NULL,
  description text,
  columns     text[],
  condition   text,
  licence     text NOT NULL DEFAULT 'CC-BY-4.0',
  source      text,
  replicated  boolean NOT NULL DEFAULT true,
  CONSTRAINT open_dataset_name_is_plain CHECK (check_form(name, 'open_dataset.name', '^[a-z0-9]+([._-][a-z0-9]+)*$', 'lower-case letters and digits such as open_statistic')),
  CONSTRAINT open_dataset_title_is_short CHECK (check_text(title, 'open_dataset.title', 255)),
  CONSTRAINT open_dataset_licence_is_known CHECK (check_code(licence, 'open_dataset.licence', 'CC0-1.0', 'CC-BY-4.0', 'ODC-BY-1.0', 'OGL-UK-3.0', 'PDDL-1.0'))
);
COMMENT ON TABLE open_dataset IS 'what is open: tables and views of this exchange, rows and columns that the role flexexchange_analyst may read whole; the owner of the exchange writes it, nobody else';
COMMENT ON COLUMN open_dataset.name IS 'name of the resource; its file is <name>.csv';
COMMENT ON COLUMN open_dataset.relation IS 'table or view of this exchange';
COMMENT ON COLUMN open_dataset.title IS 'title';
COMMENT ON COLUMN open_dataset.description IS 'what it is; NULL: the comment of the table';
COMMENT ON COLUMN open_dataset.columns IS 'the columns; NULL: all but those to search by (tsvector)';
COMMENT ON COLUMN open_dataset.condition IS 'which rows, as SQL over the columns of the table, in the path of the exchange; NULL: all';
COMMENT ON COLUMN open_dataset.licence IS 'licence, by its code of the Open Definition: CC0-1.0, CC-BY-4.0, ODC-BY-1.0, OGL-UK-3.0, PDDL-1.0';
COMMENT ON COLUMN open_dataset.source IS 'where it comes from; NULL: open_package.source';
COMMENT ON COLUMN open_dataset.replicated IS 'true: a table that publish_open_data() publishes; false where it is a view, or the condition asks other tables, which a publication cannot';
COMMENT ON CONSTRAINT open_dataset_name_is_plain ON open_dataset IS 'a name of the Data Package specification';
COMMENT ON CONSTRAINT open_dataset_title_is_short ON open_dataset IS 'at most 255 characters';
COMMENT ON CONSTRAINT open_dataset_licence_is_known ON open_dataset IS 'an open licence';
INSERT INTO open_dataset (name, relation, title, columns, condition) VALUES
  ('competition', 'competition', 'Tenders and auctions', NULL, NULL),
  ('competition_lot', 'competition_lot', 'Parts of tenders that are awarded each by itself', NULL, NULL),
  ('competition_requirement', 'competition_requirement', 'What tenders want, where and when', NULL, NULL),
  ('competition_step', 'competition_step', 'What became of tenders, and why', '{id,competition_id,status,since,reason}', NULL),
  ('competition_terms', 'competition_terms', 'How tenders are cleared, and which orders they take', NULL, NULL),
  ('competition_transfer_limit', 'competition_transfer_limit', 'How far places serve each other in tenders', NULL, NULL),
  ('event_seal', 'event_seal', 'Seals of the log, to be kept by whoever wants to check it', NULL, NULL),
  ('grid_node', 'grid_node', 'Places of the network', NULL, NULL),
  ('grid_node_parent', 'grid_node_parent', 'What feeds what in the network', NULL, NULL),
  ('market', 'market', 'Markets', NULL, NULL),
  ('market_gate', 'market_gate', 'Gates of markets', NULL, NULL),
  ('market_operator', 'participant', 'Who buys and who operates networks', '{id,mrid,name,website,description}',
   'id IN (SELECT market_operator_id FROM market UNION SELECT operator_id FROM grid_node UNION SELECT market_operator_id FROM need WHERE status <> ''draft'')'),
  ('need', 'need', 'Flexibility that market operators expect to want', NULL, 'status <> ''draft'''),
  ('need_window', 'need_window', 'When exactly it is wanted', NULL, 'EXISTS (SELECT FROM need n WHERE n.id = need_id AND n.status <> ''draft'')'),
  ('open_statistic', 'open_statistic', 'What was bought, used and in conflict, by month', NULL, NULL),
  ('primacy_rule', 'primacy_rule', 'Whose instruction prevails', NULL, NULL),
  ('product', 'product', 'Products', NULL, NULL),
  ('product_alias', 'product_alias', 'Names of products in public files', NULL, NULL),
  ('product_template', 'product_template', 'What published products require', NULL, NULL),
  ('registration_rule', 'registration_rule', 'Rules of the register', NULL, NULL),
  ('ruleset', 'ruleset', 'Rulesets', NULL, NULL),
  ('ruleset_action', 'ruleset_action', 'What rulesets do about conflicts', NULL, NULL),
  ('service', 'service', 'Services', NULL, NULL),
  ('stacking_interpretation', 'stacking_interpretation', 'How rulesets read verdicts on stacking', NULL, NULL),
  ('stacking_rule', 'stacking_rule', 'Verdicts on stacking', NULL, NULL),
  ('switch_term', 'switch_term', 'Terms of switching between providers', NULL, NULL),
  ('taxonomy_mapping', 'taxonomy_mapping', 'Which word of one scheme is which of another', NULL, NULL),
  ('taxonomy_scheme', 'taxonomy_scheme', 'Schemes of words', NULL, NULL),
  ('taxonomy_term', 'taxonomy_term', 'Words', NULL, NULL);
UPDATE open_dataset SET replicated = false WHERE name IN ('market_operator', 'need_window');
