import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Signal } from '../../src/signals/signal.js';
import type { Subscription } from '../../src/signals/subscription.js';

/**
 * The features as the domain defines them, in plain loops over signals: written from their descriptions, not from the SQL
 * of scoring/features.yaml, so that the two can be held against each other.
 */
export type FeatureRow = Readonly<Record<string, number | boolean | null>>;

/** Features of everyone by "account subscription", as of a time; `knownAt`: only what had arrived by then. */
export function referenceFeatures(
  deliveries: readonly Delivery[],
  asOf: Millis,
  knownAt = Number.POSITIVE_INFINITY,
): ReadonlyMap<string, FeatureRow> {
  const inBacktest = knownAt !== Number.POSITIVE_INFINITY;
  const signals = new Map<string, Map<string, Signal>>();
  const contracts = new Map<string, Map<string, Subscription>>();
  const accounts = new Map<string, Heard>();
  const sentAt = new Map<string, Millis>();
  for (const { record, receivedAt } of deliveries) {
    if (record.kind !== 'signal' && record.kind !== 'subscription') continue;
    const { accountId, occurredAt } = record.kind === 'signal' ? record.signal : record.subscription;
    const heard = accounts.get(accountId) ?? { seen: NEVER, known: NEVER, used: NEVER };
    accounts.set(accountId, heard);
    heard.seen = Math.min(heard.seen, occurredAt);
    heard.known = Math.min(heard.known, receivedAt);
    if (record.kind === 'signal' && ['usage', 'billing'].includes(record.signal.category))
      heard.used = Math.min(heard.used, inBacktest ? receivedAt : occurredAt);
    if (occurredAt > asOf || receivedAt > knownAt) continue;
    if (record.kind === 'signal') {
      const { signal } = record;
      const { category, type, source, id } = signal;
      sentAt.set(type, Math.max(sentAt.get(type) ?? occurredAt, occurredAt));
      within(signals, accountId).set([category, type, occurredAt, source, id].join('\n'), signal);
    } else {
      const { subscription } = record;
      const versions = within(contracts, accountId);
      const known = versions.get(subscription.subscriptionId);
      const isFirst = known === undefined || (isAhead(known, asOf) && !isAhead(subscription, asOf));
      const isLater =
        known !== undefined &&
        occurredAt >= known.occurredAt &&
        (isAhead(known, asOf) || !isAhead(subscription, asOf));
      if (isFirst || isLater) versions.set(subscription.subscriptionId, subscription);
    }
  }
  const rows = new Map<string, FeatureRow>();
  for (const [account, { seen, known, used }] of accounts) {
    if (seen > asOf || known > knownAt) continue;
    const all = [...(signals.get(account)?.values() ?? [])];
    const own = contracts.get(account);
    if (own === undefined) {
      rows.set(`${account} ${account}`, featuresOf(all, null, asOf, sentAt, used));
      continue;
    }
    for (const contract of own.values()) {
      if (!RUNS.includes(contract.status) || isAhead(contract, asOf) || isOver(contract, asOf)) continue;
      const { subscriptionId } = contract;
      const about = all.filter((s) => s.subscriptionId === '' || s.subscriptionId === subscriptionId);
      const since = Math.min(contract.start ?? NEVER, inBacktest ? known : seen);
      rows.set(`${account} ${subscriptionId}`, featuresOf(about, contract, asOf, sentAt, since));
    }
  }
  return rows;
}

const RUNS: readonly string[] = ['active', 'trialing', 'past_due'];

/** Whether it has not begun: until then the state before it counts. */
function isAhead({ status, start }: Subscription, asOf: Millis): boolean {
  return RUNS.includes(status) && start !== null && start > asOf;
}

/** Whether the day of its end has come. */
function isOver({ end }: Subscription, asOf: Millis): boolean {
  return end !== null && end <= asOf;
}

/** When an account was first heard of: by what is said, by arrival, and the first sign that it is a customer. */
interface Heard {
  seen: Millis;
  known: Millis;
  used: Millis;
}
const NEVER = Number.POSITIVE_INFINITY;

function within<V>(all: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const found = all.get(key) ?? new Map<string, V>();
  all.set(key, found);
  return found;
}

function featuresOf(
  signals: readonly Signal[],
  contract: Subscription | null,
  asOf: Millis,
  sentAt: ReadonlyMap<string, Millis>,
  since: Millis,
): FeatureRow {
  const age = (s: Signal) => (asOf - s.occurredAt) / DAY_MS;
  const ever = (types: string | readonly string[]) => signals.filter((s) => [types].flat().includes(s.type));
  const of = (types: string | readonly string[], days = 400) => ever(types).filter((s) => age(s) < days);
  const days = (from: Millis, to: Millis) => (to - from) / DAY_MS;
  const observed = Math.max(0, days(since, asOf));
  /** Whether it says something that none of these came in so many days. */
  const tells = (types: string | readonly string[], within = 400) =>
    observed >= 14 &&
    [types].flat().some((type) => days(sentAt.get(type) ?? -NEVER, asOf) < Math.max(90, within));
  /** A number of signals, or of what they name; nought only where that says something. */
  const zeroOr = (found: number, types: string | readonly string[], within = 400) =>
    found > 0 ? found : tells(types, within) ? 0 : null;
  const { start = null, renewal = null, seats = null, planFeatures = null } = contract ?? {};
  const count = (type: string | readonly string[], within: number) =>
    zeroOr(of(type, within).length, type, within);
  const daysSince = (types: string | readonly string[]) =>
    of(types).length > 0 ? Math.min(...of(types).map(age)) : tells(types) ? Math.min(400, observed) : null;
  const ratio = (part: number | null, all: number | null) => (part === null || !all ? null : part / all);

  return {
    ...usage(),
    ...billing(),
    ...support(),
    ...marketing(),
    days_to_renewal: renewal === null ? null : days(asOf, renewal),
    in_notice_window:
      renewal === null ? null : asOf >= renewal - (contract?.noticeDays ?? 30) * DAY_MS && asOf <= renewal,
    tenure_days: start === null ? null : Math.max(0, days(start, asOf)),
    auto_renew_off: autoRenewOff(),
    early_renewal_interest: earlyInterest(),
  };

  function usage(): FeatureRow {
    const core = of('core_action_completed');
    const [week, month] = [core.filter((s) => age(s) < 7), core.filter((s) => age(s) >= 7 && age(s) < 35)];
    const weekly = Array.from(
      { length: 8 },
      (_, w) => core.filter((s) => Math.floor(age(s) / 7) === w).length,
    );
    const active = last(of('active_users_reported', 45).filter((s) => s.value !== null));
    const used = of('feature_used', 28).flatMap((s) => s.attributes.feature_key || []);
    const recent = of('core_action_completed', 28);
    const userWeeks = new Set(
      recent.map((s) => JSON.stringify([s.attributes.user_ref ?? '', Math.floor(age(s) / 7)])),
    );
    const steps = of('onboarding_step');
    const done = new Set(
      steps.filter((s) => s.attributes.status === 'done').flatMap((s) => s.attributes.step || []),
    );
    const totals = steps.flatMap((s) => number(s.attributes.steps_total) ?? []);
    const allSteps = totals.length === 0 ? null : Math.max(...totals);
    const first = of('milestone_reached').filter((s) => s.attributes.first_value === 'true');
    const firstAt = Math.min(...first.map((s) => s.occurredAt));
    const anyUse = of(USE, 28);
    return {
      usage_velocity_7_28:
        week.length + month.length < 12 || month.length === 0
          ? null
          : clip(week.length / 7 / (month.length / 28) - 1, -1, 3),
      usage_trend_slope:
        sum(weekly) < 8 ? null : slope(weekly.map((n, w): [number, number] => [-w, Math.log(1 + n)])),
      days_since_last_core_action: daysSince('core_action_completed'),
      active_days_28d:
        observed < 14 ? null : zeroOr(new Set(anyUse.map((s) => Math.floor(age(s)))).size, USE, 28),
      seat_utilisation: active === undefined || !seats ? null : Math.min(2, active.value! / seats),
      adoption_breadth:
        !planFeatures || observed < 14
          ? null
          : ratio(zeroOr(new Set(used).size, 'feature_used', 28), planFeatures),
      adoption_depth: userWeeks.size === 0 ? null : recent.length / userWeeks.size,
      onboarding_completion: ratio(zeroOr(done.size, 'onboarding_step'), allSteps),
      time_to_value_days: first.length === 0 || start === null ? null : Math.max(0, days(start, firstAt)),
      ...quota(),
    };
  }

  function quota(): FeatureRow {
    const meters = of('meter_reported', 35)
      .map((s) => ({
        share: (s.value ?? Number.NaN) / (number(s.attributes.quota) ?? Number.NaN),
        signal: s,
      }))
      .filter(({ share }) => Number.isFinite(share))
      .sort((a, b) => b.share - a.share || b.signal.occurredAt - a.signal.occurredAt);
    const [fullest] = meters;
    if (fullest === undefined) return { quota_utilisation: null, days_to_quota: null };
    const { share, signal } = fullest;
    const reported = age(signal);
    const end = time(signal.attributes.period_end);
    const toEnd = end === null ? 0 : days(signal.occurredAt, end);
    const perDay = share / Math.max(1, 30 - toEnd);
    // After the period's end the next one has begun, with nothing used.
    const [used, left] =
      reported < toEnd
        ? [share + perDay * reported, toEnd - reported]
        : [perDay * (reported - toEnd), toEnd + 30 - reported];
    const runsOut = (1 - used) / perDay;
    return {
      quota_utilisation: Math.min(5, share),
      days_to_quota: Number.isFinite(1 / perDay) && runsOut < left ? Math.max(0, runsOut) : null,
    };
  }

  function billing(): FeatureRow {
    const paidAt = latest(of(['invoice_paid', 'payment_recovered']));
    const failed = of('payment_failed', 180).filter((s) => s.occurredAt > paidAt);
    const invoices = groups(ever(['invoice_overdue', 'invoice_paid']), 'invoice_id').flatMap((invoice) => {
      const overdue = invoice.filter((s) => s.type === 'invoice_overdue');
      if (latest(overdue) < latest(invoice)) return [];
      const since = overdue
        .map((s) => s.occurredAt - (number(s.attributes.days_past_due) ?? 0) * DAY_MS)
        .filter(Number.isFinite);
      return since.length === 0 ? [] : [days(Math.min(...since), asOf)];
    });
    const expiring = last(
      of('payment_method_expiring').filter((s) => time(s.attributes.expires_on) !== null),
    );
    const renewed = latest(of('payment_method_updated')) >= latest(of('payment_method_expiring'));
    const year = asOf - 365 * DAY_MS;
    const discounts = ever('discount_applied').map((s): [number, number] => {
      const end = time(s.attributes.ends_at) ?? s.occurredAt + 30 * DAY_MS;
      return [Math.max(year, s.occurredAt), Math.min(asOf, end)];
    });
    const announced = last(
      of('price_change_announced', 180).filter(
        (s) => s.value !== null && Number.isFinite(100 * (s.value / (number(s.attributes.old) ?? 0) - 1)),
      ),
    );
    const quoted = last(
      of('renewal_quote_sent', 180).filter((s) => number(s.attributes.uplift_pct) !== null),
    );
    return {
      payments_365d: count('invoice_paid', 365),
      failed_payment_streak: zeroOr(failed.length, 'payment_failed', 180),
      days_past_due_max: invoices.length > 0 ? Math.max(...invoices) : zeroOr(0, 'invoice_overdue'),
      payment_method_days_left:
        expiring === undefined || renewed
          ? null
          : clip(days(asOf, time(expiring.attributes.expires_on)!), -400, 400),
      discount_dependency: zeroOr(covered(discounts) / (365 * DAY_MS), 'discount_applied', 365),
      price_uplift_pct:
        announced !== undefined && (quoted === undefined || announced.occurredAt >= quoted.occurredAt)
          ? 100 * (announced.value! / number(announced.attributes.old)! - 1)
          : quoted === undefined
            ? null
            : number(quoted.attributes.uplift_pct),
    };
  }

  function support(): FeatureRow {
    const tickets = groups(ever(['ticket_opened', 'ticket_solved', 'ticket_reopened']), 'ticket_id');
    const open = tickets.filter((t) => latest(t.filter((s) => s.type !== 'ticket_solved')) >= latest(t));
    const ages = open
      .map((t) => t.filter((s) => s.type === 'ticket_opened').map((s) => 24 * age(s)))
      .filter((opened) => opened.length > 0)
      .map((opened) => Math.max(...opened))
      .sort((a, b) => a - b);
    const moods = of('sentiment_scored', 180).filter((s) => s.value !== null);
    const weight = (s: Signal) => 0.5 ** (age(s) / 14);
    const csat = of('csat_response', 90).flatMap((s) => (s.value === null ? [] : bounded(s.value)));
    return {
      ticket_backlog: zeroOr(open.length, OPENS),
      backlog_age_p90_h: zeroOr(ages[Math.ceil(0.9 * ages.length) - 1] ?? 0, OPENS),
      backlog_resolution_rate: ratio(count('ticket_solved', 28), count('ticket_opened', 28)),
      reopen_rate:
        (count('ticket_solved', 90) ?? 0) < 3
          ? null
          : ratio(count('ticket_reopened', 90), count('ticket_solved', 90)),
      sla_breach_rate: ratio(count('sla_breached', 90), count('ticket_opened', 90)),
      sentiment_ewma:
        moods.length === 0
          ? null
          : sum(moods.map((s) => bounded(s.value!) * weight(s))) / sum(moods.map(weight)),
      csat_90d: csat.length === 0 ? null : sum(csat) / csat.length,
    };
  }

  function marketing(): FeatureRow {
    const nps = last(of('nps_response').filter((s) => s.value !== null));
    const clicked = (within: number) => count('email_clicked', within);
    const mailed = (within: number) => count('email_sent', within);
    const rate = (within: number) => ratio(clicked(within), mailed(within));
    const meetings = of('meeting_held', 180);
    const champion = (change: string) =>
      latest(
        of('contact_changed', 90).filter(
          (s) => s.attributes.role === 'champion' && s.attributes.change === change,
        ),
      );
    const left = of('contact_changed', 90).filter(
      (s) => s.attributes.role === 'champion' && s.attributes.change === 'left',
    );
    const questions = count('cancel_question', 30);
    const CANCEL_PAGE = 'pricing_or_cancel_page_viewed';
    const views = zeroOr(
      of(CANCEL_PAGE, 30).filter((s) => s.attributes.page === 'cancel').length,
      CANCEL_PAGE,
      30,
    );
    return {
      nps_latest: nps === undefined ? null : 7 + (nps.value! - 7) * Math.exp(-age(nps) / 180),
      email_engagement_decay:
        (mailed(30) ?? 0) < 2 || (clicked(180) ?? 0) < 2 || clicked(30) === null
          ? null
          : clip(rate(30)! / rate(180)! - 1, -1, 3),
      days_since_contact: daysSince(['meeting_held', 'training_attended']),
      champion_left_90d:
        left.length > 0 ? champion('left') > champion('joined') : tells('contact_changed', 90) ? false : null,
      sponsor_present:
        meetings.length === 0
          ? null
          : meetings.filter((s) => s.attributes.sponsor_present === 'true').length / meetings.length,
      cancel_interest_30d: questions === null && views === null ? null : (questions ?? 0) + (views ?? 0),
    };
  }

  function earlyInterest(): boolean | null {
    if (renewal === null) return null;
    const early = of('renewal_quote_viewed', 365).some(
      (s) => s.occurredAt < renewal - 60 * DAY_MS && s.occurredAt > renewal - 365 * DAY_MS,
    );
    return early || (tells('renewal_quote_viewed', 365) ? false : null);
  }

  function autoRenewOff(): boolean | null {
    const disabled = of('auto_renew_disabled', 365).length > 0;
    const autoRenew = contract?.autoRenew ?? null;
    return autoRenew === null && !disabled ? null : disabled || autoRenew === false;
  }
}

/** A text as a number; null: it is none, or none that can be computed with. */
function number(text: string | undefined): number | null {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** A text as a time; null: it is none. The store's times end with the year 2299. */
function time(text: string | undefined): Millis | null {
  const value = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(value) ? null : Math.min(value, Date.UTC(2299, 11, 31, 23, 59, 59, 999));
}

/** Sums are of values up to 1e15. */
const bounded = (value: number) => clip(value, -1e15, 1e15);

const OPENS = ['ticket_opened', 'ticket_reopened'];
const USE = ['core_action_completed', 'feature_used', 'session_started'];
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const clip = (value: number, least: number, most: number) => Math.max(least, Math.min(most, value));
/** Time of the latest of them; minus infinity when there is none. */
const latest = (signals: readonly Signal[]) => Math.max(...signals.map((s) => s.occurredAt));

/** The latest of them; of equal time the one with the larger value. */
function last(signals: readonly Signal[]): Signal | undefined {
  return [...signals].sort((a, b) => b.occurredAt - a.occurredAt || (b.value ?? 0) - (a.value ?? 0))[0];
}

function groups(signals: readonly Signal[], attribute: string): Signal[][] {
  const found = new Map<string, Signal[]>();
  for (const signal of signals) {
    const key = signal.attributes[attribute] ?? '';
    if (key === '') continue;
    found.set(key, [...(found.get(key) ?? []), signal]);
  }
  return [...found.values()];
}

/** Least-squares slope. */
function slope(points: readonly [number, number][]): number {
  const [mx, my] = [
    sum(points.map(([x]) => x)) / points.length,
    sum(points.map(([, y]) => y)) / points.length,
  ];
  return sum(points.map(([x, y]) => (x - mx) * (y - my))) / sum(points.map(([x]) => (x - mx) ** 2));
}

/** Length of what intervals cover together. */
function covered(intervals: readonly [number, number][]): number {
  let [total, reached] = [0, Number.NEGATIVE_INFINITY];
  for (const [from, to] of [...intervals].sort(([a], [b]) => a - b)) {
    total += Math.max(0, to - Math.max(from, reached));
    reached = Math.max(reached, to);
  }
  return total;
}
