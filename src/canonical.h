/*
 * canonical.h
 *		One text for one row: see canonical.c.
 */
#ifndef FLEX_CANONICAL_H
#define FLEX_CANONICAL_H

#include "access/tupdesc.h"
#include "lib/stringinfo.h"

typedef struct CanonicalRow CanonicalRow;

/* What becomes of columns that are NULL. */
typedef enum CanonicalNull
{
	CANONICAL_OMIT_NULL,
	CANONICAL_WRITE_NULL
} CanonicalNull;

extern CanonicalRow *canonical_prepare(TupleDesc desc);
extern void canonical_append(StringInfo out, const CanonicalRow *row, const Datum *values, const bool *isnull,
							 const bool *leave_out, CanonicalNull nulls);

#endif							/* FLEX_CANONICAL_H */
