import fc from 'fast-check';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import { CATEGORIES, type Category } from '../../src/signals/signal.js';
import { SUBSCRIPTION_STATUSES } from '../../src/signals/subscription.js';

/**
 * A business that no simulator would think of: values and attributes missing, signals exactly at the borders of windows, of
 * subscriptions nobody told of, arriving late, tickets solved before they open.
 */
export function oddBusiness(seed: number, asOf: Millis, accounts = 12): Delivery[] {
  const [drawn] = fc.sample(fc.array(account(asOf), { minLength: accounts, maxLength: accounts }), {
    seed,
    numRuns: 1,
  });
  let offset = 0;
  return drawn!.flatMap((records, a) =>
    records.map(({ late, ...record }): Delivery => {
      offset++;
      const accountId = `odd${a}`;
      const known =
        record.kind === 'signal'
          ? {
              kind: 'signal' as const,
              signal: { ...record.signal, accountId, source: 'odd', id: String(offset) },
            }
          : { kind: 'subscription' as const, subscription: { ...record.subscription, accountId } };
      const at = known.kind === 'signal' ? known.signal.occurredAt : known.subscription.occurredAt;
      return { record: known, origin: { topic: 'odd', partition: 0, offset }, receivedAt: at + late };
    }),
  );
}

const TYPES: Readonly<Record<Category, readonly string[]>> = {
  usage: [
    'core_action_completed',
    'core_action_completed',
    'core_action_completed',
    'feature_used',
    'feature_used',
    'feature_used',
    'session_started',
    'active_users_reported',
    'meter_reported',
    'onboarding_step',
    'milestone_reached',
    'made_up',
  ],
  billing: [
    'invoice_paid',
    'invoice_overdue',
    'payment_failed',
    'payment_recovered',
    'payment_method_expiring',
    'payment_method_updated',
    'discount_applied',
    'price_change_announced',
    'renewal_quote_sent',
    'renewal_quote_viewed',
    'auto_renew_disabled',
  ],
  support: [
    'ticket_opened',
    'ticket_solved',
    'ticket_reopened',
    'sla_breached',
    'sentiment_scored',
    'csat_response',
    'cancel_question',
  ],
  marketing: [
    'email_sent',
    'email_sent',
    'email_clicked',
    'nps_response',
    'training_attended',
    'meeting_held',
    'contact_changed',
    'pricing_or_cancel_page_viewed',
  ],
};
/** Borders of the windows of features, in days. */
const BORDERS = [0, 7, 28, 30, 35, 45, 56, 60, 90, 180, 365, 400];

function account(asOf: Millis) {
  const time = fc
    .oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 60 * DAY_MS }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 420 * DAY_MS }) },
      {
        weight: 1,
        arbitrary: fc
          .tuple(fc.constantFrom(...BORDERS), fc.integer({ min: -1, max: 1 }))
          .map(([d, ms]) => d * DAY_MS + ms),
      },
    )
    .map((age) => asOf - age);
  const date = fc
    .integer({ min: -200, max: 500 })
    .map((d) => new Date(asOf + d * DAY_MS + 3_600_000).toISOString());
  const attributes = fc.record(
    {
      user_ref: fc.constantFrom('u1', 'u2', 'u3'),
      feature_key: fc.constantFrom('f1', 'f2', 'f3'),
      quota: fc.constantFrom('0', '50', '100'),
      period_days: fc.integer({ min: 0, max: 30 }).map(String),
      first_value: fc.constantFrom('true', 'false'),
      invoice_id: fc.constantFrom('i1', 'i2'),
      days_past_due: fc.integer({ min: 0, max: 90 }).map(String),
      ends_at: date,
      old: fc.constantFrom('0', '1000'),
      uplift_pct: fc.constantFrom('3', '7.5', '-2'),
      ticket_id: fc.constantFrom('t1', 't2', 't3', 't4'),
      role: fc.constantFrom('champion', 'sponsor'),
      change: fc.constantFrom('joined', 'left'),
      sponsor_present: fc.constantFrom('true', 'false'),
      page: fc.constantFrom('cancel', 'pricing'),
    },
    { requiredKeys: ['user_ref', 'invoice_id', 'ticket_id'] },
  );
  // These say nothing without their attributes.
  const always = fc.record({
    expires_on: date,
    step: fc.constantFrom('s1', 's2', 's3'),
    status: fc.constantFrom('done', 'started'),
    steps_total: fc.constantFrom('3', '4'),
  });
  const signal = fc
    .record({
      category: fc.constantFrom(...CATEGORIES),
      pick: fc.nat(),
      occurredAt: time,
      value: fc.option(fc.double({ min: 0, max: 120, noNaN: true }), { freq: 5 }),
      subscriptionId: fc.constantFrom('', '', 's1', 's2', 'never-told'),
      attributes,
      always,
    })
    .map(({ pick, attributes: optional, always: rest, ...s }) => ({
      ...s,
      type: TYPES[s.category][pick % TYPES[s.category].length]!,
      attributes: { ...periodEnd(s.occurredAt, optional.period_days), ...optional, ...rest } as Record<
        string,
        string
      >,
    }));
  const dateAt = (days: number) => Math.floor((asOf + days * DAY_MS) / DAY_MS) * DAY_MS;
  const subscription = fc.record({
    subscriptionId: fc.constantFrom('s1', 's2'),
    occurredAt: time,
    status: fc.constantFrom('active', ...SUBSCRIPTION_STATUSES),
    product: fc.constantFrom('', 'crm'),
    plan: fc.constant('p'),
    tier: fc.constant(''),
    segment: fc.constantFrom('', 'smb'),
    region: fc.constant(''),
    addOns: fc.constantFrom([], ['x', 'y']),
    seats: fc.option(fc.integer({ min: 0, max: 50 })),
    arrMinor: fc.option(fc.integer({ min: 0, max: 10_000_000 })),
    currency: fc.constant('EUR'),
    start: fc.option(fc.integer({ min: -900, max: 10 }).map(dateAt)),
    end: fc.constant(null),
    renewal: fc.option(fc.integer({ min: -20, max: 300 }).map(dateAt)),
    termMonths: fc.constant(null),
    autoRenew: fc.option(fc.boolean()),
    noticeDays: fc.option(fc.integer({ min: 0, max: 90 })),
    owner: fc.constant(''),
    planFeatures: fc.option(fc.integer({ min: 0, max: 9 })),
  });
  const late = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 * DAY_MS }));
  const signals = fc.array(fc.record({ kind: fc.constant('signal' as const), signal, late }), {
    minLength: 0,
    maxLength: 160,
  });
  const versions = fc.uniqueArray(
    fc.record({ kind: fc.constant('subscription' as const), subscription, late }),
    { maxLength: 5, selector: ({ subscription: s }) => `${s.subscriptionId} ${s.occurredAt}` },
  );
  return fc.tuple(signals, versions).map(([a, b]) => [...a, ...b]);
}

/** Values that pass the door, or once did, and that nobody thinks of. */
const HOSTILE_NUMBERS = [1e308, -0, 0, 1e-300, 1e15];
const HOSTILE_TEXTS = [
  'NaN',
  '-0',
  '1e308',
  '1e999',
  '',
  ' ',
  'x',
  '2999-01-01T00:00:00Z',
  '\u0000',
  "'; --",
  'ü💥',
];
const LONG_TEXT = 'x'.repeat(8_192);

/** The same business with values and attributes that nobody thinks of. Of one account all numbers have one sign: sums of both cancel out. */
export function hostileBusiness(seed: number, asOf: Millis, accounts = 12): Delivery[] {
  const business = oddBusiness(seed, asOf, accounts);
  const draws = fc.sample(fc.nat(), { seed, numRuns: 4_096 });
  let draw = 0;
  const next = (below: number) => draws[draw++ % draws.length]! % below;
  return business.map((delivery, i): Delivery => {
    const { record } = delivery;
    if (record.kind === 'subscription')
      return {
        ...delivery,
        record: {
          ...record,
          subscription: { ...record.subscription, accountId: `hostile-${record.subscription.accountId}` },
        },
      };
    if (record.kind !== 'signal') return delivery;
    const { signal } = record;
    const sign = signal.accountId.length % 2 === 0 ? 1 : -1;
    const attributes = Object.fromEntries(
      Object.entries(signal.attributes).map(([name, value]) => {
        const pick = next(3 * HOSTILE_TEXTS.length);
        if (pick === 0) return [name, LONG_TEXT];
        return [name, HOSTILE_TEXTS[pick] ?? value];
      }),
    );
    const number = HOSTILE_NUMBERS[next(2 * HOSTILE_NUMBERS.length)];
    const value = number === undefined ? signal.value : sign * number;
    // No two at one time: which of two decides is the tie-break's, which goes by the value.
    const at = signal.occurredAt - 2 - i;
    return {
      ...delivery,
      record: {
        kind: 'signal',
        signal: {
          ...signal,
          accountId: `hostile-${signal.accountId}`,
          id: `hostile-${signal.id}`,
          value,
          attributes,
          occurredAt: at,
        },
      },
    };
  });
}

function periodEnd(from: Millis, days: string | undefined): Record<string, string> {
  return days === undefined ? {} : { period_end: new Date(from + Number(days) * DAY_MS).toISOString() };
}
