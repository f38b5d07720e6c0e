/*
 * window_gist.c
 *		Growing and splitting GiST pages of windows, for both window types.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

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

/*
 * What it costs to put `added` below `original`.  In order of importance: keep
 * the span of resources narrow (one resource's windows stay together), then
 * the span of time.  Time growth ranks in [0, 1), resource growth in [1, 2).
 * All differences are taken in double, where no bound can overflow or be NaN.
 */
float
window_key_penalty(const ResourceWindowKey *original, const ResourceWindowKey *added)
{
	double		growth = 0;

	if (added->resource_lo < original->resource_lo)
		growth += (double) original->resource_lo - (double) added->resource_lo;
	if (added->resource_hi > original->resource_hi)
		growth += (double) added->resource_hi - (double) original->resource_hi;
	if (growth > 0)
		return 1.0f + rank_of_growth(growth);

	if (added->window.start_us < original->window.start_us)
		growth += (double) original->window.start_us - (double) added->window.start_us;
	if (added->window.end_us > original->window.end_us)
		growth += (double) added->window.end_us - (double) original->window.end_us;
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
 * Where to cut n sorted keys: in the middle third, at a boundary between
 * resources if there is one, else where the two sides overlap least in time,
 * else (all keys equal) in the very middle.
 *
 * An index build hands over several full pages at once and halves them until
 * each half fits.  There the exact middle is right, since keys come sorted, and
 * anything else would leave pages half empty.
 */
static int
window_key_cut(const SplitItem *items, int n)
{
	ResourceWindowKey *suffix;
	ResourceWindowKey prefix;
	int			first = Max(1, n / 3);
	int			last = Min(n - 1, n - n / 3);
	int			best = n / 2;
	bool		best_shares = true;
	double		best_overlap = INFINITY;

	if (n * sizeof(ResourceWindowKey) > BLCKSZ)
		return n / 2;

	suffix = palloc(n * sizeof(ResourceWindowKey));
	suffix[n - 1] = items[n - 1].key;
	for (int i = n - 2; i >= first; i--)
		suffix[i] = window_key_cover(&items[i].key, &suffix[i + 1]);

	prefix = items[0].key;
	for (int cut = 1; cut <= last; cut++)
	{
		if (cut >= first)
		{
			bool		shares = prefix.resource_hi >= suffix[cut].resource_lo;
			double		overlap = 0;

			if (shares && time_window_overlaps(&prefix.window, &suffix[cut].window))
			{
				TimeWindow	common = time_window_common(&prefix.window, &suffix[cut].window);

				overlap = (double) common.end_us - (double) common.start_us;
			}
			if ((best_shares && !shares) ||
				(best_shares == shares &&
				 (overlap < best_overlap ||
				  (overlap == best_overlap && abs(cut - n / 2) < abs(best - n / 2)))))
			{
				best = cut;
				best_shares = shares;
				best_overlap = overlap;
			}
		}
		prefix = window_key_cover(&prefix, &items[cut].key);
	}
	pfree(suffix);
	return best;
}

/* Split the keys of one page (offsets 1..n) in two; neither side is ever empty. */
void
window_key_split(const ResourceWindowKey *keys, OffsetNumber n, GIST_SPLITVEC *v,
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
	cut = window_key_cut(items, n);

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

static Datum
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

/* Sort keys whose first eight bytes are an int64 that decides first. */
void
window_sortsupport(SortSupport ssup, int (*full) (Datum x, Datum y, SortSupport ssup))
{
	ssup->comparator = full;
#if SIZEOF_DATUM == 8
	if (ssup->abbreviate)
	{
		ssup->comparator = ssup_datum_signed_cmp;	/* for which sorting is specialised */
		ssup->abbrev_converter = abbreviate_first_int64;
		ssup->abbrev_abort = keep_abbreviating;
		ssup->abbrev_full_comparator = full;
	}
#endif
}
