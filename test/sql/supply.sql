-- Headroom of units that draw on the same assets, as a story.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('supply_story');
SET search_path = supply_story, flexexchange;

INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}'), (4, 'Rival', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC'), (2, 2, 'PR', 'Peak Reduction', 'PR'), (3, 1, 'CM', 'Capacity Market', 'CM'), (4, 1, 'MWD', 'MW Dispatch', 'MWD'), (5, 1, 'LCM', 'Local Constraint Market', 'LCM');
INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'asset ' || n, 100 FROM generate_series(1, 20) n;
INSERT INTO portfolio (id, name, service_provider_id) VALUES (31, 'West', 3), (32, 'East', 4), (33, 'Island', 3);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES
  (31, 1, 50, '-infinity/infinity'), (31, 2, 100, '-infinity/infinity'), (32, 2, 100, '-infinity/infinity'), (32, 3, 100, '2026-01-01T00:00Z/infinity'), (33, 9, 100, '-infinity/infinity');

CREATE VIEW open_finding AS
  SELECT k.severity, c.source_id AS challenger, k.unit_id, k.overlap, k.short_kw, k.rationale #>> '{headroom,needed_kw}' AS needed_kw, k.rationale #>> '{headroom,capacity_kw}' AS capacity_kw,
         (SELECT string_agg(format('%s: %s%s%s', m ->> 'trade_id', m ->> 'weight_kw', ' with ' || (m ->> 'common_assets') || ' in common', CASE WHEN m ? 'bars' THEN ' bars' END), ', ' ORDER BY m ->> 'trade_id')
          FROM jsonb_array_elements(k.rationale #> '{headroom,set}') m) AS members
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE k.closed_at IS NULL AND k.kind = 'headroom' ORDER BY k.id;
CREATE FUNCTION trade(id bigint, product bigint, unit bigint, kw numeric, w time_window) RETURNS void LANGUAGE sql AS $$
  INSERT INTO award (id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
    VALUES (id, product, 3, CASE WHEN unit < 30 THEN unit END, CASE WHEN unit > 30 THEN unit END, 'up', kw, w)
$$;

-- two portfolios with one asset in common: each fits, both do not; the later is to blame
SELECT trade(101, 2, 31, 140, '2099-01-01T10:00Z/PT2H'), trade(102, 2, 32, 120, '2099-01-01T11:00Z/PT2H');
SELECT * FROM open_finding;
SELECT explain_conflict(id) FROM conflict WHERE closed_at IS NULL;
-- its parties are told, and of the other's unit no more than that it is there
SELECT p.name, n.message ~ 'East' AS names_its_unit, n.message ~ 'West' AS names_another, n.message ~ 'NESO|DSO' AS names_a_buyer FROM notification n JOIN participant p ON p.id = n.participant_id ORDER BY p.name COLLATE "C";
-- an asset's own commitment takes from its portfolio; one that is none of theirs from neither
SELECT trade(103, 2, 1, 70, '2099-01-01T10:00Z/PT30M'), trade(104, 2, 9, 100, '2099-01-01T10:00Z/PT3H'), trade(105, 2, 3, 30, '2099-01-01T12:00Z/PT1H');
SELECT * FROM open_finding;
-- what is over-full elsewhere blames nobody who adds nothing to it
SELECT trade(106, 2, 31, 200, '2099-01-02T10:00Z/PT1H'), trade(107, 2, 32, 100, '2099-01-02T10:00Z/PT1H'), trade(108, 2, 32, 10, '2099-01-02T10:00Z/PT1H');
SELECT * FROM open_finding WHERE overlap && '2099-01-02T00:00Z/P1D';
-- released, the others fit
UPDATE award SET status = 'released' WHERE id = 106;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-02T00:00Z/P1D';

-- megawatts are shared where the ruleset says so and the units have an asset in common
SELECT trade(110, 3, 31, 150, '2099-01-03T10:00Z/PT1H'), trade(111, 1, 32, 200, '2099-01-03T10:00Z/PT1H'), trade(112, 1, 2, 100, '2099-01-03T10:00Z/PT1H');
SELECT * FROM open_finding WHERE overlap && '2099-01-03T00:00Z/P1D';

-- an asset that is itself in a service which excludes the portfolio's may not be drawn on, however much it could give
SELECT trade(113, 2, 31, 140, '2099-01-03T14:00Z/PT2H'), trade(114, 5, 1, 10, '2099-01-03T15:00Z/PT3H'), trade(115, 5, 1, 5, '2099-01-03T15:30Z/PT1H');
SELECT * FROM open_finding WHERE overlap && '2099-01-03T14:00Z/P1D';
SELECT explain_conflict(k.id) FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE k.closed_at IS NULL AND c.source_id = 114;
-- when what barred it is released, another that stands there does
UPDATE award SET status = 'released' WHERE id = 114;
SELECT * FROM open_finding WHERE overlap && '2099-01-03T14:00Z/P1D';
UPDATE award SET status = 'released' WHERE id = 115;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-03T14:00Z/P1D';
-- posted later, it is the portfolio that does not fit
SELECT trade(116, 5, 2, 10, '2099-01-03T20:00Z/PT1H'), trade(117, 2, 31, 140, '2099-01-03T20:00Z/PT2H'), trade(118, 1, 31, 40, '2099-01-03T20:30Z/PT2H');
SELECT * FROM open_finding WHERE overlap && '2099-01-03T20:00Z/P1D';
SELECT explain_conflict(k.id) FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE k.closed_at IS NULL AND k.kind = 'headroom' AND c.source_id = 117;

-- behind one connection: no more than its swing
INSERT INTO metering_point (id, mpan, kind, parent_id, agreed_import_kw, agreed_export_kw)
  SELECT 40 + n, mpan, CASE n WHEN 1 THEN 'asset' ELSE 'boundary' END, CASE n WHEN 1 THEN 40 END, CASE n WHEN 0 THEN 100 END, CASE WHEN n <> 1 THEN 50 END
  FROM generate_series(0, 2) n, generate_series(0, 9) k, format('20000000000%s%s', n, k) mpan WHERE mpan_is_valid(mpan) ORDER BY n;
UPDATE asset SET metering_point_id = 40 + id % 2 WHERE id IN (10, 11);
UPDATE asset SET metering_point_id = 42 WHERE id IN (12, 13);
SELECT trade(120, 2, 10, 90, '2099-01-04T10:00Z/PT1H'), trade(121, 2, 11, 90, '2099-01-04T10:00Z/PT1H'), trade(122, 2, 12, 90, '2099-01-04T10:00Z/PT1H'), trade(123, 2, 13, 90, '2099-01-04T10:00Z/PT1H');
SELECT * FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';
-- the limits change, an asset moves, a meter moves: what counts on them is examined again
UPDATE metering_point SET agreed_export_kw = 80 WHERE id = 40;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';
UPDATE metering_point SET agreed_import_kw = 120 WHERE id = 42;
SELECT * FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';
UPDATE asset SET metering_point_id = NULL WHERE id = 13;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';
UPDATE metering_point SET parent_id = 42 WHERE id = 41;
SELECT * FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';
UPDATE metering_point SET kind = 'asset' WHERE id = 42;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-04T00:00Z/P1D';

-- a bid that waits because of another unit tries again when that gives way
SELECT trade(150, 2, 31, 150, '2099-01-04T20:00Z/PT1H');
INSERT INTO bid (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (151, 2, 3, 2, 'up', 60, '2099-01-04T20:00Z/PT1H');
SELECT status FROM bid WHERE id = 151;
UPDATE award SET status = 'released' WHERE id = 150;
SELECT status FROM bid WHERE id = 151;

-- a member leaves one portfolio: the other, whose assets it is none of, is short
SELECT trade(130, 2, 31, 50, '2099-01-05T10:00Z/PT1H'), trade(131, 2, 32, 200, '2099-01-05T10:00Z/PT1H');
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-05T00:00Z/P1D';
UPDATE portfolio_member SET valid = '-infinity/2099-01-05T10:30Z' WHERE portfolio_id = 31 AND asset_id = 1;
SELECT * FROM open_finding WHERE overlap && '2099-01-05T00:00Z/P1D';
UPDATE asset SET qualified_up_kw = 160 WHERE id = 3;
SELECT * FROM open_finding WHERE overlap && '2099-01-05T00:00Z/P1D';
UPDATE portfolio_member SET flexible_up_kw = 150 WHERE asset_id = 3;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-05T00:00Z/P1D';
-- a unit of which nothing is known is left out
UPDATE asset SET qualified_up_kw = NULL WHERE id = 1;
SELECT c.source_id, c.headroom_checked FROM commitment c WHERE unit_id IN (31, 32) AND delivery_window && '2099-01-05T00:00Z/P1D' ORDER BY 1;
SELECT count(*) FROM open_finding WHERE overlap && '2099-01-05T00:00Z/P1D';

-- what is kept keeps up where conflicts are looked for by schedule, too
UPDATE exchange_instance SET detection = 'schedule';
UPDATE asset SET qualified_up_kw = 100 WHERE id = 1;
UPDATE portfolio_member SET valid = '-infinity/infinity', flexible_up_kw = 100 WHERE asset_id IN (1, 3);
SELECT trade(140, 2, 1, 100, '2099-01-06T10:00Z/PT1H'), trade(141, 2, 31, 120, '2099-01-06T10:00Z/PT1H');
SELECT portfolio_id, with_id, since, places, assets, own_up_kw, both_up_kw FROM portfolio_supply WHERE with_id <> 33 AND since = (SELECT max(since) FROM portfolio_supply x WHERE (x.portfolio_id, x.with_id) = (portfolio_supply.portfolio_id, portfolio_supply.with_id)) ORDER BY 1, 2;
SELECT portfolio_id, asset_id FROM member_commitment WHERE delivery_window && '2099-01-06T00:00Z/P1D' ORDER BY 1, 2;
SELECT written > 0 AS found FROM detect_conflicts();
SELECT * FROM open_finding WHERE overlap && '2099-01-06T00:00Z/P1D';
-- a window of the book: what stands against a commitment there may lie outside, on a portfolio
SELECT trade(142, 2, 31, 120, '2099-01-09T00:00Z/P1D'), trade(143, 2, 1, 100, '2099-01-08T00:00Z/P2D');
SELECT written FROM detect_conflicts('2099-01-08T00:00Z/P1D');
SELECT * FROM open_finding WHERE overlap && '2099-01-08T00:00Z/P2D';
-- members are not truncated away from under it
TRUNCATE portfolio_member;
SELECT flexexchange.drop_exchange('supply_story', with_data => true);
