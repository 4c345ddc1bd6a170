-- Every account that a signal or a subscription has named. It is what a full rescore walks through, in order, without
-- reading the signals. Repeats change nothing: the minimum of equal times is that time.
CREATE TABLE accounts
(
    account_id String COMMENT 'The account',
    first_seen_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Time of the earliest signal or subscription'
)
ENGINE = AggregatingMergeTree
ORDER BY account_id
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW accounts_of_signals TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at FROM signal_log GROUP BY account_id;

CREATE MATERIALIZED VIEW accounts_of_subscriptions TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at FROM subscription_log GROUP BY account_id;
