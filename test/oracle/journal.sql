-- The order of posting, kept by the test itself: what the design calls posting,
-- as plain triggers.  A trade is posted when it becomes live and again when its
-- unit, product, direction, power or window changes while it is.  Rows that one
-- statement inserts are posted by unit, then id.

CREATE SEQUENCE posting;
CREATE TABLE journal (source_id bigint PRIMARY KEY, seq bigint NOT NULL);

CREATE FUNCTION keep_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    INSERT INTO journal SELECT id, nextval('posting') FROM (SELECT id FROM new_rows ORDER BY unit_id, id) r
    ON CONFLICT (source_id) DO UPDATE SET seq = EXCLUDED.seq;
  ELSIF (NEW.live AND NOT OLD.live)
     OR ROW(OLD.unit_id, OLD.product_id, OLD.direction, OLD.power_kw, OLD.delivery_window::text)
        IS DISTINCT FROM ROW(NEW.unit_id, NEW.product_id, NEW.direction, NEW.power_kw, NEW.delivery_window::text) THEN
    INSERT INTO journal VALUES (NEW.id, nextval('posting'))
    ON CONFLICT (source_id) DO UPDATE SET seq = EXCLUDED.seq;
  END IF;
  RETURN NULL;
END $$;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid', 'award', 'availability', 'dispatch'] LOOP
    EXECUTE format('CREATE TRIGGER t40_journal_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_journal()', name);
    EXECUTE format('CREATE TRIGGER t40_journal_update AFTER UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION keep_journal()', name);
  END LOOP;
END $$;
