-- Every retraction, those that were taken back included.
CREATE OR REPLACE VIEW retractions AS
SELECT retraction_id, kind, source, id, account_id, retracted_at, reason, author, undone_at, undone_by, stored_at
FROM retraction_log FINAL;

-- Every load of files, with what became of its records.
CREATE OR REPLACE VIEW loads AS
SELECT load_id, kind, source, mapping, files, status, started_at, finished_at, author, records_new, records_same, records_corrected, records_retracted,
    records_withdrawn, rows_rejected, undone_at, undone_by, undone_reason, stored_at
FROM load_log FINAL;
