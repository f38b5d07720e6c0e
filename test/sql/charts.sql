-- Charts and report: what they show, and to whom.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('chart_test');
SET search_path = chart_test, flexexchange, public;
CREATE FUNCTION public.described(svg text) RETURNS text LANGUAGE sql AS $$ SELECT (xpath('/s:svg/s:title/text()', x, n))[1]::text || ' | ' || (xpath('/s:svg/s:desc/text()', x, n))[1]::text FROM (SELECT xmlparse(document svg) AS x, ARRAY[ARRAY['s', 'http://www.w3.org/2000/svg']] AS n) d $$;
CREATE FUNCTION public.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE h text; BEGIN EXECUTE statement; RETURN 'no error'; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT; RETURN concat_ws(' / ', SQLSTATE, CASE WHEN SQLSTATE <> '42501' THEN SQLERRM END, nullif(h, '')); END $$;
CREATE ROLE chart_neso IN ROLE flexexchange_participant;
CREATE ROLE chart_dso IN ROLE flexexchange_participant;
CREATE ROLE chart_seller IN ROLE flexexchange_participant;
CREATE ROLE chart_rival IN ROLE flexexchange_participant;
CREATE ROLE chart_analyst IN ROLE flexexchange_analyst;
CREATE ROLE chart_regulator IN ROLE flexexchange_regulator;
CREATE ROLE chart_nobody;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Volt & <Sons>', '{service_provider}'), (4, 'Rival', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('chart_neso', 1), ('chart_dso', 2), ('chart_seller', 3), ('chart_rival', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'DSO market', 2);
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'DC', 'Dynamic Containment', 'DC'), (2, 2, 'OU', 'Operational Utilisation', 'OUrt'), (3, 2, 'PR', 'Peak Reduction', 'PR');
INSERT INTO asset (id, name, technology, installed_kw, qualified_up_kw) VALUES (1, 'battery', 'Battery', 1000, 1000), (2, 'rival battery', 'Battery', 500, 500), (3, 'chargers', 'EV charger', 200, 200);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (1, 3, '-infinity/infinity'), (2, 4, '-infinity/infinity'), (3, 3, '-infinity/infinity');
INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) VALUES (1, 3, 'Peaks of November', '2020-01-01', '2020-01-02'), (2, 3, 'still open', '2020-01-01', 'infinity');
-- 17:00 to 19:00: the seller offers 400 kW at 100, 100 kW at 300; the rival 200 kW at 200, 300 kW at 400; the first two in price are awarded
INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh, status) VALUES
  (101, 1, 3, 3, 1, 'up', 400, '2026-11-20T17:00Z/PT2H', 100, 'awarded'), (102, 1, 3, 3, 3, 'up', 100, '2026-11-20T17:00Z/PT2H', 300, 'lapsed'),
  (103, 1, 3, 4, 2, 'up', 200, '2026-11-20T17:00Z/PT2H', 200, 'awarded'), (104, 1, 3, 4, 2, 'up', 300, '2026-11-20T17:00Z/PT1H', 400, 'lapsed'),
  (105, 2, 3, 4, 2, 'up', 50, '2026-12-20T17:00Z/PT1H', 999, 'submitted');
INSERT INTO award (id, bid_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (201, 101, 3, 3, 1, 'up', 400, '2026-11-20T17:00Z/PT2H', 100), (202, 103, 3, 4, 2, 'up', 200, '2026-11-20T17:00Z/PT2H', 200);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (203, 1, 3, 1, 'up', 800, '2026-11-20T18:00Z/PT4H', 12.5);
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES
  (301, 201, 3, 3, 1, 'up', 400, '2026-11-20T17:00Z/PT1H', 100), (302, 202, 3, 4, 2, 'up', 200, '2026-11-20T17:00Z/PT1H', 200);
INSERT INTO need (id, market_operator_id, service_code, product_id, name, direction, power_kw, delivery_window, guide_price_per_mwh, status) VALUES
  (1, 2, 'PR', 3, 'evening', 'up', 900, '2026-11-20T17:00Z/PT2H', 350, 'published'), (2, 2, 'PR', 3, 'a draft', 'up', 5000, '2026-11-20T17:00Z/PT2H', 9, 'draft');
SELECT kind, severity, unit_id, overlap FROM conflict ORDER BY id;

-- the operator's view: 0.4 MWh at 100 and 0.2 at 200; 600 of 1,000 kW awarded at 17:00, need 900
SELECT described(chart_price_duration());
SELECT described(chart_price_duration('dso', 'PR', subject => 'award'));
SELECT described(chart_price_duration(subject => 'award', price => 'availability'));
SELECT described(chart_volume_by_product(subject => 'award'));
SELECT described(chart_volume_by_product(subject => 'award', resolution => 'month'));
SELECT described(chart_volume_by_product('dso', '2026-11-20T17:30Z/PT1H', 'award'));
SELECT described(chart_merit_order(1));
SELECT described(chart_merit_order(1, '2026-11-20T18:30Z'));
SELECT described(chart_merit_order(1, direction => 'down'));
SELECT described(chart_need_against_offers());
SELECT * FROM need_and_offers();
SELECT described(chart_conflicts());
SELECT described(chart_commitment_timeline(1));
SELECT described(chart_registered_capacity());
-- what others publish: half hours in a window of days, weighted by their length; days over longer
INSERT INTO carbon_intensity (starts_at, ends_at, forecast_g_per_kwh, actual_g_per_kwh) VALUES ('2026-11-20T17:00Z', '2026-11-20T17:30Z', 200, 180), ('2026-11-20T17:30Z', '2026-11-20T18:30Z', 90, NULL), ('2026-11-25T00:00Z', '2026-11-25T00:30Z', 50, 60);
INSERT INTO system_price (kind, starts_at, ends_at, price_per_mwh) VALUES ('day_ahead', '2026-11-20T17:00Z', '2026-11-20T18:00Z', -12.5), ('day_ahead', '2026-12-20T17:00Z', '2026-12-20T18:00Z', 80);
SELECT described(chart_carbon_intensity()), described(chart_carbon_intensity('2026-11-20T17:45Z/PT1H')), described(chart_system_price()), described(chart_system_price('imbalance'));
SELECT regexp_count(report_published_figures(NULL), '<figure>') AS figures, (regexp_match(report_published_figures(NULL), 'Nov 2026</th>(.*?)</tr>'))[1] AS november, report_published_figures('2030-01-01T00:00Z/P1D') AS elsewhere;
-- what meters say: half hours as power, days as energy
INSERT INTO meter_reading_intake (sender_id, scheme, unit, flow, starts_at, length, kwh) VALUES (3, 'id', '1', 'export', '2026-11-20T17:00Z', 'PT30M', '190'), (3, 'id', '1', 'export', '2026-11-20T17:30Z', 'PT30M', '210'), (3, 'id', '3', 'import', '2026-11-20T17:00Z', 'PT30M', '7.5');
SELECT described(chart_metered_energy()), described(chart_metered_energy(3)), described(chart_metered_energy(NULL, '2026-11-01T00:00Z/P30D')), described(chart_metered_energy(2)), described(chart_metered_energy(1, '2026-11-20T17:30Z/PT30M'));
SELECT (regexp_match(report_readings(NULL), 'Nov 2026</th>(.*?)</tr>'))[1] AS november, report_readings('2030-01-01T00:00Z/P1D') AS elsewhere;
-- nothing there
SELECT described(chart_price_duration(delivery => '2030-01-01T00:00Z/P1D')), described(chart_volume_by_product(delivery => '2030-01-01T00:00Z/P1D')), described(chart_need_against_offers(delivery => '2030-01-01T00:00Z/P1D')),
       described(chart_commitment_timeline(1, '2030-01-01T00:00Z/P1D')), described(chart_conflicts('2030-01-01T00:00Z/P1D')), described(chart_need_against_offers(1)), described(chart_need_against_offers(direction => 'down'));

-- what is not known
SELECT fails($$SELECT chart_price_duration('dos')$$), fails($$SELECT chart_price_duration('dso', 'DC')$$), fails($$SELECT chart_price_duration(NULL, 'XX')$$);
SELECT fails($$SELECT chart_price_duration(subject => 'bids')$$), fails($$SELECT chart_price_duration(price => 'availability')$$), fails($$SELECT chart_volume_by_product(resolution => 'fortnight')$$), fails($$SELECT chart_volume_by_product(width => 5)$$);
SELECT fails($$SELECT chart_merit_order(99)$$), fails($$SELECT chart_merit_order(1, direction => 'left')$$), fails($$SELECT chart_commitment_timeline(99)$$), fails($$SELECT chart_need_against_offers(3)$$), fails($$SELECT chart_need_against_offers(service_code => 'XX')$$), fails($$SELECT chart_need_against_offers(direction => 'left')$$);
UPDATE market SET currency = 'EUR' WHERE id = 1;
UPDATE dispatch SET status = 'cancelled' WHERE id = 302;
INSERT INTO dispatch (id, award_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (303, 203, 1, 3, 1, 'up', 100, '2026-11-20T20:00Z/PT1H', 70);
SELECT fails($$SELECT chart_price_duration()$$), described(chart_price_duration('neso'));
UPDATE market SET currency = 'GBP' WHERE id = 1;
UPDATE dispatch SET status = 'cancelled' WHERE id = 303;

-- each sees its own: the seller 0.4 MWh and its two bids, the rival its own two and not the other's prices
SET ROLE chart_seller;
SELECT described(chart_price_duration()), described(chart_merit_order(1));
SELECT described(chart_commitment_timeline(1));
SELECT described(chart_conflicts()), described(chart_registered_capacity()), fails('SELECT chart_commitment_timeline(2)');
SET ROLE chart_rival;
SELECT described(chart_metered_energy());
SELECT described(chart_price_duration(subject => 'award')), described(chart_merit_order(1)), described(chart_conflicts());
SELECT described(chart_merit_order(2)), fails('SELECT chart_commitment_timeline(1)');
-- the buyer sees the bids of the gate that has closed, and not those of the one that is open; of conflicts what it was told
SET ROLE chart_dso;
SELECT described(chart_merit_order(1)), described(chart_merit_order(2));
SELECT described(chart_commitment_timeline(1));
SELECT described(chart_conflicts()), described(chart_need_against_offers());
SET ROLE chart_neso;
SELECT described(chart_price_duration()), described(chart_merit_order(1)), described(chart_need_against_offers());
SET ROLE chart_regulator;
SELECT described(chart_merit_order(1)) AS one, described(chart_conflicts());
-- an analyst sees needs and what is published; trades it may not read
SET ROLE chart_analyst;
SELECT described(chart_carbon_intensity());
SELECT described(chart_need_against_offers()), fails('SELECT chart_price_duration()'), fails('SELECT chart_conflicts()'), fails('SELECT chart_merit_order(1)');
SET ROLE chart_nobody;
SELECT public.fails('SELECT chart_test.chart_price_duration()'), public.fails('SELECT chart_test.report_html()');
RESET ROLE;

-- the report: sections, and who is in them
CREATE FUNCTION public.outline(page text) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s; figures %s, tables %s, wide %s, narrow %s', (SELECT string_agg(m[1], ', ') FROM regexp_matches(page, '<h2>([^<]*)', 'g') m), regexp_count(page, '<figure>'), regexp_count(page, '<table>'), regexp_count(page, 'class="wide"'), regexp_count(page, 'class="narrow"')) $$;
SELECT outline(report_html('Report <b>"x"</b>')), (regexp_match(report_html('Report <b>"x"</b>'), '<h1[^>]*>([^<]*)</h1>'))[1];
SELECT (regexp_match(report_summary(NULL), '<p>([^<]*)</p>'))[1];
SELECT (regexp_match(report_html(delivery => '2026-11-20T00:00Z/P1D'), 'class="quiet">([^.]*)'))[1], (regexp_match(report_html(delivery => '-infinity/2026-11-20T00:00Z'), 'class="quiet">([^.]*)'))[1];
SELECT m[1] AS sources FROM regexp_matches(report_html(sources => ARRAY['A & B, <CC BY 4.0>.', NULL]), '<li>(A [^<]*)</li>', 'g') m;
-- one page, from its first tag to its last, that needs nothing else
SELECT page LIKE '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8">%</html>' AS whole, page ~* '<script|<iframe|<object|<img|@import|url\((?!#)|src=|href="(?!#|data:,")' AS needs_more,
       xmlparse(document replace(regexp_replace(page, '<(meta|link)([^>]*)>', '<\1\2/>', 'g'), '<!DOCTYPE html>', '')) IS NOT NULL AS well_formed,
       (SELECT count(*) - count(DISTINCT m[1]) FROM regexp_matches(page, ' id="([^"]*)"', 'g') m) AS repeated_ids
FROM report_html('x') page;
SET ROLE chart_seller;
SELECT outline(page), page LIKE '%for Volt &amp; &lt;Sons&gt;.%' AS addressed, page LIKE '%Rival%' AS names_rival FROM report_html() page;
SELECT (regexp_match(report_summary(NULL), '<p>([^<]*)</p>'))[1];
SET ROLE chart_regulator;
SELECT outline(report_html());
SET ROLE chart_analyst;
SELECT outline(page), page LIKE '%draft%' AS tells_drafts FROM report_html() page;
RESET ROLE;
-- what has no end
INSERT INTO asset (id, name) VALUES (4, 'for ever');
INSERT INTO award (product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, availability_price_per_mw_h) VALUES (1, 3, 4, 'up', 10, '2026-11-20T18:00Z/infinity', 12.5);
SELECT described(chart_commitment_timeline(4)), described(chart_volume_by_product('neso', subject => 'award')), described(chart_price_duration('neso', subject => 'award', price => 'availability'));
SELECT outline(report_html());
-- an exchange with nothing in it
DROP FUNCTION public.described(text), public.fails(text);
SELECT flexexchange.create_exchange('chart_empty', 'medium');
SELECT outline(chart_empty.report_html());
DROP FUNCTION public.outline(text);
SELECT flexexchange.drop_exchange('chart_empty', true), flexexchange.drop_exchange('chart_test', true);
DROP ROLE chart_neso, chart_dso, chart_seller, chart_rival, chart_analyst, chart_regulator, chart_nobody;
