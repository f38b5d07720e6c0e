/*
 * hold.c
 *		Trades that wait because of what was found on them.
 *
 * How a trade is held, rejected and let through is the exchange's own SQL
 * (module 61 holds); here it is called when its time has come.  A trade that is
 * held leaves the book, and one that tries again enters it and may have to
 * leave it: neither is a reason for others to try, or n trades that wait on one
 * unit would try each other for ever.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "hold.h"

static const SavedQuery carry_out_query = {
	QUERY_CARRY_OUT,
	"SELECT %1$s.carry_out_action($1, $2)",
	2, {INT8OID, TEXTOID}
};

static const SavedQuery release_query = {
	QUERY_RELEASE_HOLDS,
	"SELECT %1$s.release_holds($1) WHERE EXISTS "
	"(SELECT FROM %1$s.hold WHERE unit_id OPERATOR(pg_catalog.=) $1 AND resolved_at IS NULL)",
	1, {INT8OID}
};

static const SavedQuery waiting_query = {
	QUERY_WAITING,
	"SELECT DISTINCT h.unit_id::pg_catalog.int8 FROM %1$s.hold h WHERE h.resolved_at IS NULL AND (h.unit_id OPERATOR(pg_catalog.=) ANY ($1) "
	"OR EXISTS (SELECT FROM %1$s.place_supply s WHERE s.place_id OPERATOR(pg_catalog.=) h.unit_id AND s.portfolio_id OPERATOR(pg_catalog.=) ANY ($1))) ORDER BY 1",
	1, {INT8ARRAYOID}
};

/* Is a trade being held, or let through, further up? */
static bool busy = false;

static void
call(Instance *instance, const SavedQuery *query, Datum *values)
{
	bool		was_busy = busy;

	busy = true;
	PG_TRY();
	{
		instance_query(instance, query, values, NULL, 0);
		SPI_freetuptable(SPI_tuptable);
	}
	PG_FINALLY();
	{
		busy = was_busy;
	}
	PG_END_TRY();
}

/* Hold or reject the trade of a commitment that has just been posted. */
void
hold_carry_out(Instance *instance, const Commitment *posted, RulesetAction action)
{
	Datum		values[2];

	values[0] = Int64GetDatum(posted->id);
	values[1] = CStringGetTextDatum(ruleset_action_name(action));
	call(instance, &carry_out_query, values);
}

/* What stood in the way of trades that wait on a unit may be gone: let them try again. */
void
hold_release(Instance *instance, int64 unit_id)
{
	Datum		values[1];

	if (busy)
		return;
	values[0] = Int64GetDatum(unit_id);
	call(instance, &release_query, values);
}

/* The same of several units, and of assets that portfolios among them draw on. */
void
hold_release_all(Instance *instance, const IdList *units)
{
	Datum		values[1];
	IdList		waiting = {0};

	if (busy || units->n == 0)
		return;
	values[0] = id_list_datum(units);
	instance_query(instance, &waiting_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		id_list_add(&waiting, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < waiting.n; i++)
		hold_release(instance, waiting.ids[i]);
}
