-- rule_condition: when a rule applies.  A small closed language, strictly read;
-- docs/rulesets.md has its grammar.  It is stored as its canonical text and is, in
-- bytes, a text: so it needs no operators of its own.

CREATE TYPE rule_condition;

CREATE FUNCTION rule_condition_in(cstring) RETURNS rule_condition
  AS 'MODULE_PATHNAME', 'flex_rule_condition_in'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rule_condition_in(cstring) IS 'reads a condition, strictly; errors 22P02 and 54000 name the character';

CREATE FUNCTION rule_condition_out(rule_condition) RETURNS cstring
  AS 'MODULE_PATHNAME', 'flex_rule_condition_out'
  LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rule_condition_out(rule_condition) IS 'writes the canonical text';

CREATE FUNCTION rule_condition_recv(internal) RETURNS rule_condition
  AS 'MODULE_PATHNAME', 'flex_rule_condition_recv'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rule_condition_recv(internal) IS 'reads the binary form, judged as text is';

CREATE FUNCTION rule_condition_send(rule_condition) RETURNS bytea
  AS 'MODULE_PATHNAME', 'flex_rule_condition_send'
  LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rule_condition_send(rule_condition) IS 'writes the binary form: a byte of value 1, then the canonical text';

CREATE TYPE rule_condition (
  INPUT = rule_condition_in,
  OUTPUT = rule_condition_out,
  RECEIVE = rule_condition_recv,
  SEND = rule_condition_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended,
  COLLATABLE = true,
  CATEGORY = 'S'
);
COMMENT ON TYPE rule_condition IS
  'when a rule applies to a pair of commitments, such as: a.power_kw > 100 and technology in (''BESS'', ''CHP'') or not b.market = ''dso''';

CREATE CAST (rule_condition AS text) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (rule_condition AS text) IS 'the canonical text; comparing and sorting go through it';
CREATE CAST (text AS rule_condition) WITH INOUT AS ASSIGNMENT;
COMMENT ON CAST (text AS rule_condition) IS 'judged as input is';
