-- archetype: medium
-- Dispatch events: when an instruction went from state to state.

CREATE TABLE dispatch_event (
  id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  dispatch_id bigint NOT NULL REFERENCES dispatch ON DELETE CASCADE,
  status      text NOT NULL,
  happened_at timestamptz NOT NULL DEFAULT now(),
  recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX dispatch_event_dispatch_id_idx ON dispatch_event (dispatch_id);
COMMENT ON TABLE dispatch_event IS 'when a dispatch was instructed, acknowledged, stopped and so on, written as its status changes; instructions that another platform recorded have none from before they came';
COMMENT ON COLUMN dispatch_event.id IS 'surrogate key';
COMMENT ON COLUMN dispatch_event.dispatch_id IS 'the dispatch';
COMMENT ON COLUMN dispatch_event.status IS 'the status that it took, as in dispatch';
COMMENT ON COLUMN dispatch_event.happened_at IS 'when it took it';
COMMENT ON COLUMN dispatch_event.recorded_at IS 'when that was written';
COMMENT ON INDEX dispatch_event_dispatch_id_idx IS 'what became of a dispatch';
