-- How the value of each customer changed in each period: start + new + reactivated + expansion - contraction - churned = end. Contracts that
-- replace others, are added or move between customers that merged are one customer's. Amounts without suffix are in currency.
CREATE OR REPLACE VIEW customer_retention
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

        coalesce(arr_end - arr_start, arr_end_reporting - arr_start_reporting) AS difference,
        if(abs(difference) <= 1e-9 * greatest(coalesce(arr_start, arr_start_reporting), coalesce(arr_end, arr_end_reporting)), 0, difference) AS change
    FROM customer_arr AS c
    INNER JOIN (
        SELECT period, month, complete, starts_at, days, moment.1 AS at, moment.2 AS is_end
        FROM report_periods ARRAY JOIN [(opening_at, false), (closing_at, true)] AS moment
    ) AS p ON p.at = c.at
    GROUP BY period, month, account_id
) AS r
INNER JOIN (SELECT account_id, min(began_at) AS customer_since FROM contract_periods GROUP BY account_id) AS s ON s.account_id = r.account_id;

-- The sums of retention and of retention_by_currency: a row for all customers, whose currency is empty, and one for those of each currency.
-- Churn rates of the running month are those up to now. An amount is that of the customers whose ARR is known; where there are customers and
-- it is known of none, NULL.
CREATE OR REPLACE VIEW retention_sums
(
    period LowCardinality(String) COMMENT 'month, or year: the twelve months that end with month',
    month Date COMMENT 'First day of its last month',
    complete Bool COMMENT 'Whether the month is over; else it counts up to the present',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: all customers, in the reporting currency',
    customers_start UInt64 COMMENT 'Customers when the period began',
    customers_new UInt64 COMMENT 'Customers at the end who never were one before',
    customers_reactivated UInt64 COMMENT 'Customers at the end who had been one before, and were none at the start',
    customers_churned UInt64 COMMENT 'Customers at the start who are none at the end',
    customers_end UInt64 COMMENT 'Customers when it ended',
    customers_not_known UInt64 COMMENT 'Of all of these, those whose ARR is not known, or has no rate: they are in no amount',
    arr_start Nullable(Float64) COMMENT 'ARR when the period began, in major units; NULL: none of theirs is known',
    arr_new Nullable(Float64) COMMENT 'ARR at the end of new customers; NULL: none of theirs is known',
    arr_reactivated Nullable(Float64) COMMENT 'ARR at the end of reactivated customers; NULL: none of theirs is known',
    arr_expansion Nullable(Float64) COMMENT 'What customers at both ends added; NULL: none of theirs is known',
    arr_contraction Nullable(Float64) COMMENT 'What customers at both ends took away; NULL: none of theirs is known',
    arr_churned Nullable(Float64) COMMENT 'ARR at the start of customers who left; NULL: none of theirs is known',
    arr_end Nullable(Float64) COMMENT 'ARR when it ended; NULL: none of theirs is known',
    nrr Nullable(Float64) COMMENT '(start + expansion - contraction - churned) / start; NULL: there was none at the start',
    grr Nullable(Float64) COMMENT '(start - contraction - churned) / start: at most 1; NULL: there was none at the start',
    churn_rate Nullable(Float64) COMMENT 'customers_churned / customers_start; NULL: there were none',
    churn_rate_annual Nullable(Float64) COMMENT 'The same for a year: 1 - (1 - churn_rate)^(365 / days); NULL: there were none',
    arr_churn_rate Nullable(Float64) COMMENT '(contraction + churned) / start = 1 - grr; NULL: there was none at the start',
    arr_churn_rate_annual Nullable(Float64) COMMENT 'The same for a year; NULL: there was none at the start',
    arpa Nullable(Float64) COMMENT 'ARR at the end by customer; NULL: there are none',
    arpu Nullable(Float64) COMMENT 'Monthly: arpa / 12; NULL: there are none',
    clv Nullable(Float64) COMMENT 'Value of a customer over its life: arpa * gross_margin / churn_rate_annual; NULL: nobody left',
    gross_margin Float64 COMMENT 'Share of revenue that is left after the cost of serving customers, from rules/currencies.yaml; 1 where it is not given: then clv is before margin',
    days Float64 COMMENT 'Length of the period in days'
)
AS SELECT period, month, any(r.complete) AS complete, currency, countIf(contracts_start > 0) AS customers_start, countIf(movement = 'new') AS customers_new,
    countIf(movement = 'reactivated') AS customers_reactivated, countIf(movement = 'churned') AS customers_churned,
    countIf(contracts_end > 0) AS customers_end, countIf(NOT known) AS customers_not_known,
    if(customers_start = 0, 0, sumIf(a, known AND contracts_start > 0)) AS arr_start,
    if(customers_new = 0, 0, sumIf(b, known AND movement = 'new')) AS arr_new,
    if(customers_reactivated = 0, 0, sumIf(b, known AND movement = 'reactivated')) AS arr_reactivated,
    if(countIf(stayed) = 0, 0, sumIf(if(b > a, b - a, 0), known AND stayed)) AS arr_expansion,
    if(countIf(stayed) = 0, 0, sumIf(if(b < a, a - b, 0), known AND stayed)) AS arr_contraction,
    if(customers_churned = 0, 0, sumIf(a, known AND movement = 'churned')) AS arr_churned,
    if(customers_end = 0, 0, sumIf(b, known AND contracts_end > 0)) AS arr_end,
    sumIf(b, known AND contracts_start > 0) / nullIf(arr_start, 0) AS nrr, sumIf(least(a, b), known AND contracts_start > 0) / nullIf(arr_start, 0) AS grr,
    customers_churned / nullIf(customers_start, 0) AS churn_rate, 1 - pow(1 - churn_rate, 365 / any(r.days)) AS churn_rate_annual,
    1 - grr AS arr_churn_rate, 1 - pow(grr, 365 / any(r.days)) AS arr_churn_rate_annual, arr_end / nullIf(countIf(known AND contracts_end > 0), 0) AS arpa,
    arpa / 12 AS arpu, arpa * gross_margin / nullIf(churn_rate_annual, 0) AS clv,
    (SELECT if(count() = 0, 1, any(currency_state.gross_margin)) FROM currency_state FINAL WHERE currency = reporting) AS gross_margin, any(r.days) AS days
FROM (
    SELECT * EXCEPT (currency), contracts_start > 0 AND contracts_end > 0 AS stayed, of.1 AS currency, of.2 AS a, of.3 AS b, isNotNull(a + b) AS known
    FROM customer_retention
    ARRAY JOIN arrayConcat([('', arr_start_reporting, arr_end_reporting)], if(customer_retention.currency = '', [], [(toString(customer_retention.currency), arr_start, arr_end)])) AS of
) AS r
GROUP BY period, month, currency;

-- Retention, churn and revenue by customer, over all customers, in the reporting currency. Churn rates of the running month are those up to now.
-- An amount is that of the customers whose ARR is known; where there are customers and it is known of none, NULL.
CREATE OR REPLACE VIEW retention AS
SELECT * EXCEPT (currency) FROM retention_sums WHERE currency = '';

-- The same for the customers of each currency, in that currency. Customers with contracts in several are in retention only.
CREATE OR REPLACE VIEW retention_by_currency AS
SELECT * FROM retention_sums WHERE currency != '';

-- Customers by the month in which they began, and how many of them and of their revenue is left at the end of each month since: those who left within their
-- first month too. Only
-- months since the first record: of customers who left before it nothing is known.
CREATE OR REPLACE VIEW cohort_retention
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
    SELECT s.account_id AS account_id, toDate(toStartOfMonth(s.since)) AS cohort, r.arr_end_reporting AS arr_first
    FROM (
        SELECT account_id, min(began_at) AS since FROM contract_periods GROUP BY account_id
        HAVING since <= (SELECT at FROM present) AND toStartOfMonth(since) >= (SELECT toStartOfMonth(since) FROM present)
    ) AS s
    LEFT JOIN (SELECT account_id, month, toNullable(arr_end_reporting) AS arr_end_reporting FROM customer_retention WHERE period = 'month' AND contracts_end > 0) AS r
        ON r.account_id = s.account_id AND r.month = cohort
) AS c
CROSS JOIN (SELECT month, complete FROM report_periods WHERE period = 'month') AS m
LEFT JOIN (SELECT account_id, month, contracts_end, arr_end_reporting FROM customer_retention WHERE period = 'month') AS r
    ON r.account_id = c.account_id AND r.month = m.month
WHERE m.month >= cohort
GROUP BY cohort, m.month;
