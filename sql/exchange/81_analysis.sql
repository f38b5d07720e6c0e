-- archetype: medium
-- Analysis: what was traded, added up by the day.
--
-- bid, award, availability, dispatch --marks--> stale_day --refresh_trade_days()--> trade_day --> view trade_volume
--
-- A day that has changed since it was added up is added up by the view itself, so that the view is right at any time, and
-- fast where refresh_days() is run now and then.  Until a gate closes only the bidder knows of its bid: sealed bids are not
-- added up, and their marks are seen when the gate has closed.

CREATE TABLE trade_day (
  subject             text COLLATE "C" NOT NULL,
  day                 date NOT NULL,
  product_id          bigint NOT NULL,
  service_provider_id bigint NOT NULL,
  technology          text,
  area_id             bigint,
  direction           text NOT NULL,
  status              text NOT NULL,
  in_competition      boolean NOT NULL DEFAULT false,
  trades              bigint NOT NULL,
  mw_h                numeric NOT NULL,
  availability_value  numeric NOT NULL,
  availability_mw_h   numeric NOT NULL,
  utilisation_value   numeric NOT NULL,
  utilisation_mw_h    numeric NOT NULL
);
CREATE INDEX trade_day_day_idx ON trade_day (subject, day);
CREATE INDEX trade_day_service_provider_id_idx ON trade_day (service_provider_id, day);
CREATE INDEX trade_day_product_id_idx ON trade_day (product_id, day);
COMMENT ON TABLE trade_day IS 'bids whose gate has closed, awards, availability and dispatches added up by the local day, kept by refresh_trade_days(); view trade_volume has them as they are now';
COMMENT ON COLUMN trade_day.subject IS 'bid, award, availability or dispatch';
COMMENT ON COLUMN trade_day.day IS 'the local day on which delivery begins';
COMMENT ON COLUMN trade_day.product_id IS 'what is sold';
COMMENT ON COLUMN trade_day.service_provider_id IS 'who sells';
COMMENT ON COLUMN trade_day.technology IS 'technology of the unit, as registered';
COMMENT ON COLUMN trade_day.area_id IS 'where the unit is connected';
COMMENT ON COLUMN trade_day.direction IS 'up or down';
COMMENT ON COLUMN trade_day.status IS 'the status of the trades';
COMMENT ON COLUMN trade_day.in_competition IS 'true of bids that took part in one: these alone the buyer reads';
COMMENT ON COLUMN trade_day.trades IS 'how many';
COMMENT ON COLUMN trade_day.mw_h IS 'power times duration, MW and hours; of those that end';
COMMENT ON COLUMN trade_day.availability_value IS 'price for being available times mw_h, in the currency of the market';
COMMENT ON COLUMN trade_day.availability_mw_h IS 'mw_h of those that have such a price';
COMMENT ON COLUMN trade_day.utilisation_value IS 'price for delivering times mw_h, in the currency of the market';
COMMENT ON COLUMN trade_day.utilisation_mw_h IS 'mw_h of those that have such a price';
COMMENT ON INDEX trade_day_day_idx IS 'the days of a subject';
COMMENT ON INDEX trade_day_service_provider_id_idx IS 'what somebody sold';
COMMENT ON INDEX trade_day_product_id_idx IS 'what somebody bought';

-- which trades begin on a day: trades come about in the order of their delivery, and such an index costs next to nothing
CREATE INDEX bid_delivery_starts_idx ON bid USING brin (lower(delivery_window)) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX award_delivery_starts_idx ON award USING brin (lower(delivery_window)) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX availability_delivery_starts_idx ON availability USING brin (lower(delivery_window)) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX dispatch_delivery_starts_idx ON dispatch USING brin (lower(delivery_window)) WITH (pages_per_range = 16, autosummarize = on);
COMMENT ON INDEX bid_delivery_starts_idx IS 'the bids of a day';
COMMENT ON INDEX award_delivery_starts_idx IS 'the awards of a day';
COMMENT ON INDEX availability_delivery_starts_idx IS 'the availability of a day';
COMMENT ON INDEX dispatch_delivery_starts_idx IS 'the dispatches of a day';

-- what there is already is added up the first time
INSERT INTO stale_day (fact, day)
SELECT 'award', (lower(delivery_window) AT TIME ZONE e.time_zone)::date FROM award, exchange_instance e
UNION SELECT 'bid', (lower(delivery_window) AT TIME ZONE e.time_zone)::date FROM bid, exchange_instance e WHERE lower(delivery_window) > '-infinity'
UNION SELECT 'availability', (lower(delivery_window) AT TIME ZONE e.time_zone)::date FROM availability, exchange_instance e
UNION SELECT 'dispatch', (lower(delivery_window) AT TIME ZONE e.time_zone)::date FROM dispatch, exchange_instance e;
