/*
 * rule_condition.h
 *		When a rule applies: a small closed language, and judging it.
 *
 * A condition is about a pair of commitments of one unit.  An atom compares one
 * attribute with what is written: of the commitment of the rule's first service
 * (a.power_kw), of that of its second (b.market), or of the unit, which both are of
 * (technology).  Atoms are joined by and, or, not.  So the truth of the atoms about
 * a commitment can be taken once, and be combined with that of any other.
 *
 * Logic is three-valued, as in SQL: an attribute that is not known makes its atom
 * unknown.  Judging touches no memory but what it is given and calls nothing of the
 * server.
 */
#ifndef FLEX_RULE_CONDITION_H
#define FLEX_RULE_CONDITION_H

#include "eligibility.h"

#define CONDITION_TEXT_MAX		4096
#define CONDITION_ATOMS_MAX		64	/* one bit each */
#define CONDITION_DEPTH_MAX		32	/* of parentheses and nots */

/* in the order of and being the least, or the greatest */
typedef enum ConditionTruth
{
	CONDITION_FALSE,
	CONDITION_UNKNOWN,
	CONDITION_TRUE
} ConditionTruth;

/* What an atom is about. */
typedef enum ConditionSubject
{
	SUBJECT_A,					/* the commitment of service_a */
	SUBJECT_B,					/* the commitment of service_b */
	SUBJECT_UNIT,
	SUBJECT_COUNT
} ConditionSubject;

/* What is known of a commitment. */
typedef struct CommitmentFacts
{
	const char *stage;
	const char *direction;
	const char *market;			/* code */
	const char *product;		/* code */
	int64		power_w;
	int64		duration_us;	/* ENDLESS for a window without end */
} CommitmentFacts;

typedef struct UnitFacts
{
	const char *kind;			/* asset or portfolio */
	Profile		profile;		/* what it declares; all zero when nothing */
} UnitFacts;

/* Bit i is atom i. */
typedef struct AtomTruths
{
	uint64		is_true;
	uint64		is_unknown;
} AtomTruths;

typedef struct RuleCondition RuleCondition;

extern RuleCondition *rule_condition_compile(const char *text, struct Node *escontext);
extern bool rule_condition_check(const char *text, struct Node *escontext);
extern void rule_condition_append_text(StringInfo buf, const RuleCondition *condition);
extern AtomTruths rule_condition_atoms_of_commitment(const RuleCondition *condition, ConditionSubject side,
													 const CommitmentFacts *facts);
extern AtomTruths rule_condition_atoms_of_unit(const RuleCondition *condition, const UnitFacts *facts);
extern ConditionTruth rule_condition_combine(const RuleCondition *condition, AtomTruths a, AtomTruths b,
											 AtomTruths unit);
extern ConditionTruth rule_condition_truth(const RuleCondition *condition, const CommitmentFacts *a,
										   const CommitmentFacts *b, const UnitFacts *unit);

#endif							/* FLEX_RULE_CONDITION_H */
