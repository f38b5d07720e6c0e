/*
 * clearing.h
 *		An auction as the clearing engine sees it, and what came of it.
 *
 * A cell is a place where a quantity must balance: one product, area and period.
 * An order has a leg in one cell, or legs in several that are accepted in one
 * share; a leg with a quantity above zero sells, below zero buys.  Nothing here
 * knows of bids, assets or tables: the callers number their cells and orders.
 */
#ifndef FLEX_CLEARING_H
#define FLEX_CLEARING_H

#include "datatype/timestamp.h"

#include "simplex.h"

typedef struct ClearingCell
{
	int64		id;
	double		requirement;	/* wanted beside the orders that buy */
	double		ceiling;		/* what each unit that is short costs */
	bool		at_least;		/* more may be bought than is used */

	/* the outcome */
	double		price;			/* NaN: nothing was traded */
	double		shadow_price;	/* the lowest that supports the outcome */
	double		highest_price;
	double		quantity;		/* what orders sell in it */
	double		bought;			/* what orders buy in it */
	double		shortfall;
	int			setter;			/* order; -1: none */
} ClearingCell;

typedef struct ClearingLeg
{
	int			cell;
	double		quantity;
	double		price;
} ClearingLeg;

typedef enum ClearingReason
{
	REASON_ACCEPTED,
	REASON_PART,
	REASON_TOO_DEAR,
	REASON_TIED,
	REASON_EXCLUDED,
	REASON_PARENT_REJECTED,
	REASON_LIMITED,
	REASON_MINIMUM_NOT_REACHED,
	REASON_PARADOXICALLY_REJECTED
} ClearingReason;

typedef struct ClearingOrder
{
	int64		id;
	int			first_leg;
	int			n_legs;
	double		cost;			/* of its legs, accepted whole; below zero for one that buys */
	double		minimum;		/* the least share, if it is accepted at all */
	double		fixed_cost;		/* if it is accepted at all */
	int			parent;			/* order whose share is no smaller; -1: none */
	bool		has_terms;
	bool		excluded;		/* stands in an exclusion */
	bool		limited;		/* stands in a limit, or is a parent */
	int			rank;			/* among ties, the first is taken first */

	/* the outcome */
	double		share;
	ClearingReason reason;
	int			displaced_by;	/* order; -1: none */
} ClearingOrder;

typedef struct ClearingMember
{
	int			order;
	double		coefficient;
} ClearingMember;

/* Of an exclusion one order at most; of a limit, sum(coefficient * share) <= most. */
typedef struct ClearingGroup
{
	int64		id;
	int			first_member;
	int			n_members;
	double		most;
} ClearingGroup;

typedef struct ClearingFlow
{
	int			from;
	int			to;
	double		least;
	double		most;
	double		loss;
	double		flow;
} ClearingFlow;

typedef enum ClearingPricing
{
	PRICING_MARGINAL,
	PRICING_HIGHEST_ACCEPTED,
	PRICING_NONE
} ClearingPricing;

typedef struct Clearing
{
	int			n_cells;
	int			n_orders;
	int			n_legs;
	int			n_exclusions;
	int			n_limits;
	int			n_flows;
	ClearingCell *cells;
	ClearingOrder *orders;
	ClearingLeg *legs;
	ClearingGroup *exclusions;
	ClearingMember *excluded;
	ClearingGroup *limits;
	ClearingMember *limited;
	ClearingFlow *flows;

	ClearingPricing pricing;
	double		surplus_share;
	double		max_gap;		/* of the cost */
	double		max_gap_cost;	/* as a cost */
	double		max_seconds;
	TimestampTz started;

	/* the outcome */
	bool		proved;
	double		cost;
	double		bound;
	int64		nodes;
	int64		iterations;
} Clearing;

/* Accepted at all or not at all, a choice between the two: not to be divided freely. */
static inline bool
order_is_choice(const ClearingOrder *order)
{
	return order->minimum > 0 || order->fixed_cost > 0 || order->excluded;
}

/* One leg, and nothing that ties it to other orders: one step of a merit order. */
static inline bool
order_is_step(const ClearingOrder *order)
{
	return order->n_legs == 1 && !order_is_choice(order) && order->parent < 0 && !order->limited;
}

/* ---------------------------------------------------------------- clearing_program.c */

/*
 * The linear program of an auction.  Steps of one cell, side and price are one
 * column; every other order has a column of its own, its share.
 */
typedef struct Program
{
	const Clearing *clearing;
	Simplex    *lp;
	double		quantity_unit;	/* what one unit of quantity is in the program */
	double		price_unit;
	int		   *column_of;		/* of an order; -1: none */
	int		   *link_row;		/* of a child; -1: none */
	int		   *order_of;		/* of a column; -1: none */
	int			first_flow;		/* column */
	int		   *shortfall_of;	/* column of a cell; -1: none */
	int			first_exit;		/* column; pricing alone */
	int			n_exits;
	int		   *exit_order;
	int			n_merged;
	int		   *merged_start;	/* of a merged column, in merged */
	int		   *merged;			/* orders, in the order of ranks */
} Program;

/*
 * Without in, choices are open: every order may be divided, its fixed cost with
 * it.  With in (a flag for each order) they are made.  With shares as well, an
 * order that is in may leave as a whole, through a column of its exit: where that would not pay,
 * there are prices that keep it from losing.
 */
extern Program *program_create(const Clearing *clearing, const bool *in, const double *shares);
extern double program_cost_unit(const Program *program);
extern void program_read(const Program *program, double *shares, double *flows, double *shortfalls);

/* ---------------------------------------------------------------- the ways to clear */

/* Clears an auction, part by part where it falls apart. */
extern void clearing_clear(Clearing *clearing);

extern bool merit_order_applies(const Clearing *clearing);
extern void merit_order_clear(Clearing *clearing);
extern bool covering_clear(Clearing *clearing);
extern void search_clear(Clearing *clearing);

/* ---------------------------------------------------------------- clearing_ties.c */

/* Shares evenly what stands exactly at the price, across cells that share it: neither cost nor prices change. */
extern void clearing_share_ties(Clearing *clearing);

/* ---------------------------------------------------------------- clearing_price.c */

/* What the outcome costs, by its shares and shortfalls alone. */
extern double clearing_cost(const Clearing *clearing, const double *shares, const double *shortfalls);

/* Shares of orders, flows, and the shortfall and prices of each cell. */
typedef struct ClearingOutcome
{
	double		cost;
	double	   *shares;
	double	   *flows;
	double	   *shortfalls;
	double	   *lowest;
	double	   *highest;
} ClearingOutcome;

/*
 * The outcome of choices made, and prices that support it.  Returns how many
 * orders would leave whatever the prices, and flags them: 0 if there are prices
 * (or the rule asks for none); -1 if the choices cannot stand together.
 */
extern int	clearing_find_prices(Clearing *clearing, const bool *in, ClearingOutcome *outcome, bool *losing);

/* The prices of the declared rule, who set them, and why each order got what it got. */
extern void clearing_explain(Clearing *clearing);

/* ---------------------------------------------------------------- clearing_read.c */

typedef struct ClearingQueries
{
	const char *orders;
	const char *cells;
	const char *terms;
	const char *exclusions;
	const char *links;
	const char *limits;
	const char *flows;
} ClearingQueries;

extern Clearing *clearing_read(const ClearingQueries *queries, int64 seed);

#endif							/* FLEX_CLEARING_H */
