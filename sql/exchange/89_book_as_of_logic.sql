-- archetype: medium
-- The book as it was known.
--
-- It is not logged, since it follows from trades that are; its rows keep when they were posted and
-- closed, to the microsecond, and are never deleted.

CREATE OR REPLACE FUNCTION commitment_as_of(instant timestamptz) RETURNS SETOF commitment
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- when it was closed nobody knew then
  SELECT r.* FROM commitment c CROSS JOIN LATERAL jsonb_populate_record(c, '{"closed_at": null}') r
  WHERE c.posted_at <= instant AND (c.closed_at IS NULL OR c.closed_at > instant)
$function$;
COMMENT ON FUNCTION commitment_as_of(timestamptz) IS
  'the live book at an instant: what was posted by then and not closed; parents as they are linked today; rows that the caller reads';
REVOKE ALL ON FUNCTION commitment_as_of(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION commitment_as_of(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
