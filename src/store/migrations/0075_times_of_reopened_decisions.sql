-- What is opened again has the time that it had first, however often: its times count from when that was last.
ALTER TABLE decision_event_log
    ADD COLUMN IF NOT EXISTS reopened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person last opened it again, which its times count from; NULL: never' AFTER opened_at,
    ADD COLUMN IF NOT EXISTS due_hours Nullable(Float64) DEFAULT (toUnixTimestamp64Milli(due_at) - toUnixTimestamp64Milli(opened_at)) / 3600000 COMMENT 'Hours that its owner has to act; NULL: no limit' AFTER due_at;

ALTER TABLE decision_state
    ADD COLUMN IF NOT EXISTS reopened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person last opened it again, which its times count from; NULL: never' AFTER opened_at,
    ADD COLUMN IF NOT EXISTS due_hours Nullable(Float64) DEFAULT (toUnixTimestamp64Milli(due_at) - toUnixTimestamp64Milli(opened_at)) / 3600000 COMMENT 'Hours that its owner has to act; NULL: no limit' AFTER due_at;

ALTER TABLE run_decision_log
    ADD COLUMN IF NOT EXISTS reopened_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When a person last opened it again, which its times count from; NULL: never' AFTER opened_at,
    ADD COLUMN IF NOT EXISTS due_hours Nullable(Float64) DEFAULT (toUnixTimestamp64Milli(due_at) - toUnixTimestamp64Milli(opened_at)) / 3600000 COMMENT 'Hours that its owner has to act; NULL: no limit' AFTER due_at;

ALTER TABLE decision_state_of_events MODIFY QUERY SELECT * FROM decision_event_log;

-- Every decision as it is now.
CREATE OR REPLACE VIEW decisions AS
SELECT l.*, arr_minor / c.minor_units AS arr, arr_at_risk_minor / c.minor_units AS arr_at_risk, credit_minor / c.minor_units AS credit,
    cost_minor / c.minor_units AS cost, arr_at_risk * c.rate AS arr_at_risk_reporting, cost * c.rate AS cost_reporting
FROM (SELECT * EXCEPT (event, at, actor, reason, cause_id, epoch) FROM decision_state FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- The decisions of named runs, each as the last pass of its run left it.
CREATE OR REPLACE VIEW run_decisions AS
SELECT l.*, arr_minor / c.minor_units AS arr, arr_at_risk_minor / c.minor_units AS arr_at_risk, credit_minor / c.minor_units AS credit,
    cost_minor / c.minor_units AS cost, arr_at_risk * c.rate AS arr_at_risk_reporting, cost * c.rate AS cost_reporting
FROM (
    SELECT * EXCEPT (event, at, actor, reason, cause_id)
    FROM run_decision_log FINAL
    ORDER BY run, account_id, subscription_id, decision_id, version DESC
    LIMIT 1 BY run, account_id, subscription_id, decision_id
) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;
