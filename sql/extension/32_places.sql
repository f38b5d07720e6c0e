-- Places: coordinates as points, boxes around them, distances.

CREATE FUNCTION place(latitude numeric, longitude numeric) RETURNS point
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN point(longitude::double precision, latitude::double precision);
COMMENT ON FUNCTION place(numeric, numeric) IS
  'a coordinate in degrees, WGS 84, as a point (longitude, latitude), to be indexed; NULL when either is';

CREATE FUNCTION distance_km(latitude_a double precision, longitude_a double precision,
                            latitude_b double precision, longitude_b double precision) RETURNS double precision
  AS 'MODULE_PATHNAME', 'flex_distance_km'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION distance_km(double precision, double precision, double precision, double precision) IS
  'great-circle distance of two coordinates in degrees, km, on a sphere of mean radius 6,371.0088 km (haversine formula)';

CREATE FUNCTION box_around(latitude double precision, longitude double precision, within_km double precision) RETURNS box
  AS 'MODULE_PATHNAME', 'flex_box_around'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION box_around(double precision, double precision, double precision) IS
  'a box in degrees that holds every place within so many km of a coordinate, to be asked of an index on place()';
