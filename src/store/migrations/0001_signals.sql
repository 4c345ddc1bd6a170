-- Signals as they arrived. Read the exact view `signals`: the log may hold a signal more than once until it is merged.
--
-- The sorting key holds everything that identifies a signal, and begins with the account, because every question is about
-- one. The month of occurred_at follows from occurred_at, so rows of one signal always share a partition.
-- _version decides which delivery of one signal is kept, and does not depend on the order of arrival: among different
-- contents the one with the larger hash, among equal contents the one that arrived first.
CREATE TABLE signal_log
(
    account_id String COMMENT 'Account the signal is about',
    category LowCardinality(String) COMMENT 'usage, billing, support or marketing',
    type LowCardinality(String) COMMENT 'Type within the category, such as feature_used',
    occurred_at DateTime64(3, 'UTC') COMMENT 'When it happened' CODEC(Delta, ZSTD(1)),
    source LowCardinality(String) COMMENT 'Producer; with id, the identity of the signal',
    id String COMMENT 'Id within the source' CODEC(ZSTD(1)),
    subscription_id String COMMENT 'Subscription the signal is about; empty: every subscription of the account',
    value Nullable(Float64) COMMENT 'Main number of the type, see scoring/signals.yaml; NULL: none',
    attributes Map(LowCardinality(String), String) COMMENT 'Everything else, as text',
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived' CODEC(Delta, ZSTD(1)),
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"',
    _partition Int32 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 COMMENT 'Kafka offset, or line of the file' CODEC(Delta, ZSTD(1)),
    _version UInt64 MATERIALIZED bitOr(bitShiftLeft(bitAnd(cityHash64(subscription_id, isNull(value), ifNull(value, 0), mapSort(attributes)), 4194303), 42),
        bitAnd(4398046511103 - toUnixTimestamp64Milli(received_at), 4398046511103)) CODEC(ZSTD(1))
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(occurred_at)
ORDER BY (account_id, category, type, occurred_at, source, id)
SETTINGS index_granularity = 1024;

-- Every signal exactly once.
CREATE VIEW signals AS
SELECT account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at, _topic, _partition, _offset
FROM signal_log FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
