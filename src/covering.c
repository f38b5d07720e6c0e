/*
 * covering.c
 *		One requirement, met by orders each of which is taken whole or not at all.
 *
 * The cheapest set is found exactly by dynamic programming over the quantity:
 *
 *		least[w] = what it costs at least to have w units or more,
 *
 * one order after another, remembering for each order and w whether it was
 * taken.  What is short costs the ceiling.  Work and memory are orders x units,
 * so it is used where quantities are multiples of a unit of which there are not
 * too many in the requirement; the search takes the rest.
 *
 * Literature: Kellerer, Pferschy and Pisinger, Knapsack Problems (2004), section 2.3 and 13.3.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "clearing.h"

#define LARGEST_WORK	3e8		/* orders x units */
#define FINEST			1000.0	/* quantities are multiples of a thousandth */

static int64
greatest_common_divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* In thousandths; -1: it is not a multiple of one. */
static int64
thousandths(double quantity)
{
	double		scaled = round(quantity * FINEST);

	return scaled > 1e15 || fabs(scaled - quantity * FINEST) > 1e-6 * Max(1, fabs(scaled) * 1e-6) ? -1 : (int64) scaled;
}

/* False: this is another kind of auction, or one too large for it. */
bool
covering_clear(Clearing *clearing)
{
	ClearingCell *cell = &clearing->cells[0];
	int64		unit = 0;
	int64		needed;
	double	   *least;			/* cost, by units */
	uint8	   *taken;			/* a bit for each order and number of units */
	Size		row;
	double		shortage;
	int64		best = 0;

	if (clearing->n_cells != 1 || clearing->n_exclusions > 0 || clearing->n_limits > 0 || clearing->n_flows > 0
		|| !cell->at_least || cell->requirement <= 0 || clearing->n_orders == 0 || clearing->pricing == PRICING_MARGINAL)
		return false;
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];
		int64		quantity = order->n_legs == 1 ? thousandths(clearing->legs[order->first_leg].quantity) : -1;

		if (order->minimum < 1 || order->parent >= 0 || quantity <= 0)
			return false;
		unit = greatest_common_divisor(unit, quantity);
	}
	needed = thousandths(cell->requirement);
	if (needed < 0 || unit == 0)
		return false;
	unit = greatest_common_divisor(unit, needed);
	needed /= unit;
	if ((double) needed * clearing->n_orders > LARGEST_WORK)
		return false;

	/* one that costs less than nothing is taken in any case: more may be bought than is used */
	for (int o = 0; o < clearing->n_orders; o++)
	{
		ClearingOrder *order = &clearing->orders[o];

		order->share = order->cost + order->fixed_cost <= 0;
		if (order->share > 0)
			needed -= thousandths(clearing->legs[order->first_leg].quantity) / unit;
	}
	needed = Max(needed, 0);
	shortage = cell->ceiling * unit / FINEST;
	row = needed / 8 + 1;
	least = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (Size) (needed + 1));
	taken = MemoryContextAllocExtended(CurrentMemoryContext, row * clearing->n_orders, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	least[0] = 0;
	for (int64 w = 1; w <= needed; w++)
		least[w] = INFINITY;
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];
		int64		quantity = thousandths(clearing->legs[order->first_leg].quantity) / unit;
		double		cost = order->cost + order->fixed_cost;
		uint8	   *bits = taken + row * o;

		CHECK_FOR_INTERRUPTS();
		if (order->share > 0)
			continue;
		for (int64 w = needed; w > 0; w--)
		{
			double		with = least[Max(w - quantity, 0)] + cost;

			if (with < least[w])
			{
				least[w] = with;
				bits[w / 8] |= 1 << (w % 8);
			}
		}
	}
	for (int64 w = 1; w <= needed; w++)
		if (least[w] + (needed - w) * shortage < least[best] + (needed - best) * shortage)
			best = w;
	cell->shortfall = (needed - best) * (unit / FINEST);
	for (int o = clearing->n_orders - 1; o >= 0; o--)
		if (clearing->orders[o].share == 0 && (taken[row * o + best / 8] & (1 << (best % 8))))
		{
			clearing->orders[o].share = 1;
			best = Max(best - thousandths(clearing->legs[clearing->orders[o].first_leg].quantity) / unit, 0);
		}
	clearing->cost = cell->shortfall * cell->ceiling;
	for (int o = 0; o < clearing->n_orders; o++)
		if (clearing->orders[o].share > 0)
			clearing->cost += clearing->orders[o].cost + clearing->orders[o].fixed_cost;
	clearing->bound = clearing->cost;
	clearing->proved = true;
	/* with the choices made, one unit more costs the ceiling, or nothing where there is more than is used */
	cell->shadow_price = cell->highest_price = cell->shortfall > 0 ? cell->ceiling : 0;
	return true;
}
