-- archetype: medium
-- Data kept at home: what a market operator or a provider leaves in its own database, and where that is.
--
--   readings               stay there, and are read where they are, below the rules of who reads a channel
--   awards, availability   are pulled into the tables here, as much of them as conflicts are found by
--
-- Nothing here needs postgres_fdw until a source is attached.  How one gets there, passwords included, is a server and
-- a user mapping of PostgreSQL, and stands in no table of an exchange.

CREATE TABLE data_location (
  participant_id bigint NOT NULL REFERENCES participant,
  what           text NOT NULL,
  kept           text NOT NULL,
  chosen_at      timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT data_location_once PRIMARY KEY (participant_id, what),
  CONSTRAINT data_location_what_is_known CHECK (check_code(what, 'data_location.what', 'reading', 'award', 'availability')),
  CONSTRAINT data_location_kept_is_known CHECK (check_code(kept, 'data_location.kept', 'central', 'remote'))
);
COMMENT ON TABLE data_location IS 'where a participant keeps its data, by its own choice; what is not here is kept centrally';
COMMENT ON COLUMN data_location.participant_id IS 'the participant';
COMMENT ON COLUMN data_location.what IS 'reading, award or availability';
COMMENT ON COLUMN data_location.kept IS 'central: in the tables of this exchange; remote: in its own database';
COMMENT ON COLUMN data_location.chosen_at IS 'when it chose so';
COMMENT ON CONSTRAINT data_location_once ON data_location IS 'one choice for each';
COMMENT ON CONSTRAINT data_location_what_is_known ON data_location IS 'what can be kept elsewhere';
COMMENT ON CONSTRAINT data_location_kept_is_known ON data_location IS 'central or remote';

CREATE TABLE remote_source (
  id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  participant_id bigint NOT NULL REFERENCES participant,
  what           text NOT NULL,
  server         text NOT NULL,
  remote_schema  text NOT NULL,
  remote_table   text NOT NULL,
  covers         time_window NOT NULL,
  attached_at    timestamptz NOT NULL DEFAULT now(),
  silent_since   timestamptz,
  problem        text,
  CONSTRAINT remote_source_once UNIQUE (participant_id, what, server, remote_schema, remote_table),
  CONSTRAINT remote_source_what_is_known CHECK (check_code(what, 'remote_source.what', 'reading', 'award', 'availability')),
  CONSTRAINT remote_source_silence_has_a_problem CHECK (check_given((silent_since IS NULL) = (problem IS NULL), 'remote_source.problem', 'It says why the source is silent.'))
);
COMMENT ON TABLE remote_source IS 'tables of participants'' own databases that are attached; foreign table remote_<what>_<id> is each of them';
COMMENT ON COLUMN remote_source.id IS 'surrogate key';
COMMENT ON COLUMN remote_source.participant_id IS 'whose data they are';
COMMENT ON COLUMN remote_source.what IS 'reading, award or availability';
COMMENT ON COLUMN remote_source.server IS 'the foreign server';
COMMENT ON COLUMN remote_source.remote_schema IS 'schema there';
COMMENT ON COLUMN remote_source.remote_table IS 'table or view there';
COMMENT ON COLUMN remote_source.covers IS 'of which time it is asked: readings that start in it, trades whose delivery begins in it';
COMMENT ON COLUMN remote_source.attached_at IS 'when it was attached';
COMMENT ON COLUMN remote_source.silent_since IS 'since when it has not answered, as far as somebody asked; NULL: it answers';
COMMENT ON COLUMN remote_source.problem IS 'what it was when it was last asked: SQLSTATE and message; NULL: it answers';
COMMENT ON CONSTRAINT remote_source_once ON remote_source IS 'a table is attached once';
COMMENT ON CONSTRAINT remote_source_what_is_known ON remote_source IS 'what can be kept elsewhere';
COMMENT ON CONSTRAINT remote_source_silence_has_a_problem ON remote_source IS 'silence has a reason';

CREATE TABLE remote_trade (
  remote_source_id bigint NOT NULL REFERENCES remote_source ON DELETE CASCADE,
  mrid             uuid NOT NULL,
  digest           bytea NOT NULL,
  pulled_at        timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT remote_trade_once PRIMARY KEY (remote_source_id, mrid)
);
COMMENT ON TABLE remote_trade IS 'trades that were pulled, and what was said of them there: what did not change since is left alone, whatever became of it here';
COMMENT ON COLUMN remote_trade.remote_source_id IS 'the source';
COMMENT ON COLUMN remote_trade.mrid IS 'the award or availability';
COMMENT ON COLUMN remote_trade.digest IS 'SHA-256 of what the source said';
COMMENT ON COLUMN remote_trade.pulled_at IS 'when it was pulled so';
COMMENT ON CONSTRAINT remote_trade_once ON remote_trade IS 'a trade of a source is there once';
INSERT INTO event_log_exemption (table_name, because) VALUES ('remote_trade', 'what was pulled is logged as the trade that it became');
