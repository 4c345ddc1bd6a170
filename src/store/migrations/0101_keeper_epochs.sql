-- The keeper's generation beside its epoch: generations of a group that is made anew begin at 1 again, and epochs go on.
ALTER TABLE limit_grants ADD COLUMN IF NOT EXISTS generation UInt64 DEFAULT epoch COMMENT 'Generation of its group in which the keeper gave it' AFTER epoch;

ALTER TABLE limit_grants COMMENT COLUMN epoch 'Epoch of the keeper: only grants of the highest count';
