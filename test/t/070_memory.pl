# What a backend holds of its own does not grow with the work: a sweep sorts the book within
# work_mem and in files beyond it, a statement's rows are posted and closed batch by batch.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rows = 300_000;
my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\nshared_buffers = '256MB'\nmax_wal_size = '2GB'\nlog_temp_files = 0\njit = off\n");
$node->start;

# as the triggers would have written it, in one go
$node->safe_psql('postgres', qq{
  CREATE EXTENSION flexexchange;
  SELECT flexexchange.create_exchange('gb');
  SET search_path = gb, flexexchange;
  INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
  INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
  INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
  INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) SELECT i, 'asset ' || i, 100, 100 FROM generate_series(1, $rows / 10) i;
  INSERT INTO commitment (stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked)
    SELECT 'award', 1000000 + i, i * 7919::bigint % ($rows / 10) + 1, 'asset', 'PR', 1, 1, 2, 'up', 60,
           time_window('2098-01-01T00:00Z'::timestamptz + (i / 100) * interval '1 hour', '2098-01-01T01:00Z'::timestamptz + (i / 100) * interval '1 hour'), true
    FROM generate_series(1, $rows) i;
  ANALYZE commitment;
});

# the memory of a backend that is shared with nobody, in kB
sub own_memory
{
	my ($pid) = @_;
	open(my $status, '<', "/proc/$pid/status") or return 0;
	my ($anonymous) = map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$status>;
	return $anonymous // 0;
}

# run a statement with that work_mem; its result, the most that the backend took for it, and what it put in files, in kB
sub watch
{
	my ($work_mem, $statement) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("SET work_mem = '$work_mem'; SET search_path = gb, flexexchange");
	# what is remembered of tables and rules is not of the statement
	$session->query_safe(q{SELECT gb.detect_conflicts('2097-01-01/2097-01-02')});
	my $before = own_memory($pid);
	my $log = -s $node->logfile;
	my $file = $node->basedir . '/most';
	my $watcher = fork();
	if ($watcher == 0)
	{
		my $most = 0;
		while (!-e "$file.stop")
		{
			my $now = own_memory($pid);
			$most = $now if $now > $most;
			usleep(2000);
		}
		open(my $out, '>', $file);
		print $out $most;
		close($out);
		exec('true');
	}
	my $result = $session->query_safe($statement);
	append_to_file("$file.stop", '');
	waitpid($watcher, 0);
	my $most = slurp_file($file);
	unlink($file, "$file.stop");
	$session->quit;
	my $spilled = 0;
	$spilled += $_ for slurp_file($node->logfile, $log) =~ /temporary file: .* size (\d+)/g;
	note("$statement\nwith work_mem = $work_mem took " . ($most - $before) . ' kB, and ' . int($spilled / 1024) . ' kB in files');
	return ($result, $most - $before, $spilled / 1024);
}

my ($small, $small_kb, $small_spilled) = watch('1MB', q{SELECT gb.detect_conflicts('-infinity/infinity')});
my ($large, $large_kb, $large_spilled) = watch('512MB', q{SELECT gb.detect_conflicts('-infinity/infinity')});
is($small, "($rows,0,0)", 'a sweep in little memory examines all of the book');
is($large, $small, 'and finds what one in much memory finds');
cmp_ok($small_kb, '<', 10_000, 'it takes little more than work_mem');
cmp_ok($small_spilled, '>', 15_000, 'and sorts the rest in files');
cmp_ok($large_kb, '>', 15_000, 'which much memory has room for');
is($large_spilled, 0, 'without files');

# the queue of foreign keys to be checked is PostgreSQL's own, and grows by the row
my (undef, $inserted_kb) = watch('1MB', q{
  INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
  SELECT 1, 2, i, 'up', 60, time_window('2099-01-01T00:00Z'::timestamptz, '2099-01-01T01:00Z'::timestamptz) FROM generate_series(1, 30000) i});
cmp_ok($inserted_kb, '<', 20_000, 'inserting many rows takes little');
my (undef, $updated_kb) = watch('1MB', q{UPDATE award SET power_kw = power_kw - 1});
cmp_ok($updated_kb, '<', 20_000, 'so does closing and posting many anew');
$node->safe_psql('postgres', q{UPDATE gb.award SET status = 'held'});
my (undef, $let_through_kb) = watch('1MB', q{UPDATE award SET status = 'awarded'});
cmp_ok($let_through_kb, '<', 20_000, 'and posting many that were not in the book');
my (undef, $deleted_kb) = watch('1MB', q{DELETE FROM award});
cmp_ok($deleted_kb, '<', 20_000, 'and closing many');

$node->stop;
done_testing();
