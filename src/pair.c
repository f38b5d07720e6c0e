/*
 * pair.c
 *		Do two commitments of one unit conflict?
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
 *	direction			opposite directions, overlapping, and both are energy:
 *						instructed by a dispatch, or scheduled by what the product is.
 *	jumping				not overlapping, different services, a known no, and within
 *						the scope of the ruleset: the local delivery days have one in
 *						common, the contract periods overlap, or any two of the unit.
 *	recovery			two dispatches, of one lineage or not, of which the later
 *						begins sooner after the earlier than the unit has declared
 *						to need, or than the earlier's product lets it claim.
 *						Windows that touch are one delivery.
 *
 * Two obligations of one service are tranches: headroom.c governs them.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "pair.h"

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

/*
 * Enough on either side of a window to hold every local day that it touches: a
 * local day lasts less than 27 hours in any zone, and share_a_day() decides.
 */
#define A_LOCAL_DAY	(27 * USECS_PER_HOUR)

/* Whatever else the unit has: a contract may be of any length. */
#define ANY_TIME	PG_INT64_MAX

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
bool
is_energy(Instance *instance, const Commitment *commitment)
{
	const Product *product;

	if (commitment->stage == STAGE_DISPATCH)
		return true;
	product = instance_product(instance, commitment->product_id);
	return product != NULL && product->scheduled;
}

/* What conditions may ask of a commitment; codes are good until the transaction ends. */
static CommitmentFacts
commitment_facts(Instance *instance, const Commitment *commitment)
{
	CommitmentFacts facts;
	const Product *product = instance_product(instance, commitment->product_id);

	facts.stage = stage_name(commitment->stage);
	facts.direction = commitment->down ? "down" : "up";
	facts.market = product == NULL ? "" : product->market;
	facts.product = product == NULL ? "" : product->code;
	facts.power_w = commitment->power_w;
	facts.duration_us = commitment->window.start_us == TIME_WINDOW_NO_BEGIN || commitment->window.end_us == TIME_WINDOW_NO_END ?
		ENDLESS : commitment->window.end_us - commitment->window.start_us;
	return facts;
}

static const SavedQuery profile_queries[2] = {
	{
		QUERY_PROFILE_OF_ASSET,
		"SELECT profile::flexexchange.asset_profile FROM %1$s.asset WHERE id OPERATOR(pg_catalog.=) $1",
		1, {INT8OID}
	},
	{
		QUERY_PROFILE_OF_PORTFOLIO,
		"SELECT profile::flexexchange.asset_profile FROM %1$s.portfolio WHERE id OPERATOR(pg_catalog.=) $1",
		1, {INT8OID}
	}
};

/* The same of a unit, which is locked as by capacity_read(). */
static UnitFacts
unit_facts(Instance *instance, const Commitment *commitment)
{
	UnitFacts	facts = {.kind = commitment->portfolio ? "portfolio" : "asset"};
	Datum		values[1];
	bool		isnull = true;
	Datum		flat = (Datum) 0;

	facts.profile.number[DIM_MEMBER_COUNT] = 1;
	values[0] = Int64GetDatum(commitment->unit_id);
	if (instance_query(instance, &profile_queries[commitment->portfolio], values, NULL, 1) > 0)
		flat = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);
	if (!isnull)
		profile_view((struct varlena *) PG_DETOAST_DATUM_COPY(flat), &facts.profile);
	SPI_freetuptable(SPI_tuptable);
	return facts;
}

static bool
stacking_finding(Instance *instance, Finding *finding, int64 governed_us)
{
	const Rulebook *rulebook = instance->rulebook;
	const Commitment *a = finding->challenger;
	const Commitment *b = finding->incumbent;

	finding->ruleset = rulebook_at(rulebook, governed_us);
	if (finding->ruleset == NULL)
		return false;			/* nothing is agreed for that time */
	finding->cell = rulebook_cell(rulebook, finding->ruleset, a->service, b->service);
	if (finding->cell->conditional)
	{
		CommitmentFacts facts_a = commitment_facts(instance, a);
		CommitmentFacts facts_b = commitment_facts(instance, b);
		UnitFacts	unit = unit_facts(instance, a);

		finding->cell = rulebook_judge(rulebook, finding->ruleset, a->service, &facts_a, b->service, &facts_b, &unit);
	}
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

static const SavedQuery contract_query = {
	QUERY_CONTRACT,
	"SELECT delivery_window::flexexchange.time_window FROM %1$s.award WHERE id OPERATOR(pg_catalog.=) $1",
	1, {INT8OID}
};

/*
 * The contract period of a commitment: the window of the award that it comes from,
 * a framework of a season perhaps, or its own.
 */
static TimeWindow
contract_period(Instance *instance, const Commitment *commitment)
{
	TimeWindow	period = {TIME_WINDOW_NO_BEGIN, TIME_WINDOW_NO_END};
	Datum		values[1];
	bool		isnull;

	if (commitment->ancestor[STAGE_AWARD] == 0)
		return commitment->window;
	values[0] = Int64GetDatum(commitment->ancestor[STAGE_AWARD]);
	/* an award that is not decided yet: as if it could matter, for must_wait() */
	if (instance_query(instance, &contract_query, values, NULL, 1) == 0)
		return period;
	period = *DatumGetTimeWindowP(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return period;
}

static bool
within_jumping_scope(Instance *instance, JumpingScope scope, const Commitment *a, const Commitment *b)
{
	TimeWindow	period_a;
	TimeWindow	period_b;

	switch (scope)
	{
		case JUMPING_DAY:
			return share_a_day(instance->zone, &a->window, &b->window);
		case JUMPING_CONTRACT:
			period_a = contract_period(instance, a);
			period_b = contract_period(instance, b);
			return time_window_overlaps(&period_a, &period_b);
		default:
			return true;
	}
}

static bool
jumping_finding(Instance *instance, const Commitment *a, const Commitment *b, Finding *finding)
{
	const Commitment *later = a->window.start_us > b->window.start_us ? a : b;

	if (a->service == b->service ||
		!stacking_finding(instance, finding, later->window.start_us) ||
		finding->cell->meaning[MODE_JUMPING] != MEANING_NO ||
		!within_jumping_scope(instance, finding->ruleset->jumping_scope, a, b))
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
pair_findings(Instance *instance, const Commitment *a, const Commitment *b,
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

/* How far from a commitment may another be and still be a pair with it? */
int64
pair_reach_us(const Rulebook *rulebook, const Commitment *commitment, const UnitTerms *terms)
{
	JumpingScope scope;
	int64		reach_us = !rulebook_may_jump(rulebook, commitment->service, &scope) ? 0 :
		scope == JUMPING_DAY ? A_LOCAL_DAY : ANY_TIME;

	return commitment->stage == STAGE_DISPATCH ? Max(reach_us, terms->recovery_us) : reach_us;
}
