-- An outcome that was corrected or retracted is an answer taken back: what came of it is undone. One that came back counts anew.
ALTER TABLE decision_inbox COMMENT COLUMN applied '0: it waits; 1: it was applied, or refused; 2: it was taken back, and what came of it waits to be undone; 3: that is done';

ALTER TABLE decision_inbox_of_outcomes MODIFY QUERY
SELECT account_id, decision_id, concat(source, '/', id, '/', toString(_content), if(_again > '1970-01-01', concat('/', toString(toUnixTimestamp64Milli(_again))), '')) AS answer_id,
    kind, occurred_at AS at, source AS actor, reason, toUInt8(if(_ended = '', 0, 2)) AS applied
FROM outcome_log WHERE decision_id != '';
