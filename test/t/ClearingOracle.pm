# What clear_orders() must answer, by trying everything: every choice of who is in and who is out, and for each the
# small linear programme that remains, by a simplex method in its plainest form.  Written from the words of
# sql/extension/75_clearing.sql's comments, sharing no code with the solver; good for about a dozen orders.
#
# An auction is a hash:
#   orders      [{id, legs => [[cell, quantity, price], ...], minimum, fixed}, ...]
#   cells       [{cell, requirement, ceiling, at_least}, ...]
#   exclusions  [[order id, ...], ...]       links [[child, parent], ...]
#   limits      [{most, of => {order id => coefficient}}, ...]
#   flows       [{from, to, least, most, loss}, ...]
package ClearingOracle;
use strict;
use warnings;
use Digest::MD5 qw(md5);
use Exporter 'import';
use List::Util qw(any max min sum sum0);

our @EXPORT_OK = qw(auction random_auction as_sql best choices solve evaluate support highest_accepted);

my $tiny = 1e-7;

# ---------------------------------------------------------------- linear programmes

# minimise the objective over x >= 0 subject to rows [[coefficients], '<=' | '>=' | '=', right side]; dense tableau, two
# phases, Bland's rule.  Returns (cost, x), nothing where there is no solution, -inf where there is no least.
sub simplex
{
	my ($objective, $rows) = @_;
	my $n = @$objective;
	my (@tableau, @basis);
	my $columns = $n + grep({ $_->[1] ne '=' } @$rows);
	my $slack = $n;
	my @artificial;
	for my $row (@$rows)
	{
		my ($a, $sense, $b) = @$row;
		my @t = ((map { $_ // 0 } @$a[ 0 .. $n - 1 ]), (0) x ($columns - $n));
		my $own;
		if ($sense ne '=')
		{
			$t[$slack] = $sense eq '<=' ? 1 : -1;
			$own = $slack++;
		}
		if ($b < 0)
		{
			@t = map { -$_ } @t;
			$b = -$b;
		}
		push @tableau, [ @t, $b ];
		if (defined $own && $t[$own] > 0) { push @basis, $own }
		else                              { push @basis, -1; push @artificial, $#tableau }
	}
	my $width = $columns + @artificial;
	for my $i (0 .. $#tableau)
	{
		my $b = pop @{ $tableau[$i] };
		push @{ $tableau[$i] }, (0) x @artificial, $b;
	}
	for my $k (0 .. $#artificial)
	{
		$tableau[ $artificial[$k] ][ $columns + $k ] = 1;
		$basis[ $artificial[$k] ] = $columns + $k;
	}

	my $pivot = sub {
		my ($r, $c, $cost) = @_;
		my $p = $tableau[$r];
		my $d = $p->[$c];
		$_ /= $d for @$p;
		my @where = grep { $p->[$_] != 0 } 0 .. $width;
		for my $t (@tableau, $cost)
		{
			next if $t == $p;
			my $f = $t->[$c] or next;
			$t->[$_] -= $f * $p->[$_] for @where;
			$t->[$c] = 0;
		}
		$basis[$r] = $c;
	};
	my $run = sub {
		my ($cost, $usable) = @_;
		while (1)
		{
			my $c;
			for (0 .. $usable - 1) { if ($cost->[$_] < -1e-9) { $c = $_; last } }
			return 1 unless defined $c;
			my ($r, $least);
			for my $i (0 .. $#tableau)
			{
				my $a = $tableau[$i][$c];
				next if $a <= 1e-9;
				my $ratio = $tableau[$i][$width] / $a;
				if (!defined $least || $ratio < $least - 1e-12 || ($ratio < $least + 1e-12 && $basis[$i] < $basis[$r]))
				{
					($r, $least) = ($i, defined $least ? min($least, $ratio) : $ratio);
				}
			}
			return 0 unless defined $r;
			$pivot->($r, $c, $cost);
		}
	};

	if (@artificial)
	{
		my $cost = [ (0) x ($width + 1) ];
		for my $r (@artificial)
		{
			$cost->[$_] -= $tableau[$r][$_] for 0 .. $columns - 1, $width;
		}
		$run->($cost, $columns);
		return if -$cost->[$width] > $tiny;
		# what is still in the basis is zero: out with it, or the row says nothing
		for my $r (0 .. $#tableau)
		{
			next if $basis[$r] < $columns;
			my ($c) = grep { abs($tableau[$r][$_]) > 1e-9 } 0 .. $columns - 1;
			$pivot->($r, $c, $cost) if defined $c;
		}
	}
	my $cost = [ @$objective, (0) x ($width - $n + 1) ];
	for my $r (0 .. $#tableau)
	{
		my $f = $cost->[ $basis[$r] ] or next;
		$cost->[$_] -= $f * $tableau[$r][$_] for 0 .. $width;
	}
	return ('-inf', undef) unless $run->($cost, $columns);
	my @x = (0) x $n;
	for my $r (0 .. $#tableau) { $x[ $basis[$r] ] = $tableau[$r][$width] if $basis[$r] < $n }
	return (-$cost->[$width], \@x);
}

# ---------------------------------------------------------------- the auction

# an auction with everything in its place, from one that leaves out what it does not use
sub auction
{
	my (%a) = @_;
	$a{$_} //= [] for qw(cells exclusions links limits flows);
	my %cell = map { $_->{cell} => $_ } @{ $a{cells} };
	for my $cell (map({ map { $_->[0] } @{ $_->{legs} } } @{ $a{orders} }), map({ ($_->{from}, $_->{to}) } @{ $a{flows} }))
	{
		$cell{$cell} //= { cell => $cell, requirement => 0, ceiling => 0, at_least => 0, unlisted => 1 };
	}
	$a{cell} = [ map { $cell{$_} } sort { $a <=> $b } keys %cell ];
	for my $o (@{ $a{orders} })
	{
		$o->{minimum} //= 0;
		$o->{fixed}   //= 0;
	}
	my %excluded = map { $_ => 1 } map { @$_ } @{ $a{exclusions} };
	$a{indivisible} = [ grep { my $o = $a{orders}[$_]; $o->{minimum} > 0 || $o->{fixed} != 0 || $excluded{ $o->{id} } } 0 .. $#{ $a{orders} } ];
	$a{place} = { map { $a{orders}[$_]{id} => $_ } 0 .. $#{ $a{orders} } };
	return \%a;
}

# the choices: of each order its least and most share
sub choices
{
	my ($auction) = @_;
	my @choices;
	my @in = @{ $auction->{indivisible} };
	for my $mask (0 .. (1 << @in) - 1)
	{
		my @least = (0) x @{ $auction->{orders} };
		my @most  = (1) x @{ $auction->{orders} };
		for my $k (0 .. $#in)
		{
			if ($mask >> $k & 1) { $least[ $in[$k] ] = $auction->{orders}[ $in[$k] ]{minimum} }
			else                 { $most[ $in[$k] ]  = 0 }
		}
		next if any { 1 < grep { $most[ $auction->{place}{$_} ] > 0 } @$_ } @{ $auction->{exclusions} };
		next if any { $least[ $auction->{place}{ $_->[0] } ] > $most[ $auction->{place}{ $_->[1] } ] } @{ $auction->{links} };
		my $fixed = sum0 map { $auction->{orders}[ $in[$_] ]{fixed} } grep { $mask >> $_ & 1 } 0 .. $#in;
		push @choices, { least => \@least, most => \@most, fixed => $fixed };
	}
	return @choices;
}

# least cost of one choice, and the shares that reach it
sub solve
{
	my ($auction, $choice) = @_;
	my $orders = @{ $auction->{orders} };
	my (@objective, @rows, @range, %row);
	my $constant = $choice->{fixed};
	for my $cell (@{ $auction->{cell} })
	{
		push @rows, [ [], '=', $cell->{requirement} ];
		$row{ $cell->{cell} } = $rows[-1];
	}
	# a variable above its least: its cost, its least and most, what it puts into rows
	my $variable = sub {
		my ($cost, $least, $most, @into) = @_;
		$constant += $cost * $least;
		$_->[0][2] -= $_->[1] * $least for @into;
		return undef if defined $most && $most <= $least;
		my $j = @objective;
		push @objective, $cost;
		$_->[0][0][$j] = ($_->[0][0][$j] // 0) + $_->[1] for @into;
		push @range, [ $j, $most - $least ] if defined $most;
		return $j;
	};
	my @limit_rows = map { [ [], '<=', $_->{most} ] } @{ $auction->{limits} };
	my @link_rows  = map { [ [], '<=', 0 ] } @{ $auction->{links} };
	my (@x, @flow);
	for my $i (0 .. $orders - 1)
	{
		my $o = $auction->{orders}[$i];
		my @into = map { [ $row{ $_->[0] }, $_->[1] ] } @{ $o->{legs} };
		for my $k (0 .. $#limit_rows)
		{
			my $of = $auction->{limits}[$k]{of}{ $o->{id} };
			push @into, [ $limit_rows[$k], $of ] if defined $of;
		}
		for my $k (0 .. $#link_rows)
		{
			my ($child, $parent) = @{ $auction->{links}[$k] };
			push @into, [ $link_rows[$k], 1 ]  if $child == $o->{id};
			push @into, [ $link_rows[$k], -1 ] if $parent == $o->{id};
		}
		$x[$i] = $variable->(sum0(map { $_->[1] * $_->[2] } @{ $o->{legs} }), $choice->{least}[$i], $choice->{most}[$i], @into);
	}
	for my $cell (@{ $auction->{cell} })
	{
		$variable->($cell->{ceiling}, 0, $cell->{requirement}, [ $row{ $cell->{cell} }, 1 ]);
		$variable->(0, 0, undef, [ $row{ $cell->{cell} }, -1 ]) if $cell->{at_least};
	}
	for my $f (@{ $auction->{flows} })
	{
		push @flow, $variable->(0, $f->{least}, $f->{most}, [ $row{ $f->{from} }, -1 ], [ $row{ $f->{to} }, 1 - $f->{loss} ]);
	}
	push @rows, @limit_rows, @link_rows;
	for (@range)
	{
		my ($j, $most) = @$_;
		my @a;
		$a[$j] = 1;
		push @rows, [ \@a, '<=', $most ];
	}
	my ($cost, $found) = simplex(\@objective, \@rows);
	return unless defined $found;
	return {
		cost => $constant + $cost,
		choice => $choice,
		share => [ map { $choice->{least}[$_] + (defined $x[$_] ? $found->[ $x[$_] ] : 0) } 0 .. $orders - 1 ],
		flow => [ map { $auction->{flows}[$_]{least} + (defined $flow[$_] ? $found->[ $flow[$_] ] : 0) } 0 .. $#{ $auction->{flows} } ],
	};
}

# what shares and flows make of the cells: the cost, shortfall and surplus of each, and all that they break
sub evaluate
{
	my ($auction, $share, $flow) = @_;
	my (%net, @broken, %shortfall, %surplus);
	my $cost = 0;
	for my $i (0 .. $#$share)
	{
		my ($o, $s) = ($auction->{orders}[$i], $share->[$i]);
		push @broken, "share $s of order $o->{id}" if $s < -$tiny || $s > 1 + $tiny || ($s > $tiny && $s < $o->{minimum} - $tiny);
		for (@{ $o->{legs} })
		{
			$net{ $_->[0] } += $s * $_->[1];
			$cost += $s * $_->[1] * $_->[2];
		}
		$cost += $o->{fixed} if $s > $tiny;
	}
	my $of = sub { $share->[ $auction->{place}{ $_[0] } ] };
	for (@{ $auction->{exclusions} }) { push @broken, "exclusion of @$_" if 1 < grep { $of->($_) > $tiny } @$_ }
	for (@{ $auction->{links} })      { push @broken, "link from $_->[0] to $_->[1]" if $of->($_->[0]) > $of->($_->[1]) + $tiny }
	for my $k (@{ $auction->{limits} })
	{
		push @broken, "limit of $k->{most}" if sum(map { $k->{of}{$_} * $of->($_) } keys %{ $k->{of} }) > $k->{most} + 1e-6;
	}
	for my $i (0 .. $#{ $auction->{flows} })
	{
		my $f = $auction->{flows}[$i];
		push @broken, "flow $flow->[$i]" if $flow->[$i] < $f->{least} - $tiny || $flow->[$i] > $f->{most} + $tiny;
		$net{ $f->{from} } -= $flow->[$i];
		$net{ $f->{to} } += (1 - $f->{loss}) * $flow->[$i];
	}
	for my $cell (@{ $auction->{cell} })
	{
		my $missing = $cell->{requirement} - ($net{ $cell->{cell} } // 0);
		$shortfall{ $cell->{cell} } = max(0, $missing);
		$surplus{ $cell->{cell} }   = max(0, -$missing);
		$cost += $cell->{ceiling} * max(0, $missing);
		push @broken, "cell $cell->{cell} short of more than it requires" if $missing > $cell->{requirement} + 1e-6;
		push @broken, "cell $cell->{cell} out of balance" if $missing < -1e-6 && !$cell->{at_least};
	}
	return { cost => $cost, shortfall => \%shortfall, surplus => \%surplus, broken => \@broken };
}

# ---------------------------------------------------------------- prices

# Do prices exist at which an outcome is what everybody would choose, the choice of who is in and out being given, and
# nobody who is in loses?  Unknown: the price of each cell, unless given; what a child pays its parent where their shares
# meet; the rent of a limit that binds.  With a cell to look at, its (least, highest) price; nothing where there are none.
sub support
{
	my ($auction, $share, $flow, %opt) = @_;
	my $state = evaluate($auction, $share, $flow);
	my $of    = sub { $share->[ $auction->{place}{ $_[0] } ] };
	my $given = $opt{price} // {};
	my $n     = 0;
	my (%plus, %minus, @rows);
	for (grep { !defined $given->{ $_->{cell} } } @{ $auction->{cell} }) { $plus{ $_->{cell} } = $n++; $minus{ $_->{cell} } = $n++ unless $_->{at_least} }
	my @link  = map { $of->($_->[0]) > $of->($_->[1]) - $tiny ? $n++ : undef } @{ $auction->{links} };
	my @limit = map {
		my $k = $_;
		sum(map { $k->{of}{$_} * $of->($_) } keys %{ $k->{of} }) > $k->{most} - 1e-6 ? $n++ : undef
	} @{ $auction->{limits} };

	# an expression: [coefficients, constant]
	my $priced = sub {
		my ($e, $cell, $times) = @_;
		if (defined $given->{$cell}) { $e->[1] += $times * $given->{$cell}; return }
		$e->[0][ $plus{$cell} ] = ($e->[0][ $plus{$cell} ] // 0) + $times;
		$e->[0][ $minus{$cell} ] = ($e->[0][ $minus{$cell} ] // 0) - $times if defined $minus{$cell};
	};
	my $must = sub {
		my ($e, $sense, $slack) = @_;
		# prices that are given are rounded
		$slack //= %$given ? 1e-6 : 1e-9;
		if ($sense eq '=')
		{
			push @rows, [ [ @{ $e->[0] } ], '<=', -$e->[1] + $slack ], [ [ @{ $e->[0] } ], '>=', -$e->[1] - $slack ];
		}
		else { push @rows, [ [ @{ $e->[0] } ], $sense, -$e->[1] + ($sense eq '<=' ? $slack : -$slack) ] }
	};
	# a quantity between bounds, and what one more of it is worth
	my $optimal = sub {
		my ($e, $value, $least, $most) = @_;
		return if defined $most && $most - $least <= $tiny;
		my $up = defined $most && $value > $most - $tiny;
		my $down = $value < $least + $tiny;
		$must->($e, $up ? '>=' : $down ? '<=' : '=');
	};

	for my $i (0 .. $#$share)
	{
		my $o  = $auction->{orders}[$i];
		my $s  = $share->[$i];
		my $in = any { $_ == $i } @{ $auction->{indivisible} };
		my ($worth, $money) = ([ [], 0 ], [ [], 0 ]);
		for my $leg (@{ $o->{legs} })
		{
			for my $e ($worth, $money)
			{
				$priced->($e, $leg->[0], $leg->[1]);
				$e->[1] -= $leg->[1] * $leg->[2];
			}
		}
		for my $k (0 .. $#link)
		{
			next unless defined $link[$k];
			for my $e ($worth, $money)
			{
				$e->[0][ $link[$k] ] = ($e->[0][ $link[$k] ] // 0) + ($auction->{links}[$k][1] == $o->{id} ? 1 : 0) - ($auction->{links}[$k][0] == $o->{id} ? 1 : 0);
			}
		}
		for my $k (0 .. $#limit)
		{
			my $c = $auction->{limits}[$k]{of}{ $o->{id} };
			next unless defined $limit[$k] && defined $c;
			$worth->[0][ $limit[$k] ] = -$c;
			$money->[0][ $limit[$k] ] = max(-$c, 0);
		}
		$optimal->($worth, $s, $in && $s > $tiny ? $o->{minimum} : 0, $in && $s <= $tiny ? 0 : 1);
		if (!$opt{losses} && $s > $tiny && ($o->{minimum} > 0 || $o->{fixed} != 0))
		{
			$_ = ($_ // 0) * $s for @{ $money->[0] };
			$must->([ $money->[0], $money->[1] * $s - $o->{fixed} ], '>=');
		}
	}
	for my $cell (@{ $auction->{cell} })
	{
		my $e = [ [], -$cell->{ceiling} ];
		$priced->($e, $cell->{cell}, 1);
		$optimal->($e, $state->{shortfall}{ $cell->{cell} }, 0, $cell->{requirement});
		next unless $cell->{at_least};
		$e = [ [], 0 ];
		$priced->($e, $cell->{cell}, 1);
		$must->($e, $state->{surplus}{ $cell->{cell} } > 1e-6 ? '=' : '>=');
	}
	for my $i (0 .. $#{ $auction->{flows} })
	{
		my $f = $auction->{flows}[$i];
		my $e = [ [], 0 ];
		$priced->($e, $f->{to}, 1 - $f->{loss});
		$priced->($e, $f->{from}, -1);
		$optimal->($e, $flow->[$i], $f->{least}, $f->{most});
	}
	$n = max($n, 1);
	if (defined $opt{look})
	{
		my @range;
		for my $sign (1, -1)
		{
			my @objective = (0) x $n;
			$objective[ $plus{ $opt{look} } ] = $sign;
			$objective[ $minus{ $opt{look} } ] = -$sign if defined $minus{ $opt{look} };
			my ($cost) = simplex(\@objective, \@rows) or return;
			return unless defined $cost;
			push @range, $cost eq '-inf' ? undef : $sign * $cost;
		}
		return @range;
	}
	my ($cost) = simplex([ (0) x $n ], \@rows);
	return defined $cost;
}

# the prices of pricing => 'highest_accepted': cell => price, undefined where nothing says
sub highest_accepted
{
	my ($auction, $share, $flow) = @_;
	my $state = evaluate($auction, $share, $flow);
	my %price;
	for my $cell (@{ $auction->{cell} })
	{
		my $c = $cell->{cell};
		my @sold;
		for my $i (0 .. $#$share)
		{
			push @sold, map { $_->[2] } grep { $_->[0] == $c && $_->[1] > 0 } @{ $auction->{orders}[$i]{legs} } if $share->[$i] > $tiny;
		}
		$price{$c} = $state->{shortfall}{$c} > 1e-6 ? $cell->{ceiling} : max(@sold);
	}
	return \%price;
}

# the least cost of all; and of those that prices support
sub best
{
	my ($auction) = @_;
	my @solved = sort { $a->{cost} <=> $b->{cost} } grep { defined } map { solve($auction, $_) } choices($auction);
	my ($supported) = grep { support($auction, $_->{share}, $_->{flow}) } @solved;
	return ($solved[0], $supported);
}

# ---------------------------------------------------------------- random auctions

sub random_auction
{
	my ($seed) = @_;
	my $drawn = 0;
	# a number from 0 to n - 1, always the same for a seed
	my $draw   = sub { unpack('N', md5("$seed:" . $drawn++)) % $_[0] };
	my $chance = sub { $draw->(100) < $_[0] };
	my $some   = sub {
		my ($n, @from) = @_;
		return map { splice @from, $draw->(scalar @from), 1 } 1 .. min($n, scalar @from);
	};
	my $cells = 1 + $draw->(4);
	my $n     = 2 + $draw->(8);
	my %a     = (seed => $seed);
	for my $c (1 .. $cells)
	{
		my $required = $chance->(55) ? 1 + $draw->(12) : 0;
		next unless $required || $chance->(30);
		push @{ $a{cells} }, { cell => $c, requirement => $required, ceiling => 10 + $draw->(40), at_least => $chance->(50) ? 1 : 0 };
	}
	for my $i (1 .. $n)
	{
		my $sells = $chance->(68);
		my $flat  = $chance->(60);
		my $price = $sells ? $draw->(32) - 2 : 4 + $draw->(36);
		my @legs  = map {
			my $side = $chance->(6) ? -1 : 1;
			[ $_, $side * ($sells ? 1 : -1) * (1 + $draw->(8)), $flat ? $price : $price + $draw->(9) - 4 ]
		} sort { $a <=> $b } $some->($chance->(60) ? 1 : 1 + $draw->($cells), 1 .. $cells);
		push @{ $a{orders} }, {
			id => $i, legs => \@legs,
			minimum => (0, 0, 0, 1, 1, 1, 0.25, 0.5, 0.75, 0.2)[ $draw->(10) ],
			fixed => $chance->(20) ? 1 + $draw->(40) : 0 };
	}
	if ($chance->(40)) { push @{ $a{exclusions} }, [ $some->(2 + $draw->(3), 1 .. $n) ] for 0 .. $draw->(2) }
	if ($chance->(40))
	{
		my %seen;
		for (0 .. $draw->(3))
		{
			my ($parent, $child) = sort { $a <=> $b } $some->(2, 1 .. $n);
			push @{ $a{links} }, [ $child, $parent ] unless $seen{$child}++;
		}
	}
	if ($chance->(40))
	{
		for (0 .. $draw->(2))
		{
			my %of = map { $_ => ($chance->(20) ? -1 : 1) * (1 + $draw->(8)) } $some->(1 + $draw->(3), 1 .. $n);
			push @{ $a{limits} }, { most => $draw->(10), of => \%of };
		}
	}
	if ($cells > 1 && $chance->(65))
	{
		for (0 .. $draw->(3))
		{
			my ($from, $to) = $some->(2, 1 .. $cells);
			my $loss = $chance->(25) ? (0.1, 0.25, 0.05)[ $draw->(3) ] : 0;
			push @{ $a{flows} }, { from => $from, to => $to, least => $loss ? 0 : -$draw->(7), most => $draw->(9), loss => $loss };
		}
	}
	# some in other units, some with numbers that are not round
	my $kind = $draw->(8);
	if ($kind < 2)
	{
		my $q = $kind == 0 ? (0.1, 12.5, 1000)[ $draw->(3) ] : 1;
		my $p = $kind == 0 ? (0.01, 0.3, 100)[ $draw->(3) ] : 1;
		my $uneven = sub { $kind == 1 ? 1 + ($draw->(200) - 100) / 1000 : 1 };
		for my $o (@{ $a{orders} })
		{
			$o->{fixed} *= $q * $p;
			for (@{ $o->{legs} })
			{
				$_->[1] *= $q * $uneven->();
				$_->[2] *= $p * $uneven->();
			}
		}
		for (@{ $a{cells} // [] })
		{
			$_->{requirement} *= $q * $uneven->();
			$_->{ceiling} *= $p;
		}
		for (@{ $a{flows} // [] })
		{
			$_->{least} *= $q;
			$_->{most} *= $q * $uneven->();
		}
	}
	return auction(%a);
}

# the auction as a statement that can be pasted
sub as_sql
{
	my ($auction, %option) = @_;
	my $values = sub {
		my ($types, @rows) = @_;
		return undef unless @rows;
		my @types = split ' ', $types;
		my $first = join ', ', map { "$rows[0][$_]::$types[$_]" } 0 .. $#types;
		return 'VALUES ' . join ', ', "($first)", map { '(' . join(', ', @$_) . ')' } @rows[ 1 .. $#rows ];
	};
	my $k = 0;
	my $e = 0;
	my @queries = (
		orders => $values->('bigint bigint float8 float8', map { my $o = $_; map { [ $o->{id}, @$_ ] } @{ $o->{legs} } } @{ $auction->{orders} }),
		cells => $values->('bigint float8 float8 boolean', map { [ @$_{qw(cell requirement ceiling)}, $_->{at_least} ? 'true' : 'false' ] } @{ $auction->{cells} }),
		terms => $values->('bigint float8 float8', map { [ @$_{qw(id minimum fixed)} ] } grep { $_->{minimum} || $_->{fixed} } @{ $auction->{orders} }),
		exclusions => $values->('bigint bigint', map { $e++; map { [ $e, $_ ] } @$_ } @{ $auction->{exclusions} }),
		links => $values->('bigint bigint', @{ $auction->{links} }),
		limits => $values->('bigint bigint float8 float8', map { my $l = $_; $k++; map { [ $k, $_, $l->{of}{$_}, $l->{most} ] } sort { $a <=> $b } keys %{ $l->{of} } } @{ $auction->{limits} }),
		flows => $values->('bigint bigint float8 float8 float8', map { [ @$_{qw(from to least most loss)} ] } @{ $auction->{flows} }));
	my @arguments;
	my @named = split " ", "order_id,cell,quantity,price cell,requirement,ceiling,at_least order_id,minimum,fixed_cost exclusion,order_id child,parent limit_id,order_id,coefficient,most from_cell,to_cell,least,most,loss";
	while (my ($name, $query) = splice @queries, 0, 2)
	{
		my $columns = shift @named;
		push @arguments, "$name => 'SELECT * FROM ($query) AS v ($columns)'" if defined $query;
	}
	push @arguments, map { "$_ => $option{$_}" } sort keys %option;
	return join ",\n  ", @arguments;
}

1;
