-- archetype: thin
-- Partitions: what grows without end lies in spans of time, made ahead and retired by policy.

CREATE TABLE partition_policy (
  table_name text PRIMARY KEY,
  every      text NOT NULL DEFAULT 'month',
  ahead      integer NOT NULL DEFAULT 2,
  keep       interval,
  retire     text NOT NULL DEFAULT 'detach',
  row_key    text[],
  is_only_added_to boolean NOT NULL DEFAULT false,
  CONSTRAINT partition_policy_every_is_known CHECK (check_code(every, 'partition_policy.every', 'day', 'week', 'month', 'quarter', 'year')),
  CONSTRAINT partition_policy_ahead_not_negative CHECK (check_not_negative(ahead, 'partition_policy.ahead')),
  CONSTRAINT partition_policy_keep_is_positive CHECK (check_given(keep > interval '0', 'partition_policy.keep, above zero', 'NULL keeps everything.')),
  CONSTRAINT partition_policy_retire_is_known CHECK (check_code(retire, 'partition_policy.retire', 'detach', 'drop')),
  -- what is evidence is not thrown away
  CONSTRAINT partition_policy_keeps_what_is_only_added_to CHECK (check_given(keep IS NULL OR NOT is_only_added_to, 'partition_policy.keep, as NULL', 'What is only added to is kept.'))
);
COMMENT ON TABLE partition_policy IS 'which tables lie in partitions of time, how long each is, how many are made ahead, and what becomes of old ones; maintain_partitions() does it';
COMMENT ON COLUMN partition_policy.table_name IS 'the partitioned table';
COMMENT ON COLUMN partition_policy.every IS 'how long a partition is: day, week (from Monday), month, quarter or year, in UTC; those that are there stay as they are';
COMMENT ON COLUMN partition_policy.ahead IS 'how many there are beside that of now, for later';
COMMENT ON COLUMN partition_policy.keep IS 'how long rows are kept after their partition ends; NULL: for ever';
COMMENT ON COLUMN partition_policy.retire IS 'what becomes of older partitions: detach (an ordinary table, listed in retired_partition) or drop';
COMMENT ON COLUMN partition_policy.row_key IS 'columns that name a row within a partition: each partition has a unique index over them of its own, which leaves foreign tables free to be partitions too';
COMMENT ON COLUMN partition_policy.is_only_added_to IS 'true: its rows are neither moved nor retired';
COMMENT ON CONSTRAINT partition_policy_keeps_what_is_only_added_to ON partition_policy IS 'what is only added to is kept';

CREATE TABLE retired_partition (
  name       text PRIMARY KEY,
  table_name text NOT NULL,
  starts_at  timestamptz NOT NULL,
  ends_at    timestamptz NOT NULL,
  outcome    text NOT NULL,
  retired_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT retired_partition_outcome_is_known CHECK (check_code(outcome, 'retired_partition.outcome', 'detached', 'dropped'))
);
COMMENT ON TABLE retired_partition IS 'partitions that were retired: no rows are taken any more for their spans';
COMMENT ON COLUMN retired_partition.name IS 'name of the partition; when it was detached, of the table that has its rows';
COMMENT ON COLUMN retired_partition.table_name IS 'the table of which it was one';
COMMENT ON COLUMN retired_partition.starts_at IS 'the span it had, from';
COMMENT ON COLUMN retired_partition.ends_at IS 'the span it had, until';
COMMENT ON COLUMN retired_partition.outcome IS 'detached or dropped';
COMMENT ON COLUMN retired_partition.retired_at IS 'when it was retired';
