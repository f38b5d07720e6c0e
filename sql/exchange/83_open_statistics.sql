-- archetype: medium
-- Open statistics: what was bought, at what price, and what was in conflict, by the month, so that
-- nobody learns of one provider from them.

CREATE TABLE open_statistic (
  month        date NOT NULL,
  subject      text NOT NULL,
  market_code  text,
  product_code text,
  hidden       boolean NOT NULL,
  number       bigint,
  mw_h         numeric(20,3),
  mean_availability_price_per_mw_h numeric(14,4),
  mean_utilisation_price_per_mwh   numeric(14,4),
  published_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT open_statistic_once UNIQUE NULLS NOT DISTINCT (month, subject, market_code, product_code),
  CONSTRAINT open_statistic_month_is_first_day CHECK (check_given(extract(day FROM month) = 1, 'open_statistic.month, as its first day', 'Write 2026-11-01.')),
  CONSTRAINT open_statistic_subject_is_known CHECK (check_code(subject, 'open_statistic.subject', 'award', 'dispatch', 'conflict')),
  CONSTRAINT open_statistic_hides_all CHECK (NOT hidden OR num_nonnulls(number, mw_h, mean_availability_price_per_mw_h, mean_utilisation_price_per_mwh) = 0)
);
COMMENT ON TABLE open_statistic IS 'open figures, published once for each month that is over; hidden where they, or what can be worked out from them, would be of fewer providers than exchange_instance.smallest_group';
COMMENT ON COLUMN open_statistic.month IS 'first day of the month in which deliveries began, local';
COMMENT ON COLUMN open_statistic.subject IS 'award, dispatch, or conflict (findings, by the product of the later commitment)';
COMMENT ON COLUMN open_statistic.market_code IS 'the market; NULL: all of them';
COMMENT ON COLUMN open_statistic.product_code IS 'the product; NULL: all of the market';
COMMENT ON COLUMN open_statistic.hidden IS 'true: there are figures, and they are not published';
COMMENT ON COLUMN open_statistic.number IS 'how many';
COMMENT ON COLUMN open_statistic.mw_h IS 'power times duration, MW and hours; NULL of conflicts';
COMMENT ON COLUMN open_statistic.mean_availability_price_per_mw_h IS 'mean price for being available, weighted by mw_h, in the currency of the market; NULL over several markets';
COMMENT ON COLUMN open_statistic.mean_utilisation_price_per_mwh IS 'mean price for delivering, weighted by mw_h, in the currency of the market; NULL over several markets';
COMMENT ON COLUMN open_statistic.published_at IS 'when it was published';
COMMENT ON CONSTRAINT open_statistic_once ON open_statistic IS 'a figure is published once: two versions of it would tell of what came between';
COMMENT ON CONSTRAINT open_statistic_hides_all ON open_statistic IS 'what is hidden has no figures';
