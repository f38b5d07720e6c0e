/*
 * rule_condition.c
 *		SQL type rule_condition: when a rule applies.
 *
 * The language, as recursive descent reads it:
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
 * Nothing of it reaches SQL.  A value is stored as its canonical text: keywords in
 * lower case, one blank between words, no parentheses that could be left out, lists
 * sorted and without repetition, a list of one as an equation.  So equal conditions,
 * written differently, are equal texts, and the type borrows the operators of text.
 *
 * Compiled, a condition is an array of atoms and a program in postfix order, which
 * needs a stack no deeper than there are atoms.  A set of codes (technology) equals
 * a code, or lies in a list, when all of it does.
 *
 * Binary form: one byte, the version 1, then the text.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>

#include "common/int.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "rule_condition.h"
#include "window_io.h"

#define TYPE_NAME	"rule_condition"

/* ----------
 * Attributes
 * ----------
 */

/* Those of a commitment; the unit's follow as dimensions of eligibility. */
typedef enum CommitmentAttribute
{
	ATTRIBUTE_POWER,
	ATTRIBUTE_DURATION,
	ATTRIBUTE_STAGE,
	ATTRIBUTE_DIRECTION,
	ATTRIBUTE_MARKET,
	ATTRIBUTE_PRODUCT,
	N_COMMITMENT_ATTRIBUTES
} CommitmentAttribute;

typedef struct AttributeInfo
{
	const char *name;
	DimensionKind kind;
	const char *const *words;	/* NULL: any text */
} AttributeInfo;

static const char *const stage_words[] = {"bid", "award", "availability", "dispatch", NULL};
static const char *const direction_words[] = {"up", "down", NULL};
static const char *const unit_words[] = {"asset", "portfolio", NULL};

static const AttributeInfo commitment_attribute[N_COMMITMENT_ATTRIBUTES] = {
	[ATTRIBUTE_POWER] = {"power_kw", KIND_DECIMAL, NULL},
	[ATTRIBUTE_DURATION] = {"duration", KIND_DURATION, NULL},
	[ATTRIBUTE_STAGE] = {"stage", KIND_PLACE, stage_words},
	[ATTRIBUTE_DIRECTION] = {"direction", KIND_PLACE, direction_words},
	[ATTRIBUTE_MARKET] = {"market", KIND_PLACE, NULL},
	[ATTRIBUTE_PRODUCT] = {"product", KIND_PLACE, NULL},
};

/* stands beside the dimensions of the unit */
#define ATTRIBUTE_UNIT_KIND	N_DIMENSIONS
static const AttributeInfo unit_kind_attribute = {"unit_kind", KIND_PLACE, unit_words};

typedef enum AtomOperator
{
	ATOM_EQUAL,
	ATOM_NOT_EQUAL,
	ATOM_LESS,
	ATOM_LESS_OR_EQUAL,
	ATOM_GREATER,
	ATOM_GREATER_OR_EQUAL,
	ATOM_IN,
	ATOM_NOT_IN,
	ATOM_KNOWN,
	ATOM_NOT_KNOWN
} AtomOperator;

static const char *const operator_text[] = {
	[ATOM_EQUAL] = "=",
	[ATOM_NOT_EQUAL] = "<>",
	[ATOM_LESS] = "<",
	[ATOM_LESS_OR_EQUAL] = "<=",
	[ATOM_GREATER] = ">",
	[ATOM_GREATER_OR_EQUAL] = ">=",
	[ATOM_IN] = "in",
	[ATOM_NOT_IN] = "not in",
	[ATOM_KNOWN] = "is known",
	[ATOM_NOT_KNOWN] = "is not known",
};

typedef struct Atom
{
	ConditionSubject subject;
	int			attribute;		/* a CommitmentAttribute, a Dimension or ATTRIBUTE_UNIT_KIND */
	AtomOperator operator;
	int			nnumbers;
	int64	   *numbers;		/* sorted: quantities, durations, 0 or 1 */
	CodeList	codes;			/* sorted: texts */
} Atom;

typedef enum StepKind
{
	STEP_ATOM,
	STEP_NOT,
	STEP_AND,
	STEP_OR
} StepKind;

typedef struct Step
{
	StepKind	kind;
	int			atom;			/* of STEP_ATOM */
} Step;

struct RuleCondition
{
	int			natoms;
	Atom	   *atoms;
	int			nsteps;
	Step	   *steps;			/* postfix */
};

static AttributeInfo
attribute_info(ConditionSubject subject, int attribute)
{
	AttributeInfo info = {NULL, KIND_CODES, NULL};

	if (subject != SUBJECT_UNIT)
		return commitment_attribute[attribute];
	if (attribute == ATTRIBUTE_UNIT_KIND)
		return unit_kind_attribute;
	info.name = dimension_info[attribute].name;
	info.kind = dimension_info[attribute].kind;
	return info;
}

/* ----------
 * Judging
 * ----------
 */

static ConditionTruth
negated(ConditionTruth truth)
{
	return CONDITION_TRUE - truth;
}

static ConditionTruth
number_truth(const Atom *atom, int64 value)
{
	bool		found = false;

	switch (atom->operator)
	{
		case ATOM_LESS:
			return value < atom->numbers[0] ? CONDITION_TRUE : CONDITION_FALSE;
		case ATOM_LESS_OR_EQUAL:
			return value <= atom->numbers[0] ? CONDITION_TRUE : CONDITION_FALSE;
		case ATOM_GREATER:
			return value > atom->numbers[0] ? CONDITION_TRUE : CONDITION_FALSE;
		case ATOM_GREATER_OR_EQUAL:
			return value >= atom->numbers[0] ? CONDITION_TRUE : CONDITION_FALSE;
		default:
			for (int i = 0; i < atom->nnumbers; i++)
				found |= atom->numbers[i] == value;
			return found == (atom->operator == ATOM_EQUAL || atom->operator == ATOM_IN) ?
				CONDITION_TRUE : CONDITION_FALSE;
	}
}

static ConditionTruth
codes_truth(const Atom *atom, const CodeList *codes)
{
	return codes_within(codes, &atom->codes) == (atom->operator == ATOM_EQUAL || atom->operator == ATOM_IN) ?
		CONDITION_TRUE : CONDITION_FALSE;
}

static ConditionTruth
word_truth(const Atom *atom, const char *word)
{
	bool		found = false;
	int			length = strlen(word);

	for (const char *at = atom->codes.data; at < atom->codes.data + atom->codes.bytes && !found; at += 1 + (uint8) *at)
		found = (uint8) *at == length && memcmp(at + 1, word, length) == 0;
	return found == (atom->operator == ATOM_EQUAL || atom->operator == ATOM_IN) ? CONDITION_TRUE : CONDITION_FALSE;
}

/* Of a commitment everything is known. */
static ConditionTruth
commitment_truth(const Atom *atom, const CommitmentFacts *facts)
{
	if (atom->operator == ATOM_KNOWN || atom->operator == ATOM_NOT_KNOWN)
		return atom->operator == ATOM_KNOWN ? CONDITION_TRUE : CONDITION_FALSE;
	switch ((CommitmentAttribute) atom->attribute)
	{
		case ATTRIBUTE_POWER:
			return number_truth(atom, facts->power_w);
		case ATTRIBUTE_DURATION:
			return number_truth(atom, facts->duration_us);
		case ATTRIBUTE_STAGE:
			return word_truth(atom, facts->stage);
		case ATTRIBUTE_DIRECTION:
			return word_truth(atom, facts->direction);
		case ATTRIBUTE_MARKET:
			return word_truth(atom, facts->market);
		default:
			return word_truth(atom, facts->product);
	}
}

static ConditionTruth
unit_truth(const Atom *atom, const UnitFacts *facts)
{
	bool		known = atom->attribute == ATTRIBUTE_UNIT_KIND || profile_knows(&facts->profile, atom->attribute);

	if (atom->operator == ATOM_KNOWN || atom->operator == ATOM_NOT_KNOWN)
		return known == (atom->operator == ATOM_KNOWN) ? CONDITION_TRUE : CONDITION_FALSE;
	if (!known)
		return CONDITION_UNKNOWN;
	if (atom->attribute == ATTRIBUTE_UNIT_KIND)
		return word_truth(atom, facts->kind);
	if (atom->attribute < N_NUMBERS)
		return number_truth(atom, facts->profile.number[atom->attribute]);
	if (atom->attribute < FIRST_CODE + N_CODES)
		return codes_truth(atom, &facts->profile.codes[atom->attribute - FIRST_CODE]);
	return number_truth(atom, (facts->profile.choices & dimension_choices(atom->attribute)) != 0);
}

static void
note_truth(AtomTruths *truths, int atom, ConditionTruth truth)
{
	if (truth == CONDITION_TRUE)
		truths->is_true |= UINT64CONST(1) << atom;
	else if (truth == CONDITION_UNKNOWN)
		truths->is_unknown |= UINT64CONST(1) << atom;
}

/* The atoms about one side, for a commitment that stands on it. */
AtomTruths
rule_condition_atoms_of_commitment(const RuleCondition *condition, ConditionSubject side, const CommitmentFacts *facts)
{
	AtomTruths	truths = {0, 0};

	for (int i = 0; i < condition->natoms; i++)
		if (condition->atoms[i].subject == side)
			note_truth(&truths, i, commitment_truth(&condition->atoms[i], facts));
	return truths;
}

/* The atoms about the unit. */
AtomTruths
rule_condition_atoms_of_unit(const RuleCondition *condition, const UnitFacts *facts)
{
	AtomTruths	truths = {0, 0};

	for (int i = 0; i < condition->natoms; i++)
		if (condition->atoms[i].subject == SUBJECT_UNIT)
			note_truth(&truths, i, unit_truth(&condition->atoms[i], facts));
	return truths;
}

/* Whether a condition holds, from the truth of all its atoms. */
ConditionTruth
rule_condition_combine(const RuleCondition *condition, AtomTruths a, AtomTruths b, AtomTruths unit)
{
	uint64		is_true = a.is_true | b.is_true | unit.is_true;
	uint64		is_unknown = a.is_unknown | b.is_unknown | unit.is_unknown;
	ConditionTruth stack[CONDITION_ATOMS_MAX];
	int			top = -1;

	for (int i = 0; i < condition->nsteps; i++)
	{
		const Step *step = &condition->steps[i];

		switch (step->kind)
		{
			case STEP_ATOM:
				stack[++top] = (is_true >> step->atom) & 1 ? CONDITION_TRUE :
					(is_unknown >> step->atom) & 1 ? CONDITION_UNKNOWN : CONDITION_FALSE;
				break;
			case STEP_NOT:
				stack[top] = negated(stack[top]);
				break;
			case STEP_AND:
				top--;
				stack[top] = Min(stack[top], stack[top + 1]);
				break;
			case STEP_OR:
				top--;
				stack[top] = Max(stack[top], stack[top + 1]);
				break;
		}
	}
	return stack[0];
}

/* Whether a condition holds for a pair of commitments of a unit. */
ConditionTruth
rule_condition_truth(const RuleCondition *condition, const CommitmentFacts *a, const CommitmentFacts *b,
					 const UnitFacts *unit)
{
	return rule_condition_combine(condition,
								  rule_condition_atoms_of_commitment(condition, SUBJECT_A, a),
								  rule_condition_atoms_of_commitment(condition, SUBJECT_B, b),
								  rule_condition_atoms_of_unit(condition, unit));
}

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
			 p->kind == TOKEN_END ? errmsg("invalid %s: %s at the end", TYPE_NAME, complaint) :
			 errmsg("invalid %s: %s at \"%s\"", TYPE_NAME, complaint,
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
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ", commitment_attribute[i].name);
	appendStringInfo(&buf, "; of the unit: %s", unit_kind_attribute.name);
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
		AttributeInfo info = attribute_info(of_unit ? SUBJECT_UNIT : SUBJECT_A, i);

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
	info = attribute_info(atom->subject, atom->attribute);
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

		while (operator <= ATOM_GREATER_OR_EQUAL && !is_symbol(p, operator_text[operator]))
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
				 errmsg("invalid %s: the text is too long", TYPE_NAME),
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

/* ----------
 * Writing
 * ----------
 */

static void
append_number(StringInfo buf, DimensionKind kind, int64 value)
{
	switch (kind)
	{
		case KIND_DURATION:
			duration_append(buf, value);
			break;
		case KIND_BOOLEAN:
			appendStringInfoString(buf, value != 0 ? "true" : "false");
			break;
		case KIND_DECIMAL:
			appendStringInfo(buf, INT64_FORMAT, value / 1000);
			if (value % 1000 != 0)
			{
				appendStringInfo(buf, ".%03d", (int) (value % 1000));
				while (buf->data[buf->len - 1] == '0')
					buf->data[--buf->len] = '\0';
			}
			break;
		default:
			appendStringInfo(buf, INT64_FORMAT, value);
	}
}

static void
append_text(StringInfo buf, const char *text, int length)
{
	appendStringInfoChar(buf, '\'');
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '\'')
			appendStringInfoChar(buf, '\'');
		appendStringInfoChar(buf, text[i]);
	}
	appendStringInfoChar(buf, '\'');
}

static void
append_atom(StringInfo buf, const Atom *atom)
{
	AttributeInfo info = attribute_info(atom->subject, atom->attribute);
	bool		list = atom->operator == ATOM_IN || atom->operator == ATOM_NOT_IN;
	const char *separator = "";

	appendStringInfo(buf, "%s%s %s", atom->subject == SUBJECT_A ? "a." : atom->subject == SUBJECT_B ? "b." : "",
					 info.name, operator_text[atom->operator]);
	if (atom->operator == ATOM_KNOWN || atom->operator == ATOM_NOT_KNOWN)
		return;
	appendStringInfoString(buf, list ? " (" : " ");
	for (int i = 0; i < atom->nnumbers; i++, separator = ", ")
	{
		appendStringInfoString(buf, separator);
		append_number(buf, info.kind, atom->numbers[i]);
	}
	for (const char *at = atom->codes.data; at < atom->codes.data + atom->codes.bytes; at += 1 + (uint8) *at, separator = ", ")
	{
		appendStringInfoString(buf, separator);
		append_text(buf, at + 1, (uint8) *at);
	}
	if (list)
		appendStringInfoChar(buf, ')');
}

/* The step before the operands of `last` begin. */
static int
before_operand(const RuleCondition *condition, int last)
{
	int			missing = 1;

	while (missing > 0)
		switch (condition->steps[last--].kind)
		{
			case STEP_ATOM:
				missing--;
				break;
			case STEP_NOT:
				break;
			default:
				missing++;
		}
	return last;
}

/* The operand that ends with a step, in parentheses where what stands around binds more. */
static void
append_operand(StringInfo buf, const RuleCondition *condition, int last, StepKind around)
{
	const Step *step = &condition->steps[last];
	bool		parentheses = (step->kind == STEP_OR && around != STEP_OR) ||
		(step->kind == STEP_AND && around == STEP_NOT);

	if (parentheses)
		appendStringInfoChar(buf, '(');
	switch (step->kind)
	{
		case STEP_ATOM:
			append_atom(buf, &condition->atoms[step->atom]);
			break;
		case STEP_NOT:
			appendStringInfoString(buf, "not ");
			append_operand(buf, condition, last - 1, STEP_NOT);
			break;
		default:
			append_operand(buf, condition, before_operand(condition, last - 1), step->kind);
			appendStringInfoString(buf, step->kind == STEP_AND ? " and " : " or ");
			append_operand(buf, condition, last - 1, step->kind);
	}
	if (parentheses)
		appendStringInfoChar(buf, ')');
}

/* The canonical text. */
void
rule_condition_append_text(StringInfo buf, const RuleCondition *condition)
{
	append_operand(buf, condition, condition->nsteps - 1, STEP_OR);
}

/* ----------
 * The type
 * ----------
 */

/* Read a text and give the canonical one, which must be readable in turn. */
static text *
canonical(const char *str, struct Node *escontext)
{
	RuleCondition *condition = rule_condition_compile(str, escontext);
	StringInfoData buf;

	if (condition == NULL)
		return NULL;
	initStringInfo(&buf);
	rule_condition_append_text(&buf, condition);
	if (buf.len > CONDITION_TEXT_MAX)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("invalid %s: the text is too long", TYPE_NAME),
				 errdetail("Written out it has %d bytes; at most %d are read.", buf.len, CONDITION_TEXT_MAX)));
	return cstring_to_text_with_len(buf.data, buf.len);
}

/* Is the text a condition?  False, after a soft error, when it is none. */
bool
rule_condition_check(const char *str, struct Node *escontext)
{
	return canonical(str, escontext) != NULL;
}

PG_FUNCTION_INFO_V1(flex_rule_condition_in);
Datum
flex_rule_condition_in(PG_FUNCTION_ARGS)
{
	text	   *result = canonical(PG_GETARG_CSTRING(0), flex_escontext(fcinfo));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

PG_FUNCTION_INFO_V1(flex_rule_condition_out);
Datum
flex_rule_condition_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(text_to_cstring(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(flex_rule_condition_recv);
Datum
flex_rule_condition_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buf, 1);
	int			length;

	if (version != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid version of binary %s: %d", TYPE_NAME, version),
				 errhint("This server knows version 1: a byte of value 1, then the text.")));
	PG_RETURN_TEXT_P(canonical(pq_getmsgtext(buf, buf->len - buf->cursor, &length), NULL));
}

PG_FUNCTION_INFO_V1(flex_rule_condition_send);
Datum
flex_rule_condition_send(PG_FUNCTION_ARGS)
{
	text	   *condition = PG_GETARG_TEXT_PP(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, VARDATA_ANY(condition), VARSIZE_ANY_EXHDR(condition));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}
