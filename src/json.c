/*
 * json.c
 *		JSON by jansson, allocated with palloc.
 *
 * No json_t outlives the memory context it was made in: an error frees it with
 * everything else.  jansson's json_object() must not be called: the server has
 * a function of that name, to which our call would be bound; json_pack("{}")
 * makes an object instead.  For the same reason this file does without
 * utils/builtins.h.
 *
 * Reading.  jansson judges the syntax and refuses duplicate keys, but keeps no
 * positions and turns decimals into doubles.  Both are got back from the text:
 * a value is named by its ordinals from the outermost container inwards
 * (members keep the order in which they were written), and a small scanner of
 * tokens finds the value with those ordinals again.  It runs when something is
 * refused, where its cost does not matter, and for a number with a decimal
 * point, whose digits are then read from the text itself: O(length) each.
 *
 * jansson reads UTF-8 only.  The text is converted from the encoding of the
 * database, and what it contains is converted back.
 */
#include "postgres.h"
#include "compat.h"

#include <jansson.h>

#include "common/int.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "eligibility.h"
#include "json.h"

static void *
json_allocate(size_t size)
{
	return palloc(size);
}

static void
json_free(void *pointer)
{
	if (pointer != NULL)
		pfree(pointer);
}

/* Once, before any object is made. */
void
json_initialize(void)
{
	json_set_alloc_funcs(json_allocate, json_free);
}

static json_t *
checked(json_t *value)
{
	if (value == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not make a JSON value")));
	return value;
}

static json_t *
new_object(void)
{
	return checked(json_pack("{}"));
}

static void
set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, checked(value)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not set a JSON value")));
}

static void
append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, checked(value)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not append a JSON value")));
}

/* A string of the database's encoding; jansson takes UTF-8 alone. */
static json_t *
json_text(const char *str)
{
	return json_string(pg_server_to_any(str, strlen(str), PG_UTF8));
}

/* Power in kW: whole numbers as such, others with at most three decimals. */
static json_t *
json_kw(int64 power_w)
{
	return power_w % 1000 == 0 ? json_integer(power_w / 1000) : json_real(power_w / 1000.0);
}

/* An ISO 8601 duration, as profiles write it. */
static json_t *
json_duration(int64 duration_us)
{
	StringInfoData buf;

	initStringInfo(&buf);
	duration_append(&buf, duration_us);
	return json_string(buf.data);
}

static json_t *
json_window(const TimeWindow *window)
{
	return json_string(time_window_text_utc(window));
}

static json_t *
json_commitment(const Rulebook *rulebook, const Commitment *commitment)
{
	json_t	   *object = new_object();

	set(object, "commitment_id", json_integer(commitment->id));
	set(object, "stage", json_string(stage_name(commitment->stage)));
	set(object, "trade_id", json_integer(commitment->source_id));
	set(object, "service", json_text(rulebook->services[commitment->service]));
	set(object, "product_id", json_integer(commitment->product_id));
	set(object, "direction", json_string(commitment->down ? "down" : "up"));
	set(object, "power_kw", json_kw(commitment->power_w));
	set(object, "window", json_window(&commitment->window));
	return object;
}

static json_t *
json_mode(const StackingCell *cell, StackingMode mode)
{
	json_t	   *object = new_object();

	set(object, "mode", json_string(stacking_mode_name(mode)));
	set(object, "verdict", json_text(cell->verdict[mode]));
	set(object, "meaning", json_string(stacking_meaning_name(cell->meaning[mode])));
	if (cell->reason[mode] != NULL)
		set(object, "reason", json_text(cell->reason[mode]));
	if (cell->rule_id[mode] != 0)
		set(object, "stacking_rule_id", json_integer(cell->rule_id[mode]));
	if (cell->condition[mode] != NULL)
		set(object, "condition", json_text(cell->condition[mode]));
	return object;
}

static json_t *
json_headroom(const Rulebook *rulebook, const Headroom *headroom)
{
	json_t	   *object = new_object();
	json_t	   *members = checked(json_array());
	json_t	   *windows = checked(json_array());

	set(object, "capacity_kw", json_kw(headroom->capacity_w));
	set(object, "needed_kw", json_kw(headroom->needed_w));
	set(object, "short_kw", json_kw(headroom->short_w));
	for (int i = 0; i < headroom->nmembers; i++)
	{
		json_t	   *member = json_commitment(rulebook, headroom->members[i].root);

		set(member, "weight_kw", json_kw(headroom->members[i].weight_w));
		if (headroom->members[i].bars)
			set(member, "bars", json_true());
		if (headroom->members[i].common_assets >= 0)
		{
			set(member, "unit_id", json_integer(headroom->members[i].root->unit_id));
			set(member, "common_assets", json_integer(headroom->members[i].common_assets));
		}
		append(members, member);
	}
	set(object, "set", members);
	for (int i = 0; i < headroom->nwindows; i++)
		append(windows, json_window(&headroom->windows[i]));
	set(object, "short_windows", windows);
	return object;
}

static json_t *
json_energy(const EnergyRun *run)
{
	json_t	   *object = new_object();

	if (run->window.start_us != TIME_WINDOW_NO_BEGIN && run->window.end_us != TIME_WINDOW_NO_END)
		set(object, "duration", json_duration(run->window.end_us - run->window.start_us));
	if (run->terms->max_duration_us != NOT_DECLARED)
		set(object, "max_duration", json_duration(run->terms->max_duration_us));
	if (run->needed_wh >= 0)
		set(object, "needed_kwh", json_kw(run->needed_wh));
	if (run->terms->energy_wh != NOT_DECLARED)
		set(object, "energy_kwh", json_kw(run->terms->energy_wh));
	return object;
}

/* The rationale of a finding: everything from which it follows. */
char *
json_of_finding(const Rulebook *rulebook, const Finding *finding)
{
	json_t	   *object = new_object();
	char	   *text;

	set(object, "kind", json_string(conflict_kind_name(finding->kind)));
	set(object, "severity", json_string(finding->advisory ? "advisory" : "blocking"));
	if (finding->ruleset != NULL)
		set(object, "ruleset", json_text(finding->ruleset->code));
	set(object, "challenger", json_commitment(rulebook, finding->challenger));
	if (finding->incumbent != NULL)
		set(object, "incumbent", json_commitment(rulebook, finding->incumbent));
	set(object, "overlap", json_window(&finding->overlap));
	if (finding->cell != NULL)
	{
		json_t	   *modes = checked(json_array());

		if (finding->kind == CONFLICT_JUMPING)
			append(modes, json_mode(finding->cell, MODE_JUMPING));
		else
		{
			append(modes, json_mode(finding->cell, MODE_CO_DELIVERY));
			append(modes, json_mode(finding->cell, MODE_SPLITTING));
		}
		set(object, "modes", modes);
		if (finding->kind == CONFLICT_JUMPING)
		{
			Assert(finding->ruleset != NULL);
			set(object, "scope", json_string(jumping_scope_name(finding->ruleset->jumping_scope)));
		}
	}
	if (finding->exclusivity != NULL)
	{
		json_t	   *exclusivity = new_object();

		set(exclusivity, "exclusivity_id", json_integer(finding->exclusivity->id));
		set(exclusivity, "service", json_text(finding->exclusivity->service));
		set(exclusivity, "window", json_window(&finding->exclusivity->window));
		set(object, "exclusivity", exclusivity);
	}
	if (finding->kind == CONFLICT_RECOVERY)
	{
		json_t	   *recovery = new_object();

		set(recovery, "due", json_duration(finding->recovery_us));
		set(recovery, "given", json_duration(finding->overlap.end_us - finding->overlap.start_us));
		set(object, "recovery", recovery);
	}
	if (finding->energy != NULL)
		set(object, "energy", json_energy(finding->energy));
	if (finding->headroom != NULL)
		set(object, "headroom", json_headroom(rulebook, finding->headroom));
	text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	return pg_any_to_server(text, strlen(text), PG_UTF8);
}

/* ----------
 * Reading
 * ----------
 */

/* no value that anybody here reads lies deeper; deeper levels are not named */
#define SCAN_DEPTH	8

struct JsonReader
{
	const char *text;			/* UTF-8 */
	int			length;
	const char *type_name;
	struct Node *escontext;
};

typedef struct TokenLevel
{
	bool		object;
	bool		key_next;
	int			ordinal;
	int			key;			/* the last key read, without its quotes */
	int			key_length;
} TokenLevel;

typedef struct TokenScan
{
	TokenLevel	level[SCAN_DEPTH];
	int			depth;
	int			start;			/* the token found */
	int			end;
} TokenScan;

/* Where the token that starts at pos ends.  Bad tokens end somewhere, too. */
static int
token_end(const char *text, int length, int pos)
{
	char		c = text[pos++];

	if (c == '"')
	{
		while (pos < length && text[pos] != '"')
			pos += text[pos] == '\\' ? 2 : 1;
		return Min(pos + 1, length);
	}
	if ((c >= '0' && c <= '9') || c == '-')
	{
		while (pos < length && strchr("0123456789+-.eE", text[pos]) != NULL && text[pos] != '\0')
			pos++;
		return pos;
	}
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		while (pos < length && ((text[pos] >= 'a' && text[pos] <= 'z') || (text[pos] >= 'A' && text[pos] <= 'Z')))
			pos++;
	return pos;
}

/*
 * Find a token: the value, or the key, with these ordinals; or, when target is
 * NULL, the last one that starts before the byte `before`.  Reads valid JSON,
 * and a valid beginning of what is not.
 */
static void
scan_for(TokenScan *scan, const char *text, int length, const int *target, int ntarget, bool at_key, int before)
{
	int			pos = 0;

	memset(scan, 0, sizeof(TokenScan));
	for (;;)
	{
		TokenLevel  *top = scan->depth > 0 && scan->depth <= SCAN_DEPTH ? &scan->level[scan->depth - 1] : NULL;
		bool		is_key;
		char		c;

		while (pos < length && (text[pos] == ' ' || text[pos] == '\t' || text[pos] == '\n' || text[pos] == '\r'))
			pos++;
		if (pos >= length || (target == NULL && pos >= before))
			return;
		c = text[pos];
		scan->start = pos;
		scan->end = pos = token_end(text, length, pos);
		if (c == ',' || c == ':')
		{
			if (top != NULL && c == ',')
				top->ordinal++;
			if (top != NULL)
				top->key_next = top->object && c == ',';
			continue;
		}
		if (c == '}' || c == ']')
		{
			scan->depth = Max(scan->depth - 1, 0);
			continue;
		}

		is_key = c == '"' && top != NULL && top->key_next;
		if (is_key)
		{
			/* a text may end within a key, without its second quote, or with the first: then there is none to show */
			top->key_length = scan->end - scan->start - 1;
			top->key = top->key_length > 0 ? scan->start + 1 : 0;
			if (top->key_length > 0 && text[scan->end - 1] == '"')
				top->key_length--;
			top->key_next = false;
		}
		if (target != NULL && is_key == at_key && scan->depth == ntarget)
		{
			int			i = 0;

			while (i < ntarget && scan->level[i].ordinal == target[i])
				i++;
			if (i == ntarget)
				return;
		}
		if (c == '{' || c == '[')
		{
			if (scan->depth < SCAN_DEPTH)
			{
				TokenLevel	level = {c == '{', c == '{', 0, 0, 0};

				scan->level[scan->depth] = level;
			}
			scan->depth++;
		}
	}
}

static void
scan_for_place(TokenScan *scan, const JsonReader *reader, const JsonPlace *place, bool at_key)
{
	int			target[SCAN_DEPTH];
	int			depth = 0;

	for (const JsonPlace *p = place; p->parent != NULL; p = p->parent)
		depth++;
	Assert(depth <= SCAN_DEPTH);
	for (int i = depth; i > 0; i--, place = place->parent)
		target[i - 1] = place->ordinal;
	scan_for(scan, reader->text, reader->length, target, depth, at_key, 0);
}

/* At most 40 bytes of UTF-8, in the encoding of the database. */
static char *
shown(const char *text, int length)
{
	char	   *copy;
	int			keep = Min(length, 40);

	Assert(length >= 0);		/* printf() takes a negative precision for none, and looks for a NUL */
	if (length > keep)
		while (keep > 0 && ((unsigned char) text[keep] & 0xC0) == 0x80)
			keep--;
	copy = psprintf("%.*s%s", keep, text, keep < length ? "..." : "");
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char) *c < ' ' || *c == 0x7F)
			*c = '?';
	/* what is no UTF-8, or not in the database's encoding, must not fail here */
	if (!pg_verify_mbstr(PG_UTF8, copy, strlen(copy), true) ||
		(GetDatabaseEncoding() != PG_UTF8 && GetDatabaseEncoding() != PG_SQL_ASCII))
		for (char *c = copy; *c != '\0'; c++)
			if ((unsigned char) *c >= 0x80)
				*c = '?';
	return copy;
}

/* "Line 2, column 14, key member.notice.max." for the token of a scan */
static char *
scan_position(const TokenScan *scan, const JsonReader *reader, bool at_value_of_key)
{
	StringInfoData buf;
	StringInfoData path;
	int			line = 1;
	int			column = 1;

	for (int i = 0; i < scan->start; i++)
	{
		if (reader->text[i] == '\n')
		{
			line++;
			column = 1;
		}
		else if (((unsigned char) reader->text[i] & 0xC0) != 0x80)
			column++;
	}

	initStringInfo(&path);
	for (int i = 0; i < Min(scan->depth, SCAN_DEPTH); i++)
	{
		const TokenLevel *level = &scan->level[i];

		if (!level->object)
			appendStringInfo(&path, "[%d]", level->ordinal);
		else if (level->key > 0 && (i < scan->depth - 1 || at_value_of_key || !level->key_next ||
									level->key == scan->start + 1))
			appendStringInfo(&path, "%s%s", path.len > 0 ? "." : "",
							 shown(reader->text + level->key, level->key_length));
	}

	initStringInfo(&buf);
	appendStringInfo(&buf, "Line %d, column %d", line, column);
	if (path.len > 0)
		appendStringInfo(&buf, ", key %s", path.data);
	appendStringInfoChar(&buf, '.');
	return buf.data;
}

/* What jansson found, in our words, which do not change with its version. */
static const char *
syntax_complaint(const json_error_t *error)
{
	switch (json_error_code(error))
	{
		case json_error_premature_end_of_input:
			return "the text ends too early";
		case json_error_end_of_input_expected:
			return "something follows the end of the object";
		case json_error_duplicate_key:
			return "the key is given twice";
		case json_error_stack_overflow:
			return "the text is nested too deeply";
		case json_error_invalid_utf8:
			return "the text is not valid UTF-8";
		case json_error_null_character:
		case json_error_null_byte_in_key:
			return "the character \\u0000 is not allowed";
		case json_error_numeric_overflow:
			return "the number is too large";
		default:
			return "the text is not JSON";
	}
}

/*
 * Read a JSON object or array.  Returns NULL, after a soft error, when the text
 * is none; hint is what the user is then told to write.
 */
JsonReader *
json_open(const char *text, int length, int longest, const char *type_name, const char *hint,
		  struct Node *escontext, JsonPlace *root)
{
	JsonReader *reader = palloc0(sizeof(JsonReader));
	json_error_t error;
	TokenScan		scan;

	if (length > longest)
		ereturn(escontext, NULL,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid %s: the text is too long", type_name),
				 errdetail("It has %d bytes; at most %d are read.", length, longest),
				 errhint("%s", hint)));
	reader->type_name = type_name;
	reader->escontext = escontext;
	reader->text = pg_server_to_any(text, length, PG_UTF8);
	reader->length = reader->text == text ? length : (int) strlen(reader->text);

	memset(root, 0, sizeof(JsonPlace));
	root->value = json_loadb(reader->text, reader->length, JSON_REJECT_DUPLICATES, &error);
	if (root->value != NULL)
		return reader;

	scan_for(&scan, reader->text, reader->length, NULL, 0, false, Max(error.position, 0));
	if (json_error_code(&error) == json_error_premature_end_of_input)
		scan.start = reader->length;
	ereturn(escontext, NULL,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid %s: %s", type_name, syntax_complaint(&error)),
			 errdetail("%s", scan_position(&scan, reader, false)),
			 errhint("%s", json_error_code(&error) == json_error_duplicate_key ? "Give each key once." : hint)));
}

void
json_close(JsonReader *reader, JsonPlace *root)
{
	json_decref(root->value);
	pfree(reader);
}

/* The next member of an object or array; false after the last. */
bool
json_next(const JsonPlace *container, JsonPlace *member)
{
	json_t	   *value = container->value;

	if (member->parent == NULL)
	{
		member->parent = container;
		member->iterator = json_is_object(value) ? json_object_iter(value) : NULL;
	}
	else
	{
		member->ordinal++;
		if (json_is_object(value))
			member->iterator = json_object_iter_next(value, member->iterator);
	}
	if (json_is_object(value))
	{
		if (member->iterator == NULL)
			return false;
		member->key = json_object_iter_key(member->iterator);
		member->value = json_object_iter_value(member->iterator);
		return true;
	}
	member->value = json_array_get(value, member->ordinal);
	return member->value != NULL;
}

JsonKind
json_kind(const JsonPlace *place)
{
	switch (json_typeof((json_t *) place->value))
	{
		case JSON_OBJECT:
			return JSON_KIND_OBJECT;
		case JSON_ARRAY:
			return JSON_KIND_ARRAY;
		case JSON_STRING:
			return JSON_KIND_STRING;
		case JSON_INTEGER:
		case JSON_REAL:
			return JSON_KIND_NUMBER;
		case JSON_TRUE:
		case JSON_FALSE:
			return JSON_KIND_BOOLEAN;
		case JSON_NULL:
			break;
	}
	return JSON_KIND_NULL;
}

/* The string at this place, in the encoding of the database. */
char *
json_string_of(const JsonPlace *place)
{
	const char *utf8 = json_string_value(place->value);
	char	   *text = pg_any_to_server(utf8, strlen(utf8), PG_UTF8);

	return text == utf8 ? pstrdup(utf8) : text;
}

bool
json_boolean_of(const JsonPlace *place)
{
	return json_is_true((json_t *) place->value);
}

/*
 * The number at this place times 10^decimals, exactly.  Digits are read from
 * the text: 0.1 is a tenth, and 7.0000000000000000001 is not 7.
 */
JsonNumber
json_number(const JsonReader *reader, const JsonPlace *place, int decimals, int64 *result)
{
	TokenScan		scan;
	int64		value = 0;
	bool		negative = false;
	int			after_point = -1;

	if (json_is_integer((json_t *) place->value))
	{
		value = json_integer_value(place->value);
		for (int i = 0; i < decimals; i++)
			if (pg_mul_s64_overflow(value, 10, &value))
				return JSON_NUMBER_TOO_LARGE;
		*result = value;
		return JSON_NUMBER_EXACT;
	}

	scan_for_place(&scan, reader, place, false);
	for (int i = scan.start; i < scan.end; i++)
	{
		char		c = reader->text[i];

		if (c == '-')
			negative = true;
		else if (c == '.')
			after_point = 0;
		else if (c < '0' || c > '9')
			return JSON_NUMBER_EXPONENT;
		else if (after_point >= decimals)
		{
			if (c != '0')
				return JSON_NUMBER_TOO_FINE;
		}
		else
		{
			if (pg_mul_s64_overflow(value, 10, &value) || pg_add_s64_overflow(value, c - '0', &value))
				return JSON_NUMBER_TOO_LARGE;
			if (after_point >= 0)
				after_point++;
		}
	}
	for (int i = Max(after_point, 0); i < decimals; i++)
		if (pg_mul_s64_overflow(value, 10, &value))
			return JSON_NUMBER_TOO_LARGE;
	*result = negative ? -value : value;
	return JSON_NUMBER_EXACT;
}

/* The value as the user wrote it, for a message; a container is only named. */
char *
json_shown(const JsonReader *reader, const JsonPlace *place)
{
	TokenScan		scan;

	switch (json_kind(place))
	{
		case JSON_KIND_OBJECT:
			return "an object";
		case JSON_KIND_ARRAY:
			return "an array";
		default:
			scan_for_place(&scan, reader, place, false);
			return shown(reader->text + scan.start, scan.end - scan.start);
	}
}

char *
json_shown_key(const JsonPlace *place)
{
	return shown(place->key, strlen(place->key));
}

/* "Line 2, column 14, key in_force." for a value */
char *
json_position(const JsonReader *reader, const JsonPlace *place)
{
	TokenScan		scan;

	scan_for_place(&scan, reader, place, false);
	return scan_position(&scan, reader, true);
}

/* Say what is wrong with a value or with its key.  Returns false. */
bool
json_refuse(const JsonReader *reader, const JsonPlace *place, bool at_key, int sqlstate,
			const char *hint, const char *format,...)
{
	StringInfoData complaint;
	TokenScan		scan;

	initStringInfo(&complaint);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&complaint, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&complaint, needed);
	}
	scan_for_place(&scan, reader, place, at_key);
	ereturn(reader->escontext, false,
			(errcode(sqlstate),
			 errmsg("invalid %s: %s", reader->type_name, complaint.data),
			 errdetail("%s", scan_position(&scan, reader, true)),
			 hint != NULL ? errhint("%s", hint) : 0));
}
