/*
 * clearing_search.c
 *		Branch and bound over what cannot be divided.
 *
 * An order with a least share, a fixed cost or an exclusion is in or out.  While
 * that is open the linear program divides it, its fixed cost with it: what that
 * costs is a bound below anything that can be had.  The search makes the choices
 * one by one, each time for the order whose being divided costs most, and keeps
 *
 *		best	the cheapest outcome found that the price rule allows, and
 *		bound	the least that any outcome not yet ruled out could cost
 *
 * until they are within the declared gap.  So the gap is proved whenever it stops.
 *
 * It plunges: of two choices the likelier one is followed at once, from the basis at
 * hand, the other waits in a heap with its bound.  When a plunge ends, the node
 * with the least bound is taken up.  Outcomes come from dives as well: make the
 * nearest choices until none is open, several at a time and all to be in, or one at
 * a time to whichever side is nearer; and from searching for a while among few
 * choices only: those in which the best outcome and the relaxed answer differ, and
 * those that cost little to make otherwise than the relaxed answer does (the core of
 * the auction).  Whoever looks for outcomes takes any that is better; what the tree
 * looks for must be better by the gap.
 *
 * Where prices must keep every accepted order from losing (pricing "marginal"), an outcome
 * counts only if such prices exist (clearing_price.c).  Where they do not, the
 * search goes on below it, first without an order that would lose, until the
 * choices are all made.  The bound knows nothing of prices and so stays valid.
 *
 * Everything is deterministic but for the time at which it gives up.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clearing_search.h"

#define MESSAGE_EVERY_MS 10000
#define DIVE_EVERY		64		/* nodes */
#define LEAST_CORE		50		/* choices */
#define MOST_CORE		400
#define CORE_NODES		200
#define NEAR_NODES		300
#define NEAR_ROUNDS		10

static bool
branch_before(const Branch *a, const Branch *b)
{
	return a->bound < b->bound || (a->bound == b->bound && a->number < b->number);
}

static void
push_branch(Search *search, Branch *node)
{
	int			at = search->n_heap++;

	if (at == search->heap_space)
	{
		search->heap_space *= 2;
		search->heap = repalloc_array(search->heap, Branch *, search->heap_space);
	}
	while (at > 0 && branch_before(node, search->heap[(at - 1) / 2]))
	{
		search->heap[at] = search->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	search->heap[at] = node;
}

static Branch *
pop_branch(Search *search)
{
	Branch	   *top = search->heap[0];
	Branch	   *last = search->heap[--search->n_heap];
	int			at = 0;

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= search->n_heap)
			break;
		if (child + 1 < search->n_heap && branch_before(search->heap[child + 1], search->heap[child]))
			child++;
		if (branch_before(last, search->heap[child]))
			break;
		search->heap[at] = search->heap[child];
		at = child;
	}
	if (search->n_heap > 0)
		search->heap[at] = last;
	return top;
}

static Branch *
make_branch(Search *search, Branch *parent, int order, Choice choice, double bound, bool with_basis)
{
	Branch	   *node = MemoryContextAllocZero(search->context, sizeof(Branch));

	node->parent = parent;
	node->references = 1;
	node->order = order;
	node->choice = choice;
	node->bound = bound;
	node->number = search->nodes * 2 + (with_basis ? 1 : 0);
	if (parent != NULL)
		parent->references++;
	if (with_basis)
	{
		node->head = MemoryContextAlloc(search->context, sizeof(int) * (search->lp->n_rows + 1));
		memcpy(node->head, search->lp->head, sizeof(int) * search->lp->n_rows);
	}
	return node;
}

static void
drop_branch(Branch *node)
{
	while (node != NULL && --node->references == 0)
	{
		Branch	   *parent = node->parent;

		if (node->head != NULL)
			pfree(node->head);
		pfree(node);
		node = parent;
	}
}

void
search_look_at_clock(Search *search)
{
	TimestampTz now = GetCurrentTimestamp();

	if (TimestampDifferenceExceeds(search->clearing->started, now, (int) Min(search->clearing->max_seconds * 1000, INT_MAX)))
		search->out_of_time = true;
	if (TimestampDifferenceExceeds(search->last_message, now, MESSAGE_EVERY_MS))
	{
		double		unit = program_cost_unit(search->program);
		double		bound = search->n_heap > 0 ? search->heap[0]->bound : search->root_bound;

		search->last_message = now;
		if (search->found)
			ereport(NOTICE,
					(errmsg("clearing: " INT64_FORMAT " nodes, cost %g, bound %g, gap %.4f %%",
							search->nodes, search->best * unit, bound * unit,
							100 * (search->best - bound) / Max(fabs(search->best), 1e-9))));
		else
			ereport(NOTICE, (errmsg("clearing: " INT64_FORMAT " nodes, no outcome yet", search->nodes)));
	}
}

/* What was learned of the choice that led to a node. */
static void
learn(Search *search, const Branch *node, double share, double gained)
{
	double		distance;

	if (node->order < 0)
		return;
	distance = node->choice == CHOICE_OUT ? share : Max(search->clearing->orders[node->order].minimum, 0.01) - share;
	if (distance < 1e-6)
		return;
	gained = Max(gained, 0) / distance;
	if (node->choice == CHOICE_OUT)
	{
		search->gain_out[node->order] += gained;
		search->n_out[node->order]++;
		search->mean_out += (gained - search->mean_out) / ++search->sum_out;
	}
	else
	{
		search->gain_in[node->order] += gained;
		search->n_in[node->order]++;
		search->mean_in += (gained - search->mean_in) / ++search->sum_in;
	}
}

/*
 * Searches below a node, for as long as the heap, the gap, the clock and the
 * number of nodes allow.  The heap is left with what remains.
 */
static void
explore(Search *search, Branch *root, int64 max_nodes)
{
	Branch	   *node = root;
	double		share = 0;
	int64		last = search->nodes + max_nodes;
	bool		plunging = false;

	while (node != NULL)
	{
		SimplexStatus status = SIMPLEX_INFEASIBLE;
		Branch	   *next = NULL;
		double		bound = node->bound;
		int			o = -1;

		search->nodes++;
		search_look_at_clock(search);
		if (search->out_of_time || search->nodes > last || (search->in_core && search_is_proved(search)))
		{
			push_branch(search, node);
			return;
		}
		if (search->found && bound >= search->best - search_tolerance(search))
			search->pruned_bound = Min(search->pruned_bound, bound);
		else if (plunging ? (search->choice[node->order] == node->choice || search_choose(search, node->order, node->choice))
				 : search_take_up(search, node))
		{
			if (node->head != NULL)
				simplex_set_basis(search->lp, node->head);
			status = simplex_solve(search->lp, search_cut_off(search));
			if (status == SIMPLEX_OPTIMAL)
			{
				double		cost = simplex_cost(search->lp) + search->offset;

				learn(search, node, share, cost - bound);
				bound = Max(bound, cost);
				node->bound = bound;
				if (search->found && bound >= search->best - search_tolerance(search))
				{
					search->pruned_bound = Min(search->pruned_bound, bound);
					status = SIMPLEX_CUT_OFF;
				}
			}
			else if (status == SIMPLEX_CUT_OFF)
				search->pruned_bound = Min(search->pruned_bound, search->best - search_tolerance(search));
		}
		if (status == SIMPLEX_OPTIMAL)
		{
			o = search_next_choice(search);
			if (o < 0)
			{
				int			n_losing = search_try_outcome(search);

				/* below: without one that would lose, then with it */
				for (int i = 0; i < search->n_choices && n_losing > 0 && o < 0; i++)
					if (search->losing[search->choices[i]] && search->choice[search->choices[i]] == CHOICE_OPEN)
						o = search->choices[i];
				for (int i = 0; i < search->n_choices && n_losing != 0 && o < 0; i++)
					if (search->choice[search->choices[i]] == CHOICE_OPEN)
						o = search->choices[i];
			}
		}
		if (o >= 0 && !plunging && search->nodes >= search->next_dive)
		{
			memcpy(search->head, search->lp->head, sizeof(int) * search->lp->n_rows);
			search_dive(search, search->nodes / DIVE_EVERY % 2 == 0);
			(void) search_take_up(search, node);
			simplex_set_basis(search->lp, search->head);
			(void) simplex_solve(search->lp, INFINITY);
			search->next_dive = search->nodes + DIVE_EVERY;
		}
		if (o >= 0)
		{
			double		minimum = search->clearing->orders[o].minimum;
			bool		in_first;

			share = search->lp->x[search->program->column_of[o]];
			in_first = share < minimum || search->clearing->orders[o].fixed_cost > 0 ? share >= 0.5 * Max(minimum, 0.01) : false;
			push_branch(search, make_branch(search, node, o, in_first ? CHOICE_OUT : CHOICE_IN, bound, true));
			next = make_branch(search, node, o, in_first ? CHOICE_IN : CHOICE_OUT, bound, false);
		}
		drop_branch(node);
		plunging = next != NULL;
		node = next;
		if (node == NULL && search->n_heap > 0)
		{
			node = pop_branch(search);
			share = 0;
			if (search->found && node->bound >= search->best - search_tolerance(search))
			{
				/* so are all others */
				search->pruned_bound = Min(search->pruned_bound, node->bound);
				drop_branch(node);
				while (search->n_heap > 0)
					drop_branch(pop_branch(search));
				return;
			}
		}
	}
}

/* Keeps of the relaxed answer what is known for good, once there is an outcome. */
static void
keep_root(Search *search)
{
	Clearing   *clearing = search->clearing;

	search->root_gain = palloc0_array(double, clearing->n_orders + 1);
	search->root_in = palloc0_array(bool, clearing->n_orders + 1);
	search->root_side = palloc0_array(char, clearing->n_orders + 1);
	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];
		int			column = search->program->column_of[o];
		double		down;
		double		up;

		if (search_openness(search, o, &down, &up) == 0)
			search->root_side[o] = search->lp->x[column] > OPEN ? CHOICE_IN : CHOICE_OUT;
		if (search->lp->slot_of[column] >= 0 || search->choice[o] != CHOICE_OPEN)
			continue;
		if (search->lp->x[column] >= 1)
		{
			search->root_in[o] = true;
			search->root_gain[o] = Max(-search->lp->d[column], 0);
		}
		else
			search->root_gain[o] = Max(search->lp->d[column], 0) * clearing->orders[o].minimum;
	}
}

static int
compare_gains(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Searches among the choices that fixed leaves open; of the bound that says nothing. */
static void
search_part(Search *search, char *part_fixed, int64 max_nodes)
{
	char	   *fixed = search->fixed;
	double		pruned_bound = search->pruned_bound;
	Branch	  **heap = search->heap;
	int			n_heap = search->n_heap;
	int			heap_space = search->heap_space;

	search->fixed = part_fixed;
	search->heap_space = 256;
	search->heap = palloc_array(Branch *, search->heap_space);
	search->n_heap = 0;
	search->in_core = true;
	explore(search, make_branch(search, NULL, -1, CHOICE_OPEN, search->root_bound, false), max_nodes);
	search->in_core = false;
	while (search->n_heap > 0)
		drop_branch(pop_branch(search));
	pfree(search->heap);
	search->fixed = fixed;
	search->pruned_bound = pruned_bound;
	search->heap = heap;
	search->n_heap = n_heap;
	search->heap_space = heap_space;
	if (search->found)
		search_fix_choices(search);
}

/* Where the best outcome and the relaxed answer agree, it is left at that. */
static void
search_near(Search *search)
{
	char	   *fixed = palloc_array(char, search->clearing->n_orders + 1);

	memcpy(fixed, search->fixed, sizeof(char) * search->clearing->n_orders);
	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];
		Choice		side = search->best_in[o] ? CHOICE_IN : CHOICE_OUT;

		if (fixed[o] == CHOICE_OPEN && search->root_side[o] == side)
			fixed[o] = side;
	}
	search_part(search, fixed, NEAR_NODES);
	pfree(fixed);
}

/* What is dear to make otherwise than the relaxed answer does is left at that. */
static void
search_core(Search *search, int n_core)
{
	char	   *fixed = palloc_array(char, search->clearing->n_orders + 1);
	double	   *gains = palloc_array(double, search->n_choices + 1);
	double		most;

	for (int i = 0; i < search->n_choices; i++)
		gains[i] = search->root_gain[search->choices[i]];
	qsort(gains, search->n_choices, sizeof(double), compare_gains);
	most = gains[Min(n_core, search->n_choices - 1)];

	memcpy(fixed, search->fixed, sizeof(char) * search->clearing->n_orders);
	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];

		if (fixed[o] == CHOICE_OPEN && search->root_gain[o] > most)
			fixed[o] = search->root_in[o] ? CHOICE_IN : CHOICE_OUT;
	}
	search_part(search, fixed, CORE_NODES);
	pfree(fixed);
	pfree(gains);
}

static void
make_outcome(const Clearing *clearing, ClearingOutcome *outcome)
{
	outcome->shares = palloc0_array(double, clearing->n_orders + 1);
	outcome->flows = palloc0_array(double, clearing->n_flows + 1);
	outcome->shortfalls = palloc0_array(double, clearing->n_cells + 1);
	outcome->lowest = palloc0_array(double, clearing->n_cells + 1);
	outcome->highest = palloc0_array(double, clearing->n_cells + 1);
}

/* In which exclusions each order stands. */
static void
index_exclusions(Search *search)
{
	const Clearing *clearing = search->clearing;
	int			n_members = 0;
	int		   *next = palloc_array(int, clearing->n_orders + 1);

	search->exclusions_of = palloc0_array(int, clearing->n_orders + 2);
	for (int g = 0; g < clearing->n_exclusions; g++)
	{
		const ClearingGroup *exclusion = &clearing->exclusions[g];

		n_members += exclusion->n_members;
		for (int m = exclusion->first_member; m < exclusion->first_member + exclusion->n_members; m++)
			search->exclusions_of[clearing->excluded[m].order + 1]++;
	}
	for (int o = 0; o < clearing->n_orders; o++)
		search->exclusions_of[o + 1] += search->exclusions_of[o];
	memcpy(next, search->exclusions_of, sizeof(int) * clearing->n_orders);
	search->exclusion_list = palloc_array(int, n_members + 1);
	for (int g = 0; g < clearing->n_exclusions; g++)
		for (int m = clearing->exclusions[g].first_member; m < clearing->exclusions[g].first_member + clearing->exclusions[g].n_members; m++)
			search->exclusion_list[next[clearing->excluded[m].order]++] = g;
	pfree(next);
}

static Search *
start_search(Clearing *clearing)
{
	Search	   *search = palloc0(sizeof(Search));
	int			n = clearing->n_orders + 1;
	const ClearingGroup *last_limit = clearing->n_limits > 0 ? &clearing->limits[clearing->n_limits - 1] : NULL;

	search->clearing = clearing;
	search->context = CurrentMemoryContext;
	search->program = program_create(clearing, NULL, NULL);
	search->lp = search->program->lp;
	search->last_message = GetCurrentTimestamp();
	search->choice = palloc0_array(char, n);
	search->fixed = palloc0_array(char, n);
	search->choices = palloc_array(int, n);
	search->in = palloc0_array(bool, n);
	search->best_in = palloc0_array(bool, n);
	search->losing = palloc0_array(bool, n);
	search->shares = palloc0_array(double, n);
	search->put_aside = palloc0_array(char, n);
	search->gain_in = palloc0_array(double, n);
	search->gain_out = palloc0_array(double, n);
	search->n_in = palloc0_array(int, n);
	search->n_out = palloc0_array(int, n);
	search->heap_space = 1024;
	search->heap = palloc_array(Branch *, search->heap_space);
	search->head = palloc_array(int, search->lp->n_rows + 1);
	search->root_bound = search->pruned_bound = INFINITY;
	make_outcome(clearing, &search->outcome);
	index_exclusions(search);
	for (int o = 0; o < clearing->n_orders; o++)
		if (order_is_choice(&clearing->orders[o]))
			search->choices[search->n_choices++] = o;
	for (int m = 0; last_limit != NULL && m < last_limit->first_member + last_limit->n_members; m++)
		search->limited_choices |= order_is_choice(&clearing->orders[clearing->limited[m].order]);
	return search;
}

/* Back to no choice made, and to a basis. */
static void
start_over(Search *search, const int *head)
{
	(void) search_take_up(search, NULL);
	simplex_set_basis(search->lp, head);
	(void) simplex_solve(search->lp, INFINITY);
}

/* Good outcomes soon: what the tree is then spared, it need not look at. */
static void
find_outcomes(Search *search, const int *head)
{
	/* with nobody in there is always a price: something to fall back on */
	if (search->clearing->pricing == PRICING_MARGINAL && search->n_choices > 0)
	{
		for (int i = 0; i < search->n_choices; i++)
			search_set_choice(search, search->choices[i], CHOICE_OUT);
		if (simplex_solve(search->lp, INFINITY) == SIMPLEX_OPTIMAL)
			(void) search_try_outcome(search);
		start_over(search, head);
	}
	if (search_next_choice(search) >= 0)
		for (int inward = 1; inward >= 0; inward--)
		{
			search_dive(search, inward);
			start_over(search, head);
		}
	for (int round = 0; round < NEAR_ROUNDS && search->found && !search->out_of_time && !search_is_proved(search); round++)
	{
		double		before = search->best;

		search_near(search);
		simplex_set_basis(search->lp, head);
		if (search->best >= before)
			break;
	}
	for (int core = LEAST_CORE; core <= MOST_CORE && core < search->n_choices && search->found && !search->out_of_time && !search_is_proved(search); core *= 2)
	{
		simplex_set_basis(search->lp, head);
		search_core(search, core);
	}
}

/* The best outcome, with its prices, and what was proved of it. */
static void
give_answer(Search *search)
{
	Clearing   *clearing = search->clearing;
	double		bound = search->pruned_bound;

	(void) clearing_find_prices(clearing, search->best_in, &search->outcome, search->losing);
	for (int i = 0; i < search->n_heap; i++)
		bound = Min(bound, search->heap[i]->bound);
	clearing->proved = !search->out_of_time;
	clearing->nodes = search->nodes;
	clearing->iterations += search->lp->iterations;
	clearing->cost = search->outcome.cost;
	clearing->bound = Min(bound * program_cost_unit(search->program), clearing->cost);
	for (int o = 0; o < clearing->n_orders; o++)
		clearing->orders[o].share = search->outcome.shares[o];
	for (int f = 0; f < clearing->n_flows; f++)
		clearing->flows[f].flow = search->outcome.flows[f];
	for (int c = 0; c < clearing->n_cells; c++)
	{
		clearing->cells[c].shortfall = search->outcome.shortfalls[c];
		clearing->cells[c].shadow_price = search->outcome.lowest[c];
		clearing->cells[c].highest_price = search->outcome.highest[c];
	}
}

void
search_clear(Clearing *clearing)
{
	Search	   *search = start_search(clearing);
	int		   *head = palloc_array(int, search->lp->n_rows + 1);

	if (simplex_solve(search->lp, INFINITY) != SIMPLEX_OPTIMAL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the auction has no outcome: its limits and flows cannot be kept together"),
				 errhint("Look for limits below zero, and for flows with a least above what can be sent.")));
	search->root_bound = simplex_cost(search->lp);
	keep_root(search);
	memcpy(head, search->lp->head, sizeof(int) * search->lp->n_rows);
	find_outcomes(search, head);
	simplex_set_basis(search->lp, head);
	explore(search, make_branch(search, NULL, -1, CHOICE_OPEN, search->root_bound, false), PG_INT64_MAX / 4);
	if (!search->found)
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("no outcome was found within %g seconds", clearing->max_seconds),
				 errhint("Allow more time with max_seconds.")));
	give_answer(search);
}
