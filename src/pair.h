/*
 * pair.h
 *		Do two commitments of one unit conflict?
 */
#ifndef FLEX_PAIR_H
#define FLEX_PAIR_H

#include "finding.h"

/* A pair can jump and come too soon. */
#define PAIR_FINDINGS_MAX	2

extern bool is_energy(Instance *instance, const Commitment *commitment);
extern int	pair_findings(Instance *instance, const Commitment *a, const Commitment *b,
						  const UnitTerms *terms, Finding *findings);
extern int64 pair_reach_us(const Rulebook *rulebook, const Commitment *commitment, const UnitTerms *terms);

#endif							/* FLEX_PAIR_H */
