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

INSERT INTO decision_open
SELECT * EXCEPT (params, reasons, suppressed, candidates, event, at, actor, reason, cause_id),
    bitOr(bitShiftLeft(toUInt128(version), 64), toUInt128(epoch)) AS rank, toUInt8(0) AS gone
FROM decision_state FINAL WHERE closed_at IS NULL AND status != 'held_out';

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

INSERT INTO decision_changes SELECT account_id, max(stored_at) AS changed_at FROM decision_state GROUP BY account_id;

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
