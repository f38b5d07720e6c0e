-- archetype: thin
-- Admission: who reads and writes what, and what must be there before a provider is
-- let in.

SELECT protect_table('market_terms', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
SELECT protect_table(t::regclass) FROM unnest(ARRAY['terms_acceptance', 'billing_details', 'admission']) t;

GRANT INSERT (market_id, version, title, location, content_sha256, content, valid), UPDATE (valid) ON market_terms TO flexexchange_participant;
GRANT SELECT, INSERT (market_terms_id, participant_id, signatory) ON terms_acceptance TO flexexchange_participant;
GRANT SELECT, INSERT (participant_id, market_id, account_name, iban, sort_code, account_number, remittance_email, valid), UPDATE (valid) ON billing_details TO flexexchange_participant;
GRANT SELECT, INSERT (market_id, service_provider_id), UPDATE (status, reason, admitted) ON admission TO flexexchange_participant;

CREATE OR REPLACE FUNCTION own_market_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT id FROM market WHERE market_operator_id = current_participant();
END;
COMMENT ON FUNCTION own_market_ids() IS 'the markets in which the session''s participant buys';
REVOKE ALL ON FUNCTION own_market_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_market_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

DROP POLICY IF EXISTS market_terms_own ON market_terms;
CREATE POLICY market_terms_own ON market_terms TO flexexchange_participant
  USING (market_id IN (SELECT own_market_ids())) WITH CHECK (market_id IN (SELECT own_market_ids()));
COMMENT ON POLICY market_terms_own ON market_terms IS 'ADM-1: a market operator publishes the terms of its markets';
DROP POLICY IF EXISTS terms_acceptance_read ON terms_acceptance;
CREATE POLICY terms_acceptance_read ON terms_acceptance FOR SELECT TO flexexchange_participant
  USING (participant_id = (SELECT current_participant())
         OR market_terms_id IN (SELECT t.id FROM market_terms t WHERE t.market_id IN (SELECT own_market_ids())));
COMMENT ON POLICY terms_acceptance_read ON terms_acceptance IS 'ADM-2: the two sides of a contract read who accepted it';
DROP POLICY IF EXISTS terms_acceptance_insert_own ON terms_acceptance;
CREATE POLICY terms_acceptance_insert_own ON terms_acceptance FOR INSERT TO flexexchange_participant
  WITH CHECK (participant_id = (SELECT current_participant()));
COMMENT ON POLICY terms_acceptance_insert_own ON terms_acceptance IS 'ADM-3: a participant binds itself alone';
DROP POLICY IF EXISTS billing_details_own ON billing_details;
CREATE POLICY billing_details_own ON billing_details TO flexexchange_participant
  USING (participant_id = (SELECT current_participant())) WITH CHECK (participant_id = (SELECT current_participant()));
COMMENT ON POLICY billing_details_own ON billing_details IS 'ADM-4: a participant keeps its own accounts';
DROP POLICY IF EXISTS admission_read ON admission;
CREATE POLICY admission_read ON admission FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) OR market_id IN (SELECT own_market_ids()));
COMMENT ON POLICY admission_read ON admission IS 'ADM-6: the provider and the market operator read an admission';
DROP POLICY IF EXISTS admission_apply ON admission;
CREATE POLICY admission_apply ON admission FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status = 'applied');
COMMENT ON POLICY admission_apply ON admission IS 'ADM-7: a provider applies for itself';
DROP POLICY IF EXISTS admission_apply_anew ON admission;
CREATE POLICY admission_apply_anew ON admission FOR UPDATE TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant())) WITH CHECK (service_provider_id = (SELECT current_participant()) AND status = 'applied');
COMMENT ON POLICY admission_apply_anew ON admission IS 'ADM-9: who was refused, or whose admission ended, applies anew';
DROP POLICY IF EXISTS admission_decide ON admission;
CREATE POLICY admission_decide ON admission FOR UPDATE TO flexexchange_participant
  USING (market_id IN (SELECT own_market_ids())) WITH CHECK (market_id IN (SELECT own_market_ids()));
COMMENT ON POLICY admission_decide ON admission IS 'ADM-8: a market operator decides for its markets';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['terms_acceptance', 'market_terms'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''What was agreed stays on record.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''what was agreed stays on record''', name);
  END LOOP;
END
$block$;
CREATE OR REPLACE TRIGGER t10_acceptance_is_kept BEFORE UPDATE OR DELETE ON terms_acceptance
  FOR EACH ROW EXECUTE FUNCTION refuse_change('acceptance', 'What was accepted was accepted; end the admission instead.');
COMMENT ON TRIGGER t10_acceptance_is_kept ON terms_acceptance IS 'an acceptance is never changed';
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF id, market_id, version, title, location, content_sha256, content ON market_terms
  FOR EACH ROW WHEN ((OLD.id, OLD.market_id, OLD.version, OLD.title, OLD.location, OLD.content_sha256, OLD.content)
                     IS DISTINCT FROM (NEW.id, NEW.market_id, NEW.version, NEW.title, NEW.location, NEW.content_sha256, NEW.content))
  EXECUTE FUNCTION refuse_change('terms', 'Publish a new version.');
COMMENT ON TRIGGER t10_terms_are_kept ON market_terms IS 'terms that somebody may have accepted are never changed';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON admission
  FOR EACH ROW EXECUTE FUNCTION follow_states('status',
    'start > applied', 'applied > admitted refused', 'refused > applied', 'admitted > suspended ended', 'suspended > admitted ended', 'ended > applied');
COMMENT ON TRIGGER t10_status ON admission IS 'a provider is admitted on application';
CREATE OR REPLACE TRIGGER t10_parties_are_kept BEFORE UPDATE OF market_id, service_provider_id ON admission
  FOR EACH ROW WHEN ((OLD.market_id, OLD.service_provider_id) IS DISTINCT FROM (NEW.market_id, NEW.service_provider_id))
  EXECUTE FUNCTION refuse_change('market_id and service_provider_id', 'Apply anew.');
COMMENT ON TRIGGER t10_parties_are_kept ON admission IS 'an admission is of one provider to one market';

CREATE OR REPLACE FUNCTION can_be_paid(service_provider_id bigint, market_id bigint, at timestamptz DEFAULT now()) RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
BEGIN
  RETURN (acts_for_exchange() OR can_be_paid.service_provider_id = current_participant() OR can_be_paid.market_id IN (SELECT own_market_ids()))
    AND EXISTS (SELECT FROM billing_details b WHERE b.participant_id = can_be_paid.service_provider_id
                AND (b.market_id IS NULL OR b.market_id = can_be_paid.market_id) AND b.valid @> at);
END
$function$;
COMMENT ON FUNCTION can_be_paid(bigint, bigint, timestamptz) IS
  'true when a provider has billing details for a market, to the two of them and to the exchange; false to everybody else; SECURITY DEFINER because the account itself is not told';
REVOKE ALL ON FUNCTION can_be_paid(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION can_be_paid(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION admission_gaps(market_id bigint, service_provider_id bigint, at timestamptz DEFAULT now())
RETURNS TABLE (gap text, what_to_do text)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT g.gap, g.what_to_do FROM (
  SELECT 'accreditation' AS gap, 'Have the exchange accredit it as a service provider.' AS what_to_do
  WHERE NOT EXISTS (SELECT FROM accreditation a WHERE a.participant_id = admission_gaps.service_provider_id AND a.kind = 'service_provider' AND a.status = 'accredited')
  UNION ALL
  SELECT 'terms', format('Accept version %s, "%s".', t.version, t.title)
  FROM market_terms t
  WHERE t.market_id = admission_gaps.market_id AND t.valid @> at
    AND NOT EXISTS (SELECT FROM terms_acceptance a WHERE a.market_terms_id = t.id AND a.participant_id = admission_gaps.service_provider_id)
  UNION ALL
  SELECT 'billing details', 'Say where to pay.'
  WHERE NOT can_be_paid(admission_gaps.service_provider_id, admission_gaps.market_id, at)) g
  -- of no concern to anybody else
  WHERE acts_for_exchange() OR admission_gaps.service_provider_id = current_participant() OR admission_gaps.market_id IN (SELECT own_market_ids());
END;
COMMENT ON FUNCTION admission_gaps(bigint, bigint, timestamptz) IS
  'what keeps a provider from being admitted to a market: accreditation, the terms in force, billing details; no row: nothing, or nothing that concerns the caller';
REVOKE ALL ON FUNCTION admission_gaps(bigint, bigint, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION admission_gaps(bigint, bigint, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION require_no_admission_gaps() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  gaps text;
BEGIN
  IF NEW.status <> OLD.status AND NEW.reason = OLD.reason THEN
    NEW.reason := NULL;
  END IF;
  IF NEW.status <> 'admitted' THEN
    RETURN NEW;
  END IF;
  SELECT string_agg(what_to_do, ' ') INTO gaps FROM admission_gaps(NEW.market_id, NEW.service_provider_id);
  IF gaps IS NOT NULL THEN
    RAISE EXCEPTION 'participant % cannot be admitted to market % yet', NEW.service_provider_id, NEW.market_id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = gaps;
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION require_no_admission_gaps() IS 'trigger: nobody is admitted who is not accredited, has not accepted the terms in force, or cannot be paid; what was said of another decision is not said of this one';
REVOKE ALL ON FUNCTION require_no_admission_gaps() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_gaps BEFORE UPDATE OF status, admitted ON admission
  FOR EACH ROW EXECUTE FUNCTION require_no_admission_gaps();
COMMENT ON TRIGGER t20_gaps ON admission IS 'what admission takes is there, at first and at every renewal';

CREATE OR REPLACE VIEW admission_now WITH (security_invoker = true) AS
  SELECT a.id, a.market_id, a.service_provider_id,
         CASE WHEN a.status <> 'admitted' THEN a.status
              WHEN NOT a.admitted @> now() THEN CASE WHEN lower(a.admitted) > now() THEN 'not yet' ELSE 'lapsed' END
              WHEN EXISTS (SELECT FROM market_terms t WHERE t.market_id = a.market_id AND t.valid @> now()
                           AND NOT EXISTS (SELECT FROM terms_acceptance x WHERE x.market_terms_id = t.id AND x.participant_id = a.service_provider_id)) THEN 'new terms'
              WHEN NOT EXISTS (SELECT FROM accreditation c WHERE c.participant_id = a.service_provider_id AND c.kind = 'service_provider' AND c.status = 'accredited') THEN 'not accredited'
              WHEN NOT can_be_paid(a.service_provider_id, a.market_id) THEN 'no billing details'
              ELSE 'admitted' END AS standing,
         a.reason, upper(a.admitted) AS until
  FROM admission a;
COMMENT ON VIEW admission_now IS 'how providers stand with markets now: expiry and terms that were renewed included';
COMMENT ON COLUMN admission_now.id IS 'the admission';
COMMENT ON COLUMN admission_now.market_id IS 'the market';
COMMENT ON COLUMN admission_now.service_provider_id IS 'the service provider';
COMMENT ON COLUMN admission_now.standing IS 'admitted, or why not: applied, refused, suspended, ended, not yet, lapsed, new terms (in force and not accepted), not accredited (any more), no billing details';
COMMENT ON COLUMN admission_now.reason IS 'why, as the market operator says';
COMMENT ON COLUMN admission_now.until IS 'when the admission ends, unless it is renewed';
GRANT SELECT ON admission_now TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
