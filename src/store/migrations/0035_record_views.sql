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
    INDEX by_stored_at stored_at TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ended)
ORDER BY (day, key, content, again)
SETTINGS index_granularity = 1024;

CREATE MATERIALIZED VIEW index_of_signals TO record_index AS
SELECT toDate(occurred_at) AS day, xxHash64(concat('signal:', toString(length(source)), ':', source, id)) AS key, _content AS content, _again AS again,
    received_at, toUInt8(_ended != '') AS ended, toUInt8(_load != '') AS loaded, stored_at
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

INSERT INTO record_index SELECT toDate(occurred_at), xxHash64(concat('signal:', toString(length(source)), ':', source, id)), _content, _again,
    received_at, toUInt8(_ended != ''), toUInt8(_load != ''), stored_at
FROM signal_log SETTINGS max_partitions_per_insert_block = 0;

INSERT INTO record_index SELECT toDate(occurred_at),
    xxHash64(concat('subscription:', toString(length(account_id)), ':', account_id, toString(length(subscription_id)), ':', subscription_id,
        toString(toUnixTimestamp64Milli(occurred_at)))),
    _content, _again, received_at, toUInt8(_ended != ''), toUInt8(_load != ''), stored_at
FROM subscription_log SETTINGS max_partitions_per_insert_block = 0;

INSERT INTO record_index SELECT toDate(occurred_at), xxHash64(concat('outcome:', toString(length(source)), ':', source, id)), _content, _again,
    received_at, toUInt8(_ended != ''), toUInt8(_load != ''), stored_at
FROM outcome_log SETTINGS max_partitions_per_insert_block = 0;

ALTER TABLE accounts ADD COLUMN IF NOT EXISTS last_stored_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'When something of it was last stored';
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS emptied_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'When the last of it was retracted or withdrawn; 1970: never';

CREATE MATERIALIZED VIEW accounts_of_signals TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at, max(stored_at) AS last_stored_at FROM signal_log WHERE _ended = '' GROUP BY account_id;

CREATE MATERIALIZED VIEW accounts_of_subscriptions TO accounts AS
SELECT account_id, min(occurred_at) AS first_seen_at, max(stored_at) AS last_stored_at FROM subscription_log WHERE _ended = '' GROUP BY account_id;

-- What is to be left out: one record by its identity, or all that a source or an account had sent up to a time.
CREATE TABLE retraction_log
(
    retraction_id String COMMENT 'Its id',
    kind LowCardinality(String) COMMENT 'signal, subscription or outcome; empty: every record of source and account',
    key UInt64 COMMENT 'Hash of the identity of the one record; 0: all of source and account',
    source String COMMENT 'Source of what is left out; empty: every source',
    id String COMMENT 'Id of the one record; empty: all of source and account',
    account_id String COMMENT 'Account of what is left out; empty: every account',
    retracted_at DateTime64(3, 'UTC') COMMENT 'What had arrived by then is left out',
    reason String COMMENT 'Why, in words',
    author String COMMENT 'Who retracted it; empty: the producer',
    undone_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When it was taken back; NULL: it stands',
    undone_by String COMMENT 'Who took it back',
    stored_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When the row was stored'
)
ENGINE = ReplacingMergeTree(stored_at)
ORDER BY (key, retraction_id);

-- Every retraction, those that were taken back included.
CREATE VIEW retractions AS
SELECT retraction_id, kind, source, id, account_id, retracted_at, reason, author, undone_at, undone_by, stored_at
FROM retraction_log FINAL;

DROP VIEW IF EXISTS signals;

-- Every signal exactly once, as it was last sent. What was retracted is not in it.
CREATE VIEW signals AS
SELECT account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at, stored_at, _load, _topic, _partition, _offset
FROM signal_log FINAL
WHERE _ended = ''
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- Every version of every signal that ever held: those that were corrected, retracted or withdrawn too, each with when and why.
CREATE VIEW signal_versions AS
SELECT account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at,
    if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, stored_at, _load, _topic, _partition, _offset
FROM signal_log FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

DROP VIEW IF EXISTS subscriptions;
DROP VIEW IF EXISTS subscription_history;

-- Every version of every subscription exactly once, each from occurred_at on, as it was last sent.
CREATE VIEW subscription_history AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, currency,
    start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features, received_at, stored_at, _load, _topic, _partition, _offset
FROM subscription_log FINAL
WHERE _ended = '';

-- Every subscription as it stands now.
CREATE VIEW subscriptions AS
SELECT * FROM subscription_history
ORDER BY account_id, subscription_id, occurred_at DESC
LIMIT 1 BY account_id, subscription_id;

-- Everything that was ever sent of subscriptions: what was corrected, retracted or withdrawn too, each with when and why.
CREATE VIEW subscription_versions AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, currency,
    start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features, received_at,
    if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, stored_at, _load, _topic, _partition, _offset
FROM subscription_log FINAL;

DROP VIEW IF EXISTS outcomes;

-- Every outcome exactly once, as it was last sent.
CREATE VIEW outcomes AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, currency, term_start, term_end, reason, voluntary,
    decision_id, received_at, stored_at, _load, _topic, _partition, _offset
FROM outcome_log FINAL
WHERE _ended = '';

-- Every version of every outcome that ever held: those that were corrected, retracted or withdrawn too, each with when and why.
CREATE VIEW outcome_versions AS
SELECT account_id, subscription_id, occurred_at, source, id, kind, arr_before_minor, arr_after_minor, currency, term_start, term_end, reason, voluntary,
    decision_id, received_at, if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, stored_at, _load, _topic, _partition,
    _offset
FROM outcome_log FINAL;

DROP VIEW IF EXISTS rejected_signals;

-- Every refused message exactly once.
CREATE VIEW rejected_signals AS
SELECT _topic, _partition, _offset, reason, detail, field, id, raw, headers, received_at, stored_at, _load
FROM rejection_log FINAL;
