-- archetype: medium
-- Analysis: prices and volumes, acceptance, liquidity, concentration, reliability, conflicts, as views over what their reader
-- may read.  A market operator sees its own markets, a provider its own sales, the operator and the regulator all.
--
-- Money is never added up over markets of several currencies: every view has the market.  Mean prices are weighted by mw_h.

SELECT protect_table('trade_day');
REVOKE INSERT, UPDATE, DELETE ON trade_day FROM flexexchange_operator;
GRANT SELECT ON trade_day TO flexexchange_participant;
DROP POLICY IF EXISTS trade_day_read_own ON trade_day;
CREATE POLICY trade_day_read_own ON trade_day FOR SELECT TO flexexchange_participant USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY trade_day_read_own ON trade_day IS 'ANA-1: a provider reads what it sold, added up';
DROP POLICY IF EXISTS trade_day_read_bought ON trade_day;
CREATE POLICY trade_day_read_bought ON trade_day FOR SELECT TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())) AND (subject <> 'bid' OR in_competition));
COMMENT ON POLICY trade_day_read_bought ON trade_day IS 'ANA-2: a buyer reads what it bought, and what was bid in its competitions once the gate has closed, added up';

-- ------------------------------------------------------------------ days that have changed

-- What a statement wrote and what was there before come from a trigger each: to the function both are what changed.
CREATE OR REPLACE FUNCTION mark_trade_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
BEGIN
  -- of a bid that is sealed nobody is to know, not even that there is one
  IF TG_TABLE_NAME = 'bid' THEN
    INSERT INTO stale_day (fact, day, competition_id)
    SELECT DISTINCT 'bid', (lower(c.delivery_window) AT TIME ZONE zone)::date, c.competition_id FROM changed c WHERE lower(c.delivery_window) > '-infinity';
  ELSE
    INSERT INTO stale_day (fact, day)
    SELECT DISTINCT TG_TABLE_NAME, (lower(c.delivery_window) AT TIME ZONE zone)::date FROM changed c WHERE lower(c.delivery_window) > '-infinity';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION mark_trade_days() IS
  'trigger: marks the days on which trades begin that changed, those of bids to be seen when their gate has closed; SECURITY DEFINER because nobody writes stale_day itself';
REVOKE ALL ON FUNCTION mark_trade_days() FROM PUBLIC;
DO $block$
DECLARE
  name text;
  event record;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid', 'award', 'availability', 'dispatch'] LOOP
    FOR event IN SELECT * FROM (VALUES ('t80_days_insert', 'INSERT', 'NEW'), ('t80_days_update', 'UPDATE', 'NEW'), ('t80_days_update_from', 'UPDATE', 'OLD'), ('t80_days_delete', 'DELETE', 'OLD')) AS e (trigger, name, rows) LOOP
      EXECUTE format('CREATE OR REPLACE TRIGGER %I AFTER %s ON %I REFERENCING %s TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION mark_trade_days()', event.trigger, event.name, name, event.rows);
      EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''marks the days that changed''', event.trigger, name);
    END LOOP;
  END LOOP;
END
$block$;

-- A gate that is moved seals bids, or opens them, at another time.
CREATE OR REPLACE FUNCTION mark_gate_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO stale_day (fact, day, competition_id)
  SELECT DISTINCT 'bid', (lower(b.delivery_window) AT TIME ZONE e.time_zone)::date, m.competition_id
  FROM bid b CROSS JOIN exchange_instance e
  CROSS JOIN LATERAL (
    SELECT NEW.id AS competition_id
    -- what was open to read is taken out of the sums at once
    UNION SELECT NULL WHERE OLD.gate_closes_at <= now()) m
  WHERE b.competition_id = NEW.id AND lower(b.delivery_window) > '-infinity';
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION mark_gate_days() IS 'trigger: marks the days of the bids of a competition whose gate is moved; SECURITY DEFINER because nobody writes stale_day itself';
REVOKE ALL ON FUNCTION mark_gate_days() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t80_days_update AFTER UPDATE OF gate_closes_at ON competition FOR EACH ROW WHEN (OLD.gate_closes_at <> NEW.gate_closes_at) EXECUTE FUNCTION mark_gate_days();
COMMENT ON TRIGGER t80_days_update ON competition IS 'marks the days of its bids';

-- What a unit is, and where, is what it is now: the days of its trades are added up anew when that changes.
CREATE OR REPLACE FUNCTION mark_unit_days() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
BEGIN
  INSERT INTO stale_day (fact, day, competition_id)
  SELECT DISTINCT t.fact, (lower(t.delivery_window) AT TIME ZONE zone)::date, t.competition_id
  FROM (SELECT a.id FROM after a JOIN before b USING (id) WHERE (a.technology, a.grid_node_id) IS DISTINCT FROM (b.technology, b.grid_node_id)) u
  CROSS JOIN LATERAL (
    SELECT 'award' AS fact, delivery_window, NULL::bigint AS competition_id FROM award WHERE unit_id = u.id
    UNION ALL SELECT 'availability', delivery_window, NULL FROM availability WHERE unit_id = u.id
    UNION ALL SELECT 'dispatch', delivery_window, NULL FROM dispatch WHERE unit_id = u.id
    UNION ALL SELECT 'bid', b.delivery_window, b.competition_id FROM bid b WHERE b.unit_id = u.id) t
  WHERE lower(t.delivery_window) > '-infinity';
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION mark_unit_days() IS 'trigger: marks the days of the trades of units whose technology or place changed; SECURITY DEFINER because nobody writes stale_day itself';
REVOKE ALL ON FUNCTION mark_unit_days() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t80_days_update AFTER UPDATE ON asset REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION mark_unit_days();
COMMENT ON TRIGGER t80_days_update ON asset IS 'marks the days of its trades when its technology or place changes';
CREATE OR REPLACE TRIGGER t80_days_update AFTER UPDATE ON portfolio REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION mark_unit_days();
COMMENT ON TRIGGER t80_days_update ON portfolio IS 'marks the days of its trades when its technology or place changes';

-- ------------------------------------------------------------------ adding up

CREATE OR REPLACE FUNCTION mw_h(power_kw numeric, during time_window) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT CASE WHEN lower(during) > '-infinity' AND upper(during) < 'infinity' THEN power_kw / 1000 * (extract(epoch FROM upper(during)) - extract(epoch FROM lower(during))) / 3600 END;
END;
COMMENT ON FUNCTION mw_h(numeric, time_window) IS 'power times duration, MW and hours; NULL where the window does not end';
REVOKE ALL ON FUNCTION mw_h(numeric, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION mw_h(numeric, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE VIEW trade WITH (security_invoker = true) AS
  SELECT 'bid' AS subject, b.id, b.product_id, b.service_provider_id, b.unit_id, b.asset_id, b.portfolio_id, b.direction, b.power_kw, b.delivery_window,
         lower(b.delivery_window) AS starts_at, b.availability_price_per_mw_h, b.utilisation_price_per_mwh, b.status, b.live, b.competition_id, b.recorded_at FROM bid b
  UNION ALL
  SELECT 'award', a.id, a.product_id, a.service_provider_id, a.unit_id, a.asset_id, a.portfolio_id, a.direction, a.power_kw, a.delivery_window,
         lower(a.delivery_window), a.availability_price_per_mw_h, a.utilisation_price_per_mwh, a.status, a.live, NULL, a.recorded_at FROM award a
  UNION ALL
  SELECT 'availability', v.id, v.product_id, v.service_provider_id, v.unit_id, v.asset_id, v.portfolio_id, v.direction, v.power_kw, v.delivery_window,
         lower(v.delivery_window), v.availability_price_per_mw_h, NULL, v.status, v.live, NULL, v.recorded_at FROM availability v
  UNION ALL
  SELECT 'dispatch', d.id, d.product_id, d.service_provider_id, d.unit_id, d.asset_id, d.portfolio_id, d.direction, d.power_kw, d.delivery_window,
         lower(d.delivery_window), NULL, d.utilisation_price_per_mwh, d.status, d.live, NULL, d.recorded_at FROM dispatch d;
COMMENT ON VIEW trade IS 'bids, awards, availability and dispatches in one shape, as far as the reader reads them';
COMMENT ON COLUMN trade.subject IS 'bid, award, availability or dispatch';
COMMENT ON COLUMN trade.id IS 'id of the trade';
COMMENT ON COLUMN trade.product_id IS 'what is sold';
COMMENT ON COLUMN trade.service_provider_id IS 'who sells';
COMMENT ON COLUMN trade.unit_id IS 'the asset or portfolio';
COMMENT ON COLUMN trade.asset_id IS 'the unit, when it is an asset';
COMMENT ON COLUMN trade.portfolio_id IS 'the unit, when it is a portfolio';
COMMENT ON COLUMN trade.direction IS 'up or down';
COMMENT ON COLUMN trade.power_kw IS 'power, kW';
COMMENT ON COLUMN trade.delivery_window IS 'window of delivery';
COMMENT ON COLUMN trade.starts_at IS 'when delivery begins';
COMMENT ON COLUMN trade.availability_price_per_mw_h IS 'price for being available, in the currency of the market per MW and hour';
COMMENT ON COLUMN trade.utilisation_price_per_mwh IS 'price for delivering, in the currency of the market per MWh';
COMMENT ON COLUMN trade.status IS 'status, as in the table of the subject';
COMMENT ON COLUMN trade.live IS 'true while it stands or obliges, as in the table of the subject';
COMMENT ON COLUMN trade.competition_id IS 'the competition of a bid';
COMMENT ON COLUMN trade.recorded_at IS 'when the row was written';
GRANT SELECT ON trade TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- Planned anew for each day, since the plan that suits any day reads all of them; and by the summaries of pages, which are
-- worth asking before anybody has analysed the table, too.
CREATE OR REPLACE FUNCTION add_up_trades(fact text, day date)
RETURNS TABLE (product_id bigint, service_provider_id bigint, technology text, area_id bigint, direction text, status text, in_competition boolean, trades bigint,
               mw_h numeric, availability_value numeric, availability_mw_h numeric, utilisation_value numeric, utilisation_mw_h numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
SET DateStyle = 'ISO, YMD'
SET enable_seqscan = off
SET jit = off
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM check_code(fact, 'fact', 'bid', 'award', 'availability', 'dispatch');
  RETURN QUERY EXECUTE format($sql$
    SELECT t.product_id, t.service_provider_id, coalesce(a.technology, p.technology), coalesce(a.grid_node_id, p.grid_node_id), t.direction, t.status, t.in_competition, count(*),
           coalesce(sum(t.mw_h), 0),
           coalesce(sum(t.availability_price * t.mw_h), 0), coalesce(sum(t.mw_h) FILTER (WHERE t.availability_price IS NOT NULL), 0),
           coalesce(sum(t.utilisation_price * t.mw_h), 0), coalesce(sum(t.mw_h) FILTER (WHERE t.utilisation_price IS NOT NULL), 0)
    FROM (SELECT product_id, service_provider_id, asset_id, portfolio_id, direction, status, mw_h(power_kw, delivery_window) AS mw_h, %2$s AS availability_price, %3$s AS utilisation_price,
                 %6$s AS in_competition
          FROM %1$I WHERE lower(delivery_window) >= %4$L AND lower(delivery_window) < %5$L AND %7$s) t
    LEFT JOIN asset a ON a.id = t.asset_id LEFT JOIN portfolio p ON p.id = t.portfolio_id
    GROUP BY 1, 2, 3, 4, 5, 6, 7$sql$,
    fact, CASE fact WHEN 'dispatch' THEN 'NULL::numeric' ELSE 'availability_price_per_mw_h' END, CASE fact WHEN 'availability' THEN 'NULL::numeric' ELSE 'utilisation_price_per_mwh' END,
    local_midnight(day), local_midnight(day + 1), CASE fact WHEN 'bid' THEN 'competition_id IS NOT NULL' ELSE 'false' END,
    -- asked as the owner, who reads sealed bids too
    CASE fact WHEN 'bid' THEN '(competition_id IS NULL OR competition_id <> ALL (ARRAY(SELECT c.id FROM competition c WHERE c.gate_closes_at > now())))' ELSE 'true' END);
END
$function$;
COMMENT ON FUNCTION add_up_trades(text, date) IS 'the bids that are not sealed, awards, availability or dispatches that begin on a local day, added up as trade_day has them, as far as the caller reads them; error 23514';
REVOKE ALL ON FUNCTION add_up_trades(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_up_trades(text, date) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION refresh_trade_days() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  refreshed bigint;
BEGIN
  -- one at a time, or a day would be there twice
  PERFORM pg_advisory_xact_lock(hashtextextended(format('%s.refresh', 'trade_day'::regclass::oid), 0));
  -- what was written since says nothing yet of where its days lie
  PERFORM brin_summarize_new_values(i::regclass) FROM unnest(ARRAY['bid_delivery_starts_idx', 'award_delivery_starts_idx', 'availability_delivery_starts_idx', 'dispatch_delivery_starts_idx']) i;
  -- the marks that one statement sees are those of changes that it sees: what commits later has marks of its own
  WITH taken AS (DELETE FROM stale_day s WHERE fact IN ('bid', 'award', 'availability', 'dispatch')
                 AND NOT EXISTS (SELECT FROM competition c WHERE c.id = s.competition_id AND c.gate_closes_at > now()) RETURNING fact, day),
  stale AS MATERIALIZED (SELECT DISTINCT fact, day FROM taken),
  gone AS (DELETE FROM trade_day t USING stale s WHERE t.subject = s.fact AND t.day = s.day),
  fresh AS (
    INSERT INTO trade_day (subject, day, product_id, service_provider_id, technology, area_id, direction, status, in_competition, trades,
                           mw_h, availability_value, availability_mw_h, utilisation_value, utilisation_mw_h)
    SELECT s.fact, s.day, x.* FROM stale s CROSS JOIN LATERAL add_up_trades(s.fact, s.day) x)
  SELECT count(*) INTO refreshed FROM stale;
  RETURN refreshed;
END
$function$;
COMMENT ON FUNCTION refresh_trade_days() IS
  'adds the trades of the days up that have changed since they were; returns how many days of tables; run it now and then: views are right without it, and slower; SECURITY DEFINER because nobody writes trade_day itself';
REVOKE ALL ON FUNCTION refresh_trade_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_trade_days() TO flexexchange_operator;

CREATE OR REPLACE FUNCTION refresh_days() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
  SELECT refresh_reading_days() + refresh_trade_days()
$function$;
COMMENT ON FUNCTION refresh_days() IS 'adds up whatever changed since it was: refresh_reading_days() and refresh_trade_days(); run it every few minutes';
REVOKE ALL ON FUNCTION refresh_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_days() TO flexexchange_operator;

CREATE OR REPLACE VIEW trade_volume WITH (security_invoker = true) AS
  WITH stale AS MATERIALIZED (SELECT f.fact, d.day FROM (VALUES ('bid'), ('award'), ('availability'), ('dispatch')) AS f (fact) CROSS JOIN LATERAL stale_days(f.fact) AS d (day)),
  added AS (
    SELECT t.subject, t.day, t.product_id, t.service_provider_id, t.technology, t.area_id, t.direction, t.status, t.trades,
           t.mw_h, t.availability_value, t.availability_mw_h, t.utilisation_value, t.utilisation_mw_h
    FROM trade_day t WHERE (t.subject, t.day) NOT IN (SELECT s.fact, s.day FROM stale s)
    UNION ALL
    SELECT s.fact, s.day, x.product_id, x.service_provider_id, x.technology, x.area_id, x.direction, x.status, x.trades,
           x.mw_h, x.availability_value, x.availability_mw_h, x.utilisation_value, x.utilisation_mw_h
    FROM stale s CROSS JOIN LATERAL add_up_trades(s.fact, s.day) x
    UNION ALL
    -- sealed bids, of which each reader reads its own
    SELECT 'bid', (lower(b.delivery_window) AT TIME ZONE e.time_zone)::date, b.product_id, b.service_provider_id, coalesce(a.technology, p.technology), coalesce(a.grid_node_id, p.grid_node_id),
           b.direction, b.status, count(*), coalesce(sum(mw_h(b.power_kw, b.delivery_window)), 0),
           coalesce(sum(b.availability_price_per_mw_h * mw_h(b.power_kw, b.delivery_window)), 0),
           coalesce(sum(mw_h(b.power_kw, b.delivery_window)) FILTER (WHERE b.availability_price_per_mw_h IS NOT NULL), 0),
           coalesce(sum(b.utilisation_price_per_mwh * mw_h(b.power_kw, b.delivery_window)), 0),
           coalesce(sum(mw_h(b.power_kw, b.delivery_window)) FILTER (WHERE b.utilisation_price_per_mwh IS NOT NULL), 0)
    FROM competition c JOIN bid b ON b.competition_id = c.id CROSS JOIN exchange_instance e LEFT JOIN asset a ON a.id = b.asset_id LEFT JOIN portfolio p ON p.id = b.portfolio_id
    WHERE c.gate_closes_at > now() AND lower(b.delivery_window) > '-infinity'
    GROUP BY 2, 3, 4, 5, 6, 7, 8)
  SELECT t.subject, t.day, m.market_operator_id, o.name AS market_operator, t.service_provider_id, s.name AS service_provider, m.code AS market_code, m.currency,
         t.product_id, p.code AS product_code, p.service_code, t.direction, t.technology, t.area_id, g.name AS area, t.status,
         t.trades, t.mw_h, t.availability_value, t.availability_mw_h, t.utilisation_value, t.utilisation_mw_h
  FROM added t
  JOIN product p ON p.id = t.product_id
  JOIN market m ON m.id = p.market_id
  JOIN participant o ON o.id = m.market_operator_id
  JOIN participant s ON s.id = t.service_provider_id
  LEFT JOIN grid_node g ON g.id = t.area_id;
COMMENT ON VIEW trade_volume IS 'what was offered, bought, declared and instructed, by the local day on which delivery begins, as it is now; sums, from which every share and mean follows';
COMMENT ON COLUMN trade_volume.subject IS 'bid, award, availability or dispatch';
COMMENT ON COLUMN trade_volume.day IS 'the local day of the exchange on which delivery begins';
COMMENT ON COLUMN trade_volume.market_operator_id IS 'who buys';
COMMENT ON COLUMN trade_volume.market_operator IS 'its name';
COMMENT ON COLUMN trade_volume.service_provider_id IS 'who sells';
COMMENT ON COLUMN trade_volume.service_provider IS 'its name';
COMMENT ON COLUMN trade_volume.market_code IS 'the market';
COMMENT ON COLUMN trade_volume.currency IS 'its currency, in which values are';
COMMENT ON COLUMN trade_volume.product_id IS 'the version of the product';
COMMENT ON COLUMN trade_volume.product_code IS 'its code';
COMMENT ON COLUMN trade_volume.service_code IS 'the service that it is';
COMMENT ON COLUMN trade_volume.direction IS 'up (more generation or less demand) or down';
COMMENT ON COLUMN trade_volume.technology IS 'technology of the unit, as registered now; NULL: not said';
COMMENT ON COLUMN trade_volume.area_id IS 'where the unit is connected, as registered now: id of a grid node';
COMMENT ON COLUMN trade_volume.area IS 'its name';
COMMENT ON COLUMN trade_volume.status IS 'status of the trades, as in the table of the subject';
COMMENT ON COLUMN trade_volume.trades IS 'how many';
COMMENT ON COLUMN trade_volume.mw_h IS 'power times duration, MW and hours; of those that end';
COMMENT ON COLUMN trade_volume.availability_value IS 'price for being available times mw_h, in the currency of the market';
COMMENT ON COLUMN trade_volume.availability_mw_h IS 'mw_h of those that have such a price: the mean price is value over this';
COMMENT ON COLUMN trade_volume.utilisation_value IS 'price for delivering times mw_h, in the currency of the market';
COMMENT ON COLUMN trade_volume.utilisation_mw_h IS 'mw_h of those that have such a price: the mean price is value over this';
GRANT SELECT ON trade_volume TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ prices and volumes, acceptance

CREATE OR REPLACE VIEW price_and_volume WITH (security_invoker = true) AS
  SELECT date_trunc('month', v.day)::date AS month, v.subject, v.market_code, v.currency, v.market_operator, v.product_code, v.service_code, v.direction, v.technology, v.area,
         sum(v.trades)::bigint AS trades, round(sum(v.mw_h), 3) AS mw_h,
         round(sum(v.availability_value) / nullif(sum(v.availability_mw_h), 0), 4) AS mean_availability_price_per_mw_h,
         round(sum(v.utilisation_value) / nullif(sum(v.utilisation_mw_h), 0), 4) AS mean_utilisation_price_per_mwh
  FROM trade_volume v
  WHERE CASE v.subject WHEN 'bid' THEN v.status NOT IN ('withdrawn', 'held')
                       WHEN 'award' THEN v.status IN ('awarded', 'completed')
                       WHEN 'availability' THEN v.status IN ('accepted', 'completed')
                       ELSE v.status IN ('instructed', 'acknowledged', 'executing', 'stopped', 'completed', 'failed') END
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10;
COMMENT ON VIEW price_and_volume IS 'prices and volumes of what stands or obliges, by month, product, technology, area and buyer; add mw_h up as you like, and weigh prices by it';
COMMENT ON COLUMN price_and_volume.month IS 'first day of the local month in which delivery begins';
COMMENT ON COLUMN price_and_volume.subject IS 'bid (offered), award (bought), availability (accepted) or dispatch (instructed)';
COMMENT ON COLUMN price_and_volume.market_code IS 'the market';
COMMENT ON COLUMN price_and_volume.currency IS 'its currency';
COMMENT ON COLUMN price_and_volume.market_operator IS 'who buys';
COMMENT ON COLUMN price_and_volume.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN price_and_volume.service_code IS 'the service that it is';
COMMENT ON COLUMN price_and_volume.direction IS 'up or down';
COMMENT ON COLUMN price_and_volume.technology IS 'technology of the units, as registered';
COMMENT ON COLUMN price_and_volume.area IS 'where they are connected';
COMMENT ON COLUMN price_and_volume.trades IS 'how many trades';
COMMENT ON COLUMN price_and_volume.mw_h IS 'power times duration, MW and hours';
COMMENT ON COLUMN price_and_volume.mean_availability_price_per_mw_h IS 'mean price for being available, per MW and hour, weighted by mw_h, of those that have one';
COMMENT ON COLUMN price_and_volume.mean_utilisation_price_per_mwh IS 'mean price for delivering, per MWh, weighted by mw_h, of those that have one';
GRANT SELECT ON price_and_volume TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW acceptance WITH (security_invoker = true) AS
  SELECT date_trunc('month', v.day)::date AS month, v.market_code, v.product_code, v.technology,
         sum(v.trades)::bigint AS bids, coalesce(sum(v.trades) FILTER (WHERE v.status = 'awarded'), 0)::bigint AS awarded,
         coalesce(sum(v.trades) FILTER (WHERE v.status IN ('rejected', 'lapsed')), 0)::bigint AS not_awarded, coalesce(sum(v.trades) FILTER (WHERE v.status IN ('submitted', 'held')), 0)::bigint AS undecided,
         round(sum(v.mw_h), 3) AS offered_mw_h, round(coalesce(sum(v.mw_h) FILTER (WHERE v.status = 'awarded'), 0), 3) AS awarded_mw_h,
         round(coalesce(sum(v.mw_h) FILTER (WHERE v.status = 'awarded'), 0) / nullif(sum(v.mw_h) FILTER (WHERE v.status IN ('awarded', 'rejected', 'lapsed')), 0), 4) AS acceptance_rate
  FROM trade_volume v
  WHERE v.subject = 'bid' AND v.status <> 'withdrawn'
  GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW acceptance IS 'how much of what was offered was taken, by month, product and technology';
COMMENT ON COLUMN acceptance.month IS 'first day of the local month in which delivery begins';
COMMENT ON COLUMN acceptance.market_code IS 'the market';
COMMENT ON COLUMN acceptance.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN acceptance.technology IS 'technology of the units, as registered';
COMMENT ON COLUMN acceptance.bids IS 'bids that were not withdrawn';
COMMENT ON COLUMN acceptance.awarded IS 'how many of them were awarded';
COMMENT ON COLUMN acceptance.not_awarded IS 'how many were rejected or lapsed';
COMMENT ON COLUMN acceptance.undecided IS 'how many are undecided or held';
COMMENT ON COLUMN acceptance.offered_mw_h IS 'what they offer, MW and hours';
COMMENT ON COLUMN acceptance.awarded_mw_h IS 'what was awarded of it, MW and hours';
COMMENT ON COLUMN acceptance.acceptance_rate IS 'MW and hours awarded over those decided, 0 to 1; NULL while nothing is decided';
GRANT SELECT ON acceptance TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW bid_ceiling WITH (security_invoker = true) AS
  SELECT n.id AS need_id, n.name AS need, o.name AS market_operator, n.service_code, n.direction, n.delivery_window, n.power_kw AS needed_kw,
         n.guide_price_per_mwh AS ceiling_per_mwh, n.guide_availability_price_per_mw_h AS ceiling_per_mw_h,
         b.bids, b.offered_kw, b.above_ceiling, b.lowest_per_mwh, b.highest_per_mwh, b.lowest_per_mw_h, b.highest_per_mw_h
  FROM need n
  JOIN participant o ON o.id = n.market_operator_id
  CROSS JOIN LATERAL (
    SELECT count(*) AS bids, sum(t.power_kw) AS offered_kw,
           count(*) FILTER (WHERE t.utilisation_price_per_mwh > n.guide_price_per_mwh OR t.availability_price_per_mw_h > n.guide_availability_price_per_mw_h) AS above_ceiling,
           min(t.utilisation_price_per_mwh) AS lowest_per_mwh, max(t.utilisation_price_per_mwh) AS highest_per_mwh,
           min(t.availability_price_per_mw_h) AS lowest_per_mw_h, max(t.availability_price_per_mw_h) AS highest_per_mw_h
    FROM bid t JOIN product p ON p.id = t.product_id JOIN market m ON m.id = p.market_id
    WHERE m.market_operator_id = n.market_operator_id AND p.service_code = n.service_code AND (n.product_id IS NULL OR n.product_id = p.id)
      AND t.direction = n.direction AND t.delivery_window && n.delivery_window AND t.status <> 'withdrawn') b;
COMMENT ON VIEW bid_ceiling IS 'needs with the prices that their operators named, beside the bids for the same service, direction and time';
COMMENT ON COLUMN bid_ceiling.need_id IS 'the need';
COMMENT ON COLUMN bid_ceiling.need IS 'its name';
COMMENT ON COLUMN bid_ceiling.market_operator IS 'who needs it';
COMMENT ON COLUMN bid_ceiling.service_code IS 'the service';
COMMENT ON COLUMN bid_ceiling.direction IS 'up or down';
COMMENT ON COLUMN bid_ceiling.delivery_window IS 'when';
COMMENT ON COLUMN bid_ceiling.needed_kw IS 'how much, kW';
COMMENT ON COLUMN bid_ceiling.ceiling_per_mwh IS 'the price that was named for delivering, per MWh';
COMMENT ON COLUMN bid_ceiling.ceiling_per_mw_h IS 'the price that was named for being available, per MW and hour';
COMMENT ON COLUMN bid_ceiling.bids IS 'how many bids there are';
COMMENT ON COLUMN bid_ceiling.offered_kw IS 'their power, kW';
COMMENT ON COLUMN bid_ceiling.above_ceiling IS 'how many ask more than was named';
COMMENT ON COLUMN bid_ceiling.lowest_per_mwh IS 'lowest price for delivering, per MWh';
COMMENT ON COLUMN bid_ceiling.highest_per_mwh IS 'highest price for delivering, per MWh';
COMMENT ON COLUMN bid_ceiling.lowest_per_mw_h IS 'lowest price for being available, per MW and hour';
COMMENT ON COLUMN bid_ceiling.highest_per_mw_h IS 'highest price for being available, per MW and hour';
GRANT SELECT ON bid_ceiling TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ liquidity and concentration

CREATE OR REPLACE VIEW liquidity WITH (security_invoker = true) AS
  WITH need_part AS (
    SELECT n.market_operator_id, n.service_code, n.direction, coalesce(w.delivery_window, n.delivery_window) AS delivery_window, coalesce(w.power_kw, n.power_kw) AS power_kw
    FROM need n LEFT JOIN need_window w ON w.need_id = n.id WHERE n.status <> 'draft'),
  needed AS (
    SELECT date_trunc('month', lower(p.delivery_window) AT TIME ZONE e.time_zone)::date AS month, p.market_operator_id, p.service_code, p.direction, sum(mw_h(p.power_kw, p.delivery_window)) AS mw_h
    FROM need_part p CROSS JOIN exchange_instance e GROUP BY 1, 2, 3, 4),
  offered AS (
    SELECT date_trunc('month', v.day)::date AS month, v.market_operator_id, v.service_code, v.direction,
           sum(v.mw_h) FILTER (WHERE v.subject = 'bid' AND v.status <> 'withdrawn') AS mw_h, sum(v.mw_h) FILTER (WHERE v.subject = 'award' AND v.status IN ('awarded', 'completed')) AS awarded_mw_h
    FROM trade_volume v WHERE v.subject IN ('bid', 'award') GROUP BY 1, 2, 3, 4)
  SELECT month, o.name AS market_operator, service_code, direction,
         round(coalesce(n.mw_h, 0), 3) AS needed_mw_h, round(coalesce(b.mw_h, 0), 3) AS offered_mw_h, round(coalesce(b.awarded_mw_h, 0), 3) AS awarded_mw_h,
         round(coalesce(b.mw_h, 0) / nullif(n.mw_h, 0), 4) AS offered_over_needed
  FROM needed n FULL JOIN offered b USING (month, market_operator_id, service_code, direction)
  JOIN participant o ON o.id = market_operator_id;
COMMENT ON VIEW liquidity IS 'what was offered over what was needed, by month, buyer, service and direction';
COMMENT ON COLUMN liquidity.month IS 'first day of the local month';
COMMENT ON COLUMN liquidity.market_operator IS 'who buys';
COMMENT ON COLUMN liquidity.service_code IS 'the service';
COMMENT ON COLUMN liquidity.direction IS 'up or down';
COMMENT ON COLUMN liquidity.needed_mw_h IS 'needs that were published, in their windows, MW and hours';
COMMENT ON COLUMN liquidity.offered_mw_h IS 'bids that were not withdrawn, MW and hours';
COMMENT ON COLUMN liquidity.awarded_mw_h IS 'awards, MW and hours';
COMMENT ON COLUMN liquidity.offered_over_needed IS 'offered_mw_h over needed_mw_h: 1 is just enough; NULL where no need was published';
GRANT SELECT ON liquidity TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION herfindahl_hirschman_index(amounts numeric[]) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT round(sum((100 * a / nullif(t.total, 0)) ^ 2), 1) FROM unnest(amounts) a, (SELECT sum(x) AS total FROM unnest(amounts) x) t WHERE a IS NOT NULL;
END;
COMMENT ON FUNCTION herfindahl_hirschman_index(numeric[]) IS 'the sum of squared shares in per cent, of what each seller sells: 10000 for one seller, 2500 for four alike; NULL for nothing';
REVOKE ALL ON FUNCTION herfindahl_hirschman_index(numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION herfindahl_hirschman_index(numeric[]) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION residual_supply_index(amounts numeric[], demand numeric, without integer DEFAULT 1) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT round(((SELECT sum(a) FROM unnest(amounts) a) - (SELECT sum(l.a) FROM (SELECT a FROM unnest(amounts) a WHERE a IS NOT NULL ORDER BY a DESC LIMIT without) l)) / nullif(demand, 0), 4);
END;
COMMENT ON FUNCTION residual_supply_index(numeric[], numeric, integer) IS
  'what is offered without the largest sellers, one or as many as said, over what is demanded: below 1 the demand cannot be met without them (they are pivotal)';
REVOKE ALL ON FUNCTION residual_supply_index(numeric[], numeric, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION residual_supply_index(numeric[], numeric, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION ultimate_owner(participant_id bigint, at timestamptz DEFAULT now()) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce((SELECT g.name FROM participant_group_member m JOIN participant_group g ON g.id = m.participant_group_id
                   WHERE m.participant_id = ultimate_owner.participant_id AND m.valid @> at),
                  (SELECT p.name FROM participant p WHERE p.id = ultimate_owner.participant_id));
END;
COMMENT ON FUNCTION ultimate_owner(bigint, timestamptz) IS 'the group to which a participant belongs at an instant, or itself: sellers under common ownership are one seller';
REVOKE ALL ON FUNCTION ultimate_owner(bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ultimate_owner(bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW seller_share WITH (security_invoker = true) AS
  SELECT s.month, s.market_code, s.product_code, s.area, s.direction, s.owner, round(s.offered, 3) AS offered_mw_h, round(s.awarded, 3) AS awarded_mw_h,
         round(s.offered / nullif(sum(s.offered) OVER w, 0), 4) AS offered_share, round(s.awarded / nullif(sum(s.awarded) OVER w, 0), 4) AS awarded_share
  FROM (SELECT date_trunc('month', v.day)::date AS month, v.market_code, v.product_code, v.area, v.direction, ultimate_owner(v.service_provider_id, local_midnight(v.day)) AS owner,
               coalesce(sum(v.mw_h) FILTER (WHERE v.subject = 'bid' AND v.status <> 'withdrawn'), 0) AS offered,
               coalesce(sum(v.mw_h) FILTER (WHERE v.subject = 'award' AND v.status IN ('awarded', 'completed')), 0) AS awarded
        FROM trade_volume v WHERE v.subject IN ('bid', 'award') GROUP BY 1, 2, 3, 4, 5, 6) s
  WINDOW w AS (PARTITION BY s.month, s.market_code, s.product_code, s.area, s.direction);
COMMENT ON VIEW seller_share IS 'shares of sellers in what is offered and bought, by ultimate owner, month, product, area and direction; of what the reader may read: a provider reads itself alone, and its share is then 1';
COMMENT ON COLUMN seller_share.month IS 'first day of the local month';
COMMENT ON COLUMN seller_share.market_code IS 'the market';
COMMENT ON COLUMN seller_share.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN seller_share.area IS 'where the units are connected: sellers elsewhere do not compete';
COMMENT ON COLUMN seller_share.direction IS 'up or down';
COMMENT ON COLUMN seller_share.owner IS 'the group of the seller when delivery began, or the seller';
COMMENT ON COLUMN seller_share.offered_mw_h IS 'what it offered, MW and hours';
COMMENT ON COLUMN seller_share.awarded_mw_h IS 'what was bought of it, MW and hours';
COMMENT ON COLUMN seller_share.offered_share IS 'its share in what was offered, 0 to 1';
COMMENT ON COLUMN seller_share.awarded_share IS 'its share in what was bought, 0 to 1';
GRANT SELECT ON seller_share TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW concentration WITH (security_invoker = true) AS
  SELECT s.month, s.market_code, s.product_code, s.area, s.direction, count(*) AS sellers,
         herfindahl_hirschman_index(array_agg(s.awarded_mw_h)) AS herfindahl_hirschman_index, max(s.awarded_share) AS largest_share,
         sum(s.offered_mw_h) AS offered_mw_h, sum(s.awarded_mw_h) AS awarded_mw_h,
         residual_supply_index(array_agg(s.offered_mw_h), sum(s.awarded_mw_h)) AS residual_supply_index,
         residual_supply_index(array_agg(s.offered_mw_h), sum(s.awarded_mw_h), 3) AS three_seller_residual_supply_index
  FROM seller_share s GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW concentration IS 'how concentrated a market is, by month, product, area and direction, its sellers taken by ultimate owner; of what the reader may read';
COMMENT ON COLUMN concentration.month IS 'first day of the local month';
COMMENT ON COLUMN concentration.market_code IS 'the market';
COMMENT ON COLUMN concentration.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN concentration.area IS 'where the units are connected';
COMMENT ON COLUMN concentration.direction IS 'up or down';
COMMENT ON COLUMN concentration.sellers IS 'how many owners offered or sold';
COMMENT ON COLUMN concentration.herfindahl_hirschman_index IS 'sum of the squared shares, per cent, in what was bought: 10000 is one seller';
COMMENT ON COLUMN concentration.largest_share IS 'the largest share in what was bought, 0 to 1';
COMMENT ON COLUMN concentration.offered_mw_h IS 'what was offered, MW and hours';
COMMENT ON COLUMN concentration.awarded_mw_h IS 'what was bought, MW and hours: taken for the demand';
COMMENT ON COLUMN concentration.residual_supply_index IS 'what the others offered over what was bought, without the largest: below 1 it is pivotal';
COMMENT ON COLUMN concentration.three_seller_residual_supply_index IS 'the same without the three largest';
GRANT SELECT ON concentration TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

-- ------------------------------------------------------------------ what became of it

CREATE OR REPLACE VIEW availability_share WITH (security_invoker = true) AS
  SELECT date_trunc('month', v.day)::date AS month, v.market_code, v.product_code, v.service_provider, v.technology,
         round(coalesce(sum(v.mw_h) FILTER (WHERE v.subject = 'award'), 0), 3) AS awarded_mw_h,
         round(coalesce(sum(v.mw_h) FILTER (WHERE v.subject = 'availability' AND v.status IN ('declared', 'accepted', 'completed')), 0), 3) AS declared_mw_h,
         round(coalesce(sum(v.mw_h) FILTER (WHERE v.subject = 'availability' AND v.status IN ('accepted', 'completed')), 0), 3) AS accepted_mw_h,
         round(sum(v.mw_h) FILTER (WHERE v.subject = 'availability' AND v.status IN ('declared', 'accepted', 'completed')) / nullif(sum(v.mw_h) FILTER (WHERE v.subject = 'award'), 0), 4) AS declared_over_awarded
  FROM trade_volume v
  WHERE (v.subject = 'award' AND v.status IN ('awarded', 'completed')) OR v.subject = 'availability'
  GROUP BY 1, 2, 3, 4, 5;
COMMENT ON VIEW availability_share IS 'how much of what was awarded was declared available, and accepted, by month, product, provider and technology';
COMMENT ON COLUMN availability_share.month IS 'first day of the local month';
COMMENT ON COLUMN availability_share.market_code IS 'the market';
COMMENT ON COLUMN availability_share.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN availability_share.service_provider IS 'who sells';
COMMENT ON COLUMN availability_share.technology IS 'technology of the units, as registered';
COMMENT ON COLUMN availability_share.awarded_mw_h IS 'awards that stand, MW and hours';
COMMENT ON COLUMN availability_share.declared_mw_h IS 'availability that was declared, MW and hours';
COMMENT ON COLUMN availability_share.accepted_mw_h IS 'availability that was accepted, MW and hours';
COMMENT ON COLUMN availability_share.declared_over_awarded IS 'declared_mw_h over awarded_mw_h; NULL where nothing was awarded first';
GRANT SELECT ON availability_share TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW reliability WITH (security_invoker = true) AS
  SELECT date_trunc('month', v.day)::date AS month, v.technology, v.product_code, v.market_code, sum(v.trades)::bigint AS dispatches,
         coalesce(sum(v.trades) FILTER (WHERE v.status = 'completed'), 0)::bigint AS completed,
         coalesce(sum(v.trades) FILTER (WHERE v.status IN ('failed', 'refused', 'lapsed')), 0)::bigint AS failed,
         round(sum(v.mw_h), 3) AS mw_h,
         round(coalesce(sum(v.trades) FILTER (WHERE v.status = 'completed'), 0) / nullif(sum(v.trades) FILTER (WHERE v.status IN ('completed', 'failed', 'refused', 'lapsed')), 0), 4) AS completed_share
  FROM trade_volume v
  WHERE v.subject = 'dispatch' AND v.status NOT IN ('held', 'rejected', 'cancelled', 'superseded')
  GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW reliability IS 'how many instructions were carried out, by month, technology and product';
COMMENT ON COLUMN reliability.month IS 'first day of the local month';
COMMENT ON COLUMN reliability.technology IS 'technology of the units, as registered';
COMMENT ON COLUMN reliability.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN reliability.market_code IS 'the market';
COMMENT ON COLUMN reliability.dispatches IS 'instructions that were neither held, rejected, cancelled nor superseded';
COMMENT ON COLUMN reliability.completed IS 'how many were completed';
COMMENT ON COLUMN reliability.failed IS 'how many failed, were refused or were not answered';
COMMENT ON COLUMN reliability.mw_h IS 'what was instructed, MW and hours';
COMMENT ON COLUMN reliability.completed_share IS 'completed over those that came to an end, 0 to 1; NULL while none did';
GRANT SELECT ON reliability TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW response_time WITH (security_invoker = true) AS
  SELECT date_trunc('month', d.instructed_at AT TIME ZONE e.time_zone)::date AS month, m.code AS market_code, p.code AS product_code, coalesce(a.technology, f.technology) AS technology,
         count(*) AS dispatches, count(d.answered_at) AS answered,
         make_interval(secs => percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.answered_at - d.instructed_at)::double precision)) AS median,
         make_interval(secs => percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM d.answered_at - d.instructed_at)::double precision)) AS slowest_twentieth
  FROM (SELECT t.dispatch_id, min(t.happened_at) FILTER (WHERE t.status = 'instructed') AS instructed_at, min(t.happened_at) FILTER (WHERE t.status IN ('acknowledged', 'executing', 'refused')) AS answered_at
        FROM dispatch_event t GROUP BY t.dispatch_id) d
  JOIN dispatch i ON i.id = d.dispatch_id JOIN product p ON p.id = i.product_id JOIN market m ON m.id = p.market_id CROSS JOIN exchange_instance e
  LEFT JOIN asset a ON a.id = i.asset_id LEFT JOIN portfolio f ON f.id = i.portfolio_id
  WHERE d.instructed_at IS NOT NULL
  GROUP BY 1, 2, 3, 4;
COMMENT ON VIEW response_time IS 'how long instructions of this exchange waited for an answer, by month, product and technology';
COMMENT ON COLUMN response_time.month IS 'first day of the local month in which they were instructed';
COMMENT ON COLUMN response_time.market_code IS 'the market';
COMMENT ON COLUMN response_time.product_code IS 'the product, in all its versions';
COMMENT ON COLUMN response_time.technology IS 'technology of the units, as registered';
COMMENT ON COLUMN response_time.dispatches IS 'how many instructions';
COMMENT ON COLUMN response_time.answered IS 'how many were acknowledged, begun or refused';
COMMENT ON COLUMN response_time.median IS 'from instruction to answer, median';
COMMENT ON COLUMN response_time.slowest_twentieth IS 'from instruction to answer: 95 of 100 were as fast';
GRANT SELECT ON response_time TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW conflict_summary WITH (security_invoker = true) AS
  SELECT date_trunc('month', f.found_at AT TIME ZONE e.time_zone)::date AS month, f.kind, f.severity, f.stage,
         least(c.service_code, coalesce(i.service_code, c.service_code)) AS service_a, greatest(c.service_code, coalesce(i.service_code, c.service_code)) AS service_b,
         count(*) AS found, count(*) FILTER (WHERE f.closed_at IS NULL) AS still_open, sum(f.short_kw) AS short_kw
  FROM conflict f CROSS JOIN exchange_instance e JOIN commitment c ON c.id = f.challenger_id LEFT JOIN commitment i ON i.id = f.incumbent_id
  GROUP BY 1, 2, 3, 4, 5, 6;
COMMENT ON VIEW conflict_summary IS 'conflicts by the month in which they were found, by kind and by pair of services; for the operator and the regulator: participants are told of theirs by notifications';
COMMENT ON COLUMN conflict_summary.month IS 'first day of the local month in which they were found';
COMMENT ON COLUMN conflict_summary.kind IS 'kind, as in conflict';
COMMENT ON COLUMN conflict_summary.severity IS 'blocking or advisory';
COMMENT ON COLUMN conflict_summary.stage IS 'competition or dispatch';
COMMENT ON COLUMN conflict_summary.service_a IS 'one service of the pair';
COMMENT ON COLUMN conflict_summary.service_b IS 'the other; the same where the conflict is with no other commitment';
COMMENT ON COLUMN conflict_summary.found IS 'how many were found';
COMMENT ON COLUMN conflict_summary.still_open IS 'how many of them stand';
COMMENT ON COLUMN conflict_summary.short_kw IS 'kW that were missing, added up, where a conflict is about kW';
GRANT SELECT ON conflict_summary TO flexexchange_operator, flexexchange_regulator;

-- ------------------------------------------------------------------ as it was known

CREATE OR REPLACE FUNCTION trade_volume_as_of(instant timestamptz)
RETURNS TABLE (subject text, day date, service_provider_id bigint, product_id bigint, product_code text, direction text, technology text, area_id bigint, status text,
               trades bigint, mw_h numeric, availability_value numeric, availability_mw_h numeric, utilisation_value numeric, utilisation_mw_h numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH t AS (
    SELECT 'bid' AS subject, b.product_id, b.service_provider_id, b.asset_id, b.portfolio_id, b.direction, b.status, b.delivery_window, mw_h(b.power_kw, b.delivery_window) AS mw_h,
           b.availability_price_per_mw_h AS availability_price, b.utilisation_price_per_mwh AS utilisation_price FROM bid_as_of(instant) b
    UNION ALL SELECT 'award', a.product_id, a.service_provider_id, a.asset_id, a.portfolio_id, a.direction, a.status, a.delivery_window, mw_h(a.power_kw, a.delivery_window),
           a.availability_price_per_mw_h, a.utilisation_price_per_mwh FROM award_as_of(instant) a
    UNION ALL SELECT 'availability', v.product_id, v.service_provider_id, v.asset_id, v.portfolio_id, v.direction, v.status, v.delivery_window, mw_h(v.power_kw, v.delivery_window),
           v.availability_price_per_mw_h, NULL FROM availability_as_of(instant) v
    UNION ALL SELECT 'dispatch', d.product_id, d.service_provider_id, d.asset_id, d.portfolio_id, d.direction, d.status, d.delivery_window, mw_h(d.power_kw, d.delivery_window),
           NULL, d.utilisation_price_per_mwh FROM dispatch_as_of(instant) d)
  SELECT t.subject, (lower(t.delivery_window) AT TIME ZONE e.time_zone)::date, t.service_provider_id, t.product_id, r.code, t.direction,
         coalesce(a.technology, p.technology), coalesce(a.grid_node_id, p.grid_node_id), t.status, count(*),
         coalesce(sum(t.mw_h), 0), coalesce(sum(t.availability_price * t.mw_h), 0), coalesce(sum(t.mw_h) FILTER (WHERE t.availability_price IS NOT NULL), 0),
         coalesce(sum(t.utilisation_price * t.mw_h), 0), coalesce(sum(t.mw_h) FILTER (WHERE t.utilisation_price IS NOT NULL), 0)
  FROM t CROSS JOIN exchange_instance e JOIN product_as_of(instant) r ON r.id = t.product_id
  LEFT JOIN asset_as_of(instant) a ON a.id = t.asset_id LEFT JOIN portfolio_as_of(instant) p ON p.id = t.portfolio_id
  WHERE lower(t.delivery_window) > '-infinity'
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;
END
$function$;
COMMENT ON FUNCTION trade_volume_as_of(instant timestamptz) IS
  'trade_volume as it was known at an instant, technology and place of the units too, from event_log: what was reported then can be told from what is known now; for the operator and the regulator, like all functions of its kind';
REVOKE ALL ON FUNCTION trade_volume_as_of(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION trade_volume_as_of(timestamptz) TO flexexchange_operator, flexexchange_regulator;

-- ------------------------------------------------------------------ the data dictionary

CREATE OR REPLACE VIEW data_dictionary WITH (security_invoker = true) AS
  SELECT c.relname::text AS relation, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'table' END AS kind, obj_description(c.oid, 'pg_class') AS relation_is,
         a.attnum AS place, a.attname::text AS column_name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS is_required, col_description(c.oid, a.attnum) AS column_is
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = (SELECT n.relnamespace FROM pg_class n WHERE n.oid = 'exchange_instance'::regclass) AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
    AND (has_any_column_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'INSERT'));
COMMENT ON VIEW data_dictionary IS 'what every table and view that the reader has to do with holds, column by column, from the catalog';
COMMENT ON COLUMN data_dictionary.relation IS 'table or view';
COMMENT ON COLUMN data_dictionary.kind IS 'table or view';
COMMENT ON COLUMN data_dictionary.relation_is IS 'what it holds';
COMMENT ON COLUMN data_dictionary.place IS 'place of the column';
COMMENT ON COLUMN data_dictionary.column_name IS 'name of the column';
COMMENT ON COLUMN data_dictionary.type IS 'its type';
COMMENT ON COLUMN data_dictionary.is_required IS 'true: it is never NULL';
COMMENT ON COLUMN data_dictionary.column_is IS 'what it says, with its unit';
GRANT SELECT ON data_dictionary TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
