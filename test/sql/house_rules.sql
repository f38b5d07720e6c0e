-- The rules of the house, as queries that return nothing.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('house_test');
CREATE VIEW house AS SELECT oid AS ns FROM pg_namespace WHERE nspname IN ('flexexchange', 'house_test');

-- objects without a comment
SELECT c.relkind AS kind, c.oid::regclass AS relation FROM pg_class c WHERE c.relnamespace IN (SELECT ns FROM house) AND c.relkind IN ('r', 'v', 'm', 'S')
  AND obj_description(c.oid, 'pg_class') IS NULL AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('i', 'a')) ORDER BY c.relname COLLATE "C";
SELECT c.oid::regclass AS relation, a.attname AS "column" FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace IN (SELECT ns FROM house) AND c.relkind IN ('r', 'v') AND col_description(c.oid, a.attnum) IS NULL ORDER BY c.relname COLLATE "C", a.attnum;
SELECT p.oid::regprocedure AS function FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND obj_description(p.oid, 'pg_proc') IS NULL ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT t.oid::regtype AS type FROM pg_type t WHERE t.typnamespace IN (SELECT ns FROM house) AND t.typtype IN ('b', 'd', 'e', 'r') AND t.typelem = 0 AND obj_description(t.oid, 'pg_type') IS NULL;
SELECT o.oid::regoperator AS operator FROM pg_operator o WHERE o.oprnamespace IN (SELECT ns FROM house) AND obj_description(o.oid, 'pg_operator') IS NULL;
SELECT o.opcname FROM pg_opclass o WHERE o.opcnamespace IN (SELECT ns FROM house) AND obj_description(o.oid, 'pg_opclass') IS NULL;
SELECT p.polrelid::regclass, p.polname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace IN (SELECT ns FROM house) AND obj_description(p.oid, 'pg_policy') IS NULL;
SELECT t.tgrelid::regclass, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace IN (SELECT ns FROM house) AND NOT t.tgisinternal AND obj_description(t.oid, 'pg_trigger') IS NULL;
-- tables of an exchange without row-level security: what says which exchange this is, and an intake that participants write and do not read
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'house_test'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity ORDER BY c.relname COLLATE "C";
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'house_test'::regnamespace AND c.relforcerowsecurity;
-- SECURITY DEFINER: listed, and with a pinned path
SELECT p.oid::regprocedure, array_to_string(p.proconfig, ' ') LIKE 'search_path=%' AS pinned FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND p.prosecdef ORDER BY p.oid::regprocedure::text COLLATE "C";
-- each says why
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND p.prosecdef AND obj_description(p.oid, 'pg_proc') !~ 'SECURITY DEFINER because' ORDER BY p.oid::regprocedure::text COLLATE "C";
-- functions without a pinned path that are neither C, nor parsed once
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang WHERE p.pronamespace IN (SELECT ns FROM house) AND l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND (p.proconfig IS NULL OR NOT EXISTS (SELECT FROM unnest(p.proconfig) x WHERE x LIKE 'search_path=%')) ORDER BY p.oid::regprocedure::text COLLATE "C";
-- functions parsed once that sort or tell apart (DISTINCT, UNION, GROUP BY, ORDER BY) values of our types: that asks for an operator class, which pg_upgrade makes after functions
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND EXISTS (SELECT FROM regexp_matches(p.prosqlbody::text, ':(eqop|sortop) (\d+)', 'g') m JOIN pg_operator o ON o.oid = m[2]::oid AND o.oprnamespace IN (SELECT ns FROM house));
-- functions of an exchange that PUBLIC may execute
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'house_test'::regnamespace AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee = 0) ORDER BY p.oid::regprocedure::text COLLATE "C";
-- views that do not run as their reader
SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN (SELECT ns FROM house) AND c.relkind = 'v' AND NOT coalesce(c.reloptions, '{}') && ARRAY['security_invoker=true', 'security_invoker=on'];
-- functions left parallel unsafe that are not meant to be: those that write
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND p.proparallel = 'u' AND p.provolatile <> 'v';
SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace IN (SELECT ns FROM house) AND p.proparallel = 'u' AND p.prorettype <> 'trigger'::regtype ORDER BY p.oid::regprocedure::text COLLATE "C";
-- constraints whose name says nothing, in an exchange
SELECT c.conrelid::regclass, c.conname FROM pg_constraint c WHERE c.connamespace = 'house_test'::regnamespace AND c.contype = 'c' AND c.conname ~ '_check[0-9]*$';
-- objects with a namesake of the same arguments in pg_catalog
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_proc q ON q.proname = p.proname AND q.proargtypes = p.proargtypes WHERE p.pronamespace IN (SELECT ns FROM house) AND q.pronamespace = 'pg_catalog'::regnamespace;
SELECT c.oid::regclass FROM pg_class c JOIN pg_class q ON q.relname = c.relname WHERE c.relnamespace IN (SELECT ns FROM house) AND q.relnamespace = 'pg_catalog'::regnamespace;
-- foreign keys without an index on their columns, where the referenced rows may go
SELECT k.conrelid::regclass, k.conname FROM pg_constraint k WHERE k.connamespace = 'house_test'::regnamespace AND k.contype = 'f' AND k.conrelid::regclass::text ~ '(bid|award|availability|dispatch)$'
  AND k.confrelid::regclass::text ~ '(bid|award|availability|dispatch)$'
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indkey[0] = k.conkey[1]);
DROP VIEW house;
SELECT flexexchange.drop_exchange('house_test');
