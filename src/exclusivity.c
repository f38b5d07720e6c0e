/*
 * exclusivity.c
 *		Commitments against agreements that a unit serves one service alone.
 *
 * A commitment goes against an agreement on its unit when it is of another
 * service and overlaps it, in whichever direction.  Whoever reads agreements has
 * locked the unit, and so has whoever makes one (reexamine.c): none is undecided.
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
static bool
no_exclusivity(Instance *instance)
{
	AcceptInvalidationMessages();
	return instance->rules_valid && !instance->rulebook->any_exclusivity;
}

/* The agreements on a unit that overlap a window. */
static Exclusivity *
read_exclusivities(Instance *instance, int64 unit_id, const TimeWindow *window, int *count)
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

static bool
goes_against(Instance *instance, const Commitment *commitment, const Exclusivity *agreement)
{
	return time_window_overlaps(&commitment->window, &agreement->window) &&
		strcmp(instance->rulebook->services[commitment->service], agreement->service) != 0;
}

/* `changes` is book_changes() of when the subject was known to be live. */
static void
write_against(Instance *instance, const Commitment *subject, uint64 changes,
			  const Exclusivity *agreements, int count)
{
	for (int i = 0; i < count; i++)
	{
		Finding		finding = {0};

		if (!goes_against(instance, subject, &agreements[i]))
			continue;
		if (!book_still_has(instance, subject, &changes))
			return;				/* a trigger on the last finding took it away */
		finding.kind = CONFLICT_EXCLUSIVITY;
		finding.challenger = subject;
		finding.exclusivity = &agreements[i];
		finding.overlap = time_window_common(&subject->window, &agreements[i].window);
		finding.ruleset = rulebook_at(instance->rulebook, finding.overlap.start_us);
		finding_write(instance, &finding);
	}
}

/* Examine a commitment that has just been posted. */
void
exclusivity_posted(Instance *instance, const Commitment *posted)
{
	Exclusivity *agreements;
	int			count;

	if (no_exclusivity(instance))
		return;
	agreements = read_exclusivities(instance, posted->unit_id, &posted->window, &count);
	write_against(instance, posted, book_changes(), agreements, count);
}

/* Examine commitments of a unit again, after agreements on it changed. */
void
exclusivity_changed(Instance *instance, int64 unit_id, const TimeWindow *window,
					const Commitment *live, int nlive)
{
	uint64		changes = book_changes();
	TimeWindow	span = *window;
	Exclusivity *agreements;
	int			nagreements;
	StoredFinding *stored;
	int			nstored;

	for (int i = 0; i < nlive; i++)
		span = time_window_cover(&span, &live[i].window);
	agreements = read_exclusivities(instance, unit_id, &span, &nagreements);
	for (int i = 0; i < nlive; i++)
		write_against(instance, &live[i], changes, agreements, nagreements);

	stored = findings_of_unit(instance, unit_id, CONFLICT_EXCLUSIVITY, &nstored);
	for (int i = 0; i < nstored; i++)
	{
		const Commitment *challenger = NULL;
		bool		holds = false;

		for (int j = 0; j < nlive && challenger == NULL; j++)
			if (live[j].id == stored[i].challenger_id)
				challenger = &live[j];
		if (challenger == NULL)
			continue;			/* it has ended: as it was judged */
		for (int j = 0; j < nagreements; j++)
			holds |= agreements[j].id == stored[i].other_id &&
				goes_against(instance, challenger, &agreements[j]);
		if (!holds)
			finding_close(instance, &stored[i]);
	}
	pfree(stored);
}
