# Whatever takes long can be cancelled: on a book made to be slow (units that are promised a thousand times over, portfolios that share
# their members), each long statement ends soon after its statement_timeout, wherever that finds it, or after pg_cancel_backend.
# Nothing of it stays, and the session that it happened to gives the same answers as a new one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

# how long it may take to notice, in seconds, on a machine that has other things to do
my $patience = $ENV{FLEX_CANCEL_SECONDS} // 2;

my $node = start_node('main', conf => "log_statement = none\nmax_wal_size = 2GB\n");
$node->safe_psql('postgres', q{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	UPDATE exchange_instance SET detection = 'schedule';
	INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}');
	INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO', 1), (2, 'dso', 'DSO', 2);
	INSERT INTO product (market_id, code, name, service_code, utilisation) SELECT CASE s.buyer_kind WHEN 'dso' THEN 2 ELSE 1 END, s.code, s.name, s.code, 'instructed' FROM service s ORDER BY s.code;
	SELECT setval('resource_id', 100000);
	INSERT INTO grid_node (id, kind, name) SELECT 50000 + i, 'primary', 'node ' || i FROM generate_series(1, 500) i;
	INSERT INTO grid_node_parent (grid_node_id, parent_id) SELECT 50000 + i, 50000 + i / 2 FROM generate_series(2, 500) i;
	INSERT INTO operating_limit (grid_node_id, direction, limit_kw, operator_id) SELECT 50000 + i, 'up', 50, 2 FROM generate_series(1, 100) i;
	INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw, grid_node_id, profile) SELECT i, 'asset ' || i, 100, 100, 50001 + i % 500, '{"recovery": "PT10M", "energy_kwh": 150}' FROM generate_series(1, 5000) i;
	INSERT INTO portfolio (id, name, service_provider_id, grid_node_id) SELECT 60000 + i, 'portfolio ' || i, 3, 50005 FROM generate_series(1, 10) i;
	INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid) SELECT 60000 + p, i, 5, 5, '-infinity/infinity' FROM generate_series(1, 10) p, generate_series(1, 800) i WHERE i % 10 < p;
	INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
	  SELECT 1 + i % 20, 3, 1 + (i % 5) * (i % 900), 'up', 5, time_window('2098-01-01T00:00Z'::timestamptz + (i % 50) * interval '3 minutes', '2098-01-01T04:00Z') FROM generate_series(1, 4000) i;
	INSERT INTO dispatch (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window)
	  SELECT 1 + i % 20, 3, 60001 + i % 10, 'up', 5, time_window('2098-01-01T00:00Z'::timestamptz + (i % 50) * interval '3 minutes', '2098-01-01T04:00Z') FROM generate_series(1, 200) i;
	CREATE TABLE public.tariff AS SELECT time_window('2026-01-01T00:00Z'::timestamptz + i * interval '2 hours', '2026-01-01T01:00Z'::timestamptz + i * interval '2 hours') AS w FROM generate_series(1, 300000) i;
	CREATE TABLE public.blob AS SELECT array_agg(i) AS x FROM generate_series(1, 2500000) i;
	CREATE TABLE public.leaves AS SELECT decode(repeat('00', 64000000), 'hex') AS l;
	ANALYZE;
});

# What takes long: what comes before it, the statement, and after how many milliseconds it is stopped; the first time at least it
# must not be done yet.
my $trade = q{INSERT INTO dispatch (product_id, service_provider_id, %s, direction, power_kw, delivery_window) SELECT 1 + i %% 20, 3, %s, 'up', 5, '2098-01-01T00:00Z/PT4H' FROM generate_series(1, 200) i};
my $eager = q{UPDATE exchange_instance SET detection = 'event'};
my @long = (
	[ 'a sweep', '', q{SELECT detect_conflicts('-infinity/infinity')}, 50, 700, 2500 ],
	[ 'a replay', '', q{SELECT count(*) FROM replay_conflicts('ena-2025-01', '-infinity/infinity')}, 50, 700, 2500 ],
	[ 'the risk of conflict', '', q{SELECT issue_risk_of_conflict('2098-01-01T00:00Z/P1D')}, 20, 300 ],
	[ 'trades on a busy asset', $eager, sprintf($trade, 'asset_id', '1'), 50, 700 ],
	[ 'trades on a busy portfolio', $eager, sprintf($trade, 'portfolio_id', '60010'), 50, 700 ],
	[ 'a change of capacity', $eager, 'UPDATE asset SET qualified_up_kw = 50', 50, 700 ],
	[ 'a change of members', $eager, 'UPDATE portfolio_member SET flexible_up_kw = 6', 20, 300 ],
	[ 'a change of profiles', $eager, q{UPDATE asset SET profile = '{"recovery": "PT20M"}'}, 20, 300 ],
	[ 'a change of rules', qq{$eager; SELECT copy_ruleset('ena-2025-01', 'other')}, q{SELECT put_ruleset_in_force('other', '2027-01-01T00:00Z')}, 20, 300 ],
	[ 'taking all back', '', q{UPDATE dispatch SET status = 'cancelled'}, 20 ],
	[ 'registering', q{INSERT INTO asset_registration_intake (service_provider_id, scheme, value, technology, installed_kw, up_kw, commissioned_on)
		SELECT 3, 'charger_id', 'C-' || i, 'EV_CHARGER', '7.4', '7.4', '2025-03-01' FROM generate_series(1, 8000) i}, 'SELECT registered FROM register_assets(3)', 50, 300 ],
	[ 'an import', q{INSERT INTO dispatch_instruction_staging (company_name, fu_id, zone, product, start_time_local, end_time_local, availability_mw_req, utilisation_mw_req, utilisation_price, technology, dispatch_type)
		SELECT 'Amber Cars', 'mill-' || i % 50, 'Mill Lane', 'Peak Reduction', to_char(d, 'YYYY-MM-DD"T"HH24:MI:SS+00:00'), to_char(d + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS+00:00'),
		'0.0', '0.01', '100', 'EV Charger DSR', 'demand_turn_down' FROM generate_series(1, 8000) i, LATERAL (SELECT timestamp '2030-01-01' + i / 50 * interval '1 hour' AS d) x}, 'SELECT rows_imported FROM import_dispatch_instructions()', 50, 300 ],
	[ 'a sample', q{SELECT flexexchange.create_exchange('sample')}, 'SELECT * FROM sample.load_sample_book(2000)', 50, 500 ],
	[ 'an upgrade', '', q{SELECT flexexchange.upgrade_exchange('gb')}, 20, 100 ],
	[ 'sealing', '', 'SELECT seal_events()', 20, 100 ],
	[ 'looking back', '', 'SELECT count(*) FROM dispatch_as_of(now()) a, dispatch_as_of(now()) b', 20 ],
	[ 'an aggregate of windows', '', 'SELECT length(window_union(w)::text) FROM public.tariff', 20 ],
	[ 'an index of windows', '', 'CREATE INDEX ON public.tariff USING gist (w)', 20 ],
	[ 'a Merkle tree', '', 'SELECT merkle_root(l), merkle_consistency(l, 1000001) FROM public.leaves', 100, 300 ],
	[ 'canonical JSON', '', 'SELECT length(canonical_json(b)) FROM public.blob b', 100, 300 ],
);
my $settings = "SET jit = off; SET search_path = gb, flexexchange; SET client_min_messages = warning;\n";

sub fingerprint { return join("\n", grep { !/^gb\.\S+(_seq|_id) \d+$/ } split(/\n/, rows($node, 'postgres', 'gb'))); }
my $rows = fingerprint();

for my $case (@long)
{
	my ($name, $before, $statement, @times) = @$case;
	my $stopped = 0;
	for my $ms (@times)
	{
		my ($ret, $out, $err) = $node->psql('postgres', "${settings}BEGIN; $before;\nSET LOCAL statement_timeout = $ms;\n\\timing on\n$statement;\n\\timing off\nROLLBACK;",
			on_error_stop => 0, timeout => 60, timed_out => \my $hung);
		my ($took) = ($out // '') =~ /^Time: ([0-9.]+) ms/m;
		my $is_stopped = !$hung && $err =~ /canceling statement due to statement timeout/;
		if (!$stopped || $is_stopped || $err)
		{
			ok($is_stopped, "$name: stopped after $ms ms") or diag($hung ? 'it is not stopped' : $err);
			cmp_ok(($took // 60_000) - $ms, '<', 1000 * $patience, "$name: soon");
		}
		$stopped = 1;
	}
}
is(fingerprint(), $rows, 'nothing of it stays');

# all of them in one session, cancelled by somebody else; then it is asked what a new session is asked
my $questions = q{
	INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) SELECT 1 + i, 3, 4000 + i % 5, 'up', 60, '2098-02-01T00:00Z/PT4H' FROM generate_series(1, 20) i;
	SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM (SELECT change, kind, severity, overlap, short_kw FROM replay_conflicts('ena-2025-01', '2098-02-01T00:00Z/P1D')) r;
	SELECT * FROM detect_conflicts('2098-02-01T00:00Z/P1D');
	SELECT md5(string_agg(k::text, '|' ORDER BY k::text)) FROM (SELECT kind, severity, unit_id, overlap, short_kw, action FROM conflict) k};
my $script = "${settings}SET application_name = 'victim';\n" . join('', map { my ($name, $before, $statement) = @$_; "BEGIN; $before;\n$statement;\nROLLBACK;\n" } @long) . "SET application_name = 'survivor';\nBEGIN;\n$questions;\nROLLBACK;\n";
my $file = PostgreSQL::Test::Utils::tempdir() . '/victim.sql';
append_to_file($file, $script);
my ($out, $err) = ('', '');
my $victim = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', $file ], '>', \$out, '2>', \$err, IPC::Run::timeout(120));
ok($node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'victim'}), 'one session does all of it');
while ($node->safe_psql('postgres', q{SELECT count(pg_cancel_backend(pid)) FILTER (WHERE state = 'active' AND clock_timestamp() - query_start > interval '150 ms') >= 0 AND count(*) > 0
	FROM pg_stat_activity WHERE application_name = 'victim'}) eq 't')
{
	# the context of an error within a module is its whole text: a pipe that nobody reads would hold the session up
	$victim->pump_nb;
	usleep(50_000);
}
$victim->finish;
my $errors = () = $err =~ /canceling statement due to user request/g;
cmp_ok($errors, '>', 10, 'statements of one session were cancelled');
unlike($err, qr/ERROR:  (?!canceling statement|current transaction is aborted)/, 'and nothing else happened to it');
my $fresh = $node->safe_psql('postgres', "${settings}BEGIN;\n$questions;\nROLLBACK;");
like($out, qr/\Q$fresh\E\n?\z/, 'it gives the answers of a new session');
is(fingerprint(), $rows, 'nothing of it stays');

$node->stop;
done_testing();
