-- archetype: medium
-- Order features: who writes and reads them, and which of them a competition takes.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link']) t;
GRANT SELECT, DELETE ON bid_terms, bid_step, bid_group, bid_group_member, bid_link TO flexexchange_participant;
GRANT INSERT (bid_id, lot_id, minimum_share, minimum_kw, start_up_cost, carbon_g_per_kwh, reliability),
      UPDATE (lot_id, minimum_share, minimum_kw, start_up_cost, carbon_g_per_kwh, reliability) ON bid_terms TO flexexchange_participant;
GRANT INSERT (bid_id, step, power_kw, availability_price_per_mw_h, utilisation_price_per_mwh),
      UPDATE (step, power_kw, availability_price_per_mw_h, utilisation_price_per_mwh) ON bid_step TO flexexchange_participant;
GRANT INSERT (competition_id, service_provider_id, kind, most_change_kw, name), UPDATE (most_change_kw, name) ON bid_group TO flexexchange_participant;
GRANT INSERT (bid_group_id, bid_id) ON bid_group_member TO flexexchange_participant;
GRANT INSERT (child_bid_id, parent_bid_id) ON bid_link TO flexexchange_participant;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''ORDER-SP-1: a provider reads what its own bids say''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_write_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_write_own ON %1$I TO flexexchange_participant
      USING (service_provider_id = (SELECT current_participant()) AND competition_id IN (SELECT open_competition_ids()))
      WITH CHECK (service_provider_id = (SELECT current_participant()) AND competition_id IN (SELECT open_competition_ids()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_write_own ON %1$I IS ''ORDER-SP-2: a provider writes what its own bids say, while the gate is open''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_bought ON %1$I FOR SELECT TO flexexchange_participant
      USING (competition_id = ANY (ARRAY(SELECT c.id FROM competition c WHERE c.gate_closes_at <= now() AND c.product_id = ANY (ARRAY(SELECT own_product_ids())))))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_bought ON %1$I IS ''ORDER-MO-1: a buyer reads what bids in its competitions say once the gate has closed''', name);
  END LOOP;
END
$block$;
