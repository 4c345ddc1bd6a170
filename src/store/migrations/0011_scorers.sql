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

-- What the keeper of shared limits answered to scorers: budgets, the load of owners and the brake have one writer, however many
-- scorers there are. A grant is used within some minutes or not at all; those of an earlier keeper do not count any more.
CREATE TABLE limit_grants
(
    request_id String COMMENT 'What was asked: a decision with its terms; empty: a keeper took over',
    epoch UInt64 COMMENT 'Epoch of the keeper: only grants of the highest count',
    generation UInt64 DEFAULT epoch COMMENT 'Generation of its group in which the keeper gave it',
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

-- Accounts that could not be scored, and why: they are tried again until they can. What `perennial doctor` names.
CREATE TABLE scoring_failures
(
    account_id String COMMENT 'The account',
    failed_at DateTime64(3, 'UTC') COMMENT 'When it last failed',
    reason String COMMENT 'What it failed with',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(failed_at)
ORDER BY account_id
TTL stored_at + INTERVAL 30 DAY;

-- Accounts whose decisions a caller waited for, and as of when the last pass has decided them: everything of that pass is stored before the row.
CREATE TABLE decided_accounts
(
    account_id String COMMENT 'The account',
    as_of DateTime64(3, 'UTC') COMMENT 'The time of the pass',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY account_id
TTL stored_at + INTERVAL 1 DAY
SETTINGS index_granularity = 1024;

-- Accounts that scorers have yet to be asked to rescore, since no broker took the message when their signals were stored. What is
-- not published is published (again) by every serve process as soon as a broker answers; a rescore of everyone finds them, too.
CREATE TABLE touch_outbox
(
    account_id String COMMENT 'The account',
    since DateTime64(3, 'UTC') COMMENT 'Arrival of the first signal that touched it',
    published UInt8 COMMENT '1: a broker has taken it',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(published)
ORDER BY (account_id, since)
TTL stored_at + INTERVAL 7 DAY
SETTINGS index_granularity = 1024;
