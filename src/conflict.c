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
 * obligation of another service or direction; never two members of one lineage.
 *
 *	double_commitment	same direction, overlapping, different services, and
 *						neither co-delivery nor splitting is a yes.  A mode that
 *						is not tested drops out; when both do, nothing is said.
 *	duplicate			two dispatches of one product, same direction, overlapping,
 *						the later not superseding the earlier.  Advisory.
 *	jumping				not overlapping, different services, a known no, and the
 *						local delivery days have one in common.
 *
 *	direction			opposite directions, overlapping, and both are energy: instructed
 *						by a dispatch, or scheduled by what the product is.
 *	recovery			two dispatches, of one lineage or not, of which the later begins
 *						sooner after the earlier than the unit has declared to need, or
 *						than the earlier's product lets it claim.  Windows that touch are
 *						one delivery.
 *
 * Two obligations of one service are tranches: headroom.c governs them.
 *
 * And one commitment against an agreement: exclusivity, when the agreement
 * promises the unit to another service during some of its window, in whichever
 * direction.
 *
 * One scan of the index fetches all that a unit has in the window, or in the
 * days around it when the service may not jump to some other.
 *
 * Triggers that users put on conflict or commitment may change the book while
 * findings are being written.  book_changes() tells, and then the event is
 * examined again from the start.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/inval.h"
#include "utils/timestamp.h"

#include "conflict.h"
#include "json.h"

static const char *const kind_names[CONFLICT_KIND_COUNT] = {
	[CONFLICT_DOUBLE_COMMITMENT] = "double_commitment",
	[CONFLICT_DUPLICATE] = "duplicate",
	[CONFLICT_JUMPING] = "jumping",
	[CONFLICT_HEADROOM] = "headroom",
	[CONFLICT_DIRECTION] = "direction",
	[CONFLICT_RECOVERY] = "recovery",
	[CONFLICT_EXCLUSIVITY] = "exclusivity",
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

/* The local day that holds an instant, as a Julian day. */
static int
local_day(pg_tz *zone, int64 instant_us)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;

	if (instant_us == TIME_WINDOW_NO_BEGIN)
		return INT_MIN;
	if (instant_us == TIME_WINDOW_NO_END)
		return INT_MAX;
	/* at the very ends of time a zone may lead beyond them: count in UTC there */
	if (timestamp2tm(instant_us, &tz, &tm, &fsec, NULL, zone) != 0 &&
		timestamp2tm(instant_us, NULL, &tm, &fsec, NULL, NULL) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	return date2j(tm.tm_year, tm.tm_mon, tm.tm_mday);
}

/* Do two windows touch a local day in common? */
static bool
share_a_day(pg_tz *zone, const TimeWindow *a, const TimeWindow *b)
{
	return local_day(zone, a->start_us) <= local_day(zone, b->end_us == TIME_WINDOW_NO_END ? b->end_us : b->end_us - 1) &&
		local_day(zone, b->start_us) <= local_day(zone, a->end_us == TIME_WINDOW_NO_END ? a->end_us : a->end_us - 1);
}

/* A window and so much more on either side. */
static TimeWindow
widen(const TimeWindow *window, int64 by_us)
{
	TimeWindow	wide = *window;

	if (wide.start_us != TIME_WINDOW_NO_BEGIN)
		wide.start_us = wide.start_us <= TIME_WINDOW_NO_BEGIN + by_us ?
			TIME_WINDOW_NO_BEGIN : wide.start_us - by_us;
	if (wide.end_us != TIME_WINDOW_NO_END)
		wide.end_us = wide.end_us >= TIME_WINDOW_NO_END - by_us ?
			TIME_WINDOW_NO_END : wide.end_us + by_us;
	return wide;
}

/*
 * Enough on either side of a window to hold every local day that it touches: a
 * local day lasts less than 27 hours in any zone, and share_a_day() decides.
 */
#define A_LOCAL_DAY	(27 * USECS_PER_HOUR)

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
	if (same_lineage(a, b))
		return false;
	if (is_obligation(a) && is_obligation(b))
		return true;
	if (a->stage == STAGE_BID || b->stage == STAGE_BID)
		return is_obligation(a) || is_obligation(b);
	if (a->stage == STAGE_DISPATCH && b->stage == STAGE_DISPATCH)
		return true;
	/* a dispatch and an obligation: is it the use of it? */
	return a->service != b->service || a->down != b->down;
}

/* Is it energy to be delivered, rather than readiness to deliver it? */
static bool
is_energy(Instance *instance, const Commitment *commitment)
{
	const Product *product;

	if (commitment->stage == STAGE_DISPATCH)
		return true;
	product = instance_product(instance, commitment->product_id);
	return product != NULL && product->scheduled;
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

static bool
overlap_finding(Instance *instance, const Commitment *a, const Commitment *b, Finding *finding)
{
	StackingMeaning co_delivery;
	StackingMeaning splitting;

	finding->overlap = time_window_common(&a->window, &b->window);
	if (a->down != b->down)
	{
		finding->kind = CONFLICT_DIRECTION;
		return is_energy(instance, a) && is_energy(instance, b);
	}
	if (a->service == b->service)
	{
		finding->kind = CONFLICT_DUPLICATE;
		finding->advisory = true;
		return a->stage == STAGE_DISPATCH && b->stage == STAGE_DISPATCH &&
			a->product_id == b->product_id &&
			finding->challenger->supersedes_id != finding->incumbent->source_id;
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

static bool
jumping_finding(Instance *instance, const Commitment *a, const Commitment *b, Finding *finding)
{
	const Commitment *later = a->window.start_us > b->window.start_us ? a : b;

	if (a->service == b->service ||
		!stacking_finding(instance, finding, later->window.start_us) ||
		finding->cell->meaning[MODE_JUMPING] != MEANING_NO ||
		!share_a_day(instance->zone, &a->window, &b->window))
		return false;
	finding->kind = CONFLICT_JUMPING;
	finding->decisive = MODE_JUMPING;
	finding->overlap = time_window_cover(&a->window, &b->window);
	finding->advisory = finding->cell->advisory[MODE_JUMPING];
	return true;
}

/* Of two dispatches apart in time: does the later leave the unit no time to recover? */
static bool
recovery_finding(Instance *instance, const Commitment *a, const Commitment *b,
				 const UnitTerms *terms, Finding *finding)
{
	const Commitment *earlier = a->window.start_us < b->window.start_us ? a : b;
	const Commitment *later = earlier == a ? b : a;
	const Product *product;

	if (terms->recovery_us == 0 || later->window.start_us == earlier->window.end_us)
		return false;
	product = instance_product(instance, earlier->product_id);
	finding->recovery_us = Min(terms->recovery_us, product == NULL ? PG_INT64_MAX : product->max_recovery_us);
	finding->kind = CONFLICT_RECOVERY;
	finding->overlap.start_us = earlier->window.end_us;
	finding->overlap.end_us = later->window.start_us;
	return finding->overlap.end_us - finding->overlap.start_us < finding->recovery_us;
}

/* The findings on a pair of commitments of one unit: how many there are. */
int
conflict_of_pair(Instance *instance, const Commitment *a, const Commitment *b,
				 const UnitTerms *terms, Finding *findings)
{
	bool		overlap = time_window_overlaps(&a->window, &b->window);
	bool		examined = is_examined(a, b);
	bool		dispatches = a->stage == STAGE_DISPATCH && b->stage == STAGE_DISPATCH;
	int			n = 0;

	if (!examined && !(dispatches && !overlap))
		return 0;
	memset(findings, 0, PAIR_FINDINGS_MAX * sizeof(Finding));
	for (int i = 0; i < PAIR_FINDINGS_MAX; i++)
	{
		findings[i].challenger = a->id > b->id ? a : b;
		findings[i].incumbent = a->id > b->id ? b : a;
	}
	if (overlap)
		return overlap_finding(instance, a, b, &findings[0]) ? 1 : 0;
	if (examined && jumping_finding(instance, a, b, &findings[n]))
		n++;
	if (dispatches)
	{
		findings[n].ruleset = NULL; /* of the jump that was none */
		findings[n].cell = NULL;
		if (recovery_finding(instance, a, b, terms, &findings[n]))
			n++;
	}
	return n;
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
must_wait(Instance *instance, const Commitment *self, const Commitment *other, const void *terms)
{
	Finding		findings[PAIR_FINDINGS_MAX];

	if (headroom_concerns(self, other) && (self->headroom_checked || self->portfolio))
		return true;
	return terms != NULL && conflict_of_pair(instance, self, other, terms, findings) > 0;
}

/* All that a unit has where self could conflict with it, and the unit's terms. */
static Commitment *
read_surroundings(Instance *instance, const Commitment *self, UnitTerms *terms, int *count)
{
	int64		reach_us = 0;
	TimeWindow	span;

	memset(terms, 0, sizeof(UnitTerms));
	if (rulebook_may_jump(instance->rulebook, self->service))
		reach_us = A_LOCAL_DAY;
	if (self->stage == STAGE_DISPATCH)
	{
		*terms = unit_terms_read(instance, self->unit_id, self->portfolio);
		reach_us = Max(reach_us, terms->recovery_us);
	}
	span = widen(&self->window, reach_us);
	return book_read(instance, self, &span, must_wait, terms, count);
}

/* ----------
 * Writing findings
 * ----------
 */

static const SavedQuery write_query = {
	QUERY_CONFLICT_WRITE,
	"INSERT INTO %1$s.conflict AS c (kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, "
	"short_kw, short_windows, ruleset_id, stacking_rule_id, rationale, exclusivity_id) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ($12)::pg_catalog.jsonb, $13) "
	"ON CONFLICT (challenger_id, kind, incumbent_id, exclusivity_id) WHERE closed_at IS NULL DO UPDATE "
	"SET severity = EXCLUDED.severity, overlap = EXCLUDED.overlap, short_kw = EXCLUDED.short_kw, "
	"short_windows = EXCLUDED.short_windows, ruleset_id = EXCLUDED.ruleset_id, "
	"stacking_rule_id = EXCLUDED.stacking_rule_id, rationale = EXCLUDED.rationale "
	"WHERE c.rationale OPERATOR(pg_catalog.<>) EXCLUDED.rationale",
	13, {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, WINDOW_ARG,
		NUMERICOID, WINDOW_ARRAY_ARG, INT8OID, INT8OID, TEXTOID, INT8OID}
};

static const SavedQuery conflicts_of_query = {
	QUERY_CONFLICTS_OF,
	"SELECT challenger_id::pg_catalog.int8, incumbent_id::pg_catalog.int8, kind::pg_catalog.text FROM %1$s.conflict "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) "
	"AND incumbent_id IS NOT NULL AND closed_at IS NULL",
	1, {INT8OID}
};

static const SavedQuery close_query = {
	QUERY_CONFLICT_CLOSE,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE challenger_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 "
	"AND (incumbent_id OPERATOR(pg_catalog.=) $3 OR (incumbent_id IS NULL AND $3 IS NULL)) AND closed_at IS NULL",
	3, {INT8OID, TEXTOID, INT8OID}
};

static const SavedQuery close_all_query = {
	QUERY_CONFLICT_CLOSE_ALL,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) AND closed_at IS NULL",
	1, {INT8OID}
};

static const SavedQuery short_of_headroom_query = {
	QUERY_SHORT_OF_HEADROOM,
	"SELECT challenger_id::pg_catalog.int8 FROM %1$s.conflict "
	"WHERE unit_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) 'headroom'::pg_catalog.text AND closed_at IS NULL "
	"ORDER BY challenger_id",
	1, {INT8OID}
};

static void
write_finding(Instance *instance, const Finding *finding)
{
	Datum		values[13] = {0};
	char		nulls[13];
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
	if (finding->exclusivity != NULL)
		values[12] = Int64GetDatum(finding->exclusivity->id);
	else
		nulls[12] = 'n';
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
	around = book_read(instance, subject, &subject->window, must_wait, NULL, &naround);
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

static int
int64_compare(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return a < b ? -1 : a > b;
}

/* The open headroom findings of a unit, as ids of commitments in order. */
static int64 *
short_of_headroom(Instance *instance, int64 unit_id, int *count)
{
	Datum		values[1];
	int64	   *ids;

	values[0] = Int64GetDatum(unit_id);
	*count = instance_query(instance, &short_of_headroom_query, values, NULL, 0);
	ids = palloc(Max(*count, 1) * sizeof(int64));
	for (int i = 0; i < *count; i++)
	{
		bool		isnull;

		ids[i] = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return ids;
}

static bool
contains_id(const int64 *ids, int count, int64 id)
{
	return bsearch(&id, ids, count, sizeof(int64), int64_compare) != NULL;
}

/*
 * The same after `closed` left the book.  What is needed of the others can only
 * become less, so only those that were short need another look; unless members
 * of its lineage stay, which may now count on their own.
 */
static void
reexamine_after_close(Instance *instance, const Commitment *closed, const Commitment *around, int naround)
{
	int			nshort;
	int64	   *ids;

	for (int i = 0; i < naround; i++)
		if (same_lineage(closed, &around[i]))
		{
			reexamine_later(instance, closed, around, naround);
			return;
		}

	ids = short_of_headroom(instance, closed->unit_id, &nshort);
	for (int i = 0; i < naround; i++)
		if (contains_id(ids, nshort, around[i].id))
			reexamine_later(instance, closed, &around[i], 1);
	pfree(ids);
}

/* ----------
 * Exclusivity
 * ----------
 */

static const SavedQuery exclusivities_query = {
	QUERY_EXCLUSIVITIES,
	"SELECT id::pg_catalog.int8, service_code::pg_catalog.text, valid::flexexchange.time_window FROM %1$s.exclusivity "
	"WHERE flexexchange.resource_window(unit_id, valid) OPERATOR(flexexchange.&&) flexexchange.resource_window($1, $2) ORDER BY id",
	2, {INT8OID, WINDOW_ARG}
};

static const SavedQuery exclusivity_findings_query = {
	QUERY_EXCLUSIVITY_FINDINGS,
	"SELECT challenger_id::pg_catalog.int8, exclusivity_id::pg_catalog.int8 FROM %1$s.conflict "
	"WHERE unit_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) 'exclusivity'::pg_catalog.text AND closed_at IS NULL",
	1, {INT8OID}
};

static const SavedQuery exclusivity_close_query = {
	QUERY_EXCLUSIVITY_CLOSE,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE challenger_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) 'exclusivity'::pg_catalog.text "
	"AND exclusivity_id OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL",
	2, {INT8OID, INT8OID}
};

/*
 * Has the exchange no agreements at all?  One may have been made while the lock
 * on the unit was waited for, so whoever remembers that makes sure.
 */
static bool
no_exclusivity(Instance *instance)
{
	AcceptInvalidationMessages();
	return instance->rules_valid && !instance->rulebook->any_exclusivity;
}

/* The agreements on a unit that overlap a window.  The unit is locked: none are undecided. */
static Exclusivity *
read_exclusivities(Instance *instance, int64 unit_id, const TimeWindow *window, int *count)
{
	Exclusivity *result;
	Datum		values[2];

	values[0] = Int64GetDatum(unit_id);
	values[1] = TimeWindowPGetDatum(window);
	*count = instance_query(instance, &exclusivities_query, values, NULL, 0);
	result = palloc(Max(*count, 1) * sizeof(Exclusivity));
	for (int i = 0; i < *count; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;

		result[i].id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		result[i].service = SPI_getvalue(row, desc, 2);
		result[i].window = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 3, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

static bool
goes_against(Instance *instance, const Commitment *commitment, const Exclusivity *agreement)
{
	return time_window_overlaps(&commitment->window, &agreement->window) &&
		strcmp(instance->rulebook->services[commitment->service], agreement->service) != 0;
}

/* Write what a commitment has against the agreements on its unit. */
static void
examine_exclusivity(Instance *instance, const Commitment *subject, const Exclusivity *agreements, int count)
{
	for (int i = 0; i < count; i++)
	{
		Finding		finding = {0};

		if (!goes_against(instance, subject, &agreements[i]))
			continue;
		finding.kind = CONFLICT_EXCLUSIVITY;
		finding.challenger = subject;
		finding.exclusivity = &agreements[i];
		finding.overlap = time_window_common(&subject->window, &agreements[i].window);
		finding.ruleset = rulebook_at(instance->rulebook, finding.overlap.start_us);
		write_finding(instance, &finding);
	}
}

/* Does any of the commitments with this id go against the agreement with that one? */
static bool
still_against(Instance *instance, const Commitment *live, int nlive, int64 commitment_id,
			  const Exclusivity *agreements, int nagreements, int64 exclusivity_id, bool *is_live)
{
	*is_live = false;
	for (int i = 0; i < nlive; i++)
	{
		if (live[i].id != commitment_id)
			continue;
		*is_live = true;
		for (int j = 0; j < nagreements; j++)
			if (agreements[j].id == exclusivity_id)
				return goes_against(instance, &live[i], &agreements[j]);
	}
	return false;
}

/* ----------
 * Events
 * ----------
 */

/* A trigger of a trigger changed the book meanwhile: begin again with what is there now. */
static void
examine_again(Instance *instance, const Commitment *subject)
{
	Commitment	now;
	Datum		values[1];

	if (book_find(instance, subject->stage, subject->source_id, &now) && now.id == subject->id)
		conflict_relinked(instance, &now);
	else
	{
		values[0] = Int64GetDatum(subject->id);
		instance_query(instance, &close_all_query, values, NULL, 0);
	}
}

/* `posted` has just been written to the book. */
void
conflict_posted(Instance *instance, const Commitment *posted, const Capacity *capacity)
{
	uint64		changes = book_changes();
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, posted, &terms, &naround);

	for (int i = 0; i < naround && book_changes() == changes; i++)
	{
		Finding		findings[PAIR_FINDINGS_MAX];
		int			nfindings = conflict_of_pair(instance, posted, &around[i], &terms, findings);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nfindings; j++)
			write_finding(instance, &findings[j]);
	}
	if (book_changes() == changes && !no_exclusivity(instance))
	{
		int			nagreements;
		Exclusivity *agreements = read_exclusivities(instance, posted->unit_id, &posted->window, &nagreements);

		examine_exclusivity(instance, posted, agreements, nagreements);
	}
	if (book_changes() == changes)
		examine_headroom(instance, posted, capacity, around, naround, false);
	if (book_changes() == changes)
		reexamine_later(instance, posted, around, naround);
	if (book_changes() != changes)
		examine_again(instance, posted);
}

/* Examine the pairs of a commitment that is in the book already. */
static void
reexamine_pairs(Instance *instance, const Commitment *subject, const Commitment *around, int naround,
				const UnitTerms *terms)
{
	Datum		values[1];
	int			nstored;
	SPITupleTable *stored;

	values[0] = Int64GetDatum(subject->id);
	nstored = instance_query(instance, &conflicts_of_query, values, NULL, 0);
	stored = SPI_tuptable;

	for (int i = 0; i < naround; i++)
	{
		Finding		findings[PAIR_FINDINGS_MAX];
		int			nfindings = conflict_of_pair(instance, subject, &around[i], terms, findings);

		for (int j = 0; j < nfindings; j++)
			write_finding(instance, &findings[j]);
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
			Finding		findings[PAIR_FINDINGS_MAX];
			int			nfindings;

			if (around[j].id != challenger_id && around[j].id != incumbent_id)
				continue;
			nfindings = conflict_of_pair(instance, subject, &around[j], terms, findings);
			for (int k = 0; k < nfindings; k++)
				holds |= strcmp(kind_names[findings[k].kind], kind) == 0;
		}
		if (!holds)
			for (int k = 0; k < CONFLICT_KIND_COUNT; k++)
				if (strcmp(kind_names[k], kind) == 0)
					close_finding(instance, challenger_id, (ConflictKind) k, incumbent_id);
	}
	SPI_freetuptable(stored);
}

/* The links of `relinked` to its lineage changed, and nothing else. */
void
conflict_relinked(Instance *instance, const Commitment *relinked)
{
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, relinked, &terms, &naround);

	reexamine_pairs(instance, relinked, around, naround, &terms);
	reexamine_headroom(instance, relinked);
	reexamine_later(instance, relinked, around, naround);
}

/* `closed` has just left the book. */
void
conflict_closed(Instance *instance, const Commitment *closed)
{
	Datum		values[1];
	int			naround;
	UnitTerms	terms;
	Commitment *around = read_surroundings(instance, closed, &terms, &naround);

	values[0] = Int64GetDatum(closed->id);
	instance_query(instance, &close_all_query, values, NULL, 0);
	reexamine_after_close(instance, closed, around, naround);
}

static int
commitment_compare(const void *x, const void *y)
{
	return int64_compare(&((const Commitment *) x)->id, &((const Commitment *) y)->id);
}

/* Whatever is undecided on the unit counts. */
static bool
must_wait_for_all(Instance *instance, const Commitment *self, const Commitment *other, const void *arg)
{
	return true;
}

/*
 * What a unit can sell changed during `window`, and the unit is locked.  Its
 * commitments there are examined again, all against one reading of the book and
 * one of the capacity.
 */
void
conflict_capacity_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	uint64		changes;

	do
	{
		TimeWindow	span = *window;
		Commitment *around;
		int			naround;
		int64	   *ids;
		int			nshort;
		Capacity	capacity[2];

		changes = book_changes();
		around = book_read(instance, &unit, window, must_wait_for_all, NULL, &naround);
		if (naround == 0)
			return;
		/* they reach beyond the window, and so does what they stand beside */
		for (int i = 0; i < naround; i++)
			span = time_window_cover(&span, &around[i].window);
		pfree(around);
		around = book_read(instance, &unit, &span, must_wait_for_all, NULL, &naround);
		qsort(around, naround, sizeof(Commitment), commitment_compare);
		for (int down = 0; down < 2; down++)
			if (!capacity_read(instance, unit_id, portfolio, down != 0, &span, &capacity[down]))
				return;
		ids = short_of_headroom(instance, unit_id, &nshort);

		for (int i = 0; i < naround && book_changes() == changes; i++)
		{
			Commitment *subject = &around[i];
			Capacity	part;

			CHECK_FOR_INTERRUPTS();
			if (!time_window_overlaps(&subject->window, window))
				continue;
			part = capacity_during(&capacity[subject->down], &subject->window);
			if (part.known != subject->headroom_checked)
				book_set_headroom_checked(instance, subject->id, part.known);
			examine_headroom(instance, subject, &part, around, i,
							 contains_id(ids, nshort, subject->id));
		}
		pfree(ids);
		pfree(around);
	} while (book_changes() != changes);
}

/* What a unit declares changed, and the unit is locked: so may what its dispatches need. */
void
conflict_terms_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	int			nlive;
	Commitment *live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);

	for (int i = 0; i < nlive; i++)
	{
		int			naround;
		UnitTerms	terms;
		Commitment *around;

		CHECK_FOR_INTERRUPTS();
		if (live[i].stage != STAGE_DISPATCH)
			continue;
		around = read_surroundings(instance, &live[i], &terms, &naround);
		reexamine_pairs(instance, &live[i], around, naround, &terms);
		if (around != NULL)
			pfree(around);
	}
}

/* The agreements on a unit changed during `window`, and the unit is locked. */
void
conflict_exclusivity_changed(Instance *instance, int64 unit_id, bool portfolio, const TimeWindow *window)
{
	Commitment	unit = {.unit_id = unit_id,.portfolio = portfolio};
	TimeWindow	span = *window;
	int			nlive;
	Commitment *live = book_read(instance, &unit, window, must_wait_for_all, NULL, &nlive);
	int			nagreements;
	Exclusivity *agreements;
	Datum		values[2];
	int			nstored;
	SPITupleTable *stored;

	for (int i = 0; i < nlive; i++)
		span = time_window_cover(&span, &live[i].window);
	agreements = read_exclusivities(instance, unit_id, &span, &nagreements);
	for (int i = 0; i < nlive; i++)
		examine_exclusivity(instance, &live[i], agreements, nagreements);

	values[0] = Int64GetDatum(unit_id);
	nstored = instance_query(instance, &exclusivity_findings_query, values, NULL, 0);
	stored = SPI_tuptable;
	for (int i = 0; i < nstored; i++)
	{
		bool		isnull;
		bool		is_live;

		values[0] = SPI_getbinval(stored->vals[i], stored->tupdesc, 1, &isnull);
		values[1] = SPI_getbinval(stored->vals[i], stored->tupdesc, 2, &isnull);
		if (!still_against(instance, live, nlive, DatumGetInt64(values[0]),
						   agreements, nagreements, DatumGetInt64(values[1]), &is_live) && is_live)
			instance_query(instance, &exclusivity_close_query, values, NULL, 0);
	}
	SPI_freetuptable(stored);
}
