-- archetype: thin
-- Personal data of others is read through functions that log who read it and why.
--
-- What a participant says of itself it reads itself; what is published everybody reads.

DO $block$
BEGIN
  DROP POLICY IF EXISTS billing_details_by_function ON billing_details;
  CREATE POLICY billing_details_by_function ON billing_details AS RESTRICTIVE FOR SELECT TO flexexchange_operator, flexexchange_regulator USING (false);
  COMMENT ON POLICY billing_details_by_function ON billing_details IS 'ADM-5: accounts of others are read by read_billing_details(), which logs it';
  DROP POLICY IF EXISTS participant_contact_by_function ON participant_contact;
  CREATE POLICY participant_contact_by_function ON participant_contact AS RESTRICTIVE FOR SELECT TO flexexchange_operator, flexexchange_regulator USING (published);
  COMMENT ON POLICY participant_contact_by_function ON participant_contact IS 'DIR-8: contacts that are not published are read by read_contacts(), which logs it';
  DROP POLICY IF EXISTS event_log_personal ON event_log;
  CREATE POLICY event_log_personal ON event_log AS RESTRICTIVE FOR SELECT TO flexexchange_operator, flexexchange_regulator
    USING (table_name NOT IN ('billing_details', 'participant_contact') OR action IN ('read', 'erase'));
  COMMENT ON POLICY event_log_personal ON event_log IS 'LOG-3: nor are accounts and contacts read from the log';
END
$block$;

CREATE OR REPLACE FUNCTION read_billing_details(participant_id bigint, reason text) RETURNS SETOF billing_details
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say what for; it is logged.');
  RETURN QUERY
  SELECT b.* FROM billing_details b
  WHERE b.participant_id = read_billing_details.participant_id
    AND (acts_for_exchange() OR ((b.market_id IS NULL OR b.market_id IN (SELECT own_market_ids()))
         AND EXISTS (SELECT FROM admission a WHERE a.service_provider_id = b.participant_id AND a.market_id IN (SELECT own_market_ids()))));
  IF FOUND THEN
    -- whatever is rolled back, the log of the server keeps it
    RAISE LOG 'exchange %: % read billing details of participant %: %', current_schema(), session_role(), read_billing_details.participant_id, reason;
    PERFORM record_event('participant', read_billing_details.participant_id::text, 'read', jsonb_build_object('billing_details', reason)::text);
  END IF;
END
$function$;
COMMENT ON FUNCTION read_billing_details(bigint, text) IS
  'where a participant is paid, for the operator, the regulator, and the market operators to whose markets it applied or was admitted; that it was read, by whom and what for is logged; no row for others; SECURITY DEFINER because those accounts are read in no other way';
REVOKE ALL ON FUNCTION read_billing_details(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_billing_details(bigint, text) TO flexexchange_operator, flexexchange_participant, flexexchange_regulator;

CREATE OR REPLACE FUNCTION read_contacts(participant_id bigint, reason text) RETURNS SETOF participant_contact
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  PERFORM check_given(nullif(btrim(reason), '') IS NOT NULL, 'reason', 'Say what for; it is logged.');
  RETURN QUERY SELECT c.* FROM participant_contact c WHERE c.participant_id = read_contacts.participant_id AND acts_for_exchange();
  IF FOUND THEN
    RAISE LOG 'exchange %: % read contacts of participant %: %', current_schema(), session_role(), read_contacts.participant_id, reason;
    PERFORM record_event('participant', read_contacts.participant_id::text, 'read', jsonb_build_object('contacts', reason)::text);
  END IF;
END
$function$;
COMMENT ON FUNCTION read_contacts(bigint, text) IS
  'the contacts of a participant, those that it does not publish too, for the operator and the regulator; that they were read, by whom and what for is logged; no row for others; SECURITY DEFINER because those contacts are read in no other way';
REVOKE ALL ON FUNCTION read_contacts(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION read_contacts(bigint, text) TO flexexchange_operator, flexexchange_regulator;

CREATE OR REPLACE FUNCTION erase_contact(contact_id bigint, reason text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER PARALLEL UNSAFE
SET search_path FROM CURRENT
AS $function$
BEGIN
  DELETE FROM participant_contact c WHERE c.id = contact_id;
  RETURN erase_event_content('participant_contact', contact_id::text, reason);
END
$function$;
COMMENT ON FUNCTION erase_contact(bigint, text) IS
  'deletes a contact and takes its content out of the log, on the request of the person; returns how many events lost theirs; that it was done, and why, is logged; SECURITY DEFINER because the operator does not read the contact itself';
REVOKE ALL ON FUNCTION erase_contact(bigint, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_contact(bigint, text) TO flexexchange_operator;
