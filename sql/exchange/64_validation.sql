-- archetype: medium
-- Validation: what would be found on a trade, asked before it is written.

CREATE TABLE validation_request (
  id                  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  mrid                uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
  requester_id        bigint NOT NULL REFERENCES participant,
  market_operator_id  bigint NOT NULL REFERENCES participant,
  addressed_to        text NOT NULL DEFAULT 'exchange',
  answer_through      text NOT NULL DEFAULT 'exchange',
  stage               text NOT NULL,
  product_id          bigint NOT NULL REFERENCES product,
  service_provider_id bigint NOT NULL REFERENCES participant,
  asset_id            bigint REFERENCES asset,
  portfolio_id        bigint REFERENCES portfolio,
  direction           text NOT NULL,
  power_kw            numeric(14,3) NOT NULL,
  delivery_window     time_window NOT NULL,
  competition_id      bigint REFERENCES competition,
  award_id            bigint REFERENCES award,
  availability_id     bigint REFERENCES availability,
  purpose             text,
  grid_node_id        bigint REFERENCES grid_node,
  requested_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT validation_request_stage_is_known CHECK (check_code(stage, 'validation_request.stage', 'bid', 'dispatch')),
  CONSTRAINT validation_request_addressed_to_is_known CHECK (
    check_code(addressed_to, 'validation_request.addressed_to', 'exchange', 'market_operator', 'both')),
  CONSTRAINT validation_request_answer_through_is_known CHECK (
    check_code(answer_through, 'validation_request.answer_through', 'exchange', 'market_operator'))
);
CREATE INDEX validation_request_requester_id_idx ON validation_request (requester_id);
CREATE INDEX validation_request_market_operator_id_idx ON validation_request (market_operator_id);
COMMENT ON TABLE validation_request IS 'trades that were asked about and not written: by whom, of whom, and how the answer was to go';
COMMENT ON COLUMN validation_request.id IS 'surrogate key';
COMMENT ON COLUMN validation_request.mrid IS 'master resource identifier (IEC CIM), never changed';
COMMENT ON COLUMN validation_request.requester_id IS 'who asks: the seller of a bid, the buyer of a dispatch';
COMMENT ON COLUMN validation_request.market_operator_id IS 'the buyer of the product';
COMMENT ON COLUMN validation_request.addressed_to IS 'exchange, market_operator (the buyer, who may forward it) or both, in parallel';
COMMENT ON COLUMN validation_request.answer_through IS 'exchange (it answers the requester) or market_operator (it answers the buyer, who answers the requester)';
COMMENT ON COLUMN validation_request.stage IS 'bid or dispatch';
COMMENT ON COLUMN validation_request.product_id IS 'of the trade';
COMMENT ON COLUMN validation_request.service_provider_id IS 'the seller';
COMMENT ON COLUMN validation_request.asset_id IS 'the unit, when it is an asset';
COMMENT ON COLUMN validation_request.portfolio_id IS 'the unit, when it is a portfolio';
COMMENT ON COLUMN validation_request.direction IS 'up (more generation or less demand) or down';
COMMENT ON COLUMN validation_request.power_kw IS 'kW, positive';
COMMENT ON COLUMN validation_request.delivery_window IS 'when';
COMMENT ON COLUMN validation_request.competition_id IS 'of a bid: the competition';
COMMENT ON COLUMN validation_request.award_id IS 'of a dispatch: the award that it would use';
COMMENT ON COLUMN validation_request.availability_id IS 'of a dispatch: the availability that it would use';
COMMENT ON COLUMN validation_request.purpose IS 'of a dispatch: what it would be for: hold_limit, use_headroom, system; NULL: not said';
COMMENT ON COLUMN validation_request.grid_node_id IS 'of a dispatch: the network element that it would be for';
COMMENT ON COLUMN validation_request.requested_at IS 'when it was asked';
COMMENT ON INDEX validation_request_requester_id_idx IS 'the requests of a participant';
COMMENT ON INDEX validation_request_market_operator_id_idx IS 'the requests for products of a buyer';

CREATE TABLE validation_leg (
  id                    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  validation_request_id bigint NOT NULL REFERENCES validation_request,
  what                  text NOT NULL,
  sender_id             bigint REFERENCES participant,
  receiver_id           bigint REFERENCES participant,
  verdict               text,
  findings              jsonb,
  remark                text,
  sent_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT validation_leg_what_is_known CHECK (check_code(what, 'validation_leg.what', 'request', 'answer')),
  CONSTRAINT validation_leg_verdict_is_known CHECK (check_code(verdict, 'validation_leg.verdict', 'clear', 'notify', 'hold', 'reject')),
  CONSTRAINT validation_leg_remark_is_short CHECK (check_text(remark, 'validation_leg.remark', 1000)),
  CONSTRAINT validation_leg_answers_say CHECK ((what = 'answer') = (verdict IS NOT NULL AND findings IS NOT NULL))
);
CREATE INDEX validation_leg_validation_request_id_idx ON validation_leg (validation_request_id);
CREATE INDEX validation_leg_receiver_id_idx ON validation_leg (receiver_id);
CREATE INDEX validation_leg_sender_id_idx ON validation_leg (sender_id);
COMMENT ON TABLE validation_leg IS 'the messages of a validation request: from whom to whom, what they said, when';
COMMENT ON COLUMN validation_leg.id IS 'surrogate key; the order of sending';
COMMENT ON COLUMN validation_leg.validation_request_id IS 'the request';
COMMENT ON COLUMN validation_leg.what IS 'request or answer';
COMMENT ON COLUMN validation_leg.sender_id IS 'who sent it; NULL is the exchange';
COMMENT ON COLUMN validation_leg.receiver_id IS 'who got it; NULL is the exchange';
COMMENT ON COLUMN validation_leg.verdict IS 'of an answer: clear, notify (it would stand, and conflict), hold or reject';
COMMENT ON COLUMN validation_leg.findings IS 'of an answer: an array of what would be found, as the receiver may know it';
COMMENT ON COLUMN validation_leg.remark IS 'what a buyer adds';
COMMENT ON COLUMN validation_leg.sent_at IS 'when';
COMMENT ON CONSTRAINT validation_leg_answers_say ON validation_leg IS 'an answer has a verdict and findings, a request neither';
COMMENT ON INDEX validation_leg_validation_request_id_idx IS 'the legs of a request';
COMMENT ON INDEX validation_leg_receiver_id_idx IS 'what a participant was sent';
COMMENT ON INDEX validation_leg_sender_id_idx IS 'what a participant sent';
