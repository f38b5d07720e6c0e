-- archetype: thick
-- Surveillance of secondary trading: finding, keeping and deciding.
--
-- The graph: one node for each ultimate owner, a group (participant_group at the time of the transfer) or a participant
-- that is in none; one arc for all transfers from one to another of one product and direction with one window of
-- delivery, with their power together and their price on average.  A circle goes along arcs whose windows all have an
-- instant in common, through each owner once.  Over that common window every arc lasts equally long, so power alone says
-- who is left with something:
--
--   gross = sum of the power of the arcs;  net = half the sum, over owners, of what came in and did not go out, or the reverse
--
-- A -> B -> C -> A with 1 MW each: gross 3 MW, net 0.  A transfer within one owner is a circle of one.
--
-- Search goes from the least owner of a circle on, through greater ones alone, so that each is found once.  Two bounds hold
-- on every part of a path, and what breaks one is left: with arcs between least and greatest power the net is at least
-- greatest - least (up and down again) and the gross at most longest x greatest; and the price spread only grows while it
-- is below one.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['surveillance_parameter', 'surveillance_alert', 'surveillance_alert_step']) t;
REVOKE UPDATE, DELETE ON surveillance_parameter FROM flexexchange_operator;
REVOKE INSERT, UPDATE, DELETE ON surveillance_alert, surveillance_alert_step FROM flexexchange_operator;
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON surveillance_parameter FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Insert another version: alerts name this one.');
COMMENT ON TRIGGER t10_is_kept ON surveillance_parameter IS 'alerts rest on thresholds as they were';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE OF id, mrid, kind, market_id, product_id, delivery_window, participant_ids, transfer_ids, measures, surveillance_parameter_id, found_at, found_by ON surveillance_alert
  FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'What was found stays; decide_alert() says what to make of it.');
COMMENT ON TRIGGER t10_is_kept ON surveillance_alert IS 'what was found stays as it was';
CREATE OR REPLACE TRIGGER t10_is_kept BEFORE UPDATE ON surveillance_alert_step FOR EACH ROW EXECUTE FUNCTION refuse_change('values', 'Steps are only added to.');
COMMENT ON TRIGGER t10_is_kept ON surveillance_alert_step IS 'steps stay';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON surveillance_alert
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > open', 'open > dismissed confirmed', 'dismissed > open', 'confirmed > open');
COMMENT ON TRIGGER t10_status ON surveillance_alert IS 'what was decided is opened again before it is decided otherwise';
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['surveillance_parameter', 'surveillance_alert', 'surveillance_alert_step'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was found is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE FUNCTION record_alert_step() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' OR NEW.status <> OLD.status THEN
    INSERT INTO surveillance_alert_step (surveillance_alert_id, status, reason) VALUES (NEW.id, NEW.status, NEW.reason);
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_alert_step() IS 'trigger: keeps every step of an alert; SECURITY DEFINER because nobody writes surveillance_alert_step itself';
REVOKE ALL ON FUNCTION record_alert_step() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_step AFTER INSERT OR UPDATE OF status ON surveillance_alert FOR EACH ROW EXECUTE FUNCTION record_alert_step();
COMMENT ON TRIGGER t20_step ON surveillance_alert IS 'every step is kept';

CREATE OR REPLACE FUNCTION price_spread(lowest numeric, highest numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN lowest = highest THEN 0 ELSE (highest - lowest) / greatest(abs(lowest), abs(highest)) END;
COMMENT ON FUNCTION price_spread(numeric, numeric) IS 'highest less lowest price as a share of the greater of the two in size; 0 where they are equal, NULL where they are not known';
REVOKE ALL ON FUNCTION price_spread(numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION price_spread(numeric, numeric) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE VIEW transfer_between_owners WITH (security_invoker = true) AS
  SELECT t.id, d.market_id, t.product_id, t.direction, t.delivery_window, t.power_kw, t.happened_at, t.transferor_id, t.transferee_id,
         coalesce(- f.participant_group_id, t.transferor_id) AS from_owner, coalesce(- g.participant_group_id, t.transferee_id) AS to_owner,
         CASE p.per WHEN 'mw_h' THEN p.price ELSE p.price / (t.power_kw * extract(epoch FROM upper(t.delivery_window) - lower(t.delivery_window)) / 3600000) END AS price_per_mw_h
  FROM award_transfer t
  JOIN product d ON d.id = t.product_id
  LEFT JOIN transfer_price p ON p.award_transfer_id = t.id
  LEFT JOIN participant_group_member f ON f.participant_id = t.transferor_id AND f.valid @> t.happened_at
  LEFT JOIN participant_group_member g ON g.participant_id = t.transferee_id AND g.valid @> t.happened_at
  WHERE t.status = 'completed';
COMMENT ON VIEW transfer_between_owners IS 'completed transfers with the ultimate owners of both sides, as they were then: the graph that surveillance looks at';
COMMENT ON COLUMN transfer_between_owners.id IS 'the transfer';
COMMENT ON COLUMN transfer_between_owners.market_id IS 'the market';
COMMENT ON COLUMN transfer_between_owners.product_id IS 'the product';
COMMENT ON COLUMN transfer_between_owners.direction IS 'up or down';
COMMENT ON COLUMN transfer_between_owners.delivery_window IS 'window of delivery';
COMMENT ON COLUMN transfer_between_owners.power_kw IS 'power, kW';
COMMENT ON COLUMN transfer_between_owners.happened_at IS 'when it was completed';
COMMENT ON COLUMN transfer_between_owners.transferor_id IS 'who passed it on';
COMMENT ON COLUMN transfer_between_owners.transferee_id IS 'who took it over';
COMMENT ON COLUMN transfer_between_owners.from_owner IS 'owner of the transferor: minus the id of its group, or its own id where it is in none';
COMMENT ON COLUMN transfer_between_owners.to_owner IS 'owner of the transferee, likewise';
COMMENT ON COLUMN transfer_between_owners.price_per_mw_h IS 'what the transferor pays, per MW and hour, a lump sum spread evenly; NULL: not said';
GRANT SELECT ON transfer_between_owners TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION owner_names(owners bigint[]) RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT array_agg(coalesce(g.name, o.name) ORDER BY u.n)
  FROM unnest(owners) WITH ORDINALITY u (id, n) LEFT JOIN participant_group g ON g.id = - u.id LEFT JOIN participant o ON o.id = u.id;
END;
COMMENT ON FUNCTION owner_names(bigint[]) IS 'names of owners, groups by minus their id, in the order given';
REVOKE ALL ON FUNCTION owner_names(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION owner_names(bigint[]) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION transfer_components(of_product_id bigint, in_delivery time_window, within time_window DEFAULT time_window('-infinity', 'infinity'))
RETURNS TABLE (direction text, owners text[], transfer_ids bigint[], gross_mw_h numeric, net_mw_h numeric, net_share numeric)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH RECURSIVE arc AS MATERIALIZED (
    SELECT v.id, v.direction, v.from_owner, v.to_owner, v.power_kw * extract(epoch FROM upper(v.delivery_window * in_delivery) - lower(v.delivery_window * in_delivery)) / 3600000 AS mw_h
    FROM transfer_between_owners v
    WHERE v.product_id = of_product_id AND v.delivery_window && in_delivery AND v.happened_at >= lower(within) AND v.happened_at < upper(within) AND v.from_owner <> v.to_owner),
  reach AS (
    SELECT a.direction, a.from_owner AS start, a.to_owner AS owner FROM arc a
    UNION
    SELECT r.direction, r.start, a.to_owner FROM reach r JOIN arc a ON a.direction = r.direction AND a.from_owner = r.owner),
  member AS (
    SELECT r.direction, r.start AS owner, min(r.owner) AS component FROM reach r JOIN reach s ON s.direction = r.direction AND s.start = r.owner AND s.owner = r.start GROUP BY r.direction, r.start),
  within_part AS (
    SELECT a.*, m.component FROM arc a JOIN member m ON m.direction = a.direction AND m.owner = a.from_owner JOIN member n ON n.direction = a.direction AND n.owner = a.to_owner AND n.component = m.component)
  SELECT w.direction, owner_names((SELECT array_agg(m.owner ORDER BY m.owner) FROM member m WHERE m.direction = w.direction AND m.component = w.component)), array_agg(w.id ORDER BY w.id), sum(w.mw_h),
         (SELECT sum(abs(x.mw_h)) / 2 FROM (SELECT sum(y.mw_h) AS mw_h
                                            FROM (SELECT a.from_owner AS owner, - a.mw_h AS mw_h FROM within_part a WHERE a.direction = w.direction AND a.component = w.component
                                                  UNION ALL SELECT a.to_owner, a.mw_h FROM within_part a WHERE a.direction = w.direction AND a.component = w.component) y GROUP BY y.owner) x),
         (SELECT sum(abs(x.mw_h)) / 2 FROM (SELECT sum(y.mw_h) AS mw_h
                                            FROM (SELECT a.from_owner AS owner, - a.mw_h AS mw_h FROM within_part a WHERE a.direction = w.direction AND a.component = w.component
                                                  UNION ALL SELECT a.to_owner, a.mw_h FROM within_part a WHERE a.direction = w.direction AND a.component = w.component) y GROUP BY y.owner) x) / sum(w.mw_h)
  FROM within_part w GROUP BY w.direction, w.component ORDER BY w.direction, w.component;
END;
COMMENT ON FUNCTION transfer_components(bigint, time_window, time_window) IS
  'the strongly connected parts of the transfers of a product for a window of delivery, completed in a window: owners of which each leads to each, however long the way round; their transfers, MW h passed among them and what of it stayed with somebody; for circles longer than transfer_alerts() follows; by the operator and the regulator';
REVOKE ALL ON FUNCTION transfer_components(bigint, time_window, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION transfer_components(bigint, time_window, time_window) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION transfer_alerts(within time_window, of_market_id bigint DEFAULT NULL, of_product_id bigint DEFAULT NULL, parameter_id bigint DEFAULT NULL)
RETURNS TABLE (kind text, market_id bigint, product_id bigint, direction text, delivery_window time_window, owners text[], participant_ids bigint[], transfer_ids bigint[],
               gross_kw numeric, net_kw numeric, net_share numeric, least_price numeric, greatest_price numeric, price_spread numeric, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  parameter surveillance_parameter;
  taken bigint;
  also bigint;
BEGIN
  SELECT * INTO parameter FROM surveillance_parameter p WHERE transfer_alerts.parameter_id IS NULL OR p.id = transfer_alerts.parameter_id ORDER BY p.version DESC LIMIT 1;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'surveillance_parameter % is unknown in this exchange', coalesce(transfer_alerts.parameter_id::text, 'NULL') USING ERRCODE = 'MX227', HINT = 'See table surveillance_parameter.';
  END IF;
  DROP TABLE IF EXISTS pg_temp.transfer_arc;
  -- a group is named by its number below zero
  CREATE TEMPORARY TABLE transfer_arc ON COMMIT DROP AS
  SELECT row_number() OVER () AS id, x.market_id, x.product_id, x.direction, x.from_owner, x.to_owner, x.delivery_window, sum(x.power_kw) AS power_kw,
         sum(x.price_per_mw_h * x.power_kw) / sum(x.power_kw) FILTER (WHERE x.price_per_mw_h IS NOT NULL) AS price, array_agg(x.id ORDER BY x.id) AS transfer_ids, min(x.happened_at) AS first_at, max(x.happened_at) AS last_at,
         -- within one owner each is by itself
         CASE WHEN x.from_owner = x.to_owner THEN x.id END AS alone
  FROM transfer_between_owners x
  WHERE x.happened_at >= lower(within) AND x.happened_at < upper(within) AND (transfer_alerts.of_market_id IS NULL OR x.market_id = transfer_alerts.of_market_id) AND (transfer_alerts.of_product_id IS NULL OR x.product_id = transfer_alerts.of_product_id)
  GROUP BY x.market_id, x.product_id, x.direction, x.from_owner, x.to_owner, x.delivery_window, CASE WHEN x.from_owner = x.to_owner THEN x.id END;
  ANALYZE pg_temp.transfer_arc;

  RETURN QUERY
  SELECT 'self_match', a.market_id, a.product_id, a.direction, a.delivery_window, owner_names(ARRAY[a.from_owner]), ARRAY[t.transferor_id, t.transferee_id], a.transfer_ids,
         a.power_kw, 0::numeric, 0::numeric, a.price, a.price, price_spread(a.price, a.price), a.first_at, a.last_at
  FROM pg_temp.transfer_arc a
  JOIN award_transfer t ON t.id = a.alone
  ORDER BY a.alone;

  -- what nobody leads to or on from is in no circle; nor is then what led to it
  DELETE FROM pg_temp.transfer_arc a WHERE a.alone IS NOT NULL;
  LOOP
    DELETE FROM pg_temp.transfer_arc a
    WHERE NOT EXISTS (SELECT FROM pg_temp.transfer_arc b WHERE b.product_id = a.product_id AND b.direction = a.direction AND b.from_owner = a.to_owner AND b.delivery_window && a.delivery_window);
    GET DIAGNOSTICS taken = ROW_COUNT;
    DELETE FROM pg_temp.transfer_arc a
    WHERE NOT EXISTS (SELECT FROM pg_temp.transfer_arc b WHERE b.product_id = a.product_id AND b.direction = a.direction AND b.to_owner = a.from_owner AND b.delivery_window && a.delivery_window);
    GET DIAGNOSTICS also = ROW_COUNT;
    EXIT WHEN taken + also = 0;
    ANALYZE pg_temp.transfer_arc;
  END LOOP;
  CREATE INDEX ON pg_temp.transfer_arc (product_id, direction, from_owner);
  CREATE INDEX ON pg_temp.transfer_arc (id);
  ANALYZE pg_temp.transfer_arc;

  RETURN QUERY
  WITH RECURSIVE path AS (
    SELECT a.product_id, a.direction, a.from_owner AS first_owner, a.to_owner AS last_owner, ARRAY[a.from_owner] AS owners, ARRAY[a.id] AS arcs, a.delivery_window AS common,
           a.power_kw AS least_kw, a.power_kw AS greatest_kw, a.price AS least_price, a.price AS greatest_price
    FROM pg_temp.transfer_arc a WHERE a.to_owner > a.from_owner AND parameter.longest_circle > 1
    UNION ALL
    SELECT p.product_id, p.direction, p.first_owner, a.to_owner, p.owners || a.from_owner, p.arcs || a.id, p.common * a.delivery_window,
           least(p.least_kw, a.power_kw), greatest(p.greatest_kw, a.power_kw), least(p.least_price, a.price), greatest(p.greatest_price, a.price)
    FROM path p
    JOIN pg_temp.transfer_arc a ON a.product_id = p.product_id AND a.direction = p.direction AND a.from_owner = p.last_owner AND a.delivery_window && p.common
    WHERE p.last_owner <> p.first_owner AND cardinality(p.arcs) < parameter.longest_circle AND a.to_owner >= p.first_owner AND a.to_owner <> ALL (p.owners[2:])
      -- the last one has to lead back
      AND (cardinality(p.arcs) < parameter.longest_circle - 1 OR a.to_owner = p.first_owner)
      AND (greatest(p.greatest_kw, a.power_kw) - least(p.least_kw, a.power_kw)) <= parameter.most_net_share * parameter.longest_circle * greatest(p.greatest_kw, a.power_kw)
      AND (parameter.most_price_spread >= 1 OR coalesce(price_spread(least(p.least_price, a.price), greatest(p.greatest_price, a.price)), 0) <= parameter.most_price_spread)),
  circle AS (
    SELECT p.*, k.gross_kw, k.net_kw FROM path p
    CROSS JOIN LATERAL (
      SELECT sum(y.power_kw) AS gross_kw, sum(abs(y.power_kw - y.next_kw)) / 2 AS net_kw
      FROM (SELECT a.power_kw, coalesce(lead(a.power_kw) OVER (ORDER BY u.n), first_value(a.power_kw) OVER (ORDER BY u.n)) AS next_kw
            FROM unnest(p.arcs) WITH ORDINALITY u (id, n) JOIN pg_temp.transfer_arc a ON a.id = u.id) y) k
    WHERE p.last_owner = p.first_owner)
  SELECT CASE cardinality(c.arcs) WHEN 2 THEN 'wash' ELSE 'circle' END, (SELECT d.market_id FROM product d WHERE d.id = c.product_id), c.product_id, c.direction, c.common,
         owner_names(c.owners),
         (SELECT array_agg(DISTINCT v.id ORDER BY v.id) FROM award_transfer t, unnest(ARRAY[t.transferor_id, t.transferee_id]) v (id) WHERE t.id = ANY (s.transfer_ids)),
         s.transfer_ids, c.gross_kw, c.net_kw, c.net_kw / c.gross_kw, c.least_price, c.greatest_price, price_spread(c.least_price, c.greatest_price), s.first_at, s.last_at
  FROM circle c
  CROSS JOIN LATERAL (SELECT array_agg(t.id ORDER BY t.id) AS transfer_ids, min(a.first_at) AS first_at, max(a.last_at) AS last_at
                      FROM pg_temp.transfer_arc a CROSS JOIN LATERAL unnest(a.transfer_ids) t (id) WHERE a.id = ANY (c.arcs)) s
  WHERE c.net_kw <= parameter.most_net_share * c.gross_kw AND coalesce(price_spread(c.least_price, c.greatest_price), 0) <= parameter.most_price_spread
  ORDER BY cardinality(c.arcs), s.transfer_ids;
  DROP TABLE pg_temp.transfer_arc;
END
$function$;
COMMENT ON FUNCTION transfer_alerts(time_window, bigint, bigint, bigint) IS
  'transfers completed in a window that are conspicuous, of a market or product (NULL: all), by a version of the thresholds (NULL: the last): self_match, wash and circle, with power in kW over the delivery window that they share, prices per MW and hour; stores nothing; by the operator and the regulator, who read all of it; cost grows with the number of circles within the thresholds; error MX227';
REVOKE ALL ON FUNCTION transfer_alerts(time_window, bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION transfer_alerts(time_window, bigint, bigint, bigint) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION raise_transfer_alerts(within time_window, of_market_id bigint DEFAULT NULL, of_product_id bigint DEFAULT NULL, parameter_id bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  made bigint;
BEGIN
  IF NOT acts_for_exchange() THEN
    RAISE EXCEPTION 'alerts are the operator''s and the regulator''s to raise' USING ERRCODE = 'insufficient_privilege', HINT = 'They look for what is conspicuous.';
  END IF;
  INSERT INTO surveillance_alert (kind, market_id, product_id, delivery_window, participant_ids, transfer_ids, measures, surveillance_parameter_id)
  SELECT a.kind, a.market_id, a.product_id, a.delivery_window, a.participant_ids, a.transfer_ids,
         jsonb_strip_nulls(jsonb_build_object('owners', a.owners, 'direction', a.direction, 'gross_kw', trim_scale(a.gross_kw), 'net_kw', trim_scale(a.net_kw), 'net_share', trim_scale(round(a.net_share, 6)), 'least_price', trim_scale(round(a.least_price, 4)),
                                              'greatest_price', trim_scale(round(a.greatest_price, 4)), 'price_spread', trim_scale(round(a.price_spread, 6)), 'first_at', a.first_at, 'last_at', a.last_at)),
         coalesce(raise_transfer_alerts.parameter_id, (SELECT p.id FROM surveillance_parameter p ORDER BY p.version DESC LIMIT 1))
  FROM transfer_alerts(within, raise_transfer_alerts.of_market_id, raise_transfer_alerts.of_product_id, raise_transfer_alerts.parameter_id) a
  ON CONFLICT ON CONSTRAINT surveillance_alert_once DO NOTHING;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION raise_transfer_alerts(time_window, bigint, bigint, bigint) IS
  'keeps what transfer_alerts() finds and was not found before, as open alerts; returns how many; errors 42501, MX227; SECURITY DEFINER because nobody writes alerts, and the caller is checked';
REVOKE ALL ON FUNCTION raise_transfer_alerts(time_window, bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raise_transfer_alerts(time_window, bigint, bigint, bigint) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION decide_alert(alert_id bigint, status text, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NOT acts_for_exchange() THEN
    RAISE EXCEPTION 'alerts are the operator''s and the regulator''s to decide' USING ERRCODE = 'insufficient_privilege', HINT = 'They read them, and nobody else does.';
  END IF;
  PERFORM require_transfer_reason(reason);
  UPDATE surveillance_alert a SET status = decide_alert.status, reason = decide_alert.reason WHERE a.id = alert_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'surveillance_alert % is unknown in this exchange', coalesce(alert_id::text, 'NULL') USING ERRCODE = 'MX227', HINT = 'See table surveillance_alert.';
  END IF;
END
$function$;
COMMENT ON FUNCTION decide_alert(bigint, text, text) IS
  'dismisses or confirms an alert, or opens it again, and says why; by the operator and the regulator; errors 42501, 22004, 23514, MX001, MX227; SECURITY DEFINER because nobody writes alerts, and the caller is checked';
REVOKE ALL ON FUNCTION decide_alert(bigint, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION decide_alert(bigint, text, text) TO flexexchange_operator, flexexchange_regulator;
