-- The risk of every subscription that runs, as the last live pass computed it. Only a pass as of now writes here; of two
-- writers the one with the later as_of holds. A subscription that ended, paused or moved is marked as gone.
CREATE TABLE risk_state
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk speaks of',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Nullable(Float64) COMMENT '0 to 100, higher is worse; NULL: the band is unknown',
    computed_risk Float64 COMMENT 'What the scorecard made of what is known, whatever the band and whatever a person said instead; contributions sum to it',
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
    override_reason String COMMENT 'Why the risk was overridden; empty: it was not',
    override_author String COMMENT 'Who overrode it; empty: nobody',
    override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not',
    override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed',
    band_changed Bool COMMENT 'Whether the band differs from the one before',
    gone Bool COMMENT 'Whether the subscription does not run any more',
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY (account_id, subscription_id)
SETTINGS index_granularity = 1024;

-- Where scorers write risks.
CREATE TABLE risk_writes AS risk_state
ENGINE = Null;

ALTER TABLE risk_writes ADD COLUMN IF NOT EXISTS epoch UInt64 COMMENT 'Fencing token of the writer';

CREATE MATERIALIZED VIEW risk_state_of_writes TO risk_state AS
SELECT * EXCEPT (epoch) FROM risk_writes WHERE epoch >= (SELECT max(epoch) FROM scorer_fence);

-- The past of risks: the last one of each day, and every one at which the band changed.
CREATE TABLE risk_day_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the risk speaks of',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    scorecard LowCardinality(String) COMMENT 'Scorecard applied',
    risk Nullable(Float64) COMMENT '0 to 100, higher is worse; NULL: the band is unknown',
    computed_risk Float64 COMMENT 'What the scorecard made of what is known, whatever the band and whatever a person said instead; contributions sum to it',
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
    override_reason String COMMENT 'Why the risk was overridden; empty: it was not',
    override_author String COMMENT 'Who overrode it; empty: nobody',
    override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not',
    override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not',
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

-- What a person said instead of a computed risk. Nothing is changed: a later row of the same subscription holds, and one without a
-- risk takes back what was said before.
CREATE TABLE risk_override_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    set_at DateTime64(3, 'UTC') COMMENT 'Since when it holds',
    risk Nullable(Float64) COMMENT '0 to 100, higher is worse; NULL: what was said before is taken back',
    reason String COMMENT 'Why, in words',
    author String COMMENT 'Who said so',
    until DateTime64(3, 'UTC') COMMENT 'Until when it holds',
    request_key String DEFAULT '' COMMENT 'Hash of caller and request id; empty: none was given',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (account_id, subscription_id, set_at)
SETTINGS index_granularity = 1024;

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
    risk Nullable(Float64) COMMENT '0 to 100, higher is worse; NULL: the band is unknown',
    computed_risk Float64 COMMENT 'What the scorecard made of what is known, whatever the band and whatever a person said instead; contributions sum to it',
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
    contributions Array(Float64) COMMENT 'Points of risk by feature, same order; they sum to the risk',
    override_reason String COMMENT 'Why the risk was overridden; empty: it was not',
    override_author String COMMENT 'Who overrode it; empty: nobody',
    override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not',
    override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not'
)
ENGINE = MergeTree
ORDER BY (list_id, position)
TTL stored_at + INTERVAL 1 HOUR
SETTINGS ttl_only_drop_parts = 1, merge_with_ttl_timeout = 600, index_granularity = 1024;
