-- A call that sets or lifts an override is carried out once, however often it is tried.
ALTER TABLE risk_override_log
    ADD COLUMN IF NOT EXISTS request_key String DEFAULT '' COMMENT 'Hash of caller and request id; empty: none was given' AFTER until;
