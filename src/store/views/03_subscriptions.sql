-- Every version of every subscription exactly once, each from occurred_at on, as it was last sent.
CREATE OR REPLACE VIEW subscription_history AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, l.currency AS currency,
    arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features,
    received_at, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (SELECT * FROM subscription_log FINAL WHERE _ended = '') AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Every subscription as it stands now, under the account that has it. One that has not begun yet has the status upcoming, one whose end has come is ended.
CREATE OR REPLACE VIEW subscriptions AS
SELECT account_id, subscription_id, occurred_at, multiIf(is_ahead, 'upcoming', is_over, 'ended', status) AS status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
    l.currency AS currency, arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner,
    plan_features, received_at, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (
    SELECT *, occurred_at > now64(3) OR (status IN ('active', 'trialing', 'past_due') AND ifNull(start > toDate32(now('UTC')), 0)) AS is_ahead,
        ifNull(end <= toDate32(now('UTC')), 0) AS is_over
    FROM subscription_log FINAL
    WHERE _ended = ''
        AND (account_id, subscription_id) NOT IN (SELECT account_id, subscription_id FROM moved_subscriptions FINAL WHERE holds = 1 AND moved_at <= now64(3))
    ORDER BY account_id, subscription_id, is_ahead, if(is_ahead, 1, -1) * toUnixTimestamp64Milli(occurred_at)
    LIMIT 1 BY account_id, subscription_id
) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;

-- Everything that was ever sent of subscriptions: what was corrected, retracted or withdrawn too, each with when and why.
CREATE OR REPLACE VIEW subscription_versions AS
SELECT account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor, l.currency AS currency,
    arr_minor / c.minor_units AS arr, arr * c.rate AS arr_reporting, start, end, renewal, term_months, auto_renew, notice_days, owner, plan_features,
    received_at, if(_ended = '', NULL, _until) AS ended_at, _ended AS ended, _ended_by AS ended_by, l.stored_at AS stored_at, _load, _topic, _partition, _offset
FROM (SELECT * FROM subscription_log FINAL) AS l
LEFT JOIN currencies AS c ON c.currency = l.currency;
