-- Of whom too little is known there is no probability and no ARR at risk.
ALTER TABLE risk_log MODIFY COLUMN IF EXISTS renewal_probability Nullable(Float64) COMMENT '0 to 1, higher is better; NULL: the band is unknown';
ALTER TABLE risk_log COMMENT COLUMN IF EXISTS arr_at_risk_minor '(1 - renewal_probability) * ARR in minor units; NULL: either is not known';

-- Every risk exactly once, with contributions and features by name.
CREATE OR REPLACE VIEW risk_history AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_log FINAL SETTINGS do_not_merge_across_partitions_select_final = 1) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;

-- The latest risk of every subscription.
CREATE OR REPLACE VIEW risks AS
SELECT account_id, subscription_id, as_of, scoring_revision, scorecard, risk, renewal_probability, band, coverage, risk_usage, risk_billing,
    risk_support, risk_marketing, arr_minor, currency, arr_at_risk_minor, renewal, segment,
    mapFromArrays(r.features, feature_values) AS features, mapFromArrays(r.features, contributions) AS contributions, computed_at
FROM (SELECT * FROM risk_log ORDER BY account_id, subscription_id, as_of DESC, computed_at DESC, scoring_revision LIMIT 1 BY account_id, subscription_id) AS l
INNER JOIN (SELECT revision, features FROM revisions FINAL WHERE kind = 'scoring') AS r ON r.revision = l.scoring_revision;
