/*
 * owner.h
 *		Acting as the owner of a table, with SPI, while one of its triggers runs.
 *
 * As the checks of foreign keys do: what row-level security hides from the
 * caller counts all the same, and nobody is granted anything.
 */
#ifndef FLEX_OWNER_H
#define FLEX_OWNER_H

#include "utils/rel.h"

typedef struct OwnerScope
{
	Oid			caller;
	int			security_context;
	int			guc_nest_level;
} OwnerScope;

extern void owner_enter(Relation table, OwnerScope *scope);
extern void owner_leave(OwnerScope *scope);

#endif							/* FLEX_OWNER_H */
