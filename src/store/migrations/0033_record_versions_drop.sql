-- The second step: what 0032 has copied goes. Every statement finds nothing left to do when it is run again.
DROP VIEW IF EXISTS accounts_of_signals;
DROP VIEW IF EXISTS accounts_of_subscriptions;
DROP TABLE IF EXISTS signal_log;
DROP TABLE IF EXISTS subscription_log;
DROP TABLE IF EXISTS outcome_log;
DROP TABLE IF EXISTS rejection_log;
