-- archetype: medium
-- Sealed bids: before the gate closes a bid is its bidder's, and not the operator's either.
--
-- The regulator reads everything; what it reads of the log by export_case() is logged.

CREATE OR REPLACE FUNCTION sealed_competition_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.id FROM competition c WHERE c.gate_closes_at > now();
END;
COMMENT ON FUNCTION sealed_competition_ids() IS 'the competitions of which the gate has not closed: their bids are sealed';
REVOKE ALL ON FUNCTION sealed_competition_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sealed_competition_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

DROP POLICY IF EXISTS bid_sealed ON bid;
CREATE POLICY bid_sealed ON bid AS RESTRICTIVE TO flexexchange_operator
  USING (competition_id IS NULL OR competition_id <> ALL (ARRAY(SELECT sealed_competition_ids()))) WITH CHECK (true);
COMMENT ON POLICY bid_sealed ON bid IS 'BID-OP-1: the operator reads and changes a bid once the gate has closed';
DROP POLICY IF EXISTS commitment_sealed ON commitment;
CREATE POLICY commitment_sealed ON commitment AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (stage <> 'bid' OR EXISTS (SELECT FROM bid b WHERE b.id = source_id));
COMMENT ON POLICY commitment_sealed ON commitment IS 'BID-OP-2: the book does not tell the operator of a sealed bid';
DROP POLICY IF EXISTS conflict_sealed ON conflict;
CREATE POLICY conflict_sealed ON conflict AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (EXISTS (SELECT FROM commitment c WHERE c.id = challenger_id) AND (incumbent_id IS NULL OR EXISTS (SELECT FROM commitment c WHERE c.id = incumbent_id)));
COMMENT ON POLICY conflict_sealed ON conflict IS 'BID-OP-4: no finding tells the operator of a sealed bid';
DROP POLICY IF EXISTS hold_sealed ON hold;
CREATE POLICY hold_sealed ON hold AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (stage <> 'bid' OR EXISTS (SELECT FROM bid b WHERE b.id = trade_id));
COMMENT ON POLICY hold_sealed ON hold IS 'BID-OP-5: no hold tells the operator of a sealed bid';
DROP POLICY IF EXISTS notification_sealed ON notification;
CREATE POLICY notification_sealed ON notification AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (conflict_id IS NULL OR EXISTS (SELECT FROM conflict f WHERE f.id = conflict_id));
COMMENT ON POLICY notification_sealed ON notification IS 'BID-OP-6: no notification tells the operator of a sealed bid';
DROP POLICY IF EXISTS stale_day_sealed ON stale_day;
CREATE POLICY stale_day_sealed ON stale_day AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (competition_id IS NULL OR competition_id <> ALL (ARRAY(SELECT sealed_competition_ids())));
COMMENT ON POLICY stale_day_sealed ON stale_day IS 'BID-OP-7: no day that changed tells the operator of a sealed bid';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link', 'requirement_reserve'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_sealed ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_sealed ON %1$I AS RESTRICTIVE TO flexexchange_operator
      USING (competition_id <> ALL (ARRAY(SELECT sealed_competition_ids()))) WITH CHECK (true)', name);
    EXECUTE format('COMMENT ON POLICY %1$s_sealed ON %1$I IS ''BID-OP-8: the operator reads and changes what a bid says, and reserve prices, once the gate has closed''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS event_log_sealed ON event_log;
CREATE POLICY event_log_sealed ON event_log AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (CASE table_name WHEN 'bid' THEN EXISTS (SELECT FROM bid b WHERE b.id = row_key::bigint)
                         WHEN 'hold' THEN EXISTS (SELECT FROM hold h WHERE h.id = row_key::bigint)
                         WHEN 'conflict' THEN EXISTS (SELECT FROM conflict f WHERE f.id = row_key::bigint)
                         ELSE table_name NOT IN ('bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link', 'requirement_reserve')
                              -- gone or not: by the competition that stands in it
                              OR coalesce((coalesce(after, before)::jsonb ->> 'competition_id')::bigint <> ALL (ARRAY(SELECT sealed_competition_ids())), false) END);
COMMENT ON POLICY event_log_sealed ON event_log IS 'BID-OP-3: the log does not tell the operator of a sealed bid';
DROP POLICY IF EXISTS event_log_read_bought ON event_log;
CREATE POLICY event_log_read_bought ON event_log FOR SELECT TO flexexchange_participant
  USING (participant_id = (SELECT current_participant()) AND table_name IN ('award', 'availability', 'dispatch')
         AND (coalesce(after, before)::jsonb ->> 'product_id')::bigint = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY event_log_read_bought ON event_log IS 'LOG-4: a buyer reads the events that it made of what it bought';

-- A gate that is moved opens what was sealed until then.
CREATE OR REPLACE FUNCTION keep_gate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- the owner of the exchange reads them in any case; to whoever else it does not tell whether there are any
  IF NEW.gate_closes_at < OLD.gate_closes_at AND OLD.gate_closes_at > now() AND OLD.source IS NULL
     AND NOT pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE')
     AND (OLD.gate_opens_at <= clock_timestamp() OR EXISTS (SELECT FROM bid b WHERE b.competition_id = OLD.id)) THEN
    RAISE EXCEPTION 'bids of competition % are sealed until %', OLD.id, OLD.gate_closes_at
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A gate that has opened may be put off, and does not come forward.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_gate() IS 'trigger: a gate that has opened does not come forward, whether or not there are bids; SECURITY DEFINER because they are hidden from whoever moves it';
REVOKE ALL ON FUNCTION keep_gate() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_gate_is_kept BEFORE UPDATE OF gate_closes_at ON competition FOR EACH ROW EXECUTE FUNCTION keep_gate();
COMMENT ON TRIGGER t10_gate_is_kept ON competition IS 'bids are sealed as long as was said';
