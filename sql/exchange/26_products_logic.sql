-- archetype: thin
-- Products: everybody who takes part reads them; what was traded by them never changes.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['service', 'market', 'product']) t;

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
CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE OF service_code, binds, utilisation, max_recovery, market_id ON product
  FOR EACH ROW WHEN ((OLD.service_code, OLD.binds, OLD.utilisation, OLD.max_recovery, OLD.market_id)
                     IS DISTINCT FROM (NEW.service_code, NEW.binds, NEW.utilisation, NEW.max_recovery, NEW.market_id))
  EXECUTE FUNCTION refuse_change('service_code, binds, utilisation, max_recovery and market_id', 'Register a new version of the product.');
COMMENT ON TRIGGER t10_terms_are_kept ON product IS 'service, market, what binds and how it is used belong to a version';

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
