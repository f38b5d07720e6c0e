/*
 * instance.h
 *		An exchange as the C code sees it: its tables, its saved queries, its rules.
 */
#ifndef FLEX_INSTANCE_H
#define FLEX_INSTANCE_H

#include "executor/spi.h"
#include "pgtime.h"

#include "rulebook.h"

/* Argument types of saved queries that have no fixed object id. */
#define WINDOW_ARG			((Oid) 1)	/* time_window */
#define WINDOW_ARRAY_ARG	((Oid) 2)	/* time_window[] */

/* One statement, prepared once per session and exchange. */
typedef enum QuerySlot
{
	QUERY_PRODUCT,
	QUERY_PARTICIPANT,
	QUERY_HAS_MEMBERS,
	QUERY_PORTFOLIO_SUPPLY,
	QUERY_ASSET_CONNECTION,
	QUERY_PARTNERS_OF_ASSET,
	QUERY_PARTNERS_OF_PORTFOLIO,
	QUERY_PAIRS_OF_PORTFOLIO,
	QUERY_PLACES_APART,
	QUERY_PLACE_MEMBERS,
	QUERY_PLACES_TOUCHED,
	QUERY_PORTFOLIOS_TOUCHED,
	QUERY_KEEP_PORTFOLIOS,
	QUERY_FORGET_PLACES,
	QUERY_KEEP_PLACES,
	QUERY_FORGET_MEMBER_COMMITMENTS,
	QUERY_KEEP_MEMBER_COMMITMENTS,
	QUERY_CLOSE_MEMBER_COMMITMENT,
	QUERY_OWNER_OF_ID,
	QUERY_AWARD,
	QUERY_BID,
	QUERY_AVAILABILITY,
	QUERY_DISPATCH,
	QUERY_HAS_CHILDREN,
	QUERY_CHILDREN_OF_AWARD,
	QUERY_CHILDREN_OF_AVAILABILITY,
	QUERY_POST,
	QUERY_POST_ALL,
	QUERY_CLOSE,
	QUERY_RELINK,
	QUERY_BOOKED,
	QUERY_GET,
	QUERY_SET_HEADROOM_CHECKED,
	QUERY_CONFLICTS_OF,
	QUERY_CONFLICT_WRITE,
	QUERY_CONFLICT_WRITE_PAIR,
	QUERY_CONFLICT_CLOSE,
	QUERY_CONFLICT_CLOSE_ALL,
	QUERY_CONFLICTS_OF_UNIT,
	QUERY_EXCLUSIVITIES,
	QUERY_LOCK_ASSETS,
	QUERY_LOCK_PORTFOLIOS,
	QUERY_CONTRACT,
	QUERY_CARRY_OUT,
	QUERY_RELEASE_HOLDS,
	QUERY_NETWORK_WATCH,
	QUERY_NETWORK_PLACE_ALL,
	QUERY_NETWORK_LOCK_ASSETS,
	QUERY_NETWORK_LOCK_PORTFOLIOS,
	QUERY_NETWORK_LOCK_DISPATCHES,
	QUERY_NETWORK_LOCK_NODES,
	QUERY_NETWORK_UNPLACE,
	QUERY_NETWORK_PLACE,
	QUERY_NETWORK_PLACES,
	QUERY_NETWORK_TOUCH,
	QUERY_NETWORK_RESTRICTIONS,
	QUERY_NETWORK_REMOVALS,
	QUERY_NETWORK_AT_NODES,
	QUERY_NETWORK_OF_UNITS,
	QUERY_NETWORK_HOLD_NODES,
	QUERY_NETWORK_HOLD_ASSETS,
	QUERY_NETWORK_HOLD_PORTFOLIOS,
	QUERY_COUNTERACTION_AFFECTED,
	QUERY_COUNTERACTION_WRITE,
	QUERY_COUNTERACTION_SWEPT,
	QUERY_PROFILE_OF_ASSET,
	QUERY_PROFILE_OF_PORTFOLIO,
	QUERY_WAITING,
	QUERY_COMMITTED,
	QUERY_MAY_SHARE,
	QUERY_COUNT
} QuerySlot;

#define QUERY_MAX_ARGS	20

typedef struct SavedQuery
{
	QuerySlot	slot;
	const char *text;			/* %1$s stands for the schema */
	int			nargs;
	Oid			argtypes[QUERY_MAX_ARGS];
} SavedQuery;

/* Columns of table commitment that are read straight from its tuples. */
typedef enum BookColumn
{
	BOOK_ID,
	BOOK_STAGE,
	BOOK_SOURCE_ID,
	BOOK_UNIT_ID,
	BOOK_UNIT_KIND,
	BOOK_SERVICE_CODE,
	BOOK_PRODUCT_ID,
	BOOK_MARKET_OPERATOR_ID,
	BOOK_SERVICE_PROVIDER_ID,
	BOOK_DIRECTION,
	BOOK_POWER_KW,
	BOOK_DELIVERY_WINDOW,
	BOOK_BID_ID,
	BOOK_AWARD_ID,
	BOOK_AVAILABILITY_ID,
	BOOK_SUPERSEDES_ID,
	BOOK_HEADROOM_CHECKED,
	BOOK_CLOSED_AT,
	BOOK_NCOLUMNS
} BookColumn;

/* Columns of table member_commitment, which are all that it has. */
typedef enum MemberColumn
{
	MEMBER_PORTFOLIO_ID,
	MEMBER_CELL,
	MEMBER_ASSET_ID,
	MEMBER_COMMITMENT_ID,
	MEMBER_DELIVERY_WINDOW,
	MEMBER_NCOLUMNS
} MemberColumn;

/* What a product means for the book. */
typedef struct Product
{
	int64		id;				/* hash key */
	int64		market_operator_id;
	int			service;		/* index in the rulebook */
	bool		binds_by_availability;
	bool		scheduled;		/* delivered as awarded, without an instruction */
	int64		max_recovery_us;	/* that a unit may claim after delivering it */
	char	   *code;
	char	   *market;			/* its code */
} Product;

/* A table of units that is read straight, by its primary key. */
typedef struct UnitTable
{
	Oid			relid;
	Oid			key_relid;		/* the index */
	AttrNumber	profile_attr;
	AttrNumber	qualified_attr[2];	/* up, down; of assets alone */
	AttrNumber	metering_point_attr;	/* of assets alone */
} UnitTable;

typedef struct Instance
{
	Oid			namespace_oid;	/* hash key */

	/* the layout: thrown away when a relation or the schema changes */
	bool		layout_valid;
	MemoryContext layout_context;
	char	   *name;			/* of the schema */
	char	   *schema;			/* the same, quoted where needed */
	Oid			book_relid;
	Oid			book_index_relid;
	Oid			book_source_index_relid;
	Oid			members_relid;	/* table member_commitment */
	Oid			members_index_relid;
	AttrNumber	members_attr[MEMBER_NCOLUMNS];
	Oid			places_relid;	/* table place_supply */
	Oid			places_index_relid;
	AttrNumber	places_attr[3]; /* portfolio_id, with_id, valid */
	Oid			window_type;	/* flexexchange.time_window */
	RegProcedure overlaps_proc;	/* function of resource_window && resource_window */
	AttrNumber	book_attr[BOOK_NCOLUMNS];
	UnitTable	unit_table[2];	/* asset, portfolio */
	SPIPlanPtr	plans[QUERY_COUNT];

	/* the rules: thrown away when trigger forget_rules() says so */
	Oid			rules_relid;	/* table ruleset, whose relcache message tells */
	bool		rules_valid;
	MemoryContext rules_context;
	pg_tz	   *zone;			/* delivery days are counted in it */
	bool		by_schedule;	/* events only keep the book; a sweep finds conflicts */
	Rulebook   *rulebook;
	struct HTAB *products;
	struct HTAB *participants;	/* those that have been looked up and are there */
} Instance;

/* The columns of commitment by name, in the order of BookColumn, for RETURNING. */
#define BOOK_COLUMN_LIST \
	"id, stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, " \
	"service_provider_id, direction, power_kw, delivery_window, bid_id, award_id, availability_id, " \
	"supersedes_id, headroom_checked, closed_at"

extern bool flex_detect_always;

extern void instance_initialize(void);
extern Oid	time_window_type(void);
extern void require_column_type(Oid relid, const char *column, AttrNumber attr, Oid type);
extern Oid	require_key_on_id(Relation relation);
extern Instance *instance_get(Oid namespace_oid);
extern int	instance_query(Instance *instance, const SavedQuery *query,
						   Datum *values, const char *nulls, long limit);
extern Datum int64_array(const int64 *values, int count);
extern int64 *int64_column_of_result(int column, int *count);
extern const Product *instance_product(Instance *instance, int64 product_id);
extern bool instance_detects_by_event(const Instance *instance);
extern bool instance_has_participant(Instance *instance, int64 participant_id);

#endif							/* FLEX_INSTANCE_H */
