/*
 * supply.h
 *		How much power units that draw on the same assets can be given together.
 */
#ifndef FLEX_SUPPLY_H
#define FLEX_SUPPLY_H

#include "capacity.h"
#include "reach.h"

typedef struct Supply Supply;

/* What one unit must deliver of one service. */
typedef struct UnitService
{
	int			unit;
	int			service;
	int64		weight_w;
} UnitService;

extern Supply *supply_read(Instance *instance, const Reach *reach, bool down, const TimeWindow *window);
extern Supply *supply_look(Instance *instance, const Reach *reach, bool down, const TimeWindow *window);
extern const Capacity *supply_capacity(const Supply *supply, int unit);
extern int	supply_unit(const Supply *supply, int64 unit_id, bool portfolio);
extern int	supply_nunits(const Supply *supply);
extern bool supply_is_portfolio(const Supply *supply, int unit);

extern int64 *supply_instants(Supply *supply, const TimeWindow *window, int *count);
extern void supply_at(Supply *supply, int64 instant_us, int subject, bool *drawing);
extern int	supply_common_assets(const Supply *supply, int unit_a, int unit_b);
extern void supply_deliver(Supply *supply, const UnitService *groups, int ngroups);
extern bool supply_bar(Supply *supply, int group, int asset_group);
extern bool supply_bars_anybody(const Supply *supply, int asset_group, const bool *in);
extern int64 supply_shortage(Supply *supply, const bool *in, bool *part);
extern int64 supply_connected_shortage(Supply *supply, int subject, bool *part);

#endif							/* FLEX_SUPPLY_H */
