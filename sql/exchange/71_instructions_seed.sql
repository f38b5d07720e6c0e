-- archetype: thick
-- Terms of dispatch that were published.  Numbers of those that are not confirmed are defaults of a template or a draft; what a note calls read here so is not in the document.

INSERT INTO dispatch_terms (code, name, acknowledge_within, silence, needs_read_back, needs_confirmation, may_change, accepted_start_tolerance, least_accepted_span, least_accepted_kw, instruct_ahead, comply_within, time_resolution, confirmed, source, note) VALUES
  ('uk-agreement', 'GB standard agreement, utilisation instruction', '30 minutes', 'lapse', false, false, true, '30 minutes', '30 minutes', 100, NULL, NULL, '1 minute', false, 'Open Networks, Standard Agreement for flexibility services',
   'time to accept, later start, least span and least power are square-bracketed defaults for each buyer to set; instead of the power it may set a share of the requested; what silence means is read here as lapse'),
  ('gb-dispatch-api', 'GB dispatch API, draft', NULL, 'lapse', true, false, false, NULL, NULL, NULL, NULL, NULL, NULL, false, 'Market Facilitator, dispatch API (draft)',
   'read back at once on receipt and after every update, within a time that is not said; a message says with self_dispatched whether it runs at its start or waits for confirmation'),
  ('mw-dispatch-nged', 'MW Dispatch, National Grid Electricity Distribution', '60 seconds', 'lapse', false, false, false, NULL, NULL, NULL, NULL, '2 minutes', NULL, true, 'ENA, stacking tool',
   'open until it is ceased; what silence means is read here as lapse'),
  ('mw-dispatch-ukpn', 'MW Dispatch, UK Power Networks', '60 seconds', 'lapse', false, false, false, NULL, NULL, NULL, NULL, '12 minutes', NULL, true, 'ENA, stacking tool',
   'open until it is ceased; what silence means is read here as lapse'),
  ('local-constraint-market', 'Local Constraint Market', '60 minutes', 'lapse', false, false, false, NULL, NULL, NULL, NULL, NULL, NULL, true, 'Piclo, Local Constraint Market (article 304)',
   'accepted within 60 minutes of the e-mail; what silence means is read here as lapse'),
  ('award-is-instruction', 'The award is the instruction (DFS, Peak Reduction, Scheduled Utilisation)', NULL, 'acceptance', false, false, false, NULL, NULL, NULL, NULL, NULL, NULL, true, 'ENA, stacking tool', NULL),
  ('flexible-power', 'Flexible Power API', NULL, 'acceptance', false, false, false, NULL, NULL, NULL, '15 minutes', NULL, '1 minute', true, 'flexiblepower.co.uk',
   'start, stop and emergency stop go both ways; no time for an answer is given')
ON CONFLICT DO NOTHING;
