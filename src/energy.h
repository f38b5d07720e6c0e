/*
 * energy.h
 *		Can a unit keep up what it is to deliver without a break?
 */
#ifndef FLEX_ENERGY_H
#define FLEX_ENERGY_H

#include "headroom.h"

typedef struct EnergyRun
{
	bool		exceeds;
	TimeWindow	window;			/* the run: from where delivery begins to where it pauses */
	int64		needed_wh;		/* rounded up; -1: without bound, or not asked for */
	const UnitTerms *terms;		/* the limits */
} EnergyRun;

extern void energy_examine(const Rulebook *rulebook, const Commitment *subject, const Commitment *earlier,
						   int nearlier, const UnitTerms *terms, EnergyRun *result);

#endif							/* FLEX_ENERGY_H */
