/*
 * reexamine.c
 *		A change of the register, or of the rules, touches what stands in the book.
 *
 * Trigger reexamine_units() fires once for each statement that changes what
 * units can sell or be given, what they declare or what was agreed of them: the qualified
 * power, the meter and the profile of assets, the members and the profile of portfolios,
 * the limits of connections, exclusivity.  It finds the units that are touched, and when;
 * locks them FOR UPDATE, assets first, each in order, which waits for whoever has counted
 * on the old figures (capacity.c); brings what is kept of their supply up to date
 * (supply_kept.c); and has their commitments examined again, with those of units that
 * draw on the same assets.
 *
 * Who draws on what did so before or does so after.  A unit that was connected with the
 * change before it, through others, is still connected with one of those that stood
 * right beside the change; so it is enough to begin from these.
 *
 * Deliveries that have ended are left as they were judged: what an asset can do
 * today says nothing of last year.
 *
 * When a ruleset comes into force or leaves it, or its end comes forward, that
 * touches every unit with a delivery that is governed anew.  Here no lock on units
 * would do: a session that posts on a unit of which nothing was known yet would
 * still use the old rules.  So the whole book is locked against posting until the
 * change commits; whoever posted before is waited for, whoever comes later
 * compiles the new rules (instance.c).
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "conflict.h"
#include "errors.h"
#include "hold.h"
#include "owner.h"

/*
 * What each table's change touches, as (unit, is a portfolio, when, does its
 * supply change, do its terms, do its agreements, do the rules), in the order of units,
 * assets first, from the transition tables `before` and `after`.  A portfolio's first
 * member makes its capacity known for all time, and its last one unknown.
 */
#define MEMBER_COLUMNS \
	"portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid"
#define MEMBERS_TOUCHED(rows, remaining) \
	"WITH m AS MATERIALIZED (" rows "), " \
	"p AS MATERIALIZED (SELECT portfolio_id, pg_catalog.count(*) AS n FROM m GROUP BY portfolio_id), " \
	"others AS MATERIALIZED (SELECT portfolio_id, EXISTS (SELECT FROM %s.portfolio_member x " \
	"WHERE x.portfolio_id OPERATOR(pg_catalog.=) p.portfolio_id OFFSET " remaining ") AS there FROM p) " \
	"SELECT m.portfolio_id::pg_catalog.int8, true, " \
	"(CASE WHEN o.there THEN m.valid ELSE '-infinity/infinity' END)::flexexchange.time_window, true, false, false, false " \
	"FROM m JOIN others o ON o.portfolio_id OPERATOR(pg_catalog.=) m.portfolio_id WHERE m.valid IS NOT NULL " \
	"UNION ALL SELECT asset_id::pg_catalog.int8, false, valid::flexexchange.time_window, true, false, false, false FROM m " \
	"WHERE valid IS NOT NULL ORDER BY 2, 1"

static const char *const member_inserted =
MEMBERS_TOUCHED("SELECT " MEMBER_COLUMNS " FROM after", "p.n");
static const char *const member_deleted =
MEMBERS_TOUCHED("SELECT " MEMBER_COLUMNS " FROM before", "0");
static const char *const member_updated =
MEMBERS_TOUCHED("(SELECT " MEMBER_COLUMNS " FROM before EXCEPT ALL SELECT " MEMBER_COLUMNS " FROM after) "
				"UNION ALL (SELECT " MEMBER_COLUMNS " FROM after EXCEPT ALL SELECT " MEMBER_COLUMNS " FROM before)", "p.n");

static const char *const asset_updated =
"WITH compared AS (SELECT a.id, ROW(a.qualified_up_kw, a.qualified_down_kw, a.metering_point_id) "
"IS DISTINCT FROM ROW(b.qualified_up_kw, b.qualified_down_kw, b.metering_point_id) AS supply, "
"a.profile::pg_catalog.text IS DISTINCT FROM b.profile::pg_catalog.text AS terms "
"FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id) "
"SELECT id::pg_catalog.int8, false, '-infinity/infinity'::flexexchange.time_window, supply, terms, false, false FROM compared "
"WHERE supply OR terms ORDER BY 1";

/* A connection touches nobody but by what lies behind it. */
static const char *const metering_point_updated =
"SELECT NULL::pg_catalog.int8, false, NULL::flexexchange.time_window, false, false, false, false WHERE false";

static const char *const portfolio_updated =
"SELECT a.id::pg_catalog.int8, true, '-infinity/infinity'::flexexchange.time_window, false, true, false, false "
"FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id "
"WHERE a.profile::pg_catalog.text IS DISTINCT FROM b.profile::pg_catalog.text ORDER BY 1";

#define AGREED(rows) \
	"SELECT unit_id::pg_catalog.int8, portfolio_id IS NOT NULL, valid::flexexchange.time_window, false, false, true, false FROM (" rows ") AS e ORDER BY 1"

static const char *const exclusivity_inserted = AGREED("SELECT unit_id, portfolio_id, valid FROM after");
static const char *const exclusivity_deleted = AGREED("SELECT unit_id, portfolio_id, valid FROM before");
static const char *const exclusivity_updated =
AGREED("SELECT unit_id, portfolio_id, valid FROM before UNION ALL SELECT unit_id, portfolio_id, valid FROM after");

/* The deliveries that are governed anew; of a ruleset that stays in force, its lost end. */
#define GOVERNED_ANEW \
	"SELECT CASE WHEN b.status OPERATOR(pg_catalog.<>) 'in_force'::pg_catalog.text THEN a.in_force " \
	"WHEN a.status OPERATOR(pg_catalog.<>) 'in_force'::pg_catalog.text THEN b.in_force " \
	"ELSE flexexchange.time_window(flexexchange.upper(a.in_force), flexexchange.upper(b.in_force)) END AS valid " \
	"FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id " \
	"WHERE (b.status OPERATOR(pg_catalog.=) 'in_force'::pg_catalog.text) OPERATOR(pg_catalog.<>) (a.status OPERATOR(pg_catalog.=) 'in_force'::pg_catalog.text) " \
	"OR (a.status OPERATOR(pg_catalog.=) 'in_force'::pg_catalog.text " \
	"AND flexexchange.upper(a.in_force) OPERATOR(pg_catalog.<) flexexchange.upper(b.in_force))"

static const char *const ruleset_updated =
"SELECT c.unit_id::pg_catalog.int8, c.unit_kind OPERATOR(pg_catalog.=) 'portfolio'::pg_catalog.text, r.valid::flexexchange.time_window, "
"false, false, false, true FROM (" GOVERNED_ANEW ") AS r JOIN %s.commitment c "
"ON c.closed_at IS NULL AND c.delivery_window OPERATOR(flexexchange.&&) r.valid "
"AND flexexchange.upper(c.delivery_window) OPERATOR(pg_catalog.>) pg_catalog.now() "
"GROUP BY 1, 2, 3 ORDER BY 1";

/* The metering points by which assets lie, or lay, elsewhere or with other limits. */
static const char *const asset_points =
"SELECT DISTINCT p.id::pg_catalog.int8 FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id "
"CROSS JOIN LATERAL (VALUES (a.metering_point_id), (b.metering_point_id)) AS p (id) "
"WHERE a.metering_point_id IS DISTINCT FROM b.metering_point_id AND p.id IS NOT NULL";

static const char *const metering_point_points =
"SELECT DISTINCT p.id::pg_catalog.int8 FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id "
"CROSS JOIN LATERAL (VALUES (a.id), (a.parent_id), (b.parent_id)) AS p (id) "
"WHERE ROW(a.kind, a.parent_id, a.agreed_import_kw, a.agreed_export_kw) "
"IS DISTINCT FROM ROW(b.kind, b.parent_id, b.agreed_import_kw, b.agreed_export_kw) AND p.id IS NOT NULL";

/* Those of some units that have anything in the book; they are locked, so nobody is about to post. */
static const SavedQuery committed_query = {
	QUERY_COMMITTED,
	"SELECT u::pg_catalog.int8 FROM pg_catalog.unnest($1) u WHERE EXISTS (SELECT FROM %1$s.commitment c WHERE c.closed_at IS NULL "
	"AND flexexchange.resource_window(c.unit_id, c.delivery_window) OPERATOR(flexexchange.&&) flexexchange.resource_window(u, $2))",
	2, {INT8ARRAYOID, WINDOW_ARG}
};

typedef struct TouchedUnit
{
	int64		id;
	bool		portfolio;
	TimeWindow	window;
	bool		supply;			/* changes */
	bool		terms;			/* change */
	bool		agreements;		/* change */
	bool		rules;			/* that govern its deliveries change */
} TouchedUnit;

static void
read_changes(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL || SPI_execute_plan(plan, NULL, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what changed: %s", SPI_result_code_string(SPI_result));
	SPI_freeplan(plan);
}

/* The units that the statement touched, each once, in the order of kinds and ids. */
static TouchedUnit *
touched_units(const char *sql, int *count)
{
	TouchedUnit *units;

	read_changes(sql);
	units = palloc(Max(SPI_processed, 1) * sizeof(TouchedUnit));
	*count = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int64		id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		bool		portfolio = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
		TimeWindow *window = DatumGetTimeWindowP(SPI_getbinval(row, desc, 3, &isnull));
		TouchedUnit *unit = *count > 0 ? &units[*count - 1] : NULL;

		if (unit != NULL && unit->id == id && unit->portfolio == portfolio)
			unit->window = time_window_cover(&unit->window, window);
		else
		{
			unit = &units[(*count)++];
			memset(unit, 0, sizeof(TouchedUnit));
			unit->id = id;
			unit->portfolio = portfolio;
			unit->window = *window;
		}
		unit->supply |= DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
		unit->terms |= DatumGetBool(SPI_getbinval(row, desc, 5, &isnull));
		unit->agreements |= DatumGetBool(SPI_getbinval(row, desc, 6, &isnull));
		unit->rules |= DatumGetBool(SPI_getbinval(row, desc, 7, &isnull));
		unit->rules |= DatumGetBool(SPI_getbinval(row, desc, 7, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return units;
}

/* Did the statement change what governs any delivery?  If so, nobody posts until it commits. */
static bool
hold_book_for_rules(Oid namespace_oid)
{
	SPIPlanPtr	plan = SPI_prepare(GOVERNED_ANEW " LIMIT 1", 0, NULL);
	bool		changed;

	if (plan == NULL || SPI_execute_plan(plan, NULL, NULL, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not read what changed: %s", SPI_result_code_string(SPI_result));
	changed = SPI_processed > 0;
	SPI_freetuptable(SPI_tuptable);
	SPI_freeplan(plan);
	if (changed)
	{
		Oid			book_relid = get_relname_relid("commitment", namespace_oid);

		if (OidIsValid(book_relid))
			LockRelationOid(book_relid, ShareRowExclusiveLock);
	}
	return changed;
}

static IdList
touched_points(const char *sql)
{
	IdList		points = {0};

	if (sql == NULL)
		return points;
	read_changes(sql);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		id_list_add(&points, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	return points;
}

/* Of deliveries only those to come are examined; false when there are none in a window. */
static bool
keep_to_come(TimeWindow *window)
{
	TimeWindow	to_come;

	to_come.start_us = GetCurrentTransactionStartTimestamp();
	to_come.end_us = TIME_WINDOW_NO_END;
	if (!time_window_overlaps(window, &to_come))
		return false;
	*window = time_window_common(window, &to_come);
	return true;
}

/* Units whose headroom has been examined, by unit_key(). */
static HTAB *
make_examined(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(uint64);
	control.hcxt = CurrentMemoryContext;
	return hash_create("flexexchange examined units", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Examine what stands on units, and what is connected with them, where anything does. */
static void
reexamine_supply(Instance *instance, const IdList *units, bool portfolio, const TimeWindow *window, HTAB *examined)
{
	Datum		values[2];
	IdList		committed = {0};

	values[0] = id_list_datum(units);
	values[1] = TimeWindowPGetDatum(window);
	instance_query(instance, &committed_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		id_list_add(&committed, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	for (int i = 0; i < committed.n; i++)
	{
		UnitRef		unit = {committed.ids[i], portfolio};
		uint64		key = unit_key(unit);

		if (hash_search(examined, &key, HASH_FIND, NULL) == NULL)
			conflict_supply_changed(instance, &unit, window, examined);
	}
}

/* What units can be given changed: lock them, keep up with it and examine what it touches. */
static void
supply_changed(Instance *instance, const TouchedUnit *units, int nunits, const IdList *points)
{
	TimeWindow	window = {TIME_WINDOW_NO_BEGIN, TIME_WINDOW_NO_END};
	IdList		changed_assets = {0};
	IdList		assets = {0};
	IdList		places = {0};
	IdList		portfolios = {0};
	HTAB	   *examined;
	bool		first = true;

	for (int i = 0; i < nunits; i++)
	{
		if (!units[i].supply)
			continue;
		if (points->n == 0)
			window = first ? units[i].window : time_window_cover(&window, &units[i].window);
		first = false;
		if (!units[i].portfolio)
			id_list_add(&changed_assets, units[i].id);
	}
	if (first && points->n == 0)
		return;

	supply_kept_places(instance, &changed_assets, points, &assets, &places);
	units_lock(instance, &assets, false);
	supply_kept_portfolios(instance, &assets, &places, &portfolios);
	for (int i = 0; i < nunits; i++)
		if (units[i].supply && units[i].portfolio)
			id_list_add(&portfolios, units[i].id);
	units_lock(instance, &portfolios, true);
	supply_kept_follow(instance, &assets, &places);

	if (!instance_detects_by_event(instance) || !keep_to_come(&window))
		return;
	examined = make_examined();
	reexamine_supply(instance, &portfolios, true, &window, examined);
	reexamine_supply(instance, &assets, false, &window, examined);
	hash_destroy(examined);
	hold_release_all(instance, &portfolios);
	hold_release_all(instance, &assets);
}

/* What units declare or agreed to changed, or their rules: lock them and examine what stands on them. */
static void
unit_terms_changed(Instance *instance, TouchedUnit *units, int nunits)
{
	MemoryContext caller;
	MemoryContext unit_context;
	HTAB	   *examined;
	TimeWindow	governed = {0};	/* by other rules, of any unit: connected ones are examined together */
	bool		any_rules = false;

	for (int portfolio = 0; portfolio < 2; portfolio++)
	{
		IdList		changed = {0};

		for (int i = 0; i < nunits; i++)
			if (units[i].portfolio == (portfolio != 0) && (units[i].terms || units[i].agreements || units[i].rules))
				id_list_add(&changed, units[i].id);
		units_lock(instance, &changed, portfolio != 0);
	}
	for (int i = 0; i < nunits; i++)
	{
		if (!units[i].rules)
			continue;
		governed = any_rules ? time_window_cover(&governed, &units[i].window) : units[i].window;
		any_rules = true;
	}
	any_rules = any_rules && keep_to_come(&governed);
	examined = make_examined();
	unit_context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange unit", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(unit_context);
	for (int i = 0; i < nunits; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(unit_context);
		if (!keep_to_come(&units[i].window))
			continue;
		if (units[i].terms)
			conflict_terms_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
		if (units[i].agreements)
			conflict_exclusivity_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
		if (units[i].rules && any_rules)
			conflict_rules_changed(instance, units[i].id, units[i].portfolio, &governed, examined);
	}
	MemoryContextSwitchTo(caller);
	hash_destroy(examined);
}

PG_FUNCTION_INFO_V1(flex_reexamine_units);
Datum
flex_reexamine_units(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;
	OwnerScope	owner;
	Instance   *instance;
	const char *sql;
	const char *points_sql = NULL;
	IdList		points;
	TouchedUnit *units;
	int			nunits;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("reexamine_units must be fired AFTER, FOR EACH STATEMENT")));
	table = trigger->tg_trigger->tgnargs == 1 ? trigger->tg_trigger->tgargs[0] : "";
	if (strcmp(table, "portfolio_member") == 0)
		sql = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? member_inserted :
			TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? member_deleted : member_updated;
	else if (strcmp(table, "exclusivity") == 0)
		sql = TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ? exclusivity_inserted :
			TRIGGER_FIRED_BY_DELETE(trigger->tg_event) ? exclusivity_deleted : exclusivity_updated;
	else if (strcmp(table, "asset") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		sql = asset_updated;
		points_sql = asset_points;
	}
	else if (strcmp(table, "metering_point") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
	{
		sql = metering_point_updated;
		points_sql = metering_point_points;
	}
	else if (strcmp(table, "portfolio") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		sql = portfolio_updated;
	else if (strcmp(table, "ruleset") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		sql = ruleset_updated;
	else
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger \"%s\" of table \"%s\" does not say what changes",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
				 errhint("Use EXECUTE FUNCTION flexexchange.reexamine_units('asset'), ('metering_point'), ('portfolio') or ('ruleset') on updates, or ('portfolio_member') or ('exclusivity'), with transition tables before and after.")));

	owner_enter(trigger->tg_relation, &owner);
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed");
	if (sql == ruleset_updated && !hold_book_for_rules(RelationGetNamespace(trigger->tg_relation)))
	{
		owner_leave(&owner);
		return PointerGetDatum(NULL);
	}
	instance = instance_get(RelationGetNamespace(trigger->tg_relation));
	units = touched_units(psprintf(sql, instance->schema), &nunits);

	points = touched_points(points_sql);
	supply_changed(instance, units, nunits, &points);
	if (instance_detects_by_event(instance))
		unit_terms_changed(instance, units, nunits);
	owner_leave(&owner);
	return PointerGetDatum(NULL);	/* an AFTER trigger's result is ignored */
}
