/*
 * window_io.h
 *		How the server sees the two window types: datums, text, bytes.
 */
#ifndef FLEX_WINDOW_IO_H
#define FLEX_WINDOW_IO_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "utils/sortsupport.h"

#include "resource_window.h"
#include "time_window.h"

StaticAssertDecl(sizeof(TimeWindow) == 16, "time_window has a hole");
StaticAssertDecl(sizeof(ResourceWindow) == 24, "resource_window has a hole");

#define DatumGetTimeWindowP(d)			((TimeWindow *) DatumGetPointer(d))
#define TimeWindowPGetDatum(p)			PointerGetDatum(p)
#define PG_GETARG_TIME_WINDOW_P(n)		DatumGetTimeWindowP(PG_GETARG_DATUM(n))
#define PG_RETURN_TIME_WINDOW_P(p)		return TimeWindowPGetDatum(p)

#define DatumGetResourceWindowP(d)		((ResourceWindow *) DatumGetPointer(d))
#define ResourceWindowPGetDatum(p)		PointerGetDatum(p)
#define PG_GETARG_RESOURCE_WINDOW_P(n)	DatumGetResourceWindowP(PG_GETARG_DATUM(n))
#define PG_RETURN_RESOURCE_WINDOW_P(p)	return ResourceWindowPGetDatum(p)

/* strategy numbers of the GiST operator classes: those of core's range types */
typedef enum WindowStrategy
{
	WINDOW_BEFORE = 1,			/* << */
	WINDOW_OVERLEFT = 2,		/* &< */
	WINDOW_OVERLAPS = 3,		/* && */
	WINDOW_OVERRIGHT = 4,		/* &> */
	WINDOW_AFTER = 5,			/* >> */
	WINDOW_ADJACENT = 6,		/* -|- */
	WINDOW_CONTAINS = 7,		/* @> window */
	WINDOW_CONTAINED = 8,		/* <@ window */
	WINDOW_CONTAINS_INSTANT = 16,	/* @> timestamptz */
	WINDOW_EQUAL = 18			/* = */
} WindowStrategy;

/* the longest text that either type reads; anything longer is not a window */
#define WINDOW_TEXT_MAX	256

extern TimeWindow *time_window_make(int64 start_us, int64 end_us);
extern bool time_window_parse(const char *str, const char *type_name,
							  const char *whole, TimeWindow *result,
							  struct Node *escontext);
extern void time_window_append_text(StringInfo buf, const TimeWindow *window);
extern char *time_window_text(const TimeWindow *window);
extern char *time_window_text_utc(const TimeWindow *window);
extern void time_window_receive(StringInfo buf, TimeWindow *result);
extern Datum abbreviate_first_int64(Datum original, SortSupport ssup);
extern void window_sortsupport(SortSupport ssup, int (*full) (Datum x, Datum y, SortSupport ssup),
							   Datum (*abbreviate) (Datum original, SortSupport ssup));
extern double window_distance(const TimeWindow *window, int64 instant_us);
extern char *text_clip(const char *str, int bytes);

#endif							/* FLEX_WINDOW_IO_H */
