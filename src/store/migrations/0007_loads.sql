-- What was loaded from files, and what it came to. Written at the beginning, at the end, and when a load is undone.
CREATE TABLE load_log
(
    load_id String COMMENT 'Its id: records have it in _load',
    kind LowCardinality(String) COMMENT 'import: by a mapping; files: records as they are',
    source String COMMENT 'Source of the mapping; empty: the files say it themselves',
    mapping String COMMENT 'Path of the mapping; empty: none',
    files Array(String) COMMENT 'Paths of the files',
    status LowCardinality(String) COMMENT 'running, done, failed or undone',
    started_at DateTime64(3, 'UTC') COMMENT 'When it began',
    finished_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; NULL: it runs, or its process died',
    author String COMMENT 'Who ran it',
    records_new UInt64 COMMENT 'Records that were not there before',
    records_same UInt64 COMMENT 'Records that were there already',
    records_corrected UInt64 COMMENT 'Records that were there with other contents',
    records_retracted UInt64 COMMENT 'Records that are left out, because they were retracted',
    records_withdrawn UInt64 COMMENT 'Records of earlier loads of this source that it did not bring again, and took out (--replace)',
    rows_rejected UInt64 COMMENT 'Rows that could not be read',
    undone_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was undone; NULL: it stands',
    undone_by String COMMENT 'Who undid it',
    undone_reason String COMMENT 'Why, in words',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY load_id;

-- Which records a load that replaces what its source brought before has brought: only while it runs.
CREATE TABLE load_seen
(
    load_id String COMMENT 'The load',
    key UInt64 COMMENT 'Hash of the identity of a record',
    seen_at DateTime('UTC') DEFAULT now() COMMENT 'When: old ones go'
)
ENGINE = ReplacingMergeTree
ORDER BY (load_id, key)
TTL seen_at + INTERVAL 2 DAY;

-- Contents of records that a load brought and that came from elsewhere as well, once for each load: they stay when that one is undone.
CREATE TABLE load_repeats
(
    key UInt64 COMMENT 'Hash of the identity of the record' CODEC(NONE),
    content Int32 COMMENT 'Hash of the contents' CODEC(NONE),
    again DateTime64(3, 'UTC') COMMENT 'Tells apart versions of equal contents, as _again of the record' CODEC(Delta, ZSTD(1)),
    load LowCardinality(String) COMMENT 'The load that brought the contents too; empty: none did, they came by themselves',
    arrived_at DateTime64(3, 'UTC') COMMENT 'When' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (key, content, again, load);

-- Rows at which an imported file ended without a line end: they may have been cut off in their last cell. When the whole row is
-- imported later, what its beginning had brought goes.
CREATE TABLE load_cut_rows
(
    load_id String COMMENT 'The load',
    source String COMMENT 'Source of its mapping',
    line UInt64 COMMENT 'Line of the row, from 1',
    bytes UInt64 COMMENT 'Its length',
    hash String COMMENT 'Hash of its text',
    keys Array(String) COMMENT 'Hashes of the identities of the records that it brought, in hex',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored'
)
ENGINE = MergeTree
ORDER BY (source, load_id);
