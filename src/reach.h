/*
 * reach.h
 *		Which units draw on the same assets, and what they have promised.
 */
#ifndef FLEX_REACH_H
#define FLEX_REACH_H

#include "supply_kept.h"

typedef struct UnitRef
{
	int64		id;
	bool		portfolio;
} UnitRef;

/* A unit as a hash key: ids are positive, so one number has room for the kind, too. */
static inline uint64
unit_key(UnitRef unit)
{
	return (uint64) unit.id << 1 | (unit.portfolio ? 1 : 0);
}

/* Those with whom a unit shares places. */
typedef struct Partners
{
	bool		known;
	IdList		portfolios;
	IdList		assets;
} Partners;

/* Units that are connected by assets or connections, and their live commitments. */
typedef struct Reach
{
	Partners	of_first;		/* unit */
	bool		has_first;		/* its commitments are in */
	IdList		seen;			/* those units, and partners of theirs of which nothing is promised */
	int			nunits;
	int			units_allocated;
	UnitRef    *units;
	IdList	   *portfolios;		/* by unit: those among its partners */
	int			n;
	int			allocated;
	Commitment *commitments;
} Reach;

extern Partners *reach_post(Instance *instance, const Commitment *posted, int nposted);
extern void reach_take(Instance *instance, const Commitment *self, const Commitment *live, int nlive,
					   BookWaitFunction concerns, Reach *reach);
extern void reach_read(Instance *instance, const Commitment *self, BookWaitFunction concerns,
					   bool is_promised, Reach *reach);
extern void reach_look(Instance *instance, const Commitment *self, BookWaitFunction concerns, Reach *reach);

#endif							/* FLEX_REACH_H */
