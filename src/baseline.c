/*
 * baseline.c
 *		baselines(): what units would have used or given without events.
 *
 * A baseline is a mean of the same steps of earlier days, or of the meter around the event; one set of
 * parameters covers the family of methods that markets use:
 *
 *		look back over so many days	-> those of the same type, not excluded, complete
 *		the most recent `sample` of them	-> event days fill up, where allowed
 *		ranked by energy			-> `chosen` of them: recent, highest, lowest or middle
 *		averaged					-> evenly, by weights, or smoothed from day to day
 *		adjusted					-> by the meter of the day itself, in windows around the event;
 *									   a shift or a factor, in one direction or both, capped
 *
 * baseline_read.c runs the queries and hands over one unit after the other, baseline_compute.c has the
 * arithmetic, and here one row per event goes out, with every day that was looked at and
 * what became of it.  Cost: a pass over the readings, and per event the steps of the days that are
 * taken.  Memory: the steps of one unit, and the events.
 *
 * Nothing here knows of tables: methods, calendars and events are made into arguments
 * by the modules of an exchange.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "baseline.h"

#define N_COLUMNS	11

static const char *const kinds[] = {"history", "meter", NULL};
static const char *const rankings[] = {"recent", "highest", "lowest", "middle", NULL};
static const char *const bases[] = {"event", "day", NULL};
static const char *const adjustments[] = {"none", "additive", "scalar", NULL};
static const char *const directions[] = {"both", "up", "down", NULL};
static const char *const statuses[] = {"complete", "fallback", "short", "insufficient"};
static const char *const verdicts[] = {"chosen", "chosen_event_day", "ranked_out", "event_day", "other_type", "missing"};
static const char *const limits[] = {NULL, "cap", "direction", "missing", "nothing"};

PG_FUNCTION_INFO_V1(flex_baselines);

/* Texts and arrays of rows, made once. */
typedef struct Output
{
	ReturnSetInfo *result;
	MemoryContext context;		/* of one event */
	Datum		statuses[lengthof(statuses)];
	Datum		verdicts[lengthof(verdicts)];
	Datum		limits[lengthof(limits)];
	Datum	   *reasons;		/* of the days that the calendar excludes */
	BaselineAnswer *answer;
	bool	   *is_event_day;
	int			event_day;		/* how far the event days have been gone through */
} Output;

static int
code_argument(FunctionCallInfo fcinfo, int n, const char *name, const char *const *known)
{
	char	   *value = text_to_cstring(PG_GETARG_TEXT_PP(n));
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; known[i] != NULL; i++)
	{
		if (strcmp(value, known[i]) == 0)
			return i;
		appendStringInfo(&list, "%s%s", i == 0 ? "" : known[i + 1] == NULL ? " or " : ", ", known[i]);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s \"%s\" is not known", name, value),
			 errhint("It is %s.", list.data)));
	return 0;					/* keep compiler quiet */
}

static int
integer_argument(FunctionCallInfo fcinfo, int n, const char *name, int least, int most)
{
	int			value = PG_GETARG_INT32(n);

	if (value < least || value > most)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%d\" is out of range", name, value),
				 errhint("It is from %d to %d.", least, most)));
	return value;
}

/* Shares have three decimals, so that arithmetic with them is exact. */
static int
share_argument(FunctionCallInfo fcinfo, int n, const char *name, double most)
{
	double		value = PG_GETARG_FLOAT8(n);

	if (!(value >= 0 && value <= most) || fabs(value * 1000 - rint(value * 1000)) > 1e-6)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%g\" is out of range", name, value),
				 errhint("It is from 0 to %g, with three decimals at most.", most)));
	return (int) rint(value * 1000);
}

static int
steps_argument(FunctionCallInfo fcinfo, int n, const char *name, int step_seconds)
{
	int			seconds = integer_argument(fcinfo, n, name, 0, SECS_PER_DAY);

	if (seconds % step_seconds != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%d\" is not a number of steps of %d s", name, seconds, step_seconds),
				 errhint("Windows of adjustment begin and end with steps.")));
	return seconds / step_seconds;
}

static void
read_weights(FunctionCallInfo fcinfo, int n, BaselineMethod *method)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(n);
	int32	   *weights = (int32 *) ARR_DATA_PTR(array);

	method->n_weights = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_HASNULL(array) || method->n_weights == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights are empty or have a NULL"),
				 errhint("Give one for each day that is chosen, or leave them out.")));
	method->weights = palloc(sizeof(int) * method->n_weights);
	for (int i = 0; i < method->n_weights; i++)
	{
		if (weights[i] < 1 || weights[i] > BASELINE_MOST_WEIGHT)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("weight \"%d\" is out of range", weights[i]),
					 errhint("It is from 1 to %d; 50, 30 and 20 weigh as 5, 3 and 2 do.", BASELINE_MOST_WEIGHT)));
		method->weights[i] = weights[i];
	}
}

static void
read_method(FunctionCallInfo fcinfo, BaselineMethod *method)
{
	int			step_seconds = integer_argument(fcinfo, 5, "step_seconds", 1, SECS_PER_HOUR);

	if (SECS_PER_HOUR % step_seconds != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("step_seconds \"%d\" does not divide an hour", step_seconds),
				 errhint("For example 60, 900 or 1800.")));
	method->step_us = step_seconds * USECS_PER_SEC;
	method->kind = code_argument(fcinfo, 4, "kind", kinds);
	method->look_back_days = integer_argument(fcinfo, 6, "look_back_days", 1, BASELINE_MOST_DAYS);
	method->fallback = PG_GETARG_BOOL(7);
	method->minimum_days = integer_argument(fcinfo, 8, "minimum_days", 1, BASELINE_MOST_DAYS);
	method->completeness = share_argument(fcinfo, 9, "completeness", 1);
	method->ranking = code_argument(fcinfo, 10, "ranking", rankings);
	method->ranked_over_day = code_argument(fcinfo, 11, "ranked_over", bases) == 1;
	if (!PG_ARGISNULL(12))
		read_weights(fcinfo, 12, method);
	method->smoothing = PG_ARGISNULL(13) ? 0 : share_argument(fcinfo, 13, "smoothing", 1);
	method->adjustment = code_argument(fcinfo, 14, "adjustment", adjustments);
	method->before_gap = steps_argument(fcinfo, 15, "before_gap_seconds", step_seconds);
	method->before = steps_argument(fcinfo, 16, "before_seconds", step_seconds);
	method->after_gap = steps_argument(fcinfo, 17, "after_gap_seconds", step_seconds);
	method->after = steps_argument(fcinfo, 18, "after_seconds", step_seconds);
	method->direction = code_argument(fcinfo, 19, "direction", directions);
	method->cap = PG_ARGISNULL(20) ? -1 : share_argument(fcinfo, 20, "cap", 100);
	if ((method->adjustment != ADJUSTMENT_NONE || method->kind == BASELINE_METER) && method->before + method->after == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("before_seconds and after_seconds are both 0"),
				 errhint("Say how long the window before the event is, after it, or both.")));
	if (method->adjustment != ADJUSTMENT_NONE && method->kind == BASELINE_METER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("kind \"meter\" has no adjustment"),
				 errhint("Its windows are those of the baseline itself.")));
	if (method->smoothing > 0 && (method->n_weights > 0 || method->ranking != RANKING_RECENT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("smoothing does not go with weights or with a ranking other than recent"),
				 errhint("It goes from day to day.")));
}

static Datum
array_of(Datum *values, int n, Oid type)
{
	switch (type)
	{
		case FLOAT8OID:
			return PointerGetDatum(construct_array(values, n, type, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
		case DATEOID:
			return PointerGetDatum(construct_array(values, n, type, 4, true, TYPALIGN_INT));
		default:
			return PointerGetDatum(construct_array(values, n, type, -1, false, TYPALIGN_INT));
	}
}

static void
put_event(const Baselines *baselines, Output *output, const BaselineEvent *event)
{
	BaselineAnswer *answer = output->answer;
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS] = {0};
	MemoryContext caller = MemoryContextSwitchTo(output->context);
	Datum	   *items = palloc(sizeof(Datum) * Max(event->n_steps, BASELINE_MOST_DAYS + 1));

	answer->baseline = palloc(sizeof(double) * event->n_steps);
	baseline_compute(baselines, event, output->is_event_day, answer);
	values[0] = Int64GetDatum(event->unit_id);
	values[1] = DateADTGetDatum(event->day);
	values[2] = TimestampTzGetDatum(event->starts_at);
	values[3] = TimestampTzGetDatum(event->ends_at);
	values[4] = output->statuses[answer->status];
	nulls[5] = answer->status == BASELINE_INSUFFICIENT;
	if (!nulls[5])
	{
		for (int p = 0; p < event->n_steps; p++)
			items[p] = Float8GetDatum(answer->baseline[p]);
		values[5] = array_of(items, event->n_steps, FLOAT8OID);
	}
	for (int i = 0; i < answer->n_considered; i++)
		items[i] = DateADTGetDatum(baselines->days[answer->considered[i].day].day);
	values[6] = array_of(items, answer->n_considered, DATEOID);
	for (int i = 0; i < answer->n_considered; i++)
		items[i] = answer->considered[i].verdict == VERDICT_EXCLUDED
			? output->reasons[answer->considered[i].day] : output->verdicts[answer->considered[i].verdict];
	values[7] = array_of(items, answer->n_considered, TEXTOID);
	nulls[8] = nulls[9] = !answer->adjusted;
	values[8] = Float8GetDatum(answer->adjusted ? answer->adjustment : 0);
	values[9] = Float8GetDatum(answer->adjusted ? answer->measured : 0);
	nulls[10] = answer->limit == LIMIT_NONE;
	values[10] = output->limits[answer->limit];
	tuplestore_putvalues(output->result->setResult, output->result->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(output->context);
}

static void
finish_unit(Baselines *baselines, int first, int n)
{
	Output	   *output = baselines->result;
	int64		unit_id = baselines->events[first].unit_id;
	int			low = 0;
	int			high = baselines->n_event_days;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (baselines->event_days[middle].unit_id < unit_id)
			low = middle + 1;
		else
			high = middle;
	}
	memset(output->is_event_day, 0, baselines->n_days * sizeof(bool));
	for (int d = 0; low < baselines->n_event_days && baselines->event_days[low].unit_id == unit_id; low++)
	{
		while (d < baselines->n_days && baselines->days[d].day < baselines->event_days[low].day)
			d++;
		if (d < baselines->n_days && baselines->days[d].day == baselines->event_days[low].day)
			output->is_event_day[d] = true;
	}
	for (int e = first; e < first + n; e++)
	{
		CHECK_FOR_INTERRUPTS();
		put_event(baselines, output, &baselines->events[e]);
	}
}

/* The days are known when the first unit is finished. */
static void
finish_first_unit(Baselines *baselines, int first, int n)
{
	Output	   *output = baselines->result;
	MemoryContext caller = MemoryContextSwitchTo(GetMemoryChunkContext(output->answer));

	output->is_event_day = palloc(baselines->n_days * sizeof(bool));
	output->reasons = palloc(baselines->n_days * sizeof(Datum));
	for (int d = 0; d < baselines->n_days; d++)
		output->reasons[d] = baselines->days[d].excluded == NULL ? (Datum) 0 : CStringGetTextDatum(baselines->days[d].excluded);
	MemoryContextSwitchTo(caller);
	baselines->finish = finish_unit;
	finish_unit(baselines, first, n);
}

Datum
flex_baselines(PG_FUNCTION_ARGS)
{
	static const char *const queries[] = {"readings", "days", "events"};
	Baselines	baselines = {{0}};
	Output		output = {0};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;

	for (int i = 0; i < 21; i++)
		if (PG_ARGISNULL(i) && i != 3 && i != 12 && i != 13 && i != 20)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 i < 3 ? errmsg("query \"%s\" of baselines is NULL", queries[i]) : errmsg("argument %d of baselines is NULL", i + 1),
					 i < 3 ? errhint("Give a query; see the documentation of baselines for its columns.") : errhint("Leave it out for its default.")));
	InitMaterializedSRF(fcinfo, 0);
	output.result = (ReturnSetInfo *) fcinfo->resultinfo;
	if (output.result->setDesc->natts != N_COLUMNS)
		elog(ERROR, "baselines is not declared as it must be");

	context = AllocSetContextCreate(caller, "baselines", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	read_method(fcinfo, &baselines.method);
	output.context = AllocSetContextCreate(context, "baseline of an event", ALLOCSET_DEFAULT_SIZES);
	output.answer = palloc(sizeof(BaselineAnswer));
	for (int i = 0; i < lengthof(statuses); i++)
		output.statuses[i] = CStringGetTextDatum(statuses[i]);
	for (int i = 0; i < lengthof(verdicts); i++)
		output.verdicts[i] = CStringGetTextDatum(verdicts[i]);
	for (int i = 1; i < lengthof(limits); i++)
		output.limits[i] = CStringGetTextDatum(limits[i]);
	baselines.finish = finish_first_unit;
	baselines.result = &output;
	baseline_read(&baselines, text_to_cstring(PG_GETARG_TEXT_PP(0)), text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)),
				  PG_ARGISNULL(3) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(3)));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return (Datum) 0;
}
