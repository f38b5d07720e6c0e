/*
 * capacity.h
 *		What the register says of a unit: how much power it can sell in one
 *		direction over a window, and on which terms.
 */
#ifndef FLEX_CAPACITY_H
#define FLEX_CAPACITY_H

#include "supply_kept.h"

typedef struct CapacitySpan
{
	TimeWindow	window;
	bool		known;
	int64		power_w;
} CapacitySpan;

typedef struct Capacity
{
	int			nspans;
	CapacitySpan *spans;		/* in order, without gaps, covering the window asked for */
	bool		known;			/* in every span */
	bool		without_meter;	/* of an asset at no metering point */
	ItemPointerData version;	/* of the unit's row, where it was held */
} Capacity;

#define NOT_DECLARED	PG_INT64_MAX

/* What a unit declares of itself. */
typedef struct UnitTerms
{
	int64		recovery_us;	/* between two deliveries; 0: none declared */
	int64		energy_wh;		/* that it can deliver without a break; NOT_DECLARED */
	int64		max_duration_us;	/* of a delivery; NOT_DECLARED also when it has no end */
} UnitTerms;

/* Looks at many units without locking them. */
typedef struct UnitReader UnitReader;

extern bool unit_hold(Instance *instance, int64 unit_id, bool portfolio);
extern void unit_hold_again(Instance *instance, const Commitment *posted);
extern void unit_lock(Instance *instance, int64 unit_id, bool portfolio);
extern void units_lock(Instance *instance, const IdList *units, bool portfolio);
extern bool asset_has_meter(Instance *instance, int64 asset_id);
extern UnitTerms unit_terms_read(Instance *instance, int64 unit_id, bool portfolio);

extern UnitReader *unit_reader_begin(Instance *instance);
extern void unit_reader_end(UnitReader *reader);
extern bool unit_reader_look(UnitReader *reader, int64 unit_id, bool portfolio, const TimeWindow *window,
							 Capacity capacity[2], UnitTerms *terms);

extern const CapacitySpan *capacity_at(const Capacity *capacity, int64 instant_us);
extern bool capacity_suffices(const Capacity *capacity, int64 power_w);
extern bool capacity_known_during(const Capacity *capacity, const TimeWindow *window);
extern bool capacity_read(Instance *instance, int64 unit_id, bool portfolio, bool down,
						  const TimeWindow *window, Capacity *capacity);

#endif							/* FLEX_CAPACITY_H */
