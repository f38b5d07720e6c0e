/*
 * sweep.c
 *		The whole book at once: what should be open, and what other rules would say.
 *
 * The live commitments are read in the order in which they are stored and sorted by
 * PostgreSQL (work_mem bounds it, files take the rest), to come unit by unit.  All that concerns a unit is in
 * memory only while its turn lasts; so is what stands on units that draw on the same
 * assets, which is looked up where anybody has sold such.  What is to be said of each of its
 * commitments is said by the same code as event by event (examine.c).
 *
 *	sweep_book		compares that with the open rows of table conflict.  Where the
 *					two differ, it locks the unit as whoever changes the register
 *					does, and examines the commitment again as an event would: so
 *					nothing is written from an old reading, and a sweep may run
 *					beside trading.  Where nothing differs nothing is written.
 *					Dispatches against the network are looked at again in batches.
 *	replay_book		compares that with what another ruleset would say, and
 *					writes nothing.
 *
 * A finding is on the challenger, so a window selects challengers; whatever
 * else the unit has is looked at with them.
 */
#include "postgres.h"
#include "compat.h"

#include "access/table.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"

#include "conflict.h"
#include "counteraction.h"
#include "errors.h"
#include "examine.h"
#include "exclusivity.h"
#include "json.h"
#include "owner.h"

#define BATCH_ROWS			5000	/* of findings from a cursor */
#define RESET_ROWS			1000
#define UNIT_MEMORY			((Size) 64 * 1024)
#define MESSAGE_EVERY_MS	10000

/* What a unit has in the book, and what it is judged by. */
typedef struct UnitBook
{
	int64		unit_id;
	bool		portfolio;
	int			n;
	Commitment *commitments;	/* in order of posting */
	bool		registered;		/* is the unit still there */
	TimeWindow	hull;			/* of all that it has */
	Capacity	capacity[2];	/* up, down, over it */
	Reach		reach;			/* what headroom depends on, in order of posting */
	UnitTerms	terms;
	int			nagreements;
	Exclusivity *agreements;
} UnitBook;

/* An open finding and what is compared of it. */
typedef struct StoredDetail
{
	int64		unit_id;
	StoredFinding finding;
	bool		advisory;
	TimeWindow	overlap;
	int64		short_w;
} StoredDetail;

/* A commitment whose rows are to be settled. */
typedef struct Difference
{
	int64		unit_id;
	bool		portfolio;
	int64		commitment_id;
} Difference;

/*
 * A commitment on its way to be sorted: a row of its unit, its id, and this, as a bytea.
 * Half the time of a sweep is sorting, which goes by the size of what is sorted, so
 * links to others, which few commitments have, are there only where one is.
 */
typedef struct PackedCommitment
{
	int32		size;			/* what makes it a bytea */
	int16		service;
	uint8		stage;
	bool		portfolio;
	bool		down;
	bool		headroom_checked;
	int64		source_id;
	int64		product_id;
	int64		market_operator_id;
	int64		service_provider_id;
	int64		power_w;
	TimeWindow	window;
	int64		links[STAGE_DISPATCH + 1];	/* ancestors, supersedes_id */
} PackedCommitment;

/* The book, sorted by unit, then id. */
typedef struct BookSort
{
	DestReceiver receiver;		/* of the query's rows */
	Instance   *instance;
	Rulebook   *rulebook;		/* by which services are numbered */
	Tuplesortstate *sorted;
	TupleTableSlot *slot;
	MemoryContext context;		/* of some rows */
	int64		received;
	bool		has_portfolios;
	PackedCommitment packed;
	Commitment	current;
} BookSort;

/* Rows of a cursor, batch by batch. */
typedef struct Stream
{
	Portal		portal;
	MemoryContext context;		/* of one batch */
	bool		ended;
	int			n;
	int			next;
	void	   *rows;
} Stream;

typedef struct Sweep Sweep;
typedef void (*UnitFunction) (Sweep *sweep, UnitBook *unit);

struct Sweep
{
	Instance   *instance;
	TimeWindow	span;
	UnitFunction visit;
	BookSort   *book;
	UnitReader *units;
	MemoryContext unit_context;
	int64		examined;		/* commitments */
	double		expected;		/* the same, for messages; an estimate */
	bool		may_share;		/* may units draw on the same assets */
	TimestampTz last_message;

	/* sweep_book */
	Stream		stored;
	StoredDetail *details;		/* of the unit at hand */
	int			ndetails;
	int			details_allocated;
	Difference *differences;
	int			ndifferences;
	int			differences_allocated;

	/* replay_book */
	Rulebook   *proposed;
	ReturnSetInfo *result;
};

/* ----------
 * Streams
 * ----------
 */

static void
stream_open(Stream *stream, Instance *instance, const char *format, const TimeWindow *span)
{
	char	   *sql = psprintf(format, instance->schema);
	Oid			types[1];
	Datum		values[1];
	SPIPlanPtr	plan;

	types[0] = instance->window_type;
	values[0] = TimeWindowPGetDatum(span);
	plan = SPI_prepare(sql, 1, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql, SPI_result_code_string(SPI_result));
	memset(stream, 0, sizeof(Stream));
	stream->portal = SPI_cursor_open(NULL, plan, values, NULL, true);
	stream->context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange batch", ALLOCSET_DEFAULT_SIZES);
}

/* Fetch the next batch; false when there is none.  Its rows are in SPI_tuptable. */
static bool
stream_fetch(Stream *stream)
{
	MemoryContext context = CurrentMemoryContext;

	if (stream->ended)
		return false;
	MemoryContextReset(stream->context);
	SPI_cursor_fetch(stream->portal, true, BATCH_ROWS);
	MemoryContextSwitchTo(context);
	stream->n = (int) SPI_processed;
	stream->next = 0;
	stream->ended = stream->n == 0;
	if (stream->ended)
		SPI_freetuptable(SPI_tuptable);
	return !stream->ended;
}

static const StoredDetail *
peek_stored(Sweep *sweep)
{
	Stream	   *stream = &sweep->stored;

	if (stream->next == stream->n)
	{
		StoredDetail *rows;

		if (!stream_fetch(stream))
			return NULL;
		rows = MemoryContextAllocZero(stream->context, stream->n * sizeof(StoredDetail));
		for (int i = 0; i < stream->n; i++)
		{
			HeapTuple	row = SPI_tuptable->vals[i];
			TupleDesc	desc = SPI_tuptable->tupdesc;
			bool		isnull;
			Datum		short_kw;

			rows[i].unit_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
			stored_finding_read(row, desc, 2, &rows[i].finding);
			rows[i].advisory = DatumGetBool(SPI_getbinval(row, desc, 5, &isnull));
			rows[i].overlap = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 6, &isnull));
			short_kw = SPI_getbinval(row, desc, 7, &isnull);
			rows[i].short_w = isnull ? 0 : power_w_of_kw(short_kw);
		}
		SPI_freetuptable(SPI_tuptable);
		stream->rows = rows;
	}
	return &((const StoredDetail *) stream->rows)[stream->next];
}

/* ----------
 * The book, sorted
 * ----------
 */

static void
receive_startup(DestReceiver *receiver, int operation, TupleDesc desc)
{
}

static void
pack(const Commitment *commitment, PackedCommitment *packed)
{
	bool		has_links = commitment->supersedes_id != 0;

	packed->service = commitment->service;
	packed->stage = commitment->stage;
	packed->portfolio = commitment->portfolio;
	packed->down = commitment->down;
	packed->headroom_checked = commitment->headroom_checked;
	packed->source_id = commitment->source_id;
	packed->product_id = commitment->product_id;
	packed->market_operator_id = commitment->market_operator_id;
	packed->service_provider_id = commitment->service_provider_id;
	packed->power_w = commitment->power_w;
	packed->window = commitment->window;
	for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
	{
		packed->links[stage] = commitment->ancestor[stage];
		has_links |= commitment->ancestor[stage] != 0;
	}
	packed->links[STAGE_DISPATCH] = commitment->supersedes_id;
	SET_VARSIZE(packed, has_links ? sizeof(PackedCommitment) : offsetof(PackedCommitment, links));
}

static void
unpack(int64 unit_id, int64 id, struct varlena *bytes, Commitment *commitment)
{
	PackedCommitment packed;

	memset(&packed, 0, sizeof(packed));
	memcpy((char *) &packed + VARHDRSZ, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	memset(commitment, 0, sizeof(Commitment));
	commitment->unit_id = unit_id;
	commitment->id = id;
	commitment->service = packed.service;
	commitment->stage = (Stage) packed.stage;
	commitment->portfolio = packed.portfolio;
	commitment->down = packed.down;
	commitment->headroom_checked = packed.headroom_checked;
	commitment->source_id = packed.source_id;
	commitment->product_id = packed.product_id;
	commitment->market_operator_id = packed.market_operator_id;
	commitment->service_provider_id = packed.service_provider_id;
	commitment->power_w = packed.power_w;
	commitment->window = packed.window;
	memcpy(commitment->ancestor, packed.links, sizeof(commitment->ancestor));
	commitment->supersedes_id = packed.links[STAGE_DISPATCH];
}

static bool
receive_commitment(TupleTableSlot *row, DestReceiver *receiver)
{
	BookSort   *book = (BookSort *) receiver;
	MemoryContext outside = MemoryContextSwitchTo(book->context);
	Commitment	commitment;

	(void) book_from_slot(book->instance, row, &commitment);
	book->has_portfolios |= commitment.portfolio;
	pack(&commitment, &book->packed);
	ExecClearTuple(book->slot);
	book->slot->tts_values[0] = Int64GetDatum(commitment.unit_id);
	book->slot->tts_values[1] = Int64GetDatum(commitment.id);
	book->slot->tts_values[2] = PointerGetDatum(&book->packed);
	ExecStoreVirtualTuple(book->slot);
	tuplesort_puttupleslot(book->sorted, book->slot);
	MemoryContextSwitchTo(outside);
	if (++book->received % RESET_ROWS == 0)
		MemoryContextReset(book->context);
	return true;
}

static void
receive_nothing(DestReceiver *receiver)
{
}

/* Read the commitments that a query of BOOK_COLUMN_LIST finds for a span, and sort them by unit, then id. */
static BookSort *
sort_book(Instance *instance, const char *format, const TimeWindow *span)
{
	BookSort   *book = palloc0(sizeof(BookSort));
	AttrNumber	columns[2] = {1, 2};
	Oid			operators[2] = {Int8LessOperator, Int8LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};
	TupleDesc	desc = CreateTemplateTupleDesc(3);
	SPIExecuteOptions options = {0};
	SPIPlanPtr	plan;
	Oid			types[1] = {instance->window_type};
	int			result;

	TupleDescInitEntry(desc, 1, "unit_id", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 2, "id", INT8OID, -1, 0);
	TupleDescInitEntry(desc, 3, "commitment", BYTEAOID, -1, 0);
	book->receiver.receiveSlot = receive_commitment;
	book->receiver.rStartup = receive_startup;
	book->receiver.rShutdown = receive_nothing;
	book->receiver.rDestroy = receive_nothing;
	book->receiver.mydest = DestTuplestore; /* kept by the receiver, not by SPI */
	book->instance = instance;
	book->rulebook = instance->rulebook;
	book->sorted = tuplesort_begin_heap(desc, 2, columns, operators, collations, nulls_first, work_mem, NULL, TUPLESORT_NONE);
	book->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	book->context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange rows", ALLOCSET_DEFAULT_SIZES);

	plan = SPI_prepare(psprintf(format, instance->schema), 1, types);
	if (plan == NULL)
		elog(ERROR, "could not prepare the query of the book: %s", SPI_result_code_string(SPI_result));
	options.params = makeParamList(1);
	options.params->params[0] = (ParamExternData) {TimeWindowPGetDatum(span), false, PARAM_FLAG_CONST, types[0]};
	options.read_only = true;
	options.dest = &book->receiver;
	result = SPI_execute_plan_extended(plan, &options);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "could not read the book: %s", SPI_result_code_string(result));
	SPI_freeplan(plan);
	ExecDropSingleTupleTableSlot(book->slot);
	MemoryContextDelete(book->context);
	tuplesort_performsort(book->sorted);
	book->slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	return book;
}

static void
sort_end(BookSort *book)
{
	tuplesort_end(book->sorted);
	ExecDropSingleTupleTableSlot(book->slot);
}

/* The next commitment, NULL when there is none; good until the next call. */
static const Commitment *
next_commitment(BookSort *book)
{
	if (!tuplesort_gettupleslot(book->sorted, true, false, book->slot, NULL))
		return NULL;
	slot_getallattrs(book->slot);
	unpack(DatumGetInt64(book->slot->tts_values[0]), DatumGetInt64(book->slot->tts_values[1]),
		   (struct varlena *) DatumGetPointer(book->slot->tts_values[2]), &book->current);
	if (book->instance->rulebook != book->rulebook)
	{
		/* a trigger on a finding changed the rules meanwhile */
		const char *code = book->rulebook->services[book->current.service];

		book->current.service = rulebook_service(book->instance->rulebook, code, strlen(code));
		if (book->current.service < 0)
			elog(ERROR, "service \"%s\" is not in the rules", code);
	}
	return &book->current;
}

/* ----------
 * What is to be said of a unit
 * ----------
 */

static int
start_compare(const void *x, const void *y)
{
	const Commitment *a = *(const Commitment *const *) x;
	const Commitment *b = *(const Commitment *const *) y;

	return a->window.start_us < b->window.start_us ? -1 : a->window.start_us > b->window.start_us;
}

static int
event_compare(const void *x, const void *y)
{
	int64		a = ((const int64 *) x)[0];
	int64		b = ((const int64 *) y)[0];

	return a < b ? -1 : a > b;
}

/* Does all the power in reach of one direction together fit at every instant? */
static bool
all_fit(const UnitBook *unit, bool down)
{
	int64	   *events = palloc(sizeof(int64) * 4 * unit->reach.n);	/* instant, power */
	int			n = 0;
	int64		least_w = PG_INT64_MAX;
	int64		power_w = 0;
	bool		fit = true;

	for (int i = 0; i < unit->capacity[down].nspans; i++)
		if (unit->capacity[down].spans[i].known)
			least_w = Min(least_w, unit->capacity[down].spans[i].power_w);
	for (int i = 0; i < unit->reach.n; i++)
	{
		const Commitment *commitment = &unit->reach.commitments[i];

		if (commitment->down != down)
			continue;
		events[n++] = commitment->window.start_us;
		events[n++] = commitment->power_w;
		events[n++] = commitment->window.end_us;
		events[n++] = -commitment->power_w;
	}
	qsort(events, n / 2, 2 * sizeof(int64), event_compare);
	for (int i = 0; i < n && fit; i += 2)
	{
		power_w += events[i + 1];
		/* at one instant the ends count with the starts */
		if (i + 2 == n || events[i + 2] != events[i])
			fit = power_w <= least_w;
	}
	pfree(events);
	return fit;
}

/* Does what a unit can be given depend on more than its power? */
static bool
any_bars(Instance *instance, const UnitBook *unit)
{
	return unit->reach.n > 0 &&
		headroom_may_bar(instance->rulebook, &unit->reach.commitments[0], unit->reach.commitments + 1, unit->reach.n - 1);
}

/* The pairs of a unit, each once. */
static void
pairs_of_unit(Instance *instance, const UnitBook *unit, Findings *found)
{
	const Commitment **by_start = palloc(unit->n * sizeof(Commitment *));

	for (int i = 0; i < unit->n; i++)
		by_start[i] = &unit->commitments[i];
	qsort(by_start, unit->n, sizeof(Commitment *), start_compare);
	for (int i = 0; i < unit->n; i++)
	{
		TimeWindow	near = time_window_widen(&by_start[i]->window,
											 pair_reach_us(instance->rulebook, by_start[i], &unit->terms));

		CHECK_FOR_INTERRUPTS();
		for (int j = i + 1; j < unit->n && by_start[j]->window.start_us < near.end_us; j++)
			examine_pair(instance, by_start[i], by_start[j], &unit->terms, found);
	}
	pfree(by_start);
}

/* The runs of a unit in one direction: each against what was posted before within it. */
static void
runs_of_unit(Instance *instance, const UnitBook *unit, bool down, const TimeWindow *span, Findings *found)
{
	const Commitment **by_start = palloc(unit->n * sizeof(Commitment *));
	Commitment *run = palloc(unit->n * sizeof(Commitment));
	int			n = 0;

	for (int i = 0; i < unit->n; i++)
		if (unit->commitments[i].down == down && is_energy(instance, &unit->commitments[i]))
			by_start[n++] = &unit->commitments[i];
	qsort(by_start, n, sizeof(Commitment *), start_compare);
	for (int first = 0, next; first < n; first = next)
	{
		TimeWindow	window = by_start[first]->window;

		for (next = first + 1; next < n && by_start[next]->window.start_us <= window.end_us; next++)
			window = time_window_cover(&window, &by_start[next]->window);
		for (int i = first; i < next; i++)
			run[i - first] = *by_start[i];
		qsort(run, next - first, sizeof(Commitment), commitment_compare);
		for (int i = first; i < next; i++)
			if (time_window_overlaps(&by_start[i]->window, span))
				examine_run(instance, by_start[i], &unit->terms, run, next - first, found);
	}
	pfree(by_start);
	pfree(run);
}

/* The headroom of a unit in one direction. */
static void
headroom_of_unit(Instance *instance, const UnitBook *unit, bool down, const TimeWindow *span, Findings *found)
{
	Supply	   *supply = supply_look(instance, &unit->reach, down, &unit->hull);

	for (int i = 0, before = 0; i < unit->n; i++)
	{
		const Commitment *subject = &unit->commitments[i];

		CHECK_FOR_INTERRUPTS();
		while (before < unit->reach.n && unit->reach.commitments[before].id < subject->id)
			before++;
		if (subject->down == down && time_window_overlaps(&subject->window, span))
			examine_headroom(instance, subject, supply, unit->reach.commitments, before, found);
	}
}

/* All that is to be said of the commitments of a unit that overlap a span. */
static void
findings_on_unit(Instance *instance, const UnitBook *unit, const TimeWindow *span, Findings *found)
{
	int			kept = 0;

	if (unit->n > 1)
		pairs_of_unit(instance, unit, found);
	for (int down = 0; down < 2; down++)
	{
		if (terms_limit_runs(&unit->terms))
			runs_of_unit(instance, unit, down != 0, span, found);
		if (unit->registered &&
			(!all_fit(unit, down != 0) || any_bars(instance, unit)))
			headroom_of_unit(instance, unit, down != 0, span, found);
	}
	for (int i = 0; i < unit->n && unit->nagreements > 0; i++)
		examine_agreements(instance, &unit->commitments[i], unit->agreements, unit->nagreements, found);

	for (int i = 0; i < found->n; i++)
		if (time_window_overlaps(&found->items[i].challenger->window, span))
			found->items[kept++] = found->items[i];
	found->n = kept;
}

/* ----------
 * Going through the book
 * ----------
 */

static void
tell_progress(Sweep *sweep)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(sweep->last_message, now, MESSAGE_EVERY_MS))
	{
		sweep->last_message = now;
		ereport(NOTICE,
				(errmsg("examined " INT64_FORMAT " of about %.0f live commitments",
						sweep->examined, Max(sweep->expected, (double) sweep->examined))));
	}
}

static bool
concerns_all(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return true;
}

/* What the unit is judged by, over all that it has. */
static void
read_unit(Sweep *sweep, UnitBook *unit)
{
	TimeWindow	hull = unit->commitments[0].window;
	Commitment	self = {.unit_id = unit->unit_id,.portfolio = unit->portfolio};
	bool		energy = false;

	for (int i = 0; i < unit->n; i++)
	{
		hull = time_window_cover(&hull, &unit->commitments[i].window);
		energy |= is_energy(sweep->instance, &unit->commitments[i]);
	}
	unit->hull = self.window = hull;
	unit->registered = unit_reader_look(sweep->units, unit->unit_id, unit->portfolio, &hull,
										unit->capacity, energy ? &unit->terms : NULL);
	reach_take(sweep->instance, &self, unit->commitments, unit->n, concerns_all, &unit->reach);
	if (!sweep->may_share)
		unit->reach.of_first.known = true;	/* there are no partners */
	reach_look(sweep->instance, &self, concerns_all, &unit->reach);
	if (unit->reach.n > unit->n)
		qsort(unit->reach.commitments, unit->reach.n, sizeof(Commitment), commitment_compare);
	if (!no_exclusivity(sweep->instance))
		unit->agreements = exclusivities_read(sweep->instance, unit->unit_id, &hull, &unit->nagreements);
}

static void
go_through(Sweep *sweep)
{
	MemoryContext outside = CurrentMemoryContext;
	const Commitment *next = next_commitment(sweep->book);
	int			allocated = 64;
	Commitment *commitments = palloc(allocated * sizeof(Commitment));

	while (next != NULL)
	{
		UnitBook	unit = {.unit_id = next->unit_id,.portfolio = next->portfolio};

		unit.terms.energy_wh = unit.terms.max_duration_us = NOT_DECLARED;
		for (; next != NULL && next->unit_id == unit.unit_id; next = next_commitment(sweep->book))
		{
			CHECK_FOR_INTERRUPTS();
			if (unit.n == allocated)
				commitments = repalloc_huge(commitments, (allocated *= 2) * sizeof(Commitment));
			commitments[unit.n++] = *next;
		}
		unit.commitments = commitments;
		MemoryContextSwitchTo(sweep->unit_context);
		read_unit(sweep, &unit);
		sweep->visit(sweep, &unit);
		MemoryContextSwitchTo(outside);
		MemoryContextReset(sweep->unit_context);
		sweep->examined += unit.n;
		tell_progress(sweep);
	}
	pfree(commitments);
	unit_reader_end(sweep->units);
	sort_end(sweep->book);
}

static const char *const everything_query =
"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment WHERE closed_at IS NULL AND $1 IS NOT NULL";

static const char *const touched_query =
"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment WHERE closed_at IS NULL AND unit_id OPERATOR(pg_catalog.=) ANY "
"(SELECT unit_id FROM %1$s.commitment WHERE closed_at IS NULL AND delivery_window OPERATOR(flexexchange.&&) $1)";

#define STORED_DETAILS(of_span) \
	"SELECT k.unit_id::pg_catalog.int8, " STORED_COLUMNS ", k.severity OPERATOR(pg_catalog.=) 'advisory'::pg_catalog.text, " \
	"k.overlap::flexexchange.time_window, k.short_kw::pg_catalog.numeric FROM %1$s.conflict k " \
	"WHERE k.closed_at IS NULL AND k.kind OPERATOR(pg_catalog.<>) 'counteraction'::pg_catalog.text AND " of_span \
	" ORDER BY k.unit_id, k.challenger_id"

static const char *const everything_stored_query = STORED_DETAILS("$1 IS NOT NULL");

static const char *const touched_stored_query =
STORED_DETAILS("EXISTS (SELECT FROM %1$s.commitment c WHERE c.id OPERATOR(pg_catalog.=) k.challenger_id "
			   "AND c.delivery_window OPERATOR(flexexchange.&&) $1)");

static bool
is_everything(const TimeWindow *span)
{
	return span->start_us == TIME_WINDOW_NO_BEGIN && span->end_us == TIME_WINDOW_NO_END;
}

static const SavedQuery may_share_query = {
	QUERY_MAY_SHARE,
	"SELECT EXISTS (SELECT FROM %1$s.asset_connection) OR ($1 AND "
	"EXISTS (SELECT FROM %1$s.commitment WHERE closed_at IS NULL AND unit_kind OPERATOR(pg_catalog.=) 'portfolio'::pg_catalog.text))",
	1, {BOOLOID}
};

static void
sweep_begin(Sweep *sweep, Instance *instance, const TimeWindow *span, UnitFunction visit, float4 reltuples)
{
	bool		isnull;
	Datum		values[1];

	memset(sweep, 0, sizeof(Sweep));
	sweep->instance = instance;
	sweep->span = *span;
	sweep->visit = visit;
	sweep->expected = reltuples;
	sweep->last_message = GetCurrentTimestamp();
	/* what most units need stays allocated from one to the next */
	sweep->unit_context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange unit",
												UNIT_MEMORY, UNIT_MEMORY, ALLOCSET_DEFAULT_MAXSIZE);
	/* of a part of the book it is not known what the rest holds; all of it is read anyhow */
	values[0] = BoolGetDatum(!is_everything(span));
	instance_query(instance, &may_share_query, values, NULL, 1);
	sweep->may_share = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	sweep->units = unit_reader_begin(instance);
	sweep->book = sort_book(instance, is_everything(span) ? everything_query : touched_query, span);
	sweep->may_share |= sweep->book->has_portfolios;
}

/* ----------
 * sweep_book
 * ----------
 */

/* Examine again, each under its unit's lock, the commitments whose rows differ. */
static void
settle_differences(Sweep *sweep)
{
	int64		locked = 0;

	for (int i = 0; i < sweep->ndifferences; i++)
	{
		Difference *difference = &sweep->differences[i];
		Commitment	commitment;

		CHECK_FOR_INTERRUPTS();
		if (difference->unit_id != locked)
		{
			unit_lock(sweep->instance, difference->unit_id, difference->portfolio);
			locked = difference->unit_id;
		}
		if (book_get(sweep->instance, difference->commitment_id, &commitment))
			conflict_reexamine(sweep->instance, &commitment);
		else
			finding_close_all(sweep->instance, difference->commitment_id);
		tell_progress(sweep);
	}
	sweep->ndifferences = 0;
}

static void
note_difference(Sweep *sweep, int64 unit_id, bool portfolio, int64 commitment_id)
{
	Difference *last = sweep->ndifferences > 0 ? &sweep->differences[sweep->ndifferences - 1] : NULL;

	if (last != NULL && last->commitment_id == commitment_id)
		return;
	if (sweep->ndifferences == sweep->differences_allocated)
	{
		MemoryContext owner = GetMemoryChunkContext(sweep);

		sweep->differences_allocated = Max(1024, 2 * sweep->differences_allocated);
		if (sweep->differences == NULL)
			sweep->differences = MemoryContextAlloc(owner, sweep->differences_allocated * sizeof(Difference));
		else
			sweep->differences = repalloc_huge(sweep->differences, sweep->differences_allocated * sizeof(Difference));
	}
	Assert(sweep->differences != NULL);
	sweep->differences[sweep->ndifferences++] = (Difference) {unit_id, portfolio, commitment_id};
}

static int64
finding_other_id(const Finding *finding)
{
	return finding->incumbent != NULL ? finding->incumbent->id :
		finding->exclusivity != NULL ? finding->exclusivity->id : 0;
}

static bool
same_finding(const Finding *found, const StoredDetail *stored)
{
	return found->kind == stored->finding.kind && found->challenger->id == stored->finding.challenger_id &&
		finding_other_id(found) == stored->finding.other_id && found->advisory == stored->advisory &&
		time_window_equal(&found->overlap, &stored->overlap) &&
		(found->headroom == NULL ? 0 : found->headroom->short_w) == stored->short_w;
}

/* Bring the stored findings up to those of a unit; what lies before it has no live commitment. */
static void
read_stored(Sweep *sweep, int64 unit_id)
{
	const StoredDetail *stored;

	sweep->ndetails = 0;
	while ((stored = peek_stored(sweep)) != NULL && stored->unit_id <= unit_id)
	{
		if (stored->unit_id < unit_id)
			note_difference(sweep, stored->unit_id, false, stored->finding.challenger_id);
		else
		{
			if (sweep->ndetails == sweep->details_allocated)
			{
				MemoryContext owner = GetMemoryChunkContext(sweep);

				sweep->details_allocated = Max(64, 2 * sweep->details_allocated);
				if (sweep->details == NULL)
					sweep->details = MemoryContextAlloc(owner, sweep->details_allocated * sizeof(StoredDetail));
				else
					sweep->details = repalloc_huge(sweep->details, sweep->details_allocated * sizeof(StoredDetail));
			}
			sweep->details[sweep->ndetails++] = *stored;
		}
		sweep->stored.next++;
	}
}

static void
compare_unit(Sweep *sweep, UnitBook *unit)
{
	Findings	found = {0};
	bool	   *is_open;

	findings_on_unit(sweep->instance, unit, &sweep->span, &found);
	read_stored(sweep, unit->unit_id);
	is_open = palloc0(Max(found.n, 1) * sizeof(bool));
	for (int i = 0; i < sweep->ndetails; i++)
	{
		bool		holds = false;

		for (int j = 0; j < found.n && !holds; j++)
			if (same_finding(&found.items[j], &sweep->details[i]))
				holds = is_open[j] = true;
		if (!holds)
			note_difference(sweep, unit->unit_id, unit->portfolio, sweep->details[i].finding.challenger_id);
	}
	for (int j = 0; j < found.n; j++)
		if (!is_open[j])
			note_difference(sweep, unit->unit_id, unit->portfolio, found.items[j].challenger->id);
	for (int i = 0; i < unit->n && unit->registered; i++)
	{
		const Commitment *commitment = &unit->commitments[i];

		if (time_window_overlaps(&commitment->window, &sweep->span) &&
			capacity_known_during(&unit->capacity[commitment->down], &commitment->window) != commitment->headroom_checked)
			note_difference(sweep, unit->unit_id, unit->portfolio, commitment->id);
	}
	/* what follows may be as much again */
	if (sweep->ndifferences * sizeof(Difference) > work_mem * (Size) 1024 / 2)
		settle_differences(sweep);
}

/* Open a book that the caller may act for; errors out otherwise. */
static Relation
open_book(Oid relid)
{
	Relation	book;

	if (!flex_class_ownercheck(relid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of table %s", get_rel_name(relid) == NULL ? "?" : get_rel_name(relid)),
				 errhint("Call detect_conflicts() or replay() of the exchange.")));
	book = table_open(relid, AccessShareLock);
	if (strcmp(RelationGetRelationName(book), "commitment") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not the book of an exchange", RelationGetRelationName(book)),
				 errhint("Give the table \"commitment\" of an exchange.")));
	return book;
}

PG_FUNCTION_INFO_V1(flex_sweep_book);
Datum
flex_sweep_book(PG_FUNCTION_ARGS)
{
	Relation	book = open_book(PG_GETARG_OID(0));
	TimeWindow	span = *PG_GETARG_TIME_WINDOW_P(1);
	FindingCounts before = finding_counts();
	FindingCounts after;
	OwnerScope	owner;
	Sweep	   *sweep;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);

	owner_enter(book, &owner);
	sweep = palloc(sizeof(Sweep));
	sweep_begin(sweep, instance_get(RelationGetNamespace(book)), &span, compare_unit, book->rd_rel->reltuples);
	stream_open(&sweep->stored, sweep->instance,
				is_everything(&span) ? everything_stored_query : touched_stored_query, &span);
	go_through(sweep);
	read_stored(sweep, PG_INT64_MAX);
	settle_differences(sweep);
	counteraction_swept(sweep->instance, &span);
	values[0] = Int64GetDatum(sweep->examined);
	owner_leave(&owner);
	table_close(book, AccessShareLock);

	after = finding_counts();
	values[1] = Int64GetDatum(after.written - before.written);
	values[2] = Int64GetDatum(after.closed - before.closed);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

/* ----------
 * replay_book
 * ----------
 */

static void
emit_change(Sweep *sweep, const char *change, const Rulebook *rulebook, const Finding *finding)
{
	Datum		values[9];
	bool		nulls[9] = {0};

	values[0] = CStringGetTextDatum(change);
	values[1] = CStringGetTextDatum(conflict_kind_name(finding->kind));
	values[2] = CStringGetTextDatum(finding->advisory ? "advisory" : "blocking");
	values[3] = Int64GetDatum(finding->challenger->id);
	nulls[4] = finding->incumbent == NULL;
	values[4] = nulls[4] ? (Datum) 0 : Int64GetDatum(finding->incumbent->id);
	nulls[5] = finding->exclusivity == NULL;
	values[5] = nulls[5] ? (Datum) 0 : Int64GetDatum(finding->exclusivity->id);
	values[6] = TimeWindowPGetDatum(&finding->overlap);
	nulls[7] = finding->headroom == NULL;
	values[7] = nulls[7] ? (Datum) 0 : power_kw_of_w(finding->headroom->short_w);
	values[8] = CStringGetTextDatum(json_of_finding(rulebook, finding));
	tuplestore_putvalues(sweep->result->setResult, sweep->result->setDesc, values, nulls);
}

/*
 * Findings by what they are about, to look up one of the other ruleset's: a
 * unit that is promised a thousand times has half a million of them.
 */
static int
compare_subjects(const void *a, const void *b)
{
	const Finding *x = *(const Finding *const *) a;
	const Finding *y = *(const Finding *const *) b;
	int64		other_x = finding_other_id(x);
	int64		other_y = finding_other_id(y);

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->challenger->id != y->challenger->id)
		return x->challenger->id < y->challenger->id ? -1 : 1;
	if (other_x != other_y)
		return other_x < other_y ? -1 : 1;
	return 0;
}

static const Finding **
by_subject(const Findings *findings)
{
	const Finding **sorted = palloc_extended(Max(findings->n, 1) * sizeof(Finding *), MCXT_ALLOC_HUGE);

	for (int i = 0; i < findings->n; i++)
		sorted[i] = &findings->items[i];
	qsort(sorted, findings->n, sizeof(Finding *), compare_subjects);
	return sorted;
}

static const Finding *
find_alike(const Finding **sorted, int n, const Finding *finding)
{
	const Finding **found = bsearch(&finding, sorted, n, sizeof(Finding *), compare_subjects);

	return found == NULL ? NULL : *found;
}

static void
replay_unit(Sweep *sweep, UnitBook *unit)
{
	Instance	proposed = *sweep->instance;
	Findings	now = {0};
	Findings	then = {0};
	const Finding **now_sorted;
	const Finding **then_sorted;

	proposed.rulebook = sweep->proposed;
	findings_on_unit(sweep->instance, unit, &sweep->span, &now);
	findings_on_unit(&proposed, unit, &sweep->span, &then);
	now_sorted = by_subject(&now);
	then_sorted = by_subject(&then);
	for (int i = 0; i < now.n; i++)
	{
		const Finding *alike = find_alike(then_sorted, then.n, &now.items[i]);

		CHECK_FOR_INTERRUPTS();
		if (alike == NULL)
			emit_change(sweep, "disappears", sweep->instance->rulebook, &now.items[i]);
		else if (alike->advisory != now.items[i].advisory ||
				 !time_window_equal(&alike->overlap, &now.items[i].overlap) ||
				 (alike->headroom != NULL && alike->headroom->short_w != now.items[i].headroom->short_w))
			emit_change(sweep, "changes", sweep->proposed, alike);
	}
	for (int i = 0; i < then.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (find_alike(now_sorted, now.n, &then.items[i]) == NULL)
			emit_change(sweep, "appears", sweep->proposed, &then.items[i]);
	}
}

PG_FUNCTION_INFO_V1(flex_replay_book);
Datum
flex_replay_book(PG_FUNCTION_ARGS)
{
	Relation	book = open_book(PG_GETARG_OID(0));
	char	   *ruleset = text_to_cstring(PG_GETARG_TEXT_PP(1));
	TimeWindow	span = *PG_GETARG_TIME_WINDOW_P(2);
	OwnerScope	owner;
	Sweep	   *sweep;

	InitMaterializedSRF(fcinfo, 0);
	owner_enter(book, &owner);
	sweep = palloc(sizeof(Sweep));
	sweep_begin(sweep, instance_get(RelationGetNamespace(book)), &span, replay_unit, book->rd_rel->reltuples);
	sweep->result = (ReturnSetInfo *) fcinfo->resultinfo;
	sweep->proposed = rulebook_compile(sweep->instance, CurrentMemoryContext, ruleset);
	if (sweep->proposed->nrulesets == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_UNKNOWN_RULESET),
				 errmsg("there is no ruleset with code \"%s\"", ruleset),
				 errhint("See table ruleset for those of this exchange.")));
	go_through(sweep);
	owner_leave(&owner);
	table_close(book, AccessShareLock);
	return (Datum) 0;
}
