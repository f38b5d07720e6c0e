-- archetype: thick
-- Who is told what becomes of availability, instructions, transfers and disputes: the parties, each of what the other did.

CREATE OR REPLACE FUNCTION unit_named(unit_id bigint) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
  SELECT format('Asset "%s"', a.name) FROM asset a WHERE a.id = unit_named.unit_id
  UNION ALL SELECT format('Portfolio "%s"', f.name) FROM portfolio f WHERE f.id = unit_named.unit_id;
END;
COMMENT ON FUNCTION unit_named(bigint) IS 'a unit in words: its kind and name';
REVOKE ALL ON FUNCTION unit_named(bigint) FROM PUBLIC;

-- ---------------------------------------------------------------- availability

CREATE OR REPLACE FUNCTION tell_of_availability() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO notification (participant_id, event, availability_id, message, content)
  SELECT CASE WHEN s.status IN ('declared', 'withdrawn') THEN m.market_operator_id ELSE v.service_provider_id END, 'availability_' || s.status, v.id,
         format('%s: availability of %s kW %s for %s, %s, is %s%s.', unit_named(v.unit_id), trim_scale(s.power_kw), v.direction, p.name, window_words(s.delivery_window), s.status, ': ' || s.reason),
         jsonb_strip_nulls(jsonb_build_object('event', 'availability_' || s.status, 'availability_id', v.id, 'unit_id', v.unit_id, 'product_id', v.product_id, 'direction', v.direction, 'power_kw', s.power_kw,
           'delivery_window', s.delivery_window, 'status', s.status, 'reason_code', s.reason_code, 'reason', s.reason))
  -- as it is at commit, with its reason
  FROM availability_step s
  JOIN availability v ON v.id = s.availability_id
  JOIN product p ON p.id = v.product_id
  JOIN market m ON m.id = p.market_id
  WHERE s.id = NEW.id AND v.source IS NULL AND s.status IN ('declared', 'accepted', 'rejected', 'withdrawn', 'released') AND s.reason_code IS DISTINCT FROM 'part';
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_availability() IS
  'constraint trigger, at commit: tells the buyer what is declared and withdrawn, and the provider what is accepted, rejected and released, and why; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_availability() FROM PUBLIC;
DROP TRIGGER IF EXISTS t60_tell ON availability_step;
CREATE CONSTRAINT TRIGGER t60_tell AFTER INSERT ON availability_step DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell_of_availability();
COMMENT ON TRIGGER t60_tell ON availability_step IS 'tells the other party';

-- ---------------------------------------------------------------- instructions

CREATE OR REPLACE FUNCTION tell_of_instruction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO notification (participant_id, event, instruction_id, message, content)
  SELECT reader.id, 'instruction_' || told.word, i.id,
         format('%s: the instruction for %s, %s, is %s%s.', unit_named(i.unit_id), p.name, window_words(time_window(i.starts_at, i.ends_at)), told.word, CASE WHEN told.word <> 'amended' THEN ': ' || s.reason ELSE '' END),
         jsonb_strip_nulls(jsonb_build_object('event', 'instruction_' || told.word, 'instruction_id', i.id, 'mrid', i.mrid, 'version', s.version, 'unit_id', i.unit_id, 'product_id', i.product_id, 'status', s.status,
           'start', i.starts_at, 'end', nullif(i.ends_at, 'infinity'), 'acknowledge_by', CASE WHEN told.word IN ('issued', 'amended') THEN i.acknowledge_by END, 'emergency', nullif(i.emergency, false), 'reason', s.reason))
  FROM steps s
  JOIN instruction i ON i.id = s.instruction_id
  JOIN product p ON p.id = i.product_id
  CROSS JOIN LATERAL (SELECT CASE WHEN s.status = 'issued' AND s.version > 1 THEN 'amended' ELSE s.status END AS word) told
  -- what a party does it knows; what the clock does both are told
  CROSS JOIN LATERAL (SELECT i.service_provider_id AS id WHERE told.word IN ('issued', 'amended', 'confirmed', 'stopped', 'cancelled', 'lapsed', 'held', 'rejected')
                      UNION SELECT i.market_operator_id WHERE told.word IN ('acknowledged', 'executing', 'refused', 'completed', 'failed', 'lapsed', 'held', 'rejected')) reader
  ORDER BY s.id, reader.id;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_instruction() IS
  'trigger: tells the provider what it is instructed, and the buyer what comes of it; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_instruction() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_tell AFTER INSERT ON instruction_step REFERENCING NEW TABLE AS steps
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_instruction();
COMMENT ON TRIGGER t60_tell ON instruction_step IS 'tells the other party';

CREATE OR REPLACE FUNCTION tell_of_read_back() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO notification (participant_id, event, instruction_id, message, content)
  SELECT i.market_operator_id, 'instruction_misread', i.id,
         format('%s: the instruction for %s, %s, was read back otherwise than it was given, and is not acknowledged.', unit_named(i.unit_id), p.name, window_words(time_window(i.starts_at, i.ends_at))),
         jsonb_strip_nulls(jsonb_build_object('event', 'instruction_misread', 'instruction_id', i.id, 'mrid', i.mrid, 'version', NEW.version, 'unit_id', i.unit_id, 'product_id', i.product_id, 'status', i.status,
           'acknowledge_by', i.acknowledge_by, 'read_back_id', NEW.id))
  FROM instruction i JOIN product p ON p.id = i.product_id WHERE i.id = NEW.instruction_id;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_read_back() IS
  'trigger: tells the buyer that its instruction was understood otherwise than it was given; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_read_back() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_tell AFTER INSERT ON instruction_read_back FOR EACH ROW WHEN (NEW.differs) EXECUTE FUNCTION tell_of_read_back();
COMMENT ON TRIGGER t60_tell ON instruction_read_back IS 'tells the buyer what was misunderstood';

-- ---------------------------------------------------------------- transfers

CREATE OR REPLACE FUNCTION tell_of_transfer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO notification (participant_id, event, award_transfer_id, message, content)
  SELECT reader.id, 'transfer_' || s.status, t.id,
         format('Transfer of %s kW %s of %s, %s, from %s%s is %s%s.', trim_scale(t.power_kw), t.direction, p.name, window_words(t.delivery_window), seller.name, coalesce(' to ' || taker.name, ''), replace(s.status, '_', ' '), coalesce(': ' || s.reason, '')),
         jsonb_strip_nulls(jsonb_build_object('event', 'transfer_' || s.status, 'award_transfer_id', t.id, 'kind', t.kind, 'product_id', t.product_id, 'transferor_id', t.transferor_id, 'transferee_id', t.transferee_id,
           'unit_id', t.unit_id, 'direction', t.direction, 'power_kw', t.power_kw, 'delivery_window', t.delivery_window, 'status', s.status, 'reason', s.reason))
  FROM steps s
  JOIN award_transfer t ON t.id = s.award_transfer_id
  JOIN product p ON p.id = t.product_id
  JOIN market m ON m.id = p.market_id
  JOIN participant seller ON seller.id = t.transferor_id
  LEFT JOIN participant taker ON taker.id = t.transferee_id
  -- the buyer hears of it once somebody would take it
  CROSS JOIN LATERAL (SELECT t.transferee_id AS id WHERE s.status <> 'accepted' AND t.transferee_id IS NOT NULL
                      UNION SELECT t.transferor_id WHERE s.status NOT IN ('offered', 'withdrawn')
                      UNION SELECT m.market_operator_id WHERE s.status IN ('accepted', 'completed') OR (s.status IN ('withdrawn', 'lapsed', 'refused') AND t.unit_id IS NOT NULL)) reader
  ORDER BY s.id, reader.id;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_transfer() IS
  'trigger: tells the two providers of a transfer and, from the acceptance on, the buyer; what the two pay one another is not said; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_transfer() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_tell AFTER INSERT ON transfer_step REFERENCING NEW TABLE AS steps
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_transfer();
COMMENT ON TRIGGER t60_tell ON transfer_step IS 'tells the other parties';

-- ---------------------------------------------------------------- disputes

CREATE OR REPLACE FUNCTION tell_of_dispute() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT
AS $function$
BEGIN
  INSERT INTO notification (participant_id, event, dispute_id, message, content)
  SELECT reader.id, 'dispute_' || s.status, d.id,
         format('Dispute %s of %s about a %s is %s%s.', d.id, raiser.name, replace(d.subject, '_', ' '), s.status, coalesce(': ' || s.reason, '')),
         jsonb_strip_nulls(jsonb_build_object('event', 'dispute_' || s.status, 'dispute_id', d.id, 'mrid', d.mrid, 'subject', d.subject, 'run_id', d.run_id, 'delivery_id', d.delivery_id, 'qualification_id', d.qualification_id,
           'conflict_id', d.conflict_id, 'status', s.status, 'outcome', d.outcome, 'answer_by', CASE WHEN s.status = 'raised' THEN d.answer_by END, 'reason', s.reason))
  FROM steps s
  JOIN dispute d ON d.id = s.dispute_id
  JOIN participant raiser ON raiser.id = d.raised_by_id
  CROSS JOIN LATERAL (SELECT d.respondent_id AS id WHERE s.status IN ('raised', 'resolved', 'withdrawn') AND d.respondent_id IS NOT NULL
                      UNION SELECT d.raised_by_id WHERE s.status IN ('answered', 'resolved')) reader
  ORDER BY s.id, reader.id;
  RETURN NULL;
END
$function$;
COMMENT ON FUNCTION tell_of_dispute() IS 'trigger: tells each party of a dispute what the other said and what was decided; SECURITY DEFINER because nobody writes notification itself';
REVOKE ALL ON FUNCTION tell_of_dispute() FROM PUBLIC;
CREATE OR REPLACE TRIGGER t60_tell AFTER INSERT ON dispute_step REFERENCING NEW TABLE AS steps
  FOR EACH STATEMENT EXECUTE FUNCTION tell_of_dispute();
COMMENT ON TRIGGER t60_tell ON dispute_step IS 'tells the parties';
