/**
 * Signals of the year 2025 and one contract of each account. By SQL: the simulator would take many minutes, and what is measured
 * on them does not depend on its subtleties. `receivedAt` is the SQL of when a signal arrived. Does nothing where they are there.
 */
export async function fillStore(store, { subscriptions, signals, receivedAt, quiet }) {
  const [have] = await store.rows('SELECT count() AS rows FROM signal_log');
  if (have.rows >= signals) return;
  await store.command(
    `INSERT INTO subscription_log (account_id, subscription_id, occurred_at, status, product, plan, tier, segment, region, add_ons, seats, arr_minor,
       currency, start, renewal, auto_renew, notice_days, owner, plan_features, received_at, _topic, _partition, _offset)
     SELECT account, account, '2024-01-01', 'active', 'suite', 'pro', 'gold', ['smb', 'mid_market', 'enterprise'][1 + n % 3], 'emea', [], 10 + n % 90,
       100000 + (n % 1000) * 1000, 'EUR', '2024-01-01', toDateTime64('2026-01-01', 3, 'UTC') + toIntervalDay(n % 365), n % 5 > 0, 30,
       'owner-' || toString(n % 500), 12, '2024-01-01', 'bench', 0, n
     FROM (SELECT number AS n, 'acc-' || leftPad(toString(number), 7, '0') AS account FROM numbers({subscriptions:UInt64}))`,
    { subscriptions },
  );
  const step = 1_000_000;
  for (let from = 0; from < signals; from += step) {
    await store.command(
      `INSERT INTO signal_log (account_id, category, type, occurred_at, source, id, subscription_id, value, attributes, received_at, _topic, _partition, _offset)
       WITH number + {from:UInt64} AS n, cityHash64(n) AS h, h % 100 AS r,
         multiIf(r < 55, 'core_action_completed', r < 70, 'feature_used', r < 78, 'session_started', r < 82, 'active_users_reported', r < 86, 'email_sent',
           r < 88, 'email_clicked', r < 90, 'ticket_opened', r < 92, 'ticket_solved', r < 94, 'invoice_paid', r < 95, 'payment_failed',
           r < 96, 'csat_response', r < 98, 'sentiment_scored', r < 99, 'nps_response', 'meeting_held') AS t
       SELECT 'acc-' || leftPad(toString(cityHash64(h, 1) % {subscriptions:UInt64}), 7, '0'),
         multiIf(r < 82, 'usage', r < 88, 'marketing', r < 92, 'support', r < 95, 'billing', r < 98, 'support', 'marketing'), t,
         toDateTime64('2025-01-01', 3, 'UTC') + toIntervalMillisecond(cityHash64(h, 2) % (365 * 86400000)) AS occurred, 'bench', toString(n), '',
         multiIf(t = 'sentiment_scored', (h % 200) / 100 - 1, t = 'csat_response', 1 + h % 5, t = 'nps_response', h % 11, h % 50),
         multiIf(t = 'core_action_completed', map('action_key', 'a' || toString(h % 9), 'user_ref', 'u' || toString(h % 25)),
           t = 'feature_used', map('feature_key', 'f' || toString(h % 15)), t LIKE 'ticket%', map('ticket_id', 't' || toString(h % 7), 'severity', 'normal'),
           map('client', 'web')),
         ${receivedAt}, 'bench', 0, n
       FROM numbers({step:UInt64})`,
      { from, subscriptions, step: Math.min(step, signals - from) },
    );
    if (!quiet)
      process.stderr.write(`\rfilling: ${Math.min(100, Math.round((100 * (from + step)) / signals))} %`);
  }
  await store.command('OPTIMIZE TABLE signal_log FINAL');
  if (!quiet) process.stderr.write('\n');
}
