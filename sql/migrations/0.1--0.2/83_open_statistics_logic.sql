-- 0.1 to 0.2: whoever groups figures of others may ask which of them to hide.
GRANT EXECUTE ON FUNCTION hidden_cells(text[], text[], jsonb, numeric[], integer, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
