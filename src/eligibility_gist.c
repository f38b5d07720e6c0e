/*
 * eligibility_gist.c
 *		GiST support of eligibility, in both directions.
 *
 * An index on a column of profiles answers "which assets for this product", one
 * on a column of specs "which products for this asset".  Their keys are the
 * same, so only compress and consistent differ; what the keys are, and why the
 * tests on inner pages miss nothing, is in eligibility_key.h and .c.
 *
 * Cost: a test of a key is linear in the number of requirements; the query is
 * worked out once for a scan.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "access/gist.h"
#include "access/stratnum.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"

#include "eligibility_key.h"

typedef enum EligibilityStrategy
{
	ELIGIBILITY_CONTAINS = 7,	/* spec @> profile, on specs */
	ELIGIBILITY_CONTAINED = 8	/* profile <@ spec, on profiles */
} EligibilityStrategy;

/* ----------
 * The query of a scan, worked out once
 * ----------
 */

typedef struct EligibilityQuery
{
	EligibilityKey key;
	bool		hashed;			/* requires a dimension that the key only hashes */
	int			nplaces[N_PLACES];
	uint32	   *places[N_PLACES];	/* hashes of the places accepted, sorted */
	Size		size;			/* of the datum it was made of, */
	char		datum[FLEXIBLE_ARRAY_MEMBER];	/* and the datum */
} EligibilityQuery;

static int
uint32_compare(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

#define HASHED_BITS	CODE_BITS

/*
 * The same query comes with every key of a scan.  It is remembered by its bytes,
 * since an inner scan of a join changes the value behind the pointer.
 */
static const EligibilityQuery *
query_of(FunctionCallInfo fcinfo, bool is_spec)
{
	struct varlena *raw = (struct varlena *) PG_GETARG_POINTER(1);
	EligibilityQuery *query = fcinfo->flinfo->fn_extra;
	Size		size = VARSIZE_ANY(raw);
	struct varlena *flat;
	MemoryContext caller;

	if (query != NULL && query->size == size && memcmp(query->datum, raw, size) == 0)
		return query;

	caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	if (query != NULL)
	{
		fcinfo->flinfo->fn_extra = NULL;
		for (int i = 0; i < N_PLACES; i++)
			if (query->places[i] != NULL)
				pfree(query->places[i]);
		pfree(query);
	}
	query = palloc0(offsetof(EligibilityQuery, datum) + size);
	query->size = size;
	memcpy(query->datum, raw, size);
	flat = PG_DETOAST_DATUM_PACKED(PointerGetDatum(raw));
	if (is_spec)
	{
		Requirements part;

		eligibility_key_of_spec(flat, &query->key);
		spec_member_view(flat, &part);
		query->hashed = (part.required & HASHED_BITS) != 0;
		for (int i = 0; i < N_PLACES; i++)
		{
			const CodeList *list = &part.codes[N_SIGNATURES + i];

			if ((part.required & DIM_BIT(FIRST_PLACE + i)) == 0)
				continue;
			query->places[i] = palloc(list->count * sizeof(uint32));
			for (const char *at = list->data; at < list->data + list->bytes; at += 1 + (uint8) *at)
				query->places[i][query->nplaces[i]++] = eligibility_place_hash(at);
			qsort(query->places[i], query->nplaces[i], sizeof(uint32), uint32_compare);
		}
	}
	else
		eligibility_key_of_profile(flat, &query->key);
	if (flat != raw)
		pfree(flat);
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = query;
	return query;
}

/* Is one of the places in [lo, hi]?  Binary search for the first not below lo. */
static bool
places_meet(const uint32 *places, int n, uint32 lo, uint32 hi)
{
	int			first = 0;
	int			last = n;

	while (first < last)
	{
		int			middle = first + (last - first) / 2;

		if (places[middle] < lo)
			first = middle + 1;
		else
			last = middle;
	}
	return first < n && places[first] <= hi;
}

PG_FUNCTION_INFO_V1(flex_asset_profile_gist_consistent);
Datum
flex_asset_profile_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	const EligibilityKey *key = (const EligibilityKey *) DatumGetPointer(entry->key);
	const EligibilityQuery *query = query_of(fcinfo, true);
	bool		sure = true;

	Assert(PG_GETARG_UINT16(2) == ELIGIBILITY_CONTAINED);
	*recheck = true;
	if (!eligibility_keys_meet(&query->key, key, GIST_LEAF(entry), &sure))
		PG_RETURN_BOOL(false);
	for (int i = 0; i < N_PLACES; i++)
		if (query->nplaces[i] > 1 &&
			!places_meet(query->places[i], query->nplaces[i], key->place_lo[i], key->place_hi[i]))
			PG_RETURN_BOOL(false);
	*recheck = !(GIST_LEAF(entry) && sure && !query->hashed);
	PG_RETURN_BOOL(true);
}

PG_FUNCTION_INFO_V1(flex_product_spec_gist_consistent);
Datum
flex_product_spec_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	const EligibilityKey *key = (const EligibilityKey *) DatumGetPointer(entry->key);
	const EligibilityQuery *query = query_of(fcinfo, false);
	bool		sure = true;
	bool		meet = eligibility_keys_meet(key, &query->key, true, &sure);

	Assert(PG_GETARG_UINT16(2) == ELIGIBILITY_CONTAINS);
	*recheck = !(meet && GIST_LEAF(entry) && sure && (key->required & HASHED_BITS) == 0);
	PG_RETURN_BOOL(meet);
}

/* ----------
 * Building, growing and splitting
 * ----------
 */

static int
key_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	int			level;

	return eligibility_key_order((EligibilityKey *) DatumGetPointer(x), (EligibilityKey *) DatumGetPointer(y), &level);
}

PG_FUNCTION_INFO_V1(flex_eligibility_gist_sortsupport);
Datum
flex_eligibility_gist_sortsupport(PG_FUNCTION_ARGS)
{
	((SortSupport) PG_GETARG_POINTER(0))->comparator = key_fast_compare;
	PG_RETURN_VOID();
}

static Datum
compress(FunctionCallInfo fcinfo, void (*key_of) (const struct varlena *, EligibilityKey *))
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result;
	EligibilityKey *key;
	struct varlena *flat;

	if (!entry->leafkey)
		PG_RETURN_POINTER(entry);
	result = palloc(sizeof(GISTENTRY));
	key = palloc(sizeof(EligibilityKey));
	flat = PG_DETOAST_DATUM_PACKED(entry->key);
	key_of(flat, key);
	if (PointerGetDatum(flat) != entry->key)
		pfree(flat);
	gistentryinit(*result, PointerGetDatum(key), entry->rel, entry->page, entry->offset, false);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_asset_profile_gist_compress);
Datum
flex_asset_profile_gist_compress(PG_FUNCTION_ARGS)
{
	return compress(fcinfo, eligibility_key_of_profile);
}

PG_FUNCTION_INFO_V1(flex_product_spec_gist_compress);
Datum
flex_product_spec_gist_compress(PG_FUNCTION_ARGS)
{
	return compress(fcinfo, eligibility_key_of_spec);
}

PG_FUNCTION_INFO_V1(flex_eligibility_gist_union);
Datum
flex_eligibility_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	EligibilityKey *result = palloc(sizeof(EligibilityKey));

	*result = *(EligibilityKey *) DatumGetPointer(entries->vector[0].key);
	for (int i = 1; i < entries->n; i++)
		eligibility_key_extend(result, (EligibilityKey *) DatumGetPointer(entries->vector[i].key));
	*size = sizeof(EligibilityKey);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_eligibility_gist_same);
Datum
flex_eligibility_gist_same(PG_FUNCTION_ARGS)
{
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = memcmp(PG_GETARG_POINTER(0), PG_GETARG_POINTER(1), sizeof(EligibilityKey)) == 0;
	PG_RETURN_POINTER(result);
}

/*
 * What it costs to put `added` below `original`, in the order of the sort: a
 * technology more, a step of size, then places (the logarithm of the growth of
 * their range, at most 33), then the rest.  Nothing here can be NaN.
 */
PG_FUNCTION_INFO_V1(flex_eligibility_gist_penalty);
Datum
flex_eligibility_gist_penalty(PG_FUNCTION_ARGS)
{
	const EligibilityKey *original = (const EligibilityKey *) DatumGetPointer(((GISTENTRY *) PG_GETARG_POINTER(0))->key);
	const EligibilityKey *added = (const EligibilityKey *) DatumGetPointer(((GISTENTRY *) PG_GETARG_POINTER(1))->key);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);
	EligibilityKey cover = *original;
	double		places = 0;
	double		steps;
	double		numbers = 0;
	int			bits = 0;

	eligibility_key_extend(&cover, added);
	steps = abs(eligibility_size_step(original, DIM_UP) - eligibility_size_step(&cover, DIM_UP)) +
		abs((cover.hi[DIM_UP] >> 11) - (original->hi[DIM_UP] >> 11)) +
		abs(eligibility_size_step(original, DIM_DOWN) - eligibility_size_step(&cover, DIM_DOWN)) +
		abs((cover.hi[DIM_DOWN] >> 11) - (original->hi[DIM_DOWN] >> 11));
	for (int i = 0; i < N_PLACES; i++)
		places += log2(1.0 + ((double) original->place_lo[i] - (double) cover.place_lo[i]) +
					   ((double) cover.place_hi[i] - (double) original->place_hi[i])) / (i + 1);
	for (int i = 0; i < N_NUMBERS; i++)
		numbers += (original->lo[i] - cover.lo[i]) + (cover.hi[i] - original->hi[i]);
	for (int i = 1; i < N_SIGNATURES; i++)
		bits += pg_popcount32(cover.signature[i] & ~original->signature[i]);
	bits += pg_popcount32(cover.possible & ~original->possible) +
		pg_popcount32(original->required & ~cover.required);
	*penalty = (float) (100000.0 * pg_popcount32(cover.signature[0] & ~original->signature[0]) +
						500.0 * steps + places + bits / 16.0 + numbers / (N_NUMBERS * 65536.0));
	PG_RETURN_POINTER(penalty);
}

typedef struct SplitItem
{
	const EligibilityKey *key;
	OffsetNumber offset;
} SplitItem;

static int
split_item_compare(const void *x, const void *y)
{
	const SplitItem *a = x;
	const SplitItem *b = y;
	int			level;
	int			c = eligibility_key_order(a->key, b->key, &level);

	return c != 0 ? c : (int) a->offset - (int) b->offset;
}

/*
 * Sort the page and cut it in its middle third, where the most important
 * difference is; among equals nearest the middle.  All keys equal: the middle.
 */
PG_FUNCTION_INFO_V1(flex_eligibility_gist_picksplit);
Datum
flex_eligibility_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *v = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int			n = entries->n - 1;
	SplitItem  *items = palloc(n * sizeof(SplitItem));
	EligibilityKey *cover = palloc(2 * sizeof(EligibilityKey));
	int			best = n / 2;
	int			best_level = PG_INT32_MAX;

	for (int i = 0; i < n; i++)
	{
		items[i].offset = (OffsetNumber) (i + FirstOffsetNumber);
		items[i].key = (const EligibilityKey *) DatumGetPointer(entries->vector[items[i].offset].key);
	}
	qsort(items, n, sizeof(SplitItem), split_item_compare);
	for (int cut = Max(1, n / 3); cut <= Min(n - 1, n - n / 3); cut++)
	{
		int			level;

		if (eligibility_key_order(items[cut - 1].key, items[cut].key, &level) == 0)
			level = PG_INT32_MAX;
		if (level < best_level || (level == best_level && abs(cut - n / 2) < abs(best - n / 2)))
		{
			best = cut;
			best_level = level;
		}
	}

	v->spl_left = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_right = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_nleft = v->spl_nright = 0;
	cover[0] = *items[0].key;
	cover[1] = *items[best].key;
	for (int i = 0; i < n; i++)
	{
		eligibility_key_extend(&cover[i < best ? 0 : 1], items[i].key);
		if (i < best)
			v->spl_left[v->spl_nleft++] = items[i].offset;
		else
			v->spl_right[v->spl_nright++] = items[i].offset;
	}
	Assert(v->spl_nleft > 0 && v->spl_nright > 0);
	v->spl_ldatum = PointerGetDatum(&cover[0]);
	v->spl_rdatum = PointerGetDatum(&cover[1]);
	pfree(items);
	PG_RETURN_POINTER(v);
}

/* ----------
 * The type of keys has no text
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_eligibility_key_in);
Datum
flex_eligibility_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "eligibility_key"),
			 errhint("The type is internal to the indexes of asset_profile and product_spec.")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(flex_eligibility_key_out);
Datum
flex_eligibility_key_out(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot display a value of type %s", "eligibility_key"),
			 errhint("The type is internal to the indexes of asset_profile and product_spec.")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}
