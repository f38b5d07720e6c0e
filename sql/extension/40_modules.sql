-- The modules that exchanges are made of, what brings an older exchange to the shape
-- of the present ones, and the roles that they grant to.  The rows come from sql/exchange
-- and sql/migrations, at the end of this script.

CREATE TABLE module (
  name      text PRIMARY KEY,
  kind      text NOT NULL CHECK (kind IN ('state', 'logic', 'seed')),
  archetype text NOT NULL CHECK (archetype IN ('thin', 'medium', 'thick')),
  source    text NOT NULL
);
COMMENT ON TABLE module IS
  'the SQL text of which create_exchange() makes an exchange, in the order of the names';
COMMENT ON COLUMN module.name IS 'file name in sql/exchange, without its ending';
COMMENT ON COLUMN module.kind IS
  'state: run once, changed by migrations; logic: run again by every upgrade; seed: data that a new exchange starts with';
COMMENT ON COLUMN module.archetype IS 'the smallest archetype that has it: thin, medium or thick';
COMMENT ON COLUMN module.source IS 'SQL with unqualified names';
GRANT SELECT ON module TO PUBLIC;

CREATE TABLE migration (
  name    text NOT NULL,
  version text NOT NULL,
  source  text NOT NULL,
  CONSTRAINT migration_pkey PRIMARY KEY (name, version)
);
COMMENT ON TABLE migration IS
  'the SQL text by which upgrade_exchange() brings a module that an exchange has had since before that version to the shape that it has in it';
COMMENT ON COLUMN migration.name IS 'the module that it belongs to';
COMMENT ON COLUMN migration.version IS 'the version of the extension that came with it';
COMMENT ON COLUMN migration.source IS 'SQL with unqualified names';
GRANT SELECT ON migration TO PUBLIC;

-- Roles belong to the cluster, not to a database: they may be there already.
-- Made here, they are back before a restored policy needs them.
DO $block$
DECLARE
  group_role text;
  purpose text;
BEGIN
  FOR group_role, purpose IN VALUES
    ('flexexchange_operator',    'runs exchanges: reads and writes every row'),
    ('flexexchange_participant', 'market operators and service providers: each sees and writes its own'),
    ('flexexchange_analyst',     'reads what is public'),
    ('flexexchange_regulator',   'reads every row, writes none')
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = group_role) THEN
      EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', group_role);
      EXECUTE pg_catalog.format('COMMENT ON ROLE %I IS %L', group_role, 'flexexchange: ' || purpose);
    END IF;
  END LOOP;
END
$block$;
