# Logical replication of an exchange into another cluster: every row arrives, first and later; triggers do not fire a second time
# there, so that nothing is found, told or logged twice; and the copy can take over.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $here = start_node('publisher', allows_streaming => 'logical');
my $there = start_node('subscriber');
$here->safe_psql('postgres', 'CREATE EXTENSION flexexchange');
fill($here, 'postgres', 'gb', trades => 100);
my $book = slurp_file('test/oracle/random_book.sql');

# the exchange as it is, without rows
my $dir = PostgreSQL::Test::Utils::tempdir();
$there->safe_psql('postgres', 'CREATE EXTENSION flexexchange');
$here->command_ok([ 'pg_dump', '-s', '-n', 'gb', '-d', $here->connstr('postgres'), '-f', "$dir/gb.sql" ], 'pg_dump -s -n gb');
$there->command_ok([ 'psql', '-X', '-q', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $there->connstr('postgres'), '-f', "$dir/gb.sql" ], 'psql');

$here->safe_psql('postgres', 'CREATE PUBLICATION gb FOR TABLES IN SCHEMA gb WITH (publish_via_partition_root = true)');
$there->safe_psql('postgres', 'CREATE SUBSCRIPTION gb CONNECTION $$' . $here->connstr('postgres') . '$$ PUBLICATION gb');
sub caught_up
{
	$here->wait_for_catchup('gb');
	return $there->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's')});
}
# rows without the places of sequences, which are not replicated
sub all_rows { return join("\n", grep { !/^gb\.\S+(_seq|_id) \d+$/ } split(/\n/, rows($_[0], 'postgres', 'gb'))); }
ok(caught_up(), 'the first copy is there');
is(all_rows($there), all_rows($here), 'every row arrives');

# every kind of change: of the book, of the register, of members, of rules, of the network
my $session = $there->background_psql('postgres');
my $replay = q{SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') FROM gb.replay_conflicts('draft', '-infinity/infinity') r};
$here->safe_psql('postgres', q{SELECT gb.copy_ruleset('ena-2025-01', 'draft')});
caught_up();
my $before = $session->query_safe($replay);
is($before, $here->safe_psql('postgres', $replay), 'a replay is the same on both');
$here->safe_psql('postgres', q{
	SET search_path = lab, gb, flexexchange;
	SELECT random_trading(101, 160, 24, 7);
	SELECT random_register_change(i, 7) FROM generate_series(1, 20) i;
	INSERT INTO grid_node (kind, name) VALUES ('gsp', 'Northgate'), ('primary', 'Mill Lane');
	INSERT INTO grid_node_parent (grid_node_id, parent_id) SELECT b.id, a.id FROM grid_node a, grid_node b WHERE a.kind = 'gsp' AND b.kind = 'primary';
	UPDATE grid_node_parent SET valid = '2026-01-01T00:00Z/P300Y';
	UPDATE portfolio_member SET flexible_up_kw = flexible_up_kw + 1 WHERE portfolio_id % 2 = 0;
	DELETE FROM portfolio_member WHERE ctid IN (SELECT ctid FROM portfolio_member LIMIT 1);
	UPDATE award SET status = 'released' WHERE id % 3 = 0;
	UPDATE stacking_rule SET verdict = 'explicit_yes' WHERE ruleset_id = require_ruleset('draft');
	SELECT seal_events()});
caught_up();
is(all_rows($there), all_rows($here), 'changes arrive, those of tables without a key too');
is(sweep_finds($there, 'postgres', 'gb'), '0 0', 'a sweep there finds nothing new');
is($there->safe_psql('postgres', q{SELECT problem IS NULL AND sound FROM gb.verify_log()}), 't', 'the log verifies there');
is($session->query_safe($replay), $here->safe_psql('postgres', $replay), 'a session there that remembered rules hears that they changed');
isnt($session->query_safe($replay), $before, 'which makes a difference');
# each time, not by the accident of another change
for my $verdict ('explicit_no', 'explicit_yes')
{
	$here->safe_psql('postgres', "UPDATE gb.stacking_rule SET verdict = '$verdict' WHERE ruleset_id = gb.require_ruleset('draft')");
	caught_up();
	is($session->query_safe($replay), $here->safe_psql('postgres', $replay), "a session there hears that every verdict is $verdict");
}
my $sweep = q{SELECT written || ' ' || closed FROM gb.detect_conflicts('-infinity/infinity')};
is($session->query_safe($sweep), '0 0', 'a sweep in it');
$here->safe_psql('postgres', q{
	SET search_path = gb, flexexchange;
	UPDATE product SET code = code WHERE id = 1;
	INSERT INTO product (market_id, code, name, service_code) SELECT market_id, 'new', 'new', 'PR' FROM product WHERE service_code = 'PR' LIMIT 1;
	INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
	  SELECT p.id, 3, a.id, 'up', 5, '2097-02-01T17:00Z/PT1H' FROM (SELECT min(id) AS id FROM asset) a, product p WHERE p.code IN ('new', 'DC1') ORDER BY p.id});
caught_up();
is($session->query_safe($sweep), '0 0', 'a session there hears of new products');
my $open = $here->safe_psql('postgres', 'SELECT count(*) FROM gb.conflict WHERE closed_at IS NULL');
$here->safe_psql('postgres', q{SELECT gb.put_ruleset_in_force('draft', '2098-01-01T00:00Z')});
caught_up();
cmp_ok($here->safe_psql('postgres', 'SELECT count(*) FROM gb.conflict WHERE closed_at IS NULL'), '<', $open, 'other rules in force close conflicts');
is($session->query_safe($sweep), '0 0', 'a session there hears that other rules are in force');
$session->quit;
is($there->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_subscription_stats WHERE apply_error_count + sync_error_count > 0}), '0', 'nothing stood in the way');

# it takes over: no more changes come, and sequences go on where they were
caught_up();
my $sequences = $here->safe_psql('postgres', q{SELECT format('SELECT setval(%L, %s);', format('%I.%I', schemaname, sequencename), last_value) FROM pg_sequences WHERE schemaname = 'gb' AND last_value IS NOT NULL});
$there->safe_psql('postgres', 'ALTER SUBSCRIPTION gb DISABLE; ALTER SUBSCRIPTION gb SET (slot_name = NONE); DROP SUBSCRIPTION gb');
$here->stop;
$there->safe_psql('postgres', $sequences);
is(trade_on($there, 'postgres', 'gb'), 'duplicate', 'taken over: conflicts are found');
is(sweep_finds($there, 'postgres', 'gb'), '0 0', 'taken over: a sweep says the same');
is($there->safe_psql('postgres', q{SELECT count(*) > 0 FROM gb.seal_events(); SELECT problem IS NULL AND sound FROM gb.verify_log()}), "t\nt", 'taken over: the log goes on');
$there->stop;
done_testing();
