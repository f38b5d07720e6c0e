-- The page that make demo ends with; variables: connect, real (empty for the sample book).
-- Lines are wrapped by the caller.
\pset pager off
SELECT :'real' <> '' AS real \gset

CREATE TEMP TABLE pair AS
  SELECT what, count(*) AS pairs FROM overlap_report GROUP BY what;
CREATE TEMP TABLE told AS
  SELECT id, kind, severity, unit_id, explain_conflict(id) AS words FROM conflict WHERE closed_at IS NULL;

\echo
\echo
\echo 'THE EXCHANGE'
\echo
SELECT format('   %8s  %s', to_char(c.count, 'FM999,999,999'), c.what)
FROM (
  SELECT 1, (SELECT count(*) FROM participant),
         format('participants (buyers %s, sellers %s)', (SELECT count(*) FROM participant WHERE 'market_operator' = ANY (kinds)),
                (SELECT count(*) FROM participant WHERE 'service_provider' = ANY (kinds)))
  UNION ALL
  SELECT 2, (SELECT count(*) FROM asset),
         CASE WHEN :'real'::boolean THEN 'assets' ELSE 'batteries, chargers, heat pumps and generators' END
         || format(', behind %s meters', to_char((SELECT count(*) FROM metering_point), 'FM999,999,999'))
  UNION ALL
  SELECT 3, (SELECT count(*) FROM portfolio),
         'portfolios' || coalesce((SELECT ' with ' || to_char(nullif(count(*), 0), 'FM999,999,999') || ' members' FROM portfolio_member), '')
  UNION ALL
  SELECT 4, (SELECT count(*) FROM commitment WHERE closed_at IS NULL),
         'commitments: '
         || (SELECT string_agg(format('%s %s', to_char(n, 'FM999,999,999'),
                                      CASE stage WHEN 'bid' THEN 'bids' WHEN 'award' THEN 'awards' WHEN 'dispatch' THEN 'dispatches' ELSE stage END),
                               ', ' ORDER BY array_position(ARRAY['bid', 'award', 'availability', 'dispatch'], stage))
             FROM (SELECT stage, count(*) AS n FROM commitment WHERE closed_at IS NULL GROUP BY stage) s)
  UNION ALL
  SELECT 5, (SELECT sum(pairs) FROM pair), 'pairs of commitments of one unit overlap in time'
) AS c (place, count, what)
WHERE c.count > 0
ORDER BY place;

\echo
\echo 'WHAT OVERLAPS, AND WHAT IT IS'
\echo
SELECT format('   %8s  %-17s  %s', to_char(pairs, 'FM999,999,999'), p.what, w.words)
FROM pair p
LEFT JOIN (VALUES
  ('allowed', 'two services that may be sold together'),
  ('tranches', 'side by side: no conflict unless headroom is short'),
  ('use', 'within what was sold: no conflict unless headroom is short'),
  ('double_commitment', 'sold twice: a conflict'),
  ('duplicate', 'instructed twice: a conflict')) AS w (what, words) ON w.what = p.what
ORDER BY p.what IN ('double_commitment', 'duplicate'), pairs DESC;
SELECT '   nothing' WHERE NOT EXISTS (SELECT FROM pair);

\echo
\echo 'CONFLICTS'
\echo
SELECT line
FROM (
SELECT t.severity, count(*), format('   %8s  %-17s  %s  %s', to_char(count(*), 'FM999,999,999'), t.kind, t.severity, max(w.words)) AS line
FROM told t
LEFT JOIN (VALUES
  ('double_commitment', 'blocking', 'two services that exclude one another'),
  ('double_commitment', 'advisory', 'two services: the rules are open, or warn'),
  ('duplicate', 'advisory', 'instructed twice under one product'),
  ('headroom', 'blocking', 'more sold at once than the unit can do'),
  ('headroom', 'advisory', 'perhaps more sold at once than it can do'),
  ('jumping', 'blocking', 'services that exclude one another on one day')) AS w (kind, severity, words)
  ON (w.kind, w.severity) = (t.kind, t.severity)
GROUP BY t.kind, t.severity
UNION ALL
SELECT NULL, 0, '   none' WHERE NOT EXISTS (SELECT FROM told)
) c
ORDER BY severity DESC, count DESC, line;

SELECT count(*) > 0 AS found, count(*) > 2 AS several FROM told \gset
\if :found
\echo
\if :several
\echo 'THREE OF THEM'
\else
\echo 'IN WORDS'
\endif
SELECT E'\n' || format('   %s. %s', row_number() OVER (ORDER BY place, kind_place), words)
FROM (
  SELECT words, array_position(ARRAY['double_commitment', 'headroom', 'jumping', 'duplicate'], kind) AS kind_place,
         row_number() OVER (PARTITION BY kind ORDER BY severity = 'advisory', length(words), id) AS place
  FROM told
) t
ORDER BY place, kind_place
LIMIT 3;
\endif

\if :real
\echo
\echo 'WHAT THE FILES COULD NOT TELL'
\echo
CREATE TEMP TABLE rejected AS
  SELECT importer, regexp_replace(reason, '''[^'']*''', '...', 'g') AS reason, effect, count(*) AS times
  FROM import_rejection GROUP BY 1, 2, 3;
SELECT format('   %8s  %s %s: %s', to_char(times, 'FM999,999,999'), replace(importer, '_', ' '), effect, reason)
FROM rejected
ORDER BY times DESC, importer, reason
LIMIT 10;
SELECT '   nothing' WHERE NOT EXISTS (SELECT FROM rejected);
\echo
\echo '   SELECT * FROM gb.import_rejection;'
\endif

SELECT format(E'\nHOW FAST\n\n   %s commitments posted, checked against all rules and the parties told, in %s s: %s a second, by one session of this machine (in a cluster that does without fsync).',
              to_char(count(*), 'FM999,999,999'), round(extract(epoch FROM max(posted_at) - min(posted_at)), 1),
              to_char(count(*) / nullif(extract(epoch FROM max(posted_at) - min(posted_at)), 0), 'FM999,999,999'))
FROM commitment
HAVING count(*) > 1;

\echo
\echo 'LOOK AROUND'
\echo
\echo '  ' :connect
\echo
SELECT count(*) > 0 AS traded FROM commitment WHERE closed_at IS NULL \gset
\if :traded
SELECT id AS commitment, unit_id AS unit, unit_kind || '_id' AS unit_column, headroom_checked
FROM commitment c
WHERE closed_at IS NULL
ORDER BY unit_id IN (SELECT unit_id FROM told WHERE kind = 'double_commitment') DESC,
         unit_id IN (SELECT unit_id FROM told) DESC, headroom_checked DESC, stage = 'dispatch' DESC, id
LIMIT 1 \gset
\echo '   -- all that one of these units has sold'
\echo '   SELECT stage, service_code, direction, power_kw, delivery_window'
\echo '   FROM gb.commitment WHERE unit_id =' :unit 'ORDER BY lower(delivery_window);'
\echo
\if :headroom_checked
\echo '   -- sell a gigawatt of it once more, and see what the exchange says'
\echo '   INSERT INTO gb.award'
\echo '     (product_id, service_provider_id,' :unit_column', direction, power_kw, delivery_window)'
\echo '   SELECT product_id, service_provider_id, unit_id, direction, 1000000, delivery_window'
\else
\echo '   -- instruct it once more, and see what the exchange says'
\echo '   INSERT INTO gb.dispatch'
\echo '     (product_id, service_provider_id,' :unit_column', direction, power_kw, delivery_window)'
\echo '   SELECT product_id, service_provider_id, unit_id, direction, power_kw, delivery_window'
\endif
\echo '   FROM gb.commitment WHERE id =' :commitment';'
\echo '   SELECT gb.explain_conflict(max(id)) FROM gb.conflict;'
\echo
\echo '   -- who was told what'
\echo '   SELECT p.name, n.message FROM gb.notification n'
\echo '   JOIN gb.participant p ON p.id = n.participant_id ORDER BY n.id DESC LIMIT 4;'
\echo
\endif
\echo 'make demo-stop ends the demo and removes its data; make demo begins anew.'
\echo
