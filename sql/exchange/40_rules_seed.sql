-- archetype: medium
-- The industry's stacking rules of January 2025: 22 services, three modes.
--
-- Source: Revenue Stacking Assessment Tool V1.0, ENA Open Networks, January
-- 2025, as re-keyed publicly in GitHub mikefsway/stacking (commit fe69276): its
-- verdicts, as facts.  They are kept as published; what this ruleset makes of
-- missing data stands below, as does the one verdict that is carried as a
-- warning.

INSERT INTO ruleset (code, title, source, in_force) VALUES
  ('ena-2025-01', 'Revenue stacking, January 2025', 'ENA Open Networks, Revenue Stacking Assessment Tool V1.0, January 2025, as re-keyed in GitHub mikefsway/stacking (fe69276)',
   '-infinity/infinity');

-- One line is one service against all services, in the order of the header:
-- Y explicit yes, y implicit yes, N explicit no, n implicit no, ? no data,
-- - not applicable.
WITH header (codes) AS (
  VALUES (ARRAY['CM', 'WM', 'BM', 'BR', 'QR', 'SR', 'STOR', 'DC', 'DM', 'DR', 'SFFR', 'MWD', 'LCM', 'DFS', 'PR', 'SU', 'OUrt', 'OUwa', 'SArt', 'SAda', 'VArt', 'VAda'])
), published (mode, service_a, verdicts) AS (VALUES
  ('co_delivery', 'CM',   '-YYYY-YYYYY?Y?nnnnnnnn'),
  ('co_delivery', 'WM',   'Y-???-????????????????'),
  ('co_delivery', 'BM',   'Y?-N?-NNNNN?N?????????'),
  ('co_delivery', 'BR',   'Y?N-?-NNNNN?N?????????'),
  ('co_delivery', 'QR',   'Y???--??????N?????????'),
  ('co_delivery', 'SR',   '----------------------'),
  ('co_delivery', 'STOR', 'Y?NN?--NNNN?N?????????'),
  ('co_delivery', 'DC',   'Y?NN?-N-NNN?N?????????'),
  ('co_delivery', 'DM',   'Y?NN?-NN-NN?N?????????'),
  ('co_delivery', 'DR',   'Y?NN?-NNN-N?N?????????'),
  ('co_delivery', 'SFFR', 'Y?NN?-NNNN-?N?????????'),
  ('co_delivery', 'MWD',  '?????-?????-N?????????'),
  ('co_delivery', 'LCM',  'Y?NNN-NNNNNN-NNNNNNNNN'),
  ('co_delivery', 'DFS',  '?????-??????N-????????'),
  ('co_delivery', 'PR',   'n????-??????N?--------'),
  ('co_delivery', 'SU',   'n????-??????N?--------'),
  ('co_delivery', 'OUrt', 'n????-??????N?--------'),
  ('co_delivery', 'OUwa', 'n????-??????N?--------'),
  ('co_delivery', 'SArt', 'n????-??????N?--------'),
  ('co_delivery', 'SAda', 'n????-??????N?--------'),
  ('co_delivery', 'VArt', 'n????-??????N?--------'),
  ('co_delivery', 'VAda', 'n????-??????N?--------'),
  ('splitting',   'CM',   '-----------?----------'),
  ('splitting',   'WM',   '--YY?-YYYYY?yYyynynyny'),
  ('splitting',   'BM',   '-Y-Y?-NYYYN?NNyyNyNyNy'),
  ('splitting',   'BR',   '-YY-?-NNNNN?NNyyNyNyNy'),
  ('splitting',   'QR',   '-???--????????yyNyNyNy'),
  ('splitting',   'SR',   '----------------------'),
  ('splitting',   'STOR', '-YNN?--NNNN?NNynNnNnNn'),
  ('splitting',   'DC',   '-YYN?-N-YYN?NNyyNyNyNy'),
  ('splitting',   'DM',   '-YYN?-NY-YN?NNyyNyNyNy'),
  ('splitting',   'DR',   '-YYN?-NYY-N?NNyyNyNyNy'),
  ('splitting',   'SFFR', '-YNN?-NNNN-?NNyyNyNyNy'),
  ('splitting',   'MWD',  '?????-?????-??NNNNNNNN'),
  ('splitting',   'LCM',  '-yNN?-NNNNN?-NNNNNNNNN'),
  ('splitting',   'DFS',  '-YNN?-NNNNN?N-YYYYYYYY'),
  ('splitting',   'PR',   '-yyyy-yyyyyNNY--------'),
  ('splitting',   'SU',   '-yyyy-nyyyyNNY--------'),
  ('splitting',   'OUrt', '-nNNN-NNNNNNNY--------'),
  ('splitting',   'OUwa', '-yyyy-nyyyyNNY--------'),
  ('splitting',   'SArt', '-nNNN-NNNNNNNY--------'),
  ('splitting',   'SAda', '-yyyy-nyyyyNNY--------'),
  ('splitting',   'VArt', '-nNNN-NNNNNNNY--------'),
  ('splitting',   'VAda', '-yyyy-nyyyyNNY--------'),
  ('jumping',     'CM',   '----------------------'),
  ('jumping',     'WM',   '--YY?-YYYYY?YYYYyYYYYY'),
  ('jumping',     'BM',   '-Y-Y?-YYYYY?NNYYnYYYYY'),
  ('jumping',     'BR',   '-YY-?-YYYYY?NNYYnYYYYY'),
  ('jumping',     'QR',   '-???--??????NNYYnYYYYY'),
  ('jumping',     'SR',   '----------------------'),
  ('jumping',     'STOR', '-YYY?--YYYY?YNYYnYYYYY'),
  ('jumping',     'DC',   '-YYY?-Y-YYY?YNYYnYYYYY'),
  ('jumping',     'DM',   '-YYY?-YY-YY?YNYYnYYYYY'),
  ('jumping',     'DR',   '-YYY?-YYY-Y?YNYYnYYYYY'),
  ('jumping',     'SFFR', '-YYY?-YYYY-?YNYYnYYYYY'),
  ('jumping',     'MWD',  '-????-?????-??YYnnYYYY'),
  ('jumping',     'LCM',  '-YNNN-YYYYY?-NYYnYYYYY'),
  ('jumping',     'DFS',  '-YNNN-NNNNN?N-YYYYYYYY'),
  ('jumping',     'PR',   '-YYYY-YYYYYYYY-YYYYYYY'),
  ('jumping',     'SU',   '-YYYY-YYYYYYYYY-YYYYYY'),
  ('jumping',     'OUrt', '-ynnn-nnnnnnnYYY--YYYY'),
  ('jumping',     'OUwa', '-YYYY-YYYYYnYYYY--YYYY'),
  ('jumping',     'SArt', '-YYYY-YYYYYYYYYYYY-YYY'),
  ('jumping',     'SAda', '-YYYY-YYYYYYYYYYYYY-YY'),
  ('jumping',     'VArt', '-YYYY-YYYYYYYYYYYYYY-Y'),
  ('jumping',     'VAda', '-YYYY-YYYYYYYYYYYYYYY-')
)
INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict)
SELECT r.id, p.service_a, c.code, p.mode,
       CASE substr(p.verdicts, c.place::integer, 1)
         WHEN 'Y' THEN 'explicit_yes' WHEN 'y' THEN 'implicit_yes'
         WHEN 'N' THEN 'explicit_no'  WHEN 'n' THEN 'implicit_no'
         WHEN '?' THEN 'no_data'      WHEN '-' THEN 'not_applicable' END
FROM header h, published p, unnest(h.codes) WITH ORDINALITY AS c (code, place), ruleset r
WHERE r.code = 'ena-2025-01'
ORDER BY p.mode, p.service_a, c.place;

INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, buyer_kind_b, meaning, reason)
SELECT r.id, i.* FROM ruleset r, (VALUES
  ('co_delivery', 'no_data', NULL, NULL, 'no',
   'only the Capacity Market lets the same megawatt be sold twice: without data it is taken not to be allowed'),
  ('co_delivery', 'not_applicable', 'dso', 'dso', 'no', 'one service of a distribution operator at one place'),
  ('splitting', 'not_applicable', 'dso', 'dso', 'no', 'one service of a distribution operator at one place'),
  ('splitting', 'not_applicable', 'capacity_market', NULL, 'not_tested', 'the Capacity Market takes the whole asset'),
  ('jumping', 'not_applicable', 'capacity_market', NULL, 'not_tested', 'a Capacity Market obligation runs day and night')
) AS i (mode, verdict, buyer_kind_a, buyer_kind_b, meaning, reason)
WHERE r.code = 'ena-2025-01';

-- Said to be workable in theory by the market facilitator in 2025, so carried as
-- a warning and not as a ban.
UPDATE stacking_rule s
SET severity = 'advisory',
    reason = 'a service of a distribution operator is no Relevant Balancing Service, so a Capacity Market notice could be missed'
FROM service a, service b
WHERE a.code = s.service_a AND b.code = s.service_b AND s.mode = 'co_delivery'
  AND 'capacity_market' IN (a.buyer_kind, b.buyer_kind) AND 'dso' IN (a.buyer_kind, b.buyer_kind);

-- Reasons for the commonest noes, for those who read a rationale.
UPDATE stacking_rule s SET reason = w.reason
FROM (VALUES
  ('co_delivery', ARRAY['BM','BR','STOR','DC','DM','DR','SFFR'], ARRAY['BM','BR','STOR','DC','DM','DR','SFFR'],
   'the system operator does not buy one megawatt of a unit twice'),
  ('co_delivery', ARRAY['LCM'], ARRAY['QR','STOR','DC','DM','DR','SFFR','MWD','DFS','PR','SU','OUrt','OUwa','SArt','SAda','VArt','VAda'],
   'the Local Constraint Market allows no other service in periods that are offered to it'),
  ('splitting', ARRAY['BM','BR','QR','STOR','DC','DM','DR','SFFR'], ARRAY['OUrt','SArt','VArt'],
   'a use in real time spoils the nomination that the other service is measured against'),
  ('splitting', ARRAY['WM'], ARRAY['OUrt','SArt','VArt'], 'a use in real time leaves the seller in imbalance'),
  ('splitting', ARRAY['STOR'], ARRAY['SU','OUwa','SAda','VAda'], 'STOR needs the whole window'),
  ('splitting', ARRAY['SFFR'], ARRAY['BM','BR','STOR','DC','DM','DR'], 'not allowed until the lasting static service is designed'),
  ('jumping', ARRAY['DFS'], ARRAY['BM','BR','QR','STOR','DC','DM','DR','SFFR'],
   'the Demand Flexibility Service is not combined with response and reserve'),
  ('jumping', ARRAY['BR','QR','STOR','DC','DM','DR','SFFR','LCM'], ARRAY['OUrt'], 'the provider does not know when it will be called'),
  ('jumping', ARRAY['BM'], ARRAY['OUrt'], 'actions in real time may overlap'),
  ('jumping', ARRAY['LCM'], ARRAY['BM','BR','QR'], 'who takes part in the Local Constraint Market may not act as a balancing mechanism unit')
) AS w (mode, ours, theirs, reason)
WHERE s.mode = w.mode AND s.verdict IN ('explicit_no', 'implicit_no')
  AND ((s.service_a = ANY (w.ours) AND s.service_b = ANY (w.theirs)) OR (s.service_b = ANY (w.ours) AND s.service_a = ANY (w.theirs)));

-- Who prevails: the four cases of the market facilitator's working group on market
-- coordination (2025), each with the rule that its cost-benefit analysis came to.
-- What protects a limit comes before what uses spare room.
INSERT INTO primacy_rule (ruleset_id, case_code, dso_purpose, dso_direction, prevails, reason, source)
SELECT r.id, v.*, 'Market Facilitator, market coordination working group, 2025, conflict cases'
FROM ruleset r, (VALUES
  ('1', 'hold_limit',   'down', 'dso',  'into a constraint: negative flexibility holds a thermal limit that the system operator''s action would break'),
  ('4', 'hold_limit',   'up',   'dso',  'into a constraint: positive flexibility holds a thermal limit that the system operator''s action would break'),
  ('2', 'use_headroom', 'up',   'neso', 'out of a constraint: positive flexibility would fill the headroom that the system operator''s action has made'),
  ('3', 'use_headroom', 'down', 'neso', 'out of a constraint: negative flexibility would fill the headroom that the system operator''s action has made')
) AS v
WHERE r.code = 'ena-2025-01';

UPDATE ruleset SET status = 'in_force' WHERE code = 'ena-2025-01';

-- the first session to compile them plans well, before autovacuum comes round
ANALYZE service, ruleset, stacking_rule, stacking_interpretation;
