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

static FindingCounts counts = {0};

/* How many rows this session has written and closed so far. */
FindingCounts
finding_counts(void)
{
	return counts;
}

/* Others than this file wrote and closed rows. */
void
finding_counted(int64 written, int64 closed)
{
	counts.written += written;
	counts.closed += closed;
}

const char *
conflict_kind_name(ConflictKind kind)
{
	return kind_names[kind];
}

/* The commitments named are held, and live: whoever closes one waits for this row, or has closed it and nothing is written. */
#define WRITE_FINDING(commitments) \
	"INSERT INTO %1$s.conflict AS c (kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, " \
	"short_kw, short_windows, ruleset_id, stacking_rule_id, rationale, exclusivity_id, action) " \
	"SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, ($12)::pg_catalog.jsonb, $13, $14 FROM " commitments " FOR SHARE " \
	"ON CONFLICT (challenger_id, kind, incumbent_id, exclusivity_id, operating_limit_id, constraint_period_id, unit_removal_id) WHERE closed_at IS NULL DO UPDATE " \
	"SET severity = EXCLUDED.severity, overlap = EXCLUDED.overlap, short_kw = EXCLUDED.short_kw, " \
	"short_windows = EXCLUDED.short_windows, ruleset_id = EXCLUDED.ruleset_id, " \
	"stacking_rule_id = EXCLUDED.stacking_rule_id, rationale = EXCLUDED.rationale, " \
	"action = CASE EXCLUDED.action WHEN 'notify'::pg_catalog.text THEN c.action ELSE EXCLUDED.action END " \
	"WHERE c.rationale OPERATOR(pg_catalog.<>) EXCLUDED.rationale OR EXCLUDED.action OPERATOR(pg_catalog.<>) 'notify'::pg_catalog.text", \
	14, {TEXTOID, TEXTOID, TEXTOID, INT8OID, INT8OID, INT8OID, WINDOW_ARG, \
		NUMERICOID, WINDOW_ARRAY_ARG, INT8OID, INT8OID, TEXTOID, INT8OID, TEXTOID}

static const SavedQuery write_query = {
	QUERY_CONFLICT_WRITE,
	WRITE_FINDING("%1$s.commitment m WHERE m.id OPERATOR(pg_catalog.=) $4 AND m.closed_at IS NULL")
};

static const SavedQuery write_pair_query = {
	QUERY_CONFLICT_WRITE_PAIR,
	WRITE_FINDING("%1$s.commitment m, %1$s.commitment i WHERE m.id OPERATOR(pg_catalog.=) $4 AND m.closed_at IS NULL "
				  "AND i.id OPERATOR(pg_catalog.=) $5 AND i.closed_at IS NULL")
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

static const SavedQuery of_commitment_query = {
	QUERY_CONFLICTS_OF,
	"SELECT " STORED_COLUMNS " FROM %1$s.conflict "
	"WHERE (challenger_id OPERATOR(pg_catalog.=) $1 OR incumbent_id OPERATOR(pg_catalog.=) $1) "
	"AND closed_at IS NULL AND kind OPERATOR(pg_catalog.<>) 'counteraction'::pg_catalog.text",
	1, {INT8OID}
};

static const SavedQuery of_unit_query = {
	QUERY_CONFLICTS_OF_UNIT,
	"SELECT " STORED_COLUMNS " FROM %1$s.conflict "
	"WHERE unit_id OPERATOR(pg_catalog.=) $1 AND kind OPERATOR(pg_catalog.=) $2 AND closed_at IS NULL "
	"ORDER BY challenger_id",
	2, {INT8OID, TEXTOID}
};

/*
 * Write a finding, or bring the open row that it has up to date.  The challenger is held, and
 * the incumbent, so that neither is closed meanwhile; where one is closed nothing is written.
 */
void
finding_write(Instance *instance, const Finding *finding)
{
	Datum		values[14] = {0};
	char		nulls[14];
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
	values[13] = CStringGetTextDatum(ruleset_action_name(finding->action));
	counts.written += instance_query(instance, finding->incumbent != NULL ? &write_pair_query : &write_query, values, nulls, 0);
}

void
finding_close(Instance *instance, const StoredFinding *stored)
{
	Datum		values[3];

	values[0] = Int64GetDatum(stored->challenger_id);
	values[1] = CStringGetTextDatum(kind_names[stored->kind]);
	values[2] = Int64GetDatum(stored->other_id);
	counts.closed += instance_query(instance, &close_query, values, NULL, 0);
}

/* Close every finding that a commitment has a part in. */
void
finding_close_all(Instance *instance, int64 commitment_id)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment_id);
	counts.closed += instance_query(instance, &close_all_query, values, NULL, 0);
}

/* STORED_COLUMNS of a row, of which the first is that column. */
void
stored_finding_read(HeapTuple row, TupleDesc desc, int column, StoredFinding *stored)
{
	bool		isnull;
	const char *kind = SPI_getvalue(row, desc, column + 2);

	stored->challenger_id = DatumGetInt64(SPI_getbinval(row, desc, column, &isnull));
	stored->other_id = DatumGetInt64(SPI_getbinval(row, desc, column + 1, &isnull));
	for (int k = 0; k < CONFLICT_KIND_COUNT; k++)
		if (kind != NULL && strcmp(kind_names[k], kind) == 0)
		{
			stored->kind = (ConflictKind) k;
			return;
		}
	elog(ERROR, "unrecognized kind of conflict: \"%s\"", kind == NULL ? "" : kind);
}

static StoredFinding *
stored_from_result(int *count)
{
	StoredFinding *result = palloc(Max(SPI_processed, 1) * sizeof(StoredFinding));

	*count = (int) SPI_processed;
	for (int i = 0; i < *count; i++)
		stored_finding_read(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &result[i]);
	SPI_freetuptable(SPI_tuptable);
	return result;
}

/* The open findings that a commitment has a part in, as a member of its unit: those of the network are counteraction.c's. */
StoredFinding *
findings_of_commitment(Instance *instance, int64 commitment_id, int *count)
{
	Datum		values[1];

	values[0] = Int64GetDatum(commitment_id);
	instance_query(instance, &of_commitment_query, values, NULL, 0);
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
