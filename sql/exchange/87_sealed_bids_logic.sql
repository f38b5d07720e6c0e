-- archetype: medium
-- Sealed bids: before the gate closes a bid is its bidder's, and not the operator's either.
--
-- The regulator reads everything; what it reads of the log by export_case() is logged.

CREATE OR REPLACE FUNCTION sealed_competition_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT c.id FROM competition c WHERE c.gate_closes_at > now();
END;
COMMENT ON FUNCTION sealed_competition_ids() IS 'the competitions of which the gate has not closed: their bids are sealed';
REVOKE ALL ON FUNCTION sealed_competition_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sealed_competition_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

DROP POLICY IF EXISTS bid_sealed ON bid;
CREATE POLICY bid_sealed ON bid AS RESTRICTIVE TO flexexchange_operator
  USING (competition_id IS NULL OR competition_id <> ALL (ARRAY(SELECT sealed_competition_ids()))) WITH CHECK (true);
COMMENT ON POLICY bid_sealed ON bid IS 'BID-OP-1: the operator reads and changes a bid once the gate has closed';
DROP POLICY IF EXISTS commitment_sealed ON commitment;
CREATE POLICY commitment_sealed ON commitment AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (stage <> 'bid' OR EXISTS (SELECT FROM bid b WHERE b.id = source_id));
COMMENT ON POLICY commitment_sealed ON commitment IS 'BID-OP-2: the book does not tell the operator of a sealed bid';
DROP POLICY IF EXISTS event_log_sealed ON event_log;
CREATE POLICY event_log_sealed ON event_log AS RESTRICTIVE FOR SELECT TO flexexchange_operator
  USING (CASE WHEN table_name = 'bid' THEN EXISTS (SELECT FROM bid b WHERE b.id = row_key::bigint) ELSE true END);
COMMENT ON POLICY event_log_sealed ON event_log IS 'BID-OP-3: the log does not tell the operator of a sealed bid';
