-- Scoring files and rule files by revision, so that any past score and decision can be explained under the files of its day.
CREATE TABLE revisions
(
    kind LowCardinality(String) COMMENT 'scoring or rules',
    revision String COMMENT 'Short content hash, as scores and decisions name it',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When it was first used',
    features Array(String) COMMENT 'For scoring: feature names, in the order of the arrays of risk_log',
    files Map(String, String) COMMENT 'File name to content'
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, revision);

-- Every risk ever computed: a subscription, a time, and the scoring revision.
CREATE TABLE risk_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk speaks of',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Float64 COMMENT '0 to 100, higher is worse',
    renewal_probability Float64 COMMENT '0 to 1, higher is better',
    band LowCardinality(String) COMMENT 'low, medium, high, critical or unknown',
    coverage Float64 COMMENT 'Share of weight whose features had data, 0 to 1',
    risk_usage Nullable(Float64) COMMENT 'Risk of the usage features alone, 0 to 100; NULL: no data',
    risk_billing Nullable(Float64) COMMENT 'Risk of the billing features alone, 0 to 100; NULL: no data',
    risk_support Nullable(Float64) COMMENT 'Risk of the support features alone, 0 to 100; NULL: no data',
    risk_marketing Nullable(Float64) COMMENT 'Risk of the marketing features alone, 0 to 100; NULL: no data',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_at_risk_minor Nullable(Int64) COMMENT '(1 - renewal_probability) * ARR in minor units; NULL: ARR not known',
    renewal Nullable(DateTime64(3, 'UTC')) COMMENT 'Next renewal date; NULL: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    feature_values Array(Float64) COMMENT 'Features in the order of revisions.features; NaN: no data',
    contributions Array(Float64) COMMENT 'Points of risk by feature, same order; they sum to the risk',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed; of equal as_of and revision the last one counts',
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(as_of)
ORDER BY (account_id, subscription_id, as_of, scoring_revision)
SETTINGS index_granularity = 1024;

-- Every risk exactly once, with contributions and features by name.
CREATE VIEW risk_history AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_log FINAL SETTINGS do_not_merge_across_partitions_select_final = 1) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;

-- The latest risk of every subscription.
CREATE VIEW risks AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_log ORDER BY account_id, subscription_id, as_of DESC, computed_at DESC, scoring_revision LIMIT 1 BY account_id, subscription_id) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;
