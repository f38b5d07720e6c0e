-- archetype: thick
-- Invoices: issuing them, what was paid, and what is owed by a day, with interest.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['payment_terms', 'base_rate']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['invoice', 'invoice_payment', 'payment_notice']) t;
REVOKE INSERT, UPDATE, DELETE ON invoice, invoice_payment, payment_notice FROM flexexchange_operator;
GRANT SELECT ON invoice, invoice_payment, payment_notice TO flexexchange_participant;
GRANT INSERT (market_id, notice_business_days, late_above_base, days_of_year, confirmed, source), UPDATE (notice_business_days, late_above_base, days_of_year, confirmed, source) ON payment_terms TO flexexchange_participant;
DROP POLICY IF EXISTS payment_terms_insert_own ON payment_terms;
CREATE POLICY payment_terms_insert_own ON payment_terms FOR INSERT TO flexexchange_participant WITH CHECK (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY payment_terms_insert_own ON payment_terms IS 'SETTLE-MO-6: a buyer says on what terms its markets pay';
DROP POLICY IF EXISTS payment_terms_update_own ON payment_terms;
CREATE POLICY payment_terms_update_own ON payment_terms FOR UPDATE TO flexexchange_participant
  USING (market_id = ANY (ARRAY(SELECT own_market_ids()))) WITH CHECK (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY payment_terms_update_own ON payment_terms IS 'SETTLE-MO-7: a buyer changes these terms';
DROP POLICY IF EXISTS invoice_read_own ON invoice;
CREATE POLICY invoice_read_own ON invoice FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY invoice_read_own ON invoice IS 'SETTLE-SP-3: a provider reads its own invoices';
DROP POLICY IF EXISTS invoice_read_bought ON invoice;
CREATE POLICY invoice_read_bought ON invoice FOR SELECT TO flexexchange_participant USING (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY invoice_read_bought ON invoice IS 'SETTLE-MO-5: a buyer reads the invoices of its markets';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON invoice FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'What was issued stands; the next run of the month issues the difference.');
COMMENT ON TRIGGER t10_is_kept ON invoice IS 'what was issued stays as it was';
CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON invoice FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('rows', 'What was issued is kept.');
COMMENT ON TRIGGER t10_no_truncate ON invoice IS 'history is not truncated';

CREATE OR REPLACE FUNCTION statement_balance(run_id bigint)
RETURNS TABLE (service_provider_id bigint, service_provider text, total numeric, held numeric, undisputed numeric, invoiced numeric, to_invoice numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.service_provider_id, p.name, t.total, coalesce(h.held, 0), t.total - coalesce(h.held, 0), coalesce(i.invoiced, 0),
         -- what is held of what was invoiced already is no credit: its payer gives notice, and the decision makes one
         CASE WHEN t.total <= coalesce(i.invoiced, 0) THEN t.total - coalesce(i.invoiced, 0) ELSE greatest(t.total - coalesce(i.invoiced, 0) - coalesce(h.held, 0), 0) END
  FROM settlement_statement t
  JOIN settlement_run r ON r.id = t.run_id
  JOIN participant p ON p.id = t.service_provider_id
  LEFT JOIN (SELECT x.service_provider_id, round(sum(x.held), 2) AS held
             FROM (SELECT a.service_provider_id, a.delivery_id, max(a.held) AS held FROM held_amounts(statement_balance.run_id) a GROUP BY a.service_provider_id, a.delivery_id) x GROUP BY x.service_provider_id) h ON h.service_provider_id = t.service_provider_id
  LEFT JOIN (SELECT v.service_provider_id, sum(v.net) AS invoiced FROM invoice v JOIN settlement_run o ON o.id = v.run_id JOIN settlement_run n ON n.id = statement_balance.run_id AND n.market_id = o.market_id AND n.month = o.month
             GROUP BY v.service_provider_id) i ON i.service_provider_id = t.service_provider_id
  WHERE t.run_id = statement_balance.run_id ORDER BY t.service_provider_id;
END;
COMMENT ON FUNCTION statement_balance(bigint) IS
  'each statement of a run: what it says, what of it is held for disputes (of each line the most that one holds) and what is undisputed, what was invoiced of its month by now, and what an invoice would bring: below zero a credit note; without VAT, in the currency of the run';
REVOKE ALL ON FUNCTION statement_balance(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION statement_balance(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION issue_invoices(run_id bigint, vat_rate numeric, due_days integer DEFAULT 30, service_provider_id bigint DEFAULT NULL) RETURNS SETOF invoice
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  run settlement_run;
  the_market market;
  today date;
BEGIN
  SELECT * INTO run FROM settlement_run r WHERE r.id = issue_invoices.run_id;
  IF run.id IS NULL OR (NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND run.market_id <> ALL (ARRAY(SELECT own_market_ids()))) THEN
    RAISE EXCEPTION 'settlement run % is not yours to invoice', coalesce(issue_invoices.run_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'The buyer of its market and the operator of the exchange can; see table settlement_run.';
  END IF;
  -- numbers have no gaps, so invoices of a market take turns, with its runs
  SELECT * INTO STRICT the_market FROM market m WHERE m.id = run.market_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM settlement_run r WHERE r.previous_run_id = run.id) THEN
    RAISE EXCEPTION 'settlement run % was revised', run.id USING ERRCODE = 'MX502', HINT = 'Invoices are issued from the last run of a month.';
  END IF;
  today := (now() AT TIME ZONE the_market.time_zone)::date;
  RETURN QUERY
  INSERT INTO invoice AS v (market_id, number, run_id, service_provider_id, net, vat_rate, currency, issued_on, due_on, held)
  SELECT run.market_id, coalesce((SELECT max(x.number) FROM invoice x WHERE x.market_id = run.market_id), 0) + row_number() OVER (ORDER BY s.service_provider_id), run.id, s.service_provider_id,
         s.to_invoice, issue_invoices.vat_rate, run.currency, today, today + issue_invoices.due_days, s.held
  FROM statement_balance(run.id) s
  WHERE s.to_invoice <> 0 AND (issue_invoices.service_provider_id IS NULL OR s.service_provider_id = issue_invoices.service_provider_id)
  RETURNING v.*;
END
$function$;
COMMENT ON FUNCTION issue_invoices(bigint, numeric, integer, bigint) IS
  'issues an invoice for each statement of the last run of a month, or that of one provider, at a rate of VAT: what it owes beyond what was invoiced of the month before, less what is held back for disputes, a credit note where less is owed than was invoiced, nothing where it is nothing; asked again it issues what was released since; by the buyer or the operator; returns them; errors 42501, 23514, MX502; SECURITY DEFINER because nobody writes invoices, and the caller is checked';
REVOKE ALL ON FUNCTION issue_invoices(bigint, numeric, integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION issue_invoices(bigint, numeric, integer, bigint) TO flexexchange_operator, flexexchange_participant;

-- ---------------------------------------------------------------- paying

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['invoice_payment', 'payment_notice'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_party ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_party ON %1$I FOR SELECT TO flexexchange_participant USING (invoice_id IN (SELECT v.id FROM invoice v))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_party ON %1$I IS ''SETTLE-ALL-1: whoever reads an invoice reads what was paid of it, and what will not be''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was paid, or refused, stays known.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON invoice_payment FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Take an entry back by another of the opposite amount.');
COMMENT ON TRIGGER t10_is_kept ON invoice_payment IS 'what was recorded stays as it was';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF invoice_id, less, reason, dispute_id, given_on, given_at, given_by ON payment_notice
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'End the notice, and give another.');
COMMENT ON TRIGGER t10_is_kept ON payment_notice IS 'what was given notice of stays as it was';

CREATE OR REPLACE FUNCTION business_days_before(day date, number integer) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN business_days_before.number = 0 THEN business_days_before.day ELSE (
    SELECT d::date FROM generate_series(business_days_before.day - 1, business_days_before.day - 60 - 3 * business_days_before.number, interval '-1 day') d
    WHERE extract(isodow FROM d) < 6 AND NOT EXISTS (SELECT FROM holiday h WHERE h.day = d::date) ORDER BY d DESC OFFSET business_days_before.number - 1 LIMIT 1) END;
END;
COMMENT ON FUNCTION business_days_before(date, integer) IS 'the day so many business days before another: Monday to Friday, without those of table holiday';
REVOKE ALL ON FUNCTION business_days_before(date, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION business_days_before(date, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION payment_terms_of(market_id bigint) RETURNS payment_terms
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.* FROM payment_terms t WHERE t.market_id = payment_terms_of.market_id OR t.market_id IS NULL ORDER BY t.market_id NULLS LAST LIMIT 1;
END;
COMMENT ON FUNCTION payment_terms_of(bigint) IS 'the terms of paying in a market: its own, else those of markets that say nothing';
REVOKE ALL ON FUNCTION payment_terms_of(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payment_terms_of(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION invoice_to_pay(invoice_id bigint) RETURNS invoice
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found invoice;
BEGIN
  SELECT * INTO found FROM invoice v WHERE v.id = invoice_to_pay.invoice_id FOR UPDATE;
  IF found.id IS NULL OR (NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND found.market_id <> ALL (ARRAY(SELECT own_market_ids()))) THEN
    RAISE EXCEPTION 'invoice % is not yours to pay', coalesce(invoice_to_pay.invoice_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'The buyer of its market and the operator of the exchange record what was paid, and give notice.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION invoice_to_pay(bigint) IS 'an invoice that the caller may pay, locked; error 42501';
REVOKE ALL ON FUNCTION invoice_to_pay(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION record_payment(invoice_id bigint, paid_on date, amount numeric, reference text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  paid CONSTANT invoice := invoice_to_pay(record_payment.invoice_id);
  made bigint;
BEGIN
  INSERT INTO invoice_payment AS p (invoice_id, paid_on, amount, reference) VALUES (paid.id, record_payment.paid_on, record_payment.amount, record_payment.reference) RETURNING p.id INTO made;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION record_payment(bigint, date, numeric, text) IS
  'records what was paid of an invoice, by the buyer or the operator: day, amount with VAT (below zero: paid back), reference; returns its number; errors 42501, 23514; SECURITY DEFINER because nobody writes invoice_payment itself, and the caller is checked';
REVOKE ALL ON FUNCTION record_payment(bigint, date, numeric, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_payment(bigint, date, numeric, text) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION set_off(invoice_id bigint, credit_note_id bigint, on_day date DEFAULT NULL) RETURNS numeric
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  first CONSTANT invoice := invoice_to_pay(least(set_off.invoice_id, set_off.credit_note_id));
  second CONSTANT invoice := invoice_to_pay(greatest(set_off.invoice_id, set_off.credit_note_id));
  owed invoice;
  credit invoice;
  off numeric;
  day date;
BEGIN
  IF first.id = set_off.invoice_id THEN owed := first; credit := second; ELSE owed := second; credit := first; END IF;
  IF owed.gross < 0 OR credit.gross >= 0 OR (owed.market_id, owed.service_provider_id, owed.currency) <> (credit.market_id, credit.service_provider_id, credit.currency) THEN
    RAISE EXCEPTION 'credit note % is not to be set off against invoice %', set_off.credit_note_id, set_off.invoice_id
      USING ERRCODE = 'MX515', HINT = 'A credit note is set off against an invoice of the same provider, market and currency.';
  END IF;
  off := least(owed.gross - (SELECT coalesce(sum(p.amount), 0) FROM invoice_payment p WHERE p.invoice_id = owed.id), (SELECT coalesce(sum(p.amount), 0) FROM invoice_payment p WHERE p.invoice_id = credit.id) - credit.gross);
  IF off <= 0 THEN
    RAISE EXCEPTION 'nothing is left of invoice %, or of credit note %', owed.number, credit.number USING ERRCODE = 'MX515', HINT = 'See invoice_balance().';
  END IF;
  day := coalesce(on_day, (SELECT (now() AT TIME ZONE m.time_zone)::date FROM market m WHERE m.id = owed.market_id));
  INSERT INTO invoice_payment (invoice_id, paid_on, amount, reference) VALUES
    (owed.id, day, off, format('set off against credit note %s', credit.number)), (credit.id, day, - off, format('set off against invoice %s', owed.number));
  RETURN off;
END
$function$;
COMMENT ON FUNCTION set_off(bigint, bigint, date) IS
  'sets what is left of a credit note off against what is left of an invoice of the same provider and market, by the buyer or the operator; returns how much; errors 42501, MX515; SECURITY DEFINER because nobody writes invoice_payment itself, and the caller is checked';
REVOKE ALL ON FUNCTION set_off(bigint, bigint, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION set_off(bigint, bigint, date) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION give_payment_notice(invoice_id bigint, less numeric, reason text, dispute_id bigint DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  noticed CONSTANT invoice := invoice_to_pay(give_payment_notice.invoice_id);
  the_day CONSTANT date := (SELECT (acting_at(give_payment_notice.at) AT TIME ZONE m.time_zone)::date FROM market m WHERE m.id = noticed.market_id);
  last_day CONSTANT date := business_days_before(noticed.due_on, (payment_terms_of(noticed.market_id)).notice_business_days);
  made bigint;
BEGIN
  IF the_day > last_day THEN
    RAISE EXCEPTION 'notice of paying less of invoice % could be given until %', noticed.number, to_char(last_day, 'YYYY-MM-DD')
      USING ERRCODE = 'MX515', HINT = 'It is given payment_terms.notice_business_days before the invoice is due: pay it, and dispute the line.';
  END IF;
  IF less > noticed.gross - (SELECT coalesce(sum(n.less), 0) FROM payment_notice n WHERE n.invoice_id = noticed.id AND n.ended_on IS NULL) THEN
    RAISE EXCEPTION 'payment_notice.less % is more than invoice % has left', less, noticed.number USING ERRCODE = 'check_violation', HINT = 'Nobody pays less than nothing.';
  END IF;
  IF dispute_id IS NOT NULL AND NOT EXISTS (SELECT FROM dispute d JOIN delivery v ON v.id = d.delivery_id WHERE d.id = give_payment_notice.dispute_id AND d.market_id = noticed.market_id AND v.service_provider_id = noticed.service_provider_id) THEN
    RAISE EXCEPTION 'dispute % is not of the parties of invoice %', dispute_id, noticed.number USING ERRCODE = 'MX510', HINT = 'See table dispute.';
  END IF;
  INSERT INTO payment_notice AS n (invoice_id, less, reason, dispute_id, given_on) VALUES (noticed.id, give_payment_notice.less, give_payment_notice.reason, give_payment_notice.dispute_id, the_day) RETURNING n.id INTO made;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION give_payment_notice(bigint, numeric, text, bigint, timestamptz) IS
  'the payer says that it will pay less than was invoiced, by how much and why, in time: payment_terms.notice_business_days before it is due; with the dispute that it goes with; returns its number; errors 42501, 23514, MX510, MX515; SECURITY DEFINER because nobody writes payment_notice itself, and the caller is checked';
REVOKE ALL ON FUNCTION give_payment_notice(bigint, numeric, text, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION give_payment_notice(bigint, numeric, text, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION end_payment_notice(notice_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  noticed CONSTANT invoice := invoice_to_pay((SELECT n.invoice_id FROM payment_notice n WHERE n.id = notice_id));
BEGIN
  UPDATE payment_notice n SET ended_on = (SELECT (now() AT TIME ZONE m.time_zone)::date FROM market m WHERE m.id = noticed.market_id) WHERE n.id = notice_id AND n.ended_on IS NULL;
END
$function$;
COMMENT ON FUNCTION end_payment_notice(bigint) IS 'takes a notice back: all is owed again, from the day on which it was due; error 42501; SECURITY DEFINER because nobody writes payment_notice itself, and the caller is checked';
REVOKE ALL ON FUNCTION end_payment_notice(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_payment_notice(bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION invoice_balance(on_day date DEFAULT CURRENT_DATE)
RETURNS TABLE (invoice_id bigint, market_code text, number integer, service_provider text, gross numeric, due_on date, paid numeric, noticed numeric, owed numeric, days_late integer, interest numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT v.id, m.code, v.number, p.name, v.gross, v.due_on, x.paid, n.noticed, v.gross - x.paid - n.noticed,
         CASE WHEN v.gross - x.paid - n.noticed <> 0 THEN greatest(invoice_balance.on_day - v.due_on, 0) ELSE 0 END, i.interest
  FROM invoice v
  JOIN market m ON m.id = v.market_id
  JOIN participant p ON p.id = v.service_provider_id
  CROSS JOIN LATERAL payment_terms_of(v.market_id) t
  CROSS JOIN LATERAL (SELECT coalesce(sum(y.amount), 0) AS paid FROM invoice_payment y WHERE y.invoice_id = v.id AND y.paid_on <= invoice_balance.on_day) x
  CROSS JOIN LATERAL (SELECT coalesce(sum(c.less), 0) AS noticed FROM payment_notice c LEFT JOIN dispute d ON d.id = c.dispute_id
                      WHERE c.invoice_id = v.id AND c.ended_on IS NULL AND (d.id IS NULL OR d.status IN ('raised', 'answered') OR d.outcome IN ('upheld', 'partly', 'settled'))) n
  -- by day, on what was still owed of it in the morning, at the rate of the day
  CROSS JOIN LATERAL (SELECT CASE WHEN bool_or(s.owed <> 0 AND s.rate IS NULL) THEN NULL ELSE coalesce(round(sum(s.owed * (s.rate + t.late_above_base)) / t.days_of_year, 2), 0) END AS interest
                      FROM (SELECT v.gross - n.noticed - (SELECT coalesce(sum(y.amount), 0) FROM invoice_payment y WHERE y.invoice_id = v.id AND y.paid_on < g.day::date) AS owed,
                                   (SELECT b.rate FROM base_rate b WHERE b.since <= g.day::date ORDER BY b.since DESC LIMIT 1) AS rate
                            FROM generate_series(v.due_on + 1, invoice_balance.on_day, interval '1 day') g (day)) s) i
  WHERE v.issued_on <= invoice_balance.on_day
  ORDER BY m.code COLLATE "C", v.number;
END;
COMMENT ON FUNCTION invoice_balance(date) IS
  'what is owed of each invoice at the end of a day: with VAT, what was paid by then, what the payer gave notice of and may keep (while its dispute is open, or was decided for it), what is left, how late that is, and the interest on what was late, day by day at the base rate of the day and what the terms add; NULL interest: no base rate is known of a day; of a credit note all of it is below zero';
REVOKE ALL ON FUNCTION invoice_balance(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION invoice_balance(date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
