-- Eligibility: which assets for this product, which products for this asset, and
-- why not.  Operators, functions, then the GiST classes of both types.

CREATE FUNCTION eligible_member(spec product_spec, profile asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_contains'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION eligible_member(product_spec, asset_profile) IS
  'implementation of operator @>: may this asset be a member of a unit that offers the product';

CREATE FUNCTION member_eligible(profile asset_profile, spec product_spec) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_contained'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION member_eligible(asset_profile, product_spec) IS
  'implementation of operator <@';

-- matchingsel tries the operator on the common values and the histogram that
-- ANALYZE took of the column, as a sample; joins are taken to match one row in a hundred
CREATE OPERATOR @> (
  LEFTARG = product_spec, RIGHTARG = asset_profile, FUNCTION = eligible_member,
  COMMUTATOR = <@,
  RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR @> (product_spec, asset_profile) IS 'the asset meets the member part of the spec';

CREATE OPERATOR <@ (
  LEFTARG = asset_profile, RIGHTARG = product_spec, FUNCTION = member_eligible,
  COMMUTATOR = @>,
  RESTRICT = matchingsel, JOIN = matchingjoinsel
);
COMMENT ON OPERATOR <@ (asset_profile, product_spec) IS 'the asset meets the member part of the spec';

CREATE FUNCTION eligible_unit(spec product_spec, profile asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_eligible_unit'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION eligible_unit(product_spec, asset_profile) IS
  'does this unit, as a whole, meet the unit part and the grouping; its members are judged one by one with @>';

CREATE FUNCTION eligible_alone(spec product_spec, profile asset_profile) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_eligible_alone'
  LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION eligible_alone(product_spec, asset_profile) IS
  'may this asset offer the product by itself: it meets the member part, the unit part and the grouping';

CREATE FUNCTION ineligibility(spec product_spec, profile asset_profile, part text DEFAULT 'member',
                              OUT requirement text, OUT required text, OUT offered text) RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'flex_ineligibility'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE ROWS 3;
COMMENT ON FUNCTION ineligibility(product_spec, asset_profile, text) IS
  'every requirement that is missed, with what is required and what is offered, with units; part is member, unit or alone (both); no row means eligible; error 22023 for another part';

-- ---------------------------------------------------------------- GiST

CREATE TYPE eligibility_key;

CREATE FUNCTION eligibility_key_in(cstring) RETURNS eligibility_key
  AS 'MODULE_PATHNAME', 'flex_eligibility_key_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_key_in(cstring) IS 'refuses: keys have no literals';

CREATE FUNCTION eligibility_key_out(eligibility_key) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_eligibility_key_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_key_out(eligibility_key) IS 'refuses: keys have no text';

CREATE TYPE eligibility_key (
  INPUT = eligibility_key_in,
  OUTPUT = eligibility_key_out,
  INTERNALLENGTH = 116,
  ALIGNMENT = int4
);
COMMENT ON TYPE eligibility_key IS
  'internal to GiST indexes of asset_profile and product_spec: a box of what is offered or accepted';

CREATE FUNCTION eligibility_gist_union(internal, internal) RETURNS eligibility_key
  AS 'MODULE_PATHNAME', 'flex_eligibility_gist_union'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_gist_union(internal, internal) IS 'GiST support: the cover of several keys';

CREATE FUNCTION eligibility_gist_same(eligibility_key, eligibility_key, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_eligibility_gist_same'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_gist_same(eligibility_key, eligibility_key, internal) IS 'GiST support: equality of keys';

CREATE FUNCTION eligibility_gist_penalty(internal, internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_eligibility_gist_penalty'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_gist_penalty(internal, internal, internal) IS 'GiST support: keeps technologies together, then sizes, then places';

CREATE FUNCTION eligibility_gist_picksplit(internal, internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_eligibility_gist_picksplit'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_gist_picksplit(internal, internal) IS 'GiST support: cuts a sorted page where its keys differ most';

CREATE FUNCTION eligibility_gist_sortsupport(internal) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_eligibility_gist_sortsupport'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eligibility_gist_sortsupport(internal) IS 'GiST support: builds by sorting';

CREATE FUNCTION asset_profile_gist_consistent(internal, asset_profile, smallint, oid, internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_asset_profile_gist_consistent'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_gist_consistent(internal, asset_profile, smallint, oid, internal) IS 'GiST support: can this key match; the query is a product_spec';

CREATE FUNCTION asset_profile_gist_compress(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_asset_profile_gist_compress'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION asset_profile_gist_compress(internal) IS 'GiST support: the key of a value';

CREATE OPERATOR CLASS asset_profile_ops DEFAULT FOR TYPE asset_profile USING gist AS
  OPERATOR 8 <@ (asset_profile, product_spec),
  FUNCTION 1 asset_profile_gist_consistent(internal, asset_profile, smallint, oid, internal),
  FUNCTION 2 eligibility_gist_union(internal, internal),
  FUNCTION 3 asset_profile_gist_compress(internal),
  FUNCTION 5 eligibility_gist_penalty(internal, internal, internal),
  FUNCTION 6 eligibility_gist_picksplit(internal, internal),
  FUNCTION 7 eligibility_gist_same(eligibility_key, eligibility_key, internal),
  FUNCTION 11 eligibility_gist_sortsupport(internal),
  STORAGE eligibility_key;
COMMENT ON OPERATOR CLASS asset_profile_ops USING gist IS 'which assets for this product, built by sorting';
COMMENT ON OPERATOR FAMILY asset_profile_ops USING gist IS 'which assets for this product';

CREATE FUNCTION product_spec_gist_consistent(internal, product_spec, smallint, oid, internal) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_product_spec_gist_consistent'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_gist_consistent(internal, product_spec, smallint, oid, internal) IS 'GiST support: can this key match; the query is a asset_profile';

CREATE FUNCTION product_spec_gist_compress(internal) RETURNS internal
  AS 'MODULE_PATHNAME', 'flex_product_spec_gist_compress'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION product_spec_gist_compress(internal) IS 'GiST support: the key of a value';

CREATE OPERATOR CLASS product_spec_ops DEFAULT FOR TYPE product_spec USING gist AS
  OPERATOR 7 @> (product_spec, asset_profile),
  FUNCTION 1 product_spec_gist_consistent(internal, product_spec, smallint, oid, internal),
  FUNCTION 2 eligibility_gist_union(internal, internal),
  FUNCTION 3 product_spec_gist_compress(internal),
  FUNCTION 5 eligibility_gist_penalty(internal, internal, internal),
  FUNCTION 6 eligibility_gist_picksplit(internal, internal),
  FUNCTION 7 eligibility_gist_same(eligibility_key, eligibility_key, internal),
  FUNCTION 11 eligibility_gist_sortsupport(internal),
  STORAGE eligibility_key;
COMMENT ON OPERATOR CLASS product_spec_ops USING gist IS 'which products for this asset, built by sorting';
COMMENT ON OPERATOR FAMILY product_spec_ops USING gist IS 'which products for this asset';
