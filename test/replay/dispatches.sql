-- Dispatches of a distribution operator, settled on what was requested: the file has no meter.
--
-- Energy is taken as the file has it, rounded to two decimals of MWh; sums over the rows of the file, in text and by nothing of the exchange, are what the runs are held to. Rows that are one and the same
-- are one row to the importer, and so are left out of the sums too, which the page says.

CREATE FUNCTION replay.row_of(s dispatch_instruction_staging) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$ SELECT sha256(convert_to(ROW(s.*)::text, 'UTF8')) $$;

-- the file alone: money by row, from its MWh and from its MW and hours
CREATE VIEW replay.asked AS
  SELECT DISTINCT ON (replay.row_of(s)) replay.row_of(s) AS row_digest, s.company_name AS company, s.fu_id AS unit, s.availability_mw_req::numeric > 0 AS is_availability, s.availability_mwh_req::numeric + s.utilisation_mwh_req::numeric AS mwh,
         s.availability_mwh_req::numeric * s.availability_price::numeric + s.utilisation_mwh_req::numeric * s.utilisation_price::numeric AS money,
         (s.availability_mw_req::numeric * s.availability_price::numeric + s.utilisation_mw_req::numeric * s.utilisation_price::numeric) * s.hours_requested::numeric AS money_by_hours
  FROM dispatch_instruction_staging s;

CREATE PROCEDURE replay.settle_dispatches() LANGUAGE plpgsql AS $$
DECLARE
  the_market bigint;
  day date;
BEGIN
  PERFORM import_dispatch_instructions();
  SELECT m.id INTO STRICT the_market FROM market m WHERE m.code = 'ukpn';
  INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id)
  SELECT p.id, m.stage, (SELECT x.id FROM settlement_mechanism x WHERE x.code = m.code) FROM product p, (VALUES ('dispatch', 'requested-energy'), ('availability', 'requested-availability')) AS m (stage, code) WHERE p.market_id = the_market;
  INSERT INTO delivery (dispatch_id, availability_id, delivery_window, requested_kwh, source)
  SELECT d.id, v.id, coalesce(d.delivery_window, v.delivery_window), a.mwh * 1000, 'file, MWh as they stand in it'
  FROM replay.asked a JOIN import_row i USING (row_digest)
  LEFT JOIN dispatch d ON i.entity = 'dispatch' AND d.id = i.entity_id
  LEFT JOIN availability v ON i.entity = 'availability' AND v.id = i.entity_id
  ORDER BY i.entity_id;
  FOR day IN SELECT DISTINCT date_trunc('month', lower(x.delivery_window) AT TIME ZONE 'Europe/London')::date FROM delivery x ORDER BY 1 LOOP
    PERFORM settle(the_market, day, 'initial');
  END LOOP;
END $$;

CREATE VIEW replay.settled AS
  SELECT l.*, c.name AS company, f.name AS unit, i.row_digest FROM settlement_line l JOIN participant c ON c.id = l.service_provider_id JOIN portfolio f ON f.id = l.unit_id JOIN import_row i ON i.entity_id = l.trade_id AND i.entity = l.stage;

CREATE FUNCTION replay.dispatch_page() RETURNS SETOF text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN NEXT (SELECT format('%s rows, %s of them different; %s lines in %s runs, %s statements; %s lines do not follow from what they name.', (SELECT count(*) FROM dispatch_instruction_staging), (SELECT count(*) FROM replay.asked), (SELECT count(*) FROM settlement_line),
                             (SELECT count(*) FROM settlement_run), (SELECT count(*) FROM settlement_statement), (SELECT count(*) FROM settlement_run r, check_settlement_run(r.id))));
  RETURN NEXT (SELECT format('Lines with an explanation in twelve steps whose last is their amount: %s of %s.', count(*) FILTER (WHERE e.steps = 12 AND e.last = l.amount), count(*))
               FROM settlement_line l CROSS JOIN LATERAL (SELECT count(*) AS steps, max(x.value) FILTER (WHERE x.step = 12) AS last FROM explain_settlement_line(l.run_id, l.delivery_id) x) e);
  RETURN NEXT E'\n| | lines | MWh | settled | sum over the file | |\n|---|---|---|---|---|---|';
  RETURN QUERY
    WITH told AS (SELECT coalesce(a.company, l.company) AS company, coalesce(a.is_availability, l.stage = 'availability') AS is_availability, l.delivery_id, l.requested, l.amount, a.money
                  FROM replay.asked a FULL JOIN replay.settled l USING (row_digest))
    SELECT format('| %s | %s | %s | %s | %s | %s |', coalesce(company, CASE WHEN is_availability THEN 'availability' WHEN NOT is_availability THEN 'utilisation' ELSE 'all' END), count(delivery_id), trim_scale(sum(requested)), trim_scale(sum(amount)), trim_scale(sum(money)),
                  CASE WHEN sum(amount) = sum(money) THEN 'the same' ELSE 'differs' END)
    FROM told GROUP BY GROUPING SETS ((), (is_availability), (company)) ORDER BY grouping(company) DESC, grouping(is_availability), is_availability, company COLLATE "C";
  RETURN NEXT (SELECT format(E'\nUnits: %s, of which %s settle as the file adds up; the dearest: %s.', count(*), count(*) FILTER (WHERE x.settled = x.money),
                             array_to_string((array_agg(format('%s %s', x.unit, round(x.settled, 2)) ORDER BY x.settled DESC, x.unit COLLATE "C"))[1:3], ', '))
               FROM (SELECT a.company, a.unit, sum(l.amount) AS settled, sum(a.money) AS money FROM replay.asked a LEFT JOIN replay.settled l USING (row_digest) GROUP BY a.company, a.unit) x);
  RETURN NEXT (SELECT format(E'\nWhere money is rounded: not at all %s, on statements %s, by row %s. From MW and hours instead of the MWh of the file: %s.', trim_scale(sum(a.money)), (SELECT sum(s.total) FROM settlement_statement s), sum(round(a.money, 2)), trim_scale(sum(a.money_by_hours)))
               FROM replay.asked a);
END $$;
