# What the tests of operations share: a node, an exchange full of random trades, its rows
# and its shape as text, and an installation of PostgreSQL of their own that has earlier releases.
package Operations;
use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(start_node fill rows shape loosely same trade_on sweep_finds installation_with);

# a node that starts; configuration may be added, and the installation named
sub start_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, $options{install_path} ? (install_path => $options{install_path}) : ());
	$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ], $options{allows_streaming} ? (allows_streaming => $options{allows_streaming}) : ());
	$node->append_conf('postgresql.conf', "fsync = off\nTimeZone = 'UTC'\njit = off\nmax_locks_per_transaction = 512\n" . ($options{conf} // ''));
	$node->start;
	return $node;
}

# Makes an exchange and trades at random in it, as its owner; the functions that do it lie in schema lab.
sub fill
{
	my ($node, $database, $exchange, %options) = @_;
	my $book = slurp_file('test/oracle/random_book.sql');
	my $owner = $options{owner} // 'postgres';
	my $units = $options{units} // 24;
	my $trades = $options{trades} // 200;
	$node->safe_psql($database, qq{
		SET SESSION AUTHORIZATION $owner;
		SET client_min_messages = warning;
		CREATE SCHEMA lab;
		SELECT flexexchange.create_exchange('$exchange');
		SET search_path = lab, $exchange, flexexchange;
		$book
		SELECT random_register($units, 7);
		SELECT random_sharing(6, 7);
		SELECT random_trading(1, $trades, $units, 7);
	});
}

# Number and hash of the rows of every table and the place of every sequence of schemas.
sub rows
{
	my ($node, $database, @schemas) = @_;
	my $list = join(', ', map { "'$_'::regnamespace" } @schemas);
	return $node->safe_psql($database, qq{
		SET search_path = pg_catalog;
		SELECT format('%s %s', c.oid::regclass,
		         (xpath('/row/x/text()', query_to_xml(format('SELECT count(*) || '' '' || coalesce(md5(string_agg(t::text, ''|'' ORDER BY t::text COLLATE "C")), '''') AS x FROM %s t', c.oid::regclass), false, true, '')))[1])
		FROM pg_class c WHERE c.relnamespace IN ($list) AND c.relkind = 'r' ORDER BY c.oid::regclass::text COLLATE "C";
		SELECT format('%s %s', c.oid::regclass, coalesce(pg_sequence_last_value(c.oid), 0))
		FROM pg_class c WHERE c.relnamespace IN ($list) AND c.relkind = 'S' ORDER BY c.oid::regclass::text COLLATE "C"});
}

# What pg_dump says of the objects of a database, statement by statement, in an order that does not
# tell which was made first.
sub shape
{
	my ($node, $database, @options) = @_;
	my ($out, $err);
	my $pg_dump = $node->installed_command('pg_dump');
	IPC::Run::run([ $pg_dump, '-s', @options, '-d', $node->connstr($database) ], '>', \$out, '2>', \$err) or die "pg_dump: $err";
	$out =~ s/^\\(un)?restrict .*\n//mg;
	# object ids, in a dump for pg_upgrade
	$out =~ s/^-- For binary upgrade, must preserve .*\n(SELECT pg_catalog\.binary_upgrade_set_next_\w+\(.*\);\n)+//mg;
	$out =~ s/^SELECT pg_catalog\.binary_upgrade_set_next_\w+\(.*\);\n//mg;
	$out =~ s/^-- For binary upgrade, set (heap|toast)'s relfrozenxid and relminmxid\nUPDATE .*\nSET .*\nWHERE .*\n//mg;
	$out =~ s/binary_upgrade_create_empty_extension\('flexexchange', 'flexexchange', false, '[^']*'/binary_upgrade_create_empty_extension('flexexchange', 'flexexchange', false, ''/;
	my @parts = map { s/\s+\z//r } split(/^--\n(?=-- Name: )/m, $out);
	shift @parts;
	return join("\n\n", sort @parts) . "\n";
}

# A query that was parsed again is printed with other brackets, and with names for columns that had none;
# roles of a policy in the order in which the cluster has them.
sub loosely
{
	my ($shape) = @_;
	$shape =~ s/[()]| AS "?\w+"?(?=,?$)//gm;
	$shape =~ s/ TO (\w+(?:, \w+)+)/' TO ' . join(', ', sort split(', ', $1))/ge;
	return $shape;
}

# that two shapes are one; else the statements that are too many and those that are missing
sub same
{
	my ($got, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return pass($what) if $got eq $expected;
	my %got = map { $_ => 1 } split(/\n\n(?=-- Name)/, $got);
	my %expected = map { $_ => 1 } split(/\n\n(?=-- Name)/, $expected);
	fail($what);
	diag("too much:\n" . substr(join("\n", grep { !$expected{$_} } sort keys %got), 0, 3000));
	diag("missing:\n" . substr(join("\n", grep { !$got{$_} } sort keys %expected), 0, 3000));
	return 0;
}

# An asset is instructed twice in one hour: what is found.
sub trade_on
{
	my ($node, $database, $exchange, $day) = @_;
	$day //= '2097-01-01';
	$node->safe_psql($database, qq{
		INSERT INTO $exchange.dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window)
		  SELECT p.id, s.id, a.id, 'up', 1, '${day}T17:00Z/PT1H'
		  FROM (SELECT min(id) AS id FROM $exchange.product) p, (SELECT min(id) AS id FROM $exchange.participant WHERE 'service_provider' = ANY (kinds)) s,
		       (SELECT min(id) AS id FROM $exchange.asset) a, generate_series(1, 2)});
	return $node->safe_psql($database, qq{
		SELECT string_agg(kind, ' ' ORDER BY kind) FROM $exchange.conflict k JOIN $exchange.commitment c ON c.id = k.challenger_id
		WHERE c.delivery_window OPERATOR(flexexchange.=) '${day}T17:00Z/PT1H'::flexexchange.time_window AND k.closed_at IS NULL AND kind = 'duplicate'});
}

# what a sweep of the whole book would write and close
sub sweep_finds
{
	my ($node, $database, $exchange) = @_;
	return $node->safe_psql($database, "SELECT written || ' ' || closed FROM $exchange.detect_conflicts('-infinity/infinity')");
}

# An installation under a directory: the server's programs are copied, since they look for their files
# from where they lie, all else is linked; it has the scripts of those releases beside the present ones.
sub installation_with
{
	my ($root, @releases) = @_;
	my %at;
	for my $what ('bindir', 'sharedir', 'pkglibdir')
	{
		chomp($at{$what} = qx{pg_config --$what});
	}
	my $extension = "$root$at{sharedir}/extension";
	system_or_bail('mkdir', '-p', "$root$at{bindir}", $extension);
	# libraries are beside the programs in most installations, and must not be nested in a link
	for my $file (glob("$at{bindir}/*"))
	{
		my $name = $file =~ s{.*/}{}r;
		if ($name =~ /^(postgres|initdb|pg_ctl|pg_config)$/)
		{
			system_or_bail('cp', $file, "$root$at{bindir}/$name");
		}
		else
		{
			symlink($file, "$root$at{bindir}/$name") or die "$name: $!";
		}
	}
	for my $file (grep { !/\/extension$/ } glob("$at{sharedir}/*"))
	{
		symlink($file, "$root$at{sharedir}/" . $file =~ s{.*/}{}r) or die "$file: $!";
	}
	for my $file (glob("$at{sharedir}/extension/*"))
	{
		symlink($file, "$extension/" . $file =~ s{.*/}{}r) or die "$file: $!";
	}
	system_or_bail('mkdir', '-p', "$root$at{pkglibdir}" =~ s{/[^/]*$}{}r);
	symlink($at{pkglibdir}, "$root$at{pkglibdir}") or die "$at{pkglibdir}: $!";
	for my $release (@releases)
	{
		# the script may have been installed by somebody
		unlink("$extension/flexexchange--$release.sql");
		system_or_bail("gzip -dc sql/releases/flexexchange--$release.sql.gz >'$extension/flexexchange--$release.sql'");
	}
	return "$root$at{bindir}" =~ s{/bin$}{}r;
}

1;
