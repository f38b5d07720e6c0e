/*
 * supply.c
 *		How much power units that draw on the same assets can be given together.
 *
 * Power comes from places: an asset, or a connection with a known limit and all
 * assets behind it.  At an instant a unit may draw on an asset, if it is that asset,
 * what the asset can sell; if it is a portfolio that the asset is a member of, what
 * is lent to it and no more than the asset can sell.  All units together draw on an
 * asset what it can sell at most, and on a connection what that lets through.
 *
 * Given what each unit must deliver, the power that cannot be supplied is the total
 * less the maximum flow through
 *
 *		source -> unit -> asset -> connection -> sink
 *
 * which is the greatest deficiency of a set of units: what they must deliver less what
 * they can be given together.  The smallest set that lacks most is the source's side
 * of the smallest minimum cut.
 *
 * The network need not have a node for every member.  Places at which two of the units
 * meet, both portfolios, are one node for those two: the room of its edges is what all
 * these places together can give the one and the other, its own what they can give
 * both.  That is exact, for a flow is possible there if and only if each set of units
 * takes no more than the places can give it, summed over places; with two units
 * a node and two edges say all of that.  Places at which one of the units is alone are
 * an edge to the sink.  Both sums are kept beforehand (supply_kept.c); for the instants
 * between which they change see supply_instants().  Only places apart have nodes of
 * their own: those of single assets that are among the units, and those at which three
 * or more of the portfolios meet.  They are taken out of the sums.
 *
 * What a unit must deliver comes in groups, by service.  A commitment of an asset itself may
 * bar a group of a portfolio from that asset (headroom.c says which does).  Such a
 * portfolio's groups have nodes of their own between source and unit, and what they may
 * draw on the asset goes past the unit, through a node that only some of them reach:
 *
 *		source -> group -> unit -> whatever nobody is barred from
 *					\-> draw  -> asset
 */
#include "postgres.h"
#include "compat.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "flow.h"
#include "supply.h"

/* A portfolio with another: sums over their common places, until the next of the same two. */
typedef struct PairStep
{
	int			with;			/* unit */
	int64		since_us;
	int			places;
	int			assets;
	int			crowded;		/* places of three or more portfolios */
	int64		own_w;			/* that the places can give the first */
	int64		both_w;
} PairStep;

typedef struct SupplyUnit
{
	UnitRef		ref;
	const IdList *portfolios;	/* with which it shares places */
	Capacity	capacity;
	int			nsteps;
	PairStep   *steps;			/* by partner, then time */

	/* at the instant */
	bool		drawing;		/* has something to deliver, and its capacity is known */
	bool		divided;		/* some of its groups are barred from something */
	int64		private_w;		/* of a portfolio: from places where it is alone */
	int			cluster;		/* of those that are connected */
	int			asset;			/* of a unit that is one at a place apart, else -1 */
} SupplyUnit;

/* A unit and an asset at a place apart. */
typedef struct Draw
{
	int			unit;
	int			asset;
	TimeWindow	valid;
	int64		power_w;

	/* at the instant */
	bool		barred;			/* to some group */
	int			node;
	int			first_edge;		/* from the first group of the unit; those of the others follow */
} Draw;

/* A group of a portfolio is barred from an asset while a group of that asset is delivered. */
typedef struct Bar
{
	int			group;
	int			asset_group;
	int			draw;
} Bar;

typedef struct ApartAsset
{
	int64		id;
	int			place;
	int64		qualified_w;	/* negative: not known */
	int			first_draw;
	int			ndraws;
	int			node;
} ApartAsset;

typedef struct ApartPlace
{
	int64		id;
	int64		swing_w;		/* negative: no limit */
	int			first_asset;
	int			nassets;
	int			first_draw;
	int			ndraws;
	int			node;
} ApartPlace;

struct Supply
{
	Instance   *instance;
	bool		down;
	TimeWindow	window;
	int			nunits;
	SupplyUnit *units;

	/* what is read once it is needed */
	bool		has_details;
	int			nplaces;
	ApartPlace *places;
	int			nassets;
	ApartAsset *assets;
	int			ndraws;
	Draw	   *draws;			/* by place */

	/* at the instant */
	int64		instant_us;
	int			ndrawing;
	int		   *drawing;		/* units */
	int			ngroups;
	const UnitService *groups;	/* what the units deliver */
	int		   *ordinal;		/* of a group within its unit */
	int		   *group_edge;		/* from the source */
	int			nbars;
	int			bars_allocated;
	Bar		   *bars;
	Flow	   *flow;			/* NULL until it is needed */
};

static const SavedQuery pairs_query = {
	QUERY_PAIRS_OF_PORTFOLIO,
	"SELECT with_id::pg_catalog.int8, since::pg_catalog.timestamptz, places::pg_catalog.int4, assets::pg_catalog.int4, crowded::pg_catalog.int4, "
	"(CASE WHEN $4 THEN own_down_kw ELSE own_up_kw END)::pg_catalog.numeric, (CASE WHEN $4 THEN both_down_kw ELSE both_up_kw END)::pg_catalog.numeric "
	"FROM %1$s.portfolio_supply_during($1, $2, $3) ORDER BY 1, 2",
	4, {INT8OID, INT8ARRAYOID, WINDOW_ARG, BOOLOID}
};

static const SavedQuery places_apart_query = {
	QUERY_PLACES_APART,
	"SELECT place_id::pg_catalog.int8 FROM %1$s.places_apart($1, $2, $3, $4) ORDER BY 1",
	4, {INT8ARRAYOID, INT8ARRAYOID, BOOLOID, WINDOW_ARG}
};

static const SavedQuery place_members_query = {
	QUERY_PLACE_MEMBERS,
	"SELECT place_id::pg_catalog.int8, swing_kw::pg_catalog.numeric, asset_id::pg_catalog.int8, "
	"(CASE WHEN $2 THEN qualified_down_kw ELSE qualified_up_kw END)::pg_catalog.numeric, portfolio_id::pg_catalog.int8, "
	"(CASE WHEN $2 THEN lent_down_kw ELSE lent_up_kw END)::pg_catalog.numeric, valid::flexexchange.time_window "
	"FROM %1$s.place_members($1) ORDER BY 1, 3",
	2, {INT8ARRAYOID, BOOLOID}
};

/* ----------
 * Reading
 * ----------
 */

/* Units by kind and id, to be found again. */
static int
unit_compare(const void *x, const void *y)
{
	const UnitRef *a = &((const SupplyUnit *) x)->ref;
	const UnitRef *b = &((const SupplyUnit *) y)->ref;

	if (a->portfolio != b->portfolio)
		return a->portfolio ? 1 : -1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static Supply *
make_supply(Instance *instance, const Reach *reach, bool down, const TimeWindow *window, bool look)
{
	Supply	   *supply = palloc0(sizeof(Supply));

	UnitReader *reader = look ? unit_reader_begin(instance) : NULL;

	supply->instance = instance;
	supply->down = down;
	supply->window = *window;
	supply->units = palloc0(Max(reach->nunits, 1) * sizeof(SupplyUnit));
	for (int i = 0; i < reach->nunits; i++)
	{
		SupplyUnit *unit = &supply->units[supply->nunits];
		Capacity	capacity[2];

		CHECK_FOR_INTERRUPTS();
		unit->ref = reach->units[i];
		unit->portfolios = &reach->portfolios[i];
		unit->asset = -1;
		if (look ? unit_reader_look(reader, unit->ref.id, unit->ref.portfolio, window, capacity, NULL) :
			capacity_read(instance, unit->ref.id, unit->ref.portfolio, down, window, &capacity[down]))
		{
			unit->capacity = capacity[down];
			supply->nunits++;
		}
	}
	if (reader != NULL)
		unit_reader_end(reader);
	qsort(supply->units, supply->nunits, sizeof(SupplyUnit), unit_compare);
	supply->drawing = palloc(Max(supply->nunits, 1) * sizeof(int));
	return supply;
}

/* What the units in reach, which are held or locked, can be given in one direction over a window. */
Supply *
supply_read(Instance *instance, const Reach *reach, bool down, const TimeWindow *window)
{
	return make_supply(instance, reach, down, window, false);
}

/* The same of units that are only looked at. */
Supply *
supply_look(Instance *instance, const Reach *reach, bool down, const TimeWindow *window)
{
	return make_supply(instance, reach, down, window, true);
}

const Capacity *
supply_capacity(const Supply *supply, int unit)
{
	return &supply->units[unit].capacity;
}

int
supply_nunits(const Supply *supply)
{
	return supply->nunits;
}

bool
supply_is_portfolio(const Supply *supply, int unit)
{
	return supply->units[unit].ref.portfolio;
}

/* The number that a unit has here, -1 when it was not read, or is gone. */
int
supply_unit(const Supply *supply, int64 unit_id, bool portfolio)
{
	SupplyUnit	key = {.ref = {unit_id, portfolio}};
	SupplyUnit *found = bsearch(&key, supply->units, supply->nunits, sizeof(SupplyUnit), unit_compare);

	return found == NULL ? -1 : found - supply->units;
}

static int64
column_power_w(HeapTuple row, TupleDesc desc, int column, int64 otherwise)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? otherwise : power_w_of_kw(value);
}

/* The sums of a portfolio with those that it meets; true when three or more meet somewhere. */
static bool
read_pairs(Supply *supply, SupplyUnit *unit)
{
	Datum		values[4];
	IdList		others = {0};
	bool		crowded = false;

	for (int i = 0; i < unit->portfolios->n; i++)
		if (supply_unit(supply, unit->portfolios->ids[i], true) >= 0)
			id_list_add(&others, unit->portfolios->ids[i]);
	if (others.n == 0)
		return false;
	values[0] = Int64GetDatum(unit->ref.id);
	values[1] = id_list_datum(&others);
	values[2] = TimeWindowPGetDatum(&supply->window);
	values[3] = BoolGetDatum(supply->down);
	instance_query(supply->instance, &pairs_query, values, NULL, 0);
	unit->steps = palloc(Max(SPI_processed, 1) * sizeof(PairStep));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		PairStep   *step = &unit->steps[unit->nsteps];

		step->with = supply_unit(supply, DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull)), true);
		if (step->with < 0 || &supply->units[step->with] == unit)
			continue;
		step->since_us = DatumGetTimestampTz(SPI_getbinval(row, desc, 2, &isnull));
		step->places = DatumGetInt32(SPI_getbinval(row, desc, 3, &isnull));
		step->assets = DatumGetInt32(SPI_getbinval(row, desc, 4, &isnull));
		step->crowded = DatumGetInt32(SPI_getbinval(row, desc, 5, &isnull));
		step->own_w = column_power_w(row, desc, 6, 0);
		step->both_w = column_power_w(row, desc, 7, 0);
		crowded |= step->crowded > 0;
		unit->nsteps++;
	}
	SPI_freetuptable(SPI_tuptable);
	return crowded;
}

/* The assets at places apart and who draws on them, from rows of place_members_query. */
static void
read_places(Supply *supply)
{
	int			nrows = SPI_processed;

	supply->places = palloc(Max(nrows, 1) * sizeof(ApartPlace));
	supply->assets = palloc(Max(nrows, 1) * sizeof(ApartAsset));
	supply->draws = palloc(Max(2 * nrows, 1) * sizeof(Draw));
	for (int i = 0; i < nrows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		int64		place_id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		int64		asset_id = DatumGetInt64(SPI_getbinval(row, desc, 3, &isnull));
		ApartPlace *place = &supply->places[supply->nplaces - 1];
		ApartAsset *asset = &supply->assets[supply->nassets - 1];
		Datum		value;
		Draw		draw = {0};

		if (supply->nplaces == 0 || place->id != place_id)
		{
			place = &supply->places[supply->nplaces++];
			memset(place, 0, sizeof(ApartPlace));
			place->id = place_id;
			place->swing_w = column_power_w(row, desc, 2, -1);
			place->first_asset = supply->nassets;
			place->first_draw = supply->ndraws;
		}
		draw.asset = supply->nassets - 1;
		if (place->nassets == 0 || asset->id != asset_id)
		{
			asset = &supply->assets[supply->nassets++];
			asset->id = asset_id;
			asset->place = supply->nplaces - 1;
			asset->qualified_w = column_power_w(row, desc, 4, -1);
			asset->first_draw = supply->ndraws;
			asset->ndraws = 0;
			place->nassets++;
			draw.asset = supply->nassets - 1;
			/* its own commitments, if it is one of the units */
			draw.unit = supply_unit(supply, asset_id, false);
			draw.valid.start_us = TIME_WINDOW_NO_BEGIN;
			draw.valid.end_us = TIME_WINDOW_NO_END;
			draw.power_w = asset->qualified_w;
			if (draw.unit >= 0)
			{
				supply->units[draw.unit].asset = draw.asset;
				supply->draws[supply->ndraws++] = draw;
				asset->ndraws++;
				place->ndraws++;
			}
		}
		value = SPI_getbinval(row, desc, 5, &isnull);
		if (isnull)
			continue;			/* lent to nobody */
		draw.unit = supply_unit(supply, DatumGetInt64(value), true);
		if (draw.unit < 0)
			continue;
		draw.valid = *DatumGetTimeWindowP(SPI_getbinval(row, desc, 7, &isnull));
		draw.power_w = column_power_w(row, desc, 6, -1);
		supply->draws[supply->ndraws++] = draw;
		asset->ndraws++;
		place->ndraws++;
	}
	SPI_freetuptable(SPI_tuptable);
}

static void
read_details(Supply *supply)
{
	IdList		assets = {0};
	IdList		portfolios = {0};
	IdList		places = {0};
	Datum		values[4];
	bool		crowded = false;

	if (supply->has_details)
		return;
	supply->has_details = true;
	if (supply->nunits < 2)
		return;
	for (int i = 0; i < supply->nunits; i++)
		id_list_add(supply->units[i].ref.portfolio ? &portfolios : &assets, supply->units[i].ref.id);
	values[1] = id_list_datum(&portfolios);
	for (int i = 0; i < supply->nunits && portfolios.n > 1; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (supply->units[i].ref.portfolio)
			crowded |= read_pairs(supply, &supply->units[i]);
	}

	values[0] = id_list_datum(&assets);
	values[2] = BoolGetDatum(crowded && portfolios.n > 2);
	values[3] = TimeWindowPGetDatum(&supply->window);
	instance_query(supply->instance, &places_apart_query, values, NULL, 0);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;

		id_list_add(&places, DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull)));
	}
	SPI_freetuptable(SPI_tuptable);
	if (places.n == 0)
		return;
	values[0] = id_list_datum(&places);
	values[1] = BoolGetDatum(supply->down);
	instance_query(supply->instance, &place_members_query, values, NULL, 0);
	read_places(supply);
}

/* The instants within a window at which what units can be given changes, in no order. */
int64 *
supply_instants(Supply *supply, const TimeWindow *window, int *count)
{
	int64	   *instants;
	int			most;
	int			n = 0;

	read_details(supply);
	most = 2 * supply->ndraws;
	for (int i = 0; i < supply->nunits; i++)
		most += supply->units[i].capacity.nspans + supply->units[i].nsteps;
	instants = palloc(Max(most, 1) * sizeof(int64));
#define ADD_INSTANT(us) \
	if (window->start_us < (us) && (us) < window->end_us) \
		instants[n++] = (us)
	for (int i = 0; i < supply->nunits; i++)
	{
		const SupplyUnit *unit = &supply->units[i];

		for (int j = 0; j < unit->capacity.nspans; j++)
			ADD_INSTANT(unit->capacity.spans[j].window.start_us);
		for (int j = 0; j < unit->nsteps; j++)
			ADD_INSTANT(unit->steps[j].since_us);
	}
	for (int i = 0; i < supply->ndraws; i++)
	{
		ADD_INSTANT(supply->draws[i].valid.start_us);
		ADD_INSTANT(supply->draws[i].valid.end_us);
	}
#undef ADD_INSTANT
	*count = n;
	return instants;
}

/* ----------
 * At an instant
 * ----------
 */

/* What holds of two portfolios at the instant; NULL when they never meet. */
static const PairStep *
pair_at(const Supply *supply, int a, int b)
{
	const SupplyUnit *unit = &supply->units[a];
	int			low = 0;
	int			high = unit->nsteps;

	/* the first that is later, of that partner or the next */
	while (low < high)
	{
		int			middle = (low + high) / 2;
		const PairStep *step = &unit->steps[middle];

		if (step->with < b || (step->with == b && step->since_us <= supply->instant_us))
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && unit->steps[low - 1].with == b ? &unit->steps[low - 1] : NULL;
}

static bool
draws_now(const Supply *supply, const Draw *draw)
{
	return supply->units[draw->unit].drawing && time_window_contains_instant(&draw->valid, supply->instant_us);
}

/* What a unit draws at the instant on the asset that another unit is; -1: nothing. */
static int
draw_of(const Supply *supply, int unit, int asset_unit)
{
	int			number = supply->units[asset_unit].asset;

	if (number < 0 || !supply->units[asset_unit].drawing)
		return -1;
	for (int i = 0; i < supply->assets[number].ndraws; i++)
	{
		int			draw = supply->assets[number].first_draw + i;

		if (supply->draws[draw].unit == unit && draws_now(supply, &supply->draws[draw]))
			return draw;
	}
	return -1;
}

/* The number of assets that two units have in common at the instant. */
int
supply_common_assets(const Supply *supply, int a, int b)
{
	const PairStep *step;

	if (supply->units[a].ref.portfolio && supply->units[b].ref.portfolio)
	{
		step = pair_at(supply, a, b);
		return step == NULL ? 0 : step->assets;
	}
	if (supply->units[a].ref.portfolio)
		return supply_common_assets(supply, b, a);
	return a == b || draw_of(supply, b, a) >= 0;
}

/* What a place apart can give one portfolio, or two of them together, at the instant. */
static int64
place_power_w(const Supply *supply, const ApartPlace *place, int a, int b)
{
	int64		sum_w = 0;
	int64		asset_w = 0;

	for (int i = 0; i < place->ndraws; i++)
	{
		const Draw *draw = &supply->draws[place->first_draw + i];

		if ((draw->unit == a || draw->unit == b) && draws_now(supply, draw))
			asset_w += draw->power_w;
		if (i + 1 == place->ndraws || draw[1].asset != draw->asset)
		{
			sum_w += Min(asset_w, Max(supply->assets[draw->asset].qualified_w, 0));
			asset_w = 0;
		}
	}
	return place->swing_w >= 0 ? Min(sum_w, place->swing_w) : sum_w;
}

/* The units of a place apart that draw on it, each once; how many. */
static int
units_at_place(const Supply *supply, const ApartPlace *place, int *units)
{
	int			n = 0;

	for (int i = 0; i < place->ndraws; i++)
	{
		const Draw *draw = &supply->draws[place->first_draw + i];
		bool		known = !draws_now(supply, draw);

		for (int j = 0; j < n && !known; j++)
			known = units[j] == draw->unit;
		if (!known)
			units[n++] = draw->unit;
	}
	return n;
}

/* The portfolios among them. */
static int
portfolios_at_place(const Supply *supply, const ApartPlace *place, int *units)
{
	int			n = units_at_place(supply, place, units);
	int			kept = 0;

	for (int i = 0; i < n; i++)
		if (supply->units[units[i]].ref.portfolio)
			units[kept++] = units[i];
	return kept;
}

enum
{
	SOURCE,
	SINK,
	FIRST_UNIT
};

/* Places at which two portfolios meet, but for those apart, as one node. */
typedef struct Meeting
{
	int64		first_w;
	int64		second_w;
	int64		both_w;
} Meeting;

/* What all places together give to each two portfolios that meet, of n that draw; 0 for others. */
static Meeting *
read_meetings(Supply *supply, const int *number, int n)
{
	Meeting    *meetings = palloc0((Size) n * n * sizeof(Meeting));

	for (int i = 0; i < n; i++)
	{
		int			unit = supply->drawing[i];

		for (int j = 0; j < supply->units[unit].nsteps; j++)
		{
			const PairStep *step = &supply->units[unit].steps[j];
			int			with = number[step->with];

			/* the last one up to the instant */
			if (with < 0 || step->since_us > supply->instant_us)
				continue;
			if (i < with)
			{
				meetings[i * n + with].first_w = step->own_w;
				meetings[i * n + with].both_w = step->both_w;
			}
			else
				meetings[with * n + i].second_w = step->own_w;
		}
	}
	return meetings;
}

static void
add_place(Supply *supply, ApartPlace *place)
{
	int			to = SINK;

	if (place->swing_w >= 0)
	{
		to = flow_add_node(supply->flow);
		(void) flow_add_edge(supply->flow, to, SINK, place->swing_w);
	}
	for (int i = 0; i < place->nassets; i++)
		supply->assets[place->first_asset + i].node = -1;
	for (int i = 0; i < place->ndraws; i++)
	{
		Draw	   *draw = &supply->draws[place->first_draw + i];
		ApartAsset *asset = &supply->assets[draw->asset];

		if (!draws_now(supply, draw))
			continue;
		if (asset->node < 0)
		{
			asset->node = flow_add_node(supply->flow);
			(void) flow_add_edge(supply->flow, asset->node, to, asset->qualified_w);
		}
		draw->node = draw->barred ? flow_add_node(supply->flow) : FIRST_UNIT + draw->unit;
		(void) flow_add_edge(supply->flow, draw->node, asset->node, draw->power_w);
	}
}

/* Is it the last step of two portfolios up to the instant? */
static bool
holds_now(const Supply *supply, const SupplyUnit *unit, const PairStep *step)
{
	const PairStep *next = step + 1;

	return step->since_us <= supply->instant_us &&
		(next == unit->steps + unit->nsteps || next->with != step->with || next->since_us > supply->instant_us);
}

static int
cluster_of(Supply *supply, int unit)
{
	while (supply->units[unit].cluster != unit)
		unit = supply->units[unit].cluster = supply->units[supply->units[unit].cluster].cluster;
	return unit;
}

/* Leave of a set of units that draw those that are connected with one of them. */
static void
keep_connected(Supply *supply, int subject, bool *part)
{
	int		   *at_place = palloc(supply->nunits * sizeof(int));

	for (int i = 0; i < supply->nunits; i++)
		supply->units[i].cluster = i;
	for (int i = 0; i < supply->nplaces; i++)
	{
		int			n = units_at_place(supply, &supply->places[i], at_place);
		int			first = -1;

		for (int j = 0; j < n; j++)
		{
			if (!part[at_place[j]])
				continue;
			if (first >= 0)
				supply->units[cluster_of(supply, at_place[j])].cluster = cluster_of(supply, first);
			first = at_place[j];
		}
	}
	for (int a = 0; a < supply->nunits; a++)
		for (int i = 0; i < supply->units[a].nsteps; i++)
		{
			const PairStep *step = &supply->units[a].steps[i];

			if (step->places > 0 && part[a] && part[step->with] && holds_now(supply, &supply->units[a], step))
				supply->units[cluster_of(supply, a)].cluster = cluster_of(supply, step->with);
		}
	for (int i = 0; i < supply->nunits; i++)
		part[i] = part[i] && cluster_of(supply, i) == cluster_of(supply, subject);
	pfree(at_place);
}

/*
 * Go to an instant, at which those units have something to deliver; they become those of
 * them that are connected with the subject.
 */
void
supply_at(Supply *supply, int64 instant_us, int subject, bool *drawing)
{
	supply->instant_us = instant_us;
	supply->ndrawing = 0;
	for (int i = 0; i < supply->nunits; i++)
	{
		supply->units[i].drawing = drawing[i] =
			drawing[i] && capacity_at(&supply->units[i].capacity, instant_us)->known;
		supply->ndrawing += drawing[i];
	}
	if (supply->ndrawing > 1 && drawing[subject])
		keep_connected(supply, subject, drawing);
	supply->ndrawing = 0;
	for (int i = 0; i < supply->nunits; i++)
	{
		supply->units[i].drawing = drawing[i];
		if (drawing[i])
			supply->drawing[supply->ndrawing++] = i;
	}
}

/* That is what they deliver: groups of units that draw, and nobody is barred from anything. */
void
supply_deliver(Supply *supply, const UnitService *groups, int ngroups)
{
	if (supply->flow != NULL)
		flow_free(supply->flow);
	supply->flow = NULL;
	if (supply->ordinal != NULL)
	{
		pfree(supply->ordinal);
		pfree(supply->group_edge);
	}
	supply->groups = groups;
	supply->ngroups = ngroups;
	supply->ordinal = palloc(ngroups * sizeof(int));
	supply->group_edge = palloc(ngroups * sizeof(int));
	supply->nbars = 0;
}

/*
 * A group of a portfolio is not to be supplied by the asset that another is of while that
 * is delivered.  False when it never is: the portfolio does not draw on it.
 */
bool
supply_bar(Supply *supply, int group, int asset_group)
{
	int			draw = draw_of(supply, supply->groups[group].unit, supply->groups[asset_group].unit);

	if (draw < 0)
		return false;
	if (supply->nbars == supply->bars_allocated)
	{
		supply->bars_allocated = Max(2 * supply->bars_allocated, 16);
		supply->bars = supply->bars == NULL ? palloc(supply->bars_allocated * sizeof(Bar)) :
			repalloc_huge(supply->bars, supply->bars_allocated * sizeof(Bar));
	}
	supply->bars[supply->nbars].group = group;
	supply->bars[supply->nbars].asset_group = asset_group;
	supply->bars[supply->nbars++].draw = draw;
	return true;
}

/* Does a group bar any of those? */
bool
supply_bars_anybody(const Supply *supply, int asset_group, const bool *in)
{
	for (int i = 0; i < supply->nbars; i++)
		if (supply->bars[i].asset_group == asset_group && in[supply->bars[i].group])
			return true;
	return false;
}

/* Lead from the source to what must be delivered: to units, or to groups of those that are divided. */
static void
add_groups(Supply *supply)
{
	int		   *ngroups = palloc0(supply->nunits * sizeof(int));

	for (int i = 0; i < supply->nunits; i++)
		supply->units[i].divided = false;
	for (int i = 0; i < supply->ndraws; i++)
		supply->draws[i].barred = false;
	for (int i = 0; i < supply->nbars; i++)
	{
		supply->units[supply->groups[supply->bars[i].group].unit].divided = true;
		supply->draws[supply->bars[i].draw].barred = true;
	}
	for (int i = 0; i < supply->ngroups; i++)
	{
		int			unit = supply->groups[i].unit;
		int			node = FIRST_UNIT + unit;

		supply->ordinal[i] = ngroups[unit]++;
		if (supply->units[unit].divided)
		{
			node = flow_add_node(supply->flow);
			(void) flow_add_edge(supply->flow, node, FIRST_UNIT + unit, FLOW_UNLIMITED);
		}
		supply->group_edge[i] = flow_add_edge(supply->flow, SOURCE, node, 0);
	}
	pfree(ngroups);
}

/* Lead the groups of a portfolio to what it draws where some of them are barred. */
static void
add_draws(Supply *supply)
{
	for (int i = 0; i < supply->ndraws; i++)
	{
		Draw	   *draw = &supply->draws[i];

		if (!draw->barred)
			continue;
		draw->first_edge = -1;
		for (int g = 0; g < supply->ngroups; g++)
		{
			int			edge;

			if (supply->groups[g].unit != draw->unit)
				continue;
			edge = flow_add_edge(supply->flow, flow_to(supply->flow, supply->group_edge[g]), draw->node, FLOW_UNLIMITED);
			if (draw->first_edge < 0)
				draw->first_edge = edge;
		}
	}
}

/* Make the network of the units that draw at the instant. */
static void
make_network(Supply *supply)
{
	int			n;
	int		   *number;			/* of a unit among those that draw, -1: it does not */
	int		   *at_place;
	Meeting    *meetings;		/* of two that draw, the first with the lower number */

	for (int i = 0; i < supply->ndrawing; i++)
	{
		SupplyUnit *unit = &supply->units[supply->drawing[i]];

		unit->private_w = unit->ref.portfolio ? capacity_at(&unit->capacity, supply->instant_us)->power_w : 0;
	}
	n = supply->ndrawing;
	number = palloc(supply->nunits * sizeof(int));
	for (int i = 0; i < supply->nunits; i++)
		number[i] = -1;
	for (int i = 0; i < n; i++)
		number[supply->drawing[i]] = i;
	meetings = read_meetings(supply, number, n);
	supply->flow = flow_make(FIRST_UNIT + supply->nunits);
	add_groups(supply);
	at_place = palloc(supply->nunits * sizeof(int));
	for (int i = 0; i < supply->nplaces; i++)
	{
		ApartPlace *place = &supply->places[i];
		int			nat = portfolios_at_place(supply, place, at_place);

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < nat; j++)
		{
			supply->units[at_place[j]].private_w -= place_power_w(supply, place, at_place[j], at_place[j]);
			for (int k = 0; k < nat; k++)
			{
				Meeting    *meeting = &meetings[number[at_place[j]] * n + number[at_place[k]]];

				if (number[at_place[j]] >= number[at_place[k]])
					continue;
				meeting->first_w -= place_power_w(supply, place, at_place[j], at_place[j]);
				meeting->second_w -= place_power_w(supply, place, at_place[k], at_place[k]);
				meeting->both_w -= place_power_w(supply, place, at_place[j], at_place[k]);
			}
		}
		add_place(supply, place);
	}
	for (int i = 0; i < n; i++)
		for (int j = i + 1; j < n; j++)
		{
			const Meeting *meeting = &meetings[i * n + j];
			int			node;

			if (meeting->both_w == 0)
				continue;
			supply->units[supply->drawing[i]].private_w -= meeting->first_w;
			supply->units[supply->drawing[j]].private_w -= meeting->second_w;
			node = flow_add_node(supply->flow);
			(void) flow_add_edge(supply->flow, FIRST_UNIT + supply->drawing[i], node, meeting->first_w);
			(void) flow_add_edge(supply->flow, FIRST_UNIT + supply->drawing[j], node, meeting->second_w);
			(void) flow_add_edge(supply->flow, node, SINK, meeting->both_w);
		}
	for (int i = 0; i < n; i++)
	{
		int			unit = supply->drawing[i];

		(void) flow_add_edge(supply->flow, FIRST_UNIT + unit, SINK, supply->units[unit].private_w);
	}
	add_draws(supply);
	pfree(at_place);
	pfree(meetings);
	pfree(number);
}

/* ----------
 * What cannot be supplied
 * ----------
 */

/* Let the source offer what those groups must deliver, and bar whom they bar. */
static void
set_demand(Supply *supply, const bool *in)
{
	for (int g = 0; g < supply->ngroups; g++)
		flow_set_capacity(supply->flow, supply->group_edge[g], in[g] ? supply->groups[g].weight_w : 0);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < supply->nbars; i++)
		{
			const Bar  *bar = &supply->bars[i];

			/* edges take two numbers each */
			if (pass == 0 || in[bar->asset_group])
				flow_set_capacity(supply->flow, supply->draws[bar->draw].first_edge + 2 * supply->ordinal[bar->group],
								  pass == 0 ? FLOW_UNLIMITED : 0);
		}
}

/* What some groups, of one unit all or none if it is not divided, lack as things stand. */
static int64
missing_w(const Supply *supply, const bool *part)
{
	int64		missing = 0;

	for (int g = 0; g < supply->ngroups; g++)
		if (part[g])
			missing += supply->groups[g].weight_w - flow_through(supply->flow, supply->group_edge[g]);
	return missing;
}

/*
 * The power that groups lack at the instant when those must be delivered at once.  `part`
 * says which are in the smallest set that lacks most, and so lack all of it.
 */
int64
supply_shortage(Supply *supply, const bool *in, bool *part)
{
	if (supply->ndrawing == 1)
	{
		int64		short_w = -capacity_at(&supply->units[supply->drawing[0]].capacity, supply->instant_us)->power_w;

		for (int g = 0; g < supply->ngroups; g++)
			if (in[g])
				short_w += supply->groups[g].weight_w;
		for (int g = 0; g < supply->ngroups; g++)
			part[g] = in[g] && short_w > 0;
		return Max(short_w, 0);
	}
	if (supply->flow == NULL)
		make_network(supply);
	set_demand(supply, in);
	flow_maximize(supply->flow, SOURCE, SINK);
	for (int g = 0; g < supply->ngroups; g++)
		part[g] = in[g] && flow_could_reach(supply->flow, flow_to(supply->flow, supply->group_edge[g]));
	return missing_w(supply, part);
}

/* Of what was found to lack most keep the part that is connected with a unit; what that lacks. */
int64
supply_connected_shortage(Supply *supply, int subject, bool *part)
{
	bool	   *units;

	if (supply->ndrawing == 1)
		return supply_shortage(supply, part, part);
	units = palloc0(supply->nunits * sizeof(bool));
	units[subject] = true;
	for (int g = 0; g < supply->ngroups; g++)
		if (part[g])
			units[supply->groups[g].unit] = true;
	keep_connected(supply, subject, units);
	for (int g = 0; g < supply->ngroups; g++)
		part[g] = part[g] && units[supply->groups[g].unit];
	pfree(units);
	return missing_w(supply, part);
}
