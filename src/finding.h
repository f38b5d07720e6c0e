/*
 * finding.h
 *		A finding of the rules engine, and keeping it in table conflict.
 */
#ifndef FLEX_FINDING_H
#define FLEX_FINDING_H

#include "energy.h"

typedef enum ConflictKind
{
	CONFLICT_DOUBLE_COMMITMENT,
	CONFLICT_DUPLICATE,
	CONFLICT_JUMPING,
	CONFLICT_HEADROOM,
	CONFLICT_DIRECTION,
	CONFLICT_RECOVERY,
	CONFLICT_EXCLUSIVITY,
	CONFLICT_ENERGY,
	CONFLICT_KIND_COUNT
} ConflictKind;

/* An agreement that a unit serves one service alone. */
typedef struct Exclusivity
{
	int64		id;
	char	   *service;		/* its code */
	TimeWindow	window;
} Exclusivity;

/* A finding, as it will be written. */
typedef struct Finding
{
	ConflictKind kind;
	bool		advisory;
	const Commitment *challenger;	/* posted later */
	const Commitment *incumbent;	/* posted earlier; NULL but for pairs */
	const Exclusivity *exclusivity; /* NULL but for exclusivity */
	TimeWindow	overlap;
	const Ruleset *ruleset;		/* NULL: none was needed */
	const StackingCell *cell;	/* verdicts on the pair; NULL: none were needed */
	StackingMode decisive;		/* the mode whose rule is named */
	const Headroom *headroom;	/* NULL but for headroom */
	const EnergyRun *energy;	/* NULL but for energy */
	int64		recovery_us;	/* that was due; of recovery alone */
	RulesetAction action;		/* to be carried out; nought is to notify */
} Finding;

/* An open finding, by what it is of. */
typedef struct StoredFinding
{
	int64		challenger_id;
	int64		other_id;		/* incumbent or agreement; 0: none */
	ConflictKind kind;
} StoredFinding;

/* What it is known by, as columns of table conflict. */
#define STORED_COLUMNS \
	"challenger_id::pg_catalog.int8, COALESCE(incumbent_id, exclusivity_id, 0)::pg_catalog.int8, kind::pg_catalog.text"

typedef struct FindingCounts
{
	int64		written;		/* rows opened or changed */
	int64		closed;
} FindingCounts;

extern FindingCounts finding_counts(void);
extern void finding_counted(int64 written, int64 closed);
extern void stored_finding_read(HeapTuple row, TupleDesc desc, int column, StoredFinding *stored);
extern const char *conflict_kind_name(ConflictKind kind);
extern void finding_write(Instance *instance, const Finding *finding);
extern void finding_close(Instance *instance, const StoredFinding *stored);
extern void finding_close_all(Instance *instance, int64 commitment_id);
extern StoredFinding *findings_of_commitment(Instance *instance, int64 commitment_id, int *count);
extern StoredFinding *findings_of_unit(Instance *instance, int64 unit_id, ConflictKind kind, int *count);

#endif							/* FLEX_FINDING_H */
