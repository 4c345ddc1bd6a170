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
