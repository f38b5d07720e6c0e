-- archetype: thick
-- Recurring competitions: written from their templates, in market time.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst'])
FROM unnest(ARRAY['competition_template', 'competition_template_requirement', 'competition_occurrence']) t;
REVOKE INSERT, UPDATE, DELETE ON competition_occurrence FROM flexexchange_operator;
