-- archetype: thick
-- Secondary trading: offers and their life, moving the power, and the chain of custody.
--
-- Locks: the award first, then the transfer.  Whoever writes a child of an award holds it FOR SHARE (post_commitment()),
-- so a dispatch, an availability and a transfer of one award follow one another, and each sees what the other left.
--
--   offer_transfer() -> offered -> accept_transfer() -> accepted -> consent_to_transfer() -> consented -> completed
--
-- The rules are asked three times, each time by doing it and, unless it is to stay, taking it back: try_transfer().

SELECT protect_table('transfer_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['award_transfer', 'transfer_price', 'transfer_step', 'transfer_check', 'award_holding']) t;
-- written by the functions below alone
REVOKE INSERT, UPDATE, DELETE ON award_transfer, transfer_price, transfer_step, transfer_check, award_holding FROM flexexchange_operator;
GRANT SELECT ON award_transfer, transfer_price, transfer_step, transfer_check, award_holding TO flexexchange_participant;
GRANT INSERT (product_id, valid, kinds, consent_needed, consent_within, silence, smallest_power_kw, latest_before, must_have_bid, must_be_qualified, confirmed, source), UPDATE (valid)
  ON transfer_terms TO flexexchange_participant;
DROP POLICY IF EXISTS transfer_terms_insert_own ON transfer_terms;
CREATE POLICY transfer_terms_insert_own ON transfer_terms FOR INSERT TO flexexchange_participant WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY transfer_terms_insert_own ON transfer_terms IS 'TRANSFER-MO-1: a buyer says what may be passed on of its products';
DROP POLICY IF EXISTS transfer_terms_update_own ON transfer_terms;
CREATE POLICY transfer_terms_update_own ON transfer_terms FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids()))) WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY transfer_terms_update_own ON transfer_terms IS 'TRANSFER-MO-2: a buyer ends the terms of its products';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF id, product_id, kinds, consent_needed, consent_within, silence, smallest_power_kw, latest_before, must_have_bid, must_be_qualified, confirmed, source ON transfer_terms
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'End the terms and insert others: offers go by them to their end.');
COMMENT ON TRIGGER t10_is_kept ON transfer_terms IS 'offers go by the terms that they were made under';

-- what the session's provider could take over
CREATE OR REPLACE FUNCTION open_offer_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT t.id FROM award_transfer t JOIN transfer_terms x ON x.id = t.transfer_terms_id
  WHERE t.is_open AND t.status = 'offered' AND t.transferor_id <> current_participant() AND current_participant_is('service_provider')
    AND (NOT x.must_be_qualified OR EXISTS (
      SELECT FROM qualification q
      WHERE q.service_provider_id = current_participant() AND q.product_id = t.product_id AND q.status <> 'rejected' AND (q.status = 'temporary_qualified' OR num_nonnulls(q.prequalified_at, q.verified_at) > 0)
        AND NOT EXISTS (SELECT FROM suspension s WHERE s.qualification_id = q.id AND s.status = 'suspended')))
$function$;
COMMENT ON FUNCTION open_offer_ids() IS
  'the open offers that the session''s participant could accept: of products of which it has an approved unit, or whose terms ask for none; SECURITY DEFINER because policies of the offers ask it';
REVOKE ALL ON FUNCTION open_offer_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_offer_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

DROP POLICY IF EXISTS award_transfer_read_own ON award_transfer;
CREATE POLICY award_transfer_read_own ON award_transfer FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant()) IN (transferor_id, transferee_id));
COMMENT ON POLICY award_transfer_read_own ON award_transfer IS 'TRANSFER-SP-1: transferor and transferee read their transfers';
DROP POLICY IF EXISTS award_transfer_read_open ON award_transfer;
CREATE POLICY award_transfer_read_open ON award_transfer FOR SELECT TO flexexchange_participant
  USING (id = ANY (ARRAY(SELECT open_offer_ids())));
COMMENT ON POLICY award_transfer_read_open ON award_transfer IS 'TRANSFER-SP-2: a provider reads the open offers that it could accept: of products that it has an approved unit for, or that ask for none';
DROP POLICY IF EXISTS award_transfer_read_bought ON award_transfer;
CREATE POLICY award_transfer_read_bought ON award_transfer FOR SELECT TO flexexchange_participant
  USING (unit_id IS NOT NULL AND product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY award_transfer_read_bought ON award_transfer IS 'TRANSFER-MO-3: a buyer reads the transfers of its products once they were accepted';
DROP POLICY IF EXISTS transfer_price_read ON transfer_price;
CREATE POLICY transfer_price_read ON transfer_price FOR SELECT TO flexexchange_participant
  USING (award_transfer_id IN (SELECT t.id FROM award_transfer t WHERE t.transferor_id = (SELECT current_participant()) OR t.transferee_id = (SELECT current_participant())
                                 OR t.id = ANY (ARRAY(SELECT open_offer_ids()))));
COMMENT ON POLICY transfer_price_read ON transfer_price IS 'TRANSFER-SP-3: the price between the two is read by them, and while an offer is open by those that may accept it';
DROP POLICY IF EXISTS transfer_step_read ON transfer_step;
CREATE POLICY transfer_step_read ON transfer_step FOR SELECT TO flexexchange_participant
  USING (award_transfer_id IN (SELECT t.id FROM award_transfer t));
COMMENT ON POLICY transfer_step_read ON transfer_step IS 'TRANSFER-1: whoever reads a transfer reads its steps';
DROP POLICY IF EXISTS transfer_check_read_own ON transfer_check;
CREATE POLICY transfer_check_read_own ON transfer_check FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY transfer_check_read_own ON transfer_check IS 'TRANSFER-SP-4: a provider reads what was found on its own units';
DROP POLICY IF EXISTS award_holding_read_own ON award_holding;
CREATE POLICY award_holding_read_own ON award_holding FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) OR sub_contractor_id = (SELECT current_participant())
         OR (because IN ('novation', 'sub_contract') AND award_transfer_id = ANY (ARRAY(SELECT t.id FROM award_transfer t WHERE (SELECT current_participant()) IN (t.transferor_id, t.transferee_id)))));
COMMENT ON POLICY award_holding_read_own ON award_holding IS 'TRANSFER-SP-5: a provider reads what it holds or held, delivers for others, passed on or took over, and not what another kept';
DROP POLICY IF EXISTS award_holding_read_bought ON award_holding;
CREATE POLICY award_holding_read_bought ON award_holding FOR SELECT TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY award_holding_read_bought ON award_holding IS 'TRANSFER-MO-4: a buyer reads the chain of custody of what it bought';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['award_transfer', 'transfer_price', 'transfer_step', 'transfer_check', 'award_holding'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was passed on is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['transfer_price', 'transfer_step', 'transfer_check'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change(''values'', ''Withdraw the offer and make another.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_is_kept ON %I IS ''what was offered and found stays''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON award_transfer
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > offered', 'offered > accepted declined refused withdrawn lapsed',
    'accepted > consented completed consent_refused refused withdrawn lapsed', 'consented > completed refused');
COMMENT ON TRIGGER t10_status ON award_transfer IS 'nothing moves that was not accepted, and what came to an end stays so';
CREATE OR REPLACE FUNCTION record_transfer_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
    INSERT INTO transfer_step (award_transfer_id, status, reason, happened_at) VALUES (NEW.id, NEW.status, NEW.reason, NEW.happened_at);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_transfer_step() IS 'trigger: keeps every step of a transfer; SECURITY DEFINER because nobody writes transfer_step itself';
REVOKE ALL ON FUNCTION record_transfer_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_step AFTER INSERT OR UPDATE OF status ON award_transfer FOR EACH ROW EXECUTE FUNCTION record_transfer_step();
COMMENT ON TRIGGER t20_step ON award_transfer IS 'every step is kept';

-- ------------------------------------------------------------------ what of an award is used

CREATE OR REPLACE FUNCTION award_use(award_id bigint, besides bigint DEFAULT NULL) RETURNS TABLE (use_id bigint, is_whole boolean, power_kw numeric, delivery_window time_window)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT v.id, true, v.power_kw, v.delivery_window FROM availability v
  WHERE v.award_id = award_use.award_id AND v.status IN ('declared', 'held', 'accepted', 'completed')
  UNION ALL
  SELECT coalesce(d.availability_id, d.id), d.availability_id IS NULL, d.power_kw, d.delivery_window
  FROM dispatch d LEFT JOIN availability v ON v.id = d.availability_id
  WHERE coalesce(v.award_id, d.award_id) = award_use.award_id AND (d.live OR d.status = 'held')
    AND NOT EXISTS (SELECT FROM dispatch s WHERE s.supersedes_id = d.id AND s.live)
  UNION ALL
  SELECT - t.id, true, t.power_kw, t.delivery_window FROM award_transfer t
  WHERE t.award_id = award_use.award_id AND t.status IN ('accepted', 'consented') AND t.id IS DISTINCT FROM besides;
END;
COMMENT ON FUNCTION award_use(bigint, bigint) IS
  'what an award is used for: availability that was declared or accepted, dispatches, and transfers that were accepted (by minus their id), but for one; not whole: a dispatch within the availability of that id; kW and window of each';
REVOKE ALL ON FUNCTION award_use(bigint, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION award_used_kw(award_id bigint, within time_window, besides bigint DEFAULT NULL, uses bigint[] DEFAULT NULL) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  -- the sum is greatest where one of them begins
  SELECT coalesce(max(s.kw), 0)
  FROM (SELECT lower(within) AS at UNION SELECT lower(u.delivery_window) FROM award_use(award_used_kw.award_id, besides) u WHERE within @> lower(u.delivery_window)) p
  CROSS JOIN LATERAL (
    SELECT sum(x.kw) AS kw FROM (
      SELECT greatest(sum(u.power_kw) FILTER (WHERE u.is_whole), sum(u.power_kw) FILTER (WHERE NOT u.is_whole)) AS kw
      FROM award_use(award_used_kw.award_id, besides) u WHERE u.delivery_window @> p.at AND (uses IS NULL OR u.use_id = ANY (uses)) GROUP BY u.use_id) x) s;
END;
COMMENT ON FUNCTION award_used_kw(bigint, time_window, bigint, bigint[]) IS
  'the most of an award that is used at one instant of a window, kW: an availability counts once with the dispatches out of it, the greater of the two; but for one transfer, and of some uses alone when they are given';
REVOKE ALL ON FUNCTION award_used_kw(bigint, time_window, bigint, bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION transferable_kw(award_id bigint, within time_window DEFAULT NULL) RETURNS numeric
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT CASE WHEN a.status <> 'awarded' OR NOT coalesce(within, a.delivery_window) <@ a.delivery_window THEN 0
              ELSE greatest(a.power_kw - award_used_kw(a.id, coalesce(within, a.delivery_window)), 0) END
  FROM award a
  WHERE a.id = transferable_kw.award_id
    AND (acts_for_exchange() OR a.service_provider_id = current_participant() OR a.product_id = ANY (ARRAY(SELECT own_product_ids())))
$function$;
COMMENT ON FUNCTION transferable_kw(bigint, time_window) IS
  'power of an award that can be passed on throughout a window (NULL: all of it), kW: what is not dispatched, declared or accepted as available, or promised in a transfer that was accepted; NULL: no such award for the caller; SECURITY DEFINER because promises to others count too, and the caller is checked';
REVOKE ALL ON FUNCTION transferable_kw(bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION transferable_kw(bigint, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ who may take it over

CREATE OR REPLACE FUNCTION transfer_obstacles_of(t award_transfer, at timestamptz) RETURNS TABLE (obstacle text, detail text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  WITH x AS (SELECT a.status, a.power_kw, a.delivery_window, terms.latest_before, terms.must_have_bid, terms.must_be_qualified, p.market_id,
                    a.power_kw - award_used_kw(a.id, t.delivery_window, t.id) AS free_kw,
                    coalesce((SELECT h.first_award_id FROM award_holding h WHERE h.award_id = a.id AND h.held_until IS NULL), a.id) AS first_award_id
             FROM award a JOIN transfer_terms terms ON terms.id = t.transfer_terms_id JOIN product p ON p.id = t.product_id WHERE a.id = t.award_id),
  q AS (SELECT * FROM qualification q WHERE q.unit_id = t.unit_id AND q.product_id = t.product_id AND q.service_provider_id = t.transferee_id)
  SELECT o.obstacle, o.detail FROM (
    SELECT 1, 'too_late', format('it has to be complete %s before delivery, by %s', x.latest_before, lower(t.delivery_window) - x.latest_before) FROM x WHERE at > lower(t.delivery_window) - x.latest_before
    UNION ALL SELECT 2, 'award_does_not_stand', format('award %s is %s', t.award_id, x.status) FROM x WHERE x.status <> 'awarded'
    UNION ALL SELECT 3, 'award_is_used', format('award %s has %s kW left in %s, not %s', t.award_id, CASE WHEN t.delivery_window <@ x.delivery_window THEN trim_scale(greatest(x.free_kw, 0)) ELSE 0 END, t.delivery_window, trim_scale(t.power_kw))
      FROM x WHERE x.status = 'awarded' AND (NOT t.delivery_window <@ x.delivery_window OR x.free_kw < t.power_kw)
    UNION ALL SELECT 4, 'not_a_provider', 'only service providers take over' FROM participant p WHERE p.id = t.transferee_id AND NOT 'service_provider' = ANY (p.kinds)
    UNION ALL SELECT 5, 'not_accredited', format('its accreditation is %s', a.status) FROM accreditation a WHERE a.participant_id = t.transferee_id AND a.kind = 'service_provider' AND a.status IN ('suspended', 'withdrawn')
    UNION ALL SELECT 6, 'not_admitted', format('the market has it %s', a.status) FROM x JOIN admission a ON a.market_id = x.market_id WHERE a.service_provider_id = t.transferee_id AND a.status <> 'admitted'
    UNION ALL SELECT 7, 'not_its_unit', format('%s %s is not its own throughout %s', CASE WHEN t.asset_id IS NULL THEN 'portfolio' ELSE 'asset' END, t.unit_id, t.delivery_window)
      WHERE t.unit_id IS NOT NULL AND NOT EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = t.asset_id AND o.service_provider_id = t.transferee_id AND o.valid @> t.delivery_window)
        AND NOT EXISTS (SELECT FROM portfolio f WHERE f.id = t.portfolio_id AND f.service_provider_id = t.transferee_id)
    UNION ALL SELECT 8, 'unit_is_disconnected', format('asset %s is disconnected', a.id) FROM asset a WHERE a.id = t.asset_id AND a.connection_status = 'disconnected'
        AND EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = a.id AND o.service_provider_id = t.transferee_id)
    UNION ALL SELECT 9, 'not_qualified', 'the unit has not applied for the product' FROM x WHERE x.must_be_qualified AND t.unit_id IS NOT NULL AND NOT EXISTS (SELECT FROM q)
    UNION ALL SELECT 9, 'not_qualified', CASE WHEN q.eligible IS false THEN 'the unit misses requirements of the product' ELSE format('the application of the unit is %s', q.status) END
      FROM x, q WHERE x.must_be_qualified AND (q.eligible IS false OR q.status = 'rejected' OR (q.status <> 'temporary_qualified' AND num_nonnulls(q.prequalified_at, q.verified_at) = 0))
    UNION ALL SELECT 10, 'qualification_ends', format('the approval of the unit holds %s', q.valid) FROM x, q WHERE x.must_be_qualified AND NOT q.valid @> t.delivery_window
    UNION ALL SELECT 11, 'suspended', format('suspended since %s: %s', s.suspended_at, s.reason) FROM q JOIN suspension s ON s.qualification_id = q.id WHERE s.status = 'suspended'
    UNION ALL SELECT 12, 'did_not_bid', 'it had no bid in the competition that the award comes from' FROM x
      WHERE x.must_have_bid AND t.transferee_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM award a JOIN bid b ON b.id = a.bid_id JOIN bid o ON o.competition_id = b.competition_id WHERE a.id = x.first_award_id AND o.service_provider_id = t.transferee_id)
  ) AS o (n, obstacle, detail) ORDER BY o.n
$function$;
COMMENT ON FUNCTION transfer_obstacles_of(award_transfer, timestamptz) IS
  'what keeps a transfer from being, as far as the rules engine is not asked: time, the award, the transferee and, once it is named, its unit; no row: nothing';
REVOKE ALL ON FUNCTION transfer_obstacles_of(award_transfer, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION transfer_obstacles(transfer_id bigint, asset_id bigint DEFAULT NULL, portfolio_id bigint DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS TABLE (obstacle text, detail text)
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  t award_transfer;
BEGIN
  SELECT * INTO t FROM award_transfer x WHERE x.id = transfer_id AND x.transferor_id IS DISTINCT FROM me
    AND (x.transferee_id = me OR acts_for_exchange() OR x.id = ANY (ARRAY(SELECT open_offer_ids())));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'transfer % is not offered to you', coalesce(transfer_id::text, 'NULL') USING ERRCODE = 'insufficient_privilege', HINT = 'See table award_transfer.';
  END IF;
  t.transferee_id := coalesce(me, t.transferee_id);
  t.asset_id := coalesce(transfer_obstacles.asset_id, t.asset_id);
  t.portfolio_id := coalesce(transfer_obstacles.portfolio_id, t.portfolio_id);
  t.unit_id := coalesce(t.asset_id, t.portfolio_id);
  RETURN QUERY SELECT * FROM transfer_obstacles_of(t, at);
END
$function$;
COMMENT ON FUNCTION transfer_obstacles(bigint, bigint, bigint, timestamptz) IS
  'what keeps the caller from taking over with a unit of its own: too_late, award_does_not_stand, award_is_used, not_a_provider, not_accredited, not_admitted, not_its_unit, unit_is_disconnected, not_qualified, qualification_ends, suspended, did_not_bid, each with detail; no row: nothing but perhaps the rules; error 42501; SECURITY DEFINER because it looks at the award of another';
REVOKE ALL ON FUNCTION transfer_obstacles(bigint, bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION transfer_obstacles(bigint, bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ moving the power

-- The award stays with those uses that reach over an end of the window, and with all of them where there is room; the
-- others go along with the piece of time that they lie in.  So no use ever exceeds the award that it is of, and none is
-- of an award that does not cover it.
CREATE OR REPLACE FUNCTION divide_award(t award_transfer, at timestamptz) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  a award;
  held award_holding;
  before time_window;
  after time_window;
  kept numeric;
  ids bigint[] := ARRAY[]::bigint[];
  made bigint;
  piece record;
  uses bigint[];
  is_first boolean := true;
BEGIN
  SELECT * INTO STRICT a FROM award x WHERE x.id = t.award_id;
  before := CASE WHEN lower(t.delivery_window) > lower(a.delivery_window) THEN time_window(lower(a.delivery_window), lower(t.delivery_window)) END;
  after := CASE WHEN upper(t.delivery_window) < upper(a.delivery_window) THEN time_window(upper(t.delivery_window), upper(a.delivery_window)) END;

  -- who held it until now
  SELECT * INTO held FROM award_holding h WHERE h.award_id = a.id AND h.held_until IS NULL;
  IF held.id IS NULL THEN
    INSERT INTO award_holding (first_award_id, award_id, because, product_id, service_provider_id, unit_id, power_kw, delivery_window, held_from)
    VALUES (a.id, a.id, 'awarded', a.product_id, a.service_provider_id, a.unit_id, a.power_kw, a.delivery_window, a.recorded_at) RETURNING * INTO held;
  ELSIF (held.power_kw, held.delivery_window, held.service_provider_id, held.unit_id) IS DISTINCT FROM (a.power_kw, a.delivery_window, a.service_provider_id, a.unit_id) THEN
    UPDATE award_holding h SET held_until = divide_award.at WHERE h.id = held.id;
    INSERT INTO award_holding (parent_id, first_award_id, award_id, because, product_id, service_provider_id, sub_contractor_id, unit_id, power_kw, delivery_window, held_from)
    VALUES (held.id, held.first_award_id, a.id, 'amended', a.product_id, a.service_provider_id, held.sub_contractor_id, a.unit_id, a.power_kw, a.delivery_window, divide_award.at) RETURNING * INTO held;
  END IF;
  UPDATE award_holding h SET held_until = divide_award.at WHERE h.id = held.id;

  IF a.power_kw > t.power_kw AND award_used_kw(a.id, a.delivery_window, t.id) <= a.power_kw - t.power_kw THEN
    kept := a.power_kw - t.power_kw;
  ELSE
    SELECT coalesce(array_agg(u.use_id), '{}') INTO uses
    FROM (SELECT x.use_id, time_window(min(lower(x.delivery_window)), max(upper(x.delivery_window))) AS hull FROM award_use(a.id, t.id) x GROUP BY x.use_id) u
    WHERE NOT (coalesce(u.hull <@ before, false) OR u.hull <@ t.delivery_window OR coalesce(u.hull <@ after, false));
    kept := award_used_kw(a.id, a.delivery_window, t.id, uses);
  END IF;

  FOR piece IN SELECT p.span, p.kw, (SELECT coalesce(array_agg(u.use_id), '{}')
                                     FROM (SELECT x.use_id, time_window(min(lower(x.delivery_window)), max(upper(x.delivery_window))) AS hull FROM award_use(a.id, t.id) x GROUP BY x.use_id) u
                                     WHERE u.hull <@ p.span) AS uses
               FROM (VALUES (before, a.power_kw - kept), (t.delivery_window, a.power_kw - t.power_kw - kept), (after, a.power_kw - kept)) AS p (span, kw)
               WHERE p.span IS NOT NULL LOOP
    -- all of them stay where there is room
    IF uses IS NULL THEN
      piece.uses := '{}';
    ELSIF award_used_kw(a.id, piece.span, t.id, piece.uses) > piece.kw THEN
      RAISE EXCEPTION 'award % cannot be divided so: what is used of it in % reaches over the ends of %', a.id, piece.span, t.delivery_window
        USING ERRCODE = 'MX225', HINT = 'Pass on the window up to where its availability and dispatches begin or end, or less power.';
    END IF;
    CONTINUE WHEN piece.kw <= 0;
    IF is_first AND kept = 0 THEN
      UPDATE award x SET power_kw = piece.kw, delivery_window = piece.span WHERE x.id = a.id;
      made := a.id;
    ELSE
      IF is_first THEN
        UPDATE award x SET power_kw = kept WHERE x.id = a.id;
        ids := ids || a.id;
      END IF;
      INSERT INTO award (bid_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh, status, source)
      VALUES (a.bid_id, a.product_id, a.service_provider_id, a.asset_id, a.portfolio_id, a.direction, piece.kw, piece.span, a.availability_price_per_mw_h, a.utilisation_price_per_mwh, 'awarded', a.source)
      RETURNING id INTO made;
      UPDATE availability v SET award_id = made WHERE v.award_id = a.id AND v.id = ANY (piece.uses);
      UPDATE dispatch d SET award_id = made WHERE d.award_id = a.id AND coalesce(d.availability_id, d.id) = ANY (piece.uses);
      UPDATE award_transfer x SET award_id = made WHERE x.award_id = a.id AND - x.id = ANY (piece.uses);
    END IF;
    is_first := false;
    ids := ids || made;
  END LOOP;
  IF is_first THEN
    IF kept > 0 THEN
      UPDATE award x SET power_kw = kept WHERE x.id = a.id;
      ids := ARRAY[a.id];
    ELSE
      UPDATE award x SET status = 'released' WHERE x.id = a.id;
    END IF;
  END IF;

  INSERT INTO award_holding (parent_id, first_award_id, award_id, award_transfer_id, because, product_id, service_provider_id, sub_contractor_id, unit_id, power_kw, delivery_window, held_from)
  SELECT held.id, held.first_award_id, x.id, t.id, 'remaining', x.product_id, x.service_provider_id, held.sub_contractor_id, x.unit_id, x.power_kw, x.delivery_window, divide_award.at
  FROM award x WHERE x.id = ANY (ids) ORDER BY lower(x.delivery_window), x.id;
  IF t.unit_id IS NOT NULL THEN
    INSERT INTO award (product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, availability_price_per_mw_h, utilisation_price_per_mwh)
    VALUES (a.product_id, CASE t.kind WHEN 'novation' THEN t.transferee_id ELSE t.transferor_id END, t.asset_id, t.portfolio_id, a.direction, t.power_kw, t.delivery_window,
            a.availability_price_per_mw_h, a.utilisation_price_per_mwh)
    RETURNING id INTO made;
    INSERT INTO award_holding (parent_id, first_award_id, award_id, award_transfer_id, because, product_id, service_provider_id, sub_contractor_id, unit_id, power_kw, delivery_window, held_from)
    SELECT held.id, held.first_award_id, x.id, t.id, t.kind, x.product_id, x.service_provider_id, CASE t.kind WHEN 'sub_contract' THEN t.transferee_id END, x.unit_id, x.power_kw, x.delivery_window, divide_award.at
    FROM award x WHERE x.id = made;
    ids := made || ids;
  ELSE
    ids := NULL::bigint || ids;
  END IF;
  -- no bid won what was passed on: of which framework it is goes along
  INSERT INTO framework_holding (award_id, competition_id)
  SELECT x.id, competition_of_award(a.id) FROM award x WHERE x.id = ANY (ids) AND x.bid_id IS NULL AND competition_of_award(a.id) IS NOT NULL ORDER BY x.id ON CONFLICT DO NOTHING;
  -- offers that nobody accepted yet go along with a piece that carries them
  UPDATE award_transfer o SET award_id = x.id
  FROM (SELECT w.id AS transfer_id, min(x.id) AS id FROM award_transfer w JOIN award x ON x.id = ANY (ids[2:]) AND w.delivery_window <@ x.delivery_window AND w.power_kw <= x.power_kw
        WHERE w.award_id = a.id AND w.status = 'offered' AND w.id <> t.id
          AND NOT EXISTS (SELECT FROM award y WHERE y.id = a.id AND y.status = 'awarded' AND w.delivery_window <@ y.delivery_window AND w.power_kw <= y.power_kw) GROUP BY w.id) x
  WHERE o.id = x.transfer_id;
  RETURN ids;
END
$function$;
COMMENT ON FUNCTION divide_award(award_transfer, timestamptz) IS
  'moves the power of a transfer: makes the award of the transferor smaller, divides or releases it, lets what it is used for go along, makes the award of the unit that takes over (where it is named) and writes the chain of custody; returns the new award (NULL: no unit is named), then what remains; error MX225';
REVOKE ALL ON FUNCTION divide_award(award_transfer, timestamptz) FROM PUBLIC;

CREATE OR REPLACE FUNCTION try_transfer(t award_transfer, stage text, at timestamptz, keep boolean, OUT verdict text, OUT obstacles jsonb, OUT findings jsonb, OUT new_award_id bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET flexexchange.detect_always = on
AS $function$
DECLARE
  ids bigint[];
  falls bigint;
BEGIN
  findings := '[]';
  SELECT coalesce(jsonb_agg(jsonb_build_object('obstacle', o.obstacle, 'detail', o.detail)), '[]') INTO obstacles FROM transfer_obstacles_of(t, at) o;
  verdict := CASE obstacles WHEN '[]' THEN 'clear' ELSE 'ineligible' END;
  IF verdict = 'clear' THEN
    BEGIN
      ids := divide_award(t, at);
      new_award_id := ids[1];
      -- what remains is posted anew, after what others have posted since
      SELECT min(x.id) INTO falls FROM award x WHERE x.id = ANY (ids[2:]) AND x.status <> 'awarded';
      IF falls IS NOT NULL THEN
        verdict := 'blocked';
        obstacles := jsonb_build_array(jsonb_build_object('obstacle', 'remainder_does_not_stand', 'detail', 'what remains of the award would not stand'));
      ELSIF new_award_id IS NOT NULL THEN
        SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', f.kind, 'severity', f.severity, 'start', lower(f.overlap), 'end', upper(f.overlap),
                                                                       'short_kw', f.short_kw, 'message', f.message, 'rationale', f.rationale)) ORDER BY f.conflict_id), '[]')
          INTO findings FROM findings_on_trade('award', new_award_id, t.transferee_id) f WHERE f.open OR (SELECT x.status FROM award x WHERE x.id = ids[1]) <> 'awarded';
        verdict := CASE WHEN (SELECT x.status FROM award x WHERE x.id = ids[1]) <> 'awarded' OR findings @> '[{"severity": "blocking"}]' THEN 'blocked' WHEN findings <> '[]' THEN 'advisory' ELSE 'clear' END;
      END IF;
      IF NOT keep OR verdict = 'blocked' THEN
        RAISE EXCEPTION USING ERRCODE = 'MX229', MESSAGE = 'a transfer that was only tried is taken back';
      END IF;
    EXCEPTION
      WHEN SQLSTATE 'MX229' THEN
        new_award_id := NULL;
      WHEN SQLSTATE 'MX225' THEN
        new_award_id := NULL;
        verdict := 'ineligible';
        obstacles := jsonb_build_array(jsonb_build_object('obstacle', 'award_cannot_be_divided', 'detail', SQLERRM));
    END;
  END IF;
  INSERT INTO transfer_check (award_transfer_id, stage, service_provider_id, asset_id, portfolio_id, verdict, obstacles, findings)
  VALUES (t.id, try_transfer.stage, CASE WHEN t.unit_id IS NULL THEN t.transferor_id ELSE t.transferee_id END, t.asset_id, t.portfolio_id, verdict, obstacles, findings);
END
$function$;
COMMENT ON FUNCTION try_transfer(award_transfer, text, timestamptz, boolean) IS
  'does a transfer, looks at what the rules engine finds on it, and takes it back where it is not to be kept or does not stand: a blocking finding on the award of the transferee, or a part that remains and is held or rejected; keeps what was found';
REVOKE ALL ON FUNCTION try_transfer(award_transfer, text, timestamptz, boolean) FROM PUBLIC;

CREATE OR REPLACE FUNCTION complete_transfer(t award_transfer, at timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  tried record;
BEGIN
  SELECT * INTO tried FROM try_transfer(t, 'completion', at, true);
  IF tried.new_award_id IS NOT NULL THEN
    UPDATE award_transfer x SET status = 'completed', new_award_id = tried.new_award_id, happened_at = complete_transfer.at WHERE x.id = t.id;
    RETURN 'completed';
  END IF;
  -- the obstacles name what is the parties'; the findings are the transferee's alone
  UPDATE award_transfer x SET status = 'refused', happened_at = complete_transfer.at,
         reason = CASE WHEN tried.obstacles <> '[]' THEN left((SELECT string_agg(o ->> 'detail', '; ') FROM jsonb_array_elements(tried.obstacles) o), 1000) ELSE 'the unit that would take over is committed otherwise' END
  WHERE x.id = t.id;
  RETURN 'refused';
END
$function$;
COMMENT ON FUNCTION complete_transfer(award_transfer, timestamptz) IS 'completes a transfer that was agreed, or refuses it with the reason where eligibility or the rules stand against it now; returns the status';
REVOKE ALL ON FUNCTION complete_transfer(award_transfer, timestamptz) FROM PUBLIC;

-- ------------------------------------------------------------------ offers and answers

-- The award, then the transfer.  Another transfer may meanwhile have made the award a piece of itself.
CREATE OR REPLACE FUNCTION lock_transfer(transfer_id bigint) RETURNS award_transfer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  of_award bigint;
  t award_transfer;
BEGIN
  LOOP
    SELECT x.award_id INTO of_award FROM award_transfer x WHERE x.id = transfer_id;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'transfer % is unknown in this exchange', coalesce(transfer_id::text, 'NULL') USING ERRCODE = 'MX222', HINT = 'See table award_transfer.';
    END IF;
    PERFORM FROM award a WHERE a.id = of_award FOR NO KEY UPDATE;
    SELECT * INTO t FROM award_transfer x WHERE x.id = transfer_id FOR NO KEY UPDATE;
    EXIT WHEN t.award_id = of_award;
  END LOOP;
  RETURN t;
END
$function$;
COMMENT ON FUNCTION lock_transfer(bigint) IS 'locks the award of a transfer and then the transfer, and returns it as it is now; error MX222';
REVOKE ALL ON FUNCTION lock_transfer(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION require_transfer_status(t award_transfer, wanted text[]) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF t.status <> ALL (wanted) THEN
    RAISE EXCEPTION 'transfer % is %, not %', t.id, t.status, array_to_string(wanted, ' or ') USING ERRCODE = 'MX222', HINT = 'transfer_step has what became of it.';
  END IF;
END
$function$;
COMMENT ON FUNCTION require_transfer_status(award_transfer, text[]) IS 'error MX222 where a transfer is in another status than these';
REVOKE ALL ON FUNCTION require_transfer_status(award_transfer, text[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION require_transfer_reason(reason text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF reason IS NULL OR btrim(reason) = '' THEN
    RAISE EXCEPTION 'a reason is missing' USING ERRCODE = 'null_value_not_allowed', HINT = 'Say why: the parties are told.';
  END IF;
END
$function$;
COMMENT ON FUNCTION require_transfer_reason(text) IS 'error 22004 where no reason is given';
REVOKE ALL ON FUNCTION require_transfer_reason(text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION offer_transfer(award_id bigint, power_kw numeric DEFAULT NULL, delivery_window time_window DEFAULT NULL, kind text DEFAULT 'novation', transferee_id bigint DEFAULT NULL,
                                          price numeric DEFAULT NULL, per text DEFAULT 'mw_h', offer_ends_at timestamptz DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  a award;
  terms transfer_terms;
  delivers bigint;
  t award_transfer;
  tried record;
  refused text;
BEGIN
  PERFORM acting_at(offer_transfer.at);
  SELECT * INTO a FROM award x WHERE x.id = offer_transfer.award_id FOR NO KEY UPDATE;
  IF NOT FOUND OR NOT (a.service_provider_id IS NOT DISTINCT FROM me OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER')) THEN
    RAISE EXCEPTION 'award % is not yours to pass on', coalesce(offer_transfer.award_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Its provider passes an award on; see table award.';
  END IF;
  PERFORM check_code(offer_transfer.kind, 'award_transfer.kind', 'novation', 'sub_contract');
  power_kw := coalesce(offer_transfer.power_kw, a.power_kw);
  delivery_window := coalesce(offer_transfer.delivery_window, a.delivery_window);
  SELECT * INTO terms FROM transfer_terms x WHERE x.product_id = a.product_id AND x.valid @> offer_transfer.at;
  refused := CASE WHEN terms.id IS NULL THEN format('awards of product %s are not passed on', a.product_id)
                  WHEN offer_transfer.kind <> ALL (terms.kinds) THEN format('product %s takes no %s', a.product_id, replace(offer_transfer.kind, '_', '-'))
                  WHEN offer_transfer.power_kw < terms.smallest_power_kw THEN format('award_transfer.power_kw %s is less than %s, the least that is passed on of product %s', trim_scale(offer_transfer.power_kw), trim_scale(terms.smallest_power_kw), a.product_id) END;
  IF refused IS NOT NULL THEN
    RAISE EXCEPTION '%', refused USING ERRCODE = 'MX220', HINT = 'transfer_terms says what its buyer allows.';
  END IF;
  SELECT h.sub_contractor_id INTO delivers FROM award_holding h WHERE h.award_id = a.id AND h.held_until IS NULL;
  IF a.status <> 'awarded' OR (delivers IS NOT NULL AND (offer_transfer.kind, offer_transfer.transferee_id) IS DISTINCT FROM ('novation', delivers)) THEN
    RAISE EXCEPTION 'award % is %', a.id, CASE WHEN a.status <> 'awarded' THEN a.status ELSE format('sub-contracted to participant %s', delivers) END
      USING ERRCODE = 'MX221', HINT = CASE WHEN a.status <> 'awarded' THEN 'What stands can be passed on.' ELSE 'Its obligation can be passed on to the sub-contractor alone, by novation.' END;
  END IF;
  IF NOT offer_transfer.delivery_window <@ a.delivery_window OR offer_transfer.power_kw > transferable_kw(a.id, offer_transfer.delivery_window) THEN
    RAISE EXCEPTION 'award % has % kW left in %, not %', a.id, CASE WHEN offer_transfer.delivery_window <@ a.delivery_window THEN trim_scale(transferable_kw(a.id, offer_transfer.delivery_window)) ELSE 0 END,
                    offer_transfer.delivery_window, trim_scale(offer_transfer.power_kw)
      USING ERRCODE = 'MX223', HINT = 'What is dispatched, declared or accepted as available, or promised to others stays: see transferable_kw().';
  END IF;
  INSERT INTO award_transfer (award_id, product_id, transfer_terms_id, kind, transferor_id, is_open, transferee_id, direction, power_kw, delivery_window, offer_ends_at, happened_at)
  VALUES (a.id, a.product_id, terms.id, offer_transfer.kind, a.service_provider_id, offer_transfer.transferee_id IS NULL, offer_transfer.transferee_id, a.direction, offer_transfer.power_kw, offer_transfer.delivery_window,
          least(offer_transfer.offer_ends_at, lower(offer_transfer.delivery_window) - terms.latest_before), offer_transfer.at)
  RETURNING * INTO t;
  IF price IS NOT NULL THEN
    INSERT INTO transfer_price (award_transfer_id, price, per) VALUES (t.id, offer_transfer.price, offer_transfer.per);
  END IF;
  SELECT * INTO tried FROM try_transfer(t, 'offer', offer_transfer.at, false);
  IF tried.verdict IN ('ineligible', 'blocked') THEN
    RAISE EXCEPTION '%', (SELECT CASE WHEN tried.obstacles @> '[{"obstacle": "award_cannot_be_divided"}]' THEN '' ELSE format('award %s cannot be passed on so: ', a.id) END || string_agg(o ->> 'detail', '; ')
                          FROM jsonb_array_elements(tried.obstacles) o)
      USING ERRCODE = CASE WHEN tried.obstacles @> '[{"obstacle": "award_cannot_be_divided"}]' THEN 'MX225' ELSE 'MX224' END,
            HINT = 'transfer_terms has the terms of the product; what remains has to stand, too.';
  END IF;
  RETURN t.id;
END
$function$;
COMMENT ON FUNCTION offer_transfer(bigint, numeric, time_window, text, bigint, numeric, text, timestamptz, timestamptz) IS
  'a provider offers its award, or so many kW of it in a window, to another (NULL: to all that are eligible), by novation or sub_contract, at a price that the transferor pays per mw_h or as a lump_sum, until a time; returns the transfer; errors 42501, 23514, MX220, MX221, MX223, MX224, MX225; SECURITY DEFINER because nobody writes transfers, and the caller is checked';
REVOKE ALL ON FUNCTION offer_transfer(bigint, numeric, time_window, text, bigint, numeric, text, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION offer_transfer(bigint, numeric, time_window, text, bigint, numeric, text, timestamptz, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION accept_transfer(transfer_id bigint, asset_id bigint DEFAULT NULL, portfolio_id bigint DEFAULT NULL, at timestamptz DEFAULT now()) RETURNS TABLE (status text, obstacles jsonb, findings jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  me CONSTANT bigint := current_participant();
  t award_transfer;
  terms transfer_terms;
  tried record;
BEGIN
  PERFORM acting_at(accept_transfer.at);
  PERFORM FROM award_transfer x WHERE x.id = accept_transfer.transfer_id
    AND (x.transferee_id = me OR x.id = ANY (ARRAY(SELECT open_offer_ids())));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'transfer % is not offered to you', coalesce(accept_transfer.transfer_id::text, 'NULL') USING ERRCODE = 'insufficient_privilege', HINT = 'See table award_transfer.';
  END IF;
  PERFORM check_one(num_nonnulls(accept_transfer.asset_id, accept_transfer.portfolio_id), 'accept_transfer.asset_id and portfolio_id');
  t := lock_transfer(accept_transfer.transfer_id);
  PERFORM require_transfer_status(t, '{offered}');
  IF accept_transfer.at >= t.offer_ends_at THEN
    RAISE EXCEPTION 'transfer % was offered until %', t.id, t.offer_ends_at USING ERRCODE = 'MX222', HINT = 'Ask for another offer.';
  END IF;
  SELECT * INTO STRICT terms FROM transfer_terms x WHERE x.id = t.transfer_terms_id;
  t.transferee_id := me;
  t.asset_id := accept_transfer.asset_id;
  t.portfolio_id := accept_transfer.portfolio_id;
  t.unit_id := coalesce(t.asset_id, t.portfolio_id);
  SELECT * INTO tried FROM try_transfer(t, 'acceptance', accept_transfer.at, false);
  obstacles := tried.obstacles;
  findings := tried.findings;
  IF tried.verdict IN ('ineligible', 'blocked') THEN
    -- it stays offered: another unit, or another provider, may do
    status := t.status;
    RETURN NEXT;
    RETURN;
  END IF;
  UPDATE award_transfer x SET status = 'accepted', transferee_id = t.transferee_id, asset_id = t.asset_id, portfolio_id = t.portfolio_id, happened_at = accept_transfer.at,
         consent = CASE WHEN NOT terms.consent_needed THEN 'not_needed' END,
         consent_due_at = CASE WHEN terms.consent_needed THEN least(accept_transfer.at + terms.consent_within, lower(t.delivery_window) - terms.latest_before) END
  WHERE x.id = t.id RETURNING * INTO t;
  status := CASE WHEN terms.consent_needed THEN 'accepted' ELSE complete_transfer(t, accept_transfer.at) END;
  RETURN NEXT;
END
$function$;
COMMENT ON FUNCTION accept_transfer(bigint, bigint, bigint, timestamptz) IS
  'a provider accepts an offer and names its unit; status accepted (the buyer has to consent), completed, refused, or still offered where obstacles or findings, as the provider may know them, stand against it; errors 42501, 23514, MX222; SECURITY DEFINER because awards of two providers change, and the caller is checked';
REVOKE ALL ON FUNCTION accept_transfer(bigint, bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION accept_transfer(bigint, bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION end_transfer(transfer_id bigint, status text, reason text, at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  me CONSTANT bigint := current_participant();
  t award_transfer;
BEGIN
  PERFORM acting_at(end_transfer.at);
  PERFORM check_code(end_transfer.status, 'end_transfer.status', 'declined', 'withdrawn', 'consent_refused');
  PERFORM require_transfer_reason(reason);
  PERFORM FROM award_transfer x WHERE x.id = transfer_id AND (pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') OR
    CASE end_transfer.status WHEN 'declined' THEN x.transferee_id = me
                             WHEN 'withdrawn' THEN x.transferor_id = me OR (x.transferee_id = me AND x.status = 'accepted')
                             WHEN 'consent_refused' THEN x.product_id = ANY (ARRAY(SELECT own_product_ids())) ELSE false END);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'transfer % is not yours to %', coalesce(transfer_id::text, 'NULL'), CASE end_transfer.status WHEN 'declined' THEN 'decline' WHEN 'withdrawn' THEN 'withdraw' ELSE 'refuse' END
      USING ERRCODE = 'insufficient_privilege', HINT = 'Who it is offered to declines it, who offered or accepted it withdraws it, and the buyer refuses its consent.';
  END IF;
  t := lock_transfer(transfer_id);
  PERFORM require_transfer_status(t, CASE end_transfer.status WHEN 'declined' THEN '{offered}'::text[] WHEN 'withdrawn' THEN '{offered,accepted}' ELSE '{accepted}' END);
  UPDATE award_transfer x SET status = end_transfer.status, reason = end_transfer.reason, happened_at = end_transfer.at WHERE x.id = t.id;
END
$function$;
COMMENT ON FUNCTION end_transfer(bigint, text, text, timestamptz) IS
  'ends a transfer: declined, withdrawn or consent_refused, by whoever may, with the reason; errors 42501, 22004, 23514, MX222; SECURITY DEFINER because nobody writes transfers, and the caller is checked';
REVOKE ALL ON FUNCTION end_transfer(bigint, text, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION end_transfer(bigint, text, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION decline_transfer(transfer_id bigint, reason text, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$ SELECT end_transfer(transfer_id, 'declined', reason, at) $function$;
COMMENT ON FUNCTION decline_transfer(bigint, text, timestamptz) IS 'who was named declines an offer, and says why; errors 42501, 22004, MX222';
REVOKE ALL ON FUNCTION decline_transfer(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION decline_transfer(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION withdraw_transfer(transfer_id bigint, reason text, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$ SELECT end_transfer(transfer_id, 'withdrawn', reason, at) $function$;
COMMENT ON FUNCTION withdraw_transfer(bigint, text, timestamptz) IS 'the transferor withdraws an offer, or either party a transfer that waits for consent, and says why; errors 42501, 22004, MX222';
REVOKE ALL ON FUNCTION withdraw_transfer(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_transfer(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION refuse_consent(transfer_id bigint, reason text, at timestamptz DEFAULT now()) RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$ SELECT end_transfer(transfer_id, 'consent_refused', reason, at) $function$;
COMMENT ON FUNCTION refuse_consent(bigint, text, timestamptz) IS 'the buyer refuses its consent, and says why; errors 42501, 22004, MX222';
REVOKE ALL ON FUNCTION refuse_consent(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_consent(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION consent_to_transfer(transfer_id bigint, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  t award_transfer;
BEGIN
  PERFORM acting_at(consent_to_transfer.at);
  PERFORM FROM award_transfer x WHERE x.id = transfer_id AND (x.product_id = ANY (ARRAY(SELECT own_product_ids())) OR pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER'));
  IF NOT FOUND THEN
    RAISE EXCEPTION 'transfer % is not yours to consent to', coalesce(transfer_id::text, 'NULL') USING ERRCODE = 'insufficient_privilege', HINT = 'The buyer of the award consents.';
  END IF;
  t := lock_transfer(transfer_id);
  PERFORM require_transfer_status(t, '{accepted}');
  IF consent_to_transfer.at > t.consent_due_at THEN
    RAISE EXCEPTION 'transfer % waited for consent until %', t.id, t.consent_due_at
      USING ERRCODE = 'MX222', HINT = 'Silence means what transfer_terms says; advance_transfers() carries it out.';
  END IF;
  UPDATE award_transfer x SET status = 'consented', consent = 'given', happened_at = consent_to_transfer.at WHERE x.id = t.id RETURNING * INTO t;
  RETURN complete_transfer(t, consent_to_transfer.at);
END
$function$;
COMMENT ON FUNCTION consent_to_transfer(bigint, timestamptz) IS
  'the buyer consents, and the transfer is completed, or refused where the rules stand against it by now; returns the status; errors 42501, MX222; SECURITY DEFINER because awards of two providers change, and the caller is checked';
REVOKE ALL ON FUNCTION consent_to_transfer(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION consent_to_transfer(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION advance_transfers(at timestamptz DEFAULT now()) RETURNS TABLE (transfer_id bigint, status text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  due record;
  t award_transfer;
  silence text;
BEGIN
  IF NOT pg_has_role(session_role(), 'flexexchange_operator', 'MEMBER') THEN
    RAISE EXCEPTION 'advance_transfers() is the operator''s to run' USING ERRCODE = 'insufficient_privilege', HINT = 'The operator of the exchange runs it from time to time.';
  END IF;
  FOR due IN SELECT x.id FROM award_transfer x
             WHERE (x.status = 'offered' AND x.offer_ends_at <= advance_transfers.at) OR (x.status = 'accepted' AND x.consent_due_at < advance_transfers.at)
             ORDER BY CASE x.status WHEN 'offered' THEN x.offer_ends_at ELSE x.consent_due_at END, x.id LOOP
    t := lock_transfer(due.id);
    IF t.status = 'offered' AND t.offer_ends_at <= advance_transfers.at THEN
      UPDATE award_transfer x SET status = 'lapsed', reason = 'nobody accepted it in time', happened_at = t.offer_ends_at WHERE x.id = t.id;
      status := 'lapsed';
    ELSIF t.status = 'accepted' AND t.consent_due_at < advance_transfers.at THEN
      SELECT y.silence INTO STRICT silence FROM transfer_terms y WHERE y.id = t.transfer_terms_id;
      IF silence = 'consent' THEN
        UPDATE award_transfer x SET status = 'consented', consent = 'silence', happened_at = t.consent_due_at WHERE x.id = t.id RETURNING * INTO t;
        status := complete_transfer(t, t.consent_due_at);
      ELSE
        UPDATE award_transfer x SET status = 'lapsed', reason = 'the buyer did not consent in time', happened_at = t.consent_due_at WHERE x.id = t.id;
        status := 'lapsed';
      END IF;
    ELSE
      CONTINUE;
    END IF;
    transfer_id := t.id;
    RETURN NEXT;
  END LOOP;
END
$function$;
COMMENT ON FUNCTION advance_transfers(timestamptz) IS
  'takes transfers to where time brings them: offers lapse, and silence of the buyer is consent or not, as the terms say, each at its time however late it is run; returns what it took; by the operator, from time to time; error 42501; SECURITY DEFINER because nobody writes transfers';
REVOKE ALL ON FUNCTION advance_transfers(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION advance_transfers(timestamptz) TO flexexchange_operator;

-- ------------------------------------------------------------------ what was passed on is not used

CREATE OR REPLACE FUNCTION require_left_of_award(stage text, trade_id bigint, award_id bigint, power_kw numeric, delivery_window time_window, supersedes_id bigint) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  a award;
  used numeric;
BEGIN
  SELECT * INTO STRICT a FROM award x WHERE x.id = require_left_of_award.award_id;
  used := award_used_kw(a.id, require_left_of_award.delivery_window, NULL,
                        ARRAY(SELECT u.use_id FROM award_use(a.id) u WHERE u.use_id <> trade_id AND u.use_id IS DISTINCT FROM require_left_of_award.supersedes_id));
  IF a.status NOT IN ('awarded', 'completed') OR NOT require_left_of_award.delivery_window <@ a.delivery_window OR require_left_of_award.power_kw > a.power_kw - used THEN
    RAISE EXCEPTION '%.award_id %: of this award % kW are left in %, not %', stage, a.id,
                    CASE WHEN a.status IN ('awarded', 'completed') AND require_left_of_award.delivery_window <@ a.delivery_window THEN trim_scale(greatest(a.power_kw - used, 0)) ELSE 0 END,
                    require_left_of_award.delivery_window, trim_scale(require_left_of_award.power_kw)
      USING ERRCODE = 'MX226', HINT = format('A part of it was passed on: chain_of_custody(%s) says who holds it.', a.id);
  END IF;
END
$function$;
COMMENT ON FUNCTION require_left_of_award(text, bigint, bigint, numeric, time_window, bigint) IS
  'error MX226 where a trade uses more of an award than is left beside its other uses, but for the one that it supersedes: kW throughout a window';
REVOKE ALL ON FUNCTION require_left_of_award(text, bigint, bigint, numeric, time_window, bigint) FROM PUBLIC;

-- After the book's trigger, which holds the awards: a transfer that was under way has been waited for, and is seen.
CREATE OR REPLACE FUNCTION keep_within_transferred() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM require_left_of_award(TG_TABLE_NAME::text, n.id, n.award_id, n.power_kw, n.delivery_window, (to_jsonb(n) ->> 'supersedes_id')::bigint)
  FROM new_rows n
  WHERE EXISTS (SELECT FROM award_holding h WHERE h.award_id = n.award_id) AND n.status NOT IN ('rejected', 'withdrawn', 'released', 'refused', 'cancelled', 'lapsed', 'superseded');
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION keep_within_transferred() IS
  'trigger: of an award of which a part was passed on, no more is made available or dispatched than is left; error MX226; SECURITY DEFINER because uses by others count, too';
REVOKE ALL ON FUNCTION keep_within_transferred() FROM PUBLIC;
CREATE OR REPLACE FUNCTION keep_change_within_transferred() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  -- what becomes less, or ends, may always
  IF NEW.award_id IS NOT DISTINCT FROM OLD.award_id AND NEW.power_kw <= OLD.power_kw AND NEW.delivery_window <@ OLD.delivery_window THEN
    RETURN NEW;
  END IF;
  PERFORM FROM award a WHERE a.id = NEW.award_id FOR SHARE;
  IF EXISTS (SELECT FROM award_holding h WHERE h.award_id = NEW.award_id) THEN
    PERFORM require_left_of_award(TG_TABLE_NAME::text, NEW.id, NEW.award_id, NEW.power_kw, NEW.delivery_window, (to_jsonb(NEW) ->> 'supersedes_id')::bigint);
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_change_within_transferred() IS
  'trigger: nor does what is available or dispatched become more than is left; error MX226; SECURITY DEFINER because it locks the award';
REVOKE ALL ON FUNCTION keep_change_within_transferred() FROM PUBLIC;
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['availability', 'dispatch'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t60_transferred AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_within_transferred()', name);
    EXECUTE format('COMMENT ON TRIGGER t60_transferred ON %I IS ''what was passed on is not used''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t20_transferred BEFORE UPDATE OF award_id, power_kw, delivery_window ON %I
      FOR EACH ROW WHEN (NEW.award_id IS NOT NULL) EXECUTE FUNCTION keep_change_within_transferred()', name);
    EXECUTE format('COMMENT ON TRIGGER t20_transferred ON %I IS ''what was passed on is not used''', name);
  END LOOP;
END
$block$;

-- ------------------------------------------------------------------ sub-contractors

CREATE OR REPLACE FUNCTION subcontracted_award_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT h.award_id FROM award_holding h WHERE h.sub_contractor_id = current_participant() OR (h.sub_contractor_id IS NOT NULL AND h.service_provider_id = current_participant());
END;
COMMENT ON FUNCTION subcontracted_award_ids() IS 'the awards that the session''s participant delivers, or delivered, for another, or another for it';
REVOKE ALL ON FUNCTION subcontracted_award_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION subcontracted_award_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
DROP POLICY IF EXISTS award_read_subcontracted ON award;
CREATE POLICY award_read_subcontracted ON award FOR SELECT TO flexexchange_participant USING (id = ANY (ARRAY(SELECT subcontracted_award_ids())));
COMMENT ON POLICY award_read_subcontracted ON award IS 'TRANSFER-SP-6: a sub-contractor reads the awards that it delivers, and the availability and dispatches out of them';
DROP POLICY IF EXISTS availability_read_subcontracted ON availability;
CREATE POLICY availability_read_subcontracted ON availability FOR SELECT TO flexexchange_participant USING (award_id = ANY (ARRAY(SELECT subcontracted_award_ids())));
COMMENT ON POLICY availability_read_subcontracted ON availability IS 'TRANSFER-SP-6: a sub-contractor reads the awards that it delivers, and the availability and dispatches out of them';
DROP POLICY IF EXISTS dispatch_read_subcontracted ON dispatch;
CREATE POLICY dispatch_read_subcontracted ON dispatch FOR SELECT TO flexexchange_participant
  USING (award_id = ANY (ARRAY(SELECT subcontracted_award_ids())) OR availability_id = ANY (ARRAY(SELECT v.id FROM availability v WHERE v.award_id = ANY (ARRAY(SELECT subcontracted_award_ids())))));
COMMENT ON POLICY dispatch_read_subcontracted ON dispatch IS 'TRANSFER-SP-6: a sub-contractor reads the awards that it delivers, and the availability and dispatches out of them';
DROP POLICY IF EXISTS availability_insert_subcontracted ON availability;
CREATE POLICY availability_insert_subcontracted ON availability FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status = 'declared' AND award_id = ANY (ARRAY(SELECT subcontracted_award_ids())));
COMMENT ON POLICY availability_insert_subcontracted ON availability IS 'TRANSFER-SP-7: a provider declares availability of its own awards that a sub-contractor delivers';

-- ------------------------------------------------------------------ custody

CREATE OR REPLACE FUNCTION chain_of_custody(award_id bigint)
RETURNS TABLE (step integer, holding_id bigint, parent_id bigint, award_id bigint, because text, service_provider text, sub_contractor text, unit_id bigint, power_kw numeric, delivery_window time_window,
               award_transfer_id bigint, consent text, held_from timestamptz, held_until timestamptz, made_by name)
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  WITH RECURSIVE seen AS (
    SELECT h.* FROM award_holding h WHERE h.first_award_id IN (SELECT x.first_award_id FROM award_holding x WHERE x.award_id = chain_of_custody.award_id OR x.first_award_id = chain_of_custody.award_id)),
  chain AS (
    -- a provider begins where it came in
    SELECT 1 AS step, h.id, ARRAY[h.id] AS path FROM seen h WHERE NOT EXISTS (SELECT FROM seen p WHERE p.id = h.parent_id)
    UNION ALL
    SELECT c.step + 1, h.id, c.path || h.id FROM chain c JOIN seen h ON h.parent_id = c.id)
  SELECT c.step, h.id, h.parent_id, h.award_id, h.because, p.name, s.name, h.unit_id, h.power_kw, h.delivery_window, h.award_transfer_id,
         t.consent, h.held_from, h.held_until, (SELECT y.made_by FROM transfer_step y WHERE y.award_transfer_id = h.award_transfer_id AND y.status = 'completed')
  FROM chain c JOIN seen h ON h.id = c.id
  JOIN participant p ON p.id = h.service_provider_id
  LEFT JOIN participant s ON s.id = h.sub_contractor_id
  LEFT JOIN award_transfer t ON t.id = h.award_transfer_id
  UNION ALL
  SELECT 1, NULL, NULL, a.id, 'awarded', p.name, NULL, a.unit_id, a.power_kw, a.delivery_window, NULL, NULL, a.recorded_at, NULL, NULL
  FROM award a JOIN participant p ON p.id = a.service_provider_id
  WHERE a.id = chain_of_custody.award_id AND NOT EXISTS (SELECT FROM seen)
  ORDER BY 1, 2
$function$;
COMMENT ON FUNCTION chain_of_custody(bigint) IS
  'every holder of an award from the first on, with window, kW, transfer, consent, who completed it and when, for any award of the chain, as far as the caller may read it (table award_holding); rows without held_until hold it now and add up to the first award at every instant';
REVOKE ALL ON FUNCTION chain_of_custody(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION chain_of_custody(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
