/*
 * clearing_ties.c
 *		Steps that stand exactly at the price: to each its share, in place of first come.
 *
 * At the price of a cell nobody gains or loses by being taken, so who is taken is a
 * matter of the declared rule.  By "order" it is who comes first; by "pro_rata", as
 * day-ahead markets have it, all steps at the price that can stand in for one another
 * are alike: of those that sell and those that buy the shorter side is taken wholly
 * (most volume), of the longer one each the same share.
 *
 * Steps can stand in for one another across cells of one price that are joined by
 * flows without loss.  Moving from the outcome at hand to the even one changes the
 * flows along a tree of such joints, in proportion; where a flow comes to its bound
 * the move stops short, the joint is taken out, and both sides are shared on their own.
 * Each round takes a joint out, so the rounds end.
 *
 * Neither cost nor prices change: what is moved has the price, and every cell keeps
 * its balance.  What is short stays where it is.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "clearing.h"

#define AT_PRICE	1e-6		/* of a price: the same price */
#define WHOLE		1e-9		/* a share or a part of a move that is nearer than this to an end is there */

typedef struct Group
{
	bool		found;			/* a step at the price */
	double		price;			/* of the first: all others have it to the last bit */
	double		sells;			/* at the price */
	double		buys;
	double		net;			/* of both, what is taken */
	int			n_steps;
	double		sell_share;
	double		buy_share;
	double		move;			/* the part of the way that flows allow */
} Group;

typedef struct Ties
{
	Clearing   *clearing;
	int		   *step_of;		/* orders that may stand at a price: one leg and nothing else */
	int			n_steps;
	bool	   *blocked;		/* of a flow */
	int		   *group_of;		/* of a cell: another cell on the way to the one that stands for the group */
	Group	   *groups;			/* by that cell */
	int		   *joint;			/* of a cell: the flow by which its group was joined to another; -1: none */
	bool	   *joins;			/* of a flow: in the tree */
	double	   *surplus;		/* of a cell: what the even outcome sells more in it and all that hangs on it */
	double	   *change;			/* of a flow */
} Ties;

static inline bool
same_price(double a, double b)
{
	return fabs(a - b) <= AT_PRICE * (1 + fabs(a));
}

static int
find_group(Ties *ties, int cell)
{
	while (ties->group_of[cell] != cell)
		cell = ties->group_of[cell] = ties->group_of[ties->group_of[cell]];
	return cell;
}

static inline bool
has_one_price(const ClearingCell *cell)
{
	return !isnan(cell->shadow_price) && same_price(cell->shadow_price, cell->highest_price);
}

/* The group of a step that stands at the price of its cell. */
static inline Group *
group_of_step(Ties *ties, const ClearingLeg *leg)
{
	const ClearingCell *cell = &ties->clearing->cells[leg->cell];
	Group	   *group;

	if (!has_one_price(cell) || !same_price(cell->shadow_price, leg->price))
		return NULL;
	group = &ties->groups[find_group(ties, leg->cell)];
	if (!group->found)
	{
		group->found = true;
		group->price = leg->price;
	}
	return group->price == leg->price ? group : NULL;
}

static void
join_cells(Ties *ties)
{
	const Clearing *clearing = ties->clearing;

	for (int c = 0; c < clearing->n_cells; c++)
		ties->group_of[c] = c;
	memset(ties->groups, 0, sizeof(Group) * clearing->n_cells);
	for (int f = 0; f < clearing->n_flows; f++)
	{
		const ClearingFlow *flow = &clearing->flows[f];
		const ClearingCell *from = &clearing->cells[flow->from];
		const ClearingCell *to = &clearing->cells[flow->to];
		int			a = find_group(ties, flow->from);
		int			b = find_group(ties, flow->to);

		ties->change[f] = 0;
		ties->joins[f] = a != b && !ties->blocked[f] && flow->loss == 0 && has_one_price(from) && has_one_price(to) && same_price(from->shadow_price, to->shadow_price);
		if (ties->joins[f])
			ties->group_of[Max(a, b)] = Min(a, b);
	}
}

static inline double
even_share(const Group *group, const ClearingLeg *leg)
{
	return leg->quantity > 0 ? group->sell_share : group->buy_share;
}

static double
share_from(double part, double whole)
{
	double		share = whole > 0 ? part / whole : 0;

	return share > 1 - WHOLE ? 1 : share < WHOLE ? 0 : share;
}

/* What each cell would sell more than now if its group were shared evenly. */
static void
weigh_groups(Ties *ties)
{
	const Clearing *clearing = ties->clearing;

	for (int s = 0; s < ties->n_steps; s++)
	{
		const ClearingOrder *order = &clearing->orders[ties->step_of[s]];
		const ClearingLeg *leg = &clearing->legs[order->first_leg];
		Group	   *group = group_of_step(ties, leg);

		if (group == NULL)
			continue;
		group->n_steps++;
		group->net += order->share * leg->quantity;
		if (leg->quantity > 0)
			group->sells += leg->quantity;
		else
			group->buys -= leg->quantity;
	}
	for (int c = 0; c < clearing->n_cells; c++)
	{
		Group	   *group = &ties->groups[c];

		group->sell_share = share_from(group->net + group->buys, group->sells);
		group->buy_share = share_from(group->sells - group->net, group->buys);
		group->move = 1;
		ties->surplus[c] = 0;
	}
	for (int s = 0; s < ties->n_steps; s++)
	{
		const ClearingOrder *order = &clearing->orders[ties->step_of[s]];
		const ClearingLeg *leg = &clearing->legs[order->first_leg];
		const Group *group = group_of_step(ties, leg);

		if (group != NULL)
			ties->surplus[leg->cell] += (even_share(group, leg) - order->share) * leg->quantity;
	}
}

/*
 * How the flows of each tree change with it.  A cell with one joint left gives its
 * surplus to the other end, until none is left: n_joints counts, and joint holds the
 * exclusive or of the joints that are left, which is the last one when there is one.
 */
static void
change_flows(Ties *ties)
{
	const Clearing *clearing = ties->clearing;
	int		   *n_joints = palloc0_array(int, clearing->n_cells + 1);

	memset(ties->joint, 0, sizeof(int) * clearing->n_cells);
	for (int f = 0; f < clearing->n_flows; f++)
		if (ties->joins[f])
		{
			n_joints[clearing->flows[f].from]++;
			n_joints[clearing->flows[f].to]++;
			ties->joint[clearing->flows[f].from] ^= f;
			ties->joint[clearing->flows[f].to] ^= f;
		}
	for (int c = 0; c < clearing->n_cells; c++)
		for (int at = c; n_joints[at] == 1;)
		{
			int			f = ties->joint[at];
			const ClearingFlow *flow = &clearing->flows[f];
			int			other = flow->from == at ? flow->to : flow->from;

			ties->change[f] = flow->from == at ? ties->surplus[at] : -ties->surplus[at];
			ties->surplus[other] += ties->surplus[at];
			n_joints[at] = 0;
			n_joints[other]--;
			ties->joint[other] ^= f;
			at = other;
		}
	pfree(n_joints);
}

/* How far each group can go; true if a joint stopped one and was taken out. */
static bool
find_moves(Ties *ties)
{
	const Clearing *clearing = ties->clearing;
	bool		any = false;

	for (int pass = 0; pass < 2; pass++)
		for (int f = 0; f < clearing->n_flows; f++)
		{
			const ClearingFlow *flow = &clearing->flows[f];
			double		change = ties->change[f];
			Group	   *group;
			double		room;

			if (!ties->joins[f] || fabs(change) <= WHOLE * (1 + fabs(flow->flow)))
				continue;
			group = &ties->groups[find_group(ties, flow->from)];
			room = Max(((change > 0 ? flow->most : flow->least) - flow->flow) / change, 0);
			if (pass == 0)
				group->move = Min(group->move, room);
			else if (group->move < 1 && room <= group->move + WHOLE)
				any = ties->blocked[f] = true;
		}
	return any;
}

static void
move(Ties *ties)
{
	Clearing   *clearing = ties->clearing;

	for (int s = 0; s < ties->n_steps; s++)
	{
		ClearingOrder *order = &clearing->orders[ties->step_of[s]];
		const ClearingLeg *leg = &clearing->legs[order->first_leg];
		const Group *group = group_of_step(ties, leg);

		if (group == NULL || group->n_steps < 2)
			continue;
		if (group->move >= 1)
			order->share = even_share(group, leg);
		else
			order->share += group->move * (even_share(group, leg) - order->share);
	}
	for (int f = 0; f < clearing->n_flows; f++)
		if (ties->joins[f])
		{
			ClearingFlow *flow = &clearing->flows[f];

			flow->flow += ties->groups[find_group(ties, flow->from)].move * ties->change[f];
			flow->flow = Min(Max(flow->flow, flow->least), flow->most);
		}
}

void
clearing_share_ties(Clearing *clearing)
{
	Ties		ties = {.clearing = clearing};
	bool		stopped;

	ties.step_of = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * ((Size) clearing->n_orders + 1));
	for (int o = 0; o < clearing->n_orders; o++)
		if (order_is_step(&clearing->orders[o]))
		{
			const ClearingLeg *leg = &clearing->legs[clearing->orders[o].first_leg];

			if (has_one_price(&clearing->cells[leg->cell]) && same_price(clearing->cells[leg->cell].shadow_price, leg->price))
				ties.step_of[ties.n_steps++] = o;
		}
	ties.blocked = palloc0_array(bool, clearing->n_flows + 1);
	ties.joins = palloc0_array(bool, clearing->n_flows + 1);
	ties.change = palloc0_array(double, clearing->n_flows + 1);
	ties.group_of = palloc_array(int, clearing->n_cells + 1);
	ties.groups = palloc_array(Group, clearing->n_cells + 1);
	ties.joint = palloc_array(int, clearing->n_cells + 1);
	ties.surplus = palloc_array(double, clearing->n_cells + 1);
	do
	{
		CHECK_FOR_INTERRUPTS();
		join_cells(&ties);
		weigh_groups(&ties);
		change_flows(&ties);
		stopped = find_moves(&ties);
		move(&ties);
	} while (stopped);
}
