-- Every signal exactly once, as it was last sent. What was retracted is not in it.
CREATE OR REPLACE VIEW signals AS
SELECT account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at, stored_at, _load, _topic, _partition, _offset
FROM signal_log FINAL
WHERE _ended = ''
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every version of every signal that ever held: those that were corrected, retracted or withdrawn too, each with when and why.
CREATE OR REPLACE VIEW signal_versions AS
SELECT account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at,
    if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, stored_at, _load, _topic, _partition, _offset
FROM signal_log FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every refused message exactly once.
CREATE OR REPLACE VIEW rejected_signals AS
SELECT _topic, _partition, _offset, reason, detail, field, id, raw, headers, received_at, stored_at, _load
FROM rejection_log FINAL;
