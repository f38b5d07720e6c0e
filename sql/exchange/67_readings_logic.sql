-- archetype: medium
-- Readings: who may send and read them, what they are of, and what is added up of them.

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['meter_channel', 'meter_reading', 'meter_reading_superseded', 'meter_reading_rejection', 'meter_reading_batch', 'stale_day', 'reading_day', 'reading_month']) t;
-- a channel that has readings stays what it is
REVOKE UPDATE, DELETE ON meter_channel FROM flexexchange_operator;
-- readings come through the intake alone, and what was said of them stays
REVOKE INSERT, UPDATE, DELETE ON meter_reading, meter_reading_superseded, meter_reading_rejection, meter_reading_batch, stale_day, reading_day, reading_month FROM flexexchange_operator;
SELECT make_partition('meter_reading', NULL);
SELECT make_partition('meter_reading', date_trunc('month', now(), 'UTC') + n * interval '1 month') FROM generate_series(-1, 2) n;
CREATE INDEX IF NOT EXISTS meter_reading_starts_at_idx ON meter_reading USING brin (starts_at) WITH (pages_per_range = 32, autosummarize = on);
COMMENT ON INDEX meter_reading_starts_at_idx IS 'readings of all channels in a time: they come about when they were measured';

-- ------------------------------------------------------------------ who reads what

CREATE OR REPLACE FUNCTION bought_resource_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH bought AS (
    SELECT unit_id FROM award WHERE product_id = ANY (ARRAY(SELECT own_product_ids()))
    UNION SELECT unit_id FROM availability WHERE product_id = ANY (ARRAY(SELECT own_product_ids()))
    UNION SELECT unit_id FROM dispatch WHERE product_id = ANY (ARRAY(SELECT own_product_ids()))),
  unit AS (
    SELECT unit_id FROM bought
    UNION SELECT m.asset_id FROM portfolio_member m JOIN bought b ON b.unit_id = m.portfolio_id)
  SELECT unit_id FROM unit
  UNION SELECT a.metering_point_id FROM asset a JOIN unit u ON u.unit_id = a.id WHERE a.metering_point_id IS NOT NULL
  UNION SELECT a.export_metering_point_id FROM asset a JOIN unit u ON u.unit_id = a.id WHERE a.export_metering_point_id IS NOT NULL;
END;
COMMENT ON FUNCTION bought_resource_ids() IS 'the units of which the participant of the session bought something, the members of those that are portfolios, and the meters of all of them';
REVOKE ALL ON FUNCTION bought_resource_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bought_resource_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

GRANT SELECT ON meter_channel, meter_reading, meter_reading_superseded, meter_reading_batch, meter_reading_rejection, reading_day, reading_month TO flexexchange_participant;
DROP POLICY IF EXISTS meter_channel_read_own ON meter_channel;
CREATE POLICY meter_channel_read_own ON meter_channel FOR SELECT TO flexexchange_participant USING (sender_id = (SELECT current_participant()));
COMMENT ON POLICY meter_channel_read_own ON meter_channel IS 'READ-1: a sender reads its own channels';
DROP POLICY IF EXISTS meter_channel_read_bought ON meter_channel;
CREATE POLICY meter_channel_read_bought ON meter_channel FOR SELECT TO flexexchange_participant USING (resource_id = ANY (ARRAY(SELECT bought_resource_ids())));
COMMENT ON POLICY meter_channel_read_bought ON meter_channel IS 'READ-2: a buyer reads the channels of units of which it bought something, of their members and of their meters';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['meter_reading', 'meter_reading_superseded', 'reading_day', 'reading_month'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant USING (channel_id = ANY (ARRAY(SELECT c.id FROM meter_channel c)))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''READ-3: whoever reads a channel reads its readings''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['meter_reading_rejection', 'meter_reading_batch'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant USING (sender_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''READ-4: a sender reads what became of what it sent''', name);
  END LOOP;
END
$block$;

-- ------------------------------------------------------------------ sending

-- not the sender: that is who the session acts for
GRANT INSERT (scheme, unit, flow, starts_at, ends_at, length, kwh, kw, quality) ON meter_reading_intake TO flexexchange_participant;
GRANT INSERT ON meter_reading_intake TO flexexchange_operator;
ALTER TABLE meter_reading_intake ALTER sender_id SET DEFAULT statement_participant('current_participant()');
CREATE OR REPLACE TRIGGER t20_take_reading BEFORE INSERT ON meter_reading_intake FOR EACH ROW EXECUTE FUNCTION take_reading();
COMMENT ON TRIGGER t20_take_reading ON meter_reading_intake IS 'reads the row, and keeps none';
CREATE OR REPLACE TRIGGER t30_take_readings AFTER INSERT ON meter_reading_intake FOR EACH STATEMENT EXECUTE FUNCTION take_readings();
COMMENT ON TRIGGER t30_take_readings ON meter_reading_intake IS 'stores what was read';

CREATE OR REPLACE FUNCTION named_resources(senders bigint[], schemes text[], units text[])
RETURNS TABLE (place bigint, asset_id bigint, portfolio_id bigint, metering_point_id bigint, valid_from timestamptz[], valid_until timestamptz[])
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH wanted AS (
    SELECT w.place, w.sender_id, w.scheme, w.unit, CASE WHEN w.scheme = 'id' AND w.unit ~ '^[0-9]{1,18}$' THEN w.unit::bigint END AS id,
           CASE WHEN w.scheme = 'mrid' AND w.unit ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN w.unit::uuid END AS mrid
    FROM unnest(senders, schemes, units) WITH ORDINALITY AS w (sender_id, scheme, unit, place)),
  named AS (
    SELECT w.place, w.sender_id, a.id AS asset_id, NULL::bigint AS portfolio_id, NULL::bigint AS metering_point_id FROM wanted w JOIN asset a ON a.id = w.id
    UNION ALL SELECT w.place, w.sender_id, NULL, p.id, NULL FROM wanted w JOIN portfolio p ON p.id = w.id
    UNION ALL SELECT w.place, w.sender_id, NULL, NULL, m.id FROM wanted w JOIN metering_point m ON m.id = w.id
    UNION ALL SELECT w.place, w.sender_id, a.id, NULL, NULL FROM wanted w JOIN asset a ON a.mrid = w.mrid
    UNION ALL SELECT w.place, w.sender_id, NULL, p.id, NULL FROM wanted w JOIN portfolio p ON p.mrid = w.mrid
    UNION ALL SELECT w.place, w.sender_id, NULL, NULL, m.id FROM wanted w JOIN metering_point m ON m.mrid = w.mrid
    UNION ALL SELECT w.place, w.sender_id, NULL, NULL, m.id FROM wanted w JOIN metering_point m ON m.mpan = w.unit WHERE w.scheme = 'mpan'
    UNION ALL SELECT w.place, w.sender_id, e.asset_id, e.portfolio_id, e.metering_point_id FROM wanted w JOIN external_id e ON e.scheme = w.scheme AND e.value = w.unit
    WHERE e.grid_node_id IS NULL AND upper(e.valid) = 'infinity' AND w.scheme NOT IN ('id', 'mrid', 'mpan')),
  -- by the unit, then by the sender: who has a hundred thousand units is not looked through for each of them
  operated AS (
    SELECT n.place, n.asset_id, n.sender_id FROM named n WHERE n.asset_id IS NOT NULL
    UNION ALL SELECT n.place, a.id, n.sender_id FROM named n JOIN asset a ON a.metering_point_id = n.metering_point_id
    UNION ALL SELECT n.place, a.id, n.sender_id FROM named n JOIN asset a ON a.export_metering_point_id = n.metering_point_id),
  entitled AS (
    SELECT n.place, o.valid FROM operated n CROSS JOIN LATERAL (SELECT x.service_provider_id, x.valid FROM asset_operator x WHERE x.asset_id = n.asset_id OFFSET 0) o WHERE o.service_provider_id = n.sender_id
    UNION ALL
    SELECT n.place, time_window('-infinity', 'infinity') FROM named n JOIN portfolio p ON p.id = n.portfolio_id AND p.service_provider_id = n.sender_id
    UNION ALL
    -- a buyer has meters of its own on what it bought
    SELECT n.place, time_window('-infinity', 'infinity') FROM named n JOIN participant s ON s.id = n.sender_id AND 'market_operator' = ANY (s.kinds)
    WHERE EXISTS (SELECT FROM commitment k WHERE k.market_operator_id = n.sender_id AND k.stage <> 'bid' AND k.unit_id = coalesce(n.asset_id, n.portfolio_id))),
  -- who had a unit, lost it and has it again did not have it in between
  span AS (SELECT x.place, unnest(range_agg(tstzrange(lower(x.valid), upper(x.valid)))) AS valid FROM entitled x GROUP BY x.place),
  spans AS (SELECT s.place, array_agg(pg_catalog.lower(s.valid) ORDER BY s.valid) AS valid_from, array_agg(pg_catalog.upper(s.valid) ORDER BY s.valid) AS valid_until FROM span s GROUP BY s.place)
  SELECT n.place, n.asset_id, n.portfolio_id, n.metering_point_id, e.valid_from, e.valid_until
  FROM (SELECT n.place, min(n.asset_id) AS asset_id, min(n.portfolio_id) AS portfolio_id, min(n.metering_point_id) AS metering_point_id FROM named n GROUP BY n.place) n JOIN spans e USING (place)
$function$;
COMMENT ON FUNCTION named_resources(bigint[], text[], text[]) IS
  'the resources that senders mean by names, as far as they may send readings of them: who operates an asset, of it and of the meters that it lies behind; who has a portfolio; a buyer, of what it bought; and the spans of time in which they may';
REVOKE ALL ON FUNCTION named_resources(bigint[], text[], text[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION resolve_channels(senders bigint[], schemes text[], units text[], flows text[], quantities text[], lengths integer[])
RETURNS TABLE (place bigint, channel_id bigint, interval_seconds integer, valid_from timestamptz[], valid_until timestamptz[], rule text, column_name text, reason text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  -- a sender writes its channels in one session at a time
  PERFORM pg_advisory_xact_lock(hashtextextended(format('%s.%s', 'meter_channel'::regclass::oid, s), 0)) FROM (SELECT DISTINCT p.id FROM unnest(senders) s JOIN participant p ON p.id = s ORDER BY p.id) AS x (s);
  -- the first reading of something opens its channel
  INSERT INTO meter_channel (asset_id, portfolio_id, metering_point_id, sender_id, quantity, flow, interval_seconds)
  SELECT DISTINCT ON (coalesce(n.asset_id, n.portfolio_id, n.metering_point_id), w.sender_id, w.quantity, w.flow)
         n.asset_id, n.portfolio_id, n.metering_point_id, w.sender_id, w.quantity, w.flow, w.length
  FROM unnest(senders, schemes, units, flows, quantities, lengths) WITH ORDINALITY AS w (sender_id, scheme, unit, flow, quantity, length, place)
  JOIN named_resources(senders, schemes, units) n USING (place)
  WHERE w.length BETWEEN 1 AND 3600 AND 3600 % w.length = 0
    AND NOT EXISTS (SELECT FROM meter_channel c WHERE c.resource_id = coalesce(n.asset_id, n.portfolio_id, n.metering_point_id)
                    AND c.sender_id = w.sender_id AND c.quantity = w.quantity AND c.flow = w.flow)
  ORDER BY coalesce(n.asset_id, n.portfolio_id, n.metering_point_id), w.sender_id, w.quantity, w.flow, w.place
  ON CONFLICT DO NOTHING;
  RETURN QUERY
  SELECT w.place, c.id, c.interval_seconds, n.valid_from, n.valid_until, x.rule, x.column_name, x.reason
  FROM unnest(senders, schemes, units, flows, quantities, lengths) WITH ORDINALITY AS w (sender_id, scheme, unit, flow, quantity, length, place)
  LEFT JOIN named_resources(senders, schemes, units) n USING (place)
  LEFT JOIN LATERAL (
    SELECT min(k.id) AS id, min(k.interval_seconds) AS interval_seconds, count(*) AS fitting
    FROM meter_channel k WHERE k.resource_id = coalesce(n.asset_id, n.portfolio_id, n.metering_point_id) AND k.sender_id = w.sender_id AND k.quantity = w.quantity
      AND k.flow = w.flow AND (w.length IS NULL OR k.interval_seconds = w.length)) c ON true
  LEFT JOIN LATERAL (
    SELECT * FROM (VALUES
      ('UNIT', 'unit', 'is nothing that the sender may send readings of', n.place IS NULL),
      ('LENGTH', 'length', 'is missing, and there is no channel that would tell it', w.length IS NULL AND c.fitting = 0),
      ('LENGTH', 'length', 'is missing, and there are channels of several', w.length IS NULL AND c.fitting > 1),
      ('LENGTH', 'length', 'does not divide an hour', c.fitting = 0 AND 3600 % w.length <> 0),
      ('LENGTH', 'length', 'is another than that of the channel: the readings would overlap; a channel of its own, beside it, is opened with open_channel()', c.fitting = 0)) AS p (rule, column_name, reason, holds)
    WHERE p.holds LIMIT 1) x ON true;
END
$function$;
COMMENT ON FUNCTION resolve_channels(bigint[], text[], text[], text[], text[], integer[]) IS
  'of what readings are, named by sender, scheme, unit, flow, quantity and length of step in seconds: the channel, which it opens where there is none, and the spans of time in which the sender may speak for it; or the rule that is broken; called by take_readings(), as the owner';
REVOKE ALL ON FUNCTION resolve_channels(bigint[], text[], text[], text[], text[], integer[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION store_readings(channels bigint[], starts timestamptz[], "values" numeric[], qualities text[], received_at timestamptz,
                                          OUT stored bigint, OUT corrected bigint, OUT unchanged bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  WITH came AS MATERIALIZED (SELECT * FROM unnest(channels, starts, "values", qualities) AS c (channel_id, starts_at, value, quality)),
  span AS (SELECT channel_id, min(starts_at) AS first, max(starts_at) AS last FROM came GROUP BY channel_id),
  known AS MATERIALIZED (
    SELECT r.* FROM span s JOIN meter_reading r ON r.channel_id = s.channel_id AND r.starts_at BETWEEN s.first AND s.last),
  differing AS MATERIALIZED (
    SELECT c.*, k.value AS old_value, k.quality AS old_quality, k.received_at AS old_received_at FROM came c JOIN known k USING (channel_id, starts_at)
    WHERE (c.value, c.quality) IS DISTINCT FROM (k.value, k.quality)),
  kept AS (
    INSERT INTO meter_reading_superseded (channel_id, starts_at, received_at, superseded_at, value, quality)
    SELECT channel_id, starts_at, old_received_at, store_readings.received_at, old_value, old_quality FROM differing),
  changed AS (
    UPDATE meter_reading r SET value = d.value, quality = d.quality, received_at = store_readings.received_at
    FROM differing d WHERE r.channel_id = d.channel_id AND r.starts_at = d.starts_at RETURNING 1),
  fresh AS (
    INSERT INTO meter_reading (channel_id, starts_at, received_at, value, quality)
    SELECT c.channel_id, c.starts_at, store_readings.received_at, c.value, c.quality FROM came c
    WHERE NOT EXISTS (SELECT FROM known k WHERE k.channel_id = c.channel_id AND k.starts_at = c.starts_at) RETURNING 1)
  SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM changed), (SELECT count(*) FROM came) - (SELECT count(*) FROM fresh) - (SELECT count(*) FROM changed)
  INTO stored, corrected, unchanged;
END
$function$;
COMMENT ON FUNCTION store_readings(bigint[], timestamptz[], numeric[], text[], timestamptz) IS
  'stores readings against what is there: new ones, those that take the place of others, which are kept in meter_reading_superseded, and those that say what is known; returns how many of each; called by take_readings(), as the owner';
REVOKE ALL ON FUNCTION store_readings(bigint[], timestamptz[], numeric[], text[], timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION open_channel(resource_id bigint, quantity text, flow text, length interval) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  named record;
  opened bigint;
BEGIN
  SELECT * INTO named FROM named_resources(ARRAY[me], ARRAY['id'], ARRAY[open_channel.resource_id::text]);
  IF named.place IS NULL THEN
    RAISE EXCEPTION 'resource_id % is nothing that the session may send readings of', open_channel.resource_id
      USING ERRCODE = 'MX101', HINT = 'Who operates an asset sends its readings, and those of the meters that it lies behind.';
  END IF;
  INSERT INTO meter_channel (asset_id, portfolio_id, metering_point_id, sender_id, quantity, flow, interval_seconds)
  VALUES (named.asset_id, named.portfolio_id, named.metering_point_id, me, open_channel.quantity, open_channel.flow, extract(epoch FROM open_channel.length)::integer)
  ON CONFLICT ON CONSTRAINT meter_channel_once DO NOTHING RETURNING id INTO opened;
  RETURN coalesce(opened, (SELECT c.id FROM meter_channel c WHERE c.resource_id = open_channel.resource_id AND c.sender_id = me
                           AND c.quantity = open_channel.quantity AND c.flow = open_channel.flow AND c.interval_seconds = extract(epoch FROM open_channel.length)::integer));
END
$function$;
COMMENT ON FUNCTION open_channel(bigint, text, text, interval) IS
  'opens a channel of the participant of the session for an asset, portfolio or metering point, beside those that there are, for example minutes beside half-hours; returns its id, also when it was open; errors MX101, 23514; SECURITY DEFINER because nobody writes meter_channel itself';
REVOKE ALL ON FUNCTION open_channel(bigint, text, text, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_channel(bigint, text, text, interval) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION resend_rejected_readings(since timestamptz DEFAULT '-infinity') RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  before CONSTANT bigint := (SELECT coalesce(max(b.id), 0) FROM meter_reading_batch b WHERE b.sender_id = me);
BEGIN
  -- what was rejected twice is sent once, in the order in which it was said last
  INSERT INTO meter_reading_intake (sender_id, scheme, unit, flow, starts_at, ends_at, length, kwh, kw, quality)
  WITH rejected AS MATERIALIZED (
    SELECT row_number() OVER () AS place, max(r.id) AS id, max(r.received_at) AS received_at, r.content
    FROM meter_reading_rejection r WHERE r.sender_id = me AND r.received_at >= since AND r.rule <> 'TWICE' GROUP BY r.content),
  named AS MATERIALIZED (
    SELECT n.place, coalesce(n.asset_id, n.portfolio_id, n.metering_point_id) AS resource_id
    FROM (SELECT array_agg(me) AS senders, array_agg(r.content ->> 'scheme' ORDER BY r.place) AS schemes, array_agg(r.content ->> 'unit' ORDER BY r.place) AS units FROM rejected r) a
    CROSS JOIN LATERAL named_resources(a.senders, a.schemes, a.units) n)
  SELECT me, r.content ->> 'scheme', r.content ->> 'unit', r.content ->> 'flow', r.content ->> 'starts_at', r.content ->> 'ends_at', r.content ->> 'length',
         r.content ->> 'kwh', r.content ->> 'kw', r.content ->> 'quality'
  FROM rejected r LEFT JOIN named n USING (place)
  -- what came since holds
  WHERE NOT EXISTS (
    SELECT FROM meter_channel c JOIN meter_reading m ON m.channel_id = c.id
    WHERE c.resource_id = n.resource_id AND c.sender_id = me AND c.flow = r.content ->> 'flow' AND c.quantity = CASE WHEN r.content ? 'kw' THEN 'power' ELSE 'energy' END
      AND m.starts_at = coalesce(iso_instant(r.content ->> 'starts_at'), iso_instant(r.content ->> 'ends_at') - make_interval(secs => c.interval_seconds))
      AND m.received_at >= r.received_at)
  ORDER BY r.id;
  RETURN coalesce((SELECT max(b.rows_read) FROM meter_reading_batch b WHERE b.sender_id = me AND b.id > before), 0);
END
$function$;
COMMENT ON FUNCTION resend_rejected_readings(timestamptz) IS
  'sends the rejected readings of the participant of the session again, for example when their unit has been registered since, but for steps of which a reading came since; what is rejected again is kept again; returns how many were sent; SECURITY DEFINER because it asks what units are meant';
REVOKE ALL ON FUNCTION resend_rejected_readings(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resend_rejected_readings(timestamptz) TO flexexchange_participant;

-- ------------------------------------------------------------------ reading

CREATE OR REPLACE VIEW reading WITH (security_invoker = true) AS
  SELECT c.resource_id, c.asset_id, c.portfolio_id, c.metering_point_id, r.channel_id, c.sender_id, c.quantity, c.flow,
         r.starts_at, r.starts_at + make_interval(secs => c.interval_seconds) AS ends_at,
         CASE c.quantity WHEN 'energy' THEN r.value ELSE round(r.value * c.interval_seconds / 3600, 4) END AS energy_kwh,
         CASE c.quantity WHEN 'power' THEN r.value ELSE round(r.value * 3600 / c.interval_seconds, 4) END AS mean_power_kw,
         CASE r.quality WHEN 'A' THEN 'actual' WHEN 'E' THEN 'estimated' ELSE 'substituted' END AS quality,
         r.received_at
  FROM meter_reading r JOIN meter_channel c ON c.id = r.channel_id;
COMMENT ON VIEW reading IS 'readings as they hold now, with what they are of, as energy and as power';
COMMENT ON COLUMN reading.resource_id IS 'the asset, portfolio or metering point';
COMMENT ON COLUMN reading.asset_id IS 'the asset, when it is one';
COMMENT ON COLUMN reading.portfolio_id IS 'the portfolio, when it is one';
COMMENT ON COLUMN reading.metering_point_id IS 'the metering point, when it is one';
COMMENT ON COLUMN reading.channel_id IS 'the channel';
COMMENT ON COLUMN reading.sender_id IS 'who sent it';
COMMENT ON COLUMN reading.quantity IS 'what was read: energy or power';
COMMENT ON COLUMN reading.flow IS 'import (out of the network), export (into it), net (export less import)';
COMMENT ON COLUMN reading.starts_at IS 'start of the step';
COMMENT ON COLUMN reading.ends_at IS 'end of the step';
COMMENT ON COLUMN reading.energy_kwh IS 'energy in the step, kWh';
COMMENT ON COLUMN reading.mean_power_kw IS 'mean power over the step, kW';
COMMENT ON COLUMN reading.quality IS 'actual, estimated or substituted';
COMMENT ON COLUMN reading.received_at IS 'when it was received, in this form';
GRANT SELECT ON reading TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION reading_as_of(instant timestamptz)
RETURNS TABLE (resource_id bigint, channel_id bigint, sender_id bigint, flow text, starts_at timestamptz, ends_at timestamptz, energy_kwh numeric, quality text, received_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.resource_id, c.id, c.sender_id, c.flow, r.starts_at, r.starts_at + make_interval(secs => c.interval_seconds),
         CASE c.quantity WHEN 'energy' THEN r.value ELSE round(r.value * c.interval_seconds / 3600, 4) END,
         CASE r.quality WHEN 'A' THEN 'actual' WHEN 'E' THEN 'estimated' ELSE 'substituted' END, r.received_at
  FROM (SELECT channel_id, starts_at, received_at, value, quality FROM meter_reading WHERE received_at <= instant
        UNION ALL
        SELECT channel_id, starts_at, received_at, value, quality FROM meter_reading_superseded WHERE received_at <= instant AND superseded_at > instant) r
  JOIN meter_channel c ON c.id = r.channel_id;
END;
COMMENT ON FUNCTION reading_as_of(timestamptz) IS 'readings as they held at an instant: what came later is left out, and what was corrected later is as it was';
REVOKE ALL ON FUNCTION reading_as_of(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reading_as_of(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION reading_gaps(span time_window)
RETURNS TABLE (resource_id bigint, channel_id bigint, missing time_window, steps bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT g.resource_id, g.channel_id, time_window(g.since, g.until), (extract(epoch FROM g.until - g.since) / g.interval_seconds)::bigint
  FROM (
    SELECT c.resource_id, c.id AS channel_id, c.interval_seconds, x.since, x.until
    FROM meter_channel c
    CROSS JOIN LATERAL (
      SELECT lag(s.ends_at, 1, lower(span)) OVER (ORDER BY s.starts_at) AS since, s.starts_at AS until
      FROM (SELECT r.starts_at, r.starts_at + make_interval(secs => c.interval_seconds) AS ends_at FROM meter_reading r
            WHERE r.channel_id = c.id AND r.starts_at >= lower(span) AND r.starts_at < upper(span)
            UNION ALL SELECT upper(span), upper(span)) s) x) g
  WHERE g.since < g.until;
END;
COMMENT ON FUNCTION reading_gaps(time_window) IS 'the steps within a window of which channels have no reading, as one window for each gap; the ends of the window should lie on the steps';
REVOKE ALL ON FUNCTION reading_gaps(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reading_gaps(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ days

CREATE OR REPLACE FUNCTION local_midnight(day date) RETURNS timestamptz
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT day::timestamp AT TIME ZONE (SELECT time_zone FROM exchange_instance);
END;
COMMENT ON FUNCTION local_midnight(date) IS 'the instant at which a local day of the exchange begins';
REVOKE ALL ON FUNCTION local_midnight(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION local_midnight(date) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION stale_days(fact text) RETURNS SETOF date
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL SAFE ROWS 10
SET search_path FROM CURRENT
AS $function$
  SELECT d.day FROM (SELECT DISTINCT s.day FROM stale_day s WHERE s.fact = stale_days.fact
        AND NOT EXISTS (SELECT FROM competition c WHERE c.id = s.competition_id AND c.gate_closes_at > now())) d
  WHERE local_midnight(d.day) >= (SELECT coalesce(max(r.ends_at), '-infinity') FROM retired_partition r WHERE r.table_name = stale_days.fact)
$function$;
COMMENT ON FUNCTION stale_days(text) IS
  'the days of a table that have changed since they were added up, as far as that may be known, and of which no part was retired; SECURITY DEFINER because nobody reads stale_day itself, which would tell how many changes there were';
REVOKE ALL ON FUNCTION stale_days(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION stale_days(text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Planned anew for each day, since the plan that suits any day reads all of them.
CREATE OR REPLACE FUNCTION add_up_readings(day date)
RETURNS TABLE (channel_id bigint, readings integer, estimated integer, total numeric, lowest numeric, highest numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 20000
SET search_path FROM CURRENT
SET DateStyle = 'ISO, YMD'
AS $function$
BEGIN
  RETURN QUERY EXECUTE format($sql$
    SELECT r.channel_id, count(*)::integer, count(*) FILTER (WHERE r.quality <> 'A')::integer, sum(r.value), min(r.value), max(r.value)
    FROM meter_reading r WHERE r.starts_at >= %L AND r.starts_at < %L GROUP BY r.channel_id$sql$, local_midnight(day), local_midnight(day + 1));
END
$function$;
COMMENT ON FUNCTION add_up_readings(date) IS 'the readings of a local day, added up by channel as reading_day has them, as far as the caller reads them';
REVOKE ALL ON FUNCTION add_up_readings(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_up_readings(date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW daily_reading WITH (security_invoker = true) AS
  WITH stale AS MATERIALIZED (SELECT d.day FROM stale_days('meter_reading') AS d (day))
  SELECT c.resource_id, t.channel_id, c.sender_id, c.flow, t.day, t.readings, t.estimated,
         CASE c.quantity WHEN 'energy' THEN t.total ELSE round(t.total * c.interval_seconds / 3600, 4) END AS energy_kwh,
         CASE c.quantity WHEN 'power' THEN t.greatest ELSE round(t.greatest * 3600 / c.interval_seconds, 4) END AS greatest_kw,
         CASE c.quantity WHEN 'power' THEN t.least ELSE round(t.least * 3600 / c.interval_seconds, 4) END AS least_kw
  FROM (
    SELECT d.channel_id, d.day, d.readings, d.estimated, d.total, d.least, d.greatest FROM reading_day d WHERE d.day NOT IN (SELECT s.day FROM stale s)
    UNION ALL
    SELECT x.channel_id, s.day, x.readings, x.estimated, x.total, x.lowest, x.highest FROM stale s CROSS JOIN LATERAL add_up_readings(s.day) x) t
  JOIN meter_channel c ON c.id = t.channel_id;
COMMENT ON VIEW daily_reading IS 'readings added up by the local day, as they are now: what was added up by refresh_reading_days(), and the days that have changed since from the readings themselves';
COMMENT ON COLUMN daily_reading.resource_id IS 'the asset, portfolio or metering point';
COMMENT ON COLUMN daily_reading.channel_id IS 'the channel';
COMMENT ON COLUMN daily_reading.sender_id IS 'who sent them';
COMMENT ON COLUMN daily_reading.flow IS 'import, export or net';
COMMENT ON COLUMN daily_reading.day IS 'the local day on which the steps start';
COMMENT ON COLUMN daily_reading.readings IS 'how many readings there are';
COMMENT ON COLUMN daily_reading.estimated IS 'how many of them are estimated or substituted';
COMMENT ON COLUMN daily_reading.energy_kwh IS 'energy of the day, kWh';
COMMENT ON COLUMN daily_reading.greatest_kw IS 'greatest mean power of a step, kW';
COMMENT ON COLUMN daily_reading.least_kw IS 'smallest mean power of a step, kW';
GRANT SELECT ON daily_reading TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW monthly_reading WITH (security_invoker = true) AS
  WITH stale AS MATERIALIZED (SELECT DISTINCT date_trunc('month', d.day)::date AS month FROM stale_days('meter_reading') AS d (day))
  SELECT c.resource_id, t.channel_id, c.sender_id, c.flow, t.month, t.readings, t.estimated,
         CASE c.quantity WHEN 'energy' THEN t.total ELSE round(t.total * c.interval_seconds / 3600, 4) END AS energy_kwh,
         CASE c.quantity WHEN 'power' THEN t.greatest ELSE round(t.greatest * 3600 / c.interval_seconds, 4) END AS greatest_kw,
         CASE c.quantity WHEN 'power' THEN t.least ELSE round(t.least * 3600 / c.interval_seconds, 4) END AS least_kw
  FROM (
    SELECT m.channel_id, m.month, m.readings, m.estimated, m.total, m.least, m.greatest FROM reading_month m WHERE m.month NOT IN (SELECT s.month FROM stale s)
    UNION ALL
    -- of a month with a day that has changed, its other days as they were added up, and those from the readings
    SELECT x.channel_id, x.month, sum(x.readings), sum(x.estimated), sum(x.total), min(x.least), max(x.greatest)
    FROM (
      SELECT d.channel_id, s.month, d.readings, d.estimated, d.total, d.least, d.greatest
      FROM stale s JOIN reading_day d ON d.day >= s.month AND d.day < (s.month + interval '1 month')::date
      WHERE d.day NOT IN (SELECT n.day FROM stale_days('meter_reading') AS n (day))
      UNION ALL
      SELECT a.channel_id, date_trunc('month', n.day)::date, a.readings, a.estimated, a.total, a.lowest, a.highest
      FROM stale_days('meter_reading') AS n (day) CROSS JOIN LATERAL add_up_readings(n.day) a) x
    GROUP BY x.channel_id, x.month) t
  JOIN meter_channel c ON c.id = t.channel_id;
COMMENT ON VIEW monthly_reading IS 'readings added up by the local month, as they are now: for what is asked of many months of many units';
COMMENT ON COLUMN monthly_reading.resource_id IS 'the asset, portfolio or metering point';
COMMENT ON COLUMN monthly_reading.channel_id IS 'the channel';
COMMENT ON COLUMN monthly_reading.sender_id IS 'who sent them';
COMMENT ON COLUMN monthly_reading.flow IS 'import, export or net';
COMMENT ON COLUMN monthly_reading.month IS 'first day of the local month in which the steps start';
COMMENT ON COLUMN monthly_reading.readings IS 'how many readings there are';
COMMENT ON COLUMN monthly_reading.estimated IS 'how many of them are estimated or substituted';
COMMENT ON COLUMN monthly_reading.energy_kwh IS 'energy of the month, kWh';
COMMENT ON COLUMN monthly_reading.greatest_kw IS 'greatest mean power of a step, kW';
COMMENT ON COLUMN monthly_reading.least_kw IS 'smallest mean power of a step, kW';
GRANT SELECT ON monthly_reading TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- The marks that one statement sees are those of changes that it sees: what commits later has marks of its own.
CREATE OR REPLACE FUNCTION refresh_reading_days() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  refreshed date[];
BEGIN
  -- one at a time, or a month would be added up of days that another is adding up
  PERFORM pg_advisory_xact_lock(hashtextextended(format('%s.refresh', 'reading_day'::regclass::oid), 0));
  -- what was written since says nothing yet of where its days lie
  PERFORM brin_summarize_new_values(i.indexrelid)
  FROM table_partition p
  JOIN pg_index i ON i.indrelid = to_regclass(format('%I.%I', current_schema(), p.name)) JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam AND m.amname = 'brin'
  WHERE p.table_name = 'meter_reading'
    AND (p.is_default OR EXISTS (SELECT FROM stale_day s WHERE s.fact = 'meter_reading' AND local_midnight(s.day + 1) > p.starts_at AND local_midnight(s.day) < p.ends_at));
  WITH taken AS (DELETE FROM stale_day WHERE fact = 'meter_reading' RETURNING day),
  -- a day of which a part was retired stays as it was added up with it
  stale AS MATERIALIZED (SELECT t.day FROM (SELECT DISTINCT day FROM taken) t
                         WHERE local_midnight(t.day) >= (SELECT coalesce(max(p.ends_at), '-infinity') FROM retired_partition p WHERE p.table_name = 'meter_reading')),
  fresh AS (
    INSERT INTO reading_day (channel_id, day, readings, estimated, total, least, greatest)
    SELECT x.channel_id, s.day, x.readings, x.estimated, x.total, x.lowest, x.highest FROM stale s CROSS JOIN LATERAL add_up_readings(s.day) x
    -- a channel has no fewer readings of a day than it had
    ON CONFLICT ON CONSTRAINT reading_day_once DO UPDATE
      SET readings = excluded.readings, estimated = excluded.estimated, total = excluded.total, least = excluded.least, greatest = excluded.greatest)
  SELECT coalesce(array_agg(day), '{}') INTO refreshed FROM stale;
  INSERT INTO reading_month (channel_id, month, readings, estimated, total, least, greatest)
  SELECT d.channel_id, m.month, sum(d.readings), sum(d.estimated), sum(d.total), min(d.least), max(d.greatest)
  FROM (SELECT DISTINCT date_trunc('month', day)::date AS month FROM unnest(refreshed) day) m
  JOIN reading_day d ON d.day >= m.month AND d.day < (m.month + interval '1 month')::date
  GROUP BY d.channel_id, m.month
  ON CONFLICT ON CONSTRAINT reading_month_once DO UPDATE
    SET readings = excluded.readings, estimated = excluded.estimated, total = excluded.total, least = excluded.least, greatest = excluded.greatest;
  RETURN cardinality(refreshed)::bigint;
END
$function$;
COMMENT ON FUNCTION refresh_reading_days() IS
  'adds the readings of the days up that have changed since they were, and their months; returns how many days; run it now and then: views are right without it, and slower; SECURITY DEFINER because nobody writes reading_day and reading_month themselves';
REVOKE ALL ON FUNCTION refresh_reading_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_reading_days() TO flexexchange_operator;

CREATE OR REPLACE FUNCTION add_up_before_retiring() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- not where a dump is restored
  IF EXISTS (SELECT FROM table_partition p WHERE p.table_name = NEW.table_name AND p.name = NEW.name) THEN
    PERFORM refresh_reading_days();
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION add_up_before_retiring() IS 'trigger: adds up the days that have changed before readings are retired; SECURITY DEFINER because nobody writes reading_day itself';
REVOKE ALL ON FUNCTION add_up_before_retiring() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_add_up BEFORE INSERT ON retired_partition FOR EACH ROW WHEN (NEW.table_name = 'meter_reading') EXECUTE FUNCTION add_up_before_retiring();
COMMENT ON TRIGGER t20_add_up ON retired_partition IS 'adds up what can be added up no more afterwards';
