-- archetype: medium
-- The feed: what a caller may read of notification and event_log, as CloudEvents 1.0, by cursor.
--
-- Order: by cluster, transaction, events before notifications, number.  A transaction is delivered once no
-- transaction below it runs: then nothing can come in before it any more, and a cursor never passes over a row.
-- One that runs for long holds the feed up; what is delivered is delivered in the same order to everybody.
--
-- A cursor names, for each cluster, the last row that was delivered.  Transactions are counted by cluster: of one
-- that the database was restored from nothing runs here, and a row made there stands where it stood.

COMMENT ON TABLE notification IS
  'what each participant is told, with no more than the rules share; read it with event_feed(): numbers are given before transactions commit, so that who reads on from the highest id may pass over some';
COMMENT ON COLUMN notification.id IS 'surrogate key; rising within a transaction, and not in the order of commits';

-- What a gate opens stands behind the operator's cursor by then.  It is told of what comes after the gate alone,
-- so that what it is told does not depend on when it asks.
CREATE OR REPLACE FUNCTION was_sealed(table_name text, row_key text, instant timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE was_sealed.table_name
    WHEN 'bid' THEN EXISTS (SELECT FROM bid b JOIN competition c ON c.id = b.competition_id WHERE b.id = row_key::bigint AND c.gate_closes_at > instant)
    WHEN 'hold' THEN EXISTS (SELECT FROM hold h JOIN bid b ON b.id = h.trade_id JOIN competition c ON c.id = b.competition_id
                             WHERE h.id = row_key::bigint AND h.stage = 'bid' AND c.gate_closes_at > instant)
    WHEN 'conflict' THEN EXISTS (SELECT FROM conflict f JOIN commitment k ON k.id IN (f.challenger_id, f.incumbent_id) JOIN bid b ON b.id = k.source_id
                                 JOIN competition c ON c.id = b.competition_id WHERE f.id = row_key::bigint AND k.stage = 'bid' AND c.gate_closes_at > instant)
    ELSE false END;
END;
COMMENT ON FUNCTION was_sealed(text, text, timestamptz) IS 'true when a bid, or the bid that a hold or a conflict is about, was sealed at an instant';
REVOKE ALL ON FUNCTION was_sealed(text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION was_sealed(text, text, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_as_cloudevent(e event_log, source text, with_content boolean) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('specversion', '1.0', 'id', format('%s/event/%s', e.cluster, e.id), 'source', source,
    'type', format('flexexchange.%s.%s', e.table_name, e.action), 'subject', concat_ws('/', e.table_name, e.row_key), 'time', iso_text(e.recorded_at),
    'datacontenttype', 'application/json', 'data',
    jsonb_strip_nulls(jsonb_build_object('table', e.table_name, 'key', e.row_key, 'action', e.action, 'participant_id', e.participant_id, 'event_id', e.id,
      'changed', CASE WHEN e.action = 'update' AND e.before IS NOT NULL THEN (SELECT jsonb_agg(k ORDER BY k COLLATE "C") FROM jsonb_object_keys(e.before::jsonb) k) END,
      'erased', CASE WHEN e.salt IS NULL THEN true END))
    -- the content as it is, with whatever nulls it has
    || CASE WHEN with_content AND e.before IS NOT NULL THEN jsonb_build_object('before', e.before::jsonb) ELSE '{}' END
    || CASE WHEN with_content AND e.after IS NOT NULL THEN jsonb_build_object('after', e.after::jsonb) ELSE '{}' END)
$function$;
COMMENT ON FUNCTION event_as_cloudevent(event_log, text, boolean) IS
  'an event of the log as CloudEvents 1.0: which row of which table, what was done to it, the names of the columns that changed; with content also the row, as event_log has it';
REVOKE ALL ON FUNCTION event_as_cloudevent(event_log, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_as_cloudevent(event_log, text, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION notification_as_cloudevent(n notification, source text, with_content boolean) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT jsonb_build_object('specversion', '1.0', 'id', format('%s/notification/%s', n.cluster, n.id), 'source', source,
    'type', 'flexexchange.notification.' || n.event, 'subject', coalesce(a.kind || '/' || a.id, 'notification/' || n.id), 'time', iso_text(n.created_at),
    'datacontenttype', 'application/json', 'data',
    jsonb_build_object('notification_id', n.id, 'participant_id', n.participant_id, 'event', n.event) || coalesce(jsonb_build_object(a.kind || '_id', a.id), '{}')
    || CASE WHEN with_content THEN jsonb_build_object('message', n.message, 'content', n.content) ELSE '{}' END)
  FROM (VALUES (true)) AS one
  -- whatever thing a module added a column for
  LEFT JOIN (SELECT left(c.key, -3) AS kind, c.value::bigint AS id FROM jsonb_each_text(jsonb_strip_nulls(to_jsonb(n))) c
             WHERE c.key LIKE '%\_id' AND c.key NOT IN ('participant_id', 'transaction_id')) a ON true
$function$;
COMMENT ON FUNCTION notification_as_cloudevent(notification, text, boolean) IS 'a notification as CloudEvents 1.0: of what happened to which conflict, risk, qualification, switch, competition or other thing that a column names; with content also the sentence and what the rules share';
REVOKE ALL ON FUNCTION notification_as_cloudevent(notification, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION notification_as_cloudevent(notification, text, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- For whom a feed is: x reads the log of all, and the number is the participant that is told.
CREATE OR REPLACE FUNCTION feed_reader() RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  all_events CONSTANT boolean := acts_for_exchange() OR NOT row_security_active('event_log');
BEGIN
  IF me IS NULL AND NOT all_events THEN
    RAISE EXCEPTION 'the session acts for no participant, and there is no feed for it'
      USING ERRCODE = 'insufficient_privilege', HINT = 'A login of several participants says act_for(id) first; a suspended one asks the operator.';
  END IF;
  RETURN CASE WHEN all_events THEN 'x' ELSE '' END || coalesce(me::text, '');
END
$function$;
COMMENT ON FUNCTION feed_reader() IS 'whose feed event_feed() is: a participant by its number, x for the operator, the regulator and the owner; error 42501 where it is nobody''s';
REVOKE ALL ON FUNCTION feed_reader() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed_reader() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Clusters are few and rows are many: from one to the next by index.  Where it is now comes last.
CREATE OR REPLACE FUNCTION feed_clusters(reader text) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
SET jit = off
AS $function$
DECLARE
  me CONSTANT bigint := nullif(ltrim(reader, 'x'), '')::bigint;
  all_events CONSTANT boolean := reader LIKE 'x%';
  here CONSTANT bigint := this_cluster();
  one bigint := -9223372036854775808;
BEGIN
  LOOP
    one := least(CASE WHEN all_events THEN (SELECT e.cluster FROM event_log e WHERE e.cluster > one ORDER BY e.cluster LIMIT 1)
                      ELSE (SELECT e.cluster FROM event_log e WHERE e.participant_id = me AND e.cluster > one ORDER BY e.cluster LIMIT 1) END,
                 (SELECT n.cluster FROM notification n WHERE n.participant_id = me AND n.cluster > one ORDER BY n.cluster LIMIT 1));
    EXIT WHEN one IS NULL;
    IF one <> here THEN
      RETURN NEXT one;
    END IF;
  END LOOP;
  RETURN NEXT here;
END
$function$;
COMMENT ON FUNCTION feed_clusters(text) IS 'the clusters in which what a reader of the feed reads was made, this one last';
REVOKE ALL ON FUNCTION feed_clusters(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION feed_clusters(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- A cursor is 1;reader;about and, for each cluster, ;cluster.transaction.n.number, with e for events and n for notifications.
CREATE OR REPLACE FUNCTION event_feed(after_cursor text DEFAULT NULL, page integer DEFAULT 100, about text DEFAULT 'all', with_content boolean DEFAULT false)
RETURNS TABLE (cursor text, event jsonb)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
-- conditions that do not concern the reader are gone before the plan is made; a page is short: compiling, or hashing
-- a whole table of what may be read for a policy, takes longer than reading it
SET plan_cache_mode = force_custom_plan
SET jit = off
SET work_mem = '64kB'
SET hash_mem_multiplier = 1
AS $function$
#variable_conflict use_column
DECLARE
  endless CONSTANT bigint := 9223372036854775807;
  reader CONSTANT text := feed_reader();
  me CONSTANT bigint := nullif(ltrim(reader, 'x'), '')::bigint;
  all_events CONSTANT boolean := reader LIKE 'x%';
  unsealed CONSTANT boolean := row_security_active('event_log') AND pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER');
  events CONSTANT boolean := about IN ('all', 'events');
  notifications CONSTANT boolean := about IN ('all', 'notifications') AND me IS NOT NULL;
  source CONSTANT text := (SELECT i.uri FROM exchange_instance i);
  head CONSTANT text := format('1;%s;%s', reader, about);
  here CONSTANT bigint := this_cluster();
  places text[] := ARRAY[]::text[];
  rest text;
  place text[];
  one bigint;
  horizon bigint;
  seen bigint;
  event_from bigint;
  notification_from bigint;
  left_over integer := page;
  delivered record;
BEGIN
  IF about IS NULL OR about NOT IN ('all', 'events', 'notifications') THEN
    RAISE EXCEPTION 'event_feed: about is %', coalesce(quote_literal(left(about, 40)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use all, events or notifications.';
  ELSIF page IS NULL OR page NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'event_feed: page is %', coalesce(page::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Ask for 1 to 10000 events at a time.';
  ELSIF after_cursor IS NOT NULL THEN
    IF after_cursor !~ '^1;x?[0-9]*;(all|events|notifications)(;-?[0-9]{1,20}\.[0-9]{1,18}\.[en]\.[0-9]{1,18})*$' THEN
      RAISE EXCEPTION 'event_feed: not a cursor: %', quote_literal(left(after_cursor, 100))
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the cursor of the last event that was dealt with, as it was delivered, or NULL to begin.';
    ELSIF NOT starts_with(after_cursor || ';', head || ';') THEN
      RAISE EXCEPTION 'event_feed: the cursor is of another feed: %', quote_literal(left(after_cursor, 100))
        USING ERRCODE = 'invalid_parameter_value', HINT = format('This feed is %s; a cursor is of one reader and of what it asked about.', head);
    END IF;
    places := string_to_array(nullif(substr(after_cursor, length(head) + 2), ''), ';');
  END IF;
  FOR one IN SELECT feed_clusters(reader) LOOP
    SELECT string_to_array(p, '.') INTO place FROM unnest(places) p WHERE starts_with(p, one || '.');
    rest := coalesce((SELECT string_agg(';' || p, '') FROM unnest(places) p WHERE NOT starts_with(p, one || '.')), '');
    seen := coalesce(place[2]::bigint, 0);
    IF one = here AND seen >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN
      RAISE EXCEPTION 'event_feed: the cursor is ahead of this database, which has not come to transaction % yet', seen
        USING ERRCODE = 'invalid_parameter_value', HINT = 'A standby that lags catches up. If the database was taken back in time, begin with a cursor from before that, or with NULL.';
    END IF;
    event_from := CASE place[3] WHEN 'n' THEN endless ELSE coalesce(place[4]::bigint, 0) END;
    notification_from := CASE place[3] WHEN 'n' THEN place[4]::bigint ELSE 0 END;
    -- of another cluster everything is finished
    horizon := CASE WHEN one = here THEN pg_snapshot_xmin(pg_current_snapshot())::text::bigint ELSE endless END;
    FOR delivered IN
      SELECT x.transaction_id, x.kind, x.id,
             CASE x.kind WHEN 'e' THEN event_as_cloudevent(x.e, source, with_content) ELSE notification_as_cloudevent(x.n, source, with_content) END AS event
      FROM (
        (SELECT e.transaction_id, 'e' AS kind, e.id, e, NULL::notification AS n FROM event_log e
         WHERE events AND all_events AND e.cluster = one AND (e.transaction_id, e.id) > (seen, event_from) AND e.transaction_id < horizon
           AND NOT (unsealed AND e.table_name IN ('bid', 'hold', 'conflict') AND was_sealed(e.table_name, e.row_key, e.recorded_at))
           AND NOT (unsealed AND e.table_name IN ('bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link', 'requirement_reserve')
                    AND EXISTS (SELECT FROM competition c WHERE c.id = (coalesce(e.after, e.before)::jsonb ->> 'competition_id')::bigint AND c.gate_closes_at > e.recorded_at))
         ORDER BY e.transaction_id, e.id LIMIT left_over)
        UNION ALL
        (SELECT e.transaction_id, 'e', e.id, e, NULL FROM event_log e
         WHERE events AND NOT all_events AND e.participant_id = me AND e.cluster = one AND (e.transaction_id, e.id) > (seen, event_from) AND e.transaction_id < horizon
         ORDER BY e.transaction_id, e.id LIMIT left_over)
        UNION ALL
        (SELECT n.transaction_id, 'n', n.id, NULL, n FROM notification n
         WHERE notifications AND n.participant_id = me AND n.cluster = one AND (n.transaction_id, n.id) > (seen, notification_from) AND n.transaction_id < horizon
         ORDER BY n.transaction_id, n.id LIMIT left_over)
        ORDER BY 1, 2, 3 LIMIT left_over) x
    LOOP
      cursor := format('%s;%s.%s.%s.%s%s', head, one, delivered.transaction_id, delivered.kind, delivered.id, rest);
      event := delivered.event;
      RETURN NEXT;
      left_over := left_over - 1;
      places := ARRAY[format('%s.%s.%s.%s', one, delivered.transaction_id, delivered.kind, delivered.id)] || ARRAY(SELECT p FROM unnest(places) p WHERE NOT starts_with(p, one || '.'));
    END LOOP;
    EXIT WHEN left_over = 0;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION event_feed(text, integer, text, boolean) IS
  'what the caller may read of event_log, and its own notifications, as CloudEvents 1.0 after a cursor (NULL: from the beginning), at most page of them, each with the cursor to go on from; at least once and without a gap: a transaction is delivered once no earlier one runs; about is all, events or notifications; thin, unless content is asked for; errors 22023, 42501';
REVOKE ALL ON FUNCTION event_feed(text, integer, text, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_feed(text, integer, text, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION event_feed_now(about text DEFAULT 'all') RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT format('1;%s;%s', r.reader, about) || string_agg(format(';%s.%s.n.999999999999999999', c.cluster,
           CASE WHEN c.cluster = this_cluster() THEN pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1 ELSE 999999999999999999 END), '')
  FROM (SELECT feed_reader() AS reader) r CROSS JOIN LATERAL feed_clusters(r.reader) AS c (cluster) GROUP BY r.reader
$function$;
COMMENT ON FUNCTION event_feed_now(text) IS 'the cursor after everything that event_feed() would deliver by now: for a reader that wants what comes, and not what was; error 42501';
REVOKE ALL ON FUNCTION event_feed_now(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_feed_now(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
