-- Readings of meters: the triggers of meter_reading_intake.

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
