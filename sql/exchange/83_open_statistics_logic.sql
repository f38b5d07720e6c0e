-- archetype: medium
-- Open statistics: which cells are published.
--
-- A cell is hidden when it is of too few providers.  Then, top down, what a published total and the published
-- cells below it leave over must be of enough providers as well, or further cells are hidden, the smallest first,
-- until it is.  Below what is hidden everything is.

SELECT protect_table('open_statistic', ARRAY['flexexchange_participant', 'flexexchange_analyst']);
REVOKE INSERT, UPDATE, DELETE ON open_statistic FROM flexexchange_operator;

CREATE OR REPLACE FUNCTION hidden_cells(parents text[], names text[], providers jsonb, weights numeric[], smallest_group integer, complementary boolean DEFAULT true)
RETURNS boolean[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path FROM CURRENT
AS $function$
DECLARE
  hidden boolean[] := array_fill(false, ARRAY[coalesce(cardinality(names), 0)]);
  parent text;
  left_over integer;
  next integer;
BEGIN
  FOR i IN 1 .. coalesce(cardinality(names), 0) LOOP
    hidden[i] := jsonb_array_length(providers -> (i - 1)) < smallest_group;
  END LOOP;
  IF NOT complementary THEN
    RETURN hidden;
  END IF;
  FOR parent IN SELECT DISTINCT p FROM unnest(parents) p LOOP
    LOOP
      SELECT count(DISTINCT one)::integer, count(DISTINCT c.n)::integer INTO left_over, next
      FROM generate_subscripts(names, 1) AS c (n) CROSS JOIN LATERAL jsonb_array_elements(providers -> (c.n - 1)) one WHERE parents[c.n] = parent AND hidden[c.n];
      EXIT WHEN next = 0 OR left_over >= smallest_group;
      SELECT c.n INTO next FROM generate_subscripts(names, 1) AS c (n) WHERE parents[c.n] = parent AND NOT hidden[c.n] ORDER BY weights[c.n], names[c.n] COLLATE "C" LIMIT 1;
      EXIT WHEN next IS NULL;
      hidden[next] := true;
    END LOOP;
  END LOOP;
  RETURN hidden;
END
$function$;
COMMENT ON FUNCTION hidden_cells(text[], text[], jsonb, numeric[], integer, boolean) IS
  'which cells of totals are hidden: those of fewer providers than the smallest group, and, below each total, the smallest others until what is left over is of enough; providers is an array of arrays of ids';
REVOKE ALL ON FUNCTION hidden_cells(text[], text[], jsonb, numeric[], integer, boolean) FROM PUBLIC;
-- it reads nothing: whoever groups figures of others may ask it
GRANT EXECUTE ON FUNCTION hidden_cells(text[], text[], jsonb, numeric[], integer, boolean) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION publish_statistics(month date) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
SET client_min_messages = warning
AS $function$
#variable_conflict use_column
DECLARE
  zone CONSTANT text := (SELECT time_zone FROM exchange_instance);
  smallest CONSTANT integer := (SELECT smallest_group FROM exchange_instance);
  span CONSTANT time_window := time_window(publish_statistics.month::timestamp AT TIME ZONE zone, (publish_statistics.month + interval '1 month')::timestamp AT TIME ZONE zone);
  written bigint;
BEGIN
  PERFORM check_given(extract(day FROM publish_statistics.month) = 1, 'month, as its first day', 'Write 2026-11-01.');
  IF upper(span) > now() THEN
    RAISE EXCEPTION 'month % is not over', publish_statistics.month
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Figures that go on changing tell, from one day to the next, of what came between.';
  END IF;
  IF EXISTS (SELECT FROM open_statistic o WHERE o.month = publish_statistics.month) THEN
    RAISE EXCEPTION 'the figures of % are published', publish_statistics.month
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'They are published once: two versions would tell of what came between.';
  END IF;
  DROP TABLE IF EXISTS pg_temp.publishing;
  CREATE TEMP TABLE publishing ON COMMIT DROP AS
  WITH trade AS (
    SELECT 'award' AS subject, product_id, service_provider_id, power_kw, delivery_window, availability_price_per_mw_h AS availability, utilisation_price_per_mwh AS utilisation
    FROM award WHERE live AND lower(delivery_window) >= lower(span) AND lower(delivery_window) < upper(span)
    UNION ALL
    SELECT 'dispatch', product_id, service_provider_id, power_kw, delivery_window, NULL, utilisation_price_per_mwh
    FROM dispatch WHERE live AND lower(delivery_window) >= lower(span) AND lower(delivery_window) < upper(span)
    UNION ALL
    SELECT 'conflict', k.product_id, k.service_provider_id, NULL, k.delivery_window, NULL, NULL
    FROM conflict f JOIN commitment k ON k.id = f.challenger_id WHERE lower(k.delivery_window) >= lower(span) AND lower(k.delivery_window) < upper(span)
  ), priced AS (
    SELECT t.subject, m.code AS market_code, p.code AS product_code, t.service_provider_id, t.availability, t.utilisation,
           CASE WHEN upper(t.delivery_window) < 'infinity' THEN t.power_kw / 1000 * extract(epoch FROM upper(t.delivery_window) - lower(t.delivery_window))::numeric / 3600 END AS mw_h
    FROM trade t JOIN product p ON p.id = t.product_id JOIN market m ON m.id = p.market_id
  )
  SELECT subject, market_code, product_code, jsonb_agg(DISTINCT service_provider_id) AS providers, count(*) AS number, CASE WHEN count(mw_h) = count(*) THEN sum(mw_h) END AS mw_h,
         -- a mean is of all that the cell counts, or it would be of fewer providers
         CASE WHEN market_code IS NOT NULL AND count(availability * mw_h) = count(*) THEN sum(availability * mw_h) / nullif(sum(mw_h), 0) END AS mean_availability,
         CASE WHEN market_code IS NOT NULL AND count(utilisation * mw_h) = count(*) THEN sum(utilisation * mw_h) / nullif(sum(mw_h), 0) END AS mean_utilisation,
         false AS hidden
  FROM priced GROUP BY GROUPING SETS ((subject), (subject, market_code), (subject, market_code, product_code));

  -- top down: everything, its markets, the products of those that are published
  UPDATE pg_temp.publishing SET hidden = jsonb_array_length(providers) < smallest WHERE market_code IS NULL;
  UPDATE pg_temp.publishing p SET hidden = c.hidden
  FROM (SELECT unnest(array_agg(subject ORDER BY subject, market_code)) AS subject, unnest(array_agg(market_code ORDER BY subject, market_code)) AS market_code,
               unnest(hidden_cells(array_agg(subject ORDER BY subject, market_code), array_agg(market_code ORDER BY subject, market_code), jsonb_agg(providers ORDER BY subject, market_code),
                                   array_agg(coalesce(mw_h, number) ORDER BY subject, market_code), smallest)) AS hidden
        FROM pg_temp.publishing WHERE market_code IS NOT NULL AND product_code IS NULL) c
  WHERE p.subject = c.subject AND p.market_code = c.market_code AND p.product_code IS NULL;
  UPDATE pg_temp.publishing p SET hidden = true
  WHERE p.product_code IS NULL AND p.market_code IS NOT NULL AND EXISTS (SELECT FROM pg_temp.publishing a WHERE a.subject = p.subject AND a.market_code IS NULL AND a.hidden);
  UPDATE pg_temp.publishing p SET hidden = c.hidden
  FROM (SELECT unnest(array_agg(subject ORDER BY subject, market_code, product_code)) AS subject, unnest(array_agg(market_code ORDER BY subject, market_code, product_code)) AS market_code,
               unnest(array_agg(product_code ORDER BY subject, market_code, product_code)) AS product_code,
               unnest(hidden_cells(array_agg(subject || ' ' || market_code ORDER BY subject, market_code, product_code), array_agg(product_code ORDER BY subject, market_code, product_code),
                                   jsonb_agg(providers ORDER BY subject, market_code, product_code), array_agg(coalesce(mw_h, number) ORDER BY subject, market_code, product_code), smallest)) AS hidden
        FROM pg_temp.publishing WHERE product_code IS NOT NULL) c
  WHERE p.subject = c.subject AND p.market_code = c.market_code AND p.product_code = c.product_code;
  UPDATE pg_temp.publishing p SET hidden = true
  WHERE p.product_code IS NOT NULL AND EXISTS (SELECT FROM pg_temp.publishing m WHERE m.subject = p.subject AND m.market_code = p.market_code AND m.product_code IS NULL AND m.hidden);

  INSERT INTO open_statistic (month, subject, market_code, product_code, hidden, number, mw_h, mean_availability_price_per_mw_h, mean_utilisation_price_per_mwh)
  SELECT publish_statistics.month, subject, market_code, product_code, hidden, CASE WHEN NOT hidden THEN number END, CASE WHEN NOT hidden THEN mw_h END,
         CASE WHEN NOT hidden THEN mean_availability END, CASE WHEN NOT hidden THEN mean_utilisation END
  FROM pg_temp.publishing ORDER BY subject, market_code NULLS FIRST, product_code NULLS FIRST;
  GET DIAGNOSTICS written = ROW_COUNT;
  DROP TABLE pg_temp.publishing;
  RETURN written;
END
$function$;
COMMENT ON FUNCTION publish_statistics(date) IS
  'publishes the open figures of a month that is over, given by its first day: awards, dispatches and conflicts in all, by market and by product, as far as neither they nor what they leave over are of fewer providers than exchange_instance.smallest_group; once for each month; returns the rows; errors 55000, 23514; SECURITY DEFINER because it reads the trades of all';
REVOKE ALL ON FUNCTION publish_statistics(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION publish_statistics(date) TO flexexchange_operator;
