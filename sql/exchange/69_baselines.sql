-- archetype: medium
-- Baselines: by which methods delivery is measured, and what they need beside readings.
--
-- baseline_method      a family of methods, each a named and versioned row of parameters
-- holiday              days that count as Sundays do
-- reference_profile    what a device of a kind uses, half-hour by half-hour
-- baseline_nomination  what a provider says that a unit will do
--
-- What is not confirmed of a method stands in its row as such: it is data, and whoever knows better writes a version.

CREATE TABLE baseline_method (
  code                text NOT NULL,
  version             integer NOT NULL DEFAULT 1,
  name                text NOT NULL,
  kind                text NOT NULL,
  step_seconds        integer NOT NULL DEFAULT 1800,
  look_back_days      integer NOT NULL DEFAULT 60,
  day_types           text NOT NULL DEFAULT 'working',
  holidays            text NOT NULL DEFAULT 'non_working',
  clock_change_days   boolean NOT NULL DEFAULT false,
  working_sample      integer NOT NULL DEFAULT 10,
  working_chosen      integer NOT NULL DEFAULT 10,
  non_working_sample  integer NOT NULL DEFAULT 4,
  non_working_chosen  integer NOT NULL DEFAULT 4,
  event_day_fallback  boolean NOT NULL DEFAULT false,
  minimum_days        integer NOT NULL DEFAULT 1,
  completeness        numeric(4,3) NOT NULL DEFAULT 1,
  ranking             text NOT NULL DEFAULT 'recent',
  ranked_over         text NOT NULL DEFAULT 'event',
  weights             integer[],
  smoothing           numeric(4,3),
  adjustment          text NOT NULL DEFAULT 'none',
  before_gap_seconds  integer NOT NULL DEFAULT 0,
  before_seconds      integer NOT NULL DEFAULT 0,
  after_gap_seconds   integer NOT NULL DEFAULT 0,
  after_seconds       integer NOT NULL DEFAULT 0,
  direction           text NOT NULL DEFAULT 'both',
  cap                 numeric(6,3),
  profile_code        text,
  source              text NOT NULL,
  unconfirmed         text[] NOT NULL DEFAULT '{}',
  confirmed           boolean GENERATED ALWAYS AS (cardinality(unconfirmed) = 0) STORED,
  CONSTRAINT baseline_method_once PRIMARY KEY (code, version),
  CONSTRAINT baseline_method_code_is_short CHECK (check_text(code, 'baseline_method.code', 64)),
  CONSTRAINT baseline_method_kind_is_known CHECK (check_code(kind, 'baseline_method.kind', 'history', 'meter', 'nominated', 'fixed_profile', 'asset_capacity', 'zero')),
  CONSTRAINT baseline_method_step_divides_an_hour CHECK (
    check_given(step_seconds >= 1 AND 3600 % greatest(step_seconds, 1) = 0, 'baseline_method.step_seconds, as a part of an hour', 'For example 900 or 1800.')),
  CONSTRAINT baseline_method_looks_back_a_year_at_most CHECK (check_given(look_back_days BETWEEN 1 AND 366, 'baseline_method.look_back_days from 1 to 366', 'For example 60.')),
  CONSTRAINT baseline_method_day_types_are_known CHECK (check_code(day_types, 'baseline_method.day_types', 'working', 'all')),
  CONSTRAINT baseline_method_holidays_are_known CHECK (check_code(holidays, 'baseline_method.holidays', 'non_working', 'excluded', 'ordinary')),
  CONSTRAINT baseline_method_sample_is_within_look_back CHECK (
    check_given(working_chosen >= 1 AND working_chosen <= working_sample AND working_sample <= look_back_days, 'baseline_method.working_sample and working_chosen within look_back_days', 'For example 10 and 8 of 60.')),
  CONSTRAINT baseline_method_other_sample_is_within_look_back CHECK (
    check_given(non_working_chosen >= 1 AND non_working_chosen <= non_working_sample AND non_working_sample <= look_back_days, 'baseline_method.non_working_sample and non_working_chosen within look_back_days', 'For example 4 and 4 of 60.')),
  CONSTRAINT baseline_method_minimum_is_positive CHECK (check_positive(minimum_days, 'baseline_method.minimum_days')),
  CONSTRAINT baseline_method_completeness_is_a_share CHECK (check_given(completeness BETWEEN 0 AND 1, 'baseline_method.completeness from 0 to 1', '1 takes no day with a gap.')),
  CONSTRAINT baseline_method_ranking_is_known CHECK (check_code(ranking, 'baseline_method.ranking', 'recent', 'highest', 'lowest', 'middle')),
  CONSTRAINT baseline_method_basis_is_known CHECK (check_code(ranked_over, 'baseline_method.ranked_over', 'event', 'day')),
  CONSTRAINT baseline_method_smoothing_is_a_share CHECK (check_given(smoothing > 0 AND smoothing <= 1, 'baseline_method.smoothing above 0 and up to 1', '0.1 moves a tenth of the way each day.')),
  CONSTRAINT baseline_method_smooths_or_ranks CHECK (
    check_given(smoothing IS NULL OR weights IS NULL AND ranking = 'recent', 'baseline_method.smoothing without weights, ranked by recent,', 'It goes from day to day.')),
  CONSTRAINT baseline_method_adjustment_is_known CHECK (check_code(adjustment, 'baseline_method.adjustment', 'none', 'additive', 'scalar')),
  CONSTRAINT baseline_method_windows_not_negative CHECK (
    check_given(least(before_gap_seconds, before_seconds, after_gap_seconds, after_seconds) >= 0, 'baseline_method windows of zero seconds or more', 'They are lengths and distances.')),
  CONSTRAINT baseline_method_window_is_given CHECK (
    check_given(adjustment = 'none' AND kind <> 'meter' OR before_seconds + after_seconds > 0, 'baseline_method.before_seconds or after_seconds', 'Say which hours around the event are looked at.')),
  CONSTRAINT baseline_method_meter_has_no_adjustment CHECK (check_given(kind = 'history' OR adjustment = 'none', 'baseline_method.adjustment none, of any kind but history,', 'Nothing is adjusted that is not a mean of days.')),
  CONSTRAINT baseline_method_direction_is_known CHECK (check_code(direction, 'baseline_method.direction', 'both', 'up', 'down')),
  CONSTRAINT baseline_method_cap_not_negative CHECK (check_not_negative(cap, 'baseline_method.cap')),
  CONSTRAINT baseline_method_profile_is_given CHECK (check_given((kind = 'fixed_profile') = (profile_code IS NOT NULL), 'baseline_method.profile_code, with fixed_profile alone,', 'Name a profile of reference_profile.'))
);
COMMENT ON TABLE baseline_method IS 'methods by which a baseline is computed, each a row of parameters; a version that is changed is another version';
COMMENT ON COLUMN baseline_method.code IS 'what markets call it by';
COMMENT ON COLUMN baseline_method.version IS 'version, from 1; who names none gets the last';
COMMENT ON COLUMN baseline_method.name IS 'name';
COMMENT ON COLUMN baseline_method.kind IS 'history (the same steps of earlier days), meter (readings around the event), nominated (by the provider), fixed_profile (of a device, times their number), asset_capacity or zero';
COMMENT ON COLUMN baseline_method.step_seconds IS 'length of a step, seconds';
COMMENT ON COLUMN baseline_method.look_back_days IS 'how many calendar days before the event are looked at';
COMMENT ON COLUMN baseline_method.day_types IS 'working: working days are compared with working days and others with others; all: any day with any';
COMMENT ON COLUMN baseline_method.holidays IS 'holidays count as non_working, are excluded, or are ordinary days of the week';
COMMENT ON COLUMN baseline_method.clock_change_days IS 'whether days on which clocks change count';
COMMENT ON COLUMN baseline_method.working_sample IS 'how many eligible days an event on a working day looks for';
COMMENT ON COLUMN baseline_method.working_chosen IS 'and how many of them are averaged';
COMMENT ON COLUMN baseline_method.non_working_sample IS 'how many eligible days an event on a non-working day looks for';
COMMENT ON COLUMN baseline_method.non_working_chosen IS 'and how many of them are averaged';
COMMENT ON COLUMN baseline_method.event_day_fallback IS 'whether event days count where there are too few others';
COMMENT ON COLUMN baseline_method.minimum_days IS 'with fewer days there is no baseline';
COMMENT ON COLUMN baseline_method.completeness IS 'which share of the steps of a day must have been read; those of the event and of the windows must all have been';
COMMENT ON COLUMN baseline_method.ranking IS 'which of the eligible days are averaged: the most recent, those of highest or lowest energy, or the middle ones';
COMMENT ON COLUMN baseline_method.ranked_over IS 'by the energy of the steps of the event, or of the whole day';
COMMENT ON COLUMN baseline_method.weights IS 'weight of each day that is averaged, in the order of the ranking; NULL: all alike';
COMMENT ON COLUMN baseline_method.smoothing IS 'in place of a mean: from day to day, oldest first, the level moves by this share of the difference; NULL: a mean';
COMMENT ON COLUMN baseline_method.adjustment IS 'by the meter of the day itself: none, additive (one shift for every step) or scalar (one factor)';
COMMENT ON COLUMN baseline_method.before_gap_seconds IS 'how long before the event the window before it ends, seconds';
COMMENT ON COLUMN baseline_method.before_seconds IS 'length of the window before the event, seconds; 0: none';
COMMENT ON COLUMN baseline_method.after_gap_seconds IS 'how long after the event the window after it begins, seconds';
COMMENT ON COLUMN baseline_method.after_seconds IS 'length of the window after the event, seconds; 0: none';
COMMENT ON COLUMN baseline_method.direction IS 'whether the adjustment goes both ways, only up or only down';
COMMENT ON COLUMN baseline_method.cap IS 'how far it goes at most, as a share of the mean of the days in the windows: 0.2 is 20 per cent; NULL: any distance';
COMMENT ON COLUMN baseline_method.profile_code IS 'of fixed_profile, which: code of reference_profile';
COMMENT ON COLUMN baseline_method.source IS 'where the method is described';
COMMENT ON COLUMN baseline_method.unconfirmed IS 'parameters of which no source was found, or whose sources differ';
COMMENT ON COLUMN baseline_method.confirmed IS 'true when there are none of those';
COMMENT ON CONSTRAINT baseline_method_once ON baseline_method IS 'a version of a method is one row';

CREATE TABLE holiday (
  day  date PRIMARY KEY,
  name text
);
COMMENT ON TABLE holiday IS 'public holidays, which methods treat as they say; none are given at first';
COMMENT ON COLUMN holiday.day IS 'the day';
COMMENT ON COLUMN holiday.name IS 'name';

CREATE TABLE reference_profile (
  code     text NOT NULL,
  day_type text NOT NULL,
  at_time  time NOT NULL,
  kwh      numeric(14,4) NOT NULL,
  CONSTRAINT reference_profile_once PRIMARY KEY (code, day_type, at_time),
  CONSTRAINT reference_profile_day_type_is_known CHECK (check_code(day_type, 'reference_profile.day_type', 'working', 'non_working'))
);
COMMENT ON TABLE reference_profile IS 'what one device uses in each step of a day, for baselines of devices that have no meter of their own';
COMMENT ON COLUMN reference_profile.code IS 'what it is called by';
COMMENT ON COLUMN reference_profile.day_type IS 'working or non_working';
COMMENT ON COLUMN reference_profile.at_time IS 'local time at which the step starts';
COMMENT ON COLUMN reference_profile.kwh IS 'energy of one device in the step, kWh';
COMMENT ON CONSTRAINT reference_profile_once ON reference_profile IS 'a profile says a step of a day once';

CREATE TABLE baseline_nomination (
  id                  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  product_id          bigint NOT NULL REFERENCES product,
  service_provider_id bigint NOT NULL REFERENCES participant,
  asset_id            bigint REFERENCES asset,
  portfolio_id        bigint REFERENCES portfolio,
  unit_id             bigint GENERATED ALWAYS AS (coalesce(asset_id, portfolio_id)) STORED,
  starts_at           timestamptz NOT NULL,
  kwh                 numeric(14,4) NOT NULL,
  nominated_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT baseline_nomination_is_of_one_unit CHECK (check_one(num_nonnulls(asset_id, portfolio_id), 'baseline_nomination.asset_id and portfolio_id')),
  CONSTRAINT baseline_nomination_once UNIQUE (unit_id, product_id, starts_at)
);
-- what a buyer reads
CREATE INDEX baseline_nomination_product_id_idx ON baseline_nomination (product_id, starts_at);
COMMENT ON TABLE baseline_nomination IS 'what a provider says that a unit will use or give in a step, until the gate of its product''s market closes (market_gate, stage baseline)';
COMMENT ON COLUMN baseline_nomination.id IS 'surrogate key';
COMMENT ON COLUMN baseline_nomination.product_id IS 'the product that it is nominated for';
COMMENT ON COLUMN baseline_nomination.service_provider_id IS 'who nominates';
COMMENT ON COLUMN baseline_nomination.asset_id IS 'the asset, when it is one';
COMMENT ON COLUMN baseline_nomination.portfolio_id IS 'the portfolio, when it is one';
COMMENT ON COLUMN baseline_nomination.unit_id IS 'whichever of the two';
COMMENT ON COLUMN baseline_nomination.starts_at IS 'start of the step';
COMMENT ON COLUMN baseline_nomination.kwh IS 'energy in the step, kWh, in the flow that the product is metered in';
COMMENT ON COLUMN baseline_nomination.nominated_at IS 'when it was nominated, in this form';
COMMENT ON CONSTRAINT baseline_nomination_once ON baseline_nomination IS 'a unit has one nomination of a step for a product';
COMMENT ON INDEX baseline_nomination_product_id_idx IS 'the nominations for a product';
