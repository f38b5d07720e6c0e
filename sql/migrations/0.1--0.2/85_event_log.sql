-- Partitions of the log are made as all partitions are: they say so, and need no exemption of their own.
DELETE FROM event_log_exemption x WHERE EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'event_log'::regclass AND c.relname = x.table_name);
DO $block$
DECLARE
  part record;
BEGIN
  FOR part IN SELECT c.oid::regclass AS name, regexp_match(pg_get_expr(c.relpartbound, c.oid), $$FROM \('([0-9-]+).*TO \('([0-9-]+)$$) AS span
              FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'event_log'::regclass LOOP
    EXECUTE format('COMMENT ON TABLE %s IS %L', part.name, 'partition of event_log: ' || coalesce(part.span[1] || ' until ' || part.span[2] || ', UTC', 'what no other takes'));
  END LOOP;
END
$block$;
