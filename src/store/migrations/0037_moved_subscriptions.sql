-- Subscriptions that have moved to another account, under the account that they left. A subscription belongs to one account at
-- a time; what it was before stays in subscription_history.
CREATE TABLE moved_subscriptions
(
    account_id String COMMENT 'The account that it left',
    subscription_id String COMMENT 'The subscription',
    moved_to String COMMENT 'The account that has it now',
    moved_at DateTime64(3, 'UTC') COMMENT 'Since when',
    received_at DateTime64(3, 'UTC') COMMENT 'When that arrived',
    holds UInt8 COMMENT '0: it turned out not to have moved, or came back',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (account_id, subscription_id)
SETTINGS index_granularity = 1024;

DROP VIEW IF EXISTS subscriptions;

-- Every subscription as it stands now, under the account that has it.
CREATE VIEW subscriptions AS
SELECT * FROM subscription_history
WHERE (account_id, subscription_id) NOT IN (SELECT account_id, subscription_id FROM moved_subscriptions FINAL WHERE holds = 1)
ORDER BY account_id, subscription_id, occurred_at DESC
LIMIT 1 BY account_id, subscription_id;
