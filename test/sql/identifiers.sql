-- Identifiers: the check digits of MPAN, GSRN, GLN and EIC, as functions and as domains.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set VERBOSITY default
\set SHOW_CONTEXT never
SET search_path = public, flexexchange;

-- vectors that were published
CREATE TEMPORARY TABLE vector (kind text, good boolean, value text);
INSERT INTO vector SELECT 'mpan', true, unnest(ARRAY['1470116845051', '1049827101269', '3433899920164', '2143967712809', '2830997098859', '1816273348119', '2146743072093',
  '1892941794350', '1525379938096', '2544886475542', '1312345678907']);
INSERT INTO vector SELECT 'mpan', false, unnest(ARRAY['2499999999990', '8699999999991', '1234567890123', '1200010257778', '1200001071622']);
INSERT INTO vector SELECT 'gsrn', true, unnest(ARRAY['123456789012345675', '123456789012345606', '777756789012345608', '133700000000000053', '133700000000000060',
  '871685900012636543', '709000000000000019']);
INSERT INTO vector SELECT 'gsrn', false, unnest(ARRAY['123456789012345670', '123456789012345602', '777756789012345603', '857643212345678921', '571313001234567895']);
INSERT INTO vector SELECT 'gln', true, unnest(ARRAY['9312345678907', '9999909919920', '7080003195234', '0847976000005']);
INSERT INTO vector SELECT 'gln', false, unnest(ARRAY['9312345678906', '9312345678908']);
INSERT INTO vector SELECT 'eic', true, unnest(ARRAY['10YGB----------A', '10X1001A1001A515', '10X1001A1001A38Y', '10Y1001A1001A91G', '10YNO-0--------C', '10YFI-1--------U',
  '48X000000000001I', '22XWATTPLUS----G', '12X1-2-3-4-5-6-U', '13X1-2-3-4-5-6-F', '27X1-2-3-4-5-6-D', '27X9-8-7-654321D', '31XABCDEFGHIJK04', '31XLMNOPQRSTUVW8', '31XXXX---YY---ZY']);
INSERT INTO vector SELECT 'eic', false, unnest(ARRAY['10X1001A1001A38Z', '12X1-2-3-4-5-6-Z', '13X1-2-3-4-5-6-2', '31XLMNOPQRSTUVW5']);

CREATE FUNCTION pg_temp.judge(kind text, value text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  valid boolean;
  accepted boolean := true;
BEGIN
  EXECUTE format('SELECT %I($1)', kind || '_is_valid') INTO valid USING value;
  BEGIN
    EXECUTE format('SELECT $1::%I', kind) USING value;
  EXCEPTION WHEN check_violation THEN
    accepted := false;
  END;
  ASSERT valid = accepted, 'function and domain differ';
  RETURN valid;
END $$;
SELECT kind, good, count(*), count(*) FILTER (WHERE pg_temp.judge(kind, value) <> good) AS misjudged FROM vector GROUP BY kind, good ORDER BY kind, good;
-- one character in the place of another is always noticed, wherever it stands, but for an MPAN whose sum leaves 10, which is written 0 too
SELECT v.kind, count(*) AS changed, count(*) FILTER (WHERE pg_temp.judge(v.kind, overlay(v.value PLACING c FROM i FOR 1))) AS missed
FROM vector v, generate_series(1, 18) i, regexp_split_to_table('0123456789ABXYZ-', '') c
WHERE v.good AND i <= length(v.value) AND substr(v.value, i, 1) <> c AND (v.kind = 'eic' OR c ~ '[0-9]') GROUP BY v.kind ORDER BY v.kind;
-- nothing, too short, too long, blanks, digits and letters of other scripts; NULL is left alone
SELECT kind, count(*) FILTER (WHERE pg_temp.judge(kind, value)) AS accepted FROM unnest(ARRAY['mpan', 'gsrn', 'gln', 'eic']) kind,
  unnest(ARRAY['', ' ', '147011684505', '14701168450512', ' 1470116845051', '147011684505 1', '147011684505X', '-470116845051', '10ygb----------a', '10YGB----------a', '10YGB---------_A',
               U&'\0661470116845051', U&'\00e90YGB----------', U&'10YGB---------\00e9', repeat('1', 1000000)]) value GROUP BY kind ORDER BY kind;
SELECT mpan_is_valid(NULL), gsrn_is_valid(NULL), gln_is_valid(NULL), eic_is_valid(NULL), NULL::mpan, NULL::gsrn, NULL::gln, NULL::eic;
-- a body of nothing but zeros; a body whose check character would be a hyphen, which is not issued
SELECT '0000000000000'::mpan, '000000000000000000'::gsrn, '0000000000000'::gln, '0000000000000000'::eic;
SELECT '10X000000000002-'::eic;

-- what is wrong is said, and what was expected
SELECT '1200010257778'::mpan;
SELECT '1200001071622'::mpan;
SELECT '120 0010257778'::mpan;
SELECT '123456789012345670'::gsrn;
SELECT '12345'::gsrn;
SELECT '9312345678906'::gln;
SELECT '93123456789O7'::gln;
SELECT '10X1001A1001A38Z'::eic;
SELECT '10x1001a1001a38y'::eic;
SELECT check_eic('10X1001A1001A38Z', 'party.eic');
SELECT mpan(repeat('9', 1000000));

-- in columns, and in arrays of them
CREATE TABLE party (name text, gln gln, eic eic, meters mpan[], points gsrn[]);
INSERT INTO party VALUES ('National operator', '9312345678907', '10YGB----------A', '{1470116845051,1049827101269}', '{123456789012345675}'), ('nobody', NULL, NULL, NULL, NULL);
INSERT INTO party (meters) VALUES ('{1470116845051,1049827101268}');
\set SHOW_CONTEXT errors
COPY party (name, gln) FROM stdin;
one	9999909919920
two	9999909919921
\.
\set SHOW_CONTEXT never
UPDATE party SET eic = '10YGB----------B';
SELECT * FROM party ORDER BY name COLLATE "C";
-- a domain is text to whatever takes text, and compares as text
SELECT pg_typeof(eic || ''), eic LIKE '10Y%' AS area, gln = '9312345678907' AS same FROM party WHERE eic IS NOT NULL;
DROP TABLE party;
