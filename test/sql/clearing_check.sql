-- The certificate of a clearing: it passes what is right, and finds each thing that is wrong.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
CREATE SCHEMA certificate;
SET search_path = certificate, flexexchange;

-- An auction with all that there is, in three cells: 1 and 2 joined by a line, 3 wanted whole.
CREATE TABLE leg (order_id bigint, cell bigint, quantity float8, price float8);
INSERT INTO leg VALUES (1, 1, 60, 10), (2, 1, 50, 20), (3, 1, -40, 90), (4, 2, 100, 50), (5, 2, -60, 90),   -- two zones
                       (6, 3, 10, 12), (7, 3, 6, 8), (8, 3, 8, 30),                                          -- a need
                       (9, 1, 10, 11), (9, 2, 10, 11),                                                       -- a block
                       (10, 3, 4, 9), (11, 3, 4, 1), (12, 3, 5, 6), (13, 3, 20, 5);                          -- a child and its parent, one of two, too large
CREATE TABLE cell AS SELECT 3::bigint AS cell, 30::float8 AS requirement, 40::float8 AS ceiling, false AS at_least;
CREATE TABLE term (order_id bigint, minimum float8, fixed_cost float8);
INSERT INTO term VALUES (9, 1, 0), (6, 0.5, 10), (8, 0.25, 0), (13, 1, 600);
CREATE TABLE exclusion AS SELECT 1::bigint AS exclusion, 7::bigint AS order_id UNION ALL SELECT 1, 12;
CREATE TABLE link AS SELECT 11::bigint AS child, 10::bigint AS parent;
CREATE TABLE limit_term AS SELECT 1::bigint AS limit_id, 6::bigint AS order_id, 10::float8 AS coefficient, 16::float8 AS most UNION ALL SELECT 1, 8, 8, 16;
CREATE TABLE flow AS SELECT 1::bigint AS from_cell, 2::bigint AS to_cell, -20::float8 AS least, 20::float8 AS most, 0::float8 AS loss;

CREATE FUNCTION clear(how text) RETURNS jsonb LANGUAGE sql
AS $$ SELECT to_jsonb(r) FROM clear_orders('SELECT * FROM leg ORDER BY order_id, cell', 'SELECT * FROM cell', 'SELECT * FROM term', 'SELECT * FROM exclusion', 'SELECT * FROM link', 'SELECT * FROM limit_term', 'SELECT * FROM flow', how, max_gap => 0) r $$;
CREATE FUNCTION judge(result jsonb, how text) RETURNS TABLE (rule text, subject text, holds boolean, detail text) LANGUAGE sql
AS $$ SELECT * FROM check_clearing(result, 'SELECT * FROM leg', 'SELECT * FROM cell', 'SELECT * FROM term', 'SELECT * FROM exclusion', 'SELECT * FROM link', 'SELECT * FROM limit_term', 'SELECT * FROM flow', how, max_gap => 0) $$;
CREATE TABLE answer AS SELECT how, clear(how) AS result FROM unnest('{marginal,highest_accepted,none}'::text[]) how;

-- what is right: every rule is tried and holds, whichever way it is priced
SELECT how, bool_and(holds) AS holds, string_agg(rule, ' ' ORDER BY rule COLLATE "C") AS tried FROM answer, judge(result, how) GROUP BY how ORDER BY how COLLATE "C";
SELECT rule, subject, detail FROM answer, judge(result, how) WHERE NOT holds ORDER BY how COLLATE "C", rule COLLATE "C", subject COLLATE "C";
SELECT rule, detail FROM answer, judge(result, how) WHERE how = 'marginal' ORDER BY rule COLLATE "C";

-- what is wrong: one thing at a time in the answer; the rule that says so comes first, others may follow from it
CREATE FUNCTION place(result jsonb, field text, id bigint) RETURNS text LANGUAGE sql AS $$ SELECT (place - 1)::text FROM jsonb_array_elements_text(result -> field) WITH ORDINALITY AS e (id, place) WHERE e.id::bigint = $3 $$;
CREATE FUNCTION with_order(result jsonb, field text, id bigint, value jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_set(result, ARRAY[field, place(result, 'order_id', id)], value) $$;
CREATE FUNCTION with_cell(result jsonb, field text, id bigint, value jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_set(result, ARRAY[field, place(result, 'cell', id)], value) $$;
CREATE FUNCTION found(result jsonb, how text DEFAULT 'marginal') RETURNS text LANGUAGE sql
AS $$ SELECT coalesce(string_agg(DISTINCT rule, ' '), 'nothing') FROM judge(result, how) WHERE NOT holds $$;
CREATE VIEW broken AS
SELECT w.place, w.rule, w.what, found(w.result, w.how) AS found
FROM (SELECT (SELECT result FROM answer WHERE how = 'marginal') AS m, (SELECT result FROM answer WHERE how = 'highest_accepted') AS h, (SELECT result FROM answer WHERE how = 'none') AS n) a,
LATERAL (VALUES
  (1, 'complete', 'an order less', 'marginal', jsonb_set(m, '{order_id}', (m -> 'order_id') - 0)),
  (2, 'complete', 'an order twice', 'marginal', with_order(m, 'order_id', 2, '1')),
  (3, 'complete', 'an order that was not asked', 'marginal', with_order(m, 'order_id', 2, '99')),
  (4, 'complete', 'an order without its share', 'marginal', with_order(m, 'share', 2, 'null')),
  (5, 'complete', 'a cell less', 'marginal', jsonb_set(m, '{cell}', (m -> 'cell') - 0)),
  (6, 'complete', 'a cell that was not asked', 'marginal', with_cell(m, 'cell', 3, '4')),
  (7, 'complete', 'a flow less', 'marginal', jsonb_set(m, '{flow}', '[]')),
  (8, 'complete', 'a price less', 'marginal', jsonb_set(m, '{price}', (m -> 'price') - 0)),
  (10, 'share', 'more than all', 'marginal', with_order(m, 'share', 1, '1.5')),
  (11, 'share', 'less than nothing', 'marginal', with_order(m, 'share', 2, '-0.1')),
  (12, 'share', 'less than the minimum', 'marginal', with_order(m, 'share', 9, '0.5')),
  (20, 'exclusion', 'both of two that exclude each other', 'marginal', with_order(m, 'share', 12, '1')),
  (21, 'link', 'a child without its parent', 'marginal', with_order(m, 'share', 10, '0.5')),
  (22, 'limit', 'more than a limit', 'marginal', with_order(m, 'share', 8, '1')),
  (23, 'flow', 'more than a line can carry', 'marginal', jsonb_set(m, '{flow}', '[21]')),
  (24, 'flow', 'less than a line must', 'marginal', jsonb_set(m, '{flow}', '[-21]')),
  (30, 'balance', 'too little', 'marginal', with_order(m, 'share', 1, '0.8')),
  (31, 'balance', 'too much', 'marginal', with_order(m, 'share', 1, '0.9')),
  (32, 'balance', 'a line that carries less', 'marginal', jsonb_set(m, '{flow}', '[19]')),
  (33, 'shortfall', 'a shortfall that is none', 'marginal', with_cell(m, 'shortfall', 3, '5')),
  (34, 'shortfall', 'a shortfall that is not stated', 'marginal', with_order(m, 'share', 11, '0')),
  (35, 'quantity', 'another quantity', 'marginal', with_cell(m, 'quantity', 1, '61')),
  (40, 'cost', 'another cost', 'marginal', jsonb_set(m, '{cost}', '-6383')),
  (41, 'bound', 'a bound above the cost', 'marginal', jsonb_set(m, '{bound}', '-6381')),
  (42, 'gap', 'a gap that is larger', 'marginal', jsonb_set(m, '{bound}', '-6400')),
  (43, 'gap', 'a gap that is too large', 'marginal', jsonb_set(jsonb_set(m, '{bound}', '-6400'), '{gap}', to_jsonb(18 / 6382.0))),
  (44, 'gap', 'another status', 'marginal', jsonb_set(m, '{status}', '"done"')),
  (50, 'price', 'a price at which one who is taken loses', 'marginal', with_cell(m, 'price', 1, '9')),
  (51, 'price', 'a price at which one who is taken in part wants more', 'marginal', with_cell(m, 'price', 1, '15')),
  (52, 'price', 'a price above the ceiling', 'marginal', with_cell(m, 'price', 3, '41')),
  (53, 'price', 'prices between which a line would carry less', 'marginal', with_cell(m, 'price', 2, '5')),
  (54, 'price', 'no price where something is traded', 'marginal', with_cell(m, 'price', 2, 'null')),
  (55, 'no_loss', 'a price at which a block loses', 'marginal', with_cell(m, 'price', 2, '10')),
  (56, 'surplus_share', 'a price in the middle', 'marginal', with_cell(m, 'price', 3, '35')),
  (57, 'price', 'not the highest accepted', 'highest_accepted', with_cell(h, 'price', 1, '10')),
  (58, 'shadow_price', 'a shadow price that is not', 'none', with_cell(n, 'shadow_price', 1, '15')),
  (59, 'price_setter', 'set by one who is not taken', 'marginal', with_cell(m, 'price_setter', 1, '2')),
  (60, 'price_setter', 'set by nobody known', 'marginal', with_cell(m, 'price_setter', 1, '99')),
  (61, 'price_setter', 'set by one who is taken, at another price', 'marginal', with_cell(m, 'price_setter', 1, '3')),
  (70, 'one_order', 'short, and one is left out for nothing', 'none', with_cell(with_order(n, 'share', 10, '0'), 'shortfall', 3, '4')),
  (71, 'one_order', 'short, and a divisible one is not taken whole', 'marginal', with_cell(with_order(m, 'share', 8, '0.5'), 'shortfall', 3, '2')),
  (80, 'reason', 'accepted, it says, and is not', 'marginal', with_order(m, 'reason', 2, '"accepted"')),
  (81, 'reason', 'too dear, it says, and is taken', 'marginal', with_order(m, 'reason', 1, '"too_dear"')),
  (82, 'reason', 'too dear, it says, and would earn', 'marginal', with_order(m, 'reason', 12, '"too_dear"')),
  (83, 'reason', 'excluded by nobody', 'marginal', with_order(m, 'reason', 2, '"excluded"')),
  (84, 'reason', 'no parent', 'marginal', with_order(m, 'reason', 2, '"parent_rejected"')),
  (85, 'reason', 'no limit', 'marginal', with_order(m, 'reason', 2, '"limited"')),
  (86, 'reason', 'no minimum', 'marginal', with_order(m, 'reason', 2, '"minimum_not_reached"')),
  (87, 'reason', 'no paradox', 'marginal', with_order(m, 'reason', 2, '"paradoxically_rejected"')),
  (88, 'reason', 'not at the price', 'marginal', with_order(m, 'reason', 2, '"tied"')),
  (89, 'reason', 'none', 'marginal', with_order(m, 'reason', 2, 'null')),
  (90, 'displaced_by', 'by one who is not taken', 'marginal', with_order(m, 'displaced_by', 2, '12')),
  (91, 'displaced_by', 'by itself', 'marginal', with_order(m, 'displaced_by', 1, '1')),
  (92, 'displaced_by', 'one who is taken whole', 'marginal', with_order(m, 'displaced_by', 3, '1'))) AS w (place, rule, what, how, result);
SELECT rule, what, rule = ANY (string_to_array(found, ' ')) AS named, CASE WHEN NOT rule = ANY (string_to_array(found, ' ')) THEN found END AS instead FROM broken ORDER BY place;
-- every rule was broken once
SELECT DISTINCT rule FROM answer, judge(result, how) EXCEPT SELECT rule FROM broken;
-- where it is wrong it says who, and by how much
SELECT rule, subject, detail FROM answer, judge(with_order(result, 'share', 8, '1'), how) WHERE how = 'marginal' AND NOT holds ORDER BY rule COLLATE "C", subject COLLATE "C";

-- what pricing allows: a paradoxical rejection; a parent that its child pays for, but no further; energy that runs for the sake of its reserve; a gap
CREATE FUNCTION wrong(orders text, terms text DEFAULT NULL, links text DEFAULT NULL, limits text DEFAULT NULL, cells text DEFAULT NULL, change text[] DEFAULT '{}', value jsonb DEFAULT NULL) RETURNS text LANGUAGE sql
AS $$ SELECT coalesce(string_agg(k.rule || coalesce(' ' || k.subject, ''), ', ' ORDER BY k.rule COLLATE "C", k.subject COLLATE "C"), 'nothing')
      FROM clear_orders(orders, cells, terms, NULL, links, limits, max_gap => 0) r, check_clearing(CASE WHEN value IS NULL THEN to_jsonb(r) ELSE jsonb_set(to_jsonb(r), change, value) END, orders, cells, terms, NULL, links, limits, max_gap => 0) k WHERE NOT k.holds $$;
SELECT wrong('SELECT * FROM (VALUES (1::bigint, 1::bigint, -10::float8, 300::float8), (2, 1, -14, 10), (3, 1, 12, 40), (4, 1, 13, 100)) v (order_id, cell, quantity, price)', 'SELECT 3::bigint AS order_id, 11 / 12.0::float8 AS minimum, 0::float8 AS fixed_cost') AS paradox;
SELECT wrong(o, t, l) AS family, wrong(o, t, l, change => '{price,0}', value => '90') AS at_90
FROM (VALUES ('SELECT * FROM (VALUES (1::bigint, 1::bigint, -999::float8, 3000::float8), (2, 1, 1000, 100), (3, 1, 100, 120), (4, 1, 100, 75)) v (order_id, cell, quantity, price)', 'SELECT * FROM (VALUES (3::bigint, 1::float8, 0::float8), (4, 1, 0)) v (order_id, minimum, fixed_cost)', 'SELECT 4::bigint AS child, 3::bigint AS parent')) v (o, t, l);
SELECT wrong('SELECT * FROM (VALUES (1::bigint, 1::bigint, 100::float8, 50::float8), (3, 1, 110, 60), (5, 3, 15, 20)) v (order_id, cell, quantity, price)', cells => 'SELECT * FROM (VALUES (1::bigint, 100::float8, 10000::float8, false), (3, 10, 10000, false)) v (cell, requirement, ceiling, at_least)',
  limits => 'SELECT * FROM (VALUES (1::bigint, 3::bigint, 110::float8, 110::float8), (1, 5, 15, 110), (2, 3, -110, -50), (2, 5, 15, -50)) v (limit_id, order_id, coefficient, most)') AS energy_and_reserve;
SELECT bool_or(NOT holds) FILTER (WHERE rule = 'gap') AS gap_of_none, (SELECT bool_and(k.holds) FROM check_clearing(w.result, 'SELECT * FROM leg', 'SELECT * FROM cell', 'SELECT * FROM term', 'SELECT * FROM exclusion', 'SELECT * FROM link', 'SELECT * FROM limit_term', 'SELECT * FROM flow', max_gap => 0.01) k) AS gap_of_one_percent
FROM (SELECT jsonb_set(jsonb_set(result, '{bound}', '-6400'), '{gap}', to_jsonb(18 / 6382.0)) AS result FROM answer WHERE how = 'marginal') w, judge(w.result, 'marginal') j GROUP BY w.result;

-- the queries see the names of their caller; errors
CREATE ROLE certificate_reader;
GRANT USAGE ON SCHEMA certificate TO certificate_reader;
GRANT SELECT ON answer TO certificate_reader;
SET ROLE certificate_reader;
\set VERBOSITY sqlstate
SELECT count(*) FROM check_clearing((SELECT result FROM answer WHERE how = 'marginal'), 'SELECT * FROM leg');
RESET ROLE;
DROP OWNED BY certificate_reader;
DROP ROLE certificate_reader;
SELECT count(*) FROM check_clearing('{}', 'SELECT 1 AS order_id');
\set VERBOSITY terse
SELECT count(*) FROM check_clearing('{}', 'SELECT * FROM leg', pricing => 'uniform');
SELECT count(*) FROM check_clearing('[]', 'SELECT * FROM leg');
SELECT count(*) FROM check_clearing(NULL, 'SELECT * FROM leg');
-- an answer that says nothing is found out by all that was asked
SELECT count(*) FILTER (WHERE NOT holds) > 20 AS found FROM check_clearing('{}', 'SELECT * FROM leg', 'SELECT * FROM cell');
DROP SCHEMA certificate CASCADE;
