/*
 * eligibility_text.c
 *		The dimensions of eligibility: their keys, units and limits; numbers and
 *		durations as text; the flat form and the canonical JSON of both types.
 *
 * Canonical JSON has no blanks, names only what is known or required, and puts
 * keys in the order of dimension_order[].  Power and energy are written with no
 * more decimals than they have; durations in hours, minutes and seconds, since
 * a day of 24 hours and a day of the calendar are not the same thing; codes
 * sorted.  What is written reads back as the same bytes.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "common/int.h"
#include "datatype/timestamp.h"

#include "eligibility.h"

#define POWER_MOST		INT64CONST(1000000000000)	/* W: a thousand gigawatts */
#define ENERGY_MOST		INT64CONST(1000000000000000)	/* Wh */
#define DURATION_MOST	(366 * USECS_PER_DAY)

const DimensionInfo dimension_info[N_DIMENSIONS] = {
	[DIM_EXPORT] = {"export_kw", KIND_DECIMAL, " kW", POWER_MOST},
	[DIM_IMPORT] = {"import_kw", KIND_DECIMAL, " kW", POWER_MOST},
	[DIM_UP] = {"up_kw", KIND_DECIMAL, " kW", POWER_MOST},
	[DIM_DOWN] = {"down_kw", KIND_DECIMAL, " kW", POWER_MOST},
	[DIM_ENERGY] = {"energy_kwh", KIND_DECIMAL, " kWh", ENERGY_MOST},
	[DIM_RAMP] = {"ramp_kw_per_minute", KIND_DECIMAL, " kW per minute", POWER_MOST},
	[DIM_VOLTAGE] = {"voltage_kv", KIND_DECIMAL, " kV", 1500000},
	[DIM_MIN_DURATION] = {"min_duration", KIND_DURATION, "", DURATION_MOST},
	[DIM_MAX_DURATION] = {"max_duration", KIND_DURATION, "", DURATION_MOST},
	[DIM_NOTICE] = {"notice", KIND_DURATION, "", DURATION_MOST},
	[DIM_FULL_DELIVERY] = {"full_delivery", KIND_DURATION, "", DURATION_MOST},
	[DIM_RECOVERY] = {"recovery", KIND_DURATION, "", DURATION_MOST},
	[DIM_METERING_GRANULARITY] = {"metering_granularity", KIND_DURATION, "", DURATION_MOST},
	[DIM_OPERATIONAL_GRANULARITY] = {"operational_metering_granularity", KIND_DURATION, "", DURATION_MOST},
	[DIM_MEMBER_COUNT] = {"member_count", KIND_WHOLE, "", 1000000000},
	[DIM_TECHNOLOGY] = {"technology", KIND_CODES, "", 0},
	[DIM_ENERGY_SOURCE] = {"energy_source", KIND_CODES, "", 0},
	[DIM_CONNECTION_TYPE] = {"connection_type", KIND_CODES, "", 0},
	[DIM_CONNECTION_STATUS] = {"connection_status", KIND_CODES, "", 0},
	[DIM_CONSTRAINT_ZONE] = {"constraint_zone", KIND_PLACE, "", 0},
	[DIM_GSP] = {"gsp", KIND_PLACE, "", 0},
	[DIM_GSP_GROUP] = {"gsp_group", KIND_PLACE, "", 0},
	[DIM_NATION] = {"nation", KIND_PLACE, "", 0},
	[DIM_DIRECTIONS] = {"directions", KIND_CHOICES, "", 0},
	[DIM_METERING] = {"metering", KIND_CHOICES, "", 0},
	[DIM_BM_UNIT] = {"bm_unit", KIND_BOOLEAN, "", 0},
	[DIM_BSC_PARTY] = {"bsc_party", KIND_BOOLEAN, "", 0},
};

const Dimension dimension_order[N_DIMENSIONS] = {
	DIM_TECHNOLOGY, DIM_ENERGY_SOURCE, DIM_CONNECTION_TYPE, DIM_CONNECTION_STATUS, DIM_VOLTAGE,
	DIM_DIRECTIONS, DIM_UP, DIM_DOWN, DIM_EXPORT, DIM_IMPORT, DIM_ENERGY, DIM_RAMP,
	DIM_MIN_DURATION, DIM_MAX_DURATION, DIM_NOTICE, DIM_FULL_DELIVERY, DIM_RECOVERY,
	DIM_METERING, DIM_METERING_GRANULARITY, DIM_OPERATIONAL_GRANULARITY,
	DIM_CONSTRAINT_ZONE, DIM_GSP, DIM_GSP_GROUP, DIM_NATION,
	DIM_BM_UNIT, DIM_BSC_PARTY, DIM_MEMBER_COUNT
};

const char *const grouping_name[] = {
	[GROUPING_ANY] = NULL,
	[GROUPING_ZONE] = "constraint_zone",
	[GROUPING_GSP] = "gsp",
	[GROUPING_GSP_GROUP] = "gsp_group",
	[GROUPING_NATION] = "nation",
	[GROUPING_NONE] = "none",
};

StaticAssertDecl(N_DIMENSIONS <= 27, "the index key keeps bits 27 and up for itself");

/* ----------
 * Numbers and durations
 * ----------
 */

/* value/scale, with no more decimals than needed; scale is a power of ten */
static void
append_decimal(StringInfo buf, int64 value, int64 scale)
{
	appendStringInfo(buf, INT64_FORMAT, value / scale);
	if (value % scale == 0)
		return;
	appendStringInfoChar(buf, '.');
	for (int64 rest = value % scale; rest != 0; rest %= scale)
	{
		scale /= 10;
		appendStringInfoChar(buf, '0' + (int) (rest / scale));
	}
}

void
duration_append(StringInfo buf, int64 value)
{
	int64		hours = value / USECS_PER_HOUR;
	int64		minutes = value % USECS_PER_HOUR / USECS_PER_MINUTE;
	int64		rest = value % USECS_PER_MINUTE;

	appendStringInfoString(buf, "PT");
	if (hours != 0)
		appendStringInfo(buf, INT64_FORMAT "H", hours);
	if (minutes != 0)
		appendStringInfo(buf, INT64_FORMAT "M", minutes);
	if (rest != 0 || value == 0)
	{
		append_decimal(buf, rest, USECS_PER_SEC);
		appendStringInfoChar(buf, 'S');
	}
}

/* A number in its unit, which is not written. */
void
dimension_append_number(StringInfo buf, Dimension dimension, int64 value)
{
	switch (dimension_info[dimension].kind)
	{
		case KIND_DECIMAL:
			append_decimal(buf, value, 1000);
			break;
		case KIND_DURATION:
			if (value == ENDLESS)
				appendStringInfoString(buf, "infinity");
			else
				duration_append(buf, value);
			break;
		default:
			appendStringInfo(buf, INT64_FORMAT, value);
	}
}

/*
 * An ISO 8601 duration of a fixed length, in microseconds: P1W, P2D, PT1H30M,
 * PT0.05S.  Years and months have none and are refused.  Each part stands at
 * most once and in order; only seconds may have decimals, at most six.
 */
bool
duration_parse(const char *text, int64 *result)
{
	static const char order[] = "WDHMS";
	static const int64 length[] = {7 * USECS_PER_DAY, USECS_PER_DAY, USECS_PER_HOUR, USECS_PER_MINUTE, USECS_PER_SEC};
	const char *at = text;
	int			last = -1;
	bool		in_time = false;
	bool		part_since_t = true;
	int64		sum = 0;

	if (*at++ != 'P')
		return false;
	while (*at != '\0')
	{
		int64		value = 0;
		int64		part;
		int			decimals = -1;
		int			unit;

		if (*at == 'T' && !in_time)
		{
			in_time = true;
			part_since_t = false;
			at++;
			continue;
		}
		if (!isdigit((unsigned char) *at))
			return false;
		for (; isdigit((unsigned char) *at) || *at == '.'; at++)
		{
			if (*at == '.')
			{
				if (decimals >= 0 || !isdigit((unsigned char) at[1]))
					return false;
				decimals = 0;
				continue;
			}
			if (decimals >= 0 && ++decimals > 6)
				return false;
			if (pg_mul_s64_overflow(value, 10, &value) || pg_add_s64_overflow(value, *at - '0', &value))
				return false;
		}
		unit = *at != '\0' && strchr(order, *at) != NULL ? (int) (strchr(order, *at) - order) : -1;
		if (unit <= last || (unit >= 2) != in_time || (decimals >= 0 && unit != 4))
			return false;
		at++;
		last = unit;
		part_since_t = true;
		part = length[unit];
		for (int i = 0; i < decimals; i++)
			part /= 10;
		if (pg_mul_s64_overflow(value, part, &part) || pg_add_s64_overflow(sum, part, &sum))
			return false;
	}
	*result = sum;
	return last >= 0 && part_since_t;
}

/* ----------
 * Flat form
 * ----------
 */

static void
put_codes(StringInfo buf, uint32 present, const CodeList *codes)
{
	for (uint32 left = present & CODE_BITS; left != 0; left &= left - 1)
	{
		const CodeList *list = &codes[pg_rightmost_one_pos32(left) - FIRST_CODE];

		appendBinaryStringInfo(buf, (const char *) &list->count, sizeof(list->count));
		appendBinaryStringInfo(buf, (const char *) &list->bytes, sizeof(list->bytes));
		appendBinaryStringInfo(buf, list->data, list->bytes);
	}
}

static void
put_uint32(StringInfo buf, uint32 value)
{
	appendBinaryStringInfo(buf, (const char *) &value, sizeof(value));
}

static void
put_requirements(StringInfo buf, const Requirements *part)
{
	put_uint32(buf, part->required);
	put_uint32(buf, part->choices);
	for (uint32 left = part->required & NUMBER_BITS; left != 0; left &= left - 1)
	{
		int			dimension = pg_rightmost_one_pos32(left);

		appendBinaryStringInfo(buf, (const char *) &part->least[dimension], sizeof(int64));
		appendBinaryStringInfo(buf, (const char *) &part->most[dimension], sizeof(int64));
	}
	put_codes(buf, part->required, part->codes);
}

/* An empty buffer with room for the length word. */
static void
flat_begin(StringInfo buf)
{
	initStringInfo(buf);
	put_uint32(buf, 0);
}

static struct varlena *
flat_end(StringInfo buf)
{
	SET_VARSIZE(buf->data, buf->len);
	return (struct varlena *) buf->data;
}

struct varlena *
profile_flatten(const Profile *profile)
{
	StringInfoData buf;

	flat_begin(&buf);
	put_uint32(&buf, profile->known);
	put_uint32(&buf, profile->choices);
	for (uint32 left = profile->known & NUMBER_BITS; left != 0; left &= left - 1)
		appendBinaryStringInfo(&buf, (const char *) &profile->number[pg_rightmost_one_pos32(left)], sizeof(int64));
	put_codes(&buf, profile->known, profile->codes);
	return flat_end(&buf);
}

struct varlena *
spec_flatten(const Spec *spec)
{
	StringInfoData buf;
	uint32		bytes;
	int			start;

	flat_begin(&buf);
	put_uint32(&buf, spec->grouping);
	put_uint32(&buf, 0);
	start = buf.len;
	put_requirements(&buf, &spec->member);
	bytes = buf.len - start;
	memcpy(buf.data + start - sizeof(bytes), &bytes, sizeof(bytes));
	put_requirements(&buf, &spec->unit);
	return flat_end(&buf);
}

/* ----------
 * Canonical JSON
 * ----------
 */

static void
write_string(StringInfo buf, const char *text, int length)
{
	appendStringInfoChar(buf, '"');
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '"' || text[i] == '\\')
			appendStringInfoChar(buf, '\\');
		appendStringInfoChar(buf, text[i]);
	}
	appendStringInfoChar(buf, '"');
}

static void
write_codes(StringInfo buf, const CodeList *list, bool bare)
{
	const char *at = list->data;

	if (!bare)
		appendStringInfoChar(buf, '[');
	for (int i = 0; i < list->count; i++)
	{
		if (i > 0)
			appendStringInfoChar(buf, ',');
		write_string(buf, at + 1, (uint8) *at);
		at += 1 + (uint8) *at;
	}
	if (!bare)
		appendStringInfoChar(buf, ']');
}

static void
write_number(StringInfo buf, Dimension dimension, int64 value)
{
	bool		quoted = dimension_info[dimension].kind == KIND_DURATION;

	if (quoted)
		appendStringInfoChar(buf, '"');
	dimension_append_number(buf, dimension, value);
	if (quoted)
		appendStringInfoChar(buf, '"');
}

static void
write_choices(StringInfo buf, Dimension dimension, uint32 choices)
{
	bool		first_bit = (choices & (dimension == DIM_DIRECTIONS ? CHOICE_UP : CHOICE_BOUNDARY)) != 0;
	bool		second_bit = (choices & (dimension == DIM_DIRECTIONS ? CHOICE_DOWN : CHOICE_ASSET)) != 0;

	appendStringInfoChar(buf, '[');
	if (first_bit)
		appendStringInfoString(buf, dimension == DIM_DIRECTIONS ? "\"up\"" : "\"boundary\"");
	if (first_bit && second_bit)
		appendStringInfoChar(buf, ',');
	if (second_bit)
		appendStringInfoString(buf, dimension == DIM_DIRECTIONS ? "\"down\"" : "\"asset\"");
	appendStringInfoChar(buf, ']');
}

/* ,"key": with no comma after an opening brace */
static void
write_key(StringInfo buf, const char *key)
{
	if (buf->data[buf->len - 1] != '{')
		appendStringInfoChar(buf, ',');
	appendStringInfo(buf, "\"%s\":", key);
}

void
profile_write(StringInfo buf, const Profile *profile)
{
	appendStringInfoChar(buf, '{');
	for (int i = 0; i < N_DIMENSIONS; i++)
	{
		Dimension	d = dimension_order[i];

		if ((profile->known & DIM_BIT(d)) == 0)
			continue;
		write_key(buf, dimension_info[d].name);
		switch (dimension_info[d].kind)
		{
			case KIND_DECIMAL:
			case KIND_WHOLE:
			case KIND_DURATION:
				write_number(buf, d, profile->number[d]);
				break;
			case KIND_CODES:
			case KIND_PLACE:
				write_codes(buf, &profile->codes[d - FIRST_CODE], profile->codes[d - FIRST_CODE].count == 1);
				break;
			case KIND_CHOICES:
				write_choices(buf, d, profile->choices);
				break;
			case KIND_BOOLEAN:
				appendStringInfoString(buf, (profile->choices & dimension_choices(d)) != 0 ? "true" : "false");
				break;
		}
	}
	appendStringInfoChar(buf, '}');
}

static void
write_range(StringInfo buf, const Requirements *part, Dimension d)
{
	appendStringInfoChar(buf, '{');
	if (part->least[d] != NO_LEAST)
	{
		write_key(buf, "min");
		write_number(buf, d, part->least[d]);
	}
	if (part->most[d] != NO_MOST)
	{
		write_key(buf, "max");
		write_number(buf, d, part->most[d]);
	}
	appendStringInfoChar(buf, '}');
}

static void
write_requirements(StringInfo buf, const Requirements *part)
{
	appendStringInfoChar(buf, '{');
	for (int i = 0; i < N_DIMENSIONS; i++)
	{
		Dimension	d = dimension_order[i];

		if ((part->required & DIM_BIT(d)) == 0)
			continue;
		write_key(buf, dimension_info[d].name);
		switch (dimension_info[d].kind)
		{
			case KIND_DECIMAL:
			case KIND_WHOLE:
			case KIND_DURATION:
				write_range(buf, part, d);
				break;
			case KIND_CODES:
			case KIND_PLACE:
				write_codes(buf, &part->codes[d - FIRST_CODE], false);
				break;
			case KIND_CHOICES:
				write_choices(buf, d, part->choices);
				break;
			case KIND_BOOLEAN:
				appendStringInfoString(buf, (part->choices & dimension_choices(d)) != 0 ? "true" : "false");
				break;
		}
	}
	appendStringInfoChar(buf, '}');
}

void
spec_write(StringInfo buf, const Spec *spec)
{
	appendStringInfoChar(buf, '{');
	if (spec->member.required != 0)
	{
		write_key(buf, "member");
		write_requirements(buf, &spec->member);
	}
	if (spec->unit.required != 0)
	{
		write_key(buf, "unit");
		write_requirements(buf, &spec->unit);
	}
	if (spec->grouping != GROUPING_ANY)
	{
		write_key(buf, "grouping");
		appendStringInfo(buf, "\"%s\"", grouping_name[spec->grouping]);
	}
	appendStringInfoChar(buf, '}');
}
