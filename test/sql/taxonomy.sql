-- Taxonomy: words in common, words of others, what the one is in terms of the other,
-- and what a new version of a list of words changes for whom.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT flexexchange.create_exchange('taxonomy_test', 'thin');
SET search_path = taxonomy_test, flexexchange;

-- What comes with an exchange, a directory too.
SELECT s.code, s.version, s.status, count(t.code) AS terms, count(t.code) FILTER (WHERE t.valid IS NULL) AS not_active,
       (SELECT count(*) FROM taxonomy_mapping m WHERE (m.scheme, m.version) = (s.code, s.version)) AS mapped
FROM taxonomy_scheme s LEFT JOIN taxonomy_term t ON (t.scheme, t.version) = (s.code, s.version) GROUP BY s.code, s.version ORDER BY s.code COLLATE "C";
-- drafts are said to be drafts, and whatever is mapped says by whom
SELECT count(*) FROM taxonomy_scheme WHERE (status = 'draft') <> (code LIKE 'fmar\_%');
-- the draft lists: what is active, what is listed only
SELECT scheme, string_agg(code, ' ' ORDER BY code COLLATE "C") FILTER (WHERE valid @> now()) AS active, string_agg(code, ' ' ORDER BY code COLLATE "C") FILTER (WHERE valid IS NULL) AS not_active
FROM taxonomy_term WHERE scheme LIKE 'fmar\_%' GROUP BY scheme ORDER BY scheme COLLATE "C";
-- every active code of theirs but OTHER has its common word; networks are no property of an asset
SELECT scheme, code FROM taxonomy_term t WHERE scheme LIKE 'fmar\_%' AND scheme <> 'fmar_dno' AND valid @> now() AND NOT EXISTS (SELECT FROM common_terms(t.scheme, t.code))
ORDER BY scheme COLLATE "C";
-- the common words below a key of the type are read by the type
SELECT k.key, count(*) FILTER (WHERE (jsonb_build_object(k.key, jsonb_build_array(n.code))::asset_profile)::jsonb ? k.key) AS read
FROM unnest(ARRAY['technology', 'energy_source', 'connection_status', 'connection_type', 'directions', 'metering']) k (key), narrower_terms('common', k.key) n
WHERE n.code <> k.key GROUP BY k.key ORDER BY k.key COLLATE "C";

-- What a word is in common, and how exactly.  An onshore turbine is a wind turbine; oil need not be diesel.
SELECT w.*, c.code, c.relation, common_term(w.scheme, w.word, w.key) AS sure
FROM (VALUES (1, 'ecr_conversion_technology', 'technology', 'Photovoltaic'), (2, 'ecr_conversion_technology', 'technology', 'ONSHORE wind turbines'), (3, 'ecr_energy_source', 'energy_source', 'fossil oil'),
             (4, 'ecr_energy_source', 'energy_source', 'Waste'), (5, 'ecr_energy_source', 'energy_source', 'Hope'), (6, 'fmar_connection_type', 'connection_type', 'FIRM'),
             (7, 'fmar_connection_type', 'connection_type', 'TIMED'), (8, 'fmar_asset_category', 'energy_source', 'BESS'), (9, 'nobody', 'technology', 'Battery'), (10, 'ecr_energy_source', 'energy_source', NULL),
             (11, 'ukpn_technology', 'technology', 'EV Charger DSR'), (12, 'ecr_energy_source', 'energy_source', 'Storage battery')) AS w (nr, scheme, key, word)
LEFT JOIN LATERAL common_terms(w.scheme, w.word) c ON true ORDER BY w.nr;
-- a profile knows a key when it knows every word of it
SELECT common_profile('ecr_conversion_technology', t, 'ecr_energy_source', e) FROM (VALUES
  (1, 'Photovoltaic + Battery', 'Solar'), (2, 'Photovoltaic + Other', 'Solar + Waste'), (3, 'Photovoltaic + photovoltaic', NULL), (4, 'Other', 'Waste'), (5, NULL, NULL)) v (nr, t, e) ORDER BY nr;
-- what a product lists that takes any storage or generation
SELECT n.code, n.broader FROM unnest(ARRAY['STORAGE', 'GENERATION']) k, narrower_terms('common', k) n ORDER BY n.broader COLLATE "C", n.code COLLATE "C";
SELECT * FROM narrower_terms('common', 'nothing');

-- A list of somebody's own: plain rows.
INSERT INTO taxonomy_scheme (code, version, title, publisher, source, valid) VALUES ('northern', '2026', 'Technologies', 'Northern Networks', 'its product sheet', '2026-01-01T00:00Z/infinity');
INSERT INTO taxonomy_term (scheme, version, code, label, broader) VALUES
  ('northern', '2026', 'Lead battery', 'Lead-acid battery', 'Battery'), ('northern', '2026', 'Battery', 'Battery', 'Anything'), ('northern', '2026', 'Anything', 'Anything', NULL), ('northern', '2026', 'Kiln', 'Kiln', 'Anything');
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source, valid) VALUES
  ('northern', '2026', 'Battery', 'common', '1', 'BESS', 'exact', 'product sheet', '-infinity/infinity'), ('northern', '2026', 'Battery', 'common', '1', 'STORAGE', 'broad', 'product sheet', '-infinity/infinity'),
  ('northern', '2026', 'Lead battery', 'common', '1', 'BESS', 'broad', 'product sheet', '-infinity/infinity'), ('northern', '2026', 'Anything', 'common', '1', 'technology', 'broad', 'product sheet', '-infinity/infinity'),
  ('northern', '2026', 'Kiln', 'common', '1', 'INDUSTRIAL_LOAD', 'close', 'product sheet', '2026-01-01T00:00Z/2026-06-01T00:00Z');
SELECT code, relation FROM common_terms('northern', 'battery', '2026-02-01T00:00Z');
-- the exact one, and never that it is some technology
SELECT common_term('northern', w, 'technology', '2026-02-01T00:00Z') FROM unnest(ARRAY['Battery', 'Lead battery', 'Anything', 'Kiln']) w;
SELECT code FROM narrower_terms('northern', 'Battery', '2026-02-01T00:00Z') ORDER BY code COLLATE "C";
-- asked for an instant: before the version, and before and after the end of a mapping
SELECT i, (SELECT count(*) FROM common_terms('northern', 'Battery', i)) AS battery, (SELECT count(*) FROM common_terms('northern', 'Kiln', i)) AS kiln
FROM unnest(ARRAY['2025-12-31T23:59Z', '2026-01-01T00:00Z', '2026-06-01T00:00Z']::timestamptz[]) i;

-- What cannot be.
UPDATE taxonomy_term SET broader = 'Lead battery' WHERE scheme = 'northern' AND code = 'Anything';
UPDATE taxonomy_term SET broader = code WHERE scheme = 'northern' AND code = 'Kiln';
INSERT INTO taxonomy_term (scheme, version, code, label, broader) VALUES ('northern', '2026', 'a', 'a', 'b'), ('northern', '2026', 'b', 'b', 'c'), ('northern', '2026', 'c', 'c', 'b');
\set VERBOSITY terse
INSERT INTO taxonomy_term (scheme, version, code, label, broader) VALUES ('northern', '2026', 'Flow battery', 'Flow battery', 'BESS');
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('northern', '2026', 'BATTERY', 'Battery');
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('northern', '2026', ' Kiln', 'Kiln');
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('southern', '2026', 'Kiln', 'Kiln');
\set VERBOSITY default
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('common', '1', repeat('X', 64), 'more than a profile takes');
INSERT INTO taxonomy_term (scheme, version, code, label) VALUES ('northern', '2026', 'Kettle', ' ');
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source) VALUES ('northern', '2026', 'Kiln', 'common', '1', 'HVAC', 'sort of', 'me');
\set VERBOSITY terse
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source) VALUES ('northern', '2026', 'Kiln', 'northern', '2026', 'Battery', 'close', 'me');
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source) VALUES ('northern', '2026', 'Kiln', 'common', '1', 'KILN', 'exact', 'me');
INSERT INTO taxonomy_scheme (code, version, title, publisher, source, valid) VALUES ('northern', '2027', 'Technologies', 'Northern Networks', 'the next sheet', '2027-01-01T00:00Z/infinity');
\set VERBOSITY default
INSERT INTO taxonomy_scheme (code, version, title, publisher, source, status) VALUES ('eastern', '1', 'x', 'x', 'x', 'wishful');
SELECT copy_taxonomy('northern', '2025', '2027', '2027-01-01T00:00Z');
SELECT copy_taxonomy('southern', '2025', '2027', '2027-01-01T00:00Z');
SELECT copy_taxonomy('northern', '2026', '2027', '2026-01-01T00:00Z');
SELECT copy_taxonomy('northern', '2026', '2027', NULL);
SELECT copy_taxonomy('northern', '2026', '2027', '2025-06-01T00:00Z');
SELECT * FROM taxonomy_changes('northern', '2026', '2027');

-- A new version beside the old one: a copy that is changed, or rows of one's own.
SELECT copy_taxonomy('northern', '2026', '2027', '2027-01-01T00:00Z');
SELECT version, valid FROM taxonomy_scheme WHERE code = 'northern' ORDER BY version;
SELECT copy_taxonomy('northern', '2026', '2028', '2028-01-01T00:00Z');
SELECT * FROM taxonomy_changes('northern', '2026', '2027');
UPDATE taxonomy_term SET label = 'Stationary battery' WHERE (scheme, version, code) = ('northern', '2027', 'Battery');
UPDATE taxonomy_term SET valid = NULL WHERE (scheme, version, code) = ('northern', '2027', 'Kiln');
UPDATE taxonomy_term SET broader = 'Anything', definition = 'lead and acid' WHERE (scheme, version, code) = ('northern', '2027', 'Lead battery');
UPDATE taxonomy_mapping SET relation = 'narrow' WHERE (scheme, version, code, to_code) = ('northern', '2027', 'Battery', 'STORAGE');
INSERT INTO taxonomy_term (scheme, version, code, label, broader) VALUES ('northern', '2027', 'Flywheel', 'Flywheel', 'Anything');
SELECT * FROM taxonomy_changes('northern', '2026', '2027');
-- backwards, and in a directory nobody uses words yet
SELECT change, code, was, becomes FROM taxonomy_changes('northern', '2027', '2026') WHERE change IN ('added', 'ended');
SELECT code, relation FROM common_terms('northern', 'Battery', '2027-01-01T00:00Z');
-- a new version of the common words: what leads to them is copied, too
SELECT copy_taxonomy('common', '1', '2', '2028-01-01T00:00Z');
SELECT code, relation FROM common_terms('northern', 'Battery', '2028-01-01T00:00Z');
UPDATE taxonomy_mapping SET relation = 'close' WHERE (scheme, code, to_version) = ('fmar_asset_category', 'HVAC', '2');
DELETE FROM taxonomy_term WHERE (scheme, version, code) = ('common', '2', 'BESS');
INSERT INTO taxonomy_term (scheme, version, code, label, broader) VALUES ('common', '2', 'LITHIUM_BESS', 'Lithium battery', 'STORAGE');
SELECT change, code, was, becomes FROM taxonomy_changes('common', '1', '2');
SELECT code, relation FROM common_terms('northern', 'Battery', '2028-01-01T00:00Z');

-- Extended, it says whom that affects: who declares a common word, who is registered with another's.
SELECT flexexchange.extend_exchange('taxonomy_test', 'medium');
INSERT INTO participant (id, name, kinds) VALUES (1, 'Operator', '{market_operator}'), (2, 'Seller', '{service_provider}'), (3, 'Other seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'm', 1);
INSERT INTO product (market_id, code, name, service_code, spec) VALUES (1, 'a', 'a', 'PR', '{"member": {"technology": ["BESS", "HVAC"]}}'), (1, 'b', 'b', 'PR', '{"unit": {"technology": ["BESS"]}, "grouping": "gsp"}'), (1, 'c', 'c', 'PR', NULL);
INSERT INTO asset (id, name, technology, energy_source, source, profile) VALUES
  (1, 'one', 'Battery', NULL, NULL, '{"technology": "BESS"}'), (2, 'two', 'Kiln + battery', 'Battery', 'sheet', '{"technology": ["BESS", "INDUSTRIAL_LOAD"]}'), (3, 'three', 'BESS', NULL, NULL, NULL), (4, 'four', NULL, NULL, NULL, NULL);
INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (1, 2), (2, 3);
INSERT INTO portfolio (id, name, service_provider_id, technology, profile) VALUES (5, 'all', 2, 'Flywheel', '{"technology": "BESS", "directions": ["up"]}');
SELECT change, code, products, assets, imported_assets, portfolios FROM taxonomy_changes('northern', '2026', '2027');
SELECT change, code, products, assets, imported_assets, portfolios FROM taxonomy_changes('common', '1', '2');
-- each counts what it may see; the words themselves are for all to read and for the operator to write
CREATE ROLE taxonomy_seller IN ROLE flexexchange_participant;
INSERT INTO participant_login VALUES ('taxonomy_seller', 2);
SET ROLE taxonomy_seller;
SELECT change, code, products, assets, portfolios FROM taxonomy_changes('common', '1', '2') WHERE code = 'BESS';
SELECT count(*) > 0 AS readable FROM taxonomy_mapping;
\set VERBOSITY sqlstate
UPDATE taxonomy_term SET label = 'mine';
SELECT copy_taxonomy('northern', '2027', '2028', '2028-01-01T00:00Z');
SET ROLE flexexchange_analyst;
SELECT count(*) > 0 AS readable FROM taxonomy_term;
SELECT count(*) FROM common_terms('ecr_energy_source', 'Solar');
SELECT * FROM taxonomy_changes('common', '1', '2');
\set VERBOSITY default
SET ROLE flexexchange_operator;
UPDATE taxonomy_term SET label = 'Water pump' WHERE (scheme, version, code) = ('common', '2', 'HVAC');
SELECT count(*) AS changes FROM taxonomy_changes('common', '1', '2') WHERE code = 'HVAC';
SELECT copy_taxonomy('ukpn_technology', '2024', '2029', '2029-01-01T00:00Z');
SELECT * FROM common_terms('ukpn_technology', 'EV Charger DSR', '2029-01-01T00:00Z');
RESET ROLE;
-- modules that run again leave it as it is
SELECT flexexchange.upgrade_exchange('taxonomy_test');
SELECT used_by, in_common, count(DISTINCT word) AS words, count(DISTINCT id) AS users FROM word_use GROUP BY used_by, in_common ORDER BY used_by, in_common;
-- a version goes with its terms, and with what leads to them
DELETE FROM taxonomy_scheme WHERE code = 'common' AND version = '2';
SELECT count(*) FROM taxonomy_mapping WHERE to_version = '2';
SELECT flexexchange.drop_exchange('taxonomy_test', with_data => true);
DROP ROLE taxonomy_seller;
