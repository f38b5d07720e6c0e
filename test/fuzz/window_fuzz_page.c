/*
 * window_fuzz_page.c
 *		Splits index pages of values that were read, and pages of their covers,
 *		and asks the halves: what matches in a leaf must match in every cover
 *		above it.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "access/gist.h"
#include "storage/bufpage.h"
#include "utils/timestamp.h"

#include "window_fuzz.h"

extern Datum flex_resource_window_gist_compress(PG_FUNCTION_ARGS);
extern Datum flex_resource_window_gist_fetch(PG_FUNCTION_ARGS);
extern Datum flex_resource_window_gist_sortsupport(PG_FUNCTION_ARGS);

static PGAlignedBlock leaf_page;
static PGAlignedBlock inner_page;

static bool
consistent(const WindowType *type, Datum key, bool leaf, Datum query, int strategy)
{
	GISTENTRY	entry;
	bool		recheck = true;
	bool		result;

	gistentryinit(entry, key, NULL, leaf ? leaf_page.data : inner_page.data, FirstOffsetNumber, leaf);
	result = DatumGetBool(DirectFunctionCall5(type->gist_consistent, PointerGetDatum(&entry), query,
											  UInt16GetDatum(strategy), ObjectIdGetDatum(InvalidOid), PointerGetDatum(&recheck)));
	must(!recheck, "an exact answer asks for a recheck");
	return result;
}

static double
distance(const WindowType *type, Datum key, bool leaf, int64 instant_us)
{
	GISTENTRY	entry;
	bool		recheck = true;
	double		result;

	gistentryinit(entry, key, NULL, leaf ? leaf_page.data : inner_page.data, FirstOffsetNumber, leaf);
	result = DatumGetFloat8(DirectFunctionCall5(type->gist_distance, PointerGetDatum(&entry), TimestampTzGetDatum(instant_us),
												UInt16GetDatum(15), ObjectIdGetDatum(InvalidOid), PointerGetDatum(&recheck)));
	must(!recheck && result >= 0, "a distance is negative, not a number or inexact");
	return result;
}

static float
penalty(const WindowType *type, Datum original, Datum added)
{
	GISTENTRY	below;
	GISTENTRY	entry;
	float		result = NAN;

	gistentryinit(below, original, NULL, inner_page.data, FirstOffsetNumber, false);
	gistentryinit(entry, added, NULL, NULL, InvalidOffsetNumber, false);
	DirectFunctionCall3(type->gist_penalty, PointerGetDatum(&below), PointerGetDatum(&entry), PointerGetDatum(&result));
	must(result >= 0 && result < 2, "penalty is out of its range");
	return result;
}

static bool
same(const WindowType *type, Datum a, Datum b)
{
	bool		result = false;

	DirectFunctionCall3(type->gist_same, a, b, PointerGetDatum(&result));
	return result;
}

static Datum
cover_of(const WindowType *type, const Datum *keys, const OffsetNumber *offsets, int n)
{
	GistEntryVector *entries = palloc(GEVHDRSZ + n * sizeof(GISTENTRY));
	int			size = 0;
	Datum		result;

	entries->n = n;
	for (int i = 0; i < n; i++)
		gistentryinit(entries->vector[i], keys[offsets ? offsets[i] : i + 1], NULL, NULL, InvalidOffsetNumber, false);
	result = DirectFunctionCall2(type->gist_union, PointerGetDatum(entries), PointerGetDatum(&size));
	must(size == (type->resource ? VARSIZE(DatumGetPointer(result)) : sizeof(TimeWindow)), "a union has another size");
	return result;
}

/* By how much a page of `a` alone grows for `b`. */
static int128
growth(const WindowType *type, const ResourceWindow *a, const ResourceWindow *b)
{
	int128		resources = type->resource ? (int128) a->resource - b->resource : 0;

	return Max(resources, -resources) + Max((int128) a->window.start_us - b->window.start_us, 0) +
		Max((int128) b->window.end_us - a->window.end_us, 0);
}

/* Keys of one level, in [1, n], and the covers of all, of the left half and of the right half. */
typedef struct Level
{
	bool		leaf;
	int			n;
	Datum	   *keys;
	int		   *side;			/* 1 or 2, for each key */
	Datum		covers[3];
} Level;

static void
level_make(Level *level, bool leaf, int n)
{
	level->leaf = leaf;
	level->n = n;
	level->keys = palloc((n + 1) * sizeof(Datum));
	level->side = palloc0((n + 1) * sizeof(int));
}

static void
level_split(const WindowType *type, Level *level)
{
	int			n = level->n;
	GistEntryVector *entries = palloc(GEVHDRSZ + (n + 1) * sizeof(GISTENTRY));
	GIST_SPLITVEC v = {0};

	entries->n = n + 1;
	for (int i = 1; i <= n; i++)
		gistentryinit(entries->vector[i], level->keys[i], NULL, level->leaf ? leaf_page.data : inner_page.data, i, level->leaf);
	DirectFunctionCall2(type->gist_picksplit, PointerGetDatum(entries), PointerGetDatum(&v));
	must(v.spl_nleft > 0 && v.spl_nright > 0 && v.spl_nleft + v.spl_nright == n, "a split loses keys or leaves a side empty");
	must(Min(v.spl_nleft, v.spl_nright) >= n / 3 - 1, "a split is lopsided");
	for (int i = 0; i < v.spl_nleft; i++)
		level->side[v.spl_left[i]] += 1;
	for (int i = 0; i < v.spl_nright; i++)
		level->side[v.spl_right[i]] += 2;
	level->covers[0] = cover_of(type, level->keys, NULL, n);
	level->covers[1] = cover_of(type, level->keys, v.spl_left, v.spl_nleft);
	level->covers[2] = cover_of(type, level->keys, v.spl_right, v.spl_nright);
	must(same(type, level->covers[1], v.spl_ldatum) && same(type, level->covers[2], v.spl_rdatum), "a split gives another cover");
	for (int i = 1; i <= n; i++)
	{
		must(level->side[i] == 1 || level->side[i] == 2, "a split puts a key on both sides or none");
		must(penalty(type, level->covers[0], level->keys[i]) == 0 &&
			 penalty(type, level->covers[level->side[i]], level->keys[i]) == 0, "what is covered costs");
		must(same(type, cover_of(type, (Datum[]) {0, level->keys[i], level->covers[0]}, NULL, 2), level->covers[0]), "a cover does not cover");
	}
}

/* index builds sort leaf keys */
static void
check_order(const Datum *keys, const ResourceWindow *values, int a, int b)
{
	SortSupportData ssup = {.abbreviate = true};
	int			expected = resource_window_compare(&values[a], &values[b]);
	int			c = 0;

	DirectFunctionCall1(flex_resource_window_gist_sortsupport, PointerGetDatum(&ssup));
	if (ssup.abbrev_converter != NULL)
		c = ssup.comparator(ssup.abbrev_converter(keys[a], &ssup), ssup.abbrev_converter(keys[b], &ssup), &ssup);
	if (c == 0)
		c = (ssup.abbrev_converter != NULL ? ssup.abbrev_full_comparator : ssup.comparator) (keys[a], keys[b], &ssup);
	must((c > 0) == (expected > 0) && (c < 0) == (expected < 0), "index builds sort in another order");
}

/* Fill a page with values; give them in [1, n]. */
static ResourceWindow *
leaf_fill(const WindowType *type, Level *level)
{
	ResourceWindow *values = palloc((level->n + 1) * sizeof(ResourceWindow));
	const ResourceWindow *one = draw_value();
	int			variety = draw(4);

	for (int i = 1; i <= level->n; i++)
	{
		GISTENTRY	entry;

		values[i] = variety == 0 ? *one : *draw_value();
		if (variety == 1)
			values[i].resource = one->resource;
		else if (variety == 2)
			values[i].resource = draw(5);
		level->keys[i] = datum_of(type, &values[i]);
		if (type->resource)
		{
			GISTENTRY  *stored;
			GISTENTRY  *fetched;

			gistentryinit(entry, level->keys[i], NULL, leaf_page.data, i, true);
			stored = (GISTENTRY *) DatumGetPointer(DirectFunctionCall1(flex_resource_window_gist_compress, PointerGetDatum(&entry)));
			fetched = (GISTENTRY *) DatumGetPointer(DirectFunctionCall1(flex_resource_window_gist_fetch, PointerGetDatum(stored)));
			must(resource_window_equal(DatumGetResourceWindowP(fetched->key), &values[i]), "fetch gives another value");
			level->keys[i] = stored->key;
		}
	}
	for (int i = 1; i <= level->n; i++)
	{
		int			other = 1 + draw(level->n);
		int128		grows = growth(type, &values[i], &values[other]);

		/* growth is taken in double: near the ends of int64, a small one is lost */
		must(grows == 0 ? penalty(type, level->keys[i], level->keys[other]) == 0 :
			 grows < 4096 || penalty(type, level->keys[i], level->keys[other]) > 0, "what grows costs nothing, or what does not costs");
		if (type->resource)
			check_order(level->keys, values, i, other);
	}
	return values;
}

#define CHILDREN 3

/* Split a page of values and one of covers of them, and ask all the halves. */
void
check_page(const WindowType *type)
{
	Level		leaf;
	Level		inner;
	ResourceWindow *values;
	OffsetNumber (*children)[CHILDREN];

	PageInit(leaf_page.data, BLCKSZ, sizeof(GISTPageOpaqueData));
	GistPageGetOpaque(leaf_page.data)->flags = F_LEAF;
	PageInit(inner_page.data, BLCKSZ, sizeof(GISTPageOpaqueData));
	level_make(&leaf, true, draw(8) == 0 ? 2 + draw(1500) : 2 + draw(200));
	level_make(&inner, false, draw(8) == 0 ? 2 + draw(400) : 2 + draw(30));
	values = leaf_fill(type, &leaf);
	level_split(type, &leaf);
	children = palloc((inner.n + 1) * sizeof(*children));
	for (int i = 1; i <= inner.n; i++)
	{
		for (int c = 0; c < CHILDREN; c++)
			children[i][c] = 1 + draw(leaf.n);
		inner.keys[i] = cover_of(type, leaf.keys, children[i], CHILDREN);
	}
	level_split(type, &inner);

	for (int q = 0; q < 4; q++)
	{
		ResourceWindow query = *(draw(3) == 0 ? &values[1 + draw(leaf.n)] : draw_value());
		Datum		asked;
		int64		instant_us = draw(3) == 0 ? query.window.start_us : draw_instant();

		if (draw(2) == 0)
			query.resource = values[1 + draw(leaf.n)].resource;
		asked = datum_of(type, &query);
		for (int s = 1; s <= WINDOW_EQUAL; s++)
		{
			if (type->operators[s] == NULL)
				continue;
			for (int i = 1; i <= leaf.n; i++)
			{
				bool		truth = operator_true(type->operators[s], datum_of(type, &values[i]), asked);

				must(consistent(type, leaf.keys[i], true, asked, s) == truth, "a leaf disagrees with the operator");
				must(!truth || (consistent(type, leaf.covers[0], false, asked, s) &&
								consistent(type, leaf.covers[leaf.side[i]], false, asked, s)), "a cover misses a leaf");
			}
			for (int i = 1; i <= inner.n; i++)
				for (int c = 0; c < CHILDREN; c++)
					must(!consistent(type, leaf.keys[children[i][c]], true, asked, s) ||
						 (consistent(type, inner.keys[i], false, asked, s) &&
						  consistent(type, inner.covers[inner.side[i]], false, asked, s)), "a cover of covers misses a leaf");
		}
		for (int i = 1; i <= leaf.n; i++)
		{
			double		truth = DatumGetFloat8(DirectFunctionCall2(type->distance, datum_of(type, &values[i]),
																   TimestampTzGetDatum(instant_us)));

			must(distance(type, leaf.keys[i], true, instant_us) == truth, "a leaf is at another distance");
			must(distance(type, leaf.covers[leaf.side[i]], false, instant_us) <= truth, "a cover is farther than a leaf");
			if (!type->resource)
			{
				Datum		instant = TimestampTzGetDatum(instant_us);
				bool		inside = time_window_contains_instant(&values[i].window, instant_us);

				must(consistent(type, leaf.keys[i], true, instant, WINDOW_CONTAINS_INSTANT) == inside, "a leaf disagrees about an instant");
				must(!inside || consistent(type, leaf.covers[leaf.side[i]], false, instant, WINDOW_CONTAINS_INSTANT),
					 "a cover misses an instant");
			}
		}
		for (int i = 1; i <= inner.n; i++)
			for (int c = 0; c < CHILDREN; c++)
				must(distance(type, inner.keys[i], false, instant_us) <= distance(type, leaf.keys[children[i][c]], true, instant_us) &&
					 distance(type, inner.covers[inner.side[i]], false, instant_us) <= distance(type, inner.keys[i], false, instant_us),
					 "a cover of covers is farther than a leaf");
	}
	run->pages += 2;
}
