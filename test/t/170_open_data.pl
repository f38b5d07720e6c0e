# Open data on their way out: as files that hold against their specifications and come back as the same rows, and as a
# publication that gives a subscriber without the extension what is open, and nothing else.
use strict;
use warnings;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $write = "$FindBin::RealBin/../bin/open_data.sh";
my $check = "$FindBin::RealBin/../bin/check_datapackage.pl";
my $directory = PostgreSQL::Test::Utils::tempdir();

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ], allows_streaming => 'logical');
$node->append_conf('postgresql.conf', "fsync = off\nmax_locks_per_transaction = 512\nTimeZone = 'Asia/Tokyo'\nIntervalStyle = 'sql_standard'");
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	INSERT INTO participant (id, name, kinds) VALUES (1, 'Network & Sons, "North"', '{market_operator}'), (2, 'SECRET', '{service_provider}');
	INSERT INTO grid_node (id, kind, name, operator_id, latitude, longitude) VALUES (10, 'primary', '=1+1', 1, 55.5, -4.25), (11, 'feeder', U&'Gl\00e5m\00e5, "left"', 1, NULL, NULL);
	INSERT INTO grid_node_parent (grid_node_id, parent_id, valid) VALUES (11, 10, '2025-03-30T00:30Z/infinity');
	INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', E'one\ntwo\r\nthree', 1);
	INSERT INTO market_gate (market_id, stage, closes_before, at_time) VALUES (1, 'bid', '1 day 02:30', '10:00');
	INSERT INTO product (id, market_id, code, name, service_code, description, max_recovery, paid_for, spec, valid) VALUES
	  (1, 1, 'PR', '"', 'PR', '', 'PT1H30M', '{availability,utilisation}', '{"unit": {"up_kw": {"min": 50}}}', '2025-01-01T00:00Z/infinity');
	INSERT INTO competition (product_id, name, gate_closes_at) VALUES (1, '\.', '2030-01-01T12:00:00.25Z');
	INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status, notice) VALUES
	  (1, 1, 'PR', 'evenings', 'up', 100, '2030-01-01T17:00Z/P3M', 'published', '90 minutes'), (2, 1, 'PR', 'SECRET draft', 'up', 100, '2030-01-01T17:00Z/P3M', 'draft', NULL);
	INSERT INTO need_window (need_id, delivery_window, power_kw) VALUES (1, '2030-01-01T17:00Z/PT2H', 50), (2, '2030-01-01T17:00Z/PT2H', 987654.321);
	INSERT INTO asset (id, name) VALUES (20, 'SECRET');
	INSERT INTO asset_operator (asset_id, service_provider_id) VALUES (20, 2);
	INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 20, 'up', 777.775, '2025-01-10T00:00Z/PT2H');
	SELECT publish_statistics('2025-01-01');
	SELECT seal_events();
	CREATE ROLE reader LOGIN IN ROLE flexexchange_analyst;
});

# The folder, by the script, as an analyst.
sub run_write
{
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres', PGUSER => 'reader');
	return system($write, @_) == 0;
}
sub checked
{
	my ($folder) = @_;
	my $said = qx{perl "$check" "$folder" 2>&1};
	return ($? == 0, $said);
}
my $folder = "$directory/out";
ok(run_write($folder, 'gb'), 'the script writes the folder');
my ($sound, $said) = checked($folder);
ok($sound, 'the package holds against the specifications') or diag $said;
like($said, qr/^29 resources, [1-9]\d{3} records: sound$/, 'and has something in it');
is(qx{grep -lE 'SECRET|987654|777\\.7' $folder/*}, '', 'nothing of a provider or of a draft is in it');

# The checker is no rubber stamp.
for my $damage (
	[ 'a byte of a file', 'grid_node.csv', sub { s/primary/Primary/ }, qr/grid_node: hash/ ],
	[ 'a line that ends as on Unix', 'market_gate.csv', sub { s/\r\n\z/\n/ }, qr/market_gate: record 2 is not RFC 4180/ ],
	[ 'a header', 'service.csv', sub { s/^code/key/ }, qr/service: the header is not the fields/ ],
	[ 'a type', 'datapackage.json', sub { s/"type": "datetime"/"type": "timestamp"/ }, qr/type timestamp/ ],
	[ 'a value of another type', 'datapackage.json', sub { s/"type": "string"/"type": "integer"/g }, qr/is no integer/ ],
	[ 'a key that is not unique', 'datapackage.json', sub { s/"primaryKey": \[\s*"market_id",\s*"stage"\s*\]/"primaryKey": ["scheme"]/; s/"primaryKey": \[\s*"scheme",[^]]*\]/"primaryKey": ["scheme"]/ }, qr/primary key is not unique/ ],
	[ 'a reference to nothing', 'datapackage.json', sub { s/"resource": "market_operator"/"resource": "market_gate"/ }, qr/market_gate: no field id|is missing/ ],
	[ 'Dublin Core', 'datapackage.json', sub { s/"dc:rights"/"dc:right"/ }, qr/dc:rights is missing/ ],
	[ 'a path out of the folder', 'datapackage.json', sub { s{"path": "need.csv"}{"path": "../out/need.csv"} }, qr/need: path/ ])
{
	my ($what, $file, $how, $found) = @$damage;
	my $copy = "$directory/damaged";
	system("rm -rf '$copy'; cp -r '$folder' '$copy'") == 0 or die;
	local $_ = slurp_file("$copy/$file");
	my $before = $_;
	$how->();
	isnt($_, $before, "damaged: $what");
	open(my $out, '>:raw', "$copy/$file") or die $!;
	print $out $_;
	close($out);
	($sound, $said) = checked($copy);
	ok(!$sound && $said =~ $found, 'and found') or diag $said;
}

# Round trip: COPY reads each file back, and the rows are those that there are.
$node->safe_psql('postgres', 'CREATE SCHEMA back');
my $differing = '';
for my $name (split /\n/, $node->safe_psql('postgres', 'SELECT name FROM gb.open_dataset ORDER BY 1'))
{
	my $columns = $node->safe_psql('postgres', "SELECT string_agg(quote_ident(column_name), ', ' ORDER BY place) FROM gb.require_open_dataset('$name') d, gb.open_columns(d)");
	my ($relation, $condition) = split /\t/, $node->safe_psql('postgres', "SELECT relation || E'\\t' || coalesce(condition, 'true') FROM gb.open_dataset WHERE name = '$name'");
	# arrays are JSON there, and bytes hexadecimal: they are compared as such
	my $written = $node->safe_psql('postgres', "SELECT string_agg(CASE WHEN field_type = 'array' OR expression LIKE 'encode(%' THEN expression || ' AS ' ELSE 'r.' END || quote_ident(column_name), ', ' ORDER BY place) FROM gb.require_open_dataset('$name') d, gb.open_columns(d)");
	$node->safe_psql('postgres', qq{SET search_path = gb, flexexchange; CREATE TABLE back."$name" AS SELECT $written FROM $relation r WHERE false});
	$node->safe_psql('postgres', qq{\\copy back."$name" from '$folder/$name.csv' with (format csv, header)});
	my $count = $node->safe_psql('postgres', qq{
		SET search_path = gb, flexexchange;
		SELECT count(*) FROM ((SELECT ROW($columns)::text FROM (SELECT $written FROM $relation r WHERE $condition) w EXCEPT ALL SELECT ROW($columns)::text FROM back."$name")
		                      UNION ALL (SELECT ROW($columns)::text FROM back."$name" EXCEPT ALL SELECT ROW($columns)::text FROM (SELECT $written FROM $relation r WHERE $condition) w)) x});
	$differing .= "$name $count\n" if $count != 0;
}
is($differing, '', 'every file is read back by COPY as the rows that there are');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM back.taxonomy_term'), '>', 50, 'and they are some');

# A subscriber without the extension.
$node->safe_psql('postgres', q{SELECT count(*) FROM gb.publish_open_data(); CREATE ROLE carrier LOGIN REPLICATION IN ROLE flexexchange_analyst;});
my $subscriber = PostgreSQL::Test::Cluster->new('subscriber');
$subscriber->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ], allows_streaming => 'logical');
$subscriber->append_conf('postgresql.conf', "fsync = off\nmax_locks_per_transaction = 512\nTimeZone = 'UTC'");
$subscriber->start;
$subscriber->safe_psql('postgres', $node->safe_psql('postgres', 'SELECT gb.open_data_tables()', extra_params => [ '-U', 'reader' ]));
my $connection = $node->connstr . ' dbname=postgres user=carrier';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION open_data CONNECTION '$connection' PUBLICATION gb_open");
$subscriber->wait_for_subscription_sync($node, 'open_data');
is($subscriber->safe_psql('postgres', q{SELECT count(*) FROM pg_extension WHERE extname = 'flexexchange'}), '0', 'the subscriber has no extension');
for my $table (split /\n/, $node->safe_psql('postgres', q{SELECT relation FROM gb.open_dataset WHERE replicated ORDER BY 1}))
{
	my $where = $node->safe_psql('postgres', "SELECT coalesce(condition, 'true') FROM gb.open_dataset WHERE relation = '$table'");
	is($subscriber->safe_psql('postgres', "SELECT count(*) FROM gb.$table"), $node->safe_psql('postgres', "SELECT count(*) FROM gb.$table WHERE $where"), "$table is there");
}
is($subscriber->safe_psql('postgres', 'SELECT valid, spec, max_recovery, paid_for FROM gb.product'),
	'2025-01-01T09:00+09:00/infinity|{"unit":{"up_kw":{"min":50}}}|01:30:00|{availability,utilisation}', 'windows and specs are texts there, with the offset of the server that wrote them');
# what changes follows; what is not open does not, until it is
$node->safe_psql('postgres', q{
	SET search_path = gb, flexexchange;
	UPDATE grid_node SET name = 'moved' WHERE id = 10;
	UPDATE grid_node_parent SET valid = '2025-03-30T00:30Z/P1Y';
	UPDATE need SET name = 'SECRET still' WHERE id = 2;
	UPDATE need SET status = 'withdrawn' WHERE id = 1;
	INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status) VALUES (3, 1, 'PR', 'nights', 'up', 1, '2030-01-01T17:00Z/P3M', 'published');
	DELETE FROM need_window WHERE need_id = 2;
	DELETE FROM need WHERE id = 2;
	INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status) VALUES (4, 1, 'PR', 'mornings', 'up', 1, '2030-01-01T17:00Z/P3M', 'draft');
	INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) VALUES (1, 2, 20, 'up', 1, '2025-01-11T00:00Z/PT2H');
});
$node->wait_for_catchup('open_data');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(id || ' ' || name || ' ' || status, ', ' ORDER BY id) FROM gb.need}), '1 evenings withdrawn, 3 nights published', 'needs follow, drafts do not');
is($subscriber->safe_psql('postgres', q{SELECT name FROM gb.grid_node WHERE id = 10}), 'moved', 'an update follows');
like($subscriber->safe_psql('postgres', q{SELECT valid FROM gb.grid_node_parent}), qr/2026/, 'of a table without a key, too');
$node->safe_psql('postgres', q{UPDATE gb.need SET status = 'published' WHERE id = 4});
$node->wait_for_catchup('open_data');
is($subscriber->safe_psql('postgres', q{SELECT name FROM gb.need WHERE id = 4}), 'mornings', 'a draft that is published comes');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'gb'::regnamespace AND relname ~ 'award|bid|participant|window'}), '', 'and nothing else is there');
# dump and restore bring the publication and the identities with them
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$directory/dump", '-h', $node->host, '-p', $node->port, 'postgres' ], 'dump');
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->command_ok([ 'pg_restore', '-d', 'other', '-h', $node->host, '-p', $node->port, "$directory/dump" ], 'restore');
my $published = q{SELECT string_agg(tablename || coalesce(rowfilter, ''), ' ' ORDER BY tablename) FROM pg_publication_tables};
is($node->safe_psql('other', $published), $node->safe_psql('postgres', $published), 'a restored exchange publishes the same');
my $identities = q{SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relreplident = 'f' AND relnamespace = 'gb'::regnamespace};
is($node->safe_psql('other', $identities), $node->safe_psql('postgres', $identities), 'with the same identities');
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION open_data');

done_testing();
