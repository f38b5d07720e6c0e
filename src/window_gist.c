/*
 * window_gist.c
 *		Growing and splitting GiST pages of windows, for both window types.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

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
 * What it costs to put `added` below `original`.  In order of importance: keep
 * the span of resources narrow (one resource's windows stay together), then
 * the span of time.  Logarithms keep both goals apart in the 24 bits of a
 * float: time growth lies in [0, 1), resource growth in [1, 65).  All
 * differences are taken in double, where no bound can overflow or be NaN.
 */
float
window_key_penalty(const ResourceWindowKey *original, const ResourceWindowKey *added)
{
	ResourceWindowKey cover = window_key_cover(original, added);
	double		growth;

	growth = ((double) original->resource_lo - (double) cover.resource_lo) +
		((double) cover.resource_hi - (double) original->resource_hi);
	if (cover.resource_lo != original->resource_lo || cover.resource_hi != original->resource_hi)
		return (float) (1.0 + log2(1.0 + growth) * (63.0 / 65.0));

	growth = ((double) original->window.start_us - (double) cover.window.start_us) +
		((double) cover.window.end_us - (double) original->window.end_us);
	return (float) (log2(1.0 + growth) / 66.0);
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
 * Split the keys of one page (offsets 1..n) in two.
 *
 * They are sorted and cut at one place in the middle third: at a boundary
 * between resources if there is one, else where the two sides overlap least in
 * time, else (all keys equal) in the very middle.  Neither side is ever empty.
 */
void
window_key_split(const ResourceWindowKey *keys, OffsetNumber n, GIST_SPLITVEC *v,
				 ResourceWindowKey *left, ResourceWindowKey *right)
{
	SplitItem  *items = palloc(n * sizeof(SplitItem));
	ResourceWindowKey *suffix = palloc(n * sizeof(ResourceWindowKey));
	ResourceWindowKey prefix;
	int			first = Max(1, n / 3);
	int			last = Min(n - 1, n - n / 3);
	int			best = n / 2;
	bool		best_shares = true;
	double		best_overlap = INFINITY;

	for (int i = 0; i < n; i++)
	{
		items[i].key = keys[i];
		items[i].offset = (OffsetNumber) (i + FirstOffsetNumber);
	}
	qsort(items, n, sizeof(SplitItem), split_item_compare);

	suffix[n - 1] = items[n - 1].key;
	for (int i = n - 2; i >= 0; i--)
		suffix[i] = window_key_cover(&items[i].key, &suffix[i + 1]);

	prefix = items[0].key;
	for (int cut = 1; cut <= last; cut++)
	{
		if (cut >= first)
		{
			bool		shares = prefix.resource_hi >= suffix[cut].resource_lo;
			double		overlap = 0;

			if (time_window_overlaps(&prefix.window, &suffix[cut].window))
			{
				TimeWindow	common = time_window_common(&prefix.window, &suffix[cut].window);

				overlap = (double) common.end_us - (double) common.start_us;
			}
			if (!shares)
				overlap = 0;
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

	v->spl_left = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_right = palloc((n + 1) * sizeof(OffsetNumber));
	v->spl_nleft = v->spl_nright = 0;
	*left = items[0].key;
	*right = suffix[best];
	for (int i = 0; i < n; i++)
	{
		if (i < best)
		{
			v->spl_left[v->spl_nleft++] = items[i].offset;
			*left = window_key_cover(left, &items[i].key);
		}
		else
			v->spl_right[v->spl_nright++] = items[i].offset;
	}
	Assert(v->spl_nleft > 0 && v->spl_nright > 0);
	pfree(items);
	pfree(suffix);
}
