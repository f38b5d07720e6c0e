-- Validation: the answer is what writing the trade would give, and nothing else is left.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('validation_test');
SET search_path = validation_test, flexexchange;
CREATE ROLE val_neso IN ROLE flexexchange_participant;
CREATE ROLE val_dso IN ROLE flexexchange_participant;
CREATE ROLE val_seller IN ROLE flexexchange_participant;
CREATE ROLE val_rival IN ROLE flexexchange_participant;
CREATE ROLE val_operator IN ROLE flexexchange_operator;
INSERT INTO participant (name, kinds) VALUES ('NESO', '{market_operator}'), ('DSO', '{market_operator}'), ('Seller', '{service_provider}'), ('Rival', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('val_neso', 1), ('val_dso', 2), ('val_seller', 3), ('val_rival', 4);
INSERT INTO market (code, name, market_operator_id) VALUES ('neso', 'NESO', 1), ('dso', 'DSO', 2);
INSERT INTO product (market_id, code, name, service_code) VALUES (1, 'DC', 'Dynamic Containment', 'DC'), (2, 'OUrt', 'Operational Utilisation', 'OUrt');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'battery', 100), (12, 'free', 100), (13, 'rival''s', 100);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '-infinity/infinity'), (12, 3, '-infinity/infinity'), (13, 4, '-infinity/infinity');
INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 'open', '2000-01-01Z', '2099-01-01Z'), (1, 'closed', '2000-01-01Z', '2000-01-02Z');
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 3, 11, 'up', 60, '2099-11-20T17:00Z/PT2H');

-- the same answer as writing it, and nothing stored but the request
SET ROLE val_seller;
SELECT verdict, jsonb_array_length(findings) AS findings FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H', 12);
SELECT verdict, f ->> 'kind' AS kind, f ->> 'severity' AS severity, f ->> 'action' AS action, f ->> 'start' AS start, f ->> 'short_kw' AS short_kw, f ->> 'message' AS message
FROM validate_bid(1, 'up', 70, '2099-11-20T18:00Z/PT2H', 11), jsonb_array_elements(findings) f;
RESET ROLE;
SELECT (SELECT count(*) FROM bid) AS bids, (SELECT count(*) FROM conflict) AS conflicts, (SELECT count(*) FROM notification) AS notifications,
       (SELECT count(*) FROM hold) AS holds, (SELECT count(*) FROM commitment) AS commitments, (SELECT count(*) FROM validation_request) AS requests, (SELECT count(*) FROM validation_leg) AS legs;
BEGIN;
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (900, 1, 3, 11, 'up', 70, '2099-11-20T18:00Z/PT2H');
SELECT b.status, k.kind, k.severity, k.action, lower(k.overlap), k.short_kw FROM conflict k JOIN commitment c ON c.id = k.challenger_id JOIN bid b ON b.id = c.source_id ORDER BY k.id;
ROLLBACK;
-- the operator asks for anybody, and reads everything
SET ROLE val_operator;
SELECT verdict, jsonb_array_length(findings) AS findings FROM validate_bid(1, 'up', 70, '2099-11-20T18:00Z/PT2H', 11, service_provider_id => 3);
RESET ROLE;

-- a dispatch: its buyer asks
SET ROLE val_dso;
SELECT verdict, jsonb_array_length(findings) AS findings FROM validate_dispatch(2, 3, 'up', 50, '2099-11-20T17:00Z/PT1H', 11, award_id => (SELECT id FROM award));
SET ROLE val_neso;
SELECT verdict, f ->> 'kind' AS kind, f ->> 'message' AS message FROM validate_dispatch(1, 3, 'up', 50, '2099-11-20T17:00Z/PT1H', 11), jsonb_array_elements(findings) f;

-- nobody asks for what is not theirs to write; what could not be written is said in the same words
SELECT * FROM validate_dispatch(2, 3, 'up', 50, '2099-11-20T17:00Z/PT1H', 11);
SET ROLE val_rival;
SELECT * FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H', 11);
SELECT * FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H', 13, service_provider_id => 3);
SELECT * FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H', 13, competition_id => 2);
SELECT * FROM validate_bid(77, 'up', 10, '2099-11-20T18:00Z/PT1H', 13);
SELECT * FROM validate_bid(1, 'sideways', 10, '2099-11-20T18:00Z/PT1H', 13);
SELECT * FROM validate_bid(1, 'up', -10, '2099-11-20T18:00Z/PT1H', 13);
SELECT * FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H');
SELECT * FROM validate_bid(1, 'up', 10, '2099-11-20T18:00Z/PT1H', 13, 14);

-- through the buyer: the exchange answers it, and it answers the seller
SET ROLE val_seller;
SELECT request_validation('bid', 1, 'up', 70, '2099-11-20T18:00Z/PT2H', asset_id => 11, competition_id => 1, answer_through => 'market_operator') AS through \gset
SELECT * FROM answer_to(:through);
SET ROLE val_neso;
SELECT verdict, jsonb_array_length(findings) FROM validation_leg WHERE validation_request_id = :through;
SELECT verdict, jsonb_array_length(findings) FROM answer_validation(:through, 'better in the morning');
SET ROLE val_seller;
SELECT verdict, jsonb_array_length(findings) FROM answer_to(:through);
-- addressed to the buyer, who forwards it; and to both in parallel
SELECT request_validation('bid', 1, 'up', 10, '2099-11-20T18:00Z/PT2H', asset_id => 12, addressed_to => 'market_operator') AS forwarded \gset
SELECT request_validation('bid', 1, 'up', 10, '2099-11-20T18:00Z/PT2H', asset_id => 12, addressed_to => 'both') AS both \gset
SELECT count(*) AS answers FROM answer_to(:forwarded);
SELECT verdict FROM answer_to(:both);
SELECT answer_validation(:forwarded);
SET ROLE val_neso;
SELECT answer_validation(:forwarded);
SELECT * FROM forward_validation(:forwarded);
SELECT verdict FROM answer_validation(:forwarded);
SELECT verdict FROM forward_validation(:both);
SELECT verdict FROM answer_validation(:both, 'fine by us');
SELECT forward_validation(:through);
SET ROLE val_rival;
SELECT count(*) AS others FROM validation_request WHERE requester_id = 3;
SELECT count(*) AS others FROM validation_leg WHERE validation_request_id = :both;
SELECT count(*) AS others FROM answer_to(:both);
RESET ROLE;
SELECT l.validation_request_id = :through AS through, l.validation_request_id = :both AS both, l.what, coalesce(s.name, 'the exchange') AS sender, coalesce(r.name, 'the exchange') AS receiver, l.verdict, l.remark
FROM validation_leg l LEFT JOIN participant s ON s.id = l.sender_id LEFT JOIN participant r ON r.id = l.receiver_id WHERE l.validation_request_id >= :through ORDER BY l.validation_request_id, l.id;

-- where conflicts are found by schedule an answer is given all the same
UPDATE exchange_instance SET detection = 'schedule';
SET ROLE val_seller;
SELECT verdict, jsonb_array_length(findings) AS findings FROM validate_bid(1, 'up', 70, '2099-11-20T18:00Z/PT2H', 11);
RESET ROLE;
UPDATE exchange_instance SET detection = 'event';

-- the reasons behind a trade, for its buyer and its seller, each as it may know them
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 1, 3, 11, 'up', 50, '2099-11-20T17:00Z/PT1H');
SET ROLE val_neso;
SELECT kind, severity, open, message, rationale -> 'headroom' AS headroom FROM explain_trade('dispatch', 901);
SET ROLE val_seller;
SELECT kind, message FROM explain_trade('dispatch', 901);
SET ROLE val_rival;
SELECT kind, message FROM explain_trade('dispatch', 901);
SELECT kind, message FROM explain_trade('dispatching', 901);
SET ROLE val_operator;
SELECT kind, message FROM explain_trade('dispatch', 901);
RESET ROLE;
-- a dispatch against another in the network: who would prevail goes by its purpose, as when it is written
INSERT INTO grid_node (id, kind, name, operator_id) VALUES (101, 'gsp', 'Northgate', 2);
INSERT INTO asset (id, name, grid_node_id, qualified_up_kw, qualified_down_kw) VALUES (21, 'wind farm', 101, 100, 100), (22, 'second battery', 101, 100, 100);
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, purpose) VALUES (1, 3, 21, 'up', 10, '2099-12-20T17:00Z/PT1H', 'system');
SET ROLE val_dso;
CREATE TEMP TABLE asked AS SELECT w.purpose, w.element, v.verdict, v.findings FROM (VALUES ('hold_limit', 101), ('use_headroom', 101), (NULL, 101), ('hold_limit', NULL)) AS w (purpose, element),
  validate_dispatch(2, 3, 'down', 10, '2099-12-20T17:00Z/PT1H', 22, purpose => w.purpose, grid_node_id => w.element) v;
SELECT purpose, element, verdict, findings #>> '{0,rationale,primacy,case}' AS "case", findings #>> '{0,rationale,primacy,prevails}' AS prevails FROM asked;
INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, purpose, grid_node_id) VALUES (2, 3, 22, 'down', 10, '2099-12-20T17:00Z/PT1H', 'use_headroom', 101) RETURNING id AS written \gset
SELECT f.message = a.findings #>> '{0,message}' AS same_words, f.rationale -> 'primacy' = a.findings #> '{0,rationale,primacy}' AS same_primacy FROM explain_trade('dispatch', :written) f, asked a WHERE a.purpose = 'use_headroom';
SELECT verdict FROM validate_dispatch(2, 3, 'down', 10, '2099-12-20T17:00Z/PT1H', 22, purpose => 'fun');
SELECT purpose, grid_node_id FROM validation_request WHERE grid_node_id IS NOT NULL ORDER BY id;
DROP TABLE asked;
RESET ROLE;
DROP OWNED BY val_neso, val_dso, val_seller, val_rival, val_operator;
DROP ROLE val_neso, val_dso, val_seller, val_rival, val_operator;
SELECT flexexchange.drop_exchange('validation_test', with_data => true);
