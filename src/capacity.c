/*
 * capacity.c
 *		What a unit can sell and what it declares, as the register has it.
 *
 * An asset can sell its qualified kW.  A portfolio can sell, at any instant, the
 * sum over its members of what each lends to it (flexible kW), no member more
 * than its own qualified kW.  What lies behind one connection, together, sells no
 * more than that lets through.  A capacity is not known where a figure is missing,
 * or where a portfolio has never had a member registered at all; a portfolio
 * whose members have all left can sell nothing.  The sums over members are kept
 * beforehand (supply_kept.c).
 *
 * Reading locks the unit FOR KEY SHARE, and so does closing a commitment of it.
 * Whoever changes what a unit can sell locks it FOR UPDATE (reexamine.c) and so
 * waits for those who counted on the old figure, finds what they posted, and lets
 * later ones wait for the new figure and for the findings that follow from it.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "utils/fmgroids.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "capacity.h"
#include "eligibility.h"

static const SavedQuery has_members_query = {
	QUERY_HAS_MEMBERS,
	"SELECT EXISTS (SELECT FROM %1$s.portfolio_member WHERE portfolio_id OPERATOR(pg_catalog.=) $1)",
	1, {INT8OID}
};

static const SavedQuery portfolio_supply_query = {
	QUERY_PORTFOLIO_SUPPLY,
	"SELECT since::pg_catalog.timestamptz, "
	"(CASE WHEN $3 THEN unknown_down ELSE unknown_up END)::pg_catalog.int4, "
	"(CASE WHEN $3 THEN own_down_kw ELSE own_up_kw END)::pg_catalog.numeric "
	"FROM %1$s.portfolio_supply_during($1, ARRAY[$1], $2) ORDER BY 1",
	3, {INT8OID, WINDOW_ARG, BOOLOID}
};

static const SavedQuery connection_query = {
	QUERY_ASSET_CONNECTION,
	"SELECT swing_kw::pg_catalog.numeric FROM %1$s.asset_connection WHERE asset_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* ----------
 * The row of a unit
 * ----------
 */

/* Fetch the row with that id as the latest snapshot has it; false when there is none. */
static bool
fetch_unit(Relation heap, Relation key, int64 unit_id, Snapshot snapshot, TupleTableSlot *slot)
{
	ScanKeyData id;
	IndexScanDesc scan;
	bool		found;

	ScanKeyInit(&id, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(unit_id));
	scan = flex_index_beginscan(heap, key, snapshot, 1);
	index_rescan(scan, &id, 1, NULL, 0);
	found = index_getnext_slot(scan, ForwardScanDirection, slot);
	index_endscan(scan);
	return found;
}

/*
 * Lock the row of a unit FOR KEY SHARE and give the columns of those numbers, and where its
 * version lies.  False when there is no such unit.
 *
 * It is what SELECT ... FOR KEY SHARE does, and a second look: such a lock does not
 * conflict with the update that changed a figure, so what was waited for is to be
 * seen with a later snapshot.
 */
static bool
hold_unit(Instance *instance, int64 unit_id, bool portfolio, const AttrNumber *attrs, int nattrs,
		  NullableDatum *columns, ItemPointer version)
{
	const UnitTable *table = &instance->unit_table[portfolio];
	Relation	heap = table_open(table->relid, RowShareLock);
	Relation	key = index_open(table->key_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		found = fetch_unit(heap, key, unit_id, snapshot, slot);

	if (found)
	{
		TM_FailureData failure;
		uint8		flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;

		if (!IsolationUsesXactSnapshot())
			flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;
		switch (table_tuple_lock(heap, &slot->tts_tid, snapshot, slot, GetCurrentCommandId(false),
								 LockTupleKeyShare, LockWaitBlock, flags, &failure))
		{
			case TM_Ok:
			case TM_SelfModified:
				break;
			case TM_Updated:
			case TM_Deleted:
				if (IsolationUsesXactSnapshot())
					ereport(ERROR,
							(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
							 errmsg("could not serialize access due to concurrent update")));
				found = false;
				break;
			default:
				elog(ERROR, "could not lock unit " INT64_FORMAT, unit_id);
		}
	}
	UnregisterSnapshot(snapshot);
	if (found)
	{
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		found = fetch_unit(heap, key, unit_id, snapshot, slot);
		if (found)
			*version = slot->tts_tid;
		for (int i = 0; i < nattrs && found; i++)
		{
			columns[i].value = slot_getattr(slot, attrs[i], &columns[i].isnull);
			if (!columns[i].isnull && !TupleDescAttr(slot->tts_tupleDescriptor, attrs[i] - 1)->attbyval)
				columns[i].value = PointerGetDatum(PG_DETOAST_DATUM_COPY(columns[i].value));
		}
		UnregisterSnapshot(snapshot);
	}
	ExecDropSingleTupleTableSlot(slot);
	index_close(key, AccessShareLock);
	table_close(heap, NoLock);	/* kept, as by any SELECT FOR */
	return found;
}

/* Hold a unit, as everybody does who posts or closes; false when there is no such unit. */
bool
unit_hold(Instance *instance, int64 unit_id, bool portfolio)
{
	ItemPointerData version;

	return hold_unit(instance, unit_id, portfolio, NULL, 0, NULL, &version);
}

/*
 * Hold the unit of a commitment once more, now that it is in the book.
 *
 * Whoever holds a row while it is being updated, and its new version goes to another page or to
 * TOAST, is forgotten by heap_update(), which made up its mind about holders before.  The updater
 * then locks the unit without waiting for him.  Held again, the unit is either still as it was
 * counted on when the commitment was posted, or its change is waited for, and tells.
 */
void
unit_hold_again(Instance *instance, const Commitment *posted)
{
	ItemPointerData version;
	Capacity	capacity;

	if (!hold_unit(instance, posted->unit_id, posted->portfolio, NULL, 0, NULL, &version) ||
		!ItemPointerIsValid(&posted->unit_version) || ItemPointerEquals(&version, (ItemPointer) &posted->unit_version))
		return;
	if (capacity_read(instance, posted->unit_id, posted->portfolio, posted->down, &posted->window, &capacity) &&
		capacity.known == posted->headroom_checked &&
		capacity.without_meter == posted->without_meter &&
		capacity_suffices(&capacity, posted->power_w) == posted->fits_alone)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to a concurrent change of unit " INT64_FORMAT, posted->unit_id),
			 errhint("The transaction might succeed if retried.")));
}

/* Does an asset lie at a metering point?  If not it has no connection that is known. */
bool
asset_has_meter(Instance *instance, int64 asset_id)
{
	const UnitTable *table = &instance->unit_table[0];
	Relation	heap = table_open(table->relid, AccessShareLock);
	Relation	key = index_open(table->key_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	bool		result = fetch_unit(heap, key, asset_id, snapshot, slot) &&
		!slot_attisnull(slot, table->metering_point_attr);

	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	index_close(key, AccessShareLock);
	table_close(heap, AccessShareLock);
	return result;
}

static const SavedQuery lock_queries[2] = {
	{
		QUERY_LOCK_ASSETS,
		"SELECT FROM %1$s.asset WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR UPDATE",
		1, {INT8ARRAYOID}
	},
	{
		QUERY_LOCK_PORTFOLIOS,
		"SELECT FROM %1$s.portfolio WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR UPDATE",
		1, {INT8ARRAYOID}
	}
};

/* Lock units, of assets or of portfolios, in order, against everybody who holds them. */
void
units_lock(Instance *instance, const IdList *units, bool portfolio)
{
	Datum		values[1];

	if (units->n == 0)
		return;
	values[0] = id_list_datum(units);
	instance_query(instance, &lock_queries[portfolio], values, NULL, 0);
	SPI_freetuptable(SPI_tuptable);
}

/* Lock one unit. */
void
unit_lock(Instance *instance, int64 unit_id, bool portfolio)
{
	IdList		unit = {.n = 1,.ids = &unit_id};

	units_lock(instance, &unit, portfolio);
}

/* ----------
 * Capacity and terms
 * ----------
 */

static void
capacity_uniform(Capacity *capacity, const TimeWindow *window, bool known, int64 power_w)
{
	capacity->nspans = 1;
	capacity->without_meter = false;
	capacity->spans = palloc0(sizeof(CapacitySpan));
	capacity->spans[0].window = *window;
	capacity->spans[0].known = capacity->known = known;
	capacity->spans[0].power_w = power_w;
}

/* The capacity that rows of portfolio_supply_query say, each of which holds until the next. */
static void
capacity_of_portfolio(Capacity *capacity, const TimeWindow *window, int nrows)
{
	bool		isnull;

	/* before the first of them it has no members */
	capacity_uniform(capacity, window, true, 0);
	capacity->spans = repalloc(capacity->spans, (nrows + 1) * sizeof(CapacitySpan));
	for (int i = 0; i < nrows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int64		since_us = DatumGetTimestampTz(SPI_getbinval(row, desc, 1, &isnull));
		CapacitySpan *span = &capacity->spans[capacity->nspans - 1];

		if (since_us > span->window.start_us)
		{
			span->window.end_us = since_us;
			span++;
			capacity->nspans++;
			span->window.start_us = since_us;
			span->window.end_us = window->end_us;
		}
		span->known = DatumGetInt32(SPI_getbinval(row, desc, 2, &isnull)) == 0;
		span->power_w = power_w_of_kw(SPI_getbinval(row, desc, 3, &isnull));
	}
	for (int i = 0; i < capacity->nspans; i++)
		capacity->known &= capacity->spans[i].known;
}

static UnitTerms
terms_of_profile(Datum flat)
{
	UnitTerms	terms = {0, NOT_DECLARED, NOT_DECLARED};
	Profile		profile;

	profile_view((struct varlena *) DatumGetPointer(flat), &profile);
	if (profile_knows(&profile, DIM_RECOVERY))
		terms.recovery_us = profile.number[DIM_RECOVERY];
	if (profile_knows(&profile, DIM_ENERGY))
		terms.energy_wh = profile.number[DIM_ENERGY];
	if (profile_knows(&profile, DIM_MAX_DURATION) && profile.number[DIM_MAX_DURATION] != ENDLESS)
		terms.max_duration_us = profile.number[DIM_MAX_DURATION];
	return terms;
}

/* What a unit declares of itself; the unit is locked as by capacity_read(). */
UnitTerms
unit_terms_read(Instance *instance, int64 unit_id, bool portfolio)
{
	UnitTerms	terms = {0, NOT_DECLARED, NOT_DECLARED};
	NullableDatum flat;
	ItemPointerData version;

	if (hold_unit(instance, unit_id, portfolio, &instance->unit_table[portfolio].profile_attr, 1, &flat, &version) && !flat.isnull)
		terms = terms_of_profile(flat.value);
	return terms;
}

/* The span of a capacity that holds an instant, which lies in the window that was asked for. */
const CapacitySpan *
capacity_at(const Capacity *capacity, int64 instant_us)
{
	int			low = 0;
	int			high = capacity->nspans - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (capacity->spans[middle].window.end_us <= instant_us)
			low = middle + 1;
		else
			high = middle;
	}
	return &capacity->spans[low];
}

/* Is it known throughout that a unit can deliver so much? */
bool
capacity_suffices(const Capacity *capacity, int64 power_w)
{
	bool		result = capacity->known;

	for (int i = 0; i < capacity->nspans; i++)
		result &= power_w <= capacity->spans[i].power_w;
	return result;
}

/* Is a capacity known throughout a window within that which was asked for? */
bool
capacity_known_during(const Capacity *capacity, const TimeWindow *window)
{
	const CapacitySpan *end = capacity->spans + capacity->nspans;
	bool		known = true;

	for (const CapacitySpan *span = capacity_at(capacity, window->start_us);
		 span < end && span->window.start_us < window->end_us; span++)
		known &= span->known;
	return known;
}

static void
asset_capacity(Instance *instance, int64 asset_id, const TimeWindow *window, const NullableDatum *qualified_kw,
			   bool has_meter, Capacity *capacity)
{
	int64		power_w = 0;

	if (!qualified_kw->isnull)
		power_w = power_w_of_kw(qualified_kw->value);
	if (!qualified_kw->isnull && has_meter)
	{
		Datum		values[1];
		bool		isnull;

		values[0] = Int64GetDatum(asset_id);
		if (instance_query(instance, &connection_query, values, NULL, 1) == 1)
			power_w = Min(power_w, power_w_of_kw(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)));
		SPI_freetuptable(SPI_tuptable);
	}
	capacity_uniform(capacity, window, !qualified_kw->isnull, power_w);
	capacity->without_meter = !has_meter;
}

static void
portfolio_capacity(Instance *instance, int64 portfolio_id, bool down, const TimeWindow *window, Capacity *capacity)
{
	Datum		values[3];
	Datum		has_members;
	bool		isnull;
	int			nrows;

	values[0] = Int64GetDatum(portfolio_id);
	instance_query(instance, &has_members_query, values, NULL, 1);
	has_members = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	SPI_freetuptable(SPI_tuptable);
	if (!DatumGetBool(has_members))
	{
		capacity_uniform(capacity, window, false, 0);
		return;
	}
	values[1] = TimeWindowPGetDatum(window);
	values[2] = BoolGetDatum(down);
	nrows = instance_query(instance, &portfolio_supply_query, values, NULL, 0);
	capacity_of_portfolio(capacity, window, nrows);
	SPI_freetuptable(SPI_tuptable);
}

/* The capacity of a unit over a window; false when there is no such unit. */
bool
capacity_read(Instance *instance, int64 unit_id, bool portfolio, bool down,
			  const TimeWindow *window, Capacity *capacity)
{
	const UnitTable *table = &instance->unit_table[portfolio];
	AttrNumber	attrs[2] = {table->qualified_attr[down], table->metering_point_attr};
	NullableDatum columns[2];

	if (!hold_unit(instance, unit_id, portfolio, attrs, portfolio ? 0 : 2, columns, &capacity->version))
		return false;
	if (portfolio)
		portfolio_capacity(instance, unit_id, down, window, capacity);
	else
		asset_capacity(instance, unit_id, window, &columns[0], !columns[1].isnull, capacity);
	return true;
}

/* ----------
 * Looking without locking
 * ----------
 */

struct UnitReader
{
	Instance   *instance;
	MemoryContext context;
	Snapshot	snapshot;
	struct
	{
		Relation	heap;
		Relation	key;
		IndexScanDesc scan;
		TupleTableSlot *slot;
	}			table[2];		/* asset, portfolio; opened when needed */
};

/* To look at many units, as the active snapshot has them. */
UnitReader *
unit_reader_begin(Instance *instance)
{
	UnitReader *reader = palloc0(sizeof(UnitReader));

	reader->instance = instance;
	reader->context = CurrentMemoryContext;
	reader->snapshot = RegisterSnapshot(GetActiveSnapshot());
	return reader;
}

void
unit_reader_end(UnitReader *reader)
{
	for (int portfolio = 0; portfolio < 2; portfolio++)
		if (reader->table[portfolio].heap != NULL)
		{
			ExecDropSingleTupleTableSlot(reader->table[portfolio].slot);
			index_endscan(reader->table[portfolio].scan);
			index_close(reader->table[portfolio].key, AccessShareLock);
			table_close(reader->table[portfolio].heap, AccessShareLock);
		}
	UnregisterSnapshot(reader->snapshot);
	pfree(reader);
}

/* The row of a unit; NULL when there is none.  Good until the next call. */
static TupleTableSlot *
reader_fetch(UnitReader *reader, int64 unit_id, bool portfolio)
{
	const UnitTable *table = &reader->instance->unit_table[portfolio];
	MemoryContext outside = MemoryContextSwitchTo(reader->context); /* the scan remembers pages */
	ScanKeyData id;
	bool		found;

	if (reader->table[portfolio].heap == NULL)
	{
		reader->table[portfolio].heap = table_open(table->relid, AccessShareLock);
		reader->table[portfolio].key = index_open(table->key_relid, AccessShareLock);
		reader->table[portfolio].slot = table_slot_create(reader->table[portfolio].heap, NULL);
		reader->table[portfolio].scan = flex_index_beginscan(reader->table[portfolio].heap, reader->table[portfolio].key,
															 reader->snapshot, 1);
	}
	ScanKeyInit(&id, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(unit_id));
	index_rescan(reader->table[portfolio].scan, &id, 1, NULL, 0);
	found = index_getnext_slot(reader->table[portfolio].scan, ForwardScanDirection, reader->table[portfolio].slot);
	MemoryContextSwitchTo(outside);
	return found ? reader->table[portfolio].slot : NULL;
}

/*
 * The capacity of a unit in both directions and, unless NULL, its terms; false when
 * there is no such unit.
 */
bool
unit_reader_look(UnitReader *reader, int64 unit_id, bool portfolio, const TimeWindow *window,
				 Capacity capacity[2], UnitTerms *terms)
{
	const UnitTable *table = &reader->instance->unit_table[portfolio];
	TupleTableSlot *slot = reader_fetch(reader, unit_id, portfolio);

	if (slot == NULL)
		return false;
	for (int down = 0; down < 2; down++)
	{
		NullableDatum qualified_kw;

		if (portfolio)
		{
			portfolio_capacity(reader->instance, unit_id, down != 0, window, &capacity[down]);
			continue;
		}
		qualified_kw.value = slot_getattr(slot, table->qualified_attr[down], &qualified_kw.isnull);
		asset_capacity(reader->instance, unit_id, window, &qualified_kw,
					   !slot_attisnull(slot, table->metering_point_attr), &capacity[down]);
	}
	if (terms != NULL)
	{
		bool		isnull;
		Datum		flat = slot_getattr(slot, table->profile_attr, &isnull);

		if (!isnull)
			*terms = terms_of_profile(PointerGetDatum(PG_DETOAST_DATUM_COPY(flat)));
	}
	return true;
}
