# From every release to the present version: what an old exchange can do with the new library, with the
# new extension, and from a dump; that upgrade_exchange() makes of it what a new one is; and that it
# loses no row and nothing that users added.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($present) = slurp_file('flexexchange.control') =~ /default_version = '(.*)'/;
my @releases = grep { $_ ne $present } map { /flexexchange--(.*)\.sql\.gz$/ } glob('sql/releases/*.sql.gz');
ok(@releases > 0, 'there are releases to come from');

# what an update is made of: what the release has word for word is left out, functions are replaced, the rest is
# run, unless it is done by hand
my $dir = PostgreSQL::Test::Utils::tempdir();
append_to_file("$dir/release.sql", <<'END');
-- a comment
CREATE TABLE a (x int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC
  SELECT 1;
  SELECT 2;
END;
COMMENT ON TABLE a IS 'it''s;
kept';
END
append_to_file("$dir/by_hand.sql", "ALTER TABLE a ADD y int;\n-- instead of: CREATE TABLE a (x int, y int);\n");
append_to_file("$dir/later.sql", <<'END');
-- another comment
CREATE TABLE a (x int, y int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC
  SELECT 1;
  SELECT 2;
END;
COMMENT ON TABLE a IS 'it''s;
kept';
CREATE DOMAIN d AS text /* ; */ -- ;
  DEFAULT 'a;'; -- done
INSERT INTO flexexchange.module (name) VALUES ('m');
END
is(scalar(qx{awk -f sql/changed_statements.awk $dir/release.sql $dir/by_hand.sql $dir/later.sql}), <<'END', 'what an update is made of');
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$;

CREATE DOMAIN d AS text /* ; */ -- ;
  DEFAULT 'a;'; -- done

END

my $root = PostgreSQL::Test::Utils::tempdir();
my $node = start_node('main', install_path => installation_with($root, @releases));
my @exchanges = ('gb', 'mid', 'pilot');

$node->safe_psql('postgres', 'CREATE ROLE keeper LOGIN; CREATE ROLE reader');
sub database
{
	my ($name, $version) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql('postgres', "GRANT CREATE ON DATABASE $name TO keeper");
	$node->safe_psql($name, 'CREATE EXTENSION flexexchange' . ($version ? " VERSION '$version'" : '')) if defined $version;
}

# what a new database is
database('fresh', '');
$node->safe_psql('fresh', q{
	SET SESSION AUTHORIZATION keeper;
	SELECT flexexchange.create_exchange('gb');
	SELECT flexexchange.create_exchange('mid', 'medium');
	SELECT flexexchange.create_exchange('pilot', 'thin', 'Europe/Oslo');
});
my %fresh = map { $_ => shape($node, 'fresh', '-n', $_) } @exchanges;
my $modules = q{SELECT name, kind, archetype, md5(source) FROM flexexchange.module ORDER BY name COLLATE "C"};
my $migrations = q{SELECT name, version, md5(source) FROM flexexchange.migration ORDER BY name COLLATE "C", version};
is($node->safe_psql('fresh', 'SELECT name FROM flexexchange.migration WHERE name NOT IN (SELECT name FROM flexexchange.module)'), '', 'every migration belongs to a module');
database('objects', '');
my $objects = shape($node, 'objects', '--binary-upgrade');
like($objects, qr/CREATE OPERATOR CLASS flexexchange\.time_window_ops/, 'the shape of the extension tells of its operator classes');

# Every row of every table of an exchange, in the columns that it has now; what is only added to as far as it goes.
# What the exchange says of its own version changes, and what comes with the modules.
sub keep_rows
{
	my ($database, $exchange) = @_;
	$node->safe_psql($database, qq{
		SET search_path = pg_catalog;
		CREATE TABLE IF NOT EXISTS lab.was (name text PRIMARY KEY, question text, answer text);
		INSERT INTO lab.was (name, question)
		SELECT c.oid::regclass, format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text COLLATE "C")), '''') AS x FROM (SELECT %s FROM %s%s) t',
		         (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped), c.oid::regclass,
		         CASE WHEN relname = 'event_log' THEN format(' WHERE id <= %s', (SELECT coalesce(pg_sequence_last_value('$exchange.event_log_id'), 0))) ELSE '' END)
		FROM pg_class c WHERE c.relnamespace = '$exchange'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND relname !~ '^(exchange_(instance|module)|event_log_exemption)\$';
		UPDATE lab.was SET answer = (xpath('/row/x/text()', query_to_xml(question, false, true, '')))[1]});
}
my $changed_rows = q{SELECT name FROM lab.was WHERE answer IS DISTINCT FROM (xpath('/row/x/text()', query_to_xml(question, false, true, '')))[1]::text ORDER BY name};

my $additions = q{
	ALTER TABLE gb.asset ADD COLUMN colour text DEFAULT 'green';
	CREATE INDEX asset_colour_idx ON gb.asset (colour);
	CREATE POLICY asset_for_reader ON gb.asset FOR SELECT TO reader USING (colour = 'green');
	GRANT SELECT ON gb.asset TO reader;
	GRANT USAGE ON SCHEMA gb TO reader;
	REVOKE EXECUTE ON FUNCTION gb.explain_conflict(bigint) FROM flexexchange_regulator;
	ALTER TABLE gb.asset DISABLE TRIGGER t05_log_update;
	CREATE TABLE gb.own (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, paint text);
	INSERT INTO gb.own (paint) VALUES ('red'), ('blue');
	CREATE VIEW gb.green AS SELECT id, name FROM gb.asset WHERE colour = 'green';
};
my $added = q{
	SELECT (SELECT count(*) > 0 FROM gb.asset WHERE colour = 'green'), to_regclass('gb.asset_colour_idx') IS NOT NULL, EXISTS (SELECT FROM pg_policy WHERE polname = 'asset_for_reader'),
	       has_table_privilege('reader', 'gb.asset', 'SELECT'), has_schema_privilege('reader', 'gb', 'USAGE'), NOT has_function_privilege('flexexchange_regulator', 'gb.explain_conflict(bigint)', 'EXECUTE'),
	       (SELECT tgenabled = 'D' FROM pg_trigger WHERE tgrelid = 'gb.asset'::regclass AND tgname = 't05_log_update'), (SELECT string_agg(id || paint, ' ' ORDER BY id) FROM gb.own), (SELECT count(*) > 0 FROM gb.green)};
my $added_all = 't|t|t|t|t|t|t|1red 2blue|t';
my $without_additions = q{
	DROP VIEW gb.green;
	DROP TABLE gb.own CASCADE;   -- and own_as_of()
	ALTER TABLE gb.asset ENABLE TRIGGER t05_log_update;
	GRANT EXECUTE ON FUNCTION gb.explain_conflict(bigint) TO flexexchange_regulator;
	REVOKE USAGE ON SCHEMA gb FROM reader;
	REVOKE SELECT ON gb.asset FROM reader;
	DROP POLICY asset_for_reader ON gb.asset;
	DROP INDEX gb.asset_colour_idx;
	ALTER TABLE gb.asset DROP COLUMN colour;
};
my $versions = q{SELECT string_agg(name || ' ' || version, ', ' ORDER BY name) FROM flexexchange.exchange};

for my $release (@releases)
{
	my $tag = 'v' . ($release =~ s/\W/_/gr);
	my $all = join(', ', map { "$_ $release" } @exchanges);
	my $all_present = join(', ', map { "$_ $present" } @exchanges);

	# the extension's own objects; and that CREATE EXTENSION found every symbol that the release declares
	database("${tag}_objects", $release);
	cmp_ok($node->safe_psql("${tag}_objects", q{SELECT count(fmgr_c_validator(oid)::text) FROM pg_proc WHERE probin LIKE '%flexexchange%'}), '>', 100, "$release: every C function that it declares is in the library");
	$node->safe_psql("${tag}_objects", 'ALTER EXTENSION flexexchange UPDATE');
	is($node->safe_psql("${tag}_objects", 'SELECT extversion FROM pg_extension WHERE extname = $$flexexchange$$'), $present, "$release: the extension is updated in one step");
	same(shape($node, "${tag}_objects", '--binary-upgrade'), $objects, "$release: the updated extension is what a new one is");
	is($node->safe_psql("${tag}_objects", $modules), $node->safe_psql('objects', $modules), "$release: its modules too");
	is($node->safe_psql("${tag}_objects", $migrations), $node->safe_psql('objects', $migrations), "$release: its migrations too");

	# the old extension, the new library
	database($tag, $release);
	$node->safe_psql($tag, 'GRANT ALL ON SCHEMA public TO keeper');
	fill($node, $tag, 'gb', owner => 'keeper', trades => 400);
	$node->safe_psql($tag, q{
		SET SESSION AUTHORIZATION keeper;
		SELECT flexexchange.create_exchange('mid', 'medium');
		SELECT flexexchange.create_exchange('pilot', 'thin', 'Europe/Oslo');
		INSERT INTO pilot.participant (name, kinds) VALUES ('Statnett', '{market_operator}');
		INSERT INTO mid.asset (name) VALUES ('battery');
		SELECT gb.seal_events();
	} . $additions);
	is($node->safe_psql($tag, $versions), $all, "$release: exchanges were made by it");
	cmp_ok($node->safe_psql($tag, 'SELECT count(*) FROM gb.conflict'), '>', 20, "$release: with conflicts");
	is(trade_on($node, $tag, 'gb', '2097-01-01'), 'duplicate', "$release: the new library finds conflicts below its SQL");
	is(sweep_finds($node, $tag, 'gb'), '0 0', "$release: and a sweep says the same");
	my $pg_dump = $node->installed_command('pg_dump');
	$node->command_ok([ $pg_dump, '-d', $node->connstr($tag), '-f', "$dir/$tag.sql" ], "$release: pg_dump");

	# the new extension, the old exchange
	$node->safe_psql($tag, 'ALTER EXTENSION flexexchange UPDATE');
	is($node->safe_psql($tag, $versions), $all, "$release: the exchanges are as they were after ALTER EXTENSION");
	is(trade_on($node, $tag, 'gb', '2097-01-02'), 'duplicate', "$release: and find conflicts");
	is(sweep_finds($node, $tag, 'gb'), '0 0', "$release: a sweep says the same");

	# upgraded, by its owner
	keep_rows($tag, $_) for @exchanges;
	$node->safe_psql($tag, "SET SESSION AUTHORIZATION keeper; SELECT flexexchange.upgrade_exchange('$_')") for @exchanges;
	is($node->safe_psql($tag, $versions), $all_present, "$release: the exchanges are of this version");
	is($node->safe_psql($tag, qq{SELECT count(*) FROM gb.exchange_module WHERE version <> '$present'}), '0', "$release: and all their modules");
	is($node->safe_psql($tag, $changed_rows), '', "$release: no row was changed");
	is($node->safe_psql($tag, $added), $added_all, "$release: what users added is there");
	is(trade_on($node, $tag, 'gb', '2097-01-03'), 'duplicate', "$release: conflicts are found");
	is(sweep_finds($node, $tag, 'gb'), '0 0', "$release: and a sweep says the same");
	$node->safe_psql($tag, $without_additions);
	same(shape($node, $tag, '-n', $_), $fresh{$_}, "$release: $_, upgraded, is what a new one is") for @exchanges;

	# a dump of it restored below the present extension: dumps say nothing of the version
	database("${tag}_restored");
	my $psql = $node->installed_command('psql');
	$node->command_ok([ $psql, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr("${tag}_restored"), '-f', "$dir/$tag.sql" ], "$release: restored below $present");
	is($node->safe_psql("${tag}_restored", $versions), $all, "$release: the exchanges are of the release that made them");
	is(trade_on($node, "${tag}_restored", 'gb', '2097-01-02'), 'duplicate', "$release: and find conflicts");
	is(sweep_finds($node, "${tag}_restored", 'gb'), '0 0', "$release: a sweep says the same");
	keep_rows("${tag}_restored", 'gb');
	$node->safe_psql("${tag}_restored", q{SET SESSION AUTHORIZATION keeper; SELECT flexexchange.upgrade_exchange('gb'); SELECT flexexchange.upgrade_exchange('mid')});
	# one that is extended need not be upgraded before
	$node->safe_psql("${tag}_restored", q{SET SESSION AUTHORIZATION keeper; SELECT flexexchange.extend_exchange('pilot', 'medium')});
	is($node->safe_psql("${tag}_restored", $versions), $all_present, "$release: they are upgraded, or extended");
	is($node->safe_psql("${tag}_restored", $changed_rows), '', "$release: no row was changed");
	is($node->safe_psql("${tag}_restored", $added), $added_all, "$release: what users added is there");
	$node->safe_psql("${tag}_restored", $without_additions);
	same(loosely(shape($node, "${tag}_restored", '-n', $_)), loosely($fresh{$_}), "$release: $_, restored and upgraded, is what a new one is") for 'gb', 'mid';
	$node->safe_psql('fresh', q{SET SESSION AUTHORIZATION keeper; SELECT flexexchange.extend_exchange('pilot', 'medium')});
	same(loosely(shape($node, "${tag}_restored", '-n', 'pilot')), loosely(shape($node, 'fresh', '-n', 'pilot')), "$release: one that was extended too");
}

# Steps of versions that never were: in the order of numbers, each once, all or nothing; what they grant and revoke stays so.
$node->safe_psql('fresh', q{
	UPDATE mid.exchange_module SET version = '0.0.8';
	UPDATE mid.exchange_instance SET version = '0.0.8';
	GRANT EXECUTE ON FUNCTION mid.explain_conflict(bigint) TO reader;
	REVOKE EXECUTE ON FUNCTION mid.explain_conflict(bigint) FROM flexexchange_regulator;
	ALTER TABLE mid.bid DISABLE TRIGGER t05_log_update;
	DELETE FROM flexexchange.migration;
	INSERT INTO flexexchange.migration (name, version, source) VALUES
	  ('50_trading', '0.0.8', 'SELECT 1/0'),
	  ('50_trading', '0.0.10', 'ALTER TABLE step RENAME TO later_step'),
	  ('50_trading', '0.0.9', 'CREATE TABLE step (id bigint GENERATED ALWAYS AS IDENTITY, name text); GRANT SELECT ON asset TO reader; DROP TRIGGER t05_log_update ON bid'),
	  ('60_conflicts_logic', '0.0.9', 'REVOKE EXECUTE ON FUNCTION explain_conflict(bigint) FROM flexexchange_participant; INSERT INTO later_step (name) VALUES (current_user)'),
	  ('82_later', '0.0.9', 'SELECT 1/0'),
	  ('85_event_log', '0.0.9', 'SELECT 1/0')});
my ($ret, $out, $err) = $node->psql('fresh', q{SELECT flexexchange.upgrade_exchange('mid')});
like($err, qr/division by zero/, 'a step fails');
is($node->safe_psql('fresh', q{SELECT version, to_regclass('mid.later_step') IS NULL, has_table_privilege('reader', 'mid.asset', 'SELECT'), (SELECT count(DISTINCT version) FROM mid.exchange_module) FROM mid.exchange_instance}), '0.0.8|t|f|1', 'and nothing was done');
$node->safe_psql('fresh', q{DELETE FROM flexexchange.migration WHERE name = '85_event_log'; SELECT flexexchange.upgrade_exchange('mid'); SELECT flexexchange.upgrade_exchange('mid')});
is($node->safe_psql('fresh', q{SELECT id % 1000000000000, id > 1000000000000, name FROM mid.later_step}), '1|t|keeper', 'steps ran in the order of their numbers, once, as the owner, and count in the range of the exchange');
is($node->safe_psql('fresh', q{SELECT has_table_privilege('reader', 'mid.asset', 'SELECT'), has_function_privilege('flexexchange_participant', 'mid.explain_conflict(bigint)', 'EXECUTE'),
	has_function_privilege('reader', 'mid.explain_conflict(bigint)', 'EXECUTE'), has_function_privilege('flexexchange_regulator', 'mid.explain_conflict(bigint)', 'EXECUTE')}), 't|f|t|f', 'what they granted and revoked, and what the owner did, stays so');
is($node->safe_psql('fresh', qq{SELECT version, (SELECT string_agg(DISTINCT version, ' ') FROM mid.exchange_module) FROM mid.exchange_instance}), "$present|$present", 'the exchange and its modules are of this version');

# an exchange of a later version than the extension is left alone
$node->safe_psql('fresh', q{UPDATE gb.exchange_instance SET version = '99.0'});
($ret, $out, $err) = $node->psql('fresh', q{SELECT flexexchange.upgrade_exchange('gb')});
like($err, qr/exchange 'gb' was made by version 99\.0 of the extension, and here is \Q$present\E/, 'an exchange of a later version is not upgraded');

$node->stop;
done_testing();
