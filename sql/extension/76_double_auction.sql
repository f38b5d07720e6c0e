-- What a double auction adds to a clearing: one price between the last two who trade,
-- and who trades with whom.  Functions of their arguments alone, beside any way of clearing.

CREATE FUNCTION double_auction_price(ask numeric, bid numeric, seller_surplus_ratio numeric DEFAULT 0.5, margin numeric DEFAULT 0.05,
                                     market_order_margin numeric DEFAULT 0.05, market_price numeric DEFAULT NULL) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN check_not_negative(seller_surplus_ratio, 'seller_surplus_ratio') AND check_not_negative(1 - seller_surplus_ratio, '1 - seller_surplus_ratio')
                   AND check_not_negative(margin, 'margin') AND check_not_negative(market_order_margin, 'market_order_margin')
              THEN CASE WHEN ask IS NULL AND bid IS NULL THEN market_price
                        WHEN ask IS NULL THEN trim_scale(bid / (1 + market_order_margin))
                        WHEN bid IS NULL THEN trim_scale(ask * (1 + market_order_margin))
                        WHEN bid >= ask THEN trim_scale(least(ask + seller_surplus_ratio * (bid - ask), ask + margin * abs(ask))) END END;
COMMENT ON FUNCTION double_auction_price(numeric, numeric, numeric, numeric, numeric, numeric) IS
  'the one price of a periodic double auction whose last matched ask and bid have these prices: the ask and the sellers'' share of the difference, 0 to 1, at most a margin (a share of the ask) above the ask; a NULL price is that of a market order: '
  'the other price with its own margin against it, market_price when both are; NULL where the bid is below the ask, for then nothing trades; error 23514 for a ratio or margin outside its range; the rule of the Power TAC auctioneer';

CREATE FUNCTION match_orders(asks numeric[], bids numeric[], volume numeric DEFAULT NULL) RETURNS TABLE (trade bigint, ask bigint, bid bigint, quantity numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  -- Laid end to end on one line, orders of both sides cut it at their ends; between two cuts one ask meets one bid.
  WITH cut AS (
    SELECT 'ask' AS side, sum(greatest(a.quantity, 0)) OVER (ORDER BY a.place) AS upto FROM unnest(asks) WITH ORDINALITY AS a (quantity, place)
    UNION ALL
    SELECT 'bid', sum(greatest(b.quantity, 0)) OVER (ORDER BY b.place) FROM unnest(bids) WITH ORDINALITY AS b (quantity, place)
    UNION ALL
    SELECT 'volume', volume
  ), placed AS (
    SELECT c.upto,
           1 + count(*) FILTER (WHERE c.side = 'ask') OVER before AS ask,
           1 + count(*) FILTER (WHERE c.side = 'bid') OVER before AS bid
    FROM cut c WHERE c.upto > 0
    WINDOW before AS (ORDER BY c.upto RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP)
  ), piece AS (
    SELECT DISTINCT p.upto, p.ask + z.asks AS ask, p.bid + z.bids AS bid
    FROM placed p,
         (SELECT count(*) FILTER (WHERE c.side = 'ask' AND NOT c.upto > 0) AS asks, count(*) FILTER (WHERE c.side = 'bid' AND NOT c.upto > 0) AS bids FROM cut c) z
    WHERE p.upto <= (SELECT least(max(c.upto) FILTER (WHERE c.side = 'ask'), max(c.upto) FILTER (WHERE c.side = 'bid'), volume) FROM cut c
                     HAVING count(*) FILTER (WHERE c.side = 'ask') > 0 AND count(*) FILTER (WHERE c.side = 'bid') > 0)
  )
  SELECT row_number() OVER (ORDER BY p.upto), p.ask, p.bid, trim_scale(p.upto - coalesce(lag(p.upto) OVER (ORDER BY p.upto), 0))
  FROM piece p ORDER BY p.upto;
END;
COMMENT ON FUNCTION match_orders(numeric[], numeric[], numeric) IS
  'who trades with whom: asks and bids given as quantities in order of merit, each taking what the one before left, until the volume (NULL: until one side is used up) is matched; ask and bid are places in the arrays, from 1; '
  'a quantity that is negative or NULL trades nothing; O(n log n)';
