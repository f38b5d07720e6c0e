/*
 * place.c
 *		Distances on the earth, and boxes that hold what is near.
 *
 * PostgreSQL's GiST on points answers "within this box"; what lies in it is then
 * measured on a sphere of the earth's mean radius, with the haversine formula, which
 * is within half a percent of the ellipsoid.  Degrees are WGS 84.
 */
#include "postgres.h"
#include "compat.h"

#include <math.h>

#include "utils/geo_decls.h"

#define EARTH_RADIUS_KM		6371.0088
#define RADIANS_PER_DEGREE	0.017453292519943295

/* Rounding must not leave out what lies on the edge of a box. */
#define EDGE_DEGREES		1e-6

/* distance_km(latitude_a, longitude_a, latitude_b, longitude_b) */
PG_FUNCTION_INFO_V1(flex_distance_km);
Datum
flex_distance_km(PG_FUNCTION_ARGS)
{
	double		latitude_a = PG_GETARG_FLOAT8(0) * RADIANS_PER_DEGREE;
	double		latitude_b = PG_GETARG_FLOAT8(2) * RADIANS_PER_DEGREE;
	double		north = sin((latitude_b - latitude_a) / 2);
	double		east = sin((PG_GETARG_FLOAT8(3) - PG_GETARG_FLOAT8(1)) * RADIANS_PER_DEGREE / 2);
	double		haversine = north * north + cos(latitude_a) * cos(latitude_b) * east * east;

	PG_RETURN_FLOAT8(2 * EARTH_RADIUS_KM * asin(sqrt(Min(haversine, 1.0))));
}

/*
 * box_around(latitude, longitude, within_km): every place within that distance is in it.
 *
 * A circle around a place reaches furthest east where it touches a meridian, at the
 * angle whose sine is sin(distance) / cos(latitude).  Where it holds a pole, or
 * crosses the 180th meridian, the box goes all the way round.
 */
PG_FUNCTION_INFO_V1(flex_box_around);
Datum
flex_box_around(PG_FUNCTION_ARGS)
{
	double		latitude = PG_GETARG_FLOAT8(0);
	double		longitude = PG_GETARG_FLOAT8(1);
	double		angle = PG_GETARG_FLOAT8(2) / EARTH_RADIUS_KM;
	double		north = angle / RADIANS_PER_DEGREE + EDGE_DEGREES;
	double		east = 180;
	BOX		   *box = palloc(sizeof(BOX));

	if (fabs(latitude) + north < 90)
		east = asin(Min(sin(angle) / cos(latitude * RADIANS_PER_DEGREE), 1.0)) / RADIANS_PER_DEGREE + EDGE_DEGREES;
	box->low.y = Max(latitude - north, -90);
	box->high.y = Min(latitude + north, 90);
	if (longitude - east < -180 || longitude + east > 180)
	{
		longitude = 0;
		east = 180;
	}
	box->low.x = longitude - east;
	box->high.x = longitude + east;
	PG_RETURN_BOX_P(box);
}
