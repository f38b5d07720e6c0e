-- The log of events: one text for a row, Merkle trees, the trigger that logs.

CREATE FUNCTION canonical_json(row_value record) RETURNS text
  AS 'MODULE_PATHNAME', 'flex_canonical_json'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION canonical_json(record) IS
  'the canonical JSON of a row, which no setting of the session changes: members in the byte order of the columns'' names, without blanks, NULL left out, numbers with the digits that are kept, instants in UTC; docs/events.md has the rules';

CREATE FUNCTION merkle_leaf(content bytea) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_merkle_leaf'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merkle_leaf(bytea) IS 'the leaf that stands for some bytes: SHA-256(0x00 || content), RFC 9162, section 2.1.1';

CREATE FUNCTION merkle_root(leaves bytea) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_merkle_root'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merkle_root(bytea) IS 'the head of the Merkle tree over leaves of 32 bytes, one after the other; RFC 9162, section 2.1.1; error 22023';

CREATE FUNCTION merkle_inclusion(leaves bytea, place bigint) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_merkle_inclusion'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merkle_inclusion(bytea, bigint) IS
  'the hashes, 32 bytes each, by which the leaf at a place, counted from 0, leads to the head; RFC 9162, section 2.1.3.1; error 22023';

CREATE FUNCTION merkle_consistency(leaves bytea, earlier bigint) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_merkle_consistency'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION merkle_consistency(bytea, bigint) IS
  'the hashes, 32 bytes each, that show that a tree grew out of its first leaves, earlier of them; RFC 9162, section 2.1.4.1; error 22023';

CREATE FUNCTION event_hashes(event record, OUT header text, OUT content_digest bytea, OUT leaf bytea)
  AS 'MODULE_PATHNAME', 'flex_event_hashes'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION event_hashes(record) IS
  'of a row of event_log: the canonical JSON of what is not content, SHA-256(salt || {"after":...,"before":...}) or what was kept of it, and the leaf, SHA-256(0x00 || header || content_digest); errors 42809, 22000';

CREATE FUNCTION log_events() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_log_events'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION log_events() IS
  'trigger, AFTER INSERT, UPDATE, DELETE or TRUNCATE, FOR EACH STATEMENT with transition tables before and after: writes to event_log of the same schema what became of each row, and who did it; errors MX906, MX907';
