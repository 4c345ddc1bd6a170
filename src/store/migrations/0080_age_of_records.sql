-- What is known of the versions of signals can go with the signals (PERENNIAL_KEEP_SIGNALS_DAYS); that of subscriptions and outcomes stays.
ALTER TABLE record_index ADD COLUMN IF NOT EXISTS of_signal UInt8 DEFAULT 0 COMMENT '1: of a signal that was stored since there is this column' CODEC(ZSTD(1));

ALTER TABLE index_of_signals MODIFY QUERY
SELECT toDate(occurred_at) AS day, xxHash64(concat('signal:', toString(length(source)), ':', source, id)) AS key, _content AS content, _again AS again,
    received_at, toUInt8(_ended != '') AS ended, toUInt8(_load != '') AS loaded, stored_at, toUInt8(1) AS of_signal
FROM signal_log;
