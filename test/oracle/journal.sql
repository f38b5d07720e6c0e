-- The order of posting, kept by the test itself: what the design calls posting,
-- as plain triggers.  A trade is posted when it becomes live and again when its
-- unit, product, direction, power or window changes while it is.

CREATE SEQUENCE posting;
CREATE TABLE journal (source_id bigint PRIMARY KEY, seq bigint NOT NULL);

CREATE FUNCTION keep_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR (NEW.live AND NOT OLD.live)
     OR ROW(OLD.unit_id, OLD.product_id, OLD.direction, OLD.power_kw, OLD.delivery_window::text)
        IS DISTINCT FROM ROW(NEW.unit_id, NEW.product_id, NEW.direction, NEW.power_kw, NEW.delivery_window::text) THEN
    INSERT INTO journal VALUES (NEW.id, nextval('posting'))
    ON CONFLICT (source_id) DO UPDATE SET seq = EXCLUDED.seq;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER t40_journal AFTER INSERT OR UPDATE ON bid FOR EACH ROW EXECUTE FUNCTION keep_journal();
CREATE TRIGGER t40_journal AFTER INSERT OR UPDATE ON award FOR EACH ROW EXECUTE FUNCTION keep_journal();
CREATE TRIGGER t40_journal AFTER INSERT OR UPDATE ON availability FOR EACH ROW EXECUTE FUNCTION keep_journal();
CREATE TRIGGER t40_journal AFTER INSERT OR UPDATE ON dispatch FOR EACH ROW EXECUTE FUNCTION keep_journal();
