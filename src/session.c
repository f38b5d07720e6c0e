/*
 * session.c
 *		Who is at the other end of the connection, and for whom it acts.
 *
 * A login that acts for several participants chooses one of them, exchange by exchange.  The
 * choice lives here, in the memory of the session, where no statement of the session
 * can write it but the exchange's own act_for(), which logs it.  It is no authority: current_participant()
 * looks each time whether the login still acts for the one that was chosen.  A choice that is
 * rolled back, and with it what was logged of it, is gone: the session acts for nobody it did not log.
 */
#include "postgres.h"
#include "compat.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"

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

/* The participant that was chosen in an exchange. */
typedef struct Choice
{
	Oid			namespace_oid;	/* hash key */
	Oid			role;			/* that chose it */
	int64		participant_id;
	SubTransactionId made_in;	/* invalid: in a transaction that has committed */
} Choice;

static HTAB *choices = NULL;

/* Forgets choices made in a subtransaction, or hands them to its parent. */
static void
end_of_subtransaction(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	HASH_SEQ_STATUS scan;
	Choice	   *choice;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;
	hash_seq_init(&scan, choices);
	while ((choice = hash_seq_search(&scan)) != NULL)
	{
		if (choice->made_in != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			choice->made_in = parent;
		else
			hash_search(choices, &choice->namespace_oid, HASH_REMOVE, NULL);
	}
}

static void
end_of_transaction(XactEvent event, void *arg)
{
	HASH_SEQ_STATUS scan;
	Choice	   *choice;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
		return;
	hash_seq_init(&scan, choices);
	while ((choice = hash_seq_search(&scan)) != NULL)
	{
		if (choice->made_in == InvalidSubTransactionId)
			continue;
		if (event == XACT_EVENT_COMMIT)
			choice->made_in = InvalidSubTransactionId;
		else
			hash_search(choices, &choice->namespace_oid, HASH_REMOVE, NULL);
	}
}

/*
 * choose_participant(schema, participant): from now on the session acts in this exchange for that
 * participant, for none when NULL.  For functions that run as the owner of the schema.
 */
PG_FUNCTION_INFO_V1(flex_choose_participant);
Datum
flex_choose_participant(PG_FUNCTION_ARGS)
{
	Oid			namespace_oid;
	Choice	   *choice;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("choose_participant() needs a schema")));
	namespace_oid = get_namespace_oid(NameStr(*PG_GETARG_NAME(0)), false);
	if (!flex_namespace_ownercheck(namespace_oid, GetUserId()))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of schema %s", NameStr(*PG_GETARG_NAME(0))),
				 errhint("Call act_for() of the exchange.")));
	if (choices == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Choice)};

		choices = hash_create("participants acted for", 16, &control, HASH_ELEM | HASH_BLOBS);
		RegisterXactCallback(end_of_transaction, NULL);
		RegisterSubXactCallback(end_of_subtransaction, NULL);
	}
	if (PG_ARGISNULL(1))
		hash_search(choices, &namespace_oid, HASH_REMOVE, NULL);
	else
	{
		choice = hash_search(choices, &namespace_oid, HASH_ENTER, NULL);
		choice->role = GetOuterUserId();
		choice->participant_id = PG_GETARG_INT64(1);
		choice->made_in = GetCurrentSubTransactionId();
	}
	PG_RETURN_VOID();
}

/* chosen_participant(schema): that participant, NULL when the role that the session has did not choose. */
PG_FUNCTION_INFO_V1(flex_chosen_participant);
Datum
flex_chosen_participant(PG_FUNCTION_ARGS)
{
	Oid			namespace_oid = get_namespace_oid(NameStr(*PG_GETARG_NAME(0)), true);
	Choice	   *choice = choices == NULL ? NULL : hash_search(choices, &namespace_oid, HASH_FIND, NULL);

	if (choice == NULL || choice->role != GetOuterUserId())
		PG_RETURN_NULL();
	PG_RETURN_INT64(choice->participant_id);
}

/* What a default of this statement was given. */
typedef struct Given
{
	bool		isnull;
	int64		participant_id;
} Given;

/*
 * statement_participant(function): what current_participant() of an exchange gives, asked for the first row of a
 * statement and given to all of its rows.  It costs as much as reading a row, and COPY evaluates defaults row by row;
 * within a statement it is stable.
 */
PG_FUNCTION_INFO_V1(flex_statement_participant);
Datum
flex_statement_participant(PG_FUNCTION_ARGS)
{
	Given	   *given = fcinfo->flinfo->fn_extra;

	if (given == NULL)
	{
		LOCAL_FCINFO(call, 0);
		Oid			function = PG_GETARG_OID(0);
		FmgrInfo	info;
		Datum		result;

		if (get_func_name(function) == NULL || get_func_nargs(function) != 0 || get_func_rettype(function) != INT8OID || get_func_retset(function))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s does not give a participant", format_procedure(function)),
					 errhint("Give current_participant() of an exchange.")));
		if (flex_proc_aclcheck(function, GetUserId(), ACL_EXECUTE) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_FUNCTION, get_func_name(function));
		fmgr_info(function, &info);
		InitFunctionCallInfoData(*call, &info, 0, InvalidOid, NULL, NULL);
		result = FunctionCallInvoke(call);
		given = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(Given));
		given->isnull = call->isnull;
		given->participant_id = call->isnull ? 0 : DatumGetInt64(result);
		fcinfo->flinfo->fn_extra = given;
	}
	if (given->isnull)
		PG_RETURN_NULL();
	PG_RETURN_INT64(given->participant_id);
}
