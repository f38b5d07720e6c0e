# When the disk is full: a bulk load that cannot extend a file, or needs more temporary files than it may, fails as a whole, the
# session and all readers go on, and with room again the same load goes through.  A full disk is played by a limit on
# the size of files, which hits where space does: in the middle of a trigger.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'the size of files is limited with prlimit, which is of Linux' if system('prlimit --version >/dev/null 2>&1') != 0;

# files of the WAL must stay below the limit: a backend that cannot make one takes the server down
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C', '--wal-segsize', '1' ]);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\njit = off\nlog_statement = none\nautovacuum = off\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION flexexchange');
fill($node, 'postgres', 'gb', trades => 60);
# a log that is larger than they are
$node->safe_psql('postgres', q{INSERT INTO gb.asset (name) SELECT 'asset of ' || i FROM generate_series(1, 6000) i});
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;

# sessions that begin from now on may let the file that is largest grow by so much; nothing: as they like
sub limit
{
	my ($more) = @_;
	my $size = 'unlimited';
	$size = $more + $node->safe_psql('postgres', q{SELECT max(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'gb'::regnamespace AND relkind IN ('r', 'i')}) if $more;
	system_or_bail('prlimit', '--pid', $postmaster, "--fsize=$size:");
}

my $trades = q{(product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
	SELECT 1 + lab.dice(i, 1, 20, 3), 3, a.id, 'up', 5 + lab.dice(i, 2, 40, 3), time_window('2098-01-01T00:00Z'::timestamptz + hour * interval '30 minutes', '2098-01-01T00:00Z'::timestamptz + (hour + 3) * interval '30 minutes')
	FROM generate_series(1, 600) i, LATERAL (SELECT lab.dice(i, 3, 3000, 3) AS hour) h, LATERAL (SELECT id FROM asset ORDER BY id LIMIT 1 OFFSET lab.dice(i, 4, 12, 3)) a};
my @loads = (
	[ 'awards', "INSERT INTO award $trades" ],
	[ 'registrations', q{INSERT INTO asset_registration_intake (service_provider_id, scheme, value, technology, installed_kw, up_kw, commissioned_on)
		SELECT 3, 'charger_id', 'C-' || i, 'EV_CHARGER', '7.4', '7.4', '2025-03-01' FROM generate_series(1, 600) i; SELECT registered FROM register_assets(3)} ],
	[ 'an import', q{INSERT INTO dispatch_instruction_staging (company_name, fu_id, zone, product, start_time_local, end_time_local, availability_mw_req, utilisation_mw_req, utilisation_price, technology, dispatch_type)
		SELECT 'Amber Cars', 'mill-' || i % 50, 'Mill Lane', 'Peak Reduction', to_char(d, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), to_char(d + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'),
		'0.0', '0.01', '100', 'EV Charger DSR', 'demand_turn_down' FROM generate_series(1, 600) i, LATERAL (SELECT timestamp '2030-01-01' + i / 50 * interval '1 hour' AS d) x;
		SELECT rows_imported FROM import_dispatch_instructions()} ],
	# trades that are only booked, and then examined all at once
	[ 'a sweep', q{SELECT written > 100 FROM detect_conflicts('-infinity/infinity')}, "UPDATE exchange_instance SET detection = 'schedule'; INSERT INTO dispatch $trades" ],
);

for my $load (@loads)
{
	my ($name, $statements, $first) = @$load;
	$node->safe_psql('postgres', "SET search_path = gb, flexexchange, lab; $first") if $first;
	my $rows = all_rows();
	limit(100_000);
	my ($ret, $out, $err) = $node->psql('postgres', "SET search_path = gb, flexexchange, lab;\nBEGIN; $statements; COMMIT;");
	like($err, qr/ERROR:  could not (extend|write to) file "base/, "$name: the disk is full") or diag($err);
	# the session that it happened to reads on, and so do others
	($ret, $out, $err) = $node->psql('postgres', "SET search_path = gb, flexexchange, lab;\nBEGIN; $statements;\nROLLBACK; SELECT count(*) > 0 FROM conflict;", on_error_stop => 0);
	like($err, qr/could not (extend|write to) file/, "$name: still");
	is($out =~ s/.*\n//sr, 't', "$name: the session goes on");
	limit();
	is(all_rows(), $rows, "$name: nothing of it is there");
	$node->safe_psql('postgres', "SET search_path = gb, flexexchange, lab;\nBEGIN; $statements; COMMIT;");
	isnt(all_rows(), $rows, "$name: with room it goes through");
	is(sweep_finds($node, 'postgres', 'gb'), '0 0', "$name: no conflict is missing, none too many");
}
sub all_rows { return join("\n", grep { !/^gb\.\S+(_seq|_id) \d+$/ } split(/\n/, rows($node, 'postgres', 'gb'))); }

# temporary files
my $rows = all_rows();
my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET work_mem = '64kB'; SET temp_file_limit = '64kB'; SELECT gb.detect_conflicts('-infinity/infinity')");
like($err, qr/53400: temporary file size exceeds temp_file_limit/, 'a sweep has no room for its files');
is(all_rows(), $rows, 'and changes nothing');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_ls_tmpdir()}), '0', 'and leaves none of them');
is($node->safe_psql('postgres', "SET work_mem = '64kB'; SELECT written || ' ' || closed FROM gb.detect_conflicts('-infinity/infinity')"), '0 0', 'with room it is done');
is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM gb.seal_events(); SELECT problem IS NULL AND sound FROM gb.verify_log()}), "t\nt", 'the log verifies');
unlike(slurp_file($node->logfile), qr/PANIC|terminated by signal/, 'no process went down');

$node->stop;
done_testing();
