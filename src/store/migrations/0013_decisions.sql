-- Every change of every decision: what happened, when, by whom and why, with the decision as it was after it. The columns
-- are those of src/decisions/decision.ts; a test compares them. Of two writers of one version the one with the higher epoch holds.
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
    epoch UInt64 COMMENT 'Fencing token of the writer: the higher one holds',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was stored',
    rank UInt128 MATERIALIZED bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(epoch)) COMMENT 'Version, then epoch: of two states the higher one holds',
    INDEX by_decision decision_id TYPE bloom_filter GRANULARITY 1,
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(epoch)
ORDER BY (account_id, subscription_id, decision_id, version)
SETTINGS index_granularity = 1024;

-- Where scorers write events of decisions.
CREATE TABLE decision_event_writes AS decision_event_log
ENGINE = Null;

CREATE MATERIALIZED VIEW decision_event_log_of_writes TO decision_event_log AS
SELECT * FROM decision_event_writes WHERE epoch >= (SELECT max(epoch) FROM scorer_fence);

-- Every decision as it is now: its latest version.
CREATE TABLE decision_state AS decision_event_log
ENGINE = ReplacingMergeTree(rank)
ORDER BY (account_id, subscription_id, decision_id)
SETTINGS index_granularity = 1024;

ALTER TABLE decision_state ADD INDEX IF NOT EXISTS by_subscription subscription_id TYPE bloom_filter GRANULARITY 1;

CREATE MATERIALIZED VIEW decision_state_of_events TO decision_state AS
SELECT * FROM decision_event_log;

-- What passes read of decisions does not grow with everything that was ever decided: the open ones stand by themselves, and what guardrails
-- count is kept as digests of accounts, which hold until something happens to a decision of theirs. All of it follows from decision_event_log.
--
-- Decisions that are open, with what passes work with. One that closes is marked as gone, and tidied away from time to time.
CREATE TABLE decision_open
ENGINE = ReplacingMergeTree(rank, gone)
ORDER BY (account_id, subscription_id, decision_id)
SETTINGS index_granularity = 1024, allow_experimental_replacing_merge_with_cleanup = 1
AS SELECT * EXCEPT (params, reasons, suppressed, candidates, event, at, actor, reason, cause_id),
    bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(epoch)) AS rank, toUInt8(0) AS gone
FROM decision_event_log WHERE 0;

CREATE MATERIALIZED VIEW decision_open_of_events TO decision_open AS
SELECT * EXCEPT (params, reasons, suppressed, candidates, event, at, actor, reason, cause_id),
    bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(epoch)) AS rank, toUInt8(closed_at IS NOT NULL OR status = 'held_out') AS gone
FROM decision_event_log;

-- When something last happened to a decision of each account.
CREATE TABLE decision_changes
(
    account_id String COMMENT 'The account',
    changed_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'When that was stored'
)
ENGINE = AggregatingMergeTree
ORDER BY account_id
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW decision_changes_of_events TO decision_changes AS
SELECT account_id, max(stored_at) AS changed_at FROM decision_event_log GROUP BY account_id;

-- What guardrails count of all decisions of an account, by action of its subscriptions. It holds while nothing has changed since.
CREATE TABLE decision_digests
(
    account_id String COMMENT 'The account',
    valid_at DateTime64(3, 'UTC') COMMENT 'When it was made: it holds while decision_changes tells of nothing later',
    actions Array(Tuple(subscription_id String, kind String, action String, openings Float64, opened_times Array(Int64), opened_at Int64,
        presented_at Nullable(Int64), accepted_at Nullable(Int64), declined_at Nullable(Int64), expired_at Nullable(Int64),
        resolved_at Nullable(Int64), seen_at Array(String))) COMMENT 'Of each action: how often it was opened, when in the year before the last time, when it last came to each end, and when it was seen'
)
ENGINE = ReplacingMergeTree(valid_at)
ORDER BY account_id
SETTINGS index_granularity = 256;

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
    applied UInt8 COMMENT '0: it waits; 1: it was applied, or refused; 2: it was taken back, and what came of it waits to be undone; 3: that is done',
    refusal String COMMENT 'Why it was refused; empty: it was not',
    stored_at DateTime('UTC') MATERIALIZED now() COMMENT 'When it was stored: what its age counts from'
)
ENGINE = ReplacingMergeTree(applied)
ORDER BY (account_id, decision_id, answer_id)
TTL stored_at + INTERVAL 400 DAY
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW decision_inbox_of_outcomes TO decision_inbox AS
SELECT account_id, decision_id, concat(source, '/', id, '/', toString(_content), if(_again > '1970-01-01', concat('/', toString(toUnixTimestamp64Milli(_again))), '')) AS answer_id,
    kind, occurred_at AS at, source AS actor, reason, toUInt8(if(_ended = '', 0, 2)) AS applied
FROM outcome_log WHERE decision_id != '';

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

-- What was asked to be decided at once, and what was answered: the same request gets the same answer.
CREATE TABLE moment_log
(
    request_key String COMMENT 'Hash of who asked and of the request id',
    caller LowCardinality(String) COMMENT 'Who asked',
    request_id String COMMENT 'Made by the caller, the same for each try',
    account_id String COMMENT 'The account',
    subscription_id String COMMENT 'The subscription',
    moment LowCardinality(String) COMMENT 'What the customer was about to do, as a kind of outcome; empty: nothing',
    reason String COMMENT 'Why, in the words of the customer; empty: not given',
    asked_at DateTime64(3, 'UTC') COMMENT 'When it was asked',
    as_of DateTime64(3, 'UTC') COMMENT 'The time the answer is about',
    decision_ids Array(String) COMMENT 'Decisions that were open then, and answered',
    suppressed String COMMENT 'What had fired and was suppressed, as JSON: [{rule, kind, action, guardrail, reason}]',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set that decided',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree
ORDER BY request_key;
