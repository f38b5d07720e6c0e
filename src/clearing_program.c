/*
 * clearing_program.c
 *		From an auction to a linear program and back.
 *
 * Rows: the balance of each cell; then, while choices are open, one for each
 * exclusion; one for each link; one for each limit.
 *
 * Columns: steps (merged where cell, side and price are the same: their split is
 * a tie, decided by rank when the answer is read back), orders, flows, shortfalls
 * and, for prices, exits.
 *
 * Quantities and prices are divided by what is usual among them, so that the
 * tolerances of the simplex mean the same in kW and in GWh.
 */
#include "postgres.h"

#include <math.h>

#include "clearing.h"

typedef struct Entry
{
	int			row;
	int			column;
	double		value;
} Entry;

typedef struct Builder
{
	int			n_rows;
	int			n_columns;
	int			n_entries;
	int			column_space;
	int			entry_space;
	double	   *cost;
	double	   *lower;
	double	   *upper;
	Entry	   *entries;
} Builder;

static int
add_column(Builder *builder, double cost, double lower, double upper)
{
	if (builder->n_columns == builder->column_space)
	{
		builder->column_space *= 2;
		builder->cost = repalloc_array(builder->cost, double, builder->column_space);
		builder->lower = repalloc_array(builder->lower, double, builder->column_space);
		builder->upper = repalloc_array(builder->upper, double, builder->column_space);
	}
	builder->cost[builder->n_columns] = cost;
	builder->lower[builder->n_columns] = lower;
	builder->upper[builder->n_columns] = upper;
	return builder->n_columns++;
}

/* Entries of one place are added up. */
static void
add_entry(Builder *builder, int row, int column, double value)
{
	if (value == 0)
		return;
	if (builder->n_entries == builder->entry_space)
	{
		builder->entry_space *= 2;
		builder->entries = repalloc_huge(builder->entries, sizeof(Entry) * (Size) builder->entry_space);
	}
	builder->entries[builder->n_entries++] = (Entry) {row, column, value};
}

/* The matrix, column by column: a counting sort of the entries. */
static SparseColumns
build_matrix(const Builder *builder)
{
	SparseColumns matrix;
	int		   *next = palloc0_array(int, builder->n_columns + 1);
	int		   *last = palloc_array(int, builder->n_rows + 1);
	int			n = 0;
	Entry	   *sorted = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Entry) * (Size) (builder->n_entries + 1));

	matrix.start = palloc_array(int, builder->n_columns + 1);
	matrix.row = palloc_array(int, builder->n_entries + 1);
	matrix.value = palloc_array(double, builder->n_entries + 1);
	for (int e = 0; e < builder->n_entries; e++)
		next[builder->entries[e].column + 1]++;
	for (int j = 0; j < builder->n_columns; j++)
		next[j + 1] += next[j];
	for (int e = 0; e < builder->n_entries; e++)
		sorted[next[builder->entries[e].column]++] = builder->entries[e];
	for (int i = 0; i < builder->n_rows; i++)
		last[i] = -1;
	for (int e = 0, j = 0; j < builder->n_columns; j++)
	{
		matrix.start[j] = n;
		for (; e < builder->n_entries && sorted[e].column == j; e++)
		{
			int			row = sorted[e].row;

			if (last[row] >= matrix.start[j])
				matrix.value[last[row]] += sorted[e].value;
			else
			{
				last[row] = n;
				matrix.row[n] = row;
				matrix.value[n++] = sorted[e].value;
			}
		}
	}
	matrix.start[builder->n_columns] = n;
	pfree(next);
	pfree(last);
	pfree(sorted);
	return matrix;
}

/* What is usual: the mean of what is not zero, as a power of two, so that dividing is exact. */
static double
usual(double sum, int n)
{
	return n == 0 || sum == 0 ? 1 : exp2(round(log2(sum / n)));
}

static void
choose_units(Program *program)
{
	const Clearing *clearing = program->clearing;
	double		quantities = 0;
	double		prices = 0;
	int			n_quantities = 0;
	int			n_prices = 0;

	for (int l = 0; l < clearing->n_legs; l++)
	{
		quantities += fabs(clearing->legs[l].quantity);
		n_quantities += clearing->legs[l].quantity != 0;
		prices += fabs(clearing->legs[l].price);
		n_prices += clearing->legs[l].price != 0;
	}
	program->quantity_unit = usual(quantities, n_quantities);
	program->price_unit = usual(prices, n_prices);
}

double
program_cost_unit(const Program *program)
{
	return program->quantity_unit * program->price_unit;
}

static int
compare_steps(const void *a, const void *b, void *arg)
{
	const Clearing *clearing = arg;
	const ClearingOrder *one = &clearing->orders[*(const int *) a];
	const ClearingOrder *other = &clearing->orders[*(const int *) b];
	const ClearingLeg *x = &clearing->legs[one->first_leg];
	const ClearingLeg *y = &clearing->legs[other->first_leg];

	if (x->cell != y->cell)
		return x->cell < y->cell ? -1 : 1;
	if ((x->quantity < 0) != (y->quantity < 0))
		return x->quantity < 0 ? -1 : 1;
	if (x->price != y->price)
		return x->price < y->price ? -1 : 1;
	return one->rank < other->rank ? -1 : 1;
}

/* One column for the steps of one cell, side and price. */
static void
add_steps(Program *program, Builder *builder)
{
	const Clearing *clearing = program->clearing;
	int			n = 0;

	program->merged = palloc_array(int, clearing->n_orders + 1);
	program->merged_start = palloc_array(int, clearing->n_orders + 1);
	for (int o = 0; o < clearing->n_orders; o++)
		if (order_is_step(&clearing->orders[o]))
			program->merged[n++] = o;
	qsort_arg(program->merged, n, sizeof(int), compare_steps, unconstify(Clearing *, clearing));
	for (int at = 0; at < n;)
	{
		const ClearingLeg *leg = &clearing->legs[clearing->orders[program->merged[at]].first_leg];
		double		sign = leg->quantity < 0 ? -1 : 1;
		double		total = 0;
		int			column = add_column(builder, sign * leg->price / program->price_unit, 0, 0);

		program->merged_start[program->n_merged++] = at;
		for (; at < n; at++)
		{
			const ClearingLeg *next = &clearing->legs[clearing->orders[program->merged[at]].first_leg];

			if (next->cell != leg->cell || (next->quantity < 0) != (leg->quantity < 0) || next->price != leg->price)
				break;
			total += fabs(next->quantity);
			program->column_of[program->merged[at]] = column;
		}
		builder->upper[column] = total / program->quantity_unit;
		add_entry(builder, leg->cell, column, sign);
	}
	program->merged_start[program->n_merged] = n;
}

/* The legs of so much of an order, and its side of the link to its parent, into a column. */
static void
add_order(const Program *program, Builder *builder, int o, int column, double share)
{
	const ClearingOrder *order = &program->clearing->orders[o];

	for (int l = order->first_leg; l < order->first_leg + order->n_legs; l++)
		add_entry(builder, program->clearing->legs[l].cell, column, share * program->clearing->legs[l].quantity / program->quantity_unit);
	if (order->parent >= 0)
		add_entry(builder, program->link_row[o], column, share);
}

/*
 * Slacks: none for an exact balance, below zero where more may be bought, above
 * zero elsewhere; and never more than the columns can make of them.
 */
static void
bound_slacks(Program *program)
{
	Simplex    *lp = program->lp;

	for (int i = 0; i < lp->n_rows; i++)
	{
		double		least = 0;
		double		most = 0;
		int			slack = lp->n_columns + i;

		for (int e = lp->by_row.start[i]; e < lp->by_row.start[i + 1]; e++)
		{
			int			j = lp->by_row.row[e];
			double		value = lp->by_row.value[e];

			least += value * (value > 0 ? lp->lower[j] : lp->upper[j]);
			most += value * (value > 0 ? lp->upper[j] : lp->lower[j]);
		}
		if (i < program->clearing->n_cells)
			lp->lower[slack] = program->clearing->cells[i].at_least ? Min(lp->b[i] - most, 0) - 1 : 0;
		else
			lp->upper[slack] = Max(lp->b[i] - least, 0) + 1;
	}
}

Program *
program_create(const Clearing *clearing, const bool *in, const double *shares)
{
	Program    *program = palloc0(sizeof(Program));
	Builder		builder = {0};
	Simplex    *lp;
	int			first_exclusion = clearing->n_cells;
	int			n_exclusions = in == NULL ? clearing->n_exclusions : 0;
	int			first_limit;
	double		cost_unit;

	program->clearing = clearing;
	choose_units(program);
	cost_unit = program_cost_unit(program);
	program->column_of = palloc_array(int, clearing->n_orders + 1);
	program->link_row = palloc_array(int, clearing->n_orders + 1);
	program->shortfall_of = palloc_array(int, clearing->n_cells + 1);
	program->exit_order = palloc_array(int, clearing->n_orders + 1);
	builder.column_space = 1024;
	builder.entry_space = 4096;
	builder.cost = palloc_array(double, builder.column_space);
	builder.lower = palloc_array(double, builder.column_space);
	builder.upper = palloc_array(double, builder.column_space);
	builder.entries = palloc_array(Entry, builder.entry_space);

	builder.n_rows = first_exclusion + n_exclusions;
	for (int o = 0; o < clearing->n_orders; o++)
	{
		program->column_of[o] = -1;
		program->link_row[o] = clearing->orders[o].parent >= 0 ? builder.n_rows++ : -1;
	}
	first_limit = builder.n_rows;
	builder.n_rows += clearing->n_limits;

	add_steps(program, &builder);
	for (int o = 0; o < clearing->n_orders; o++)
	{
		const ClearingOrder *order = &clearing->orders[o];
		bool		choice = order_is_choice(order);

		if (order_is_step(order) || (in != NULL && choice && !in[o]))
			continue;
		program->column_of[o] = in != NULL && choice
			? add_column(&builder, order->cost / cost_unit, order->minimum, 1)
			: add_column(&builder, (order->cost + order->fixed_cost) / cost_unit, 0, 1);
		add_order(program, &builder, o, program->column_of[o], 1);
	}
	program->first_flow = builder.n_columns;
	for (int f = 0; f < clearing->n_flows; f++)
	{
		const ClearingFlow *flow = &clearing->flows[f];
		int			column = add_column(&builder, 0, flow->least / program->quantity_unit, flow->most / program->quantity_unit);

		add_entry(&builder, flow->from, column, -1);
		add_entry(&builder, flow->to, column, 1 - flow->loss);
	}
	for (int c = 0; c < clearing->n_cells; c++)
	{
		const ClearingCell *cell = &clearing->cells[c];

		program->shortfall_of[c] = -1;
		if (cell->requirement > 0)
		{
			program->shortfall_of[c] = add_column(&builder, cell->ceiling / program->price_unit, 0, cell->requirement / program->quantity_unit);
			add_entry(&builder, c, program->shortfall_of[c], 1);
		}
	}
	/* an order that is in may leave as a whole, its fixed cost with it; what hangs on it has to leave as well, by itself */
	program->first_exit = builder.n_columns;
	if (shares != NULL)
	{
		int		   *exit_of = palloc_array(int, clearing->n_orders + 1);

		for (int o = 0; o < clearing->n_orders; o++)
		{
			const ClearingOrder *order = &clearing->orders[o];

			exit_of[o] = -1;
			if (!order_is_choice(order) || !in[o] || shares[o] <= 0)
				continue;
			exit_of[o] = add_column(&builder, -(order->cost * shares[o] + order->fixed_cost) / cost_unit, 0, 1);
			add_order(program, &builder, o, exit_of[o], -shares[o]);
			program->exit_order[program->n_exits++] = o;
		}
		for (int o = 0; o < clearing->n_orders; o++)
			if (program->link_row[o] >= 0 && exit_of[clearing->orders[o].parent] >= 0)
				add_entry(&builder, program->link_row[o], exit_of[clearing->orders[o].parent], shares[clearing->orders[o].parent]);
		for (int g = 0; g < clearing->n_limits; g++)
			for (int m = clearing->limits[g].first_member; m < clearing->limits[g].first_member + clearing->limits[g].n_members; m++)
				/* one that a limit holds up is missed by it; what a limit gives away to others is nobody's loss */
				if (exit_of[clearing->limited[m].order] >= 0 && clearing->limited[m].coefficient < 0)
					add_entry(&builder, first_limit + g, exit_of[clearing->limited[m].order], -shares[clearing->limited[m].order] * clearing->limited[m].coefficient);
		pfree(exit_of);
	}
	for (int g = 0; g < n_exclusions; g++)
		for (int m = clearing->exclusions[g].first_member; m < clearing->exclusions[g].first_member + clearing->exclusions[g].n_members; m++)
			add_entry(&builder, first_exclusion + g, program->column_of[clearing->excluded[m].order], 1);
	for (int o = 0; o < clearing->n_orders; o++)
		if (program->link_row[o] >= 0 && program->column_of[clearing->orders[o].parent] >= 0)
			add_entry(&builder, program->link_row[o], program->column_of[clearing->orders[o].parent], -1);
	for (int g = 0; g < clearing->n_limits; g++)
		for (int m = clearing->limits[g].first_member; m < clearing->limits[g].first_member + clearing->limits[g].n_members; m++)
			if (program->column_of[clearing->limited[m].order] >= 0)
				add_entry(&builder, first_limit + g, program->column_of[clearing->limited[m].order], clearing->limited[m].coefficient);

	program->order_of = palloc_array(int, builder.n_columns + 1);
	for (int j = 0; j < builder.n_columns; j++)
		program->order_of[j] = -1;
	for (int o = 0; o < clearing->n_orders; o++)
		if (program->column_of[o] >= 0 && !order_is_step(&clearing->orders[o]))
			program->order_of[program->column_of[o]] = o;

	lp = program->lp = simplex_create(builder.n_rows, builder.n_columns, build_matrix(&builder));
	memcpy(lp->cost, builder.cost, sizeof(double) * builder.n_columns);
	memcpy(lp->lower, builder.lower, sizeof(double) * builder.n_columns);
	memcpy(lp->upper, builder.upper, sizeof(double) * builder.n_columns);
	for (int c = 0; c < clearing->n_cells; c++)
		lp->b[c] = clearing->cells[c].requirement / program->quantity_unit;
	for (int g = 0; g < n_exclusions; g++)
		lp->b[first_exclusion + g] = 1;
	for (int g = 0; g < clearing->n_limits; g++)
		lp->b[first_limit + g] = clearing->limits[g].most;
	bound_slacks(program);
	return program;
}

/* A share that misses none or all by the tolerance of the simplex is none or all. */
static inline double
clean_share(double share)
{
	return share < 1e-8 ? 0 : share > 1 - 1e-8 ? 1 : share;
}

/* What the solution means: shares of orders, flows and shortfalls, in the auction's own units. */
void
program_read(const Program *program, double *shares, double *flows, double *shortfalls)
{
	const Clearing *clearing = program->clearing;
	const double *x = program->lp->x;

	memset(shares, 0, sizeof(double) * clearing->n_orders);
	for (int j = 0; j < program->lp->n_columns; j++)
		if (program->order_of[j] >= 0)
			shares[program->order_of[j]] = clean_share(x[j]);
	for (int g = 0; g < program->n_merged; g++)
	{
		int			column = program->column_of[program->merged[program->merged_start[g]]];
		double		left = x[column] * program->quantity_unit;
		bool		whole = x[column] >= program->lp->upper[column] - 1e-9;

		for (int at = program->merged_start[g]; at < program->merged_start[g + 1]; at++)
		{
			double		quantity = fabs(clearing->legs[clearing->orders[program->merged[at]].first_leg].quantity);
			double		share = whole ? 1 : quantity <= 0 ? 0 : Min(left / quantity, 1);

			shares[program->merged[at]] = clean_share(share);
			left = Max(left - quantity, 0);
		}
	}
	if (flows != NULL)
		for (int f = 0; f < clearing->n_flows; f++)
			flows[f] = x[program->first_flow + f] * program->quantity_unit;
	for (int c = 0; c < clearing->n_cells; c++)
	{
		double		most = clearing->cells[c].requirement;
		double		part = program->shortfall_of[c] < 0 || most <= 0 ? 0 : clean_share(x[program->shortfall_of[c]] * program->quantity_unit / most);

		/* what is short only by rounding is not short: prices depend on it */
		shortfalls[c] = part * most;
	}
}
