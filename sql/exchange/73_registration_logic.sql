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

-- COPY does not write into a table below row-level security, but into a view it does.
CREATE OR REPLACE VIEW asset_registration_intake WITH (security_invoker = true) AS
  SELECT scheme, value, action, name, technology, energy_source, manufacturer, model, serial_number, installed_kw, up_kw, down_kw, energy_kwh,
         commissioned_on, connection_status, connection_type, import_mpan, export_mpan, latitude, longitude, domestic, consent_reference, profile, reason
  FROM asset_registration WHERE processed_at IS NULL;
COMMENT ON VIEW asset_registration_intake IS
  'where registrations are written, by INSERT or \copy, for the participant of the session; then register_assets() takes them in';
DO $block$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'asset_registration_intake'::regclass AND attnum > 0 LOOP
    EXECUTE format('COMMENT ON COLUMN asset_registration_intake.%I IS %L', name, 'see asset_registration.' || name);
  END LOOP;
END
$block$;
GRANT SELECT, INSERT ON asset_registration_intake TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION take_in_registration() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  sender CONSTANT bigint := current_participant();
BEGIN
  IF sender IS NULL THEN
    RAISE EXCEPTION 'the session acts for no participant'
      USING ERRCODE = 'insufficient_privilege', HINT = 'Log in as a role that table participant_login names.';
  END IF;
  INSERT INTO asset_registration (service_provider_id, scheme, value, action, name, technology, energy_source, manufacturer, model, serial_number, installed_kw,
    up_kw, down_kw, energy_kwh, commissioned_on, connection_status, connection_type, import_mpan, export_mpan, latitude, longitude, domestic, consent_reference, profile, reason)
  VALUES (sender, NEW.scheme, NEW.value, NEW.action, NEW.name, NEW.technology, NEW.energy_source, NEW.manufacturer, NEW.model, NEW.serial_number, NEW.installed_kw,
    NEW.up_kw, NEW.down_kw, NEW.energy_kwh, NEW.commissioned_on, NEW.connection_status, NEW.connection_type, NEW.import_mpan, NEW.export_mpan, NEW.latitude, NEW.longitude,
    NEW.domestic, NEW.consent_reference, NEW.profile, NEW.reason);
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION take_in_registration() IS
  'trigger: keeps a registration under the participant of the session; SECURITY DEFINER because nobody writes asset_registration itself';
REVOKE ALL ON FUNCTION take_in_registration() FROM PUBLIC;
CREATE OR REPLACE TRIGGER take_in INSTEAD OF INSERT ON asset_registration_intake
  FOR EACH ROW EXECUTE FUNCTION take_in_registration();
COMMENT ON TRIGGER take_in ON asset_registration_intake IS 'what is written here is kept under its sender';

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

CREATE OR REPLACE FUNCTION register_assets(service_provider_id bigint DEFAULT NULL)
RETURNS TABLE (registered bigint, updated bigint, retired bigint, unchanged bigint, rejected bigint, superseded bigint, with_warnings bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
#variable_conflict use_column
DECLARE
  provider CONSTANT bigint := CASE WHEN acts_for_exchange() THEN coalesce(register_assets.service_provider_id, current_participant()) ELSE current_participant() END;
  not_a_quantity CONSTANT text := 'is not a number from 0 to 1000000 with a decimal point';
  categories CONSTANT text[] := ARRAY(SELECT DISTINCT t.code FROM taxonomy_scheme s JOIN taxonomy_term t ON (t.scheme, t.version) = (s.code, s.version)
    WHERE s.code = 'fmar_asset_category' AND s.valid @> now() AND t.valid @> now());
  schemes CONSTANT text[] := ARRAY(SELECT s.scheme FROM registration_scheme s);
  today CONSTANT date := (now() AT TIME ZONE (SELECT time_zone FROM exchange_instance))::date;
BEGIN
  IF provider IS NULL OR provider <> coalesce(register_assets.service_provider_id, provider) THEN
    RAISE EXCEPTION 'register_assets: the session does not act for participant %', coalesce(register_assets.service_provider_id::text, 'NULL')
      USING ERRCODE = 'insufficient_privilege', HINT = 'Leave it out to take in what the participant of the session sent.';
  END IF;
  -- one batch at a time: of two providers with one name the later finds it taken
  PERFORM pg_advisory_xact_lock(hashtextextended('register_assets ' || current_schema(), 0));
  DROP TABLE IF EXISTS pg_temp.registering, pg_temp.registering_problem, pg_temp.registering_outcome;

  -- What was sent, and what can be made of it.
  CREATE TEMP TABLE registering ON COMMIT DROP AS
  SELECT r.id, said.*, used.*, r.profile AS given_profile, x.asset_id AS known_asset_id,
         x.id AS known_id,
         said.scheme IS NOT NULL AND said.value IS NOT NULL
         AND row_number() OVER (PARTITION BY coalesce(x.asset_id::text, said.scheme || ' ' || said.value) ORDER BY r.id DESC) > 1 AS is_superseded
  FROM asset_registration r
  CROSS JOIN LATERAL (SELECT nullif(btrim(r.scheme), '') AS scheme, nullif(btrim(r.value), '') AS value, lower(coalesce(nullif(btrim(r.action), ''), 'register')) AS action,
    coalesce(nullif(btrim(r.name), ''), nullif(btrim(r.value), '')) AS name, nullif(btrim(r.technology), '') AS technology, nullif(btrim(r.energy_source), '') AS energy_source,
    nullif(btrim(r.manufacturer), '') AS manufacturer, nullif(btrim(r.model), '') AS model, nullif(btrim(r.serial_number), '') AS serial_number,
    nullif(btrim(r.installed_kw), '') AS installed_said, nullif(btrim(r.up_kw), '') AS up_said, nullif(btrim(r.down_kw), '') AS down_said, nullif(btrim(r.energy_kwh), '') AS energy_said,
    nullif(btrim(r.commissioned_on), '') AS commissioned_said, lower(coalesce(nullif(btrim(r.connection_status), ''), 'connected')) AS connection_status,
    nullif(btrim(r.connection_type), '') AS connection_type, nullif(btrim(r.import_mpan), '') AS import_mpan, nullif(btrim(r.export_mpan), '') AS export_mpan,
    nullif(btrim(r.latitude), '') AS latitude_said, nullif(btrim(r.longitude), '') AS longitude_said, lower(nullif(btrim(r.domestic), '')) AS domestic_said,
    nullif(btrim(r.consent_reference), '') AS consent_reference, nullif(btrim(r.reason), '') AS reason OFFSET 0) said
  CROSS JOIN LATERAL (SELECT CASE WHEN import_number(said.installed_said) BETWEEN 0 AND 10000000000 THEN import_number(said.installed_said) END AS installed_kw, round(import_quantity(said.up_said), 3) AS up_kw, round(import_quantity(said.down_said), 3) AS down_kw,
    round(import_quantity(said.energy_said), 3) AS energy_kwh, import_date(said.commissioned_said) AS commissioned_on,
    CASE WHEN import_number(said.latitude_said) BETWEEN -90 AND 90 THEN round(import_number(said.latitude_said), 6) END AS latitude,
    CASE WHEN import_number(said.longitude_said) BETWEEN -180 AND 180 THEN round(import_number(said.longitude_said), 6) END AS longitude,
    CASE WHEN said.domestic_said IN ('yes', 'true', 'y') THEN true WHEN said.domestic_said IN ('no', 'false', 'n') THEN false END AS domestic OFFSET 0) used
  LEFT JOIN external_id x ON x.scheme = said.scheme AND x.value = said.value AND upper(x.valid) = 'infinity'
  WHERE r.service_provider_id = provider AND r.processed_at IS NULL;
  ANALYZE pg_temp.registering;

  -- The rules, as far as they are switched on.
  CREATE TEMP TABLE registering_problem ON COMMIT DROP AS
  SELECT r.id, rule.code, rule.severity, c.column_name, left(c.value, 200) AS value, c.problem
  FROM pg_temp.registering r
  CROSS JOIN LATERAL (VALUES
    ('NAME', 'scheme', r.scheme, CASE WHEN r.scheme IS NULL THEN 'is blank' WHEN length(r.scheme) > 64 THEN 'has more than 64 characters' END),
    ('NAME', 'value', r.value, coalesce(CASE WHEN r.value IS NULL THEN 'is blank' END, import_text_problem(r.value, 255))),
    ('NAME', 'name', r.name, import_text_problem(r.name, 255)),
    ('SCHEME', 'scheme', r.scheme, CASE WHEN r.scheme <> ALL (schemes) THEN 'is not a scheme by which providers name assets' END),
    ('SCHEME', 'value', r.value, CASE WHEN r.known_id IS NOT NULL AND r.known_asset_id IS NULL THEN 'is the name of something that is no asset' END),
    ('LENGTH', 'technology', r.technology, CASE WHEN length(r.technology) > 63 THEN 'has more than 63 characters' WHEN r.technology ~ '[[:cntrl:]]' THEN 'has a control character' END),
    ('LENGTH', 'energy_source', r.energy_source, CASE WHEN length(r.energy_source) > 63 THEN 'has more than 63 characters' WHEN r.energy_source ~ '[[:cntrl:]]' THEN 'has a control character' END),
    ('LENGTH', 'manufacturer', r.manufacturer, import_text_problem(r.manufacturer, 255)),
    ('LENGTH', 'model', r.model, import_text_problem(r.model, 255)),
    ('LENGTH', 'serial_number', r.serial_number, import_text_problem(r.serial_number, 64)),
    ('LENGTH', 'connection_type', r.connection_type, import_text_problem(r.connection_type, 64)),
    ('ACTION', 'action', r.action, CASE WHEN r.action NOT IN ('register', 'retire') THEN 'is not register or retire' END),
    ('UNKNOWN', 'value', r.value, CASE WHEN r.action = 'retire' AND r.known_asset_id IS NULL THEN 'is not registered' END),
    ('CAPACITY', 'installed_kw', r.installed_said,
      CASE WHEN r.action = 'register' THEN CASE WHEN r.installed_said IS NULL THEN 'is blank' WHEN r.installed_kw IS NULL THEN 'is not a number of kW with a decimal point' WHEN r.installed_kw = 0 THEN 'is not above zero'
           WHEN r.installed_kw <> round(r.installed_kw, 2) THEN 'has more than two decimals' END END),
    ('CAPACITY_HIGH', 'installed_kw', r.installed_said, CASE WHEN r.installed_kw > 1000000 AND r.reason IS NULL THEN 'is above 1,000,000 kW, and no reason is given' END),
    ('NUMBER', 'up_kw', r.up_said, CASE WHEN r.up_said IS NOT NULL AND r.up_kw IS NULL THEN not_a_quantity END),
    ('NUMBER', 'down_kw', r.down_said, CASE WHEN r.down_said IS NOT NULL AND r.down_kw IS NULL THEN not_a_quantity END),
    ('NUMBER', 'energy_kwh', r.energy_said, CASE WHEN r.energy_said IS NOT NULL AND r.energy_kwh IS NULL THEN not_a_quantity END),
    ('NUMBER', 'latitude', r.latitude_said, CASE WHEN r.latitude_said IS NOT NULL AND r.latitude IS NULL THEN 'is not a number of degrees from -90 to 90' END),
    ('NUMBER', 'longitude', r.longitude_said, CASE WHEN r.longitude_said IS NOT NULL AND r.longitude IS NULL THEN 'is not a number of degrees from -180 to 180' END),
    ('POWER', 'up_kw', r.up_said, CASE WHEN r.up_kw > 2 * r.installed_kw THEN 'is more than twice installed_kw' END),
    ('POWER', 'down_kw', r.down_said, CASE WHEN r.down_kw > 2 * r.installed_kw THEN 'is more than twice installed_kw' END),
    ('PROFILE', 'profile', r.given_profile, CASE WHEN r.given_profile IS NOT NULL THEN profile_problem(r.given_profile) END),
    ('STATUS', 'connection_status', r.connection_status, CASE WHEN r.connection_status NOT IN ('connected', 'pending', 'disconnected') THEN 'is not connected, pending or disconnected' END),
    ('SERIAL', 'serial_number', r.serial_number, CASE WHEN r.serial_number !~ '^[A-Za-z0-9_-]{3,64}$' THEN 'is not 3 to 64 letters, digits, hyphens and underscores' END),
    ('COMMISSIONED', 'commissioned_on', r.commissioned_said,
      CASE WHEN r.commissioned_said IS NOT NULL AND r.commissioned_on IS NULL THEN 'is not a date such as 2026-11-20' WHEN r.commissioned_on > today THEN 'is in the future' END),
    ('COMMISSIONED_MISSING', 'commissioned_on', NULL, CASE WHEN r.action = 'register' AND r.connection_status = 'connected' AND r.commissioned_said IS NULL THEN 'is blank, and the asset connected' END),
    ('MPAN', 'import_mpan', r.import_mpan, CASE WHEN NOT mpan_is_valid(r.import_mpan) THEN 'is not 13 digits with a right check digit' END),
    ('MPAN', 'export_mpan', r.export_mpan, CASE WHEN NOT mpan_is_valid(r.export_mpan) THEN 'is not 13 digits with a right check digit' END),
    ('TECHNOLOGY', 'technology', r.technology,
      CASE WHEN r.action = 'register' AND r.technology <> ALL (categories) THEN 'is not a term of the list' WHEN r.action = 'register' AND r.technology IS NULL THEN 'is blank' END),
    ('ENERGY_SOURCE', 'energy_source', r.energy_source,
      CASE WHEN r.action = 'register' AND r.energy_source IS NULL AND r.technology IN ('BESS', 'SOLAR_PV', 'WIND_TURBINE', 'CHP') THEN 'is blank' END),
    ('MPAN_MISSING', 'import_mpan', r.import_mpan,
      CASE WHEN r.action = 'register' AND r.import_mpan IS NULL AND r.technology IN ('EV_CHARGER', 'HEAT_PUMP', 'HVAC', 'REFRIGERATION', 'ELECTRIC_BOILER', 'INDUSTRIAL_LOAD') THEN 'is blank'
           WHEN r.action = 'register' AND r.import_mpan IS NULL AND r.export_mpan IS NULL AND r.technology = 'BESS' THEN 'is blank, and so is export_mpan' END),
    ('MPAN_MISSING', 'export_mpan', r.export_mpan,
      CASE WHEN r.action = 'register' AND r.export_mpan IS NULL AND r.technology IN ('SOLAR_PV', 'WIND_TURBINE', 'CHP') THEN 'is blank' END),
    ('MPAN_SAME', 'export_mpan', r.export_mpan, CASE WHEN r.export_mpan = r.import_mpan THEN 'is the import meter too' END),
    ('CONSENT', 'consent_reference', r.consent_reference,
      CASE WHEN r.action = 'register' AND r.domestic AND NOT EXISTS (SELECT FROM customer_consent k WHERE k.service_provider_id = provider AND k.reference = r.consent_reference
                                           AND 'register' = ANY (k.scopes) AND k.valid @> now()) THEN 'names no consent to the registration that is in force' END),
    ('MPAN_SHARED', 'import_mpan', r.import_mpan,
      CASE WHEN coalesce(r.import_mpan, r.export_mpan) IS NOT NULL AND r.action = 'register' AND r.reason IS NULL AND EXISTS (
        SELECT FROM metering_point m JOIN asset a ON m.id IN (a.metering_point_id, a.export_metering_point_id)
        JOIN asset_operator o ON o.asset_id = a.id AND o.valid @> now() AND o.service_provider_id <> provider
        WHERE m.mpan IN (r.import_mpan, r.export_mpan)) THEN 'is the meter of an asset of another organisation' END),
    ('DUPLICATE', 'serial_number', r.serial_number,
      CASE WHEN r.serial_number IS NOT NULL AND r.action = 'register' AND r.reason IS NULL AND EXISTS (
        SELECT FROM asset a WHERE a.serial_number = r.serial_number AND a.manufacturer IS NOT DISTINCT FROM r.manufacturer AND a.id IS DISTINCT FROM r.known_asset_id)
        THEN 'is the number of another asset' END),
    ('OPERATOR', 'value', r.value,
      CASE WHEN r.known_asset_id IS NOT NULL THEN
        CASE (SELECT o.service_provider_id = provider FROM asset_operator o WHERE o.asset_id = r.known_asset_id ORDER BY upper(o.valid) DESC LIMIT 1)
             WHEN true THEN NULL WHEN false THEN 'names an asset that another provider operates, or operated last, or will'
             ELSE 'names an asset that nobody operates: the operator of the exchange says who does' END END),
    ('IN_USE', 'value', r.value,
      CASE WHEN r.action = 'retire' AND (EXISTS (SELECT FROM portfolio_member m WHERE m.asset_id = r.known_asset_id AND upper(m.valid) > now())
                OR EXISTS (SELECT FROM commitment k WHERE k.closed_at IS NULL AND resource_window(k.unit_id, k.delivery_window) && resource_window(r.known_asset_id, time_window(now(), 'infinity'))))
           THEN 'is in a portfolio, or something is promised of it' END)
  ) AS c (code, column_name, value, problem)
  JOIN registration_rule rule ON rule.code = c.code AND rule.severity <> 'off'
  WHERE c.problem IS NOT NULL AND NOT r.is_superseded;

  CREATE TEMP TABLE registering_outcome ON COMMIT DROP AS
  SELECT r.id, p.problems,
         CASE WHEN r.is_superseded THEN 'superseded' WHEN p.any_error THEN 'rejected' WHEN r.action = 'retire' THEN 'retired'
              WHEN r.known_asset_id IS NULL THEN 'registered' ELSE 'updated' END AS outcome,
         CASE WHEN NOT r.is_superseded AND NOT coalesce(p.any_error, false) THEN coalesce(r.known_asset_id, nextval('resource_id')) END AS asset_id
  FROM pg_temp.registering r
  LEFT JOIN (SELECT id, bool_or(severity = 'error') AS any_error,
                    jsonb_agg(jsonb_build_object('rule', code, 'severity', severity, 'column', column_name, 'value', value, 'problem', problem) ORDER BY severity, code, column_name) AS problems
             FROM pg_temp.registering_problem GROUP BY id) p ON p.id = r.id
  ORDER BY r.id;
  ANALYZE pg_temp.registering_outcome;

  INSERT INTO metering_point (mpan)
  SELECT DISTINCT m.mpan FROM pg_temp.registering r JOIN pg_temp.registering_outcome o ON o.id = r.id AND o.outcome IN ('registered', 'updated')
  CROSS JOIN LATERAL (VALUES (r.import_mpan), (r.export_mpan)) AS m (mpan)
  WHERE m.mpan IS NOT NULL ORDER BY 1
  ON CONFLICT (mpan) DO NOTHING;

  CREATE TEMP TABLE registering_asset ON COMMIT DROP AS
  SELECT o.id AS registration_id, o.outcome, o.asset_id, r.scheme, r.value, r.name, r.technology, r.energy_source, i.id AS metering_point_id, e.id AS export_metering_point_id,
         r.connection_status, r.commissioned_on, r.installed_kw, r.up_kw, r.down_kw, r.latitude, r.longitude,
         coalesce(r.given_profile, jsonb_strip_nulls(jsonb_build_object('technology', r.technology, 'energy_source', r.energy_source,
           'directions', nullif(array_remove(ARRAY[CASE WHEN r.up_kw > 0 THEN 'up' END, CASE WHEN r.down_kw > 0 THEN 'down' END], NULL), '{}'),
           'up_kw', trim_scale(nullif(r.up_kw, 0)), 'down_kw', trim_scale(nullif(r.down_kw, 0)), 'energy_kwh', trim_scale(r.energy_kwh)))::text)::asset_profile AS profile,
         r.manufacturer, r.model, r.serial_number, r.connection_type, r.domestic
  FROM pg_temp.registering_outcome o JOIN pg_temp.registering r ON r.id = o.id
  LEFT JOIN metering_point i ON i.mpan = coalesce(r.import_mpan, r.export_mpan)
  LEFT JOIN metering_point e ON e.mpan = r.export_mpan AND r.import_mpan IS NOT NULL
  WHERE o.outcome IN ('registered', 'updated')
  ORDER BY o.id;

  INSERT INTO asset (id, name, technology, energy_source, metering_point_id, export_metering_point_id, connection_status, connected_on, installed_kw, qualified_up_kw, qualified_down_kw,
                     latitude, longitude, source, profile, manufacturer, model, serial_number, connection_type, domestic)
  SELECT asset_id, name, technology, energy_source, metering_point_id, export_metering_point_id, connection_status, commissioned_on, installed_kw, up_kw, down_kw,
         latitude, longitude, 'registration', profile, manufacturer, model, serial_number, connection_type, domestic
  FROM pg_temp.registering_asset WHERE outcome = 'registered';
  INSERT INTO asset_operator (asset_id, service_provider_id) SELECT asset_id, provider FROM pg_temp.registering_asset WHERE outcome = 'registered';
  INSERT INTO external_id (scheme, value, asset_id) SELECT scheme, value, asset_id FROM pg_temp.registering_asset WHERE outcome = 'registered';

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

  UPDATE asset_registration r SET processed_at = now(), outcome = o.outcome, asset_id = o.asset_id, problems = o.problems
  FROM pg_temp.registering_outcome o WHERE r.id = o.id;
  RETURN QUERY
  SELECT count(*) FILTER (WHERE o.outcome = 'registered'), count(*) FILTER (WHERE o.outcome = 'updated'), count(*) FILTER (WHERE o.outcome = 'retired'),
         count(*) FILTER (WHERE o.outcome = 'unchanged'), count(*) FILTER (WHERE o.outcome = 'rejected'), count(*) FILTER (WHERE o.outcome = 'superseded'),
         count(*) FILTER (WHERE o.outcome NOT IN ('rejected', 'superseded') AND o.problems IS NOT NULL)
  FROM pg_temp.registering_outcome o;
  DROP TABLE pg_temp.registering, pg_temp.registering_problem, pg_temp.registering_outcome, pg_temp.registering_asset;
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
