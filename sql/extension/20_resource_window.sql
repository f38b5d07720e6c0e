-- resource_window: one resource (whatever has a number) during one time window.
-- The key of conflict detection.  Same order as 10_time_window.sql.

CREATE TYPE resource_window;

CREATE FUNCTION resource_window_in(cstring) RETURNS resource_window
  AS 'MODULE_PATHNAME', 'flex_resource_window_in'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_in(cstring) IS 'reads text; bounds without an offset are of the session time zone';

CREATE FUNCTION resource_window_out(resource_window) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_resource_window_out'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_out(resource_window) IS 'writes text in the session time zone';

CREATE FUNCTION resource_window_recv(internal) RETURNS resource_window
  AS 'MODULE_PATHNAME', 'flex_resource_window_recv'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_recv(internal) IS 'reads the binary form, judged as text is';

CREATE FUNCTION resource_window_send(resource_window) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_resource_window_send'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_send(resource_window) IS 'writes the binary form';

CREATE TYPE resource_window (
  INPUT = resource_window_in,
  OUTPUT = resource_window_out,
  RECEIVE = resource_window_recv,
  SEND = resource_window_send,
  ANALYZE = window_typanalyze,
  INTERNALLENGTH = 24,
  ALIGNMENT = double
);
COMMENT ON TYPE resource_window IS
  'one resource during one time_window; two overlap when they are of the same resource and overlap in time; text such as 42@2026-11-20T17:00Z/PT30M';

-- ---------------------------------------------------------------- functions

CREATE FUNCTION resource_window(resource bigint, delivery_window time_window) RETURNS resource_window
  AS 'MODULE_PATHNAME', 'flex_resource_window_construct'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window(bigint, time_window) IS
  'the resource of that number during that window';

CREATE FUNCTION resource(resource_window) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_resource_window_resource'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource(resource_window) IS
  'the number of the resource';

CREATE FUNCTION time_window(resource_window) RETURNS time_window
  AS 'MODULE_PATHNAME', 'flex_resource_window_window'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_window(resource_window) IS
  'the window, without the resource';

CREATE FUNCTION lower(resource_window) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN lower(time_window($1));
COMMENT ON FUNCTION lower(resource_window) IS
  'the first instant of the window; -infinity when it has no beginning';

CREATE FUNCTION upper(resource_window) RETURNS timestamptz
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN upper(time_window($1));
COMMENT ON FUNCTION upper(resource_window) IS
  'the first instant after the window; infinity when it has no end';

-- ---------------------------------------------------------------- operators

CREATE FUNCTION resource_window_overlaps(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_overlaps'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_overlaps(resource_window, resource_window) IS 'implementation of operator &&';
CREATE OPERATOR && (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_overlaps,
  COMMUTATOR = &&,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR && (resource_window, resource_window) IS 'of one resource, and share at least one instant';

CREATE FUNCTION resource_window_contains(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_contains'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_contains(resource_window, resource_window) IS 'implementation of operator @>';
CREATE OPERATOR @> (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_contains,
  COMMUTATOR = <@,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR @> (resource_window, resource_window) IS 'of one resource, and the first contains the second';

CREATE FUNCTION resource_window_contained(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_contained'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_contained(resource_window, resource_window) IS 'implementation of operator <@';
CREATE OPERATOR <@ (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_contained,
  COMMUTATOR = @>,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR <@ (resource_window, resource_window) IS 'of one resource, and the first lies within the second';

CREATE FUNCTION resource_window_before(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_before'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_before(resource_window, resource_window) IS 'implementation of operator <<';
CREATE OPERATOR << (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_before,
  COMMUTATOR = >>,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR << (resource_window, resource_window) IS 'of one resource, and the first ends before or as the second starts';

CREATE FUNCTION resource_window_after(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_after'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_after(resource_window, resource_window) IS 'implementation of operator >>';
CREATE OPERATOR >> (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_after,
  COMMUTATOR = <<,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR >> (resource_window, resource_window) IS 'of one resource, and the first starts after or as the second ends';

CREATE FUNCTION resource_window_adjacent(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_adjacent'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_adjacent(resource_window, resource_window) IS 'implementation of operator -|-';
CREATE OPERATOR -|- (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_adjacent,
  COMMUTATOR = -|-,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR -|- (resource_window, resource_window) IS 'of one resource, and one ends in the instant in which the other starts';

CREATE FUNCTION resource_window_overleft(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_overleft'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_overleft(resource_window, resource_window) IS 'implementation of operator &<';
CREATE OPERATOR &< (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_overleft,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR &< (resource_window, resource_window) IS 'of one resource, and the first does not end later than the second';

CREATE FUNCTION resource_window_overright(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_overright'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_overright(resource_window, resource_window) IS 'implementation of operator &>';
CREATE OPERATOR &> (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_overright,
  RESTRICT = window_sel, JOIN = window_joinsel
);
COMMENT ON OPERATOR &> (resource_window, resource_window) IS 'of one resource, and the first does not start earlier than the second';

CREATE FUNCTION resource_window_eq(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_eq'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_eq(resource_window, resource_window) IS 'implementation of operator =';
CREATE OPERATOR = (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_eq,
  COMMUTATOR = =,
  NEGATOR = <>,
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (resource_window, resource_window) IS 'equal';

CREATE FUNCTION resource_window_ne(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_ne'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_ne(resource_window, resource_window) IS 'implementation of operator <>';
CREATE OPERATOR <> (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_ne,
  COMMUTATOR = <>,
  NEGATOR = =,
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (resource_window, resource_window) IS 'not equal';

CREATE FUNCTION resource_window_lt(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_lt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_lt(resource_window, resource_window) IS 'implementation of operator <';
CREATE OPERATOR < (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_lt,
  COMMUTATOR = >,
  NEGATOR = >=,
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (resource_window, resource_window) IS 'the first sorts before the second, by resource, then start, then end';

CREATE FUNCTION resource_window_le(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_le'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_le(resource_window, resource_window) IS 'implementation of operator <=';
CREATE OPERATOR <= (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_le,
  COMMUTATOR = >=,
  NEGATOR = >,
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (resource_window, resource_window) IS 'the first sorts before the second or equals it, by resource, then start, then end';

CREATE FUNCTION resource_window_ge(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_ge'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_ge(resource_window, resource_window) IS 'implementation of operator >=';
CREATE OPERATOR >= (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_ge,
  COMMUTATOR = <=,
  NEGATOR = <,
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (resource_window, resource_window) IS 'the first sorts after the second or equals it, by resource, then start, then end';

CREATE FUNCTION resource_window_gt(resource_window, resource_window) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_gt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gt(resource_window, resource_window) IS 'implementation of operator >';
CREATE OPERATOR > (
  LEFTARG = resource_window, RIGHTARG = resource_window, FUNCTION = resource_window_gt,
  COMMUTATOR = <,
  NEGATOR = <=,
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (resource_window, resource_window) IS 'the first sorts after the second, by resource, then start, then end';

-- ---------------------------------------------------------------- btree, hash

CREATE FUNCTION resource_window_cmp(resource_window, resource_window) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_resource_window_cmp'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_cmp(resource_window, resource_window) IS 'less than zero, zero or more: the order of btree indexes';

CREATE FUNCTION resource_window_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_resource_window_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_sortsupport(internal) IS 'btree support: sorts without going through SQL';

CREATE OPERATOR CLASS resource_window_ops DEFAULT FOR TYPE resource_window USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 resource_window_cmp(resource_window, resource_window),
  FUNCTION 2 resource_window_sortsupport(internal);
COMMENT ON OPERATOR CLASS resource_window_ops USING btree IS 'order of resource_window';
COMMENT ON OPERATOR FAMILY resource_window_ops USING btree IS 'order of resource_window';

CREATE FUNCTION resource_window_hash(resource_window) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_resource_window_hash'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_hash(resource_window) IS 'hash of 32 bits';

CREATE FUNCTION resource_window_hash_extended(resource_window, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_resource_window_hash_extended'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_hash_extended(resource_window, bigint) IS 'hash of 64 bits with a seed';

CREATE OPERATOR CLASS resource_window_ops DEFAULT FOR TYPE resource_window USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 resource_window_hash(resource_window),
  FUNCTION 2 resource_window_hash_extended(resource_window, bigint);
COMMENT ON OPERATOR CLASS resource_window_ops USING hash IS 'equality of resource_window';
COMMENT ON OPERATOR FAMILY resource_window_ops USING hash IS 'equality of resource_window';

-- ---------------------------------------------------------------- GiST key type

CREATE TYPE resource_window_key;

CREATE FUNCTION resource_window_key_in(cstring) RETURNS resource_window_key
  AS 'MODULE_PATHNAME', 'flex_resource_window_key_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_key_in(cstring) IS 'refuses: keys have no literals';

CREATE FUNCTION resource_window_key_out(resource_window_key) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_resource_window_key_out'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_key_out(resource_window_key) IS 'shows a key, for pageinspect';

CREATE TYPE resource_window_key (
  INPUT = resource_window_key_in,
  OUTPUT = resource_window_key_out,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = double,
  STORAGE = plain
);
COMMENT ON TYPE resource_window_key IS
  'what a GiST index on resource_window stores: a span of resources and the cover of their windows; never a column';

-- ---------------------------------------------------------------- GiST

CREATE FUNCTION resource_window_gist_consistent(internal, resource_window, smallint, oid, internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_consistent'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_consistent(internal, resource_window, smallint, oid, internal) IS 'GiST support: can this key match';

CREATE FUNCTION resource_window_gist_union(internal, internal) RETURNS resource_window_key
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_union'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_union(internal, internal) IS 'GiST support: the cover of several keys';

CREATE FUNCTION resource_window_gist_same(resource_window_key, resource_window_key, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_same'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_same(resource_window_key, resource_window_key, internal) IS 'GiST support: equality of keys';

CREATE FUNCTION resource_window_gist_penalty(internal, internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_penalty'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_penalty(internal, internal, internal) IS 'GiST support: keeps one resource together, then time narrow';

CREATE FUNCTION resource_window_gist_picksplit(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_picksplit'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_picksplit(internal, internal) IS 'GiST support: cuts a sorted page near its middle';

CREATE FUNCTION resource_window_gist_compress(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_compress'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_compress(internal) IS 'GiST support: a value becomes a key';

CREATE FUNCTION resource_window_gist_fetch(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_fetch'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_fetch(internal) IS 'GiST support: a leaf key becomes the value again';

CREATE FUNCTION resource_window_gist_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_resource_window_gist_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION resource_window_gist_sortsupport(internal) IS 'GiST support: order of index builds';

CREATE OPERATOR CLASS resource_window_ops DEFAULT FOR TYPE resource_window USING gist AS
  OPERATOR 1 <<, OPERATOR 2 &<, OPERATOR 3 &&, OPERATOR 4 &>, OPERATOR 5 >>,
  OPERATOR 6 -|-, OPERATOR 7 @>, OPERATOR 8 <@, OPERATOR 18 =,
  FUNCTION 1 resource_window_gist_consistent(internal, resource_window, smallint, oid, internal),
  FUNCTION 2 resource_window_gist_union(internal, internal),
  FUNCTION 3 resource_window_gist_compress(internal),
  FUNCTION 5 resource_window_gist_penalty(internal, internal, internal),
  FUNCTION 6 resource_window_gist_picksplit(internal, internal),
  FUNCTION 7 resource_window_gist_same(resource_window_key, resource_window_key, internal),
  FUNCTION 9 resource_window_gist_fetch(internal),
  FUNCTION 11 resource_window_gist_sortsupport(internal),
  STORAGE resource_window_key;
COMMENT ON OPERATOR CLASS resource_window_ops USING gist IS 'position and overlap of resource_window, exact, built by sorting';
COMMENT ON OPERATOR FAMILY resource_window_ops USING gist IS 'position and overlap of resource_window';
