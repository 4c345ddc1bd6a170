-- Which rule set decided from when on. A set that comes next is compared with the latest, and a role that finds its files broken
-- starts with the latest instead.
CREATE TABLE IF NOT EXISTS rule_activations
(
    activated_at DateTime64(3, 'UTC') COMMENT 'When it went live',
    revision String COMMENT 'Revision of the rule set; its files are in revisions',
    rules Array(String) COMMENT 'Names of its rules',
    guardrails Array(String) COMMENT 'Names of its guardrails'
)
ENGINE = ReplacingMergeTree
ORDER BY (activated_at, revision)
COMMENT 'Rule sets as they went live';
