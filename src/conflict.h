/*
 * conflict.h
 *		Finding what cannot all be kept, event by event.
 */
#ifndef FLEX_CONFLICT_H
#define FLEX_CONFLICT_H

#include "headroom.h"

extern void conflict_posted(Instance *instance, const Commitment *posted, const Capacity *capacity);
extern void conflict_relinked(Instance *instance, const Commitment *relinked);
extern void conflict_reexamine(Instance *instance, const Commitment *subject);
extern void conflict_closed(Instance *instance, const Commitment *closed);
extern void conflict_rules_changed(Instance *instance, int64 unit_id, bool portfolio,
								   const TimeWindow *window);
extern void conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio,
										 const TimeWindow *window);
extern void conflict_terms_changed(Instance *instance, int64 unit_id, bool portfolio,
								   const TimeWindow *window);
extern void conflict_capacity_changed(Instance *instance, int64 unit_id, bool portfolio,
									  const TimeWindow *window);

/* reexamine.c: let nobody post on a unit before this transaction ends */

#endif							/* FLEX_CONFLICT_H */
