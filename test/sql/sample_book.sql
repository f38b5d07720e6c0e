-- The sample book: the same seed gives the same book, wherever it is loaded.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET client_min_messages = warning;
\set VERBOSITY sqlstate

SELECT flexexchange.create_exchange('sample_a');
SELECT flexexchange.create_exchange('sample_b');
SELECT flexexchange.create_exchange('sample_c');

SELECT * FROM sample_a.load_sample_book(assets => 400);
SELECT stage, count(*) FROM sample_a.commitment WHERE closed_at IS NULL GROUP BY stage ORDER BY stage COLLATE "C";
SELECT kind, severity, count(*) FROM sample_a.conflict GROUP BY kind, severity ORDER BY kind COLLATE "C", severity COLLATE "C";
SELECT kind, count(*) FROM sample_a.grid_node GROUP BY kind ORDER BY count(*), kind COLLATE "C";

-- asked for again, it is refused: a sample does not mix
SELECT * FROM sample_a.load_sample_book(assets => 400);
SELECT * FROM sample_b.load_sample_book(assets => 0);
SELECT * FROM sample_b.load_sample_book(seed => NULL);

-- who runs the exchange may load it, an analyst may not
SET ROLE flexexchange_analyst;
SELECT * FROM sample_b.load_sample_book(assets => 400);
SET ROLE flexexchange_operator;
SELECT sum(row_count) > 1000 AS loaded FROM sample_b.load_sample_book(assets => 400);
RESET ROLE;
SELECT sum(row_count) > 1000 AS loaded FROM sample_c.load_sample_book(assets => 400, seed => 43);

-- conflicts by what they are, without ids and times of writing
\set ECHO none
SELECT format('CREATE VIEW pg_temp.%1$I AS
  SELECT c.kind, c.severity, c.stage, coalesce(a.name, p.name) AS unit, x.service_code AS challenger, x.power_kw,
         i.service_code AS incumbent, c.overlap, c.short_kw, c.short_windows
  FROM %1$I.conflict c
  JOIN %1$I.commitment x ON x.id = c.challenger_id
  LEFT JOIN %1$I.commitment i ON i.id = c.incumbent_id
  LEFT JOIN %1$I.asset a ON a.id = c.unit_id
  LEFT JOIN %1$I.portfolio p ON p.id = c.unit_id', name)
FROM unnest(ARRAY['sample_a', 'sample_b', 'sample_c']) AS name
\gexec
\set ECHO all
SELECT count(*) AS only_in_one FROM (
  (TABLE pg_temp.sample_a EXCEPT ALL TABLE pg_temp.sample_b) UNION ALL (TABLE pg_temp.sample_b EXCEPT ALL TABLE pg_temp.sample_a)) d;
SELECT count(*) > 0 AS other_seed_differs FROM (TABLE pg_temp.sample_a EXCEPT ALL TABLE pg_temp.sample_c) d;

-- meters have the numbers they would have, each once
SELECT count(*) - count(DISTINCT mpan) AS twice, bool_and(flexexchange.mpan_is_valid(mpan)) AS valid FROM sample_a.metering_point;
-- a lineage is of one unit, product and direction, and uses no more than was sold
SELECT count(*) AS strays
FROM sample_a.dispatch d
LEFT JOIN sample_a.availability v ON v.id = d.availability_id
LEFT JOIN sample_a.award a ON a.id = coalesce(d.award_id, v.award_id)
WHERE d.power_kw > a.power_kw OR NOT flexexchange.time_window_contains(a.delivery_window, d.delivery_window)
   OR (d.unit_id, d.product_id, d.direction) <> (a.unit_id, a.product_id, a.direction);

DROP VIEW pg_temp.sample_a, pg_temp.sample_b, pg_temp.sample_c;
SELECT flexexchange.drop_exchange('sample_a', with_data => true);
SELECT flexexchange.drop_exchange('sample_b', with_data => true);
SELECT flexexchange.drop_exchange('sample_c', with_data => true);
