-- A fourth ruling: nobody can say whether a proposal fits, for want of a rate. What is open does not end by it.
ALTER TABLE limit_grants COMMENT COLUMN ruling 'pass, approve, suppress or undecided';
