-- A competition has a life; those of 0.1 had gates alone, by which advance_competitions() takes them on.
ALTER TABLE competition ADD COLUMN status text NOT NULL DEFAULT 'announced';
ALTER TABLE competition ADD CONSTRAINT competition_status_is_known CHECK (
  check_code(status, 'competition.status', 'announced', 'open', 'closed', 'cleared', 'awarded', 'challenged', 'final', 'cancelled'));
COMMENT ON COLUMN competition.status IS 'announced, open, closed, cleared, awarded, challenged, final or cancelled, as far as it was taken; view competition_stage says where it is by the clock';
ALTER TABLE competition ADD COLUMN source text;
ALTER TABLE competition ADD CONSTRAINT competition_source_is_short CHECK (check_text(source, 'competition.source', 255));
COMMENT ON COLUMN competition.source IS 'the platform that runs it; NULL: this exchange';
-- Buyers announce competitions themselves, as policies of 52_competitions_logic let them.
GRANT INSERT (product_id, name, gate_opens_at, gate_closes_at), UPDATE (name, gate_opens_at, gate_closes_at) ON competition TO flexexchange_participant;
