-- archetype: medium
-- What is told may be about a qualification.

ALTER TABLE notification
  ADD qualification_id bigint REFERENCES qualification,
  DROP CONSTRAINT notification_event_is_known,
  ADD CONSTRAINT notification_event_is_known CHECK (
    check_code(event, 'notification.event', 'conflict_found', 'conflict_changed', 'conflict_closed', 'hold_resolved', 'risk_new', 'risk_changed', 'risk_gone',
               'qualification_requested', 'qualification_decided', 'qualification_changed', 'qualification_suspended', 'qualification_reinstated', 'qualification_evidence_refused')),
  DROP CONSTRAINT notification_is_of_one,
  ADD CONSTRAINT notification_is_of_one CHECK (
    check_one(num_nonnulls(conflict_id, risk_id, qualification_id), 'notification.conflict_id, risk_id and qualification_id'));
CREATE INDEX notification_qualification_id_idx ON notification (qualification_id) WHERE qualification_id IS NOT NULL;
COMMENT ON COLUMN notification.event IS 'conflict_found, conflict_changed, conflict_closed or hold_resolved; risk_new, risk_changed or risk_gone; qualification_requested, qualification_decided, qualification_changed (what the unit lacks), qualification_suspended, qualification_reinstated or qualification_evidence_refused (a test that had been accepted)';
COMMENT ON COLUMN notification.conflict_id IS 'the conflict; NULL when it is about a risk or a qualification';
COMMENT ON COLUMN notification.risk_id IS 'the risk; NULL when it is about a conflict or a qualification';
COMMENT ON COLUMN notification.qualification_id IS 'the qualification; NULL when it is about a conflict or a risk';
COMMENT ON CONSTRAINT notification_is_of_one ON notification IS 'about a conflict, a risk or a qualification';
COMMENT ON INDEX notification_qualification_id_idx IS 'the notifications of a qualification';
