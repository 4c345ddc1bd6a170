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

-- Moments of truth: who asked what to do for a customer at once, and what was answered.
CREATE VIEW moments AS
SELECT account_id, subscription_id, asked_at, as_of, caller, request_id, moment, reason, decision_ids, suppressed, rules_revision, stored_at
FROM moment_log FINAL;
