-- docs/data_dictionary.md, from the catalog of a new exchange; psql prints it, unaligned and without headings.
SET search_path = gb, flexexchange;
\pset format unaligned
\pset tuples_only on
SELECT '# Data dictionary

## What it is

Every table and view of an exchange, column by column, from the catalog: `make dictionary` writes this page, a test compares it. `SELECT * FROM data_dictionary` is the same in the database,
of what its reader has to do with. A `*` marks what is never NULL.';
SELECT string_agg(format(E'\n## %s\n\n%s: %s.\n\n| column | type | is |\n|---|---|---|\n%s', relation, initcap(kind), relation_is, columns), E'\n' ORDER BY kind = 'view', relation COLLATE "C")
FROM (SELECT relation, kind, relation_is, string_agg(format('| %s | %s%s | %s |', column_name, type, CASE WHEN is_required THEN ' *' ELSE '' END, replace(column_is, '|', '\|')), E'\n' ORDER BY place) AS columns
      FROM data_dictionary GROUP BY 1, 2, 3) d;
