-- Readings of meters: the triggers of meter_reading_intake, and instants as files have them.

CREATE FUNCTION iso_instant(value text) RETURNS timestamptz
  AS 'MODULE_PATHNAME', 'flex_iso_instant'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION iso_instant(text) IS
  'an instant written in ISO 8601 with its offset, such as 2026-11-20T17:30Z or 2026-11-20 17:30:00+00:00, in the years 1900 to 2200; NULL for anything else: no setting of the session is asked, and no error is raised';

CREATE FUNCTION take_reading() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_take_reading'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION take_reading() IS
  'trigger, BEFORE INSERT FOR EACH ROW on meter_reading_intake: reads the row and keeps none; needs take_readings(); errors MX906, MX907';

CREATE FUNCTION take_readings() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_take_readings'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION take_readings() IS
  'trigger, AFTER INSERT FOR EACH STATEMENT on meter_reading_intake: stores what take_reading() read, and says in meter_reading_batch and meter_reading_rejection what became of it; errors MX906, MX907';
