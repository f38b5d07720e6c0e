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

-- Bounds follow the frequency of a little while ago, no faster than they may, so the samples are walked one by one.
CREATE FUNCTION response_error(frequency numeric[], response_mw numeric[], contracted_mw numeric, at numeric[], share numeric[], per_second integer DEFAULT 20,
                               earliest_s numeric DEFAULT 0.20, latest_s numeric DEFAULT 0.55, lower_rise numeric DEFAULT 2, lower_fall numeric DEFAULT 4,
                               upper_rise numeric DEFAULT 4, upper_fall numeric DEFAULT 2, kept integer DEFAULT 4)
RETURNS TABLE (sample integer, lower_mw numeric, upper_mw numeric, error numeric, lasting numeric)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  nearest CONSTANT integer := round(earliest_s * per_second)::integer;
  farthest CONSTANT integer := round(latest_s * per_second)::integer;
  low numeric := 0.0;
  high numeric := 1.0;
  since_gap integer := 0;
  seen numeric[] := ARRAY[]::numeric[];
  highest numeric;
  lowest numeric;
BEGIN
  IF contracted_mw <= 0 OR per_second < 1 OR kept < 1 OR nearest > farthest OR cardinality(frequency) <> cardinality(response_mw) OR NOT flexexchange.is_piecewise(at, share) THEN
    RAISE EXCEPTION 'no response to frequency can be judged by these'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give as many frequencies as responses, contracted power above zero, and the response as a piecewise-linear function of frequency.';
  END IF;
  FOR i IN 1 .. cardinality(frequency) LOOP
    sample := i;
    IF frequency[i] IS NULL OR response_mw[i] IS NULL THEN
      since_gap := 0;
      seen := '{}';
      lower_mw := NULL; upper_mw := NULL; error := NULL; lasting := NULL;
      RETURN NEXT;
      CONTINUE;
    END IF;
    IF since_gap < per_second THEN
      -- too soon after a gap to know what was to be done
      low := 0;
      high := 1;
    ELSE
      SELECT max(f), min(f) INTO highest, lowest FROM unnest(frequency[greatest(i - farthest, 1) : i - nearest]) f;
      low := least(greatest(flexexchange.piecewise_linear(highest, at, share), low - lower_fall / per_second), low + lower_rise / per_second);
      high := least(greatest(flexexchange.piecewise_linear(lowest, at, share), high - upper_fall / per_second), high + upper_rise / per_second);
    END IF;
    since_gap := since_gap + 1;
    lower_mw := low * contracted_mw;
    upper_mw := high * contracted_mw;
    error := greatest(lower_mw - response_mw[i], response_mw[i] - upper_mw, 0) / contracted_mw;
    seen := (seen || error)[greatest(cardinality(seen) + 2 - kept, 1) : cardinality(seen) + 1];
    lasting := CASE WHEN cardinality(seen) = kept THEN (SELECT min(e) FROM unnest(seen) e) END;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION response_error(numeric[], numeric[], numeric, numeric[], numeric[], integer, numeric, numeric, numeric, numeric, numeric, numeric, integer) IS
  'how far a response to frequency lies outside what was to be delivered, sample by sample: frequency (Hz) and response (MW) at so many samples a second, NULL where there is a gap or the unit is unavailable; contracted power; the response as a share of it, through the points (at Hz, share). '
  'The lower bound follows the highest frequency from latest_s to earliest_s ago, the upper bound the lowest, each no faster than it may rise and fall (shares a second); in the first second after a gap they are nothing and all. '
  'Error: distance outside the bounds over contracted power; lasting: the least of so many samples in a row; the greatest lasting error is the result. Error 22023';
