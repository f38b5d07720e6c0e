# pg_upgrade by copying and by linking files.  Only one major
# is at hand: object ids, files and the extension's own version are carried over all the same.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($present) = slurp_file('flexexchange.control') =~ /default_version = '(.*)'/;
my ($release) = map { /flexexchange--(.*)\.sql\.gz$/ } glob('sql/releases/*.sql.gz');
chomp(my $bindir = qx{pg_config --bindir});

# an exchange of the release, brought here before; a table of the types alone, for which the release stays
my $old = start_node('old', install_path => installation_with(PostgreSQL::Test::Utils::tempdir(), $release));
$old->safe_psql('postgres', 'CREATE ROLE keeper LOGIN');
for my $database ('exchange', 'types')
{
	$old->safe_psql('postgres', "CREATE DATABASE $database");
	$old->safe_psql($database, "GRANT CREATE ON DATABASE $database TO keeper; CREATE EXTENSION flexexchange VERSION '$release'");
	$old->safe_psql($database, q{
		CREATE TABLE public.booking (room bigint, during flexexchange.time_window, EXCLUDE USING gist (flexexchange.resource_window(room, during) WITH OPERATOR(flexexchange.&&)));
		INSERT INTO public.booking VALUES (1, '2026-11-20T09:00Z/PT1H')});
	next if $database eq 'types';
	fill($old, $database, 'gb', owner => 'keeper', trades => 60);
	$old->safe_psql($database, q{
		ALTER TABLE gb.asset ADD COLUMN colour text DEFAULT 'green';
		ALTER TABLE gb.asset DROP COLUMN colour;
		SELECT gb.seal_events()});
}
$old->safe_psql('exchange', q{ALTER EXTENSION flexexchange UPDATE; SELECT flexexchange.upgrade_exchange('gb')});
my $rows = rows($old, 'exchange', 'gb');
my $oid = $old->safe_psql('exchange', q{SELECT 'flexexchange.time_window'::regtype::oid});
$old->stop;

for my $mode ('copy', 'link')
{
	my $new = PostgreSQL::Test::Cluster->new("new_$mode");
	$new->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
	$new->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'");
	my @command = ('pg_upgrade', '--no-sync', ($mode eq 'link' ? '--link' : ()), '-d', $old->data_dir, '-D', $new->data_dir, '-b', $old->config_data('--bindir'), '-B', $bindir, '-s', $new->host, '-p', $old->port, '-P', $new->port);
	chdir($new->basedir) or die $!;
	command_ok([ @command, '--check' ], 'pg_upgrade --check') if $mode eq 'copy';
	command_ok([ @command ], "pg_upgrade, $mode");
	chdir($ENV{TESTDIR}) or die $!;
	$new->start;
	is(rows($new, 'exchange', 'gb'), $rows, "$mode: the same rows");
	is($new->safe_psql('exchange', q{SELECT problem IS NULL AND sound FROM gb.verify_log()}), 't', "$mode: the log verifies");
	is(sweep_finds($new, 'exchange', 'gb'), '0 0', "$mode: a sweep finds nothing new");
	is(trade_on($new, 'exchange', 'gb', '2097-01-01'), 'duplicate', "$mode: conflicts are found");
	is($new->safe_psql('types', q{SELECT extversion FROM pg_extension WHERE extname = 'flexexchange'}), $release, "$mode: the extension is of the version that it had");
	$new->safe_psql('types', 'ALTER EXTENSION flexexchange UPDATE');
	for my $database ('exchange', 'types')
	{
		is($new->safe_psql($database, q{SELECT extversion FROM pg_extension WHERE extname = 'flexexchange'}), $present, "$mode, $database: the extension is of the present version");
		my ($ret, $out, $err) = $new->psql($database, q{INSERT INTO public.booking VALUES (1, '2026-11-20T09:30Z/PT1H')});
		like($err, qr/conflicting key value violates exclusion constraint/, "$mode, $database: the indexes know their types");
	}
	$new->safe_psql('exchange', q{SELECT flexexchange.upgrade_exchange('gb')});
	is(trade_on($new, 'exchange', 'gb', '2097-01-02'), 'duplicate', "$mode: an exchange can be upgraded");
	is($new->safe_psql('exchange', q{SELECT 'flexexchange.time_window'::regtype::oid}), $oid, "$mode: types keep their object ids");
	$new->stop;
}
done_testing();
