-- archetype: medium
-- Switching: asked for by the provider that gains, on the customer's consent, with
-- notice to the one that loses.  Who operates the asset when is written at once, since
-- asset_operator knows of time, and so is the end of its membership in the portfolios
-- of the one that loses it.

SELECT protect_table('operator_switch');
SELECT protect_table('switch_term', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
GRANT SELECT ON operator_switch TO flexexchange_participant;
-- switches are asked for and withdrawn by function
REVOKE INSERT, UPDATE, DELETE ON operator_switch FROM flexexchange_operator;
DROP POLICY IF EXISTS operator_switch_read ON operator_switch;
CREATE POLICY operator_switch_read ON operator_switch FOR SELECT TO flexexchange_participant
  USING (gaining_id = (SELECT current_participant()) OR losing_id = (SELECT current_participant()));
COMMENT ON POLICY operator_switch_read ON operator_switch IS 'SWT-1: the two providers read a switch';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON operator_switch
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > requested', 'requested > withdrawn');
COMMENT ON TRIGGER t10_status ON operator_switch IS 'a switch is asked for, and may be withdrawn';

CREATE OR REPLACE FUNCTION find_assets(identifier text, scheme text DEFAULT NULL) RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT x.asset_id FROM external_id x
  WHERE x.value = find_assets.identifier AND (find_assets.scheme IS NULL OR x.scheme = find_assets.scheme) AND x.asset_id IS NOT NULL AND upper(x.valid) = 'infinity'
  UNION SELECT a.id FROM asset a WHERE find_assets.scheme IS NULL AND a.serial_number = find_assets.identifier
  UNION SELECT a.id FROM metering_point m JOIN asset a ON a.metering_point_id = m.id OR a.export_metering_point_id = m.id
  WHERE find_assets.scheme IS NULL AND m.mpan = find_assets.identifier;
END;
COMMENT ON FUNCTION find_assets(text, text) IS
  'the assets that somebody knows by that name: an external_id, of that scheme if one is given, else also a serial number or the MPAN of their meter; of those that the caller may read';
REVOKE ALL ON FUNCTION find_assets(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_assets(text, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
CREATE OR REPLACE FUNCTION tell_of_switch(switch_id bigint, event text) RETURNS void
LANGUAGE sql VOLATILE
SET search_path FROM CURRENT
AS $function$
  INSERT INTO notification (participant_id, event, operator_switch_id, message, content)
  SELECT reader.id, event, s.id,
         format(CASE event WHEN 'switch_requested' THEN 'Asset "%1$s" goes from %2$s to %3$s on %4$s.' ELSE 'Asset "%1$s" does not go from %2$s to %3$s on %4$s: %5$s.' END,
                a.name, coalesce(l.name, 'nobody'), g.name, to_char(s.takes_effect_at AT TIME ZONE (SELECT time_zone FROM exchange_instance), 'DD Mon YYYY HH24:MI'), s.reason),
         jsonb_strip_nulls(jsonb_build_object('event', event, 'operator_switch_id', s.id, 'asset_id', s.asset_id, 'takes_effect_at', s.takes_effect_at, 'reason', s.reason))
  FROM operator_switch s
  JOIN asset a ON a.id = s.asset_id
  LEFT JOIN participant l ON l.id = s.losing_id
  JOIN participant g ON g.id = s.gaining_id
  CROSS JOIN LATERAL (VALUES (s.gaining_id), (s.losing_id)) AS reader (id)
  WHERE s.id = switch_id AND reader.id IS NOT NULL
  ORDER BY reader.id
$function$;
COMMENT ON FUNCTION tell_of_switch(bigint, text) IS 'writes a notification for both providers of a switch';
REVOKE ALL ON FUNCTION tell_of_switch(bigint, text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION request_switch(identifier text, consent_reference text, takes_effect_at timestamptz, scheme text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  gaining CONSTANT bigint := current_participant();
  notice CONSTANT interval := (SELECT value FROM switch_term WHERE code = 'notice');
  horizon CONSTANT interval := (SELECT value FROM switch_term WHERE code = 'horizon');
  consent bigint;
  found bigint[];
  losing asset_operator;
  cut jsonb;
  made bigint;
BEGIN
  IF request_switch.takes_effect_at IS NULL OR request_switch.takes_effect_at NOT BETWEEN now() + notice AND now() + horizon THEN
    RAISE EXCEPTION 'a switch at % is not between % and % from now', coalesce(request_switch.takes_effect_at::text, 'NULL'), notice, horizon
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Table switch_term says how long before it a switch is asked for.';
  END IF;
  SELECT id INTO consent FROM customer_consent k
  WHERE k.service_provider_id = gaining AND k.reference = consent_reference AND 'switch' = ANY (k.scopes) AND k.valid @> now() AND k.valid @> request_switch.takes_effect_at;
  IF consent IS NULL THEN
    RAISE EXCEPTION 'consent "%" is not a consent to a switch that is in force now and then', left(coalesce(consent_reference, 'NULL'), 64)
      USING ERRCODE = 'insufficient_privilege', HINT = 'Write the customer''s consent to customer_consent, with scope switch.';
  END IF;
  found := ARRAY(SELECT find_assets(request_switch.identifier, request_switch.scheme));
  IF cardinality(found) <> 1 THEN
    RAISE EXCEPTION '"%" names % assets', left(coalesce(request_switch.identifier, 'NULL'), 64), cardinality(found)
      USING ERRCODE = 'no_data_found', HINT = 'Give a charger id with its scheme, a serial number, or an MPAN behind which there is one asset.';
  END IF;
  -- whoever changes who operates it waits
  PERFORM FROM asset WHERE id = found[1] FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM operator_switch s WHERE s.asset_id = found[1] AND s.status = 'requested' AND s.takes_effect_at > now()) THEN
    RAISE EXCEPTION 'asset "%" is being switched already', left(request_switch.identifier, 64)
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask again when that switch has taken effect or was withdrawn.';
  END IF;
  SELECT * INTO losing FROM asset_operator o WHERE o.asset_id = found[1] AND o.valid @> request_switch.takes_effect_at;
  IF losing.service_provider_id = gaining THEN
    RAISE EXCEPTION 'asset "%" is operated by participant % already', left(request_switch.identifier, 64), gaining
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There is nothing to switch.';
  END IF;

  IF EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = found[1] AND lower(o.valid) >= request_switch.takes_effect_at) THEN
    RAISE EXCEPTION 'who operates asset "%" from then on is settled already', left(request_switch.identifier, 64)
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask again when that has begun.';
  END IF;
  IF EXISTS (SELECT FROM operator_switch s WHERE s.customer_consent_id = consent AND s.status = 'requested') THEN
    RAISE EXCEPTION 'consent "%" has been used for a switch', left(consent_reference, 64)
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A consent is to the switch of one asset.';
  END IF;

  SELECT coalesce(jsonb_agg(jsonb_build_object('portfolio_id', m.portfolio_id, 'valid', m.valid::text, 'flexible_up_kw', m.flexible_up_kw, 'flexible_down_kw', m.flexible_down_kw)), '[]')
    INTO cut
  FROM portfolio_member m JOIN portfolio p ON p.id = m.portfolio_id AND p.service_provider_id = losing.service_provider_id
  WHERE m.asset_id = found[1] AND upper(m.valid) > request_switch.takes_effect_at;
  INSERT INTO operator_switch (asset_id, losing_id, gaining_id, customer_consent_id, takes_effect_at, losing_until, memberships)
  VALUES (found[1], losing.service_provider_id, gaining, consent, request_switch.takes_effect_at, upper(losing.valid), cut) RETURNING id INTO made;
  UPDATE asset_operator o SET valid = time_window(lower(o.valid), request_switch.takes_effect_at) WHERE o.asset_id = found[1] AND o.valid @> request_switch.takes_effect_at;
  INSERT INTO asset_operator (asset_id, service_provider_id, valid) VALUES (found[1], gaining, time_window(request_switch.takes_effect_at, 'infinity'));
  -- a portfolio of the provider that loses it lends it no longer
  DELETE FROM portfolio_member m USING portfolio p
  WHERE p.id = m.portfolio_id AND p.service_provider_id = losing.service_provider_id AND m.asset_id = found[1] AND lower(m.valid) >= request_switch.takes_effect_at;
  UPDATE portfolio_member m SET valid = time_window(lower(m.valid), request_switch.takes_effect_at)
  FROM portfolio p WHERE p.id = m.portfolio_id AND p.service_provider_id = losing.service_provider_id AND m.asset_id = found[1] AND m.valid @> request_switch.takes_effect_at;
  PERFORM tell_of_switch(made, 'switch_requested');
  RETURN made;
END
$function$;
COMMENT ON FUNCTION request_switch(text, text, timestamptz, text) IS
  'asks that the asset known by that name (see find_assets) be operated by the participant of the session from that instant, on a customer''s consent with scope switch; tells both providers; gives the id of the switch; errors 42501 without consent, 22023 for an instant without notice, P0002 for a name of no asset or of several, 55000 when it is switched already; SECURITY DEFINER because the provider that gains an asset may not read it yet';
REVOKE ALL ON FUNCTION request_switch(text, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION request_switch(text, text, timestamptz, text) TO flexexchange_participant;

CREATE OR REPLACE FUNCTION withdraw_switch(switch_id bigint, reason text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  asked operator_switch;
BEGIN
  SELECT * INTO asked FROM operator_switch s
  WHERE s.id = switch_id AND (acts_for_exchange() OR s.gaining_id = current_participant()) FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no switch % that the session may withdraw', switch_id
      USING ERRCODE = 'no_data_found', HINT = 'The provider that asked for it withdraws it, or the operator of the exchange.';
  END IF;
  IF asked.status = 'withdrawn' THEN
    RAISE EXCEPTION 'switch % is withdrawn already', switch_id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There is nothing to take back.';
  END IF;
  IF asked.takes_effect_at <= now() THEN
    RAISE EXCEPTION 'switch % has taken effect', switch_id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Ask for a switch back.';
  END IF;
  UPDATE operator_switch s SET status = 'withdrawn', reason = withdraw_switch.reason WHERE s.id = switch_id;
  DELETE FROM asset_operator o WHERE o.asset_id = asked.asset_id AND o.service_provider_id = asked.gaining_id AND lower(o.valid) = asked.takes_effect_at;
  UPDATE asset_operator o SET valid = time_window(lower(o.valid), asked.losing_until)
  WHERE o.asset_id = asked.asset_id AND o.service_provider_id = asked.losing_id AND upper(o.valid) = asked.takes_effect_at;
  -- as it was, unless its provider has changed it since
  UPDATE portfolio_member m SET valid = was.valid
  FROM jsonb_to_recordset(asked.memberships) AS was (portfolio_id bigint, valid time_window)
  WHERE m.portfolio_id = was.portfolio_id AND m.asset_id = asked.asset_id AND lower(m.valid) = lower(was.valid) AND upper(m.valid) = asked.takes_effect_at;
  INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, flexible_down_kw, valid)
  SELECT was.portfolio_id, asked.asset_id, was.flexible_up_kw, was.flexible_down_kw, was.valid
  FROM jsonb_to_recordset(asked.memberships) AS was (portfolio_id bigint, valid time_window, flexible_up_kw numeric, flexible_down_kw numeric)
  WHERE lower(was.valid) >= asked.takes_effect_at
    AND NOT EXISTS (SELECT FROM portfolio_member m WHERE m.portfolio_id = was.portfolio_id AND m.asset_id = asked.asset_id AND m.valid && was.valid);
  PERFORM tell_of_switch(switch_id, 'switch_withdrawn');
END
$function$;
COMMENT ON FUNCTION withdraw_switch(bigint, text) IS
  'takes a switch back before it takes effect, with the reason: everything is as if it had not been asked for, and both providers are told; errors P0002 for a switch that is not the caller''s, 55000 for one that took effect; SECURITY DEFINER because providers do not write who operates what';
REVOKE ALL ON FUNCTION withdraw_switch(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION withdraw_switch(bigint, text) TO flexexchange_operator, flexexchange_participant;
