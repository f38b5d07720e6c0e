/*
 * conflict.c
 *		Event by event: what a change of the book makes and unmakes.
 *
 * What a conflict is, is a function of the live book: of the commitments and
 * the order in which they were posted.  So there are three events.
 *
 *	posted		Its pairs with everything live on its unit, its own headroom, and
 *				the headroom of what was posted later and is here already (which
 *				happens when two sessions post at once).
 *	relinked	Its lineage changed: its pairs and headroom are examined again.
 *	closed		Its findings close; what was posted later may now fit.
 *
 * The pairs examined (design, section 6): a bid with an obligation, which is an
 * award or availability; two obligations; two dispatches; a dispatch with an
 * obligation of another service; never two members of one lineage.
 *
 *	double_commitment	same direction, overlapping, different services, and
 *						neither co-delivery nor splitting is a yes.  A mode that
 *						is not tested drops out; when both do, nothing is said.
 *	duplicate			two dispatches of one product, same direction, overlapping,
 *						the later not superseding the earlier.  Advisory.
 *	jumping				not overlapping, different services, a known no, and the
 *						local delivery days have one in common.
 *
 * Two obligations of one service are tranches: headroom.c governs them.
 *
 * One scan of the index fetches all that a unit has in the window, or in the
 * whole days around it when the service may not jump to some other.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "conflict.h"
#include "json.h"

static const char *const kind_names[CONFLICT_KIND_COUNT] = {
	[CONFLICT_DOUBLE_COMMITMENT] = "double_commitment",
	[CONFLICT_DUPLICATE] = "duplicate",
	[CONFLICT_JUMPING] = "jumping",
	[CONFLICT_HEADROOM] = "headroom",
};

const char *
conflict_kind_name(ConflictKind kind)
{
	return kind_names[kind];
}

/* ----------
 * Days
 * ----------
 */

/* The instant at which the local day that holds an instant began, or the next one does. */
static int64
local_midnight(pg_tz *zone, int64 instant_us, int days)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	Timestamp	result;

	if (TIMESTAMP_NOT_FINITE(instant_us))
		return instant_us;
	if (timestamp2tm(instant_us, &tz, &tm, &fsec, NULL, zone) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	if (days != 0)
		j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) + days,
			   &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
	tz = DetermineTimeZoneOffset(&tm, zone);
	if (tm2timestamp(&tm, 0, &tz, &result) != 0)
		return days > 0 ? TIME_WINDOW_NO_END : TIME_WINDOW_NO_BEGIN;
	return result;
}

/* The whole local days that a window touches. */
static TimeWindow
local_days(pg_tz *zone, const TimeWindow *window)
{
	TimeWindow	days;

	days.start_us = local_midnight(zone, window->start_us, 0);
	days.end_us = window->end_us == TIME_WINDOW_NO_END ? TIME_WINDOW_NO_END :
		local_midnight(zone, window->end_us - 1, 1);
	return days;
}

/* ----------
 * Pairs
 * ----------
 */

static bool
is_obligation(const Commitment *commitment)
{
	return commitment->stage == STAGE_AWARD || commitment->stage == STAGE_AVAILABILITY;
}

static bool
is_examined(const Commitment *a, const Commitment *b)
{
	if (commitment_lineage(a) == commitment_lineage(b))
		return false;
	if (is_obligation(a) && is_obligation(b))
		return true;
	if (a->stage == STAGE_BID || b->stage == STAGE_BID)
		return is_obligation(a) || is_obligation(b);
	if (a->stage == STAGE_DISPATCH && b->stage == STAGE_DISPATCH)
		return true;
	return a->service != b->service;	/* a dispatch and an obligation */
}

static bool
stacking_finding(Instance *instance, Finding *finding, int64 governed_us)
{
	const Rulebook *rulebook = instance->rulebook;

	finding->ruleset = rulebook_at(rulebook, governed_us);
	if (finding->ruleset == NULL)
		return false;			/* nothing is agreed for that time */
	finding->cell = rulebook_cell(rulebook, finding->ruleset,
								  finding->challenger->service, finding->incumbent->service);
	return true;
}

/* The finding on a pair of commitments of one unit, if there is one. */
bool
conflict_of_pair(Instance *instance, const Commitment *a, const Commitment *b, Finding *finding)
{
	const Commitment *challenger = a->id > b->id ? a : b;
	const Commitment *incumbent = a->id > b->id ? b : a;

	if (!is_examined(a, b))
		return false;
	memset(finding, 0, sizeof(Finding));
	finding->challenger = challenger;
	finding->incumbent = incumbent;

	if (time_window_overlaps(&a->window, &b->window))
	{
		StackingMeaning co_delivery;
		StackingMeaning splitting;

		if (a->down != b->down)
			return false;
		finding->overlap = time_window_common(&a->window, &b->window);
		if (a->service == b->service)
		{
			finding->kind = CONFLICT_DUPLICATE;
			finding->advisory = true;
			return a->stage == STAGE_DISPATCH && b->stage == STAGE_DISPATCH &&
				a->product_id == b->product_id &&
				challenger->supersedes_id != incumbent->source_id;
		}
		if (!stacking_finding(instance, finding, finding->overlap.start_us))
			return false;
		finding->kind = CONFLICT_DOUBLE_COMMITMENT;
		co_delivery = finding->cell->meaning[MODE_CO_DELIVERY];
		splitting = finding->cell->meaning[MODE_SPLITTING];
		if (co_delivery == MEANING_YES || splitting == MEANING_YES ||
			(co_delivery == MEANING_NOT_TESTED && splitting == MEANING_NOT_TESTED))
			return false;
		finding->decisive = co_delivery == MEANING_NO ? MODE_CO_DELIVERY : MODE_SPLITTING;
		finding->advisory = co_delivery == MEANING_UNKNOWN || splitting == MEANING_UNKNOWN ||
			finding->cell->advisory[MODE_CO_DELIVERY] || finding->cell->advisory[MODE_SPLITTING];
		return true;
	}

	if (a->service != b->service)
	{
		TimeWindow	days_a = local_days(instance->zone, &a->window);
		TimeWindow	days_b = local_days(instance->zone, &b->window);
		const Commitment *later = a->window.start_us > b->window.start_us ? a : b;

		if (!time_window_overlaps(&days_a, &days_b) ||
			!stacking_finding(instance, finding, later->window.start_us))
			return false;
		finding->kind = CONFLICT_JUMPING;
		finding->decisive = MODE_JUMPING;
		finding->overlap = time_window_cover(&a->window, &b->window);
		finding->advisory = finding->cell->advisory[MODE_JUMPING];
		return finding->cell->meaning[MODE_JUMPING] == MEANING_NO;
	}
	return false;
}

/* Does the headroom of one of the two depend on the other? */
static bool
headroom_concerns(const Commitment *a, const Commitment *b)
{
	return a->down == b->down && time_window_overlaps(&a->window, &b->window) &&
		!(a->stage == STAGE_BID && b->stage == STAGE_BID);
}

/* An undecided row matters when it would change what is found. */
static bool
must_wait(Instance *instance, const Commitment *self, const Commitment *other)
{
	Finding		finding;

	if (headroom_concerns(self, other) && (self->headroom_checked || self->portfolio))
		return true;
	return conflict_of_pair(instance, self, other, &finding);
}

/* All that a unit has where self could conflict with it. */
static Commitment *
read_surroundings(Instance *instance, const Commitment *self, int *count)
{
	TimeWindow	span = self->window;

	if (rulebook_may_jump(instance->rulebook, self->service))
		span = local_days(instance->zone, &self->window);
	return book_read(instance, self, &span, must_wait, count);
}

/* ----------
 * Writing findings
 * ----------
 */

static const SavedQuery write_query = {
	QUERY_CONFLICT_WRITE,
	"INSERT INTO %1$s.conflict AS c (kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, "
	"short_kw, short_windows, ruleset_id, stacking_rule_id, rationale) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ($12)::pg_catalog.jsonb) "
	"ON CONFLICT (challenger_id, kind, incumbent_id) WHERE closed_at IS NULL DO UPDATE "
	"SET severity = EXCLUDED.severity, overlap = EXCLUDED.overlap, short_kw = EXCLUDED.short_kw, "
	"short_windows = EXCLUDED.short_windows, ruleset_id = EXCLUDED.ruleset_id, "
	"stacking_rule_id = EXCLUDED.stacking_rule_id, rationale = EXCLUDED.rationale "
	"WHERE c.rationale OPERATOR(pg_catalog.<>) EXCLUDED.rationale",
	12, {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, WINDOW_ARG,
		NUMERICOID, WINDOW_ARRAY_ARG, INT8OID, INT8OID, TEXTOID}
};

static const SavedQuery conflicts_of_query = {
	QUERY_CONFLICTS_OF,
	"SELECT challenger_id, incumbent_id, kind FROM %1$s.conflict "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) "
	"AND incumbent_id IS NOT NULL AND closed_at IS NULL",
	1, {INT8OID}
};

static const SavedQuery close_query = {
	QUERY_CONFLICT_CLOSE,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE challenger_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 "
	"AND incumbent_id IS NOT DISTINCT FROM $3 AND closed_at IS NULL",
	3, {INT8OID, TEXTOID, INT8OID}
};

static const SavedQuery close_all_query = {
	QUERY_CONFLICT_CLOSE_ALL,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) AND closed_at IS NULL",
	1, {INT8OID}
};

static void
write_finding(Instance *instance, const Finding *finding)
{
	Datum		values[12] = {0};
	char		nulls[12];
	const Headroom *headroom = finding->headroom;

	memset(nulls, ' ', sizeof(nulls));
	values[0] = CStringGetTextDatum(kind_names[finding->kind]);
	values[1] = CStringGetTextDatum(finding->advisory ? "advisory" : "blocking");
	values[2] = CStringGetTextDatum(finding->challenger->stage == STAGE_DISPATCH ? "dispatch" : "competition");
	values[3] = Int64GetDatum(finding->challenger->id);
	if (finding->incumbent != NULL)
		values[4] = Int64GetDatum(finding->incumbent->id);
	else
		nulls[4] = 'n';
	values[5] = Int64GetDatum(finding->challenger->unit_id);
	values[6] = TimeWindowPGetDatum(&finding->overlap);
	if (headroom != NULL)
	{
		Datum	   *windows = palloc(headroom->nwindows * sizeof(Datum));

		for (int i = 0; i < headroom->nwindows; i++)
			windows[i] = TimeWindowPGetDatum(&headroom->windows[i]);
		values[7] = power_kw_of_w(headroom->short_w);
		values[8] = PointerGetDatum(construct_array(windows, headroom->nwindows, instance->window_type,
													sizeof(TimeWindow), false, TYPALIGN_DOUBLE));
	}
	else
		nulls[7] = nulls[8] = 'n';
	if (finding->ruleset != NULL)
		values[9] = Int64GetDatum(finding->ruleset->id);
	else
		nulls[9] = 'n';
	if (finding->cell != NULL && finding->cell->rule_id[finding->decisive] != 0)
		values[10] = Int64GetDatum(finding->cell->rule_id[finding->decisive]);
	else
		nulls[10] = 'n';
	values[11] = CStringGetTextDatum(json_of_finding(instance->rulebook, finding));
	instance_query(instance, &write_query, values, nulls, 0);
}

static void
close_finding(Instance *instance, int64 challenger_id, ConflictKind kind, int64 incumbent_id)
{
	Datum		values[3];

	values[0] = Int64GetDatum(challenger_id);
	values[1] = CStringGetTextDatum(kind_names[kind]);
	values[2] = Int64GetDatum(incumbent_id);
	instance_query(instance, &close_query, values, incumbent_id == 0 ? "  n" : NULL, 0);
}

/* ----------
 * Headroom
 * ----------
 */

/*
 * Examine the headroom of a commitment against what `around` holds of earlier
 * obligations, and write, change or (when `stored`) close its finding.
 */
static void
examine_headroom(Instance *instance, const Commitment *subject, const Capacity *capacity,
				 const Commitment *around, int naround, bool stored)
{
	Commitment *earlier = palloc(Max(naround, 1) * sizeof(Commitment));
	int			nearlier = 0;
	Headroom	headroom;

	for (int i = 0; i < naround; i++)
		if (around[i].id < subject->id && around[i].stage != STAGE_BID &&
			headroom_concerns(subject, &around[i]))
			earlier[nearlier++] = around[i];
	headroom_examine(instance->rulebook, subject, earlier, nearlier, capacity, &headroom);

	if (headroom.short_of_power)
	{
		Finding		finding = {0};

		finding.kind = CONFLICT_HEADROOM;
		finding.advisory = headroom.advisory;
		finding.challenger = subject;
		finding.overlap.start_us = headroom.windows[0].start_us;
		finding.overlap.end_us = headroom.windows[headroom.nwindows - 1].end_us;
		finding.ruleset = headroom.ruleset;
		finding.headroom = &headroom;
		write_finding(instance, &finding);
	}
	else if (stored)
		close_finding(instance, subject->id, CONFLICT_HEADROOM, 0);
	pfree(earlier);
}

/* The same for a commitment that is in the book already. */
static void
reexamine_headroom(Instance *instance, const Commitment *subject)
{
	Capacity	capacity;
	Commitment *around;
	int			naround;

	if (!capacity_read(instance, subject->unit_id, subject->portfolio, subject->down,
					   &subject->window, &capacity))
		return;					/* the unit is gone, with its capacity */
	around = book_read(instance, subject, &subject->window, must_wait, &naround);
	examine_headroom(instance, subject, &capacity, around, naround, true);
}

/* Examine again what was posted later than `changed` and stands beside it. */
static void
reexamine_later(Instance *instance, const Commitment *changed, const Commitment *around, int naround)
{
	if (changed->stage == STAGE_BID)
		return;					/* a bid takes no headroom from others */
	for (int i = 0; i < naround; i++)
		if (around[i].id > changed->id && headroom_concerns(changed, &around[i]))
			reexamine_headroom(instance, &around[i]);
}

/* ----------
 * Events
 * ----------
 */

/* `posted` has just been written to the book. */
void
conflict_posted(Instance *instance, const Commitment *posted, const Capacity *capacity)
{
	int			naround;
	Commitment *around = read_surroundings(instance, posted, &naround);

	for (int i = 0; i < naround; i++)
	{
		Finding		finding;

		CHECK_FOR_INTERRUPTS();
		if (conflict_of_pair(instance, posted, &around[i], &finding))
			write_finding(instance, &finding);
	}
	examine_headroom(instance, posted, capacity, around, naround, false);
	reexamine_later(instance, posted, around, naround);
}

/* The links of `relinked` to its lineage changed, and nothing else. */
void
conflict_relinked(Instance *instance, const Commitment *relinked)
{
	int			naround;
	Commitment *around = read_surroundings(instance, relinked, &naround);
	Datum		values[1];
	int			nstored;
	SPITupleTable *stored;

	values[0] = Int64GetDatum(relinked->id);
	nstored = instance_query(instance, &conflicts_of_query, values, NULL, 0);
	stored = SPI_tuptable;

	for (int i = 0; i < naround; i++)
	{
		Finding		finding;

		if (conflict_of_pair(instance, relinked, &around[i], &finding))
			write_finding(instance, &finding);
	}
	for (int i = 0; i < nstored; i++)
	{
		bool		isnull;
		int64		challenger_id = DatumGetInt64(SPI_getbinval(stored->vals[i], stored->tupdesc, 1, &isnull));
		int64		incumbent_id = DatumGetInt64(SPI_getbinval(stored->vals[i], stored->tupdesc, 2, &isnull));
		const char *kind = SPI_getvalue(stored->vals[i], stored->tupdesc, 3);
		bool		holds = false;

		for (int j = 0; j < naround && !holds; j++)
		{
			Finding		finding;

			holds = (around[j].id == challenger_id || around[j].id == incumbent_id) &&
				conflict_of_pair(instance, relinked, &around[j], &finding) &&
				strcmp(kind_names[finding.kind], kind) == 0;
		}
		if (!holds)
			for (int k = 0; k < CONFLICT_KIND_COUNT; k++)
				if (strcmp(kind_names[k], kind) == 0)
					close_finding(instance, challenger_id, (ConflictKind) k, incumbent_id);
	}
	SPI_freetuptable(stored);
	reexamine_headroom(instance, relinked);
	reexamine_later(instance, relinked, around, naround);
}

/* `closed` has just left the book. */
void
conflict_closed(Instance *instance, const Commitment *closed)
{
	Datum		values[1];
	int			naround;
	Commitment *around = read_surroundings(instance, closed, &naround);

	values[0] = Int64GetDatum(closed->id);
	instance_query(instance, &close_all_query, values, NULL, 0);
	reexamine_later(instance, closed, around, naround);
}
