/*
 * headroom.h
 *		Can a commitment be supplied beside what was promised before it?
 */
#ifndef FLEX_HEADROOM_H
#define FLEX_HEADROOM_H

#include "supply.h"

/* One lineage in the heaviest set. */
typedef struct HeadroomMember
{
	const Commitment *root;
	int64		weight_w;		/* 0: it lacks nothing, but it bars one that does */
	bool		bars;			/* a portfolio of the set from drawing on its asset */
	int			common_assets;	/* with the subject's unit; -1: of that unit */
} HeadroomMember;

typedef struct Headroom
{
	bool		short_of_power;
	bool		advisory;		/* would fit if unknown verdicts were yes */
	int64		short_w;		/* the greatest shortage */
	int64		capacity_w;		/* at the worst instant */
	int64		needed_w;		/* at the worst instant */
	const Ruleset *ruleset;		/* at the worst instant; NULL: none in force */
	int			nmembers;		/* the heaviest set at the worst instant */
	HeadroomMember *members;
	int			nwindows;		/* when power is short, in order, adjacent ones joined */
	TimeWindow *windows;
} Headroom;

/* Commitments in one direction with their lineages, to be weighed at instants. */
typedef struct LineageNode LineageNode;

extern LineageNode *lineages_make(const Commitment *subject, const Commitment *others, int nothers);
extern int64 lineages_power_w(const Rulebook *rulebook, LineageNode *nodes, int n, int64 instant_us);

extern bool headroom_may_bar(const Rulebook *rulebook, const Commitment *subject, const Commitment *others, int nothers);
extern void headroom_examine(const Rulebook *rulebook, const Commitment *subject,
							 const Commitment *earlier, int nearlier,
							 Supply *supply, Headroom *result);

#endif							/* FLEX_HEADROOM_H */
