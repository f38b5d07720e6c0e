# The pictures of docs/ are those of now; the report pages, in a browser, at the width of a phone and of a desk:
# nothing sticks out, no texts of a chart touch or leave it, nothing is loaded, and names are only names.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use File::Temp qw(tempdir);

my $node = PostgreSQL::Test::Cluster->new('report');
$node->init(extra => [ '--encoding', 'UTF8', '--locale', 'C' ]);
$node->append_conf('postgresql.conf', "fsync = off\nclient_min_messages = warning");
$node->start;

sub make_exchange
{
	my ($database, $options) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database $options");
	$node->safe_psql($database, "CREATE EXTENSION flexexchange; SELECT flexexchange.create_exchange('gb'); ALTER DATABASE $database SET search_path = gb, flexexchange;");
}

make_exchange('sample', '');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $node->connstr('sample'), '-f', 'test/pictures.sql' ], 'pictures are drawn');
my %known = map { (m{([^/]+)\.svg$} ? $1 : '') => 1 } glob('docs/pictures/*.svg');
my @drawn = split(/\n/, $node->safe_psql('sample', 'SELECT name FROM public.picture ORDER BY name'));
is_deeply([ sort keys %known ], \@drawn, 'docs/pictures has each of them and no other');
is(slurp_file("docs/pictures/$_.svg"), $node->safe_psql('sample', "SELECT svg FROM public.picture WHERE name = '$_'") . "\n", "docs/pictures/$_.svg is current (make pictures)")
  for @drawn;

# an exchange of names that would like to be more than names
make_exchange('hostile', '');
$node->safe_psql('hostile', q{
	CREATE FUNCTION public.bad(n int) RETURNS text LANGUAGE sql AS $$ SELECT left(n || '</title></svg><script>document.body.dataset.harmed=1</script><img src=x onerror="document.body.dataset.harmed=1">" onload=' || chr(8238) || chr(1513) || chr(1500) || chr(128267) || repeat('Wm', 200), 240) $$;
	INSERT INTO participant (id, name, kinds) VALUES (1, public.bad(1), '{market_operator}'), (2, public.bad(2), '{service_provider}');
	INSERT INTO market (id, code, name, market_operator_id) VALUES (1, left(public.bad(1), 60), public.bad(3), 1);
	INSERT INTO product (id, market_id, code, name, service_code) SELECT i, 1, left(public.bad(i), 60), public.bad(i), (ARRAY['PR', 'DC', 'OUrt'])[i] FROM generate_series(1, 3) i;
	INSERT INTO asset (id, name, technology, installed_kw, qualified_up_kw) SELECT i, public.bad(i), left(public.bad(i), 70), 100, 100 FROM generate_series(1, 3) i;
	INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 1, public.bad(9), '2020-01-01', '2020-01-02');
	INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT 1, 1, 2, i, 'up', 10, '2026-01-15T17:00Z/PT1H', -100 * i FROM generate_series(1, 3) i;
	INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) SELECT 2, 2, i, 'up', 80, '2026-01-15T16:00Z/PT3H', 5 FROM generate_series(1, 3) i;
	INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT 3, 2, i, 'up', 60, '2026-01-15T17:00Z/PT1H', -50 FROM generate_series(1, 3) i;
	INSERT INTO need (market_operator_id, service_code, product_id, name, direction, power_kw, delivery_window, guide_price_per_mwh, status) VALUES (1, 'PR', 1, public.bad(4), 'up', 25, '2026-01-15T17:00Z/PT1H', 40, 'published');
	INSERT INTO need (market_operator_id, service_code, name, direction, power_kw, delivery_window, status) SELECT 1, 'PR', public.bad(4), 'up', 100 * i, time_window('2024-01-01'::timestamptz + i * interval '40 days', '2024-01-21'::timestamptz + i * interval '40 days'), 'published' FROM generate_series(1, 18) i;
	INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT i, 2, '-infinity/infinity' FROM generate_series(1, 3) i;
	INSERT INTO meter_reading_intake (sender_id, scheme, unit, flow, starts_at, length, kwh) SELECT 2, 'id', 1 + i % 2, (ARRAY['import', 'export'])[1 + i % 2], to_char('2026-01-01'::timestamptz + i / 2 * interval '1 hour', 'YYYY-MM-DD"T"HH24:MI"Z"'), 'PT1H', (5000 * (1 + i % 7))::text FROM generate_series(0, 2000) i;
	INSERT INTO carbon_intensity (area, starts_at, ends_at, forecast_g_per_kwh, actual_g_per_kwh) SELECT left(public.bad(7), 60), t, t + interval '30 minutes', 100, 1000 + extract(hour FROM t) FROM generate_series('2025-01-01'::timestamptz, '2026-02-01', '30 minutes') t;
	INSERT INTO system_price (kind, area, starts_at, ends_at, price_per_mwh) SELECT 'imbalance', left(public.bad(8), 60), t, t + interval '30 minutes', (hashint8extended(extract(epoch FROM t)::bigint, 1) % 9000) / 10.0 FROM generate_series('2026-01-01'::timestamptz, '2026-01-05', '30 minutes') t;
});
# its dispatches are settled, some at a price below zero
$node->safe_psql('hostile', q{
	INSERT INTO dispatch (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) SELECT 1, 2, i, 'up', 20, '2026-01-16T17:00Z/PT1H', 70 * i FROM generate_series(1, 3) i;
	INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) SELECT p, 'dispatch', m.id FROM settlement_mechanism m, unnest(ARRAY[1, 3]) p WHERE m.code = 'dfs';
	INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT id, delivery_window, 60, 15 * (1 + id % 4) FROM dispatch;
	SELECT settle(1, '2026-01-01', 'initial');
});
my %page = (
	settled => $node->safe_psql('hostile', q{SELECT settlement_report_html(1, '2026-01-01')}),
	sample => $node->safe_psql('sample', q{SELECT report_html('The sample', sources => ARRAY['made up'])}),
	hostile => $node->safe_psql('hostile', q{SELECT report_html(public.bad(5), sources => ARRAY[public.bad(6)])}));

# a database of one byte a character draws as well
make_exchange('latin', q{TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
like($node->safe_psql('latin', q{SELECT chart_bars(E'Caf\\u00e9 <"> ' || repeat('long ', 100), '', 'MW', ARRAY[E'\\u00fcber'], NULL, ARRAY[1234.5])}),
	qr/Caf\x{e9} &lt;&quot;&gt; .*&#8230;.*\x{fc}ber.*1,235 MW/s, 'LATIN1');

# What the page measures of itself, told to the page around it.  Texts are boxes of their letters; two touch when they share more than a pixel each way.
my $measure = <<'END';
<script>addEventListener('load',function(){
 var said=[],root=document.documentElement,wide=root.clientWidth,svgs=[].filter.call(document.querySelectorAll('svg'),function(s){return s.getClientRects().length});
 if(root.scrollWidth>wide)said.push('page of '+root.scrollWidth+' in '+wide);
 if(svgs.length!=document.querySelectorAll('figure').length)said.push(svgs.length+' pictures in '+document.querySelectorAll('figure').length+' figures');
 var loaded=performance.getEntriesByType('resource').map(function(r){return r.name});if(loaded.length)said.push('loaded '+loaded);
 if(document.body.dataset.harmed)said.push('a name was run');
 if(document.querySelectorAll('script').length!=1||document.querySelectorAll('img,iframe,object,embed').length)said.push('elements that do more than show');
 svgs.forEach(function(s){var name=s.querySelector('title').textContent.slice(0,40),r=s.getBoundingClientRect(),v=s.viewBox.baseVal;
  if(r.width<200||r.height<40)said.push(name+': '+r.width+' by '+r.height);
  if(r.left<0||r.right>wide+1)said.push(name+' sticks out');
  if(12*r.width/v.width<9.5)said.push(name+': letters of '+12*r.width/v.width);
  var boxes=[].map.call(s.querySelectorAll('text'),function(t){var b=t.getBBox();return{l:b.x,r:b.x+b.width,t:b.y,b:b.y+b.height,w:t.textContent}});
  if(!boxes.length)said.push(name+': no text');
  boxes.forEach(function(a,i){
   if(a.l<v.x-1||a.t<v.y-1||a.r>v.x+v.width+1||a.b>v.y+v.height+1)said.push(name+': "'+a.w.slice(0,40)+'" leaves the picture: '+[a.l,a.t,a.r,a.b]);
   boxes.slice(i+1).forEach(function(c){if(Math.min(a.r,c.r)-Math.max(a.l,c.l)>1&&Math.min(a.b,c.b)-Math.max(a.t,c.t)>2.5)said.push(name+': "'+a.w.slice(0,40)+'" on "'+c.w.slice(0,40)+'"')})})});
 [].forEach.call(document.querySelectorAll('table'),function(t){if(!t.caption||!t.querySelector('thead th[scope=col]'))said.push('a table without caption or headings');if(t.getBoundingClientRect().width>wide&&!(t.parentNode.scrollWidth>t.parentNode.clientWidth))said.push('a wide table without its box')});
 parent.postMessage(JSON.stringify({wide:wide,pictures:svgs.length,texts:document.querySelectorAll('text').length,said:said}),'*')})</script>
END

my @frames;
my $dir = tempdir(CLEANUP => 1);
for my $name (sort keys %page)
{
	(my $measured = $page{$name}) =~ s{</body>}{$measure</body>} or die;
	append_to_file("$dir/$name.html", $measured);
	push @frames, map { qq{<iframe src="$name.html#$_" style="border:0;width:${_}px;height:800px"></iframe>} } (390, 1280);
}
# a window has a least width, a frame has none
append_to_file("$dir/all.html", '<!DOCTYPE html><meta charset="utf-8"><body><pre id="all"></pre><script>addEventListener("message",function(e){'
	  . 'var n=0;[].forEach.call(document.querySelectorAll("iframe"),function(f){if(f.contentWindow===e.source)n=f.src.replace(/.*\\//,"")});document.getElementById("all").append(n+" "+e.data+"\n")})</script>' . join('', @frames));

$ENV{HOME} = $dir;
my $out = '';
my $err = '';
my $ran = IPC::Run::run(
	[ 'chromium', qw(--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage --hide-scrollbars),
		'--host-resolver-rules=MAP * ~NOTFOUND', '--enable-logging=stderr', "--user-data-dir=$dir/profile", '--window-size=1400,900', '--virtual-time-budget=8000', '--dump-dom', "file://$dir/all.html" ],
	'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(100));
ok($ran, 'chromium runs') or diag($err);
is(join("\n", grep { /CONSOLE/ } split(/\n/, $err)), '', 'nothing on the console');
my ($all) = $out =~ m{<pre id="all">(.*?)</pre>}s;
my %measured = ($all // '') =~ /^(\S+) (\{.*\})$/mg;
is(join(' ', sort keys %measured), 'hostile.html#1280 hostile.html#390 sample.html#1280 sample.html#390 settled.html#1280 settled.html#390', 'each page at each width');
for my $frame (sort keys %measured)
{
	my ($name, $wide) = $frame =~ /^(\w+).*#(\d+)/;
	my $pictures = $name eq 'settled' ? '2' : '(8|1[0-4])';
	like($measured{$frame}, qr/^\{"wide":$wide,"pictures":$pictures,"texts":\d{2,4},"said":\[\]\}$/, "$frame: all is in its place");
}

$node->stop;
done_testing();
