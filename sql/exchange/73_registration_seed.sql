-- archetype: medium
-- How strictly registrations are checked.  Rules of the flexibility market asset
-- register are a draft of 2026, so each is data that the operator may change.

INSERT INTO registration_scheme (scheme, says) VALUES
  ('asset_id', 'the provider''s own number of an asset'),
  ('charger_id', 'a charger, as its platform names it'),
  ('device_id', 'a device, as its manufacturer''s platform names it'),
  ('inverter_id', 'an inverter, as its platform names it');

INSERT INTO registration_rule (code, severity, says, source) VALUES
  ('NAME', 'error', 'scheme and value name the asset; an asset name has at most 255 characters', 'house'),
  ('SCHEME', 'error', 'the scheme is one by which providers name assets (registration_scheme), and the name that of an asset', 'house'),
  ('LENGTH', 'error', 'texts are no longer than the register keeps', 'house'),
  ('ACTION', 'error', 'the action is register or retire', 'house'),
  ('NUMBER', 'error', 'powers, energy and coordinates are numbers within reason', 'house'),
  ('PROFILE', 'error', 'the profile is an asset_profile', 'house'),
  ('MPAN', 'error', 'an MPAN has 13 digits and a right check digit', 'BSC'),
  ('STATUS', 'error', 'the connection status is connected, pending or disconnected', 'FMAR data rules v1.0 (draft)'),
  ('CAPACITY', 'error', 'the installed capacity is above zero and has at most two decimals', 'FMAR data rules v1.0 (draft)'),
  ('CAPACITY_HIGH', 'warning', 'an installed capacity above 1,000,000 kW needs a reason', 'FMAR data rules v1.0 (draft)'),
  ('POWER', 'error', 'what is offered upwards or downwards is at most twice the installed capacity: a battery goes from full import to full export', 'house'),
  ('TECHNOLOGY', 'warning', 'the technology is a term of taxonomy scheme fmar_asset_category', 'FMAR data attributes v1.1 (draft)'),
  ('ENERGY_SOURCE', 'warning', 'generation and storage name their energy source', 'FMAR data rules v1.0 (draft)'),
  ('SERIAL', 'error', 'a serial number has 3 to 64 letters, digits, hyphens and underscores', 'FMAR data rules v1.0 (draft)'),
  ('COMMISSIONED', 'error', 'the day of commissioning is not in the future', 'FMAR data rules v1.0 (draft)'),
  ('COMMISSIONED_MISSING', 'warning', 'a connected asset has a day of commissioning', 'FMAR data rules v1.0 (draft)'),
  ('MPAN_MISSING', 'warning', 'demand names its import meter, generation its export meter, storage at least one', 'FMAR data rules v1.0 (draft)'),
  ('MPAN_SAME', 'error', 'import and export meter differ', 'FMAR data rules v1.0 (draft)'),
  ('MPAN_SHARED', 'warning', 'another organisation has an asset at the same meter', 'FMAR data rules v1.0 (draft)'),
  ('DUPLICATE', 'warning', 'another asset has the same serial number and manufacturer', 'FMAR use cases (draft)'),
  ('CONSENT', 'error', 'a household consented to the registration, and still does', 'FMAR use cases (draft)'),
  ('OPERATOR', 'error', 'an asset that is registered is the sender''s, or was the sender''s last; one that never had an operator is given to one by the operator of the exchange', 'house'),
  ('IN_USE', 'error', 'an asset is not retired while a portfolio has it or anything is promised of it', 'FMAR use cases (draft)'),
  ('UNKNOWN', 'error', 'what is retired is registered', 'house');
