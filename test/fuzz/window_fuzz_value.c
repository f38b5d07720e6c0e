/*
 * window_fuzz_value.c
 *		What must hold of one text, one message of bytes, and the value in it;
 *		and of two values.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "window_fuzz.h"

/* ---------- the functions under test ---------- */

#define WINDOW_FUNCTIONS(type) \
extern Datum flex_##type##_in(PG_FUNCTION_ARGS), flex_##type##_out(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_recv(PG_FUNCTION_ARGS), flex_##type##_send(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_cmp(PG_FUNCTION_ARGS), flex_##type##_sortsupport(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_hash(PG_FUNCTION_ARGS), flex_##type##_hash_extended(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_lt(PG_FUNCTION_ARGS), flex_##type##_le(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_eq(PG_FUNCTION_ARGS), flex_##type##_ne(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_ge(PG_FUNCTION_ARGS), flex_##type##_gt(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_before(PG_FUNCTION_ARGS), flex_##type##_after(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_overleft(PG_FUNCTION_ARGS), flex_##type##_overright(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_overlaps(PG_FUNCTION_ARGS), flex_##type##_adjacent(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_contains(PG_FUNCTION_ARGS), flex_##type##_contained(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_distance(PG_FUNCTION_ARGS), flex_##type##_gist_distance(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_gist_consistent(PG_FUNCTION_ARGS), flex_##type##_gist_union(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_gist_same(PG_FUNCTION_ARGS), flex_##type##_gist_penalty(PG_FUNCTION_ARGS); \
extern Datum flex_##type##_gist_picksplit(PG_FUNCTION_ARGS)

WINDOW_FUNCTIONS(time_window);
WINDOW_FUNCTIONS(resource_window);
extern Datum flex_time_window_contains_instant(PG_FUNCTION_ARGS);
extern Datum flex_time_window_duration(PG_FUNCTION_ARGS);

#define WINDOW_TYPE(type, is_resource, bytes) \
	{ \
		is_resource, bytes, flex_##type##_in, flex_##type##_out, flex_##type##_recv, flex_##type##_send, \
		flex_##type##_cmp, flex_##type##_hash, flex_##type##_hash_extended, \
		{flex_##type##_lt, flex_##type##_le, flex_##type##_eq, flex_##type##_ne, flex_##type##_ge, flex_##type##_gt}, \
		{ \
			[WINDOW_BEFORE] = flex_##type##_before, [WINDOW_OVERLEFT] = flex_##type##_overleft, \
			[WINDOW_OVERLAPS] = flex_##type##_overlaps, [WINDOW_OVERRIGHT] = flex_##type##_overright, \
			[WINDOW_AFTER] = flex_##type##_after, [WINDOW_ADJACENT] = flex_##type##_adjacent, \
			[WINDOW_CONTAINS] = flex_##type##_contains, [WINDOW_CONTAINED] = flex_##type##_contained, \
			[WINDOW_EQUAL] = flex_##type##_eq \
		}, \
		flex_##type##_distance, flex_##type##_gist_distance, flex_##type##_gist_consistent, flex_##type##_gist_union, \
		flex_##type##_gist_same, flex_##type##_gist_penalty, flex_##type##_gist_picksplit, flex_##type##_sortsupport \
	}

const WindowType types[2] = {
	WINDOW_TYPE(time_window, false, sizeof(TimeWindow)),
	WINDOW_TYPE(resource_window, true, sizeof(ResourceWindow)),
};

/*
 * Call a function; false if it raises an error, which must be one that input
 * may raise: of class 22, or the code given.
 */
static bool
call(PGFunction function, int nargs, Datum a, Datum b, Datum c, int other_code, Datum *result)
{
	volatile bool done = false;
	ErrorData  *error;

	PG_TRY();
	{
		*result = nargs == 1 ? DirectFunctionCall1(function, a) :
			nargs == 2 ? DirectFunctionCall2(function, a, b) : DirectFunctionCall3(function, a, b, c);
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(work);
		error = CopyErrorData();
		FlushErrorState();
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) != ERRCODE_DATA_EXCEPTION && error->sqlerrcode != other_code)
		{
			fprintf(stderr, "error %s: %s\n", unpack_sql_state(error->sqlerrcode), error->message);
			abort();
		}
		/* the server's own readers repeat the whole text */
		must(function == timestamptz_in || function == interval_in ||
			 (strlen(error->message) < 256 && (error->detail == NULL || strlen(error->detail) < 256)), "the message is long");
		must(pg_verify_mbstr(GetDatabaseEncoding(), error->message, strlen(error->message), true), "the message is no text");
	}
	PG_END_TRY();
	return done;
}

/* in memory of exactly its length, so that reading past the end is seen */
static char *
exact_copy(const char *bytes, int length)
{
	return memcpy(palloc(length), bytes, length);
}

static bool
read_text(const WindowType *type, const char *text, ResourceWindow *value)
{
	Datum		result;

	value->resource = 0;
	if (!call(type->in, 1, CStringGetDatum(exact_copy(text, strlen(text) + 1)), 0, 0, 0, &result))
		return false;
	memcpy(type->resource ? (void *) value : (void *) &value->window, DatumGetPointer(result), type->size);
	return true;
}

char *
written(const WindowType *type, const ResourceWindow *value)
{
	return DatumGetCString(DirectFunctionCall1(type->out, datum_of(type, value)));
}

/* ---------- one value, and pairs of values ---------- */

static int
sign(int x)
{
	return (x > 0) - (x < 0);
}

bool
operator_true(PGFunction function, Datum a, Datum b)
{
	return DatumGetBool(DirectFunctionCall2(function, a, b));
}

/* what the words of the operators say, by the instants that windows hold */
static bool
relation(WindowStrategy strategy, const TimeWindow *a, const TimeWindow *b)
{
	int64		probes[] = {a->start_us, a->end_us - 1, b->start_us, b->end_us - 1};
	bool		share = false;
	bool		only_a = false;
	bool		only_b = false;

	for (int i = 0; i < lengthof(probes); i++)
	{
		bool		in_a = DatumGetBool(DirectFunctionCall2(flex_time_window_contains_instant,
															TimeWindowPGetDatum(a), TimestampTzGetDatum(probes[i])));
		bool		in_b = DatumGetBool(DirectFunctionCall2(flex_time_window_contains_instant,
															TimeWindowPGetDatum(b), TimestampTzGetDatum(probes[i])));

		share = share || (in_a && in_b);
		only_a = only_a || (in_a && !in_b);
		only_b = only_b || (in_b && !in_a);
	}
	switch (strategy)
	{
		case WINDOW_BEFORE:
			return a->end_us - 1 < b->start_us;
		case WINDOW_OVERLEFT:
			return a->end_us - 1 <= b->end_us - 1;
		case WINDOW_OVERLAPS:
			return share;
		case WINDOW_OVERRIGHT:
			return a->start_us >= b->start_us;
		case WINDOW_AFTER:
			return b->end_us - 1 < a->start_us;
		case WINDOW_ADJACENT:
			return !share && (a->end_us == b->start_us || b->end_us == a->start_us);
		case WINDOW_CONTAINS:
			return !only_b;
		case WINDOW_CONTAINED:
			return !only_a;
		case WINDOW_EQUAL:
			return !only_a && !only_b;
		case WINDOW_CONTAINS_INSTANT:
			break;
	}
	return false;
}

static void
check_pair(const WindowType *type, const ResourceWindow *x, const ResourceWindow *y)
{
	Datum		a = datum_of(type, x);
	Datum		b = datum_of(type, y);
	int			c = DatumGetInt32(DirectFunctionCall2(type->cmp, a, b));
	const bool	by_order[] = {c < 0, c <= 0, c == 0, c != 0, c >= 0, c > 0};
	Datum		salt = Int64GetDatum((int64) draw64());
	SortSupportData ssup = {.abbreviate = true};
	int			sorted;

	must(sign(c) == -sign(DatumGetInt32(DirectFunctionCall2(type->cmp, b, a))), "order is not antisymmetric");
	must((c == 0) == (memcmp(DatumGetPointer(a), DatumGetPointer(b), type->size) == 0), "equality is not of bytes");
	for (int i = 0; i < lengthof(by_order); i++)
		must(operator_true(type->ordering[i], a, b) == by_order[i], "an ordering operator disagrees with cmp");
	for (int s = 0; s <= WINDOW_EQUAL; s++)
		if (type->operators[s] != NULL)
			must(operator_true(type->operators[s], a, b) ==
				 ((!type->resource || x->resource == y->resource) && relation(s, &x->window, &y->window)),
				 "an operator is not what its words say");
	if (c == 0)
	{
		must(DirectFunctionCall1(type->hash, a) == DirectFunctionCall1(type->hash, b), "equal values have two hashes");
		must(DirectFunctionCall2(type->hash_extended, a, salt) == DirectFunctionCall2(type->hash_extended, b, salt),
			 "equal values have two extended hashes");
	}
	must(DatumGetUInt32(DirectFunctionCall1(type->hash, a)) ==
		 (uint32) DatumGetUInt64(DirectFunctionCall2(type->hash_extended, a, Int64GetDatum(0))), "extended hash 0 is another");

	DirectFunctionCall1(type->sortsupport, PointerGetDatum(&ssup));
	if (ssup.abbrev_converter == NULL)
		sorted = ssup.comparator(a, b, &ssup);
	else if ((sorted = ssup.comparator(ssup.abbrev_converter(a, &ssup), ssup.abbrev_converter(b, &ssup), &ssup)) == 0)
		sorted = ssup.abbrev_full_comparator(a, b, &ssup);
	must(sign(sorted) == sign(c), "sorting disagrees with cmp");
}

/* Everything that must hold of a value that was accepted. */
static void
check_value(const WindowType *type, const ResourceWindow *value)
{
	char		wire[sizeof(ResourceWindow)];
	bytea	   *sent;
	StringInfoData buf = {0};
	ResourceWindow again = {0};
	Datum		result;
	int128		length = (int128) value->window.end_us - value->window.start_us;
	char	   *text;

	must(length > 0 && (value->window.start_us == TIME_WINDOW_NO_BEGIN || IS_VALID_TIMESTAMP(value->window.start_us)) &&
		 (value->window.end_us == TIME_WINDOW_NO_END || IS_VALID_TIMESTAMP(value->window.end_us)), "no valid window");

	/* bytes */
	put64(wire, value->resource);
	put64(wire + 8, value->window.start_us);
	put64(wire + 16, value->window.end_us);
	sent = DatumGetByteaPP(DirectFunctionCall1(type->send, datum_of(type, value)));
	must(VARSIZE_ANY_EXHDR(sent) == type->size &&
		 memcmp(VARDATA_ANY(sent), wire + sizeof(wire) - type->size, type->size) == 0, "send gives other bytes");
	buf.data = exact_copy(VARDATA_ANY(sent), type->size);
	buf.len = buf.maxlen = type->size;
	must(call(type->recv, 1, PointerGetDatum(&buf), 0, 0, 0, &result), "recv refuses what send gave");
	must(memcmp(DatumGetPointer(result), DatumGetPointer(datum_of(type, value)), type->size) == 0 && buf.cursor == buf.len,
		 "bytes come back as another value");

	/* text, written and read in different sessions */
	for (int i = 0; i < 2; i++)
	{
		output = text = written(type, value);
		must(strlen(text) <= WINDOW_TEXT_MAX, "the text is too long to be read");
		settings_change();
		must(read_text(type, text, &again), "refuses what it wrote");
		must(again.resource == value->resource && time_window_equal(&again.window, &value->window),
			 "reads another value than it wrote");
		output = NULL;
	}
	must(read_text(&types[0], time_window_text_utc(&value->window), &again) &&
		 time_window_equal(&again.window, &value->window), "text in UTC comes back as another value");

	/* length, where it is one */
	if (value->window.start_us != TIME_WINDOW_NO_BEGIN && value->window.end_us != TIME_WINDOW_NO_END)
	{
		bool		fits = length <= PG_INT64_MAX;

		must(call(flex_time_window_duration, 1, TimeWindowPGetDatum(&value->window), 0, 0, 0, &result) == fits &&
			 (!fits || DatumGetIntervalP(result)->time == (int64) length), "duration is wrong");
	}

	run->pool[run->pooled++ % POOL_SIZE] = *value;
	check_pair(type, value, draw_value());
	check_pair(type, value, value);
}

/* ---------- text in: what the server makes of the same halves ---------- */

/* Cut the blanks at both ends of [*from, *to). */
static void
trim(const char **from, const char **to)
{
	while (*from < *to && isspace((unsigned char) **from))
		(*from)++;
	while (*to > *from && isspace((unsigned char) (*to)[-1]))
		(*to)--;
}

/* A half of a text, without blanks and one pair of quotes. */
static char *
half(const char *from, const char *to)
{
	trim(&from, &to);
	return to - from >= 2 && *from == '"' && to[-1] == '"' ?
		pnstrdup(from + 1, to - from - 2) : pnstrdup(from, to - from);
}

static bool
server_instant(const char *text, int64 *result)
{
	Datum		datum;

	if (!call(timestamptz_in, 3, CStringGetDatum(text), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1), 0, &datum))
		return false;
	*result = DatumGetTimestampTz(datum);
	return true;
}

/* a window's length is given forwards, and in less than 10,000 years */
static bool
span_valid(const Interval *span)
{
	return span->month >= 0 && span->month < 12 * 10000 && span->day >= 0 && span->day < 366 * 10000 && span->time >= 0;
}

/* What a text means; false for what is no window. */
static bool
server_window(const char *text, TimeWindow *result)
{
	const char *end = text + strlen(text);
	const char *middle;
	char	   *halves[2];
	bool		spans[2];
	int64		bounds[2];
	bool		range;

	trim(&text, &end);
	range = text < end && (*text == '[' || *text == '(');
	if (range && (*text++ != '[' || *--end != ')'))
		return false;
	middle = memchr(text, range ? ',' : '/', end - text);
	if (middle == NULL || memchr(middle + 1, *middle, end - middle - 1) != NULL)
		return false;
	halves[0] = half(text, middle);
	halves[1] = half(middle + 1, end);
	for (int i = 0; range && i < 2; i++)
		if (halves[i][0] == '\0')
			halves[i] = i == 0 ? "-infinity" : "infinity";
	for (int i = 0; i < 2; i++)
	{
		spans[i] = halves[i][0] == 'P';
		if (!spans[i] && !server_instant(halves[i], &bounds[i]))
			return false;
	}
	if (spans[0] && spans[1])
		return false;
	for (int i = 0; i < 2; i++)
		if (spans[i])
		{
			Datum		span;
			Datum		sum;

			if (TIMESTAMP_NOT_FINITE(bounds[1 - i]) ||
				!call(interval_in, 3, CStringGetDatum(halves[i]), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1), 0, &span) ||
				!span_valid(DatumGetIntervalP(span)) ||
				!call(i == 0 ? timestamptz_mi_interval : timestamptz_pl_interval, 2,
					  TimestampTzGetDatum(bounds[1 - i]), span, 0, 0, &sum))
				return false;
			bounds[i] = DatumGetTimestampTz(sum);
		}
	result->start_us = bounds[0];
	result->end_us = bounds[1];
	return result->start_us < result->end_us;
}

/* The number before the '@'; false if it is none. */
static bool
leading_resource(const char *text, int64 *result)
{
	bool		negative = *text == '-';
	int128		value = 0;

	if (*text == '-' || *text == '+')
		text++;
	if (!isdigit((unsigned char) *text))
		return false;
	for (; isdigit((unsigned char) *text); text++)
		value = Min(value * 10 + (*text - '0'), (int128) PG_UINT64_MAX);
	if (negative)
		value = -value;
	*result = (int64) value;
	return *text == '@' && value >= PG_INT64_MIN && value <= PG_INT64_MAX;
}

void
check_text(const WindowType *type, const char *text)
{
	ResourceWindow value;
	ResourceWindow expected = {0};
	const char *window = type->resource && strchr(text, '@') ? strchr(text, '@') + 1 : text;
	bool		reads = read_text(type, text, &value);

	/* "epoch" is a word that windows do without */
	if (strcasestr(text, "epoch") == NULL)
	{
		bool		valid = strlen(text) <= WINDOW_TEXT_MAX &&
		(!type->resource || leading_resource(text, &expected.resource)) && server_window(window, &expected.window);

		run->judged++;
		must(valid == reads, valid ? "refuses a window" : "accepts what is no window");
		must(!reads || (value.resource == expected.resource && time_window_equal(&value.window, &expected.window)),
			 "reads another window than the server");
	}
	must(!reads || strlen(text) <= WINDOW_TEXT_MAX, "accepts a long text");
	if (reads)
	{
		run->accepted[type->resource]++;
		check_value(type, &value);
	}
	else
		run->refused[type->resource]++;
}

/* ---------- bytes in ---------- */

void
check_bytes(const WindowType *type, const char *bytes, int length)
{
	StringInfoData buf = {0};
	ResourceWindow value = {0};
	int64		numbers[3] = {0};
	Datum		result;
	bool		valid = length >= type->size;
	bool		reads;

	buf.data = exact_copy(bytes, length);
	buf.len = buf.maxlen = length;
	reads = call(type->recv, 1, PointerGetDatum(&buf), 0, 0, ERRCODE_PROTOCOL_VIOLATION, &result);
	if (valid)
	{
		for (int i = 0; i < type->size / 8; i++)
			for (int j = 0; j < 8; j++)
				numbers[3 - type->size / 8 + i] = (int64) ((uint64) numbers[3 - type->size / 8 + i] << 8 | (unsigned char) bytes[8 * i + j]);
		valid = numbers[1] < numbers[2] &&
			(numbers[1] == TIME_WINDOW_NO_BEGIN || (numbers[1] >= MIN_TIMESTAMP && numbers[1] < END_TIMESTAMP)) &&
			(numbers[2] == TIME_WINDOW_NO_END || (numbers[2] >= MIN_TIMESTAMP && numbers[2] < END_TIMESTAMP));
	}
	must(valid == reads, valid ? "recv refuses a window" : "recv accepts what is no window");
	if (!reads)
	{
		run->not_received++;
		return;
	}
	run->received++;
	memcpy(type->resource ? (void *) &value : (void *) &value.window, DatumGetPointer(result), type->size);
	must(value.resource == numbers[0] && value.window.start_us == numbers[1] && value.window.end_us == numbers[2],
		 "recv reads another value");
	check_value(type, &value);
}
