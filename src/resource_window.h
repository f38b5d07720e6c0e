/*
 * resource_window.h
 *		The algebra of resource_window: one resource during one time window.
 *
 * A resource is whatever has a number: in an exchange, an asset, a portfolio,
 * a metering point or a grid node, whose numbers come from one sequence.  Two
 * resource windows overlap when they are of the same resource and their time
 * windows overlap; so one index key answers "what else has this unit in these
 * hours", the question of conflict detection.  Every positional relation
 * (before, adjacent, ...) is likewise false between different resources.
 *
 * Order: by resource, then start, then end.
 */
#ifndef FLEX_RESOURCE_WINDOW_H
#define FLEX_RESOURCE_WINDOW_H

#include "time_window.h"

typedef struct ResourceWindow
{
	int64_t		resource;
	TimeWindow	window;
} ResourceWindow;

static inline bool
resource_window_overlaps(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_overlaps(&a->window, &b->window);
}

static inline bool
resource_window_contains(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_contains(&a->window, &b->window);
}

static inline bool
resource_window_before(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_before(&a->window, &b->window);
}

static inline bool
resource_window_adjacent(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_adjacent(&a->window, &b->window);
}

static inline bool
resource_window_overleft(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_overleft(&a->window, &b->window);
}

static inline bool
resource_window_overright(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_overright(&a->window, &b->window);
}

static inline int
resource_window_compare(const ResourceWindow *a, const ResourceWindow *b)
{
	if (a->resource != b->resource)
		return a->resource < b->resource ? -1 : 1;
	return time_window_compare(&a->window, &b->window);
}

static inline bool
resource_window_equal(const ResourceWindow *a, const ResourceWindow *b)
{
	return a->resource == b->resource && time_window_equal(&a->window, &b->window);
}

#endif							/* FLEX_RESOURCE_WINDOW_H */
