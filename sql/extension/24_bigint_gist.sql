-- A GiST class of bigint that sorts, for indexes of several columns.  It is not the
-- default class, so it lives beside btree_gist: gist (id bigint_ops, during).

CREATE TYPE bigint_span;

CREATE FUNCTION bigint_span_in(cstring) RETURNS bigint_span
  AS 'MODULE_PATHNAME', 'flex_bigint_span_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_span_in(cstring) IS 'refuses: keys have no literals';

CREATE FUNCTION bigint_span_out(bigint_span) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_bigint_span_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_span_out(bigint_span) IS 'shows a key, for pageinspect';

CREATE TYPE bigint_span (
  INPUT = bigint_span_in,
  OUTPUT = bigint_span_out,
  INTERNALLENGTH = 16,
  ALIGNMENT = double
);
COMMENT ON TYPE bigint_span IS 'what a GiST index of class bigint_ops stores: the span of the values below; never a column';

CREATE FUNCTION bigint_gist_consistent(internal, bigint, smallint, oid, internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_consistent'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_consistent(internal, bigint, smallint, oid, internal) IS 'GiST support: can this key match';

CREATE FUNCTION bigint_gist_union(internal, internal) RETURNS bigint_span
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_union'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_union(internal, internal) IS 'GiST support: the cover of several keys';

CREATE FUNCTION bigint_gist_compress(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_compress'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_compress(internal) IS 'GiST support: a value becomes a key';

CREATE FUNCTION bigint_gist_fetch(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_fetch'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_fetch(internal) IS 'GiST support: a leaf key becomes the value again';

CREATE FUNCTION bigint_gist_penalty(internal, internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_penalty'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_penalty(internal, internal, internal) IS 'GiST support: the growth of the span';

CREATE FUNCTION bigint_gist_picksplit(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_picksplit'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_picksplit(internal, internal) IS 'GiST support: cuts a sorted page in its middle';

CREATE FUNCTION bigint_gist_same(bigint_span, bigint_span, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_same'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_same(bigint_span, bigint_span, internal) IS 'GiST support: equality of keys';

CREATE FUNCTION bigint_gist_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_bigint_gist_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION bigint_gist_sortsupport(internal) IS 'GiST support: order of index builds';

CREATE OPERATOR CLASS bigint_ops FOR TYPE bigint USING gist AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 bigint_gist_consistent(internal, bigint, smallint, oid, internal),
  FUNCTION 2 bigint_gist_union(internal, internal),
  FUNCTION 3 bigint_gist_compress(internal),
  FUNCTION 5 bigint_gist_penalty(internal, internal, internal),
  FUNCTION 6 bigint_gist_picksplit(internal, internal),
  FUNCTION 7 bigint_gist_same(bigint_span, bigint_span, internal),
  FUNCTION 9 bigint_gist_fetch(internal),
  FUNCTION 11 bigint_gist_sortsupport(internal),
  STORAGE bigint_span;
COMMENT ON OPERATOR CLASS bigint_ops USING gist IS 'order of bigint, exact, built by sorting; not the default class';
COMMENT ON OPERATOR FAMILY bigint_ops USING gist IS 'order of bigint';
