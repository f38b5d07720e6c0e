# A few seconds of each fuzzer: reading windows, profiles and specs under ASan and
# UBSan.  test/fuzz/*.sh run as long as they are told to.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Test::More;

my $fuzz = dirname(abs_path(__FILE__)) . '/../fuzz';
my $seconds = $ENV{FUZZ_SECONDS} // 5;

for my $script (sort glob("$fuzz/*.sh"))
{
	my $output = `$script $seconds 2>&1`;
	is($?, 0, 'nothing breaks in ' . (split m{/}, $script)[-1]) or diag($output);
}
done_testing();
