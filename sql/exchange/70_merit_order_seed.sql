-- archetype: thick
-- Methods of reliability to begin with, and the de-rating factors of the Capacity Market of Great Britain.

INSERT INTO reliability_method (code, name, kind, confirmed, source, note) VALUES
  ('normal', 'Ratios delivered have a mean, a deviation and one correlation', 'normal', false, 'this exchange',
   'look-back, least events and prior are assumptions: make a version of your own once there are deliveries to compare with'),
  ('on_off', 'A unit delivers or does not, independently of others', 'on_off', false, 'this exchange',
   'not for units that fail together, for example by weather or by one link: it takes no correlation'),
  ('bonferroni', 'Nothing is known of dependence: the doubt is split evenly over the units', 'bonferroni', false, 'this exchange',
   'safe and dear: each unit must be almost certain by itself');

INSERT INTO derating_factor (class, delivery_year, auction, factor, source, confirmed)
SELECT v.class, f.delivery_year, 'T-4', f.factor, 'Capacity Market registers, delivery years 2026/27 to 2029/30', true
FROM (VALUES
  ('DSR', '{0.7145,0.7902,0.7987,0.8558}'),
  ('Storage 0.5 h', '{0.0595,0.0387,0.0530,0.0557}'),
  ('Storage 1 h', '{0.1181,0.0774,0.1047,0.1099}'),
  ('Storage 2 h', '{0.2363,0.1539,0.2094,0.2198}'),
  ('Storage 4 h', '{0.4586,0.3078,0.4174,0.4396}'),
  ('Storage 6 h', '{0.5897,0.4580,0.6267,0.6608}'),
  ('Storage 8 h', '{0.7088,0.6036,0.8347,0.8777}'),
  ('Storage 10 h', '{0.9525,0.9437,0.9299,0.9216}'),
  ('OCGT and reciprocating', '{0.9518,0.9435,0.9349,0.9296}'),
  ('CCGT', '{0.9134,0.9159,0.9095,0.9079}'),
  ('Onshore wind', '{0.0674,0.0703,0.0664,0.0635}'),
  ('Offshore wind', '{0.0830,0.0869,0.0762,0.0781}'),
  ('Solar', '{0.0498,0.0635,0.0625,0.0596}')) v (class, factors)
CROSS JOIN LATERAL unnest('{2026/27,2027/28,2028/29,2029/30}'::text[], v.factors::numeric[]) AS f (delivery_year, factor);
