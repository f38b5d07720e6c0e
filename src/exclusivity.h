/*
 * exclusivity.h
 *		Commitments against agreements that a unit serves one service alone.
 */
#ifndef FLEX_EXCLUSIVITY_H
#define FLEX_EXCLUSIVITY_H

#include "finding.h"

extern void exclusivity_posted(Instance *instance, const Commitment *posted);
extern void exclusivity_changed(Instance *instance, int64 unit_id, const TimeWindow *window,
								const Commitment *live, int nlive);

#endif							/* FLEX_EXCLUSIVITY_H */
