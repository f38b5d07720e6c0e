/*
 * simplex.h
 *		Linear programs in which everything has bounds: min c x, A x + s = b.
 *
 * Column n_columns + i is the slack s of row i.  Every column, slacks too, has
 * finite bounds, so any basis can be made dual feasible by moving columns to
 * their other bound: the dual simplex needs no first phase, and bounds and costs
 * may be changed at will between two solutions.
 */
#ifndef FLEX_SIMPLEX_H
#define FLEX_SIMPLEX_H

#include "basis.h"

typedef enum SimplexStatus
{
	SIMPLEX_OPTIMAL,
	SIMPLEX_INFEASIBLE,
	SIMPLEX_CUT_OFF				/* no solution below the cut-off */
} SimplexStatus;

typedef struct Simplex
{
	int			n_rows;
	int			n_columns;		/* without slacks */
	SparseColumns matrix;
	SparseColumns by_row;		/* the same, start by row, "row" is the column */
	double	   *cost;			/* n_columns + n_rows each */
	double	   *lower;
	double	   *upper;
	double	   *b;
	double	   *x;				/* the solution */
	double	   *y;				/* price of each row: what one more unit of b costs */
	double	   *d;				/* reduced costs */
	int		   *head;			/* the column of each slot of the basis */
	int64		iterations;

	/* inside */
	Basis	   *basis;
	int		   *slot_of;		/* of a column; -1: not in the basis */
	double	   *weight;			/* steepest edge, by slot */
	double	   *alpha;			/* the row of the tableau */
	int		   *touched;
	int			n_touched;
	double	   *rho;
	double	   *tau;
	double	   *entering;
	double	   *flips;
	int		   *queue;
	double	   *ratio;
	double	   *real_cost;		/* while costs are shifted */
	bool		shifted;
	bool		fresh;			/* factors, d and x are of these bounds and costs */
} Simplex;

/* The matrix is kept, not copied; costs, bounds and b start at zero and are the caller's to fill. */
extern Simplex *simplex_create(int n_rows, int n_columns, SparseColumns matrix);

/* To be said after costs, bounds or b were changed. */
extern void simplex_changed(Simplex *lp);

/* Finds the least cost; gives up as soon as it must be above cut_off. */
extern SimplexStatus simplex_solve(Simplex *lp, double cut_off);

/* Takes another basis: head of another solution of the same program. */
extern void simplex_set_basis(Simplex *lp, const int *head);

extern double simplex_cost(const Simplex *lp);

#endif							/* FLEX_SIMPLEX_H */
