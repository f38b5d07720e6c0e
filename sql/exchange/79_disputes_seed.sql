-- archetype: thick
-- Times of disputes where a market says none: a choice of this exchange, to be replaced by what the parties agreed.

INSERT INTO dispute_terms (market_id, subject, raise_within, answer_within, confirmed, source) VALUES
  (NULL, 'settlement_line', '28 days', '14 days', false, 'no publisher gives one: a default of this exchange'),
  (NULL, 'verification', '28 days', '14 days', false, 'no publisher gives one: a default of this exchange'),
  (NULL, 'qualification', '28 days', '14 days', false, 'no publisher gives one: a default of this exchange'),
  (NULL, 'conflict', '14 days', '7 days', false, 'no publisher gives one: a default of this exchange');
