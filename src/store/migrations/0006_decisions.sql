-- Every state a decision has been in. A decision keeps the revisions it opened under for as long as it lives.
CREATE TABLE decision_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    decision_id String COMMENT 'Id, the same however often the decision is computed',
    as_of DateTime64(3, 'UTC') COMMENT 'Since when the decision is in this state',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    action LowCardinality(String) COMMENT 'Offer, or topic of the escalation or touchpoint',
    params Map(LowCardinality(String), String) COMMENT 'Parameters of the action',
    status LowCardinality(String) COMMENT 'open, pending_approval, resolved, expired or cleared',
    opened_at DateTime64(3, 'UTC') COMMENT 'When it opened',
    closed_by LowCardinality(String) COMMENT 'What closed it: an outcome kind, expiry, condition or superseded; empty: it is open',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it closed; NULL: it is open',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it runs out; NULL: it does not',
    rule LowCardinality(String) COMMENT 'Rule that opened it',
    reasons Array(String) COMMENT 'The conditions as they were met, in words',
    suppressed String COMMENT 'What else had fired and was held back, as JSON: [{rule, kind, action, guardrail, reason}]',
    risk Float64 COMMENT 'Risk when it opened, 0 to 100',
    band LowCardinality(String) COMMENT 'Band when it opened',
    arr_at_risk_minor Nullable(Int64) COMMENT 'ARR at risk when it opened, in minor units; NULL: ARR not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    owner LowCardinality(String) COMMENT 'Owner of the subscription when it opened; empty: nobody',
    discount_pct Float64 COMMENT 'Discount that it gives, in per cent; 0: none',
    cost_minor Int64 COMMENT 'What it gives away, in minor units of currency: discount over its months, and credit',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set that opened it',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files it opened under',
    computed_at DateTime64(3, 'UTC') COMMENT 'When the state was computed',
    INDEX by_subscription subscription_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (account_id, subscription_id, decision_id, as_of)
SETTINGS index_granularity = 1024;

-- Every state of every decision exactly once.
CREATE VIEW decision_history AS
SELECT * FROM decision_log FINAL;

-- Every decision as it stands now.
CREATE VIEW decisions AS
SELECT * FROM decision_history
ORDER BY account_id, subscription_id, decision_id, as_of DESC
LIMIT 1 BY account_id, subscription_id, decision_id;

-- What fired and was held back, by full pass or rescore in which it was first seen.
CREATE TABLE suppression_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    as_of DateTime64(3, 'UTC') COMMENT 'The time it was held back',
    rule LowCardinality(String) COMMENT 'Rule that had fired',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    action LowCardinality(String) COMMENT 'What it would have opened',
    guardrail LowCardinality(String) COMMENT 'Guardrail or arbitration step that held it back',
    reason String COMMENT 'Why, in a sentence',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set',
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(as_of)
ORDER BY (account_id, subscription_id, rule, action, as_of)
TTL stored_at + INTERVAL 180 DAY
SETTINGS index_granularity = 1024;

-- Every suppression exactly once.
CREATE VIEW suppressions AS
SELECT * FROM suppression_log FINAL;

-- Decision states that have been published to Kafka. What is in decision_log and not here is published (again) at the next turn.
CREATE TABLE publication_log
(
    account_id String COMMENT 'The account',
    decision_id String COMMENT 'The decision',
    as_of DateTime64(3, 'UTC') COMMENT 'The state that was published',
    published_at DateTime64(3, 'UTC') COMMENT 'When the broker had acknowledged it',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(published_at)
ORDER BY (account_id, decision_id, as_of)
TTL stored_at + INTERVAL 180 DAY
SETTINGS index_granularity = 1024;
