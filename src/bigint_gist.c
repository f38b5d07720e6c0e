/*
 * bigint_gist.c
 *		A GiST class of bigint that sorts, to stand beside a window in one index.
 *
 * An index on (bigint, time_window) is built by sorting only if the classes of
 * both columns can sort; btree_gist's cannot before PostgreSQL 18.  This class
 * is not the default one, so that both live in one database:
 *
 *		CREATE INDEX ON t USING gist (id flexexchange.bigint_ops, during);
 *
 * A key is the span [lo, hi] of the values below it, 16 bytes; on a leaf lo = hi,
 * and `fetch` gives the value back.
 */
#include "postgres.h"
#include "compat.h"

#include "access/gist.h"
#include "access/stratnum.h"
#include "fmgr.h"
#include "utils/sortsupport.h"

#include "window_io.h"

typedef struct BigintSpan
{
	int64		lo;
	int64		hi;
} BigintSpan;

StaticAssertDecl(sizeof(BigintSpan) == 16, "bigint_span has a hole");

#define DatumGetSpanP(d)	((BigintSpan *) DatumGetPointer(d))

PG_FUNCTION_INFO_V1(flex_bigint_gist_consistent);
Datum
flex_bigint_gist_consistent(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	int64		query = PG_GETARG_INT64(1);
	StrategyNumber strategy = (StrategyNumber) PG_GETARG_UINT16(2);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(4);
	BigintSpan *key = DatumGetSpanP(entry->key);

	*recheck = false;			/* leaf keys are the values; the same test serves inner pages */
	switch (strategy)
	{
		case BTLessStrategyNumber:
			PG_RETURN_BOOL(key->lo < query);
		case BTLessEqualStrategyNumber:
			PG_RETURN_BOOL(key->lo <= query);
		case BTEqualStrategyNumber:
			PG_RETURN_BOOL(key->lo <= query && query <= key->hi);
		case BTGreaterEqualStrategyNumber:
			PG_RETURN_BOOL(key->hi >= query);
		case BTGreaterStrategyNumber:
			PG_RETURN_BOOL(key->hi > query);
	}
	elog(ERROR, "unrecognized bigint strategy: %d", strategy);
	PG_RETURN_BOOL(false);		/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(flex_bigint_gist_compress);
Datum
flex_bigint_gist_compress(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result = entry;

	if (entry->leafkey)
	{
		BigintSpan *span = palloc(sizeof(BigintSpan));

		span->lo = span->hi = DatumGetInt64(entry->key);
		result = palloc(sizeof(GISTENTRY));
		gistentryinit(*result, PointerGetDatum(span), entry->rel, entry->page, entry->offset, false);
	}
	PG_RETURN_POINTER(result);
}

PG_FUNCTION_INFO_V1(flex_bigint_gist_fetch);
Datum
flex_bigint_gist_fetch(PG_FUNCTION_ARGS)
{
	GISTENTRY  *entry = (GISTENTRY *) PG_GETARG_POINTER(0);
	GISTENTRY  *result = palloc(sizeof(GISTENTRY));

	gistentryinit(*result, Int64GetDatum(DatumGetSpanP(entry->key)->lo), entry->rel, entry->page,
				  entry->offset, false);
	PG_RETURN_POINTER(result);
}

static BigintSpan
span_cover(const BigintSpan *a, const BigintSpan *b)
{
	BigintSpan	result = {Min(a->lo, b->lo), Max(a->hi, b->hi)};

	return result;
}

PG_FUNCTION_INFO_V1(flex_bigint_gist_union);
Datum
flex_bigint_gist_union(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	int		   *size = (int *) PG_GETARG_POINTER(1);
	BigintSpan *result = palloc(sizeof(BigintSpan));

	*result = *DatumGetSpanP(entries->vector[0].key);
	for (int i = 1; i < entries->n; i++)
		*result = span_cover(result, DatumGetSpanP(entries->vector[i].key));
	*size = sizeof(BigintSpan);
	PG_RETURN_POINTER(result);
}

static int
span_compare(const BigintSpan *a, const BigintSpan *b)
{
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi < b->hi ? -1 : 1;
	return 0;
}

PG_FUNCTION_INFO_V1(flex_bigint_gist_same);
Datum
flex_bigint_gist_same(PG_FUNCTION_ARGS)
{
	bool	   *result = (bool *) PG_GETARG_POINTER(2);

	*result = span_compare((BigintSpan *) PG_GETARG_POINTER(0), (BigintSpan *) PG_GETARG_POINTER(1)) == 0;
	PG_RETURN_POINTER(result);
}

/* The growth of the span, in the float that GiST takes. */
PG_FUNCTION_INFO_V1(flex_bigint_gist_penalty);
Datum
flex_bigint_gist_penalty(PG_FUNCTION_ARGS)
{
	BigintSpan *original = DatumGetSpanP(((GISTENTRY *) PG_GETARG_POINTER(0))->key);
	BigintSpan *added = DatumGetSpanP(((GISTENTRY *) PG_GETARG_POINTER(1))->key);
	float	   *penalty = (float *) PG_GETARG_POINTER(2);
	double		growth = 0;

	if (added->lo < original->lo)
		growth += (double) original->lo - (double) added->lo;
	if (added->hi > original->hi)
		growth += (double) added->hi - (double) original->hi;
	*penalty = (float) growth;
	PG_RETURN_POINTER(penalty);
}

typedef struct SpanItem
{
	BigintSpan	span;
	OffsetNumber offset;
} SpanItem;

static int
span_item_compare(const void *a, const void *b)
{
	return span_compare(&((const SpanItem *) a)->span, &((const SpanItem *) b)->span);
}

/* Sort and cut in the middle: no side is empty, even when all keys are equal. */
PG_FUNCTION_INFO_V1(flex_bigint_gist_picksplit);
Datum
flex_bigint_gist_picksplit(PG_FUNCTION_ARGS)
{
	GistEntryVector *entries = (GistEntryVector *) PG_GETARG_POINTER(0);
	GIST_SPLITVEC *v = (GIST_SPLITVEC *) PG_GETARG_POINTER(1);
	int			n = entries->n - 1;
	SpanItem   *items = palloc(n * sizeof(SpanItem));
	BigintSpan *sides = palloc(2 * sizeof(BigintSpan));

	for (int i = 0; i < n; i++)
	{
		items[i].span = *DatumGetSpanP(entries->vector[i + FirstOffsetNumber].key);
		items[i].offset = (OffsetNumber) (i + FirstOffsetNumber);
	}
	qsort(items, n, sizeof(SpanItem), span_item_compare);

	v->spl_left = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_right = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_nleft = v->spl_nright = 0;
	sides[0] = items[0].span;
	sides[1] = items[n / 2].span;
	for (int i = 0; i < n; i++)
	{
		if (i < n / 2)
		{
			v->spl_left[v->spl_nleft++] = items[i].offset;
			sides[0] = span_cover(&sides[0], &items[i].span);
		}
		else
		{
			v->spl_right[v->spl_nright++] = items[i].offset;
			sides[1] = span_cover(&sides[1], &items[i].span);
		}
	}
	v->spl_ldatum = PointerGetDatum(&sides[0]);
	v->spl_rdatum = PointerGetDatum(&sides[1]);
	PG_RETURN_POINTER(v);
}

static int
span_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	return span_compare(DatumGetSpanP(x), DatumGetSpanP(y));
}

PG_FUNCTION_INFO_V1(flex_bigint_gist_sortsupport);
Datum
flex_bigint_gist_sortsupport(PG_FUNCTION_ARGS)
{
	window_sortsupport((SortSupport) PG_GETARG_POINTER(0), span_fast_compare, abbreviate_first_int64);
	PG_RETURN_VOID();
}

/* The key type has no literals: it lives inside the index alone. */
PG_FUNCTION_INFO_V1(flex_bigint_span_in);
Datum
flex_bigint_span_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot accept a value of type %s", "bigint_span")));
	PG_RETURN_VOID();			/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(flex_bigint_span_out);
Datum
flex_bigint_span_out(PG_FUNCTION_ARGS)
{
	BigintSpan *span = (BigintSpan *) PG_GETARG_POINTER(0);

	PG_RETURN_CSTRING(psprintf(INT64_FORMAT ".." INT64_FORMAT, span->lo, span->hi));
}
