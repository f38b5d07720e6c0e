/*
 * headroom.c
 *		Headroom: can the heaviest set that must be served at once be supplied?
 *
 * The question (design, section 6) is asked for a commitment c against what was
 * posted before it, so that an over-full book does not blame a newcomer that
 * could share its megawatts, and the answer does not depend on who asks.  At an
 * instant t, take the live commitments in one direction that cover t, of c's unit and
 * of those that draw on the same assets, directly or through others: c and the
 * obligations posted earlier.  A unit whose capacity is not known is left out.
 *
 *	- Lineages.  A commitment whose ancestor is also among them consumes it: the
 *	  nearest such ancestor is its parent.  A node weighs the greater of its own
 *	  power and the sum of its children's weights; what exceeds the parent
 *	  counts.  Only roots are added up.
 *	- Sharing.  Two lineages may share megawatts when co-delivery of their services is
 *	  a yes in the ruleset in force at t and their units have an asset in common.  A
 *	  set in which no two share must be served at once.
 *	- Barring.  A portfolio may not draw on an asset for one service while the set has a
 *	  commitment of the asset itself for another, when the two allow neither co-delivery
 *	  nor splitting.
 *	- Supply.  What of such a set cannot be supplied (supply.c) must not grow because
 *	  c's lineage is in it.  That is so if c's unit is in the smallest set that lacks most,
 *	  and only then, unless c bars somebody: then the set is asked about without c too.
 *	  The part of it connected with c is what is reported.
 *	  For one unit alone: the heaviest set must not exceed the capacity.
 *
 * What is lacking never becomes less when a set grows, so only the largest sets are
 * tried.  Without barring (it is a supermodular function then) the part connected with c
 * does not become less either, and a set that does no harm harms in no part.
 *
 * Commitments of one unit and service never share and have the same partners, so a set
 * is sought among these, each weighing the sum of its roots, by branching on the one with
 * most partners.  c's is in, its partners are out.
 *
 * Everything is constant between the instants at which a commitment, a capacity, a
 * membership or a ruleset begins or ends.  A sweep adds up all power piece by piece,
 * O(n log n) for n commitments; only where that exceeds what c's unit can be given
 * alone are lineages weighed, O(n) a piece, and sets sought.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"

#include "headroom.h"

/* ----------
 * Sets of which no two share
 * ----------
 */

typedef int64 (*SetValue) (const UnitService *groups, int n, const bool *in, void *arg);

typedef struct SetSearch
{
	int			n;
	const UnitService *groups;
	const bool *shares;			/* n x n */
	bool	   *open;			/* not decided yet */
	bool	   *in;				/* taken, or open */
	SetValue	most;			/* that any part of a set can be worth */
	SetValue	value;			/* of a set to which nothing can be added */
	void	   *arg;
	int64		best_value;
	bool	   *best;
} SetSearch;

static void
set_search(SetSearch *search)
{
	int			n = search->n;
	int			pivot = -1;
	int			most = 0;
	int64		value;
	bool	   *saved;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	value = search->most(search->groups, n, search->in, search->arg);
	if (value <= search->best_value)
		return;					/* not even with all that is open */
	for (int i = 0; i < n; i++)
	{
		int			partners = 0;

		for (int j = 0; j < n && search->open[i]; j++)
			partners += search->open[j] && search->shares[i * n + j];
		if (partners > most)
		{
			most = partners;
			pivot = i;
		}
	}
	if (pivot < 0)
	{
		/* nobody shares any more: all that is open goes in */
		if (search->value != search->most)
			value = search->value(search->groups, n, search->in, search->arg);
		if (value > search->best_value)
		{
			search->best_value = value;
			memcpy(search->best, search->in, n * sizeof(bool));
		}
		return;
	}

	saved = palloc(sizeof(bool) * 2 * n);
	memcpy(saved, search->open, n * sizeof(bool));
	memcpy(saved + n, search->in, n * sizeof(bool));
	/* with the pivot: its partners are out */
	search->open[pivot] = false;
	for (int j = 0; j < n; j++)
		if (search->open[j] && search->shares[pivot * n + j])
			search->open[j] = search->in[j] = false;
	set_search(search);
	/* without it */
	memcpy(search->open, saved, n * sizeof(bool));
	memcpy(search->in, saved + n, n * sizeof(bool));
	search->open[pivot] = search->in[pivot] = false;
	set_search(search);
	memcpy(search->open, saved, n * sizeof(bool));
	memcpy(search->in, saved + n, n * sizeof(bool));
	pfree(saved);
}

static bool
services_share(const Rulebook *rulebook, const Ruleset *ruleset, int a, int b, bool unknown_is_yes)
{
	return a != b && ruleset != NULL && rulebook_shares(rulebook, ruleset, a, b, unknown_is_yes);
}

/* Are there any two services among the groups that may share megawatts? */
static bool
any_share(const Rulebook *rulebook, const Ruleset *ruleset, const UnitService *groups, int n, bool unknown_is_yes)
{
	bool	   *delivered = palloc0(rulebook->nservices * sizeof(bool));
	bool		any = false;

	for (int i = 0; i < n; i++)
		delivered[groups[i].service] = true;
	for (int a = 0; a < rulebook->nservices; a++)
		for (int b = 0; b < a && delivered[a] && !any; b++)
			any = delivered[b] && services_share(rulebook, ruleset, a, b, unknown_is_yes);
	pfree(delivered);
	return any;
}

/*
 * The greatest value of a largest set of groups of which no two share, perhaps of those
 * with groups[0] in it; 0 when none has any.  best says which are in it.
 */
static int64
best_set(const Rulebook *rulebook, const Ruleset *ruleset, const UnitService *groups, int n, const Supply *supply,
		 bool with_first, bool unknown_is_yes, SetValue most, SetValue value, void *arg, bool *best)
{
	SetSearch	search = {0};
	bool	   *shares;

	if (!any_share(rulebook, ruleset, groups, n, unknown_is_yes))
	{
		int64		all;

		/* nobody shares: there is one largest set, and no need to look at each pair */
		memset(best, true, n * sizeof(bool));
		all = value(groups, n, best, arg);
		if (all == 0)
			memset(best, false, n * sizeof(bool));
		return all;
	}
	shares = palloc_extended((Size) n * n * sizeof(bool), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			shares[i * n + j] =
				services_share(rulebook, ruleset, groups[i].service, groups[j].service, unknown_is_yes) &&
				(groups[i].unit == groups[j].unit || supply_common_assets(supply, groups[i].unit, groups[j].unit) > 0);
	search.n = n;
	search.groups = groups;
	search.shares = shares;
	search.open = palloc(n * sizeof(bool));
	search.in = palloc(n * sizeof(bool));
	search.most = most;
	search.value = value;
	search.arg = arg;
	search.best = best;
	for (int i = 0; i < n; i++)
	{
		search.open[i] = !with_first || (i > 0 && !shares[i]);
		search.in[i] = search.open[i] || i == 0;
	}
	set_search(&search);
	pfree(shares);
	pfree(search.open);
	pfree(search.in);
	return search.best_value;
}

/* The power of a set, supply aside. */
static int64
set_power(const UnitService *groups, int n, const bool *in, void *arg)
{
	int64		power_w = 0;

	for (int i = 0; i < n; i++)
		if (in[i])
			power_w += groups[i].weight_w;
	return power_w;
}

/* ----------
 * What is lacking
 * ----------
 */

/* Where the subject, of groups[0], must be supplied. */
typedef struct Shortage
{
	Supply	   *supply;
	int			subject;		/* its unit */
	bool		alone;			/* in its group */
	bool	   *without;		/* room for a set */
	bool	   *part;			/* of the last set asked about: what lacks it together, as far as connected with the subject */
} Shortage;

/* All that a set lacks. */
static int64
set_lack(const UnitService *groups, int n, const bool *in, void *arg)
{
	Shortage   *shortage = arg;

	return supply_shortage(shortage->supply, in, shortage->part);
}

/* The part connected with the subject, if it grows because of the subject. */
static int64
set_shortage(const UnitService *groups, int n, const bool *in, void *arg)
{
	Shortage   *shortage = arg;
	int64		all_w = supply_shortage(shortage->supply, in, shortage->part);

	if (all_w > 0 && !shortage->part[0])
	{
		if (!shortage->alone || !supply_bars_anybody(shortage->supply, 0, in))
			return 0;
		memcpy(shortage->without, in, n * sizeof(bool));
		shortage->without[0] = false;
		if (supply_shortage(shortage->supply, shortage->without, shortage->part) == all_w)
			return 0;
		(void) supply_shortage(shortage->supply, in, shortage->part);
	}
	return all_w == 0 ? 0 : supply_connected_shortage(shortage->supply, shortage->subject, shortage->part);
}

static bool
services_bar(const Rulebook *rulebook, const Ruleset *ruleset, int a, int b, bool unknown_is_yes)
{
	return a != b && ruleset != NULL && rulebook_bars(rulebook, ruleset, a, b, unknown_is_yes);
}

/* Could any commitment of an asset bar one of a portfolio from it, whatever the instant? */
bool
headroom_may_bar(const Rulebook *rulebook, const Commitment *subject, const Commitment *others, int nothers)
{
	bool	   *offered[2];
	int			n[2] = {0};
	bool		may = false;

	for (int i = 0; i < nothers; i++)
		n[others[i].portfolio]++;
	n[subject->portfolio]++;
	if (n[0] == 0 || n[1] == 0)
		return false;
	for (int portfolio = 0; portfolio < 2; portfolio++)
		offered[portfolio] = palloc0(rulebook->nservices * sizeof(bool));
	offered[subject->portfolio][subject->service] = true;
	for (int i = 0; i < nothers; i++)
		offered[others[i].portfolio][others[i].service] = true;
	for (int a = 0; a < rulebook->nservices; a++)
		for (int b = 0; b < rulebook->nservices && offered[0][a]; b++)
			for (int i = 0; i < rulebook->nrulesets && offered[1][b] && !may; i++)
				may = services_bar(rulebook, &rulebook->rulesets[i], a, b, false);
	pfree(offered[0]);
	pfree(offered[1]);
	return may;
}

/* Tell the supply which groups of portfolios are barred from which groups' assets; whether any is. */
static bool
bar_groups(const Rulebook *rulebook, const Ruleset *ruleset, Supply *supply, const UnitService *groups, int n, bool unknown_is_yes)
{
	int		   *of_assets = palloc(n * sizeof(int));
	int			nof_assets = 0;
	bool		any = false;

	for (int i = 0; i < n; i++)
		if (!supply_is_portfolio(supply, groups[i].unit))
			of_assets[nof_assets++] = i;
	for (int i = 0; i < n; i++)
	{
		if (!supply_is_portfolio(supply, groups[i].unit))
			continue;
		for (int j = 0; j < nof_assets; j++)
			if (services_bar(rulebook, ruleset, groups[i].service, groups[of_assets[j]].service, unknown_is_yes))
				any |= supply_bar(supply, i, of_assets[j]);
	}
	pfree(of_assets);
	return any;
}

/* ----------
 * Lineages at an instant
 * ----------
 */

struct LineageNode
{
	const Commitment *commitment;
	int			ancestor[STAGE_DISPATCH];	/* index of the node, -1: not here */
	bool		covers;			/* the instant asked for */
	int			parent;			/* -1: a root */
	int64		weight_w;
	int64		children_w;
};

typedef struct SourceIndex
{
	int64		source_id;
	int			node;
} SourceIndex;

static int
source_compare(const void *x, const void *y)
{
	int64		a = ((const SourceIndex *) x)->source_id;
	int64		b = ((const SourceIndex *) y)->source_id;

	return a < b ? -1 : a > b;
}

LineageNode *
lineages_make(const Commitment *subject, const Commitment *others, int nothers)
{
	int			n = nothers + 1;
	LineageNode	   *nodes = palloc0(n * sizeof(LineageNode));
	SourceIndex *sources = palloc(n * sizeof(SourceIndex));

	for (int i = 0; i < n; i++)
	{
		nodes[i].commitment = i == 0 ? subject : &others[i - 1];
		sources[i].source_id = nodes[i].commitment->source_id;
		sources[i].node = i;
	}
	qsort(sources, n, sizeof(SourceIndex), source_compare);
	for (int i = 0; i < n; i++)
		for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
		{
			SourceIndex key = {nodes[i].commitment->ancestor[stage], 0};
			SourceIndex *found = key.source_id == 0 ? NULL :
				bsearch(&key, sources, n, sizeof(SourceIndex), source_compare);

			/* ids are unique within a stage, which the node must be of */
			while (found != NULL && found > sources && found[-1].source_id == key.source_id)
				found--;
			while (found != NULL && nodes[found->node].commitment->stage != (Stage) stage)
				found = found + 1 < sources + n && found[1].source_id == key.source_id ? found + 1 : NULL;
			nodes[i].ancestor[stage] = found == NULL ? -1 : found->node;
		}
	pfree(sources);
	return nodes;
}

/* Weigh the nodes that cover an instant; parents come after their children. */
static void
weigh_nodes(LineageNode *nodes, int n, int64 instant_us)
{
	for (int i = 0; i < n; i++)
	{
		nodes[i].covers = time_window_contains_instant(&nodes[i].commitment->window, instant_us);
		nodes[i].children_w = 0;
	}
	for (int i = 0; i < n; i++)
	{
		nodes[i].parent = -1;
		for (int stage = STAGE_DISPATCH - 1; stage >= STAGE_BID && nodes[i].parent < 0; stage--)
			if (nodes[i].ancestor[stage] >= 0 && nodes[nodes[i].ancestor[stage]].covers)
				nodes[i].parent = nodes[i].ancestor[stage];
	}
	for (int stage = STAGE_DISPATCH; stage >= STAGE_BID; stage--)
		for (int i = 0; i < n; i++)
		{
			LineageNode	   *node = &nodes[i];

			if (!node->covers || node->commitment->stage != (Stage) stage)
				continue;
			node->weight_w = Max(node->commitment->power_w, node->children_w);
			if (node->parent >= 0)
				nodes[node->parent].children_w += node->weight_w;
		}
}

/*
 * Gather the roots by unit and service, the subject's lineage first.  `units` says
 * which unit each node is of, -1 for one to be left out; NULL: all are of one.  `alone`
 * is true when the first group has no other.
 */
static int
make_groups(const LineageNode *nodes, int n, const int *units, UnitService *groups, bool *alone)
{
	int			ngroups = 1;
	int			root = 0;

	while (nodes[root].parent >= 0)
		root = nodes[root].parent;
	groups[0].unit = units == NULL ? 0 : units[root];
	groups[0].service = nodes[root].commitment->service;
	groups[0].weight_w = 0;
	for (int i = 0; i < n; i++)
	{
		int			unit = units == NULL ? 0 : units[i];
		int			g = 0;

		if (!nodes[i].covers || nodes[i].parent >= 0 || unit < 0)
			continue;
		while (g < ngroups && (groups[g].unit != unit || groups[g].service != nodes[i].commitment->service))
			g++;
		if (g == ngroups)
		{
			groups[ngroups].unit = unit;
			groups[ngroups].service = nodes[i].commitment->service;
			groups[ngroups++].weight_w = 0;
		}
		groups[g].weight_w += nodes[i].weight_w;
	}
	*alone = groups[0].weight_w == nodes[root].weight_w;
	return ngroups;
}

/* The power of the heaviest set at an instant, in which the subject need not be; at most all roots. */
int64
lineages_power_w(const Rulebook *rulebook, LineageNode *nodes, int n, int64 instant_us)
{
	UnitService	   *groups = palloc(n * sizeof(UnitService));
	bool	   *best = palloc(n * sizeof(bool));
	int64		power_w;
	int			ngroups;
	bool		alone;

	weigh_nodes(nodes, n, instant_us);
	ngroups = make_groups(nodes, n, NULL, groups, &alone);
	power_w = best_set(rulebook, rulebook_at(rulebook, instant_us), groups, ngroups, NULL, false, false,
					   set_power, set_power, NULL, best);
	pfree(groups);
	pfree(best);
	return power_w;
}

/* ----------
 * Over a window
 * ----------
 */

/* Power begins or ends. */
typedef struct PowerStep
{
	int64		at_us;
	int64		power_w;
} PowerStep;

static int
power_step_compare(const void *x, const void *y)
{
	int64		a = ((const PowerStep *) x)->at_us;
	int64		b = ((const PowerStep *) y)->at_us;

	return a < b ? -1 : a > b;
}

/* The power of all commitments together, lineages and sharing aside, as steps in order. */
static PowerStep *
make_power_steps(const Commitment *subject, const Commitment *earlier, int nearlier)
{
	Size		count = 2 * ((Size) nearlier + 1);
	PowerStep  *steps = palloc(count * sizeof(PowerStep));
	PowerStep  *step = steps;

	for (int i = 0; i <= nearlier; i++)
	{
		const Commitment *commitment = i == 0 ? subject : &earlier[i - 1];

		*step++ = (PowerStep) {commitment->window.start_us, commitment->power_w};
		*step++ = (PowerStep) {commitment->window.end_us, -commitment->power_w};
	}
	qsort(steps, count, sizeof(PowerStep), power_step_compare);
	return steps;
}

static int
instant_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

/* The instants within the subject's window at which something changes. */
static int64 *
make_instants(const Rulebook *rulebook, const Commitment *subject, const Commitment *earlier,
			  int nearlier, Supply *supply, int *count)
{
	int			n;
	int64	   *of_supply = supply_instants(supply, &subject->window, &n);
	int64	   *instants = palloc((n + 2 * (nearlier + rulebook->nrulesets) + 1) * sizeof(int64));
	int			distinct = 0;

	if (n > 0)
		memcpy(instants, of_supply, n * sizeof(int64));
	pfree(of_supply);
	instants[n++] = subject->window.start_us;
#define ADD_INSTANT(us) \
	if (subject->window.start_us < (us) && (us) < subject->window.end_us) \
		instants[n++] = (us)
	for (int i = 0; i < nearlier; i++)
	{
		ADD_INSTANT(earlier[i].window.start_us);
		ADD_INSTANT(earlier[i].window.end_us);
	}
	for (int i = 0; i < rulebook->nrulesets; i++)
	{
		ADD_INSTANT(rulebook->rulesets[i].in_force.start_us);
		ADD_INSTANT(rulebook->rulesets[i].in_force.end_us);
	}
#undef ADD_INSTANT
	qsort(instants, n, sizeof(int64), instant_compare);
	for (int i = 0; i < n; i++)
		if (i == 0 || instants[i] != instants[distinct - 1])
			instants[distinct++] = instants[i];
	*count = distinct;
	return instants;
}

/*
 * Would all power together, lineages and sharing aside, fit into what the subject's
 * unit can be given, throughout?  Then nothing else need be read.
 */
static bool
fits_at_once(const PowerStep *steps, int nsteps, const Commitment *subject, const Capacity *capacity)
{
	int64		power_w = 0;
	int			step = 0;

	for (const CapacitySpan *span = capacity_at(capacity, subject->window.start_us);
		 span < capacity->spans + capacity->nspans && span->window.start_us < subject->window.end_us; span++)
	{
		int64		most_w;

		/* what began before it and has not ended, then what begins within it */
		while (step < nsteps && steps[step].at_us <= Max(span->window.start_us, subject->window.start_us))
			power_w += steps[step++].power_w;
		most_w = power_w;
		while (step < nsteps && steps[step].at_us < Min(span->window.end_us, subject->window.end_us))
		{
			int64		at_us = steps[step].at_us;

			while (step < nsteps && steps[step].at_us == at_us)
				power_w += steps[step++].power_w;
			most_w = Max(most_w, power_w);
		}
		if (span->known && most_w > span->power_w)
			return false;
	}
	return true;
}

/* Take down the set that lacks most so far: the roots of what lacks it, and those that bar others of these. */
static void
report_set(Headroom *result, const LineageNode *nodes, int n, const int *units, const UnitService *groups,
		   const bool *best, const Shortage *shortage)
{
	result->nmembers = 0;
	result->needed_w = 0;
	for (int i = 0; i < n; i++)
	{
		HeadroomMember *member = &result->members[result->nmembers];
		int			g = 0;
		bool		bars;

		if (!nodes[i].covers || nodes[i].parent >= 0 || units[i] < 0)
			continue;
		while (groups[g].unit != units[i] || groups[g].service != nodes[i].commitment->service)
			g++;
		bars = best[g] && supply_bars_anybody(shortage->supply, g, shortage->part);
		if (!shortage->part[g] && !bars)
			continue;
		member->root = nodes[i].commitment;
		member->weight_w = shortage->part[g] ? nodes[i].weight_w : 0;
		member->bars = bars;
		member->common_assets = units[i] == shortage->subject ? -1 :
			supply_common_assets(shortage->supply, shortage->subject, units[i]);
		result->needed_w += member->weight_w;
		result->nmembers++;
	}
	result->capacity_w = result->needed_w - result->short_w;
}

/*
 * Examine `subject` against the obligations in its direction that were posted earlier
 * and overlap it, of the units that draw on the same assets, whose supply is given.
 * Pieces in which its own capacity is not known are passed over:
 * commitment.headroom_checked tells.
 */
void
headroom_examine(const Rulebook *rulebook, const Commitment *subject,
				 const Commitment *earlier, int nearlier,
				 Supply *supply, Headroom *result)
{
	int			n = nearlier + 1;
	PowerStep  *steps = make_power_steps(subject, earlier, nearlier);
	int			step = 0;
	int64		power_w = 0;
	Shortage	shortage = {supply, supply_unit(supply, subject->unit_id, subject->portfolio)};
	bool		may_bar;
	const Capacity *capacity;
	LineageNode *nodes;
	UnitService	   *groups;
	int		   *units;			/* by node, -1: not to be counted at the instant */
	int		   *unit_of;		/* by node */
	bool	   *drawing;
	bool	   *best;
	int			ninstants;
	int64	   *instants;

	memset(result, 0, sizeof(Headroom));
	if (shortage.subject < 0)
		return;
	capacity = supply_capacity(supply, shortage.subject);
	may_bar = headroom_may_bar(rulebook, subject, earlier, nearlier);
	if (!may_bar && fits_at_once(steps, 2 * n, subject, capacity))
	{
		pfree(steps);
		return;
	}

	nodes = lineages_make(subject, earlier, nearlier);
	groups = palloc(n * sizeof(UnitService));
	units = palloc(n * sizeof(int));
	unit_of = palloc(n * sizeof(int));
	for (int i = 0; i < n; i++)
		unit_of[i] = supply_unit(supply, nodes[i].commitment->unit_id, nodes[i].commitment->portfolio);
	best = palloc(n * sizeof(bool));
	drawing = palloc(supply_nunits(supply) * sizeof(bool));
	shortage.without = palloc(n * sizeof(bool));
	shortage.part = palloc(n * sizeof(bool));
	instants = make_instants(rulebook, subject, earlier, nearlier, supply, &ninstants);
	result->advisory = true;
	result->windows = palloc(ninstants * sizeof(TimeWindow));
	result->members = palloc(n * sizeof(HeadroomMember));

	for (int i = 0; i < ninstants; i++)
	{
		TimeWindow	piece;
		const Ruleset *ruleset;
		const CapacitySpan *span = capacity_at(capacity, instants[i]);
		int			ngroups;
		bool		bars;
		int64		all_w = 0;
		int64		short_w;

		CHECK_FOR_INTERRUPTS();
		piece.start_us = instants[i];
		piece.end_us = i + 1 < ninstants ? instants[i + 1] : subject->window.end_us;
		while (step < 2 * n && steps[step].at_us <= piece.start_us)
			power_w += steps[step++].power_w;
		if (!span->known || (!may_bar && power_w <= span->power_w))
			continue;			/* not known, or all together fit */

		weigh_nodes(nodes, n, piece.start_us);
		memset(drawing, 0, supply_nunits(supply) * sizeof(bool));
		for (int j = 0; j < n; j++)
			if (unit_of[j] >= 0 && nodes[j].covers)
				drawing[unit_of[j]] = true;
		supply_at(supply, piece.start_us, shortage.subject, drawing);
		for (int j = 0; j < n; j++)
			units[j] = unit_of[j] >= 0 && drawing[unit_of[j]] ? unit_of[j] : -1;
		ngroups = make_groups(nodes, n, units, groups, &shortage.alone);
		for (int g = 0; g < ngroups; g++)
			all_w += groups[g].weight_w;
		ruleset = rulebook_at(rulebook, piece.start_us);
		supply_deliver(supply, groups, ngroups);
		bars = may_bar && bar_groups(rulebook, ruleset, supply, groups, ngroups, false);
		if (!bars && all_w <= span->power_w)
			continue;			/* lineages counted once, connected units alone, they fit */

		short_w = best_set(rulebook, ruleset, groups, ngroups, supply, true, false,
						   bars ? set_lack : set_shortage, set_shortage, &shortage, best);
		if (short_w == 0)
			continue;

		result->short_of_power = true;
		if (result->nwindows > 0 && result->windows[result->nwindows - 1].end_us == piece.start_us)
			result->windows[result->nwindows - 1].end_us = piece.end_us;
		else
			result->windows[result->nwindows++] = piece;
		if (short_w > result->short_w)
		{
			result->short_w = short_w;
			result->ruleset = ruleset;
			(void) set_shortage(groups, ngroups, best, &shortage);	/* for its part */
			report_set(result, nodes, n, units, groups, best, &shortage);
		}
		if (!result->advisory)
			continue;
		if (bars)
		{
			supply_deliver(supply, groups, ngroups);
			bars = bar_groups(rulebook, ruleset, supply, groups, ngroups, true);
		}
		if (best_set(rulebook, ruleset, groups, ngroups, supply, true, true,
					 bars ? set_lack : set_shortage, set_shortage, &shortage, best) > 0)
			result->advisory = false;
	}
	pfree(nodes);
	pfree(groups);
	pfree(units);
	pfree(unit_of);
	pfree(best);
	pfree(drawing);
	pfree(shortage.without);
	pfree(shortage.part);
	pfree(instants);
	pfree(steps);
}
