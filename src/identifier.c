/*
 * identifier.c
 *		Check characters of the industry's identifiers.
 *
 * An identifier is of a fixed length, and its last character follows from the
 * ones before it, its body.  Each kind says what that character is, or that the
 * body cannot be one; all else is the same for all: X_is_valid(value) asks, and
 * check_X(value, field) explains, for CHECK constraints (see check.c) and for
 * the domains of the same names.
 *
 * A right check character does not prove that a number was ever issued.
 *
 * Columns and dumps out there hold what these functions accepted: a rule may
 * become laxer, never stricter, or rows would not restore.
 */
#include "postgres.h"
#include "compat.h"

#include "utils/builtins.h"

#include "window_io.h"

#define NOT_A_BODY	'\0'
/* stands for 36 among the characters of an EIC; a body that asks for it is not issued */
#define NOT_ISSUED	'-'

typedef struct IdentifierKind
{
	const char *name;
	const char *form;			/* a hint for what is not of this form at all */
	int			length;			/* with the check character */
	char		(*check_character) (const char *body, int length);
} IdentifierKind;

/*
 * MPAN: the twelve digits are multiplied by the primes from 3 to 43 without 11;
 * the sum, modulo 11 and then modulo 10, is the thirteenth.  Rule as confirmed
 * by public test vectors and by 530 of 532 numbers of a published register;
 * worked example: 1470116845051 sums to 1002, 1002 mod 11 = 1.
 */
static char
mpan_check_character(const char *body, int length)
{
	static const int weights[12] = {3, 5, 7, 13, 17, 19, 23, 29, 31, 37, 41, 43};
	int			sum = 0;

	for (int i = 0; i < length; i++)
	{
		if (body[i] < '0' || body[i] > '9')
			return NOT_A_BODY;
		sum += weights[i] * (body[i] - '0');
	}
	return '0' + sum % 11 % 10;
}

/*
 * GS1 keys: from the last digit of the body leftwards, weights 3, 1, 3, 1, ...;
 * the check digit makes the sum a multiple of ten.
 */
static char
gs1_check_character(const char *body, int length)
{
	int			sum = 0;

	for (int i = 0; i < length; i++)
	{
		if (body[i] < '0' || body[i] > '9')
			return NOT_A_BODY;
		sum += ((length - i) % 2 == 1 ? 3 : 1) * (body[i] - '0');
	}
	return '0' + (10 - sum % 10) % 10;
}

/* EIC: 0-9, A-Z and - are 0 to 36, weights 16 down to 2, modulo 37. */
static char
eic_check_character(const char *body, int length)
{
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
	int			sum = 0;

	for (int i = 0; i < length; i++)
	{
		const char *found = body[i] == '\0' ? NULL : strchr(alphabet, body[i]);

		if (found == NULL)
			return NOT_A_BODY;
		sum += (length + 1 - i) * (found - alphabet);
	}
	/* 36 - (sum - 1) mod 37, for a sum of 0 too */
	return alphabet[36 - (sum + 36) % 37];
}

static const IdentifierKind mpan = {
	"a meter point administration number (MPAN)",
	"Write its 13 digits without blanks; the last one is a check digit.",
	13, mpan_check_character
};
static const IdentifierKind gsrn = {
	"a global service relation number (GSRN)",
	"Write its 18 digits without blanks; the last one is a check digit.",
	18, gs1_check_character
};
static const IdentifierKind gln = {
	"a global location number (GLN)",
	"Write its 13 digits without blanks; the last one is a check digit.",
	13, gs1_check_character
};
static const IdentifierKind eic = {
	"an energy identification code (EIC)",
	"Write its 16 characters: digits, capital letters and -; the last one is a check character.",
	16, eic_check_character
};

/* What the last character must be; NOT_A_BODY where length or characters are wrong. */
static char
expected_character(const IdentifierKind *kind, const text *value)
{
	if (VARSIZE_ANY_EXHDR(value) != kind->length)
		return NOT_A_BODY;
	return kind->check_character(VARDATA_ANY(value), kind->length - 1);
}

static bool
identifier_is_valid(const IdentifierKind *kind, const text *value)
{
	char		expected = expected_character(kind, value);

	return expected != NOT_A_BODY && expected != NOT_ISSUED &&
		VARDATA_ANY(value)[kind->length - 1] == expected;
}

static void
require_identifier(const IdentifierKind *kind, const text *value, const text *field)
{
	char		expected;

	if (identifier_is_valid(kind, value))
		return;
	expected = expected_character(kind, value);
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("%s is not %s: \"%s\"", text_to_cstring(field), kind->name,
					text_clip(pnstrdup(VARDATA_ANY(value), Min(VARSIZE_ANY_EXHDR(value), 256)), 40)),
			 expected == NOT_A_BODY ? errhint("%s", kind->form) :
			 expected == NOT_ISSUED ? errhint("No code is issued that begins so: look for a mistyped character.") :
			 errhint("After these %d characters the last one must be %c: look for a mistyped one.",
					 kind->length - 1, expected)));
}

#define IDENTIFIER(kind) \
PG_FUNCTION_INFO_V1(flex_##kind##_is_valid); \
PG_FUNCTION_INFO_V1(flex_check_##kind); \
Datum \
flex_##kind##_is_valid(PG_FUNCTION_ARGS) \
{ \
	PG_RETURN_BOOL(identifier_is_valid(&(kind), PG_GETARG_TEXT_PP(0))); \
} \
Datum \
flex_check_##kind(PG_FUNCTION_ARGS) \
{ \
	require_identifier(&(kind), PG_GETARG_TEXT_PP(0), PG_GETARG_TEXT_PP(1)); \
	PG_RETURN_BOOL(true); \
} \
extern Datum flex_check_##kind(PG_FUNCTION_ARGS)

IDENTIFIER(mpan);
IDENTIFIER(gsrn);
IDENTIFIER(gln);
IDENTIFIER(eic);

/*
 * An international bank account number, ISO 13616: with its first four characters moved
 * to the end and letters read as 10 to 35, the number leaves 1 when divided by 97.
 */
static bool
iban_is_valid(const text *value)
{
	const char *data = VARDATA_ANY(value);
	int			length = VARSIZE_ANY_EXHDR(value);
	int			rest = 0;

	if (length < 15 || length > 34)
		return false;
	for (int i = 0; i < length; i++)
	{
		char		c = data[(i + 4) % length];
		bool		letter = c >= 'A' && c <= 'Z';

		/* of the first four, two letters and two digits */
		if ((!letter && (c < '0' || c > '9')) ||
			(i >= length - 4 && letter != (i < length - 2)))
			return false;
		rest = (letter ? rest * 100 + c - 'A' + 10 : rest * 10 + c - '0') % 97;
	}
	return rest == 1;
}

/* check_iban(value, field) */
PG_FUNCTION_INFO_V1(flex_check_iban);
Datum
flex_check_iban(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	/* an account is not put into a log */
	if (!iban_is_valid(value))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("%s is not an international bank account number (IBAN)", text_to_cstring(PG_GETARG_TEXT_PP(1))),
				 errhint("Write it without blanks, in capital letters; its third and fourth characters are check digits: look for a mistyped one.")));
	PG_RETURN_BOOL(true);
}
