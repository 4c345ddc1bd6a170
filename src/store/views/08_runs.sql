-- Passes of named runs, each once.
CREATE OR REPLACE VIEW runs AS
SELECT run, as_of, known_at, subscriptions, bands, opened, closed, suppressed, rules_revision, scoring_revision, ran_at
FROM run_log FINAL;

-- The risks that named runs computed.
CREATE OR REPLACE VIEW run_risks AS
SELECT run, l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, computed_risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, override_reason, override_author, override_set_at,
    override_until, computed_at
FROM (SELECT * FROM run_risk_log FINAL) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
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
