-- How each term ended, once: of several outcomes of one term the latest counts. Outcomes that say expanded or contracted on the renewal date, as earlier producers do, are renewals. A contract that
-- ended while another one of the same customer began that day was replaced, and counts as renewed. One that is cancelled within a term, after the renewal
-- before, ends a term that is due that day. Amounts that the outcome does not give are those of the
-- contract just before the term was due.
CREATE OR REPLACE VIEW renewals
(
    account_id String COMMENT 'The customer: the account that has the contract now',
    subscription_id String COMMENT 'The subscription',
    due Date32 COMMENT 'Renewal date of the term that ended; where it is not known, the day of the outcome',
    result LowCardinality(String) COMMENT 'renewed, replaced or churned',
    renewed Bool COMMENT 'Whether it went on: renewed or replaced',
    occurred_at DateTime64(3, 'UTC') COMMENT 'Time of the outcome',
    voluntary Nullable(Bool) COMMENT 'Of who churned: whether the customer chose it; NULL: not known',
    reason String COMMENT 'Why, in the words of the producer; empty: not said',
    term_start Nullable(Date32) COMMENT 'First day of the term; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_before Nullable(Float64) COMMENT 'ARR of the term that ended, in major units; NULL: not known',
    arr_after Nullable(Float64) COMMENT 'ARR of the next one, 0 if there is none; NULL: not known, or in another currency',
    arr_renewed Nullable(Float64) COMMENT 'The smaller of both: what was kept; NULL: not known',
    arr_before_reporting Nullable(Float64) COMMENT 'arr_before in the reporting currency; NULL: not known, or no rate',
    arr_after_reporting Nullable(Float64) COMMENT 'arr_after in the reporting currency; NULL: not known, or no rate',
    arr_renewed_reporting Nullable(Float64) COMMENT 'The smaller of both in the reporting currency; NULL: not known, or no rate',
    product LowCardinality(String) COMMENT 'Product; empty: not known',
    plan LowCardinality(String) COMMENT 'Plan; empty: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    region LowCardinality(String) COMMENT 'Region; empty: not known',
    owner LowCardinality(String) COMMENT 'Who looked after it; empty: not known'
)
AS SELECT customer_id AS account_id, subscription_id, due, multiIf(kind != 'churned', 'renewed', r.replacements > 0, 'replaced', 'churned') AS result,
    CAST(result != 'churned', 'Bool') AS renewed, occurred_at, voluntary, reason, term_began AS term_start, t.currency AS currency, before_minor / c.minor_units AS arr_before,
    if(result = 'replaced', if(r.currency = t.currency, r.arr * part, NULL), after_minor / c.minor_units) AS arr_after, if(isNull(arr_before + arr_after), NULL, least(arr_before, arr_after)) AS arr_renewed,
    arr_before * c.rate AS arr_before_reporting, if(result = 'replaced', r.arr_reporting * part, arr_after * c.rate) AS arr_after_reporting,
    if(isNull(arr_before_reporting + arr_after_reporting), NULL, least(arr_before_reporting, arr_after_reporting)) AS arr_renewed_reporting, product, plan, segment, region, owner
FROM (
    SELECT *, before_minor / nullIf(sum(before_minor) OVER (PARTITION BY customer_id, due, kind), 0) AS part
    FROM (
        SELECT t.* EXCEPT (currency, term_start), t.term_start AS said_start, if(t.currency = '', s.currency, t.currency) AS currency,
            coalesce(said_start, subtractMonths(due, toInt32(s.term_months))) AS term_began,
            ifNull(arr_before_minor, if(currency = s.currency, s.arr_minor, NULL)) AS before_minor, if(kind = 'churned', 0, arr_after_minor) AS after_minor,
            s.product AS product, s.plan AS plan, s.segment AS segment, s.region AS region, s.owner AS owner
        FROM (
            SELECT *, if(kind = 'churned' AND isNull(term_end) AND went_on > 0, ended_on, due_of) AS due, least(occurred_at, toDateTime64(due, 3, 'UTC')) AS ends_at
            FROM (
                SELECT *, countIf(kind != 'churned') OVER (
                    PARTITION BY customer_id, subscription_id, due_of ORDER BY occurred_at, source, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS went_on
                FROM (
                    SELECT o.*, toDate32(occurred_at) AS ended_on,
                        arraySort(of -> (abs(dateDiff('day', of.2, ended_on)), -toUnixTimestamp64Milli(of.1)),
                            arrayFilter(of -> of.1 < occurred_at AND dateDiff('day', of.2, ended_on) BETWEEN if(kind = 'churned', -60, -180) AND 60, d.renewal_dates)) AS near_dates,
                        notEmpty(near_dates) AS is_near, near_dates[1].2 AS nearest, coalesce(term_end, if(is_near, nearest, NULL), ended_on) AS due_of
                    FROM (
                        SELECT if(m.customer_id = '', l.account_id, m.customer_id) AS customer_id, l.*
                        FROM (SELECT * FROM outcome_log FINAL WHERE _ended = '' AND kind IN ('renewed', 'churned', 'expanded', 'contracted')) AS l
                        LEFT JOIN moved_contracts AS m ON m.account_id = l.account_id AND m.subscription_id = l.subscription_id
                    ) AS o
                    LEFT JOIN (
                        SELECT if(m.customer_id = '', l.account_id, m.customer_id) AS customer_id, l.subscription_id AS subscription_id,
                            groupArray((l.occurred_at, assumeNotNull(l.renewal))) AS renewal_dates
                        FROM (SELECT account_id, subscription_id, occurred_at, renewal FROM subscription_log FINAL WHERE _ended = '' AND isNotNull(renewal)) AS l
                        LEFT JOIN moved_contracts AS m ON m.account_id = l.account_id AND m.subscription_id = l.subscription_id
                        GROUP BY customer_id, subscription_id
                    ) AS d ON d.customer_id = o.customer_id AND d.subscription_id = o.subscription_id
                    WHERE kind IN ('renewed', 'churned') OR isNotNull(term_end) OR isNotNull(term_start) OR (is_near AND abs(dateDiff('day', nearest, ended_on)) <= 1)
                )
            )
            ORDER BY customer_id, subscription_id, due, kind IN ('renewed', 'churned') DESC, occurred_at DESC, source DESC, id DESC
            LIMIT 1 BY customer_id, subscription_id, due
        ) AS t
        ASOF LEFT JOIN (
            SELECT if(m.customer_id = '', l.account_id, m.customer_id) AS customer_id, l.subscription_id AS subscription_id,
                greatest(l.occurred_at, ifNull(toDateTime64(l.start, 3, 'UTC'), l.occurred_at)) AS held_from, l.term_months AS term_months, l.arr_minor AS arr_minor,
                l.currency AS currency, l.product AS product, l.plan AS plan, l.segment AS segment, l.region AS region, l.owner AS owner
            FROM (SELECT * FROM subscription_log FINAL WHERE _ended = '') AS l
            LEFT JOIN moved_contracts AS m ON m.account_id = l.account_id AND m.subscription_id = l.subscription_id
        ) AS s ON s.customer_id = t.customer_id AND s.subscription_id = t.subscription_id AND t.ends_at > s.held_from
    )
) AS t
LEFT JOIN (
    SELECT account_id, toDate32(first) AS began_on, count() AS replacements, if(uniqExact(of) = 1, any(of), '') AS currency,
        if(count() = count(value), sum(value), NULL) AS arr, if(count() = count(value_reporting), sum(value_reporting), NULL) AS arr_reporting
    FROM (
        SELECT account_id, subscription_id, min(began_at) AS first, argMin(p.currency, began_at) AS of, argMin(tuple(p.arr), began_at).1 AS value,
            argMin(tuple(p.arr_reporting), began_at).1 AS value_reporting
        FROM contract_periods AS p GROUP BY account_id, subscription_id
    )
    GROUP BY account_id, began_on
) AS r ON r.account_id = t.customer_id AND r.began_on = t.due
LEFT JOIN currencies AS c ON c.currency = t.currency;

-- What share of the terms that came to their end was renewed, by month of the renewal date and currency. Sums of counts and of amounts over months or
-- currencies (the latter in the reporting currency) give their rates; rates are not to be averaged.
CREATE OR REPLACE VIEW renewal_rates
(
    month Date COMMENT 'First day of the month in which they were due',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    due UInt64 COMMENT 'Terms that were due and of which it is known how they ended',
    renewed UInt64 COMMENT 'Of these, those that went on: renewed or replaced',
    replaced UInt64 COMMENT 'Of these, those that another contract of the customer replaced the same day',
    churned UInt64 COMMENT 'Those that did not go on',
    churned_involuntary UInt64 COMMENT 'Of these, those of which it is known that the customer did not choose it',
    logo_renewal_rate Float64 COMMENT 'renewed / due',
    not_known UInt64 COMMENT 'Terms whose ARR before or after is not known: they are in no amount',
    arr_due Nullable(Float64) COMMENT 'ARR of the terms that were due, in major units of currency; NULL: not known of any',
    arr_renewed Nullable(Float64) COMMENT 'What was kept of it: of each term at most its ARR before; NULL: not known of any',
    arr_after Nullable(Float64) COMMENT 'ARR after, growth included; NULL: not known of any',
    gross_renewal_rate Nullable(Float64) COMMENT 'arr_renewed / arr_due: at most 1; NULL: not known',
    net_renewal_rate Nullable(Float64) COMMENT 'arr_after / arr_due; NULL: not known',
    not_known_reporting UInt64 COMMENT 'Terms whose ARR is not known in the reporting currency: they are in no amount in it',
    arr_due_reporting Nullable(Float64) COMMENT 'ARR that was due, in the reporting currency; NULL: not known of any, or no rate',
    arr_renewed_reporting Nullable(Float64) COMMENT 'What was kept of it; NULL: not known of any, or no rate',
    arr_after_reporting Nullable(Float64) COMMENT 'ARR after, growth included; NULL: not known of any, or no rate'
)
AS SELECT toDate(toStartOfMonth(r.due)) AS month, currency, count() AS due, countIf(r.renewed) AS renewed, countIf(result = 'replaced') AS replaced,
    countIf(result = 'churned') AS churned, countIf(result = 'churned' AND voluntary = false) AS churned_involuntary, renewed / due AS logo_renewal_rate,
    countIf(isNull(r.arr_renewed)) AS not_known, sumIf(r.arr_before, isNotNull(r.arr_renewed)) AS arr_due,
    sum(r.arr_renewed) AS arr_renewed, sumIf(r.arr_after, isNotNull(r.arr_renewed)) AS arr_after,
    arr_renewed / nullIf(arr_due, 0) AS gross_renewal_rate, arr_after / nullIf(arr_due, 0) AS net_renewal_rate,
    countIf(isNull(r.arr_renewed_reporting)) AS not_known_reporting, sumIf(r.arr_before_reporting, isNotNull(r.arr_renewed_reporting)) AS arr_due_reporting,
    sum(r.arr_renewed_reporting) AS arr_renewed_reporting,
    sumIf(r.arr_after_reporting, isNotNull(r.arr_renewed_reporting)) AS arr_after_reporting
FROM renewals AS r
WHERE r.due <= toDate32((SELECT at FROM present))
GROUP BY month, currency;

-- Contracts that come up for renewal, by month, owner, segment and currency: how much of them is expected, and how much is committed. Committed
-- is what renews by itself, when its notice date has passed without a wish to leave
-- since the last renewal.
CREATE OR REPLACE VIEW renewal_forecast
(
    month Date COMMENT 'First day of the month of the renewal date',
    owner LowCardinality(String) COMMENT 'Who looks after them; empty: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    due UInt64 COMMENT 'Contracts that come up',
    at_risk UInt64 COMMENT 'Of these, those whose band is high or critical',
    not_known UInt64 COMMENT 'Of these, those whose ARR or renewal probability is not known: they are in no expected amount',
    arr_due Nullable(Float64) COMMENT 'Their ARR as far as it is known, in major units of currency; NULL: not known of any',
    arr_expected Nullable(Float64) COMMENT 'ARR times renewal probability; of what is committed, all of it; NULL: not known of any',
    arr_committed Nullable(Float64) COMMENT 'ARR that is committed; 0: nothing is; NULL: not known of any that is',
    not_known_reporting UInt64 COMMENT 'The same in the reporting currency: those without a rate, too',
    arr_due_reporting Nullable(Float64) COMMENT 'Their ARR in the reporting currency; NULL: not known of any, or no rate',
    arr_expected_reporting Nullable(Float64) COMMENT 'The expected ARR in the reporting currency; NULL: not known of any, or no rate',
    arr_committed_reporting Nullable(Float64) COMMENT 'The committed ARR in the reporting currency; 0: nothing is committed; NULL: not known of any that is, or no rate'
)
AS SELECT toDate(toStartOfMonth(f.renewal)) AS month, owner, segment, currency, count() AS due, countIf(band IN ('high', 'critical')) AS at_risk,
    countIf(isNull(f.arr * chance)) AS not_known, sum(f.arr) AS arr_due, sum(f.arr * chance) AS arr_expected,
    if(countIf(committed) = 0, 0, sumIf(f.arr, committed)) AS arr_committed, countIf(isNull(f.arr_reporting * chance)) AS not_known_reporting,
    sum(f.arr_reporting) AS arr_due_reporting, sum(f.arr_reporting * chance) AS arr_expected_reporting,
    if(countIf(committed) = 0, 0, sumIf(f.arr_reporting, committed)) AS arr_committed_reporting
FROM (
    SELECT r.renewal AS renewal, r.band AS band, r.currency AS currency, r.arr AS arr, r.arr_reporting AS arr_reporting, s.owner AS owner, r.segment AS segment,
        ifNull(s.auto_renew AND today >= subtractDays(r.renewal, toInt32(ifNull(s.notice_days, 0))), false) AND NOT i.leaving AS committed,
        if(committed, 1, r.renewal_probability) AS chance, toDate32((SELECT at FROM present)) AS today
    FROM risks AS r
    LEFT JOIN subscriptions AS s ON s.account_id = r.account_id AND s.subscription_id = r.subscription_id
    LEFT JOIN (
        SELECT if(m.customer_id = '', o.account_id, m.customer_id) AS account_id, o.subscription_id AS subscription_id,
            argMax(o.kind, (o.occurred_at, o.kind)) = 'cancel_intent' AS leaving
        FROM outcomes AS o
        LEFT JOIN moved_contracts AS m ON m.account_id = o.account_id AND m.subscription_id = o.subscription_id
        WHERE o.kind IN ('cancel_intent', 'cancel_intent_withdrawn', 'renewed', 'churned')
        GROUP BY account_id, subscription_id
    ) AS i ON i.account_id = r.account_id AND i.subscription_id = r.subscription_id
    WHERE r.renewal >= today
) AS f
GROUP BY month, owner, segment, currency;

-- How long renewals took: from the first touch of the renewal (a quote, a meeting, something presented), under whatever account it was, within 180 days before it closed, to the
-- outcome.
CREATE OR REPLACE VIEW time_to_renewal
(
    account_id String COMMENT 'The customer: the account that has the contract now',
    subscription_id String COMMENT 'The subscription',
    due Date32 COMMENT 'Renewal date of the term',
    result LowCardinality(String) COMMENT 'renewed, replaced or churned',
    first_touch_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was first touched; NULL: never',
    first_touch LowCardinality(String) COMMENT 'What that was; empty: nothing',
    closed_at DateTime64(3, 'UTC') COMMENT 'When it was closed',
    days Nullable(Float64) COMMENT 'Days from the first touch to the closing; NULL: there was no touch',
    days_before_due Int64 COMMENT 'Days from the closing to the renewal date; negative: it was late',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    owner LowCardinality(String) COMMENT 'Who looked after it; empty: not known'
)
AS SELECT account_id, subscription_id, due, any(result) AS result, minOrNullIf(at, is_touch) AS first_touch_at, argMinIf(what, at, is_touch) AS first_touch,
    closed_at, if(isNull(first_touch_at), NULL, dateDiff('second', first_touch_at, closed_at) / 86400) AS days, dateDiff('day', toDate32(closed_at), due) AS days_before_due,
    any(r.segment) AS segment, any(r.owner) AS owner
FROM (
    SELECT r.account_id AS account_id, r.subscription_id AS subscription_id, r.due AS due, r.result AS result, r.occurred_at AS closed_at, r.segment AS segment,
        r.owner AS owner, t.at AS at, t.what AS what,
        t.what != '' AND t.at <= r.occurred_at AND t.at > r.occurred_at - toIntervalDay(180) AND (t.subscription_id = '' OR t.subscription_id = r.subscription_id) AS is_touch
    FROM (
        SELECT n.*, arrayJoin(arrayConcat([n.account_id], m.left_accounts)) AS of_account FROM renewals AS n
        LEFT JOIN (
            SELECT customer_id, subscription_id, groupArray(account_id) AS left_accounts FROM moved_contracts GROUP BY customer_id, subscription_id
        ) AS m ON m.customer_id = n.account_id AND m.subscription_id = n.subscription_id
    ) AS r
    LEFT JOIN (
        SELECT account_id, subscription_id, occurred_at AS at, type AS what FROM signals WHERE type IN ('renewal_quote_sent', 'meeting_held')
        UNION ALL
        SELECT account_id, subscription_id, assumeNotNull(presented_at) AS at, kind AS what FROM decisions WHERE presented_at IS NOT NULL
        UNION ALL
        SELECT account_id, subscription_id, occurred_at AS at, kind AS what FROM outcomes WHERE kind IN ('offer_presented', 'touchpoint_presented')
    ) AS t ON t.account_id = r.of_account
) AS r
GROUP BY account_id, subscription_id, due, closed_at;
