-- The order of posting, kept by the test itself: what the design calls posting,
-- as plain triggers.  A trade is posted when it becomes live and again when its
-- unit, product, direction, power or window changes while it is.  Rows that one
-- statement inserts are posted by unit, then id.

CREATE SEQUENCE posting;
CREATE TABLE journal (source_id bigint PRIMARY KEY, seq bigint NOT NULL);

CREATE FUNCTION keep_journal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal SELECT id, nextval('posting') FROM (SELECT id FROM new_rows ORDER BY unit_id, id) r
  ON CONFLICT (source_id) DO UPDATE SET seq = EXCLUDED.seq;
  RETURN NULL;
END $$;
CREATE FUNCTION keep_journal_of_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal
  SELECT id, nextval('posting') FROM (
    SELECT n.id FROM (SELECT *, row_number() OVER () AS place FROM new_rows) n JOIN old_rows o USING (id)
    WHERE (n.live AND NOT o.live)
       OR ROW(o.unit_id, o.product_id, o.direction, o.power_kw, o.delivery_window::text)
          IS DISTINCT FROM ROW(n.unit_id, n.product_id, n.direction, n.power_kw, n.delivery_window::text)
    ORDER BY n.place) r
  ON CONFLICT (source_id) DO UPDATE SET seq = EXCLUDED.seq;
  RETURN NULL;
END $$;
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['bid', 'award', 'availability', 'dispatch'] LOOP
    EXECUTE format('CREATE TRIGGER t40_journal_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_journal()', name);
    EXECUTE format('CREATE TRIGGER t40_journal_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_journal_of_changes()', name);
  END LOOP;
END $$;
