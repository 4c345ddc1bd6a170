-- Every decision as it is now.
CREATE OR REPLACE VIEW decisions AS
SELECT l.*, arr_minor / c.minor_units AS arr, arr_at_risk_minor / c.minor_units AS arr_at_risk, credit_minor / c.minor_units AS credit,
    cost_minor / c.minor_units AS cost, arr_at_risk * c.rate AS arr_at_risk_reporting, cost * c.rate AS cost_reporting
FROM (SELECT * EXCEPT (event, at, actor, reason, cause_id, epoch) FROM decision_state FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every change of every decision, in the order of its versions.
CREATE OR REPLACE VIEW decision_events AS
SELECT account_id, subscription_id, decision_id, version, event, at, actor, reason, cause_id, status, kind, action, rule, owner, l.currency AS currency,
    cost_minor, cost_minor / c.minor_units AS cost, cost * c.rate AS cost_reporting, terms, l.stored_at AS stored_at
FROM (SELECT * FROM decision_event_log FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- What fired and was suppressed, once a day.
CREATE OR REPLACE VIEW suppressions AS
SELECT account_id, subscription_id, as_of, rule, kind, action, guardrail, reason, rules_revision FROM suppression_day_log FINAL;

-- Moments of truth: who asked what to do for a customer at once, and what was answered.
CREATE OR REPLACE VIEW moments AS
SELECT account_id, subscription_id, asked_at, as_of, caller, request_id, moment, reason, decision_ids, suppressed, rules_revision, stored_at
FROM moment_log FINAL;
