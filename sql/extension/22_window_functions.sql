-- Functions of windows beyond what operators need: sets, steps, aggregates,
-- distance; then market time: settlement periods and blocks of local days.

CREATE FUNCTION time_window_union(time_window, time_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_union'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_union(time_window, time_window) IS 'implementation of operator +';
CREATE OPERATOR + (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_union,
  COMMUTATOR = +
);
COMMENT ON OPERATOR + (time_window, time_window) IS 'the union of two windows that overlap or touch; error 22000 where there would be a gap';

CREATE FUNCTION time_window_merge(time_window, time_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_merge'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_merge(time_window, time_window) IS 'the smallest window that covers both';

CREATE FUNCTION time_window_difference(time_window, time_window) RETURNS time_window[]
  AS 'MODULE_PATHNAME', 'flex_time_window_difference'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_difference(time_window, time_window) IS
  'what of the first is not in the second: an array of none, one or two windows, in order';

CREATE FUNCTION shift(span time_window, by interval) RETURNS time_window
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN time_window(lower(span) + by, upper(span) + by);
COMMENT ON FUNCTION shift(time_window, interval) IS
  'the window moved: each bound plus the interval, whose days and months are local to the session time zone';

CREATE FUNCTION generate_windows(span time_window, step interval) RETURNS SETOF time_window
  LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
  SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  since timestamptz := flexexchange.lower(span);
  until timestamptz := flexexchange.upper(span);
  n integer := 0;
  here timestamptz := since;
  there timestamptz;
BEGIN
  IF NOT isfinite(since) OR NOT isfinite(until) THEN
    RAISE EXCEPTION 'cannot cut a window without %', CASE WHEN isfinite(since) THEN 'end' ELSE 'beginning' END
      USING ERRCODE = 'data_exception', HINT = 'Intersect it with a finite window first.';
  END IF;
  IF since + step <= since THEN
    RAISE EXCEPTION 'step must be longer than zero, not %', step
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a step such as interval ''30 minutes''.';
  END IF;
  WHILE here < until LOOP
    n := n + 1;
    there := since + n * step;   -- from the start, so that months do not drift
    RETURN NEXT flexexchange.time_window(here, least(there, until));
    here := there;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION generate_windows(time_window, interval) IS
  'consecutive windows of that length from the start of a window, the last one cut at its end; days and months are local to the session time zone; errors 22000 without a bound, 22023 for a step that does not advance';

-- ---------------------------------------------------------------- distance

CREATE FUNCTION time_window_distance(time_window, timestamptz) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_time_window_distance'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_distance(time_window, timestamptz) IS 'implementation of operator <->';
CREATE OPERATOR <-> (LEFTARG = time_window, RIGHTARG = timestamptz, FUNCTION = time_window_distance);
COMMENT ON OPERATOR <-> (time_window, timestamptz) IS 'seconds from the instant to the window, 0 inside it';

CREATE FUNCTION resource_window_distance(resource_window, timestamptz) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_resource_window_distance'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_distance(resource_window, timestamptz) IS 'implementation of operator <->';
CREATE OPERATOR <-> (LEFTARG = resource_window, RIGHTARG = timestamptz, FUNCTION = resource_window_distance);
COMMENT ON OPERATOR <-> (resource_window, timestamptz) IS 'seconds from the instant to the window, whatever its resource, 0 inside it';

-- the second argument is declared as the class's type, as amvalidate wants it, and
-- is the operator's right side
CREATE FUNCTION time_window_gist_distance(internal, time_window, smallint, oid, internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_distance'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_distance(internal, time_window, smallint, oid, internal) IS 'GiST support: nearest windows first';
CREATE FUNCTION resource_window_gist_distance(internal, resource_window, smallint, oid, internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_distance'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_distance(internal, resource_window, smallint, oid, internal) IS 'GiST support: nearest windows first';

ALTER OPERATOR FAMILY time_window_ops USING gist ADD
  OPERATOR 15 <-> (time_window, timestamptz) FOR ORDER BY pg_catalog.float_ops,
  FUNCTION 8 (time_window, time_window) time_window_gist_distance(internal, time_window, smallint, oid, internal);
ALTER OPERATOR FAMILY resource_window_ops USING gist ADD
  OPERATOR 15 <-> (resource_window, timestamptz) FOR ORDER BY pg_catalog.float_ops,
  FUNCTION 8 (resource_window, resource_window) resource_window_gist_distance(internal, resource_window, smallint, oid, internal);

-- ---------------------------------------------------------------- aggregates

CREATE FUNCTION window_union_transition(internal, time_window) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_window_union_transition'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION window_union_transition(internal, time_window) IS 'aggregate support: keeps a window';
CREATE FUNCTION window_union_final(internal) RETURNS time_window[]
  AS 'MODULE_PATHNAME', 'flex_window_union_final'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION window_union_final(internal) IS 'aggregate support: sorts and joins';
CREATE AGGREGATE window_union(time_window) (
  SFUNC = window_union_transition, STYPE = internal, FINALFUNC = window_union_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE window_union(time_window) IS
  'the instants that any of the windows holds: an array of windows in order, with those that overlap or touch joined; NULL of no rows';

CREATE FUNCTION window_intersection_transition(time_window, time_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_window_intersection_transition'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION window_intersection_transition(time_window, time_window) IS 'aggregate support: narrows';
CREATE FUNCTION window_intersection_final(time_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_window_intersection_final'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION window_intersection_final(time_window) IS 'aggregate support: NULL when nothing is left';
CREATE AGGREGATE window_intersection(time_window) (
  SFUNC = window_intersection_transition, STYPE = time_window, FINALFUNC = window_intersection_final,
  COMBINEFUNC = window_intersection_transition, PARALLEL = SAFE
);
COMMENT ON AGGREGATE window_intersection(time_window) IS
  'the instants that all of the windows hold; NULL when there are none, and of no rows';

CREATE TYPE concurrent_quantity AS (peak numeric, during time_window);
COMMENT ON TYPE concurrent_quantity IS 'a peak of summed quantities and the first window in which it stands';
CREATE FUNCTION max_concurrent_transition(internal, time_window, numeric) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_max_concurrent_transition'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION max_concurrent_transition(internal, time_window, numeric) IS 'aggregate support: keeps a window and its quantity';
CREATE FUNCTION max_concurrent_final(internal) RETURNS concurrent_quantity
  AS 'MODULE_PATHNAME', 'flex_max_concurrent_final'
  LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION max_concurrent_final(internal) IS 'aggregate support: sweeps over time';
CREATE AGGREGATE max_concurrent(time_window, numeric) (
  SFUNC = max_concurrent_transition, STYPE = internal, FINALFUNC = max_concurrent_final, PARALLEL = SAFE
);
COMMENT ON AGGREGATE max_concurrent(time_window, numeric) IS
  'the greatest sum of quantities that stand at one instant, and the first window in which it stands; rows with a NULL are left out; NULL of no rows';

-- ---------------------------------------------------------------- market time
--
-- Periods are counted in the local day of the market: with half-hours 46 on the
-- day that loses an hour, 50 on the day that gains one.  Period 1 starts at local
-- midnight.

CREATE FUNCTION check_settlement_length(length interval) RETURNS interval
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF length IS NULL OR length NOT IN (interval '5 minutes', interval '15 minutes', interval '30 minutes', interval '60 minutes') THEN
    RAISE EXCEPTION 'not the length of a settlement period: %', coalesce(length::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use 5, 15, 30 or 60 minutes.';
  END IF;
  RETURN length;
END
$function$;
COMMENT ON FUNCTION check_settlement_length(interval) IS 'the length, if it is 5, 15, 30 or 60 minutes; else error 22023';

CREATE FUNCTION local_midnight(day date, zone text) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN day::timestamp AT TIME ZONE zone;
COMMENT ON FUNCTION local_midnight(date, text) IS 'the instant at which a local day begins';

CREATE FUNCTION settlement_periods(day date, zone text, length interval DEFAULT interval '30 minutes') RETURNS integer
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (extract(epoch FROM local_midnight(day + 1, zone) - local_midnight(day, zone))
          / extract(epoch FROM check_settlement_length(length)))::integer;
COMMENT ON FUNCTION settlement_periods(date, text, interval) IS
  'how many settlement periods the local day has: with half-hours 48, or 46 or 50 when the clocks change';

CREATE FUNCTION settlement_date(instant timestamptz, zone text) RETURNS date
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (instant AT TIME ZONE zone)::date;
COMMENT ON FUNCTION settlement_date(timestamptz, text) IS 'the local day of the market that holds the instant';

CREATE FUNCTION settlement_period(instant timestamptz, zone text, length interval DEFAULT interval '30 minutes') RETURNS integer
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN floor(extract(epoch FROM instant - local_midnight(settlement_date(instant, zone), zone))
               / extract(epoch FROM check_settlement_length(length)))::integer + 1;
COMMENT ON FUNCTION settlement_period(timestamptz, text, interval) IS
  'the number of the settlement period that holds the instant, from 1, in the local day settlement_date(instant, zone)';

CREATE FUNCTION settlement_window(day date, period integer, zone text, length interval DEFAULT interval '30 minutes') RETURNS time_window
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  periods integer := flexexchange.settlement_periods(day, zone, length);
  midnight timestamptz := flexexchange.local_midnight(day, zone);
BEGIN
  IF period NOT BETWEEN 1 AND periods THEN
    RAISE EXCEPTION 'settlement period % is not one of %', period, day
      USING ERRCODE = 'datetime_field_overflow',
            HINT = format('That day has %s periods of %s in %s.', periods, length, zone);
  END IF;
  RETURN flexexchange.time_window(midnight + (period - 1) * length, midnight + period * length);
END
$function$;
COMMENT ON FUNCTION settlement_window(date, integer, text, interval) IS
  'the window of a settlement period of a local day; error 22008 for a period that the day does not have';

CREATE FUNCTION settlement_label(day date, period integer, zone text, length interval DEFAULT interval '30 minutes') RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT to_char(local_start + length, 'HH24:MI')
              || CASE WHEN (lower(w) - interval '1 hour') AT TIME ZONE zone = local_start THEN 'a' ELSE '' END
          FROM settlement_window(day, period, zone, length) AS w,
               LATERAL (SELECT lower(w) AT TIME ZONE zone) AS s (local_start));
COMMENT ON FUNCTION settlement_label(date, integer, text, interval) IS
  'the local end of a period as the settlement calendar labels it, made from its start: 01:30a is the second 01:30 of the day that gains an hour';

CREATE FUNCTION day_block(instant timestamptz, zone text, starts time[], OUT day date, OUT block integer)
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  candidate date;
  spans flexexchange.time_window;
BEGIN
  -- a day's first block may begin the evening before
  FOREACH candidate IN ARRAY ARRAY[(instant AT TIME ZONE zone)::date, (instant AT TIME ZONE zone)::date + 1, (instant AT TIME ZONE zone)::date - 1] LOOP
    FOR i IN 1 .. cardinality(starts) LOOP
      spans := flexexchange.day_block_window(candidate, i, zone, starts);
      IF instant >= flexexchange.lower(spans) AND instant < flexexchange.upper(spans) THEN
        day := candidate;
        block := i;
        RETURN;
      END IF;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION day_block(timestamptz, text, time[]) IS
  'the block of a day that holds the instant, with blocks that start at the local times given; see day_block_window';

CREATE FUNCTION day_block_window(day date, block integer, zone text, starts time[]) RETURNS time_window
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  n integer := cardinality(starts);
  first integer;
  start_of timestamp[];
BEGIN
  IF n = 0 OR block NOT BETWEEN 1 AND n THEN
    RAISE EXCEPTION 'block % is not one of %', block, n
      USING ERRCODE = 'datetime_field_overflow', HINT = 'Blocks are counted from 1, in the order of the starts.';
  END IF;
  -- starts that come before they drop past midnight are of the evening before
  first := (SELECT coalesce(min(i), 1) FROM generate_subscripts(starts, 1) i WHERE i > 1 AND starts[i] < starts[i - 1]);
  FOR i IN 1 .. n LOOP
    start_of[i] := day + starts[i] - CASE WHEN i < first THEN interval '1 day' ELSE interval '0' END;
  END LOOP;
  start_of[n + 1] := start_of[1] + interval '1 day';
  RETURN flexexchange.time_window(start_of[block] AT TIME ZONE zone, start_of[block + 1] AT TIME ZONE zone);
END
$function$;
COMMENT ON FUNCTION day_block_window(date, integer, text, time[]) IS
  'the window of a block of a day whose blocks start at the local times given, in order; times before the first that is smaller than the one before it are of the evening before, as in {23:00,03:00,07:00,11:00,15:00,19:00}; blocks are longer or shorter when the clocks change; error 22008 for a block that is not there';

-- ---------------------------------------------------------------- cells

CREATE FUNCTION window_cell(time_window) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_window_cell'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION window_cell(time_window) IS
  'the number of the shortest cell that holds all of a window, in a hierarchy of cells of time: 72 minutes, 19 hours, 12.7 days and so on, each sixteen of the one before; all of time is the last';
