/*
 * eligibility_key.h
 *		What GiST indexes of asset_profile and product_spec store.
 *
 * A key is a box: of what is offered (profiles) or of what the member part
 * accepts (specs).  Both have the same form.
 *
 *	numbers		[lo, hi] of a 16-bit code that grows with the number and is good to
 *				a part in a thousand (exact below 2048 units)
 *	codes		32 bits, one set for each code by its hash
 *	places		[lo, hi] of the hash of the code, so that one page of a sorted
 *				index is a narrow range of places
 *	possible	a bit for each value that directions, metering and booleans may have
 *	required	what every spec below requires, with two bits for directions
 *
 * What a profile does not know is an empty range and no bits; what a spec does
 * not require is the whole range and all bits.  A cover is then the same for
 * both: least lo, greatest hi, OR of bits, AND of `required`.
 */
#ifndef FLEX_ELIGIBILITY_KEY_H
#define FLEX_ELIGIBILITY_KEY_H

#include "eligibility.h"

#define CODE_UNKNOWN	PG_UINT16_MAX	/* lo of an empty range; its hi is 0 */
#define CODE_MOST		(PG_UINT16_MAX - 1)
#define PLACE_UNKNOWN	PG_UINT32_MAX
#define PLACE_MOST		(PG_UINT32_MAX - 1)

#define N_SIGNATURES	(N_CODES - N_PLACES)

/* bits of `required` above the dimensions */
#define REQUIRED_UP		DIM_BIT(27)
#define REQUIRED_DOWN	DIM_BIT(28)

/* bits of `possible` */
#define POSSIBLE_UP			0x01
#define POSSIBLE_DOWN		0x02
#define POSSIBLE_BOUNDARY	0x04
#define POSSIBLE_ASSET		0x08
#define POSSIBLE_BM			0x10
#define POSSIBLE_NOT_BM		0x20
#define POSSIBLE_BSC		0x40
#define POSSIBLE_NOT_BSC	0x80

typedef struct EligibilityKey
{
	uint32		required;
	uint32		possible;
	uint32		signature[N_SIGNATURES];
	uint32		place_lo[N_PLACES];
	uint32		place_hi[N_PLACES];
	uint16		lo[N_NUMBERS];
	uint16		hi[N_NUMBERS];
} EligibilityKey;

/* the length of the SQL type; no padding, so comparing bytes is safe */
StaticAssertDecl(sizeof(EligibilityKey) == 116, "eligibility_key has a hole");

extern void eligibility_key_of_profile(const struct varlena *flat, EligibilityKey *key);
extern void eligibility_key_of_spec(const struct varlena *flat, EligibilityKey *key);
extern uint32 eligibility_place_hash(const char *code);
extern bool eligibility_keys_meet(const EligibilityKey *accepted, const EligibilityKey *offered,
								  bool exact_profile, bool *sure);
extern void eligibility_key_extend(EligibilityKey *key, const EligibilityKey *added);
extern int	eligibility_key_order(const EligibilityKey *a, const EligibilityKey *b, int *level);

/* size in steps of four */
static inline int
eligibility_size_step(const EligibilityKey *key, Dimension d)
{
	return key->lo[d] >> 11;
}

#endif							/* FLEX_ELIGIBILITY_KEY_H */
