/*
 * piecewise.c
 *		Piecewise-linear functions of numbers, given by their points.
 *
 * Payment curves of settlement are such functions: the share that is paid over
 * the ratio delivered.  The points stand in rising order of x.  Two points of
 * one x are a step, and the later of them holds there.  Before the first point
 * and after the last the function is level, so that one point is a constant.
 *
 * All arithmetic is numeric.  Between two points one division is made, whose
 * quotient is rounded as the server rounds numeric quotients, to 16 significant
 * digits or more; at a point and on a level stretch nothing is rounded.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define CALL(function, a, b)	DirectFunctionCall2(function, a, b)

static int
compare(Datum a, Datum b)
{
	return DatumGetInt32(CALL(numeric_cmp, a, b));
}

static bool
is_finite(Datum value)
{
	return !numeric_is_nan(DatumGetNumeric(value)) && !numeric_is_inf(DatumGetNumeric(value));
}

/* The numbers of an array; false when it is not one row of finite numbers. */
static bool
take_numbers(ArrayType *array, Datum **numbers, int *count)
{
	bool	   *nulls;

	*count = 0;
	if (ARR_NDIM(array) != 1)
		return false;
	deconstruct_array(array, NUMERICOID, -1, false, TYPALIGN_INT, numbers, &nulls, count);
	for (int i = 0; i < *count; i++)
		if (nulls[i] || !is_finite((*numbers)[i]))
			return false;
	return true;
}

/* is_piecewise(at, value): as many of both, one at least, all finite, at rising, and at most two the same */
PG_FUNCTION_INFO_V1(flex_is_piecewise);
Datum
flex_is_piecewise(PG_FUNCTION_ARGS)
{
	Datum	   *at;
	Datum	   *value;
	int			points;
	int			values;

	if (!take_numbers(PG_GETARG_ARRAYTYPE_P(0), &at, &points) || !take_numbers(PG_GETARG_ARRAYTYPE_P(1), &value, &values) || points != values)
		PG_RETURN_BOOL(false);
	for (int i = 1; i < points; i++)
		if (compare(at[i - 1], at[i]) > 0 || (i > 1 && compare(at[i - 2], at[i]) == 0))
			PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(true);
}

/* piecewise_linear(x, at, value): the function through these points, at x */
PG_FUNCTION_INFO_V1(flex_piecewise_linear);
Datum
flex_piecewise_linear(PG_FUNCTION_ARGS)
{
	Datum		x = PG_GETARG_DATUM(0);
	Datum	   *at;
	Datum	   *value;
	int			points;
	int			values;
	int			next = 0;
	Datum		rise;

	if (!take_numbers(PG_GETARG_ARRAYTYPE_P(1), &at, &points) || !take_numbers(PG_GETARG_ARRAYTYPE_P(2), &value, &values) || points != values || !is_finite(x))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("not a piecewise-linear function of a number"),
				 errhint("Give a finite number, and two arrays of as many finite numbers: where its points are, in rising order, and what it is there.")));

	/* the first point beyond x */
	while (next < points && compare(at[next], x) <= 0)
		next++;
	if (next == 0)
		PG_RETURN_DATUM(value[0]);
	if (next == points || compare(at[next - 1], x) == 0 || compare(value[next - 1], value[next]) == 0)
		PG_RETURN_DATUM(value[next - 1]);
	rise = CALL(numeric_mul, CALL(numeric_sub, value[next], value[next - 1]), CALL(numeric_sub, x, at[next - 1]));
	PG_RETURN_DATUM(CALL(numeric_add, value[next - 1], CALL(numeric_div, rise, CALL(numeric_sub, at[next], at[next - 1]))));
}
