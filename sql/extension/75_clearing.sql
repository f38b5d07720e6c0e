-- Clearing: which orders are accepted, how far, and at what prices.

CREATE FUNCTION clear_orders(
  orders text,
  cells text DEFAULT NULL,
  terms text DEFAULT NULL,
  exclusions text DEFAULT NULL,
  links text DEFAULT NULL,
  limits text DEFAULT NULL,
  flows text DEFAULT NULL,
  pricing text DEFAULT 'marginal',
  surplus_share float8 DEFAULT 0,
  max_gap float8 DEFAULT 0.0001,
  max_gap_cost float8 DEFAULT 0,
  max_seconds float8 DEFAULT 60,
  seed bigint DEFAULT 0,
  ties text DEFAULT 'order',
  OUT status text, OUT cost float8, OUT bound float8, OUT gap float8, OUT nodes bigint, OUT iterations bigint, OUT seconds float8,
  OUT order_id bigint[], OUT share float8[], OUT reason text[], OUT displaced_by bigint[],
  OUT cell bigint[], OUT price float8[], OUT shadow_price float8[], OUT highest_price float8[], OUT quantity float8[], OUT shortfall float8[], OUT price_setter bigint[],
  OUT flow float8[])
  AS 'MODULE_PATHNAME', 'flex_clear_orders'
  LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION clear_orders(text, text, text, text, text, text, text, text, float8, float8, float8, float8, bigint, text) IS
  'clears an auction given by queries, which it runs as the caller: orders (order_id, cell, quantity above zero to sell and below to buy, price per unit), cells (requirement, ceiling, at_least), terms (least share, fixed cost), exclusions, links, limits, flows; the least cost within the gap that it proves, prices, and why each order got what it got; ties: of steps exactly at the price, by order the first come, by pro_rata all in one share; errors 22023, 22004, 42804';
