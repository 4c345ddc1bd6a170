-- Where each feature comes from and where it is used: signal types, fields of the contract, scorecards, rules and guardrails of the active definitions.
CREATE OR REPLACE VIEW lineage AS
SELECT feature, relation, name, weight, scoring_revision, rules_revision
FROM lineage_log
WHERE stored_at = (SELECT max(stored_at) FROM lineage_log);
