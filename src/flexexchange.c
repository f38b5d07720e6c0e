/*
 * flexexchange.c
 *		Module entry: the magic block, start-up, settings; nothing else.
 */
#include "postgres.h"
#include "compat.h"

#include "fmgr.h"

#include "utils/guc.h"

#include "instance.h"
#include "json.h"

FLEX_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomBoolVariable("flexexchange.detect_always",
							 "Finds conflicts as trades are written, even in exchanges that do so by schedule.",
							 "Validation sets it, so that what is asked has an answer.",
							 &flex_detect_always, false, PGC_USERSET, 0, NULL, NULL, NULL);
	json_initialize();
	instance_initialize();
}
