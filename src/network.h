/*
 * network.h
 *		Where live dispatches stand in the network, and reading what is near them.
 */
#ifndef FLEX_NETWORK_H
#define FLEX_NETWORK_H

#include "book.h"

/* A dispatch behind a node, as table network_dispatch holds it. */
typedef struct Place
{
	int64		commitment_id;
	int64		node_id;
	TimeWindow	window;
	bool		down;
	int64		market_operator_id;
	bool		named;			/* the dispatch is for this node */
} Place;

/* An operating limit or constraint period that stands, by what it bears on. */
typedef struct Restriction
{
	int64		node_id;
	TimeWindow	window;
	bool		down;
	int64		operator_id;
} Restriction;

extern bool network_watched(Instance *instance);
extern void network_watch(Instance *instance);
extern void network_hold_units(Instance *instance, const int64 *ids, int nids);
extern int64 *network_hold_dispatches(Instance *instance, const int64 *ids, int nids, int *count);
extern Place *network_place(Instance *instance, const int64 *ids, int nids, bool touch, int *count);
extern Restriction *network_restrictions(Instance *instance, const Place *places, int nplaces, int *count);
extern bool network_wait(Instance *instance, const Place *places, int nplaces,
						 const Restriction *restrictions, int nrestrictions);
extern bool network_any_removal(Instance *instance, Datum ids);

#endif							/* FLEX_NETWORK_H */
