-- Qualification: what a unit lacks, who decides what, what both are told, and what was tested once.
\getenv src PG_ABS_SRCDIR
\set setup :src '/setup.sql'
\set ECHO none
\i :setup
\set ECHO all
SELECT flexexchange.create_exchange('qual_test');
SET search_path = qual_test, flexexchange;
CREATE ROLE qual_neso IN ROLE flexexchange_participant;
CREATE ROLE qual_dso IN ROLE flexexchange_participant;
CREATE ROLE qual_seller IN ROLE flexexchange_participant;
CREATE ROLE qual_rival IN ROLE flexexchange_participant;
CREATE ROLE qual_analyst IN ROLE flexexchange_analyst;
INSERT INTO participant (id, name, kinds) VALUES (1, 'NESO', '{market_operator}'), (2, 'DSO', '{market_operator}'), (3, 'Seller', '{service_provider}'), (4, 'Rival', '{service_provider}');
INSERT INTO participant_login (role_name, participant_id) VALUES ('qual_neso', 1), ('qual_dso', 2), ('qual_seller', 3), ('qual_rival', 4);
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'neso', 'NESO markets', 1), (2, 'dso', 'Local market', 2);
INSERT INTO product (id, market_id, code, name, service_code, spec) VALUES
  (1, 1, 'DC', 'Dynamic Containment', 'DC', '{"member": {"technology": ["BESS", "EV_CHARGER"], "notice": {"max": "PT1S"}, "metering_granularity": {"max": "PT0.05S"}}, "unit": {"up_kw": {"min": 1000}}, "grouping": "gsp_group"}'),
  (2, 2, 'PR', 'Peak Reduction', 'PR', '{"member": {"notice": {"max": "PT1H"}}, "unit": {"up_kw": {"min": 10}}}'),
  (3, 2, 'OU', 'Operational Utilisation', 'OUrt', NULL);
INSERT INTO asset (id, name, profile) VALUES (11, 'battery', '{"technology": "BESS", "directions": ["up"], "up_kw": 1200, "notice": "PT1S", "metering_granularity": "PT1S", "gsp_group": "_C"}'),
  (12, 'charger', '{"technology": "EV_CHARGER", "directions": ["up"], "up_kw": 7, "notice": "PT1S", "metering_granularity": "PT0.05S", "gsp_group": "_C"}'), (13, 'unknown', NULL), (14, 'rival''s', NULL);
INSERT INTO asset_operator (asset_id, service_provider_id, valid) SELECT id, CASE id WHEN 14 THEN 4 ELSE 3 END, '-infinity/infinity' FROM asset;
CREATE FUNCTION tried(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
  EXECUTE statement;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n || ' rows';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
GRANT EXECUTE ON FUNCTION tried(text) TO PUBLIC;
CREATE VIEW state WITH (security_invoker = true) AS SELECT id, unit_id, product_id, status, prequalified_at IS NOT NULL AS prequalified, verified_at IS NOT NULL AS verified, decided_by, eligible,
  (SELECT string_agg(m ->> 'requirement', ' ' ORDER BY m ->> 'requirement' COLLATE "C") FROM jsonb_array_elements(missed) m) AS missed FROM qualification;
CREATE VIEW told WITH (security_invoker = true) AS SELECT n.id, p.name AS to, n.event, n.message FROM notification n JOIN participant p ON p.id = n.participant_id;
GRANT SELECT ON state, told TO PUBLIC;

-- ---------------------------------------------------------------- before anybody applies

SET ROLE qual_seller;
SELECT market, product, version, eligible, alone, jsonb_array_length(missed) AS missed FROM what_if('{"technology": "EV_CHARGER", "directions": ["up"], "up_kw": 7, "notice": "PT1S", "metering_granularity": "PT0.05S"}');
SELECT * FROM eligible_products(11);
SELECT * FROM eligible_products(12);
SELECT * FROM eligible_products(13);
SELECT eligible_assets(1);
SELECT eligible_assets(2);
-- by the index, which holds what is declared, also below row-level security
CREATE TEMP TABLE plan (line text);
SET enable_seqscan = off;
DO $$ DECLARE line text; BEGIN FOR line IN EXECUTE $q$EXPLAIN SELECT id FROM asset WHERE profile <@ '{"member": {"up_kw": {"min": 5}}}'$q$ LOOP INSERT INTO plan VALUES (line); END LOOP; END $$;
SELECT bool_or(line ~ 'asset_profile_idx') AS by_index FROM plan;
RESET enable_seqscan;
DROP TABLE plan;
-- what another has is not there
SELECT tried('SELECT eligible_products(14)'), tried('SELECT eligible_products(99)'), tried('SELECT eligible_products(NULL)'), tried('SELECT eligible_assets(99)');
SET ROLE qual_analyst;
SELECT product, missed FROM what_if('{"notice": "PT2H"}');
SELECT tried('SELECT eligible_assets(2)');
RESET ROLE;

-- ---------------------------------------------------------------- applying

SET ROLE qual_seller;
INSERT INTO qualification (asset_id, product_id, service_provider_id) VALUES (11, 1, 3), (11, 2, 3), (12, 1, 3), (13, 3, 3);
SELECT * FROM state ORDER BY id;
SELECT missed FROM qualification WHERE id = 1;
-- once, with a unit of one's own, in one's own name, and nothing that the exchange or the buyer decides
SELECT tried('INSERT INTO qualification (asset_id, product_id, service_provider_id) VALUES (11, 1, 3)');
SELECT tried('INSERT INTO qualification (asset_id, product_id, service_provider_id) VALUES (14, 1, 3)'), tried('INSERT INTO qualification (asset_id, product_id, service_provider_id) VALUES (13, 1, 4)');
SELECT tried('INSERT INTO qualification (asset_id, product_id, service_provider_id, eligible) VALUES (13, 1, 3, true)'), tried('INSERT INTO qualification (asset_id, product_id, service_provider_id, status) VALUES (13, 1, 3, ''verified'')');
SELECT tried('INSERT INTO qualification (product_id, service_provider_id) VALUES (1, 3)');
SELECT tried('UPDATE qualification SET eligible = true'), tried('UPDATE qualification SET status = ''prequalification'' WHERE id = 1'), tried('UPDATE qualification SET prequalified_at = now() WHERE id = 1');
SELECT message FROM told ORDER BY id;
SET ROLE qual_rival;
SELECT (SELECT count(*) FROM qualification) AS applications, (SELECT count(*) FROM qualification_step) AS steps, (SELECT count(*) FROM market_readiness) AS readiness, (SELECT count(*) FROM notification) AS told;
SET ROLE qual_dso;
SELECT id, product_id FROM qualification ORDER BY id;
RESET ROLE;

-- ---------------------------------------------------------------- what a unit lacks follows the register

SELECT max(id) AS told FROM notification \gset
UPDATE asset SET profile = jsonb_set(profile::jsonb, '{metering_granularity}', '"PT0.02S"')::asset_profile WHERE id = 11;
SELECT * FROM state ORDER BY id;
UPDATE asset SET profile = '{"technology": "CHP"}' WHERE id IN (11, 12);
UPDATE asset SET name = 'Battery' WHERE id = 11;
SELECT * FROM state ORDER BY id;
-- both parties are told, each what concerns it
SELECT "to", message FROM told WHERE id > :told ORDER BY id;
UPDATE asset SET profile = '{"technology": "BESS", "directions": ["up"], "up_kw": 1200, "notice": "PT1S", "metering_granularity": "PT0.05S", "gsp_group": "_C"}' WHERE id = 11;

-- ---------------------------------------------------------------- deciding

SET ROLE qual_dso;
SELECT tried('UPDATE qualification SET status = ''prequalification'' WHERE id = 1') AS of_another;
SET ROLE qual_neso;
SELECT tried('UPDATE qualification SET status = ''prequalified'' WHERE id = 1');
UPDATE qualification SET status = 'prequalification' WHERE id = 1;
UPDATE qualification SET status = 'prequalified', valid = '2020-01-01T00:00Z/2098-01-01T00:00Z', note = 'tested on site' WHERE id = 1;
SELECT * FROM state WHERE id = 1;
SELECT is_approved, is_ready FROM market_readiness WHERE qualification_id = 1;
-- the timestamp, not the status, means approved: looked at again, it stays approved ...
UPDATE qualification SET status = 'requested' WHERE id = 1;
SELECT is_approved, is_ready FROM market_readiness WHERE qualification_id = 1;
-- ... until the stamp is cleared; a stamp is the moment at which it is given
UPDATE qualification SET prequalified_at = NULL WHERE id = 1;
SELECT is_approved, is_ready FROM market_readiness WHERE qualification_id = 1;
UPDATE qualification SET prequalified_at = '2000-01-01' WHERE id = 1 RETURNING prequalified_at = now() AS is_now;
-- an approved status needs its stamp
UPDATE qualification SET status = 'prequalification' WHERE id = 1;
UPDATE qualification SET status = 'prequalified' WHERE id = 1;
SELECT tried('UPDATE qualification SET prequalified_at = NULL WHERE id = 1');
-- rejecting takes both; the provider, and it alone, may ask again, and changes nothing else by that
UPDATE qualification SET status = 'requested' WHERE id = 1;
UPDATE qualification SET status = 'prequalification' WHERE id = 1;
UPDATE qualification SET status = 'rejected', note = 'no telemetry' WHERE id = 1;
SELECT * FROM state WHERE id = 1;
SELECT tried('UPDATE qualification SET status = ''requested'' WHERE id = 1') AS by_operator;
SET ROLE qual_seller;
SELECT tried('UPDATE qualification SET status = ''prequalification'' WHERE id = 1');
SELECT tried('UPDATE qualification SET status = ''requested'', prequalified_at = now(), valid = ''2020-01-01T00:00Z/infinity'', note = NULL WHERE id = 1');
SELECT status, prequalified_at, valid, note FROM qualification WHERE id = 1;
SET ROLE qual_neso;
UPDATE qualification SET status = 'temporary_qualified' WHERE id = 1;
SELECT is_approved, is_ready FROM market_readiness WHERE qualification_id = 1;
UPDATE qualification SET status = 'verified', note = 'delivered on two days' WHERE id = 1;
-- who did what; nobody writes that, and what an application is of stays
SELECT from_status, to_status, prequalified_at IS NOT NULL AS prequalified, verified_at IS NOT NULL AS verified, note, taken_by, taken_as FROM qualification_step WHERE qualification_id = 1 ORDER BY id;
RESET ROLE;
SELECT tried('UPDATE qualification SET product_id = 2 WHERE id = 1'), tried('UPDATE qualification SET mrid = gen_random_uuid()'), tried('TRUNCATE qualification_step'), left(tried('DELETE FROM qualification'), 68);   -- which of the keys complains first depends on their oids
SET ROLE flexexchange_operator;
SELECT tried('DELETE FROM qualification_step'), tried('INSERT INTO ineligible_member VALUES (1, 11)');
RESET ROLE;

-- ---------------------------------------------------------------- ready for market: which condition fails

CREATE FUNCTION failing(q bigint) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT coalesce(string_agg(key, ' ' ORDER BY key COLLATE "C"), 'none') FROM market_readiness r, jsonb_each(to_jsonb(r)) WHERE r.qualification_id = q AND value = 'false' $$;
SELECT failing(1), failing(2), failing(3);
BEGIN;
UPDATE product SET valid = '2000-01-01T00:00Z/2001-01-01T00:00Z' WHERE id = 1; SELECT failing(1);
ROLLBACK; BEGIN;
UPDATE asset_operator SET service_provider_id = 4 WHERE asset_id = 11; SELECT failing(1);
ROLLBACK; BEGIN;
UPDATE asset SET connection_status = 'disconnected' WHERE id = 11; SELECT failing(1);
ROLLBACK; BEGIN;
UPDATE asset SET profile = NULL WHERE id = 11; SELECT failing(1);
ROLLBACK; BEGIN;
UPDATE qualification SET valid = '2000-01-01T00:00Z/2001-01-01T00:00Z' WHERE id = 1; SELECT failing(1);
ROLLBACK; BEGIN;
UPDATE qualification SET status = 'requested', verified_at = NULL WHERE id = 1; SELECT failing(1);
ROLLBACK;

-- suspended at once, by the procuring operator, once at a time
SET ROLE qual_dso;
SELECT tried('INSERT INTO suspension (qualification_id, reason) VALUES (1, ''failed_verification'')') AS by_another;
SET ROLE qual_seller;
SELECT tried('INSERT INTO suspension (qualification_id, reason) VALUES (1, ''failed_verification'')') AS by_the_provider;
SET ROLE qual_neso;
SELECT tried('INSERT INTO suspension (qualification_id, reason, suspended_at) VALUES (1, ''failed_verification'', ''2099-01-01'')') AS post_dated;
SELECT tried('INSERT INTO suspension (qualification_id, reason) VALUES (1, ''other'')');
SELECT tried('INSERT INTO suspension (qualification_id, reason) VALUES (1, ''tuesday'')');
INSERT INTO suspension (qualification_id, reason, note) VALUES (1, 'failed_verification', 'delivered 40 %');
SELECT tried('INSERT INTO suspension (qualification_id, reason) VALUES (1, ''failed_verification'')') AS twice;
SELECT is_not_suspended, is_ready FROM market_readiness WHERE qualification_id = 1;
SELECT tried('UPDATE suspension SET reinstated_at = now()');
SET ROLE qual_seller;
SELECT tried('UPDATE suspension SET status = ''reinstated''') AS by_the_provider;
SELECT reason, note, suspended_by FROM suspension;
SET ROLE qual_neso;
UPDATE suspension SET status = 'reinstated';
SELECT tried('UPDATE suspension SET status = ''suspended''');
SELECT status, suspended_by, suspended_at IS NOT NULL AS since, reinstated_by, reinstated_at IS NOT NULL AS until FROM suspension;
SELECT is_not_suspended, is_ready FROM market_readiness WHERE qualification_id = 1;
SELECT event, message FROM told WHERE event ~ 'suspended|reinstated|decided|requested' ORDER BY id;
RESET ROLE;

-- ---------------------------------------------------------------- tested once

SET ROLE qual_seller;
INSERT INTO test_result (asset_id, service_provider_id, shown, tested_at, report) VALUES (11, 3, '{"notice": "PT0.8S", "metering_granularity": "PT0.05S", "up_kw": 1180}', '2026-11-01T12:00Z', 'T-17');
SELECT tried('INSERT INTO test_result (asset_id, service_provider_id, shown, tested_at) VALUES (14, 3, ''{}'', ''2026-11-01T12:00Z'')') AS of_another, tried('UPDATE test_result SET status = ''verified''') AS by_itself;
SET ROLE qual_neso;
SELECT tried('INSERT INTO qualification_evidence (qualification_id, test_result_id) VALUES (1, 1)') AS not_verified;
UPDATE test_result SET status = 'verified';
INSERT INTO qualification_evidence (qualification_id, test_result_id) VALUES (1, 1);
SELECT tried('INSERT INTO qualification_evidence (qualification_id, test_result_id) VALUES (3, 1)') AS of_another_asset;
-- the second operator, to which the asset applied too, need not test again
SET ROLE qual_dso;
SELECT * FROM reusable_test;
INSERT INTO qualification_evidence (qualification_id, test_result_id) VALUES (2, 1);
SELECT tried('UPDATE test_result SET status = ''refused''') AS what_another_decided;
SELECT qualification_id, test_result_id, verified_by, accepted_by, accepted_at <= now() AS accepted FROM qualification_evidence;
SELECT is_accepted FROM reusable_test;
RESET ROLE;
SELECT qualification_id, verified_by, accepted_by FROM qualification_evidence ORDER BY 1;
SELECT tried('UPDATE test_result SET shown = ''{}''');
-- what the exchange itself verified no participant undoes
BEGIN;
INSERT INTO test_result (asset_id, service_provider_id, shown, tested_at) VALUES (11, 3, '{"notice": "PT1S"}', '2026-11-02T12:00Z');
UPDATE test_result SET status = 'verified' WHERE tested_at = '2026-11-02T12:00Z' RETURNING decided_by;
SET LOCAL ROLE qual_neso;
SELECT tried('UPDATE test_result SET status = ''refused'' WHERE tested_at = ''2026-11-02T12:00Z''');
ROLLBACK;
-- who accepted it hears when the other refuses it after all
SET ROLE qual_neso;
BEGIN;
UPDATE test_result SET status = 'refused' RETURNING decided_by;
RESET ROLE;
SELECT "to", message FROM told WHERE event = 'qualification_evidence_refused' ORDER BY id;
ROLLBACK;
SET ROLE qual_rival;
SELECT count(*) FROM test_result;
RESET ROLE;

-- ---------------------------------------------------------------- portfolios

INSERT INTO portfolio (id, name, service_provider_id) VALUES (21, 'together', 3);
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (21, 11, 995, '2020-01-01T00:00Z/infinity');
SET ROLE qual_seller;
INSERT INTO qualification (portfolio_id, product_id, service_provider_id) VALUES (21, 1, 3), (21, 2, 3);
SELECT portfolio_profile(21);
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
SELECT * FROM eligible_products(21);
RESET ROLE;
-- a member more, which is no member for the one and good for the other
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (21, 12, 5, '2020-01-01T00:00Z/infinity');
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
SELECT i.* FROM ineligible_member i;
-- and once it is one, the whole is enough, without the sum of ratings
UPDATE asset SET profile = '{"technology": "EV_CHARGER", "directions": ["up"], "up_kw": 7, "notice": "PT1S", "metering_granularity": "PT0.05S", "gsp_group": "_C"}' WHERE id = 12;
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
SELECT count(*) FROM ineligible_member;
SELECT portfolio_profile(21)::jsonb -> 'up_kw' AS up_kw;
-- what the provider declares counts, where it declares
SET ROLE qual_seller;
UPDATE portfolio SET profile = '{"directions": ["up"], "up_kw": 900, "gsp_group": "_C", "member_count": 2}' WHERE id = 21;
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
UPDATE portfolio SET profile = NULL WHERE id = 21;
RESET ROLE;
UPDATE portfolio_member SET flexible_up_kw = 4.999 WHERE asset_id = 12;
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
DELETE FROM portfolio_member WHERE asset_id = 12;
SELECT * FROM state WHERE unit_id = 21 ORDER BY id;
-- time passes without an event: a member leaves
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) VALUES (21, 14, 7, '2020-01-01T00:00Z/infinity');
SELECT id, eligible FROM state WHERE unit_id = 21 ORDER BY id;
ALTER TABLE portfolio_member DISABLE TRIGGER USER;
UPDATE portfolio_member SET valid = '2020-01-01T00:00Z/2021-01-01T00:00Z' WHERE asset_id = 14;
ALTER TABLE portfolio_member ENABLE TRIGGER USER;
SELECT requalify(), requalify();
SELECT id, eligible, missed FROM state WHERE unit_id = 21 ORDER BY id;
SELECT count(*) FROM ineligible_member;

-- ---------------------------------------------------------------- versions

SELECT tried('UPDATE product SET spec = NULL WHERE id = 1');
INSERT INTO product (id, market_id, code, version, name, service_code, spec, valid) VALUES
  (4, 1, 'DC', 2, 'Dynamic Containment', 'DC', '{"member": {"technology": ["BESS", "EV_CHARGER", "CHP"]}, "unit": {"up_kw": {"min": 5}}}', time_window(now() + interval '1 month', 'infinity')),
  (5, 1, 'DC', 3, 'Dynamic Containment', 'DC', '{}', '2000-01-01T00:00Z/2001-01-01T00:00Z');
SELECT * FROM eligible_products(12);
SELECT eligible_assets(4);
SELECT product, version, eligible, alone FROM what_if('{"technology": "BESS"}');

-- ---------------------------------------------------------------- oracle

-- a random register changed at random, each change against every application judged one by one
\set VERBOSITY default
SELECT flexexchange.drop_exchange('qual_test', with_data => true);
SELECT flexexchange.create_exchange('qual_test');
SET search_path = qual_test, flexexchange;
CREATE FUNCTION draw(i int, seed int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT ((hashint8extended(i, seed) & 1048575) % n)::int $$;
CREATE FUNCTION random_profile(i int, seed int) RETURNS asset_profile LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN draw(i, seed, 20) > 0 THEN (jsonb_build_object('directions', ARRAY['up'], 'up_kw', draw(i, seed + 1, 20), 'notice', 'PT' || draw(i, seed + 2, 4) || 'S')
    || CASE WHEN draw(i, seed + 3, 4) > 0 THEN jsonb_build_object('gsp_group', '_' || chr(65 + draw(i, seed + 4, 2))) ELSE '{}' END)::asset_profile END $$;
INSERT INTO participant (id, name, kinds) VALUES (1, 'Buyer', '{market_operator}'), (2, 'Seller', '{service_provider}');
INSERT INTO market (id, code, name, market_operator_id) VALUES (1, 'm', 'm', 1);
INSERT INTO product (id, market_id, code, name, service_code, spec) SELECT i, 1, 'P' || i, 'P', 'PR',
    CASE WHEN i > 1 THEN (jsonb_build_object('unit', jsonb_build_object('up_kw', jsonb_build_object('min', draw(i, 2, 60)))) || CASE WHEN i % 2 = 0 THEN '{}'::jsonb
      ELSE jsonb_build_object('member', jsonb_build_object('notice', jsonb_build_object('max', 'PT' || draw(i, 1, 4) || 'S'))) END || CASE WHEN i % 3 = 0 THEN '{"grouping": "gsp_group"}'::jsonb ELSE '{}' END)::product_spec END
  FROM generate_series(1, 8) i;
INSERT INTO asset (id, name, profile) SELECT 100 + i, 'asset ' || i, random_profile(i, 10) FROM generate_series(1, 30) i;
INSERT INTO portfolio (id, name, service_provider_id, profile) SELECT 200 + i, 'portfolio ' || i, 2, CASE WHEN i % 4 = 0 THEN random_profile(i, 20) END FROM generate_series(1, 8) i;
INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid) SELECT 200 + p, 100 + a, nullif(draw(a * 10 + p, 31, 12), 11), CASE WHEN draw(a * 10 + p, 32, 5) > 0 THEN '2020-01-01T00:00Z/infinity' ELSE '2020-01-01T00:00Z/2021-01-01T00:00Z' END::time_window
  FROM generate_series(1, 8) p, generate_series(1, 30) a WHERE draw(a * 10 + p, 30, 4) = 0;
INSERT INTO qualification (asset_id, portfolio_id, product_id, service_provider_id)
  SELECT CASE WHEN u < 200 THEN u END, CASE WHEN u > 200 THEN u END, p, 2 FROM generate_series(1, 8) p, (SELECT 100 + i FROM generate_series(1, 30) i UNION ALL SELECT 200 + i FROM generate_series(1, 8) i) x (u) WHERE draw(u * 10 + p, 40, 3) > 0;
-- what the page on eligibility says, pair by pair
CREATE VIEW truth AS
  WITH lent AS (
    SELECT f.id AS portfolio_id, f.profile AS declared, count(a.id) AS n, profile_of(coalesce(a.profile, '{}')) AS whole,
           sum(m.flexible_up_kw) AS lent, count(m.flexible_up_kw) AS says,
           array_agg(a.id) AS members
    FROM portfolio f LEFT JOIN portfolio_member m ON m.portfolio_id = f.id AND lower(m.valid) <= now() AND upper(m.valid) > now() LEFT JOIN asset a ON a.id = m.asset_id GROUP BY f.id),
  capped AS (
    SELECT *, CASE WHEN declared IS NOT NULL THEN declared WHEN n = 0 THEN '{}'
                   WHEN says = n AND lent < (whole::jsonb ->> 'up_kw')::numeric THEN (whole::jsonb || jsonb_build_object('up_kw', lent))::asset_profile ELSE whole END AS profile FROM lent)
  SELECT q.id, CASE WHEN p.spec IS NULL THEN NULL
      WHEN q.asset_id IS NOT NULL THEN NOT EXISTS (SELECT FROM ineligibility(p.spec, coalesce((SELECT profile FROM asset WHERE id = q.asset_id), '{}'), 'member'))
      ELSE (SELECT NOT EXISTS (SELECT FROM ineligibility(p.spec, c.profile, 'unit'))
              AND (c.n = 0 OR NOT EXISTS (SELECT FROM asset a, ineligibility(p.spec, coalesce(a.profile, '{}'), 'member') WHERE a.id = ANY (c.members)))
            FROM capped c WHERE c.portfolio_id = q.portfolio_id) END AS eligible,
    (SELECT count(*) FROM ineligibility(p.spec, CASE WHEN q.asset_id IS NOT NULL THEN coalesce((SELECT profile FROM asset WHERE id = q.asset_id), '{}') ELSE (SELECT c.profile FROM capped c WHERE c.portfolio_id = q.portfolio_id) END,
       CASE WHEN q.asset_id IS NOT NULL THEN 'member' ELSE 'unit' END)) AS missed
  FROM qualification q JOIN product p ON p.id = q.product_id;
CREATE VIEW wrong AS SELECT q.id FROM qualification q JOIN truth t USING (id) WHERE q.eligible IS DISTINCT FROM t.eligible
  OR (SELECT count(*) FROM jsonb_array_elements(q.missed) m WHERE m ->> 'requirement' <> 'members') <> t.missed
  OR (q.missed @> '[{"requirement": "members"}]') <> EXISTS (SELECT FROM ineligible_member i WHERE i.qualification_id = q.id);
SELECT count(*) > 150 AS applications, count(*) FILTER (WHERE eligible) > 30 AS eligible, count(*) FILTER (WHERE NOT eligible) > 30 AS not_eligible, (SELECT count(*) FROM wrong) AS wrong FROM qualification;
SELECT count(*) FILTER (WHERE eligible) > 3 AS portfolios, (SELECT count(*) > 5 FROM ineligible_member) AS in_the_way FROM qualification WHERE portfolio_id IS NOT NULL;
CREATE FUNCTION change(OUT changes int, OUT turns int, OUT wrong_after int[]) LANGUAGE plpgsql AS $$
DECLARE before jsonb; n bigint;
BEGIN
  changes := 0; turns := 0; wrong_after := '{}';
  FOR i IN 1 .. 300 LOOP
    SELECT jsonb_object_agg(id, eligible) INTO before FROM qualification;
    CASE draw(i, 50, 8)
      WHEN 0, 1 THEN UPDATE asset SET profile = random_profile(i, 60) WHERE id = 101 + draw(i, 51, 30);
      WHEN 2 THEN UPDATE asset SET profile = random_profile(i + id::int, 70) WHERE draw(i * 100 + id::int, 52, 4) = 0;
      WHEN 3 THEN UPDATE portfolio SET profile = CASE WHEN draw(i, 53, 2) = 0 THEN random_profile(i, 80) END WHERE id = 201 + draw(i, 54, 8);
      WHEN 4 THEN INSERT INTO portfolio_member (portfolio_id, asset_id, flexible_up_kw, valid)
        SELECT 201 + draw(i, 55, 8), a, nullif(draw(i, 56, 12), 11), '2020-01-01T00:00Z/infinity' FROM generate_series(101, 130) a
        WHERE draw(i * 100 + a, 57, 15) = 0 AND NOT EXISTS (SELECT FROM portfolio_member m WHERE m.portfolio_id = 201 + draw(i, 55, 8) AND m.asset_id = a);
      WHEN 5 THEN UPDATE portfolio_member SET flexible_up_kw = nullif(draw(i, 58, 12), 11), valid = CASE WHEN draw(i, 59, 3) > 0 THEN '2020-01-01T00:00Z/infinity' ELSE '2020-01-01T00:00Z/2021-01-01T00:00Z' END::time_window WHERE draw(i * 1000 + asset_id::int, 61, 20) = 0;
      WHEN 6 THEN UPDATE portfolio_member m SET portfolio_id = 201 + draw(i, 62, 8) WHERE draw(i * 1000 + asset_id::int, 63, 20) = 0
        AND NOT EXISTS (SELECT FROM portfolio_member o WHERE o.asset_id = m.asset_id AND o.portfolio_id = 201 + draw(i, 62, 8))
        AND m.portfolio_id = (SELECT min(portfolio_id) FROM portfolio_member o WHERE o.asset_id = m.asset_id);
      ELSE DELETE FROM portfolio_member WHERE draw(i * 1000 + asset_id::int, 64, 40) = 0;
    END CASE;
    changes := changes + 1;
    SELECT turns + count(*) INTO turns FROM qualification WHERE eligible::text IS DISTINCT FROM before ->> id::text;
    SELECT count(*) INTO n FROM wrong;
    IF n > 0 THEN
      wrong_after := wrong_after || i;
    END IF;
  END LOOP;
END $$;
SELECT changes, turns > 300 AS many_turned, wrong_after FROM change();
-- each turn was told to both
SELECT count(*) > 600 AS told, count(DISTINCT participant_id) AS parties FROM notification WHERE event = 'qualification_changed';
SELECT flexexchange.drop_exchange('qual_test', with_data => true);
DROP ROLE qual_neso, qual_dso, qual_seller, qual_rival, qual_analyst;
