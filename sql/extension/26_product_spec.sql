-- product_spec: what a product requires of each member, of the unit as a whole,
-- and of how assets may be grouped.  JSON text, strictly checked.  Shell type,
-- input and output, type, casts, operators, btree and hash classes.

CREATE TYPE product_spec;

CREATE FUNCTION product_spec_in(cstring) RETURNS product_spec
  AS 'MODULE_PATHNAME', 'flex_product_spec_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_in(cstring) IS 'reads JSON, strictly; errors 22P02 and 22023 name line, column and key';

CREATE FUNCTION product_spec_out(product_spec) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_product_spec_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_out(product_spec) IS 'writes canonical JSON';

CREATE FUNCTION product_spec_recv(internal) RETURNS product_spec
  AS 'MODULE_PATHNAME', 'flex_product_spec_recv'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_recv(internal) IS 'reads the binary form, judged as text is';

CREATE FUNCTION product_spec_send(product_spec) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_product_spec_send'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_send(product_spec) IS 'writes the binary form: a byte of value 1, then canonical JSON';

CREATE TYPE product_spec (
  INPUT = product_spec_in,
  OUTPUT = product_spec_out,
  RECEIVE = product_spec_recv,
  SEND = product_spec_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE product_spec IS
  'what a product requires: a JSON object with member (each asset), unit (the whole) and grouping, such as {"member":{"notice":{"max":"PT2M"}},"unit":{"up_kw":{"min":1000}},"grouping":"gsp_group"}';

-- ---------------------------------------------------------------- casts

CREATE CAST (product_spec AS jsonb) WITH INOUT;
COMMENT ON CAST (product_spec AS jsonb) IS 'exact: ->> then reads single values';
CREATE CAST (jsonb AS product_spec) WITH INOUT;
COMMENT ON CAST (jsonb AS product_spec) IS 'judged as text is, except that jsonb has already dropped duplicate keys';
CREATE CAST (product_spec AS json) WITH INOUT;
COMMENT ON CAST (product_spec AS json) IS 'exact';
CREATE CAST (json AS product_spec) WITH INOUT;
COMMENT ON CAST (json AS product_spec) IS 'judged as text is';

-- ---------------------------------------------------------------- operators

CREATE FUNCTION product_spec_eq(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_eq'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_eq(product_spec, product_spec) IS 'implementation of operator =';
CREATE OPERATOR = (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_eq,
  COMMUTATOR = =,
  NEGATOR = <>,
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (product_spec, product_spec) IS 'equal';

CREATE FUNCTION product_spec_ne(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_ne'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_ne(product_spec, product_spec) IS 'implementation of operator <>';
CREATE OPERATOR <> (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_ne,
  COMMUTATOR = <>,
  NEGATOR = =,
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (product_spec, product_spec) IS 'not equal';

CREATE FUNCTION product_spec_lt(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_lt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_lt(product_spec, product_spec) IS 'implementation of operator <';
CREATE OPERATOR < (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_lt,
  COMMUTATOR = >,
  NEGATOR = >=,
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (product_spec, product_spec) IS 'the first sorts before the second; the order means nothing';

CREATE FUNCTION product_spec_le(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_le'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_le(product_spec, product_spec) IS 'implementation of operator <=';
CREATE OPERATOR <= (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_le,
  COMMUTATOR = >=,
  NEGATOR = >,
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (product_spec, product_spec) IS 'the first sorts before the second or equals it; the order means nothing';

CREATE FUNCTION product_spec_ge(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_ge'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_ge(product_spec, product_spec) IS 'implementation of operator >=';
CREATE OPERATOR >= (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_ge,
  COMMUTATOR = <=,
  NEGATOR = <,
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (product_spec, product_spec) IS 'the first sorts after the second or equals it; the order means nothing';

CREATE FUNCTION product_spec_gt(product_spec, product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_gt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_gt(product_spec, product_spec) IS 'implementation of operator >';
CREATE OPERATOR > (
  LEFTARG = product_spec, RIGHTARG = product_spec, FUNCTION = product_spec_gt,
  COMMUTATOR = <,
  NEGATOR = <=,
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (product_spec, product_spec) IS 'the first sorts after the second; the order means nothing';

-- ---------------------------------------------------------------- btree, hash

CREATE FUNCTION product_spec_cmp(product_spec, product_spec) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_product_spec_cmp'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_cmp(product_spec, product_spec) IS 'less than zero, zero or more: the order of btree indexes';

CREATE FUNCTION product_spec_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_product_spec_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_sortsupport(internal) IS 'btree support: sorts without going through SQL';

-- equal values are equal bytes, so the index may keep one copy of them
CREATE OPERATOR CLASS product_spec_ops DEFAULT FOR TYPE product_spec USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 product_spec_cmp(product_spec, product_spec),
  FUNCTION 2 product_spec_sortsupport(internal),
  FUNCTION 4 btequalimage(oid);
COMMENT ON OPERATOR CLASS product_spec_ops USING btree IS 'order of product_spec: DISTINCT, GROUP BY, unique keys';
COMMENT ON OPERATOR FAMILY product_spec_ops USING btree IS 'order of product_spec';

CREATE FUNCTION product_spec_hash(product_spec) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_product_spec_hash'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_hash(product_spec) IS 'hash of 32 bits';

CREATE FUNCTION product_spec_hash_extended(product_spec, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_product_spec_hash_extended'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_hash_extended(product_spec, bigint) IS 'hash of 64 bits with a seed';

CREATE OPERATOR CLASS product_spec_ops DEFAULT FOR TYPE product_spec USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 product_spec_hash(product_spec),
  FUNCTION 2 product_spec_hash_extended(product_spec, bigint);
COMMENT ON OPERATOR CLASS product_spec_ops USING hash IS 'equality of product_spec';
COMMENT ON OPERATOR FAMILY product_spec_ops USING hash IS 'equality of product_spec';
