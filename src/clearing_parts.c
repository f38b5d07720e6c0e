/*
 * clearing_parts.c
 *		An auction is cleared part by part where its parts have nothing to do with
 *		one another.
 *
 * Two cells belong together where an order sells in both, something flows between
 * them, or a link, an exclusion or a limit joins orders of theirs.  A tender for
 * the evenings of a winter then falls into evenings, and each is cleared in the
 * simplest way that is exact for it: what is easy stays easy beside what is not.
 *
 * Every part is cleared to the declared gap, so the whole is, unless parts that
 * cost and parts that bring in cancel one another.  Then they are cleared once
 * more, each to its share of what the whole may miss.  Of the time, each part has an equal
 * share of what is left when its turn comes.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "clearing.h"

/* Things dealt out to parts: those of part p are list[start[p]] to list[start[p + 1] - 1]. */
typedef struct Dealt
{
	int		   *start;
	int		   *list;
} Dealt;

/* The part that a cell is in, as a forest: each cell names one that came before, or itself. */
static int
root_of(int *above, int c)
{
	while (above[c] != c)
	{
		above[c] = above[above[c]];
		c = above[c];
	}
	return c;
}

static void
join(int *above, int a, int b)
{
	a = root_of(above, a);
	b = root_of(above, b);
	above[Max(a, b)] = Min(a, b);
}

static inline int
cell_of_order(const Clearing *clearing, int o)
{
	return clearing->legs[clearing->orders[o].first_leg].cell;
}

static void
join_groups(const Clearing *clearing, int *above, const ClearingGroup *groups, int n_groups, const ClearingMember *members)
{
	for (int g = 0; g < n_groups; g++)
		for (int m = groups[g].first_member + 1; m < groups[g].first_member + groups[g].n_members; m++)
			join(above, cell_of_order(clearing, members[m].order), cell_of_order(clearing, members[m - 1].order));
}

/* Numbers the parts; returns how many, and the part of each cell. */
static int
find_parts(const Clearing *clearing, int *part_of_cell)
{
	int		   *above = palloc_array(int, clearing->n_cells + 1);
	int			n_parts = 0;

	for (int c = 0; c < clearing->n_cells; c++)
		above[c] = c;
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];

		for (int l = order->first_leg + 1; l < order->first_leg + order->n_legs; l++)
			join(above, clearing->legs[l].cell, clearing->legs[l - 1].cell);
		if (order->parent >= 0)
			join(above, cell_of_order(clearing, o), cell_of_order(clearing, order->parent));
	}
	for (int f = 0; f < clearing->n_flows; f++)
		join(above, clearing->flows[f].from, clearing->flows[f].to);
	join_groups(clearing, above, clearing->exclusions, clearing->n_exclusions, clearing->excluded);
	join_groups(clearing, above, clearing->limits, clearing->n_limits, clearing->limited);
	for (int c = 0; c < clearing->n_cells; c++)
		part_of_cell[c] = above[c] == c ? n_parts++ : part_of_cell[root_of(above, c)];
	pfree(above);
	return n_parts;
}

/* Deals n things out by the part of each, in their order. */
static Dealt
deal(int n, int n_parts, const int *part)
{
	Dealt		dealt = {palloc0_array(int, n_parts + 2), palloc_array(int, n + 1)};

	for (int i = 0; i < n; i++)
		dealt.start[part[i] + 2]++;
	for (int p = 0; p < n_parts; p++)
		dealt.start[p + 2] += dealt.start[p + 1];
	for (int i = 0; i < n; i++)
		dealt.list[dealt.start[part[i] + 1]++] = i;
	return dealt;
}

static void
clear_whole(Clearing *clearing)
{
	if (merit_order_applies(clearing))
		merit_order_clear(clearing);
	else if (!covering_clear(clearing))
		search_clear(clearing);
}

static void
take_groups(const ClearingGroup *groups, const ClearingMember *members, const Dealt *dealt, int p, const int *local_order, ClearingGroup **part_groups, int *n_groups, ClearingMember **part_members)
{
	int			n_members = 0;

	*n_groups = dealt->start[p + 1] - dealt->start[p];
	for (int g = dealt->start[p]; g < dealt->start[p + 1]; g++)
		n_members += groups[dealt->list[g]].n_members;
	*part_groups = palloc_array(ClearingGroup, *n_groups + 1);
	*part_members = palloc_array(ClearingMember, n_members + 1);
	n_members = 0;
	for (int g = 0; g < *n_groups; g++)
	{
		const ClearingGroup *group = &groups[dealt->list[dealt->start[p] + g]];

		(*part_groups)[g] = *group;
		(*part_groups)[g].first_member = n_members;
		for (int m = group->first_member; m < group->first_member + group->n_members; m++)
			(*part_members)[n_members++] = (ClearingMember) {local_order[members[m].order], members[m].coefficient};
	}
}

/* All that is dealt out. */
typedef struct Parts
{
	int			n;
	Dealt		cells;
	Dealt		orders;
	Dealt		flows;
	Dealt		exclusions;
	Dealt		limits;
	int		   *local_cell;		/* number within its part */
	int		   *local_order;
} Parts;

/* A part as an auction of its own. */
static Clearing *
take_part(const Clearing *clearing, const Parts *parts, int p)
{
	Clearing   *part = palloc0(sizeof(Clearing));
	int			n_legs = 0;

	part->pricing = clearing->pricing;
	part->surplus_share = clearing->surplus_share;
	part->n_cells = parts->cells.start[p + 1] - parts->cells.start[p];
	part->cells = palloc_array(ClearingCell, part->n_cells + 1);
	for (int c = 0; c < part->n_cells; c++)
		part->cells[c] = clearing->cells[parts->cells.list[parts->cells.start[p] + c]];

	part->n_orders = parts->orders.start[p + 1] - parts->orders.start[p];
	part->orders = palloc_array(ClearingOrder, part->n_orders + 1);
	for (int o = 0; o < part->n_orders; o++)
	{
		ClearingOrder *order = &part->orders[o];

		*order = clearing->orders[parts->orders.list[parts->orders.start[p] + o]];
		n_legs += order->n_legs;
		if (order->parent >= 0)
			order->parent = parts->local_order[order->parent];
	}
	part->legs = palloc_array(ClearingLeg, n_legs + 1);
	for (int o = 0; o < part->n_orders; o++)
	{
		ClearingOrder *order = &part->orders[o];
		int			first = order->first_leg;

		order->first_leg = part->n_legs;
		for (int l = first; l < first + order->n_legs; l++)
		{
			part->legs[part->n_legs] = clearing->legs[l];
			part->legs[part->n_legs].cell = parts->local_cell[clearing->legs[l].cell];
			part->n_legs++;
		}
	}

	part->n_flows = parts->flows.start[p + 1] - parts->flows.start[p];
	part->flows = palloc_array(ClearingFlow, part->n_flows + 1);
	for (int f = 0; f < part->n_flows; f++)
	{
		part->flows[f] = clearing->flows[parts->flows.list[parts->flows.start[p] + f]];
		part->flows[f].from = parts->local_cell[part->flows[f].from];
		part->flows[f].to = parts->local_cell[part->flows[f].to];
	}
	take_groups(clearing->exclusions, clearing->excluded, &parts->exclusions, p, parts->local_order, &part->exclusions, &part->n_exclusions, &part->excluded);
	take_groups(clearing->limits, clearing->limited, &parts->limits, p, parts->local_order, &part->limits, &part->n_limits, &part->limited);
	return part;
}

/* What came of a part, to where it belongs. */
static void
give_back(Clearing *clearing, const Parts *parts, int p, const Clearing *part)
{
	for (int c = 0; c < part->n_cells; c++)
	{
		ClearingCell *cell = &clearing->cells[parts->cells.list[parts->cells.start[p] + c]];

		cell->shadow_price = part->cells[c].shadow_price;
		cell->highest_price = part->cells[c].highest_price;
		cell->shortfall = part->cells[c].shortfall;
	}
	for (int o = 0; o < part->n_orders; o++)
		clearing->orders[parts->orders.list[parts->orders.start[p] + o]].share = part->orders[o].share;
	for (int f = 0; f < part->n_flows; f++)
		clearing->flows[parts->flows.list[parts->flows.start[p] + f]].flow = part->flows[f].flow;
	clearing->cost += part->cost;
	clearing->bound += part->bound;
	clearing->nodes += part->nodes;
	clearing->iterations += part->iterations;
	clearing->proved &= part->proved;
}

static void
clear_parts(Clearing *clearing, const Parts *parts, double max_gap, double max_gap_cost)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "part of a clearing", ALLOCSET_DEFAULT_SIZES);

	clearing->cost = clearing->bound = 0;
	clearing->proved = true;
	for (int p = 0; p < parts->n; p++)
	{
		MemoryContext caller = MemoryContextSwitchTo(context);
		Clearing   *part = take_part(clearing, parts, p);
		double		left = clearing->max_seconds - (GetCurrentTimestamp() - clearing->started) / 1e6;

		CHECK_FOR_INTERRUPTS();
		part->max_gap = max_gap;
		part->max_gap_cost = max_gap_cost;
		part->max_seconds = Max(left, 0) / (parts->n - p);
		part->started = GetCurrentTimestamp();
		clear_whole(part);
		give_back(clearing, parts, p, part);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	MemoryContextDelete(context);
}

void
clearing_clear(Clearing *clearing)
{
	Parts		parts = {0};
	int		   *part_of_cell = palloc_array(int, clearing->n_cells + 1);
	int		   *part = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * (Size) (Max(Max(clearing->n_orders, clearing->n_flows), Max(clearing->n_exclusions, clearing->n_limits)) + 1));
	double		allowed;

	/* a sweep deals with cells one by one already */
	if (merit_order_applies(clearing) || (parts.n = find_parts(clearing, part_of_cell)) <= 1)
	{
		clear_whole(clearing);
		return;
	}
	parts.cells = deal(clearing->n_cells, parts.n, part_of_cell);
	for (int o = 0; o < clearing->n_orders; o++)
		part[o] = part_of_cell[cell_of_order(clearing, o)];
	parts.orders = deal(clearing->n_orders, parts.n, part);
	for (int f = 0; f < clearing->n_flows; f++)
		part[f] = part_of_cell[clearing->flows[f].from];
	parts.flows = deal(clearing->n_flows, parts.n, part);
	for (int g = 0; g < clearing->n_exclusions; g++)
		part[g] = part_of_cell[cell_of_order(clearing, clearing->excluded[clearing->exclusions[g].first_member].order)];
	parts.exclusions = deal(clearing->n_exclusions, parts.n, part);
	for (int g = 0; g < clearing->n_limits; g++)
		part[g] = part_of_cell[cell_of_order(clearing, clearing->limited[clearing->limits[g].first_member].order)];
	parts.limits = deal(clearing->n_limits, parts.n, part);
	parts.local_cell = palloc_array(int, clearing->n_cells + 1);
	parts.local_order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * (Size) (clearing->n_orders + 1));
	for (int p = 0; p < parts.n; p++)
	{
		for (int c = parts.cells.start[p]; c < parts.cells.start[p + 1]; c++)
			parts.local_cell[parts.cells.list[c]] = c - parts.cells.start[p];
		for (int o = parts.orders.start[p]; o < parts.orders.start[p + 1]; o++)
			parts.local_order[parts.orders.list[o]] = o - parts.orders.start[p];
	}

	clear_parts(clearing, &parts, clearing->max_gap, clearing->max_gap_cost / parts.n);
	allowed = Max(clearing->max_gap * fabs(clearing->cost), clearing->max_gap_cost);
	if (clearing->proved && clearing->cost - clearing->bound > allowed + 1e-9 * fabs(clearing->cost))
		clear_parts(clearing, &parts, 0, 0.9 * allowed / parts.n);
}
