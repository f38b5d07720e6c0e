-- archetype: medium
-- How long switching takes, until the rules say otherwise.

INSERT INTO switch_term (code, value, says, source) VALUES
  ('notice', 'P14D', 'the losing provider hears of a switch so long before it', 'house; the draft register leaves the notice period open'),
  ('horizon', 'P90D', 'a switch is not asked for earlier than so long before it', 'house');
