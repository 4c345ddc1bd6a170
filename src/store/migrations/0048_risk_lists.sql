-- Lists of risks that are being paged through, as they were when the first page was asked for. Gone after an hour.
CREATE TABLE risk_list_log
(
    list_id String COMMENT 'The list',
    position UInt64 COMMENT 'Place in the list, from 0',
    stored_at DateTime('UTC') DEFAULT now() COMMENT 'When it was stored: what its age counts from',
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk is about',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Float64 COMMENT '0 to 100, higher is worse',
    renewal_probability Nullable(Float64) COMMENT '0 to 1, higher is better; NULL: the band is unknown',
    band LowCardinality(String) COMMENT 'low, medium, high, critical or unknown',
    coverage Float64 COMMENT 'Share of the applicable weight whose features are known, 0 to 1',
    risk_usage Nullable(Float64) COMMENT 'Risk of the usage features alone, 0 to 100; NULL: no data',
    risk_billing Nullable(Float64) COMMENT 'Risk of the billing features alone, 0 to 100; NULL: no data',
    risk_support Nullable(Float64) COMMENT 'Risk of the support features alone, 0 to 100; NULL: no data',
    risk_marketing Nullable(Float64) COMMENT 'Risk of the marketing features alone, 0 to 100; NULL: no data',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_at_risk_minor Nullable(Int64) COMMENT '(1 - renewal_probability) * ARR in minor units; NULL: either is not known',
    renewal Nullable(Date32) COMMENT 'Next renewal date; NULL: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    product LowCardinality(String) COMMENT 'Product; empty: not known',
    plan LowCardinality(String) COMMENT 'Plan; empty: not known',
    owner LowCardinality(String) COMMENT 'Owner; empty: nobody',
    feature_values Array(Float64) COMMENT 'Features in the order of revisions.features; NaN: no data',
    contributions Array(Float64) COMMENT 'Points of risk by feature, same order; they sum to the risk'
)
ENGINE = MergeTree
ORDER BY (list_id, position)
TTL stored_at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600, index_granularity = 1024;
