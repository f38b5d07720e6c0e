/*
 * reexamine.c
 *		A change of the register, or of the rules, touches what stands in the book.
 *
 * Trigger reexamine_units() fires once for each statement that changes what
 * units can sell, what they declare or what was agreed of them: the qualified
 * power and the profile of assets, the members and the profile of portfolios,
 * exclusivity.  It finds the units that are touched, and when; locks them FOR UPDATE, in order,
 * which waits for whoever has counted on the old figures (capacity.c); and has
 * their commitments examined again.
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
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "conflict.h"
#include "errors.h"
#include "owner.h"

/*
 * What each table's change touches, as (unit, is a portfolio, when, does its
 * capacity change, do its terms, do its agreements, do the rules), in the order of
 * units, from the transition tables `before` and `after`.  A portfolio's first
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
	"(CASE WHEN o.there THEN m.valid ELSE '-infinity/infinity' END)::flexexchange.time_window, true, false, false " \
	"FROM m JOIN others o ON o.portfolio_id OPERATOR(pg_catalog.=) m.portfolio_id WHERE m.valid IS NOT NULL ORDER BY 1"

static const char *const member_inserted =
MEMBERS_TOUCHED("SELECT " MEMBER_COLUMNS " FROM after", "p.n");
static const char *const member_deleted =
MEMBERS_TOUCHED("SELECT " MEMBER_COLUMNS " FROM before", "0");
static const char *const member_updated =
MEMBERS_TOUCHED("(SELECT " MEMBER_COLUMNS " FROM before EXCEPT ALL SELECT " MEMBER_COLUMNS " FROM after) "
				"UNION ALL (SELECT " MEMBER_COLUMNS " FROM after EXCEPT ALL SELECT " MEMBER_COLUMNS " FROM before)", "p.n");

static const char *const asset_updated =
"WITH compared AS (SELECT a.id, "
"ROW(a.qualified_up_kw, a.qualified_down_kw) IS DISTINCT FROM ROW(b.qualified_up_kw, b.qualified_down_kw) AS capacity, "
"a.profile::pg_catalog.text IS DISTINCT FROM b.profile::pg_catalog.text AS terms "
"FROM before b JOIN after a ON a.id OPERATOR(pg_catalog.=) b.id), "
"changed AS MATERIALIZED (SELECT id, capacity, terms FROM compared WHERE capacity OR terms) "
"SELECT id::pg_catalog.int8, false, '-infinity/infinity'::flexexchange.time_window, capacity, terms, false, false FROM changed "
"UNION ALL SELECT m.portfolio_id::pg_catalog.int8, true, m.valid::flexexchange.time_window, true, false, false, false "
"FROM changed c JOIN %s.portfolio_member m ON m.asset_id OPERATOR(pg_catalog.=) c.id WHERE c.capacity AND m.valid IS NOT NULL ORDER BY 1";

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

typedef struct TouchedUnit
{
	int64		id;
	bool		portfolio;
	TimeWindow	window;
	bool		capacity;		/* changes */
	bool		terms;			/* change */
	bool		agreements;		/* change */
	bool		rules;			/* that govern its deliveries change */
} TouchedUnit;

/* The units that the statement touched, each once, in the order of their ids. */
static TouchedUnit *
touched_units(const char *sql, int *count)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);
	TouchedUnit *units;
	TimeWindow	to_come;

	if (plan == NULL || SPI_execute_plan(plan, NULL, NULL, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read what changed: %s", SPI_result_code_string(SPI_result));
	to_come.start_us = GetCurrentTransactionStartTimestamp();
	to_come.end_us = TIME_WINDOW_NO_END;
	units = palloc(Max(SPI_processed, 1) * sizeof(TouchedUnit));
	*count = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		int64		id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		TimeWindow *window = DatumGetTimeWindowP(SPI_getbinval(row, desc, 3, &isnull));
		TouchedUnit *unit = *count > 0 && units[*count - 1].id == id ? &units[*count - 1] : NULL;

		if (!time_window_overlaps(window, &to_come))
			continue;
		if (unit != NULL)
			unit->window = time_window_cover(&unit->window, window);
		else
		{
			unit = &units[(*count)++];
			memset(unit, 0, sizeof(TouchedUnit));
			unit->id = id;
			unit->portfolio = DatumGetBool(SPI_getbinval(row, desc, 2, &isnull));
			unit->window = *window;
		}
		unit->window = time_window_common(&unit->window, &to_come);
		unit->capacity |= DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
		unit->terms |= DatumGetBool(SPI_getbinval(row, desc, 5, &isnull));
		unit->agreements |= DatumGetBool(SPI_getbinval(row, desc, 6, &isnull));
		unit->rules |= DatumGetBool(SPI_getbinval(row, desc, 7, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	SPI_freeplan(plan);
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

PG_FUNCTION_INFO_V1(flex_reexamine_units);
Datum
flex_reexamine_units(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	const char *table;
	OwnerScope	owner;
	Instance   *instance;
	const char *sql;
	TouchedUnit *units;
	int			nunits;
	MemoryContext caller;
	MemoryContext unit_context;

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
		sql = asset_updated;
	else if (strcmp(table, "portfolio") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		sql = portfolio_updated;
	else if (strcmp(table, "ruleset") == 0 && TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		sql = ruleset_updated;
	else
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger \"%s\" of table \"%s\" does not say what changes",
						trigger->tg_trigger->tgname, RelationGetRelationName(trigger->tg_relation)),
				 errhint("Use EXECUTE FUNCTION flexexchange.reexamine_units('asset'), ('portfolio') or ('ruleset') on updates, or ('portfolio_member') or ('exclusivity'), with transition tables before and after.")));

	owner_enter(trigger->tg_relation, &owner);
	if (SPI_register_trigger_data(trigger) != SPI_OK_TD_REGISTER)
		elog(ERROR, "SPI_register_trigger_data failed");
	if (sql == ruleset_updated && !hold_book_for_rules(RelationGetNamespace(trigger->tg_relation)))
	{
		owner_leave(&owner);
		return PointerGetDatum(NULL);
	}
	instance = instance_get(RelationGetNamespace(trigger->tg_relation));
	if (!instance_detects_by_event(instance))
	{
		owner_leave(&owner);
		return PointerGetDatum(NULL);
	}
	units = touched_units(psprintf(sql, instance->schema), &nunits);

	for (int i = 0; i < nunits; i++)
		unit_lock(instance, units[i].id, units[i].portfolio);
	unit_context = AllocSetContextCreate(CurrentMemoryContext, "flexexchange unit", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(unit_context);
	for (int i = 0; i < nunits; i++)
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextReset(unit_context);
		if (units[i].capacity)
			conflict_capacity_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
		if (units[i].terms)
			conflict_terms_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
		if (units[i].agreements)
			conflict_exclusivity_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
		if (units[i].rules)
			conflict_rules_changed(instance, units[i].id, units[i].portfolio, &units[i].window);
	}
	MemoryContextSwitchTo(caller);
	owner_leave(&owner);
	return PointerGetDatum(NULL);	/* an AFTER trigger's result is ignored */
}
