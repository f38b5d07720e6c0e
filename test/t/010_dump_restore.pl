# Dump and restore: every row comes back, no trigger fires, nothing is added, and
# what users added to their exchange is there too.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'");
$node->start;

# A book of random trades, owned by a plain role.
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', q{
	CREATE EXTENSION flexexchange;
	CREATE ROLE keeper LOGIN;
	GRANT CREATE ON DATABASE source TO keeper;
	CREATE ROLE reader;
});
my $book = slurp_file('test/oracle/random_book.sql');
$node->safe_psql('source', qq{
	SET SESSION AUTHORIZATION keeper;
	SET client_min_messages = warning;
	SELECT flexexchange.create_exchange('gb');
	SELECT flexexchange.create_exchange('pilot', 'thin', 'Europe/Oslo');
	SET search_path = gb, flexexchange;
	$book
	SELECT random_register(40, 11);
	-- a network with a limit, so that what is derived of it comes back, too
	INSERT INTO grid_node (id, kind, name) VALUES (900001, 'gsp', 'Northgate'), (900002, 'primary', 'Mill Lane');
	INSERT INTO grid_node_parent (grid_node_id, parent_id) VALUES (900002, 900001);
	UPDATE asset SET grid_node_id = 900002;
	INSERT INTO operating_limit (grid_node_id, direction, limit_kw, operator_id) VALUES (900001, 'up', 50, 1);
	INSERT INTO constraint_period (grid_node_id, valid, direction, operator_id) VALUES (900002, '2099-03-27T00:00Z/P4D', 'down', 2);
	SELECT random_trading(1, 600, 40, 11);
	INSERT INTO constraint_period (grid_node_id, valid, direction, operator_id, revises_id) VALUES (900002, '2099-03-27T00:00Z/P3D', 'down', 2, 1);
	SELECT issue_risk_of_conflict('2099-03-27T00:00Z/P4D');
	-- rules that are being written
	SELECT copy_ruleset('ena-2025-01', 'draft');
	INSERT INTO stacking_rule (ruleset_id, service_a, service_b, mode, verdict, condition, priority)
	  VALUES (require_ruleset('draft'), 'DC', 'PR', 'splitting', 'explicit_no', 'a.power_kw > 100 and technology = ''BESS''', 1);
	INSERT INTO ruleset_action (ruleset_id, stage, action) VALUES (require_ruleset('draft'), 'award', 'hold');
	-- what users add
	ALTER TABLE asset ADD COLUMN colour text DEFAULT 'green';
	ALTER TABLE participant ADD COLUMN gln gln, ADD COLUMN meters mpan[];
	UPDATE participant SET gln = '9312345678907', meters = '{1470116845051}' WHERE id = 1;
	CREATE INDEX asset_colour_idx ON asset (colour);
	CREATE POLICY asset_for_reader ON asset FOR SELECT TO reader USING (colour = 'green');
	GRANT SELECT ON asset TO reader;
	COMMENT ON COLUMN asset.colour IS 'paint';
	INSERT INTO pilot.participant (name, kinds) VALUES ('Statnett', '{market_operator}');
});

# Every table with the number and a hash of its rows; every sequence.
my $rows = q{
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	  SELECT format('%s %s', c.oid::regclass,
	         (xpath('/row/x/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text COLLATE "C")), '''') AS x FROM %s t', c.oid::regclass), false, true, '')))[1])
	    AS line
	  FROM pg_class c WHERE c.relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace) AND c.relkind = 'r'
	  UNION ALL
	  SELECT format('%s %s', c.oid::regclass, coalesce(pg_sequence_last_value(c.oid), 0))
	  FROM pg_class c WHERE c.relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace) AND c.relkind = 'S') x};
# What stands around the rows.
my $objects = q{
	SELECT string_agg(line, E'\n' ORDER BY line) FROM (
	  SELECT format('trigger %s %s', tgrelid::regclass, tgname) AS line FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace)
	  UNION ALL SELECT format('policy %s %s %s', polrelid::regclass, polname, pg_get_expr(polqual, polrelid)) FROM pg_policy
	  UNION ALL SELECT format('grant %s %s', oid::regclass, relacl) FROM pg_class WHERE relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace)
	  UNION ALL SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_index i JOIN pg_class c ON c.oid = indrelid WHERE relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace)
	  UNION ALL SELECT format('comment %s.%s %s', attrelid::regclass, attname, col_description(attrelid, attnum)) FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace IN ('gb'::regnamespace, 'pilot'::regnamespace) AND attnum > 0
	  UNION ALL SELECT format('function %s %s', oid::regprocedure, proconfig) FROM pg_proc WHERE pronamespace IN ('gb'::regnamespace, 'pilot'::regnamespace)
	  UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid)) FROM pg_constraint c WHERE connamespace IN ('gb'::regnamespace, 'pilot'::regnamespace)) x};

my $rows_before = $node->safe_psql('source', $rows);
my $objects_before = $node->safe_psql('source', $objects);
like($rows_before, qr/^gb\.conflict [1-9]/m, 'there are conflicts to bring back');
like($rows_before, qr/^gb\.notification [1-9]/m, 'there are notifications to bring back');
like($rows_before, qr/^gb\.network_dispatch [1-9]/m, 'there are dispatches in the network to bring back');
like($rows_before, qr/^gb\.risk [1-9]/m, 'there are risks to bring back');

my $dir = PostgreSQL::Test::Utils::tempdir();
my $connect = $node->connstr('source');

sub compare
{
	my ($database, $how) = @_;
	is($node->safe_psql($database, $rows), $rows_before, "$how: the same rows in every table");
	is($node->safe_psql($database, $objects), $objects_before, "$how: the same triggers, policies, grants, indexes, comments, functions, constraints");
	is($node->safe_psql($database, 'SELECT name, archetype, time_zone FROM flexexchange.exchange ORDER BY name'), "gb|thick|Europe/London\npilot|thin|Europe/Oslo", "$how: the exchanges are listed");

	# the restored exchange goes on: a duplicate is found, and its ids are new
	$node->safe_psql($database, q{
		INSERT INTO gb.dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
		  SELECT p.id, s.id, a.id, 'up', 1, '2027-01-01T17:00Z/PT1H'
		  FROM (SELECT min(id) AS id FROM gb.product) p, (SELECT id FROM gb.participant WHERE name = 'seller') s, (SELECT min(id) AS id FROM gb.asset) a, generate_series(1, 2)});
	is($node->safe_psql($database, q{SELECT kind FROM gb.conflict k JOIN gb.commitment c ON c.id = k.challenger_id WHERE c.delivery_window::text = '2027-01-01T17:00Z/2027-01-01T18:00Z' AND kind = 'duplicate'}), 'duplicate', "$how: conflicts are found again");
}

# plain text, as a superuser, into an empty database
$node->command_ok([ 'pg_dump', '-d', $connect, '-f', "$dir/plain.sql" ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('plain'), '-f', "$dir/plain.sql" ], 'psql restores it');
compare('plain', 'plain');

# custom format, two jobs
$node->command_ok([ 'pg_dump', '-Fc', '-d', $connect, '-f', "$dir/custom" ], 'pg_dump -Fc');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
$node->command_ok([ 'pg_restore', '-j', '2', '-e', '-d', $node->connstr('custom'), "$dir/custom" ], 'pg_restore');
compare('custom', 'custom');

# the owner dumps its own exchange: row-level security does not stop it
$node->command_ok([ 'pg_dump', '-U', 'keeper', '-n', 'gb', '-n', 'pilot', '-d', $connect, '-f', "$dir/owner.sql" ], 'pg_dump as the owner');
$node->safe_psql('postgres', 'CREATE DATABASE owner');
$node->safe_psql('owner', 'CREATE EXTENSION flexexchange; GRANT CREATE ON DATABASE owner TO keeper;');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-U', 'keeper', '-d', $node->connstr('owner'), '-f', "$dir/owner.sql" ], 'psql restores it as the owner');
compare('owner', 'owner');

# data alone, into an exchange made anew, with triggers off
$node->command_ok([ 'pg_dump', '-d', $connect, '--data-only', '--disable-triggers', '-n', 'gb', '-n', 'pilot', '-f', "$dir/data.sql" ], 'pg_dump --data-only');
$node->command_ok([ 'pg_dump', '-d', $connect, '--schema-only', '-f', "$dir/schema.sql" ], 'pg_dump --schema-only');
$node->safe_psql('postgres', 'CREATE DATABASE data');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('data'), '-f', "$dir/schema.sql" ], 'schema');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('data'), '-f', "$dir/data.sql" ], 'data');
compare('data', 'data only');

# binary COPY of the window types through files
$node->safe_psql('plain', "COPY gb.commitment (id, unit_id, delivery_window) TO '$dir/windows' (FORMAT binary); CREATE TABLE windows (id bigint, unit_id bigint, w flexexchange.time_window); COPY windows FROM '$dir/windows' (FORMAT binary);");
is($node->safe_psql('plain', 'SELECT count(*) FROM windows w FULL JOIN gb.commitment c USING (id) WHERE w.w::text IS DISTINCT FROM c.delivery_window::text'), '0', 'binary COPY out and in is the same');
for my $case (['empty', 5, 5], ['backwards', 6, 5], ['beyond the end of time', 5, 9223372036854775806], ['before its beginning', -9223372036854775807, 0])
{
	my ($name, $start, $end) = @$case;
	my $bytes = "PGCOPY\n\xff\r\n\0" . pack('N N n N q> q> n', 0, 0, 1, 16, $start, $end, 0xffff);
	open(my $fh, '>:raw', "$dir/hostile") or die;
	print $fh $bytes;
	close $fh;
	my ($ret, $out, $err) = $node->psql('plain', "COPY windows (w) FROM '$dir/hostile' (FORMAT binary)");
	like($err, qr/invalid bounds in binary window/, "hostile bytes are refused: $name");
}

# the same of conditions, whose bytes are judged as text is
$node->safe_psql('plain', "CREATE TABLE conditions (c flexexchange.rule_condition); INSERT INTO conditions VALUES ('(a.power_kw>1) and technology in (''CHP'', ''BESS'')'); COPY conditions TO '$dir/conditions' (FORMAT binary); COPY conditions FROM '$dir/conditions' (FORMAT binary)");
is($node->safe_psql('plain', 'SELECT DISTINCT c FROM conditions'), q{a.power_kw > 1 and technology in ('BESS', 'CHP')}, 'binary COPY of conditions');
for my $case (['another version', "\2a.power_kw > 1", qr/invalid version of binary rule_condition: 2/], ['no condition', "\1a.power_kw > ", qr/invalid rule_condition: what power_kw is compared with is missing/],
	['written otherwise', "\1a.power_kw>1", qr/^$/])
{
	my ($name, $value, $error) = @$case;
	open(my $fh, '>:raw', "$dir/hostile") or die;
	print $fh "PGCOPY\n\xff\r\n\0" . pack('N N n N a* n', 0, 0, 1, length($value), $value, 0xffff);
	close $fh;
	my ($ret, $out, $err) = $node->psql('plain', "COPY conditions FROM '$dir/hostile' (FORMAT binary)");
	like($err, $error, "bytes of a condition: $name");
}
is($node->safe_psql('plain', 'SELECT count(*) FROM conditions WHERE c = $$a.power_kw > 1$$'), '1', 'bytes become canonical');

$node->stop;
done_testing();
