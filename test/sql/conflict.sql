-- Conflicts as a story: every kind, at its edges, and what makes it go away.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('conflict_test');
SET search_path = conflict_test, flexexchange;

INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code, binds) VALUES
  (1, 1, 'DC', 'Dynamic Containment', 'DC', 'award'), (2, 2, 'PR', 'Peak Reduction', 'PR', 'award'),
  (3, 2, 'SA', 'Scheduled Availability', 'SAda', 'availability'), (4, 2, 'OU', 'Operational Utilisation', 'OUrt', 'award'),
  (5, 1, 'DFS', 'Demand Flexibility Service', 'DFS', 'award'), (6, 1, 'CM', 'Capacity Market', 'CM', 'award'),
  (7, 1, 'SR', 'Slow Reserve', 'SR', 'award'), (8, 1, 'MWD', 'MW Dispatch', 'MWD', 'award'), (9, 2, 'PR2', 'Peak Reduction, again', 'PR', 'award');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT n, 'asset ' || n, 100, 50 FROM generate_series(1, 40) n;

-- what is open, in the order of finding
CREATE VIEW open_finding AS
  SELECT k.kind, k.severity, k.stage, c.stage || ' ' || c.source_id AS challenger, i.stage || ' ' || i.source_id AS incumbent, k.overlap, k.short_kw, k.unit_id
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id LEFT JOIN commitment i ON i.id = k.incumbent_id
  WHERE k.closed_at IS NULL ORDER BY k.id;
-- a trade in short: table, id, product, unit, kW, window
CREATE FUNCTION trade(name text, id bigint, product bigint, unit bigint, kw numeric, w time_window, way text DEFAULT 'up') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('INSERT INTO %I (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES ($1, $2, 3, $3, $6, $4, $5)', name)
    USING id, product, unit, kw, w, way;
END $$;

-- double commitment: a real-time use spoils the nomination of Dynamic Containment
SELECT trade('award', 101, 1, 1, 40, '2026-11-20T17:00Z/PT2H');
SELECT trade('award', 102, 4, 1, 40, '2026-11-20T18:59Z/PT2H');
SELECT * FROM open_finding WHERE unit_id = 1;
-- touching is no overlap, another direction, another unit are no concern of it
SELECT trade('award', 103, 4, 2, 40, '2026-11-20T19:00Z/PT1H'), trade('award', 104, 5, 2, 40, '2026-11-21T19:00Z/PT1H');
SELECT trade('award', 105, 1, 3, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 106, 4, 3, 40, '2026-11-20T17:00Z/PT2H', 'down');
-- splitting is a yes: both may stand, as far as headroom goes
SELECT trade('award', 107, 1, 4, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 108, 2, 4, 60, '2026-11-20T17:00Z/PT2H');
SELECT count(*) FROM open_finding WHERE unit_id IN (2, 3, 4);
-- an unknown verdict makes it advisory: no data on splitting Dynamic Containment and MW Dispatch
SELECT trade('award', 109, 1, 5, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 110, 8, 5, 60, '2026-11-20T17:00Z/PT2H');
-- a no that is carried as a warning: Capacity Market and a service of a DSO
SELECT trade('award', 111, 6, 6, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 112, 2, 6, 60, '2026-11-20T17:00Z/PT2H');
-- not tested at all: Slow Reserve was still being designed
SELECT trade('award', 113, 7, 7, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 114, 1, 7, 60, '2026-11-20T17:00Z/PT2H');
-- two services of DSOs at one place
SELECT trade('award', 115, 2, 8, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 116, 4, 8, 60, '2026-11-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id IN (5, 6, 7, 8);

-- a bid is checked against obligations, not against bids or dispatches
SELECT trade('bid', 120, 4, 9, 40, '2026-11-20T17:00Z/PT2H'), trade('bid', 121, 1, 9, 40, '2026-11-20T17:00Z/PT2H'), trade('dispatch', 122, 2, 9, 20, '2026-11-20T17:00Z/PT1H');
SELECT count(*) FROM open_finding WHERE unit_id = 9;
SELECT trade('award', 123, 2, 9, 20, '2026-11-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id = 9;
-- a framework award obliges to nothing; accepted availability does
SELECT trade('award', 130, 3, 10, 40, '2026-11-20T17:00Z/PT2H'), trade('award', 131, 4, 10, 40, '2026-11-20T17:00Z/PT2H');
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (132, 130, 3, 3, 10, 'up', 40, '2026-11-20T17:00Z/PT2H');
SELECT count(*) FROM open_finding WHERE unit_id = 10;
UPDATE availability SET status = 'accepted' WHERE id = 132;
SELECT * FROM open_finding WHERE unit_id = 10;
UPDATE availability SET status = 'released' WHERE id = 132;
SELECT count(*) FROM open_finding WHERE unit_id = 10;

-- duplicate: two instructions of one product; not when the later takes the place of the earlier
SELECT trade('dispatch', 140, 2, 11, 20, '2026-11-20T17:00Z/PT1H'), trade('dispatch', 141, 2, 11, 20, '2026-11-20T17:30Z/PT1H'), trade('dispatch', 142, 9, 11, 20, '2026-11-20T17:30Z/PT1H');
INSERT INTO dispatch (id, supersedes_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (143, 141, 2, 3, 11, 'up', 20, '2026-11-20T18:00Z/PT1H');
SELECT * FROM open_finding WHERE unit_id = 11;
UPDATE dispatch SET status = 'superseded' WHERE id = 141;
UPDATE dispatch SET status = 'stopped', delivery_window = '2026-11-20T17:00Z/PT20M' WHERE id = 140;
SELECT count(*) FROM open_finding WHERE unit_id = 11;

-- jumping: not on one local delivery day; 23:30 UTC in summer is the next day in London
SELECT trade('award', 150, 5, 12, 20, '2026-07-20T17:00Z/PT1H'), trade('award', 151, 1, 12, 20, '2026-07-20T21:00Z/PT1H');
SELECT trade('award', 152, 5, 13, 20, '2026-07-20T17:00Z/PT1H'), trade('award', 153, 1, 13, 20, '2026-07-20T23:00Z/PT1H');
SELECT trade('award', 154, 5, 14, 20, '2026-07-20T17:00Z/PT1H'), trade('award', 155, 1, 14, 20, '2026-07-20T22:59Z/PT1H');
SELECT trade('award', 156, 5, 15, 20, '2026-12-20T17:00Z/PT1H'), trade('award', 157, 1, 15, 20, '2026-12-20T23:00Z/PT1H');
-- a window that ends at midnight does not touch the day that begins
SELECT trade('award', 158, 5, 16, 20, '2026-12-20T22:00Z/PT2H'), trade('award', 159, 1, 16, 20, '2026-12-21T00:00Z/PT1H');
SELECT * FROM open_finding WHERE kind = 'jumping';

-- headroom: tranches of one service are added up, to the watt
SELECT trade('award', 160, 2, 20, 60, '2026-11-20T17:00Z/PT2H'), trade('award', 161, 2, 20, 40, '2026-11-20T17:00Z/PT2H');
SELECT count(*) FROM open_finding WHERE unit_id = 20;
UPDATE award SET power_kw = 40.001 WHERE id = 161;
SELECT * FROM open_finding WHERE unit_id = 20;
-- the other direction has its own
SELECT trade('award', 162, 2, 21, 60, '2026-11-20T17:00Z/PT2H', 'down'), trade('award', 163, 2, 21, 100, '2026-11-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id = 21;
-- a lineage counts once: award, availability and use of the same megawatts
SELECT trade('award', 170, 2, 22, 100, '2026-11-20T17:00Z/PT2H');
INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) VALUES (171, 170, 2, 3, 22, 'up', 100, '2026-11-20T17:00Z/PT2H', 'accepted');
INSERT INTO dispatch (id, availability_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (172, 171, 2, 3, 22, 'up', 100, '2026-11-20T17:00Z/PT1H');
SELECT count(*) FROM open_finding WHERE unit_id = 22;
-- ... and what exceeds the parent counts on its own
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (173, 170, 2, 3, 22, 'up', 30, '2026-11-20T17:30Z/PT1H');
SELECT * FROM open_finding WHERE unit_id = 22;
-- taken out of the lineage it counts beside it
UPDATE dispatch SET availability_id = NULL WHERE id = 172;
SELECT * FROM open_finding WHERE unit_id = 22;
UPDATE dispatch SET status = 'cancelled' WHERE id IN (172, 173);
SELECT count(*) FROM open_finding WHERE unit_id = 22;
-- the Capacity Market shares its megawatts with Dynamic Containment, and both do not share with a third
SELECT trade('award', 180, 6, 23, 100, '2026-11-20T17:00Z/PT2H'), trade('award', 181, 1, 23, 100, '2026-11-20T17:00Z/PT2H');
SELECT count(*) FROM open_finding WHERE unit_id = 23;
SELECT trade('award', 182, 2, 23, 10, '2026-11-20T18:00Z/PT2H');
SELECT kind, challenger, overlap, short_kw FROM open_finding WHERE unit_id = 23;
-- an over-full book does not blame a newcomer that shares
SELECT trade('award', 183, 1, 24, 90, '2026-11-20T17:00Z/PT2H'), trade('award', 184, 2, 24, 90, '2026-11-20T17:00Z/PT2H');
SELECT trade('award', 185, 6, 24, 10, '2026-11-20T17:00Z/PT1H');
SELECT kind, challenger, incumbent, overlap, short_kw FROM open_finding WHERE unit_id = 24;
-- a finding changes with the book and closes with it
UPDATE award SET power_kw = 20 WHERE id = 183;
SELECT kind, challenger, incumbent, overlap, short_kw FROM open_finding WHERE unit_id = 24 AND kind = 'headroom';
UPDATE award SET status = 'released' WHERE id = 183;
SELECT count(*) FROM open_finding WHERE unit_id = 24 AND kind = 'headroom';
-- capacity that is not known is not checked, and counted
INSERT INTO asset (id, name) VALUES (50, 'unknown');
SELECT trade('award', 190, 2, 50, 1000000, '2026-11-20T17:00Z/PT2H');
SELECT headroom_checked, count(*) FROM commitment GROUP BY headroom_checked ORDER BY headroom_checked;

-- portfolios: what members lend, never more than they can, as they come and go
INSERT INTO portfolio (id, name, service_provider_id) VALUES (60, 'chargers', 3), (61, 'empty', 3), (62, 'left', 3);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES
  (60, 30, 30, '2026-11-01T00:00Z/infinity'), (60, 31, 500, '2026-11-01T00:00Z/2026-11-20T18:00Z'), (62, 30, 30, '2026-01-01T00:00Z/2026-02-01T00:00Z');
INSERT INTO award (id, product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES
  (200, 2, 3, 60, 'up', 130, '2026-11-20T17:00Z/PT1H'), (201, 2, 3, 60, 'up', 31, '2026-11-20T17:30Z/PT1H'), (202, 2, 3, 61, 'up', 1000, '2026-11-20T17:30Z/PT1H'), (203, 2, 3, 62, 'up', 1, '2026-11-20T17:30Z/PT1H');
SELECT * FROM open_finding WHERE unit_id IN (60, 61, 62);
SELECT rationale -> 'headroom' -> 'capacity_kw' AS capacity_kw, rationale -> 'headroom' -> 'needed_kw' AS needed_kw, short_windows
FROM conflict WHERE unit_id = 60 AND closed_at IS NULL;
SELECT explain_conflict(id) FROM conflict WHERE closed_at IS NULL AND unit_id IN (1, 5, 6, 12, 60) ORDER BY id;

-- what a unit can sell changes: deliveries to come are examined again, those that ended are not
INSERT INTO asset (id, name, qualified_up_kw) VALUES (70, 'rerated', 100);
SELECT trade('award', 220, 2, 70, 60, '2026-01-20T17:00Z/PT2H'), trade('award', 221, 2, 70, 60, '2099-01-20T17:00Z/PT2H');
UPDATE asset SET qualified_up_kw = 40 WHERE id = 70;
SELECT * FROM open_finding WHERE unit_id = 70;
UPDATE asset SET qualified_up_kw = NULL WHERE id = 70;
SELECT c.source_id, c.headroom_checked, k.closed_at IS NOT NULL AS closed FROM commitment c LEFT JOIN conflict k ON k.challenger_id = c.id WHERE c.unit_id = 70 ORDER BY 1;

-- opposite directions: energy against energy, be it instructed or scheduled; readiness is sold per direction
INSERT INTO product (id, market_id, code, name, service_code, utilisation) VALUES (71, 2, 'SU', 'Scheduled Utilisation', 'SU', 'scheduled');
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) VALUES (71, 'both ways', 100, 100);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (230, 1, 3, 71, 'up', 10, '2099-02-20T17:00Z/PT2H'), (231, 1, 3, 71, 'down', 10, '2099-02-20T17:00Z/PT2H'), (232, 71, 3, 71, 'down', 10, '2099-02-20T17:30Z/PT1H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (233, 230, 1, 3, 71, 'up', 10, '2099-02-20T18:00Z/PT1H');
SELECT * FROM open_finding WHERE unit_id = 71 AND kind = 'direction';
SELECT explain_conflict(id) FROM conflict WHERE unit_id = 71 AND kind = 'direction';

-- recovery: between two dispatches, of one award or not; windows that touch are one delivery; a product lets a unit claim so much
INSERT INTO product (id, market_id, code, name, service_code, max_recovery) VALUES (72, 2, 'OUq', 'Operational Utilisation, quick', 'OUrt', '15 minutes');
INSERT INTO asset (id, name, qualified_up_kw, profile) VALUES (72, 'slow to recover', 100, '{"recovery": "PT45M"}');
SELECT trade('award', 240, 4, 72, 10, '2099-03-20T17:00Z/PT6H');
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES
  (241, 240, 4, 3, 72, 'up', 10, '2099-03-20T17:00Z/PT30M'), (242, 240, 4, 3, 72, 'up', 10, '2099-03-20T17:30Z/PT30M'), (243, 240, 4, 3, 72, 'up', 10, '2099-03-20T18:30Z/PT30M'),
  (244, 240, 4, 3, 72, 'up', 10, '2099-03-20T19:45Z/PT30M');
SELECT trade('dispatch', 245, 72, 72, 10, '2099-03-20T21:00Z/PT30M'), trade('dispatch', 246, 72, 72, 10, '2099-03-20T21:45Z/PT30M'), trade('dispatch', 247, 72, 72, 10, '2099-03-20T22:25Z/PT30M');
SELECT * FROM open_finding WHERE unit_id = 72;
SELECT explain_conflict(id) FROM conflict WHERE unit_id = 72;
UPDATE asset SET profile = '{"recovery": "PT20M"}' WHERE id = 72;
SELECT * FROM open_finding WHERE unit_id = 72;

-- exclusivity: an agreement binds whatever comes before or after it, in either direction
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) VALUES (73, 'promised', 100, 100);
SELECT trade('award', 250, 1, 73, 10, '2099-04-20T16:00Z/PT2H');
INSERT INTO exclusivity (id, asset_id, service_code, market_operator_id, service_provider_id, valid) VALUES (1, 73, 'PR', 2, 3, '2099-04-20T17:00Z/PT4H');
SELECT trade('award', 251, 2, 73, 10, '2099-04-20T17:00Z/PT2H'), trade('award', 252, 1, 73, 10, '2099-04-20T20:00Z/PT2H', 'down'), trade('bid', 253, 5, 73, 5, '2099-04-20T20:30Z/PT1H');
SELECT k.kind, k.severity, k.stage, c.stage || ' ' || c.source_id AS challenger, k.exclusivity_id, k.overlap FROM conflict k JOIN commitment c ON c.id = k.challenger_id
WHERE k.unit_id = 73 AND k.kind = 'exclusivity' ORDER BY k.id;
SELECT explain_conflict(id) FROM conflict WHERE unit_id = 73 AND kind = 'exclusivity' ORDER BY id LIMIT 1;
-- the seller of a sealed bid is told, and nobody else
SELECT c.source_id AS trade, p.name AS told, n.content -> 'exclusivity' AS exclusivity FROM notification n JOIN conflict k ON k.id = n.conflict_id
  JOIN commitment c ON c.id = k.challenger_id JOIN participant p ON p.id = n.participant_id WHERE k.unit_id = 73 AND k.kind = 'exclusivity' ORDER BY 1, 2;
UPDATE exclusivity SET valid = '2099-04-20T18:00Z/PT2H' WHERE id = 1;
SELECT c.source_id AS trade, k.overlap, k.closed_at IS NULL AS open FROM conflict k JOIN commitment c ON c.id = k.challenger_id WHERE k.unit_id = 73 AND k.kind = 'exclusivity' ORDER BY k.id;
UPDATE exclusivity SET service_code = 'DC' WHERE id = 1;

-- energy: what is delivered without a break takes no more than there is, and lasts no longer than it may
INSERT INTO asset (id, name, qualified_up_kw, profile) VALUES (74, 'small battery', 100, '{"energy_kwh": 100, "max_duration": "PT3H"}');
SELECT trade('dispatch', 260, 4, 74, 50, '2099-05-20T12:00Z/PT1H'), trade('dispatch', 261, 4, 74, 50, '2099-05-20T13:00Z/PT1H'), trade('award', 262, 1, 74, 50, '2099-05-20T14:00Z/PT4H');
SELECT count(*) AS fits FROM open_finding WHERE unit_id = 74 AND kind = 'energy';
SELECT trade('dispatch', 263, 9, 74, 4, '2099-05-20T13:30Z/PT45M'), trade('dispatch', 264, 4, 74, 1, '2099-05-20T17:00Z/PT3H'), trade('dispatch', 265, 4, 74, 1, '2099-05-20T20:00Z/PT1S');
SELECT * FROM open_finding WHERE unit_id = 74 AND kind = 'energy';
SELECT explain_conflict(id) FROM conflict WHERE unit_id = 74 AND kind = 'energy' ORDER BY id;
UPDATE dispatch SET status = 'cancelled' WHERE id IN (260, 264);
SELECT count(*) AS fits FROM open_finding WHERE unit_id = 74 AND kind = 'energy';

-- COPY goes the same way
COPY dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) FROM STDIN;
300	2	3	25	up	60	2026-11-20T17:00Z/PT1H
301	2	3	25	up	60	2026-11-20T17:30Z/PT1H
\.
SELECT * FROM open_finding WHERE unit_id = 25;
-- a deleted row leaves the book, its history stays there
DELETE FROM dispatch WHERE id = 300;
SELECT count(*) FROM open_finding WHERE unit_id = 25;
SELECT source_id, closed_at IS NOT NULL AS closed FROM commitment WHERE unit_id = 25 ORDER BY id;

-- the rules are those of the delivery, not of today
SELECT copy_ruleset('ena-2025-01', 'next') IS NOT NULL AS copied;
UPDATE stacking_rule SET verdict = 'explicit_yes', reason = NULL WHERE service_a IN ('DC', 'OUrt') AND service_b IN ('DC', 'OUrt') AND ruleset_id = (SELECT id FROM ruleset WHERE code = 'next');
SELECT trade('award', 310, 1, 26, 80, '2099-01-20T17:00Z/PT2H'), trade('award', 311, 4, 26, 80, '2099-01-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id = 26;
SELECT put_ruleset_in_force('next', '2099-01-01T00:00Z');
SELECT code, status, in_force FROM ruleset ORDER BY id;
-- what stood in the book is examined again, what comes later is examined by the new rules
SELECT trade('award', 312, 1, 27, 80, '2098-12-20T17:00Z/PT2H'), trade('award', 313, 4, 27, 80, '2098-12-20T17:00Z/PT2H');
SELECT trade('award', 316, 1, 31, 80, '2099-12-20T17:00Z/PT2H'), trade('award', 317, 4, 31, 80, '2099-12-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id IN (26, 27, 31);
-- what is found under the new rules as under the old is not told as ended and found again
SELECT trade('award', 318, 2, 32, 80, '2099-01-20T17:00Z/PT2H'), trade('award', 319, 4, 32, 80, '2099-01-20T17:00Z/PT2H');
SELECT copy_ruleset('next', 'the same') IS NOT NULL AS copied;
SELECT put_ruleset_in_force('the same', '2099-01-10T00:00Z');
SELECT k.kind, r.code AS ruleset, k.closed_at IS NULL AS open, (SELECT string_agg(DISTINCT n.event, ' ') FROM notification n WHERE n.conflict_id = k.id) AS told
FROM conflict k LEFT JOIN ruleset r ON r.id = k.ruleset_id WHERE unit_id = 32 ORDER BY k.id;
UPDATE ruleset SET status = 'retired' WHERE code = 'the same';
-- no ruleset, no stacking rules: headroom and duplicates remain
UPDATE ruleset SET status = 'retired' WHERE code = 'next';
SELECT trade('award', 314, 1, 28, 80, '2099-01-20T17:00Z/PT2H'), trade('award', 315, 4, 28, 80, '2099-01-20T17:00Z/PT2H');
SELECT * FROM open_finding WHERE unit_id IN (26, 27, 28);
-- two rulesets for one instant are refused
SELECT copy_ruleset('next', 'too early') IS NOT NULL AS copied;
UPDATE ruleset SET status = 'in_force', in_force = '2098-12-31T00:00Z/infinity' WHERE code = 'too early';
-- statements of more rows than fit in memory, or in one batch
SET work_mem = '64kB';
INSERT INTO asset (id, name, qualified_up_kw) SELECT 1000 + i, 'bulk ' || i, 100 FROM generate_series(0, 99) i;
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 10000 + i, 1, 3, 1000 + (i * 7) % 100, 'up', 60, time_window('2098-01-01T00:00Z'::timestamptz + i / 100 * interval '1 hour', '2098-01-01T01:00Z'::timestamptz + (i / 100 + (i % 50 = 0)::int) * interval '1 hour')
  FROM generate_series(0, 3499) i;
SELECT count(*) AS posted, count(DISTINCT unit_id) AS units, bool_and(unit_id >= before) AS by_unit FROM (SELECT *, lag(unit_id, 1, 0) OVER (ORDER BY id) AS before FROM commitment WHERE source_id >= 10000 AND closed_at IS NULL) c;
SELECT kind, count(*), count(DISTINCT unit_id) AS units FROM open_finding WHERE unit_id >= 1000 GROUP BY kind;
UPDATE award SET source = 'bulk', status = CASE WHEN id % 2 = 0 THEN status ELSE 'released' END WHERE id >= 10000;
SELECT count(*) AS live FROM commitment WHERE source_id >= 10000 AND closed_at IS NULL;
UPDATE award SET status = 'awarded', power_kw = power_kw - 20 WHERE id >= 10000;
SELECT count(*) AS live, count(DISTINCT power_kw) AS powers FROM commitment WHERE source_id >= 10000 AND closed_at IS NULL;
SELECT kind, count(*), count(DISTINCT unit_id) AS units FROM open_finding WHERE unit_id >= 1000 GROUP BY kind;
SELECT * FROM detect_conflicts('-infinity/infinity');
DELETE FROM award WHERE id >= 10000;
SELECT count(*) AS live FROM commitment WHERE source_id >= 10000 AND closed_at IS NULL;
SELECT count(*) AS open FROM open_finding WHERE unit_id >= 1000;
RESET work_mem;
SELECT flexexchange.drop_exchange('conflict_test', with_data => true);
