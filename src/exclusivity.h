/*
 * exclusivity.h
 *		Agreements that a unit serves one service alone.
 */
#ifndef FLEX_EXCLUSIVITY_H
#define FLEX_EXCLUSIVITY_H

#include "finding.h"

extern bool no_exclusivity(Instance *instance);
extern Exclusivity *exclusivities_read(Instance *instance, int64 unit_id, const TimeWindow *window, int *count);

#endif							/* FLEX_EXCLUSIVITY_H */
