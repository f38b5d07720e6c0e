/*
 * eligibility_key.c
 *		Making, covering, ordering and matching the keys of eligibility indexes.
 *
 * Why the inner test cannot miss a row.  Let profile p meet spec s.  For every
 * dimension that s requires, p knows a value that s accepts.
 *
 *	Index of profiles, K the cover of a page with p.  p's value is in K's range
 *	or bits, and s accepts it: K and s have it in common.  A direction that s asks
 *	for is among p's, so among K's.
 *	Index of specs, K the cover of a page with s.  What K requires, s requires; so
 *	p knows it, s accepts all of p's codes, and what s accepts is within K.  The
 *	directions that K requires are some of s's, and p has all of those.
 *
 * A key is less than the value, so leaves may err, too, but only towards yes:
 * codes are hashed, numbers rounded.  A leaf is sure when no number lies in
 * the same code as a bound and no hashed dimension is required; else the row is
 * rechecked, against the row that had to be fetched anyway.
 *
 * Order of builds and splits: technology, then size in steps of four, then
 * place, then the exact size.  A product is about a technology and a size in a
 * place: each of these three narrows the pages, and so do any two of them.
 */
#include "postgres.h"
#include "compat.h"

#include "common/hashfn.h"

#include "eligibility_key.h"

/* ----------
 * Keys of values
 * ----------
 */

/* Grows with the number: 11 leading bits and where they stand. */
static uint16
number_code(int64 value)
{
	int			shift;

	if (value < 2048)
		return (uint16) Max(value, 0);
	shift = pg_leftmost_one_pos64(value) - 10;
	return (uint16) ((shift << 10) + (value >> shift));
}

static uint32
list_signature(const CodeList *list)
{
	uint32		signature = 0;

	for (const char *at = list->data; at < list->data + list->bytes; at += 1 + (uint8) *at)
		signature |= (uint32) 1 << (hash_bytes((const unsigned char *) at + 1, (uint8) *at) & 31);
	return signature;
}

uint32
eligibility_place_hash(const char *code)
{
	uint32		hash = hash_bytes((const unsigned char *) code + 1, (uint8) *code);

	return Min(hash, PLACE_MOST);
}

void
eligibility_key_of_profile(const struct varlena *flat, EligibilityKey *key)
{
	Profile		profile;

	memset(key, 0, sizeof(EligibilityKey));
	profile_view(flat, &profile);
	for (int i = 0; i < N_NUMBERS; i++)
	{
		key->lo[i] = CODE_UNKNOWN;
		if (profile_knows(&profile, i))
			key->lo[i] = key->hi[i] = number_code(profile.number[i]);
	}
	for (int i = 0; i < N_SIGNATURES; i++)
		if (profile_knows(&profile, FIRST_CODE + i))
			key->signature[i] = list_signature(&profile.codes[i]);
	for (int i = 0; i < N_PLACES; i++)
	{
		key->place_lo[i] = PLACE_UNKNOWN;
		if (profile_knows(&profile, FIRST_PLACE + i))
			key->place_lo[i] = key->place_hi[i] = eligibility_place_hash(profile.codes[N_SIGNATURES + i].data);
	}
	key->possible = profile.choices & (CHOICES_DIRECTION | CHOICES_METERING);
	if (profile_knows(&profile, DIM_BM_UNIT))
		key->possible |= (profile.choices & CHOICE_BM_UNIT) != 0 ? POSSIBLE_BM : POSSIBLE_NOT_BM;
	if (profile_knows(&profile, DIM_BSC_PARTY))
		key->possible |= (profile.choices & CHOICE_BSC_PARTY) != 0 ? POSSIBLE_BSC : POSSIBLE_NOT_BSC;
}

void
eligibility_key_of_spec(const struct varlena *flat, EligibilityKey *key)
{
	Requirements part;

	memset(key, 0, sizeof(EligibilityKey));
	spec_member_view(flat, &part);
	key->required = part.required;
	for (int i = 0; i < N_NUMBERS; i++)
	{
		bool		required = (part.required & DIM_BIT(i)) != 0;

		key->lo[i] = required && part.least[i] != NO_LEAST ? number_code(part.least[i]) : 0;
		key->hi[i] = required && part.most[i] != NO_MOST ? number_code(part.most[i]) : CODE_MOST;
	}
	for (int i = 0; i < N_SIGNATURES; i++)
		key->signature[i] = (part.required & DIM_BIT(FIRST_CODE + i)) != 0
			? list_signature(&part.codes[i]) : PG_UINT32_MAX;
	for (int i = 0; i < N_PLACES; i++)
	{
		const CodeList *list = &part.codes[N_SIGNATURES + i];

		key->place_hi[i] = PLACE_MOST;
		if ((part.required & DIM_BIT(FIRST_PLACE + i)) == 0)
			continue;
		key->place_lo[i] = PLACE_MOST;
		key->place_hi[i] = 0;
		for (const char *at = list->data; at < list->data + list->bytes; at += 1 + (uint8) *at)
		{
			uint32		hash = eligibility_place_hash(at);

			key->place_lo[i] = Min(key->place_lo[i], hash);
			key->place_hi[i] = Max(key->place_hi[i], hash);
		}
	}
	key->possible = POSSIBLE_UP | POSSIBLE_DOWN;
	key->possible |= (part.required & DIM_BIT(DIM_METERING)) != 0 ? part.choices & CHOICES_METERING : CHOICES_METERING;
	if ((part.required & DIM_BIT(DIM_BM_UNIT)) == 0)
		key->possible |= POSSIBLE_BM | POSSIBLE_NOT_BM;
	else
		key->possible |= (part.choices & CHOICE_BM_UNIT) != 0 ? POSSIBLE_BM : POSSIBLE_NOT_BM;
	if ((part.required & DIM_BIT(DIM_BSC_PARTY)) == 0)
		key->possible |= POSSIBLE_BSC | POSSIBLE_NOT_BSC;
	else
		key->possible |= (part.choices & CHOICE_BSC_PARTY) != 0 ? POSSIBLE_BSC : POSSIBLE_NOT_BSC;
	if ((part.required & DIM_BIT(DIM_DIRECTIONS)) != 0)
		key->required |= ((part.choices & CHOICE_UP) != 0 ? REQUIRED_UP : 0) |
			((part.choices & CHOICE_DOWN) != 0 ? REQUIRED_DOWN : 0);
}

/* ----------
 * Can the profiles of one box meet the specs of another?
 * ----------
 */

/*
 * exact_profile says that `offered` is of one profile, whose codes must then all
 * be accepted.  *sure, which starts as true, becomes false where a yes may be
 * wrong although both are of single values.
 */
bool
eligibility_keys_meet(const EligibilityKey *accepted, const EligibilityKey *offered, bool exact_profile, bool *sure)
{
	static const uint32 possible[] = {
		[DIM_METERING] = POSSIBLE_BOUNDARY | POSSIBLE_ASSET,
		[DIM_BM_UNIT] = POSSIBLE_BM | POSSIBLE_NOT_BM,
		[DIM_BSC_PARTY] = POSSIBLE_BSC | POSSIBLE_NOT_BSC,
	};

	for (uint32 left = accepted->required; left != 0; left &= left - 1)
	{
		int			d = pg_rightmost_one_pos32(left);

		if (d < N_NUMBERS)
		{
			if (offered->lo[d] > accepted->hi[d] || offered->hi[d] < accepted->lo[d] ||
				offered->lo[d] > offered->hi[d])
				return false;
			if ((offered->lo[d] == accepted->hi[d] || offered->hi[d] == accepted->lo[d]) && offered->lo[d] >= 2048)
				*sure = false;
		}
		else if (d < FIRST_PLACE)
		{
			uint32		signature = offered->signature[d - FIRST_CODE];
			uint32		common = signature & accepted->signature[d - FIRST_CODE];

			if (common == 0 || (exact_profile && common != signature))
				return false;
		}
		else if (d < FIRST_PLACE + N_PLACES)
		{
			int			i = d - FIRST_PLACE;

			if (offered->place_lo[i] > accepted->place_hi[i] || offered->place_hi[i] < accepted->place_lo[i] ||
				offered->place_lo[i] > offered->place_hi[i])
				return false;
		}
		else if (d == DIM_DIRECTIONS)
			continue;			/* by the two bits below */
		else if (d <= DIM_BSC_PARTY)
		{
			if ((offered->possible & accepted->possible & possible[d]) == 0)
				return false;
		}
		else if ((offered->possible & (DIM_BIT(d) == REQUIRED_UP ? POSSIBLE_UP : POSSIBLE_DOWN)) == 0)
			return false;
	}
	return true;
}

/* ----------
 * Covers and order
 * ----------
 */

void
eligibility_key_extend(EligibilityKey *key, const EligibilityKey *added)
{
	key->required &= added->required;
	key->possible |= added->possible;
	for (int i = 0; i < N_SIGNATURES; i++)
		key->signature[i] |= added->signature[i];
	for (int i = 0; i < N_PLACES; i++)
	{
		key->place_lo[i] = Min(key->place_lo[i], added->place_lo[i]);
		key->place_hi[i] = Max(key->place_hi[i], added->place_hi[i]);
	}
	for (int i = 0; i < N_NUMBERS; i++)
	{
		key->lo[i] = Min(key->lo[i], added->lo[i]);
		key->hi[i] = Max(key->hi[i], added->hi[i]);
	}
}

#define RETURN_ORDER(x, y, at) \
	do { \
		if ((x) != (y)) \
		{ \
			*level = (at); \
			return (x) < (y) ? -1 : 1; \
		} \
	} while (0)

/* The order; *level says how important the difference is, 0 most. */
int
eligibility_key_order(const EligibilityKey *a, const EligibilityKey *b, int *level)
{
	RETURN_ORDER(a->signature[0], b->signature[0], 0);
	RETURN_ORDER(eligibility_size_step(a, DIM_UP), eligibility_size_step(b, DIM_UP), 1);
	RETURN_ORDER(eligibility_size_step(a, DIM_DOWN), eligibility_size_step(b, DIM_DOWN), 2);
	for (int i = 0; i < N_PLACES; i++)
		RETURN_ORDER(a->place_lo[i], b->place_lo[i], 3 + i);
	RETURN_ORDER(a->lo[DIM_UP], b->lo[DIM_UP], 3 + N_PLACES);
	RETURN_ORDER(a->lo[DIM_DOWN], b->lo[DIM_DOWN], 4 + N_PLACES);
	*level = 5 + N_PLACES;
	return memcmp(a, b, sizeof(EligibilityKey));
}
