#!/usr/bin/perl
#
# verify_proof.pl: is an event of an exchange's log what it is said to be?
#
#     verify_proof.pl [--root HEX] [FILE ...]       (or standard input)
#
# Reads what prove_event(), prove_consistency() or export_case() gave, and needs nothing
# else: no database, no library of the exchange, SHA-256 alone.  With --root it
# also asks that the proof leads to that root, which was published or kept.
# Prints a line for each proof; exit code 0 when all hold.
#
# Written from RFC 9162, sections 2.1.3.2 and 2.1.4.2, and docs/events.md.
use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256);
use Encode qw(encode_utf8);
use JSON::PP;

my $root;
my @files;
while (@ARGV)
{
	my $argument = shift @ARGV;
	if ($argument eq '--root') { $root = lc(shift @ARGV // ''); $root =~ s/^\\x//; }
	else { push @files, $argument; }
}
my $failures = 0;
binmode(STDOUT, ':utf8');

sub bytes { return pack('H*', $_[0]); }
sub leaf { return sha256("\x00" . $_[0]); }
sub node { return sha256("\x01" . $_[0] . $_[1]); }

# RFC 9162, 2.1.3.2: does the leaf at a place of a tree lead to the root?
sub included
{
	my ($hash, $place, $size, $path, $expected) = @_;
	return 'the place is not in the tree' if $place < 0 || $place >= $size;
	my ($fn, $sn, $r) = ($place, $size - 1, $hash);
	for my $p (map { bytes($_) } @$path)
	{
		return 'the path is too long' if $sn == 0;
		if (($fn & 1) || $fn == $sn)
		{
			$r = node($p, $r);
			while (!($fn & 1) && $fn != 0) { $fn >>= 1; $sn >>= 1; }
		}
		else
		{
			$r = node($r, $p);
		}
		$fn >>= 1;
		$sn >>= 1;
	}
	return 'the path is too short' if $sn != 0;
	return $r eq $expected ? undef : 'it does not lead to the root';
}

# RFC 9162, 2.1.4.2: did the later tree grow out of the earlier one?
sub consistent
{
	my ($first, $second, $path, $first_root, $second_root) = @_;
	my @path = map { bytes($_) } @$path;
	return 'the earlier log is longer' if $first > $second || $first < 1;
	return $first_root eq $second_root && !@path ? undef : 'two logs of one length differ' if $first == $second;
	return 'the path is empty' if !@path;
	unshift @path, $first_root if ($first & ($first - 1)) == 0;
	my ($fn, $sn) = ($first - 1, $second - 1);
	while ($fn & 1) { $fn >>= 1; $sn >>= 1; }
	my $fr = shift @path;
	my $sr = $fr;
	for my $c (@path)
	{
		return 'the path is too long' if $sn == 0;
		if (($fn & 1) || $fn == $sn)
		{
			$fr = node($c, $fr);
			$sr = node($c, $sr);
			while (!($fn & 1) && $fn != 0) { $fn >>= 1; $sn >>= 1; }
		}
		else
		{
			$sr = node($sr, $c);
		}
		$fn >>= 1;
		$sn >>= 1;
	}
	return 'the path is too short' if $sn != 0;
	return 'the earlier log was another' if $fr ne $first_root;
	return $sr eq $second_root ? undef : 'it does not lead to the root';
}

sub check_event
{
	my ($proof) = @_;
	my $digest = bytes($proof->{content_digest});
	if (defined $proof->{content})
	{
		return 'the content is not what was hashed'
		  if sha256(bytes($proof->{salt}) . encode_utf8($proof->{content})) ne $digest;
	}
	my $seal = JSON::PP->new->decode($proof->{seal});
	return 'the seal is another' if $seal->{number} != $proof->{seal_number} || $seal->{events} != $proof->{events}
	  || $seal->{events_root} ne $proof->{events_root};
	my $wrong = included(leaf(encode_utf8($proof->{header}) . $digest), $proof->{place}, $proof->{events}, $proof->{path}, bytes($proof->{events_root}));
	return "in its seal: $wrong" if $wrong;
	$wrong = included(leaf(encode_utf8($proof->{seal})), $proof->{seal_number}, $proof->{seals}, $proof->{seal_path}, bytes($proof->{log_root}));
	return "in the log: $wrong" if $wrong;
	return undef;
}

sub report
{
	my ($what, $wrong, $log_root) = @_;
	$wrong //= 'it leads to another root than the one that was kept' if defined $root && $log_root ne $root;
	$failures++ if $wrong;
	print $what, ': ', $wrong ? "WRONG: $wrong" : 'holds', "\n";
}

sub check
{
	my ($document, $expected_root) = @_;
	my $format = $document->{format} // '';
	if ($format eq 'flexexchange event proof 1')
	{
		my $header = JSON::PP->new->decode($document->{header});
		my $wrong = eval { check_event($document) };
		$wrong = "not to be read: $@" if $@;
		$wrong //= 'it leads to another root than the case' if defined $expected_root && $document->{log_root} ne $expected_root;
		report("event $header->{id}, $header->{action} of $header->{table_name} " . ($header->{row_key} // '')
			. ', seal ' . $document->{seal_number} . (defined $document->{content} ? '' : ', content erased'), $wrong, $document->{log_root});
	}
	elsif ($format eq 'flexexchange consistency proof 1')
	{
		report("log of $document->{seals} seals grown out of $document->{earlier_seals}",
			consistent($document->{earlier_seals}, $document->{seals}, $document->{path}, bytes($document->{earlier_log_root}), bytes($document->{log_root})),
			$document->{log_root});
	}
	elsif ($format eq 'flexexchange case 1')
	{
		check($_, $document->{log_root}) for @{ $document->{events} };
		print 'case with ', scalar @{ $document->{events} }, " events\n";
	}
	else
	{
		$failures++;
		print "WRONG: no proof of an event, of consistency, nor a case\n";
	}
}

@files = ('-') if !@files;
for my $file (@files)
{
	my $text = do { local $/; my $in; if ($file eq '-') { $in = \*STDIN } else { open($in, '<', $file) or die "$file: $!\n" } binmode($in, ':raw'); <$in> };
	check(JSON::PP->new->utf8->allow_bignum(0)->decode($text));
}
exit($failures ? 1 : 0);
