-- archetype: medium
-- Trading: who reads and writes which trade, and the triggers that keep the book.

SELECT protect_table('competition', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['bid', 'award', 'availability', 'dispatch', 'commitment']) t;
-- the book follows from the trades: nobody writes it by hand
REVOKE INSERT, UPDATE, DELETE ON commitment FROM flexexchange_operator;
GRANT SELECT ON bid, award, availability, dispatch TO flexexchange_participant;
-- ids, identities, sources and times of recording are the exchange's to give; who
-- sells what with which unit stays as it was written
GRANT INSERT (competition_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
              availability_price_per_mw_h, utilisation_price_per_mwh, status),
      UPDATE (direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status)
  ON bid TO flexexchange_participant;
GRANT INSERT (bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
              availability_price_per_mw_h, utilisation_price_per_mwh, status),
      UPDATE (bid_id, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status)
  ON award TO flexexchange_participant;
GRANT INSERT (award_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window,
              availability_price_per_mw_h, status),
      UPDATE (award_id, power_kw, delivery_window, availability_price_per_mw_h, status)
  ON availability TO flexexchange_participant;
GRANT INSERT (award_id, availability_id, supersedes_id, product_id, service_provider_id, asset_id, portfolio_id, direction,
              power_kw, delivery_window, utilisation_price_per_mwh, status, purpose, grid_node_id),
      UPDATE (award_id, availability_id, supersedes_id, power_kw, delivery_window, utilisation_price_per_mwh, status, purpose, grid_node_id)
  ON dispatch TO flexexchange_participant;

CREATE OR REPLACE FUNCTION open_competition_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT c.id FROM competition c WHERE now() >= c.gate_opens_at AND now() < c.gate_closes_at;
END;
COMMENT ON FUNCTION open_competition_ids() IS 'the competitions that take bids now';
REVOKE ALL ON FUNCTION open_competition_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_competition_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- The seller reads its own rows; the buyer reads those of its products, bids only
-- once their gate has closed.
DROP POLICY IF EXISTS bid_read_own ON bid;
CREATE POLICY bid_read_own ON bid FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY bid_read_own ON bid IS 'BID-SP-1: a provider reads its own bids';
DROP POLICY IF EXISTS bid_read_bought ON bid;
-- as arrays, so that an index answers each of the two ways to a bid
CREATE POLICY bid_read_bought ON bid FOR SELECT TO flexexchange_participant
  USING (competition_id = ANY (ARRAY(SELECT c.id FROM competition c WHERE c.gate_closes_at <= now() AND c.product_id = ANY (ARRAY(SELECT own_product_ids()))))
         AND product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY bid_read_bought ON bid IS 'BID-MO-1: a buyer reads the bids for its products once the gate has closed';
DROP POLICY IF EXISTS bid_insert ON bid;
CREATE POLICY bid_insert ON bid FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status = 'submitted'
              AND (competition_id IS NULL OR competition_id IN (SELECT open_competition_ids()))
              AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids()))
              AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY bid_insert ON bid IS 'BID-SP-2: a provider bids with units of its own, while the gate is open';
DROP POLICY IF EXISTS bid_update ON bid;
CREATE POLICY bid_update ON bid FOR UPDATE TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())
         AND (competition_id IS NULL OR competition_id IN (SELECT open_competition_ids())))
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status IN ('submitted', 'withdrawn'));
COMMENT ON POLICY bid_update ON bid IS 'BID-SP-3: a provider changes or withdraws its own bids, while the gate is open';

-- A parent that the writer may not read is refused before anything is said of it.
DO $block$
DECLARE
  name text;
  parents text;
BEGIN
  FOR name, parents IN VALUES
    ('award', '(bid_id IS NULL OR bid_id IN (SELECT b.id FROM bid b))'),
    ('availability', '(award_id IS NULL OR award_id IN (SELECT a.id FROM award a))'),
    ('dispatch', '(award_id IS NULL OR award_id IN (SELECT a.id FROM award a))
                  AND (availability_id IS NULL OR availability_id IN (SELECT v.id FROM availability v))')
  LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_own ON %1$I FOR SELECT TO flexexchange_participant
      USING (service_provider_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_own ON %1$I IS ''TRADE-SP-1: a provider reads what it sold''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read_bought ON %1$I FOR SELECT TO flexexchange_participant
      USING (product_id = ANY (ARRAY(SELECT own_product_ids())))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read_bought ON %1$I IS ''TRADE-MO-1: a buyer reads what it bought''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_insert_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_insert_bought ON %1$I FOR INSERT TO flexexchange_participant
      WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())) AND %2$s)', name, parents);
    EXECUTE format('COMMENT ON POLICY %1$s_insert_bought ON %1$I IS ''TRADE-MO-2: a buyer records what it buys, from parents that it may read''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_update_bought ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_update_bought ON %1$I FOR UPDATE TO flexexchange_participant
      USING (product_id = ANY (ARRAY(SELECT own_product_ids())))
      WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())) AND %2$s)', name, parents);
    EXECUTE format('COMMENT ON POLICY %1$s_update_bought ON %1$I IS ''TRADE-MO-3: a buyer changes what it bought''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS availability_insert_own ON availability;
CREATE POLICY availability_insert_own ON availability FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status = 'declared'
              AND (award_id IS NULL OR award_id IN (SELECT a.id FROM award a))
              AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids()))
              AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY availability_insert_own ON availability IS 'AVAIL-SP-1: a provider declares availability of its own units; the buyer accepts it';

DROP POLICY IF EXISTS commitment_read_own ON commitment;
CREATE POLICY commitment_read_own ON commitment FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY commitment_read_own ON commitment IS 'BOOK-SP-1: a provider reads what its units are committed to';
DROP POLICY IF EXISTS commitment_read_bought ON commitment;
CREATE POLICY commitment_read_bought ON commitment FOR SELECT TO flexexchange_participant
  USING (market_operator_id = (SELECT current_participant()) AND stage <> 'bid');
COMMENT ON POLICY commitment_read_bought ON commitment IS 'BOOK-MO-1: a buyer reads what is committed to it; bids it reads in their table, after the gate';
GRANT SELECT ON commitment TO flexexchange_participant;

CREATE OR REPLACE TRIGGER t10_traded_spec_is_kept BEFORE UPDATE OF spec ON product
  FOR EACH ROW EXECUTE FUNCTION keep_used_spec('competition', 'bid', 'award', 'availability', 'dispatch');
COMMENT ON TRIGGER t10_traded_spec_is_kept ON product IS 'what a version requires stays once it was traded';

DO $block$
DECLARE
  name text;
  event text;
  rows text;
BEGIN
  EXECUTE 'CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON commitment
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''The book follows from the trades.'')';
  COMMENT ON TRIGGER t10_no_truncate ON commitment IS 'history is not truncated';
  FOREACH name IN ARRAY ARRAY['bid', 'award', 'availability', 'dispatch'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON %I
      FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
      EXECUTE FUNCTION refuse_change(''mrid'', ''An mrid names a thing for ever; write a new row instead.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_mrid_is_kept ON %I IS ''an mrid never changes''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_id_is_kept BEFORE UPDATE OF id ON %I
      FOR EACH ROW WHEN (OLD.id IS DISTINCT FROM NEW.id)
      EXECUTE FUNCTION refuse_change(''id'', ''The book knows the row by its id.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_id_is_kept ON %I IS ''the book knows a trade by its id''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Withdraw, release or cancel the rows: nothing that was committed is lost from history.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
    -- once a statement: rows are posted by the batch
    FOR event, rows IN VALUES ('INSERT', 'NEW TABLE AS new_rows'), ('UPDATE', 'OLD TABLE AS old_rows NEW TABLE AS new_rows'), ('DELETE', 'OLD TABLE AS old_rows') LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
        FOR EACH STATEMENT EXECUTE FUNCTION post_commitment(%3$L)', 't50_commitment_' || lower(event), event, name, rows);
      EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''keeps the book and looks for conflicts''', 't50_commitment_' || lower(event), name);
    END LOOP;
  END LOOP;
END
$block$;
