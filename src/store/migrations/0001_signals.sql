-- Signals, with every version that was sent of each; subscriptions (0002) and outcomes (0003) alike. Why: docs/adr/0090-versions-of-records.md.
--
-- A record is known by its identity; a version is its contents. The sorting key holds both, so that nothing that was sent is
-- lost. A version holds from received_at until _until, which is the year 2299 for those that hold now. Whatever is learned later
-- only makes _until earlier, and then the row is written again: the engine keeps the row with the largest _version, which is the
-- one whose _until is the earliest, and among those that hold the one that arrived first.
--
-- The month of occurred_at follows from occurred_at, so rows of one version always share a partition.
--
-- Rows are merged in larger steps than the engine would: a third fewer are written again (ADR 0192).
CREATE TABLE signal_log
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
SETTINGS index_granularity = 1024, merge_selector_base = 8;
