-- archetype: thick
-- The draft reporting method of the networks of Great Britain: at its short-run intensity, and at that of each half-hour.
-- Factors that the draft does not print are not here: add a version with those of your inventory.

INSERT INTO carbon_method (code, version, name, intensity, fixed_g_per_kwh, area, confirmed, source, note) VALUES
  ('fmr-cr-short-run', 1, 'Carbon of dispatch at the short-run intensity', 'fixed', 523, 'GB', false, 'Flexibility market rules, carbon reporting, draft 0.1',
   '183 g per kWh of gas at 35 %, which the draft rounds to 523. A draft. Payback of demand that is turned up is taken off, as its text has it; its table adds it.'),
  ('fmr-cr-half-hourly', 1, 'Carbon of dispatch at the intensity of each half-hour', 'actual', NULL, 'GB', false, 'Flexibility market rules, carbon reporting, draft 0.1',
   'A draft. As fmr-cr-short-run, with what the system emitted in each half-hour; a half-hour of which that is not known is not guessed.');

INSERT INTO carbon_factor (carbon_method_id, category, kind, fuel_kg_per_kwh, generator_efficiency, storage_efficiency, payback_up, payback_down)
SELECT m.id, v.* FROM carbon_method m, (VALUES
  ('gas_generation', 'generation', 0.183, 0.35, NULL::numeric, NULL::numeric, NULL::numeric),
  ('renewable_generation', 'generation', 0, 1, NULL, NULL, NULL),
  ('storage_charged_from_grid', 'storage', NULL, NULL, 0.85, NULL, NULL),
  ('demand_shifted', 'demand', NULL, NULL, NULL, 1, 1),
  ('demand_reduced', 'demand', NULL, NULL, NULL, 0.21, 1)) v (category, kind, fuel, generator, storage, payback_up, payback_down)
WHERE m.code IN ('fmr-cr-short-run', 'fmr-cr-half-hourly');

-- demand is taken to be shifted where nothing else is known
INSERT INTO carbon_technology (carbon_method_id, technology, energy_source, category)
SELECT m.id, v.* FROM carbon_method m, (VALUES
  ('SOLAR_PV', NULL, 'renewable_generation'), ('WIND_TURBINE', NULL, 'renewable_generation'), ('HYDRO_TURBINE', NULL, 'renewable_generation'),
  ('ENGINE_GEN', 'NATURAL_GAS', 'gas_generation'), ('OCGT', 'NATURAL_GAS', 'gas_generation'), ('CCGT', 'NATURAL_GAS', 'gas_generation'), ('CHP', 'NATURAL_GAS', 'gas_generation'),
  ('BESS', NULL, 'storage_charged_from_grid'), ('STORAGE', NULL, 'storage_charged_from_grid'),
  ('EV_CHARGER', NULL, 'demand_shifted'), ('HEAT_PUMP', NULL, 'demand_shifted'), ('ELECTRIC_BOILER', NULL, 'demand_shifted'), ('HVAC', NULL, 'demand_shifted'),
  ('REFRIGERATION', NULL, 'demand_shifted'), ('INDUSTRIAL_LOAD', NULL, 'demand_shifted'), ('DEMAND', NULL, 'demand_shifted')) v (technology, energy_source, category)
WHERE m.code IN ('fmr-cr-short-run', 'fmr-cr-half-hourly');
