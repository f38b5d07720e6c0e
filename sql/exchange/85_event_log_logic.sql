-- archetype: thin
-- The log: what it may and may not do, sealing, proofs, and looking back.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['event_log', 'event_seal', 'event_run', 'event_log_exemption']) t;
-- added to by triggers and functions of the exchange alone
REVOKE INSERT, UPDATE, DELETE ON event_log, event_seal, event_run, event_log_exemption FROM flexexchange_operator;

-- What stands there stays.  Erasing is the one exception, and leaves what the proofs need.
CREATE OR REPLACE FUNCTION keep_event() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF NEW.before IS NULL AND NEW.after IS NULL AND NEW.salt IS NULL AND OLD.salt IS NOT NULL
       AND NEW.content_digest = (event_hashes(OLD)).content_digest
       AND (event_hashes(NEW)).header = (event_hashes(OLD)).header THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'event_log is only added to'
    USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'erase_event_content() takes the content of events and leaves what proves them.';
END
$function$;
COMMENT ON FUNCTION keep_event() IS 'trigger: refuses to change or delete events; erasing content in exchange for its hash is let through';
REVOKE ALL ON FUNCTION keep_event() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_is_only_added_to BEFORE UPDATE OR DELETE ON event_log FOR EACH ROW EXECUTE FUNCTION keep_event();
COMMENT ON TRIGGER t10_is_only_added_to ON event_log IS 'events are neither changed nor deleted';

CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  RAISE EXCEPTION '% is only added to', TG_TABLE_NAME USING ERRCODE = 'object_not_in_prerequisite_state',
    HINT = 'What was logged and sealed is evidence: nobody takes it back.';
END
$function$;
COMMENT ON FUNCTION refuse_rewriting() IS 'trigger: refuses to change, delete or truncate';
REVOKE ALL ON FUNCTION refuse_rewriting() FROM PUBLIC;
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['event_seal', 'event_run'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_only_added_to BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_rewriting()', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_only_added_to ON %I IS ''seals are neither changed nor deleted''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['event_log', 'event_seal', 'event_run'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_not_emptied BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting()', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_not_emptied ON %I IS ''the log is not emptied''', name);
  END LOOP;
END
$block$;

INSERT INTO event_log_exemption (table_name, because) VALUES
  ('meter_reading', 'a reading is only corrected, and what it was stays in meter_reading_superseded; meter_reading_batch is logged'),
  ('meter_reading_superseded', 'it is itself the record of what was corrected, and is only added to'),
  ('meter_reading_rejection', 'it is itself the record of what was rejected, and is only added to'),
  ('meter_reading_intake', 'it never holds a row'),
  ('stale_day', 'it follows from what changed'),
  ('reading_day', 'it follows from the readings'),
  ('reading_month', 'it follows from the readings'),
  ('trade_day', 'it follows from trades that are logged'),
  ('dispatch_event', 'it follows from dispatches, which are logged'),
  ('unit_heartbeat', 'a beat says again what was said; what changes is kept in heartbeat_spell, which is logged'),
  ('outside_record', 'it says which records of other platforms became what'),
  ('outside_rejection', 'it is itself the record of what was rejected'),
  ('settlement_line', 'it follows from deliveries and mechanisms, which are logged, and is only added to; settlement_statement, which is logged, has the digest of its lines'),
  ('verification_meter', 'it follows from the readings as they were known, which are kept, and is only added to; verification and delivery are logged'),
  ('verification_baseline', 'as verification_meter'),
  ('clearing_cell', 'it follows from the competition and the bids, which are logged, and is judged by certificate()'),
  ('clearing_order', 'as clearing_cell'),
  ('clearing_leg', 'as clearing_cell'),
  ('clearing_exclusion', 'as clearing_cell'),
  ('clearing_limit', 'as clearing_cell'),
  ('clearing_flow', 'as clearing_cell'),
  ('carbon_intensity_staging', 'what becomes of its rows is logged'),
  ('system_price_staging', 'what becomes of its rows is logged'),
  ('market_figure_rejection', 'it is itself the record of what was rejected')
ON CONFLICT DO NOTHING;

-- Months are made ahead, so that no event has to wait for one; the default takes what comes nevertheless.
DROP FUNCTION IF EXISTS make_event_months(integer);
INSERT INTO partition_policy (table_name, every, is_only_added_to) VALUES ('event_log', 'month', true) ON CONFLICT DO NOTHING;
SELECT make_partition('event_log', NULL);
SELECT make_partition('event_log', now() + n * interval '1 month') FROM generate_series(0, 2) n;

-- Events that no statement on a table makes.
CREATE OR REPLACE FUNCTION record_event(table_name text, row_key text, action text, content text) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
  INSERT INTO event_log (cluster, transaction_id, login, role, participant_id, table_name, row_key, action, after, salt)
  SELECT c.system_identifier, pg_current_xact_id()::text::bigint, session_user, session_role(), current_participant(),
         record_event.table_name, record_event.row_key, record_event.action, record_event.content, uuid_send(gen_random_uuid())
  FROM pg_control_system() c RETURNING id
$function$;
COMMENT ON FUNCTION record_event(text, text, text, text) IS
  'writes an event that is not the change of a row; returns its number; SECURITY DEFINER because nobody writes event_log, and called by functions of the exchange alone';
REVOKE ALL ON FUNCTION record_event(text, text, text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION event_key_expression(name regclass) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH key AS (
    SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = name AND i.indisprimary
    UNION ALL
    (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = name AND a.attnum > 0 AND NOT a.attisdropped
       AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = name AND i.indisprimary) ORDER BY a.attnum LIMIT 1))
  SELECT CASE WHEN count(*) = 1 THEN format('format(''%%s'', r.%I)', min(attname))
              ELSE format('(SELECT canonical_json(k) FROM (SELECT %s) k)', string_agg(format('r.%I', attname), ', ')) END FROM key
$function$;
COMMENT ON FUNCTION event_key_expression(regclass) IS 'SQL that gives event_log.row_key of a row r of a table';
REVOKE ALL ON FUNCTION event_key_expression(regclass) FROM PUBLIC;

-- They fire before all other AFTER triggers of a statement: what those change in turn comes after it in the log.
-- Every table of the exchange is logged but those that are exempt; run after every module that makes some.
CREATE OR REPLACE FUNCTION log_all_tables() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
DECLARE
  part record;
  event record;
  made integer := 0;
BEGIN
  FOR part IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c
              WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND NOT EXISTS (SELECT FROM event_log_exemption x WHERE x.table_name = c.relname)
                AND NOT EXISTS (SELECT FROM retired_partition x WHERE x.name = c.relname)
                AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 't05_log_insert')
              ORDER BY c.relname LOOP
    FOR event IN SELECT * FROM (VALUES ('insert', 'REFERENCING NEW TABLE AS after'), ('update', 'REFERENCING OLD TABLE AS before NEW TABLE AS after'),
                                       ('delete', 'REFERENCING OLD TABLE AS before'), ('truncate', '')) AS e (name, tables) LOOP
      EXECUTE format('CREATE TRIGGER t05_log_%s AFTER %s ON %s %s FOR EACH STATEMENT EXECUTE FUNCTION flexexchange.log_events()',
                     event.name, event.name, part.name, event.tables);
      EXECUTE format('COMMENT ON TRIGGER t05_log_%s ON %s IS ''writes the event to event_log''', event.name, part.name);
    END LOOP;
    -- what is there already is found: without it nobody could look back further
    EXECUTE format($found$
      INSERT INTO event_log (cluster, transaction_id, login, role, table_name, row_key, action, after, salt)
      SELECT c.system_identifier, pg_current_xact_id()::text::bigint, session_user, session_role(), %L, %s, 'found', canonical_json(r), uuid_send(gen_random_uuid())
      FROM %s r, pg_control_system() c$found$, part.relname, event_key_expression(part.name), part.name);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION log_all_tables() IS 'puts the triggers of the log on every table of the exchange that lacks them and is not exempt, and logs what it has; returns how many tables; owner only';
REVOKE ALL ON FUNCTION log_all_tables() FROM PUBLIC;

-- ------------------------------------------------------------------ reading it

-- What the engine writes while a participant acts, and what changes in rows of others, is none of the participant's business.
CREATE OR REPLACE FUNCTION event_is_own(table_name text, row_key text, content jsonb, me bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE table_name WHEN 'participant' THEN row_key = me::text
              WHEN 'participant_login' THEN false
              ELSE me::text IN (content ->> 'participant_id', content ->> 'service_provider_id', content ->> 'market_operator_id') END
$function$;
COMMENT ON FUNCTION event_is_own(text, text, jsonb, bigint) IS 'true when a row is a participant''s own, by what stands in it';
REVOKE ALL ON FUNCTION event_is_own(text, text, jsonb, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_is_own(text, text, jsonb, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
CREATE OR REPLACE FUNCTION written_tables() RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND (has_any_column_privilege('flexexchange_participant', c.oid, 'INSERT') OR has_any_column_privilege('flexexchange_participant', c.oid, 'UPDATE'))
$function$;
COMMENT ON FUNCTION written_tables() IS 'the tables that participants write themselves';
REVOKE ALL ON FUNCTION written_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION written_tables() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
GRANT SELECT ON event_log TO flexexchange_participant;
DROP POLICY IF EXISTS event_log_read_own ON event_log;
CREATE POLICY event_log_read_own ON event_log FOR SELECT TO flexexchange_participant
  USING (participant_id = (SELECT current_participant()) AND table_name = ANY (ARRAY(SELECT written_tables()))
         AND event_is_own(table_name, row_key, coalesce(after, before)::jsonb, (SELECT current_participant())));
COMMENT ON POLICY event_log_read_own ON event_log IS 'LOG-1: a participant reads the events that it made of rows of its own, in tables that it writes itself';
DROP POLICY IF EXISTS event_log_merit_order ON event_log;
CREATE POLICY event_log_merit_order ON event_log AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (table_name NOT IN ('merit_order', 'merit_order_unit', 'merit_order_step'));
COMMENT ON POLICY event_log_merit_order ON event_log IS 'MERIT-5: nor does the log tell the operator whom a buyer may call';
GRANT SELECT ON event_seal TO flexexchange_participant, flexexchange_analyst;
DROP POLICY IF EXISTS event_seal_read ON event_seal;
CREATE POLICY event_seal_read ON event_seal FOR SELECT TO flexexchange_participant, flexexchange_analyst USING (true);
COMMENT ON POLICY event_seal_read ON event_seal IS 'LOG-2: everybody reads the seals, and can keep their roots';

CREATE OR REPLACE FUNCTION history(table_name text, row_key text)
RETURNS TABLE (event_id bigint, recorded_at timestamptz, action text, login text, role text, participant text, changed jsonb, content jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT e.id, e.recorded_at, e.action, e.login, e.role, (SELECT p.name FROM participant p WHERE p.id = e.participant_id),
         CASE WHEN e.action = 'update' THEN (
           SELECT jsonb_object_agg(b.key, jsonb_build_object('from', b.value, 'to', coalesce(e.after::jsonb -> b.key, 'null'))) FROM jsonb_each(e.before::jsonb) b) END,
         coalesce(e.after, e.before)::jsonb
  FROM event_log e
  WHERE e.table_name = history.table_name AND e.row_key = history.row_key
  ORDER BY e.id
$function$;
COMMENT ON FUNCTION history(text, text) IS
  'what became of a row, oldest first: who did what when, which columns changed from what to what, and the row; the key as event_log.row_key has it; as far as the caller reads event_log';
REVOKE ALL ON FUNCTION history(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION history(text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- <table>_as_of(instant) for what is looked back at.  Of a table with a primary key the last event of a row
-- counts; of one without, what was written and not yet taken back.
CREATE OR REPLACE FUNCTION make_as_of_functions() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
DECLARE
  part record;
  body text;
  made integer := 0;
BEGIN
  FOR part IN SELECT c.relname AS name, EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key
              FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND length(c.relname) <= 57
                AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 't05_log_insert')
              ORDER BY c.relname LOOP
    body := CASE WHEN part.has_key THEN format($sql$
      SELECT r.* FROM (
        SELECT DISTINCT ON (e.row_key) e.after FROM event_log e
        WHERE e.table_name = %1$L AND e.recorded_at <= instant AND e.action IN ('found', 'insert', 'update', 'delete')
          AND e.id > coalesce((SELECT max(t.id) FROM event_log t WHERE t.table_name = %1$L AND t.action = 'truncate' AND t.recorded_at <= instant), 0)
        ORDER BY e.row_key, e.id DESC) last
      CROSS JOIN LATERAL jsonb_populate_record(NULL::%2$I.%1$I, last.after::jsonb) r
      WHERE last.after IS NOT NULL $sql$, part.name, current_schema())
    ELSE format($sql$
      WITH e AS (
        SELECT e.before::jsonb AS before, e.after::jsonb AS after FROM event_log e
        WHERE e.table_name = %1$L AND e.recorded_at <= instant AND e.action IN ('found', 'insert', 'update', 'delete')
          AND e.id > coalesce((SELECT max(t.id) FROM event_log t WHERE t.table_name = %1$L AND t.action = 'truncate' AND t.recorded_at <= instant), 0))
      SELECT r.* FROM (
        SELECT after AS content FROM e WHERE after IS NOT NULL
        EXCEPT ALL
        SELECT (SELECT jsonb_object_agg(m.key, m.value) FROM jsonb_each(coalesce(e.after, '{}') || e.before) m WHERE m.value <> 'null') FROM e WHERE before IS NOT NULL) standing
      CROSS JOIN LATERAL jsonb_populate_record(NULL::%2$I.%1$I, standing.content) r $sql$, part.name, current_schema()) END;
    EXECUTE format('CREATE OR REPLACE FUNCTION %I(instant timestamptz) RETURNS SETOF %I LANGUAGE sql STABLE PARALLEL SAFE SET search_path FROM CURRENT AS %L',
                   part.name || '_as_of', part.name, body);
    EXECUTE format('COMMENT ON FUNCTION %I(timestamptz) IS %L', part.name || '_as_of',
                   format('table %s as it was known at an instant, by transactions that had begun then, from event_log; rows whose content was erased are missing', part.name));
    EXECUTE format('REVOKE ALL ON FUNCTION %I(timestamptz) FROM PUBLIC', part.name || '_as_of');
    -- who reads only part of the log would read a past that never was
    EXECUTE format('GRANT EXECUTE ON FUNCTION %I(timestamptz) TO flexexchange_operator, flexexchange_regulator', part.name || '_as_of');
    made := made + 1;
  END LOOP;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION make_as_of_functions() IS 'makes a function <table>_as_of(instant) for every table that is logged; returns how many; owner only';
REVOKE ALL ON FUNCTION make_as_of_functions() FROM PUBLIC;

-- ------------------------------------------------------------------ sealing

CREATE OR REPLACE FUNCTION seal_header(seal event_seal) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT canonical_json(h) FROM (SELECT seal.number, seal.cluster, seal.snapshot::text AS snapshot, seal.sealed_at, seal.events, seal.events_root, seal.previous_log_root) h
$function$;
COMMENT ON FUNCTION seal_header(event_seal) IS 'what a seal says, as canonical JSON: its leaf in the tree of the log is SHA-256(0x00 || this)';
REVOKE ALL ON FUNCTION seal_header(event_seal) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_header(event_seal) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- The leaves of the seals before a number.
CREATE OR REPLACE FUNCTION seal_leaves(below bigint) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce(string_agg(merkle_leaf(convert_to(seal_header(s), 'UTF8')), '' ORDER BY s.number), '') FROM event_seal s WHERE s.number < below
$function$;
COMMENT ON FUNCTION seal_leaves(bigint) IS 'the leaves of all seals below a number, one after the other';
REVOKE ALL ON FUNCTION seal_leaves(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_leaves(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- Writers are not waited for and do not wait: a seal takes what its snapshot sees and earlier
-- seals of the cluster did not see, and what is still being written falls to the next.  Transaction
-- numbers mean nothing in another cluster, so what a restored log brought with it is
-- told by the cluster that each event names; all of that is finished.
CREATE OR REPLACE FUNCTION seal_events() RETURNS TABLE (seal_number bigint, events bigint, log_root bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  here CONSTANT bigint := (SELECT system_identifier FROM pg_control_system());
  taken pg_snapshot;
  seen pg_snapshot;
  one bigint;
  ids bigint[];
  leaves bytea;
  seal event_seal;
BEGIN
  PERFORM make_partition('event_log', now() + n * interval '1 month') FROM partition_policy p CROSS JOIN generate_series(0, p.ahead) n WHERE p.table_name = 'event_log';
  PERFORM pg_advisory_xact_lock(hashtextextended('seal_events ' || current_schema(), 0));
  -- what this transaction itself wrote is not finished, whatever its snapshot says of others
  SELECT format('%s:%s:%s', least(pg_snapshot_xmin(s)::text::bigint, own), pg_snapshot_xmax(s),
                (SELECT string_agg(x::text, ',' ORDER BY x) FROM (SELECT i::text::bigint AS x FROM pg_snapshot_xip(s) i UNION SELECT own) running WHERE x < pg_snapshot_xmax(s)::text::bigint))::pg_snapshot
    INTO taken FROM pg_current_snapshot() s, (SELECT pg_current_xact_id()::text::bigint AS own) t;
  FOR one IN
    WITH RECURSIVE clusters (cluster) AS (
      (SELECT e.cluster FROM event_log e ORDER BY e.cluster LIMIT 1)
      UNION ALL
      SELECT (SELECT e.cluster FROM event_log e WHERE e.cluster > c.cluster ORDER BY e.cluster LIMIT 1) FROM clusters c WHERE c.cluster IS NOT NULL)
    SELECT c.cluster FROM clusters c WHERE c.cluster IS NOT NULL ORDER BY c.cluster = here, c.cluster
  LOOP
    SELECT coalesce(max(s.number) + 1, 0) INTO seal.number FROM event_seal s;
    SELECT s.snapshot INTO seen FROM event_seal s WHERE s.cluster = one ORDER BY s.number DESC LIMIT 1;
    seen := coalesce(seen, '1:1:');
    seal.cluster := one;
    seal.snapshot := CASE WHEN one = here THEN taken
                          ELSE format('%1$s:%1$s:', (SELECT max(e.transaction_id) + 1 FROM event_log e WHERE e.cluster = one))::pg_snapshot END;
    seal.previous_log_root := (SELECT s.log_root FROM event_seal s ORDER BY s.number DESC LIMIT 1);
    seal.sealed_at := clock_timestamp();
    -- no temporary table: one of that name might be the caller's, with triggers of the caller's
    SELECT array_agg(e.id ORDER BY e.id), string_agg(h.leaf, '' ORDER BY e.id) INTO ids, leaves
    FROM event_log e CROSS JOIN LATERAL event_hashes(e) h
    WHERE e.cluster = one AND e.transaction_id >= pg_snapshot_xmin(seen)::text::bigint
      AND NOT pg_visible_in_snapshot(e.transaction_id::text::xid8, seen) AND pg_visible_in_snapshot(e.transaction_id::text::xid8, seal.snapshot);
    seal.events := cardinality(ids)::bigint;
    seal.events_root := merkle_root(leaves);
    CONTINUE WHEN seal.events IS NULL;
    seal.log_root := merkle_root(seal_leaves(seal.number) || merkle_leaf(convert_to(seal_header(seal), 'UTF8')));
    INSERT INTO event_seal SELECT seal.*;
    INSERT INTO event_run (seal_number, run, first_event_id, last_event_id, event_ids, leaves, root)
    SELECT seal.number, r.run, ids[r.run * 1024 + 1], ids[least((r.run + 1) * 1024, seal.events)], ids[r.run * 1024 + 1:(r.run + 1) * 1024], part.leaves, merkle_root(part.leaves)
    FROM generate_series(0, ((seal.events - 1) / 1024)::integer) AS r (run) CROSS JOIN LATERAL (SELECT substr(leaves, r.run * 32768 + 1, 32768) AS leaves OFFSET 0) part;
    seal_number := seal.number;
    events := seal.events;
    log_root := seal.log_root;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION seal_events() IS
  'seals the events of all transactions that are finished and not sealed yet, and returns the new seals (none when there is nothing to seal); to be run from time to time, for example every hour; writers neither wait nor are waited for; publish log_root, and nobody can rewrite what came before it; SECURITY DEFINER because nobody writes the seals themselves';
REVOKE ALL ON FUNCTION seal_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION seal_events() TO flexexchange_operator;

-- ------------------------------------------------------------------ proving

CREATE OR REPLACE FUNCTION hashes_as_json(hashes bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce(jsonb_agg(encode(substr(hashes, 32 * n + 1, 32), 'hex') ORDER BY n), '[]') FROM generate_series(0, length(hashes) / 32 - 1) n
$function$;
COMMENT ON FUNCTION hashes_as_json(bytea) IS 'hashes of 32 bytes, one after the other, as a JSON array of hexadecimal strings';
REVOKE ALL ON FUNCTION hashes_as_json(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hashes_as_json(bytea) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_path(event_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  in_run event_run;
  seal event_seal;
  place_in_run bigint;
  size CONSTANT bigint := (SELECT count(*) FROM event_seal);
BEGIN
  SELECT r.* INTO in_run FROM event_run r WHERE r.last_event_id >= event_id AND r.first_event_id <= event_id AND event_id = ANY (r.event_ids);
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT * INTO seal FROM event_seal s WHERE s.number = in_run.seal_number;
  place_in_run := array_position(in_run.event_ids, event_id)::bigint - 1;
  RETURN jsonb_build_object(
    'place', in_run.run * 1024 + place_in_run, 'events', seal.events, 'events_root', encode(seal.events_root, 'hex'),
    -- a run of 1024 is a whole subtree: first up to its root, then among the roots
    'path', hashes_as_json(merkle_inclusion(in_run.leaves, place_in_run)
                           || merkle_inclusion((SELECT string_agg(r.root, '' ORDER BY r.run) FROM event_run r WHERE r.seal_number = seal.number), in_run.run)),
    'seal', seal_header(seal), 'seal_number', seal.number, 'seals', size,
    'seal_path', hashes_as_json(merkle_inclusion(seal_leaves(size), seal.number)),
    'log_root', (SELECT encode(s.log_root, 'hex') FROM event_seal s ORDER BY s.number DESC LIMIT 1));
END
$function$;
COMMENT ON FUNCTION event_path(bigint) IS
  'the hashes by which an event leads to the root of the log, NULL while it is not sealed: nothing but hashes and what everybody reads of seals; SECURITY DEFINER because nobody reads the leaves of others';
REVOKE ALL ON FUNCTION event_path(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_path(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_proof(e event_log, path jsonb) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('format', 'flexexchange event proof 1',
    'header', h.header, 'content', CASE WHEN e.salt IS NOT NULL THEN format('{"after":%s,"before":%s}', coalesce(e.after, 'null'), coalesce(e.before, 'null')) END,
    'salt', encode(e.salt, 'hex'), 'content_digest', encode(h.content_digest, 'hex')) || path
  FROM event_hashes(e) h
$function$;
COMMENT ON FUNCTION event_proof(event_log, jsonb) IS 'an event and its event_path(), as the document that test/bin/verify_proof.pl verifies';
REVOKE ALL ON FUNCTION event_proof(event_log, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_proof(event_log, jsonb) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- With the rights of its caller: what one may not read one does not prove.
CREATE OR REPLACE FUNCTION prove_event(event_id bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  e event_log;
  path jsonb;
BEGIN
  SELECT * INTO e FROM event_log l WHERE l.id = event_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'event % is not there, or not the caller''s to read', event_id
      USING ERRCODE = 'no_data_found', HINT = 'history(table, key) lists the events of a row.';
  END IF;
  path := event_path(event_id);
  IF path IS NULL THEN
    RAISE EXCEPTION 'event % is not sealed yet', event_id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'seal_events() seals what is finished.';
  END IF;
  RETURN event_proof(e, path);
END
$function$;
COMMENT ON FUNCTION prove_event(bigint) IS
  'the proof that an event stands in the sealed log, for whoever reads the event: its header and content, the path to the head of its seal, the seal, and the path from there to the root of the log; verified by anybody with SHA-256 alone, see docs/events.md; errors P0002, 55000';
REVOKE ALL ON FUNCTION prove_event(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prove_event(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION prove_consistency(earlier bigint) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  size CONSTANT bigint := (SELECT count(*) FROM event_seal);
BEGIN
  IF earlier IS NULL OR earlier < 1 OR earlier > size THEN
    RAISE EXCEPTION 'the log has % seals, and never ended with %', size, coalesce(earlier::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the number of seals that there were when the root was kept: event_seal.number + 1.';
  END IF;
  RETURN jsonb_build_object('format', 'flexexchange consistency proof 1', 'earlier_seals', earlier, 'seals', size,
    'earlier_log_root', (SELECT encode(s.log_root, 'hex') FROM event_seal s WHERE s.number = earlier - 1),
    'log_root', (SELECT encode(s.log_root, 'hex') FROM event_seal s WHERE s.number = size - 1),
    'path', hashes_as_json(merkle_consistency(seal_leaves(size), earlier)));
END
$function$;
COMMENT ON FUNCTION prove_consistency(bigint) IS
  'the proof that the log of today grew out of the log when it had so many seals (RFC 9162, section 2.1.4), for whoever kept the root of then; error 22023';
REVOKE ALL ON FUNCTION prove_consistency(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION prove_consistency(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- Everything is hashed anew, oldest first, and the first difference is named.
CREATE OR REPLACE FUNCTION verify_log(kept_root bytea DEFAULT NULL, OUT sound boolean, OUT events bigint, OUT seals bigint, OUT not_sealed bigint, OUT wrong_seal bigint, OUT wrong_event bigint, OUT problem text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  seal event_seal;
  previous bytea;
  leaves bytea := ''::bytea;
  differing record;
BEGIN
  sound := false;
  events := 0;
  seals := 0;
  IF NOT acts_for_exchange() AND NOT pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = 'event_log'::regclass), 'USAGE') THEN
    RAISE EXCEPTION 'verify_log() reads the whole log' USING ERRCODE = 'insufficient_privilege',
      HINT = 'The operator and the regulator can; prove_event() proves a single event to whoever made it.';
  END IF;
  FOR seal IN SELECT * FROM event_seal ORDER BY number LOOP
    wrong_seal := seal.number;
    IF seal.number <> seals THEN
      problem := format('seal %s is missing', seals);
      wrong_seal := seals;
      RETURN;
    END IF;
    IF seal.previous_log_root IS DISTINCT FROM previous THEN
      problem := format('seal %s does not name the root of the seal before it', seal.number);
      RETURN;
    END IF;
    -- the events as they are now against the leaves that were sealed
    SELECT u.n, u.event_id, h.leaf IS NULL AS missing, count(*) OVER (PARTITION BY r.run, u.n) > 1 AS double INTO differing
    FROM event_run r
    CROSS JOIN LATERAL unnest(r.event_ids) WITH ORDINALITY AS u (event_id, n)
    LEFT JOIN (SELECT e.id, event_hashes.leaf FROM event_log e CROSS JOIN LATERAL event_hashes(e)
               WHERE e.id BETWEEN (SELECT min(f.first_event_id) FROM event_run f WHERE f.seal_number = seal.number)
                              AND (SELECT max(f.last_event_id) FROM event_run f WHERE f.seal_number = seal.number)) h ON h.id = u.event_id
    WHERE r.seal_number = seal.number AND h.leaf IS DISTINCT FROM substr(r.leaves, 32 * u.n::integer - 31, 32)
    ORDER BY r.run, u.n LIMIT 1;
    IF FOUND THEN
      wrong_event := differing.event_id;
      problem := CASE WHEN differing.missing THEN format('event %s of seal %s is missing', differing.event_id, seal.number)
                      ELSE format('event %s of seal %s is not what was sealed', differing.event_id, seal.number) END;
      RETURN;
    END IF;
    IF (SELECT (sum(cardinality(r.event_ids)), sum(length(r.leaves) / 32)) IS DISTINCT FROM (seal.events::numeric, seal.events::numeric) FROM event_run r WHERE r.seal_number = seal.number)
       OR (SELECT bool_or(merkle_root(r.leaves) <> r.root) FROM event_run r WHERE r.seal_number = seal.number)
       OR (SELECT merkle_root(string_agg(r.root, '' ORDER BY r.run)) FROM event_run r WHERE r.seal_number = seal.number) IS DISTINCT FROM seal.events_root THEN
      problem := format('the leaves of seal %s are not those that it stands for', seal.number);
      RETURN;
    END IF;
    leaves := leaves || merkle_leaf(convert_to(seal_header(seal), 'UTF8'));
    IF merkle_root(leaves) <> seal.log_root THEN
      problem := format('seal %s is not what the root of the log stands for', seal.number);
      RETURN;
    END IF;
    previous := seal.log_root;
    seals := seals + 1;
    events := events + seal.events;
  END LOOP;
  wrong_seal := NULL;
  -- what was slipped in among what is sealed: more events than the seals count
  FOR differing IN
    SELECT DISTINCT ON (s.cluster) s.cluster, s.snapshot, sum(s.events) OVER (PARTITION BY s.cluster) AS sealed FROM event_seal s ORDER BY s.cluster, s.number DESC
  LOOP
    IF (SELECT count(*) FROM event_log e WHERE e.cluster = differing.cluster AND e.transaction_id < pg_snapshot_xmax(differing.snapshot)::text::bigint
          AND pg_visible_in_snapshot(e.transaction_id::text::xid8, differing.snapshot)) > differing.sealed THEN
      SELECT e.id INTO wrong_event FROM event_log e
      WHERE e.cluster = differing.cluster AND e.transaction_id < pg_snapshot_xmax(differing.snapshot)::text::bigint
        AND pg_visible_in_snapshot(e.transaction_id::text::xid8, differing.snapshot)
        AND e.id NOT IN (SELECT unnest(r.event_ids) FROM event_run r)
      ORDER BY e.id LIMIT 1;
      problem := format('event %s was put among events that are sealed', wrong_event);
      RETURN;
    END IF;
  END LOOP;
  -- content that went, and nobody said so
  SELECT e.id INTO wrong_event FROM event_log e
  WHERE e.salt IS NULL AND NOT EXISTS (SELECT FROM event_log x WHERE x.table_name = e.table_name AND x.row_key IS NOT DISTINCT FROM e.row_key AND x.action = 'erase' AND x.id > e.id)
  ORDER BY e.id LIMIT 1;
  IF FOUND THEN
    problem := format('event %s lost its content, and no event says why', wrong_event);
    RETURN;
  END IF;
  IF kept_root IS NOT NULL AND NOT EXISTS (SELECT FROM event_seal s WHERE s.log_root = kept_root) THEN
    problem := 'the root that was kept is not one of this log: it was rewritten, or seals were taken off its end';
    RETURN;
  END IF;
  SELECT count(*) - events INTO not_sealed FROM event_log;
  sound := true;
END
$function$;
COMMENT ON FUNCTION verify_log(bytea) IS
  'hashes the whole log anew and compares it with its seals; sound, or the first seal or event that is wrong and what is wrong with it; given a root that was kept, also whether the log still grew out of it; not_sealed counts events that no seal has yet; error 42501; SECURITY DEFINER because policies hide events from the operator, which are in the seals all the same';
REVOKE ALL ON FUNCTION verify_log(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verify_log(bytea) TO flexexchange_operator, flexexchange_regulator;

-- The log says what the tables say, unless somebody wrote with triggers off.
CREATE OR REPLACE FUNCTION verify_tables() RETURNS TABLE (table_name text, rows_differing bigint, not_logged boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  part record;
BEGIN
  IF NOT acts_for_exchange() AND NOT pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = 'event_log'::regclass), 'USAGE') THEN
    RAISE EXCEPTION 'verify_tables() reads every table' USING ERRCODE = 'insufficient_privilege', HINT = 'The operator and the regulator can.';
  END IF;
  FOR part IN SELECT c.oid, c.relname FROM pg_class c
              WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND NOT EXISTS (SELECT FROM event_log_exemption x WHERE x.table_name = c.relname)
                AND NOT EXISTS (SELECT FROM retired_partition x WHERE x.name = c.relname) ORDER BY c.relname COLLATE "C" LOOP
    table_name := part.relname::text;
    not_logged := (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = part.oid AND t.tgname LIKE 't05\_log\_%' AND t.tgenabled IN ('O', 'A')) < 4;
    rows_differing := NULL;
    IF to_regprocedure(format('%I(timestamptz)', part.relname || '_as_of')) IS NOT NULL THEN
      EXECUTE format('SELECT count(*) FROM ((SELECT canonical_json(a) FROM %1$I a EXCEPT ALL SELECT canonical_json(b) FROM %2$I(clock_timestamp()) b)
                      UNION ALL (SELECT canonical_json(b) FROM %2$I(clock_timestamp()) b EXCEPT ALL SELECT canonical_json(a) FROM %1$I a)) x', part.relname, part.relname || '_as_of') INTO rows_differing;
    END IF;
    CONTINUE WHEN NOT not_logged AND coalesce(rows_differing, 0) = 0;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION verify_tables() IS
  'the tables of which rows are not what the log says that they are (a changed row counts twice; rows whose content was erased once), or of which a trigger of the log is missing or off: no row where all is well; error 42501; SECURITY DEFINER because it reads every table and tells of none but how many rows';
REVOKE ALL ON FUNCTION verify_tables() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION verify_tables() TO flexexchange_operator, flexexchange_regulator;

-- ------------------------------------------------------------------ erasing

CREATE OR REPLACE FUNCTION erase_event_content(table_name text, row_key text, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  erased bigint;
BEGIN
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say on whose request, and under which law.');
  UPDATE event_log e SET content_digest = (event_hashes(e)).content_digest, before = NULL, after = NULL, salt = NULL
  WHERE e.table_name = erase_event_content.table_name AND e.row_key = erase_event_content.row_key AND e.salt IS NOT NULL AND e.action NOT IN ('erase', 'read', 'act_for');
  GET DIAGNOSTICS erased = ROW_COUNT;
  PERFORM record_event(erase_event_content.table_name, erase_event_content.row_key, 'erase', jsonb_build_object('reason', reason, 'events', erased)::text);
  RETURN erased;
END
$function$;
COMMENT ON FUNCTION erase_event_content(text, text, text) IS
  'takes the content of all events of a row, personal data that is to be forgotten, and leaves its hashes, with which every proof goes on working; logs that and why it did; returns how many events; change or delete the row itself first; SECURITY DEFINER because nobody writes event_log';
REVOKE ALL ON FUNCTION erase_event_content(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_event_content(text, text, text) TO flexexchange_operator;

-- ------------------------------------------------------------------ a case

CREATE OR REPLACE FUNCTION record_case(participant_id bigint, unit_id bigint, span time_window) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RAISE LOG 'exchange %: % exports the case of participant %, unit %, %', current_schema(), session_role(), record_case.participant_id, record_case.unit_id, span::text;
  RETURN record_event('event_log', NULL, 'read', jsonb_build_object('export_case',
    jsonb_build_object('participant_id', record_case.participant_id, 'unit_id', record_case.unit_id, 'span', span::text))::text);
END
$function$;
COMMENT ON FUNCTION record_case(bigint, bigint, time_window) IS
  'logs that a case is exported, in event_log and, whatever is rolled back, in the log of the server; SECURITY DEFINER because nobody writes event_log';
REVOKE ALL ON FUNCTION record_case(bigint, bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_case(bigint, bigint, time_window) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION export_case(participant_id bigint DEFAULT NULL, unit_id bigint DEFAULT NULL, span time_window DEFAULT '-infinity/infinity') RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  proofs jsonb;
  left_out bigint;
  names CONSTANT text[] := ARRAY['participant_id', 'service_provider_id', 'market_operator_id', 'operator_id', 'grantee_id', 'buyer_id'];
BEGIN
  IF NOT acts_for_exchange() THEN
    RAISE EXCEPTION 'a case is exported by the regulator or the operator' USING ERRCODE = 'insufficient_privilege',
      HINT = 'A participant proves its own events one by one, with prove_event().';
  END IF;
  PERFORM record_case(export_case.participant_id, export_case.unit_id, span);
  SELECT jsonb_agg(event_proof(c.e, c.path) ORDER BY (c.e).id) FILTER (WHERE c.path IS NOT NULL), count(*) FILTER (WHERE c.path IS NULL) INTO proofs, left_out
  FROM (
    SELECT e, event_path(e.id) AS path
    FROM event_log e CROSS JOIN LATERAL (SELECT coalesce(e.after, '{}')::jsonb AS after, coalesce(e.before, '{}')::jsonb AS before) c
    WHERE e.recorded_at >= lower(span) AND e.recorded_at < upper(span)
      AND (export_case.participant_id IS NULL OR e.participant_id = export_case.participant_id
           OR (e.table_name = 'participant' AND e.row_key = export_case.participant_id::text)
           OR EXISTS (SELECT FROM unnest(names) n WHERE export_case.participant_id::text IN (c.after ->> n, c.before ->> n)))
      AND (export_case.unit_id IS NULL OR (e.table_name IN ('asset', 'portfolio') AND e.row_key = export_case.unit_id::text)
           OR export_case.unit_id::text IN (c.after ->> 'asset_id', c.before ->> 'asset_id', c.after ->> 'portfolio_id', c.before ->> 'portfolio_id', c.after ->> 'unit_id'))
    OFFSET 0) c;
  RETURN jsonb_build_object('format', 'flexexchange case 1', 'exchange', current_schema(), 'exported_at', now(), 'participant_id', export_case.participant_id,
    'unit_id', export_case.unit_id, 'span', span::text, 'not_sealed', left_out, 'events', coalesce(proofs, '[]'),
    'seals', (SELECT count(*) FROM event_seal), 'log_root', (SELECT encode(s.log_root, 'hex') FROM event_seal s ORDER BY s.number DESC LIMIT 1));
END
$function$;
COMMENT ON FUNCTION export_case(bigint, bigint, time_window) IS
  'all sealed events that concern a participant, a unit or a span of time, each with its proof, in one document that verifies itself (test/bin/verify_proof.pl); not_sealed counts those that no seal has yet; what the caller does not read (sealed bids to the operator, personal data) is not in it; the export is itself logged; error 42501';
REVOKE ALL ON FUNCTION export_case(bigint, bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION export_case(bigint, bigint, time_window) TO flexexchange_operator, flexexchange_regulator;
