-- archetype: medium
-- Rules: who reads and writes them, and how to look a verdict up.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['ruleset', 'stacking_rule', 'stacking_interpretation', 'primacy_rule']) t;
SELECT protect_table('exclusivity');
GRANT SELECT ON exclusivity TO flexexchange_participant;
DROP POLICY IF EXISTS exclusivity_read_own ON exclusivity;
CREATE POLICY exclusivity_read_own ON exclusivity FOR SELECT TO flexexchange_participant
  USING (service_provider_id = (SELECT current_participant()) OR market_operator_id = (SELECT current_participant()));
COMMENT ON POLICY exclusivity_read_own ON exclusivity IS 'RULE-1: the two parties of an agreement read it';
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF id, mrid, asset_id, portfolio_id, service_code, market_operator_id, service_provider_id ON exclusivity
  FOR EACH ROW WHEN ((OLD.id, OLD.mrid, OLD.asset_id, OLD.portfolio_id, OLD.service_code, OLD.market_operator_id, OLD.service_provider_id)
                     IS DISTINCT FROM (NEW.id, NEW.mrid, NEW.asset_id, NEW.portfolio_id, NEW.service_code, NEW.market_operator_id, NEW.service_provider_id))
  EXECUTE FUNCTION refuse_change('id, mrid, unit, service and parties', 'End the agreement (valid) and write a new one.');
COMMENT ON TRIGGER t10_terms_are_kept ON exclusivity IS 'an agreement is ended, not turned into another';
-- rules are compiled with what they name
CREATE OR REPLACE TRIGGER t95_rules AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON service
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON service IS 'sessions compile the rules anew';
CREATE OR REPLACE TRIGGER t95_rules AFTER UPDATE OR DELETE OR TRUNCATE ON product
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON product IS 'sessions look products up anew';
CREATE OR REPLACE TRIGGER t95_rules AFTER UPDATE OR DELETE OR TRUNCATE ON market
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON market IS 'sessions look products up anew';
CREATE OR REPLACE TRIGGER t95_rules AFTER UPDATE ON exchange_instance
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON exchange_instance IS 'sessions read anew in which time zone days are counted and how conflicts are found';

CREATE OR REPLACE TRIGGER t95_rules AFTER INSERT OR DELETE OR TRUNCATE ON exclusivity
  FOR EACH STATEMENT EXECUTE FUNCTION forget_rules();
COMMENT ON TRIGGER t95_rules ON exclusivity IS 'sessions learn whether there are agreements at all';

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['ruleset', 'stacking_rule', 'stacking_interpretation'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t95_rules AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION forget_rules()', name);
    EXECUTE format('COMMENT ON TRIGGER t95_rules ON %I IS ''sessions compile the rules anew''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE VIEW stacking_meaning WITH (security_invoker = true) AS
  SELECT s.id AS ruleset_id, a.code AS service_a, b.code AS service_b, mode.code AS mode,
         coalesce(r.verdict, 'no_data') AS verdict,
         CASE WHEN r.verdict IN ('explicit_yes', 'implicit_yes') THEN 'yes'
              WHEN r.verdict IN ('explicit_no', 'implicit_no') THEN 'no'
              WHEN i.meaning IS NOT NULL THEN i.meaning
              WHEN r.verdict = 'not_applicable' THEN 'not_tested'
              ELSE 'unknown' END AS meaning,
         r.severity,
         coalesce(r.reason, i.reason) AS reason,
         r.id AS stacking_rule_id, r.priority, r.condition
  FROM ruleset s
  CROSS JOIN service a
  CROSS JOIN service b
  CROSS JOIN (VALUES ('co_delivery'), ('splitting'), ('jumping')) AS mode (code)
  -- one look into the index for each cell, however old the statistics are
  CROSS JOIN LATERAL (
    SELECT x.id, x.verdict, x.severity, x.reason, x.priority, x.condition FROM stacking_rule x
    WHERE x.ruleset_id = s.id AND x.mode = mode.code AND x.service_a = a.code AND x.service_b = b.code
    UNION ALL
    SELECT NULL, NULL, NULL, NULL, NULL, NULL
    WHERE NOT EXISTS (SELECT FROM stacking_rule y WHERE y.ruleset_id = s.id AND y.mode = mode.code
                      AND y.service_a = a.code AND y.service_b = b.code AND y.priority IS NULL)
  ) r
  LEFT JOIN LATERAL (
    SELECT m.meaning, m.reason FROM stacking_interpretation m
    WHERE m.ruleset_id = s.id AND m.mode = mode.code AND m.verdict = coalesce(r.verdict, 'no_data')
      AND ((coalesce(m.buyer_kind_a, a.buyer_kind) = a.buyer_kind AND coalesce(m.buyer_kind_b, b.buyer_kind) = b.buyer_kind)
        OR (coalesce(m.buyer_kind_a, b.buyer_kind) = b.buyer_kind AND coalesce(m.buyer_kind_b, a.buyer_kind) = a.buyer_kind))
    ORDER BY num_nonnulls(m.buyer_kind_a, m.buyer_kind_b) DESC, array_position(ARRAY['no', 'unknown', 'not_tested', 'yes'], m.meaning), m.id
    LIMIT 1
  ) i ON true;
COMMENT ON VIEW stacking_meaning IS
  'every ordered pair of services and mode with what each ruleset takes its verdict to mean: yes, no, unknown or not_tested; a pair without a rule that needs no condition counts as no_data; where rules have conditions a pair has several rows, tried by priority, the one without last; the conflict engine compiles this view';
COMMENT ON COLUMN stacking_meaning.ruleset_id IS 'the ruleset';
COMMENT ON COLUMN stacking_meaning.service_a IS 'one service';
COMMENT ON COLUMN stacking_meaning.service_b IS 'the other service';
COMMENT ON COLUMN stacking_meaning.mode IS 'co_delivery, splitting or jumping';
COMMENT ON COLUMN stacking_meaning.verdict IS 'as published';
COMMENT ON COLUMN stacking_meaning.meaning IS 'yes, no, unknown or not_tested';
COMMENT ON COLUMN stacking_meaning.severity IS 'advisory where a no is carried as a warning';
COMMENT ON COLUMN stacking_meaning.reason IS 'why';
COMMENT ON COLUMN stacking_meaning.stacking_rule_id IS 'the rule, NULL when the ruleset has none';
COMMENT ON COLUMN stacking_meaning.priority IS 'which rule is tried first, NULL for the last';
COMMENT ON COLUMN stacking_meaning.condition IS 'when the rule applies, NULL for the last';
GRANT SELECT ON stacking_meaning TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
