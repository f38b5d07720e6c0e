-- State machines: a column that goes from state to state only as a trigger declares.

CREATE FUNCTION follow_states() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_follow_states'
  LANGUAGE C;
COMMENT ON FUNCTION follow_states() IS
  'trigger FOR EACH ROW on INSERT OR UPDATE: refuses a state that may not follow the one that the row has, with error MX001 and a hint that lists those that may; the first argument is the column, each of the others states, > and their followers, such as ''applied > screened withdrawn''; start is before the row is written, as is NULL; error MX907 for other arguments';

CREATE VIEW state_machine WITH (security_invoker = true) AS
  SELECT t.tgrelid::regclass AS object, given[1]::name AS state_column, from_state, to_state
  FROM pg_catalog.pg_trigger t,
    LATERAL pg_catalog.string_to_array(pg_catalog.encode(t.tgargs, 'escape'), '\000') AS given,
    LATERAL pg_catalog.unnest(given[2:t.tgnargs]) AS edges,
    LATERAL pg_catalog.regexp_split_to_table(pg_catalog.btrim(pg_catalog.split_part(edges, '>', 1)), '\s+') AS from_state,
    LATERAL pg_catalog.regexp_split_to_table(pg_catalog.btrim(pg_catalog.split_part(edges, '>', 2)), '\s+') AS to_state
  WHERE t.tgfoid = 'follow_states()'::regprocedure AND t.tgenabled <> 'D' AND t.tgparentid = 0;
COMMENT ON VIEW state_machine IS
  'which state may follow which, as triggers of follow_states() enforce it now: read from the catalog, for every table of the database';
COMMENT ON COLUMN state_machine.object IS 'the table';
COMMENT ON COLUMN state_machine.state_column IS 'its column that goes from state to state';
COMMENT ON COLUMN state_machine.from_state IS 'a state; start: before the row is written';
COMMENT ON COLUMN state_machine.to_state IS 'a state that may follow it';
GRANT SELECT ON state_machine TO PUBLIC;
