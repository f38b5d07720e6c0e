/*
 * eligibility.h
 *		What an asset offers, what a product requires, and whether they agree.
 *
 * A dimension is one property that both types speak of.  There are four kinds:
 *
 *	numbers		power, energy, durations, counts: one int64 in the smallest unit
 *				(W, Wh, W/min, V, microseconds), never negative; required as a range
 *	codes		short texts such as BESS; a profile offers a set (one asset: one
 *				code), a product accepts a set, and all that is offered must be in it
 *	choices		two bits: both directions, both kinds of metering
 *	booleans	yes or no
 *
 * A dimension that a profile leaves out is not known, and then no requirement on
 * it is met.  The exception is the member count: what says nothing is one asset.
 *
 * Both types are flat: the values that are there, in the order of the
 * dimensions, with no padding, codes sorted and distinct.  The same value is
 * therefore always the same bytes, and equality, order and hash are those of
 * the bytes.  Nothing in them is aligned and everything is read by memcpy, so a
 * value is used where it lies, short header and all.
 *
 *	asset_profile	uint32 known dimensions, uint32 choices, int64 per known
 *					number, code list per known code dimension
 *	product_spec	uint32 grouping, uint32 bytes of the first part, part, part
 *	part			uint32 required dimensions, uint32 choices, two int64 (least,
 *					most) per required number, code list per required code dimension
 *	code list		uint16 codes, uint32 bytes, then per code uint8 length, bytes
 *
 * The tests below read what the input functions wrote; they cannot fail, which
 * is what lets the operators be LEAKPROOF.
 */
#ifndef FLEX_ELIGIBILITY_H
#define FLEX_ELIGIBILITY_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"
#include "port/pg_bitutils.h"

typedef enum Dimension
{
	/* numbers */
	DIM_EXPORT,
	DIM_IMPORT,
	DIM_UP,
	DIM_DOWN,
	DIM_ENERGY,
	DIM_RAMP,
	DIM_VOLTAGE,
	DIM_MIN_DURATION,
	DIM_MAX_DURATION,
	DIM_NOTICE,
	DIM_FULL_DELIVERY,
	DIM_RECOVERY,
	DIM_METERING_GRANULARITY,
	DIM_OPERATIONAL_GRANULARITY,
	DIM_MEMBER_COUNT,
	/* codes */
	DIM_TECHNOLOGY,
	DIM_ENERGY_SOURCE,
	DIM_CONNECTION_TYPE,
	DIM_CONNECTION_STATUS,
	DIM_CONSTRAINT_ZONE,
	DIM_GSP,
	DIM_GSP_GROUP,
	DIM_NATION,
	/* choices */
	DIM_DIRECTIONS,
	DIM_METERING,
	/* booleans */
	DIM_BM_UNIT,
	DIM_BSC_PARTY
} Dimension;

#define N_DIMENSIONS	(DIM_BSC_PARTY + 1)
#define N_NUMBERS		(DIM_MEMBER_COUNT + 1)
#define FIRST_CODE		DIM_TECHNOLOGY
#define N_CODES			(DIM_NATION + 1 - FIRST_CODE)
#define FIRST_PLACE		DIM_CONSTRAINT_ZONE
#define N_PLACES		(DIM_NATION + 1 - FIRST_PLACE)

#define DIM_BIT(d)		((uint32) 1 << (d))
#define NUMBER_BITS		(DIM_BIT(N_NUMBERS) - 1)
#define CODE_BITS		((DIM_BIT(N_CODES) - 1) << FIRST_CODE)

#define CHOICE_UP			0x01
#define CHOICE_DOWN			0x02
#define CHOICE_BOUNDARY		0x04
#define CHOICE_ASSET		0x08
#define CHOICE_BM_UNIT		0x10
#define CHOICE_BSC_PARTY	0x20
#define CHOICES_DIRECTION	(CHOICE_UP | CHOICE_DOWN)
#define CHOICES_METERING	(CHOICE_BOUNDARY | CHOICE_ASSET)

typedef enum DimensionKind
{
	KIND_DECIMAL,				/* a number with at most three decimals */
	KIND_WHOLE,
	KIND_DURATION,
	KIND_CODES,
	KIND_PLACE,					/* a code of which a profile has at most one */
	KIND_CHOICES,
	KIND_BOOLEAN
} DimensionKind;

typedef struct DimensionInfo
{
	const char *name;			/* the key in JSON */
	DimensionKind kind;
	const char *unit;			/* for people, with its leading blank */
	int64		most;			/* the greatest value that is not absurd */
} DimensionInfo;

extern const DimensionInfo dimension_info[N_DIMENSIONS];
extern const Dimension dimension_order[N_DIMENSIONS];	/* of keys in text */

/* what stands for a missing bound of a range, and for a duration without end */
#define NO_LEAST	PG_INT64_MIN
#define NO_MOST		PG_INT64_MAX
#define ENDLESS		(PG_INT64_MAX - 1)

#define PROFILE_TEXT_MAX	65536
#define CODE_MAX_CHARS		63
#define CODE_LIST_MAX		1000

typedef struct CodeList
{
	uint16		count;
	uint32		bytes;
	const char *data;
} CodeList;

/* what one asset, or a unit, offers */
typedef struct Profile
{
	uint32		known;
	uint32		choices;
	int64		number[N_NUMBERS];
	CodeList	codes[N_CODES];
} Profile;

/* what one part of a product_spec requires */
typedef struct Requirements
{
	uint32		required;
	uint32		choices;
	int64		least[N_NUMBERS];
	int64		most[N_NUMBERS];
	CodeList	codes[N_CODES];
} Requirements;

typedef enum Grouping
{
	GROUPING_ANY,				/* nothing is said */
	GROUPING_ZONE,
	GROUPING_GSP,
	GROUPING_GSP_GROUP,
	GROUPING_NATION,
	GROUPING_NONE				/* units of one asset only */
} Grouping;

typedef struct Spec
{
	Grouping	grouping;
	Requirements member;
	Requirements unit;
} Spec;

extern const char *const grouping_name[];

static inline Dimension
grouping_dimension(Grouping grouping)
{
	return FIRST_PLACE + (grouping - GROUPING_ZONE);
}

/* ----------
 * Flat form
 * ----------
 */

static inline uint32
take_uint32(const char **at)
{
	uint32		value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static inline int64
take_int64(const char **at)
{
	int64		value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return value;
}

static inline void
take_codes(const char **at, uint32 present, CodeList *codes)
{
	for (uint32 left = present & CODE_BITS; left != 0; left &= left - 1)
	{
		CodeList   *list = &codes[pg_rightmost_one_pos32(left) - FIRST_CODE];

		memcpy(&list->count, *at, sizeof(list->count));
		*at += sizeof(list->count);
		list->bytes = take_uint32(at);
		list->data = *at;
		*at += list->bytes;
	}
}

/* Only what `known` names is set. */
static inline void
profile_view(const struct varlena *flat, Profile *profile)
{
	const char *at = VARDATA_ANY(flat);

	profile->known = take_uint32(&at);
	profile->choices = take_uint32(&at);
	for (uint32 left = profile->known & NUMBER_BITS; left != 0; left &= left - 1)
		profile->number[pg_rightmost_one_pos32(left)] = take_int64(&at);
	take_codes(&at, profile->known, profile->codes);
	if ((profile->known & DIM_BIT(DIM_MEMBER_COUNT)) == 0)
		profile->number[DIM_MEMBER_COUNT] = 1;
}

static inline void
requirements_view(const char *at, Requirements *part)
{
	part->required = take_uint32(&at);
	part->choices = take_uint32(&at);
	for (uint32 left = part->required & NUMBER_BITS; left != 0; left &= left - 1)
	{
		int			dimension = pg_rightmost_one_pos32(left);

		part->least[dimension] = take_int64(&at);
		part->most[dimension] = take_int64(&at);
	}
	take_codes(&at, part->required, part->codes);
}

static inline void
spec_member_view(const struct varlena *flat, Requirements *member)
{
	requirements_view(VARDATA_ANY(flat) + 2 * sizeof(uint32), member);
}

static inline void
spec_view(const struct varlena *flat, Spec *spec)
{
	const char *at = VARDATA_ANY(flat);
	uint32		bytes;

	spec->grouping = (Grouping) take_uint32(&at);
	bytes = take_uint32(&at);
	requirements_view(at, &spec->member);
	requirements_view(at + bytes, &spec->unit);
}

/* ----------
 * Codes: sorted by bytes, the shorter first where one begins the other
 * ----------
 */

static inline int
code_compare(const char *a, int a_length, const char *b, int b_length)
{
	int			c = memcmp(a, b, Min(a_length, b_length));

	return c != 0 ? c : a_length - b_length;
}

/* Is every code of `some` in `all`?  One pass over both. */
static inline bool
codes_within(const CodeList *some, const CodeList *all)
{
	const char *a = some->data;
	const char *b = all->data;
	const char *a_end = a + some->bytes;
	const char *b_end = b + all->bytes;

	while (a < a_end)
	{
		int			c = -1;

		while (b < b_end)
		{
			c = code_compare(a + 1, (uint8) *a, b + 1, (uint8) *b);
			if (c <= 0)
				break;
			b += 1 + (uint8) *b;
		}
		if (b >= b_end || c < 0)
			return false;
		a += 1 + (uint8) *a;
	}
	return true;
}

/* ----------
 * Eligibility
 * ----------
 */

/* The choices that belong to a dimension. */
static inline uint32
dimension_choices(Dimension dimension)
{
	switch (dimension)
	{
		case DIM_DIRECTIONS:
			return CHOICES_DIRECTION;
		case DIM_METERING:
			return CHOICES_METERING;
		case DIM_BM_UNIT:
			return CHOICE_BM_UNIT;
		case DIM_BSC_PARTY:
			return CHOICE_BSC_PARTY;
		default:
			return 0;
	}
}

/* One requirement, of a profile that knows the dimension. */
static inline bool
requirement_met(const Requirements *part, const Profile *profile, Dimension dimension)
{
	uint32		offered;
	uint32		asked;

	if (dimension < N_NUMBERS)
		return profile->number[dimension] >= part->least[dimension] &&
			profile->number[dimension] <= part->most[dimension];
	if (dimension < FIRST_CODE + N_CODES)
		return codes_within(&profile->codes[dimension - FIRST_CODE],
							&part->codes[dimension - FIRST_CODE]);
	offered = profile->choices & dimension_choices(dimension);
	asked = part->choices & dimension_choices(dimension);
	if (dimension == DIM_METERING)
		return (offered & asked) != 0;	/* any of them */
	if (dimension == DIM_DIRECTIONS)
		return (asked & ~offered) == 0; /* all of them */
	return offered == asked;
}

static inline bool
profile_knows(const Profile *profile, Dimension dimension)
{
	return ((profile->known | DIM_BIT(DIM_MEMBER_COUNT)) & DIM_BIT(dimension)) != 0;
}

static inline bool
requirements_met(const Requirements *part, const Profile *profile)
{
	if ((part->required & ~(profile->known | DIM_BIT(DIM_MEMBER_COUNT))) != 0)
		return false;
	for (uint32 left = part->required; left != 0; left &= left - 1)
		if (!requirement_met(part, profile, pg_rightmost_one_pos32(left)))
			return false;
	return true;
}

/* May the members of this unit be one unit? */
static inline bool
grouping_met(Grouping grouping, const Profile *profile)
{
	if (grouping == GROUPING_ANY || profile->number[DIM_MEMBER_COUNT] == 1)
		return true;
	if (grouping == GROUPING_NONE)
		return false;
	return profile_knows(profile, grouping_dimension(grouping));
}

/* ----------
 * Datums, text
 * ----------
 */

#define DatumGetAssetProfileP(d)		PG_DETOAST_DATUM_PACKED(d)
#define PG_GETARG_ASSET_PROFILE_P(n)	DatumGetAssetProfileP(PG_GETARG_DATUM(n))
#define DatumGetProductSpecP(d)			PG_DETOAST_DATUM_PACKED(d)
#define PG_GETARG_PRODUCT_SPEC_P(n)		DatumGetProductSpecP(PG_GETARG_DATUM(n))

extern struct varlena *profile_flatten(const Profile *profile);
extern struct varlena *spec_flatten(const Spec *spec);
extern bool profile_read(const char *text, int length, struct Node *escontext, Profile *profile);
extern bool spec_read(const char *text, int length, struct Node *escontext, Spec *spec);
extern void profile_write(StringInfo buf, const Profile *profile);
extern void spec_write(StringInfo buf, const Spec *spec);
extern void dimension_append_number(StringInfo buf, Dimension dimension, int64 value);
extern void duration_append(StringInfo buf, int64 value);
extern bool duration_parse(const char *text, int64 *result);

#endif							/* FLEX_ELIGIBILITY_H */
