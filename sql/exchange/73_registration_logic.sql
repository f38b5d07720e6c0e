-- archetype: medium
-- Registration: taking in what was sent, set by set.  Good rows become assets, bad
-- ones keep what is wrong with them and can be sent again; the same row twice
-- changes nothing.

SELECT protect_table(t::regclass) FROM unnest(ARRAY['asset_registration', 'customer_consent', 'read_grant']) t;
-- what was sent stays
REVOKE INSERT, UPDATE, DELETE ON asset_registration FROM flexexchange_operator;
SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['registration_rule', 'registration_scheme']) t;

GRANT SELECT, INSERT (service_provider_id, reference, scopes, valid, evidence), UPDATE (valid) ON customer_consent TO flexexchange_participant;
CREATE OR REPLACE FUNCTION end_consent() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF lower(NEW.valid) <> lower(OLD.valid) OR upper(NEW.valid) > upper(OLD.valid) THEN
    RAISE EXCEPTION 'customer_consent.valid can only be ended earlier'
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'A new consent of the customer is another row.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION end_consent() IS 'trigger: a consent is ended, never stretched';
REVOKE ALL ON FUNCTION end_consent() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_valid_is_only_ended BEFORE UPDATE OF valid ON customer_consent
  FOR EACH ROW EXECUTE FUNCTION end_consent();
COMMENT ON TRIGGER t10_valid_is_only_ended ON customer_consent IS 'a consent is ended, never stretched';
DROP POLICY IF EXISTS customer_consent_own ON customer_consent;
CREATE POLICY customer_consent_own ON customer_consent TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())) WITH CHECK (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY customer_consent_own ON customer_consent IS 'RGN-1: a provider keeps the consents of its customers';
GRANT SELECT, INSERT (asset_id, grantee_id, customer_consent_id, purpose, valid), UPDATE (valid) ON read_grant TO flexexchange_participant;
DROP POLICY IF EXISTS read_grant_own ON read_grant;
CREATE POLICY read_grant_own ON read_grant FOR SELECT TO flexexchange_participant
  USING (EXISTS (SELECT FROM customer_consent k WHERE k.id = customer_consent_id));
COMMENT ON POLICY read_grant_own ON read_grant IS 'RGN-6: a provider reads what it granted';
DROP POLICY IF EXISTS read_grant_end ON read_grant;
CREATE POLICY read_grant_end ON read_grant FOR UPDATE TO flexexchange_participant
  USING (EXISTS (SELECT FROM customer_consent k WHERE k.id = customer_consent_id))
  WITH CHECK (EXISTS (SELECT FROM customer_consent k WHERE k.id = customer_consent_id));
COMMENT ON POLICY read_grant_end ON read_grant IS 'RGN-7: a provider ends what it granted';
DROP POLICY IF EXISTS read_grant_insert ON read_grant;
CREATE POLICY read_grant_insert ON read_grant FOR INSERT TO flexexchange_participant
  WITH CHECK (EXISTS (SELECT FROM customer_consent k WHERE k.id = customer_consent_id AND k.valid @> now() AND (purpose = 'customer' OR purpose = ANY (k.scopes)))
              AND EXISTS (SELECT FROM asset_operator o
                          WHERE o.asset_id = read_grant.asset_id AND o.service_provider_id = (SELECT current_participant()) AND o.valid @> now()));
COMMENT ON POLICY read_grant_insert ON read_grant IS 'RGN-3: a provider grants the reading of an asset that it operates, on a consent that it holds';
DROP POLICY IF EXISTS read_grant_read ON read_grant;
CREATE POLICY read_grant_read ON read_grant FOR SELECT TO flexexchange_participant USING (grantee_id = (SELECT current_participant()));
COMMENT ON POLICY read_grant_read ON read_grant IS 'RGN-4: whoever was granted something reads the grant';

-- Naming a meter does not open it: of several providers the one whose asset was there first reads it.
CREATE OR REPLACE FUNCTION meter_is_anothers(meter_id bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT coalesce((SELECT o.service_provider_id FROM asset a JOIN asset_operator o ON o.asset_id = a.id AND o.valid @> now()
                   WHERE a.metering_point_id = meter_id OR a.export_metering_point_id = meter_id ORDER BY a.id LIMIT 1) <> current_participant(), false)
$function$;
COMMENT ON FUNCTION meter_is_anothers(bigint) IS
  'true when the first asset at a meter is operated by another participant than the session''s; SECURITY DEFINER because a provider does not read the assets of others';
REVOKE ALL ON FUNCTION meter_is_anothers(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION meter_is_anothers(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
DROP POLICY IF EXISTS metering_point_read ON metering_point;
CREATE POLICY metering_point_read ON metering_point FOR SELECT TO flexexchange_participant
  USING ((SELECT current_participant_is('market_operator'))
         OR ((id IN (SELECT a.metering_point_id FROM asset a) OR id IN (SELECT a.export_metering_point_id FROM asset a)) AND NOT meter_is_anothers(id)));
COMMENT ON POLICY metering_point_read ON metering_point IS
  'REG-1: a market operator reads every metering point, a provider those of its assets, unless an asset of another was there before';

CREATE OR REPLACE FUNCTION granted_asset_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
  SELECT g.asset_id FROM read_grant g JOIN customer_consent k ON k.id = g.customer_consent_id
  JOIN asset_operator o ON o.asset_id = g.asset_id AND o.service_provider_id = k.service_provider_id AND o.valid @> now()
  WHERE g.grantee_id = current_participant() AND g.valid @> now() AND k.valid @> now()
$function$;
COMMENT ON FUNCTION granted_asset_ids() IS
  'the assets that the session''s participant was granted to read, as long as the consents last and their holders operate the assets; SECURITY DEFINER because it does not read the consents themselves';
REVOKE ALL ON FUNCTION granted_asset_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION granted_asset_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
DROP POLICY IF EXISTS asset_read_granted ON asset;
CREATE POLICY asset_read_granted ON asset FOR SELECT TO flexexchange_participant USING (id IN (SELECT granted_asset_ids()));
COMMENT ON POLICY asset_read_granted ON asset IS 'RGN-5: whoever was granted the reading of an asset reads it';

GRANT SELECT ON asset_registration TO flexexchange_participant;
DROP POLICY IF EXISTS asset_registration_read_own ON asset_registration;
CREATE POLICY asset_registration_read_own ON asset_registration FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY asset_registration_read_own ON asset_registration IS 'RGN-2: a provider reads what it sent, and what became of it';

-- Deny by default without row-level security: of the intake a provider may write the columns
-- that it sends, and read nothing.
REVOKE ALL ON asset_registration_intake FROM PUBLIC;
GRANT SELECT, INSERT, DELETE ON asset_registration_intake TO flexexchange_operator;
GRANT SELECT ON asset_registration_intake TO flexexchange_regulator;
GRANT INSERT (scheme, value, action, name, technology, energy_source, manufacturer, model, serial_number, installed_kw, up_kw, down_kw, energy_kwh, commissioned_on,
              connection_status, connection_type, import_mpan, export_mpan, latitude, longitude, domestic, consent_reference, profile, reason)
  ON asset_registration_intake TO flexexchange_participant;
ALTER TABLE asset_registration_intake ALTER COLUMN service_provider_id SET DEFAULT statement_participant('current_participant()');
CREATE OR REPLACE FUNCTION refuse_intake_of_nobody() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF current_participant() IS NULL AND NOT acts_for_exchange() THEN
    RAISE EXCEPTION 'the session acts for no participant'
      USING ERRCODE = 'insufficient_privilege', HINT = 'Log in as a role that table participant_login names.';
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION refuse_intake_of_nobody() IS 'trigger: refuses registrations of a session that acts for no participant, with a hint';
REVOKE ALL ON FUNCTION refuse_intake_of_nobody() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t10_has_a_sender BEFORE INSERT ON asset_registration_intake
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_intake_of_nobody();
COMMENT ON TRIGGER t10_has_a_sender ON asset_registration_intake IS 'a registration has a sender';

CREATE OR REPLACE FUNCTION refuse_intake_without_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  sender bigint;
  quota CONSTANT bigint := (SELECT intake_quota FROM exchange_instance);
BEGIN
  FOR sender IN SELECT DISTINCT a.service_provider_id FROM arrived a LOOP
    IF (SELECT count(*) FROM (SELECT FROM asset_registration_intake i WHERE i.service_provider_id = sender LIMIT quota + 1) waiting) > quota THEN
      RAISE EXCEPTION 'more than % registrations of participant % wait to be taken in', quota, sender
        USING ERRCODE = 'program_limit_exceeded', HINT = 'Call register_assets() now and then; exchange_instance.intake_quota says how many may wait.';
    END IF;
  END LOOP;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION refuse_intake_without_end() IS
  'trigger: refuses what exceeds the quota of a participant in the intake; SECURITY DEFINER because a provider does not read the intake';
REVOKE ALL ON FUNCTION refuse_intake_without_end() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_has_an_end AFTER INSERT ON asset_registration_intake
  REFERENCING NEW TABLE AS arrived FOR EACH STATEMENT EXECUTE FUNCTION refuse_intake_without_end();
COMMENT ON TRIGGER t20_has_an_end ON asset_registration_intake IS 'nobody fills the exchange';

CREATE OR REPLACE FUNCTION profile_problem(given text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  place text;
BEGIN
  IF given IS NOT NULL THEN
    PERFORM given::asset_profile;
  END IF;
  RETURN NULL;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  GET STACKED DIAGNOSTICS place = PG_EXCEPTION_DETAIL;
  RETURN concat_ws('. ', SQLERRM, nullif(place, ''));
END
$function$;
COMMENT ON FUNCTION profile_problem(text) IS 'what is wrong with a text as an asset_profile, NULL when nothing is';
REVOKE ALL ON FUNCTION profile_problem(text) FROM PUBLIC;

CREATE OR REPLACE FUNCTION take_in_registrations(provider bigint)
RETURNS TABLE (registered bigint, updated bigint, retired bigint, unchanged bigint, rejected bigint, superseded bigint, with_warnings bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
#variable_conflict use_column
DECLARE
  not_a_quantity CONSTANT text := 'is not a number from 0 to 1000000 with a decimal point';
  categories CONSTANT text[] := ARRAY(SELECT DISTINCT t.code FROM taxonomy_scheme s JOIN taxonomy_term t ON (t.scheme, t.version) = (s.code, s.version)
    WHERE s.code = 'fmar_asset_category' AND s.valid @> now() AND t.valid @> now());
  schemes CONSTANT text[] := ARRAY(SELECT s.scheme FROM registration_scheme s);
  today CONSTANT date := (now() AT TIME ZONE (SELECT time_zone FROM exchange_instance))::date;
BEGIN
  -- Whoever else takes in the same rows waits here, and finds them gone.
  CREATE TEMP TABLE registering_sent (LIKE asset_registration_intake) ON COMMIT DROP;
  WITH taken AS (DELETE FROM asset_registration_intake i WHERE i.service_provider_id = provider RETURNING i.*)
  INSERT INTO pg_temp.registering_sent SELECT * FROM taken;
  ANALYZE pg_temp.registering_sent (id);

  -- What was sent, what can be made of it, and what is wrong with it: 'RULE column problem' for each
  -- rule that it breaks.  (One array to a row: a list of VALUES would be compiled anew for each.)
  CREATE TEMP TABLE registering ON COMMIT DROP AS
  SELECT r.*, array_remove(ARRAY[
    CASE WHEN r.scheme IS NULL THEN 'NAME scheme is blank' WHEN length(r.scheme) > 64 THEN 'NAME scheme has more than 64 characters' END,
    CASE WHEN r.value IS NULL THEN 'NAME value is blank' ELSE 'NAME value ' || import_text_problem(r.value, 255) END,
    'NAME name ' || import_text_problem(r.name, 255),
    CASE WHEN r.scheme <> ALL (schemes) THEN 'SCHEME scheme is not a scheme by which providers name assets' END,
    CASE WHEN r.known_id IS NOT NULL AND r.known_asset_id IS NULL THEN 'SCHEME value is the name of something that is no asset' END,
    CASE WHEN length(r.technology) > 63 THEN 'LENGTH technology has more than 63 characters'
         WHEN r.technology ~ '[[:cntrl:]]' THEN 'LENGTH technology has a control character' END,
    CASE WHEN length(r.energy_source) > 63 THEN 'LENGTH energy_source has more than 63 characters'
         WHEN r.energy_source ~ '[[:cntrl:]]' THEN 'LENGTH energy_source has a control character' END,
    'LENGTH manufacturer ' || import_text_problem(r.manufacturer, 255),
    'LENGTH model ' || import_text_problem(r.model, 255),
    'LENGTH serial_number ' || import_text_problem(r.serial_number, 64),
    'LENGTH connection_type ' || import_text_problem(r.connection_type, 64),
    CASE WHEN r.action NOT IN ('register', 'retire') THEN 'ACTION action is not register or retire' END,
    CASE WHEN r.action = 'retire' AND r.known_asset_id IS NULL THEN 'UNKNOWN value is not registered' END,
    CASE WHEN r.action <> 'register' THEN NULL
         WHEN r.installed_said IS NULL THEN 'CAPACITY installed_kw is blank'
         WHEN r.installed_kw IS NULL THEN 'CAPACITY installed_kw is not a number of kW with a decimal point'
         WHEN r.installed_kw = 0 THEN 'CAPACITY installed_kw is not above zero'
         WHEN r.installed_kw <> round(r.installed_kw, 2) THEN 'CAPACITY installed_kw has more than two decimals' END,
    CASE WHEN r.installed_kw > 1000000 AND r.reason IS NULL THEN 'CAPACITY_HIGH installed_kw is above 1,000,000 kW, and no reason is given' END,
    CASE WHEN r.up_said IS NOT NULL AND r.up_kw IS NULL THEN 'NUMBER up_kw ' || not_a_quantity END,
    CASE WHEN r.down_said IS NOT NULL AND r.down_kw IS NULL THEN 'NUMBER down_kw ' || not_a_quantity END,
    CASE WHEN r.energy_said IS NOT NULL AND r.energy_kwh IS NULL THEN 'NUMBER energy_kwh ' || not_a_quantity END,
    CASE WHEN r.latitude_said IS NOT NULL AND r.latitude IS NULL THEN 'NUMBER latitude is not a number of degrees from -90 to 90' END,
    CASE WHEN r.longitude_said IS NOT NULL AND r.longitude IS NULL THEN 'NUMBER longitude is not a number of degrees from -180 to 180' END,
    CASE WHEN r.up_kw > 2 * r.installed_kw THEN 'POWER up_kw is more than twice installed_kw' END,
    CASE WHEN r.down_kw > 2 * r.installed_kw THEN 'POWER down_kw is more than twice installed_kw' END,
    CASE WHEN r.given_profile IS NOT NULL THEN 'PROFILE profile ' || profile_problem(r.given_profile) END,
    CASE WHEN r.connection_status NOT IN ('connected', 'pending', 'disconnected') THEN 'STATUS connection_status is not connected, pending or disconnected' END,
    CASE WHEN r.serial_number !~ '^[A-Za-z0-9_-]{3,64}$' THEN 'SERIAL serial_number is not 3 to 64 letters, digits, hyphens and underscores' END,
    CASE WHEN r.commissioned_said IS NOT NULL AND r.commissioned_on IS NULL THEN 'COMMISSIONED commissioned_on is not a date such as 2026-11-20'
         WHEN r.commissioned_on > today THEN 'COMMISSIONED commissioned_on is in the future' END,
    CASE WHEN r.action = 'register' AND r.connection_status = 'connected' AND r.commissioned_said IS NULL
         THEN 'COMMISSIONED_MISSING commissioned_on is blank, and the asset connected' END,
    CASE WHEN NOT mpan_is_valid(r.import_mpan) THEN 'MPAN import_mpan is not 13 digits with a right check digit' END,
    CASE WHEN NOT mpan_is_valid(r.export_mpan) THEN 'MPAN export_mpan is not 13 digits with a right check digit' END,
    CASE WHEN r.action <> 'register' THEN NULL
         WHEN r.technology IS NULL THEN 'TECHNOLOGY technology is blank'
         WHEN r.technology <> ALL (categories) THEN 'TECHNOLOGY technology is not a term of the list' END,
    CASE WHEN r.action = 'register' AND r.energy_source IS NULL AND r.technology IN ('BESS', 'SOLAR_PV', 'WIND_TURBINE', 'CHP')
         THEN 'ENERGY_SOURCE energy_source is blank' END,
    CASE WHEN r.action <> 'register' OR r.import_mpan IS NOT NULL THEN NULL
         WHEN r.technology IN ('EV_CHARGER', 'HEAT_PUMP', 'HVAC', 'REFRIGERATION', 'ELECTRIC_BOILER', 'INDUSTRIAL_LOAD') THEN 'MPAN_MISSING import_mpan is blank'
         WHEN r.export_mpan IS NULL AND r.technology = 'BESS' THEN 'MPAN_MISSING import_mpan is blank, and so is export_mpan' END,
    CASE WHEN r.action = 'register' AND r.export_mpan IS NULL AND r.technology IN ('SOLAR_PV', 'WIND_TURBINE', 'CHP') THEN 'MPAN_MISSING export_mpan is blank' END,
    CASE WHEN r.export_mpan = r.import_mpan THEN 'MPAN_SAME export_mpan is the import meter too' END,
    CASE WHEN r.action = 'register' AND r.domestic AND NOT EXISTS (
           SELECT FROM customer_consent k WHERE k.service_provider_id = provider AND k.reference = r.consent_reference AND 'register' = ANY (k.scopes) AND k.valid @> now())
         THEN 'CONSENT consent_reference names no consent to the registration that is in force' END,
    CASE WHEN coalesce(r.import_mpan, r.export_mpan) IS NOT NULL AND r.action = 'register' AND r.reason IS NULL AND EXISTS (
           SELECT FROM metering_point m JOIN asset a ON m.id IN (a.metering_point_id, a.export_metering_point_id)
           JOIN asset_operator o ON o.asset_id = a.id AND o.valid @> now() AND o.service_provider_id <> provider
           WHERE m.mpan IN (r.import_mpan, r.export_mpan))
         THEN 'MPAN_SHARED import_mpan is the meter of an asset of another organisation' END,
    CASE WHEN r.serial_number IS NOT NULL AND r.action = 'register' AND r.reason IS NULL AND EXISTS (
           SELECT FROM asset a WHERE a.serial_number = r.serial_number AND a.manufacturer IS NOT DISTINCT FROM r.manufacturer AND a.id IS DISTINCT FROM r.known_asset_id)
         THEN 'DUPLICATE serial_number is the number of another asset' END,
    CASE WHEN r.known_asset_id IS NOT NULL THEN
      CASE (SELECT o.service_provider_id = provider FROM asset_operator o WHERE o.asset_id = r.known_asset_id ORDER BY upper(o.valid) DESC LIMIT 1)
           WHEN true THEN NULL WHEN false THEN 'OPERATOR value names an asset that another provider operates, or operated last, or will'
           ELSE 'OPERATOR value names an asset that nobody operates: the operator of the exchange says who does' END END,
    CASE WHEN r.action = 'retire' AND (EXISTS (SELECT FROM portfolio_member m WHERE m.asset_id = r.known_asset_id AND upper(m.valid) > now())
              OR EXISTS (SELECT FROM commitment k WHERE k.closed_at IS NULL AND resource_window(k.unit_id, k.delivery_window) && resource_window(r.known_asset_id, time_window(now(), 'infinity'))))
         THEN 'IN_USE value is in a portfolio, or something is promised of it' END
  ], NULL) AS broken
  FROM (
    SELECT i.id, said.*, used.*, i.profile AS given_profile, x.asset_id AS known_asset_id, x.id AS known_id
    FROM pg_temp.registering_sent i
    CROSS JOIN LATERAL (SELECT nullif(btrim(i.scheme), '') AS scheme, nullif(btrim(i.value), '') AS value, lower(coalesce(nullif(btrim(i.action), ''), 'register')) AS action,
      coalesce(nullif(btrim(i.name), ''), nullif(btrim(i.value), '')) AS name, nullif(btrim(i.technology), '') AS technology, nullif(btrim(i.energy_source), '') AS energy_source,
      nullif(btrim(i.manufacturer), '') AS manufacturer, nullif(btrim(i.model), '') AS model, nullif(btrim(i.serial_number), '') AS serial_number,
      nullif(btrim(i.installed_kw), '') AS installed_said, nullif(btrim(i.up_kw), '') AS up_said, nullif(btrim(i.down_kw), '') AS down_said, nullif(btrim(i.energy_kwh), '') AS energy_said,
      nullif(btrim(i.commissioned_on), '') AS commissioned_said, lower(coalesce(nullif(btrim(i.connection_status), ''), 'connected')) AS connection_status,
      nullif(btrim(i.connection_type), '') AS connection_type, nullif(btrim(i.import_mpan), '') AS import_mpan, nullif(btrim(i.export_mpan), '') AS export_mpan,
      nullif(btrim(i.latitude), '') AS latitude_said, nullif(btrim(i.longitude), '') AS longitude_said, lower(nullif(btrim(i.domestic), '')) AS domestic_said,
      nullif(btrim(i.consent_reference), '') AS consent_reference, nullif(btrim(i.reason), '') AS reason OFFSET 0) said
    CROSS JOIN LATERAL (SELECT import_number(said.installed_said) AS installed, import_number(said.up_said) AS up, import_number(said.down_said) AS down, import_number(said.energy_said) AS energy,
      import_number(said.latitude_said) AS north, import_number(said.longitude_said) AS east OFFSET 0) number
    CROSS JOIN LATERAL (SELECT CASE WHEN number.installed BETWEEN 0 AND 10000000000 THEN number.installed END AS installed_kw,
      CASE WHEN number.up BETWEEN 0 AND 1000000 THEN round(number.up, 3) END AS up_kw, CASE WHEN number.down BETWEEN 0 AND 1000000 THEN round(number.down, 3) END AS down_kw,
      CASE WHEN number.energy BETWEEN 0 AND 1000000 THEN round(number.energy, 3) END AS energy_kwh, import_date(said.commissioned_said) AS commissioned_on,
      CASE WHEN number.north BETWEEN -90 AND 90 THEN round(number.north, 6) END AS latitude, CASE WHEN number.east BETWEEN -180 AND 180 THEN round(number.east, 6) END AS longitude,
      CASE WHEN said.domestic_said IN ('yes', 'true', 'y') THEN true WHEN said.domestic_said IN ('no', 'false', 'n') THEN false END AS domestic OFFSET 0) used
    LEFT JOIN external_id x ON x.scheme = said.scheme AND x.value = said.value AND upper(x.valid) = 'infinity'
    OFFSET 0) r;
  ANALYZE pg_temp.registering (id);

  -- The rules that are switched on, where one is broken.
  CREATE TEMP TABLE registering_problem ON COMMIT DROP AS
  SELECT r.id, bool_or(rule.severity = 'error') AS any_error,
         jsonb_agg(jsonb_build_object('rule', rule.code, 'severity', rule.severity, 'column', b.column_name, 'problem', b.problem, 'value', left(nullif(btrim(
             CASE b.column_name WHEN 'scheme' THEN i.scheme WHEN 'value' THEN i.value WHEN 'technology' THEN i.technology WHEN 'serial_number' THEN i.serial_number
               WHEN 'import_mpan' THEN i.import_mpan WHEN 'export_mpan' THEN i.export_mpan WHEN 'installed_kw' THEN i.installed_kw ELSE to_jsonb(i) ->> b.column_name END), ''), 200))
           ORDER BY rule.severity, rule.code, b.column_name) AS problems
  FROM pg_temp.registering r
  JOIN pg_temp.registering_sent i ON i.id = r.id
  CROSS JOIN LATERAL (SELECT split_part(t, ' ', 1) AS rule, split_part(t, ' ', 2) AS column_name, substr(t, length(split_part(t, ' ', 1)) + length(split_part(t, ' ', 2)) + 3) AS problem
                      FROM unnest(r.broken) AS u (t)) b
  JOIN registration_rule rule ON rule.code = b.rule AND rule.severity <> 'off'
  WHERE r.broken <> '{}'
  GROUP BY r.id;

  -- What becomes of each: of several rows for one asset the last counts.
  CREATE TEMP TABLE registering_outcome ON COMMIT DROP AS
  WITH last AS (
    SELECT coalesce(r.known_asset_id::text, r.scheme || ' ' || r.value) AS named, max(r.id) AS id FROM pg_temp.registering r
    WHERE r.scheme IS NOT NULL AND r.value IS NOT NULL GROUP BY 1 HAVING count(*) > 1)
  SELECT r.id, CASE WHEN l.id IS NULL THEN p.problems END AS problems,
         CASE WHEN l.id IS NOT NULL THEN 'superseded' WHEN p.any_error THEN 'rejected' WHEN r.action = 'retire' THEN 'retired'
              WHEN r.known_asset_id IS NULL THEN 'registered' ELSE 'updated' END AS outcome,
         CASE WHEN l.id IS NULL AND NOT coalesce(p.any_error, false) THEN coalesce(r.known_asset_id, nextval('resource_id')) END AS asset_id
  FROM pg_temp.registering r
  LEFT JOIN last l ON l.named = coalesce(r.known_asset_id::text, r.scheme || ' ' || r.value) AND r.id < l.id
  LEFT JOIN pg_temp.registering_problem p ON p.id = r.id
  ORDER BY r.id;
  ANALYZE pg_temp.registering_outcome;

  INSERT INTO metering_point (mpan)
  SELECT DISTINCT m.mpan FROM pg_temp.registering r JOIN pg_temp.registering_outcome o ON o.id = r.id AND o.outcome IN ('registered', 'updated')
  CROSS JOIN LATERAL (VALUES (r.import_mpan), (r.export_mpan)) AS m (mpan)
  WHERE m.mpan IS NOT NULL ORDER BY 1
  ON CONFLICT (mpan) DO NOTHING;

  CREATE TEMP TABLE registering_asset ON COMMIT DROP AS
  WITH kind AS (
    -- a fleet has few kinds: a profile is made once for each
    SELECT array_agg(r.id) AS ids, jsonb_strip_nulls(jsonb_build_object('technology', r.technology, 'energy_source', r.energy_source,
             'directions', nullif(array_remove(ARRAY[CASE WHEN r.up_kw > 0 THEN 'up' END, CASE WHEN r.down_kw > 0 THEN 'down' END], NULL), '{}'),
             'up_kw', trim_scale(nullif(r.up_kw, 0)), 'down_kw', trim_scale(nullif(r.down_kw, 0)), 'energy_kwh', trim_scale(r.energy_kwh)))::text::asset_profile AS profile
    FROM pg_temp.registering r JOIN pg_temp.registering_outcome o ON o.id = r.id
    WHERE r.given_profile IS NULL AND o.outcome IN ('registered', 'updated')
    GROUP BY r.technology, r.energy_source, r.up_kw, r.down_kw, r.energy_kwh OFFSET 0)
  SELECT o.id AS registration_id, o.outcome, o.asset_id, r.scheme, r.value, r.name, r.technology, r.energy_source, i.id AS metering_point_id, e.id AS export_metering_point_id,
         r.connection_status, r.commissioned_on, r.installed_kw, r.up_kw, r.down_kw, r.latitude, r.longitude,
         coalesce(k.profile, r.given_profile::asset_profile) AS profile, r.manufacturer, r.model, r.serial_number, r.connection_type, r.domestic
  FROM pg_temp.registering_outcome o JOIN pg_temp.registering r ON r.id = o.id
  LEFT JOIN (SELECT unnest(ids) AS id, profile FROM kind) k ON k.id = o.id
  LEFT JOIN metering_point i ON i.mpan = coalesce(r.import_mpan, r.export_mpan)
  LEFT JOIN metering_point e ON e.mpan = r.export_mpan AND r.import_mpan IS NOT NULL
  WHERE o.outcome IN ('registered', 'updated')
  ORDER BY o.id;
  ANALYZE pg_temp.registering_asset (registration_id, asset_id, outcome);

  INSERT INTO asset (id, name, technology, energy_source, metering_point_id, export_metering_point_id, connection_status, connected_on, installed_kw, qualified_up_kw, qualified_down_kw,
                     latitude, longitude, source, profile, manufacturer, model, serial_number, connection_type, domestic)
  SELECT asset_id, name, technology, energy_source, metering_point_id, export_metering_point_id, connection_status, commissioned_on, installed_kw, up_kw, down_kw,
         latitude, longitude, 'registration', profile, manufacturer, model, serial_number, connection_type, domestic
  FROM pg_temp.registering_asset WHERE outcome = 'registered';
  INSERT INTO asset_operator (asset_id, service_provider_id) SELECT asset_id, provider FROM pg_temp.registering_asset WHERE outcome = 'registered';
  -- in an order that every batch keeps to: two with the same names wait for one another, and not each for the other
  INSERT INTO external_id (scheme, value, asset_id)
  SELECT scheme, value, asset_id FROM pg_temp.registering_asset WHERE outcome = 'registered' ORDER BY scheme COLLATE "C", value COLLATE "C";

  -- what is as it was is left alone
  WITH changed AS (
    UPDATE asset a
    SET (name, technology, energy_source, metering_point_id, export_metering_point_id, connection_status, connected_on, installed_kw, qualified_up_kw, qualified_down_kw,
         latitude, longitude, profile, manufacturer, model, serial_number, connection_type, domestic)
      = (n.name, n.technology, n.energy_source, n.metering_point_id, n.export_metering_point_id, n.connection_status, n.commissioned_on, n.installed_kw, n.up_kw, n.down_kw,
         n.latitude, n.longitude, n.profile, n.manufacturer, n.model, n.serial_number, n.connection_type, n.domestic)
    FROM pg_temp.registering_asset n
    WHERE n.outcome = 'updated' AND a.id = n.asset_id
      AND (a.name, a.technology, a.energy_source, a.metering_point_id, a.export_metering_point_id, a.connection_status, a.connected_on, a.installed_kw, a.qualified_up_kw, a.qualified_down_kw,
           a.latitude, a.longitude, a.profile, a.manufacturer, a.model, a.serial_number, a.connection_type, a.domestic)
          IS DISTINCT FROM
          (n.name, n.technology, n.energy_source, n.metering_point_id, n.export_metering_point_id, n.connection_status, n.commissioned_on, n.installed_kw, n.up_kw, n.down_kw,
           n.latitude, n.longitude, n.profile, n.manufacturer, n.model, n.serial_number, n.connection_type, n.domestic)
    RETURNING a.id
  )
  UPDATE pg_temp.registering_outcome o SET outcome = 'unchanged'
  WHERE o.outcome = 'updated' AND NOT EXISTS (SELECT FROM changed WHERE changed.id = o.asset_id);
  -- who comes back operates it again
  INSERT INTO asset_operator (asset_id, service_provider_id)
  SELECT DISTINCT o.asset_id, provider FROM pg_temp.registering_outcome o
  WHERE o.outcome IN ('updated', 'unchanged') AND NOT EXISTS (SELECT FROM asset_operator x WHERE x.asset_id = o.asset_id AND x.valid @> now());

  UPDATE asset a SET connection_status = 'disconnected' FROM pg_temp.registering_outcome o WHERE o.outcome = 'retired' AND a.id = o.asset_id;
  UPDATE asset_operator x SET valid = time_window(lower(x.valid), greatest(now(), lower(x.valid) + interval '1 microsecond'))
  FROM pg_temp.registering_outcome o WHERE o.outcome = 'retired' AND x.asset_id = o.asset_id AND x.valid @> now();

  INSERT INTO asset_registration (id, service_provider_id, scheme, value, action, name, technology, energy_source, manufacturer, model, serial_number, installed_kw,
    up_kw, down_kw, energy_kwh, commissioned_on, connection_status, connection_type, import_mpan, export_mpan, latitude, longitude, domestic, consent_reference, profile, reason,
    received_at, processed_at, outcome, asset_id, problems)
  SELECT id, service_provider_id, scheme, value, action, name, technology, energy_source, manufacturer, model, serial_number, installed_kw,
    up_kw, down_kw, energy_kwh, commissioned_on, connection_status, connection_type, import_mpan, export_mpan, latitude, longitude, domestic, consent_reference, profile, reason,
    received_at, now(), outcome, asset_id, problems
  FROM pg_temp.registering_sent JOIN pg_temp.registering_outcome USING (id);
  RETURN QUERY
  SELECT count(*) FILTER (WHERE o.outcome = 'registered'), count(*) FILTER (WHERE o.outcome = 'updated'), count(*) FILTER (WHERE o.outcome = 'retired'),
         count(*) FILTER (WHERE o.outcome = 'unchanged'), count(*) FILTER (WHERE o.outcome = 'rejected'), count(*) FILTER (WHERE o.outcome = 'superseded'),
         count(*) FILTER (WHERE o.outcome NOT IN ('rejected', 'superseded') AND o.problems IS NOT NULL)
  FROM pg_temp.registering_outcome o;
  DROP TABLE pg_temp.registering_sent, pg_temp.registering, pg_temp.registering_problem, pg_temp.registering_outcome, pg_temp.registering_asset;
END
$function$;
COMMENT ON FUNCTION take_in_registrations(bigint) IS
  'what register_assets() does, for a provider that it has made sure of; fails where another batch, committed meanwhile, has registered one of the same names';
REVOKE ALL ON FUNCTION take_in_registrations(bigint) FROM PUBLIC;

CREATE OR REPLACE FUNCTION register_assets(service_provider_id bigint DEFAULT NULL)
RETURNS TABLE (registered bigint, updated bigint, retired bigint, unchanged bigint, rejected bigint, superseded bigint, with_warnings bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  provider CONSTANT bigint := CASE WHEN acts_for_exchange() THEN coalesce(register_assets.service_provider_id, current_participant()) ELSE current_participant() END;
  lock CONSTANT bigint := hashtextextended('register_assets ' || current_schema(), 0);
  violated text;
BEGIN
  IF provider IS NULL OR provider <> coalesce(register_assets.service_provider_id, provider) THEN
    RAISE EXCEPTION 'register_assets: the session does not act for participant %', coalesce(register_assets.service_provider_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Leave it out to take in what the participant of the session sent.';
  END IF;
  -- Batches go on beside each other, unless one has to know what another, not yet committed, says: who else is at a meter, and where duplicates are refused.
  IF EXISTS (SELECT FROM asset_registration_intake i WHERE i.service_provider_id = provider AND (i.import_mpan IS NOT NULL OR i.export_mpan IS NOT NULL))
     OR EXISTS (SELECT FROM registration_rule r WHERE r.code = 'DUPLICATE' AND r.severity = 'error') THEN
    PERFORM pg_advisory_xact_lock(lock);
  ELSE
    PERFORM pg_advisory_xact_lock_shared(lock);
  END IF;
  FOR attempt IN 1 .. 3 LOOP
    BEGIN
      RETURN QUERY SELECT * FROM take_in_registrations(provider);
      RETURN;
    EXCEPTION WHEN unique_violation OR exclusion_violation THEN
      -- another batch had a name of this one: once more, then it is known
      GET STACKED DIAGNOSTICS violated = CONSTRAINT_NAME;
      IF violated NOT IN ('external_id_current_key', 'asset_operator_one_at_a_time') THEN
        RAISE;
      END IF;
    END;
  END LOOP;
  RAISE EXCEPTION 'register_assets: others register assets by the same names at the same time'
    USING ERRCODE = 'serialization_failure', HINT = 'Call it again in a new transaction.';
END
$function$;
COMMENT ON FUNCTION register_assets(bigint) IS
  'takes in what the participant of the session (or, for the operator, the one given) wrote to asset_registration_intake: registers new assets, changes those it knows by scheme and value, retires those asked for, keeps rejected rows with what is wrong; the same rows again change nothing; SECURITY DEFINER because providers do not write the register themselves';
REVOKE ALL ON FUNCTION register_assets(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION register_assets(bigint) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE VIEW asset_registration_rejected WITH (security_invoker = true) AS
  SELECT r.id, r.service_provider_id, r.scheme, r.value, p ->> 'rule' AS rule, p ->> 'column' AS column_name, p ->> 'value' AS given, p ->> 'problem' AS problem, r.received_at
  FROM asset_registration r CROSS JOIN LATERAL jsonb_array_elements(r.problems) p
  WHERE r.outcome = 'rejected' AND p ->> 'severity' = 'error'
    AND NOT EXISTS (SELECT FROM asset_registration l WHERE l.service_provider_id = r.service_provider_id AND (btrim(l.scheme), btrim(l.value)) = (btrim(r.scheme), btrim(r.value))
                    AND l.id > r.id AND l.outcome NOT IN ('rejected', 'superseded'));
COMMENT ON VIEW asset_registration_rejected IS 'rejections that still hold: what was wrong with rows that have not been sent again rightly';
COMMENT ON COLUMN asset_registration_rejected.id IS 'the registration';
COMMENT ON COLUMN asset_registration_rejected.service_provider_id IS 'who sent it';
COMMENT ON COLUMN asset_registration_rejected.scheme IS 'who names the asset so';
COMMENT ON COLUMN asset_registration_rejected.value IS 'its name';
COMMENT ON COLUMN asset_registration_rejected.rule IS 'the rule of registration_rule';
COMMENT ON COLUMN asset_registration_rejected.column_name IS 'the field';
COMMENT ON COLUMN asset_registration_rejected.given IS 'what stands there, clipped';
COMMENT ON COLUMN asset_registration_rejected.problem IS 'what is wrong with it';
COMMENT ON COLUMN asset_registration_rejected.received_at IS 'when it came';
GRANT SELECT ON asset_registration_rejected TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW probable_duplicate WITH (security_invoker = true) AS
  SELECT a.id AS asset_id, b.id AS other_id,
         CASE WHEN a.serial_number = b.serial_number THEN 'serial number' ELSE 'meter, technology and power' END AS because
  FROM asset a
  JOIN asset b ON b.id > a.id
    AND ((b.serial_number = a.serial_number AND b.manufacturer IS NOT DISTINCT FROM a.manufacturer)
      OR (b.metering_point_id = a.metering_point_id AND lower(b.technology) = lower(a.technology) AND b.installed_kw = a.installed_kw
          AND (a.serial_number IS NULL OR b.serial_number IS NULL)))
  WHERE a.connection_status <> 'disconnected' AND b.connection_status <> 'disconnected';
COMMENT ON VIEW probable_duplicate IS 'assets that are probably one: the same serial number of one manufacturer, or the same meter, technology and power while one has no serial number';
COMMENT ON COLUMN probable_duplicate.asset_id IS 'the one registered first';
COMMENT ON COLUMN probable_duplicate.other_id IS 'the other';
COMMENT ON COLUMN probable_duplicate.because IS 'what they have in common';
GRANT SELECT ON probable_duplicate TO flexexchange_operator, flexexchange_regulator;
