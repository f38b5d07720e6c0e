/*
 * baseline_read.c
 *		From queries to events, days and meters.
 *
 * Each query is run as the caller, and its rows are taken as the executor makes them.  Days, events
 * and event days are kept; readings pass by, one unit at a time: the rows of a unit stand
 * together, in any order among themselves, and fill one grid of steps from the first day to
 * the last, which is used again for the next unit.  What lies beyond the days is nobody's concern.
 *
 * Readings are numeric, and there may be hundreds of millions of them: their ten-thousandths are
 * taken from the digits as they are stored, a format that pg_upgrade keeps.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "baseline.h"

#define MOST_COLUMNS	7

typedef struct Column
{
	const char *name;
	Oid			type;
	bool		required;
} Column;

typedef struct Reader
{
	DestReceiver receiver;		/* of the query's rows */
	Baselines  *baselines;
	const char *what;
	const Column *columns;
	int			n_columns;
	void		(*take) (struct Reader *reader, const Datum *values, const bool *nulls);
	int			space;			/* of the array that the query at hand fills */
	MemoryContext context;
	int64		unit_id;		/* of the readings at hand */
	bool		in_unit;
	bool		wanted;
	int			first_event;
	int			n_unit_events;
} Reader;

static void
refuse(const char *what, const char *column, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("query \"%s\" of baselines: %s \"%s\"", what, column, value),
			 errhint("%s", hint)));
}

static void
receive_startup(DestReceiver *receiver, int operation, TupleDesc desc)
{
	Reader	   *reader = (Reader *) receiver;

	if (desc->natts < reader->n_columns)
		refuse(reader->what, "columns missing, it needs", reader->columns[reader->n_columns - 1].name,
			   "See the documentation of baselines for the columns of each query, in their order.");
	for (int i = 0; i < reader->n_columns; i++)
		if (TupleDescAttr(desc, i)->atttypid != reader->columns[i].type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("query \"%s\" of baselines: column %d (%s) is of type %s, not %s", reader->what, i + 1, reader->columns[i].name,
							format_type_be(TupleDescAttr(desc, i)->atttypid), format_type_be(reader->columns[i].type)),
					 errhint("Cast it.")));
}

static bool
receive_row(TupleTableSlot *row, DestReceiver *receiver)
{
	Reader	   *reader = (Reader *) receiver;

	slot_getsomeattrs(row, reader->n_columns);
	for (int i = 0; i < reader->n_columns; i++)
		if (row->tts_isnull[i] && reader->columns[i].required)
			refuse(reader->what, reader->columns[i].name, "NULL", "Give it a value, or leave the row out.");
	reader->take(reader, row->tts_values, row->tts_isnull);
	return true;
}

static void
receive_nothing(DestReceiver *receiver)
{
}

static void
read_query(Reader *reader, const char *what, const char *query, const Column *columns, int n_columns,
		   void (*take) (Reader *reader, const Datum *values, const bool *nulls))
{
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;

	reader->what = what;
	reader->columns = columns;
	reader->n_columns = n_columns;
	reader->take = take;
	reader->space = 0;
	plan = SPI_prepare(query, 0, NULL);
	if (plan == NULL || !SPI_is_cursor_plan(plan))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query \"%s\" of baselines cannot be run", what),
				 errhint("Write one SELECT.")));
	options.read_only = true;
	options.dest = &reader->receiver;
	if (SPI_execute_plan_extended(plan, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not run query \"%s\": %s", what, SPI_result_code_string(SPI_result));
	SPI_freeplan(plan);
}

/* Room for one more in an array that doubles; large ones are allowed. */
#define MAKE_ROOM(reader, array, n, type) \
	do { \
		if ((n) == (reader)->space) \
		{ \
			(reader)->space = (reader)->space == 0 ? 256 : (reader)->space * 2; \
			(array) = (n) == 0 \
				? MemoryContextAllocHuge((reader)->context, sizeof(type) * (Size) (reader)->space) \
				: repalloc_huge((array), sizeof(type) * (Size) (reader)->space); \
		} \
	} while (0)

static char *
date_text(DateADT day)
{
	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(day)));
}

static char *
instant_text(TimestampTz instant)
{
	return DatumGetCString(DirectFunctionCall1(timestamptz_out, TimestampTzGetDatum(instant)));
}

/* ----------
 * Days
 * ----------
 */

static const Column day_columns[] = {
	{"day", DATEOID, true},
	{"starts_at", TIMESTAMPTZOID, true},
	{"ends_at", TIMESTAMPTZOID, true},
	{"day_type", INT4OID, true},
	{"sample", INT4OID, true},
	{"chosen", INT4OID, true},
	{"excluded", TEXTOID, false}
};

static void
take_day(Reader *reader, const Datum *values, const bool *nulls)
{
	Baselines  *baselines = reader->baselines;
	BaselineDay *day;

	MAKE_ROOM(reader, baselines->days, baselines->n_days, BaselineDay);
	day = &baselines->days[baselines->n_days++];
	day->day = DatumGetDateADT(values[0]);
	day->starts_at = DatumGetTimestampTz(values[1]);
	day->ends_at = DatumGetTimestampTz(values[2]);
	day->type = DatumGetInt32(values[3]);
	day->sample = DatumGetInt32(values[4]);
	day->chosen = DatumGetInt32(values[5]);
	day->excluded = nulls[6] ? NULL : MemoryContextStrdup(reader->context, TextDatumGetCString(values[6]));
	if (DATE_NOT_FINITE(day->day) || TIMESTAMP_NOT_FINITE(day->starts_at) || TIMESTAMP_NOT_FINITE(day->ends_at)
		|| day->ends_at <= day->starts_at || day->ends_at - day->starts_at > 2 * USECS_PER_DAY)
		refuse("days", "there are no two days at most between the ends of", date_text(day->day), "Give the midnights before and after it.");
	if (day->sample < 1 || day->sample > BASELINE_MOST_DAYS || day->chosen < 1 || day->chosen > day->sample)
		refuse("days", "there is no sample of 1 to 366 days, with as many chosen at most, on", date_text(day->day), "For example 10 and 8.");
}

static int
compare_days(const void *a, const void *b)
{
	DateADT		x = ((const BaselineDay *) a)->day;
	DateADT		y = ((const BaselineDay *) b)->day;

	return x < y ? -1 : x > y;
}

/* Steps are counted from the first day; a day more than the last, for events beyond its midnight. */
static void
lay_out_days(Baselines *baselines, MemoryContext context)
{
	int64		step_us = baselines->method.step_us;
	int64		n_steps;

	if (baselines->n_days == 0)
		refuse("days", "there is no row in query", "days", "Give the days of the events, and those before them.");
	qsort(baselines->days, baselines->n_days, sizeof(BaselineDay), compare_days);
	baselines->first_at = baselines->days[0].starts_at;
	n_steps = (baselines->days[baselines->n_days - 1].ends_at - baselines->first_at + 2 * USECS_PER_DAY) / step_us;
	if (n_steps > BASELINE_MOST_STEPS)
		refuse("days", "there are more steps than can be kept up to", date_text(baselines->days[baselines->n_days - 1].day), "Ask for fewer days at once.");
	for (int d = 0; d < baselines->n_days; d++)
	{
		BaselineDay *day = &baselines->days[d];

		if (d > 0 && (day->day == day[-1].day || day->starts_at < day[-1].ends_at))
			refuse("days", "there is another that has a part of", date_text(day->day), "Give each day once.");
		if ((day->starts_at - baselines->first_at) % step_us != 0 || (day->ends_at - day->starts_at) % step_us != 0)
			refuse("days", "the steps do not divide", date_text(day->day), "Its midnights lie on the steps of the readings.");
		day->first = (day->starts_at - baselines->first_at) / step_us;
		day->n_steps = (day->ends_at - day->starts_at) / step_us;
	}
	baselines->n_steps = n_steps;
	baselines->meter.values = MemoryContextAllocHuge(context, sizeof(int64) * n_steps);
	baselines->meter.sums = MemoryContextAllocHuge(context, sizeof(int64) * (n_steps + 1));
	baselines->meter.missing = MemoryContextAllocHuge(context, sizeof(int) * (n_steps + 1));
}

/* ----------
 * Events
 * ----------
 */

static const Column event_columns[] = {
	{"unit_id", INT8OID, true},
	{"day", DATEOID, true},
	{"starts_at", TIMESTAMPTZOID, true},
	{"ends_at", TIMESTAMPTZOID, true},
	{"adjust", BOOLOID, true}
};

static int
find_day(const Baselines *baselines, DateADT day)
{
	int			low = 0;
	int			high = baselines->n_days;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (baselines->days[middle].day < day)
			low = middle + 1;
		else
			high = middle;
	}
	return low < baselines->n_days && baselines->days[low].day == day ? low : -1;
}

/*
 * On a day on which clocks change, steps are counted back from the midnight after it, but in the first hour,
 * before any clock changes: so they meet the same local time of other days.
 */
static int
usual_offset(const Baselines *baselines, const BaselineDay *day, TimestampTz at)
{
	int64		length = day->ends_at - day->starts_at;
	int64		since = at - day->starts_at;

	if (length != USECS_PER_DAY && since >= USECS_PER_HOUR)
		since += USECS_PER_DAY - length;
	return since / baselines->method.step_us;
}

static void
take_event(Reader *reader, const Datum *values, const bool *nulls)
{
	Baselines  *baselines = reader->baselines;
	const BaselineMethod *method = &baselines->method;
	BaselineEvent event = {0};
	const BaselineDay *day;
	int64		longest = USECS_PER_DAY - (int64) (method->before_gap + method->before + method->after_gap + method->after) * method->step_us;

	event.unit_id = DatumGetInt64(values[0]);
	event.day = DatumGetDateADT(values[1]);
	event.starts_at = DatumGetTimestampTz(values[2]);
	event.ends_at = DatumGetTimestampTz(values[3]);
	event.adjust = DatumGetBool(values[4]);
	event.at = find_day(baselines, event.day);
	if (event.at < 0)
		refuse("events", "query \"days\" does not have", date_text(event.day), "Give the days of the events, and those before them.");
	day = &baselines->days[event.at];
	if (event.starts_at < day->starts_at || event.starts_at >= day->ends_at)
		refuse("events", "it does not begin on its day, the event of", instant_text(event.starts_at), "An event is of the day on which it begins.");
	if (event.ends_at <= event.starts_at || event.ends_at - event.starts_at > longest)
		refuse("events", "it ends before it begins, or lasts with its windows of adjustment longer than a day, the event of", instant_text(event.starts_at), "Split it.");
	if ((event.starts_at - baselines->first_at) % method->step_us != 0 || (event.ends_at - event.starts_at) % method->step_us != 0)
		refuse("events", "it does not lie on the steps, the event of", instant_text(event.starts_at), "It begins and ends with steps of the readings.");
	event.first = (event.starts_at - baselines->first_at) / method->step_us;
	event.n_steps = (event.ends_at - event.starts_at) / method->step_us;
	event.offset = usual_offset(baselines, day, event.starts_at);
	MAKE_ROOM(reader, baselines->events, baselines->n_events, BaselineEvent);
	baselines->events[baselines->n_events++] = event;
}

static inline int
compare_events(const BaselineEvent *a, const BaselineEvent *b)
{
	if (a->unit_id != b->unit_id)
		return a->unit_id < b->unit_id ? -1 : 1;
	if (a->starts_at != b->starts_at)
		return a->starts_at < b->starts_at ? -1 : 1;
	return a->ends_at < b->ends_at ? -1 : a->ends_at > b->ends_at;
}

#define ST_SORT			sort_events
#define ST_ELEMENT_TYPE	BaselineEvent
#define ST_COMPARE(a, b) compare_events(a, b)
#define ST_SCOPE		static
#define ST_DECLARE
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

static const Column event_day_columns[] = {
	{"unit_id", INT8OID, true},
	{"day", DATEOID, true}
};

static void
take_event_day(Reader *reader, const Datum *values, const bool *nulls)
{
	Baselines  *baselines = reader->baselines;

	MAKE_ROOM(reader, baselines->event_days, baselines->n_event_days, UnitDay);
	baselines->event_days[baselines->n_event_days++] = (UnitDay) {DatumGetInt64(values[0]), DatumGetDateADT(values[1])};
}

static inline int
compare_unit_days(const UnitDay *a, const UnitDay *b)
{
	if (a->unit_id != b->unit_id)
		return a->unit_id < b->unit_id ? -1 : 1;
	return a->day < b->day ? -1 : a->day > b->day;
}

#define ST_SORT			sort_unit_days
#define ST_ELEMENT_TYPE	UnitDay
#define ST_COMPARE(a, b) compare_unit_days(a, b)
#define ST_SCOPE		static
#define ST_DECLARE
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

/* ----------
 * Readings
 * ----------
 */

static const Column reading_columns[] = {
	{"unit_id", INT8OID, true},
	{"starts_at", TIMESTAMPTZOID, true},
	{"kwh", NUMERICOID, true}
};

/* A number by the arithmetic of numeric: what has an unusual form. */
static int64
ten_thousandths_slowly(Datum number)
{
	Numeric		scaled;

	if (numeric_is_nan(DatumGetNumeric(number)) || numeric_is_inf(DatumGetNumeric(number)))
		return PG_INT64_MAX;
	scaled = DatumGetNumeric(DirectFunctionCall2(numeric_mul, number, NumericGetDatum(int64_to_numeric(10000))));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, DirectFunctionCall1(numeric_abs, NumericGetDatum(scaled)),
										  NumericGetDatum(int64_to_numeric(BASELINE_MOST_VALUE)))) > 0)
		return PG_INT64_MAX;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(scaled)));
}

/*
 * The short form of numeric: a header of sign (0x2000), weight (seven bits, of two's
 * complement) and 0x8000, then digits to base 10000, the first of them times 10000^weight.
 */
static inline int64
ten_thousandths(Datum number)
{
	struct varlena *value = (struct varlena *) DatumGetPointer(number);
	const char *bytes;
	uint16		header;
	int			n_digits;
	int			weight;
	int64		result = 0;

	if (VARATT_IS_COMPRESSED(value) || VARATT_IS_EXTERNAL(value))
		return ten_thousandths_slowly(number);
	bytes = VARDATA_ANY(value);
	memcpy(&header, bytes, sizeof(header));
	n_digits = (VARSIZE_ANY_EXHDR(value) - sizeof(header)) / sizeof(int16);
	weight = (header & 0x0040) ? (int) (header & 0x003f) - 64 : (int) (header & 0x003f);
	if ((header & 0xc000) != 0x8000 || weight > 2)
		return ten_thousandths_slowly(number);
	if (weight < -2)
		return 0;
	/* one digit more decides which way what is finer is rounded */
	for (int i = 0; i < Min(weight + 3, n_digits); i++)
	{
		int16		digit;

		memcpy(&digit, bytes + sizeof(header) + i * sizeof(int16), sizeof(digit));
		if (i < weight + 2)
			result = result * 10000 + digit;
		else if (digit >= 5000)
			result++;
	}
	for (int i = n_digits; i < weight + 2; i++)
		result *= 10000;
	return (header & 0x2000) ? -result : result;
}

static int
first_event_of(const Baselines *baselines, int64 unit_id)
{
	int			low = 0;
	int			high = baselines->n_events;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (baselines->events[middle].unit_id < unit_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int
count_events_of(const Baselines *baselines, int first, int64 unit_id)
{
	int			n = 0;

	while (first + n < baselines->n_events && baselines->events[first + n].unit_id == unit_id)
		n++;
	return n;
}

static void
clear_meter(Baselines *baselines)
{
	for (int s = 0; s < baselines->n_steps; s++)
		baselines->meter.values[s] = STEP_MISSING;
}

static void
finish_unit(Reader *reader, int first, int n)
{
	Baselines  *baselines = reader->baselines;
	BaselineMeter *meter = &baselines->meter;

	meter->sums[0] = 0;
	meter->missing[0] = 0;
	for (int s = 0; s < baselines->n_steps; s++)
	{
		bool		is_missing = meter->values[s] == STEP_MISSING;

		meter->sums[s + 1] = meter->sums[s] + (is_missing ? 0 : meter->values[s]);
		meter->missing[s + 1] = meter->missing[s] + is_missing;
	}
	baselines->finish(baselines, first, n);
	for (int e = first; e < first + n; e++)
		baselines->events[e].done = true;
}

static void
take_reading(Reader *reader, const Datum *values, const bool *nulls)
{
	Baselines  *baselines = reader->baselines;
	int64		unit_id = DatumGetInt64(values[0]);
	TimestampTz at;
	int64		since;
	int64		step;
	int64		value;

	if (!reader->in_unit || unit_id != reader->unit_id)
	{
		if (reader->in_unit && reader->wanted)
			finish_unit(reader, reader->first_event, reader->n_unit_events);
		reader->in_unit = true;
		reader->unit_id = unit_id;
		reader->first_event = first_event_of(baselines, unit_id);
		reader->n_unit_events = count_events_of(baselines, reader->first_event, unit_id);
		reader->wanted = reader->n_unit_events > 0;
		if (reader->wanted)
		{
			if (baselines->events[reader->first_event].done)
				refuse("readings", "the rows do not stand together of unit", psprintf(INT64_FORMAT, unit_id), "Sort the query by unit_id.");
			clear_meter(baselines);
		}
	}
	if (!reader->wanted)
		return;
	at = DatumGetTimestampTz(values[1]);
	if (at < baselines->first_at || TIMESTAMP_NOT_FINITE(at))
		return;
	since = at - baselines->first_at;
	step = since / baselines->method.step_us;
	if (step >= baselines->n_steps)
		return;
	if (since % baselines->method.step_us != 0)
		refuse("readings", "it does not lie on the steps, the reading of", instant_text(at), "All readings have steps of one length, counted from midnight.");
	value = ten_thousandths(values[2]);
	if (value > BASELINE_MOST_VALUE || value < -BASELINE_MOST_VALUE)
		refuse("readings", "it is out of range, the reading of", instant_text(at), "A step has 100000000 kWh at most.");
	if (baselines->meter.values[step] != STEP_MISSING && baselines->meter.values[step] != value)
		refuse("readings", psprintf("unit " INT64_FORMAT " has two that differ of", unit_id), instant_text(at), "Give one reading of each step.");
	baselines->meter.values[step] = value;
}

void
baseline_read(Baselines *baselines, const char *readings, const char *days, const char *events, const char *event_days)
{
	Reader		reader = {{0}};

	reader.receiver.receiveSlot = receive_row;
	reader.receiver.rStartup = receive_startup;
	reader.receiver.rShutdown = receive_nothing;
	reader.receiver.rDestroy = receive_nothing;
	reader.receiver.mydest = DestTuplestore; /* kept by the receiver, not by SPI */
	reader.baselines = baselines;
	reader.context = CurrentMemoryContext;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	read_query(&reader, "days", days, day_columns, lengthof(day_columns), take_day);
	lay_out_days(baselines, reader.context);
	read_query(&reader, "events", events, event_columns, lengthof(event_columns), take_event);
	sort_events(baselines->events, baselines->n_events);
	if (event_days != NULL)
	{
		read_query(&reader, "event_days", event_days, event_day_columns, lengthof(event_day_columns), take_event_day);
		sort_unit_days(baselines->event_days, baselines->n_event_days);
	}
	read_query(&reader, "readings", readings, reading_columns, lengthof(reading_columns), take_reading);
	if (reader.in_unit && reader.wanted)
		finish_unit(&reader, reader.first_event, reader.n_unit_events);

	/* units of which nobody sent anything */
	for (int e = 0; e < baselines->n_events;)
	{
		int			n = count_events_of(baselines, e, baselines->events[e].unit_id);

		if (!baselines->events[e].done)
		{
			clear_meter(baselines);
			finish_unit(&reader, e, n);
		}
		e += n;
	}
	SPI_finish();
}
