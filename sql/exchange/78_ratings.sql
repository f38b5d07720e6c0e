-- archetype: thick
-- Ratings: how reliably participants and assets delivered, over all markets, and how that was worked out.
--
-- rating_method --rate()--> rating     a score, with all that it follows from
--
-- A rating is of what was known at an instant, so that it can be worked out again at any later one.

CREATE TABLE rating_method (
  code                text NOT NULL,
  version             integer NOT NULL DEFAULT 1,
  name                text NOT NULL,
  look_back           interval NOT NULL DEFAULT interval '365 days',
  least_events        integer NOT NULL DEFAULT 10,
  weight_delivered    numeric(6,3) NOT NULL DEFAULT 1,
  weight_availability numeric(6,3) NOT NULL DEFAULT 0,
  weight_data         numeric(6,3) NOT NULL DEFAULT 0,
  weight_response     numeric(6,3) NOT NULL DEFAULT 0,
  counts_as_failed    text[] NOT NULL DEFAULT '{refused,lapsed,failed}',
  source              text NOT NULL,
  recorded_at         timestamptz NOT NULL DEFAULT now(),
  counts_withdrawn    text NOT NULL DEFAULT 'none',
  CONSTRAINT rating_method_once PRIMARY KEY (code, version),
  CONSTRAINT rating_method_code_is_short CHECK (check_text(code, 'rating_method.code', 64)),
  CONSTRAINT rating_method_name_is_short CHECK (check_text(name, 'rating_method.name', 255)),
  CONSTRAINT rating_method_version_is_positive CHECK (check_positive(version, 'rating_method.version')),
  CONSTRAINT rating_method_look_back_is_positive CHECK (check_positive(extract(epoch FROM look_back), 'rating_method.look_back, in seconds,')),
  CONSTRAINT rating_method_least_events_is_positive CHECK (check_positive(least_events, 'rating_method.least_events')),
  CONSTRAINT rating_method_weights_not_negative CHECK (
    check_given(least(weight_delivered, weight_availability, weight_data, weight_response) >= 0 AND weight_delivered + weight_availability + weight_data + weight_response > 0, 'a weight above zero, and none below, in rating_method', 'For example 0.7, 0.1, 0.1 and 0.1.')),
  CONSTRAINT rating_method_failures_are_known CHECK (check_codes(counts_as_failed, 'rating_method.counts_as_failed', 'refused', 'lapsed', 'failed', 'cancelled', 'stopped')),
  CONSTRAINT rating_method_withdrawn_is_known CHECK (check_code(counts_withdrawn, 'rating_method.counts_withdrawn', 'none', 'late', 'all')),
  CONSTRAINT rating_method_source_is_short CHECK (check_text(source, 'rating_method.source', 1000))
);
COMMENT ON TABLE rating_method IS 'how ratings are worked out, in versions: what counts, how much, and since when; a method that changes is another version';
COMMENT ON COLUMN rating_method.code IS 'what it is called by';
COMMENT ON COLUMN rating_method.version IS 'version, from 1; who names none gets the last';
COMMENT ON COLUMN rating_method.name IS 'name';
COMMENT ON COLUMN rating_method.look_back IS 'dispatches and availability that began so long before count';
COMMENT ON COLUMN rating_method.least_events IS 'with fewer dispatches there is no score';
COMMENT ON COLUMN rating_method.weight_delivered IS 'weight of what was delivered, of each period no more than was requested, over what was requested';
COMMENT ON COLUMN rating_method.weight_availability IS 'weight of availability delivered over availability agreed';
COMMENT ON COLUMN rating_method.weight_data IS 'weight of the steps that were read over all steps';
COMMENT ON COLUMN rating_method.weight_response IS 'weight of the dispatches that were followed over all that were instructed';
COMMENT ON COLUMN rating_method.counts_as_failed IS 'states of a dispatch in which it was not followed: refused, lapsed, failed, cancelled, stopped';
COMMENT ON COLUMN rating_method.source IS 'who declared it';
COMMENT ON COLUMN rating_method.recorded_at IS 'when it was recorded';
COMMENT ON COLUMN rating_method.counts_withdrawn IS 'which availability that its seller withdrew after it was accepted counts as agreed and not delivered: none, late (later than the terms of the product say) or all';
COMMENT ON CONSTRAINT rating_method_once ON rating_method IS 'a version of a method is one row';
COMMENT ON CONSTRAINT rating_method_weights_not_negative ON rating_method IS 'something counts';

CREATE TABLE rating (
  id                       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  method_code              text NOT NULL,
  method_version           integer NOT NULL,
  as_of                    timestamptz NOT NULL,
  service_provider_id      bigint REFERENCES participant,
  asset_id                 bigint REFERENCES asset,
  score                    numeric(5,2),
  events                   bigint NOT NULL,
  markets                  bigint NOT NULL,
  delivered                numeric(9,6),
  availability             numeric(9,6),
  data                     numeric(9,6),
  response                 numeric(9,6),
  failed_events            bigint NOT NULL,
  requested_kwh            numeric NOT NULL,
  counted_kwh              numeric NOT NULL,
  agreed_availability_kwh  numeric NOT NULL,
  kept_availability_kwh    numeric NOT NULL,
  steps                    bigint NOT NULL,
  steps_missing            bigint NOT NULL,
  rated_at                 timestamptz NOT NULL DEFAULT now(),
  withdrawals              bigint NOT NULL DEFAULT 0,
  withdrawn_kwh            numeric NOT NULL DEFAULT 0,
  CONSTRAINT rating_method_is_known FOREIGN KEY (method_code, method_version) REFERENCES rating_method,
  CONSTRAINT rating_is_of_somebody CHECK (check_given(service_provider_id IS NOT NULL OR asset_id IS NOT NULL, 'rating.service_provider_id or asset_id', 'A rating is of a provider, or of an asset and its operator.')),
  CONSTRAINT rating_once UNIQUE NULLS NOT DISTINCT (method_code, method_version, as_of, service_provider_id, asset_id)
);
CREATE INDEX rating_service_provider_id_idx ON rating (service_provider_id, as_of);
CREATE INDEX rating_asset_id_idx ON rating (asset_id, as_of) WHERE asset_id IS NOT NULL;
COMMENT ON TABLE rating IS 'ratings of providers and of assets, with what they follow from; only added to';
COMMENT ON COLUMN rating.id IS 'surrogate key';
COMMENT ON COLUMN rating.method_code IS 'method';
COMMENT ON COLUMN rating.method_version IS 'its version';
COMMENT ON COLUMN rating.as_of IS 'of what was known then';
COMMENT ON COLUMN rating.service_provider_id IS 'the provider; of an asset who operated it then, NULL: nobody';
COMMENT ON COLUMN rating.asset_id IS 'the asset; NULL: the rating is of the provider';
COMMENT ON COLUMN rating.score IS '0 to 100; NULL: too few events, or nothing that has a weight is known';
COMMENT ON COLUMN rating.events IS 'how many dispatches it rests on';
COMMENT ON COLUMN rating.markets IS 'of how many markets they are';
COMMENT ON COLUMN rating.delivered IS 'counted_kwh over requested_kwh; NULL: nothing is known';
COMMENT ON COLUMN rating.availability IS 'kept_availability_kwh over agreed_availability_kwh and withdrawn_kwh; NULL: there was none';
COMMENT ON COLUMN rating.data IS 'share of the steps that were read; NULL: none was looked at';
COMMENT ON COLUMN rating.response IS 'share of the dispatches that were followed';
COMMENT ON COLUMN rating.failed_events IS 'how many dispatches were not followed';
COMMENT ON COLUMN rating.requested_kwh IS 'requested in periods of which it is known what was delivered, kWh';
COMMENT ON COLUMN rating.counted_kwh IS 'delivered in them, of each from zero to what was requested, kWh';
COMMENT ON COLUMN rating.agreed_availability_kwh IS 'availability agreed, power times time, kWh';
COMMENT ON COLUMN rating.kept_availability_kwh IS 'of it what was delivered, kWh';
COMMENT ON COLUMN rating.steps IS 'steps of meters that were looked at';
COMMENT ON COLUMN rating.steps_missing IS 'of which so many were missing';
COMMENT ON COLUMN rating.rated_at IS 'when it was worked out';
COMMENT ON COLUMN rating.withdrawals IS 'how many accepted availabilities, or parts of one, it withdrew, of those that the method counts';
COMMENT ON COLUMN rating.withdrawn_kwh IS 'these, power times time, kWh';
COMMENT ON CONSTRAINT rating_once ON rating IS 'a method rates somebody as of an instant once';
COMMENT ON CONSTRAINT rating_method_is_known ON rating IS 'a version of a method of this exchange';
COMMENT ON INDEX rating_service_provider_id_idx IS 'the ratings of a provider and of its assets';
COMMENT ON INDEX rating_asset_id_idx IS 'the ratings of an asset';
