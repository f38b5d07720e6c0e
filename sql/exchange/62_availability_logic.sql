-- archetype: thick
-- Availability: declared, answered, withdrawn, released, over; whether units are heard; what they will probably
-- have; and what can be called now.
--
-- Whoever changes an availability locks its row first, and whoever dispatches out of it locks it against that: of
-- two at once the second sees what the first did.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['availability_terms', 'heartbeat_terms']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['availability_step', 'availability_part', 'unavailability_notice', 'unit_heartbeat', 'heartbeat_spell', 'availability_forecast']) t;
-- written as it happens, by triggers and functions
REVOKE INSERT, UPDATE, DELETE ON availability_step, availability_part, unavailability_notice, unit_heartbeat, heartbeat_spell FROM flexexchange_operator;
REVOKE UPDATE, DELETE ON availability_forecast FROM flexexchange_operator;
GRANT SELECT ON availability_step, availability_part, unavailability_notice, unit_heartbeat, heartbeat_spell, availability_forecast TO flexexchange_participant;
GRANT INSERT (product_id, valid, if_undeclared, declare_late, answer_from, answer_before, if_unanswered, withdraw_before, release_before, source), UPDATE (valid) ON availability_terms TO flexexchange_participant;
GRANT INSERT (product_id, market_id, valid, missed_intervals, required, source), UPDATE (valid) ON heartbeat_terms TO flexexchange_participant;
GRANT INSERT (asset_id, portfolio_id, service_provider_id, direction, delivery_window, issued_at, levels, power_kw, samples_kw, method, source) ON availability_forecast TO flexexchange_participant;

DROP POLICY IF EXISTS availability_terms_own ON availability_terms;
CREATE POLICY availability_terms_own ON availability_terms TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY availability_terms_own ON availability_terms IS 'AVAIL-MO-1: a buyer says by which terms availability of its products is declared and answered';
DROP POLICY IF EXISTS heartbeat_terms_own ON heartbeat_terms;
CREATE POLICY heartbeat_terms_own ON heartbeat_terms TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())) OR market_id = ANY (ARRAY(SELECT own_market_ids())))
  WITH CHECK (coalesce(product_id = ANY (ARRAY(SELECT own_product_ids())), true) AND coalesce(market_id = ANY (ARRAY(SELECT own_market_ids())), true));
COMMENT ON POLICY heartbeat_terms_own ON heartbeat_terms IS 'AVAIL-MO-2: a buyer says how long units may be silent for its products and markets';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['availability_step', 'availability_part'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant USING (availability_id IN (SELECT v.id FROM availability v))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''AVAIL-1: whoever reads an availability reads what became of it''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['unavailability_notice', 'unit_heartbeat', 'heartbeat_spell', 'availability_forecast'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''AVAIL-SP-2: a provider reads what it said of its units''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_bought ON %1$I FOR SELECT TO flexexchange_participant
      USING (unit_id = ANY (ARRAY(SELECT v.unit_id FROM availability v WHERE v.product_id = ANY (ARRAY(SELECT own_product_ids()))
                                  UNION SELECT a.unit_id FROM award a WHERE a.product_id = ANY (ARRAY(SELECT own_product_ids())))))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_bought ON %1$I IS ''AVAIL-MO-3: a buyer reads what is said of units that were awarded or declared to it''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS availability_forecast_insert_own ON availability_forecast;
CREATE POLICY availability_forecast_insert_own ON availability_forecast FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant())
              AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids())) AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY availability_forecast_insert_own ON availability_forecast IS 'AVAIL-SP-3: a provider forecasts its own units';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['availability_terms', 'availability_step', 'availability_part', 'unavailability_notice', 'heartbeat_terms', 'heartbeat_spell', 'availability_forecast'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was said of availability is looked back at.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF product_id, if_undeclared, declare_late, answer_from, answer_before, if_unanswered, withdraw_before, release_before, recorded_at ON availability_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'End the row (valid), and write another for later deliveries.');
COMMENT ON TRIGGER t10_terms_are_kept ON availability_terms IS 'declarations were judged by them';
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF product_id, market_id, missed_intervals, required, recorded_at ON heartbeat_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'End the row (valid), and write another.');
COMMENT ON TRIGGER t10_terms_are_kept ON heartbeat_terms IS 'units were judged by them';

-- ------------------------------------------------------------------ life

-- What other platforms record may come in any state; what is cut from another begins in its state.
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON availability
  FOR EACH ROW WHEN (NEW.source IS NULL)
  EXECUTE FUNCTION follow_states('status', 'start > declared accepted completed rejected withdrawn released', 'declared > accepted rejected withdrawn held',
    'accepted > completed released withdrawn held rejected', 'held > declared accepted rejected withdrawn released');
COMMENT ON TRIGGER t10_status ON availability IS 'nothing is accepted anew that was given back, and what is over stays; for rows of this exchange';

-- What the clock has ended, or would have had it run in time, nobody decides on after that.
CREATE OR REPLACE FUNCTION refuse_late_decision() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF upper(OLD.delivery_window) <= now() AND NEW.decided_by IN ('operator', 'agreement') AND EXISTS (SELECT FROM availability v WHERE v.id = OLD.trade_id AND v.source IS NULL) THEN
    RAISE EXCEPTION 'hold % is of availability that was over at %', OLD.id, upper(OLD.delivery_window)
      USING ERRCODE = 'MX302', HINT = 'What is held until its end is rejected: advance_availability() does so.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION refuse_late_decision() IS 'trigger: a hold on availability is decided on before its end, so that what comes of it does not depend on when the clock is run; error MX302';
REVOKE ALL ON FUNCTION refuse_late_decision() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_availability_is_not_over BEFORE UPDATE OF resolution ON hold
  FOR EACH ROW WHEN (OLD.stage = 'availability' AND OLD.resolution IS NULL) EXECUTE FUNCTION refuse_late_decision();
COMMENT ON TRIGGER t10_availability_is_not_over ON hold IS 'nothing is let through that the clock has ended';

CREATE OR REPLACE FUNCTION record_availability_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO availability_step (availability_id, status, power_kw, delivery_window, participant_id)
    SELECT a.id, a.status, a.power_kw, a.delivery_window, current_participant() FROM after a JOIN availability v USING (id) ORDER BY a.id;
  ELSE
    INSERT INTO availability_step (availability_id, status, power_kw, delivery_window, participant_id)
    SELECT a.id, a.status, a.power_kw, a.delivery_window, current_participant() FROM after a JOIN before b USING (id)
    WHERE (a.status, a.power_kw) <> (b.status, b.power_kw) OR a.delivery_window <> b.delivery_window ORDER BY a.id;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_availability_step() IS 'trigger: keeps every change of status, power or window; SECURITY DEFINER because nobody writes availability_step itself';
REVOKE ALL ON FUNCTION record_availability_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t25_steps_insert AFTER INSERT ON availability REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_availability_step();
COMMENT ON TRIGGER t25_steps_insert ON availability IS 'keeps as what it began';
CREATE OR REPLACE TRIGGER t25_steps_update AFTER UPDATE ON availability REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_availability_step();
COMMENT ON TRIGGER t25_steps_update ON availability IS 'keeps what became of it';

CREATE OR REPLACE FUNCTION keep_availability_step() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF OLD.recorded_at <> now() OR (NEW.id, NEW.availability_id, NEW.status, NEW.power_kw, NEW.recorded_at, NEW.made_by) IS DISTINCT FROM (OLD.id, OLD.availability_id, OLD.status, OLD.power_kw, OLD.recorded_at, OLD.made_by)
     OR NEW.delivery_window <> OLD.delivery_window THEN
    RAISE EXCEPTION 'availability_step % stays as it was written', OLD.id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'What happens later is another step.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_availability_step() IS 'trigger: a step is given its reason in the transaction that writes it, and stays; error 55000';
REVOKE ALL ON FUNCTION keep_availability_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON availability_step FOR EACH ROW EXECUTE FUNCTION keep_availability_step();
COMMENT ON TRIGGER t10_is_kept ON availability_step IS 'what happened stays';

CREATE OR REPLACE FUNCTION explain_availability_steps(ids bigint[], after_id bigint, reason_code text, reason text, happened_at timestamptz, gate_closes_at timestamptz DEFAULT NULL,
                                                      late boolean DEFAULT NULL, terms_id bigint DEFAULT NULL) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
  UPDATE availability_step s SET reason_code = CASE WHEN x.by_rule THEN NULL ELSE explain_availability_steps.reason_code END,
    reason = CASE WHEN x.by_rule THEN 'the ruleset in force says so' ELSE nullif(btrim(explain_availability_steps.reason), '') END, happened_at = explain_availability_steps.happened_at,
    gate_closes_at = explain_availability_steps.gate_closes_at, late = explain_availability_steps.late, terms_id = explain_availability_steps.terms_id
  -- what follows at once on what was done
  FROM (SELECT y.id, y.status IN ('held', 'rejected') AND row_number() OVER (PARTITION BY y.availability_id ORDER BY y.id) > 1 AS by_rule
        FROM availability_step y WHERE y.availability_id = ANY (ids) AND y.id > after_id) x
  WHERE s.id = x.id
$function$;
COMMENT ON FUNCTION explain_availability_steps(bigint[], bigint, text, text, timestamptz, timestamptz, boolean, bigint) IS
  'gives the steps that were just written of some availabilities their reason, time, gate and terms; called by functions that act for the owner';
REVOKE ALL ON FUNCTION explain_availability_steps(bigint[], bigint, text, text, timestamptz, timestamptz, boolean, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION last_availability_step() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(max(s.id), 0) FROM availability_step s;
END;
COMMENT ON FUNCTION last_availability_step() IS 'the id of the last step that can be seen; 0: there is none';
REVOKE ALL ON FUNCTION last_availability_step() FROM PUBLIC;

-- plpgsql and not sql: its plan is kept for the session, and every beat asks
CREATE OR REPLACE FUNCTION operates_exchange() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = 'availability'::regclass), 'USAGE');
END
$function$;
COMMENT ON FUNCTION operates_exchange() IS 'true when the session is the operator''s or the owner''s, who may do what a party may, and at another instant than now';
REVOKE ALL ON FUNCTION operates_exchange() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operates_exchange() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION acting_at(at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(coalesce(isfinite(at), false), 'at', 'Leave it out to act now.');
  -- a party does not turn the clock back to be in time
  IF at <> now() AND NOT operates_exchange() THEN
    RAISE EXCEPTION 'at is %, which is not now', at
      USING ERRCODE = 'insufficient_privilege', HINT = 'What is done is done now; the operator of the exchange records what happened before.';
  END IF;
  RETURN at;
END
$function$;
COMMENT ON FUNCTION acting_at(timestamptz) IS 'the instant at which something is done: now, and another for the operator and the owner of the exchange alone; errors 42501, 23514';
REVOKE ALL ON FUNCTION acting_at(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION acting_at(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION over_by(at timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(at IS NOT NULL, 'at', 'Leave it out for what is over by now.');
  -- a party does not turn the clock forward either
  IF at > now() AND NOT operates_exchange() THEN
    RAISE EXCEPTION 'at is %, which is still to come', at
      USING ERRCODE = 'insufficient_privilege', HINT = 'What is not over is not looked back at; name now or an earlier instant.';
  END IF;
  RETURN at;
END
$function$;
COMMENT ON FUNCTION over_by(timestamptz) IS 'the instant by which something is over: now or earlier, and a later one for the operator and the owner of the exchange alone; errors 42501, 23514';
REVOKE ALL ON FUNCTION over_by(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION over_by(timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION unit_seller(unit_id bigint, at timestamptz) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT o.service_provider_id FROM asset_operator o WHERE o.asset_id = unit_seller.unit_id AND o.valid @> unit_seller.at
  UNION ALL SELECT p.service_provider_id FROM portfolio p WHERE p.id = unit_seller.unit_id
$function$;
COMMENT ON FUNCTION unit_seller(bigint, timestamptz) IS 'the provider that sells an asset or a portfolio at an instant where no award says otherwise: whoever operates it then; NULL: nobody; of what the caller may read';
REVOKE ALL ON FUNCTION unit_seller(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unit_seller(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION availability_gate(product_id bigint, award_id bigint, delivery timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN c.id IS NOT NULL THEN (SELECT g.closes_at FROM competition_gates(c.id, delivery) g WHERE g.stage = 'availability')
              ELSE (SELECT gate_closure(p.market_id, 'availability', delivery) FROM product p WHERE p.id = availability_gate.product_id) END
  FROM (SELECT competition_of_award(availability_gate.award_id) AS id) c
$function$;
COMMENT ON FUNCTION availability_gate(bigint, bigint, timestamptz) IS
  'until when availability is declared for a delivery that starts at that instant: the gate of the competition that awarded it, at first where it was passed on, otherwise of the market; NULL: there is none';
REVOKE ALL ON FUNCTION availability_gate(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_gate(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION terms_of_availability(product_id bigint, delivery timestamptz) RETURNS availability_terms
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT t.* FROM availability_terms t WHERE resource_window(t.product_id, t.valid) && resource_window(terms_of_availability.product_id, time_window(delivery, delivery + interval '1 microsecond'))
$function$;
COMMENT ON FUNCTION terms_of_availability(bigint, timestamptz) IS 'the terms of a product for a delivery that starts at that instant; NULL: none were said';
REVOKE ALL ON FUNCTION terms_of_availability(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION terms_of_availability(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION see_what_is_new() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF current_setting('transaction_isolation') = 'repeatable read' THEN
    RAISE EXCEPTION 'availability is not changed in a transaction that is REPEATABLE READ'
      USING ERRCODE = 'invalid_transaction_state', HINT = 'It would not see what came meanwhile: use READ COMMITTED or SERIALIZABLE.';
  END IF;
END
$function$;
COMMENT ON FUNCTION see_what_is_new() IS 'refuses a transaction whose snapshot is older than the locks that it takes, and which nothing stops: REPEATABLE READ; error 25000';
REVOKE ALL ON FUNCTION see_what_is_new() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION see_what_is_new() TO flexexchange_participant;

-- Whoever asks for it as a party that it is not of learns no more than that.
CREATE OR REPLACE FUNCTION hold_availability(availability_id bigint, party text) RETURNS availability
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  found availability;
BEGIN
  PERFORM see_what_is_new();
  SELECT v.* INTO found FROM availability v WHERE v.id = hold_availability.availability_id FOR UPDATE;
  IF found.id IS NULL OR NOT (operates_exchange() OR CASE party WHEN 'buyer' THEN found.product_id = ANY (ARRAY(SELECT own_product_ids())) ELSE found.service_provider_id IS NOT DISTINCT FROM current_participant() END) THEN
    RAISE EXCEPTION 'availability % is unknown in this exchange', coalesce(hold_availability.availability_id::text, 'NULL')
      USING ERRCODE = 'MX201', HINT = CASE party WHEN 'buyer' THEN 'The buyer of its product accepts, refuses and releases it.' ELSE 'Its seller withdraws it.' END;
  ELSIF found.source IS NOT NULL THEN
    RAISE EXCEPTION 'availability % is kept by %', found.id, found.source
      USING ERRCODE = 'MX411', HINT = 'Change it there; what is recorded of it follows.';
  END IF;
  RETURN found;
END
$function$;
COMMENT ON FUNCTION hold_availability(bigint, text) IS 'locks an availability for its buyer or its seller, or for the exchange, and gives it as it is then; errors MX201, MX411, 25000';
REVOKE ALL ON FUNCTION hold_availability(bigint, text) FROM PUBLIC;

-- ------------------------------------------------------------------ declaring

CREATE OR REPLACE FUNCTION declare_availability(unit_id bigint, product_id bigint, direction text, power_kw numeric, delivery_window time_window, award_id bigint DEFAULT NULL,
                                                availability_price_per_mw_h numeric DEFAULT NULL, reason text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  acts_at CONSTANT timestamptz := acting_at(declare_availability.at);
  unit_is_asset CONSTANT boolean := EXISTS (SELECT FROM asset a WHERE a.id = declare_availability.unit_id);
  mark CONSTANT bigint := last_availability_step();
  me CONSTANT bigint := current_participant();
  operated_by CONSTANT bigint := unit_seller(declare_availability.unit_id, greatest(lower(declare_availability.delivery_window), acts_at));
  seller bigint;
  framework award;
  terms availability_terms;
  gate timestamptz;
  peak numeric;
  made bigint;
BEGIN
  -- what was awarded is declared by whoever answers for it, though another may operate the unit
  SELECT a.* INTO framework FROM award a
  WHERE a.unit_id = declare_availability.unit_id AND a.status = 'awarded' AND a.product_id = declare_availability.product_id AND a.direction = declare_availability.direction
    AND a.delivery_window @> declare_availability.delivery_window AND a.id = coalesce(declare_availability.award_id, a.id) AND (operates_exchange() OR a.service_provider_id = me)
  ORDER BY a.id LIMIT 1;
  -- the exchange does so in the name of whoever answers for the award that it names, otherwise of whoever operates the unit then
  seller := CASE WHEN operates_exchange() THEN coalesce(CASE WHEN declare_availability.award_id IS NOT NULL THEN framework.service_provider_id END, operated_by)
                 WHEN framework.id IS NOT NULL OR operated_by = me THEN me END;
  IF seller IS NULL THEN
    RAISE EXCEPTION 'declare_availability.unit_id % is not a unit of yours', coalesce(declare_availability.unit_id::text, 'NULL')
      USING ERRCODE = 'MX101', HINT = 'unit_seller() says whose it is then; units of others are declared only as far as an award of yours is delivered by them.';
  END IF;
  IF upper(declare_availability.delivery_window) <= acts_at THEN
    RAISE EXCEPTION 'declare_availability.delivery_window % is over', declare_availability.delivery_window USING ERRCODE = 'MX410', HINT = 'Availability is declared for what is to come.';
  END IF;
  IF award_id IS NULL THEN
    -- what it was awarded, so that it is not counted twice
    SELECT a.* INTO framework FROM award a
    WHERE a.unit_id = declare_availability.unit_id AND a.product_id = declare_availability.product_id AND a.direction = declare_availability.direction AND a.service_provider_id = seller
      AND a.status = 'awarded' AND a.delivery_window @> declare_availability.delivery_window
    -- one that has so much left, where it has several
    ORDER BY coalesce((SELECT (max_concurrent(v.delivery_window * declare_availability.delivery_window, v.power_kw)).peak FROM availability v
                       WHERE v.award_id = a.id AND v.status IN ('declared', 'accepted', 'held') AND v.delivery_window && declare_availability.delivery_window), 0)
             + declare_availability.power_kw > a.power_kw, a.id LIMIT 1;
  ELSE
    SELECT a.* INTO framework FROM award a WHERE a.id = declare_availability.award_id AND a.service_provider_id = seller;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'award % is unknown in this exchange', declare_availability.award_id USING ERRCODE = 'MX201', HINT = 'Name an award of your own, or none: the one that contains the window is found.';
    ELSIF framework.status <> 'awarded' OR NOT framework.delivery_window @> declare_availability.delivery_window THEN
      RAISE EXCEPTION 'declare_availability.delivery_window % is not within award %, % and %', declare_availability.delivery_window, framework.id, framework.status, framework.delivery_window
        USING ERRCODE = 'MX412', HINT = 'What is declared of an award lies in its window.';
    END IF;
  END IF;
  terms := terms_of_availability(declare_availability.product_id, lower(declare_availability.delivery_window));
  gate := availability_gate(declare_availability.product_id, framework.id, lower(declare_availability.delivery_window));
  IF gate <= acts_at AND NOT coalesce(terms.declare_late, false) THEN
    RAISE EXCEPTION 'availability for % comes too late: the gate closed at %', declare_availability.delivery_window, gate
      USING ERRCODE = 'MX410', HINT = 'availability_gate(product, award, start of delivery) says until when; availability_terms.declare_late says whether it is taken later.';
  END IF;
  IF framework.id IS NOT NULL THEN
    -- two declarations at once: one after the other
    PERFORM see_what_is_new();
    PERFORM FROM award a WHERE a.id = framework.id FOR NO KEY UPDATE;
    SELECT (max_concurrent(v.delivery_window * declare_availability.delivery_window, v.power_kw)).peak INTO peak FROM availability v
    WHERE v.award_id = framework.id AND v.status IN ('declared', 'accepted', 'held') AND v.delivery_window && declare_availability.delivery_window;
    IF declare_availability.availability_price_per_mw_h > framework.availability_price_per_mw_h THEN
      RAISE EXCEPTION 'declare_availability.availability_price_per_mw_h % is more than the % of award %', declare_availability.availability_price_per_mw_h, framework.availability_price_per_mw_h, framework.id
        USING ERRCODE = 'MX412', HINT = 'What was awarded is not declared for more than it was awarded at: silence may accept it.';
    END IF;
    IF coalesce(peak, 0) + declare_availability.power_kw > framework.power_kw THEN
      RAISE EXCEPTION 'declare_availability.power_kw % is more than is left of award %: % of % kW are declared', declare_availability.power_kw, framework.id, coalesce(peak, 0), framework.power_kw
        USING ERRCODE = 'MX412', HINT = 'What was awarded is the most that is declared of it at once; withdraw the other first.';
    END IF;
  END IF;
  INSERT INTO availability AS v (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status)
  VALUES (framework.id, declare_availability.product_id, seller, CASE WHEN unit_is_asset THEN declare_availability.unit_id END, CASE WHEN NOT unit_is_asset THEN declare_availability.unit_id END,
          declare_availability.direction, declare_availability.power_kw, declare_availability.delivery_window,
          coalesce(declare_availability.availability_price_per_mw_h, framework.availability_price_per_mw_h), 'declared') RETURNING v.id INTO made;
  PERFORM explain_availability_steps(ARRAY[made], mark, NULL, declare_availability.reason, acts_at, gate, gate <= acts_at, terms.id);
  RETURN made;
END
$function$;
COMMENT ON FUNCTION declare_availability(bigint, bigint, text, numeric, time_window, bigint, numeric, text, timestamptz) IS
  'a provider declares a unit available: kW, in one window, of an award (of the one that contains the window, unless said); gives its id; until the gate, unless the terms take it later; errors MX101, MX102, MX201, MX410, MX412; SECURITY DEFINER because it compares with what was declared before, and the caller is checked';
REVOKE ALL ON FUNCTION declare_availability(bigint, bigint, text, numeric, time_window, bigint, numeric, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION declare_availability(bigint, bigint, text, numeric, time_window, bigint, numeric, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- As competitions expand their requirements; windows that touch are one.
CREATE OR REPLACE FUNCTION recurring_windows(zone text, first_day date, last_day date, weekdays integer[], starts_at time, ends_at time) RETURNS time_window[]
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT window_union(time_window(x.first, x.past))
  FROM generate_series(first_day::timestamp, last_day::timestamp, interval '1 day') AS day
  -- a time that clocks skip is the one after the gap, one that they show twice is the second
  CROSS JOIN LATERAL (SELECT (day + starts_at) AT TIME ZONE zone AS first, (day + ends_at + CASE WHEN ends_at <= starts_at THEN interval '1 day' ELSE interval '0' END) AT TIME ZONE zone AS past) x
  WHERE extract(isodow FROM day) = ANY (weekdays) AND x.first < x.past
$function$;
COMMENT ON FUNCTION recurring_windows(text, date, date, integer[], time, time) IS
  'the windows of some weekdays (Monday 1 to Sunday 7) of some days, from one local time to another (of the next day when it is not later), those that touch joined, in order; NULL: there are none';
REVOKE ALL ON FUNCTION recurring_windows(text, date, date, integer[], time, time) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION recurring_windows(text, date, date, integer[], time, time) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION declare_availability_week(unit_id bigint, product_id bigint, direction text, power_kw numeric, first_day date, starts_at time, ends_at time, weekdays integer[] DEFAULT '{1,2,3,4,5,6,7}',
                                                     last_day date DEFAULT NULL, availability_price_per_mw_h numeric DEFAULT NULL, reason text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS SETOF bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  zone CONSTANT text := (SELECT m.time_zone FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = declare_availability_week.product_id);
  one time_window;
BEGIN
  IF zone IS NULL THEN
    RAISE EXCEPTION 'product % is unknown in this exchange', coalesce(declare_availability_week.product_id::text, 'NULL') USING ERRCODE = 'MX102', HINT = 'See table product.';
  END IF;
  PERFORM check_given(weekdays <@ '{1,2,3,4,5,6,7}', 'weekdays from 1 to 7', 'Monday is 1, Sunday 7.');
  FOR one IN SELECT w FROM unnest(recurring_windows(zone, first_day, coalesce(last_day, first_day + 6), weekdays, starts_at, ends_at)) w ORDER BY lower(w) LOOP
    RETURN NEXT declare_availability(declare_availability_week.unit_id, declare_availability_week.product_id, declare_availability_week.direction, declare_availability_week.power_kw, one, NULL,
                                     declare_availability_week.availability_price_per_mw_h, declare_availability_week.reason, declare_availability_week.at);
  END LOOP;
END
$function$;
COMMENT ON FUNCTION declare_availability_week(bigint, bigint, text, numeric, date, time, time, integer[], date, numeric, text, timestamptz) IS
  'declares a recurring availability of the seven days from first_day (or until last_day), in market time: one row for each contiguous window; all of them or none; gives their ids; errors as declare_availability(), 23514';
REVOKE ALL ON FUNCTION declare_availability_week(bigint, bigint, text, numeric, date, time, time, integer[], date, numeric, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION declare_availability_week(bigint, bigint, text, numeric, date, time, time, integer[], date, numeric, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- What a provider writes into the table itself is held to the same gate.
CREATE OR REPLACE FUNCTION check_declaration_gate() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  late record;
  too_much record;
BEGIN
  IF pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RETURN NULL;
  END IF;
  SELECT n.id, n.delivery_window, g.closes_at INTO late
  FROM new_rows n CROSS JOIN LATERAL (SELECT availability_gate(n.product_id, n.award_id, lower(n.delivery_window)) AS closes_at) g
  WHERE n.source IS NULL AND n.service_provider_id = current_participant() AND g.closes_at <= clock_timestamp()
    AND NOT coalesce((terms_of_availability(n.product_id, lower(n.delivery_window))).declare_late, false) ORDER BY n.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'availability for % comes too late: the gate closed at %', late.delivery_window, late.closes_at
      USING ERRCODE = 'MX410', HINT = 'market_gate says until when; availability_terms.declare_late says whether it is taken later.';
  END IF;
  SELECT n.availability_price_per_mw_h AS asked, a.availability_price_per_mw_h AS awarded, a.id INTO too_much
  FROM new_rows n JOIN award a ON a.id = n.award_id
  WHERE n.source IS NULL AND n.service_provider_id = current_participant() AND n.availability_price_per_mw_h > a.availability_price_per_mw_h ORDER BY n.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'availability.availability_price_per_mw_h % is more than the % of award %', too_much.asked, too_much.awarded, too_much.id
      USING ERRCODE = 'MX412', HINT = 'What was awarded is not declared for more than it was awarded at: silence may accept it.';
  END IF;
  SELECT a.id, a.power_kw, x.peak INTO too_much
  FROM (SELECT DISTINCT n.award_id FROM new_rows n WHERE n.source IS NULL AND n.service_provider_id = current_participant()) n JOIN award a ON a.id = n.award_id
  CROSS JOIN LATERAL (SELECT (max_concurrent(v.delivery_window, v.power_kw)).peak FROM availability v WHERE v.award_id = a.id AND v.status IN ('declared', 'accepted', 'held')) x
  WHERE x.peak > a.power_kw ORDER BY a.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '% kW are declared of award %, which has %', too_much.peak, too_much.id, too_much.power_kw
      USING ERRCODE = 'MX412', HINT = 'What was awarded is the most that is declared of it at once; withdraw the other first.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_declaration_gate() IS 'trigger: a provider that writes availability into the table itself is in time (error MX410), and declares no more of an award than it has, nor dearer (error MX412)';
REVOKE ALL ON FUNCTION check_declaration_gate() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t22_gate_insert AFTER INSERT ON availability REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_declaration_gate();
COMMENT ON TRIGGER t22_gate_insert ON availability IS 'availability is declared while its gate is open';

-- A part of it was recorded by whoever recorded the whole.
CREATE OR REPLACE FUNCTION availability_recorded_by(availability_id bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH RECURSIVE whole AS (
    SELECT availability_recorded_by.availability_id AS id, 0 AS up
    UNION ALL SELECT p.part_of_id, w.up + 1 FROM whole w JOIN availability_part p ON p.availability_id = w.id)
  SELECT s.participant_id FROM availability_step s WHERE s.availability_id = (SELECT w.id FROM whole w ORDER BY w.up DESC LIMIT 1) ORDER BY s.id LIMIT 1
$function$;
COMMENT ON FUNCTION availability_recorded_by(bigint) IS 'the participant that recorded an availability, of a part the one that recorded the whole; NULL: the exchange; of what the caller may read';
REVOKE ALL ON FUNCTION availability_recorded_by(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION availability_recorded_by(bigint) TO flexexchange_participant;

-- A buyer takes what was declared, or calls the functions that take a part of it: it does not write what the seller said anew.
CREATE OR REPLACE FUNCTION keep_declaration() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RETURN NEW;
  END IF;
  IF ((OLD.award_id, OLD.power_kw, OLD.availability_price_per_mw_h) IS DISTINCT FROM (NEW.award_id, NEW.power_kw, NEW.availability_price_per_mw_h) OR OLD.delivery_window <> NEW.delivery_window)
     -- what the exchange wrote it wrote in the name of the seller; what another platform keeps is changed there
     AND OLD.source IS NULL AND availability_recorded_by(OLD.id) IS DISTINCT FROM current_participant() THEN
    RAISE EXCEPTION 'availability % is as its seller declared it', OLD.id
      USING ERRCODE = 'MX412', HINT = 'Call accept_availability() to take a part of it, refuse_availability(), or release_availability().';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_declaration() IS 'trigger: power, window, price and award of what a seller declared, itself or by the exchange, and of its parts are not changed in the table by its buyer; error MX412';
REVOKE ALL ON FUNCTION keep_declaration() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t12_as_declared BEFORE UPDATE OF award_id, power_kw, delivery_window, availability_price_per_mw_h ON availability FOR EACH ROW EXECUTE FUNCTION keep_declaration();
COMMENT ON TRIGGER t12_as_declared ON availability IS 'what a seller declared stays what it declared';

-- ------------------------------------------------------------------ answering

CREATE OR REPLACE FUNCTION check_availability_answer(asked availability, taken_kw numeric, at timestamptz, terms availability_terms, gate timestamptz) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  until CONSTANT timestamptz := CASE WHEN terms.answer_before IS NULL THEN upper(asked.delivery_window) ELSE lower(asked.delivery_window) - terms.answer_before END;
BEGIN
  IF asked.status <> 'declared' THEN
    RAISE EXCEPTION 'availability % is %', asked.id, asked.status USING ERRCODE = 'MX411', HINT = 'What is declared is answered, once; a hold is resolved first.';
  ELSIF at >= until THEN
    RAISE EXCEPTION 'availability % was to be answered by %', asked.id, until USING ERRCODE = 'MX410', HINT = 'advance_availability() does with it as the terms say.';
  ELSIF terms.answer_from = 'gate' AND at < gate THEN
    RAISE EXCEPTION 'availability % is answered once the gate has closed, at %', asked.id, gate USING ERRCODE = 'MX410', HINT = 'availability_terms.answer_from says so.';
  ELSIF taken_kw > asked.power_kw OR taken_kw <= 0 THEN
    RAISE EXCEPTION 'accept_availability.power_kw is %, and % kW were declared', taken_kw, asked.power_kw USING ERRCODE = 'MX412', HINT = 'Accept what was declared or a part of it; refuse_availability() takes nothing.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_availability_answer(availability, numeric, timestamptz, availability_terms, timestamptz) IS
  'refuses an answer to what is not declared (MX411), before or after its time (MX410), or of more power (kW) than was declared (MX412)';
REVOKE ALL ON FUNCTION check_availability_answer(availability, numeric, timestamptz, availability_terms, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_availability_answer(availability, numeric, timestamptz, availability_terms, timestamptz) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION answer_availability(availability_id bigint, status text, power_kw numeric, reason_code text, reason text, at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  acts_at CONSTANT timestamptz := acting_at(answer_availability.at);
  asked CONSTANT availability := hold_availability(answer_availability.availability_id, 'buyer');
  mark CONSTANT bigint := last_availability_step();
  terms CONSTANT availability_terms := terms_of_availability(asked.product_id, lower(asked.delivery_window));
  gate CONSTANT timestamptz := availability_gate(asked.product_id, asked.award_id, lower(asked.delivery_window));
  rest bigint;
BEGIN
  PERFORM check_availability_answer(asked, answer_availability.power_kw, acts_at, terms, gate);
  IF answer_availability.status = 'accepted' AND answer_availability.power_kw < asked.power_kw THEN
    INSERT INTO availability AS v (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status)
    VALUES (asked.award_id, asked.product_id, asked.service_provider_id, asked.asset_id, asked.portfolio_id, asked.direction, asked.power_kw - answer_availability.power_kw, asked.delivery_window,
            asked.availability_price_per_mw_h, 'rejected') RETURNING v.id INTO rest;
    INSERT INTO availability_part (availability_id, part_of_id) VALUES (rest, asked.id);
  END IF;
  UPDATE availability v SET status = answer_availability.status, power_kw = coalesce(answer_availability.power_kw, v.power_kw) WHERE v.id = asked.id;
  PERFORM explain_availability_steps(array_remove(ARRAY[asked.id, rest], NULL), mark, answer_availability.reason_code, answer_availability.reason, acts_at, gate, NULL, terms.id);
  -- the ruleset may hold it, or reject it
  RETURN (SELECT v.status FROM availability v WHERE v.id = asked.id);
END
$function$;
COMMENT ON FUNCTION answer_availability(bigint, text, numeric, text, text, timestamptz) IS 'accepts or rejects a declaration for its buyer; what is not taken of its power stands as a rejected row; gives the status that it has then';
REVOKE ALL ON FUNCTION answer_availability(bigint, text, numeric, text, text, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION accept_availability(availability_id bigint, power_kw numeric DEFAULT NULL, reason text DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN answer_availability(availability_id, 'accepted', power_kw, NULL, reason, at);
END
$function$;
COMMENT ON FUNCTION accept_availability(bigint, numeric, text, timestamptz) IS
  'the buyer takes what was declared, or so many kW of it: it obliges from then on; gives its status: accepted, or held or rejected where the ruleset says so; errors MX201, MX410, MX411, MX412; SECURITY DEFINER because it writes steps, and the caller is checked';
REVOKE ALL ON FUNCTION accept_availability(bigint, numeric, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_availability(bigint, numeric, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION refuse_availability(availability_id bigint, reason text, reason_code text DEFAULT 'not_needed', at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it is refused: its seller reads it.');
  PERFORM answer_availability(availability_id, 'rejected', NULL, reason_code, reason, at);
END
$function$;
COMMENT ON FUNCTION refuse_availability(bigint, text, text, timestamptz) IS
  'the buyer takes nothing of what was declared, and says why; errors MX201, MX410, MX411, 23514; SECURITY DEFINER because it writes steps, and the caller is checked';
REVOKE ALL ON FUNCTION refuse_availability(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_availability(bigint, text, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ giving back

CREATE OR REPLACE FUNCTION check_not_called(whole availability, part time_window, kw numeric) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  called record;
BEGIN
  SELECT (max_concurrent(d.delivery_window * part, d.power_kw)).* INTO called FROM dispatch d WHERE d.availability_id = whole.id AND d.live AND d.delivery_window && part
    AND NOT EXISTS (SELECT FROM dispatch e WHERE e.supersedes_id = d.id AND e.live);
  IF called.peak > whole.power_kw - kw THEN
    RAISE EXCEPTION '% of % kW of availability % are dispatched at %', called.peak, whole.power_kw, whole.id, called.during
      USING ERRCODE = 'MX413', HINT = 'Stop the dispatch first, or give back what it leaves.';
  END IF;
END
$function$;
COMMENT ON FUNCTION check_not_called(availability, time_window, numeric) IS 'refuses to give back so many kW of an availability in a window in which they are dispatched; error MX413';
REVOKE ALL ON FUNCTION check_not_called(availability, time_window, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION check_not_called(availability, time_window, numeric) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION given_back_late(whole availability, party text, part time_window, at timestamptz, terms availability_terms) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  late CONSTANT boolean := at > lower(part) - CASE party WHEN 'buyer' THEN terms.release_before ELSE terms.withdraw_before END;
BEGIN
  IF party = 'buyer' AND late THEN
    RAISE EXCEPTION 'availability % is released at least % before %', whole.id, terms.release_before, lower(part) USING ERRCODE = 'MX410', HINT = 'availability_terms.release_before says so; release a later part.';
  END IF;
  RETURN late;
END
$function$;
COMMENT ON FUNCTION given_back_late(availability, text, time_window, timestamptz, availability_terms) IS
  'whether a part is given back later than the terms say, NULL where they say nothing; a buyer that comes too late is refused; error MX410';
REVOKE ALL ON FUNCTION given_back_late(availability, text, time_window, timestamptz, availability_terms) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION given_back_late(availability, text, time_window, timestamptz, availability_terms) TO flexexchange_participant;

-- First less stands, then the parts: at no instant does the book hold more than before.
CREATE OR REPLACE FUNCTION cut_availability(whole availability, part time_window, kw numeric, status text) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  piece record;
  called record;
  made bigint;
  touched bigint[] := ARRAY[whole.id];
  has_calls boolean;
BEGIN
  PERFORM check_not_called(whole, part, kw);
  IF kw = whole.power_kw AND part = whole.delivery_window THEN
    UPDATE availability v SET status = cut_availability.status WHERE v.id = whole.id;
    RETURN touched;
  END IF;
  SELECT d.id, d.delivery_window INTO called FROM dispatch d
  WHERE d.availability_id = whole.id AND d.live AND d.delivery_window && part AND NOT d.delivery_window <@ part AND part <> whole.delivery_window ORDER BY d.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'dispatch % of availability %, %, would be cut at %', called.id, whole.id, called.delivery_window, part
      USING ERRCODE = 'MX413', HINT = 'Give back from its end on, or stop it first.';
  END IF;
  FOR piece IN
    SELECT w.span, w.kw, w.status, row_number() OVER (ORDER BY w.rank, lower(w.span)) AS n FROM (
      SELECT span, whole.power_kw AS kw, whole.status AS status, 1 AS rank FROM unnest(time_window_difference(whole.delivery_window, part)) span
      UNION ALL SELECT part, whole.power_kw - cut_availability.kw, whole.status, 1 WHERE cut_availability.kw < whole.power_kw
      UNION ALL SELECT part, cut_availability.kw, cut_availability.status, 2) w
    ORDER BY n
  LOOP
    IF piece.n = 1 THEN
      UPDATE availability v SET delivery_window = piece.span, power_kw = piece.kw WHERE v.id = whole.id;
      CONTINUE;
    END IF;
    has_calls := piece.status = whole.status AND EXISTS (SELECT FROM dispatch d WHERE d.availability_id = whole.id AND d.delivery_window <@ piece.span);
    INSERT INTO availability AS v (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status)
    VALUES (whole.award_id, whole.product_id, whole.service_provider_id, whole.asset_id, whole.portfolio_id, whole.direction, piece.kw, piece.span, whole.availability_price_per_mw_h,
            CASE WHEN has_calls THEN 'declared' ELSE piece.status END) RETURNING v.id INTO made;
    INSERT INTO availability_part (availability_id, part_of_id) VALUES (made, whole.id);
    IF has_calls THEN
      -- it obliges once its dispatches are its own: they count once
      UPDATE dispatch d SET availability_id = made WHERE d.availability_id = whole.id AND d.delivery_window <@ piece.span;
      UPDATE availability v SET status = piece.status WHERE v.id = made;
    END IF;
    touched := touched || made;
  END LOOP;
  RETURN touched;
END
$function$;
COMMENT ON FUNCTION cut_availability(availability, time_window, numeric, text) IS
  'gives so many kW of a locked availability in a part of its window a status; what remains keeps its own: the row its first window, what else there is as rows, and what was given back as a row, the last of those whose ids it gives; error MX413';
REVOKE ALL ON FUNCTION cut_availability(availability, time_window, numeric, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION give_back_availability(availability_id bigint, party text, status text, during time_window, power_kw numeric, reason_code text, reason text, at timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  acts_at CONSTANT timestamptz := acting_at(give_back_availability.at);
  whole CONSTANT availability := hold_availability(give_back_availability.availability_id, party);
  mark CONSTANT bigint := last_availability_step();
  terms CONSTANT availability_terms := terms_of_availability(whole.product_id, lower(whole.delivery_window));
  kw CONSTANT numeric := coalesce(give_back_availability.power_kw, whole.power_kw);
  part time_window;
  late boolean;
  touched bigint[];
BEGIN
  IF NOT (whole.status = 'accepted' OR whole.status = 'declared' AND party = 'seller' OR whole.status = 'held') THEN
    RAISE EXCEPTION 'availability % is %', whole.id, whole.status USING ERRCODE = 'MX411',
      HINT = CASE party WHEN 'buyer' THEN 'What is accepted is released; what is declared is refused.' ELSE 'What is declared or accepted is withdrawn.' END;
  END IF;
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why: the other party reads it.');
  -- what is past was available
  part := whole.delivery_window * coalesce(during, whole.delivery_window);
  IF part IS NOT NULL AND whole.status = 'accepted' AND acts_at > lower(part) THEN
    part := CASE WHEN acts_at < upper(part) THEN time_window(acts_at, upper(part)) END;
  ELSIF acts_at >= upper(part) THEN
    -- the clock ends what is not accepted
    part := NULL;
  END IF;
  IF part IS NULL THEN
    RAISE EXCEPTION 'nothing of availability %, %, lies in % from % on', whole.id, whole.delivery_window, coalesce(during::text, 'its window'), acts_at
      USING ERRCODE = 'MX412', HINT = 'Give back a part of its window that is still to come.';
  ELSIF kw > whole.power_kw OR kw <= 0 THEN
    RAISE EXCEPTION 'power_kw is %, and availability % has % kW', kw, whole.id, whole.power_kw USING ERRCODE = 'MX412', HINT = 'Give back what there is or a part of it; NULL is all.';
  ELSIF whole.status = 'held' AND (kw < whole.power_kw OR part <> whole.delivery_window) THEN
    RAISE EXCEPTION 'availability % is held, and cannot be cut', whole.id USING ERRCODE = 'MX411', HINT = 'Give back all of it, or resolve the hold first.';
  END IF;
  late := given_back_late(whole, party, part, acts_at, terms);
  touched := cut_availability(whole, part, kw, give_back_availability.status);
  -- what the parts are cut for is said of each; the reason, of what is given back
  PERFORM explain_availability_steps(touched, mark, 'part', format('a part of availability %s was %s', whole.id, give_back_availability.status), acts_at, NULL, NULL, terms.id) WHERE cardinality(touched) > 1;
  PERFORM explain_availability_steps(touched[cardinality(touched):], mark, give_back_availability.reason_code, give_back_availability.reason, acts_at, NULL, late, terms.id);
  RETURN touched[cardinality(touched)];
END
$function$;
COMMENT ON FUNCTION give_back_availability(bigint, text, text, time_window, numeric, text, text, timestamptz) IS 'withdraws or releases for its party what there is of an availability in a window, or so many kW of it; gives the id of the row that then has that status';
REVOKE ALL ON FUNCTION give_back_availability(bigint, text, text, time_window, numeric, text, text, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION withdraw_availability(availability_id bigint, reason text, reason_code text DEFAULT 'other', during time_window DEFAULT NULL, power_kw numeric DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN give_back_availability(availability_id, 'seller', 'withdrawn', during, power_kw, reason_code, reason, at);
END
$function$;
COMMENT ON FUNCTION withdraw_availability(bigint, text, text, time_window, numeric, timestamptz) IS
  'the seller takes back what it declared, whole, in a window, or so many kW; what is accepted, from now on; what remains stands; gives the id of the row that is withdrawn; errors MX201, MX410, MX411, MX412, MX413, 23514; SECURITY DEFINER because a seller changes no availability itself, and the caller is checked';
REVOKE ALL ON FUNCTION withdraw_availability(bigint, text, text, time_window, numeric, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_availability(bigint, text, text, time_window, numeric, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION release_availability(availability_id bigint, reason text, from_at timestamptz DEFAULT NULL, power_kw numeric DEFAULT NULL, during time_window DEFAULT NULL, reason_code text DEFAULT 'not_needed',
                                                at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(from_at IS NULL OR during IS NULL, 'from_at or during', 'Say from when on, or in which window, not both.');
  RETURN give_back_availability(availability_id, 'buyer', 'released', coalesce(during, time_window(from_at, 'infinity')), power_kw, reason_code, reason, at);
END
$function$;
COMMENT ON FUNCTION release_availability(bigint, text, timestamptz, numeric, time_window, text, timestamptz) IS
  'the buyer gives back what it accepted, whole, from an instant on, in a window, or so many kW, and not what is past; what remains stands; gives the id of the row that is released; errors MX201, MX410, MX411, MX412, MX413, 23514; SECURITY DEFINER because it writes steps, and the caller is checked';
REVOKE ALL ON FUNCTION release_availability(bigint, text, timestamptz, numeric, time_window, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION release_availability(bigint, text, timestamptz, numeric, time_window, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- What a buyer writes into the table itself is held to what the functions ask, and what they alone do is not done there.
-- The row is locked when this runs, and whoever dispatches out of it has its dispatch written or waits.
CREATE OR REPLACE FUNCTION keep_availability_terms() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  terms availability_terms;
  lost record;
BEGIN
  IF pg_has_role(current_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'USAGE') OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RETURN NEW;
  ELSIF TG_OP = 'INSERT' THEN
    IF NEW.status = 'withdrawn' OR NEW.status = 'completed' AND upper(NEW.delivery_window) > now() THEN
      RAISE EXCEPTION 'availability is not % by its buyer', NEW.status
        USING ERRCODE = 'MX415', HINT = CASE NEW.status WHEN 'withdrawn' THEN 'Its seller withdraws it.' ELSE 'It is not over.' END;
    END IF;
    RETURN NEW;
  ELSIF NEW.status = OLD.status AND NOT (OLD.status = 'accepted' AND (NEW.power_kw < OLD.power_kw OR NOT NEW.delivery_window @> OLD.delivery_window)) THEN
    RETURN NEW;
  END IF;
  PERFORM see_what_is_new();
  terms := terms_of_availability(OLD.product_id, lower(OLD.delivery_window));
  IF NEW.status <> OLD.status AND NEW.status IN ('declared', 'accepted', 'rejected') THEN
    PERFORM check_availability_answer(OLD, NULL, now(), terms, availability_gate(OLD.product_id, OLD.award_id, lower(OLD.delivery_window)));
    RETURN NEW;
  ELSIF NEW.status NOT IN ('accepted', 'released') THEN
    RAISE EXCEPTION 'availability % is not % by its buyer', OLD.id, NEW.status
      USING ERRCODE = 'MX415', HINT = CASE NEW.status WHEN 'withdrawn' THEN 'Its seller withdraws it; release_availability() gives it back.' WHEN 'completed' THEN 'advance_availability() completes what is over.' ELSE 'The ruleset in force holds.' END;
  END IF;
  FOR lost IN
    SELECT w.part, OLD.power_kw AS kw FROM unnest(CASE NEW.status WHEN 'released' THEN ARRAY[OLD.delivery_window] ELSE time_window_difference(OLD.delivery_window, NEW.delivery_window) END) AS w (part)
    UNION ALL SELECT OLD.delivery_window * NEW.delivery_window, OLD.power_kw - NEW.power_kw WHERE NEW.status <> 'released' AND NEW.power_kw < OLD.power_kw AND OLD.delivery_window && NEW.delivery_window
  LOOP
    IF OLD.status = 'accepted' AND now() > lower(lost.part) THEN
      RAISE EXCEPTION 'availability % was there from % on', OLD.id, lower(lost.part)
        USING ERRCODE = 'MX415', HINT = 'release_availability() gives back what is still to come.';
    END IF;
    PERFORM given_back_late(OLD, 'buyer', lost.part, now(), terms);
    PERFORM check_not_called(OLD, lost.part, lost.kw);
  END LOOP;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_availability_terms() IS
  'trigger: a buyer that writes status, power or window of availability into the table itself answers, releases and takes away from what is accepted when and as far as the functions let it, and does nothing that its seller, the clock or the ruleset do; errors MX410, MX411, MX412, MX413, MX415, 25000';
REVOKE ALL ON FUNCTION keep_availability_terms() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t13_by_its_terms BEFORE UPDATE OF status, power_kw, delivery_window ON availability FOR EACH ROW WHEN (NEW.source IS NULL) EXECUTE FUNCTION keep_availability_terms();
COMMENT ON TRIGGER t13_by_its_terms ON availability IS 'the table opens no gate that the functions keep shut';
CREATE OR REPLACE TRIGGER t13_by_its_terms_insert BEFORE INSERT ON availability FOR EACH ROW WHEN (NEW.source IS NULL AND NEW.status IN ('withdrawn', 'completed')) EXECUTE FUNCTION keep_availability_terms();
COMMENT ON TRIGGER t13_by_its_terms_insert ON availability IS 'a buyer records what it buys, and not what its seller took back or what is not over';

-- Whoever calls out of an availability waits for whoever gives it back, and the other way round.
CREATE OR REPLACE FUNCTION hold_called_availability() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  called availability;
BEGIN
  -- of one that its writer may not read nothing is said: the policies refuse it
  SELECT v.* INTO called FROM availability v
  WHERE v.id = NEW.availability_id AND (operates_exchange() OR v.product_id = ANY (ARRAY(SELECT own_product_ids())) OR v.service_provider_id = current_participant()) FOR SHARE;
  IF called.source IS NULL AND NEW.status NOT IN ('held', 'rejected', 'refused', 'cancelled', 'lapsed', 'superseded') AND (called.status IN ('rejected', 'withdrawn', 'released') OR NOT called.delivery_window && NEW.delivery_window) THEN
    RAISE EXCEPTION 'availability % is % and has %', called.id, called.status, called.delivery_window
      USING ERRCODE = 'MX411', HINT = 'callable_units() has what can be called; what was given back cannot.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION hold_called_availability() IS
  'trigger: what is dispatched out of an availability of this exchange has not been given back, and is not until the dispatch is written; error MX411; SECURITY DEFINER because not everybody who dispatches may lock it';
REVOKE ALL ON FUNCTION hold_called_availability() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t15_availability_is_held_insert BEFORE INSERT ON dispatch
  FOR EACH ROW WHEN (NEW.availability_id IS NOT NULL AND NEW.source IS NULL) EXECUTE FUNCTION hold_called_availability();
COMMENT ON TRIGGER t15_availability_is_held_insert ON dispatch IS 'nothing is called that was given back';
CREATE OR REPLACE TRIGGER t15_availability_is_held_update BEFORE UPDATE OF availability_id ON dispatch
  FOR EACH ROW WHEN (NEW.availability_id IS NOT NULL AND NEW.availability_id IS DISTINCT FROM OLD.availability_id AND NEW.source IS NULL) EXECUTE FUNCTION hold_called_availability();
COMMENT ON TRIGGER t15_availability_is_held_update ON dispatch IS 'nothing is called that was given back';

CREATE OR REPLACE FUNCTION give_unavailability_notice(unit_id bigint, during time_window, reason text, reason_code text DEFAULT 'outage', power_kw numeric DEFAULT NULL, grid_node_id bigint DEFAULT NULL,
                                                      at timestamptz DEFAULT now()) RETURNS TABLE (notice_id bigint, withdrawn_id bigint, delivery_window time_window, withdrawn_kw numeric, problem text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  acts_at CONSTANT timestamptz := acting_at(give_unavailability_notice.at);
  unit_is_asset CONSTANT boolean := EXISTS (SELECT FROM asset a WHERE a.id = give_unavailability_notice.unit_id);
  seller CONSTANT bigint := unit_seller(give_unavailability_notice.unit_id, greatest(lower(give_unavailability_notice.during), acts_at));
  given bigint;
  one record;
BEGIN
  IF seller IS NULL OR NOT (operates_exchange() OR seller IS NOT DISTINCT FROM current_participant()) THEN
    RAISE EXCEPTION 'give_unavailability_notice.unit_id % is not a unit of yours', coalesce(give_unavailability_notice.unit_id::text, 'NULL')
      USING ERRCODE = 'MX101', HINT = 'unit_seller() says whose it is then.';
  END IF;
  INSERT INTO unavailability_notice AS n (asset_id, portfolio_id, service_provider_id, grid_node_id, during, power_kw, reason_code, reason, given_at)
  VALUES (CASE WHEN unit_is_asset THEN give_unavailability_notice.unit_id END, CASE WHEN NOT unit_is_asset THEN give_unavailability_notice.unit_id END, seller, give_unavailability_notice.grid_node_id,
          give_unavailability_notice.during, give_unavailability_notice.power_kw, give_unavailability_notice.reason_code, give_unavailability_notice.reason, acts_at) RETURNING n.id INTO given;
  notice_id := given;
  FOR one IN SELECT v.id, v.delivery_window * give_unavailability_notice.during AS part, least(v.power_kw, coalesce(give_unavailability_notice.power_kw, v.power_kw)) AS kw FROM availability v
             WHERE v.unit_id = give_unavailability_notice.unit_id AND v.service_provider_id = seller AND v.status IN ('declared', 'accepted', 'held') AND v.source IS NULL
               AND v.delivery_window && give_unavailability_notice.during AND upper(v.delivery_window * give_unavailability_notice.during) > acts_at ORDER BY v.id LOOP
    withdrawn_id := NULL;
    problem := NULL;
    BEGIN
      withdrawn_id := give_back_availability(one.id, 'seller', 'withdrawn', one.part, one.kw, give_unavailability_notice.reason_code, format('notice %s: %s', given, give_unavailability_notice.reason), give_unavailability_notice.at);
      SELECT v.delivery_window, v.power_kw INTO delivery_window, withdrawn_kw FROM availability v WHERE v.id = withdrawn_id;
    EXCEPTION WHEN SQLSTATE 'MX411' OR SQLSTATE 'MX413' THEN
      -- what is called or waits stays; the notice stands all the same
      GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT;
      delivery_window := one.part;
      withdrawn_kw := NULL;
    END;
    RETURN NEXT;
  END LOOP;
  IF NOT FOUND THEN
    delivery_window := NULL;
    withdrawn_kw := NULL;
    RETURN NEXT;
  END IF;
END
$function$;
COMMENT ON FUNCTION give_unavailability_notice(bigint, time_window, text, text, numeric, bigint, timestamptz) IS
  'the seller gives notice that a unit is not there, or that so many kW of it are not: what it declared in that window is withdrawn, and it cannot be called; gives the notice with each part that was withdrawn, and why one was not; errors MX101, 42501, 23514; SECURITY DEFINER because it writes the notice and withdraws, and the caller is checked';
REVOKE ALL ON FUNCTION give_unavailability_notice(bigint, time_window, text, text, numeric, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION give_unavailability_notice(bigint, time_window, text, text, numeric, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION end_unavailability_notice(notice_id bigint, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  UPDATE unavailability_notice n SET ended_at = acting_at(at) WHERE n.id = notice_id AND n.ended_at IS NULL AND (operates_exchange() OR n.service_provider_id = current_participant());
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unavailability_notice % does not stand, or is not yours', coalesce(notice_id::text, 'NULL') USING ERRCODE = 'MX414', HINT = 'See table unavailability_notice: those with ended_at NULL stand.';
  END IF;
END
$function$;
COMMENT ON FUNCTION end_unavailability_notice(bigint, timestamptz) IS
  'the seller says that a unit is there again; what was withdrawn is declared anew; errors MX414, 42501, 23514; SECURITY DEFINER because nobody writes notices itself, and the caller is checked';
REVOKE ALL ON FUNCTION end_unavailability_notice(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_unavailability_notice(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ the clock

CREATE OR REPLACE FUNCTION advance_availability(at timestamptz DEFAULT now()) RETURNS TABLE (availability_id bigint, status text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  mark bigint := last_availability_step();
  longest CONSTANT interval := interval '16 days' + (SELECT max(g.closes_before) FROM (SELECT m.closes_before, m.stage FROM market_gate m UNION ALL SELECT c.closes_before, c.stage FROM competition_gate c) g WHERE g.stage = 'availability');
  one record;
  ids bigint[];
BEGIN
  IF NOT operates_exchange() THEN
    RAISE EXCEPTION 'advance_availability() is for the operator of the exchange' USING ERRCODE = 'insufficient_privilege', HINT = 'Availability follows the clock by itself when it runs, for example every minute.';
  END IF;
  PERFORM see_what_is_new();
  -- what was awarded and not declared by the gate, where it is then available as awarded; award by award
  FOR one IN
    SELECT a.id, a.product_id, a.service_provider_id, a.asset_id, a.portfolio_id, a.direction, a.power_kw, a.delivery_window, a.availability_price_per_mw_h, g.gate, greatest(g.gate, least(a.recorded_at, advance_availability.at)) AS due, t.id AS terms_id
    FROM availability_terms t JOIN product p ON p.id = t.product_id AND p.binds = 'availability'
    JOIN award a ON a.product_id = p.id AND a.status = 'awarded' AND a.source IS NULL AND t.valid @> lower(a.delivery_window) AND upper(a.delivery_window) > advance_availability.at
    CROSS JOIN LATERAL (SELECT availability_gate(a.product_id, a.id, lower(a.delivery_window)) AS gate) g
    WHERE t.if_undeclared = 'award' AND g.gate <= advance_availability.at
      -- no gate closes sooner before a delivery than so long and a weekday; asked first, as it costs less
      AND lower(a.delivery_window) <= advance_availability.at + longest AND NOT EXISTS (SELECT FROM availability v WHERE v.award_id = a.id AND v.delivery_window @> a.delivery_window)
    ORDER BY a.id
  LOOP
    PERFORM FROM award a WHERE a.id = one.id AND a.status = 'awarded' FOR NO KEY UPDATE;
    CONTINUE WHEN NOT FOUND;
    -- whatever was said of a part, that part was declared
    WITH said AS (
      SELECT window_union(v.delivery_window) AS windows FROM availability v WHERE v.award_id = one.id
    ), instant AS (
      SELECT lower(one.delivery_window) AS since UNION SELECT upper(w) FROM said, unnest(said.windows) w WHERE one.delivery_window @> upper(w)
    ), gap AS (
      SELECT i.since, coalesce((SELECT min(lower(w)) FROM said, unnest(said.windows) w WHERE lower(w) >= i.since), upper(one.delivery_window)) AS until FROM instant i
      WHERE NOT EXISTS (SELECT FROM said, unnest(said.windows) w WHERE w @> i.since)
    ), made AS (
      INSERT INTO availability (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, status)
      SELECT one.id, one.product_id, one.service_provider_id, one.asset_id, one.portfolio_id, one.direction, one.power_kw, time_window(g.since, least(g.until, upper(one.delivery_window))),
             one.availability_price_per_mw_h, 'accepted' FROM gap g WHERE g.since < least(g.until, upper(one.delivery_window)) ORDER BY g.since
      RETURNING id)
    SELECT array_agg(m.id ORDER BY m.id) INTO ids FROM made m;
    PERFORM explain_availability_steps(ids, mark, 'undeclared', 'nothing was declared by the gate: as awarded', one.due, one.gate, NULL, one.terms_id);
    RETURN QUERY SELECT v.id, v.status FROM availability v WHERE v.id = ANY (ids) ORDER BY v.id;
  END LOOP;

  -- what nobody answered in time; one that is being answered now comes next time
  FOR one IN
    SELECT v.id, v.status, d.until, coalesce(t.if_unanswered, 'rejected') AS becomes, t.id AS terms_id, v.product_id, v.award_id, v.delivery_window
    FROM availability v LEFT JOIN availability_terms t ON t.product_id = v.product_id AND t.valid @> lower(v.delivery_window)
    CROSS JOIN LATERAL (SELECT CASE WHEN t.answer_before IS NULL THEN upper(v.delivery_window) ELSE lower(v.delivery_window) - t.answer_before END AS until) d
    WHERE v.status = 'declared' AND v.source IS NULL AND d.until <= advance_availability.at ORDER BY v.id
    FOR UPDATE OF v SKIP LOCKED
  LOOP
    UPDATE availability v SET status = one.becomes WHERE v.id = one.id;
    PERFORM explain_availability_steps(ARRAY[one.id], mark, 'unanswered', 'nobody answered in time', one.until, availability_gate(one.product_id, one.award_id, lower(one.delivery_window)), NULL, one.terms_id);
    RETURN QUERY SELECT v.id, v.status FROM availability v WHERE v.id = one.id;
  END LOOP;

  -- what was held until it was over; one that is being decided on comes next time
  FOR one IN
    SELECT v.id, upper(v.delivery_window) AS due FROM availability v WHERE v.status = 'held' AND v.source IS NULL AND upper(v.delivery_window) <= advance_availability.at ORDER BY v.id
    FOR UPDATE SKIP LOCKED
  LOOP
    IF EXISTS (SELECT FROM hold h WHERE h.trade_id = one.id AND h.stage = 'availability' AND h.resolved_at IS NULL) THEN
      PERFORM FROM hold h WHERE h.trade_id = one.id AND h.stage = 'availability' AND h.resolved_at IS NULL FOR UPDATE SKIP LOCKED;
      CONTINUE WHEN NOT FOUND;
    END IF;
    mark := last_availability_step();
    UPDATE availability v SET status = 'rejected' WHERE v.id = one.id;
    UPDATE availability_step s SET reason_code = 'over', reason = 'held until its end', happened_at = one.due WHERE s.availability_id = one.id AND s.id > mark;
    RETURN QUERY SELECT v.id, v.status FROM availability v WHERE v.id = one.id;
  END LOOP;

  -- what is over
  mark := last_availability_step();
  WITH done AS (
    UPDATE availability v SET status = 'completed'
    FROM (SELECT x.id FROM availability x WHERE x.status = 'accepted' AND x.source IS NULL AND upper(x.delivery_window) <= advance_availability.at ORDER BY x.id FOR UPDATE SKIP LOCKED) x
    WHERE v.id = x.id RETURNING v.id)
  SELECT array_agg(d.id ORDER BY d.id) INTO ids FROM done d;
  UPDATE availability_step s SET reason_code = 'over', happened_at = upper(s.delivery_window) WHERE s.availability_id = ANY (ids) AND s.id > mark AND s.status = 'completed';
  RETURN QUERY SELECT i, 'completed' FROM unnest(ids) i;
END
$function$;
COMMENT ON FUNCTION advance_availability(timestamptz) IS
  'does what the clock brings until an instant: makes available as awarded what nobody declared, where the terms say so, accepts or rejects what nobody answered, rejects what was held until its end, and completes what is over; gives what it changed; to be run from time to time, for example every minute; steps say when it was due; errors 42501, 25000; SECURITY DEFINER because it writes steps, and the caller is checked';
REVOKE ALL ON FUNCTION advance_availability(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION advance_availability(timestamptz) TO flexexchange_operator;

-- ------------------------------------------------------------------ being heard

CREATE OR REPLACE FUNCTION heartbeats(unit_ids bigint[], status text DEFAULT 'available', update_interval_seconds integer DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  sends CONSTANT bigint := current_participant();
  allowed CONSTANT boolean := operates_exchange();
  role CONSTANT name := session_role();
  one record;
  former unit_heartbeat;
  seconds integer;
  heard integer := 0;
BEGIN
  PERFORM acting_at(at);
  -- in one order, so that two senders never wait for one another
  FOR one IN SELECT u.id, CASE WHEN allowed THEN coalesce((SELECT o.service_provider_id FROM asset_operator o WHERE o.asset_id = u.id AND o.valid @> at), (SELECT p.service_provider_id FROM portfolio p WHERE p.id = u.id))
                               ELSE coalesce((SELECT o.service_provider_id FROM asset_operator o WHERE o.asset_id = u.id AND o.service_provider_id = sends AND o.valid @> at),
                                             (SELECT p.service_provider_id FROM portfolio p WHERE p.id = u.id AND p.service_provider_id = sends)) END AS seller
             FROM (SELECT DISTINCT i AS id FROM unnest(unit_ids) i) u ORDER BY u.id LOOP
    IF one.seller IS NULL THEN
      RAISE EXCEPTION 'heartbeat.unit_id % is not a unit of yours', coalesce(one.id::text, 'NULL') USING ERRCODE = 'MX101', HINT = 'own_asset_ids() and own_portfolio_ids() are yours.';
    END IF;
    SELECT h.* INTO former FROM unit_heartbeat h WHERE h.unit_id = one.id FOR NO KEY UPDATE;
    seconds := coalesce(heartbeats.update_interval_seconds, former.update_interval_seconds);
    PERFORM check_given(seconds IS NOT NULL, 'heartbeat.update_interval_seconds', 'The first beat of a unit says how often it will be heard.');
    IF former.unit_id IS NULL THEN
      INSERT INTO unit_heartbeat (unit_id, service_provider_id, status, update_interval_seconds, since, last_heard, sender) VALUES (one.id, one.seller, heartbeats.status, seconds, at, at, role)
      ON CONFLICT (unit_id) DO UPDATE SET last_heard = greatest(unit_heartbeat.last_heard, excluded.last_heard);
    ELSIF at < former.last_heard THEN
      CONTINUE;  -- it came late, and more is known
    ELSIF former.status = heartbeats.status AND former.update_interval_seconds = seconds AND former.service_provider_id = one.seller AND at <= former.last_heard + 2 * seconds * interval '1 second' THEN
      UPDATE unit_heartbeat h SET last_heard = at, sender = role WHERE h.unit_id = one.id;
    ELSE
      INSERT INTO heartbeat_spell (unit_id, service_provider_id, status, update_interval_seconds, since, last_heard, sender)
      VALUES (former.unit_id, former.service_provider_id, former.status, former.update_interval_seconds, former.since, former.last_heard, former.sender);
      UPDATE unit_heartbeat h SET service_provider_id = one.seller, status = heartbeats.status, update_interval_seconds = seconds, since = at, last_heard = at, sender = role WHERE h.unit_id = one.id;
    END IF;
    heard := heard + 1;
  END LOOP;
  RETURN heard;
END
$function$;
COMMENT ON FUNCTION heartbeats(bigint[], text, integer, timestamptz) IS
  'a provider''s units are heard: available or unavailable, and how often they say so (as before, unless said); gives how many counted: one that comes after a later one does not; errors MX101, 42501, 23514; SECURITY DEFINER because nobody writes unit_heartbeat itself, and the caller is checked';
REVOKE ALL ON FUNCTION heartbeats(bigint[], text, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heartbeats(bigint[], text, integer, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION heartbeat(unit_id bigint, status text DEFAULT 'available', update_interval_seconds integer DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN heartbeats(ARRAY[unit_id], status, update_interval_seconds, at) > 0;
END
$function$;
COMMENT ON FUNCTION heartbeat(bigint, text, integer, timestamptz) IS 'one unit is heard: as heartbeats(); true when it counted';
REVOKE ALL ON FUNCTION heartbeat(bigint, text, integer, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION heartbeat(bigint, text, integer, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE VIEW unit_spell WITH (security_invoker = true) AS
  SELECT h.unit_id, h.service_provider_id, h.status, h.update_interval_seconds, h.since, h.last_heard, h.sender, true AS latest FROM unit_heartbeat h
  UNION ALL SELECT s.unit_id, s.service_provider_id, s.status, s.update_interval_seconds, s.since, s.last_heard, s.sender, false FROM heartbeat_spell s;
COMMENT ON VIEW unit_spell IS 'the times in which a unit said the same without a silence of more than two intervals, up to now';
COMMENT ON COLUMN unit_spell.unit_id IS 'the asset or portfolio';
COMMENT ON COLUMN unit_spell.service_provider_id IS 'who sent for it';
COMMENT ON COLUMN unit_spell.status IS 'available or unavailable';
COMMENT ON COLUMN unit_spell.update_interval_seconds IS 'how often it said so, s';
COMMENT ON COLUMN unit_spell.since IS 'its first beat';
COMMENT ON COLUMN unit_spell.last_heard IS 'its last beat';
COMMENT ON COLUMN unit_spell.sender IS 'the role that sent the last one';
COMMENT ON COLUMN unit_spell.latest IS 'true: the one that may go on';
GRANT SELECT ON unit_spell TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION missed_intervals(product_id bigint, at timestamptz DEFAULT now()) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT t.missed_intervals FROM heartbeat_terms t JOIN product p ON p.id = missed_intervals.product_id
  WHERE (t.product_id = p.id OR t.market_id = p.market_id) AND t.valid @> missed_intervals.at ORDER BY t.product_id NULLS LAST LIMIT 1
$function$;
COMMENT ON FUNCTION missed_intervals(bigint, timestamptz) IS 'how many beats a unit may miss under a product at an instant: as the product says, otherwise its market; NULL: any number';
REVOKE ALL ON FUNCTION missed_intervals(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION missed_intervals(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION unit_state(unit_id bigint, product_id bigint, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce((SELECT CASE WHEN unit_state.at > s.last_heard + (missed_intervals(unit_state.product_id, unit_state.at) + 1) * s.update_interval_seconds * interval '1 second' THEN 'stale' ELSE s.status END
                   FROM unit_spell s WHERE s.unit_id = unit_state.unit_id AND s.since <= unit_state.at ORDER BY s.since DESC LIMIT 1), 'unheard')
$function$;
COMMENT ON FUNCTION unit_state(bigint, bigint, timestamptz) IS
  'what a unit was at an instant, as a product sees it: available, unavailable, stale (silent for longer than the product or its market allows) or unheard (of never until then); of what the caller may read';
REVOKE ALL ON FUNCTION unit_state(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unit_state(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ forecasts

CREATE OR REPLACE FUNCTION check_availability_forecast() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF EXISTS (SELECT FROM unnest(NEW.levels) WITH ORDINALITY AS l (level, n) LEFT JOIN unnest(NEW.levels) WITH ORDINALITY AS b (level, n) ON b.n = l.n - 1
             WHERE l.level IS NULL OR NOT (l.level > coalesce(b.level, 0) AND l.level < 1)) THEN
    RAISE EXCEPTION 'availability_forecast.levels is %', NEW.levels USING ERRCODE = 'check_violation', COLUMN = 'levels', HINT = 'Levels rise, and are above 0 and below 1.';
  ELSIF EXISTS (SELECT FROM unnest(NEW.power_kw) WITH ORDINALITY AS k (kw, n) LEFT JOIN unnest(NEW.power_kw) WITH ORDINALITY AS b (kw, n) ON b.n = k.n - 1
                WHERE k.kw IS NULL OR k.kw = 'NaN' OR k.kw < coalesce(b.kw, 0)) THEN
    RAISE EXCEPTION 'availability_forecast.power_kw is %', NEW.power_kw USING ERRCODE = 'check_violation', COLUMN = 'power_kw', HINT = 'Quantiles do not fall, and are not below zero.';
  ELSIF EXISTS (SELECT FROM unnest(NEW.samples_kw) k WHERE k IS NULL OR k = 'NaN' OR k < 0) THEN
    RAISE EXCEPTION 'availability_forecast.samples_kw is %', NEW.samples_kw USING ERRCODE = 'check_violation', COLUMN = 'samples_kw', HINT = 'Each is a power, not below zero.';
  ELSIF NEW.issued_at > clock_timestamp() OR NEW.issued_at < now() - interval '1 day' AND NOT operates_exchange() THEN
    RAISE EXCEPTION 'availability_forecast.issued_at is %', NEW.issued_at USING ERRCODE = 'check_violation', COLUMN = 'issued_at', HINT = 'A forecast is recorded on the day on which it is issued; the operator records older ones.';
  END IF;
  NEW.recorded_at := now();
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION check_availability_forecast() IS 'trigger: levels rise, quantiles do not fall, samples are powers, and nothing is issued at another time than it says; error 23514';
REVOKE ALL ON FUNCTION check_availability_forecast() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_distribution BEFORE INSERT ON availability_forecast FOR EACH ROW EXECUTE FUNCTION check_availability_forecast();
COMMENT ON TRIGGER t10_distribution ON availability_forecast IS 'what is issued is a distribution';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON availability_forecast FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Issue another: the latest holds.');
COMMENT ON TRIGGER t10_is_kept ON availability_forecast IS 'an issue is kept as it was';

CREATE OR REPLACE FUNCTION quantile_kw(levels numeric[], power_kw numeric[], samples_kw numeric[], level numeric) RETURNS numeric
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  sorted numeric[];
  place numeric;
  n integer;
BEGIN
  IF samples_kw IS NOT NULL THEN
    IF NOT (level >= 0 AND level <= 1) THEN
      RETURN NULL;
    END IF;
    sorted := ARRAY(SELECT s FROM unnest(samples_kw) s ORDER BY s);
    place := 1 + level * (cardinality(sorted) - 1);
    n := floor(place)::integer;
    RETURN round(sorted[n] + (place - n) * (coalesce(sorted[n + 1], sorted[n]) - sorted[n]), 3);
  END IF;
  FOR n IN 1 .. cardinality(levels) LOOP
    IF level = levels[n] THEN
      RETURN round(power_kw[n], 3);
    ELSIF level < levels[n] THEN
      RETURN CASE WHEN n > 1 THEN round(power_kw[n - 1] + (level - levels[n - 1]) / (levels[n] - levels[n - 1]) * (power_kw[n] - power_kw[n - 1]), 3) END;
    END IF;
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION quantile_kw(numeric[], numeric[], numeric[], numeric) IS
  'the quantile at a level, kW, three decimals: straight between quantiles that are given, and between sorted samples, the first of which is at 0 and the last at 1; NULL outside of what is given: tails are not guessed';
REVOKE ALL ON FUNCTION quantile_kw(numeric[], numeric[], numeric[], numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quantile_kw(numeric[], numeric[], numeric[], numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW latest_availability_forecast WITH (security_invoker = true) AS
  SELECT f.* FROM availability_forecast f
  WHERE NOT EXISTS (SELECT FROM availability_forecast g
                    WHERE resource_window(g.unit_id, g.delivery_window) && resource_window(f.unit_id, f.delivery_window) AND g.delivery_window @> f.delivery_window AND g.direction = f.direction
                      AND (g.issued_at, g.id) > (f.issued_at, f.id));
COMMENT ON VIEW latest_availability_forecast IS 'the forecasts for whose windows nothing was issued later';
DO $block$
DECLARE
  part record;
BEGIN
  FOR part IN SELECT a.attname, col_description(a.attrelid, a.attnum) AS said FROM pg_attribute a WHERE a.attrelid = 'availability_forecast'::regclass AND a.attnum > 0 AND NOT a.attisdropped LOOP
    EXECUTE format('COMMENT ON COLUMN latest_availability_forecast.%I IS %L', part.attname, part.said);
  END LOOP;
END
$block$;
GRANT SELECT ON latest_availability_forecast TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION forecast_kw(unit_id bigint, direction text, delivery_window time_window, probability numeric DEFAULT 0.95, known_at timestamptz DEFAULT 'infinity') RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH issue AS MATERIALIZED (
    SELECT f.* FROM availability_forecast f
    WHERE resource_window(f.unit_id, f.delivery_window) && resource_window(forecast_kw.unit_id, forecast_kw.delivery_window) AND f.direction = forecast_kw.direction AND f.issued_at <= forecast_kw.known_at
  ), instant AS (
    SELECT lower(forecast_kw.delivery_window) AS at
    UNION SELECT e.at FROM issue i CROSS JOIN LATERAL (VALUES (lower(i.delivery_window)), (upper(i.delivery_window))) e (at) WHERE forecast_kw.delivery_window @> e.at
  ), said AS (
    SELECT t.at, (SELECT quantile_kw(i.levels, i.power_kw, i.samples_kw, 1 - forecast_kw.probability) FROM issue i WHERE i.delivery_window @> t.at ORDER BY i.issued_at DESC, i.id DESC LIMIT 1) AS kw
    FROM instant t
  )
  -- a piece of which nothing is known says nothing of the whole
  SELECT CASE WHEN count(*) = count(s.kw) THEN min(s.kw) END FROM said s
$function$;
COMMENT ON FUNCTION forecast_kw(bigint, text, time_window, numeric, timestamptz) IS
  'the kW that a unit has at least with a probability (0.95: the quantile at 0.05), by the latest issue known at an instant, straight between its levels; in a window of several forecasts the least of them, each by itself; NULL where nothing is forecast, or not so far into the tail; of what the caller may read';
REVOKE ALL ON FUNCTION forecast_kw(bigint, text, time_window, numeric, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forecast_kw(bigint, text, time_window, numeric, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ what can be called

CREATE OR REPLACE FUNCTION callable_units(at timestamptz DEFAULT now(), node bigint DEFAULT NULL, only_direction text DEFAULT NULL, only_product_id bigint DEFAULT NULL, ahead interval DEFAULT interval '0', probability numeric DEFAULT 0.95)
RETURNS TABLE (stage text, trade_id bigint, award_id bigint, product_id bigint, unit_id bigint, unit_kind text, unit_name text, service_provider_id bigint, grid_node_id bigint, direction text,
               power_kw numeric, dispatched_kw numeric, left_kw numeric, delivery_window time_window, earliest_start timestamptz, until timestamptz, min_duration interval, recovery interval, energy_kwh numeric,
               utilisation_price_per_mwh numeric, availability_price_per_mw_h numeric, heartbeat text, last_heard timestamptz, forecast_kw numeric, conflict_ids bigint[], callable boolean, reasons text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
SET jit = off  -- it would take longer than the answer
AS $function$
#variable_conflict use_column
DECLARE
  everything CONSTANT boolean := acts_for_exchange() OR operates_exchange();
  own CONSTANT bigint[] := ARRAY(SELECT own_product_ids());
  -- whoever asks of tomorrow cannot have heard what is said then
  heard_by CONSTANT timestamptz := least(callable_units.at, now());
  -- what begins by the time a unit can be there is called now
  longest_notice CONSTANT interval := interval '1 day';
  places bigint[];
BEGIN
  IF callable_units.node IS NOT NULL THEN
    places := ARRAY(SELECT DISTINCT b.grid_node_id FROM grid_nodes_below(callable_units.node, time_window(callable_units.at, callable_units.at + interval '1 microsecond')) b);
  END IF;
  RETURN QUERY
  WITH mine AS MATERIALIZED (
    SELECT p.id, p.binds, p.service_code, p.max_recovery, missed_intervals(p.id, heard_by) AS missed,
           coalesce((SELECT t.required FROM heartbeat_terms t WHERE (t.product_id = p.id OR t.market_id = p.market_id) AND t.valid @> heard_by ORDER BY t.product_id NULLS LAST LIMIT 1), false) AS beats
    FROM product p WHERE (everything OR p.id = ANY (own)) AND (callable_units.only_product_id IS NULL OR p.id = callable_units.only_product_id)
  ), offered AS MATERIALIZED (
    SELECT 'availability' AS stage, v.id, v.award_id, v.product_id, v.unit_id, v.asset_id, v.portfolio_id, v.service_provider_id, v.direction, v.power_kw, v.delivery_window,
           a.utilisation_price_per_mwh AS use_price, coalesce(v.availability_price_per_mw_h, a.availability_price_per_mw_h) AS ready_price, v.status
    FROM mine m JOIN availability v ON v.product_id = m.id AND v.status IN ('declared', 'accepted', 'held') AND upper(v.delivery_window) > callable_units.at
                                   AND lower(v.delivery_window) <= callable_units.at + greatest(callable_units.ahead, longest_notice)
    LEFT JOIN award a ON a.id = v.award_id
    UNION ALL
    SELECT 'award', a.id, a.id, a.product_id, a.unit_id, a.asset_id, a.portfolio_id, a.service_provider_id, a.direction, a.power_kw, a.delivery_window,
           a.utilisation_price_per_mwh, a.availability_price_per_mw_h, a.status
    FROM mine m JOIN award a ON a.product_id = m.id AND m.binds = 'award' AND a.status IN ('awarded', 'held') AND upper(a.delivery_window) > callable_units.at
                            AND lower(a.delivery_window) <= callable_units.at + greatest(callable_units.ahead, longest_notice)
  ), placed AS MATERIALIZED (
    SELECT o.*, CASE WHEN o.asset_id IS NULL THEN 'portfolio' ELSE 'asset' END AS kind, u.name, u.node, m.service_code, m.max_recovery, m.missed, m.beats,
           ((u.j ->> 'notice'))::interval AS notice, least((u.j ->> 'recovery')::interval, m.max_recovery) AS recovery,
           -- under a sub-contract another than who answers for it
           coalesce((SELECT p.service_provider_id FROM asset_operator p WHERE p.asset_id = o.asset_id AND p.valid @> greatest(callable_units.at, lower(o.delivery_window))), f.service_provider_id) AS operates,
           (u.j ->> 'min_duration')::interval AS least_time, nullif(u.j ->> 'max_duration', 'infinity')::interval AS most_time, (u.j ->> 'energy_kwh')::numeric AS energy
    FROM offered o JOIN mine m ON m.id = o.product_id
    LEFT JOIN asset a ON a.id = o.asset_id LEFT JOIN portfolio f ON f.id = o.portfolio_id
    CROSS JOIN LATERAL (SELECT coalesce(a.name, f.name) AS name, coalesce(a.grid_node_id, f.grid_node_id) AS node, coalesce(a.profile, f.profile)::jsonb AS j OFFSET 0) u
    WHERE (callable_units.only_direction IS NULL OR o.direction = callable_units.only_direction) AND (places IS NULL OR u.node = ANY (places))
      AND lower(o.delivery_window) <= callable_units.at + greatest(callable_units.ahead, least(coalesce((u.j ->> 'notice')::interval, '0'), longest_notice))
  ), call AS MATERIALIZED (
    -- what is or was lately called of the caller's products; one that another takes the place of is not
    SELECT d.unit_id, d.availability_id, d.award_id, d.power_kw, lower(d.delivery_window) AS since, upper(d.delivery_window) AS past
    FROM mine m JOIN dispatch d ON d.product_id = m.id AND d.live AND upper(d.delivery_window) > callable_units.at - coalesce((SELECT max(p.recovery) FROM placed p), interval '0')
    WHERE NOT EXISTS (SELECT FROM dispatch e WHERE e.supersedes_id = d.id AND e.live)
  ), called AS MATERIALIZED (
    SELECT c.unit_id, array_agg(c.since) AS since, array_agg(c.past) AS past, array_agg(c.power_kw) AS kw, array_agg(c.availability_id) AS availability_ids, array_agg(c.award_id) AS award_ids FROM call c GROUP BY c.unit_id
  ), given AS MATERIALIZED (
    -- of an award that obliges, what went through availability is listed there, and what was given back is gone
    SELECT v.award_id, array_agg(lower(v.delivery_window)) AS since, array_agg(upper(v.delivery_window)) AS past, array_agg(v.power_kw) AS kw, array_agg(v.status = 'withdrawn') AS withdrawn
    FROM availability v WHERE v.award_id IN (SELECT p.id FROM placed p WHERE p.stage = 'award') AND v.status IN ('accepted', 'completed', 'held', 'withdrawn', 'released') GROUP BY v.award_id
  ), started AS MATERIALIZED (
    -- the first instant that is not within the recovery after a dispatch; one may follow another without a gap
    SELECT p.*, c.since AS call_since, c.past AS call_past, c.kw AS call_kw, c.availability_ids, c.award_ids, s.base,
           CASE WHEN c.unit_id IS NULL OR p.recovery IS NULL THEN s.base ELSE (
             SELECT min(t.at) FROM (SELECT s.base AS at UNION ALL SELECT e + p.recovery FROM unnest(c.past) e WHERE e + p.recovery > s.base) t
             WHERE NOT EXISTS (SELECT FROM unnest(c.past) e WHERE e < t.at AND t.at < e + p.recovery)) END AS start
    FROM placed p LEFT JOIN called c ON c.unit_id = p.unit_id
    CROSS JOIN LATERAL (SELECT greatest(callable_units.at + coalesce(p.notice, interval '0'), lower(p.delivery_window)) AS base) s
  ), taken AS MATERIALIZED (
    SELECT s.*, coalesce(k.kw, 0) + coalesce(g.kw, 0) AS used, coalesce(g.withdrawn_kw, 0) AS withdrawn, least(k.next, g.next) AS next
    FROM started s LEFT JOIN given x ON s.stage = 'award' AND x.award_id = s.id
    CROSS JOIN LATERAL (SELECT sum(c.kw) FILTER (WHERE c.since <= s.start AND s.start < c.past) AS kw, min(c.since) FILTER (WHERE c.since > s.start) AS next
                        FROM unnest(s.call_since, s.call_past, s.call_kw, s.availability_ids, s.award_ids) c (since, past, kw, availability_id, award_id)
                        WHERE CASE s.stage WHEN 'availability' THEN c.availability_id = s.id ELSE c.award_id = s.id AND c.availability_id IS NULL END) k
    CROSS JOIN LATERAL (SELECT sum(c.kw) FILTER (WHERE c.since <= s.start AND s.start < c.past) AS kw, sum(c.kw) FILTER (WHERE c.since <= s.start AND s.start < c.past AND c.withdrawn) AS withdrawn_kw,
                               min(c.since) FILTER (WHERE c.since > s.start) AS next
                        FROM unnest(x.since, x.past, x.kw, x.withdrawn) c (since, past, kw, withdrawn)) g
  ), missing AS MATERIALIZED (
    SELECT n.unit_id, n.during, n.power_kw, n.service_provider_id FROM unavailability_notice n WHERE n.ended_at IS NULL AND upper(n.during) > callable_units.at AND n.unit_id IN (SELECT p.unit_id FROM placed p)
  ), removed AS MATERIALIZED (
    SELECT r.unit_id, r.service_code, r.valid FROM unit_removal r WHERE r.closed_at IS NULL AND upper(r.valid) > callable_units.at
  ), suspended AS MATERIALIZED (
    SELECT DISTINCT q.unit_id, q.product_id, q.service_provider_id FROM suspension s JOIN qualification q ON q.id = s.qualification_id WHERE s.status = 'suspended' AND q.product_id IN (SELECT m.id FROM mine m)
  ), blocked AS MATERIALIZED (
    SELECT c.source_id, c.stage, array_agg(DISTINCT k.id ORDER BY k.id) AS ids
    FROM placed p JOIN commitment c ON c.source_id = p.id AND c.stage = p.stage AND c.closed_at IS NULL
    CROSS JOIN LATERAL (SELECT f.id, f.severity, f.overlap FROM conflict f WHERE f.challenger_id = c.id AND f.closed_at IS NULL
                        UNION ALL SELECT f.id, f.severity, f.overlap FROM conflict f WHERE f.incumbent_id = c.id AND f.closed_at IS NULL AND f.prevailing_id <> c.market_operator_id) k
    WHERE k.severity = 'blocking' AND upper(k.overlap) > callable_units.at
      -- it was decided that it stands all the same
      AND NOT EXISTS (SELECT FROM hold h WHERE h.trade_id = c.source_id AND h.stage = c.stage AND h.resolution = 'accepted' AND h.power_kw >= c.power_kw AND h.delivery_window @> c.delivery_window)
    GROUP BY c.source_id, c.stage
  ), judged AS (
    SELECT t.*, greatest(0, t.power_kw - t.used - greatest(0, coalesce(n.kw, 0) - t.withdrawn)) AS unused, b.ids AS conflicts, CASE WHEN h.since <= heard_by THEN least(h.last_heard, heard_by) END AS heard_at, w.state, q.kw AS expected,
           least(upper(t.delivery_window), t.next, n.next, t.start + t.most_time) AS ends, n.kw AS lacks, h.unit_id IS NULL AS unheard,
           EXISTS (SELECT FROM suspended x WHERE x.unit_id = t.unit_id AND x.product_id = t.product_id AND x.service_provider_id IN (t.service_provider_id, t.operates)) AS is_suspended,
           EXISTS (SELECT FROM removed x WHERE x.unit_id = t.unit_id AND x.valid @> t.start AND (x.service_code IS NULL OR x.service_code = t.service_code)) AS is_removed
    FROM taken t
    LEFT JOIN unit_heartbeat h ON h.unit_id = t.unit_id
    LEFT JOIN blocked b ON b.source_id = t.id AND b.stage = t.stage
    -- what was withdrawn is gone already: from an availability by its own row, from an award by what went through availability
    -- from what another answers for nothing was withdrawn when the operator of the unit gave notice
    CROSS JOIN LATERAL (SELECT sum(coalesce(x.power_kw, t.power_kw)) FILTER (WHERE x.during @> t.start AND (t.stage = 'award' OR x.power_kw IS NULL OR x.service_provider_id <> t.service_provider_id)) AS kw,
                               min(lower(x.during)) FILTER (WHERE lower(x.during) > t.start AND (t.stage = 'award' OR x.power_kw IS NULL OR x.service_provider_id <> t.service_provider_id)) AS next
                        FROM missing x WHERE x.unit_id = t.unit_id AND x.service_provider_id IN (t.service_provider_id, t.operates)) n
    CROSS JOIN LATERAL (SELECT CASE WHEN h.unit_id IS NULL THEN 'unheard' WHEN h.since > heard_by THEN coalesce((SELECT CASE WHEN heard_by > x.last_heard + (t.missed + 1) * x.update_interval_seconds * interval '1 second' THEN 'stale' ELSE x.status END
                                                                                                     FROM heartbeat_spell x WHERE x.unit_id = t.unit_id AND x.since <= heard_by ORDER BY x.since DESC LIMIT 1), 'unheard')
                                    WHEN heard_by > h.last_heard + (t.missed + 1) * h.update_interval_seconds * interval '1 second' THEN 'stale' ELSE h.status END AS state) w
    LEFT JOIN LATERAL (SELECT quantile_kw(f.levels, f.power_kw, f.samples_kw, 1 - callable_units.probability) AS kw FROM availability_forecast f
                       WHERE resource_window(f.unit_id, f.delivery_window) && resource_window(t.unit_id, time_window(t.start, t.start + interval '1 microsecond')) AND f.direction = t.direction
                         AND f.issued_at <= callable_units.at ORDER BY f.issued_at DESC, f.id DESC LIMIT 1) q ON true
  ), timed AS (
    SELECT j.*, CASE WHEN j.unused > 0 THEN least(j.ends, j.start + j.energy / j.unused * interval '1 hour') ELSE j.ends END AS stops FROM judged j
  )
  SELECT t.stage, t.id, t.award_id, t.product_id, t.unit_id, t.kind, t.name, t.service_provider_id, t.node, t.direction, t.power_kw, t.used, t.unused, t.delivery_window, t.start, t.stops, t.least_time, t.recovery,
         t.energy, t.use_price, t.ready_price, t.state, t.heard_at, t.expected, t.conflicts, cardinality(r.why) = 0, r.why
  FROM timed t
  CROSS JOIN LATERAL (SELECT array_remove(ARRAY[
    CASE WHEN t.status IN ('declared', 'held') THEN t.status END,
    CASE WHEN t.start >= upper(t.delivery_window) THEN CASE WHEN t.base >= upper(t.delivery_window) THEN 'notice' ELSE 'recovery' END END,
    CASE WHEN t.lacks >= t.power_kw THEN 'notice_of_unavailability' WHEN t.used >= t.power_kw THEN 'dispatched' WHEN t.unused = 0 THEN 'notice_of_unavailability' END,
    CASE WHEN t.stops > t.start AND t.stops - t.start < t.least_time THEN 'too_short' END,
    CASE WHEN t.state IN ('unavailable', 'stale') OR t.state = 'unheard' AND t.beats THEN t.state END,
    CASE WHEN t.is_suspended THEN 'suspended' END,
    CASE WHEN t.is_removed THEN 'removed' END,
    CASE WHEN t.conflicts IS NOT NULL THEN 'conflict' END], NULL) AS why) r
  ORDER BY cardinality(r.why) > 0, t.use_price NULLS LAST, t.id;
END
$function$;
COMMENT ON FUNCTION callable_units(timestamptz, bigint, text, bigint, interval, numeric) IS
  'what of the caller''s products can be called at an instant, a row for each availability and each award that obliges whose window has it, or begins within the notice of the unit (of up to a day) or so long ahead: below a node, in a direction, of a product, where these are said; from when (notice, recovery), how much (less what is dispatched of it), until when at that power, at what price, whether the unit is heard, what it has with a probability, and why it cannot be called; the cheapest first; the operator and the regulator see every product; SECURITY DEFINER because it looks at conflicts and removals, of which it tells only that there are some, and the caller''s products are its own';
REVOKE ALL ON FUNCTION callable_units(timestamptz, bigint, text, bigint, interval, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION callable_units(timestamptz, bigint, text, bigint, interval, numeric) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- The log gives the operator the rows of a time; this gives the parties what was available then.
CREATE OR REPLACE FUNCTION available_at(at timestamptz, known_at timestamptz DEFAULT 'infinity')
RETURNS TABLE (availability_id bigint, product_id bigint, unit_id bigint, service_provider_id bigint, direction text, power_kw numeric, delivery_window time_window, stands_since timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT v.id, v.product_id, v.unit_id, v.service_provider_id, v.direction, s.power_kw, s.delivery_window, s.happened_at
  FROM (SELECT DISTINCT ON (x.availability_id) x.* FROM availability_step x
        WHERE x.happened_at <= available_at.at AND x.recorded_at <= available_at.known_at ORDER BY x.availability_id, x.happened_at DESC, x.id DESC) s
  JOIN availability v ON v.id = s.availability_id
  WHERE s.status = 'accepted' AND s.delivery_window @> available_at.at
  ORDER BY v.id
$function$;
COMMENT ON FUNCTION available_at(timestamptz, timestamptz) IS
  'what was accepted and stood at an instant, as it was then, by what had been recorded at another (all that is known, unless said): from the steps; of what the caller may read';
REVOKE ALL ON FUNCTION available_at(timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION available_at(timestamptz, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
