-- archetype: medium
-- The feed: notifications and events in the order in which they can be read without a gap.
--
-- Numbers are given before a transaction commits: who reads on from the highest number that it has seen passes
-- over what is committed later with a lower one.  So the feed goes by transaction, and delivers those alone below
-- which nothing is running any more.  The log knows the transaction of each event; notifications keep it here.

-- in the module of state, and parsed once: a column defaults to it
CREATE FUNCTION this_cluster() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT system_identifier FROM pg_control_system();
END;
COMMENT ON FUNCTION this_cluster() IS 'system identifier of this database cluster: transactions are counted there';
REVOKE ALL ON FUNCTION this_cluster() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION this_cluster() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- what is there already was made by nobody later than this transaction
ALTER TABLE notification
  ADD COLUMN cluster bigint NOT NULL DEFAULT this_cluster(),
  ADD COLUMN transaction_id bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint;
COMMENT ON COLUMN notification.cluster IS 'system identifier of the database cluster in which it was written: transactions are counted there';
COMMENT ON COLUMN notification.transaction_id IS 'the transaction (xid8) that wrote it';
CREATE INDEX notification_feed_idx ON notification (participant_id, cluster, transaction_id, id);
COMMENT ON INDEX notification_feed_idx IS 'reading on in event_feed()';

-- the order of the feed within a transaction; as good for sealing
DROP INDEX event_log_sealing_idx;
CREATE INDEX event_log_sealing_idx ON event_log (cluster, transaction_id, id);
COMMENT ON INDEX event_log_sealing_idx IS 'what is not sealed yet; reading on in event_feed(), of all';
CREATE INDEX event_log_feed_idx ON event_log (participant_id, cluster, transaction_id, id) WHERE participant_id IS NOT NULL;
COMMENT ON INDEX event_log_feed_idx IS 'reading on in event_feed(), of what a participant did';
