/*
 * finding.c
 *		Keeping findings in table conflict.
 *
 * A finding is known by its challenger, its kind and what it is with: another
 * commitment, an agreement, or nothing (headroom, energy).  There is one open row for
 * each; writing it again changes the row when the rationale changed, and leaves
 * it alone otherwise.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "finding.h"
#include "json.h"

static const char *const kind_names[CONFLICT_KIND_COUNT] = {
	[CONFLICT_DOUBLE_COMMITMENT] = "double_commitment",
	[CONFLICT_DUPLICATE] = "duplicate",
	[CONFLICT_JUMPING] = "jumping",
	[CONFLICT_HEADROOM] = "headroom",
	[CONFLICT_DIRECTION] = "direction",
	[CONFLICT_RECOVERY] = "recovery",
	[CONFLICT_EXCLUSIVITY] = "exclusivity",
	[CONFLICT_ENERGY] = "energy",
};

const char *
conflict_kind_name(ConflictKind kind)
{
	return kind_names[kind];
}

static const SavedQuery write_query = {
	QUERY_CONFLICT_WRITE,
	"INSERT INTO %1$s.conflict AS c (kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, "
	"short_kw, short_windows, ruleset_id, stacking_rule_id, rationale, exclusivity_id) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ($12)::pg_catalog.jsonb, $13) "
	"ON CONFLICT (challenger_id, kind, incumbent_id, exclusivity_id, operating_limit_id, constraint_period_id, unit_removal_id) WHERE closed_at IS NULL DO UPDATE "
	"SET severity = EXCLUDED.severity, overlap = EXCLUDED.overlap, short_kw = EXCLUDED.short_kw, "
	"short_windows = EXCLUDED.short_windows, ruleset_id = EXCLUDED.ruleset_id, "
	"stacking_rule_id = EXCLUDED.stacking_rule_id, rationale = EXCLUDED.rationale "
	"WHERE c.rationale OPERATOR(pg_catalog.<>) EXCLUDED.rationale",
	13, {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, WINDOW_ARG,
		NUMERICOID, WINDOW_ARRAY_ARG, INT8OID, INT8OID, TEXTOID, INT8OID}
};

static const SavedQuery close_query = {
	QUERY_CONFLICT_CLOSE,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE challenger_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL "
	"AND COALESCE(incumbent_id, exclusivity_id, 0) OPERATOR(pg_catalog.=) $3",
	3, {INT8OID, TEXTOID, INT8OID}
};

static const SavedQuery close_all_query = {
	QUERY_CONFLICT_CLOSE_ALL,
	"UPDATE %1$s.conflict SET closed_at = pg_catalog.clock_timestamp() "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) AND closed_at IS NULL",
	1, {INT8OID}
};

/* What a stored finding is known by, in the order of StoredFinding. */
#define STORED_COLUMNS \
	"challenger_id::pg_catalog.int8, COALESCE(incumbent_id, exclusivity_id, 0)::pg_catalog.int8, kind::pg_catalog.text"

static const SavedQuery pairs_of_query = {
	QUERY_CONFLICTS_OF,
	"SELECT " STORED_COLUMNS " FROM %1$s.conflict "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) "
	"AND incumbent_id IS NOT NULL AND closed_at IS NULL",
	1, {INT8OID}
};

static const SavedQuery of_unit_query = {
	QUERY_CONFLICTS_OF_UNIT,
	"SELECT " STORED_COLUMNS " FROM %1$s.conflict "
	"WHERE unit_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL "
	"ORDER BY challenger_id",
	2, {INT8OID, TEXTOID}
};

/* Write a finding, or bring the open row that it has up to date. */
void
finding_write(Instance *instance, const Finding *finding)
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

void
finding_close(Instance *instance, const StoredFinding *stored)
{
	Datum		values[3];

	values[0] = Int64GetDatum(stored->challenger_id);
	values[1] = CStringGetTextDatum(kind_names[stored->kind]);
	values[2] = Int64GetDatum(stored->other_id);
	instance_query(instance, &close_query, values, NULL, 0);
}

/* Close every finding that a commitment has a part in. */
void
finding_close_all(Instance *instance, int64 commitment_id)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment_id);
	instance_query(instance, &close_all_query, values, NULL, 0);
}

static StoredFinding *
stored_from_result(int *count)
{
	StoredFinding *result = palloc(Max(SPI_processed, 1) * sizeof(StoredFinding));

	*count = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		const char *kind = SPI_getvalue(row, desc, 3);

		for (int k = 0; k < CONFLICT_KIND_COUNT; k++)
		{
			if (strcmp(kind_names[k], kind) != 0)
				continue;
			result[*count].challenger_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
			result[*count].other_id = DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull));
			result[(*count)++].kind = (ConflictKind) k;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* The open findings on pairs that a commitment is one of. */
StoredFinding *
findings_of_pairs(Instance *instance, int64 commitment_id, int *count)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment_id);
	instance_query(instance, &pairs_of_query, values, NULL, 0);
	return stored_from_result(count);
}

/* The open findings of a kind on a unit, by challenger. */
StoredFinding *
findings_of_unit(Instance *instance, int64 unit_id, ConflictKind kind, int *count)
{
	Datum		values[2];

	values[0] = Int64GetDatum(unit_id);
	values[1] = CStringGetTextDatum(kind_names[kind]);
	instance_query(instance, &of_unit_query, values, NULL, 0);
	return stored_from_result(count);
}
