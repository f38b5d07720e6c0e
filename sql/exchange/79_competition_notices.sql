-- archetype: medium
-- What is told may be about a competition.

ALTER TABLE notification
  ADD competition_id bigint REFERENCES competition,
  DROP CONSTRAINT notification_event_is_known,
  ADD CONSTRAINT notification_event_is_known CHECK (
    check_code(event, 'notification.event', 'conflict_found', 'conflict_changed', 'conflict_closed', 'hold_resolved', 'risk_new', 'risk_changed', 'risk_gone', 'qualification_requested', 'qualification_decided', 'qualification_changed', 'qualification_suspended', 'qualification_reinstated', 'qualification_evidence_refused', 'switch_requested', 'switch_withdrawn',
               'competition_awarded', 'competition_challenged', 'competition_closed', 'competition_final', 'competition_cancelled')),
  DROP CONSTRAINT notification_is_of_one,
  ADD CONSTRAINT notification_is_of_one CHECK (
    check_one(num_nonnulls(conflict_id, risk_id, qualification_id, operator_switch_id, competition_id), 'notification.conflict_id, risk_id, qualification_id, operator_switch_id and competition_id'));
CREATE INDEX notification_competition_id_idx ON notification (competition_id) WHERE competition_id IS NOT NULL;
COMMENT ON COLUMN notification.event IS 'conflict_found, conflict_changed, conflict_closed or hold_resolved; risk_new, risk_changed or risk_gone; qualification_requested, qualification_decided, qualification_changed (what the unit lacks), qualification_suspended, qualification_reinstated or qualification_evidence_refused (a test that had been accepted); switch_requested or switch_withdrawn; competition_awarded, competition_challenged, competition_closed (a challenge was upheld, and it is cleared anew), competition_final or competition_cancelled';
COMMENT ON COLUMN notification.competition_id IS 'the competition; NULL when it is about something else';
COMMENT ON CONSTRAINT notification_is_of_one ON notification IS 'about a conflict, a risk, a qualification, a switch or a competition';
COMMENT ON INDEX notification_competition_id_idx IS 'the notifications of a competition';
