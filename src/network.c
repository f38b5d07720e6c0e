/*
 * network.c
 *		Where live dispatches stand in the network, and reading what is near them.
 *
 * Table network_dispatch has a row for every live dispatch and every node above
 * its unit, with the time during which the unit lies behind the node.  What rows
 * a dispatch has to have, SQL function network_places() says; this file brings
 * them up to date, under locks, and reads them with a dirty snapshot.
 *
 * The race, and why nobody slips through.
 *
 *	- A dispatch that is placed or taken away holds its nodes FOR KEY SHARE, the
 *	  old ones and the new ones, from before it reads until its transaction ends.
 *	  Whoever changes a limit, a constraint period or what feeds a node holds that
 *	  node FOR UPDATE before it reads dispatches (counteraction.c).  So of a
 *	  dispatch and such a change one is decided when the other reads.
 *	- Nodes are found before they can be held, so the path is walked again after
 *	  holding, until all of it is held.
 *	- The unit is held as well, FOR KEY SHARE, by whoever places its dispatches, and
 *	  FOR UPDATE by whoever moves it; else a row that the mover has taken away, at a
 *	  node that stays on the path, would be written back.
 *	- Two dispatches do not hinder one another at a node.  Each writes its rows
 *	  first and then reads the node's index with a dirty snapshot; whoever reads
 *	  last sees the other's, and waits when it is undecided and could matter, as
 *	  in book.c.  When both wait, one ends with 40P01.
 *	- The dispatches that are examined are locked FOR SHARE, so that none of them is
 *	  closed meanwhile, and their rows are written even when they stay the same, so
 *	  that whoever closes one that stands against them waits.
 *
 * An exchange to which the network never mattered does none of this.  The first
 * limit, constraint period, removal or named element writes table network_watch,
 * under a lock on the book that lets whoever is posting end first, and places all
 * dispatches that are live by then.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "errors.h"
#include "network.h"

static bool
contains(const int64 *values, int count, int64 value)
{
	for (int i = 0; i < count; i++)
		if (values[i] == value)
			return true;
	return false;
}

/* ----------
 * Does the network matter?
 * ----------
 */

/*
 * It may have come to matter while a lock was waited for, so whoever remembers
 * that it does not makes sure.
 */
bool
network_watched(Instance *instance)
{
	AcceptInvalidationMessages();
	return !instance->rules_valid || instance->rulebook->network_watched;
}

static const SavedQuery watch_query = {
	QUERY_NETWORK_WATCH,
	"INSERT INTO %1$s.network_watch (one) VALUES (true) ON CONFLICT DO NOTHING",
	0
};

static const SavedQuery place_all_query = {
	QUERY_NETWORK_PLACE_ALL,
	"INSERT INTO %1$s.network_dispatch SELECT * FROM %1$s.network_places(ARRAY(SELECT id FROM %1$s.commitment "
	"WHERE closed_at IS NULL AND stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text "
	"AND flexexchange.upper(delivery_window) OPERATOR(pg_catalog.>) pg_catalog.transaction_timestamp())) "
	"ON CONFLICT DO NOTHING",
	0
};

/* From here on it matters. */
void
network_watch(Instance *instance)
{
	if (instance->rules_valid && instance->rulebook->network_watched)
		return;
	/* whoever posts without looking ends first, and whoever comes later looks */
	LockRelationOid(instance->book_relid, ShareRowExclusiveLock);
	if (instance_query(instance, &watch_query, NULL, NULL, 0) == 0)
		return;
	instance_query(instance, &place_all_query, NULL, NULL, 0);
	CacheInvalidateRelcacheByRelid(instance->rules_relid);
}

/* ----------
 * Placing
 * ----------
 */

static const SavedQuery lock_dispatches_query = {
	QUERY_NETWORK_LOCK_DISPATCHES,
	"SELECT id::pg_catalog.int8 FROM %1$s.commitment WHERE id OPERATOR(pg_catalog.=) ANY ($1) "
	"OR (closed_at IS NULL AND stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text "
	"AND source_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT supersedes_id FROM %1$s.commitment WHERE id OPERATOR(pg_catalog.=) ANY ($1)))) "
	"ORDER BY id FOR SHARE",
	1, {INT8ARRAYOID}
};

static const SavedQuery lock_units_queries[2] = {
	{
		QUERY_NETWORK_LOCK_ASSETS,
		"SELECT FROM %1$s.asset WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT c.unit_id FROM %1$s.commitment c "
		"WHERE c.id OPERATOR(pg_catalog.=) ANY ($1) AND c.unit_kind OPERATOR(pg_catalog.=) 'asset'::pg_catalog.text)) "
		"ORDER BY id FOR KEY SHARE",
		1, {INT8ARRAYOID}
	},
	{
		QUERY_NETWORK_LOCK_PORTFOLIOS,
		"SELECT FROM %1$s.portfolio WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT c.unit_id FROM %1$s.commitment c "
		"WHERE c.id OPERATOR(pg_catalog.=) ANY ($1) AND c.unit_kind OPERATOR(pg_catalog.=) 'portfolio'::pg_catalog.text)) "
		"ORDER BY id FOR KEY SHARE",
		1, {INT8ARRAYOID}
	}
};

/* Hold the units of dispatches, as whoever posts or closes does; whoever moves a unit holds it FOR UPDATE. */
void
network_hold_units(Instance *instance, const int64 *ids, int nids)
{
	Datum		values[1];

	values[0] = int64_array(ids, nids);
	for (int portfolio = 0; portfolio < 2; portfolio++)
	{
		instance_query(instance, &lock_units_queries[portfolio], values, NULL, 0);
		SPI_freetuptable(SPI_tuptable);
	}
}

/* Lock dispatches, and those whose place they take, which count or not with them. */
int64 *
network_hold_dispatches(Instance *instance, const int64 *ids, int nids, int *count)
{
	Datum		values[1];

	values[0] = int64_array(ids, nids);
	instance_query(instance, &lock_dispatches_query, values, NULL, 0);
	return int64_column_of_result(1, count);
}

static const SavedQuery lock_nodes_query = {
	QUERY_NETWORK_LOCK_NODES,
	"SELECT id::pg_catalog.int8 FROM %1$s.grid_node WHERE id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT grid_node_id FROM %1$s.network_places($1) UNION ALL "
	"SELECT grid_node_id FROM %1$s.network_dispatch WHERE commitment_id OPERATOR(pg_catalog.=) ANY ($1) UNION ALL "
	"SELECT id FROM pg_catalog.unnest($2) AS t (id))) "
	"ORDER BY id FOR KEY SHARE",
	2, {INT8ARRAYOID, INT8ARRAYOID}
};

#define PLACE_COLUMNS \
	"commitment_id::pg_catalog.int8, grid_node_id::pg_catalog.int8, valid::flexexchange.time_window, " \
	"direction OPERATOR(pg_catalog.=) 'down'::pg_catalog.text, market_operator_id::pg_catalog.int8, named::pg_catalog.bool"

static const SavedQuery unplace_query = {
	QUERY_NETWORK_UNPLACE,
	"WITH p AS MATERIALIZED (SELECT * FROM %1$s.network_places($1)) "
	"DELETE FROM %1$s.network_dispatch d WHERE d.commitment_id OPERATOR(pg_catalog.=) ANY ($1) AND NOT EXISTS ("
	"SELECT FROM p WHERE p.commitment_id OPERATOR(pg_catalog.=) d.commitment_id "
	"AND p.grid_node_id OPERATOR(pg_catalog.=) d.grid_node_id AND p.valid OPERATOR(flexexchange.=) d.valid "
	"AND p.named OPERATOR(pg_catalog.=) d.named AND p.steps OPERATOR(pg_catalog.=) d.steps) "
	"RETURNING " PLACE_COLUMNS,
	1, {INT8ARRAYOID}
};

static const SavedQuery place_query = {
	QUERY_NETWORK_PLACE,
	"INSERT INTO %1$s.network_dispatch SELECT * FROM %1$s.network_places($1) ON CONFLICT DO NOTHING",
	1, {INT8ARRAYOID}
};

static const SavedQuery places_query = {
	QUERY_NETWORK_PLACES,
	"SELECT " PLACE_COLUMNS " FROM %1$s.network_dispatch WHERE commitment_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}
};

/*
 * Who examines a dispatch whose rows stay as they are writes them all the same, so
 * that whoever withdraws one that stands against it waits, as for one just posted.
 */
static const SavedQuery touch_query = {
	QUERY_NETWORK_TOUCH,
	"UPDATE %1$s.network_dispatch SET steps = steps WHERE commitment_id OPERATOR(pg_catalog.=) ANY ($1) RETURNING " PLACE_COLUMNS,
	1, {INT8ARRAYOID}
};

/* The places that the last query gave, after those that are there already. */
static Place *
append_places(Place *places, int *count)
{
	places = repalloc_huge(places, (*count + SPI_processed + 1) * sizeof(Place));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Place	   *place = &places[(*count)++];
		bool		isnull;

		place->commitment_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		place->node_id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
		place->window = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 3, &isnull));
		place->down = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
		place->market_operator_id = DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull));
		place->named = DatumGetBool(SPI_getbinval(row, desc, 6, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return places;
}

/*
 * Bring the rows of dispatches up to date, with all their nodes held.  Gives the
 * rows that they have now and those that they had.
 */
Place *
network_place(Instance *instance, const int64 *ids, int nids, bool touch, int *count)
{
	Datum		values[2];
	Place	   *places = palloc(sizeof(Place));
	int64	   *nodes = NULL;
	int			nnodes = 0;
	bool		all_held;

	values[0] = int64_array(ids, nids);
	*count = 0;
	do
	{
		int64	   *held;
		int			nheld;
		int			nremoved;

		CHECK_FOR_INTERRUPTS();
		/* rows that were found before may be gone by now: their nodes are held all the same */
		values[1] = int64_array(nodes, nnodes);
		instance_query(instance, &lock_nodes_query, values, NULL, 0);
		held = int64_column_of_result(1, &nheld);
		instance_query(instance, &unplace_query, values, NULL, 0);
		places = append_places(places, count);
		instance_query(instance, &place_query, values, NULL, 0);
		nremoved = *count;
		instance_query(instance, touch ? &touch_query : &places_query, values, NULL, 0);
		places = append_places(places, count);

		all_held = true;
		nodes = palloc(Max(*count, 1) * sizeof(int64));
		nnodes = *count;
		for (int i = 0; i < nnodes; i++)
		{
			nodes[i] = places[i].node_id;
			all_held &= contains(held, nheld, nodes[i]);
		}
		if (!all_held)
			*count = nremoved;	/* what is there is read again */
	} while (!all_held);
	return places;
}

/* ----------
 * Reading
 * ----------
 */

static const SavedQuery restrictions_query = {
	QUERY_NETWORK_RESTRICTIONS,
	"SELECT grid_node_id::pg_catalog.int8, valid::flexexchange.time_window, "
	"direction OPERATOR(pg_catalog.=) 'down'::pg_catalog.text, operator_id::pg_catalog.int8, written "
	"FROM (SELECT grid_node_id, valid, direction, operator_id, xmin::pg_catalog.text::pg_catalog.int8 AS written "
	"FROM %1$s.operating_limit WHERE closed_at IS NULL UNION ALL "
	"SELECT grid_node_id, valid, direction, operator_id, xmin::pg_catalog.text::pg_catalog.int8 "
	"FROM %1$s.constraint_period WHERE closed_at IS NULL) x "
	"JOIN (SELECT DISTINCT p.node, p.during FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS p (node, during)) p "
	"ON flexexchange.resource_window(x.grid_node_id, x.valid) OPERATOR(flexexchange.&&) flexexchange.resource_window(p.node, p.during)",
	2, {INT8ARRAYOID, WINDOW_ARRAY_ARG}
};

/* A transaction that keeps one snapshot cannot write a finding on what it may not see. */
static void
require_visible(int64 xmin, const char *what, int64 id)
{
	TransactionId written = (TransactionId) xmin;

	if (IsolationUsesXactSnapshot() && TransactionIdIsNormal(written) &&
		!TransactionIdIsCurrentTransactionId(written) &&
		XidInMVCCSnapshot(written, GetTransactionSnapshot()))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not serialize access due to a concurrent %s " INT64_FORMAT, what, id),
				 errhint("The transaction might succeed if retried.")));
}

static const SavedQuery removals_query = {
	QUERY_NETWORK_REMOVALS,
	"SELECT u.unit_id::pg_catalog.int8, u.xmin::pg_catalog.text::pg_catalog.int8 "
	"FROM %1$s.commitment c JOIN %1$s.unit_removal u ON u.closed_at IS NULL "
	"AND flexexchange.resource_window(u.unit_id, u.valid) OPERATOR(flexexchange.&&) "
	"flexexchange.resource_window(c.unit_id, c.delivery_window) "
	"WHERE c.id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}
};

/* Is any of the units of these commitments taken out of something meanwhile? */
bool
network_any_removal(Instance *instance, Datum ids)
{
	int			count = instance_query(instance, &removals_query, &ids, NULL, 0);

	for (int i = 0; i < count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		require_visible(DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull)), "removal of unit",
						DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return count > 0;
}

/*
 * The limits and constraint periods where these places are.  All of them are
 * decided, since the nodes are held.
 */
Restriction *
network_restrictions(Instance *instance, const Place *places, int nplaces, int *count)
{
	Restriction *result;
	Datum	   *windows = palloc(Max(nplaces, 1) * sizeof(Datum));
	int64	   *nodes = palloc(Max(nplaces, 1) * sizeof(int64));
	Datum		values[2];

	for (int i = 0; i < nplaces; i++)
	{
		nodes[i] = places[i].node_id;
		windows[i] = TimeWindowPGetDatum(&places[i].window);
	}
	values[0] = int64_array(nodes, nplaces);
	values[1] = PointerGetDatum(construct_array(windows, nplaces, instance->window_type,
												sizeof(TimeWindow), false, TYPALIGN_DOUBLE));
	*count = instance_query(instance, &restrictions_query, values, NULL, 0);
	result = palloc(Max(*count, 1) * sizeof(Restriction));
	for (int i = 0; i < *count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		result[i].node_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		result[i].window = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 2, &isnull));
		result[i].down = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
		result[i].operator_id = DatumGetInt64(SPI_getbinval(row, desc, 4, &isnull));
		require_visible(DatumGetInt64(SPI_getbinval(row, desc, 5, &isnull)), "limit at grid node", result[i].node_id);
	}
	SPI_freetuptable(SPI_tuptable);
	pfree(windows);
	pfree(nodes);
	return result;
}

/* Is there a limit or constraint period at the place that makes it an element? */
static bool
is_element(const Place *place, const Restriction *restrictions, int nrestrictions)
{
	for (int i = 0; i < nrestrictions; i++)
		if (restrictions[i].node_id == place->node_id &&
			time_window_overlaps(&restrictions[i].window, &place->window))
			return true;
	return place->named;
}

/* Could a finding on `self` depend on the other, at the node where both stand? */
static bool
matters(const Place *self, const Place *other, const Restriction *restrictions, int nrestrictions)
{
	TimeWindow	common;

	if (other->commitment_id == self->commitment_id || !time_window_overlaps(&self->window, &other->window))
		return false;
	if (other->down != self->down && other->market_operator_id == self->market_operator_id)
		return false;
	if (other->down != self->down && (self->named || other->named))
		return true;
	common = time_window_common(&self->window, &other->window);
	for (int i = 0; i < nrestrictions; i++)
	{
		const Restriction *restriction = &restrictions[i];

		if (restriction->node_id != self->node_id || !time_window_overlaps(&restriction->window, &common))
			continue;
		if (other->down == self->down ? restriction->down == self->down :
			restriction->operator_id == self->market_operator_id || restriction->operator_id == other->market_operator_id)
			return true;
	}
	return false;
}

typedef enum PlaceColumn
{
	PLACE_COMMITMENT_ID,
	PLACE_VALID,
	PLACE_DIRECTION,
	PLACE_MARKET_OPERATOR_ID,
	PLACE_NAMED,
	PLACE_NCOLUMNS
} PlaceColumn;

/* Open an index of network_dispatch; it must be as the module made it. */
static Relation
open_place_index(Instance *instance, Relation heap, const char *name)
{
	Oid			relid = get_relname_relid(name, instance->namespace_oid);
	Relation	book_index = index_open(instance->book_index_relid, AccessShareLock);
	Relation	index = OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_INDEX ? index_open(relid, AccessShareLock) : NULL;

	if (index == NULL || index->rd_rel->relam != GIST_AM_OID || !index->rd_index->indisvalid ||
		index->rd_index->indrelid != RelationGetRelid(heap) || index->rd_opfamily[0] != book_index->rd_opfamily[0] ||
		index->rd_opcintype[0] != book_index->rd_opcintype[0])
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("index %s of exchange \"%s\" cannot find overlaps", name, instance->name),
				 errhint("It is a GiST index of network_dispatch on resource_window(grid_node_id, valid).")));
	index_close(book_index, AccessShareLock);
	return index;
}

static void
place_from_slot(const AttrNumber *attr, TupleTableSlot *slot, int64 node_id, Place *place)
{
	Datum		values[PLACE_NCOLUMNS];
	text	   *direction;

	for (int i = 0; i < PLACE_NCOLUMNS; i++)
	{
		bool		isnull;

		values[i] = slot_getattr(slot, attr[i], &isnull);
		if (isnull)
			elog(ERROR, "a row of network_dispatch lacks a value in column %d", i);
	}
	direction = DatumGetTextPP(values[PLACE_DIRECTION]);
	place->commitment_id = DatumGetInt64(values[PLACE_COMMITMENT_ID]);
	place->node_id = node_id;
	place->window = *DatumGetTimeWindowP(values[PLACE_VALID]);
	place->down = VARSIZE_ANY_EXHDR(direction) == 4;
	place->market_operator_id = DatumGetInt64(values[PLACE_MARKET_OPERATOR_ID]);
	place->named = DatumGetBool(values[PLACE_NAMED]);
}

/*
 * Wait until nobody is undecided whose dispatch could matter for one of these
 * places.  Tells whether there is any that matters.
 *
 * Where no element is, only a dispatch that names the node can make it one, so
 * the short index of those is asked instead of that of all.
 */
bool
network_wait(Instance *instance, const Place *places, int nplaces,
			 const Restriction *restrictions, int nrestrictions)
{
	static const char *const names[PLACE_NCOLUMNS] = {"commitment_id", "valid", "direction", "market_operator_id", "named"};
	Oid			types[PLACE_NCOLUMNS] = {INT8OID, instance->window_type, TEXTOID, INT8OID, BOOLOID};
	AttrNumber	attr[PLACE_NCOLUMNS];
	Oid			relid = get_relname_relid("network_dispatch", instance->namespace_oid);
	Relation	heap;
	Relation	all;
	Relation	named;
	TupleTableSlot *slot;
	bool		any = false;

	for (int i = 0; i < PLACE_NCOLUMNS; i++)
	{
		attr[i] = get_attnum(relid, names[i]);
		require_column_type(relid, names[i], attr[i], types[i]);
	}
	heap = table_open(relid, AccessShareLock);
	all = open_place_index(instance, heap, "network_dispatch_node_idx");
	named = open_place_index(instance, heap, "network_dispatch_named_idx");
	slot = table_slot_create(heap, NULL);

	for (int i = 0; i < nplaces; i++)
	{
		const Place *self = &places[i];
		Relation	index = is_element(self, restrictions, nrestrictions) ? all : named;
		ResourceWindow probe;
		ScanKeyData key;
		bool		again;

		probe.resource = self->node_id;
		probe.window = self->window;
		ScanKeyEntryInitialize(&key, 0, 1, WINDOW_OVERLAPS, InvalidOid, InvalidOid,
							   instance->overlaps_proc, ResourceWindowPGetDatum(&probe));
		do
		{
			SnapshotData dirty;
			IndexScanDesc scan;

			InitDirtySnapshot(dirty);
			again = false;
			scan = flex_index_beginscan(heap, index, &dirty, 1);
			index_rescan(scan, &key, 1, NULL, 0);
			while (index_getnext_slot(scan, ForwardScanDirection, slot))
			{
				Place		other;
				TransactionId undecided = TransactionIdIsValid(dirty.xmin) ? dirty.xmin : dirty.xmax;

				CHECK_FOR_INTERRUPTS();
				place_from_slot(attr, slot, self->node_id, &other);
				if (!matters(self, &other, restrictions, nrestrictions))
					continue;
				if (TransactionIdIsValid(undecided))
				{
					ItemPointerData tid = slot->tts_tid;

					ExecClearTuple(slot);
					index_endscan(scan);
					scan = NULL;
					XactLockTableWait(undecided, heap, &tid, XLTW_RecheckExclusionConstr);
					again = true;
					break;
				}
				if (IsolationUsesXactSnapshot())
				{
					bool		isnull;
					TransactionId xmin = DatumGetTransactionId(slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull));

					if (!TransactionIdIsCurrentTransactionId(xmin) &&
						!table_tuple_satisfies_snapshot(heap, slot, GetTransactionSnapshot()))
						ereport(ERROR,
								(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
								 errmsg("could not serialize access due to a concurrent dispatch behind grid node " INT64_FORMAT,
										self->node_id),
								 errhint("The transaction might succeed if retried.")));
				}
				any = true;
			}
			if (scan != NULL)
				index_endscan(scan);
		} while (again);
	}

	ExecDropSingleTupleTableSlot(slot);
	index_close(named, AccessShareLock);
	index_close(all, AccessShareLock);
	table_close(heap, AccessShareLock);
	return any;
}
