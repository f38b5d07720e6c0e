/*
 * canonical.c
 *		Canonical JSON of a row: one text for one content, whoever asks.
 *
 * What is hashed must not depend on settings of the session, on the order in which columns
 * were added or on how a value happens to be stored.  So:
 *
 *	- an object with a member for each column, in the byte order of the names, without blanks;
 *	- a column that is NULL has no member, so that a column that is added later changes nothing,
 *	  nor has one of type tsvector, which follows from others;
 *	- integers, numeric and floating-point values as numbers, with the digits that PostgreSQL
 *	  keeps (600.000 stays 600.000); what is not a number (NaN, infinities) as a string;
 *	- dates and times in ISO 8601, timestamptz in UTC with offset +00:00, intervals in ISO 8601,
 *	  time_window as start/end;
 *	- bytea in lower-case hexadecimal, boolean as true and false, jsonb as it prints, arrays as
 *	  arrays of elements with NULL as null, and everything else as the string that its type prints;
 *	- strings escaped as JSON demands and no further.
 *
 * It is meant to be read by people and hashed as bytes.  It is not RFC 8785, which would force
 * every number through binary floating point, and money with it.
 */
#include "postgres.h"
#include "compat.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "common/shortest_dec.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "canonical.h"
#include "instance.h"
#include "time_window.h"

typedef enum ValueKind
{
	VALUE_TEXT,
	VALUE_NUMBER,
	VALUE_FLOAT4,
	VALUE_FLOAT8,
	VALUE_BOOLEAN,
	VALUE_DATETIME,
	VALUE_INTERVAL,
	VALUE_WINDOW,
	VALUE_BYTES,
	VALUE_JSON,
	VALUE_ARRAY
} ValueKind;

typedef struct ValueType
{
	ValueKind	kind;
	Oid			type;			/* below any domain */
	FmgrInfo	output;
	/* of an array, its elements */
	struct ValueType *element;
	int16		length;
	bool		by_value;
	char		align;
} ValueType;

typedef struct Column
{
	const char *name;
	char	   *key;			/* the name as JSON, with its colon */
	int			index;			/* in the row, from 0 */
	ValueType	value;
} Column;

struct CanonicalRow
{
	int			ncolumns;
	Column		columns[FLEXIBLE_ARRAY_MEMBER];
};

static void
describe_type(Oid declared, ValueType *value)
{
	Oid			function;
	bool		varlena;
	Oid			element;

	value->type = getBaseType(declared);
	value->element = NULL;
	switch (value->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case NUMERICOID:
			value->kind = VALUE_NUMBER;
			break;
		case FLOAT4OID:
			value->kind = VALUE_FLOAT4;
			break;
		case FLOAT8OID:
			value->kind = VALUE_FLOAT8;
			break;
		case BOOLOID:
			value->kind = VALUE_BOOLEAN;
			break;
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			value->kind = VALUE_DATETIME;
			break;
		case INTERVALOID:
			value->kind = VALUE_INTERVAL;
			break;
		case BYTEAOID:
			value->kind = VALUE_BYTES;
			break;
		case JSONOID:
		case JSONBOID:
			value->kind = VALUE_JSON;
			break;
		default:
			element = get_element_type(value->type);
			/* a look-up by name, spared to types of the core */
			if (value->type >= FirstNormalObjectId && value->type == time_window_type())
				value->kind = VALUE_WINDOW;
			else if (OidIsValid(element))
			{
				value->kind = VALUE_ARRAY;
				value->element = palloc(sizeof(ValueType));
				describe_type(element, value->element);
				get_typlenbyvalalign(element, &value->length, &value->by_value, &value->align);
			}
			else
				value->kind = VALUE_TEXT;
			break;
	}
	getTypeOutputInfo(value->type, &function, &varlena);
	fmgr_info(function, &value->output);
}

static int
compare_columns(const void *a, const void *b)
{
	return strcmp(((const Column *) a)->name, ((const Column *) b)->name);
}

/* The columns of a row in canonical order, in the current memory context. */
CanonicalRow *
canonical_prepare(TupleDesc desc)
{
	CanonicalRow *row = palloc(offsetof(CanonicalRow, columns) + desc->natts * sizeof(Column));

	row->ncolumns = 0;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);
		Column	   *column = &row->columns[row->ncolumns];
		StringInfoData key;

		/* words to search by follow from the other columns */
		if (attribute->attisdropped || attribute->atttypid == TSVECTOROID)
			continue;
		initStringInfo(&key);
		escape_json(&key, NameStr(attribute->attname));
		appendStringInfoChar(&key, ':');
		column->name = pstrdup(NameStr(attribute->attname));
		column->key = key.data;
		column->index = i;
		describe_type(attribute->atttypid, &column->value);
		row->ncolumns++;
	}
	qsort(row->columns, row->ncolumns, sizeof(Column), compare_columns);
	return row;
}

static void
append_interval(StringInfo out, const Interval *span)
{
	char		text[MAXDATELEN + 1];
	struct pg_itm parts;

#if PG_VERSION_NUM >= 170000
	if (INTERVAL_NOT_FINITE(span))
	{
		appendStringInfoString(out, INTERVAL_IS_NOBEGIN(span) ? "\"-infinity\"" : "\"infinity\"");
		return;
	}
#endif
	interval2itm(*span, &parts);
	EncodeInterval(&parts, INTSTYLE_ISO_8601, text);
	appendStringInfo(out, "\"%s\"", text);
}

static void
append_number(StringInfo out, const char *text)
{
	/* NaN, Infinity, -Infinity */
	bool		finite = text[0] != 'N' && text[0] != 'I' && text[1] != 'I';

	if (finite)
		appendStringInfoString(out, text);
	else
		appendStringInfo(out, "\"%s\"", text);
}

static void
append_value(StringInfo out, const ValueType *type, Datum value)
{
	char		buffer[MAXDATELEN + 1];
	char	   *text;

	switch (type->kind)
	{
		case VALUE_BOOLEAN:
			appendStringInfoString(out, DatumGetBool(value) ? "true" : "false");
			break;
		case VALUE_NUMBER:
			text = OutputFunctionCall((FmgrInfo *) &type->output, value);
			append_number(out, text);
			pfree(text);
			break;
		case VALUE_FLOAT4:
			float_to_shortest_decimal_buf(DatumGetFloat4(value), buffer);
			append_number(out, buffer);
			break;
		case VALUE_FLOAT8:
			double_to_shortest_decimal_buf(DatumGetFloat8(value), buffer);
			append_number(out, buffer);
			break;
		case VALUE_DATETIME:
			{
				int			utc = 0;

				JsonEncodeDateTime(buffer, value, type->type, type->type == TIMESTAMPTZOID ? &utc : NULL);
				appendStringInfo(out, "\"%s\"", buffer);
				break;
			}
		case VALUE_WINDOW:
			{
				const TimeWindow *window = (const TimeWindow *) DatumGetPointer(value);
				int			utc = 0;

				JsonEncodeDateTime(buffer, TimestampTzGetDatum(window->start_us), TIMESTAMPTZOID, &utc);
				appendStringInfo(out, "\"%s/", buffer);
				JsonEncodeDateTime(buffer, TimestampTzGetDatum(window->end_us), TIMESTAMPTZOID, &utc);
				appendStringInfo(out, "%s\"", buffer);
				break;
			}
		case VALUE_INTERVAL:
			append_interval(out, DatumGetIntervalP(value));
			break;
		case VALUE_BYTES:
			{
				bytea	   *bytes = DatumGetByteaPP(value);
				int			length = VARSIZE_ANY_EXHDR(bytes);

				appendStringInfoChar(out, '"');
				enlargeStringInfo(out, 2 * length + 2);
				out->len += hex_encode(VARDATA_ANY(bytes), length, out->data + out->len);
				out->data[out->len] = '\0';
				appendStringInfoChar(out, '"');
				break;
			}
		case VALUE_JSON:
			text = OutputFunctionCall((FmgrInfo *) &type->output, value);
			appendStringInfoString(out, text);
			pfree(text);
			break;
		case VALUE_ARRAY:
			{
				Datum	   *elements;
				bool	   *isnull;
				int			count;

				deconstruct_array(DatumGetArrayTypeP(value), type->element->type, type->length, type->by_value, type->align,
								  &elements, &isnull, &count);
				appendStringInfoChar(out, '[');
				for (int i = 0; i < count; i++)
				{
					if (i > 0)
						appendStringInfoChar(out, ',');
					if (isnull[i])
						appendStringInfoString(out, "null");
					else
						append_value(out, type->element, elements[i]);
				}
				appendStringInfoChar(out, ']');
				break;
			}
		case VALUE_TEXT:
			text = OutputFunctionCall((FmgrInfo *) &type->output, value);
			escape_json(out, text);
			pfree(text);
			break;
	}
}

/* Appends the row; leave_out, where given, says which columns are none of the text's business. */
void
canonical_append(StringInfo out, const CanonicalRow *row, const Datum *values, const bool *isnull,
				 const bool *leave_out, CanonicalNull nulls)
{
	char		separator = '{';

	for (int i = 0; i < row->ncolumns; i++)
	{
		const Column *column = &row->columns[i];

		if (leave_out != NULL && leave_out[column->index])
			continue;
		if (isnull[column->index] && nulls == CANONICAL_OMIT_NULL)
			continue;
		appendStringInfoChar(out, separator);
		separator = ',';
		appendStringInfoString(out, column->key);
		if (isnull[column->index])
			appendStringInfoString(out, "null");
		else
			append_value(out, &column->value, values[column->index]);
	}
	if (separator == '{')
		appendStringInfoChar(out, '{');
	appendStringInfoChar(out, '}');
}

/*
 * canonical_json(record): the canonical JSON of a row.
 */
typedef struct KeptRow
{
	Oid			type;
	int32		typmod;
	TupleDesc	desc;
	CanonicalRow *row;
} KeptRow;

PG_FUNCTION_INFO_V1(flex_canonical_json);
Datum
flex_canonical_json(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	KeptRow    *kept = fcinfo->flinfo->fn_extra;
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *isnull;
	StringInfoData out;

	if (kept == NULL || kept->type != type || kept->typmod != typmod)
	{
		TupleDesc	desc = lookup_rowtype_tupdesc(type, typmod);
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		kept = palloc(sizeof(KeptRow));
		kept->type = type;
		kept->typmod = typmod;
		kept->desc = CreateTupleDescCopy(desc);
		kept->row = canonical_prepare(desc);
		fcinfo->flinfo->fn_extra = kept;
		MemoryContextSwitchTo(caller);
		ReleaseTupleDesc(desc);
	}
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	values = palloc(kept->desc->natts * sizeof(Datum));
	isnull = palloc(kept->desc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, kept->desc, values, isnull);
	initStringInfo(&out);
	canonical_append(&out, kept->row, values, isnull, NULL, CANONICAL_OMIT_NULL);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
