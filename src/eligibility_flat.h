/*
 * eligibility_flat.h
 *		What every flat type needs: comparison and hash of its bytes.
 *
 * A value of asset_profile or product_spec is equal to another exactly when
 * their bytes are (see eligibility.h), so these serve both.
 */
#ifndef FLEX_ELIGIBILITY_FLAT_H
#define FLEX_ELIGIBILITY_FLAT_H

#include "common/hashfn.h"
#include "utils/sortsupport.h"

#include "eligibility.h"

static inline int
flat_compare(const struct varlena *a, const struct varlena *b)
{
	int			a_length = VARSIZE_ANY_EXHDR(a);
	int			b_length = VARSIZE_ANY_EXHDR(b);
	int			c = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(a_length, b_length));

	return c != 0 ? (c < 0 ? -1 : 1) : (a_length > b_length) - (a_length < b_length);
}

/* The comparison of sorts, which do not free what a comparison leaves behind. */
static inline int
flat_compare_datums(Datum x, Datum y)
{
	struct varlena *a = PG_DETOAST_DATUM_PACKED(x);
	struct varlena *b = PG_DETOAST_DATUM_PACKED(y);
	int			c = flat_compare(a, b);

	if (PointerGetDatum(a) != x)
		pfree(a);
	if (PointerGetDatum(b) != y)
		pfree(b);
	return c;
}

#define FLAT_OPERATOR(type, name, test) \
PG_FUNCTION_INFO_V1(flex_##type##_##name); \
Datum \
flex_##type##_##name(PG_FUNCTION_ARGS) \
{ \
	struct varlena *a = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)); \
	struct varlena *b = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(1)); \
	int			c = flat_compare(a, b); \
\
	PG_FREE_IF_COPY(a, 0); \
	PG_FREE_IF_COPY(b, 1); \
	test; \
} \
extern Datum flex_##type##_##name(PG_FUNCTION_ARGS)

/* Everything btree and hash classes are made of. */
#define FLAT_OPERATORS(type) \
FLAT_OPERATOR(type, eq, PG_RETURN_BOOL(c == 0)); \
FLAT_OPERATOR(type, ne, PG_RETURN_BOOL(c != 0)); \
FLAT_OPERATOR(type, lt, PG_RETURN_BOOL(c < 0)); \
FLAT_OPERATOR(type, le, PG_RETURN_BOOL(c <= 0)); \
FLAT_OPERATOR(type, ge, PG_RETURN_BOOL(c >= 0)); \
FLAT_OPERATOR(type, gt, PG_RETURN_BOOL(c > 0)); \
FLAT_OPERATOR(type, cmp, PG_RETURN_INT32(c)); \
static int \
type##_fast_compare(Datum x, Datum y, SortSupport ssup) \
{ \
	return flat_compare_datums(x, y); \
} \
PG_FUNCTION_INFO_V1(flex_##type##_sortsupport); \
Datum \
flex_##type##_sortsupport(PG_FUNCTION_ARGS) \
{ \
	((SortSupport) PG_GETARG_POINTER(0))->comparator = type##_fast_compare; \
	PG_RETURN_VOID(); \
} \
PG_FUNCTION_INFO_V1(flex_##type##_hash); \
Datum \
flex_##type##_hash(PG_FUNCTION_ARGS) \
{ \
	struct varlena *a = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)); \
	Datum		hash = hash_any((unsigned char *) VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a)); \
\
	PG_FREE_IF_COPY(a, 0); \
	return hash; \
} \
PG_FUNCTION_INFO_V1(flex_##type##_hash_extended); \
Datum \
flex_##type##_hash_extended(PG_FUNCTION_ARGS) \
{ \
	struct varlena *a = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(0)); \
	Datum		hash = hash_any_extended((unsigned char *) VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a), PG_GETARG_INT64(1)); \
\
	PG_FREE_IF_COPY(a, 0); \
	return hash; \
} \
extern Datum flex_##type##_hash_extended(PG_FUNCTION_ARGS)

#endif							/* FLEX_ELIGIBILITY_FLAT_H */
