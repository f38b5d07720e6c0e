/*
 * conflict.h
 *		Finding what cannot all be kept, event by event.
 */
#ifndef FLEX_CONFLICT_H
#define FLEX_CONFLICT_H

#include "headroom.h"

extern void conflict_posted(Instance *instance, const Commitment *posted, int nposted);
extern void conflict_relinked(Instance *instance, const Commitment *relinked);
extern void conflict_reexamine(Instance *instance, const Commitment *subject);
extern void conflict_closed(Instance *instance, const Commitment *closed, IdList *touched);
extern void conflict_rules_changed(Instance *instance, int64 unit_id, bool portfolio,
								   const TimeWindow *window, struct HTAB *examined);
extern void conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio,
										 const TimeWindow *window);
extern void conflict_terms_changed(Instance *instance, int64 unit_id, bool portfolio,
								   const TimeWindow *window);
extern void conflict_supply_changed(Instance *instance, const UnitRef *unit, const TimeWindow *window,
									struct HTAB *examined);

#endif							/* FLEX_CONFLICT_H */
