/*
 * supply_kept.c
 *		What is kept beforehand, so that no check of headroom walks 50,000 members.
 *
 * Three tables follow from the register and the book (sql/exchange/55_supply):
 *
 *	place_supply		what portfolios may draw on each place, singly and in pairs;
 *						a place is an asset, or a connection with a known limit
 *						and all assets behind it
 *	portfolio_supply	its sums over places, for each portfolio and each pair, as
 *						they hold from one instant to the next
 *	member_commitment	the live commitments of single assets, under each portfolio
 *						that draws on the same place
 *
 * Whoever changes the register asks which assets and places are touched, locks
 * those assets, then asks which portfolios draw there, or did, and locks them too
 * (reexamine.c).  So nobody else changes the rows of these portfolios, nor counts on
 * them, until the change is decided, and the tables may follow it: the old rows of
 * the places are taken out of the sums and the new ones put in, set by set.
 *
 * A row of member_commitment only says where to look: the book itself tells what
 * lives there (reach.c).
 */
#include "postgres.h"
#include "compat.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "lib/qunique.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/rel.h"

#include "supply_kept.h"
#include "window_cell.h"

static const SavedQuery places_query = {
	QUERY_PLACES_TOUCHED,
	"SELECT id::pg_catalog.int8, is_asset::pg_catalog.bool FROM %1$s.places_around($1, $2) ORDER BY 1",
	2, {INT8ARRAYOID, INT8ARRAYOID}
};

static const SavedQuery portfolios_query = {
	QUERY_PORTFOLIOS_TOUCHED,
	"SELECT portfolio_id::pg_catalog.int8 FROM %1$s.place_supply WHERE place_id OPERATOR(pg_catalog.=) ANY ($1) "
	"UNION SELECT portfolio_id::pg_catalog.int8 FROM %1$s.portfolio_member WHERE asset_id OPERATOR(pg_catalog.=) ANY ($2) ORDER BY 1",
	2, {INT8ARRAYOID, INT8ARRAYOID}
};

#define SUMS(of) \
	of "places, " of "assets, " of "crowded, " of "unknown_up, " of "unknown_down, " \
	of "own_up_kw, " of "own_down_kw, " of "both_up_kw, " of "both_down_kw"

static const SavedQuery keep_portfolios_query = {
	QUERY_KEEP_PORTFOLIOS,
	"INSERT INTO %1$s.portfolio_supply AS s (portfolio_id, with_id, since, " SUMS("") ") "
	"SELECT portfolio_id, with_id, since, " SUMS("") " FROM %1$s.portfolio_supply_after($1) "
	"ON CONFLICT (portfolio_id, with_id, since) DO UPDATE SET (" SUMS("") ") = ROW(" SUMS("EXCLUDED.") ") "
	"WHERE ROW(" SUMS("s.") ") IS DISTINCT FROM ROW(" SUMS("EXCLUDED.") ")",
	1, {INT8ARRAYOID}
};

static const SavedQuery forget_places_query = {
	QUERY_FORGET_PLACES,
	"DELETE FROM %1$s.place_supply WHERE place_id OPERATOR(pg_catalog.=) ANY ($1)",
	1, {INT8ARRAYOID}
};

static const SavedQuery keep_places_query = {
	QUERY_KEEP_PLACES,
	"INSERT INTO %1$s.place_supply SELECT * FROM %1$s.place_supply_of($1)",
	1, {INT8ARRAYOID}
};

static const SavedQuery forget_member_commitments_query = {
	QUERY_FORGET_MEMBER_COMMITMENTS,
	"DELETE FROM %1$s.member_commitment WHERE commitment_id OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT %1$s.live_commitments($1)))",
	1, {INT8ARRAYOID}
};

static const SavedQuery keep_member_commitments_query = {
	QUERY_KEEP_MEMBER_COMMITMENTS,
	"INSERT INTO %1$s.member_commitment SELECT * FROM %1$s.member_commitment_of($1)",
	1, {INT8ARRAYOID}
};

static const SavedQuery close_member_commitment_query = {
	QUERY_CLOSE_MEMBER_COMMITMENT,
	"DELETE FROM %1$s.member_commitment WHERE commitment_id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

void
id_list_add(IdList *list, int64 id)
{
	if (list->n == list->allocated)
	{
		list->allocated = Max(8, list->allocated * 2);
		list->ids = list->ids == NULL ? palloc(list->allocated * sizeof(int64)) :
			repalloc_huge(list->ids, list->allocated * sizeof(int64));
	}
	list->ids[list->n++] = id;
}

static int
id_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

/* In order, each id once. */
void
id_list_sort(IdList *list)
{
	if (list->n < 2)
		return;
	qsort(list->ids, list->n, sizeof(int64), id_compare);
	list->n = qunique(list->ids, list->n, sizeof(int64), id_compare);
}

/* The list as a value of type bigint[]. */
Datum
id_list_datum(const IdList *list)
{
	Datum	   *values = palloc(Max(list->n, 1) * sizeof(Datum));
	ArrayType  *array;

	for (int i = 0; i < list->n; i++)
		values[i] = Int64GetDatum(list->ids[i]);
	array = construct_array(values, list->n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	pfree(values);
	return PointerGetDatum(array);
}

static int64
result_id(uint64 row)
{
	bool		isnull;

	return DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &isnull));
}

/*
 * Assets, or metering points by which some lie, changed: all assets whose place is
 * another now or has other limits, in order, and all places of theirs, now or before.
 */
void
supply_kept_places(Instance *instance, const IdList *changed_assets, const IdList *changed_points,
				   IdList *assets, IdList *places)
{
	Datum		values[2];
	bool		isnull;

	values[0] = id_list_datum(changed_assets);
	values[1] = id_list_datum(changed_points);
	instance_query(instance, &places_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		id_list_add(places, result_id(i));
		if (DatumGetBool(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull)))
			id_list_add(assets, result_id(i));
	}
	SPI_freetuptable(SPI_tuptable);
}

/* The portfolios that draw on places or did so, in order; the assets there are locked. */
void
supply_kept_portfolios(Instance *instance, const IdList *assets, const IdList *places, IdList *portfolios)
{
	Datum		values[2];

	values[0] = id_list_datum(places);
	values[1] = id_list_datum(assets);
	instance_query(instance, &portfolios_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
		id_list_add(portfolios, result_id(i));
	SPI_freetuptable(SPI_tuptable);
}

/* Bring what is kept up to date; the assets and portfolios concerned are locked. */
void
supply_kept_follow(Instance *instance, const IdList *assets, const IdList *places)
{
	Datum		values[1];

	values[0] = id_list_datum(places);
	instance_query(instance, &keep_portfolios_query, values, NULL, 0);
	instance_query(instance, &forget_places_query, values, NULL, 0);
	instance_query(instance, &keep_places_query, values, NULL, 0);
	values[0] = id_list_datum(assets);
	instance_query(instance, &forget_member_commitments_query, values, NULL, 0);
	instance_query(instance, &keep_member_commitments_query, values, NULL, 0);
}

/*
 * Post commitments of assets, which are held, each under the portfolio beside it: one
 * that draws on its place.
 *
 * It is done for every commitment of an asset in a portfolio, so the rows go straight
 * into the table and its indexes.  Nobody else writes them: an owner who puts triggers
 * or constraints on this table is not heard.
 */
void
member_commitments_post(Instance *instance, const IdList *portfolios, const Commitment *const *commitments)
{
	Relation	heap;
	TupleTableSlot *slot;
	EState	   *estate;
	ResultRelInfo *target;

	if (portfolios->n == 0)
		return;
	heap = table_open(instance->members_relid, RowExclusiveLock);
	slot = table_slot_create(heap, NULL);
	estate = CreateExecutorState();
	target = makeNode(ResultRelInfo);
	InitResultRelInfo(target, heap, 0, NULL, 0);
	ExecOpenIndices(target, false);
	for (int i = 0; i < portfolios->n; i++)
	{
		Datum		values[MEMBER_NCOLUMNS];

		CHECK_FOR_INTERRUPTS();
		values[MEMBER_PORTFOLIO_ID] = Int64GetDatum(portfolios->ids[i]);
		values[MEMBER_CELL] = Int64GetDatum(window_cell(&commitments[i]->window));
		values[MEMBER_ASSET_ID] = Int64GetDatum(commitments[i]->unit_id);
		values[MEMBER_COMMITMENT_ID] = Int64GetDatum(commitments[i]->id);
		values[MEMBER_DELIVERY_WINDOW] = TimeWindowPGetDatum(&commitments[i]->window);
		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
		for (int j = 0; j < MEMBER_NCOLUMNS; j++)
		{
			slot->tts_values[instance->members_attr[j] - 1] = values[j];
			slot->tts_isnull[instance->members_attr[j] - 1] = false;
		}
		ExecStoreVirtualTuple(slot);
		table_tuple_insert(heap, slot, GetCurrentCommandId(true), 0, NULL);
		(void) flex_ExecInsertIndexTuples(target, slot, estate);
		ResetPerTupleExprContext(estate);
	}
	ExecCloseIndices(target);
	FreeExecutorState(estate);
	ExecDropSingleTupleTableSlot(slot);
	table_close(heap, NoLock);
}

/* The commitment of an asset, which is held, has been closed. */
void
member_commitment_close(Instance *instance, const Commitment *commitment)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment->id);
	instance_query(instance, &close_member_commitment_query, values, NULL, 0);
}
