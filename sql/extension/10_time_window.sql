-- time_window: a half-open span of time [start, end), never empty.
-- Shell type, input and output, type, functions, casts, operators, then the
-- operator classes of btree, hash and GiST.

CREATE TYPE time_window;

CREATE FUNCTION time_window_in(cstring) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_in'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_in(cstring) IS 'reads text; bounds without an offset are of the session time zone';

CREATE FUNCTION time_window_out(time_window) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_time_window_out'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_out(time_window) IS 'writes text in the session time zone';

CREATE FUNCTION time_window_recv(internal) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_recv'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_recv(internal) IS 'reads the binary form, judged as text is';

CREATE FUNCTION time_window_send(time_window) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_time_window_send'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_send(time_window) IS 'writes the binary form';

CREATE FUNCTION window_typanalyze(internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_window_typanalyze'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION window_typanalyze(internal) IS 'ANALYZE keeps starts, ends and lengths of windows, and how common resources are';

CREATE FUNCTION window_sel(internal, oid, internal, integer) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_window_sel'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION window_sel(internal, oid, internal, integer) IS 'planner support: the fraction of rows that an operator of windows lets through';

CREATE FUNCTION window_joinsel(internal, oid, internal, smallint, internal) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_window_joinsel'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION window_joinsel(internal, oid, internal, smallint, internal) IS 'planner support: the fraction of pairs that an operator of windows lets through';

CREATE TYPE time_window (
  INPUT = time_window_in,
  OUTPUT = time_window_out,
  RECEIVE = time_window_recv,
  SEND = time_window_send,
  ANALYZE = window_typanalyze,
  INTERNALLENGTH = 16,
  ALIGNMENT = double
);
COMMENT ON TYPE time_window IS
  'a half-open span of time [start, end), exact to the microsecond, never empty; text is an ISO 8601 interval such as 2026-11-20T17:00Z/PT30M';

-- ---------------------------------------------------------------- functions, casts

CREATE FUNCTION time_window(start_time timestamptz, end_time timestamptz) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_construct'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window(timestamptz, timestamptz) IS
  'the window from start_time (included) to end_time (excluded); error 22007 unless the end is later';

CREATE FUNCTION lower(time_window) RETURNS timestamptz
  AS 'MODULE_PATHNAME', 'flex_time_window_lower'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lower(time_window) IS
  'the first instant of the window; -infinity when it has no beginning';

CREATE FUNCTION upper(time_window) RETURNS timestamptz
  AS 'MODULE_PATHNAME', 'flex_time_window_upper'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION upper(time_window) IS
  'the first instant after the window; infinity when it has no end';

CREATE FUNCTION duration(time_window) RETURNS interval
  AS 'MODULE_PATHNAME', 'flex_time_window_duration'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION duration(time_window) IS
  'elapsed time in hours and less, so that a day is 24 hours; NULL when a bound is missing; error 22008 beyond 292,277 years';

CREATE FUNCTION time_window_intersection(time_window, time_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_intersection'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_intersection(time_window, time_window) IS
  'implementation of operator *';

CREATE OPERATOR * (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_intersection,
  COMMUTATOR = *
);
COMMENT ON OPERATOR * (time_window, time_window) IS 'the common part; NULL when there is none';

CREATE FUNCTION tstzrange(time_window) RETURNS tstzrange
  AS 'MODULE_PATHNAME', 'flex_time_window_to_range'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tstzrange(time_window) IS
  'the window as a range type value; a missing bound becomes an unbounded one';

CREATE FUNCTION time_window(tstzrange) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_from_range'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window(tstzrange) IS
  'the range as a window; error 22000 when it is empty; other bounds than [) move by a microsecond';

CREATE CAST (time_window AS tstzrange) WITH FUNCTION tstzrange(time_window) AS ASSIGNMENT;
COMMENT ON CAST (time_window AS tstzrange) IS 'exact';
CREATE CAST (tstzrange AS time_window) WITH FUNCTION time_window(tstzrange) AS ASSIGNMENT;
COMMENT ON CAST (tstzrange AS time_window) IS 'exact; refused for an empty range';

CREATE FUNCTION tstzmultirange(time_window) RETURNS tstzmultirange
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN pg_catalog.tstzmultirange(tstzrange($1));
COMMENT ON FUNCTION tstzmultirange(time_window) IS 'the window as a multirange of one range';

CREATE FUNCTION tstzmultirange(time_window[]) RETURNS tstzmultirange
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN (SELECT coalesce(pg_catalog.range_agg(tstzrange(w)), '{}') FROM pg_catalog.unnest($1) w);
COMMENT ON FUNCTION tstzmultirange(time_window[]) IS
  'the instants that any of the windows holds; those that overlap or touch become one range, NULLs are passed over';

CREATE FUNCTION time_window(tstzmultirange) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_from_multirange'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window(tstzmultirange) IS 'a multirange of one range as a window; error 22000 of none or several';

CREATE FUNCTION time_windows(tstzmultirange) RETURNS time_window[]
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ARRAY(SELECT time_window(r) FROM pg_catalog.unnest($1) r);
COMMENT ON FUNCTION time_windows(tstzmultirange) IS 'the ranges of a multirange as windows, in order';

CREATE CAST (time_window AS tstzmultirange) WITH FUNCTION tstzmultirange(time_window) AS ASSIGNMENT;
COMMENT ON CAST (time_window AS tstzmultirange) IS 'exact';
CREATE CAST (time_window[] AS tstzmultirange) WITH FUNCTION tstzmultirange(time_window[]) AS ASSIGNMENT;
COMMENT ON CAST (time_window[] AS tstzmultirange) IS 'the same instants';
CREATE CAST (tstzmultirange AS time_window) WITH FUNCTION time_window(tstzmultirange) AS ASSIGNMENT;
COMMENT ON CAST (tstzmultirange AS time_window) IS 'exact; refused for none or several ranges';
CREATE CAST (tstzmultirange AS time_window[]) WITH FUNCTION time_windows(tstzmultirange) AS ASSIGNMENT;
COMMENT ON CAST (tstzmultirange AS time_window[]) IS 'exact';

-- ---------------------------------------------------------------- operators

CREATE FUNCTION time_window_overlaps(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_overlaps'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_overlaps(time_window, time_window) IS 'implementation of operator &&';
CREATE OPERATOR && (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_overlaps,
  COMMUTATOR = &&,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR && (time_window, time_window) IS 'share at least one instant';

CREATE FUNCTION time_window_contains(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_contains'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_contains(time_window, time_window) IS 'implementation of operator @>';
CREATE OPERATOR @> (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_contains,
  COMMUTATOR = <@,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR @> (time_window, time_window) IS 'the first contains the second';

CREATE FUNCTION time_window_contained(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_contained'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_contained(time_window, time_window) IS 'implementation of operator <@';
CREATE OPERATOR <@ (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_contained,
  COMMUTATOR = @>,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR <@ (time_window, time_window) IS 'the first lies within the second';

CREATE FUNCTION time_window_before(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_before'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_before(time_window, time_window) IS 'implementation of operator <<';
CREATE OPERATOR << (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_before,
  COMMUTATOR = >>,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR << (time_window, time_window) IS 'the first ends before or as the second starts';

CREATE FUNCTION time_window_after(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_after'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_after(time_window, time_window) IS 'implementation of operator >>';
CREATE OPERATOR >> (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_after,
  COMMUTATOR = <<,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR >> (time_window, time_window) IS 'the first starts after or as the second ends';

CREATE FUNCTION time_window_adjacent(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_adjacent'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_adjacent(time_window, time_window) IS 'implementation of operator -|-';
CREATE OPERATOR -|- (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_adjacent,
  COMMUTATOR = -|-,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR -|- (time_window, time_window) IS 'one ends in the instant in which the other starts';

CREATE FUNCTION time_window_overleft(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_overleft'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_overleft(time_window, time_window) IS 'implementation of operator &<';
CREATE OPERATOR &< (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_overleft,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR &< (time_window, time_window) IS 'the first does not end later than the second';

CREATE FUNCTION time_window_overright(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_overright'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_overright(time_window, time_window) IS 'implementation of operator &>';
CREATE OPERATOR &> (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_overright,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR &> (time_window, time_window) IS 'the first does not start earlier than the second';

CREATE FUNCTION time_window_eq(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_eq'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_eq(time_window, time_window) IS 'implementation of operator =';
CREATE OPERATOR = (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_eq,
  COMMUTATOR = =,
  NEGATOR = <>,
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (time_window, time_window) IS 'equal';

CREATE FUNCTION time_window_ne(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_ne'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_ne(time_window, time_window) IS 'implementation of operator <>';
CREATE OPERATOR <> (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_ne,
  COMMUTATOR = <>,
  NEGATOR = =,
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (time_window, time_window) IS 'not equal';

CREATE FUNCTION time_window_lt(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_lt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_lt(time_window, time_window) IS 'implementation of operator <';
CREATE OPERATOR < (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_lt,
  COMMUTATOR = >,
  NEGATOR = >=,
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (time_window, time_window) IS 'the first sorts before the second, by start, then by end';

CREATE FUNCTION time_window_le(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_le'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_le(time_window, time_window) IS 'implementation of operator <=';
CREATE OPERATOR <= (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_le,
  COMMUTATOR = >=,
  NEGATOR = >,
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (time_window, time_window) IS 'the first sorts before the second or equals it, by start, then by end';

CREATE FUNCTION time_window_ge(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_ge'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_ge(time_window, time_window) IS 'implementation of operator >=';
CREATE OPERATOR >= (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_ge,
  COMMUTATOR = <=,
  NEGATOR = <,
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (time_window, time_window) IS 'the first sorts after the second or equals it, by start, then by end';

CREATE FUNCTION time_window_gt(time_window, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_gt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gt(time_window, time_window) IS 'implementation of operator >';
CREATE OPERATOR > (
  LEFTARG = time_window, RIGHTARG = time_window, FUNCTION = time_window_gt,
  COMMUTATOR = <,
  NEGATOR = <=,
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (time_window, time_window) IS 'the first sorts after the second, by start, then by end';

CREATE FUNCTION time_window_contains(time_window, timestamptz) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_contains_instant'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_contains(time_window, timestamptz) IS 'implementation of operator @>';
CREATE OPERATOR @> (
  LEFTARG = time_window, RIGHTARG = timestamptz, FUNCTION = time_window_contains,
  COMMUTATOR = <@, RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR @> (time_window, timestamptz) IS 'the instant lies in the window';

CREATE FUNCTION time_window_contained(timestamptz, time_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_instant_contained_time_window'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_contained(timestamptz, time_window) IS 'implementation of operator <@';
CREATE OPERATOR <@ (
  LEFTARG = timestamptz, RIGHTARG = time_window, FUNCTION = time_window_contained,
  COMMUTATOR = @>, RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR <@ (timestamptz, time_window) IS 'the instant lies in the window';

-- ---------------------------------------------------------------- btree, hash

CREATE FUNCTION time_window_cmp(time_window, time_window) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_time_window_cmp'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_cmp(time_window, time_window) IS 'less than zero, zero or more: the order of btree indexes';

CREATE FUNCTION time_window_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_time_window_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_sortsupport(internal) IS 'btree support: sorts without going through SQL';

CREATE OPERATOR CLASS time_window_ops DEFAULT FOR TYPE time_window USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 time_window_cmp(time_window, time_window),
  FUNCTION 2 time_window_sortsupport(internal);
COMMENT ON OPERATOR CLASS time_window_ops USING btree IS 'order of time_window';
COMMENT ON OPERATOR FAMILY time_window_ops USING btree IS 'order of time_window';

CREATE FUNCTION time_window_hash(time_window) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_time_window_hash'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_hash(time_window) IS 'hash of 32 bits';

CREATE FUNCTION time_window_hash_extended(time_window, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_time_window_hash_extended'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION time_window_hash_extended(time_window, bigint) IS 'hash of 64 bits with a seed';

CREATE OPERATOR CLASS time_window_ops DEFAULT FOR TYPE time_window USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 time_window_hash(time_window),
  FUNCTION 2 time_window_hash_extended(time_window, bigint);
COMMENT ON OPERATOR CLASS time_window_ops USING hash IS 'equality of time_window';
COMMENT ON OPERATOR FAMILY time_window_ops USING hash IS 'equality of time_window';

-- ---------------------------------------------------------------- GiST

CREATE FUNCTION time_window_gist_consistent(internal, time_window, smallint, oid, internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_consistent'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_consistent(internal, time_window, smallint, oid, internal) IS 'GiST support: can this key match';

CREATE FUNCTION time_window_gist_union(internal, internal) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_union'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_union(internal, internal) IS 'GiST support: the cover of several keys';

CREATE FUNCTION time_window_gist_same(time_window, time_window, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_same'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_same(time_window, time_window, internal) IS 'GiST support: equality of keys';

CREATE FUNCTION time_window_gist_penalty(internal, internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_penalty'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_penalty(internal, internal, internal) IS 'GiST support: keeps one resource together, then time narrow';

CREATE FUNCTION time_window_gist_picksplit(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_time_window_gist_picksplit'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window_gist_picksplit(internal, internal) IS 'GiST support: cuts a sorted page near its middle';

CREATE OPERATOR CLASS time_window_ops DEFAULT FOR TYPE time_window USING gist AS
  OPERATOR 1 <<, OPERATOR 2 &<, OPERATOR 3 &&, OPERATOR 4 &>, OPERATOR 5 >>,
  OPERATOR 6 -|-, OPERATOR 7 @>, OPERATOR 8 <@, OPERATOR 16 @> (time_window, timestamptz), OPERATOR 18 =,
  FUNCTION 1 time_window_gist_consistent(internal, time_window, smallint, oid, internal),
  FUNCTION 2 time_window_gist_union(internal, internal),
  FUNCTION 5 time_window_gist_penalty(internal, internal, internal),
  FUNCTION 6 time_window_gist_picksplit(internal, internal),
  FUNCTION 7 time_window_gist_same(time_window, time_window, internal),
  FUNCTION 11 time_window_sortsupport(internal);
COMMENT ON OPERATOR CLASS time_window_ops USING gist IS 'position and overlap of time_window, exact, built by sorting';
COMMENT ON OPERATOR FAMILY time_window_ops USING gist IS 'position and overlap of time_window';
