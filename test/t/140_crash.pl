# Crashes in the middle of bulk loads: a backend that is killed takes the whole server with it, and a server that is stopped at once
# leaves nothing in order.  After recovery every row whose commit a client was told of is there with its commitment, its
# events and its conflicts: a sweep of the whole book finds nothing new; and of what was not committed there is nothing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = start_node('main', conf => "restart_after_crash = on\nmax_wal_size = 2GB\ndeadlock_timeout = 50ms\n");
my $dir = PostgreSQL::Test::Utils::tempdir();
$node->safe_psql('postgres', 'CREATE EXTENSION flexexchange');
fill($node, 'postgres', 'gb', trades => 60);

# What each of several sessions does again and again, each time committed by itself; it prints what it was told of.
my $window = q{time_window('2098-01-01T00:00Z'::timestamptz + hour * interval '30 minutes', '2098-01-01T00:00Z'::timestamptz + (hour + 3) * interval '30 minutes')};
my $trade = qq{(product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
	SELECT 1 + lab.dice(i, 1, 20, SEED), 3, a.id, 'up', 5 + lab.dice(i, 2, 40, SEED), $window
	FROM generate_series(FIRST, LAST) i, LATERAL (SELECT lab.dice(i, 3, 1400, SEED) AS hour) h, LATERAL (SELECT id FROM asset ORDER BY id LIMIT 1 OFFSET lab.dice(i, 4, 12, SEED)) a};
my %work = (
	awards => "INSERT INTO award $trade RETURNING id;",
	dispatches => "INSERT INTO dispatch $trade RETURNING id;",
	batches => "INSERT INTO bid $trade RETURNING id;",
	releases => "UPDATE award SET status = 'released' WHERE id = (SELECT id FROM award WHERE status = 'awarded' ORDER BY id LIMIT 1 OFFSET FIRST % 7) RETURNING id;",
	register => q{INSERT INTO asset_registration_intake (service_provider_id, scheme, value, technology, installed_kw, up_kw, commissioned_on) SELECT 3, 'charger_id', 'C-SEED-' || i, 'EV_CHARGER', '7.4', '7.4', '2025-03-01'
		FROM generate_series(FIRST * 40, FIRST * 40 + 39) i; SELECT registered FROM register_assets(3);},
	imports => q{TRUNCATE dispatch_instruction_staging; INSERT INTO dispatch_instruction_staging (company_name, fu_id, zone, product, start_time_local, end_time_local, availability_mw_req, utilisation_mw_req, utilisation_price, technology, dispatch_type)
		SELECT 'Amber Cars', 'mill-' || i % 5, 'Mill Lane', 'Peak Reduction', s, e, '0.0', '0.01', '100', 'EV Charger DSR', 'demand_turn_down' FROM generate_series(1, 40) i,
		LATERAL (SELECT to_char(d, 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS s, to_char(d + interval '1 hour', 'YYYY-MM-DD"T"HH24:MI:SS+00:00') AS e FROM (SELECT timestamp '2030-01-01' + (SEED * 400 + FIRST + i / 10) * interval '1 hour' AS d) x) w;
		SELECT rows_imported FROM import_dispatch_instructions();},
);

my %told;     # of ids of trades, and how many rows, that clients were told are committed
my $round = 0;

sub start_sessions
{
	$round++;
	my @sessions;
	for my $name (sort keys %work)
	{
		my $per = $name eq 'batches' ? 25 : 1;
		my $script = "SET search_path = gb, flexexchange, lab;\n";
		for my $i (1 .. 4000)
		{
			my ($first, $last) = ($i * $per, $i * $per + $per - 1);
			$script .= $work{$name} =~ s/FIRST/$first/gr =~ s/LAST/$last/gr =~ s/SEED/$round/gr . "\n";
		}
		append_to_file("$dir/$name.$round.sql", $script);
		my $session = { name => $name, out => '', err => '' };
		$session->{run} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$dir/$name.$round.sql" ], '>', \$session->{out}, '2>', \$session->{err});
		push @sessions, $session;
	}
	# and one that never commits
	my $bulk = { name => 'bulk', out => '', err => '' };
	append_to_file("$dir/bulk.$round.sql", "SET application_name = 'bulk'; SET search_path = gb, flexexchange, lab;\nBEGIN;\n"
		  . join('', map { my $f = $_ * 50; my $l = $f + 49; "INSERT INTO availability " . ($trade =~ s/FIRST/$f/gr =~ s/LAST/$l/gr =~ s/SEED/9/gr =~ s/2098-01/2096-01/gr) . ";\n" } 1 .. 400) . "SELECT pg_sleep(60);\n");
	$bulk->{run} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$dir/bulk.$round.sql" ], '>', \$bulk->{out}, '2>', \$bulk->{err});
	push @sessions, $bulk;
	# until all of them are in the middle of it: what check() counts is there, however fast or slow the machine
	ok($node->poll_query_until('postgres', qq{SELECT (SELECT count(*) > 25 FROM gb.award WHERE delivery_window OPERATOR(flexexchange.&&) '2098-01-01T00:00Z/P30D' AND id > (SELECT coalesce(max(id), 0) FROM lab.seen))
		AND (SELECT count(*) > 3 * 40 * $round FROM gb.asset_registration) AND (SELECT count(*) > 0 FROM gb.import_row)
		AND (SELECT count(*) > 12 * $round FROM gb.award WHERE status = 'released') AND (SELECT count(*) > 15 * $round FROM gb.dispatch WHERE delivery_window OPERATOR(flexexchange.&&) '2098-01-01T00:00Z/P30D')
		AND (SELECT count(*) > 50 * $round FROM gb.bid WHERE delivery_window OPERATOR(flexexchange.&&) '2098-01-01T00:00Z/P30D') AND (SELECT count(*) > 100 * $round FROM gb.conflict WHERE closed_at IS NULL)
		AND EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'bulk' AND state = 'active' AND backend_xid IS NOT NULL)}), "round $round: all sessions write");
	return @sessions;
}

sub end_sessions
{
	for my $session (@_)
	{
		$session->{run}->finish;
		next if $session->{name} eq 'bulk';
		like($session->{err}, qr/server closed the connection|terminating connection|connection to server was lost|the database system is/, "round $round: $session->{name} lost its connection")
		  or diag($session->{err});
		my @lines = grep { /^\d+$/ } split(/\n/, $session->{out});
		if ($session->{name} =~ /^(register|imports)$/) { $told{$1} += $_ for @lines; }
		else { push @{ $told{ $session->{name} } }, @lines; }
	}
}

sub check
{
	my %table = (awards => 'award', dispatches => 'dispatch', batches => 'bid', releases => 'award');
	for my $name (sort keys %table)
	{
		my $ids = join(',', @{ $told{$name} });
		cmp_ok(scalar(@{ $told{$name} }), '>', 10, "round $round: clients were told of $name");
		is($node->safe_psql('postgres', "SELECT count(*) FROM unnest('{$ids}'::bigint[]) told WHERE NOT EXISTS (SELECT FROM gb.$table{$name} t WHERE t.id = told"
				. ($name eq 'releases' ? " AND status = 'released'" : '') . ')'), '0', "round $round: all of them are there");
		is($node->safe_psql('postgres', "SELECT count(*) FROM unnest('{$ids}'::bigint[]) told WHERE NOT EXISTS (SELECT FROM gb.event_log e WHERE e.table_name = '$table{$name}' AND e.row_key = told::text)"), '0',
			"round $round: with their events");
	}
	is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT id, 'award' AS stage FROM gb.award WHERE status = 'awarded' UNION ALL SELECT id, 'dispatch' FROM gb.dispatch WHERE live) t
		WHERE NOT EXISTS (SELECT FROM gb.commitment c WHERE (c.source_id, c.stage) = (t.id, t.stage) AND c.closed_at IS NULL)}), '0', "round $round: what stands is in the book");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.availability}), $told{availability}, "round $round: nothing of what was not committed is there");
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM gb.asset_registration WHERE outcome = 'registered'}), '>=', $told{register}, "round $round: what was registered is there");
	is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.external_id x LEFT JOIN gb.asset a ON a.id = x.asset_id LEFT JOIN gb.asset_operator o ON o.asset_id = a.id WHERE x.scheme = 'charger_id' AND (a.id IS NULL OR o.asset_id IS NULL)}),
		'0', "round $round: and whole");
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM gb.import_row WHERE entity = 'dispatch'}), '>=', $told{imports}, "round $round: what was imported is there");
	cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM gb.conflict WHERE closed_at IS NULL'), '>', 50, "round $round: there are conflicts");
	is(sweep_finds($node, 'postgres', 'gb'), '0 0', "round $round: no conflict is missing, none too many");
	is($node->safe_psql('postgres', q{SELECT count(*) > 0 FROM gb.seal_events(); SELECT problem IS NULL AND sound FROM gb.verify_log()}), "t\nt", "round $round: the log verifies");
	is(trade_on($node, 'postgres', 'gb', "2097-01-0$round"), 'duplicate', "round $round: it goes on");
	$node->safe_psql('postgres', 'INSERT INTO lab.seen SELECT max(id) FROM gb.award');
}

$node->safe_psql('postgres', 'CREATE TABLE lab.seen (id bigint)');
$told{availability} = $node->safe_psql('postgres', 'SELECT count(*) FROM gb.availability');

# a backend is killed, and the server restarts itself
my @sessions = start_sessions();
my $victim = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE application_name = 'bulk'});
kill('KILL', $victim);
end_sessions(@sessions);
ok($node->poll_query_until('postgres', 'SELECT true'), 'the server is back');
check();

# all of it is killed
@sessions = start_sessions();
$node->stop('immediate');
end_sessions(@sessions);
$node->start;
check();
my $log = slurp_file($node->logfile);
my $recoveries = () = $log =~ /automatic recovery in progress/g;
is($recoveries, 2, 'there was something to recover from');
unlike($log, qr/PANIC|invalid page|could not access status/, 'and nothing was broken');

$node->stop;
done_testing();
