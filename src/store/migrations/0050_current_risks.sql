-- The risk of every subscription that runs, as the last live pass computed it. Only a pass as of now writes here; of two
-- writers the one with the later as_of holds. A subscription that ended, paused or moved is marked as gone.
CREATE TABLE risk_state
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk speaks of',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Float64 COMMENT '0 to 100, higher is worse',
    renewal_probability Nullable(Float64) COMMENT '0 to 1, higher is better; NULL: the band is unknown',
    band LowCardinality(String) COMMENT 'low, medium, high, critical or unknown',
    coverage Float64 COMMENT 'Share of weight whose features had data, 0 to 1',
    risk_usage Nullable(Float64) COMMENT 'Risk of the usage features alone, 0 to 100; NULL: no data',
    risk_billing Nullable(Float64) COMMENT 'Risk of the billing features alone, 0 to 100; NULL: no data',
    risk_support Nullable(Float64) COMMENT 'Risk of the support features alone, 0 to 100; NULL: no data',
    risk_marketing Nullable(Float64) COMMENT 'Risk of the marketing features alone, 0 to 100; NULL: no data',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_at_risk_minor Nullable(Int64) COMMENT '(1 - renewal_probability) * ARR in minor units; NULL: either is not known',
    renewal Nullable(Date32) COMMENT 'Next renewal date; NULL: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    feature_values Array(Float64) COMMENT 'Features in the order of revisions.features; NaN: no data',
    contributions Array(Float64) COMMENT 'Points of risk by feature, same order; they sum to the risk',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed',
    band_changed Bool COMMENT 'Whether the band differs from the one before',
    gone Bool COMMENT 'Whether the subscription does not run any more',
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY (account_id, subscription_id)
SETTINGS index_granularity = 1024;

-- The past of risks: the last one of each day, and every one at which the band changed.
CREATE TABLE risk_day_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk speaks of',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Float64 COMMENT '0 to 100, higher is worse',
    renewal_probability Nullable(Float64) COMMENT '0 to 1, higher is better; NULL: the band is unknown',
    band LowCardinality(String) COMMENT 'low, medium, high, critical or unknown',
    coverage Float64 COMMENT 'Share of weight whose features had data, 0 to 1',
    risk_usage Nullable(Float64) COMMENT 'Risk of the usage features alone, 0 to 100; NULL: no data',
    risk_billing Nullable(Float64) COMMENT 'Risk of the billing features alone, 0 to 100; NULL: no data',
    risk_support Nullable(Float64) COMMENT 'Risk of the support features alone, 0 to 100; NULL: no data',
    risk_marketing Nullable(Float64) COMMENT 'Risk of the marketing features alone, 0 to 100; NULL: no data',
    arr_minor Nullable(Int64) COMMENT 'Annual recurring revenue in minor units of currency; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    arr_at_risk_minor Nullable(Int64) COMMENT '(1 - renewal_probability) * ARR in minor units; NULL: either is not known',
    renewal Nullable(Date32) COMMENT 'Next renewal date; NULL: not known',
    segment LowCardinality(String) COMMENT 'Segment; empty: not known',
    feature_values Array(Float64) COMMENT 'Features in the order of revisions.features; NaN: no data',
    contributions Array(Float64) COMMENT 'Points of risk by feature, same order; they sum to the risk',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed',
    day Date COMMENT 'The day of as_of, in UTC',
    changed_at DateTime64(3, 'UTC') COMMENT 'as_of, where the band changed; 1970 for the last risk of the day',
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(as_of)
PARTITION BY toYYYYMM(day)
ORDER BY (account_id, subscription_id, day, changed_at)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW risk_day_log_of_state TO risk_day_log AS
SELECT * EXCEPT (band_changed, gone), toDate(as_of, 'UTC') AS day, arrayJoin(if(band_changed, [toDateTime64(0, 3, 'UTC'), as_of], [toDateTime64(0, 3, 'UTC')])) AS changed_at
FROM risk_state WHERE NOT gone;

-- What an earlier version kept. Risks as of a time to come were questions about the future: they are left out.
INSERT INTO risk_day_log (account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing, risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment, feature_values, contributions, computed_at, day, changed_at)
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing, risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment, feature_values, contributions, computed_at, toDate(as_of, 'UTC'), toDateTime64(0, 3, 'UTC') FROM risk_log WHERE as_of <= now64(3);

-- Every risk of the past once: the last one of each day, and those at which the band changed.
CREATE OR REPLACE VIEW risk_history AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (
    SELECT * FROM risk_day_log FINAL
    ORDER BY account_id, subscription_id, as_of LIMIT 1 BY account_id, subscription_id, as_of
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;

-- The risk of every subscription that runs, as of the last pass.
CREATE OR REPLACE VIEW risks AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_state FINAL WHERE NOT gone) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;
