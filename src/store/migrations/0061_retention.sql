-- One row: the time that the views of figures count up to. That is the time of the latest pass, or now where there was none.
CREATE VIEW present
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
CREATE VIEW report_periods
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
CREATE VIEW moved_contracts
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
-- paused and ended ones do not. From its start up to the first that was said of it the value is not known.
CREATE VIEW contract_periods
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
    owner LowCardinality(String) COMMENT 'Who looks after it; empty: not known'
)
AS SELECT customer_id AS account_id, subscription_id, period.1 AS began_at, nullIf(period.2, toDateTime64('2299-12-31', 3, 'UTC')) AS ended_at,
    if(period.3, arr_minor, NULL) AS arr_minor, p.currency AS currency, arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, product, plan, segment,
    region, owner
FROM (
    SELECT *, toDateTime64(start_date, 3, 'UTC') AS start_at, least(next_at, ifNull(toDateTime64(end, 3, 'UTC'), next_at)) AS until,
        arrayJoin(arrayFilter(period -> period.1 < period.2 AND period.4, [
            (greatest(occurred_at, ifNull(start_at, occurred_at)), until, true, status IN ('active', 'past_due')),
            (ifNull(start_at, occurred_at), least(occurred_at, until), false, version = 1 AND status != 'trialing')
        ])) AS period
    FROM (
        SELECT if(m.customer_id = '', l.account_id, m.customer_id) AS customer_id, l.* EXCEPT account_id, row_number() OVER later AS version,
            leadInFrame(occurred_at, 1, toDateTime64('2299-12-31', 3, 'UTC')) OVER later AS next_at, min(start) OVER later AS start_date
        FROM (
            SELECT account_id, subscription_id, occurred_at, status, product, plan, segment, region, arr_minor, currency, start, end, owner
            FROM subscription_log FINAL WHERE _ended = ''
        ) AS l
        LEFT JOIN moved_contracts AS m ON m.account_id = l.account_id AND m.subscription_id = l.subscription_id
        WINDOW later AS (PARTITION BY customer_id, subscription_id ORDER BY occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
) AS p
LEFT JOIN currencies AS c ON c.currency = p.currency;

-- What each customer was worth at the opening and the closing of each period. All of its contracts together; not known where that of one is not.
CREATE VIEW customer_arr
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

-- How the value of each customer changed in each period: start + new + reactivated + expansion - contraction - churned = end. Contracts that
-- replace others, are added or move between customers that merged are one customer's. Amounts without suffix are in currency.
CREATE VIEW customer_retention
(
    period LowCardinality(String) COMMENT 'month, or year: the twelve months that end with month',
    month Date COMMENT 'First day of its last month',
    complete Bool COMMENT 'Whether the month is over; else it counts up to the present',
    account_id String COMMENT 'The customer',
    segment LowCardinality(String) COMMENT 'Segment of its largest contract; empty: not known',
    currency LowCardinality(String) COMMENT 'Currency of all of its contracts at both ends; empty: there are several, or it is not known',
    movement LowCardinality(String) COMMENT 'new, reactivated, churned, expansion, contraction, none; empty: not known',
    contracts_start UInt64 COMMENT 'Contracts that ran when the period began',
    contracts_end UInt64 COMMENT 'Contracts that ran when it ended',
    arr_start Nullable(Float64) COMMENT 'ARR when the period began; NULL: not known, or several currencies',
    arr_end Nullable(Float64) COMMENT 'ARR when it ended; NULL: not known, or several currencies',
    nrr Nullable(Float64) COMMENT 'arr_end / arr_start of who was a customer at the start; NULL: was none, or not known',
    grr Nullable(Float64) COMMENT 'The same without growth: at most 1',
    arr_start_reporting Nullable(Float64) COMMENT 'ARR when the period began, in the reporting currency; NULL: not known, or no rate',
    arr_end_reporting Nullable(Float64) COMMENT 'ARR when it ended, in the reporting currency; NULL: not known, or no rate',
    customer_since DateTime64(3, 'UTC') COMMENT 'When its first contract began',
    days Float64 COMMENT 'Length of the period in days'
)
AS SELECT period, month, complete, account_id, segment, currency,
    multiIf(contracts_start = 0 AND customer_since < starts_at, 'reactivated', contracts_start = 0, 'new', contracts_end = 0, 'churned',
        isNull(change), '', change > 0, 'expansion', change < 0, 'contraction', 'none') AS movement,
    contracts_start, contracts_end, arr_start, arr_end,
    if(contracts_start = 0, NULL, coalesce(arr_end / nullIf(arr_start, 0), arr_end_reporting / nullIf(arr_start_reporting, 0))) AS nrr, if(nrr > 1, 1, nrr) AS grr,
    arr_start_reporting, arr_end_reporting, customer_since, days
FROM (
    SELECT p.period AS period, p.month AS month, any(p.complete) AS complete, c.account_id AS account_id, any(p.starts_at) AS starts_at, any(p.days) AS days,
        argMax(c.segment, c.at) AS segment, groupUniqArrayArray(c.currencies) AS of, if(length(of) = 1, of[1], '') AS currency,
        sumIf(c.contracts, NOT is_end) AS contracts_start, sumIf(c.contracts, is_end) AS contracts_end,
        multiIf(length(of) != 1 OR currency = '', NULL, contracts_start = 0, 0, anyIf(c.arr, NOT is_end)) AS arr_start,
        multiIf(length(of) != 1 OR currency = '', NULL, contracts_end = 0, 0, anyIf(c.arr, is_end)) AS arr_end,
        if(contracts_start = 0, 0, anyIf(c.arr_reporting, NOT is_end)) AS arr_start_reporting,
        if(contracts_end = 0, 0, anyIf(c.arr_reporting, is_end)) AS arr_end_reporting,
        coalesce(arr_end - arr_start, arr_end_reporting - arr_start_reporting) AS change
    FROM customer_arr AS c
    INNER JOIN (
        SELECT period, month, complete, starts_at, days, moment.1 AS at, moment.2 AS is_end
        FROM report_periods ARRAY JOIN [(opening_at, false), (closing_at, true)] AS moment
    ) AS p ON p.at = c.at
    GROUP BY period, month, account_id
) AS r
INNER JOIN (SELECT account_id, min(began_at) AS customer_since FROM contract_periods GROUP BY account_id) AS s ON s.account_id = r.account_id;

-- Retention, churn and revenue by customer, over all customers, in the reporting currency. Churn rates of the running month are those up to now.
CREATE VIEW retention
(
    period LowCardinality(String) COMMENT 'month, or year: the twelve months that end with month',
    month Date COMMENT 'First day of its last month',
    complete Bool COMMENT 'Whether the month is over; else it counts up to the present',
    customers_start UInt64 COMMENT 'Customers when the period began',
    customers_new UInt64 COMMENT 'Customers at the end who never were one before',
    customers_reactivated UInt64 COMMENT 'Customers at the end who had been one before, and were none at the start',
    customers_churned UInt64 COMMENT 'Customers at the start who are none at the end',
    customers_end UInt64 COMMENT 'Customers when it ended',
    customers_not_known UInt64 COMMENT 'Of all of these, those whose ARR is not known, or has no rate: they are in no amount',
    arr_start Float64 COMMENT 'ARR when the period began, in the reporting currency',
    arr_new Float64 COMMENT 'ARR at the end of new customers',
    arr_reactivated Float64 COMMENT 'ARR at the end of reactivated customers',
    arr_expansion Float64 COMMENT 'What customers at both ends added',
    arr_contraction Float64 COMMENT 'What customers at both ends took away',
    arr_churned Float64 COMMENT 'ARR at the start of customers who left',
    arr_end Float64 COMMENT 'ARR when it ended',
    nrr Nullable(Float64) COMMENT '(start + expansion - contraction - churned) / start; NULL: there was none at the start',
    grr Nullable(Float64) COMMENT '(start - contraction - churned) / start: at most 1; NULL: there was none at the start',
    churn_rate Nullable(Float64) COMMENT 'customers_churned / customers_start; NULL: there were none',
    churn_rate_annual Nullable(Float64) COMMENT 'The same for a year: 1 - (1 - churn_rate)^(365 / days); NULL: there were none',
    arr_churn_rate Nullable(Float64) COMMENT '(contraction + churned) / start = 1 - grr; NULL: there was none at the start',
    arr_churn_rate_annual Nullable(Float64) COMMENT 'The same for a year; NULL: there was none at the start',
    arpa Nullable(Float64) COMMENT 'ARR at the end by customer; NULL: there are none',
    arpu Nullable(Float64) COMMENT 'Monthly: arpa / 12; NULL: there are none',
    clv Nullable(Float64) COMMENT 'Value of a customer over its life, before margin: arpa / churn_rate_annual; NULL: nobody left',
    days Float64 COMMENT 'Length of the period in days'
)
AS SELECT period, month, any(r.complete) AS complete, countIf(contracts_start > 0) AS customers_start, countIf(movement = 'new') AS customers_new,
    countIf(movement = 'reactivated') AS customers_reactivated, countIf(movement = 'churned') AS customers_churned,
    countIf(contracts_end > 0) AS customers_end, countIf(NOT known) AS customers_not_known, sumIf(a, known) AS arr_start,
    sumIf(b, known AND movement = 'new') AS arr_new, sumIf(b, known AND movement = 'reactivated') AS arr_reactivated,
    sumIf(b - a, known AND stayed AND b > a) AS arr_expansion, sumIf(a - b, known AND stayed AND b < a) AS arr_contraction,
    sumIf(a, known AND movement = 'churned') AS arr_churned, sumIf(b, known) AS arr_end,
    sumIf(b, known AND contracts_start > 0) / nullIf(arr_start, 0) AS nrr, sumIf(least(a, b), known AND contracts_start > 0) / nullIf(arr_start, 0) AS grr,
    customers_churned / nullIf(customers_start, 0) AS churn_rate, 1 - pow(1 - churn_rate, 365 / any(r.days)) AS churn_rate_annual,
    1 - grr AS arr_churn_rate, 1 - pow(grr, 365 / any(r.days)) AS arr_churn_rate_annual, arr_end / nullIf(countIf(known AND contracts_end > 0), 0) AS arpa,
    arpa / 12 AS arpu, arpa / nullIf(churn_rate_annual, 0) AS clv, any(r.days) AS days
FROM (
    SELECT *, contracts_start > 0 AND contracts_end > 0 AS stayed, ifNull(arr_start_reporting, 0) AS a, ifNull(arr_end_reporting, 0) AS b,
        isNotNull(arr_start_reporting) AND isNotNull(arr_end_reporting) AS known
    FROM customer_retention
) AS r
GROUP BY period, month;

-- The same for the customers of each currency, in that currency. Customers with contracts in several are in retention only.
CREATE VIEW retention_by_currency
(
    period LowCardinality(String) COMMENT 'month, or year: the twelve months that end with month',
    month Date COMMENT 'First day of its last month',
    complete Bool COMMENT 'Whether the month is over; else it counts up to the present',
    currency LowCardinality(String) COMMENT 'ISO 4217',
    customers_start UInt64 COMMENT 'Customers when the period began',
    customers_new UInt64 COMMENT 'Customers at the end who never were one before',
    customers_reactivated UInt64 COMMENT 'Customers at the end who had been one before, and were none at the start',
    customers_churned UInt64 COMMENT 'Customers at the start who are none at the end',
    customers_end UInt64 COMMENT 'Customers when it ended',
    customers_not_known UInt64 COMMENT 'Of all of these, those whose ARR is not known: they are in no amount',
    arr_start Float64 COMMENT 'ARR when the period began, in major units of currency',
    arr_new Float64 COMMENT 'ARR at the end of new customers',
    arr_reactivated Float64 COMMENT 'ARR at the end of reactivated customers',
    arr_expansion Float64 COMMENT 'What customers at both ends added',
    arr_contraction Float64 COMMENT 'What customers at both ends took away',
    arr_churned Float64 COMMENT 'ARR at the start of customers who left',
    arr_end Float64 COMMENT 'ARR when it ended',
    nrr Nullable(Float64) COMMENT '(start + expansion - contraction - churned) / start; NULL: there was none at the start',
    grr Nullable(Float64) COMMENT '(start - contraction - churned) / start: at most 1; NULL: there was none at the start',
    churn_rate Nullable(Float64) COMMENT 'customers_churned / customers_start; NULL: there were none',
    churn_rate_annual Nullable(Float64) COMMENT 'The same for a year: 1 - (1 - churn_rate)^(365 / days); NULL: there were none',
    arr_churn_rate Nullable(Float64) COMMENT '(contraction + churned) / start = 1 - grr; NULL: there was none at the start',
    arr_churn_rate_annual Nullable(Float64) COMMENT 'The same for a year; NULL: there was none at the start',
    arpa Nullable(Float64) COMMENT 'ARR at the end by customer; NULL: there are none',
    arpu Nullable(Float64) COMMENT 'Monthly: arpa / 12; NULL: there are none',
    clv Nullable(Float64) COMMENT 'Value of a customer over its life, before margin: arpa / churn_rate_annual; NULL: nobody left',
    days Float64 COMMENT 'Length of the period in days'
)
AS SELECT period, month, any(r.complete) AS complete, currency, countIf(contracts_start > 0) AS customers_start, countIf(movement = 'new') AS customers_new,
    countIf(movement = 'reactivated') AS customers_reactivated, countIf(movement = 'churned') AS customers_churned,
    countIf(contracts_end > 0) AS customers_end, countIf(NOT known) AS customers_not_known, sumIf(a, known) AS arr_start,
    sumIf(b, known AND movement = 'new') AS arr_new, sumIf(b, known AND movement = 'reactivated') AS arr_reactivated,
    sumIf(b - a, known AND stayed AND b > a) AS arr_expansion, sumIf(a - b, known AND stayed AND b < a) AS arr_contraction,
    sumIf(a, known AND movement = 'churned') AS arr_churned, sumIf(b, known) AS arr_end,
    sumIf(b, known AND contracts_start > 0) / nullIf(arr_start, 0) AS nrr, sumIf(least(a, b), known AND contracts_start > 0) / nullIf(arr_start, 0) AS grr,
    customers_churned / nullIf(customers_start, 0) AS churn_rate, 1 - pow(1 - churn_rate, 365 / any(r.days)) AS churn_rate_annual,
    1 - grr AS arr_churn_rate, 1 - pow(grr, 365 / any(r.days)) AS arr_churn_rate_annual, arr_end / nullIf(countIf(known AND contracts_end > 0), 0) AS arpa,
    arpa / 12 AS arpu, arpa / nullIf(churn_rate_annual, 0) AS clv, any(r.days) AS days
FROM (
    SELECT *, contracts_start > 0 AND contracts_end > 0 AS stayed, ifNull(arr_start, 0) AS a, ifNull(arr_end, 0) AS b,
        isNotNull(arr_start) AND isNotNull(arr_end) AS known
    FROM customer_retention WHERE currency != ''
) AS r
GROUP BY period, month, currency;

-- Customers by the month in which they began, and how many of them and of their revenue is left at the end of each month since. Only
-- months since the first record: of customers who left before it nothing is known.
CREATE VIEW cohort_retention
(
    cohort Date COMMENT 'First day of the month in which they became customers',
    month Date COMMENT 'First day of the month',
    age UInt32 COMMENT 'Months since the cohort: 0 is its own month',
    complete Bool COMMENT 'Whether the month is over; else it counts up to the present',
    customers UInt64 COMMENT 'Customers that began in it',
    active UInt64 COMMENT 'Of these, those with a contract at the end of the month',
    retention Float64 COMMENT 'active / customers',
    arr_first Nullable(Float64) COMMENT 'ARR at the end of the first month of those whose ARR is known, in the reporting currency',
    arr Nullable(Float64) COMMENT 'ARR of the same customers at the end of this month; NULL: that of one is not known',
    nrr Nullable(Float64) COMMENT 'arr / arr_first; NULL: not known'
)
AS SELECT cohort, m.month AS month, toUInt32(dateDiff('month', cohort, m.month)) AS age, any(m.complete) AS complete, uniqExact(c.account_id) AS customers,
    countIf(r.contracts_end > 0) AS active, active / customers AS retention, if(count(c.arr_first) = 0, NULL, sum(c.arr_first)) AS arr_first,
    if(countIf(isNotNull(c.arr_first) AND r.contracts_end > 0 AND isNull(r.arr_end_reporting)) > 0 OR count(c.arr_first) = 0, NULL,
        sumIf(ifNull(r.arr_end_reporting, 0), isNotNull(c.arr_first) AND r.contracts_end > 0)) AS arr, arr / nullIf(arr_first, 0) AS nrr
FROM (
    SELECT account_id, toStartOfMonth(any(customer_since)) AS cohort, anyIf(arr_end_reporting, month = toStartOfMonth(customer_since) AND contracts_end > 0) AS arr_first
    FROM customer_retention WHERE period = 'month' GROUP BY account_id HAVING cohort >= (SELECT toStartOfMonth(since) FROM present)
) AS c
CROSS JOIN (SELECT month, complete FROM report_periods WHERE period = 'month') AS m
LEFT JOIN (SELECT account_id, month, contracts_end, arr_end_reporting FROM customer_retention WHERE period = 'month') AS r
    ON r.account_id = c.account_id AND r.month = m.month
WHERE m.month >= cohort
GROUP BY cohort, m.month;

-- What each contract that runs is worth: over its term, and by year of the term.
CREATE VIEW contract_values
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    term_years Nullable(Float64) COMMENT 'Length of its term: term_months / 12, or from start to end; NULL: not known',
    arr Nullable(Float64) COMMENT 'Annual recurring revenue in major units; NULL: not known',
    contract_value Nullable(Float64) COMMENT 'arr over the term; NULL: either is not known',
    acv Nullable(Float64) COMMENT 'Annual contract value: contract_value / term_years; NULL: not known',
    acv_reporting Nullable(Float64) COMMENT 'The same in the reporting currency; NULL: not known, or no rate'
)
AS SELECT account_id, subscription_id, s.currency AS currency, coalesce(term_months / 12, dateDiff('month', start, end) / 12) AS term_years, s.arr AS arr,
    s.arr * term_years AS contract_value, contract_value / nullIf(term_years, 0) AS acv, acv * (s.arr_reporting / nullIf(s.arr, 0)) AS acv_reporting
FROM subscriptions AS s
WHERE status IN ('active', 'past_due');
