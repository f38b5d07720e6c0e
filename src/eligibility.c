/*
 * eligibility.c
 *		Is this asset eligible for this product, and if not, why not?
 *
 *	spec @> profile			the profile meets the member part: the asset may be a
 *							member of a unit that offers the product
 *	eligible_unit			the profile, of a unit or of one asset, meets the unit
 *							part and the grouping
 *	eligible_alone			both: the asset may offer the product by itself
 *	ineligibility			one row for every requirement that is missed
 *
 * A portfolio qualifies when every member is @> and profile_of(members) is
 * eligible_unit.  The tests themselves are in eligibility.h; none can fail, and
 * all take time linear in the two values (no search, no allocation).
 */
#include "postgres.h"
#include "compat.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "eligibility.h"
#include "window_io.h"

static bool
member_is_eligible(struct varlena *flat_spec, struct varlena *flat_profile)
{
	Requirements part;
	Profile		profile;

	spec_member_view(flat_spec, &part);
	profile_view(flat_profile, &profile);
	return requirements_met(&part, &profile);
}

PG_FUNCTION_INFO_V1(flex_product_spec_contains);
Datum
flex_product_spec_contains(PG_FUNCTION_ARGS)
{
	struct varlena *spec = PG_GETARG_PRODUCT_SPEC_P(0);
	struct varlena *profile = PG_GETARG_ASSET_PROFILE_P(1);
	bool		result = member_is_eligible(spec, profile);

	PG_FREE_IF_COPY(spec, 0);
	PG_FREE_IF_COPY(profile, 1);
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(flex_asset_profile_contained);
Datum
flex_asset_profile_contained(PG_FUNCTION_ARGS)
{
	struct varlena *profile = PG_GETARG_ASSET_PROFILE_P(0);
	struct varlena *spec = PG_GETARG_PRODUCT_SPEC_P(1);
	bool		result = member_is_eligible(spec, profile);

	PG_FREE_IF_COPY(profile, 0);
	PG_FREE_IF_COPY(spec, 1);
	PG_RETURN_BOOL(result);
}

PG_FUNCTION_INFO_V1(flex_eligible_unit);
Datum
flex_eligible_unit(PG_FUNCTION_ARGS)
{
	Spec		spec;
	Profile		profile;

	spec_view(PG_GETARG_PRODUCT_SPEC_P(0), &spec);
	profile_view(PG_GETARG_ASSET_PROFILE_P(1), &profile);
	PG_RETURN_BOOL(requirements_met(&spec.unit, &profile) && grouping_met(spec.grouping, &profile));
}

PG_FUNCTION_INFO_V1(flex_eligible_alone);
Datum
flex_eligible_alone(PG_FUNCTION_ARGS)
{
	Spec		spec;
	Profile		profile;

	spec_view(PG_GETARG_PRODUCT_SPEC_P(0), &spec);
	profile_view(PG_GETARG_ASSET_PROFILE_P(1), &profile);
	PG_RETURN_BOOL(requirements_met(&spec.member, &profile) &&
				   requirements_met(&spec.unit, &profile) && grouping_met(spec.grouping, &profile));
}

/* ----------
 * Why not
 * ----------
 */

static void
append_number(StringInfo buf, Dimension d, int64 value)
{
	dimension_append_number(buf, d, value);
	appendStringInfoString(buf, dimension_info[d].unit);
}

static void
append_codes(StringInfo buf, const CodeList *list)
{
	const char *at = list->data;

	for (int i = 0; i < list->count; i++)
	{
		appendStringInfoString(buf, i > 0 ? ", " : "");
		appendBinaryStringInfo(buf, at + 1, (uint8) *at);
		at += 1 + (uint8) *at;
	}
}

/* "up, down"; for a boolean "yes" or "no" */
static void
append_choices(StringInfo buf, Dimension d, uint32 choices)
{
	static const char *const name[] = {"up", "down", "boundary", "asset"};
	bool		some = false;

	if (dimension_info[d].kind == KIND_BOOLEAN)
	{
		appendStringInfoString(buf, (choices & dimension_choices(d)) != 0 ? "yes" : "no");
		return;
	}
	for (int i = 0; i < 4; i++)
		if ((choices & dimension_choices(d) & (1 << i)) != 0)
		{
			appendStringInfo(buf, "%s%s", some ? ", " : "", name[i]);
			some = true;
		}
}

static void
append_required(StringInfo buf, const Requirements *part, Dimension d)
{
	switch (dimension_info[d].kind)
	{
		case KIND_DECIMAL:
		case KIND_WHOLE:
		case KIND_DURATION:
			if (part->least[d] == part->most[d])
			{
				appendStringInfoString(buf, "exactly ");
				append_number(buf, d, part->least[d]);
				break;
			}
			if (part->least[d] != NO_LEAST)
			{
				appendStringInfoString(buf, "at least ");
				append_number(buf, d, part->least[d]);
			}
			if (part->least[d] != NO_LEAST && part->most[d] != NO_MOST)
				appendStringInfoString(buf, " and ");
			if (part->most[d] != NO_MOST)
			{
				appendStringInfoString(buf, "at most ");
				append_number(buf, d, part->most[d]);
			}
			break;
		case KIND_CODES:
		case KIND_PLACE:
			if (part->codes[d - FIRST_CODE].count > 1)
				appendStringInfoString(buf, "one of ");
			append_codes(buf, &part->codes[d - FIRST_CODE]);
			break;
		case KIND_CHOICES:
			if (d == DIM_METERING && (part->choices & CHOICES_METERING) == CHOICES_METERING)
				appendStringInfoString(buf, "one of ");
			append_choices(buf, d, part->choices);
			break;
		case KIND_BOOLEAN:
			append_choices(buf, d, part->choices);
			break;
	}
}

static void
append_offered(StringInfo buf, const Profile *profile, Dimension d)
{
	if (!profile_knows(profile, d))
		appendStringInfoString(buf, "not known");
	else if (d < N_NUMBERS)
		append_number(buf, d, profile->number[d]);
	else if (d < FIRST_CODE + N_CODES)
		append_codes(buf, &profile->codes[d - FIRST_CODE]);
	else
		append_choices(buf, d, profile->choices);
}

static void
put_row(ReturnSetInfo *rsinfo, const char *requirement, const char *required, const char *offered)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	values[0] = CStringGetTextDatum(requirement);
	values[1] = CStringGetTextDatum(required);
	values[2] = CStringGetTextDatum(offered);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
put_missed(ReturnSetInfo *rsinfo, const char *part_name, const Requirements *part, const Profile *profile)
{
	for (int i = 0; i < N_DIMENSIONS; i++)
	{
		Dimension	d = dimension_order[i];
		StringInfoData required;
		StringInfoData offered;

		if ((part->required & DIM_BIT(d)) == 0 ||
			(profile_knows(profile, d) && requirement_met(part, profile, d)))
			continue;
		initStringInfo(&required);
		initStringInfo(&offered);
		append_required(&required, part, d);
		append_offered(&offered, profile, d);
		put_row(rsinfo, psprintf("%s.%s", part_name, dimension_info[d].name), required.data, offered.data);
	}
}

static void
put_grouping(ReturnSetInfo *rsinfo, Grouping grouping, const Profile *profile)
{
	if (grouping_met(grouping, profile))
		return;
	if (grouping == GROUPING_NONE)
		put_row(rsinfo, "grouping", "one asset",
				psprintf(INT64_FORMAT " assets", profile->number[DIM_MEMBER_COUNT]));
	else
		put_row(rsinfo, "grouping", psprintf("one %s", grouping_name[grouping]), "several, or not known");
}

PG_FUNCTION_INFO_V1(flex_ineligibility);
Datum
flex_ineligibility(PG_FUNCTION_ARGS)
{
	char	   *part = text_to_cstring(PG_GETARG_TEXT_PP(2));
	bool		alone = strcmp(part, "alone") == 0;
	bool		member = alone || strcmp(part, "member") == 0;
	bool		unit = alone || strcmp(part, "unit") == 0;
	ReturnSetInfo *rsinfo;
	Spec		spec;
	Profile		profile;

	if (!member && !unit)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no part \"%s\" of a product_spec", text_clip(part, 40)),
				 errhint("Use member (an asset within a unit), unit (the unit as a whole) or alone (an asset that is a unit by itself).")));
	spec_view(PG_GETARG_PRODUCT_SPEC_P(0), &spec);
	profile_view(PG_GETARG_ASSET_PROFILE_P(1), &profile);
	InitMaterializedSRF(fcinfo, 0);
	rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	if (member)
		put_missed(rsinfo, "member", &spec.member, &profile);
	if (unit)
	{
		put_missed(rsinfo, "unit", &spec.unit, &profile);
		put_grouping(rsinfo, spec.grouping, &profile);
	}
	return (Datum) 0;
}
