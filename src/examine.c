/*
 * examine.c
 *		What is to be said of one commitment, given what stands around it.
 *
 * Nothing is read here and nothing written, so that every way of asking has one
 * answer: an event of the book (conflict.c), a sweep of all of it (sweep.c).
 * The finding is always on the challenger, which was posted later; so all
 * findings of a unit are those of each of its commitments against what was posted before.
 *
 * Which pairs conflict: pair.c; whether a commitment fits: headroom.c, energy.c.
 */
#include "postgres.h"
#include "compat.h"

#include "examine.h"

/* Begin a finding; the rest of it is nought. */
Finding *
findings_add(Findings *findings, ConflictKind kind, const Commitment *challenger)
{
	Finding    *finding;

	if (findings->n == findings->allocated)
	{
		findings->allocated = Max(4, findings->allocated * 2);
		findings->items = findings->items == NULL ?
			palloc(findings->allocated * sizeof(Finding)) :
			repalloc_huge(findings->items, findings->allocated * sizeof(Finding));
	}
	finding = &findings->items[findings->n++];
	memset(finding, 0, sizeof(Finding));
	finding->kind = kind;
	finding->challenger = challenger;
	return finding;
}

/* The order of posting. */
int
commitment_compare(const void *x, const void *y)
{
	int64		a = ((const Commitment *) x)->id;
	int64		b = ((const Commitment *) y)->id;

	return a < b ? -1 : a > b;
}

/* Does the headroom of one of the two depend on the other? */
bool
headroom_concerns(const Commitment *a, const Commitment *b)
{
	return a->down == b->down && time_window_overlaps(&a->window, &b->window) &&
		!(a->stage == STAGE_BID && b->stage == STAGE_BID);
}

/* The pair of two commitments of one unit; either may be the challenger. */
void
examine_pair(Instance *instance, const Commitment *a, const Commitment *b,
			 const UnitTerms *terms, Findings *findings)
{
	Finding		of_pair[PAIR_FINDINGS_MAX];
	int			n = pair_findings(instance, a, b, terms, of_pair);

	for (int i = 0; i < n; i++)
		*findings_add(findings, of_pair[i].kind, of_pair[i].challenger) = of_pair[i];
}

/* The headroom of a commitment beside what `around` holds of earlier obligations. */
void
examine_headroom(Instance *instance, const Commitment *subject, Supply *supply,
				 const Commitment *around, int naround, Findings *findings)
{
	Commitment *earlier = palloc(Max(naround, 1) * sizeof(Commitment));
	int			nearlier = 0;
	Headroom   *headroom = palloc(sizeof(Headroom));

	for (int i = 0; i < naround; i++)
		if (around[i].id < subject->id && around[i].stage != STAGE_BID &&
			headroom_concerns(subject, &around[i]))
			earlier[nearlier++] = around[i];
	headroom_examine(instance->rulebook, subject, earlier, nearlier, supply, headroom);

	if (headroom->short_of_power)
	{
		Finding    *finding = findings_add(findings, CONFLICT_HEADROOM, subject);

		finding->advisory = headroom->advisory;
		finding->overlap.start_us = headroom->windows[0].start_us;
		finding->overlap.end_us = headroom->windows[headroom->nwindows - 1].end_us;
		finding->ruleset = headroom->ruleset;
		finding->headroom = headroom;
		return;					/* its members point to what was earlier */
	}
	pfree(headroom);
	pfree(earlier);
}

/* Does a unit declare anything that its runs must keep to? */
bool
terms_limit_runs(const UnitTerms *terms)
{
	return terms->energy_wh != NOT_DECLARED || terms->max_duration_us != NOT_DECLARED;
}

/* The run of a commitment with what of `energy`, in order of posting, is earlier. */
void
examine_run(Instance *instance, const Commitment *subject, const UnitTerms *terms,
			const Commitment *energy, int nenergy, Findings *findings)
{
	Commitment *earlier = palloc(Max(nenergy, 1) * sizeof(Commitment));
	int			nearlier = 0;
	EnergyRun  *run = palloc(sizeof(EnergyRun));

	for (int i = 0; i < nenergy && energy[i].id < subject->id; i++)
		if (energy[i].stage != STAGE_BID)
			earlier[nearlier++] = energy[i];
	energy_examine(instance->rulebook, subject, earlier, nearlier, terms, run);
	if (run->exceeds)
	{
		Finding    *finding = findings_add(findings, CONFLICT_ENERGY, subject);

		finding->overlap = run->window;
		finding->ruleset = rulebook_at(instance->rulebook, run->window.start_us);
		finding->energy = run;
	}
	else
		pfree(run);
	pfree(earlier);
}

/* A commitment against agreements that its unit serves another service alone. */
void
examine_agreements(Instance *instance, const Commitment *subject,
				   const Exclusivity *agreements, int count, Findings *findings)
{
	for (int i = 0; i < count; i++)
	{
		Finding    *finding;

		if (!time_window_overlaps(&subject->window, &agreements[i].window) ||
			strcmp(instance->rulebook->services[subject->service], agreements[i].service) == 0)
			continue;
		finding = findings_add(findings, CONFLICT_EXCLUSIVITY, subject);
		finding->exclusivity = &agreements[i];
		finding->overlap = time_window_common(&subject->window, &agreements[i].window);
		finding->ruleset = rulebook_at(instance->rulebook, finding->overlap.start_us);
	}
}
