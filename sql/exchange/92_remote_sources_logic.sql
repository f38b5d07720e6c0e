-- archetype: medium
-- Data kept at home: attaching sources, reading what stays there, pulling what conflicts are found by.
--
-- A foreign table has no row-level security.  So nobody is granted one: readings go through view remote_reading, which
-- asks as the owner and gives each caller the channels that it reads here, of each source those of its participant alone.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['data_location', 'remote_source', 'remote_trade']) t;
-- sources are attached, asked and pulled by functions
REVOKE INSERT, UPDATE, DELETE ON remote_source, remote_trade FROM flexexchange_operator;
GRANT SELECT, INSERT (participant_id, what, kept), UPDATE (kept) ON data_location TO flexexchange_participant;
DROP POLICY IF EXISTS data_location_own ON data_location;
CREATE POLICY data_location_own ON data_location TO flexexchange_participant
  USING (participant_id = (SELECT current_participant())) WITH CHECK (participant_id = (SELECT current_participant()));
COMMENT ON POLICY data_location_own ON data_location IS 'HOME-1: a participant chooses where its data are kept';
GRANT SELECT ON remote_source TO flexexchange_participant;
DROP POLICY IF EXISTS remote_source_own ON remote_source;
CREATE POLICY remote_source_own ON remote_source FOR SELECT TO flexexchange_participant USING (participant_id = (SELECT current_participant()));
COMMENT ON POLICY remote_source_own ON remote_source IS 'HOME-2: a participant reads how its own sources are attached, and why they are silent';

CREATE OR REPLACE FUNCTION stamp_data_location() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  NEW.chosen_at := now();
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_data_location() IS 'trigger: a choice has the time at which it was made';
REVOKE ALL ON FUNCTION stamp_data_location() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_stamp BEFORE UPDATE ON data_location FOR EACH ROW EXECUTE FUNCTION stamp_data_location();
COMMENT ON TRIGGER t20_stamp ON data_location IS 'when it was chosen';

-- ------------------------------------------------------------------ what is read where it is

-- With the rights of whoever asks, also within a view of the owner: policies of meter_channel say which.
CREATE OR REPLACE FUNCTION readable_channel_ids(sender_id bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT c.id FROM meter_channel c WHERE c.sender_id = readable_channel_ids.sender_id
$function$;
COMMENT ON FUNCTION readable_channel_ids(bigint) IS 'the channels of a sender that the caller reads';
REVOKE ALL ON FUNCTION readable_channel_ids(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readable_channel_ids(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Lists of channels are long, and go to the source: whoever reads all of a sender's needs none.
CREATE OR REPLACE FUNCTION reads_all_channels_of(sender_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT acts_for_exchange() OR NOT row_security_active('meter_channel') OR coalesce(current_participant() = reads_all_channels_of.sender_id, false)
$function$;
COMMENT ON FUNCTION reads_all_channels_of(bigint) IS 'true when the caller reads every channel of a sender: itself, the operator, the regulator and the owner';
REVOKE ALL ON FUNCTION reads_all_channels_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reads_all_channels_of(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION rebuild_remote_reading() RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
DECLARE
  branches text;
  number integer;
BEGIN
  -- what is said here too counts here: a reading is there once; partitions of other times are not looked at
  SELECT string_agg(format($sql$
    SELECT %1$s::bigint AS remote_source_id, %2$s::bigint AS sender_id, f.channel_id, f.starts_at, f.received_at, f.value, f.quality
    FROM %3$I f
    WHERE ((SELECT reads_all_channels_of(%2$s)) OR f.channel_id = ANY (ARRAY(SELECT readable_channel_ids(%2$s) WHERE NOT reads_all_channels_of(%2$s))))
      AND EXISTS (SELECT FROM meter_channel c WHERE c.id = f.channel_id AND c.sender_id = %2$s)
      AND f.starts_at >= %4$L::timestamptz AND f.starts_at < %5$L::timestamptz
      AND NOT EXISTS (SELECT FROM meter_reading l WHERE l.channel_id = f.channel_id AND l.starts_at = f.starts_at AND l.starts_at >= %4$L::timestamptz AND l.starts_at < %5$L::timestamptz)$sql$,
    s.id, s.participant_id, 'remote_reading_' || s.id, lower(s.covers), upper(s.covers)), ' UNION ALL ' ORDER BY s.id), count(*)::integer
  INTO branches, number FROM remote_source s WHERE s.what = 'reading';
  EXECUTE 'CREATE OR REPLACE VIEW remote_reading WITH (security_barrier = true) AS ' || coalesce(branches,
    'SELECT NULL::bigint AS remote_source_id, NULL::bigint AS sender_id, NULL::bigint AS channel_id, NULL::timestamptz AS starts_at, NULL::timestamptz AS received_at, NULL::numeric(14,4) AS value, NULL::text COLLATE "C" AS quality WHERE false');
  RETURN number;
END
$function$;
COMMENT ON FUNCTION rebuild_remote_reading() IS 'makes view remote_reading anew of the sources that there are, and returns how many; owner only';
REVOKE ALL ON FUNCTION rebuild_remote_reading() FROM PUBLIC;
SELECT rebuild_remote_reading();
COMMENT ON VIEW remote_reading IS
  'readings that are kept in participants'' own databases, as far as the caller reads their channels; asks as the owner, because nobody is granted the foreign tables, and hides by its condition what row-level security would';
COMMENT ON COLUMN remote_reading.remote_source_id IS 'the source: a condition on it, or on sender_id, leaves the others unasked';
COMMENT ON COLUMN remote_reading.sender_id IS 'whose source it is, and who speaks for the channel';
COMMENT ON COLUMN remote_reading.channel_id IS 'the channel';
COMMENT ON COLUMN remote_reading.starts_at IS 'start of the step';
COMMENT ON COLUMN remote_reading.received_at IS 'when it was received there, in this form';
COMMENT ON COLUMN remote_reading.value IS 'kWh in the step or mean kW over it, as the channel says';
COMMENT ON COLUMN remote_reading.quality IS 'A actual, E estimated, S substituted';
GRANT SELECT ON remote_reading TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW reading_anywhere WITH (security_invoker = true) AS
  SELECT NULL::bigint AS remote_source_id, r.resource_id, r.channel_id, r.sender_id, r.quantity, r.flow, r.starts_at, r.ends_at, r.energy_kwh, r.mean_power_kw, r.quality, r.received_at
  FROM reading r
  UNION ALL
  SELECT r.remote_source_id, c.resource_id, r.channel_id, r.sender_id, c.quantity, c.flow, r.starts_at, r.starts_at + make_interval(secs => c.interval_seconds),
         CASE c.quantity WHEN 'energy' THEN r.value ELSE round(r.value * c.interval_seconds / 3600, 4) END,
         CASE c.quantity WHEN 'power' THEN r.value ELSE round(r.value * 3600 / c.interval_seconds, 4) END,
         CASE r.quality WHEN 'A' THEN 'actual' WHEN 'E' THEN 'estimated' ELSE 'substituted' END, r.received_at
  FROM remote_reading r JOIN meter_channel c ON c.id = r.channel_id;
COMMENT ON VIEW reading_anywhere IS 'readings, wherever they are kept, as view reading has them; fails where a source does not answer: readings_anywhere() says which, or leaves it out';
COMMENT ON COLUMN reading_anywhere.remote_source_id IS 'the source that keeps it; NULL: this exchange';
COMMENT ON COLUMN reading_anywhere.resource_id IS 'the asset, portfolio or metering point';
COMMENT ON COLUMN reading_anywhere.channel_id IS 'the channel: a condition on it goes to the source';
COMMENT ON COLUMN reading_anywhere.sender_id IS 'who sent or keeps it: a condition on it leaves the sources of others unasked';
COMMENT ON COLUMN reading_anywhere.quantity IS 'what was read: energy or power';
COMMENT ON COLUMN reading_anywhere.flow IS 'import (out of the network), export (into it), net (export less import)';
COMMENT ON COLUMN reading_anywhere.starts_at IS 'start of the step: a condition on it goes to the source';
COMMENT ON COLUMN reading_anywhere.ends_at IS 'end of the step';
COMMENT ON COLUMN reading_anywhere.energy_kwh IS 'energy in the step, kWh';
COMMENT ON COLUMN reading_anywhere.mean_power_kw IS 'mean power over the step, kW';
COMMENT ON COLUMN reading_anywhere.quality IS 'actual, estimated or substituted';
COMMENT ON COLUMN reading_anywhere.received_at IS 'when it was received, in this form';
GRANT SELECT ON reading_anywhere TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ attaching

CREATE OR REPLACE FUNCTION remote_columns(what text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE what
    WHEN 'reading' THEN 'channel_id bigint, starts_at timestamptz, received_at timestamptz, value numeric(14,4), quality text COLLATE "C"'
    ELSE 'mrid uuid, product_mrid uuid, service_provider_mrid uuid, unit_mrid uuid, direction text, power_kw numeric, starts_at timestamptz, ends_at timestamptz, status text'
         || CASE what WHEN 'availability' THEN ', award_mrid uuid' ELSE '' END END
$function$;
COMMENT ON FUNCTION remote_columns(text) IS 'the columns that a table or view of a participant''s own database must have to be attached as a source of readings, awards or availability';
REVOKE ALL ON FUNCTION remote_columns(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remote_columns(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION attach_remote_source(participant_id bigint, what text, server text, remote_schema text, remote_table text, covers time_window DEFAULT '-infinity/infinity') RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  attached bigint;
  said text;
  state text;
BEGIN
  IF NOT pg_has_role((SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()), 'USAGE') THEN
    RAISE EXCEPTION 'attach_remote_source() makes a foreign table, which is for the owner of the exchange'
      USING ERRCODE = 'insufficient_privilege', HINT = 'A participant chooses in data_location; the owner attaches.';
  END IF;
  PERFORM check_code(attach_remote_source.what, 'what', 'reading', 'award', 'availability');
  IF NOT EXISTS (SELECT FROM participant p WHERE p.id = attach_remote_source.participant_id) THEN
    RAISE EXCEPTION 'participant % is not known', coalesce(attach_remote_source.participant_id::text, 'NULL') USING ERRCODE = 'MX103', HINT = 'SELECT id, name FROM participant lists them.';
  END IF;
  IF NOT EXISTS (SELECT FROM data_location l WHERE l.participant_id = attach_remote_source.participant_id AND l.what = attach_remote_source.what AND l.kept = 'remote') THEN
    RAISE EXCEPTION 'participant % keeps its data of kind % centrally', attach_remote_source.participant_id, attach_remote_source.what
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'It chooses otherwise itself: INSERT INTO data_location (participant_id, what, kept) VALUES (..., ''remote'').';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = attach_remote_source.server) THEN
    RAISE EXCEPTION 'there is no foreign server %', coalesce(quote_literal(attach_remote_source.server), 'NULL') USING ERRCODE = 'undefined_object',
      HINT = CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'postgres_fdw') THEN 'Make it with CREATE SERVER, and CREATE USER MAPPING for the owner of the exchange: docs/remote_sources.md.'
                  ELSE 'This database lacks postgres_fdw, which comes with PostgreSQL: a superuser makes it with CREATE EXTENSION postgres_fdw, then a server and a user mapping: docs/remote_sources.md.' END;
  END IF;
  INSERT INTO remote_source (participant_id, what, server, remote_schema, remote_table, covers)
  VALUES (attach_remote_source.participant_id, attach_remote_source.what, attach_remote_source.server, attach_remote_source.remote_schema, attach_remote_source.remote_table, attach_remote_source.covers)
  RETURNING id INTO attached;
  EXECUTE format('CREATE FOREIGN TABLE %I (%s) SERVER %I OPTIONS (schema_name %L, table_name %L, updatable ''false'')',
                 format('remote_%s_%s', attach_remote_source.what, attached), remote_columns(attach_remote_source.what), attach_remote_source.server, attach_remote_source.remote_schema, attach_remote_source.remote_table);
  EXECUTE format('COMMENT ON FOREIGN TABLE %I IS %L', format('remote_%s_%s', attach_remote_source.what, attached), format('remote_source %s', attached));
  -- a table that is not there, or lacks a column, says so now and not to somebody who reads
  BEGIN
    EXECUTE format('SELECT t::text FROM %I t LIMIT 1', format('remote_%s_%s', attach_remote_source.what, attached)) INTO said;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
    RAISE EXCEPTION 'server %, table %.% does not answer as a source of kind %: %', attach_remote_source.server, attach_remote_source.remote_schema, attach_remote_source.remote_table, attach_remote_source.what, said
      USING ERRCODE = state, HINT = format('It must have the columns %s, and the user mapping of the owner of the exchange must reach and read it.', remote_columns(attach_remote_source.what));
  END;
  PERFORM rebuild_remote_reading();
  RETURN attached;
END
$function$;
COMMENT ON FUNCTION attach_remote_source(bigint, text, text, text, text, time_window) IS
  'attaches a table or view of a participant''s own database, behind a foreign server, as a source of its readings, awards or availability, of a time; returns its id; the participant has to have chosen so in data_location; owner only; errors MX103, 23514, 42501, 42704, 55000, and what the server says';
REVOKE ALL ON FUNCTION attach_remote_source(bigint, text, text, text, text, time_window) FROM PUBLIC;

CREATE OR REPLACE FUNCTION detach_remote_source(remote_source_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
DECLARE
  kind text;
BEGIN
  DELETE FROM remote_source s WHERE s.id = detach_remote_source.remote_source_id RETURNING s.what INTO kind;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no remote source %', coalesce(detach_remote_source.remote_source_id::text, 'NULL') USING ERRCODE = 'no_data_found', HINT = 'SELECT id, participant_id, what FROM remote_source lists them.';
  END IF;
  PERFORM rebuild_remote_reading();
  EXECUTE format('DROP FOREIGN TABLE IF EXISTS %I', format('remote_%s_%s', kind, detach_remote_source.remote_source_id));
END
$function$;
COMMENT ON FUNCTION detach_remote_source(bigint) IS 'detaches a source; what was pulled from it stays; owner only; error P0002';
REVOKE ALL ON FUNCTION detach_remote_source(bigint) FROM PUBLIC;

-- ------------------------------------------------------------------ silence

-- One row is enough to know.  What it says may name hosts: it goes to remote_source, for the operator and the participant.
CREATE OR REPLACE FUNCTION ask_remote_source(remote_source_id bigint) RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  source remote_source;
  state text;
  said text;
  since timestamptz;
BEGIN
  SELECT * INTO source FROM remote_source s WHERE s.id = ask_remote_source.remote_source_id;
  BEGIN
    EXECUTE format('SELECT t::text FROM %I t LIMIT 1', format('remote_%s_%s', source.what, source.id)) INTO said;
  EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = MESSAGE_TEXT, state = RETURNED_SQLSTATE;
    since := coalesce(source.silent_since, clock_timestamp());
  END;
  -- on a standby, and in a transaction that only reads, nothing is noted
  IF since IS DISTINCT FROM source.silent_since AND NOT current_setting('transaction_read_only')::boolean THEN
    UPDATE remote_source s SET silent_since = since, problem = CASE WHEN since IS NOT NULL THEN left(state || ': ' || said, 1000) END WHERE s.id = source.id;
  END IF;
  RETURN since;
END
$function$;
COMMENT ON FUNCTION ask_remote_source(bigint) IS
  'asks a source for a row, notes in remote_source when it falls silent or answers again, and returns since when it is silent, NULL when it is not; SECURITY DEFINER because nobody writes remote_source or reads the foreign tables';
REVOKE ALL ON FUNCTION ask_remote_source(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ask_remote_source(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION check_remote_sources()
RETURNS TABLE (remote_source_id bigint, participant_id bigint, what text, server text, answers boolean, silent_since timestamptz, problem text, took interval)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  began timestamptz;
BEGIN
  FOR remote_source_id IN SELECT s.id FROM remote_source s ORDER BY s.id LOOP
    began := clock_timestamp();
    answers := ask_remote_source(remote_source_id) IS NULL;
    took := clock_timestamp() - began;
    SELECT s.participant_id, s.what, s.server, s.silent_since, s.problem INTO participant_id, what, server, silent_since, problem FROM remote_source s WHERE s.id = remote_source_id;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION check_remote_sources() IS
  'asks every source for a row, notes which are silent, and returns what it found: for monitoring, every minute say';
REVOKE ALL ON FUNCTION check_remote_sources() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_remote_sources() TO flexexchange_operator;

CREATE OR REPLACE FUNCTION remote_reading_sources() RETURNS TABLE (remote_source_id bigint, participant_id bigint, participant text, covers time_window, was_silent boolean)
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT s.id, s.participant_id, p.name, s.covers, s.silent_since IS NOT NULL FROM remote_source s JOIN participant p ON p.id = s.participant_id WHERE s.what = 'reading' ORDER BY s.id
$function$;
COMMENT ON FUNCTION remote_reading_sources() IS
  'the sources of readings: that a participant keeps readings at home, and of which time; SECURITY DEFINER because who reads its channels need not read how it is attached';
REVOKE ALL ON FUNCTION remote_reading_sources() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remote_reading_sources() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- The error of a foreign server names neither whose it is nor what to do.  Each source is asked by itself, so that
-- those that answer can be given, and the others named.
CREATE OR REPLACE FUNCTION readings_anywhere(span time_window, channel_ids bigint[] DEFAULT NULL, partial boolean DEFAULT false)
RETURNS TABLE (remote_source_id bigint, silent boolean, silent_since timestamptz, problem text, sender_id bigint, resource_id bigint, channel_id bigint,
               starts_at timestamptz, ends_at timestamptz, energy_kwh numeric, mean_power_kw numeric, quality text, received_at timestamptz)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET plan_cache_mode = force_custom_plan
AS $function$
#variable_conflict use_column
DECLARE
  source record;
  state text;
BEGIN
  BEGIN
    RETURN QUERY
    SELECT NULL::bigint, false, NULL::timestamptz, NULL::text, r.sender_id, r.resource_id, r.channel_id, r.starts_at, r.ends_at, r.energy_kwh, r.mean_power_kw, r.quality, r.received_at
    FROM reading r WHERE r.starts_at >= lower(span) AND r.starts_at < upper(span) AND (channel_ids IS NULL OR r.channel_id = ANY (channel_ids));
  EXCEPTION WHEN connection_exception OR fdw_error OR operator_intervention THEN
    -- a partition of then lies elsewhere: attach_remote_readings()
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
    problem := format('an archive of readings of %s cannot be read now (SQLSTATE %s)', iso_text(span), state);
    IF NOT partial THEN
      RAISE EXCEPTION '%', problem USING ERRCODE = state, HINT = 'Ask for a later time, or with partial => true for what can be read. The operator sees in table_partition which partitions are remote.';
    END IF;
    silent := true;
    RETURN NEXT;
  END;
  FOR source IN SELECT s.* FROM remote_reading_sources() s WHERE s.covers && span
                  AND EXISTS (SELECT FROM meter_channel c WHERE c.sender_id = s.participant_id AND (channel_ids IS NULL OR c.id = ANY (channel_ids))) LOOP
    BEGIN
      RETURN QUERY EXECUTE format($sql$
        SELECT r.remote_source_id, false, NULL::timestamptz, NULL::text, r.sender_id, r.resource_id, r.channel_id, r.starts_at, r.ends_at, r.energy_kwh, r.mean_power_kw, r.quality, r.received_at
        FROM reading_anywhere r WHERE r.remote_source_id = %s AND r.starts_at >= $1 AND r.starts_at < $2 %s$sql$, source.remote_source_id,
        CASE WHEN channel_ids IS NOT NULL THEN 'AND r.channel_id = ANY ($3)' END) USING lower(span), upper(span), channel_ids;
      IF source.was_silent THEN
        PERFORM ask_remote_source(source.remote_source_id);
      END IF;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
      silent_since := coalesce(ask_remote_source(source.remote_source_id), clock_timestamp());
      problem := format('the readings that participant %s (%s) keeps at home cannot be read now (SQLSTATE %s), since %s', source.participant_id, source.participant, state, iso_text(date_trunc('second', silent_since)));
      IF NOT partial THEN
        RAISE EXCEPTION '%', problem USING ERRCODE = state,
          HINT = 'Ask with partial => true for those that answer; a row with silent true names each that does not. The operator sees why in remote_source.';
      END IF;
      remote_source_id := source.remote_source_id;
      silent := true;
      sender_id := source.participant_id;
      RETURN NEXT;
    END;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION readings_anywhere(time_window, bigint[], boolean) IS
  'readings that start in a window, of some channels or of all that the caller reads, wherever they are kept; a source that does not answer is an error that names its participant, with the SQLSTATE of the server, or, where a partial answer will do, a row with silent true that says whose readings are missing, or cut off, since when and why';
REVOKE ALL ON FUNCTION readings_anywhere(time_window, bigint[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION readings_anywhere(time_window, bigint[], boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ pulling what conflicts are found by

-- A trade is written anew when what its source says of it has changed, and left alone otherwise, whatever the engine
-- made of it here: a hold, for example.  Prices stay there: no conflict is found by them.
CREATE OR REPLACE FUNCTION read_remote_trades(remote_source_id bigint, beginning_from timestamptz)
RETURNS TABLE (mrid uuid, product_mrid uuid, service_provider_mrid uuid, unit_mrid uuid, direction text, power_kw numeric, delivery_window time_window, status text, award_mrid uuid, digest bytea)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  source remote_source;
  state text;
BEGIN
  SELECT * INTO source FROM remote_source s WHERE s.id = read_remote_trades.remote_source_id;
  RETURN QUERY EXECUTE format($sql$
    SELECT f.mrid, f.product_mrid, f.service_provider_mrid, f.unit_mrid, f.direction, f.power_kw, CASE WHEN f.starts_at < f.ends_at THEN time_window(f.starts_at, f.ends_at) END, f.status, f.award_mrid,
           sha256(convert_to(jsonb_build_array(f.product_mrid, f.service_provider_mrid, f.unit_mrid, f.direction, f.power_kw, extract(epoch FROM f.starts_at), extract(epoch FROM f.ends_at), f.status, f.award_mrid)::text, 'UTF8'))
    FROM (SELECT t.*%s FROM %I t WHERE t.starts_at >= $1 AND t.starts_at < $2) f$sql$,
    CASE source.what WHEN 'award' THEN ', NULL::uuid AS award_mrid' ELSE '' END, format('remote_%s_%s', source.what, source.id)) USING greatest(beginning_from, lower(source.covers)), upper(source.covers);
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE;
  RAISE EXCEPTION 'the source of kind % of participant % (%), server %, cannot be read now (SQLSTATE %), since %', source.what, source.participant_id,
    (SELECT p.name FROM participant p WHERE p.id = source.participant_id), source.server, state, iso_text(date_trunc('second', coalesce(ask_remote_source(source.id), clock_timestamp())))
    USING ERRCODE = state, HINT = 'Nothing was pulled; pull again when check_remote_sources() says that it answers, which also notes why it does not.';
END
$function$;
COMMENT ON FUNCTION read_remote_trades(bigint, timestamptz) IS 'what a source of awards or availability says of deliveries that begin from an instant on, with a digest of it; the SQLSTATE of a server that does not answer, with whose it is; called by pull_remote_trades()';
REVOKE ALL ON FUNCTION read_remote_trades(bigint, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION pull_remote_trades(remote_source_id bigint, beginning_from timestamptz DEFAULT '-infinity')
RETURNS TABLE (mrid uuid, outcome text, reason text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  source remote_source;
  one record;
BEGIN
  SELECT * INTO source FROM remote_source s WHERE s.id = pull_remote_trades.remote_source_id AND s.what <> 'reading'
    AND (s.participant_id = current_participant() OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER')
         OR pg_has_role(session_role(), (SELECT nspowner FROM pg_namespace WHERE nspname = current_schema()), 'USAGE'));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'remote source % has no trades, is not there, or not the caller''s to pull', coalesce(pull_remote_trades.remote_source_id::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'SELECT id, participant_id, what FROM remote_source lists those of kind award and availability.';
  END IF;
  -- one at a time
  PERFORM pg_advisory_xact_lock(hashtextextended(format('%s.%s', 'remote_source'::regclass::oid, source.id), 0));
  FOR one IN
    SELECT t.*, r.mrid IS NOT NULL AS known, p.id AS product_id, s.id AS service_provider_id, a.id AS asset_id, f.id AS portfolio_id, w.id AS award_id,
           CASE WHEN t.mrid IS NULL THEN 'mrid is missing'
                WHEN t.times > 1 THEN 'mrid is there twice'
                WHEN m.market_operator_id IS DISTINCT FROM source.participant_id THEN 'product_mrid is no product of the participant'
                WHEN s.id IS NULL THEN 'service_provider_mrid is not registered'
                WHEN a.id IS NULL AND f.id IS NULL THEN 'unit_mrid is neither an asset nor a portfolio'
                WHEN t.delivery_window IS NULL THEN 'ends_at is not later than starts_at'
                WHEN t.status IS NULL OR NOT t.status = ANY (CASE source.what WHEN 'award' THEN '{awarded,completed,released,terminated}'::text[] ELSE '{declared,accepted,completed,withdrawn,released}'::text[] END)
                  THEN 'status is none that a source may say'
                WHEN t.award_mrid IS NOT NULL AND w.id IS NULL THEN 'award_mrid is no award'
                WHEN r.mrid IS NULL AND EXISTS (SELECT FROM award x WHERE x.mrid = t.mrid UNION ALL SELECT FROM availability x WHERE x.mrid = t.mrid) THEN 'mrid is there, and not from this source' END AS wrong
    FROM (SELECT q.*, count(*) OVER (PARTITION BY q.mrid) AS times FROM read_remote_trades(source.id, beginning_from) q) t
    LEFT JOIN remote_trade r ON r.remote_source_id = source.id AND r.mrid = t.mrid
    LEFT JOIN product p ON p.mrid = t.product_mrid
    LEFT JOIN market m ON m.id = p.market_id
    LEFT JOIN participant s ON s.mrid = t.service_provider_mrid
    LEFT JOIN asset a ON a.mrid = t.unit_mrid
    LEFT JOIN portfolio f ON f.mrid = t.unit_mrid
    LEFT JOIN award w ON w.mrid = t.award_mrid
    WHERE r.digest IS DISTINCT FROM t.digest ORDER BY lower(t.delivery_window), t.mrid
  LOOP
    mrid := one.mrid;
    reason := one.wrong;
    outcome := 'refused';
    IF reason IS NULL THEN
      BEGIN
        outcome := CASE WHEN one.known THEN 'changed' ELSE 'new' END;
        IF source.what = 'award' AND one.known THEN
          UPDATE award x SET direction = one.direction, power_kw = one.power_kw, delivery_window = one.delivery_window, status = one.status WHERE x.mrid = one.mrid;
        ELSIF source.what = 'award' THEN
          INSERT INTO award (mrid, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, status, source)
          VALUES (one.mrid, one.product_id, one.service_provider_id, one.asset_id, one.portfolio_id, one.direction, one.power_kw, one.delivery_window, one.status, source.server);
        ELSIF one.known THEN
          UPDATE availability x SET direction = one.direction, power_kw = one.power_kw, delivery_window = one.delivery_window, status = one.status, award_id = one.award_id WHERE x.mrid = one.mrid;
        ELSE
          INSERT INTO availability (mrid, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, status, award_id, source)
          VALUES (one.mrid, one.product_id, one.service_provider_id, one.asset_id, one.portfolio_id, one.direction, one.power_kw, one.delivery_window, one.status, one.award_id, source.server);
        END IF;
        INSERT INTO remote_trade (remote_source_id, mrid, digest) VALUES (source.id, one.mrid, one.digest)
        ON CONFLICT ON CONSTRAINT remote_trade_once DO UPDATE SET digest = excluded.digest, pulled_at = now();
      EXCEPTION WHEN integrity_constraint_violation OR data_exception OR object_not_in_prerequisite_state OR SQLSTATE 'MX101' OR SQLSTATE 'MX201' OR SQLSTATE 'MX202' THEN
        -- one that the rules refuse leaves the others be
        GET STACKED DIAGNOSTICS reason = MESSAGE_TEXT;
        outcome := 'refused';
      END;
    END IF;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION pull_remote_trades(bigint, timestamptz) IS
  'brings the awards or availability of a source, of deliveries that begin from an instant on, into the tables here, as much of them as conflicts are found by: new ones, and those of which the source says something else than when they were last pulled; returns them, with those that were refused and why; pulling again changes nothing; for the operator and the participant whose source it is; errors P0002, and the SQLSTATE of a server that does not answer, with whose it is; SECURITY DEFINER because nobody reads the foreign tables';
REVOKE ALL ON FUNCTION pull_remote_trades(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pull_remote_trades(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ a month that lies elsewhere

CREATE OR REPLACE FUNCTION attach_remote_readings(span time_window, server text, remote_schema text, remote_table text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET TimeZone = 'UTC'
AS $function$
DECLARE
  name CONSTANT text := 'meter_reading_remote_' || to_char(lower(span), 'YYYY_MM_DD');
BEGIN
  IF NOT EXISTS (SELECT FROM pg_foreign_server f WHERE f.srvname = attach_remote_readings.server) THEN
    RAISE EXCEPTION 'there is no foreign server %', coalesce(quote_literal(attach_remote_readings.server), 'NULL') USING ERRCODE = 'undefined_object', HINT = 'docs/remote_sources.md says how one is made.';
  END IF;
  EXECUTE format('CREATE FOREIGN TABLE %I PARTITION OF meter_reading FOR VALUES FROM (%L) TO (%L) SERVER %I OPTIONS (schema_name %L, table_name %L, updatable ''false'')',
                 name, lower(span), upper(span), attach_remote_readings.server, attach_remote_readings.remote_schema, attach_remote_readings.remote_table);
  EXECUTE format('COMMENT ON FOREIGN TABLE %I IS %L', name, format('partition of meter_reading that lies on server %s: %s', attach_remote_readings.server, iso_text(span)));
  RETURN name;
END
$function$;
COMMENT ON FUNCTION attach_remote_readings(time_window, text, text, text) IS
  'attaches a table on another server, with the columns of meter_reading, as its partition of a time: an archive of the exchange, below the policies of meter_reading; readings of then can be read and not corrected; owner only; errors 42704, 42P17 where there is a partition already';
REVOKE ALL ON FUNCTION attach_remote_readings(time_window, text, text, text) FROM PUBLIC;
