-- What the keeper of shared limits answered to scorers: budgets, the load of owners and the brake have one writer, however many
-- scorers there are. A grant is used within some minutes or not at all; those of an earlier keeper do not count any more.
CREATE TABLE limit_grants
(
    request_id String COMMENT 'What was asked: a decision with its terms; empty: a keeper took over',
    epoch UInt64 COMMENT 'Generation of the keeper: only grants of the highest count',
    decision_id String COMMENT 'The decision that asked',
    account_id String COMMENT 'Its account',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    owner String COMMENT 'Owner whose load it is; empty: nobody',
    currency LowCardinality(String) COMMENT 'Currency of the cost',
    cost_minor Int64 COMMENT 'What is reserved for it, in minor units',
    ruling LowCardinality(String) COMMENT 'pass, approve or suppress',
    guardrail LowCardinality(String) COMMENT 'What suppresses it or asks for approval; empty: nothing',
    reason String COMMENT 'Why, in a sentence',
    granted_at DateTime64(3, 'UTC') COMMENT 'When it was answered',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(granted_at)
ORDER BY (request_id)
TTL stored_at + INTERVAL 1 DAY
SETTINGS index_granularity = 1024;

ALTER TABLE decision_event_log ADD INDEX IF NOT EXISTS by_stored_at stored_at TYPE minmax GRANULARITY 1;
