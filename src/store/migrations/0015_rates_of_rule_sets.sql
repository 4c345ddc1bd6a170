-- A set that has lost its currencies is noticed as one that has lost its guardrails. Empty: recorded before this was kept.
ALTER TABLE rule_activations ADD COLUMN IF NOT EXISTS rates Array(String) COMMENT 'Currencies for which it had a rate, the reporting currency among them; empty: not recorded';
