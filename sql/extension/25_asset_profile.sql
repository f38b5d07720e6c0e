-- asset_profile: what an asset, or a unit of several, can do.  JSON text, strictly
-- checked; docs/eligibility.md lists the keys.  Shell type, input and output,
-- type, casts, operators, btree and hash classes, the aggregate.  The GiST class
-- is in 27_eligibility.sql: it needs product_spec.

CREATE TYPE asset_profile;

CREATE FUNCTION asset_profile_in(cstring) RETURNS asset_profile
  AS 'MODULE_PATHNAME', 'flex_asset_profile_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_in(cstring) IS 'reads JSON, strictly; errors 22P02 and 22023 name line, column and key';

CREATE FUNCTION asset_profile_out(asset_profile) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_asset_profile_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_out(asset_profile) IS 'writes canonical JSON';

CREATE FUNCTION asset_profile_recv(internal) RETURNS asset_profile
  AS 'MODULE_PATHNAME', 'flex_asset_profile_recv'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_recv(internal) IS 'reads the binary form, judged as text is';

CREATE FUNCTION asset_profile_send(asset_profile) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_asset_profile_send'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_send(asset_profile) IS 'writes the binary form: a byte of value 1, then canonical JSON';

CREATE TYPE asset_profile (
  INPUT = asset_profile_in,
  OUTPUT = asset_profile_out,
  RECEIVE = asset_profile_recv,
  SEND = asset_profile_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE asset_profile IS
  'what an asset or a unit can do: a JSON object of what is known, such as {"technology":"BESS","up_kw":7.5,"notice":"PT2M"}; kW, kWh and kV to 3 decimals, ISO 8601 durations; what is left out is not known';

-- ---------------------------------------------------------------- casts

CREATE CAST (asset_profile AS jsonb) WITH INOUT;
COMMENT ON CAST (asset_profile AS jsonb) IS 'exact: ->> then reads single values';
CREATE CAST (jsonb AS asset_profile) WITH INOUT;
COMMENT ON CAST (jsonb AS asset_profile) IS 'judged as text is, except that jsonb has already dropped duplicate keys';
CREATE CAST (asset_profile AS json) WITH INOUT;
COMMENT ON CAST (asset_profile AS json) IS 'exact';
CREATE CAST (json AS asset_profile) WITH INOUT;
COMMENT ON CAST (json AS asset_profile) IS 'judged as text is';

-- ---------------------------------------------------------------- operators

CREATE FUNCTION asset_profile_eq(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_eq'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_eq(asset_profile, asset_profile) IS 'implementation of operator =';
CREATE OPERATOR = (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_eq,
  COMMUTATOR = =,
  NEGATOR = <>,
  HASHES, MERGES,
  RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (asset_profile, asset_profile) IS 'equal';

CREATE FUNCTION asset_profile_ne(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_ne'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_ne(asset_profile, asset_profile) IS 'implementation of operator <>';
CREATE OPERATOR <> (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_ne,
  COMMUTATOR = <>,
  NEGATOR = =,
  RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (asset_profile, asset_profile) IS 'not equal';

CREATE FUNCTION asset_profile_lt(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_lt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_lt(asset_profile, asset_profile) IS 'implementation of operator <';
CREATE OPERATOR < (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_lt,
  COMMUTATOR = >,
  NEGATOR = >=,
  RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (asset_profile, asset_profile) IS 'the first sorts before the second; the order means nothing';

CREATE FUNCTION asset_profile_le(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_le'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_le(asset_profile, asset_profile) IS 'implementation of operator <=';
CREATE OPERATOR <= (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_le,
  COMMUTATOR = >=,
  NEGATOR = >,
  RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (asset_profile, asset_profile) IS 'the first sorts before the second or equals it; the order means nothing';

CREATE FUNCTION asset_profile_ge(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_ge'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_ge(asset_profile, asset_profile) IS 'implementation of operator >=';
CREATE OPERATOR >= (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_ge,
  COMMUTATOR = <=,
  NEGATOR = <,
  RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (asset_profile, asset_profile) IS 'the first sorts after the second or equals it; the order means nothing';

CREATE FUNCTION asset_profile_gt(asset_profile, asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_gt'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_gt(asset_profile, asset_profile) IS 'implementation of operator >';
CREATE OPERATOR > (
  LEFTARG = asset_profile, RIGHTARG = asset_profile, FUNCTION = asset_profile_gt,
  COMMUTATOR = <,
  NEGATOR = <=,
  RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (asset_profile, asset_profile) IS 'the first sorts after the second; the order means nothing';

-- ---------------------------------------------------------------- btree, hash

CREATE FUNCTION asset_profile_cmp(asset_profile, asset_profile) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_asset_profile_cmp'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_cmp(asset_profile, asset_profile) IS 'less than zero, zero or more: the order of btree indexes';

CREATE FUNCTION asset_profile_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_asset_profile_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_sortsupport(internal) IS 'btree support: sorts without going through SQL';

-- equal values are equal bytes, so the index may keep one copy of them
CREATE OPERATOR CLASS asset_profile_ops DEFAULT FOR TYPE asset_profile USING btree AS
  OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
  FUNCTION 1 asset_profile_cmp(asset_profile, asset_profile),
  FUNCTION 2 asset_profile_sortsupport(internal),
  FUNCTION 4 btequalimage(oid);
COMMENT ON OPERATOR CLASS asset_profile_ops USING btree IS 'order of asset_profile: DISTINCT, GROUP BY, unique keys';
COMMENT ON OPERATOR FAMILY asset_profile_ops USING btree IS 'order of asset_profile';

CREATE FUNCTION asset_profile_hash(asset_profile) RETURNS integer
  AS 'MODULE_PATHNAME', 'flex_asset_profile_hash'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_hash(asset_profile) IS 'hash of 32 bits';

CREATE FUNCTION asset_profile_hash_extended(asset_profile, bigint) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_asset_profile_hash_extended'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_hash_extended(asset_profile, bigint) IS 'hash of 64 bits with a seed';

CREATE OPERATOR CLASS asset_profile_ops DEFAULT FOR TYPE asset_profile USING hash AS
  OPERATOR 1 =,
  FUNCTION 1 asset_profile_hash(asset_profile),
  FUNCTION 2 asset_profile_hash_extended(asset_profile, bigint);
COMMENT ON OPERATOR CLASS asset_profile_ops USING hash IS 'equality of asset_profile';
COMMENT ON OPERATOR FAMILY asset_profile_ops USING hash IS 'equality of asset_profile';

-- ---------------------------------------------------------------- the profile of a unit

CREATE FUNCTION profile_of_merge(asset_profile, asset_profile) RETURNS asset_profile
  AS 'MODULE_PATHNAME', 'flex_profile_of_merge'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION profile_of_merge(asset_profile, asset_profile) IS
  'part of the aggregate profile_of: a unit of both; error 22003 when a sum is out of range';

CREATE FUNCTION profile_of_final(asset_profile) RETURNS asset_profile
  AS 'MODULE_PATHNAME', 'flex_profile_of_final'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION profile_of_final(asset_profile) IS
  'part of the aggregate profile_of: the profile of what was merged; error 54000 when it is too long';

CREATE AGGREGATE profile_of(asset_profile) (
  SFUNC = profile_of_merge,
  STYPE = asset_profile,
  FINALFUNC = profile_of_final,
  COMBINEFUNC = profile_of_merge,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE profile_of(asset_profile) IS
  'the profile of a unit made of these members: sums of kW and kWh, slowest notice and recovery, common durations and places, union of technologies, count; what one member leaves unknown is unknown; NULL without members';
