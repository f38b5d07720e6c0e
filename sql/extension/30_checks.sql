-- Functions for CHECK constraints and other small helpers of the modules.
-- Each check returns true or raises check_violation (23514) with the field, the
-- value and a hint; NULL passes.

CREATE FUNCTION check_positive(value numeric, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_positive'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_positive(numeric, text) IS
  'true when value is above zero, else error 23514 that names the field';

CREATE FUNCTION check_not_negative(value numeric, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_not_negative'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_not_negative(numeric, text) IS
  'true when value is zero or more, else error 23514 that names the field';

CREATE FUNCTION check_text(value text, field text, longest integer) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_text'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_text(text, text, integer) IS
  'true when value is not blank and has at most that many characters, else error 23514 that names the field';

CREATE FUNCTION check_code(value text, field text, VARIADIC known text[]) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_code'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_code(text, text, text[]) IS
  'true when value is one of the known codes, else error 23514 that names the field and lists them';

CREATE FUNCTION check_codes("values" text[], field text, VARIADIC known text[]) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_codes'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_codes(text[], text, text[]) IS
  'true when there is at least one value and all are known codes, else error 23514 that names the field and lists them';

CREATE FUNCTION check_one(given integer, fields text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_one'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_one(integer, text) IS
  'true when given, as num_nonnulls() counts it, is one, else error 23514 that names the fields';

CREATE FUNCTION check_form(value text, field text, pattern text, form text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_form'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_form(text, text, text, text) IS
  'true when value matches the regular expression, else error 23514 that names the field and says in words what form it has';

CREATE FUNCTION check_given(given boolean, field text, hint text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_given'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_given(boolean, text, text) IS
  'true when given, else error 23514 that says that the field must be given, with the hint';

-- Identifiers.  A column takes a domain where the error need not name the column,
-- or calls the check itself where it should: check_mpan(mpan, 'metering_point.mpan').
-- The rule of a domain lives in the library: it may become laxer, never stricter,
-- for what a column holds is not judged again until a dump of it is restored.

CREATE FUNCTION mpan_is_valid(value text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_mpan_is_valid'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION mpan_is_valid(text) IS
  'true for 13 digits of which the last is the check digit of a meter point administration number';

CREATE FUNCTION check_mpan(value text, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_mpan'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_mpan(text, text) IS
  'true when mpan_is_valid(value), else error 23514 that names the field and says which last character was expected';

CREATE DOMAIN mpan AS text CONSTRAINT mpan_is_valid CHECK (check_mpan(VALUE, 'value'));
COMMENT ON DOMAIN mpan IS 'a meter point administration number, or an asset metering system id: 13 digits with a right check digit; text, since leading zeros count';
COMMENT ON CONSTRAINT mpan_is_valid ON DOMAIN mpan IS 'a right check character; error 23514 says which was expected';

CREATE FUNCTION gsrn_is_valid(value text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_gsrn_is_valid'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gsrn_is_valid(text) IS
  'true for 18 digits of which the last is the check digit of a GS1 global service relation number';

CREATE FUNCTION check_gsrn(value text, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_gsrn'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_gsrn(text, text) IS
  'true when gsrn_is_valid(value), else error 23514 that names the field and says which last character was expected';

CREATE DOMAIN gsrn AS text CONSTRAINT gsrn_is_valid CHECK (check_gsrn(VALUE, 'value'));
COMMENT ON DOMAIN gsrn IS 'a GS1 global service relation number, as of metering points: 18 digits with a right check digit; text, since leading zeros count';
COMMENT ON CONSTRAINT gsrn_is_valid ON DOMAIN gsrn IS 'a right check character; error 23514 says which was expected';

CREATE FUNCTION gln_is_valid(value text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_gln_is_valid'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION gln_is_valid(text) IS
  'true for 13 digits of which the last is the check digit of a GS1 global location number';

CREATE FUNCTION check_gln(value text, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_gln'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_gln(text, text) IS
  'true when gln_is_valid(value), else error 23514 that names the field and says which last character was expected';

CREATE DOMAIN gln AS text CONSTRAINT gln_is_valid CHECK (check_gln(VALUE, 'value'));
COMMENT ON DOMAIN gln IS 'a GS1 global location number, as of companies: 13 digits with a right check digit; text, since leading zeros count';
COMMENT ON CONSTRAINT gln_is_valid ON DOMAIN gln IS 'a right check character; error 23514 says which was expected';

CREATE FUNCTION eic_is_valid(value text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_eic_is_valid'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION eic_is_valid(text) IS
  'true for 16 digits, capital letters and hyphens of which the last is the check character of an energy identification code';

CREATE FUNCTION check_eic(value text, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_eic'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_eic(text, text) IS
  'true when eic_is_valid(value), else error 23514 that names the field and says which last character was expected';

CREATE DOMAIN eic AS text CONSTRAINT eic_is_valid CHECK (check_eic(VALUE, 'value'));
COMMENT ON DOMAIN eic IS 'an energy identification code: 16 digits, capital letters and hyphens with a right check character';
COMMENT ON CONSTRAINT eic_is_valid ON DOMAIN eic IS 'a right check character; error 23514 says which was expected';

CREATE FUNCTION check_iban(value text, field text) RETURNS boolean
  AS 'MODULE_PATHNAME', 'flex_check_iban'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION check_iban(text, text) IS
  'true for an international bank account number (ISO 13616) with right check digits, else error 23514 that names the field and not the value';

CREATE FUNCTION session_role() RETURNS name
  AS 'MODULE_PATHNAME', 'flex_session_role'
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION session_role() IS
  'the role that the session acts as: SET ROLE counts, being inside a SECURITY DEFINER function does not';

CREATE FUNCTION choose_participant(schema_name name, participant_id bigint) RETURNS void
  AS 'MODULE_PATHNAME', 'flex_choose_participant'
  LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION choose_participant(name, bigint) IS
  'for whom the session acts in an exchange from now on, no one when NULL; what act_for() of the exchange calls as its owner, after it looked and logged; errors 42501, 3F000';

CREATE FUNCTION chosen_participant(schema_name name) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_chosen_participant'
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION chosen_participant(name) IS
  'the participant that the session chose with act_for() in an exchange, NULL when it did not; whether it may is asked by current_participant() each time';

CREATE FUNCTION statement_participant(function regprocedure) RETURNS bigint
  AS 'MODULE_PATHNAME', 'flex_statement_participant'
  LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION statement_participant(regprocedure) IS
  'what current_participant() of an exchange gives, asked once for all rows of a statement: a default of columns that COPY fills; errors 22023 for a function of another kind, 42501';

CREATE FUNCTION local_time(instant timestamp, zone text) RETURNS timestamptz
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN CASE WHEN (instant AT TIME ZONE zone) AT TIME ZONE zone = instant
              THEN instant AT TIME ZONE zone END;
COMMENT ON FUNCTION local_time(timestamp, text) IS
  'the instant at which clocks in that zone show that local time; NULL for a time that the spring change skips; the second of two, which is winter time, when the autumn change repeats it';

CREATE FUNCTION local_time_is_ambiguous(instant timestamp, zone text) RETURNS boolean
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN local_time(instant, zone) IS NOT NULL
     AND (((instant AT TIME ZONE zone) - interval '1 hour') AT TIME ZONE zone = instant
       OR ((instant AT TIME ZONE zone) + interval '1 hour') AT TIME ZONE zone = instant);
COMMENT ON FUNCTION local_time_is_ambiguous(timestamp, text) IS
  'true when clocks in that zone show that local time twice';

CREATE FUNCTION refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION 'table % cannot be truncated', TG_TABLE_NAME
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = TG_ARGV[1];
  END IF;
  RAISE EXCEPTION '%.% cannot be changed', TG_TABLE_NAME, TG_ARGV[0]
    USING ERRCODE = 'object_not_in_prerequisite_state',
          HINT = TG_ARGV[1];
END
$function$;
COMMENT ON FUNCTION refuse_change() IS
  'trigger: refuses an update of a column, or a truncation; arguments are the column and a hint';
