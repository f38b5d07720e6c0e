-- archetype: medium
-- Competitions: who declares and reads them, what stays as it was declared, and the life of each.
--
-- Time opens and closes a gate, whoever looks.  The stored status follows, by advance_competitions(), and says more than
-- the clock: once it is closed no bid is being written any more, since writers of bids lock the competition against it.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['competition_terms', 'competition_lot', 'competition_requirement', 'competition_transfer_limit', 'competition_gate', 'competition_step']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['requirement_reserve', 'competition_challenge']) t;
-- who took a step may be who challenged, which is not everybody's to know
REVOKE SELECT ON competition_step FROM flexexchange_participant, flexexchange_analyst;
GRANT SELECT (id, competition_id, status, since, taken_at, reason) ON competition_step TO flexexchange_participant, flexexchange_analyst;
-- steps are written as they are taken, challenges by the functions that make and decide them
REVOKE INSERT, UPDATE, DELETE ON competition_step, competition_challenge FROM flexexchange_operator;

GRANT INSERT (product_id, name, gate_opens_at, gate_closes_at), UPDATE (name, gate_opens_at, gate_closes_at) ON competition TO flexexchange_participant;
DROP POLICY IF EXISTS competition_insert_own ON competition;
CREATE POLICY competition_insert_own ON competition FOR INSERT TO flexexchange_participant
  WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY competition_insert_own ON competition IS 'COMP-MO-1: a buyer announces competitions for its products';
DROP POLICY IF EXISTS competition_update_own ON competition;
CREATE POLICY competition_update_own ON competition FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY competition_update_own ON competition IS 'COMP-MO-2: a buyer changes name and gates of its competitions, as far as they may change';

GRANT INSERT (competition_id, pricing, clearing_price, surplus_share, cost_weight, carbon_weight, security_weight, carbon_price_per_t, unserved_price_per_mwh, order_features,
              ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh, max_gap, max_seconds, tie_break, seed, challenge_period, framework_id),
      UPDATE (pricing, clearing_price, surplus_share, cost_weight, carbon_weight, security_weight, carbon_price_per_t, unserved_price_per_mwh, order_features,
              ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh, max_gap, max_seconds, tie_break, seed, challenge_period, framework_id),
      DELETE ON competition_terms TO flexexchange_participant;
GRANT INSERT (competition_id, name), UPDATE (name), DELETE ON competition_lot TO flexexchange_participant;
GRANT INSERT (competition_id, lot_id, product_id, grid_node_id, delivery_window, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours, need_id),
      UPDATE (lot_id, product_id, grid_node_id, delivery_window, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours, need_id),
      DELETE ON competition_requirement TO flexexchange_participant;
GRANT INSERT, UPDATE, DELETE ON competition_transfer_limit, competition_gate TO flexexchange_participant;
GRANT SELECT, INSERT (requirement_id, competition_id, availability_price_per_mw_h, utilisation_price_per_mwh), UPDATE (availability_price_per_mw_h, utilisation_price_per_mwh), DELETE
  ON requirement_reserve TO flexexchange_participant;
GRANT SELECT ON competition_challenge TO flexexchange_participant;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['competition_terms', 'competition_lot', 'competition_requirement', 'competition_transfer_limit', 'competition_gate', 'requirement_reserve'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_own ON %1$I TO flexexchange_participant
      USING (competition_id IN (SELECT c.id FROM competition c WHERE c.product_id = ANY (ARRAY(SELECT own_product_ids()))))
      WITH CHECK (competition_id IN (SELECT c.id FROM competition c WHERE c.product_id = ANY (ARRAY(SELECT own_product_ids()))))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_own ON %1$I IS ''COMP-MO-3: a buyer declares the terms of its competitions''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS requirement_reserve_read ON requirement_reserve;
CREATE POLICY requirement_reserve_read ON requirement_reserve FOR SELECT TO flexexchange_participant
  USING (competition_id = ANY (ARRAY(SELECT c.id FROM competition c WHERE c.gate_closes_at <= now())));
COMMENT ON POLICY requirement_reserve_read ON requirement_reserve IS 'COMP-1: whoever takes part reads a reserve price once the gate has closed';
DROP POLICY IF EXISTS competition_challenge_read ON competition_challenge;
CREATE POLICY competition_challenge_read ON competition_challenge FOR SELECT TO flexexchange_participant
  USING (challenger_id = (SELECT current_participant()) OR competition_id = ANY (ARRAY(SELECT c.id FROM competition c WHERE c.product_id = ANY (ARRAY(SELECT own_product_ids())))));
COMMENT ON POLICY competition_challenge_read ON competition_challenge IS 'COMP-2: the challenger and the buyer read a challenge';

-- ------------------------------------------------------------------ what is declared stays

CREATE OR REPLACE FUNCTION keep_declared() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  of_competition bigint;
  declared competition;
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.competition_id <> NEW.competition_id THEN
    RAISE EXCEPTION '%.competition_id does not change', TG_TABLE_NAME
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Declare it for the other competition, too, and delete it here.';
  END IF;
  of_competition := CASE WHEN TG_OP = 'DELETE' THEN OLD.competition_id ELSE NEW.competition_id END;
  -- bids lock it, too: a bid that is written meanwhile waits, and is judged by what is declared
  SELECT * INTO declared FROM competition c WHERE c.id = of_competition FOR NO KEY UPDATE;
  -- gone with its competition, written with it, or recorded of another platform
  IF NOT FOUND OR declared.source IS NOT NULL OR declared.recorded_at = now() OR declared.status = 'announced' AND declared.gate_opens_at > clock_timestamp() THEN
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
  END IF;
  RAISE EXCEPTION '% of competition % stays as it was when the gate opened, at %', TG_TABLE_NAME, declared.id, declared.gate_opens_at
    USING ERRCODE = 'MX203', HINT = 'Terms are declared before the gate opens; cancel the competition and announce another.';
END
$function$;
COMMENT ON FUNCTION keep_declared() IS
  'trigger: what a competition declares is written before its gate opens, or together with the competition, and stays; error MX203; SECURITY DEFINER because it locks the competition';
REVOKE ALL ON FUNCTION keep_declared() FROM PUBLIC;
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['competition_terms', 'competition_lot', 'competition_requirement', 'competition_transfer_limit', 'competition_gate', 'requirement_reserve'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_declared_is_kept BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION keep_declared()', name);
    EXECUTE format('COMMENT ON TRIGGER t10_declared_is_kept ON %I IS ''what was declared stays once the gate has opened''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION stamp_reserve() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  NEW.competition_id := (SELECT r.competition_id FROM competition_requirement r WHERE r.id = NEW.requirement_id);
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_reserve() IS 'trigger: a reserve price is of the competition of its requirement, whatever is given';
REVOKE ALL ON FUNCTION stamp_reserve() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t05_stamp BEFORE INSERT OR UPDATE ON requirement_reserve FOR EACH ROW EXECUTE FUNCTION stamp_reserve();
COMMENT ON TRIGGER t05_stamp ON requirement_reserve IS 'of the competition of its requirement';

CREATE OR REPLACE FUNCTION check_requirement() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  buyer CONSTANT bigint := (SELECT m.market_operator_id FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id WHERE c.id = NEW.competition_id);
  other competition_requirement;
BEGIN
  IF NOT EXISTS (SELECT FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = NEW.product_id AND m.market_operator_id = buyer) THEN
    RAISE EXCEPTION 'competition_requirement.product_id % is not a product of the buyer of competition %', NEW.product_id, NEW.competition_id
      USING ERRCODE = 'check_violation', COLUMN = 'product_id', HINT = 'Several products can be bought together where one participant buys them.';
  END IF;
  IF NEW.lot_id IS NOT NULL AND NOT EXISTS (SELECT FROM competition_lot l WHERE l.id = NEW.lot_id AND l.competition_id = NEW.competition_id) THEN
    RAISE EXCEPTION 'competition_requirement.lot_id % is not a lot of competition %', NEW.lot_id, NEW.competition_id
      USING ERRCODE = 'check_violation', COLUMN = 'lot_id', HINT = 'Make the lot first, in table competition_lot.';
  END IF;
  IF NEW.need_id IS NOT NULL AND NOT EXISTS (SELECT FROM need n WHERE n.id = NEW.need_id AND n.market_operator_id = buyer) THEN
    RAISE EXCEPTION 'competition_requirement.need_id % is not a need of the buyer of competition %', NEW.need_id, NEW.competition_id
      USING ERRCODE = 'check_violation', COLUMN = 'need_id', HINT = 'Name a need of its own, or none.';
  END IF;
  -- whoever declares has locked the competition
  SELECT r.* INTO other FROM competition_requirement r WHERE r.competition_id = NEW.competition_id AND r.id <> NEW.id AND (r.lot_id IS NULL) <> (NEW.lot_id IS NULL) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'competition_requirement.lot_id is % and that of requirement % is %', coalesce(NEW.lot_id::text, 'NULL'), other.id, coalesce(other.lot_id::text, 'NULL')
      USING ERRCODE = 'check_violation', COLUMN = 'lot_id', HINT = 'All requirements of a competition are of lots, or none is.';
  END IF;
  SELECT r.* INTO other FROM competition_requirement r
  WHERE r.competition_id = NEW.competition_id AND r.id <> NEW.id AND r.product_id = NEW.product_id AND r.direction = NEW.direction
    AND r.lot_id IS NOT DISTINCT FROM NEW.lot_id AND r.grid_node_id IS NOT DISTINCT FROM NEW.grid_node_id AND r.delivery_window && NEW.delivery_window
    AND r.delivery_window <> NEW.delivery_window LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'competition_requirement.delivery_window % overlaps that of requirement %, %', NEW.delivery_window, other.id, other.delivery_window
      USING ERRCODE = 'exclusion_violation', HINT = 'What is wanted of one product at one place is said once for every instant.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION check_requirement() IS 'trigger: a requirement is of products, lots and needs of its competition, and says what is wanted at an instant once; errors 23514, 23P01';
REVOKE ALL ON FUNCTION check_requirement() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_requirement_fits BEFORE INSERT OR UPDATE ON competition_requirement FOR EACH ROW EXECUTE FUNCTION check_requirement();
COMMENT ON TRIGGER t20_requirement_fits ON competition_requirement IS 'product, lot and need are of the competition, and windows do not overlap';

-- From JSON, where the same terms are declared again and again.
CREATE OR REPLACE FUNCTION declare_columns(name text, set_by_exchange jsonb, given jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  unknown text;
  names text;
BEGIN
  SELECT min(k) INTO unknown FROM jsonb_object_keys(given) k
  WHERE k IN ('id', 'service_provider_id', 'declared_at') OR set_by_exchange ? k
     OR NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = declare_columns.name::regclass AND a.attnum > 0 AND a.attname = k AND NOT a.attisdropped);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION '%.% is not declared', name, left(unknown, 64) USING ERRCODE = 'invalid_parameter_value', HINT = format('Keys are columns of %s that are not the exchange''s to give.', name);
  END IF;
  SELECT string_agg(quote_ident(k), ', ' ORDER BY k) INTO names FROM jsonb_object_keys(set_by_exchange || given) k;
  EXECUTE format('INSERT INTO %1$I (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$I, $1)', name, names) USING set_by_exchange || given;
END
$function$;
COMMENT ON FUNCTION declare_columns(text, jsonb, jsonb) IS 'inserts a row from JSON with its columns as keys; what is left out has its default; acts for its caller; error 22023 for another key';
REVOKE ALL ON FUNCTION declare_columns(text, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION declare_columns(text, jsonb, jsonb) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ life

CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON competition
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > announced', 'announced > open cancelled', 'open > closed cancelled', 'closed > cleared cancelled',
    'cleared > closed awarded cancelled', 'awarded > challenged final', 'challenged > awarded closed cancelled');
COMMENT ON TRIGGER t10_status ON competition IS 'nothing is cleared whose gate is open, nothing awarded that was not cleared, and what is final stays';

CREATE OR REPLACE TRIGGER t10_status BEFORE UPDATE OF status ON award
  FOR EACH ROW WHEN (NEW.source IS NULL AND OLD.status <> NEW.status)
  EXECUTE FUNCTION follow_states('status', 'awarded > completed held rejected released terminated', 'completed > awarded held rejected released terminated',
    'held > awarded completed rejected released terminated', 'rejected > awarded completed held released terminated', 'released > awarded completed held rejected terminated');
COMMENT ON TRIGGER t10_status ON award IS 'what a competition or its buyer terminated is awarded anew by another row alone; for rows of this exchange';

CREATE OR REPLACE FUNCTION keep_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  due timestamptz;
  challenged bigint;
BEGIN
  IF NEW.status <> OLD.status THEN
    IF NEW.status = 'open' THEN
      due := NEW.gate_opens_at;
    ELSIF NEW.status = 'closed' AND OLD.status = 'open' THEN
      due := NEW.gate_closes_at;
    ELSIF NEW.status = 'final' THEN
      due := challenge_ends_at(NEW.id);
    END IF;
    IF due > clock_timestamp() THEN
      RAISE EXCEPTION 'competition % is not % before %', NEW.id, NEW.status, due
        USING ERRCODE = 'MX204', HINT = 'Its gates and its challenge period are times; advance_competitions() follows them.';
    END IF;
    SELECT x.id INTO challenged FROM competition_challenge x WHERE x.competition_id = NEW.id AND x.decision IS NULL ORDER BY x.id LIMIT 1;
    IF FOUND AND NEW.status IN ('awarded', 'final') AND OLD.status IN ('awarded', 'challenged') THEN
      RAISE EXCEPTION 'challenge % of competition % is not decided', challenged, NEW.id
        USING ERRCODE = 'MX204', HINT = 'decide_challenge() upholds or dismisses it.';
    END IF;
  END IF;
  IF NEW.source IS NOT NULL THEN
    RETURN NEW;
  END IF;
  IF NEW.gate_opens_at <> OLD.gate_opens_at AND OLD.status <> 'announced' OR NEW.gate_closes_at <> OLD.gate_closes_at AND OLD.status NOT IN ('announced', 'open') THEN
    RAISE EXCEPTION 'competition % is %, and its gate stays', NEW.id, OLD.status
      USING ERRCODE = 'MX203', HINT = 'A gate that has opened or closed did so for everybody; announce another competition.';
  END IF;
  -- the owner of the exchange corrects what was written wrongly
  IF (NEW.gate_opens_at <> OLD.gate_opens_at AND OLD.gate_opens_at <= clock_timestamp() OR NEW.gate_closes_at <> OLD.gate_closes_at AND OLD.gate_closes_at <= clock_timestamp())
     AND OLD.recorded_at <> now() AND NOT pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
    RAISE EXCEPTION 'the gate of competition % %', NEW.id, CASE WHEN OLD.gate_closes_at <= clock_timestamp() THEN 'has closed' ELSE 'has opened' END
      USING ERRCODE = 'MX203', HINT = 'A gate that has opened or closed did so for everybody; announce another competition.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_time() IS
  'trigger: a status that time brings is not taken before its time (error MX204), and a gate that has opened or closed does not move (error MX203); SECURITY DEFINER because not everybody who moves a gate reads the challenges';
REVOKE ALL ON FUNCTION keep_time() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_time_is_kept BEFORE UPDATE OF status, gate_opens_at, gate_closes_at ON competition FOR EACH ROW EXECUTE FUNCTION keep_time();
COMMENT ON TRIGGER t20_time_is_kept ON competition IS 'the status never says what the clock does not';

CREATE OR REPLACE FUNCTION keep_competition() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF (NEW.product_id, NEW.mrid, NEW.source) IS DISTINCT FROM (OLD.product_id, OLD.mrid, OLD.source)
     AND (OLD.source IS NOT NULL OR OLD.status <> 'announced' OR EXISTS (SELECT FROM competition_terms t WHERE t.competition_id = OLD.id) OR EXISTS (SELECT FROM competition_requirement r WHERE r.competition_id = OLD.id)) THEN
    RAISE EXCEPTION 'product_id, mrid and source of competition % stay', OLD.id USING ERRCODE = 'MX203', HINT = 'Cancel the competition and announce another.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_competition() IS 'trigger: what a competition buys stays once its terms are declared; error MX203';
REVOKE ALL ON FUNCTION keep_competition() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_competition_is_kept BEFORE UPDATE OF product_id, mrid, source ON competition FOR EACH ROW EXECUTE FUNCTION keep_competition();
COMMENT ON TRIGGER t20_competition_is_kept ON competition IS 'what is bought stays';

CREATE OR REPLACE FUNCTION record_competition_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
    INSERT INTO competition_step (competition_id, status, since, participant_id)
    VALUES (NEW.id, NEW.status,
            CASE WHEN NEW.status = 'open' THEN NEW.gate_opens_at WHEN NEW.status = 'closed' AND OLD.status = 'open' THEN NEW.gate_closes_at
                 WHEN NEW.status = 'final' THEN challenge_ends_at(NEW.id) ELSE clock_timestamp() END,
            CASE WHEN NOT acts_for_exchange() THEN current_participant() END);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_competition_step() IS 'trigger: keeps every step of a competition; SECURITY DEFINER because nobody writes competition_step itself';
REVOKE ALL ON FUNCTION record_competition_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_step AFTER INSERT OR UPDATE OF status ON competition FOR EACH ROW EXECUTE FUNCTION record_competition_step();
COMMENT ON TRIGGER t20_step ON competition IS 'every step is kept';

CREATE OR REPLACE FUNCTION challenge_ends_at(competition_id bigint) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- in days of the market: ten days from an evening before clocks change end in the evening
  SELECT ((min(s.since) AT TIME ZONE min(m.time_zone)) + coalesce(min(t.challenge_period), interval '0')) AT TIME ZONE min(m.time_zone)
  FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id
  LEFT JOIN competition_terms t ON t.competition_id = c.id
  -- the award itself, not what a dismissed challenge came back to
  JOIN competition_step s ON s.competition_id = c.id AND s.status = 'awarded'
    AND s.id > (SELECT max(x.id) FROM competition_step x WHERE x.competition_id = c.id AND x.status = 'cleared')
  WHERE c.id = challenge_ends_at.competition_id
$function$;
COMMENT ON FUNCTION challenge_ends_at(bigint) IS 'until when the awards of a competition may be challenged; NULL before they are made';
REVOKE ALL ON FUNCTION challenge_ends_at(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION challenge_ends_at(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE VIEW competition_stage WITH (security_invoker = true) AS
  SELECT c.id AS competition_id, c.status,
         CASE WHEN c.status IN ('announced', 'open') THEN CASE WHEN c.gate_closes_at <= now() THEN 'closed' WHEN c.gate_opens_at <= now() THEN 'open' ELSE 'announced' END
              WHEN c.status = 'awarded' AND challenge_ends_at(c.id) <= now() THEN 'final'
              ELSE c.status END AS stage,
         CASE WHEN c.status IN ('announced', 'open') THEN CASE WHEN c.gate_closes_at <= now() THEN NULL WHEN c.gate_opens_at <= now() THEN c.gate_closes_at ELSE c.gate_opens_at END
              WHEN c.status = 'awarded' THEN nullif(greatest(challenge_ends_at(c.id), now()), now()) END AS changes_at
  FROM competition c;
COMMENT ON VIEW competition_stage IS 'where each competition is by the clock, whether or not advance_competitions() has run';
COMMENT ON COLUMN competition_stage.competition_id IS 'the competition';
COMMENT ON COLUMN competition_stage.status IS 'its status, as far as it was taken';
COMMENT ON COLUMN competition_stage.stage IS 'announced, open, closed, cleared, awarded, challenged, final or cancelled';
COMMENT ON COLUMN competition_stage.changes_at IS 'when time will change that; NULL: it will not';
GRANT SELECT ON competition_stage TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION take_competition_step(competition_id bigint, status text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  UPDATE competition c SET status = take_competition_step.status WHERE c.id = take_competition_step.competition_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'competition % is unknown in this exchange', coalesce(take_competition_step.competition_id::text, 'NULL')
      USING ERRCODE = 'MX105', HINT = 'See table competition.';
  END IF;
  IF reason IS NOT NULL THEN
    UPDATE competition_step s SET reason = take_competition_step.reason
    WHERE s.id = (SELECT max(x.id) FROM competition_step x WHERE x.competition_id = take_competition_step.competition_id);
  END IF;
END
$function$;
COMMENT ON FUNCTION take_competition_step(bigint, text, text) IS 'takes a competition to a status that may follow, with a reason; called by functions that act for the owner of the exchange; errors MX001, MX105, MX204';
REVOKE ALL ON FUNCTION take_competition_step(bigint, text, text) FROM PUBLIC;

-- Bids that are being written hold the competition: it is closed once they are through.
CREATE OR REPLACE FUNCTION advance_competitions() RETURNS TABLE (competition_id bigint, status text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  due bigint;
  stands text;
BEGIN
  FOR due IN SELECT c.id FROM competition c
             WHERE c.status = 'announced' AND c.gate_opens_at <= clock_timestamp() OR c.status = 'open' AND c.gate_closes_at <= clock_timestamp()
                OR c.status = 'awarded' AND challenge_ends_at(c.id) <= clock_timestamp()
             ORDER BY c.gate_closes_at, c.id LOOP
    LOOP
      -- one that is held comes next time, and the others do not wait for it
      SELECT CASE WHEN c.status = 'announced' AND c.gate_opens_at <= clock_timestamp() THEN 'open'
                  WHEN c.status = 'open' AND c.gate_closes_at <= clock_timestamp() THEN 'closed'
                  WHEN c.status = 'awarded' AND challenge_ends_at(c.id) <= clock_timestamp() THEN 'final' END INTO stands
      FROM competition c WHERE c.id = due FOR NO KEY UPDATE SKIP LOCKED;
      EXIT WHEN stands IS NULL;
      UPDATE competition c SET status = stands WHERE c.id = due;
      competition_id := due;
      status := stands;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION advance_competitions() IS
  'takes every competition to the status that time brings: open, closed, final; returns what it took; to be run from time to time, for example every minute; a competition of which a bid is still being written waits for the next time';
REVOKE ALL ON FUNCTION advance_competitions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION advance_competitions() TO flexexchange_operator;

CREATE OR REPLACE FUNCTION runs_competition(competition_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT EXISTS (SELECT FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id
                 WHERE c.id = runs_competition.competition_id AND m.market_operator_id = current_participant());
END;
COMMENT ON FUNCTION runs_competition(bigint) IS 'true when the session acts for the buyer of a competition';
REVOKE ALL ON FUNCTION runs_competition(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION runs_competition(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION cancel_competition(competition_id bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT runs_competition(competition_id) AND NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'competition % is not yours to cancel', coalesce(competition_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its buyer and the operator of the exchange can.';
  END IF;
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say why it is cancelled: bidders are told.');
  PERFORM take_competition_step(competition_id, 'cancelled', reason);
  UPDATE award a SET status = 'terminated' FROM bid b
  WHERE b.id = a.bid_id AND b.competition_id = cancel_competition.competition_id AND a.status IN ('awarded', 'held');
  UPDATE bid b SET status = 'lapsed' WHERE b.competition_id = cancel_competition.competition_id AND b.status IN ('submitted', 'held', 'awarded');
END
$function$;
COMMENT ON FUNCTION cancel_competition(bigint, text) IS
  'ends a competition without a result: its bids lapse; by its buyer or the operator, with a reason that everybody reads; errors 42501, MX001, MX105; SECURITY DEFINER because its bids may be sealed from whoever cancels it';
REVOKE ALL ON FUNCTION cancel_competition(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION cancel_competition(bigint, text) TO flexexchange_operator, flexexchange_participant;

-- ------------------------------------------------------------------ challenges

CREATE OR REPLACE FUNCTION challenge_competition(competition_id bigint, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  challenged competition;
  ends timestamptz;
  made bigint;
BEGIN
  -- two challenges, or one and the end of the period, take turns
  SELECT * INTO challenged FROM competition c WHERE c.id = challenge_competition.competition_id FOR NO KEY UPDATE;
  IF me IS NULL OR NOT EXISTS (SELECT FROM bid b WHERE b.competition_id = challenged.id AND b.service_provider_id = me) THEN
    RAISE EXCEPTION 'competition % is not yours to challenge', coalesce(challenge_competition.competition_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Whoever bid in a competition can challenge its awards.';
  END IF;
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say what is wrong with the award.');
  ends := challenge_ends_at(challenged.id);
  IF challenged.status NOT IN ('awarded', 'challenged') OR ends <= clock_timestamp() THEN
    RAISE EXCEPTION 'competition % is %, and cannot be challenged now', challenged.id, challenged.status
      USING ERRCODE = 'MX205', HINT = concat('Awards can be challenged for competition_terms.challenge_period', ', until ' || ends) || '.';
  END IF;
  INSERT INTO competition_challenge AS x (competition_id, challenger_id, reason) VALUES (challenged.id, me, challenge_competition.reason) RETURNING x.id INTO made;
  IF challenged.status = 'awarded' THEN
    PERFORM take_competition_step(challenged.id, 'challenged', format('challenge %s', made));
  END IF;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION challenge_competition(bigint, text) IS
  'challenges the awards of a competition, by one of its bidders within the declared period; gives the number of the challenge; errors 42501, MX205; SECURITY DEFINER because nobody writes competition_challenge itself';
REVOKE ALL ON FUNCTION challenge_competition(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION challenge_competition(bigint, text) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION end_challenge(challenge_id bigint, how text, why text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  of_competition CONSTANT bigint := (SELECT x.competition_id FROM competition_challenge x WHERE x.id = challenge_id);
  others bigint;
BEGIN
  PERFORM FROM competition c WHERE c.id = of_competition FOR NO KEY UPDATE;
  PERFORM check_given(nullif(btrim(why), '') IS NOT NULL, 'reason', 'Say why: everybody reads it.');
  UPDATE competition_challenge x SET decision = how, decision_reason = why, decided_at = clock_timestamp(), decided_by = session_role()
  WHERE x.id = challenge_id AND x.decision IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'challenge % %', coalesce(challenge_id::text, 'NULL'), CASE WHEN of_competition IS NULL THEN 'does not exist' ELSE 'is decided already' END
      USING ERRCODE = 'MX205', HINT = 'See table competition_challenge: those with decision NULL are open.';
  END IF;
  SELECT count(*) INTO others FROM competition_challenge x WHERE x.competition_id = of_competition AND x.decision IS NULL;
  IF how = 'upheld' THEN
    -- the awards end, all bids stand as when the gate closed, and what else was challenged is so of awards that are no more
    UPDATE competition_challenge x SET decision = 'upheld', decision_reason = format('with challenge %s', challenge_id), decided_at = clock_timestamp(), decided_by = session_role()
    WHERE x.competition_id = of_competition AND x.decision IS NULL;
    UPDATE award a SET status = 'terminated' FROM bid b WHERE b.id = a.bid_id AND b.competition_id = of_competition AND a.status IN ('awarded', 'held');
    UPDATE bid b SET status = 'submitted' WHERE b.competition_id = of_competition AND b.status IN ('awarded', 'lapsed');
    PERFORM take_competition_step(of_competition, 'closed', format('challenge %s upheld: %s', challenge_id, why));
  ELSIF others = 0 THEN
    PERFORM take_competition_step(of_competition, 'awarded', format('challenge %s %s: %s', challenge_id, how, why));
  END IF;
END
$function$;
COMMENT ON FUNCTION end_challenge(bigint, text, text) IS 'writes how a challenge ended and what follows; error MX205 where it is not open';
REVOKE ALL ON FUNCTION end_challenge(bigint, text, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION decide_challenge(challenge_id bigint, upheld boolean, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'challenge % is not yours to decide', coalesce(challenge_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'The operator of the exchange decides: neither the buyer nor a bidder judges its own case.';
  END IF;
  PERFORM check_given(upheld IS NOT NULL, 'upheld', 'true upholds the challenge, false dismisses it.');
  PERFORM end_challenge(challenge_id, CASE WHEN upheld THEN 'upheld' ELSE 'dismissed' END, reason);
END
$function$;
COMMENT ON FUNCTION decide_challenge(bigint, boolean, text) IS
  'upholds a challenge (awards end, and the competition is cleared anew) or dismisses it (once none is open the awards stand), with a reason; by the operator of the exchange; errors 42501, MX205; SECURITY DEFINER because nobody writes competition_challenge itself';
REVOKE ALL ON FUNCTION decide_challenge(bigint, boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION decide_challenge(bigint, boolean, text) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION withdraw_challenge(challenge_id bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT EXISTS (SELECT FROM competition_challenge x WHERE x.id = challenge_id AND x.challenger_id = current_participant()) THEN
    RAISE EXCEPTION 'challenge % is not yours to withdraw', coalesce(challenge_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Who made a challenge can withdraw it.';
  END IF;
  PERFORM end_challenge(challenge_id, 'withdrawn', reason);
END
$function$;
COMMENT ON FUNCTION withdraw_challenge(bigint, text) IS
  'takes a challenge back, by whoever made it; errors 42501, MX205; SECURITY DEFINER because nobody writes competition_challenge itself';
REVOKE ALL ON FUNCTION withdraw_challenge(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_challenge(bigint, text) TO flexexchange_participant;
