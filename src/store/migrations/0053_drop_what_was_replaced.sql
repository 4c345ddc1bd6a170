-- Replaced by the tables of 0050 and 0051, which have taken over what they held.
DROP VIEW IF EXISTS decision_history;

DROP TABLE IF EXISTS decision_log;

DROP TABLE IF EXISTS publication_log;

DROP TABLE IF EXISTS suppression_log;

DROP TABLE IF EXISTS risk_log;
