/*
 * time_window.h
 *		The algebra of time_window: a half-open span [start, end) of time.
 *
 * Both bounds are microseconds since 2000-01-01 00:00 UTC, as in PostgreSQL's
 * timestamptz.  A window is never empty: start < end always holds, and every
 * function here may rely on it.  The least int64 as start means "without
 * beginning", the greatest as end "without end"; they order as the numbers
 * they are, so nothing below treats them apart.
 *
 * This header knows integers only, so that index support, sweeps and fuzzers
 * share one truth, inside the server and out of it.
 */
#ifndef FLEX_TIME_WINDOW_H
#define FLEX_TIME_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

typedef struct TimeWindow
{
	int64_t		start_us;
	int64_t		end_us;
} TimeWindow;

#define TIME_WINDOW_NO_BEGIN	INT64_MIN
#define TIME_WINDOW_NO_END		INT64_MAX

static inline bool
time_window_overlaps(const TimeWindow *a, const TimeWindow *b)
{
	return a->start_us < b->end_us && b->start_us < a->end_us;
}

static inline bool
time_window_contains(const TimeWindow *a, const TimeWindow *b)
{
	return a->start_us <= b->start_us && b->end_us <= a->end_us;
}

static inline bool
time_window_contains_instant(const TimeWindow *a, int64_t instant_us)
{
	return a->start_us <= instant_us && instant_us < a->end_us;
}

static inline bool
time_window_before(const TimeWindow *a, const TimeWindow *b)
{
	return a->end_us <= b->start_us;
}

static inline bool
time_window_adjacent(const TimeWindow *a, const TimeWindow *b)
{
	return a->end_us == b->start_us || b->end_us == a->start_us;
}

/* a does not extend to the right of b */
static inline bool
time_window_overleft(const TimeWindow *a, const TimeWindow *b)
{
	return a->end_us <= b->end_us;
}

/* a does not extend to the left of b */
static inline bool
time_window_overright(const TimeWindow *a, const TimeWindow *b)
{
	return a->start_us >= b->start_us;
}

/* by start, then by end: the order of btree, sorting and index builds */
static inline int
time_window_compare(const TimeWindow *a, const TimeWindow *b)
{
	if (a->start_us != b->start_us)
		return a->start_us < b->start_us ? -1 : 1;
	if (a->end_us != b->end_us)
		return a->end_us < b->end_us ? -1 : 1;
	return 0;
}

static inline bool
time_window_equal(const TimeWindow *a, const TimeWindow *b)
{
	return a->start_us == b->start_us && a->end_us == b->end_us;
}

/* the common part of two windows that overlap */
static inline TimeWindow
time_window_common(const TimeWindow *a, const TimeWindow *b)
{
	TimeWindow	result;

	result.start_us = a->start_us > b->start_us ? a->start_us : b->start_us;
	result.end_us = a->end_us < b->end_us ? a->end_us : b->end_us;
	return result;
}

/* the smallest window that covers both */
static inline TimeWindow
time_window_cover(const TimeWindow *a, const TimeWindow *b)
{
	TimeWindow	result;

	result.start_us = a->start_us < b->start_us ? a->start_us : b->start_us;
	result.end_us = a->end_us > b->end_us ? a->end_us : b->end_us;
	return result;
}

/* The window and so much more on either side, as far as time goes. */
static inline TimeWindow
time_window_widen(const TimeWindow *window, int64_t by_us)
{
	TimeWindow	wide = *window;

	if (wide.start_us != TIME_WINDOW_NO_BEGIN)
		wide.start_us = wide.start_us <= TIME_WINDOW_NO_BEGIN + by_us ?
			TIME_WINDOW_NO_BEGIN : wide.start_us - by_us;
	if (wide.end_us != TIME_WINDOW_NO_END)
		wide.end_us = wide.end_us >= TIME_WINDOW_NO_END - by_us ?
			TIME_WINDOW_NO_END : wide.end_us + by_us;
	return wide;
}

#endif							/* FLEX_TIME_WINDOW_H */
