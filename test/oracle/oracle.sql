-- What a conflict is, in naive SQL: from the words of the design.
--
-- It reads the trading tables, the register and the rule rows.  It does not look
-- at the book, at conflict, at view stacking_meaning or at anything written in
-- C: windows are taken apart into two instants at once, and the order of posting
-- comes from journal.sql.  It is slow and means to be.

-- Live commitments.  An award whose product binds by availability obliges to nothing.
CREATE VIEW oracle_commitment AS
  SELECT t.stage, t.id, coalesce(t.asset_id, t.portfolio_id) AS unit_id, t.portfolio_id IS NOT NULL AS is_portfolio,
         p.service_code AS service, t.product_id, t.direction, t.power_kw AS kw,
         split_part(t.delivery_window::text, '/', 1)::timestamptz AS since,
         split_part(t.delivery_window::text, '/', 2)::timestamptz AS until,
         t.bid_id, t.award_id, t.availability_id,
         coalesce(t.bid_id, t.award_id, t.availability_id, t.id) AS lineage,
         t.supersedes_id, j.seq, t.stage = 'dispatch' OR p.utilisation = 'scheduled' AS is_energy,
         -- the contract period: the window of the award that it comes from, or its own
         split_part(coalesce(w.delivery_window, t.delivery_window)::text, '/', 1)::timestamptz AS contract_since,
         split_part(coalesce(w.delivery_window, t.delivery_window)::text, '/', 2)::timestamptz AS contract_until,
         p.code AS product, m.code AS market
  FROM (
    SELECT 'bid' AS stage, id, asset_id, portfolio_id, product_id, direction, power_kw, delivery_window,
           NULL::bigint AS bid_id, NULL::bigint AS award_id, NULL::bigint AS availability_id, NULL::bigint AS supersedes_id
    FROM bid WHERE status = 'submitted'
    UNION ALL
    SELECT 'award', id, asset_id, portfolio_id, product_id, direction, power_kw, delivery_window,
           bid_id, NULL, NULL, NULL
    FROM award WHERE status IN ('awarded', 'completed')
    UNION ALL
    SELECT 'availability', v.id, v.asset_id, v.portfolio_id, v.product_id, v.direction, v.power_kw, v.delivery_window,
           a.bid_id, v.award_id, NULL, NULL
    FROM availability v LEFT JOIN award a ON a.id = v.award_id WHERE v.status IN ('accepted', 'completed')
    UNION ALL
    SELECT 'dispatch', d.id, d.asset_id, d.portfolio_id, d.product_id, d.direction, d.power_kw, d.delivery_window,
           a.bid_id, coalesce(d.award_id, v.award_id), d.availability_id, d.supersedes_id
    FROM dispatch d LEFT JOIN availability v ON v.id = d.availability_id
    LEFT JOIN award a ON a.id = coalesce(d.award_id, v.award_id)
    WHERE d.status IN ('instructed', 'acknowledged', 'executing', 'stopped', 'completed', 'failed')
  ) t
  JOIN product p ON p.id = t.product_id
  JOIN market m ON m.id = p.market_id
  JOIN journal j ON j.source_id = t.id
  LEFT JOIN award w ON w.id = t.award_id
  WHERE NOT (t.stage = 'award' AND p.binds = 'availability');

-- The same, taken down once for each comparison.
CREATE TABLE oracle_now AS SELECT * FROM oracle_commitment WITH NO DATA;
CREATE INDEX ON oracle_now (unit_id);
CREATE INDEX ON oracle_now (id);

-- What a verdict means to a ruleset for services of two kinds of buyers.
CREATE FUNCTION oracle_reading(rules bigint, which_mode text, said text, kind_a text, kind_b text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  meant text;
BEGIN
  IF said IN ('explicit_yes', 'implicit_yes') THEN RETURN 'yes'; END IF;
  IF said IN ('explicit_no', 'implicit_no') THEN RETURN 'no'; END IF;
  SELECT meaning INTO meant FROM stacking_interpretation i
  WHERE i.ruleset_id = rules AND i.mode = which_mode AND i.verdict = said
    AND ((i.buyer_kind_a IS NULL OR i.buyer_kind_a = kind_a) AND (i.buyer_kind_b IS NULL OR i.buyer_kind_b = kind_b)
      OR (i.buyer_kind_a IS NULL OR i.buyer_kind_a = kind_b) AND (i.buyer_kind_b IS NULL OR i.buyer_kind_b = kind_a))
  -- who names most kinds decides, of two that name as many the stricter
  ORDER BY (i.buyer_kind_a IS NOT NULL)::int + (i.buyer_kind_b IS NOT NULL)::int DESC,
           CASE i.meaning WHEN 'no' THEN 1 WHEN 'unknown' THEN 2 WHEN 'not_tested' THEN 3 ELSE 4 END LIMIT 1;
  RETURN coalesce(meant, CASE said WHEN 'no_data' THEN 'unknown' ELSE 'not_tested' END);
END $$;

CREATE FUNCTION oracle_stricter(one text, other text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN array_position(ARRAY['yes', 'not_tested', 'unknown', 'no'], one) > array_position(ARRAY['yes', 'not_tested', 'unknown', 'no'], other) THEN one ELSE other END
$$;

-- What the rules without a condition say of an unordered pair of services.
CREATE FUNCTION oracle_meaning(rules bigint, which_mode text, a text, b text) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
  kind_a text := (SELECT buyer_kind FROM service WHERE code = a);
  kind_b text := (SELECT buyer_kind FROM service WHERE code = b);
  strictest text := 'yes';
  said text;
BEGIN
  FOR said IN
    SELECT verdict FROM stacking_rule WHERE ruleset_id = rules AND mode = which_mode AND condition IS NULL
      AND ((service_a = a AND service_b = b) OR (service_a = b AND service_b = a))
  LOOP
    strictest := oracle_stricter(oracle_reading(rules, which_mode, said, kind_a, kind_b), strictest);
  END LOOP;
  RETURN strictest;
END $$;

-- Conditions, and the same said in SQL: $1 is the commitment of the first service, $2
-- that of the second, $3 what the unit declares.
CREATE TABLE oracle_condition (condition text PRIMARY KEY, predicate text NOT NULL);

-- What the rules of an ordered pair and mode say of two commitments, from a priority on:
-- the meaning, and whether a no is a warning.
CREATE FUNCTION oracle_rule(rules bigint, which_mode text, x oracle_now, y oracle_now, least_priority int, OUT meaning text, OUT warned boolean) LANGUAGE plpgsql STABLE AS $$
DECLARE
  rule stacking_rule;
  truth boolean;
  rest record;
  unknown_is text := (SELECT unknown_condition FROM ruleset WHERE id = rules);
  declared jsonb := coalesce((SELECT profile::jsonb FROM (SELECT id, profile FROM asset UNION ALL SELECT id, profile FROM portfolio) u WHERE id = x.unit_id), '{}');
BEGIN
  SELECT * INTO rule FROM stacking_rule WHERE ruleset_id = rules AND mode = which_mode AND service_a = x.service AND service_b = y.service
    AND priority >= least_priority ORDER BY priority LIMIT 1;
  IF NOT FOUND THEN
    SELECT * INTO rule FROM stacking_rule WHERE ruleset_id = rules AND mode = which_mode AND service_a = x.service AND service_b = y.service AND priority IS NULL;
    truth := true;
  ELSE
    EXECUTE 'SELECT ' || (SELECT predicate FROM oracle_condition WHERE condition = rule.condition::text) INTO truth USING x, y, declared;
  END IF;
  meaning := oracle_reading(rules, which_mode, coalesce(rule.verdict, 'no_data'), (SELECT buyer_kind FROM service WHERE code = x.service), (SELECT buyer_kind FROM service WHERE code = y.service));
  warned := rule.severity IS NOT DISTINCT FROM 'advisory';
  IF truth OR (truth IS NULL AND unknown_is = 'met') THEN RETURN; END IF;
  SELECT * INTO rest FROM oracle_rule(rules, which_mode, x, y, rule.priority + 1);
  IF truth IS NULL AND unknown_is = 'unknown' THEN
    IF rest.meaning <> meaning THEN meaning := 'unknown'; END IF;
    RETURN;
  END IF;
  meaning := rest.meaning;
  warned := rest.warned;
END $$;

CREATE TABLE oracle_verdict (ruleset_id bigint, a text, b text, co_delivery text, splitting text, jumping text, warned boolean, jump_warned boolean,
                             conditional boolean, jump_conditional boolean, PRIMARY KEY (ruleset_id, a, b));

CREATE FUNCTION oracle_learn() RETURNS void LANGUAGE sql AS $$
  DELETE FROM oracle_verdict;
  INSERT INTO oracle_verdict
  SELECT r.id, a.code, b.code,
         oracle_meaning(r.id, 'co_delivery', a.code, b.code),
         oracle_meaning(r.id, 'splitting', a.code, b.code),
         oracle_meaning(r.id, 'jumping', a.code, b.code),
         EXISTS (SELECT FROM stacking_rule s WHERE s.ruleset_id = r.id AND s.condition IS NULL AND s.severity = 'advisory' AND s.mode IN ('co_delivery', 'splitting')
                 AND ((s.service_a, s.service_b) = (a.code, b.code) OR (s.service_a, s.service_b) = (b.code, a.code))),
         EXISTS (SELECT FROM stacking_rule s WHERE s.ruleset_id = r.id AND s.condition IS NULL AND s.severity = 'advisory' AND s.mode = 'jumping'
                 AND ((s.service_a, s.service_b) = (a.code, b.code) OR (s.service_a, s.service_b) = (b.code, a.code))),
         EXISTS (SELECT FROM stacking_rule s WHERE s.ruleset_id = r.id AND s.condition IS NOT NULL AND s.mode IN ('co_delivery', 'splitting')
                 AND ((s.service_a, s.service_b) = (a.code, b.code) OR (s.service_a, s.service_b) = (b.code, a.code))),
         EXISTS (SELECT FROM stacking_rule s WHERE s.ruleset_id = r.id AND s.condition IS NOT NULL AND s.mode = 'jumping'
                 AND ((s.service_a, s.service_b) = (a.code, b.code) OR (s.service_a, s.service_b) = (b.code, a.code)))
  FROM ruleset r, service a, service b WHERE r.status = 'in_force';
$$;

-- The same for two commitments, of services of which some rule has a condition; they
-- overlap, or they do not.
CREATE FUNCTION oracle_verdict_on(rules bigint, x oracle_now, y oracle_now, at_once boolean, OUT co_delivery text, OUT splitting text, OUT jumping text, OUT warned boolean, OUT jump_warned boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  one record;
  other record;
BEGIN
  IF NOT at_once THEN
    SELECT * INTO one FROM oracle_rule(rules, 'jumping', x, y, 1);
    SELECT * INTO other FROM oracle_rule(rules, 'jumping', y, x, 1);
    jumping := oracle_stricter(one.meaning, other.meaning);
    jump_warned := one.warned OR other.warned;
    RETURN;
  END IF;
  SELECT * INTO one FROM oracle_rule(rules, 'co_delivery', x, y, 1);
  SELECT * INTO other FROM oracle_rule(rules, 'co_delivery', y, x, 1);
  co_delivery := oracle_stricter(one.meaning, other.meaning);
  warned := one.warned OR other.warned;
  SELECT * INTO one FROM oracle_rule(rules, 'splitting', x, y, 1);
  SELECT * INTO other FROM oracle_rule(rules, 'splitting', y, x, 1);
  splitting := oracle_stricter(one.meaning, other.meaning);
  warned := warned OR one.warned OR other.warned;
END $$;

CREATE FUNCTION oracle_ruleset(instant timestamptz) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT id FROM ruleset
  WHERE status = 'in_force' AND split_part(in_force::text, '/', 1)::timestamptz <= instant
    AND instant < split_part(in_force::text, '/', 2)::timestamptz;
$$;

-- What a unit declares to need between two deliveries, NULL when it does not say.
CREATE FUNCTION oracle_recovery(unit bigint) RETURNS interval LANGUAGE sql STABLE AS $$
  SELECT (profile::jsonb ->> 'recovery')::interval FROM (SELECT id, profile FROM asset UNION ALL SELECT id, profile FROM portfolio) u WHERE id = unit;
$$;

-- Two dispatches, the later in time beginning too soon after the end of the earlier.
CREATE VIEW oracle_recovery_pair AS
  SELECT CASE WHEN a.seq > b.seq THEN a.id ELSE b.id END AS challenger, CASE WHEN a.seq > b.seq THEN b.id ELSE a.id END AS incumbent,
         a.unit_id, a.until AS since, b.since AS until
  FROM oracle_now a JOIN oracle_now b ON b.unit_id = a.unit_id AND b.since > a.until JOIN product p ON p.id = a.product_id
  WHERE a.stage = 'dispatch' AND b.stage = 'dispatch'
    AND b.since - a.until < least(oracle_recovery(a.unit_id), p.max_recovery) AND oracle_recovery(a.unit_id) IS NOT NULL;

-- Pairs: a was posted first.
CREATE VIEW oracle_pair AS
  WITH pair AS (
    SELECT a.id AS a_id, b.id AS b_id, a.unit_id, a.stage AS a_stage, b.stage AS b_stage, a.service AS a_service, b.service AS b_service,
           a.since AS a_since, a.until AS a_until, b.since AS b_since, b.until AS b_until,
           a.product_id = b.product_id AS one_product, a.direction = b.direction AS one_direction, a.is_energy AND b.is_energy AS both_energy,
           b.supersedes_id IS NOT DISTINCT FROM a.id AS supersedes,
           a.since < b.until AND b.since < a.until AS meet,
           a.contract_since < b.contract_until AND b.contract_since < a.contract_until AS contracts_meet,
           greatest(a.since, b.since) AS later_start, a AS a_row, b AS b_row
    FROM oracle_now a JOIN oracle_now b ON b.unit_id = a.unit_id AND b.seq > a.seq
    WHERE a.lineage <> b.lineage
      AND CASE
            WHEN 'bid' IN (a.stage, b.stage) THEN a.stage IN ('award', 'availability') OR b.stage IN ('award', 'availability')
            WHEN a.stage = 'dispatch' AND b.stage = 'dispatch' THEN true
            WHEN 'dispatch' IN (a.stage, b.stage) THEN a.service <> b.service OR a.direction <> b.direction
            ELSE true
          END
  ), judged AS (
    SELECT pair.*, coalesce(c.co_delivery, v.co_delivery) AS co_delivery, coalesce(c.splitting, v.splitting) AS splitting, coalesce(c.jumping, v.jumping) AS jumping,
           coalesce(c.warned, v.warned) AS warned, coalesce(c.jump_warned, v.jump_warned) AS jump_warned, oracle_ruleset(later_start) AS rules
    FROM pair LEFT JOIN oracle_verdict v ON v.ruleset_id = oracle_ruleset(later_start) AND v.a = a_service AND v.b = b_service
    LEFT JOIN LATERAL (SELECT * FROM oracle_verdict_on(v.ruleset_id, a_row, b_row, meet)
                       WHERE CASE WHEN meet THEN v.conditional AND one_direction ELSE v.jump_conditional END) c ON true
  )
  SELECT 'double_commitment' AS kind, b_id AS challenger, a_id AS incumbent, unit_id,
         CASE WHEN 'unknown' IN (co_delivery, splitting) OR warned THEN 'advisory' ELSE 'blocking' END AS severity,
         greatest(a_since, b_since) AS since, least(a_until, b_until) AS until, rules
  FROM judged
  WHERE meet AND one_direction AND a_service <> b_service
    AND co_delivery <> 'yes' AND splitting <> 'yes' AND NOT (co_delivery = 'not_tested' AND splitting = 'not_tested')
  UNION ALL
  SELECT 'duplicate', b_id, a_id, unit_id, 'advisory', greatest(a_since, b_since), least(a_until, b_until), NULL
  FROM judged
  WHERE meet AND one_direction AND a_stage = 'dispatch' AND b_stage = 'dispatch' AND one_product AND NOT supersedes
  UNION ALL
  SELECT 'direction', b_id, a_id, unit_id, 'blocking', greatest(a_since, b_since), least(a_until, b_until), NULL
  FROM judged WHERE meet AND NOT one_direction AND both_energy
  UNION ALL
  SELECT 'jumping', b_id, a_id, unit_id, CASE WHEN jump_warned THEN 'advisory' ELSE 'blocking' END,
         least(a_since, b_since), greatest(a_until, b_until), rules
  FROM judged, (SELECT time_zone AS zone FROM exchange_instance) z
  WHERE NOT meet AND a_service <> b_service AND jumping = 'no'
    AND CASE (SELECT jumping_scope FROM ruleset WHERE id = rules)
          WHEN 'day' THEN
            -- the local days of one and of the other have one in common
            (a_since AT TIME ZONE zone)::date <= ((b_until - interval '1 microsecond') AT TIME ZONE zone)::date
            AND (b_since AT TIME ZONE zone)::date <= ((a_until - interval '1 microsecond') AT TIME ZONE zone)::date
          WHEN 'contract' THEN contracts_meet
          WHEN 'registration' THEN true
        END;

-- Capacity of a unit at an instant, kW; NULL when not known.
CREATE FUNCTION oracle_capacity(unit bigint, way text, instant timestamptz) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  result numeric;
BEGIN
  IF EXISTS (SELECT FROM asset WHERE id = unit) THEN
    RETURN (SELECT CASE way WHEN 'up' THEN qualified_up_kw ELSE qualified_down_kw END FROM asset WHERE id = unit);
  END IF;
  IF NOT EXISTS (SELECT FROM portfolio_member WHERE portfolio_id = unit) THEN
    RETURN NULL;    -- its members were never registered
  END IF;
  SELECT CASE WHEN bool_or(q IS NULL OR f IS NULL) THEN NULL ELSE coalesce(sum(least(q, f)), 0) END INTO result
  FROM (SELECT CASE way WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END AS q,
               CASE way WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END AS f
        FROM portfolio_member m JOIN asset a ON a.id = m.asset_id
        WHERE m.portfolio_id = unit AND split_part(m.valid::text, '/', 1)::timestamptz <= instant
          AND instant < split_part(m.valid::text, '/', 2)::timestamptz) x;
  RETURN result;
END $$;

-- The lineages among some commitments, each with what it weighs: a member weighs
-- the greater of its power and the sum of its children's weights.
CREATE FUNCTION oracle_lineages(seen bigint[], c bigint) RETURNS TABLE (unit bigint, service text, kw numeric, holds_c boolean)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  ids bigint[];
  units bigint[];
  services text[];
  kws numeric[];
  parents bigint[];
  weight numeric[];
  total numeric;
  place int;
BEGIN
  -- children come first
  SELECT array_agg(l.id ORDER BY o), array_agg(unit_id ORDER BY o), array_agg(l.service ORDER BY o), array_agg(l.kw ORDER BY o), array_agg(parent ORDER BY o)
    INTO ids, units, services, kws, parents
  FROM (SELECT s.*, array_position(ARRAY['dispatch', 'availability', 'award', 'bid'], s.stage) * 1000000000::bigint + s.seq AS o,
               (SELECT p.id FROM oracle_now p WHERE p.id = ANY (seen) AND p.id IN (s.availability_id, s.award_id, s.bid_id)
                ORDER BY array_position(ARRAY['availability', 'award', 'bid'], p.stage) LIMIT 1) AS parent
        FROM oracle_now s WHERE s.id = ANY (seen)) l;
  weight := kws;
  FOR i IN 1 .. coalesce(cardinality(ids), 0) LOOP
    SELECT greatest(kws[i], coalesce(sum(weight[k]), 0)) INTO total FROM generate_series(1, cardinality(ids)) k WHERE parents[k] = ids[i];
    weight[i] := total;
  END LOOP;
  place := array_position(ids, c);
  WHILE place IS NOT NULL AND parents[place] IS NOT NULL LOOP place := array_position(ids, parents[place]); END LOOP;
  FOR i IN 1 .. coalesce(cardinality(ids), 0) LOOP
    CONTINUE WHEN parents[i] IS NOT NULL;
    unit := units[i];
    service := services[i];
    kw := weight[i];
    holds_c := i IS NOT DISTINCT FROM place;
    RETURN NEXT;
  END LOOP;
END $$;

-- What c's unit delivers at once at an instant of the energy committed up to c,
-- kW: enumerate the sets of lineages of which no two may share megawatts.
CREATE FUNCTION oracle_delivered(c bigint, instant timestamptz) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  subject oracle_now;
  rules bigint := oracle_ruleset(instant);
  services text[];
  kws numeric[];
  heaviest numeric := 0;
  total numeric;
  good boolean;
BEGIN
  SELECT * INTO subject FROM oracle_now WHERE id = c;
  SELECT array_agg(l.service), array_agg(l.kw) INTO services, kws
  FROM oracle_lineages(ARRAY(SELECT o.id FROM oracle_now o
    WHERE o.unit_id = subject.unit_id AND o.direction = subject.direction AND o.since <= instant AND instant < o.until
      AND (o.id = c OR (o.stage <> 'bid' AND o.seq < subject.seq)) AND o.is_energy), c) l;
  FOR mask IN 1 .. (1 << coalesce(cardinality(services), 0)) - 1 LOOP
    SELECT sum(kws[x]), NOT EXISTS (SELECT FROM generate_series(1, cardinality(services)) y, generate_series(1, cardinality(services)) z, oracle_verdict v
                                    WHERE mask & (1 << (y - 1)) <> 0 AND mask & (1 << (z - 1)) <> 0 AND services[y] <> services[z]
                                      AND v.ruleset_id = rules AND v.a = services[y] AND v.b = services[z] AND v.co_delivery = 'yes')
      INTO total, good FROM generate_series(1, cardinality(services)) x WHERE mask & (1 << (x - 1)) <> 0;
    IF good THEN heaviest := greatest(heaviest, total); END IF;
  END LOOP;
  RETURN heaviest;
END $$;

-- What units may draw on, row by row of the register: a unit, an asset, what is lent and
-- how much of it there is, when; and the asset's own limit and connection.
CREATE VIEW oracle_draw AS
  WITH rated AS (
    SELECT a.id AS asset, way, CASE way WHEN 'up' THEN a.qualified_up_kw ELSE a.qualified_down_kw END AS q,
           b.id AS connection, b.agreed_import_kw + b.agreed_export_kw AS swing
    FROM asset a CROSS JOIN (VALUES ('up'), ('down')) w (way)
    LEFT JOIN metering_point m ON m.id = a.metering_point_id
    LEFT JOIN metering_point b ON b.kind = 'boundary' AND b.agreed_import_kw + b.agreed_export_kw IS NOT NULL
                              AND b.id = CASE m.kind WHEN 'boundary' THEN m.id ELSE m.parent_id END
  )
  SELECT asset AS unit, asset, way, q AS lent, q AS kw, q, coalesce(connection, asset) AS place, swing, timestamptz '-infinity' AS since, timestamptz 'infinity' AS until
  FROM rated
  UNION ALL
  SELECT m.portfolio_id, r.asset, r.way, CASE r.way WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END,
         least(r.q, CASE r.way WHEN 'up' THEN m.flexible_up_kw ELSE m.flexible_down_kw END), r.q, coalesce(r.connection, r.asset), r.swing,
         split_part(m.valid::text, '/', 1)::timestamptz, split_part(m.valid::text, '/', 2)::timestamptz
  FROM portfolio_member m JOIN rated r ON r.asset = m.asset_id;
CREATE TABLE oracle_draw_now AS SELECT * FROM oracle_draw WITH NO DATA;
CREATE INDEX ON oracle_draw_now (unit);
CREATE INDEX ON oracle_draw_now (place);

-- Units that draw, at whatever time, on the same places, directly or through others.
CREATE TABLE oracle_reach (unit bigint, other bigint);
CREATE INDEX ON oracle_reach (unit);

-- What some units can be given together at an instant, kW.
CREATE FUNCTION oracle_supply(units bigint[], which text, instant timestamptz) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(least(swing, kw)), 0) FROM (
    SELECT place, min(swing) AS swing, sum(kw) AS kw FROM (
      SELECT place, asset, min(swing) AS swing, least(min(q), sum(kw)) AS kw FROM oracle_draw_now
      WHERE unit = ANY (units) AND way = which AND since <= instant AND instant < until GROUP BY place, asset) a
    GROUP BY place) p
$$;

-- May a portfolio not draw for one service on an asset that is itself in the other?
CREATE FUNCTION oracle_barred(rules bigint, service_a text, service_b text, unknown_is_yes boolean) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM oracle_verdict WHERE ruleset_id = rules AND a = service_a AND b = service_b AND a <> b
                 AND co_delivery <> 'yes' AND splitting <> 'yes' AND (co_delivery, splitting) <> ('not_tested', 'not_tested')
                 AND NOT (unknown_is_yes AND 'unknown' IN (co_delivery, splitting)))
$$;

-- What a set of lineages lacks at an instant where some of them bar others from assets: the most that
-- any part of it lacks, or the given part, and what all parts that lack so much have in common.
CREATE FUNCTION oracle_lack(roots int[], of_part int[], units bigint[], services text[], kws numeric[], rules bigint, unknown_is_yes boolean,
                            which text, instant timestamptz, OUT kw numeric, OUT least_set int[]) LANGUAGE sql STABLE AS $$
  WITH draw AS MATERIALIZED (
    -- with the lineages that it serves, as bits
    SELECT sum(1 << n::int - 1)::int AS bits, d.place, d.asset, d.swing, d.q, d.kw
    FROM unnest(roots) WITH ORDINALITY r (root, n)
    JOIN oracle_draw_now d ON d.unit = units[root] AND d.way = which AND d.since <= instant AND instant < d.until
    WHERE d.unit = d.asset OR NOT EXISTS (
      SELECT FROM unnest(roots) x WHERE units[x] = d.asset AND oracle_barred(rules, services[root], services[x], unknown_is_yes))
    GROUP BY d.unit, d.place, d.asset, d.swing, d.q, d.kw
  ), part AS MATERIALIZED (
    SELECT t, (SELECT sum(kws[root]) FROM unnest(roots) WITH ORDINALITY r (root, n) WHERE t & (1 << n::int - 1) <> 0)
              - (SELECT coalesce(sum(least(p.swing, p.kw)), 0) FROM (
                   SELECT a.place, min(a.swing) AS swing, sum(a.kw) AS kw FROM (
                     SELECT d.place, d.asset, min(d.swing) AS swing, least(min(d.q), sum(d.kw)) AS kw FROM draw d
                     WHERE d.bits & t <> 0 GROUP BY d.place, d.asset) a GROUP BY a.place) p) AS lacks
    FROM generate_series(1, (1 << cardinality(roots)) - 1) t
    WHERE of_part IS NULL OR t = (SELECT sum(1 << n::int - 1) FROM unnest(roots) WITH ORDINALITY r (root, n) WHERE root = ANY (of_part))
  ), most AS (
    SELECT greatest(max(lacks), 0) AS kw, bit_and(t) FILTER (WHERE lacks = (SELECT max(lacks) FROM part)) AS bits FROM part
  )
  SELECT coalesce(m.kw, 0), ARRAY(SELECT root FROM unnest(roots) WITH ORDINALITY r (root, n) WHERE m.kw > 0 AND m.bits & (1 << n::int - 1) <> 0) FROM most m
$$;

-- By how much c falls short at an instant, kW, 0 when it does not; and whether it
-- still would were the unknown verdicts yes.
CREATE FUNCTION oracle_short(c bigint, instant timestamptz, OUT short_kw numeric, OUT always boolean) LANGUAGE plpgsql STABLE AS $$
DECLARE
  subject oracle_now;
  rules bigint := oracle_ruleset(instant);
  units bigint[];
  seen bigint[];
  n int;
  meets int[];             -- per unit: with whom it shares a place, as bits
  common int[];          -- ... an asset
  supply numeric[];        -- by set of units
  root record;
  of_unit int[] := '{}';
  services text[] := '{}';
  kws numeric[] := '{}';
  own int;
  weight numeric[];
  fails numeric;
  best numeric;
  best_without numeric;
  least_set int;
  part int;
  wider int;
  partners int[];
  shares boolean;
  maximal boolean;
  bars boolean;          -- some lineage of an asset bars one of a portfolio from it
  root_units bigint[];
  members int[];
  lack record;
BEGIN
  short_kw := 0;
  always := false;
  SELECT * INTO subject FROM oracle_now WHERE id = c;
  IF oracle_capacity(subject.unit_id, subject.direction, instant) IS NULL THEN RETURN; END IF;
  -- what all of them promised fits into what c's unit alone can be given: no need to enumerate
  IF (SELECT sum(o.kw) FROM oracle_reach r JOIN oracle_now o ON o.unit_id = r.other
      WHERE r.unit = subject.unit_id AND o.direction = subject.direction AND o.since <= instant AND instant < o.until)
     <= oracle_supply(ARRAY[subject.unit_id], subject.direction, instant)
     AND (SELECT count(DISTINCT o.service) = 1 OR count(DISTINCT o.unit_id IN (SELECT id FROM asset)) = 1
          FROM oracle_reach r JOIN oracle_now o ON o.unit_id = r.other
          WHERE r.unit = subject.unit_id AND o.direction = subject.direction AND o.since <= instant AND instant < o.until) THEN
    RETURN;
  END IF;
  -- in view: c, and obligations and dispatches posted earlier, of units whose
  -- capacity is known, as far as they are connected with c's unit
  WITH RECURSIVE seen AS MATERIALIZED (
    SELECT o.unit_id FROM oracle_reach r JOIN oracle_now o ON o.unit_id = r.other
    WHERE r.unit = subject.unit_id AND o.direction = subject.direction AND o.since <= instant AND instant < o.until
      AND (o.id = c OR (o.stage <> 'bid' AND o.seq < subject.seq))
    GROUP BY o.unit_id HAVING oracle_capacity(o.unit_id, subject.direction, instant) IS NOT NULL
  ), draw AS MATERIALIZED (
    SELECT d.unit, d.place FROM seen s JOIN oracle_draw_now d ON d.unit = s.unit_id
    WHERE d.way = subject.direction AND d.since <= instant AND instant < d.until
  ), connected (unit) AS (
    SELECT subject.unit_id UNION SELECT y.unit FROM connected k JOIN draw x ON x.unit = k.unit JOIN draw y ON y.place = x.place
  )
  SELECT array_agg(unit ORDER BY unit) INTO units FROM connected;
  n := cardinality(units);
  seen := ARRAY(SELECT o.id FROM oracle_now o
                WHERE o.unit_id = ANY (units) AND o.direction = subject.direction AND o.since <= instant AND instant < o.until
                  AND (o.id = c OR (o.stage <> 'bid' AND o.seq < subject.seq)));
  FOR root IN SELECT * FROM oracle_lineages(seen, c) LOOP
    of_unit := of_unit || array_position(units, root.unit) - 1;
    services := services || root.service;
    kws := kws || root.kw;
    IF root.holds_c THEN own := cardinality(kws); END IF;
  END LOOP;
  SELECT array_agg(oracle_supply(ARRAY(SELECT units[i] FROM generate_series(1, n) i WHERE mask & (1 << (i - 1)) <> 0), subject.direction, instant) ORDER BY mask)
    INTO supply FROM generate_series(1, (1 << n) - 1) mask;
  root_units := ARRAY(SELECT units[u + 1] FROM unnest(of_unit) WITH ORDINALITY r (u, i) ORDER BY i);
  bars := EXISTS (
    SELECT FROM generate_series(1, cardinality(kws)) x, generate_series(1, cardinality(kws)) y, oracle_draw_now d
    WHERE d.unit = root_units[x] AND d.asset = root_units[y] AND d.unit <> d.asset AND d.way = subject.direction
      AND d.since <= instant AND instant < d.until AND oracle_barred(rules, services[x], services[y], false));
  -- should everything fit, however the units are taken together, so does any part
  IF NOT bars AND NOT EXISTS (SELECT FROM generate_series(1, (1 << n) - 1) mask
                 WHERE (SELECT sum(kws[i]) FROM generate_series(1, cardinality(kws)) i WHERE mask & (1 << of_unit[i]) <> 0) > supply[mask]) THEN
    RETURN;
  END IF;
  SELECT array_agg((SELECT bit_or(1 << array_position(units, y.unit) - 1) FROM oracle_draw_now x JOIN oracle_draw_now y ON y.place = x.place
                    WHERE x.unit = u AND y.unit = ANY (units) AND x.way = subject.direction AND y.way = subject.direction
                      AND x.since <= instant AND instant < x.until AND y.since <= instant AND instant < y.until) ORDER BY u),
         array_agg((SELECT bit_or(1 << array_position(units, y.unit) - 1) FROM oracle_draw_now x JOIN oracle_draw_now y ON y.asset = x.asset
                    WHERE x.unit = u AND y.unit = ANY (units) AND x.way = subject.direction AND y.way = subject.direction
                      AND x.since <= instant AND instant < x.until AND y.since <= instant AND instant < y.until) ORDER BY u)
    INTO meets, common FROM unnest(units) u;

  FOR unknown_is_yes IN 0 .. 1 LOOP
    EXIT WHEN unknown_is_yes = 1 AND short_kw = 0;
    -- with which others each may share megawatts, as bits
    SELECT array_agg((SELECT coalesce(bit_or(1 << y - 1), 0) FROM generate_series(1, cardinality(kws)) y, oracle_verdict v
                      WHERE services[x] <> services[y] AND (of_unit[x] = of_unit[y] OR common[of_unit[x] + 1] & (1 << of_unit[y]) <> 0)
                        AND v.ruleset_id = rules AND v.a = services[x] AND v.b = services[y]
                        AND (v.co_delivery = 'yes' OR (unknown_is_yes = 1 AND v.co_delivery = 'unknown'))) ORDER BY x)
      INTO partners FROM generate_series(1, cardinality(kws)) x;
    FOR mask IN 1 .. (1 << cardinality(kws)) - 1 LOOP
      CONTINUE WHEN mask & (1 << own - 1) = 0;
      shares := false;
      FOR i IN 1 .. cardinality(kws) LOOP
        shares := shares OR (mask & (1 << i - 1) <> 0 AND mask & partners[i] <> 0);
      END LOOP;
      CONTINUE WHEN shares;
      IF bars THEN
        -- of the sets of which no two share those to which nothing can be added
        maximal := true;
        FOR i IN 1 .. cardinality(kws) LOOP
          maximal := maximal AND (mask & (1 << i - 1) <> 0 OR mask & partners[i] <> 0);
        END LOOP;
        CONTINUE WHEN NOT maximal;
        members := ARRAY(SELECT i FROM generate_series(1, cardinality(kws)) i WHERE mask & (1 << i - 1) <> 0);
        SELECT * INTO lack FROM oracle_lack(members, NULL, root_units, services, kws, rules, unknown_is_yes = 1, subject.direction, instant);
        CONTINUE WHEN lack.kw = 0;
        SELECT l.kw INTO best_without FROM oracle_lack(array_remove(members, own), NULL, root_units, services, kws, rules, unknown_is_yes = 1, subject.direction, instant) l;
        CONTINUE WHEN lack.kw = best_without;
        -- of what lacks most the part connected with c
        least_set := (SELECT bit_or(1 << of_unit[i]) FROM unnest(lack.least_set) i);
        part := 1 << of_unit[own];
        LOOP
          wider := (SELECT bit_or(coalesce(meets[i], 0)) & least_set | part FROM generate_series(1, n) i WHERE part & (1 << i - 1) <> 0);
          EXIT WHEN wider = part;
          part := wider;
        END LOOP;
        SELECT l.kw INTO fails FROM oracle_lack(members, ARRAY(SELECT i FROM unnest(lack.least_set) i WHERE part & (1 << of_unit[i]) <> 0),
          root_units, services, kws, rules, unknown_is_yes = 1, subject.direction, instant) l;
        IF unknown_is_yes = 0 THEN short_kw := greatest(short_kw, fails); ELSE always := true; END IF;
        EXIT WHEN always;
        CONTINUE;
      END IF;
      weight := array_fill(0::numeric, ARRAY[n]);
      FOR i IN 1 .. cardinality(kws) LOOP
        IF mask & (1 << i - 1) <> 0 THEN weight[of_unit[i] + 1] := weight[of_unit[i] + 1] + kws[i]; END IF;
      END LOOP;
      -- the greatest power that cannot be supplied, with c and without it; and
      -- what all sets of units that lack that much have in common
      best := 0;
      best_without := 0;
      least_set := 0;
      FOR chosen IN 1 .. (1 << n) - 1 LOOP
        fails := -supply[chosen];
        FOR i IN 1 .. n LOOP
          IF chosen & (1 << i - 1) <> 0 THEN fails := fails + weight[i]; END IF;
        END LOOP;
        IF fails > best THEN
          best := fails;
          least_set := chosen;
        ELSIF fails = best THEN
          least_set := least_set & chosen;
        END IF;
        best_without := greatest(best_without, fails - CASE WHEN chosen & (1 << of_unit[own]) <> 0 THEN kws[own] ELSE 0 END);
      END LOOP;
      CONTINUE WHEN best = best_without;
      -- of that the part connected with c
      part := 1 << of_unit[own];
      LOOP
        wider := (SELECT bit_or(coalesce(meets[i], 0)) & least_set | part FROM generate_series(1, n) i WHERE part & (1 << i - 1) <> 0);
        EXIT WHEN wider = part;
        part := wider;
      END LOOP;
      fails := -supply[part];
      FOR i IN 1 .. n LOOP
        IF part & (1 << i - 1) <> 0 THEN fails := fails + weight[i]; END IF;
      END LOOP;
      IF unknown_is_yes = 0 THEN short_kw := greatest(short_kw, fails); ELSE always := true; END IF;
      EXIT WHEN always;
    END LOOP;
  END LOOP;
END $$;

CREATE FUNCTION oracle_headroom() RETURNS TABLE (challenger bigint, severity text, short_kw numeric, short_windows text)
LANGUAGE plpgsql AS $$
DECLARE
  c record;
  piece record;
  lack record;
  always boolean;
  since timestamptz;
  until timestamptz;
BEGIN
  FOR c IN SELECT * FROM oracle_now ORDER BY seq LOOP
    short_kw := 0;
    short_windows := '';
    always := false;
    since := NULL;
    FOR piece IN
      -- the pieces between the instants at which anything can change
      SELECT t AS start, lead(t, 1, c.until) OVER (ORDER BY t) AS stop FROM (
        SELECT DISTINCT t FROM (
          SELECT o.since AS t FROM oracle_now o
          UNION ALL SELECT o.until FROM oracle_now o
          UNION ALL SELECT d.since FROM oracle_draw_now d
          UNION ALL SELECT d.until FROM oracle_draw_now d
          UNION ALL SELECT split_part(r.in_force::text, '/', k)::timestamptz FROM ruleset r, generate_series(1, 2) k
        ) e WHERE t >= c.since AND t < c.until) d
      ORDER BY 1
    LOOP
      lack := oracle_short(c.id, piece.start);
      IF lack.short_kw > 0 THEN
        short_kw := greatest(short_kw, lack.short_kw);
        always := always OR lack.always;
        IF since IS NOT NULL AND until = piece.start THEN
          until := piece.stop;
        ELSE
          IF since IS NOT NULL THEN short_windows := short_windows || since || '..' || until || ' '; END IF;
          since := piece.start;
          until := piece.stop;
        END IF;
      END IF;
    END LOOP;
    IF short_kw > 0 THEN
      short_windows := short_windows || since || '..' || until || ' ';
      challenger := c.id;
      severity := CASE WHEN always THEN 'blocking' ELSE 'advisory' END;
      RETURN NEXT;
    END IF;
  END LOOP;
END $$;

-- Live commitments of which the book says wrongly whether their unit's capacity is known.
CREATE VIEW oracle_wrongly_checked AS
  SELECT c.id FROM commitment c WHERE c.closed_at IS NULL AND c.headroom_checked IS DISTINCT FROM (
    SELECT bool_and(oracle_capacity(c.unit_id, c.direction, t) IS NOT NULL) FROM (
      SELECT lower(c.delivery_window) AS t
      UNION SELECT split_part(m.valid::text, '/', k)::timestamptz FROM portfolio_member m, generate_series(1, 2) k WHERE m.portfolio_id = c.unit_id) e
    WHERE c.delivery_window @> t);

-- What is kept of portfolios, one by one and two by two, against the rows of the register,
-- at every instant at which either changes; no rows means agreement.
CREATE FUNCTION oracle_wrongly_kept() RETURNS TABLE (who text, t timestamptz, portfolio bigint, partner bigint, way text, places bigint, assets bigint,
                                                     unknown bigint, own_kw numeric, both_kw numeric)
LANGUAGE sql STABLE AS $$
  WITH draw AS MATERIALIZED (
    SELECT d.* FROM oracle_draw d WHERE d.unit IN (SELECT id FROM portfolio)
  ), instant AS (
    SELECT since AS t FROM draw UNION SELECT until FROM draw WHERE until < 'infinity' UNION SELECT since FROM portfolio_supply
  ), now AS MATERIALIZED (
    SELECT i.t, d.* FROM instant i JOIN draw d ON d.since <= i.t AND i.t < d.until
  ), meeting AS (
    SELECT DISTINCT a.t, a.unit AS portfolio, b.unit AS partner, a.way, a.place FROM now a JOIN now b ON b.t = a.t AND b.place = a.place AND b.way = a.way
  ), drawn AS (
    SELECT m.t, m.portfolio, m.partner, m.way, m.place, n.asset, min(n.swing) AS swing, count(DISTINCT n.unit) = (CASE WHEN m.portfolio = m.partner THEN 1 ELSE 2 END) AS common,
           count(*) FILTER (WHERE n.unit = m.portfolio AND (n.q IS NULL OR n.lent IS NULL)) AS unknown,
           coalesce(sum(CASE WHEN n.q IS NOT NULL AND n.lent IS NOT NULL THEN n.kw END) FILTER (WHERE n.unit = m.portfolio), 0) AS own_kw,
           coalesce(least(min(n.q), sum(CASE WHEN n.q IS NOT NULL AND n.lent IS NOT NULL THEN n.kw END)), 0) AS both_kw
    FROM meeting m JOIN now n ON n.t = m.t AND n.place = m.place AND n.way = m.way AND n.unit IN (m.portfolio, m.partner)
    GROUP BY m.t, m.portfolio, m.partner, m.way, m.place, n.asset
  ), expected AS (
    SELECT p.t, p.portfolio, p.partner, p.way, count(*) AS places, sum(p.assets)::bigint AS assets, sum(p.unknown)::bigint AS unknown, sum(p.own_kw) AS own_kw, sum(p.both_kw) AS both_kw
    FROM (SELECT d.t, d.portfolio, d.partner, d.way, d.place, count(*) FILTER (WHERE common) AS assets, sum(d.unknown) AS unknown,
                 least(min(d.swing), sum(d.own_kw)) AS own_kw, least(min(d.swing), sum(d.both_kw)) AS both_kw
          FROM drawn d GROUP BY d.t, d.portfolio, d.partner, d.way, d.place) p
    GROUP BY p.t, p.portfolio, p.partner, p.way
  ), kept AS (
    SELECT i.t, k.portfolio_id, k.with_id, w.way, k.places::bigint, k.assets::bigint, CASE w.way WHEN 'up' THEN k.unknown_up ELSE k.unknown_down END::bigint,
           CASE w.way WHEN 'up' THEN k.own_up_kw ELSE k.own_down_kw END, CASE w.way WHEN 'up' THEN k.both_up_kw ELSE k.both_down_kw END
    FROM instant i CROSS JOIN (VALUES ('up'), ('down')) w (way) CROSS JOIN (SELECT DISTINCT portfolio_id, with_id FROM portfolio_supply) p
    CROSS JOIN LATERAL (SELECT * FROM portfolio_supply s WHERE (s.portfolio_id, s.with_id) = (p.portfolio_id, p.with_id) AND s.since <= i.t ORDER BY since DESC LIMIT 1) k
    WHERE k.places > 0
  )
  (SELECT 'kept only', k.* FROM (TABLE kept EXCEPT TABLE expected) k) UNION ALL (SELECT 'register only', e.* FROM (TABLE expected EXCEPT TABLE kept) e);
$$;

-- Live commitments of assets that are wrongly posted under a portfolio, or wrongly not.
CREATE VIEW oracle_wrongly_posted AS
  WITH expected AS (
    SELECT DISTINCT p.unit AS portfolio_id, c.unit_id AS asset_id, c.id AS commitment_id
    FROM commitment c JOIN oracle_draw a ON a.unit = c.unit_id AND a.asset = c.unit_id
    JOIN oracle_draw p ON p.place = a.place AND p.unit IN (SELECT id FROM portfolio)
    WHERE c.closed_at IS NULL AND c.unit_kind = 'asset' AND p.since < upper(c.delivery_window) AND lower(c.delivery_window) < p.until
  ), posted AS (SELECT portfolio_id, asset_id, commitment_id FROM member_commitment)
  (SELECT 'posted only' AS who, p.* FROM (TABLE posted EXCEPT ALL TABLE expected) p) UNION ALL (SELECT 'expected only', e.* FROM (TABLE expected EXCEPT ALL TABLE posted) e);

-- A run: what c and the energy posted before it deliver without a break.  It
-- must not last longer, nor take more energy, than the unit declares.
CREATE FUNCTION oracle_energy() RETURNS TABLE (challenger bigint, unit_id bigint, since timestamptz, until timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
  c record;
  wider record;
  kwh numeric;
  first timestamptz;
  last timestamptz;
BEGIN
  FOR c IN
    SELECT o.*, (p.profile::jsonb ->> 'energy_kwh')::numeric AS most_kwh, nullif(p.profile::jsonb ->> 'max_duration', 'infinity')::interval AS longest
    FROM oracle_now o JOIN (SELECT id, profile FROM asset UNION ALL SELECT id, profile FROM portfolio) p ON p.id = o.unit_id
    WHERE o.is_energy
  LOOP
    CONTINUE WHEN c.most_kwh IS NULL AND c.longest IS NULL;
    first := c.since;
    last := c.until;
    LOOP
      SELECT least(min(o.since), first) AS first, greatest(max(o.until), last) AS last INTO wider FROM oracle_now o
      WHERE o.unit_id = c.unit_id AND o.direction = c.direction AND o.is_energy AND o.stage <> 'bid' AND o.seq < c.seq
        AND o.since <= last AND o.until >= first;
      EXIT WHEN wider.first = first AND wider.last = last;
      first := wider.first;
      last := wider.last;
    END LOOP;
    challenger := c.id;
    unit_id := c.unit_id;
    since := first;
    until := last;
    IF last - first > c.longest THEN
      RETURN NEXT;
      CONTINUE;
    END IF;
    CONTINUE WHEN c.most_kwh IS NULL;
    SELECT sum(oracle_delivered(c.id, piece.start) * extract(epoch FROM piece.stop - piece.start)) / 3600 INTO kwh
    FROM (SELECT t AS start, lead(t, 1, last) OVER (ORDER BY t) AS stop FROM (
            SELECT o.since AS t FROM oracle_now o WHERE o.unit_id = c.unit_id UNION SELECT o.until FROM oracle_now o WHERE o.unit_id = c.unit_id
            UNION SELECT split_part(r.in_force::text, '/', k)::timestamptz FROM ruleset r, generate_series(1, 2) k) e
          WHERE t >= first AND t < last) piece;
    IF kwh > c.most_kwh THEN RETURN NEXT; END IF;
  END LOOP;
END $$;

-- The two answers side by side: what the engine has open and what the oracle expects.
CREATE VIEW engine_finding AS
  SELECT k.kind, k.severity, c.source_id AS challenger, coalesce(i.source_id, k.exclusivity_id) AS incumbent, k.unit_id,
         split_part(k.overlap::text, '/', 1)::timestamptz AS since, split_part(k.overlap::text, '/', 2)::timestamptz AS until,
         k.short_kw,
         (SELECT string_agg(split_part(w::text, '/', 1)::timestamptz || '..' || split_part(w::text, '/', 2)::timestamptz || ' ', '' ORDER BY n)
          FROM unnest(k.short_windows) WITH ORDINALITY AS s (w, n)) AS short_windows,
         CASE WHEN k.kind IN ('double_commitment', 'jumping', 'exclusivity') THEN k.ruleset_id END AS rules
  FROM conflict k JOIN commitment c ON c.id = k.challenger_id LEFT JOIN commitment i ON i.id = k.incumbent_id
  WHERE k.closed_at IS NULL;

CREATE FUNCTION oracle_finding() RETURNS TABLE (kind text, severity text, challenger bigint, incumbent bigint, unit_id bigint, since timestamptz,
                                                until timestamptz, short_kw numeric, short_windows text, rules bigint)
LANGUAGE sql AS $$
  SELECT kind, severity, challenger, incumbent, unit_id, since, until, NULL::numeric, NULL::text, rules FROM oracle_pair
  UNION ALL
  SELECT 'exclusivity', 'blocking', o.id, e.id, o.unit_id, greatest(o.since, split_part(e.valid::text, '/', 1)::timestamptz),
         least(o.until, split_part(e.valid::text, '/', 2)::timestamptz), NULL, NULL,
         oracle_ruleset(greatest(o.since, split_part(e.valid::text, '/', 1)::timestamptz))
  FROM oracle_now o JOIN exclusivity e ON coalesce(e.asset_id, e.portfolio_id) = o.unit_id AND e.service_code <> o.service
   AND o.since < split_part(e.valid::text, '/', 2)::timestamptz AND split_part(e.valid::text, '/', 1)::timestamptz < o.until
  UNION ALL
  SELECT 'recovery', 'blocking', challenger, incumbent, unit_id, since, until, NULL, NULL, NULL FROM oracle_recovery_pair
  UNION ALL
  SELECT 'headroom', h.severity, h.challenger, NULL, o.unit_id,
         split_part(h.short_windows, '..', 1)::timestamptz,
         split_part(rtrim(h.short_windows), '..', 1 + (length(h.short_windows) - length(replace(h.short_windows, '..', ''))) / 2)::timestamptz,
         h.short_kw, h.short_windows, NULL
  FROM oracle_headroom() h JOIN oracle_now o ON o.id = h.challenger
  UNION ALL
  SELECT 'energy', 'blocking', challenger, NULL, unit_id, since, until, NULL, NULL, NULL FROM oracle_energy();
$$;

-- Differences, with the side that has them; no rows means agreement.
CREATE FUNCTION compare_with_oracle() RETURNS TABLE (who text, kind text, severity text, challenger bigint, incumbent bigint, unit_id bigint, since timestamptz,
                                                     until timestamptz, short_kw numeric, short_windows text, rules bigint)
LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM oracle_now;
  INSERT INTO oracle_now SELECT * FROM oracle_commitment;
  ANALYZE oracle_now;
  DELETE FROM oracle_draw_now;
  INSERT INTO oracle_draw_now SELECT * FROM oracle_draw;
  ANALYZE oracle_draw_now;
  DELETE FROM oracle_reach;
  INSERT INTO oracle_reach
    WITH RECURSIVE reach (unit, other) AS (
      SELECT u, u FROM (SELECT unit FROM oracle_draw_now UNION SELECT o.unit_id FROM oracle_now o) d (u)
      UNION
      SELECT r.unit, y.unit FROM reach r JOIN oracle_draw_now x ON x.unit = r.other JOIN oracle_draw_now y ON y.place = x.place)
    SELECT * FROM reach;
  ANALYZE oracle_reach;
  PERFORM oracle_learn();
  ANALYZE oracle_verdict;
  CREATE TEMP TABLE expected ON COMMIT DROP AS SELECT * FROM oracle_finding();
  RETURN QUERY
    (SELECT 'engine only', f.* FROM (SELECT * FROM (SELECT e.kind, e.severity, e.challenger, e.incumbent, e.unit_id, e.since, e.until, e.short_kw, e.short_windows, e.rules
                                     FROM engine_finding e) g EXCEPT SELECT * FROM expected) f)
    UNION ALL
    (SELECT 'oracle only', f.* FROM (SELECT * FROM expected EXCEPT
                                     SELECT e.kind, e.severity, e.challenger, e.incumbent, e.unit_id, e.since, e.until, e.short_kw, e.short_windows, e.rules
                                     FROM engine_finding e) f);
  DROP TABLE expected;
END $$;
