-- archetype: thin
-- Needs: who reads and writes them, and what happens when one is published.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['need', 'need_window']) t;
SELECT protect_table('service_offer', ARRAY['flexexchange_participant', 'flexexchange_analyst']);

GRANT SELECT ON need, need_window TO flexexchange_participant, flexexchange_analyst;
GRANT INSERT (market_operator_id, service_code, product_id, name, description, grid_node_id, latitude, longitude, direction, power_kw, delivery_window, notice,
              guide_price_per_mwh, guide_availability_price_per_mw_h, status, respond_by),
      UPDATE (product_id, name, description, grid_node_id, latitude, longitude, power_kw, delivery_window, notice,
              guide_price_per_mwh, guide_availability_price_per_mw_h, status, respond_by), DELETE ON need TO flexexchange_participant;
GRANT INSERT, UPDATE, DELETE ON need_window TO flexexchange_participant;
GRANT INSERT (service_provider_id, service_code, grid_node_id, latitude, longitude, direction, power_kw, valid),
      UPDATE (grid_node_id, latitude, longitude, direction, power_kw, valid), DELETE ON service_offer TO flexexchange_participant;

DROP POLICY IF EXISTS need_read ON need;
CREATE POLICY need_read ON need FOR SELECT TO flexexchange_participant, flexexchange_analyst
  USING (status <> 'draft' OR market_operator_id = (SELECT current_participant()));
COMMENT ON POLICY need_read ON need IS 'NEED-1: whoever takes part reads what was published, its operator its drafts too';
DROP POLICY IF EXISTS need_insert_own ON need;
CREATE POLICY need_insert_own ON need FOR INSERT TO flexexchange_participant
  WITH CHECK (market_operator_id = (SELECT current_participant()) AND (SELECT current_participant_is('market_operator')));
COMMENT ON POLICY need_insert_own ON need IS 'NEED-2: a market operator states needs of its own';
DROP POLICY IF EXISTS need_update_own ON need;
CREATE POLICY need_update_own ON need FOR UPDATE TO flexexchange_participant
  USING (market_operator_id = (SELECT current_participant())) WITH CHECK (market_operator_id = (SELECT current_participant()));
COMMENT ON POLICY need_update_own ON need IS 'NEED-3: a market operator changes needs of its own';
DROP POLICY IF EXISTS need_delete_draft ON need;
CREATE POLICY need_delete_draft ON need FOR DELETE TO flexexchange_participant
  USING (market_operator_id = (SELECT current_participant()) AND status = 'draft');
COMMENT ON POLICY need_delete_draft ON need IS 'NEED-4: a draft may go without a trace, what was published is withdrawn';
DROP POLICY IF EXISTS need_window_read ON need_window;
CREATE POLICY need_window_read ON need_window FOR SELECT TO flexexchange_participant, flexexchange_analyst
  USING (EXISTS (SELECT FROM need n WHERE n.id = need_id));
COMMENT ON POLICY need_window_read ON need_window IS 'NEED-5: whoever reads a need reads its windows';
DROP POLICY IF EXISTS need_window_own ON need_window;
CREATE POLICY need_window_own ON need_window TO flexexchange_participant
  USING (EXISTS (SELECT FROM need n WHERE n.id = need_id AND n.market_operator_id = (SELECT current_participant())))
  WITH CHECK (EXISTS (SELECT FROM need n WHERE n.id = need_id AND n.market_operator_id = (SELECT current_participant())));
COMMENT ON POLICY need_window_own ON need_window IS 'NEED-6: a market operator writes the windows of its needs';
DROP POLICY IF EXISTS service_offer_own ON service_offer;
CREATE POLICY service_offer_own ON service_offer TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())) WITH CHECK (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY service_offer_own ON service_offer IS 'NEED-7: a provider says what it serves itself';

CREATE OR REPLACE FUNCTION stamp_need() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NEW.product_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM product p JOIN market m ON m.id = p.market_id
    WHERE p.id = NEW.product_id AND p.service_code = NEW.service_code AND m.market_operator_id = NEW.market_operator_id) THEN
    RAISE EXCEPTION 'need.product_id % is not a product of participant % for service %', NEW.product_id, NEW.market_operator_id, NEW.service_code
      USING ERRCODE = 'check_violation', COLUMN = 'product_id', HINT = 'Name one of its own products of that service, or none.';
  END IF;
  IF NEW.status = 'published' THEN
    NEW.published_at := coalesce(NEW.published_at, now());
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_need() IS 'trigger: a need names a product of its own, and keeps when it was published first';
REVOKE ALL ON FUNCTION stamp_need() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON need
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > draft published', 'draft > published', 'published > met withdrawn expired');
COMMENT ON TRIGGER t10_status ON need IS 'what was published does not become a draft again';
CREATE OR REPLACE TRIGGER t20_stamp BEFORE INSERT OR UPDATE ON need
  FOR EACH ROW EXECUTE FUNCTION stamp_need();
COMMENT ON TRIGGER t20_stamp ON need IS 'the product fits, and the first publication is kept';
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF mrid, market_operator_id, service_code, direction ON need
  FOR EACH ROW WHEN ((OLD.mrid, OLD.market_operator_id, OLD.service_code, OLD.direction)
                     IS DISTINCT FROM (NEW.mrid, NEW.market_operator_id, NEW.service_code, NEW.direction))
  EXECUTE FUNCTION refuse_change('mrid, market_operator_id, service_code and direction', 'Withdraw the need and state another.');
COMMENT ON TRIGGER t10_terms_are_kept ON need IS 'who needs which service in which direction is what a need is';
