/*
 * exclusivity.c
 *		Agreements that a unit serves one service alone.
 *
 * A commitment goes against an agreement on its unit when it is of another
 * service and overlaps it, in whichever direction (examine.c).  Whoever reads
 * agreements has locked the unit, and so has whoever makes one (reexamine.c):
 * none is undecided.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/inval.h"

#include "exclusivity.h"

static const SavedQuery exclusivities_query = {
	QUERY_EXCLUSIVITIES,
	"SELECT id::pg_catalog.int8, service_code::pg_catalog.text, valid::flexexchange.time_window FROM %1$s.exclusivity "
	"WHERE flexexchange.resource_window(unit_id, valid) OPERATOR(flexexchange.&&) flexexchange.resource_window($1, $2) ORDER BY id",
	2, {INT8OID, WINDOW_ARG}
};

/*
 * Has the exchange no agreements at all?  One may have been made while the lock
 * on the unit was waited for, so whoever remembers that makes sure.
 */
bool
no_exclusivity(Instance *instance)
{
	AcceptInvalidationMessages();
	return instance->rules_valid && !instance->rulebook->any_exclusivity;
}

/* The agreements on a unit that overlap a window. */
Exclusivity *
exclusivities_read(Instance *instance, int64 unit_id, const TimeWindow *window, int *count)
{
	Exclusivity *result;
	Datum		values[2];

	values[0] = Int64GetDatum(unit_id);
	values[1] = TimeWindowPGetDatum(window);
	*count = instance_query(instance, &exclusivities_query, values, NULL, 0);
	result = palloc(Max(*count, 1) * sizeof(Exclusivity));
	for (int i = 0; i < *count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		result[i].id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		result[i].service = SPI_getvalue(row, desc, 2);
		result[i].window = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 3, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}
