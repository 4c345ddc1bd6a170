-- What is sent of a contract ahead of its first day counts from that day on, in figures as in risks; figures of what a contract is worth are as of the
-- present; and what a term was worth is what held just before it was due, under whatever account.

-- When each contract ran, and at what value: one row for each time in which nothing of it changed. Active and past due contracts run, trials,
-- paused and ended ones do not. What begins on a
-- later day counts from then on. From its start up to the first that was said of it the value is not known.
CREATE OR REPLACE VIEW contract_periods
(
    account_id String COMMENT 'The customer: the account that has the contract now',
    subscription_id String COMMENT 'The subscription',
    began_at DateTime64(3, 'UTC') COMMENT 'From when on',
    ended_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when; NULL: it goes on',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr Nullable(Float64) COMMENT 'Annual recurring revenue in major units of currency; NULL: not known',
    arr_reporting Nullable(Float64) COMMENT 'Annual recurring revenue in the reporting currency; NULL: not known, or no rate',
    product LowCardinality(String) COMMENT 'Product; empty: not known',
    plan LowCardinality(String) COMMENT 'Plan; empty: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    region LowCardinality(String) COMMENT 'Region; empty: not known',
    owner LowCardinality(String) COMMENT 'Who looks after it; empty: not known',
    term_years Nullable(Float64) COMMENT 'Length of its term: term_months / 12, or from start to end in whole months; NULL: not known'
)
AS SELECT customer_id AS account_id, subscription_id, period.1 AS began_at, nullIf(period.2, toDateTime64('2299-12-31', 3, 'UTC')) AS ended_at,
    if(period.3, arr_minor, NULL) AS arr_minor, p.currency AS currency, arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, product, plan, segment,
    region, owner, coalesce(term_months / 12, nullIf(round(dateDiff('day', start, end) / 30.4375), 0) / 12) AS term_years
FROM (
    SELECT *, least(ifNull(next_at, toDateTime64('2299-12-31', 3, 'UTC')), ifNull(toDateTime64(end, 3, 'UTC'), toDateTime64('2299-12-31', 3, 'UTC'))) AS until,
        arrayJoin(arrayFilter(period -> period.1 < period.2 AND period.4, [
            (holds_at, until, true, status IN ('active', 'past_due')),
            (ifNull(toDateTime64(start_date, 3, 'UTC'), occurred_at), least(occurred_at, until), false, version = 1 AND status != 'trialing')
        ])) AS period
    FROM (
        SELECT *, row_number() OVER (PARTITION BY customer_id, subscription_id ORDER BY occurred_at) AS version,
            min(start) OVER (PARTITION BY customer_id, subscription_id) AS start_date,
            min(toNullable(holds_at)) OVER (PARTITION BY customer_id, subscription_id ORDER BY occurred_at ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next_at
        FROM (
            SELECT if(m.customer_id = '', l.account_id, m.customer_id) AS customer_id, l.* EXCEPT account_id,
                if(status IN ('active', 'trialing', 'past_due'), greatest(occurred_at, ifNull(toDateTime64(start, 3, 'UTC'), occurred_at)), occurred_at) AS holds_at
            FROM (
                SELECT account_id, subscription_id, occurred_at, status, product, plan, segment, region, arr_minor, currency, start, end, term_months, owner
                FROM subscription_log FINAL WHERE _ended = ''
            ) AS l
            LEFT JOIN moved_contracts AS m ON m.account_id = l.account_id AND m.subscription_id = l.subscription_id
        )
    )
) AS p
LEFT JOIN currencies AS c ON c.currency = p.currency;

-- What each contract that runs is worth: over its term, and by year of the term.
CREATE OR REPLACE VIEW contract_values
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    term_years Nullable(Float64) COMMENT 'Length of its term: term_months / 12, or from start to end in whole months; NULL: not known',
    arr Nullable(Float64) COMMENT 'Annual recurring revenue in major units; NULL: not known',
    contract_value Nullable(Float64) COMMENT 'arr over the term; NULL: either is not known',
    acv Nullable(Float64) COMMENT 'Annual contract value: contract_value / term_years; NULL: not known',
    acv_reporting Nullable(Float64) COMMENT 'The same in the reporting currency; NULL: not known, or no rate'
)
AS SELECT account_id, subscription_id, p.currency AS currency, p.term_years AS term_years, p.arr AS arr, p.arr * p.term_years AS contract_value,
    contract_value / nullIf(p.term_years, 0) AS acv, p.arr_reporting * p.term_years / nullIf(p.term_years, 0) AS acv_reporting
FROM contract_periods AS p
WHERE began_at <= (SELECT at FROM present) AND ifNull(ended_at > (SELECT at FROM present), true);

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
