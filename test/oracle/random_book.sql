-- A random register and random trading, the same for the same seed.

-- a number from 0 to n - 1 for step i, use k
CREATE FUNCTION dice(i bigint, k int, n int, seed bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i * 64 + k, seed) & 2147483647) % n)::int $$;

CREATE FUNCTION random_register(units int, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO participant (name, kinds) VALUES ('system operator', '{market_operator}'), ('network operator', '{market_operator}'), ('seller', '{service_provider}');
  INSERT INTO market (code, name, market_operator_id)
    SELECT p.name, p.name, p.id FROM participant p WHERE 'market_operator' = ANY (p.kinds) ORDER BY p.id;
  -- two products of every service, some bound by availability
  INSERT INTO product (market_id, code, name, service_code, binds, utilisation, max_recovery)
    SELECT m.id, s.code || n, s.name || n, s.code, CASE WHEN n = 2 AND s.code IN ('SAda', 'VAda', 'STOR') THEN 'availability' ELSE 'award' END,
           CASE WHEN s.code IN ('PR', 'SU', 'WM') OR n = 2 AND s.code = 'SAda' THEN 'scheduled' ELSE 'instructed' END,
           CASE WHEN n = 2 THEN interval '40 minutes' END
    FROM service s, generate_series(1, 2) n, market m
    WHERE m.code = CASE s.buyer_kind WHEN 'dso' THEN 'network operator' ELSE 'system operator' END
    ORDER BY s.code COLLATE "C", n;
  -- half assets (one in eight of unknown capacity), half portfolios
  INSERT INTO asset (name, qualified_up_kw, qualified_down_kw)
    SELECT 'asset ' || u, CASE WHEN dice(u, 1, 8, seed) > 0 THEN 20 + dice(u, 2, 100, seed) + 0.125 END,
           CASE WHEN dice(u, 3, 8, seed) > 0 THEN 20 + dice(u, 4, 100, seed) END
    FROM generate_series(1, units / 2) u;
  UPDATE asset SET profile = format('{"recovery": "PT%sM"%s%s}', 10 * (1 + dice(id, 12, 12, seed)),
    CASE WHEN id % 2 = 0 THEN format(', "energy_kwh": %s', 40 + dice(id, 13, 200, seed)) END, CASE WHEN id % 5 = 0 THEN format(', "max_duration": "PT%sH"', 3 + dice(id, 14, 5, seed)) END)::asset_profile WHERE id % 3 > 0;
  INSERT INTO portfolio (name, service_provider_id, profile)
    SELECT 'portfolio ' || u, (SELECT id FROM participant WHERE name = 'seller'), CASE WHEN u % 4 = 0 THEN '{"recovery": "PT90M", "energy_kwh": 100.5, "max_duration": "infinity"}'::asset_profile END
    FROM generate_series(1, units / 2) u;
  -- what is lent is not traded by itself, and at first to one portfolio alone: random_sharing() is for the rest
  INSERT INTO asset (name, qualified_up_kw, qualified_down_kw)
    SELECT 'lent ' || u, CASE WHEN dice(u, 15, 12, seed) > 0 THEN 10 + dice(u, 16, 60, seed) END, 20 + dice(u, 17, 60, seed)
    FROM generate_series(1, units * 2) u;
  -- members come and go; every fifth portfolio has none; some lend an unknown power
  INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
    SELECT p.id, a.id, CASE WHEN dice(p.id * 1000 + a.id, 5, 12, seed) > 0 THEN 5 + dice(p.id * 1000 + a.id, 6, 40, seed) END, 5 + dice(p.id * 1000 + a.id, 7, 40, seed) + 0.5,
           time_window(timestamptz '2099-03-27T00:00Z' + dice(p.id * 1000 + a.id, 8, 60, seed) * interval '1 hour',
                       CASE dice(p.id * 1000 + a.id, 9, 3, seed) WHEN 0 THEN timestamptz 'infinity'
                       ELSE timestamptz '2099-03-29T12:00Z' + dice(p.id * 1000 + a.id, 10, 40, seed) * interval '1 hour' END)
    FROM portfolio p, asset a WHERE p.id % 5 <> 0 AND a.name LIKE 'lent %' AND a.id % (units / 2) = p.id % (units / 2);
END $$;

-- Let assets be lent to several portfolios, and lie behind common connections,
-- of which some have no limit, at their boundary or with a meter of their own.
CREATE FUNCTION random_sharing(assets int, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO metering_point (mpan, kind, agreed_import_kw, agreed_export_kw)
    SELECT mpan, 'boundary', CASE WHEN n <> 3 THEN 10 + dice(n, 1, 60, seed) END, 20 FROM generate_series(1, 4) n, generate_series(0, 9) k, format('20000000000%s%s', n, k) mpan WHERE mpan_is_valid(mpan);
  INSERT INTO metering_point (mpan, kind, parent_id)
    SELECT mpan, 'asset', (SELECT min(id) FROM metering_point) FROM generate_series(5, 6) n, generate_series(0, 9) k, format('20000000000%s%s', n, k) mpan WHERE mpan_is_valid(mpan);
  UPDATE asset SET metering_point_id = (SELECT id FROM metering_point ORDER BY id OFFSET dice(asset.id, 2, 6, seed) LIMIT 1)
    WHERE id IN (SELECT id FROM asset ORDER BY id LIMIT assets) AND dice(id, 3, 3, seed) > 0;
  INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
    SELECT p.id, a.id, 5 + dice(p.id * 1000 + a.id, 4, 60, seed), 5 + dice(p.id * 1000 + a.id, 5, 40, seed), '2099-03-20T00:00Z/infinity'
    FROM portfolio p, (SELECT id FROM asset ORDER BY id LIMIT assets) a WHERE dice(p.id * 1000 + a.id, 6, 3, seed) = 0;
END $$;

-- A random change of what units can sell; the trading of later years alone feels it.
CREATE FUNCTION random_register_change(i int, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  a bigint := (SELECT id FROM asset ORDER BY id OFFSET dice(i, 40, (SELECT count(*)::int FROM asset), seed) LIMIT 1);
  p bigint := (SELECT id FROM portfolio ORDER BY id OFFSET dice(i, 41, (SELECT count(*)::int FROM portfolio), seed) LIMIT 1);
  meters int := (SELECT count(*) FROM metering_point);
  m bigint := (SELECT id FROM metering_point ORDER BY id OFFSET dice(i, 47, greatest(meters, 1), seed) LIMIT 1);
  since timestamptz := timestamptz '2099-03-27T00:00Z' + dice(i, 42, 90, seed) * interval '1 hour';
BEGIN
  CASE dice(i, 43, CASE WHEN meters > 0 THEN 13 ELSE 10 END, seed)
    WHEN 10 THEN UPDATE metering_point SET agreed_import_kw = nullif(dice(i, 44, 9, seed), 0) * 8, agreed_export_kw = coalesce(agreed_export_kw, 0) + 3 WHERE id IN (m, m + 2);
    WHEN 11 THEN UPDATE asset SET metering_point_id = CASE WHEN dice(i, 44, 4, seed) > 0 THEN m END WHERE id = a;
    WHEN 12 THEN UPDATE metering_point SET parent_id = CASE WHEN dice(i, 44, 3, seed) > 0 THEN m END WHERE kind = 'asset' AND id % 2 = i % 2;
    WHEN 0 THEN UPDATE asset SET qualified_up_kw = nullif(dice(i, 44, 120, seed), 0) WHERE id = a;
    WHEN 1 THEN UPDATE asset SET qualified_down_kw = 20 + dice(i, 44, 100, seed), qualified_up_kw = qualified_up_kw + 1 WHERE id % 5 = a % 5;
    WHEN 2 THEN UPDATE portfolio_member SET flexible_up_kw = dice(i, 44, 50, seed), flexible_down_kw = NULL WHERE portfolio_id = p AND asset_id % 2 = 0;
    WHEN 3 THEN UPDATE portfolio_member SET valid = time_window(lower(valid), lower(valid) + interval '40 hours') WHERE portfolio_id = p;
    WHEN 6 THEN UPDATE asset SET profile = CASE WHEN dice(i, 44, 4, seed) > 0 THEN format('{"recovery": "PT%sM", "energy_kwh": %s}', 10 * (1 + dice(i, 44, 12, seed)), 20 + dice(i, 45, 300, seed))::asset_profile END WHERE id = a;
    WHEN 8 THEN
      INSERT INTO exclusivity (asset_id, portfolio_id, service_code, market_operator_id, service_provider_id, valid)
        SELECT CASE n WHEN 1 THEN a END, CASE n WHEN 2 THEN p END, (SELECT code FROM service ORDER BY code OFFSET dice(i, 45, 22, seed) LIMIT 1), 1, 3,
               time_window(since, since + (1 + dice(i, 46, 20, seed)) * interval '1 hour') FROM generate_series(1, 2) n;
    WHEN 9 THEN UPDATE exclusivity SET valid = time_window(lower(valid), lower(valid) + (1 + dice(i, 46, 20, seed)) * interval '1 hour') WHERE id % 4 = i % 4;
    WHEN 7 THEN UPDATE portfolio SET profile = '{"recovery": "PT1H", "max_duration": "PT5H"}' WHERE id % 4 = p % 4;
    WHEN 4 THEN DELETE FROM portfolio_member WHERE portfolio_id = p AND asset_id % 3 = i % 3;
    ELSE
      BEGIN
        INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
          VALUES (p, a, dice(i, 44, 60, seed), 10, time_window(since, since + interval '30 hours')), (p + 1, a, 10, NULL, time_window(since, 'infinity'));
      EXCEPTION WHEN exclusion_violation OR foreign_key_violation THEN NULL;
      END;
  END CASE;
END $$;

-- Random trading over four days with a clock change: mostly new rows, of which
-- some continue a lineage, and changes of every kind to old ones.
CREATE FUNCTION random_trading(first int, last int, units int, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  what int;
  unit bigint;
  a bigint;
  p bigint;
  prod bigint;
  way text;
  kw numeric;
  span time_window;
  parent record;
  seller bigint := (SELECT id FROM participant WHERE name = 'seller');
  products bigint[] := ARRAY(SELECT id FROM product ORDER BY id);
  target bigint;
  name text;
BEGIN
  FOR i IN first .. last LOOP
    IF i % 15 = 0 THEN PERFORM random_register_change(i, seed); END IF;
    what := dice(i, 20, 100, seed);
    unit := (SELECT id FROM (SELECT id FROM asset UNION ALL SELECT id FROM portfolio) u ORDER BY id OFFSET dice(i, 21, units, seed) LIMIT 1);
    a := (SELECT id FROM asset WHERE id = unit);
    p := (SELECT id FROM portfolio WHERE id = unit);
    prod := products[1 + dice(i, 22, cardinality(products), seed)];
    way := CASE WHEN dice(i, 23, 4, seed) = 0 THEN 'down' ELSE 'up' END;
    kw := 1 + dice(i, 24, 60, seed) + dice(i, 25, 4, seed) * 0.25;
    span := time_window(timestamptz '2099-03-27T00:00Z' + dice(i, 26, 96 * 2, seed) * interval '30 minutes',
                        timestamptz '2099-03-27T00:00Z' + dice(i, 26, 96 * 2, seed) * interval '30 minutes' + (1 + dice(i, 27, 12, seed)) * interval '30 minutes');
    IF what < 12 THEN
      INSERT INTO bid (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
        VALUES (prod, seller, a, p, way, kw, span);
    ELSIF what < 28 THEN
      -- an award, in one case of three of a bid, then of its terms, more or less
      SELECT * INTO parent FROM bid ORDER BY id OFFSET dice(i, 28, 1 + (SELECT count(*)::int FROM bid), seed) LIMIT 1;
      IF dice(i, 29, 3, seed) = 0 AND parent.id IS NOT NULL THEN
        INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
          VALUES (parent.id, parent.product_id, seller, parent.asset_id, parent.portfolio_id, parent.direction,
                  CASE WHEN dice(i, 30, 2, seed) = 0 THEN parent.power_kw ELSE kw END, parent.delivery_window);
        IF dice(i, 31, 2, seed) = 0 THEN UPDATE bid SET status = 'awarded' WHERE id = parent.id; END IF;
      ELSE
        INSERT INTO award (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
          VALUES (prod, seller, a, p, way, kw, span);
      END IF;
    ELSIF what < 42 THEN
      SELECT * INTO parent FROM award ORDER BY id OFFSET dice(i, 28, 1 + (SELECT count(*)::int FROM award), seed) LIMIT 1;
      IF dice(i, 29, 3, seed) > 0 AND parent.id IS NOT NULL THEN
        INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, status, source)
          VALUES (parent.id, parent.product_id, seller, parent.asset_id, parent.portfolio_id, parent.direction,
                  CASE WHEN dice(i, 30, 2, seed) = 0 THEN parent.power_kw ELSE kw END, parent.delivery_window, 'accepted', 'elsewhere');
      ELSE
        INSERT INTO availability (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, status, source)
          VALUES (prod, seller, a, p, way, kw, span, CASE WHEN dice(i, 30, 4, seed) = 0 THEN 'declared' ELSE 'accepted' END, 'elsewhere');
      END IF;
    ELSIF what < 66 THEN
      CASE dice(i, 29, 4, seed)
        WHEN 0 THEN
          SELECT * INTO parent FROM availability ORDER BY id OFFSET dice(i, 28, 1 + (SELECT count(*)::int FROM availability), seed) LIMIT 1;
          IF parent.id IS NOT NULL THEN
            INSERT INTO dispatch (availability_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
              VALUES (parent.id, parent.product_id, seller, parent.asset_id, parent.portfolio_id, parent.direction, kw, parent.delivery_window);
          END IF;
        WHEN 1 THEN
          SELECT * INTO parent FROM award ORDER BY id OFFSET dice(i, 28, 1 + (SELECT count(*)::int FROM award), seed) LIMIT 1;
          IF parent.id IS NOT NULL THEN
            INSERT INTO dispatch (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
              VALUES (parent.id, parent.product_id, seller, parent.asset_id, parent.portfolio_id, parent.direction, kw, parent.delivery_window);
          END IF;
        WHEN 2 THEN
          -- another instruction under the product of an old one, which it may supersede
          SELECT * INTO parent FROM dispatch ORDER BY id OFFSET dice(i, 28, 1 + (SELECT count(*)::int FROM dispatch), seed) LIMIT 1;
          IF parent.id IS NOT NULL THEN
            INSERT INTO dispatch (supersedes_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
              VALUES (CASE WHEN dice(i, 30, 2, seed) = 0 THEN parent.id END, parent.product_id, seller, parent.asset_id, parent.portfolio_id, parent.direction, kw,
                      time_window(lower(parent.delivery_window) + interval '30 minutes', upper(parent.delivery_window) + interval '30 minutes'));
          END IF;
        ELSE
          -- two rows in one statement
          INSERT INTO dispatch (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
            SELECT products[1 + dice(i * 2 + n, 32, cardinality(products), seed)], seller, a, p, way, kw, span FROM generate_series(0, 1) n;
      END CASE;
    ELSE
      -- a change to an old row
      name := (ARRAY['bid', 'award', 'availability', 'dispatch'])[1 + dice(i, 28, 4, seed)];
      EXECUTE format('SELECT id FROM %I ORDER BY id OFFSET %s LIMIT 1', name, dice(i, 29, 400, seed)) INTO target;
      CONTINUE WHEN target IS NULL;
      CASE
        WHEN what < 76 THEN
          EXECUTE format('UPDATE %I SET status = $1 WHERE id = $2', name)
            USING CASE name WHEN 'bid' THEN (ARRAY['withdrawn', 'lapsed', 'submitted'])[1 + dice(i, 30, 3, seed)]
                            WHEN 'award' THEN (ARRAY['released', 'completed', 'awarded', 'terminated'])[1 + dice(i, 30, 4, seed)]
                            WHEN 'availability' THEN (ARRAY['released', 'accepted', 'withdrawn', 'completed'])[1 + dice(i, 30, 4, seed)]
                            ELSE (ARRAY['cancelled', 'executing', 'completed', 'refused', 'instructed', 'superseded'])[1 + dice(i, 30, 6, seed)] END, target;
        WHEN what < 82 THEN
          EXECUTE format('UPDATE %I SET power_kw = $1 WHERE id = $2', name) USING kw, target;
        WHEN what < 87 THEN
          EXECUTE format('UPDATE %I SET delivery_window = $1 WHERE id = $2', name) USING span, target;
        WHEN what < 92 THEN
          -- another unit, product or direction: refused where others came from the row
          BEGIN
            EXECUTE format('UPDATE %I SET product_id = $1, direction = $2, asset_id = $3, portfolio_id = $4 WHERE id = $5', name) USING prod, way, a, p, target;
          EXCEPTION WHEN SQLSTATE 'MX202' THEN NULL;
          END;
        WHEN what < 97 AND name <> 'bid' THEN
          -- out of its lineage
          EXECUTE format('UPDATE %I SET %s = NULL WHERE id = $1', name,
                         CASE name WHEN 'award' THEN 'bid_id' WHEN 'availability' THEN 'award_id' ELSE 'availability_id' END) USING target;
        WHEN name = 'availability' THEN
          -- into a lineage: an award of the same unit, product and direction
          UPDATE availability v SET award_id = (SELECT w.id FROM award w WHERE (w.unit_id, w.product_id, w.direction) = (v.unit_id, v.product_id, v.direction) ORDER BY w.id LIMIT 1)
          WHERE v.id = target AND NOT EXISTS (SELECT FROM dispatch d WHERE d.availability_id = v.id AND d.award_id IS NOT NULL);
        WHEN name = 'award' THEN
          UPDATE award v SET bid_id = (SELECT w.id FROM bid w WHERE (w.unit_id, w.product_id, w.direction) = (v.unit_id, v.product_id, v.direction) ORDER BY w.id LIMIT 1)
          WHERE v.id = target;
        ELSE
          DELETE FROM dispatch d WHERE d.id = target AND NOT EXISTS (SELECT FROM dispatch x WHERE x.supersedes_id = d.id);
      END CASE;
    END IF;
  END LOOP;
END $$;

-- Statements of many rows: trades of all units in no order, inserted and then changed at once.
CREATE FUNCTION random_batches(first int, last int, units int, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  seller bigint := (SELECT id FROM participant WHERE name = 'seller');
  products bigint[] := ARRAY(SELECT id FROM product ORDER BY id);
  assets bigint[] := ARRAY(SELECT id FROM asset ORDER BY id);
  all_units bigint[] := ARRAY(SELECT id FROM asset UNION ALL SELECT id FROM portfolio ORDER BY id);
  name text;
BEGIN
  FOR i IN first .. last LOOP
    name := (ARRAY['award', 'dispatch'])[1 + i % 2];
    EXECUTE format($statement$
      INSERT INTO %I (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
      SELECT $2[1 + dice(n, 41, cardinality($2), $6)], $1, CASE WHEN unit = ANY ($3) THEN unit END, CASE WHEN unit <> ALL ($3) THEN unit END,
             CASE WHEN dice(n, 42, 5, $6) = 0 THEN 'down' ELSE 'up' END, 1 + dice(n, 43, 40, $6), time_window(starts, starts + (1 + dice(n, 44, 6, $6)) * interval '30 minutes')
      FROM generate_series($5 * 1000, $5 * 1000 + 99) n,
           LATERAL (SELECT $4[1 + dice(n, 45, cardinality($4), $6)] AS unit, timestamptz '2099-03-14T00:00Z' + dice(n, 46, 192, $6) * interval '30 minutes' AS starts) x
      $statement$, name) USING seller, products, assets, all_units, i, seed;
    EXECUTE format($statement$
      UPDATE %I SET power_kw = power_kw + dice(id, 47, 3, $2), status = CASE dice(id, 48, 9, $2) WHEN 0 THEN $1 ELSE status END
      WHERE delivery_window && '2099-03-14/2099-03-19' AND dice(id, 49, 4, $2) = 0
      $statement$, name) USING CASE name WHEN 'award' THEN 'released' ELSE 'cancelled' END, seed + i;
  END LOOP;
END $$;
