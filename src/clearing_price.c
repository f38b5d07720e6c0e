/*
 * clearing_price.c
 *		Prices that support an outcome, and why each order got what it got.
 *
 * With the choices made (which of the orders that cannot be divided freely are
 * in) what is left is a linear program, and the price of a cell is the dual of
 * its balance: what one more unit would cost there.
 *
 * An order that is in must not lose at those prices (no paradoxically accepted
 * order).  Whether prices exist at which none does is one more linear program:
 * give each such order a column by which it may leave as a whole, with its fixed
 * cost, the children that hang on it having to leave as well, and see whether any would.  By the
 * duality of linear programs nobody leaves exactly if there are prices at which
 * nobody would want to; a parent may then lose what its children bring in.
 *
 * Where prices are not unique they form an interval (with several cells, a
 * polytope).  Taking a hair off what every cell needs leads to its lowest
 * corner, adding a hair to its highest; the declared share of surplus chooses a
 * point between the two.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "clearing.h"

#define HAIR		1e-6		/* of the usual quantity */
#define LEAVES		1e-6		/* a share of an exit that is more than a tolerance */
#define LOSS		1e-6		/* of the usual order: a loss that is none */
#define NEAR		1e-6		/* of the usual price: the same price */

double
clearing_cost(const Clearing *clearing, const double *shares, const double *shortfalls)
{
	double		cost = 0;

	for (int o = 0; o < clearing->n_orders; o++)
		if (shares[o] > 0)
			cost += shares[o] * clearing->orders[o].cost + clearing->orders[o].fixed_cost;
	for (int c = 0; c < clearing->n_cells; c++)
		cost += shortfalls[c] * clearing->cells[c].ceiling;
	return cost;
}

/* Is anything traded in a cell, so that it has a price? */
static void
find_traded(const Clearing *clearing, const double *shares, bool *traded)
{
	for (int c = 0; c < clearing->n_cells; c++)
		traded[c] = clearing->cells[c].requirement > 0;
	for (int f = 0; f < clearing->n_flows; f++)
		traded[clearing->flows[f].from] = traded[clearing->flows[f].to] = true;
	for (int o = 0; o < clearing->n_orders; o++)
		if (shares[o] > 0)
			for (int l = clearing->orders[o].first_leg; l < clearing->orders[o].first_leg + clearing->orders[o].n_legs; l++)
				traded[clearing->legs[l].cell] = true;
}

/* The corner of the prices that a hair more (or, below zero, less) of everything leads to. */
static bool
corner(Program *program, const bool *traded, double hair, double *prices)
{
	Simplex    *lp = program->lp;
	const Clearing *clearing = program->clearing;
	bool		found;

	for (int c = 0; c < clearing->n_cells; c++)
		if (traded[c])
		{
			lp->b[c] += hair;
			if (program->shortfall_of[c] >= 0)
				lp->upper[program->shortfall_of[c]] += fabs(hair);
		}
	simplex_changed(lp);
	found = simplex_solve(lp, INFINITY) == SIMPLEX_OPTIMAL;
	if (found)
		for (int c = 0; c < clearing->n_cells; c++)
			if (traded[c])
				prices[c] = lp->y[c] * program->price_unit;
	for (int c = 0; c < clearing->n_cells; c++)
		if (traded[c])
		{
			lp->b[c] -= hair;
			if (program->shortfall_of[c] >= 0)
				lp->upper[program->shortfall_of[c]] -= fabs(hair);
		}
	simplex_changed(lp);
	return found;
}

/* The lowest and the highest prices that support the outcome. */
static void
find_corners(Program *program, const bool *traded, ClearingOutcome *outcome)
{
	for (int c = 0; c < program->clearing->n_cells; c++)
		outcome->lowest[c] = outcome->highest[c] = traded[c] ? program->lp->y[c] * program->price_unit : NAN;
	(void) corner(program, traded, -HAIR, outcome->lowest);
	(void) corner(program, traded, HAIR, outcome->highest);
}

int
clearing_find_prices(Clearing *clearing, const bool *in, ClearingOutcome *outcome, bool *losing)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "clearing prices", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Program    *program = program_create(clearing, in, NULL);
	bool	   *traded = palloc0_array(bool, clearing->n_cells + 1);
	int			n_losing = 0;
	bool		any_in = false;

	if (simplex_solve(program->lp, INFINITY) != SIMPLEX_OPTIMAL)
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		return -1;
	}
	program_read(program, outcome->shares, outcome->flows, outcome->shortfalls);
	outcome->cost = clearing_cost(clearing, outcome->shares, outcome->shortfalls);
	clearing->iterations += program->lp->iterations;
	find_traded(clearing, outcome->shares, traded);
	for (int o = 0; o < clearing->n_orders && !any_in; o++)
		any_in = order_is_choice(&clearing->orders[o]) && in[o];

	if (clearing->pricing == PRICING_MARGINAL && any_in)
	{
		Program    *with_exits = program_create(clearing, in, outcome->shares);

		/* one that would gain no more by leaving may be shown to leave: that is no loss, nor is what rounding leaves */
		if (simplex_solve(with_exits->lp, INFINITY) == SIMPLEX_OPTIMAL && simplex_cost(with_exits->lp) < simplex_cost(program->lp) - LOSS)
			for (int e = 0; e < with_exits->n_exits; e++)
				if (with_exits->lp->x[with_exits->first_exit + e] > LEAVES)
				{
					losing[with_exits->exit_order[e]] = true;
					n_losing++;
				}
		clearing->iterations += with_exits->lp->iterations;
		program = with_exits;
	}
	find_corners(program, traded, outcome);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	return n_losing;
}

/* The price of a leg that sells at it or buys at it; what an order gains at the prices of its cells. */
static double
surplus(const Clearing *clearing, const ClearingOrder *order, bool at_shadow_prices)
{
	double		gain = -order->fixed_cost;

	for (int l = order->first_leg; l < order->first_leg + order->n_legs; l++)
	{
		const ClearingCell *cell = &clearing->cells[clearing->legs[l].cell];
		double		price = isnan(cell->price) || at_shadow_prices ? cell->shadow_price : cell->price;

		/* where nothing is traded there is no price at which it could gain */
		if (isnan(price))
			return -INFINITY;
		gain += clearing->legs[l].quantity * (price - clearing->legs[l].price);
	}
	return gain;
}

static double
usual_price(const Clearing *clearing)
{
	double		sum = 0;

	for (int l = 0; l < clearing->n_legs; l++)
		sum += fabs(clearing->legs[l].price);
	return sum > 0 ? sum / clearing->n_legs : 1;
}

#define NO_RIVAL	(-1)
#define LIMIT_ALONE	(-2)		/* a limit that binds, whoever else is in it */

/* Another order, accepted, of an exclusion or limit that an order stands in; the largest of a limit. */
static int
find_rival(const Clearing *clearing, int o, const ClearingGroup *groups, int n_groups, const ClearingMember *members, bool limit)
{
	for (int g = 0; g < n_groups; g++)
	{
		const ClearingMember *first = members + groups[g].first_member;
		double		used = 0;
		double		largest = 0;
		int			rival = limit ? LIMIT_ALONE : NO_RIVAL;
		bool		mine = false;

		for (int m = 0; m < groups[g].n_members; m++)
		{
			double		weight = clearing->orders[first[m].order].share * first[m].coefficient;

			used += weight;
			if (first[m].order == o)
				mine = !limit || first[m].coefficient > 0;
			else if (weight > largest)
			{
				largest = weight;
				rival = first[m].order;
			}
		}
		if (mine && rival != NO_RIVAL && (!limit || used >= groups[g].most - 1e-6 * (1 + fabs(groups[g].most))))
			return rival;
	}
	return NO_RIVAL;
}

static void
explain_order(const Clearing *clearing, int o, double near)
{
	ClearingOrder *order = &clearing->orders[o];
	double		quantity = 0;
	double		gain;

	order->displaced_by = -1;
	if (order->share > 0)
	{
		order->reason = order->share < 1 ? REASON_PART : REASON_ACCEPTED;
		return;
	}
	for (int l = order->first_leg; l < order->first_leg + order->n_legs; l++)
		quantity += fabs(clearing->legs[l].quantity);
	gain = surplus(clearing, order, false);
	if (gain < -near * quantity)
	{
		order->reason = REASON_TOO_DEAR;
		order->displaced_by = clearing->cells[clearing->legs[order->first_leg].cell].setter;
		return;
	}
	if (order->excluded
		&& (order->displaced_by = find_rival(clearing, o, clearing->exclusions, clearing->n_exclusions, clearing->excluded, false)) >= 0)
	{
		order->reason = REASON_EXCLUDED;
		return;
	}
	if (order->parent >= 0 && clearing->orders[order->parent].share == 0)
	{
		order->reason = REASON_PARENT_REJECTED;
		order->displaced_by = order->parent;
		return;
	}
	if (order->limited
		&& (order->displaced_by = find_rival(clearing, o, clearing->limits, clearing->n_limits, clearing->limited, true)) != NO_RIVAL)
	{
		order->reason = REASON_LIMITED;
		return;
	}
	if (gain <= near * quantity)
	{
		order->reason = REASON_TIED;
		order->displaced_by = clearing->cells[clearing->legs[order->first_leg].cell].setter;
		return;
	}
	if (!order_is_choice(order))
	{
		/* at the highest price accepted it would gain, yet there is enough; or something binds it in other ways */
		order->reason = surplus(clearing, order, true) <= near * quantity ? REASON_TOO_DEAR : REASON_LIMITED;
		return;
	}
	/* it would gain, but its least is too much for the others */
	order->reason = clearing->pricing == PRICING_MARGINAL ? REASON_PARADOXICALLY_REJECTED : REASON_MINIMUM_NOT_REACHED;
}

void
clearing_explain(Clearing *clearing)
{
	double		near = NEAR * usual_price(clearing);
	double	   *highest = palloc_array(double, clearing->n_cells + 1);

	for (int c = 0; c < clearing->n_cells; c++)
	{
		ClearingCell *cell = &clearing->cells[c];

		cell->quantity = cell->bought = 0;
		cell->setter = -1;
		highest[c] = -INFINITY;
	}
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];

		for (int l = order->first_leg; l < order->first_leg + order->n_legs && order->share > 0; l++)
		{
			const ClearingLeg *leg = &clearing->legs[l];

			if (leg->quantity > 0)
			{
				clearing->cells[leg->cell].quantity += order->share * leg->quantity;
				highest[leg->cell] = Max(highest[leg->cell], leg->price);
			}
			else
				clearing->cells[leg->cell].bought -= order->share * leg->quantity;
		}
	}
	for (int c = 0; c < clearing->n_cells; c++)
	{
		ClearingCell *cell = &clearing->cells[c];

		if (clearing->pricing == PRICING_NONE)
			cell->price = NAN;
		else if (clearing->pricing == PRICING_MARGINAL)
			cell->price = cell->shadow_price + clearing->surplus_share * (cell->highest_price - cell->shadow_price);
		else
			cell->price = cell->shortfall > 0 ? cell->ceiling : isinf(highest[c]) ? NAN : highest[c];
	}
	/* who set it: the order at the price, one that was taken in part before any other */
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];

		for (int l = order->first_leg; l < order->first_leg + order->n_legs && order->share > 0; l++)
		{
			ClearingCell *cell = &clearing->cells[clearing->legs[l].cell];
			double		price = isnan(cell->price) ? cell->shadow_price : cell->price;

			if (fabs(clearing->legs[l].price - price) <= near
				&& (cell->setter < 0 || (order->share < 1 && clearing->orders[cell->setter].share >= 1)))
				cell->setter = o;
		}
	}
	for (int o = 0; o < clearing->n_orders; o++)
		explain_order(clearing, o, near);
	pfree(highest);
}
