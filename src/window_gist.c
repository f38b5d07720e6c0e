/*
 * window_gist.c
 *		Growing and splitting GiST pages of windows, for both window types.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "access/itup.h"
#include "utils/sortsupport.h"

#include "window_gist.h"

ResourceWindowKey
window_key_cover(const ResourceWindowKey *a, const ResourceWindowKey *b)
{
	ResourceWindowKey result;

	result.resource_lo = Min(a->resource_lo, b->resource_lo);
	result.resource_hi = Max(a->resource_hi, b->resource_hi);
	result.window = time_window_cover(&a->window, &b->window);
	return result;
}

/* resource first, then time: the order of index builds and page splits */
int
window_key_compare(const ResourceWindowKey *a, const ResourceWindowKey *b)
{
	if (a->resource_lo != b->resource_lo)
		return a->resource_lo < b->resource_lo ? -1 : 1;
	if (a->resource_hi != b->resource_hi)
		return a->resource_hi < b->resource_hi ? -1 : 1;
	return time_window_compare(&a->window, &b->window);
}

/*
 * A number in [0, 1) that grows with x >= 0, cheap to compute: the leading bits
 * of the double, whose exponent comes first.  It is what a logarithm is wanted
 * for here, to rank growths of any magnitude in the 24 bits of a float.
 */
static inline float
rank_of_growth(double x)
{
	uint64		bits;

	memcpy(&bits, &x, sizeof(bits));
	return (float) (bits >> 40) * (1.0f / (1 << 24));
}

/* How far the greater of two numbers lies above the smaller: exact before it is rounded. */
static inline double
gap(int64 smaller, int64 greater)
{
	return (double) ((uint64) greater - (uint64) smaller);
}

/*
 * What it costs to put `added` below `original`.  In order of importance: keep
 * the span of resources narrow (one resource's windows stay together), then
 * the span of time.  Time growth ranks in [0, 1), resource growth in [1, 2).
 */
float
window_key_penalty(const ResourceWindowKey *original, const ResourceWindowKey *added)
{
	double		growth = 0;

	if (added->resource_lo < original->resource_lo)
		growth += gap(added->resource_lo, original->resource_lo);
	if (added->resource_hi > original->resource_hi)
		growth += gap(original->resource_hi, added->resource_hi);
	if (growth > 0)
		return 1.0f + rank_of_growth(growth);

	if (added->window.start_us < original->window.start_us)
		growth += gap(added->window.start_us, original->window.start_us);
	if (added->window.end_us > original->window.end_us)
		growth += gap(original->window.end_us, added->window.end_us);
	return rank_of_growth(growth);
}

typedef struct SplitItem
{
	ResourceWindowKey key;
	OffsetNumber offset;
} SplitItem;

static int
split_item_compare(const void *x, const void *y)
{
	const SplitItem *a = x;
	const SplitItem *b = y;
	int			c = window_key_compare(&a->key, &b->key);

	return c != 0 ? c : (int) a->offset - (int) b->offset;
}

/*
 * Where to cut n sorted keys: between two resources if that is possible within
 * a sixth of the middle, else in the very middle.  (Seeking the cut across which
 * windows overlap least was tried: it costs more in uneven pages than it saves.)
 *
 * An index build hands over several full pages at once, in order, and cuts them
 * until each part fits.  They are dealt to as many pages as leave a fifth of each
 * free: were they left full, the first inserts would split every one.
 */
static int
window_key_cut(const SplitItem *items, int n, Size key_size)
{
	int			middle = n / 2;

	Assert(n > 1);
	if (n * key_size > BLCKSZ)
	{
		Size		tuple_size = sizeof(ItemIdData) + sizeof(IndexTupleData) + key_size;
		int			pages = (int) ceil(n * tuple_size / (0.8 * BLCKSZ));

		return (int) ((int64) n * (pages / 2) / pages);
	}
	for (int away = 0; away <= n / 6; away++)
	{
		if (items[middle + away - 1].key.resource_hi < items[middle + away].key.resource_lo)
			return middle + away;
		if (middle - away > 0 &&
			items[middle - away - 1].key.resource_hi < items[middle - away].key.resource_lo)
			return middle - away;
	}
	return middle;
}

/* Split keys (offsets 1..n), stored in key_size bytes each, in two; neither side is ever empty. */
void
window_key_split(const ResourceWindowKey *keys, OffsetNumber n, Size key_size, GIST_SPLITVEC *v,
				 ResourceWindowKey *left, ResourceWindowKey *right)
{
	SplitItem  *items = palloc(n * sizeof(SplitItem));
	bool		sorted = true;
	int			cut;

	for (int i = 0; i < n; i++)
	{
		items[i].key = keys[i];
		items[i].offset = (OffsetNumber) (i + FirstOffsetNumber);
		sorted = sorted && (i == 0 || window_key_compare(&keys[i - 1], &keys[i]) <= 0);
	}
	if (!sorted)
		qsort(items, n, sizeof(SplitItem), split_item_compare);
	cut = window_key_cut(items, n, key_size);

	v->spl_left = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_right = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_nleft = v->spl_nright = 0;
	*left = items[0].key;
	*right = items[cut].key;
	for (int i = 0; i < n; i++)
	{
		if (i < cut)
		{
			v->spl_left[v->spl_nleft++] = items[i].offset;
			*left = window_key_cover(left, &items[i].key);
		}
		else
		{
			v->spl_right[v->spl_nright++] = items[i].offset;
			*right = window_key_cover(right, &items[i].key);
		}
	}
	Assert(v->spl_nleft > 0 && v->spl_nright > 0);
	pfree(items);
}

/* ----------
 * Sorting
 *
 * Keys are passed by reference; an abbreviated key holds the leading number of
 * one (the resource, or the start) so that most comparisons follow no pointer.
 * ----------
 */

/* for types whose first eight bytes are the int64 that decides first */
Datum
abbreviate_first_int64(Datum original, SortSupport ssup)
{
	return Int64GetDatum(*(int64 *) DatumGetPointer(original));
}

/* Never worth giving up: making an abbreviated key costs one load. */
static bool
keep_abbreviating(int memtupcount, SortSupport ssup)
{
	return false;
}

/* Sort by the int64 that `abbreviate` finds in a key, then as `full` says. */
void
window_sortsupport(SortSupport ssup, int (*full) (Datum x, Datum y, SortSupport ssup),
				   Datum (*abbreviate) (Datum original, SortSupport ssup))
{
	ssup->comparator = full;
#if SIZEOF_DATUM == 8
	if (ssup->abbreviate)
	{
		ssup->comparator = ssup_datum_signed_cmp;	/* for which sorting is specialised */
		ssup->abbrev_converter = abbreviate;
		ssup->abbrev_abort = keep_abbreviating;
		ssup->abbrev_full_comparator = full;
	}
#endif
}
