-- What is to be left out: one record by its identity, or all that a source or an account had sent up to a time.
CREATE TABLE retraction_log
(
    retraction_id String COMMENT 'Its id',
    kind LowCardinality(String) COMMENT 'signal, subscription or outcome; empty: every record of source and account',
    key UInt64 COMMENT 'Hash of the identity of the one record; 0: all of source and account',
    source String COMMENT 'Source of what is left out; empty: every source',
    id String COMMENT 'Id of the one record; empty: all of source and account',
    account_id String COMMENT 'Account of what is left out; empty: every account',
    retracted_at DateTime64(3, 'UTC') COMMENT 'What had arrived by then is left out',
    reason String COMMENT 'Why, in words',
    author String COMMENT 'Who retracted it; empty: the producer',
    undone_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was taken back; NULL: it stands',
    undone_by String COMMENT 'Who took it back',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored',
    _topic LowCardinality(String) COMMENT 'Kafka topic, file path or "grpc"; empty: a person',
    _partition Int32 DEFAULT -1 COMMENT 'Kafka partition; -1 elsewhere',
    _offset Int64 DEFAULT -1 COMMENT 'Kafka offset, or line of the file; -1 elsewhere'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (key, retraction_id);

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
