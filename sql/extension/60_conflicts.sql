-- The conflict engine's triggers.  They may stand on any table that has the
-- columns they read (see docs/conflicts.md); the tables of an exchange do.

CREATE FUNCTION post_commitment() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_post_commitment'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION post_commitment() IS
  'trigger, AFTER INSERT, UPDATE or DELETE, FOR EACH STATEMENT with its transition tables, argument bid, award, availability or dispatch: keeps the book in step with the rows and examines them for conflicts; errors MX101, MX102, MX103, MX201, MX202';

CREATE FUNCTION forget_rules() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_forget_rules'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION forget_rules() IS
  'trigger, AFTER any change, FOR EACH STATEMENT or, of rows that come by logical replication, FOR EACH ROW: every session compiles the rules of this exchange anew before it uses them again';

CREATE FUNCTION reexamine_units() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_reexamine_units'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION reexamine_units() IS
  'trigger, AFTER a change FOR EACH STATEMENT with transition tables before and after, argument asset, metering_point, portfolio, portfolio_member, exclusivity or ruleset: keeps up with what units can be given and examines again the commitments of units whose supply, profile, agreements or rules changed, in deliveries that have not ended; error MX907 without its argument';

CREATE FUNCTION reexamine_network() RETURNS trigger
  AS 'MODULE_PATHNAME', 'flex_reexamine_network'
  LANGUAGE C VOLATILE;
COMMENT ON FUNCTION reexamine_network() IS
  'trigger, argument operating_limit, constraint_period, unit_removal, grid_node_parent, asset or portfolio (AFTER a change FOR EACH STATEMENT with transition tables before and after) or dispatch (AFTER INSERT OR UPDATE FOR EACH ROW): examines again what is dispatched behind the elements, or with the units, that it concerns, in deliveries that have not ended; error MX907 without its argument';

CREATE FUNCTION sweep_book(book regclass, span time_window, OUT examined bigint, OUT written bigint, OUT closed bigint)
  AS 'MODULE_PATHNAME', 'flex_sweep_book'
  LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION sweep_book(regclass, time_window) IS
  'what detect_conflicts() of an exchange does, for the owner of its table commitment; errors 42501, 42809';

CREATE FUNCTION replay_book(book regclass, ruleset_code text, span time_window,
                            OUT change text, OUT kind text, OUT severity text, OUT challenger_id bigint, OUT incumbent_id bigint,
                            OUT exclusivity_id bigint, OUT overlap time_window, OUT short_kw numeric, OUT rationale text)
  RETURNS SETOF record
  AS 'MODULE_PATHNAME', 'flex_replay_book'
  LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION replay_book(regclass, text, time_window) IS
  'what replay_conflicts() of an exchange does, for the owner of its table commitment; errors 42501, 42809, MX301';
