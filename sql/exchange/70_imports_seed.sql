-- archetype: medium
-- Imports: what two distribution operators mean by their product names.
--
-- The first follows from the name.  The other three are a reading of ours, to be
-- changed here when the operator says otherwise: the products of its file of
-- 2024 are described nowhere in the terms of the stacking rules.

INSERT INTO product_alias (source, name, service_code, binds, note) VALUES
  ('DSO dispatch instructions', 'Peak Reduction', 'PR', 'award',
   'certain: the standard service of the same name'),
  ('DSO dispatch instructions', 'Scheduled Availability', 'SAda', 'availability',
   'our reading: availability is bought by the window and used at short notice inside it; day ahead rather than real time is an assumption'),
  ('DSO dispatch instructions', 'Day-Ahead', 'SU', 'award',
   'our reading: utilisation bought a day ahead for a fixed window, without availability'),
  ('DSO dispatch instructions', 'Long-Term Utilisation', 'SU', 'award',
   'our reading: utilisation bought long ahead for fixed windows, without availability'),
  ('DSO flexibility tenders', 'Sustain', 'SU', 'award',
   'our reading: utilisation in fixed windows at a fixed price; the operator''s names of before 2025 map one to one to no standard service'),
  ('DSO flexibility tenders', 'Secure', 'SAda', 'availability',
   'our reading: scheduled availability and utilisation inside it'),
  ('DSO flexibility tenders', 'Dynamic', 'VAda', 'availability',
   'our reading: availability declared nearer to delivery, after a fault');
