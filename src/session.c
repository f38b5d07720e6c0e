/*
 * session.c
 *		Who is at the other end of the connection.
 */
#include "postgres.h"
#include "compat.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/*
 * session_role(): the role that the session acts as.  SET ROLE counts; being
 * inside a SECURITY DEFINER function or a trigger that acts as a table's owner
 * does not.  That makes it the one base on which identity may rest.
 */
PG_FUNCTION_INFO_V1(flex_session_role);
Datum
flex_session_role(PG_FUNCTION_ARGS)
{
	PG_RETURN_NAME(DatumGetName(DirectFunctionCall1(namein,
													CStringGetDatum(GetUserNameFromId(GetOuterUserId(), false)))));
}
