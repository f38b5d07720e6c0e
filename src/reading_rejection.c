/*
 * reading_rejection.c
 *		Readings that are not taken, and why: the rows of meter_reading_rejection.
 *
 * They are written by the thousand.  Each keeps the row that was sent, so that it can be sent again: as it came when it could
 * not be read, in words that mean the same when it had been read and only its texts were gone.
 */
#include "postgres.h"
#include "compat.h"

#include "access/table.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "owner.h"
#include "reading.h"

#define SHOWN			64		/* characters of the value that is wrong */

/* within owner_enter() */
void
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
void
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
void
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
