/*
 * firmness.c
 *		How much of a portfolio comes with a declared probability.
 *
 * Unit i delivers x[i] * D[i], where D[i] is random.  The firm quantity is the
 * greatest R with P(sum of x[i] * D[i] >= R) >= confidence.  It is a statement
 * about dependence as much as about units, so there is one function for each
 * assumption, and none that guesses:
 *
 *	normal		D jointly normal: R = m - z * s, where m is the sum of means, s the
 *				deviation of the sum, z the normal quantile.  One correlation for
 *				all pairs costs O(n), since then
 *					s^2 = (1 - r) * sum of squares + r * square of sum
 *				of the deviations; a matrix costs O(n^3), for it is proved to be
 *				one (symmetric, ones, not negative) by its Cholesky factor.
 *	on_off		D independent, 1 with probability p and 0 otherwise: the
 *				distribution of the sum by convolution, unit by unit, over the
 *				multiples of the greatest common divisor of the powers.  Powers
 *				are whole watts, so this is exact up to the rounding of
 *				double sums, a few parts in 10^16 for each unit, which TOLERANCE
 *				covers.  O(n * cells).  Where there would be many cells, a grid
 *				that is declared rounds powers down to its multiples: what is
 *				then found firm is firm.
 *	samples		a history is the distribution: the k-th smallest, k = ceil(e * n)
 *	conformal	the next error is exchangeable with n known ones: it stays below
 *				the one of rank ceil((n + 1) * (1 - e)) with probability 1 - e.  A
 *				rank beyond n is no bound, and is refused.
 *	bonferroni	nothing is known of dependence: the doubt e is split over the units,
 *				and what each delivers with its own part of it adds up
 *
 * A rank is a ceiling of a product of doubles: it is taken after SLACK is
 * subtracted, so that 0.05 * 20 is 1 and not a little more.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#define TOLERANCE	1e-12
#define SLACK		1e-9
#define MOST_CELLS	10000000	/* of a distribution: 80 MB */
#define EXACT_CELLS	10000		/* up to so many, a grid is not asked for */
#define WATTS		1000		/* of a kW */

#define impossible(...) \
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), __VA_ARGS__))

static double
take_confidence(double confidence)
{
	if (!(confidence > 0 && confidence < 1))
		impossible(errmsg("confidence %g is no probability above 0 and below 1", confidence),
				   errhint("For example 0.95."));
	return confidence;
}

/* The elements of an array of one dimension, none of them NULL. */
static Datum *
take_elements(ArrayType *array, const char *name, Oid type, int *count)
{
	Datum	   *elements;
	bool	   *nulls;

	if (ARR_NDIM(array) > 1)
		impossible(errmsg("%s has more than one dimension", name), errhint("Give one number for each unit."));
	if (type == FLOAT8OID)
		deconstruct_array(array, type, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, count);
	else
		deconstruct_array(array, type, -1, false, TYPALIGN_INT, &elements, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s[%d] is NULL", name, i + 1),
					 errhint("Leave out what is not known, or say what is assumed of it.")));
	return elements;
}

/* Numbers, each from least to most; count below zero: as many as come. */
static double *
take_numbers(ArrayType *array, const char *name, double least, double most, int *count)
{
	int			n;
	Datum	   *elements = take_elements(array, name, FLOAT8OID, &n);
	double	   *numbers = palloc(sizeof(double) * Max(n, 1));

	if (*count >= 0 && n != *count)
		impossible(errmsg("%s has %d numbers, of %d units", name, n, *count), errhint("Give one number for each unit."));
	for (int i = 0; i < n; i++)
	{
		numbers[i] = DatumGetFloat8(elements[i]);
		if (isinf(numbers[i]) || !(numbers[i] >= least && numbers[i] <= most))
			impossible(errmsg("%s[%d] is %g", name, i + 1, numbers[i]),
					   isinf(most) ? isinf(least) ? errhint("Give a finite number.") : errhint("Give a finite number, %g or more.", least)
					   : errhint("Give a number from %g to %g.", least, most));
	}
	*count = n;
	return numbers;
}

/* One power in watts, whole and not below zero. */
static int64
take_watts(Datum power, const char *name)
{
	Datum		watts;
	Datum		whole;

	if (!numeric_is_nan(DatumGetNumeric(power)) && !numeric_is_inf(DatumGetNumeric(power)))
	{
		watts = DirectFunctionCall2(numeric_mul, power, NumericGetDatum(int64_to_numeric(WATTS)));
		whole = DirectFunctionCall2(numeric_trunc, watts, Int32GetDatum(0));
		if (DatumGetBool(DirectFunctionCall2(numeric_eq, watts, whole)) &&
			DatumGetBool(DirectFunctionCall2(numeric_ge, whole, NumericGetDatum(int64_to_numeric(0)))))
			return DatumGetInt64(DirectFunctionCall1(numeric_int8, whole));
	}
	impossible(errmsg("%s is %s kW", name, DatumGetCString(DirectFunctionCall1(numeric_out, power))),
			   errhint("Powers are zero or more, to the watt."));
}

static int64 *
take_powers(ArrayType *array, int *count)
{
	Datum	   *elements = take_elements(array, "powers", NUMERICOID, count);
	int64	   *powers = palloc(sizeof(int64) * Max(*count, 1));

	for (int i = 0; i < *count; i++)
		powers[i] = take_watts(elements[i], psprintf("powers[%d]", i + 1));
	return powers;
}

static Datum
watts_to_kw(int64 watts)
{
	return DirectFunctionCall2(numeric_round,
							   DirectFunctionCall2(numeric_div, NumericGetDatum(int64_to_numeric(watts)), NumericGetDatum(int64_to_numeric(WATTS))),
							   Int32GetDatum(3));
}

/* P(a standard normal is above x) */
static double
above(double x)
{
	return 0.5 * erfc(x * M_SQRT1_2);
}

/*
 * The normal quantile: x with P(below x) = 1 - doubt.  By halving, on the side
 * where erfc() is small and therefore exact: some 60 steps.
 */
static double
quantile(double doubt)
{
	double		low = 0;
	double		high = 40;

	if (doubt > 0.5)
		return -quantile(1 - doubt);
	for (;;)
	{
		double		middle = (low + high) / 2;

		if (middle <= low || middle >= high)
			return middle;
		if (above(middle) > doubt)
			low = middle;
		else
			high = middle;
	}
}

PG_FUNCTION_INFO_V1(flex_normal_quantile);
Datum
flex_normal_quantile(PG_FUNCTION_ARGS)
{
	double		confidence = take_confidence(PG_GETARG_FLOAT8(0));

	PG_RETURN_FLOAT8(quantile(1 - confidence));
}

/* ----------
 * Normal
 * ----------
 */

/* Mean and deviation of the sum of units of one correlation. */
static void
add_normals(ArrayType *means, ArrayType *deviations, double correlation, double *mean, double *deviation)
{
	int			n = -1;
	double	   *m = take_numbers(means, "means", -INFINITY, INFINITY, &n);
	double	   *s = take_numbers(deviations, "deviations", 0, INFINITY, &n);
	double		sum = 0;
	double		squares = 0;
	double		variance;

	if (!(correlation >= -1 && correlation <= 1))
		impossible(errmsg("correlation is %g", correlation), errhint("Give a number from -1 to 1."));
	*mean = 0;
	for (int i = 0; i < n; i++)
	{
		*mean += m[i];
		sum += s[i];
		squares += s[i] * s[i];
	}
	/* n quantities cannot all go against one another */
	if (n > 1 && correlation < -1.0 / (n - 1) - TOLERANCE)
		impossible(errmsg("%d units cannot all have correlation %g", n, correlation),
				   errhint("With so many units it is %g at the least.", -1.0 / (n - 1)));
	variance = n == 1 ? squares : (1 - correlation) * squares + correlation * sum * sum;
	*deviation = sqrt(Max(variance, 0));
}

PG_FUNCTION_INFO_V1(flex_firm_normal);
Datum
flex_firm_normal(PG_FUNCTION_ARGS)
{
	double		confidence = take_confidence(PG_GETARG_FLOAT8(3));
	double		mean;
	double		deviation;

	add_normals(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_FLOAT8(2), &mean, &deviation);
	PG_RETURN_FLOAT8(mean - quantile(1 - confidence) * deviation);
}

PG_FUNCTION_INFO_V1(flex_firm_normal_probability);
Datum
flex_firm_normal_probability(PG_FUNCTION_ARGS)
{
	double		required = PG_GETARG_FLOAT8(3);
	double		mean;
	double		deviation;

	if (isnan(required))
		impossible(errmsg("required is NaN"), errhint("Give a number."));
	add_normals(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_FLOAT8(2), &mean, &deviation);
	if (deviation == 0)
		PG_RETURN_FLOAT8(mean >= required ? 1 : 0);
	PG_RETURN_FLOAT8(above((required - mean) / deviation));
}

/* Is this a correlation matrix?  Its Cholesky factor, in place, says whether any sum could have a variance below zero. */
static void
check_correlations(double *c, int n)
{
	double	   *l = palloc(sizeof(double) * Max((Size) n * n, 1));

	for (int i = 0; i < n; i++)
	{
		if (fabs(c[i * n + i] - 1) > TOLERANCE)
			impossible(errmsg("correlation[%d][%d] is %g", i + 1, i + 1, c[i * n + i]), errhint("A unit has correlation 1 with itself."));
		for (int j = 0; j < i; j++)
			if (fabs(c[i * n + j] - c[j * n + i]) > TOLERANCE || fabs(c[i * n + j]) > 1)
				impossible(errmsg("correlation[%d][%d] is %g and correlation[%d][%d] is %g", i + 1, j + 1, c[i * n + j], j + 1, i + 1, c[j * n + i]),
						   errhint("Both are the same number, from -1 to 1."));
	}
	memcpy(l, c, sizeof(double) * n * n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++)
		{
			double		rest = l[i * n + j];

			for (int k = 0; k < j; k++)
				rest -= l[i * n + k] * l[j * n + k];
			if (i > j)
			{
				/* a unit that follows from earlier ones has no part of its own */
				if (l[j * n + j] == 0 && fabs(rest) > SLACK)
					impossible(errmsg("correlation is not a correlation matrix"),
							   errhint("Units %d and %d cannot go with the others in this way: some sum of them would vary less than not at all.", i + 1, j + 1));
				l[i * n + j] = l[j * n + j] == 0 ? 0 : rest / l[j * n + j];
			}
			else
			{
				if (rest < -SLACK)
					impossible(errmsg("correlation is not a correlation matrix"),
							   errhint("Unit %d cannot go with the earlier ones in this way: some sum of them would vary less than not at all.", i + 1));
				l[i * n + i] = rest < SLACK ? 0 : sqrt(rest);
			}
		}
	}
	pfree(l);
}

PG_FUNCTION_INFO_V1(flex_firm_normal_matrix);
Datum
flex_firm_normal_matrix(PG_FUNCTION_ARGS)
{
	ArrayType  *matrix = PG_GETARG_ARRAYTYPE_P(2);
	double		confidence = take_confidence(PG_GETARG_FLOAT8(3));
	int			n = -1;
	double	   *m = take_numbers(PG_GETARG_ARRAYTYPE_P(0), "means", -INFINITY, INFINITY, &n);
	double	   *s = take_numbers(PG_GETARG_ARRAYTYPE_P(1), "deviations", 0, INFINITY, &n);
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	double	   *c;
	double		mean = 0;
	double		variance = 0;

	deconstruct_array(matrix, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &count);
	if (n > 0 && (ARR_NDIM(matrix) != 2 || ARR_DIMS(matrix)[0] != n || ARR_DIMS(matrix)[1] != n))
		impossible(errmsg("correlation is not a matrix of %d rows and columns", n), errhint("Give one row and one column for each unit."));
	if (n == 0 && count > 0)
		impossible(errmsg("correlation is of more than no unit"), errhint("Give one row and one column for each unit."));
	c = palloc(sizeof(double) * Max(count, 1));
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("correlation[%d][%d] is NULL", i / n + 1, i % n + 1),
					 errhint("Say what is assumed of it.")));
		c[i] = DatumGetFloat8(elements[i]);
		if (!(c[i] >= -1 && c[i] <= 1))
			impossible(errmsg("correlation[%d][%d] is %g", i / n + 1, i % n + 1, c[i]), errhint("Give a number from -1 to 1."));
	}
	check_correlations(c, n);
	for (int i = 0; i < n; i++)
	{
		mean += m[i];
		for (int j = 0; j < n; j++)
			variance += c[i * n + j] * s[i] * s[j];
	}
	PG_RETURN_FLOAT8(mean - quantile(1 - confidence) * sqrt(Max(variance, 0)));
}

/* ----------
 * On or off
 * ----------
 */

typedef struct Distribution
{
	int64		step;			/* watts of a cell */
	int			cells;			/* beyond the first, which is nothing */
	double	   *probability;
} Distribution;

static int64
common_divisor(int64 a, int64 b)
{
	while (b != 0)
	{
		int64		rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* grid, in watts, to be used where much is gained by it; 0: none */
static void
convolve(ArrayType *power_array, ArrayType *probability_array, int64 grid, Distribution *sum)
{
	int			n;
	int64	   *powers = take_powers(power_array, &n);
	double	   *p = take_numbers(probability_array, "probabilities", 0, 1, &n);
	int64		total = 0;
	double		all = 0;
	int			reached = 0;

	sum->step = 0;
	for (int i = 0; i < n; i++)
	{
		sum->step = common_divisor(sum->step, powers[i]);
		all += (double) powers[i];
	}
	if (sum->step == 0)
		sum->step = 1;			/* no power at all */
	/* nothing is rounded that need not be */
	if (sum->step < grid && all / sum->step > EXACT_CELLS)
		sum->step = grid;
	for (int i = 0; i < n; i++)
	{
		powers[i] /= sum->step;
		/* one that is too many is enough to refuse */
		if (powers[i] > MOST_CELLS || (total += powers[i]) > MOST_CELLS)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the sum of these powers can take more than %d values", MOST_CELLS),
					 errhint("Declare a coarser grid, kW: powers are rounded down to it, and what is then found firm is firm.")));
	}
	sum->cells = (int) total;
	sum->probability = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(double) * (total + 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	sum->probability[0] = 1;
	for (int i = 0; i < n; i++)
	{
		int			power = (int) powers[i];
		double	   *f = sum->probability;

		CHECK_FOR_INTERRUPTS();
		if (power == 0)
			continue;
		for (int k = reached; k >= 0; k--)
		{
			double		was = f[k];

			f[k] = was * (1 - p[i]);
			f[k + power] += was * p[i];
		}
		reached += power;
	}
}

static int64
take_grid(FunctionCallInfo fcinfo)
{
	int64		grid;

	if (PG_NARGS() < 4)
		return 0;
	grid = take_watts(PG_GETARG_DATUM(3), "grid_kw");
	if (grid == 0)
		impossible(errmsg("grid_kw is 0 kW"), errhint("Give a power above zero, to the watt."));
	return grid;
}

PG_FUNCTION_INFO_V1(flex_firm_on_off);
Datum
flex_firm_on_off(PG_FUNCTION_ARGS)
{
	double		confidence = take_confidence(PG_GETARG_FLOAT8(2));
	Distribution sum;
	double		at_least = 0;
	int			k;

	convolve(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), take_grid(fcinfo), &sum);
	for (k = sum.cells; k > 0; k--)
		if ((at_least += sum.probability[k]) >= confidence - TOLERANCE)
			break;
	PG_RETURN_DATUM(watts_to_kw(k * sum.step));
}

PG_FUNCTION_INFO_V1(flex_firm_on_off_probability);
Datum
flex_firm_on_off_probability(PG_FUNCTION_ARGS)
{
	int64		required = take_watts(PG_GETARG_DATUM(2), "required_kw");
	Distribution sum;
	double		at_least = 0;
	int64		k;

	convolve(PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), take_grid(fcinfo), &sum);
	if (required == 0)
		PG_RETURN_FLOAT8(1);
	k = (required - 1) / sum.step + 1;
	for (int j = sum.cells; j >= k; j--)
		at_least += sum.probability[j];
	PG_RETURN_FLOAT8(Min(at_least, 1));
}

/* ----------
 * Samples, and what nothing is known of
 * ----------
 */

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

PG_FUNCTION_INFO_V1(flex_firm_samples);
Datum
flex_firm_samples(PG_FUNCTION_ARGS)
{
	double		confidence = take_confidence(PG_GETARG_FLOAT8(1));
	int			n = -1;
	double	   *samples = take_numbers(PG_GETARG_ARRAYTYPE_P(0), "samples", -INFINITY, INFINITY, &n);
	int			k;

	if (n == 0)
		impossible(errmsg("samples is empty"), errhint("Without a past delivery nothing is firm by this rule."));
	k = (int) ceil((1 - confidence) * n - SLACK);
	qsort(samples, n, sizeof(double), compare_doubles);
	PG_RETURN_FLOAT8(samples[Max(k, 1) - 1]);
}

static int64
rank_of(int64 n, double confidence)
{
	return (int64) ceil((n + 1) * confidence - SLACK);
}

PG_FUNCTION_INFO_V1(flex_conformal_rank);
Datum
flex_conformal_rank(PG_FUNCTION_ARGS)
{
	int32		n = PG_GETARG_INT32(0);
	double		confidence = take_confidence(PG_GETARG_FLOAT8(1));

	if (n < 0)
		impossible(errmsg("n is %d", n), errhint("It is a number of errors, zero or more."));
	PG_RETURN_INT64(rank_of(n, confidence));
}

PG_FUNCTION_INFO_V1(flex_firm_conformal);
Datum
flex_firm_conformal(PG_FUNCTION_ARGS)
{
	double		forecast = PG_GETARG_FLOAT8(0);
	double		confidence = take_confidence(PG_GETARG_FLOAT8(2));
	int			n = -1;
	double	   *errors = take_numbers(PG_GETARG_ARRAYTYPE_P(1), "errors", -INFINITY, INFINITY, &n);
	int64		rank = rank_of(n, confidence);
	int64		least;

	if (isnan(forecast) || isinf(forecast))
		impossible(errmsg("forecast is %g", forecast), errhint("Give a finite number."));
	if (rank > n)
	{
		/* n of n + 1 are below the greatest: enough when n + 1 >= 1 / e */
		least = (int64) ceil(1 / (1 - confidence) - SLACK) - 1;
		impossible(errmsg("%d errors bound the next one with no confidence of %g", n, confidence),
				   errdetail("The bound would be number %lld of %d.", (long long) rank, n),
				   errhint("At least %lld errors are needed, or less confidence.", (long long) least));
	}
	qsort(errors, n, sizeof(double), compare_doubles);
	PG_RETURN_FLOAT8(forecast - errors[Max(rank, 1) - 1]);
}

PG_FUNCTION_INFO_V1(flex_firm_bonferroni);
Datum
flex_firm_bonferroni(PG_FUNCTION_ARGS)
{
	double		confidence = take_confidence(PG_GETARG_FLOAT8(2));
	int			n = -1;
	double	   *m = take_numbers(PG_GETARG_ARRAYTYPE_P(0), "means", -INFINITY, INFINITY, &n);
	double	   *s = take_numbers(PG_GETARG_ARRAYTYPE_P(1), "deviations", 0, INFINITY, &n);
	double		z = n > 0 ? quantile((1 - confidence) / n) : 0;
	double		firm = 0;

	for (int i = 0; i < n; i++)
		firm += m[i] - z * s[i];
	PG_RETURN_FLOAT8(firm);
}

typedef struct Doubt
{
	int64		power;
	double		doubt;
	int			index;
} Doubt;

/* the least doubt for each watt first, which power that is certain is; then as they were given */
static int
compare_doubts(const void *left, const void *right)
{
	const Doubt *a = left;
	const Doubt *b = right;
	double		x = a->doubt * b->power;
	double		y = b->doubt * a->power;

	return x != y ? (x > y) - (x < y) : (a->index > b->index) - (a->index < b->index);
}

PG_FUNCTION_INFO_V1(flex_firm_bonferroni_on_off);
Datum
flex_firm_bonferroni_on_off(PG_FUNCTION_ARGS)
{
	double		left = 1 - take_confidence(PG_GETARG_FLOAT8(2)) + TOLERANCE;
	int			n;
	int64	   *powers = take_powers(PG_GETARG_ARRAYTYPE_P(0), &n);
	double	   *p = take_numbers(PG_GETARG_ARRAYTYPE_P(1), "probabilities", 0, 1, &n);
	Doubt	   *units = palloc(sizeof(Doubt) * Max(n, 1));
	int			used = 0;
	int64		firm = 0;

	for (int i = 0; i < n; i++)
		if (powers[i] > 0)
			units[used++] = (Doubt) {powers[i], 1 - p[i], i};
	qsort(units, used, sizeof(Doubt), compare_doubts);
	for (int i = 0; i < used; i++)
		if (units[i].doubt <= left)
		{
			left -= units[i].doubt;
			if (pg_add_s64_overflow(firm, units[i].power, &firm))
				ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("the sum of powers is out of range")));
		}
	PG_RETURN_DATUM(watts_to_kw(firm));
}
