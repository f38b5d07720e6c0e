-- Units that draw on the same assets, in random books against the oracle: a few
-- assets, lent to up to six portfolios, some behind common connections.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set journal :src '/oracle/journal.sql'
\set oracle :src '/oracle/oracle.sql'
\set random_book :src '/oracle/random_book.sql'
\set random_rules :src '/oracle/random_rules.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('supply_test');
SET search_path = supply_test, flexexchange;
SET client_min_messages = error;
\set ECHO none
\i :journal
\i :oracle
\i :random_book
\i :random_rules
\set ECHO all
SELECT random_register(12, 13);
SELECT random_sharing(6, 13);
SELECT random_trading(1, 500, 12, 13);
SELECT count(*) FILTER (WHERE closed_at IS NULL) > 200 AS enough_live FROM commitment;
SELECT severity, count(*) > 2 AS enough, count(*) FILTER (WHERE rationale @? '$.headroom.set[*].unit_id') > 2 AS enough_of_several_units
FROM conflict WHERE closed_at IS NULL AND kind = 'headroom' GROUP BY severity ORDER BY severity COLLATE "C";
-- three and more portfolios meet, two and no more, and assets are committed by themselves
SELECT bool_or(crowded > 0) AS crowds, bool_or(portfolio_id <> with_id AND crowded = 0) AS pairs, (SELECT count(*) > 10 FROM member_commitment) AS own FROM place_supply;
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;
SELECT * FROM oracle_wrongly_kept();
SELECT * FROM oracle_wrongly_posted;

-- More trading in the same book, and another order of things.
SELECT random_trading(501, 650, 12, 14);
SELECT * FROM compare_with_oracle();
SELECT count(*) AS wrongly_checked FROM oracle_wrongly_checked;
SELECT * FROM oracle_wrongly_kept();
SELECT * FROM oracle_wrongly_posted;

-- A sweep looks at all this in another way and finds nothing to change.
SELECT written, closed FROM detect_conflicts();

-- When nobody is a member any more nothing is shared, and nothing is kept of it.
DELETE FROM portfolio_member;
SELECT * FROM compare_with_oracle();
SELECT count(*) AS places FROM place_supply;
SELECT count(*) AS still FROM portfolio_supply s WHERE since = (SELECT max(since) FROM portfolio_supply x WHERE (x.portfolio_id, x.with_id) = (s.portfolio_id, s.with_id))
  AND (places, assets, crowded, unknown_up, unknown_down, own_up_kw, own_down_kw, both_up_kw, both_down_kw) <> (0, 0, 0, 0, 0, 0, 0, 0, 0);
SELECT count(*) AS posted FROM member_commitment;
SELECT flexexchange.drop_exchange('supply_test', with_data => true);
