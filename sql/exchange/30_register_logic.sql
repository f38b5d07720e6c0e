-- archetype: medium
-- Register: who may read and write it, and what never changes.

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['metering_point', 'asset', 'asset_operator', 'portfolio', 'portfolio_member', 'external_id', 'asset_technology']) t;

GRANT SELECT ON metering_point, asset, asset_technology, asset_operator, portfolio, portfolio_member, external_id TO flexexchange_participant;
-- ids and identities are the exchange's to give
GRANT INSERT (name, service_provider_id, grid_node_id, technology, profile), UPDATE (name, grid_node_id, technology, profile)
  ON portfolio TO flexexchange_participant;

CREATE OR REPLACE FUNCTION own_asset_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT o.asset_id FROM asset_operator o
  WHERE o.service_provider_id = current_participant() AND o.valid @> now();
END;
COMMENT ON FUNCTION own_asset_ids() IS 'the assets that the session''s participant operates today';
REVOKE ALL ON FUNCTION own_asset_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_asset_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION own_portfolio_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT p.id FROM portfolio p WHERE p.service_provider_id = current_participant();
END;
COMMENT ON FUNCTION own_portfolio_ids() IS 'the portfolios of the session''s participant';
REVOKE ALL ON FUNCTION own_portfolio_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_portfolio_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- A market operator reads the register of units; a provider reads its own part.
DROP POLICY IF EXISTS metering_point_read ON metering_point;
CREATE POLICY metering_point_read ON metering_point FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant_is('market_operator'))
         OR id IN (SELECT a.metering_point_id FROM asset a));
COMMENT ON POLICY metering_point_read ON metering_point IS
  'REG-1: a market operator reads every metering point, a provider those of its assets';

-- one probe an asset: a set of 300,000 ids is too big for the planner to hash, and would be walked for each
DROP POLICY IF EXISTS asset_read ON asset;
CREATE POLICY asset_read ON asset FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant_is('market_operator'))
         OR EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = asset.id AND lower(o.valid) <= now()));
COMMENT ON POLICY asset_read ON asset IS
  'REG-2: a market operator reads every asset, a provider those that it operates or operated';

DROP POLICY IF EXISTS asset_operator_read ON asset_operator;
CREATE POLICY asset_operator_read ON asset_operator FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())
         OR (SELECT current_participant_is('market_operator')));
COMMENT ON POLICY asset_operator_read ON asset_operator IS
  'REG-3: a market operator reads who operates what, a provider its own rows';

DROP POLICY IF EXISTS portfolio_read ON portfolio;
CREATE POLICY portfolio_read ON portfolio FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())
         OR (SELECT current_participant_is('market_operator')));
COMMENT ON POLICY portfolio_read ON portfolio IS
  'REG-4: a market operator reads every portfolio, a provider its own';

DROP POLICY IF EXISTS portfolio_insert ON portfolio;
CREATE POLICY portfolio_insert ON portfolio FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY portfolio_insert ON portfolio IS 'REG-5: a provider makes portfolios of its own';

DROP POLICY IF EXISTS portfolio_update ON portfolio;
CREATE POLICY portfolio_update ON portfolio FOR UPDATE TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()))
  WITH CHECK (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY portfolio_update ON portfolio IS 'REG-6: a provider changes portfolios of its own';

DROP POLICY IF EXISTS portfolio_member_read ON portfolio_member;
CREATE POLICY portfolio_member_read ON portfolio_member FOR SELECT TO flexexchange_participant
  USING (portfolio_id IN (SELECT p.id FROM portfolio p));
COMMENT ON POLICY portfolio_member_read ON portfolio_member IS 'REG-7: whoever reads a portfolio reads its members';

DROP POLICY IF EXISTS asset_technology_read ON asset_technology;
CREATE POLICY asset_technology_read ON asset_technology FOR SELECT TO flexexchange_participant USING (asset_id IN (SELECT a.id FROM asset a));
COMMENT ON POLICY asset_technology_read ON asset_technology IS 'REG-9: whoever reads an asset reads what it is made of';
DROP POLICY IF EXISTS external_id_read ON external_id;
CREATE POLICY external_id_read ON external_id FOR SELECT TO flexexchange_participant
  USING (grid_node_id IS NOT NULL
         OR asset_id IN (SELECT a.id FROM asset a)
         OR portfolio_id IN (SELECT p.id FROM portfolio p)
         OR metering_point_id IN (SELECT m.id FROM metering_point m));
COMMENT ON POLICY external_id_read ON external_id IS 'REG-8: whoever reads a resource reads its names';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['metering_point', 'asset', 'portfolio'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON %I
      FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
      EXECUTE FUNCTION refuse_change(''mrid'', ''An mrid names a thing for ever; register a new one instead.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_mrid_is_kept ON %I IS ''an mrid never changes''', name);
  END LOOP;
END
$block$;
