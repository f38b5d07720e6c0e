/*
 * compat.h
 *		The few differences between PostgreSQL 15 and 18 that this code meets.
 *
 * Included right after postgres.h.  Each shim names the upstream commit, so
 * that it can be deleted with the last major version that needs it.
 */
#ifndef FLEX_COMPAT_H
#define FLEX_COMPAT_H

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "flexexchange is written for PostgreSQL 15 to 18"
#endif

/* ereturn(): soft errors arrived in 16 (d9f7f5d32f); before, it is ereport() */
#if PG_VERSION_NUM < 160000
#define ereturn(context, dummy_value, ...) \
	do { (void) (context); ereport(ERROR, __VA_ARGS__); } while (0)
#define flex_escontext(fcinfo) ((struct Node *) NULL)
#else
#include "nodes/miscnodes.h"
#define flex_escontext(fcinfo) ((fcinfo)->context)
#endif

/* varatt.h was split from postgres.h in 16 (d952373a98) */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* DecodeDateTime() reports the offending zone since 16 (bcc704b524) */
#if PG_VERSION_NUM < 160000
#define flex_DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz)
#else
#define flex_DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz) \
	DecodeDateTime(field, ftype, nf, dtype, tm, fsec, tz, \
				   &(DateTimeErrorExtra) {NULL, NULL})
#endif

/* make_range() takes an error context since 16 (1c54b93a8c) */
#if PG_VERSION_NUM < 160000
#define flex_make_range(typcache, lower, upper) \
	make_range(typcache, lower, upper, false)
#else
#define flex_make_range(typcache, lower, upper) \
	make_range(typcache, lower, upper, false, NULL)
#endif

/* index_beginscan() can count searches since 18 (0fbceae841) */
#if PG_VERSION_NUM < 180000
#define flex_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, nkeys, 0)
#else
#define flex_index_beginscan(heap, index, snapshot, nkeys) \
	index_beginscan(heap, index, snapshot, NULL, nkeys, 0)
#endif

/* the statistics target moved from pg_attribute's row in 17 (4f622503d6, d939cb2fd6) */
#if PG_VERSION_NUM < 170000
#define flex_stattarget(stats)	((stats)->attr->attstattarget)
#else
#define flex_stattarget(stats)	((stats)->attstattarget)
#endif

/* vacuum_delay_point() asks whether it is ANALYZE since 18 (e5b0b0ce15) */
#if PG_VERSION_NUM < 180000
#define flex_analyze_delay_point()	vacuum_delay_point()
#else
#define flex_analyze_delay_point()	vacuum_delay_point(true)
#endif

/* one check of ownership and one of privileges for all kinds of objects since 16 (afbfc02983, c727f511bd) */
#if PG_VERSION_NUM < 160000
#include "utils/acl.h"
#define flex_proc_aclcheck(function, roleid, mode)	pg_proc_aclcheck(function, roleid, mode)
#define flex_class_ownercheck(relid, roleid)	pg_class_ownercheck(relid, roleid)
#define flex_namespace_ownercheck(nspid, roleid)	pg_namespace_ownercheck(nspid, roleid)
#else
#include "catalog/pg_class.h"
#include "utils/acl.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#define flex_proc_aclcheck(function, roleid, mode)	object_aclcheck(ProcedureRelationId, function, roleid, mode)
#define flex_class_ownercheck(relid, roleid)	object_ownercheck(RelationRelationId, relid, roleid)
#define flex_namespace_ownercheck(nspid, roleid)	object_ownercheck(NamespaceRelationId, nspid, roleid)
#endif

/* ExecInsertIndexTuples() can leave out indexes since 16 (19d8e2308b) */
#if PG_VERSION_NUM < 160000
#define flex_ExecInsertIndexTuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL)
#else
#define flex_ExecInsertIndexTuples(target, slot, estate) \
	ExecInsertIndexTuples(target, slot, estate, false, false, NULL, NIL, false)
#endif

/* RelationGetPrimaryKeyIndex() can leave out a deferrable key since 18 */
#if PG_VERSION_NUM < 180000
#define flex_RelationGetPrimaryKeyIndex(relation)	RelationGetPrimaryKeyIndex(relation)
#else
#define flex_RelationGetPrimaryKeyIndex(relation)	RelationGetPrimaryKeyIndex(relation, false)
#endif

/* pg_noreturn, before a declaration, took the place of pg_attribute_noreturn(), behind it, in 18 */
#if PG_VERSION_NUM < 180000
#define pg_noreturn __attribute__((noreturn))
#endif

/* GiST learned to translate strategy numbers, PG_MODULE_MAGIC to carry a name, in 18 */
#if PG_VERSION_NUM < 180000
#define FLEX_MODULE_MAGIC PG_MODULE_MAGIC
#else
#define FLEX_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "flexexchange", .version = FLEX_VERSION)
#endif

#endif							/* FLEX_COMPAT_H */
