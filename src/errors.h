/*
 * errors.h
 *		SQLSTATEs of our own, class MX.
 *
 * Where a core code fits, the core code is used.  MX0xx any table, MX1xx registration, MX2xx
 * competition, MX3xx rules and conflicts, MX4xx dispatch, MX5xx settlement,
 * MX9xx installation.  docs/errors.md lists the same codes for users.
 */
#ifndef FLEX_ERRORS_H
#define FLEX_ERRORS_H

#include "utils/elog.h"

#define FLEX_ERRCODE(a, b, c)	MAKE_SQLSTATE('M', 'X', a, b, c)

/* a state that may not follow the one that the row has */
#define ERRCODE_FLEX_STATE					FLEX_ERRCODE('0', '0', '1')
/* an asset or portfolio that this exchange does not have */
#define ERRCODE_FLEX_UNKNOWN_UNIT			FLEX_ERRCODE('1', '0', '1')
/* a product that this exchange does not have */
#define ERRCODE_FLEX_UNKNOWN_PRODUCT		FLEX_ERRCODE('1', '0', '2')
/* a participant that this exchange does not have */
#define ERRCODE_FLEX_UNKNOWN_PARTICIPANT	FLEX_ERRCODE('1', '0', '3')
/* a bid, award, availability or dispatch that this exchange does not have */
#define ERRCODE_FLEX_UNKNOWN_PARENT			FLEX_ERRCODE('2', '0', '1')
/* a parent of another unit, product or direction */
#define ERRCODE_FLEX_PARENT_MISMATCH		FLEX_ERRCODE('2', '0', '2')
/* a ruleset that this exchange does not have */
#define ERRCODE_FLEX_UNKNOWN_RULESET		FLEX_ERRCODE('3', '0', '1')
/* the tables of an instance are not as this library expects them */
#define ERRCODE_FLEX_INCOMPLETE_EXCHANGE	FLEX_ERRCODE('9', '0', '6')
/* a trigger of ours that is not declared as it must be */
#define ERRCODE_FLEX_TRIGGER_ARGUMENT		FLEX_ERRCODE('9', '0', '7')

#endif							/* FLEX_ERRORS_H */
