-- Accounts that scorers have yet to be asked to rescore, since no broker took the message when their signals were stored. What is
-- not published is published (again) by every serve process as soon as a broker answers; a rescore of everyone finds them, too.
CREATE TABLE touch_outbox
(
    account_id String COMMENT 'The account',
    since DateTime64(3, 'UTC') COMMENT 'Arrival of the first signal that touched it',
    published UInt8 COMMENT '1: a broker has taken it',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(published)
ORDER BY (account_id, since)
TTL stored_at + INTERVAL 7 DAY
SETTINGS index_granularity = 1024;
