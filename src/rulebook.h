/*
 * rulebook.h
 *		The agreed stacking rules, compiled: a pair of services costs an array look-up.
 */
#ifndef FLEX_RULEBOOK_H
#define FLEX_RULEBOOK_H

#include "rule_condition.h"
#include "window_io.h"

typedef enum StackingMode
{
	MODE_CO_DELIVERY,			/* same megawatt, same time */
	MODE_SPLITTING,				/* other megawatt, same time */
	MODE_JUMPING,				/* other time */
	MODE_COUNT
} StackingMode;

/* What a ruleset takes a verdict to mean, the laxer first. */
typedef enum StackingMeaning
{
	MEANING_YES,
	MEANING_NOT_TESTED,
	MEANING_UNKNOWN,
	MEANING_NO
} StackingMeaning;

/* How far apart two commitments may be and still be a jump, the narrower first. */
typedef enum JumpingScope
{
	JUMPING_DAY,				/* a local delivery day in common */
	JUMPING_CONTRACT,			/* contract periods that overlap */
	JUMPING_REGISTRATION,		/* whenever, for as long as the unit is registered */
	JUMPING_SCOPE_COUNT
} JumpingScope;

/* What a ruleset wants done about a finding. */
typedef enum RulesetAction
{
	ACTION_NOTIFY,				/* both stand, the parties are told */
	ACTION_HOLD,				/* the challenger is stored, and live once it is resolved */
	ACTION_REJECT,				/* the challenger is stored as rejected */
	ACTION_COUNT
} RulesetAction;

/* A finding about which more is wanted than to notify. */
typedef struct ActionRule
{
	const char *kind;
	const char *severity;
	const char *stage;			/* of the challenger */
	RulesetAction action;
} ActionRule;

typedef struct StackingCell
{
	StackingMeaning meaning[MODE_COUNT];
	const char *verdict[MODE_COUNT];	/* as published */
	const char *reason[MODE_COUNT]; /* for people; NULL: none given */
	int64		rule_id[MODE_COUNT];	/* 0: the ruleset has no rule */
	bool		advisory[MODE_COUNT];	/* carry a no as a warning */
	const char *condition[MODE_COUNT];	/* of the rule, canonical; NULL: none */
	bool		conditional;	/* some rule of the pair has a condition: see rulebook_judge() */
} StackingCell;

/* One rule, or what stands for a pair without one. */
typedef struct StackingRule
{
	StackingMeaning meaning;
	const char *verdict;
	const char *reason;
	int64		id;				/* 0: the ruleset has no rule */
	bool		advisory;
	const char *condition_text; /* NULL: none */
	const RuleCondition *condition;
} StackingRule;

/* The rules of an ordered pair of services and mode, in the order in which they are tried. */
typedef struct StackingRules
{
	int			nrules;
	StackingRule *rules;		/* the last has no condition */
} StackingRules;

/* What a rule is taken for whose condition is unknown for a pair. */
typedef enum ConditionReading
{
	READING_UNKNOWN,			/* the meaning is unknown, unless both ways lead to the same */
	READING_MET,
	READING_NOT_MET,
	READING_COUNT
} ConditionReading;

typedef struct Ruleset
{
	int64		id;
	char	   *code;
	TimeWindow	in_force;
	StackingCell *cells;		/* nservices x nservices, symmetric: the rules without a condition */
	StackingRules *rules;		/* nservices x nservices x MODE_COUNT, of ordered pairs */
	ConditionReading unknown_condition;
	bool	   *jumps;			/* per service: is any jumping a known no */
	JumpingScope jumping_scope;
	int			nactions;
	ActionRule *actions;
} Ruleset;

typedef struct Rulebook
{
	int			nservices;
	char	  **services;		/* codes, by index */
	int			nrulesets;
	Ruleset    *rulesets;		/* those in force, by window; they do not overlap */
	bool		any_condition;	/* has any rule one */
	bool		any_exclusivity;	/* is there any agreement at all */
	bool		network_watched;	/* does the network matter: see network.c */
} Rulebook;

struct Instance;

extern Rulebook *rulebook_compile(struct Instance *instance, MemoryContext context, const char *only_ruleset);
extern int	rulebook_service(const Rulebook *rulebook, const char *code, int length);
extern const Ruleset *rulebook_at(const Rulebook *rulebook, int64 instant_us);
extern const StackingCell *rulebook_cell(const Rulebook *rulebook, const Ruleset *ruleset,
										 int service_a, int service_b);
extern const StackingCell *rulebook_judge(const Rulebook *rulebook, const Ruleset *ruleset,
										  int service_a, const CommitmentFacts *a,
										  int service_b, const CommitmentFacts *b, const UnitFacts *unit);
extern bool rulebook_shares(const Rulebook *rulebook, const Ruleset *ruleset,
							int service_a, int service_b, bool unknown_is_yes);
extern bool rulebook_bars(const Rulebook *rulebook, const Ruleset *ruleset,
							int service_a, int service_b, bool unknown_is_yes);
extern bool rulebook_may_jump(const Rulebook *rulebook, int service, JumpingScope *scope);
extern bool rulebook_counts_contracts(const Rulebook *rulebook);
extern RulesetAction rulebook_action(const Ruleset *ruleset, const char *kind, const char *severity,
									 const char *stage);
extern const char *jumping_scope_name(JumpingScope scope);
extern const char *ruleset_action_name(RulesetAction action);
extern const char *stacking_mode_name(StackingMode mode);
extern const char *stacking_meaning_name(StackingMeaning meaning);

#endif							/* FLEX_RULEBOOK_H */
