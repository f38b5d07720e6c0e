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
} Commitment;

/* Must the reader wait for a transaction that wrote `other` and still runs? */
typedef bool (*BookWaitFunction) (Instance *instance, const Commitment *self, const Commitment *other);

/* Ids start at 1, so 0 can stand for "none". */
static inline int64
commitment_lineage(const Commitment *commitment)
{
	for (int stage = STAGE_BID; stage < STAGE_DISPATCH; stage++)
		if (commitment->ancestor[stage] != 0)
			return commitment->ancestor[stage];
	return commitment->source_id;
}

extern const char *stage_name(Stage stage);
extern bool stage_of_name(const char *name, int length, Stage *stage);
extern int64 power_w_of_kw(Datum power_kw);
extern Datum power_kw_of_w(int64 power_w);

extern Commitment *book_read(Instance *instance, const Commitment *self, const TimeWindow *span,
							 BookWaitFunction must_wait, int *count);
extern Commitment *book_from_result(Instance *instance);
extern void book_insert(Instance *instance, Commitment *commitment);
extern bool book_close(Instance *instance, int64 source_id, Commitment *closed);
extern bool book_relink(Instance *instance, const Commitment *links, Commitment *relinked);

#endif							/* FLEX_BOOK_H */
