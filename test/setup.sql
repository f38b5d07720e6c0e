-- Settings that make results the same on every server.
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'iso_8601';
SET client_min_messages = warning;
\pset format unaligned
\pset fieldsep ' | '
\pset footer off
\pset null '-'
\set VERBOSITY terse
