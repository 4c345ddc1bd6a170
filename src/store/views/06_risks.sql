-- The risk of every subscription that runs, as of the last pass.
CREATE OR REPLACE VIEW risks AS
SELECT l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, computed_risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, override_reason, override_author, override_set_at,
    override_until, computed_at
FROM (SELECT * FROM risk_state FINAL WHERE NOT gone) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every risk of the past once: the last one of each day, and those at which the band changed.
CREATE OR REPLACE VIEW risk_history AS
SELECT l.account_id AS account_id, l.subscription_id AS subscription_id, as_of, scoring_revision, scorecard, risk, computed_risk, renewal_probability, band, coverage, risk_usage,
    risk_billing, risk_support, risk_marketing, arr_minor, l.currency AS currency, arr_at_risk_minor, arr_minor / c.minor_units AS arr,
    arr_at_risk_minor / c.minor_units AS arr_at_risk, arr * c.rate AS arr_reporting, arr_at_risk * c.rate AS arr_at_risk_reporting, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, override_reason, override_author, override_set_at,
    override_until, computed_at
FROM (
    SELECT * FROM risk_day_log FINAL
    ORDER BY account_id, subscription_id, as_of LIMIT 1 BY account_id, subscription_id, as_of
    SETTINGS do_not_merge_across_partitions_select_final = 1
) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every override of a risk, and until when it held: its end, what replaced it, or when it was taken back.
CREATE OR REPLACE VIEW risk_overrides AS
SELECT account_id, subscription_id, set_at, risk, reason, author, until, held_until
FROM (
    SELECT *, least(until, leadInFrame(set_at, 1, until) OVER (PARTITION BY account_id, subscription_id ORDER BY set_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)) AS held_until
    FROM risk_override_log FINAL
)
WHERE risk IS NOT NULL;
