# The examples in README and docs: each ```sql block is run, and what it prints
# must be the ```text block after it.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('docs');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nclient_min_messages = warning");
$node->start;

my $number = 0;
for my $page ('README.md', glob('docs/*.md'))
{
	my $text = slurp_file($page);
	my @blocks = $text =~ /^```sql\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/msg;
	next unless @blocks;

	my $database = 'docs_' . ++$number;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	my $script = "\\set QUIET 1\n";
	my @expected;
	while (my ($sql, $output) = splice(@blocks, 0, 2))
	{
		$script .= "$sql\n\\echo ---- end of block\n";
		push @expected, $output;
	}
	my ($out, $err);
	my $started = time;
	IPC::Run::run([ 'psql', '-X', '-d', $node->connstr($database), '-f', '-' ], '<', \$script, '>', \$out, '2>', \$err);
	is($err, '', "$page: runs without an error");
	# it takes seconds; so that it stays something that people run
	cmp_ok(time - $started, '<', 60, "$page: takes less than a minute") if $page eq 'docs/from_need_to_invoice.md';
	my @printed = split(/^---- end of block\n/m, $out);
	for my $i (0 .. $#expected)
	{
		next unless defined $expected[$i];
		is(tidy($printed[$i]), tidy($expected[$i]), "$page: block " . ($i + 1) . ' prints what the page shows');
	}
}

# the data dictionary is that of the catalog
$node->safe_psql('postgres', 'CREATE DATABASE dictionary');
$node->safe_psql('dictionary', q{CREATE EXTENSION flexexchange; SELECT flexexchange.create_exchange('gb')});
my $dictionary;
IPC::Run::run([ 'psql', '-X', '-q', '-d', $node->connstr('dictionary'), '-f', 'test/data_dictionary.sql' ], '>', \$dictionary);
is($dictionary, slurp_file('docs/data_dictionary.md'), 'docs/data_dictionary.md is current (make dictionary)');

# void results and blank lines at the ends say nothing
sub tidy
{
	my $text = shift // '';
	$text =~ s/^ \w+ \n-+\n \n\(1 row\)\n\n//mg;
	$text =~ s/[ \t]+$//mg;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

$node->stop;
done_testing();
