/*
 * owner.c
 *		Acting as the owner of a table: see owner.h.
 */
#include "postgres.h"
#include "compat.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "owner.h"

/* An error on the way is cleaned up by the end of the (sub)transaction. */
void
owner_enter(Relation table, OwnerScope *scope)
{
	GetUserIdAndSecContext(&scope->caller, &scope->security_context);
	SetUserIdAndSecContext(table->rd_rel->relowner,
						   scope->security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS);
	/* queries name everything in full; should one not, nothing of the caller's is found */
	scope->guc_nest_level = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	CommandCounterIncrement();	/* what the statement did is visible to the look-ups */
}

void
owner_leave(OwnerScope *scope)
{
	SPI_finish();
	AtEOXact_GUC(true, scope->guc_nest_level);
	SetUserIdAndSecContext(scope->caller, scope->security_context);
}
