-- archetype: thick
-- Merit order: who reads a proposal, and the functions that make one.

SELECT protect_table(t::regclass, ARRAY['flexexchange_participant', 'flexexchange_analyst']) FROM unnest(ARRAY['reliability_method', 'derating_factor', 'network_sensitivity']) t;
SELECT protect_table(t::regclass) FROM unnest(ARRAY['merit_order', 'merit_order_unit', 'merit_order_step']) t;

CREATE OR REPLACE FUNCTION merit_order(product_ids bigint[], grid_node_id bigint, direction text, power_kw numeric, delivery_window time_window,
                                       confidence numeric DEFAULT 0.95, correlation numeric DEFAULT NULL, method text DEFAULT 'normal',
                                       at timestamptz DEFAULT now(), need_id bigint DEFAULT NULL, with_bids boolean DEFAULT false) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RAISE EXCEPTION 'merit_order is being built' USING ERRCODE = 'feature_not_supported';
END
$function$;
COMMENT ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) IS
  'proposes whom to call; gives the id of the row in merit_order; SECURITY DEFINER because it reads the whole book';
REVOKE ALL ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION merit_order(bigint[], bigint, text, numeric, time_window, numeric, numeric, text, timestamptz, bigint, boolean) TO flexexchange_operator, flexexchange_participant;

CREATE OR REPLACE FUNCTION compare_with_merit_order(merit_order_id bigint, unit_ids bigint[], power_kw numeric[])
RETURNS TABLE (followed boolean, proposed_cost numeric, instructed_cost numeric, extra_cost numeric, instructed_firm_kw numeric, short_kw numeric, differences jsonb)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  RAISE EXCEPTION 'compare_with_merit_order is being built' USING ERRCODE = 'feature_not_supported';
END
$function$;
COMMENT ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) IS 'what a call differs from a proposal, and what it costs more';
REVOKE ALL ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION compare_with_merit_order(bigint, bigint[], numeric[]) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;
