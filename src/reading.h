/*
 * reading.h
 *		Readings of meters, on their way from COPY to the partitions of meter_reading.
 *
 * reading.c gathers and judges them; reading_row.c reads a row, reading_rejection.c tells why one is not taken, and
 * reading_store.c writes the others.  All of one statement is an Intake.
 */
#ifndef FLEX_READING_H
#define FLEX_READING_H

#include "access/htup.h"
#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/lsyscache.h"

#include "reading_text.h"

#define REJECTIONS		1000	/* rows that are not taken, to a statement that writes them */
#define KEPT			255		/* characters of each value that is kept of them, and bytes that a name may have */

/* columns of meter_reading_intake */
typedef enum IntakeColumn
{
	INTAKE_SENDER_ID, INTAKE_SCHEME, INTAKE_UNIT, INTAKE_FLOW, INTAKE_STARTS_AT, INTAKE_ENDS_AT, INTAKE_LENGTH,
	INTAKE_KWH, INTAKE_KW, INTAKE_QUALITY, INTAKE_COLUMNS
} IntakeColumn;

extern const char *const intake_columns[INTAKE_COLUMNS];

/* A value of a row: text that is not terminated, NULL when there is none or it is blank. */
typedef struct Field
{
	const char *text;
	int			length;
} Field;

/* What a row says that it is of; rows that say the same share one. */
typedef struct Source
{
	int64		sender_id;
	const char *scheme;
	const char *unit;
	const char *flow;
	bool		is_power;
	int32		seconds;		/* length of its steps; 0: not said */
	/* resolved */
	bool		is_resolved;
	int64		channel_id;
	int64		step_us;
	int			spans;			/* in which its sender may speak for it */
	int64	   *from_us;
	int64	   *until_us;
	const char *rule;			/* what is wrong, or NULL */
	const char *column;
	const char *reason;
} Source;

typedef struct Reading
{
	int64		channel_id;		/* once it is resolved */
	int64		starts_us;		/* or ends, while no length is known */
	int64		value;			/* ten-thousandths */
	int64		line;
	uint32		source;
	int32		apart;			/* of a local time that is shown twice, by how many seconds; otherwise 0 */
	char		quality;
	bool		by_end;			/* starts_us is an end */
} Reading;

typedef struct Rejections
{
	int			count;
	Datum		senders[REJECTIONS];
	bool		no_sender[REJECTIONS];
	Datum		lines[REJECTIONS];
	Datum		rules[REJECTIONS];
	Datum		columns[REJECTIONS];
	Datum		values[REJECTIONS];
	bool		no_value[REJECTIONS];
	Datum		reasons[REJECTIONS];
	Datum		contents[REJECTIONS];
	MemoryContext context;		/* of their texts */
} Rejections;

/* One COPY or INSERT. */
typedef struct Intake
{
	struct Intake *next;
	SubTransactionId subtransaction;
	bool		is_storing;		/* what triggers of what is written send meanwhile is an intake of its own */
	MemoryContext context;
	MemoryContext row_context;
	MemoryContextCallback forget;
	Oid			relation;
	char	   *schema;
	AttrNumber	attnums[INTAKE_COLUMNS];
	ZoneMemory	zone;
	char	   *zone_name;
	int64		retired_us;		/* steps before it have no partition any more */
	int64		now_us;
	struct source_table_hash *sources_by_name;
	Source	   *sources;
	uint32		source_count;
	uint32		source_space;
	uint32		last_source;	/* that of the row before, */
	StringInfoData last_name;	/* and its name */
	StringInfoData name;
	Reading    *readings;
	int			count;
	int			space;
	Reading    *doubtful;		/* local times that are shown twice wait for one another */
	int			doubtful_count;
	int			doubtful_space;
	Rejections	rejections;
	int64		sender_id;		/* of the first row, */
	bool		has_sender;		/* if it said one, */
	bool		one_sender;		/* and every other the same */
	int64		lines;
	int64		stored;
	int64		corrected;
	int64		unchanged;
	int64		rejected;
} Intake;

/* reading_row.c */
extern void begin_sources(Intake *in);
extern bool read_row(Intake *in, HeapTuple tuple, TupleDesc desc, Reading *reading);

/* reading_rejection.c */
extern void reject_row(Intake *in, bool has_sender, int64 sender_id, const Field *fields, const char *rule, IntakeColumn column, const char *reason);
extern void reject_reading(Intake *in, const Reading *reading, const char *rule, const char *column, const char *reason, ...) pg_attribute_printf(5, 6);
extern void write_rejections(Intake *in);

/* reading_store.c */
extern void store_readings(Intake *in, const Reading *readings, int count);
extern void mark_days(Intake *in, const Reading *readings, int count);

/* What statements are handed. */
static inline ArrayType *
array_of(Datum *values, bool *isnull, int count, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return construct_md_array(values, isnull, 1, &count, &lower, type, length, byval, align);
}

#endif							/* FLEX_READING_H */
