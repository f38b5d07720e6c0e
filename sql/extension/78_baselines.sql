-- Baselines: what units would have used or given without events.

CREATE FUNCTION baselines(
  readings text,
  days text,
  events text,
  event_days text DEFAULT NULL,
  kind text DEFAULT 'history',
  step_seconds integer DEFAULT 1800,
  look_back_days integer DEFAULT 60,
  event_day_fallback boolean DEFAULT false,
  minimum_days integer DEFAULT 1,
  completeness float8 DEFAULT 1,
  ranking text DEFAULT 'recent',
  ranked_over text DEFAULT 'event',
  weights integer[] DEFAULT NULL,
  smoothing float8 DEFAULT NULL,
  adjustment text DEFAULT 'none',
  before_gap_seconds integer DEFAULT 0,
  before_seconds integer DEFAULT 0,
  after_gap_seconds integer DEFAULT 0,
  after_seconds integer DEFAULT 0,
  direction text DEFAULT 'both',
  cap float8 DEFAULT NULL)
  RETURNS TABLE (unit_id bigint, day date, starts_at timestamptz, ends_at timestamptz, status text, baseline float8[], considered date[], verdict text[],
                 adjustment_applied float8, adjustment_measured float8, limited_by text)
  AS 'MODULE_PATHNAME', 'flex_baselines'
  LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION baselines(text, text, text, text, text, integer, integer, boolean, integer, float8, text, text, integer[], float8, text, integer, integer, integer, integer, text, float8) IS
  'the baseline of each event, kWh a step with four decimals, with the days that were looked at and what became of each; runs queries as the caller: readings (unit_id, starts_at, kwh numeric; the rows of a unit together), days (day, starts_at, ends_at, day_type, sample, chosen, excluded: why never looked at), events (unit_id, day, starts_at, ends_at, adjust), event_days (unit_id, day); errors 22023, 22004, 42804';
