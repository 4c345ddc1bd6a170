-- What-ifs that were given a name: one pass as of a time, or a series of passes. They touch nothing that is live.
CREATE TABLE run_log
(
    run String COMMENT 'Name of the run',
    as_of DateTime64(3, 'UTC') COMMENT 'The time of the pass',
    known_at Nullable(DateTime64(3, 'UTC')) COMMENT 'What had arrived by then counted; NULL: everything in the store',
    subscriptions UInt64 COMMENT 'Subscriptions scored',
    bands_json String COMMENT 'Subscriptions by band, as JSON',
    bands Map(String, UInt64) MATERIALIZED JSONExtract(bands_json, 'Map(String, UInt64)') COMMENT 'Subscriptions by band',
    opened UInt64 COMMENT 'Decisions opened',
    closed UInt64 COMMENT 'Decisions closed',
    suppressed UInt64 COMMENT 'What fired and was suppressed',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    ran_at DateTime64(3, 'UTC') COMMENT 'When the pass ran'
)
ENGINE = ReplacingMergeTree(ran_at)
ORDER BY (run, as_of);

-- The risks of each pass of a run.
CREATE TABLE run_risk_log
(
    run String COMMENT 'Name of the run',
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
    computed_at DateTime64(3, 'UTC') COMMENT 'When it was computed'
)
ENGINE = ReplacingMergeTree(computed_at)
ORDER BY (run, account_id, subscription_id, as_of)
SETTINGS index_granularity = 1024;

-- Every change of every decision of a run; the columns are those of src/decisions/decision.ts.
CREATE TABLE run_decision_log
(
    run String COMMENT 'Name of the run',
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    decision_id String COMMENT 'Id, the same however often the decision is computed',
    version UInt32 COMMENT 'How many events it has had; the highest version is what holds',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    action LowCardinality(String) COMMENT 'Offer, or topic of the escalation or touchpoint',
    ordinal UInt32 COMMENT 'Which opening of this action for this subscription it is, from 1',
    params Map(LowCardinality(String), String) COMMENT 'Parameters of the action, details included under "details."',
    status LowCardinality(String) COMMENT 'Where it stands; docs/architecture.md draws its life',
    status_at DateTime64(3, 'UTC') COMMENT 'Since when it has that status',
    opened_at DateTime64(3, 'UTC') COMMENT 'When it opened',
    reopened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person last opened it again, which its times count from; NULL: never',
    presented_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the customer first saw it, or its owner first took it; NULL: not yet',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the answer that holds was given; NULL: none',
    confirmed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When billing confirmed an accepted offer; NULL: not yet',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it closed; NULL: it is open',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it runs out; NULL: it does not',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'By when its owner should have acted; NULL: no limit',
    due_hours Nullable(Float64) DEFAULT (toUnixTimestamp64Milli(due_at) - toUnixTimestamp64Milli(opened_at)) / 3600000 COMMENT 'Hours that its owner has to act; NULL: no limit',
    overdue_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When that time passed without an act; NULL: it has not',
    snoozed_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it rests; NULL: it does not rest',
    condition_false_since Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when its rule''s condition has been false; NULL: it holds',
    clear_after_days Float64 COMMENT 'Days for which the condition must be false before it is cleared',
    keep_until DateTime64(3, 'UTC') COMMENT 'It is not cleared by its condition before this time',
    timer_at Nullable(DateTime64(3, 'UTC')) COMMENT 'The next time at which it changes by itself; NULL: never',
    rule LowCardinality(String) COMMENT 'Rule that opened it',
    reasons Array(String) COMMENT 'The conditions as they were met, in words',
    suppressed String COMMENT 'What else had fired and was suppressed, as JSON: [{rule, kind, action, guardrail, reason}]',
    priority Int64 COMMENT 'Priority of the rule when it was chosen',
    candidates String COMMENT 'Every rule that had fired then, as JSON: [{rule, kind, action, priority, ruling}]',
    propensity Float64 COMMENT 'Probability with which it was chosen among the candidates; 1: always',
    risk Nullable(Float64) COMMENT 'Risk when it opened, 0 to 100; NULL: the band was unknown',
    band LowCardinality(String) COMMENT 'Band when it opened',
    arr_minor Nullable(Int64) COMMENT 'ARR its terms were computed with, in minor units; NULL: not known',
    arr_at_risk_minor Nullable(Int64) COMMENT 'ARR at risk when it opened, in minor units; NULL: not known',
    currency LowCardinality(String) COMMENT 'ISO 4217; empty: not known',
    owner LowCardinality(String) COMMENT 'Owner of the subscription when it opened; empty: nobody',
    discount_pct Float64 COMMENT 'Discount that it gives, in per cent; 0: none',
    discount_months Int64 COMMENT 'Months for which it gives the discount',
    credit_minor Int64 COMMENT 'One-off credit that it gives, in minor units of currency',
    cost_minor Int64 COMMENT 'What it gives away, in minor units of currency: discount over its months, and credit',
    terms String COMMENT 'Hash of what it offers: an approval names it',
    waits_for LowCardinality(String) COMMENT 'What asks for approval: a guardrail, or "brake"; empty: nothing',
    approved_terms String COMMENT 'Terms that were approved; empty: none',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set that opened it',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files it opened under',
    event LowCardinality(String) COMMENT 'What happened: docs/architecture.md lists the events',
    at DateTime64(3, 'UTC') COMMENT 'When it happened',
    actor LowCardinality(String) COMMENT 'Who: a person, a producer of outcomes, "pass" or "time"',
    reason String COMMENT 'Why, in words; empty: not given',
    cause_id String COMMENT 'The outcome or command that caused it; empty: a pass or time',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (run, account_id, subscription_id, decision_id, version)
SETTINGS index_granularity = 1024;
