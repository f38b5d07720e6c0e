/*
 * clearing_choice.c
 *		Choices of the search: an order that cannot be divided freely is open, in or out.
 *
 * A choice is a change of bounds and costs of one column.  While it is open the
 * program divides the order, its fixed cost with it; once it is in, the fixed cost
 * is paid apart, and the others of its exclusions are out.
 */
#include "postgres.h"

#include <math.h>

#include "clearing_search.h"

void
search_set_choice(Search *search, int o, Choice choice)
{
	const ClearingOrder *order = &search->clearing->orders[o];
	double		unit = program_cost_unit(search->program);
	int			column = search->program->column_of[o];

	if (search->choice[o] == choice)
		return;
	if (search->choice[o] == CHOICE_IN)
		search->offset -= order->fixed_cost / unit;
	if (choice == CHOICE_IN)
		search->offset += order->fixed_cost / unit;
	search->choice[o] = choice;
	search->lp->lower[column] = choice == CHOICE_IN ? order->minimum : 0;
	search->lp->upper[column] = choice == CHOICE_OUT ? 0 : 1;
	search->lp->cost[column] = (choice == CHOICE_IN ? order->cost : order->cost + order->fixed_cost) / unit;
	simplex_changed(search->lp);
}

/* Has another order of one of its exclusions been chosen so? */
static bool
another_is(const Search *search, int o, Choice choice)
{
	for (int e = search->exclusions_of[o]; e < search->exclusions_of[o + 1]; e++)
	{
		const ClearingGroup *exclusion = &search->clearing->exclusions[search->exclusion_list[e]];

		for (int m = exclusion->first_member; m < exclusion->first_member + exclusion->n_members; m++)
			if (search->clearing->excluded[m].order != o && search->choice[search->clearing->excluded[m].order] == choice)
				return true;
	}
	return false;
}

/* Makes a choice and what follows from it; false, and nothing is done, if that contradicts another. */
bool
search_choose(Search *search, int o, Choice choice)
{
	if (search->choice[o] == choice)
		return true;
	if (search->choice[o] != CHOICE_OPEN)
		return false;
	if (choice == CHOICE_IN && another_is(search, o, CHOICE_IN))
		return false;
	search_set_choice(search, o, choice);
	if (choice == CHOICE_IN)
		for (int e = search->exclusions_of[o]; e < search->exclusions_of[o + 1]; e++)
		{
			const ClearingGroup *exclusion = &search->clearing->exclusions[search->exclusion_list[e]];

			for (int m = exclusion->first_member; m < exclusion->first_member + exclusion->n_members; m++)
				if (search->clearing->excluded[m].order != o)
					search_set_choice(search, search->clearing->excluded[m].order, CHOICE_OUT);
		}
	return true;
}

/* Takes up the choices of a node, and of none. */
bool
search_take_up(Search *search, const Branch *node)
{
	for (int i = 0; i < search->n_choices; i++)
		search_set_choice(search, search->choices[i], search->fixed[search->choices[i]]);
	for (; node != NULL && node->order >= 0; node = node->parent)
		if (!search_choose(search, node->order, node->choice))
			return false;
	return true;
}

/* How far an order is from both of its choices; 0: it is not open, or stands at one. */
double
search_openness(const Search *search, int o, double *down, double *up)
{
	const ClearingOrder *order = &search->clearing->orders[o];
	double		share = search->lp->x[search->program->column_of[o]];

	*down = *up = 0;
	if (search->choice[o] != CHOICE_OPEN || share <= OPEN)
		return 0;
	if (share < order->minimum - OPEN)
		*up = order->minimum - share;
	else if (order->fixed_cost > 0 && share < 1 - OPEN)
		*up = 1 - share;
	else
		return 0;
	*down = share;
	return Min(*down, *up);
}

/* An exclusion of which more than one order has a share: its largest, which is to be in or out. */
int
search_broken_exclusion(const Search *search)
{
	for (int g = 0; g < search->clearing->n_exclusions; g++)
	{
		const ClearingGroup *exclusion = &search->clearing->exclusions[g];
		double		largest = 0;
		int			order = -1;
		int			n = 0;

		for (int m = exclusion->first_member; m < exclusion->first_member + exclusion->n_members; m++)
		{
			int			o = search->clearing->excluded[m].order;
			double		share = search->lp->x[search->program->column_of[o]];

			if (share > OPEN)
				n++;
			if (search->choice[o] == CHOICE_OPEN && share > OPEN && share > largest)
			{
				largest = share;
				order = o;
			}
		}
		if (n > 1 && order >= 0)
			return order;
	}
	return -1;
}

/* The choice to be made next: the one that is likely to move the bound most; -1: none is open. */
int
search_next_choice(const Search *search)
{
	double		best = -1;
	int			next = -1;

	for (int i = 0; i < search->n_choices; i++)
	{
		int			o = search->choices[i];
		double		down;
		double		up;

		if (search_openness(search, o, &down, &up) > 0)
		{
			double		gain_out = search->n_out[o] > 0 ? search->gain_out[o] / search->n_out[o] : search->mean_out;
			double		gain_in = search->n_in[o] > 0 ? search->gain_in[o] / search->n_in[o] : search->mean_in;
			double		score = Max(down * gain_out, 1e-9) * Max(up * gain_in, 1e-9);

			if (score > best)
			{
				best = score;
				next = o;
			}
		}
	}
	return next >= 0 ? next : search_broken_exclusion(search);
}
