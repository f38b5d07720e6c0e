/*
 * basis.c
 *		Sparse LU factors of a basis, and the columns that changed since.
 *
 * In a market most rows of a basis are held by their own unit column (an exclusion
 * that does not bind, a limit with room), and a unit column needs no work: it is
 * its own pivot.  What remains, one column for each price that is set and each
 * restriction that binds, is factored column by column, the shortest first:
 *
 *		for each column	take off what the earlier pivots explain (left-looking),
 *						then choose a pivot among the rows that have none: large
 *						enough, and then the row that the fewest columns use.
 *
 * Later changes are kept as product form: each replaced column as the solution
 * of the column that came, divided through when a vector passes.  After some
 * dozens of them factoring anew is cheaper, and the simplex does so.
 *
 * Memory is of the context in which the basis was made; vectors that grow are
 * grown by doubling.
 */
#include "postgres.h"

#include <math.h>

#include "basis.h"

#define SINGULAR		1e-9	/* a pivot below this, of columns of order one, is none */
#define ENOUGH			0.1		/* of the largest: a pivot that keeps the factors tame */
#define NOTHING			1e-14	/* what is left of a number that cancelled */

/* Entries of a factor or of replaced columns, one vector after another. */
typedef struct Entries
{
	int			n;
	int			space;
	int		   *index;
	double	   *value;
} Entries;

struct Basis
{
	int			n_rows;
	int			n_pivots;		/* beside unit columns */
	int		   *pivot_row;
	int		   *pivot_slot;
	double	   *pivot;
	int		   *lower_end;		/* entries of L and U of pivot k end there */
	int		   *upper_end;
	Entries		lower;
	Entries		upper;
	int			n_units;
	int		   *unit_row;
	int		   *unit_slot;

	int			n_replaced;
	int			replaced_space;
	int		   *replaced_slot;
	double	   *replaced_pivot;
	int		   *replaced_end;
	Entries		replaced;

	/* work */
	double	   *work;
	double	   *result;
	char	   *taken;			/* rows that have a pivot */
	char	   *touched;
	int		   *touched_rows;
	int		   *row_count;
	int		   *order;
};

Basis *
basis_create(int n_rows)
{
	Basis	   *basis = palloc0(sizeof(Basis));
	int			n = Max(n_rows, 1);

	basis->n_rows = n_rows;
	basis->pivot_row = palloc_array(int, n);
	basis->pivot_slot = palloc_array(int, n);
	basis->pivot = palloc_array(double, n);
	basis->lower_end = palloc_array(int, n);
	basis->upper_end = palloc_array(int, n);
	basis->unit_row = palloc_array(int, n);
	basis->unit_slot = palloc_array(int, n);
	basis->work = palloc0_array(double, n);
	basis->result = palloc0_array(double, n);
	basis->taken = palloc0_array(char, n);
	basis->touched = palloc0_array(char, n);
	basis->touched_rows = palloc_array(int, n);
	basis->row_count = palloc_array(int, n);
	basis->order = palloc_array(int, n);
	return basis;
}

static inline void
entries_add(Entries *entries, int index, double value)
{
	if (entries->n == entries->space)
	{
		entries->space = entries->space == 0 ? 1024 : entries->space * 2;
		if (entries->index == NULL)
		{
			entries->index = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * (Size) entries->space);
			entries->value = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(double) * (Size) entries->space);
		}
		else
		{
			entries->index = repalloc_huge(entries->index, sizeof(int) * (Size) entries->space);
			entries->value = repalloc_huge(entries->value, sizeof(double) * (Size) entries->space);
		}
	}
	entries->index[entries->n] = index;
	entries->value[entries->n++] = value;
}

/* What the pivots found so far leave of a column, in work; returns the rows touched. */
static int
reduce_column(Basis *basis, const SparseColumns *matrix, int column)
{
	double	   *work = basis->work;
	int			n_touched = 0;

	for (int e = matrix->start[column]; e < matrix->start[column + 1]; e++)
	{
		int			row = matrix->row[e];

		work[row] += matrix->value[e];
		if (!basis->touched[row])
		{
			basis->touched[row] = true;
			basis->touched_rows[n_touched++] = row;
		}
	}
	for (int k = 0; k < basis->n_pivots; k++)
	{
		double		t = work[basis->pivot_row[k]];

		if (t == 0)
			continue;
		for (int e = k == 0 ? 0 : basis->lower_end[k - 1]; e < basis->lower_end[k]; e++)
		{
			int			row = basis->lower.index[e];

			work[row] -= basis->lower.value[e] * t;
			if (!basis->touched[row])
			{
				basis->touched[row] = true;
				basis->touched_rows[n_touched++] = row;
			}
		}
	}
	return n_touched;
}

/* Gives the column in work its pivot; false if it depends on the others. */
static bool
take_pivot(Basis *basis, int slot, int n_touched)
{
	double	   *work = basis->work;
	double		largest = 0;
	int			best = -1;
	int			k = basis->n_pivots;

	for (int t = 0; t < n_touched; t++)
	{
		int			row = basis->touched_rows[t];

		if (!basis->taken[row])
			largest = Max(largest, fabs(work[row]));
	}
	if (largest > SINGULAR)
		for (int t = 0; t < n_touched; t++)
		{
			int			row = basis->touched_rows[t];

			if (!basis->taken[row] && fabs(work[row]) >= ENOUGH * largest
				&& (best < 0 || basis->row_count[row] < basis->row_count[best]
					|| (basis->row_count[row] == basis->row_count[best]
						&& (fabs(work[row]) > fabs(work[best]) || (row < best && fabs(work[row]) == fabs(work[best]))))))
				best = row;
		}
	for (int t = 0; t < n_touched; t++)
	{
		int			row = basis->touched_rows[t];

		if (best >= 0 && row != best && fabs(work[row]) > NOTHING)
		{
			if (basis->taken[row])
				entries_add(&basis->upper, row, work[row]);
			else
				entries_add(&basis->lower, row, work[row] / work[best]);
		}
	}
	if (best >= 0)
	{
		basis->pivot_row[k] = best;
		basis->pivot_slot[k] = slot;
		basis->pivot[k] = work[best];
		basis->lower_end[k] = basis->lower.n;
		basis->upper_end[k] = basis->upper.n;
		basis->n_pivots++;
		basis->taken[best] = true;
	}
	for (int t = 0; t < n_touched; t++)
	{
		work[basis->touched_rows[t]] = 0;
		basis->touched[basis->touched_rows[t]] = false;
	}
	return best >= 0;
}

int
basis_factor(Basis *basis, const SparseColumns *matrix, int n_columns, int *head)
{
	int			n_order = 0;
	int			n_singular = 0;
	int			longest = 0;
	int			row = 0;

	basis->n_pivots = basis->n_units = basis->n_replaced = 0;
	basis->lower.n = basis->upper.n = basis->replaced.n = 0;
	memset(basis->taken, 0, basis->n_rows);
	memset(basis->row_count, 0, sizeof(int) * basis->n_rows);
	for (int slot = 0; slot < basis->n_rows; slot++)
	{
		int			column = head[slot];

		if (column >= n_columns)
		{
			basis->unit_row[basis->n_units] = column - n_columns;
			basis->unit_slot[basis->n_units++] = slot;
			basis->taken[column - n_columns] = true;
			continue;
		}
		for (int e = matrix->start[column]; e < matrix->start[column + 1]; e++)
			basis->row_count[matrix->row[e]]++;
		longest = Max(longest, matrix->start[column + 1] - matrix->start[column]);
	}
	/* the shortest first: a counting sort, since lengths are few */
	for (int length = 0; length <= longest && n_order < basis->n_rows - basis->n_units; length++)
		for (int slot = 0; slot < basis->n_rows; slot++)
			if (head[slot] < n_columns && matrix->start[head[slot] + 1] - matrix->start[head[slot]] == length)
				basis->order[n_order++] = slot;

	for (int i = 0; i < n_order; i++)
		if (!take_pivot(basis, basis->order[i], reduce_column(basis, matrix, head[basis->order[i]])))
			basis->order[n_singular++] = basis->order[i];

	for (int i = 0; i < n_singular; i++)
	{
		while (basis->taken[row])
			row++;
		head[basis->order[i]] = n_columns + row;
		basis->taken[row] = true;
		basis->unit_row[basis->n_units] = row;
		basis->unit_slot[basis->n_units++] = basis->order[i];
	}
	return n_singular;
}

void
basis_solve(Basis *basis, double *v)
{
	double	   *x = basis->result;

	for (int k = 0; k < basis->n_pivots; k++)
	{
		double		t = v[basis->pivot_row[k]];

		if (t != 0)
			for (int e = k == 0 ? 0 : basis->lower_end[k - 1]; e < basis->lower_end[k]; e++)
				v[basis->lower.index[e]] -= basis->lower.value[e] * t;
	}
	for (int k = basis->n_pivots - 1; k >= 0; k--)
	{
		double		t = v[basis->pivot_row[k]];

		if (t != 0)
		{
			t /= basis->pivot[k];
			for (int e = k == 0 ? 0 : basis->upper_end[k - 1]; e < basis->upper_end[k]; e++)
				v[basis->upper.index[e]] -= basis->upper.value[e] * t;
		}
		x[basis->pivot_slot[k]] = t;
	}
	for (int i = 0; i < basis->n_units; i++)
		x[basis->unit_slot[i]] = v[basis->unit_row[i]];

	for (int r = 0; r < basis->n_replaced; r++)
	{
		double		t = x[basis->replaced_slot[r]];

		if (t == 0)
			continue;
		t /= basis->replaced_pivot[r];
		for (int e = r == 0 ? 0 : basis->replaced_end[r - 1]; e < basis->replaced_end[r]; e++)
			x[basis->replaced.index[e]] -= basis->replaced.value[e] * t;
		x[basis->replaced_slot[r]] = t;
	}
	memcpy(v, x, sizeof(double) * basis->n_rows);
}

void
basis_solve_transposed(Basis *basis, double *c)
{
	double	   *z = basis->result;

	for (int r = basis->n_replaced - 1; r >= 0; r--)
	{
		double		t = c[basis->replaced_slot[r]];

		for (int e = r == 0 ? 0 : basis->replaced_end[r - 1]; e < basis->replaced_end[r]; e++)
			t -= basis->replaced.value[e] * c[basis->replaced.index[e]];
		c[basis->replaced_slot[r]] = t / basis->replaced_pivot[r];
	}
	for (int i = 0; i < basis->n_units; i++)
		z[basis->unit_row[i]] = c[basis->unit_slot[i]];
	for (int k = 0; k < basis->n_pivots; k++)
	{
		double		t = c[basis->pivot_slot[k]];

		for (int e = k == 0 ? 0 : basis->upper_end[k - 1]; e < basis->upper_end[k]; e++)
			t -= basis->upper.value[e] * z[basis->upper.index[e]];
		z[basis->pivot_row[k]] = t / basis->pivot[k];
	}
	for (int k = basis->n_pivots - 1; k >= 0; k--)
	{
		double		t = z[basis->pivot_row[k]];

		for (int e = k == 0 ? 0 : basis->lower_end[k - 1]; e < basis->lower_end[k]; e++)
			t -= basis->lower.value[e] * z[basis->lower.index[e]];
		z[basis->pivot_row[k]] = t;
	}
	memcpy(c, z, sizeof(double) * basis->n_rows);
}

void
basis_replace(Basis *basis, int slot, const double *solution)
{
	int			r = basis->n_replaced;

	if (r == basis->replaced_space)
	{
		basis->replaced_space = r == 0 ? 128 : r * 2;
		if (r == 0)
		{
			basis->replaced_slot = palloc_array(int, basis->replaced_space);
			basis->replaced_pivot = palloc_array(double, basis->replaced_space);
			basis->replaced_end = palloc_array(int, basis->replaced_space);
		}
		else
		{
			basis->replaced_slot = repalloc(basis->replaced_slot, sizeof(int) * basis->replaced_space);
			basis->replaced_pivot = repalloc(basis->replaced_pivot, sizeof(double) * basis->replaced_space);
			basis->replaced_end = repalloc(basis->replaced_end, sizeof(int) * basis->replaced_space);
		}
	}
	for (int s = 0; s < basis->n_rows; s++)
		if (s != slot && fabs(solution[s]) > NOTHING)
			entries_add(&basis->replaced, s, solution[s]);
	basis->replaced_slot[r] = slot;
	basis->replaced_pivot[r] = solution[slot];
	basis->replaced_end[r] = basis->replaced.n;
	basis->n_replaced++;
}

int
basis_replaced(const Basis *basis)
{
	return basis->n_replaced;
}
