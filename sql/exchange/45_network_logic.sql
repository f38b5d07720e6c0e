-- archetype: medium
-- Network: who states what of it, who reads it, and what never changes.

CREATE OR REPLACE FUNCTION operated_grid_node_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT g.id FROM grid_node g WHERE g.operator_id = current_participant();
END;
COMMENT ON FUNCTION operated_grid_node_ids() IS 'the nodes that the session''s participant operates';
REVOKE ALL ON FUNCTION operated_grid_node_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operated_grid_node_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION concerning_grid_node_ids() RETURNS SETOF bigint
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  WITH RECURSIVE above AS (
    -- row-level security leaves the units that the participant may read
    SELECT a.grid_node_id FROM asset a
    UNION SELECT p.grid_node_id FROM portfolio p
    UNION SELECT n.parent_id FROM above JOIN grid_node_parent n ON n.grid_node_id = above.grid_node_id
  )
  SELECT above.grid_node_id FROM above WHERE above.grid_node_id IS NOT NULL;
END;
COMMENT ON FUNCTION concerning_grid_node_ids() IS 'the nodes above the units that the session may read, at any time';
REVOKE ALL ON FUNCTION concerning_grid_node_ids() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION concerning_grid_node_ids() TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION operates_network_of(asset_id bigint, portfolio_id bigint, span time_window) RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
BEGIN ATOMIC
  SELECT EXISTS (
    SELECT FROM grid_nodes_above(coalesce((SELECT a.grid_node_id FROM asset a WHERE a.id = operates_network_of.asset_id),
                                          (SELECT p.grid_node_id FROM portfolio p WHERE p.id = operates_network_of.portfolio_id)), span) above
    WHERE above.grid_node_id IN (SELECT operated_grid_node_ids()));
END;
COMMENT ON FUNCTION operates_network_of(bigint, bigint, time_window) IS
  'true when the session''s participant operates a node above the unit at some time of the window';
REVOKE ALL ON FUNCTION operates_network_of(bigint, bigint, time_window) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION operates_network_of(bigint, bigint, time_window) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

SELECT protect_table(t::regclass)
FROM unnest(ARRAY['operating_limit', 'constraint_period', 'unit_removal', 'network_watch', 'network_dispatch']) t;
-- what is derived nobody writes by hand
REVOKE INSERT, UPDATE, DELETE ON network_watch, network_dispatch FROM flexexchange_operator;
GRANT SELECT ON operating_limit, constraint_period, unit_removal TO flexexchange_participant;
GRANT INSERT (grid_node_id, valid, direction, limit_kw, operator_id, source, revises_id), UPDATE (closed_at)
  ON operating_limit, constraint_period TO flexexchange_participant;
GRANT INSERT (asset_id, portfolio_id, service_code, valid, operator_id, reason, source), UPDATE (closed_at)
  ON unit_removal TO flexexchange_participant;

-- An operator states what its own elements can bear.  Every market operator reads
-- that, since any of them may instruct behind them, and so does a provider of the
-- elements above its units.
DO $block$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['operating_limit', 'constraint_period'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS %1$s_read ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_read ON %1$I FOR SELECT TO flexexchange_participant
      USING (operator_id = (SELECT current_participant())
             OR (SELECT current_participant_is(''market_operator''))
             OR grid_node_id = ANY (ARRAY(SELECT concerning_grid_node_ids())))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_read ON %1$I IS ''NET-1: a market operator reads all of them, a provider those above its units''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_insert_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_insert_own ON %1$I FOR INSERT TO flexexchange_participant
      WITH CHECK (operator_id = (SELECT current_participant())
                  AND grid_node_id = ANY (ARRAY(SELECT operated_grid_node_ids())))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_insert_own ON %1$I IS ''NET-2: an operator states what nodes that it operates can bear''', name);
    EXECUTE format('DROP POLICY IF EXISTS %1$s_close_own ON %1$I', name);
    EXECUTE format('CREATE POLICY %1$s_close_own ON %1$I FOR UPDATE TO flexexchange_participant
      USING (operator_id = (SELECT current_participant()))
      WITH CHECK (operator_id = (SELECT current_participant()))', name);
    EXECUTE format('COMMENT ON POLICY %1$s_close_own ON %1$I IS ''NET-3: an operator withdraws what it stated''', name);
  END LOOP;
END
$block$;

DROP POLICY IF EXISTS unit_removal_read ON unit_removal;
CREATE POLICY unit_removal_read ON unit_removal FOR SELECT TO flexexchange_participant
  USING (operator_id = (SELECT current_participant())
         OR (SELECT current_participant_is('market_operator'))
         OR asset_id IN (SELECT a.id FROM asset a)
         OR portfolio_id IN (SELECT p.id FROM portfolio p));
COMMENT ON POLICY unit_removal_read ON unit_removal IS 'NET-4: a market operator reads every removal, a provider those of its units';
DROP POLICY IF EXISTS unit_removal_insert_own ON unit_removal;
CREATE POLICY unit_removal_insert_own ON unit_removal FOR INSERT TO flexexchange_participant
  WITH CHECK (operator_id = (SELECT current_participant()) AND operates_network_of(asset_id, portfolio_id, valid));
COMMENT ON POLICY unit_removal_insert_own ON unit_removal IS 'NET-5: an operator takes out units that lie behind its network';
DROP POLICY IF EXISTS unit_removal_close_own ON unit_removal;
CREATE POLICY unit_removal_close_own ON unit_removal FOR UPDATE TO flexexchange_participant
  USING (operator_id = (SELECT current_participant()))
  WITH CHECK (operator_id = (SELECT current_participant()));
COMMENT ON POLICY unit_removal_close_own ON unit_removal IS 'NET-6: an operator withdraws its removals';

CREATE OR REPLACE FUNCTION close_revised() RETURNS trigger
LANGUAGE plpgsql
SET search_path FROM CURRENT
AS $function$
DECLARE
  closed bigint;
BEGIN
  EXECUTE format('UPDATE %s SET closed_at = clock_timestamp()
                  WHERE id = $1 AND closed_at IS NULL AND operator_id = $2 AND grid_node_id = $3 RETURNING id', TG_RELID::regclass)
    INTO closed USING NEW.revises_id, NEW.operator_id, NEW.grid_node_id;
  IF closed IS NULL THEN
    RAISE EXCEPTION '%.revises_id % is not a standing row of that operator and grid node', TG_TABLE_NAME, NEW.revises_id
      USING ERRCODE = 'check_violation', HINT = 'Name the row that is in force, or leave the field NULL where nothing stood before.';
  END IF;
  RETURN NEW;
END
$function$;
COMMENT ON FUNCTION close_revised() IS 'trigger: closes the row that a new one takes the place of';
REVOKE ALL ON FUNCTION close_revised() FROM PUBLIC;

DO $block$
DECLARE
  name text;
  terms text;
BEGIN
  FOR name, terms IN VALUES
    ('operating_limit', '%1$s.grid_node_id, %1$s.direction, %1$s.limit_kw, %1$s.revises_id'),
    ('constraint_period', '%1$s.grid_node_id, %1$s.direction, %1$s.limit_kw, %1$s.revises_id'),
    ('unit_removal', '%1$s.asset_id, %1$s.portfolio_id, %1$s.service_code, %1$s.reason')
  LOOP
    terms := 'ROW(%1$s.id, %1$s.mrid, %1$s.operator_id, %1$s.source, %1$s.recorded_at, ' || terms || ')';
    -- all but closed_at, and that once; a dump names the operator <> of windows in full, but not that of IS DISTINCT FROM
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_terms_are_kept BEFORE UPDATE ON %I
      FOR EACH ROW WHEN (OLD.closed_at IS NOT NULL OR OLD.valid <> NEW.valid OR %s IS DISTINCT FROM %s)
      EXECUTE FUNCTION refuse_change(''terms'', ''Close the row (closed_at) and write a new one.'')',
      name, format(terms, 'OLD'), format(terms, 'NEW'));
    EXECUTE format('COMMENT ON TRIGGER t10_terms_are_kept ON %I IS ''what was stated is closed, not turned into another''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_rows_are_kept BEFORE DELETE ON %I
      FOR EACH ROW EXECUTE FUNCTION refuse_change(''rows'', ''Close the row (closed_at): history stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_rows_are_kept ON %I IS ''rows are closed, not deleted''', name);
    EXECUTE format('CREATE OR REPLACE TRIGGER t10_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''rows'', ''Close the rows (closed_at): history stays.'')', name);
    EXECUTE format('COMMENT ON TRIGGER t10_no_truncate ON %I IS ''history is not truncated''', name);
    IF name <> 'unit_removal' THEN
      EXECUTE format('CREATE OR REPLACE TRIGGER t20_revise BEFORE INSERT ON %I
        FOR EACH ROW WHEN (NEW.revises_id IS NOT NULL) EXECUTE FUNCTION close_revised()', name);
      EXECUTE format('COMMENT ON TRIGGER t20_revise ON %I IS ''a revision closes what it takes the place of''', name);
    END IF;
  END LOOP;
END
$block$;

CREATE OR REPLACE VIEW network_restriction WITH (security_invoker = true) AS
  SELECT 'operating_limit' AS kind, id, grid_node_id, valid, direction, limit_kw, operator_id, source
  FROM operating_limit WHERE closed_at IS NULL
  UNION ALL
  SELECT 'constraint_period', id, grid_node_id, valid, direction, limit_kw, operator_id, source
  FROM constraint_period WHERE closed_at IS NULL;
COMMENT ON VIEW network_restriction IS 'the operating limits and constraint periods that stand';
COMMENT ON COLUMN network_restriction.kind IS 'operating_limit or constraint_period';
COMMENT ON COLUMN network_restriction.id IS 'id of the row in the table of that name';
COMMENT ON COLUMN network_restriction.grid_node_id IS 'the element';
COMMENT ON COLUMN network_restriction.valid IS 'when';
COMMENT ON COLUMN network_restriction.direction IS 'up or down';
COMMENT ON COLUMN network_restriction.limit_kw IS 'the most that may be instructed at once behind it, kW';
COMMENT ON COLUMN network_restriction.operator_id IS 'the operator that states it';
COMMENT ON COLUMN network_restriction.source IS 'what it comes from';
GRANT SELECT ON network_restriction TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
