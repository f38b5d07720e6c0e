-- archetype: medium
-- Supply: what portfolios can be given, kept beforehand, so that no check of
-- headroom walks their members.
--
-- A place is where power comes from: an asset, or a connection with a known limit
-- and all assets behind it.  What portfolios draw on places is kept for each
-- portfolio by itself and for each two that meet there; the rows of a portfolio
-- with itself are those whose with_id is its own.
--
-- All three tables follow from the register and the book.  They are written by the
-- triggers of asset, portfolio_member, metering_point and the trades (C:
-- supply_kept.c) and by nothing else.

-- how operators find what lies behind a boundary
CREATE INDEX metering_point_parent_id_idx ON metering_point (parent_id);
COMMENT ON INDEX metering_point_parent_id_idx IS 'the asset meters behind a boundary meter';

CREATE TABLE place_supply (
  place_id      bigint NOT NULL,
  portfolio_id  bigint NOT NULL,
  with_id       bigint NOT NULL,
  valid         time_window NOT NULL,
  assets        integer NOT NULL,
  crowded       integer NOT NULL,
  unknown_up    integer NOT NULL,
  unknown_down  integer NOT NULL,
  own_up_kw     numeric NOT NULL,
  own_down_kw   numeric NOT NULL,
  both_up_kw    numeric NOT NULL,
  both_down_kw  numeric NOT NULL
);
-- the rows of a place, which change together; the places of three and more portfolios
CREATE INDEX place_supply_place_id_idx ON place_supply (place_id);
CREATE INDEX place_supply_crowded_idx ON place_supply (portfolio_id, with_id) WHERE crowded > 0;
COMMENT ON TABLE place_supply IS 'what portfolios may draw on a place, singly and two by two, while nothing changes there';
COMMENT ON COLUMN place_supply.place_id IS 'the asset, or the metering point whose limit the assets behind it share';
COMMENT ON COLUMN place_supply.portfolio_id IS 'a portfolio with a member there';
COMMENT ON COLUMN place_supply.with_id IS 'another such portfolio, or the same';
COMMENT ON COLUMN place_supply.valid IS 'when';
COMMENT ON COLUMN place_supply.assets IS 'assets there that are members of both';
COMMENT ON COLUMN place_supply.crowded IS '1 where three or more portfolios meet, else 0';
COMMENT ON COLUMN place_supply.unknown_up IS 'members of the portfolio there of which it is not known what they can give upwards';
COMMENT ON COLUMN place_supply.unknown_down IS 'members of the portfolio there of which it is not known what they can give downwards';
COMMENT ON COLUMN place_supply.own_up_kw IS 'what the place can give the portfolio by itself upwards, kW';
COMMENT ON COLUMN place_supply.own_down_kw IS 'what the place can give the portfolio by itself downwards, kW';
COMMENT ON COLUMN place_supply.both_up_kw IS 'what the place can give both together upwards, kW';
COMMENT ON COLUMN place_supply.both_down_kw IS 'what the place can give both together downwards, kW';
COMMENT ON INDEX place_supply_place_id_idx IS 'who draws on a place';
COMMENT ON INDEX place_supply_crowded_idx IS 'the places where more than two portfolios meet';

CREATE TABLE portfolio_supply (
  portfolio_id  bigint NOT NULL,
  with_id       bigint NOT NULL,
  since         timestamptz NOT NULL,
  places        integer NOT NULL,
  assets        integer NOT NULL,
  crowded       integer NOT NULL,
  unknown_up    integer NOT NULL,
  unknown_down  integer NOT NULL,
  own_up_kw     numeric NOT NULL,
  own_down_kw   numeric NOT NULL,
  both_up_kw    numeric NOT NULL,
  both_down_kw  numeric NOT NULL,
  -- what holds at an instant: the last row up to it
  PRIMARY KEY (portfolio_id, with_id, since)
);
COMMENT ON TABLE portfolio_supply IS
  'sums of place_supply over the places where a portfolio, or two of them, have members; each row holds until the next of the same two';
COMMENT ON COLUMN portfolio_supply.portfolio_id IS 'the portfolio';
COMMENT ON COLUMN portfolio_supply.with_id IS 'another portfolio that has members at the same places, or the same';
COMMENT ON COLUMN portfolio_supply.since IS 'from when the sums hold';
COMMENT ON COLUMN portfolio_supply.places IS 'places where both have members';
COMMENT ON COLUMN portfolio_supply.assets IS 'assets that are members of both';
COMMENT ON COLUMN portfolio_supply.crowded IS 'places among them where three or more portfolios meet';
COMMENT ON COLUMN portfolio_supply.unknown_up IS 'members of the portfolio there of which it is not known what they can give upwards';
COMMENT ON COLUMN portfolio_supply.unknown_down IS 'members of the portfolio there of which it is not known what they can give downwards';
COMMENT ON COLUMN portfolio_supply.own_up_kw IS 'what those places can give the portfolio by itself upwards, kW';
COMMENT ON COLUMN portfolio_supply.own_down_kw IS 'what those places can give the portfolio by itself downwards, kW';
COMMENT ON COLUMN portfolio_supply.both_up_kw IS 'what those places can give both together upwards, kW';
COMMENT ON COLUMN portfolio_supply.both_down_kw IS 'what those places can give both together downwards, kW';

CREATE TABLE member_commitment (
  portfolio_id    bigint NOT NULL,
  cell            bigint NOT NULL,
  asset_id        bigint NOT NULL,
  commitment_id   bigint NOT NULL,
  delivery_window time_window NOT NULL
);
-- what members of a portfolio have promised by themselves in a window; the rows of a commitment
CREATE INDEX member_commitment_cell_idx ON member_commitment (portfolio_id, cell);
CREATE INDEX member_commitment_commitment_id_idx ON member_commitment (commitment_id);
COMMENT ON TABLE member_commitment IS
  'the live commitments of single assets, posted under each portfolio that draws on the same place during their window';
COMMENT ON COLUMN member_commitment.portfolio_id IS 'the portfolio';
COMMENT ON COLUMN member_commitment.cell IS 'window_cell(delivery_window)';
COMMENT ON COLUMN member_commitment.asset_id IS 'the asset that is committed by itself';
COMMENT ON COLUMN member_commitment.commitment_id IS 'its commitment';
COMMENT ON COLUMN member_commitment.delivery_window IS 'window of delivery';
COMMENT ON INDEX member_commitment_cell_idx IS 'what members promised by themselves in a window: found by the conflict engine by this name';
COMMENT ON INDEX member_commitment_commitment_id_idx IS 'the rows of a commitment';
