/*
 * conflict.h
 *		Finding what cannot all be kept, event by event.
 */
#ifndef FLEX_CONFLICT_H
#define FLEX_CONFLICT_H

#include "headroom.h"

typedef enum ConflictKind
{
	CONFLICT_DOUBLE_COMMITMENT,
	CONFLICT_DUPLICATE,
	CONFLICT_JUMPING,
	CONFLICT_HEADROOM,
	CONFLICT_DIRECTION,
	CONFLICT_RECOVERY,
	CONFLICT_EXCLUSIVITY,
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
	const Commitment *incumbent;	/* posted earlier; NULL for headroom and exclusivity */
	const Exclusivity *exclusivity; /* NULL but for exclusivity */
	TimeWindow	overlap;
	const Ruleset *ruleset;		/* NULL: none was needed */
	const StackingCell *cell;	/* verdicts on the pair; NULL: none were needed */
	StackingMode decisive;		/* the mode whose rule is named */
	const Headroom *headroom;	/* NULL but for headroom */
	int64		recovery_us;	/* that was due; of recovery alone */
} Finding;

/* A pair can jump and come too soon. */
#define PAIR_FINDINGS_MAX	2

extern const char *conflict_kind_name(ConflictKind kind);
extern int	conflict_of_pair(Instance *instance, const Commitment *a, const Commitment *b,
							 const UnitTerms *terms, Finding *findings);
extern void conflict_posted(Instance *instance, const Commitment *posted, const Capacity *capacity);
extern void conflict_relinked(Instance *instance, const Commitment *relinked);
extern void conflict_closed(Instance *instance, const Commitment *closed);
extern void conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio,
										 const TimeWindow *window);
extern void conflict_terms_changed(Instance *instance, int64 unit_id, bool portfolio,
								   const TimeWindow *window);
extern void conflict_capacity_changed(Instance *instance, int64 unit_id, bool portfolio,
									  const TimeWindow *window);

#endif							/* FLEX_CONFLICT_H */
