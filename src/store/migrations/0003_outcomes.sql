-- Outcomes with every version that was sent of each, as signals have them (0001).
CREATE TABLE outcome_log
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
