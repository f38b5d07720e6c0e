-- archetype: medium
-- Who is told what becomes of a competition: those who bid in it, and its buyer.

CREATE OR REPLACE FUNCTION tell_of_competition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  -- as it is at commit, with its reason
  why CONSTANT text := (SELECT s.reason FROM competition_step s WHERE s.id = NEW.id);
BEGIN
  -- that a gate opens and closes was announced, and what is being cleared is nobody's yet
  IF NEW.status NOT IN ('awarded', 'challenged', 'closed', 'final', 'cancelled') OR NEW.status = 'closed' AND why IS NULL
     OR (SELECT c.source IS NOT NULL FROM competition c WHERE c.id = NEW.competition_id) THEN
    RETURN NULL;
  END IF;
  INSERT INTO notification (participant_id, event, competition_id, message, content)
  SELECT reader.id, 'competition_' || NEW.status, c.id, format('Competition "%s" is %s%s.', c.name, NEW.status, coalesce(': ' || why, '')),
         jsonb_strip_nulls(jsonb_build_object('event', 'competition_' || NEW.status, 'competition_id', c.id, 'status', NEW.status, 'since', NEW.since, 'reason', why,
                                              'challenge_ends_at', CASE WHEN NEW.status = 'awarded' THEN challenge_ends_at(c.id) END))
  FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id
  CROSS JOIN LATERAL (SELECT m.market_operator_id AS id UNION SELECT b.service_provider_id FROM bid b WHERE b.competition_id = c.id AND b.status <> 'withdrawn') reader
  WHERE c.id = NEW.competition_id ORDER BY reader.id;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_competition() IS
  'constraint trigger, at commit: tells the bidders and the buyer that a competition is awarded, challenged, to be cleared anew, final or cancelled, and why; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_competition() FROM PUBLIC;
DROP TRIGGER IF EXISTS t60_tell ON competition_step;
CREATE CONSTRAINT TRIGGER t60_tell AFTER INSERT ON competition_step DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_competition();
COMMENT ON TRIGGER t60_tell ON competition_step IS 'tells bidders and buyer';

-- who is told of a competition that was cancelled while it was open bid in it
DROP POLICY IF EXISTS notification_of_competition_sealed ON notification;
CREATE POLICY notification_of_competition_sealed ON notification AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (competition_id IS NULL OR EXISTS (SELECT FROM competition c WHERE c.id = competition_id AND c.gate_closes_at <= now()));
COMMENT ON POLICY notification_of_competition_sealed ON notification IS 'BID-OP-9: no notification tells the operator who bid before the gate has closed';
