-- Every account that a signal or a subscription has named. It is what a full rescore walks through, in order, without
-- reading the signals. Repeats change nothing: the minimum of equal times is that time.
CREATE TABLE accounts
(
    account_id String COMMENT 'The account',
    first_seen_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Time of the earliest signal or subscription',
    last_stored_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'When something of it was last stored',
    emptied_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'When the last of it was retracted or withdrawn; 1970: never',
    first_known_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT toDateTime64('2299-12-31', 3, 'UTC') COMMENT 'When the first signal or subscription arrived',
    first_used_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT toDateTime64('2299-12-31', 3, 'UTC') COMMENT 'Time of the earliest usage or billing signal; the end of 2299: none',
    first_used_known_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) DEFAULT toDateTime64('2299-12-31', 3, 'UTC') COMMENT 'When the first usage or billing signal arrived; the end of 2299: none'
)
ENGINE = AggregatingMergeTree
ORDER BY account_id
SETTINGS index_granularity = 1024;

-- One view a table: each view of an insert reads its rows again, groups them, and writes a part.
CREATE MATERIALIZED VIEW accounts_of_signals TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at, max(stored_at) AS last_stored_at, min(received_at) AS first_known_at,
    min(if(category IN ('usage', 'billing'), occurred_at, toDateTime64('2299-12-31', 3, 'UTC'))) AS first_used_at,
    min(if(category IN ('usage', 'billing'), received_at, toDateTime64('2299-12-31', 3, 'UTC'))) AS first_used_known_at
FROM signal_log WHERE _ended = '' GROUP BY account_id;

CREATE MATERIALIZED VIEW accounts_of_subscriptions TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at, max(stored_at) AS last_stored_at, min(received_at) AS first_known_at
FROM subscription_log WHERE _ended = '' GROUP BY account_id;
