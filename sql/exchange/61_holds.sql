-- archetype: medium
-- Holds: trades that wait until it is settled who prevails.

CREATE TABLE hold (
  id                  bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  stage               text NOT NULL,
  trade_id            bigint NOT NULL,
  unit_id             bigint NOT NULL,
  service_provider_id bigint NOT NULL REFERENCES participant,
  market_operator_id  bigint NOT NULL REFERENCES participant,
  concerned_ids       bigint[] NOT NULL,
  conflict_ids        bigint[] NOT NULL,
  former_status       text NOT NULL,
  direction           text NOT NULL,
  power_kw            numeric(14,3) NOT NULL,
  delivery_window     time_window NOT NULL,
  held_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolution          text,
  decided_by          text,
  prevailing_id       bigint REFERENCES participant,
  reason              text,
  resolved_by         text,
  resolved_at         timestamptz,
  CONSTRAINT hold_stage_is_known CHECK (check_code(stage, 'hold.stage', 'bid', 'award', 'availability', 'dispatch')),
  CONSTRAINT hold_resolution_is_known CHECK (check_code(resolution, 'hold.resolution', 'accepted', 'rejected', 'released', 'resubmitted', 'withdrawn')),
  CONSTRAINT hold_decided_by_is_known CHECK (check_code(decided_by, 'hold.decided_by', 'operator', 'agreement', 'exchange', 'seller')),
  CONSTRAINT hold_reason_is_short CHECK (check_text(reason, 'hold.reason', 1000)),
  CONSTRAINT hold_is_resolved_whole CHECK (num_nonnulls(resolution, decided_by, reason, resolved_by, resolved_at) IN (0, 5))
);
-- a trade waits once at a time
CREATE UNIQUE INDEX hold_open_key ON hold (trade_id) WHERE resolved_at IS NULL;
CREATE INDEX hold_open_unit_idx ON hold (unit_id) WHERE resolved_at IS NULL;
CREATE INDEX hold_trade_id_idx ON hold (trade_id);
CREATE INDEX hold_service_provider_id_idx ON hold (service_provider_id);
CREATE INDEX hold_market_operator_id_idx ON hold (market_operator_id);
COMMENT ON TABLE hold IS 'trades that were stored and do not stand yet, because the ruleset holds what conflicts; kept once resolved';
COMMENT ON COLUMN hold.id IS 'surrogate key';
COMMENT ON COLUMN hold.stage IS 'bid, award, availability or dispatch';
COMMENT ON COLUMN hold.trade_id IS 'the trade that waits';
COMMENT ON COLUMN hold.unit_id IS 'its asset or portfolio';
COMMENT ON COLUMN hold.service_provider_id IS 'its seller';
COMMENT ON COLUMN hold.market_operator_id IS 'its buyer';
COMMENT ON COLUMN hold.concerned_ids IS 'the buyers who can agree that it stands: its own, and those of what it conflicts with';
COMMENT ON COLUMN hold.conflict_ids IS 'the findings for which it is held; closed when it left the book';
COMMENT ON COLUMN hold.former_status IS 'the status that it had, and has again when it is let through';
COMMENT ON COLUMN hold.direction IS 'up or down, as held';
COMMENT ON COLUMN hold.power_kw IS 'kW, as held';
COMMENT ON COLUMN hold.delivery_window IS 'the delivery window, as held';
COMMENT ON COLUMN hold.held_at IS 'since when';
COMMENT ON COLUMN hold.resolution IS 'accepted (it stands although it conflicts), rejected, released (it no longer conflicts), resubmitted or withdrawn by its seller; NULL while it waits';
COMMENT ON COLUMN hold.decided_by IS 'operator (of the exchange), agreement (of all buyers concerned), exchange (nothing stood in the way any more) or seller';
COMMENT ON COLUMN hold.prevailing_id IS 'the buyer who prevails, where that was decided';
COMMENT ON COLUMN hold.reason IS 'why it was so resolved';
COMMENT ON COLUMN hold.resolved_by IS 'the role that resolved it';
COMMENT ON COLUMN hold.resolved_at IS 'until when it waited';
COMMENT ON CONSTRAINT hold_is_resolved_whole ON hold IS 'a resolution says what, by whom, why and when';
COMMENT ON INDEX hold_open_key IS 'a trade waits once at a time';
COMMENT ON INDEX hold_open_unit_idx IS 'what waits on a unit';
COMMENT ON INDEX hold_trade_id_idx IS 'the holds of a trade';
COMMENT ON INDEX hold_service_provider_id_idx IS 'the holds of a seller';
COMMENT ON INDEX hold_market_operator_id_idx IS 'the holds of a buyer';

CREATE TABLE hold_agreement (
  hold_id        bigint NOT NULL REFERENCES hold,
  participant_id bigint NOT NULL REFERENCES participant,
  agreed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (hold_id, participant_id)
);
CREATE INDEX hold_agreement_participant_id_idx ON hold_agreement (participant_id);
COMMENT ON TABLE hold_agreement IS 'buyers who agree that a held trade stands';
COMMENT ON COLUMN hold_agreement.hold_id IS 'the hold';
COMMENT ON COLUMN hold_agreement.participant_id IS 'the buyer';
COMMENT ON COLUMN hold_agreement.agreed_at IS 'when it agreed';
COMMENT ON INDEX hold_agreement_participant_id_idx IS 'what a buyer agreed to';
