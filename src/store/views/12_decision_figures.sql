-- What became of what each rule decided, by month in which it opened or was suppressed. A rule fires for a subscription when it opens something for it,
-- or is suppressed.
CREATE OR REPLACE VIEW decisions_by_rule
(
    month Date COMMENT 'First day of the month',
    rule LowCardinality(String) COMMENT 'The rule',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    action LowCardinality(String) COMMENT 'Offer, or topic of the escalation or touchpoint',
    fired UInt64 COMMENT 'Subscriptions for which it fired: opened or suppressed',
    opened UInt64 COMMENT 'Decisions that it opened',
    suppressed UInt64 COMMENT 'Subscriptions for which it was suppressed at least once',
    still_open UInt64 COMMENT 'Of those it opened, those that are open now',
    presented UInt64 COMMENT 'Of those it opened, those that were seen: by the customer, or by their owner',
    accepted UInt64 COMMENT 'Of those it opened, those that were accepted',
    declined UInt64 COMMENT 'Of those it opened, those that were declined',
    expired UInt64 COMMENT 'Of those it opened, those that ran out: expired after they were presented, lapsed before',
    resolved UInt64 COMMENT 'Of those it opened, those that were resolved',
    cleared UInt64 COMMENT 'Of those it opened, those whose condition had gone',
    acceptance_rate Nullable(Float64) COMMENT 'accepted / presented; NULL: none was presented',
    cost_spent_reporting Nullable(Float64) COMMENT 'What accepted ones give away, in the reporting currency; NULL: there are some, and none has a rate',
    cost_reserved_reporting Nullable(Float64) COMMENT 'What open ones would give away, in the reporting currency; NULL: there are some, and none has a rate',
    cost_not_known UInt64 COMMENT 'Accepted and open ones whose currency has no rate: they are in no cost'
)
AS SELECT month, rule, kind, action, uniqExact(account_id, subscription_id) AS fired, countIf(status NOT IN ('', 'held_out')) AS opened,
    uniqExactIf((account_id, subscription_id), status = '') AS suppressed, countIf(is_open) AS still_open, countIf(isNotNull(presented_at)) AS presented,
    countIf(status = 'accepted') AS accepted, countIf(status = 'declined') AS declined, countIf(status IN ('expired', 'lapsed')) AS expired,
    countIf(status = 'resolved') AS resolved, countIf(status = 'cleared') AS cleared, accepted / nullIf(presented, 0) AS acceptance_rate,
    if(accepted = 0, 0, sumIf(cost, status = 'accepted')) AS cost_spent_reporting,
    if(still_open = 0, 0, sumIf(cost, is_open)) AS cost_reserved_reporting,
    countIf(isNull(cost) AND (is_open OR status = 'accepted')) AS cost_not_known
FROM (
    SELECT toStartOfMonth(opened_at) AS month, rule, kind, action, account_id, subscription_id, status, isNull(closed_at) AND status != 'held_out' AS is_open,
        presented_at, if(d.cost_minor = 0, 0, d.cost_reporting) AS cost
    FROM decisions AS d
    UNION ALL
    SELECT toStartOfMonth(as_of) AS month, rule, kind, action, account_id, subscription_id, '' AS status, false AS is_open, NULL AS presented_at, 0 AS cost
    FROM suppressions
)
GROUP BY month, rule, kind, action;

-- Tries to keep a customer: what was presented to one, and wishes to leave. A save counts only where the contract still ran 30 or 90 days later; where those
-- have not passed yet, it is not known.
CREATE OR REPLACE VIEW save_attempts
(
    account_id String COMMENT 'The customer: the account that has the contract now',
    subscription_id String COMMENT 'The subscription',
    attempt LowCardinality(String) COMMENT 'offer, escalation, touchpoint, or cancel_intent',
    action LowCardinality(String) COMMENT 'What was presented; of a cancel_intent the decision that was presented next, within 30 days; empty: none',
    rule LowCardinality(String) COMMENT 'Rule that had opened it; empty: none',
    attempted_at DateTime64(3, 'UTC') COMMENT 'When it was presented, or the customer said they want to leave',
    answer LowCardinality(String) COMMENT 'accepted, declined, resolved; of a wish to leave what came first: withdrawn, renewed (all the same) or churned; empty: none',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When; NULL: no answer',
    arr Nullable(Float64) COMMENT 'ARR of the contract at the time, in major units; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    active_30 Nullable(Bool) COMMENT 'Whether the contract ran 30 days after the answer, or the attempt; NULL: too early to say',
    active_90 Nullable(Bool) COMMENT 'The same after 90 days',
    saved_30 Nullable(Bool) COMMENT 'A good answer (accepted, resolved, withdrawn, renewed) and active_30; NULL: too early to say',
    saved_90 Nullable(Bool) COMMENT 'A good answer and active_90; NULL: too early to say'
)
AS SELECT account_id, subscription_id, attempt, action, rule, attempted_at, answer, answered_at, arr, currency,
    if(from_at + toIntervalDay(30) > now_at, NULL, CAST(ran_30 > 0, 'Bool')) AS active_30, if(from_at + toIntervalDay(90) > now_at, NULL, CAST(ran_90 > 0, 'Bool')) AS active_90,
    if(answer IN ('accepted', 'resolved', 'withdrawn', 'renewed'), active_30, if(isNull(active_30), NULL, false)) AS saved_30,
    if(answer IN ('accepted', 'resolved', 'withdrawn', 'renewed'), active_90, if(isNull(active_90), NULL, false)) AS saved_90
FROM (
    SELECT a.account_id AS account_id, a.subscription_id AS subscription_id, a.attempt AS attempt, a.action AS action, a.rule AS rule, a.at AS attempted_at,
        a.answer AS answer, a.answered_at AS answered_at, ifNull(a.answered_at, a.at) AS from_at, (SELECT at FROM present) AS now_at,
        anyIf(p.arr, p.began_at <= a.at AND a.at < p.until) AS arr, anyIf(p.currency, p.began_at <= a.at AND a.at < p.until) AS currency,
        countIf(p.began_at <= from_at + toIntervalDay(30) AND from_at + toIntervalDay(30) < p.until) AS ran_30,
        countIf(p.began_at <= from_at + toIntervalDay(90) AND from_at + toIntervalDay(90) < p.until) AS ran_90
    FROM (
        SELECT account_id, subscription_id, kind AS attempt, action, rule, seen_at AS at, if(status IN ('accepted', 'declined', 'resolved'), status, '') AS answer,
            if(answer = '', NULL, answered_at) AS answered_at, decision_id AS id
        FROM (
            SELECT d.* EXCEPT account_id, assumeNotNull(d.presented_at) AS seen_at, if(m.customer_id = '', d.account_id, m.customer_id) AS account_id
            FROM decisions AS d
            LEFT JOIN moved_contracts AS m ON m.account_id = d.account_id AND m.subscription_id = d.subscription_id
            WHERE d.presented_at IS NOT NULL
        )
        UNION ALL
        SELECT i.account_id AS account_id, i.subscription_id AS subscription_id, 'cancel_intent' AS attempt, any(i.action) AS action, any(i.rule) AS rule, i.at AS at,
            replaceOne(argMinIf(w.kind, (w.at, w.kind), w.kind != '' AND w.at >= i.at), 'cancel_intent_', '') AS answer,
            if(answer = '', NULL, minIf(w.at, w.kind != '' AND w.at >= i.at)) AS answered_at, '' AS id
        FROM (
            SELECT o.account_id AS account_id, o.subscription_id AS subscription_id, o.at AS at, if(soon, d.action, '') AS action, if(soon, d.rule, '') AS rule,
                d.seen_at >= o.at AND d.seen_at <= o.at + toIntervalDay(30) AS soon
            FROM (
                SELECT if(m.customer_id = '', o.account_id, m.customer_id) AS account_id, o.subscription_id AS subscription_id, o.occurred_at AS at FROM outcomes AS o
                LEFT JOIN moved_contracts AS m ON m.account_id = o.account_id AND m.subscription_id = o.subscription_id
                WHERE o.kind = 'cancel_intent'
            ) AS o
            ASOF LEFT JOIN (
                SELECT if(m.customer_id = '', d.account_id, m.customer_id) AS account_id, d.subscription_id AS subscription_id, assumeNotNull(d.presented_at) AS seen_at,
                    d.action AS action, d.rule AS rule
                FROM decisions AS d
                LEFT JOIN moved_contracts AS m ON m.account_id = d.account_id AND m.subscription_id = d.subscription_id
                WHERE d.presented_at IS NOT NULL
            ) AS d ON d.account_id = o.account_id AND d.subscription_id = o.subscription_id AND o.at <= d.seen_at
        ) AS i
        LEFT JOIN (
            SELECT if(m.customer_id = '', o.account_id, m.customer_id) AS account_id, o.subscription_id AS subscription_id, o.occurred_at AS at, toString(o.kind) AS kind
            FROM outcomes AS o
            LEFT JOIN moved_contracts AS m ON m.account_id = o.account_id AND m.subscription_id = o.subscription_id
            WHERE o.kind IN ('cancel_intent_withdrawn', 'renewed', 'churned')
        ) AS w ON w.account_id = i.account_id AND w.subscription_id = i.subscription_id
        GROUP BY account_id, subscription_id, at
    ) AS a
    LEFT JOIN (
        SELECT account_id, subscription_id, began_at, ifNull(ended_at, toDateTime64('2299-12-31', 3, 'UTC')) AS until, arr, currency FROM contract_periods
    ) AS p ON p.account_id = a.account_id AND p.subscription_id = a.subscription_id
    GROUP BY a.account_id, a.subscription_id, a.attempt, a.action, a.rule, a.at, a.answer, a.answered_at, a.id
);
