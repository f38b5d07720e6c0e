-- The version of a module says where its migrations begin.
COMMENT ON COLUMN exchange_module.version IS 'version of the extension whose shape it has';
COMMENT ON COLUMN exchange_module.installed_at IS 'when its text, or a migration of it, was run last';
