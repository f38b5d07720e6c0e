/*
 * condition_fuzz.c
 *		Throws mutated texts at the reader of rule_condition, outside the server,
 *		under ASan and UBSan.
 *
 *	test/fuzz/conditions.sh [seconds]
 *
 * What is accepted must come back from its canonical text as the same text, hold of
 * the same random pairs as it, and fail of those of which its negation holds.  The
 * server is stood in for by what eligibility_fuzz.c has for it.
 */
#define main eligibility_fuzz_main
#include "eligibility_fuzz.c"
#undef main

#include "rule_condition.h"
#include "window_io.h"

int
pg_mbstrlen(const char *text)
{
	return pg_mbstrlen_with_len(text, strlen(text));
}

/* a character, as far as there is one */
int
pg_mblen(const char *text)
{
	int			length = 1;

	while (((unsigned char) text[length] & 0xC0) == 0x80 && length < 4)
		length++;
	return length;
}

char *
text_clip(const char *str, int bytes)
{
	char	   *copy = pstrdup(str);

	if ((int) strlen(copy) > bytes)
		copy[bytes] = '\0';
	return copy;
}

char *
pnstrdup(const char *text, Size length)
{
	char	   *copy = palloc(length + 1);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

static char *
written(const RuleCondition *condition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	rule_condition_append_text(&buf, condition);
	return buf.data;
}

/* Random facts, of which each dimension of the unit may be unknown. */
static void
draw_facts(CommitmentFacts *sides, UnitFacts *unit)
{
	static const char *const stages[] = {"bid", "award", "availability", "dispatch"};
	static const char *const codes[] = {"\4BESS", "\3CHP", "\4BESS\3CHP", "\5it's "};

	memset(unit, 0, sizeof(UnitFacts));
	for (int i = 0; i < 2; i++)
	{
		sides[i].stage = stages[draw(4)];
		sides[i].direction = draw(2) == 0 ? "up" : "down";
		sides[i].market = draw(2) == 0 ? "dso" : "it's";
		sides[i].product = draw(2) == 0 ? "DC1" : "";
		sides[i].power_w = draw(5) * 50000 + draw(2);
		sides[i].duration_us = draw(3) == 0 ? ENDLESS : (int64) draw(5) * 1800 * 1000000;
	}
	unit->kind = draw(2) == 0 ? "asset" : "portfolio";
	unit->profile.known = (uint32) draw(1 << 27) & (uint32) draw(1 << 27);
	unit->profile.choices = draw(64);
	for (int i = 0; i < N_NUMBERS; i++)
		unit->profile.number[i] = (int64) draw(4) * 1800 * 1000000;
	for (int i = 0; i < N_CODES; i++)
	{
		unit->profile.codes[i].data = codes[draw(4)];
		unit->profile.codes[i].bytes = strlen(unit->profile.codes[i].data);
		unit->profile.codes[i].count = unit->profile.codes[i].bytes > 6 ? 2 : 1;
	}
}

static const char *const conditions[] = {
	"a.power_kw > 100 and technology in ('BESS', 'CHP') or not b.market = 'dso'",
	"not (notice < PT30M or a.duration >= P1DT2H) and (bm_unit = true or gsp is not known)",
	"b.power_kw in (0, 100.001, 50) and a.product <> 'it''s' or unit_kind = 'asset'",
	"member_count <= 3600000000 and (energy_kwh >= 1.5 or not voltage_kv is known) and a.stage not in ('bid', 'award')",
};
static const char *const condition_words[] = {
	"(", ")", "((", "))", " and ", " or ", " not ", "not (", " in (", " is known", "'", "''", "'x'", ",", ".", "=", "<>", "<=", "a.", "b.", "c.", "PT1M", "P", "PT", "1.2345", "99999999999999999999", "-1", "true",
	"a.power_kw > 1", "technology = 'BESS'", "notice is not known", "\xc3\xa9", "\xff", "\t", "\n", "--", ";", "known", "P99999999999999D", "((((((((((((((((", "not not not not not not "};

static void
check_condition(const char *text)
{
	RuleCondition *first;
	char	   *canonical;

	if (setjmp(on_error) != 0)
	{
		refused++;
		return;
	}
	first = rule_condition_compile(text, NULL);
	accepted++;
	canonical = written(first);
	if (strlen(canonical) > CONDITION_TEXT_MAX)
		return;					/* the type refuses it */
	if (setjmp(on_error) != 0)
		must(false, "canonical condition is refused", canonical);
	{
		RuleCondition *second = rule_condition_compile(canonical, NULL);
		RuleCondition *negation = NULL;
		char	   *negated = palloc(strlen(canonical) + 7);

		must(strcmp(canonical, written(second)) == 0, "condition changes", canonical);
		sprintf(negated, "not (%s)", canonical);
		if (setjmp(on_error) == 0)
			negation = rule_condition_compile(negated, NULL);	/* too deep, perhaps */
		for (int i = 0; i < 20; i++)
		{
			CommitmentFacts sides[2];
			UnitFacts	unit;
			ConditionTruth truth;

			draw_facts(sides, &unit);
			truth = rule_condition_truth(first, &sides[0], &sides[1], &unit);
			matched += truth == CONDITION_TRUE;
			must(truth == rule_condition_truth(second, &sides[0], &sides[1], &unit), "canonical condition says otherwise", canonical);
			must(negation == NULL || truth + rule_condition_truth(negation, &sides[0], &sides[1], &unit) == CONDITION_TRUE,
				 "negation does not negate", canonical);
		}
	}
}

int
main(int argc, char **argv)
{
	long		seconds = argc > 1 ? atol(argv[1]) : 10;
	time_t		end;
	unsigned long runs = 0;

	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252ULL;
	for (end = time(NULL) + seconds; time(NULL) < end;)
		for (int batch = 0; batch < 1000; batch++, runs++)
		{
			char		text[1024];
			char	   *exact;
			int			length;

			strcpy(text, conditions[draw(lengthof(conditions))]);
			for (int changes = draw(5); changes > 0; changes--)
			{
				const char *word = condition_words[draw(lengthof(condition_words))];
				int			at;
				int			cut = draw(10);

				length = strlen(text);
				at = draw(length + 1);
				cut = Min(cut, length - at);
				if (length - cut + strlen(word) >= sizeof(text))
					continue;
				memmove(text + at + strlen(word), text + at + cut, length - at - cut + 1);
				memcpy(text + at, word, strlen(word));
			}
			/* in memory of exactly its length, so that reading past the end is seen */
			exact = strdup(text);
			check_condition(exact);
			free(exact);
			free_all();
		}
	printf("%lu conditions: %lu accepted, %lu refused, %lu pairs met; none broken\n", runs, accepted, refused, matched);
	return 0;
}
