/*
 * book.c
 *		The book: reading and writing table commitment.
 *
 * Writing goes through SPI, so that whatever an owner adds to the table (a
 * trigger, an index, a check) has its effect.  Reading goes straight to the
 * GiST index on resource_window(unit_id, delivery_window), with a dirty
 * snapshot: it sees what committed since the statement began and what other
 * transactions have written but not yet decided.
 *
 * The race, and why nobody slips through.  Post first, then read.  Of two
 * transactions that post for one unit at the same time, whoever reads last sees
 * the other's row, because both rows were in the index before either read ended.
 * If the other is undecided and its row could matter (the caller's must_wait
 * says), the reader waits until it is decided and reads again.  When both
 * read before either is decided, each waits for the other: the deadlock
 * detector then ends one with SQLSTATE 40P01, as it does for exclusion
 * constraints (see execIndexing.c), and that client tries again.
 *
 * A dirty snapshot has no isolation level, so nothing slips through under the
 * stricter ones either.  But a transaction that must not see a row cannot tell
 * its parties about it: when a row that could matter committed after the
 * transaction's snapshot was taken, the transaction ends with SQLSTATE 40001, as
 * it would on updating such a row, and the client tries again.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/queryenvironment.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "book.h"

static const char *const stage_names[STAGE_COUNT] = {
	[STAGE_BID] = "bid",
	[STAGE_AWARD] = "award",
	[STAGE_AVAILABILITY] = "availability",
	[STAGE_DISPATCH] = "dispatch",
};

/* How often this session has changed the book: tells when a trigger of a trigger did. */
static uint64 changes = 0;

uint64
book_changes(void)
{
	return changes;
}

const char *
stage_name(Stage stage)
{
	return stage_names[stage];
}

bool
stage_of_name(const char *name, int length, Stage *stage)
{
	for (int i = 0; i < STAGE_COUNT; i++)
		if (strncmp(stage_names[i], name, length) == 0 && stage_names[i][length] == '\0')
		{
			*stage = (Stage) i;
			return true;
		}
	return false;
}

/*
 * Columns of power are numeric(14,3) in kW, so whole watts are exact.  Sizes of assets
 * and blocks are few, and arithmetic of numeric is slow: what was converted lately is
 * remembered.
 */
int64
power_w_of_kw(Datum power_kw)
{
	static Datum thousand = 0;
	static struct
	{
		Size		length;
		char		bytes[16];
		int64		power_w;
	}			remembered[64];
	struct varlena *value = (struct varlena *) DatumGetPointer(power_kw);
	Size		length = VARSIZE_ANY_EXHDR(value);
	uint32		hash = 0;
	int64		power_w;

	if (VARATT_IS_EXTENDED(value) && !VARATT_IS_SHORT(value))
		length = 0;				/* compressed or elsewhere */
	for (Size i = 0; i < length; i++)
		hash = hash * 31 + (uint8) VARDATA_ANY(value)[i];
	hash %= lengthof(remembered);
	if (length > 0 && remembered[hash].length == length && memcmp(remembered[hash].bytes, VARDATA_ANY(value), length) == 0)
		return remembered[hash].power_w;

	if (thousand == 0)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		thousand = NumericGetDatum(int64_to_numeric(1000));
		MemoryContextSwitchTo(old);
	}
	power_w = DatumGetInt64(DirectFunctionCall1(numeric_int8,
												DirectFunctionCall2(numeric_mul, power_kw, thousand)));
	if (length > 0 && length <= sizeof(remembered[hash].bytes))
	{
		remembered[hash].length = length;
		memcpy(remembered[hash].bytes, VARDATA_ANY(value), length);
		remembered[hash].power_w = power_w;
	}
	return power_w;
}

Datum
power_kw_of_w(int64 power_w)
{
	return NumericGetDatum(int64_div_fast_to_numeric(power_w, 3));
}

/* ----------
 * Reading
 * ----------
 */

/* A column of the row in slot; 0 for NULL, which only links may have. */
static Datum
book_column(const AttrNumber *attr, TupleTableSlot *slot, BookColumn column, bool *isnull)
{
	Datum		value = slot_getattr(slot, attr[column], isnull);

	if (*isnull && (column < BOOK_BID_ID || column == BOOK_HEADROOM_CHECKED))
		elog(ERROR, "a commitment lacks a value in column %d", (int) column);
	return *isnull ? (Datum) 0 : value;
}

/* The row in slot, whose columns are where attr says; false when it is closed. */
static bool
commitment_from_slot(Instance *instance, const AttrNumber *attr, TupleTableSlot *slot, Commitment *result)
{
	bool		isnull;
	text	   *word;

#define INT64_COLUMN(column) \
	(value = book_column(attr, slot, column, &isnull), isnull ? 0 : DatumGetInt64(value))
	Datum		value;

	memset(result, 0, sizeof(Commitment));
	result->id = INT64_COLUMN(BOOK_ID);
	result->source_id = INT64_COLUMN(BOOK_SOURCE_ID);
	result->unit_id = INT64_COLUMN(BOOK_UNIT_ID);
	result->product_id = INT64_COLUMN(BOOK_PRODUCT_ID);
	result->market_operator_id = INT64_COLUMN(BOOK_MARKET_OPERATOR_ID);
	result->service_provider_id = INT64_COLUMN(BOOK_SERVICE_PROVIDER_ID);
	result->ancestor[STAGE_BID] = INT64_COLUMN(BOOK_BID_ID);
	result->ancestor[STAGE_AWARD] = INT64_COLUMN(BOOK_AWARD_ID);
	result->ancestor[STAGE_AVAILABILITY] = INT64_COLUMN(BOOK_AVAILABILITY_ID);
	result->supersedes_id = INT64_COLUMN(BOOK_SUPERSEDES_ID);
#undef INT64_COLUMN

	word = DatumGetTextPP(book_column(attr, slot, BOOK_STAGE, &isnull));
	if (!stage_of_name(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word), &result->stage))
		elog(ERROR, "unrecognized stage of commitment " INT64_FORMAT, result->id);
	word = DatumGetTextPP(book_column(attr, slot, BOOK_UNIT_KIND, &isnull));
	result->portfolio = VARDATA_ANY(word)[0] == 'p';
	word = DatumGetTextPP(book_column(attr, slot, BOOK_DIRECTION, &isnull));
	result->down = VARDATA_ANY(word)[0] == 'd';
	word = DatumGetTextPP(book_column(attr, slot, BOOK_SERVICE_CODE, &isnull));
	result->service = rulebook_service(instance->rulebook, VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
	if (result->service < 0)
		elog(ERROR, "unknown service of commitment " INT64_FORMAT, result->id);
	result->power_w = power_w_of_kw(book_column(attr, slot, BOOK_POWER_KW, &isnull));
	result->window = *DatumGetTimeWindowP(book_column(attr, slot, BOOK_DELIVERY_WINDOW, &isnull));
	result->headroom_checked = DatumGetBool(book_column(attr, slot, BOOK_HEADROOM_CHECKED, &isnull));
	(void) book_column(attr, slot, BOOK_CLOSED_AT, &isnull);
	return isnull;
}

/* May a transaction that keeps one snapshot see the row in slot? */
static bool
visible_to_transaction(Relation heap, TupleTableSlot *slot)
{
	bool		isnull;
	TransactionId xmin = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));

	return TransactionIdIsCurrentTransactionId(xmin) ||
		table_tuple_satisfies_snapshot(heap, slot, GetTransactionSnapshot());
}

/*
 * The live commitments of self's unit that overlap span, self left out, in no
 * particular order.  Waits for undecided transactions as must_wait says.
 */
Commitment *
book_read(Instance *instance, const Commitment *self, const TimeWindow *span,
		  BookWaitFunction must_wait, const void *arg, int *count)
{
	Relation	heap = table_open(instance->book_relid, AccessShareLock);
	Relation	index = index_open(instance->book_index_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	ResourceWindow probe;
	ScanKeyData key;
	Commitment *found = NULL;
	int			allocated = 0;
	bool		again;

	probe.resource = self->unit_id;
	probe.window = *span;
	ScanKeyEntryInitialize(&key, 0, 1, WINDOW_OVERLAPS, InvalidOid, InvalidOid,
						   instance->overlaps_proc, ResourceWindowPGetDatum(&probe));

	do
	{
		SnapshotData dirty;
		IndexScanDesc scan;

		InitDirtySnapshot(dirty);
		again = false;
		*count = 0;
		scan = flex_index_beginscan(heap, index, &dirty, 1);
		index_rescan(scan, &key, 1, NULL, 0);
		while (index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			Commitment	other;
			TransactionId undecided;

			CHECK_FOR_INTERRUPTS();
			if (!commitment_from_slot(instance, instance->book_attr, slot, &other) ||
				other.id == self->id || other.portfolio != self->portfolio)
				continue;

			undecided = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;
			if (TransactionIdIsValid(undecided))
			{
				ItemPointerData tid = slot->tts_tid;

				if (!must_wait(instance, self, &other, arg))
					continue;
				ExecClearTuple(slot);
				index_endscan(scan);
				scan = NULL;
				XactLockTableWait(undecided, heap, &tid, XLTW_RecheckExclusionConstr);
				again = true;
				break;
			}
			if (IsolationUsesXactSnapshot() && !visible_to_transaction(heap, slot) &&
				must_wait(instance, self, &other, arg))
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to a concurrent commitment of unit " INT64_FORMAT,
								self->unit_id),
						 errhint("The transaction might succeed if retried.")));
			if (*count == allocated)
			{
				allocated = Max(16, allocated * 2);
				found = found == NULL ? palloc(allocated * sizeof(Commitment)) :
					repalloc_huge(found, allocated * sizeof(Commitment));
			}
			found[(*count)++] = other;
		}
		if (scan != NULL)
			index_endscan(scan);
	} while (again);

	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return found;
}

/*
 * Has a trade, of which this transaction has written the row, a live commitment?  It is asked of
 * every row that is inserted, so the index is looked up straight.
 */
bool
book_has(Instance *instance, Stage stage, int64 source_id)
{
	Relation	heap = table_open(instance->book_relid, AccessShareLock);
	Relation	index = index_open(instance->book_source_index_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	ScanKeyData key;
	IndexScanDesc scan = flex_index_beginscan(heap, index, SnapshotSelf, 1);
	bool		has = false;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(source_id));
	index_rescan(scan, &key, 1, NULL, 0);
	while (!has && index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		Commitment	found;

		has = commitment_from_slot(instance, instance->book_attr, slot, &found) && found.stage == stage;
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	return has;
}

/* ----------
 * Writing
 * ----------
 */

/* The columns that a commitment is posted with, their types and where they come from. */
#define POSTED_COLUMNS \
	"stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, " \
	"direction, power_kw, delivery_window, bid_id, award_id, availability_id, supersedes_id, headroom_checked"
#define POSTED_NCOLUMNS	16

static const SavedQuery post_query = {
	QUERY_POST,
	"INSERT INTO %1$s.commitment (" POSTED_COLUMNS ") "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id",
	POSTED_NCOLUMNS, {TEXTOID, INT8OID, INT8OID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, TEXTOID,
		NUMERICOID, WINDOW_ARG, INT8OID, INT8OID, INT8OID, INT8OID, BOOLOID}
};

/* Many at once: the rows are in a tuplestore of that name. */
static const SavedQuery post_all_query = {
	QUERY_POST_ALL,
	"INSERT INTO %1$s.commitment (" POSTED_COLUMNS ") SELECT * FROM posted RETURNING id",
	0
};

static const SavedQuery close_query = {
	QUERY_CLOSE,
	"UPDATE %1$s.commitment SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE source_id OPERATOR(pg_catalog.=) $1 AND stage OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL "
	"RETURNING " BOOK_COLUMN_LIST,
	2, {INT8OID, TEXTOID}
};

static const SavedQuery booked_query = {
	QUERY_BOOKED,
	"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment "
	"WHERE source_id OPERATOR(pg_catalog.=) $1 AND stage OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL",
	2, {INT8OID, TEXTOID}
};

static const SavedQuery relink_query = {
	QUERY_RELINK,
	"UPDATE %1$s.commitment SET bid_id = $2, award_id = $3, availability_id = $4, supersedes_id = $5, "
	"service_provider_id = $6 "
	"WHERE source_id OPERATOR(pg_catalog.=) $1 AND stage OPERATOR(pg_catalog.=) $7 AND closed_at IS NULL "
	"RETURNING " BOOK_COLUMN_LIST,
	7, {INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, INT8OID, TEXTOID}
};

/* A row of BOOK_COLUMN_LIST; false when it is closed. */
bool
book_from_slot(Instance *instance, TupleTableSlot *slot, Commitment *result)
{
	AttrNumber	attr[BOOK_NCOLUMNS];

	for (int i = 0; i < BOOK_NCOLUMNS; i++)
		attr[i] = i + 1;
	return commitment_from_slot(instance, attr, slot, result);
}

/* The commitments that a query of BOOK_COLUMN_LIST gave back; frees the rows. */
Commitment *
book_from_result(Instance *instance)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(SPI_tuptable->tupdesc, &TTSOpsHeapTuple);
	Commitment *result = palloc(Max(SPI_processed, 1) * sizeof(Commitment));

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		ExecStoreHeapTuple(SPI_tuptable->vals[i], slot, false);
		(void) book_from_slot(instance, slot, &result[i]);
	}
	ExecDropSingleTupleTableSlot(slot);
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static void
posted_columns(Instance *instance, const Commitment *commitment, Datum *values, bool *isnull)
{
	memset(isnull, 0, POSTED_NCOLUMNS * sizeof(bool));
	values[0] = CStringGetTextDatum(stage_name(commitment->stage));
	values[1] = Int64GetDatum(commitment->source_id);
	values[2] = Int64GetDatum(commitment->unit_id);
	values[3] = CStringGetTextDatum(commitment->portfolio ? "portfolio" : "asset");
	values[4] = CStringGetTextDatum(instance->rulebook->services[commitment->service]);
	values[5] = Int64GetDatum(commitment->product_id);
	values[6] = Int64GetDatum(commitment->market_operator_id);
	values[7] = Int64GetDatum(commitment->service_provider_id);
	values[8] = CStringGetTextDatum(commitment->down ? "down" : "up");
	values[9] = power_kw_of_w(commitment->power_w);
	values[10] = TimeWindowPGetDatum(&commitment->window);
	for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
	{
		values[11 + stage] = Int64GetDatum(commitment->ancestor[stage]);
		isnull[11 + stage] = commitment->ancestor[stage] == 0;
	}
	values[14] = Int64GetDatum(commitment->supersedes_id);
	isnull[14] = commitment->supersedes_id == 0;
	values[15] = BoolGetDatum(commitment->headroom_checked);
}

/* The rows to be posted, as a relation that a query of this SPI connection can name. */
static EphemeralNamedRelation
posted_relation(Instance *instance, const Commitment *commitments, int count)
{
	EphemeralNamedRelation relation = palloc0(sizeof(EphemeralNamedRelationData));
	Tuplestorestate *rows = tuplestore_begin_heap(false, false, work_mem);
	TupleDesc	desc = CreateTemplateTupleDesc(POSTED_NCOLUMNS);

	for (int i = 0; i < POSTED_NCOLUMNS; i++)
		TupleDescInitEntry(desc, i + 1, psprintf("column%d", i + 1),
						   post_query.argtypes[i] == WINDOW_ARG ? instance->window_type : post_query.argtypes[i], -1, 0);
	for (int i = 0; i < count; i++)
	{
		Datum		values[POSTED_NCOLUMNS];
		bool		isnull[POSTED_NCOLUMNS];

		posted_columns(instance, &commitments[i], values, isnull);
		tuplestore_putvalues(rows, desc, values, isnull);
	}
	relation->md.name = "posted";
	relation->md.reliddesc = InvalidOid;
	relation->md.tupdesc = desc;
	relation->md.enrtype = ENR_NAMED_TUPLESTORE;
	relation->md.enrtuples = count;
	relation->reldata = rows;
	return relation;
}

/* Take the ids that a query has just given to what it posted. */
static void
take_ids(Commitment *commitments, int count)
{
	int			nposted;
	int64	   *ids = int64_column_of_result(1, &nposted);

	if (nposted != count)
		elog(ERROR, "the book took %d of %d commitments", nposted, count);
	for (int i = 0; i < count; i++)
		commitments[i].id = ids[i];
	pfree(ids);
}

/* Post commitments in this order; their ids, which tell the order, are filled in. */
void
book_insert(Instance *instance, Commitment *commitments, int count)
{
	EphemeralNamedRelation rows;

	changes++;
	if (count == 1)
	{
		Datum		values[POSTED_NCOLUMNS];
		bool		isnull[POSTED_NCOLUMNS];
		char		nulls[POSTED_NCOLUMNS];

		posted_columns(instance, &commitments[0], values, isnull);
		for (int i = 0; i < POSTED_NCOLUMNS; i++)
			nulls[i] = isnull[i] ? 'n' : ' ';
		instance_query(instance, &post_query, values, nulls, 0);
		take_ids(commitments, 1);
		return;
	}

	/* names of relations belong to a connection, and go with its memory */
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	rows = posted_relation(instance, commitments, count);
	if (SPI_register_relation(rows) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not name the rows that are posted");
	instance_query(instance, &post_all_query, NULL, NULL, 0);
	take_ids(commitments, count);
	tuplestore_end(rows->reldata);
	SPI_finish();
}

/* The one commitment that a query gave back; false when it gave none.  Frees the rows. */
static bool
one_from_result(Instance *instance, int nrows, Commitment *result)
{
	Commitment *rows = book_from_result(instance);

	if (nrows > 0)
		*result = rows[0];
	pfree(rows);
	return nrows > 0;
}

static bool
run_for_trade(Instance *instance, const SavedQuery *query, Stage stage, int64 source_id, Commitment *result)
{
	Datum		values[2];

	values[0] = Int64GetDatum(source_id);
	values[1] = CStringGetTextDatum(stage_name(stage));
	return one_from_result(instance, instance_query(instance, query, values, NULL, 0), result);
}

/* Close the live commitment of a trade; false when it has none. */
bool
book_close(Instance *instance, Stage stage, int64 source_id, Commitment *closed)
{
	changes++;
	return run_for_trade(instance, &close_query, stage, source_id, closed);
}

/* The live commitment of a trade; false when it has none. */
bool
book_find(Instance *instance, Stage stage, int64 source_id, Commitment *found)
{
	return run_for_trade(instance, &booked_query, stage, source_id, found);
}

static const SavedQuery get_query = {
	QUERY_GET,
	"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment WHERE id OPERATOR(pg_catalog.=) $1 AND closed_at IS NULL",
	1, {INT8OID}
};

/* A live commitment by its id; false when it is not live. */
bool
book_get(Instance *instance, int64 commitment_id, Commitment *found)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment_id);
	return one_from_result(instance, instance_query(instance, &get_query, values, NULL, 0), found);
}

static const SavedQuery set_headroom_checked_query = {
	QUERY_SET_HEADROOM_CHECKED,
	"UPDATE %1$s.commitment SET headroom_checked = $2 WHERE id OPERATOR(pg_catalog.=) $1",
	2, {INT8OID, BOOLOID}
};

/* Say whether the capacity of a commitment's unit is known throughout its window. */
void
book_set_headroom_checked(Instance *instance, int64 commitment_id, bool checked)
{
	Datum		values[2];

	values[0] = Int64GetDatum(commitment_id);
	values[1] = BoolGetDatum(checked);
	instance_query(instance, &set_headroom_checked_query, values, NULL, 0);
}

/*
 * Is a commitment that was read live still so?  `changes` is book_changes() of
 * when that was known, and is brought up to date.
 */
bool
book_still_has(Instance *instance, const Commitment *commitment, uint64 *changes)
{
	Commitment	now;

	if (book_changes() == *changes)
		return true;
	*changes = book_changes();
	return book_find(instance, commitment->stage, commitment->source_id, &now) && now.id == commitment->id;
}

/* Give the live commitment of links->source_id the links and seller of links. */
bool
book_relink(Instance *instance, const Commitment *links, Commitment *relinked)
{
	Datum		values[7];
	char		nulls[7];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(links->source_id);
	for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
	{
		values[1 + stage] = Int64GetDatum(links->ancestor[stage]);
		if (links->ancestor[stage] == 0)
			nulls[1 + stage] = 'n';
	}
	values[4] = Int64GetDatum(links->supersedes_id);
	if (links->supersedes_id == 0)
		nulls[4] = 'n';
	values[5] = Int64GetDatum(links->service_provider_id);
	values[6] = CStringGetTextDatum(stage_name(links->stage));
	changes++;
	return one_from_result(instance, instance_query(instance, &relink_query, values, nulls, 0), relinked);
}
