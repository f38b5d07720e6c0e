/*
 * time_window_gist.c
 *		GiST support of time_window.  Keys are time_windows on every level.
 */
#include "postgres.h"
#include "compat.h"

#include "access/stratnum.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "window_gist.h"

static ResourceWindowKey
key_of(const TimeWindow *window)
{
	ResourceWindowKey key = {0, 0, *window};

	return key;
}

PG_FUNCTION_INFO_V1(flex_time_window_gist_consistent);
Datum
flex_time_window_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	TimeWindow *key = DatumGetTimeWindowP(entry->key);

	*recheck = false;			/* keys are the values themselves */
	if (strategy == WINDOW_CONTAINS_INSTANT)
		PG_RETURN_BOOL(time_window_contains_instant(key, PG_GETARG_TIMESTAMPTZ(1)));
	if (GIST_LEAF(entry))
		PG_RETURN_BOOL(window_leaf_consistent(key, PG_GETARG_TIME_WINDOW_P(1), strategy));
	PG_RETURN_BOOL(window_inner_consistent(key, PG_GETARG_TIME_WINDOW_P(1), strategy));
}

/* A cover is never farther than what it covers, so this is a lower bound. */
PG_FUNCTION_INFO_V1(flex_time_window_gist_distance);
Datum
flex_time_window_gist_distance(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);

	*recheck = false;
	PG_RETURN_FLOAT8(window_distance(DatumGetTimeWindowP(entry->key), PG_GETARG_TIMESTAMPTZ(1)));
}

PG_FUNCTION_INFO_V1(flex_time_window_gist_union);
Datum
flex_time_window_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	TimeWindow *result = palloc(sizeof(TimeWindow));

	*result = *DatumGetTimeWindowP(entries->vector[0].key);
	for (int i = 1; i < entries->n; i++)
		*result = time_window_cover(result, DatumGetTimeWindowP(entries->vector[i].key));
	*size = sizeof(TimeWindow);
	PG_RETURN_TIME_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_gist_same);
Datum
flex_time_window_gist_same(PG_FUNCTION_ARGS)
{
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = time_window_equal(PG_GETARG_TIME_WINDOW_P(0), PG_GETARG_TIME_WINDOW_P(1));
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_gist_penalty);
Datum
flex_time_window_gist_penalty(PG_FUNCTION_ARGS)
{
	GISTENTRY  *original = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *added = (GISTENTRY *) PG_GETARG_POINTER(1);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);
	ResourceWindowKey a = key_of(DatumGetTimeWindowP(original->key));
	ResourceWindowKey b = key_of(DatumGetTimeWindowP(added->key));

	*penalty = window_key_penalty(&a, &b);
	PG_RETURN_POINTER(penalty);
}

PG_FUNCTION_INFO_V1(flex_time_window_gist_picksplit);
Datum
flex_time_window_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *v = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	OffsetNumber n = entries->n - 1;
	ResourceWindowKey *keys = palloc(n * sizeof(ResourceWindowKey));
	ResourceWindowKey left;
	ResourceWindowKey right;
	TimeWindow *result = palloc(2 * sizeof(TimeWindow));

	for (int i = 0; i < n; i++)
		keys[i] = key_of(DatumGetTimeWindowP(entries->vector[i + FirstOffsetNumber].key));
	window_key_split(keys, n, sizeof(TimeWindow), v, &left, &right);
	result[0] = left.window;
	result[1] = right.window;
	v->spl_ldatum = TimeWindowPGetDatum(&result[0]);
	v->spl_rdatum = TimeWindowPGetDatum(&result[1]);
	PG_RETURN_POINTER(v);
}
