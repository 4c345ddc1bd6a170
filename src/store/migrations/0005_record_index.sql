-- Which versions there are of each record, by the day it speaks of and a hash of its identity: what an arriving record is compared
-- with. Signals and outcomes are known by source and id, subscriptions by account, subscription and time.
CREATE TABLE record_index
(
    day Date COMMENT 'Day of occurred_at',
    key UInt64 COMMENT 'Hash of the identity' CODEC(NONE),
    content Int32 COMMENT 'Hash of the contents' CODEC(NONE),
    again DateTime64(3, 'UTC') COMMENT 'When the contents came back; 1970: the first time' CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') COMMENT 'When it arrived' CODEC(Delta, ZSTD(1)),
    ended UInt8 COMMENT '1: this version does not hold any more' CODEC(ZSTD(1)),
    loaded UInt8 COMMENT '1: a load brought this version' CODEC(ZSTD(1)),
    stored_at DateTime64(6, 'UTC') COMMENT 'When the row was stored' CODEC(Delta, ZSTD(1)),
    of_signal UInt8 DEFAULT 0 COMMENT '1: of a signal that was stored since there is this column' CODEC(ZSTD(1)),
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ended)
ORDER BY (day, key, content, again)
SETTINGS index_granularity = 1024, merge_selector_base = 8;

-- Up to when everything that was stored is settled: see settle-records.ts.
CREATE TABLE settlement_log
(
    settled_until DateTime64(6, 'UTC') COMMENT 'Of what was stored before, no two versions of one record hold'
)
ENGINE = ReplacingMergeTree(settled_until)
ORDER BY tuple();

CREATE MATERIALIZED VIEW index_of_signals TO record_index AS
SELECT toDate(occurred_at) AS day, xxHash64(concat('signal:', toString(length(source)), ':', source, id)) AS key, _content AS content, _again AS again,
    received_at, toUInt8(_ended != '') AS ended, toUInt8(_load != '') AS loaded, stored_at, toUInt8(1) AS of_signal
FROM signal_log;

CREATE MATERIALIZED VIEW index_of_subscriptions TO record_index AS
SELECT toDate(occurred_at) AS day,
    xxHash64(concat('subscription:', toString(length(account_id)), ':', account_id, toString(length(subscription_id)), ':', subscription_id,
        toString(toUnixTimestamp64Milli(occurred_at)))) AS key,
    _content AS content, _again AS again, received_at, toUInt8(_ended != '') AS ended, toUInt8(_load != '') AS loaded, stored_at
FROM subscription_log;

CREATE MATERIALIZED VIEW index_of_outcomes TO record_index AS
SELECT toDate(occurred_at) AS day, xxHash64(concat('outcome:', toString(length(source)), ':', source, id)) AS key, _content AS content, _again AS again,
    received_at, toUInt8(_ended != '') AS ended, toUInt8(_load != '') AS loaded, stored_at
FROM outcome_log;
