-- Messages and rows that could not be read, as they came: the first time of each counts.
CREATE TABLE rejection_log
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
