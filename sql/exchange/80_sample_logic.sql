-- archetype: medium
-- The sample book: a made-up British register and one day of trading, to try an
-- exchange on.
--
-- Every number is drawn with hashint8extended from the seed, so that a seed names
-- a book: same assets, same trades, same conflicts, on any machine; only mrids and
-- the times of writing differ.  Names of places, providers and units are invented;
-- NESO, the network operators and the licence areas bear their public names.
--
-- What units do comes from two lists in load_sample_book: `recipe` says what
-- is sold together on one day, `cookbook` how many units of a kind follow which
-- recipe.  Most recipes obey the stacking rules; the last ones are the mistakes
-- that an exchange is there to find.

CREATE OR REPLACE FUNCTION sample_draw(seed bigint, purpose integer, number bigint, outcomes integer) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ((hashint8extended(number, hashint8extended(purpose, seed)) & 2147483647) % outcomes)::integer;
COMMENT ON FUNCTION sample_draw(bigint, integer, bigint, integer) IS
  'one of 0 .. outcomes - 1, the same for the same seed, purpose and number';
REVOKE ALL ON FUNCTION sample_draw(bigint, integer, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sample_draw(bigint, integer, bigint, integer) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION sample_mpan(distributor integer, number bigint) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT c.core || sum(substr(c.core, p.place::integer, 1)::integer * p.prime) % 11 % 10
  FROM (SELECT lpad(distributor::text, 2, '0') || lpad(number::text, 10, '0') AS core) c,
       unnest(ARRAY[3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43]) WITH ORDINALITY AS p (prime, place)
  GROUP BY c.core
$function$;
COMMENT ON FUNCTION sample_mpan(integer, bigint) IS
  'a well-formed meter point administration number: distributor (2 digits), number (10 digits), check digit';
REVOKE ALL ON FUNCTION sample_mpan(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sample_mpan(integer, bigint) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION load_sample_book(assets integer DEFAULT 10000, seed bigint DEFAULT 42,
                                            delivery_day date DEFAULT DATE '2026-01-15')
RETURNS TABLE (loaded text, row_count bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
  registered CONSTANT time_window := time_window(
    (date_trunc('year', delivery_day::timestamp) - interval '1 year') AT TIME ZONE zone, 'infinity');
  trades bigint;
  posted_before bigint;
BEGIN
  IF assets IS NULL OR assets NOT BETWEEN 1 AND 1000000 THEN
    RAISE EXCEPTION 'a sample book has between 1 and 1000000 assets, not %', coalesce(assets::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For a small book: load_sample_book(assets => 400).';
  END IF;
  IF seed IS NULL OR delivery_day IS NULL OR NOT isfinite(delivery_day) THEN
    RAISE EXCEPTION 'a sample book needs a seed and a delivery day'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave both out for the usual book.';
  END IF;
  IF EXISTS (SELECT FROM asset) THEN
    RAISE EXCEPTION 'exchange % has assets already, and a sample must not mix with them', quote_literal(current_schema())
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Load it into an exchange of its own: SELECT flexexchange.create_exchange(''sample''); SELECT * FROM sample.load_sample_book();';
  END IF;
  SELECT coalesce(max(id), 0) INTO posted_before FROM commitment;

  -- ---------------------------------------------------------------- who takes part

  CREATE TEMP TABLE sample_area ON COMMIT DROP AS
  SELECT a.* FROM (VALUES
    ( 0, 10, 'Eastern',              'UK Power Networks',                        52.3,  0.6),
    ( 1, 11, 'East Midlands',        'National Grid Electricity Distribution',   52.9, -1.1),
    ( 2, 12, 'London',               'UK Power Networks',                        51.5, -0.1),
    ( 3, 13, 'Merseyside and North Wales', 'SP Energy Networks',                 53.1, -3.2),
    ( 4, 14, 'West Midlands',        'National Grid Electricity Distribution',   52.5, -2.1),
    ( 5, 15, 'North East',           'Northern Powergrid',                       54.8, -1.7),
    ( 6, 16, 'North West',           'Electricity North West',                   53.9, -2.6),
    ( 7, 17, 'North Scotland',       'Scottish and Southern Electricity Networks', 57.2, -3.8),
    ( 8, 18, 'South Scotland',       'SP Energy Networks',                       55.6, -3.6),
    ( 9, 19, 'South East',           'UK Power Networks',                        51.2,  0.5),
    (10, 20, 'Southern',             'Scottish and Southern Electricity Networks', 51.2, -1.4),
    (11, 21, 'South Wales',          'National Grid Electricity Distribution',   51.8, -3.6),
    (12, 22, 'South West',           'National Grid Electricity Distribution',   50.8, -3.8),
    (13, 23, 'Yorkshire',            'Northern Powergrid',                       53.8, -1.3)
  ) AS a (area, distributor, name, network_operator, latitude, longitude);

  CREATE TEMP TABLE sample_provider ON COMMIT DROP AS
  SELECT p.kind, p.name, row_number() OVER (PARTITION BY p.kind ORDER BY p.name COLLATE "C") - 1 AS turn,
         count(*) OVER (PARTITION BY p.kind)::integer AS turns
  FROM (VALUES
    ('battery', 'Tidewell Storage'), ('battery', 'Coldharbour Batteries'), ('battery', 'Stonegate Power'),
    ('charger', 'Chargeline Networks'), ('charger', 'Kerbside Volt'), ('charger', 'Fernhill Flexibility'),
    ('heat_pump', 'Warmhearth Homes'), ('heat_pump', 'Emberly Heat'), ('heat_pump', 'Fernhill Flexibility'),
    ('generator', 'Gridmoor Energy'), ('generator', 'Oakbarrow Peaking'), ('generator', 'Stonegate Power'),
    ('renewable', 'Highfell Renewables'), ('renewable', 'Saltmarsh Solar')
  ) AS p (kind, name);

  INSERT INTO participant (name, kinds, valid)
  SELECT name, ARRAY[kind], registered
  FROM (
    SELECT 1 AS rank, 'National Energy System Operator' AS name, 'market_operator' AS kind
    UNION SELECT 2, network_operator, 'market_operator' FROM sample_area
    UNION SELECT 3, name, 'service_provider' FROM sample_provider
  ) p
  ORDER BY rank, name COLLATE "C"
  ON CONFLICT (lower(name)) DO NOTHING;

  CREATE TEMP TABLE sample_product ON COMMIT DROP AS
  SELECT p.* FROM (VALUES
    ('DC',   'up',   'DCL',  'Dynamic Containment Low',               'award',        8.00,   0),
    ('DC',   'down', 'DCH',  'Dynamic Containment High',              'award',        5.00,   0),
    ('DM',   'up',   'DML',  'Dynamic Moderation Low',                'award',        9.00,   0),
    ('DM',   'down', 'DMH',  'Dynamic Moderation High',               'award',        6.00,   0),
    ('BM',   NULL,   'BOA',  'Balancing Mechanism bid-offer',         'award',        0.00,  95),
    ('QR',   'up',   'PQR',  'Positive Quick Reserve',                'award',        7.00, 120),
    ('QR',   'down', 'NQR',  'Negative Quick Reserve',                'award',        6.00,  40),
    ('STOR', 'up',   'STOR', 'Short Term Operating Reserve, day ahead', 'award',      9.00, 180),
    ('DFS',  'up',   'DFS',  'Demand Flexibility Service, day ahead', 'award',        0.00, 250),
    ('CM',   'up',   'CM',   'Capacity Market obligation',            'award',        7.50,   0),
    ('PR',   NULL,   'PR',   'Peak Reduction',                        'award',        0.00, 320),
    ('SU',   NULL,   'SU',   'Scheduled Utilisation',                 'award',        0.00, 290),
    ('SAda', NULL,   'SADA', 'Scheduled Availability, day ahead',     'availability', 12.00, 260),
    ('OUrt', NULL,   'OURT', 'Operational Utilisation, 15 minutes',   'award',        0.00, 380)
  ) AS p (service_code, direction, code, name, binds, availability_price, utilisation_price);

  INSERT INTO market (code, name, market_operator_id, time_zone)
  SELECT m.code, m.name, p.id, zone
  FROM (
    SELECT m.* FROM (VALUES
      ('neso-response',  'Frequency response',         'National Energy System Operator'),
      ('neso-reserve',   'Reserve',                    'National Energy System Operator'),
      ('neso-balancing', 'Balancing Mechanism',        'National Energy System Operator'),
      ('neso-demand',    'Demand Flexibility Service', 'National Energy System Operator'),
      ('neso-capacity',  'Capacity Market',            'National Energy System Operator')) AS m (code, name, operator)
    UNION ALL
    SELECT DISTINCT 'dso-' || lower(translate(network_operator, ' ', '-')), 'Local flexibility', network_operator FROM sample_area
  ) m
  JOIN participant p ON lower(p.name) = lower(m.operator)
  ORDER BY m.code COLLATE "C"
  ON CONFLICT (code) DO NOTHING;

  INSERT INTO product (market_id, code, name, service_code, binds, source)
  SELECT m.id, p.code, p.name, p.service_code, p.binds, 'sample'
  FROM sample_product p
  JOIN service s ON s.code = p.service_code
  JOIN market m ON m.code LIKE 'dso-%' AND s.buyer_kind = 'dso'
    OR m.code = CASE WHEN p.service_code IN ('DC', 'DM') THEN 'neso-response' WHEN p.service_code IN ('QR', 'STOR') THEN 'neso-reserve'
                     WHEN p.service_code = 'BM' THEN 'neso-balancing' WHEN p.service_code = 'DFS' THEN 'neso-demand'
                     WHEN p.service_code = 'CM' THEN 'neso-capacity' END
  ORDER BY m.code COLLATE "C", p.code COLLATE "C"
  ON CONFLICT (market_id, code, version) DO NOTHING;
  RAISE NOTICE 'directory: % participants, % markets, % products',
    (SELECT count(*) FROM participant), (SELECT count(*) FROM market), (SELECT count(*) FROM product);

  -- ---------------------------------------------------------------- network

  -- per area 3 grid supply points, each with 3 bulk supply points of 4 primaries;
  -- a station bears the name of the first place that it feeds
  CREATE TEMP TABLE sample_place ON COMMIT DROP AS
  SELECT n AS place, n / 36 AS area,
         (ARRAY['Alder', 'Bracken', 'Cold', 'Dun', 'Elm', 'Fern', 'Gors', 'Hazel', 'Ivel', 'Kestrel', 'Lark', 'Marl',
                'Nether', 'Over', 'Pen', 'Quarn', 'Raven', 'Stan', 'Thorn', 'Under', 'Wether', 'Yarrow', 'Ash', 'Black'])[n % 24 + 1]
         || (ARRAY['beck', 'bourne', 'bridge', 'bury', 'by', 'combe', 'cote', 'dale', 'den', 'field', 'ford', 'gate', 'ham',
                   'hurst', 'ley', 'mere', 'stead', 'thwaite', 'wick', 'wood', 'worth'])[(n + n / 24) % 21 + 1] AS name
  FROM generate_series(0, 503) n;

  CREATE TEMP TABLE sample_node ON COMMIT DROP AS
  SELECT * FROM (
    SELECT 1 AS rank, 0 AS number, 'nation' AS kind, 'Great Britain' AS name, NULL::text AS licence_area, NULL::numeric AS voltage_kv,
           'National Energy System Operator' AS operator, NULL::text AS parent_kind, NULL::integer AS parent_number
    UNION ALL
    SELECT 2, area, 'gsp_group', name, name, NULL, 'National Energy System Operator', 'nation', 0 FROM sample_area
    UNION ALL
    SELECT 3, p.place / 12, 'gsp', p.name || ' 400/132 kV', a.name, 132, 'National Energy System Operator', 'gsp_group', a.area
    FROM sample_place p JOIN sample_area a USING (area) WHERE p.place % 12 = 0
    UNION ALL
    SELECT 4, p.place / 4, 'bsp', p.name || ' 132/33 kV', a.name, 33, a.network_operator, 'gsp', p.place / 12
    FROM sample_place p JOIN sample_area a USING (area) WHERE p.place % 4 = 0
    UNION ALL
    SELECT 5, p.place, 'primary', p.name || ' 33/11 kV', a.name, 11, a.network_operator, 'bsp', p.place / 4
    FROM sample_place p JOIN sample_area a USING (area)
  ) n;

  INSERT INTO grid_node (kind, name, licence_area, voltage_kv, operator_id)
  SELECT n.kind, n.name, n.licence_area, n.voltage_kv, p.id
  FROM sample_node n JOIN participant p ON lower(p.name) = lower(n.operator)
  ORDER BY n.rank, n.number
  ON CONFLICT (kind, name, licence_area) DO NOTHING;

  ALTER TABLE sample_node ADD COLUMN id bigint;
  UPDATE sample_node s SET id = g.id FROM grid_node g
  WHERE g.kind = s.kind AND g.name = s.name AND g.licence_area IS NOT DISTINCT FROM s.licence_area;

  INSERT INTO grid_node_parent (grid_node_id, parent_id)
  SELECT n.id, above.id
  FROM sample_node n JOIN sample_node above ON above.kind = n.parent_kind AND above.number = n.parent_number
  WHERE NOT EXISTS (SELECT FROM grid_node_parent g WHERE g.grid_node_id = n.id)
  ORDER BY n.rank, n.number;
  RAISE NOTICE 'network: % nodes from the nation down to the primaries', (SELECT count(*) FROM sample_node);

  -- ---------------------------------------------------------------- assets

  -- one asset in ten stands behind the meter of the one before it
  CREATE TEMP TABLE sample_asset ON COMMIT DROP AS
  WITH numbered AS (
    SELECT n, CASE WHEN n > 1 AND sample_draw(seed, 1, n, 10) = 0 THEN n - 1 ELSE n END AS near
    FROM generate_series(1, assets) n
  ), placed AS (
    SELECT n, CASE WHEN near < n AND near > 1 AND sample_draw(seed, 1, near, 10) = 0 THEN n ELSE near END AS site
    FROM numbered
  ), kinds AS (
    SELECT n, site, sample_draw(seed, 2, site, 504) AS place,
           CASE WHEN d < 22 THEN 'battery' WHEN d < 50 THEN 'charger' WHEN d < 70 THEN 'heat_pump'
                WHEN d < 86 THEN 'generator' ELSE 'renewable' END AS kind,
           d
    FROM placed, sample_draw(seed, 3, n, 100) AS d
  ), sized AS (
    SELECT k.*,
           CASE kind
             WHEN 'battery'   THEN (ARRAY[500, 1000, 2000, 5000, 10000, 20000, 49900])[sample_draw(seed, 4, n, 7) + 1]
             WHEN 'charger'   THEN (ARRAY[44, 66, 88, 150, 300, 600])[sample_draw(seed, 4, n, 6) + 1]
             WHEN 'heat_pump' THEN 20 + 5 * sample_draw(seed, 4, n, 40)
             WHEN 'generator' THEN (ARRAY[400, 1000, 1500, 2400, 5000, 12000, 20000])[sample_draw(seed, 4, n, 7) + 1]
             ELSE (ARRAY[950, 3000, 4999, 7500, 12000, 25000])[sample_draw(seed, 4, n, 6) + 1] END AS installed_kw,
           sample_draw(seed, 5, n, 100) AS luck
    FROM kinds k
  )
  SELECT s.n, s.site, s.place, s.kind, p.name AS provider,
         CASE s.kind WHEN 'battery' THEN 'Battery' WHEN 'charger' THEN 'EV charger' WHEN 'heat_pump' THEN 'Heat pump'
           WHEN 'generator' THEN (ARRAY['Gas engine', 'Biogas engine', 'Diesel engine', 'Hydro turbine'])[s.d % 4 + 1]
           ELSE (ARRAY['Photovoltaic', 'Wind turbine'])[s.d % 2 + 1] END AS technology,
         CASE s.kind WHEN 'battery' THEN 'stored energy' WHEN 'charger' THEN 'demand' WHEN 'heat_pump' THEN 'demand'
           WHEN 'generator' THEN (ARRAY['fossil gas', 'biogas', 'fossil oil', 'water'])[s.d % 4 + 1]
           ELSE (ARRAY['solar', 'wind'])[s.d % 2 + 1] END AS energy_source,
         s.installed_kw::numeric,
         -- three in a hundred have not said what they can do
         CASE WHEN s.luck < 3 THEN NULL
           ELSE round(s.installed_kw * CASE s.kind WHEN 'battery' THEN 1.0 WHEN 'charger' THEN 0.7 WHEN 'heat_pump' THEN 0.6
                                                   WHEN 'generator' THEN 0.95 ELSE 0 END) END AS up_kw,
         CASE WHEN s.luck < 3 THEN NULL
           ELSE round(s.installed_kw * CASE s.kind WHEN 'battery' THEN 1.0 WHEN 'charger' THEN 0.4 WHEN 'heat_pump' THEN 0.3
                                                   WHEN 'generator' THEN 0.5 ELSE 0.9 END) END AS down_kw,
         nextval('resource_id') AS id, NULL::bigint AS portfolio_id
  FROM sized s
  JOIN sample_provider p ON p.kind = s.kind AND p.turn = sample_draw(seed, 6, s.n, p.turns)
  ORDER BY s.n;
  ANALYZE sample_asset;

  INSERT INTO metering_point (mpan, kind, grid_node_id, agreed_import_kw, agreed_export_kw, postcode)
  SELECT sample_mpan(a.distributor, (s.site * 7368787::bigint + sample_draw(seed, 7, 0, 1000000000)) % 10000000000),
         'boundary', g.id, round(1.2 * sum(s.installed_kw)),
         CASE WHEN bool_or(s.kind NOT IN ('charger', 'heat_pump')) THEN round(1.2 * sum(s.installed_kw)) END,
         format('ZZ%s %s', s.place % 90 + 1, s.site % 9 + 1) || chr(65 + s.site % 20) || chr(65 + s.site / 20 % 20)
  FROM sample_asset s
  JOIN sample_node g ON g.kind = 'primary' AND g.number = s.place
  JOIN sample_area a ON a.area = s.place / 36
  GROUP BY s.site, s.place, a.distributor, g.id
  ORDER BY s.site;

  INSERT INTO asset (id, name, technology, energy_source, metering_point_id, grid_node_id, connected_on, installed_kw,
                     qualified_up_kw, qualified_down_kw, latitude, longitude, source)
  SELECT s.id, format('%s %s %s', p.name, replace(lower(s.technology), 'ev ', 'EV '), s.n), s.technology, s.energy_source, m.id, g.id,
         delivery_day - 400 - sample_draw(seed, 8, s.n, 3000), s.installed_kw, s.up_kw, s.down_kw,
         a.latitude + (sample_draw(seed, 9, s.place, 800) - 400) / 1000.0,
         a.longitude + (sample_draw(seed, 10, s.place, 1200) - 600) / 1000.0, 'sample'
  FROM sample_asset s
  JOIN sample_place p USING (place)
  JOIN sample_node g ON g.kind = 'primary' AND g.number = s.place
  JOIN sample_area a ON a.area = p.area
  JOIN metering_point m
    ON m.mpan = sample_mpan(a.distributor, (s.site * 7368787::bigint + sample_draw(seed, 7, 0, 1000000000)) % 10000000000)
  ORDER BY s.n;

  INSERT INTO asset_operator (asset_id, service_provider_id, valid)
  SELECT s.id, p.id, registered FROM sample_asset s JOIN participant p ON lower(p.name) = lower(s.provider) ORDER BY s.n;
  RAISE NOTICE 'register: % assets behind % meters', (SELECT count(*) FROM asset), (SELECT count(*) FROM metering_point);

  -- ---------------------------------------------------------------- portfolios

  -- six in ten of the chargers and heat pumps are sold in portfolios of one
  -- provider, area and technology, about a dozen each
  CREATE TEMP TABLE sample_portfolio ON COMMIT DROP AS
  SELECT row_number() OVER (ORDER BY area, provider COLLATE "C", technology COLLATE "C", part) AS n,
         area, provider, technology, part, nextval('resource_id') AS id
  FROM (
    SELECT DISTINCT place / 36 AS area, provider, technology,
           (row_number() OVER (PARTITION BY place / 36, provider, technology ORDER BY n) - 1) / 12 AS part
    FROM sample_asset
    WHERE kind IN ('charger', 'heat_pump') AND sample_draw(seed, 11, n, 10) < 6
    ORDER BY 1, 2, 3, 4
  ) p;

  UPDATE sample_asset s SET portfolio_id = p.id
  FROM (SELECT n, place / 36 AS area, provider, technology,
               (row_number() OVER (PARTITION BY place / 36, provider, technology ORDER BY n) - 1) / 12 AS part
        FROM sample_asset
        WHERE kind IN ('charger', 'heat_pump') AND sample_draw(seed, 11, n, 10) < 6) m
  JOIN sample_portfolio p USING (area, provider, technology, part)
  WHERE s.n = m.n;

  INSERT INTO portfolio (id, name, service_provider_id, grid_node_id, technology)
  SELECT p.id, format('%s %ss %s', g.name, replace(lower(p.technology), 'ev ', 'EV '), p.part + 1), o.id, g.id, p.technology
  FROM sample_portfolio p
  JOIN sample_node g ON g.kind = 'gsp_group' AND g.number = p.area
  JOIN participant o ON lower(o.name) = lower(p.provider)
  ORDER BY p.n;

  -- one member in eight lends half to the next portfolio of its provider as well
  INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT m.portfolio_id, m.id, round(0.8 * m.up_kw / m.portfolios), round(0.8 * m.down_kw / m.portfolios), registered
  FROM (
    SELECT s.n, s.id, s.up_kw, s.down_kw, lent.portfolio_id, count(*) OVER (PARTITION BY s.id) AS portfolios, lent.place
    FROM sample_asset s
    JOIN sample_portfolio p ON p.id = s.portfolio_id
    CROSS JOIN LATERAL (
      SELECT s.portfolio_id, 1 AS place
      UNION ALL
      SELECT other.id, 2 FROM sample_portfolio other
      WHERE sample_draw(seed, 12, s.n, 8) = 0
        AND (other.area, other.provider, other.technology, other.part) = (p.area, p.provider, p.technology, p.part + 1)
    ) lent
  ) m
  ORDER BY m.n, m.place;
  RAISE NOTICE 'portfolios: % with % members', (SELECT count(*) FROM portfolio), (SELECT count(*) FROM portfolio_member);

  -- ---------------------------------------------------------------- trading

  -- What a unit sells on the day: service, direction, window in local time, share
  -- of what it can do, what came of the bid (instructed: there was none), and the
  -- use made of it: window, in how many pieces, share of the power sold, and how
  -- often the same instruction was sent.
  CREATE TEMP TABLE sample_recipe ON COMMIT DROP AS
  SELECT row_number() OVER () AS line, r.recipe, r.service_code, r.direction, r.starts::time AS starts, r.ends::time AS ends, r.share,
         r.outcome, r.used_from::time AS used_from, r.used_to::time AS used_to, r.pieces, r.used_share, r.sent
  FROM (VALUES
    -- within the rules
    ('response',     'CM',   'up',   '00:00', '24:00', 0.80, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('response',     'DC',   'up',   '03:00', '07:00', 0.40, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('response',     'DC',   'up',   '07:00', '11:00', 0.40, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('response',     'DC',   'down', '11:00', '15:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('response',     'DM',   'up',   '19:00', '23:00', 0.35, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('response',     'BM',   'up',   '07:00', '10:00', 0.30, 'instructed', '07:30', '09:30', 2,    0.90, 1),
    ('reserve',      'CM',   'up',   '00:00', '24:00', 0.70, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('reserve',      'QR',   'up',   '06:00', '10:00', 0.50, 'awarded',    '07:00', '08:00', 2,    1.00, 1),
    ('reserve',      'QR',   'down', '11:00', '15:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('reserve',      'QR',   'up',   '19:00', '22:00', 0.45, 'submitted',  NULL,    NULL,    NULL, NULL, NULL),
    ('morning_peak', 'DM',   'up',   '03:00', '07:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('morning_peak', 'DC',   'up',   '11:00', '15:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('morning_peak', 'PR',   'up',   '16:00', '19:00', 0.60, 'awarded',    '16:30', '18:30', 2,    0.95, 1),
    ('evening',      'PR',   'up',   '17:00', '20:00', 0.60, 'awarded',    '17:30', '19:00', 1,    0.95, 1),
    ('evening',      'SU',   'up',   '07:00', '09:00', 0.50, 'awarded',    '07:00', '09:00', 1,    1.00, 1),
    ('available',    'SAda', 'up',   '16:00', '20:00', 0.70, 'awarded',    '17:00', '18:30', 2,    0.90, 1),
    ('available',    'SU',   'up',   '12:00', '13:30', 0.40, 'submitted',  NULL,    NULL,    NULL, NULL, NULL),
    ('saving',       'DFS',  'up',   '17:00', '18:00', 0.40, 'awarded',    '17:00', '18:00', 1,    1.00, 1),
    ('saving',       'PR',   'up',   '17:30', '19:30', 0.40, 'awarded',    '18:00', '19:30', 1,    1.00, 1),
    ('hopeful',      'PR',   'up',   '17:00', '19:00', 0.50, 'lapsed',     NULL,    NULL,    NULL, NULL, NULL),
    ('hopeful',      'SU',   'up',   '12:00', '14:00', 0.50, 'submitted',  NULL,    NULL,    NULL, NULL, NULL),
    ('hopeful',      'SU',   'up',   '07:00', '08:30', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('standing',     'CM',   'up',   '00:00', '24:00', 0.90, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('standing',     'STOR', 'up',   '06:00', '11:00', 0.80, 'awarded',    '07:30', '09:00', 2,    1.00, 1),
    ('standing',     'STOR', 'up',   '16:00', '20:00', 0.80, 'awarded',    '17:00', '18:00', 1,    1.00, 1),
    ('local',        'SAda', 'up',   '07:00', '11:00', 0.70, 'awarded',    '08:00', '09:00', 2,    1.00, 1),
    ('local',        'SAda', 'up',   '16:00', '20:00', 0.70, 'awarded',    '17:00', '18:00', 2,    1.00, 1),
    ('turn_down',    'BM',   'down', '10:00', '15:00', 0.60, 'instructed', '11:00', '14:00', 3,    0.90, 1),
    ('turn_down',    'SU',   'down', '12:00', '14:00', 0.35, 'awarded',    '12:30', '13:30', 1,    1.00, 1),
    ('curtailed',    'OUrt', 'down', '11:00', '15:00', 0.60, 'instructed', '11:30', '13:30', 2,    1.00, 1),
    ('hub',          'PR',   'up',   '16:00', '20:00', 0.45, 'awarded',    '16:30', '19:30', 6,    0.90, 1),
    ('hub',          'DFS',  'up',   '17:00', '18:30', 0.40, 'awarded',    '17:00', '18:30', 3,    0.90, 1),
    ('hub',          'SU',   'up',   '07:00', '09:00', 0.50, 'awarded',    '07:00', '09:00', 4,    0.90, 1),
    -- mistakes
    ('two_masters',  'DC',   'up',   '15:00', '19:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('two_masters',  'OUrt', 'up',   '17:00', '18:00', 0.40, 'instructed', '17:00', '18:00', 1,    1.00, 1),
    ('late_reserve', 'STOR', 'up',   '16:00', '20:00', 0.45, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('late_reserve', 'SAda', 'up',   '17:00', '19:00', 0.45, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('unclear',      'QR',   'up',   '15:00', '19:00', 0.45, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('unclear',      'DM',   'up',   '15:00', '19:00', 0.45, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('notice_risk',  'CM',   'up',   '00:00', '24:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('notice_risk',  'PR',   'up',   '17:00', '19:00', 0.45, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('oversold',     'DC',   'up',   '07:00', '11:00', 0.75, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('oversold',     'DC',   'up',   '07:00', '11:00', 0.60, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('overbooked',   'PR',   'up',   '17:00', '19:00', 0.80, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('overbooked',   'DFS',  'up',   '17:30', '18:30', 0.70, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('hopper',       'DM',   'up',   '07:00', '11:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('hopper',       'DFS',  'up',   '17:00', '18:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('sprinter',     'QR',   'up',   '06:00', '10:00', 0.50, 'awarded',    NULL,    NULL,    NULL, NULL, NULL),
    ('sprinter',     'OUrt', 'up',   '18:00', '18:30', 0.50, 'instructed', '18:00', '18:30', 1,    1.00, 1),
    ('told_twice',   'PR',   'up',   '17:00', '20:00', 0.60, 'awarded',    '17:30', '19:00', 1,    0.60, 2)
  ) AS r (recipe, service_code, direction, starts, ends, share, outcome, used_from, used_to, pieces, used_share, sent);

  CREATE TEMP TABLE sample_cookbook ON COMMIT DROP AS
  SELECT c.kind, c.recipe, sum(c.weight) OVER w - c.weight AS above, sum(c.weight) OVER w AS below
  FROM (VALUES   -- units in a thousand of the kind; the rest does nothing on the day
    ('battery',   'response',     300), ('battery',   'reserve',      200), ('battery',   'morning_peak', 180), ('battery',   'local',      120),
    ('battery',   'two_masters',   25), ('battery',   'unclear',       20), ('battery',   'oversold',      30), ('battery',   'hopper',      20),
    ('battery',   'sprinter',      20), ('battery',   'notice_risk',   15), ('battery',   'late_reserve',  10),
    ('charger',   'evening',      350), ('charger',   'available',    200), ('charger',   'saving',       200), ('charger',   'hopeful',    100),
    ('charger',   'overbooked',    30), ('charger',   'told_twice',    40),
    ('heat_pump', 'evening',      250), ('heat_pump', 'available',    250), ('heat_pump', 'saving',       250), ('heat_pump', 'hopeful',    100),
    ('heat_pump', 'overbooked',    30), ('heat_pump', 'told_twice',    40),
    ('generator', 'standing',     450), ('generator', 'local',        230), ('generator', 'evening',      150), ('generator', 'hopeful',     50),
    ('generator', 'late_reserve',  25), ('generator', 'notice_risk',   25), ('generator', 'sprinter',      15),
    ('renewable', 'turn_down',    350), ('renewable', 'curtailed',    300),
    ('portfolio', 'hub',          600), ('portfolio', 'available',    200), ('portfolio', 'saving',       110),
    ('portfolio', 'overbooked',    30), ('portfolio', 'told_twice',    30)
  ) AS c (kind, recipe, weight)
  WINDOW w AS (PARTITION BY c.kind ORDER BY c.recipe COLLATE "C");

  -- what each unit sells, with the ids that its trades will have
  CREATE TEMP TABLE sample_line ON COMMIT DROP AS
  WITH unit AS (
    SELECT s.n AS number, s.kind, s.id AS asset_id, NULL::bigint AS portfolio_id, s.provider, s.place / 36 AS area,
           coalesce(s.up_kw, s.installed_kw) AS up_kw, coalesce(s.down_kw, s.installed_kw) AS down_kw
    FROM sample_asset s WHERE s.portfolio_id IS NULL
    UNION ALL
    SELECT assets + p.n, 'portfolio', NULL, p.id, p.provider, p.area,
           greatest((SELECT sum(m.flexible_up_kw) FROM portfolio_member m WHERE m.portfolio_id = p.id), 1),
           greatest((SELECT sum(m.flexible_down_kw) FROM portfolio_member m WHERE m.portfolio_id = p.id), 1)
    FROM sample_portfolio p
  ), line AS (
    SELECT row_number() OVER (ORDER BY u.number, r.line) AS n, u.number, u.asset_id, u.portfolio_id, u.provider, u.area, r.*,
           greatest(1, round(CASE r.direction WHEN 'up' THEN u.up_kw ELSE u.down_kw END
                             * r.share * (90 + sample_draw(seed, 14, u.number * 100 + r.line, 11)) / 100)) AS power_kw
    FROM unit u
    JOIN sample_cookbook c ON c.kind = u.kind AND sample_draw(seed, 13, u.number, 1000) >= c.above AND sample_draw(seed, 13, u.number, 1000) < c.below
    JOIN sample_recipe r USING (recipe)
  )
  SELECT l.n, l.asset_id, l.portfolio_id, o.id AS service_provider_id, p.id AS product_id, p.binds, l.direction, l.power_kw,
         l.outcome, l.used_from, l.used_to, l.pieces, l.used_share, l.sent,
         time_window((delivery_day + l.starts) AT TIME ZONE zone, (delivery_day + l.ends) AT TIME ZONE zone) AS delivery_window,
         nullif(d.availability_price, 0) * (80 + sample_draw(seed, 15, l.n, 41)) / 100 AS availability_price,
         nullif(d.utilisation_price, 0) * (80 + sample_draw(seed, 16, l.n, 41)) / 100 AS utilisation_price,
         CASE WHEN l.outcome <> 'instructed' THEN nextval('trade_id') END AS bid_id,
         CASE WHEN l.outcome = 'awarded' THEN nextval('trade_id') END AS award_id,
         CASE WHEN l.outcome = 'awarded' AND p.binds = 'availability' THEN nextval('trade_id') END AS availability_id
  FROM line l
  JOIN participant o ON lower(o.name) = lower(l.provider)
  JOIN sample_product d ON d.service_code = l.service_code AND coalesce(d.direction, l.direction) = l.direction
  JOIN sample_area a ON a.area = l.area
  JOIN product p ON p.code = d.code AND p.version = 1 AND p.source = 'sample'
  JOIN market m ON m.id = p.market_id
    AND (m.code LIKE 'neso-%' OR m.code = 'dso-' || lower(translate(a.network_operator, ' ', '-')))
  ORDER BY l.n;
  ANALYZE sample_line;

  INSERT INTO competition (product_id, name, gate_opens_at, gate_closes_at)
  SELECT p.id, format('%s, delivery %s', p.name, to_char(delivery_day, 'YYYY-MM-DD')),
         (delivery_day - 7 + time '09:00') AT TIME ZONE zone, (delivery_day - 1 + time '14:00') AT TIME ZONE zone
  FROM product p
  WHERE p.id IN (SELECT l.product_id FROM sample_line l WHERE l.bid_id IS NOT NULL)
  ORDER BY p.id;

  INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
                   availability_price_per_mw_h, utilisation_price_per_mwh, status)
  SELECT l.bid_id, c.id, l.product_id, l.service_provider_id, l.asset_id, l.portfolio_id, l.direction, l.power_kw, l.delivery_window,
         l.availability_price, l.utilisation_price, l.outcome
  FROM sample_line l
  JOIN competition c ON c.product_id = l.product_id AND c.gate_closes_at = (delivery_day - 1 + time '14:00') AT TIME ZONE zone
  WHERE l.bid_id IS NOT NULL
  ORDER BY l.n;
  GET DIAGNOSTICS trades = ROW_COUNT;
  RAISE NOTICE 'bids: % in % competitions', trades, (SELECT count(*) FROM competition);

  INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
                     availability_price_per_mw_h, utilisation_price_per_mwh)
  SELECT l.award_id, l.bid_id, l.product_id, l.service_provider_id, l.asset_id, l.portfolio_id, l.direction, l.power_kw, l.delivery_window,
         l.availability_price, l.utilisation_price
  FROM sample_line l WHERE l.award_id IS NOT NULL ORDER BY l.n;
  GET DIAGNOSTICS trades = ROW_COUNT;
  RAISE NOTICE 'awards: %', trades;

  INSERT INTO availability (id, award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
                            availability_price_per_mw_h, status)
  SELECT l.availability_id, l.award_id, l.product_id, l.service_provider_id, l.asset_id, l.portfolio_id, l.direction, l.power_kw,
         l.delivery_window, l.availability_price, 'accepted'
  FROM sample_line l WHERE l.availability_id IS NOT NULL ORDER BY l.n;
  GET DIAGNOSTICS trades = ROW_COUNT;
  RAISE NOTICE 'availability: %', trades;

  -- what is sent again names no award: the other end could not tell that it was the same
  INSERT INTO dispatch (award_id, availability_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
                        utilisation_price_per_mwh)
  SELECT CASE WHEN l.availability_id IS NULL AND again = 1 THEN l.award_id END, l.availability_id, l.product_id, l.service_provider_id,
         l.asset_id, l.portfolio_id, l.direction,
         greatest(1, round(l.power_kw * l.used_share * (80 + sample_draw(seed, 17, l.n * 100 + piece, 21)) / 100)),
         time_window((delivery_day + l.used_from + (l.used_to - l.used_from) / l.pieces * (piece - 1)) AT TIME ZONE zone,
                     (delivery_day + l.used_from + (l.used_to - l.used_from) / l.pieces * piece) AT TIME ZONE zone),
         l.utilisation_price
  FROM sample_line l, generate_series(1, l.pieces) piece, generate_series(1, l.sent) again
  WHERE l.pieces IS NOT NULL
  ORDER BY l.n, piece, again;
  GET DIAGNOSTICS trades = ROW_COUNT;
  RAISE NOTICE 'dispatches: %', trades;
  RAISE NOTICE 'the book: % commitments checked, % conflicts found',
    (SELECT count(*) FROM commitment WHERE id > posted_before),
    (SELECT count(*) FROM conflict WHERE challenger_id > posted_before);

  -- the planner is to know the tables at once; only their owner may tell it
  IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'commitment'::regclass), 'USAGE') THEN
    ANALYZE participant, grid_node, grid_node_parent, metering_point, asset, asset_operator, portfolio, portfolio_member,
            market, product, competition, bid, award, availability, dispatch, commitment, conflict, notification;
  END IF;
  DROP TABLE sample_area, sample_provider, sample_product, sample_place, sample_node, sample_asset, sample_portfolio,
             sample_recipe, sample_cookbook, sample_line;

  RETURN QUERY VALUES
    ('assets',       (SELECT count(*) FROM asset)),
    ('portfolios',   (SELECT count(*) FROM portfolio)),
    ('bids',         (SELECT count(*) FROM bid)),
    ('awards',       (SELECT count(*) FROM award)),
    ('availability', (SELECT count(*) FROM availability)),
    ('dispatches',   (SELECT count(*) FROM dispatch)),
    ('commitments',  (SELECT count(*) FROM commitment WHERE id > posted_before)),
    ('conflicts',    (SELECT count(*) FROM conflict WHERE challenger_id > posted_before));
END
$function$;
COMMENT ON FUNCTION load_sample_book(integer, bigint, date) IS
  'fills an exchange without assets with a made-up British register and one local day of trading, some of it in conflict; the same seed gives the same book; tells each step as a NOTICE and returns what it loaded; errors 22023, 55000';
-- writes to every table: for who runs the exchange
REVOKE ALL ON FUNCTION load_sample_book(integer, bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION load_sample_book(integer, bigint, date) TO flexexchange_operator;
