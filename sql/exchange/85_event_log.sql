-- archetype: thin
-- The log: who did what to which row, and the seals that make it evidence.
--
-- data --> trigger log_events() --> event_log --> seal_events() --> event_seal, event_run
--
-- Events are sealed in batches.  A seal is the head of a Merkle tree over its events, and itself a leaf
-- of the tree over all seals, whose head, the root of the log, each seal repeats of the one before.

CREATE SEQUENCE event_log_id;
COMMENT ON SEQUENCE event_log_id IS 'numbers of events; those of transactions that were rolled back are missing';

CREATE TABLE event_log (
  id             bigint NOT NULL DEFAULT nextval('event_log_id'),
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  cluster        bigint NOT NULL,
  transaction_id bigint NOT NULL,
  login          text NOT NULL,
  role           text NOT NULL,
  participant_id bigint,
  table_name     text COLLATE "C" NOT NULL,
  row_key        text COLLATE "C",
  action         text COLLATE "C" NOT NULL,
  before         text,
  after          text,
  salt           bytea,
  content_digest bytea,
  PRIMARY KEY (id, recorded_at),
  CONSTRAINT event_log_action_is_known CHECK (
    check_code(action, 'event_log.action', 'found', 'insert', 'update', 'delete', 'truncate', 'erase', 'read', 'act_for'))
) PARTITION BY RANGE (recorded_at);
CREATE INDEX event_log_row_idx ON event_log (table_name, row_key, id);
CREATE INDEX event_log_sealing_idx ON event_log (cluster, transaction_id);
COMMENT ON TABLE event_log IS 'every insert, update and delete of what the exchange keeps, who made it and when; only added to; partitioned by month, in UTC';
COMMENT ON COLUMN event_log.id IS 'number of the event, rising with time within a transaction';
COMMENT ON COLUMN event_log.recorded_at IS 'when the transaction that made it began';
COMMENT ON COLUMN event_log.cluster IS 'system identifier of the database cluster in which it was made: transactions are counted there';
COMMENT ON COLUMN event_log.transaction_id IS 'the transaction (xid8) that made it';
COMMENT ON COLUMN event_log.login IS 'role that logged in';
COMMENT ON COLUMN event_log.role IS 'role as which the session acted (SET ROLE)';
COMMENT ON COLUMN event_log.participant_id IS 'participant for which it acted, NULL when none';
COMMENT ON COLUMN event_log.table_name IS 'table of the row';
COMMENT ON COLUMN event_log.row_key IS 'primary key of the row as text, canonical JSON where that is several columns, the first column where there is none; NULL of a table as a whole';
COMMENT ON COLUMN event_log.action IS 'insert, update, delete, truncate; found: it was there when logging began; erase: content was erased; read: somebody read what is not read without a trace; act_for: a session chose for whom it acts';
COMMENT ON COLUMN event_log.before IS 'canonical JSON: of an update the columns that changed, as they were; of a delete the row';
COMMENT ON COLUMN event_log.after IS 'canonical JSON: the row after an insert or update; what was done otherwise';
COMMENT ON COLUMN event_log.salt IS '16 random bytes that go before the content when it is hashed; NULL when the content was erased';
COMMENT ON COLUMN event_log.content_digest IS 'of content that was erased, what it was hashed to; otherwise NULL';
COMMENT ON INDEX event_log_row_idx IS 'what became of a row';
COMMENT ON INDEX event_log_sealing_idx IS 'what is not sealed yet';
COMMENT ON CONSTRAINT event_log_action_is_known ON event_log IS 'one of the actions that are logged';

CREATE TABLE event_seal (
  number            bigint PRIMARY KEY,
  cluster           bigint NOT NULL,
  snapshot          pg_snapshot NOT NULL,
  sealed_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  events            bigint NOT NULL,
  events_root       bytea NOT NULL,
  previous_log_root bytea,
  log_root          bytea NOT NULL,
  CONSTRAINT event_seal_events_is_positive CHECK (check_positive(events, 'event_seal.events'))
);
COMMENT ON TABLE event_seal IS 'seals: each stands for the events that its snapshot saw and earlier ones of its cluster did not; only added to';
COMMENT ON COLUMN event_seal.number IS 'number of the seal, from 0 without gaps: its place among the leaves of the log';
COMMENT ON COLUMN event_seal.cluster IS 'system identifier of the cluster that made the events';
COMMENT ON COLUMN event_seal.snapshot IS 'which transactions it takes for finished; its events are those of such transactions that no earlier seal has';
COMMENT ON COLUMN event_seal.sealed_at IS 'when it was made';
COMMENT ON COLUMN event_seal.events IS 'how many events it has';
COMMENT ON COLUMN event_seal.events_root IS 'head of the Merkle tree over its events, in the order of their numbers';
COMMENT ON COLUMN event_seal.previous_log_root IS 'log_root of the seal before it';
COMMENT ON COLUMN event_seal.log_root IS 'head of the Merkle tree over the seals up to this one: what to publish and to keep';

CREATE TABLE event_run (
  seal_number    bigint NOT NULL REFERENCES event_seal,
  run            integer NOT NULL,
  first_event_id bigint NOT NULL,
  last_event_id  bigint NOT NULL,
  event_ids      bigint[] NOT NULL,
  leaves         bytea NOT NULL,
  root           bytea NOT NULL,
  PRIMARY KEY (seal_number, run)
);
CREATE INDEX event_run_event_idx ON event_run (last_event_id, first_event_id);
COMMENT ON TABLE event_run IS 'the events of a seal and their leaves, 1024 to a row; only added to';
COMMENT ON COLUMN event_run.seal_number IS 'the seal';
COMMENT ON COLUMN event_run.run IS 'number of the run within the seal, from 0';
COMMENT ON COLUMN event_run.first_event_id IS 'its first event';
COMMENT ON COLUMN event_run.last_event_id IS 'its last event';
COMMENT ON COLUMN event_run.event_ids IS 'its events, in their order';
COMMENT ON COLUMN event_run.leaves IS 'their leaves, 32 bytes each';
COMMENT ON COLUMN event_run.root IS 'head of the tree over its leaves: a node of the tree of the seal, so that a proof reads one run and the roots of the others';
COMMENT ON INDEX event_run_event_idx IS 'in which run an event is';

CREATE TABLE event_log_exemption (
  table_name text PRIMARY KEY,
  because    text NOT NULL
);
COMMENT ON TABLE event_log_exemption IS 'tables that are not logged, and why not; every other one is';
COMMENT ON COLUMN event_log_exemption.table_name IS 'the table';
COMMENT ON COLUMN event_log_exemption.because IS 'why it is not logged';
INSERT INTO event_log_exemption (table_name, because) VALUES
  ('event_log', 'it is the log'),
  ('event_seal', 'it seals the log'),
  ('event_run', 'it seals the log'),
  ('event_log_exemption', 'it comes with the modules'),
  ('exchange_module', 'it says which modules ran, and is no data of the market'),
  ('commitment', 'the book follows from trades that are logged; its rows keep when they were posted and closed'),
  ('member_commitment', 'it follows from the book'),
  ('place_supply', 'it follows from the register'),
  ('portfolio_supply', 'it follows from the register'),
  ('ineligible_member', 'it follows from the register and the products'),
  ('network_dispatch', 'it follows from dispatches and the grid'),
  ('network_watch', 'it follows from limits and the grid'),
  ('risk', 'it is worked out from trades, limits and forecasts, and is issued with its time'),
  ('notification', 'it says what followed from events that are logged, and is only added to'),
  ('asset_registration_intake', 'it is emptied into asset_registration'),
  ('asset_registration', 'it is itself the record of what was sent, and is only added to'),
  ('embedded_capacity_register_staging', 'what becomes of its rows is logged'),
  ('dispatch_instruction_staging', 'what becomes of its rows is logged'),
  ('flexibility_tender_staging', 'what becomes of its rows is logged'),
  ('import_line', 'it numbers the lines of a file that is being read'),
  ('import_row', 'it says which rows of files became what'),
  ('import_rejection', 'it is itself the record of what was rejected');
