/*
 * reading_row.c
 *		A row of meter_reading_intake, from texts to 48 bytes.
 *
 * All that can be told without its channel is told here.  Millions of rows say the same few names: what a row says that it is
 * of is kept once, as a Source, and found by a hash of all of it in one string; a row of the same meter as the one before
 * is not even hashed.
 */
#include "postgres.h"
#include "compat.h"

#include "access/htup_details.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "reading.h"

const char *const intake_columns[INTAKE_COLUMNS] = {
	"sender_id", "scheme", "unit", "flow", "starts_at", "ends_at", "length", "kwh", "kw", "quality"
};

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

void
begin_sources(Intake *in)
{
	in->sources_by_name = source_table_create(in->context, 1024, NULL);
	in->source_space = 1024;
	in->sources = MemoryContextAllocHuge(in->context, in->source_space * sizeof(Source));
	initStringInfo(&in->last_name);
	initStringInfo(&in->name);
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
bool
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
