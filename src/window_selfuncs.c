/*
 * window_selfuncs.c
 *		What ANALYZE keeps of window columns, and what the planner makes of it.
 *
 * Of a column (or an index expression) ANALYZE keeps, besides what it keeps of any
 * type,
 *
 *	- windows: an even sample of the windows in order of their start, as time_windows,
 *	- ends: the same number of ends, in order,
 *	- resources (resource_window alone): the commonest resources with their
 *	  frequencies, then the number of distinct resources and the frequency that all
 *	  the others have together.
 *
 * A window overlaps q when it starts before q ends and ends after q starts, and
 * what ends before q starts also starts before q ends.  So the fraction that
 * overlaps is P(start < q.end) - P(end <= q.start), from two sorted lists, exact
 * whatever the lengths.  Other operators are tried on the sample.  A resource has
 * its own frequency, or the share of those that are not common; time and resource
 * are taken to be independent.
 *
 * Where q is not known while planning (a parameter, a join) the average over the
 * sample is taken.  Slot kinds from 10000 on are for private use (pg_statistic.h).
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/timestamp.h"

#include "instance.h"
#include "window_gist.h"

#define STATISTIC_KIND_WINDOWS			10101
#define STATISTIC_KIND_WINDOW_ENDS		10102
#define STATISTIC_KIND_RESOURCES		10103

/* for columns without statistics: those of core's ranges, and of equality */
#define DEFAULT_OVERLAP_SEL		0.01
#define DEFAULT_CONTAIN_SEL		0.005
#define DEFAULT_RESOURCE_SEL	0.005

/* what q &< w and q &> w say of w; no operators, so no strategies of an index */
#define WINDOW_ENDS_NOT_EARLIER		((WindowStrategy) 101)
#define WINDOW_STARTS_NOT_LATER		((WindowStrategy) 102)

#define AVERAGE_SAMPLE			64	/* windows on each side of an average over pairs */

/* ----------
 * ANALYZE
 * ----------
 */

static int
window_compare(const void *a, const void *b)
{
	return time_window_compare(a, b);
}

static int
int64_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

typedef struct ResourceCount
{
	int64		resource;
	int			count;
} ResourceCount;

static int
count_compare(const void *x, const void *y)
{
	const ResourceCount *a = x;
	const ResourceCount *b = y;

	if (a->count != b->count)
		return b->count - a->count;
	return a->resource < b->resource ? -1 : a->resource > b->resource;
}

/* Distinct values of a table of N rows from a sample of n, d of them distinct, f1 seen once (Haas and Stokes). */
static double
estimate_distinct(double n, double d, double f1, double N)
{
	double		estimate;

	if (n <= 0 || d <= 0)
		return 0;
	if (f1 >= n)
		return N;
	estimate = n * d / ((n - f1) + f1 * n / N);
	return Min(Max(estimate, d), N);
}

static void
keep_slot(VacAttrStats *stats, int slot, int16 kind, Datum *values, int nvalues,
		  Oid type, int16 length, bool by_value, float4 *numbers, int nnumbers)
{
	stats->stakind[slot] = kind;
	stats->staop[slot] = InvalidOid;
	stats->stacoll[slot] = InvalidOid;
	stats->stavalues[slot] = values;
	stats->numvalues[slot] = nvalues;
	stats->statypid[slot] = type;
	stats->statyplen[slot] = length;
	stats->statypbyval[slot] = by_value;
	stats->statypalign[slot] = TYPALIGN_DOUBLE;
	stats->stanumbers[slot] = numbers;
	stats->numnumbers[slot] = nnumbers;
}

/* Resources, by frequency: see the head of this file. */
static void
keep_resources(VacAttrStats *stats, int slot, int64 *resources, int n, double totalrows)
{
	ResourceCount *counts = palloc(n * sizeof(ResourceCount));
	int			ndistinct = 0;
	int			once = 0;
	int			ncommon;
	double		rest = 1;
	Datum	   *values;
	float4	   *numbers;

	qsort(resources, n, sizeof(int64), int64_compare);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || resources[i] != resources[i - 1])
		{
			counts[ndistinct].resource = resources[i];
			counts[ndistinct++].count = 0;
		}
		counts[ndistinct - 1].count++;
	}
	for (int i = 0; i < ndistinct; i++)
		once += counts[i].count == 1;
	qsort(counts, ndistinct, sizeof(ResourceCount), count_compare);

	/* common: clearly more often than the average */
	ncommon = 0;
	while (ncommon < ndistinct && ncommon < flex_stattarget(stats) &&
		   counts[ncommon].count > 1 && counts[ncommon].count > 1.25 * n / ndistinct)
		ncommon++;
	values = palloc(Max(ncommon, 1) * sizeof(Datum));
	numbers = palloc((ncommon + 2) * sizeof(float4));
	for (int i = 0; i < ncommon; i++)
	{
		values[i] = Int64GetDatum(counts[i].resource);
		numbers[i] = (float4) counts[i].count / n;
		rest -= numbers[i];
	}
	numbers[ncommon] = (float4) estimate_distinct(n, ndistinct, once, totalrows);
	numbers[ncommon + 1] = (float4) Max(rest, 0);
	keep_slot(stats, slot, STATISTIC_KIND_RESOURCES, values, ncommon, INT8OID, 8, true, numbers, ncommon + 2);
	pfree(counts);
}

static void
compute_window_stats(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetch, int samplerows, double totalrows)
{
	bool		of_resource = stats->attrtype->typlen == sizeof(ResourceWindow);
	TimeWindow *windows = palloc(samplerows * sizeof(TimeWindow));
	int64	   *ends = palloc(samplerows * sizeof(int64));
	int64	   *resources = palloc(samplerows * sizeof(int64));
	Oid			window_type = time_window_type();
	MemoryContext before;
	int			n = 0;
	int			nkept;
	int			distinct = 1;

	for (int i = 0; i < samplerows; i++)
	{
		bool		isnull;
		Datum		value;

		flex_analyze_delay_point();
		value = fetch(stats, i, &isnull);
		if (isnull)
			continue;
		if (of_resource)
		{
			windows[n] = DatumGetResourceWindowP(value)->window;
			resources[n] = DatumGetResourceWindowP(value)->resource;
		}
		else
			windows[n] = *DatumGetTimeWindowP(value);
		ends[n] = windows[n].end_us;
		n++;
	}
	if (samplerows == 0)
		return;
	stats->stats_valid = true;
	stats->stanullfrac = (float4) (samplerows - n) / samplerows;
	stats->stawidth = stats->attrtype->typlen;
	if (n == 0)
		return;

	qsort(windows, n, sizeof(TimeWindow), window_compare);
	qsort(ends, n, sizeof(int64), int64_compare);
	for (int i = 1; i < n; i++)
		distinct += !time_window_equal(&windows[i - 1], &windows[i]);
	/* whole values: a resource_window is rarely there twice */
	stats->stadistinct = of_resource ? -1.0f * (1.0f - stats->stanullfrac) :
		(distinct > n / 2 ? -(float4) distinct / n : (float4) distinct);

	before = MemoryContextSwitchTo(stats->anl_context);
	nkept = Min(n, Max(2, flex_stattarget(stats) + 1));
	{
		Datum	   *kept_windows = palloc(nkept * sizeof(Datum));
		Datum	   *kept_ends = palloc(nkept * sizeof(Datum));

		for (int i = 0; i < nkept; i++)
		{
			int			at = nkept == 1 ? 0 : (int) ((int64) i * (n - 1) / (nkept - 1));
			TimeWindow *copy = palloc(sizeof(TimeWindow));

			*copy = windows[at];
			kept_windows[i] = TimeWindowPGetDatum(copy);
			kept_ends[i] = Int64GetDatum(ends[at]);
		}
		keep_slot(stats, 0, STATISTIC_KIND_WINDOWS, kept_windows, nkept, window_type, sizeof(TimeWindow), false, NULL, 0);
		keep_slot(stats, 1, STATISTIC_KIND_WINDOW_ENDS, kept_ends, nkept, INT8OID, 8, true, NULL, 0);
		if (of_resource)
			keep_resources(stats, 2, resources, n, totalrows * (1 - stats->stanullfrac));
	}
	MemoryContextSwitchTo(before);
	pfree(windows);
	pfree(ends);
	pfree(resources);
}

PG_FUNCTION_INFO_V1(flex_window_typanalyze);
Datum
flex_window_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);

	if (flex_stattarget(stats) < 0)
		flex_stattarget(stats) = default_statistics_target;
	stats->compute_stats = compute_window_stats;
	stats->minrows = 300 * flex_stattarget(stats);
	PG_RETURN_BOOL(true);
}

/* ----------
 * What was kept
 * ----------
 */

typedef struct WindowStats
{
	bool		known;
	double		null_fraction;
	AttStatsSlot windows;
	AttStatsSlot ends;
	AttStatsSlot resources;		/* no values and no numbers where the column has none */
	int			n;
} WindowStats;

static void
load_stats(VariableStatData *vardata, WindowStats *stats)
{
	memset(stats, 0, sizeof(WindowStats));
	if (!HeapTupleIsValid(vardata->statsTuple))
		return;
	stats->null_fraction = ((Form_pg_statistic) GETSTRUCT(vardata->statsTuple))->stanullfrac;
	if (!get_attstatsslot(&stats->windows, vardata->statsTuple, STATISTIC_KIND_WINDOWS, InvalidOid, ATTSTATSSLOT_VALUES))
		return;
	if (!get_attstatsslot(&stats->ends, vardata->statsTuple, STATISTIC_KIND_WINDOW_ENDS, InvalidOid, ATTSTATSSLOT_VALUES))
	{
		free_attstatsslot(&stats->windows);
		return;
	}
	/* without common resources there are numbers alone, and asking for values is an error */
	if (get_attstatsslot(&stats->resources, vardata->statsTuple, STATISTIC_KIND_RESOURCES, InvalidOid,
						 ATTSTATSSLOT_NUMBERS) && stats->resources.nnumbers > 2)
	{
		free_attstatsslot(&stats->resources);
		(void) get_attstatsslot(&stats->resources, vardata->statsTuple, STATISTIC_KIND_RESOURCES, InvalidOid,
								ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS);
	}
	stats->n = stats->windows.nvalues;
	stats->known = stats->n > 0 && stats->ends.nvalues == stats->n;
}

static void
free_stats(WindowStats *stats)
{
	if (stats->windows.nvalues > 0)
		free_attstatsslot(&stats->windows);
	if (stats->ends.nvalues > 0)
		free_attstatsslot(&stats->ends);
	if (stats->resources.nnumbers > 0)
		free_attstatsslot(&stats->resources);
}

static inline TimeWindow *
sample_window(const WindowStats *stats, int i)
{
	return DatumGetTimeWindowP(stats->windows.values[i]);
}

/* The fraction of sorted values below x, between two of them by proportion. */
static double
fraction_below(const WindowStats *stats, bool of_ends, int64 x)
{
	int			low = 0;
	int			high = stats->n;
	int64		left;
	int64		right;

#define SORTED_VALUE(i) (of_ends ? DatumGetInt64(stats->ends.values[i]) : sample_window(stats, i)->start_us)
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (SORTED_VALUE(middle) < x)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	if (low == stats->n)
		return 1;
	left = SORTED_VALUE(low - 1);
	right = SORTED_VALUE(low);
#undef SORTED_VALUE
	return ((low - 1) + ((double) x - (double) left) / ((double) right - (double) left)) / (stats->n - 1);
}

/* ----------
 * Selectivity in time, of one resource, of both
 * ----------
 */

/* The fraction of windows w with "w operator q". */
static double
time_selectivity(const WindowStats *stats, WindowStrategy strategy, const TimeWindow *q)
{
	int			hits = 0;

	if (strategy == WINDOW_ENDS_NOT_EARLIER)
		return 1 - fraction_below(stats, true, q->end_us);
	if (strategy == WINDOW_STARTS_NOT_LATER)
		return fraction_below(stats, false, q->start_us == TIME_WINDOW_NO_END ? q->start_us : q->start_us + 1);
	switch (strategy)
	{
		case WINDOW_OVERLAPS:
			return fraction_below(stats, false, q->end_us) - fraction_below(stats, true, q->start_us == TIME_WINDOW_NO_BEGIN ? q->start_us : q->start_us + 1);
		case WINDOW_BEFORE:
			return fraction_below(stats, true, q->start_us == TIME_WINDOW_NO_BEGIN ? q->start_us : q->start_us + 1);
		case WINDOW_OVERLEFT:
			return fraction_below(stats, true, q->end_us == TIME_WINDOW_NO_END ? q->end_us : q->end_us + 1);
		case WINDOW_CONTAINS:

			/*
			 * It starts no later than q and ends no earlier.  Those that end
			 * earlier start no later as well, but for what lies inside q.
			 */
			for (int i = 0; i < stats->n; i++)
				hits += sample_window(stats, i)->start_us > q->start_us && sample_window(stats, i)->end_us < q->end_us;
			return Max(fraction_below(stats, false, q->start_us == TIME_WINDOW_NO_END ? q->start_us : q->start_us + 1) -
					   fraction_below(stats, true, q->end_us) + (double) hits / stats->n, 0);
		case WINDOW_CONTAINED:
			/* likewise, but for what reaches beyond q on both sides */
			for (int i = 0; i < stats->n; i++)
				hits += sample_window(stats, i)->start_us < q->start_us && sample_window(stats, i)->end_us > q->end_us;
			return Max(fraction_below(stats, true, q->end_us == TIME_WINDOW_NO_END ? q->end_us : q->end_us + 1) -
					   fraction_below(stats, false, q->start_us) + (double) hits / stats->n, 0);
		case WINDOW_AFTER:
			return 1 - fraction_below(stats, false, q->end_us);
		case WINDOW_OVERRIGHT:
			return 1 - fraction_below(stats, false, q->start_us);
		default:
			for (int i = 0; i < stats->n; i++)
				hits += window_leaf_consistent(sample_window(stats, i), q, strategy);
			/* none in the sample does not mean none */
			return hits == 0 ? 0.5 / stats->n : (double) hits / stats->n;
	}
}

/* The same, averaged over what q may be: windows of another column. */
static double
average_time_selectivity(const WindowStats *stats, WindowStrategy strategy, const WindowStats *queries)
{
	int			n = Min(queries->n, AVERAGE_SAMPLE);
	double		sum = 0;

	for (int i = 0; i < n; i++)
		sum += time_selectivity(stats, strategy, sample_window(queries, n == 1 ? 0 : (int) ((int64) i * (queries->n - 1) / (n - 1))));
	return sum / n;
}

/* The fraction of rows that are of one resource; any one where it is not known. */
static double
resource_selectivity(const WindowStats *stats, const int64 *resource)
{
	int			ncommon = stats->resources.nvalues;
	double		ndistinct;
	double		rest;

	if (stats->resources.nnumbers != ncommon + 2)
		return DEFAULT_RESOURCE_SEL;
	ndistinct = stats->resources.numbers[ncommon];
	rest = stats->resources.numbers[ncommon + 1];
	if (resource == NULL)
		return 1 / Max(ndistinct, 1);
	for (int i = 0; i < ncommon; i++)
		if (DatumGetInt64(stats->resources.values[i]) == *resource)
			return stats->resources.numbers[i];
	return rest / Max(ndistinct - ncommon, 1);
}

/* The fraction of pairs that are of one resource, the common ones matched by name. */
static double
resource_join_selectivity(const WindowStats *a, const WindowStats *b)
{
	int			na = a->resources.nvalues;
	int			nb = b->resources.nvalues;
	double		common = 0;

	if (a->resources.nnumbers != na + 2 || b->resources.nnumbers != nb + 2)
		return DEFAULT_RESOURCE_SEL;
	for (int i = 0; i < na; i++)
		for (int j = 0; j < nb; j++)
			if (a->resources.values[i] == b->resources.values[j])
				common += (double) a->resources.numbers[i] * b->resources.numbers[j];
	return common + (double) a->resources.numbers[na + 1] * b->resources.numbers[nb + 1] /
		Max(Max(a->resources.numbers[na] - na, b->resources.numbers[nb] - nb), 1);
}

static double
default_selectivity(WindowStrategy strategy, bool of_resource)
{
	double		result;

	switch (strategy)
	{
		case WINDOW_OVERLAPS:
			result = DEFAULT_OVERLAP_SEL;
			break;
		case WINDOW_CONTAINS:
		case WINDOW_CONTAINED:
		case WINDOW_ADJACENT:
		case WINDOW_CONTAINS_INSTANT:
			result = DEFAULT_CONTAIN_SEL;
			break;
		default:
			result = DEFAULT_INEQ_SEL;
			break;
	}
	return of_resource ? result * DEFAULT_RESOURCE_SEL : result;
}

/* Which operator it is, by its name; the classes share their strategy numbers. */
static WindowStrategy
strategy_of(Oid operator, bool commuted)
{
	static const struct
	{
		const char *name;
		WindowStrategy strategy;
		WindowStrategy commuted;
	}			names[] = {
		{"&&", WINDOW_OVERLAPS, WINDOW_OVERLAPS},
		{"@>", WINDOW_CONTAINS, WINDOW_CONTAINED},
		{"<@", WINDOW_CONTAINED, WINDOW_CONTAINS},
		{"<<", WINDOW_BEFORE, WINDOW_AFTER},
		{">>", WINDOW_AFTER, WINDOW_BEFORE},
		{"-|-", WINDOW_ADJACENT, WINDOW_ADJACENT},
		{"&<", WINDOW_OVERLEFT, WINDOW_ENDS_NOT_EARLIER},
		{"&>", WINDOW_OVERRIGHT, WINDOW_STARTS_NOT_LATER},
	};
	char	   *name = get_opname(operator);

	for (int i = 0; name != NULL && i < lengthof(names); i++)
		if (strcmp(name, names[i].name) == 0)
			return commuted ? names[i].commuted : names[i].strategy;
	elog(ERROR, "operator %u is not one of windows", operator);
	return WINDOW_OVERLAPS;		/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(flex_window_sel);
Datum
flex_window_sel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	int			varRelid = PG_GETARG_INT32(3);
	VariableStatData vardata;
	Node	   *other;
	bool		varonleft;
	WindowStats stats;
	bool		of_resource;
	WindowStrategy strategy;
	double		result;
	bool		of_instant;
	ResourceWindow q = {0};

	if (!get_restriction_variable(root, args, varRelid, &vardata, &other, &varonleft))
		PG_RETURN_FLOAT8(DEFAULT_CONTAIN_SEL);
	of_instant = vardata.vartype == TIMESTAMPTZOID || exprType(other) == TIMESTAMPTZOID;
	of_resource = !of_instant && vardata.vartype != time_window_type();
	strategy = strategy_of(operator, !varonleft);

	/* an instant in a constant window: what a plain column of times would say is not ours to know */
	if (vardata.vartype == TIMESTAMPTZOID)
	{
		ReleaseVariableStats(vardata);
		PG_RETURN_FLOAT8(DEFAULT_RANGE_INEQ_SEL);
	}
	if (IsA(other, Const) && ((Const *) other)->constisnull)
	{
		ReleaseVariableStats(vardata);
		PG_RETURN_FLOAT8(0.0);	/* the operators are strict */
	}

	load_stats(&vardata, &stats);
	if (!stats.known)
		result = default_selectivity(strategy, of_resource);
	else if (IsA(other, Const))
	{
		Datum		value = ((Const *) other)->constvalue;

		if (of_instant)
		{
			/* the shortest window that holds the instant */
			q.window.start_us = DatumGetTimestampTz(value);
			q.window.end_us = q.window.start_us == TIME_WINDOW_NO_END ? q.window.start_us : q.window.start_us + 1;
			result = time_selectivity(&stats, WINDOW_OVERLAPS, &q.window);
		}
		else if (of_resource)
		{
			q = *DatumGetResourceWindowP(value);
			result = resource_selectivity(&stats, &q.resource) * time_selectivity(&stats, strategy, &q.window);
		}
		else
			result = time_selectivity(&stats, strategy, DatumGetTimeWindowP(value));
	}
	else
	{
		result = average_time_selectivity(&stats, of_instant ? WINDOW_OVERLAPS : strategy, &stats);
		if (of_resource)
			result *= resource_selectivity(&stats, NULL);
	}
	result *= 1 - stats.null_fraction;
	free_stats(&stats);
	ReleaseVariableStats(vardata);
	CLAMP_PROBABILITY(result);
	PG_RETURN_FLOAT8(result);
}

PG_FUNCTION_INFO_V1(flex_window_joinsel);
Datum
flex_window_joinsel(PG_FUNCTION_ARGS)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	Oid			operator = PG_GETARG_OID(1);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	SpecialJoinInfo *sjinfo = (SpecialJoinInfo *) PG_GETARG_POINTER(4);
	VariableStatData left;
	VariableStatData right;
	bool		reversed;
	WindowStats left_stats;
	WindowStats right_stats;
	bool		of_resource;
	WindowStrategy strategy = strategy_of(operator, false);
	double		result;

	get_join_variables(root, args, sjinfo, &left, &right, &reversed);
	of_resource = left.vartype != time_window_type() && left.vartype != TIMESTAMPTZOID &&
		right.vartype != TIMESTAMPTZOID;
	load_stats(&left, &left_stats);
	load_stats(&right, &right_stats);
	if (left_stats.known && right_stats.known)
	{
		result = average_time_selectivity(&left_stats, strategy, &right_stats);
		if (of_resource)
			result *= resource_join_selectivity(&left_stats, &right_stats);
		result *= (1 - left_stats.null_fraction) * (1 - right_stats.null_fraction);
	}
	else
		result = default_selectivity(strategy, of_resource);
	free_stats(&left_stats);
	free_stats(&right_stats);
	ReleaseVariableStats(left);
	ReleaseVariableStats(right);
	CLAMP_PROBABILITY(result);
	PG_RETURN_FLOAT8(result);
}
