-- What is known of an account by its signals comes from one view: each view of an insert reads its rows again, groups them, and writes a part.
ALTER TABLE first_use_of_signals MODIFY QUERY
SELECT account_id, min(occurred_at) AS first_seen_at, max(stored_at) AS last_stored_at, min(received_at) AS first_known_at,
    min(if(category IN ('usage', 'billing'), occurred_at, toDateTime64('2299-12-31', 3, 'UTC'))) AS first_used_at,
    min(if(category IN ('usage', 'billing'), received_at, toDateTime64('2299-12-31', 3, 'UTC'))) AS first_used_known_at
FROM signal_log WHERE _ended = '' GROUP BY account_id;

DROP VIEW IF EXISTS accounts_of_signals;
