# Data kept at home: readings that are read where they are, by those alone who read the channel; awards that are pulled and
# make conflicts; an archive on another server; and a server that does not answer, named, or left out of a partial answer.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();
my @init = (extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(@init);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'");
$node->start;
plan skip_all => 'postgres_fdw is not installed' if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'}) eq '0';

# What North has at home, in a database that knows nothing of the extension; South's is a database beside the exchange.
my $home = PostgreSQL::Test::Cluster->new('home');
$home->init(@init);
$home->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\nlog_statement = 'all'");
$home->start;
my $reading_table = q{
	CREATE ROLE exchange LOGIN;
	CREATE SCHEMA desk;
	CREATE TABLE desk.reading (channel_id bigint, starts_at timestamptz, received_at timestamptz DEFAULT '2025-06-02', value numeric(14,4), quality text DEFAULT 'A', PRIMARY KEY (channel_id, starts_at));
	GRANT USAGE ON SCHEMA desk TO exchange;
	GRANT SELECT ON desk.reading TO exchange;};
$home->safe_psql('postgres', $reading_table . q{
	INSERT INTO desk.reading (channel_id, starts_at, value) SELECT c, '2025-06-01'::timestamptz + n * interval '30 minutes', c + n FROM unnest('{11,12}'::integer[]) c, generate_series(0, 47) n;
	-- it speaks of a channel that is not its own, too
	INSERT INTO desk.reading (channel_id, starts_at, value) VALUES (31, '2025-06-01', 999), (41, '2025-06-01', 999);
	CREATE TABLE desk.award (mrid uuid, product_mrid uuid, service_provider_mrid uuid, unit_mrid uuid, direction text, power_kw numeric, starts_at timestamptz, ends_at timestamptz, status text, price numeric);
	CREATE TABLE desk.availability (mrid uuid, product_mrid uuid, service_provider_mrid uuid, unit_mrid uuid, direction text, power_kw numeric, starts_at timestamptz, ends_at timestamptz, status text, award_mrid uuid);
	CREATE TABLE desk.archive (channel_id bigint, starts_at timestamptz, received_at timestamptz, value numeric(14,4), quality text);
	INSERT INTO desk.archive SELECT c, '2020-01-01'::timestamptz + n * interval '30 minutes', '2020-02-01', 1, 'A' FROM unnest('{21,31}'::integer[]) c, generate_series(0, 9) n;
	GRANT SELECT ON ALL TABLES IN SCHEMA desk TO exchange;});

# The exchange belongs to a plain role.
$node->safe_psql('postgres', q{
	CREATE EXTENSION flexexchange;
	CREATE ROLE keeper LOGIN;
	GRANT CREATE ON DATABASE postgres TO keeper;
	CREATE ROLE operator LOGIN IN ROLE flexexchange_operator;
	CREATE ROLE regulator LOGIN IN ROLE flexexchange_regulator;
	CREATE ROLE analyst LOGIN IN ROLE flexexchange_analyst;
	CREATE ROLE north LOGIN IN ROLE flexexchange_participant;
	CREATE ROLE volt LOGIN IN ROLE flexexchange_participant;
	CREATE ROLE rival LOGIN IN ROLE flexexchange_participant;
	CREATE ROLE south LOGIN IN ROLE flexexchange_participant;
	CREATE DATABASE south;
});
$node->safe_psql('postgres', q{
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	INSERT INTO participant (id, mrid, name, kinds) VALUES (1, '00000000-0000-0000-0001-000000000001', 'North', '{market_operator}'), (2, '00000000-0000-0000-0001-000000000002', 'Volt', '{service_provider}'),
	  (3, '00000000-0000-0000-0001-000000000003', 'Rival', '{service_provider}'), (4, '00000000-0000-0000-0001-000000000004', 'South', '{market_operator}');
	INSERT INTO participant_login (role_name, participant_id) VALUES ('north', 1), ('volt', 2), ('rival', 3), ('south', 4);
	INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'n', 'North', 1), (2, 's', 'South', 4);
	INSERT INTO product (id, mrid, market_id, code, name, service_code) VALUES (1, '00000000-0000-0000-0002-000000000001', 1, 'PR', 'Peaks', 'PR'), (2, '00000000-0000-0000-0002-000000000002', 2, 'DC', 'Response', 'DC');
	INSERT INTO asset (id, mrid, name, qualified_up_kw) VALUES (101, '00000000-0000-0000-0003-000000000001', 'battery', 1000), (102, '00000000-0000-0000-0003-000000000002', 'boiler', 50);
	INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (101, 2), (102, 3);
	INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (2, 2, 101, 'up', 800, '2030-01-01T17:00Z/PT2H');
	INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) VALUES
	  (11, 101, 1, 'energy', 'export', 1800), (12, 102, 1, 'energy', 'import', 1800), (21, 101, 2, 'energy', 'export', 1800), (31, 102, 3, 'energy', 'import', 1800), (41, 102, 4, 'power', 'net', 1800);
}, extra_params => [ '-U', 'keeper' ]);

sub as { my ($who, $sql) = @_; return $node->safe_psql('postgres', "SET search_path = gb, flexexchange; $sql", extra_params => [ '-U', $who ]); }

# SQLSTATE, message, detail and hint of what fails
sub failure
{
	my ($who, $sql) = @_;
	my ($out, $err) = ('', '');
	$node->psql('postgres', "\\set VERBOSITY verbose\nSET search_path = gb, flexexchange;\n$sql", stdout => \$out, stderr => \$err, extra_params => [ '-U', $who ], on_error_stop => 1);
	return $err;
}

my $attach = q{SELECT attach_remote_source(1, 'reading', 'north', 'desk', 'reading', '2025-01-01T00:00Z/infinity')};
like(failure('keeper', $attach), qr/ERROR:  55000: participant 1 keeps its data of kind reading centrally.*HINT:/s, 'nothing is attached that its participant keeps centrally');
as('north', q{INSERT INTO data_location (participant_id, what, kept) VALUES (1, 'reading', 'remote'), (1, 'award', 'remote')});
as('north', q{INSERT INTO data_location (participant_id, what, kept) VALUES (1, 'availability', 'central'); UPDATE data_location SET kept = 'remote' WHERE what = 'availability'});
like(failure('north', q{INSERT INTO data_location (participant_id, what, kept) VALUES (4, 'reading', 'remote')}), qr/ERROR:  42501/, 'each chooses for itself');
as('south', q{INSERT INTO data_location (participant_id, what, kept) VALUES (4, 'reading', 'remote')});
like(failure('keeper', $attach), qr/ERROR:  42704: there is no foreign server 'north'.*lacks postgres_fdw.*CREATE EXTENSION postgres_fdw/s, 'without postgres_fdw the error says what is missing');
is(as('operator', q{SELECT count(*) FROM reading_anywhere}), '0', 'and everything else goes on');

my ($host, $port, $own_host, $own_port) = ($home->host, $home->port, $node->host, $node->port);
$node->safe_psql('south', $reading_table . q{INSERT INTO desk.reading (channel_id, starts_at, value) VALUES (41, '2025-06-01', -20.5)});
$node->safe_psql('postgres', qq{
	CREATE EXTENSION postgres_fdw;
	CREATE SERVER north FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres', connect_timeout '5');
	CREATE SERVER south FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$own_host', port '$own_port', dbname 'south');
	CREATE USER MAPPING FOR keeper SERVER north OPTIONS (user 'exchange', password_required 'false');
	CREATE USER MAPPING FOR keeper SERVER south OPTIONS (user 'exchange', password_required 'false');
	GRANT USAGE ON FOREIGN SERVER north, south TO keeper});
like(failure('operator', $attach), qr/ERROR:  42501/, 'the owner attaches, and not the operator');
like(failure('keeper', q{SELECT attach_remote_source(1, 'reading', 'north', 'desk', 'award')}), qr/ERROR:  42703: server north, table desk\.award does not answer as a source of kind reading.*HINT:.*channel_id bigint/s, 'what lacks a column says so when it is attached');
like(failure('keeper', q{SELECT attach_remote_source(1, 'money', 'north', 'desk', 'reading')}), qr/ERROR:  23514/, 'of an unknown kind');
like(failure('keeper', q{SELECT attach_remote_source(77, 'reading', 'north', 'desk', 'reading')}), qr/ERROR:  MX103/, 'of an unknown participant');
my $source_1 = as('keeper', $attach);
my $source_4 = as('keeper', q{SELECT attach_remote_source(4, 'reading', 'south', 'desk', 'reading', '2025-01-01T00:00Z/infinity')});
like(failure('keeper', $attach), qr/ERROR:  23505/, 'once');
is(as('regulator', q{SELECT string_agg(participant_id || ' ' || what || ' ' || kept, ', ' ORDER BY participant_id, what) FROM data_location}), '1 availability remote, 1 award remote, 1 reading remote, 4 reading remote', 'what is kept where is a table');

# Who reads what: as if the rows were here.
as('keeper', q{INSERT INTO meter_reading (channel_id, starts_at, value) VALUES (21, '2025-06-01', 5), (11, '2025-06-01', 7777)});
my $all = q{SELECT string_agg(channel_id || ':' || n, ' ' ORDER BY channel_id) FROM (SELECT channel_id, count(*) AS n FROM reading_anywhere GROUP BY 1) x};
is(as('operator', $all), '11:48 12:48 21:1 41:1', 'the operator reads all; of North not what it says of channels of others');
is(as('regulator', $all), '11:48 12:48 21:1 41:1', 'so does the regulator');
is(as('north', $all), '11:48 12:48', 'North its own');
is(as('volt', $all), '21:1', 'Volt its own, and not what North measured');
is(as('rival', $all), '', 'Rival nothing');
# South bought from the battery: it reads every channel of it
is(as('south', $all), '11:48 21:1 41:1', 'a buyer the channels of what it bought, wherever they are kept');
like(failure('analyst', $all), qr/ERROR:  42501/, 'an analyst none');
like(failure($_, "SELECT * FROM remote_reading_$source_1"), qr/ERROR:  42501: permission denied for foreign table/, "$_ does not get at the foreign table itself") for qw(operator regulator north volt);
is(as('operator', q{SELECT value FROM meter_reading WHERE channel_id = 11}) . ' ' . as('operator', q{SELECT energy_kwh FROM reading_anywhere WHERE channel_id = 11 AND starts_at = '2025-06-01'}), '7777.0000 7777.0000', 'what is here, too, counts here');
# a function that is cheap and tells, in a condition, sees no more than its caller
$node->safe_psql('postgres', q{CREATE FUNCTION public.tell(bigint, numeric) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$ BEGIN RAISE NOTICE 'told % %', $1, $2; RETURN true; END $$});
unlike(failure('volt', q{SELECT * FROM remote_reading WHERE public.tell(channel_id, value)}), qr/told/, 'a function in a condition is told nothing');
like(failure('north', q{SELECT * FROM remote_reading WHERE public.tell(channel_id, value)}), qr/told 12/, 'but what its caller reads');

# What is asked goes there: conditions on channel and time; sources of others are not asked.
sub remote_sql
{
	my ($who, $sql) = @_;
	my $plan = as($who, "EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) $sql");
	return join("\n", $plan =~ /"Remote SQL": "(.*)"/g);
}
my $asked = remote_sql('north', q{SELECT * FROM reading_anywhere WHERE sender_id = 1 AND channel_id = 11 AND starts_at >= '2025-06-01T10:00Z' AND starts_at < '2025-06-01T12:00Z'});
is(scalar(my @queries = split /\n/, $asked), 1, 'one source is asked');
like($asked, qr/FROM desk\.reading WHERE .*channel_id = 11/, 'for the channel');
like($asked, qr/starts_at >= '2025-06-01 10:00:00\+00'.*starts_at < '2025-06-01 12:00:00\+00'/, 'and the time');
like($asked, qr/channel_id = ANY \(\$\d::bigint\[\]\)/, 'and for no channel that the caller does not read');
is(as('north', q{SELECT count(*), sum(energy_kwh) FROM reading_anywhere WHERE sender_id = 1 AND channel_id = 11 AND starts_at >= '2025-06-01T10:00Z' AND starts_at < '2025-06-01T12:00Z'}), '4|130.0000', 'with the right answer');
is(scalar(@queries = split /\n/, remote_sql('operator', q{SELECT * FROM reading_anywhere WHERE sender_id = 2})), 0, 'of a participant that keeps nothing at home nobody is asked');
is(scalar(@queries = split /\n/, remote_sql('operator', q{SELECT * FROM reading_anywhere})), 2, 'everybody is asked for everything');
is(as('north', q{SELECT count(*) FROM readings_anywhere('2025-06-01T10:00Z/PT2H', '{11}')}), '4', 'the function gives the same');

# Awards are pulled, and are checked as if they had been written here.
my $unit = '00000000-0000-0000-0003-000000000001';
$home->safe_psql('postgres', qq{
	INSERT INTO desk.award VALUES
	  ('00000000-0000-0000-0009-000000000001', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 900, '2030-01-01T18:00Z', '2030-01-01T19:00Z', 'awarded', 123.45),
	  ('00000000-0000-0000-0009-000000000002', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 10, '2031-01-01T18:00Z', '2031-01-01T19:00Z', 'awarded', 1),
	  ('00000000-0000-0000-0009-000000000003', '00000000-0000-0000-0002-000000000002', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 10, '2031-01-01T18:00Z', '2031-01-01T19:00Z', 'awarded', 1),
	  ('00000000-0000-0000-0009-000000000004', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000099', '$unit', 'up', 10, '2031-01-01T18:00Z', '2031-01-01T19:00Z', 'awarded', 1),
	  ('00000000-0000-0000-0009-000000000005', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'sideways', 10, '2031-01-01T18:00Z', '2031-01-01T19:00Z', 'awarded', 1),
	  ('00000000-0000-0000-0009-000000000006', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 10, '2031-01-01T18:00Z', '2031-01-01T18:00Z', 'held', 1)});
my $awards = as('keeper', q{SELECT attach_remote_source(1, 'award', 'north', 'desk', 'award', '2030-01-01T00:00Z/2032-01-01T00:00Z')});
my $pull = "SELECT right(mrid::text, 1) || ' ' || outcome || coalesce(' ' || reason, '') FROM pull_remote_trades($awards) ORDER BY 1";
is(as('north', $pull), join("\n",
	'1 new', '2 new', '3 refused product_mrid is no product of the participant', '4 refused service_provider_mrid is not registered',
	'5 refused award.direction is not a known code: "sideways"', '6 refused ends_at is not later than starts_at'), 'what is sound is pulled, the rest refused with its reason');
is(as('north', $pull) =~ s/^[3-6].*\n?//mgr, '', 'pulled again, nothing changes');
is(as('operator', q{SELECT string_agg(power_kw || ' ' || source || ' ' || coalesce(availability_price_per_mw_h::text, 'no price'), ', ' ORDER BY id) FROM award WHERE source IS NOT NULL}), '900.000 north no price, 10.000 north no price', 'with their source, and no more than conflicts are found by');
is(as('operator', q{SELECT string_agg(DISTINCT kind, ' ') FROM conflict WHERE closed_at IS NULL}), 'headroom', 'what was promised twice, here and there, is found');
cmp_ok(as('volt', q{SELECT count(*) FROM notification}), '>', 0, 'and its provider told');
$home->safe_psql('postgres', q{UPDATE desk.award SET power_kw = 5, price = 1 WHERE mrid = '00000000-0000-0000-0009-000000000002'; UPDATE desk.award SET price = 7; UPDATE desk.award SET status = 'terminated' WHERE mrid = '00000000-0000-0000-0009-000000000001'});
is(as('operator', $pull) =~ s/^[3-6].*\n?//mgr, "1 changed\n2 changed\n", 'what changed there is changed here');
is(as('operator', q{SELECT count(*) FROM conflict WHERE closed_at IS NULL}), '0', 'and the conflict is gone');
# what became of it here stays, until its source says something else
as('keeper', q{UPDATE award SET status = 'held' WHERE mrid = '00000000-0000-0000-0009-000000000002'});
as('operator', $pull);
is(as('operator', q{SELECT status FROM award WHERE mrid = '00000000-0000-0000-0009-000000000002'}), 'held', 'a hold of the engine is not undone by pulling');
like(failure('volt', $pull), qr/ERROR:  P0002/, 'others do not pull');
like(slurp_file($home->logfile), qr/FROM desk\.award WHERE .*starts_at >= .*starts_at < /, 'only the time that the source covers is asked for');
is(as('operator', "SELECT count(*) FROM pull_remote_trades($awards, '2031-06-01') p"), '0', 'and what begins later, when one says so');
# availability, with its award
$home->safe_psql('postgres', qq{INSERT INTO desk.availability VALUES
	('00000000-0000-0000-000a-000000000001', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 5, '2031-01-01T18:00Z', '2031-01-01T19:00Z', 'accepted', '00000000-0000-0000-0009-000000000002'),
	('00000000-0000-0000-000a-000000000002', '00000000-0000-0000-0002-000000000001', '00000000-0000-0000-0001-000000000002', '$unit', 'up', 5, '2031-01-02T18:00Z', '2031-01-02T19:00Z', 'accepted', '00000000-0000-0000-0009-000000000099')});
my $availability = as('keeper', q{SELECT attach_remote_source(1, 'availability', 'north', 'desk', 'availability')});
is(as('operator', "SELECT right(mrid::text, 1) || ' ' || outcome || coalesce(' ' || reason, '') FROM pull_remote_trades($availability) ORDER BY 1"), "1 new\n2 refused award_mrid is no award", 'availability, with the award that it belongs to');

# An archive: a partition of readings that lies elsewhere, below the policies of its table.
$node->safe_psql('postgres', q{CREATE USER MAPPING FOR PUBLIC SERVER north OPTIONS (user 'exchange', password_required 'false')});
is(as('keeper', q{SELECT attach_remote_readings('2020-01-01T00:00Z/P1Y', 'north', 'desk', 'archive')}), 'meter_reading_remote_2020_01_01', 'a year is attached');
is(as('volt', q{SELECT count(*) FROM reading WHERE starts_at < '2021-01-01'}), '10', 'its sender reads it');
is(as('rival', q{SELECT string_agg(DISTINCT channel_id::text, ' ') FROM reading WHERE starts_at < '2021-01-01'}), '31', 'and nobody the rows of others');
like(remote_sql('operator', q{SELECT * FROM meter_reading WHERE channel_id = 21 AND starts_at >= '2020-01-01T02:00Z' AND starts_at < '2020-01-01T03:00Z'}), qr/FROM desk\.archive WHERE .*starts_at >= .*channel_id = 21/, 'conditions go there');
is(remote_sql('operator', q{SELECT * FROM meter_reading WHERE starts_at >= '2025-06-01'}), '', 'and other times do not ask it');
like(failure('keeper', q{UPDATE meter_reading SET value = 2 WHERE starts_at < '2021-01-01'}), qr/ERROR:  55000/, 'an archive is read, and not changed');

# Dump and restore bring servers, foreign tables and the view.
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/dump", '-h', $node->host, '-p', $node->port, 'postgres' ], 'dump, with everybody answering');
$node->safe_psql('postgres', 'CREATE DATABASE again');
$node->command_ok([ 'pg_restore', '-d', 'again', '-h', $node->host, '-p', $node->port, "$directory/dump" ], 'restore');
is($node->safe_psql('again', "SET search_path = gb, flexexchange; $all", extra_params => [ '-U', 'north' ]), as('north', $all), 'a restored exchange reads them');

# North does not answer.
$home->stop;
my $error = failure('operator', q{SELECT * FROM reading_anywhere});
like($error, qr/ERROR:  08(001|006)/, 'a view fails with the SQLSTATE of the server');
$error = failure('south', q{SELECT * FROM readings_anywhere('2025-06-01T00:00Z/P1D')});
like($error, qr/ERROR:  08001: the readings that participant 1 \(North\) keeps at home cannot be read now \(SQLSTATE 08001\), since \d{4}-.*HINT:  Ask with partial => true/s, 'the function says whose source it is, and what to do');
unlike($error, qr/\Q$host\E/, 'and not where it is');
is(as('south', q{SELECT string_agg(DISTINCT coalesce(channel_id::text, 'missing: ' || sender_id), ', ') FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true)}), '11, 21, 41, missing: 1', 'a partial answer has what answers, and says what is missing');
is(as('south', q{SELECT silent, silent_since <= now(), problem ~ 'participant 1 \(North\)' FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true) WHERE silent}), 't|t|t', 'since when, and whose');
is(as('north', q{SELECT string_agg(what || ' ' || left(problem, 7), ', ') FROM remote_source WHERE silent_since IS NOT NULL}), 'reading 08001: ', 'its participant finds why');
is(as('volt', q{SELECT count(*) FROM readings_anywhere('2025-06-01T00:00Z/P1D')}), '1', 'who reads nothing of it is not disturbed');
is(as('operator', q{SELECT count(*) FROM reading_anywhere WHERE sender_id = 4 AND starts_at >= '2025-01-01'}), '1', 'nor who asks for others');
like(failure('south', q{SELECT * FROM readings_anywhere('2020-01-01T00:00Z/P1D')}), qr/ERROR:  08001: an archive of readings of 2020-01-01.*HINT:/s, 'an archive that does not answer says so as well');
is(as('south', q{SELECT string_agg(problem, '') FROM readings_anywhere('2020-01-01T00:00Z/P1D', partial => true) WHERE silent}), 'an archive of readings of 2020-01-01T00:00:00Z/2020-01-02T00:00:00Z cannot be read now (SQLSTATE 08001)', 'or is named in a partial answer');
is(as('south', q{BEGIN READ ONLY; SELECT count(*) FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true) WHERE silent; COMMIT}), '1', 'a transaction that only reads is answered, too');
my $since = as('operator', "SELECT silent_since FROM remote_source WHERE id = $source_1");
is(as('operator', q{SELECT string_agg(remote_source_id || ' ' || answers, ', ' ORDER BY remote_source_id) FROM check_remote_sources()}), "$source_1 false, $source_4 true, $awards false, $availability false", 'the operator checks all of them');
is(as('operator', "SELECT silent_since FROM remote_source WHERE id = $source_1"), $since, 'silence begins once');
like(failure('operator', $pull), qr/ERROR:  08001: the source of kind award of participant 1 \(North\), server north, cannot be read now.*HINT:  Nothing was pulled/s, 'pulling says so, and pulls nothing');

# And back, in a session that was open meanwhile.
my $session = $node->background_psql('postgres', extra_params => [ '-U', 'operator' ]);
$session->query_safe('SET search_path = gb, flexexchange');
is($session->query_safe(q{SELECT count(*) FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true) WHERE silent}), '1', 'silent in a session');
$home->start;
is($session->query_safe(q{SELECT count(*) FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true) WHERE silent}), '0', 'and there again in the same session');
is(as('operator', "SELECT silent_since IS NULL AND problem IS NULL FROM remote_source WHERE id = $source_1"), 't', 'which is noted');
# a connection that broke between two statements
$home->restart;
is($session->query_safe(q{SELECT count(*) FROM readings_anywhere('2025-06-01T00:00Z/P1D', partial => true) WHERE NOT silent}), '98', 'a connection that was lost is made anew');
$session->quit;
as('operator', 'SELECT check_remote_sources()');
is(as('operator', q{SELECT count(*) FROM remote_source WHERE silent_since IS NOT NULL}), '0', 'everybody answers');

# Detached, what was pulled stays.
as('keeper', "SELECT detach_remote_source($awards); SELECT detach_remote_source($source_1)");
is(as('operator', $all) . ' and ' . as('operator', q{SELECT count(*) FROM award WHERE source = 'north'}), '11:1 21:11 31:10 41:1 and 2', 'detached, it is not asked, and what was pulled stays');
like(failure('keeper', 'SELECT detach_remote_source(99)'), qr/ERROR:  P0002/, 'one that there is not');
as('keeper', q{SELECT flexexchange.upgrade_exchange('gb')});
is(as('operator', $all), '11:1 21:11 31:10 41:1', 'an upgrade keeps what is attached');

done_testing();
