/*
 * rule_condition_read.c
 *		The language of conditions, read by recursive descent.
 *
 *	condition	= conjunction { "or" conjunction }
 *	conjunction	= negation { "and" negation }
 *	negation	= "not" negation | "(" condition ")" | atom
 *	atom		= attribute compare literal
 *				| attribute [ "not" ] "in" "(" literal { "," literal } ")"
 *				| attribute "is" [ "not" ] "known"
 *	attribute	= ( "a" | "b" ) "." name | name
 *	compare		= "=" | "<>" | "<" | "<=" | ">" | ">="
 *	literal		= number | duration | text in single quotes | "true" | "false"
 *
 * Nothing of it reaches SQL.  What is read is bounded in length, in depth and in the
 * number of atoms; what is refused is refused softly, with the character at fault.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "common/int.h"
#include "mb/pg_wchar.h"

#include "rule_condition_tree.h"
#include "window_io.h"

/* ----------
 * Tokens
 * ----------
 */

typedef enum TokenKind
{
	TOKEN_END,
	TOKEN_WORD,					/* a name or a keyword */
	TOKEN_NUMBER,
	TOKEN_DURATION,
	TOKEN_TEXT,
	TOKEN_SYMBOL,
	TOKEN_BAD
} TokenKind;

typedef struct Parser
{
	const char *text;
	int			at;				/* where the next token is looked for */
	TokenKind	kind;			/* of the token in hand */
	int			start;
	int			length;
	int			depth;
	struct Node *escontext;
	RuleCondition *condition;
	int			steps_room;
} Parser;

static void
next_token(Parser *p)
{
	const char *text = p->text;
	int			at = p->at;

	while (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')
		at++;
	p->start = at;
	if (text[at] == '\0')
		p->kind = TOKEN_END;
	else if (text[at] == 'P' && (isdigit((unsigned char) text[at + 1]) || text[at + 1] == 'T'))
	{
		p->kind = TOKEN_DURATION;
		while (isalnum((unsigned char) text[at]) || text[at] == '.')
			at++;
	}
	else if (isalpha((unsigned char) text[at]) || text[at] == '_')
	{
		p->kind = TOKEN_WORD;
		while (isalnum((unsigned char) text[at]) || text[at] == '_')
			at++;
	}
	else if (isdigit((unsigned char) text[at]))
	{
		p->kind = TOKEN_NUMBER;
		while (isalnum((unsigned char) text[at]) || text[at] == '.')
			at++;
	}
	else if (text[at] == '\'')
	{
		p->kind = TOKEN_TEXT;
		at++;
		/* two quotes in a text are one */
		while (text[at] != '\0' && (text[at] != '\'' || text[at + 1] == '\''))
			at += text[at] == '\'' ? 2 : 1;
		if (text[at] == '\0')
			p->kind = TOKEN_BAD;
		else
			at++;
	}
	else if (strchr("=<>(),.", text[at]) != NULL)
	{
		p->kind = TOKEN_SYMBOL;
		if ((text[at] == '<' && (text[at + 1] == '=' || text[at + 1] == '>')) ||
			(text[at] == '>' && text[at + 1] == '='))
			at++;
		at++;
	}
	else
	{
		p->kind = TOKEN_BAD;
		at += pg_mblen(&text[at]);
	}
	p->length = at - p->start;
	p->at = at;
}

static bool
is_symbol(const Parser *p, const char *symbol)
{
	return p->kind == TOKEN_SYMBOL && p->length == (int) strlen(symbol) &&
		strncmp(p->text + p->start, symbol, p->length) == 0;
}

static bool
is_word(const Parser *p, const char *word)
{
	return p->kind == TOKEN_WORD && p->length == (int) strlen(word) &&
		pg_strncasecmp(p->text + p->start, word, p->length) == 0;
}

/* Refuse the token in hand; always false. */
static bool
refuse(Parser *p, int sqlstate, const char *complaint, const char *hint)
{
	int			position = pg_mbstrlen_with_len(p->text, p->start) + 1;

	ereturn(p->escontext, false,
			(errcode(sqlstate),
			 p->kind == TOKEN_END ? errmsg("invalid %s: %s at the end", CONDITION_TYPE_NAME, complaint) :
			 errmsg("invalid %s: %s at \"%s\"", CONDITION_TYPE_NAME, complaint,
					text_clip(pnstrdup(p->text + p->start, p->length), 40)),
			 errdetail("Character %d.", position),
			 errhint("%s", hint)));
}

#define FORM	ERRCODE_INVALID_TEXT_REPRESENTATION
#define VALUE	ERRCODE_INVALID_PARAMETER_VALUE
#define EXAMPLE	"For example: a.power_kw > 100 and technology in ('BESS', 'CHP') or not b.market = 'dso'."

/* ----------
 * Reading
 * ----------
 */

static bool read_condition(Parser *p);

static bool
add_step(Parser *p, StepKind kind, int atom)
{
	RuleCondition *condition = p->condition;

	if (condition->nsteps == p->steps_room)
		condition->steps = repalloc(condition->steps, (p->steps_room *= 2) * sizeof(Step));
	condition->steps[condition->nsteps].kind = kind;
	condition->steps[condition->nsteps++].atom = atom;
	return true;
}

static const char *
attributes_hint(void)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "Of a commitment, after a. or b.: ");
	for (int i = 0; i < N_COMMITMENT_ATTRIBUTES; i++)
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ", condition_attribute_info(SUBJECT_A, i).name);
	appendStringInfo(&buf, "; of the unit: %s", condition_attribute_info(SUBJECT_UNIT, ATTRIBUTE_UNIT_KIND).name);
	for (int i = 0; i < N_DIMENSIONS; i++)
		if (dimension_info[dimension_order[i]].kind != KIND_CHOICES)
			appendStringInfo(&buf, ", %s", dimension_info[dimension_order[i]].name);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

/* The attribute that a word names, -1 when none. */
static int
attribute_of_word(const Parser *p, bool of_unit)
{
	int			count = of_unit ? N_DIMENSIONS + 1 : N_COMMITMENT_ATTRIBUTES;

	for (int i = 0; i < count; i++)
	{
		AttributeInfo info = condition_attribute_info(of_unit ? SUBJECT_UNIT : SUBJECT_A, i);

		if (info.kind != KIND_CHOICES && (int) strlen(info.name) == p->length &&
			strncmp(info.name, p->text + p->start, p->length) == 0)
			return i;
	}
	return -1;
}

static bool
read_attribute(Parser *p, Atom *atom)
{
	bool		sided = false;

	atom->subject = SUBJECT_UNIT;
	if (p->kind != TOKEN_WORD)
		return refuse(p, FORM, "an attribute, \"not\" or \"(\" is missing", EXAMPLE);
	if (p->length == 1 && strchr("ab", p->text[p->start]) != NULL && p->text[p->at] == '.')
	{
		atom->subject = p->text[p->start] == 'a' ? SUBJECT_A : SUBJECT_B;
		sided = true;
		next_token(p);
		next_token(p);
		if (p->kind != TOKEN_WORD)
			return refuse(p, FORM, "an attribute is missing", attributes_hint());
	}
	atom->attribute = attribute_of_word(p, !sided);
	if (atom->attribute < 0)
	{
		if (attribute_of_word(p, sided) < 0)
			return refuse(p, FORM, "there is no attribute", attributes_hint());
		if (sided)
			return refuse(p, FORM, "an attribute of the unit stands with a side", "Leave a. and b. out: both commitments are of one unit.");
		return refuse(p, FORM, "an attribute of a commitment stands without its side",
					  "Write a. for the commitment of service_a, b. for that of service_b.");
	}
	next_token(p);
	return true;
}

/* What may be written beside an attribute of some kind. */
static const char *
literal_hint(const AttributeInfo *info)
{
	StringInfoData buf;

	switch (info->kind)
	{
		case KIND_DECIMAL:
			return "Write a number in the unit that the name gives, with at most 3 decimals, such as 7.5.";
		case KIND_WHOLE:
			return "Write a whole number.";
		case KIND_DURATION:
			return "Write an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT30M.";
		case KIND_BOOLEAN:
			return "Write true or false.";
		default:
			if (info->words == NULL)
				return "Write a text in single quotes, such as 'BESS', of 1 to 255 bytes.";
	}
	initStringInfo(&buf);
	appendStringInfoString(&buf, "Write one of ");
	for (int i = 0; info->words[i] != NULL; i++)
		appendStringInfo(&buf, "%s'%s'", i == 0 ? "" : ", ", info->words[i]);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

/* A number times 1000 or, when whole, as it is. */
static bool
parse_number(const char *text, int length, bool whole, int64 *result)
{
	int64		value = 0;
	int			decimals = -1;

	for (int i = 0; i < length; i++)
	{
		if (text[i] == '.' && !whole && decimals < 0 && i + 1 < length)
		{
			decimals = 0;
			continue;
		}
		if (!isdigit((unsigned char) text[i]) || (decimals >= 0 && ++decimals > 3) ||
			pg_mul_s64_overflow(value, 10, &value) || pg_add_s64_overflow(value, text[i] - '0', &value))
			return false;
	}
	for (int i = Max(decimals, 0); i < 3 && !whole; i++)
		if (pg_mul_s64_overflow(value, 10, &value))
			return false;
	*result = value;
	return true;
}

/* A text without its quotes; NULL when it is too short, too long or has control characters. */
static char *
parse_text(const char *text, int length)
{
	char	   *result = palloc(length);
	int			n = 0;

	for (int i = 1; i < length - 1; i++)
	{
		if ((unsigned char) text[i] < ' ' || text[i] == 0x7F)
			return NULL;
		result[n++] = text[i];
		if (text[i] == '\'')
			i++;				/* the second of two */
	}
	result[n] = '\0';
	return n == 0 || n > 255 ? NULL : result;
}

typedef struct LiteralList
{
	int			count;
	int			room;
	int64	   *numbers;
	char	  **texts;
} LiteralList;

static bool
read_literal(Parser *p, const AttributeInfo *info, LiteralList *list)
{
	const char *text = p->text + p->start;
	int64		number = 0;
	char	   *word = NULL;
	bool		good;

	switch (info->kind)
	{
		case KIND_DECIMAL:
		case KIND_WHOLE:
			good = p->kind == TOKEN_NUMBER && parse_number(text, p->length, info->kind == KIND_WHOLE, &number);
			break;
		case KIND_DURATION:
			good = p->kind == TOKEN_DURATION && duration_parse(pnstrdup(text, p->length), &number);
			break;
		case KIND_BOOLEAN:
			good = is_word(p, "true") || is_word(p, "false");
			number = is_word(p, "true");
			break;
		default:
			word = p->kind == TOKEN_TEXT ? parse_text(text, p->length) : NULL;
			good = word != NULL;
			if (good && info->words != NULL)
			{
				int			i = 0;

				while (info->words[i] != NULL && strcmp(info->words[i], word) != 0)
					i++;
				good = info->words[i] != NULL;
			}
	}
	if (!good)
		return refuse(p, FORM, psprintf("what %s is compared with is missing or cannot be", info->name), literal_hint(info));
	if (list->count == list->room)
	{
		list->room = Max(8, list->room * 2);
		list->numbers = list->numbers == NULL ? palloc(list->room * sizeof(int64)) : repalloc(list->numbers, list->room * sizeof(int64));
		list->texts = list->texts == NULL ? palloc(list->room * sizeof(char *)) : repalloc(list->texts, list->room * sizeof(char *));
	}
	list->numbers[list->count] = number;
	list->texts[list->count++] = word;
	next_token(p);
	return true;
}

static int
int64_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

static int
text_compare(const void *x, const void *y)
{
	const char *a = *(char *const *) x;
	const char *b = *(char *const *) y;

	return code_compare(a, strlen(a), b, strlen(b));
}

/* Sort the literals of an atom, each once; a list of one is an equation. */
static void
keep_literals(Atom *atom, LiteralList *list, bool texts)
{
	int			count = 0;

	if (texts)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		qsort(list->texts, list->count, sizeof(char *), text_compare);
		for (int i = 0; i < list->count; i++)
			if (i == 0 || strcmp(list->texts[i], list->texts[i - 1]) != 0)
			{
				appendStringInfoChar(&buf, (char) strlen(list->texts[i]));
				appendStringInfoString(&buf, list->texts[i]);
				count++;
			}
		atom->codes.count = count;
		atom->codes.bytes = buf.len;
		atom->codes.data = buf.data;
	}
	else
	{
		qsort(list->numbers, list->count, sizeof(int64), int64_compare);
		for (int i = 0; i < list->count; i++)
			if (i == 0 || list->numbers[i] != list->numbers[i - 1])
				list->numbers[count++] = list->numbers[i];
		atom->nnumbers = count;
		atom->numbers = list->numbers;
	}
	if (count == 1 && atom->operator == ATOM_IN)
		atom->operator = ATOM_EQUAL;
	if (count == 1 && atom->operator == ATOM_NOT_IN)
		atom->operator = ATOM_NOT_EQUAL;
}

static bool
read_atom(Parser *p)
{
	RuleCondition *condition = p->condition;
	Atom	   *atom;
	AttributeInfo info;
	bool		ordered;
	bool		texts;
	LiteralList list = {0};

	if (condition->natoms == CONDITION_ATOMS_MAX)
		return refuse(p, ERRCODE_PROGRAM_LIMIT_EXCEEDED, psprintf("more than %d comparisons", CONDITION_ATOMS_MAX),
					  "Write several rules, each with a condition and a priority.");
	atom = &condition->atoms[condition->natoms];
	memset(atom, 0, sizeof(Atom));
	if (!read_attribute(p, atom))
		return false;
	info = condition_attribute_info(atom->subject, atom->attribute);
	ordered = info.kind == KIND_DECIMAL || info.kind == KIND_WHOLE || info.kind == KIND_DURATION;
	texts = info.kind == KIND_CODES || info.kind == KIND_PLACE;

	if (is_word(p, "is"))
	{
		next_token(p);
		atom->operator = is_word(p, "not") ? ATOM_NOT_KNOWN : ATOM_KNOWN;
		if (is_word(p, "not"))
			next_token(p);
		if (!is_word(p, "known"))
			return refuse(p, FORM, "\"known\" is missing", "Write: is known, or is not known.");
		next_token(p);
	}
	else if (is_word(p, "in") || is_word(p, "not"))
	{
		atom->operator = is_word(p, "not") ? ATOM_NOT_IN : ATOM_IN;
		if (is_word(p, "not"))
			next_token(p);
		if (!is_word(p, "in"))
			return refuse(p, FORM, "\"in\" is missing", EXAMPLE);
		next_token(p);
		if (!is_symbol(p, "("))
			return refuse(p, FORM, "\"(\" is missing", "Write a list in parentheses, such as ('BESS', 'CHP').");
		do
		{
			next_token(p);
			if (!read_literal(p, &info, &list))
				return false;
		} while (is_symbol(p, ","));
		if (!is_symbol(p, ")"))
			return refuse(p, FORM, "\",\" or \")\" is missing", "Write a list in parentheses, such as ('BESS', 'CHP').");
		next_token(p);
		keep_literals(atom, &list, texts);
	}
	else
	{
		AtomOperator operator = ATOM_EQUAL;

		while (operator <= ATOM_GREATER_OR_EQUAL && !is_symbol(p, condition_operator_text[operator]))
			operator++;
		if (operator > ATOM_GREATER_OR_EQUAL)
			return refuse(p, FORM, "a comparison is missing", "Write =, <>, <, <=, >, >=, in, not in, is known or is not known.");
		if (operator >= ATOM_LESS && !ordered)
			return refuse(p, FORM, psprintf("%s has no order", info.name), "Write =, <>, in or not in.");
		atom->operator = operator;
		next_token(p);
		if (!read_literal(p, &info, &list))
			return false;
		keep_literals(atom, &list, texts);
	}
	return add_step(p, STEP_ATOM, condition->natoms++);
}

static bool
read_negation(Parser *p)
{
	bool		good;

	if (!is_word(p, "not") && !is_symbol(p, "("))
		return read_atom(p);
	if (++p->depth > CONDITION_DEPTH_MAX)
		return refuse(p, ERRCODE_PROGRAM_LIMIT_EXCEEDED, psprintf("nested more than %d deep", CONDITION_DEPTH_MAX),
					  "Write several rules, each with a condition and a priority.");
	if (is_word(p, "not"))
	{
		next_token(p);
		good = read_negation(p) && add_step(p, STEP_NOT, 0);
	}
	else
	{
		next_token(p);
		good = read_condition(p);
		if (good && !is_symbol(p, ")"))
			return refuse(p, FORM, "\"and\", \"or\" or \")\" is missing", EXAMPLE);
		if (good)
			next_token(p);
	}
	p->depth--;
	return good;
}

static bool
read_conjunction(Parser *p)
{
	if (!read_negation(p))
		return false;
	while (is_word(p, "and"))
	{
		next_token(p);
		if (!read_negation(p) || !add_step(p, STEP_AND, 0))
			return false;
	}
	return true;
}

static bool
read_condition(Parser *p)
{
	if (!read_conjunction(p))
		return false;
	while (is_word(p, "or"))
	{
		next_token(p);
		if (!read_conjunction(p) || !add_step(p, STEP_OR, 0))
			return false;
	}
	return true;
}

/* Read a condition; NULL, after a soft error, when the text is none. */
RuleCondition *
rule_condition_compile(const char *text, struct Node *escontext)
{
	Parser		parser = {.text = text,.escontext = escontext,.steps_room = 16};

	if (strlen(text) > CONDITION_TEXT_MAX)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("invalid %s: the text is too long", CONDITION_TYPE_NAME),
				 errdetail("It has %d bytes; at most %d are read.", (int) strlen(text), CONDITION_TEXT_MAX),
				 errhint("Write several rules, each with a condition and a priority.")));
	parser.condition = palloc0(sizeof(RuleCondition));
	parser.condition->atoms = palloc(CONDITION_ATOMS_MAX * sizeof(Atom));
	parser.condition->steps = palloc(parser.steps_room * sizeof(Step));
	next_token(&parser);
	if (!read_condition(&parser))
		return NULL;
	if (parser.kind != TOKEN_END)
	{
		refuse(&parser, FORM, "\"and\" or \"or\" is missing", EXAMPLE);
		return NULL;
	}
	return parser.condition;
}
