# A backend that catches errors all day stays as it is: its memory, its files and its locks.  Each
# kind of C function that can refuse is made to, again and again within one transaction, so that
# nothing is put right by its end; what the first errors take (plans, caches) does not count.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('caught_errors');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\njit = off\nmax_wal_size = '2GB'\n");
$node->start;

# a window of which the end is not later than the start, as COPY writes it
my $bad_bytes = $node->basedir . '/bad_bytes';
open(my $file, '>:raw', $bad_bytes) or die $!;
print $file "PGCOPY\n\xff\r\n\0", pack('NNnNq>q>n', 0, 0, 1, 16, 1, 1, 0xffff);
close($file);

my $trade = q{INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) };
my @kinds = (
	# what, statement (i counts, so that nothing is computed beforehand), SQLSTATE, how often
	['a window', q{PERFORM ('2026-11-20T17:00Z/' || i)::time_window}, '22P02', 100_000],
	['the ends of a window', q{PERFORM time_window(now(), now() - i * interval '1 s')}, '22007', 100_000],
	['a window in binary', qq{COPY sent FROM '$bad_bytes' (FORMAT binary)}, '22P03', 20_000],
	['a resource window', q{PERFORM (i || '@2026-11-20T17:00Z')::resource_window}, '22P02', 100_000],
	['JSON', q~PERFORM ('{"technology": "BATTERY", "notice": ["' || i)::asset_profile~, '22P02', 100_000],
	['a profile', q~PERFORM ('{"technology": ["BATTERY"], "x": {"a": [1,' || i || ']}}')::asset_profile~, '22P02', 100_000],
	['a spec', q~PERFORM ('{"member": {"notice": {"max": "PT' || i || 'X"}}}')::product_spec~, '22P02', 100_000],
	['a part of a spec', q~PERFORM ineligibility('{}'::product_spec, '{}'::asset_profile, 'x' || i)~, '22023', 100_000],
	['a condition', q~PERFORM ('a.power_kw > 50 and not (b.direction = up or b.x < ' || i)::rule_condition~, '22P02', 100_000],
	['a ruleset', q~PERFORM check_ruleset_document('{"format": "x", "rules": [{"a": {"b": [1,2,' || i || ']}}]}', '{PR,DC}')~, '22023', 100_000],
	['a code', q~PERFORM check_code('x' || i, 'column', '{a,b}')~, '23514', 100_000],
	['an identifier', q{PERFORM check_mpan('12' || i, 'mpan')}, '23514', 100_000],
	['hashes', q{PERFORM merkle_root(int4send(i))}, '22023', 100_000],
	['a place in a tree', q{PERFORM merkle_inclusion(merkle_leaf('a'), i)}, '22023', 100_000],
	['an event', q{PERFORM event_hashes(ROW(i))}, '42809', 100_000],
	['a choice that is rolled back', q{PERFORM choose_participant('gb', i), 1 / (i - i)}, '22012', 100_000],
	['a trade', qq{$trade VALUES (i + 10, 2, 1, 'up', 60, '2098-11-20T17:00Z/PT1H')}, 'MX102', 1_000],
	['a trade that was posted', qq{$trade VALUES (1, 2, 1, 'up', 60, '2098-11-20T17:00Z/PT1H'); PERFORM 1 / (i - i)}, '22012', 5_000],
	['a row of a register', q{UPDATE asset SET connection_status = 'x' || i}, '23514', 5_000],
	['a state', q{UPDATE need SET status = 'draft'}, 'MX001', 5_000],
	['events that were logged', q{UPDATE asset SET name = 'a' || i; PERFORM 1 / (i - i)}, '22012', 2_000],
	['a sweep', q{PERFORM detect_conflicts('2026-01-01/2026-01-02'), 1 / (i - i)}, '22012', 10_000],
	['a ruleset that is not there', q{PERFORM replay('x' || i)}, 'MX301', 1_000],
	['an exchange without a column', qq{$trade VALUES (1, 2, 1, 'up', 60, '2098-11-20T17:00Z/PT1H')}, 'MX906', 5_000,
		'ALTER TABLE asset RENAME qualified_up_kw TO elsewhere', 'ALTER TABLE asset RENAME elsewhere TO qualified_up_kw'],
	['rules without a view', qq{$trade VALUES (1, 2, 1, 'up', 60, '2098-11-20T17:00Z/PT1H')}, '42P01', 1_000,
		'ALTER VIEW ruleset_action_meaning RENAME TO elsewhere; UPDATE ruleset SET title = title', 'ALTER VIEW elsewhere RENAME TO ruleset_action_meaning'],
);

my $setup = q{
  CREATE EXTENSION flexexchange;
  SELECT flexexchange.create_exchange('gb');
  SET search_path = gb, flexexchange;
  INSERT INTO participant (id, name, kinds) VALUES (1, 'buyer', '{market_operator}'), (2, 'seller', '{service_provider}');
  INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'market', 1);
  INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'PR', 'Peak Reduction', 'PR');
  INSERT INTO asset (id, name, qualified_up_kw, qualified_down_kw) VALUES (1, 'battery', 100, 100);
  INSERT INTO need (market_operator_id, service_code, direction, power_kw, delivery_window, name, status)
    VALUES (1, 'PR', 'up', 100, '2098-11-20T17:00Z/PT1H', 'evening', 'published');
  CREATE TABLE sent (sent time_window);

  -- the server itself keeps room for the events of triggers until the transaction ends
  CREATE FUNCTION state(OUT contexts bigint, OUT own_kb bigint, OUT files bigint, OUT locks bigint) LANGUAGE sql VOLATILE AS $$
    SELECT (SELECT sum(m.total_bytes) FROM pg_backend_memory_contexts m WHERE m.name <> 'AfterTriggerEvents'),
           substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::bigint,
           (SELECT count(*) FROM pg_ls_dir('/proc/self/fd')), (SELECT count(*) FROM pg_locks l WHERE l.pid = pg_backend_pid())
  $$;
  CREATE FUNCTION growth(times integer, OUT caught bigint, OUT context_bytes bigint, OUT own_kb bigint, OUT files bigint, OUT locks bigint)
  LANGUAGE plpgsql AS $$
  DECLARE
    earlier record;
    now record;
  BEGIN
    FOR pass IN 1 .. 3 LOOP
      earlier := now;
      -- twice to settle
      caught := caught_errors(CASE WHEN pass < 3 THEN least(times, 500) ELSE times END);
      now := state();
    END LOOP;
    context_bytes := now.contexts - earlier.contexts;
    own_kb := now.own_kb - earlier.own_kb;
    files := now.files - earlier.files;
    locks := now.locks - earlier.locks;
  END
  $$;
};
$node->safe_psql('postgres', $setup);

for (@kinds)
{
	my ($kind, $statement, $code, $times, $before, $after) = @$_;
	$before //= 'SELECT';
	$after //= 'SELECT';
	my ($caught, $contexts, $own, $files, $locks) = split /\|/, $node->safe_psql('postgres', qq{
  SET search_path = gb, flexexchange, public;
  SET client_min_messages = warning;
  \\o /dev/null
  $before;
  CREATE OR REPLACE FUNCTION caught_errors(times integer) RETURNS bigint LANGUAGE plpgsql AS \$\$
  DECLARE
    caught bigint := 0;
  BEGIN
    FOR i IN 1 .. times LOOP
      BEGIN
        $statement;
      EXCEPTION WHEN SQLSTATE '$code' THEN
        caught := caught + 1;
      END;
    END LOOP;
    RETURN caught;
  END
  \$\$;
  \\o
  SELECT * FROM growth($times);
  \\o /dev/null
  $after;
});
	is($caught, $times, "$kind: refused $times times with $code");
	cmp_ok($contexts, '<', 65_536, '  its memory contexts grow by less than 64 kB');
	cmp_ok($own, '<', 1_500, '  what it has of its own by less than 1.5 MB');
	cmp_ok($files, '<=', 4, '  it has no more files open');
	is($locks, 0, '  nor locks');
}

# what is known of the type of a row is found out once, for rows without a name too
my $hashes = q{SELECT count((event_hashes(e)).leaf) * 0 + (SELECT sum(m.total_bytes) FROM pg_backend_memory_contexts m)
  FROM (SELECT i AS id, 'b'::text AS before, 'a'::text AS after, '\x00'::bytea AS salt, NULL::bytea AS content_digest FROM generate_series(1, %d) i) e};
my (undef, $few, $many) = split /\n/, $node->safe_psql('postgres', join(';', 'SET search_path = flexexchange, public', map { sprintf($hashes, $_) } 10, 10, 20_000));
cmp_ok($many - $few, '<', 5_000_000, 'the hashes of many rows take no more memory than those of few');

unlike(slurp_file($node->logfile), qr/WARNING:.*(leak|not closed|still referenced)/, 'the server warns of no leak');
$node->stop;
done_testing();
