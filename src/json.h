/*
 * json.h
 *		JSON in and out.  json.c is the only file that knows jansson.
 *
 * Reading: json_open() judges the syntax and hands back the place of the
 * outermost value; json_next() walks the members of an object or array in the
 * order in which they were written; json_refuse() says what is wrong at a
 * place, with its line, column and key.  Everything lives in the memory context
 * in which json_open() was called.
 */
#ifndef FLEX_JSON_H
#define FLEX_JSON_H

#include "finding.h"

struct Node;

typedef struct JsonReader JsonReader;

typedef enum JsonKind
{
	JSON_KIND_OBJECT,
	JSON_KIND_ARRAY,
	JSON_KIND_STRING,
	JSON_KIND_NUMBER,
	JSON_KIND_BOOLEAN,
	JSON_KIND_NULL
} JsonKind;

typedef enum JsonNumber
{
	JSON_NUMBER_EXACT,
	JSON_NUMBER_TOO_FINE,		/* more decimals than asked for */
	JSON_NUMBER_TOO_LARGE,		/* does not fit */
	JSON_NUMBER_EXPONENT		/* written with an exponent */
} JsonNumber;

/* A value and how one gets to it; start a walk with a zeroed place. */
typedef struct JsonPlace
{
	const struct JsonPlace *parent; /* NULL for the outermost value */
	const char *key;			/* of a member of an object, in UTF-8; else NULL */
	int			ordinal;		/* its number in the container, from 0 */
	void	   *value;
	void	   *iterator;
} JsonPlace;

extern void json_initialize(void);
extern char *json_of_finding(const Rulebook *rulebook, const Finding *finding);

extern JsonReader *json_open(const char *text, int length, int longest, const char *type_name,
							 const char *hint, struct Node *escontext, JsonPlace *root);
extern void json_close(JsonReader *reader, JsonPlace *root);
extern bool json_next(const JsonPlace *container, JsonPlace *member);
extern JsonKind json_kind(const JsonPlace *place);
extern char *json_string_of(const JsonPlace *place);
extern bool json_boolean_of(const JsonPlace *place);
extern JsonNumber json_number(const JsonReader *reader, const JsonPlace *place, int decimals, int64 *result);
extern char *json_shown(const JsonReader *reader, const JsonPlace *place);
extern char *json_shown_key(const JsonPlace *place);
extern char *json_position(const JsonReader *reader, const JsonPlace *place);
extern bool json_refuse(const JsonReader *reader, const JsonPlace *place, bool at_key, int sqlstate,
						const char *hint, const char *format,...) pg_attribute_printf(6, 7);

#endif							/* FLEX_JSON_H */
