/*
 * flexexchange.c
 *		Module entry: the magic block, start-up, settings; nothing else.
 */
#include "postgres.h"
#include "compat.h"

#include "fmgr.h"

#include "instance.h"
#include "json.h"

FLEX_MODULE_MAGIC;

void		_PG_init(void);

void
_PG_init(void)
{
	json_initialize();
	instance_initialize();
}
