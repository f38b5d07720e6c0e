/*
 * hold.h
 *		Trades that wait because of what was found on them.
 */
#ifndef FLEX_HOLD_H
#define FLEX_HOLD_H

#include "book.h"
#include "supply_kept.h"

extern void hold_carry_out(Instance *instance, const Commitment *posted, RulesetAction action);
extern void hold_release_all(Instance *instance, const IdList *units);
extern void hold_release(Instance *instance, int64 unit_id);

#endif							/* FLEX_HOLD_H */
