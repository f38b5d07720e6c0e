-- Admission to a market: terms by their hash, accepted by whom, billing details that
-- three parties alone may read, and what must be there before a provider is let in.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('admitted_test', archetype => 'thin');
SET search_path = admitted_test, flexexchange;
CREATE ROLE adm_dso IN ROLE flexexchange_participant;
CREATE ROLE adm_other_dso IN ROLE flexexchange_participant;
CREATE ROLE adm_seller IN ROLE flexexchange_participant;
CREATE ROLE adm_rival IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Northern Networks', '{market_operator}'), (2, 'Southern Networks', '{market_operator}'), (3, 'Volt & Sons', '{service_provider}'), (4, 'Amber Charging', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('adm_dso', 1), ('adm_other_dso', 2), ('adm_seller', 3), ('adm_rival', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'north', 'Northern flexibility', 1), (2, 'south', 'Southern flexibility', 2);

-- terms: of one's own market, hashed, never changed, one version at a time
SET ROLE adm_dso;
\set VERBOSITY default
INSERT INTO market_terms (market_id, version, title, content, content_sha256) VALUES (1, 1, 'Standard terms', 'Deliver.', repeat('0', 64));
INSERT INTO market_terms (market_id, version, title, content_sha256) VALUES (1, 1, 'Standard terms', 'abc');
INSERT INTO market_terms (market_id, version, title, content_sha256) VALUES (2, 1, 'Not mine', repeat('0', 64));
INSERT INTO market_terms (market_id, version, title, content, content_sha256, valid) VALUES (1, 1, 'Standard terms', 'Deliver.', encode(sha256('Deliver.'), 'hex'), '-infinity/infinity');
INSERT INTO market_terms (market_id, version, title, content_sha256) VALUES (1, 2, 'Other terms', repeat('0', 64));
UPDATE market_terms SET title = 'Other terms';
RESET ROLE;
UPDATE market_terms SET content = 'Deliver twice.', content_sha256 = encode(sha256('Deliver twice.'), 'hex');
\set VERBOSITY terse

-- nobody is let in who is not accredited, has not accepted, cannot be paid
SET ROLE adm_seller;
INSERT INTO admission (market_id, service_provider_id) VALUES (1, 3);
INSERT INTO admission (market_id, service_provider_id) VALUES (1, 4);
UPDATE admission SET status = 'admitted', admitted = '-infinity/infinity';
RESET ROLE;
SET ROLE adm_dso;
SELECT * FROM admission_gaps(1, 3);
\set VERBOSITY default
UPDATE admission SET status = 'admitted', admitted = time_window(now(), now() + interval '1 year') WHERE service_provider_id = 3;
UPDATE admission SET status = 'suspended', reason = 'why not' WHERE service_provider_id = 3;
UPDATE admission SET status = 'refused' WHERE service_provider_id = 3;
\set VERBOSITY terse
RESET ROLE;
INSERT INTO accreditation (participant_id, kind) VALUES (3, 'service_provider');
UPDATE accreditation SET status = 'screened';
UPDATE accreditation SET status = 'accredited';
SET ROLE adm_seller;
INSERT INTO terms_acceptance (market_terms_id, participant_id, signatory) SELECT id, 4, 'somebody' FROM market_terms;
INSERT INTO terms_acceptance (market_terms_id, participant_id, signatory) SELECT id, 3, 'V. Volt, director' FROM market_terms WHERE market_id = 1;
\set VERBOSITY default
INSERT INTO billing_details (participant_id, account_name, iban) VALUES (3, 'Volt & Sons', 'GB82WEST12345698765433');
INSERT INTO billing_details (participant_id, account_name, iban) VALUES (3, 'Volt & Sons', 'GB82 WEST 1234 5698 7654 32');
INSERT INTO billing_details (participant_id, account_name, sort_code) VALUES (3, 'Volt & Sons', '123456');
INSERT INTO billing_details (participant_id, account_name, sort_code, account_number) VALUES (3, 'Volt & Sons', '12-34-56', '12345678');
\set VERBOSITY terse
INSERT INTO billing_details (participant_id, account_name, iban) VALUES (3, 'Volt & Sons', 'GB82WEST12345698765432');
-- a long one with letters, and the shortest country's
SELECT check_iban('MT84MALT011000012345MTLCAST001S', 'x') AND check_iban('NO9386011117947', 'x') AS valid;
RESET ROLE;
SET ROLE adm_dso;
SELECT count(*) AS gaps FROM admission_gaps(1, 3);
UPDATE admission SET status = 'admitted', admitted = time_window(now(), now() + interval '1 year') WHERE service_provider_id = 3;
SELECT standing FROM admission_now;
-- where it pays it reads by a function that logs it
SELECT count(*) FROM billing_details;
SELECT account_name FROM read_billing_details(3, ' ');
SELECT account_name FROM read_billing_details(3, 'first payment');
RESET ROLE;
SELECT role, row_key, after FROM event_log WHERE action = 'read';
UPDATE terms_acceptance SET signatory = 'nobody';
DELETE FROM terms_acceptance;
SET ROLE adm_other_dso;
SELECT count(*) FROM read_billing_details(3, 'curiosity');
SELECT (SELECT count(*) FROM billing_details) AS accounts, (SELECT count(*) FROM terms_acceptance) AS acceptances, (SELECT count(*) FROM admission) AS admissions;
UPDATE admission SET status = 'ended', reason = 'spite';
RESET ROLE;
SET ROLE adm_rival;
SELECT (SELECT count(*) FROM billing_details) AS accounts, (SELECT count(*) FROM terms_acceptance) AS acceptances, (SELECT count(*) FROM admission) AS admissions, (SELECT count(*) FROM market_terms) AS terms;
RESET ROLE;

-- new terms: whoever has not accepted them is seen; a renewal asks for them
SET ROLE adm_dso;
UPDATE market_terms SET valid = time_window(lower(valid), now()) WHERE version = 1;
INSERT INTO market_terms (market_id, version, title, content_sha256) VALUES (1, 2, 'Standard terms', repeat('0', 64));
SELECT standing FROM admission_now;
UPDATE admission SET admitted = time_window(lower(admitted), upper(admitted) + interval '1 year');
RESET ROLE;
SET ROLE adm_seller;
INSERT INTO terms_acceptance (market_terms_id, participant_id, signatory) SELECT id, 3, 'V. Volt, director' FROM market_terms WHERE version = 2;
RESET ROLE;
SET ROLE adm_dso;
UPDATE admission SET admitted = time_window(lower(admitted), upper(admitted) + interval '1 year');
SELECT standing, until > now() + interval '1 year' AS renewed FROM admission_now;
RESET ROLE;
UPDATE admission SET admitted = time_window(now() - interval '2 years', now() - interval '1 year');
SELECT standing FROM admission_now;
SELECT flexexchange.drop_exchange('admitted_test', with_data => true);
DROP ROLE adm_dso, adm_other_dso, adm_seller, adm_rival;
