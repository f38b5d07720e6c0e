-- archetype: medium
-- Deliveries: of each dispatch and each availability, by settlement period, what was asked for and what came.
--
-- Verification here writes them; so may another platform's be recorded.  A row is never changed: what is said
-- again of a period is another row, and the one before it is superseded.

CREATE TABLE delivery (
  id                  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  dispatch_id         bigint REFERENCES dispatch,
  availability_id     bigint REFERENCES availability,
  trade_id            bigint NOT NULL GENERATED ALWAYS AS (coalesce(dispatch_id, availability_id)) STORED,
  product_id          bigint NOT NULL REFERENCES product,
  service_provider_id bigint NOT NULL REFERENCES participant,
  unit_id             bigint NOT NULL,
  delivery_window     time_window NOT NULL,
  requested_kwh       numeric(18,6) NOT NULL,
  delivered_kwh       numeric(18,6),
  error               numeric(9,6),
  source              text,
  evidence            text,
  recorded_at         timestamptz NOT NULL DEFAULT now(),
  superseded_at       timestamptz,
  CONSTRAINT delivery_is_of_one_trade CHECK (check_one(num_nonnulls(dispatch_id, availability_id), 'delivery.dispatch_id and availability_id')),
  CONSTRAINT delivery_requested_not_negative CHECK (check_not_negative(requested_kwh, 'delivery.requested_kwh')),
  CONSTRAINT delivery_error_not_negative CHECK (check_not_negative(error, 'delivery.error')),
  CONSTRAINT delivery_window_ends CHECK (check_given(isfinite(upper(delivery_window)) AND isfinite(lower(delivery_window)), 'an end of delivery.delivery_window', 'A delivery is known once it is over.')),
  CONSTRAINT delivery_source_is_short CHECK (check_text(source, 'delivery.source', 255)),
  CONSTRAINT delivery_evidence_is_short CHECK (check_text(evidence, 'delivery.evidence', 1000)),
  -- no energy of a trade is counted twice
  CONSTRAINT delivery_period_once EXCLUDE USING gist (resource_window(trade_id, delivery_window) WITH &&) WHERE (superseded_at IS NULL)
);
CREATE INDEX delivery_product_id_idx ON delivery (product_id, lower(delivery_window)) WHERE superseded_at IS NULL;
CREATE INDEX delivery_service_provider_id_idx ON delivery (service_provider_id, lower(delivery_window));
COMMENT ON TABLE delivery IS 'what was asked for and what came, by trade and settlement period; rows are superseded, never changed';
COMMENT ON COLUMN delivery.id IS 'surrogate key';
COMMENT ON COLUMN delivery.dispatch_id IS 'the dispatch that was followed; either this or availability_id';
COMMENT ON COLUMN delivery.availability_id IS 'the availability that was kept';
COMMENT ON COLUMN delivery.trade_id IS 'whichever of the two it is of';
COMMENT ON COLUMN delivery.product_id IS 'product of the trade';
COMMENT ON COLUMN delivery.service_provider_id IS 'who sold it';
COMMENT ON COLUMN delivery.unit_id IS 'unit of the trade: asset or portfolio';
COMMENT ON COLUMN delivery.delivery_window IS 'the settlement period, or the whole trade where it is settled as one; within the window of the trade';
COMMENT ON COLUMN delivery.requested_kwh IS 'asked for (a dispatch) or agreed (availability, power times time), kWh, zero or more; as recorded, where a platform rounds it';
COMMENT ON COLUMN delivery.delivered_kwh IS 'what came in the direction asked for, kWh; below zero when it went the other way; NULL: not known, so that only what is paid by request can be settled';
COMMENT ON COLUMN delivery.error IS 'distance from what was to be delivered, as a share of the contracted power, where performance is judged by that; NULL: it is not';
COMMENT ON COLUMN delivery.source IS 'who found it: the platform or method; NULL: the exchange';
COMMENT ON COLUMN delivery.evidence IS 'what it rests on: readings and their versions, a baseline, a file';
COMMENT ON COLUMN delivery.recorded_at IS 'when it was recorded';
COMMENT ON COLUMN delivery.superseded_at IS 'until when it held; NULL: it holds';
COMMENT ON CONSTRAINT delivery_is_of_one_trade ON delivery IS 'either of a dispatch or of an availability';
COMMENT ON CONSTRAINT delivery_requested_not_negative ON delivery IS 'what is asked for is unsigned: the trade has the direction';
COMMENT ON CONSTRAINT delivery_error_not_negative ON delivery IS 'an error is a distance';
COMMENT ON CONSTRAINT delivery_window_ends ON delivery IS 'a delivery is over';
COMMENT ON CONSTRAINT delivery_source_is_short ON delivery IS 'at most 255 characters';
COMMENT ON CONSTRAINT delivery_evidence_is_short ON delivery IS 'at most 1000 characters';
COMMENT ON CONSTRAINT delivery_period_once ON delivery IS 'what holds of a trade does not overlap: no energy is counted twice';
COMMENT ON INDEX delivery_product_id_idx IS 'what is to be settled of a product in a month';
COMMENT ON INDEX delivery_service_provider_id_idx IS 'the deliveries of a provider';
