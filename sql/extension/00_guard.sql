-- flexexchange: the extension script, concatenated by the Makefile from
-- sql/extension/*.sql and the modules of sql/exchange/*.sql.

\echo Use "CREATE EXTENSION flexexchange" to load this file. \quit

COMMENT ON SCHEMA flexexchange IS
  'Flexibility exchange: the types, operators and functions that every exchange of this database uses; holds no market data';
GRANT USAGE ON SCHEMA flexexchange TO PUBLIC;
