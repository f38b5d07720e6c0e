-- Disputes: raised, answered, held back, decided, and what follows of it in the next run and invoice; what is paid, and what is late.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
\set SHOW_CONTEXT never
\set VERBOSITY terse
SELECT flexexchange.create_exchange('dispute_test');
SET search_path = dispute_test, flexexchange;
CREATE ROLE dispute_dso IN ROLE flexexchange_participant;
CREATE ROLE dispute_neso IN ROLE flexexchange_participant;
CREATE ROLE dispute_volt IN ROLE flexexchange_participant;
CREATE ROLE dispute_amp IN ROLE flexexchange_participant;
CREATE ROLE dispute_operator IN ROLE flexexchange_operator;
CREATE ROLE dispute_regulator IN ROLE flexexchange_regulator;
INSERT INTO participant (id, name, kinds) VALUES (1, 'DSO', '{market_operator}'), (2, 'NESO', '{market_operator}'), (3, 'Volt', '{service_provider}'), (4, 'Amp', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('dispute_dso', 1), ('dispute_neso', 2), ('dispute_volt', 3), ('dispute_amp', 4);
INSERT INTO market (id, code, name, market_operator_id, time_zone) VALUES (1, 'dso', 'Local flexibility', 1, 'Europe/London'), (2, 'neso', 'Response', 2, 'Europe/London');
INSERT INTO product (id, market_id, code, name, service_code) VALUES (1, 1, 'SU', 'Scheduled Utilisation', 'SU'), (2, 2, 'DFS', 'Demand Flexibility', 'DFS');
INSERT INTO asset (id, name, qualified_up_kw) VALUES (11, 'battery', 1000), (12, 'chargers', 1000);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (11, 3, '2020-01-01T00:00Z/infinity'), (12, 4, '2020-01-01T00:00Z/infinity');
INSERT INTO settlement_mechanism (id, code, name, cap_ratio, rounds_at, confirmed, source) VALUES (101, 'simple', 'delivered energy', 1, 'line', true, 'test');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (1, 'dispatch', 101), (2, 'dispatch', 101);
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT i, 1, 3, 11, 'up', 400, time_window(d, d + interval '1 hour'), 250 FROM generate_series(1, 4) i CROSS JOIN LATERAL (SELECT timestamptz '2024-11-03T17:00Z' + i * interval '1 day' AS d) x;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (5, 1, 4, 12, 'up', 400, '2024-11-04T17:00Z/PT1H', 100);
SET ROLE dispute_dso;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, source)
  SELECT i, time_window(d, d + interval '1 hour'), 400, 400, 'meter' FROM generate_series(1, 4) i CROSS JOIN LATERAL (SELECT timestamptz '2024-11-03T17:00Z' + i * interval '1 day' AS d) x;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, source) VALUES (5, '2024-11-04T17:00Z/PT1H', 400, 300, 'meter');
SELECT settle(1, '2024-11-01', 'initial') AS one \gset
SELECT service_provider, lines, total FROM monthly_statement WHERE run_id = :one ORDER BY 1;
RESET ROLE;
SELECT d.id AS d1 FROM delivery d WHERE dispatch_id = 1 \gset
SELECT d.id AS d2 FROM delivery d WHERE dispatch_id = 2 \gset
SELECT d.id AS d3 FROM delivery d WHERE dispatch_id = 3 \gset
SELECT d.id AS d4 FROM delivery d WHERE dispatch_id = 4 \gset
SELECT d.id AS d5 FROM delivery d WHERE dispatch_id = 5 \gset

-- ---------------------------------------------------------------- raised by a party alone, of one thing, once, in time

SET ROLE dispute_neso;
SELECT raise_dispute('too much', run_id => :one, delivery_id => :d1);
SET ROLE dispute_amp;
SELECT raise_dispute('too much', run_id => :one, delivery_id => :d1);
SELECT raise_dispute('too much', delivery_id => 99999);
SET ROLE dispute_operator;
SELECT raise_dispute('too much', run_id => :one, delivery_id => :d1);
SET ROLE dispute_dso;
SELECT raise_dispute('two things', run_id => :one, delivery_id => :d1, qualification_id => 1);
SELECT raise_dispute(' ', run_id => :one, delivery_id => :d1);
\set VERBOSITY sqlstate
SELECT raise_dispute('in the past', run_id => :one, delivery_id => :d1, at => now() - interval '1 day');
\set VERBOSITY terse
-- what was decided in a dispute nobody but the exchange says
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, source) VALUES (5, '2024-11-04T17:00Z/PT1H', 400, 1, 'dispute');
-- the buyer: 300 kWh came, not 400; the seller of another: more came than was found
SELECT raise_dispute('The meter was read an hour late', run_id => :one, delivery_id => :d1, claimed_kwh => 300) AS first \gset
SELECT raise_dispute('again', delivery_id => :d1);
SET ROLE dispute_volt;
SELECT raise_dispute('again', run_id => :one, delivery_id => :d1);
SET ROLE dispute_amp;
SELECT raise_dispute('One meter is missing', run_id => :one, delivery_id => :d5, claimed_kwh => 400) AS second \gset
-- what each reads
SELECT (SELECT count(*) FROM dispute) AS disputes, (SELECT count(*) FROM dispute_step) AS steps;
SET ROLE dispute_volt;
SELECT subject, raised_by_id, respondent_id, reason, claimed_kwh, status FROM dispute;
SET ROLE dispute_neso;
SELECT (SELECT count(*) FROM dispute) AS disputes, (SELECT count(*) FROM dispute_step) AS steps;

-- ---------------------------------------------------------------- what is held back, and what is not

SET ROLE dispute_dso;
-- by the energy that the buyer concedes; of a seller that wants more nothing is held: what is owed at least is undisputed
SELECT d.reason, h.amount, trim_scale(h.undisputed) AS undisputed, trim_scale(h.held) AS held FROM held_amounts(:one) h JOIN dispute d ON d.id = h.dispute_id;
SELECT service_provider, total, held, undisputed, invoiced, to_invoice FROM statement_balance(:one);
SELECT number, service_provider_id, net, vat, gross, held FROM issue_invoices(:one, 0.2) ORDER BY number;
SELECT service_provider, total, held, undisputed, invoiced, to_invoice FROM statement_balance(:one);
SELECT count(*) AS again FROM issue_invoices(:one, 0.2);
SELECT market_code, subject, raised_by, respondent, status, waits_for, held FROM open_disputes();
RESET ROLE;
SELECT waits_for, held FROM open_disputes(now() + interval '30 days');

-- ---------------------------------------------------------------- heard, shown, decided

SET ROLE dispute_dso;
SELECT answer_dispute(:first, 'not mine to answer');
SELECT withdraw_dispute(:second, 'not mine');
SET ROLE dispute_volt;
SELECT answer_dispute(:second, 'of others');
SELECT give_evidence(:first, 'Certificate of the meter', 'certificate.pdf', sha256('certificate')) IS NOT NULL AS given;
SELECT give_evidence(:first, 'A name alone', 'certificate.pdf');
SELECT give_evidence(:first, 'A hash that is none', 'certificate.pdf', '\x00');
SELECT give_evidence(:first, 'The same day before', delivery_id => :d2) IS NOT NULL AS given;
SELECT give_evidence(:first, 'Of another seller', delivery_id => :d5);
SET ROLE dispute_dso;
SELECT give_evidence(:first, 'Readings as they came', unit_id => 11, readings => '2024-11-04T16:00Z/PT3H') IS NOT NULL AS given;
SET ROLE dispute_operator;
\set VERBOSITY sqlstate
SELECT resolve_dispute(:first, 'upheld', 'Too early');
\set VERBOSITY terse
SET ROLE dispute_volt;
SELECT resolve_dispute(:first, 'dismissed', 'I say so');
SELECT answer_dispute(:first, 'The clock of the meter is in summer time');
SELECT answer_dispute(:first, 'twice');
SELECT given_by_id, words, document, left(encode(document_sha256, 'hex'), 8) AS sha256, delivery_id = :d2 AS of_delivery, readings FROM dispute_evidence ORDER BY id;
SET ROLE dispute_operator;
SELECT resolve_dispute(:first, 'partly', 'without a number');
SELECT resolve_dispute(:first, 'dismissed', 'with one', 300);
SELECT resolve_dispute(:first, 'maybe', 'x');
SELECT resolve_dispute(:first, 'partly', 'A quarter of an hour is missing, not an hour', 350);
SELECT resolve_dispute(:first, 'dismissed', 'twice');
-- no final run while one is open
SELECT settle(1, '2024-11-01', 'final');
-- what was decided is a delivery, and held until a run has settled it
SELECT requested_kwh, delivered_kwh, source, regexp_replace(evidence, 'dispute \d+', 'dispute N') AS evidence FROM delivery WHERE dispatch_id = 1 ORDER BY id;
SELECT count(*) AS issued FROM issue_invoices(:one, 0.2);
SELECT trim_scale(held) AS held FROM held_amounts(:one);
SELECT settle(1, '2024-11-01', 'revised', 'disputes') AS two \gset
SELECT trade_id, before, after, change, cause, regexp_replace(regexp_replace(regexp_replace(detail, 'delivery \d+ for \d+', 'delivery N for M'), 'recorded [^,]+', 'recorded ...'), 'dispute \d+', 'dispute N') AS detail FROM settlement_changes(:two);
SELECT number, service_provider_id, net, vat, gross, held FROM issue_invoices(:two, 0.2) ORDER BY number;
SELECT i.service_provider_id, sum(i.net) AS invoiced, (SELECT s.total FROM settlement_statement s WHERE s.run_id = :two AND s.service_provider_id = i.service_provider_id) AS stated FROM invoice i GROUP BY 1 ORDER BY 1;
SET ROLE dispute_volt;
SELECT number, kind, delivery_id = :d1 AS the_disputed, trim_scale(delivered_kwh) AS delivered, amount, held, carries_it_out FROM follow_disputed_line(:first);
SELECT status, outcome, decided_by, decided_kwh, decision_reason FROM dispute;
SELECT status, reason, made_by FROM dispute_step ORDER BY id;

-- ---------------------------------------------------------------- decided without an answer, once its time is over; nothing was claimed in numbers

RESET ROLE;
SELECT resolve_dispute(:second, 'upheld', 'The missing meter was found', at => (SELECT answer_by + interval '1 second' FROM dispute WHERE id = :second));
SELECT settle(1, '2024-11-01', 'revised', 'the missing meter') AS three \gset
SELECT trade_id, before, after, change, cause FROM settlement_changes(:three);
SELECT number, service_provider_id, net, gross, held FROM issue_invoices(:three, 0.2);

-- ---------------------------------------------------------------- settled between the parties; withdrawn; after the invoice

SET ROLE dispute_volt;
SELECT raise_dispute('a run that was revised', run_id => :one, delivery_id => :d2);
SET ROLE dispute_dso;
SELECT raise_dispute('nothing came', run_id => :three, delivery_id => :d2) AS third \gset
SELECT raise_dispute('dearer than agreed', run_id => :three, delivery_id => :d3, claimed_amount => 80) AS fourth \gset
-- what was invoiced already is no credit before it is decided
SELECT trim_scale(held) AS held FROM held_amounts(:three) ORDER BY 1;
SELECT count(*) AS issued FROM issue_invoices(:three, 0.2);
SELECT propose_settling(:third, 'Half of it', 200) AS offer \gset
SELECT accept_settling(:offer);
SET ROLE dispute_amp;
SELECT accept_settling(:offer);
SET ROLE dispute_volt;
SELECT accept_settling(:offer);
SELECT accept_settling(:offer);
SELECT outcome, decided_by, decided_kwh, decided_as, new_delivery_id IS NOT NULL AS written FROM dispute WHERE id = :third;
SELECT withdraw_dispute(:fourth, 'not mine');
SET ROLE dispute_dso;
SELECT withdraw_dispute(:fourth, 'It was the agreed price');
SELECT settle(1, '2024-11-01', 'revised', 'settled') AS four \gset
SELECT number, net, vat, gross, held FROM issue_invoices(:four, 0.2);
SELECT delivered_kwh, source FROM delivery WHERE dispatch_id = 2 AND superseded_at IS NULL;
SELECT new_delivery_id IS NOT NULL AS written FROM dispute WHERE id = :third;
SELECT trade_id, before, after, cause, detail LIKE format('%%dispute %s, settled: Half of it', :third) AS names_it FROM settlement_changes(:four);

-- ---------------------------------------------------------------- released by a dismissal, without another run

SELECT settle(1, '2024-12-01', 'initial') IS NOT NULL AS nothing_in_december;
RESET ROLE;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (6, 1, 3, 11, 'up', 400, '2025-01-07T17:00Z/PT1H', 250);
SET ROLE dispute_dso;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh, source) VALUES (6, '2025-01-07T17:00Z/PT1H', 400, 400, 'meter');
SELECT settle(1, '2025-01-01', 'initial') AS january \gset
SELECT raise_dispute('nothing came', delivery_id => (SELECT id FROM delivery WHERE dispatch_id = 6)) AS fifth \gset
SELECT trim_scale(undisputed) AS undisputed, trim_scale(held) AS held FROM held_amounts(:january);
SELECT count(*) AS issued FROM issue_invoices(:january, 0.2);
SET ROLE dispute_volt;
SELECT answer_dispute(:fifth, 'It did: see the meter');
SET ROLE dispute_regulator;
SELECT resolve_dispute(:fifth, 'dismissed', 'The meter says so');
SET ROLE dispute_dso;
SELECT net, gross, held FROM issue_invoices(:january, 0.2);
SELECT settle(1, '2025-01-01', 'final') IS NOT NULL AS final;
SELECT raise_dispute('after all', delivery_id => (SELECT id FROM delivery WHERE dispatch_id = 6));
SELECT raise_dispute('after all', run_id => (SELECT max(id) FROM settlement_run), delivery_id => (SELECT id FROM delivery WHERE dispatch_id = 6));

-- ---------------------------------------------------------------- accepted rather than disputed

SET ROLE dispute_volt;
SELECT accept_statement(:one);
SELECT accept_statement(:four), accept_statement(:four);
SELECT raise_dispute('after all', run_id => :four, delivery_id => :d4);
SELECT raise_dispute('after all', delivery_id => :d4);
SET ROLE dispute_neso;
SELECT accept_statement(:four);
SELECT count(*) AS accepted FROM statement_acceptance;
SET ROLE dispute_dso;
SELECT count(*) AS accepted FROM statement_acceptance;

-- ---------------------------------------------------------------- time is data, of the market, by its clocks

INSERT INTO dispute_terms (market_id, subject, raise_within, answer_within, confirmed, source) VALUES (1, 'settlement_line', '5 days', '2 days', true, 'Framework agreement');
INSERT INTO dispute_terms (market_id, subject, raise_within, answer_within, confirmed, source) VALUES (2, 'settlement_line', '5 days', '2 days', true, 'of another');
RESET ROLE;
SELECT market_instant_after(1, '2025-03-29T12:00Z', '1 day') AS spring, market_instant_after(1, '2025-10-25T12:00Z', '1 day') AS autumn;
-- of a line that a later run left as it was, from the first
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE settlement_run SET made_at = '2025-01-10T12:00Z' WHERE id = :one;
UPDATE settlement_run SET made_at = '2025-01-20T12:00Z' WHERE id > :one;
SET LOCAL session_replication_role = origin;
INSERT INTO participant_login (role_name, participant_id) VALUES (current_user, 1);
SAVEPOINT s;
SELECT raise_dispute('late', run_id => :four, delivery_id => :d4, at => '2025-01-15T12:00:01Z');
ROLLBACK TO s;
SELECT raise_dispute('in time', run_id => :four, delivery_id => :d4, at => '2025-01-15T12:00Z') IS NOT NULL AS raised;
SELECT answer_by FROM dispute ORDER BY id DESC LIMIT 1;
ROLLBACK;

-- ---------------------------------------------------------------- qualifications: decided again

INSERT INTO qualification (id, asset_id, product_id, service_provider_id) VALUES (1, 12, 1, 4), (2, 11, 1, 3);
UPDATE qualification SET status = 'prequalification';
SET ROLE dispute_dso;
UPDATE qualification SET status = 'rejected', note = 'ramps too slowly' WHERE id = 1;
UPDATE qualification SET status = 'prequalified' WHERE id = 2;
INSERT INTO suspension (qualification_id, reason) VALUES (2, 'failed_verification');
SET ROLE dispute_amp;
SELECT raise_dispute('The test shows otherwise', qualification_id => 1) AS sixth \gset
SELECT raise_dispute('of others', qualification_id => 2);
SET ROLE dispute_volt;
SELECT raise_dispute('It delivered', qualification_id => 2, claimed_kwh => 3);
SELECT raise_dispute('It delivered', qualification_id => 2) AS seventh \gset
SET ROLE dispute_dso;
SELECT answer_dispute(:sixth, 'It was slow on both days'), answer_dispute(:seventh, 'Not in November');
SET ROLE dispute_operator;
SELECT resolve_dispute(:sixth, 'upheld', 'The test of May holds'), resolve_dispute(:seventh, 'upheld', 'See dispute 1');
SELECT id, status FROM qualification ORDER BY id;
SELECT status, reinstated_at IS NOT NULL AS reinstated FROM suspension;

-- ---------------------------------------------------------------- conflicts: the regulator judges the exchange

RESET ROLE;
SET session_replication_role = replica;
INSERT INTO commitment (id, stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) OVERRIDING SYSTEM VALUE VALUES
  (9001, 'award', 9001, 11, 'asset', 'SU', 1, 1, 3, 'up', 100, '2030-01-01T00:00Z/PT1H', false), (9002, 'award', 9002, 11, 'asset', 'DFS', 2, 2, 3, 'up', 100, '2030-01-01T00:00Z/PT1H', false);
INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) OVERRIDING SYSTEM VALUE VALUES (9002, 2, 3, 11, 'up', 100, '2030-01-01T00:00Z/PT1H', 'held');
INSERT INTO conflict (id, kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, action, rationale, closed_at) OVERRIDING SYSTEM VALUE VALUES (1, 'double_commitment', 'blocking', 'competition', 9002, 9001, 11, '2030-01-01T00:00Z/PT1H', 'hold', '{}', now());
INSERT INTO hold (stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window)
  VALUES ('award', 9002, 11, 3, 2, '{1,2}', '{1}', 'awarded', 'up', 100, '2030-01-01T00:00Z/PT1H');
INSERT INTO notification (participant_id, event, conflict_id, message, content) VALUES (2, 'conflict_found', 1, 'x', '{}'), (3, 'conflict_found', 1, 'x', '{}');
SET session_replication_role = origin;
SET ROLE dispute_dso;
SELECT raise_dispute('I was not told', conflict_id => 1);
SET ROLE dispute_neso;
SELECT raise_dispute('Both can be kept', conflict_id => 1) AS eighth \gset
SELECT respondent_id, subject, status FROM dispute;
SET ROLE dispute_volt;
SELECT count(*) AS sees_that_of_neso FROM dispute WHERE conflict_id = 1;
SET ROLE dispute_operator;
SELECT answer_dispute(:eighth, 'The rules say no');
SELECT resolve_dispute(:eighth, 'dismissed', 'our own');
SET ROLE dispute_regulator;
SELECT answer_dispute(:eighth, 'not mine');
SELECT resolve_dispute(:eighth, 'upheld', 'The rule is of dispatch, not of awards');
SELECT status FROM award WHERE id = 9002;
SELECT resolution, decided_by, regexp_replace(reason, '\d+', 'N') AS reason FROM hold;
SELECT conflict_id, cardinality(hold_ids) AS holds, reason, made_by FROM dispute_override;

-- ---------------------------------------------------------------- what is paid, and what is late

RESET ROLE;
SELECT id AS bill, due_on AS due, gross FROM invoice WHERE number = 1 \gset
SELECT id AS note, gross FROM invoice WHERE gross < 0 ORDER BY id LIMIT 1 \gset
INSERT INTO base_rate (since, rate, source) VALUES ('2020-01-01', 0.04, 'Bank of England');
SET ROLE dispute_volt;
SELECT record_payment(:bill, :'due', 100, 'x');
SET ROLE dispute_dso;
SELECT record_payment(:bill, :'due', 0, 'x');
SELECT record_payment(:bill, :'due', 300, 'BACS 4711') IS NOT NULL AS paid;
SELECT set_off(:bill, :bill);
SELECT set_off(:bill, :note, :'due') AS set_off;
SELECT set_off(:bill, :note, :'due');
SELECT give_payment_notice(:bill, 10000, 'too much');
SELECT number, gross, paid, noticed, owed, days_late, interest FROM invoice_balance(:'due'::date) WHERE number = 1;
SELECT number, gross, paid, noticed, owed, days_late, interest, round(owed * 0.06 * 30 / 365, 2) AS by_hand FROM invoice_balance(:'due'::date + 30) WHERE number = 1;
RESET ROLE;
\set VERBOSITY sqlstate
SELECT give_payment_notice(:bill, 10, 'too late', at => now() + interval '26 days');
\set VERBOSITY terse
-- the rate changes in between, by the day; without a rate nothing is made up
BEGIN;
INSERT INTO base_rate (since, rate, source) VALUES (:'due'::date + 11, 0.05, 'Bank of England');
SELECT interest, round((owed * 0.06 * 10 + owed * 0.07 * 20) / 365, 2) AS by_hand FROM invoice_balance(:'due'::date + 30) WHERE number = 1;
DELETE FROM base_rate;
SELECT owed, interest FROM invoice_balance(:'due'::date + 30) WHERE number = 1;
ROLLBACK;
SELECT late_interest(1000, 30, 0.04);
-- notice five business days before, and what it keeps back while the dispute is open
SELECT business_days_before('2024-12-31', 5) AS without_holidays;
INSERT INTO holiday (day, name) VALUES ('2024-12-25', 'Christmas'), ('2024-12-26', 'Boxing Day');
SELECT business_days_before('2024-12-31', 5) AS with_holidays, business_days_before('2024-12-31', 0) AS none;
SET ROLE dispute_dso;
SELECT raise_dispute('late again', delivery_id => :d3, claimed_kwh => 200) AS ninth \gset
SELECT i.id AS open_bill, due_on AS open_due FROM invoice i WHERE number = (SELECT max(number) FROM invoice) \gset
SELECT number = (SELECT max(number) FROM invoice) AS last FROM invoice WHERE id = :open_bill;
SELECT give_payment_notice(:open_bill, 50, 'in dispute', :ninth) IS NOT NULL AS given;
SELECT noticed, owed, interest FROM invoice_balance(:'open_due'::date + 10) WHERE invoice_id = :open_bill;
SELECT withdraw_dispute(:ninth, 'it is right');
SELECT noticed, owed, interest FROM invoice_balance(:'open_due'::date + 10) WHERE invoice_id = :open_bill;
SET ROLE dispute_neso;
SELECT count(*) AS balances FROM invoice_balance(:'open_due'::date);
SET ROLE dispute_volt;
SELECT bool_and(service_provider = 'Volt') AS own_alone, count(*) > 0 AS some FROM invoice_balance(:'open_due'::date);
RESET ROLE;
-- a hundred steps as they may come: whatever was disputed, decided, settled and invoiced in between, the invoices add up to the last statement
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT 100 + i, 1, 3 + i % 2, 11 + i % 2, 'up', 400, time_window(d, d + interval '1 hour'), 33.33 + i FROM generate_series(1, 12) i CROSS JOIN LATERAL (SELECT timestamptz '2025-03-02T17:00Z' + i * interval '1 day' AS d) x;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT id, delivery_window, 400, 300 + id % 100 FROM dispatch WHERE id > 100;
CREATE FUNCTION pg_temp.steps(seed bigint) RETURNS TABLE (raised int, decided int, withdrawn int, runs int, invoices int, credit_notes int, wrong text) LANGUAGE plpgsql AS $$
DECLARE
  r bigint; d dispute; of_delivery bigint; run bigint := settle(1, '2025-03-01', 'initial'); held_once boolean := false;
BEGIN
  FOR i IN 1 .. 100 LOOP
    r := abs(hashint8extended(i, seed));
    SELECT x.id INTO of_delivery FROM delivery x WHERE x.dispatch_id = 101 + (r / 7) % 12 AND x.superseded_at IS NULL;
    SELECT x.* INTO d FROM dispute x JOIN delivery v ON v.id = x.delivery_id WHERE v.dispatch_id > 100 AND x.status IN ('raised', 'answered') ORDER BY hashint8extended(x.id, r) LIMIT 1;
    BEGIN
      CASE
        WHEN r % 10 < 4 THEN
          EXECUTE 'SET LOCAL ROLE ' || CASE WHEN r % 2 = 0 THEN 'dispute_dso' WHEN (SELECT service_provider_id FROM delivery WHERE id = of_delivery) = 3 THEN 'dispute_volt' ELSE 'dispute_amp' END;
          PERFORM raise_dispute('random', delivery_id => of_delivery, claimed_kwh => CASE WHEN r % 3 > 0 THEN (r / 100) % 450 END, claimed_amount => CASE WHEN r % 5 = 0 THEN (r / 100) % 20 END);
        WHEN r % 10 < 6 AND d.id IS NOT NULL THEN
          SET LOCAL ROLE dispute_operator;
          PERFORM resolve_dispute(d.id, CASE WHEN r % 3 = 0 THEN 'dismissed' ELSE 'partly' END, 'random', CASE WHEN r % 3 = 1 OR r % 12 = 2 THEN (r / 1000) % 420 END, CASE WHEN r % 3 = 2 THEN (r / 1000) % 3000 / 100.0 - 3 END, d.answer_by + interval '1 hour');
        WHEN r % 10 = 6 AND d.id IS NOT NULL THEN
          EXECUTE 'SET LOCAL ROLE ' || (SELECT role_name FROM participant_login WHERE participant_id = d.raised_by_id);
          PERFORM withdraw_dispute(d.id, 'random');
        WHEN r % 10 = 7 THEN
          SET LOCAL ROLE dispute_dso;
          run := settle(1, '2025-03-01', 'revised');
        WHEN r % 10 > 7 THEN
          SET LOCAL ROLE dispute_dso;
          PERFORM issue_invoices(run, 0.2);
          RESET ROLE;
          -- all that is undisputed is invoiced, and nothing that is not, but what was before it was disputed
          SELECT string_agg(format('step %s: %s', i, b), '; ') INTO wrong FROM statement_balance(run) b
          WHERE b.to_invoice <> 0 OR b.invoiced < b.undisputed OR b.invoiced > b.total OR b.held > (SELECT coalesce(round(sum(x.held), 2), 0) FROM held_amounts(run) x WHERE x.service_provider_id = b.service_provider_id);
          EXIT WHEN wrong IS NOT NULL;
        ELSE NULL;
      END CASE;
      RESET ROLE;
    EXCEPTION WHEN SQLSTATE 'MX511' THEN RESET ROLE;
    END;
  END LOOP;
  FOR d IN SELECT x.* FROM dispute x JOIN delivery v ON v.id = x.delivery_id WHERE v.dispatch_id > 100 AND x.status IN ('raised', 'answered') LOOP
    PERFORM resolve_dispute(d.id, 'dismissed', 'at last', at => d.answer_by + interval '1 hour');
  END LOOP;
  SET LOCAL ROLE dispute_dso;
  run := settle(1, '2025-03-01', 'final');
  PERFORM issue_invoices(run, 0.2);
  RESET ROLE;
  SELECT concat_ws('; ', wrong, string_agg(format('at last: %s', b), '; ')) INTO wrong FROM statement_balance(run) b WHERE b.invoiced <> b.total OR b.held <> 0;
  SELECT concat_ws('; ', wrong, string_agg(format('%s', c), '; ')) INTO wrong FROM settlement_run x CROSS JOIN LATERAL check_settlement_run(x.id) c WHERE x.month = '2025-03-01';
  -- what the last decision said of each period, in money or in energy, is what it is settled at
  SELECT concat_ws('; ', wrong, string_agg(format('delivery %s: %s', l.delivery_id, l.amount), '; ')) INTO wrong
  FROM settlement_line l
  JOIN LATERAL (SELECT x.decided_kwh, x.decided_amount FROM dispute x JOIN delivery v ON v.id = x.delivery_id WHERE v.trade_id = l.trade_id AND num_nonnulls(x.decided_kwh, x.decided_amount) > 0 ORDER BY x.decided_at DESC, x.id DESC LIMIT 1) z ON true
  WHERE l.run_id = run AND l.amount + coalesce((SELECT sum(a.amount) FROM settlement_adjustment a JOIN settlement_decision c ON c.id = a.decision_id WHERE a.run_id = run AND c.trade_id = l.trade_id), 0)
        <> coalesce(z.decided_amount, round(z.decided_kwh * (33.33 + l.trade_id - 100) / 1000, 2));
  SELECT count(*), count(*) FILTER (WHERE x.status = 'resolved'), count(*) FILTER (WHERE x.status = 'withdrawn') INTO raised, decided, withdrawn FROM dispute x JOIN delivery v ON v.id = x.delivery_id WHERE v.dispatch_id > 100;
  SELECT count(*) INTO runs FROM settlement_run x WHERE x.month = '2025-03-01';
  SELECT count(*) FILTER (WHERE v.net > 0), count(*) FILTER (WHERE v.net < 0) INTO invoices, credit_notes FROM invoice v JOIN settlement_run x ON x.id = v.run_id WHERE x.month = '2025-03-01';
  wrong := nullif(wrong, '');
  RETURN NEXT;
END $$;
BEGIN;
SELECT * FROM pg_temp.steps(1);
ROLLBACK;
BEGIN;
SELECT * FROM pg_temp.steps(2);
ROLLBACK;
BEGIN;
SELECT * FROM pg_temp.steps(3);
ROLLBACK;
SELECT bool_and(n = expected) AS numbered_without_gaps FROM (SELECT number AS n, row_number() OVER (ORDER BY number) AS expected FROM invoice WHERE market_id = 1) x;
-- a trigger of one's own says nothing of what was delivered, nor tells which trades there are
SET ROLE dispute_volt;
CREATE TEMP TABLE lever (n integer);
CREATE FUNCTION pg_temp.pull() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (4, '2024-11-07T17:00Z/PT1H', 400, 4000); RETURN NEW; END $$;
CREATE TRIGGER pull BEFORE INSERT ON lever FOR EACH ROW EXECUTE FUNCTION pg_temp.pull();
INSERT INTO lever VALUES (1);
DROP TABLE lever;
DROP FUNCTION pg_temp.pull();
RESET ROLE;
SELECT delivered_kwh FROM delivery WHERE dispatch_id = 4;
-- what was decided is not verified away
INSERT INTO product (id, market_id, code, name, service_code) VALUES (3, 1, 'SV', 'Verified', 'SU');
INSERT INTO product_settlement (product_id, stage, settlement_mechanism_id) VALUES (3, 'dispatch', 101);
INSERT INTO verification_terms (product_id, method_code) VALUES (3, 'ZERO');
INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (11, 11, 3, 'energy', 'import', 1800);
INSERT INTO meter_reading (channel_id, starts_at, received_at, value) SELECT 11, s, '2025-06-03T06:00Z', -20 FROM unnest('{2025-06-02T17:00Z,2025-06-02T17:30Z}'::timestamptz[]) s;
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (901, 3, 3, 11, 'up', 100, '2025-06-02T17:00Z/PT1H', 250);
SELECT recorded FROM verify('{901}', at => '2025-07-01');
SET ROLE dispute_volt;
SELECT raise_dispute('the meter was changed', delivery_id => (SELECT id FROM delivery WHERE dispatch_id = 901 AND lower(delivery_window) = '2025-06-02T17:00Z'), claimed_kwh => 50) AS changed \gset
SET ROLE dispute_dso;
SELECT answer_dispute(:changed, 'it was not');
SET ROLE dispute_operator;
SELECT resolve_dispute(:changed, 'upheld', 'it was', 45);
SET ROLE dispute_dso;
-- other readings come of both
RESET ROLE;
UPDATE meter_reading SET value = -30, received_at = '2025-06-10T06:00Z' WHERE channel_id = 11;
SET ROLE dispute_dso;
SELECT recorded, unchanged FROM verify(market_id => 1, within => '2025-06-01T00:00Z/2025-07-01T00:00Z', at => '2025-07-01');
RESET ROLE;
SELECT delivery_window, trim_scale(delivered_kwh) AS delivered, source FROM delivery WHERE dispatch_id = 901 AND superseded_at IS NULL ORDER BY delivery_window;
-- what the parties settled of a period that its trade has no more does not hold the run up
INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh) VALUES (902, 3, 3, 11, 'up', 100, '2025-06-03T17:00Z/PT1H', 250);
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (902, '2025-06-03T17:00Z/PT1H', 100, 50);
SET ROLE dispute_volt;
SELECT raise_dispute('more came', delivery_id => (SELECT id FROM delivery WHERE dispatch_id = 902), claimed_kwh => 90) AS cut \gset
SET ROLE dispute_dso;
SELECT answer_dispute(:cut, 'no');
SELECT propose_settling(:cut, '80 then', 80) AS eighty \gset
SET ROLE dispute_volt;
SELECT accept_settling(:eighty);
RESET ROLE;
UPDATE dispatch SET delivery_window = '2025-06-03T17:00Z/PT30M' WHERE id = 902;
SET ROLE dispute_dso;
SELECT settle(1, '2025-06-01', 'initial') AS june \gset
RESET ROLE;
SELECT trade_id, delivery_window, trim_scale(amount) AS amount FROM settlement_line WHERE run_id = :june ORDER BY trade_id, delivery_window;
SELECT d.trade_id, d.reason FROM unsettled_deliveries(1, '2025-06-01') d;
-- ---------------------------------------------------------------- decided in money alone: every run from the next one on settles the period so

INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, utilisation_price_per_mwh)
  SELECT 800 + i, 1, 3 + i / 6, 11 + i / 6, 'up', 400, time_window(d, d + interval '1 hour'), 250 FROM generate_series(1, 6) i CROSS JOIN LATERAL (SELECT timestamptz '2025-08-03T17:00Z' + i * interval '1 day' AS d) x;
SET ROLE dispute_dso;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT id, delivery_window, 400, 400 FROM dispatch WHERE id BETWEEN 801 AND 806;
SELECT settle(1, '2025-08-01', 'initial') AS august \gset
SELECT raise_dispute('Dearer than agreed', run_id => :august, delivery_id => (SELECT id FROM delivery WHERE trade_id = 801), claimed_amount => 60.125) AS dear \gset
SELECT raise_dispute('No number', run_id => :august, delivery_id => (SELECT id FROM delivery WHERE trade_id = 802), claimed_amount => 'NaN');
SELECT raise_dispute('Nothing came', run_id => :august, delivery_id => (SELECT id FROM delivery WHERE trade_id = 804), claimed_amount => '-Infinity');
SELECT raise_dispute('The agreement has a penalty', run_id => :august, delivery_id => (SELECT id FROM delivery WHERE trade_id = 804), claimed_amount => -20) AS penalty \gset
SET ROLE dispute_volt;
SELECT answer_dispute(:dear, 'It is the price of the award'), answer_dispute(:penalty, 'None for one hour');
SELECT raise_dispute('The start was not paid', run_id => :august, delivery_id => (SELECT id FROM delivery WHERE trade_id = 802), claimed_amount => 130) AS more \gset
SET ROLE dispute_dso;
SELECT answer_dispute(:more, 'Starts are not paid');
SELECT net, held FROM issue_invoices(:august, 0.2) WHERE service_provider_id = 3;
SET ROLE dispute_operator;
SELECT resolve_dispute(:more, 'upheld', 'Infinite', amount => 'Infinity');
SELECT resolve_dispute(:dear, 'partly', 'Half of the difference', amount => 80.125), resolve_dispute(:more, 'upheld', 'They are'), resolve_dispute(:penalty, 'upheld', 'So it is agreed');
-- until a run has carried it out what is to be paid less is held
SET ROLE dispute_dso;
SELECT trim_scale(amount) AS amount, trim_scale(undisputed) AS undisputed, trim_scale(held) AS held FROM held_amounts(:august) ORDER BY held;
SELECT settle(1, '2025-08-01', 'revised', 'what was decided') AS august2 \gset
SELECT service_provider_id, lines, amount, adjustment, total, change FROM monthly_statement WHERE run_id = :august2 ORDER BY 1;
SELECT trade_id, before, after, change, cause, regexp_replace(detail, 'dispute \d+', 'dispute N') AS detail FROM settlement_changes(:august2);
SELECT count(*) AS differ FROM check_settlement_run(:august2);
SELECT count(*) AS held FROM held_amounts(:august2);
SELECT step, name, value, unit, regexp_replace(because, 'dispute \d+', 'dispute N') AS because FROM explain_settlement_line(:august2, (SELECT id FROM delivery WHERE trade_id = 801)) WHERE step > 10;
SELECT net, held FROM issue_invoices(:august2, 0.2) WHERE service_provider_id = 3;
SELECT number, kind, amount, adjustment, carries_it_out FROM follow_disputed_line(:dear);
-- another run pays nothing twice, and is the same to the octet
SELECT settle(1, '2025-08-01', 'revised', 'nothing new') AS august3 \gset
SELECT count(*) AS changes FROM settlement_changes(:august3);
SELECT count(*) AS issued FROM issue_invoices(:august3, 0.2);
SELECT bool_and(a.digest = b.digest) AS identical FROM settlement_statement a JOIN settlement_statement b USING (service_provider_id) WHERE a.run_id = :august2 AND b.run_id = :august3;
SELECT bool_or(a.digest = b.digest) AS as_before FROM settlement_statement a JOIN settlement_statement b USING (service_provider_id) WHERE a.run_id = :august AND b.run_id = :august3 AND service_provider_id = 3;
-- other readings change the line, and not what was decided; a trade that stands no more is settled so still, and one that is verified in other periods
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) SELECT id, delivery_window, 400, 320 FROM dispatch WHERE id = 801;
RESET ROLE;
UPDATE dispatch SET status = 'cancelled' WHERE id = 804;
UPDATE delivery SET superseded_at = now() WHERE trade_id = 802;
INSERT INTO delivery (dispatch_id, delivery_window, requested_kwh, delivered_kwh) VALUES (802, '2025-08-05T17:00Z/PT30M', 200, 150), (802, '2025-08-05T17:30Z/PT30M', 200, 90);
SET ROLE dispute_dso;
SELECT settle(1, '2025-08-01', 'revised', 'readings') AS august4 \gset
SELECT trade_id, delivery_window, before, after, change, cause, regexp_replace(regexp_replace(detail, 'dispute \d+', 'dispute N'), '^delivery .*', '...') AS detail FROM settlement_changes(:august4);
SELECT service_provider_id, lines, amount, total, change FROM monthly_statement WHERE run_id = :august4 ORDER BY 1;
SELECT count(*) AS differ FROM check_settlement_run(:august4);
-- settled between the parties in money, the seller last; and what was decided in money is decided again, in energy
SELECT raise_dispute('Late by an hour', delivery_id => (SELECT id FROM delivery WHERE trade_id = 803)) AS late \gset
SELECT propose_settling(:late, 'A third less', amount => 'NaN');
SELECT propose_settling(:late, 'A third less', amount => 66.67) AS third_less \gset
SELECT raise_dispute('Less still', run_id => :august4, delivery_id => (SELECT id FROM delivery WHERE trade_id = 801 AND superseded_at IS NULL), claimed_kwh => 100) AS less_still \gset
-- of what was decided before
SELECT amount, undisputed, held FROM held_amounts(:august4) WHERE dispute_id = :less_still;
SET ROLE dispute_volt;
SELECT accept_settling(:third_less), answer_dispute(:less_still, 'no');
SET ROLE dispute_operator;
SELECT resolve_dispute(:less_still, 'partly', 'By the meter', 200);
SET ROLE dispute_dso;
SELECT trim_scale(sum(held)) AS held FROM held_amounts(:august4);
SELECT settle(1, '2025-08-01', 'final') AS august5 \gset
SELECT trade_id, before, after, change, cause, regexp_replace(regexp_replace(detail, 'dispute \d+', 'dispute N'), '^delivery .*', '...') AS detail FROM settlement_changes(:august5);
SELECT sum(change) AS changes, (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = :august5) - (SELECT sum(s.amount) FROM settlement_statement s WHERE s.run_id = :august4) AS of_statements FROM settlement_changes(:august5);
SELECT count(*) AS differ FROM check_settlement_run(:august5);
SELECT net, held FROM issue_invoices(:august5, 0.2) WHERE service_provider_id = 3;
SELECT s.total, (SELECT sum(i.net) FROM invoice i JOIN settlement_run r ON r.id = i.run_id WHERE r.month = '2025-08-01' AND i.service_provider_id = 3) AS invoiced, -20 + 130 + 66.67 + 50 + 100 AS by_hand FROM settlement_statement s WHERE run_id = :august5 AND service_provider_id = 3;
SELECT product_code, stage, lines, payment, adjustment, amount FROM earnings_report(1, '2025-08-01', 3);
-- the parties read it, nobody writes it
SELECT count(*) AS decisions FROM settlement_decision;
SET ROLE dispute_volt;
SELECT count(*) AS decisions, count(*) FILTER (WHERE superseded_at IS NULL) AS hold, (SELECT count(*) FROM settlement_adjustment) AS adjustments FROM settlement_decision;
SET ROLE dispute_amp;
SELECT count(*) AS decisions, (SELECT count(*) FROM settlement_adjustment) AS adjustments FROM settlement_decision;
SET ROLE dispute_operator;
UPDATE settlement_decision SET amount = 1;
RESET ROLE;
UPDATE settlement_decision SET amount = 1;
UPDATE settlement_adjustment SET settled = 1;
-- nothing of it is rewritten
UPDATE dispute SET reason = 'another';
UPDATE dispute SET status = 'raised';
UPDATE dispute_evidence SET words = 'another';
UPDATE invoice_payment SET amount = 1;
TRUNCATE dispute_step;
SET ROLE dispute_operator;
UPDATE dispute SET decision_reason = 'another';
RESET ROLE;
SELECT flexexchange.drop_exchange('dispute_test', with_data => true);
DROP ROLE dispute_dso, dispute_neso, dispute_volt, dispute_amp, dispute_operator, dispute_regulator;
