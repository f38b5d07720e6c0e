/*
 * capacity.c
 *		What a unit can sell and what it declares, as the register has it.
 *
 * An asset can sell its qualified kW.  A portfolio can sell, at any instant, the
 * sum over its members of what each lends to it (flexible kW), no member more
 * than its own qualified kW.  A capacity is not known where a figure is missing,
 * or where a portfolio has never had a member registered at all; a portfolio
 * whose members have all left can sell nothing.
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

#include "capacity.h"
#include "eligibility.h"

static const SavedQuery has_members_query = {
	QUERY_HAS_MEMBERS,
	"SELECT EXISTS (SELECT FROM %1$s.portfolio_member WHERE portfolio_id OPERATOR(pg_catalog.=) $1)",
	1, {INT8OID}
};

static const SavedQuery members_query = {
	QUERY_PORTFOLIO_MEMBERS,
	"SELECT m.valid::flexexchange.time_window, "
	"(CASE WHEN $3 THEN CASE WHEN m.flexible_down_kw OPERATOR(pg_catalog.<) a.qualified_down_kw THEN m.flexible_down_kw "
	"WHEN m.flexible_down_kw IS NOT NULL THEN a.qualified_down_kw END "
	"ELSE CASE WHEN m.flexible_up_kw OPERATOR(pg_catalog.<) a.qualified_up_kw THEN m.flexible_up_kw "
	"WHEN m.flexible_up_kw IS NOT NULL THEN a.qualified_up_kw END END)::pg_catalog.numeric "
	"FROM %1$s.portfolio_member m JOIN %1$s.asset a ON a.id OPERATOR(pg_catalog.=) m.asset_id "
	"WHERE m.portfolio_id OPERATOR(pg_catalog.=) $1 AND m.valid IS NOT NULL AND m.valid OPERATOR(flexexchange.&&) $2",
	3, {INT8OID, WINDOW_ARG, BOOLOID}
};

/* One change of a portfolio's capacity: a member comes or goes. */
typedef struct CapacityStep
{
	int64		at_us;
	int64		power_w;
	int			unknown;
} CapacityStep;

static int
step_compare(const void *x, const void *y)
{
	int64		a = ((const CapacityStep *) x)->at_us;
	int64		b = ((const CapacityStep *) y)->at_us;

	return a < b ? -1 : a > b;
}

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
 * Lock the row of a unit FOR KEY SHARE and give its column
 * of that number (InvalidAttrNumber: none).  False when there is no such unit.
 *
 * It is what SELECT ... FOR KEY SHARE does, and a second look: such a lock does not
 * conflict with the update that changed a figure, so what was waited for is to be
 * seen with a later snapshot.
 */
static bool
hold_unit(Instance *instance, int64 unit_id, bool portfolio, AttrNumber attr, Datum *value, bool *isnull)
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
		if (found && attr != InvalidAttrNumber)
		{
			*value = slot_getattr(slot, attr, isnull);
			if (!*isnull)
				*value = PointerGetDatum(PG_DETOAST_DATUM_COPY(*value));
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
	return hold_unit(instance, unit_id, portfolio, InvalidAttrNumber, NULL, NULL);
}

static const SavedQuery lock_queries[2] = {
	{
		QUERY_LOCK_ASSET,
		"SELECT FROM %1$s.asset WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		1, {INT8OID}
	},
	{
		QUERY_LOCK_PORTFOLIO,
		"SELECT FROM %1$s.portfolio WHERE id OPERATOR(pg_catalog.=) $1 FOR UPDATE",
		1, {INT8OID}
	}
};

/* Lock a unit against everybody who holds it. */
void
unit_lock(Instance *instance, int64 unit_id, bool portfolio)
{
	Datum		values[1];

	values[0] = Int64GetDatum(unit_id);
	instance_query(instance, &lock_queries[portfolio], values, NULL, 0);
}

/* ----------
 * Capacity and terms
 * ----------
 */

static void
capacity_uniform(Capacity *capacity, const TimeWindow *window, bool known, int64 power_w)
{
	capacity->nspans = 1;
	capacity->spans = palloc0(sizeof(CapacitySpan));
	capacity->spans[0].window = *window;
	capacity->spans[0].known = capacity->known = known;
	capacity->spans[0].power_w = power_w;
}

static void
capacity_of_members(Capacity *capacity, const TimeWindow *window, int nmembers)
{
	CapacityStep *steps = palloc(Max(nmembers, 1) * 2 * sizeof(CapacityStep));
	int			nsteps = 0;
	int64		at_us = window->start_us;
	int64		power_w = 0;
	int			unknown = 0;

	for (int i = 0; i < nmembers; i++)
	{
		bool		isnull;
		TimeWindow *valid = DatumGetTimeWindowP(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
		TimeWindow	common = time_window_common(valid, window);
		Datum		kw = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);

		steps[nsteps].at_us = common.start_us;
		steps[nsteps].power_w = isnull ? 0 : power_w_of_kw(kw);
		steps[nsteps].unknown = isnull ? 1 : 0;
		steps[nsteps + 1].at_us = common.end_us;
		steps[nsteps + 1].power_w = -steps[nsteps].power_w;
		steps[nsteps + 1].unknown = -steps[nsteps].unknown;
		nsteps += 2;
	}
	qsort(steps, nsteps, sizeof(CapacityStep), step_compare);

	capacity->spans = palloc0((nsteps + 1) * sizeof(CapacitySpan));
	capacity->nspans = 0;
	capacity->known = true;
	for (int i = 0; i <= nsteps; i++)
	{
		int64		next_us = i < nsteps ? steps[i].at_us : window->end_us;

		if (next_us > at_us)
		{
			CapacitySpan *span = &capacity->spans[capacity->nspans++];

			span->window.start_us = at_us;
			span->window.end_us = next_us;
			span->known = unknown == 0;
			span->power_w = power_w;
			capacity->known &= span->known;
			at_us = next_us;
		}
		if (i < nsteps)
		{
			power_w += steps[i].power_w;
			unknown += steps[i].unknown;
		}
	}
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
	Datum		flat;
	bool		isnull;

	if (hold_unit(instance, unit_id, portfolio, instance->unit_table[portfolio].profile_attr, &flat, &isnull) && !isnull)
		terms = terms_of_profile(flat);
	return terms;
}

/* The spans of a capacity that overlap a window within it. */
Capacity
capacity_during(const Capacity *capacity, const TimeWindow *window)
{
	Capacity	part = {.known = true};
	int			low = 0;
	int			high = capacity->nspans - 1;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (capacity->spans[middle].window.end_us <= window->start_us)
			low = middle + 1;
		else
			high = middle;
	}
	part.spans = &capacity->spans[low];
	while (low + part.nspans < capacity->nspans && part.spans[part.nspans].window.start_us < window->end_us)
		part.known &= part.spans[part.nspans++].known;
	return part;
}

static void
portfolio_capacity(Instance *instance, int64 portfolio_id, bool down, const TimeWindow *window, Capacity *capacity)
{
	Datum		values[3];
	Datum		has_members;
	bool		isnull;
	int			rows;

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
	rows = instance_query(instance, &members_query, values, NULL, 0);
	capacity_of_members(capacity, window, rows);
	SPI_freetuptable(SPI_tuptable);
}

/* The capacity of a unit over a window; false when there is no such unit. */
bool
capacity_read(Instance *instance, int64 unit_id, bool portfolio, bool down,
			  const TimeWindow *window, Capacity *capacity)
{
	Datum		qualified_kw;
	bool		isnull = true;

	if (!hold_unit(instance, unit_id, portfolio, instance->unit_table[portfolio].qualified_attr[down],
				   &qualified_kw, &isnull))
		return false;
	if (portfolio)
		portfolio_capacity(instance, unit_id, down, window, capacity);
	else
		capacity_uniform(capacity, window, !isnull, isnull ? 0 : power_w_of_kw(qualified_kw));
	return true;
}

/*
 * The capacity of a unit in both directions and, unless NULL, its terms, without
 * locking it; false when there is no such unit.
 */
bool
unit_look(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window,
		  Capacity capacity[2], UnitTerms *terms)
{
	const UnitTable *table = &instance->unit_table[portfolio];
	Relation	heap = table_open(table->relid, AccessShareLock);
	Relation	key = index_open(table->key_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	bool		found = fetch_unit(heap, key, unit_id, GetActiveSnapshot(), slot);

	for (int down = 0; down < 2 && found && !portfolio; down++)
	{
		bool		isnull;
		Datum		qualified_kw = slot_getattr(slot, table->qualified_attr[down], &isnull);

		capacity_uniform(&capacity[down], window, !isnull, isnull ? 0 : power_w_of_kw(qualified_kw));
	}
	if (found && terms != NULL)
	{
		bool		isnull;
		Datum		flat = slot_getattr(slot, table->profile_attr, &isnull);

		if (!isnull)
			*terms = terms_of_profile(PointerGetDatum(PG_DETOAST_DATUM_COPY(flat)));
	}
	ExecDropSingleTupleTableSlot(slot);
	index_close(key, AccessShareLock);
	table_close(heap, AccessShareLock);
	for (int down = 0; down < 2 && found && portfolio; down++)
		portfolio_capacity(instance, unit_id, down != 0, window, &capacity[down]);
	return found;
}
