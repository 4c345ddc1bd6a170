-- One row: the time that the views of figures count up to. That is the time of the latest pass, or now where there was none.
CREATE OR REPLACE VIEW present
(
    at DateTime64(3, 'UTC') COMMENT 'Figures count up to this time',
    since DateTime64(3, 'UTC') COMMENT 'Time of the first record of a contract: before it nothing is known',
    month Date COMMENT 'First day of the month that runs, or has just ended, at that time'
)
AS SELECT at, since, toStartOfMonth(at - toIntervalMillisecond(1)) AS month
FROM (
    SELECT if(p.passes = 0, toDateTime64(initialQueryStartTime(), 3, 'UTC'), p.latest) AS at, if(c.records = 0, at, least(c.first, at)) AS since
    FROM (SELECT max(as_of) AS latest, count() AS passes FROM risk_state) AS p
    CROSS JOIN (SELECT min(occurred_at) AS first, count() AS records FROM subscription_log WHERE _ended = '') AS c
);

-- The months, and the years that end with each of them, for which retention is given. The last one runs up to the present. What happens
-- in the first moment of a month is of that month.
CREATE OR REPLACE VIEW report_periods
(
    period LowCardinality(String) COMMENT 'month, or year: the twelve months that end with month',
    month Date COMMENT 'First day of its last month',
    starts_at DateTime64(3, 'UTC') COMMENT 'When it begins',
    ends_at DateTime64(3, 'UTC') COMMENT 'When it ends; of the last one: the present',
    complete Bool COMMENT 'Whether the month is over',
    days Float64 COMMENT 'Its length in days',
    opening_at DateTime64(3, 'UTC') COMMENT 'The moment whose state is that at its beginning',
    closing_at DateTime64(3, 'UTC') COMMENT 'The moment whose state is that at its end'
)
AS SELECT period, month, starts_at, ends_at, complete, dateDiff('second', starts_at, ends_at) / 86400 AS days,
    if(is_last AND period = 'year', starts_at, starts_at - toIntervalMillisecond(1)) AS opening_at,
    if(is_last, ends_at, ends_at - toIntervalMillisecond(1)) AS closing_at
FROM (
    SELECT arrayJoin(['month', 'year']) AS period, addMonths(toStartOfMonth(since), number) AS month, since,
        toDateTime64(addMonths(month, 1), 3, 'UTC') AS next_month, CAST(next_month <= at, 'Bool') AS complete, next_month >= at AS is_last,
        least(next_month, at) AS ends_at,
        multiIf(period = 'month', toDateTime64(month, 3, 'UTC'), is_last, at - toIntervalDay(365), toDateTime64(addMonths(month, -11), 3, 'UTC')) AS starts_at
    FROM present AS p
    CROSS JOIN numbers(2400) AS n
    WHERE number <= dateDiff('month', toStartOfMonth(since), p.month)
)
WHERE period = 'month' OR opening_at >= since;

-- Subscriptions that moved to another account, with the account that has them now: its customer for all of their past.
CREATE OR REPLACE VIEW moved_contracts
(
    account_id String COMMENT 'The account that it left',
    subscription_id String COMMENT 'The subscription',
    customer_id String COMMENT 'The account that has it now'
)
AS SELECT m.account_id AS account_id, m.subscription_id AS subscription_id, if(next.moved_to = '', m.moved_to, next.moved_to) AS customer_id
FROM (SELECT account_id, subscription_id, moved_to FROM moved_subscriptions FINAL WHERE holds = 1) AS m
LEFT JOIN (SELECT account_id, subscription_id, moved_to FROM moved_subscriptions FINAL WHERE holds = 1) AS next
    ON next.account_id = m.moved_to AND next.subscription_id = m.subscription_id;

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

-- What each customer was worth at the opening and the closing of each period. All of its contracts together; not known where that of one is not.
CREATE OR REPLACE VIEW customer_arr
(
    account_id String COMMENT 'The customer',
    at DateTime64(3, 'UTC') COMMENT 'The time: opening_at or closing_at of report_periods',
    contracts UInt64 COMMENT 'Contracts that ran',
    currencies Array(String) COMMENT 'Currencies of them',
    arr Nullable(Float64) COMMENT 'ARR in major units, where all contracts are in one currency; NULL: they are not, or not known',
    arr_reporting Nullable(Float64) COMMENT 'ARR in the reporting currency; NULL: not known, or no rate',
    segment LowCardinality(String) COMMENT 'Segment of its largest contract; empty: not known'
)
AS SELECT account_id, at, count() AS contracts, arraySort(groupUniqArray(toString(currency))) AS currencies,
    if(count() = count(p.arr) AND length(currencies) = 1, sum(p.arr), NULL) AS arr,
    if(count() = count(p.arr_reporting), sum(p.arr_reporting), NULL) AS arr_reporting,
    argMax(segment, (ifNull(p.arr_reporting, 0), subscription_id)) AS segment
FROM contract_periods AS p
ARRAY JOIN arrayFilter(time -> time >= began_at AND time < ifNull(ended_at, toDateTime64('2299-12-31', 3, 'UTC')),
    (SELECT groupUniqArray(time) FROM (SELECT arrayJoin([opening_at, closing_at]) AS time FROM report_periods))) AS at
GROUP BY account_id, at;
