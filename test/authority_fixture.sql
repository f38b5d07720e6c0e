-- Two worlds that have nothing to do with one another: each a market operator, a provider and
-- one row of everything that is theirs.  Written with triggers off: what is asked is who may.
CREATE FUNCTION pg_temp.world(w bigint, buyer bigint, seller bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  win time_window := time_window(now() - interval '1 day', 'infinity');
  slot CONSTANT time_window := '2030-01-01T00:00Z/PT1H';
BEGIN
  INSERT INTO participant (id, name, kinds) OVERRIDING SYSTEM VALUE VALUES (buyer, 'buyer ' || w, '{market_operator}'), (seller, 'seller ' || w, '{service_provider}');
  INSERT INTO participant_login (role_name, participant_id) VALUES ('auth_buyer_' || w, buyer), ('auth_seller_' || w, seller);
  INSERT INTO participant_contact (participant_id, purpose, name) VALUES (seller, 'primary', 'Jo'), (buyer, 'primary', 'Jim');
  INSERT INTO participant_group (id, name) OVERRIDING SYSTEM VALUE VALUES (w, 'group ' || w);
  INSERT INTO participant_group_member (participant_group_id, participant_id, valid) VALUES (w, seller, win);
  INSERT INTO accreditation (id, participant_id, kind, status) OVERRIDING SYSTEM VALUE VALUES (100 * w, seller, 'service_provider', 'applied'), (100 * w + 1, buyer, 'market_operator', 'applied');
  INSERT INTO accreditation_step (accreditation_id, status, taken_at) VALUES (100 * w, 'applied', now()), (100 * w + 1, 'applied', now());
  INSERT INTO grid_node (id, kind, name, operator_id) OVERRIDING SYSTEM VALUE VALUES (100 * w, 'primary', 'node ' || w, buyer);
  INSERT INTO grid_node_parent (grid_node_id, parent_id, valid) VALUES (100 * w, 100 * w + 50, win);
  INSERT INTO market (id, code, name, market_operator_id) OVERRIDING SYSTEM VALUE VALUES (w, 'm' || w, 'market ' || w, buyer);
  INSERT INTO market_gate (market_id, stage, closes_before) VALUES (w, 'bid', '1 day');
  INSERT INTO market_terms (id, market_id, version, title, content, content_sha256) OVERRIDING SYSTEM VALUE VALUES (w, w, 1, 'terms', 'x', encode(sha256('x'), 'hex'));
  INSERT INTO product (id, market_id, code, name, service_code) OVERRIDING SYSTEM VALUE VALUES (w, w, 'p' || w, 'product ' || w, 'PR');
  INSERT INTO terms_acceptance (market_terms_id, participant_id, signatory) VALUES (w, seller, 'Jo');
  INSERT INTO billing_details (id, participant_id, market_id, account_name, sort_code, account_number) OVERRIDING SYSTEM VALUE VALUES (w, seller, w, 'seller', '000000', '00000000');
  INSERT INTO admission (id, market_id, service_provider_id, status) OVERRIDING SYSTEM VALUE VALUES (w, w, seller, 'applied');
  INSERT INTO need (id, market_operator_id, service_code, name, direction, power_kw, delivery_window, status) OVERRIDING SYSTEM VALUE VALUES (w, buyer, 'PR', 'need', 'up', 1, slot, 'draft');
  INSERT INTO need_window (need_id, delivery_window, power_kw) VALUES (w, slot, 1);
  INSERT INTO service_offer (id, service_provider_id, service_code) OVERRIDING SYSTEM VALUE VALUES (w, seller, 'PR');
  INSERT INTO metering_point (id, mpan) OVERRIDING SYSTEM VALUE VALUES (100 * w + 1, CASE w WHEN 1 THEN '1470116845051' ELSE '1049827101269' END);
  INSERT INTO asset (id, name, metering_point_id) OVERRIDING SYSTEM VALUE VALUES (100 * w + 2, 'asset ' || w, 100 * w + 1);
  INSERT INTO asset_technology (asset_id, place, technology) VALUES (100 * w + 2, 1, 'BESS');
  INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (100 * w + 2, seller, win);
  INSERT INTO portfolio (id, name, service_provider_id) OVERRIDING SYSTEM VALUE VALUES (100 * w + 3, 'portfolio', seller);
  INSERT INTO portfolio_member (portfolio_id, asset_id, valid) VALUES (100 * w + 3, 100 * w + 2, win);
  INSERT INTO external_id (scheme, value, asset_id) VALUES ('charger_id', 'C' || w, 100 * w + 2);
  INSERT INTO customer_consent (id, service_provider_id, reference, scopes, valid) OVERRIDING SYSTEM VALUE VALUES (w, seller, 'c', '{register,finance}', win);
  INSERT INTO read_grant (id, asset_id, grantee_id, customer_consent_id, purpose, valid) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, w, 'finance', win);
  INSERT INTO asset_registration (id, service_provider_id, received_at, processed_at, outcome) OVERRIDING SYSTEM VALUE VALUES (w, seller, now(), now(), 'registered');
  INSERT INTO asset_registration_intake (service_provider_id, value) VALUES (seller, 'x');
  INSERT INTO operator_switch (id, asset_id, losing_id, gaining_id, customer_consent_id, takes_effect_at, status) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, 900, w, now(), 'requested');
  INSERT INTO qualification (id, asset_id, product_id, service_provider_id, status) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, w, seller, 'requested');
  INSERT INTO qualification_step (id, qualification_id, from_status, to_status, valid) OVERRIDING SYSTEM VALUE VALUES (w, w, 'start', 'requested', win);
  INSERT INTO test_result (id, asset_id, service_provider_id, shown, tested_at, status) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, '{"up_kw": 1}', now(), 'submitted');
  INSERT INTO qualification_evidence (qualification_id, test_result_id) VALUES (w, w);
  INSERT INTO suspension (id, qualification_id, reason, note) OVERRIDING SYSTEM VALUE VALUES (w, w, 'other', 'x');
  INSERT INTO ineligible_member (qualification_id, asset_id) VALUES (w, 100 * w + 2);
  INSERT INTO exclusivity (id, asset_id, service_code, market_operator_id, service_provider_id, valid) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, 'PR', buyer, seller, win);
  -- the gate of one competition is open, that of another closed
  INSERT INTO competition (id, product_id, name, gate_opens_at, gate_closes_at) OVERRIDING SYSTEM VALUE VALUES
    (10 * w, w, 'open', now() - interval '1 day', now() + interval '1 day'), (10 * w + 1, w, 'closed', now() - interval '2 days', now() - interval '1 day');
  INSERT INTO bid (id, competition_id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) OVERRIDING SYSTEM VALUE VALUES
    (1000 * w, 10 * w, w, seller, 100 * w + 2, 'up', 1, slot), (1000 * w + 1, 10 * w + 1, w, seller, 100 * w + 2, 'up', 1, slot);
  INSERT INTO competition_terms (competition_id, challenge_period) VALUES (10 * w, '1 day');
  INSERT INTO competition_lot (id, competition_id, name) OVERRIDING SYSTEM VALUE VALUES (w, 10 * w, 'lot');
  INSERT INTO competition_requirement (id, competition_id, product_id, delivery_window, direction, power_kw) OVERRIDING SYSTEM VALUE VALUES (10 * w, 10 * w, w, slot, 'up', 1), (10 * w + 1, 10 * w + 1, w, slot, 'up', 1);
  INSERT INTO requirement_reserve (requirement_id, competition_id, availability_price_per_mw_h) VALUES (10 * w, 10 * w, 1), (10 * w + 1, 10 * w + 1, 1);
  INSERT INTO competition_transfer_limit (competition_id, from_grid_node_id, to_grid_node_id, delivery_window, forward_kw) VALUES (10 * w, 100 * w, 100 * w + 50, slot, 1);
  INSERT INTO competition_gate (competition_id, stage, closes_before) VALUES (10 * w, 'instruction', '1 hour');
  INSERT INTO competition_step (competition_id, status, since) VALUES (10 * w, 'announced', now());
  INSERT INTO competition_challenge (competition_id, challenger_id, reason) VALUES (10 * w + 1, seller, 'x');
  INSERT INTO competition_template (id, product_id, name, period, opens_before) OVERRIDING SYSTEM VALUE VALUES (w, w, 't', 'day', '1 day');
  INSERT INTO competition_template_requirement (id, template_id, starts_at, ends_at, direction, power_kw) OVERRIDING SYSTEM VALUE VALUES (w, w, '17:00', '18:00', 'up', 1);
  INSERT INTO competition_occurrence (template_id, first_day, competition_id) VALUES (w, '2030-01-01', 10 * w);
  INSERT INTO outside_record (subject, source, outside_id, row_id, digest) VALUES ('bid', 's' || w, 'x', 1000 * w, '\x00');
  INSERT INTO outside_rejection (subject, source, outside_id, error, reason, content, recorded_by) VALUES ('bid', 's' || w, 'x', 'MX201', 'x', '{}', buyer);
  INSERT INTO notification (id, participant_id, event, competition_id, message, content) OVERRIDING SYSTEM VALUE VALUES (10 * w + 3, seller, 'competition_cancelled', 10 * w, 'x', '{}');
  FOR k IN 0 .. 1 LOOP
    INSERT INTO bid_terms (bid_id, competition_id, service_provider_id) VALUES (1000 * w + k, 10 * w + k, seller);
    INSERT INTO bid_step (bid_id, step, competition_id, service_provider_id, power_kw) VALUES (1000 * w + k, 1, 10 * w + k, seller, 1);
    INSERT INTO bid_group (id, competition_id, service_provider_id, kind) OVERRIDING SYSTEM VALUE VALUES (10 * w + k, 10 * w + k, seller, 'block');
    INSERT INTO bid_group_member (bid_group_id, bid_id, competition_id, service_provider_id) VALUES (10 * w + k, 1000 * w + k, 10 * w + k, seller);
    INSERT INTO bid_link (child_bid_id, parent_bid_id, competition_id, service_provider_id) VALUES (1000 * w + k, 1, 10 * w + k, seller);
  END LOOP;
  INSERT INTO clearing (id, competition_id, purpose, cost_weight, carbon_weight, security_weight, pricing, surplus_share, max_gap, max_seconds, ties, seed, library_version) OVERRIDING SYSTEM VALUE
    VALUES (w, 10 * w + 1, 'official', 1, 0, 0, 'none', 0, 0, 1, 'order', 0, 'x');
  INSERT INTO clearing_cell (clearing_id, cell, requirement_id, delivery_window, hours, utilisation_hours, required_kw, at_least, ceiling_per_kw) VALUES (w, 1, 10 * w + 1, slot, 1, 1, 1, true, 1), (w, 2, 10 * w + 1, slot, 1, 1, 1, true, 1);
  INSERT INTO clearing_order (clearing_id, order_id, whole_id, piece, minimum, fixed_cost) VALUES (w, 1, 1000 * w + 1, 0, 0, 0);
  INSERT INTO clearing_leg (clearing_id, order_id, cell, bid_id, power_kw, money_per_kw, extra_per_kw, score_per_kw) VALUES (w, 1, 1, 1000 * w + 1, 1, 1, 0, 1);
  INSERT INTO clearing_exclusion (clearing_id, exclusion, order_id, because) VALUES (w, 1, 1, 'group');
  INSERT INTO clearing_limit (clearing_id, limit_id, order_id, coefficient, most, because) VALUES (w, 1, 1, 1, 1, 'ramp');
  INSERT INTO clearing_flow (clearing_id, flow_id, from_cell, to_cell, least, most, loss) VALUES (w, 1, 1, 2, 0, 1, 0);
  INSERT INTO clearing_bid (clearing_id, bid_id, competition_id, service_provider_id, offered_kw, accepted_kw, result, reason) VALUES (w, 1000 * w + 1, 10 * w + 1, seller, 1, 0, 'rejected', 'too_dear');
  INSERT INTO award (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) OVERRIDING SYSTEM VALUE VALUES (1000 * w + 2, w, seller, 100 * w + 2, 'up', 1, slot);
  INSERT INTO availability (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window, status) OVERRIDING SYSTEM VALUE VALUES (1000 * w + 3, w, seller, 100 * w + 2, 'up', 1, slot, 'declared');
  INSERT INTO dispatch (id, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) OVERRIDING SYSTEM VALUE VALUES (1000 * w + 4, w, seller, 100 * w + 2, 'up', 1, slot);
  INSERT INTO product_dispatch_terms (id, product_id, dispatch_terms_id) OVERRIDING SYSTEM VALUE SELECT w, w, min(t.id) FROM dispatch_terms t;
  INSERT INTO instruction_message (id, sender_id, message_id, what, content_sha256) OVERRIDING SYSTEM VALUE VALUES (2 * w, buyer, 'b' || w, 'instruct', 'x'), (2 * w + 1, seller, 's' || w, 'acknowledge', 'x');
  INSERT INTO instruction (id, instruction_message_id, product_id, market_operator_id, service_provider_id, asset_id, kind, starts_at, ends_at, step_id) OVERRIDING SYSTEM VALUE
    VALUES (w, 2 * w, w, buyer, seller, 100 * w + 2, 'scheduled', lower(slot), upper(slot), w);
  INSERT INTO instruction_interval (instruction_id, version, number, delivery_window, set_point, set_point_kw, direction, power_kw, dispatch_id) VALUES (w, 1, 1, slot, 'relative', 1, 'up', 1, 1000 * w + 4);
  INSERT INTO instruction_rationale (instruction_id, version, code) VALUES (w, 1, 'test');
  INSERT INTO instruction_step (id, instruction_id, version, status, happened_at) VALUES (w, w, 1, 'issued', now());
  INSERT INTO instruction_read_back (id, instruction_id, version, said, differs, happened_at) OVERRIDING SYSTEM VALUE VALUES (w, w, 1, '[]', true, now());
  INSERT INTO commitment (id, stage, source_id, unit_id, unit_kind, service_code, product_id, market_operator_id, service_provider_id, direction, power_kw, delivery_window, headroom_checked) OVERRIDING SYSTEM VALUE
    SELECT 1000 * w + n, CASE n WHEN 0 THEN 'bid' ELSE 'award' END, CASE n WHEN 0 THEN 1000 * w ELSE 1000 * w + 2 END, 100 * w + 2, 'asset', 'PR', w, buyer, seller, 'up', 1, slot, true FROM generate_series(0, 1) n;
  INSERT INTO conflict (id, kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, rationale) OVERRIDING SYSTEM VALUE VALUES (w, 'double_commitment', 'blocking', 'competition', 1000 * w + 1, 1000 * w, 100 * w + 2, slot, '{}');
  INSERT INTO notification (id, participant_id, event, conflict_id, message, content) OVERRIDING SYSTEM VALUE VALUES (10 * w, seller, 'conflict_found', w, 'x', '{}'), (10 * w + 1, buyer, 'conflict_found', w, 'x', '{}');
  INSERT INTO conflict (id, kind, severity, stage, challenger_id, incumbent_id, unit_id, overlap, rationale) OVERRIDING SYSTEM VALUE VALUES (10 + w, 'duplicate', 'blocking', 'competition', 1000 * w + 1, 1000 * w + 1, 100 * w + 2, slot, '{}');
  INSERT INTO notification (id, participant_id, event, conflict_id, message, content) OVERRIDING SYSTEM VALUE VALUES (10 * w + 2, buyer, 'conflict_found', 10 + w, 'x', '{}');
  INSERT INTO hold (id, stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window)
    OVERRIDING SYSTEM VALUE VALUES (10 + w, 'bid', 1000 * w, 100 * w + 2, seller, buyer, '{}', ARRAY[w], 'submitted', 'up', 1, slot);
  INSERT INTO hold (id, stage, trade_id, unit_id, service_provider_id, market_operator_id, concerned_ids, conflict_ids, former_status, direction, power_kw, delivery_window) OVERRIDING SYSTEM VALUE
    VALUES (w, 'award', 1000 * w + 2, 100 * w + 2, seller, buyer, ARRAY[buyer], ARRAY[w], 'awarded', 'up', 1, slot);
  INSERT INTO hold_agreement (hold_id, participant_id) VALUES (w, buyer);
  INSERT INTO validation_request (id, requester_id, market_operator_id, addressed_to, answer_through, stage, product_id, service_provider_id, asset_id, direction, power_kw, delivery_window) OVERRIDING SYSTEM VALUE
    VALUES (w, buyer, buyer, 'exchange', 'exchange', 'bid', w, seller, 100 * w + 2, 'up', 1, slot);
  INSERT INTO validation_leg (id, validation_request_id, what, sender_id) OVERRIDING SYSTEM VALUE VALUES (w, w, 'request', buyer);
  INSERT INTO operating_limit (id, grid_node_id, direction, limit_kw, operator_id) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w, 'up', 1, buyer);
  INSERT INTO constraint_period (id, grid_node_id, valid, direction, operator_id) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w, slot, 'up', buyer);
  INSERT INTO unit_removal (id, asset_id, valid, operator_id, reason) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, slot, buyer, 'works');
  INSERT INTO risk_issue (id, span, number) OVERRIDING SYSTEM VALUE VALUES (w, slot, w);
  INSERT INTO risk (id, risk_issue_id, change, risk_key, what, operator_ids, service_codes, unit_ids, windows, prevails, why, commitment_ids, participant_ids) OVERRIDING SYSTEM VALUE
    VALUES (w, w, 'new', 'k' || w, 'operating_limit', ARRAY[buyer], '{PR}', ARRAY[100 * w + 2], ARRAY[slot], 'none', 'x', '{1}', ARRAY[buyer, seller]);
  INSERT INTO import_rejection (importer, source, line, column_name, reason, hint, effect, row_digest, row_content) VALUES ('dispatch_instructions', 's', w, 'c', 'r', 'h', 'row', sha256(int8send(w)), '{}');
  INSERT INTO import_row (importer, row_digest, entity, entity_id) VALUES ('dispatch_instructions', sha256(int8send(w)), 'dispatch', w);
  INSERT INTO event_log (cluster, transaction_id, login, role, participant_id, table_name, row_key, action, after, salt) VALUES
    (1, 1, 'x', 'x', seller, 'portfolio', (100 * w + 3)::text, 'insert', format('{"service_provider_id":%s}', seller), '\x00'),
    (1, 1, 'x', 'x', buyer, 'need', w::text, 'insert', format('{"market_operator_id":%s}', buyer), '\x00'),
    (1, 1, 'x', 'x', buyer, 'award', (1000 * w + 2)::text, 'insert', format('{"product_id":%s,"service_provider_id":%s}', w, seller), '\x00'),
    -- what the engine wrote while they acted, and what changed in a row of another
    (1, 1, 'x', 'x', buyer, 'conflict', w::text, 'insert', '{"id":1}', '\x00'),
    (1, 1, 'x', 'x', seller, 'bid', (1000 * w)::text, 'update', '{"service_provider_id":999}', '\x00'),
    (1, 1, 'x', 'x', seller, 'participant_contact', w::text, 'insert', format('{"participant_id":%s}', seller), '\x00');
  INSERT INTO meter_channel (id, asset_id, sender_id, quantity, flow, interval_seconds) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, 'energy', 'import', 1800);
  INSERT INTO meter_reading (channel_id, starts_at, value) VALUES (w, '2030-01-01', 1);
  INSERT INTO meter_reading_superseded (channel_id, starts_at, received_at, value, quality) VALUES (w, '2030-01-01', now(), 1, 'A');
  INSERT INTO meter_reading_intake (sender_id, unit) VALUES (seller, 'x');
  INSERT INTO meter_reading_rejection (sender_id, line, rule, column_name, reason, content) VALUES (seller, 1, 'UNIT', 'unit', 'x', '{}');
  INSERT INTO meter_reading_batch (sender_id, rows_read, stored, corrected, unchanged, rejected) VALUES (seller, 1, 0, 0, 0, 1);
  INSERT INTO reading_day (channel_id, day, readings, estimated, total, least, greatest) VALUES (w, '2030-01-01', 1, 0, 1, 1, 1);
  INSERT INTO baseline_method (code, name, kind, source) VALUES ('b' || w, 'x', 'zero', 'x');
  INSERT INTO holiday (day) VALUES ('2029-12-31'::date + w::integer);
  INSERT INTO reference_profile (code, day_type, at_time, kwh) VALUES ('p' || w, 'working', '00:00', 1);
  INSERT INTO baseline_nomination (id, product_id, service_provider_id, asset_id, starts_at, kwh) OVERRIDING SYSTEM VALUE VALUES (w, w, seller, 100 * w + 2, '2097-01-01', 1);
  INSERT INTO carbon_intensity (area, starts_at, ends_at) VALUES ('a' || w, '2030-01-01', '2030-01-02');
  INSERT INTO system_price (kind, area, starts_at, ends_at, price_per_mwh) VALUES ('day_ahead', 'a' || w, '2030-01-01', '2030-01-02', 1);
  INSERT INTO carbon_intensity_staging DEFAULT VALUES;
  INSERT INTO system_price_staging DEFAULT VALUES;
  INSERT INTO market_figure_rejection (table_name, source, column_name, reason, content) VALUES ('system_price', 's' || w, 'kind', 'x', '{}');
  INSERT INTO reading_month (channel_id, month, readings, estimated, total, least, greatest) VALUES (w, '2030-01-01', 1, 0, 1, 1, 1);
  INSERT INTO dispatch_event (dispatch_id, status) VALUES (1000 * w + 4, 'instructed');
  INSERT INTO trade_day (subject, day, product_id, service_provider_id, direction, status, trades, mw_h, availability_value, availability_mw_h, utilisation_value, utilisation_mw_h)
    VALUES ('award', '2030-01-01', w, seller, 'up', 'awarded', 1, 1, 0, 0, 0, 0);
  INSERT INTO stale_day (fact, day, competition_id) VALUES ('meter_reading', '2030-01-01', NULL), ('bid', '2030-01-01', 10 * w);
  INSERT INTO availability_terms (id, product_id) VALUES (w, w);
  INSERT INTO availability_step (id, availability_id, status, power_kw, delivery_window) OVERRIDING SYSTEM VALUE VALUES (w, 1000 * w + 3, 'declared', 1, slot);
  INSERT INTO availability_part (availability_id, part_of_id) VALUES (1000 * w + 3, 1000 * w + 3);
  INSERT INTO unavailability_notice (id, asset_id, service_provider_id, during, reason_code, reason) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, slot, 'outage', 'x');
  INSERT INTO heartbeat_terms (id, product_id, missed_intervals) VALUES (w, w, 2);
  INSERT INTO unit_heartbeat (unit_id, service_provider_id, status, update_interval_seconds, since, last_heard, sender) VALUES (100 * w + 2, seller, 'available', 5, now(), now(), 'x');
  INSERT INTO heartbeat_spell (id, unit_id, service_provider_id, status, update_interval_seconds, since, last_heard, sender) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, 'available', 5, now(), now(), 'x');
  INSERT INTO availability_forecast (id, asset_id, service_provider_id, direction, delivery_window, samples_kw, method) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, seller, 'up', slot, '{1}', 'x');
  INSERT INTO delivery (id, dispatch_id, product_id, service_provider_id, unit_id, delivery_window, requested_kwh) OVERRIDING SYSTEM VALUE VALUES (w, 1000 * w + 4, w, seller, 100 * w + 2, slot, 1);
  INSERT INTO verification_terms (id, product_id, method_code) OVERRIDING SYSTEM VALUE VALUES (w, w, 'ZERO');
  INSERT INTO baseline_choice (id, product_id, service_provider_id, asset_id, method_code, valid) OVERRIDING SYSTEM VALUE VALUES (w, w, seller, 100 * w + 2, 'ZERO', '2097-01-01T00:00Z/infinity');
  INSERT INTO verification (delivery_id, trade_id, product_id, service_provider_id, unit_id, delivery_window, terms_id, meters, steps, steps_missing, steps_estimated, steps_filled, rule, known_at)
    VALUES (w, 1000 * w + 4, w, seller, 100 * w + 2, slot, w, 1, 1, 0, 0, 0, 'measured', now());
  INSERT INTO verification_baseline (id, dispatch_id, product_id, service_provider_id, resource_id, flow, method_code, method_version, event_window, status, considered, verdict, days_used, days_excluded, known_at)
    OVERRIDING SYSTEM VALUE VALUES (w, 1000 * w + 4, w, seller, 100 * w + 2, 'import', 'ZERO', 1, slot, 'complete', '{}', '{}', 0, 0, now());
  INSERT INTO verification_meter (delivery_id, resource_id, flow, product_id, service_provider_id, channel_ids, baseline_ids, step_seconds, steps, steps_missing, steps_estimated, steps_filled, others_kwh, requested_kwh, step_starts, readings, received_at)
    VALUES (w, 100 * w + 2, 'import', w, seller, '{}', '{}', 1800, 1, 0, 0, 0, 0, 1, '{}', '{}', '{}');
  INSERT INTO imbalance_adjustment (id, delivery_id, product_id, service_provider_id, asset_id, settlement_period, kwh, reason) OVERRIDING SYSTEM VALUE VALUES (w, w, w, seller, 100 * w + 2, slot, 1, 'P415');
  INSERT INTO metering_point_supplier (metering_point_id, supplier_id, valid) VALUES (100 * w + 1, seller, win);
  INSERT INTO rating (id, method_code, method_version, as_of, service_provider_id, events, markets, failed_events, requested_kwh, counted_kwh, agreed_availability_kwh, kept_availability_kwh, steps, steps_missing)
    OVERRIDING SYSTEM VALUE VALUES (w, 'RELIABILITY', 1, '2030-02-01', seller, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  INSERT INTO settlement_mechanism (id, code, name, confirmed, source) OVERRIDING SYSTEM VALUE VALUES (1000 + w, 'own ' || w, 'x', true, 'x');
  INSERT INTO product_settlement (id, product_id, stage, settlement_mechanism_id) OVERRIDING SYSTEM VALUE VALUES (w, w, 'dispatch', 1000 + w);
  INSERT INTO network_sensitivity (id, grid_node_id, unit_grid_node_id, sensitivity, valid, source) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w, 100 * w, 1, win, 'x');
  INSERT INTO merit_order (id, market_operator_id, asked_at, product_ids, direction, power_kw, delivery_window, confidence, reliability_method_id, correlation_basis, proposed_kw, expected_kw, firm_kw, covered, cost, candidates, status_at) OVERRIDING SYSTEM VALUE
    VALUES (w, buyer, now(), ARRAY[w], 'up', 1, slot, 0.95, 1, 'unknown', 1, 1, 1, true, 1, 1, now());
  INSERT INTO merit_order_unit (merit_order_id, trade_id, stage, rank, unit_id, service_provider_id, product_id, least_kw, most_kw, sensitivity, mean_ratio, deviation, probability, events, power_kw)
    VALUES (w, 1000 * w, 'bid', 1, 100 * w + 2, seller, w, 0, 1, 1, 1, 0, 1, 0, 1);
  INSERT INTO merit_order_step (id, merit_order_id, status, happened_at) OVERRIDING SYSTEM VALUE VALUES (w, w, 'proposed', now());
  INSERT INTO settlement_run (id, market_id, month, period, number, kind, currency, library_version) OVERRIDING SYSTEM VALUE VALUES (w, w, '2030-01-01', '2030-01-01T00:00Z/2030-02-01T00:00Z', 1, 'initial', 'GBP', 'x');
  INSERT INTO settlement_line (run_id, delivery_id, trade_id, stage, product_id, service_provider_id, unit_id, delivery_window, settlement_mechanism_id, price, requested, factor, paid_volume, payment, shortfall, penalty, clawback, exact_amount, amount)
    VALUES (w, w, 1000 * w + 4, 'dispatch', w, seller, 100 * w + 2, slot, 1000 + w, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1);
  INSERT INTO settlement_statement (run_id, service_provider_id, lines, amount, rounding, digest) VALUES (w, seller, 1, 1, 0, '\x00');
  INSERT INTO settlement_decision (id, delivery_id, trade_id, stage, product_id, service_provider_id, unit_id, delivery_window, amount, evidence) OVERRIDING SYSTEM VALUE VALUES (w, w, 1000 * w + 4, 'dispatch', w, seller, 100 * w + 2, slot, 1, 'x');
  INSERT INTO settlement_adjustment (run_id, decision_id, product_id, service_provider_id, decided, settled) VALUES (w, w, w, seller, 1, 1);
  INSERT INTO invoice (id, market_id, number, run_id, service_provider_id, net, vat_rate, currency, issued_on, due_on) OVERRIDING SYSTEM VALUE VALUES (w, w, 1, w, seller, 1, 0, 'GBP', '2030-02-01', '2030-03-01');
  INSERT INTO payment_terms (id, market_id, notice_business_days, late_above_base, confirmed, source) OVERRIDING SYSTEM VALUE VALUES (100 + w, w, 5, 0.02, true, 'x');
  INSERT INTO base_rate (since, rate, source) VALUES ('2029-12-31'::date + w::integer, 0.04, 'x');
  INSERT INTO invoice_payment (id, invoice_id, paid_on, amount, reference) OVERRIDING SYSTEM VALUE VALUES (w, w, '2030-03-01', 1, 'x');
  INSERT INTO payment_notice (id, invoice_id, less, reason, given_on) OVERRIDING SYSTEM VALUE VALUES (w, w, 1, 'x', '2030-02-02');
  INSERT INTO carbon_method (id, code, name, intensity, confirmed, source) OVERRIDING SYSTEM VALUE VALUES (100 + w, 'own ' || w, 'x', 'actual', true, 'x');
  INSERT INTO carbon_factor (carbon_method_id, category, kind, payback_up, payback_down) VALUES (100 + w, 'x', 'demand', 1, 1);
  INSERT INTO carbon_technology (carbon_method_id, technology, category) VALUES (100 + w, 'x', 'x');
  INSERT INTO open_dispatch_carbon (month, market_code, method_code, method_version, hidden) VALUES ('2030-01-01', 'm' || w, 'x', 1, true);
  INSERT INTO unit_carbon_category (id, unit_id, category, since) OVERRIDING SYSTEM VALUE VALUES (w, 100 * w + 2, 'x', now());
  INSERT INTO dispute_terms (id, market_id, subject, raise_within, answer_within, confirmed, source) OVERRIDING SYSTEM VALUE VALUES (100 + w, w, 'verification', '1 day', '1 day', true, 'x');
  INSERT INTO dispute (id, market_id, subject, delivery_id, raised_by_id, respondent_id, reason, raised_at, answer_by) OVERRIDING SYSTEM VALUE VALUES (w, w, 'verification', w, seller, buyer, 'x', now(), now());
  INSERT INTO statement_acceptance (run_id, service_provider_id, accepted_at) VALUES (w, seller, now());
  INSERT INTO dispute_step (id, dispute_id, status, happened_at) OVERRIDING SYSTEM VALUE VALUES (w, w, 'raised', now());
  INSERT INTO dispute_evidence (id, dispute_id, given_by_id, words) OVERRIDING SYSTEM VALUE VALUES (w, w, seller, 'x');
  INSERT INTO dispute_proposal (id, dispute_id, proposed_by_id, words, proposed_at) OVERRIDING SYSTEM VALUE VALUES (w, w, seller, 'x', now());
  INSERT INTO dispute_override (dispute_id, conflict_id, hold_ids, reason, made_at) VALUES (w, w, '{}', 'x', now());
  INSERT INTO framework_holding (award_id, competition_id) VALUES (1000 * w + 2, 10 * w);
  INSERT INTO transfer_terms (id, product_id) OVERRIDING SYSTEM VALUE VALUES (w, w);
  INSERT INTO award_transfer (id, award_id, product_id, transfer_terms_id, kind, transferor_id, is_open, transferee_id, asset_id, direction, power_kw, delivery_window, offer_ends_at, status) OVERRIDING SYSTEM VALUE
    VALUES (w, 1000 * w + 2, w, w, 'novation', 900, false, seller, 100 * w + 2, 'up', 1, slot, '2030-01-01', 'accepted');
  INSERT INTO transfer_price (award_transfer_id, price) VALUES (w, 1);
  INSERT INTO transfer_step (id, award_transfer_id, status, happened_at) OVERRIDING SYSTEM VALUE VALUES (w, w, 'accepted', now());
  INSERT INTO transfer_check (id, award_transfer_id, stage, service_provider_id, asset_id, verdict, obstacles, findings) OVERRIDING SYSTEM VALUE VALUES (w, w, 'acceptance', seller, 100 * w + 2, 'clear', '[]', '[]');
  INSERT INTO award_holding (id, first_award_id, award_id, because, product_id, service_provider_id, unit_id, power_kw, delivery_window, held_from) OVERRIDING SYSTEM VALUE VALUES (w, 1000 * w + 2, 1000 * w + 2, 'awarded', w, seller, 100 * w + 2, 1, slot, now());
  INSERT INTO surveillance_parameter (id, version) OVERRIDING SYSTEM VALUE VALUES (100 + w, 100 + w);
  INSERT INTO surveillance_alert (id, kind, market_id, product_id, delivery_window, participant_ids, transfer_ids, measures, surveillance_parameter_id) OVERRIDING SYSTEM VALUE VALUES (w, 'wash', w, w, slot, ARRAY[seller], ARRAY[w], '{}', 100 + w);
  INSERT INTO surveillance_alert_step (id, surveillance_alert_id, status) OVERRIDING SYSTEM VALUE VALUES (w, w, 'open');
  INSERT INTO retired_partition (name, table_name, starts_at, ends_at, outcome) VALUES ('meter_reading_200' || w, 'meter_reading', '2000-01-01', '2001-01-01', 'dropped');
  INSERT INTO data_location (participant_id, what, kept) VALUES (seller, 'reading', 'central'), (buyer, 'award', 'remote');
  INSERT INTO remote_source (id, participant_id, what, server, remote_schema, remote_table, covers) OVERRIDING SYSTEM VALUE VALUES (10 * w, seller, 'reading', 'x', 'x', 'x', win), (10 * w + 1, buyer, 'award', 'x', 'x', 'x', win);
  INSERT INTO remote_trade (remote_source_id, mrid, digest) VALUES (10 * w + 1, gen_random_uuid(), '\x00');
  INSERT INTO event_seal (number, cluster, snapshot, events, events_root, log_root) VALUES (w, 1, '1:1:', 1, '\x00', '\x00');
  INSERT INTO event_run (seal_number, run, first_event_id, last_event_id, event_ids, leaves, root) VALUES (w, 0, 1, 1, '{1}', '\x00', '\x00');
  INSERT INTO import_line (staging, line, row_digest) VALUES ('embedded_capacity_register_staging', w, sha256(int8send(w)));
  INSERT INTO embedded_capacity_register_staging (customer_name) VALUES ('x');
  INSERT INTO dispatch_instruction_staging DEFAULT VALUES;
  INSERT INTO flexibility_tender_staging DEFAULT VALUES;
  INSERT INTO ruleset_action (ruleset_id, kind, action) SELECT min(id), CASE w WHEN 1 THEN 'headroom' ELSE 'direction' END, 'hold' FROM ruleset;
  INSERT INTO open_statistic (month, subject, market_code, hidden) VALUES ('2020-01-01', 'award', 'm' || w, true);
  -- what the engine keeps for itself
  INSERT INTO member_commitment (portfolio_id, cell, asset_id, commitment_id, delivery_window) VALUES (100 * w + 3, 1, 100 * w + 2, 1000 * w, slot);
  INSERT INTO network_dispatch (commitment_id, grid_node_id, valid, direction, market_operator_id, named, steps) VALUES (1000 * w + 1, 100 * w, slot, 'up', buyer, true, 0);
  INSERT INTO network_watch (one) SELECT true WHERE NOT EXISTS (SELECT FROM network_watch);
  INSERT INTO place_supply (place_id, portfolio_id, with_id, valid, assets, crowded, unknown_up, unknown_down, own_up_kw, own_down_kw, both_up_kw, both_down_kw)
    VALUES (100 * w, 100 * w + 3, 100 * w + 3, slot, 1, 0, 0, 0, 0, 0, 0, 0);
  INSERT INTO portfolio_supply (portfolio_id, with_id, since, places, assets, crowded, unknown_up, unknown_down, own_up_kw, own_down_kw, both_up_kw, both_down_kw)
    VALUES (100 * w + 3, 100 * w + 3, now(), 1, 1, 0, 0, 0, 0, 0, 0, 0);
END $$;
