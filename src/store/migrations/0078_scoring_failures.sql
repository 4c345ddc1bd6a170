-- Accounts that could not be scored, and why: they are tried again until they can. What `perennial doctor` names.
CREATE TABLE scoring_failures
(
    account_id String COMMENT 'The account',
    failed_at DateTime64(3, 'UTC') COMMENT 'When it last failed',
    reason String COMMENT 'What it failed with',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(failed_at)
ORDER BY account_id
TTL stored_at + INTERVAL 30 DAY;
