-- archetype: thick
-- Verification: who reads and writes it, the arithmetic, and how what came out is explained.
--
-- verify() goes from dispatches to deliveries in steps, each a table that is gone when the transaction ends:
--
--   verify_dispatch -> verify_piece         a dispatch cut at settlement periods
--                   -> verify_asset         which assets count in which, and what share of the request is theirs
--                   -> verify_point         at which meter each is looked at, in which flow
--                   -> verify_meter, _step  the steps of each meter in each period, with their readings; gaps filled
--                   -> verify_event, _found the baselines, one call of event_baselines() for each method and flow
--                   -> verify_flow          baseline, meter and effect, by meter and flow
--                   -> verify_claim         what other dispatches asked of the same assets at the same time
--                   -> verify_point_piece   each meter's part, what is of others taken off
--                   -> verify_result        a delivery for each period, by the rule for what is missing
--
-- Every step is a join by key: time grows with steps and readings, not with their square.

-- ------------------------------------------------------------------ who reads and writes what

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['verification_terms', 'joint_use']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['baseline_choice', 'metering_point_supplier', 'verification', 'verification_baseline', 'verification_meter', 'imbalance_adjustment']) t;
-- written by verify() alone; terms are ended, not changed
REVOKE INSERT, UPDATE, DELETE ON verification, verification_baseline, verification_meter, imbalance_adjustment FROM flexexchange_operator;
REVOKE DELETE ON verification_terms, baseline_choice FROM flexexchange_operator;
GRANT SELECT ON verification, verification_baseline, verification_meter, imbalance_adjustment, baseline_choice, metering_point_supplier TO flexexchange_participant;
GRANT INSERT (product_id, valid, method_code, method_version, choices, flows, level, metered_at, reading_seconds, spread, missing_rule, missing_share, fill_steps, estimated_counts, below_zero, capped, adjusted,
              shared, imbalance_reason, imbalance_notice, availability_rule, source), UPDATE (valid) ON verification_terms TO flexexchange_participant;
GRANT INSERT (product_id, service_provider_id, asset_id, portfolio_id, method_code, method_version, valid), UPDATE (valid) ON baseline_choice TO flexexchange_participant;

DROP POLICY IF EXISTS verification_terms_insert_own ON verification_terms;
CREATE POLICY verification_terms_insert_own ON verification_terms FOR INSERT TO flexexchange_participant WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY verification_terms_insert_own ON verification_terms IS 'VERIFY-MO-1: a buyer says how deliveries of its products are verified';
DROP POLICY IF EXISTS verification_terms_update_own ON verification_terms;
CREATE POLICY verification_terms_update_own ON verification_terms FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY verification_terms_update_own ON verification_terms IS 'VERIFY-MO-2: a buyer ends how they were verified';

DROP POLICY IF EXISTS baseline_choice_own ON baseline_choice;
CREATE POLICY baseline_choice_own ON baseline_choice TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()))
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids())) AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY baseline_choice_own ON baseline_choice IS 'VERIFY-SP-1: a provider chooses the baselines of units of its own, of those that the terms allow, while the gate is open';
DROP POLICY IF EXISTS baseline_choice_read_bought ON baseline_choice;
CREATE POLICY baseline_choice_read_bought ON baseline_choice FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY baseline_choice_read_bought ON baseline_choice IS 'VERIFY-MO-3: a buyer reads which baselines were chosen under its products';
DROP POLICY IF EXISTS metering_point_supplier_read_own ON metering_point_supplier;
CREATE POLICY metering_point_supplier_read_own ON metering_point_supplier FOR SELECT TO flexexchange_participant USING (supplier_id = (SELECT current_participant()));
COMMENT ON POLICY metering_point_supplier_read_own ON metering_point_supplier IS 'VERIFY-SU-1: a supplier reads which metering points are registered as its own';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['verification', 'verification_baseline', 'verification_meter', 'imbalance_adjustment'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''VERIFY-SP-2: a provider reads what its deliveries follow from''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_bought ON %1$I FOR SELECT TO flexexchange_participant USING (product_id = ANY (ARRAY(SELECT own_product_ids())))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_bought ON %1$I IS ''VERIFY-MO-4: a buyer reads what deliveries of its products follow from''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''Verify again: what comes out otherwise is another delivery.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what a delivery follows from stays as it was''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What deliveries follow from is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF product_id, method_code, method_version, choices, flows, level, metered_at, reading_seconds, spread, missing_rule, missing_share, fill_steps, estimated_counts,
  below_zero, capped, adjusted, shared, imbalance_reason, imbalance_notice, availability_rule ON verification_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('terms', 'End them (valid) and write others.');
COMMENT ON TRIGGER t10_is_kept ON verification_terms IS 'what was verified by terms can be verified again';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF product_id, service_provider_id, asset_id, portfolio_id, method_code, method_version, chosen_at ON baseline_choice
  FOR EACH ROW EXECUTE FUNCTION refuse_change('choices', 'End it (valid) and choose again.');
COMMENT ON TRIGGER t10_is_kept ON baseline_choice IS 'what was verified by a choice can be verified again';

CREATE OR REPLACE FUNCTION keep_baseline_choice() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  the_market CONSTANT bigint := (SELECT p.market_id FROM product p WHERE p.id = NEW.product_id);
  -- the first delivery that it changes
  first timestamptz := lower(NEW.valid);
  closes timestamptz;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.valid = NEW.valid THEN
      RETURN NEW;
    END IF;
    first := CASE WHEN lower(OLD.valid) <> lower(NEW.valid) THEN least(lower(OLD.valid), lower(NEW.valid)) ELSE least(upper(OLD.valid), upper(NEW.valid)) END;
  ELSIF NOT EXISTS (SELECT FROM verification_terms t WHERE t.product_id = NEW.product_id AND t.valid && NEW.valid AND NEW.method_code = ANY (t.choices)) THEN
    RAISE EXCEPTION 'baseline_choice.method_code "%" is none that the terms of product % allow', NEW.method_code, NEW.product_id
      USING ERRCODE = 'MX440', HINT = 'See choices in verification_terms.';
  END IF;
  closes := least(coalesce(gate_closure(the_market, 'baseline', first), first), first);
  IF closes <= now() THEN
    RAISE EXCEPTION 'baseline_choice.valid "%" changes deliveries of % on, whose gate closed at %', NEW.valid, first, closes
      USING ERRCODE = 'MX441', HINT = 'A baseline is chosen before the gate of stage baseline closes; see market_gate.';
  END IF;
  NEW.chosen_at := CASE TG_OP WHEN 'INSERT' THEN now() ELSE OLD.chosen_at END;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_baseline_choice() IS 'trigger: a baseline is one of those that the terms allow, and is chosen before the gate of the first delivery that it changes; errors MX440, MX441';
REVOKE ALL ON FUNCTION keep_baseline_choice() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_gate BEFORE INSERT OR UPDATE ON baseline_choice FOR EACH ROW EXECUTE FUNCTION keep_baseline_choice();
COMMENT ON TRIGGER t20_gate ON baseline_choice IS 'a baseline stands from the gate on';

