/*
 * time_window.c
 *		SQL type time_window: a half-open span of time, 16 bytes, never empty.
 *
 * Text is an ISO 8601 interval in one of its three forms (start/end,
 * start/duration, duration/end) or a range literal ("[start,end)").  Output is
 * always start/end, in the session's time zone with its offset written out and
 * with no more precision than the value has, so that what is written reads
 * back as the same window under any setting.  The words "-infinity" and
 * "infinity" stand for a missing bound.
 *
 * Times are decoded by the server's own date and time machinery; only the
 * splitting into two halves and the sum of a start and a duration are ours.  A
 * duration that holds years, months or days is counted in the session's time
 * zone, as timestamptz + interval is.
 *
 * Comparison, overlap and containment cannot raise an error, which is what
 * lets them be LEAKPROOF and so reach an index below row-level security.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "common/int.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/multirangetypes.h"
#include "utils/rangetypes.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "window_io.h"

#define WINDOW_HINT	"Write start/end, for example 2026-11-20T17:00Z/2026-11-20T17:30Z or 2026-11-20T17:00Z/PT30M."

/* At most so many bytes of a value, for messages: callers may hand us megabytes. */
char *
text_clip(const char *str, int bytes)
{
	int			len = strlen(str);
	int			keep;

	if (len <= bytes)
		return pstrdup(str);
	keep = pg_mbcliplen(str, len, bytes);
	return psprintf("%.*s...", keep, str);
}

static bool
time_window_bounds_valid(int64 start_us, int64 end_us)
{
	return (start_us == TIME_WINDOW_NO_BEGIN || IS_VALID_TIMESTAMP(start_us)) &&
		(end_us == TIME_WINDOW_NO_END || IS_VALID_TIMESTAMP(end_us)) &&
		start_us < end_us;
}

/* Make a window of two instants that the caller got from SQL. */
TimeWindow *
time_window_make(int64 start_us, int64 end_us)
{
	TimeWindow *result;

	if (!time_window_bounds_valid(start_us, end_us))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_DATETIME_FORMAT),
				 errmsg("time_window must end after it starts"),
				 errdetail("The start is %s, the end is %s.",
						   pstrdup(timestamptz_to_str(start_us)),
						   pstrdup(timestamptz_to_str(end_us))),
				 errhint("A window is half-open and never empty: swap the bounds, or leave the row out.")));
	result = palloc(sizeof(TimeWindow));
	result->start_us = start_us;
	result->end_us = end_us;
	return result;
}

/* ----------
 * Text in
 * ----------
 */

/* Decode one instant; false when the text is not one. */
static bool
parse_instant(const char *str, int64 *result)
{
	fsec_t		fsec;
	struct pg_tm tt,
			   *tm = &tt;
	int			tz;
	int			dtype;
	int			nf;
	char	   *field[MAXDATEFIELDS];
	int			ftype[MAXDATEFIELDS];
	char		workbuf[MAXDATELEN + MAXDATEFIELDS];
	TimestampTz timestamp;

	if (ParseDateTime(str, workbuf, sizeof(workbuf), field, ftype, MAXDATEFIELDS, &nf) != 0 ||
		flex_DecodeDateTime(field, ftype, nf, &dtype, tm, &fsec, &tz) != 0)
		return false;
	switch (dtype)
	{
		case DTK_DATE:
			if (tm2timestamp(tm, fsec, &tz, &timestamp) != 0)
				return false;
			*result = timestamp;
			return true;
		case DTK_LATE:
			*result = TIME_WINDOW_NO_END;
			return true;
		case DTK_EARLY:
			*result = TIME_WINDOW_NO_BEGIN;
			return true;
		default:
			return false;
	}
}

/* Decode an ISO 8601 duration; false when the text is not one or not positive. */
static bool
parse_duration(const char *str, Interval *result)
{
	struct pg_itm_in itm;
	int			dtype;
	char	   *copy = pstrdup(str);

	if (DecodeISO8601Interval(copy, &dtype, &itm) != 0 ||
		itmin2interval(&itm, result) != 0)
		return false;
	return result->month >= 0 && result->day >= 0 && result->time >= 0 &&
		result->month < 12 * 10000 && result->day < 366 * 10000;
}

/* The instant of a local time in the session's time zone; false when out of range. */
static bool
local_instant(struct pg_tm *tm, fsec_t fsec, int64 *result)
{
	int			tz = DetermineTimeZoneOffset(tm, session_timezone);

	return tm2timestamp(tm, fsec, &tz, result) == 0;
}

/*
 * anchor plus span, or minus span when backwards, counted as timestamptz +
 * interval does: months, then local days, then time.  False when out of range,
 * where the server's operators would raise an error even for a soft input.
 */
static bool
add_span(int64 anchor, const Interval *span, bool backwards, int64 *result)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (span->month != 0)
	{
		int			months;

		if (timestamp2tm(anchor, &tz, &tm, &fsec, NULL, NULL) != 0)
			return false;
		months = tm.tm_year * MONTHS_PER_YEAR + tm.tm_mon - 1 +
			(backwards ? -span->month : span->month);
		tm.tm_year = (months >= 0 ? months : months - (MONTHS_PER_YEAR - 1)) / MONTHS_PER_YEAR;
		tm.tm_mon = months - tm.tm_year * MONTHS_PER_YEAR + 1;
		/* the 31st of a shorter month is its last day */
		tm.tm_mday = Min(tm.tm_mday, day_tab[isleap(tm.tm_year)][tm.tm_mon - 1]);
		if (!local_instant(&tm, fsec, &anchor))
			return false;
	}
	if (span->day != 0)
	{
		int			julian;

		if (timestamp2tm(anchor, &tz, &tm, &fsec, NULL, NULL) != 0)
			return false;
		julian = date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) +
			(backwards ? -span->day : span->day);
		/* west of Greenwich the first days of time are before Julian day 0; j2date() goes so far */
		if (julian < -32044)
			return false;
		j2date(julian, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		if (!local_instant(&tm, fsec, &anchor))
			return false;
	}
	return !pg_add_s64_overflow(anchor, backwards ? -span->time : span->time, result) &&
		IS_VALID_TIMESTAMP(*result);
}

/* Copy [from, to) without surrounding blanks and double quotes. */
static char *
trimmed(const char *from, const char *to)
{
	while (from < to && isspace((unsigned char) *from))
		from++;
	while (to > from && isspace((unsigned char) to[-1]))
		to--;
	if (to - from >= 2 && *from == '"' && to[-1] == '"')
	{
		from++;
		to--;
	}
	return pnstrdup(from, to - from);
}

/*
 * Read a window from str.  type_name and whole are what an error message shows:
 * resource_window reads its second half through here.
 */
bool
time_window_parse(const char *str, const char *type_name, const char *whole,
				  TimeWindow *result, struct Node *escontext)
{
	const char *first = str;
	const char *last;
	const char *sep;
	char	   *left;
	char	   *right;
	const char *detail = NULL;

	if (strlen(whole) > WINDOW_TEXT_MAX)
	{
		detail = "The text is too long for a window.";
		goto invalid;
	}
	while (isspace((unsigned char) *first))
		first++;
	last = first + strlen(first);
	while (last > first && isspace((unsigned char) last[-1]))
		last--;

	if (*first == '[' || *first == '(')
	{
		/* a range literal; only the half-open form is the same thing as a window */
		if (*first != '[' || last[-1] != ')')
		{
			detail = "A window includes its start and excludes its end: [start,end).";
			goto invalid;
		}
		sep = memchr(first, ',', last - first);
		if (sep == NULL || memchr(sep + 1, ',', last - sep - 1) != NULL)
			goto invalid;
		left = trimmed(first + 1, sep);
		right = trimmed(sep + 1, last - 1);
		if (*left == '\0')
			left = pstrdup("-infinity");
		if (*right == '\0')
			right = pstrdup("infinity");
	}
	else
	{
		sep = memchr(first, '/', last - first);
		if (sep == NULL || memchr(sep + 1, '/', last - sep - 1) != NULL)
			goto invalid;
		left = trimmed(first, sep);
		right = trimmed(sep + 1, last);
	}

	if (*left == 'P' || *right == 'P')
	{
		Interval	span;
		bool		backwards = (*left == 'P');
		int64		anchor;

		if ((*left == 'P' && *right == 'P') ||
			!parse_duration(backwards ? left : right, &span) ||
			!parse_instant(backwards ? right : left, &anchor) ||
			TIMESTAMP_NOT_FINITE(anchor))
			goto invalid;
		result->start_us = result->end_us = anchor;
		if (!add_span(anchor, &span, backwards, backwards ? &result->start_us : &result->end_us))
		{
			detail = "The duration leads out of the range of timestamps.";
			goto invalid;
		}
	}
	else if (!parse_instant(left, &result->start_us) ||
			 !parse_instant(right, &result->end_us))
		goto invalid;

	if (!time_window_bounds_valid(result->start_us, result->end_us))
	{
		detail = "The end is not later than the start.";
		goto invalid;
	}
	return true;

invalid:
	ereturn(escontext, false,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"",
					type_name, text_clip(whole, 64)),
			 detail ? errdetail("%s", detail) : 0,
			 errhint("%s", WINDOW_HINT)));
}

PG_FUNCTION_INFO_V1(flex_time_window_in);
Datum
flex_time_window_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	TimeWindow *result = palloc(sizeof(TimeWindow));

	if (!time_window_parse(str, "time_window", str, result, flex_escontext(fcinfo)))
		PG_RETURN_NULL();
	PG_RETURN_TIME_WINDOW_P(result);
}

/* ----------
 * Text out
 * ----------
 */

/*
 * Append one instant, in the session's time zone or in UTC: no seconds and no
 * fraction where they are zero.  A zone farther from Greenwich than the server
 * reads, which SET TimeZone = 20 makes, is written in UTC as well.
 */
static void
append_instant(StringInfo buf, int64 instant_us, bool utc)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz = 0;
	int			year;
	bool		valid;

	if (instant_us == TIME_WINDOW_NO_BEGIN)
	{
		appendStringInfoString(buf, "-infinity");
		return;
	}
	if (instant_us == TIME_WINDOW_NO_END)
	{
		appendStringInfoString(buf, "infinity");
		return;
	}
	valid = timestamp2tm(instant_us, utc ? NULL : &tz, &tm, &fsec, NULL, NULL) == 0;
	if (valid && abs(tz) / SECS_PER_HOUR > MAX_TZDISP_HOUR)
	{
		tz = 0;
		valid = timestamp2tm(instant_us, NULL, &tm, &fsec, NULL, NULL) == 0;
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));

	year = tm.tm_year > 0 ? tm.tm_year : 1 - tm.tm_year;
	appendStringInfo(buf, "%04d-%02d-%02dT%02d:%02d",
					 year, tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min);
	if (tm.tm_sec != 0 || fsec != 0)
		appendStringInfo(buf, ":%02d", tm.tm_sec);
	if (fsec != 0)
	{
		appendStringInfo(buf, ".%06d", (int) fsec);
		while (buf->data[buf->len - 1] == '0')
			buf->data[--buf->len] = '\0';
	}
	if (tz == 0)
		appendStringInfoChar(buf, 'Z');
	else
	{
		int			east = -tz; /* PostgreSQL counts seconds west of Greenwich */

		appendStringInfo(buf, "%c%02d:%02d", east < 0 ? '-' : '+',
						 abs(east) / SECS_PER_HOUR,
						 abs(east) / SECS_PER_MINUTE % MINS_PER_HOUR);
		if (abs(east) % SECS_PER_MINUTE != 0)
			appendStringInfo(buf, ":%02d", abs(east) % SECS_PER_MINUTE);
	}
	if (tm.tm_year <= 0)
		appendStringInfoString(buf, " BC");
}

void
time_window_append_text(StringInfo buf, const TimeWindow *window)
{
	append_instant(buf, window->start_us, false);
	appendStringInfoChar(buf, '/');
	append_instant(buf, window->end_us, false);
}

/* For what is stored as text: the same whoever writes it. */
char *
time_window_text_utc(const TimeWindow *window)
{
	StringInfoData buf;

	initStringInfo(&buf);
	append_instant(&buf, window->start_us, true);
	appendStringInfoChar(&buf, '/');
	append_instant(&buf, window->end_us, true);
	return buf.data;
}

char *
time_window_text(const TimeWindow *window)
{
	StringInfoData buf;

	initStringInfo(&buf);
	time_window_append_text(&buf, window);
	return buf.data;
}

PG_FUNCTION_INFO_V1(flex_time_window_out);
Datum
flex_time_window_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(time_window_text(PG_GETARG_TIME_WINDOW_P(0)));
}

/* ----------
 * Bytes: two int64 in network order, judged as text is
 * ----------
 */

void
time_window_receive(StringInfo buf, TimeWindow *result)
{
	result->start_us = pq_getmsgint64(buf);
	result->end_us = pq_getmsgint64(buf);
	if (!time_window_bounds_valid(result->start_us, result->end_us))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid bounds in binary window"),
				 errdetail("The start is %lld and the end %lld microseconds from 2000-01-01 00:00 UTC.",
						   (long long) result->start_us, (long long) result->end_us),
				 errhint("The end must be later than the start, and both within the range of timestamptz.")));
}

PG_FUNCTION_INFO_V1(flex_time_window_recv);
Datum
flex_time_window_recv(PG_FUNCTION_ARGS)
{
	TimeWindow *result = palloc(sizeof(TimeWindow));

	time_window_receive((StringInfo) PG_GETARG_POINTER(0), result);
	PG_RETURN_TIME_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_send);
Datum
flex_time_window_send(PG_FUNCTION_ARGS)
{
	TimeWindow *window = PG_GETARG_TIME_WINDOW_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, window->start_us);
	pq_sendint64(&buf, window->end_us);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ----------
 * Constructor, accessors, casts
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_time_window_construct);
Datum
flex_time_window_construct(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIME_WINDOW_P(time_window_make(PG_GETARG_TIMESTAMPTZ(0),
											 PG_GETARG_TIMESTAMPTZ(1)));
}

PG_FUNCTION_INFO_V1(flex_time_window_lower);
Datum
flex_time_window_lower(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PG_GETARG_TIME_WINDOW_P(0)->start_us);
}

PG_FUNCTION_INFO_V1(flex_time_window_upper);
Datum
flex_time_window_upper(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(PG_GETARG_TIME_WINDOW_P(0)->end_us);
}

/*
 * Elapsed time, in days of 24 hours; NULL when a bound is missing.  From the
 * first instants of timestamptz to its last ones is more than an interval holds.
 */
PG_FUNCTION_INFO_V1(flex_time_window_duration);
Datum
flex_time_window_duration(PG_FUNCTION_ARGS)
{
	TimeWindow *window = PG_GETARG_TIME_WINDOW_P(0);
	Interval   *result;

	if (window->start_us == TIME_WINDOW_NO_BEGIN || window->end_us == TIME_WINDOW_NO_END)
		PG_RETURN_NULL();
	result = palloc0(sizeof(Interval));
	if (pg_sub_s64_overflow(window->end_us, window->start_us, &result->time))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range"),
				 errdetail("The window is %s.", time_window_text(window)),
				 errhint("Cut it with operator *: an interval of hours holds 292,277 years.")));
	PG_RETURN_INTERVAL_P(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_intersection);
Datum
flex_time_window_intersection(PG_FUNCTION_ARGS)
{
	TimeWindow *a = PG_GETARG_TIME_WINDOW_P(0);
	TimeWindow *b = PG_GETARG_TIME_WINDOW_P(1);
	TimeWindow *result;

	if (!time_window_overlaps(a, b))
		PG_RETURN_NULL();
	result = palloc(sizeof(TimeWindow));
	*result = time_window_common(a, b);
	PG_RETURN_TIME_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_time_window_to_range);
Datum
flex_time_window_to_range(PG_FUNCTION_ARGS)
{
	TimeWindow *window = PG_GETARG_TIME_WINDOW_P(0);
	TypeCacheEntry *typcache = lookup_type_cache(TSTZRANGEOID, TYPECACHE_RANGE_INFO);
	RangeBound	lower = {0};
	RangeBound	upper = {0};

	lower.val = TimestampTzGetDatum(window->start_us);
	lower.infinite = window->start_us == TIME_WINDOW_NO_BEGIN;
	lower.inclusive = !lower.infinite;
	lower.lower = true;
	upper.val = TimestampTzGetDatum(window->end_us);
	upper.infinite = window->end_us == TIME_WINDOW_NO_END;
	PG_RETURN_RANGE_P(flex_make_range(typcache, &lower, &upper));
}

/*
 * A tstzrange is a window when it is not empty.  A bound that is exclusive
 * below or inclusive above is moved by one microsecond, the resolution of
 * both types, so that the same instants are inside.
 */
static TimeWindow *
window_of_range(TypeCacheEntry *typcache, const RangeType *range)
{
	RangeBound	lower;
	RangeBound	upper;
	bool		empty;
	int64		start_us;
	int64		end_us;

	range_deserialize(typcache, range, &lower, &upper, &empty);
	if (empty)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("an empty range is not a time_window"),
				 errhint("Leave empty ranges out, or store NULL.")));
	start_us = lower.infinite ? TIME_WINDOW_NO_BEGIN : DatumGetTimestampTz(lower.val);
	end_us = upper.infinite ? TIME_WINDOW_NO_END : DatumGetTimestampTz(upper.val);
	if (!lower.inclusive && !TIMESTAMP_NOT_FINITE(start_us))
		start_us++;
	if (upper.inclusive && !TIMESTAMP_NOT_FINITE(end_us))
		end_us++;
	return time_window_make(start_us, end_us);
}

PG_FUNCTION_INFO_V1(flex_time_window_from_range);
Datum
flex_time_window_from_range(PG_FUNCTION_ARGS)
{
	RangeType  *range = PG_GETARG_RANGE_P(0);

	PG_RETURN_TIME_WINDOW_P(window_of_range(lookup_type_cache(RangeTypeGetOid(range), TYPECACHE_RANGE_INFO),
											range));
}

/* A tstzmultirange is a window when it is one range. */
PG_FUNCTION_INFO_V1(flex_time_window_from_multirange);
Datum
flex_time_window_from_multirange(PG_FUNCTION_ARGS)
{
	MultirangeType *multirange = PG_GETARG_MULTIRANGE_P(0);
	TypeCacheEntry *typcache = lookup_type_cache(MultirangeTypeGetOid(multirange), TYPECACHE_MULTIRANGE_INFO);
	RangeType **ranges;
	int32		n;

	multirange_deserialize(typcache->rngtype, multirange, &n, &ranges);
	if (n != 1)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("a multirange of %d ranges is not a time_window", n),
				 errhint("Cast it to time_window[], or take its ranges one by one with unnest().")));
	PG_RETURN_TIME_WINDOW_P(window_of_range(typcache->rngtype, ranges[0]));
}

/* ----------
 * Operators: thin wrappers around the algebra in time_window.h
 * ----------
 */

#define TIME_WINDOW_OPERATOR(name, expression) \
PG_FUNCTION_INFO_V1(flex_time_window_##name); \
Datum \
flex_time_window_##name(PG_FUNCTION_ARGS) \
{ \
	TimeWindow *a = PG_GETARG_TIME_WINDOW_P(0); \
	TimeWindow *b = PG_GETARG_TIME_WINDOW_P(1); \
\
	PG_RETURN_BOOL(expression); \
} \
extern Datum flex_time_window_##name(PG_FUNCTION_ARGS)

TIME_WINDOW_OPERATOR(overlaps, time_window_overlaps(a, b));
TIME_WINDOW_OPERATOR(contains, time_window_contains(a, b));
TIME_WINDOW_OPERATOR(contained, time_window_contains(b, a));
TIME_WINDOW_OPERATOR(before, time_window_before(a, b));
TIME_WINDOW_OPERATOR(after, time_window_before(b, a));
TIME_WINDOW_OPERATOR(adjacent, time_window_adjacent(a, b));
TIME_WINDOW_OPERATOR(overleft, time_window_overleft(a, b));
TIME_WINDOW_OPERATOR(overright, time_window_overright(a, b));
TIME_WINDOW_OPERATOR(eq, time_window_equal(a, b));
TIME_WINDOW_OPERATOR(ne, !time_window_equal(a, b));
TIME_WINDOW_OPERATOR(lt, time_window_compare(a, b) < 0);
TIME_WINDOW_OPERATOR(le, time_window_compare(a, b) <= 0);
TIME_WINDOW_OPERATOR(ge, time_window_compare(a, b) >= 0);
TIME_WINDOW_OPERATOR(gt, time_window_compare(a, b) > 0);

PG_FUNCTION_INFO_V1(flex_time_window_contains_instant);
Datum
flex_time_window_contains_instant(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(time_window_contains_instant(PG_GETARG_TIME_WINDOW_P(0),
												PG_GETARG_TIMESTAMPTZ(1)));
}

PG_FUNCTION_INFO_V1(flex_instant_contained_time_window);
Datum
flex_instant_contained_time_window(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(time_window_contains_instant(PG_GETARG_TIME_WINDOW_P(1),
												PG_GETARG_TIMESTAMPTZ(0)));
}

/* ----------
 * Support of btree and hash
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_time_window_cmp);
Datum
flex_time_window_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(time_window_compare(PG_GETARG_TIME_WINDOW_P(0),
										PG_GETARG_TIME_WINDOW_P(1)));
}

static int
time_window_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	return time_window_compare(DatumGetTimeWindowP(x), DatumGetTimeWindowP(y));
}

PG_FUNCTION_INFO_V1(flex_time_window_sortsupport);
Datum
flex_time_window_sortsupport(PG_FUNCTION_ARGS)
{
	window_sortsupport((SortSupport) PG_GETARG_POINTER(0), time_window_fast_compare, abbreviate_first_int64);
	PG_RETURN_VOID();
}

/* No padding (asserted in window_io.h), so equal windows are equal bytes. */
PG_FUNCTION_INFO_V1(flex_time_window_hash);
Datum
flex_time_window_hash(PG_FUNCTION_ARGS)
{
	return hash_any((unsigned char *) PG_GETARG_TIME_WINDOW_P(0), sizeof(TimeWindow));
}

PG_FUNCTION_INFO_V1(flex_time_window_hash_extended);
Datum
flex_time_window_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended((unsigned char *) PG_GETARG_TIME_WINDOW_P(0),
							 sizeof(TimeWindow), PG_GETARG_INT64(1));
}
