# A physical standby: everything that is read on the primary is read there and is the same, as the owner, as analyst and as
# participant; what writes is refused in plain words; changed rules reach sessions that remember them; promoted, it goes on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = start_node('primary', allows_streaming => 1);
$primary->safe_psql('postgres', 'CREATE EXTENSION flexexchange');
fill($primary, 'postgres', 'gb', trades => 150);
$primary->safe_psql('postgres', q{
	SET search_path = gb, flexexchange;
	SELECT seal_events();
	INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, 3, '2026-01-01T00:00Z/infinity' FROM asset WHERE id % 2 = 0;
	SELECT seal_events();
	CREATE ROLE trader LOGIN IN ROLE flexexchange_participant;
	CREATE ROLE onlooker LOGIN IN ROLE flexexchange_analyst;
	INSERT INTO participant_login (role_name, participant_id) VALUES ('trader', 3);
	INSERT INTO participant_contact (participant_id, purpose, name) VALUES (3, 'primary', 'Jo');
	SELECT copy_ruleset('ena-2025-01', 'draft')});
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# One question a line, and what it asks for as JSON, so that an answer can be compared.
sub answers
{
	my ($node, $role, @questions) = @_;
	my $script = "SET SESSION AUTHORIZATION $role; SET TimeZone = 'UTC'; SET search_path = gb, flexexchange;\n"
	  . join("\n", map { "SELECT count(*) || ' ' || coalesce(md5(string_agg(x::text, '|' ORDER BY x::text COLLATE \"C\")), '') FROM ($_) x;" } @questions);
	my ($ret, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
	my @lines = split(/\n/, $out);
	return { error => $err } if $err;
	return { map { $questions[$_] => $lines[$_] } 0 .. $#questions };
}

# every table and view that a role may read, every function that looks back, and every one that reads and can be called without an argument,
# but for those whose answer has the time at which they were asked
sub relations
{
	my ($role) = @_;
	return split(/\n/, $primary->safe_psql('postgres', qq{
		SELECT format('SELECT %s FROM gb.%I', string_agg(quote_ident(attname), ', ' ORDER BY attnum), c.relname)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
		WHERE c.relnamespace = 'gb'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND has_column_privilege('$role', c.oid, attnum, 'SELECT') GROUP BY c.oid, c.relname ORDER BY c.relname;
		SELECT format('SELECT * FROM %s(%s)', p.oid::regproc, CASE WHEN pronargs = 1 AND proargtypes[0] = 'timestamptz'::regtype THEN '''2098-01-01Z''' END)
		FROM pg_proc p WHERE pronamespace = 'gb'::regnamespace AND provolatile = 's' AND (pronargs = pronargdefaults OR proname LIKE '%\\_as\\_of') AND prokind = 'f'
		  AND prorettype NOT IN ('trigger'::regtype) AND proname NOT IN ('datapackage', 'open_data_files', 'report_html', 'settlement_report_html') AND has_function_privilege('$role', p.oid, 'EXECUTE') ORDER BY proname}));
}
my $span = q{'2099-03-27T00:00Z/P10D'};
my @asked = (
	q{SELECT explain_conflict(id) FROM conflict}, q{SELECT * FROM history('asset', (SELECT min(id)::text FROM asset))},
	q{SELECT eligible_products(id) FROM asset}, q{SELECT eligible_assets(id) FROM product}, q{SELECT * FROM what_if('{}')}, q{SELECT export_ruleset('ena-2025-01')},
	q{SELECT * FROM diff_rulesets('ena-2025-01', 'draft')}, qq{SELECT * FROM expected_dispatch($span)}, qq{SELECT * FROM risk_of_conflict($span)},
	q{SELECT prove_event(min(id)) FROM event_log}, q{SELECT prove_consistency(1)}, q{SELECT * FROM verify_log()}, q{SELECT * FROM verify_tables()}, q{SELECT * FROM find_assets(NULL, 'asset 1')},
	q{SELECT common_terms('common', 'BESS')}, q{SELECT * FROM search_exchange('asset')}, q{SELECT grid_nodes_below(1, '2099-03-27T00:00Z/P10D')},
	q{SELECT c.id, b.id FROM commitment c JOIN commitment b ON resource_window(c.unit_id, c.delivery_window) && resource_window(b.unit_id, b.delivery_window)},
	q{SELECT m.id, explain_trade(CASE WHEN d.id IS NULL THEN 'award' ELSE 'dispatch' END, m.id) FROM (SELECT id FROM award UNION ALL SELECT id FROM dispatch) m LEFT JOIN dispatch d USING (id) WHERE m.id % 5 = 0},
	qq{SELECT * FROM replay('draft', '-infinity/infinity')}, qq{SELECT change, kind, severity, challenger_id FROM replay_conflicts('draft', '-infinity/infinity')});

sub compare
{
	my ($role, @questions) = @_;
	my $there = answers($primary, $role, @questions);
	is($there->{error}, undef, "$role: the primary answers") or return;
	my $here = answers($standby, $role, @questions);
	is($here->{error}, undef, "$role: the standby answers") or return;
	my @differ = grep { $there->{$_} ne $here->{$_} } @questions;
	is(join("\n", @differ), '', "$role: " . scalar(@questions) . ' questions have the same answers');
	my @empty = grep { $there->{$_} =~ /^0 / } @questions;
	return scalar(@questions) - scalar(@empty);
}
$primary->wait_for_catchup($standby);
my %questions = (postgres => [ relations('postgres'), @asked ], trader => [ relations('trader'), q{SELECT eligible_products(id) FROM own_asset_ids() id}, q{SELECT * FROM search_exchange('asset')} ],
	onlooker => [ relations('onlooker'), q{SELECT * FROM search_exchange('seller')} ]);
cmp_ok(compare($_, @{ $questions{$_} }), '>', $_ eq 'postgres' ? 50 : 5, "$_: and they are not all empty") for sort keys %questions;

# what writes is refused, by the server, in its words; a sweep that finds nothing writes nothing
is(sweep_finds($standby, 'postgres', 'gb'), '0 0', 'a sweep of the standby finds nothing');
for my $statement (
	q{INSERT INTO gb.asset (name) VALUES ('a')}, q{UPDATE gb.asset SET name = 'b'}, q{SELECT gb.seal_events()}, q{SET SESSION AUTHORIZATION trader; SELECT gb.register_assets()},
	q{SELECT gb.validate_dispatch(1, 3, 'up', 1, '2099-03-27T00:00Z/PT1H', asset_id => 1)}, q{SELECT gb.publish_statistics('2026-01-01')}, q{SET SESSION AUTHORIZATION trader; SELECT gb.act_for(3)}, q{SELECT gb.export_case(1, 1)},
	q{SELECT flexexchange.upgrade_exchange('gb')}, q{SELECT flexexchange.create_exchange('other')}, q{SELECT gb.read_contacts(3, 'why')})
{
	my ($ret, $out, $err) = $standby->psql('postgres', "\\set VERBOSITY verbose\n" . $statement);
	like($err, qr/ERROR:  25006: cannot .* (in a read-only transaction|during recovery)/, "refused: $statement");
}

# a session that has compiled rules hears that they changed
my $session = $standby->background_psql('postgres');
my $replay = q{SELECT count(*) || ' ' || coalesce(md5(string_agg(r::text, '|' ORDER BY r::text)), '') FROM gb.replay_conflicts('draft', '-infinity/infinity') r};
my $before = $session->query_safe($replay);
is($before, $primary->safe_psql('postgres', $replay), 'a replay is the same on both');
$primary->safe_psql('postgres', q{UPDATE gb.stacking_rule SET verdict = 'explicit_yes' WHERE ruleset_id = gb.require_ruleset('draft') AND verdict <> 'explicit_yes'});
$primary->wait_for_catchup($standby);
my $after = $session->query_safe($replay);
isnt($after, $before, 'other rules, another replay');
is($after, $primary->safe_psql('postgres', $replay), 'in a session that remembered them, the same as on the primary');
$session->quit;

# it takes over
my $rows = rows($primary, 'postgres', 'gb');
$primary->wait_for_catchup($standby);
$primary->stop('immediate');
$standby->promote;
is(join("\n", grep { !/_seq |_id \d+$/ } split(/\n/, rows($standby, 'postgres', 'gb'))), join("\n", grep { !/_seq |_id \d+$/ } split(/\n/, $rows)), 'promoted: every row');
is(sweep_finds($standby, 'postgres', 'gb'), '0 0', 'promoted: a sweep finds nothing new');
is(trade_on($standby, 'postgres', 'gb'), 'duplicate', 'promoted: conflicts are found');
is($standby->safe_psql('postgres', q{SELECT count(*) > 0 FROM gb.seal_events(); SELECT problem IS NULL AND sound FROM gb.verify_log()}), "t\nt", 'promoted: the log goes on');
$standby->stop;
done_testing();
