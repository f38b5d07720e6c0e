/*
 * rulebook.c
 *		Compiling the rulesets in force into tables of services by services.
 *
 * The meaning of a verdict is decided in SQL, by view stacking_meaning, so that
 * people and machine read the same rules.  Here they become arrays.  Where the
 * two orders of a pair differ, the stricter verdict holds, and a warning in one
 * order is a warning in both.
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "instance.h"

static const char *const mode_names[MODE_COUNT] = {
	[MODE_CO_DELIVERY] = "co_delivery",
	[MODE_SPLITTING] = "splitting",
	[MODE_JUMPING] = "jumping",
};

static const char *const meaning_names[] = {
	[MEANING_YES] = "yes",
	[MEANING_NOT_TESTED] = "not_tested",
	[MEANING_UNKNOWN] = "unknown",
	[MEANING_NO] = "no",
};

const char *
stacking_mode_name(StackingMode mode)
{
	return mode_names[mode];
}

const char *
stacking_meaning_name(StackingMeaning meaning)
{
	return meaning_names[meaning];
}

/* Run a one-off query with the latest snapshot. */
static uint64
read_rows(const char *sql)
{
	SPIPlanPtr	plan = SPI_prepare(sql, 0, NULL);

	if (plan == NULL ||
		SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(),
							 InvalidSnapshot, true, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read rules: %s", SPI_result_code_string(SPI_result));
	return SPI_processed;
}

static int64
int64_column(int row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* A column as C string; NULL for NULL. */
static const char *
text_column(int row, int column)
{
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

/* A column that is never NULL in an exchange; an empty string should it be so elsewhere. */
static const char *
word_column(int row, int column)
{
	const char *word = text_column(row, column);

	return word == NULL ? "" : word;
}

static int
name_index(const char *name, const char *const *names, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	elog(ERROR, "unrecognized word in rules: \"%s\"", name);
	return -1;					/* keep compiler quiet */
}

Rulebook *
rulebook_compile(Instance *instance, MemoryContext context)
{
	Rulebook   *book = MemoryContextAllocZero(context, sizeof(Rulebook));
	uint64		rows;
	int			n;

	rows = read_rows(psprintf("SELECT code::pg_catalog.text FROM %s.service WHERE code IS NOT NULL ORDER BY code", instance->schema));
	n = book->nservices = (int) rows;
	book->services = MemoryContextAlloc(context, Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		book->services[i] = MemoryContextStrdup(context, word_column(i, 1));
	SPI_freetuptable(SPI_tuptable);

	rows = read_rows(psprintf("SELECT id::pg_catalog.int8, code::pg_catalog.text, in_force::flexexchange.time_window FROM %s.ruleset "
							  "WHERE status OPERATOR(pg_catalog.=) 'in_force'::pg_catalog.text AND in_force IS NOT NULL "
							  "ORDER BY id", instance->schema));
	book->nrulesets = (int) rows;
	book->rulesets = MemoryContextAllocZero(context, Max(rows, 1) * sizeof(Ruleset));
	for (int i = 0; i < book->nrulesets; i++)
	{
		Ruleset    *ruleset = &book->rulesets[i];
		bool		isnull;

		ruleset->id = int64_column(i, 1);
		ruleset->code = MemoryContextStrdup(context, word_column(i, 2));
		ruleset->in_force = *DatumGetTimeWindowP(SPI_getbinval(SPI_tuptable->vals[i],
															   SPI_tuptable->tupdesc, 3, &isnull));
		ruleset->cells = MemoryContextAllocZero(context, Max(n * n, 1) * sizeof(StackingCell));
		ruleset->jumps = MemoryContextAllocZero(context, Max(n, 1) * sizeof(bool));
	}
	SPI_freetuptable(SPI_tuptable);

	book->any_exclusivity =
		read_rows(psprintf("SELECT FROM %s.exclusivity LIMIT 1", instance->schema)) > 0;
	SPI_freetuptable(SPI_tuptable);
	book->network_watched =
		read_rows(psprintf("SELECT FROM %s.network_watch LIMIT 1", instance->schema)) > 0;
	SPI_freetuptable(SPI_tuptable);

	for (int r = 0; r < book->nrulesets; r++)
	{
		Ruleset    *ruleset = &book->rulesets[r];

		rows = read_rows(psprintf("SELECT service_a::pg_catalog.text, service_b::pg_catalog.text, mode::pg_catalog.text, meaning::pg_catalog.text, "
								  "verdict::pg_catalog.text, severity::pg_catalog.text, stacking_rule_id::pg_catalog.int8, reason::pg_catalog.text "
								  "FROM %s.stacking_meaning WHERE ruleset_id OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8 "
								  "ORDER BY service_a, service_b", instance->schema, ruleset->id));
		for (uint64 i = 0; i < rows; i++)
		{
			const char *a = word_column(i, 1);
			const char *b = word_column(i, 2);
			int			sa = rulebook_service(book, a, strlen(a));
			int			sb = rulebook_service(book, b, strlen(b));
			int			mode = name_index(word_column(i, 3), mode_names, MODE_COUNT);
			StackingMeaning meaning = name_index(word_column(i, 4), meaning_names, lengthof(meaning_names));
			StackingCell *cell;

			if (sa < 0 || sb < 0)
				continue;		/* a service younger than our list of them: a message will follow */
			for (int order = 0; order < 2; order++)
			{
				cell = &ruleset->cells[order == 0 ? sa * n + sb : sb * n + sa];
				cell->advisory[mode] |= text_column(i, 6) != NULL;
				if (cell->verdict[mode] != NULL && cell->meaning[mode] >= meaning)
					continue;
				cell->meaning[mode] = meaning;
				cell->verdict[mode] = MemoryContextStrdup(context, word_column(i, 5));
				cell->rule_id[mode] = int64_column(i, 7);
				cell->reason[mode] = text_column(i, 8) == NULL ? NULL :
					MemoryContextStrdup(context, text_column(i, 8));
			}
			if (mode == MODE_JUMPING && meaning == MEANING_NO)
				ruleset->jumps[sa] = ruleset->jumps[sb] = true;
		}
		SPI_freetuptable(SPI_tuptable);
	}
	return book;
}

/* The index of a service by its code, -1 when there is none. */
int
rulebook_service(const Rulebook *rulebook, const char *code, int length)
{
	for (int i = 0; i < rulebook->nservices; i++)
		if (strncmp(rulebook->services[i], code, length) == 0 &&
			rulebook->services[i][length] == '\0')
			return i;
	return -1;
}

/* The ruleset that governs an instant of delivery, NULL when none is in force. */
const Ruleset *
rulebook_at(const Rulebook *rulebook, int64 instant_us)
{
	for (int i = 0; i < rulebook->nrulesets; i++)
		if (time_window_contains_instant(&rulebook->rulesets[i].in_force, instant_us))
			return &rulebook->rulesets[i];
	return NULL;
}

const StackingCell *
rulebook_cell(const Rulebook *rulebook, const Ruleset *ruleset, int service_a, int service_b)
{
	return &ruleset->cells[service_a * rulebook->nservices + service_b];
}

/* Does any ruleset forbid this service to jump to another? */
bool
rulebook_may_jump(const Rulebook *rulebook, int service)
{
	for (int i = 0; i < rulebook->nrulesets; i++)
		if (rulebook->rulesets[i].jumps[service])
			return true;
	return false;
}
