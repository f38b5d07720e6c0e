/*
 * resource_window.c
 *		SQL type resource_window: one resource during one time window, 24 bytes.
 *
 * Text is resource@window, for example 42@2026-11-20T17:00Z/PT30M.  The window
 * half is read, written and judged by time_window.c.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"

#include "window_io.h"

PG_FUNCTION_INFO_V1(flex_resource_window_in);
Datum
flex_resource_window_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	char	   *at = strchr(str, '@');
	ResourceWindow *result = palloc(sizeof(ResourceWindow));
	char	   *end = NULL;
	bool		valid = (at != NULL && at != str);

	if (valid)
	{
		errno = 0;
		result->resource = strtoll(str, &end, 10);
		valid = (errno == 0 && end == at && !isspace((unsigned char) *str));
	}
	if (!valid)
		ereturn(flex_escontext(fcinfo), (Datum) 0,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s: \"%s\"",
						"resource_window", text_clip(str, 64)),
				 errhint("Write resource@start/end, for example 42@2026-11-20T17:00Z/PT30M.")));
	if (!time_window_parse(at + 1, "resource_window", str, &result->window,
						   flex_escontext(fcinfo)))
		PG_RETURN_NULL();
	PG_RETURN_RESOURCE_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_out);
Datum
flex_resource_window_out(PG_FUNCTION_ARGS)
{
	ResourceWindow *rw = PG_GETARG_RESOURCE_WINDOW_P(0);
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, INT64_FORMAT "@", (int64) rw->resource);
	time_window_append_text(&buf, &rw->window);
	PG_RETURN_CSTRING(buf.data);
}

PG_FUNCTION_INFO_V1(flex_resource_window_recv);
Datum
flex_resource_window_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	ResourceWindow *result = palloc(sizeof(ResourceWindow));

	result->resource = pq_getmsgint64(buf);
	time_window_receive(buf, &result->window);
	PG_RETURN_RESOURCE_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_send);
Datum
flex_resource_window_send(PG_FUNCTION_ARGS)
{
	ResourceWindow *rw = PG_GETARG_RESOURCE_WINDOW_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, rw->resource);
	pq_sendint64(&buf, rw->window.start_us);
	pq_sendint64(&buf, rw->window.end_us);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ----------
 * Constructors and accessors
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_resource_window_construct);
Datum
flex_resource_window_construct(PG_FUNCTION_ARGS)
{
	ResourceWindow *result = palloc(sizeof(ResourceWindow));

	result->resource = PG_GETARG_INT64(0);
	result->window = *PG_GETARG_TIME_WINDOW_P(1);
	PG_RETURN_RESOURCE_WINDOW_P(result);
}

PG_FUNCTION_INFO_V1(flex_resource_window_resource);
Datum
flex_resource_window_resource(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(PG_GETARG_RESOURCE_WINDOW_P(0)->resource);
}

PG_FUNCTION_INFO_V1(flex_resource_window_window);
Datum
flex_resource_window_window(PG_FUNCTION_ARGS)
{
	TimeWindow *result = palloc(sizeof(TimeWindow));

	*result = PG_GETARG_RESOURCE_WINDOW_P(0)->window;
	PG_RETURN_TIME_WINDOW_P(result);
}

/* ----------
 * Operators: thin wrappers around the algebra in resource_window.h
 * ----------
 */

#define RESOURCE_WINDOW_OPERATOR(name, expression) \
PG_FUNCTION_INFO_V1(flex_resource_window_##name); \
Datum \
flex_resource_window_##name(PG_FUNCTION_ARGS) \
{ \
	ResourceWindow *a = PG_GETARG_RESOURCE_WINDOW_P(0); \
	ResourceWindow *b = PG_GETARG_RESOURCE_WINDOW_P(1); \
\
	PG_RETURN_BOOL(expression); \
} \
extern Datum flex_resource_window_##name(PG_FUNCTION_ARGS)

RESOURCE_WINDOW_OPERATOR(overlaps, resource_window_overlaps(a, b));
RESOURCE_WINDOW_OPERATOR(contains, resource_window_contains(a, b));
RESOURCE_WINDOW_OPERATOR(contained, resource_window_contains(b, a));
RESOURCE_WINDOW_OPERATOR(before, resource_window_before(a, b));
RESOURCE_WINDOW_OPERATOR(after, resource_window_before(b, a));
RESOURCE_WINDOW_OPERATOR(adjacent, resource_window_adjacent(a, b));
RESOURCE_WINDOW_OPERATOR(overleft, resource_window_overleft(a, b));
RESOURCE_WINDOW_OPERATOR(overright, resource_window_overright(a, b));
RESOURCE_WINDOW_OPERATOR(eq, resource_window_equal(a, b));
RESOURCE_WINDOW_OPERATOR(ne, !resource_window_equal(a, b));
RESOURCE_WINDOW_OPERATOR(lt, resource_window_compare(a, b) < 0);
RESOURCE_WINDOW_OPERATOR(le, resource_window_compare(a, b) <= 0);
RESOURCE_WINDOW_OPERATOR(ge, resource_window_compare(a, b) >= 0);
RESOURCE_WINDOW_OPERATOR(gt, resource_window_compare(a, b) > 0);

/* ----------
 * Support of btree and hash
 * ----------
 */

PG_FUNCTION_INFO_V1(flex_resource_window_cmp);
Datum
flex_resource_window_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(resource_window_compare(PG_GETARG_RESOURCE_WINDOW_P(0),
											PG_GETARG_RESOURCE_WINDOW_P(1)));
}

static int
resource_window_fast_compare(Datum x, Datum y, SortSupport ssup)
{
	return resource_window_compare(DatumGetResourceWindowP(x), DatumGetResourceWindowP(y));
}

PG_FUNCTION_INFO_V1(flex_resource_window_sortsupport);
Datum
flex_resource_window_sortsupport(PG_FUNCTION_ARGS)
{
	window_sortsupport((SortSupport) PG_GETARG_POINTER(0), resource_window_fast_compare, abbreviate_first_int64);
	PG_RETURN_VOID();
}

/* No padding (asserted in window_io.h), so equal values are equal bytes. */
PG_FUNCTION_INFO_V1(flex_resource_window_hash);
Datum
flex_resource_window_hash(PG_FUNCTION_ARGS)
{
	return hash_any((unsigned char *) PG_GETARG_RESOURCE_WINDOW_P(0), sizeof(ResourceWindow));
}

PG_FUNCTION_INFO_V1(flex_resource_window_hash_extended);
Datum
flex_resource_window_hash_extended(PG_FUNCTION_ARGS)
{
	return hash_any_extended((unsigned char *) PG_GETARG_RESOURCE_WINDOW_P(0),
							 sizeof(ResourceWindow), PG_GETARG_INT64(1));
}
