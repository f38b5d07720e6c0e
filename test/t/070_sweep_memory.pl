# A sweep sorts the book within work_mem and in files beyond it: what it holds of its own is
# bounded by work_mem, not by the book.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rows = 300_000;
my $node = PostgreSQL::Test::Cluster->new('sweep_memory');
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
    SELECT 'award', i, i * 7919::bigint % ($rows / 10) + 1, 'asset', 'PR', 1, 1, 2, 'up', 60,
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

# sweep with that work_mem; what was examined, and the most that the backend took for it, in kB
sub sweep
{
	my ($work_mem) = @_;
	my $session = $node->background_psql('postgres');
	my $pid = $session->query_safe('SELECT pg_backend_pid()');
	$session->query_safe("SET work_mem = '$work_mem'");
	# what is remembered of the rules is not of the sweep
	$session->query_safe(q{SELECT gb.detect_conflicts('2097-01-01/2097-01-02')});
	my $before = own_memory($pid);
	my $log = -s $node->logfile;
	my $watcher = fork();
	if ($watcher == 0)
	{
		my $most = 0;
		my $file = $node->basedir . '/most';
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
	my $result = $session->query_safe(q{SELECT gb.detect_conflicts('-infinity/infinity')});
	my $file = $node->basedir . '/most';
	append_to_file("$file.stop", '');
	waitpid($watcher, 0);
	my $most = slurp_file($file);
	unlink($file, "$file.stop");
	$session->quit;
	my $spilled = 0;
	$spilled += $_ for slurp_file($node->logfile, $log) =~ /temporary file: .* size (\d+)/g;
	return ($result, $most - $before, $spilled / 1024);
}

my ($small, $small_kb, $small_spilled) = sweep('1MB');
my ($large, $large_kb, $large_spilled) = sweep('512MB');
note("1MB: took $small_kb kB, spilled $small_spilled kB; 512MB: took $large_kb kB, spilled $large_spilled kB");
is($small, "($rows,0,0)", 'a sweep in little memory examines all of the book');
is($large, $small, 'and finds what one in much memory finds');
cmp_ok($small_kb, '<', 10_000, 'it takes little more than work_mem');
cmp_ok($small_spilled, '>', 15_000, 'and sorts the rest in files');
cmp_ok($large_kb, '>', 15_000, 'which much memory has room for');
is($large_spilled, 0, 'without files');

$node->stop;
done_testing();
