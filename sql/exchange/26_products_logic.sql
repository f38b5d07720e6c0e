-- archetype: thin
-- Products: everybody who takes part reads them; what was traded by them never changes.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['service', 'market', 'market_gate', 'product', 'product_template']) t;

CREATE OR REPLACE FUNCTION own_product_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT p.id FROM product p JOIN market m ON m.id = p.market_id
  WHERE m.market_operator_id = current_participant();
END;
COMMENT ON FUNCTION own_product_ids() IS 'the products of the markets that the session''s participant runs';
REVOKE ALL ON FUNCTION own_product_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION own_product_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['market', 'product'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_mrid_is_kept BEFORE UPDATE OF mrid ON %I
      FOR EACH ROW WHEN (OLD.mrid IS DISTINCT FROM NEW.mrid)
      EXECUTE FUNCTION refuse_change(''mrid'', ''An mrid names a thing for ever; register a new one instead.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_mrid_is_kept ON %I IS ''an mrid never changes''', name);
  END LOOP;
END
$block$;

-- commitments carry the service of their product and count on what binds it
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF service_code, binds, utilisation, max_recovery, market_id, version, price_mechanism, paid_for, baseline_methods, gate_closure, payment_terms, reporting ON product
  FOR EACH ROW WHEN ((OLD.service_code, OLD.binds, OLD.utilisation, OLD.max_recovery, OLD.market_id, OLD.version, OLD.price_mechanism, OLD.paid_for, OLD.baseline_methods,
                      OLD.gate_closure, OLD.payment_terms, OLD.reporting)
                     IS DISTINCT FROM (NEW.service_code, NEW.binds, NEW.utilisation, NEW.max_recovery, NEW.market_id, NEW.version, NEW.price_mechanism, NEW.paid_for, NEW.baseline_methods,
                      NEW.gate_closure, NEW.payment_terms, NEW.reporting))
  EXECUTE FUNCTION refuse_change('service_code, market_id, version, binds, utilisation, max_recovery and commercial terms', 'Register a new version of the product.');
COMMENT ON TRIGGER t10_terms_are_kept ON product IS 'service, market, what binds, how it is used and paid belong to a version';

CREATE OR REPLACE TRIGGER t10_buyer_is_kept BEFORE UPDATE OF market_operator_id ON market
  FOR EACH ROW WHEN (OLD.market_operator_id IS DISTINCT FROM NEW.market_operator_id)
  EXECUTE FUNCTION refuse_change('market_operator_id', 'Register a new market: commitments name their buyer.');
COMMENT ON TRIGGER t10_buyer_is_kept ON market IS 'the buyer belongs to the market';

-- what a ruleset makes of a verdict goes by the kind of buyer
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF buyer_kind ON service
  FOR EACH ROW WHEN (OLD.buyer_kind IS DISTINCT FROM NEW.buyer_kind)
  EXECUTE FUNCTION refuse_change('buyer_kind', 'Register another service.');
COMMENT ON TRIGGER t10_terms_are_kept ON service IS 'rules that have been in force count on who buys a service';

-- conditions of rules name products and markets by their codes
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['product', 'market'] LOOP
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_code_is_kept BEFORE UPDATE OF code ON %1$I
      FOR EACH ROW WHEN (OLD.code IS DISTINCT FROM NEW.code)
      EXECUTE FUNCTION refuse_change(''code'', ''Register another %1$s: rules name it by its code.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_code_is_kept ON %I IS ''rules name it by its code''', name);
  END LOOP;
END
$block$;

CREATE OR REPLACE FUNCTION keep_used_spec() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  name text;
  used boolean;
BEGIN
  -- asked here: in a WHEN clause a dump would write this operator without its schema
  IF NEW.spec IS NOT DISTINCT FROM OLD.spec THEN
    RETURN NEW;
  END IF;
  -- whoever names the product from now on waits, and whoever did is seen
  PERFORM FROM product WHERE id = OLD.id FOR UPDATE;
  FOREACH name IN ARRAY TG_ARGV LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE product_id = $1)', name) INTO used USING OLD.id;
    IF used THEN
      RAISE EXCEPTION 'product.spec cannot be changed: table % names version % of product %', name, OLD.version, OLD.code
        USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Register a new version of the product.';
    END IF;
  END LOOP;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION keep_used_spec() IS
  'trigger: refuses another spec of a product that a row of the tables names which are its arguments';
REVOKE ALL ON FUNCTION keep_used_spec() FROM PUBLIC;

-- Days before delivery are days of the market, whatever the time zone of the session; hours are hours.
CREATE OR REPLACE FUNCTION gate_before(delivery timestamptz, zone text, closes_before interval, at_time time DEFAULT NULL, on_weekday integer DEFAULT NULL) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  days CONSTANT interval := make_interval(months => (12 * extract(year FROM closes_before) + extract(month FROM closes_before))::integer, days => extract(day FROM closes_before)::integer);
  latest CONSTANT timestamptz := ((delivery AT TIME ZONE zone) - days) AT TIME ZONE zone - (closes_before - days);
BEGIN
  -- the last day on which that time comes early enough; clocks may skip it on one of them
  RETURN CASE WHEN at_time IS NULL THEN latest ELSE (
    SELECT max(local_time(day + at_time, zone))
    FROM generate_series(date_trunc('day', latest AT TIME ZONE zone) - interval '15 days', latest AT TIME ZONE zone, interval '1 day') AS day
    WHERE local_time(day + at_time, zone) <= latest AND (on_weekday IS NULL OR extract(isodow FROM day) = on_weekday)) END;
END
$function$;
COMMENT ON FUNCTION gate_before(timestamptz, text, interval, time, integer) IS
  'when a gate closes for a delivery that starts at that instant: so long before it, days being days of the time zone, or at the last local time, on the last such weekday, before that';
REVOKE ALL ON FUNCTION gate_before(timestamptz, text, interval, time, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_before(timestamptz, text, interval, time, integer) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION gate_closure(market_id bigint, stage text, delivery timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT gate_before(gate_closure.delivery, m.time_zone, g.closes_before, g.at_time, g.on_weekday)
  FROM market_gate g JOIN market m ON m.id = g.market_id
  WHERE g.market_id = gate_closure.market_id AND g.stage = gate_closure.stage;
END;
COMMENT ON FUNCTION gate_closure(bigint, text, timestamptz) IS
  'when a stage of a market closes for a delivery that starts at that instant: so long before it, or at the last local time, on the last such weekday, before that; NULL when the market has no such gate';
REVOKE ALL ON FUNCTION gate_closure(bigint, text, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gate_closure(bigint, text, timestamptz) TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

CREATE OR REPLACE FUNCTION create_product(market_id bigint, template text, code text DEFAULT NULL, name text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE
SET search_path FROM CURRENT
AS $function$
#variable_conflict use_column
DECLARE
  made bigint;
  published product_template;
BEGIN
  SELECT * INTO published FROM product_template t WHERE t.code = template;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no product template "%"', left(template, 64)
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Table product_template has %s.', (SELECT string_agg(t.code, ', ' ORDER BY t.code COLLATE "C") FROM product_template t));
  END IF;
  INSERT INTO product AS p (market_id, code, version, name, service_code, binds, utilisation, source, max_recovery, spec, price_mechanism, paid_for, baseline_methods)
  SELECT create_product.market_id, coalesce(create_product.code, published.code),
         1 + coalesce(max(x.version), 0), coalesce(create_product.name, published.name),
         published.service_code, published.binds, published.utilisation, format('%s, %s', published.source, published.as_of),
         published.max_recovery, published.spec, published.price_mechanism, published.paid_for, published.baseline_methods
  FROM product x WHERE x.market_id = create_product.market_id AND x.code = coalesce(create_product.code, published.code)
  RETURNING p.id INTO made;
  RETURN made;
END
$function$;
COMMENT ON FUNCTION create_product(bigint, text, text, text) IS
  'makes a product, or its next version, of a market from a published template; gives its id; error 22023 for a template that there is not';
REVOKE ALL ON FUNCTION create_product(bigint, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_product(bigint, text, text, text) TO flexexchange_operator;

-- What each product requires, one requirement a row.
CREATE OR REPLACE VIEW product_requirement WITH (security_invoker = true) AS
  SELECT p.id AS product_id, p.market_id, p.code, p.version, p.service_code, part.name AS part, need.key AS requirement,
         CASE WHEN jsonb_typeof(need.value) = 'object' THEN need.value ->> 'min' END AS at_least,
         CASE WHEN jsonb_typeof(need.value) = 'object' THEN need.value ->> 'max' END AS at_most,
         CASE jsonb_typeof(need.value) WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(need.value)) WHEN 'object' THEN NULL ELSE ARRAY[need.value #>> '{}'] END AS codes
  FROM product p
  CROSS JOIN LATERAL (
    SELECT 'member' AS name, p.spec::jsonb -> 'member' AS content UNION ALL SELECT 'unit', p.spec::jsonb -> 'unit'
    UNION ALL SELECT 'grouping', p.spec::jsonb - 'member' - 'unit') part
  CROSS JOIN LATERAL jsonb_each(part.content) need
  WHERE p.valid @> now();
COMMENT ON VIEW product_requirement IS 'what the products on offer require, one requirement a row';
COMMENT ON COLUMN product_requirement.product_id IS 'the product version';
COMMENT ON COLUMN product_requirement.market_id IS 'its market';
COMMENT ON COLUMN product_requirement.code IS 'its code';
COMMENT ON COLUMN product_requirement.version IS 'its version';
COMMENT ON COLUMN product_requirement.service_code IS 'its service';
COMMENT ON COLUMN product_requirement.part IS 'member (of each asset), unit (of the whole) or grouping (what members have in common)';
COMMENT ON COLUMN product_requirement.requirement IS 'key of product_spec; its unit is in its name, durations are ISO 8601';
COMMENT ON COLUMN product_requirement.at_least IS 'lower bound, included';
COMMENT ON COLUMN product_requirement.at_most IS 'upper bound, included';
COMMENT ON COLUMN product_requirement.codes IS 'codes, true or false, or the place in common';
GRANT SELECT ON product_requirement TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;

-- The same side by side: how many ways of asking there are for one thing.
CREATE OR REPLACE VIEW requirement_variety WITH (security_invoker = true) AS
  SELECT r.part, r.requirement, count(DISTINCT r.product_id) AS products, count(DISTINCT r.market_id) AS markets,
         count(DISTINCT (r.at_least, r.at_most, r.codes)) AS ways,
         jsonb_object_agg(DISTINCT m.code || ' ' || r.code || CASE WHEN r.version > 1 THEN format(' (version %s)', r.version) ELSE '' END,
           CASE WHEN r.codes IS NOT NULL THEN array_to_string(r.codes, ', ')
                ELSE concat_ws(' to ', coalesce(r.at_least, 'any'), coalesce(r.at_most, 'any')) END) AS as_asked
  FROM product_requirement r JOIN market m ON m.id = r.market_id
  GROUP BY r.part, r.requirement;
COMMENT ON VIEW requirement_variety IS 'each requirement with all the ways in which products on offer ask for it: what could be harmonised';
COMMENT ON COLUMN requirement_variety.part IS 'member, unit or grouping';
COMMENT ON COLUMN requirement_variety.requirement IS 'key of product_spec';
COMMENT ON COLUMN requirement_variety.products IS 'how many products ask for it';
COMMENT ON COLUMN requirement_variety.markets IS 'how many markets do';
COMMENT ON COLUMN requirement_variety.ways IS 'in how many ways';
COMMENT ON COLUMN requirement_variety.as_asked IS 'market and product with what they ask, least to most';
GRANT SELECT ON requirement_variety TO flexexchange_operator, flexexchange_participant, flexexchange_analyst, flexexchange_regulator;
