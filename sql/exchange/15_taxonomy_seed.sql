-- archetype: thin
-- Taxonomy: the common words, the code lists of the flexibility register that is being
-- drafted, the words of the embedded capacity register, and what they mean in common.
--
-- Sources: FMAR Asset data definitions v1.0 and v1.1, drafts, which give codes and no
-- labels; those that they list as not active have no validity, and seven codes of
-- independent networks are missing, for we do not know them.  UK Power Networks,
-- Embedded Capacity Register of February 2022, and dispatches of 2024: the words that
-- occur there.  What is mapped beyond equal codes is a reading of ours, and says so.

INSERT INTO taxonomy_scheme (code, version, title, publisher, source, status, valid)
SELECT v.code, v.version, v.title, v.publisher, v.source, v.status, '-infinity/infinity'
FROM (VALUES
  ('common', '1', 'Words of asset profiles and product specifications', 'flexexchange',
    'codes of the FMAR drafts; technologies that they lack, as the embedded capacity register names them', 'published'),
  ('fmar_asset_category', 'draft 1.1', 'FMAR AssetCategory', 'Flexibility Market Asset Registration', 'FMAR Asset data definitions v1.1, draft', 'draft'),
  ('fmar_energy_source', 'draft 1.1', 'FMAR FuelType_EnergySource', 'Flexibility Market Asset Registration', 'FMAR Asset data definitions v1.1, draft', 'draft'),
  ('fmar_demand_technology', 'draft 1.1', 'FMAR FuelType_DemandTechType', 'Flexibility Market Asset Registration', 'FMAR Asset data definitions v1.1, draft', 'draft'),
  ('fmar_connection_status', 'draft 1.1', 'FMAR ConnectionStatus', 'Flexibility Market Asset Registration', 'FMAR Asset data definitions v1.1, draft', 'draft'),
  ('fmar_connection_type', 'draft 1.1', 'FMAR ConnectionType', 'Flexibility Market Asset Registration', 'FMAR Asset data definitions v1.1, draft', 'draft'),
  ('fmar_dno', 'draft 1.1', 'FMAR DNOCode: distribution networks by licence', 'Flexibility Market Asset Registration',
    'FMAR Asset data definitions v1.1, draft; without seven codes of independent networks', 'draft'),
  ('ecr_energy_source', '2022-02', 'Embedded Capacity Register: energy source', 'UK Power Networks',
    'words that occur in the register of February 2022', 'published'),
  ('ecr_conversion_technology', '2022-02', 'Embedded Capacity Register: energy conversion technology', 'UK Power Networks',
    'words that occur in the register of February 2022', 'published'),
  ('ukpn_technology', '2024', 'Flexibility dispatches: technology', 'UK Power Networks', 'words that occur in the dispatches of 2024', 'published')
) AS v (code, version, title, publisher, source, status);

INSERT INTO taxonomy_term (scheme, version, code, label, definition, broader)
SELECT 'common', '1', v.* FROM (VALUES
  ('technology', 'Technology', 'what turns one form of energy into another, stores it, or uses it', NULL),
  ('STORAGE', 'Storage', 'takes electricity and gives it back', 'technology'),
  ('BESS', 'Battery', 'battery energy storage system', 'STORAGE'),
  ('GENERATION', 'Generation', 'gives electricity', 'technology'),
  ('SOLAR_PV', 'Solar panels', 'photovoltaic generation', 'GENERATION'),
  ('WIND_TURBINE', 'Wind turbine', 'wind generation, on land or at sea', 'GENERATION'),
  ('HYDRO_TURBINE', 'Water turbine', 'generation from running or stored water', 'GENERATION'),
  ('CHP', 'Combined heat and power', 'generation whose heat is used', 'GENERATION'),
  ('ENGINE_GEN', 'Engine', 'generation by a combustion engine', 'GENERATION'),
  ('OCGT', 'Open cycle gas turbine', 'gas turbine alone', 'GENERATION'),
  ('CCGT', 'Combined cycle gas turbine', 'gas turbine whose heat drives a steam turbine', 'GENERATION'),
  ('STEAM_TURBINE', 'Steam turbine', 'thermal generation with a boiler', 'GENERATION'),
  ('DEMAND', 'Demand', 'uses electricity', 'technology'),
  ('EV_CHARGER', 'Vehicle charger', 'charges electric vehicles; may feed back', 'DEMAND'),
  ('HEAT_PUMP', 'Heat pump', 'electric heating by a heat pump', 'DEMAND'),
  ('ELECTRIC_BOILER', 'Electric boiler', 'electric heating of water or steam', 'DEMAND'),
  ('HVAC', 'Heating, ventilation, air conditioning', 'climate control of buildings', 'DEMAND'),
  ('REFRIGERATION', 'Refrigeration', 'cooling of goods', 'DEMAND'),
  ('INDUSTRIAL_LOAD', 'Industrial load', 'process that can be turned up or down', 'DEMAND'),
  ('energy_source', 'Energy source', 'where the energy comes from', NULL),
  ('SOLAR', 'Sun', NULL, 'energy_source'),
  ('WIND', 'Wind', NULL, 'energy_source'),
  ('HYDRO', 'Water', NULL, 'energy_source'),
  ('BIOMASS', 'Biomass', NULL, 'energy_source'),
  ('BIOGAS', 'Biogas', NULL, 'energy_source'),
  ('NATURAL_GAS', 'Natural gas', NULL, 'energy_source'),
  ('DIESEL', 'Diesel', NULL, 'energy_source'),
  ('HYDROGEN', 'Hydrogen', NULL, 'energy_source'),
  ('GRID', 'The grid', 'electricity that was drawn from the network', 'energy_source'),
  ('connection_status', 'Status of the connection', NULL, NULL),
  ('CONNECTED', 'Connected', NULL, 'connection_status'),
  ('PENDING', 'Pending', 'accepted to connect', 'connection_status'),
  ('DISCONNECTED', 'Disconnected', NULL, 'connection_status'),
  ('connection_type', 'Kind of connection', NULL, NULL),
  ('FIRM', 'Firm', 'its capacity is there at all times', 'connection_type'),
  ('NON_FIRM', 'Non-firm', 'its capacity may be reduced', 'connection_type'),
  ('DYNAMIC', 'Dynamic', 'its capacity changes with the state of the network', 'connection_type'),
  ('directions', 'Directions', 'what it can do; the type knows these words only', NULL),
  ('up', 'Up', 'more generation or less demand', 'directions'),
  ('down', 'Down', 'less generation or more demand', 'directions'),
  ('metering', 'Metering', 'where it is metered; the type knows these words only', NULL),
  ('boundary', 'Boundary', 'at the connection to the network', 'metering'),
  ('asset', 'Asset', 'at the asset itself', 'metering')
) AS v (code, label, definition, broader);

INSERT INTO taxonomy_term (scheme, version, code, label, definition, valid)
SELECT v.scheme, 'draft 1.1', code, code,
       CASE code WHEN 'OTHER' THEN 'none of the others; to be described in at most 200 characters' END, v.valid
FROM (VALUES
  ('fmar_asset_category', 'BESS SOLAR_PV WIND_TURBINE EV_CHARGER HEAT_PUMP ELECTRIC_BOILER HVAC REFRIGERATION INDUSTRIAL_LOAD CHP OTHER', '-infinity/infinity'::time_window),
  ('fmar_energy_source', 'SOLAR WIND HYDRO BIOMASS BIOGAS NATURAL_GAS DIESEL HYDROGEN GRID OTHER', '-infinity/infinity'),
  ('fmar_demand_technology', 'EV HEAT_PUMP HVAC REFRIGERATION ELECTRIC_BOILER INDUSTRIAL_LOAD OTHER', '-infinity/infinity'),
  ('fmar_connection_status', 'CONNECTED PENDING DISCONNECTED', '-infinity/infinity'),
  ('fmar_connection_status', 'DE_ENERGISED COMMISSIONING SUSPENDED DECOMMISSIONED', NULL),
  ('fmar_connection_type', 'FIRM NON_FIRM DYNAMIC', '-infinity/infinity'),
  ('fmar_connection_type', 'TIMED EXPORT_ONLY IMPORT_ONLY', NULL),
  ('fmar_dno', 'UKPN_EPN UKPN_LPN UKPN_SPN NGED_EMID NGED_WMID NGED_WALES NGED_SWEST NPG_NE NPG_YK SPEN_SPD SPEN_SPM SSEN_SHEPD SSEN_SEPD ENWL', '-infinity/infinity')
) AS v (scheme, codes, valid), string_to_table(v.codes, ' ') AS code;

-- the words that occur, in their first spelling, and what they are in common; no common word where none is sure to be near
WITH word (scheme, version, code, relation, to_code, source) AS (
SELECT 'ecr_energy_source', '2022-02', v.*, 'our reading' FROM (VALUES
  ('Solar', 'exact', 'SOLAR'), ('Photovoltaic', 'close', 'SOLAR'),
  ('Wind', 'exact', 'WIND'), ('Wind onshore', 'broad', 'WIND'), ('Wind offshore', 'broad', 'WIND'),
  ('Fossil gas', 'exact', 'NATURAL_GAS'), ('Fossil - Gas', 'exact', 'NATURAL_GAS'), ('Fosil gas', 'exact', 'NATURAL_GAS'), ('Gas', 'narrow', 'NATURAL_GAS'),
  ('Fossil oil', 'narrow', 'DIESEL'), ('Fossil - Oil', 'narrow', 'DIESEL'),
  ('Biogas', 'exact', 'BIOGAS'), ('Biofuel landfill gas', 'broad', 'BIOGAS'), ('Biofuel sewage gas', 'broad', 'BIOGAS'), ('Landfill Gas, Sewage', 'broad', 'BIOGAS'),
  ('Biofuel biogas from anaerobic digestion (excluding landfill & sewage)', 'broad', 'BIOGAS'),
  ('Biomass', 'exact', 'BIOMASS'), ('Biofuel other', 'close', 'BIOMASS'), ('Waste', NULL, NULL),
  ('Battery storage', 'close', 'GRID'), ('Storage battery', 'close', 'GRID'), ('Storage', 'close', 'GRID'), ('Energy Storage', 'close', 'GRID'),
  ('Stored Energy (all stored energy irrespective of the original energy source)', 'close', 'GRID')) AS v (code, relation, to_code)
UNION ALL
SELECT 'ecr_conversion_technology', '2022-02', v.*, 'our reading' FROM (VALUES
  ('Photovoltaic', 'exact', 'SOLAR_PV'), ('Onshore wind turbines', 'broad', 'WIND_TURBINE'), ('Offshore wind turbines', 'broad', 'WIND_TURBINE'),
  ('Engine (combustion / reciprocating)', 'exact', 'ENGINE_GEN'), ('Gas turbine (OCGT)', 'exact', 'OCGT'), ('Steam-gas turbine (CCGT)', 'exact', 'CCGT'),
  ('Steam turbine (thermal power plant)', 'exact', 'STEAM_TURBINE'), ('Battery', 'exact', 'BESS'), ('Storage - Electrochemical  (Batteries)', 'exact', 'BESS'),
  ('Storage - Electrical', 'broad', 'STORAGE'), ('Other', NULL, NULL)) AS v (code, relation, to_code)
UNION ALL
SELECT 'ukpn_technology', '2024', 'EV Charger DSR', 'exact', 'EV_CHARGER', 'our reading: demand response of chargers'
), term AS (
INSERT INTO taxonomy_term (scheme, version, code, label) SELECT w.scheme, w.version, w.code, w.code FROM word w
)
INSERT INTO taxonomy_mapping (scheme, version, code, to_scheme, to_version, to_code, relation, source)
SELECT w.scheme, w.version, w.code, 'common', '1', w.to_code, w.relation, w.source FROM word w WHERE w.to_code IS NOT NULL
UNION ALL
SELECT t.scheme, t.version, t.code, 'common', '1', c.code, 'exact', 'the common scheme took the code from there'
FROM taxonomy_term t JOIN taxonomy_term c ON c.scheme = 'common' AND c.code = t.code WHERE t.scheme LIKE 'fmar\_%'
UNION ALL
SELECT 'fmar_demand_technology', 'draft 1.1', 'EV', 'common', '1', 'EV_CHARGER', 'close', 'our reading: the draft asks it of chargers';
