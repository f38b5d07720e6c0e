/*
 * supply_kept.h
 *		Keeping what portfolios can be given, and what their members promised by
 *		themselves, in step with the register and the book.
 */
#ifndef FLEX_SUPPLY_KEPT_H
#define FLEX_SUPPLY_KEPT_H

#include "book.h"

/* Ids of units or places. */
typedef struct IdList
{
	int			n;
	int			allocated;
	int64	   *ids;
} IdList;

extern void id_list_add(IdList *list, int64 id);
extern void id_list_sort(IdList *list);
extern Datum id_list_datum(const IdList *list);

extern void supply_kept_places(Instance *instance, const IdList *changed_assets, const IdList *changed_points,
							   IdList *assets, IdList *places);
extern void supply_kept_portfolios(Instance *instance, const IdList *assets, const IdList *places,
								   IdList *portfolios);
extern void supply_kept_follow(Instance *instance, const IdList *assets, const IdList *places);

extern void member_commitments_post(Instance *instance, const IdList *portfolios,
									const Commitment *const *commitments);
extern void member_commitment_close(Instance *instance, const Commitment *commitment);

#endif							/* FLEX_SUPPLY_KEPT_H */
