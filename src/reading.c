/*
 * reading.c
 *		Readings of meters, from COPY into meter_reading_intake to the partitions of meter_reading.
 *
 * Trigger take_reading() fires BEFORE INSERT on each row and returns none, so that nothing is kept in the intake: it
 * reads the texts of the row (reading_text.c) into 48 bytes of memory.  Every million rows, and at the end of the
 * statement (take_readings(), AFTER STATEMENT), what has been gathered is stored:
 *
 *		name the channels -> judge each row by its channel -> sort -> drop what is said twice -> COPY
 *
 * All names that are new are resolved by one statement of the module (resolve_channels), which says of each what channel
 * it is and when its sender may speak for it.  What is left is written through PostgreSQL's own COPY, in binary, in the
 * order of the key: it finds the partition of each row, writes many to a page at once, and meets the index from left to right.
 *
 * Most batches say nothing that is known.  So they are written as if they did, in a subtransaction; when a unique index
 * finds otherwise, which in sorted rows it does early, that is undone and store_readings() compares row by row.
 * Senders have channels of their own, and a lock each: no two sessions write the same channel at once.
 *
 * The rows and everything about them live in one context below that of the (sub)transaction, and go with it.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/copy.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parse_relation.h"
#include "port/pg_bswap.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "owner.h"
#include "reading_text.h"

#define CHUNK			1000000 /* rows that are gathered before they are stored */
#define REJECTIONS		1000	/* and of those that are not, to a statement */
#define SHOWN			64		/* characters of a value in a rejection, */
#define KEPT			255		/* and of each value of its row */
#define CLOCK_SKEW		(5 * 60 * USECS_PER_SEC)	/* how far ahead a sender's clock may be */

/* columns of meter_reading_intake */
typedef enum IntakeColumn
{
	INTAKE_SENDER_ID, INTAKE_SCHEME, INTAKE_UNIT, INTAKE_FLOW, INTAKE_STARTS_AT, INTAKE_ENDS_AT, INTAKE_LENGTH,
	INTAKE_KWH, INTAKE_KW, INTAKE_QUALITY, INTAKE_COLUMNS
} IntakeColumn;

static const char *const intake_columns[INTAKE_COLUMNS] = {
	"sender_id", "scheme", "unit", "flow", "starts_at", "ends_at", "length", "kwh", "kw", "quality"
};

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

typedef struct SourceEntry
{
	const char *name;			/* hash key: all that is said, in one string */
	uint32		place;
	uint32		hash;
	char		status;
} SourceEntry;

#define SH_PREFIX		source_table
#define SH_ELEMENT_TYPE	SourceEntry
#define SH_KEY_TYPE		const char *
#define SH_KEY			name
#define SH_HASH_KEY(tb, key)	hash_bytes((const unsigned char *) (key), (int) strlen(key))
#define SH_EQUAL(tb, a, b)		(strcmp((a), (b)) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a)		((a)->hash)
#define SH_SCOPE		static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

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
	source_table_hash *sources_by_name;
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

static Field
field_of(Datum value, bool isnull)
{
	Field		field = {NULL, 0};

	if (!isnull)
	{
		text	   *packed = DatumGetTextPP(value);

		field.text = VARDATA_ANY(packed);
		field.length = VARSIZE_ANY_EXHDR(packed);
		while (field.length > 0 && strchr(" \t\r\n", field.text[0]) != NULL)
		{
			field.text++;
			field.length--;
		}
		while (field.length > 0 && strchr(" \t\r\n", field.text[field.length - 1]) != NULL)
			field.length--;
		if (field.length == 0)
			field.text = NULL;
	}
	return field;
}

static bool
field_is(Field field, const char *word)
{
	return field.text != NULL && field.length == strlen(word) && memcmp(field.text, word, field.length) == 0;
}

/* ---------- starting, and what is rejected ---------- */

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
	in->sources_by_name = source_table_create(context, 1024, NULL);
	in->source_space = 1024;
	in->sources = MemoryContextAllocHuge(context, in->source_space * sizeof(Source));
	initStringInfo(&in->last_name);
	initStringInfo(&in->name);
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

static ArrayType *
array_of(Datum *values, bool *isnull, int count, Oid type)
{
	int			lower = 1;
	int16		length;
	bool		byval;
	char		align;

	get_typlenbyvalalign(type, &length, &byval, &align);
	return construct_md_array(values, isnull, 1, &count, &lower, type, length, byval, align);
}

/* within owner_enter() */
static void
write_rejections(Intake *in)
{
	Rejections *r = &in->rejections;
	Oid			types[8] = {INT8ARRAYOID, INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZOID};
	Datum		args[8];

	if (r->count == 0)
		return;
	args[0] = PointerGetDatum(array_of(r->senders, r->no_sender, r->count, INT8OID));
	args[1] = PointerGetDatum(array_of(r->lines, NULL, r->count, INT8OID));
	args[2] = PointerGetDatum(array_of(r->rules, NULL, r->count, TEXTOID));
	args[3] = PointerGetDatum(array_of(r->columns, NULL, r->count, TEXTOID));
	args[4] = PointerGetDatum(array_of(r->values, r->no_value, r->count, TEXTOID));
	args[5] = PointerGetDatum(array_of(r->reasons, NULL, r->count, TEXTOID));
	args[6] = PointerGetDatum(array_of(r->contents, NULL, r->count, TEXTOID));
	args[7] = TimestampTzGetDatum(in->now_us);
	if (SPI_execute_with_args(psprintf("INSERT INTO %s.meter_reading_rejection (sender_id, received_at, line, rule, column_name, value, reason, content) "
									   "SELECT r.sender_id, $8, r.line, r.rule, r.column_name, r.value, r.reason, r.content::pg_catalog.jsonb "
									   "FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
									   "pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7)) "
									   "AS r (sender_id, line, rule, column_name, value, reason, content)", in->schema),
							  8, types, args, NULL, false, 0) != SPI_OK_INSERT)
		elog(ERROR, "could not write rejected readings: %s", SPI_result_code_string(SPI_result));
	r->count = 0;
	MemoryContextReset(r->context);
}

static void
append_member(StringInfo content, const char *name, Field field, int longest)
{
	if (field.text == NULL)
		return;
	appendStringInfo(content, "%s\"%s\":", content->len > 1 ? "," : "", name);
	escape_json(content, pnstrdup(field.text, pg_mbcliplen(field.text, field.length, longest)));
}

/* content is the JSON object of the row */
static void
reject(Intake *in, bool has_sender, int64 sender_id, int64 line, const char *rule, const char *column, Field value, const char *reason, const char *content)
{
	Rejections *r = &in->rejections;
	MemoryContext caller;

	if (r->count == REJECTIONS)
	{
		/* the intake is open: a trigger on it fires */
		Relation	relation = table_open(in->relation, NoLock);
		OwnerScope	scope;

		owner_enter(relation, &scope);
		write_rejections(in);
		owner_leave(&scope);
		table_close(relation, NoLock);
	}
	caller = MemoryContextSwitchTo(r->context);
	r->senders[r->count] = Int64GetDatum(sender_id);
	r->no_sender[r->count] = !has_sender;
	r->lines[r->count] = Int64GetDatum(line);
	r->rules[r->count] = CStringGetTextDatum(rule);
	r->columns[r->count] = CStringGetTextDatum(column);
	r->no_value[r->count] = value.text == NULL;
	if (value.text != NULL)
		r->values[r->count] = PointerGetDatum(cstring_to_text_with_len(value.text, pg_mbcliplen(value.text, value.length, SHOWN)));
	r->reasons[r->count] = CStringGetTextDatum(reason);
	r->contents[r->count] = CStringGetTextDatum(content);
	r->count++;
	in->rejected++;
	MemoryContextSwitchTo(caller);
}

/* A row as it came. */
static void
reject_row(Intake *in, bool has_sender, int64 sender_id, const Field *fields, const char *rule, IntakeColumn column, const char *reason)
{
	StringInfoData content;

	initStringInfo(&content);
	appendStringInfoChar(&content, '{');
	for (int i = INTAKE_SCHEME; i < INTAKE_COLUMNS; i++)
		append_member(&content, intake_columns[i], fields[i], KEPT);
	appendStringInfoChar(&content, '}');
	reject(in, has_sender, sender_id, in->lines, rule, intake_columns[column], fields[column], reason, content.data);
}

/* A row that was read already, in words that mean the same. */
static void pg_attribute_printf(5, 6)
reject_reading(Intake *in, const Reading *reading, const char *rule, const char *column, const char *reason, ...)
{
	MemoryContext caller = MemoryContextSwitchTo(in->row_context);
	char		said[256];
	va_list		args;
	const Source *source = &in->sources[reading->source];
	StringInfoData content;
	char		instant[MAXDATELEN + 1];
	char		value[32];
	Field		shown = {NULL, 0};
	struct pg_tm tm;
	fsec_t		fsec;
	int64		whole = reading->value / 10000;
	int64		part = Abs(reading->value % 10000);

	va_start(args, reason);
	vsnprintf(said, sizeof(said), reason, args);
	va_end(args);
	if (timestamp2tm(reading->starts_us, NULL, &tm, &fsec, NULL, NULL) != 0)
		elog(ERROR, "a reading out of range");
	/* a local time that nobody can place is written as it came: without an offset */
	if (reading->apart != 0)
	{
		pg_time_t	at = (reading->starts_us / USECS_PER_SEC) + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
		struct pg_tm *local = pg_localtime(&at, in->zone.zone);

		snprintf(instant, sizeof(instant), "%04d-%02d-%02dT%02d:%02d:%02d", local->tm_year + 1900, local->tm_mon + 1, local->tm_mday,
				 local->tm_hour, local->tm_min, local->tm_sec);
	}
	else
		snprintf(instant, sizeof(instant), "%04d-%02d-%02dT%02d:%02d:%02d%s%.*dZ", tm.tm_year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
				 fsec != 0 ? "." : "", fsec != 0 ? 6 : 0, (int) fsec);
	snprintf(value, sizeof(value), "%s" INT64_FORMAT ".%04d", reading->value < 0 && whole == 0 ? "-" : "", whole, (int) part);
	initStringInfo(&content);
	appendStringInfoChar(&content, '{');
	append_member(&content, "scheme", (Field) {source->scheme, strlen(source->scheme)}, KEPT);
	append_member(&content, "unit", (Field) {source->unit, strlen(source->unit)}, KEPT);
	append_member(&content, "flow", (Field) {source->flow, strlen(source->flow)}, KEPT);
	append_member(&content, reading->by_end ? "ends_at" : "starts_at", (Field) {instant, strlen(instant)}, KEPT);
	if (source->seconds > 0)
	{
		char	   *length = psprintf("PT%dS", source->seconds);

		append_member(&content, "length", (Field) {length, strlen(length)}, KEPT);
	}
	append_member(&content, source->is_power ? "kw" : "kwh", (Field) {value, strlen(value)}, KEPT);
	append_member(&content, "quality", (Field) {&reading->quality, 1}, KEPT);
	appendStringInfoChar(&content, '}');
	if (strcmp(column, "unit") == 0)
		shown = (Field) {source->unit, strlen(source->unit)};
	else if (strcmp(column, "scheme") == 0)
		shown = (Field) {source->scheme, strlen(source->scheme)};
	else if (strcmp(column, "length") != 0)
		shown = (Field) {instant, strlen(instant)};
	else if (source->seconds > 0)
	{
		char	   *length = psprintf("PT%dS", source->seconds);

		shown = (Field) {length, strlen(length)};
	}
	reject(in, true, source->sender_id, reading->line, rule, column, shown, said, content.data);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(in->row_context);
}

/* ---------- a row ---------- */

static inline void
append_number(StringInfo name, int64 value)
{
	char		number[MAXINT8LEN + 1];

	appendBinaryStringInfo(name, number, pg_lltoa(value, number));
	appendStringInfoCharMacro(name, ':');
}

static uint32
source_of(Intake *in, int64 sender_id, Field scheme, Field unit, Field flow, bool is_power, int32 seconds)
{
	StringInfo	name = &in->name;
	SourceEntry *entry;
	Source	   *source;
	bool		found;

	resetStringInfo(name);
	/* what anybody may write comes last, and where the first part of it ends is said before */
	append_number(name, sender_id);
	append_number(name, seconds);
	append_number(name, unit.length);
	appendStringInfoCharMacro(name, is_power ? 'p' : 'e');
	appendStringInfoCharMacro(name, flow.text[0]);
	appendBinaryStringInfo(name, unit.text, unit.length);
	appendBinaryStringInfo(name, scheme.text, scheme.length);
	/* files that have one meter after the other */
	if (in->source_count > 0 && name->len == in->last_name.len && memcmp(name->data, in->last_name.data, name->len) == 0)
		return in->last_source;
	entry = source_table_insert(in->sources_by_name, name->data, &found);
	if (!found)
	{
		MemoryContext caller = MemoryContextSwitchTo(in->context);

		entry->name = pnstrdup(name->data, name->len);
		entry->place = in->source_count;
		if (in->source_count == in->source_space)
		{
			in->source_space *= 2;
			in->sources = repalloc_huge(in->sources, in->source_space * sizeof(Source));
		}
		source = &in->sources[in->source_count++];
		memset(source, 0, sizeof(Source));
		source->sender_id = sender_id;
		source->scheme = pnstrdup(scheme.text, scheme.length);
		source->unit = pnstrdup(unit.text, unit.length);
		source->flow = pnstrdup(flow.text, flow.length);
		source->is_power = is_power;
		source->seconds = seconds;
		MemoryContextSwitchTo(caller);
	}
	in->last_source = entry->place;
	resetStringInfo(&in->last_name);
	appendBinaryStringInfo(&in->last_name, name->data, name->len);
	return entry->place;
}

static const char *
instant_problem(Intake *in, InstantForm form)
{
	return form == INSTANT_SKIPPED ? psprintf("is skipped by the clocks of %s", in->zone_name) : "is not a time such as 2026-11-20T17:30Z";
}

/* Read a row into `reading`; false when it was rejected. */
static bool
read_row(Intake *in, HeapTuple tuple, TupleDesc desc, Reading *reading)
{
	Field		fields[INTAKE_COLUMNS];
	Datum		values[MaxHeapAttributeNumber];
	bool		isnull[MaxHeapAttributeNumber];
	bool		has_sender;
	int64		sender_id;
	Instant		start = {INSTANT_BAD};
	Instant		end = {INSTANT_BAD};
	int32		seconds = 0;
	bool		is_power;
	IntakeColumn quantity;
	int64		value = 0;

#define REJECT(rule, column, reason) \
	do { \
		reject_row(in, has_sender, sender_id, fields, rule, column, reason); \
		return false; \
	} while (0)

	heap_deform_tuple(tuple, desc, values, isnull);
	has_sender = !isnull[in->attnums[INTAKE_SENDER_ID] - 1];
	sender_id = has_sender ? DatumGetInt64(values[in->attnums[INTAKE_SENDER_ID] - 1]) : 0;
	fields[INTAKE_SENDER_ID] = (Field) {NULL, 0};
	for (int i = INTAKE_SCHEME; i < INTAKE_COLUMNS; i++)
		fields[i] = field_of(values[in->attnums[i] - 1], isnull[in->attnums[i] - 1]);

	if (in->lines == 1)
	{
		in->sender_id = sender_id;
		in->has_sender = has_sender;
		in->one_sender = true;
	}
	else if (has_sender != in->has_sender || sender_id != in->sender_id)
		in->one_sender = false;

	if (!has_sender)
		REJECT("SENDER", INTAKE_SENDER_ID, "is missing: the session acts for no participant");
	if (fields[INTAKE_SCHEME].text == NULL)
		REJECT("UNIT", INTAKE_SCHEME, "is missing");
	if (fields[INTAKE_UNIT].text == NULL)
		REJECT("UNIT", INTAKE_UNIT, "is missing");
	if (fields[INTAKE_SCHEME].length > KEPT || fields[INTAKE_UNIT].length > KEPT)
		REJECT("UNIT", fields[INTAKE_UNIT].length > KEPT ? INTAKE_UNIT : INTAKE_SCHEME, "has more than 255 bytes");
	if (!field_is(fields[INTAKE_FLOW], "import") && !field_is(fields[INTAKE_FLOW], "export") && !field_is(fields[INTAKE_FLOW], "net"))
		REJECT("FLOW", INTAKE_FLOW, fields[INTAKE_FLOW].text == NULL ? "is missing" : "is not import, export or net");

	is_power = fields[INTAKE_KW].text != NULL;
	quantity = is_power ? INTAKE_KW : INTAKE_KWH;
	if (is_power && fields[INTAKE_KWH].text != NULL)
		REJECT("VALUE", INTAKE_KW, "is given beside kwh: one of them is the reading");
	if (fields[quantity].text == NULL)
		REJECT("VALUE", INTAKE_KWH, "is missing, and so is kw");
	switch (read_quantity(fields[quantity].text, fields[quantity].length, &value))
	{
		case QUANTITY_BAD:
			REJECT("VALUE", quantity, "is not a number");
		case QUANTITY_LARGE:
			REJECT("VALUE", quantity, "is more than 9999999999.9999");
		case QUANTITY_GIVEN:
			break;
	}
	if (value < 0 && !field_is(fields[INTAKE_FLOW], "net"))
		REJECT("VALUE", quantity, "is negative: only a net flow may be");
	if (fields[INTAKE_QUALITY].length != 1 || strchr("AES", fields[INTAKE_QUALITY].text[0]) == NULL)
		REJECT("QUALITY", INTAKE_QUALITY, fields[INTAKE_QUALITY].text == NULL ? "is missing" : "is not A, E or S");

	if (fields[INTAKE_LENGTH].text != NULL && !read_length(fields[INTAKE_LENGTH].text, fields[INTAKE_LENGTH].length, &seconds))
		REJECT("LENGTH", INTAKE_LENGTH, "is not a length such as PT30M");
	if (fields[INTAKE_STARTS_AT].text == NULL && fields[INTAKE_ENDS_AT].text == NULL)
		REJECT("TIME", INTAKE_STARTS_AT, "is missing, and so is ends_at");
	if (fields[INTAKE_STARTS_AT].text != NULL)
	{
		start = read_instant(fields[INTAKE_STARTS_AT].text, fields[INTAKE_STARTS_AT].length, &in->zone);
		if (start.form == INSTANT_BAD || start.form == INSTANT_SKIPPED)
			REJECT(start.form == INSTANT_BAD ? "TIME" : "CLOCK", INTAKE_STARTS_AT, instant_problem(in, start.form));
	}
	if (fields[INTAKE_ENDS_AT].text != NULL)
	{
		end = read_instant(fields[INTAKE_ENDS_AT].text, fields[INTAKE_ENDS_AT].length, &in->zone);
		if (end.form == INSTANT_BAD || end.form == INSTANT_SKIPPED)
			REJECT(end.form == INSTANT_BAD ? "TIME" : "CLOCK", INTAKE_ENDS_AT, instant_problem(in, end.form));
	}
	reading->apart = 0;
	reading->by_end = start.form == INSTANT_BAD;
	if (start.form != INSTANT_BAD && end.form != INSTANT_BAD)
	{
		int64		between;

		/* one end may tell which of two the other is, when the length is known */
		if (seconds > 0 && start.form == INSTANT_TWICE && end.form == INSTANT_GIVEN)
		{
			if (end.us - start.us == (seconds + start.apart) * USECS_PER_SEC)
				start.us += start.apart * USECS_PER_SEC;
			start.form = INSTANT_GIVEN;
		}
		else if (seconds > 0 && end.form == INSTANT_TWICE && start.form == INSTANT_GIVEN)
		{
			if (end.us - start.us == (seconds - end.apart) * USECS_PER_SEC)
				end.us += end.apart * USECS_PER_SEC;
			end.form = INSTANT_GIVEN;
		}
		/* both ends within the hours that come twice: in the same one of them */
		if ((start.form == INSTANT_TWICE) != (end.form == INSTANT_TWICE))
			REJECT("CLOCK", start.form == INSTANT_TWICE ? INTAKE_STARTS_AT : INTAKE_ENDS_AT,
				   psprintf("is shown twice by the clocks of %s, and has no offset", in->zone_name));
		between = end.us - start.us;
		if (between <= 0)
			REJECT("WINDOW", INTAKE_ENDS_AT, "is not later than starts_at");
		if (seconds > 0 ? between != seconds * USECS_PER_SEC : (between > USECS_PER_DAY || between % USECS_PER_SEC != 0))
			REJECT("WINDOW", INTAKE_ENDS_AT, seconds > 0 ? "is not as much later than starts_at as length says" : "is not whole seconds and at most a day later than starts_at");
		seconds = (int32) (between / USECS_PER_SEC);
	}
	if (start.form != INSTANT_BAD)
	{
		reading->starts_us = start.us;
		reading->apart = start.form == INSTANT_TWICE ? start.apart : 0;
	}
	else
	{
		reading->starts_us = end.us;
		reading->apart = end.form == INSTANT_TWICE ? end.apart : 0;
	}
	reading->value = value;
	reading->line = in->lines;
	reading->quality = fields[INTAKE_QUALITY].text[0];
	reading->channel_id = 0;
	reading->source = source_of(in, sender_id, fields[INTAKE_SCHEME], fields[INTAKE_UNIT], fields[INTAKE_FLOW], is_power, seconds);
	return true;
#undef REJECT
}

/* ---------- storing ---------- */

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
static void
store(Intake *in, const Reading *readings, int count)
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
static void
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
		store(in, in->readings, unique);
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
