-- archetype: thin
-- The exchange itself: what it is, of which modules it is made, where its ids
-- come from.

CREATE TABLE exchange_instance (
  one           boolean PRIMARY KEY DEFAULT true,
  archetype     text NOT NULL,
  version       text NOT NULL,
  time_zone     text NOT NULL,
  detection     text NOT NULL DEFAULT 'event',
  seeded_tables text[] NOT NULL DEFAULT '{}',
  intake_quota  bigint NOT NULL DEFAULT 5000000,
  smallest_group integer NOT NULL DEFAULT 3,
  valid         time_window NOT NULL DEFAULT time_window(now(), 'infinity'),
  CONSTRAINT exchange_instance_is_one CHECK (one),
  CONSTRAINT exchange_instance_group_is_several CHECK (check_positive(smallest_group - 1, 'exchange_instance.smallest_group less one')),
  CONSTRAINT exchange_instance_detection_is_known CHECK (check_code(detection, 'exchange_instance.detection', 'event', 'schedule'))
);
COMMENT ON TABLE exchange_instance IS 'one row: what this exchange is; view flexexchange.exchange shows it';
COMMENT ON COLUMN exchange_instance.one IS 'true: there is one row';
COMMENT ON COLUMN exchange_instance.archetype IS 'thin, medium or thick';
COMMENT ON COLUMN exchange_instance.version IS 'version of the extension that made or last upgraded it';
COMMENT ON COLUMN exchange_instance.time_zone IS 'time zone in which delivery days are counted';
COMMENT ON COLUMN exchange_instance.detection IS 'how conflicts are found: event (as each trade is written) or schedule (trades only keep the book, and detect_conflicts() is run from time to time)';
COMMENT ON COLUMN exchange_instance.seeded_tables IS 'tables that were not empty when they were made: drop_exchange does not take them for data';
COMMENT ON COLUMN exchange_instance.intake_quota IS 'how many rows of a participant may wait to be taken in';
COMMENT ON COLUMN exchange_instance.smallest_group IS 'of how many providers an open figure has to be at least; two would let each of them work out the other';
COMMENT ON COLUMN exchange_instance.valid IS 'since when it exists';
COMMENT ON CONSTRAINT exchange_instance_is_one ON exchange_instance IS 'there is one row';
INSERT INTO exchange_instance (archetype, version, time_zone) VALUES ('thin', '', 'UTC');
GRANT SELECT ON exchange_instance TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE TABLE exchange_module (
  name         text PRIMARY KEY,
  version      text NOT NULL,
  installed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE exchange_module IS 'the modules that this exchange has';
COMMENT ON COLUMN exchange_module.name IS 'name in flexexchange.module';
COMMENT ON COLUMN exchange_module.version IS 'version of the extension whose shape it has';
COMMENT ON COLUMN exchange_module.installed_at IS 'when its text, or a migration of it, was run last';
SELECT protect_table('exchange_module');

CREATE SEQUENCE resource_id;
COMMENT ON SEQUENCE resource_id IS 'ids of assets, portfolios, metering points and grid nodes: one number names one of them';
GRANT USAGE ON SEQUENCE resource_id TO flexexchange_operator, flexexchange_participant;

CREATE SEQUENCE trade_id;
COMMENT ON SEQUENCE trade_id IS 'ids of bids, awards, availability and dispatches: one number names one of them, and so a lineage';
GRANT USAGE ON SEQUENCE trade_id TO flexexchange_operator, flexexchange_participant;

-- rules apply to whoever is in the roles; whether one may look into the schema
-- at all is decided here
DO $block$
BEGIN
  EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator',
                            pg_catalog.current_schema());
END
$block$;
