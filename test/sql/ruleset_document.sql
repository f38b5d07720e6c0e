-- The JSON document of a ruleset: written in one way, read strictly, compared.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('document_test');
SET search_path = document_test, flexexchange;

-- the whole of the published rules, out and in and out again, in any time zone
CREATE TABLE document AS SELECT replace(export_ruleset('ena-2025-01'), '"ena-2025-01"', '"copy"') AS content;
SET TimeZone = 'Asia/Kolkata';
SELECT import_ruleset(content) IS NOT NULL AS imported, (SELECT count(*) FROM regexp_matches(content, 'service_a', 'g')) AS rules FROM document;
SELECT export_ruleset('copy') = content AS same, right(content, 1) = E'\n' AS ends_its_last_line FROM document;
SELECT content::json ->> 'format' AS format, content::json ->> 'version' AS version FROM document;
SET TimeZone = 'UTC';
SELECT status, in_force FROM ruleset WHERE code = 'copy';
SELECT * FROM diff_rulesets('ena-2025-01', 'copy');

-- whatever is left out is as a new row has it; order, blanks and escapes are free
SELECT import_ruleset($$ {"version": 1, "code": "a", "in_force": "2099-01-01T01:00+01:00/P1Y", "source": "this test",
  "title": "caf\u00e9 \"\\\n\u0007",
  "ruleset_action": [{"action": "hold", "stage": "dispatch"}, {"action": "reject", "kind": "headroom", "reason": "\u00a3"}],
  "stacking_interpretation": [{"buyer_kind_a": "neso", "meaning": "yes", "verdict": "no_data", "mode": "jumping"}, {"mode": "jumping", "verdict": "no_data", "meaning": "no"}],
  "stacking_rule": [{"verdict": "implicit_no", "service_b": "PR", "service_a": "DC", "mode": "splitting", "severity": "advisory", "reason": "r"},
                    {"mode": "splitting", "service_a": "CM", "service_b": "DC", "verdict": "no_data"}],
  "primacy_rule": [{"case_code": "9", "dso_purpose": "use_headroom", "dso_direction": "up", "prevails": "joint", "severity": "advisory", "source": "this test"},
                   {"case_code": "7", "dso_purpose": "hold_limit", "dso_direction": "up", "prevails": "dso", "source": "this test", "reason": "it protects"}],
  "format": "flexexchange ruleset"} $$) IS NOT NULL AS imported;
SELECT export_ruleset('a');
SELECT import_ruleset(replace(export_ruleset('a'), '"a"', '"b"')) IS NOT NULL AS imported;
SELECT replace(export_ruleset('b'), '"b"', '"a"') = export_ruleset('a') AS same;
-- an empty one
SELECT import_ruleset('{"format":"flexexchange ruleset","version":1,"code":"empty","title":"t","source":"s","in_force":"-infinity/infinity"}') IS NOT NULL AS imported;
SELECT export_ruleset('empty');

-- what two say differently
UPDATE stacking_rule SET verdict = 'explicit_yes', reason = NULL WHERE ruleset_id = require_ruleset('b') AND service_a = 'DC';
DELETE FROM stacking_rule WHERE ruleset_id = require_ruleset('b') AND service_a = 'CM';
UPDATE stacking_interpretation SET meaning = 'unknown' WHERE ruleset_id = require_ruleset('b') AND buyer_kind_a IS NULL;
INSERT INTO ruleset_action (ruleset_id, severity, action) VALUES (require_ruleset('b'), 'advisory', 'notify');
UPDATE primacy_rule SET prevails = 'neso' WHERE ruleset_id = require_ruleset('b') AND case_code = '7';
UPDATE ruleset SET title = 'b', share_price = true WHERE code = 'b';
SELECT * FROM diff_rulesets('a', 'b');
SELECT * FROM diff_rulesets('b', 'b');
SELECT * FROM diff_rulesets('a', 'c');

-- what is refused, and where
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT import_ruleset(NULL);
SELECT import_ruleset('');
SELECT import_ruleset('[]');
SELECT import_ruleset(E'{"format": "flexexchange ruleset",\n "version": 1,\n "version": 1}');
SELECT import_ruleset(E'{"format": "flexexchange ruleset",\n "version": 1,,}');
SELECT import_ruleset('{"format": "flexexchange rules"}');
SELECT import_ruleset('{"format": "flexexchange ruleset", "version": 2}');
SELECT import_ruleset('{"format": "flexexchange ruleset", "version": "1"}');
SELECT import_ruleset('{"format": "flexexchange ruleset", "version": 1}');
CREATE FUNCTION attempt(wrong text, instead_of text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  state text; message text; detail text; hint text; context text;
  document text := export_ruleset('a');
BEGIN
  ASSERT position(instead_of IN document) > 0, 'the document does not have it';
  PERFORM import_ruleset(replace(replace(document, instead_of, wrong), '"code": "a"', '"code": "attempt"'));
  RETURN 'imported';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
  RETURN concat_ws(' | ', state, message, nullif(detail, ''), hint, substring(context FROM '^ruleset document: [^\n]*'));
END $$;
SELECT attempt('"code": 7', '"code": "a"');
SELECT attempt('"code": " "', '"code": "a"');
SELECT attempt('"code": "' || repeat('x', 65) || '"', '"code": "a"');
SELECT attempt('"in_force": "2099"', '"in_force": "2099-01-01T00:00Z/2100-01-01T00:00Z"');
SELECT attempt('"share_price": "no"', '"share_price": false');
SELECT attempt('"jumping_scope": "week"', '"jumping_scope": "day"');
SELECT attempt('"stacking_rules"', '"stacking_rule"');
SELECT attempt('"stacking_rule": {', '"stacking_rule": [');
SELECT attempt('[7,', E'[\n    {"mode":"splitting","service_a":"CM","service_b":"DC","verdict":"no_data"},');
SELECT attempt('"service_a":"XX"', '"service_a":"CM"');
SELECT attempt('"service_a":null', '"service_a":"CM"');
SELECT attempt('"service_a":"DC","service_b":"PR"', '"service_a":"CM","service_b":"DC"');
SELECT attempt('"severity":"blocking"', '"severity":"advisory"');
SELECT attempt('"verdict":"maybe"', '"verdict":"no_data"');
SELECT attempt('"mode":"splitting","mode":"splitting"', '"mode":"splitting"');
SELECT attempt('', '"verdict":"implicit_no",');
SELECT attempt('"buyer_kind_b":"neso"', '"buyer_kind_a":"neso"');
SELECT attempt('"buyer_kind_a":"neso","buyer_kind_b":"dso"', '"buyer_kind_a":"neso"');
SELECT attempt('"reason":"' || repeat('x', 1001) || '"', '"reason":"r"');
SELECT attempt('"reason":"\u0000"', '"reason":"r"');
SELECT import_ruleset(export_ruleset('a'));
SELECT export_ruleset('no such');
-- what a table would not take otherwise
INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_a, meaning) VALUES (require_ruleset('a'), 'splitting', 'no_data', 'tso', 'no');
-- where the text breaks off after the first quote of a key, nothing is shown of what lies behind it in memory
CREATE TEMP TABLE broken_off (document text, neighbour text);
INSERT INTO broken_off VALUES ('{"', 'what nobody asked for'), ('{"rules": [{"', 'what nobody asked for'), ('{"rules": [{"a', 'what nobody asked for');
SELECT check_ruleset_document(document, '{}') FROM broken_off WHERE length(document) = 2;
SELECT check_ruleset_document(document, '{}') FROM broken_off WHERE length(document) = 13;
SELECT check_ruleset_document(document, '{}') FROM broken_off WHERE length(document) = 14;
DROP TABLE broken_off;
\set VERBOSITY sqlstate
INSERT INTO stacking_interpretation (ruleset_id, mode, verdict, buyer_kind_b, meaning) VALUES (require_ruleset('a'), 'splitting', 'no_data', 'dso', 'no');
\set VERBOSITY terse

-- any damaged document is imported and then exports canonically, or is refused with a code of class 22 or for its code
CREATE FUNCTION damage(valid text, i bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  alphabet CONSTANT text := '{}[]":,\ 01eEtrufalsn_-/' || chr(9) || chr(10) || chr(233) || chr(8364);
  result text := valid;
  place int;
  letter text;
BEGIN
  FOR k IN 0 .. (abs(hashint8extended(i, 1)) % 3)::int LOOP
    place := 1 + (abs(hashint8extended(i, 10 + k)) % greatest(length(result), 1))::int;
    letter := substr(alphabet, 1 + (abs(hashint8extended(i, 20 + k)) % length(alphabet))::int, 1);
    CASE abs(hashint8extended(i, 30 + k)) % 6
      WHEN 0 THEN result := overlay(result PLACING letter FROM place FOR 1);
      WHEN 1 THEN result := overlay(result PLACING letter FROM place FOR 0);
      WHEN 2 THEN result := overlay(result PLACING '' FROM place FOR 1);
      WHEN 3 THEN result := substr(result, 1, place);
      WHEN 4 THEN result := overlay(result PLACING substr(result, place, 40) FROM place FOR 0);
      ELSE result := result || substr(result, place);
    END CASE;
  END LOOP;
  RETURN result;
END $$;
CREATE FUNCTION verdict(document text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  imported bigint;
  once text;
  twice text;
BEGIN
  BEGIN
    imported := import_ruleset(document);
    once := (SELECT export_ruleset(r.code) FROM ruleset r WHERE r.id = imported);
    DELETE FROM ruleset WHERE id = imported;
    imported := import_ruleset(once);
    twice := (SELECT export_ruleset(r.code) FROM ruleset r WHERE r.id = imported);
    DELETE FROM ruleset WHERE id = imported;
    RETURN CASE WHEN once = twice THEN 'imported' ELSE 'changed: ' || document END;
  EXCEPTION WHEN data_exception OR unique_violation THEN RETURN 'refused';
    WHEN OTHERS THEN RETURN SQLSTATE || ': ' || document;
  END;
END $$;
SELECT verdict, count(*) > 20 AS enough FROM (SELECT verdict(damage(replace(export_ruleset('a'), '"code": "a"', '"code": "fuzz"'), i)) FROM generate_series(1, 3000) i) v GROUP BY verdict ORDER BY verdict;
SELECT flexexchange.drop_exchange('document_test', with_data => true);
