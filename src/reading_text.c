/*
 * reading_text.c
 *		Instants, durations and quantities as files of readings have them: see reading_text.h.
 *
 * An instant is 2026-11-20T17:30, with T or a blank, seconds and a fraction or none, and an offset (Z, +01:00, +0100,
 * +01) or none, which makes it local time of the exchange.  The server's own input is three times as slow, asks the
 * session's settings, and raises errors.
 */
#include "postgres.h"
#include "compat.h"

#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "reading_text.h"

#define US_PER_SECOND	INT64CONST(1000000)
#define US_PER_HOUR		(3600 * US_PER_SECOND)
#define US_PER_DAY		(24 * US_PER_HOUR)
/* pg_time_t counts seconds from 1970 */
#define UNIX_SECONDS(us) \
	((pg_time_t) (floor_div((us), US_PER_SECOND) + (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY))

static int64
floor_div(int64 a, int64 b)
{
	return a / b - (a % b < 0);
}

/* so many digits; false when there are fewer */
static bool
digits(const char **at, const char *end, int count, int *value)
{
	int			result = 0;

	if (end - *at < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		char		c = (*at)[i];

		if (c < '0' || c > '9')
			return false;
		result = result * 10 + (c - '0');
	}
	*at += count;
	*value = result;
	return true;
}

static bool
sign(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	(*at)++;
	return true;
}

void
zone_memory_init(ZoneMemory *memory, pg_tz *zone)
{
	memset(memory, 0, sizeof(ZoneMemory));
	memory->zone = zone;
	memory->day = memory->utc_day = PG_INT64_MIN;
}

/* what the clocks are ahead of UTC at an instant */
static int64
offset_at(int64 us, pg_tz *zone)
{
	pg_time_t	at = UNIX_SECONDS(us);

	return pg_localtime(&at, zone)->tm_gmtoff * US_PER_SECOND;
}

/* The instant at which the clocks show something; they are put forward and back at most once in two days. */
static Instant
instant_of_clock(int64 clock_us, ZoneMemory *memory)
{
	Instant		result = {INSTANT_GIVEN};
	int64		day = floor_div(clock_us, US_PER_DAY);
	int64		before;
	int64		after;
	bool		first;
	bool		second;

	if (day != memory->day)
	{
		memory->day = day;
		memory->offset_us = offset_at((day - 1) * US_PER_DAY, memory->zone);
		memory->is_plain = memory->offset_us == offset_at((day + 2) * US_PER_DAY, memory->zone);
	}
	result.us = clock_us - memory->offset_us;
	if (memory->is_plain)
		return result;
	before = clock_us - memory->offset_us;
	after = clock_us - offset_at((day + 2) * US_PER_DAY, memory->zone);
	first = before + offset_at(before, memory->zone) == clock_us;
	second = after + offset_at(after, memory->zone) == clock_us;
	if (first && second && before != after)
	{
		result.form = INSTANT_TWICE;
		result.us = Min(before, after);
		result.apart = (int32) (Abs(after - before) / US_PER_SECOND);
	}
	else if (first || second)
		result.us = first ? before : after;
	else
		result.form = INSTANT_SKIPPED;
	return result;
}

/* Without memory of a zone a local time is no time. */
Instant
read_instant(const char *text, int length, ZoneMemory *memory)
{
	static const Instant bad = {INSTANT_BAD};
	const char *at = text;
	const char *end = text + length;
	int			year,
				month,
				day,
				hour,
				minute,
				second = 0;
	int64		fraction = 0;
	int64		us;
	Instant		result = {INSTANT_GIVEN};

	if (!digits(&at, end, 4, &year) || !sign(&at, end, '-') || !digits(&at, end, 2, &month) || !sign(&at, end, '-') ||
		!digits(&at, end, 2, &day) || (!sign(&at, end, 'T') && !sign(&at, end, ' ')) ||
		!digits(&at, end, 2, &hour) || !sign(&at, end, ':') || !digits(&at, end, 2, &minute))
		return bad;
	if (sign(&at, end, ':'))
	{
		if (!digits(&at, end, 2, &second))
			return bad;
		if (sign(&at, end, '.'))
		{
			int64		unit = US_PER_SECOND / 10;

			if (at == end || *at < '0' || *at > '9')
				return bad;
			for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10)
				fraction += unit * (*at - '0');
		}
	}
	if (year < 1900 || year > 2200 || month < 1 || month > 12 || day < 1 || day > day_tab[isleap(year)][month - 1] ||
		hour > 23 || minute > 59 || second > 59)
		return bad;
	us = (int64) (date2j(year, month, day) - POSTGRES_EPOCH_JDATE) * US_PER_DAY +
		((hour * 60 + minute) * 60 + second) * US_PER_SECOND + fraction;
	if (at == end)
		return memory != NULL ? instant_of_clock(us, memory) : bad;
	if (!sign(&at, end, 'Z'))
	{
		bool		west = sign(&at, end, '-');
		int			hours,
					minutes = 0;

		if ((!west && !sign(&at, end, '+')) || !digits(&at, end, 2, &hours))
			return bad;
		if (at < end)
		{
			(void) sign(&at, end, ':');
			if (!digits(&at, end, 2, &minutes))
				return bad;
		}
		if (hours > 15 || minutes > 59)
			return bad;
		us += (west ? 1 : -1) * (hours * 60 + minutes) * 60 * US_PER_SECOND;
	}
	if (at != end)
		return bad;
	result.us = us;
	return result;
}

/* the local day on which an instant falls, counted from 2000-01-01 */
int32
local_day(int64 us, ZoneMemory *memory)
{
	int64		day = floor_div(us, US_PER_DAY);

	if (day != memory->utc_day)
	{
		memory->utc_day = day;
		memory->utc_offset_us = offset_at(day * US_PER_DAY, memory->zone);
		memory->utc_is_plain = memory->utc_offset_us == offset_at((day + 1) * US_PER_DAY, memory->zone);
	}
	return (int32) floor_div(us + (memory->utc_is_plain ? memory->utc_offset_us : offset_at(us, memory->zone)), US_PER_DAY);
}

/* PT30M, PT1H, PT1H30M, PT90S: ISO 8601, of hours, minutes and seconds, above zero and at most a day */
bool
read_length(const char *text, int length, int32 *seconds)
{
	const char *at = text;
	const char *end = text + length;
	static const char units[] = "HMS";
	static const int worth[] = {3600, 60, 1};
	int			unit = 0;
	int64		total = 0;

	if (!sign(&at, end, 'P') || !sign(&at, end, 'T') || at == end)
		return false;
	while (at < end)
	{
		int64		count = 0;
		const char *first = at;

		for (; at < end && *at >= '0' && *at <= '9' && at - first < 6; at++)
			count = count * 10 + (*at - '0');
		if (at == first || at == end)
			return false;
		while (unit < 3 && units[unit] != *at)
			unit++;
		if (unit == 3)
			return false;
		total += count * worth[unit++];
		at++;
	}
	if (total < 1 || total > SECS_PER_DAY)
		return false;
	*seconds = (int32) total;
	return true;
}

QuantityForm
read_quantity(const char *text, int length, int64 *quantity)
{
	const char *at = text;
	const char *end = text + length;
	bool		negative = sign(&at, end, '-');
	int64		value = 0;
	int			seen = 0;
	bool		up = false;
	QuantityForm form = QUANTITY_GIVEN;

	if (!negative)
		(void) sign(&at, end, '+');
	for (; at < end && *at >= '0' && *at <= '9'; at++, seen++)
	{
		value = value * 10 + (*at - '0');
		if (value > QUANTITY_LIMIT)
		{
			value = QUANTITY_LIMIT;
			form = QUANTITY_LARGE;
		}
	}
	for (int i = 0; i < QUANTITY_DECIMALS; i++)
		value = Min(value * 10, QUANTITY_LIMIT * 10);
	if (sign(&at, end, '.'))
	{
		int64		unit = 1000;

		for (; at < end && *at >= '0' && *at <= '9'; at++, seen++)
		{
			/* the first that is too fine rounds, as numeric does; unit is zero, and then below */
			if (unit == 0)
			{
				up = *at >= '5';
				unit = -1;
			}
			else if (unit > 0)
			{
				value += unit * (*at - '0');
				unit /= 10;
			}
		}
	}
	if (at != end || seen == 0)
		return QUANTITY_BAD;
	value += up;
	if (value >= QUANTITY_LIMIT)
		form = QUANTITY_LARGE;
	*quantity = negative ? -value : value;
	return form;
}

/* iso_instant(text): an instant with its offset; NULL for anything else */
PG_FUNCTION_INFO_V1(flex_iso_instant);
Datum
flex_iso_instant(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const char *at = VARDATA_ANY(value);
	const char *end = at + VARSIZE_ANY_EXHDR(value);
	Instant		instant;

	while (at < end && strchr(" \t\r\n", *at) != NULL)
		at++;
	while (at < end && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	instant = read_instant(at, end - at, NULL);
	if (instant.form != INSTANT_GIVEN)
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(instant.us);
}
