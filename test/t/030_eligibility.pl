# asset_profile and product_spec: binary COPY, hostile bytes, other encodings, dump and restore.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('eligibility');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off");
$node->start;
my $path = 'SET search_path = public, flexexchange; SET client_min_messages = warning;';
my $file = $node->basedir . '/copy.bin';

sub fails_with
{
	my ($database, $sql, $state, $what) = @_;
	my ($status, undef, $error) = $node->psql($database, "\\set VERBOSITY verbose\n$path\n$sql");
	like($error, qr/ERROR:  $state:/, $what);
}

$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', qq{CREATE EXTENSION flexexchange; $path
	CREATE TABLE asset (id int PRIMARY KEY, profile asset_profile);
	CREATE TABLE product (id int PRIMARY KEY, spec product_spec);
	INSERT INTO asset SELECT i, jsonb_build_object('technology', ARRAY['T' || i % 7, 'caf\x{c3}\x{a9}'], 'up_kw', i / 1000.0, 'notice', 'PT' || i || 'S', 'max_duration', 'infinity',
		'directions', ARRAY['up'], 'gsp', 'G' || i % 11, 'bm_unit', i % 2 = 0)::asset_profile FROM generate_series(1, 3000) i;
	INSERT INTO product SELECT i, jsonb_build_object('member', jsonb_build_object('gsp', ARRAY['G' || i % 11], 'up_kw', jsonb_build_object('min', i / 10.0)), 'grouping', 'gsp')::product_spec FROM generate_series(1, 300) i;
	CREATE INDEX asset_profile_idx ON asset USING gist (profile);
	CREATE INDEX product_spec_idx ON product USING gist (spec);
	CREATE INDEX asset_profile_hash ON asset USING hash (profile);
	CREATE UNIQUE INDEX product_spec_btree ON product (spec, id);});

# binary out and in is the same
$node->safe_psql('source', "$path
	CREATE TABLE asset_again (LIKE asset); CREATE TABLE product_again (LIKE product);
	COPY asset TO '$file' (FORMAT binary); COPY asset_again FROM '$file' (FORMAT binary);
	COPY product TO '$file.p' (FORMAT binary); COPY product_again FROM '$file.p' (FORMAT binary);");
is($node->safe_psql('source', "$path SELECT (SELECT count(*) FROM asset JOIN asset_again USING (id, profile)), (SELECT count(*) FROM product JOIN product_again USING (id, spec));"),
	'3000|300', 'binary COPY out and in');

# hostile bytes: refused as text would be
sub binary_copy
{
	my ($bytes) = @_;
	open(my $out, '>:raw', $file) or die;
	print $out "PGCOPY\n\xff\r\n\0" . pack('NN', 0, 0) . pack('nNa*', 1, length($bytes), $bytes) . pack('n', 0xffff);
	close($out);
	return "CREATE TEMP TABLE t (p asset_profile); COPY t FROM '$file' (FORMAT binary); SELECT p FROM t;";
}
is($node->safe_psql('source', $path . binary_copy(qq(\x01{"up_kw": 7.50}))), '{"up_kw":7.5}', 'binary made by hand');
fails_with('source', binary_copy(qq(\x02{"up_kw":7})), '22P03', 'binary of another version');
fails_with('source', binary_copy(qq(\x01{"up_kw":"7 kW"})), '22P02', 'binary with a unit');
fails_with('source', binary_copy(qq(\x01{"up_kw":-7})), '22023', 'binary with a negative power');
fails_with('source', binary_copy(qq(\x01{"gsp":"\xff\xfe"})), '22021', 'binary that is no UTF-8');
fails_with('source', binary_copy(qq(\x01{"gsp":"a\0b"})), '22021', 'binary with a NUL');
fails_with('source', binary_copy(qq(\x01)), '22P02', 'binary without text');
fails_with('source', binary_copy(''), '08P01', 'binary without anything');
fails_with('source', binary_copy("\x01" . ('[' x 60000)), '22P02', 'binary nested deeply');
fails_with('source', binary_copy("\x01" . (' ' x 70000)), '22023', 'binary too long');

# dump and restore: the same rows, and indexes that answer
$node->safe_psql('postgres', 'CREATE DATABASE target');
$node->command_ok([ 'pg_dump', '-f', "$file.sql", $node->connstr('source') ], 'dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$file.sql", $node->connstr('target') ], 'restore');
my $rows = "$path SELECT md5(string_agg(profile::text, ',' ORDER BY id)) FROM asset; SELECT md5(string_agg(spec::text, ',' ORDER BY id)) FROM product;
	SET enable_seqscan = off; SELECT count(*) FROM product p JOIN asset a ON a.profile <@ p.spec;
	EXPLAIN (COSTS off) SELECT * FROM asset WHERE profile <@ '{\"member\":{\"gsp\":[\"G1\"]}}';";
is($node->safe_psql('target', $rows), $node->safe_psql('source', $rows), 'restored');
like($node->safe_psql('target', $rows), qr/asset_profile_idx/, 'the index came along');

# databases in other encodings: served as far as their characters go, refused beyond
$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0; CREATE DATABASE ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0;");
$node->safe_psql($_, 'CREATE EXTENSION flexexchange') for ('latin', 'ascii');
$ENV{PGCLIENTENCODING} = 'UTF8';
is($node->safe_psql('latin', qq($path SELECT p, octet_length((p::jsonb->>'gsp')) FROM (SELECT '{"gsp":"\xc3\xa9\\u00e8"}'::asset_profile) x (p))),
	qq({"gsp":"\xc3\xa9\xc3\xa8"}|2), 'LATIN1 keeps its own characters');
is($node->safe_psql('latin', qq($path SELECT profile_of(p) FROM (VALUES ('{"technology":"\xc3\xa9"}'::asset_profile), ('{"technology":"e"}')) v (p))),
	qq({"technology":["e","\xc3\xa9"],"member_count":2}), 'and sorts them');
is($node->safe_psql('latin', qq($path SELECT convert_from(asset_profile_send('{"gsp":"\\u00e9"}'), 'UTF8') = E'\\x01{"gsp":"\xc3\xa9"}')), 't', 'and sends them in the encoding of the client');
fails_with('latin', qq(SELECT '{"gsp":"\\u20ac"}'::asset_profile), '22P05', 'LATIN1 has no euro sign');
fails_with('latin', qq(SELECT '{"gsp\xc3\xa9":"x"}'::asset_profile), '22P02', 'an unknown key in LATIN1');
delete $ENV{PGCLIENTENCODING};
is($node->safe_psql('ascii', qq($path SELECT '{"gsp":"\xc3\xa9"}'::asset_profile)), qq({"gsp":"\xc3\xa9"}), 'SQL_ASCII holds UTF-8');
fails_with('ascii', qq(SELECT '{"gsp":"\xe9"}'::asset_profile), '22021', 'and refuses what is none');

$node->stop;
done_testing();
