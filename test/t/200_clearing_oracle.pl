# Random small auctions with every feature on, cleared by clear_orders() and by trying everything (ClearingOracle.pm): the
# same least cost, with a proof of it, at prices that bear it; and check_clearing() finds nothing wrong.  make test AUCTIONS=5000
# tries so many, SEED=n begins there; a failure prints the seed and the call that can be pasted.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ClearingOracle qw(auction random_auction as_sql best choices solve evaluate support highest_accepted);
use JSON::PP;
use List::Util qw(any sum0 max);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $auctions = $ENV{AUCTIONS} // 300;
my $first    = $ENV{SEED}     // 1;

# ---------------------------------------------------------------- is the oracle right?

# 'order cell quantity@price, ...' and [minimum, fixed cost] by order
sub orders
{
	my ($words, %terms) = @_;
	my (@orders, %at);
	while ($words =~ /(\d+) (\d+) ([-.\d]+)@([-.\d]+)/g)
	{
		my ($id, @leg) = ($1, $2, $3, $4);
		unless ($at{$id})
		{
			push @orders, $at{$id} = { id => $id, legs => [], minimum => $terms{$id}[0], fixed => $terms{$id}[1] };
		}
		push @{ $at{$id}{legs} }, \@leg;
	}
	return \@orders;
}

# published answers (test/sql/clearing_known.sql says of which project): what is asserted of the best that prices support
my @known = (
	[ 'merit order', { price => { 1 => 100 }, share => { 2 => 0.1, 3 => 1 } }, orders => orders('1 1 -1000@3000, 2 1 1000@100, 3 1 900@50') ],
	[ 'two zones, line 20', { price => { 1 => 10, 2 => 50 }, flow => [20] },
		orders => orders('1 1 100@10, 2 1 -40@90, 3 2 100@50, 4 2 -60@90'), flows => [ { from => 1, to => 2, least => -20, most => 20, loss => 0 } ] ],
	[ 'two nodes and an island', { price => { 1 => 100, 2 => 50, 3 => 75 }, flow => [ 500, 200 ], share => { 2 => 0.5, 4 => 0.9, 6 => 0.75 } },
		orders => orders('1 1 -1000@3000, 2 1 1000@100, 3 2 -200@3000, 4 2 1000@50, 5 3 -500@3000, 6 3 400@75'),
		flows => [ { from => 2, to => 1, least => -500, most => 500, loss => 0 }, { from => 2, to => 3, least => -200, most => 200, loss => 0 } ] ],
	[ 'a line that loses', { price => { 1 => 50, 2 => 52.5641025641 }, share => { 1 => 0.946153846154 } },
		orders => orders('1 1 100@50'), cells => [ { cell => 2, requirement => 90, ceiling => 10000, at_least => 0 } ], flows => [ { from => 1, to => 2, least => 0, most => 120, loss => 1 - 0.975 / 1.025 } ] ],
	[ 'WP-D', { price => { 1 => 100 }, share => { 1 => 1, 2 => 0, 4 => 0 }, none => -2570, cost => -2000 }, orders => orders('1 1 -10@300, 2 1 -14@10, 4 1 12@40, 5 1 13@100', 4 => [ 11 / 12, 0 ]) ],
	[ 'NC2', { price => { 1 => 5, 2 => 3, 3 => 5 }, share => { 1 => 1, 2 => 1, 21 => 0 } },
		orders => orders('1 1 -4@100, 1 2 -6@100, 1 3 -11@100, 2 1 -3@100, 2 2 -6@100, 2 3 -12@100, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3',
			(map { $_ => [ 2 / 15, 0 ] } 11 .. 13), (map { $_ => [ 0.5, 0 ] } 21 .. 23)) ],
	[ 'NC3', { price => { 1 => 5, 2 => 5, 3 => 3 }, share => { 1 => 1, 2 => 1, 3 => 1, 4 => 0 }, cost => -2081.5, none => -2095 },
		orders => orders('1 1 -2@100, 1 2 -3@100, 1 3 -5.5@100, 2 1 -1.5@100, 2 2 -3@100, 2 3 -6@100, 3 1 -2@10, 3 2 -3@10, 3 3 -5.5@10, 4 1 -1.5@2, 4 2 -3@2, 4 3 -6@2, 11 1 15@5, 12 2 15@5, 13 3 15@5, 21 1 20@3, 22 2 20@3, 23 3 20@3',
			(map { $_ => [ 2 / 15, 0 ] } 11 .. 13), (map { $_ => [ 0.5, 0 ] } 21 .. 23)) ],
	(map {
		my ($name, $offer, $share, @price) = @$_;
		my $k = 0;
		[ $name, { share => { 7 => $share }, @price ? (price => { map { ++$k => $_ } @price }) : () },
			orders => orders("1 1 -1000\@3000, 2 2 -1000\@3000, 3 1 1000\@100, 4 2 1000\@100, $offer", 7 => [ 1, 0 ]) ]
	} [ 'block at 75', '5 1 1000@50, 6 2 1000@50, 7 1 100@75, 7 2 100@75', 0 ], [ 'block at 45', '5 1 1000@50, 6 2 1000@50, 7 1 100@45, 7 2 100@45', 1, 50, 50 ],
		[ '41 and 50', '5 1 1000@41, 6 2 1000@50, 7 1 100@45, 7 2 100@45', 1, 41, 50 ], [ '39 and 50', '5 1 1000@39, 6 2 1000@50, 7 1 100@45, 7 2 100@45', 0 ],
		[ 'profile', '5 1 1000@40, 6 2 1000@50, 7 1 100@45, 7 2 900@45', 1, 40, 50 ]),
	(map {
		my ($prices, %share) = @$_;
		my ($p, $c, $g) = @$prices;
		my @more = $g ? "9 1 100\@$g, 9 2 100\@$g" : ();
		[ "family of @$prices", { share => \%share, price => { 1 => 100, 2 => 100 } },
			orders => orders(join(', ', "1 1 -999\@3000, 2 2 -999\@3000, 3 1 1000\@100, 4 2 1000\@100, 7 1 100\@$p, 7 2 100\@$p, 8 1 100\@$c, 8 2 100\@$c", @more), map { $_ => [ 1, 0 ] } 7 .. 9),
			links => [ [ 8, 7 ], $g ? [ 9, 8 ] : () ] ]
	} [ [ 75, 75 ], 7 => 1, 8 => 1 ], [ [ 120, 75 ], 7 => 1, 8 => 1 ], [ [ 130, 75 ], 7 => 0, 8 => 0 ], [ [ 90, 120 ], 7 => 1, 8 => 0 ], [ [ 90, 120, 50 ], 7 => 1, 8 => 1, 9 => 1 ]),
	[ 'energy, raise and regulation', { price => { 1 => 75, 2 => 35, 3 => 45 }, share => { 1 => 1, 2 => 0.5, 3 => 95 / 110, 4 => 1 / 3, 5 => 2 / 3 } },
		orders => orders('1 1 100@50, 2 2 10@35, 3 1 110@60, 4 2 15@20, 5 3 15@30'),
		cells => [ map { { cell => $_->[0], requirement => $_->[1], ceiling => 10000, at_least => 0 } } [ 1, 195 ], [ 2, 10 ], [ 3, 10 ] ],
		limits => [ { most => 110, of => { 1 => 100, 2 => 10 } }, { most => -70, of => { 1 => -100, 2 => 10 } }, { most => 110, of => { 3 => 110, 4 => 15, 5 => 15 } },
			{ most => -50, of => { 3 => -110, 4 => 15 } }, { most => -50, of => { 3 => -110, 5 => 15 } } ] ],
	[ 'energy and regulation', { price => { 1 => 50, 3 => 30 }, share => { 1 => 0.4, 3 => 60 / 110, 5 => 2 / 3 } },
		orders => orders('1 1 100@50, 3 1 110@60, 5 3 15@20'),
		cells => [ map { { cell => $_->[0], requirement => $_->[1], ceiling => 10000, at_least => 0 } } [ 1, 100 ], [ 3, 10 ] ],
		limits => [ { most => 110, of => { 3 => 110, 5 => 15 } }, { most => -50, of => { 3 => -110, 5 => 15 } } ] ]);

sub close_to { return abs($_[0] - $_[1]) <= 1e-5 * max(1, abs $_[1]) }

for (@known)
{
	my ($name, $answer, %auction) = @$_;
	my $auction = auction(%auction);
	my ($none, $marginal) = best($auction);
	my @wrong;
	my %share = map { $_->{id} => $marginal->{share}[ $auction->{place}{ $_->{id} } ] } @{ $auction->{orders} };
	for (sort keys %{ $answer->{share} }) { push @wrong, "share of $_ is $share{$_}" unless close_to($share{$_}, $answer->{share}{$_}) }
	for (sort keys %{ $answer->{price} })
	{
		my ($least, $most) = support($auction, $marginal->{share}, $marginal->{flow}, look => $_);
		push @wrong, "price of $_ is $least to $most" unless close_to($least, $answer->{price}{$_});
	}
	for (0 .. $#{ $answer->{flow} }) { push @wrong, "flow is $marginal->{flow}[$_]" unless close_to($marginal->{flow}[$_], $answer->{flow}[$_]) }
	push @wrong, "least cost is $none->{cost}" if defined $answer->{none} && !close_to($none->{cost}, $answer->{none});
	push @wrong, "cost is $marginal->{cost}" if defined $answer->{cost} && !close_to($marginal->{cost}, $answer->{cost});
	is(join('; ', @wrong), '', "the oracle knows: $name");
}

# its linear programmes: what it says is feasible, costs that, and prices prove that there is nothing better
{
	my ($solved, @wrong) = (0);
	for my $seed ($first .. $first + 39)
	{
		my $auction = random_auction($seed);
		for my $s (map { solve($auction, $_) // () } choices($auction))
		{
			$solved++;
			my $state = evaluate($auction, $s->{share}, $s->{flow});
			push @wrong, "seed $seed: @{ $state->{broken} }" if @{ $state->{broken} };
			# who is let in and then takes nothing has its fixed cost counted, and is better left out
			my @idle = grep { $s->{choice}{most}[$_] > 0 && $s->{share}[$_] <= 1e-7 } @{ $auction->{indivisible} };
			next if @idle;
			push @wrong, "seed $seed: cost $s->{cost}, not $state->{cost}" unless close_to($s->{cost}, $state->{cost});
			push @wrong, "seed $seed: no prices" unless support($auction, $s->{share}, $s->{flow}, losses => 1);
		}
	}
	is(join("\n", @wrong), '', "$solved small linear programmes, each proved by prices");
}

# ---------------------------------------------------------------- the engine

# what is wrong with an answer; %oracle the two best
sub judge
{
	my ($auction, $r, $pricing, $surplus_share, $max_gap, $none, $marginal) = @_;
	my @wrong;
	my %of;
	@of{ @{ $r->{order_id} } } = @{ $r->{share} };
	my @share = map { $of{ $_->{id} } // return 'an order is missing' } @{ $auction->{orders} };
	my @flow = @{ $r->{flow} // [] };
	return 'a flow is missing' if @flow != @{ $auction->{flows} };
	my %price;
	@price{ @{ $r->{cell} } } = @{ $r->{price} };
	my $state = evaluate($auction, \@share, \@flow);
	push @wrong, @{ $state->{broken} };
	push @wrong, "cost $r->{cost}, which is $state->{cost}" unless close_to($r->{cost}, $state->{cost});
	push @wrong, "status $r->{status}" if $r->{status} ne 'optimal';
	push @wrong, "gap $r->{gap}" if $r->{gap} > $max_gap + 1e-7;
	my $best = $pricing eq 'marginal' ? $marginal : $none;
	my $slack = 1e-6 * max(1, abs $best->{cost});
	push @wrong, "bound $r->{bound}, least cost $best->{cost}" if $r->{bound} > $best->{cost} + $slack;
	push @wrong, "cost $state->{cost}, least $best->{cost} with shares @{ $best->{share} }"
	  if $state->{cost} < $best->{cost} - $slack || $state->{cost} > $best->{cost} + $max_gap * abs($state->{cost}) + $slack;
	if ($pricing eq 'highest_accepted')
	{
		my $highest = highest_accepted($auction, \@share, \@flow);
		for (sort { $a <=> $b } keys %$highest)
		{
			push @wrong, "price $_ is " . ($price{$_} // 'NULL') . ", highest accepted $highest->{$_}" if defined $highest->{$_} && !(defined $price{$_} && close_to($price{$_}, $highest->{$_}));
		}
	}
	if ($pricing eq 'marginal')
	{
		# there may be no price where nothing is traded
		my %traded = map { $_->[0] => 1 } map { @{ $auction->{orders}[$_]{legs} } } grep { $share[$_] > 1e-7 } 0 .. $#share;
		push @wrong, map { "cell $_->{cell} has no price" } grep { !defined $price{ $_->{cell} } && ($traded{ $_->{cell} } || $state->{shortfall}{ $_->{cell} } > 1e-6) } @{ $auction->{cell} };
		return join '; ', @wrong if @wrong;
		push @wrong, 'prices do not bear it: ' . join(', ', map { "$_ at " . ($price{$_} // 'none') } sort { $a <=> $b } keys %price)
		  . (support($auction, \@share, \@flow, price => \%price, losses => 1) ? ' (someone loses)' : support($auction, \@share, \@flow) ? ' (others would)' : ' (none would)')
		  unless support($auction, \@share, \@flow, price => \%price);
		# one cell: the prices that clear it are an interval, and surplus_share a place in it
		if (!@wrong && @{ $auction->{cell} } == 1 && any { defined } values %price)
		{
			my $cell = $auction->{cell}[0]{cell};
			my ($least, $most) = support($auction, \@share, \@flow, look => $cell);
			# where it is short, what is missing is worth the ceiling
			$most = max($least, $auction->{cell}[0]{ceiling}) if defined $least && $state->{shortfall}{$cell} > 1e-6;
			my $expected = defined $least && defined $most ? $least + $surplus_share * ($most - $least) : $surplus_share == 0 ? $least : $surplus_share == 1 ? $most : undef;
			push @wrong, "price $price{$cell}, from $least to $most and a share of $surplus_share: $expected" if defined $expected && !close_to($price{$cell}, $expected);
		}
	}
	return join '; ', @wrong;
}

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nlog_statement = none\nstatement_timeout = 30s\n");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION flexexchange');

# those that once were cleared wrongly, and the new ones
my @all = (45, 120, 1000, 1081, 2357, 3472, 4657, 6482, 7621, $first .. $first + $auctions - 1);
my @pricing = qw(none highest_accepted marginal);
my (%count, @failed);
while (my @seeds = splice @all, 0, 100)
{
	my (%auction, %call, $sql);
	for my $seed (@seeds)
	{
		my $a = $auction{$seed} = random_auction($seed);
		for my $pricing (@pricing)
		{
			my $arguments = as_sql($a, pricing => "'$pricing'", surplus_share => (0, 1, 0.5)[ $seed % 3 ], max_gap => $seed % 5 ? 0 : 0.05);
			$call{$seed}{$pricing} = "SELECT * FROM flexexchange.clear_orders(\n  $arguments, seed => " . $seed % 2 . ')';
			$sql .= "SELECT '$seed $pricing ' || jsonb_build_object('r', to_jsonb(r), 'wrong', (SELECT jsonb_agg(to_jsonb(k)) FROM flexexchange.check_clearing(to_jsonb(r),\n  $arguments) k WHERE k.holds IS NOT TRUE))::text\nFROM ($call{$seed}{$pricing}) r;\n";
		}
	}
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0, extra_params => ['-q']);
	my %answer;
	for (split /\n/, $out) { $answer{$1}{$2} = decode_json($3) if /^(\d+) (\w+) (.*)$/ }
	diag($1) if $err =~ /((?:ERROR|connection).*(?:\n.*){0,4})/ && !$count{errors}++;
	for my $seed (@seeds)
	{
		my $a = $auction{$seed};
		my ($none, $marginal) = best($a);
		for (qw(exclusions links limits flows)) { $count{$_}++ if @{ $a->{$_} } }
		$count{blocks}++     if any { @{ $_->{legs} } > 1 } @{ $a->{orders} };
		$count{fixed}++      if any { $_->{fixed} } @{ $a->{orders} };
		$count{minimum}++    if any { $_->{minimum} > 0 && $_->{minimum} < 1 } @{ $a->{orders} };
		$count{at_least}++   if any { $_->{at_least} } @{ $a->{cell} };
		$count{loss}++       if any { $_->{loss} } @{ $a->{flows} };
		$count{short}++      if grep { $_ > 1e-6 } values %{ evaluate($a, $none->{share}, $none->{flow})->{shortfall} };
		$count{trades}++     if 0 < sum0(@{ $none->{share} });
		$count{paradox}++    if $marginal->{cost} > $none->{cost} + 1e-6;
		for my $pricing (@pricing)
		{
			my $r = $answer{$seed}{$pricing};
			my $wrong = $r ? judge($a, $r->{r}, $pricing, (0, 1, 0.5)[ $seed % 3 ], $seed % 5 ? 0 : 0.05, $none, $marginal) : 'no answer';
			$wrong = join '; ', grep { $_ } $wrong, map { 'check_clearing: ' . join(' ', map { $_ // '-' } @$_{qw(rule subject detail)}) } @{ $r->{wrong} // [] } if $r;
			push @failed, "seed $seed, $pricing: $wrong\n$call{$seed}{$pricing};" if $wrong;
		}
	}
}
note(join ', ', map { "$_ $count{$_}" } sort keys %count);
is(scalar @failed, 0, "$auctions auctions from seed $first, three ways of pricing");
diag($failed[$_]) for grep { $_ < 5 } 0 .. $#failed;
note($_) for map { (split /\n/)[0] } @failed;
cmp_ok($count{$_} // 0, '>', 0.03 * $auctions, "enough with $_") for qw(exclusions links limits flows blocks fixed minimum at_least loss short trades paradox);
$node->stop;
done_testing();
