-- archetype: medium
-- The report: charts and tables of a window of deliveries on one page of HTML.
--
-- The page needs nothing but itself: no script, font or picture from elsewhere.  Each chart stands on it twice, wide
-- and narrow, and the style shows the one that fits; beside each stands a table with its figures.  Like the charts
-- it runs as its caller, below row-level security: two readers get two reports.

CREATE OR REPLACE FUNCTION report_figure(wide text, narrow text, words text DEFAULT NULL) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT '<figure><div class="wide">' || wide || '</div><div class="narrow">' || narrow || '</div>' || coalesce('<figcaption>' || chart_text(words, 1000) || '</figcaption>', '') || '</figure>'
$function$;
COMMENT ON FUNCTION report_figure(text, text, text) IS 'a chart drawn for a desk and for a phone, with a caption';
REVOKE ALL ON FUNCTION report_figure(text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_figure(text, text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_style() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT $css$
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--quiet:#57606a;--line:#d8dee4;--shade:#f6f8fa}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:884px;padding:24px 32px 48px;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .4rem}
h2{font-size:1.35rem;line-height:1.25;margin:3rem 0 .6rem;padding-top:.9rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.8rem 0 .3rem}
p,ul{margin:.4rem 0 1rem;max-width:44rem}
.quiet,figcaption,caption{color:var(--quiet)}
figure{margin:1.2rem 0 1.6rem}
figcaption{font-size:.875rem;margin-top:.4rem}
svg{display:block;max-width:100%;height:auto}
.narrow{display:none}
dl.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:12px;margin:1.2rem 0}
dl.figures div{display:flex;flex-direction:column-reverse;justify-content:flex-end;border:1px solid var(--line);border-radius:6px;padding:10px 12px;background:var(--shade)}
dl.figures dd{margin:0;font-size:1.35rem;font-weight:600;line-height:1.3}
dl.figures dt{color:var(--quiet);font-size:.875rem;line-height:1.35}
.scroll{overflow-x:auto;margin:1rem 0 1.6rem}
.scroll:focus-visible{outline:2px solid #0072b2;outline-offset:2px}
table{border-collapse:collapse;font-size:.875rem;line-height:1.4;min-width:100%}
caption{text-align:left;padding:0 0 6px}
caption span{display:inline-block;position:sticky;left:0;max-width:calc(100vw - 32px)}
th,td{padding:5px 16px 5px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--line);overflow-wrap:normal}
thead th{border-bottom:2px solid var(--quiet);vertical-align:bottom}
tbody th{font-weight:400;min-width:9rem;position:sticky;left:0;background:var(--paper)}
td:not(.n){min-width:6.5rem}
td.long{min-width:12rem}
th:last-child,td:last-child{padding-right:0}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
thead .n{white-space:normal;min-width:3.4rem}
ol.words{padding-left:1.4rem;max-width:50rem}
ol.words li{margin:.6rem 0}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:4px 18px;max-width:none}
a{color:#0063a3}
@media screen and (max-width:759px){body{padding:16px 16px 32px}th,td{padding-right:12px}tbody th{min-width:7rem}h1{font-size:1.5rem}h2{margin-top:2.2rem}.wide{display:none}.narrow{display:block}.narrow svg{margin:0 auto}dl.figures{grid-template-columns:repeat(2,1fr);gap:8px}dl.figures dd{font-size:1.25rem}}
@media screen and (prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#e6edf3;--quiet:#9aa4af;--line:#2d333b;--shade:#1b2027}a{color:#6cb6ff}}
@media print{@page{size:A4;margin:14mm}body{max-width:none;padding:0;font-size:10.5pt}nav{display:none}h2,h3,caption{break-after:avoid}figure,tr,dl.figures,li{break-inside:avoid}.scroll{overflow:visible}thead{display:table-header-group}table{font-size:9pt}tbody th{position:static;background:none}dl.figures{grid-template-columns:repeat(7,1fr);gap:6px}dl.figures div{padding:6px 8px}dl.figures dt{font-size:8pt}dl.figures dd{font-size:13pt}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
$css$
$function$;
COMMENT ON FUNCTION report_style() IS 'the style of a report: for desk, phone and A4 paper, light and dark';
REVOKE ALL ON FUNCTION report_style() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_style() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- ---------------------------------------------------------------- sections

CREATE OR REPLACE FUNCTION report_prices(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  html text := '';
  part record;
BEGIN
  FOR part IN
    SELECT s.subject, k.price, k.unit, count(t.price) AS priced
    FROM unnest(ARRAY['dispatch', 'award', 'availability']) WITH ORDINALITY AS s (subject, place)
    CROSS JOIN (VALUES ('utilisation', 'MWh', 1), ('availability', 'MW h', 2)) AS k (price, unit, place)
    CROSS JOIN LATERAL (SELECT CASE k.price WHEN 'utilisation' THEN d.utilisation_price_per_mwh ELSE d.availability_price_per_mw_h END AS price
                        FROM drawn_trades(s.subject, NULL, NULL, delivery) d) t
    GROUP BY s.subject, s.place, k.price, k.unit, k.place HAVING count(t.price) > 0 ORDER BY k.place, s.place
  LOOP
    html := html
      || CASE WHEN (SELECT count(DISTINCT t.currency) FROM drawn_trades(part.subject, NULL, NULL, delivery) t) > 1 THEN ''
              ELSE report_figure(chart_price_duration(NULL, NULL, delivery, part.subject, part.price), chart_price_duration(NULL, NULL, delivery, part.subject, part.price, 358)) END
      || (SELECT html_table(format('Prices of %s %s, per %s; the mean is weighted by volume', part.price, subject_words(part.subject), part.unit),
                            ARRAY['Product', 'Currency', 'Trades', part.unit, 'Mean', 'Lowest', 'Median', 'Highest'],
                            array_agg(c.cell ORDER BY r.volume DESC NULLS LAST, r.product_name COLLATE "C", c.place), 2)
          FROM (SELECT t.product_name, t.currency, count(*) AS trades, sum(t.mw_h) AS volume, sum(t.price * t.mw_h) / nullif(sum(t.mw_h), 0) AS mean, min(t.price) AS low,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY t.price) AS median, max(t.price) AS high
                FROM (SELECT d.*, CASE part.price WHEN 'utilisation' THEN d.utilisation_price_per_mwh ELSE d.availability_price_per_mw_h END AS price FROM drawn_trades(part.subject, NULL, NULL, delivery) d) t
                WHERE t.price IS NOT NULL GROUP BY 1, 2) r
          CROSS JOIN LATERAL unnest(ARRAY[r.product_name, r.currency, chart_number(r.trades), chart_number(r.volume, 1), chart_number(r.mean, 2), chart_number(r.low, 2), chart_number(r.median, 2), chart_number(r.high, 2)])
            WITH ORDINALITY AS c (cell, place));
  END LOOP;
  RETURN CASE WHEN html = '' THEN '<p>No priced trades that you may read in this window.</p>' ELSE html END;
END
$function$;
COMMENT ON FUNCTION report_prices(time_window) IS 'section of a report: price duration and prices by product, for each kind of trade and price that there is';
REVOKE ALL ON FUNCTION report_prices(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_prices(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_volumes(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  html text := '';
  part text;
BEGIN
  FOR part IN
    SELECT s.subject FROM unnest(ARRAY['dispatch', 'award', 'availability']) WITH ORDINALITY AS s (subject, place)
    WHERE EXISTS (SELECT FROM drawn_trades(s.subject, NULL, NULL, delivery) t WHERE t.mw_h IS NOT NULL) ORDER BY s.place
  LOOP
    html := html || report_figure(chart_volume_by_product(NULL, delivery, part), chart_volume_by_product(NULL, delivery, part, NULL, 358))
      || (SELECT html_table(format('Volume %s, by product', subject_words(part)), ARRAY['Product', 'Trades', 'Units', 'Providers', 'HHI', CASE part WHEN 'dispatch' THEN 'MWh' ELSE 'MW h' END, 'Share'],
                            array_agg(c.cell ORDER BY r.volume DESC NULLS LAST, r.product_name COLLATE "C", c.place))
          FROM (SELECT t.product_name, sum(t.trades) AS trades, sum(t.units) AS units, count(DISTINCT t.service_provider_id) AS providers, sum(t.volume) AS volume, sum(t.volume) / nullif(sum(sum(t.volume)) OVER (), 0) AS share,
                       -- who reads its own trades alone would read that it is alone
                       CASE WHEN may_read('conflict') THEN herfindahl_hirschman_index(array_agg(t.volume)) END AS hhi
                FROM (SELECT d.product_name, d.service_provider_id, count(*) AS trades, count(DISTINCT d.unit_id) AS units, sum(d.mw_h) AS volume FROM drawn_trades(part, NULL, NULL, delivery) d GROUP BY 1, 2) t GROUP BY 1) r
          CROSS JOIN LATERAL unnest(ARRAY[r.product_name, chart_number(r.trades), chart_number(r.units), chart_number(r.providers), chart_number(r.hhi, 0), chart_number(r.volume, 1), chart_number(100 * r.share, 1) || ' %']) WITH ORDINALITY AS c (cell, place))
      || coalesce((SELECT html_table(format('Volume %s, by technology', subject_words(part)), ARRAY['Technology', 'Trades', 'Units', CASE part WHEN 'dispatch' THEN 'MWh' ELSE 'MW h' END, 'Share'],
                                     array_agg(c.cell ORDER BY r.volume DESC NULLS LAST, r.technology COLLATE "C", c.place))
          FROM (SELECT coalesce(t.technology, 'not said') AS technology, count(*) AS trades, count(DISTINCT t.unit_id) AS units, sum(t.mw_h) AS volume, sum(t.mw_h) / nullif(sum(sum(t.mw_h)) OVER (), 0) AS share, count(*) OVER () AS technologies
                FROM drawn_trades(part, NULL, NULL, delivery) t GROUP BY 1 ORDER BY sum(t.mw_h) DESC NULLS LAST LIMIT 12) r
          CROSS JOIN LATERAL unnest(ARRAY[r.technology, chart_number(r.trades), chart_number(r.units), chart_number(r.volume, 1), chart_number(100 * r.share, 1) || ' %']) WITH ORDINALITY AS c (cell, place)
          WHERE r.technologies > 1 HAVING count(*) > 0), '')
      || coalesce((SELECT html_table(format('Volume %s, by month of delivery', subject_words(part)), ARRAY['Month', 'Trades', CASE part WHEN 'dispatch' THEN 'MWh' ELSE 'MW h' END],
                                     array_agg(c.cell ORDER BY r.month, c.place))
          FROM (SELECT m.month, count(DISTINCT m.trade_id) AS trades, sum(m.volume) AS volume, count(*) OVER () AS months
                FROM (SELECT date_trunc('month', lower(p.period) AT TIME ZONE zone) AS month, t.trade_id, t.power_kw / 1000 * p.hours AS volume
                      FROM drawn_trades(part, NULL, NULL, delivery) t CROSS JOIN LATERAL window_pieces(t.delivery_window, coalesce(delivery, t.delivery_window), 'month', zone) p WHERE t.mw_h IS NOT NULL) m
                GROUP BY m.month ORDER BY m.month DESC LIMIT 36) r
          CROSS JOIN LATERAL unnest(ARRAY[to_char(r.month, 'Mon YYYY'), chart_number(r.trades), chart_number(r.volume, 1)]) WITH ORDINALITY AS c (cell, place)
          WHERE r.months > 1 HAVING count(*) > 0), '');
  END LOOP;
  RETURN CASE WHEN html = '' THEN '<p>No trades that you may read in this window.</p>' ELSE html END;
END
$function$;
COMMENT ON FUNCTION report_volumes(time_window) IS 'section of a report: volumes by product, over time and in sum, for each kind of trade that there is; by technology and by month (the last 36), where there is more than one; the index of concentration for the operator and the regulator';
REVOKE ALL ON FUNCTION report_volumes(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_volumes(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_competitions(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  shown record;
BEGIN
  -- the competition and instant whose outcome says most: with much on both sides of the line, then with much
  SELECT i.competition_id, i.direction, i.instant INTO shown
  FROM (SELECT DISTINCT b.competition_id, b.direction, lower(b.delivery_window) AS instant FROM bid b
        WHERE b.competition_id IS NOT NULL AND b.status NOT IN ('withdrawn', 'held') AND lower(b.delivery_window) > '-infinity' AND (delivery IS NULL OR b.delivery_window && delivery)) i
  JOIN bid b ON b.competition_id = i.competition_id AND b.direction = i.direction AND lower(b.delivery_window) <= i.instant AND i.instant < upper(b.delivery_window) AND b.status NOT IN ('withdrawn', 'held')
  GROUP BY 1, 2, 3
  ORDER BY least(count(*) FILTER (WHERE b.status = 'awarded'), 5 * count(*) FILTER (WHERE b.status <> 'awarded')) DESC, count(*) DESC, 1, 3, 2 LIMIT 1;
  IF NOT FOUND THEN
    RETURN '<p>No bids that you may read in this window.</p>';
  END IF;
  RETURN report_figure(chart_merit_order(shown.competition_id, shown.instant, shown.direction), chart_merit_order(shown.competition_id, shown.instant, shown.direction, width => 358))
    || (SELECT html_table('Competitions, those with most bids first', ARRAY['Competition', 'Buyer', 'Bidders', 'Bids', 'Offered, MW h', 'Awarded, MW h', 'Accepted'],
                          array_agg(c.cell ORDER BY r.bids DESC, r.id, c.place), 2)
        FROM (SELECT c.id, c.name, o.name AS buyer, count(DISTINCT b.service_provider_id) AS bidders, count(*) AS bids, sum(e.mw_h) AS offered, coalesce(sum(e.mw_h) FILTER (WHERE b.status = 'awarded'), 0) AS awarded
              FROM bid b JOIN competition c ON c.id = b.competition_id JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id JOIN participant o ON o.id = m.market_operator_id
              CROSS JOIN LATERAL (SELECT CASE WHEN isfinite(lower(b.delivery_window)) AND isfinite(upper(b.delivery_window))
                                              THEN b.power_kw / 1000 * extract(epoch FROM upper(b.delivery_window) - lower(b.delivery_window)) / 3600 END AS mw_h) e
              WHERE b.status NOT IN ('withdrawn', 'held') AND (delivery IS NULL OR b.delivery_window && delivery)
              GROUP BY c.id, o.name ORDER BY count(*) DESC, c.id LIMIT 15) r
        CROSS JOIN LATERAL unnest(ARRAY[r.name, r.buyer, chart_number(r.bidders), chart_number(r.bids), chart_number(r.offered, 1), chart_number(r.awarded, 1), chart_number(100 * r.awarded / nullif(r.offered, 0), 1) || ' %'])
          WITH ORDINALITY AS c (cell, place));
END
$function$;
COMMENT ON FUNCTION report_competitions(time_window) IS 'section of a report: the merit order of one competition, and the fifteen with most bids: bidders, bids, offered, awarded';
REVOKE ALL ON FUNCTION report_competitions(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_competitions(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_needs(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM need n WHERE n.status IN ('published', 'met', 'expired') AND (delivery IS NULL OR n.delivery_window && delivery)) THEN
    RETURN '<p>No published needs in this window.</p>';
  END IF;
  RETURN report_figure(chart_need_against_offers(NULL, NULL, NULL, delivery), chart_need_against_offers(NULL, NULL, NULL, delivery, NULL, 358))
    || (SELECT html_table('Published needs, by service; prices as the operator had in mind, per MWh of utilisation',
                          ARRAY['Operator', 'Service', 'Needs', 'Met', 'Expired', 'Places', 'Largest, MW', 'Guide prices'], array_agg(c.cell ORDER BY r.needs DESC, r.operator COLLATE "C", r.service COLLATE "C", r.direction, c.place), 2)
        FROM (SELECT p.name AS operator, s.name AS service, n.direction, count(*) AS needs, count(*) FILTER (WHERE n.status = 'met') AS met, count(*) FILTER (WHERE n.status = 'expired') AS expired,
                     count(DISTINCT n.grid_node_id) AS places, max(n.power_kw) / 1000 AS largest, min(n.guide_price_per_mwh) AS low, max(n.guide_price_per_mwh) AS high
              FROM need n JOIN participant p ON p.id = n.market_operator_id JOIN service s ON s.code = n.service_code
              WHERE n.status IN ('published', 'met', 'expired') AND (delivery IS NULL OR n.delivery_window && delivery) GROUP BY 1, 2, 3 ORDER BY count(*) DESC LIMIT 24) r
        CROSS JOIN LATERAL unnest(ARRAY[r.operator, r.service || ', ' || r.direction, chart_number(r.needs), chart_number(r.met), chart_number(r.expired), chart_number(r.places), chart_number(r.largest, 1), CASE WHEN r.low < r.high THEN chart_number(r.low, 2) || ' to ' || chart_number(r.high, 2) ELSE chart_number(r.low, 2) END])
          WITH ORDINALITY AS c (cell, place));
END
$function$;
COMMENT ON FUNCTION report_needs(time_window) IS 'section of a report: need against offers, and needs by operator, service and direction';
REVOKE ALL ON FUNCTION report_needs(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_needs(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_conflicts(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  shown record;
  said text[];
BEGIN
  -- the unit with findings of most kinds, blocking ones before others, on the day of its first
  SELECT f.unit, chart_span(NULL, min(lower(f.overlap)), max(upper(f.overlap)), zone) AS span INTO shown
  FROM (SELECT k.*, min(lower(k.overlap)) OVER (PARTITION BY k.unit) AS first FROM known_conflicts(delivery) k) f
  WHERE isfinite(f.first) AND f.overlap && time_window(f.first, f.first + interval '1 day')
    AND (EXISTS (SELECT FROM asset a WHERE a.id = f.unit) OR EXISTS (SELECT FROM portfolio p WHERE p.id = f.unit))
  GROUP BY f.unit ORDER BY count(DISTINCT f.kind) DESC, bool_or(f.severity = 'blocking') DESC, count(*), f.unit LIMIT 1;
  IF NOT FOUND AND NOT EXISTS (SELECT FROM known_conflicts(delivery)) THEN
    RETURN '<p>No open conflicts that you know of in this window.</p>';
  END IF;
  IF may_read('conflict') THEN
    said := ARRAY(SELECT explain_conflict(k.conflict_id) FROM (SELECT f.conflict_id, f.severity, f.kind, row_number() OVER (PARTITION BY f.kind ORDER BY f.severity DESC, f.conflict_id) AS turn FROM known_conflicts(delivery) f) k
                  WHERE k.turn <= 2 ORDER BY k.turn, k.severity DESC, k.kind COLLATE "C" LIMIT 6);
  ELSE
    said := ARRAY(SELECT n.message FROM notification n WHERE n.id IN (SELECT max(o.id) FROM notification o WHERE o.conflict_id IN (SELECT f.conflict_id FROM known_conflicts(delivery) f) GROUP BY o.conflict_id) ORDER BY n.id DESC LIMIT 6);
  END IF;
  RETURN report_figure(chart_conflicts(delivery), chart_conflicts(delivery, 358))
    || (SELECT html_table('Open conflicts, by kind and pair of services, those most found first', ARRAY['Kind', 'Severity', 'Service', 'Other service', 'Findings', 'Units'], array_agg(c.cell ORDER BY r.findings DESC, r.kind, r.severity DESC, r.a, r.b, c.place), 4)
        FROM (SELECT replace(k.kind, '_', ' ') AS kind, k.severity, coalesce(a.name, k.a) AS a, coalesce(b.name, k.b) AS b, count(*) AS findings, count(DISTINCT k.unit) AS units
              FROM (SELECT f.kind, f.severity, f.unit, least(f.service_a, f.service_b) AS a, CASE WHEN f.service_b IS NOT NULL THEN greatest(f.service_a, f.service_b) END AS b FROM known_conflicts(delivery) f) k
              LEFT JOIN service a ON a.code = k.a LEFT JOIN service b ON b.code = k.b GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3, 4 LIMIT 25) r
        CROSS JOIN LATERAL unnest(ARRAY[r.kind, r.severity, r.a, r.b, chart_number(r.findings), chart_number(r.units)]) WITH ORDINALITY AS c (cell, place))
    || CASE WHEN shown.unit IS NULL THEN ''
            ELSE '<h3>One of the units, on the day</h3>' || report_figure(chart_commitment_timeline(shown.unit, shown.span), chart_commitment_timeline(shown.unit, shown.span, 358)) END
    || '<h3>In words</h3><ol class="words">' || coalesce((SELECT string_agg('<li dir="auto">' || chart_text(w.words, 2000) || '</li>', '' ORDER BY w.place) FROM unnest(said) WITH ORDINALITY AS w (words, place)), '') || '</ol>';
END
$function$;
COMMENT ON FUNCTION report_conflicts(time_window) IS 'section of a report: open conflicts by kind and pair of services, the timeline of a unit that has one, and up to six in words';
REVOKE ALL ON FUNCTION report_conflicts(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_conflicts(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_register() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN count(*) = 0 THEN '<p>No assets that you may read.</p>'
    ELSE report_figure(chart_registered_capacity(), chart_registered_capacity(358))
         || html_table('Registered assets, by technology', ARRAY['Technology', 'Assets', 'Installed, MW', 'Connected, MW', 'Pending, MW'],
                       array_agg(c.cell ORDER BY r.mw DESC NULLS LAST, r.technology COLLATE "C", c.place)) END
  FROM (SELECT g.technology, sum(g.assets) AS assets, sum(g.mw) AS mw, sum(g.mw) FILTER (WHERE g.connection_status = 'connected') AS connected, sum(g.mw) FILTER (WHERE g.connection_status = 'pending') AS pending
        FROM registered_capacity() g GROUP BY 1) r
  CROSS JOIN LATERAL unnest(ARRAY[r.technology, chart_number(r.assets), chart_number(r.mw, 1), chart_number(r.connected, 1), chart_number(r.pending, 1)]) WITH ORDINALITY AS c (cell, place)
$function$;
COMMENT ON FUNCTION report_register() IS 'section of a report: registered capacity by technology';
REVOKE ALL ON FUNCTION report_register() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_register() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_readings(delivery time_window) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN count(*) = 0 THEN '' ELSE
    report_figure(chart_metered_energy(NULL, delivery), chart_metered_energy(NULL, delivery, 358))
    || html_table('Readings, by month', ARRAY['Month', 'Units', 'Readings', 'Estimated', 'Imported, kWh', 'Exported, kWh', 'Net, kWh', 'Most, kW'], array_agg(c.cell ORDER BY m.month, c.place))
    || coalesce((SELECT html_table('Why readings were rejected', ARRAY['Reason', 'Column', 'Times'], array_agg(x.cell ORDER BY j.times DESC, j.reason COLLATE "C", j.column_name COLLATE "C", x.place), 2)
                 FROM (SELECT r.reason, r.column_name, count(*) AS times FROM meter_reading_rejection r GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 12) j
                 CROSS JOIN LATERAL unnest(ARRAY[j.reason, replace(j.column_name, '_', ' '), chart_number(j.times)]) WITH ORDINALITY AS x (cell, place) HAVING count(*) > 0), '') END
  FROM (SELECT date_trunc('month', d.day::timestamp) AS month, count(DISTINCT d.resource_id) AS units, sum(d.readings) AS readings, sum(d.estimated) AS estimated, sum(d.energy_kwh) FILTER (WHERE d.flow = 'import') AS imported,
               sum(d.energy_kwh) FILTER (WHERE d.flow = 'export') AS exported, sum(d.energy_kwh) FILTER (WHERE d.flow = 'net') AS net, max(greatest(abs(d.greatest_kw), abs(d.least_kw))) AS most
        FROM daily_reading d WHERE delivery IS NULL OR local_midnight(d.day) >= lower(delivery) AND local_midnight(d.day) < upper(delivery) GROUP BY 1 ORDER BY 1 DESC LIMIT 36) m
  CROSS JOIN LATERAL unnest(ARRAY[to_char(m.month, 'Mon YYYY'), chart_number(m.units), chart_number(m.readings), chart_number(m.estimated), chart_number(m.imported, 1), chart_number(m.exported, 1), chart_number(m.net, 1), chart_number(m.most, 2)])
    WITH ORDINALITY AS c (cell, place)
$function$;
COMMENT ON FUNCTION report_readings(time_window) IS 'section of a report: energy that was read over time and by month (the last 36), and why readings were rejected; empty where there are none';
REVOKE ALL ON FUNCTION report_readings(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_readings(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_published_figures(delivery time_window) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT concat(
    (SELECT string_agg(report_figure(chart_carbon_intensity(delivery, a.area), chart_carbon_intensity(delivery, a.area, 358)) || (
       SELECT html_table(format('Carbon intensity, %s, g CO2 per kWh; how far forecasts were off, on average', a.area), ARRAY['Month', 'Steps', 'Mean', 'Lowest', 'Highest', 'Forecast off by'],
                         array_agg(c.cell ORDER BY m.month, c.place))
       FROM (SELECT date_trunc('month', i.starts_at AT TIME ZONE e.time_zone) AS month, count(*) AS steps,
                    sum(coalesce(i.actual_g_per_kwh, i.forecast_g_per_kwh) * extract(epoch FROM i.ends_at - i.starts_at)) / sum(extract(epoch FROM i.ends_at - i.starts_at)) AS mean, min(coalesce(i.actual_g_per_kwh, i.forecast_g_per_kwh)) AS low,
                    max(coalesce(i.actual_g_per_kwh, i.forecast_g_per_kwh)) AS high, avg(abs(i.forecast_g_per_kwh - i.actual_g_per_kwh)) AS off
             FROM carbon_intensity i CROSS JOIN exchange_instance e
             WHERE i.area = a.area AND (delivery IS NULL OR i.starts_at < upper(delivery) AND i.ends_at > lower(delivery)) GROUP BY 1 ORDER BY 1 DESC LIMIT 36) m
       CROSS JOIN LATERAL unnest(ARRAY[to_char(m.month, 'Mon YYYY'), chart_number(m.steps), chart_number(m.mean, 1), chart_number(m.low, 0), chart_number(m.high, 0), chart_number(m.off, 1)]) WITH ORDINALITY AS c (cell, place)), '' ORDER BY a.area COLLATE "C")
     FROM (SELECT DISTINCT i.area FROM carbon_intensity i WHERE delivery IS NULL OR i.starts_at < upper(delivery) AND i.ends_at > lower(delivery) ORDER BY 1 LIMIT 3) a),
    (SELECT string_agg(report_figure(chart_system_price(a.kind, delivery, a.area), chart_system_price(a.kind, delivery, a.area, 358)), '' ORDER BY a.area COLLATE "C", a.kind)
     FROM (SELECT DISTINCT p.kind, p.area FROM system_price p WHERE delivery IS NULL OR p.starts_at < upper(delivery) AND p.ends_at > lower(delivery) ORDER BY 2, 1 LIMIT 5) a),
    (SELECT html_table('Prices of energy, per MWh', ARRAY['Kind', 'Area', 'Currency', 'Steps', 'Mean', 'Lowest', 'Highest'], array_agg(c.cell ORDER BY m.area COLLATE "C", m.kind, m.currency, c.place), 3)
     FROM (SELECT replace(p.kind, '_', ' ') AS kind, p.area, p.currency, count(*) AS steps, sum(p.price_per_mwh * extract(epoch FROM p.ends_at - p.starts_at)) / sum(extract(epoch FROM p.ends_at - p.starts_at)) AS mean, min(p.price_per_mwh) AS low, max(p.price_per_mwh) AS high
           FROM system_price p WHERE delivery IS NULL OR p.starts_at < upper(delivery) AND p.ends_at > lower(delivery) GROUP BY 1, 2, 3) m
     CROSS JOIN LATERAL unnest(ARRAY[m.kind, m.area, m.currency, chart_number(m.steps), chart_number(m.mean, 2), chart_number(m.low, 2), chart_number(m.high, 2)]) WITH ORDINALITY AS c (cell, place) HAVING count(*) > 0))
$function$;
COMMENT ON FUNCTION report_published_figures(time_window) IS 'section of a report: carbon intensity and prices of energy over time, and their means; empty where there are none';
REVOKE ALL ON FUNCTION report_published_figures(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_published_figures(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_imports() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT html_table('Files that were read', ARRAY['File', 'Rows that went in', 'Rows rejected', 'Values left out', 'Words left open'],
                    (SELECT array_agg(c.cell ORDER BY r.importer, c.place)
                     FROM (SELECT i.importer, count(*) FILTER (WHERE i.what = 'in') AS taken, count(*) FILTER (WHERE i.what = 'row') AS rejected, count(*) FILTER (WHERE i.what = 'value') AS left_out, count(*) FILTER (WHERE i.what = 'word') AS words
                           FROM (SELECT DISTINCT w.importer, w.row_digest::text AS mark, 'in' AS what FROM import_row w
                                 UNION SELECT o.importer, CASE o.effect WHEN 'row' THEN o.row_digest::text ELSE o.id::text END, o.effect FROM import_rejection o
                                 UNION SELECT 'carbon_intensity', concat(k.area, k.starts_at), 'in' FROM carbon_intensity k UNION SELECT 'system_price', concat(k.kind, k.area, k.starts_at), 'in' FROM system_price k
                                 UNION SELECT f.table_name, f.id::text, 'row' FROM market_figure_rejection f) i GROUP BY 1) r
                     CROSS JOIN LATERAL unnest(ARRAY[replace(r.importer, '_', ' '), chart_number(r.taken), chart_number(r.rejected), chart_number(r.left_out), chart_number(r.words)]) WITH ORDINALITY AS c (cell, place)), 1, 'No file was imported.')
    || html_table('Why something was left out, the most frequent reasons', ARRAY['Reason', 'Column', 'File', 'Left out', 'Times'],
                  (SELECT array_agg(c.cell ORDER BY r.times DESC, r.importer, r.column_name, r.reason, c.place)
                   FROM (SELECT o.importer, o.column_name, regexp_replace(o.reason, '''[^'']*''', '...', 'g') AS reason, o.effect, count(*) AS times
                         FROM import_rejection o GROUP BY 1, 2, 3, 4 ORDER BY count(*) DESC, 1, 2, 3 LIMIT 12) r
                   CROSS JOIN LATERAL unnest(ARRAY[r.reason, replace(r.column_name, '_', ' '), replace(r.importer, '_', ' '), r.effect, chart_number(r.times)]) WITH ORDINALITY AS c (cell, place)), 4, 'Nothing was left out.')
$function$;
COMMENT ON FUNCTION report_imports() IS 'section of a report: what importers took in and left out, and why';
REVOKE ALL ON FUNCTION report_imports() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_imports() TO flexexchange_operator, flexexchange_regulator;

-- ---------------------------------------------------------------- the page

CREATE OR REPLACE FUNCTION report_summary(delivery time_window) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  words text := '';
  figures text := '';
  r record;
BEGIN
  SELECT count(*) FILTER (WHERE 'market_operator' = ANY (p.kinds)) AS buyers, count(*) FILTER (WHERE 'service_provider' = ANY (p.kinds)) AS sellers INTO r FROM participant p;
  words := words || format('%s and %s take part. ', chart_count(r.buyers, 'market operator'), chart_count(r.sellers, 'service provider'));
  IF may_read('asset') THEN
    SELECT sum(c.assets) AS assets, sum(c.mw) AS mw INTO r FROM registered_capacity() c;
    IF r.assets > 0 THEN
      words := words || format('%s of %s MW are registered. ', chart_count(r.assets, 'asset'), coalesce(chart_number(r.mw), 'unknown'));
      figures := figures || format('<div><dt>assets registered</dt><dd>%s</dd></div><div><dt>MW installed</dt><dd>%s</dd></div>', chart_number(r.assets), coalesce(chart_number(r.mw), '&#8211;'));
    END IF;
  END IF;
  IF may_read('bid', 'award', 'availability', 'dispatch', 'commitment') THEN
    SELECT count(*) AS trades, sum(t.mw_h) AS volume, sum(t.mw_h * t.utilisation_price_per_mwh) / nullif(sum(t.mw_h) FILTER (WHERE t.utilisation_price_per_mwh IS NOT NULL), 0) AS mean, min(t.currency) AS currency,
           count(DISTINCT t.currency) AS currencies, count(DISTINCT t.unit_id) AS units, min(lower(t.delivery_window)) AS since, max(upper(t.delivery_window)) AS until INTO r
    FROM drawn_trades('dispatch', NULL, NULL, delivery) t;
    IF r.trades > 0 THEN
      words := words || format('%s called %s MWh from %s', chart_count(r.trades, 'instruction'), coalesce(chart_number(r.volume), 'unknown'), chart_count(r.units, 'unit'))
                     || CASE WHEN r.currencies = 1 AND r.mean IS NOT NULL THEN format(', at a mean price of %s %s/MWh by volume. ', chart_number(r.mean, 2), r.currency) ELSE '. ' END;
      figures := figures || format('<div><dt>instructions</dt><dd>%s</dd></div><div><dt>MWh instructed</dt><dd>%s</dd></div>', chart_number(r.trades), coalesce(chart_number(r.volume), '&#8211;'));
    END IF;
    SELECT count(*) AS trades, sum(t.mw_h) AS volume INTO r FROM drawn_trades('award', NULL, NULL, delivery) t;
    IF r.trades > 0 THEN
      words := words || format('%s bought %s MW h. ', chart_count(r.trades, 'award'), coalesce(chart_number(r.volume), 'unknown'));
      figures := figures || format('<div><dt>awards</dt><dd>%s</dd></div>', chart_number(r.trades));
    END IF;
    SELECT count(*) AS trades, sum(t.mw_h) AS volume INTO r FROM drawn_trades('availability', NULL, NULL, delivery) t;
    IF r.trades > 0 THEN
      words := words || format('%s of availability stood for %s MW h. ', chart_count(r.trades, 'declaration'), coalesce(chart_number(r.volume), 'unknown'));
    END IF;
    SELECT (SELECT count(*) FROM commitment k WHERE k.closed_at IS NULL AND (delivery IS NULL OR k.delivery_window && delivery)) AS commitments,
           count(*) AS findings, count(*) FILTER (WHERE f.severity = 'blocking') AS blocking, count(DISTINCT f.unit) AS units INTO r FROM known_conflicts(delivery) f;
    words := words || CASE WHEN r.findings = 0 THEN format('Among %s there is no open conflict that you know of. ', chart_count(r.commitments, 'live commitment'))
                           ELSE format('Among %s the rules find %s of %s, %s of them blocking. ', chart_count(r.commitments, 'live commitment'), chart_count(r.findings, 'open conflict'),
                                       chart_count(r.units, 'unit'), CASE r.blocking WHEN 0 THEN 'none' ELSE chart_number(r.blocking) END) END;
    figures := figures || format('<div><dt>live commitments</dt><dd>%s</dd></div><div><dt>open conflicts</dt><dd>%s</dd></div>', chart_number(r.commitments), chart_number(r.findings));
  END IF;
  SELECT count(*) AS needs, count(*) FILTER (WHERE n.status = 'met') AS met INTO r FROM need n WHERE n.status IN ('published', 'met', 'expired') AND (delivery IS NULL OR n.delivery_window && delivery);
  IF r.needs > 0 THEN
    words := words || format('Operators stated %s; met: %s. ', chart_count(r.needs, 'need'), chart_number(r.met));
    figures := figures || format('<div><dt>needs stated</dt><dd>%s</dd></div>', chart_number(r.needs));
  END IF;
  RETURN '<p>' || btrim(words) || '</p><dl class="figures">' || figures || '</dl>';
END
$function$;
COMMENT ON FUNCTION report_summary(time_window) IS 'section of a report: the main figures, in words and as a row of numbers';
REVOKE ALL ON FUNCTION report_summary(time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_summary(time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION report_html(title text DEFAULT NULL, delivery time_window DEFAULT NULL, sources text[] DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT i.time_zone FROM exchange_instance i);
  heading CONSTANT text := coalesce(nullif(btrim(title), ''), format('Flexibility exchange %s', current_schema()));
  reads_trades CONSTANT boolean := may_read('bid', 'award', 'availability', 'dispatch', 'commitment', 'asset', 'portfolio', 'notification');
  reader CONSTANT text := coalesce((SELECT p.name FROM participant p WHERE p.id = current_participant()), CASE WHEN may_read('conflict') THEN 'the exchange, which reads every row' WHEN reads_trades THEN 'nobody in particular' ELSE 'readers of what is public' END);
  names text[] := ARRAY[]::text[];
  parts text[] := ARRAY[]::text[];
  figures text;
  rules record;
BEGIN
  IF reads_trades THEN
    names := ARRAY['Prices', 'Volumes', 'Competitions'];
    parts := ARRAY[report_prices(delivery), report_volumes(delivery), report_competitions(delivery)];
  END IF;
  names := names || 'Needs and offers'::text;
  parts := parts || report_needs(delivery);
  IF reads_trades THEN
    names := names || ARRAY['Conflicts', 'Register'];
    parts := parts || ARRAY[report_conflicts(delivery), report_register()];
    figures := report_readings(delivery);
    IF figures <> '' THEN
      names := names || 'Metered energy'::text;
      parts := parts || figures;
    END IF;
  END IF;
  figures := report_published_figures(delivery);
  IF figures <> '' THEN
    names := names || 'Carbon and prices of energy'::text;
    parts := parts || figures;
  END IF;
  IF may_read('import_row', 'import_rejection', 'market_figure_rejection') THEN
    names := names || 'What was left out'::text;
    parts := parts || report_imports();
  END IF;
  SELECT r.title, r.code INTO rules FROM ruleset r WHERE r.status = 'in_force' AND (delivery IS NULL OR r.in_force && delivery) ORDER BY lower(r.in_force) DESC LIMIT 1;
  names := names || 'Sources and terms'::text;
  parts := parts || ('<ul>' || coalesce((SELECT string_agg('<li>' || chart_text(u.words, 1000) || '</li>', '' ORDER BY u.place) FROM unnest(sources) WITH ORDINALITY AS u (words, place) WHERE u.words IS NOT NULL), '')
    || coalesce(format('<li>Conflicts are found by ruleset %s: %s.</li>', chart_text(rules.code), chart_text(rtrim(rules.title, '.'))), '')
    || '<li>Up is more generation or less demand, down the reverse. MW h is power times hours for which it is offered or held ready, MWh energy that is instructed. Volumes are counted within the window, means are weighted by them.</li>'
    || '<li>Counted are awards, availability and instructions that stand, and bids that were not withdrawn and are not held.</li>'
    || CASE WHEN may_read('conflict') THEN '<li>HHI, the Herfindahl-Hirschman index, is the sum of the squared shares of providers in per cent: 10,000 for one, 2,500 for four alike.</li>' ELSE '' END
    || format('<li>Times are local, of %s.</li></ul>', chart_text(zone)));

  RETURN '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>' || chart_text(heading) || '</title>'
    || '<link rel="icon" href="data:,"><style>' || report_style() || '</style></head><body><header><h1 dir="auto">' || chart_text(heading, 300) || '</h1><p class="quiet">'
    || CASE WHEN delivery IS NULL THEN 'All deliveries on record' ELSE format('Deliveries from %s to %s', coalesce(to_char(nullif(lower(delivery), '-infinity') AT TIME ZONE zone, 'FMDD FMMonth YYYY HH24:MI'), 'the first'),
                                                                              coalesce(to_char(nullif(upper(delivery), 'infinity') AT TIME ZONE zone, 'FMDD FMMonth YYYY HH24:MI'), 'the last')) END
    || format('. Drawn on %s, for %s.</p></header><main>', to_char(now() AT TIME ZONE zone, 'FMDD FMMonth YYYY, HH24:MI'), chart_text(reader))
    || report_summary(delivery)
    || '<nav aria-label="Contents"><ul>' || (SELECT string_agg(format('<li><a href="#part%s">%s</a></li>', n.place, n.name), '' ORDER BY n.place) FROM unnest(names) WITH ORDINALITY AS n (name, place)) || '</ul></nav>'
    || (SELECT string_agg(format('<section id="part%s"><h2>%s</h2>%s</section>', p.place, names[p.place], p.part), '' ORDER BY p.place) FROM unnest(parts) WITH ORDINALITY AS p (part, place))
    || '</main></body></html>';
END
$function$;
COMMENT ON FUNCTION report_html(text, time_window, text[]) IS
  'a page of HTML that needs nothing but itself: summary, prices, volumes, competitions, needs, conflicts, register, what importers left out, each as far as the caller may read it; title, window of deliveries (NULL: all on record) and lines for its sources';
REVOKE ALL ON FUNCTION report_html(text, time_window, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION report_html(text, time_window, text[]) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
