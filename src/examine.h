/*
 * examine.h
 *		What is to be said of one commitment, given what stands around it.
 */
#ifndef FLEX_EXAMINE_H
#define FLEX_EXAMINE_H

#include "pair.h"

/*
 * The findings on a commitment, collected before any is written.  They point into
 * the commitments, terms and agreements that they were made from.
 */
typedef struct Findings
{
	int			n;
	int			allocated;
	Finding    *items;
} Findings;

extern Finding *findings_add(Findings *findings, ConflictKind kind, const Commitment *challenger);
extern int	commitment_compare(const void *x, const void *y);
extern bool headroom_concerns(const Commitment *a, const Commitment *b);

extern void examine_pair(Instance *instance, const Commitment *a, const Commitment *b,
						 const UnitTerms *terms, Findings *findings);
extern void examine_headroom(Instance *instance, const Commitment *subject, Supply *supply,
							 const Commitment *around, int naround, Findings *findings);
extern bool terms_limit_runs(const UnitTerms *terms);
extern void examine_run(Instance *instance, const Commitment *subject, const UnitTerms *terms,
						const Commitment *energy, int nenergy, Findings *findings);
extern void examine_agreements(Instance *instance, const Commitment *subject,
							   const Exclusivity *agreements, int count, Findings *findings);

#endif							/* FLEX_EXAMINE_H */
