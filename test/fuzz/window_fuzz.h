/*
 * window_fuzz.h
 *		What the parts of the fuzzer of windows share: see window_fuzz.c.
 */
#ifndef FLEX_WINDOW_FUZZ_H
#define FLEX_WINDOW_FUZZ_H

#include "postgres.h"
#include "compat.h"

#include "port/pg_bswap.h"

#include "window_gist.h"

#define POOL_SIZE 1024

/*
 * What outlives a process.  The server keeps every time zone that a text
 * names, and "x5" names one: so a process is replaced by the next, which goes
 * on from here, once its cache of zones is large.
 */
typedef struct Run
{
	uint64		seed;
	uint64		state;			/* of the generator */
	unsigned long inputs;
	unsigned long pages;
	unsigned long judged;		/* texts, beside the server */
	unsigned long accepted[2];	/* texts: of time_window, of resource_window */
	unsigned long refused[2];
	unsigned long received;		/* bytes */
	unsigned long not_received;
	unsigned long pooled;
	ResourceWindow pool[POOL_SIZE]; /* values accepted lately */
} Run;

extern Run *run;

/* a window type, as the server would see it in its catalogs */
typedef struct WindowType
{
	bool		resource;
	int			size;
	PGFunction	in;
	PGFunction	out;
	PGFunction	recv;
	PGFunction	send;
	PGFunction	cmp;
	PGFunction	hash;
	PGFunction	hash_extended;
	PGFunction	ordering[6];	/* < <= = <> >= > */
	PGFunction	operators[WINDOW_EQUAL + 1];	/* by strategy */
	PGFunction	distance;
	PGFunction	gist_distance;
	PGFunction	gist_consistent;
	PGFunction	gist_union;
	PGFunction	gist_same;
	PGFunction	gist_penalty;
	PGFunction	gist_picksplit;
	PGFunction	sortsupport;
} WindowType;

extern const WindowType types[2];

/* a value of either type is kept as a resource_window; a time_window is its second part */
static inline Datum
datum_of(const WindowType *type, const ResourceWindow *value)
{
	return type->resource ? ResourceWindowPGetDatum(value) : TimeWindowPGetDatum(&value->window);
}

/* in network order, as the wire has it */
static inline void
put64(char *at, int64 value)
{
	uint64		swapped = pg_hton64((uint64) value);

	memcpy(at, &swapped, sizeof(swapped));
}

/* window_fuzz.c */
extern MemoryContext work;
extern const char *input;
extern int	input_length;
extern const char *output;
extern void must(bool truth, const char *what);
extern uint64 draw64(void);
extern uint32 draw(uint32 n);
extern int64 draw_instant(void);
extern const ResourceWindow *draw_value(void);
extern void settings_change(void);

/* window_fuzz_value.c */
extern char *written(const WindowType *type, const ResourceWindow *value);
extern bool operator_true(PGFunction function, Datum a, Datum b);
extern void check_text(const WindowType *type, const char *text);
extern void check_bytes(const WindowType *type, const char *bytes, int length);

/* window_fuzz_page.c */
extern void check_page(const WindowType *type);

#endif							/* FLEX_WINDOW_FUZZ_H */
