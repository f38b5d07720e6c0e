-- archetype: thick
-- Disputes: raising, answering, showing, settling and deciding them, and what is held back meanwhile.
--
-- What is undisputed of a line is the less of what the two parties say it is: held back is what lies above.  It is worked out
-- from the disputes whenever it is asked, for the lines of the run that is asked about, so there is nothing to keep in step.

SELECT protect_table('dispute_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['dispute', 'dispute_step', 'dispute_evidence', 'dispute_proposal', 'dispute_override', 'statement_acceptance']) t;
-- written by the functions below
REVOKE INSERT, UPDATE, DELETE ON dispute, dispute_step, dispute_evidence, dispute_proposal, dispute_override, statement_acceptance FROM flexexchange_operator;
GRANT SELECT ON dispute, dispute_step, dispute_evidence, dispute_proposal, dispute_override, statement_acceptance TO flexexchange_participant;
GRANT INSERT (market_id, subject, raise_within, answer_within, confirmed, source), UPDATE (raise_within, answer_within, confirmed, source) ON dispute_terms TO flexexchange_participant;
DROP POLICY IF EXISTS dispute_terms_insert_own ON dispute_terms;
CREATE POLICY dispute_terms_insert_own ON dispute_terms FOR INSERT TO flexexchange_participant WITH CHECK (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY dispute_terms_insert_own ON dispute_terms IS 'DISP-MO-1: a buyer says how long disputes of its markets may take';
DROP POLICY IF EXISTS dispute_terms_update_own ON dispute_terms;
CREATE POLICY dispute_terms_update_own ON dispute_terms FOR UPDATE TO flexexchange_participant
  USING (market_id = ANY (ARRAY(SELECT own_market_ids()))) WITH CHECK (market_id = ANY (ARRAY(SELECT own_market_ids())));
COMMENT ON POLICY dispute_terms_update_own ON dispute_terms IS 'DISP-MO-2: a buyer changes that for disputes to come';
DROP POLICY IF EXISTS dispute_read_party ON dispute;
CREATE POLICY dispute_read_party ON dispute FOR SELECT TO flexexchange_participant
  USING (raised_by_id = (SELECT current_participant()) OR respondent_id = (SELECT current_participant()));
COMMENT ON POLICY dispute_read_party ON dispute IS 'DISP-ALL-1: the parties of a dispute read it, and the reasons of its decision';
DROP POLICY IF EXISTS statement_acceptance_read_party ON statement_acceptance;
CREATE POLICY statement_acceptance_read_party ON statement_acceptance FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) OR run_id = ANY (ARRAY(SELECT own_settlement_run_ids())));
COMMENT ON POLICY statement_acceptance_read_party ON statement_acceptance IS 'DISP-ALL-3: a provider reads what it accepted, a buyer what was accepted of its runs';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['dispute_step', 'dispute_evidence', 'dispute_proposal', 'dispute_override'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_party ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_party ON %1$I FOR SELECT TO flexexchange_participant USING (dispute_id IN (SELECT d.id FROM dispute d))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_party ON %1$I IS ''DISP-ALL-2: whoever reads a dispute reads its steps, what both parties show and propose, and what was set aside''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['dispute', 'dispute_step', 'dispute_evidence', 'dispute_proposal', 'dispute_override', 'statement_acceptance'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was in dispute stays known.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['dispute_step', 'dispute_evidence', 'dispute_override', 'statement_acceptance'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''Add what is to be said beside it.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what was said, shown or decided stays as it was''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF dispute_id, proposed_by_id, words, delivered_kwh, amount, proposed_at ON dispute_proposal
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Make another proposal.');
COMMENT ON TRIGGER t10_is_kept ON dispute_proposal IS 'what was proposed stays as it was';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF mrid, market_id, subject, run_id, delivery_id, qualification_id, conflict_id, raised_by_id, respondent_id, reason, claimed_kwh, claimed_amount, raised_at, raised_as, answer_by ON dispute
  FOR EACH ROW EXECUTE FUNCTION refuse_change('subject, parties and claim', 'Withdraw the dispute and raise another.');
COMMENT ON TRIGGER t10_is_kept ON dispute IS 'what was disputed, by whom and why stays as it was';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON dispute
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > raised', 'raised > answered resolved withdrawn', 'answered > resolved withdrawn');
COMMENT ON TRIGGER t10_status ON dispute IS 'a dispute is raised, answered, and resolved or withdrawn';

-- ---------------------------------------------------------------- steps, and what follows from a decision

CREATE OR REPLACE FUNCTION record_dispute_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO dispute_step (dispute_id, status, reason, happened_at)
  SELECT NEW.id, NEW.status,
         CASE NEW.status WHEN 'raised' THEN NEW.reason WHEN 'answered' THEN NEW.answer || CASE WHEN NEW.answered_at > NEW.answer_by THEN ' (late)' ELSE '' END
                         WHEN 'resolved' THEN format('%s by %s: %s', NEW.outcome, NEW.decided_by, NEW.decision_reason) ELSE NEW.withdrawal_reason END,
         CASE NEW.status WHEN 'raised' THEN NEW.raised_at WHEN 'answered' THEN NEW.answered_at WHEN 'resolved' THEN NEW.decided_at ELSE NEW.withdrawn_at END
  WHERE TG_OP = 'INSERT' OR NEW.status <> OLD.status;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_dispute_step() IS 'trigger: keeps every step of a dispute; SECURITY DEFINER because nobody writes dispute_step itself';
REVOKE ALL ON FUNCTION record_dispute_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_step AFTER INSERT OR UPDATE OF status ON dispute FOR EACH ROW EXECUTE FUNCTION record_dispute_step();
COMMENT ON TRIGGER t20_step ON dispute IS 'every step is kept';

CREATE OR REPLACE FUNCTION write_decided_delivery(decided dispute) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  made bigint;
BEGIN
  -- what is decided takes the place of what is said of the period now, whoever said it since
  INSERT INTO delivery (dispatch_id, availability_id, delivery_window, requested_kwh, delivered_kwh, error, source, evidence)
  SELECT d.dispatch_id, d.availability_id, d.delivery_window, d.requested_kwh, decided.decided_kwh, d.error, 'dispute', left(format('dispute %s, %s: %s', decided.id, decided.outcome, decided.decision_reason), 1000)
  FROM delivery d JOIN delivery o ON o.id = decided.delivery_id AND o.trade_id = d.trade_id AND o.delivery_window = d.delivery_window
  WHERE d.superseded_at IS NULL
  RETURNING id INTO made;
  IF made IS NULL THEN
    RAISE EXCEPTION 'nothing is said any more of the period of delivery %', decided.delivery_id
      USING ERRCODE = 'MX513', HINT = 'Its trade is verified in other periods now: decide an amount, or say what was delivered in these.';
  END IF;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION write_decided_delivery(dispute) IS 'writes what was decided of a delivery as another, which supersedes it; gives its number; errors MX201, MX513';
REVOKE ALL ON FUNCTION write_decided_delivery(dispute) FROM PUBLIC;

CREATE OR REPLACE FUNCTION carry_out_decision() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting hold;
  holds bigint[] := ARRAY[]::bigint[];
  words CONSTANT text := left(format('dispute %s, %s: %s', NEW.id, NEW.outcome, NEW.decision_reason), 1000);
BEGIN
  IF NEW.decided_kwh IS NOT NULL THEN
    -- a seller does not say what was delivered: what it agreed to last is written with the next run
    IF acts_for_exchange() OR NEW.market_id = ANY (ARRAY(SELECT own_market_ids())) OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'MEMBER') THEN
      NEW.new_delivery_id := write_decided_delivery(NEW);
    END IF;
  END IF;
  IF num_nonnulls(NEW.decided_kwh, NEW.decided_amount) > 0 THEN
    -- an amount holds until something else is decided of the period, energy included
    NEW.new_decision_id := decide_settlement(NEW.delivery_id, NEW.decided_amount, left(format('dispute %s decided (%s): %s', NEW.id, NEW.outcome, NEW.decision_reason), 1000));
  ELSIF NEW.qualification_id IS NOT NULL AND NEW.outcome IN ('upheld', 'partly') THEN
    -- the procuring operator decides again
    UPDATE qualification q SET status = 'requested' WHERE q.id = NEW.qualification_id AND q.status = 'rejected';
    UPDATE suspension s SET status = 'reinstated' WHERE s.qualification_id = NEW.qualification_id AND s.status = 'suspended';
  ELSIF NEW.conflict_id IS NOT NULL AND NEW.outcome IN ('upheld', 'partly') THEN
    FOR waiting IN SELECT * FROM hold h WHERE NEW.conflict_id = ANY (h.conflict_ids) AND h.resolved_at IS NULL ORDER BY h.id FOR UPDATE LOOP
      holds := holds || waiting.id;
      IF NEW.raised_by_id IN (waiting.service_provider_id, waiting.market_operator_id) THEN
        PERFORM accept_hold(waiting.id, 'operator', words);
      ELSE
        PERFORM end_hold(waiting.id, 'rejected', 'operator', words);
        PERFORM set_trade_status(waiting.stage, waiting.trade_id, 'rejected');
      END IF;
    END LOOP;
    INSERT INTO dispute_override (dispute_id, conflict_id, hold_ids, reason, made_at) VALUES (NEW.id, NEW.conflict_id, holds, NEW.decision_reason, NEW.decided_at);
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION carry_out_decision() IS
  'trigger: what was decided is done: a delivery that supersedes the one in dispute (of what the seller agreed to last, with the next run), an amount that the period is settled at from the next run on, an application to be decided again, a verdict set aside and the trades that waited on it let through (or refused, where the dispute was of another); errors MX513, and those of deliveries and holds; SECURITY DEFINER because it changes what others own';
REVOKE ALL ON FUNCTION carry_out_decision() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t50_carry_out BEFORE UPDATE OF status ON dispute FOR EACH ROW WHEN (OLD.status <> 'resolved' AND NEW.status = 'resolved') EXECUTE FUNCTION carry_out_decision();
COMMENT ON TRIGGER t50_carry_out ON dispute IS 'what was decided is done';

CREATE OR REPLACE FUNCTION carry_out_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  settled dispute;
BEGIN
  FOR settled IN
    SELECT d.* FROM dispute d JOIN delivery v ON v.id = d.delivery_id
    WHERE d.market_id = NEW.market_id AND d.status = 'resolved' AND d.decided_kwh IS NOT NULL AND d.new_delivery_id IS NULL AND NEW.period @> lower(v.delivery_window)
      -- a trade that was verified in other periods since, or was cut, is not settled by these
      AND EXISTS (SELECT FROM delivery n JOIN settleable_delivery s ON s.delivery_id = n.id AND s.live WHERE n.superseded_at IS NULL AND resource_window(n.trade_id, n.delivery_window) && resource_window(v.trade_id, v.delivery_window) AND n.delivery_window = v.delivery_window)
    ORDER BY d.id FOR UPDATE OF d
  LOOP
    UPDATE dispute d SET new_delivery_id = write_decided_delivery(settled) WHERE d.id = settled.id;
  END LOOP;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION carry_out_settled() IS 'trigger: before a month is settled, what the parties settled between them of it is written as deliveries, unless the trade was verified in other periods since, was cut, or stands no more; SECURITY DEFINER because it writes what others own';
REVOKE ALL ON FUNCTION carry_out_settled() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t50_carry_out BEFORE INSERT ON settlement_run FOR EACH ROW EXECUTE FUNCTION carry_out_settled();
COMMENT ON TRIGGER t50_carry_out ON settlement_run IS 'what the parties settled between them is in the next run';

CREATE OR REPLACE FUNCTION refuse_final_while_disputed() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  disputes text;
BEGIN
  SELECT string_agg(d.id::text, ', ' ORDER BY d.id) INTO disputes
  FROM dispute d JOIN delivery v ON v.id = d.delivery_id WHERE d.market_id = NEW.market_id AND d.status IN ('raised', 'answered') AND NEW.period @> lower(v.delivery_window);
  IF disputes IS NOT NULL THEN
    RAISE EXCEPTION 'no final run of %: dispute % is open', to_char(NEW.month, 'YYYY-MM'), disputes
      USING ERRCODE = 'MX514', HINT = 'After the final run of a month nothing of it changes: make a revised one, or have the dispute resolved first.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION refuse_final_while_disputed() IS 'trigger: a month is not settled for good while something of it is in dispute; error MX514';
REVOKE ALL ON FUNCTION refuse_final_while_disputed() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t30_nothing_is_disputed BEFORE INSERT ON settlement_run FOR EACH ROW WHEN (NEW.kind = 'final') EXECUTE FUNCTION refuse_final_while_disputed();
COMMENT ON TRIGGER t30_nothing_is_disputed ON settlement_run IS 'a final run comes once no dispute is open';

-- ---------------------------------------------------------------- what the caller may

CREATE OR REPLACE FUNCTION market_instant_after(market_id bigint, since timestamptz, span interval) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT ((market_instant_after.since AT TIME ZONE m.time_zone) + market_instant_after.span) AT TIME ZONE m.time_zone FROM market m WHERE m.id = market_instant_after.market_id;
END;
COMMENT ON FUNCTION market_instant_after(bigint, timestamptz, interval) IS 'an instant so much later, days and months as the clocks of the market have them';
REVOKE ALL ON FUNCTION market_instant_after(bigint, timestamptz, interval) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market_instant_after(bigint, timestamptz, interval) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION dispute_terms_of(market_id bigint, subject text) RETURNS dispute_terms
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT t.* FROM dispute_terms t WHERE t.subject = dispute_terms_of.subject AND (t.market_id = dispute_terms_of.market_id OR t.market_id IS NULL) ORDER BY t.market_id NULLS LAST LIMIT 1;
END;
COMMENT ON FUNCTION dispute_terms_of(bigint, text) IS 'how long disputes of a subject may take in a market: as it says, else as markets do that say nothing';
REVOKE ALL ON FUNCTION dispute_terms_of(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION dispute_terms_of(bigint, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION take_dispute(dispute_id bigint, at timestamptz) RETURNS dispute
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  taken dispute;
BEGIN
  -- runs and invoices of the market wait until it is done
  PERFORM FROM market m JOIN dispute d ON d.market_id = m.id WHERE d.id = take_dispute.dispute_id FOR NO KEY UPDATE OF m;
  SELECT * INTO taken FROM dispute d WHERE d.id = take_dispute.dispute_id FOR UPDATE;
  IF taken.id IS NULL OR NOT (acts_for_exchange() OR current_participant() IN (taken.raised_by_id, taken.respondent_id)) THEN
    RAISE EXCEPTION 'dispute % is unknown, or not yours', coalesce(take_dispute.dispute_id::text, 'NULL') USING ERRCODE = 'MX510', HINT = 'See table dispute.';
  END IF;
  IF taken.status NOT IN ('raised', 'answered') THEN
    RAISE EXCEPTION 'dispute % is % already', taken.id, taken.status USING ERRCODE = 'MX512', HINT = 'See dispute_step for when and why.';
  END IF;
  PERFORM acting_at(take_dispute.at);
  RETURN taken;
END
$function$;
COMMENT ON FUNCTION take_dispute(bigint, timestamptz) IS 'an open dispute of the caller, or any for the exchange, locked so that nobody else takes a step of it; errors 42501, MX510, MX512';
REVOKE ALL ON FUNCTION take_dispute(bigint, timestamptz) FROM PUBLIC;

-- ---------------------------------------------------------------- steps of the parties

CREATE OR REPLACE FUNCTION raise_dispute(reason text, run_id bigint DEFAULT NULL, delivery_id bigint DEFAULT NULL, qualification_id bigint DEFAULT NULL, conflict_id bigint DEFAULT NULL,
                                         claimed_kwh numeric DEFAULT NULL, claimed_amount numeric DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  matter CONSTANT text := CASE WHEN run_id IS NOT NULL THEN 'settlement_line' WHEN delivery_id IS NOT NULL THEN 'verification' WHEN qualification_id IS NOT NULL THEN 'qualification' ELSE 'conflict' END;
  the_market bigint;
  seller bigint;
  buyer bigint;
  since timestamptz;
  until timestamptz;
  problem text;
  terms dispute_terms;
  the_delivery delivery;
  made bigint;
BEGIN
  PERFORM acting_at(raise_dispute.at);
  PERFORM check_one(num_nonnulls(delivery_id, qualification_id, conflict_id), 'delivery_id, qualification_id and conflict_id'),
          check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say what is wrong: the other party reads it.');
  -- whose it is
  IF delivery_id IS NOT NULL THEN
    SELECT * INTO the_delivery FROM delivery v WHERE v.id = raise_dispute.delivery_id;
    SELECT p.market_id, the_delivery.service_provider_id, m.market_operator_id INTO the_market, seller, buyer FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = the_delivery.product_id;
  ELSIF qualification_id IS NOT NULL THEN
    SELECT p.market_id, q.service_provider_id, m.market_operator_id INTO the_market, seller, buyer
    FROM qualification q JOIN product p ON p.id = q.product_id JOIN market m ON m.id = p.market_id WHERE q.id = raise_dispute.qualification_id;
  ELSE
    -- whoever was told of it may, of the trade of its own; the exchange, whose verdict it is, answers
    SELECT p.market_id, me INTO the_market, seller
    FROM conflict k JOIN commitment c ON c.id IN (k.challenger_id, k.incumbent_id) AND me IN (c.service_provider_id, c.market_operator_id) JOIN product p ON p.id = c.product_id
    WHERE k.id = raise_dispute.conflict_id AND EXISTS (SELECT FROM notification n WHERE n.conflict_id = k.id AND n.participant_id = me) ORDER BY c.id = k.challenger_id DESC LIMIT 1;
  END IF;
  IF me IS NULL OR the_market IS NULL OR me NOT IN (seller, coalesce(buyer, seller)) THEN
    RAISE EXCEPTION '% % is not yours to dispute', CASE WHEN delivery_id IS NOT NULL THEN 'delivery' ELSE matter END, coalesce(delivery_id, qualification_id, conflict_id)
      USING ERRCODE = 'insufficient_privilege', HINT = 'The seller and the buyer of a trade can, and of a conflict whoever was told of it.';
  END IF;
  -- a run, an invoice and a dispute of a market take turns
  PERFORM FROM market m WHERE m.id = the_market FOR NO KEY UPDATE;
  SELECT * INTO the_delivery FROM delivery v WHERE v.id = raise_dispute.delivery_id;
  -- whether it can be disputed, and since when
  CASE matter
    WHEN 'settlement_line' THEN
      SELECT min(r.made_at) INTO since FROM settlement_line l JOIN settlement_line x ON x.delivery_id = l.delivery_id AND line_as_adjusted(x.run_id, x.delivery_id) = line_as_adjusted(l.run_id, l.delivery_id) JOIN settlement_run r ON r.id = x.run_id AND r.id <= l.run_id
      WHERE l.run_id = raise_dispute.run_id AND l.delivery_id = raise_dispute.delivery_id;
      problem := CASE WHEN since IS NULL THEN 'is not in that run'
                      WHEN EXISTS (SELECT FROM settlement_run r WHERE r.previous_run_id = raise_dispute.run_id) THEN 'was settled again since'
                      WHEN EXISTS (SELECT FROM settlement_run r WHERE r.id = raise_dispute.run_id AND r.kind = 'final') THEN 'was settled for good'
                      -- a line that a later run left as it was stays accepted
                      WHEN me = seller AND EXISTS (SELECT FROM statement_acceptance a JOIN settlement_line x ON x.run_id = a.run_id AND x.delivery_id = raise_dispute.delivery_id
                                                   JOIN settlement_line l ON l.run_id = raise_dispute.run_id AND l.delivery_id = x.delivery_id
                                                   WHERE a.service_provider_id = me AND line_as_adjusted(l.run_id, l.delivery_id) = line_as_adjusted(x.run_id, x.delivery_id)) THEN 'was accepted' END;
    WHEN 'verification' THEN
      since := the_delivery.recorded_at;
      problem := CASE WHEN the_delivery.superseded_at IS NOT NULL THEN 'was superseded'
                      WHEN EXISTS (SELECT FROM settlement_run r WHERE r.market_id = the_market AND r.kind = 'final' AND r.period @> lower(the_delivery.delivery_window)) THEN 'was settled for good'
                      WHEN me = seller AND EXISTS (SELECT FROM statement_acceptance a JOIN settlement_line x ON x.run_id = a.run_id AND x.delivery_id = raise_dispute.delivery_id WHERE a.service_provider_id = me) THEN 'was accepted' END;
    WHEN 'qualification' THEN
      SELECT coalesce((SELECT max(s.suspended_at) FROM suspension s WHERE s.qualification_id = q.id AND s.status = 'suspended'), q.decided_at) INTO since FROM qualification q WHERE q.id = raise_dispute.qualification_id;
      problem := CASE WHEN since IS NULL THEN 'is not decided yet' END;
    ELSE
      SELECT k.found_at, CASE WHEN k.closed_at IS NOT NULL AND NOT EXISTS (SELECT FROM hold h WHERE k.id = ANY (h.conflict_ids) AND h.resolved_at IS NULL) THEN 'does not hold any more' END
        INTO since, problem FROM conflict k WHERE k.id = raise_dispute.conflict_id;
  END CASE;
  terms := dispute_terms_of(the_market, matter);
  until := market_instant_after(the_market, since, terms.raise_within);
  problem := coalesce(problem, CASE WHEN terms.id IS NULL THEN 'has no terms of disputes' WHEN at > until THEN 'could be disputed until ' || until END);
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION '% % %', CASE WHEN delivery_id IS NOT NULL THEN 'delivery' ELSE matter END, coalesce(delivery_id, qualification_id, conflict_id), problem
      USING ERRCODE = 'MX511', HINT = 'Lines are disputed in the last run of their month, deliveries and decisions while they hold, and each within dispute_terms.raise_within.';
  END IF;
  INSERT INTO dispute AS d (market_id, subject, run_id, delivery_id, qualification_id, conflict_id, raised_by_id, respondent_id, reason, claimed_kwh, claimed_amount, raised_at, answer_by)
  VALUES (the_market, matter, raise_dispute.run_id, raise_dispute.delivery_id, raise_dispute.qualification_id, raise_dispute.conflict_id, me, CASE WHEN matter <> 'conflict' THEN CASE WHEN me = seller THEN buyer ELSE seller END END,
          raise_dispute.reason, raise_dispute.claimed_kwh, raise_dispute.claimed_amount, at, market_instant_after(the_market, at, terms.answer_within))
  RETURNING d.id INTO made;
  RETURN made;
EXCEPTION WHEN unique_violation THEN
  RAISE EXCEPTION '% % is in dispute already', CASE WHEN delivery_id IS NOT NULL THEN 'delivery' ELSE matter END, coalesce(delivery_id, qualification_id, conflict_id)
    USING ERRCODE = 'MX511', HINT = 'See table dispute, and give your evidence there.';
END
$function$;
COMMENT ON FUNCTION raise_dispute(text, bigint, bigint, bigint, bigint, numeric, numeric, timestamptz) IS
  'disputes one thing, by the seller or the buyer: a settlement line (run and delivery), a verification (a delivery), a decision on a qualification, or (whoever was told of it) the verdict on a conflict; with what is claimed, kWh delivered or the amount of the line; returns its number; errors 42501, 23514, MX511; SECURITY DEFINER because nobody writes dispute itself, and the caller is checked';
REVOKE ALL ON FUNCTION raise_dispute(text, bigint, bigint, bigint, bigint, numeric, numeric, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_dispute(text, bigint, bigint, bigint, bigint, numeric, numeric, timestamptz) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION accept_statement(run_id bigint, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  disputes text;
BEGIN
  IF NOT EXISTS (SELECT FROM settlement_statement s WHERE s.run_id = accept_statement.run_id AND s.service_provider_id = me) THEN
    RAISE EXCEPTION 'settlement run % has no statement of yours', coalesce(accept_statement.run_id::text, 'NULL') USING ERRCODE = 'insufficient_privilege', HINT = 'See view monthly_statement.';
  END IF;
  -- a dispute of its line, and this, take turns
  PERFORM FROM market m JOIN settlement_run r ON r.market_id = m.id WHERE r.id = accept_statement.run_id FOR NO KEY UPDATE OF m;
  SELECT string_agg(d.id::text, ', ' ORDER BY d.id) INTO disputes
  FROM dispute d JOIN settlement_line l ON l.run_id = accept_statement.run_id AND l.delivery_id = d.delivery_id WHERE d.raised_by_id = me AND d.status IN ('raised', 'answered');
  IF disputes IS NOT NULL THEN
    RAISE EXCEPTION 'dispute % of it is open', disputes USING ERRCODE = 'MX511', HINT = 'Withdraw it, or have it decided, before you accept the statement.';
  END IF;
  INSERT INTO statement_acceptance (run_id, service_provider_id, accepted_at) VALUES (accept_statement.run_id, me, acting_at(accept_statement.at)) ON CONFLICT DO NOTHING;
END
$function$;
COMMENT ON FUNCTION accept_statement(bigint, timestamptz) IS
  'a provider accepts its statement in a run: it disputes none of its lines any more, as long as they stay as they are; asked again it does nothing; errors 42501, MX511; SECURITY DEFINER because nobody writes statement_acceptance itself';
REVOKE ALL ON FUNCTION accept_statement(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_statement(bigint, timestamptz) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION answer_dispute(dispute_id bigint, answer text, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  taken CONSTANT dispute := take_dispute(dispute_id, at);
BEGIN
  IF (taken.respondent_id IS NULL AND NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER')) OR taken.respondent_id <> coalesce(current_participant(), -1) THEN
    RAISE EXCEPTION 'dispute % is not yours to answer', taken.id
      USING ERRCODE = 'insufficient_privilege', HINT = 'The other party does; of a conflict the operator of the exchange.';
  END IF;
  PERFORM check_given(nullif(btrim(answer_dispute.answer), '') IS NOT NULL, 'answer', 'Say what you hold: the other party reads it.');
  IF taken.status = 'answered' THEN
    RAISE EXCEPTION 'dispute % is answered already', taken.id USING ERRCODE = 'MX512', HINT = 'Give evidence, or propose how to settle it.';
  END IF;
  UPDATE dispute d SET status = 'answered', answer = answer_dispute.answer, answered_at = answer_dispute.at WHERE d.id = taken.id;
END
$function$;
COMMENT ON FUNCTION answer_dispute(bigint, text, timestamptz) IS
  'the other party says what it holds (of a conflict the operator, whose rules found it); late is possible while nothing is decided, and seen; errors 42501, 23514, MX510, MX512; SECURITY DEFINER because nobody writes dispute itself';
REVOKE ALL ON FUNCTION answer_dispute(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION answer_dispute(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION withdraw_dispute(dispute_id bigint, reason text, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  taken CONSTANT dispute := take_dispute(dispute_id, at);
BEGIN
  IF taken.raised_by_id <> coalesce(current_participant(), -1) THEN
    RAISE EXCEPTION 'dispute % is not yours to withdraw', taken.id USING ERRCODE = 'insufficient_privilege', HINT = 'Who raised it can.';
  END IF;
  PERFORM check_given(nullif(btrim(withdraw_dispute.reason), '') IS NOT NULL, 'reason', 'Say why: the other party reads it.');
  UPDATE dispute d SET status = 'withdrawn', withdrawal_reason = withdraw_dispute.reason, withdrawn_at = withdraw_dispute.at WHERE d.id = taken.id;
END
$function$;
COMMENT ON FUNCTION withdraw_dispute(bigint, text, timestamptz) IS 'takes a dispute back, by who raised it; what was held is owed; errors 42501, 23514, MX510, MX512; SECURITY DEFINER because nobody writes dispute itself';
REVOKE ALL ON FUNCTION withdraw_dispute(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_dispute(bigint, text, timestamptz) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION give_evidence(dispute_id bigint, words text, document text DEFAULT NULL, document_sha256 bytea DEFAULT NULL, delivery_id bigint DEFAULT NULL, unit_id bigint DEFAULT NULL,
                                         readings time_window DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  taken CONSTANT dispute := take_dispute(give_evidence.dispute_id, now());
  of_delivery delivery;
  made bigint;
BEGIN
  SELECT * INTO of_delivery FROM delivery v WHERE v.id = give_evidence.delivery_id;
  IF delivery_id IS NOT NULL AND NOT EXISTS (SELECT FROM delivery o WHERE o.id = taken.delivery_id AND o.service_provider_id = of_delivery.service_provider_id
                                               AND (SELECT p.market_id FROM product p WHERE p.id = of_delivery.product_id) = taken.market_id) THEN
    RAISE EXCEPTION 'delivery % is not of the parties of dispute %', delivery_id, taken.id USING ERRCODE = 'MX510', HINT = 'Refer to deliveries of the same seller and market.';
  END IF;
  INSERT INTO dispute_evidence AS e (dispute_id, given_by_id, words, document, document_sha256, delivery_id, unit_id, readings)
  VALUES (taken.id, CASE WHEN NOT acts_for_exchange() THEN current_participant() END, give_evidence.words, give_evidence.document, give_evidence.document_sha256, give_evidence.delivery_id, give_evidence.unit_id, give_evidence.readings)
  RETURNING e.id INTO made;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION give_evidence(bigint, text, text, bytea, bigint, bigint, time_window) IS
  'shows something in an open dispute, by a party or the exchange: words, and with them a document (where it is, and its SHA-256), a delivery, or readings of a unit in a window; both parties read it and nobody changes it; returns its number; errors 23514, MX510, MX512; SECURITY DEFINER because nobody writes dispute_evidence itself';
REVOKE ALL ON FUNCTION give_evidence(bigint, text, text, bytea, bigint, bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION give_evidence(bigint, text, text, bytea, bigint, bigint, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION propose_settling(dispute_id bigint, words text, delivered_kwh numeric DEFAULT NULL, amount numeric DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  taken CONSTANT dispute := take_dispute(propose_settling.dispute_id, propose_settling.at);
  made bigint;
BEGIN
  IF taken.respondent_id IS NULL OR coalesce(current_participant(), -1) NOT IN (taken.raised_by_id, taken.respondent_id) THEN
    RAISE EXCEPTION 'dispute % is not yours to settle', taken.id USING ERRCODE = 'insufficient_privilege', HINT = 'The parties of a dispute on a line, a verification or a qualification can settle it between them.';
  END IF;
  PERFORM check_given(taken.delivery_id IS NOT NULL OR num_nonnulls(delivered_kwh, amount) = 0, 'a delivery in the dispute', 'Energy and money are proposed of deliveries and lines.');
  INSERT INTO dispute_proposal AS p (dispute_id, proposed_by_id, words, delivered_kwh, amount, proposed_at)
  VALUES (taken.id, current_participant(), propose_settling.words, propose_settling.delivered_kwh, propose_settling.amount, propose_settling.at) RETURNING p.id INTO made;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION propose_settling(bigint, text, numeric, numeric, timestamptz) IS
  'a party says how it would settle a dispute: kWh taken to have been delivered, or the amount of the line, or neither (it stands); returns the number of the proposal; errors 42501, 23514, MX510, MX512; SECURITY DEFINER because nobody writes dispute_proposal itself';
REVOKE ALL ON FUNCTION propose_settling(bigint, text, numeric, numeric, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION propose_settling(bigint, text, numeric, numeric, timestamptz) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION accept_settling(proposal_id bigint, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  taken CONSTANT dispute := take_dispute((SELECT p.dispute_id FROM dispute_proposal p WHERE p.id = proposal_id), at);
  proposed dispute_proposal;
BEGIN
  SELECT * INTO proposed FROM dispute_proposal p WHERE p.id = proposal_id;
  IF coalesce(current_participant(), -1) NOT IN (taken.raised_by_id, taken.respondent_id) OR current_participant() = proposed.proposed_by_id THEN
    RAISE EXCEPTION 'proposal % is not yours to accept', proposal_id USING ERRCODE = 'insufficient_privilege', HINT = 'The other party accepts what one proposes.';
  END IF;
  UPDATE dispute_proposal p SET accepted_at = at WHERE p.id = proposal_id;
  UPDATE dispute d SET status = 'resolved', outcome = 'settled', decided_kwh = proposed.delivered_kwh, decided_amount = proposed.amount, decision_reason = proposed.words,
                       decided_by = 'parties', decided_as = session_role(), decided_at = at WHERE d.id = taken.id;
END
$function$;
COMMENT ON FUNCTION accept_settling(bigint, timestamptz) IS
  'the other party accepts a proposal, and the dispute is settled so between them; errors 42501, MX510, MX512, MX513; SECURITY DEFINER because nobody writes dispute itself';
REVOKE ALL ON FUNCTION accept_settling(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_settling(bigint, timestamptz) TO flexexchange_participant;

-- ---------------------------------------------------------------- deciding

CREATE OR REPLACE FUNCTION resolve_dispute(dispute_id bigint, outcome text, reason text, delivered_kwh numeric DEFAULT NULL, amount numeric DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  regulates CONSTANT boolean := pg_has_role(session_role(), 'flexexchange_regulator', 'MEMBER');
  operates CONSTANT boolean := pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER');
  me CONSTANT bigint := current_participant();
  taken dispute;
BEGIN
  PERFORM check_code(resolve_dispute.outcome, 'outcome', 'upheld', 'partly', 'dismissed');
  taken := take_dispute(resolve_dispute.dispute_id, resolve_dispute.at);
  -- never a party: nor who owns one, nor the exchange where its own verdict is in dispute
  IF NOT (regulates OR operates AND taken.respondent_id IS NOT NULL)
     OR me IS NOT NULL AND (commonly_owned(me, taken.raised_by_id, at) OR taken.respondent_id IS NOT NULL AND commonly_owned(me, taken.respondent_id, at)) THEN
    RAISE EXCEPTION 'dispute % is not yours to decide', taken.id
      USING ERRCODE = 'insufficient_privilege', HINT = 'The operator of the exchange or the regulator decides, on the exchange''s own verdicts the regulator: never a party.';
  END IF;
  IF taken.status = 'raised' AND at <= taken.answer_by THEN
    RAISE EXCEPTION 'dispute % is not answered yet, and can be until %', taken.id, taken.answer_by USING ERRCODE = 'MX512', HINT = 'Both parties are heard before it is decided.';
  END IF;
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why: both parties read it.'),
          check_given(num_nonnulls(delivered_kwh, amount) = 0 OR taken.delivery_id IS NOT NULL AND outcome <> 'dismissed', 'energy or an amount of an upheld dispute on a delivery or line', 'What is dismissed, and what is not of a delivery, has none.'),
          check_given(outcome <> 'partly' OR taken.delivery_id IS NULL OR num_nonnulls(delivered_kwh, amount) > 0, 'delivered_kwh or amount', 'Say what part of it is upheld.'),
          check_given(outcome <> 'upheld' OR taken.delivery_id IS NULL OR num_nonnulls(delivered_kwh, amount, taken.claimed_kwh, taken.claimed_amount) > 0, 'delivered_kwh or amount', 'Nothing was claimed in numbers: say what follows.');
  UPDATE dispute d SET status = 'resolved', outcome = resolve_dispute.outcome, decision_reason = resolve_dispute.reason, decided_by = CASE WHEN regulates THEN 'regulator' ELSE 'operator' END, decided_as = session_role(), decided_at = at,
    decided_kwh = CASE WHEN resolve_dispute.outcome = 'upheld' AND num_nonnulls(delivered_kwh, amount) = 0 THEN d.claimed_kwh ELSE resolve_dispute.delivered_kwh END,
    decided_amount = CASE WHEN resolve_dispute.outcome = 'upheld' AND num_nonnulls(delivered_kwh, amount) = 0 THEN d.claimed_amount ELSE resolve_dispute.amount END
  WHERE d.id = taken.id;
END
$function$;
COMMENT ON FUNCTION resolve_dispute(bigint, text, text, numeric, numeric, timestamptz) IS
  'decides a dispute: upheld (as claimed, unless energy or an amount is given), partly (with what is given) or dismissed, with the reason, which both parties read; once it is answered, or the time to answer is over; by the operator of the exchange or the regulator, of a conflict the regulator; errors 42501, 23514, MX510, MX512, MX513; SECURITY DEFINER because nobody writes dispute itself, and the caller is checked';
REVOKE ALL ON FUNCTION resolve_dispute(bigint, text, text, numeric, numeric, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_dispute(bigint, text, text, numeric, numeric, timestamptz) TO flexexchange_operator, flexexchange_regulator;

-- ---------------------------------------------------------------- what is held back

CREATE OR REPLACE FUNCTION held_amounts(run_id bigint)
RETURNS TABLE (dispute_id bigint, delivery_id bigint, trade_id bigint, service_provider_id bigint, amount numeric, undisputed numeric, held numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT d.id, l.delivery_id, l.trade_id, l.service_provider_id, a.amount, u.undisputed, a.amount - u.undisputed
  FROM dispute d
  JOIN delivery o ON o.id = d.delivery_id
  JOIN settlement_run r ON r.id = held_amounts.run_id AND r.market_id = d.market_id AND r.period @> lower(o.delivery_window)
  JOIN settlement_line l ON l.run_id = r.id AND l.trade_id = o.trade_id AND l.delivery_window = o.delivery_window
  JOIN delivery n ON n.id = l.delivery_id
  JOIN settlement_mechanism m ON m.id = l.settlement_mechanism_id
  LEFT JOIN settlement_decision x ON x.id = d.new_decision_id
  CROSS JOIN LATERAL (SELECT line_as_adjusted(l.run_id, l.delivery_id) AS amount OFFSET 0) a
  -- all else of the line as it is
  CROSS JOIN LATERAL payment(m, n.requested_kwh, coalesce(d.decided_kwh, d.claimed_kwh), extract(epoch FROM upper(l.delivery_window) - lower(l.delivery_window)), l.price, l.measured, l.clawback_measured) p
  CROSS JOIN LATERAL (SELECT least(a.amount, CASE WHEN d.status = 'resolved' THEN coalesce(d.decided_amount, CASE WHEN d.decided_kwh IS NOT NULL THEN p.amount END, a.amount)
                                                  ELSE coalesce(d.claimed_amount, CASE WHEN d.claimed_kwh IS NOT NULL THEN p.amount END, CASE WHEN d.raised_by_id = l.service_provider_id THEN a.amount ELSE 0 END) END) AS undisputed) u
  WHERE (d.status IN ('raised', 'answered')
         -- until a run has settled it, or something else was decided
         OR d.outcome IN ('upheld', 'partly', 'settled')
            AND CASE WHEN d.new_decision_id IS NULL THEN l.delivery_id = d.delivery_id
                     ELSE x.superseded_at IS NULL AND NOT EXISTS (SELECT FROM settlement_adjustment y WHERE y.run_id = r.id AND y.decision_id = d.new_decision_id) END)
    AND u.undisputed < a.amount;
END;
COMMENT ON FUNCTION held_amounts(bigint) IS
  'the lines of a run of which something is held back, by dispute: what the line says, with what was decided of it before, what is undisputed of it (the less of what the parties say: an amount, or what follows from the energy that is claimed, all else of the line as it is; nothing, where a buyer says neither), and what is held; a decision holds until a run has settled it';
REVOKE ALL ON FUNCTION held_amounts(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION held_amounts(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION open_disputes(at timestamptz DEFAULT now())
RETURNS TABLE (dispute_id bigint, market_code text, subject text, raised_by text, respondent text, status text, raised_at timestamptz, answer_by timestamptz, waits_for text, held numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT d.id, m.code, d.subject, a.name, coalesce(b.name, 'the exchange'), d.status, d.raised_at, d.answer_by,
         CASE WHEN d.status = 'answered' THEN 'a decision' WHEN at <= d.answer_by THEN 'an answer' ELSE 'a decision: it was not answered in time' END,
         (SELECT round(sum(h.held), 2) FROM settlement_run r CROSS JOIN LATERAL held_amounts(r.id) h
          WHERE r.market_id = d.market_id AND r.period @> (SELECT lower(v.delivery_window) FROM delivery v WHERE v.id = d.delivery_id) AND h.dispute_id = d.id
            AND NOT EXISTS (SELECT FROM settlement_run x WHERE x.previous_run_id = r.id))
  FROM dispute d JOIN market m ON m.id = d.market_id JOIN participant a ON a.id = d.raised_by_id LEFT JOIN participant b ON b.id = d.respondent_id
  WHERE d.status IN ('raised', 'answered') AND d.raised_at <= at ORDER BY d.id;
END;
COMMENT ON FUNCTION open_disputes(timestamptz) IS 'the disputes that are open, what each waits for by the clock, and what is held back for it in the last run of its month; NULL: nothing';
REVOKE ALL ON FUNCTION open_disputes(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_disputes(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION follow_disputed_line(dispute_id bigint)
RETURNS TABLE (run_id bigint, number integer, kind text, delivery_id bigint, requested_kwh numeric, delivered_kwh numeric, amount numeric, held numeric, carries_it_out boolean, adjustment numeric)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT r.id, r.number, r.kind, l.delivery_id, n.requested_kwh, n.delivered_kwh, l.amount, h.held, coalesce(l.delivery_id = d.new_delivery_id, false) OR a.decision_id = d.new_decision_id IS TRUE, a.amount
  FROM dispute d
  JOIN delivery o ON o.id = d.delivery_id
  JOIN settlement_run r ON r.market_id = d.market_id AND r.period @> lower(o.delivery_window)
  LEFT JOIN settlement_line l ON l.run_id = r.id AND l.service_provider_id = o.service_provider_id AND l.trade_id = o.trade_id AND l.delivery_window = o.delivery_window
  LEFT JOIN delivery n ON n.id = l.delivery_id
  LEFT JOIN (settlement_adjustment a JOIN settlement_decision x ON x.id = a.decision_id) ON a.run_id = r.id AND x.trade_id = o.trade_id AND x.delivery_window = o.delivery_window
  LEFT JOIN LATERAL (SELECT max(x.held) AS held FROM held_amounts(r.id) x WHERE x.dispute_id = d.id AND NOT EXISTS (SELECT FROM settlement_run y WHERE y.previous_run_id = r.id)) h ON true
  WHERE d.id = follow_disputed_line.dispute_id ORDER BY r.number;
END;
COMMENT ON FUNCTION follow_disputed_line(bigint) IS
  'what the runs of the month made of the line that is in dispute: its delivery, energy and amount in each, what is held of it in the last, in which the decision was carried out, and what the run adds to the line by an amount that was decided; NULL delivery: the run has no such line; NULL adjustment: nothing was decided in money';
REVOKE ALL ON FUNCTION follow_disputed_line(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION follow_disputed_line(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
