/*
 * rulebook.c
 *		Compiling the rulesets in force into tables of services by services.
 *
 * The meaning of a verdict is decided in SQL, by view stacking_meaning, so that
 * people and machine read the same rules.  Here they become arrays.  Where the
 * two orders of a pair differ, the stricter verdict holds, and a warning in one
 * order is a warning in both.  A cell without conditions is merged once, when the
 * rules are compiled; one with conditions when a pair of commitments is judged.  What is to be done about a finding is decided by
 * view ruleset_action_meaning in the same way; of its answers only those that are
 * more than to notify are kept, and they are few.
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

static const char *const reading_names[READING_COUNT] = {
	[READING_UNKNOWN] = "unknown",
	[READING_MET] = "met",
	[READING_NOT_MET] = "not_met",
};

static const char *const scope_names[JUMPING_SCOPE_COUNT] = {
	[JUMPING_DAY] = "day",
	[JUMPING_CONTRACT] = "contract",
	[JUMPING_REGISTRATION] = "registration",
};

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_NOTIFY] = "notify",
	[ACTION_HOLD] = "hold",
	[ACTION_REJECT] = "reject",
};

const char *
ruleset_action_name(RulesetAction action)
{
	return action_names[action];
}

const char *
jumping_scope_name(JumpingScope scope)
{
	return scope_names[scope];
}

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

/* One order of a pair says something of a mode: the stricter of the two holds. */
static void
merge_rule(StackingCell *cell, StackingMode mode, const StackingRule *rule)
{
	cell->advisory[mode] |= rule->advisory;
	if (cell->verdict[mode] != NULL && cell->meaning[mode] >= rule->meaning)
		return;
	cell->meaning[mode] = rule->meaning;
	cell->verdict[mode] = rule->verdict;
	cell->rule_id[mode] = rule->id;
	cell->reason[mode] = rule->reason;
	cell->condition[mode] = rule->condition_text;
}

static const char *
copied_column(int row, int column, MemoryContext context)
{
	const char *text = text_column(row, column);

	return text == NULL ? NULL : MemoryContextStrdup(context, text);
}

static void
compile_rules(Instance *instance, Rulebook *book, Ruleset *ruleset, MemoryContext context)
{
	int			n = book->nservices;
	uint64		rows;

	rows = read_rows(psprintf("SELECT service_a::pg_catalog.text, service_b::pg_catalog.text, mode::pg_catalog.text, meaning::pg_catalog.text, "
							  "verdict::pg_catalog.text, severity::pg_catalog.text, stacking_rule_id::pg_catalog.int8, reason::pg_catalog.text, "
							  "condition::pg_catalog.text "
							  "FROM %s.stacking_meaning WHERE ruleset_id OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8 "
							  "ORDER BY service_a, service_b, mode, priority NULLS LAST", instance->schema, ruleset->id));
	for (uint64 i = 0; i < rows; i++)
	{
		const char *a = word_column(i, 1);
		const char *b = word_column(i, 2);
		int			sa = rulebook_service(book, a, strlen(a));
		int			sb = rulebook_service(book, b, strlen(b));
		int			mode = name_index(word_column(i, 3), mode_names, MODE_COUNT);
		StackingRules *rules;
		StackingRule *rule;

		if (sa < 0 || sb < 0)
			continue;			/* a service younger than our list of them: a message will follow */
		rules = &ruleset->rules[(sa * n + sb) * MODE_COUNT + mode];
		rules->rules = rules->nrules == 0 ? MemoryContextAlloc(context, sizeof(StackingRule)) :
			repalloc(rules->rules, (rules->nrules + 1) * sizeof(StackingRule));
		rule = &rules->rules[rules->nrules++];
		rule->meaning = name_index(word_column(i, 4), meaning_names, lengthof(meaning_names));
		rule->verdict = MemoryContextStrdup(context, word_column(i, 5));
		rule->advisory = text_column(i, 6) != NULL;
		rule->id = int64_column(i, 7);
		rule->reason = copied_column(i, 8, context);
		rule->condition_text = copied_column(i, 9, context);
		rule->condition = NULL;
		if (rule->condition_text != NULL)
		{
			MemoryContext caller = MemoryContextSwitchTo(context);

			rule->condition = rule_condition_compile(rule->condition_text, NULL);
			MemoryContextSwitchTo(caller);
			book->any_condition = true;
			ruleset->cells[sa * n + sb].conditional = ruleset->cells[sb * n + sa].conditional = true;
		}
		else
		{
			merge_rule(&ruleset->cells[sa * n + sb], mode, rule);
			if (sa != sb)
				merge_rule(&ruleset->cells[sb * n + sa], mode, rule);
		}
		if (mode == MODE_JUMPING && rule->meaning == MEANING_NO)
			ruleset->jumps[sa] = ruleset->jumps[sb] = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
compile_actions(Instance *instance, Ruleset *ruleset, MemoryContext context)
{
	uint64		rows;

	rows = read_rows(psprintf("SELECT kind::pg_catalog.text, severity::pg_catalog.text, stage::pg_catalog.text, action::pg_catalog.text "
							  "FROM %s.ruleset_action_meaning WHERE ruleset_id OPERATOR(pg_catalog.=) " INT64_FORMAT "::pg_catalog.int8 "
							  "AND action OPERATOR(pg_catalog.<>) 'notify'::pg_catalog.text", instance->schema, ruleset->id));
	ruleset->nactions = (int) rows;
	ruleset->actions = MemoryContextAlloc(context, Max(rows, 1) * sizeof(ActionRule));
	for (uint64 i = 0; i < rows; i++)
	{
		ActionRule *rule = &ruleset->actions[i];

		rule->kind = MemoryContextStrdup(context, word_column(i, 1));
		rule->severity = MemoryContextStrdup(context, word_column(i, 2));
		rule->stage = MemoryContextStrdup(context, word_column(i, 3));
		rule->action = name_index(word_column(i, 4), action_names, ACTION_COUNT);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Compile the rulesets in force; or, given a code, that one alone, whatever its
 * status, as if it were in force for ever.
 */
Rulebook *
rulebook_compile(Instance *instance, MemoryContext context, const char *only_ruleset)
{
	Rulebook   *book = MemoryContextAllocZero(context, sizeof(Rulebook));
	uint64		rows;
	int			n;

	rows = read_rows(psprintf("SELECT code::pg_catalog.text FROM %s.service WHERE code IS NOT NULL ORDER BY code COLLATE pg_catalog.\"C\"", instance->schema));
	n = book->nservices = (int) rows;
	book->services = MemoryContextAlloc(context, Max(n, 1) * sizeof(char *));
	for (int i = 0; i < n; i++)
		book->services[i] = MemoryContextStrdup(context, word_column(i, 1));
	SPI_freetuptable(SPI_tuptable);

	if (only_ruleset == NULL)
		rows = read_rows(psprintf("SELECT id::pg_catalog.int8, code::pg_catalog.text, in_force::flexexchange.time_window, jumping_scope::pg_catalog.text, unknown_condition::pg_catalog.text FROM %s.ruleset "
								  "WHERE status OPERATOR(pg_catalog.=) 'in_force'::pg_catalog.text AND in_force IS NOT NULL "
								  "ORDER BY id", instance->schema));
	else
		rows = read_rows(psprintf("SELECT id::pg_catalog.int8, code::pg_catalog.text, '-infinity/infinity'::flexexchange.time_window, jumping_scope::pg_catalog.text, unknown_condition::pg_catalog.text FROM %s.ruleset "
								  "WHERE code OPERATOR(pg_catalog.=) %s::pg_catalog.text", instance->schema, quote_literal_cstr(only_ruleset)));
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
		ruleset->jumping_scope = name_index(word_column(i, 4), scope_names, JUMPING_SCOPE_COUNT);
		ruleset->unknown_condition = name_index(word_column(i, 5), reading_names, READING_COUNT);
		ruleset->rules = MemoryContextAllocZero(context, Max(n * n, 1) * MODE_COUNT * sizeof(StackingRules));
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
		compile_rules(instance, book, &book->rulesets[r], context);
		compile_actions(instance, &book->rulesets[r], context);
	}
	return book;
}

/* The index of a service by its code, -1 when there is none.  Codes are sorted. */
int
rulebook_service(const Rulebook *rulebook, const char *code, int length)
{
	int			low = 0;
	int			high = rulebook->nservices - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const char *service = rulebook->services[middle];
		int			order = strncmp(service, code, length);

		if (order == 0 && service[length] != '\0')
			order = 1;
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
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

/* Which of the rules of an ordered pair and mode applies, from one of them on. */
static StackingRule
applying_rule(const Ruleset *ruleset, const StackingRules *rules, int from,
			  const CommitmentFacts *a, const CommitmentFacts *b, const UnitFacts *unit)
{
	for (int i = from; i < rules->nrules - 1; i++)
	{
		StackingRule rule = rules->rules[i];
		ConditionTruth truth = rule_condition_truth(rule.condition, a, b, unit);

		if (truth == CONDITION_UNKNOWN && ruleset->unknown_condition == READING_UNKNOWN)
		{
			if (rule.meaning != applying_rule(ruleset, rules, i + 1, a, b, unit).meaning)
				rule.meaning = MEANING_UNKNOWN;
			return rule;
		}
		if (truth == CONDITION_TRUE || (truth == CONDITION_UNKNOWN && ruleset->unknown_condition == READING_MET))
			return rule;
	}
	return rules->rules[rules->nrules - 1];
}

/* The verdicts on two commitments of a unit; for their services alone, see rulebook_cell(). */
const StackingCell *
rulebook_judge(const Rulebook *rulebook, const Ruleset *ruleset, int service_a, const CommitmentFacts *a,
			   int service_b, const CommitmentFacts *b, const UnitFacts *unit)
{
	StackingCell *cell = palloc0(sizeof(StackingCell));

	/* as when the rules were compiled: services come in the order of their codes */
	if (service_a > service_b)
		return rulebook_judge(rulebook, ruleset, service_b, b, service_a, a, unit);
	for (int mode = 0; mode < MODE_COUNT; mode++)
		for (int order = 0; order < 2; order++)
		{
			int			pair = order == 0 ? service_a * rulebook->nservices + service_b :
				service_b * rulebook->nservices + service_a;
			StackingRule rule = applying_rule(ruleset, &ruleset->rules[pair * MODE_COUNT + mode], 0,
											  order == 0 ? a : b, order == 0 ? b : a, unit);

			merge_rule(cell, mode, &rule);
		}
	return cell;
}

/*
 * May two services share megawatts, by the rules without a condition?  (A set of
 * lineages is not a pair: conditions are judged by pair_findings() alone.)
 */
bool
rulebook_shares(const Rulebook *rulebook, const Ruleset *ruleset, int service_a, int service_b, bool unknown_is_yes)
{
	StackingMeaning meaning = rulebook_cell(rulebook, ruleset, service_a, service_b)->meaning[MODE_CO_DELIVERY];

	return meaning == MEANING_YES || (unknown_is_yes && meaning == MEANING_UNKNOWN);
}

/*
 * May a unit not be in both services at once, whatever the megawatts?  A mode that is not
 * tested drops out.
 */
bool
rulebook_bars(const Rulebook *rulebook, const Ruleset *ruleset, int service_a, int service_b, bool unknown_is_yes)
{
	const StackingMeaning *meaning = rulebook_cell(rulebook, ruleset, service_a, service_b)->meaning;
	bool		tested = false;

	for (StackingMode mode = MODE_CO_DELIVERY; mode <= MODE_SPLITTING; mode++)
	{
		if (meaning[mode] == MEANING_YES || (unknown_is_yes && meaning[mode] == MEANING_UNKNOWN))
			return false;
		tested |= meaning[mode] != MEANING_NOT_TESTED;
	}
	return tested;
}

/* Does any ruleset forbid this service to jump to another?  If so, the widest scope. */
bool
rulebook_may_jump(const Rulebook *rulebook, int service, JumpingScope *scope)
{
	bool		jumps = false;

	*scope = JUMPING_DAY;
	for (int i = 0; i < rulebook->nrulesets; i++)
		if (rulebook->rulesets[i].jumps[service])
		{
			jumps = true;
			*scope = Max(*scope, rulebook->rulesets[i].jumping_scope);
		}
	return jumps;
}

/* Does any ruleset ask in which contract period a commitment lies? */
bool
rulebook_counts_contracts(const Rulebook *rulebook)
{
	for (int i = 0; i < rulebook->nrulesets; i++)
		if (rulebook->rulesets[i].jumping_scope == JUMPING_CONTRACT)
			return true;
	return false;
}

/* What a ruleset wants done about a finding; where none is in force, no more than to notify. */
RulesetAction
rulebook_action(const Ruleset *ruleset, const char *kind, const char *severity, const char *stage)
{
	for (int i = 0; ruleset != NULL && i < ruleset->nactions; i++)
		if (strcmp(ruleset->actions[i].kind, kind) == 0 &&
			strcmp(ruleset->actions[i].severity, severity) == 0 &&
			strcmp(ruleset->actions[i].stage, stage) == 0)
			return ruleset->actions[i].action;
	return ACTION_NOTIFY;
}
