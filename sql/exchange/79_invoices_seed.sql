-- archetype: thick
-- Paying, where a market says nothing itself: as the standard agreement of the networks of Great Britain has it.

INSERT INTO payment_terms (market_id, notice_business_days, late_above_base, days_of_year, confirmed, source)
VALUES (NULL, 5, 0.02, 365, true, 'Open Networks, Standard Agreement for flexibility services; the count of days of a year is ours');
