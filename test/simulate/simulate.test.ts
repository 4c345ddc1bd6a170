import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { PerennialError } from '../../src/core/errors.js';
import { LIMITS } from '../../src/core/limits.js';
import { EMPTY_CATALOGUE } from '../../src/signals/catalogue.js';
import { parseMessage } from '../../src/signals/parse.js';
import { plainOutcome, plainSubscription } from '../../src/signals/serialise.js';
import { CATEGORIES, type Signal } from '../../src/signals/signal.js';
import { ARRIVAL, DEFAULT_END, LATE_AFTER_MS } from '../../src/simulate/model.js';
import type { SimulatedRecord } from '../../src/simulate/outbox.js';
import { type SimulateOptions, simulate } from '../../src/simulate/simulate.js';
import { signalMessage } from '../../src/simulate/wire.js';

const SMALL: SimulateOptions = { seed: 11, accounts: 60, days: 120 };

function message({ record }: SimulatedRecord): object {
  if (record.kind === 'signal') return signalMessage(record.signal);
  if (record.kind === 'outcome') return plainOutcome(record.outcome);
  return plainSubscription(record.subscription);
}

function lines(options: SimulateOptions): string[] {
  return Array.from(
    simulate(options).records(),
    (item) => `${item.receivedAt} ${JSON.stringify(message(item))}`,
  );
}

/** JSON with the keys in order, so that equal records are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

function accountOf({ record }: SimulatedRecord): string {
  if (record.kind === 'signal') return record.signal.accountId;
  return record.kind === 'outcome' ? record.outcome.accountId : record.subscription.accountId;
}

describe('a simulation', () => {
  test('is the same, byte by byte, for the same options', () => {
    expect(lines(SMALL)).toEqual(lines(SMALL));
    expect([...simulate(SMALL).truth()]).toEqual([...simulate(SMALL).truth()]);
  });

  test('has the bytes it had when this test was written, on every machine and Node version', () => {
    const hash = createHash('sha256');
    for (const line of lines({ seed: 1, accounts: 10, days: 90 })) hash.update(line);
    for (const truth of simulate({ seed: 1, accounts: 10, days: 90 }).truth())
      hash.update(JSON.stringify(truth));
    // A change of the model changes this hash; a change of anything else must not.
    expect(hash.digest('hex').slice(0, 16)).toMatchInlineSnapshot(`"f97b1137ed1cdb8a"`);
  });

  test('differs for another seed', () => {
    expect(lines({ ...SMALL, seed: 12 })).not.toEqual(lines(SMALL));
  });

  test('of fewer accounts is the larger one without the further accounts', () => {
    const few = [...simulate({ ...SMALL, accounts: 25 }).records()];
    const known = new Set(few.map(accountOf));
    const many = [...simulate(SMALL).records()].filter((item) => known.has(accountOf(item)));
    expect(many).toEqual(few);
    expect(known.size).toBeGreaterThan(20);
  });

  test('can be read in slices, which together hold the whole', () => {
    const slices = [
      ...lines({ ...SMALL, accounts: 20 }),
      ...lines({ ...SMALL, accounts: 40, firstAccount: 20 }),
    ];
    expect(slices.sort()).toEqual(lines(SMALL).sort());
  });

  test.each([
    ['seed', { seed: -1 }],
    ['seed', { seed: 1.5 }],
    ['accounts', { accounts: 0 }],
    ['accounts', { accounts: 2_000_000 }],
    ['days', { days: 0 }],
    ['end', { end: DEFAULT_END + 1 }],
  ])('refuses a wrong %s', (name, wrong) => {
    try {
      simulate({ ...SMALL, ...wrong });
      expect.unreachable();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(PerennialError);
      expect((thrown as PerennialError).code).toBe('invalid_argument');
      expect((thrown as PerennialError).message).toContain(name);
    }
  });
});

describe('what arrives', () => {
  const options: SimulateOptions = { seed: 3, accounts: 250, days: 365 };
  const { period } = simulate(options);
  let items: SimulatedRecord[];
  let signals: { signal: Signal; receivedAt: number }[];
  beforeAll(() => {
    items = [...simulate(options).records()];
    signals = items.flatMap(({ record, receivedAt }) =>
      record.kind === 'signal' ? [{ signal: record.signal, receivedAt }] : [],
    );
  });

  test('comes in order of arrival, within the period, never before it occurred', () => {
    let last = period.start;
    const wrong = items.filter(({ record, receivedAt }) => {
      const at =
        record.kind === 'signal'
          ? record.signal.occurredAt
          : record.kind === 'outcome'
            ? record.outcome.occurredAt
            : record.subscription.occurredAt;
      const disorder = receivedAt < last || receivedAt >= period.end || at > receivedAt;
      last = receivedAt;
      return disorder;
    });
    expect(wrong).toEqual([]);
  });

  test('is read back by the parser as what was sent, in whichever form', () => {
    const context = { receivedAt: period.end, catalogue: EMPTY_CATALOGUE };
    for (const item of items) {
      const parsed = parseMessage({ body: Buffer.from(JSON.stringify(message(item))) }, 'any', context);
      // Comparing text is much quicker than comparing objects, a hundred thousand times.
      if (canonical(parsed) !== canonical(item.record)) expect(parsed).toEqual(item.record);
    }
  });

  test('keeps the limits of signals', () => {
    const bytes = (text: string) => Buffer.byteLength(text);
    const wrong = signals.filter(({ signal }) => {
      const { id, source, type, category, accountId, subscriptionId, occurredAt, value, attributes } = signal;
      const entries = Object.entries(attributes);
      return !(
        [id, source, accountId].every((text) => bytes(text) > 0 && bytes(text) <= LIMITS.idBytes) &&
        bytes(subscriptionId) <= LIMITS.idBytes &&
        /^[a-z0-9_]+$/.test(type) &&
        bytes(type) <= LIMITS.typeBytes &&
        CATEGORIES.includes(category) &&
        Number.isInteger(occurredAt) &&
        occurredAt >= LIMITS.earliestTime &&
        (value === null || Number.isFinite(value)) &&
        entries.length <= LIMITS.attributes &&
        entries.every(
          ([key, text]) =>
            bytes(key) > 0 &&
            bytes(key) <= LIMITS.attributeKeyBytes &&
            typeof text === 'string' &&
            bytes(text) <= LIMITS.attributeValueBytes,
        )
      );
    });
    expect(wrong).toEqual([]);
    expect(signals.length).toBeGreaterThan(100_000);
  });

  test('has duplicates in the stated share: the same source, id and content, and no other ids twice', () => {
    const seen = new Map<string, Signal>();
    let duplicates = 0;
    for (const { signal } of signals) {
      const key = `${signal.source} ${signal.id}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, signal);
      else {
        duplicates += 1;
        expect(signal).toEqual(first);
      }
    }
    const share = duplicates / seen.size;
    expect(share).toBeGreaterThan(ARRIVAL.duplicate.share * 0.8);
    expect(share).toBeLessThan(ARRIVAL.duplicate.share * 1.2);
  });

  test('is late in about the stated share, and so comes out of order', () => {
    const present = signals.filter(({ signal }) => signal.occurredAt >= period.start);
    const late = present.filter(({ signal, receivedAt }) => receivedAt - signal.occurredAt > LATE_AFTER_MS);
    const stated = ARRIVAL.late.share + ARRIVAL.duplicate.share;
    expect(late.length / present.length).toBeGreaterThan(stated * 0.7);
    expect(late.length / present.length).toBeLessThan(stated * 1.2);
    const disordered = present.filter(
      ({ signal }, i) => signal.occurredAt < (present[i - 1]?.signal.occurredAt ?? 0) - DAY_MS,
    );
    expect(disordered.length).toBeGreaterThan(100);
  });

  test('tells of all four categories, with and without a subscription', () => {
    const types = new Set(signals.map(({ signal }) => `${signal.category}.${signal.type}`));
    for (const type of [
      'usage.session_started',
      'usage.feature_used',
      'usage.core_action_completed',
      'usage.active_users_reported',
      'usage.meter_reported',
      'usage.quota_threshold_crossed',
      'usage.milestone_reached',
      'usage.onboarding_step',
      'usage.integration_changed',
      'usage.data_exported',
      'usage.admin_changed',
      'usage.error_experienced',
      'billing.invoice_issued',
      'billing.invoice_paid',
      'billing.invoice_overdue',
      'billing.payment_failed',
      'billing.payment_recovered',
      'billing.payment_method_expiring',
      'billing.payment_method_updated',
      'billing.dunning_stage_changed',
      'billing.discount_applied',
      'billing.price_change_announced',
      'billing.auto_renew_disabled',
      'billing.renewal_quote_sent',
      'billing.renewal_quote_viewed',
      'support.ticket_opened',
      'support.ticket_updated',
      'support.ticket_solved',
      'support.ticket_reopened',
      'support.sla_breached',
      'support.escalated',
      'support.csat_response',
      'support.sentiment_scored',
      'support.cancel_question',
      'marketing.email_sent',
      'marketing.email_opened',
      'marketing.email_clicked',
      'marketing.email_bounced',
      'marketing.nps_response',
      'marketing.training_attended',
      'marketing.meeting_held',
      'marketing.meeting_missed',
      'marketing.contact_changed',
      'marketing.competitor_mention',
      'marketing.pricing_or_cancel_page_viewed',
    ]) {
      expect(types, type).toContain(type);
    }
    const tickets = signals.filter(({ signal }) => signal.type === 'ticket_opened');
    expect(tickets.some(({ signal }) => signal.subscriptionId === '')).toBe(true);
    expect(tickets.some(({ signal }) => signal.subscriptionId !== '')).toBe(true);
  });

  test('rests at weekends and in summer', () => {
    const actions = signals.filter(({ signal }) => signal.type === 'core_action_completed');
    const count = (part: (date: Date) => boolean) =>
      actions.filter(({ signal }) => part(new Date(signal.occurredAt))).length;
    const weekend = count((date) => date.getUTCDay() % 6 === 0) / 2;
    const weekday = count((date) => date.getUTCDay() % 6 !== 0) / 5;
    expect(weekend).toBeLessThan(weekday * 0.3);
    expect(count((date) => date.getUTCMonth() === 7)).toBeLessThan(
      count((date) => date.getUTCMonth() === 9) * 0.9,
    );
  });

  test('stops at the end of a subscription', () => {
    const ended = new Map<string, number>();
    for (const { record } of items) {
      if (record.kind !== 'subscription' || record.subscription.status !== 'ended') continue;
      ended.set(record.subscription.subscriptionId, record.subscription.occurredAt);
    }
    const after = signals.filter(
      ({ signal }) => signal.occurredAt >= (ended.get(signal.subscriptionId) ?? Number.POSITIVE_INFINITY),
    );
    expect(after).toEqual([]);
    expect(ended.size).toBeGreaterThan(20);
  });
});
