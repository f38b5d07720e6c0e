-- Arithmetic of settlement: curves given by their points, and money rounded as declared.

CREATE FUNCTION is_piecewise(at numeric[], value numeric[]) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_is_piecewise'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION is_piecewise(numeric[], numeric[]) IS
  'true when two arrays are the points of a piecewise-linear function: as many of both, one at least, all finite, at in rising order; two points at one place are a step';

CREATE FUNCTION piecewise_linear(x numeric, at numeric[], value numeric[]) RETURNS numeric
  AS 'MODULE_PATHNAME', 'flex_piecewise_linear'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION piecewise_linear(numeric, numeric[], numeric[]) IS
  'the function through the points (at, value), at x: straight between them, level before the first and after the last; at a step its later value; exact but for one division between two points; error 22023';

CREATE FUNCTION round_money(amount numeric, decimals integer, rounding text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE rounding
  WHEN 'half_away' THEN round(amount, decimals)
  WHEN 'half_even' THEN CASE WHEN abs(amount - trunc(amount, decimals)) * 2 = power(10::numeric, -decimals) THEN round(amount * 0.5, decimals) * 2 ELSE round(amount, decimals) END
  WHEN 'down' THEN trunc(amount, decimals)
END;
COMMENT ON FUNCTION round_money(numeric, integer, text) IS
  'an amount rounded to so many decimals: half_away (a half away from zero), half_even (a half to the even digit), down (towards zero); NULL for another word';
