# The log under fire: sealed while many sessions write, proved to somebody who has nothing but
# the proof, and the same after a dump into another cluster.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes;

my $verifier = "$FindBin::RealBin/../bin/verify_proof.pl";
my $directory = PostgreSQL::Test::Utils::tempdir();

# What the stand-alone verifier says of a document, and whether it is content.
sub verify
{
	my ($document, @options) = @_;
	my $file = "$directory/proof.json";
	open(my $out, '>:raw', $file) or die "$file: $!";
	print $out $document;
	close($out);
	my $said = qx{perl "$verifier" @options "$file" 2>&1};
	return ($? == 0, $said);
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\nmax_connections = 40");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	INSERT INTO participant (id, name, kinds) VALUES (1, 'Kerbside', '{service_provider}');
	INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'asset ' || n, 10 FROM generate_series(1, 100) n;
});

# Six sessions write for some seconds, some transactions last, some are rolled back; meanwhile seals are made.
my $script = "$directory/write.sql";
open(my $out, '>', $script) or die $!;
print $out q{
\set id random(1, 100)
\set end random(1, 10)
BEGIN;
UPDATE gb.asset SET qualified_up_kw = qualified_up_kw + 1 WHERE id = :id;
INSERT INTO gb.portfolio (name, service_provider_id) VALUES (gen_random_uuid()::text, 1);
SELECT pg_sleep(CASE WHEN :end = 1 THEN 0.3 ELSE 0 END);
\set fails :end = 2
\if :fails
ROLLBACK;
\else
COMMIT;
\endif
};
close($out);
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', '8', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
	'>', \my $bench_out, '2>', \my $bench_err);
my $seals = 0;
my $slowest = 0;
for (1 .. 25)
{
	my $started = Time::HiRes::time();
	$seals += $node->safe_psql('postgres', 'SELECT count(*) FROM gb.seal_events()');
	my $took = Time::HiRes::time() - $started;
	$slowest = $took if $took > $slowest;
	Time::HiRes::usleep(200_000);
}
IPC::Run::finish($bench);
note $bench_out, $bench_err;
$node->safe_psql('postgres', 'SELECT count(*) FROM gb.seal_events()');
my $check = $node->safe_psql('postgres', 'SELECT sound, not_sealed, problem FROM gb.verify_log()');
is($check, 't|0|', 'every event is in one seal and in one only, whatever was going on while it was sealed');
cmp_ok($seals, '>', 10, 'seals were made while others wrote');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM gb.event_log'), '>', 2000, 'and others wrote');
is($node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT unnest(event_ids) i FROM gb.event_run) x'),
	$node->safe_psql('postgres', 'SELECT count(*) FROM gb.event_log'), 'no event is sealed twice');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.asset a JOIN gb.asset_as_of(now()) b USING (id) WHERE a.qualified_up_kw <> b.qualified_up_kw}), '0',
	'the log says what the table says');

# A writer that is in the middle of it is not waited for, and its events are sealed with the next.
my $writer = $node->background_psql('postgres');
$writer->query_safe('BEGIN; UPDATE gb.asset SET qualified_up_kw = 1000 WHERE id = 1;');
is($node->safe_psql('postgres', 'UPDATE gb.asset SET qualified_up_kw = 2000 WHERE id = 2; SELECT events FROM gb.seal_events()'), '1', 'a seal does not wait for a writer');
$writer->query_safe('COMMIT');
is($node->safe_psql('postgres', 'SELECT events FROM gb.seal_events()'), '1', 'what it wrote, with an earlier number, is in the next');
$writer->quit;
is($node->safe_psql('postgres', 'SELECT sound FROM gb.verify_log()'), 't', 'and the log is sound');

# Proofs, for somebody who has nothing else.
my $proof = $node->safe_psql('postgres', q{SELECT gb.prove_event(max(id)) FROM gb.event_log WHERE table_name = 'asset'});
my $root = $node->safe_psql('postgres', q{SELECT encode(log_root, 'hex') FROM gb.event_seal ORDER BY number DESC LIMIT 1});
my ($holds, $said) = verify($proof);
ok($holds, 'a proof holds') or diag $said;
($holds) = verify($proof, '--root', $root);
ok($holds, 'and leads to the root that was published');
($holds, $said) = verify($proof, '--root', '0' x 64);
ok(!$holds, 'and not to another');
my @proofs = split /\n/, $node->safe_psql('postgres', q{SELECT gb.prove_event(id) FROM gb.event_log WHERE id % 97 = 0 ORDER BY id});
my @wrong = grep { !(verify($_))[0] } @proofs;
cmp_ok(scalar @proofs, '>', 20, 'some proofs of many places');
is(scalar @wrong, 0, 'each of them holds') or diag $wrong[0];
for my $forgery (
	[ 'its content', sub { s/\\"qualified_up_kw\\":\d/\\"qualified_up_kw\\":9/ } ],
	[ 'who did it', sub { s/\\"login\\":\\"[a-z]+/\\"login\\":\\"mallory/ } ],
	[ 'its place', sub { s/"place": (\d+)/'"place": ' . ($1 + 1)/e } ],
	[ 'a hash of the path', sub { s/"seal_path": \["(.)/'"seal_path": ["' . ($1 eq '0' ? '1' : '0')/e } ],
	[ 'the seal', sub { s/\\"events\\":(\d+)/'\\"events\\":' . ($1 + 1)/e } ])
{
	local $_ = $proof;
	$forgery->[1]->();
	isnt($_, $proof, "forged: $forgery->[0]");
	($holds) = verify($_);
	ok(!$holds, 'and found out');
}
my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM gb.event_seal');
my @consistency = split /\n/, $node->safe_psql('postgres', "SELECT gb.prove_consistency(n) FROM generate_series(1, $count) n");
@wrong = grep { !(verify($_, '--root', $root))[0] } @consistency;
is(scalar @wrong, 0, "the log of $count seals grew out of each of its beginnings") or diag((verify($wrong[0]))[1]);
{
	local $_ = $consistency[4];
	s/"earlier_log_root": "(.)/'"earlier_log_root": "' . ($1 eq '0' ? '1' : '0')/e;
	($holds) = verify($_);
	ok(!$holds, 'a beginning that never was is found out');
}
my $case = $node->safe_psql('postgres', 'SELECT gb.export_case(unit_id => 1)');
($holds, $said) = verify($case, '--root', $root);
ok($holds, 'a case verifies itself') or diag $said;
like($said, qr/case with [1-9]/, 'and has events');
{
	local $_ = $case;
	s/qualified_up_kw\\":1000/qualified_up_kw\\":1001/;
	($holds) = verify($_);
	ok(!$holds, 'one changed figure of a case is found out');
}

# Erased on request: the proof goes on holding.
$node->safe_psql('postgres', q{SELECT gb.erase_event_content('asset', '3', 'asked for')});
($holds, $said) = verify($node->safe_psql('postgres', q{SELECT gb.prove_event(min(id)) FROM gb.event_log WHERE table_name = 'asset' AND row_key = '3'}));
ok($holds, 'a proof without content holds');
like($said, qr/content erased/, 'and says so');

# Into another cluster, whose transactions are counted from the beginning, with events that no seal has yet.
$node->safe_psql('postgres', 'UPDATE gb.asset SET qualified_up_kw = 7 WHERE id = 7');
my $other = PostgreSQL::Test::Cluster->new('other');
$other->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$other->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'America/New_York'\nDateStyle = 'SQL, DMY'");
$other->start;
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/dump", '-h', $node->host, '-p', $node->port, 'postgres' ], 'dump');
$other->command_ok([ 'pg_restore', '--no-owner', '-d', 'postgres', '-h', $other->host, '-p', $other->port, "$directory/dump" ], 'restore into another cluster');
is($other->safe_psql('postgres', qq{SELECT sound, not_sealed FROM gb.verify_log('\\x$root')}),
	$node->safe_psql('postgres', qq{SELECT sound, not_sealed FROM gb.verify_log('\\x$root')}), 'the chain is as sound there, and the kept root is in it');
is($other->safe_psql('postgres', 'SELECT events FROM gb.seal_events()'), '3', 'what was not sealed is sealed there');
$other->safe_psql('postgres', 'UPDATE gb.asset SET qualified_up_kw = 8 WHERE id = 8');
is($other->safe_psql('postgres', 'SELECT events FROM gb.seal_events()'), '1', 'and so is what is written there');
is($other->safe_psql('postgres', 'SELECT count(*) FROM gb.seal_events()'), '0', 'once');
is($other->safe_psql('postgres', 'SELECT sound, not_sealed, problem FROM gb.verify_log()'), 't|0|', 'the log goes on being sound');
($holds, $said) = verify($other->safe_psql('postgres', 'SELECT gb.prove_event(max(id)) FROM gb.event_log'));
ok($holds, 'proofs of there hold') or diag $said;
($holds) = verify($other->safe_psql('postgres', "SELECT gb.prove_consistency($count)"));
ok($holds, 'the log of there grew out of the log of here');
is($other->safe_psql('postgres', q{SELECT qualified_up_kw FROM gb.asset_as_of(now()) WHERE id = 8}), '8.000', 'the past can be asked there, too');

done_testing();
