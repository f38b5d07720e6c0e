/*
 * headroom.c
 *		Headroom of one unit: does the heaviest set that must be served at once fit?
 *
 * The question (design, section 6) is asked for a commitment c against what was
 * posted before it, so that an over-full book does not blame a newcomer that
 * could share its megawatts, and the answer does not depend on who asks.  At an
 * instant t, take the live commitments of one unit and direction that cover t:
 * c and the obligations posted earlier.
 *
 *	- Lineages.  A commitment whose ancestor is also among them consumes it: the
 *	  nearest such ancestor is its parent.  A node weighs the greater of its own
 *	  power and the sum of its children's weights; what exceeds the parent
 *	  counts.  Only roots are added up.
 *	- Sharing.  Two services may share megawatts when co-delivery is a yes in
 *	  the ruleset in force at t.  A set in which no two share must be served at
 *	  once.  The heaviest such set that contains c's lineage must not exceed the
 *	  capacity at t.
 *
 * Commitments of one service never share and have the same partners, so the set
 * is sought among services, each weighing the sum of its roots: a maximum
 * weight independent set in a graph of as many nodes as services meet on one
 * unit at one instant, by branching on the node with most partners.  c's
 * service is in, its partners are out.
 *
 * Everything is constant between the instants at which a commitment, a capacity
 * span or a ruleset begins or ends.  A sweep adds up all power piece by piece,
 * O(n log n) for n commitments; only where that exceeds the capacity are lineages
 * weighed and sets sought, O(n) a piece.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"

#include "headroom.h"

/* ----------
 * The heaviest set of services
 * ----------
 */

typedef struct ServiceNode
{
	int			service;
	int64		weight_w;
} ServiceNode;

typedef struct SetSearch
{
	int			n;
	const ServiceNode *nodes;
	const bool *shares;			/* n x n */
	bool	   *open;			/* not decided yet */
	bool	   *taken;
	int64		best_w;
	bool	   *best;
} SetSearch;

static void
set_search(SetSearch *search, int64 taken_w)
{
	int64		open_w = 0;
	int			pivot = -1;
	int			most = 0;

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < search->n; i++)
	{
		int			partners = 0;

		if (!search->open[i])
			continue;
		open_w += search->nodes[i].weight_w;
		for (int j = 0; j < search->n; j++)
			partners += search->open[j] && search->shares[i * search->n + j];
		if (partners > most)
		{
			most = partners;
			pivot = i;
		}
	}
	if (taken_w + open_w <= search->best_w)
		return;					/* not even all of them would be heavier */
	if (pivot < 0)
	{
		/* nobody shares any more: all that is open goes in */
		search->best_w = taken_w + open_w;
		for (int i = 0; i < search->n; i++)
			search->best[i] = search->taken[i] || search->open[i];
		return;
	}

	/* with the pivot: its partners are out */
	{
		bool	   *saved = palloc(search->n * sizeof(bool));

		memcpy(saved, search->open, search->n * sizeof(bool));
		search->open[pivot] = false;
		search->taken[pivot] = true;
		for (int j = 0; j < search->n; j++)
			if (search->shares[pivot * search->n + j])
				search->open[j] = false;
		set_search(search, taken_w + search->nodes[pivot].weight_w);

		/* without it */
		memcpy(search->open, saved, search->n * sizeof(bool));
		search->taken[pivot] = false;
		search->open[pivot] = false;
		set_search(search, taken_w);
		memcpy(search->open, saved, search->n * sizeof(bool));
		pfree(saved);
	}
}

static bool
services_share(const Rulebook *rulebook, const Ruleset *ruleset, int a, int b, bool unknown_is_yes)
{
	return a != b && ruleset != NULL && rulebook_shares(rulebook, ruleset, a, b, unknown_is_yes);
}

/* The weight of the heaviest set, perhaps of those with nodes[0] in it; best says which are. */
static int64
heaviest_set(const Rulebook *rulebook, const Ruleset *ruleset, const ServiceNode *nodes, int n,
			 bool with_first, bool unknown_is_yes, bool *best)
{
	SetSearch	search;
	bool	   *shares = palloc(n * n * sizeof(bool));
	bool		any = false;

	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			any |= shares[i * n + j] = services_share(rulebook, ruleset, nodes[i].service,
													  nodes[j].service, unknown_is_yes);
	if (!any)
	{
		int64		sum = 0;

		for (int i = 0; i < n; i++)
		{
			sum += nodes[i].weight_w;
			best[i] = true;
		}
		pfree(shares);
		return sum;
	}

	search.n = n;
	search.nodes = nodes;
	search.shares = shares;
	search.open = palloc(n * sizeof(bool));
	search.taken = palloc0(n * sizeof(bool));
	search.best = best;
	search.best_w = -1;
	for (int i = 0; i < n; i++)
		search.open[i] = !with_first || (i > 0 && !shares[i]);
	search.taken[0] = with_first;
	set_search(&search, with_first ? nodes[0].weight_w : 0);
	pfree(shares);
	pfree(search.open);
	pfree(search.taken);
	return search.best_w;
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

/* Gather the roots by service, the subject's lineage first. */
static int
group_by_service(const LineageNode *nodes, int n, ServiceNode *groups)
{
	int			ngroups = 1;
	int			root = 0;

	while (nodes[root].parent >= 0)
		root = nodes[root].parent;
	groups[0].service = nodes[root].commitment->service;
	groups[0].weight_w = 0;
	for (int i = 0; i < n; i++)
	{
		int			g = 0;

		if (!nodes[i].covers || nodes[i].parent >= 0)
			continue;
		while (g < ngroups && groups[g].service != nodes[i].commitment->service)
			g++;
		if (g == ngroups)
		{
			groups[ngroups].service = nodes[i].commitment->service;
			groups[ngroups++].weight_w = 0;
		}
		groups[g].weight_w += nodes[i].weight_w;
	}
	return ngroups;
}

/* The power of the heaviest set at an instant, in which the subject need not be; at most all roots. */
int64
lineages_power_w(const Rulebook *rulebook, LineageNode *nodes, int n, int64 instant_us)
{
	ServiceNode *groups = palloc(n * sizeof(ServiceNode));
	bool	   *best = palloc(n * sizeof(bool));
	int64		power_w;
	int			ngroups;

	weigh_nodes(nodes, n, instant_us);
	ngroups = group_by_service(nodes, n, groups);
	power_w = heaviest_set(rulebook, rulebook_at(rulebook, instant_us), groups, ngroups, false, false, best);
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
	PowerStep  *steps = palloc(2 * (nearlier + 1) * sizeof(PowerStep));

	for (int i = 0; i <= nearlier; i++)
	{
		const Commitment *commitment = i == 0 ? subject : &earlier[i - 1];

		steps[2 * i].at_us = commitment->window.start_us;
		steps[2 * i].power_w = commitment->power_w;
		steps[2 * i + 1].at_us = commitment->window.end_us;
		steps[2 * i + 1].power_w = -commitment->power_w;
	}
	qsort(steps, 2 * (nearlier + 1), sizeof(PowerStep), power_step_compare);
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
			  int nearlier, const Capacity *capacity, int *count)
{
	int64	   *instants = palloc((2 * (nearlier + capacity->nspans + rulebook->nrulesets) + 1) * sizeof(int64));
	int			n = 0;
	int			distinct = 0;

	instants[n++] = subject->window.start_us;
#define ADD_INSTANT(us) \
	if (subject->window.start_us < (us) && (us) < subject->window.end_us) \
		instants[n++] = (us)
	for (int i = 0; i < nearlier; i++)
	{
		ADD_INSTANT(earlier[i].window.start_us);
		ADD_INSTANT(earlier[i].window.end_us);
	}
	for (int i = 0; i < capacity->nspans; i++)
		ADD_INSTANT(capacity->spans[i].window.start_us);
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
 * Examine `subject` against the obligations of its unit and direction that were
 * posted earlier and overlap it.  Pieces whose capacity is not known are passed
 * over: commitment.headroom_checked tells.
 */
void
headroom_examine(const Rulebook *rulebook, const Commitment *subject,
				 const Commitment *earlier, int nearlier,
				 const Capacity *capacity, Headroom *result)
{
	int			n = nearlier + 1;
	LineageNode	   *nodes = lineages_make(subject, earlier, nearlier);
	ServiceNode *groups = palloc(n * sizeof(ServiceNode));
	bool	   *best = palloc(n * sizeof(bool));
	int			ninstants;
	int64	   *instants = make_instants(rulebook, subject, earlier, nearlier, capacity, &ninstants);
	int			span = 0;
	PowerStep  *steps = make_power_steps(subject, earlier, nearlier);
	int			step = 0;
	int64		power_w = 0;

	memset(result, 0, sizeof(Headroom));
	result->advisory = true;
	result->windows = palloc(ninstants * sizeof(TimeWindow));
	result->members = palloc(n * sizeof(HeadroomMember));

	for (int i = 0; i < ninstants; i++)
	{
		TimeWindow	piece;
		const Ruleset *ruleset;
		int			ngroups;
		int64		all_w = 0;
		int64		needed_w;
		int64		capacity_w;

		CHECK_FOR_INTERRUPTS();
		piece.start_us = instants[i];
		piece.end_us = i + 1 < ninstants ? instants[i + 1] : subject->window.end_us;
		while (capacity->spans[span].window.end_us <= piece.start_us)
			span++;
		while (step < 2 * n && steps[step].at_us <= piece.start_us)
			power_w += steps[step++].power_w;
		capacity_w = capacity->spans[span].power_w;
		if (!capacity->spans[span].known || power_w <= capacity_w)
			continue;			/* not known, or all together fit */

		weigh_nodes(nodes, n, piece.start_us);
		ngroups = group_by_service(nodes, n, groups);
		for (int g = 0; g < ngroups; g++)
			all_w += groups[g].weight_w;
		if (all_w <= capacity_w)
			continue;			/* lineages counted once, they fit */

		ruleset = rulebook_at(rulebook, piece.start_us);
		needed_w = heaviest_set(rulebook, ruleset, groups, ngroups, true, false, best);
		if (needed_w <= capacity_w)
			continue;

		result->short_of_power = true;
		if (result->nwindows > 0 && result->windows[result->nwindows - 1].end_us == piece.start_us)
			result->windows[result->nwindows - 1].end_us = piece.end_us;
		else
			result->windows[result->nwindows++] = piece;
		if (needed_w - capacity_w > result->short_w)
		{
			result->short_w = needed_w - capacity_w;
			result->needed_w = needed_w;
			result->capacity_w = capacity_w;
			result->ruleset = ruleset;
			result->nmembers = 0;
			for (int j = 0; j < n; j++)
			{
				int			g = 0;

				if (!nodes[j].covers || nodes[j].parent >= 0)
					continue;
				while (groups[g].service != nodes[j].commitment->service)
					g++;
				if (!best[g])
					continue;
				result->members[result->nmembers].root = nodes[j].commitment;
				result->members[result->nmembers++].weight_w = nodes[j].weight_w;
			}
		}
		if (result->advisory &&
			heaviest_set(rulebook, ruleset, groups, ngroups, true, true, best) > capacity_w)
			result->advisory = false;
	}
	pfree(nodes);
	pfree(groups);
	pfree(best);
	pfree(instants);
	pfree(steps);
}
