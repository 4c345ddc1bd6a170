-- The third step: the tables of 0032 take the names of those they replace.
RENAME TABLE IF EXISTS signal_log_next TO signal_log;
RENAME TABLE IF EXISTS subscription_log_next TO subscription_log;
RENAME TABLE IF EXISTS outcome_log_next TO outcome_log;
RENAME TABLE IF EXISTS rejection_log_next TO rejection_log;
