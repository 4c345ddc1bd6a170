-- Every outcome exactly once, as it was last sent.
CREATE OR REPLACE VIEW outcomes AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, l.currency AS currency,
    arr_before_minor / c.minor_units AS arr_before, arr_after_minor / c.minor_units AS arr_after, arr_before * c.rate AS arr_before_reporting,
    arr_after * c.rate AS arr_after_reporting, term_start, term_end, reason, voluntary, decision_id, received_at, l.stored_at AS stored_at, _load, _topic,
    _partition, _offset
FROM (SELECT * FROM outcome_log FINAL WHERE _ended = '') AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every version of every outcome that ever held: those that were corrected, retracted or withdrawn too, each with when and why.
CREATE OR REPLACE VIEW outcome_versions AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, l.currency AS currency,
    arr_before_minor / c.minor_units AS arr_before, arr_after_minor / c.minor_units AS arr_after, arr_before * c.rate AS arr_before_reporting,
    arr_after * c.rate AS arr_after_reporting, term_start, term_end, reason, voluntary, decision_id, received_at, if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, l.stored_at AS stored_at, _load, _topic,
    _partition, _offset
FROM (SELECT * FROM outcome_log FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;
