/*
 * clearing_read.c
 *		From queries to an auction.
 *
 * Each query is run as the caller, through a cursor, and its columns are taken by
 * position after their types have been looked at.  Numbers that identify (cells,
 * orders) are the caller's; inside, both are counted from zero, cells in the order of their
 * numbers, orders in the order of arrival.  Whatever names an order or a cell
 * that is not there is refused, with the query and the value.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "clearing.h"

#define BATCH	10000

typedef struct Column
{
	const char *name;
	Oid			type;
	double		least;			/* of a number; NaN is never taken */
	double		most;
	bool		required;
} Column;

/* The numbers of cells or of orders, to find what they stand for. */
typedef struct NumberEntry
{
	int64		number;
	int			index;
	char		status;
} NumberEntry;

/* The finaliser of MurmurHash3 (public domain). */
static inline uint64
mix64(uint64 data)
{
	uint64		h = data;

	h ^= h >> 33;
	h *= 0xff51afd7ed558ccd;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53;
	h ^= h >> 33;
	return h;
}

#define SH_PREFIX		numbers
#define SH_ELEMENT_TYPE	NumberEntry
#define SH_KEY_TYPE		int64
#define SH_KEY			number
#define SH_HASH_KEY(tb, key)	((uint32) mix64((uint64) (key)))
#define SH_EQUAL(tb, a, b)		((a) == (b))
#define SH_SCOPE		static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Members of exclusions and limits come in any order; they are sorted into groups afterwards. */
typedef struct RawMember
{
	int64		group;
	int			order;
	double		coefficient;
	double		most;
} RawMember;

typedef struct Reader
{
	Clearing   *clearing;
	numbers_hash *cells;
	numbers_hash *orders;
	int			leg_space;
	int			order_space;
	int			cell_space;
	int			space;			/* of the array that the query at hand fills */
	RawMember  *raw;
	int			n_raw;
	MemoryContext context;
} Reader;

typedef void (*TakeRow) (Reader *reader, const int64 *ids, const double *values, const bool *nulls);

pg_noreturn static void
refuse(const char *what, const char *column, const char *value, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("query \"%s\" of clear_orders: %s \"%s\"", what, column, value),
			 errhint("%s", hint)));
}

/* Runs a query and hands over its rows: bigints in ids, float8s and booleans in values, by position. */
static void
read_query(Reader *reader, const char *what, const char *query, const Column *columns, int n_columns, TakeRow take)
{
	SPIPlanPtr	plan = SPI_prepare(query, 0, NULL);
	Portal		portal;
	int64		ids[8];
	double		values[8];
	bool		nulls[8];

	if (plan == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("query \"%s\" of clear_orders cannot be run", what),
				 errhint("Write one SELECT.")));
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	if (portal->tupDesc == NULL || portal->tupDesc->natts < n_columns)
		refuse(what, "columns missing, it needs", columns[n_columns - 1].name, "See the documentation of clear_orders for the columns of each query, in their order.");
	for (int i = 0; i < n_columns; i++)
		if (TupleDescAttr(portal->tupDesc, i)->atttypid != columns[i].type)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("query \"%s\" of clear_orders: column %d (%s) is of type %s, not %s", what, i + 1, columns[i].name,
							format_type_be(TupleDescAttr(portal->tupDesc, i)->atttypid), format_type_be(columns[i].type)),
					 errhint("Cast it.")));
	for (;;)
	{
		SPI_cursor_fetch(portal, true, BATCH);
		CHECK_FOR_INTERRUPTS();
		if (SPI_processed == 0)
			break;
		for (uint64 r = 0; r < SPI_processed; r++)
		{
			Datum		datums[8];
			MemoryContext caller;

			for (int i = 0; i < n_columns; i++)
			{
				datums[i] = SPI_getbinval(SPI_tuptable->vals[r], SPI_tuptable->tupdesc, i + 1, &nulls[i]);
				if (nulls[i])
				{
					if (columns[i].required)
						ereport(ERROR,
								(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
								 errmsg("query \"%s\" of clear_orders: %s is NULL", what, columns[i].name),
								 errhint("Give it a value, or leave the row out.")));
					values[i] = 0;
					ids[i] = 0;
				}
				else if (columns[i].type == INT8OID)
					ids[i] = DatumGetInt64(datums[i]);
				else if (columns[i].type == BOOLOID)
					values[i] = DatumGetBool(datums[i]);
				else
				{
					values[i] = DatumGetFloat8(datums[i]);
					if (!(values[i] >= columns[i].least && values[i] <= columns[i].most) || isinf(values[i]))
						ereport(ERROR,
								(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								 errmsg("query \"%s\" of clear_orders: %s \"%g\" is out of range", what, columns[i].name, values[i]),
								 errhint("It is from %g to %g.", columns[i].least, columns[i].most)));
				}
			}
			caller = MemoryContextSwitchTo(reader->context);
			take(reader, ids, values, nulls);
			MemoryContextSwitchTo(caller);
		}
		SPI_freetuptable(SPI_tuptable);
	}
	SPI_cursor_close(portal);
	SPI_freeplan(plan);
}

/* Room for one more in an array that doubles; large ones are allowed. */
#define MAKE_ROOM(array, n, space, type) \
	do { \
		if ((n) == (space)) \
		{ \
			(space) = (space) == 0 ? 256 : (space) * 2; \
			(array) = (array) == NULL \
				? MemoryContextAllocHuge(CurrentMemoryContext, sizeof(type) * (Size) (space)) \
				: repalloc_huge((array), sizeof(type) * (Size) (space)); \
		} \
	} while (0)

#define ANY		1e15

static int
find_cell(Reader *reader, int64 number)
{
	bool		found;
	Clearing   *clearing = reader->clearing;
	NumberEntry *entry = numbers_insert(reader->cells, number, &found);

	if (!found)
	{
		MAKE_ROOM(clearing->cells, clearing->n_cells, reader->cell_space, ClearingCell);
		memset(&clearing->cells[clearing->n_cells], 0, sizeof(ClearingCell));
		clearing->cells[clearing->n_cells].id = number;
		entry->index = clearing->n_cells++;
	}
	return entry->index;
}

static int
find_order(Reader *reader, const char *what, int64 number)
{
	NumberEntry *entry = numbers_lookup(reader->orders, number);

	if (entry == NULL)
		refuse(what, "no order has the number", psprintf(INT64_FORMAT, number), "Name orders of the query \"orders\".");
	return entry->index;
}

static const Column cell_columns[] = {
	{"cell", INT8OID, 0, 0, true},
	{"requirement", FLOAT8OID, 0, ANY, true},
	{"ceiling", FLOAT8OID, -ANY, ANY, false},
	{"at_least", BOOLOID, 0, 0, true}
};

static void
take_cell(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	int			before = reader->clearing->n_cells;
	int			c = find_cell(reader, ids[0]);

	if (c < before)
		refuse("cells", "there is more than one row for cell", psprintf(INT64_FORMAT, ids[0]), "Add the requirements up.");
	if (values[1] > 0 && nulls[2])
		refuse("cells", "there is a requirement without a ceiling in cell", psprintf(INT64_FORMAT, ids[0]), "Say what a unit that is short costs.");
	reader->clearing->cells[c].requirement = values[1];
	reader->clearing->cells[c].ceiling = values[2];
	reader->clearing->cells[c].at_least = values[3] != 0;
}

static const Column leg_columns[] = {
	{"order_id", INT8OID, 0, 0, true},
	{"cell", INT8OID, 0, 0, true},
	{"quantity", FLOAT8OID, -ANY, ANY, true},
	{"price", FLOAT8OID, -ANY, ANY, true}
};

static void
take_leg(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	Clearing   *clearing = reader->clearing;
	ClearingOrder *order;
	ClearingLeg *leg;

	if (clearing->n_orders == 0 || clearing->orders[clearing->n_orders - 1].id != ids[0])
	{
		if (clearing->n_orders == PG_INT32_MAX / 4)
			refuse("orders", "there are more orders than can be cleared at once, at", psprintf(INT64_FORMAT, ids[0]), "Clear cells that have nothing to do with one another separately.");
		MAKE_ROOM(clearing->orders, clearing->n_orders, reader->order_space, ClearingOrder);
		order = &clearing->orders[clearing->n_orders++];
		memset(order, 0, sizeof(ClearingOrder));
		order->id = ids[0];
		order->first_leg = clearing->n_legs;
		order->parent = order->displaced_by = -1;
	}
	order = &clearing->orders[clearing->n_orders - 1];
	MAKE_ROOM(clearing->legs, clearing->n_legs, reader->leg_space, ClearingLeg);
	leg = &clearing->legs[clearing->n_legs++];
	leg->cell = find_cell(reader, ids[1]);
	leg->quantity = values[2];
	leg->price = values[3];
	order->n_legs++;
	order->cost += leg->quantity * leg->price;
}

static const Column term_columns[] = {
	{"order_id", INT8OID, 0, 0, true},
	{"minimum", FLOAT8OID, 0, 1, false},
	{"fixed_cost", FLOAT8OID, 0, ANY, false}
};

static void
take_term(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	ClearingOrder *order = &reader->clearing->orders[find_order(reader, "terms", ids[0])];

	if (order->has_terms)
		refuse("terms", "there is more than one row for order", psprintf(INT64_FORMAT, ids[0]), "Name it once.");
	order->has_terms = true;
	order->minimum = values[1];
	order->fixed_cost = values[2];
}

static const Column exclusion_columns[] = {
	{"exclusion", INT8OID, 0, 0, true},
	{"order_id", INT8OID, 0, 0, true}
};

static void
take_member(Reader *reader, const char *what, int64 group, int64 order, double coefficient, double most)
{
	MAKE_ROOM(reader->raw, reader->n_raw, reader->space, RawMember);
	reader->raw[reader->n_raw++] = (RawMember) {group, find_order(reader, what, order), coefficient, most};
}

static void
take_exclusion(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	take_member(reader, "exclusions", ids[0], ids[1], 1, 1);
}

static const Column limit_columns[] = {
	{"limit_id", INT8OID, 0, 0, true},
	{"order_id", INT8OID, 0, 0, true},
	{"coefficient", FLOAT8OID, -ANY, ANY, true},
	{"most", FLOAT8OID, -ANY, ANY, true}
};

static void
take_limit(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	take_member(reader, "limits", ids[0], ids[1], values[2], values[3]);
}

static int
compare_members(const void *a, const void *b)
{
	const RawMember *x = a;
	const RawMember *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->order - y->order;
}

static void
group_members(const Reader *reader, const char *what, ClearingGroup **groups, int *n_groups, ClearingMember **members)
{
	RawMember  *raw = reader->raw;
	int			n_raw = reader->n_raw;

	*groups = palloc_array(ClearingGroup, n_raw + 1);
	*members = palloc_array(ClearingMember, n_raw + 1);
	*n_groups = 0;
	qsort(raw, n_raw, sizeof(RawMember), compare_members);
	for (int m = 0; m < n_raw; m++)
	{
		ClearingGroup *group;

		if (m == 0 || raw[m].group != raw[m - 1].group)
		{
			group = &(*groups)[(*n_groups)++];
			*group = (ClearingGroup) {raw[m].group, m, 0, raw[m].most};
		}
		group = &(*groups)[*n_groups - 1];
		if (group->most != raw[m].most)
			refuse(what, "there is more than one \"most\" for limit", psprintf(INT64_FORMAT, raw[m].group), "Give every row of a limit the same.");
		if (m > group->first_member && raw[m].order == raw[m - 1].order)
			refuse(what, "an order stands twice in", psprintf(INT64_FORMAT, raw[m].group), "Name it once.");
		(*members)[m] = (ClearingMember) {raw[m].order, raw[m].coefficient};
		group->n_members++;
	}
}

static const Column link_columns[] = {
	{"child", INT8OID, 0, 0, true},
	{"parent", INT8OID, 0, 0, true}
};

static void
take_link(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	Clearing   *clearing = reader->clearing;
	int			child = find_order(reader, "links", ids[0]);
	int			parent = find_order(reader, "links", ids[1]);

	if (clearing->orders[child].parent >= 0)
		refuse("links", "there is more than one parent of", psprintf(INT64_FORMAT, ids[0]), "An order hangs on one other.");
	for (int up = parent; up >= 0; up = clearing->orders[up].parent)
		if (up == child)
			refuse("links", "an order would hang on itself:", psprintf(INT64_FORMAT, ids[0]), "Links go from child to parent and never round.");
	clearing->orders[child].parent = parent;
	clearing->orders[parent].limited = true;
}

static const Column flow_columns[] = {
	{"from_cell", INT8OID, 0, 0, true},
	{"to_cell", INT8OID, 0, 0, true},
	{"least", FLOAT8OID, -ANY, ANY, true},
	{"most", FLOAT8OID, -ANY, ANY, true},
	{"loss", FLOAT8OID, 0, 1, true}
};

static void
take_flow(Reader *reader, const int64 *ids, const double *values, const bool *nulls)
{
	Clearing   *clearing = reader->clearing;
	ClearingFlow flow = {0};

	flow.from = find_cell(reader, ids[0]);
	flow.to = find_cell(reader, ids[1]);
	flow.least = values[2];
	flow.most = values[3];
	flow.loss = values[4];
	if (flow.from == flow.to)
		refuse("flows", "a flow stays in cell", psprintf(INT64_FORMAT, ids[0]), "Name two cells.");
	if (flow.least > flow.most)
		refuse("flows", "the least is above the most in a flow from cell", psprintf(INT64_FORMAT, ids[0]), "Write the lesser number first.");
	if (flow.loss > 0 && flow.least < 0)
		refuse("flows", "a flow with losses goes both ways, from cell", psprintf(INT64_FORMAT, ids[0]), "Write two flows, each with a least of zero or more.");
	MAKE_ROOM(clearing->flows, clearing->n_flows, reader->space, ClearingFlow);
	clearing->flows[clearing->n_flows++] = flow;
}

static int
compare_cells(const void *a, const void *b, void *arg)
{
	const Clearing *clearing = arg;
	int64		x = clearing->cells[*(const int *) a].id;
	int64		y = clearing->cells[*(const int *) b].id;

	return x < y ? -1 : x > y;
}

/* Cells in the order of their numbers. */
static void
sort_cells(Clearing *clearing)
{
	int		   *order = palloc_array(int, clearing->n_cells + 1);
	int		   *place = palloc_array(int, clearing->n_cells + 1);
	ClearingCell *sorted = palloc_array(ClearingCell, clearing->n_cells + 1);

	for (int c = 0; c < clearing->n_cells; c++)
		order[c] = c;
	qsort_arg(order, clearing->n_cells, sizeof(int), compare_cells, clearing);
	for (int c = 0; c < clearing->n_cells; c++)
	{
		place[order[c]] = c;
		sorted[c] = clearing->cells[order[c]];
	}
	for (int l = 0; l < clearing->n_legs; l++)
		clearing->legs[l].cell = place[clearing->legs[l].cell];
	for (int f = 0; f < clearing->n_flows; f++)
	{
		clearing->flows[f].from = place[clearing->flows[f].from];
		clearing->flows[f].to = place[clearing->flows[f].to];
	}
	clearing->cells = sorted;
}

static int
compare_ranks(const void *a, const void *b, void *arg)
{
	const uint64 *keys = arg;
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	if (keys[x] != keys[y])
		return keys[x] < keys[y] ? -1 : 1;
	return x - y;
}

/* Who comes first among ties: whoever arrived first, or a draw that the seed decides. */
static void
rank_orders(Clearing *clearing, int64 seed)
{
	uint64	   *keys;
	int		   *order;

	for (int o = 0; o < clearing->n_orders; o++)
		clearing->orders[o].rank = o;
	if (seed == 0)
		return;
	keys = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint64) * (Size) (clearing->n_orders + 1));
	order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * (Size) (clearing->n_orders + 1));
	for (int o = 0; o < clearing->n_orders; o++)
	{
		keys[o] = mix64((uint64) clearing->orders[o].id ^ mix64((uint64) seed));
		order[o] = o;
	}
	qsort_arg(order, clearing->n_orders, sizeof(int), compare_ranks, keys);
	for (int r = 0; r < clearing->n_orders; r++)
		clearing->orders[order[r]].rank = r;
}

Clearing *
clearing_read(const ClearingQueries *queries, int64 seed)
{
	Reader		reader = {0};
	Clearing   *clearing = palloc0(sizeof(Clearing));

	reader.clearing = clearing;
	reader.context = CurrentMemoryContext;
	reader.cells = numbers_create(CurrentMemoryContext, 64, NULL);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (queries->cells != NULL)
		read_query(&reader, "cells", queries->cells, cell_columns, lengthof(cell_columns), take_cell);
	read_query(&reader, "orders", queries->orders, leg_columns, lengthof(leg_columns), take_leg);
	if (queries->terms != NULL || queries->exclusions != NULL || queries->links != NULL || queries->limits != NULL)
	{
		reader.orders = numbers_create(reader.context, clearing->n_orders + 1, NULL);
		for (int o = 0; o < clearing->n_orders; o++)
		{
			bool		found;
			NumberEntry *entry = numbers_insert(reader.orders, clearing->orders[o].id, &found);

			if (found)
				refuse("orders", "the rows do not stand together of order", psprintf(INT64_FORMAT, clearing->orders[o].id), "Sort the query by order_id.");
			entry->index = o;
		}
	}
	if (queries->terms != NULL)
		read_query(&reader, "terms", queries->terms, term_columns, lengthof(term_columns), take_term);
	if (queries->links != NULL)
		read_query(&reader, "links", queries->links, link_columns, lengthof(link_columns), take_link);
	if (queries->exclusions != NULL)
	{
		reader.raw = NULL;
		reader.n_raw = reader.space = 0;
		read_query(&reader, "exclusions", queries->exclusions, exclusion_columns, lengthof(exclusion_columns), take_exclusion);
		MemoryContextSwitchTo(reader.context);
		group_members(&reader, "exclusions", &clearing->exclusions, &clearing->n_exclusions, &clearing->excluded);
		for (int m = 0; m < reader.n_raw; m++)
			clearing->orders[reader.raw[m].order].excluded = true;
	}
	if (queries->limits != NULL)
	{
		reader.raw = NULL;
		reader.n_raw = reader.space = 0;
		read_query(&reader, "limits", queries->limits, limit_columns, lengthof(limit_columns), take_limit);
		MemoryContextSwitchTo(reader.context);
		group_members(&reader, "limits", &clearing->limits, &clearing->n_limits, &clearing->limited);
		for (int m = 0; m < reader.n_raw; m++)
			clearing->orders[reader.raw[m].order].limited = true;
	}
	if (queries->flows != NULL)
	{
		reader.space = 0;
		read_query(&reader, "flows", queries->flows, flow_columns, lengthof(flow_columns), take_flow);
	}
	MemoryContextSwitchTo(reader.context);
	sort_cells(clearing);
	rank_orders(clearing, seed);
	SPI_finish();
	MemoryContextSwitchTo(reader.context);
	return clearing;
}
