/*
 * reading_store.c
 *		Readings into the partitions of meter_reading, in the order of its key.
 *
 * They are written through PostgreSQL's own COPY, in binary: it finds the partition of each row, writes many to a page at
 * once, and meets the index from left to right.
 *
 * Most batches say nothing that is known.  So they are written as if they did, in a subtransaction; when a unique index
 * finds otherwise, which in sorted rows it does early, that is undone and store_readings() of the module compares row by row.
 * Senders have channels of their own, and a lock each: no two sessions write the same channel at once.
 */
#include "postgres.h"
#include "compat.h"

#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "reading.h"

/* Numbers of PostgreSQL's binary COPY. */
static inline void
put16(char **at, uint16 value)
{
	value = pg_hton16(value);
	memcpy(*at, &value, 2);
	*at += 2;
}

static inline void
put32(char **at, uint32 value)
{
	value = pg_hton32(value);
	memcpy(*at, &value, 4);
	*at += 4;
}

static inline void
put64(char **at, uint64 value)
{
	value = pg_hton64(value);
	memcpy(*at, &value, 8);
	*at += 8;
}

/* What COPY reads from: it takes a function without an argument. */
typedef struct CopySource
{
	const Reading *next;
	const Reading *end;
	bool		with_quality;
	char		row[128];
	int			length;
	int			taken;
	enum
	{
		COPY_HEADER, COPY_ROWS, COPY_TRAILER, COPY_DONE
	}			state;
} CopySource;

static CopySource source;

static void
put_row(const Reading *reading)
{
	char	   *at = source.row;
	uint64		left = reading->value < 0 ? -(uint64) reading->value : (uint64) reading->value;
	uint16		digits[5];
	int			count = 0;
	int			first = 0;

	put16(&at, source.with_quality ? 4 : 3);
	put32(&at, 8);
	put64(&at, reading->channel_id);
	put32(&at, 8);
	put64(&at, reading->starts_us);
	/* a numeric is digits to base 10000, here with one after the point: ten-thousandths as they are */
	for (int i = 4; i >= 0; i--)
	{
		digits[i] = left % 10000;
		left /= 10000;
	}
	while (first < 5 && digits[first] == 0)
		first++;
	count = 5 - first;
	while (count > 0 && digits[first + count - 1] == 0)
		count--;
	put32(&at, 8 + 2 * count);
	put16(&at, count);
	put16(&at, count == 0 ? 0 : (uint16) (3 - first));
	put16(&at, reading->value < 0 ? 0x4000 : 0);
	put16(&at, QUANTITY_DECIMALS);
	for (int i = 0; i < count; i++)
		put16(&at, digits[first + i]);
	if (source.with_quality)
	{
		put32(&at, 1);
		*at++ = reading->quality;
	}
	source.length = at - source.row;
	source.taken = 0;
}

static int
copy_readings(void *buffer, int least, int most)
{
	int			written = 0;

	while (written < most)
	{
		if (source.taken == source.length)
		{
			source.taken = 0;
			if (source.state == COPY_HEADER)
			{
				memcpy(source.row, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
				source.length = 19;
				source.state = COPY_ROWS;
			}
			else if (source.state == COPY_ROWS && source.next < source.end)
				put_row(source.next++);
			else if (source.state == COPY_ROWS)
			{
				memset(source.row, 0xff, 2);
				source.length = 2;
				source.state = COPY_TRAILER;
			}
			else
			{
				source.length = 0;
				break;
			}
		}
		else
		{
			int			part = Min(most - written, source.length - source.taken);

			memcpy((char *) buffer + written, source.row + source.taken, part);
			source.taken += part;
			written += part;
		}
	}
	return written;
}

/*
 * COPY them into meter_reading; what is there already makes that fail.  When they came is now, which is the default of the
 * column, and their quality is mostly the default of its.
 */
static void
copy_into(Oid table, const Reading *readings, int count)
{
	Relation	relation = table_open(table, RowExclusiveLock);
	ParseState *pstate = make_parsestate(NULL);
	List	   *options = list_make1(makeDefElem("format", (Node *) makeString("binary"), -1));
	List	   *columns = list_make3(makeString("channel_id"), makeString("starts_at"), makeString("value"));
	CopyFromState copy;
	CopySource	outer = source;

	source.next = readings;
	source.end = readings + count;
	source.with_quality = false;
	for (int i = 0; i < count && !source.with_quality; i++)
		source.with_quality = readings[i].quality != 'A';
	if (source.with_quality)
		columns = lappend(columns, makeString("quality"));
	source.length = source.taken = 0;
	source.state = COPY_HEADER;
	(void) addRangeTableEntryForRelation(pstate, relation, RowExclusiveLock, NULL, false, false);
	/* a trigger on the way may send readings, too */
	PG_TRY();
	{
		copy = BeginCopyFrom(pstate, relation, NULL, NULL, false, copy_readings, columns, options);
		if (CopyFrom(copy) != count)
			elog(ERROR, "COPY did not take all readings");
		EndCopyFrom(copy);
	}
	PG_FINALLY();
	{
		source = outer;
	}
	PG_END_TRY();
	free_parsestate(pstate);
	table_close(relation, NoLock);
}

/* One by one against what is there. */
static void
compare_and_store(Intake *in, const Reading *readings, int count)
{
	Oid			types[5] = {INT8ARRAYOID, TIMESTAMPTZARRAYOID, NUMERICARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
	Datum		args[5];
	Datum	   *columns[4];
	bool		isnull;

	for (int i = 0; i < 4; i++)
		columns[i] = MemoryContextAllocHuge(CurrentMemoryContext, count * sizeof(Datum));
	for (int i = 0; i < count; i++)
	{
		columns[0][i] = Int64GetDatum(readings[i].channel_id);
		columns[1][i] = TimestampTzGetDatum(readings[i].starts_us);
		columns[2][i] = NumericGetDatum(int64_div_fast_to_numeric(readings[i].value, QUANTITY_DECIMALS));
		columns[3][i] = PointerGetDatum(cstring_to_text_with_len(&readings[i].quality, 1));
	}
	args[0] = PointerGetDatum(array_of(columns[0], NULL, count, INT8OID));
	args[1] = PointerGetDatum(array_of(columns[1], NULL, count, TIMESTAMPTZOID));
	args[2] = PointerGetDatum(array_of(columns[2], NULL, count, NUMERICOID));
	args[3] = PointerGetDatum(array_of(columns[3], NULL, count, TEXTOID));
	args[4] = TimestampTzGetDatum(in->now_us);
	if (SPI_execute_with_args(psprintf("SELECT s.stored, s.corrected, s.unchanged FROM %s.store_readings($1, $2, $3, $4, $5) s", in->schema),
							  5, types, args, NULL, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "could not store readings: %s", SPI_result_code_string(SPI_result));
	in->stored += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	in->corrected += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull));
	in->unchanged += DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3, &isnull));
	SPI_freetuptable(SPI_tuptable);
}

/* As if nothing of it were known, and if something is, by comparing. */
void
store_readings(Intake *in, const Reading *readings, int count)
{
	Oid			table = get_relname_relid("meter_reading", get_rel_namespace(in->relation));
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner resource_owner = CurrentResourceOwner;
	volatile bool known = false;

	if (!OidIsValid(table))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("schema \"%s\" has no table meter_reading", in->schema),
				 errhint("The trigger belongs to meter_reading_intake of an exchange.")));
	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		MemoryContextSwitchTo(in->row_context);
		PushActiveSnapshot(GetTransactionSnapshot());
		copy_into(table, readings, count);
		PopActiveSnapshot();
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = resource_owner;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		/* whatever it is: what follows would take an open subtransaction for one of the session's */
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = resource_owner;
		if (error->sqlerrcode != ERRCODE_UNIQUE_VIOLATION)
			ReThrowError(error);
		FreeErrorData(error);
		known = true;
	}
	PG_END_TRY();
	if (known)
		compare_and_store(in, readings, count);
	else
		in->stored += count;
}

/* The days on which something changed, so that what was added up of them is added up anew. */
void
mark_days(Intake *in, const Reading *readings, int count)
{
	int32	   *days = palloc(64 * sizeof(int32));
	int			known = 0;
	int			space = 64;
	int			at = -1;
	Datum	   *values;
	Oid			type = DATEARRAYOID;
	Datum		arg;

	for (int i = 0; i < count; i++)
	{
		int32		day = local_day(readings[i].starts_us, &in->zone);

		/* from the day of the row before: they are sorted by channel, then by time */
		while (at + 1 < known && days[at + 1] <= day)
			at++;
		while (at >= 0 && days[at] > day)
			at--;
		if (at >= 0 && days[at] == day)
			continue;
		if (known == space)
			days = repalloc(days, (space *= 2) * sizeof(int32));
		memmove(days + at + 2, days + at + 1, (known - at - 1) * sizeof(int32));
		days[++at] = day;
		known++;
	}
	values = palloc(known * sizeof(Datum));
	for (int i = 0; i < known; i++)
		values[i] = Int32GetDatum(days[i]);
	arg = PointerGetDatum(array_of(values, NULL, known, DATEOID));
	if (SPI_execute_with_args(psprintf("INSERT INTO %s.stale_day (fact, day) SELECT 'meter_reading', pg_catalog.unnest($1)", in->schema),
							  1, &type, &arg, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not mark days: %s", SPI_result_code_string(SPI_result));
}
