-- archetype: medium
-- Risk of conflict: the report ahead of delivery, issued again as forecasts change.

CREATE TABLE risk_issue (
  id        bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  span      time_window NOT NULL,
  number    integer NOT NULL,
  issued_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT risk_issue_number_once UNIQUE (span, number),
  CONSTRAINT risk_issue_number_is_positive CHECK (check_positive(number, 'risk_issue.number'))
);
COMMENT ON TABLE risk_issue IS 'issues of the report on the risk of conflict in a window of delivery';
COMMENT ON COLUMN risk_issue.id IS 'surrogate key';
COMMENT ON COLUMN risk_issue.span IS 'the window of delivery that it is about';
COMMENT ON COLUMN risk_issue.number IS 'the issue, counted from 1 for each window';
COMMENT ON COLUMN risk_issue.issued_at IS 'when it was issued';
COMMENT ON CONSTRAINT risk_issue_number_once ON risk_issue IS 'issues of a window are counted';

CREATE TABLE risk (
  id                   bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  risk_issue_id        bigint NOT NULL REFERENCES risk_issue,
  change               text NOT NULL,
  risk_key             text NOT NULL,
  what                 text NOT NULL,
  grid_node_id         bigint REFERENCES grid_node,
  operating_limit_id   bigint REFERENCES operating_limit,
  constraint_period_id bigint REFERENCES constraint_period,
  unit_removal_id      bigint REFERENCES unit_removal,
  operator_ids         bigint[] NOT NULL,
  service_codes        text[] NOT NULL,
  unit_ids             bigint[] NOT NULL,
  windows              time_window[] NOT NULL,
  up_kw                numeric(20,3),
  down_kw              numeric(20,3),
  limit_kw             numeric(20,3),
  ruleset_code         text,
  case_code            text,
  prevails             text NOT NULL,
  prevailing_id        bigint REFERENCES participant,
  why                  text NOT NULL,
  commitment_ids       bigint[] NOT NULL,
  participant_ids      bigint[] NOT NULL,
  CONSTRAINT risk_once UNIQUE (risk_issue_id, risk_key),
  CONSTRAINT risk_change_is_known CHECK (check_code(change, 'risk.change', 'new', 'changed', 'same', 'gone')),
  CONSTRAINT risk_what_is_known CHECK (check_code(what, 'risk.what', 'opposed', 'operating_limit', 'constraint_period', 'removal')),
  CONSTRAINT risk_prevails_is_known CHECK (check_code(prevails, 'risk.prevails', 'none', 'dso', 'neso', 'joint'))
);
COMMENT ON TABLE risk IS 'what an issue says: the conflicts that would arise were everything dispatched as committed, and what has changed since the issue before';
COMMENT ON COLUMN risk.id IS 'surrogate key';
COMMENT ON COLUMN risk.risk_issue_id IS 'the issue';
COMMENT ON COLUMN risk.change IS 'new, changed, same or gone, against the issue before of the same window';
COMMENT ON COLUMN risk.risk_key IS 'what makes it the same risk in another issue';
COMMENT ON COLUMN risk.what IS 'opposed: promises against one another behind an element; operating_limit, constraint_period: more than an element can bear; removal: a unit that was taken out';
COMMENT ON COLUMN risk.grid_node_id IS 'the network element';
COMMENT ON COLUMN risk.operating_limit_id IS 'the operating limit that would be broken';
COMMENT ON COLUMN risk.constraint_period_id IS 'the constraint period that would be broken';
COMMENT ON COLUMN risk.unit_removal_id IS 'the removal';
COMMENT ON COLUMN risk.operator_ids IS 'who would instruct; of two that oppose one another the upward one first';
COMMENT ON COLUMN risk.service_codes IS 'the services; of two that oppose one another the upward one first';
COMMENT ON COLUMN risk.unit_ids IS 'the units that would be instructed';
COMMENT ON COLUMN risk.windows IS 'when';
COMMENT ON COLUMN risk.up_kw IS 'the most that would be instructed upward at once, kW';
COMMENT ON COLUMN risk.down_kw IS 'the most that would be instructed downward at once, kW';
COMMENT ON COLUMN risk.limit_kw IS 'the most that may be instructed at once, kW';
COMMENT ON COLUMN risk.ruleset_code IS 'the ruleset in force at the start';
COMMENT ON COLUMN risk.case_code IS 'the case of the primacy rule, NULL when no rule is for it';
COMMENT ON COLUMN risk.prevails IS 'who would prevail: none, dso, neso or joint';
COMMENT ON COLUMN risk.prevailing_id IS 'the participant that would prevail';
COMMENT ON COLUMN risk.why IS 'why, for people';
COMMENT ON COLUMN risk.commitment_ids IS 'the promises and dispatches, in the book';
COMMENT ON COLUMN risk.participant_ids IS 'who is concerned: buyers, sellers and whoever stated the limit, constraint period or removal';
COMMENT ON CONSTRAINT risk_once ON risk IS 'a risk stands once in an issue';

-- what is told may be a risk instead of a conflict
ALTER TABLE notification
  ALTER conflict_id DROP NOT NULL,
  ADD risk_id bigint REFERENCES risk,
  DROP CONSTRAINT notification_event_is_known,
  ADD CONSTRAINT notification_event_is_known CHECK (
    check_code(event, 'notification.event', 'conflict_found', 'conflict_changed', 'conflict_closed', 'hold_resolved', 'risk_new', 'risk_changed', 'risk_gone')),
  ADD CONSTRAINT notification_is_of_one CHECK (
    check_one(num_nonnulls(conflict_id, risk_id), 'notification.conflict_id and risk_id'));
CREATE INDEX notification_risk_id_idx ON notification (risk_id) WHERE risk_id IS NOT NULL;
COMMENT ON COLUMN notification.event IS 'conflict_found, conflict_changed, conflict_closed or hold_resolved; risk_new, risk_changed or risk_gone';
COMMENT ON COLUMN notification.conflict_id IS 'the conflict; NULL when it is about a risk';
COMMENT ON COLUMN notification.risk_id IS 'the risk; NULL when it is about a conflict';
COMMENT ON CONSTRAINT notification_is_of_one ON notification IS 'about a conflict or a risk';
COMMENT ON INDEX notification_risk_id_idx IS 'the notifications of a risk';
