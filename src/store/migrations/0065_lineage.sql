-- What the features of the active definitions are made of, and what uses them. Written whole whenever definitions become active; the last
-- writing counts.
CREATE TABLE lineage_log
(
    feature LowCardinality(String) COMMENT 'The feature',
    relation LowCardinality(String) COMMENT 'reads_signals, reads_contract, in_scorecard, in_rule or in_guardrail',
    name String COMMENT 'Signal type or category.*, field of the contract, scorecard, rule or guardrail',
    weight Nullable(Float64) COMMENT 'Of a scorecard: what the feature weighs; NULL elsewhere',
    scoring_revision LowCardinality(String) COMMENT 'Revision of the scoring files',
    rules_revision LowCardinality(String) COMMENT 'Revision of the rule set',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was stored: of all rows of one writing the same'
)
ENGINE = MergeTree
ORDER BY (stored_at, feature, relation, name);

-- Where each feature comes from and where it is used: signal types, fields of the contract, scorecards, rules and guardrails of the active definitions.
CREATE VIEW lineage AS
SELECT feature, relation, name, weight, scoring_revision, rules_revision
FROM lineage_log
WHERE stored_at = (SELECT max(stored_at) FROM lineage_log);
