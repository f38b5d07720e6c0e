/*
 * instance.c
 *		What a session remembers of each exchange, and when it forgets.
 *
 * An exchange is found through the namespace of the table whose trigger fired,
 * never through the caller's search_path; every query names its objects and
 * operators in full.
 *
 * Two things are remembered, each in a memory context of its own:
 *
 *	- the layout: object ids, column numbers, saved plans.  Forgotten when the
 *	  relation cache or the namespace cache says that something moved.
 *	- the rules: compiled rulesets and products looked up so far.  Forgotten when
 *	  a statement changes one of the tables behind them: its trigger
 *	  forget_rules() sends a relation cache message for table ruleset, which
 *	  every session gets when the change commits, and which a roll-back undoes.
 *	  Where rows come by logical replication it is fired by each row.
 *
 * Everything is read with the latest snapshot, as the checks of foreign keys
 * read.  A repeatable-read transaction would otherwise compile yesterday's
 * rules and leave them to the transactions after it.
 *
 * Invalidation may come while an entry is in use (a trigger of a trigger), so
 * what is replaced lives on until the transaction ends.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "errors.h"
#include "instance.h"

static HTAB *instances = NULL;

/* setting flexexchange.detect_always */
bool		flex_detect_always = false;

/* Names and types; the type of delivery_window is looked up. */
static const Oid book_column_types[BOOK_NCOLUMNS] = {
	[BOOK_ID] = INT8OID,
	[BOOK_STAGE] = TEXTOID,
	[BOOK_SOURCE_ID] = INT8OID,
	[BOOK_UNIT_ID] = INT8OID,
	[BOOK_UNIT_KIND] = TEXTOID,
	[BOOK_SERVICE_CODE] = TEXTOID,
	[BOOK_PRODUCT_ID] = INT8OID,
	[BOOK_MARKET_OPERATOR_ID] = INT8OID,
	[BOOK_SERVICE_PROVIDER_ID] = INT8OID,
	[BOOK_DIRECTION] = TEXTOID,
	[BOOK_POWER_KW] = NUMERICOID,
	[BOOK_DELIVERY_WINDOW] = InvalidOid,
	[BOOK_BID_ID] = INT8OID,
	[BOOK_AWARD_ID] = INT8OID,
	[BOOK_AVAILABILITY_ID] = INT8OID,
	[BOOK_SUPERSEDES_ID] = INT8OID,
	[BOOK_HEADROOM_CHECKED] = BOOLOID,
	[BOOK_CLOSED_AT] = TIMESTAMPTZOID,
};

static const char *const book_column_names[BOOK_NCOLUMNS] = {
	[BOOK_ID] = "id",
	[BOOK_STAGE] = "stage",
	[BOOK_SOURCE_ID] = "source_id",
	[BOOK_UNIT_ID] = "unit_id",
	[BOOK_UNIT_KIND] = "unit_kind",
	[BOOK_SERVICE_CODE] = "service_code",
	[BOOK_PRODUCT_ID] = "product_id",
	[BOOK_MARKET_OPERATOR_ID] = "market_operator_id",
	[BOOK_SERVICE_PROVIDER_ID] = "service_provider_id",
	[BOOK_DIRECTION] = "direction",
	[BOOK_POWER_KW] = "power_kw",
	[BOOK_DELIVERY_WINDOW] = "delivery_window",
	[BOOK_BID_ID] = "bid_id",
	[BOOK_AWARD_ID] = "award_id",
	[BOOK_AVAILABILITY_ID] = "availability_id",
	[BOOK_SUPERSEDES_ID] = "supersedes_id",
	[BOOK_HEADROOM_CHECKED] = "headroom_checked",
	[BOOK_CLOSED_AT] = "closed_at",
};

static const SavedQuery product_query = {
	QUERY_PRODUCT,
	"SELECT p.service_code::pg_catalog.text, m.market_operator_id::pg_catalog.int8, "
	"p.binds OPERATOR(pg_catalog.=) 'availability'::pg_catalog.text, p.utilisation OPERATOR(pg_catalog.=) 'scheduled'::pg_catalog.text, "
	"(extract(epoch FROM p.max_recovery) OPERATOR(pg_catalog.*) 1000000)::pg_catalog.int8, p.xmin::pg_catalog.text::pg_catalog.int8, "
	"p.code::pg_catalog.text, m.code::pg_catalog.text "
	"FROM %1$s.product p JOIN %1$s.market m ON m.id OPERATOR(pg_catalog.=) p.market_id "
	"WHERE p.id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

static const SavedQuery participant_query = {
	QUERY_PARTICIPANT,
	"SELECT xmin::pg_catalog.text::pg_catalog.int8 FROM %1$s.participant WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/* ----------
 * Forgetting
 * ----------
 */

static void
relation_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	Instance   *instance;

	hash_seq_init(&status, instances);
	while ((instance = hash_seq_search(&status)) != NULL)
	{
		if (relid == InvalidOid || relid == instance->rules_relid)
			instance->rules_valid = false;
		if (relid == InvalidOid || relid == instance->book_relid ||
			relid == instance->book_index_relid || relid == instance->book_source_index_relid || relid == instance->unit_table[0].relid ||
			relid == instance->unit_table[1].relid || relid == instance->members_relid ||
			relid == instance->members_index_relid || relid == instance->places_relid ||
			relid == instance->places_index_relid)
			instance->layout_valid = false;
	}
}

static void
namespace_changed(Datum arg, int cacheid, uint32 hashvalue)
{
	HASH_SEQ_STATUS status;
	Instance   *instance;

	hash_seq_init(&status, instances);
	while ((instance = hash_seq_search(&status)) != NULL)
		instance->layout_valid = false;
}

void
instance_initialize(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Instance);
	control.hcxt = TopMemoryContext;
	instances = hash_create("flexexchange instances", 4, &control,
							HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(relation_changed, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, namespace_changed, (Datum) 0);
}

/* The plans of a layout that is given up go when its memory goes. */
typedef struct PlanHolder
{
	MemoryContextCallback callback;
	SPIPlanPtr	plans[QUERY_COUNT];
} PlanHolder;

static void
free_plans(void *arg)
{
	PlanHolder *holder = arg;

	for (int i = 0; i < QUERY_COUNT; i++)
		if (holder->plans[i] != NULL)
			SPI_freeplan(holder->plans[i]);
}

/* Let a context live until the transaction ends, for whoever still uses it. */
static void
retire(MemoryContext *context)
{
	if (*context != NULL)
		MemoryContextSetParent(*context, TopTransactionContext);
	*context = NULL;
}

/*
 * forget_rules(): see the head of this file.  The table that changed need not
 * be `ruleset` itself: its namespace tells which exchange it is.
 */
PG_FUNCTION_INFO_V1(flex_forget_rules);
Datum
flex_forget_rules(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Oid			relid;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("forget_rules must be fired AFTER")));
	relid = get_relname_relid("ruleset", RelationGetNamespace(trigger->tg_relation));
	if (OidIsValid(relid))
		CacheInvalidateRelcacheByRelid(relid);
	return PointerGetDatum(NULL);	/* an AFTER trigger's result is ignored */
}

/* ----------
 * Remembering
 * ----------
 */

static Oid
require_relation(const char *relation, Oid namespace_oid, const char *schema)
{
	Oid			relid = get_relname_relid(relation, namespace_oid);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("exchange \"%s\" has no relation \"%s\"", schema, relation),
				 errhint("Conflict triggers belong on the tables of an exchange made by flexexchange.create_exchange().")));
	return relid;
}

/* A type of the extension by its name. */
static Oid
extension_type(const char *name)
{
	Oid			result = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
										 ObjectIdGetDatum(get_namespace_oid("flexexchange", false)));

	if (!OidIsValid(result))
		elog(ERROR, "type flexexchange.%s does not exist", name);
	return result;
}

/* The type flexexchange.time_window. */
Oid
time_window_type(void)
{
	return extension_type("time_window");
}

/*
 * A column that is read straight from tuples must be of the type it is read as:
 * anybody may put our triggers on a table of theirs.
 */
void
require_column_type(Oid relid, const char *column, AttrNumber attr, Oid type)
{
	if (attr == InvalidAttrNumber || get_atttype(relid, attr) != type)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("table \"%s\" has no column \"%s\" of type %s",
						get_rel_name(relid), column, format_type_be(type)),
				 errhint("Conflict triggers belong on the tables of an exchange; if this is one, run flexexchange.upgrade_exchange().")));
}

/* Is that a B-tree of all rows of a table by those columns, of type bigint? */
static bool
is_index_of_bigints(Oid index_relid, Oid relid, const char *const *columns, int ncolumns)
{
	Relation	index = index_open(index_relid, AccessShareLock);
	bool		result = index->rd_rel->relkind == RELKIND_INDEX && index->rd_rel->relam == BTREE_AM_OID && index->rd_index->indisvalid &&
		index->rd_index->indrelid == relid && index->rd_index->indnkeyatts == ncolumns &&
		RelationGetIndexPredicate(index) == NIL;

	for (int i = 0; i < ncolumns && result; i++)
	{
		AttrNumber	attr = index->rd_index->indkey.values[i];

		result = attr != InvalidAttrNumber && attr == get_attnum(relid, columns[i]) && get_atttype(relid, attr) == INT8OID;
	}
	index_close(index, AccessShareLock);
	return result;
}

/* The primary key of a table, which must be of its column "id" alone, of type bigint. */
Oid
require_key_on_id(Relation relation)
{
	static const char *const id = "id";
	Oid			key_relid = relation->rd_rel->relkind == RELKIND_RELATION ?
		flex_RelationGetPrimaryKeyIndex(relation) : InvalidOid;

	if (!OidIsValid(key_relid) || !is_index_of_bigints(key_relid, RelationGetRelid(relation), &id, 1))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("table \"%s\" of exchange \"%s\" has no primary key on a bigint \"id\"",
						RelationGetRelationName(relation), get_namespace_name(RelationGetNamespace(relation))),
				 errhint("Conflict triggers belong on the tables of an exchange made by flexexchange.create_exchange().")));
	return key_relid;
}

static void
find_unit_table(Instance *instance, const char *name, const char *schema, UnitTable *table)
{
	static const char *const qualified[2] = {"qualified_up_kw", "qualified_down_kw"};
	Relation	relation;

	table->relid = require_relation(name, instance->namespace_oid, schema);
	relation = relation_open(table->relid, AccessShareLock);
	table->key_relid = require_key_on_id(relation);
	relation_close(relation, AccessShareLock);
	table->profile_attr = get_attnum(table->relid, "profile");
	require_column_type(table->relid, "profile", table->profile_attr, extension_type("asset_profile"));
	for (int i = 0; i < 2 && strcmp(name, "asset") == 0; i++)
	{
		table->qualified_attr[i] = get_attnum(table->relid, qualified[i]);
		require_column_type(table->relid, qualified[i], table->qualified_attr[i], NUMERICOID);
		table->metering_point_attr = get_attnum(table->relid, "metering_point_id");
		require_column_type(table->relid, "metering_point_id", table->metering_point_attr, INT8OID);
	}
}

/* An index by such columns that the engine looks up itself. */
static Oid
require_index_of_bigints(Instance *instance, const char *name, Oid relid, const char *const *columns, int ncolumns)
{
	Oid			index_relid = require_relation(name, instance->namespace_oid, instance->name);

	if (!is_index_of_bigints(index_relid, relid, columns, ncolumns))
	{
		StringInfoData list;

		initStringInfo(&list);
		for (int i = 0; i < ncolumns; i++)
			appendStringInfo(&list, "%s%s", i == 0 ? "" : ", ", columns[i]);
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("index %s of exchange \"%s\" is not a B-tree by %s", name, instance->name, list.data),
				 errhint("Make it again: CREATE INDEX %s ON %s.%s (%s).",
						 name, instance->schema, get_rel_name(relid), list.data)));
	}
	return index_relid;
}

/* The index that finds the live commitment of a trade: by source_id first, of those that are not closed. */
static Oid
require_source_index(Instance *instance)
{
	Oid			index_relid = require_relation("commitment_source_key", instance->namespace_oid, instance->name);
	Relation	index = index_open(index_relid, AccessShareLock);
	bool		fits = index->rd_rel->relkind == RELKIND_INDEX && index->rd_rel->relam == BTREE_AM_OID &&
		index->rd_index->indisvalid && index->rd_index->indrelid == instance->book_relid &&
		index->rd_index->indkey.values[0] == instance->book_attr[BOOK_SOURCE_ID];

	index_close(index, AccessShareLock);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("index commitment_source_key of exchange \"%s\" is not a B-tree by source_id", instance->name),
				 errhint("Make it again: CREATE UNIQUE INDEX commitment_source_key ON %s.commitment (source_id, stage) WHERE closed_at IS NULL.",
						 instance->schema)));
	return index_relid;
}

static void
find_places(Instance *instance, const char *schema)
{
	static const char *const key[1] = {"place_id"};
	static const char *const names[3] = {"portfolio_id", "with_id", "valid"};

	instance->places_relid = require_relation("place_supply", instance->namespace_oid, schema);
	instance->places_index_relid = require_index_of_bigints(instance, "place_supply_place_id_idx",
															instance->places_relid, key, 1);
	for (int i = 0; i < 3; i++)
	{
		instance->places_attr[i] = get_attnum(instance->places_relid, names[i]);
		require_column_type(instance->places_relid, names[i], instance->places_attr[i],
							i == 2 ? instance->window_type : INT8OID);
	}
}

static void
find_members(Instance *instance, const char *schema)
{
	static const char *const names[MEMBER_NCOLUMNS] = {
		[MEMBER_PORTFOLIO_ID] = "portfolio_id",
		[MEMBER_CELL] = "cell",
		[MEMBER_ASSET_ID] = "asset_id",
		[MEMBER_COMMITMENT_ID] = "commitment_id",
		[MEMBER_DELIVERY_WINDOW] = "delivery_window",
	};

	instance->members_relid = require_relation("member_commitment", instance->namespace_oid, schema);
	for (int i = 0; i < MEMBER_NCOLUMNS; i++)
	{
		instance->members_attr[i] = get_attnum(instance->members_relid, names[i]);
		require_column_type(instance->members_relid, names[i], instance->members_attr[i],
							i == MEMBER_DELIVERY_WINDOW ? instance->window_type : INT8OID);
	}
	instance->members_index_relid = require_index_of_bigints(instance, "member_commitment_cell_idx",
															 instance->members_relid, names, 2);
}

/*
 * The index that finds overlaps of resource windows in a table must be there and
 * do so; the function of its operator && is returned.
 */
static RegProcedure
require_overlap_index(Instance *instance, Oid relid, Oid index_relid, const char *name, const char *definition)
{
	Relation	index = index_open(index_relid, AccessShareLock);
	Oid			operator_oid = index->rd_rel->relkind == RELKIND_INDEX && index->rd_rel->relam == GIST_AM_OID && index->rd_index->indisvalid &&
		index->rd_index->indrelid == relid ?
		get_opfamily_member(index->rd_opfamily[0], index->rd_opcintype[0],
							index->rd_opcintype[0], WINDOW_OVERLAPS) : InvalidOid;
	Oid			opclass_type = index->rd_opcintype[0];

	index_close(index, AccessShareLock);
	if (!OidIsValid(operator_oid) || opclass_type != extension_type("resource_window"))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("index %s of exchange \"%s\" cannot find overlaps", name, instance->name),
				 errhint("Make it again: CREATE INDEX %s ON %s.%s.", name, instance->schema, definition)));
	return get_opcode(operator_oid);
}

static void
build_layout(Instance *instance)
{
	MemoryContext context;
	char	   *name = get_namespace_name(instance->namespace_oid);
	PlanHolder *holder;

	if (name == NULL)
		elog(ERROR, "cache lookup failed for schema %u", instance->namespace_oid);

	if (instance->layout_context != NULL)
	{
		holder = MemoryContextAllocZero(instance->layout_context, sizeof(PlanHolder));
		memcpy(holder->plans, instance->plans, sizeof(instance->plans));
		holder->callback.func = free_plans;
		holder->callback.arg = holder;
		MemoryContextRegisterResetCallback(instance->layout_context, &holder->callback);
		memset(instance->plans, 0, sizeof(instance->plans));
		retire(&instance->layout_context);
	}

	/* a layout that fails goes with the caller's context, one that is complete stays */
	context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange layout", ALLOCSET_SMALL_SIZES);
	instance->name = MemoryContextStrdup(context, name);
	instance->schema = MemoryContextStrdup(context, quote_identifier(name));
	instance->rules_relid = require_relation("ruleset", instance->namespace_oid, name);
	instance->book_relid = require_relation("commitment", instance->namespace_oid, name);
	instance->book_index_relid = require_relation("commitment_live_idx", instance->namespace_oid, name);

	instance->window_type = time_window_type();
	for (int i = 0; i < BOOK_NCOLUMNS; i++)
	{
		instance->book_attr[i] = get_attnum(instance->book_relid, book_column_names[i]);
		require_column_type(instance->book_relid, book_column_names[i], instance->book_attr[i],
							i == BOOK_DELIVERY_WINDOW ? instance->window_type : book_column_types[i]);
	}

	instance->overlaps_proc = require_overlap_index(instance, instance->book_relid, instance->book_index_relid,
													"commitment_live_idx",
													"commitment USING gist (resource_window(unit_id, delivery_window)) WHERE closed_at IS NULL");
	instance->book_source_index_relid = require_source_index(instance);
	find_unit_table(instance, "asset", name, &instance->unit_table[0]);
	find_unit_table(instance, "portfolio", name, &instance->unit_table[1]);
	find_members(instance, name);
	find_places(instance, name);
	MemoryContextSetParent(context, CacheMemoryContext);
	instance->layout_context = context;
	instance->layout_valid = true;
}

static void
build_rules(Instance *instance)
{
	MemoryContext outside = CurrentMemoryContext;
	MemoryContext context;
	HASHCTL		control = {0};
	StringInfoData sql;
	Datum		zone;
	bool		isnull;
	char		zone_name[TZ_STRLEN_MAX + 1];

	retire(&instance->rules_context);
	/* before reading: a message that comes meanwhile must not be overlooked */
	instance->rules_valid = true;

	PG_TRY();
	{
		context = AllocSetContextCreate(outside, "flexexchange rules", ALLOCSET_DEFAULT_SIZES);
		initStringInfo(&sql);
		appendStringInfo(&sql, "SELECT time_zone::pg_catalog.text, detection OPERATOR(pg_catalog.=) 'schedule'::pg_catalog.text "
						 "FROM %s.exchange_instance WHERE time_zone IS NOT NULL", instance->schema);
		if (SPI_execute_snapshot(SPI_prepare(sql.data, 0, NULL), NULL, NULL, GetLatestSnapshot(),
								 InvalidSnapshot, true, false, 1) != SPI_OK_SELECT || SPI_processed != 1)
			ereport(ERROR,
					(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
					 errmsg("table exchange_instance of exchange \"%s\" gives no time zone", instance->name)));
		zone = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
		text_to_cstring_buffer(DatumGetTextPP(zone), zone_name, sizeof(zone_name));
		instance->zone = pg_tzset(zone_name);
		if (instance->zone == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("exchange_instance.time_zone is not a time zone: \"%s\"", zone_name),
					 errhint("Use a name of pg_timezone_names, such as Europe/London.")));
		instance->by_schedule = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)) && !isnull;
		SPI_freetuptable(SPI_tuptable);

		instance->rulebook = rulebook_compile(instance, context, NULL);

		control.keysize = sizeof(int64);
		control.entrysize = sizeof(Product);
		control.hcxt = context;
		instance->products = hash_create("flexexchange products", 64, &control,
										 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		control.entrysize = sizeof(int64);
		instance->participants = hash_create("flexexchange participants", 64, &control,
											 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		MemoryContextSetParent(context, CacheMemoryContext);
		instance->rules_context = context;
	}
	PG_CATCH();
	{
		instance->rules_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(outside); /* SPI has left another one */
}

/* The exchange in a namespace, with layout and rules as of now.  Needs SPI. */
Instance *
instance_get(Oid namespace_oid)
{
	Instance   *instance;
	bool		found;

	instance = hash_search(instances, &namespace_oid, HASH_ENTER, &found);
	if (!found)
	{
		memset(instance, 0, sizeof(Instance));
		instance->namespace_oid = namespace_oid;
	}
	/* the lock keeps the layout as it is until the transaction ends */
	AcceptInvalidationMessages();
	for (;;)
	{
		if (!instance->layout_valid)
			build_layout(instance);
		LockRelationOid(instance->book_relid, RowExclusiveLock);
		LockRelationOid(instance->members_relid, RowExclusiveLock);
		LockRelationOid(instance->places_relid, AccessShareLock);
		if (instance->layout_valid)
			break;
	}
	if (!instance->rules_valid)
		build_rules(instance);
	return instance;
}

/*
 * Run a saved query with the latest snapshot; returns the number of rows, which
 * are in SPI_tuptable.  The caller's memory context stays the current one, as SPI by
 * itself would not have it.
 */
int
instance_query(Instance *instance, const SavedQuery *query,
			   Datum *values, const char *nulls, long limit)
{
	SPIPlanPtr	plan = instance->plans[query->slot];
	MemoryContext context = CurrentMemoryContext;
	int			result;

	if (plan == NULL)
	{
		char	   *text = psprintf(query->text, instance->schema);
		Oid			argtypes[QUERY_MAX_ARGS];

		for (int i = 0; i < query->nargs; i++)
			argtypes[i] = query->argtypes[i] == WINDOW_ARG ? instance->window_type :
				query->argtypes[i] == WINDOW_ARRAY_ARG ? get_array_type(instance->window_type) :
				query->argtypes[i];
		plan = SPI_prepare(text, query->nargs, argtypes);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare \"%s\": %s", text,
				 SPI_result_code_string(SPI_result));
		instance->plans[query->slot] = plan;
		pfree(text);
	}
	result = SPI_execute_snapshot(plan, values, nulls, GetLatestSnapshot(),
								  InvalidSnapshot, false, true, limit);
	if (result < 0)
		elog(ERROR, "SPI_execute_snapshot failed: %s", SPI_result_code_string(result));
	MemoryContextSwitchTo(context);
	return (int) SPI_processed;
}

/* A value of type bigint[]. */
Datum
int64_array(const int64 *values, int count)
{
	Datum	   *datums = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		datums[i] = Int64GetDatum(values[i]);
	return PointerGetDatum(construct_array(datums, count, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* A column of the result of the last query; frees the rows. */
int64 *
int64_column_of_result(int column, int *count)
{
	int64	   *result = palloc(Max(SPI_processed, 1) * sizeof(int64));
	bool		isnull;

	*count = (int) SPI_processed;
	for (int i = 0; i < *count; i++)
		result[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/*
 * May the row of a result be remembered?  A row that this transaction wrote may
 * yet be rolled back, and another take its id.
 */
static bool
is_settled(HeapTuple tuple, TupleDesc desc, int xmin_column)
{
	bool		isnull;
	int64		xmin = DatumGetInt64(SPI_getbinval(tuple, desc, xmin_column, &isnull));

	return !isnull && !TransactionIdIsCurrentTransactionId((TransactionId) xmin);
}

/*
 * A product by its id, NULL when this exchange has none such.  The result is
 * good until the next call.
 */
const Product *
instance_product(Instance *instance, int64 product_id)
{
	static Product fresh;
	Product    *product;
	Datum		values[1];
	bool		isnull[5];
	HeapTuple	tuple;
	TupleDesc	desc;
	Datum		columns[5];
	bool		settled;
	char	   *code;
	char	   *product_code;
	char	   *market;

	product = hash_search(instance->products, &product_id, HASH_FIND, NULL);
	if (product != NULL)
		return product;

	values[0] = Int64GetDatum(product_id);
	if (instance_query(instance, &product_query, values, NULL, 1) == 0)
		return NULL;
	tuple = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	for (int i = 0; i < 5; i++)
	{
		columns[i] = SPI_getbinval(tuple, desc, i + 1, &isnull[i]);
		if (i < 4 && isnull[i])
			ereport(ERROR,
					(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
					 errmsg("product " INT64_FORMAT " of exchange \"%s\" lacks a service, a buyer or its terms",
							product_id, instance->name)));
	}
	code = TextDatumGetCString(columns[0]);
	memset(&fresh, 0, sizeof(fresh));
	fresh.id = product_id;
	fresh.market_operator_id = DatumGetInt64(columns[1]);
	fresh.binds_by_availability = DatumGetBool(columns[2]);
	fresh.scheduled = DatumGetBool(columns[3]);
	fresh.max_recovery_us = isnull[4] ? PG_INT64_MAX : DatumGetInt64(columns[4]);
	settled = is_settled(tuple, desc, 6);
	market = SPI_getvalue(tuple, desc, 8);
	product_code = SPI_getvalue(tuple, desc, 7);
	if (market == NULL || product_code == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
				 errmsg("product " INT64_FORMAT " of exchange \"%s\" or its market lacks a code",
						product_id, instance->name)));
	SPI_freetuptable(SPI_tuptable);

	fresh.service = rulebook_service(instance->rulebook, code, strlen(code));
	if (fresh.service < 0)
	{
		/* a service that this very statement made: the rules are older */
		build_rules(instance);
		fresh.service = rulebook_service(instance->rulebook, code, strlen(code));
		if (fresh.service < 0)
			elog(ERROR, "service \"%s\" is not in the rules", code);
	}
	fresh.code = settled ? MemoryContextStrdup(instance->rules_context, product_code) : product_code;
	fresh.market = settled ? MemoryContextStrdup(instance->rules_context, market) : market;
	if (!settled)
		return &fresh;
	product = hash_search(instance->products, &product_id, HASH_ENTER, NULL);
	*product = fresh;
	return product;
}

/* Is there such a participant?  One that was there stays: a foreign key keeps it. */
bool
instance_has_participant(Instance *instance, int64 participant_id)
{
	Datum		values[1];
	bool		settled;

	if (hash_search(instance->participants, &participant_id, HASH_FIND, NULL) != NULL)
		return true;
	values[0] = Int64GetDatum(participant_id);
	if (instance_query(instance, &participant_query, values, NULL, 1) == 0)
		return false;
	settled = is_settled(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	SPI_freetuptable(SPI_tuptable);
	if (settled)
		hash_search(instance->participants, &participant_id, HASH_ENTER, NULL);
	return true;
}

/* Do events of the book find conflicts, or is that left to sweeps? */
bool
instance_detects_by_event(const Instance *instance)
{
	return flex_detect_always || !instance->by_schedule;
}
