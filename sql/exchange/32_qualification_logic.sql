-- archetype: medium
-- Qualification: what is computed and when, who may take which step, and what may be asked.
--
-- Locks.  Whoever applies holds its asset FOR SHARE, or its portfolio FOR UPDATE, before it
-- looks; whoever changes assets holds their portfolios FOR KEY SHARE before it looks for
-- applications.  Applications of portfolios are held before they are judged, since others may
-- be changing other members.  So of two sessions one waits, and the later sees what the
-- earlier did.

-- ---------------------------------------------------------------- what is computed

CREATE OR REPLACE FUNCTION missed_requirements(spec product_spec, profile asset_profile, part text) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(jsonb_agg(jsonb_build_object('requirement', i.requirement, 'required', i.required, 'offered', i.offered)), '[]')
  FROM ineligibility(spec, profile, part) i;
END;
COMMENT ON FUNCTION missed_requirements(product_spec, asset_profile, text) IS
  'ineligibility() as one JSON array: every requirement of that part (member, unit or alone) that is missed; empty: none';
REVOKE ALL ON FUNCTION missed_requirements(product_spec, asset_profile, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION missed_requirements(product_spec, asset_profile, text)
  TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION portfolio_profile(portfolio_id bigint) RETURNS asset_profile
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
  -- members are added up only where nothing is declared; of what they can do a portfolio has what they lend it
  SELECT coalesce(p.profile, (
    SELECT (whole || jsonb_strip_nulls(jsonb_build_object('up_kw', CASE WHEN whole ? 'up_kw' THEN least((whole ->> 'up_kw')::numeric, up_kw) END,
                                                          'down_kw', CASE WHEN whole ? 'down_kw' THEN least((whole ->> 'down_kw')::numeric, down_kw) END)))::asset_profile
    FROM (SELECT profile_of(coalesce(a.profile, '{}'))::jsonb AS whole,
                 CASE WHEN bool_and(m.flexible_up_kw IS NOT NULL) THEN sum(m.flexible_up_kw) END AS up_kw,
                 CASE WHEN bool_and(m.flexible_down_kw IS NOT NULL) THEN sum(m.flexible_down_kw) END AS down_kw
          FROM portfolio_member m JOIN asset a ON a.id = m.asset_id
          WHERE m.portfolio_id = p.id AND m.valid @> now()) members), '{}')
  FROM portfolio p
  WHERE p.id = portfolio_profile.portfolio_id
$function$;
COMMENT ON FUNCTION portfolio_profile(bigint) IS
  'what a portfolio can do now: what its provider declares, or else the profile of its members, with no more power than they lend it; costs a look at every member in that case';
REVOKE ALL ON FUNCTION portfolio_profile(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION portfolio_profile(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION judge_members(qualification_ids bigint[], asset_ids bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM FROM qualification q WHERE q.id = ANY (qualification_ids) ORDER BY q.id FOR NO KEY UPDATE;
  WITH pair AS (
    SELECT DISTINCT x.qualification_id, x.asset_id FROM unnest(qualification_ids, asset_ids) AS x (qualification_id, asset_id)
  ), failing AS (
    SELECT pair.qualification_id, pair.asset_id
    FROM pair
    JOIN qualification q ON q.id = pair.qualification_id
    JOIN product p ON p.id = q.product_id
    JOIN asset a ON a.id = pair.asset_id
    WHERE NOT p.spec @> coalesce(a.profile, '{}')
      AND EXISTS (SELECT FROM portfolio_member m WHERE m.portfolio_id = q.portfolio_id AND m.asset_id = a.id AND m.valid @> now())
  ), mended AS (
    DELETE FROM ineligible_member i USING pair
    WHERE (i.qualification_id, i.asset_id) = (pair.qualification_id, pair.asset_id)
      AND NOT EXISTS (SELECT FROM failing f WHERE (f.qualification_id, f.asset_id) = (i.qualification_id, i.asset_id))
  )
  INSERT INTO ineligible_member (qualification_id, asset_id)
  SELECT f.qualification_id, f.asset_id FROM failing f
  ON CONFLICT DO NOTHING;
END
$function$;
COMMENT ON FUNCTION judge_members(bigint[], bigint[]) IS
  'says anew which of these members of portfolios are in the way of these applications; two arrays, of pairs';
REVOKE ALL ON FUNCTION judge_members(bigint[], bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION assess_qualifications(ids bigint[]) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
DECLARE
  changed_count bigint;
BEGIN
  PERFORM FROM qualification q WHERE q.id = ANY (ids) AND q.portfolio_id IS NOT NULL ORDER BY q.id FOR NO KEY UPDATE;
  WITH unit AS MATERIALIZED (
    -- a portfolio that applied for many products is added up once
    SELECT x.portfolio_id, portfolio_profile(x.portfolio_id) AS profile
    FROM (SELECT DISTINCT q.portfolio_id FROM qualification q WHERE q.id = ANY (ids) AND q.portfolio_id IS NOT NULL) x
  ), found AS MATERIALIZED (
    SELECT q.id, p.spec,
           CASE WHEN q.asset_id IS NOT NULL THEN
                  CASE WHEN p.spec @> a.profile THEN '[]' ELSE missed_requirements(p.spec, coalesce(a.profile, '{}'), 'member') END
                ELSE
                  CASE WHEN eligible_unit(p.spec, u.profile) THEN '[]' ELSE missed_requirements(p.spec, u.profile, 'unit') END
                  -- in order, so that it is a probe of the key however many there are
                  || CASE WHEN (SELECT i.asset_id FROM ineligible_member i WHERE i.qualification_id = q.id ORDER BY i.asset_id LIMIT 1) IS NOT NULL
                          THEN jsonb '[{"requirement": "members", "required": "each meets the member part", "offered": "some do not"}]' ELSE '[]' END
           END AS missed
    FROM qualification q
    JOIN product p ON p.id = q.product_id
    LEFT JOIN asset a ON a.id = q.asset_id
    LEFT JOIN unit u ON u.portfolio_id = q.portfolio_id
    WHERE q.id = ANY (ids)
  ), changed AS (
    UPDATE qualification q
    SET eligible = CASE WHEN f.spec IS NOT NULL THEN f.missed = '[]' END, missed = f.missed, assessed_at = now()
    FROM found f
    WHERE q.id = f.id AND (q.eligible, q.missed) IS DISTINCT FROM (CASE WHEN f.spec IS NOT NULL THEN f.missed = '[]' END, f.missed)
    RETURNING q.id
  )
  SELECT count(*) INTO changed_count FROM changed;
  RETURN changed_count;
END
$function$;
COMMENT ON FUNCTION assess_qualifications(bigint[]) IS
  'computes the eligibility of these applications anew and writes what differs; returns how many did';
REVOKE ALL ON FUNCTION assess_qualifications(bigint[]) FROM PUBLIC;

CREATE OR REPLACE FUNCTION requalify() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  qualification_ids bigint[];
  asset_ids bigint[];
BEGIN
  SELECT array_agg(x.qualification_id), array_agg(x.asset_id) INTO qualification_ids, asset_ids FROM (
    SELECT q.id AS qualification_id, m.asset_id FROM qualification q JOIN portfolio_member m ON m.portfolio_id = q.portfolio_id WHERE m.valid @> now()
    UNION SELECT i.qualification_id, i.asset_id FROM ineligible_member i) x;
  PERFORM judge_members(qualification_ids, asset_ids);
  RETURN assess_qualifications(ARRAY(SELECT id FROM qualification));
END
$function$;
COMMENT ON FUNCTION requalify() IS
  'computes the eligibility of all applications anew, for members that came or went as time passed; returns how many changed; SECURITY DEFINER because nobody but the triggers writes what is computed';
REVOKE ALL ON FUNCTION requalify() FROM PUBLIC;
-- the operator runs it, by schedule
GRANT EXECUTE ON FUNCTION requalify() TO flexexchange_operator;

-- ---------------------------------------------------------------- when

CREATE OR REPLACE FUNCTION assess_applications() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  qualification_ids bigint[];
  asset_ids bigint[];
BEGIN
  PERFORM FROM asset WHERE id IN (SELECT asset_id FROM after) ORDER BY id FOR SHARE;
  PERFORM FROM portfolio WHERE id IN (SELECT portfolio_id FROM after) ORDER BY id FOR UPDATE;
  SELECT array_agg(q.id), array_agg(m.asset_id) INTO qualification_ids, asset_ids
  FROM after q JOIN portfolio_member m ON m.portfolio_id = q.portfolio_id AND m.valid @> now();
  IF qualification_ids IS NOT NULL THEN
    PERFORM judge_members(qualification_ids, asset_ids);
  END IF;
  PERFORM assess_qualifications(ARRAY(SELECT id FROM after));
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION assess_applications() IS
  'trigger: computes what new applications lack; SECURITY DEFINER because who applies may not write that, and may not lock its asset';
REVOKE ALL ON FUNCTION assess_applications() FROM PUBLIC;

CREATE OR REPLACE FUNCTION reassess_units() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  changed bigint[];
  holders bigint[];
  qualification_ids bigint[];
  asset_ids bigint[];
BEGIN
  SELECT array_agg(a.id) INTO changed FROM after a JOIN before b USING (id) WHERE a.profile IS DISTINCT FROM b.profile;
  IF changed IS NULL THEN
    RETURN NULL;
  END IF;
  IF TG_TABLE_NAME = 'asset' THEN
    SELECT array_agg(DISTINCT m.portfolio_id) INTO holders FROM portfolio_member m WHERE m.asset_id = ANY (changed) AND m.valid @> now();
    PERFORM FROM portfolio WHERE id = ANY (holders) ORDER BY id FOR KEY SHARE;
    SELECT array_agg(q.id), array_agg(m.asset_id) INTO qualification_ids, asset_ids
    FROM portfolio_member m JOIN qualification q ON q.unit_id = m.portfolio_id
    WHERE m.asset_id = ANY (changed) AND m.valid @> now();
    PERFORM judge_members(qualification_ids, asset_ids);
  END IF;
  PERFORM assess_qualifications(ARRAY(SELECT id FROM qualification WHERE unit_id = ANY (changed) UNION SELECT unnest(qualification_ids)));
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION reassess_units() IS
  'trigger on asset and portfolio: computes the eligibility of those of which the profile changed, and of the portfolios of such assets; SECURITY DEFINER because who changes a unit may not write that';
REVOKE ALL ON FUNCTION reassess_units() FROM PUBLIC;

CREATE OR REPLACE FUNCTION reassess_portfolios() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
DECLARE
  portfolio_ids bigint[];
  member_ids bigint[];
  qualification_ids bigint[];
  asset_ids bigint[];
BEGIN
  CASE TG_OP
    WHEN 'INSERT' THEN SELECT array_agg(portfolio_id), array_agg(asset_id) INTO portfolio_ids, member_ids FROM after;
    WHEN 'DELETE' THEN SELECT array_agg(portfolio_id), array_agg(asset_id) INTO portfolio_ids, member_ids FROM before;
    ELSE SELECT array_agg(portfolio_id), array_agg(asset_id) INTO portfolio_ids, member_ids
         FROM (SELECT portfolio_id, asset_id FROM before UNION SELECT portfolio_id, asset_id FROM after) x;
  END CASE;
  PERFORM FROM portfolio WHERE id = ANY (portfolio_ids) ORDER BY id FOR UPDATE;
  SELECT array_agg(q.id), array_agg(x.asset_id) INTO qualification_ids, asset_ids
  FROM unnest(portfolio_ids, member_ids) AS x (portfolio_id, asset_id) JOIN qualification q ON q.unit_id = x.portfolio_id;
  IF qualification_ids IS NOT NULL THEN
    PERFORM judge_members(qualification_ids, asset_ids);
    PERFORM assess_qualifications(ARRAY(SELECT DISTINCT unnest(qualification_ids)));
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION reassess_portfolios() IS
  'trigger on portfolio_member: computes the eligibility of the portfolios of which members changed; SECURITY DEFINER because who changes members may not write that';
REVOKE ALL ON FUNCTION reassess_portfolios() FROM PUBLIC;

DO $block$
DECLARE
  name text;
  event text;
  rows text;
  action text;
BEGIN
  FOR name, event, rows, action IN
    SELECT x.name, x.event, y.rows, x.action
    FROM (VALUES ('qualification', 'INSERT', 'assess_applications'), ('asset', 'UPDATE', 'reassess_units'), ('portfolio', 'UPDATE', 'reassess_units'),
                 ('portfolio_member', 'INSERT', 'reassess_portfolios'), ('portfolio_member', 'UPDATE', 'reassess_portfolios'),
                 ('portfolio_member', 'DELETE', 'reassess_portfolios')) AS x (name, event, action)
    JOIN (VALUES ('INSERT', 'NEW TABLE AS after'), ('UPDATE', 'OLD TABLE AS before NEW TABLE AS after'),
                 ('DELETE', 'OLD TABLE AS before')) AS y (event, rows) USING (event)
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I AFTER %2$s ON %3$I REFERENCING %4$s
      FOR EACH STATEMENT EXECUTE FUNCTION %5$I()', 't55_qualification_' || lower(event), event, name, rows, action);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS ''computes the eligibility of the applications that it concerns''',
                   't55_qualification_' || lower(event), name);
  END LOOP;
END
$block$;

-- ---------------------------------------------------------------- what is decided

-- The usual paths of Norway's flexibility register, which draws them and does not enforce them.
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON qualification
  FOR EACH ROW EXECUTE FUNCTION follow_states('status',
    'start > requested',
    'requested > prequalification temporary_qualified',
    'prequalification > prequalified rejected',
    'temporary_qualified > verified rejected',
    'prequalified verified > requested',
    'rejected > requested');
COMMENT ON TRIGGER t10_status ON qualification IS 'an application goes from state to state as agreed';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON suspension
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > suspended', 'suspended > reinstated');
COMMENT ON TRIGGER t10_status ON suspension IS 'a suspension ends once; the next is another';
CREATE OR REPLACE TRIGGER t10_status BEFORE INSERT OR UPDATE OF status ON test_result
  FOR EACH ROW EXECUTE FUNCTION follow_states('status', 'start > submitted', 'submitted > verified refused', 'verified > refused');
COMMENT ON TRIGGER t10_status ON test_result IS 'a test is verified or refused once, and what turns out wrong is refused later';

CREATE OR REPLACE TRIGGER t10_spec_is_kept_once_applied_for BEFORE UPDATE OF spec ON product
  FOR EACH ROW EXECUTE FUNCTION keep_used_spec('qualification');
COMMENT ON TRIGGER t10_spec_is_kept_once_applied_for ON product IS 'what a version requires stays once a unit has applied for it';

DO $block$
DECLARE
  name text;
  kept text;
  hint text;
BEGIN
  FOR name, kept, hint IN VALUES
    ('qualification', 'mrid', 'An mrid names a thing for ever; write a new row instead.'),
    ('test_result', 'mrid', 'An mrid names a thing for ever; write a new row instead.'),
    ('qualification', 'asset_id, portfolio_id, product_id, service_provider_id', 'Apply anew: an application is of one unit, for one version of a product.'),
    ('test_result', 'asset_id, shown, tested_at', 'Submit another test: this one may have been accepted.')
  LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER %1$I BEFORE UPDATE OF %2$s ON %3$I
      FOR EACH ROW WHEN ((%4$s) IS DISTINCT FROM (%5$s)) EXECUTE FUNCTION refuse_change(%6$L, %7$L)',
      CASE kept WHEN 'mrid' THEN 't10_mrid_is_kept' ELSE 't10_subject_is_kept' END, kept, name,
      -- as text: a dump would write the operator of shown without its schema
      'OLD.' || replace(kept, ', ', '::text, OLD.'), 'NEW.' || replace(kept, ', ', '::text, NEW.'), kept, hint);
    EXECUTE format('COMMENT ON TRIGGER %I ON %I IS %L', CASE kept WHEN 'mrid' THEN 't10_mrid_is_kept' ELSE 't10_subject_is_kept' END, name, kept || ' never change');
  END LOOP;
  FOREACH name IN ARRAY ARRAY['qualification', 'qualification_step', 'suspension', 'test_result', 'qualification_evidence'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Who was qualified when, and why, stays known.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION stamp_decision() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF OLD.status = 'rejected' THEN
    -- the provider asks again; what was decided is not its to change
    NEW.prequalified_at := OLD.prequalified_at;
    NEW.verified_at := OLD.verified_at;
    NEW.valid := OLD.valid;
    NEW.note := OLD.note;
    RETURN NEW;
  END IF;
  -- a stamp is the moment at which it is given
  IF NEW.prequalified_at <> OLD.prequalified_at OR OLD.prequalified_at IS NULL AND NEW.prequalified_at IS NOT NULL
     OR NEW.status = 'prequalified' AND OLD.status <> 'prequalified' THEN
    NEW.prequalified_at := now();
  END IF;
  IF NEW.verified_at <> OLD.verified_at OR OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL
     OR NEW.status = 'verified' AND OLD.status <> 'verified' THEN
    NEW.verified_at := now();
  END IF;
  IF NEW.status = 'rejected' THEN
    NEW.prequalified_at := NULL;
    NEW.verified_at := NULL;
  END IF;
  IF NEW.status = 'prequalified' AND NEW.prequalified_at IS NULL OR NEW.status = 'verified' AND NEW.verified_at IS NULL THEN
    RAISE EXCEPTION 'qualification.%_at must be given while the status is %', NEW.status, NEW.status
      USING ERRCODE = 'check_violation', HINT = 'To withdraw an approval, clear the stamps and set status requested.';
  END IF;
  NEW.decided_by := current_participant();
  NEW.decided_at := now();
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_decision() IS 'trigger on qualification: says who decided and when, and gives and takes the stamps that go with a status';
REVOKE ALL ON FUNCTION stamp_decision() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_stamp BEFORE UPDATE OF status, prequalified_at, verified_at, valid, note ON qualification
  FOR EACH ROW EXECUTE FUNCTION stamp_decision();
COMMENT ON TRIGGER t20_stamp ON qualification IS 'says who decided, and when';

CREATE OR REPLACE FUNCTION record_steps() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO qualification_step (qualification_id, from_status, to_status, prequalified_at, verified_at, valid, note, taken_by)
    SELECT id, 'start', status, prequalified_at, verified_at, valid, note, current_participant() FROM after ORDER BY id;
  ELSE
    INSERT INTO qualification_step (qualification_id, from_status, to_status, prequalified_at, verified_at, valid, note, taken_by)
    SELECT a.id, b.status, a.status, a.prequalified_at, a.verified_at, a.valid, a.note, current_participant()
    FROM after a JOIN before b USING (id)
    WHERE (a.status, a.prequalified_at, a.verified_at, a.valid, a.note) IS DISTINCT FROM (b.status, b.prequalified_at, b.verified_at, b.valid, b.note)
    ORDER BY a.id;
  END IF;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION record_steps() IS
  'trigger on qualification: writes down each step; SECURITY DEFINER because nobody writes qualification_step itself';
REVOKE ALL ON FUNCTION record_steps() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t50_step_insert AFTER INSERT ON qualification REFERENCING NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_steps();
COMMENT ON TRIGGER t50_step_insert ON qualification IS 'writes down each step';
CREATE OR REPLACE TRIGGER t50_step_update AFTER UPDATE ON qualification REFERENCING OLD TABLE AS before NEW TABLE AS after
  FOR EACH STATEMENT EXECUTE FUNCTION record_steps();
COMMENT ON TRIGGER t50_step_update ON qualification IS 'writes down each step';

CREATE OR REPLACE FUNCTION stamp_suspension() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF TG_OP = 'INSERT' THEN
    NEW.suspended_by := current_participant();
    NEW.suspended_at := now();
  ELSIF NEW.status = 'reinstated' AND OLD.status <> 'reinstated' THEN
    NEW.reinstated_by := current_participant();
    NEW.reinstated_at := now();
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_suspension() IS 'trigger on suspension: says who suspended and reinstated, at once';
REVOKE ALL ON FUNCTION stamp_suspension() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_stamp BEFORE INSERT OR UPDATE OF status ON suspension
  FOR EACH ROW EXECUTE FUNCTION stamp_suspension();
COMMENT ON TRIGGER t20_stamp ON suspension IS 'says who suspended and reinstated, and when';

CREATE OR REPLACE FUNCTION stamp_test_result() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
BEGIN
  IF NEW.status <> OLD.status THEN
    NEW.decided_by := current_participant();
    NEW.decided_at := now();
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_test_result() IS 'trigger on test_result: says who verified or refused it, and when';
REVOKE ALL ON FUNCTION stamp_test_result() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_stamp BEFORE UPDATE OF status ON test_result
  FOR EACH ROW EXECUTE FUNCTION stamp_test_result();
COMMENT ON TRIGGER t20_stamp ON test_result IS 'says who verified or refused it, and when';

CREATE OR REPLACE FUNCTION stamp_evidence() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  test test_result;
BEGIN
  SELECT * INTO test FROM test_result t WHERE t.id = NEW.test_result_id;
  IF test.status IS DISTINCT FROM 'verified' OR NOT test.valid @> now() THEN
    RAISE EXCEPTION 'qualification_evidence.test_result_id % is not a verified test that counts now', NEW.test_result_id
      USING ERRCODE = 'check_violation', HINT = 'View reusable_test lists those that are there for an application.';
  ELSIF NOT EXISTS (SELECT FROM qualification q WHERE q.id = NEW.qualification_id AND (q.asset_id = test.asset_id OR EXISTS (
                      SELECT FROM portfolio_member m WHERE m.portfolio_id = q.portfolio_id AND m.asset_id = test.asset_id AND m.valid @> now()))) THEN
    RAISE EXCEPTION 'qualification_evidence.test_result_id % is of another asset', NEW.test_result_id
      USING ERRCODE = 'check_violation', HINT = 'Accept tests of the unit that applies, or of its members.';
  END IF;
  NEW.verified_by := test.decided_by;
  NEW.accepted_by := current_participant();
  NEW.accepted_at := now();
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION stamp_evidence() IS
  'trigger on qualification_evidence: refuses what is not a verified test of the unit or a member, and says who verified and who accepted it';
REVOKE ALL ON FUNCTION stamp_evidence() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t20_stamp BEFORE INSERT ON qualification_evidence
  FOR EACH ROW EXECUTE FUNCTION stamp_evidence();
COMMENT ON TRIGGER t20_stamp ON qualification_evidence IS 'says who verified and who accepted a test, and when';

-- ---------------------------------------------------------------- who may

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['qualification', 'qualification_step', 'suspension', 'test_result', 'qualification_evidence', 'ineligible_member']) t;
-- these follow from the others: nobody writes them by hand
REVOKE INSERT, UPDATE, DELETE ON qualification_step, ineligible_member FROM flexexchange_operator;
GRANT SELECT ON qualification, qualification_step, suspension, test_result, qualification_evidence, ineligible_member TO flexexchange_participant;
-- what a unit lacks is computed, and stamps with a name are given by the triggers
GRANT INSERT (asset_id, portfolio_id, product_id, service_provider_id),
      UPDATE (status, prequalified_at, verified_at, valid, note) ON qualification TO flexexchange_participant;
GRANT INSERT (qualification_id, reason, note), UPDATE (status) ON suspension TO flexexchange_participant;
GRANT INSERT (asset_id, service_provider_id, shown, tested_at, valid, report), UPDATE (status, valid) ON test_result TO flexexchange_participant;
GRANT INSERT (qualification_id, test_result_id) ON qualification_evidence TO flexexchange_participant;

DROP POLICY IF EXISTS qualification_read_own ON qualification;
CREATE POLICY qualification_read_own ON qualification FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()));
COMMENT ON POLICY qualification_read_own ON qualification IS 'QUAL-SP-1: a provider reads its own applications';
DROP POLICY IF EXISTS qualification_read_procured ON qualification;
CREATE POLICY qualification_read_procured ON qualification FOR SELECT TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY qualification_read_procured ON qualification IS 'QUAL-MO-1: an operator reads the applications for its products';
DROP POLICY IF EXISTS qualification_insert ON qualification;
CREATE POLICY qualification_insert ON qualification FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant())
              AND (asset_id IS NULL OR asset_id IN (SELECT own_asset_ids()))
              AND (portfolio_id IS NULL OR portfolio_id IN (SELECT own_portfolio_ids())));
COMMENT ON POLICY qualification_insert ON qualification IS 'QUAL-SP-2: a provider applies with units of its own';
DROP POLICY IF EXISTS qualification_apply_again ON qualification;
CREATE POLICY qualification_apply_again ON qualification FOR UPDATE TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) AND status = 'rejected')
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND status IN ('rejected', 'requested'));
COMMENT ON POLICY qualification_apply_again ON qualification IS 'QUAL-SP-3: a provider that was rejected may apply again, and change nothing else';
DROP POLICY IF EXISTS qualification_decide ON qualification;
CREATE POLICY qualification_decide ON qualification FOR UPDATE TO flexexchange_participant
  USING (product_id = ANY (ARRAY(SELECT own_product_ids())) AND status <> 'rejected')
  WITH CHECK (product_id = ANY (ARRAY(SELECT own_product_ids())));
COMMENT ON POLICY qualification_decide ON qualification IS 'QUAL-MO-2: the procuring operator takes every other step';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['qualification_step', 'suspension', 'qualification_evidence', 'ineligible_member'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant
      USING (EXISTS (SELECT FROM qualification q WHERE q.id = qualification_id))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''QUAL-ALL-1: whoever reads an application reads what belongs to it''', name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['suspension', 'qualification_evidence'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_insert ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_insert ON %1$I FOR INSERT TO flexexchange_participant
      WITH CHECK (EXISTS (SELECT FROM qualification q WHERE q.id = qualification_id AND q.product_id = ANY (ARRAY(SELECT own_product_ids()))))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_insert ON %1$I IS ''QUAL-MO-3: the procuring operator suspends, and accepts tests''', name);
  END LOOP;
END
$block$;
DROP POLICY IF EXISTS suspension_update ON suspension;
CREATE POLICY suspension_update ON suspension FOR UPDATE TO flexexchange_participant
  USING (EXISTS (SELECT FROM qualification q WHERE q.id = qualification_id AND q.product_id = ANY (ARRAY(SELECT own_product_ids()))));
COMMENT ON POLICY suspension_update ON suspension IS 'QUAL-MO-4: the procuring operator reinstates';

DROP POLICY IF EXISTS test_result_read_own ON test_result;
CREATE POLICY test_result_read_own ON test_result FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) OR asset_id IN (SELECT own_asset_ids()));
COMMENT ON POLICY test_result_read_own ON test_result IS 'TEST-SP-1: a provider reads the tests that it submitted, and those of the assets that it operates';
DROP POLICY IF EXISTS test_result_insert ON test_result;
CREATE POLICY test_result_insert ON test_result FOR INSERT TO flexexchange_participant
  WITH CHECK (service_provider_id = (SELECT current_participant()) AND asset_id IN (SELECT own_asset_ids()));
COMMENT ON POLICY test_result_insert ON test_result IS 'TEST-SP-2: a provider submits tests of assets that it operates';

-- where a test is of use: an application of the asset, or of a portfolio that it is in, for one of the reader's products
DO $block$
DECLARE
  applied constant text := $condition$
    EXISTS (SELECT FROM qualification q WHERE q.asset_id = test_result.asset_id AND q.product_id = ANY (ARRAY(SELECT own_product_ids())))
    OR EXISTS (SELECT FROM portfolio_member m JOIN qualification q ON q.unit_id = m.portfolio_id
               WHERE m.asset_id = test_result.asset_id AND m.valid @> now() AND q.product_id = ANY (ARRAY(SELECT own_product_ids())))$condition$;
BEGIN
  DROP POLICY IF EXISTS test_result_read_of_use ON test_result;
  EXECUTE format('CREATE POLICY test_result_read_of_use ON test_result FOR SELECT TO flexexchange_participant USING (%s)', applied);
  COMMENT ON POLICY test_result_read_of_use ON test_result IS 'TEST-MO-1: an operator reads the tests of every asset that applies to it, itself or in a portfolio, whoever verified them';
  DROP POLICY IF EXISTS test_result_decide ON test_result;
  EXECUTE format('CREATE POLICY test_result_decide ON test_result FOR UPDATE TO flexexchange_participant
    USING ((decided_at IS NULL OR decided_by = (SELECT current_participant())) AND (%s))', applied);
  COMMENT ON POLICY test_result_decide ON test_result IS 'TEST-MO-2: an operator to which the asset applies verifies or refuses a test; what one decided, no other changes';
END
$block$;

-- ---------------------------------------------------------------- what may be asked

CREATE OR REPLACE VIEW market_readiness WITH (security_invoker = true) AS
  SELECT c.*, c.product_is_offered AND c.provider_has_unit AND c.unit_is_active AND c.is_eligible
              AND c.is_not_rejected AND c.is_approved AND c.decision_is_valid AND c.is_not_suspended AS is_ready
  FROM (
    SELECT q.id AS qualification_id, q.unit_id, q.product_id, q.service_provider_id,
           p.valid @> now() AS product_is_offered,
           CASE WHEN q.asset_id IS NOT NULL
                THEN EXISTS (SELECT FROM asset_operator o WHERE o.asset_id = q.asset_id AND o.service_provider_id = q.service_provider_id AND o.valid @> now())
                ELSE EXISTS (SELECT FROM portfolio f WHERE f.id = q.portfolio_id AND f.service_provider_id = q.service_provider_id) END AS provider_has_unit,
           CASE WHEN q.asset_id IS NOT NULL
                THEN EXISTS (SELECT FROM asset a WHERE a.id = q.asset_id AND a.connection_status <> 'disconnected')
                ELSE EXISTS (SELECT FROM portfolio_member m JOIN asset a ON a.id = m.asset_id
                             WHERE m.portfolio_id = q.portfolio_id AND m.valid @> now() AND a.connection_status <> 'disconnected') END AS unit_is_active,
           q.eligible IS NOT false AS is_eligible,
           q.status <> 'rejected' AS is_not_rejected,
           q.status = 'temporary_qualified' OR num_nonnulls(q.prequalified_at, q.verified_at) > 0 AS is_approved,
           q.valid @> now() AS decision_is_valid,
           NOT EXISTS (SELECT FROM suspension s WHERE s.qualification_id = q.id AND s.status = 'suspended') AS is_not_suspended
    FROM qualification q JOIN product p ON p.id = q.product_id) c;
COMMENT ON VIEW market_readiness IS
  'may this unit sell this product now: the conditions of each application one by one, as its reader may see them, and whether all are met';
COMMENT ON COLUMN market_readiness.qualification_id IS 'the application';
COMMENT ON COLUMN market_readiness.unit_id IS 'its unit';
COMMENT ON COLUMN market_readiness.product_id IS 'its product';
COMMENT ON COLUMN market_readiness.service_provider_id IS 'who applied';
COMMENT ON COLUMN market_readiness.product_is_offered IS 'the version of the product is offered now';
COMMENT ON COLUMN market_readiness.provider_has_unit IS 'the provider that applied operates the asset now, or the portfolio is its own';
COMMENT ON COLUMN market_readiness.unit_is_active IS 'the asset is not disconnected; a portfolio has a member now that is not';
COMMENT ON COLUMN market_readiness.is_eligible IS 'no requirement of the spec is missed, or the product states none';
COMMENT ON COLUMN market_readiness.is_not_rejected IS 'the application is not rejected';
COMMENT ON COLUMN market_readiness.is_approved IS 'it has the stamp of prequalification or verification, whatever its status, or is temporarily qualified';
COMMENT ON COLUMN market_readiness.decision_is_valid IS 'the validity that was decided covers this moment';
COMMENT ON COLUMN market_readiness.is_not_suspended IS 'no suspension is live';
COMMENT ON COLUMN market_readiness.is_ready IS 'all of these';
GRANT SELECT ON market_readiness TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE VIEW reusable_test WITH (security_invoker = true) AS
  SELECT q.id AS qualification_id, t.id AS test_result_id, t.asset_id, t.decided_by AS verified_by, k.proves, k.contradicts,
         e.accepted_at IS NOT NULL AS is_accepted
  FROM qualification q
  JOIN product p ON p.id = q.product_id
  JOIN test_result t ON t.asset_id = q.asset_id OR t.asset_id IN (
    SELECT m.asset_id FROM portfolio_member m WHERE m.portfolio_id = q.portfolio_id AND m.valid @> now())
  CROSS JOIN LATERAL (
    SELECT array_agg(key ORDER BY key COLLATE "C") FILTER (WHERE i.requirement IS NULL) AS proves,
           array_agg(key ORDER BY key COLLATE "C") FILTER (WHERE i.requirement IS NOT NULL) AS contradicts
    FROM jsonb_object_keys(p.spec::jsonb -> 'member') key
    LEFT JOIN ineligibility(p.spec, t.shown, 'member') i ON i.requirement = 'member.' || key
    WHERE t.shown::jsonb ? key) k
  LEFT JOIN qualification_evidence e ON e.qualification_id = q.id AND e.test_result_id = t.id
  WHERE t.status = 'verified' AND t.valid @> now() AND num_nonnulls(k.proves, k.contradicts) > 0;
COMMENT ON VIEW reusable_test IS
  'for each application the verified tests of its unit and members that say something of what the product requires of each asset, whichever operator verified them';
COMMENT ON COLUMN reusable_test.qualification_id IS 'the application';
COMMENT ON COLUMN reusable_test.test_result_id IS 'the test';
COMMENT ON COLUMN reusable_test.asset_id IS 'the asset that was tested';
COMMENT ON COLUMN reusable_test.verified_by IS 'the operator that verified it; NULL: the operator of the exchange';
COMMENT ON COLUMN reusable_test.proves IS 'the requirements that it shows to be met';
COMMENT ON COLUMN reusable_test.contradicts IS 'the requirements that it shows not to be met';
COMMENT ON COLUMN reusable_test.is_accepted IS 'true when it was accepted for this application';
GRANT SELECT ON reusable_test TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION eligible_products(unit_id bigint)
RETURNS TABLE (product_id bigint, market text, product text, version integer, alone boolean)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  own asset_profile;
BEGIN
  SELECT coalesce(a.profile, '{}') INTO own FROM asset a WHERE a.id = eligible_products.unit_id;
  IF FOUND THEN
    RETURN QUERY SELECT p.id, m.code, p.code, p.version, eligible_alone(p.spec, own)
      FROM product p JOIN market m ON m.id = p.market_id
      WHERE p.spec @> own AND upper(p.valid) > now() ORDER BY m.code, p.code, p.version;
    RETURN;
  END IF;
  own := portfolio_profile(unit_id);
  IF own IS NULL THEN
    RAISE EXCEPTION 'there is no asset or portfolio %', coalesce(unit_id::text, 'NULL')
      USING ERRCODE = 'MX101', HINT = 'Register it first; what_if() answers for a profile that nobody has yet.';
  END IF;
  RETURN QUERY SELECT p.id, m.code, p.code, p.version, true
    FROM product p JOIN market m ON m.id = p.market_id
    WHERE eligible_unit(p.spec, own) AND upper(p.valid) > now()
      AND NOT EXISTS (SELECT FROM portfolio_member k JOIN asset a ON a.id = k.asset_id
                      WHERE k.portfolio_id = eligible_products.unit_id AND k.valid @> now() AND NOT p.spec @> coalesce(a.profile, '{}'))
    ORDER BY m.code, p.code, p.version;
END
$function$;
COMMENT ON FUNCTION eligible_products(bigint) IS
  'the products, offered now or later, of which an asset meets the member part, or a portfolio the unit part and its members the member part; alone: it may offer the product by itself; error MX101';
REVOKE ALL ON FUNCTION eligible_products(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION eligible_products(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION eligible_assets(product_id bigint) RETURNS SETOF bigint
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path FROM CURRENT
AS $function$
DECLARE
  required product_spec;
BEGIN
  SELECT p.spec INTO required FROM product p WHERE p.id = product_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no product %', coalesce(product_id::text, 'NULL')
      USING ERRCODE = 'MX102', HINT = 'Look it up: SELECT id, code, version FROM product.';
  END IF;
  RETURN QUERY SELECT a.id FROM asset a WHERE a.profile <@ required;
END
$function$;
COMMENT ON FUNCTION eligible_assets(bigint) IS
  'the assets, of those that the caller may read, which meet the member part of a product; none where it states no spec; error MX102';
REVOKE ALL ON FUNCTION eligible_assets(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION eligible_assets(bigint) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION what_if(profile asset_profile)
RETURNS TABLE (product_id bigint, market text, product text, version integer, eligible boolean, alone boolean, missed jsonb)
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT p.id, m.code, p.code, p.version, p.spec @> what_if.profile, eligible_alone(p.spec, what_if.profile),
         missed_requirements(p.spec, what_if.profile, 'alone')
  FROM product p JOIN market m ON m.id = p.market_id
  WHERE upper(p.valid) > now()
  ORDER BY m.code, p.code, p.version;
END;
COMMENT ON FUNCTION what_if(asset_profile) IS
  'every product of every market that is offered now or later: may an asset of that profile be a member of a unit for it (eligible), or offer it by itself (alone), and every requirement that is missed; NULL where the product states no spec';
REVOKE ALL ON FUNCTION what_if(asset_profile) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION what_if(asset_profile) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
