-- archetype: medium
-- Conflicts: what cannot all be kept, and who was told.

CREATE TABLE conflict (
  id                   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  kind                 text NOT NULL,
  severity             text NOT NULL,
  stage                text NOT NULL,
  challenger_id        bigint NOT NULL REFERENCES commitment,
  incumbent_id         bigint REFERENCES commitment,
  exclusivity_id       bigint REFERENCES exclusivity,
  unit_id              bigint NOT NULL,
  overlap              time_window NOT NULL,
  short_kw             numeric(20,3),
  short_windows        time_window[],
  ruleset_id           bigint REFERENCES ruleset,
  stacking_rule_id     bigint REFERENCES stacking_rule,
  prevailing_id        bigint REFERENCES participant,
  action               text NOT NULL DEFAULT 'notify',
  rationale            jsonb NOT NULL,
  found_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  closed_at            timestamptz,
  grid_node_id         bigint REFERENCES grid_node,
  operating_limit_id   bigint REFERENCES operating_limit,
  constraint_period_id bigint REFERENCES constraint_period,
  unit_removal_id      bigint REFERENCES unit_removal,
  primacy_rule_id      bigint REFERENCES primacy_rule,
  CONSTRAINT conflict_kind_is_known CHECK (
    check_code(kind, 'conflict.kind', 'double_commitment', 'duplicate', 'jumping', 'headroom', 'direction', 'recovery', 'exclusivity', 'energy', 'counteraction')),
  CONSTRAINT conflict_severity_is_known CHECK (check_code(severity, 'conflict.severity', 'blocking', 'advisory')),
  CONSTRAINT conflict_stage_is_known CHECK (check_code(stage, 'conflict.stage', 'competition', 'dispatch')),
  CONSTRAINT conflict_action_is_known CHECK (check_code(action, 'conflict.action', 'notify', 'hold', 'reject')),
  CONSTRAINT conflict_is_with_one CHECK (
    num_nonnulls(incumbent_id, exclusivity_id, operating_limit_id, constraint_period_id, unit_removal_id)
      = CASE WHEN kind IN ('headroom', 'energy') THEN 0 ELSE 1 END
    AND (kind = 'exclusivity') = (exclusivity_id IS NOT NULL)
    AND (kind = 'counteraction' OR num_nonnulls(operating_limit_id, constraint_period_id, unit_removal_id, grid_node_id, primacy_rule_id) = 0)),
  CONSTRAINT conflict_headroom_is_short CHECK (
    (kind = 'headroom' OR num_nonnulls(operating_limit_id, constraint_period_id) = 1) = (short_kw IS NOT NULL AND short_windows IS NOT NULL))
);
-- one open finding of a kind for a pair; the engine relies on it when two sessions meet
CREATE UNIQUE INDEX conflict_open_key ON conflict (challenger_id, kind, incumbent_id, exclusivity_id, operating_limit_id, constraint_period_id, unit_removal_id)
  NULLS NOT DISTINCT WHERE closed_at IS NULL;
CREATE INDEX conflict_open_incumbent_idx ON conflict (incumbent_id) WHERE closed_at IS NULL;
CREATE INDEX conflict_open_exclusivity_idx ON conflict (exclusivity_id) WHERE closed_at IS NULL AND exclusivity_id IS NOT NULL;
CREATE INDEX conflict_unit_id_idx ON conflict (unit_id);
COMMENT ON TABLE conflict IS
  'findings of the rules engine, one a pair of commitments and kind (exclusivity: one a commitment and agreement; headroom and energy: one a commitment; counteraction: one a pair, or a commitment and a limit, constraint period or removal); closed when they no longer hold';
COMMENT ON COLUMN conflict.id IS 'surrogate key';
COMMENT ON COLUMN conflict.kind IS 'double_commitment, duplicate, jumping, headroom, direction, recovery, exclusivity, energy or counteraction: see docs/conflicts.md, docs/network.md';
COMMENT ON COLUMN conflict.severity IS 'blocking, or advisory where something is not known or only to be minded';
COMMENT ON COLUMN conflict.stage IS 'competition or dispatch: the stage of the challenger';
COMMENT ON COLUMN conflict.challenger_id IS 'the commitment posted later';
COMMENT ON COLUMN conflict.incumbent_id IS 'the commitment posted earlier; NULL for exclusivity and energy, for headroom, whose set is in the rationale, and where a counteraction is of one commitment';
COMMENT ON COLUMN conflict.exclusivity_id IS 'the agreement that the challenger goes against, NULL for other kinds';
COMMENT ON COLUMN conflict.unit_id IS 'the asset or portfolio of the challenger, and of the incumbent but for counteraction; headroom may concern others, named in the rationale';
COMMENT ON COLUMN conflict.overlap IS 'when both hold; for jumping the window from the start of the first to the end of the last; for recovery the time between them; for energy the whole run; for headroom from the first to the last instant that is short';
COMMENT ON COLUMN conflict.short_kw IS 'headroom, and counteraction against a limit or constraint period: the greatest power missing or too much, kW';
COMMENT ON COLUMN conflict.short_windows IS 'headroom, and counteraction against a limit or constraint period: the windows in which that is so';
COMMENT ON COLUMN conflict.ruleset_id IS 'the ruleset that governs, NULL when none was needed';
COMMENT ON COLUMN conflict.stacking_rule_id IS 'the rule that says no, when one does';
COMMENT ON COLUMN conflict.prevailing_id IS 'the participant that prevails by the primacy rule; NULL: nobody does, or the two decide together';
COMMENT ON COLUMN conflict.action IS 'what was done: notify (both stand and the parties are told), hold or reject';
COMMENT ON COLUMN conflict.rationale IS 'the commitments, verdicts and numbers from which the finding follows';
COMMENT ON COLUMN conflict.found_at IS 'when it was found';
COMMENT ON COLUMN conflict.closed_at IS 'when it ceased to hold; NULL while it holds';
COMMENT ON COLUMN conflict.grid_node_id IS 'counteraction: the network element; of several the one that an instruction is for, else the nearest above the challenger''s unit';
COMMENT ON COLUMN conflict.operating_limit_id IS 'the operating limit that the challenger breaks';
COMMENT ON COLUMN conflict.constraint_period_id IS 'the constraint period that the challenger breaks';
COMMENT ON COLUMN conflict.unit_removal_id IS 'the removal that the challenger goes against';
COMMENT ON COLUMN conflict.primacy_rule_id IS 'the rule that says who prevails, NULL when none does';
COMMENT ON CONSTRAINT conflict_is_with_one ON conflict IS 'headroom and energy are findings for one commitment, exclusivity for one and an agreement, counteraction for a pair or for one and a limit, constraint period or removal, the other kinds for a pair';
COMMENT ON CONSTRAINT conflict_headroom_is_short ON conflict IS 'headroom and broken limits say how much is missing or too much, and when';
COMMENT ON INDEX conflict_open_key IS 'a pair and kind has one open finding';
COMMENT ON INDEX conflict_open_incumbent_idx IS 'the open findings of a commitment';
COMMENT ON INDEX conflict_open_exclusivity_idx IS 'the open findings of an agreement';
COMMENT ON INDEX conflict_unit_id_idx IS 'the findings of a unit';

CREATE TABLE notification (
  id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  participant_id bigint NOT NULL REFERENCES participant,
  event          text NOT NULL,
  conflict_id    bigint NOT NULL REFERENCES conflict,
  message        text NOT NULL,
  content        jsonb NOT NULL,
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT notification_event_is_known CHECK (
    check_code(event, 'notification.event', 'conflict_found', 'conflict_changed', 'conflict_closed', 'hold_resolved'))
);
-- a participant reads on from the last id it has seen
CREATE INDEX notification_cursor_idx ON notification (participant_id, id);
CREATE INDEX notification_conflict_id_idx ON notification (conflict_id);
COMMENT ON TABLE notification IS
  'what each participant is told, with no more than the rules share; read it by cursor: WHERE id > the last one seen ORDER BY id';
COMMENT ON COLUMN notification.id IS 'surrogate key; the cursor';
COMMENT ON COLUMN notification.participant_id IS 'who is told';
COMMENT ON COLUMN notification.event IS 'conflict_found, conflict_changed, conflict_closed or hold_resolved';
COMMENT ON COLUMN notification.conflict_id IS 'the conflict';
COMMENT ON COLUMN notification.message IS 'one sentence for people';
COMMENT ON COLUMN notification.content IS 'the same for machines: commitments of the reader in full, of others the service, window and kW, and identity or price only where the ruleset shares them';
COMMENT ON COLUMN notification.created_at IS 'when it was written';
COMMENT ON INDEX notification_cursor_idx IS 'reading on from a cursor';
COMMENT ON INDEX notification_conflict_id_idx IS 'the notifications of a conflict';
