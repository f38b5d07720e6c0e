-- Firmness: how much of a portfolio comes with a declared probability, one function for each assumption.

CREATE FUNCTION normal_quantile(confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_normal_quantile'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION normal_quantile(float8) IS
  'the number below which a standard normal is with this probability: 1.644854 for 0.95; error 22023 for what is not above 0 and below 1';

CREATE FUNCTION firm_normal(means float8[], deviations float8[], correlation float8, confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_normal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_normal(float8[], float8[], float8, float8) IS
  'firm quantity of units that deliver jointly normal quantities with one correlation between any two: mean less quantile times deviation of the sum, in the unit of the means; below zero: nothing is firm; errors 22023 (a correlation that so many units cannot have too), 22004';

CREATE FUNCTION firm_normal(means float8[], deviations float8[], correlation float8[], confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_normal_matrix'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_normal(float8[], float8[], float8[], float8) IS
  'the same with a correlation for each pair, as a matrix; errors 22023 (what is not a correlation matrix too), 22004';

CREATE FUNCTION firm_normal_probability(means float8[], deviations float8[], correlation float8, required float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_normal_probability'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_normal_probability(float8[], float8[], float8, float8) IS
  'probability that such units deliver at least so much together; errors as firm_normal()';

CREATE FUNCTION firm_on_off(powers numeric[], probabilities float8[], confidence float8) RETURNS numeric
  AS 'MODULE_PATHNAME', 'flex_firm_on_off'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_on_off(numeric[], float8[], float8) IS
  'firm quantity, kW, of units that deliver their power or nothing, independently: by convolution over every sum that there can be, exact but for the rounding of double precision (confidence is met to 1e-12); errors 22023, 22004, 54000 for more than 10 million sums';

CREATE FUNCTION firm_on_off(powers numeric[], probabilities float8[], confidence float8, grid_kw numeric) RETURNS numeric
  AS 'MODULE_PATHNAME', 'flex_firm_on_off'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_on_off(numeric[], float8[], float8, numeric) IS
  'the same; where there can be more than 10,000 sums, powers are rounded down to multiples of grid_kw: never more than the exact quantity, and less by at most one of them for each unit; errors as above';

CREATE FUNCTION firm_on_off_probability(powers numeric[], probabilities float8[], required_kw numeric) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_on_off_probability'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_on_off_probability(numeric[], float8[], numeric) IS
  'probability that such units deliver at least so many kW together, exact but for rounding; errors as firm_on_off()';

CREATE FUNCTION firm_on_off_probability(powers numeric[], probabilities float8[], required_kw numeric, grid_kw numeric) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_on_off_probability'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_on_off_probability(numeric[], float8[], numeric, numeric) IS
  'the same; where there can be more than 10,000 sums, powers are rounded down to multiples of grid_kw: never more than the exact probability; errors as firm_on_off()';

CREATE FUNCTION firm_samples(samples float8[], confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_samples'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_samples(float8[], float8) IS
  'firm quantity as past deliveries have it: of n of them the k-th smallest, k = ceil((1 - confidence) n); errors 22023 (none at all too), 22004';

CREATE FUNCTION conformal_rank(n integer, confidence float8) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_conformal_rank'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION conformal_rank(integer, float8) IS
  'which of n errors, in rising order, bounds the next one with this probability: ceil((n + 1) confidence); above n there is no bound; error 22023';

CREATE FUNCTION firm_conformal(forecast float8, errors float8[], confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_conformal'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_conformal(float8, float8[], float8) IS
  'firm quantity of a new event from the errors (forecast less delivered) of events that it could be exchanged with, by split conformal prediction: forecast less the error of conformal_rank(); error 22023 where the errors are too few to bound it (18 at 0.95), 22004';

CREATE FUNCTION firm_bonferroni(means float8[], deviations float8[], confidence float8) RETURNS float8
  AS 'MODULE_PATHNAME', 'flex_firm_bonferroni'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_bonferroni(float8[], float8[], float8) IS
  'firm quantity of normal units of which the dependence is not known: the doubt is split evenly over them; safe, and not the largest; below zero: nothing is firm; errors 22023, 22004';

CREATE FUNCTION firm_bonferroni_on_off(powers numeric[], probabilities float8[], confidence float8) RETURNS numeric
  AS 'MODULE_PATHNAME', 'flex_firm_bonferroni_on_off'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION firm_bonferroni_on_off(numeric[], float8[], float8) IS
  'firm quantity, kW, of units that deliver all or nothing and of which the dependence is not known: those count whose doubts add up to no more than allowed, least doubt for each kW first; safe, and not always the largest; errors 22023, 22004';

CREATE FUNCTION firm_storage(power_kw numeric, energy_kwh numeric, hours numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN check_not_negative(power_kw, 'power_kw') AND check_not_negative(energy_kwh, 'energy_kwh') AND check_positive(hours, 'hours') THEN least(power_kw, energy_kwh / hours) END;
COMMENT ON FUNCTION firm_storage(numeric, numeric, numeric) IS
  'kW that storage keeps up through a call of so many hours: its power, or its energy over the hours if that is less; a NULL energy is no limit; error 23514';
