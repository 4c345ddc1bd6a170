-- Every change of every decision: what happened, when, by whom and why, with the decision as it was after it. The columns
-- are those of src/decisions/decision.ts; a test compares them.
-- Of two writers of one version the one with the higher epoch holds.
CREATE TABLE decision_event_log
(
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
    presented_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the customer first saw it, or its owner first took it; NULL: not yet',
    answered_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the answer that holds was given; NULL: none',
    confirmed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When billing confirmed an accepted offer; NULL: not yet',
    closed_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it closed; NULL: it is open',
    expires_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it runs out; NULL: it does not',
    due_at Nullable(DateTime64(3, 'UTC')) COMMENT 'By when its owner should have acted; NULL: no limit',
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
    risk Float64 COMMENT 'Risk when it opened, 0 to 100',
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
    epoch UInt64 COMMENT 'Fencing token of the writer: the higher one holds',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was stored',
    rank UInt128 MATERIALIZED bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(epoch)) COMMENT 'Version, then epoch: of two states the higher one holds',
    INDEX by_decision decision_id TYPE bloom_filter GRANULARITY 1
)
ENGINE = ReplacingMergeTree(epoch)
ORDER BY (account_id, subscription_id, decision_id, version)
SETTINGS index_granularity = 1024;

-- Every decision as it is now: its latest version.
CREATE TABLE decision_state AS decision_event_log
ENGINE = ReplacingMergeTree(rank)
ORDER BY (account_id, subscription_id, decision_id)
SETTINGS index_granularity = 1024;

ALTER TABLE decision_state ADD INDEX IF NOT EXISTS by_subscription subscription_id TYPE bloom_filter GRANULARITY 1;

CREATE MATERIALIZED VIEW decision_state_of_events TO decision_state AS
SELECT * FROM decision_event_log;

-- What an earlier version kept: the latest state that a pass up to now gave each decision. Passes as of a time to come are left out.
INSERT INTO decision_event_log (account_id, subscription_id, decision_id, version, kind, action, ordinal, params, status, status_at, opened_at,
    presented_at, answered_at, confirmed_at, closed_at, expires_at, due_at, overdue_at, snoozed_until,
    condition_false_since, clear_after_days, keep_until, timer_at, rule, reasons, suppressed, priority, candidates,
    propensity, risk, band, arr_minor, arr_at_risk_minor, currency, owner, discount_pct, discount_months, credit_minor,
    cost_minor, terms, waits_for, approved_terms, rules_revision, scoring_revision, event, at, actor, reason, cause_id)
SELECT account_id, subscription_id, decision_id, 1 AS version, kind, action, toUInt32(row_number() OVER (
      PARTITION BY account_id, subscription_id, kind, action ORDER BY opened_at, decision_id)) AS ordinal,
    params, new_status AS status, as_of AS status_at, opened_at,
    if(new_status IN ('accepted', 'declined', 'expired', 'resolved'), ifNull(closed_at, as_of), NULL) AS presented_at,
    if(new_status IN ('accepted', 'declined', 'resolved'), closed_at, NULL) AS answered_at, NULL AS confirmed_at, closed_at, expires_at,
    NULL AS due_at, NULL AS overdue_at, NULL AS snoozed_until, NULL AS condition_false_since, 7 AS clear_after_days, opened_at AS keep_until,
    if(new_status IN ('open', 'pending_approval'), expires_at, NULL) AS timer_at, rule, reasons, suppressed, 0 AS priority, '[]' AS candidates,
    1 AS propensity, risk, band, NULL AS arr_minor, arr_at_risk_minor, currency, owner, discount_pct, 0 AS discount_months, 0 AS credit_minor,
    cost_minor, substring(lower(hex(MD5(decision_id))), 1, 12) AS terms,
    if(new_status = 'pending_approval', 'earlier version', '') AS waits_for, '' AS approved_terms, rules_revision, scoring_revision,
    'opened' AS event, as_of AS at, 'migration' AS actor, 'Taken over from an earlier version of Perennial.' AS reason, '' AS cause_id
FROM (
    SELECT *, multiIf(status IN ('open', 'pending_approval'), status, closed_by = 'offer_accepted', 'accepted', closed_by = 'offer_declined', 'declined',
        closed_by = 'offer_expired', 'expired', status = 'expired', 'lapsed', closed_by = 'superseded', 'superseded', status = 'resolved', 'resolved',
        'cleared') AS new_status
    FROM decision_log WHERE as_of <= now64(3) ORDER BY decision_id, as_of DESC, computed_at DESC LIMIT 1 BY decision_id
);

-- Every change of every decision, in the order of its versions.
CREATE VIEW decision_events AS
SELECT account_id, subscription_id, decision_id, version, event, at, actor, reason, cause_id, status, kind, action, rule, owner, currency, cost_minor,
    terms, stored_at
FROM decision_event_log FINAL;

-- Every decision as it is now.
CREATE OR REPLACE VIEW decisions AS
SELECT * EXCEPT (event, at, actor, reason, cause_id, epoch)
FROM decision_state FINAL;

-- Events of decisions that a broker has acknowledged. What is in decision_event_log and not here is published (again).
CREATE TABLE event_publication_log
(
    account_id String COMMENT 'The account',
    decision_id String COMMENT 'The decision',
    version UInt32 COMMENT 'The event that was published',
    published_at DateTime64(3, 'UTC') COMMENT 'When the broker had acknowledged it',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(published_at)
ORDER BY (account_id, decision_id, version)
TTL stored_at + INTERVAL 180 DAY
SETTINGS index_granularity = 1024;

-- What customers and people did with decisions: outcomes that name one, and commands. A pass applies what is not yet applied.
CREATE TABLE decision_inbox
(
    account_id String COMMENT 'The account',
    decision_id String COMMENT 'The decision it is about',
    answer_id String COMMENT 'Identity: given twice, it counts once',
    kind LowCardinality(String) COMMENT 'Kind of the outcome, or name of the command',
    at DateTime64(3, 'UTC') COMMENT 'When it happened',
    actor String COMMENT 'The person, or the producer of the outcome',
    reason String COMMENT 'Why, in words; empty: not given',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'For snooze: until when',
    terms String COMMENT 'For approve: the terms that are approved; empty: those it has',
    applied UInt8 COMMENT '1: it was applied, or refused',
    refusal String COMMENT 'Why it was refused; empty: it was not',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(applied)
ORDER BY (account_id, decision_id, answer_id)
TTL stored_at + INTERVAL 400 DAY
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW decision_inbox_of_outcomes TO decision_inbox AS
SELECT account_id, decision_id, concat(source, '/', id, '/', toString(_content)) AS answer_id, kind, occurred_at AS at, source AS actor, reason
FROM outcome_log WHERE decision_id != '' AND _ended = '';

-- What was answered before there was an inbox has been applied already.
INSERT INTO decision_inbox (account_id, decision_id, answer_id, kind, at, actor, reason, applied)
SELECT account_id, decision_id, concat(source, '/', id, '/', toString(_content)), kind, occurred_at, source, reason, 1 FROM outcome_log FINAL WHERE decision_id != '';

-- What fired and was suppressed: the latest of each day, by rule and guardrail.
CREATE TABLE suppression_day_log
(
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    rule LowCardinality(String) COMMENT 'Rule that had fired',
    kind LowCardinality(String) COMMENT 'offer, escalation or touchpoint',
    action LowCardinality(String) COMMENT 'What it would have opened',
    guardrail LowCardinality(String) COMMENT 'Guardrail or arbitration step that suppressed it',
    day Date MATERIALIZED toDate(as_of) COMMENT 'The day of as_of, in UTC',
    as_of DateTime64(3, 'UTC') COMMENT 'When it was suppressed: the last time of that day',
    reason String COMMENT 'Why, in a sentence',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(as_of)
PARTITION BY toYYYYMM(as_of)
ORDER BY (account_id, subscription_id, rule, action, guardrail, day)
TTL stored_at + INTERVAL 180 DAY
SETTINGS index_granularity = 1024;

INSERT INTO suppression_day_log (account_id, subscription_id, rule, kind, action, guardrail, as_of, reason, rules_revision)
SELECT account_id, subscription_id, rule, kind, action, guardrail, as_of, reason, rules_revision FROM suppression_log WHERE as_of <= now64(3);

-- What fired and was suppressed, once a day.
CREATE OR REPLACE VIEW suppressions AS
SELECT account_id, subscription_id, as_of, rule, kind, action, guardrail, reason, rules_revision FROM suppression_day_log FINAL;
