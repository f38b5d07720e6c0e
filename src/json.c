/*
 * json.c
 *		JSON by jansson, allocated with palloc.
 *
 * No json_t outlives the memory context it was made in: an error frees it with
 * everything else.  jansson's json_object() must not be called: the server has
 * a function of that name, to which our call would be bound; json_pack("{}")
 * makes an object instead.  For the same reason this file does without
 * utils/builtins.h.
 */
#include "postgres.h"
#include "compat.h"

#include <jansson.h>

#include "mb/pg_wchar.h"

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
		append(members, member);
	}
	set(object, "set", members);
	for (int i = 0; i < headroom->nwindows; i++)
		append(windows, json_window(&headroom->windows[i]));
	set(object, "short_windows", windows);
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
	}
	if (finding->headroom != NULL)
		set(object, "headroom", json_headroom(rulebook, finding->headroom));
	text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
	return pg_any_to_server(text, strlen(text), PG_UTF8);
}
