/*
 * window_functions.c
 *		Set-like functions, distance and aggregates of time_window.
 *
 * Union is defined where the result is one window, as for ranges; a difference
 * can leave two, so it is a set.  The aggregates keep their input in an array
 * and sort it once at the end: O(n log n), 16 bytes a row (32 and a numeric for
 * max_concurrent).
 */
#include "postgres.h"
#include "compat.h"

#include "access/htup_details.h"
#include "access/gist.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "window_gist.h"

/* ----------
 * Union, cover, difference
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_time_window_union);
Datum
flex_time_window_union(PG_FUNCTION_ARGS)
{
	TimeWindow *a = PG_GETARG_TIME_WINDOW_P(0);
	TimeWindow *b = PG_GETARG_TIME_WINDOW_P(1);
	TimeWindow *result;

	if (!time_window_overlaps(a, b) && !time_window_adjacent(a, b))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("the union of two windows would have a gap"),
				 errdetail("The windows are %s and %s.", time_window_text(a), time_window_text(b)),
				 errhint("Use time_window_merge() for the smallest window that covers both, or window_union() for a set.")));
	result = palloc(sizeof(TimeWindow));
	*result = time_window_cover(a, b);
	PG_RETURN_TIME_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_merge);
Datum
flex_time_window_merge(PG_FUNCTION_ARGS)
{
	TimeWindow *result = palloc(sizeof(TimeWindow));

	*result = time_window_cover(PG_GETARG_TIME_WINDOW_P(0), PG_GETARG_TIME_WINDOW_P(1));
	PG_RETURN_TIME_WINDOW_P(result);
}

/* An array of windows, in the type of the function's result. */
static Datum
windows_to_array(FunctionCallInfo fcinfo, const TimeWindow *windows, int n)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Datum	   *datums = palloc(Max(n, 1) * sizeof(Datum));

	if (!OidIsValid(element))
		element = get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid));
	for (int i = 0; i < n; i++)
		datums[i] = TimeWindowPGetDatum(&windows[i]);
	return PointerGetDatum(construct_array(datums, n, element, sizeof(TimeWindow), false, TYPALIGN_DOUBLE));
}

/* What of a is not in b: nothing, one window or two, in order. */
PG_FUNCTION_INFO_V1(flex_time_window_difference);
Datum
flex_time_window_difference(PG_FUNCTION_ARGS)
{
	TimeWindow *a = PG_GETARG_TIME_WINDOW_P(0);
	TimeWindow *b = PG_GETARG_TIME_WINDOW_P(1);
	TimeWindow	left[2];
	int			n = 0;

	if (!time_window_overlaps(a, b))
		left[n++] = *a;
	else
	{
		if (a->start_us < b->start_us)
		{
			left[n].start_us = a->start_us;
			left[n++].end_us = b->start_us;
		}
		if (b->end_us < a->end_us)
		{
			left[n].start_us = b->end_us;
			left[n++].end_us = a->end_us;
		}
	}
	return windows_to_array(fcinfo, left, n);
}

/* ----------
 * Distance of an instant
 * ----------
 */

/* Seconds from an instant to the nearest one in the window; 0 inside. */
double
window_distance(const TimeWindow *window, int64 instant_us)
{
	if (instant_us < window->start_us)
		return TIMESTAMP_NOT_FINITE(instant_us) ? get_float8_infinity() :
			((double) window->start_us - (double) instant_us) / USECS_PER_SEC;
	if (instant_us >= window->end_us && window->end_us != TIME_WINDOW_NO_END)
		return TIMESTAMP_NOT_FINITE(instant_us) ? get_float8_infinity() :
			((double) instant_us - (double) window->end_us) / USECS_PER_SEC;
	return 0;
}

PG_FUNCTION_INFO_V1(flex_time_window_distance);
Datum
flex_time_window_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(window_distance(PG_GETARG_TIME_WINDOW_P(0), PG_GETARG_TIMESTAMPTZ(1)));
}

PG_FUNCTION_INFO_V1(flex_resource_window_distance);
Datum
flex_resource_window_distance(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(window_distance(&PG_GETARG_RESOURCE_WINDOW_P(0)->window, PG_GETARG_TIMESTAMPTZ(1)));
}

/* ----------
 * Aggregates
 * ----------
 */

typedef struct WindowState
{
	int64		n;
	int64		allocated;
	TimeWindow *windows;
	Datum	   *quantities;		/* max_concurrent only */
} WindowState;

/* Add a window to the state, which lives in the aggregate's context. */
static WindowState *
state_add(FunctionCallInfo fcinfo, const TimeWindow *window, Datum quantity, bool counted)
{
	MemoryContext context;
	MemoryContext before;
	WindowState *state = PG_ARGISNULL(0) ? NULL : (WindowState *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	before = MemoryContextSwitchTo(context);
	if (state == NULL)
		state = palloc0(sizeof(WindowState));
	if (state->n == state->allocated)
	{
		state->allocated = Max(64, state->allocated * 2);
		state->windows = state->windows == NULL ? palloc(state->allocated * sizeof(TimeWindow)) :
			repalloc_huge(state->windows, state->allocated * sizeof(TimeWindow));
		if (counted)
			state->quantities = state->quantities == NULL ? palloc(state->allocated * sizeof(Datum)) :
				repalloc_huge(state->quantities, state->allocated * sizeof(Datum));
	}
	state->windows[state->n] = *window;
	if (counted)
		state->quantities[state->n] = PointerGetDatum(PG_DETOAST_DATUM_COPY(quantity));
	state->n++;
	MemoryContextSwitchTo(before);
	return state;
}

static int
window_qsort_compare(const void *a, const void *b)
{
	return time_window_compare(a, b);
}

PG_FUNCTION_INFO_V1(flex_window_union_transition);
Datum
flex_window_union_transition(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	PG_RETURN_POINTER(state_add(fcinfo, PG_GETARG_TIME_WINDOW_P(1), (Datum) 0, false));
}

/* The union as a set: in order, with windows that overlap or touch joined. */
PG_FUNCTION_INFO_V1(flex_window_union_final);
Datum
flex_window_union_final(PG_FUNCTION_ARGS)
{
	WindowState *state;
	TimeWindow *sorted;
	int64		n = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (WindowState *) PG_GETARG_POINTER(0);
	/* a copy: the state may be asked again, by a window function */
	sorted = MemoryContextAllocHuge(CurrentMemoryContext, state->n * sizeof(TimeWindow));
	memcpy(sorted, state->windows, state->n * sizeof(TimeWindow));
	qsort(sorted, state->n, sizeof(TimeWindow), window_qsort_compare);
	for (int64 i = 1; i < state->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (sorted[i].start_us <= sorted[n].end_us)
			sorted[n].end_us = Max(sorted[n].end_us, sorted[i].end_us);
		else
			sorted[++n] = sorted[i];
	}
	return windows_to_array(fcinfo, sorted, (int) n + 1);
}

/* The common part of all windows; NULL once there is none. */
PG_FUNCTION_INFO_V1(flex_window_intersection_transition);
Datum
flex_window_intersection_transition(PG_FUNCTION_ARGS)
{
	TimeWindow *state = PG_ARGISNULL(0) ? NULL : PG_GETARG_TIME_WINDOW_P(0);
	TimeWindow *result;

	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_TIME_WINDOW_P(state);
	}
	result = palloc(sizeof(TimeWindow));
	if (state == NULL)
		*result = *PG_GETARG_TIME_WINDOW_P(1);
	else
	{
		/* an intersection that has become empty is kept as start >= end, and stays so */
		*result = time_window_common(state, PG_GETARG_TIME_WINDOW_P(1));
	}
	PG_RETURN_TIME_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_window_intersection_final);
Datum
flex_window_intersection_final(PG_FUNCTION_ARGS)
{
	TimeWindow *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = PG_GETARG_TIME_WINDOW_P(0);
	if (state->start_us >= state->end_us)
		PG_RETURN_NULL();
	PG_RETURN_TIME_WINDOW_P(state);
}

PG_FUNCTION_INFO_V1(flex_max_concurrent_transition);
Datum
flex_max_concurrent_transition(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	PG_RETURN_POINTER(state_add(fcinfo, PG_GETARG_TIME_WINDOW_P(1), PG_GETARG_DATUM(2), true));
}

/* A quantity begins or ends. */
typedef struct QuantityEvent
{
	int64		at_us;
	int64		row;
	bool		ends;
} QuantityEvent;

/* Ends come before starts at the same instant: windows are half-open. */
static int
event_compare(const void *x, const void *y)
{
	const QuantityEvent *a = x;
	const QuantityEvent *b = y;

	if (a->at_us != b->at_us)
		return a->at_us < b->at_us ? -1 : 1;
	return (int) b->ends - (int) a->ends;
}

/* The peak of the summed quantities, and the first window in which it stands. */
PG_FUNCTION_INFO_V1(flex_max_concurrent_final);
Datum
flex_max_concurrent_final(PG_FUNCTION_ARGS)
{
	WindowState *state;
	QuantityEvent *events;
	TupleDesc	desc;
	Datum		sum = NumericGetDatum(int64_to_numeric(0));
	Datum		peak = (Datum) 0;
	TimeWindow	during = {0, 0};
	bool		open = false;	/* does the peak stand since during.start_us? */
	bool		any = false;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (WindowState *) PG_GETARG_POINTER(0);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "max_concurrent must return a row");

	events = MemoryContextAllocHuge(CurrentMemoryContext, 2 * state->n * sizeof(QuantityEvent));
	for (int64 i = 0; i < state->n; i++)
	{
		events[2 * i].at_us = state->windows[i].start_us;
		events[2 * i].row = i;
		events[2 * i].ends = false;
		events[2 * i + 1].at_us = state->windows[i].end_us;
		events[2 * i + 1].row = i;
		events[2 * i + 1].ends = true;
	}
	qsort(events, 2 * state->n, sizeof(QuantityEvent), event_compare);

	for (int64 i = 0; i < 2 * state->n;)
	{
		int64		at_us = events[i].at_us;
		Datum		before = sum;

		CHECK_FOR_INTERRUPTS();
		for (; i < 2 * state->n && events[i].at_us == at_us; i++)
			sum = DirectFunctionCall2(events[i].ends ? numeric_sub : numeric_add,
									  sum, state->quantities[events[i].row]);
		if (open && !DatumGetBool(DirectFunctionCall2(numeric_eq, sum, before)))
		{
			during.end_us = at_us;
			open = false;
		}
		if (i < 2 * state->n &&
			(!any || DatumGetBool(DirectFunctionCall2(numeric_gt, sum, peak))))
		{
			any = true;
			peak = sum;
			during.start_us = at_us;
			open = true;
		}
	}
	values[0] = peak;
	values[1] = TimeWindowPGetDatum(&during);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
