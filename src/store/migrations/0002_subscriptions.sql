-- Subscriptions with every version that was sent of each, as signals have them (0001).
CREATE TABLE subscription_log
(
    account_id String COMMENT 'Account the subscription belongs to',
    subscription_id String COMMENT 'The subscription',
    occurred_at DateTime64(3, 'UTC') COMMENT 'From when on this version holds',
    _content Int32 COMMENT 'Hash of the contents' CODEC(NONE),
    _again DateTime64(3, 'UTC') COMMENT 'When contents that were superseded or taken out came back; 1970: the first time',
    status LowCardinality(String) COMMENT 'active, trialing, past_due, paused or ended',
    product LowCardinality(String) COMMENT 'Product; empty: not known',
    plan LowCardinality(String) COMMENT 'Plan; empty: not known',
    tier LowCardinality(String) COMMENT 'Tier; empty: not known',
    segment LowCardinality(String) COMMENT 'Segment, chooses the scorecard; empty: not known',
    region LowCardinality(String) COMMENT 'Region; empty: not known',
    add_ons Array(LowCardinality(String)) COMMENT 'Add-ons booked',
    seats Nullable(Float64) COMMENT 'Seats bought; NULL: not known',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    start Nullable(Date32) COMMENT 'First day of the contract; NULL: not known',
    end Nullable(Date32) COMMENT 'Day on which the contract ends for good; NULL: not known, or it goes on',
    renewal Nullable(Date32) COMMENT 'Next renewal date, the end of the current term; NULL: not known',
    term_months Nullable(Float64) COMMENT 'Length of a term in months; NULL: not known',
    auto_renew Nullable(Bool) COMMENT 'Whether it renews by itself; NULL: not known',
    notice_days Nullable(Float64) COMMENT 'Days before the renewal date by which notice must be given; NULL: not known',
    owner LowCardinality(String) COMMENT 'Who looks after it; empty: not known',
    plan_features Nullable(Float64) COMMENT 'Number of features in the plan; NULL: not known',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived',
    _until DateTime64(3, 'UTC') DEFAULT '2299-12-31 00:00:00' COMMENT 'When this version was found wrong; 2299: it stands',
    _ended LowCardinality(String) COMMENT 'Why it does not stand any more: corrected, retracted or withdrawn; empty: it stands',
    _ended_by LowCardinality(String) COMMENT 'Load or retraction that ended it; empty: a later record, or it stands',
    _late Int64 COMMENT 'Milliseconds from received_at to the arrival: an import may count records as received when they occurred',
    _load LowCardinality(String) COMMENT 'Load that brought it; empty: none',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored: the cursor of incremental reading',
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file',
    _version UInt64 MATERIALIZED if(_ended = '', bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103),
        bitOr(bitShiftLeft(toUInt64(1), 63), bitShiftLeft(toUInt64(bitAnd(4398046511103 - toUnixTimestamp64Milli(_until), 4398046511103)), 20))),
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (account_id, subscription_id, occurred_at, _content, _again)
SETTINGS index_granularity = 1024;

-- Subscriptions that have moved to another account, under the account that they left. A subscription belongs to one account at
-- a time; what it was before stays in subscription_history.
CREATE TABLE moved_subscriptions
(
    account_id String COMMENT 'The account that it left',
    subscription_id String COMMENT 'The subscription',
    moved_to String COMMENT 'The account that has it now',
    moved_at DateTime64(3, 'UTC') COMMENT 'Since when',
    received_at DateTime64(3, 'UTC') COMMENT 'When that arrived',
    holds UInt8 COMMENT '0: it turned out not to have moved, or came back',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (account_id, subscription_id)
SETTINGS index_granularity = 1024;
