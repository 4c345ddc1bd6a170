-- Accounts whose decisions a caller waited for, and as of when the last pass has decided them: everything of that pass is stored before the row.
CREATE TABLE decided_accounts
(
    account_id String COMMENT 'The account',
    as_of DateTime64(3, 'UTC') COMMENT 'The time of the pass',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY account_id
TTL stored_at + INTERVAL 1 DAY
SETTINGS index_granularity = 1024;
