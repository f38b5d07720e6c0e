/*
 * counteraction.h
 *		Dispatches against one another, against limits and against removals.
 */
#ifndef FLEX_COUNTERACTION_H
#define FLEX_COUNTERACTION_H

#include "book.h"

extern void counteraction_posted(Instance *instance, const Commitment *posted);
extern void counteraction_relinked(Instance *instance, const Commitment *relinked);
extern void counteraction_closed(Instance *instance, const Commitment *closed);
extern void counteraction_swept(Instance *instance, const TimeWindow *span);

#endif							/* FLEX_COUNTERACTION_H */
