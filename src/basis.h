/*
 * basis.h
 *		The basis of a linear program, factored: solves B x = v and B'y = c.
 */
#ifndef FLEX_BASIS_H
#define FLEX_BASIS_H

/* Columns of a sparse matrix, one after another. */
typedef struct SparseColumns
{
	int		   *start;			/* of column j, in row and value; start[n] is the end */
	int		   *row;
	double	   *value;
} SparseColumns;

typedef struct Basis Basis;

extern Basis *basis_create(int n_rows);

/*
 * Factors the columns named by head: head[slot] is a column of the matrix, or
 * n_columns + i for the unit column of row i.  Columns that depend on the others
 * are replaced, in head, by unit columns.  Returns how many were.
 */
extern int	basis_factor(Basis *basis, const SparseColumns *matrix, int n_columns, int *head);

/* Solves B x = v: v by row on entry, by slot on return. */
extern void basis_solve(Basis *basis, double *v);

/* Solves B'y = c: c by slot on entry, by row on return. */
extern void basis_solve_transposed(Basis *basis, double *c);

/* Puts a column, given as B's solution of it, in the place of the one in slot. */
extern void basis_replace(Basis *basis, int slot, const double *solution);

/* Replacements since it was factored: each makes solving slower and less exact. */
extern int	basis_replaced(const Basis *basis);

#endif							/* FLEX_BASIS_H */
