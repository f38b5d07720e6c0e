/*
 * rule_condition_tree.h
 *		What a condition is made of: shared by its reader, its writer and its judge.
 */
#ifndef FLEX_RULE_CONDITION_TREE_H
#define FLEX_RULE_CONDITION_TREE_H

#include "rule_condition.h"

#define CONDITION_TYPE_NAME	"rule_condition"

/* Attributes of a commitment; the unit's are the dimensions of eligibility, and its kind. */
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

/* stands beside the dimensions of the unit */
#define ATTRIBUTE_UNIT_KIND	N_DIMENSIONS

typedef struct AttributeInfo
{
	const char *name;
	DimensionKind kind;
	const char *const *words;	/* NULL: any text */
} AttributeInfo;

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

extern const char *const condition_operator_text[];
extern AttributeInfo condition_attribute_info(ConditionSubject subject, int attribute);

#endif							/* FLEX_RULE_CONDITION_TREE_H */
