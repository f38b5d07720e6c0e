-- archetype: medium
-- Figures that others publish by the half-hour: the carbon intensity of the system, prices of energy.
--
-- file --COPY--> *_staging --import_*()--> carbon_intensity, system_price
--
-- There are few of them and they are corrected: they have keys, and what was said before is in the log, so that
-- carbon_intensity_as_of(instant) and system_price_as_of(instant) tell what was known then.

CREATE TABLE carbon_intensity (
  area                text NOT NULL DEFAULT 'GB',
  starts_at           timestamptz NOT NULL,
  ends_at             timestamptz NOT NULL,
  forecast_g_per_kwh  numeric(8,2),
  actual_g_per_kwh    numeric(8,2),
  source              text,
  recorded_at         timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT carbon_intensity_once PRIMARY KEY (area, starts_at),
  CONSTRAINT carbon_intensity_area_is_short CHECK (check_text(area, 'carbon_intensity.area', 64)),
  CONSTRAINT carbon_intensity_ends_later CHECK (check_given(starts_at < ends_at, 'carbon_intensity.ends_at, later than starts_at', 'Say when the step ends.')),
  CONSTRAINT carbon_intensity_forecast_not_negative CHECK (check_not_negative(forecast_g_per_kwh, 'carbon_intensity.forecast_g_per_kwh')),
  CONSTRAINT carbon_intensity_actual_not_negative CHECK (check_not_negative(actual_g_per_kwh, 'carbon_intensity.actual_g_per_kwh')),
  CONSTRAINT carbon_intensity_source_is_short CHECK (check_text(source, 'carbon_intensity.source', 255))
) PARTITION BY RANGE (starts_at);
COMMENT ON TABLE carbon_intensity IS 'carbon intensity of electricity in an area, as forecast and as it was; in partitions of years';
COMMENT ON COLUMN carbon_intensity.area IS 'where: GB for Great Britain, or a region by the name of its publisher';
COMMENT ON COLUMN carbon_intensity.starts_at IS 'start of the step';
COMMENT ON COLUMN carbon_intensity.ends_at IS 'end of the step';
COMMENT ON COLUMN carbon_intensity.forecast_g_per_kwh IS 'as forecast, g CO2 per kWh';
COMMENT ON COLUMN carbon_intensity.actual_g_per_kwh IS 'as it was, g CO2 per kWh; NULL when nobody said';
COMMENT ON COLUMN carbon_intensity.source IS 'who published it';
COMMENT ON COLUMN carbon_intensity.recorded_at IS 'when it was written, in this form';
COMMENT ON CONSTRAINT carbon_intensity_once ON carbon_intensity IS 'a step once in an area';
INSERT INTO partition_policy (table_name, every, ahead) VALUES ('carbon_intensity', 'year', 1);

CREATE TABLE system_price (
  kind          text NOT NULL,
  area          text NOT NULL DEFAULT 'GB',
  starts_at     timestamptz NOT NULL,
  ends_at       timestamptz NOT NULL,
  price_per_mwh numeric(14,4) NOT NULL,
  currency      text NOT NULL DEFAULT 'GBP',
  source        text,
  recorded_at   timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT system_price_once PRIMARY KEY (kind, area, starts_at),
  CONSTRAINT system_price_kind_is_known CHECK (check_code(kind, 'system_price.kind', 'day_ahead', 'intraday', 'imbalance', 'system_buy', 'system_sell')),
  CONSTRAINT system_price_area_is_short CHECK (check_text(area, 'system_price.area', 64)),
  CONSTRAINT system_price_ends_later CHECK (check_given(starts_at < ends_at, 'system_price.ends_at, later than starts_at', 'Say when the step ends.')),
  CONSTRAINT system_price_currency_is_iso CHECK (check_form(currency, 'system_price.currency', '^[A-Z]{3}$', 'a currency code of three capital letters, ISO 4217, such as GBP')),
  CONSTRAINT system_price_source_is_short CHECK (check_text(source, 'system_price.source', 255))
) PARTITION BY RANGE (starts_at);
COMMENT ON TABLE system_price IS 'prices of energy in an area, as markets and system operators publish them; negative prices too; in partitions of years';
COMMENT ON COLUMN system_price.kind IS 'day_ahead, intraday, imbalance, system_buy or system_sell';
COMMENT ON COLUMN system_price.area IS 'bidding zone or area, by the name of its publisher';
COMMENT ON COLUMN system_price.starts_at IS 'start of the step';
COMMENT ON COLUMN system_price.ends_at IS 'end of the step';
COMMENT ON COLUMN system_price.price_per_mwh IS 'price per MWh, in currency';
COMMENT ON COLUMN system_price.currency IS 'ISO 4217';
COMMENT ON COLUMN system_price.source IS 'who published it';
COMMENT ON COLUMN system_price.recorded_at IS 'when it was written, in this form';
COMMENT ON CONSTRAINT system_price_once ON system_price IS 'a step once in an area';
INSERT INTO partition_policy (table_name, every, ahead) VALUES ('system_price', 'year', 1);

CREATE TABLE carbon_intensity_staging (
  starts_at text,
  ends_at   text,
  forecast  text,
  actual    text,
  index     text
);
COMMENT ON TABLE carbon_intensity_staging IS 'rows of a file of carbon intensities as they stand in it, all text, five columns in the order of the file';
COMMENT ON COLUMN carbon_intensity_staging.starts_at IS 'file column "from"';
COMMENT ON COLUMN carbon_intensity_staging.ends_at IS 'file column "to"';
COMMENT ON COLUMN carbon_intensity_staging.forecast IS 'file column "forecast", g CO2 per kWh';
COMMENT ON COLUMN carbon_intensity_staging.actual IS 'file column "actual", g CO2 per kWh';
COMMENT ON COLUMN carbon_intensity_staging.index IS 'file column "index": low, moderate, high; not imported, since it follows from the figure';

CREATE TABLE system_price_staging (
  kind          text,
  area          text,
  starts_at     text,
  ends_at       text,
  price_per_mwh text,
  currency      text
);
COMMENT ON TABLE system_price_staging IS 'rows of a file of prices, all text';
COMMENT ON COLUMN system_price_staging.kind IS 'as in system_price';
COMMENT ON COLUMN system_price_staging.area IS 'as in system_price';
COMMENT ON COLUMN system_price_staging.starts_at IS 'start of the step, ISO 8601 with its offset';
COMMENT ON COLUMN system_price_staging.ends_at IS 'end of the step, likewise';
COMMENT ON COLUMN system_price_staging.price_per_mwh IS 'price per MWh';
COMMENT ON COLUMN system_price_staging.currency IS 'ISO 4217; GBP when it is left out';

CREATE TABLE market_figure_rejection (
  id          bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  table_name  text NOT NULL,
  source      text NOT NULL,
  column_name text NOT NULL,
  value       text,
  reason      text NOT NULL,
  content     jsonb NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT market_figure_rejection_once UNIQUE (table_name, source, column_name, content)
);
COMMENT ON TABLE market_figure_rejection IS 'rows of files of published figures that were not taken, and why';
COMMENT ON COLUMN market_figure_rejection.id IS 'surrogate key';
COMMENT ON COLUMN market_figure_rejection.table_name IS 'carbon_intensity or system_price';
COMMENT ON COLUMN market_figure_rejection.source IS 'the file, as the caller named it';
COMMENT ON COLUMN market_figure_rejection.column_name IS 'column of the staging table';
COMMENT ON COLUMN market_figure_rejection.value IS 'what stands there, at most 64 characters of it';
COMMENT ON COLUMN market_figure_rejection.reason IS 'what is wrong with it; read after the value';
COMMENT ON COLUMN market_figure_rejection.content IS 'the row, at most 255 characters of each value';
COMMENT ON COLUMN market_figure_rejection.recorded_at IS 'when it was found first';
COMMENT ON CONSTRAINT market_figure_rejection_once ON market_figure_rejection IS 'a row is rejected once a column, however often its file is imported';
