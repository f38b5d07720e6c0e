-- archetype: thick
-- Recurring competitions: written from their templates, in market time.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['competition_template', 'competition_template_requirement', 'competition_occurrence']) t;
REVOKE INSERT, UPDATE, DELETE ON competition_occurrence FROM flexexchange_operator;
GRANT INSERT (product_id, name, period, opens_before, closes_before, at_time, on_weekday, terms), UPDATE (name, period, opens_before, closes_before, at_time, on_weekday, terms), DELETE
  ON competition_template TO flexexchange_participant;
GRANT INSERT (template_id, lot_name, product_id, grid_node_id, weekdays, starts_at, ends_at, every, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours),
      UPDATE (lot_name, product_id, grid_node_id, weekdays, starts_at, ends_at, every, direction, power_kw, at_least, ceiling_availability_price_per_mw_h, ceiling_utilisation_price_per_mwh,
              expected_utilisation_hours),
      DELETE ON competition_template_requirement TO flexexchange_participant;
DROP POLICY IF EXISTS competition_template_own ON competition_template;
CREATE POLICY competition_template_own ON competition_template TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY competition_template_own ON competition_template IS 'COMP-MO-4: a buyer keeps the templates of its competitions';
DROP POLICY IF EXISTS competition_template_requirement_own ON competition_template_requirement;
CREATE POLICY competition_template_requirement_own ON competition_template_requirement TO flexexchange_participant
  USING (template_id IN (SELECT t.id FROM competition_template t WHERE t.product_id = ANY (ARRAY(SELECT own_product_ids()))))
  WITH CHECK (template_id IN (SELECT t.id FROM competition_template t WHERE t.product_id = ANY (ARRAY(SELECT own_product_ids()))));
COMMENT ON POLICY competition_template_requirement_own ON competition_template_requirement IS 'COMP-MO-4: a buyer keeps the templates of its competitions';
