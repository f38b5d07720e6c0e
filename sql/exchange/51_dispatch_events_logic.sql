-- archetype: medium
-- Dispatch events: kept as the status changes, read by whoever reads the dispatch.

SELECT protect_table('dispatch_event');
REVOKE INSERT, UPDATE, DELETE ON dispatch_event FROM flexexchange_operator;
GRANT SELECT ON dispatch_event TO flexexchange_participant;
DROP POLICY IF EXISTS dispatch_event_read ON dispatch_event;
CREATE POLICY dispatch_event_read ON dispatch_event FOR SELECT TO flexexchange_participant
  USING (dispatch_id IN (SELECT d.id FROM dispatch d));
COMMENT ON POLICY dispatch_event_read ON dispatch_event IS 'DISP-1: whoever reads a dispatch reads what became of it';

CREATE OR REPLACE FUNCTION record_dispatch_events() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    -- what another platform did happened before it came here; what a trigger has taken back did not happen
    INSERT INTO dispatch_event (dispatch_id, status) SELECT a.id, a.status FROM after a JOIN dispatch d USING (id) WHERE a.source IS NULL;
  ELSE
    INSERT INTO dispatch_event (dispatch_id, status) SELECT a.id, a.status FROM after a JOIN before b USING (id) JOIN dispatch d USING (id) WHERE a.status <> b.status;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_dispatch_events() IS 'trigger: keeps when a dispatch took each status; SECURITY DEFINER because nobody writes dispatch_event itself';
REVOKE ALL ON FUNCTION record_dispatch_events() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_events_insert AFTER INSERT ON dispatch REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_dispatch_events();
COMMENT ON TRIGGER t20_events_insert ON dispatch IS 'keeps when it was instructed';
CREATE OR REPLACE TRIGGER t20_events_update AFTER UPDATE ON dispatch REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_dispatch_events();
COMMENT ON TRIGGER t20_events_update ON dispatch IS 'keeps when it took another status';
