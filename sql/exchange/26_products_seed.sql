-- archetype: thin
-- The 22 services of Great Britain, as the industry's stacking rules name them.
--
-- Source: Revenue Stacking Assessment Tool V1.0, ENA Open Networks, January
-- 2025, as re-keyed publicly in GitHub mikefsway/stacking (commit fe69276).

INSERT INTO service (code, name, buyer_kind, source)
SELECT v.*, 'ENA Open Networks, Revenue Stacking Assessment Tool V1.0, January 2025'
FROM (VALUES
  ('CM', 'Capacity Market', 'capacity_market'),
  ('WM', 'Wholesale Market', 'wholesale'),
  ('BM', 'Balancing Mechanism', 'neso'),
  ('BR', 'Balancing Reserve', 'neso'),
  ('QR', 'Quick Reserve', 'neso'),
  ('SR', 'Slow Reserve', 'neso'),
  ('STOR', 'Short Term Operating Reserve', 'neso'),
  ('DC', 'Dynamic Containment', 'neso'),
  ('DM', 'Dynamic Moderation', 'neso'),
  ('DR', 'Dynamic Regulation', 'neso'),
  ('SFFR', 'Static Firm Frequency Response', 'neso'),
  ('MWD', 'MW Dispatch', 'neso'),
  ('LCM', 'Local Constraint Market', 'neso'),
  ('DFS', 'Demand Flexibility Service', 'neso'),
  ('PR', 'Peak Reduction', 'dso'),
  ('SU', 'Scheduled Utilisation', 'dso'),
  ('OUrt', 'Operational Utilisation (2 and 15 minutes)', 'dso'),
  ('OUwa', 'Operational Utilisation (week ahead)', 'dso'),
  ('SArt', 'Scheduled Availability + Operational Utilisation (2 minutes)', 'dso'),
  ('SAda', 'Scheduled Availability + Operational Utilisation (day ahead)', 'dso'),
  ('VArt', 'Variable Availability + Operational Utilisation (2 and 15 minutes)', 'dso'),
  ('VAda', 'Variable Availability + Operational Utilisation (day ahead and week ahead)', 'dso')
) AS v (code, name, buyer_kind);
