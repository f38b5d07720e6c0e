-- Held and rejected trades: how they come about, how they end.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET client_min_messages = warning;
SELECT flexexchange.create_exchange('hold_test');
SET search_path = hold_test, flexexchange;
INSERT INTO participant (name, kinds) VALUES ('NESO', '{market_operator}'), ('DSO', '{market_operator}'), ('Seller', '{service_provider}');
INSERT INTO market (code, name, market_operator_id) VALUES ('neso', 'NESO', 1), ('dso', 'DSO', 2);
INSERT INTO product (market_id, code, name, service_code) VALUES (1, 'DC', 'Dynamic Containment', 'DC'), (2, 'OUrt', 'Operational Utilisation', 'OUrt'), (1, 'CM', 'Capacity Market', 'CM');
INSERT INTO asset (name, qualified_up_kw) VALUES ('battery', 100), ('other', 100);
INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 'open', '2000-01-01Z', '2099-01-01Z'), (1, 'closed', '2000-01-01Z', '2000-01-02Z');
CREATE VIEW seen AS SELECT h.id, h.stage, h.trade_id, h.former_status, h.concerned_ids, cardinality(h.conflict_ids) AS conflicts, h.resolution, h.decided_by, h.prevailing_id, h.reason FROM hold h ORDER BY h.id;

-- a bid that conflicts with an obligation waits, and everybody who may know is told why
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (900, 2, 3, 1, 'up', 60, '2099-11-20T17:00Z/PT2H');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (901, 1, 1, 3, 1, 'up', 70, '2099-11-20T18:00Z/PT2H') RETURNING status;
SELECT status FROM bid WHERE id = 901;
SELECT * FROM seen;
SELECT kind, severity, action, closed_at IS NULL AS open FROM conflict ORDER BY id;
SELECT p.name, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id ORDER BY n.id;
-- it is not in the book, so it is in nobody's way
SELECT count(*) AS live FROM commitment WHERE stage = 'bid' AND closed_at IS NULL;

-- it tries again by itself when something changes on the unit: less that conflicts is not enough
UPDATE award SET delivery_window = '2099-11-20T17:00Z/PT90M' WHERE id = 900;
SELECT status FROM bid WHERE id = 901;
SELECT * FROM seen;
-- and stands when nothing is in its way
UPDATE award SET status = 'released' WHERE id = 900;
SELECT status FROM bid WHERE id = 901;
SELECT * FROM seen;
SELECT count(*) AS live FROM commitment WHERE stage = 'bid' AND closed_at IS NULL;
SELECT event, message FROM notification WHERE participant_id = 3 ORDER BY id DESC LIMIT 1;

-- held for want of power alone: more power lets it through
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (902, 1, 3, 2, 'up', 60, '2099-11-20T17:00Z/PT2H');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (903, 1, 1, 3, 2, 'up', 70, '2099-11-20T18:00Z/PT2H'), (904, 1, 1, 3, 2, 'up', 30, '2099-11-20T18:00Z/PT2H');
SELECT id, status FROM bid WHERE id > 902 ORDER BY id;
UPDATE asset SET qualified_up_kw = 130 WHERE id = 2;
SELECT id, status FROM bid WHERE id > 902 ORDER BY id;
SELECT * FROM seen WHERE trade_id = 903;

-- an agreement holds, and its end lets go
INSERT INTO exclusivity (asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (2, 'OUrt', 2, 3, '2099-12-01T00:00Z/P1D');
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (905, 1, 1, 3, 2, 'up', 10, '2099-12-01T18:00Z/PT2H');
SELECT * FROM seen WHERE trade_id = 905;
UPDATE exclusivity SET valid = '2099-12-01T00:00Z/PT12H';
SELECT status FROM bid WHERE id = 905;

-- the seller withdraws, submits anew (and waits anew), deletes
UPDATE award SET status = 'awarded' WHERE id = 900;
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 910 + n, 1, 1, 3, 1, 'up', 10, '2099-11-20T17:00Z/PT1H' FROM generate_series(0, 4) n;
UPDATE bid SET status = 'withdrawn' WHERE id = 910;
UPDATE bid SET status = 'submitted' WHERE id = 911;
DELETE FROM bid WHERE id = 912;
SELECT id, status FROM bid WHERE id >= 910 ORDER BY id;
SELECT * FROM seen WHERE trade_id BETWEEN 910 AND 912;

-- the operator decides, with a reason
SELECT resolve_hold((SELECT id FROM hold WHERE trade_id = 913), 'accepted', ' ');
SELECT resolve_hold((SELECT id FROM hold WHERE trade_id = 913), 'maybe', 'why not');
SELECT resolve_hold((SELECT id FROM hold WHERE trade_id = 913), 'accepted', 'the seller has two connections');
SELECT resolve_hold((SELECT id FROM hold WHERE trade_id = 914), 'rejected', 'no room for both', 2);
SELECT resolve_hold((SELECT id FROM hold WHERE trade_id = 914), 'accepted', 'again');
SELECT resolve_hold(4711, 'accepted', 'none such');
SELECT id, status FROM bid WHERE id IN (913, 914) ORDER BY id;
SELECT * FROM seen WHERE trade_id IN (913, 914);
-- what was accepted stands on those terms, and its conflict is said; on wider ones it waits
SELECT k.kind, k.action FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE c.source_id = 913 AND k.closed_at IS NULL;
UPDATE bid SET power_kw = 9 WHERE id = 913;
SELECT status FROM bid WHERE id = 913;
UPDATE bid SET power_kw = 11 WHERE id = 913;
SELECT status FROM bid WHERE id = 913;

-- a ruleset that holds awards, rejects dispatches of exclusivity and leaves bids alone
SELECT copy_ruleset('ena-2025-01', 'strict') IS NOT NULL AS copied;
INSERT INTO ruleset_action (ruleset_id, kind, severity, stage, action)
  SELECT r.id, a.* FROM ruleset r, (VALUES (NULL, 'blocking', 'award', 'hold'), ('exclusivity', NULL, 'dispatch', 'reject'), (NULL, NULL, 'bid', 'notify')) AS a (kind, severity, stage, action) WHERE r.code = 'strict';
SELECT put_ruleset_in_force('strict', '2100-01-01T00:00Z');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (920, 2, 3, 1, 'up', 60, '2100-11-20T17:00Z/PT2H'), (921, 1, 3, 1, 'up', 30, '2100-11-20T17:00Z/PT2H');
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (922, 1, 3, 1, 'up', 10, '2100-11-20T17:00Z/PT2H');
INSERT INTO exclusivity (asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (2, 'OUrt', 2, 3, '2100-12-01T00:00Z/P1D');
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (923, 1, 3, 2, 'up', 10, '2100-12-01T17:00Z/PT2H'), (924, 1, 3, 1, 'up', 10, '2100-11-20T17:00Z/PT2H');
SELECT 'award' AS stage, id, status FROM award WHERE id >= 920 UNION ALL SELECT 'bid', id, status FROM bid WHERE id >= 920 UNION ALL SELECT 'dispatch', id, status FROM dispatch ORDER BY id;
SELECT k.kind, k.severity, k.action, c.stage, c.source_id, k.closed_at IS NULL AS open FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE c.source_id >= 920 ORDER BY k.id;
-- nothing is held for the sake of a bid
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (925, 2, 3, 1, 'up', 5, '2100-12-20T17:00Z/PT2H');
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (926, 1, 3, 2, 'up', 10, '2100-12-21T17:00Z/PT2H');
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (927, 2, 3, 2, 'up', 5, '2100-12-21T17:00Z/PT2H');
SELECT id, status FROM award WHERE id IN (925, 927) ORDER BY id;

-- the buyers agree: one is not enough
CREATE ROLE hold_neso; CREATE ROLE hold_dso; CREATE ROLE hold_seller; CREATE ROLE hold_stranger;
GRANT flexexchange_participant TO hold_neso, hold_dso, hold_seller, hold_stranger;
INSERT INTO participant_login (role_name, participant_id) VALUES ('hold_neso', 1), ('hold_dso', 2), ('hold_seller', 3);
SET ROLE hold_stranger;
SELECT count(*) AS seen FROM hold;
SELECT agree_to_hold(1);
RESET ROLE;
SELECT id AS held FROM hold WHERE trade_id = 921 \gset
SET ROLE hold_seller;
SELECT trade_id, stage FROM hold WHERE resolved_at IS NULL ORDER BY id;
SELECT agree_to_hold(:held);
SELECT resolve_hold(:held, 'accepted', 'mine');
UPDATE hold SET resolution = 'accepted';
SET ROLE hold_neso;
SELECT trade_id, stage FROM hold WHERE resolved_at IS NULL ORDER BY id;
SELECT agree_to_hold(:held);
SET ROLE hold_dso;
SELECT participant_id FROM hold_agreement;
SELECT agree_to_hold(:held);
SELECT agree_to_hold(:held);
RESET ROLE;
SELECT status FROM award WHERE id = 921;
SELECT * FROM seen WHERE trade_id = 921;
-- a sealed bid that waits is its seller's secret
SELECT id AS sealed FROM hold WHERE trade_id = 911 AND resolved_at IS NULL \gset
SET ROLE hold_dso;
SELECT count(*) AS sealed FROM hold WHERE id = :sealed;
SELECT agree_to_hold(:sealed);
RESET ROLE;
SELECT p.name, n.event, count(*) FROM notification n JOIN participant p ON p.id = n.participant_id WHERE n.event = 'hold_resolved' GROUP BY 1, 2 ORDER BY 1, 2;
DROP OWNED BY hold_neso, hold_dso, hold_seller, hold_stranger;
DROP ROLE hold_neso, hold_dso, hold_seller, hold_stranger;
SELECT flexexchange.drop_exchange('hold_test', with_data => true);
