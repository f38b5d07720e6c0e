/*
 * energy.c
 *		Can a unit keep up what it is to deliver without a break?
 *
 * Commitments to deliver energy, instructed or scheduled, whose windows overlap
 * or touch are one run.  A unit declares the energy that it can deliver in a run
 * and how long one may last (profile: energy_kwh, max_duration).  As with
 * headroom the question is asked for a commitment against what was posted before
 * it, in its direction: the run that it is in must fit.
 *
 * At an instant of the run the unit delivers the heaviest set of lineages that
 * share no megawatts (headroom.c).  It is constant between the instants at which a
 * commitment or a ruleset begins or ends, so the energy is a sum, taken exactly in
 * watt-microseconds.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"
#include "utils/timestamp.h"

#include "energy.h"

#define MICROSECONDS_AN_HOUR	((int128) USECS_PER_HOUR)

static int
start_compare(const void *x, const void *y)
{
	int64		a = ((const Commitment *) x)->window.start_us;
	int64		b = ((const Commitment *) y)->window.start_us;

	return a < b ? -1 : a > b;
}

static int
instant_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

/*
 * Keep of `others`, sorted by start, those in one run with the subject.  Going
 * through the runs in order, the one that the subject overlaps or touches, on
 * either side, is its own; it may join several.
 */
static int
keep_run(const Commitment *subject, Commitment *others, int n, TimeWindow *run)
{
	int			kept = 0;

	*run = subject->window;
	for (int first = 0, next; first < n; first = next)
	{
		TimeWindow	part = others[first].window;

		for (next = first + 1; next < n && others[next].window.start_us <= part.end_us; next++)
			part = time_window_cover(&part, &others[next].window);
		if (part.start_us > subject->window.end_us || part.end_us < subject->window.start_us)
			continue;
		*run = time_window_cover(run, &part);
		memmove(&others[kept], &others[first], (next - first) * sizeof(Commitment));
		kept += next - first;
	}
	return kept;
}

/* The energy of a run with an end, in watt-microseconds. */
static int128
run_energy(const Rulebook *rulebook, const Commitment *subject, const Commitment *others, int nothers,
		   const TimeWindow *run)
{
	int			n = nothers + 1;
	LineageNode *nodes = lineages_make(subject, others, nothers);
	int64	   *instants = palloc((2 * (n + rulebook->nrulesets) + 1) * sizeof(int64));
	int			ninstants = 0;
	int128		energy = 0;

	for (int i = 0; i < n; i++)
	{
		const TimeWindow *window = i == 0 ? &subject->window : &others[i - 1].window;

		instants[ninstants++] = window->start_us;
		instants[ninstants++] = window->end_us;
	}
	for (int i = 0; i < rulebook->nrulesets; i++)
	{
		instants[ninstants++] = rulebook->rulesets[i].in_force.start_us;
		instants[ninstants++] = rulebook->rulesets[i].in_force.end_us;
	}
	qsort(instants, ninstants, sizeof(int64), instant_compare);
	for (int i = 0; i + 1 < ninstants; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (instants[i] == instants[i + 1] || !time_window_contains_instant(run, instants[i]))
			continue;
		energy += (int128) lineages_power_w(rulebook, nodes, n, instants[i]) *
			(Min(instants[i + 1], run->end_us) - instants[i]);
	}
	pfree(nodes);
	pfree(instants);
	return energy;
}

/*
 * Examine `subject` against the energy that was committed earlier, by others of
 * its unit and direction; those that are not in its run are passed over.
 */
void
energy_examine(const Rulebook *rulebook, const Commitment *subject, const Commitment *earlier,
			   int nearlier, const UnitTerms *terms, EnergyRun *result)
{
	Commitment *others = palloc(Max(nearlier, 1) * sizeof(Commitment));
	int			nothers;
	bool		endless;

	memset(result, 0, sizeof(EnergyRun));
	result->terms = terms;
	result->needed_wh = -1;
	if (nearlier > 0)
		memcpy(others, earlier, nearlier * sizeof(Commitment));
	qsort(others, nearlier, sizeof(Commitment), start_compare);
	nothers = keep_run(subject, others, nearlier, &result->window);
	endless = result->window.start_us == TIME_WINDOW_NO_BEGIN || result->window.end_us == TIME_WINDOW_NO_END;

	if (terms->max_duration_us != NOT_DECLARED)
		result->exceeds = endless ||
			(uint64) result->window.end_us - (uint64) result->window.start_us > (uint64) terms->max_duration_us;
	if (terms->energy_wh != NOT_DECLARED)
	{
		if (endless)
			result->exceeds = true;
		else
		{
			int128		needed = run_energy(rulebook, subject, others, nothers, &result->window);

			result->exceeds |= needed > (int128) terms->energy_wh * MICROSECONDS_AN_HOUR;
			result->needed_wh = (int64) ((needed + MICROSECONDS_AN_HOUR - 1) / MICROSECONDS_AN_HOUR);
		}
	}
	pfree(others);
}
