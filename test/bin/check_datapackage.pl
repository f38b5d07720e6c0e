#!/usr/bin/perl
# check_datapackage.pl DIRECTORY: holds datapackage.json against the Data Package 1, Tabular Data Resource,
# CSV Dialect and Table Schema specifications and Dublin Core, and the files against datapackage.json: size, hash, RFC 4180,
# header, type of every value, keys.  Says what is wrong, a line each, and fails; needs nothing but Perl.
use strict;
use warnings;
use Digest::SHA;
use JSON::PP;

my $directory = shift // die "usage: check_datapackage.pl DIRECTORY\n";
my @wrong;
sub wrong { push @wrong, join('', @_); }

sub slurp
{
	my ($name) = @_;
	open(my $in, '<:raw', "$directory/$name") or die "$name: $!\n";
	local $/;
	return scalar <$in>;
}

sub is_text { return defined $_[0] && !ref $_[0] && $_[0] ne ''; }

# The records of a CSV, each a list of values; of a value also whether it was quoted.
sub records
{
	my ($name, $text) = @_;
	my @records;
	while (length $text)
	{
		my @record;
		while (1)
		{
			if ($text =~ s/\A"((?:[^"]|"")*)"(?=,|\r\n)//) { my $value = $1; $value =~ s/""/"/g; push @record, $value; }
			elsif ($text =~ s/\A([^",\r\n]*)(?=,|\r\n)//) { push @record, $1; }
			else { wrong("$name: record ", @records + 1, ' is not RFC 4180'); return @records; }
			last if $text =~ s/\A\r\n//;
			$text =~ s/\A,//;
		}
		push @records, \@record;
	}
	return @records;
}

my $instant = qr/\d{4}-(?:0\d|1[0-2])-(?:[0-2]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?Z/;
my %type = (
	string => sub { 1 },
	integer => sub { $_[0] =~ /^-?\d+$/ },
	number => sub { $_[0] =~ /^-?\d+(\.\d+)?$/ },
	boolean => sub { $_[0] =~ /^(true|false)$/ },
	date => sub { $_[0] =~ /^\d{4}-\d\d-\d\d$/ },
	time => sub { $_[0] =~ /^\d\d:\d\d:\d\d$/ },
	datetime => sub { $_[0] =~ /^$instant$/ },
	duration => sub { $_[0] =~ /^-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/ },
	array => sub { ref(eval { JSON::PP->new->allow_nonref->decode($_[0]) } // '') eq 'ARRAY' },
	object => sub { ref(eval { JSON::PP->new->allow_nonref->decode($_[0]) } // '') eq 'HASH' },
	any => sub { 1 });

my $package = eval { JSON::PP->new->utf8->decode(slurp('datapackage.json')) } or die "datapackage.json is not JSON: $@";
my $plain = qr/^[a-z0-9]+([._-][a-z0-9]+)*$/;

wrong('profile') if $package->{profile} ne 'tabular-data-package';
wrong('name') if $package->{name} !~ $plain;
wrong('created') if $package->{created} !~ /^$instant$/;
wrong("$_ is missing") for grep { !is_text($package->{$_}) } qw(id title description);
wrong('keywords') if ref $package->{keywords} ne 'ARRAY' || grep { !is_text($_) } @{ $package->{keywords} };
wrong('a contributor without a title, or of no known role')
  if grep { !is_text($_->{title}) || $_->{role} !~ /^(author|publisher|maintainer|wrangler|contributor)$/ } @{ $package->{contributors} };
wrong("dc:$_ is missing")
  for grep { !defined $package->{"dc:$_"} || (!ref $package->{"dc:$_"} && $package->{"dc:$_"} eq '') || (ref $package->{"dc:$_"} && !@{ $package->{"dc:$_"} }) }
  qw(title creator subject description publisher contributor date type format identifier source language relation coverage rights);

sub licences_and_sources
{
	my ($name, $of) = @_;
	wrong("$name: licenses") if ref $of->{licenses} ne 'ARRAY' || !@{ $of->{licenses} } || grep { $_->{name} !~ /^[-A-Za-z0-9._]+$/ || $_->{path} !~ m{^https?://} } @{ $of->{licenses} };
	wrong("$name: sources") if ref $of->{sources} ne 'ARRAY' || !@{ $of->{sources} } || grep { !is_text($_->{title}) } @{ $of->{sources} };
}
licences_and_sources('package', $package);

wrong('resources') if ref $package->{resources} ne 'ARRAY' || !@{ $package->{resources} };
my (%table, %resource);
for my $r (@{ $package->{resources} })
{
	my $name = $r->{name} // '';
	wrong("$name: name") if $name !~ $plain || $resource{$name}++;
	wrong("$name: profile") if $r->{profile} ne 'tabular-data-resource';
	wrong("$name: path") if $r->{path} =~ m{^/|\.\.|^[a-z]+:|\\} || !-f "$directory/$r->{path}";
	wrong("$name: $_ is missing") for grep { !is_text($r->{$_}) } qw(title description);
	wrong("$name: format, mediatype or encoding") if $r->{format} ne 'csv' || $r->{mediatype} ne 'text/csv' || $r->{encoding} !~ /^utf-8$/i;
	wrong("$name: dialect") if $r->{dialect}{delimiter} ne ',' || $r->{dialect}{lineTerminator} ne "\r\n" || $r->{dialect}{quoteChar} ne '"' || !$r->{dialect}{doubleQuote} || !$r->{dialect}{header};
	licences_and_sources($name, $r);

	my $bytes = slurp($r->{path});
	wrong("$name: bytes") if $r->{bytes} != length $bytes;
	wrong("$name: hash") if $r->{hash} ne 'sha256:' . Digest::SHA::sha256_hex($bytes);
	utf8::decode($bytes) or wrong("$name: not UTF-8");

	my @fields = @{ $r->{schema}{fields} };
	my %field;
	for my $f (@fields)
	{
		wrong("$name: field without a name, or twice") if !is_text($f->{name}) || $field{ $f->{name} }++;
		wrong("$name.$f->{name}: type $f->{type}") if !$type{ $f->{type} };
		wrong("$name.$f->{name}: format $f->{format}") if defined $f->{format} && !($f->{type} eq 'string' && $f->{format} =~ /^(uuid|email|uri|binary)$/);
		wrong("$name.$f->{name}: no description") if !is_text($f->{description});
	}
	wrong("$name: missingValues") if ref $r->{schema}{missingValues} ne 'ARRAY';

	my ($header, @rows) = records($name, $bytes);
	wrong("$name: the header is not the fields") if join("\0", @$header) ne join("\0", map { $_->{name} } @fields);
	for my $n (0 .. $#rows)
	{
		wrong("$name: record ", $n + 2, ' has ', scalar @{ $rows[$n] }, ' values') if @{ $rows[$n] } != @fields;
		for my $i (0 .. $#fields)
		{
			my ($f, $value) = ($fields[$i], $rows[$n][$i]);
			if ($value eq '') { wrong("$name.$f->{name}: record ", $n + 2, ' lacks what is required') if $f->{constraints}{required}; next; }
			wrong("$name.$f->{name}: record ", $n + 2, " is no $f->{type}: ", substr($value, 0, 60)) if !($type{ $f->{type} } // $type{any})->($value);
			wrong("$name.$f->{name}: record ", $n + 2, ' is no uuid') if ($f->{format} // '') eq 'uuid' && $value !~ /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
		}
	}
	$table{$name} = { place => { map { $fields[$_]{name} => $_ } 0 .. $#fields }, rows => \@rows };
}

# the values of some fields, a line each; records that lack one are left out
sub keys_of
{
	my ($name, @names) = @_;
	my @places = map { $table{$name}{place}{$_} // do { wrong("$name: no field $_"); return } } @names;
	return map { my $row = $_; (grep { $row->[$_] eq '' } @places) ? () : join("\0", @$row[@places]) } @{ $table{$name}{rows} };
}
for my $r (@{ $package->{resources} })
{
	if (my $key = $r->{schema}{primaryKey})
	{
		my %seen;
		$seen{$_}++ for my @keys = keys_of($r->{name}, @$key);
		wrong("$r->{name}: the primary key is not unique") if keys %seen != @{ $table{ $r->{name} }{rows} };
	}
	for my $foreign (@{ $r->{schema}{foreignKeys} // [] })
	{
		my $to = $foreign->{reference}{resource} eq '' ? $r->{name} : $foreign->{reference}{resource};
		if (!$table{$to}) { wrong("$r->{name}: foreign key to no resource $to"); next; }
		my %there = map { $_ => 1 } keys_of($to, @{ $foreign->{reference}{fields} });
		wrong("$r->{name}: a record of $to is missing: ", join(', ', @{ $foreign->{fields} })) if grep { !$there{$_} } keys_of($r->{name}, @{ $foreign->{fields} });
	}
}

print "$_\n" for @wrong;
exit 1 if @wrong;
printf "%d resources, %d records: sound\n", scalar @{ $package->{resources} }, eval { my $n = 0; $n += @{ $_->{rows} } for values %table; $n };
