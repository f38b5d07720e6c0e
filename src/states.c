/*
 * states.c
 *		A column that goes from state to state only as declared.
 *
 *	CREATE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON accreditation
 *	  FOR EACH ROW EXECUTE FUNCTION follow_states('status',
 *		'start > applied', 'applied > screened withdrawn', ...);
 *
 * The first argument is the column.  Each of the others is one or more states, ">", and
 * the states that may follow any of them, with blanks between.  "start" is where a row
 * is before it is written, and so is NULL; nothing leads back there.  View state_machine
 * reads the same arguments back from the catalog.
 *
 * The arguments are read at every change of state: they are short, and nothing needs to
 * be kept or forgotten.
 */
#include "postgres.h"
#include "compat.h"

#include "commands/trigger.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/rel.h"
#include "utils/relcache.h"

#include "errors.h"

#define START	"start"
#define BLANKS	" \t\r\n"

typedef struct Word
{
	const char *text;
	size_t		length;
} Word;

static bool
next_word(const char **rest, Word *word)
{
	word->text = *rest + strspn(*rest, BLANKS);
	word->length = strcspn(word->text, BLANKS);
	*rest = word->text + word->length;
	return word->length > 0;
}

static bool
word_is(Word word, const char *text)
{
	return strlen(text) == word.length && memcmp(text, word.text, word.length) == 0;
}

static void
refuse_edges(const Trigger *trigger, const char *edges)
{
	ereport(ERROR,
			(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
			 errmsg("trigger %s: \"%s\" does not say which states may follow which", trigger->tgname, edges),
			 errhint("Write states, >, and the states that may follow them, for example 'applied > screened withdrawn'; nothing leads to start.")));
}

/*
 * May that state follow this one?  What may is added to the list.
 */
static bool
may_follow(const Trigger *trigger, const char *from, const char *to, StringInfo followers)
{
	bool		allowed = false;

	for (int i = 1; i < trigger->tgnargs; i++)
	{
		const char *edges = trigger->tgargs[i];
		const char *rest = edges;
		bool		concerned = false;
		int			before = 0;
		int			after = 0;
		Word		word;

		while (next_word(&rest, &word) && !word_is(word, ">"))
		{
			concerned |= word_is(word, from);
			before++;
		}
		while (next_word(&rest, &word))
		{
			if (word_is(word, START) || word_is(word, ">"))
				refuse_edges(trigger, edges);
			after++;
			if (!concerned)
				continue;
			allowed |= word_is(word, to);
			appendStringInfo(followers, "%s%.*s", followers->len > 0 ? ", " : "", (int) word.length, word.text);
		}
		if (before == 0 || after == 0)
			refuse_edges(trigger, edges);
	}
	return allowed;
}

PG_FUNCTION_INFO_V1(flex_follow_states);
Datum
flex_follow_states(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	const Trigger *trigger;
	TupleDesc	layout;
	HeapTuple	row;
	int			column;
	char	   *from = NULL;
	char	   *to;
	StringInfoData followers;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		!(TRIGGER_FIRED_BY_INSERT(data->tg_event) || TRIGGER_FIRED_BY_UPDATE(data->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("follow_states() must be a trigger for each row that is inserted or updated")));
	trigger = data->tg_trigger;
	layout = RelationGetDescr(data->tg_relation);
	column = trigger->tgnargs < 2 ? SPI_ERROR_NOATTRIBUTE : SPI_fnumber(layout, trigger->tgargs[0]);
	if (column <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger %s does not name a column of %s and its states", trigger->tgname,
						RelationGetRelationName(data->tg_relation)),
				 errhint("Write follow_states('status', 'start > applied', 'applied > screened withdrawn').")));

	row = data->tg_trigtuple;
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
	{
		from = SPI_getvalue(row, layout, column);
		row = data->tg_newtuple;
	}
	to = SPI_getvalue(row, layout, column);
	if (from == NULL ? to == NULL : to != NULL && strcmp(from, to) == 0)
		return PointerGetDatum(row);
	if (from == NULL)
		from = START;
	if (to == NULL)
		to = START;

	initStringInfo(&followers);
	if (!may_follow(trigger, from, to, &followers))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_STATE),
				 strcmp(from, START) == 0 ?
				 errmsg("%s.%s cannot begin as \"%s\"", RelationGetRelationName(data->tg_relation), trigger->tgargs[0], to) :
				 errmsg("%s.%s cannot go from \"%s\" to \"%s\"", RelationGetRelationName(data->tg_relation), trigger->tgargs[0], from, to),
				 followers.len == 0 ? errhint("Nothing follows \"%s\".", from) :
				 strcmp(from, START) == 0 ? errhint("It begins as one of: %s.", followers.data) :
				 errhint("After \"%s\" it may become one of: %s.", from, followers.data),
				 errtablecol(data->tg_relation, column)));
	return PointerGetDatum(row);
}
