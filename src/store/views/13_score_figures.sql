-- What was known before each term came to its end: the risk 30, 60, 90 and 120 days before it was due, beside how it ended. The latest risk counts that is
-- not older than 45 days by then.
CREATE OR REPLACE VIEW score_outcomes
(
    account_id String COMMENT 'The customer: the account that has the contract now',
    subscription_id String COMMENT 'The subscription',
    due Date32 COMMENT 'Renewal date of the term that ended',
    lead_days UInt16 COMMENT 'Days before it: 30, 60, 90 or 120',
    renewed Bool COMMENT 'Whether it went on: renewed or replaced',
    as_of DateTime64(3, 'UTC') COMMENT 'Time of the risk',
    band LowCardinality(String) COMMENT 'low, medium, high, critical or unknown',
    risk Nullable(Float64) COMMENT '0 to 100, higher is worse; NULL: the band is unknown',
    renewal_probability Nullable(Float64) COMMENT '0 to 1, higher is better; NULL: the band is unknown',
    risk_usage Nullable(Float64) COMMENT 'Risk of the usage features alone, 0 to 100; NULL: no data',
    risk_billing Nullable(Float64) COMMENT 'Risk of the billing features alone, 0 to 100; NULL: no data',
    risk_support Nullable(Float64) COMMENT 'Risk of the support features alone, 0 to 100; NULL: no data',
    risk_marketing Nullable(Float64) COMMENT 'Risk of the marketing features alone, 0 to 100; NULL: no data',
    features Map(String, Float64) COMMENT 'Feature to its value, NaN: no data',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_before Nullable(Float64) COMMENT 'ARR of the term that ended, in major units; NULL: not known',
    arr_before_reporting Nullable(Float64) COMMENT 'The same in the reporting currency; NULL: not known, or no rate'
)
AS SELECT t.account_id AS account_id, t.subscription_id AS subscription_id, t.due AS due, t.lead_days AS lead_days, t.renewed AS renewed, h.as_of AS as_of, h.band AS band,
    h.risk AS risk, h.renewal_probability AS renewal_probability, h.risk_usage AS risk_usage, h.risk_billing AS risk_billing, h.risk_support AS risk_support,
    h.risk_marketing AS risk_marketing, h.features AS features, t.segment AS segment, t.currency AS currency, t.arr_before AS arr_before,
    t.arr_before_reporting AS arr_before_reporting
FROM (
    SELECT *, toUInt16(arrayJoin([30, 60, 90, 120])) AS lead_days, toDateTime64(due, 3, 'UTC') - toIntervalDay(lead_days) AS observed_at FROM renewals
) AS t
ASOF INNER JOIN (
    SELECT if(m.customer_id = '', r.account_id, m.customer_id) AS customer_id, r.* FROM risk_history AS r
    LEFT JOIN moved_contracts AS m ON m.account_id = r.account_id AND m.subscription_id = r.subscription_id
) AS h ON h.customer_id = t.account_id AND h.subscription_id = t.subscription_id AND t.observed_at >= h.as_of
WHERE h.as_of > t.observed_at - toIntervalDay(45);

-- Which features told beforehand how terms would end: of each feature and lead time its values where the term was renewed, and where it was not.
CREATE OR REPLACE VIEW leading_indicators
(
    feature LowCardinality(String) COMMENT 'The feature',
    lead_days UInt16 COMMENT 'Days before the renewal date: 30, 60, 90 or 120',
    terms UInt64 COMMENT 'Terms that ended and were scored then',
    known UInt64 COMMENT 'Of these, those of which the feature was known',
    churned UInt64 COMMENT 'Of the known ones, those that were not renewed',
    mean_renewed Nullable(Float64) COMMENT 'Mean value where the term was renewed; NULL: none',
    mean_churned Nullable(Float64) COMMENT 'Mean value where it was not; NULL: none',
    auc Nullable(Float64) COMMENT 'Chance that a lost term had the higher value than a renewed one: 0.5 says nothing, 0 and 1 everything; NULL: only one kind'
)
AS SELECT feature, lead_days, count() AS terms, countIf(NOT isNaN(value)) AS known, countIf(NOT isNaN(value) AND NOT renewed) AS churned,
    avgOrNullIf(value, NOT isNaN(value) AND renewed) AS mean_renewed, avgOrNullIf(value, NOT isNaN(value) AND NOT renewed) AS mean_churned,
    if(churned = 0 OR churned = known, NULL,
        arrayROCAUC(groupArrayIf(value, NOT isNaN(value)), groupArrayIf(NOT renewed, NOT isNaN(value)))) AS auc
FROM score_outcomes AS s
ARRAY JOIN mapKeys(s.features) AS feature, mapValues(s.features) AS value
GROUP BY feature, lead_days;
