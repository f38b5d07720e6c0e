/*
 * book.h
 *		Commitments, as the book holds them, and reading them.
 */
#ifndef FLEX_BOOK_H
#define FLEX_BOOK_H

#include "instance.h"

/* The order is the order of a lineage. */
typedef enum Stage
{
	STAGE_BID,
	STAGE_AWARD,
	STAGE_AVAILABILITY,
	STAGE_DISPATCH,
	STAGE_COUNT
} Stage;

typedef struct Commitment
{
	int64		id;				/* the order of posting */
	Stage		stage;
	int64		source_id;		/* the bid, award, availability or dispatch */
	int64		unit_id;
	bool		portfolio;		/* the unit is one; else it is an asset */
	int			service;		/* index in the rulebook */
	int64		product_id;
	int64		market_operator_id;
	int64		service_provider_id;
	bool		down;			/* direction */
	int64		power_w;
	TimeWindow	window;
	int64		ancestor[STAGE_DISPATCH];	/* source ids by stage, 0: none */
	int64		supersedes_id;
	bool		headroom_checked;

	/* known when it is posted, else false */
	bool		fits_alone;		/* its unit can deliver it, if nothing else */
	bool		without_meter;	/* its unit is an asset at no metering point */
	ItemPointerData unit_version;	/* of the row of its unit; else not valid */
} Commitment;

/* Must the reader wait for a transaction that wrote `other` and still runs? */
typedef bool (*BookWaitFunction) (Instance *instance, const Commitment *self, const Commitment *other,
								  const void *arg);

/* One trade: ids are unique within a stage.  They start at 1, so 0 stands for none. */
typedef struct TradeRef
{
	Stage		stage;
	int64		id;
} TradeRef;

/* The first of the lineage that a commitment belongs to. */
static inline TradeRef
commitment_lineage(const Commitment *commitment)
{
	TradeRef	first = {commitment->stage, commitment->source_id};

	for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
		if (commitment->ancestor[stage] != 0)
		{
			first.stage = (Stage) stage;
			first.id = commitment->ancestor[stage];
			break;
		}
	return first;
}

static inline bool
same_lineage(const Commitment *a, const Commitment *b)
{
	TradeRef	first_a = commitment_lineage(a);
	TradeRef	first_b = commitment_lineage(b);

	return first_a.stage == first_b.stage && first_a.id == first_b.id;
}

extern const char *stage_name(Stage stage);
extern bool stage_of_name(const char *name, int length, Stage *stage);
extern int64 power_w_of_kw(Datum power_kw);
extern Datum power_kw_of_w(int64 power_w);

extern Commitment *book_read(Instance *instance, const Commitment *self, const TimeWindow *span,
							 BookWaitFunction must_wait, const void *arg, int *count);
extern bool book_from_slot(Instance *instance, TupleTableSlot *slot, Commitment *result);
extern Commitment *book_from_result(Instance *instance);
extern void book_insert(Instance *instance, Commitment *commitments, int count);
extern bool book_close(Instance *instance, Stage stage, int64 source_id, Commitment *closed);
extern bool book_find(Instance *instance, Stage stage, int64 source_id, Commitment *found);
extern bool book_has(Instance *instance, Stage stage, int64 source_id);
extern bool book_get(Instance *instance, int64 commitment_id, Commitment *found);
extern uint64 book_changes(void);
extern bool book_still_has(Instance *instance, const Commitment *commitment, uint64 *changes);
extern void book_set_headroom_checked(Instance *instance, int64 commitment_id, bool checked);
extern bool book_relink(Instance *instance, const Commitment *links, Commitment *relinked);

#endif							/* FLEX_BOOK_H */
