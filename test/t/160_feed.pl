# The feed while many write: every event once, though transactions commit out of order; the same on a standby, and
# read on in another cluster into which the database was restored, from the cursor that was kept.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

my $directory = PostgreSQL::Test::Utils::tempdir();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ], allows_streaming => 1);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\nmax_connections = 40\nmax_locks_per_transaction = 256");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	INSERT INTO participant (id, name, kinds) VALUES (1, 'Kerbside', '{service_provider}');
	CREATE ROLE desk LOGIN IN ROLE flexexchange_participant;
	INSERT INTO participant_login (role_name, participant_id) VALUES ('desk', 1);
	RESET search_path;
	-- far on in the count of transactions
	DO $$ BEGIN FOR i IN 1..10000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$;
});
$node->backup('standby');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'standby', has_streaming => 1);
$standby->start;

# Six sessions write, some transactions last, some are rolled back, some are split into subtransactions.
my $script = "$directory/write.sql";
open(my $out, '>', $script) or die $!;
print $out q{
\set end random(1, 10)
BEGIN;
INSERT INTO gb.portfolio (name, service_provider_id) VALUES (gen_random_uuid()::text, 1);
SELECT pg_sleep(CASE WHEN :end = 1 THEN 0.2 ELSE 0 END);
SAVEPOINT s;
INSERT INTO gb.portfolio (name, service_provider_id) VALUES (gen_random_uuid()::text, 1);
RELEASE SAVEPOINT s;
\set fails :end = 2
\if :fails
ROLLBACK;
\else
COMMIT;
\endif
};
close($out);

# What a reader has got, in its order, and where it stands.
sub reader
{
	my ($server) = @_;
	return { server => $server, cursor => undef, ids => [] };
}

sub read_on
{
	my ($reader, $page) = @_;
	my $after = defined $reader->{cursor} ? "'$reader->{cursor}'" : 'NULL';
	my $rows = $reader->{server}->safe_psql('postgres', "SELECT cursor, event ->> 'id' FROM gb.event_feed($after, $page)", extra_params => [ '-U', 'desk' ]);
	for my $row (split /\n/, $rows)
	{
		my ($cursor, $id) = split /\|/, $row;
		push @{ $reader->{ids} }, $id;
		$reader->{cursor} = $cursor;
	}
	return scalar split /\n/, $rows;
}

sub until_the_end
{
	my ($reader, $number) = @_;
	my $until = time() + 60;
	while (@{ $reader->{ids} } < $number && time() < $until)
	{
		read_on($reader, 10000) or usleep(50_000);
	}
}

my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', '6', '-f', $script, '-h', $node->host, '-p', $node->port, '-U', 'desk', 'postgres' ],
	'>', \my $bench_out, '2>', \my $bench_err);
my $here = reader($node);
my $there = reader($standby);
my ($naive, $naively, $reads) = (0, 0, 0);
while ($bench->pumpable)
{
	$bench->pump_nb;
	$reads++ if read_on($here, 500);
	read_on($there, 500);
	# as one would without thinking: from the highest number that was seen
	my ($count, $highest) = split /\|/,
	  $node->safe_psql('postgres', "SELECT count(*), coalesce(max(id), $naive) FROM gb.event_log WHERE id > $naive", extra_params => [ '-U', 'desk' ]);
	$naively += $count;
	$naive = $highest;
	usleep(20_000);
}
IPC::Run::finish($bench);
note $bench_out, $bench_err;
my $all = 'SELECT count(*) FROM gb.event_log';
my $number = $node->safe_psql('postgres', $all, extra_params => [ '-U', 'desk' ]);
until_the_end($_, $number) for $here, $there;
cmp_ok($number, '>', 1000, 'others wrote');
cmp_ok($reads, '>', 5, 'while it was read');
my %once = map { $_ => 1 } @{ $here->{ids} };
is(scalar @{ $here->{ids} }, $number, 'every event was delivered');
is(scalar keys %once, $number, 'and once');
is_deeply($there->{ids}, $here->{ids}, 'a standby delivers the same in the same order');
my $rest = $node->safe_psql('postgres', "SELECT count(*) FROM gb.event_log WHERE id > $naive", extra_params => [ '-U', 'desk' ]);
cmp_ok($naively + $rest, '<', $number, 'who reads on from the highest number loses some');
my $afresh = reader($node);
until_the_end($afresh, $number);
is_deeply($afresh->{ids}, $here->{ids}, 'read again, at once, it is the same order');

# A transaction that was prepared holds the feed up, and nothing passes it.
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
$node->safe_psql('postgres', q{BEGIN; INSERT INTO gb.portfolio (name, service_provider_id) VALUES ('prepared', 1); PREPARE TRANSACTION 'feed';}, extra_params => [ '-U', 'desk' ]);
$node->safe_psql('postgres', q{INSERT INTO gb.portfolio (name, service_provider_id) VALUES ('after it', 1);}, extra_params => [ '-U', 'desk' ]);
is(read_on($here, 100), 0, 'what comes after a prepared transaction waits for it');
$node->safe_psql('postgres', q{COMMIT PREPARED 'feed'}, extra_params => [ '-U', 'desk' ]);
until_the_end($here, $number + 2);
is(scalar @{ $here->{ids} }, $number + 2, 'both come once it ends');

# Half of it read, then the rest elsewhere: the cursor that was kept goes on there.
my $half = reader($node);
read_on($half, 500);
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$other->append_conf('postgresql.conf', 'fsync = off');
$other->start;
$other->safe_psql('postgres', 'CREATE ROLE desk LOGIN');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/dump", '-h', $node->host, '-p', $node->port, 'postgres' ], 'dump');
$other->command_ok([ 'pg_restore', '--no-owner', '-d', 'postgres', '-h', $other->host, '-p', $other->port, "$directory/dump" ], 'restore into another cluster');
$other->safe_psql('postgres', 'GRANT flexexchange_participant TO desk');
cmp_ok($other->safe_psql('postgres', 'SELECT pg_current_xact_id()'), '<', $node->safe_psql('postgres', 'SELECT max(transaction_id) FROM gb.event_log'),
	'whose transactions are counted from the beginning');
$half->{server} = $other;
$other->safe_psql('postgres', q{INSERT INTO gb.portfolio (name, service_provider_id) VALUES ('there', 1);}, extra_params => [ '-U', 'desk' ]);
until_the_end($half, $number + 3);
is_deeply([ @{ $half->{ids} }[ 0 .. $number + 1 ] ], $here->{ids}, 'a reader goes on there where it stopped here, in the same order');
is(scalar @{ $half->{ids} }, $number + 3, 'and gets what is written there');
# and back: the first database, restored from the second, beside it in the first cluster
$other->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/back", '-h', $other->host, '-p', $other->port, 'postgres' ], 'dump of there');
$node->safe_psql('template1', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '--no-owner', '-d', 'again', '-h', $node->host, '-p', $node->port, "$directory/back" ], 'restored where it came from');
$node->safe_psql('again', q{INSERT INTO gb.portfolio (name, service_provider_id) VALUES ('back', 1);}, extra_params => [ '-U', 'desk' ]);
my $last = $node->safe_psql('again', "SELECT string_agg(event ->> 'id', ' ') FROM gb.event_feed('$half->{cursor}')", extra_params => [ '-U', 'desk' ]);
is($last, $node->safe_psql('again', q{SELECT cluster || '/event/' || id FROM gb.event_log ORDER BY id DESC LIMIT 1}), 'the same cursor goes on there, and gets what is new');
my $late = $node->safe_psql('again', "SELECT count(*) FROM gb.event_feed('$here->{cursor}')", extra_params => [ '-U', 'desk' ]);
is($late, '2', 'one that never was elsewhere gets what was written there meanwhile, too');

done_testing();
