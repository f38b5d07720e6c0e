/*
 * rule_condition.c
 *		SQL type rule_condition: when a rule applies.
 *
 * rule_condition_read.c has the language.  A value is stored as its canonical text:
 * keywords in lower case, one blank between words, no parentheses that could be left
 * out, lists sorted and without repetition, a list of one as an equation.  So equal
 * conditions, written differently, are equal texts, and the type borrows the
 * operators of text.
 *
 * Compiled, a condition is an array of atoms and a program in postfix order, which
 * needs a stack no deeper than there are atoms.  A set of codes (technology) equals
 * a code, or lies in a list, when all of it does.
 *
 * Binary form: one byte, the version 1, then the text.
 */
#include "postgres.h"
#include "compat.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "rule_condition_tree.h"

/* ----------
 * Attributes
 * ----------
 */

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

static const AttributeInfo unit_kind_attribute = {"unit_kind", KIND_PLACE, unit_words};

const char *const condition_operator_text[] = {
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

AttributeInfo
condition_attribute_info(ConditionSubject subject, int attribute)
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

	Assert(condition->nsteps > 0);
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
				Assert(top >= 0);
				stack[top] = negated(stack[top]);
				break;
			case STEP_AND:
				Assert(top >= 1);
				top--;
				stack[top] = Min(stack[top], stack[top + 1]);
				break;
			case STEP_OR:
				Assert(top >= 1);
				top--;
				stack[top] = Max(stack[top], stack[top + 1]);
				break;
		}
	}
	Assert(top == 0);
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
	AttributeInfo info = condition_attribute_info(atom->subject, atom->attribute);
	bool		list = atom->operator == ATOM_IN || atom->operator == ATOM_NOT_IN;
	const char *separator = "";

	appendStringInfo(buf, "%s%s %s", atom->subject == SUBJECT_A ? "a." : atom->subject == SUBJECT_B ? "b." : "",
					 info.name, condition_operator_text[atom->operator]);
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
				 errmsg("invalid %s: the text is too long", CONDITION_TYPE_NAME),
				 errdetail("Written out it has %d bytes; at most %d are read.", buf.len, CONDITION_TEXT_MAX),
				 errhint("Write several rules, each with a condition and a priority.")));
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
				 errmsg("invalid version of binary %s: %d", CONDITION_TYPE_NAME, version),
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
