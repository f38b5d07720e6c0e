/*
 * reading.c
 *		Readings of meters, from COPY into meter_reading_intake to the partitions of meter_reading.
 *
 * Trigger take_reading() fires BEFORE INSERT on each row and returns none, so that nothing is kept in the intake: the row is
 * read into memory.  Every million rows, and at the end of the statement (take_readings(), AFTER STATEMENT), what has been
 * gathered is stored:
 *
 *		name the channels -> judge each row by its channel -> sort -> drop what is said twice -> COPY
 *
 * All names that are new are resolved by one statement of the module (resolve_channels), which says of each what channel
 * it is and when its sender may speak for it.
 *
 * The rows and everything about them live in one context below that of the (sub)transaction, and go with it.
 */
#include "postgres.h"
#include "compat.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "owner.h"
#include "reading.h"

#define CHUNK			1000000 /* rows that are gathered before they are stored */
#define CLOCK_SKEW		(5 * 60 * USECS_PER_SEC)	/* how far ahead a sender's clock may be */

/* by channel, then by time, then as they came */
static inline int
compare_readings(const Reading *a, const Reading *b)
{
	if (a->channel_id != b->channel_id)
		return a->channel_id < b->channel_id ? -1 : 1;
	if (a->starts_us != b->starts_us)
		return a->starts_us < b->starts_us ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

#define ST_SORT			sort_readings
#define ST_ELEMENT_TYPE	Reading
#define ST_COMPARE(a, b) compare_readings(a, b)
#define ST_SCOPE		static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * Those that are being gathered.  There is more than one when the rows of a statement come from a function that writes
 * readings itself; one of a subtransaction must not outlive it.
 */
static Intake *intakes = NULL;

static void
forget_intake(void *arg)
{
	for (Intake **at = &intakes; *at != NULL; at = &(*at)->next)
		if (*at == arg)
		{
			*at = (*at)->next;
			break;
		}
}

static Intake *
intake_of(Relation relation)
{
	for (Intake *in = intakes; in != NULL; in = in->next)
		if (in->relation == RelationGetRelid(relation) && in->subtransaction == GetCurrentSubTransactionId() && !in->is_storing)
			return in;
	return NULL;
}

static Intake *
begin_intake(Relation relation)
{
	MemoryContext context = AllocSetContextCreate(CurTransactionContext, "readings", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Intake	   *in = palloc0(sizeof(Intake));
	TupleDesc	desc = RelationGetDescr(relation);
	OwnerScope	scope;
	bool		isnull;
	Datum		value;
	char	   *zone_name;
	pg_tz	   *zone;

	in->context = context;
	in->row_context = AllocSetContextCreate(context, "a reading", ALLOCSET_DEFAULT_SIZES);
	in->rejections.context = AllocSetContextCreate(context, "rejected readings", ALLOCSET_DEFAULT_SIZES);
	in->relation = RelationGetRelid(relation);
	in->schema = pstrdup(quote_identifier(get_namespace_name(RelationGetNamespace(relation))));
	for (int i = 0; i < INTAKE_COLUMNS; i++)
	{
		int			attnum = SPI_fnumber(desc, intake_columns[i]);

		if (attnum <= 0 || TupleDescAttr(desc, attnum - 1)->atttypid != (i == INTAKE_SENDER_ID ? INT8OID : TEXTOID))
			ereport(ERROR,
					(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
					 errmsg("table \"%s\" has no column %s of type %s", RelationGetRelationName(relation), intake_columns[i],
							i == INTAKE_SENDER_ID ? "bigint" : "text"),
					 errhint("The trigger belongs to meter_reading_intake of an exchange.")));
		in->attnums[i] = attnum;
	}
	owner_enter(relation, &scope);
	if (SPI_execute(psprintf("SELECT i.time_zone, (SELECT max(r.ends_at) FROM %1$s.retired_partition r WHERE r.table_name = 'meter_reading') "
							 "FROM %1$s.exchange_instance i", in->schema), true, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not read exchange_instance");
	zone_name = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	zone = pg_tzset(zone_name);
	if (zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("exchange_instance.time_zone is not a time zone: \"%s\"", zone_name),
				 errhint("Use a name of pg_timezone_names.")));
	in->zone_name = MemoryContextStrdup(context, zone_name);
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull);
	in->retired_us = isnull ? PG_INT64_MIN : DatumGetTimestampTz(value);
	owner_leave(&scope);
	zone_memory_init(&in->zone, zone);
	in->now_us = GetCurrentTransactionStartTimestamp();
	begin_sources(in);
	in->space = 1024;
	in->readings = palloc(in->space * sizeof(Reading));
	MemoryContextSwitchTo(caller);
	in->forget.func = forget_intake;
	in->forget.arg = in;
	MemoryContextRegisterResetCallback(context, &in->forget);
	in->subtransaction = GetCurrentSubTransactionId();
	in->next = intakes;
	intakes = in;
	return in;
}

/* -infinity and infinity are the least and the greatest there is */
static int
instants_of(Datum array, int64 **instants)
{
	Datum	   *values;
	bool	   *isnull;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TIMESTAMPTZOID, sizeof(TimestampTz), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &isnull, &count);
	*instants = palloc(count * sizeof(int64));
	for (int i = 0; i < count; i++)
		(*instants)[i] = DatumGetTimestampTz(values[i]);
	pfree(values);
	pfree(isnull);
	return count;
}

static bool
may_speak_for(const Source *source, int64 from_us, int64 until_us)
{
	for (int i = 0; i < source->spans; i++)
		if (from_us >= source->from_us[i] && until_us <= source->until_us[i])
			return true;
	return false;
}

/* Ask of all sources that are new what channel each is. */
static void
resolve_sources(Intake *in)
{
	MemoryContext caller = MemoryContextSwitchTo(in->row_context);
	uint32		first = in->source_count;
	int			count = 0;
	Oid			types[6] = {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID};
	Datum		args[6];
	Datum	   *columns[6];
	bool	   *no_length;

	for (uint32 i = 0; i < in->source_count; i++)
		if (!in->sources[i].is_resolved)
		{
			first = i;
			count = in->source_count - i;
			break;
		}
	if (count == 0)
	{
		MemoryContextSwitchTo(caller);
		return;
	}
	for (int i = 0; i < 6; i++)
		columns[i] = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(Datum));
	no_length = palloc(count);
	for (int i = 0; i < count; i++)
	{
		Source	   *source = &in->sources[first + i];

		columns[0][i] = Int64GetDatum(source->sender_id);
		columns[1][i] = CStringGetTextDatum(source->scheme);
		columns[2][i] = CStringGetTextDatum(source->unit);
		columns[3][i] = CStringGetTextDatum(source->flow);
		columns[4][i] = CStringGetTextDatum(source->is_power ? "power" : "energy");
		columns[5][i] = Int32GetDatum(source->seconds);
		no_length[i] = source->seconds == 0;
	}
	args[0] = PointerGetDatum(array_of(columns[0], NULL, count, INT8OID));
	for (int i = 1; i < 5; i++)
		args[i] = PointerGetDatum(array_of(columns[i], NULL, count, TEXTOID));
	args[5] = PointerGetDatum(array_of(columns[5], no_length, count, INT4OID));
	if (SPI_execute_with_args(psprintf("SELECT r.place, r.channel_id, r.interval_seconds, r.valid_from, r.valid_until, r.rule, r.column_name, r.reason "
									   "FROM %s.resolve_channels($1, $2, $3, $4, $5, $6) r", in->schema),
							  6, types, args, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not resolve channels: %s", SPI_result_code_string(SPI_result));
	MemoryContextSwitchTo(in->context);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		place = DatumGetInt64(SPI_getbinval(tuple, desc, 1, &isnull));
		Source	   *source;
		Datum		from;
		Datum		until;
		bool		no_until;

		if (isnull || place < 1 || place > count)
			elog(ERROR, "resolve_channels() answers what it was not asked");
		source = &in->sources[first + place - 1];
		source->is_resolved = true;
		source->rule = SPI_getvalue(tuple, desc, 6);
		source->column = SPI_getvalue(tuple, desc, 7);
		source->reason = SPI_getvalue(tuple, desc, 8);
		source->channel_id = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
		source->step_us = DatumGetInt32(SPI_getbinval(tuple, desc, 3, &isnull)) * USECS_PER_SEC;
		from = SPI_getbinval(tuple, desc, 4, &isnull);
		until = SPI_getbinval(tuple, desc, 5, &no_until);
		if (!isnull && !no_until)
		{
			int			count_from = instants_of(from, &source->from_us);

			source->spans = instants_of(until, &source->until_us);
			if (source->spans != count_from)
				elog(ERROR, "resolve_channels() answers spans that do not end");
		}
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < count; i++)
		if (!in->sources[first + i].is_resolved ||
			(in->sources[first + i].rule == NULL && in->sources[first + i].step_us <= 0))
			elog(ERROR, "resolve_channels() leaves out \"%s\"", in->sources[first + i].unit);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(in->row_context);
}

/* What is wrong with a reading, given its channel; a reading by its end gets its start. */
static bool
is_acceptable(Intake *in, Reading *reading)
{
	const Source *source = &in->sources[reading->source];

	if (source->rule != NULL)
		reject_reading(in, reading, source->rule, source->column, "%s", source->reason);
	else if ((reading->starts_us - (reading->by_end ? source->step_us : 0)) % source->step_us != 0)
		reject_reading(in, reading, "GRID", reading->by_end ? "ends_at" : "starts_at",
					   "does not lie on the steps of %d s of the channel, counted from midnight UTC", (int) (source->step_us / USECS_PER_SEC));
	else
	{
		int64		starts_us = reading->starts_us - (reading->by_end ? source->step_us : 0);
		const char *column = reading->by_end ? "ends_at" : "starts_at";

		if (starts_us + source->step_us > in->now_us + CLOCK_SKEW)
			reject_reading(in, reading, "FUTURE", column, "has not been yet");
		else if (starts_us < in->retired_us)
			reject_reading(in, reading, "RETIRED", column, "lies in a time whose readings were retired");
		else if (!may_speak_for(source, starts_us, starts_us + source->step_us))
			reject_reading(in, reading, "SENDER", column, "lies in a time in which the sender did not have the unit");
		else
		{
			reading->starts_us = starts_us;
			reading->by_end = reading->by_end && reading->apart != 0;
			reading->channel_id = source->channel_id;
			return true;
		}
	}
	return false;
}

static void
make_room(Intake *in, int count)
{
	if (count <= in->space)
		return;
	while (in->space < count)
		in->space *= 2;
	in->readings = repalloc_huge(in->readings, in->space * sizeof(Reading));
}

/* Local times that are shown twice: the first that came is the first, when both came. */
static int
settle_doubtful(Intake *in, Reading *readings)
{
	int			kept = 0;
	int			first = 0;

	sort_readings(in->doubtful, in->doubtful_count);
	while (first < in->doubtful_count)
	{
		int			past = first + 1;

		while (past < in->doubtful_count && in->doubtful[past].channel_id == in->doubtful[first].channel_id &&
			   in->doubtful[past].starts_us == in->doubtful[first].starts_us)
			past++;
		if (past - first == 2)
		{
			in->doubtful[first + 1].starts_us += in->doubtful[first + 1].apart * USECS_PER_SEC;
			in->doubtful[first].apart = in->doubtful[first + 1].apart = 0;
			in->doubtful[first].by_end = in->doubtful[first + 1].by_end = false;
			readings[kept++] = in->doubtful[first];
			readings[kept++] = in->doubtful[first + 1];
		}
		else
			for (int i = first; i < past; i++)
			{
				/* as it was said */
				if (in->doubtful[i].by_end)
					in->doubtful[i].starts_us += in->sources[in->doubtful[i].source].step_us;
				reject_reading(in, &in->doubtful[i], "CLOCK", in->doubtful[i].by_end ? "ends_at" : "starts_at",
							   "is shown twice by the clocks of %s, has no offset, and came %s", in->zone_name, past - first == 1 ? "once" : "more than twice");
			}
		first = past;
	}
	in->doubtful_count = 0;
	return kept;
}

/* Store what has been gathered; at the end of the statement also what waited for its like. */
static void
flush(Intake *in, Relation relation, bool at_end)
{
	MemoryContext caller = MemoryContextSwitchTo(in->context);
	OwnerScope	scope;
	int			kept = 0;
	int			unique = 0;

	in->is_storing = true;
	owner_enter(relation, &scope);
	MemoryContextSwitchTo(in->context);
	resolve_sources(in);
	for (int i = 0; i < in->count; i++)
	{
		Reading    *reading = &in->readings[i];

		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!is_acceptable(in, reading))
			continue;
		if (reading->apart == 0)
			in->readings[kept++] = *reading;
		else
		{
			if (in->doubtful_count == in->doubtful_space)
			{
				in->doubtful_space = Max(64, in->doubtful_space * 2);
				in->doubtful = in->doubtful == NULL ? MemoryContextAllocHuge(in->context, in->doubtful_space * sizeof(Reading))
					: repalloc_huge(in->doubtful, in->doubtful_space * sizeof(Reading));
			}
			in->doubtful[in->doubtful_count++] = *reading;
		}
	}
	if (at_end && in->doubtful_count > 0)
	{
		make_room(in, kept + in->doubtful_count);
		kept += settle_doubtful(in, in->readings + kept);
	}
	sort_readings(in->readings, kept);
	/* of two rows for one step the later holds */
	for (int i = 0; i < kept; i++)
	{
		Reading    *reading = &in->readings[i];
		Reading    *later = i + 1 < kept ? &in->readings[i + 1] : NULL;

		if (later == NULL || later->channel_id != reading->channel_id || later->starts_us != reading->starts_us)
			in->readings[unique++] = *reading;
		else if (later->value == reading->value && later->quality == reading->quality)
			in->unchanged++;
		else
			reject_reading(in, reading, "TWICE", "starts_at", "is in row " INT64_FORMAT " again, with another value: that one holds", later->line);
	}
	if (unique > 0)
	{
		/* SPI's own memory goes with owner_leave() */
		MemoryContextSwitchTo(in->row_context);
		store_readings(in, in->readings, unique);
		mark_days(in, in->readings, unique);
		MemoryContextReset(in->row_context);
	}
	write_rejections(in);
	owner_leave(&scope);
	in->count = 0;
	/* at the end it stays so until it is gone */
	in->is_storing = at_end;
	MemoryContextSwitchTo(caller);
}

/* ---------- the triggers ---------- */

static void
check_called(FunctionCallInfo fcinfo, const char *name, bool for_row)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_INSERT(data->tg_event) ||
		(for_row ? !TRIGGER_FIRED_BEFORE(data->tg_event) || !TRIGGER_FIRED_FOR_ROW(data->tg_event)
		 : !TRIGGER_FIRED_AFTER(data->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(data->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("%s() must be fired %s INSERT FOR EACH %s", name, for_row ? "BEFORE" : "AFTER", for_row ? "ROW" : "STATEMENT"),
				 errhint("The trigger belongs to meter_reading_intake of an exchange.")));
}

PG_FUNCTION_INFO_V1(flex_take_reading);
Datum
flex_take_reading(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	MemoryContext caller;
	Intake	   *in;

	check_called(fcinfo, "take_reading", true);
	in = intake_of(data->tg_relation);
	if (in == NULL)
		in = begin_intake(data->tg_relation);
	in->lines++;
	make_room(in, in->count + 1);
	caller = MemoryContextSwitchTo(in->row_context);
	if (read_row(in, data->tg_trigtuple, RelationGetDescr(data->tg_relation), &in->readings[in->count]))
		in->count++;
	MemoryContextSwitchTo(caller);
	if (in->row_context->mem_allocated > 64 * 1024)
		MemoryContextReset(in->row_context);
	if (in->count == CHUNK)
		flush(in, data->tg_relation, false);
	return PointerGetDatum(NULL);
}

PG_FUNCTION_INFO_V1(flex_take_readings);
Datum
flex_take_readings(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	Intake	   *in;
	OwnerScope	scope;
	Oid			types[7] = {INT8OID, TIMESTAMPTZOID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID};
	Datum		args[7];
	char		nulls[8] = "       ";

	check_called(fcinfo, "take_readings", false);
	in = intake_of(data->tg_relation);
	/* a statement without rows */
	if (in == NULL)
		return PointerGetDatum(NULL);
	flush(in, data->tg_relation, true);
	args[0] = Int64GetDatum(in->sender_id);
	if (!in->has_sender || !in->one_sender)
		nulls[0] = 'n';
	args[1] = TimestampTzGetDatum(in->now_us);
	args[2] = Int64GetDatum(in->lines);
	args[3] = Int64GetDatum(in->stored);
	args[4] = Int64GetDatum(in->corrected);
	args[5] = Int64GetDatum(in->unchanged);
	args[6] = Int64GetDatum(in->rejected);
	owner_enter(data->tg_relation, &scope);
	if (SPI_execute_with_args(psprintf("INSERT INTO %1$s.meter_reading_batch (sender_id, received_at, rows_read, stored, corrected, unchanged, rejected) "
									   "VALUES ((SELECT p.id FROM %1$s.participant p WHERE p.id OPERATOR(pg_catalog.=) $1), $2, $3, $4, $5, $6, $7)", in->schema),
							  7, types, args, nulls, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write meter_reading_batch: %s", SPI_result_code_string(SPI_result));
	owner_leave(&scope);
	if (in->rejected > 0)
		ereport(NOTICE,
				(errmsg(INT64_FORMAT " of " INT64_FORMAT " readings were rejected", in->rejected, in->lines),
				 errhint("Table meter_reading_rejection says why.")));
	MemoryContextDelete(in->context);
	return PointerGetDatum(NULL);
}
