-- archetype: medium
-- Order features: who writes and reads them, which bids serve what a competition wants, and which it takes.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link']) t;
GRANT SELECT, DELETE ON bid_terms, bid_step, bid_group, bid_group_member, bid_link TO flexexchange_participant;
-- whose a row is, and in which competition, is set from the bid whatever is given
GRANT INSERT (bid_id, competition_id, service_provider_id, lot_id, minimum_share, minimum_kw, start_up_cost, carbon_g_per_kwh, reliability),
      UPDATE (lot_id, minimum_share, minimum_kw, start_up_cost, carbon_g_per_kwh, reliability) ON bid_terms TO flexexchange_participant;
GRANT INSERT (bid_id, step, competition_id, service_provider_id, power_kw, availability_price_per_mw_h, utilisation_price_per_mwh),
      UPDATE (step, power_kw, availability_price_per_mw_h, utilisation_price_per_mwh) ON bid_step TO flexexchange_participant;
GRANT INSERT (competition_id, service_provider_id, kind, most_change_kw, name), UPDATE (most_change_kw, name) ON bid_group TO flexexchange_participant;
GRANT INSERT (bid_group_id, bid_id, competition_id, service_provider_id) ON bid_group_member TO flexexchange_participant;
GRANT INSERT (child_bid_id, parent_bid_id, competition_id, service_provider_id) ON bid_link TO flexexchange_participant;

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

-- ------------------------------------------------------------------ which bid serves what

CREATE OR REPLACE VIEW competition_cell WITH (security_invoker = true) AS
  SELECT r.id AS requirement_id, r.competition_id, r.lot_id, r.product_id, r.grid_node_id, r.delivery_window, r.direction, r.power_kw, r.at_least,
         extract(epoch FROM upper(r.delivery_window) - lower(r.delivery_window)) / 3600 AS hours,
         coalesce(r.expected_utilisation_hours,
                  CASE WHEN p.utilisation = 'scheduled' OR NOT coalesce('availability' = ANY (p.paid_for), false) THEN extract(epoch FROM upper(r.delivery_window) - lower(r.delivery_window)) / 3600 ELSE 0 END)
           AS utilisation_hours,
         least(coalesce(r.ceiling_availability_price_per_mw_h, t.ceiling_availability_price_per_mw_h), v.availability_price_per_mw_h) AS most_availability_price_per_mw_h,
         least(coalesce(r.ceiling_utilisation_price_per_mwh, t.ceiling_utilisation_price_per_mwh), v.utilisation_price_per_mwh) AS most_utilisation_price_per_mwh
  FROM competition_requirement r JOIN product p ON p.id = r.product_id
  LEFT JOIN competition_terms t ON t.competition_id = r.competition_id
  LEFT JOIN requirement_reserve v ON v.requirement_id = r.id;
COMMENT ON VIEW competition_cell IS 'what a competition wants with what holds for it: ceilings of the terms where it has none of its own, and reserve prices for whoever reads them';
COMMENT ON COLUMN competition_cell.requirement_id IS 'the requirement';
COMMENT ON COLUMN competition_cell.competition_id IS 'the competition';
COMMENT ON COLUMN competition_cell.lot_id IS 'the lot';
COMMENT ON COLUMN competition_cell.product_id IS 'the product';
COMMENT ON COLUMN competition_cell.grid_node_id IS 'where';
COMMENT ON COLUMN competition_cell.delivery_window IS 'when';
COMMENT ON COLUMN competition_cell.direction IS 'up or down';
COMMENT ON COLUMN competition_cell.power_kw IS 'how much is wanted, kW';
COMMENT ON COLUMN competition_cell.at_least IS 'more may be bought than is wanted';
COMMENT ON COLUMN competition_cell.hours IS 'length of the window';
COMMENT ON COLUMN competition_cell.utilisation_hours IS 'how many of them it is expected to be used: a MW offered at a and u costs a * hours + u * utilisation_hours';
COMMENT ON COLUMN competition_cell.most_availability_price_per_mw_h IS 'above which no availability is bought, currency of the market per MW and hour';
COMMENT ON COLUMN competition_cell.most_utilisation_price_per_mwh IS 'above which no utilisation is bought, currency of the market per MWh';
GRANT SELECT ON competition_cell TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION bids_that_serve(competition_id bigint, bids bid[])
RETURNS TABLE (requirement_id bigint, bid_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- each worked out once, not for each pair of a bid and a requirement
  WITH b AS MATERIALIZED (SELECT b.* FROM unnest(bids) b WHERE b.competition_id = bids_that_serve.competition_id),
  -- where a unit is, or all its members are
  place AS MATERIALIZED (
    SELECT b.id, array_agg(DISTINCT coalesce(a.grid_node_id, x.grid_node_id, -1)) AS nodes
    FROM b LEFT JOIN portfolio f ON f.id = b.portfolio_id
    LEFT JOIN portfolio_member e ON e.portfolio_id = b.portfolio_id AND f.grid_node_id IS NULL AND e.valid && b.delivery_window
    LEFT JOIN asset a ON a.id = coalesce(b.asset_id, e.asset_id)
    LEFT JOIN metering_point m ON m.id = a.metering_point_id
    CROSS JOIN LATERAL (SELECT coalesce(f.grid_node_id, m.grid_node_id) AS grid_node_id) x
    WHERE EXISTS (SELECT FROM competition_requirement r WHERE r.competition_id = bids_that_serve.competition_id AND r.grid_node_id IS NOT NULL)
    GROUP BY b.id),
  area AS MATERIALIZED (
    SELECT r.grid_node_id, array_agg(DISTINCT n.grid_node_id) AS nodes
    FROM (SELECT x.grid_node_id, min(lower(x.delivery_window)) AS first FROM competition_requirement x
          WHERE x.competition_id = bids_that_serve.competition_id AND x.grid_node_id IS NOT NULL GROUP BY x.grid_node_id) r
    CROSS JOIN LATERAL grid_nodes_below(r.grid_node_id, time_window(r.first, r.first + interval '1 microsecond')) n GROUP BY r.grid_node_id)
  SELECT r.id, b.id
  FROM competition_requirement r
  JOIN b ON b.product_id = r.product_id AND b.direction = r.direction AND b.delivery_window && r.delivery_window
  LEFT JOIN bid_terms t ON t.bid_id = b.id
  LEFT JOIN place ON place.id = b.id LEFT JOIN area ON area.grid_node_id = r.grid_node_id
  WHERE r.competition_id = bids_that_serve.competition_id AND (t.lot_id IS NULL OR t.lot_id = r.lot_id) AND (r.grid_node_id IS NULL OR place.nodes <@ area.nodes)
$function$;
COMMENT ON FUNCTION bids_that_serve(bigint, bid[]) IS
  'which of some bids can serve which requirement of a competition: of the product and direction, at a time of its window, for its lot or any, with the unit, or all its members, at its place or below, as the network is when it is first wanted';
REVOKE ALL ON FUNCTION bids_that_serve(bigint, bid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION bids_that_serve(bigint, bid[]) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION requirement_bids(competition_id bigint) RETURNS TABLE (requirement_id bigint, bid_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT s.requirement_id, s.bid_id
  FROM bids_that_serve(requirement_bids.competition_id, ARRAY(SELECT b FROM bid b WHERE b.competition_id = requirement_bids.competition_id)) s
$function$;
COMMENT ON FUNCTION requirement_bids(bigint) IS 'which bids of a competition can serve which of its requirements, as bids_that_serve() says; of the bids that the caller reads, whatever their status';
REVOKE ALL ON FUNCTION requirement_bids(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION requirement_bids(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ bids

CREATE OR REPLACE FUNCTION hold_gate(competition_ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  -- the clock does not stop the owner
  by_owner CONSTANT boolean := pg_has_role(session_role(), (SELECT relowner FROM pg_class WHERE oid = 'competition'::regclass), 'USAGE');
  held competition;
  shut bigint;
BEGIN
  -- what is shut is not held: nobody keeps it from being cleared and awarded
  SELECT min(c.id) INTO shut FROM competition c
  WHERE c.id = ANY (competition_ids) AND (c.status NOT IN ('announced', 'open') OR NOT by_owner AND c.gate_closes_at <= clock_timestamp());
  IF shut IS NOT NULL THEN
    RETURN shut;
  END IF;
  -- closing a competition waits for whoever holds it; who comes later sees that it is closed
  FOR held IN SELECT * FROM competition c WHERE c.id = ANY (competition_ids) ORDER BY c.id FOR SHARE LOOP
    IF held.status NOT IN ('announced', 'open') OR held.gate_closes_at <= clock_timestamp() THEN
      shut := coalesce(shut, held.id);
    END IF;
  END LOOP;
  RETURN shut;
END
$function$;
COMMENT ON FUNCTION hold_gate(bigint[]) IS
  'keeps competitions from being closed while the transaction lasts; gives one of which the gate has closed, by its status or the clock; called by triggers; SECURITY DEFINER because a bidder may not lock a competition';
REVOKE ALL ON FUNCTION hold_gate(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION hold_gate(bigint[]) TO flexexchange_operator, flexexchange_participant;

SELECT protect_table('framework_holding');
REVOKE INSERT, UPDATE, DELETE ON framework_holding FROM flexexchange_operator;
GRANT SELECT ON framework_holding TO flexexchange_participant;
DROP POLICY IF EXISTS framework_holding_read ON framework_holding;
CREATE POLICY framework_holding_read ON framework_holding FOR SELECT TO flexexchange_participant USING (award_id IN (SELECT a.id FROM award a));
COMMENT ON POLICY framework_holding_read ON framework_holding IS 'ORDER-ALL-1: whoever reads an award reads of which competition it was at first';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON framework_holding FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Pass the award on, or end it.');
COMMENT ON TRIGGER t10_is_kept ON framework_holding IS 'where an award comes from stays as it was';
CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON framework_holding FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('rows', 'Where an award comes from is kept.');
COMMENT ON TRIGGER t10_no_truncate ON framework_holding IS 'history is not truncated';

CREATE OR REPLACE FUNCTION competition_of_award(award_id bigint) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce((SELECT b.competition_id FROM award a JOIN bid b ON b.id = a.bid_id WHERE a.id = competition_of_award.award_id),
                  (SELECT h.competition_id FROM framework_holding h WHERE h.award_id = competition_of_award.award_id));
END;
COMMENT ON FUNCTION competition_of_award(bigint) IS 'the competition that an award was won in: that of its bid, or of the award that it was passed on from, however often; NULL: none, or none that the caller reads';
REVOKE ALL ON FUNCTION competition_of_award(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION competition_of_award(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION refused_bids(competition_ids bigint[], bids bid[]) RETURNS TABLE (bid_id bigint, error text, problem text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  WITH declared AS (SELECT c.id, t.order_features, t.framework_id, EXISTS (SELECT FROM competition_requirement r WHERE r.competition_id = c.id) AS has_requirements
                    FROM competition c JOIN competition_terms t ON t.competition_id = c.id WHERE c.id = ANY (competition_ids)),
  b AS (SELECT b.*, d.order_features, d.framework_id, d.has_requirements, p.code, p.paid_for FROM unnest(bids) b JOIN declared d ON d.id = b.competition_id JOIN product p ON p.id = b.product_id),
  served AS (SELECT s.bid_id, window_union(r.delivery_window) AS windows,
                    bool_and(r.most_availability_price_per_mw_h IS NOT NULL) AS availability_is_capped, max(r.most_availability_price_per_mw_h) AS most_availability,
                    bool_and(r.most_utilisation_price_per_mwh IS NOT NULL) AS utilisation_is_capped, max(r.most_utilisation_price_per_mwh) AS most_utilisation
             FROM declared d CROSS JOIN LATERAL bids_that_serve(d.id, bids) s
             -- the reserve is not told by what is refused
             JOIN (SELECT q.id AS requirement_id, q.delivery_window, coalesce(q.ceiling_availability_price_per_mw_h, t.ceiling_availability_price_per_mw_h) AS most_availability_price_per_mw_h,
                          coalesce(q.ceiling_utilisation_price_per_mwh, t.ceiling_utilisation_price_per_mwh) AS most_utilisation_price_per_mwh
                   FROM competition_requirement q JOIN competition_terms t USING (competition_id)) r USING (requirement_id)
             WHERE d.has_requirements GROUP BY s.bid_id),
  price AS (SELECT b.id, b.availability_price_per_mw_h, b.utilisation_price_per_mwh FROM b
            UNION ALL SELECT b.id, s.availability_price_per_mw_h, s.utilisation_price_per_mwh FROM b JOIN bid_step s ON s.bid_id = b.id)
  SELECT b.id, 'MX207', format('bid %s is of portfolio %s, and competition %s takes no portfolios', b.id, b.portfolio_id, b.competition_id),
         'Bid with each asset by itself; competition_terms.order_features lists what orders may have.'
  FROM b WHERE b.portfolio_id IS NOT NULL AND 'portfolio' <> ALL (b.order_features)
  UNION ALL
  SELECT b.id, 'MX207', format('bid %s %s for %s of product %s from %s is nothing that competition %s wants', b.id, b.direction, CASE WHEN b.asset_id IS NULL THEN 'portfolio' ELSE 'asset' END || ' ' || b.unit_id,
           b.code, b.delivery_window, b.competition_id),
         'Table competition_requirement has the products, directions, windows and places that are wanted; the unit has to lie there, and its whole window has to be wanted.'
  FROM b LEFT JOIN served ON served.bid_id = b.id
  WHERE b.has_requirements AND NOT coalesce((SELECT bool_or(w @> b.delivery_window) FROM unnest(served.windows) w), false)
  UNION ALL
  SELECT b.id, 'MX207', format('bid %s is of product %s, and competition %s buys another', b.id, b.code, b.competition_id), 'competition.product_id says which.'
  FROM b JOIN competition c ON c.id = b.competition_id WHERE NOT b.has_requirements AND b.product_id <> c.product_id
  UNION ALL
  SELECT DISTINCT b.id, 'MX207', format('bid %s has %s price, and product %s is not paid for it', b.id, CASE WHEN price.availability_price_per_mw_h IS NOT NULL AND 'availability' <> ALL (b.paid_for) THEN 'an availability' ELSE 'a utilisation' END, b.code),
         format('It is paid for %s.', array_to_string(b.paid_for, ' and '))
  FROM b JOIN price USING (id)
  WHERE price.availability_price_per_mw_h IS NOT NULL AND 'availability' <> ALL (b.paid_for) OR price.utilisation_price_per_mwh IS NOT NULL AND 'utilisation' <> ALL (b.paid_for)
  UNION ALL
  SELECT b.id, 'MX208', format('bid.availability_price_per_mw_h %s of bid %s is above the ceiling, %s', price.availability_price_per_mw_h, b.id, most_availability), 'Nothing is bought above the ceiling that was declared.'
  FROM b JOIN price USING (id) JOIN served ON served.bid_id = b.id WHERE availability_is_capped AND price.availability_price_per_mw_h > most_availability
  UNION ALL
  SELECT b.id, 'MX208', format('bid.utilisation_price_per_mwh %s of bid %s is above the ceiling, %s', price.utilisation_price_per_mwh, b.id, most_utilisation), 'Nothing is bought above the ceiling that was declared.'
  FROM b JOIN price USING (id) JOIN served ON served.bid_id = b.id WHERE utilisation_is_capped AND price.utilisation_price_per_mwh > most_utilisation
  UNION ALL
  SELECT b.id, 'MX209', format('bid %s is of %s %s, which has no award in framework %s for %s', b.id, CASE WHEN b.asset_id IS NULL THEN 'portfolio' ELSE 'asset' END, b.unit_id, b.framework_id, b.delivery_window),
         'In a call-off bid those units that were awarded the framework.'
  FROM b WHERE b.framework_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM award a
    WHERE competition_of_award(a.id) = b.framework_id AND a.unit_id = b.unit_id AND a.service_provider_id = b.service_provider_id AND a.direction = b.direction
      AND a.status IN ('awarded', 'completed') AND a.delivery_window @> b.delivery_window)
$function$;
COMMENT ON FUNCTION refused_bids(bigint[], bid[]) IS
  'which of some bids a competition with declared terms does not take, and why: a portfolio where there are none, a product, direction, window or place that is not wanted, a price that is not paid (MX207), one above the ceiling (MX208), a unit without the framework (MX209)';
REVOKE ALL ON FUNCTION refused_bids(bigint[], bid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refused_bids(bigint[], bid[]) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION check_bids() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  -- the owner of the exchange, and its engine, which acts as the owner
  by_owner CONSTANT boolean := pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE');
  by_owner_or_with_it boolean;
  concerned bigint[];
  -- as they are, not as the writer may read them
  written bid[];
  shut bigint;
  wrong record;
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT n.competition_id), array_agg(ROW(n.*)::bid) INTO concerned, written FROM new_rows n WHERE n.competition_id IS NOT NULL;
  ELSE
    -- what the exchange does with a bid after its gate changes the status alone
    SELECT array_agg(DISTINCT n.competition_id),
           array_agg(ROW(n.*)::bid) FILTER (WHERE (n.competition_id, n.product_id, n.asset_id, n.portfolio_id, n.direction, n.power_kw, n.delivery_window, n.availability_price_per_mw_h, n.utilisation_price_per_mwh)
             IS DISTINCT FROM (o.competition_id, o.product_id, o.asset_id, o.portfolio_id, o.direction, o.power_kw, o.delivery_window, o.availability_price_per_mw_h, o.utilisation_price_per_mwh))
      INTO concerned, written
    FROM new_rows n JOIN old_rows o USING (id) WHERE n.competition_id IS NOT NULL
      AND (NOT by_owner AND NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER')
           OR (n.competition_id, n.product_id, n.asset_id, n.portfolio_id, n.direction, n.power_kw, n.delivery_window, n.availability_price_per_mw_h, n.utilisation_price_per_mwh)
             IS DISTINCT FROM (o.competition_id, o.product_id, o.asset_id, o.portfolio_id, o.direction, o.power_kw, o.delivery_window, o.availability_price_per_mw_h, o.utilisation_price_per_mwh));
  END IF;
  IF concerned IS NULL THEN
    RETURN NULL;
  END IF;
  -- what another platform runs is recorded, by functions that act for the owner
  SELECT c.id, c.source INTO wrong FROM competition c WHERE c.id = ANY (concerned) AND c.source IS NOT NULL ORDER BY c.id LIMIT 1;
  IF FOUND AND NOT by_owner THEN
    RAISE EXCEPTION 'competition % is run by %', wrong.id, wrong.source USING ERRCODE = 'MX206', HINT = 'Bid there; record_bid() keeps what was bid.';
  ELSIF FOUND THEN
    concerned := ARRAY(SELECT c.id FROM competition c WHERE c.id = ANY (concerned) AND c.source IS NULL);
  END IF;
  shut := hold_gate(concerned);
  -- of a competition that the operator writes with its bids nobody can have known
  by_owner_or_with_it := by_owner OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') AND NOT EXISTS (SELECT FROM competition c WHERE c.id = ANY (concerned) AND c.recorded_at <> now());
  IF shut IS NOT NULL AND (NOT by_owner_or_with_it OR EXISTS (SELECT FROM competition c WHERE c.id = ANY (concerned) AND c.status NOT IN ('announced', 'open'))) THEN
    SELECT n.id, c.gate_closes_at INTO wrong FROM new_rows n JOIN competition c ON c.id = n.competition_id
    WHERE n.competition_id = shut ORDER BY n.id LIMIT 1;
    RAISE EXCEPTION 'bid % comes too late: the gate of competition % closed at %', wrong.id, shut, wrong.gate_closes_at
      USING ERRCODE = 'MX206', HINT = 'Bids are made, changed and withdrawn while the gate is open.';
  END IF;
  SELECT x.* INTO wrong FROM refused_bids(concerned, written) x ORDER BY x.bid_id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%', wrong.problem USING ERRCODE = wrong.error, HINT = wrong.hint;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_bids() IS
  'trigger: bids of a competition are made, changed and withdrawn while its gate is open (error MX206), and are such as it takes (errors MX207 to MX209); what another platform runs is recorded, and not asked when it came';
REVOKE ALL ON FUNCTION check_bids() FROM PUBLIC;

CREATE OR REPLACE TRIGGER t20_gate_insert AFTER INSERT ON bid REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_bids();
COMMENT ON TRIGGER t20_gate_insert ON bid IS 'bids are made while the gate is open, and are such as the competition takes';
CREATE OR REPLACE TRIGGER t20_gate_update AFTER UPDATE ON bid REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_bids();
COMMENT ON TRIGGER t20_gate_update ON bid IS 'bids are changed while the gate is open, and stay such as the competition takes';

-- ------------------------------------------------------------------ what a bid says beyond its price

-- Each row takes its competition and provider from its bid, and holds the gate as the bid does.
CREATE OR REPLACE FUNCTION stamp_order_feature() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  given CONSTANT jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
  bid_column CONSTANT text := CASE TG_TABLE_NAME WHEN 'bid_link' THEN 'child_bid_id' ELSE 'bid_id' END;
  of_bid record;
BEGIN
  IF TG_TABLE_NAME = 'bid_group' THEN
    SELECT c.id AS competition_id, (given ->> 'service_provider_id')::bigint AS service_provider_id, c.source INTO of_bid FROM competition c WHERE c.id = (given ->> 'competition_id')::bigint;
  ELSE
    SELECT b.competition_id, b.service_provider_id, c.source INTO of_bid FROM bid b LEFT JOIN competition c ON c.id = b.competition_id WHERE b.id = (given ->> bid_column)::bigint;
  END IF;
  IF TG_OP = 'DELETE' THEN
    -- gone with its bid
    IF FOUND AND of_bid.source IS NULL AND hold_gate(ARRAY[of_bid.competition_id]) IS NOT NULL THEN
      RAISE EXCEPTION 'the gate of competition % has closed, and % stays', of_bid.competition_id, TG_TABLE_NAME
        USING ERRCODE = 'MX206', HINT = 'Bids are made, changed and withdrawn while the gate is open.';
    END IF;
    RETURN OLD;
  END IF;
  -- what one may not read is not there
  IF of_bid.service_provider_id IS NULL THEN
    RAISE EXCEPTION '%.% % is unknown in this exchange', TG_TABLE_NAME, bid_column, coalesce(given ->> bid_column, 'NULL')
      USING ERRCODE = 'MX201', HINT = 'Write the bid first.';
  END IF;
  IF TG_TABLE_NAME = 'bid_link' AND NOT EXISTS (SELECT FROM bid b WHERE b.id = (given ->> 'parent_bid_id')::bigint)
     OR TG_TABLE_NAME = 'bid_group_member' AND NOT EXISTS (SELECT FROM bid_group g WHERE g.id = (given ->> 'bid_group_id')::bigint) THEN
    RAISE EXCEPTION '%.% % is unknown in this exchange', TG_TABLE_NAME, CASE TG_TABLE_NAME WHEN 'bid_link' THEN 'parent_bid_id' ELSE 'bid_group_id' END,
                    coalesce(given ->> 'parent_bid_id', given ->> 'bid_group_id', 'NULL')
      USING ERRCODE = 'MX201', HINT = 'Groups and links are of one''s own bids.';
  END IF;
  IF of_bid.competition_id IS NULL THEN
    RAISE EXCEPTION '%.% % takes part in no competition', TG_TABLE_NAME, bid_column, given ->> bid_column
      USING ERRCODE = 'MX207', HINT = 'What orders may have is declared by a competition.';
  END IF;
  NEW.competition_id := of_bid.competition_id;
  NEW.service_provider_id := of_bid.service_provider_id;
  IF of_bid.source IS NULL AND hold_gate(ARRAY[of_bid.competition_id]) IS NOT NULL THEN
    RAISE EXCEPTION '%.% % comes too late: the gate of competition % has closed', TG_TABLE_NAME, CASE TG_TABLE_NAME WHEN 'bid_group' THEN 'id' ELSE bid_column END,
                    given ->> CASE TG_TABLE_NAME WHEN 'bid_group' THEN 'id' ELSE bid_column END, of_bid.competition_id
      USING ERRCODE = 'MX206', HINT = 'Bids are made, changed and withdrawn while the gate is open.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_order_feature() IS
  'trigger: what a bid says is of the competition and provider of the bid (errors MX201, MX207), and is written while the gate is open (error MX206)';
REVOKE ALL ON FUNCTION stamp_order_feature() FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_order_feature() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  given CONSTANT jsonb := to_jsonb(NEW);
  competition CONSTANT bigint := (given ->> 'competition_id')::bigint;
  allowed CONSTANT text[] := coalesce((SELECT t.order_features FROM competition_terms t WHERE t.competition_id = competition), '{}');
  refused record;
BEGIN
  SELECT f.name, given ->> f.name AS value, f.feature INTO refused
  FROM (VALUES ('bid_terms', 'minimum_share', CASE WHEN (given ->> 'minimum_share')::numeric = 1 THEN 'all_or_nothing' ELSE 'minimum' END),
               -- the whole of it in kW is all or nothing, too
               ('bid_terms', 'minimum_kw', CASE WHEN 'minimum' <> ALL (allowed) AND (given ->> 'minimum_kw')::numeric = (SELECT b.power_kw FROM bid b WHERE b.id = (given ->> 'bid_id')::bigint) THEN 'all_or_nothing' ELSE 'minimum' END),
               ('bid_terms', 'start_up_cost', 'start_up'), ('bid_step', 'step', 'steps'), ('bid_group', 'kind', given ->> 'kind'), ('bid_link', 'parent_bid_id', 'link')) AS f (table_name, name, feature)
  WHERE f.table_name = TG_TABLE_NAME AND given ->> f.name IS NOT NULL AND f.feature <> ALL (allowed) LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%.% "%" is not taken by competition %', TG_TABLE_NAME, refused.name, refused.value, competition
      USING ERRCODE = 'MX207', HINT = format('It takes %s; %s is not among them.', coalesce(nullif(array_to_string(allowed, ', '), ''), 'plain bids alone'), refused.feature);
  END IF;
  IF given ->> 'lot_id' IS NOT NULL AND NOT EXISTS (SELECT FROM competition_lot l WHERE l.id = (given ->> 'lot_id')::bigint AND l.competition_id = competition) THEN
    RAISE EXCEPTION '%.lot_id % is not a lot of competition %', TG_TABLE_NAME, given ->> 'lot_id', competition
      USING ERRCODE = 'MX207', HINT = 'Table competition_lot has its lots.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION check_order_feature() IS 'trigger: a bid says only what its competition takes; error MX207';
REVOKE ALL ON FUNCTION check_order_feature() FROM PUBLIC;

-- Links and groups of one provider in one competition are written in turn: two sessions do not close a circle between them.
CREATE OR REPLACE FUNCTION take_turn_with_orders(competition_id bigint, service_provider_id bigint) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
  SELECT pg_advisory_xact_lock(hashtextextended(format('bid_group %s %s %s', current_schema(), take_turn_with_orders.competition_id, take_turn_with_orders.service_provider_id), 0))
$function$;
COMMENT ON FUNCTION take_turn_with_orders(bigint, bigint) IS 'waits for other transactions that write groups and links of a provider in a competition; called by triggers';
REVOKE ALL ON FUNCTION take_turn_with_orders(bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_turn_with_orders(bigint, bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION depends_on_itself(bid_id bigint) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- up through parents and whole blocks: a circle has a link in it
  WITH RECURSIVE above (id, through_link) AS (
    SELECT depends_on_itself.bid_id, false
    UNION
    SELECT next.id, above.through_link OR next.is_link FROM above CROSS JOIN LATERAL (
      SELECT l.parent_bid_id AS id, true AS is_link FROM bid_link l WHERE l.child_bid_id = above.id
      UNION ALL
      SELECT s.bid_id, false FROM bid_group_member m JOIN bid_group g ON g.id = m.bid_group_id AND g.kind = 'block' JOIN bid_group_member s ON s.bid_group_id = g.id WHERE m.bid_id = above.id) next)
  SELECT EXISTS (SELECT FROM above a WHERE a.through_link AND a.id = depends_on_itself.bid_id)
$function$;
COMMENT ON FUNCTION depends_on_itself(bigint) IS 'true when links lead from a bid, or the block that it is of, back to it';
REVOKE ALL ON FUNCTION depends_on_itself(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION depends_on_itself(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION check_bid_link() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM take_turn_with_orders(NEW.competition_id, NEW.service_provider_id);
  IF NOT EXISTS (SELECT FROM bid b WHERE b.id = NEW.parent_bid_id AND b.competition_id = NEW.competition_id AND b.service_provider_id = NEW.service_provider_id) THEN
    RAISE EXCEPTION 'bid_link.parent_bid_id % is not a bid of participant % in competition %', NEW.parent_bid_id, NEW.service_provider_id, NEW.competition_id
      USING ERRCODE = 'MX210', HINT = 'Links join bids of one provider in one competition.';
  ELSIF depends_on_itself(NEW.child_bid_id) THEN
    RAISE EXCEPTION 'bid_link.parent_bid_id % closes a circle of links through bid %', NEW.parent_bid_id, NEW.child_bid_id
      USING ERRCODE = 'MX210', HINT = 'A bid, with the block that it is of, depends on others and not on itself.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_bid_link() IS 'trigger: links are of one provider and one competition, and no bid depends on itself; error MX210';
REVOKE ALL ON FUNCTION check_bid_link() FROM PUBLIC;

CREATE OR REPLACE FUNCTION check_bid_group_member() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  joined CONSTANT bid_group := (SELECT g FROM bid_group g WHERE g.id = NEW.bid_group_id);
  other record;
BEGIN
  PERFORM take_turn_with_orders(NEW.competition_id, NEW.service_provider_id);
  IF (joined.competition_id, joined.service_provider_id) IS DISTINCT FROM (NEW.competition_id, NEW.service_provider_id) THEN
    RAISE EXCEPTION 'bid_group_member.bid_id % is not a bid of the provider and competition of bid_group_id %', NEW.bid_id, NEW.bid_group_id
      USING ERRCODE = 'MX210', HINT = 'A group is of bids of one provider in one competition.';
  END IF;
  SELECT g.id INTO other FROM bid_group_member m JOIN bid_group g ON g.id = m.bid_group_id
  WHERE m.bid_id = NEW.bid_id AND g.kind = joined.kind AND g.kind <> 'exclusive' AND g.id <> joined.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'bid_group_member.bid_id % is of % % already', NEW.bid_id, joined.kind, other.id
      USING ERRCODE = 'MX210', HINT = format('A bid is of one %s.', joined.kind);
  END IF;
  SELECT o.id, b.unit_id = o.unit_id AND b.direction = o.direction AS same INTO other
  FROM bid b CROSS JOIN bid_group_member m JOIN bid o ON o.id = m.bid_id
  WHERE joined.kind = 'ramp' AND b.id = NEW.bid_id AND m.bid_group_id = NEW.bid_group_id AND o.id <> b.id
    AND (o.delivery_window && b.delivery_window OR b.unit_id <> o.unit_id OR b.direction <> o.direction) ORDER BY o.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'bid_group_member.bid_id % % bid % of ramp %', NEW.bid_id, CASE WHEN other.same THEN 'overlaps' ELSE 'is of another unit or direction than' END, other.id, joined.id
      USING ERRCODE = 'MX210', HINT = 'A ramp is of bids of one unit and direction, one after another.';
  ELSIF depends_on_itself(NEW.bid_id) THEN
    RAISE EXCEPTION 'bid_group_member.bid_id % closes a circle of links through block %', NEW.bid_id, NEW.bid_group_id
      USING ERRCODE = 'MX210', HINT = 'A bid, with the block that it is of, depends on others and not on itself.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_bid_group_member() IS 'trigger: groups are of one provider and one competition, a bid is of one block and one ramp, and no block depends on itself; error MX210';
REVOKE ALL ON FUNCTION check_bid_group_member() FROM PUBLIC;

-- Whole at commit: a bid and its steps are written one after another.
CREATE OR REPLACE FUNCTION check_order_whole() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  whole bid;
  steps record;
  least_kw numeric;
  wrong record;
BEGIN
  SELECT * INTO whole FROM bid b WHERE b.id = (to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END) ->> CASE TG_TABLE_NAME WHEN 'bid' THEN 'id' ELSE 'bid_id' END)::bigint;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT count(*) AS number, max(s.step) AS last, sum(s.power_kw) AS power_kw,
         bool_and(coalesce(s.availability_price_per_mw_h, 0) >= before_availability AND coalesce(s.utilisation_price_per_mwh, 0) >= before_utilisation) AS rise INTO steps
  FROM (SELECT x.*, lag(coalesce(x.availability_price_per_mw_h, 0), 1, coalesce(x.availability_price_per_mw_h, 0)) OVER w AS before_availability,
               lag(coalesce(x.utilisation_price_per_mwh, 0), 1, coalesce(x.utilisation_price_per_mwh, 0)) OVER w AS before_utilisation
        FROM bid_step x WHERE x.bid_id = whole.id WINDOW w AS (ORDER BY x.step)) s;
  IF steps.number > 0 THEN
    IF steps.last <> steps.number THEN
      RAISE EXCEPTION 'bid_step.step % of bid % is the last of % steps', steps.last, whole.id, steps.number USING ERRCODE = 'MX210', HINT = 'Steps are counted from 1 without gaps.';
    ELSIF steps.power_kw <> whole.power_kw THEN
      RAISE EXCEPTION 'bid_step.power_kw of bid % is % together, and bid.power_kw %', whole.id, steps.power_kw, whole.power_kw USING ERRCODE = 'MX210', HINT = 'Each step is so many kW more; together they are the bid.';
    ELSIF NOT steps.rise THEN
      RAISE EXCEPTION 'prices of bid_step of bid % fall from one step to the next', whole.id USING ERRCODE = 'MX210', HINT = 'A later step is bought after an earlier one, and is not cheaper.';
    ELSIF num_nonnulls(whole.availability_price_per_mw_h, whole.utilisation_price_per_mwh) > 0 THEN
      RAISE EXCEPTION 'bid.availability_price_per_mw_h % and utilisation_price_per_mwh % of bid % stand beside steps', coalesce(whole.availability_price_per_mw_h::text, 'NULL'),
                      coalesce(whole.utilisation_price_per_mwh::text, 'NULL'), whole.id USING ERRCODE = 'MX210', HINT = 'A bid with steps has its prices there, and none of its own.';
    END IF;
    IF (SELECT c.source IS NULL FROM competition c WHERE c.id = whole.competition_id) THEN
      SELECT x.* INTO wrong FROM refused_bids(ARRAY[whole.competition_id], ARRAY[whole]) x LIMIT 1;
      IF FOUND THEN
        RAISE EXCEPTION '%', wrong.problem USING ERRCODE = wrong.error, HINT = wrong.hint;
      END IF;
    END IF;
  END IF;
  SELECT t.minimum_kw INTO least_kw FROM bid_terms t WHERE t.bid_id = whole.id;
  IF least_kw > whole.power_kw THEN
    RAISE EXCEPTION 'bid_terms.minimum_kw % of bid % is more than bid.power_kw %', least_kw, whole.id, whole.power_kw USING ERRCODE = 'MX210', HINT = 'The least that is accepted is at most the whole bid.';
  END IF;
  IF (SELECT t.competition_id FROM bid_terms t WHERE t.bid_id = whole.id UNION SELECT s.competition_id FROM bid_step s WHERE s.bid_id = whole.id
      UNION SELECT m.competition_id FROM bid_group_member m WHERE m.bid_id = whole.id UNION SELECT l.competition_id FROM bid_link l WHERE whole.id IN (l.child_bid_id, l.parent_bid_id) LIMIT 1) <> whole.competition_id THEN
    RAISE EXCEPTION 'bid.competition_id % of bid % is not that of what it says', whole.competition_id, whole.id USING ERRCODE = 'MX210', HINT = 'Withdraw the bid and make another.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_order_whole() IS
  'constraint trigger, at commit: the steps of a bid are counted from 1, do not fall, and are together its power; what is least accepted is no more than that; errors MX207 to MX210';
REVOKE ALL ON FUNCTION check_order_whole() FROM PUBLIC;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid_terms', 'bid_step', 'bid_group', 'bid_group_member', 'bid_link'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_stamp BEFORE INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION stamp_order_feature()', name);
    EXECUTE format('COMMENT ON TRIGGER t10_stamp ON %I IS ''of the competition and provider of its bid, while the gate is open''', name);
    IF name <> 'bid_group_member' THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER t20_taken BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION check_order_feature()', name);
      EXECUTE format('COMMENT ON TRIGGER t20_taken ON %I IS ''the competition takes it''', name);
    END IF;
    IF name IN ('bid_group_member', 'bid_link') THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER t30_together AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION %I()', name, 'check_' || name);
      EXECUTE format('COMMENT ON TRIGGER t30_together ON %I IS ''of one provider and competition, and in no circle''', name);
    END IF;
    IF name IN ('bid_terms', 'bid_step') THEN
      EXECUTE format('DROP TRIGGER IF EXISTS t40_whole ON %I', name);
      EXECUTE format('CREATE CONSTRAINT TRIGGER t40_whole AFTER INSERT OR UPDATE OR DELETE ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_order_whole()', name);
      EXECUTE format('COMMENT ON TRIGGER t40_whole ON %I IS ''fits its bid at commit''', name);
    END IF;
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_kind_is_kept BEFORE UPDATE OF kind ON bid_group FOR EACH ROW WHEN (OLD.kind <> NEW.kind) EXECUTE FUNCTION refuse_change('kind', 'Make another group.');
COMMENT ON TRIGGER t10_kind_is_kept ON bid_group IS 'its bids were judged by its kind';
DROP TRIGGER IF EXISTS t40_whole ON bid;
CREATE CONSTRAINT TRIGGER t40_whole AFTER UPDATE OF power_kw, availability_price_per_mw_h, utilisation_price_per_mwh, competition_id ON bid DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN ((OLD.power_kw, OLD.availability_price_per_mw_h, OLD.utilisation_price_per_mwh, OLD.competition_id) IS DISTINCT FROM (NEW.power_kw, NEW.availability_price_per_mw_h, NEW.utilisation_price_per_mwh, NEW.competition_id))
  EXECUTE FUNCTION check_order_whole();
COMMENT ON TRIGGER t40_whole ON bid IS 'its steps and its minimum fit it at commit';

-- ------------------------------------------------------------------ gates after that of the bids

CREATE OR REPLACE FUNCTION competition_gates(competition_id bigint, delivery timestamptz) RETURNS TABLE (stage text, closes_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  SELECT s.stage, CASE WHEN s.stage = 'bid' THEN c.gate_closes_at
                       WHEN g.stage IS NOT NULL THEN gate_before(competition_gates.delivery, m.time_zone, g.closes_before, g.at_time, g.on_weekday)
                       ELSE gate_closure(m.id, s.stage, competition_gates.delivery) END
  FROM competition c JOIN product p ON p.id = c.product_id JOIN market m ON m.id = p.market_id
  CROSS JOIN unnest(ARRAY['need', 'bid', 'award', 'availability', 'baseline', 'instruction']) WITH ORDINALITY AS s (stage, n)
  LEFT JOIN competition_gate g ON g.competition_id = c.id AND g.stage = s.stage
  WHERE c.id = competition_gates.competition_id ORDER BY s.n
$function$;
COMMENT ON FUNCTION competition_gates(bigint, timestamptz) IS
  'until when each stage of a competition is open for a delivery that starts at that instant: its own gate of bids, its gates (competition_gate) and otherwise those of its market (market_gate); NULL where there is none';
REVOKE ALL ON FUNCTION competition_gates(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION competition_gates(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION check_availability_gate() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  late record;
BEGIN
  IF pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RETURN NULL;
  END IF;
  SELECT n.id, n.delivery_window, b.competition_id, g.closes_at INTO late
  FROM new_rows n JOIN award a ON a.id = n.award_id JOIN bid b ON b.id = a.bid_id
  CROSS JOIN LATERAL competition_gates(b.competition_id, lower(n.delivery_window)) g
  WHERE n.source IS NULL AND n.service_provider_id = current_participant() AND g.stage = 'availability' AND g.closes_at <= clock_timestamp() ORDER BY n.id LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'availability % for % comes too late: the gate closed at %', late.id, late.delivery_window, late.closes_at
      USING ERRCODE = 'MX206', HINT = format('competition_gates(%s, delivery) has the gates.', late.competition_id);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION check_availability_gate() IS 'trigger: a provider declares availability of what a competition awarded while that gate is open; error MX206';
REVOKE ALL ON FUNCTION check_availability_gate() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_gate_insert AFTER INSERT ON availability REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION check_availability_gate();
COMMENT ON TRIGGER t20_gate_insert ON availability IS 'availability is declared while its gate is open';
