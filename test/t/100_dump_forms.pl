# More ways of taking an exchange along: parallel directory dumps, one exchange of several, out of an archive of
# the whole database, into a cluster that has none of its roles; and what goes wrong in the ways that do not work.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main');
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{CREATE EXTENSION flexexchange; CREATE ROLE keeper LOGIN; GRANT CREATE ON DATABASE source TO keeper});
fill($node, 'source', 'gb', owner => 'keeper', trades => 80);
$node->safe_psql('source', q{
	SET SESSION AUTHORIZATION keeper;
	SELECT flexexchange.create_exchange('sandbox', 'medium');
	INSERT INTO sandbox.asset (name) VALUES ('battery');
	SELECT gb.seal_events()});
my $connect = $node->connstr('source');
my %rows = map { $_ => rows($node, 'source', $_) } 'gb', 'sandbox';
my %shape = map { $_ => shape($node, 'source', '-n', $_) } 'gb', 'sandbox';
like($rows{gb}, qr/^gb\.conflict [1-9]/m, 'there are conflicts to bring back');

# a database of its own for each way
my $databases = 0;
sub target
{
	my ($on, @prepare) = @_;
	my $name = 'target' . ++$databases;
	$on->safe_psql('postgres', "CREATE DATABASE $name");
	$on->safe_psql($name, $_) for @prepare;
	return $name;
}

sub compare
{
	my ($on, $database, $how, @exchanges) = @_;
	for my $exchange (@exchanges)
	{
		is(rows($on, $database, $exchange), $rows{$exchange}, "$how: the rows of $exchange");
		same(loosely(shape($on, $database, '-n', $exchange)), loosely($shape{$exchange}), "$how: the shape of $exchange");
	}
	is($on->safe_psql($database, q{SELECT string_agg(name, ' ' ORDER BY name) FROM flexexchange.exchange}), join(' ', @exchanges), "$how: the exchanges that there are");
	return unless grep { $_ eq 'gb' } @exchanges;
	is($on->safe_psql($database, q{SELECT problem IS NULL AND sound FROM gb.verify_log()}), 't', "$how: the log verifies");
	is(sweep_finds($on, $database, 'gb'), '0 0', "$how: a sweep finds nothing new");
	is(trade_on($on, $database, 'gb'), 'duplicate', "$how: conflicts are found again");
}

# in parallel, out and in
$node->command_ok([ 'pg_dump', '-Fd', '-j', '2', '-d', $connect, '-f', "$dir/directory" ], 'pg_dump -Fd -j 2');
my $target = target($node);
$node->command_ok([ 'pg_restore', '-j', '2', '-e', '-d', $node->connstr($target), "$dir/directory" ], 'pg_restore -j 2');
compare($node, $target, 'directory', 'gb', 'sandbox');

# one exchange out of the archive of all
$target = target($node, 'CREATE EXTENSION flexexchange', 'CREATE SCHEMA gb AUTHORIZATION keeper');
$node->command_ok([ 'pg_restore', '-e', '-n', 'gb', '-d', $node->connstr($target), "$dir/directory" ], 'pg_restore -n gb, into its schema');
# what is of the schema itself is not of a restore of its objects
$node->safe_psql($target, 'GRANT USAGE ON SCHEMA gb TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator');
compare($node, $target, 'one of an archive', 'gb');

# one exchange, into a database that has another: ids of both are apart
$node->command_ok([ 'pg_dump', '-n', 'sandbox', '-d', $connect, '-f', "$dir/sandbox.sql" ], 'pg_dump -n sandbox');
$target = target($node, 'CREATE EXTENSION flexexchange', q{SELECT flexexchange.create_exchange('other')});
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($target), '-f', "$dir/sandbox.sql" ], 'psql restores it beside another');
compare($node, $target, 'beside another', 'other', 'sandbox') if ($shape{other} = shape($node, $target, '-n', 'other')) && ($rows{other} = rows($node, $target, 'other'));
is($node->safe_psql($target, q{INSERT INTO other.asset (name) VALUES ('a'); SELECT count(*) FROM other.asset JOIN sandbox.asset USING (id)}), '0', 'and their ids do not meet');

# without the extension it does not come back, and says why
$target = target($node);
my ($out, $err);
IPC::Run::run([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($target), '-f', "$dir/sandbox.sql" ], '>', \$out, '2>', \$err);
like($err, qr/schema "flexexchange" does not exist/, 'one exchange without the extension is refused');

# shape first, rows later: out of one archive, in its sections
$target = target($node);
$node->command_ok([ 'pg_restore', '-e', '--section=pre-data', '-d', $node->connstr($target), "$dir/directory" ], 'shape');
$node->command_ok([ 'pg_restore', '-e', '-j', '2', '--section=data', '-d', $node->connstr($target), "$dir/directory" ], 'rows');
$node->command_ok([ 'pg_restore', '-e', '-j', '2', '--section=post-data', '-d', $node->connstr($target), "$dir/directory" ], 'indexes, triggers, policies');
compare($node, $target, 'by section', 'gb', 'sandbox');

# into a new cluster: its roles come before
my $elsewhere = start_node('elsewhere');
$node->command_ok([ 'pg_dumpall', '--roles-only', '-f', "$dir/roles.sql" ], 'pg_dumpall --roles-only');
$elsewhere->command_ok([ 'psql', '-X', '-q', '-d', $elsewhere->connstr('postgres'), '-f', "$dir/roles.sql" ], 'roles');
$target = target($elsewhere);
$elsewhere->command_ok([ 'pg_restore', '-j', '2', '-e', '-d', $elsewhere->connstr($target), "$dir/directory" ], 'pg_restore elsewhere');
compare($elsewhere, $target, 'elsewhere', 'gb', 'sandbox');

$node->stop;
$elsewhere->stop;
done_testing();
