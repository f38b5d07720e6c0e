-- archetype: thick
-- A method to begin with: no source says how providers are to be rated, so it is ours, and says so.

INSERT INTO rating_method (code, name, weight_delivered, weight_availability, weight_data, weight_response, source)
VALUES ('RELIABILITY', 'delivered, available, metered, followed', 0.6, 0.2, 0.1, 0.1, 'this exchange: no rule was found');
-- and as it was first, who withdrew in time what was accepted was rated as if it had never been
INSERT INTO rating_method (code, version, name, weight_delivered, weight_availability, weight_data, weight_response, counts_withdrawn, source)
VALUES ('RELIABILITY', 2, 'delivered, available and not withdrawn, metered, followed', 0.6, 0.2, 0.1, 0.1, 'all', 'this exchange: no rule was found');
