/*
 * counteraction.c
 *		Dispatches against one another, against limits and against removals.
 *
 * What a counteraction is, SQL function counteractions() says, for any set of
 * dispatches at once: of two instructions that oppose one another on one network
 * element, of one that breaks an operating limit or constraint period, of one
 * whose unit was taken out.  This file decides which dispatches to ask about, and
 * makes the answer safe: locks, rows of network_dispatch, waiting (network.c).
 *
 * One routine serves every event.  A dispatch is posted, relinked or closed; its
 * unit moves in the network; a node is fed from elsewhere; a limit, a constraint
 * period or a removal comes or goes; what a dispatch is for is said otherwise:
 * each touches a set of dispatches, whose rows are brought up to date and whose
 * findings are written, changed or closed.  Where a limit stands, those that were
 * posted later in the same direction count on them, and are examined with them.
 *
 * Trigger reexamine_network() does that for changes of the register, once a
 * statement.  Deliveries that have ended are left as they were judged.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "counteraction.h"
#include "errors.h"
#include "finding.h"
#include "network.h"
#include "owner.h"

/* ----------
 * Examining a set of dispatches
 * ----------
 */

static const SavedQuery affected_query = {
	QUERY_COUNTERACTION_AFFECTED,
	"SELECT id FROM pg_catalog.unnest($1) AS s (id) UNION "
	"SELECT n.commitment_id::pg_catalog.int8 FROM ROWS FROM (pg_catalog.unnest($2), pg_catalog.unnest($3), pg_catalog.unnest($4), "
	"pg_catalog.unnest($5)) AS p (node, during, direction, commitment_id) "
	"JOIN %1$s.network_restriction x ON x.direction OPERATOR(pg_catalog.=) p.direction "
	"AND flexexchange.resource_window(x.grid_node_id, x.valid) OPERATOR(flexexchange.&&) flexexchange.resource_window(p.node, p.during) "
	"JOIN %1$s.network_dispatch n ON n.direction OPERATOR(pg_catalog.=) p.direction "
	"AND n.commitment_id OPERATOR(pg_catalog.>) p.commitment_id "
	"AND flexexchange.resource_window(n.grid_node_id, n.valid) OPERATOR(flexexchange.&&) flexexchange.resource_window(p.node, p.during) "
	"WHERE NOT $6 OR EXISTS (SELECT FROM %1$s.conflict k WHERE k.challenger_id OPERATOR(pg_catalog.=) n.commitment_id "
	"AND k.kind OPERATOR(pg_catalog.=) 'counteraction'::pg_catalog.text AND k.short_kw IS NOT NULL AND k.closed_at IS NULL)",
	6, {INT8ARRAYOID, INT8ARRAYOID, WINDOW_ARRAY_ARG, TEXTARRAYOID, INT8ARRAYOID, BOOLOID}
};

/*
 * The dispatches themselves, and those posted later whose limits are charged with
 * them; when there can only be less than before, those that are too much.
 */
static Datum
affected(Instance *instance, const int64 *ids, int nids, const Place *places, int nplaces, bool less)
{
	Datum	   *windows = palloc(Max(nplaces, 1) * sizeof(Datum));
	Datum	   *directions = palloc(Max(nplaces, 1) * sizeof(Datum));
	int64	   *nodes = palloc(Max(nplaces, 1) * sizeof(int64));
	int64	   *commitments = palloc(Max(nplaces, 1) * sizeof(int64));
	Datum		values[6];
	int64	   *result;
	int			count;

	for (int i = 0; i < nplaces; i++)
	{
		nodes[i] = places[i].node_id;
		windows[i] = TimeWindowPGetDatum(&places[i].window);
		directions[i] = CStringGetTextDatum(places[i].down ? "down" : "up");
		commitments[i] = places[i].commitment_id;
	}
	values[0] = int64_array(ids, nids);
	values[1] = int64_array(nodes, nplaces);
	values[2] = PointerGetDatum(construct_array(windows, nplaces, instance->window_type,
												sizeof(TimeWindow), false, TYPALIGN_DOUBLE));
	values[3] = PointerGetDatum(construct_array(directions, nplaces, TEXTOID, -1, false, TYPALIGN_INT));
	values[4] = int64_array(commitments, nplaces);
	values[5] = BoolGetDatum(less);
	instance_query(instance, &affected_query, values, NULL, 0);
	result = int64_column_of_result(1, &count);
	return int64_array(result, count);
}

/*
 * A finding that holds is written or brought up to date; one that does not is closed.
 * The dispatches that it is of are held: where one is closed meanwhile nothing is written.
 */
static const SavedQuery write_query = {
	QUERY_COUNTERACTION_WRITE,
	"WITH f AS MATERIALIZED (SELECT * FROM %1$s.counteractions($1)), "
	"held AS MATERIALIZED (SELECT m.id FROM %1$s.commitment m "
	"WHERE m.id OPERATOR(pg_catalog.=) ANY (SELECT challenger_id FROM f UNION SELECT incumbent_id FROM f) "
	"AND m.closed_at IS NULL ORDER BY m.id FOR SHARE), "
	"gone AS (UPDATE %1$s.conflict k SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE k.kind OPERATOR(pg_catalog.=) 'counteraction'::pg_catalog.text AND k.closed_at IS NULL "
	"AND (k.challenger_id OPERATOR(pg_catalog.=) ANY ($1) OR k.incumbent_id OPERATOR(pg_catalog.=) ANY ($1)) "
	"AND NOT EXISTS (SELECT FROM f WHERE f.challenger_id OPERATOR(pg_catalog.=) k.challenger_id "
	"AND f.incumbent_id IS NOT DISTINCT FROM k.incumbent_id "
	"AND f.operating_limit_id IS NOT DISTINCT FROM k.operating_limit_id "
	"AND f.constraint_period_id IS NOT DISTINCT FROM k.constraint_period_id "
	"AND f.unit_removal_id IS NOT DISTINCT FROM k.unit_removal_id)) "
	"INSERT INTO %1$s.conflict AS k (kind, severity, stage, challenger_id, incumbent_id, operating_limit_id, constraint_period_id, "
	"unit_removal_id, unit_id, grid_node_id, overlap, short_kw, short_windows, ruleset_id, primacy_rule_id, prevailing_id, rationale) "
	"SELECT 'counteraction', severity, 'dispatch', challenger_id, incumbent_id, operating_limit_id, constraint_period_id, "
	"unit_removal_id, unit_id, grid_node_id, overlap, short_kw, short_windows, ruleset_id, primacy_rule_id, prevailing_id, rationale "
	"FROM f WHERE challenger_id OPERATOR(pg_catalog.=) ANY (SELECT id FROM held) "
	"AND (incumbent_id IS NULL OR incumbent_id OPERATOR(pg_catalog.=) ANY (SELECT id FROM held)) ORDER BY challenger_id, incumbent_id, operating_limit_id, constraint_period_id, unit_removal_id "
	"ON CONFLICT (challenger_id, kind, incumbent_id, exclusivity_id, operating_limit_id, constraint_period_id, unit_removal_id) "
	"WHERE closed_at IS NULL DO UPDATE SET severity = EXCLUDED.severity, grid_node_id = EXCLUDED.grid_node_id, "
	"overlap = EXCLUDED.overlap, short_kw = EXCLUDED.short_kw, short_windows = EXCLUDED.short_windows, "
	"ruleset_id = EXCLUDED.ruleset_id, primacy_rule_id = EXCLUDED.primacy_rule_id, prevailing_id = EXCLUDED.prevailing_id, "
	"rationale = EXCLUDED.rationale "
	"WHERE k.rationale OPERATOR(pg_catalog.<>) EXCLUDED.rationale",
	1, {INT8ARRAYOID}
};

typedef enum Event
{
	DISPATCH_POSTED,			/* just now, so nothing is stored of it yet */
	DISPATCH_CLOSED,			/* what others are charged with can only become less */
	DISPATCHES_TOUCHED
} Event;

static void
examine(Instance *instance, const int64 *dispatches, int ndispatches, Event event)
{
	int64	   *ids;
	int			nids;
	Place	   *places;
	int			nplaces;
	Restriction *restrictions;
	int			nrestrictions;
	bool		any;
	Datum		values[1];

	if (ndispatches == 0)
		return;
	if (event == DISPATCHES_TOUCHED)	/* else whoever posts or closes it holds its unit */
		network_hold_units(instance, dispatches, ndispatches);
	ids = network_hold_dispatches(instance, dispatches, ndispatches, &nids);
	places = network_place(instance, ids, nids, event == DISPATCHES_TOUCHED, &nplaces);
	restrictions = network_restrictions(instance, places, nplaces, &nrestrictions);
	any = network_wait(instance, places, nplaces, restrictions, nrestrictions);
	values[0] = int64_array(ids, nids);
	any |= network_any_removal(instance, values[0]);
	if (event == DISPATCH_POSTED && nids == 1 && !any && nrestrictions == 0)
		return;					/* nothing in reach */
	if (nrestrictions > 0)
		/* unless what it superseded counts again */
		values[0] = affected(instance, ids, nids, places, nplaces, event == DISPATCH_CLOSED && nids == 1);
	finding_counted(instance_query(instance, &write_query, values, NULL, 0), 0);
}

/* ----------
 * Events of the book
 * ----------
 */

static const SavedQuery of_units_query = {
	QUERY_NETWORK_OF_UNITS,
	"SELECT DISTINCT c.id::pg_catalog.int8 FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS u (unit, during) "
	"JOIN %1$s.commitment c ON flexexchange.resource_window(c.unit_id, c.delivery_window) OPERATOR(flexexchange.&&) "
	"flexexchange.resource_window(u.unit, u.during) "
	"WHERE c.closed_at IS NULL AND c.stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text ORDER BY 1",
	2, {INT8ARRAYOID, WINDOW_ARRAY_ARG}
};

static const SavedQuery at_nodes_query = {
	QUERY_NETWORK_AT_NODES,
	"SELECT DISTINCT n.commitment_id::pg_catalog.int8 FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS g (node, during) "
	"JOIN %1$s.network_dispatch n ON flexexchange.resource_window(n.grid_node_id, n.valid) OPERATOR(flexexchange.&&) "
	"flexexchange.resource_window(g.node, g.during) ORDER BY 1",
	2, {INT8ARRAYOID, WINDOW_ARRAY_ARG}
};

/* Examine the live dispatches that a query finds for nodes or units and windows. */
static void
examine_found(Instance *instance, const SavedQuery *query, const int64 *resources, Datum *windows, int count)
{
	Datum		values[2];
	int64	   *ids;
	int			nids;

	values[0] = int64_array(resources, count);
	values[1] = PointerGetDatum(construct_array(windows, count, instance->window_type,
												sizeof(TimeWindow), false, TYPALIGN_DOUBLE));
	instance_query(instance, query, values, NULL, 0);
	ids = int64_column_of_result(1, &nids);
	examine(instance, ids, nids, DISPATCHES_TOUCHED);
}

void
counteraction_posted(Instance *instance, const Commitment *posted)
{
	if (posted->stage == STAGE_DISPATCH && network_watched(instance))
		examine(instance, &posted->id, 1, DISPATCH_POSTED);
}

/* Which dispatch it supersedes may have changed: one of its unit. */
void
counteraction_relinked(Instance *instance, const Commitment *relinked)
{
	TimeWindow	ever = {TIME_WINDOW_NO_BEGIN, TIME_WINDOW_NO_END};
	Datum		window = TimeWindowPGetDatum(&ever);

	if (relinked->stage == STAGE_DISPATCH && network_watched(instance))
		examine_found(instance, &of_units_query, &relinked->unit_id, &window, 1);
}

void
counteraction_closed(Instance *instance, const Commitment *closed)
{
	if (closed->stage == STAGE_DISPATCH && network_watched(instance))
		examine(instance, &closed->id, 1, DISPATCH_CLOSED);
}

static const SavedQuery swept_query = {
	QUERY_COUNTERACTION_SWEPT,
	"SELECT id::pg_catalog.int8 FROM %1$s.commitment WHERE closed_at IS NULL AND stage OPERATOR(pg_catalog.=) 'dispatch'::pg_catalog.text "
	"AND delivery_window OPERATOR(flexexchange.&&) $1 ORDER BY id",
	1, {WINDOW_ARG}
};

/* As many as are examined, and locked, in one go. */
#define SWEPT_TOGETHER	1000

/* Examine all live dispatches that overlap a window. */
void
counteraction_swept(Instance *instance, const TimeWindow *span)
{
	Datum		values[1];
	int64	   *ids;
	int			count;

	if (!network_watched(instance))
		return;
	values[0] = TimeWindowPGetDatum(span);
	instance_query(instance, &swept_query, values, NULL, 0);
	ids = int64_column_of_result(1, &count);
	for (int i = 0; i < count; i += SWEPT_TOGETHER)
	{
		CHECK_FOR_INTERRUPTS();
		examine(instance, &ids[i], Min(SWEPT_TOGETHER, count - i), DISPATCHES_TOUCHED);
	}
}

/* ----------
 * Changes of the register
 * ----------
 */

/* What a statement touched, as (node or unit, window), from its transition tables. */
typedef struct Change
{
	const char *table;
	bool		begins;			/* the network matters from its first row on */
	bool		of_units;		/* else of nodes */
	const char *inserted;		/* NULL: not examined */
	const char *updated;
	const char *deleted;
} Change;

#define NODES(rows)		"SELECT grid_node_id::pg_catalog.int8, valid::flexexchange.time_window FROM (" rows ") AS x ORDER BY 1"
#define UNITS(rows)		"SELECT unit_id::pg_catalog.int8, valid::flexexchange.time_window FROM (" rows ") AS x ORDER BY 1"
#define MOVED \
	"SELECT a.id::pg_catalog.int8, '-infinity/infinity'::flexexchange.time_window " \
	"FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id " \
	"WHERE a.grid_node_id IS DISTINCT FROM b.grid_node_id ORDER BY 1"

static const Change changes[] = {
	{"operating_limit", true, false, NODES("SELECT grid_node_id, valid FROM after"), NODES("SELECT grid_node_id, valid FROM after"), NULL},
	{"constraint_period", true, false, NODES("SELECT grid_node_id, valid FROM after"), NODES("SELECT grid_node_id, valid FROM after"), NULL},
	{"unit_removal", true, true, UNITS("SELECT unit_id, valid FROM after"), UNITS("SELECT unit_id, valid FROM after"), NULL},
	{"grid_node_parent", false, false, NODES("SELECT grid_node_id, valid FROM after"),
		NODES("SELECT grid_node_id, valid FROM before UNION ALL SELECT grid_node_id, valid FROM after"),
	NODES("SELECT grid_node_id, valid FROM before")},
	{"asset", false, true, NULL, MOVED, NULL},
	{"portfolio", false, true, NULL, MOVED, NULL},
};

/* Held by whoever changes what dispatches at these nodes, or of these units, depend on. */
static const SavedQuery hold_nodes_query = {
	QUERY_NETWORK_HOLD_NODES,
	"SELECT FROM %1$s.grid_node WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR UPDATE",
	1, {INT8ARRAYOID}
};

static const SavedQuery hold_assets_query = {
	QUERY_NETWORK_HOLD_ASSETS,
	"SELECT FROM %1$s.asset WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR UPDATE",
	1, {INT8ARRAYOID}
};

static const SavedQuery hold_portfolios_query = {
	QUERY_NETWORK_HOLD_PORTFOLIOS,
	"SELECT FROM %1$s.portfolio WHERE id OPERATOR(pg_catalog.=) ANY ($1) ORDER BY id FOR UPDATE",
	1, {INT8ARRAYOID}
};

static void
statement_changed(Instance *instance, const Change *change, const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);
	TimeWindow	to_come = {GetCurrentTransactionStartTimestamp(), TIME_WINDOW_NO_END};
	int64	   *resources;
	Datum	   *windows;
	Datum		values[1];
	int			count = 0;

	if (plan == NULL || SPI_execute_plan(plan, NULL, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what changed: %s", SPI_result_code_string(SPI_result));
	resources = palloc(Max(SPI_processed, 1) * sizeof(int64));
	windows = palloc(Max(SPI_processed, 1) * sizeof(Datum));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull[2];
		int64		resource = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull[0]));
		Datum		window = SPI_getbinval(row, desc, 2, &isnull[1]);
		TimeWindow *ahead;

		if (isnull[0] || isnull[1] || !time_window_overlaps(DatumGetTimeWindowP(window), &to_come))
			continue;
		ahead = palloc(sizeof(TimeWindow));
		*ahead = time_window_common(DatumGetTimeWindowP(window), &to_come);
		resources[count] = resource;
		windows[count++] = TimeWindowPGetDatum(ahead);
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_freeplan(plan);
	if (change->begins)
		network_watch(instance);
	if (count == 0)
		return;

	values[0] = int64_array(resources, count);
	if (!change->of_units)
		instance_query(instance, &hold_nodes_query, values, NULL, 0);
	else
	{
		instance_query(instance, &hold_assets_query, values, NULL, 0);
		instance_query(instance, &hold_portfolios_query, values, NULL, 0);
	}
	examine_found(instance, change->of_units ? &of_units_query : &at_nodes_query, resources, windows, count);
}

/* A dispatch names an element, or says otherwise what it is for. */
static void
dispatch_changed(Instance *instance, TriggerData *trigger)
{
	Relation	relation = trigger->tg_relation;
	HeapTuple	row = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	AttrNumber	id_attr = SPI_fnumber(RelationGetDescr(relation), "id");
	AttrNumber	node_attr = SPI_fnumber(RelationGetDescr(relation), "grid_node_id");
	bool		isnull;
	Commitment	booked;
	int64		id;

	require_column_type(RelationGetRelid(relation), "id", Max(id_attr, InvalidAttrNumber), INT8OID);
	require_column_type(RelationGetRelid(relation), "grid_node_id", Max(node_attr, InvalidAttrNumber), INT8OID);
	(void) SPI_getbinval(row, RelationGetDescr(relation), node_attr, &isnull);
	if (!isnull)
		network_watch(instance);
	/* one that is no longer live leaves the book when the statement ends */
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		AttrNumber	live_attr = SPI_fnumber(RelationGetDescr(relation), "live");

		require_column_type(RelationGetRelid(relation), "live", Max(live_attr, InvalidAttrNumber), BOOLOID);
		if (!DatumGetBool(SPI_getbinval(row, RelationGetDescr(relation), live_attr, &isnull)) || isnull)
			return;
	}
	id = DatumGetInt64(SPI_getbinval(row, RelationGetDescr(relation), id_attr, &isnull));
	if (!isnull && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) && network_watched(instance) &&
		book_find(instance, STAGE_DISPATCH, id, &booked))
		examine(instance, &booked.id, 1, DISPATCHES_TOUCHED);
}

PG_FUNCTION_INFO_V1(flex_reexamine_network);
Datum
flex_reexamine_network(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;
	bool		of_dispatch;
	const Change *change = NULL;
	const char *sql = NULL;
	OwnerScope	owner;
	Instance   *instance;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("reexamine_network must be fired AFTER")));
	table = trigger->tg_trigger->tgnargs == 1 ? trigger->tg_trigger->tgargs[0] : "";
	of_dispatch = strcmp(table, "dispatch") == 0;
	for (int i = 0; i < lengthof(changes); i++)
		if (strcmp(table, changes[i].table) == 0)
			change = &changes[i];
	if (change != NULL)
		sql = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? change->inserted :
			TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? change->deleted : change->updated;
	if (of_dispatch ? !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || TRIGGER_FIRED_BY_DELETE(trigger->tg_event) :
		sql == NULL || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger \"%s\" of table \"%s\" does not say what changes",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
				 errhint("Use EXECUTE FUNCTION flexexchange.reexamine_network('operating_limit'), ('constraint_period'), ('unit_removal'), ('grid_node_parent'), ('asset') or ('portfolio') FOR EACH STATEMENT with transition tables before and after, or ('dispatch') FOR EACH ROW.")));

	owner_enter(trigger->tg_relation, &owner);
	/* it locks the book as whoever posts does, so the network cannot come to matter unseen */
	instance = instance_get(RelationGetNamespace(trigger->tg_relation));
	if (of_dispatch)
		dispatch_changed(instance, trigger);
	else if (change->begins || network_watched(instance))
	{
		if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
			elog(ERROR, "SPI_register_trigger_data failed");
		statement_changed(instance, change, sql);
	}
	owner_leave(&owner);
	return PointerGetDatum(NULL);	/* an AFTER trigger's result is ignored */
}
