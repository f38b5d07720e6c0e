-- archetype: medium
-- Competitions: who declares and reads them, what stays as it was declared, and the life of each.
--
-- Time opens and closes a gate, whoever looks.  The stored status follows, by advance_competitions(), and says more than
-- the clock: once it is closed no bid is being written any more, since writers of bids lock the competition against it.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['competition_terms', 'competition_lot', 'competition_requirement', 'competition_transfer_limit', 'competition_gate', 'competition_step']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['requirement_reserve', 'competition_challenge']) t;
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
GRANT SELECT, INSERT (requirement_id, availability_price_per_mw_h, utilisation_price_per_mwh), UPDATE (availability_price_per_mw_h, utilisation_price_per_mwh), DELETE
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
  IF TG_OP <> 'DELETE' AND TG_TABLE_NAME = 'requirement_reserve' THEN
    NEW.competition_id := (SELECT r.competition_id FROM competition_requirement r WHERE r.id = NEW.requirement_id);
  END IF;
  IF TG_OP = 'UPDATE' AND OLD.competition_id <> NEW.competition_id THEN
    RAISE EXCEPTION '%.competition_id does not change', TG_TABLE_NAME
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Declare it for the other competition, too, and delete it here.';
  END IF;
  of_competition := CASE WHEN TG_OP = 'DELETE' THEN OLD.competition_id ELSE NEW.competition_id END;
  -- bids lock it, too: a bid that is written meanwhile waits, and is judged by what is declared
  SELECT * INTO declared FROM competition c WHERE c.id = of_competition FOR NO KEY UPDATE;
  -- gone with its competition, or written with it
  IF NOT FOUND OR declared.recorded_at = now() OR declared.status = 'announced' AND declared.gate_opens_at > clock_timestamp() THEN
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
