/*
 * ruleset_document.c
 *		Judging the JSON document of a ruleset, strictly.
 *
 * A document is what parties send one another, so nothing is guessed: an unknown
 * key, a value of another type, a code or service that is not known, a row that is
 * given twice is refused with the line, the column and the key.  SQLSTATE 22P02
 * says that the text is not of the form; 22023 that a value of the right form
 * cannot be.
 *
 * Each table of rules is a list under its own name, and each row an object with
 * the columns as keys; what is NULL is left out.  The tables below say which
 * fields there are.  What passes here is written to the tables in SQL, by
 * import_ruleset(), which reads the same document as jsonb.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "json.h"
#include "rule_condition.h"

#define FORM	ERRCODE_INVALID_TEXT_REPRESENTATION
#define VALUE	ERRCODE_INVALID_PARAMETER_VALUE

#define DOCUMENT_NAME		"ruleset document"
#define DOCUMENT_FORMAT		"flexexchange ruleset"
#define DOCUMENT_VERSION	1
#define DOCUMENT_TEXT_MAX	(16 * 1024 * 1024)
#define DOCUMENT_HINT		"Write one JSON object, as export_ruleset() does."

/* fields of the widest row, or of the document itself */
#define FIELDS_MAX	16

typedef enum FieldKind
{
	FIELD_FORMAT,				/* the name of the format */
	FIELD_VERSION,				/* its version */
	FIELD_TEXT,					/* not blank, at most so many characters */
	FIELD_CODE,					/* one of the codes */
	FIELD_CONFLICT_KIND,		/* a kind of finding */
	FIELD_SERVICE,				/* the code of a service of the exchange */
	FIELD_BOOLEAN,
	FIELD_WINDOW,				/* a time_window */
	FIELD_CONDITION,			/* a rule_condition */
	FIELD_PRIORITY,				/* a whole number from 1 on */
	FIELD_ROWS					/* a list of objects */
} FieldKind;

typedef struct Field
{
	const char *name;			/* NULL ends the list */
	FieldKind	kind;
	bool		required;
	bool		is_key;			/* a row is given once for a value of its keys */
	int			longest;		/* of a text, in characters */
	const char *const *codes;
	const struct Field *row;	/* of a list */
} Field;

static const char *const modes[] = {"co_delivery", "splitting", "jumping", NULL};
static const char *const verdicts[] = {"explicit_yes", "implicit_yes", "explicit_no", "implicit_no", "no_data", "not_applicable", NULL};
static const char *const silent_verdicts[] = {"no_data", "not_applicable", NULL};
static const char *const meanings[] = {"yes", "no", "unknown", "not_tested", NULL};
static const char *const buyer_kinds[] = {"capacity_market", "wholesale", "neso", "dso", NULL};
static const char *const warnings[] = {"advisory", NULL};
static const char *const severities[] = {"blocking", "advisory", NULL};
static const char *const stages[] = {"bid", "award", "availability", "dispatch", NULL};
static const char *const actions[] = {"notify", "hold", "reject", NULL};
static const char *const purposes[] = {"hold_limit", "use_headroom", "system", NULL};
static const char *const directions[] = {"up", "down", NULL};
static const char *const prevailing[] = {"none", "dso", "neso", "joint", NULL};
static const char *const scopes[] = {"day", "contract", "registration", NULL};
static const char *const condition_readings[] = {"unknown", "met", "not_met", NULL};

static const Field stacking_rule_fields[] = {
	{.name = "mode",.kind = FIELD_CODE,.codes = modes,.required = true,.is_key = true},
	{.name = "service_a",.kind = FIELD_SERVICE,.required = true,.is_key = true},
	{.name = "service_b",.kind = FIELD_SERVICE,.required = true,.is_key = true},
	{.name = "priority",.kind = FIELD_PRIORITY,.is_key = true},
	{.name = "condition",.kind = FIELD_CONDITION},
	{.name = "verdict",.kind = FIELD_CODE,.codes = verdicts,.required = true},
	{.name = "severity",.kind = FIELD_CODE,.codes = warnings},
	{.name = "reason",.kind = FIELD_TEXT,.longest = 1000},
	{NULL}
};

static const Field stacking_interpretation_fields[] = {
	{.name = "mode",.kind = FIELD_CODE,.codes = modes,.required = true,.is_key = true},
	{.name = "verdict",.kind = FIELD_CODE,.codes = silent_verdicts,.required = true,.is_key = true},
	{.name = "buyer_kind_a",.kind = FIELD_CODE,.codes = buyer_kinds,.is_key = true},
	{.name = "buyer_kind_b",.kind = FIELD_CODE,.codes = buyer_kinds,.is_key = true},
	{.name = "meaning",.kind = FIELD_CODE,.codes = meanings,.required = true},
	{.name = "reason",.kind = FIELD_TEXT,.longest = 1000},
	{NULL}
};

static const Field ruleset_action_fields[] = {
	{.name = "kind",.kind = FIELD_CONFLICT_KIND,.is_key = true},
	{.name = "severity",.kind = FIELD_CODE,.codes = severities,.is_key = true},
	{.name = "stage",.kind = FIELD_CODE,.codes = stages,.is_key = true},
	{.name = "action",.kind = FIELD_CODE,.codes = actions,.required = true},
	{.name = "reason",.kind = FIELD_TEXT,.longest = 1000},
	{NULL}
};

static const Field primacy_rule_fields[] = {
	{.name = "dso_purpose",.kind = FIELD_CODE,.codes = purposes,.required = true,.is_key = true},
	{.name = "dso_direction",.kind = FIELD_CODE,.codes = directions,.required = true,.is_key = true},
	{.name = "case_code",.kind = FIELD_TEXT,.longest = 16,.required = true},
	{.name = "prevails",.kind = FIELD_CODE,.codes = prevailing,.required = true},
	{.name = "severity",.kind = FIELD_CODE,.codes = warnings},
	{.name = "reason",.kind = FIELD_TEXT,.longest = 1000},
	{.name = "source",.kind = FIELD_TEXT,.longest = 255,.required = true},
	{NULL}
};

static const Field document_fields[] = {
	{.name = "format",.kind = FIELD_FORMAT,.required = true},
	{.name = "version",.kind = FIELD_VERSION,.required = true},
	{.name = "code",.kind = FIELD_TEXT,.longest = 64,.required = true},
	{.name = "title",.kind = FIELD_TEXT,.longest = 255,.required = true},
	{.name = "source",.kind = FIELD_TEXT,.longest = 1000,.required = true},
	{.name = "in_force",.kind = FIELD_WINDOW,.required = true},
	{.name = "jumping_scope",.kind = FIELD_CODE,.codes = scopes},
	{.name = "share_identity",.kind = FIELD_BOOLEAN},
	{.name = "share_price",.kind = FIELD_BOOLEAN},
	{.name = "unknown_condition",.kind = FIELD_CODE,.codes = condition_readings},
	{.name = "stacking_rule",.kind = FIELD_ROWS,.row = stacking_rule_fields},
	{.name = "stacking_interpretation",.kind = FIELD_ROWS,.row = stacking_interpretation_fields},
	{.name = "ruleset_action",.kind = FIELD_ROWS,.row = ruleset_action_fields},
	{.name = "primacy_rule",.kind = FIELD_ROWS,.row = primacy_rule_fields},
	{NULL}
};

StaticAssertDecl(lengthof(document_fields) <= FIELDS_MAX + 1, "a document has more fields than FIELDS_MAX");

/* What a document is judged against. */
typedef struct Judge
{
	const JsonReader *reader;
	char	  **services;		/* codes, sorted by strcmp() */
	int			nservices;
} Judge;

static bool judge_object(const Judge *judge, const JsonPlace *object, const Field *fields, char **values);

/* ----------
 * Values
 * ----------
 */

static int
word_compare(const void *x, const void *y)
{
	return strcmp(*(char *const *) x, *(char *const *) y);
}

static const char *
list_hint(const char *before, const char *const *words)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, before);
	for (int i = 0; words[i] != NULL; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? ": " : ", ", words[i]);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

static bool
judge_text(const Judge *judge, const JsonPlace *place, const Field *field, const char *text)
{
	int			characters = pg_mbstrlen(text);

	if (strspn(text, " ") == strlen(text))
		return json_refuse(judge->reader, place, false, VALUE, "Leave the key out where there is nothing to say, if it may be left out.",
						   "the text is blank");
	if (characters > field->longest)
		return json_refuse(judge->reader, place, false, VALUE, psprintf("Shorten the text to %d characters or fewer.", field->longest),
						   "the text has %d characters", characters);
	return true;
}

static bool
judge_code(const Judge *judge, const JsonPlace *place, const char *const *codes, const char *code)
{
	for (int i = 0; codes[i] != NULL; i++)
		if (strcmp(codes[i], code) == 0)
			return true;
	return json_refuse(judge->reader, place, false, VALUE, list_hint("Known codes", codes),
					   "%s is not a known code", json_shown(judge->reader, place));
}

static bool
judge_conflict_kind(const Judge *judge, const JsonPlace *place, const char *code)
{
	const char *kinds[CONFLICT_KIND_COUNT + 1] = {0};

	for (int kind = 0; kind < CONFLICT_KIND_COUNT; kind++)
		kinds[kind] = conflict_kind_name(kind);
	return judge_code(judge, place, kinds, code);
}

static bool
judge_service(const Judge *judge, const JsonPlace *place, const char *code)
{
	if (judge->nservices > 0 &&
		bsearch(&code, judge->services, judge->nservices, sizeof(char *), word_compare) != NULL)
		return true;
	return json_refuse(judge->reader, place, false, VALUE, "Register the service in table service first.",
					   "%s is not a service of this exchange", json_shown(judge->reader, place));
}

/* Where an error of another reader was met. */
typedef struct Whereabouts
{
	const JsonReader *reader;
	const JsonPlace *place;
} Whereabouts;

static void
tell_whereabouts(void *arg)
{
	const Whereabouts *at = arg;

	errcontext(DOCUMENT_NAME ": %s", json_position(at->reader, at->place));
}

/* A window or condition is judged by its own reader, to whose error the place is added. */
static void
judge_typed_text(const Judge *judge, const JsonPlace *place, FieldKind kind, const char *text)
{
	Whereabouts at = {judge->reader, place};
	ErrorContextCallback callback = {error_context_stack, tell_whereabouts, &at};
	TimeWindow	window;

	error_context_stack = &callback;
	if (kind == FIELD_WINDOW)
		(void) time_window_parse(text, "time_window", text, &window, NULL);
	else
		(void) rule_condition_check(text, NULL);
	error_context_stack = callback.previous;
}

/* ----------
 * Lists
 * ----------
 */

typedef struct RowKey
{
	char	   *key;			/* the values of its key fields, in one string */
	int			ordinal;
} RowKey;

static int
row_key_compare(const void *x, const void *y)
{
	const RowKey *a = x;
	const RowKey *b = y;
	int			c = strcmp(a->key, b->key);

	return c != 0 ? c : a->ordinal - b->ordinal;
}

/* A pair of buyer kinds is written once: the first alone, or both in alphabetical order. */
static bool
judge_buyer_kinds(const Judge *judge, const JsonPlace *row, const char *first, const char *second)
{
	if (second == NULL || (first != NULL && strcmp(first, second) <= 0))
		return true;
	return json_refuse(judge->reader, row, false, VALUE, "Write one kind as buyer_kind_a, two in alphabetical order.",
					   first == NULL ? "buyer_kind_b stands without buyer_kind_a" : "the kinds of buyers are not in order");
}

/* Rules with a condition stand in an order, the one without is the last. */
static bool
judge_condition(const Judge *judge, const JsonPlace *row, const char *priority, const char *condition)
{
	if ((priority == NULL) == (condition == NULL))
		return true;
	return json_refuse(judge->reader, row, false, VALUE, "Give both, or neither: the rule without a condition is tried last.",
					   condition == NULL ? "a priority stands without a condition" : "a condition stands without a priority");
}

static bool
judge_rows(const Judge *judge, const JsonPlace *list, const Field *fields)
{
	JsonPlace	row = {0};
	RowKey	   *keys;
	int			nkeys = 0;
	int			room = 64;

	if (json_kind(list) != JSON_KIND_ARRAY)
		return json_refuse(judge->reader, list, false, FORM, "Write a list of objects: [{...}, {...}].",
						   "%s is not a list", json_shown(judge->reader, list));
	keys = palloc(room * sizeof(RowKey));
	while (json_next(list, &row))
	{
		char	   *values[FIELDS_MAX] = {0};
		StringInfoData key;

		CHECK_FOR_INTERRUPTS();
		if (json_kind(&row) != JSON_KIND_OBJECT)
			return json_refuse(judge->reader, &row, false, FORM, "Write an object: {\"key\": value}.",
							   "%s is not an object", json_shown(judge->reader, &row));
		if (!judge_object(judge, &row, fields, values))
			return false;
		if (fields == stacking_interpretation_fields && !judge_buyer_kinds(judge, &row, values[2], values[3]))
			return false;
		if (fields == stacking_rule_fields && !judge_condition(judge, &row, values[3], values[4]))
			return false;
		initStringInfo(&key);
		for (int i = 0; fields[i].name != NULL; i++)
			if (fields[i].is_key)
				/* \1 stands for a key that is left out; no code has it */
				appendStringInfo(&key, "%s\2", values[i] == NULL ? "\1" : values[i]);
		if (nkeys == room)
			keys = repalloc_huge(keys, (room *= 2) * sizeof(RowKey));
		keys[nkeys].key = key.data;
		keys[nkeys++].ordinal = row.ordinal;
	}
	qsort(keys, nkeys, sizeof(RowKey), row_key_compare);
	for (int i = 1; i < nkeys; i++)
		if (strcmp(keys[i - 1].key, keys[i].key) == 0)
		{
			JsonPlace	again = {.parent = list,.ordinal = keys[i].ordinal};
			StringInfoData names;

			initStringInfo(&names);
			for (int k = 0; fields[k].name != NULL; k++)
				if (fields[k].is_key)
					appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "", fields[k].name);
			return json_refuse(judge->reader, &again, false, VALUE, psprintf("Write one row for the same %s.", names.data),
							   "the row is given twice: the first is row %d of the list", keys[i - 1].ordinal);
		}
	return true;
}

/* ----------
 * Objects
 * ----------
 */

/* One value; *value becomes its text, where it has one. */
static bool
judge_value(const Judge *judge, const JsonPlace *place, const Field *field, char **value)
{
	const JsonReader *reader = judge->reader;
	int64		number;

	switch (field->kind)
	{
		case FIELD_ROWS:
			return judge_rows(judge, place, field->row);
		case FIELD_BOOLEAN:
			if (json_kind(place) != JSON_KIND_BOOLEAN)
				return json_refuse(reader, place, false, FORM, "Write true or false.",
								   "%s is neither true nor false", json_shown(reader, place));
			return true;
		case FIELD_VERSION:
			if (json_kind(place) != JSON_KIND_NUMBER || json_number(reader, place, 0, &number) != JSON_NUMBER_EXACT ||
				number != DOCUMENT_VERSION)
				return json_refuse(reader, place, false, VALUE, psprintf("This server reads version %d.", DOCUMENT_VERSION),
								   "%s is not a known version", json_shown(reader, place));
			return true;
		case FIELD_PRIORITY:
			if (json_kind(place) != JSON_KIND_NUMBER || json_number(reader, place, 0, &number) != JSON_NUMBER_EXACT ||
				number < 1 || number > PG_INT16_MAX)
				return json_refuse(reader, place, false, VALUE, psprintf("Write a whole number from 1 to %d.", PG_INT16_MAX),
								   "%s is not a priority", json_shown(reader, place));
			*value = psprintf(INT64_FORMAT, number);
			return true;
		default:
			break;
	}

	if (json_kind(place) != JSON_KIND_STRING)
		return json_refuse(reader, place, false, FORM, "Write a text in quotes; leave the key out where there is none.",
						   "%s is not a text", json_shown(reader, place));
	*value = json_string_of(place);
	switch (field->kind)
	{
		case FIELD_FORMAT:
			if (strcmp(*value, DOCUMENT_FORMAT) != 0)
				return json_refuse(reader, place, false, VALUE, "Write \"" DOCUMENT_FORMAT "\".",
								   "%s is another format", json_shown(reader, place));
			return true;
		case FIELD_CODE:
			return judge_code(judge, place, field->codes, *value);
		case FIELD_CONFLICT_KIND:
			return judge_conflict_kind(judge, place, *value);
		case FIELD_SERVICE:
			return judge_service(judge, place, *value);
		case FIELD_WINDOW:
		case FIELD_CONDITION:
			judge_typed_text(judge, place, field->kind, *value);
			return true;
		default:
			return judge_text(judge, place, field, *value);
	}
}

static bool
judge_object(const Judge *judge, const JsonPlace *object, const Field *fields, char **values)
{
	JsonPlace	member = {0};
	bool		given[FIELDS_MAX] = {0};

	while (json_next(object, &member))
	{
		int			f = 0;

		while (fields[f].name != NULL && strcmp(fields[f].name, member.key) != 0)
			f++;
		if (fields[f].name == NULL)
		{
			const char *names[FIELDS_MAX + 1] = {0};

			for (int i = 0; fields[i].name != NULL; i++)
				names[i] = fields[i].name;
			return json_refuse(judge->reader, &member, true, FORM, list_hint("Known keys", names),
							   "there is no key \"%s\"", json_shown_key(&member));
		}
		if (!judge_value(judge, &member, &fields[f], &values[f]))
			return false;
		given[f] = true;
	}
	for (int f = 0; fields[f].name != NULL; f++)
		if (fields[f].required && !given[f])
			return json_refuse(judge->reader, object, false, FORM, psprintf("Add the key \"%s\".", fields[f].name),
							   "the key \"%s\" is missing", fields[f].name);
	return true;
}

/* check_ruleset_document(document, services): true, or an error that says where */
PG_FUNCTION_INFO_V1(flex_check_ruleset_document);
Datum
flex_check_ruleset_document(PG_FUNCTION_ARGS)
{
	text	   *document = PG_GETARG_TEXT_PP(0);
	Datum	   *codes;
	bool	   *nulls;
	int			ncodes;
	Judge		judge = {0};
	JsonReader *reader;
	JsonPlace	root;
	char	   *values[FIELDS_MAX] = {0};

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT, &codes, &nulls, &ncodes);
	judge.services = palloc(Max(ncodes, 1) * sizeof(char *));
	for (int i = 0; i < ncodes; i++)
		if (!nulls[i])
			judge.services[judge.nservices++] = TextDatumGetCString(codes[i]);
	qsort(judge.services, judge.nservices, sizeof(char *), word_compare);

	reader = json_open(VARDATA_ANY(document), VARSIZE_ANY_EXHDR(document), DOCUMENT_TEXT_MAX, DOCUMENT_NAME,
					   DOCUMENT_HINT, NULL, &root);
	judge.reader = reader;
	if (json_kind(&root) != JSON_KIND_OBJECT)
		json_refuse(reader, &root, false, FORM, DOCUMENT_HINT, "%s is not an object", json_shown(reader, &root));
	judge_object(&judge, &root, document_fields, values);
	json_close(reader, &root);
	PG_RETURN_BOOL(true);
}
