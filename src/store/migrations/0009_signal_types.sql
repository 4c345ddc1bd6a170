-- Which signal types anyone sends, by day: a feature that needs a type nobody sends is not applicable. Under the category
-- "contract" the fields of contracts that are given.
CREATE TABLE signal_types
(
    category LowCardinality(String) COMMENT 'usage, billing, support or marketing; contract: a field of subscriptions',
    type LowCardinality(String) COMMENT 'Signal type, or the field',
    day Date COMMENT 'Day on which it happened, in UTC',
    first_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'Earliest time on that day',
    last_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'Latest time on that day',
    first_known_at SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'When the first of them arrived'
)
ENGINE = AggregatingMergeTree
ORDER BY (category, type, day);

CREATE MATERIALIZED VIEW signal_types_of_signals TO signal_types AS
SELECT category, type, toDate(occurred_at) AS day, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
    min(received_at) AS first_known_at
FROM signal_log WHERE _ended = '' GROUP BY category, type, day;

CREATE MATERIALIZED VIEW signal_types_of_subscriptions TO signal_types AS
SELECT 'contract' AS category, field AS type, toDate(occurred_at) AS day, min(occurred_at) AS first_at, max(occurred_at) AS last_at,
    min(received_at) AS first_known_at
FROM (
    SELECT occurred_at, received_at, arrayJoin(arrayFilter(name -> name != '', [if(product != '', 'product', ''), if(plan != '', 'plan', ''),
        if(tier != '', 'tier', ''), if(segment != '', 'segment', ''), if(region != '', 'region', ''), if(currency != '', 'currency', ''),
        if(owner != '', 'owner', ''), if(isNotNull(seats), 'seats', ''), if(isNotNull(arr_minor), 'arr_minor', ''),
        if(isNotNull(start), 'start', ''), if(isNotNull(renewal), 'renewal', ''), if(isNotNull(auto_renew), 'auto_renew', ''),
        if(isNotNull(notice_days), 'notice_days', ''), if(isNotNull(plan_features), 'plan_features', '')])) AS field
    FROM subscription_log
    WHERE _ended = ''
)
GROUP BY field, day;
