/*
 * clearing_outcome.c
 *		Outcomes of the search: whether one counts, whether it is the best so far,
 *		and what the best one rules out.
 */
#include "postgres.h"

#include <math.h>

#include "clearing_search.h"

#define LOSS			1e-6	/* of the usual order: a loss that is none */

/* By how much the best outcome may cost more than another, and be good enough. */
static double
declared_tolerance(const Search *search)
{
	double		best = fabs(search->best);

	return Max(0.999 * Max(search->clearing->max_gap * best, search->clearing->max_gap_cost / program_cost_unit(search->program)), EXACT * best);
}

double
search_tolerance(const Search *search)
{
	if (!search->found)
		return 0;
	return search->in_core || search->diving ? EXACT * fabs(search->best) : declared_tolerance(search);
}

/* The relaxed answer proves that the best outcome is good enough. */
bool
search_is_proved(const Search *search)
{
	return search->found && search->root_bound >= search->best - declared_tolerance(search);
}

/* Whatever costs more than this is of no interest. */
double
search_cut_off(const Search *search)
{
	return search->found ? search->best - search_tolerance(search) - search->offset : INFINITY;
}

/* Once there is something to compare with, choices that the relaxed answer rules out are made for good. */
void
search_fix_choices(Search *search)
{
	double		room = search->best + EXACT * fabs(search->best) - search->root_bound;

	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];

		if (search->fixed[o] == CHOICE_OPEN && search->root_gain[o] > room)
			search->fixed[o] = search->root_in[o] ? CHOICE_IN : CHOICE_OUT;
	}
}

/*
 * Would any order that is in rather be out, in part or as a whole, whatever the
 * prices?  Exactly if the outcome costs more than it would were all that are in
 * divisible, fixed costs and all, and nobody else to come in: then no prices
 * support it (the duality of linear programs).  Returns how many would leave, and flags them.
 * The choices at hand are left as they were found.
 */
static int
count_losing(Search *search, double cost)
{
	Clearing   *clearing = search->clearing;
	int			n_losing = 0;
	bool		any_made = false;

	for (int i = 0; i < search->n_choices && !any_made; i++)
		any_made = search->choice[search->choices[i]] == CHOICE_IN;
	if (!any_made)
		return 0;				/* all were free to leave already */

	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];

		search->put_aside[o] = search->choice[o];
		search_set_choice(search, o, search->in[o] ? CHOICE_OPEN : CHOICE_OUT);
	}
	if (simplex_solve(search->lp, INFINITY) == SIMPLEX_OPTIMAL && simplex_cost(search->lp) < cost - LOSS)
		for (int i = 0; i < search->n_choices; i++)
		{
			int			o = search->choices[i];

			/* at the margin an order earns nothing, so a fixed cost is lost */
			if (search->in[o]
				&& (search->lp->x[search->program->column_of[o]] < search->shares[o] - OPEN
					|| (clearing->orders[o].fixed_cost > 0 && search->shares[o] < 1 - OPEN)))
			{
				search->losing[o] = true;
				n_losing++;
			}
		}
	for (int i = 0; i < search->n_choices; i++)
		search_set_choice(search, search->choices[i], search->put_aside[search->choices[i]]);
	(void) simplex_solve(search->lp, INFINITY);
	/* where a limit binds, what it gives to others is no loss: that takes a closer look */
	if (n_losing > 0 && search->limited_choices)
	{
		memset(search->losing, 0, sizeof(bool) * clearing->n_orders);
		n_losing = Max(clearing_find_prices(clearing, search->in, &search->outcome, search->losing), 0);
	}
	return n_losing;
}

/*
 * The outcome of the answer at hand, whose choices are all made or stand at one
 * side.  Returns 0 if it counts (and keeps it if it is the best), otherwise how
 * many orders would lose: they are flagged in losing.
 */
int
search_try_outcome(Search *search)
{
	double		cost = simplex_cost(search->lp) + search->offset;
	int			n_losing = 0;

	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];

		search->losing[o] = false;
		search->shares[o] = search->lp->x[search->program->column_of[o]];
		search->in[o] = search->shares[o] > OPEN;
		/* a start that was paid for nothing */
		if (search->choice[o] == CHOICE_IN && !search->in[o])
			cost -= search->clearing->orders[o].fixed_cost / program_cost_unit(search->program);
	}
	if (search->found && cost >= search->best - EXACT * fabs(search->best))
		return 0;
	if (search->clearing->pricing == PRICING_MARGINAL && (n_losing = count_losing(search, cost)) > 0)
		return n_losing;
	memcpy(search->best_in, search->in, sizeof(bool) * search->clearing->n_orders);
	search->found = true;
	search->best = cost;
	if (search->root_gain != NULL && !search->in_core)
		search_fix_choices(search);
	return 0;
}
