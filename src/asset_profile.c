/*
 * asset_profile.c
 *		SQL type asset_profile: what an asset, or a unit of several, can do.
 *
 * The form, its invariants and the dimensions are in eligibility.h; here are
 * input and output, order, and the aggregate profile_of().
 *
 * Binary form: one byte, the version 1, then the JSON text; it is judged by the
 * same reader as text is.
 *
 * profile_of() makes a unit's profile from its members' by a merge that is
 * commutative and associative, so that rows may come in any order and partial
 * results of parallel workers be merged in turn:
 *
 *	power, energy, ramp, members	sums
 *	notice, full delivery, recovery, metering granularities, min_duration
 *									the longest: what every member can keep
 *	max_duration					the shortest
 *	voltage, places, bm_unit, bsc_party
 *									what all have in common, else not known
 *	technology, energy source, connection type and status, directions
 *									the union
 *	metering						the kinds that all have, else not known
 *
 * What one member leaves unknown is unknown of the unit: a unit never claims
 * what a member did not.  A member that has only the other direction adds 0 to
 * the power of this one.  Members with no duration in common (one runs for at
 * least four hours, another for at most one) make a unit without known
 * durations; that is settled at the end, for until then the merge must keep
 * both bounds to stay associative.
 *
 * There is no inverse for moving windows: of a greatest value no member can be
 * taken back.  Cost of a merge: O(size of both profiles).
 */
#include "postgres.h"
#include "compat.h"

#include "common/int.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"

#include "eligibility.h"
#include "eligibility_flat.h"

PG_FUNCTION_INFO_V1(flex_asset_profile_in);
Datum
flex_asset_profile_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	Profile		profile;

	if (!profile_read(text, strlen(text), flex_escontext(fcinfo), &profile))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(profile_flatten(&profile));
}

PG_FUNCTION_INFO_V1(flex_asset_profile_out);
Datum
flex_asset_profile_out(PG_FUNCTION_ARGS)
{
	Profile		profile;
	StringInfoData buf;

	profile_view(PG_GETARG_ASSET_PROFILE_P(0), &profile);
	initStringInfo(&buf);
	profile_write(&buf, &profile);
	PG_RETURN_CSTRING(buf.data);
}

PG_FUNCTION_INFO_V1(flex_asset_profile_recv);
Datum
flex_asset_profile_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buf, 1);
	Profile		profile;
	char	   *text;
	int			length;

	if (version != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid version of binary asset_profile: %d", version),
				 errhint("This server knows version 1: a byte of value 1, then JSON text.")));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	if (!profile_read(text, length, NULL, &profile))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(profile_flatten(&profile));
}

PG_FUNCTION_INFO_V1(flex_asset_profile_send);
Datum
flex_asset_profile_send(PG_FUNCTION_ARGS)
{
	Profile		profile;
	StringInfoData json;
	StringInfoData buf;

	profile_view(PG_GETARG_ASSET_PROFILE_P(0), &profile);
	initStringInfo(&json);
	profile_write(&json, &profile);
	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, json.data, json.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

FLAT_OPERATORS(asset_profile);

/* ----------
 * The profile of a unit
 * ----------
 */

/* What a member adds to the unit's power: nothing in a direction that it lacks. */
static void
know_zero_power(Profile *profile)
{
	static const Dimension power[2] = {DIM_UP, DIM_DOWN};
	static const uint32 direction[2] = {CHOICE_UP, CHOICE_DOWN};

	if ((profile->known & DIM_BIT(DIM_DIRECTIONS)) == 0)
		return;
	for (int i = 0; i < 2; i++)
		if ((profile->choices & direction[i]) == 0 && (profile->known & DIM_BIT(power[i])) == 0)
		{
			profile->known |= DIM_BIT(power[i]);
			profile->number[power[i]] = 0;
		}
}

static CodeList
codes_union(const CodeList *a, const CodeList *b)
{
	CodeList	result = {0};
	char	   *data = palloc(a->bytes + b->bytes);
	const char *x = a->data;
	const char *y = b->data;
	const char *x_end = x + a->bytes;
	const char *y_end = y + b->bytes;

	while (x < x_end || y < y_end)
	{
		int			c = x >= x_end ? 1 : y >= y_end ? -1
			: code_compare(x + 1, (uint8) *x, y + 1, (uint8) *y);
		const char *from = c <= 0 ? x : y;
		int			bytes = 1 + (uint8) *from;

		memcpy(data + result.bytes, from, bytes);
		result.bytes += bytes;
		result.count++;
		if (c <= 0)
			x += 1 + (uint8) *x;
		if (c >= 0)
			y += 1 + (uint8) *y;
	}
	result.data = data;
	return result;
}

static bool
codes_equal(const CodeList *a, const CodeList *b)
{
	return a->bytes == b->bytes && memcmp(a->data, b->data, a->bytes) == 0;
}

static void
refuse_sum(Dimension d)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("%s of the unit is out of range", dimension_info[d].name),
			 errdetail("The sum over its members is more than a profile can hold."),
			 errhint("Make smaller units.")));
}

/* a becomes the profile of a unit of both */
static void
profile_merge(Profile *a, const Profile *b)
{
	uint32		both;

	both = a->known & b->known;
	for (int d = 0; d < N_DIMENSIONS; d++)
	{
		uint32		mine = dimension_choices(d);

		if (d == DIM_MEMBER_COUNT)
			both |= DIM_BIT(d);
		if ((both & DIM_BIT(d)) == 0)
		{
			a->choices &= ~mine;
			continue;
		}
		switch ((Dimension) d)
		{
			case DIM_EXPORT:
			case DIM_IMPORT:
			case DIM_UP:
			case DIM_DOWN:
			case DIM_ENERGY:
			case DIM_RAMP:
			case DIM_MEMBER_COUNT:
				if (pg_add_s64_overflow(a->number[d], b->number[d], &a->number[d]) ||
					a->number[d] > dimension_info[d].most)
					refuse_sum(d);
				break;
			case DIM_MIN_DURATION:
			case DIM_NOTICE:
			case DIM_FULL_DELIVERY:
			case DIM_RECOVERY:
			case DIM_METERING_GRANULARITY:
			case DIM_OPERATIONAL_GRANULARITY:
				a->number[d] = Max(a->number[d], b->number[d]);
				break;
			case DIM_MAX_DURATION:
				a->number[d] = Min(a->number[d], b->number[d]);
				break;
			case DIM_VOLTAGE:
				if (a->number[d] != b->number[d])
					both &= ~DIM_BIT(d);
				break;
			case DIM_TECHNOLOGY:
			case DIM_ENERGY_SOURCE:
			case DIM_CONNECTION_TYPE:
			case DIM_CONNECTION_STATUS:
				if (codes_within(&b->codes[d - FIRST_CODE], &a->codes[d - FIRST_CODE]))
					break;
				a->codes[d - FIRST_CODE] = codes_union(&a->codes[d - FIRST_CODE], &b->codes[d - FIRST_CODE]);
				if (a->codes[d - FIRST_CODE].count > CODE_LIST_MAX)
					refuse_sum(d);
				break;
			case DIM_CONSTRAINT_ZONE:
			case DIM_GSP:
			case DIM_GSP_GROUP:
			case DIM_NATION:
				if (!codes_equal(&a->codes[d - FIRST_CODE], &b->codes[d - FIRST_CODE]))
					both &= ~DIM_BIT(d);
				break;
			case DIM_DIRECTIONS:
				a->choices |= b->choices & mine;
				break;
			case DIM_METERING:
				a->choices &= b->choices | ~mine;
				if ((a->choices & mine) == 0)
					both &= ~DIM_BIT(d);
				break;
			case DIM_BM_UNIT:
			case DIM_BSC_PARTY:
				if (((a->choices ^ b->choices) & mine) != 0)
				{
					both &= ~DIM_BIT(d);
					a->choices &= ~mine;
				}
				break;
		}
	}
	a->known = both;
}

static void
require_aggregate(FunctionCallInfo fcinfo)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("function is a part of the aggregate profile_of"),
				 errhint("Use profile_of(asset_profile).")));
}

/* Transition and combination are one: a unit and a member, or two units. */
PG_FUNCTION_INFO_V1(flex_profile_of_merge);
Datum
flex_profile_of_merge(PG_FUNCTION_ARGS)
{
	Profile		a;
	Profile		b;

	require_aggregate(fcinfo);
	profile_view(PG_GETARG_ASSET_PROFILE_P(0), &a);
	profile_view(PG_GETARG_ASSET_PROFILE_P(1), &b);
	know_zero_power(&a);
	know_zero_power(&b);
	profile_merge(&a, &b);
	PG_RETURN_POINTER(profile_flatten(&a));
}

PG_FUNCTION_INFO_V1(flex_profile_of_final);
Datum
flex_profile_of_final(PG_FUNCTION_ARGS)
{
	Profile		unit;
	StringInfoData buf;
	uint32		durations = DIM_BIT(DIM_MIN_DURATION) | DIM_BIT(DIM_MAX_DURATION);
	struct varlena *flat;

	require_aggregate(fcinfo);
	profile_view(PG_GETARG_ASSET_PROFILE_P(0), &unit);
	know_zero_power(&unit);
	unit.known |= DIM_BIT(DIM_MEMBER_COUNT);
	if ((unit.known & durations) == durations &&
		unit.number[DIM_MIN_DURATION] > unit.number[DIM_MAX_DURATION])
		unit.known &= ~durations;
	flat = profile_flatten(&unit);

	/* what no input could have made must not be stored */
	if (VARSIZE(flat) > PROFILE_TEXT_MAX / 4)
	{
		initStringInfo(&buf);
		profile_write(&buf, &unit);
		if (buf.len > PROFILE_TEXT_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the profile of the unit is too long"),
					 errdetail("Written out it has %d bytes; at most %d are read.", buf.len, PROFILE_TEXT_MAX),
					 errhint("Make smaller units.")));
	}
	PG_RETURN_POINTER(flat);
}
