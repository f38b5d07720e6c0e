/*
 * clearing.c
 *		clear_orders(): an auction, from queries to an answer that explains itself.
 *
 * The way of the data: clearing_read.c makes an auction of the queries;
 * clearing_parts.c takes it apart where it falls apart, and the simplest method
 * that is exact for a part clears it; clearing_price.c finds the prices and the
 * reasons; one row of arrays goes back.
 *
 *		merit_order.c		everything can be divided, no cell is tied to another
 *		covering.c			one requirement, every order whole or not at all
 *		clearing_search.c	all else: branch and bound over linear programs
 *							(clearing_program.c, simplex.c, basis.c)
 *
 * Where it is so declared, clearing_ties.c then shares evenly what stands at the price.
 *
 * Nothing here knows of tables: a competition is made into queries by the modules
 * of an exchange.  The answer is a function of the rows that the queries give, in
 * their order, and of the options; the clock enters only where it runs out.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clearing.h"

#define N_COLUMNS	19

static const char *const reasons[] = {
	[REASON_ACCEPTED] = "accepted",
	[REASON_PART] = "part",
	[REASON_TOO_DEAR] = "too_dear",
	[REASON_TIED] = "tied",
	[REASON_EXCLUDED] = "excluded",
	[REASON_PARENT_REJECTED] = "parent_rejected",
	[REASON_LIMITED] = "limited",
	[REASON_MINIMUM_NOT_REACHED] = "minimum_not_reached",
	[REASON_PARADOXICALLY_REJECTED] = "paradoxically_rejected"
};

PG_FUNCTION_INFO_V1(flex_clear_orders);

static ClearingPricing
pricing_of(const char *name)
{
	if (strcmp(name, "marginal") == 0)
		return PRICING_MARGINAL;
	if (strcmp(name, "highest_accepted") == 0)
		return PRICING_HIGHEST_ACCEPTED;
	if (strcmp(name, "none") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pricing \"%s\" is not known", name),
				 errhint("It is marginal, highest_accepted or none.")));
	return PRICING_NONE;
}

static bool
ties_are_shared(const char *name)
{
	if (strcmp(name, "pro_rata") == 0)
		return true;
	if (strcmp(name, "order") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ties \"%s\" is not known", name),
				 errhint("It is order or pro_rata.")));
	return false;
}

static double
number_between(double value, double least, double most, const char *name)
{
	if (!(value >= least && value <= most))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s \"%g\" is out of range", name, value),
				 errhint("It is from %g to %g.", least, most)));
	return value;
}

/* Arrays: of numbers, NaN as NULL; of identifiers, below zero of what stands in for none as NULL. */
static Datum
array_of(Datum *values, bool *nulls, int n, Oid type)
{
	int			lower = 1;
	ArrayType  *array = type == TEXTOID
		? construct_md_array(values, nulls, 1, &n, &lower, TEXTOID, -1, false, TYPALIGN_INT)
		: construct_md_array(values, nulls, 1, &n, &lower, type, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);

	return PointerGetDatum(array);
}

typedef struct Answer
{
	Datum		values[N_COLUMNS];
	bool		nulls[N_COLUMNS];
	int			n;
	Datum	   *items;
	bool	   *item_nulls;
} Answer;

static inline void
set_number(Answer *answer, int at, double value)
{
	answer->items[at] = Float8GetDatum(value);
	answer->item_nulls[at] = isnan(value);
}

static inline void
set_order(Answer *answer, const Clearing *clearing, int at, int order)
{
	answer->items[at] = Int64GetDatum(order < 0 ? 0 : clearing->orders[order].id);
	answer->item_nulls[at] = order < 0;
}

static inline void
add_array(Answer *answer, int n, Oid type)
{
	answer->values[answer->n++] = array_of(answer->items, answer->item_nulls, n, type);
}

static void
add_orders(Answer *answer, const Clearing *clearing)
{
	int			n = clearing->n_orders;
	Datum		texts[lengthof(reasons)] = {0};

	for (int r = 0; r < lengthof(reasons); r++)
		texts[r] = CStringGetTextDatum(reasons[r]);
	for (int o = 0; o < n; o++)
		set_order(answer, clearing, o, o);
	add_array(answer, n, INT8OID);
	for (int o = 0; o < n; o++)
		set_number(answer, o, clearing->orders[o].share);
	add_array(answer, n, FLOAT8OID);
	for (int o = 0; o < n; o++)
		answer->items[o] = texts[clearing->orders[o].reason];
	add_array(answer, n, TEXTOID);
	for (int o = 0; o < n; o++)
		set_order(answer, clearing, o, clearing->orders[o].displaced_by);
	add_array(answer, n, INT8OID);
}

static void
add_cells(Answer *answer, const Clearing *clearing)
{
	int			n = clearing->n_cells;

	for (int c = 0; c < n; c++)
	{
		answer->items[c] = Int64GetDatum(clearing->cells[c].id);
		answer->item_nulls[c] = false;
	}
	add_array(answer, n, INT8OID);
	for (int c = 0; c < n; c++)
		set_number(answer, c, clearing->cells[c].price);
	add_array(answer, n, FLOAT8OID);
	for (int c = 0; c < n; c++)
		set_number(answer, c, clearing->cells[c].shadow_price);
	add_array(answer, n, FLOAT8OID);
	for (int c = 0; c < n; c++)
		set_number(answer, c, clearing->cells[c].highest_price);
	add_array(answer, n, FLOAT8OID);
	for (int c = 0; c < n; c++)
		set_number(answer, c, clearing->cells[c].quantity);
	add_array(answer, n, FLOAT8OID);
	for (int c = 0; c < n; c++)
		set_number(answer, c, clearing->cells[c].shortfall);
	add_array(answer, n, FLOAT8OID);
	for (int c = 0; c < n; c++)
		set_order(answer, clearing, c, clearing->cells[c].setter);
	add_array(answer, n, INT8OID);
}

static char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

Datum
flex_clear_orders(PG_FUNCTION_ARGS)
{
	ClearingQueries queries;
	Clearing   *clearing;
	ClearingPricing pricing;
	Answer		answer = {0};
	TupleDesc	tupdesc;
	TimestampTz started = GetCurrentTimestamp();
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	double		surplus_share;
	double		max_gap;
	double		max_gap_cost;
	double		max_seconds;
	bool		ties_shared;
	double		gap;
	int			largest;
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts != N_COLUMNS)
		elog(ERROR, "clear_orders is not declared as it must be");
	for (int i = 7; i < 14; i++)
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("argument %d of clear_orders is NULL", i + 1),
					 errhint("Leave it out for its default.")));
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query \"orders\" of clear_orders is NULL"),
				 errhint("Give a query of order_id, cell, quantity, price.")));
	pricing = pricing_of(text_argument(fcinfo, 7));
	surplus_share = number_between(PG_GETARG_FLOAT8(8), 0, 1, "surplus_share");
	max_gap = number_between(PG_GETARG_FLOAT8(9), 0, 1, "max_gap");
	max_gap_cost = number_between(PG_GETARG_FLOAT8(10), 0, 1e15, "max_gap_cost");
	max_seconds = number_between(PG_GETARG_FLOAT8(11), 0, 1e6, "max_seconds");
	ties_shared = ties_are_shared(text_argument(fcinfo, 13));

	context = AllocSetContextCreate(caller, "clearing", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(context);
	queries.orders = text_argument(fcinfo, 0);
	queries.cells = text_argument(fcinfo, 1);
	queries.terms = text_argument(fcinfo, 2);
	queries.exclusions = text_argument(fcinfo, 3);
	queries.links = text_argument(fcinfo, 4);
	queries.limits = text_argument(fcinfo, 5);
	queries.flows = text_argument(fcinfo, 6);
	clearing = clearing_read(&queries, PG_GETARG_INT64(12));
	clearing->pricing = pricing;
	clearing->surplus_share = surplus_share;
	clearing->max_gap = max_gap;
	clearing->max_gap_cost = max_gap_cost;
	clearing->max_seconds = max_seconds;
	clearing->started = started;

	clearing_clear(clearing);
	if (ties_shared)
		clearing_share_ties(clearing);
	clearing_explain(clearing);

	gap = (clearing->cost - clearing->bound) / Max(fabs(clearing->cost), 1e-9);
	largest = Max(Max(clearing->n_orders, clearing->n_cells), clearing->n_flows) + 1;
	answer.items = MemoryContextAllocHuge(context, sizeof(Datum) * (Size) largest);
	answer.item_nulls = MemoryContextAllocHuge(context, sizeof(bool) * (Size) largest);
	answer.values[answer.n++] = CStringGetTextDatum(clearing->proved ? "optimal" : "time_limit");
	answer.values[answer.n++] = Float8GetDatum(clearing->cost);
	answer.values[answer.n++] = Float8GetDatum(clearing->bound);
	answer.values[answer.n++] = Float8GetDatum(Max(gap, 0));
	answer.values[answer.n++] = Int64GetDatum(clearing->nodes);
	answer.values[answer.n++] = Int64GetDatum(clearing->iterations);
	answer.values[answer.n++] = Float8GetDatum((GetCurrentTimestamp() - started) / 1e6);
	add_orders(&answer, clearing);
	add_cells(&answer, clearing);
	for (int f = 0; f < clearing->n_flows; f++)
		set_number(&answer, f, clearing->flows[f].flow);
	add_array(&answer, clearing->n_flows, FLOAT8OID);

	MemoryContextSwitchTo(caller);
	tuple = heap_form_tuple(BlessTupleDesc(tupdesc), answer.values, answer.nulls);
	MemoryContextDelete(context);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}
