/*
 * eligibility_read.c
 *		JSON to asset_profile and product_spec, strictly.
 *
 * Nothing is guessed: an unknown key, a value of another type, a unit written
 * out ("7 kW"), a decimal too many, a negative or absurd quantity, a range that
 * nothing can satisfy or a profile that contradicts itself is refused, with the
 * line, the column and the key.  SQLSTATE 22P02 says that the text is not of the
 * form; 22023 that a value of the right form cannot be.
 */
#include "postgres.h"
#include "compat.h"

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "eligibility.h"
#include "json.h"

#define FORM	ERRCODE_INVALID_TEXT_REPRESENTATION
#define VALUE	ERRCODE_INVALID_PARAMETER_VALUE

#define PROFILE_HINT	"Write an object of what is known, for example {\"technology\":\"BESS\",\"up_kw\":7.5,\"notice\":\"PT2M\"}."
#define SPEC_HINT		"Write an object of member, unit and grouping, for example {\"member\":{\"notice\":{\"max\":\"PT2M\"}},\"unit\":{\"up_kw\":{\"min\":1000}},\"grouping\":\"gsp_group\"}."

static const char *
dimensions_hint(void)
{
	static char *hint = NULL;

	if (hint == NULL)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		for (int i = 0; i < N_DIMENSIONS; i++)
			appendStringInfo(&buf, "%s%s", i == 0 ? "Known keys: " : ", ", dimension_info[dimension_order[i]].name);
		appendStringInfoChar(&buf, '.');
		hint = MemoryContextStrdup(TopMemoryContext, buf.data);
		pfree(buf.data);
	}
	return hint;
}

static int
dimension_of_key(const char *key)
{
	for (int i = 0; i < N_DIMENSIONS; i++)
		if (strcmp(dimension_info[i].name, key) == 0)
			return i;
	return -1;
}

static bool
refuse_key(const JsonReader *reader, const JsonPlace *place, const char *hint)
{
	return json_refuse(reader, place, true, FORM, hint, "there is no key \"%s\"", json_shown_key(place));
}

/* ----------
 * Values
 * ----------
 */

static bool
read_quantity(const JsonReader *reader, const JsonPlace *place, Dimension d, int64 *result)
{
	bool		decimal = dimension_info[d].kind == KIND_DECIMAL;
	const char *hint = decimal
		? "Write a number without its unit, which the key names, with at most 3 decimals and no exponent, for example 7.5."
		: "Write a whole number of 1 or more.";

	if (json_kind(place) != JSON_KIND_NUMBER)
		return json_refuse(reader, place, false, FORM, hint, "%s is not a number", json_shown(reader, place));
	switch (json_number(reader, place, decimal ? 3 : 0, result))
	{
		case JSON_NUMBER_EXACT:
			break;
		case JSON_NUMBER_TOO_FINE:
			return json_refuse(reader, place, false, FORM, hint,
							   decimal ? "%s has more than 3 decimals" : "%s is not a whole number",
							   json_shown(reader, place));
		case JSON_NUMBER_EXPONENT:
			return json_refuse(reader, place, false, FORM, hint, "%s is written with an exponent",
							   json_shown(reader, place));
		case JSON_NUMBER_TOO_LARGE:
			*result = PG_INT64_MAX;
	}
	if (*result < (decimal ? 0 : 1))
		return json_refuse(reader, place, false, VALUE,
						   decimal ? "Quantities are unsigned: the directions say up or down." : hint,
						   decimal ? "%s is negative" : "%s is less than 1", json_shown(reader, place));
	if (*result > dimension_info[d].most)
		return json_refuse(reader, place, false, VALUE, "Mind the unit, which the key names.",
						   "%s is more than " INT64_FORMAT "%s", json_shown(reader, place),
						   dimension_info[d].most / (decimal ? 1000 : 1), dimension_info[d].unit);
	return true;
}

static bool
read_duration(const JsonReader *reader, const JsonPlace *place, Dimension d, bool endless, int64 *result)
{
	const char *hint = "Write an ISO 8601 duration of weeks, days, hours, minutes and seconds, for example \"PT2M\" or \"PT0.05S\".";
	char	   *text;

	if (json_kind(place) != JSON_KIND_STRING)
		return json_refuse(reader, place, false, FORM, hint, "%s is not a duration", json_shown(reader, place));
	text = json_string_of(place);
	if (endless && strcmp(text, "infinity") == 0)
	{
		*result = ENDLESS;
		return true;
	}
	if (!duration_parse(text, result))
		return json_refuse(reader, place, false, FORM, hint, "%s is not an ISO 8601 duration", json_shown(reader, place));
	if (*result > dimension_info[d].most)
		return json_refuse(reader, place, false, VALUE, "Write \"infinity\" for a max_duration without end.",
						   "%s is longer than a year", json_shown(reader, place));
	if (*result == 0 && (d == DIM_METERING_GRANULARITY || d == DIM_OPERATIONAL_GRANULARITY || d == DIM_MAX_DURATION))
		return json_refuse(reader, place, false, VALUE, hint, "%s is no time at all", json_shown(reader, place));
	return true;
}

static bool
read_number(const JsonReader *reader, const JsonPlace *place, Dimension d, bool endless, int64 *result)
{
	if (dimension_info[d].kind == KIND_DURATION)
		return read_duration(reader, place, d, endless && d == DIM_MAX_DURATION, result);
	return read_quantity(reader, place, d, result);
}

typedef struct ReadCode
{
	const char *text;
	int			length;
	int			ordinal;
} ReadCode;

static int
read_code_compare(const void *x, const void *y)
{
	const ReadCode *a = x;
	const ReadCode *b = y;
	int			c = code_compare(a->text, a->length, b->text, b->length);

	return c != 0 ? c : a->ordinal - b->ordinal;
}

static bool
read_code(const JsonReader *reader, const JsonPlace *place, ReadCode *code)
{
	const char *hint = "Write a text of 1 to 63 characters without blanks around it, for example \"BESS\"; leave the key out where nothing is known.";

	if (json_kind(place) != JSON_KIND_STRING)
		return json_refuse(reader, place, false, FORM, hint, "%s is not a code", json_shown(reader, place));
	code->text = json_string_of(place);
	code->length = strlen(code->text);
	code->ordinal = place->ordinal;
	if (code->length == 0 || code->text[0] == ' ' || code->text[code->length - 1] == ' ')
		return json_refuse(reader, place, false, FORM, hint, "%s is empty or has blanks around it", json_shown(reader, place));
	if (code->length > 255 || pg_mbstrlen_with_len(code->text, code->length) > CODE_MAX_CHARS)
		return json_refuse(reader, place, false, VALUE, hint, "%s has more than %d characters",
						   json_shown(reader, place), CODE_MAX_CHARS);
	for (int i = 0; i < code->length; i++)
		if ((unsigned char) code->text[i] < ' ' || code->text[i] == 0x7F)
			return json_refuse(reader, place, false, FORM, hint, "%s has a control character", json_shown(reader, place));
	return true;
}

/* One code, or an array of them: sorted and packed. */
static bool
read_codes(const JsonReader *reader, const JsonPlace *place, bool one, bool many, CodeList *list)
{
	const char *hint = !many ? "Write one code, for example \"NORTH_1\"."
		: one ? "Write one code, or an array of codes." : "Write an array of codes, for example [\"BESS\",\"CHP\"].";
	ReadCode   *codes;
	int			count = 0;
	int			room = 4;
	StringInfoData buf;

	codes = palloc(room * sizeof(ReadCode));
	if (one && json_kind(place) == JSON_KIND_STRING)
	{
		if (!read_code(reader, place, &codes[count++]))
			return false;
	}
	else if (many && json_kind(place) == JSON_KIND_ARRAY)
	{
		JsonPlace	item = {0};

		while (json_next(place, &item))
		{
			if (count == CODE_LIST_MAX)
				return json_refuse(reader, &item, false, VALUE, hint, "more than %d codes are given", CODE_LIST_MAX);
			if (count == room)
				codes = repalloc(codes, (room *= 2) * sizeof(ReadCode));
			if (!read_code(reader, &item, &codes[count++]))
				return false;
		}
		if (count == 0)
			return json_refuse(reader, place, false, VALUE, hint, "the array is empty");
		qsort(codes, count, sizeof(ReadCode), read_code_compare);
		for (int i = 1; i < count; i++)
			if (code_compare(codes[i - 1].text, codes[i - 1].length, codes[i].text, codes[i].length) == 0)
			{
				JsonPlace	again = {.parent = place,.ordinal = codes[i].ordinal};

				return json_refuse(reader, &again, false, FORM, "Write each code once.",
								   "the code \"%s\" is given twice", codes[i].text);
			}
	}
	else
		return json_refuse(reader, place, false, FORM, hint, "%s is not %s", json_shown(reader, place),
						   many ? (one ? "a code or an array of codes" : "an array of codes") : "a code");

	initStringInfo(&buf);
	for (int i = 0; i < count; i++)
	{
		appendStringInfoChar(&buf, (char) codes[i].length);
		appendBinaryStringInfo(&buf, codes[i].text, codes[i].length);
	}
	list->count = count;
	list->bytes = buf.len;
	list->data = buf.data;
	return true;
}

static bool
read_choices(const JsonReader *reader, const JsonPlace *place, Dimension d, uint32 *choices)
{
	static const char *const names[2][2] = {{"up", "down"}, {"boundary", "asset"}};
	static const uint32 bits[2][2] = {{CHOICE_UP, CHOICE_DOWN}, {CHOICE_BOUNDARY, CHOICE_ASSET}};
	int			which = d == DIM_DIRECTIONS ? 0 : 1;
	const char *hint = which == 0 ? "Write [\"up\"], [\"down\"] or [\"up\",\"down\"]."
		: "Write [\"boundary\"], [\"asset\"] or [\"boundary\",\"asset\"].";
	JsonPlace	item = {0};
	uint32		given = 0;

	if (json_kind(place) != JSON_KIND_ARRAY)
		return json_refuse(reader, place, false, FORM, hint, "%s is not an array", json_shown(reader, place));
	while (json_next(place, &item))
	{
		uint32		bit = 0;

		if (json_kind(&item) == JSON_KIND_STRING)
			for (int i = 0; i < 2; i++)
				if (strcmp(json_string_of(&item), names[which][i]) == 0)
					bit = bits[which][i];
		if (bit == 0)
			return json_refuse(reader, &item, false, FORM, hint, "%s is not one of %s and %s",
							   json_shown(reader, &item), names[which][0], names[which][1]);
		if ((given & bit) != 0)
			return json_refuse(reader, &item, false, FORM, hint, "%s is given twice", json_shown(reader, &item));
		given |= bit;
	}
	if (given == 0)
		return json_refuse(reader, place, false, VALUE, hint, "the array is empty");
	*choices |= given;
	return true;
}

static bool
read_boolean(const JsonReader *reader, const JsonPlace *place, Dimension d, uint32 *choices)
{
	if (json_kind(place) != JSON_KIND_BOOLEAN)
		return json_refuse(reader, place, false, FORM, "Write true or false; leave the key out where it is not known.",
						   "%s is neither true nor false", json_shown(reader, place));
	if (json_boolean_of(place))
		*choices |= dimension_choices(d);
	return true;
}

/* ----------
 * asset_profile
 * ----------
 */

static bool
profile_is_coherent(const JsonReader *reader, const JsonPlace *places, const Profile *profile)
{
	static const Dimension power[2] = {DIM_UP, DIM_DOWN};
	static const uint32 direction[2] = {CHOICE_UP, CHOICE_DOWN};

	if ((profile->known & DIM_BIT(DIM_MIN_DURATION)) != 0 && (profile->known & DIM_BIT(DIM_MAX_DURATION)) != 0 &&
		profile->number[DIM_MIN_DURATION] > profile->number[DIM_MAX_DURATION])
		return json_refuse(reader, &places[DIM_MAX_DURATION], false, VALUE,
						   "An asset that can run for no duration at all is no asset: swap the two, or leave one out.",
						   "%s is less than the min_duration", json_shown(reader, &places[DIM_MAX_DURATION]));
	for (int i = 0; i < 2; i++)
		if ((profile->known & DIM_BIT(DIM_DIRECTIONS)) != 0 && (profile->choices & direction[i]) == 0 &&
			(profile->known & DIM_BIT(power[i])) != 0 && profile->number[power[i]] > 0)
			return json_refuse(reader, &places[power[i]], false, VALUE,
							   "Add the direction, or leave the power out.",
							   "the directions do not have \"%s\"", i == 0 ? "up" : "down");
	return true;
}

static bool
read_profile(const JsonReader *reader, const JsonPlace *root, Profile *profile)
{
	JsonPlace	places[N_DIMENSIONS];
	JsonPlace	member = {0};

	if (json_kind(root) != JSON_KIND_OBJECT)
		return json_refuse(reader, root, false, FORM, PROFILE_HINT, "%s is not an object", json_shown(reader, root));
	while (json_next(root, &member))
	{
		int			d = dimension_of_key(member.key);
		bool		good = false;

		if (d < 0)
			return refuse_key(reader, &member, dimensions_hint());
		places[d] = member;
		switch (dimension_info[d].kind)
		{
			case KIND_DECIMAL:
			case KIND_WHOLE:
			case KIND_DURATION:
				good = read_number(reader, &member, d, true, &profile->number[d]);
				break;
			case KIND_CODES:
			case KIND_PLACE:
				good = read_codes(reader, &member, true, dimension_info[d].kind == KIND_CODES,
								  &profile->codes[d - FIRST_CODE]);
				break;
			case KIND_CHOICES:
				good = read_choices(reader, &member, d, &profile->choices);
				break;
			case KIND_BOOLEAN:
				good = read_boolean(reader, &member, d, &profile->choices);
				break;
		}
		if (!good)
			return false;
		profile->known |= DIM_BIT(d);
	}
	return profile_is_coherent(reader, places, profile);
}

/*
 * Canonical text may be longer than what was read (PT90M is PT1H30M) and must
 * read back: so it has to fit, too.  Short texts always do.
 */
static bool
text_fits(StringInfo canonical, const char *type_name, struct Node *escontext)
{
	if (canonical->len <= PROFILE_TEXT_MAX)
		return true;
	ereturn(escontext, false,
			(errcode(VALUE),
			 errmsg("invalid %s: the text is too long", type_name),
			 errdetail("Written out it has %d bytes; at most %d are read.", canonical->len, PROFILE_TEXT_MAX)));
}

bool
profile_read(const char *text, int length, struct Node *escontext, Profile *profile)
{
	JsonPlace	root;
	JsonReader *reader;
	bool		good;

	memset(profile, 0, sizeof(Profile));
	reader = json_open(text, length, PROFILE_TEXT_MAX, "asset_profile", PROFILE_HINT, escontext, &root);
	if (reader == NULL)
		return false;
	good = read_profile(reader, &root, profile);
	json_close(reader, &root);
	if (good && length > PROFILE_TEXT_MAX / 2)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		profile_write(&buf, profile);
		good = text_fits(&buf, "asset_profile", escontext);
		pfree(buf.data);
	}
	return good;
}

/* ----------
 * product_spec
 * ----------
 */

static bool
read_range(const JsonReader *reader, const JsonPlace *place, Dimension d, int64 *least, int64 *most)
{
	const char *hint = dimension_info[d].kind == KIND_DURATION
		? "Write a range, for example {\"max\":\"PT2M\"}. Known keys: min, max."
		: "Write a range, for example {\"min\":7.5}. Known keys: min, max.";
	JsonPlace	member = {0};

	*least = NO_LEAST;
	*most = NO_MOST;
	if (json_kind(place) != JSON_KIND_OBJECT)
		return json_refuse(reader, place, false, FORM, hint, "%s is not a range", json_shown(reader, place));
	while (json_next(place, &member))
	{
		if (strcmp(member.key, "min") != 0 && strcmp(member.key, "max") != 0)
			return refuse_key(reader, &member, hint);
		if (!read_number(reader, &member, d, false, strcmp(member.key, "min") == 0 ? least : most))
			return false;
	}
	if (*least == NO_LEAST && *most == NO_MOST)
		return json_refuse(reader, place, false, FORM, hint, "the range has neither min nor max");
	if (*least > *most)
		return json_refuse(reader, place, false, VALUE, "Swap the two, or leave one out.",
						   "min is greater than max");
	return true;
}

static bool
read_requirements(const JsonReader *reader, const JsonPlace *place, Requirements *part)
{
	JsonPlace	member = {0};

	if (json_kind(place) != JSON_KIND_OBJECT)
		return json_refuse(reader, place, false, FORM, dimensions_hint(), "%s is not an object", json_shown(reader, place));
	while (json_next(place, &member))
	{
		int			d = dimension_of_key(member.key);
		bool		good = false;

		if (d < 0)
			return refuse_key(reader, &member, dimensions_hint());
		switch (dimension_info[d].kind)
		{
			case KIND_DECIMAL:
			case KIND_WHOLE:
			case KIND_DURATION:
				good = read_range(reader, &member, d, &part->least[d], &part->most[d]);
				break;
			case KIND_CODES:
			case KIND_PLACE:
				good = read_codes(reader, &member, false, true, &part->codes[d - FIRST_CODE]);
				break;
			case KIND_CHOICES:
				good = read_choices(reader, &member, d, &part->choices);
				break;
			case KIND_BOOLEAN:
				good = read_boolean(reader, &member, d, &part->choices);
				break;
		}
		if (!good)
			return false;
		part->required |= DIM_BIT(d);
	}
	return true;
}

static bool
read_grouping(const JsonReader *reader, const JsonPlace *place, Grouping *grouping)
{
	if (json_kind(place) == JSON_KIND_STRING)
		for (int i = GROUPING_ZONE; i <= GROUPING_NONE; i++)
			if (strcmp(json_string_of(place), grouping_name[i]) == 0)
			{
				*grouping = (Grouping) i;
				return true;
			}
	return json_refuse(reader, place, false, FORM,
					   "Write constraint_zone, gsp, gsp_group, nation or none; leave the key out where any grouping will do.",
					   "%s is not a grouping", json_shown(reader, place));
}

static bool
read_spec(const JsonReader *reader, const JsonPlace *root, Spec *spec)
{
	JsonPlace	member = {0};
	JsonPlace	grouping = {0};

	if (json_kind(root) != JSON_KIND_OBJECT)
		return json_refuse(reader, root, false, FORM, SPEC_HINT, "%s is not an object", json_shown(reader, root));
	while (json_next(root, &member))
	{
		bool		good;

		if (strcmp(member.key, "member") == 0)
			good = read_requirements(reader, &member, &spec->member);
		else if (strcmp(member.key, "unit") == 0)
			good = read_requirements(reader, &member, &spec->unit);
		else if (strcmp(member.key, "grouping") == 0)
		{
			grouping = member;
			good = read_grouping(reader, &member, &spec->grouping);
		}
		else
			good = refuse_key(reader, &member, "Known keys: member, unit, grouping.");
		if (!good)
			return false;
	}
	if (spec->grouping == GROUPING_NONE && (spec->unit.required & DIM_BIT(DIM_MEMBER_COUNT)) != 0 &&
		spec->unit.least[DIM_MEMBER_COUNT] > 1)
		return json_refuse(reader, &grouping, false, VALUE, "Leave one of the two out.",
						   "\"none\" allows one asset, but unit.member_count asks for more");
	return true;
}

bool
spec_read(const char *text, int length, struct Node *escontext, Spec *spec)
{
	JsonPlace	root;
	JsonReader *reader;
	bool		good;

	memset(spec, 0, sizeof(Spec));
	reader = json_open(text, length, PROFILE_TEXT_MAX, "product_spec", SPEC_HINT, escontext, &root);
	if (reader == NULL)
		return false;
	good = read_spec(reader, &root, spec);
	json_close(reader, &root);
	if (good && length > PROFILE_TEXT_MAX / 2)
	{
		StringInfoData buf;

		initStringInfo(&buf);
		spec_write(&buf, spec);
		good = text_fits(&buf, "product_spec", escontext);
		pfree(buf.data);
	}
	return good;
}
