/*
 * merit_order.c
 *		Cells in which everything can be divided and nothing is tied to another cell.
 *
 * There the least cost needs no search: orders that sell, the cheapest first,
 * meet orders that buy, the dearest first, until the next to sell is dearer than
 * the next to buy.  A requirement is one more order that buys, at its ceiling;
 * where more may be bought than is used, so is any quantity at a price of zero.
 *
 * Cost: one sort of the legs.  Equal prices stand in the order of their ranks.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "clearing.h"

#define NOTHING		1e-11		/* of the quantity traded */

/* A leg as the sort and the sweep need it. */
typedef struct Step
{
	double		price;			/* of one that buys with its sign turned: cheapest and dearest first alike */
	double		quantity;
	int			order;			/* or one of: */
#define REQUIREMENT	(-1)
#define UNUSED		(-2)		/* where more may be bought than is used */
	int			rank;
} Step;

static inline int
compare_steps(const Step *a, const Step *b)
{
	if (a->price != b->price)
		return a->price < b->price ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

#define ST_SORT			sort_steps
#define ST_ELEMENT_TYPE	Step
#define ST_COMPARE(a, b) compare_steps(a, b)
#define ST_SCOPE		static
#define ST_DECLARE
#define ST_DEFINE
#define ST_CHECK_FOR_INTERRUPTS
#include "lib/sort_template.h"

bool
merit_order_applies(const Clearing *clearing)
{
	if (clearing->n_flows > 0 || clearing->n_limits > 0 || clearing->n_exclusions > 0)
		return false;
	for (int o = 0; o < clearing->n_orders; o++)
		if (!order_is_step(&clearing->orders[o]))
			return false;
	return true;
}

static void
clear_cell(Clearing *clearing, ClearingCell *cell, Step *sells, int n_sells, Step *buys, int n_buys)
{
	int			s = 0;
	int			b = 0;
	double		sold = 0;		/* of the step at hand */
	double		bought = 0;
	double		traded = 0;
	double		lowest = -INFINITY;
	double		highest = INFINITY;

	sort_steps(sells, n_sells);
	sort_steps(buys, n_buys);
	cell->shortfall = cell->requirement;
	while (s < n_sells && b < n_buys && sells[s].price <= -buys[b].price)
	{
		double		quantity;
		double		nothing;		/* what sums of so many numbers leave where they should leave none */

		/* at the same price nothing is gained, but what can be traded is; what is not used is not traded */
		if (sells[s].price == -buys[b].price && buys[b].order == UNUSED)
			break;
		quantity = Min(sells[s].quantity - sold, buys[b].quantity - bought);
		traded += quantity;
		nothing = NOTHING * traded;
		sold += quantity;
		bought += quantity;
		clearing->cost += quantity * (sells[s].price + buys[b].price);
		lowest = sells[s].price;
		highest = -buys[b].price;
		clearing->orders[sells[s].order].share = sold >= sells[s].quantity - nothing ? 1 : sold / sells[s].quantity;
		if (buys[b].order >= 0)
			clearing->orders[buys[b].order].share = bought >= buys[b].quantity - nothing ? 1 : bought / buys[b].quantity;
		else if (buys[b].order == REQUIREMENT)
			cell->shortfall = bought >= buys[b].quantity - nothing ? 0 : buys[b].quantity - bought;
		if (sold >= sells[s].quantity - nothing)
		{
			s++;
			sold = 0;
		}
		if (bought >= buys[b].quantity - nothing)
		{
			b++;
			bought = 0;
		}
	}
	/* what is left over bounds the price as well: it would be taken, at least in part, beyond it */
	if (s < n_sells)
		highest = Min(highest, sells[s].price);
	if (b < n_buys)
		lowest = Max(lowest, -buys[b].price);
	if (isinf(lowest) && isinf(highest))
		lowest = highest = NAN;
	else if (isinf(lowest))
		lowest = highest;
	else if (isinf(highest))
		highest = lowest;
	cell->shadow_price = lowest;
	cell->highest_price = Max(lowest, highest);
}

void
merit_order_clear(Clearing *clearing)
{
	/* the sells of a cell stand before its buys */
	int			n_runs = 2 * clearing->n_cells;
	int		   *first = palloc0_array(int, n_runs + 2);
	int		   *next = palloc_array(int, n_runs + 2);
	Step	   *steps;

	for (int l = 0; l < clearing->n_legs; l++)
		first[2 * clearing->legs[l].cell + (clearing->legs[l].quantity < 0) + 1]++;
	for (int c = 0; c < clearing->n_cells; c++)
		first[2 * c + 2] += (clearing->cells[c].requirement > 0) + clearing->cells[c].at_least;
	for (int run = 0; run < n_runs; run++)
		first[run + 1] += first[run];
	memcpy(next, first, sizeof(int) * (n_runs + 1));
	steps = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Step) * (Size) (first[n_runs] + 1));

	clearing->cost = 0;
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingLeg *leg = &clearing->legs[clearing->orders[o].first_leg];
		bool		buys = leg->quantity < 0;

		clearing->orders[o].share = 0;
		steps[next[2 * leg->cell + buys]++] =
			(Step) {buys ? -leg->price : leg->price, fabs(leg->quantity), o, clearing->orders[o].rank};
	}
	for (int c = 0; c < clearing->n_cells; c++)
	{
		const ClearingCell *cell = &clearing->cells[c];

		clearing->cost += cell->requirement * cell->ceiling;
		if (cell->requirement > 0)
			steps[next[2 * c + 1]++] = (Step) {-cell->ceiling, cell->requirement, REQUIREMENT, -1};
		if (cell->at_least)
			steps[next[2 * c + 1]++] = (Step) {0, INFINITY, UNUSED, PG_INT32_MAX};
	}
	for (int c = 0; c < clearing->n_cells; c++)
	{
		const int  *run = &first[(Size) c * 2];

		clear_cell(clearing, &clearing->cells[c], steps + run[0], run[1] - run[0], steps + run[1], run[2] - run[1]);
	}
	clearing->bound = clearing->cost;
	clearing->proved = true;
}
