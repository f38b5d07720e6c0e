-- Units that draw on the same assets, in random books against the oracle: a few
-- assets, lent to up to six portfolios, some behind common connections.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
\set random_rules :src '/oracle/random_rules.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('supply_test');
SET search_path = supply_test, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_book
\i :random_rules
\set ECHO all
SELECT random_register(12, 13);
SELECT random_sharing(6, 13);
SELECT random_trading(1, 500, 12, 13);
SELECT count(*) FILTER (WHERE closed_at IS NULL) > 200 AS enough_live FROM commitment;
SELECT severity, count(*) > 2 AS enough, count(*) FILTER (WHERE rationale @? '$.headroom.set[*].unit_id') > 2 AS enough_of_several_units
FROM conflict WHERE closed_at IS NULL AND kind = 'headroom' GROUP BY severity ORDER BY severity COLLATE "C";
-- three and more portfolios meet, two and no more, and assets are committed by themselves
SELECT bool_or(crowded > 0) AS crowds, bool_or(portfolio_id <> with_id AND crowded = 0) AS pairs, (SELECT count(*) > 10 FROM member_commitment) AS own FROM place_supply;
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;
SELECT * FROM oracle_wrongly_kept();
SELECT * FROM oracle_wrongly_posted;

-- More trading in the same book, and another order of things.
SELECT random_trading(501, 650, 12, 14);
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;
SELECT * FROM oracle_wrongly_kept();
SELECT * FROM oracle_wrongly_posted;

-- A sweep looks at all this in another way and finds nothing to change.
SELECT written, closed FROM detect_conflicts();

-- When nobody is a member any more nothing is shared, and nothing is kept of it.
DELETE FROM portfolio_member;
SELECT * FROM compare_with_oracle();
SELECT count(*) AS places FROM place_supply;
SELECT count(*) AS still FROM portfolio_supply s WHERE since = (SELECT max(since) FROM portfolio_supply x WHERE (x.portfolio_id, x.with_id) = (s.portfolio_id, s.with_id))
  AND (places, assets, crowded, unknown_up, unknown_down, own_up_kw, own_down_kw, both_up_kw, both_down_kw) <> (0, 0, 0, 0, 0, 0, 0, 0, 0);
SELECT count(*) AS posted FROM member_commitment;
SELECT flexexchange.drop_exchange('supply_test', with_data => true);

-- Portfolios of the same few assets, which are also sold themselves, in services of which
-- most exclude one another: what one of them is in the other may not draw on.
SELECT flexexchange.create_exchange('barring_test');
SET search_path = barring_test, flexexchange;
\set ECHO none
\i :journal
\i :oracle
\set ECHO all
CREATE FUNCTION dice(i bigint, k int, n int, seed bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i * 64 + k, seed) & 2147483647) % n)::int $$;
INSERT INTO participant (id, name, kinds) VALUES (1, 'system operator', '{market_operator}'), (2, 'seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'one', 'one market', 1);
INSERT INTO product (id, market_id, code, name, service_code)
  SELECT row_number() OVER (ORDER BY code COLLATE "C"), 1, code, name, code FROM (SELECT * FROM service ORDER BY code COLLATE "C" LIMIT 6) s;
UPDATE ruleset SET in_force = '-infinity/2099-01-01T12:00Z' WHERE code = 'ena-2025-01';
INSERT INTO ruleset (code, title, source, in_force) VALUES ('excluding', 'rules that exclude', 'this test', '2099-01-01T12:00Z/infinity');
INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict)
  SELECT r.id, a.service_code, b.service_code, m, (ARRAY['explicit_no', 'implicit_no', 'no_data', 'explicit_no', 'explicit_yes', 'not_applicable'])
    [1 + dice(hashtext(least(a.service_code, b.service_code) || greatest(a.service_code, b.service_code) || m), 1, CASE m WHEN 'co_delivery' THEN 5 ELSE 6 END, 3)]
  FROM ruleset r, product a, product b, unnest(ARRAY['co_delivery', 'splitting']) m WHERE r.code = 'excluding' AND a.id <> b.id ORDER BY a.id, b.id, m;
UPDATE ruleset SET status = 'in_force' WHERE code = 'excluding';
INSERT INTO metering_point (id, mpan, kind, agreed_import_kw, agreed_export_kw)
  SELECT 50, mpan, 'boundary', 40, 60 FROM (SELECT '200000000001' || k AS mpan FROM generate_series(0, 9) k) c WHERE mpan_is_valid(mpan) LIMIT 1;
INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw, metering_point_id)
  SELECT 100 + n, 'asset ' || n, 30 + 20 * n, 50, CASE WHEN n IN (2, 3) THEN 50 END FROM generate_series(1, 5) n;
INSERT INTO portfolio (id, name, service_provider_id) SELECT 200 + n, 'portfolio ' || n, 2 FROM generate_series(1, 3) n;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT p.id, a.id, 10 + dice(p.id * 1000 + a.id, 1, 50, 5), 30, CASE WHEN dice(p.id * 1000 + a.id, 2, 3, 5) = 0 THEN '2099-01-01T10:00Z/infinity' ELSE '-infinity/infinity' END::time_window
  FROM portfolio p, asset a WHERE dice(p.id * 1000 + a.id, 3, 4, 5) > 0;
CREATE PROCEDURE trade(first int, last int) LANGUAGE plpgsql AS $$
DECLARE
  unit bigint;
  since timestamptz;
BEGIN
  FOR i IN first .. last LOOP
    unit := CASE dice(i, 1, 2, 9) WHEN 0 THEN 201 + dice(i, 2, 3, 9) ELSE 101 + dice(i, 2, 5, 9) END;
    since := timestamptz '2099-01-01T08:00Z' + dice(i, 3, 32, 9) * interval '30 minutes';
    CASE dice(i, 4, 10, 9)
      WHEN 0, 1 THEN UPDATE award SET status = 'released' WHERE id = (SELECT id FROM award WHERE live ORDER BY id OFFSET dice(i, 5, 40, 9) LIMIT 1);
      WHEN 3 THEN UPDATE award SET power_kw = power_kw + 1 + dice(i, 6, 20, 9) WHERE id = (SELECT id FROM award WHERE live ORDER BY id OFFSET dice(i, 5, 40, 9) LIMIT 1);
      WHEN 4 THEN UPDATE portfolio_member SET flexible_up_kw = 10 + dice(i, 6, 50, 9) WHERE asset_id = 101 + dice(i, 5, 5, 9);
      WHEN 5 THEN
        INSERT INTO bid (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
        VALUES (1 + dice(i, 7, 6, 9), 2, CASE WHEN unit < 200 THEN unit END, CASE WHEN unit > 200 THEN unit END, 'up', 1 + dice(i, 6, 60, 9), time_window(since, since + (1 + dice(i, 8, 6, 9)) * interval '30 minutes'));
      ELSE
        INSERT INTO award (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
        VALUES (1 + dice(i, 7, 6, 9), 2, CASE WHEN unit < 200 THEN unit END, CASE WHEN unit > 200 THEN unit END, 'up', CASE WHEN unit < 200 THEN 0.5 + dice(i, 6, 20, 9) ELSE 40 + dice(i, 6, 120, 9) END,
                time_window(since, since + (1 + dice(i, 8, 6, 9)) * interval '30 minutes'));
    END CASE;
  END LOOP;
END $$;
CALL trade(1, 130);
SELECT * FROM compare_with_oracle();
CALL trade(131, 170);
SELECT * FROM compare_with_oracle();
SELECT count(*) FILTER (WHERE rationale @? '$.headroom.set[*] ? (@.bars == true)') > 10 AS with_bars,
       count(*) FILTER (WHERE rationale @? '$.headroom.set[*] ? (@.bars == true && @.weight_kw == 0)') > 5 AS by_bars_alone,
       count(DISTINCT severity) AS severities
FROM conflict WHERE closed_at IS NULL AND kind = 'headroom';
SELECT written, closed FROM detect_conflicts();
-- what is no longer excluded may be drawn on
UPDATE award SET status = 'released' WHERE live AND asset_id IS NOT NULL;
SELECT * FROM compare_with_oracle();
SELECT flexexchange.drop_exchange('barring_test', with_data => true);
