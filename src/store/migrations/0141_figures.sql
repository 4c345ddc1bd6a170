-- Figures that were wrong in cases that data teams know: an early renewal was due in 1970, who left within the first month was in no cohort, a wish to
-- leave outlived the renewal, and touches before a contract moved were lost. Contracts end by their date of the end, and clv knows a margin.
ALTER TABLE currency_state ADD COLUMN IF NOT EXISTS gross_margin Float64 DEFAULT 1 COMMENT 'Share of revenue that is left after the cost of serving customers, from rules/currencies.yaml; 1: not given';

-- Every subscription as it stands now, under the account that has it. One that has not begun yet has the status upcoming, one whose end has come is ended.
CREATE OR REPLACE VIEW subscriptions AS
SELECT account_id, subscription_id, occurred_at, multiIf(is_ahead, 'upcoming', is_over, 'ended', status) AS status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
    l.currency AS currency, arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner,
    plan_features, received_at, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (
    SELECT *, occurred_at > now64(3) OR (status IN ('active', 'trialing', 'past_due') AND ifNull(start > toDate32(now('UTC')), 0)) AS is_ahead,
        ifNull(end <= toDate32(now('UTC')), 0) AS is_over
    FROM subscription_log FINAL
    WHERE _ended = ''
        AND (account_id, subscription_id) NOT IN (SELECT account_id, subscription_id FROM moved_subscriptions FINAL WHERE holds = 1 AND moved_at <= now64(3))
    ORDER BY account_id, subscription_id, is_ahead, if(is_ahead, 1, -1) * toUnixTimestamp64Milli(occurred_at)
    LIMIT 1 BY account_id, subscription_id
) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

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
        -- Sums of fractions depend on their order in the last bits: that is no change of value.
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

-- Retention, churn and revenue by customer, over all customers, in the reporting currency. Churn rates of the running month are those up to now.
CREATE OR REPLACE VIEW retention
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
    clv Nullable(Float64) COMMENT 'Value of a customer over its life: arpa * gross_margin / churn_rate_annual; NULL: nobody left',
    gross_margin Float64 COMMENT 'Share of revenue that is left after the cost of serving customers, from rules/currencies.yaml; 1 where it is not given: then clv is before margin',
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
    arpa / 12 AS arpu, arpa * gross_margin / nullIf(churn_rate_annual, 0) AS clv,
    (SELECT if(count() = 0, 1, any(currency_state.gross_margin)) FROM currency_state FINAL WHERE currency = reporting) AS gross_margin, any(r.days) AS days
FROM (
    SELECT *, contracts_start > 0 AND contracts_end > 0 AS stayed, ifNull(arr_start_reporting, 0) AS a, ifNull(arr_end_reporting, 0) AS b,
        isNotNull(arr_start_reporting) AND isNotNull(arr_end_reporting) AS known
    FROM customer_retention
) AS r
GROUP BY period, month;

-- The same for the customers of each currency, in that currency. Customers with contracts in several are in retention only.
CREATE OR REPLACE VIEW retention_by_currency
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
    clv Nullable(Float64) COMMENT 'Value of a customer over its life: arpa * gross_margin / churn_rate_annual; NULL: nobody left',
    gross_margin Float64 COMMENT 'Share of revenue that is left after the cost of serving customers, from rules/currencies.yaml; 1 where it is not given: then clv is before margin',
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
    arpa / 12 AS arpu, arpa * gross_margin / nullIf(churn_rate_annual, 0) AS clv,
    (SELECT if(count() = 0, 1, any(currency_state.gross_margin)) FROM currency_state FINAL WHERE currency = reporting) AS gross_margin, any(r.days) AS days
FROM (
    SELECT *, contracts_start > 0 AND contracts_end > 0 AS stayed, ifNull(arr_start, 0) AS a, ifNull(arr_end, 0) AS b,
        isNotNull(arr_start) AND isNotNull(arr_end) AS known
    FROM customer_retention WHERE currency != ''
) AS r
GROUP BY period, month, currency;

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

-- What each contract that runs is worth: over its term, and by year of the term.
CREATE OR REPLACE VIEW contract_values
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
    s.arr * term_years AS contract_value, contract_value / nullIf(term_years, 0) AS acv,
    s.arr_reporting * term_years / nullIf(term_years, 0) AS acv_reporting
FROM subscriptions AS s
WHERE status IN ('active', 'past_due');

-- How each term ended, once: of several outcomes of one term the latest counts. Outcomes that say expanded or contracted on the renewal date, as earlier producers do, are renewals. A contract that
-- ended while another one of the same customer began that day was replaced, and counts as renewed. One that is cancelled within a term, after the renewal
-- before, ends a term that is due that day. Amounts that the outcome does not give are those of the contract.
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
        SELECT *, if(kind = 'churned' AND NOT says_term AND went_on > 0, ended_on, due_of) AS due, coalesce(said_start, subtractMonths(due, toInt32(term_months))) AS term_began
        FROM (
        SELECT *, countIf(kind != 'churned') OVER (
            PARTITION BY customer_id, subscription_id, due_of ORDER BY occurred_at, source, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS went_on
        FROM (
        SELECT if(m.customer_id = '', o.account_id, m.customer_id) AS customer_id, o.subscription_id AS subscription_id, kind, occurred_at, voluntary, reason,
            toDate32(occurred_at) AS ended_on,
            arraySort(of -> (abs(dateDiff('day', of.2, ended_on)), -toUnixTimestamp64Milli(of.1)),
                arrayFilter(of -> of.1 < o.occurred_at AND dateDiff('day', of.2, ended_on) BETWEEN if(kind = 'churned', -60, -180) AND 60, d.renewal_dates)) AS near_dates,
            notEmpty(near_dates) AS is_near, near_dates[1].2 AS nearest, isNotNull(term_end) AS says_term, coalesce(term_end, if(is_near, nearest, NULL), ended_on) AS due_of,
            term_start AS said_start, s.term_months AS term_months, source, id,
            if(o.currency = '', s.currency, o.currency) AS currency, ifNull(arr_before_minor, if(currency = s.currency, s.arr_minor, NULL)) AS before_minor,
            if(kind = 'churned', 0, arr_after_minor) AS after_minor, s.product AS product, s.plan AS plan, s.segment AS segment, s.region AS region, s.owner AS owner
        FROM (
            SELECT * FROM outcome_log FINAL WHERE _ended = '' AND kind IN ('renewed', 'churned', 'expanded', 'contracted')
        ) AS o
        ASOF LEFT JOIN (
            SELECT account_id, subscription_id, occurred_at AS held_from, term_months, arr_minor, currency, product, plan, segment, region, owner
            FROM subscription_log FINAL WHERE _ended = ''
        ) AS s ON s.account_id = o.account_id AND s.subscription_id = o.subscription_id AND o.occurred_at > s.held_from
        LEFT JOIN (
            SELECT account_id, subscription_id, groupArray((occurred_at, assumeNotNull(renewal))) AS renewal_dates
            FROM subscription_log FINAL WHERE _ended = '' AND isNotNull(renewal) GROUP BY account_id, subscription_id
        ) AS d ON d.account_id = o.account_id AND d.subscription_id = o.subscription_id
        LEFT JOIN moved_contracts AS m ON m.account_id = o.account_id AND m.subscription_id = o.subscription_id
        WHERE kind IN ('renewed', 'churned') OR isNotNull(term_end) OR isNotNull(term_start) OR (is_near AND abs(dateDiff('day', nearest, ended_on)) <= 1)
        ))
        ORDER BY customer_id, subscription_id, due, kind IN ('renewed', 'churned') DESC, occurred_at DESC, source DESC, id DESC
        LIMIT 1 BY customer_id, subscription_id, due
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
    arr_due Float64 COMMENT 'Their ARR as far as it is known, in major units of currency',
    arr_expected Float64 COMMENT 'ARR times renewal probability; of what is committed, all of it',
    arr_committed Float64 COMMENT 'ARR that is committed',
    arr_due_reporting Float64 COMMENT 'Their ARR in the reporting currency, of those that have a rate',
    arr_expected_reporting Float64 COMMENT 'The expected ARR in the reporting currency',
    arr_committed_reporting Float64 COMMENT 'The committed ARR in the reporting currency'
)
AS SELECT toDate(toStartOfMonth(f.renewal)) AS month, owner, segment, currency, count() AS due, countIf(band IN ('high', 'critical')) AS at_risk,
    countIf(isNull(f.arr * chance)) AS not_known, sum(ifNull(f.arr, 0)) AS arr_due, sum(ifNull(f.arr * chance, 0)) AS arr_expected,
    sum(if(committed, ifNull(f.arr, 0), 0)) AS arr_committed, sum(ifNull(f.arr_reporting, 0)) AS arr_due_reporting,
    sum(ifNull(f.arr_reporting * chance, 0)) AS arr_expected_reporting, sum(if(committed, ifNull(f.arr_reporting, 0), 0)) AS arr_committed_reporting
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
    cost_spent_reporting Float64 COMMENT 'What accepted ones give away, in the reporting currency',
    cost_reserved_reporting Float64 COMMENT 'What open ones would give away, in the reporting currency',
    cost_not_known UInt64 COMMENT 'Accepted and open ones whose currency has no rate: they are in no cost'
)
AS SELECT month, rule, kind, action, uniqExact(account_id, subscription_id) AS fired, countIf(status NOT IN ('', 'held_out')) AS opened,
    uniqExactIf((account_id, subscription_id), status = '') AS suppressed, countIf(is_open) AS still_open, countIf(isNotNull(presented_at)) AS presented,
    countIf(status = 'accepted') AS accepted, countIf(status = 'declined') AS declined, countIf(status IN ('expired', 'lapsed')) AS expired,
    countIf(status = 'resolved') AS resolved, countIf(status = 'cleared') AS cleared, accepted / nullIf(presented, 0) AS acceptance_rate,
    sumIf(ifNull(cost, 0), status = 'accepted') AS cost_spent_reporting, sumIf(ifNull(cost, 0), is_open) AS cost_reserved_reporting,
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
