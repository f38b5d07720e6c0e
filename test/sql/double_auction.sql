-- The price of a double auction, and who trades with whom.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SET search_path = flexexchange;

-- Power TAC (Apache-2.0), tests of its auctioneer, published: a ratio of 0.5, a margin of 0.05 above the ask, 0.2 against market orders, 40 where there is no price at all
SELECT double_auction_price(20, 22) AS halfway, double_auction_price(20, 32) AS margin, double_auction_price(20, 21) AS last_matched, double_auction_price(21, 21) AS meet, double_auction_price(50, 56) AS margin_of_50, double_auction_price(23, 22) AS no_trade;
SELECT double_auction_price(20, NULL, market_order_margin => 0.2) AS market_bid, double_auction_price(NULL, 21, market_order_margin => 0.2) AS market_ask, double_auction_price(NULL, NULL, market_price => 40) AS both, double_auction_price(NULL, NULL) AS unpriced;
-- the ratio is the sellers', the margin is never below the ask, also where asks are negative
SELECT double_auction_price(20, 20.8, 0) AS buyers, double_auction_price(20, 20.8, 1) AS sellers, double_auction_price(-20, 10) AS negative, double_auction_price(-20, -20) AS negative_meet, double_auction_price(0, 10) AS of_zero;
SELECT double_auction_price(20, 22, 1.5);
SELECT double_auction_price(20, 22, -0.5);
SELECT double_auction_price(20, 22, 0.5, -0.05);
SELECT double_auction_price(20, 22, market_order_margin => -1);

-- gsy-framework, published: offers 1 to 5 and bids 9, 3, 3, cleared volume 15
SELECT * FROM match_orders('{1,2,3,4,5}', '{9,3,3}', 15);
-- half of it; more than there is; all that both sides have
SELECT array_agg(quantity ORDER BY trade) FROM match_orders('{1,2,3,4,5}', '{9,3,3}', 7.5);
SELECT sum(quantity), max(ask) AS last_ask, max(bid) AS last_bid FROM match_orders('{1,2}', '{9,3}', 100);
SELECT sum(quantity), max(ask) AS last_ask, max(bid) AS last_bid FROM match_orders('{8,2}', '{3,4}');
-- nothing to trade, at the head and within
SELECT * FROM match_orders('{0,1,NULL,2}', '{0,0,1.5,-1,9}');
SELECT count(*) FROM match_orders('{}', '{1}');
SELECT count(*) FROM match_orders('{1}', '{}');
SELECT count(*) FROM match_orders('{1}', '{1}', 0);
SELECT count(*) FROM match_orders('{0}', '{1}');

-- Power TAC's books, whole: orders in the order of their prices, matched while the bid is not below the ask, priced between the last two
CREATE TABLE public.book (name text, side text, quantity numeric, price numeric);
INSERT INTO public.book VALUES
  ('one and one', 'ask', 1, 20), ('one and one', 'bid', 1, 22),
  ('a high bid', 'ask', 1, 20), ('a high bid', 'bid', 1, 32),
  ('no trade', 'ask', 1, 23), ('no trade', 'bid', 1, 22),
  ('two bids', 'ask', 1, 20), ('two bids', 'bid', 0.6, 21), ('two bids', 'bid', 0.6, 22),
  ('three asks', 'ask', 0.9, 18), ('three asks', 'ask', 1, 20), ('three asks', 'ask', 1, 21.5), ('three asks', 'bid', 1.4, 21), ('three asks', 'bid', 0.6, 22),
  ('many bids', 'ask', 0.9, 18), ('many bids', 'ask', 1, 20), ('many bids', 'ask', 1, 21), ('many bids', 'bid', 0.8, 21), ('many bids', 'bid', 0.2, 21), ('many bids', 'bid', 0.2, 21), ('many bids', 'bid', 0.2, 21), ('many bids', 'bid', 0.6, 22);
CREATE VIEW public.matched AS
  SELECT b.name, m.trade, m.quantity, b.ask_prices[m.ask] AS ask, b.bid_prices[m.bid] AS bid, b.asked, b.bidden
  FROM (SELECT name, array_agg(quantity ORDER BY price) FILTER (WHERE side = 'ask') AS asks, array_agg(quantity ORDER BY price DESC) FILTER (WHERE side = 'bid') AS bids,
               array_agg(price ORDER BY price) FILTER (WHERE side = 'ask') AS ask_prices, array_agg(price ORDER BY price DESC) FILTER (WHERE side = 'bid') AS bid_prices,
               sum(quantity) FILTER (WHERE side = 'ask') AS asked, sum(quantity) FILTER (WHERE side = 'bid') AS bidden FROM public.book GROUP BY name) b,
       match_orders(b.asks, b.bids) m WHERE b.ask_prices[m.ask] <= b.bid_prices[m.bid];
SELECT name, double_auction_price(max(ask), min(bid)) AS price, sum(quantity) AS volume, max(asked) - sum(quantity) AS asked_still, max(bidden) - sum(quantity) AS bidden_still FROM public.matched GROUP BY name ORDER BY name COLLATE "C";
SELECT ask, bid, quantity FROM public.matched WHERE name = 'two bids' ORDER BY trade;
DROP TABLE public.book CASCADE;
