-- archetype: thick
-- Kinds of joint use, as far as they were published.
--
-- Source: Open Networks, market facilitation and coordination, which gives one example of each kind.  Where it names a
-- kind of service, a row stands for each service that is taken to be of it, and is not confirmed.

INSERT INTO joint_use (service_code, other_service_code, direction, kind, adjustment_reason, source, confirmed, note)
SELECT v.code, v.other, v.direction, v.kind, v.reason, 'Open Networks, coordination of flexibility markets, kinds of joint use', v.confirmed, v.note
FROM (VALUES
  ('SU', 'WM', NULL, 'additive', NULL, true, NULL),
  ('DM', 'DR', 'down', 'not_allowed', NULL, true, 'said of the high services, on the same power'),
  ('LCM', 'WM', NULL, 'adjusted_to_remove', 'ABSVD', true, 'by default: opting out is allowed')
) AS v (code, other, direction, kind, reason, confirmed, note);
INSERT INTO joint_use (service_code, other_service_code, kind, adjustment_reason, source, confirmed, note)
SELECT c, 'WM', 'adjusted_to_remove', 'ABSVD', 'Open Networks, coordination of flexibility markets, kinds of joint use', false, 'said of non-BM ancillary services with wholesale'
FROM unnest('{STOR,QR,SR,DC,DM,DR,SFFR}'::text[]) c;
INSERT INTO joint_use (service_code, other_service_code, kind, source, confirmed, note)
SELECT c, 'CM', 'adjusted_to_replace', 'Open Networks, coordination of flexibility markets, kinds of joint use', false, 'said of Relevant Balancing Services, of which it gives no list'
FROM unnest('{BM,BR,QR,SR,STOR,DC,DM,DR,SFFR}'::text[]) c;
