-- Scoring files and rule files by revision, so that any past score and decision can be explained under the files of its day.
CREATE TABLE revisions
(
    kind LowCardinality(String) COMMENT 'scoring or rules',
    revision String COMMENT 'Short content hash, as scores and decisions name it',
    recorded_at DateTime64(3, 'UTC') COMMENT 'When it was first used',
    features Array(String) COMMENT 'For scoring: feature names, in the order of the arrays of risk_log',
    files Map(String, String) COMMENT 'File name to content'
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, revision);

-- Which rule set decided from when on. A set that comes next is compared with the latest, and a role that finds its files broken
-- starts with the latest instead.
CREATE TABLE rule_activations
(
    activated_at DateTime64(3, 'UTC') COMMENT 'When it went live',
    revision String COMMENT 'Revision of the rule set; its files are in revisions',
    rules Array(String) COMMENT 'Names of its rules',
    guardrails Array(String) COMMENT 'Names of its guardrails'
)
ENGINE = ReplacingMergeTree
ORDER BY (activated_at, revision)
COMMENT 'Rule sets as they went live';

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

-- Every currency that is known, what one major unit of it is, and what it is worth in the reporting currency. Written whenever
-- definitions are loaded: the list is that of the program, the rates are those of rules/currencies.yaml.
CREATE TABLE currency_state
(
    currency LowCardinality(String) COMMENT 'ISO 4217',
    exponent UInt8 COMMENT 'Decimals of a major unit: 2 for EUR, 0 for JPY, 3 for KWD',
    minor_units UInt32 MATERIALIZED toUInt32(exp10(exponent)) COMMENT 'Minor units in one major unit: 100, 1 or 1,000',
    rate Nullable(Float64) COMMENT 'Reporting currency for one major unit, from rules/currencies.yaml; NULL: none is given',
    reporting LowCardinality(String) COMMENT 'The reporting currency; empty: no definitions have been loaded yet',
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was stored',
    gross_margin Float64 DEFAULT 1 COMMENT 'Share of revenue that is left after the cost of serving customers, from rules/currencies.yaml; 1: not given'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY currency;
