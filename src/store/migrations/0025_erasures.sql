-- Who was erased, so that what comes again, as when Kafka is replayed, stays out.
CREATE TABLE erased_names
(
    kind LowCardinality(String) COMMENT 'account or subscription',
    hash String COMMENT 'SHA-256 of the id, in hex: the id itself is nowhere',
    erased_at DateTime64(3, 'UTC') COMMENT 'When it was erased'
)
ENGINE = ReplacingMergeTree(erased_at)
ORDER BY (kind, hash)
COMMENT 'Ids that were erased: records of these accounts are not stored';
