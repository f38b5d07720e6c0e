-- archetype: thick
-- What is told may be about availability, an instruction, a transfer or a dispute.

ALTER TABLE notification
  ADD availability_id bigint REFERENCES availability,
  ADD instruction_id bigint REFERENCES instruction,
  ADD award_transfer_id bigint REFERENCES award_transfer,
  ADD dispute_id bigint REFERENCES dispute,
  DROP CONSTRAINT notification_event_is_known,
  ADD CONSTRAINT notification_event_is_known CHECK (
    check_code(event, 'notification.event', 'conflict_found', 'conflict_changed', 'conflict_closed', 'hold_resolved', 'risk_new', 'risk_changed', 'risk_gone', 'qualification_requested', 'qualification_decided', 'qualification_changed', 'qualification_suspended', 'qualification_reinstated', 'qualification_evidence_refused', 'switch_requested', 'switch_withdrawn',
               'competition_awarded', 'competition_challenged', 'competition_closed', 'competition_final', 'competition_cancelled',
               'availability_declared', 'availability_accepted', 'availability_rejected', 'availability_withdrawn', 'availability_released',
               'instruction_issued', 'instruction_amended', 'instruction_acknowledged', 'instruction_confirmed', 'instruction_executing', 'instruction_stopped', 'instruction_completed', 'instruction_failed', 'instruction_held', 'instruction_rejected', 'instruction_refused', 'instruction_cancelled', 'instruction_lapsed', 'instruction_misread',
               'transfer_offered', 'transfer_accepted', 'transfer_consented', 'transfer_completed', 'transfer_declined', 'transfer_consent_refused', 'transfer_refused', 'transfer_withdrawn', 'transfer_lapsed',
               'dispute_raised', 'dispute_answered', 'dispute_resolved', 'dispute_withdrawn')),
  DROP CONSTRAINT notification_is_of_one,
  ADD CONSTRAINT notification_is_of_one CHECK (
    check_one(num_nonnulls(conflict_id, risk_id, qualification_id, operator_switch_id, competition_id, availability_id, instruction_id, award_transfer_id, dispute_id),
              'notification.conflict_id, risk_id, qualification_id, operator_switch_id, competition_id, availability_id, instruction_id, award_transfer_id and dispute_id'));
CREATE INDEX notification_availability_id_idx ON notification (availability_id) WHERE availability_id IS NOT NULL;
CREATE INDEX notification_instruction_id_idx ON notification (instruction_id) WHERE instruction_id IS NOT NULL;
CREATE INDEX notification_award_transfer_id_idx ON notification (award_transfer_id) WHERE award_transfer_id IS NOT NULL;
CREATE INDEX notification_dispute_id_idx ON notification (dispute_id) WHERE dispute_id IS NOT NULL;
COMMENT ON COLUMN notification.event IS 'what became of what: conflict_found, conflict_changed, conflict_closed or hold_resolved; risk_new, risk_changed or risk_gone; qualification_requested, qualification_decided, qualification_changed (what the unit lacks), qualification_suspended, qualification_reinstated or qualification_evidence_refused (a test that had been accepted); switch_requested or switch_withdrawn; competition_awarded, competition_challenged, competition_closed (a challenge was upheld, and it is cleared anew), competition_final or competition_cancelled; availability_, instruction_, transfer_ or dispute_ and the state that it came to, instruction_amended when a later version takes the place of an earlier one, instruction_misread when it was read back otherwise than it was given';
COMMENT ON COLUMN notification.availability_id IS 'the availability; NULL when it is about something else';
COMMENT ON COLUMN notification.instruction_id IS 'the instruction; NULL when it is about something else';
COMMENT ON COLUMN notification.award_transfer_id IS 'the transfer of an award; NULL when it is about something else';
COMMENT ON COLUMN notification.dispute_id IS 'the dispute; NULL when it is about something else';
COMMENT ON CONSTRAINT notification_is_of_one ON notification IS 'about one thing';
COMMENT ON INDEX notification_availability_id_idx IS 'the notifications of an availability';
COMMENT ON INDEX notification_instruction_id_idx IS 'the notifications of an instruction';
COMMENT ON INDEX notification_award_transfer_id_idx IS 'the notifications of a transfer';
COMMENT ON INDEX notification_dispute_id_idx IS 'the notifications of a dispute';
