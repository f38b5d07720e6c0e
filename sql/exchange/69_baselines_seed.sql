-- archetype: medium
-- The methods that markets use, as far as their sources say; what they do not say is named in unconfirmed.

INSERT INTO baseline_method (code, name, kind, working_sample, working_chosen, non_working_sample, non_working_chosen, event_day_fallback, ranking, adjustment, before_gap_seconds, before_seconds, after_seconds, cap, smoothing, look_back_days, source, unconfirmed)
VALUES
  ('BL01', 'P376, historical with in-day adjustment', 'history', 10, 10, 4, 4, true, 'recent', 'additive', 3600, 10800, 0, NULL, NULL, 60,
   'BSC P376, Baselining Methodology Document, BL01', '{ranking,before_gap_seconds,cap,minimum_days}'),
  ('BL01-UNADJUSTED', 'P376 without in-day adjustment', 'history', 10, 10, 4, 4, true, 'recent', 'none', 0, 0, 0, NULL, NULL, 60,
   'ENA Open Networks, Revenue Stacking Assessment Tool: Demand Flexibility Service', '{ranking,minimum_days}'),
  ('MID-8-OF-10', 'middle 8 of 10', 'history', 10, 8, 4, 4, false, 'middle', 'none', 0, 0, 0, NULL, NULL, 60,
   'ERCOT, middle 8 of 10', '{look_back_days,non_working_sample,non_working_chosen,ranked_over,minimum_days}'),
  ('MID-8-OF-10-ADJUSTED', 'middle 8 of 10 with same-day adjustment', 'history', 10, 8, 4, 4, false, 'middle', 'additive', 0, 7200, 0, NULL, NULL, 60,
   'ENA baselining tool', '{look_back_days,non_working_sample,non_working_chosen,ranked_over,minimum_days,adjustment,before_gap_seconds,before_seconds,cap}'),
  ('HIGH-5-OF-10', 'highest 5 of 10 with in-day factor', 'history', 10, 5, 5, 3, false, 'highest', 'scalar', 0, 7200, 7200, 0.4, NULL, 60,
   'CAISO and PG&E, 5-in-10 residential', '{look_back_days,ranked_over,minimum_days,adjustment,before_gap_seconds,before_seconds,after_gap_seconds,after_seconds,cap,weights}'),
  ('HIGH-5-OF-10-CAP-20', 'highest 5 of 10, factor capped at 20 %', 'history', 10, 5, 5, 3, false, 'highest', 'scalar', 0, 7200, 0, 0.2, NULL, 60,
   'NYISO and ConEdison', '{working_sample,working_chosen,non_working_sample,non_working_chosen,look_back_days,ranked_over,minimum_days,before_gap_seconds,before_seconds,cap}'),
  ('10-OF-10', 'mean of 10 similar days, factor capped at 20 %', 'history', 10, 10, 4, 4, false, 'recent', 'scalar', 0, 7200, 0, 0.2, NULL, 60,
   'CAISO, 10-in-10', '{look_back_days,non_working_sample,non_working_chosen,minimum_days,before_gap_seconds,before_seconds}'),
  ('SMOOTHED', 'level that moves a tenth of the way each day', 'history', 30, 30, 12, 12, false, 'recent', 'none', 0, 0, 0, NULL, 0.1, 60,
   'ISO-NE, before it was replaced', '{look_back_days,working_sample,working_chosen,non_working_sample,non_working_chosen,minimum_days}'),
  ('METER-BEFORE', 'meter before the event', 'meter', 10, 10, 4, 4, false, 'recent', 'none', 0, 1800, 0, NULL, NULL, 60, 'in use; no rule was found', '{before_gap_seconds,before_seconds}'),
  ('METER-AFTER', 'meter after the event', 'meter', 10, 10, 4, 4, false, 'recent', 'none', 0, 0, 1800, NULL, NULL, 60, 'in use; no rule was found', '{after_gap_seconds,after_seconds}'),
  ('NOMINATED', 'nominated by the provider before the gate', 'nominated', 10, 10, 4, 4, false, 'recent', 'none', 0, 0, 0, NULL, NULL, 60, 'SSEN day-ahead markets; Flexibility Market Rules, standard baseline methods, draft 2025', '{}'),
  ('ASSET-CAPACITY', 'installed capacity, flat', 'asset_capacity', 10, 10, 4, 4, false, 'recent', 'none', 0, 0, 0, NULL, NULL, 60, 'help.electron.net; Flexibility Market Rules, standard baseline methods, draft 2025', '{}'),
  ('ZERO', 'zero', 'zero', 10, 10, 4, 4, false, 'recent', 'none', 0, 0, 0, NULL, NULL, 60, 'help.electron.net; Flexibility Market Rules, standard baseline methods, draft 2025', '{}');
