/*
 * json.h
 *		JSON in and out.  json.c is the only file that knows jansson.
 */
#ifndef FLEX_JSON_H
#define FLEX_JSON_H

#include "conflict.h"

extern void json_initialize(void);
extern char *json_of_finding(const Rulebook *rulebook, const Finding *finding);

#endif							/* FLEX_JSON_H */
