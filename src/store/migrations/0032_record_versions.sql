-- Signals, subscriptions and outcomes with every version that was sent of each: the first of three steps, which builds the new
-- tables beside the old ones (0033 and 0034 put them into their place; each step may be run twice). What changed, and why:
-- docs/adr/0090-versions-of-records.md.
--
-- A record is known by its identity; a version is its contents. The sorting key holds both, so that nothing that was sent is
-- lost. A version holds from received_at until _until, which is the year 2299 for those that hold now. Whatever is learned later
-- only makes _until earlier, and then the row is written again: the engine keeps the row with the largest _version, which is the
-- one whose _until is the earliest, and among those that hold the one that arrived first.
--
-- The month of occurred_at follows from occurred_at, so rows of one version always share a partition.
CREATE TABLE signal_log_next
(
    account_id String COMMENT 'Account the signal is about',
    category LowCardinality(String) COMMENT 'usage, billing, support or marketing',
    type LowCardinality(String) COMMENT 'Type within the category, such as feature_used',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'Producer; with id, the identity of the signal',
    id String COMMENT 'Id within the source' CODEC(ZSTD(1)),
    _content Int32 COMMENT 'Hash of the contents' CODEC(NONE),
    _again DateTime64(3, 'UTC') COMMENT 'When contents that were superseded or taken out came back; 1970: the first time' CODEC(Delta, ZSTD(1)),
    subscription_id String COMMENT 'Subscription the signal is about; empty: every subscription of the account',
    value Nullable(Float64) COMMENT 'Main number of the type, see scoring/signals.yaml; NULL: none',
    attributes Map(LowCardinality(String), String) COMMENT 'Everything else, as text',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived' CODEC(Delta, ZSTD(1)),
    _until DateTime64(3, 'UTC') DEFAULT '2299-12-31 00:00:00' COMMENT 'When this version ceased to hold; 2299: it holds' CODEC(Delta, ZSTD(1)),
    _ended LowCardinality(String) COMMENT 'Why it ceased to hold: corrected, retracted or withdrawn; empty: it holds',
    _ended_by LowCardinality(String) COMMENT 'Load or retraction that ended it; empty: a later record, or it holds',
    _late Int64 COMMENT 'Milliseconds from received_at to the arrival: an import may count records as received when they occurred' CODEC(ZSTD(1)),
    _load LowCardinality(String) COMMENT 'Load that brought it; empty: none',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored: the cursor of incremental reading' CODEC(Delta, ZSTD(1)),
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file' CODEC(Delta, ZSTD(1)),
    _version UInt64 MATERIALIZED if(_ended = '', bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103),
        bitOr(bitShiftLeft(toUInt64(1), 63), bitShiftLeft(toUInt64(bitAnd(4398046511103 - toUnixTimestamp64Milli(_until), 4398046511103)), 20))) CODEC(ZSTD(1)),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (account_id, category, type, occurred_at, source, id, _content, _again)
SETTINGS index_granularity = 1024;

INSERT INTO signal_log_next (account_id, category, type, occurred_at, source, id, _content, subscription_id, value, attributes, received_at, _topic,
    _partition, _offset)
SELECT account_id, category, type, occurred_at, source, id,
    reinterpretAsInt32(xxHash32(arrayStringConcat(arrayConcat([account_id, category, type, toString(toUnixTimestamp64Milli(occurred_at)), subscription_id,
        ifNull(toString(value), '')], arrayFlatten(arrayMap((k, v) -> [k, v], mapKeys(mapSort(attributes)), mapValues(mapSort(attributes))))), '\x1f'))),
    subscription_id, value, attributes, received_at, _topic, _partition, _offset
FROM signal_log FINAL
SETTINGS max_partitions_per_insert_block = 0;

CREATE TABLE subscription_log_next
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

INSERT INTO subscription_log_next (account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
    currency, start, renewal, auto_renew, notice_days, owner, plan_features, received_at, _topic, _partition, _offset)
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
    currency, toDate32(start), toDate32(renewal), auto_renew, notice_days, owner, plan_features, received_at, _topic, _partition, _offset
FROM subscription_log FINAL;

CREATE TABLE outcome_log_next
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened',
    source LowCardinality(String) COMMENT 'Producer; with id, the identity of the outcome',
    id String COMMENT 'Id within the source',
    _content Int32 COMMENT 'Hash of the contents' CODEC(NONE),
    _again DateTime64(3, 'UTC') COMMENT 'When contents that were superseded or taken out came back; 1970: the first time',
    kind LowCardinality(String) COMMENT 'How a term ended (renewed, churned), how the value changed within one (expanded, contracted), and others, see docs/signals.md',
    arr_before_minor Nullable(Int64) COMMENT 'Annual recurring revenue before, in minor units; NULL: not known',
    arr_after_minor Nullable(Int64) COMMENT 'Annual recurring revenue after, in minor units; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    term_start Nullable(Date32) COMMENT 'First day of the term that ended; NULL: not known, or no term ended',
    term_end Nullable(Date32) COMMENT 'Renewal date of the term that ended; NULL: not known, or no term ended',
    reason String COMMENT 'Why, in the words of the producer; empty: not said',
    voluntary Nullable(Bool) COMMENT 'Whether the customer chose it; NULL: not known',
    decision_id String COMMENT 'The decision it answers; empty: none',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived',
    _until DateTime64(3, 'UTC') DEFAULT '2299-12-31 00:00:00' COMMENT 'When this version ceased to hold; 2299: it holds',
    _ended LowCardinality(String) COMMENT 'Why it ceased to hold: corrected, retracted or withdrawn; empty: it holds',
    _ended_by LowCardinality(String) COMMENT 'Load or retraction that ended it; empty: a later record, or it holds',
    _late Int64 COMMENT 'Milliseconds from received_at to the arrival: an import may count records as received when they occurred',
    _load LowCardinality(String) COMMENT 'Load that brought it; empty: none',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored: the cursor of incremental reading',
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file',
    _version UInt64 MATERIALIZED if(_ended = '', bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103),
        bitOr(bitShiftLeft(toUInt64(1), 63), bitShiftLeft(toUInt64(bitAnd(4398046511103 - toUnixTimestamp64Milli(_until), 4398046511103)), 20))),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (account_id, subscription_id, occurred_at, source, id, _content, _again)
SETTINGS index_granularity = 1024;

INSERT INTO outcome_log_next (account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, currency, reason, voluntary,
    decision_id, received_at, _topic, _partition, _offset)
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, currency, reason, voluntary,
    decision_id, received_at, _topic, _partition, _offset
FROM outcome_log FINAL;

CREATE TABLE rejection_log_next
(
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file; -1 elsewhere',
    raw_hash UInt64 MATERIALIZED cityHash64(raw) COMMENT 'Tells apart messages that have no offset',
    reason LowCardinality(String) COMMENT 'Stable reason code, see docs/signals.md',
    detail String COMMENT 'What is wrong and what to do, in a sentence',
    field String COMMENT 'Field at fault; empty: the message as a whole',
    id String COMMENT 'Id of the message where it could be read',
    raw String COMMENT 'The message as it came',
    headers Map(String, String) COMMENT 'Headers that it is read by: content type and CloudEvents attributes',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived',
    _load LowCardinality(String) COMMENT 'Load that brought it; empty: none',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored: the cursor of incremental reading',
    _version UInt64 MATERIALIZED 4398046511103 - toUnixTimestamp64Milli(received_at)
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (_topic, _partition, _offset, raw_hash);

INSERT INTO rejection_log_next (_topic, _partition, _offset, reason, detail, field, id, raw, headers, received_at)
SELECT _topic, _partition, _offset, reason, detail, field, id, raw, headers, received_at
FROM rejection_log FINAL;
