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
 *				What one statement posts is all in the book before the first of it is
 *				examined, and each sees only what was posted before it.
 *	relinked	Its lineage changed: its pairs, headroom and energy are examined again.
 *	closed		Its findings close; what was posted later may now fit.
 *
 * and one for each thing that may change below a live book: what units can sell or be
 * given, what they declare, what was agreed of them, the rules.  Where an exchange
 * detects by schedule, events do no more than close the findings of what closes;
 * sweep.c does the rest.
 *
 * One scan of the index fetches all that a unit has in the window, or as far
 * around it as a pair can reach.  Headroom also asks for all units that draw on the same
 * assets (reach.c).  What is to be said of a commitment: examine.c.
 * Findings are first made, all of them, and then settled with the open rows of
 * table conflict (finding.c): written, changed or closed.
 *
 * Triggers that users put on conflict or commitment may change the book while
 * findings are being settled.  book_changes() tells, and then the event is
 * examined again from the start.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "conflict.h"
#include "counteraction.h"
#include "examine.h"
#include "exclusivity.h"
#include "hold.h"

/* ----------
 * What stands around a commitment
 * ----------
 */

/* Does the headroom of one depend on the other, as far as it can be checked? */
static bool
concerns_headroom(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return headroom_concerns(self, other) && (self->headroom_checked || self->portfolio);
}

/* An undecided row matters when it would change what is found. */
static bool
must_wait(Instance *instance, const Commitment *self, const Commitment *other, const void *terms)
{
	Finding		findings[PAIR_FINDINGS_MAX];

	if (concerns_headroom(instance, self, other, NULL))
		return true;
	return terms != NULL && pair_findings(instance, self, other, terms, findings) > 0;
}

/* Whatever is undecided on the unit counts. */
static bool
must_wait_for_all(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return true;
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

/* What the headroom of self depends on: of what its unit has, and of all connected units. */
static void
read_reach(Instance *instance, const Commitment *self, const Commitment *around, int naround, Reach *reach)
{
	reach_take(instance, self, around, naround, concerns_headroom, reach);
	reach_read(instance, self, concerns_headroom, true, reach);
}

/* Whatever is undecided and could be in the run counts. */
static bool
must_wait_for_energy(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return other->down == self->down && is_energy(instance, other);
}

/* The energy committed in one run with a commitment, bids included, itself left out, in order of posting. */
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

/* ----------
 * Settling findings with the open rows
 * ----------
 */

#define KIND(kind)		(1 << (kind))
#define KINDS_OF_PAIRS \
	(KIND(CONFLICT_DOUBLE_COMMITMENT) | KIND(CONFLICT_DUPLICATE) | KIND(CONFLICT_JUMPING) | \
	 KIND(CONFLICT_DIRECTION) | KIND(CONFLICT_RECOVERY))
#define ALL_KINDS		(KIND(CONFLICT_KIND_COUNT) - 1)

static bool
is_of(const StoredFinding *stored, const Finding *finding)
{
	int64		other_id = finding->incumbent != NULL ? finding->incumbent->id :
		finding->exclusivity != NULL ? finding->exclusivity->id : 0;

	return stored->kind == finding->kind && stored->challenger_id == finding->challenger->id &&
		stored->other_id == other_id;
}

/*
 * Write what was found and close the open rows of those kinds that were not
 * found.  False, and the rest left undone, when a trigger changed the book.
 */
static bool
settle(Instance *instance, const Findings *found, uint32 kinds, const StoredFinding *stored, int nstored)
{
	uint64		changes = book_changes();

	for (int i = 0; i < found->n && book_changes() == changes; i++)
	{
		CHECK_FOR_INTERRUPTS();
		finding_write(instance, &found->items[i]);
	}
	for (int i = 0; i < nstored && book_changes() == changes; i++)
	{
		bool		holds = false;

		if ((KIND(stored[i].kind) & kinds) == 0)
			continue;
		for (int j = 0; j < found->n && !holds; j++)
			holds = is_of(&stored[i], &found->items[j]);
		if (!holds)
			finding_close(instance, &stored[i]);
	}
	return book_changes() == changes;
}

static int
challenger_compare(const void *x, const void *y)
{
	int64		a = ((const StoredFinding *) x)->challenger_id;
	int64		b = ((const StoredFinding *) y)->challenger_id;

	return a < b ? -1 : a > b;
}

/* The open findings whose challenger is that commitment, of findings in the order of challengers. */
static const StoredFinding *
stored_on(const StoredFinding *stored, int nstored, int64 challenger_id, int *count)
{
	int			low = 0;
	int			high = nstored;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (stored[middle].challenger_id < challenger_id)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < nstored && stored[low + *count].challenger_id == challenger_id;)
		(*count)++;
	return &stored[low];
}

/* Settle a finding of a commitment for which there is one row at most. */
static bool
settle_one(Instance *instance, const Commitment *subject, ConflictKind kind, const Findings *found)
{
	StoredFinding stored = {subject->id, 0, kind};

	return settle(instance, found, KIND(kind), &stored, 1);
}

/* ----------
 * What a change means for others
 * ----------
 */

/* Examine the headroom of a commitment that is in the book already. */
static void
reexamine_headroom(Instance *instance, const Commitment *subject)
{
	Reach		reach = {0};
	Findings	found = {0};

	if (!unit_hold(instance, subject->unit_id, subject->portfolio))
		return;					/* the unit is gone, with its capacity */
	reach_read(instance, subject, concerns_headroom, true, &reach);
	examine_headroom(instance, subject, supply_read(instance, &reach, subject->down, &subject->window),
					 reach.commitments, reach.n, &found);
	settle_one(instance, subject, CONFLICT_HEADROOM, &found);
}

/* What the same statement has posted and is examined next, in order of posting. */
typedef struct Queue
{
	int			n;
	const Commitment *commitments;
} Queue;

static const Queue nothing = {0, NULL};

static bool
has_its_turn(const Queue *queue, const Commitment *commitment)
{
	return queue->n > 0 &&
		bsearch(commitment, queue->commitments, queue->n, sizeof(Commitment), commitment_compare) != NULL;
}

/* Examine again what was posted later than `changed`, on its unit or one connected with it. */
static void
reexamine_later(Instance *instance, const Commitment *changed, const Commitment *around, int naround,
				const Queue *queue)
{
	if (changed->stage == STAGE_BID)
		return;					/* a bid takes no headroom from others */
	for (int i = 0; i < naround; i++)
		if (around[i].id > changed->id && headroom_concerns(changed, &around[i]) && !has_its_turn(queue, &around[i]))
			reexamine_headroom(instance, &around[i]);
}

/*
 * The same after `closed` left the book.  What is needed of the others can only
 * become less, so only those that were short need another look; unless members
 * of its lineage stay, which may now count on their own, or some bar others from assets:
 * then one may be found to harm that did not while `closed` did the same harm.
 */
static void
reexamine_after_close(Instance *instance, const Commitment *closed, const Commitment *around, int naround)
{
	int64		unit_id = 0;
	int			nshort = 0;
	StoredFinding *are_short = NULL;
	bool		all = headroom_may_bar(instance->rulebook, closed, around, naround);

	for (int i = 0; i < naround && !all; i++)
		all = same_lineage(closed, &around[i]);
	if (all)
	{
		reexamine_later(instance, closed, around, naround, &nothing);
		return;
	}

	/* they come unit by unit */
	for (int i = 0; i < naround; i++)
	{
		int			count;

		if (around[i].id < closed->id)
			continue;
		if (around[i].unit_id != unit_id)
		{
			unit_id = around[i].unit_id;
			are_short = findings_of_unit(instance, unit_id, CONFLICT_HEADROOM, &nshort);
		}
		(void) stored_on(are_short, nshort, around[i].id, &count);
		if (count > 0)
			reexamine_later(instance, closed, &around[i], 1, &nothing);
	}
}

/* Examine the runs of what was posted later than a commitment that came or went. */
static void
reexamine_runs(Instance *instance, const Commitment *changed, const UnitTerms *terms, bool live,
			   const Queue *queue)
{
	Commitment *energy;
	int			nenergy;

	if (!terms_limit_runs(terms) || !is_energy(instance, changed) || changed->stage == STAGE_BID)
		return;
	energy = read_run(instance, changed, &nenergy);
	if (live)
	{
		/* it counts for those that follow */
		energy = energy == NULL ? palloc(sizeof(Commitment)) :
			repalloc_huge(energy, (nenergy + 1) * sizeof(Commitment));
		energy[nenergy++] = *changed;
		qsort(energy, nenergy, sizeof(Commitment), commitment_compare);
	}
	for (int i = 0; i < nenergy; i++)
	{
		Findings	found = {0};

		if (energy[i].id <= changed->id || has_its_turn(queue, &energy[i]))
			continue;
		examine_run(instance, &energy[i], terms, energy, nenergy, &found);
		settle_one(instance, &energy[i], CONFLICT_ENERGY, &found);
	}
}

/* ----------
 * Events
 * ----------
 */

/*
 * All that is to be said of a commitment beside what its unit has and, for headroom, what
 * is in reach; its pairs also as incumbent.
 */
static void
examine(Instance *instance, const Commitment *subject, const Commitment *around, int naround,
		const Reach *reach, const UnitTerms *terms, Findings *found)
{
	if (!no_exclusivity(instance))
	{
		int			nagreements;
		Exclusivity *agreements = exclusivities_read(instance, subject->unit_id, &subject->window, &nagreements);

		examine_agreements(instance, subject, agreements, nagreements, found);
	}
	for (int i = 0; i < naround; i++)
		examine_pair(instance, subject, &around[i], terms, found);
	if (reach != NULL && (reach->n > 0 || !subject->fits_alone))
		examine_headroom(instance, subject, supply_read(instance, reach, subject->down, &subject->window),
						 reach->commitments, reach->n, found);
	if (terms_limit_runs(terms) && is_energy(instance, subject))
	{
		int			nenergy;
		Commitment *energy = read_run(instance, subject, &nenergy);

		examine_run(instance, subject, terms, energy, nenergy, found);
	}
}

/*
 * What the rules want done about findings on a commitment that has just been
 * posted: say so in each, and return the sternest.  A bid obliges to nothing, so
 * nothing is held for its sake.
 */
static RulesetAction
judge(Instance *instance, const Commitment *posted, Findings *found)
{
	RulesetAction sternest = ACTION_NOTIFY;

	for (int i = 0; i < found->n; i++)
	{
		Finding    *finding = &found->items[i];
		const Ruleset *ruleset = finding->ruleset != NULL ? finding->ruleset :
			rulebook_at(instance->rulebook, finding->overlap.start_us);

		if (finding->challenger != posted ||
			(finding->incumbent != NULL && finding->incumbent->stage == STAGE_BID))
			continue;
		finding->action = rulebook_action(ruleset, conflict_kind_name(finding->kind),
										  finding->advisory ? "advisory" : "blocking", stage_name(posted->stage));
		sternest = Max(sternest, finding->action);
	}
	return sternest;
}

/* One that has just been written to the book, as have those of the queue after it. */
static void
examine_posted(Instance *instance, const Commitment *posted, const Partners *partners, const Queue *queue)
{
	uint64		changes = book_changes();
	Reach		reach = {.of_first = *partners};
	RulesetAction action;
	int			naround;
	int			nbefore = 0;
	UnitTerms	terms;
	Commitment *around;
	Findings	found = {0};

	unit_hold_again(instance, posted);
	around = read_surroundings(instance, posted, &terms, &naround);
	for (int i = 0; i < naround; i++)
		if (!has_its_turn(queue, &around[i]))
			around[nbefore++] = around[i];
	read_reach(instance, posted, around, nbefore, &reach);
	examine(instance, posted, around, nbefore, &reach, &terms, &found);
	action = judge(instance, posted, &found);
	settle(instance, &found, 0, NULL, 0);
	/* as a rule this takes the commitment out of the book again */
	if (action != ACTION_NOTIFY && book_changes() == changes)
		hold_carry_out(instance, posted, action);
	if (book_changes() == changes)
		counteraction_posted(instance, posted);
	if (book_changes() == changes)
		reexamine_later(instance, posted, reach.commitments, reach.n, queue);
	if (book_changes() == changes)
		reexamine_runs(instance, posted, &terms, true, queue);
	if (book_changes() != changes)
	{
		/* a trigger of a trigger changed the book meanwhile: begin again with what is there now */
		Commitment	now;

		if (book_find(instance, posted->stage, posted->source_id, &now) && now.id == posted->id)
			conflict_relinked(instance, &now);
		else
			finding_close_all(instance, posted->id);
	}
}

/* These have just been written to the book, in this order. */
void
conflict_posted(Instance *instance, const Commitment *posted, int nposted)
{
	uint64		changes = book_changes();
	const Rulebook *rulebook = instance->rulebook;
	Partners   *partners = reach_post(instance, posted, nposted);
	MemoryContext context;
	MemoryContext outside;

	if (!instance_detects_by_event(instance))
		return;
	context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange posted", ALLOCSET_DEFAULT_SIZES);
	outside = MemoryContextSwitchTo(context);
	for (int i = 0; i < nposted; i++)
	{
		Queue		queue = {nposted - i - 1, posted + i + 1};

		CHECK_FOR_INTERRUPTS();
		if (book_changes() == changes && instance->rules_valid && instance->rulebook == rulebook)
			examine_posted(instance, &posted[i], &partners[i], &queue);
		else
		{
			/* a trigger on a finding of an earlier one changed the book, and perhaps the rules */
			Commitment	now;

			instance = instance_get(instance->namespace_oid);
			if (book_get(instance, posted[i].id, &now))
				examine_posted(instance, &now, &partners[i], &queue);
		}
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(outside);
	MemoryContextDelete(context);
}

/*
 * Settle all that is to be said of a commitment that is in the book already,
 * and give what is in its reach.  False when a trigger has taken it away.
 */
static bool
examine_anew(Instance *instance, Commitment *subject, Reach *reach, UnitTerms *terms)
{
	int64		id = subject->id;

	for (;;)
	{
		Capacity	capacity;
		Findings	found = {0};
		int			nstored;
		StoredFinding *stored;
		int			naround;
		Commitment *around;

		CHECK_FOR_INTERRUPTS();
		if (capacity_read(instance, subject->unit_id, subject->portfolio, subject->down, &subject->window, &capacity) &&
			capacity.known != subject->headroom_checked)
		{
			book_set_headroom_checked(instance, id, capacity.known);
			subject->headroom_checked = capacity.known;
		}
		around = read_surroundings(instance, subject, terms, &naround);
		memset(reach, 0, sizeof(Reach));
		read_reach(instance, subject, around, naround, reach);
		examine(instance, subject, around, naround, reach, terms, &found);
		stored = findings_of_commitment(instance, id, &nstored);
		if (settle(instance, &found, ALL_KINDS, stored, nstored))
			return true;
		if (!book_find(instance, subject->stage, subject->source_id, subject) || subject->id != id)
		{
			finding_close_all(instance, id);
			return false;
		}
	}
}

/* The links of `relinked` to its lineage changed, and nothing else. */
void
conflict_relinked(Instance *instance, const Commitment *relinked)
{
	Commitment	subject = *relinked;
	Reach		reach;
	UnitTerms	terms;

	if (!instance_detects_by_event(instance) || !examine_anew(instance, &subject, &reach, &terms))
		return;
	reexamine_later(instance, &subject, reach.commitments, reach.n, &nothing);
	reexamine_runs(instance, &subject, &terms, true, &nothing);
	counteraction_relinked(instance, &subject);
}

/* All that is open on a commitment may be wrong; its unit is locked. */
void
conflict_reexamine(Instance *instance, const Commitment *commitment)
{
	Commitment	subject = *commitment;
	Reach		reach;
	UnitTerms	terms;

	(void) examine_anew(instance, &subject, &reach, &terms);
}

/* `closed` has just left the book.  The units are told that may now do what they could not. */
void
conflict_closed(Instance *instance, const Commitment *closed, IdList *touched)
{
	Reach		reach = {0};
	int			naround;
	UnitTerms	terms;
	Commitment *around;

	/* it waits for those who may be writing findings with it */
	counteraction_closed(instance, closed);
	if (!closed->portfolio)
		member_commitment_close(instance, closed);
	if (!instance_detects_by_event(instance))
	{
		id_list_add(touched, closed->unit_id);
		finding_close_all(instance, closed->id);
		return;
	}
	unit_hold_again(instance, closed);
	around = read_surroundings(instance, closed, &terms, &naround);
	read_reach(instance, closed, around, naround, &reach);
	finding_close_all(instance, closed->id);
	reexamine_after_close(instance, closed, reach.commitments, reach.n);
	*touched = reach.seen;
	reexamine_runs(instance, closed, &terms, false, &nothing);
}

static int
unit_compare(const void *x, const void *y)
{
	int64		a = ((const UnitRef *) x)->id;
	int64		b = ((const UnitRef *) y)->id;

	return a < b ? -1 : a > b;
}

/*
 * Everything on units connected with self's, and beside it, with all these units
 * locked: nobody posts or closes there while their findings are written anew.
 * self's window becomes the time that all of it covers.
 */
static void
read_and_lock_reach(Instance *instance, Commitment *self, const TimeWindow *window, Reach *reach)
{
	UnitRef    *locked = NULL;
	int			nlocked = 0;

	for (;;)
	{
		UnitRef    *units;
		int			nunits;
		bool		grew = false;

		self->window = *window;
		memset(reach, 0, sizeof(Reach));
		reach_read(instance, self, must_wait_for_all, false, reach);
		/* they reach beyond the window, and so does what they stand beside */
		for (int i = 0; i < reach->n; i++)
			self->window = time_window_cover(&self->window, &reach->commitments[i].window);
		if (!time_window_equal(&self->window, window))
		{
			memset(reach, 0, sizeof(Reach));
			reach_read(instance, self, must_wait_for_all, false, reach);
		}
		nunits = reach->nunits;
		units = palloc(Max(nunits, 1) * sizeof(UnitRef));
		if (nunits > 0)
			memcpy(units, reach->units, nunits * sizeof(UnitRef));
		qsort(units, nunits, sizeof(UnitRef), unit_compare);
		for (int i = 0; i < nunits; i++)
			if (nlocked == 0 || bsearch(&units[i], locked, nlocked, sizeof(UnitRef), unit_compare) == NULL)
			{
				CHECK_FOR_INTERRUPTS();
				unit_lock(instance, units[i].id, units[i].portfolio);
				grew = true;
			}
		if (!grew)
			return;
		locked = units;
		nlocked = nunits;
	}
}

/*
 * What a unit can sell or be given changed during `window`, and the unit is locked.
 * Its commitments there are examined again, and those of all connected units, all against
 * one reading of the book and of the supply.  What was examined is told, so that it is not
 * examined twice when several units change.
 */
void
conflict_supply_changed(Instance *instance, const UnitRef *unit, const TimeWindow *window, HTAB *examined)
{
	Commitment	self = {.unit_id = unit->id,.portfolio = unit->portfolio,.window = *window};
	uint64		changes;

	do
	{
		Reach		reach;
		Supply	   *supply[2];
		StoredFinding *stored = NULL;
		int			nstored = 0;

		changes = book_changes();
		read_and_lock_reach(instance, &self, window, &reach);
		if (reach.n == 0)
			break;
		for (int down = 0; down < 2; down++)
			supply[down] = supply_read(instance, &reach, down != 0, &self.window);
		qsort(reach.commitments, reach.n, sizeof(Commitment), commitment_compare);
		for (int i = 0; i < reach.nunits; i++)
		{
			uint64		key;
			int			n;
			StoredFinding *of_unit = findings_of_unit(instance, reach.units[i].id, CONFLICT_HEADROOM, &n);

			stored = stored == NULL ? palloc(Max(n, 1) * sizeof(StoredFinding)) :
				repalloc_huge(stored, Max(nstored + n, 1) * sizeof(StoredFinding));
			memcpy(stored + nstored, of_unit, n * sizeof(StoredFinding));
			nstored += n;
			key = unit_key(reach.units[i]);
			(void) hash_search(examined, &key, HASH_ENTER, NULL);
		}
		qsort(stored, nstored, sizeof(StoredFinding), challenger_compare);

		for (int i = 0; i < reach.n && book_changes() == changes; i++)
		{
			Commitment *subject = &reach.commitments[i];
			int			number = supply_unit(supply[subject->down], subject->unit_id, subject->portfolio);
			bool		known;
			Findings	found = {0};
			const StoredFinding *on;
			int			non;

			CHECK_FOR_INTERRUPTS();
			if (number < 0 || !time_window_overlaps(&subject->window, window))
				continue;
			known = capacity_known_during(supply_capacity(supply[subject->down], number), &subject->window);
			if (known != subject->headroom_checked)
				book_set_headroom_checked(instance, subject->id, known);
			examine_headroom(instance, subject, supply[subject->down], reach.commitments, i, &found);
			on = stored_on(stored, nstored, subject->id, &non);
			settle(instance, &found, KIND(CONFLICT_HEADROOM), on, non);
		}
	} while (book_changes() != changes);
}

/* What a unit declares changed, and the unit is locked: so may what its deliveries need, and which rules apply. */
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
		UnitTerms	terms;
		Commitment *around;
		Findings	found = {0};
		int			nstored;
		StoredFinding *stored;

		CHECK_FOR_INTERRUPTS();
		if ((!is_energy(instance, &live[i]) && !instance->rulebook->any_condition) ||
			!book_still_has(instance, &live[i], &changes))
			continue;
		around = read_surroundings(instance, &live[i], &terms, &naround);
		for (int j = 0; j < naround; j++)
			examine_pair(instance, &live[i], &around[j], &terms, &found);
		if (terms_limit_runs(&terms))
		{
			int			nrun;
			Commitment *run = read_run(instance, &live[i], &nrun);

			examine_run(instance, &live[i], &terms, run, nrun, &found);
		}
		stored = findings_of_commitment(instance, live[i].id, &nstored);
		settle(instance, &found, KINDS_OF_PAIRS | KIND(CONFLICT_ENERGY), stored, nstored);
		pfree(stored);
		if (around != NULL)
			pfree(around);
	}
	hold_release(instance, unit_id);
}

/* The agreements on a unit changed during `window`, and the unit is locked. */
void
conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	int			nlive;
	Commitment *live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);
	uint64		changes = book_changes();
	TimeWindow	span = *window;
	Exclusivity *agreements;
	int			nagreements;
	int			nstored;
	StoredFinding *stored;

	for (int i = 0; i < nlive; i++)
		span = time_window_cover(&span, &live[i].window);
	agreements = exclusivities_read(instance, unit_id, &span, &nagreements);
	stored = findings_of_unit(instance, unit_id, CONFLICT_EXCLUSIVITY, &nstored);
	for (int i = 0; i < nlive; i++)
	{
		Findings	found = {0};
		const StoredFinding *on;
		int			non;

		CHECK_FOR_INTERRUPTS();
		if (!book_still_has(instance, &live[i], &changes))
			continue;			/* a trigger on the last finding took it away */
		examine_agreements(instance, &live[i], agreements, nagreements, &found);
		on = stored_on(stored, nstored, live[i].id, &non);
		settle(instance, &found, KIND(CONFLICT_EXCLUSIVITY), on, non);
	}
	pfree(stored);
	hold_release(instance, unit_id);
}

/*
 * Other rules govern what a unit delivers during `window`, the unit is locked, and
 * nobody posts.  Headroom depends on rules at the instants that a commitment covers,
 * so only commitments there are concerned; a run of energy may reach beyond.
 */
void
conflict_rules_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window, HTAB *examined)
{
	UnitRef		ref = {unit_id, portfolio};
	uint64		key = unit_key(ref);
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	int			nlive;
	Commitment *live;
	uint64		changes;

	if (hash_search(examined, &key, HASH_FIND, NULL) == NULL)
		conflict_supply_changed(instance, &ref, window, examined);
	live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);
	changes = book_changes();
	for (int i = 0; i < nlive; i++)
	{
		int			naround;
		UnitTerms	terms;
		Commitment *around;
		Findings	found = {0};
		int			nstored;
		StoredFinding *stored;

		CHECK_FOR_INTERRUPTS();
		if (!book_still_has(instance, &live[i], &changes))
			continue;
		around = read_surroundings(instance, &live[i], &terms, &naround);
		examine(instance, &live[i], around, naround, NULL, &terms, &found);
		stored = findings_of_commitment(instance, live[i].id, &nstored);
		settle(instance, &found, ALL_KINDS & ~KIND(CONFLICT_HEADROOM), stored, nstored);
		reexamine_runs(instance, &live[i], &terms, true, &nothing);
		pfree(stored);
		if (around != NULL)
			pfree(around);
	}
	hold_release(instance, unit_id);
}
