-- A random network, what operators state of it, and random dispatching in it: the
-- same for the same seed.

-- a number from 0 to n - 1 for step i, use k
CREATE FUNCTION dice(i bigint, k int, n int, seed bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(i * 64 + k, seed) & 2147483647) % n)::int $$;
CREATE FUNCTION random_window(i bigint, k int, seed bigint) RETURNS time_window LANGUAGE sql IMMUTABLE AS
$$ SELECT time_window(t, t + (1 + dice(i, k + 1, 12, seed)) * interval '30 minutes')
   FROM (SELECT timestamptz '2099-01-01T00:00Z' + dice(i, k, 48, seed) * interval '30 minutes' AS t) s $$;

-- two grid supply points, four bulk supply points, eight primaries; a third of the primaries switch
CREATE FUNCTION random_network(seed bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO participant (name, kinds) VALUES ('system operator', '{market_operator}'), ('network operator A', '{market_operator}'),
    ('network operator B', '{market_operator}'), ('seller', '{service_provider}');
  INSERT INTO market (code, name, market_operator_id) SELECT name, name, id FROM participant WHERE 'market_operator' = ANY (kinds) ORDER BY id;
  INSERT INTO product (market_id, code, name, service_code)
    SELECT m.id, s.code, s.name, s.code FROM market m JOIN service s ON s.buyer_kind = CASE WHEN m.id = 1 THEN 'neso' ELSE 'dso' END
    WHERE s.code IN ('MWD', 'BM', 'OUrt', 'PR') ORDER BY m.id, s.code COLLATE "C";
  INSERT INTO grid_node (id, kind, name, operator_id)
    SELECT n, CASE WHEN n < 1003 THEN 'gsp' WHEN n < 1007 THEN 'bsp' ELSE 'primary' END, 'node ' || n, 2 + n % 2 FROM generate_series(1001, 1014) n;
  INSERT INTO grid_node_parent (grid_node_id, parent_id) SELECT n, 1001 + n % 2 FROM generate_series(1003, 1006) n;
  INSERT INTO grid_node_parent (grid_node_id, parent_id, valid)
    SELECT n, 1003 + (n + k) % 4, CASE WHEN n % 3 > 0 THEN '-infinity/infinity' WHEN k = 0 THEN '-infinity/2099-01-01T12:00Z' ELSE '2099-01-01T12:00Z/infinity' END::time_window
    FROM generate_series(1007, 1014) n, generate_series(0, 1) k WHERE k = 0 OR n % 3 = 0;
  INSERT INTO asset (id, name, grid_node_id) SELECT 2000 + u, 'asset ' || u, CASE WHEN u % 9 > 0 THEN 1001 + dice(u, 1, 14, seed) END FROM generate_series(1, 20) u;
  INSERT INTO portfolio (id, name, service_provider_id, grid_node_id) SELECT 3000 + u, 'portfolio ' || u, 4, 1001 + dice(u, 2, 14, seed) FROM generate_series(1, 6) u;
END $$;

-- A third of the steps change what the network is and can bear, the rest dispatch.
CREATE FUNCTION random_dispatching(first int, last int, changes boolean, seed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  what int;
  unit bigint;
  prod bigint;
  node bigint;
  way text;
  target dispatch;
  kw numeric;
BEGIN
  FOR i IN first .. last LOOP
    what := dice(i, 3, CASE WHEN changes THEN 100 ELSE 66 END, seed);
    unit := (SELECT id FROM (SELECT id FROM asset UNION ALL SELECT id FROM portfolio) u ORDER BY id OFFSET dice(i, 4, 26, seed) LIMIT 1);
    prod := 1 + dice(i, 5, 6, seed);
    node := 1001 + dice(i, 6, 14, seed);
    way := (ARRAY['up', 'down'])[1 + dice(i, 7, 2, seed)];
    kw := 10 + dice(i, 8, 90, seed) + dice(i, 9, 2, seed) * 0.125;
    SELECT * INTO target FROM dispatch ORDER BY id OFFSET dice(i, 10, 1 + (SELECT count(*)::int FROM dispatch), seed) LIMIT 1;
    CASE
      WHEN what < 36 THEN
        INSERT INTO dispatch (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, purpose, grid_node_id)
        VALUES (prod, 4, CASE WHEN unit < 3000 THEN unit END, CASE WHEN unit >= 3000 THEN unit END, way, kw, random_window(i, 11, seed),
                (ARRAY['hold_limit', 'use_headroom', 'system', NULL])[1 + dice(i, 13, 4, seed)],
                CASE WHEN changes AND dice(i, 14, 5, seed) = 0 THEN node END);
      WHEN what < 40 AND target.id IS NOT NULL THEN
        -- another that takes its place
        INSERT INTO dispatch (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, supersedes_id, purpose)
        VALUES (target.product_id, 4, target.asset_id, target.portfolio_id, target.direction, kw, random_window(i, 11, seed), target.id, target.purpose);
      WHEN what < 46 THEN
        UPDATE dispatch SET status = (ARRAY['cancelled', 'executing', 'completed', 'refused', 'instructed', 'superseded'])[1 + dice(i, 15, 6, seed)] WHERE id = target.id;
      WHEN what < 50 THEN
        UPDATE dispatch SET power_kw = kw WHERE id = target.id;
      WHEN what < 54 THEN
        UPDATE dispatch SET delivery_window = random_window(i, 11, seed), purpose = 'hold_limit' WHERE id = target.id;
      WHEN what < 58 THEN
        UPDATE dispatch SET purpose = (ARRAY['hold_limit', 'use_headroom', 'system', NULL])[1 + dice(i, 13, 4, seed)],
                            grid_node_id = CASE WHEN changes AND dice(i, 14, 3, seed) > 0 THEN node END WHERE id = target.id;
      WHEN what < 62 THEN
        UPDATE dispatch SET supersedes_id = (SELECT o.id FROM dispatch o WHERE (o.unit_id, o.product_id, o.direction) = (target.unit_id, target.product_id, target.direction)
                                             AND o.id < target.id AND dice(i, 16, 3, seed) > 0 ORDER BY o.id LIMIT 1) WHERE id = target.id;
      WHEN what < 66 THEN
        DELETE FROM dispatch WHERE id = target.id AND NOT EXISTS (SELECT FROM dispatch x WHERE x.supersedes_id = target.id);
      WHEN what < 72 THEN
        INSERT INTO operating_limit (grid_node_id, valid, direction, limit_kw, operator_id)
        VALUES (node, CASE WHEN dice(i, 17, 4, seed) = 0 THEN '2099-01-01T06:00Z/infinity' ELSE random_window(i, 11, seed) END, way, 20 + dice(i, 18, 120, seed), 1 + dice(i, 19, 3, seed));
      WHEN what < 78 THEN
        INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id)
        SELECT 1001 + dice(i * 3 + n, 6, 14, seed), random_window(i * 3 + n, 11, seed), way, dice(i, 18, 60, seed), 1 + dice(i, 19, 3, seed) FROM generate_series(1, 2) n;
      WHEN what < 82 THEN
        UPDATE operating_limit SET closed_at = clock_timestamp() WHERE closed_at IS NULL AND id % 4 = i % 4;
        UPDATE constraint_period SET closed_at = clock_timestamp() WHERE closed_at IS NULL AND id % 4 = i % 4;
      WHEN what < 86 THEN
        -- the forecast is issued anew
        INSERT INTO constraint_period (grid_node_id, valid, direction, limit_kw, operator_id, revises_id)
        SELECT grid_node_id, random_window(i, 11, seed), direction, dice(i, 18, 60, seed), operator_id, id FROM constraint_period WHERE closed_at IS NULL AND id % 3 = i % 3;
      WHEN what < 89 THEN
        INSERT INTO unit_removal (asset_id, portfolio_id, service_code, valid, operator_id, reason)
        VALUES (CASE WHEN unit < 3000 THEN unit END, CASE WHEN unit >= 3000 THEN unit END, (ARRAY['MWD', 'OUrt', NULL])[1 + dice(i, 18, 3, seed)],
                random_window(i, 11, seed), 2 + dice(i, 19, 2, seed), 'it serves us');
      WHEN what < 91 THEN
        UPDATE unit_removal SET closed_at = clock_timestamp() WHERE closed_at IS NULL AND id % 3 = i % 3;
      WHEN what < 94 THEN
        UPDATE asset SET grid_node_id = CASE WHEN dice(i, 18, 6, seed) > 0 THEN node END WHERE id % 7 = i % 7;
      WHEN what < 95 THEN
        UPDATE portfolio SET grid_node_id = node WHERE id % 3 = i % 3;
      WHEN what < 97 THEN
        DELETE FROM grid_node_parent WHERE grid_node_id = node;
      ELSE
        -- fed from elsewhere, for a while or for good; now and then in a circle
        BEGIN
          INSERT INTO grid_node_parent (grid_node_id, parent_id, valid)
          VALUES (node, 1001 + dice(i, 20, 14, seed), CASE WHEN dice(i, 21, 2, seed) = 0 THEN random_window(i, 11, seed) ELSE '-infinity/infinity' END);
        EXCEPTION WHEN exclusion_violation OR check_violation THEN
          UPDATE grid_node_parent SET parent_id = 1001 + (dice(i, 20, 14, seed)) WHERE grid_node_id = node AND parent_id <> node AND 1001 + dice(i, 20, 14, seed) <> node;
        END;
    END CASE;
  END LOOP;
END $$;
