/*
 * resource_window_gist.c
 *		GiST support of resource_window.
 *
 * Leaf keys are exact, so `fetch` gives the value back and nothing is
 * rechecked; inner keys span resources and cover their windows.
 *
 * Inner keys are wide on purpose.  GiST looks at every key of each page on its
 * way down, whether it seeks or inserts, at some 12 ns a key, while one page
 * more costs about as much as fifteen keys.  The way down through pages of f
 * keys is log(n)/log(f) * (f + 15) keys long: shortest at a dozen keys a page,
 * nearly flat up to thirty, half as long again at the 180 that compact keys
 * would give.  The room costs a twentieth of the index.
 */
#include "postgres.h"
#include "compat.h"

#include "access/stratnum.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "window_gist.h"

/* A resource_window_key as it lies in the index: a varlena, never compressed. */
typedef struct StoredKey
{
	int32		vl_len_;
	int32		unused;			/* 0 */
	int64		resource_lo;
	TimeWindow	window;
	/* of inner keys alone */
	int64		resource_hi;
	char		room[216];		/* 0 */
} StoredKey;

#define LEAF_KEY_SIZE	offsetof(StoredKey, resource_hi)
#define INNER_KEY_SIZE	sizeof(StoredKey)

StaticAssertDecl(LEAF_KEY_SIZE == 32 && INNER_KEY_SIZE == 256, "resource_window_key has a hole");

#define DatumGetStoredKeyP(d)	((StoredKey *) DatumGetPointer(d))

static inline int64
stored_resource_hi(const StoredKey *stored)
{
	return VARSIZE(stored) == LEAF_KEY_SIZE ? stored->resource_lo : stored->resource_hi;
}

static inline ResourceWindowKey
key_load(Datum datum)
{
	const StoredKey *stored = DatumGetStoredKeyP(datum);
	ResourceWindowKey key = {stored->resource_lo, stored_resource_hi(stored), stored->window};

	return key;
}

static Datum
key_store(const ResourceWindowKey *key, Size size)
{
	StoredKey  *stored = palloc0(size);

	SET_VARSIZE(stored, size);
	stored->resource_lo = key->resource_lo;
	stored->window = key->window;
	if (size == INNER_KEY_SIZE)
		stored->resource_hi = key->resource_hi;
	return PointerGetDatum(stored);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_consistent);
Datum
flex_resource_window_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	ResourceWindow *query = PG_GETARG_RESOURCE_WINDOW_P(1);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	StoredKey  *key = DatumGetStoredKeyP(entry->key);

	*recheck = false;			/* leaf keys are exact */
	/* every operator is false between different resources */
	if (query->resource < key->resource_lo || query->resource > stored_resource_hi(key))
		PG_RETURN_BOOL(false);
	if (GIST_LEAF(entry))
		PG_RETURN_BOOL(window_leaf_consistent(&key->window, &query->window, strategy));
	PG_RETURN_BOOL(window_inner_consistent(&key->window, &query->window, strategy));
}

/* A cover is never farther than what it covers, so this is a lower bound. */
PG_FUNCTION_INFO_V1(flex_resource_window_gist_distance);
Datum
flex_resource_window_gist_distance(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);

	*recheck = false;
	PG_RETURN_FLOAT8(window_distance(&DatumGetStoredKeyP(entry->key)->window, PG_GETARG_TIMESTAMPTZ(1)));
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_compress);
Datum
flex_resource_window_gist_compress(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result = entry;

	if (entry->leafkey)
	{
		ResourceWindow *value = DatumGetResourceWindowP(entry->key);
		ResourceWindowKey key = {value->resource, value->resource, value->window};

		result = palloc(sizeof(GISTENTRY));
		gistentryinit(*result, key_store(&key, LEAF_KEY_SIZE), entry->rel, entry->page,
					  entry->offset, false);
	}
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_fetch);
Datum
flex_resource_window_gist_fetch(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	StoredKey  *key = DatumGetStoredKeyP(entry->key);
	ResourceWindow *value = palloc(sizeof(ResourceWindow));
	GISTENTRY  *result = palloc(sizeof(GISTENTRY));

	value->resource = key->resource_lo;
	value->window = key->window;
	gistentryinit(*result, ResourceWindowPGetDatum(value), entry->rel, entry->page,
				  entry->offset, false);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_union);
Datum
flex_resource_window_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	ResourceWindowKey cover = key_load(entries->vector[0].key);

	for (int i = 1; i < entries->n; i++)
	{
		ResourceWindowKey key = key_load(entries->vector[i].key);

		cover = window_key_cover(&cover, &key);
	}
	*size = INNER_KEY_SIZE;
	PG_RETURN_DATUM(key_store(&cover, INNER_KEY_SIZE));
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_same);
Datum
flex_resource_window_gist_same(PG_FUNCTION_ARGS)
{
	ResourceWindowKey a = key_load(PG_GETARG_DATUM(0));
	ResourceWindowKey b = key_load(PG_GETARG_DATUM(1));
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = window_key_compare(&a, &b) == 0;
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_penalty);
Datum
flex_resource_window_gist_penalty(PG_FUNCTION_ARGS)
{
	ResourceWindowKey original = key_load(((GISTENTRY *) PG_GETARG_POINTER(0))->key);
	ResourceWindowKey added = key_load(((GISTENTRY *) PG_GETARG_POINTER(1))->key);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);

	*penalty = window_key_penalty(&original, &added);
	PG_RETURN_POINTER(penalty);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_picksplit);
Datum
flex_resource_window_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *v = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	OffsetNumber n = entries->n - 1;
	ResourceWindowKey *keys = palloc(n * sizeof(ResourceWindowKey));
	ResourceWindowKey left;
	ResourceWindowKey right;

	for (int i = 0; i < n; i++)
		keys[i] = key_load(entries->vector[i + FirstOffsetNumber].key);
	window_key_split(keys, n, VARSIZE(DatumGetStoredKeyP(entries->vector[FirstOffsetNumber].key)),
					 v, &left, &right);
	v->spl_ldatum = key_store(&left, INNER_KEY_SIZE);
	v->spl_rdatum = key_store(&right, INNER_KEY_SIZE);
	PG_RETURN_POINTER(v);
}

static int
key_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	ResourceWindowKey a = key_load(x);
	ResourceWindowKey b = key_load(y);

	return window_key_compare(&a, &b);
}

static Datum
key_abbreviate(Datum original, SortSupport ssup)
{
	return Int64GetDatum(DatumGetStoredKeyP(original)->resource_lo);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_sortsupport);
Datum
flex_resource_window_gist_sortsupport(PG_FUNCTION_ARGS)
{
	window_sortsupport((SortSupport) PG_GETARG_POINTER(0), key_fast_compare, key_abbreviate);
	PG_RETURN_VOID();
}

/* The key type has no literals: it lives inside the index alone. */
PG_FUNCTION_INFO_V1(flex_resource_window_key_in);
Datum
flex_resource_window_key_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "resource_window_key")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(flex_resource_window_key_out);
Datum
flex_resource_window_key_out(PG_FUNCTION_ARGS)
{
	ResourceWindowKey key = key_load(PG_GETARG_DATUM(0));
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, INT64_FORMAT ".." INT64_FORMAT "@", key.resource_lo, key.resource_hi);
	time_window_append_text(&buf, &key.window);
	PG_RETURN_CSTRING(buf.data);
}
