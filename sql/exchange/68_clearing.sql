-- archetype: thick
-- Clearing: what a competition was made into to be cleared, and what came of it.
--
-- clearing --1:n-- clearing_cell       so many kW of a requirement, in a piece of its window in which no bid begins or ends
--          --1:n-- clearing_order      a bid, a block of bids, or a step of a bid, at one place
--                    --1:n-- clearing_leg     what it sells in a cell, and at what score
--          --1:n-- clearing_exclusion, clearing_limit, clearing_flow
--          --1:n-- clearing_bid        the result for each bid, in words
--
-- All that the engine was asked stands here, so it can be asked again: years later, when bids, units and rules are other.

CREATE TABLE clearing (
  id                     bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  competition_id         bigint NOT NULL REFERENCES competition,
  purpose                text NOT NULL,
  cost_weight            numeric(9,4) NOT NULL,
  carbon_weight          numeric(9,4) NOT NULL,
  security_weight        numeric(9,4) NOT NULL,
  carbon_price_per_t     numeric(14,4),
  unserved_price_per_mwh numeric(14,4),
  pricing                text NOT NULL,
  surplus_share          numeric(4,3) NOT NULL,
  max_gap                numeric(9,8) NOT NULL,
  max_seconds            numeric(9,3) NOT NULL,
  ties                   text NOT NULL,
  seed                   bigint NOT NULL,
  library_version        text NOT NULL,
  status                 text NOT NULL DEFAULT 'compiled',
  cost                   double precision,
  bound                  double precision,
  gap                    double precision,
  nodes                  bigint,
  iterations             bigint,
  seconds                double precision,
  rule_rounds            integer NOT NULL DEFAULT 0,
  made_at                timestamptz NOT NULL DEFAULT clock_timestamp(),
  made_by                name NOT NULL DEFAULT session_role(),
  CONSTRAINT clearing_purpose_is_known CHECK (check_code(purpose, 'clearing.purpose', 'official', 'cost_alone', 'carbon_alone')),
  CONSTRAINT clearing_pricing_is_known CHECK (check_code(pricing, 'clearing.pricing', 'marginal', 'highest_accepted', 'none')),
  CONSTRAINT clearing_ties_are_known CHECK (check_code(ties, 'clearing.ties', 'order', 'pro_rata')),
  CONSTRAINT clearing_status_is_known CHECK (check_code(status, 'clearing.status', 'compiled', 'optimal', 'time_limit'))
);
CREATE INDEX clearing_competition_id_idx ON clearing (competition_id, id);
COMMENT ON TABLE clearing IS 'clearings of competitions: with the declared weights (official), and what it would have been with others';
COMMENT ON COLUMN clearing.id IS 'surrogate key';
COMMENT ON COLUMN clearing.competition_id IS 'the competition';
COMMENT ON COLUMN clearing.purpose IS 'official (the awards follow from the last such), cost_alone or carbon_alone';
COMMENT ON COLUMN clearing.cost_weight IS 'weight of what is paid';
COMMENT ON COLUMN clearing.carbon_weight IS 'weight of what the carbon of the delivery costs';
COMMENT ON COLUMN clearing.security_weight IS 'weight of what is expected not to be delivered, at the price of unserved energy';
COMMENT ON COLUMN clearing.carbon_price_per_t IS 'price of carbon, currency of the market per tonne of CO2';
COMMENT ON COLUMN clearing.unserved_price_per_mwh IS 'price of energy that is not delivered, currency of the market per MWh';
COMMENT ON COLUMN clearing.pricing IS 'as clear_orders() has it: marginal, highest_accepted, or none (every bid is paid as bid)';
COMMENT ON COLUMN clearing.surplus_share IS 'where an interval of prices clears: 0 its lowest, 1 its highest';
COMMENT ON COLUMN clearing.max_gap IS 'the gap that was allowed, of the cost';
COMMENT ON COLUMN clearing.max_seconds IS 'the time that was allowed, s';
COMMENT ON COLUMN clearing.ties IS 'as clear_orders() has it: order (one comes first) or pro_rata';
COMMENT ON COLUMN clearing.seed IS 'seed of the draw among ties; 0: the first to arrive comes first';
COMMENT ON COLUMN clearing.library_version IS 'version of the extension that cleared it';
COMMENT ON COLUMN clearing.status IS 'compiled, then optimal (within the gap) or time_limit';
COMMENT ON COLUMN clearing.cost IS 'the objective: weighted cost of what is accepted and of what is short, currency of the market';
COMMENT ON COLUMN clearing.bound IS 'proved: no outcome costs less';
COMMENT ON COLUMN clearing.gap IS 'between the two, of the cost';
COMMENT ON COLUMN clearing.nodes IS 'nodes of the search';
COMMENT ON COLUMN clearing.iterations IS 'iterations of the simplex';
COMMENT ON COLUMN clearing.seconds IS 'time that the last round took, s';
COMMENT ON COLUMN clearing.rule_rounds IS 'how often the outcome was tried against the rules and cleared again, because they would not have let it stand';
COMMENT ON COLUMN clearing.made_at IS 'when';
COMMENT ON COLUMN clearing.made_by IS 'by whom';
COMMENT ON INDEX clearing_competition_id_idx IS 'the clearings of a competition';

CREATE TABLE clearing_cell (
  clearing_id          bigint NOT NULL REFERENCES clearing ON DELETE CASCADE,
  cell                 bigint NOT NULL,
  requirement_id       bigint NOT NULL REFERENCES competition_requirement,
  delivery_window      time_window NOT NULL,
  hours                double precision NOT NULL,
  utilisation_hours    double precision NOT NULL,
  required_kw          double precision NOT NULL,
  at_least             boolean NOT NULL,
  ceiling_per_kw       double precision NOT NULL,
  price_per_kw         double precision,
  shadow_price_per_kw  double precision,
  highest_price_per_kw double precision,
  accepted_kw          double precision,
  shortfall_kw         double precision,
  price_setter_id      bigint,
  CONSTRAINT clearing_cell_once PRIMARY KEY (clearing_id, cell)
);
COMMENT ON TABLE clearing_cell IS 'what had to be met: a requirement, in a piece of its window in which no bid begins or ends';
COMMENT ON COLUMN clearing_cell.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_cell.cell IS 'number within the clearing';
COMMENT ON COLUMN clearing_cell.requirement_id IS 'the requirement';
COMMENT ON COLUMN clearing_cell.delivery_window IS 'the piece of its window';
COMMENT ON COLUMN clearing_cell.hours IS 'length of the piece, h';
COMMENT ON COLUMN clearing_cell.utilisation_hours IS 'how long it is expected to be used, h';
COMMENT ON COLUMN clearing_cell.required_kw IS 'what is wanted, kW';
COMMENT ON COLUMN clearing_cell.at_least IS 'more may be bought than is wanted';
COMMENT ON COLUMN clearing_cell.ceiling_per_kw IS 'score of each kW that is short, for the piece';
COMMENT ON COLUMN clearing_cell.price_per_kw IS 'clearing price of a kW for the piece, as a score; NULL where bids are paid as bid or nothing was traded';
COMMENT ON COLUMN clearing_cell.shadow_price_per_kw IS 'what one kW more would cost, as a score';
COMMENT ON COLUMN clearing_cell.highest_price_per_kw IS 'the highest price that would clear it as well, as a score';
COMMENT ON COLUMN clearing_cell.accepted_kw IS 'accepted, kW';
COMMENT ON COLUMN clearing_cell.shortfall_kw IS 'not met, kW';
COMMENT ON COLUMN clearing_cell.price_setter_id IS 'order_id of the order that set the price; NULL: the ceiling, or a block by its mean';
COMMENT ON CONSTRAINT clearing_cell_once ON clearing_cell IS 'cells are numbered';

CREATE TABLE clearing_order (
  clearing_id   bigint NOT NULL REFERENCES clearing ON DELETE CASCADE,
  order_id      bigint NOT NULL,
  whole_id      bigint NOT NULL REFERENCES bid,
  piece         integer NOT NULL,
  lot_id        bigint,
  grid_node_id  bigint,
  minimum       double precision NOT NULL,
  fixed_cost    double precision NOT NULL,
  parent_id     bigint,
  share         double precision,
  reason        text,
  displaced_by  bigint,
  CONSTRAINT clearing_order_once PRIMARY KEY (clearing_id, order_id)
);
COMMENT ON TABLE clearing_order IS 'what could be accepted in one share: a bid, a block of bids, or a step of a bid, at one place';
COMMENT ON COLUMN clearing_order.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_order.order_id IS 'number within the clearing, in the order of arrival';
COMMENT ON COLUMN clearing_order.whole_id IS 'the bid, or the first bid of the block';
COMMENT ON COLUMN clearing_order.piece IS 'which step; 0: the bid as a whole, or as much of it as is the least that it takes';
COMMENT ON COLUMN clearing_order.lot_id IS 'for which lot';
COMMENT ON COLUMN clearing_order.grid_node_id IS 'for what is wanted at which place of the network';
COMMENT ON COLUMN clearing_order.minimum IS 'least share, if it is accepted at all';
COMMENT ON COLUMN clearing_order.fixed_cost IS 'start-up cost, as a score';
COMMENT ON COLUMN clearing_order.parent_id IS 'order_id of the order whose share is no smaller';
COMMENT ON COLUMN clearing_order.share IS 'the share that was accepted, 0 to 1';
COMMENT ON COLUMN clearing_order.reason IS 'why, as clear_orders() says it';
COMMENT ON COLUMN clearing_order.displaced_by IS 'order_id of the order that came instead';
COMMENT ON CONSTRAINT clearing_order_once ON clearing_order IS 'orders are numbered';

CREATE TABLE clearing_leg (
  clearing_id  bigint NOT NULL,
  order_id     bigint NOT NULL,
  cell         bigint NOT NULL,
  bid_id       bigint NOT NULL REFERENCES bid,
  power_kw     double precision NOT NULL,
  money_per_kw double precision NOT NULL,
  extra_per_kw double precision NOT NULL,
  score_per_kw double precision NOT NULL,
  CONSTRAINT clearing_leg_once PRIMARY KEY (clearing_id, order_id, cell, bid_id),
  CONSTRAINT clearing_leg_of_order FOREIGN KEY (clearing_id, order_id) REFERENCES clearing_order ON DELETE CASCADE,
  CONSTRAINT clearing_leg_of_cell FOREIGN KEY (clearing_id, cell) REFERENCES clearing_cell ON DELETE CASCADE
);
COMMENT ON TABLE clearing_leg IS 'what an order sells in a cell';
COMMENT ON COLUMN clearing_leg.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_leg.order_id IS 'the order';
COMMENT ON COLUMN clearing_leg.cell IS 'the cell';
COMMENT ON COLUMN clearing_leg.bid_id IS 'the bid that it is of';
COMMENT ON COLUMN clearing_leg.power_kw IS 'accepted whole, kW';
COMMENT ON COLUMN clearing_leg.money_per_kw IS 'what a kW costs as bid, for the piece of the window, currency of the market';
COMMENT ON COLUMN clearing_leg.extra_per_kw IS 'what its carbon and the risk that it fails weigh, for the piece';
COMMENT ON COLUMN clearing_leg.score_per_kw IS 'cost_weight times the one, and the other';
COMMENT ON CONSTRAINT clearing_leg_once ON clearing_leg IS 'one leg in a cell';
COMMENT ON CONSTRAINT clearing_leg_of_order ON clearing_leg IS 'of an order of the clearing';
COMMENT ON CONSTRAINT clearing_leg_of_cell ON clearing_leg IS 'in a cell of the clearing';

CREATE TABLE clearing_exclusion (
  clearing_id bigint NOT NULL,
  exclusion   bigint NOT NULL,
  order_id    bigint NOT NULL,
  because     text NOT NULL,
  CONSTRAINT clearing_exclusion_once PRIMARY KEY (clearing_id, exclusion, order_id),
  CONSTRAINT clearing_exclusion_of_order FOREIGN KEY (clearing_id, order_id) REFERENCES clearing_order ON DELETE CASCADE,
  CONSTRAINT clearing_exclusion_because_is_known CHECK (check_code(because, 'clearing_exclusion.because', 'group', 'place', 'conflict'))
);
COMMENT ON TABLE clearing_exclusion IS 'orders of which one at most is accepted';
COMMENT ON COLUMN clearing_exclusion.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_exclusion.exclusion IS 'number within the clearing';
COMMENT ON COLUMN clearing_exclusion.order_id IS 'the order';
COMMENT ON COLUMN clearing_exclusion.because IS 'group (an exclusive group), place (a unit serves one place) or conflict (the rules let one of the two stand)';
COMMENT ON CONSTRAINT clearing_exclusion_once ON clearing_exclusion IS 'an order stands once in an exclusion';
COMMENT ON CONSTRAINT clearing_exclusion_of_order ON clearing_exclusion IS 'of an order of the clearing';

CREATE TABLE clearing_limit (
  clearing_id bigint NOT NULL,
  limit_id    bigint NOT NULL,
  order_id    bigint NOT NULL,
  coefficient double precision NOT NULL,
  most        double precision NOT NULL,
  because     text NOT NULL,
  CONSTRAINT clearing_limit_once PRIMARY KEY (clearing_id, limit_id, order_id),
  CONSTRAINT clearing_limit_of_order FOREIGN KEY (clearing_id, order_id) REFERENCES clearing_order ON DELETE CASCADE,
  CONSTRAINT clearing_limit_because_is_known CHECK (check_code(because, 'clearing_limit.because', 'ramp', 'link', 'headroom', 'conflict'))
);
COMMENT ON TABLE clearing_limit IS 'sums of shares that may not be exceeded';
COMMENT ON COLUMN clearing_limit.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_limit.limit_id IS 'number within the clearing';
COMMENT ON COLUMN clearing_limit.order_id IS 'the order';
COMMENT ON COLUMN clearing_limit.coefficient IS 'by which its share counts: kW, or 1';
COMMENT ON COLUMN clearing_limit.most IS 'what the sum may be at most';
COMMENT ON COLUMN clearing_limit.because IS 'ramp, link (to one parent of several), headroom (of the unit, as the rules engine found) or conflict (with what is sold already)';
COMMENT ON CONSTRAINT clearing_limit_once ON clearing_limit IS 'an order stands once in a limit';
COMMENT ON CONSTRAINT clearing_limit_of_order ON clearing_limit IS 'of an order of the clearing';

CREATE TABLE clearing_flow (
  clearing_id bigint NOT NULL,
  flow_id     bigint NOT NULL,
  from_cell   bigint NOT NULL,
  to_cell     bigint NOT NULL,
  least       double precision NOT NULL,
  most        double precision NOT NULL,
  loss        double precision NOT NULL,
  flow_kw     double precision,
  CONSTRAINT clearing_flow_once PRIMARY KEY (clearing_id, flow_id),
  CONSTRAINT clearing_flow_from_cell FOREIGN KEY (clearing_id, from_cell) REFERENCES clearing_cell (clearing_id, cell) ON DELETE CASCADE,
  CONSTRAINT clearing_flow_to_cell FOREIGN KEY (clearing_id, to_cell) REFERENCES clearing_cell (clearing_id, cell) ON DELETE CASCADE
);
COMMENT ON TABLE clearing_flow IS 'what may be sold at one place to meet a requirement at another';
COMMENT ON COLUMN clearing_flow.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_flow.flow_id IS 'number within the clearing';
COMMENT ON COLUMN clearing_flow.from_cell IS 'the cell in which it is sold';
COMMENT ON COLUMN clearing_flow.to_cell IS 'the cell that it helps to meet';
COMMENT ON COLUMN clearing_flow.least IS 'below zero: the other way round, kW';
COMMENT ON COLUMN clearing_flow.most IS 'kW';
COMMENT ON COLUMN clearing_flow.loss IS 'share that does not arrive';
COMMENT ON COLUMN clearing_flow.flow_kw IS 'what flows, kW';
COMMENT ON CONSTRAINT clearing_flow_once ON clearing_flow IS 'flows are numbered';
COMMENT ON CONSTRAINT clearing_flow_from_cell ON clearing_flow IS 'from a cell of the clearing';
COMMENT ON CONSTRAINT clearing_flow_to_cell ON clearing_flow IS 'to a cell of the clearing';

CREATE TABLE clearing_bid (
  clearing_id         bigint NOT NULL REFERENCES clearing ON DELETE CASCADE,
  bid_id              bigint NOT NULL REFERENCES bid,
  competition_id      bigint NOT NULL REFERENCES competition,
  service_provider_id bigint NOT NULL REFERENCES participant,
  offered_kw          numeric(14,3) NOT NULL,
  accepted_kw         numeric(14,3) NOT NULL,
  result              text NOT NULL,
  reason              text NOT NULL,
  displaced_by_bid_id bigint REFERENCES bid,
  CONSTRAINT clearing_bid_once PRIMARY KEY (clearing_id, bid_id),
  CONSTRAINT clearing_bid_result_is_known CHECK (check_code(result, 'clearing_bid.result', 'accepted', 'part', 'rejected')),
  CONSTRAINT clearing_bid_reason_is_known CHECK (
    check_code(reason, 'clearing_bid.reason', 'accepted', 'part', 'too_dear', 'tied', 'excluded', 'parent_rejected', 'limited', 'minimum_not_reached', 'paradoxically_rejected', 'conflict', 'serves_nothing'))
);
CREATE INDEX clearing_bid_bid_id_idx ON clearing_bid (bid_id);
CREATE INDEX clearing_bid_displaced_by_idx ON clearing_bid (displaced_by_bid_id);
COMMENT ON TABLE clearing_bid IS 'the result of a clearing for each bid, and why';
COMMENT ON COLUMN clearing_bid.clearing_id IS 'the clearing';
COMMENT ON COLUMN clearing_bid.bid_id IS 'the bid';
COMMENT ON COLUMN clearing_bid.competition_id IS 'the competition';
COMMENT ON COLUMN clearing_bid.service_provider_id IS 'whose bid it is';
COMMENT ON COLUMN clearing_bid.offered_kw IS 'offered, kW';
COMMENT ON COLUMN clearing_bid.accepted_kw IS 'accepted, kW';
COMMENT ON COLUMN clearing_bid.result IS 'accepted, part or rejected';
COMMENT ON COLUMN clearing_bid.reason IS 'accepted, part; too_dear, tied (at the price, and behind others), excluded (another of its group came), parent_rejected, limited (by headroom or a ramp), minimum_not_reached (cheap enough, and its least is more than is used), paradoxically_rejected (it would gain, and taking it would move the price so that somebody loses), conflict (with what is sold already), serves_nothing';
COMMENT ON COLUMN clearing_bid.displaced_by_bid_id IS 'the bid that came instead, or set the price';
COMMENT ON CONSTRAINT clearing_bid_once ON clearing_bid IS 'a bid has one result';
COMMENT ON INDEX clearing_bid_bid_id_idx IS 'the results of a bid';
COMMENT ON INDEX clearing_bid_displaced_by_idx IS 'what a bid displaced';
