/*
 * check.c
 *		Functions for CHECK constraints that say what is wrong.
 *
 * A plain CHECK reports the name of a constraint and a whole row.  These
 * return true or raise check_violation with the field, the value and what
 * would be right, and cost a function call.  They look at their arguments
 * only, so rows restore in any order.  NULL passes, as in any CHECK.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "window_io.h"

static char *
field_name(FunctionCallInfo fcinfo, int argument)
{
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
number_out_of_bounds(FunctionCallInfo fcinfo, const char *bound, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s must be %s, not %s", field_name(fcinfo, 1), bound,
					numeric_normalize(PG_GETARG_NUMERIC(0))),
			 errhint("%s", hint)));
}

static int
sign_of(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(value),
											 NumericGetDatum(int64_to_numeric(0))));
}

/* check_positive(value, field): a quantity above zero, and a number */
PG_FUNCTION_INFO_V1(flex_check_positive);
Datum
flex_check_positive(PG_FUNCTION_ARGS)
{
	Numeric		value = PG_GETARG_NUMERIC(0);

	if (numeric_is_nan(value) || numeric_is_inf(value) || sign_of(value) <= 0)
		number_out_of_bounds(fcinfo, "above zero",
							 "Quantities are unsigned: the column \"direction\" says up or down.");
	PG_RETURN_BOOL(true);
}

/* check_not_negative(value, field): zero or more, and a number */
PG_FUNCTION_INFO_V1(flex_check_not_negative);
Datum
flex_check_not_negative(PG_FUNCTION_ARGS)
{
	Numeric		value = PG_GETARG_NUMERIC(0);

	if (numeric_is_nan(value) || numeric_is_inf(value) || sign_of(value) < 0)
		number_out_of_bounds(fcinfo, "zero or more", "Leave the field NULL where the quantity is not known.");
	PG_RETURN_BOOL(true);
}

/* check_text(value, field, longest): not blank and not longer than agreed */
PG_FUNCTION_INFO_V1(flex_check_text);
Datum
flex_check_text(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int			longest = PG_GETARG_INT32(2);
	const char *data = VARDATA_ANY(value);
	int			bytes = VARSIZE_ANY_EXHDR(value);
	int			blanks = 0;
	int			characters;

	while (blanks < bytes && data[blanks] == ' ')
		blanks++;
	if (blanks == bytes)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s must not be blank", field_name(fcinfo, 1)),
				 errhint("Leave the field NULL where there is nothing to say, if it allows that.")));
	characters = pg_mbstrlen_with_len(data, bytes);
	if (characters > longest)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s has %d characters, more than %d: \"%s\"",
						field_name(fcinfo, 1), characters, longest,
						text_clip(pnstrdup(data, Min(bytes, 256)), 40)),
				 errhint("Shorten the text to %d characters or fewer.", longest)));
	PG_RETURN_BOOL(true);
}

/* Raise unless value is one of the codes of this field. */
static void
require_code(FunctionCallInfo fcinfo, text *value, ArrayType *known)
{
	Datum	   *codes;
	int			count;
	StringInfoData list;

	deconstruct_array(known, TEXTOID, -1, false, TYPALIGN_INT, &codes, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		text	   *code = DatumGetTextPP(codes[i]);

		if (VARSIZE_ANY_EXHDR(code) == VARSIZE_ANY_EXHDR(value) &&
			memcmp(VARDATA_ANY(code), VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)) == 0)
			return;
	}

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", TextDatumGetCString(codes[i]));
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s is not a known code: \"%s\"", field_name(fcinfo, 1),
					text_clip(pnstrdup(VARDATA_ANY(value), Min(VARSIZE_ANY_EXHDR(value), 256)), 40)),
			 errhint("Known codes: %s.", list.data)));
}

/* check_code(value, field, VARIADIC known): one of the codes of this field */
PG_FUNCTION_INFO_V1(flex_check_code);
Datum
flex_check_code(PG_FUNCTION_ARGS)
{
	require_code(fcinfo, PG_GETARG_TEXT_PP(0), PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_BOOL(true);
}

/* check_codes(values, field, VARIADIC known): at least one code, all known */
PG_FUNCTION_INFO_V1(flex_check_codes);
Datum
flex_check_codes(PG_FUNCTION_ARGS)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &count);
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s must not be empty", field_name(fcinfo, 1)),
				 errhint("Give at least one code.")));
	for (int i = 0; i < count; i++)
		require_code(fcinfo, nulls[i] ? cstring_to_text("NULL") : DatumGetTextPP(values[i]),
					 PG_GETARG_ARRAYTYPE_P(2));
	PG_RETURN_BOOL(true);
}

/* check_one(given, fields): exactly one of several fields is given */
PG_FUNCTION_INFO_V1(flex_check_one);
Datum
flex_check_one(PG_FUNCTION_ARGS)
{
	if (PG_GETARG_INT32(0) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("exactly one of %s must be given, not %d", field_name(fcinfo, 1), PG_GETARG_INT32(0)),
				 errhint("Leave the others NULL.")));
	PG_RETURN_BOOL(true);
}

/* check_form(value, field, pattern, form): what a regular expression describes, and words do too */
PG_FUNCTION_INFO_V1(flex_check_form);
Datum
flex_check_form(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	if (!DatumGetBool(DirectFunctionCall2Coll(textregexeq, C_COLLATION_OID, PointerGetDatum(value), PG_GETARG_DATUM(2))))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s is not of the right form: \"%s\"", field_name(fcinfo, 1),
						text_clip(pnstrdup(VARDATA_ANY(value), Min(VARSIZE_ANY_EXHDR(value), 256)), 40)),
				 errhint("It is %s.", text_to_cstring(PG_GETARG_TEXT_PP(3)))));
	PG_RETURN_BOOL(true);
}

/* check_given(given, field, hint): a field that may be NULL elsewhere, but not here */
PG_FUNCTION_INFO_V1(flex_check_given);
Datum
flex_check_given(PG_FUNCTION_ARGS)
{
	if (!PG_GETARG_BOOL(0))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s must be given", field_name(fcinfo, 1)),
				 errhint("%s", text_to_cstring(PG_GETARG_TEXT_PP(2)))));
	PG_RETURN_BOOL(true);
}
