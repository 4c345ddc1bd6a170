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
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (account_id, subscription_id, set_at)
SETTINGS index_granularity = 1024;

-- Every override of a risk, and until when it held: its end, what replaced it, or when it was taken back.
CREATE VIEW risk_overrides AS
SELECT account_id, subscription_id, set_at, risk, reason, author, until, held_until
FROM (
    SELECT *, least(until, leadInFrame(set_at, 1, until) OVER (PARTITION BY account_id, subscription_id ORDER BY set_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS held_until
    FROM risk_override_log FINAL
)
WHERE risk IS NOT NULL;

ALTER TABLE risk_state
    ADD COLUMN IF NOT EXISTS computed_risk Float64 DEFAULT risk COMMENT 'What the scorecard computed; risk, unless a person overrode it' AFTER risk,
    ADD COLUMN IF NOT EXISTS override_reason String COMMENT 'Why the risk was overridden; empty: it was not' AFTER contributions,
    ADD COLUMN IF NOT EXISTS override_author String COMMENT 'Who overrode it; empty: nobody' AFTER override_reason,
    ADD COLUMN IF NOT EXISTS override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not' AFTER override_author,
    ADD COLUMN IF NOT EXISTS override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not' AFTER override_set_at;

ALTER TABLE risk_day_log
    ADD COLUMN IF NOT EXISTS computed_risk Float64 DEFAULT risk COMMENT 'What the scorecard computed; risk, unless a person overrode it' AFTER risk,
    ADD COLUMN IF NOT EXISTS override_reason String COMMENT 'Why the risk was overridden; empty: it was not' AFTER contributions,
    ADD COLUMN IF NOT EXISTS override_author String COMMENT 'Who overrode it; empty: nobody' AFTER override_reason,
    ADD COLUMN IF NOT EXISTS override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not' AFTER override_author,
    ADD COLUMN IF NOT EXISTS override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not' AFTER override_set_at;

ALTER TABLE run_risk_log
    ADD COLUMN IF NOT EXISTS computed_risk Float64 DEFAULT risk COMMENT 'What the scorecard computed; risk, unless a person overrode it' AFTER risk,
    ADD COLUMN IF NOT EXISTS override_reason String COMMENT 'Why the risk was overridden; empty: it was not' AFTER contributions,
    ADD COLUMN IF NOT EXISTS override_author String COMMENT 'Who overrode it; empty: nobody' AFTER override_reason,
    ADD COLUMN IF NOT EXISTS override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not' AFTER override_author,
    ADD COLUMN IF NOT EXISTS override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not' AFTER override_set_at;

ALTER TABLE risk_list_log
    ADD COLUMN IF NOT EXISTS computed_risk Float64 DEFAULT risk COMMENT 'What the scorecard computed; risk, unless a person overrode it' AFTER risk,
    ADD COLUMN IF NOT EXISTS override_reason String COMMENT 'Why the risk was overridden; empty: it was not' AFTER contributions,
    ADD COLUMN IF NOT EXISTS override_author String COMMENT 'Who overrode it; empty: nobody' AFTER override_reason,
    ADD COLUMN IF NOT EXISTS override_set_at Nullable(DateTime64(3, 'UTC')) COMMENT 'Since when it is overridden; NULL: it is not' AFTER override_author,
    ADD COLUMN IF NOT EXISTS override_until Nullable(DateTime64(3, 'UTC')) COMMENT 'Until when it is overridden; NULL: it is not' AFTER override_set_at;

ALTER TABLE risk_day_log_of_state MODIFY QUERY
SELECT * EXCEPT (band_changed, gone), toDate(as_of, 'UTC') AS day, arrayJoin(if(band_changed, [toDateTime64(0, 3, 'UTC'), as_of], [toDateTime64(0, 3, 'UTC')])) AS changed_at
FROM risk_state WHERE NOT gone;
