# Two sessions dispatch in one random network while they change it and what it can
# bear.  Whatever came of it, the findings are those of the oracle.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\nclient_min_messages = error\ndeadlock_timeout = 50ms");
$node->start;

my $oracle = join("\n", map { slurp_file("test/oracle/$_.sql") } qw(journal network_oracle random_network));
$node->safe_psql('postgres', qq{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	ALTER DATABASE postgres SET search_path = gb, flexexchange;
	SET search_path = gb, flexexchange;
	$oracle
	SELECT random_network(5);
	SELECT random_dispatching(1, 60, false, 5);
});

# a forecast may be revised by the other session first, a node have a parent already, a dispatch be superseded or gone
my $script = PostgreSQL::Test::Utils::tempdir() . '/steps.sql';
append_to_file($script, <<'END');
\set i random(100, 100000000)
\set j :i + 1
DO $$ BEGIN PERFORM random_dispatching(:i, :j, true, 77); SET CONSTRAINTS ALL IMMEDIATE; EXCEPTION WHEN check_violation OR exclusion_violation OR foreign_key_violation OR SQLSTATE 'MX201' THEN NULL; END $$;
END
command_ok([ 'pgbench', '-n', '-c', '2', '-T', '5', '--max-tries=50', '-f', $script, $node->connstr('postgres') ],
	'two sessions go on, trying again after a deadlock');

# they post at once, so the order is what the book says
$node->safe_psql('postgres', 'UPDATE journal j SET seq = c.id FROM commitment c WHERE c.source_id = j.source_id AND c.closed_at IS NULL');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM engine_counteraction'), '>', 0, 'there are counteractions');
is($node->safe_psql('postgres', 'SELECT * FROM compare_counteractions()'), '', 'the engine and the oracle agree');
is($node->safe_psql('postgres', q{
	SELECT 'kept', d.*, c.closed_at FROM (SELECT * FROM network_dispatch EXCEPT SELECT * FROM network_places(ARRAY(SELECT id FROM commitment))) d JOIN commitment c ON c.id = d.commitment_id
	UNION ALL SELECT 'missing', d.*, c.closed_at FROM (SELECT * FROM network_places(ARRAY(SELECT id FROM commitment)) EXCEPT SELECT * FROM network_dispatch) d JOIN commitment c ON c.id = d.commitment_id}), '',
	'dispatches stand where their units lie');
$node->stop;
done_testing();
