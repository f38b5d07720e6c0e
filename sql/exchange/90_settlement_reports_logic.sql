-- archetype: thick
-- Reports of settlement: what was earned and how well it was delivered, as a table, as CSV, as JSON and as a page to read.
--
-- One function each gives the table, and the others draw it, so they cannot differ.  All run as their caller: a provider
-- reads of itself, a buyer of its markets.  The last run of a month counts.

CREATE OR REPLACE FUNCTION earnings_report(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL)
RETURNS TABLE (market_code text, month date, run_number integer, run_kind text, service_provider_id bigint, service_provider text, product_code text, stage text, unit_id bigint, unit text, lines bigint,
               currency text, payment numeric, penalty numeric, clawback numeric, adjustment numeric, amount numeric, held numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  WITH last_run AS (
    SELECT r.*, k.code AS market_code FROM settlement_run r JOIN market k ON k.id = r.market_id
    WHERE (earnings_report.market_id IS NULL OR r.market_id = earnings_report.market_id) AND (earnings_report.month IS NULL OR r.month = date_trunc('month', earnings_report.month::timestamp)::date)
      AND NOT EXISTS (SELECT FROM settlement_run x WHERE x.previous_run_id = r.id)),
  held_line AS (SELECT r.id AS run_id, h.delivery_id, max(h.held) AS held FROM last_run r CROSS JOIN LATERAL held_amounts(r.id) h GROUP BY r.id, h.delivery_id)
  SELECT x.market_code, x.month, x.run_number, x.run_kind, x.service_provider_id, s.name, x.product_code, x.stage, x.unit_id, x.unit, x.lines, x.currency, x.payment, x.penalty, x.clawback, x.adjustment, x.amount, x.held
  FROM (
    SELECT r.market_code, r.month, r.number AS run_number, r.kind AS run_kind, l.service_provider_id, p.code AS product_code, l.stage, l.unit_id, coalesce(min(a.name), min(o.name), 'unit ' || l.unit_id) AS unit, count(*) AS lines, r.currency,
           trim_scale(sum(l.payment)) AS payment, trim_scale(sum(l.penalty)) AS penalty, trim_scale(sum(l.clawback)) AS clawback, trim_scale(sum(l.amount - l.payment - l.penalty - l.clawback)) AS adjustment,
           trim_scale(sum(l.amount)) AS amount, trim_scale(coalesce(sum(h.held), 0)) AS held
    FROM last_run r
    JOIN settlement_line l ON l.run_id = r.id
    JOIN product p ON p.id = l.product_id
    LEFT JOIN asset a ON a.id = l.unit_id
    LEFT JOIN portfolio o ON o.id = l.unit_id
    LEFT JOIN held_line h ON h.run_id = l.run_id AND h.delivery_id = l.delivery_id
    WHERE earnings_report.service_provider_id IS NULL OR l.service_provider_id = earnings_report.service_provider_id
    GROUP BY r.market_code, r.month, r.number, r.kind, r.currency, l.service_provider_id, p.code, l.stage, l.unit_id
    UNION ALL
    -- what was decided beside the lines
    SELECT r.market_code, r.month, r.number, r.kind, j.service_provider_id, p.code, 'decision', d.unit_id, coalesce(min(a.name), min(o.name), 'unit ' || d.unit_id), 0, r.currency, 0, 0, 0, trim_scale(sum(j.amount)), trim_scale(sum(j.amount)), 0
    FROM last_run r
    JOIN settlement_adjustment j ON j.run_id = r.id
    JOIN settlement_decision d ON d.id = j.decision_id
    JOIN product p ON p.id = j.product_id
    LEFT JOIN asset a ON a.id = d.unit_id
    LEFT JOIN portfolio o ON o.id = d.unit_id
    WHERE earnings_report.service_provider_id IS NULL OR j.service_provider_id = earnings_report.service_provider_id
    GROUP BY r.market_code, r.month, r.number, r.kind, r.currency, j.service_provider_id, p.code, d.unit_id
    UNION ALL
    -- so that the column adds up to the statement
    SELECT r.market_code, r.month, r.number, r.kind, t.service_provider_id, NULL, 'rounding', NULL, NULL, 0, r.currency, 0, 0, 0, trim_scale(t.rounding), trim_scale(t.rounding), 0
    FROM last_run r JOIN settlement_statement t ON t.run_id = r.id
    WHERE t.rounding <> 0 AND (earnings_report.service_provider_id IS NULL OR t.service_provider_id = earnings_report.service_provider_id)) x
  JOIN participant s ON s.id = x.service_provider_id
  ORDER BY x.market_code COLLATE "C", x.month, s.name COLLATE "C", x.service_provider_id, x.product_code COLLATE "C" NULLS LAST, x.stage COLLATE "C", x.unit_id;
END;
COMMENT ON FUNCTION earnings_report(bigint, date, bigint) IS
  'what was earned, by market, month, provider, product, stage and unit, as the last run of each month has it, of one market, month or provider (NULL: all that the caller reads): payment, penalty, clawback, adjustment (a floor, and rounding of lines; a row of stage rounding has that of the statement, and one of stage decision what was decided in disputes beside the lines), and the amount, which adds up to the statements; held is what of it is in dispute; in currency';
REVOKE ALL ON FUNCTION earnings_report(bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION earnings_report(bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION trade_performance(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL)
RETURNS TABLE (market_code text, month date, service_provider_id bigint, product_code text, stage text, unit_id bigint, trade_id bigint, starts_at timestamptz, time_zone text, periods bigint, known_periods bigint,
               requested_mwh numeric, delivered_mwh numeric, counted_mwh numeric, known_requested_mwh numeric, worst numeric, weighted_factor numeric, shortfall numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT k.code, r.month, l.service_provider_id, p.code, l.stage, l.unit_id, l.trade_id, min(lower(l.delivery_window)), k.time_zone, count(*), count(d.delivered_kwh),
         trim_scale(sum(d.requested_kwh) / 1000), trim_scale(sum(d.delivered_kwh) / 1000), trim_scale(coalesce(sum(least(greatest(d.delivered_kwh, 0), d.requested_kwh)), 0) / 1000),
         trim_scale(coalesce(sum(d.requested_kwh) FILTER (WHERE d.delivered_kwh IS NOT NULL), 0) / 1000), min(round(d.delivered_kwh / nullif(d.requested_kwh, 0), 6)), sum(l.factor * d.requested_kwh) / 1000, sum(l.shortfall)
  FROM settlement_run r
  JOIN market k ON k.id = r.market_id
  JOIN settlement_line l ON l.run_id = r.id
  JOIN delivery d ON d.id = l.delivery_id
  JOIN product p ON p.id = l.product_id
  WHERE (trade_performance.market_id IS NULL OR r.market_id = trade_performance.market_id) AND (trade_performance.month IS NULL OR r.month = date_trunc('month', trade_performance.month::timestamp)::date)
    AND (trade_performance.service_provider_id IS NULL OR l.service_provider_id = trade_performance.service_provider_id) AND NOT EXISTS (SELECT FROM settlement_run x WHERE x.previous_run_id = r.id)
  GROUP BY k.code, k.time_zone, r.month, l.service_provider_id, p.code, l.stage, l.unit_id, l.trade_id;
END;
COMMENT ON FUNCTION trade_performance(bigint, date, bigint) IS
  'how each dispatch and availability of a month was delivered, as the last run has it: periods and of how many the delivery is known, MWh requested (of all, and of those), delivered, and counted (of each period no more than was requested and no less than nothing), the worst period, the pay factor times the MWh requested, and the shortfall in the units of the mechanism';
REVOKE ALL ON FUNCTION trade_performance(bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trade_performance(bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION performance_report(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL)
RETURNS TABLE (market_code text, month date, service_provider_id bigint, service_provider text, product_code text, stage text, unit_id bigint, unit text, trades bigint, periods bigint, known_periods bigint,
               requested_mwh numeric, delivered_mwh numeric, performance numeric, worst numeric, mean_factor numeric, kept_trades bigint)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.market_code, t.month, t.service_provider_id, s.name, t.product_code, t.stage, t.unit_id, coalesce(min(a.name), min(o.name), 'unit ' || t.unit_id), count(*), sum(t.periods)::bigint, sum(t.known_periods)::bigint,
         trim_scale(sum(t.requested_mwh)), trim_scale(sum(t.delivered_mwh)), round(sum(t.counted_mwh) / nullif(sum(t.known_requested_mwh), 0), 6), min(t.worst), round(sum(t.weighted_factor) / nullif(sum(t.requested_mwh), 0), 6),
         count(*) FILTER (WHERE t.known_periods = t.periods AND t.counted_mwh >= t.requested_mwh)
  FROM trade_performance(performance_report.market_id, performance_report.month, performance_report.service_provider_id) t
  JOIN participant s ON s.id = t.service_provider_id
  LEFT JOIN asset a ON a.id = t.unit_id
  LEFT JOIN portfolio o ON o.id = t.unit_id
  GROUP BY t.market_code, t.month, t.service_provider_id, s.name, t.product_code, t.stage, t.unit_id
  ORDER BY t.market_code COLLATE "C", t.month, s.name COLLATE "C", t.service_provider_id, t.product_code COLLATE "C", t.stage COLLATE "C", t.unit_id;
END;
COMMENT ON FUNCTION performance_report(bigint, date, bigint) IS
  'how well was delivered, by market, month, provider, product, stage and unit, as the last run of each month has it, of one market, month or provider (NULL: all that the caller reads): trades, periods and of how many the delivery is known, MWh requested and delivered, performance (delivered over requested of the known periods, of each no more than was requested), the worst period, the mean pay factor weighted by what was requested, and trades that were kept in full';
REVOKE ALL ON FUNCTION performance_report(bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION performance_report(bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- for machines

CREATE OR REPLACE FUNCTION settlement_report_rows(report text, market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL) RETURNS TABLE (place bigint, content json)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_code(report, 'report', 'earnings', 'performance');
  -- row 0 has the names of the columns, and is there also when there is no other
  IF report = 'earnings' THEN
    RETURN QUERY SELECT x.place, row_to_json(x.r) FROM (SELECT row_number() OVER () AS place, e AS r FROM earnings_report(market_id, month, service_provider_id) e) x;
    RETURN QUERY SELECT 0::bigint, row_to_json(z) FROM (SELECT e.* FROM (VALUES (1)) o (one) LEFT JOIN earnings_report(NULL, '-infinity') e ON false) z;
  ELSE
    RETURN QUERY SELECT x.place, row_to_json(x.r) FROM (SELECT row_number() OVER () AS place, e AS r FROM performance_report(market_id, month, service_provider_id) e) x;
    RETURN QUERY SELECT 0::bigint, row_to_json(z) FROM (SELECT e.* FROM (VALUES (1)) o (one) LEFT JOIN performance_report(NULL, '-infinity') e ON false) z;
  END IF;
END
$function$;
COMMENT ON FUNCTION settlement_report_rows(text, bigint, date, bigint) IS 'the rows of report earnings or performance in their order, as objects of their columns; row 0 names the columns; error 23514';
REVOKE ALL ON FUNCTION settlement_report_rows(text, bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_report_rows(text, bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settlement_report_csv(report text, market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL, for_spreadsheets boolean DEFAULT false) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg(l.line || E'\r\n', '' ORDER BY r.place)
  FROM settlement_report_rows(settlement_report_csv.report, settlement_report_csv.market_id, settlement_report_csv.month, settlement_report_csv.service_provider_id) r
  CROSS JOIN LATERAL (
    SELECT string_agg(csv_cell(CASE WHEN r.place = 0 THEN c.key
                                    -- an apostrophe keeps a spreadsheet from taking text for a formula
                                    WHEN settlement_report_csv.for_spreadsheets AND json_typeof(r.content -> c.key) = 'string' AND c.value ~ '^[-=+@\t\r]' THEN '''' || c.value
                                    ELSE c.value END), ',' ORDER BY c.place) AS line
    FROM json_each_text(r.content) WITH ORDINALITY AS c (key, value, place)) l;
END;
COMMENT ON FUNCTION settlement_report_csv(text, bigint, date, bigint, boolean) IS
  'report earnings or performance as CSV (RFC 4180): a header, CRLF after every line; for_spreadsheets puts an apostrophe before text that a spreadsheet would take for a formula; error 23514';
REVOKE ALL ON FUNCTION settlement_report_csv(text, bigint, date, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_report_csv(text, bigint, date, bigint, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settlement_report_json(report text, market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL) RETURNS json
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT json_build_object('report', settlement_report_json.report, 'market', (SELECT m.code FROM market m WHERE m.id = settlement_report_json.market_id), 'month', to_char(settlement_report_json.month, 'YYYY-MM'),
                           'service_provider_id', settlement_report_json.service_provider_id, 'rows', coalesce(json_agg(r.content ORDER BY r.place) FILTER (WHERE r.place > 0), '[]'::json))
  FROM settlement_report_rows(settlement_report_json.report, settlement_report_json.market_id, settlement_report_json.month, settlement_report_json.service_provider_id) r;
END;
COMMENT ON FUNCTION settlement_report_json(text, bigint, date, bigint) IS 'report earnings or performance as JSON: what was asked for, and an array of rows with exact numbers; error 23514';
REVOKE ALL ON FUNCTION settlement_report_json(text, bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_report_json(text, bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ---------------------------------------------------------------- for people

CREATE OR REPLACE FUNCTION chart_earnings(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL, currency text DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_bars('Earnings by product', CASE WHEN count(DISTINCT x.month) > 1 THEN format('%s to %s', to_char(min(x.month), 'FMMonth YYYY'), to_char(max(x.month), 'FMMonth YYYY')) ELSE coalesce(to_char(min(x.month), 'FMMonth YYYY'), '') END,
                    coalesce(min(x.currency), ''), array_agg(x.product ORDER BY x.product COLLATE "C", x.what DESC), array_agg(x.what ORDER BY x.product COLLATE "C", x.what DESC), array_agg(x.amount ORDER BY x.product COLLATE "C", x.what DESC), width)
  FROM (SELECT e.month, e.currency, coalesce(e.product_code, e.stage) AS product, CASE e.stage WHEN 'dispatch' THEN 'utilisation' ELSE e.stage END AS what, e.amount
        FROM earnings_report(chart_earnings.market_id, chart_earnings.month, chart_earnings.service_provider_id) e WHERE (chart_earnings.currency IS NULL OR e.currency = chart_earnings.currency) AND e.product_code IS NOT NULL) x
$function$;
COMMENT ON FUNCTION chart_earnings(bigint, date, bigint, text, integer) IS 'what was earned, a bar for each product, utilisation and availability end to end; what is not above zero is not drawn; of one currency, market, month, provider';
REVOKE ALL ON FUNCTION chart_earnings(bigint, date, bigint, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_earnings(bigint, date, bigint, text, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION chart_dispatch_performance(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL, width integer DEFAULT 820) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT chart_bars('Delivered of what was asked for', 'The greatest dispatches, by energy', 'MWh', array_agg(x.label ORDER BY x.starts_at, x.trade_id, x.place), array_agg(x.what ORDER BY x.starts_at, x.trade_id, x.place),
                    array_agg(x.mwh ORDER BY x.starts_at, x.trade_id, x.place), width, 20)
  FROM (SELECT t.starts_at, t.trade_id, w.place, w.what, w.mwh,
               format('%s, dispatch %s', to_char(t.starts_at AT TIME ZONE t.time_zone, 'DD Mon HH24:MI'), t.trade_id) AS label
        FROM trade_performance(chart_dispatch_performance.market_id, chart_dispatch_performance.month, chart_dispatch_performance.service_provider_id) t
        CROSS JOIN LATERAL (VALUES (1, 'delivered', t.counted_mwh), (2, 'missing', t.known_requested_mwh - t.counted_mwh), (3, 'not known', t.requested_mwh - t.known_requested_mwh)) w (place, what, mwh)
        WHERE t.stage = 'dispatch') x
$function$;
COMMENT ON FUNCTION chart_dispatch_performance(bigint, date, bigint, integer) IS 'the twenty dispatches of most energy: what was delivered, what is missing, and of how much it is not known, end to end, MWh';
REVOKE ALL ON FUNCTION chart_dispatch_performance(bigint, date, bigint, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chart_dispatch_performance(bigint, date, bigint, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION settlement_report_html(market_id bigint DEFAULT NULL, month date DEFAULT NULL, service_provider_id bigint DEFAULT NULL) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_variable
DECLARE
  zone CONSTANT text := coalesce((SELECT m.time_zone FROM market m WHERE m.id = market_id), (SELECT i.time_zone FROM exchange_instance i));
  of_market CONSTANT text := (SELECT m.name FROM market m WHERE m.id = market_id);
  of_provider CONSTANT text := (SELECT p.name FROM participant p WHERE p.id = service_provider_id);
  heading CONSTANT text := 'Earnings and performance' || coalesce(', ' || of_market, '') || coalesce(', ' || to_char(month, 'FMMonth YYYY'), '');
  reader CONSTANT text := coalesce((SELECT p.name FROM participant p WHERE p.id = current_participant()), 'the exchange');
  money record;
  figures text := '';
  earned text := '';
  performed text;
BEGIN
  FOR money IN SELECT e.currency, sum(e.amount) AS amount, sum(e.held) AS held, sum(e.penalty) AS penalty, sum(e.lines) AS lines, bool_or(e.amount <= 0 AND e.product_code IS NOT NULL) AS some_not_drawn
               FROM earnings_report(market_id, month, service_provider_id) e GROUP BY e.currency ORDER BY e.currency COLLATE "C" LOOP
    figures := figures || format('<div><dt>Earned, %1$s</dt><dd>%2$s</dd></div><div><dt>Penalties, %1$s</dt><dd>%3$s</dd></div><div><dt>Held for disputes, %1$s</dt><dd>%4$s</dd></div><div><dt>Settlement lines</dt><dd>%5$s</dd></div>',
                                 chart_text(money.currency), chart_number(money.amount, 2), chart_number(money.penalty, 2), chart_number(money.held, 2), chart_number(money.lines));
    earned := earned || report_figure(chart_earnings(market_id, month, service_provider_id, money.currency), chart_earnings(market_id, month, service_provider_id, money.currency, 358),
                                      CASE WHEN money.some_not_drawn THEN 'What is not above zero is in the table alone.' END)
      || (SELECT html_table(format('Statements, %s: what each provider is owed', money.currency), ARRAY['Provider', 'Month', 'Run', 'Lines', 'Amount', 'Held'], array_agg(c.cell ORDER BY s.place, c.place), 3)
          FROM (SELECT row_number() OVER (ORDER BY e.month, e.service_provider COLLATE "C", e.service_provider_id, e.market_code COLLATE "C") AS place, e.service_provider, e.month, e.run_kind, sum(e.lines) AS lines, sum(e.amount) AS amount, sum(e.held) AS held
                FROM earnings_report(market_id, month, service_provider_id) e WHERE e.currency = money.currency GROUP BY e.month, e.service_provider, e.service_provider_id, e.market_code, e.run_kind) s
          CROSS JOIN LATERAL unnest(ARRAY[s.service_provider, to_char(s.month, 'Mon YYYY'), s.run_kind, chart_number(s.lines), chart_number(s.amount, 2), chart_number(s.held, 2)]) WITH ORDINALITY AS c (cell, place))
      || (SELECT html_table(format('By product and unit, %s', money.currency), ARRAY['Unit', 'Provider', 'Product', 'Lines', 'Payment', 'Penalty', 'Taken back', 'Adjusted', 'Amount'],
                            array_agg(c.cell ORDER BY e.place, c.place), 3)
          FROM (SELECT row_number() OVER () AS place, x.* FROM earnings_report(market_id, month, service_provider_id) x WHERE x.currency = money.currency) e
          CROSS JOIN LATERAL unnest(ARRAY[coalesce(e.unit, 'the statement'), e.service_provider, concat_ws(' ', e.product_code, CASE e.stage WHEN 'dispatch' THEN 'utilisation' ELSE e.stage END), chart_number(e.lines), chart_number(e.payment, 2), chart_number(e.penalty, 2),
                                          chart_number(e.clawback, 2), chart_number(e.adjustment, 4), chart_number(e.amount, CASE e.stage WHEN 'rounding' THEN 4 ELSE 2 END)]) WITH ORDINALITY AS c (cell, place));
  END LOOP;
  SELECT html_table('By product and unit; performance, in per cent, is what came of what was asked for, of each period no more than that', ARRAY['Unit', 'Provider', 'Product', 'Trades', 'Kept in full', 'Asked for, MWh', 'Came, MWh', 'Came, %', 'Worst, %', 'Pay factor'],
                    array_agg(c.cell ORDER BY p.place, c.place), 3)
    INTO performed
  FROM (SELECT row_number() OVER () AS place, x.* FROM performance_report(market_id, month, service_provider_id) x) p
  CROSS JOIN LATERAL unnest(ARRAY[p.unit, p.service_provider, concat_ws(' ', p.product_code, CASE p.stage WHEN 'dispatch' THEN 'utilisation' ELSE p.stage END), chart_number(p.trades), chart_number(p.kept_trades), chart_number(p.requested_mwh, 3), chart_number(p.delivered_mwh, 3),
                                  chart_number(100 * p.performance, 1), chart_number(100 * p.worst, 1), chart_number(p.mean_factor, 4)]) WITH ORDINALITY AS c (cell, place);

  RETURN '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>' || chart_text(heading) || '</title>'
    || '<link rel="icon" href="data:,"><style>' || report_style() || '</style></head><body><header><h1 dir="auto">' || chart_text(heading, 300) || '</h1><p class="quiet">'
    || format('%sDrawn on %s, for %s.</p></header><main>', coalesce('Of ' || chart_text(of_provider) || '. ', ''), to_char(now() AT TIME ZONE zone, 'FMDD FMMonth YYYY, HH24:MI'), chart_text(reader))
    || CASE WHEN figures = '' THEN '<p>Nothing that you may read was settled.</p>' ELSE
         '<dl class="figures">' || figures || '</dl><nav aria-label="Contents"><ul><li><a href="#earnings">Earnings</a></li><li><a href="#performance">Performance</a></li><li><a href="#terms">Terms</a></li></ul></nav>'
         || '<section id="earnings"><h2>Earnings</h2>' || earned || '</section>'
         || '<section id="performance"><h2>Performance</h2>'
         || CASE WHEN EXISTS (SELECT FROM trade_performance(market_id, month, service_provider_id) t WHERE t.stage = 'dispatch')
                 THEN report_figure(chart_dispatch_performance(market_id, month, service_provider_id), chart_dispatch_performance(market_id, month, service_provider_id, 358)) ELSE '' END
         || performed || '</section>'
         || '<section id="terms"><h2>Terms</h2><ul><li>Counted is the last settlement run of each month; a final one changes no more.</li><li>Amounts are without VAT. The rounding of a statement is a row of its own, so that the column adds up to it.</li>'
         || '<li>Held is what is in dispute: it is invoiced, or not, as the dispute is decided.</li><li>' || format('A delivery is of the month in which it begins; times are local, of %s.', chart_text(zone)) || '</li></ul></section>' END
    || '</main></body></html>';
END
$function$;
COMMENT ON FUNCTION settlement_report_html(bigint, date, bigint) IS
  'a page of HTML that needs nothing but itself: what was earned, by provider, product and unit, with a chart by product, and how it was performed, with a chart by dispatch, of a market, month or provider (NULL: all that the caller reads)';
REVOKE ALL ON FUNCTION settlement_report_html(bigint, date, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION settlement_report_html(bigint, date, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
