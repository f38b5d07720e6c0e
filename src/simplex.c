/*
 * simplex.c
 *		The dual simplex for columns with bounds.
 *
 * What a market needs of a linear program decides the method.  There are few
 * rows (a balance for each area, product and period, and whatever binds orders
 * together) and many columns, all between two bounds; and it is solved again and
 * again with a bound or two changed.  So:
 *
 *	- the dual simplex, which starts from the last basis whatever bound moved;
 *	- the long step: where the leaving row lets it, columns that are passed go to
 *	  their other bound without entering the basis.  A step of the dual then runs
 *	  down a merit order in one iteration instead of one for each offer;
 *	- dual steepest edge weights choose the leaving row;
 *	- among columns of nearly the same ratio the largest pivot enters.  Where that
 *	  makes a reduced cost wrong by a hair the cost is shifted by the hair; the
 *	  shifts are taken back at the end, columns that are then on the wrong side
 *	  move to their other bound, and the iterations go on.
 *
 * The factors are made anew every REFACTOR iterations, and x and d with them.
 * All is deterministic: ties go to the larger pivot, then to the lower number.
 *
 * Costs and quantities are expected to be of order one (clearing scales them):
 * the tolerances are absolute.
 *
 * Literature: Koberstein, The Dual Simplex Method, Techniques for a Fast and Stable
 * Implementation (2005), sections 3.1.4, 6.2 and 8.2; Forrest and Goldfarb, Steepest-edge
 * simplex algorithms for linear programming (1992).
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "simplex.h"

#define REFACTOR		100
#define FEASIBLE		1e-9	/* a bound that is missed by less is met */
#define OPTIMAL			1e-9	/* a reduced cost of less is none */
#define PIVOT			1e-7	/* no smaller element of a row enters, if it can be helped */
#define LEAST_PIVOT		1e-9
#define AGREE			1e-6	/* between the same pivot by row and by column */
#define LEAST_WEIGHT	1e-4
#define STALLED			5000	/* iterations without gain after which costs are shaken */

Simplex *
simplex_create(int n_rows, int n_columns, SparseColumns matrix)
{
	Simplex    *lp = palloc0(sizeof(Simplex));
	int			n = n_rows + n_columns;
	int			n_entries = matrix.start[n_columns];
	int		   *next;

	lp->n_rows = n_rows;
	lp->n_columns = n_columns;
	lp->matrix = matrix;
	lp->cost = palloc0_array(double, n);
	lp->lower = palloc0_array(double, n);
	lp->upper = palloc0_array(double, n);
	lp->x = palloc0_array(double, n);
	lp->d = palloc0_array(double, n);
	lp->alpha = palloc0_array(double, n);
	lp->ratio = palloc_array(double, n);
	lp->real_cost = palloc_array(double, n);
	lp->slot_of = palloc_array(int, n);
	lp->touched = palloc_array(int, n);
	lp->queue = palloc_array(int, n);
	lp->b = palloc0_array(double, n_rows + 1);
	lp->y = palloc0_array(double, n_rows + 1);
	lp->weight = palloc_array(double, n_rows + 1);
	lp->rho = palloc_array(double, n_rows + 1);
	lp->tau = palloc_array(double, n_rows + 1);
	lp->entering = palloc_array(double, n_rows + 1);
	lp->flips = palloc_array(double, n_rows + 1);
	lp->head = palloc_array(int, n_rows + 1);
	lp->basis = basis_create(n_rows);

	lp->by_row.start = palloc0_array(int, n_rows + 2);
	lp->by_row.row = palloc_array(int, n_entries + 1);
	lp->by_row.value = palloc_array(double, n_entries + 1);
	for (int e = 0; e < n_entries; e++)
		lp->by_row.start[matrix.row[e] + 1]++;
	for (int i = 0; i < n_rows; i++)
		lp->by_row.start[i + 1] += lp->by_row.start[i];
	next = palloc_array(int, n_rows + 1);
	memcpy(next, lp->by_row.start, sizeof(int) * n_rows);
	for (int j = 0; j < n_columns; j++)
		for (int e = matrix.start[j]; e < matrix.start[j + 1]; e++)
		{
			int			at = next[matrix.row[e]]++;

			lp->by_row.row[at] = j;
			lp->by_row.value[at] = matrix.value[e];
		}
	pfree(next);

	for (int i = 0; i < n_rows; i++)
		lp->head[i] = n_columns + i;
	simplex_set_basis(lp, lp->head);
	return lp;
}

void
simplex_changed(Simplex *lp)
{
	lp->fresh = false;
}

void
simplex_set_basis(Simplex *lp, const int *head)
{
	if (head != lp->head)
		memcpy(lp->head, head, sizeof(int) * lp->n_rows);
	for (int i = 0; i < lp->n_rows; i++)
		lp->weight[i] = 1;
	for (int j = 0; j < lp->n_rows + lp->n_columns; j++)
		lp->slot_of[j] = -1;
	for (int i = 0; i < lp->n_rows; i++)
		lp->slot_of[lp->head[i]] = i;
	lp->fresh = false;
}

double
simplex_cost(const Simplex *lp)
{
	double		cost = 0;

	for (int j = 0; j < lp->n_columns; j++)
		cost += lp->cost[j] * lp->x[j];
	return cost;
}

static inline void
column_into(const Simplex *lp, int j, double factor, double *v)
{
	if (j >= lp->n_columns)
		v[j - lp->n_columns] += factor;
	else
		for (int e = lp->matrix.start[j]; e < lp->matrix.start[j + 1]; e++)
			v[lp->matrix.row[e]] += factor * lp->matrix.value[e];
}

/* Prices of rows and reduced costs of all columns, from the costs and the factors. */
static void
price(Simplex *lp)
{
	for (int i = 0; i < lp->n_rows; i++)
		lp->y[i] = lp->cost[lp->head[i]];
	basis_solve_transposed(lp->basis, lp->y);
	for (int j = 0; j < lp->n_columns; j++)
	{
		double		d = lp->cost[j];

		if (lp->slot_of[j] >= 0)
		{
			lp->d[j] = 0;
			continue;
		}
		for (int e = lp->matrix.start[j]; e < lp->matrix.start[j + 1]; e++)
			d -= lp->y[lp->matrix.row[e]] * lp->matrix.value[e];
		lp->d[j] = d;
	}
	for (int i = 0; i < lp->n_rows; i++)
	{
		int			j = lp->n_columns + i;

		lp->d[j] = lp->slot_of[j] >= 0 ? 0 : lp->cost[j] - lp->y[i];
	}
}

/* Puts every column outside of the basis on the bound that its reduced cost wants, and works out the others. */
static void
place(Simplex *lp)
{
	double	   *v = lp->flips;

	memcpy(v, lp->b, sizeof(double) * lp->n_rows);
	for (int j = 0; j < lp->n_columns + lp->n_rows; j++)
	{
		if (lp->slot_of[j] >= 0)
			continue;
		/* one that may be on either stays by the nearer */
		if (lp->d[j] > OPTIMAL || (lp->d[j] >= -OPTIMAL && lp->x[j] - lp->lower[j] <= lp->upper[j] - lp->x[j]))
			lp->x[j] = lp->lower[j];
		else
			lp->x[j] = lp->upper[j];
		if (lp->x[j] != 0)
			column_into(lp, j, -lp->x[j], v);
	}
	basis_solve(lp->basis, v);
	for (int i = 0; i < lp->n_rows; i++)
		lp->x[lp->head[i]] = v[i];
}

/* Factors, prices and places anew. */
static void
refresh(Simplex *lp, bool factor)
{
	if (factor && basis_factor(lp->basis, &lp->matrix, lp->n_columns, lp->head) > 0)
		simplex_set_basis(lp, lp->head);
	price(lp);
	place(lp);
	lp->fresh = true;
}

/* By how much a column of the basis misses its bounds: below is negative. */
static inline double
missed(const Simplex *lp, int j)
{
	if (lp->x[j] < lp->lower[j] - FEASIBLE)
		return lp->x[j] - lp->lower[j];
	if (lp->x[j] > lp->upper[j] + FEASIBLE)
		return lp->x[j] - lp->upper[j];
	return 0;
}

static int
choose_leaving(const Simplex *lp)
{
	double		best = 0;
	int			slot = -1;

	for (int i = 0; i < lp->n_rows; i++)
	{
		double		m = missed(lp, lp->head[i]);

		if (m != 0 && m * m > best * lp->weight[i])
		{
			best = m * m / lp->weight[i];
			slot = i;
		}
	}
	return slot;
}

/* The row of the tableau that belongs to a slot: rho, and its product with every column. */
static void
tableau_row(Simplex *lp, int slot)
{
	for (int t = 0; t < lp->n_touched; t++)
		lp->alpha[lp->touched[t]] = 0;
	lp->n_touched = 0;
	memset(lp->rho, 0, sizeof(double) * lp->n_rows);
	lp->rho[slot] = 1;
	basis_solve_transposed(lp->basis, lp->rho);
	for (int i = 0; i < lp->n_rows; i++)
	{
		double		r = lp->rho[i];
		int			slack = lp->n_columns + i;

		if (fabs(r) < 1e-14)
			continue;
		lp->alpha[slack] = r;
		lp->touched[lp->n_touched++] = slack;
		for (int e = lp->by_row.start[i]; e < lp->by_row.start[i + 1]; e++)
		{
			int			j = lp->by_row.row[e];

			if (lp->alpha[j] == 0)
				lp->touched[lp->n_touched++] = j;
			lp->alpha[j] += r * lp->by_row.value[e];
			/* what cancels stays touched */
			if (lp->alpha[j] == 0)
				lp->alpha[j] = 1e-300;
		}
	}
}

static inline bool
passes_before(const Simplex *lp, int a, int b)
{
	return lp->ratio[a] < lp->ratio[b] || (a < b && lp->ratio[a] == lp->ratio[b]);
}

static void
sift_down(const Simplex *lp, int *heap, int n, int at)
{
	int			j = heap[at];

	for (;;)
	{
		int			child = 2 * at + 1;

		if (child >= n)
			break;
		if (child + 1 < n && passes_before(lp, heap[child + 1], heap[child]))
			child++;
		if (passes_before(lp, j, heap[child]))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = j;
}

/*
 * Which column enters.  The leaving one misses its bound by miss; as the dual
 * moves, the columns pass zero in the order of their ratios, each taking from
 * the slope what moving to its other bound brings.  The ones passed are left at
 * the end of queue, from *passed to n_queue.  -1: none, there is no solution.
 */
static int
choose_entering(Simplex *lp, double miss, int *passed, int *n_queue)
{
	int		   *heap = lp->queue;
	int			n = 0;
	int			size;
	int			chosen;
	double		slope = fabs(miss);
	double		sign = miss > 0 ? 1 : -1;

	for (int t = 0; t < lp->n_touched; t++)
	{
		int			j = lp->touched[t];
		double		a = sign * lp->alpha[j];

		if (lp->slot_of[j] >= 0 || lp->lower[j] == lp->upper[j])
			continue;
		/* which bound it is on; one that is on either may go both ways */
		if (lp->x[j] == lp->lower[j] ? a > LEAST_PIVOT : a < -LEAST_PIVOT)
		{
			double		r = lp->d[j] / a;

			lp->ratio[j] = r > 0 ? r : 0;
			heap[n++] = j;
		}
	}
	*n_queue = n;
	*passed = n;
	if (n == 0)
		return -1;
	for (int at = n / 2 - 1; at >= 0; at--)
		sift_down(lp, heap, n, at);
	size = n;
	while (size > 0)
	{
		int			j = heap[0];

		slope -= fabs(lp->alpha[j]) * (lp->upper[j] - lp->lower[j]);
		heap[0] = heap[--size];
		if (size > 0)
			sift_down(lp, heap, size, 0);
		heap[size] = j;			/* popped ones stand at the end, the last first */
		if (slope < 0)
			break;
	}
	if (slope >= FEASIBLE)
		return -1;
	/* those that follow within the tolerance may enter as well: the largest pivot does */
	{
		double		reach = lp->ratio[heap[size]] + OPTIMAL;
		int			best = size;

		while (size > 0 && lp->ratio[heap[0]] <= reach)
		{
			int			j = heap[0];

			heap[0] = heap[--size];
			if (size > 0)
				sift_down(lp, heap, size, 0);
			heap[size] = j;
		}
		for (int at = size; at < n; at++)
		{
			if (lp->ratio[heap[at]] < reach - 2 * OPTIMAL)
				break;
			if (fabs(lp->alpha[heap[at]]) > fabs(lp->alpha[heap[best]]))
				best = at;
		}
		/* a shorter step with a sound pivot is better than a long one without */
		if (fabs(lp->alpha[heap[best]]) < PIVOT)
			for (int at = size; at < n; at++)
				if (fabs(lp->alpha[heap[at]]) > fabs(lp->alpha[heap[best]]))
				{
					best = at;
					if (fabs(lp->alpha[heap[best]]) >= PIVOT)
						break;
				}
		chosen = heap[best];
		/* only what passes zero before it does is flipped */
		*passed = n;
		for (int at = n - 1; at > best; at--)
			if (lp->ratio[heap[at]] < lp->ratio[chosen])
			{
				int			j = heap[at];

				heap[at] = heap[--(*passed)];
				heap[*passed] = j;
			}
	}
	return chosen;
}

/* Costs a hair apart, so that a step that gains nothing is rare; taken back at the end. */
static void
shake_costs(Simplex *lp)
{
	uint64		state = 88172645463325252ULL;

	if (!lp->shifted)
	{
		memcpy(lp->real_cost, lp->cost, sizeof(double) * (lp->n_columns + lp->n_rows));
		lp->shifted = true;
	}
	for (int j = 0; j < lp->n_columns; j++)
	{
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		lp->cost[j] += (1e-7 + fabs(lp->cost[j]) * 1e-7) * ((double) (state >> 11) / 9007199254740992.0);
	}
	refresh(lp, true);
}

SimplexStatus
simplex_solve(Simplex *lp, double cut_off)
{
	int64		since_gain = 0;
	double		reached = -INFINITY;
	bool		retried = false;

	if (!lp->fresh)
		refresh(lp, true);
	for (;;)
	{
		int			slot;
		int			leaving;
		int			entering;
		int			passed;
		int			n_queue;
		double		miss;
		double		pivot;
		double		step;
		double		bound;
		double		dual_step;
		double		weight;

		CHECK_FOR_INTERRUPTS();
		if (basis_replaced(lp->basis) >= REFACTOR)
			refresh(lp, true);

		slot = choose_leaving(lp);
		if (slot < 0)
		{
			if (lp->shifted)
			{
				memcpy(lp->cost, lp->real_cost, sizeof(double) * (lp->n_columns + lp->n_rows));
				lp->shifted = false;
				refresh(lp, true);
				continue;
			}
			if (basis_replaced(lp->basis) > 0)
			{
				/* the answer is of fresh factors */
				refresh(lp, true);
				if (choose_leaving(lp) >= 0)
					continue;
			}
			return SIMPLEX_OPTIMAL;
		}
		if ((lp->iterations & 15) == 0)
		{
			double		cost = simplex_cost(lp);

			if (cost > cut_off)
			{
				if (!lp->shifted)
					return SIMPLEX_CUT_OFF;
				memcpy(lp->cost, lp->real_cost, sizeof(double) * (lp->n_columns + lp->n_rows));
				lp->shifted = false;
				refresh(lp, true);
				continue;
			}
			if (cost > reached + 1e-10 * fabs(cost))
			{
				reached = cost;
				since_gain = lp->iterations;
			}
			else if (lp->iterations - since_gain > STALLED)
			{
				shake_costs(lp);
				reached = -INFINITY;
				since_gain = lp->iterations;
				continue;
			}
		}
		lp->iterations++;

		leaving = lp->head[slot];
		tableau_row(lp, slot);
		miss = missed(lp, leaving);
		entering = choose_entering(lp, miss, &passed, &n_queue);
		if (entering < 0)
		{
			if (basis_replaced(lp->basis) > 0 || lp->shifted)
			{
				if (lp->shifted)
				{
					memcpy(lp->cost, lp->real_cost, sizeof(double) * (lp->n_columns + lp->n_rows));
					lp->shifted = false;
				}
				refresh(lp, true);
				if (!retried)
				{
					retried = true;
					continue;
				}
			}
			return SIMPLEX_INFEASIBLE;
		}
		retried = false;

		memset(lp->entering, 0, sizeof(double) * lp->n_rows);
		column_into(lp, entering, 1, lp->entering);
		basis_solve(lp->basis, lp->entering);
		pivot = lp->entering[slot];
		if (fabs(pivot - lp->alpha[entering]) > AGREE * (1 + fabs(pivot)) && basis_replaced(lp->basis) > 0)
		{
			refresh(lp, true);
			continue;
		}
		if (fabs(pivot) < LEAST_PIVOT)
		{
			/* not to be used: this column stays where it is while costs are other */
			shake_costs(lp);
			continue;
		}

		/* the columns that were passed go to their other bound */
		if (passed < n_queue)
		{
			memset(lp->flips, 0, sizeof(double) * lp->n_rows);
			for (int at = passed; at < n_queue; at++)
			{
				int			j = lp->queue[at];
				double		to = lp->x[j] == lp->lower[j] ? lp->upper[j] : lp->lower[j];

				column_into(lp, j, to - lp->x[j], lp->flips);
				lp->x[j] = to;
			}
			basis_solve(lp->basis, lp->flips);
			for (int i = 0; i < lp->n_rows; i++)
				if (lp->flips[i] != 0)
					lp->x[lp->head[i]] -= lp->flips[i];
		}

		/* duals; a reduced cost of the wrong sign by a hair is none: its cost is shifted */
		dual_step = lp->d[entering] / lp->alpha[entering];
		if ((miss > 0 && dual_step < 0) || (miss < 0 && dual_step > 0))
		{
			if (!lp->shifted)
			{
				memcpy(lp->real_cost, lp->cost, sizeof(double) * (lp->n_columns + lp->n_rows));
				lp->shifted = true;
			}
			lp->cost[entering] -= lp->d[entering];
			lp->d[entering] = 0;
			dual_step = 0;
		}
		if (dual_step != 0)
			for (int t = 0; t < lp->n_touched; t++)
				lp->d[lp->touched[t]] -= dual_step * lp->alpha[lp->touched[t]];
		lp->d[entering] = 0;
		lp->d[leaving] = -dual_step;

		/* primal */
		bound = miss < 0 ? lp->lower[leaving] : lp->upper[leaving];
		step = (lp->x[leaving] - bound) / pivot;
		for (int i = 0; i < lp->n_rows; i++)
			if (lp->entering[i] != 0)
				lp->x[lp->head[i]] -= step * lp->entering[i];
		lp->x[entering] += step;
		lp->x[leaving] = bound;

		/* weights */
		memcpy(lp->tau, lp->rho, sizeof(double) * lp->n_rows);
		weight = 0;
		for (int i = 0; i < lp->n_rows; i++)
			weight += lp->rho[i] * lp->rho[i];
		basis_solve(lp->basis, lp->tau);
		for (int i = 0; i < lp->n_rows; i++)
			if (i != slot && lp->entering[i] != 0)
			{
				double		k = lp->entering[i] / pivot;

				lp->weight[i] = Max(lp->weight[i] - 2 * k * lp->tau[i] + k * k * weight, LEAST_WEIGHT);
			}
		lp->weight[slot] = Max(weight / (pivot * pivot), LEAST_WEIGHT);

		basis_replace(lp->basis, slot, lp->entering);
		lp->head[slot] = entering;
		lp->slot_of[entering] = slot;
		lp->slot_of[leaving] = -1;
	}
}
