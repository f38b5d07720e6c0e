-- archetype: medium
-- Holds: how they come about and how they end.
--
-- The engine calls carry_out_action() when the ruleset wants more than notice of
-- what it found on a trade that was just posted, and release_holds() when
-- something changed on a unit.  People call agree_to_hold() and resolve_hold().

CREATE OR REPLACE FUNCTION set_trade_status(stage text, trade_id bigint, new_status text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
BEGIN
  CASE stage
    WHEN 'bid' THEN UPDATE bid SET status = new_status WHERE id = trade_id;
    WHEN 'award' THEN UPDATE award SET status = new_status WHERE id = trade_id;
    WHEN 'availability' THEN UPDATE availability SET status = new_status WHERE id = trade_id;
    WHEN 'dispatch' THEN UPDATE dispatch SET status = new_status WHERE id = trade_id;
  END CASE;
END
$function$;
COMMENT ON FUNCTION set_trade_status(text, bigint, text) IS 'gives a trade another status, whichever of the four tables it is in';
REVOKE ALL ON FUNCTION set_trade_status(text, bigint, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION trade_status(stage text, trade_id bigint) RETURNS text
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  SELECT CASE stage WHEN 'bid' THEN (SELECT status FROM bid WHERE id = trade_id)
                    WHEN 'award' THEN (SELECT status FROM award WHERE id = trade_id)
                    WHEN 'availability' THEN (SELECT status FROM availability WHERE id = trade_id)
                    WHEN 'dispatch' THEN (SELECT status FROM dispatch WHERE id = trade_id) END
$function$;
COMMENT ON FUNCTION trade_status(text, bigint) IS 'the status of a trade, whichever of the four tables it is in';
REVOKE ALL ON FUNCTION trade_status(text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION carry_out_action(posted_id bigint, action text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  posted commitment;
  former text;
  conflicts bigint[];
  concerned bigint[];
BEGIN
  SELECT * INTO STRICT posted FROM commitment WHERE id = posted_id;
  SELECT array_agg(k.id ORDER BY k.id) INTO conflicts FROM conflict k
  WHERE k.challenger_id = posted.id AND k.action <> 'notify' AND k.closed_at IS NULL;
  -- it was decided before that the trade stands on these terms
  IF EXISTS (SELECT FROM hold h
             WHERE h.trade_id = posted.source_id AND h.stage = posted.stage AND h.resolution = 'accepted' AND h.unit_id = posted.unit_id
               AND h.direction = posted.direction AND h.power_kw >= posted.power_kw AND h.delivery_window @> posted.delivery_window) THEN
    UPDATE conflict SET action = 'notify' WHERE id = ANY (conflicts);
    RETURN;
  END IF;

  former := trade_status(posted.stage, posted.source_id);
  SELECT array_agg(DISTINCT party.id ORDER BY party.id) INTO concerned FROM (
    SELECT posted.market_operator_id AS id
    UNION ALL SELECT i.market_operator_id FROM conflict k JOIN commitment i ON i.id = k.incumbent_id WHERE k.id = ANY (conflicts)
    UNION ALL SELECT e.market_operator_id FROM conflict k JOIN exclusivity e ON e.id = k.exclusivity_id WHERE k.id = ANY (conflicts)
    UNION ALL SELECT c.market_operator_id FROM conflict k CROSS JOIN jsonb_array_elements(k.rationale -> 'headroom' -> 'set') m
              JOIN commitment c ON c.id = (m ->> 'commitment_id')::bigint WHERE k.id = ANY (conflicts)) party;
  PERFORM set_trade_status(posted.stage, posted.source_id, CASE action WHEN 'hold' THEN 'held' ELSE 'rejected' END);
  IF action = 'hold' THEN
    INSERT INTO hold (stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window)
    VALUES (posted.stage, posted.source_id, posted.unit_id, posted.service_provider_id, posted.market_operator_id, concerned, conflicts, former,
            posted.direction, posted.power_kw, posted.delivery_window);
  END IF;
END
$function$;
COMMENT ON FUNCTION carry_out_action(bigint, text) IS
  'called by the engine: holds or rejects the trade of a commitment that was just posted and conflicts, unless it was accepted before on these terms';
REVOKE ALL ON FUNCTION carry_out_action(bigint, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION tell_of_hold(waited hold) RETURNS void
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  INSERT INTO notification (participant_id, event, conflict_id, message, content)
  SELECT p.id, 'hold_resolved', waited.conflict_ids[1],
         format('The %s %s that was held %s: %s.', waited.stage, waited.trade_id,
                CASE waited.resolution WHEN 'accepted' THEN 'stands' WHEN 'released' THEN 'stands' WHEN 'rejected' THEN 'is rejected'
                                       WHEN 'resubmitted' THEN 'was submitted anew' ELSE 'was withdrawn' END, waited.reason),
         jsonb_strip_nulls(jsonb_build_object('event', 'hold_resolved', 'hold_id', waited.id, 'stage', waited.stage, 'trade_id', waited.trade_id,
                                              'resolution', waited.resolution, 'decided_by', waited.decided_by, 'reason', waited.reason,
                                              'prevailing', (SELECT name FROM participant WHERE id = waited.prevailing_id)))
  FROM (SELECT waited.service_provider_id AS id
        -- before its gate closes only the bidder knows of a bid
        UNION SELECT unnest(waited.concerned_ids)
        WHERE waited.stage <> 'bid' OR EXISTS (SELECT FROM bid b JOIN competition c ON c.id = b.competition_id
                                               WHERE b.id = waited.trade_id AND c.gate_closes_at <= now())) p
  ORDER BY p.id
$function$;
COMMENT ON FUNCTION tell_of_hold(hold) IS 'tells the seller and, once they may know of the trade, the buyers concerned how a hold ended';
REVOKE ALL ON FUNCTION tell_of_hold(hold) FROM PUBLIC;

CREATE OR REPLACE FUNCTION end_hold(hold_id bigint, how text, who text, why text, prevailing bigint DEFAULT NULL) RETURNS hold
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  waited hold;
BEGIN
  UPDATE hold h SET resolution = how, decided_by = who, reason = why, prevailing_id = prevailing, resolved_by = session_role(), resolved_at = clock_timestamp()
  WHERE h.id = hold_id AND h.resolved_at IS NULL
  RETURNING * INTO waited;
  IF waited.id IS NULL THEN
    RAISE EXCEPTION 'hold % %', hold_id, CASE WHEN EXISTS (SELECT FROM hold h WHERE h.id = hold_id) THEN 'is resolved already' ELSE 'does not exist' END
      USING ERRCODE = 'MX302', HINT = 'See table hold: those with resolved_at NULL wait.';
  END IF;
  PERFORM tell_of_hold(waited);
  RETURN waited;
END
$function$;
COMMENT ON FUNCTION end_hold(bigint, text, text, text, bigint) IS 'writes how a hold ended and tells of it; error MX302 where it does not wait';
REVOKE ALL ON FUNCTION end_hold(bigint, text, text, text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION release_holds(unit bigint) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting hold;
BEGIN
  FOR waiting IN SELECT * FROM hold WHERE unit_id = unit AND resolved_at IS NULL AND upper(delivery_window) > now() ORDER BY id LOOP
    -- another session, that freed a connected unit, may have let it try meanwhile
    PERFORM FROM hold h WHERE h.id = waiting.id AND h.resolved_at IS NULL FOR UPDATE;
    CONTINUE WHEN NOT FOUND;
    BEGIN
      PERFORM end_hold(waiting.id, 'released', 'exchange', 'nothing stands in its way any more');
      PERFORM set_trade_status(waiting.stage, waiting.trade_id, waiting.former_status);
      IF trade_status(waiting.stage, waiting.trade_id) IS DISTINCT FROM waiting.former_status THEN
        RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
      END IF;
    EXCEPTION WHEN triggered_action_exception THEN
      NULL;  -- it still conflicts: as if it had not been tried
    END;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION release_holds(bigint) IS
  'called by the engine when something changed on a unit: lets the trades held on it try again, the longest waiting first, and leaves those that still conflict or whose delivery has ended';
REVOKE ALL ON FUNCTION release_holds(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION accept_hold(hold_id bigint, who text, why text, prevailing bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  waited hold;
BEGIN
  waited := end_hold(hold_id, 'accepted', who, why, coalesce(prevailing, (SELECT h.market_operator_id FROM hold h WHERE h.id = hold_id)));
  PERFORM set_trade_status(waited.stage, waited.trade_id, waited.former_status);
END
$function$;
COMMENT ON FUNCTION accept_hold(bigint, text, text, bigint) IS 'lets a held trade stand although it conflicts';
REVOKE ALL ON FUNCTION accept_hold(bigint, text, text, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION resolve_hold(hold_id bigint, resolution text, reason text, prevailing_id bigint DEFAULT NULL) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waited hold;
BEGIN
  IF reason IS NULL OR btrim(reason) = '' THEN
    RAISE EXCEPTION 'resolve_hold.reason is missing'
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Say why: the parties are told.';
  END IF;
  IF resolution = 'accepted' THEN
    PERFORM accept_hold(hold_id, 'operator', reason, prevailing_id);
  ELSIF resolution = 'rejected' THEN
    waited := end_hold(hold_id, 'rejected', 'operator', reason, prevailing_id);
    PERFORM set_trade_status(waited.stage, waited.trade_id, 'rejected');
  ELSE
    RAISE EXCEPTION 'resolve_hold.resolution is not a known code: "%"', resolution
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Known: accepted, rejected.';
  END IF;
END
$function$;
COMMENT ON FUNCTION resolve_hold(bigint, text, text, bigint) IS
  'the operator of the exchange decides on a held trade: accepted (it stands although it conflicts) or rejected, with the reason and who prevails (its own buyer, unless said, when accepted); errors MX302, 22004, 22023; SECURITY DEFINER because it changes trades of others';
REVOKE ALL ON FUNCTION resolve_hold(bigint, text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_hold(bigint, text, text, bigint) TO flexexchange_operator;

CREATE OR REPLACE FUNCTION agree_to_hold(hold_id bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting hold;
  agreed text;
BEGIN
  SELECT * INTO waiting FROM hold h WHERE h.id = hold_id AND h.resolved_at IS NULL
    AND current_participant() = ANY (h.concerned_ids)
    AND (h.stage <> 'bid' OR EXISTS (SELECT FROM bid b JOIN competition c ON c.id = b.competition_id WHERE b.id = h.trade_id AND c.gate_closes_at <= now()))
  FOR UPDATE;
  IF waiting.id IS NULL THEN
    RAISE EXCEPTION 'hold % does not wait for you', hold_id
      USING ERRCODE = 'MX302', HINT = 'The buyers concerned agree, of bids once their gate has closed: see table hold.';
  END IF;
  INSERT INTO hold_agreement VALUES (waiting.id, current_participant()) ON CONFLICT DO NOTHING;
  IF EXISTS (SELECT FROM unnest(waiting.concerned_ids) c (id)
             WHERE NOT EXISTS (SELECT FROM hold_agreement a WHERE a.hold_id = waiting.id AND a.participant_id = c.id)) THEN
    RETURN false;
  END IF;
  SELECT string_agg(p.name, ', ' ORDER BY p.name) INTO agreed FROM participant p WHERE p.id = ANY (waiting.concerned_ids);
  PERFORM accept_hold(waiting.id, 'agreement', 'agreed by ' || agreed);
  RETURN true;
END
$function$;
COMMENT ON FUNCTION agree_to_hold(bigint) IS
  'a buyer concerned agrees that a held trade stands; true when all have, and then it does; error MX302 where it does not wait for the caller; SECURITY DEFINER because the last to agree lets a trade of another stand';
REVOKE ALL ON FUNCTION agree_to_hold(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION agree_to_hold(bigint) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION follow_held_trade() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  waiting bigint := (SELECT id FROM hold WHERE trade_id = OLD.id AND resolved_at IS NULL);
BEGIN
  IF waiting IS NULL THEN
    NULL;  -- it is being resolved, and this is how
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM end_hold(waiting, 'withdrawn', 'seller', 'it was deleted');
  ELSE
    -- nobody but the clock rejects what waits without deciding on it
    PERFORM end_hold(waiting, CASE WHEN NEW.live THEN 'resubmitted' WHEN NEW.status IN ('rejected', 'lapsed') THEN 'rejected' ELSE 'withdrawn' END,
                     CASE WHEN NEW.status IN ('rejected', 'lapsed') THEN 'exchange' ELSE 'seller' END, 'its status became ' || NEW.status);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION follow_held_trade() IS 'trigger: a trade that is no longer held has no open hold; SECURITY DEFINER because nobody writes holds themselves';
REVOKE ALL ON FUNCTION follow_held_trade() FROM PUBLIC;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid', 'award', 'availability', 'dispatch'] LOOP
    -- before the book's trigger: what that posts may be held anew
    EXECUTE format('CREATE OR REPLACE TRIGGER t40_held AFTER UPDATE OF status ON %I
      FOR EACH ROW WHEN (OLD.status = ''held'' AND NEW.status <> ''held'') EXECUTE FUNCTION follow_held_trade()', name);
    EXECUTE format('COMMENT ON TRIGGER t40_held ON %I IS ''a trade that is no longer held has no open hold''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t40_held_deleted AFTER DELETE ON %I
      FOR EACH ROW WHEN (OLD.status = ''held'') EXECUTE FUNCTION follow_held_trade()', name);
    EXECUTE format('COMMENT ON TRIGGER t40_held_deleted ON %I IS ''nor does one that is gone''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['hold', 'hold_agreement'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Holds are resolved, never removed.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

SELECT protect_table('hold');
SELECT protect_table('hold_agreement');
REVOKE INSERT, UPDATE, DELETE ON hold, hold_agreement FROM flexexchange_operator;
GRANT SELECT ON hold, hold_agreement TO flexexchange_participant;
DROP POLICY IF EXISTS hold_read_own ON hold;
CREATE POLICY hold_read_own ON hold FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY hold_read_own ON hold IS 'HOLD-SP-1: a provider reads what of its own is held';
DROP POLICY IF EXISTS hold_read_concerned ON hold;
CREATE POLICY hold_read_concerned ON hold FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant()) = ANY (concerned_ids)
         AND (stage <> 'bid' OR trade_id IN (SELECT b.id FROM bid b WHERE b.competition_id IN (SELECT c.id FROM competition c WHERE c.gate_closes_at <= now()))));
COMMENT ON POLICY hold_read_concerned ON hold IS 'HOLD-MO-1: a buyer reads the holds that it can agree to; of bids it sees those that it may read, after their gate';
DROP POLICY IF EXISTS hold_agreement_read ON hold_agreement;
CREATE POLICY hold_agreement_read ON hold_agreement FOR SELECT TO flexexchange_participant
  USING (hold_id IN (SELECT h.id FROM hold h));
COMMENT ON POLICY hold_agreement_read ON hold_agreement IS 'HOLD-2: who reads a hold reads who agreed to it';
