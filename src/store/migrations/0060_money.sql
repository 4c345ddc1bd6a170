-- Every currency that is known, what one major unit of it is, and what it is worth in the reporting currency. Written whenever
-- definitions are loaded: the list is that of the program, the rates are those of rules/currencies.yaml.
CREATE TABLE currency_state
(
    currency LowCardinality(String) COMMENT 'ISO 4217',
    exponent UInt8 COMMENT 'Decimals of a major unit: 2 for EUR, 0 for JPY, 3 for KWD',
    minor_units UInt32 MATERIALIZED toUInt32(exp10(exponent)) COMMENT 'Minor units in one major unit: 100, 1 or 1,000',
    rate Nullable(Float64) COMMENT 'Reporting currency for one major unit, from rules/currencies.yaml; NULL: none is given',
    reporting LowCardinality(String) COMMENT 'The reporting currency; empty: no definitions have been loaded yet',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY currency;

-- Every currency with its decimals, and its rate into the reporting currency.
CREATE VIEW currencies AS
SELECT currency, exponent, toNullable(minor_units) AS minor_units, rate, reporting, stored_at FROM currency_state FINAL;

-- The risk of every subscription that runs, as of the last pass.
CREATE OR REPLACE VIEW risks AS
SELECT l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_state FINAL WHERE NOT gone) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every risk of the past once: the last one of each day, and those at which the band changed.
CREATE OR REPLACE VIEW risk_history AS
SELECT l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (
    SELECT * FROM risk_day_log FINAL
    ORDER BY account_id, subscription_id, as_of LIMIT 1 BY account_id, subscription_id, as_of
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- The risks that named runs computed.
CREATE OR REPLACE VIEW run_risks AS
SELECT run, l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM run_risk_log FINAL) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every version of every subscription exactly once, each from occurred_at on, as it was last sent.
CREATE OR REPLACE VIEW subscription_history AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, l.currency AS currency,
    arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features,
    received_at, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (SELECT * FROM subscription_log FINAL WHERE _ended = '') AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every subscription as it stands now, under the account that has it. One that has not begun yet has the status upcoming.
CREATE OR REPLACE VIEW subscriptions AS
SELECT account_id, subscription_id, occurred_at, if(is_ahead, 'upcoming', status) AS status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
    l.currency AS currency, arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner,
    plan_features, received_at, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (
    SELECT *, occurred_at > now64(3) OR (status IN ('active', 'trialing', 'past_due') AND ifNull(start > toDate32(now('UTC')), 0)) AS is_ahead
    FROM subscription_log FINAL
    WHERE _ended = ''
        AND (account_id, subscription_id) NOT IN (SELECT account_id, subscription_id FROM moved_subscriptions FINAL WHERE holds = 1 AND moved_at <= now64(3))
    ORDER BY account_id, subscription_id, is_ahead, if(is_ahead, 1, -1) * toUnixTimestamp64Milli(occurred_at)
    LIMIT 1 BY account_id, subscription_id
) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every outcome exactly once, as it was last sent.
CREATE OR REPLACE VIEW outcomes AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, l.currency AS currency,
    arr_before_minor / c.minor_units AS arr_before, arr_after_minor / c.minor_units AS arr_after, arr_before * c.rate AS arr_before_reporting,
    arr_after * c.rate AS arr_after_reporting, term_start, term_end, reason, voluntary, decision_id, received_at, l.stored_at AS stored_at, _load, _topic,
    _partition, _offset
FROM (SELECT * FROM outcome_log FINAL WHERE _ended = '') AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

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

-- Everything that was ever sent of subscriptions: what was corrected, retracted or withdrawn too, each with when and why.
CREATE OR REPLACE VIEW subscription_versions AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, l.currency AS currency,
    arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features,
    received_at, if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (SELECT * FROM subscription_log FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every version of every outcome that ever held: those that were corrected, retracted or withdrawn too, each with when and why.
CREATE OR REPLACE VIEW outcome_versions AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, l.currency AS currency,
    arr_before_minor / c.minor_units AS arr_before, arr_after_minor / c.minor_units AS arr_after, arr_before * c.rate AS arr_before_reporting,
    arr_after * c.rate AS arr_after_reporting, term_start, term_end, reason, voluntary, decision_id, received_at, if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, l.stored_at AS stored_at, _load, _topic,
    _partition, _offset
FROM (SELECT * FROM outcome_log FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;
