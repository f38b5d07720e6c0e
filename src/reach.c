/*
 * reach.c
 *		Which units draw on the same assets, and what they have promised.
 *
 * Headroom is a question about all units that draw on the same places at once: an
 * asset's own commitments, the portfolios that contain it, those with other members
 * in common, what lies behind one connection.  Beginning with the units in question
 * the search goes from unit to unit, breadth first, and on only from those that have
 * live commitments beside them: power that nobody has promised is in nobody's way.
 *
 * The partners of a unit come from tables that are kept beforehand (supply_kept.c),
 * but for assets with commitments of their own.  Those are found under each portfolio
 * with a dirty snapshot, as the book is read; a row there only says where to look.
 *
 * A unit that is found is held (capacity.c) before its partners are asked for, so that
 * neither they nor what it can give change until the transaction ends.  Of two
 * transactions that post for connected units at the same time, one sees the other's
 * row: both post, under the portfolios too, before they read (book.c).
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "capacity.h"
#include "reach.h"
#include "window_cell.h"

/* Of an asset with a meter; one without is a place by itself. */
static const SavedQuery partners_of_asset_query = {
	QUERY_PARTNERS_OF_ASSET,
	"SELECT unit_id::pg_catalog.int8, is_portfolio::pg_catalog.bool FROM %1$s.asset_partners($1, $2) ORDER BY 1",
	2, {INT8OID, WINDOW_ARG}
};

static const SavedQuery partners_of_portfolio_query = {
	QUERY_PARTNERS_OF_PORTFOLIO,
	"SELECT p::pg_catalog.int8, true FROM %1$s.portfolio_partners($1, $2) p ORDER BY 1",
	2, {INT8OID, WINDOW_ARG}
};

/* ----------
 * Partners
 * ----------
 */

/*
 * The assets with commitments of their own at places where a portfolio has members.
 * Those of a window that overlaps are in few stretches of the index (window_cell.c).
 */
static void
read_member_commitments(Instance *instance, int64 portfolio_id, const TimeWindow *window, IdList *assets)
{
	Relation	heap = table_open(instance->members_relid, AccessShareLock);
	Relation	index = index_open(instance->members_index_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	ScanKeyData keys[3];
	SnapshotData dirty;
	IndexScanDesc scan;

	InitDirtySnapshot(dirty);
	scan = flex_index_beginscan(heap, index, &dirty, 3);
	for (int level = 0; level < WINDOW_CELL_LEVELS; level++)
	{
		int64		first;
		int64		last;

		window_cells_meeting(window, level, &first, &last);
		ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(portfolio_id));
		ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT8GE, Int64GetDatum(first));
		ScanKeyInit(&keys[2], 2, BTLessEqualStrategyNumber, F_INT8LE, Int64GetDatum(last));
		index_rescan(scan, keys, 3, NULL, 0);
		while (index_getnext_slot(scan, ForwardScanDirection, slot))
		{
			bool		isnull;
			Datum		value = slot_getattr(slot, instance->members_attr[MEMBER_DELIVERY_WINDOW], &isnull);

			CHECK_FOR_INTERRUPTS();
			if (isnull || !time_window_overlaps(DatumGetTimeWindowP(value), window))
				continue;
			value = slot_getattr(slot, instance->members_attr[MEMBER_ASSET_ID], &isnull);
			if (!isnull)
				id_list_add(assets, DatumGetInt64(value));
		}
	}
	index_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	id_list_sort(assets);
}

/* The portfolios that draw on a place. */
static void
read_portfolios_at(Instance *instance, int64 place_id, const TimeWindow *window, IdList *portfolios)
{
	Relation	heap = table_open(instance->places_relid, AccessShareLock);
	Relation	index = index_open(instance->places_index_relid, AccessShareLock);
	TupleTableSlot *slot = table_slot_create(heap, NULL);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	IndexScanDesc scan;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(place_id));
	scan = flex_index_beginscan(heap, index, snapshot, 1);
	index_rescan(scan, &key, 1, NULL, 0);
	while (index_getnext_slot(scan, ForwardScanDirection, slot))
	{
		bool		isnull[3];
		Datum		columns[3];

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < 3; i++)
			columns[i] = slot_getattr(slot, instance->places_attr[i], &isnull[i]);
		if (!isnull[0] && !isnull[1] && !isnull[2] && DatumGetInt64(columns[0]) == DatumGetInt64(columns[1]) &&
			time_window_overlaps(DatumGetTimeWindowP(columns[2]), window))
			id_list_add(portfolios, DatumGetInt64(columns[0]));
	}
	index_endscan(scan);
	UnregisterSnapshot(snapshot);
	ExecDropSingleTupleTableSlot(slot);
	index_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	id_list_sort(portfolios);
}

static void
read_partners(Instance *instance, const UnitRef *unit, bool without_meter, const TimeWindow *window, Partners *partners)
{
	Datum		values[2];

	partners->known = true;
	if (!unit->portfolio && (without_meter || !asset_has_meter(instance, unit->id)))
	{
		read_portfolios_at(instance, unit->id, window, &partners->portfolios);
		return;
	}
	values[0] = Int64GetDatum(unit->id);
	values[1] = TimeWindowPGetDatum(window);
	instance_query(instance, unit->portfolio ? &partners_of_portfolio_query : &partners_of_asset_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));

		id_list_add(DatumGetBool(SPI_getbinval(row, desc, 2, &isnull)) ? &partners->portfolios : &partners->assets, id);
	}
	SPI_freetuptable(SPI_tuptable);
	if (unit->portfolio)
		read_member_commitments(instance, unit->id, window, &partners->assets);
}

/*
 * What was posted for assets is posted under the portfolios that draw on their places,
 * too.  The partners that were looked up for that are given, one for each.
 */
Partners *
reach_post(Instance *instance, const Commitment *posted, int nposted)
{
	Partners   *partners = palloc0(nposted * sizeof(Partners));
	IdList		portfolios = {0};
	const Commitment **members = NULL;
	int			allocated = 0;

	for (int i = 0; i < nposted; i++)
	{
		UnitRef		unit = {posted[i].unit_id, posted[i].portfolio};

		if (posted[i].portfolio)
			continue;
		read_partners(instance, &unit, posted[i].without_meter, &posted[i].window, &partners[i]);
		for (int j = 0; j < partners[i].portfolios.n; j++)
		{
			if (portfolios.n == allocated)
			{
				allocated = Max(16, allocated * 2);
				members = members == NULL ? palloc(allocated * sizeof(Commitment *)) :
					repalloc_huge(members, allocated * sizeof(Commitment *));
			}
			members[portfolios.n] = &posted[i];
			id_list_add(&portfolios, partners[i].portfolios.ids[j]);
		}
	}
	member_commitments_post(instance, &portfolios, members);
	return partners;
}

/* ----------
 * From unit to unit
 * ----------
 */

/* Was a unit asked for before?  The table is made when there is a second one. */
static bool
is_seen(HTAB **seen, const UnitRef *first, UnitRef unit)
{
	uint64		key;
	bool		found;

	if (*seen == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(uint64);
		control.entrysize = sizeof(uint64);
		control.hcxt = CurrentMemoryContext;
		*seen = hash_create("flexexchange units in reach", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		key = unit_key(*first);
		(void) hash_search(*seen, &key, HASH_ENTER, NULL);
	}
	key = unit_key(unit);
	(void) hash_search(*seen, &key, HASH_ENTER, &found);
	return found;
}

static void
add_unit(Reach *reach, UnitRef unit)
{
	if (reach->nunits == reach->units_allocated)
	{
		reach->units_allocated = Max(8, reach->units_allocated * 2);
		reach->units = reach->units == NULL ? palloc(reach->units_allocated * sizeof(UnitRef)) :
			repalloc_huge(reach->units, reach->units_allocated * sizeof(UnitRef));
		reach->portfolios = reach->portfolios == NULL ? palloc(reach->units_allocated * sizeof(IdList)) :
			repalloc_huge(reach->portfolios, reach->units_allocated * sizeof(IdList));
	}
	reach->units[reach->nunits++] = unit;
}

/* Take in those of some live commitments that concern self. */
void
reach_take(Instance *instance, const Commitment *self, const Commitment *live, int nlive,
		   BookWaitFunction concerns, Reach *reach)
{
	reach->has_first = true;
	for (int i = 0; i < nlive; i++)
	{
		if (!concerns(instance, self, &live[i], NULL))
			continue;
		if (reach->n == reach->allocated)
		{
			reach->allocated = Max(16, reach->allocated * 2);
			reach->commitments = reach->commitments == NULL ? palloc(reach->allocated * sizeof(Commitment)) :
				repalloc_huge(reach->commitments, reach->allocated * sizeof(Commitment));
		}
		reach->commitments[reach->n++] = live[i];
	}
}

static bool
wait_for_nobody(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return false;
}

static void
search(Instance *instance, const Commitment *self, BookWaitFunction concerns, bool is_promised, bool look, Reach *reach)
{
	UnitRef		first = {self->unit_id, self->portfolio};
	HTAB	   *seen = NULL;
	int			kept = 0;

	add_unit(reach, first);
	for (int i = 0; i < reach->nunits; i++)
	{
		UnitRef		unit = reach->units[i];
		int			before = reach->n;
		Partners	partners = {0};

		CHECK_FOR_INTERRUPTS();
		id_list_add(&reach->seen, unit.id);
		if (i > 0 || !reach->has_first)
		{
			Commitment	probe = *self;
			int			nlive;
			Commitment *live;

			probe.unit_id = unit.id;
			probe.portfolio = unit.portfolio;
			live = book_read(instance, &probe, &self->window, look ? wait_for_nobody : concerns, NULL, &nlive);
			reach_take(instance, self, live, nlive, concerns, reach);
			if (live != NULL)
				pfree(live);
			if (reach->n == before && !(i == 0 && is_promised))
				continue;		/* nobody has promised it */
			if (i > 0 && !look && !unit_hold(instance, unit.id, unit.portfolio))
				continue;
		}
		if (i == 0 && reach->of_first.known)
			partners = reach->of_first;
		else
			read_partners(instance, &unit, false, &self->window, &partners);
		reach->units[kept] = unit;
		reach->portfolios[kept++] = partners.portfolios;
		for (int j = 0; j < partners.portfolios.n + partners.assets.n; j++)
		{
			UnitRef		partner = {.portfolio = j < partners.portfolios.n};

			partner.id = partner.portfolio ? partners.portfolios.ids[j] : partners.assets.ids[j - partners.portfolios.n];
			if (!is_seen(&seen, &first, partner))
				add_unit(reach, partner);
		}
	}
	reach->nunits = kept;
	if (seen != NULL)
		hash_destroy(seen);
}

/*
 * Find the units connected with self's, which is held or locked, during its window, and
 * their live commitments that concern it, self left out.  Its own unit comes first; when
 * it is not promised by self, and nothing else is found of it, there is no reach.
 */
void
reach_read(Instance *instance, const Commitment *self, BookWaitFunction concerns, bool is_promised, Reach *reach)
{
	search(instance, self, concerns, is_promised, false, reach);
}

/* The same without holding units or waiting for those who are undecided. */
void
reach_look(Instance *instance, const Commitment *self, BookWaitFunction concerns, Reach *reach)
{
	search(instance, self, concerns, true, true, reach);
}
