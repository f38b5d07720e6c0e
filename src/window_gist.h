/*
 * window_gist.h
 *		What the GiST classes of time_window and resource_window share.
 *
 * The key on inner pages bounds the windows below it: the resources lie in
 * [resource_lo, resource_hi] and every window inside `window`.  time_window is
 * the case of one resource.
 *
 * Why the inner test cannot miss a row.  Let K be the cover of a subtree and w
 * a window below it, so K.start <= w.start < w.end <= K.end.  Then
 *
 *	w << q   w.end <= q.start    implies K.start < w.end <= q.start
 *	w &< q   w.end <= q.end      implies K.start < w.end <= q.end
 *	w && q                       implies K && q
 *	w &> q   w.start >= q.start  implies K.end > w.start >= q.start
 *	w >> q   w.start >= q.end    implies K.end > w.start >= q.end
 *	w -|- q  w touches q         implies K.start <= q.end and K.end >= q.start
 *	w @> q                       implies K @> q
 *	w <@ q                       implies w && q, hence K && q
 *	w = q                        implies K @> q
 *
 * Leaf tests are the operators themselves, so nothing needs a recheck.
 */
#ifndef FLEX_WINDOW_GIST_H
#define FLEX_WINDOW_GIST_H

#include "access/gist.h"
#include "access/stratnum.h"

#include "window_io.h"

typedef struct ResourceWindowKey
{
	int64		resource_lo;
	int64		resource_hi;
	TimeWindow	window;
} ResourceWindowKey;

StaticAssertDecl(sizeof(ResourceWindowKey) == 32, "resource_window_key has a hole");

static inline bool
window_inner_consistent(const TimeWindow *cover, const TimeWindow *query, StrategyNumber strategy)
{
	switch ((WindowStrategy) strategy)
	{
		case WINDOW_BEFORE:
			return cover->start_us < query->start_us;
		case WINDOW_OVERLEFT:
			return cover->start_us < query->end_us;
		case WINDOW_OVERLAPS:
		case WINDOW_CONTAINED:
			return time_window_overlaps(cover, query);
		case WINDOW_OVERRIGHT:
			return cover->end_us > query->start_us;
		case WINDOW_AFTER:
			return cover->end_us > query->end_us;
		case WINDOW_ADJACENT:
			return cover->start_us <= query->end_us && cover->end_us >= query->start_us;
		case WINDOW_CONTAINS:
		case WINDOW_EQUAL:
			return time_window_contains(cover, query);
		case WINDOW_CONTAINS_INSTANT:
			break;				/* the query is no window: see the callers */
	}
	elog(ERROR, "unrecognized window strategy: %d", strategy);
	return false;				/* keep compiler quiet */
}

static inline bool
window_leaf_consistent(const TimeWindow *key, const TimeWindow *query, StrategyNumber strategy)
{
	switch ((WindowStrategy) strategy)
	{
		case WINDOW_BEFORE:
			return time_window_before(key, query);
		case WINDOW_OVERLEFT:
			return time_window_overleft(key, query);
		case WINDOW_OVERLAPS:
			return time_window_overlaps(key, query);
		case WINDOW_OVERRIGHT:
			return time_window_overright(key, query);
		case WINDOW_AFTER:
			return time_window_before(query, key);
		case WINDOW_ADJACENT:
			return time_window_adjacent(key, query);
		case WINDOW_CONTAINS:
			return time_window_contains(key, query);
		case WINDOW_CONTAINED:
			return time_window_contains(query, key);
		case WINDOW_EQUAL:
			return time_window_equal(key, query);
		case WINDOW_CONTAINS_INSTANT:
			break;
	}
	elog(ERROR, "unrecognized window strategy: %d", strategy);
	return false;				/* keep compiler quiet */
}

extern ResourceWindowKey window_key_cover(const ResourceWindowKey *a, const ResourceWindowKey *b);
extern int	window_key_compare(const ResourceWindowKey *a, const ResourceWindowKey *b);
extern float window_key_penalty(const ResourceWindowKey *original, const ResourceWindowKey *added);
extern void window_key_split(const ResourceWindowKey *keys, OffsetNumber n, Size key_size, GIST_SPLITVEC *v,
							 ResourceWindowKey *left, ResourceWindowKey *right);

#endif							/* FLEX_WINDOW_GIST_H */
