-- archetype: thick
-- Thresholds to begin with: chosen here, to be replaced by the operator's own.

INSERT INTO surveillance_parameter (version, note) VALUES (1, 'chosen here; a circle of equal power at one price has a net share of 0 and a spread of 0');
