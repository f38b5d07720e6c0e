-- Registration by the file and by a feed: good rows become assets, bad ones keep what
-- is wrong, the same again changes nothing, and nobody registers for another.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('sent_test');
SET search_path = sent_test, flexexchange;
CREATE ROLE sent_kerb IN ROLE flexexchange_participant;
CREATE ROLE sent_rival IN ROLE flexexchange_participant;
CREATE ROLE sent_stranger IN ROLE flexexchange_participant;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'Kerbside', '{service_provider}'), (3, 'Rival', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('sent_kerb', 2), ('sent_rival', 3);

INSERT INTO registration_scheme VALUES ('rival_id', 'the rival''s own numbers');
-- a file: every rule once, and rows that are right
SET ROLE sent_kerb;
INSERT INTO customer_consent (service_provider_id, reference, scopes, valid) VALUES (2, 'home-1', '{register,meter_data}', '-infinity/infinity'), (2, 'home-2', '{meter_data}', '-infinity/infinity'), (2, 'home-3', '{register}', '-infinity/2020-01-01T00:00Z');
COPY asset_registration_intake (scheme, value, action, technology, energy_source, manufacturer, serial_number, installed_kw, up_kw, commissioned_on, connection_status, import_mpan, domestic, consent_reference) FROM stdin;
charger_id	C1		EV_CHARGER		Plugco	PC-0001	7.4	7.4	2025-03-01	Connected	1470116845051	yes	home-1
charger_id	C2		EV_CHARGER	GRID	Plugco	PC-0002	22		2025-03-01	connected	1049827101269	no	
charger_id	C3		EV_CHARGER		Plugco	PC-0003	7,4		2025-03-01	connected	3433899920164		
charger_id	C4		EV_CHARGER		Plugco	PC-0004	0		2025-03-01	connected	3433899920164		
charger_id	C5		EV_CHARGER		Plugco	PC-0005	7.405		2025-03-01	connected	3433899920164		
charger_id	C6		EV_CHARGER		Plugco	PC 6	7.4	15	2025-02-30	plugged in	2499999999990		
charger_id	C7		EV_CHARGER		Plugco	PC-0007	7.4		2999-01-01	connected	3433899920164	yes	home-2
charger_id	C8		EV_CHARGER		Plugco	PC-0008	7.4		2025-03-01	connected	3433899920164	yes	home-3
charger_id	C9	remove	EV_CHARGER		Plugco	PC-0009	7.4		2025-03-01	connected	3433899920164		
charger_id	C10	retire											
	C11		EV_CHARGER		Plugco	PC-0011	7.4		2025-03-01	connected	3433899920164		
charger_id	C12		Charger		Plugco	PC-0001	7.4			connected			
charger_id	C13		BESS		Cell	B-13	2000000	2	2025-03-01	pending			
charger_id	C14		EV_CHARGER		Plugco	PC-0014	11		2025-03-01	connected	3433899920164		
charger_id	C14		EV_CHARGER		Plugco	PC-0014	22		2025-03-01	connected	3433899920164		
\.
SELECT * FROM register_assets();
SELECT value, rule, column_name, given, problem FROM asset_registration_rejected ORDER BY id, rule, column_name;
SELECT r.value, p ->> 'rule' AS rule, p ->> 'column' AS column_name, p ->> 'problem' AS warning FROM asset_registration r, jsonb_array_elements(r.problems) AS e (p)
WHERE r.outcome <> 'rejected' AND p ->> 'severity' = 'warning' ORDER BY r.id, 2, 3;
SELECT name, technology, installed_kw, qualified_up_kw, connected_on, (SELECT mpan FROM metering_point m WHERE m.id = metering_point_id) AS meter, domestic, profile FROM asset ORDER BY id;

-- once more: nothing changes; one field changes: that is taken; a rejected row sent rightly is no longer rejected
COPY asset_registration_intake (scheme, value, technology, energy_source, manufacturer, serial_number, installed_kw, up_kw, commissioned_on, connection_status, import_mpan, domestic, consent_reference) FROM stdin;
charger_id	C1	EV_CHARGER		Plugco	PC-0001	7.4	7.4	2025-03-01	connected	1470116845051	yes	home-1
charger_id	C2	EV_CHARGER	GRID	Plugco	PC-0002	22	11	2025-03-01	connected	1049827101269	no	
charger_id	C3	EV_CHARGER		Plugco	PC-0003	7.4		2025-03-01	connected	3433899920164		
\.
SELECT registered, updated, unchanged, rejected FROM register_assets();
SELECT count(*) AS still_rejected FROM asset_registration_rejected WHERE value = 'C3';
SELECT name, qualified_up_kw FROM asset WHERE name = 'C2';
SELECT registered, updated, unchanged, rejected FROM register_assets();

-- of others nothing is read, nothing registered; the same name of another is another's asset
RESET ROLE;
SET ROLE sent_rival;
SELECT (SELECT count(*) FROM asset_registration) AS registrations, (SELECT count(*) FROM customer_consent) AS consents, (SELECT count(*) FROM asset) AS assets;
INSERT INTO asset_registration_intake (scheme, value, technology, installed_kw, commissioned_on, import_mpan) VALUES ('charger_id', 'C1', 'EV_CHARGER', '7.4', '2025-03-01', NULL), ('rival_id', 'R1', 'EV_CHARGER', '7.4', '2025-03-01', '1470116845051');
SELECT registered, updated, rejected, with_warnings FROM register_assets();
SELECT value, problem FROM asset_registration_rejected;
SELECT r.value, p ->> 'rule' AS rule, p ->> 'problem' AS warning FROM asset_registration r, jsonb_array_elements(r.problems) AS e (p) WHERE r.outcome = 'registered';
SELECT * FROM register_assets(2);
INSERT INTO asset_registration (service_provider_id, scheme) VALUES (2, 'x');
-- nobody sends in another's name, or reads what waits to be taken in
INSERT INTO asset_registration_intake (service_provider_id, scheme, value) VALUES (2, 'charger_id', 'X');
SELECT count(*) FROM asset_registration_intake;
DELETE FROM asset_registration_intake;
RESET ROLE;
SET ROLE sent_stranger;
INSERT INTO asset_registration_intake (scheme, value) VALUES ('charger_id', 'X');
SELECT * FROM register_assets();
RESET ROLE;

-- read on the customer's consent, for as long as that lasts
INSERT INTO participant (id, name, kinds) VALUES (4, 'Bank', '{financier}');
CREATE ROLE sent_bank IN ROLE flexexchange_participant;
INSERT INTO participant_login VALUES ('sent_bank', 4);
SET ROLE sent_kerb;
INSERT INTO customer_consent (service_provider_id, reference, scopes, valid) VALUES (2, 'home-9', '{finance}', time_window(now() - interval '1 day', 'infinity'));
INSERT INTO read_grant (asset_id, grantee_id, customer_consent_id, purpose) SELECT a.id, 4, k.id, 'switch' FROM asset a, customer_consent k WHERE a.name = 'C1' AND k.reference = 'home-9';
INSERT INTO read_grant (asset_id, grantee_id, customer_consent_id, purpose) SELECT a.id, 4, k.id, 'finance' FROM asset a, customer_consent k WHERE a.name = 'C1' AND k.reference = 'home-9';
RESET ROLE;
SET ROLE sent_rival;
INSERT INTO read_grant (asset_id, grantee_id, customer_consent_id, purpose) VALUES (1, 3, 1, 'customer');
RESET ROLE;
SET ROLE sent_bank;
SELECT name FROM asset;
SELECT purpose FROM read_grant;
SELECT count(*) AS consents FROM customer_consent;
RESET ROLE;
SET ROLE sent_kerb;
UPDATE customer_consent SET valid = time_window(lower(valid), now()) WHERE reference = 'home-9';
RESET ROLE;
SET ROLE sent_bank;
SELECT count(*) AS assets FROM asset;
RESET ROLE;

-- retired: not while a portfolio has it; then it is nobody's, and may come back
INSERT INTO portfolio (id, name, service_provider_id) VALUES (900, 'depot', 2);
INSERT INTO portfolio_member (portfolio_id, asset_id) SELECT 900, id FROM asset WHERE name = 'C1';
SET ROLE sent_kerb;
INSERT INTO asset_registration_intake (scheme, value, action) VALUES ('charger_id', 'C1', 'retire'), ('charger_id', 'C2', 'retire');
SELECT retired, rejected FROM register_assets();
SELECT value, problem FROM asset_registration_rejected WHERE value = 'C1';
RESET ROLE;
SELECT a.name, a.connection_status, o.valid @> clock_timestamp() AS operated FROM asset a JOIN asset_operator o ON o.asset_id = a.id WHERE a.name IN ('C1', 'C2') ORDER BY 1;
SET ROLE sent_kerb;
INSERT INTO asset_registration_intake (scheme, value, technology, energy_source, manufacturer, serial_number, installed_kw, up_kw, commissioned_on, connection_status, import_mpan, domestic)
  VALUES ('charger_id', 'C2', 'EV_CHARGER', 'GRID', 'Plugco', 'PC-0002', '22', '11', '2025-03-01', 'connected', '1049827101269', 'no');
SELECT registered, updated FROM register_assets();
RESET ROLE;
SELECT count(*) AS assets_named_so, bool_or(o.valid @> clock_timestamp()) AS operated FROM asset a JOIN asset_operator o ON o.asset_id = a.id WHERE a.name = 'C2' GROUP BY a.id;

-- what cannot be taken is rejected, not an error: nothing of it keeps the other rows from being registered
SET ROLE sent_kerb;
INSERT INTO asset_registration_intake (scheme, value, name, technology, installed_kw, up_kw, latitude, longitude, connection_type, manufacturer, commissioned_on) VALUES
  ('charger_id', 'L1', NULL, repeat('x', 300), '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'), ('charger_id', 'L2', NULL, E'a\tb', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'),
  ('charger_id', 'L3', NULL, 'EV_CHARGER', '7', '7', NULL, NULL, repeat('x', 65), NULL, '2025-03-01'), ('charger_id', repeat('x', 300), 'named', 'EV_CHARGER', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'),
  ('bm_unit', 'L4', NULL, 'EV_CHARGER', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'), ('charger_id', 'DEPOT', NULL, 'EV_CHARGER', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'),
  (NULL, NULL, 'x', 'EV_CHARGER', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'), (NULL, NULL, 'y', 'EV_CHARGER', '7', '7', NULL, NULL, NULL, NULL, '2025-03-01'),
  ('charger_id', 'L5', NULL, 'EV_CHARGER', '7', '3.68055', '51.5073509', '-0.1277583', NULL, repeat('x', 300), '2025-03-01'), ('charger_id', 'L6', NULL, 'EV_CHARGER', '7', '3.68055', '51.5073509', '-0.1277583', NULL, NULL, '2025-03-01');
RESET ROLE;
INSERT INTO external_id (scheme, value, portfolio_id) VALUES ('charger_id', 'DEPOT', 900);
SET ROLE sent_kerb;
SELECT registered, rejected, superseded FROM register_assets();
SELECT left(value, 5) AS value, rule, column_name, problem FROM asset_registration_rejected WHERE value LIKE 'L_' OR value LIKE 'xx%' OR value = 'DEPOT' ORDER BY id, column_name;
INSERT INTO asset_registration_intake (scheme, value, technology, installed_kw, up_kw, latitude, longitude, commissioned_on) VALUES ('charger_id', 'L6', 'EV_CHARGER', '7', '3.68055', '51.5073509', '-0.1277583', '2025-03-01');
SELECT unchanged FROM register_assets();
RESET ROLE;
-- an asset that its operator retired, or that nobody operates, is not for the taking
INSERT INTO asset (id, name, qualified_up_kw) VALUES (901, 'of nobody', 900);
INSERT INTO external_id (scheme, value, asset_id) VALUES ('asset_id', 'N1', 901);
SET ROLE sent_kerb;
INSERT INTO asset_registration_intake (scheme, value, action) VALUES ('charger_id', 'L6', 'retire');
SELECT retired FROM register_assets();
RESET ROLE;
SET ROLE sent_rival;
INSERT INTO asset_registration_intake (scheme, value, action, technology, installed_kw, commissioned_on) VALUES ('charger_id', 'L6', NULL, 'EV_CHARGER', '1', '2025-03-01'), ('asset_id', 'N1', NULL, 'EV_CHARGER', '1', '2025-03-01'), ('charger_id', 'C14', 'retire', NULL, NULL, NULL);
SELECT registered, updated, retired, rejected FROM register_assets();
SELECT value, problem FROM asset_registration_rejected WHERE value <> 'C1' ORDER BY 1;
-- naming another's meter does not open it
SELECT count(*) AS meters FROM metering_point;
RESET ROLE;
SET ROLE sent_kerb;
SELECT count(*) > 0 AS own_meters FROM metering_point;
-- a consent is ended, never stretched
UPDATE customer_consent SET valid = '-infinity/infinity' WHERE reference = 'home-3';
RESET ROLE;

-- a draft rule changes: the operator says how strict it is
UPDATE registration_rule SET severity = 'error' WHERE code = 'TECHNOLOGY';
UPDATE registration_rule SET severity = 'off' WHERE code = 'MPAN_MISSING';
UPDATE registration_rule SET severity = 'strict' WHERE code = 'MPAN';
UPDATE registration_rule SET severity = 'warning' WHERE code = 'OPERATOR';
SET ROLE sent_kerb;
INSERT INTO asset_registration_intake (scheme, value, technology, installed_kw, commissioned_on) VALUES ('charger_id', 'C20', 'Charger', '7.4', '2025-03-01'), ('charger_id', 'C21', 'EV_CHARGER', '7.4', '2025-03-01');
SELECT registered, rejected, with_warnings FROM register_assets();
RESET ROLE;
-- assets that are probably one
SELECT a.name, b.name AS other, because FROM probable_duplicate d JOIN asset a ON a.id = d.asset_id JOIN asset b ON b.id = d.other_id ORDER BY 1, 2;
SELECT flexexchange.drop_exchange('sent_test', with_data => true);
DROP ROLE sent_kerb, sent_rival, sent_stranger, sent_bank;
