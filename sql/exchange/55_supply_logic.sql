-- archetype: medium
-- Supply: how it follows from the register.  The functions only read, each by one
-- query, so that they see what their caller's snapshot sees; supply_kept.c writes.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['place_supply', 'portfolio_supply', 'member_commitment']) t;
REVOKE INSERT, UPDATE, DELETE ON place_supply, portfolio_supply, member_commitment FROM flexexchange_operator;

CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON portfolio_member
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('rows', 'End or delete the rows: commitments count on them.');
COMMENT ON TRIGGER t10_no_truncate ON portfolio_member IS 'what portfolios can be given is kept in step row by row';

-- The same twice, to be looked up from either side.  Joins are written = ANY (ARRAY[...]):
-- of a plain join along a foreign key the planner assumes that every asset finds a meter, which
-- is far from true where few meters are registered, and plans to read all assets.
CREATE OR REPLACE VIEW asset_connection WITH (security_invoker = true) AS
  SELECT a.id AS asset_id, b.id AS connection_id, b.agreed_import_kw + b.agreed_export_kw AS swing_kw
  FROM asset a JOIN metering_point m ON m.id = ANY (ARRAY[a.metering_point_id])
  JOIN metering_point b ON b.id = ANY (ARRAY[CASE m.kind WHEN 'boundary' THEN m.id ELSE m.parent_id END])
  WHERE b.kind = 'boundary' AND b.agreed_import_kw IS NOT NULL AND b.agreed_export_kw IS NOT NULL;
COMMENT ON VIEW asset_connection IS 'the connection behind which an asset lies, where its limits are known';
COMMENT ON COLUMN asset_connection.asset_id IS 'the asset';
COMMENT ON COLUMN asset_connection.connection_id IS 'the boundary metering point';
COMMENT ON COLUMN asset_connection.swing_kw IS 'most by which what flows there may change, from full import to full export, kW';
GRANT SELECT ON asset_connection TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW connection_asset WITH (security_invoker = true) AS
  SELECT b.id AS connection_id, a.id AS asset_id, b.agreed_import_kw + b.agreed_export_kw AS swing_kw
  FROM metering_point b JOIN asset a ON a.metering_point_id = ANY (ARRAY[b.id])
  WHERE b.kind = 'boundary' AND b.agreed_import_kw IS NOT NULL AND b.agreed_export_kw IS NOT NULL
  UNION ALL
  SELECT b.id, a.id, b.agreed_import_kw + b.agreed_export_kw
  FROM metering_point b JOIN metering_point m ON m.parent_id = ANY (ARRAY[b.id]) AND m.kind = 'asset' JOIN asset a ON a.metering_point_id = ANY (ARRAY[m.id])
  WHERE b.kind = 'boundary' AND b.agreed_import_kw IS NOT NULL AND b.agreed_export_kw IS NOT NULL;
COMMENT ON VIEW connection_asset IS 'the assets behind a connection whose limits are known';
COMMENT ON COLUMN connection_asset.connection_id IS 'the boundary metering point';
COMMENT ON COLUMN connection_asset.asset_id IS 'an asset behind it';
COMMENT ON COLUMN connection_asset.swing_kw IS 'most by which what flows there may change, from full import to full export, kW';
GRANT SELECT ON connection_asset TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION place_members(places bigint[])
RETURNS TABLE (place_id bigint, swing_kw numeric, asset_id bigint, qualified_up_kw numeric, qualified_down_kw numeric,
               portfolio_id bigint, lent_up_kw numeric, lent_down_kw numeric, valid time_window)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT p.id, x.swing_kw, a.id, a.qualified_up_kw, a.qualified_down_kw, m.portfolio_id,
         CASE WHEN m.flexible_up_kw IS NOT NULL AND a.qualified_up_kw IS NOT NULL THEN least(m.flexible_up_kw, a.qualified_up_kw) END,
         CASE WHEN m.flexible_down_kw IS NOT NULL AND a.qualified_down_kw IS NOT NULL THEN least(m.flexible_down_kw, a.qualified_down_kw) END,
         m.valid
  FROM unnest(places) p (id)
  CROSS JOIN LATERAL (
    SELECT c.asset_id, c.swing_kw FROM connection_asset c WHERE c.connection_id = p.id
    UNION ALL
    SELECT s.id, NULL FROM asset s
    WHERE s.id = p.id AND (s.metering_point_id IS NULL OR NOT EXISTS (SELECT FROM asset_connection c WHERE c.asset_id = s.id))) x
  JOIN asset a ON a.id = x.asset_id
  LEFT JOIN portfolio_member m ON m.asset_id = x.asset_id;
END;
COMMENT ON FUNCTION place_members(bigint[]) IS
  'the assets at places (asset ids, or ids of metering points whose limit is known), each with its limits and once for each portfolio that it is lent to; ids that are no place give nothing';
REVOKE ALL ON FUNCTION place_members(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION place_supply_of(places bigint[]) RETURNS SETOF place_supply
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH lent AS MATERIALIZED (
    SELECT * FROM place_members(places) m WHERE m.portfolio_id IS NOT NULL
  ), span AS (
    SELECT place_id, at AS since, lead(at) OVER (PARTITION BY place_id ORDER BY at) AS until
    FROM (SELECT place_id, lower(valid) AS at FROM lent UNION SELECT place_id, upper(valid) FROM lent) i
  ), draw AS MATERIALIZED (
    SELECT s.since, s.until, l.* FROM span s JOIN lent l ON l.place_id = s.place_id AND lower(l.valid) <= s.since AND s.since < upper(l.valid)
  ), party AS MATERIALIZED (
    SELECT place_id, since, portfolio_id, count(*) OVER (PARTITION BY place_id, since) AS parties
    FROM (SELECT DISTINCT place_id, since, portfolio_id FROM draw) d
  ), by_asset AS (
    SELECT p.place_id, p.since, d.until, p.portfolio_id, w.portfolio_id AS with_id, p.parties, d.asset_id, d.swing_kw,
           p.portfolio_id = w.portfolio_id OR count(*) = 2 AS common,
           count(*) FILTER (WHERE d.portfolio_id = p.portfolio_id AND d.lent_up_kw IS NULL) AS unknown_up,
           count(*) FILTER (WHERE d.portfolio_id = p.portfolio_id AND d.lent_down_kw IS NULL) AS unknown_down,
           coalesce(sum(d.lent_up_kw) FILTER (WHERE d.portfolio_id = p.portfolio_id), 0) AS own_up_kw,
           coalesce(sum(d.lent_down_kw) FILTER (WHERE d.portfolio_id = p.portfolio_id), 0) AS own_down_kw,
           coalesce(least(d.qualified_up_kw, sum(d.lent_up_kw)), 0) AS both_up_kw,
           coalesce(least(d.qualified_down_kw, sum(d.lent_down_kw)), 0) AS both_down_kw
    FROM party p JOIN party w ON w.place_id = p.place_id AND w.since = p.since
    JOIN draw d ON d.place_id = p.place_id AND d.since = p.since AND d.portfolio_id IN (p.portfolio_id, w.portfolio_id)
    GROUP BY p.place_id, p.since, d.until, p.portfolio_id, w.portfolio_id, p.parties, d.asset_id, d.swing_kw, d.qualified_up_kw, d.qualified_down_kw
  )
  SELECT place_id, portfolio_id, with_id, time_window(since, until), count(*) FILTER (WHERE common)::integer, (parties > 2)::integer,
         sum(unknown_up)::integer, sum(unknown_down)::integer,
         least(swing_kw, sum(own_up_kw)), least(swing_kw, sum(own_down_kw)), least(swing_kw, sum(both_up_kw)), least(swing_kw, sum(both_down_kw))
  FROM by_asset
  GROUP BY place_id, since, until, portfolio_id, with_id, parties, swing_kw;
END;
COMMENT ON FUNCTION place_supply_of(bigint[]) IS 'the rows of place_supply for places, as they follow from the register';
REVOKE ALL ON FUNCTION place_supply_of(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION portfolio_supply_after(changed bigint[]) RETURNS SETOF portfolio_supply
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH change AS (
    SELECT -1 AS sign, s.* FROM place_supply s WHERE s.place_id = ANY (changed)
    UNION ALL
    SELECT 1, s.* FROM place_supply_of(changed) s
  ), edge AS (
    SELECT lower(valid) AS at, sign AS n, c.* FROM change c
    UNION ALL
    SELECT upper(valid), -sign, c.* FROM change c WHERE upper(valid) < 'infinity'
  ), step AS (
    SELECT portfolio_id, with_id, at, sum(n) AS places, sum(n * assets) AS assets, sum(n * crowded) AS crowded,
           sum(n * unknown_up) AS unknown_up, sum(n * unknown_down) AS unknown_down, sum(n * own_up_kw) AS own_up_kw, sum(n * own_down_kw) AS own_down_kw,
           sum(n * both_up_kw) AS both_up_kw, sum(n * both_down_kw) AS both_down_kw
    FROM edge GROUP BY portfolio_id, with_id, at
    HAVING (sum(n), sum(n * assets), sum(n * crowded), sum(n * unknown_up), sum(n * unknown_down)) <> (0, 0, 0, 0, 0)
        OR (sum(n * own_up_kw), sum(n * own_down_kw), sum(n * both_up_kw), sum(n * both_down_kw)) <> (0, 0, 0, 0)
  ), held AS (
    -- what has been kept from the first step on, as steps too
    SELECT s.portfolio_id, s.with_id, s.since AS at, s.places - lag(s.places, 1, 0) OVER w AS places, s.assets - lag(s.assets, 1, 0) OVER w AS assets,
           s.crowded - lag(s.crowded, 1, 0) OVER w AS crowded, s.unknown_up - lag(s.unknown_up, 1, 0) OVER w AS unknown_up,
           s.unknown_down - lag(s.unknown_down, 1, 0) OVER w AS unknown_down, s.own_up_kw - lag(s.own_up_kw, 1, 0::numeric) OVER w AS own_up_kw,
           s.own_down_kw - lag(s.own_down_kw, 1, 0::numeric) OVER w AS own_down_kw, s.both_up_kw - lag(s.both_up_kw, 1, 0::numeric) OVER w AS both_up_kw,
           s.both_down_kw - lag(s.both_down_kw, 1, 0::numeric) OVER w AS both_down_kw
    FROM (SELECT portfolio_id, with_id, min(at) AS at FROM step GROUP BY portfolio_id, with_id) f
    CROSS JOIN LATERAL (
      SELECT p.* FROM portfolio_supply p
      WHERE p.portfolio_id = f.portfolio_id AND p.with_id = f.with_id
        AND p.since >= coalesce((SELECT max(b.since) FROM portfolio_supply b
                                 WHERE b.portfolio_id = f.portfolio_id AND b.with_id = f.with_id AND b.since <= f.at), '-infinity')) s
    WINDOW w AS (PARTITION BY s.portfolio_id, s.with_id ORDER BY s.since)
  ), together AS (
    SELECT portfolio_id, with_id, at, sum(places) AS places, sum(assets) AS assets, sum(crowded) AS crowded, sum(unknown_up) AS unknown_up,
           sum(unknown_down) AS unknown_down, sum(own_up_kw) AS own_up_kw, sum(own_down_kw) AS own_down_kw, sum(both_up_kw) AS both_up_kw,
           sum(both_down_kw) AS both_down_kw
    FROM (SELECT * FROM step UNION ALL SELECT * FROM held) s
    GROUP BY portfolio_id, with_id, at
  )
  SELECT portfolio_id, with_id, at, (sum(places) OVER w)::integer, (sum(assets) OVER w)::integer, (sum(crowded) OVER w)::integer,
         (sum(unknown_up) OVER w)::integer, (sum(unknown_down) OVER w)::integer, sum(own_up_kw) OVER w, sum(own_down_kw) OVER w,
         sum(both_up_kw) OVER w, sum(both_down_kw) OVER w
  FROM together
  WINDOW w AS (PARTITION BY portfolio_id, with_id ORDER BY at);
END;
COMMENT ON FUNCTION portfolio_supply_after(bigint[]) IS
  'the rows that portfolio_supply must have once place_supply follows the register again at the places that changed: all from the first change on of the portfolios concerned';
REVOKE ALL ON FUNCTION portfolio_supply_after(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION portfolio_supply_during(portfolio bigint, others bigint[], span time_window) RETURNS SETOF portfolio_supply
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT s.* FROM unnest(others) o CROSS JOIN LATERAL (
    (SELECT p.* FROM portfolio_supply p WHERE p.portfolio_id = portfolio AND p.with_id = o AND p.since <= lower(span) ORDER BY p.since DESC LIMIT 1)
    UNION ALL
    SELECT p.* FROM portfolio_supply p WHERE p.portfolio_id = portfolio AND p.with_id = o AND p.since > lower(span) AND p.since < upper(span)) s;
END;
COMMENT ON FUNCTION portfolio_supply_during(bigint, bigint[], time_window) IS
  'what is kept of a portfolio with each of others, as it holds at some instant of a window';
REVOKE ALL ON FUNCTION portfolio_supply_during(bigint, bigint[], time_window) FROM PUBLIC;

CREATE OR REPLACE FUNCTION portfolio_partners(portfolio bigint, span time_window) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- from one partner to the next, past all the rows of each
  WITH RECURSIVE partner (id) AS (
    SELECT min(s.with_id) FROM portfolio_supply s WHERE s.portfolio_id = portfolio
    UNION ALL
    SELECT (SELECT min(s.with_id) FROM portfolio_supply s WHERE s.portfolio_id = portfolio AND s.with_id > p.id) FROM partner p WHERE p.id IS NOT NULL
  )
  SELECT p.id FROM partner p
  WHERE p.id <> portfolio AND EXISTS (SELECT FROM portfolio_supply_during(portfolio, ARRAY[p.id], span) s WHERE s.places > 0);
END;
COMMENT ON FUNCTION portfolio_partners(bigint, time_window) IS
  'the portfolios that have members at the same places as a portfolio at some instant of a window';
REVOKE ALL ON FUNCTION portfolio_partners(bigint, time_window) FROM PUBLIC;

CREATE OR REPLACE FUNCTION asset_partners(asset bigint, span time_window) RETURNS TABLE (unit_id bigint, is_portfolio boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT s.portfolio_id, true FROM place_supply s
  WHERE s.place_id = coalesce((SELECT c.connection_id FROM asset_connection c WHERE c.asset_id = asset), asset)
    AND s.portfolio_id = s.with_id AND s.valid && span
  UNION
  -- a value, not a join: that goes down into both halves of the view, and to their indexes
  SELECT d.asset_id, false FROM connection_asset d
  WHERE d.connection_id = (SELECT c.connection_id FROM asset_connection c WHERE c.asset_id = asset) AND d.asset_id <> asset;
END;
COMMENT ON FUNCTION asset_partners(bigint, time_window) IS
  'the portfolios that have members where an asset is, at some instant of a window, and the other assets behind its connection, where that has a known limit';
REVOKE ALL ON FUNCTION asset_partners(bigint, time_window) FROM PUBLIC;

CREATE OR REPLACE FUNCTION places_around(assets bigint[], points bigint[]) RETURNS TABLE (id bigint, is_asset boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH point (id) AS MATERIALIZED (
    SELECT unnest(points)
    UNION
    SELECT m.parent_id FROM metering_point m WHERE m.id = ANY (points) AND m.parent_id IS NOT NULL
    UNION
    SELECT c.connection_id FROM asset_connection c WHERE c.asset_id = ANY (assets)
  )
  SELECT p.id, false FROM point p
  UNION
  SELECT a.id, true FROM asset a WHERE a.id = ANY (assets)
  UNION
  SELECT a.id, true FROM point p JOIN asset a ON a.metering_point_id = ANY (ARRAY[p.id])
  UNION
  SELECT a.id, true FROM point p JOIN metering_point m ON m.parent_id = ANY (ARRAY[p.id]) JOIN asset a ON a.metering_point_id = ANY (ARRAY[m.id]);
END;
COMMENT ON FUNCTION places_around(bigint[], bigint[]) IS
  'the places that may be others when assets and metering points changed: those points, the connections of those assets, and all assets behind either';
REVOKE ALL ON FUNCTION places_around(bigint[], bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION live_commitments(assets bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.id FROM unnest(assets) a (id)
  JOIN commitment c ON resource_window(c.unit_id, c.delivery_window) && resource_window(a.id, time_window('-infinity', 'infinity'))
                   AND c.closed_at IS NULL AND c.unit_kind = 'asset';
END;
COMMENT ON FUNCTION live_commitments(bigint[]) IS 'the commitments of assets that are live';
REVOKE ALL ON FUNCTION live_commitments(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION member_commitment_of(assets bigint[]) RETURNS SETOF member_commitment
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT DISTINCT ON (s.portfolio_id, c.id) s.portfolio_id, window_cell(c.delivery_window), c.unit_id, c.id, c.delivery_window
  FROM live_commitments(assets) l
  JOIN commitment c ON c.id = l
  JOIN place_supply s ON s.place_id = coalesce((SELECT x.connection_id FROM asset_connection x WHERE x.asset_id = c.unit_id), c.unit_id)
                     AND s.portfolio_id = s.with_id AND s.valid && c.delivery_window;
END;
COMMENT ON FUNCTION member_commitment_of(bigint[]) IS 'the rows of member_commitment for assets, as they follow from the book and place_supply';
REVOKE ALL ON FUNCTION member_commitment_of(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION places_apart(assets bigint[], portfolios bigint[], with_crowded boolean, span time_window) RETURNS TABLE (place_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce((SELECT c.connection_id FROM asset_connection c WHERE c.asset_id = a), a) FROM unnest(assets) a
  UNION
  SELECT s.place_id FROM place_supply s
  WHERE with_crowded AND s.crowded > 0 AND s.portfolio_id = ANY (portfolios) AND s.with_id = ANY (portfolios) AND s.portfolio_id < s.with_id AND s.valid && span
  GROUP BY s.place_id
  HAVING count(DISTINCT (s.portfolio_id, s.with_id)) > 2;
END;
COMMENT ON FUNCTION places_apart(bigint[], bigint[], boolean, time_window) IS
  'the places of assets and, when asked for, those at which three or more of the portfolios meet during a window';
REVOKE ALL ON FUNCTION places_apart(bigint[], bigint[], boolean, time_window) FROM PUBLIC;
