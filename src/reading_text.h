/*
 * reading_text.h
 *		Instants, durations and quantities as files of readings have them.
 *
 * Nothing here raises an error: a million rows are read, and what is wrong with one is said of that one.
 */
#ifndef FLEX_READING_TEXT_H
#define FLEX_READING_TEXT_H

#include "pgtime.h"

typedef enum InstantForm
{
	INSTANT_BAD,				/* is not a time */
	INSTANT_GIVEN,				/* with its offset, or local and shown once */
	INSTANT_TWICE,				/* local, and shown twice by the clocks */
	INSTANT_SKIPPED				/* local, and skipped by them */
} InstantForm;

typedef struct Instant
{
	InstantForm form;
	int64		us;				/* microseconds since 2000-01-01 UTC; of one shown twice the earlier */
	int32		apart;			/* of one shown twice: how many seconds later it is shown again */
} Instant;

/* A time zone, and what it was asked last: readings come in the order of days. */
typedef struct ZoneMemory
{
	pg_tz	   *zone;
	int64		day;			/* a local day, */
	int64		offset_us;		/* and its offset from UTC, when it has one all day */
	bool		is_plain;
	int64		utc_day;		/* the same of a day of UTC */
	int64		utc_offset_us;
	bool		utc_is_plain;
} ZoneMemory;

/* quantities are read as whole ten-thousandths of a kWh or kW, rounded half away from zero */
#define QUANTITY_DECIMALS	4
#define QUANTITY_LIMIT		INT64CONST(100000000000000)	/* numeric(14,4) ends below it */

typedef enum QuantityForm
{
	QUANTITY_BAD,				/* is not a number */
	QUANTITY_GIVEN,
	QUANTITY_LARGE				/* is beyond what is kept */
} QuantityForm;

extern void zone_memory_init(ZoneMemory *memory, pg_tz *zone);
extern Instant read_instant(const char *text, int length, ZoneMemory *memory);
extern int32 local_day(int64 us, ZoneMemory *memory);
extern bool read_length(const char *text, int length, int32 *seconds);
extern QuantityForm read_quantity(const char *text, int length, int64 *quantity);

#endif							/* FLEX_READING_TEXT_H */
