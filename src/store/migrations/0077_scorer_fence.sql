-- The fence between scorers: what one writes that was replaced, however late, is dropped by the store itself. Before a scorer reads the
-- past of accounts it has just been given, it raises the epoch; rows that carry a lower one no longer pass.
CREATE TABLE scorer_fence
(
    epoch UInt64 COMMENT 'Fencing token: rows of scorers with a lower one than the highest are dropped',
    generation UInt64 COMMENT 'Generation of the consumer group that the epoch stands for',
    claimed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the first scorer of that generation began'
)
ENGINE = ReplacingMergeTree(claimed_at)
ORDER BY (epoch, generation);

-- Where scorers write events of decisions.
CREATE TABLE decision_event_writes AS decision_event_log
ENGINE = Null;

CREATE MATERIALIZED VIEW decision_event_log_of_writes TO decision_event_log AS
SELECT * FROM decision_event_writes WHERE epoch >= (SELECT max(epoch) FROM scorer_fence);

-- Where scorers write risks.
CREATE TABLE risk_writes AS risk_state
ENGINE = Null;

ALTER TABLE risk_writes ADD COLUMN IF NOT EXISTS epoch UInt64 COMMENT 'Fencing token of the writer';

CREATE MATERIALIZED VIEW risk_state_of_writes TO risk_state AS
SELECT * EXCEPT (epoch) FROM risk_writes WHERE epoch >= (SELECT max(epoch) FROM scorer_fence);
