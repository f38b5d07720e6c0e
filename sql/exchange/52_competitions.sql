-- archetype: medium
-- Competitions: what each declares before its gate opens, what it wants where and when, and its life.
--
-- competition --1:1-- competition_terms        how it is cleared, and which orders it takes
--             --1:n-- competition_requirement  so many kW of a product, at a place, in a window, in a lot
--             --1:n-- competition_transfer_limit, competition_gate
--             --1:n-- competition_step         who took it from state to state, and when
--             --1:n-- competition_challenge    who objects to the awards, and what was decided
--
-- A competition without terms is one that another platform ran, or one of plain bids: it has gates and nothing else.

CREATE TABLE competition_terms (
  competition_id                      bigint PRIMARY KEY REFERENCES competition ON DELETE CASCADE,
  pricing                             text NOT NULL DEFAULT 'pay_as_bid',
  clearing_price                      text,
  surplus_share                       numeric(4,3) NOT NULL DEFAULT 0,
  cost_weight                         numeric(9,4) NOT NULL DEFAULT 1,
  carbon_weight                       numeric(9,4) NOT NULL DEFAULT 0,
  security_weight                     numeric(9,4) NOT NULL DEFAULT 1,
  carbon_price_per_t                  numeric(14,4),
  unserved_price_per_mwh              numeric(14,4),
  order_features                      text[] NOT NULL DEFAULT '{portfolio}',
  ceiling_availability_price_per_mw_h numeric(14,4),
  ceiling_utilisation_price_per_mwh   numeric(14,4),
  max_gap                             numeric(9,8) NOT NULL DEFAULT 0.0001,
  max_seconds                         numeric(9,3) NOT NULL DEFAULT 60,
  tie_break                           text NOT NULL DEFAULT 'arrival',
  seed                                bigint,
  challenge_period                    interval NOT NULL DEFAULT interval '0',
  framework_id                        bigint REFERENCES competition,
  declared_at                         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT competition_terms_pricing_is_known CHECK (check_code(pricing, 'competition_terms.pricing', 'pay_as_bid', 'pay_as_clear')),
  CONSTRAINT competition_terms_clearing_price_is_known CHECK (check_code(clearing_price, 'competition_terms.clearing_price', 'marginal', 'highest_accepted')),
  CONSTRAINT competition_terms_clearing_price_is_given CHECK (
    check_given((pricing = 'pay_as_clear') = (clearing_price IS NOT NULL), 'competition_terms.clearing_price, with pay_as_clear alone,', 'Say marginal or highest_accepted; pay_as_bid has none.')),
  CONSTRAINT competition_terms_surplus_share_is_a_share CHECK (
    check_given(surplus_share BETWEEN 0 AND 1, 'competition_terms.surplus_share from 0 to 1', '0 takes the lowest of the prices that clear, 1 the highest.')),
  CONSTRAINT competition_terms_cost_weight_not_negative CHECK (check_not_negative(cost_weight, 'competition_terms.cost_weight')),
  CONSTRAINT competition_terms_carbon_weight_not_negative CHECK (check_not_negative(carbon_weight, 'competition_terms.carbon_weight')),
  CONSTRAINT competition_terms_security_weight_not_negative CHECK (check_not_negative(security_weight, 'competition_terms.security_weight')),
  CONSTRAINT competition_terms_weighs_something CHECK (
    check_given(cost_weight + carbon_weight + security_weight > 0, 'competition_terms weight above zero', 'Give cost_weight, carbon_weight or security_weight.')),
  CONSTRAINT competition_terms_carbon_price_not_negative CHECK (check_not_negative(carbon_price_per_t, 'competition_terms.carbon_price_per_t')),
  CONSTRAINT competition_terms_carbon_price_is_given CHECK (
    check_given(carbon_weight = 0 OR carbon_price_per_t IS NOT NULL, 'competition_terms.carbon_price_per_t', 'What weighs carbon has to say what a tonne costs.')),
  CONSTRAINT competition_terms_unserved_price_not_negative CHECK (check_not_negative(unserved_price_per_mwh, 'competition_terms.unserved_price_per_mwh')),
  CONSTRAINT competition_terms_order_features_are_known CHECK (
    check_codes(order_features, 'competition_terms.order_features', 'portfolio', 'steps', 'minimum', 'all_or_nothing', 'start_up', 'block', 'ramp', 'exclusive', 'link')),
  CONSTRAINT competition_terms_gap_is_a_share CHECK (check_given(max_gap BETWEEN 0 AND 1, 'competition_terms.max_gap from 0 to 1', '0.001 is a tenth of a per cent.')),
  CONSTRAINT competition_terms_seconds_are_positive CHECK (check_positive(max_seconds, 'competition_terms.max_seconds')),
  CONSTRAINT competition_terms_tie_break_is_known CHECK (check_code(tie_break, 'competition_terms.tie_break', 'arrival', 'seeded', 'pro_rata')),
  CONSTRAINT competition_terms_seed_is_given CHECK (
    check_given((tie_break = 'seeded') = (seed IS NOT NULL), 'competition_terms.seed, with tie_break seeded alone,', 'A seed that is published beforehand lets everybody draw the lots again.')),
  CONSTRAINT competition_terms_challenge_period_not_negative CHECK (check_not_negative(extract(epoch FROM challenge_period), 'competition_terms.challenge_period, in seconds,')),
  CONSTRAINT competition_terms_framework_is_another CHECK (check_given(framework_id <> competition_id, 'competition_terms.framework_id of another competition', 'A call-off names the competition in which the framework was awarded.'))
);
CREATE INDEX competition_terms_framework_id_idx ON competition_terms (framework_id);
COMMENT ON TABLE competition_terms IS 'how a competition is cleared and which orders it takes: declared before its gate opens, and kept from then on';
COMMENT ON COLUMN competition_terms.competition_id IS 'the competition';
COMMENT ON COLUMN competition_terms.pricing IS 'pay_as_bid, or pay_as_clear: all accepted get the price of their requirement';
COMMENT ON COLUMN competition_terms.clearing_price IS 'of pay_as_clear: marginal (what one MW more would cost) or highest_accepted (the ceiling where less is offered than is wanted, otherwise the dearest that is accepted)';
COMMENT ON COLUMN competition_terms.surplus_share IS 'which price where several clear: 0 the lowest, 1 the highest, between them in proportion';
COMMENT ON COLUMN competition_terms.cost_weight IS 'how much money counts';
COMMENT ON COLUMN competition_terms.carbon_weight IS 'how much carbon counts, at carbon_price_per_t';
COMMENT ON COLUMN competition_terms.security_weight IS 'how much counts what is not served, at unserved_price_per_mwh';
COMMENT ON COLUMN competition_terms.carbon_price_per_t IS 'what a tonne of CO2 costs, currency of the market';
COMMENT ON COLUMN competition_terms.unserved_price_per_mwh IS 'value of energy that is not served, currency of the market per MWh; NULL: the ceiling of the requirement';
COMMENT ON COLUMN competition_terms.order_features IS 'what orders may have: portfolio (a unit of several assets), steps, minimum, all_or_nothing, start_up, block, ramp, exclusive, link';
COMMENT ON COLUMN competition_terms.ceiling_availability_price_per_mw_h IS 'above which no availability is bought, currency of the market per MW and hour; NULL: no ceiling';
COMMENT ON COLUMN competition_terms.ceiling_utilisation_price_per_mwh IS 'above which no utilisation is bought, currency of the market per MWh; NULL: no ceiling';
COMMENT ON COLUMN competition_terms.max_gap IS 'how far from the best a result may be proved to be, as a share of its cost';
COMMENT ON COLUMN competition_terms.max_seconds IS 'how long clearing may take, seconds';
COMMENT ON COLUMN competition_terms.tie_break IS 'arrival (of equals the bid of the lower id), seeded (lots are drawn) or pro_rata (those that can be divided freely share evenly)';
COMMENT ON COLUMN competition_terms.seed IS 'by which the lots are drawn';
COMMENT ON COLUMN competition_terms.challenge_period IS 'how long after the award bidders may challenge it; zero: not at all';
COMMENT ON COLUMN competition_terms.framework_id IS 'of a call-off, the competition that awarded the framework: only its units may bid; NULL: open to all';
COMMENT ON COLUMN competition_terms.declared_at IS 'when it was declared first';
COMMENT ON INDEX competition_terms_framework_id_idx IS 'the call-offs of a framework';

CREATE TABLE competition_lot (
  id             bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  competition_id bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  name           text NOT NULL,
  CONSTRAINT competition_lot_once UNIQUE (competition_id, name),
  CONSTRAINT competition_lot_name_is_short CHECK (check_text(name, 'competition_lot.name', 255))
);
COMMENT ON TABLE competition_lot IS 'parts of a competition that are awarded each by itself';
COMMENT ON COLUMN competition_lot.id IS 'surrogate key';
COMMENT ON COLUMN competition_lot.competition_id IS 'the competition';
COMMENT ON COLUMN competition_lot.name IS 'name';
COMMENT ON CONSTRAINT competition_lot_once ON competition_lot IS 'a lot has its own name within a competition';

CREATE TABLE competition_requirement (
  id                                  bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
  competition_id                      bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  lot_id                              bigint REFERENCES competition_lot ON DELETE CASCADE,
  product_id                          bigint NOT NULL REFERENCES product,
  grid_node_id                        bigint REFERENCES grid_node,
  delivery_window                     time_window NOT NULL,
  direction                           text NOT NULL,
  power_kw                            numeric(14,3) NOT NULL,
  at_least                            boolean NOT NULL DEFAULT true,
  ceiling_availability_price_per_mw_h numeric(14,4),
  ceiling_utilisation_price_per_mwh   numeric(14,4),
  expected_utilisation_hours          numeric(9,3),
  need_id                             bigint REFERENCES need,
  CONSTRAINT competition_requirement_direction_is_known CHECK (check_code(direction, 'competition_requirement.direction', 'up', 'down')),
  CONSTRAINT competition_requirement_power_not_negative CHECK (check_not_negative(power_kw, 'competition_requirement.power_kw')),
  CONSTRAINT competition_requirement_window_ends CHECK (check_given(upper(delivery_window) <> 'infinity', 'competition_requirement.delivery_window with an end', 'A requirement is of one contiguous window.')),
  CONSTRAINT competition_requirement_hours_not_negative CHECK (check_not_negative(expected_utilisation_hours, 'competition_requirement.expected_utilisation_hours')),
  CONSTRAINT competition_requirement_hours_fit_the_window CHECK (
    check_given(expected_utilisation_hours <= extract(epoch FROM upper(delivery_window) - lower(delivery_window)) / 3600,
                'competition_requirement.expected_utilisation_hours within the window', 'No more hours are used than the window has.')),
  CONSTRAINT competition_requirement_once UNIQUE NULLS NOT DISTINCT (competition_id, lot_id, product_id, grid_node_id, direction, delivery_window)
);
CREATE INDEX competition_requirement_need_id_idx ON competition_requirement (need_id);
CREATE INDEX competition_requirement_lot_id_idx ON competition_requirement (lot_id);
COMMENT ON TABLE competition_requirement IS 'what a competition wants: so many kW of a product, at a place, in a window; each has its own price';
COMMENT ON COLUMN competition_requirement.id IS 'surrogate key';
COMMENT ON COLUMN competition_requirement.competition_id IS 'the competition';
COMMENT ON COLUMN competition_requirement.lot_id IS 'the lot; NULL in a competition without lots';
COMMENT ON COLUMN competition_requirement.product_id IS 'the product; several of one buyer may be bought together';
COMMENT ON COLUMN competition_requirement.grid_node_id IS 'where: units at this place of the network and below it serve it; NULL: anywhere';
COMMENT ON COLUMN competition_requirement.delivery_window IS 'when';
COMMENT ON COLUMN competition_requirement.direction IS 'up or down';
COMMENT ON COLUMN competition_requirement.power_kw IS 'how much is wanted, kW; zero: nothing, and bids there can serve other places as far as transfer limits let them';
COMMENT ON COLUMN competition_requirement.at_least IS 'more may be bought than is wanted, where that is cheaper: indivisible bids; false: exactly so much or less';
COMMENT ON COLUMN competition_requirement.ceiling_availability_price_per_mw_h IS 'above which no availability is bought, currency of the market per MW and hour; NULL: that of the terms';
COMMENT ON COLUMN competition_requirement.ceiling_utilisation_price_per_mwh IS 'above which no utilisation is bought, currency of the market per MWh; NULL: that of the terms';
COMMENT ON COLUMN competition_requirement.expected_utilisation_hours IS 'how many hours of the window it is expected to be used, which makes one price of two; NULL: all of them where the product is scheduled, none where it is instructed and paid for availability';
COMMENT ON COLUMN competition_requirement.need_id IS 'the need that it comes from';
COMMENT ON CONSTRAINT competition_requirement_once ON competition_requirement IS 'what is wanted at one place, in one window and direction, is said once';
COMMENT ON INDEX competition_requirement_need_id_idx IS 'what became of a need';
COMMENT ON INDEX competition_requirement_lot_id_idx IS 'the requirements of a lot';

CREATE TABLE requirement_reserve (
  requirement_id              bigint PRIMARY KEY REFERENCES competition_requirement ON DELETE CASCADE,
  competition_id              bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  availability_price_per_mw_h numeric(14,4),
  utilisation_price_per_mwh   numeric(14,4),
  CONSTRAINT requirement_reserve_is_given CHECK (
    check_given(num_nonnulls(availability_price_per_mw_h, utilisation_price_per_mwh) > 0, 'a price in requirement_reserve', 'Leave the row out where there is no reserve.'))
);
CREATE INDEX requirement_reserve_competition_id_idx ON requirement_reserve (competition_id);
COMMENT ON TABLE requirement_reserve IS 'reserve prices: the most that a buyer pays, which it states before the gate opens and nobody else reads before it closes';
COMMENT ON COLUMN requirement_reserve.requirement_id IS 'the requirement';
COMMENT ON COLUMN requirement_reserve.competition_id IS 'its competition, set by the exchange';
COMMENT ON COLUMN requirement_reserve.availability_price_per_mw_h IS 'above which no availability is bought, currency of the market per MW and hour; NULL: the ceiling';
COMMENT ON COLUMN requirement_reserve.utilisation_price_per_mwh IS 'above which no utilisation is bought, currency of the market per MWh; NULL: the ceiling';
COMMENT ON INDEX requirement_reserve_competition_id_idx IS 'the reserves of a competition';

CREATE TABLE competition_transfer_limit (
  competition_id    bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  from_grid_node_id bigint NOT NULL REFERENCES grid_node,
  to_grid_node_id   bigint NOT NULL REFERENCES grid_node,
  delivery_window   time_window NOT NULL,
  forward_kw        numeric(14,3) NOT NULL,
  backward_kw       numeric(14,3) NOT NULL DEFAULT 0,
  loss_share        numeric(7,6) NOT NULL DEFAULT 0,
  CONSTRAINT competition_transfer_limit_once PRIMARY KEY (competition_id, from_grid_node_id, to_grid_node_id, delivery_window),
  CONSTRAINT competition_transfer_limit_joins_two CHECK (check_given(from_grid_node_id <> to_grid_node_id, 'competition_transfer_limit.to_grid_node_id of another place', 'A limit lies between two places.')),
  CONSTRAINT competition_transfer_limit_forward_not_negative CHECK (check_not_negative(forward_kw, 'competition_transfer_limit.forward_kw')),
  CONSTRAINT competition_transfer_limit_backward_not_negative CHECK (check_not_negative(backward_kw, 'competition_transfer_limit.backward_kw')),
  CONSTRAINT competition_transfer_limit_loss_is_a_share CHECK (
    check_given(loss_share >= 0 AND loss_share < 1, 'competition_transfer_limit.loss_share, at least 0 and below 1', '0.05 means that 95 of 100 kW arrive.')),
  CONSTRAINT competition_transfer_limit_loss_has_a_direction CHECK (
    check_given(loss_share = 0 OR backward_kw = 0, 'competition_transfer_limit.backward_kw of zero where there is loss', 'Give the way back as a limit of its own.'))
);
COMMENT ON TABLE competition_transfer_limit IS 'how much of what is offered at one place can serve what is wanted at another; places without a row between them do not serve each other';
COMMENT ON COLUMN competition_transfer_limit.competition_id IS 'the competition';
COMMENT ON COLUMN competition_transfer_limit.from_grid_node_id IS 'from where';
COMMENT ON COLUMN competition_transfer_limit.to_grid_node_id IS 'to where';
COMMENT ON COLUMN competition_transfer_limit.delivery_window IS 'when';
COMMENT ON COLUMN competition_transfer_limit.forward_kw IS 'the most that goes so, kW';
COMMENT ON COLUMN competition_transfer_limit.backward_kw IS 'the most that goes the other way, kW';
COMMENT ON COLUMN competition_transfer_limit.loss_share IS 'the share of what leaves that does not arrive';
COMMENT ON CONSTRAINT competition_transfer_limit_once ON competition_transfer_limit IS 'one limit between two places at a time';

CREATE TABLE competition_gate (
  competition_id bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  stage          text NOT NULL,
  closes_before  interval NOT NULL,
  at_time        time,
  on_weekday     integer,
  CONSTRAINT competition_gate_once PRIMARY KEY (competition_id, stage),
  CONSTRAINT competition_gate_stage_is_known CHECK (check_code(stage, 'competition_gate.stage', 'availability', 'baseline', 'instruction')),
  CONSTRAINT competition_gate_closes_not_after_delivery CHECK (check_not_negative(extract(epoch FROM closes_before), 'competition_gate.closes_before, in seconds,')),
  CONSTRAINT competition_gate_weekday_is_iso CHECK (check_given(on_weekday BETWEEN 1 AND 7, 'competition_gate.on_weekday from 1 to 7', 'Monday is 1, Sunday 7.')),
  CONSTRAINT competition_gate_weekday_has_a_time CHECK (check_given(on_weekday IS NULL OR at_time IS NOT NULL, 'competition_gate.at_time', 'Say when on that day.'))
);
COMMENT ON TABLE competition_gate IS 'gates of a competition after that of its bids, where they are not those of its market (market_gate)';
COMMENT ON COLUMN competition_gate.competition_id IS 'the competition';
COMMENT ON COLUMN competition_gate.stage IS 'availability (is declared), baseline (is nominated) or instruction; bids have competition.gate_closes_at';
COMMENT ON COLUMN competition_gate.closes_before IS 'how long before delivery it closes at the latest';
COMMENT ON COLUMN competition_gate.at_time IS 'at which local time; NULL: at just that distance';
COMMENT ON COLUMN competition_gate.on_weekday IS 'on which day of the week, Monday 1 to Sunday 7; NULL: on any';
COMMENT ON CONSTRAINT competition_gate_once ON competition_gate IS 'a stage has one gate';

CREATE TABLE competition_step (
  id             bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  competition_id bigint NOT NULL REFERENCES competition ON DELETE CASCADE,
  status         text NOT NULL,
  since          timestamptz NOT NULL,
  taken_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  taken_by       name NOT NULL DEFAULT session_role(),
  participant_id bigint,
  reason         text
);
CREATE INDEX competition_step_competition_id_idx ON competition_step (competition_id, id);
COMMENT ON TABLE competition_step IS 'every step in the life of a competition, written as it is taken and never changed';
COMMENT ON COLUMN competition_step.id IS 'surrogate key';
COMMENT ON COLUMN competition_step.competition_id IS 'the competition';
COMMENT ON COLUMN competition_step.status IS 'the status that it came to';
COMMENT ON COLUMN competition_step.since IS 'since when it was so: of what time brings, the gate';
COMMENT ON COLUMN competition_step.taken_at IS 'when that was written';
COMMENT ON COLUMN competition_step.taken_by IS 'the role whose session took it';
COMMENT ON COLUMN competition_step.participant_id IS 'the participant for which it acted; NULL: the operator or the exchange';
COMMENT ON COLUMN competition_step.reason IS 'why';
COMMENT ON INDEX competition_step_competition_id_idx IS 'the life of a competition';

CREATE TABLE competition_challenge (
  id              bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  competition_id  bigint NOT NULL REFERENCES competition,
  challenger_id   bigint NOT NULL REFERENCES participant,
  reason          text NOT NULL,
  made_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  decision        text,
  decided_at      timestamptz,
  decided_by      name,
  decision_reason text,
  CONSTRAINT competition_challenge_reason_is_short CHECK (check_text(reason, 'competition_challenge.reason', 10000)),
  CONSTRAINT competition_challenge_decision_is_known CHECK (check_code(decision, 'competition_challenge.decision', 'upheld', 'dismissed', 'withdrawn')),
  CONSTRAINT competition_challenge_decision_reason_is_short CHECK (check_text(decision_reason, 'competition_challenge.decision_reason', 10000)),
  CONSTRAINT competition_challenge_is_decided_whole CHECK (num_nonnulls(decision, decided_at, decided_by, decision_reason) IN (0, 4))
);
CREATE INDEX competition_challenge_competition_id_idx ON competition_challenge (competition_id);
CREATE INDEX competition_challenge_challenger_id_idx ON competition_challenge (challenger_id);
COMMENT ON TABLE competition_challenge IS 'objections of bidders to what a competition awarded';
COMMENT ON COLUMN competition_challenge.id IS 'surrogate key';
COMMENT ON COLUMN competition_challenge.competition_id IS 'the competition';
COMMENT ON COLUMN competition_challenge.challenger_id IS 'the bidder that objects';
COMMENT ON COLUMN competition_challenge.reason IS 'why';
COMMENT ON COLUMN competition_challenge.made_at IS 'when';
COMMENT ON COLUMN competition_challenge.decision IS 'upheld (the awards end and the competition is cleared anew), dismissed, or withdrawn by the challenger; NULL while it is open';
COMMENT ON COLUMN competition_challenge.decided_at IS 'when it was decided';
COMMENT ON COLUMN competition_challenge.decided_by IS 'the role that decided it';
COMMENT ON COLUMN competition_challenge.decision_reason IS 'why it was so decided';
COMMENT ON CONSTRAINT competition_challenge_is_decided_whole ON competition_challenge IS 'a decision says what, when, by whom and why';
COMMENT ON INDEX competition_challenge_competition_id_idx IS 'the challenges of a competition';
COMMENT ON INDEX competition_challenge_challenger_id_idx IS 'the challenges of a bidder';
