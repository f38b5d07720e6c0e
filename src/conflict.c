/*
 * conflict.c
 *		Event by event: what a change of the book, or of the register, makes and unmakes.
 *
 * What a conflict is, is a function of the live book: of the commitments and
 * the order in which they were posted.  So there are three events of the book,
 *
 *	posted		Its pairs with everything live on its unit, its agreements, its own
 *				headroom and energy, and those of what was posted later and is
 *				here already (which happens when two sessions post at once).
 *	relinked	Its lineage changed: its pairs, headroom and energy are examined again.
 *	closed		Its findings close; what was posted later may now fit.
 *
 * and one for each thing in the register that may change below a live book: what
 * a unit can sell, what it declares, what was agreed of it.
 *
 * One scan of the index fetches all that a unit has in the window, or as far
 * around it as a pair can reach.  Which pairs conflict: pair.c; whether a
 * commitment fits: headroom.c, energy.c; agreements: exclusivity.c; rows: finding.c.
 *
 * Triggers that users put on conflict or commitment may change the book while
 * findings are being written.  book_changes() tells, and then the event is
 * examined again from the start.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"

#include "conflict.h"
#include "counteraction.h"
#include "exclusivity.h"
#include "pair.h"

/* ----------
 * What stands around a commitment
 * ----------
 */

static int
commitment_compare(const void *x, const void *y)
{
	int64		a = ((const Commitment *) x)->id;
	int64		b = ((const Commitment *) y)->id;

	return a < b ? -1 : a > b;
}

/* Does the headroom of one of the two depend on the other? */
static bool
headroom_concerns(const Commitment *a, const Commitment *b)
{
	return a->down == b->down && time_window_overlaps(&a->window, &b->window) &&
		!(a->stage == STAGE_BID && b->stage == STAGE_BID);
}

/* An undecided row matters when it would change what is found. */
static bool
must_wait(Instance *instance, const Commitment *self, const Commitment *other, const void *terms)
{
	Finding		findings[PAIR_FINDINGS_MAX];

	if (headroom_concerns(self, other) && (self->headroom_checked || self->portfolio))
		return true;
	return terms != NULL && pair_findings(instance, self, other, terms, findings) > 0;
}

/* All that a unit has where self could conflict with it, and the unit's terms. */
static Commitment *
read_surroundings(Instance *instance, const Commitment *self, UnitTerms *terms, int *count)
{
	TimeWindow	span;

	memset(terms, 0, sizeof(UnitTerms));
	terms->energy_wh = terms->max_duration_us = NOT_DECLARED;
	if (is_energy(instance, self))
		*terms = unit_terms_read(instance, self->unit_id, self->portfolio);
	span = time_window_widen(&self->window, pair_reach_us(instance->rulebook, self, terms));
	return book_read(instance, self, &span, must_wait, terms, count);
}

/* ----------
 * Headroom
 * ----------
 */

/*
 * Examine the headroom of a commitment against what `around` holds of earlier
 * obligations, and write, change or (when `stored`) close its finding.
 */
static void
examine_headroom(Instance *instance, const Commitment *subject, const Capacity *capacity,
				 const Commitment *around, int naround, bool stored)
{
	Commitment *earlier = palloc(Max(naround, 1) * sizeof(Commitment));
	int			nearlier = 0;
	Headroom	headroom;

	for (int i = 0; i < naround; i++)
		if (around[i].id < subject->id && around[i].stage != STAGE_BID &&
			headroom_concerns(subject, &around[i]))
			earlier[nearlier++] = around[i];
	headroom_examine(instance->rulebook, subject, earlier, nearlier, capacity, &headroom);

	if (headroom.short_of_power)
	{
		Finding		finding = {0};

		finding.kind = CONFLICT_HEADROOM;
		finding.advisory = headroom.advisory;
		finding.challenger = subject;
		finding.overlap.start_us = headroom.windows[0].start_us;
		finding.overlap.end_us = headroom.windows[headroom.nwindows - 1].end_us;
		finding.ruleset = headroom.ruleset;
		finding.headroom = &headroom;
		finding_write(instance, &finding);
	}
	else if (stored)
	{
		StoredFinding finding = {subject->id, 0, CONFLICT_HEADROOM};

		finding_close(instance, &finding);
	}
	pfree(earlier);
}

/* The same for a commitment that is in the book already. */
static void
reexamine_headroom(Instance *instance, const Commitment *subject)
{
	Capacity	capacity;
	Commitment *around;
	int			naround;

	if (!capacity_read(instance, subject->unit_id, subject->portfolio, subject->down,
					   &subject->window, &capacity))
		return;					/* the unit is gone, with its capacity */
	around = book_read(instance, subject, &subject->window, must_wait, NULL, &naround);
	examine_headroom(instance, subject, &capacity, around, naround, true);
}

/* Examine again what was posted later than `changed` and stands beside it. */
static void
reexamine_later(Instance *instance, const Commitment *changed, const Commitment *around, int naround)
{
	if (changed->stage == STAGE_BID)
		return;					/* a bid takes no headroom from others */
	for (int i = 0; i < naround; i++)
		if (around[i].id > changed->id && headroom_concerns(changed, &around[i]))
			reexamine_headroom(instance, &around[i]);
}

/* Has a commitment an open finding?  They are in the order of challengers. */
static bool
is_stored(const StoredFinding *stored, int count, int64 commitment_id)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (stored[middle].challenger_id < commitment_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && stored[low].challenger_id == commitment_id;
}

/*
 * The same after `closed` left the book.  What is needed of the others can only
 * become less, so only those that were short need another look; unless members
 * of its lineage stay, which may now count on their own.
 */
static void
reexamine_after_close(Instance *instance, const Commitment *closed, const Commitment *around, int naround)
{
	int			nshort;
	StoredFinding *are_short;

	for (int i = 0; i < naround; i++)
		if (same_lineage(closed, &around[i]))
		{
			reexamine_later(instance, closed, around, naround);
			return;
		}

	are_short = findings_of_unit(instance, closed->unit_id, CONFLICT_HEADROOM, &nshort);
	for (int i = 0; i < naround; i++)
		if (is_stored(are_short, nshort, around[i].id))
			reexamine_later(instance, closed, &around[i], 1);
	pfree(are_short);
}

/* ----------
 * Energy
 * ----------
 */

/* Whatever is undecided and could be in the run counts. */
static bool
must_wait_for_energy(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return other->down == self->down && is_energy(instance, other);
}

/* The energy committed in one run with a commitment, bids included, itself left out, by id. */
static Commitment *
read_run(Instance *instance, const Commitment *self, int *count)
{
	TimeWindow	run = self->window;
	TimeWindow	span;
	Commitment *energy;

	do
	{
		Commitment *around;
		int			naround;
		bool		joined;

		span = time_window_widen(&run, 1);
		around = book_read(instance, self, &span, must_wait_for_energy, NULL, &naround);
		energy = around;
		*count = 0;
		for (int i = 0; i < naround; i++)
			if (around[i].down == self->down && is_energy(instance, &around[i]))
				energy[(*count)++] = around[i];
		do
		{
			joined = false;
			for (int i = 0; i < *count; i++)
				if (energy[i].window.start_us <= run.end_us && energy[i].window.end_us >= run.start_us &&
					!time_window_contains(&run, &energy[i].window))
				{
					run = time_window_cover(&run, &energy[i].window);
					joined = true;
				}
		} while (joined);
	} while (!time_window_contains(&span, &run));
	if (*count > 0)
		qsort(energy, *count, sizeof(Commitment), commitment_compare);
	return energy;
}

/* Examine the run of a commitment against what of `energy`, in order of ids, was posted earlier. */
static void
examine_run(Instance *instance, const Commitment *subject, const UnitTerms *terms,
			const Commitment *energy, int nenergy, bool stored)
{
	Commitment *earlier = palloc(Max(nenergy, 1) * sizeof(Commitment));
	int			nearlier = 0;
	EnergyRun	run;

	for (int i = 0; i < nenergy && energy[i].id < subject->id; i++)
		if (energy[i].stage != STAGE_BID)
			earlier[nearlier++] = energy[i];
	energy_examine(instance->rulebook, subject, earlier, nearlier, terms, &run);
	if (run.exceeds)
	{
		Finding		finding = {0};

		finding.kind = CONFLICT_ENERGY;
		finding.challenger = subject;
		finding.overlap = run.window;
		finding.ruleset = rulebook_at(instance->rulebook, run.window.start_us);
		finding.energy = &run;
		finding_write(instance, &finding);
	}
	else if (stored)
	{
		StoredFinding finding = {subject->id, 0, CONFLICT_ENERGY};

		finding_close(instance, &finding);
	}
	pfree(earlier);
}

/* Examine the runs of what was posted later than a commitment and, when it is live, its own. */
static void
examine_runs(Instance *instance, const Commitment *changed, const UnitTerms *terms, bool live, bool stored)
{
	Commitment *energy;
	int			nenergy;

	if ((terms->energy_wh == NOT_DECLARED && terms->max_duration_us == NOT_DECLARED) || !is_energy(instance, changed))
		return;
	energy = read_run(instance, changed, &nenergy);
	if (live)
	{
		examine_run(instance, changed, terms, energy, nenergy, stored);
		/* it counts for those that follow */
		energy = energy == NULL ? palloc(sizeof(Commitment)) :
			repalloc_huge(energy, (nenergy + 1) * sizeof(Commitment));
		energy[nenergy++] = *changed;
		qsort(energy, nenergy, sizeof(Commitment), commitment_compare);
	}
	for (int i = 0; i < nenergy && changed->stage != STAGE_BID; i++)
		if (energy[i].id > changed->id)
			examine_run(instance, &energy[i], terms, energy, nenergy, true);
}

/* ----------
 * Events
 * ----------
 */

/* A trigger of a trigger changed the book meanwhile: begin again with what is there now. */
static void
examine_again(Instance *instance, const Commitment *subject)
{
	Commitment	now;

	if (book_find(instance, subject->stage, subject->source_id, &now) && now.id == subject->id)
		conflict_relinked(instance, &now);
	else
		finding_close_all(instance, subject->id);
}

/* `posted` has just been written to the book. */
void
conflict_posted(Instance *instance, const Commitment *posted, const Capacity *capacity)
{
	uint64		changes = book_changes();
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, posted, &terms, &naround);

	/* agreements do not depend on the book, so examine_again() need not look at them */
	exclusivity_posted(instance, posted);
	counteraction_posted(instance, posted);
	for (int i = 0; i < naround && book_changes() == changes; i++)
	{
		Finding		findings[PAIR_FINDINGS_MAX];
		int			nfindings = pair_findings(instance, posted, &around[i], &terms, findings);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nfindings; j++)
			finding_write(instance, &findings[j]);
	}
	if (book_changes() == changes)
		examine_headroom(instance, posted, capacity, around, naround, false);
	if (book_changes() == changes)
		reexamine_later(instance, posted, around, naround);
	if (book_changes() == changes)
		examine_runs(instance, posted, &terms, true, false);
	if (book_changes() != changes)
		examine_again(instance, posted);
}

/* Examine the pairs of a commitment that is in the book already. */
static void
reexamine_pairs(Instance *instance, const Commitment *subject, const Commitment *around, int naround,
				const UnitTerms *terms)
{
	int			nstored;
	StoredFinding *stored = findings_of_pairs(instance, subject->id, &nstored);

	for (int i = 0; i < naround; i++)
	{
		Finding		findings[PAIR_FINDINGS_MAX];
		int			nfindings = pair_findings(instance, subject, &around[i], terms, findings);

		for (int j = 0; j < nfindings; j++)
			finding_write(instance, &findings[j]);
	}
	for (int i = 0; i < nstored; i++)
	{
		bool		holds = false;

		for (int j = 0; j < naround && !holds; j++)
		{
			Finding		findings[PAIR_FINDINGS_MAX];
			int			nfindings;

			if (around[j].id != stored[i].challenger_id && around[j].id != stored[i].other_id)
				continue;
			nfindings = pair_findings(instance, subject, &around[j], terms, findings);
			for (int k = 0; k < nfindings; k++)
				holds |= findings[k].kind == stored[i].kind;
		}
		if (!holds)
			finding_close(instance, &stored[i]);
	}
	pfree(stored);
}

/* The links of `relinked` to its lineage changed, and nothing else. */
void
conflict_relinked(Instance *instance, const Commitment *relinked)
{
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, relinked, &terms, &naround);

	reexamine_pairs(instance, relinked, around, naround, &terms);
	reexamine_headroom(instance, relinked);
	reexamine_later(instance, relinked, around, naround);
	examine_runs(instance, relinked, &terms, true, true);
	counteraction_relinked(instance, relinked);
}

/* `closed` has just left the book. */
void
conflict_closed(Instance *instance, const Commitment *closed)
{
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, closed, &terms, &naround);

	/* it waits for those who may be writing findings with it */
	counteraction_closed(instance, closed);
	finding_close_all(instance, closed->id);
	reexamine_after_close(instance, closed, around, naround);
	examine_runs(instance, closed, &terms, false, true);
}

/* Whatever is undecided on the unit counts. */
static bool
must_wait_for_all(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return true;
}

/*
 * What a unit can sell changed during `window`, and the unit is locked.  Its
 * commitments there are examined again, all against one reading of the book and
 * one of the capacity.
 */
void
conflict_capacity_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	uint64		changes;

	do
	{
		TimeWindow	span = *window;
		Commitment *around;
		int			naround;
		StoredFinding *are_short;
		int			nshort;
		Capacity	capacity[2];

		changes = book_changes();
		around = book_read(instance, &unit, window, must_wait_for_all, NULL, &naround);
		if (naround == 0)
			return;
		/* they reach beyond the window, and so does what they stand beside */
		for (int i = 0; i < naround; i++)
			span = time_window_cover(&span, &around[i].window);
		pfree(around);
		around = book_read(instance, &unit, &span, must_wait_for_all, NULL, &naround);
		qsort(around, naround, sizeof(Commitment), commitment_compare);
		for (int down = 0; down < 2; down++)
			if (!capacity_read(instance, unit_id, portfolio, down != 0, &span, &capacity[down]))
				return;
		are_short = findings_of_unit(instance, unit_id, CONFLICT_HEADROOM, &nshort);

		for (int i = 0; i < naround && book_changes() == changes; i++)
		{
			Commitment *subject = &around[i];
			Capacity	part;

			CHECK_FOR_INTERRUPTS();
			if (!time_window_overlaps(&subject->window, window))
				continue;
			part = capacity_during(&capacity[subject->down], &subject->window);
			if (part.known != subject->headroom_checked)
				book_set_headroom_checked(instance, subject->id, part.known);
			examine_headroom(instance, subject, &part, around, i,
							 is_stored(are_short, nshort, subject->id));
		}
		pfree(are_short);
		pfree(around);
	} while (book_changes() != changes);
}

/* What a unit declares changed, and the unit is locked: so may what its dispatches need. */
void
conflict_terms_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	int			nlive;
	Commitment *live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);
	uint64		changes = book_changes();

	for (int i = 0; i < nlive; i++)
	{
		int			naround;
		int			nrun;
		UnitTerms	terms;
		Commitment *around;

		CHECK_FOR_INTERRUPTS();
		if (!is_energy(instance, &live[i]) || !book_still_has(instance, &live[i], &changes))
			continue;
		around = read_surroundings(instance, &live[i], &terms, &naround);
		reexamine_pairs(instance, &live[i], around, naround, &terms);
		if (terms.energy_wh == NOT_DECLARED && terms.max_duration_us == NOT_DECLARED)
		{
			StoredFinding finding = {live[i].id, 0, CONFLICT_ENERGY};

			finding_close(instance, &finding);
		}
		else
		{
			Commitment *run = read_run(instance, &live[i], &nrun);

			examine_run(instance, &live[i], &terms, run, nrun, true);
		}
		if (around != NULL)
			pfree(around);
	}
}

/* The agreements on a unit changed during `window`, and the unit is locked. */
void
conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	int			nlive;
	Commitment *live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);

	exclusivity_changed(instance, unit_id, window, live, nlive);
}
