-- archetype: medium
-- Validation: the trade is written, looked at, and taken back, all in one
-- subtransaction.  So the answer is what writing it would give, and nothing is
-- left but the request and its legs.
--
--   seller -> exchange -> seller                     answer_through exchange
--   seller -> exchange -> buyer -> seller            answer_through market_operator
--   seller -> buyer -> exchange -> buyer -> seller   addressed_to market_operator
--   the first and the last in parallel               addressed_to both

-- Findings on a trade as a reader may know them.
CREATE OR REPLACE FUNCTION findings_on_trade(of_stage text, trade_id bigint, reader_id bigint)
RETURNS TABLE (conflict_id bigint, kind text, severity text, action text, overlap time_window, short_kw numeric, open boolean, message text, rationale jsonb)
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  SELECT k.id, k.kind, k.severity, k.action, k.overlap, k.short_kw, k.closed_at IS NULL,
         conflict_words(k, side.names_challenger, side.names_incumbent),
         -- verdicts and figures; of the others no more than service and kW
         jsonb_strip_nulls((k.rationale - 'challenger' - 'incumbent' - 'exclusivity') || jsonb_build_object('headroom',
           (k.rationale -> 'headroom') || jsonb_build_object('set',
             (SELECT jsonb_agg(jsonb_build_object('service', m -> 'service', 'weight_kw', m -> 'weight_kw')) FROM jsonb_array_elements(k.rationale -> 'headroom' -> 'set') m))))
  FROM conflict k
  JOIN commitment c ON c.id = k.challenger_id
  LEFT JOIN commitment i ON i.id = k.incumbent_id
  LEFT JOIN exclusivity e ON e.id = k.exclusivity_id
  LEFT JOIN ruleset r ON r.id = k.ruleset_id
  CROSS JOIN LATERAL (
    SELECT reader_id IS NULL OR coalesce(r.share_identity, false) OR reader_id IN (c.service_provider_id, c.market_operator_id) AS names_challenger,
           reader_id IS NULL OR coalesce(r.share_identity, false)
             OR coalesce(reader_id IN (i.service_provider_id, i.market_operator_id, e.service_provider_id, e.market_operator_id), false) AS names_incumbent) side
  WHERE ((c.source_id = trade_id AND c.stage = of_stage) OR (i.source_id = trade_id AND i.stage = of_stage))
    -- before its gate closes only the bidder knows of a bid
    AND (reader_id IS NULL OR NOT EXISTS (
      SELECT FROM (VALUES (c.stage, c.source_id, c.service_provider_id), (i.stage, i.source_id, i.service_provider_id)) AS other (stage, source_id, service_provider_id)
      WHERE other.stage = 'bid' AND other.service_provider_id <> reader_id AND other.source_id <> trade_id
        AND NOT EXISTS (SELECT FROM bid b JOIN competition g ON g.id = b.competition_id WHERE b.id = other.source_id AND g.gate_closes_at <= now())))
  ORDER BY k.id
$function$;
COMMENT ON FUNCTION findings_on_trade(text, bigint, bigint) IS
  'findings that a trade has a part in, open or closed, as a participant may know them (NULL: everything)';
REVOKE ALL ON FUNCTION findings_on_trade(text, bigint, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION explain_trade(stage text, trade_id bigint)
RETURNS TABLE (conflict_id bigint, kind text, severity text, action text, overlap time_window, short_kw numeric, open boolean, message text, rationale jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  me bigint := current_participant();
BEGIN
  PERFORM check_code(stage, 'explain_trade.stage', 'bid', 'award', 'availability', 'dispatch');
  IF NOT acts_for_exchange() AND NOT EXISTS (
       SELECT FROM commitment c WHERE c.source_id = trade_id AND c.stage = explain_trade.stage
         AND (c.service_provider_id = me
              OR c.market_operator_id = me AND (c.stage <> 'bid' OR EXISTS (
                   SELECT FROM bid b JOIN competition g ON g.id = b.competition_id WHERE b.id = c.source_id AND g.gate_closes_at <= now())))) THEN
    RAISE EXCEPTION 'explain_trade.trade_id: there is no % % that you may read', stage, trade_id
      USING ERRCODE = 'insufficient_privilege', HINT = 'Sellers ask about what they sell, buyers about what they buy, of bids once their gate has closed.';
  END IF;
  RETURN QUERY SELECT * FROM findings_on_trade(stage, trade_id, CASE WHEN acts_for_exchange() THEN NULL ELSE me END);
END
$function$;
COMMENT ON FUNCTION explain_trade(text, bigint) IS
  'what was found on a trade and why, in words and in figures, for its seller, its buyer (of a bid once the gate has closed) and, with everybody named, the operator and the regulator; errors 23514, 42501; SECURITY DEFINER because it reads conflicts and tells what the ruleset shares';
REVOKE ALL ON FUNCTION explain_trade(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION explain_trade(text, bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION probe_trade(asked validation_request, reader_id bigint, OUT verdict text, OUT findings jsonb)
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
SET flexexchange.detect_always = on
AS $function$
DECLARE
  trade bigint;
  status text;
BEGIN
  BEGIN
    IF asked.stage = 'bid' THEN
      INSERT INTO bid (competition_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window)
      VALUES (asked.competition_id, asked.product_id, asked.service_provider_id, asked.asset_id, asked.portfolio_id, asked.direction, asked.power_kw, asked.delivery_window)
      RETURNING id INTO trade;
    ELSE
      INSERT INTO dispatch (award_id, availability_id, product_id, service_provider_id, asset_id, portfolio_id, direction, power_kw, delivery_window, purpose, grid_node_id)
      VALUES (asked.award_id, asked.availability_id, asked.product_id, asked.service_provider_id, asked.asset_id, asked.portfolio_id, asked.direction, asked.power_kw, asked.delivery_window,
              asked.purpose, asked.grid_node_id)
      RETURNING id INTO trade;
    END IF;
    status := trade_status(asked.stage, trade);
    SELECT coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('kind', f.kind, 'severity', f.severity, 'action', f.action, 'start', lower(f.overlap),
                                                                   'end', upper(f.overlap), 'short_kw', f.short_kw, 'message', f.message, 'rationale', f.rationale)) ORDER BY f.conflict_id), '[]')
      INTO findings
    FROM findings_on_trade(asked.stage, trade, reader_id) f;
    verdict := CASE status WHEN 'held' THEN 'hold' WHEN 'rejected' THEN 'reject' ELSE CASE findings WHEN '[]' THEN 'clear' ELSE 'notify' END END;
    RAISE EXCEPTION USING ERRCODE = 'MX303', MESSAGE = 'a trade that was only asked about is taken back';
  EXCEPTION WHEN SQLSTATE 'MX303' THEN
    NULL;
  END;
END
$function$;
COMMENT ON FUNCTION probe_trade(validation_request, bigint) IS
  'writes the trade, reads what is found as a participant may know it (NULL: everything), and takes the trade back; errors as for writing it';
REVOKE ALL ON FUNCTION probe_trade(validation_request, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION answer_from_exchange(asked validation_request, receiver bigint) RETURNS void
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  INSERT INTO validation_leg (validation_request_id, what, sender_id, receiver_id, verdict, findings)
  SELECT asked.id, 'answer', NULL, receiver, p.verdict, p.findings FROM probe_trade(asked, receiver) p
$function$;
COMMENT ON FUNCTION answer_from_exchange(validation_request, bigint) IS 'sends a participant what would be found, as it may know it';
REVOKE ALL ON FUNCTION answer_from_exchange(validation_request, bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION request_validation(stage text, product_id bigint, direction text, power_kw numeric, delivery_window time_window,
                                              asset_id bigint DEFAULT NULL, portfolio_id bigint DEFAULT NULL, service_provider_id bigint DEFAULT NULL,
                                              competition_id bigint DEFAULT NULL, award_id bigint DEFAULT NULL, availability_id bigint DEFAULT NULL,
                                              addressed_to text DEFAULT 'exchange', answer_through text DEFAULT 'exchange',
                                              purpose text DEFAULT NULL, grid_node_id bigint DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  me bigint := current_participant();
  buyer bigint := (SELECT m.market_operator_id FROM product p JOIN market m ON m.id = p.market_id WHERE p.id = request_validation.product_id);
  asked validation_request;
BEGIN
  IF buyer IS NULL THEN
    RAISE EXCEPTION 'validation_request.product_id: there is no product %', product_id
      USING ERRCODE = 'MX102', HINT = 'See table product for the products of this exchange.';
  END IF;
  service_provider_id := coalesce(service_provider_id, me);
  IF acts_for_exchange() THEN
    me := CASE stage WHEN 'bid' THEN service_provider_id ELSE buyer END;
  ELSIF stage = 'bid' AND NOT coalesce(service_provider_id = me
                                       AND (request_validation.asset_id IS NULL OR request_validation.asset_id IN (SELECT own_asset_ids()))
                                       AND (request_validation.portfolio_id IS NULL OR request_validation.portfolio_id IN (SELECT own_portfolio_ids()))
                                       AND (request_validation.competition_id IS NULL OR request_validation.competition_id IN (SELECT open_competition_ids())), false)
        OR stage = 'dispatch' AND buyer IS DISTINCT FROM me THEN
    RAISE EXCEPTION 'validation_request: this % would not be yours to write', stage
      USING ERRCODE = 'insufficient_privilege', HINT = 'Sellers ask about bids with units of their own, while the gate is open; buyers about dispatches of their products.';
  END IF;

  INSERT INTO validation_request (requester_id, market_operator_id, addressed_to, answer_through, stage, product_id, service_provider_id, asset_id, portfolio_id,
                                  direction, power_kw, delivery_window, competition_id, award_id, availability_id, purpose, grid_node_id)
  VALUES (me, buyer, addressed_to, answer_through, stage, product_id, service_provider_id, asset_id, portfolio_id,
          direction, power_kw, delivery_window, competition_id, award_id, availability_id, purpose, grid_node_id)
  RETURNING * INTO asked;
  IF asked.addressed_to IN ('market_operator', 'both') THEN
    INSERT INTO validation_leg (validation_request_id, what, sender_id, receiver_id) VALUES (asked.id, 'request', me, buyer);
  END IF;
  IF asked.addressed_to IN ('exchange', 'both') THEN
    INSERT INTO validation_leg (validation_request_id, what, sender_id, receiver_id) VALUES (asked.id, 'request', me, NULL);
    PERFORM answer_from_exchange(asked, CASE asked.answer_through WHEN 'exchange' THEN me ELSE buyer END);
  END IF;
  RETURN asked.id;
END
$function$;
COMMENT ON FUNCTION request_validation(text, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, bigint, bigint, text, text, text, bigint) IS
  'asks what would be found on a bid or dispatch (kW, direction and window as in their tables), of the exchange, of the buyer or of both, the answer to come from the exchange or through the buyer; returns the id of the request, whose legs are in validation_leg; errors 42501, and those of writing the trade; SECURITY DEFINER because it asks the whole book';
REVOKE ALL ON FUNCTION request_validation(text, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, bigint, bigint, text, text, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION request_validation(text, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, bigint, bigint, text, text, text, bigint)
  TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION forward_validation(request_id bigint) RETURNS TABLE (verdict text, findings jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  asked validation_request;
BEGIN
  SELECT * INTO asked FROM validation_request v WHERE v.id = request_id AND v.market_operator_id = current_participant() AND v.addressed_to IN ('market_operator', 'both');
  IF asked.id IS NULL THEN
    RAISE EXCEPTION 'validation_request % was not sent to you', request_id
      USING ERRCODE = 'insufficient_privilege', HINT = 'Read validation_leg for what you were sent.';
  END IF;
  INSERT INTO validation_leg (validation_request_id, what, sender_id, receiver_id) VALUES (asked.id, 'request', asked.market_operator_id, NULL);
  PERFORM answer_from_exchange(asked, asked.market_operator_id);
  RETURN QUERY SELECT l.verdict, l.findings FROM validation_leg l
    WHERE l.validation_request_id = asked.id AND l.sender_id IS NULL AND l.receiver_id = asked.market_operator_id ORDER BY l.id DESC LIMIT 1;
END
$function$;
COMMENT ON FUNCTION forward_validation(bigint) IS
  'a buyer passes a request that a seller sent it on to the exchange, and gets the answer as it may know it; error 42501; SECURITY DEFINER because it asks the whole book';
REVOKE ALL ON FUNCTION forward_validation(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION forward_validation(bigint) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION answer_validation(request_id bigint, remark text DEFAULT NULL) RETURNS TABLE (verdict text, findings jsonb)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  asked validation_request;
BEGIN
  SELECT * INTO asked FROM validation_request v WHERE v.id = request_id AND v.market_operator_id = current_participant() AND v.requester_id <> v.market_operator_id
    AND EXISTS (SELECT FROM validation_leg l WHERE l.validation_request_id = v.id AND l.what = 'answer' AND l.sender_id IS NULL AND l.receiver_id = v.market_operator_id);
  IF asked.id IS NULL THEN
    RAISE EXCEPTION 'validation_request %: you have no answer of the exchange to pass on', request_id
      USING ERRCODE = 'insufficient_privilege', HINT = 'Call forward_validation() first.';
  END IF;
  RETURN QUERY
    INSERT INTO validation_leg AS l (validation_request_id, what, sender_id, receiver_id, verdict, findings, remark)
    SELECT asked.id, 'answer', asked.market_operator_id, asked.requester_id, p.verdict, p.findings, answer_validation.remark FROM probe_trade(asked, asked.requester_id) p
    RETURNING l.verdict, l.findings;
END
$function$;
COMMENT ON FUNCTION answer_validation(bigint, text) IS
  'a buyer passes the answer of the exchange on to the requester, as that one may know it and as of now, with a remark of its own; error 42501; SECURITY DEFINER because nobody writes messages themselves';
REVOKE ALL ON FUNCTION answer_validation(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION answer_validation(bigint, text) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION answer_to(request_id bigint) RETURNS TABLE (verdict text, findings jsonb)
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
  SELECT l.verdict, l.findings FROM validation_leg l JOIN validation_request v ON v.id = l.validation_request_id
  WHERE v.id = request_id AND l.what = 'answer' AND l.receiver_id = v.requester_id AND (v.requester_id = current_participant() OR acts_for_exchange())
  ORDER BY l.id DESC LIMIT 1
$function$;
COMMENT ON FUNCTION answer_to(bigint) IS 'the last answer to a request of the caller''s, none while there is none; SECURITY DEFINER because it reads conflicts and tells what the ruleset shares';
REVOKE ALL ON FUNCTION answer_to(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION answer_to(bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION validate_bid(product_id bigint, direction text, power_kw numeric, delivery_window time_window, asset_id bigint DEFAULT NULL,
                                        portfolio_id bigint DEFAULT NULL, service_provider_id bigint DEFAULT NULL, competition_id bigint DEFAULT NULL)
RETURNS TABLE (verdict text, findings jsonb)
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  SELECT * FROM answer_to(request_validation('bid', product_id, direction, power_kw, delivery_window, asset_id, portfolio_id, service_provider_id, competition_id))
$function$;
COMMENT ON FUNCTION validate_bid(bigint, text, numeric, time_window, bigint, bigint, bigint, bigint) IS
  'what would come of a bid: clear, notify (it would stand, and conflict), hold or reject, and what would be found, as an array; stores the request and nothing else; errors as for writing the bid';
REVOKE ALL ON FUNCTION validate_bid(bigint, text, numeric, time_window, bigint, bigint, bigint, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION validate_bid(bigint, text, numeric, time_window, bigint, bigint, bigint, bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION validate_dispatch(product_id bigint, service_provider_id bigint, direction text, power_kw numeric, delivery_window time_window,
                                             asset_id bigint DEFAULT NULL, portfolio_id bigint DEFAULT NULL, award_id bigint DEFAULT NULL, availability_id bigint DEFAULT NULL,
                                             purpose text DEFAULT NULL, grid_node_id bigint DEFAULT NULL)
RETURNS TABLE (verdict text, findings jsonb)
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  SELECT * FROM answer_to(request_validation('dispatch', product_id, direction, power_kw, delivery_window, asset_id, portfolio_id, service_provider_id, NULL, award_id, availability_id,
                                             purpose => purpose, grid_node_id => grid_node_id))
$function$;
COMMENT ON FUNCTION validate_dispatch(bigint, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, text, bigint) IS
  'what would come of a dispatch: clear, notify (it would stand, and conflict), hold or reject, and what would be found, as an array; stores the request and nothing else; errors as for writing the dispatch';
REVOKE ALL ON FUNCTION validate_dispatch(bigint, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION validate_dispatch(bigint, bigint, text, numeric, time_window, bigint, bigint, bigint, bigint, text, bigint) TO flexexchange_operator, flexexchange_participant;

SELECT protect_table('validation_request');
SELECT protect_table('validation_leg');
REVOKE INSERT, UPDATE, DELETE ON validation_request, validation_leg FROM flexexchange_operator;
GRANT SELECT ON validation_request, validation_leg TO flexexchange_participant;
DROP POLICY IF EXISTS validation_request_read_own ON validation_request;
CREATE POLICY validation_request_read_own ON validation_request FOR SELECT TO flexexchange_participant
  USING (requester_id = (SELECT current_participant())
         OR market_operator_id = (SELECT current_participant()) AND 'market_operator' IN (addressed_to, answer_through)
         OR market_operator_id = (SELECT current_participant()) AND addressed_to = 'both');
COMMENT ON POLICY validation_request_read_own ON validation_request IS 'VAL-1: the requester reads its requests, a buyer those that were sent to it or are answered through it';
DROP POLICY IF EXISTS validation_leg_read_own ON validation_leg;
CREATE POLICY validation_leg_read_own ON validation_leg FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant()) IN (sender_id, receiver_id));
COMMENT ON POLICY validation_leg_read_own ON validation_leg IS 'VAL-2: a message is read by whoever sent it and whoever got it';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['validation_request', 'validation_leg'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was asked and answered is kept.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;
