/*
 * trade.c
 *		From rows of bid, award, availability or dispatch to the book.
 *
 * Trigger post_commitment() fires once a statement.  It compares what each row
 * obliged to before the change with what it obliges to now, and posts, relinks or
 * closes its commitment:
 *
 *	unit, product, direction, power or window changed	closed and posted anew
 *	parent, superseded dispatch or seller changed		changed in place
 *	no longer live, or deleted							closed
 *	nothing of these									left alone
 *
 * Rows that a statement inserts are sorted by unit, then id, and posted in that order
 * a batch at a time: what stands near one another is read and written together, and
 * two statements lock the same units in the same order.
 *
 * The rows come from transition tables, as the statement left them.  Triggers for each
 * row, of users, have fired by then and may have changed rows again, whose event took
 * care of them.  So rows are looked at as they are now, and one that was written again
 * or is in the book already is compared with what stands there.
 *
 * It looks up every id that the row names, also when the row is not live, so
 * that a wrong id is answered with the field, the value and a hint; the foreign
 * keys, which are checked at commit, stand behind it.
 *
 * Like the checks of foreign keys it acts as the owner of the table that fired
 * it, so that it sees rivals' rows below row-level security, and nobody needs
 * to be granted anything.
 */
#include "postgres.h"
#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

#include "conflict.h"
#include "errors.h"
#include "hold.h"
#include "owner.h"

#define BATCH_ROWS		1000

/* ----------
 * Columns of the trading tables
 * ----------
 */

typedef enum TradeColumn
{
	TRADE_ID,
	TRADE_PRODUCT_ID,
	TRADE_SERVICE_PROVIDER_ID,
	TRADE_ASSET_ID,
	TRADE_PORTFOLIO_ID,
	TRADE_UNIT_ID,
	TRADE_DIRECTION,
	TRADE_POWER_KW,
	TRADE_DELIVERY_WINDOW,
	TRADE_LIVE,
	TRADE_BID_ID,				/* from here on, not in every table */
	TRADE_AWARD_ID,
	TRADE_AVAILABILITY_ID,
	TRADE_SUPERSEDES_ID,
	TRADE_NCOLUMNS
} TradeColumn;

static const char *const trade_column_names[TRADE_NCOLUMNS] = {
	[TRADE_ID] = "id",
	[TRADE_PRODUCT_ID] = "product_id",
	[TRADE_SERVICE_PROVIDER_ID] = "service_provider_id",
	[TRADE_ASSET_ID] = "asset_id",
	[TRADE_PORTFOLIO_ID] = "portfolio_id",
	[TRADE_UNIT_ID] = "unit_id",
	[TRADE_DIRECTION] = "direction",
	[TRADE_POWER_KW] = "power_kw",
	[TRADE_DELIVERY_WINDOW] = "delivery_window",
	[TRADE_LIVE] = "live",
	[TRADE_BID_ID] = "bid_id",
	[TRADE_AWARD_ID] = "award_id",
	[TRADE_AVAILABILITY_ID] = "availability_id",
	[TRADE_SUPERSEDES_ID] = "supersedes_id",
};

/* Their types; that of delivery_window is looked up. */
static const Oid trade_column_types[TRADE_NCOLUMNS] = {
	[TRADE_ID] = INT8OID,
	[TRADE_PRODUCT_ID] = INT8OID,
	[TRADE_SERVICE_PROVIDER_ID] = INT8OID,
	[TRADE_ASSET_ID] = INT8OID,
	[TRADE_PORTFOLIO_ID] = INT8OID,
	[TRADE_UNIT_ID] = INT8OID,
	[TRADE_DIRECTION] = TEXTOID,
	[TRADE_POWER_KW] = NUMERICOID,
	[TRADE_DELIVERY_WINDOW] = InvalidOid,
	[TRADE_LIVE] = BOOLOID,
	[TRADE_BID_ID] = INT8OID,
	[TRADE_AWARD_ID] = INT8OID,
	[TRADE_AVAILABILITY_ID] = INT8OID,
	[TRADE_SUPERSEDES_ID] = INT8OID,
};

/* Where the columns of a trading table are, by its oid. */
typedef struct TradeTable
{
	Oid			relid;			/* hash key */
	bool		valid;
	Oid			key_relid;		/* index of the primary key, on id */
	AttrNumber	attr[TRADE_NCOLUMNS];
} TradeTable;

static HTAB *trade_tables = NULL;

static void
trade_table_changed(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	TradeTable *table;

	hash_seq_init(&status, trade_tables);
	while ((table = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || relid == table->relid)
			table->valid = false;
}

static TradeTable *
trade_table_get(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	TradeTable *table;
	bool		found;

	if (trade_tables == NULL)
	{
		HASHCTL		control = {0};

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(TradeTable);
		control.hcxt = TopMemoryContext;
		trade_tables = hash_create("flexexchange trading tables", 16, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		CacheRegisterRelcacheCallback(trade_table_changed, (Datum) 0);
	}
	table = hash_search(trade_tables, &relid, HASH_ENTER, &found);
	if (found && table->valid)
		return table;

	table->valid = false;
	for (int i = 0; i < TRADE_NCOLUMNS; i++)
	{
		table->attr[i] = get_attnum(relid, trade_column_names[i]);
		if (table->attr[i] != InvalidAttrNumber || i < TRADE_BID_ID)
			require_column_type(relid, trade_column_names[i], table->attr[i],
								i == TRADE_DELIVERY_WINDOW ? time_window_type() : trade_column_types[i]);
	}
	table->key_relid = require_key_on_id(relation);
	table->valid = true;
	return table;
}

/* ----------
 * Reading a row
 * ----------
 */

typedef struct Trade
{
	Commitment	commitment;		/* what it obliges to, links not resolved yet */
	bool		live;
	int64		parent[STAGE_DISPATCH]; /* the parents that the row names, 0: none */
} Trade;

static int64
int64_of(TupleTableSlot *slot, AttrNumber attr)
{
	bool		isnull = true;
	Datum		value = (Datum) 0;

	if (attr != InvalidAttrNumber)
		value = slot_getattr(slot, attr, &isnull);
	return isnull ? 0 : DatumGetInt64(value);
}

/* A column that every trade has a value in. */
static Datum
value_of(TupleTableSlot *slot, const TradeTable *table, TradeColumn column)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, table->attr[column], &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NOT_NULL_VIOLATION),
				 errmsg("column \"%s\" of a trade must not be NULL", trade_column_names[column])));
	return value;
}

static void
trade_read(const TradeTable *table, Stage stage, TupleTableSlot *slot, Trade *trade)
{
	Commitment *commitment = &trade->commitment;
	text	   *direction;

	memset(trade, 0, sizeof(Trade));
	commitment->stage = stage;
	commitment->source_id = DatumGetInt64(value_of(slot, table, TRADE_ID));
	commitment->product_id = DatumGetInt64(value_of(slot, table, TRADE_PRODUCT_ID));
	commitment->service_provider_id = DatumGetInt64(value_of(slot, table, TRADE_SERVICE_PROVIDER_ID));
	commitment->unit_id = int64_of(slot, table->attr[TRADE_ASSET_ID]);
	if (commitment->unit_id == 0)
	{
		commitment->unit_id = int64_of(slot, table->attr[TRADE_PORTFOLIO_ID]);
		commitment->portfolio = true;
	}
	direction = DatumGetTextPP(value_of(slot, table, TRADE_DIRECTION));
	commitment->down = VARSIZE_ANY_EXHDR(direction) == 4;
	commitment->power_w = power_w_of_kw(value_of(slot, table, TRADE_POWER_KW));
	commitment->window = *DatumGetTimeWindowP(value_of(slot, table, TRADE_DELIVERY_WINDOW));
	commitment->supersedes_id = int64_of(slot, table->attr[TRADE_SUPERSEDES_ID]);
	trade->live = DatumGetBool(value_of(slot, table, TRADE_LIVE));
	trade->parent[STAGE_BID] = int64_of(slot, table->attr[TRADE_BID_ID]);
	trade->parent[STAGE_AWARD] = int64_of(slot, table->attr[TRADE_AWARD_ID]);
	trade->parent[STAGE_AVAILABILITY] = int64_of(slot, table->attr[TRADE_AVAILABILITY_ID]);
}

/* Does the row stand in the book?  An award under a framework product does not. */
static bool
trade_posts(Instance *instance, const Trade *trade)
{
	const Product *product;

	if (!trade->live)
		return false;
	if (trade->commitment.stage != STAGE_AWARD)
		return true;
	product = instance_product(instance, trade->commitment.product_id);
	return product != NULL && !product->binds_by_availability;
}

/* ----------
 * Resolving what a row names
 * ----------
 */

static const SavedQuery owner_of_id_query = {
	QUERY_OWNER_OF_ID,
	"SELECT flexexchange.exchange_of_id($1)",
	1, {INT8OID}
};

/* A hint for an id that this exchange does not have. */
static char *
hint_for_id(Instance *instance, int64 id, const char *otherwise)
{
	Datum		values[1];
	char	   *owner;

	values[0] = Int64GetDatum(id);
	instance_query(instance, &owner_of_id_query, values, NULL, 1);
	owner = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (owner != NULL && strcmp(owner, instance->name) != 0)
		return psprintf("Ids of that range are of exchange \"%s\": exchanges do not see each other's rows.", owner);
	return pstrdup(otherwise);
}

pg_noreturn static void
unknown_id(Instance *instance, int sqlstate, Stage stage, const char *column, int64 id,
		   const char *what, const char *otherwise)
{
	ereport(ERROR,
			(errcode(sqlstate),
			 errmsg("%s.%s " INT64_FORMAT " is not %s of exchange \"%s\"",
					stage_name(stage), column, id, what, instance->name),
			 errhint("%s", hint_for_id(instance, id, otherwise))));
}

/*
 * A parent is locked FOR SHARE, so that it and its lineage stay as they are until
 * this transaction ends: whoever changes it waits, and then sees the child.
 */
static const SavedQuery parent_queries[STAGE_DISPATCH] = {
	[STAGE_BID] = {
		QUERY_BID,
		"SELECT unit_id::pg_catalog.int8, product_id::pg_catalog.int8, direction::pg_catalog.text, NULL::pg_catalog.int8, NULL::pg_catalog.int8 "
		"FROM %1$s.bid WHERE id OPERATOR(pg_catalog.=) $1 FOR SHARE",
		1, {INT8OID}
	},
	[STAGE_AWARD] = {
		QUERY_AWARD,
		"SELECT unit_id::pg_catalog.int8, product_id::pg_catalog.int8, direction::pg_catalog.text, bid_id::pg_catalog.int8, NULL::pg_catalog.int8 "
		"FROM %1$s.award WHERE id OPERATOR(pg_catalog.=) $1 FOR SHARE",
		1, {INT8OID}
	},
	[STAGE_AVAILABILITY] = {
		QUERY_AVAILABILITY,
		"SELECT unit_id::pg_catalog.int8, product_id::pg_catalog.int8, direction::pg_catalog.text, NULL::pg_catalog.int8, award_id::pg_catalog.int8 "
		"FROM %1$s.availability WHERE id OPERATOR(pg_catalog.=) $1 FOR SHARE",
		1, {INT8OID}
	},
};

/*
 * A dispatch that supersedes or names a parent, an availability that names its
 * award and so on must be of the same unit, product and direction.
 */
static void
check_kin(Instance *instance, const Commitment *commitment, const char *column, int64 id)
{
	static const char *const names[3] = {"unit", "product", "direction"};
	const char *differs = NULL;
	bool		isnull;
	char	   *direction;

	if (DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull)) != commitment->unit_id)
		differs = names[0];
	else if (DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, &isnull)) != commitment->product_id)
		differs = names[1];
	else
	{
		direction = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
		if (direction == NULL || (strcmp(direction, "down") == 0) != commitment->down)
			differs = names[2];
	}
	if (differs != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_PARENT_MISMATCH),
				 errmsg("%s.%s " INT64_FORMAT " is of another %s",
						stage_name(commitment->stage), column, id, differs),
				 errhint("A lineage of bid, award, availability and dispatch is of one unit, one product and one direction.")));
}

/* Fill in the ancestors of a trade from the parents that its row names. */
static void
resolve_lineage(Instance *instance, Trade *trade)
{
	Commitment *commitment = &trade->commitment;

	for (int stage = STAGE_DISPATCH - 1; stage >= STAGE_BID; stage--)
	{
		Datum		values[1];
		const char *column = trade_column_names[TRADE_BID_ID + stage];
		int64		above[2];
		int64		parent = trade->parent[stage];

		/* named by the row, or by a nearer parent that has been looked up */
		if (parent == 0)
			parent = commitment->ancestor[stage];
		if (parent == 0)
			continue;
		values[0] = Int64GetDatum(parent);
		if (instance_query(instance, &parent_queries[stage], values, NULL, 1) == 0)
			unknown_id(instance, ERRCODE_FLEX_UNKNOWN_PARENT, commitment->stage, column, parent,
					   psprintf("%s %s", stage == STAGE_BID ? "a" : "an", stage_name(stage)),
					   "Leave the field NULL where nothing came before.");
		check_kin(instance, commitment, column, parent);
		for (int i = 0; i < 2; i++)
		{
			bool		isnull;
			Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 4 + i, &isnull);

			above[i] = isnull ? 0 : DatumGetInt64(value);
		}
		SPI_freetuptable(SPI_tuptable);

		/* the nearer parent comes first and has said what lies above it */
		if (commitment->ancestor[stage] != 0 && commitment->ancestor[stage] != parent)
			ereport(ERROR,
					(errcode(ERRCODE_FLEX_PARENT_MISMATCH),
					 errmsg("%s.%s " INT64_FORMAT " is not the %s that its %s comes from, which is " INT64_FORMAT,
							stage_name(commitment->stage), column, parent,
							stage_name(stage), stage_name(stage + 1), commitment->ancestor[stage]),
					 errhint("Name the nearest parent alone: what lies above it follows.")));
		commitment->ancestor[stage] = parent;
		for (int i = 0; i < 2 && i < stage; i++)
			if (above[i] != 0 && commitment->ancestor[i] == 0)
				commitment->ancestor[i] = above[i];
	}
}

static const SavedQuery dispatch_query = {
	QUERY_DISPATCH,
	"SELECT unit_id::pg_catalog.int8, product_id::pg_catalog.int8, direction::pg_catalog.text FROM %1$s.dispatch "
	"WHERE id OPERATOR(pg_catalog.=) $1 FOR SHARE",
	1, {INT8OID}
};

/* Look up everything that a trade names; errors out on what is not there. */
static void
trade_resolve(Instance *instance, Trade *trade)
{
	Capacity	capacity;
	Commitment *commitment = &trade->commitment;
	const Product *product = instance_product(instance, commitment->product_id);

	if (product == NULL)
		unknown_id(instance, ERRCODE_FLEX_UNKNOWN_PRODUCT, commitment->stage, "product_id",
				   commitment->product_id, "a product", "See table product for the products of this exchange.");
	commitment->service = product->service;
	commitment->market_operator_id = product->market_operator_id;

	if (!instance_has_participant(instance, commitment->service_provider_id))
		unknown_id(instance, ERRCODE_FLEX_UNKNOWN_PARTICIPANT, commitment->stage, "service_provider_id",
				   commitment->service_provider_id, "a participant", "See table participant for those of this exchange.");

	if (!capacity_read(instance, commitment->unit_id, commitment->portfolio, commitment->down,
					   &commitment->window, &capacity))
		unknown_id(instance, ERRCODE_FLEX_UNKNOWN_UNIT, commitment->stage,
				   commitment->portfolio ? "portfolio_id" : "asset_id", commitment->unit_id,
				   commitment->portfolio ? "a portfolio" : "an asset",
				   "Register the unit first, or find it by one of its names in table external_id.");
	commitment->headroom_checked = capacity.known;
	commitment->fits_alone = capacity_suffices(&capacity, commitment->power_w);
	commitment->without_meter = capacity.without_meter;
	commitment->unit_version = capacity.version;

	resolve_lineage(instance, trade);
	if (commitment->supersedes_id != 0)
	{
		Datum		values[1];

		values[0] = Int64GetDatum(commitment->supersedes_id);
		if (instance_query(instance, &dispatch_query, values, NULL, 1) == 0)
			unknown_id(instance, ERRCODE_FLEX_UNKNOWN_PARENT, commitment->stage, "supersedes_id",
					   commitment->supersedes_id, "a dispatch", "Name the dispatch whose place this one takes.");
		check_kin(instance, commitment, "supersedes_id", commitment->supersedes_id);
		SPI_freetuptable(SPI_tuptable);
	}
}

/* ----------
 * Changes
 * ----------
 */

static bool
same_terms(const Commitment *a, const Commitment *b)
{
	return a->unit_id == b->unit_id && a->portfolio == b->portfolio &&
		a->product_id == b->product_id && a->down == b->down &&
		a->power_w == b->power_w && time_window_equal(&a->window, &b->window);
}

static bool
same_links(const Trade *a, const Trade *b)
{
	return memcmp(a->parent, b->parent, sizeof(a->parent)) == 0 &&
		a->commitment.supersedes_id == b->commitment.supersedes_id &&
		a->commitment.service_provider_id == b->commitment.service_provider_id;
}

static const SavedQuery has_children_query = {
	QUERY_HAS_CHILDREN,
	"SELECT EXISTS (SELECT FROM %1$s.award WHERE bid_id OPERATOR(pg_catalog.=) $1) "
	"OR EXISTS (SELECT FROM %1$s.dispatch WHERE supersedes_id OPERATOR(pg_catalog.=) $1) "
	"OR EXISTS (SELECT FROM %1$s.availability WHERE award_id OPERATOR(pg_catalog.=) $1) "
	"OR EXISTS (SELECT FROM %1$s.dispatch WHERE award_id OPERATOR(pg_catalog.=) $1 "
	"OR availability_id OPERATOR(pg_catalog.=) $1)",
	1, {INT8OID}
};

/* What others came from keeps its unit, product and direction. */
static void
check_children(Instance *instance, const Commitment *before, const Commitment *after)
{
	Datum		values[1];
	bool		isnull;
	bool		has_children;

	if (before->unit_id == after->unit_id && before->product_id == after->product_id &&
		before->down == after->down)
		return;
	values[0] = Int64GetDatum(after->source_id);
	instance_query(instance, &has_children_query, values, NULL, 1);
	has_children = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	if (has_children)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_PARENT_MISMATCH),
				 errmsg("%s " INT64_FORMAT " cannot change its unit, product or direction: other trades came from it",
						stage_name(after->stage), after->source_id),
				 errhint("End this one and write a new one.")));
}

/* Trades below an award or availability, live or not; each keeps its own parents. */
static const SavedQuery children_of_award_query = {
	QUERY_CHILDREN_OF_AWARD,
	"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment WHERE closed_at IS NULL AND "
	"((stage OPERATOR(pg_catalog.=) 'availability'::pg_catalog.text AND source_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT v.id FROM %1$s.availability v WHERE v.award_id OPERATOR(pg_catalog.=) $1))) "
	"OR (stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text AND source_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT d.id FROM %1$s.dispatch d WHERE d.award_id OPERATOR(pg_catalog.=) $1 "
	"UNION ALL SELECT d.id FROM %1$s.dispatch d JOIN %1$s.availability v ON v.id OPERATOR(pg_catalog.=) d.availability_id "
	"WHERE v.award_id OPERATOR(pg_catalog.=) $1))))",
	1, {INT8OID}
};

static const SavedQuery children_of_availability_query = {
	QUERY_CHILDREN_OF_AVAILABILITY,
	"SELECT " BOOK_COLUMN_LIST " FROM %1$s.commitment WHERE closed_at IS NULL AND "
	"stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text AND source_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT d.id FROM %1$s.dispatch d WHERE d.availability_id OPERATOR(pg_catalog.=) $1))",
	1, {INT8OID}
};

/* The lineage of `changed` changed: so did that of what came from it. */
static void
relink_children(Instance *instance, const Commitment *changed)
{
	Datum		values[1];
	Commitment *children;
	int			nchildren;

	if (changed->stage != STAGE_AWARD && changed->stage != STAGE_AVAILABILITY)
		return;
	values[0] = Int64GetDatum(changed->source_id);
	nchildren = instance_query(instance, changed->stage == STAGE_AWARD ?
							   &children_of_award_query : &children_of_availability_query,
							   values, NULL, 0);
	children = book_from_result(instance);

	for (int i = 0; i < nchildren; i++)
		for (int stage = STAGE_BID; stage < changed->stage; stage++)
			children[i].ancestor[stage] = changed->ancestor[stage];
	/* first all links, then all findings, so that no finding sees half a lineage */
	for (int i = 0; i < nchildren; i++)
	{
		Commitment	links = children[i];

		book_relink(instance, &links, &children[i]);
	}
	for (int i = 0; i < nchildren; i++)
		conflict_relinked(instance, &children[i]);
}

/*
 * The unit is held first: whoever examines it again waits, or has written what is then
 * closed.  The units that this may help are told; a bid stood in nobody's way.
 */
static void
close_commitment(Instance *instance, const Commitment *booked, IdList *touched)
{
	Commitment	closed;

	(void) unit_hold(instance, booked->unit_id, booked->portfolio);
	if (book_close(instance, booked->stage, booked->source_id, &closed))
		conflict_closed(instance, &closed, touched);
	if (booked->stage == STAGE_BID)
		touched->n = 0;
}

/*
 * What stands in the book is compared with the new row, not the old row with
 * the new: triggers of users may have changed the row in between.
 */
static void
trade_updated(Instance *instance, const Trade *before, Trade *after)
{
	IdList		touched = {0};
	Commitment	booked;
	bool		is_booked = (before->live || after->live) &&
		book_find(instance, after->commitment.stage, after->commitment.source_id, &booked);
	bool		posts = trade_posts(instance, after);
	bool		posts_anew = posts && !(is_booked && same_terms(&booked, &after->commitment));
	bool		terms_change = !same_terms(&before->commitment, &after->commitment);
	bool		links_change = !same_links(before, after);
	bool		contract_changes;

	if (posts_anew || terms_change || links_change)
		trade_resolve(instance, after);
	if (terms_change)
		check_children(instance, &before->commitment, &after->commitment);

	if (is_booked && (!posts || posts_anew))
		close_commitment(instance, &booked, &touched);
	if (posts_anew)
	{
		book_insert(instance, &after->commitment, 1);
		conflict_posted(instance, &after->commitment, 1);
	}
	else if (posts && links_change)
	{
		Commitment	relinked;

		if (book_relink(instance, &after->commitment, &relinked))
			conflict_relinked(instance, &relinked);
	}
	contract_changes = after->commitment.stage == STAGE_AWARD && rulebook_counts_contracts(instance->rulebook) &&
		!time_window_equal(&before->commitment.window, &after->commitment.window);
	/* others count on the contract period of what came from this award */
	if (contract_changes)
		unit_lock(instance, after->commitment.unit_id, after->commitment.portfolio);
	if (contract_changes || memcmp(before->parent, after->parent, sizeof(before->parent)) != 0)
		relink_children(instance, &after->commitment);
	hold_release_all(instance, &touched);
}

static void
trade_deleted(Instance *instance, const Trade *before)
{
	Commitment	booked;

	if (before->live && book_find(instance, before->commitment.stage, before->commitment.source_id, &booked))
	{
		IdList		touched = {0};

		close_commitment(instance, &booked, &touched);
		hold_release_all(instance, &touched);
	}
}

/* ----------
 * Statements
 * ----------
 */

/* A statement on a trading table, and what its rows are compared with. */
typedef struct Statement
{
	Instance   *instance;
	Relation	relation;
	const TradeTable *table;
	Stage		stage;
	MemoryContext context;
	Relation	key;			/* to find rows as they are now */
	IndexScanDesc scan;
	TupleTableSlot *current;
} Statement;

/* How many statements on trading tables this session has seen: tells when a trigger made one. */
static uint64 statements = 0;

/* What has become of a row that the statement left. */
typedef enum Fate
{
	AS_LEFT,					/* as it was inserted, and not in the book */
	WRITTEN_AGAIN,				/* to the same effect: it may be in the book */
	SUPERSEDED					/* it is gone, or says something else */
} Fate;

static void
statement_begin(Statement *statement, TriggerData *trigger, Stage stage)
{
	memset(statement, 0, sizeof(Statement));
	statement->relation = trigger->tg_relation;
	statement->stage = stage;
	statement->context = CurrentMemoryContext;
	statement->table = trade_table_get(trigger->tg_relation);
	statement->key = index_open(statement->table->key_relid, AccessShareLock);
	statement->scan = flex_index_beginscan(statement->relation, statement->key, SnapshotSelf, 1);
	statement->current = table_slot_create(statement->relation, NULL);
}

static void
statement_end(Statement *statement)
{
	ExecDropSingleTupleTableSlot(statement->current);
	index_endscan(statement->scan);
	index_close(statement->key, AccessShareLock);
}

static bool
same_trade(const Trade *a, const Trade *b)
{
	return a->live == b->live && same_terms(&a->commitment, &b->commitment) && same_links(a, b);
}

/* Turn the scan to an id, or away from it; it remembers pages in the statement's memory. */
static bool
find_current(Statement *statement, int64 id, bool fetch)
{
	MemoryContext outside = MemoryContextSwitchTo(statement->context);
	ScanKeyData key;
	bool		found;

	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT8EQ, Int64GetDatum(id));
	index_rescan(statement->scan, &key, 1, NULL, 0);
	found = fetch && index_getnext_slot(statement->scan, ForwardScanDirection, statement->current);
	MemoryContextSwitchTo(outside);
	return found;
}

/* The row of a trade as it is now; false when it is gone. */
static bool
read_current(Statement *statement, int64 id, Trade *now, bool *updated)
{
	bool		found = find_current(statement, id, true);

	if (found)
	{
		bool		is_copy;
		HeapTuple	tuple = ExecFetchSlotHeapTuple(statement->current, false, &is_copy);

		trade_read(statement->table, statement->stage, statement->current, now);
		*updated = (tuple->t_data->t_infomask & HEAP_UPDATED) != 0;
		if (is_copy)
			heap_freetuple(tuple);
	}
	/* let go of the pages: what follows may wait */
	ExecClearTuple(statement->current);
	(void) find_current(statement, id, false);
	return found;
}

/* Of a row that was inserted. */
static Fate
fate_of(Statement *statement, const Trade *left)
{
	Trade		now;
	bool		updated;

	if (statement->instance == NULL)
		statement->instance = instance_get(RelationGetNamespace(statement->relation));
	if (!read_current(statement, left->commitment.source_id, &now, &updated) || !same_trade(left, &now))
		return SUPERSEDED;
	return updated || book_has(statement->instance, statement->stage, left->commitment.source_id) ? WRITTEN_AGAIN : AS_LEFT;
}

/* A reader of its own of a transition table, at the first row. */
static void
rewind_rows(Tuplestorestate *rows)
{
	tuplestore_select_read_pointer(rows, tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND));
	tuplestore_rescan(rows);
}

/* Be done with rows and all that was made for them; what came from a file was made in the context, too. */
static void
next_rows(MemoryContext context, TupleTableSlot *slot, TupleTableSlot *other)
{
	ExecClearTuple(slot);
	if (other != NULL)
		ExecClearTuple(other);
	MemoryContextReset(context);
}

/* To sort rows by unit, then id. */
static Tuplesortstate *
begin_sort(const Statement *statement)
{
	AttrNumber	columns[2] = {statement->table->attr[TRADE_UNIT_ID], statement->table->attr[TRADE_ID]};
	Oid			operators[2] = {Int8LessOperator, Int8LessOperator};
	Oid			collations[2] = {InvalidOid, InvalidOid};
	bool		nulls_first[2] = {false, false};

	return tuplesort_begin_heap(RelationGetDescr(statement->relation), 2, columns, operators, collations, nulls_first,
								work_mem, NULL, TUPLESORT_NONE);
}

/* Post those of some new trades that oblige to anything. */
static void
post_trades(Statement *statement, Trade *trades, int ntrades)
{
	Instance   *instance = statement->instance;
	const Rulebook *rulebook = instance->rulebook;
	Commitment *posted = palloc(Max(ntrades, 1) * sizeof(Commitment));
	int			nposted = 0;

	for (int i = 0; i < ntrades; i++)
	{
		CHECK_FOR_INTERRUPTS();
		trade_resolve(instance, &trades[i]);
		if (trade_posts(instance, &trades[i]))
			posted[nposted++] = trades[i].commitment;
	}
	if (nposted == 0)
		return;
	/* a product of a service that this statement made has numbered services anew */
	for (int i = 0; i < nposted && instance->rulebook != rulebook; i++)
		posted[i].service = instance_product(instance, posted[i].product_id)->service;
	book_insert(instance, posted, nposted);
	conflict_posted(instance, posted, nposted);
}

/* A row of which it is not known whether the book has it already. */
static void
post_again(Statement *statement, Trade *trade)
{
	statement->instance = instance_get(RelationGetNamespace(statement->relation));
	trade_updated(statement->instance, trade, trade);
}

static void
row_inserted(Statement *statement, Trade *trade)
{
	Fate		fate = fate_of(statement, trade);

	statement->instance = instance_get(RelationGetNamespace(statement->relation));
	if (fate == AS_LEFT)
		post_trades(statement, trade, 1);
	else if (fate == WRITTEN_AGAIN)
		post_again(statement, trade);
}

/*
 * What has become of the rows is asked before they are sorted, while they come in the
 * order in which they are stored; and again once a trigger on what was written for them
 * has made another statement.
 */
static void
rows_inserted(Statement *statement, Tuplestorestate *rows)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation), &TTSOpsMinimalTuple);
	Trade	   *batch = palloc(BATCH_ROWS * sizeof(Trade));
	Tuplesortstate *sorted = begin_sort(statement);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange posting", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outside = MemoryContextSwitchTo(context);
	uint64		known = statements;
	bool		all_left = true;
	bool		more = true;
	Trade		trade;

	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		Fate		fate;

		CHECK_FOR_INTERRUPTS();
		trade_read(statement->table, statement->stage, slot, &trade);
		fate = fate_of(statement, &trade);
		all_left &= fate == AS_LEFT;
		if (fate != SUPERSEDED)
			tuplesort_puttupleslot(sorted, slot);
		next_rows(context, slot, NULL);
	}
	tuplesort_performsort(sorted);

	while (more)
	{
		int			n = 0;
		Fate		fate = AS_LEFT;

		while (n < BATCH_ROWS && fate != WRITTEN_AGAIN && (more = tuplesort_gettupleslot(sorted, true, false, slot, NULL)))
		{
			trade_read(statement->table, statement->stage, slot, &trade);
			if (!all_left || statements != known)
				fate = fate_of(statement, &trade);
			if (fate == AS_LEFT)
				batch[n++] = trade;
		}
		/* as the rules are now: a trigger of a trigger may have changed them */
		statement->instance = instance_get(RelationGetNamespace(statement->relation));
		post_trades(statement, batch, n);
		if (fate == WRITTEN_AGAIN)
			post_again(statement, &trade);
		next_rows(context, slot, NULL);
	}

	MemoryContextSwitchTo(outside);
	MemoryContextDelete(context);
	tuplesort_end(sorted);
	ExecDropSingleTupleTableSlot(slot);
}

static void
inserted(Statement *statement, Tuplestorestate *rows)
{
	rewind_rows(rows);
	if (tuplestore_tuple_count(rows) == 1)
	{
		TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation), &TTSOpsMinimalTuple);
		Trade		trade;

		(void) tuplestore_gettupleslot(rows, true, false, slot);
		trade_read(statement->table, statement->stage, slot, &trade);
		row_inserted(statement, &trade);
		ExecDropSingleTupleTableSlot(slot);
	}
	else
		rows_inserted(statement, rows);
}

/* Rows before and after come in the same order. */
static void
rows_updated(Statement *statement, Tuplestorestate *old_rows, Tuplestorestate *new_rows)
{
	TupleTableSlot *old_slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation), &TTSOpsMinimalTuple);
	TupleTableSlot *new_slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation), &TTSOpsMinimalTuple);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange posting", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outside = MemoryContextSwitchTo(context);

	rewind_rows(old_rows);
	rewind_rows(new_rows);
	while (tuplestore_gettupleslot(old_rows, true, false, old_slot) &&
		   tuplestore_gettupleslot(new_rows, true, false, new_slot))
	{
		Trade		before;
		Trade		after;
		bool		updated;

		CHECK_FOR_INTERRUPTS();
		trade_read(statement->table, statement->stage, old_slot, &before);
		trade_read(statement->table, statement->stage, new_slot, &after);
		if (!same_trade(&before, &after) && read_current(statement, before.commitment.source_id, &after, &updated))
		{
			statement->instance = instance_get(RelationGetNamespace(statement->relation));
			trade_updated(statement->instance, &before, &after);
		}
		next_rows(context, old_slot, new_slot);
	}
	MemoryContextSwitchTo(outside);
	MemoryContextDelete(context);
	ExecDropSingleTupleTableSlot(old_slot);
	ExecDropSingleTupleTableSlot(new_slot);
}

static void
rows_deleted(Statement *statement, Tuplestorestate *rows)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(statement->relation), &TTSOpsMinimalTuple);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange posting", ALLOCSET_DEFAULT_SIZES);
	MemoryContext outside = MemoryContextSwitchTo(context);

	rewind_rows(rows);
	while (tuplestore_gettupleslot(rows, true, false, slot))
	{
		Trade		before;
		Trade		now;
		bool		updated;

		CHECK_FOR_INTERRUPTS();
		trade_read(statement->table, statement->stage, slot, &before);
		statement->instance = instance_get(RelationGetNamespace(statement->relation));
		/* a trigger may have put it back */
		if (read_current(statement, before.commitment.source_id, &now, &updated))
			trade_updated(statement->instance, &before, &now);
		else
			trade_deleted(statement->instance, &before);
		next_rows(context, slot, NULL);
	}
	MemoryContextSwitchTo(outside);
	MemoryContextDelete(context);
	ExecDropSingleTupleTableSlot(slot);
}

PG_FUNCTION_INFO_V1(flex_post_commitment);
Datum
flex_post_commitment(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Stage		stage;
	Statement	statement;
	OwnerScope	owner;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) || TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) ||
		(!TRIGGER_FIRED_BY_DELETE(trigger->tg_event) && trigger->tg_newtable == NULL) ||
		(!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) && trigger->tg_oldtable == NULL))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("post_commitment must be fired AFTER, FOR EACH STATEMENT, with all transition tables of its event"),
				 errhint("Use REFERENCING NEW TABLE for INSERT, OLD TABLE for DELETE, both for UPDATE.")));
	if (trigger->tg_trigger->tgnargs != 1 ||
		!stage_of_name(trigger->tg_trigger->tgargs[0], strlen(trigger->tg_trigger->tgargs[0]), &stage))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger \"%s\" of table \"%s\" must name a stage",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
				 errhint("Use EXECUTE FUNCTION flexexchange.post_commitment('bid'), or 'award', 'availability', 'dispatch'.")));
	if (tuplestore_tuple_count(TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? trigger->tg_oldtable : trigger->tg_newtable) == 0)
		return PointerGetDatum(NULL);

	statements++;
	statement_begin(&statement, trigger, stage);
	owner_enter(trigger->tg_relation, &owner);
	if (TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		inserted(&statement, trigger->tg_newtable);
	else if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		rows_updated(&statement, trigger->tg_oldtable, trigger->tg_newtable);
	else
		rows_deleted(&statement, trigger->tg_oldtable);
	owner_leave(&owner);
	statement_end(&statement);
	return PointerGetDatum(NULL);	/* an AFTER trigger's result is ignored */
}
