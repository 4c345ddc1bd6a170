// Decisions that have ended, spread evenly over the subscriptions of a benchmark and over the 400 days before 2026.
const STEP = 250_000;

export async function addDecisions(store, subscriptions, decisions) {
  for (let from = 0; from < decisions; from += STEP)
    await store.command(
      `INSERT INTO decision_event_log (account_id, subscription_id, decision_id, version, kind, action, ordinal, status, status_at, opened_at, presented_at,
         closed_at, expires_at, keep_until, rule, reasons, suppressed, candidates, priority, propensity, risk, band, currency, owner, event, at, actor)
       WITH number + {from:UInt64} AS n, 'acc-' || leftPad(toString(n % {subscriptions:UInt64}), 7, '0') AS account,
         toDateTime64('2026-01-01', 3, 'UTC') - toIntervalSecond(3600 + n % (400 * 86400)) AS at
       SELECT account, account, lower(hex(MD5(toString(n)))), 2, ['offer', 'escalation', 'touchpoint'][1 + n % 3], 'past_' || toString(n % 8),
         toUInt32(1 + intDiv(n, {subscriptions:UInt64})), ['expired', 'cleared', 'declined', 'lapsed'][1 + n % 4], at, at - toIntervalDay(10),
         if(n % 2 = 0, at - toIntervalDay(5), NULL), at, at, at, 'past', ['days_to_renewal is at most 60 days (days_to_renewal = 12)'], '[]', '[]', 1, 1, 50, 'high',
         'EUR', 'owner', 'cleared', at, 'time'
       FROM numbers({step:UInt64})`,
      { from, subscriptions, step: Math.min(STEP, decisions - from) },
    );
}
