-- archetype: thick
-- Open figures of the carbon of dispatch, by market and month, so that nobody learns of one provider from them.

CREATE TABLE open_dispatch_carbon (
  month          date NOT NULL,
  market_code    text NOT NULL,
  method_code    text NOT NULL,
  method_version integer NOT NULL,
  hidden         boolean NOT NULL,
  dispatches     bigint,
  emitted_kg     numeric(20,3),
  displaced_kg   numeric(20,3),
  net_kg         numeric(20,3),
  published_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT open_dispatch_carbon_once PRIMARY KEY (month, market_code),
  CONSTRAINT open_dispatch_carbon_month_is_first_day CHECK (check_given(extract(day FROM month) = 1, 'open_dispatch_carbon.month, as its first day', 'Write 2026-11-01.')),
  CONSTRAINT open_dispatch_carbon_hides_all CHECK (NOT hidden OR num_nonnulls(dispatches, emitted_kg, displaced_kg, net_kg) = 0)
);
COMMENT ON TABLE open_dispatch_carbon IS 'what the dispatches of a market emitted and displaced in a month, by one method; published once, for everybody; hidden where it is, or leaves over, figures of fewer providers than exchange_instance.smallest_group';
COMMENT ON COLUMN open_dispatch_carbon.month IS 'first day of the month in which deliveries began, by the clocks of the market';
COMMENT ON COLUMN open_dispatch_carbon.market_code IS 'the market';
COMMENT ON COLUMN open_dispatch_carbon.method_code IS 'the method';
COMMENT ON COLUMN open_dispatch_carbon.method_version IS 'its version';
COMMENT ON COLUMN open_dispatch_carbon.hidden IS 'true: there are figures, and they are not published';
COMMENT ON COLUMN open_dispatch_carbon.dispatches IS 'dispatches of which all is known';
COMMENT ON COLUMN open_dispatch_carbon.emitted_kg IS 'kg CO2 emitted';
COMMENT ON COLUMN open_dispatch_carbon.displaced_kg IS 'kg CO2 displaced';
COMMENT ON COLUMN open_dispatch_carbon.net_kg IS 'the difference, kg CO2; below zero: saved';
COMMENT ON COLUMN open_dispatch_carbon.published_at IS 'when it was published';
COMMENT ON CONSTRAINT open_dispatch_carbon_once ON open_dispatch_carbon IS 'a figure is published once, by one method: two would tell of what lies between';
COMMENT ON CONSTRAINT open_dispatch_carbon_hides_all ON open_dispatch_carbon IS 'what is hidden has no figures';
