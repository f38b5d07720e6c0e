-- What a conflict is, in naive SQL: from the words of the design, for one unit.
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

-- What c's unit must deliver at once at an instant, kW: enumerate the sets of
-- lineages, c's among them, of which no two may share megawatts.
-- Or, of energy alone, what it delivers: c need not be among them.
CREATE FUNCTION oracle_needed(c bigint, instant timestamptz, unknown_is_yes boolean, energy boolean DEFAULT false) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
DECLARE
  subject oracle_now;
  rules bigint := oracle_ruleset(instant);
  ids bigint[];
  services text[];
  kws numeric[];
  parents bigint[];
  stages text[];
  roots int[] := '{}';
  n int;
  weight numeric[];
  place int;
  root int;
  heaviest numeric := 0;
  total numeric;
  chosen int[];
  good boolean;
BEGIN
  SELECT * INTO subject FROM oracle_now WHERE id = c;
  -- in view: c, and obligations and dispatches posted earlier
  WITH seen AS (
    SELECT o.* FROM oracle_now o
    WHERE o.unit_id = subject.unit_id AND o.direction = subject.direction AND o.since <= instant AND instant < o.until
      AND (o.id = c OR (o.stage <> 'bid' AND o.seq < subject.seq))
      AND (NOT energy OR o.is_energy)
  ), linked AS (
    SELECT s.*, (SELECT p.id FROM seen p WHERE p.id IN (s.availability_id, s.award_id, s.bid_id)
                 ORDER BY array_position(ARRAY['availability', 'award', 'bid'], p.stage) LIMIT 1) AS parent
    FROM seen s
  )
  SELECT array_agg(id ORDER BY o), array_agg(service ORDER BY o), array_agg(kw ORDER BY o), array_agg(parent ORDER BY o), array_agg(stage ORDER BY o)
    INTO ids, services, kws, parents, stages
  FROM (SELECT *, array_position(ARRAY['dispatch', 'availability', 'award', 'bid'], stage) * 1000000000::bigint + seq AS o FROM linked) l;
  n := coalesce(cardinality(ids), 0);
  -- a node weighs the greater of its power and its children's weights; children come first
  weight := kws;
  FOR i IN 1..n LOOP
    SELECT greatest(kws[i], coalesce(sum(weight[k]), 0)) INTO total FROM generate_series(1, n) k WHERE parents[k] = ids[i];
    weight[i] := total;
  END LOOP;
  FOR i IN 1..n LOOP
    IF parents[i] IS NULL THEN roots := roots || i; END IF;
  END LOOP;
  place := array_position(ids, c);
  WHILE place IS NOT NULL AND parents[place] IS NOT NULL LOOP place := array_position(ids, parents[place]); END LOOP;
  root := place;

  FOR mask IN 0 .. (1 << cardinality(roots)) - 1 LOOP
    SELECT array_agg(roots[k]) INTO chosen FROM generate_series(1, cardinality(roots)) k WHERE mask & (1 << (k - 1)) <> 0;
    CONTINUE WHEN chosen IS NULL OR NOT (energy OR root = ANY (chosen));
    SELECT NOT EXISTS (SELECT FROM unnest(chosen) x, unnest(chosen) y, oracle_verdict v
                       WHERE x < y AND services[x] <> services[y] AND v.ruleset_id = rules AND v.a = services[x] AND v.b = services[y]
                         AND (v.co_delivery = 'yes' OR (unknown_is_yes AND v.co_delivery = 'unknown')))
      INTO good;
    CONTINUE WHEN NOT good;
    SELECT sum(weight[x]) INTO total FROM unnest(chosen) x;
    heaviest := greatest(heaviest, total);
  END LOOP;
  RETURN heaviest;
END $$;

CREATE FUNCTION oracle_headroom() RETURNS TABLE (challenger bigint, severity text, short_kw numeric, short_windows text)
LANGUAGE plpgsql AS $$
DECLARE
  c record;
  piece record;
  have numeric;
  need numeric;
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
          SELECT o.since AS t FROM oracle_now o WHERE o.unit_id = c.unit_id
          UNION ALL SELECT o.until FROM oracle_now o WHERE o.unit_id = c.unit_id
          UNION ALL SELECT split_part(m.valid::text, '/', k)::timestamptz FROM portfolio_member m, generate_series(1, 2) k WHERE m.portfolio_id = c.unit_id
          UNION ALL SELECT split_part(r.in_force::text, '/', k)::timestamptz FROM ruleset r, generate_series(1, 2) k
        ) e WHERE t >= c.since AND t < c.until) d
      ORDER BY 1
    LOOP
      have := oracle_capacity(c.unit_id, c.direction, piece.start);
      -- all together fit, so every set does: no need to enumerate
      IF have IS NULL OR (SELECT sum(o.kw) FROM oracle_now o WHERE o.unit_id = c.unit_id AND o.direction = c.direction
                          AND o.since <= piece.start AND piece.start < o.until) <= have THEN
        need := 0;
        have := 0;
      ELSE
        need := oracle_needed(c.id, piece.start, false);
      END IF;
      IF need > have THEN
        short_kw := greatest(short_kw, need - have);
        always := always OR oracle_needed(c.id, piece.start, true) > have;
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
    SELECT sum(oracle_needed(c.id, piece.start, false, true) * extract(epoch FROM piece.stop - piece.start)) / 3600 INTO kwh
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
