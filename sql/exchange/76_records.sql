-- archetype: medium
-- Records: competitions, bids, awards, availability and dispatches of other platforms, known by their ids there.
--
-- platform --record_*()--> competition, bid, award, availability, dispatch   (with their source, and all checks)
--                     |--> outside_record      which row an outside id is
--                     +--> outside_rejection   what was not taken, and why

CREATE TABLE outside_record (
  subject     text NOT NULL,
  source      text NOT NULL,
  outside_id  text NOT NULL,
  row_id      bigint NOT NULL,
  digest      bytea NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outside_record_once PRIMARY KEY (subject, source, outside_id),
  CONSTRAINT outside_record_subject_is_known CHECK (check_code(subject, 'outside_record.subject', 'competition', 'bid', 'award', 'availability', 'dispatch', 'delivery')),
  CONSTRAINT outside_record_source_is_short CHECK (check_text(source, 'outside_record.source', 255)),
  CONSTRAINT outside_record_outside_id_is_short CHECK (check_text(outside_id, 'outside_record.outside_id', 255))
);
CREATE INDEX outside_record_row_idx ON outside_record (row_id, subject);
COMMENT ON TABLE outside_record IS 'which row of the exchange is what another platform knows by an id of its own';
COMMENT ON COLUMN outside_record.subject IS 'competition, bid, award, availability, dispatch or delivery';
COMMENT ON COLUMN outside_record.source IS 'the platform';
COMMENT ON COLUMN outside_record.outside_id IS 'its id there';
COMMENT ON COLUMN outside_record.row_id IS 'its id here';
COMMENT ON COLUMN outside_record.digest IS 'SHA-256 of what it said of it last: the same again changes nothing';
COMMENT ON COLUMN outside_record.recorded_at IS 'when it said so';
COMMENT ON CONSTRAINT outside_record_once ON outside_record IS 'a platform means one thing by an id';
COMMENT ON INDEX outside_record_row_idx IS 'what a row is called elsewhere';

CREATE TABLE outside_rejection (
  id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  subject     text NOT NULL,
  source      text NOT NULL,
  outside_id  text NOT NULL,
  error       text NOT NULL,
  reason      text NOT NULL,
  hint        text,
  content     jsonb NOT NULL,
  recorded_by bigint,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT outside_rejection_content_is_short CHECK (check_given(length(content::text) <= 100000, 'outside_rejection.content of at most 100000 characters', 'It is clipped.'))
);
CREATE INDEX outside_rejection_record_idx ON outside_rejection (subject, source, outside_id);
CREATE INDEX outside_rejection_recorded_by_idx ON outside_rejection (recorded_by);
COMMENT ON TABLE outside_rejection IS 'what other platforms said and was not taken, and why; kept as history when it is taken later';
COMMENT ON COLUMN outside_rejection.id IS 'surrogate key';
COMMENT ON COLUMN outside_rejection.subject IS 'competition, bid, award, availability, dispatch or delivery';
COMMENT ON COLUMN outside_rejection.source IS 'the platform';
COMMENT ON COLUMN outside_rejection.outside_id IS 'the id there';
COMMENT ON COLUMN outside_rejection.error IS 'SQLSTATE';
COMMENT ON COLUMN outside_rejection.reason IS 'what is wrong with it';
COMMENT ON COLUMN outside_rejection.hint IS 'what to do about it';
COMMENT ON COLUMN outside_rejection.content IS 'what was said';
COMMENT ON COLUMN outside_rejection.recorded_by IS 'the participant that sent it; NULL: the operator';
COMMENT ON COLUMN outside_rejection.recorded_at IS 'when';
COMMENT ON INDEX outside_rejection_record_idx IS 'what was wrong with a record';
COMMENT ON INDEX outside_rejection_recorded_by_idx IS 'what was rejected of a participant';
