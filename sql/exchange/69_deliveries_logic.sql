-- archetype: medium
-- Deliveries: recording them, and who reads them.

SELECT protect_table('delivery');
-- rows are superseded by later ones, and neither changed nor deleted
REVOKE UPDATE, DELETE ON delivery FROM flexexchange_operator;
-- product, provider and unit are taken from the trade, whatever is said of them
GRANT SELECT, INSERT (dispatch_id, availability_id, product_id, service_provider_id, unit_id, delivery_window, requested_kwh, delivered_kwh, error, source, evidence) ON delivery TO flexexchange_participant;
DROP POLICY IF EXISTS delivery_read_own ON delivery;
CREATE POLICY delivery_read_own ON delivery FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY delivery_read_own ON delivery IS 'DELIV-SP-1: a provider reads what it delivered';
DROP POLICY IF EXISTS delivery_read_bought ON delivery;
CREATE POLICY delivery_read_bought ON delivery FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY delivery_read_bought ON delivery IS 'DELIV-MO-1: a buyer reads what was delivered of its products';
DROP POLICY IF EXISTS delivery_insert_bought ON delivery;
CREATE POLICY delivery_insert_bought ON delivery FOR INSERT TO flexexchange_participant
  WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())) AND source IS DISTINCT FROM 'dispute');
COMMENT ON POLICY delivery_insert_bought ON delivery IS 'DELIV-MO-2: a buyer records what was delivered of its products; what was decided in a dispute the exchange records';

-- the plan is kept from row to row: made for a table that is empty at first, it would read all that has been written since
CREATE OR REPLACE FUNCTION supersede_delivery() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
SET enable_seqscan = off
AS $function$
DECLARE
  trade record;
BEGIN
  IF NEW.dispatch_id IS NOT NULL THEN
    SELECT d.product_id, d.service_provider_id, d.unit_id, d.delivery_window INTO trade FROM dispatch d WHERE d.id = NEW.dispatch_id;
  ELSE
    SELECT v.product_id, v.service_provider_id, v.unit_id, v.delivery_window INTO trade FROM availability v WHERE v.id = NEW.availability_id;
  END IF;
  -- whose it is, the trade says; others' and one that is not there are refused alike
  IF trade.product_id IS NULL OR NOT (acts_for_exchange() OR trade.product_id = ANY (ARRAY(SELECT own_product_ids())) OR pg_has_role(session_role(), (SELECT c.relowner FROM pg_class c WHERE c.oid = TG_RELID), 'MEMBER')) THEN
    RAISE EXCEPTION '% % is unknown in this exchange', CASE WHEN NEW.dispatch_id IS NULL THEN 'availability' ELSE 'dispatch' END, coalesce(NEW.dispatch_id, NEW.availability_id)
      USING ERRCODE = 'MX201', HINT = 'Record the trade first; a buyer records what was delivered of its own products.';
  END IF;
  IF NOT NEW.delivery_window <@ trade.delivery_window THEN
    RAISE EXCEPTION 'delivery.delivery_window % lies not within that of the trade, %', NEW.delivery_window, trade.delivery_window
      USING ERRCODE = 'check_violation', COLUMN = 'delivery_window', HINT = 'A delivery is of its trade''s window or a part of it.';
  END IF;
  NEW.product_id := trade.product_id;
  NEW.service_provider_id := trade.service_provider_id;
  NEW.unit_id := trade.unit_id;
  NEW.recorded_at := now();
  NEW.superseded_at := NULL;
  UPDATE delivery d SET superseded_at = clock_timestamp()
  WHERE d.superseded_at IS NULL AND resource_window(d.trade_id, d.delivery_window) && resource_window(coalesce(NEW.dispatch_id, NEW.availability_id), NEW.delivery_window)
    -- and what reaches beyond a trade that was cut since
    AND (d.delivery_window = NEW.delivery_window OR NOT d.delivery_window <@ trade.delivery_window);
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION supersede_delivery() IS
  'trigger: takes product, provider and unit from the trade, and supersedes what was said of the same period before, or of more of it than the trade still has; errors MX201, 23514; SECURITY DEFINER because nobody changes a delivery, and the caller is checked';
REVOKE ALL ON FUNCTION supersede_delivery() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_supersede BEFORE INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION supersede_delivery();
COMMENT ON TRIGGER t10_supersede ON delivery IS 'what is said of a period again takes the place of what was said before';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF dispatch_id, availability_id, product_id, service_provider_id, unit_id, delivery_window, requested_kwh, delivered_kwh, error, source, evidence, recorded_at ON delivery
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Insert what is known now: it supersedes the row.');
COMMENT ON TRIGGER t10_is_kept ON delivery IS 'settlements rest on deliveries as they were recorded';
CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON delivery
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('rows', 'Settlements rest on deliveries.');
COMMENT ON TRIGGER t10_no_truncate ON delivery IS 'history is not truncated';

CREATE OR REPLACE FUNCTION record_requested_deliveries(market_id bigint, within time_window, source text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  made bigint;
BEGIN
  INSERT INTO delivery (dispatch_id, availability_id, delivery_window, requested_kwh, source, evidence)
  SELECT t.dispatch_id, t.availability_id, t.delivery_window, t.power_kw * extract(epoch FROM upper(t.delivery_window) - lower(t.delivery_window)) / 3600, record_requested_deliveries.source, 'requested'
  FROM (SELECT d.id AS dispatch_id, NULL::bigint AS availability_id, d.product_id, d.power_kw, d.delivery_window FROM dispatch d WHERE d.live
        UNION ALL SELECT NULL, v.id, v.product_id, v.power_kw, v.delivery_window FROM availability v WHERE v.live) t
  JOIN product p ON p.id = t.product_id
  WHERE p.market_id = record_requested_deliveries.market_id AND lower(t.delivery_window) >= lower(within) AND lower(t.delivery_window) < upper(within) AND isfinite(upper(t.delivery_window))
    AND NOT EXISTS (SELECT FROM delivery x WHERE x.trade_id = coalesce(t.dispatch_id, t.availability_id) AND x.superseded_at IS NULL
                    AND resource_window(x.trade_id, x.delivery_window) && resource_window(coalesce(t.dispatch_id, t.availability_id), t.delivery_window)
                    -- what was recorded so before the trade was cut, or had another power, is recorded again
                    AND x.delivery_window <@ t.delivery_window
                    AND NOT (x.evidence IS NOT DISTINCT FROM 'requested' AND x.delivery_window = t.delivery_window
                             AND x.requested_kwh <> round(t.power_kw * extract(epoch FROM upper(t.delivery_window) - lower(t.delivery_window)) / 3600, 6)))
  ORDER BY coalesce(t.dispatch_id, t.availability_id);
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION record_requested_deliveries(bigint, time_window, text) IS
  'one delivery for each live dispatch and availability of a market that begins in a window and has none, or one that was made here before its window was cut or its power changed: requested as its power times its time, delivered not known; for markets that pay by request; returns how many';
REVOKE ALL ON FUNCTION record_requested_deliveries(bigint, time_window, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION record_requested_deliveries(bigint, time_window, text) TO flexexchange_operator, flexexchange_participant;
