/*
 * resource_window_gist.c
 *		GiST support of resource_window.
 *
 * Leaf and inner keys are resource_window_keys: a span of resources and the
 * cover of their windows.  A leaf key spans one resource and is exact, so
 * `fetch` gives the value back and nothing is rechecked.
 */
#include "postgres.h"
#include "compat.h"

#include "access/stratnum.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "window_gist.h"

#define DatumGetKeyP(d)		((ResourceWindowKey *) DatumGetPointer(d))

PG_FUNCTION_INFO_V1(flex_resource_window_gist_consistent);
Datum
flex_resource_window_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	ResourceWindow *query = PG_GETARG_RESOURCE_WINDOW_P(1);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	ResourceWindowKey *key = DatumGetKeyP(entry->key);

	*recheck = false;			/* leaf keys are exact */
	/* every operator is false between different resources */
	if (query->resource < key->resource_lo || query->resource > key->resource_hi)
		PG_RETURN_BOOL(false);
	if (GIST_LEAF(entry))
		PG_RETURN_BOOL(window_leaf_consistent(&key->window, &query->window, strategy));
	PG_RETURN_BOOL(window_inner_consistent(&key->window, &query->window, strategy));
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
		ResourceWindowKey *key = palloc(sizeof(ResourceWindowKey));

		key->resource_lo = key->resource_hi = value->resource;
		key->window = value->window;
		result = palloc(sizeof(GISTENTRY));
		gistentryinit(*result, PointerGetDatum(key), entry->rel, entry->page,
					  entry->offset, false);
	}
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_fetch);
Datum
flex_resource_window_gist_fetch(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	ResourceWindowKey *key = DatumGetKeyP(entry->key);
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
	ResourceWindowKey *result = palloc(sizeof(ResourceWindowKey));

	*result = *DatumGetKeyP(entries->vector[0].key);
	for (int i = 1; i < entries->n; i++)
		*result = window_key_cover(result, DatumGetKeyP(entries->vector[i].key));
	*size = sizeof(ResourceWindowKey);
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_same);
Datum
flex_resource_window_gist_same(PG_FUNCTION_ARGS)
{
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = window_key_compare((ResourceWindowKey *) PG_GETARG_POINTER(0),
								 (ResourceWindowKey *) PG_GETARG_POINTER(1)) == 0;
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_penalty);
Datum
flex_resource_window_gist_penalty(PG_FUNCTION_ARGS)
{
	GISTENTRY  *original = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *added = (GISTENTRY *) PG_GETARG_POINTER(1);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);

	*penalty = window_key_penalty(DatumGetKeyP(original->key), DatumGetKeyP(added->key));
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
	ResourceWindowKey *result = palloc(2 * sizeof(ResourceWindowKey));

	for (int i = 0; i < n; i++)
		keys[i] = *DatumGetKeyP(entries->vector[i + FirstOffsetNumber].key);
	window_key_split(keys, n, v, &result[0], &result[1]);
	v->spl_ldatum = PointerGetDatum(&result[0]);
	v->spl_rdatum = PointerGetDatum(&result[1]);
	PG_RETURN_POINTER(v);
}

static int
key_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	return window_key_compare(DatumGetKeyP(x), DatumGetKeyP(y));
}

PG_FUNCTION_INFO_V1(flex_resource_window_gist_sortsupport);
Datum
flex_resource_window_gist_sortsupport(PG_FUNCTION_ARGS)
{
	window_sortsupport((SortSupport) PG_GETARG_POINTER(0), key_fast_compare);
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
	ResourceWindowKey *key = (ResourceWindowKey *) PG_GETARG_POINTER(0);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, INT64_FORMAT ".." INT64_FORMAT "@", key->resource_lo, key->resource_hi);
	time_window_append_text(&buf, &key->window);
	PG_RETURN_CSTRING(buf.data);
}
