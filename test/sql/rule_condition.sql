-- When a rule applies: the language, in one canonical form, strictly read; and what a
-- condition does to a pair of commitments.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = public, flexexchange;

-- one way to write anything
SELECT t AS written, t::rule_condition AS canonical FROM unnest(ARRAY[
  'a.power_kw>100', '  a.power_kw > 1 ', 'a.power_kw >= 0007.500', 'b.duration<PT90M AND a.duration > P1D', 'notice <= PT0.5S',
  'a.market = ''x'' Or b.product<>''it''''s''', 'technology in (''CHP'',''BESS'' , ''CHP'')', 'technology not in (''BESS'')', 'a.stage in (''bid'', ''bid'')',
  'a.power_kw in (3, 1, 2.0)', 'bm_unit=TRUE', 'bsc_party <> false', 'member_count > 10', 'unit_kind=''portfolio''', 'gsp_group is known', 'gsp_group IS NOT KNOWN',
  '((a.power_kw > 1))', '(bm_unit = true and bsc_party = true) and notice is known', 'bm_unit = true and (bsc_party = true and notice is known)',
  '(bm_unit = true or bsc_party = true) and notice is known', 'bm_unit = true or (bsc_party = true and notice is known)',
  'not (bm_unit = true)', 'not (bm_unit = true and bsc_party = true)', 'not not bm_unit = true', 'not bm_unit = true and bsc_party = true',
  E'a.power_kw\n>\t1 and\nb.power_kw < 2']) t;
-- refused, and where
CREATE FUNCTION refusal(txt text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  detail text; hint text;
BEGIN
  RETURN 'read: ' || txt::rule_condition;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN concat_ws(' | ', SQLSTATE, SQLERRM, detail, hint);
END $$;
SELECT refusal(t) FROM unnest(ARRAY['', 'and', 'a.power_kw', 'a.power_kw >', 'a.power_kw > 1 2', 'a.power_kw > -1', 'a.power_kw > 1.2345', 'a.power_kw > 1e3', 'a.power_kw > 99999999999999999999',
  'power_kw > 1', 'a.technology = ''x''', 'c.power_kw > 1', 'a.colour = ''x''', 'a.', 'a.power_kw > PT1M', 'notice > 5', 'notice > P1M', 'notice > PT', 'a.market > ''x''', 'a.market = x', 'a.market = ''x', 'a.market = ''''',
  'a.stage = ''offer''', 'bm_unit = 1', 'bm_unit', 'technology in ()', 'technology in (''x''', 'technology in ''x''', 'technology not (''x'')', 'notice is unknown', 'directions = ''up''', 'member_count > 1.5',
  '(bm_unit = true', 'bm_unit = true)', 'not', 'bm_unit = true; DROP TABLE ruleset', 'a.market = ''x'' -- comment', '1 = 1', 'pg_sleep(1) = 1', E'a.market = ''\u0007''']) t;
SELECT refusal(t) FROM unnest(ARRAY[repeat('(', 40) || 'bm_unit = true', repeat('not ', 40) || 'bm_unit = true', repeat('bm_unit = true or ', 64) || 'bm_unit = true', 'a.market in (' || repeat('''x'', ', 1000) || '''y'')']) t;
-- as deep and as wide as may be
SELECT (repeat('(not ', 16) || 'bm_unit = true' || repeat(')', 16))::rule_condition = repeat('not ', 16) || 'bm_unit = true' AS deep;
SELECT length((repeat('bm_unit = true or ', 63) || 'bm_unit = true')::rule_condition) AS wide;

-- equal conditions are equal, whatever was written; the type goes by its text
CREATE TABLE c (id int, condition rule_condition);
INSERT INTO c VALUES (1, 'a.power_kw>1'), (2, '(a.power_kw > 1.0)'), (3, 'b.power_kw > 1'), (4, NULL);
SELECT condition, count(*) FROM c GROUP BY condition ORDER BY condition COLLATE "C";
CREATE INDEX ON c (condition);
SELECT a.id, b.id AS same_as FROM c a JOIN c b ON a.condition = b.condition AND a.id < b.id;
SELECT id FROM c WHERE condition = 'a.power_kw > 1' ORDER BY id;
SELECT rule_condition_send(condition) FROM c WHERE id = 1;
DROP TABLE c;

-- any damaged text is a condition that reads back as itself, or is refused
CREATE FUNCTION damage(valid text, i bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  alphabet CONSTANT text := '().,''=<> ab01PTMnotidr_' || chr(9) || chr(233) || chr(8364);
  result text := valid;
  place int;
  letter text;
BEGIN
  FOR k IN 0 .. (abs(hashint8extended(i, 1)) % 4)::int LOOP
    place := 1 + (abs(hashint8extended(i, 10 + k)) % greatest(length(result), 1))::int;
    letter := substr(alphabet, 1 + (abs(hashint8extended(i, 20 + k)) % length(alphabet))::int, 1);
    CASE abs(hashint8extended(i, 30 + k)) % 6
      WHEN 0 THEN result := overlay(result PLACING letter FROM place FOR 1);
      WHEN 1 THEN result := overlay(result PLACING letter FROM place FOR 0);
      WHEN 2 THEN result := overlay(result PLACING '' FROM place FOR 1);
      WHEN 3 THEN result := substr(result, 1, place);
      WHEN 4 THEN result := overlay(result PLACING substr(result, place, 20) FROM place FOR 0);
      ELSE result := result || (ARRAY[' and ', ' or ', ' and not (', ')'])[1 + place % 4] || substr(result, place);
    END CASE;
  END LOOP;
  RETURN result;
END $$;
CREATE FUNCTION verdict(txt text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE WHEN txt::rule_condition::text::rule_condition::text = txt::rule_condition::text THEN 'a condition' ELSE 'changed: ' || txt END;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN RETURN 'refused';
  WHEN OTHERS THEN RETURN SQLSTATE || ': ' || txt;
END $$;
SELECT verdict, count(*) > 200 AS enough FROM (
  SELECT verdict(damage(t, i * 16 + n)) FROM generate_series(1, 4000) i, unnest(ARRAY['a.power_kw > 100 and technology in (''BESS'', ''CHP'') or not b.market = ''dso''',
    'not (notice < PT30M or a.duration >= P1DT2H) and (bm_unit = true or gsp is not known)', 'b.power_kw in (1, 2.5, 3) and a.product <> ''it''''s''']) WITH ORDINALITY AS v (t, n)) v
GROUP BY verdict ORDER BY verdict;
DROP FUNCTION damage, verdict, refusal;

-- what a condition does: splitting Dynamic Containment and Peak Reduction is a yes, but not
-- above 50 kW on the network operator's market, and only for a battery that declares it
SELECT flexexchange.create_exchange('condition_test');
SET search_path = condition_test, flexexchange;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC'), (2, 2, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, profile) VALUES (1, 'small', '{"technology":"BESS"}'), (2, 'large', '{"technology":"BESS"}'), (3, 'silent', NULL), (4, 'other', '{"technology":"CHP"}');
SELECT copy_ruleset('ena-2025-01', 'conditions') AS rules \gset
INSERT INTO stacking_rule (ruleset_id, mode, service_a, service_b, verdict, reason, condition, priority) VALUES
  (:rules, 'splitting', 'DC', 'PR', 'explicit_no', 'too much at once', 'b.market = ''dso'' and b.power_kw > 50', 1),
  (:rules, 'splitting', 'DC', 'PR', 'explicit_yes', 'batteries may', 'technology = ''BESS''', 2);
UPDATE stacking_rule SET verdict = 'implicit_no' WHERE ruleset_id = :rules AND mode = 'splitting' AND (service_a, service_b) = ('DC', 'PR') AND priority IS NULL;
SELECT verdict, meaning, priority, condition FROM stacking_meaning WHERE ruleset_id = :rules AND (mode, service_a, service_b) = ('splitting', 'DC', 'PR') ORDER BY priority;
SELECT put_ruleset_in_force('conditions', '2099-01-01T00:00Z');
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 1, 3, n, 'up', 60, '2099-11-20T17:00Z/PT2H' FROM generate_series(1, 4) n;
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 2, 3, n, 'up', CASE n WHEN 2 THEN 51 ELSE 50 END, '2099-11-20T17:00Z/PT2H' FROM generate_series(1, 4) n;
CREATE VIEW found AS SELECT a.name, k.severity, m ->> 'verdict' AS verdict, m ->> 'meaning' AS meaning, m ->> 'condition' AS condition
  FROM asset a LEFT JOIN conflict k ON k.unit_id = a.id AND k.closed_at IS NULL LEFT JOIN LATERAL jsonb_path_query(k.rationale, '$.modes[*] ? (@.mode == "splitting")') m ON true ORDER BY a.id;
SELECT * FROM found;
SELECT explain_conflict(id) FROM conflict WHERE unit_id IN (2, 3) ORDER BY unit_id;
-- it follows what the commitments and the unit are
UPDATE award SET power_kw = 50.001 WHERE asset_id = 1 AND product_id = 2;
UPDATE award SET power_kw = 50 WHERE asset_id = 2 AND product_id = 2;
UPDATE asset SET profile = '{"technology":"BESS"}' WHERE id IN (3, 4);
SELECT * FROM found;
UPDATE asset SET profile = '{"technology":"CHP"}' WHERE id = 3;
UPDATE asset SET profile = '{"up_kw": 100}' WHERE id = 4;
SELECT * FROM found;
-- what an unknown condition is taken for
SELECT copy_ruleset('conditions', 'met') IS NOT NULL AS copied, copy_ruleset('conditions', 'not met') IS NOT NULL AS copied;
UPDATE ruleset SET unknown_condition = 'met' WHERE code = 'met';
UPDATE ruleset SET unknown_condition = 'not_met' WHERE code = 'not met';
UPDATE ruleset SET status = 'retired' WHERE code = 'conditions';
SELECT put_ruleset_in_force('met', '2099-01-01T00:00Z');
SELECT * FROM found WHERE name = 'other';
UPDATE ruleset SET status = 'retired' WHERE code = 'met';
SELECT put_ruleset_in_force('not met', '2099-01-01T00:00Z');
SELECT * FROM found WHERE name = 'other';
-- out and in, and what does not fit together
SELECT document FROM ruleset_content WHERE ruleset_id = :rules AND key LIKE 'splitting DC PR%' ORDER BY place COLLATE "C";
SELECT import_ruleset(replace(export_ruleset('conditions'), '"code": "conditions"', '"code": "again"')) IS NOT NULL AS imported;
SELECT * FROM diff_rulesets('conditions', 'again');
SELECT replace(export_ruleset('again'), '"code": "again"', '"code": "conditions"') = export_ruleset('conditions') AS same;
\set VERBOSITY default
\set SHOW_CONTEXT errors
SELECT check_ruleset_document(replace(export_ruleset('again'), 'b.power_kw > 50', 'b.power_kw > fifty'), ARRAY(SELECT code FROM service));
SELECT check_ruleset_document(replace(export_ruleset('again'), '"priority":2,', ''), ARRAY(SELECT code FROM service));
SELECT check_ruleset_document(replace(export_ruleset('again'), '"priority":2,', '"priority":1,'), ARRAY(SELECT code FROM service));
SELECT check_ruleset_document(replace(export_ruleset('again'), '"priority":2,', '"priority":0,'), ARRAY(SELECT code FROM service));
\set VERBOSITY terse
INSERT INTO stacking_rule (ruleset_id, mode, service_a, service_b, verdict, condition, priority) VALUES (require_ruleset('again'), 'jumping', 'DC', 'PR', 'no_data', 'bm_unit = true', 0);
\set VERBOSITY sqlstate
INSERT INTO stacking_rule (ruleset_id, mode, service_a, service_b, verdict, condition) VALUES (require_ruleset('again'), 'jumping', 'DC', 'PR', 'no_data', 'bm_unit = true');
INSERT INTO stacking_rule (ruleset_id, mode, service_a, service_b, verdict, condition, priority) VALUES (require_ruleset('again'), 'splitting', 'DC', 'PR', 'no_data', 'bm_unit = true', 1);
UPDATE product SET code = 'other' WHERE id = 1;
\set VERBOSITY terse
SELECT flexexchange.drop_exchange('condition_test', with_data => true);
