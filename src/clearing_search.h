/*
 * clearing_search.h
 *		What branch and bound knows while it searches.
 */
#ifndef FLEX_CLEARING_SEARCH_H
#define FLEX_CLEARING_SEARCH_H

#include "clearing.h"

#define OPEN			1e-7	/* a share nearer than this to its choice is no longer open */
#define EXACT			1e-11	/* of the cost: two costs are the same */

typedef enum Choice
{
	CHOICE_OPEN,
	CHOICE_IN,
	CHOICE_OUT
} Choice;

/* A node of the tree: one choice more than its parent. */
typedef struct Branch
{
	struct Branch *parent;
	int			references;
	int			order;
	Choice		choice;
	double		bound;
	int64		number;
	int		   *head;			/* the basis to start from; shared by none */
} Branch;

typedef struct Search
{
	Clearing   *clearing;
	Program    *program;
	Simplex    *lp;
	MemoryContext context;
	char	   *choice;			/* a Choice of each order, at the node at hand */
	char	   *fixed;			/* for good, whatever the node */
	double		offset;			/* fixed costs of orders that are in */
	int		   *choices;		/* orders that are choices */
	int			n_choices;
	int		   *exclusions_of;	/* index into exclusion_list, by order */
	int		   *exclusion_list;

	bool		found;
	double		best;			/* in units of the program */
	ClearingOutcome outcome;
	bool	   *best_in;
	bool		limited_choices;	/* an order that is a choice stands in a limit */

	/* the outcome that is being tried */
	bool	   *in;
	double	   *shares;
	bool	   *losing;
	char	   *put_aside;

	Branch	  **heap;
	int			n_heap;
	int			heap_space;
	int64		nodes;
	int64		next_dive;
	int		   *head;			/* a basis put aside */
	double		root_bound;
	double	   *root_gain;		/* what leaving the side of the relaxed answer costs at least */
	bool	   *root_in;
	char	   *root_side;		/* at which the relaxed answer stands */
	double		pruned_bound;	/* the least bound of what was ruled out by the gap alone */
	double	   *gain_in;		/* of choices made so far, by share, and how often */
	double	   *gain_out;
	int		   *n_in;
	int		   *n_out;
	double		mean_in;
	double		mean_out;
	int64		sum_in;
	int64		sum_out;
	TimestampTz last_message;
	bool		out_of_time;
	bool		in_core;		/* a search among few choices: no bound comes of it */
	bool		diving;
} Search;

/* clearing_choice.c */
extern void search_set_choice(Search *search, int o, Choice choice);
extern bool search_choose(Search *search, int o, Choice choice);
extern bool search_take_up(Search *search, const Branch *node);
extern double search_openness(const Search *search, int o, double *down, double *up);
extern int search_broken_exclusion(const Search *search);
extern int search_next_choice(const Search *search);

/* clearing_outcome.c */
extern double search_tolerance(const Search *search);
extern bool search_is_proved(const Search *search);
extern double search_cut_off(const Search *search);
extern void search_fix_choices(Search *search);
extern int search_try_outcome(Search *search);

/* clearing_dive.c */
extern void search_dive(Search *search, bool inward);

/* clearing_search.c */
extern void search_look_at_clock(Search *search);

#endif							/* FLEX_CLEARING_SEARCH_H */
