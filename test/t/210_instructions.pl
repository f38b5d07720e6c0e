# Instructions while the server is killed: several sessions instruct, answer, amend and stop, each message with an id and many of them
# sent twice or by two at once, until the server is stopped at once.  After recovery they send again whatever they were not told of.
# Then every message is there once with what it did, every instruction stands where its last step says, dispatches, book and events
# say the same, and what time would have taken in the meantime is caught up with.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Operations;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = start_node('main', conf => "deadlock_timeout = 50ms\n");
my $dir = PostgreSQL::Test::Utils::tempdir();
my $sessions = 4;
my $units = 12;
my $messages = 240;

$node->safe_psql('postgres', qq{
	CREATE EXTENSION flexexchange;
	SELECT flexexchange.create_exchange('gb');
	SET search_path = gb, flexexchange;
	INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'Volt', '{service_provider}');
	INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'dso', 'Local flexibility', 1);
	INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU');
	INSERT INTO dispatch_terms (code, name, acknowledge_within, confirmed, source) VALUES ('test', 'test', '1 hour', true, 'test');
	INSERT INTO product_dispatch_terms (product_id, dispatch_terms_id) SELECT 1, id FROM dispatch_terms WHERE code = 'test';
	INSERT INTO asset (id, name, qualified_up_kw) SELECT n, 'battery ' || n, 500 FROM generate_series(1, $units) n;
	INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT n, 2, '2020-01-01T00:00Z/infinity' FROM generate_series(1, $units) n;
	CREATE SCHEMA lab;
	-- message n of a round: who it is for and what becomes of it depend on n alone, so that it can be sent again word for word
	CREATE FUNCTION lab.dice(n bigint, what bigint, most bigint) RETURNS bigint LANGUAGE sql IMMUTABLE RETURN (hashint8extended(n, what) & 1073741823) % most;
	CREATE FUNCTION lab.given(n bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE RETURN timestamptz '2030-01-01T00:00Z' + n * interval '3 hours';
	CREATE FUNCTION lab.instruct(n bigint) RETURNS bigint LANGUAGE sql AS \$\$
		SELECT instruction_id FROM gb.instruct(jsonb_build_object('message_id', 'I-' || n, 'product_id', 1, 'unit_id', 1 + lab.dice(n, 1, $units), 'start', lab.given(n) + interval '1 hour', 'duration', 'PT1H', 'set_point_kw', 50,
			'rationale', '{"code": "test"}'::jsonb), lab.given(n)) \$\$;
	-- what is done to it then, each by an id of its own
	CREATE FUNCTION lab.answer(n bigint) RETURNS text LANGUAGE plpgsql AS \$\$
	DECLARE
		i CONSTANT bigint := lab.instruct(n);
	BEGIN
		CASE lab.dice(n, 2, 5)
		WHEN 0 THEN RETURN gb.acknowledge_instruction(i, message_id => 'A-' || n, at => lab.given(n) + interval '10 minutes');
		WHEN 1 THEN RETURN gb.refuse_instruction(i, 'no', message_id => 'A-' || n, at => lab.given(n) + interval '10 minutes');
		WHEN 2 THEN PERFORM gb.acknowledge_instruction(i, message_id => 'A-' || n, at => lab.given(n) + interval '10 minutes');
			RETURN gb.stop_instruction(i, message_id => 'S-' || n, at => lab.given(n) + interval '90 minutes');
		WHEN 3 THEN RETURN (SELECT status FROM gb.amend_instruction(i, jsonb_build_object('message_id', 'A-' || n, 'set_point_kw', 80, 'duration', 'PT1H', 'rationale', '{"code": "test"}'::jsonb), lab.given(n) + interval '20 minutes'));
		ELSE RETURN 'silent';
		END CASE;
	END \$\$;
});

# what clients were told of: of instructions and of answers; each is sent by two sessions, some of them twice in a row
my %told;
my %answered;

sub send_until_the_end
{
	my ($round, $numbers) = @_;
	my @running;
	for my $session (1 .. $sessions)
	{
		# neighbours send the same messages at about the same time
		my @mine = grep { $_ % 2 == $session % 2 } @$numbers;
		my $script = "\\set VERBOSITY verbose\nSET search_path = lab, gb, flexexchange;\n";
		for my $n (@mine)
		{
			my $call = "SELECT 'told $n ' || lab.instruct($n);\n";
			my $answer = "SELECT 'answered $n ' || lab.answer($n);\n";
			$script .= $n % 3 == 0 ? $call . $call . $answer : $call . $answer . $answer;
			$script .= "SELECT FROM gb.advance_instructions(lab.given($n));\n" if $n % 7 == $session;
		}
		append_to_file("$dir/$round.$session.sql", $script);
		# to files: nobody reads pipes while we wait for the sessions to get on
		my $run = { out => "$dir/$round.$session.out", err => "$dir/$round.$session.err" };
		$run->{handle} = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$dir/$round.$session.sql" ], '>', $run->{out}, '2>', $run->{err});
		push @running, $run;
	}
	return @running;
}

sub finish
{
	my $killed = shift;
	for my $run (@_)
	{
		$run->{handle}->finish;
		$run->{$_} = slurp_file($run->{$_}) for 'out', 'err';
		$told{$1} = $2 while $run->{out} =~ /^told (\d+) (\d+)$/mg;
		$answered{$1} = $2 while $run->{out} =~ /^answered (\d+) (\w+)$/mg;
		# an answer may come after time has taken its instruction
		my @other = grep { /ERROR/ && !/ERROR:  (40P01|MX422|MX424)/ } split(/\n/, $run->{err});
		is(scalar(@other), 0, 'and no error but late answers and deadlocks') or diag(join("\n", @other));
		like($run->{err}, qr/server closed the connection|terminating connection|connection to server was lost|the database system is/, 'a session lost its connection') if $killed;
	}
}

# killed twice in the middle of it, and then to the end
my @numbers = (1 .. $messages);
for my $round (1, 2)
{
	my $before = $node->safe_psql('postgres', 'SELECT count(*) FROM gb.instruction_message');
	my @running = send_until_the_end($round, \@numbers);
	ok($node->poll_query_until('postgres', "SELECT count(*) > $before + 60 FROM gb.instruction_message"), "round $round: they write");
	$node->stop('immediate');
	finish(1, @running);
	$node->start;
	cmp_ok(scalar(keys %told), '>', 10, "round $round: clients were told of some");
	cmp_ok(scalar(keys %told), '<', $messages, "round $round: and not of all");
	my $list = join(',', keys %told);
	is($node->safe_psql('postgres', "SELECT count(*) FROM unnest('{$list}'::bigint[]) n WHERE NOT EXISTS (SELECT FROM gb.instruction_message m JOIN gb.instruction i ON i.instruction_message_id = m.id WHERE m.message_id = 'I-' || n AND m.answer IS NOT NULL)"),
		'0', "round $round: what clients were told of is there");
	$list = join(',', grep { $answered{$_} ne 'silent' } keys %answered);
	is($node->safe_psql('postgres', "SELECT count(*) FROM unnest('{$list}'::bigint[]) n WHERE NOT EXISTS (SELECT FROM gb.instruction_message m WHERE m.message_id = 'A-' || n AND m.answer IS NOT NULL)"),
		'0', "round $round: and what was answered");
	# those that were told are sent again with the others: nothing is done twice
	@numbers = grep { !exists $told{$_} || !exists $answered{$_} || $_ % 5 == 0 } @numbers;
}
finish(0, send_until_the_end(3, \@numbers));
# deadlocks are tried again
$told{$_} = $node->safe_psql('postgres', "SELECT lab.instruct($_)") for grep { !exists $told{$_} } 1 .. $messages;

my $log = slurp_file($node->logfile);
my $recoveries = () = $log =~ /automatic recovery in progress/g;
is($recoveries, 2, 'there was something to recover from, twice');
unlike($log, qr/PANIC|invalid page|could not access status/, 'and nothing was broken');

is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT message_id) FROM gb.instruction_message WHERE what = \'instruct\''), "$messages|$messages", 'every message is there once');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT instruction_message_id) FROM gb.instruction'), "$messages|$messages", 'with one instruction each');
is($node->safe_psql('postgres', "SELECT count(*) FROM gb.instruction_message WHERE answer IS NULL"), '0', 'and was answered');
# time is where the last message was given: those that nobody answered have lapsed long since
is($node->safe_psql('postgres', "SELECT count(*) > 0 FROM gb.advance_instructions(lab.given($messages) + interval '1 day')"), 't', 'what time brings is caught up with');
is($node->safe_psql('postgres', "SELECT count(*) FROM gb.advance_instructions(lab.given($messages) + interval '1 day')"), '0', 'once');
is($node->safe_psql('postgres', q{SELECT string_agg(DISTINCT status, ' ' ORDER BY status) FROM gb.instruction}), 'completed lapsed refused stopped', 'every instruction has come to its end');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM gb.instruction i JOIN gb.instruction_message m ON m.id = i.instruction_message_id, LATERAL (SELECT substr(m.message_id, 3)::bigint AS n) x
	WHERE i.status IS DISTINCT FROM CASE WHEN NOT EXISTS (SELECT FROM gb.instruction_message a WHERE a.message_id = 'A-' || n) THEN 'lapsed'
		ELSE (ARRAY['completed', 'refused', 'stopped', 'lapsed'])[1 + lab.dice(n, 2, 5)] END}), '0', 'the one that its messages lead to');
is($node->safe_psql('postgres', q{SELECT count(*) > 20 FROM gb.instruction WHERE status = 'completed'}), 't', 'most answers came in time');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.instruction i WHERE i.status = 'lapsed' AND i.stepped_at <> i.acknowledge_by}), '0', 'those that lapsed did when they were due');

# the steps of each are a path of the machine, and lead to where it stands
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM (SELECT s.*, coalesce(lag(s.status) OVER w, 'start') AS before, row_number() OVER (PARTITION BY s.instruction_id ORDER BY s.id DESC) AS back FROM gb.instruction_step s WINDOW w AS (PARTITION BY s.instruction_id ORDER BY s.id)) s
	JOIN gb.instruction i ON i.id = s.instruction_id
	WHERE s.before <> s.status AND NOT EXISTS (SELECT FROM flexexchange.state_machine m WHERE m.object = 'gb.instruction'::regclass AND m.from_state = s.before AND m.to_state = s.status)
	   OR s.back = 1 AND (s.status, s.version, s.id) IS DISTINCT FROM (i.status, i.version, i.step_id)}), '0', 'steps lead there, each after one that it may follow');
is($node->safe_psql('postgres', q{SELECT count(*) FROM gb.instruction i WHERE (SELECT count(*) FROM gb.instruction_rationale r WHERE r.instruction_id = i.id) <> i.version}), '0', 'every version has its rationale');
# dispatches: one for each interval, as the instruction has it; the book and the events say the same
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM gb.dispatch d LEFT JOIN gb.instruction_interval v ON v.dispatch_id = d.id LEFT JOIN gb.instruction i ON i.id = v.instruction_id
	WHERE i.id IS NULL OR d.status IS DISTINCT FROM CASE WHEN v.version < i.version THEN 'superseded' ELSE i.status END}), '0', 'dispatches stand with their instructions');
is($node->safe_psql('postgres', q{
	SET search_path = flexexchange;
	SELECT count(*) FROM gb.dispatch d LEFT JOIN gb.commitment c ON c.source_id = d.id AND c.stage = 'dispatch' AND c.closed_at IS NULL
	WHERE d.live <> (c.id IS NOT NULL) OR d.live AND (c.power_kw, c.delivery_window) IS DISTINCT FROM (d.power_kw, d.delivery_window)}), '0', 'and so does the book');
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM gb.dispatch d WHERE d.status IS DISTINCT FROM (SELECT e.status FROM gb.dispatch_event e WHERE e.dispatch_id = d.id ORDER BY e.id DESC LIMIT 1)}), '0', 'and their events');
is(sweep_finds($node, 'postgres', 'gb'), '0 0', 'a sweep of the whole book finds nothing new');
is($node->safe_psql('postgres', q{SET search_path = gb, flexexchange; SELECT count(*) > 0 FROM seal_events(); SELECT problem IS NULL AND sound FROM verify_log()}), "t\nt", 'the log verifies');

$node->stop;
done_testing();
