-- Versions of subscriptions: each row holds from occurred_at on, until the next row of the same subscription.
CREATE TABLE subscription_log
(
    account_id String COMMENT 'Account the subscription belongs to',
    subscription_id String COMMENT 'The subscription',
    occurred_at DateTime64(3, 'UTC') COMMENT 'From when on this version holds',
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
    start Nullable(DateTime64(3, 'UTC')) COMMENT 'Start of the contract; NULL: not known',
    renewal Nullable(DateTime64(3, 'UTC')) COMMENT 'Next renewal date; NULL: not known',
    auto_renew Nullable(Bool) COMMENT 'Whether it renews by itself; NULL: not known',
    notice_days Nullable(Float64) COMMENT 'Days before the renewal date by which notice must be given; NULL: not known',
    owner LowCardinality(String) COMMENT 'Who looks after it; empty: nobody',
    plan_features Nullable(Float64) COMMENT 'Number of features in the plan; NULL: not known',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived',
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file',
    _version UInt64 MATERIALIZED bitOr(bitShiftLeft(bitAnd(cityHash64(toString((status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
        currency, start, renewal, auto_renew, notice_days, owner, plan_features))), 4194303), 42),
        bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103)),
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (account_id, subscription_id, occurred_at)
SETTINGS index_granularity = 1024;

-- Every version of every subscription exactly once.
CREATE VIEW subscription_history AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, currency,
    start, renewal, auto_renew, notice_days, owner, plan_features, received_at, _topic, _partition, _offset
FROM subscription_log FINAL;

-- Every subscription as it stands now.
CREATE VIEW subscriptions AS
SELECT * FROM subscription_history
ORDER BY account_id, subscription_id, occurred_at DESC
LIMIT 1 BY account_id, subscription_id;

-- What happened to subscriptions, and what people did with decisions.
CREATE TABLE outcome_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened',
    source LowCardinality(String) COMMENT 'Producer; with id, the identity of the outcome',
    id String COMMENT 'Id within the source',
    kind LowCardinality(String) COMMENT 'renewed, churned, contracted, expanded, cancel_intent and others, see docs/signals.md',
    arr_before_minor Nullable(Int64) COMMENT 'Annual recurring revenue before, in minor units; NULL: not known',
    arr_after_minor Nullable(Int64) COMMENT 'Annual recurring revenue after, in minor units; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    reason String COMMENT 'Why, in the words of the producer; empty: not told',
    voluntary Nullable(Bool) COMMENT 'Whether the customer chose it; NULL: not known',
    decision_id String COMMENT 'The decision it answers; empty: none',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived',
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file',
    _version UInt64 MATERIALIZED bitOr(bitShiftLeft(bitAnd(cityHash64(toString((kind, arr_before_minor, arr_after_minor, currency, reason, voluntary,
        decision_id))), 4194303), 42), bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103))
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (account_id, subscription_id, occurred_at, source, id)
SETTINGS index_granularity = 1024;

-- Every outcome exactly once.
CREATE VIEW outcomes AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, currency, reason, voluntary,
    decision_id, received_at, _topic, _partition, _offset
FROM outcome_log FINAL;
