-- A competition has a life; those of 0.1 had gates alone, by which advance_competitions() takes them on.
ALTER TABLE competition ADD COLUMN status text NOT NULL DEFAULT 'announced';
ALTER TABLE competition ADD CONSTRAINT competition_status_is_known CHECK (
  check_code(status, 'competition.status', 'announced', 'open', 'closed', 'cleared', 'awarded', 'challenged', 'final', 'cancelled'));
COMMENT ON COLUMN competition.status IS 'announced, open, closed, cleared, awarded, challenged, final or cancelled, as far as it was taken; view competition_stage says where it is by the clock';
