# Eight clients at once on a few hot units, with roll-backs, savepoints, prepared
# transactions, every isolation level and changes of the register.  Serialization
# failures and deadlocks are tried again; when all is quiet a sweep of the whole book
# must find nothing that the triggers had not, and nothing that no longer holds.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('stress');
$node->init;
$node->append_conf('postgresql.conf', "max_prepared_transactions = 20\nfsync = off\ndeadlock_timeout = 50ms\n");
$node->start;

$node->safe_psql('postgres', q{
  CREATE EXTENSION flexexchange;
  SELECT flexexchange.create_exchange('gb');
  SET search_path = gb, flexexchange;
  INSERT INTO participant (name, kinds) VALUES ('NESO', '{market_operator}'), ('DSO', '{market_operator}'), ('Seller', '{service_provider}');
  INSERT INTO market (code, name, market_operator_id) VALUES ('neso', 'NESO', 1), ('dso', 'DSO', 2);
  INSERT INTO product (market_id, code, name, service_code, utilisation)
    SELECT CASE s.buyer_kind WHEN 'dso' THEN 2 ELSE 1 END, s.code, s.name, s.code, CASE WHEN s.code IN ('PR', 'SU') THEN 'scheduled' ELSE 'instructed' END
    FROM service s WHERE s.code IN ('PR', 'SU', 'DC', 'DM', 'CM', 'OUrt', 'SFFR', 'QR') ORDER BY s.code;
  INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw, profile)
    SELECT i, 'asset ' || i, 100, 100, CASE WHEN i % 2 = 0 THEN '{"recovery": "PT1H", "energy_kwh": 150}'::asset_profile END FROM generate_series(1, 6) i;
  INSERT INTO portfolio (id, name, service_provider_id) SELECT 10 + i, 'portfolio ' || i, 3 FROM generate_series(1, 3) i;
  INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
    SELECT 10 + 1 + i % 3, i, 40, 40, '-infinity/infinity' FROM generate_series(1, 6) i;
});

# a random trade: $1 the table, $2 a unit
my $variables = q{
\set product random(1, 8)
\set asset random(1, 6)
\set portfolio random(11, 13)
\set kw random(1, 90)
\set hour random(0, 1000)
\set hours random(1, 6)
\set coin random(0, 1)
\set other random(1, 6)
};
my $columns = 'product_id, service_provider_id, asset_id, direction, power_kw, delivery_window';
my $window = q{flexexchange.time_window('2099-11-20T00:00Z'::timestamptz + :hour * interval '30 minutes', '2099-11-20T00:00Z'::timestamptz + (:hour + :hours) * interval '30 minutes')};
my $values = qq{:product, 3, :asset, (ARRAY['up', 'down'])[1 + :coin], :kw, $window};
my %script = (
	award => "INSERT INTO gb.award ($columns) VALUES ($values);",
	dispatch => "INSERT INTO gb.dispatch ($columns) VALUES ($values);",
	bids => "INSERT INTO gb.bid ($columns) VALUES ($values);",
	portfolio => "INSERT INTO gb.dispatch (product_id, service_provider_id, portfolio_id, direction, power_kw, delivery_window) VALUES (:product, 3, :portfolio, 'up', :kw, $window);",
	two_units => "BEGIN;\nINSERT INTO gb.award ($columns) VALUES ($values);\n\\set asset :other\nINSERT INTO gb.award ($columns) VALUES ($values);\nCOMMIT;",
	serializable => "BEGIN ISOLATION LEVEL SERIALIZABLE;\nINSERT INTO gb.award ($columns) VALUES ($values);\nEND;",
	repeatable => "BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT count(*) FROM gb.award;\nINSERT INTO gb.dispatch ($columns) VALUES ($values);\nEND;",
	undone => "BEGIN;\nINSERT INTO gb.award ($columns) VALUES ($values);\nROLLBACK;",
	savepoint => "BEGIN;\nSAVEPOINT s;\nINSERT INTO gb.award ($columns) VALUES ($values);\nROLLBACK TO s;\nINSERT INTO gb.dispatch ($columns) VALUES ($values);\nEND;",
	prepared => "BEGIN;\nINSERT INTO gb.award ($columns) VALUES ($values);\n\\set gid random(1, 1000000000)\nPREPARE TRANSACTION 'stress_:gid';\nCOMMIT PREPARED 'stress_:gid';",
	release => "UPDATE gb.award SET status = CASE WHEN :coin = 1 THEN 'released' ELSE 'awarded' END WHERE id = (SELECT id FROM gb.award WHERE asset_id = :asset ORDER BY hashint8(id + :kw) LIMIT 1);",
	change => "UPDATE gb.dispatch SET power_kw = :kw, delivery_window = $window WHERE id = (SELECT id FROM gb.dispatch WHERE asset_id = :asset ORDER BY hashint8(id + :kw) LIMIT 1);",
	cancel => "UPDATE gb.dispatch SET status = 'cancelled' WHERE id = (SELECT id FROM gb.dispatch WHERE asset_id = :asset AND live ORDER BY hashint8(id + :kw) LIMIT 1);",
	copy => "INSERT INTO gb.award ($columns) SELECT :product, 3, a, 'up', :kw, $window FROM generate_series(1, 6) a ORDER BY a * (2 * :coin - 1);",
	decide => "SELECT gb.resolve_hold(id, CASE WHEN :coin = 1 THEN 'accepted' ELSE 'rejected' END, 'so decided') FROM (SELECT id FROM gb.hold WHERE resolved_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) h;",
	capacity => "UPDATE gb.asset SET qualified_up_kw = 60 + :kw WHERE id = :asset;",
	member => "UPDATE gb.portfolio_member SET flexible_up_kw = :kw WHERE asset_id = :asset;",
	profile => "UPDATE gb.asset SET profile = format('{\"recovery\": \"PT%sM\", \"energy_kwh\": %s}', 5 + :kw, 50 + :kw)::flexexchange.asset_profile WHERE id = :asset;",
);
my @files;
for my $name (sort keys %script)
{
	my $file = PostgreSQL::Test::Utils::tempdir() . "/$name.sql";
	append_to_file($file, $variables . $script{$name} . "\n");
	my $weight = $name =~ /^(award|dispatch|release|cancel|change|decide)$/ ? 4 : 1;
	push @files, '-f', "$file\@$weight";
}
my $transactions = $ENV{FLEX_STRESS_TRANSACTIONS} // 400;
my ($stdout, $stderr);
IPC::Run::run(
	[ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', $transactions, '--max-tries', 200, '--random-seed', $ENV{FLEX_STRESS_SEED} // 4711, '-h', $node->host, '-p', $node->port, @files, 'postgres' ],
	'>', \$stdout, '2>', \$stderr);
is($? >> 8, 0, 'no client gave up') or diag($stderr);
like($stdout, qr/number of failed transactions: 0 /, 'every transaction was done, some of them after other tries');
note($1) if $stdout =~ /(number of transactions retried: \d+)/;

cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM gb.commitment'), '>', $transactions, 'a book full of trades');
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM gb.conflict WHERE closed_at IS NULL'), '>', 100, 'and of conflicts');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.conflict k JOIN gb.commitment c ON c.id IN (k.challenger_id, k.incumbent_id) WHERE k.closed_at IS NULL AND c.closed_at IS NOT NULL}),
	'0', 'no finding outlives its commitments')
  or diag($node->safe_psql('postgres', q{SELECT k.id, k.kind, k.unit_id, k.found_at, c.stage, c.source_id, c.unit_id, c.unit_kind, c.posted_at, c.closed_at, i.stage, i.source_id, i.posted_at, i.closed_at, k.action
    FROM gb.conflict k JOIN gb.commitment c ON c.id = k.challenger_id LEFT JOIN gb.commitment i ON i.id = k.incumbent_id WHERE k.closed_at IS NULL AND (c.closed_at IS NOT NULL OR i.closed_at IS NOT NULL)}));
is($node->safe_psql('postgres', q{SELECT written || ' ' || closed FROM gb.detect_conflicts('-infinity/infinity')}),
	'0 0', 'a sweep finds nothing that the triggers had not');

# the sweep would have noticed
$node->safe_psql('postgres', 'ALTER TABLE gb.conflict DISABLE TRIGGER USER; UPDATE gb.conflict SET closed_at = now() WHERE id = (SELECT max(id) FROM gb.conflict WHERE closed_at IS NULL)');
is($node->safe_psql('postgres', q{SELECT written || ' ' || closed FROM gb.detect_conflicts('-infinity/infinity')}),
	'1 0', 'and would have noticed');
$node->stop;
done_testing();
