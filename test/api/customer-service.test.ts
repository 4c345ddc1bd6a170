import { create } from '@bufbuild/protobuf';
import { timestampFromMs, timestampMs } from '@bufbuild/protobuf/wkt';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  Band,
  Category,
  Code,
  type CustomerEvent,
  CustomerEventKind,
  SignalSchema,
  SubscriptionStatus,
} from '../../src/client/index.js';
import {
  errorOf,
  NOW,
  type ScoredEngine,
  type Served,
  scoredEngine,
  serve,
  violationsOf,
} from './support.js';

const HOUR = 3_600_000;
let scored: ScoredEngine;
let api: Served;
/** An account with decisions. */
let accountId: string;

beforeAll(async () => {
  scored = await scoredEngine(12);
  api = await serve(scored.engine);
  const { decisions } = await api.client.decisions.listDecisions({});
  accountId = decisions[0]!.accountId;
}, 120_000);
afterAll(async () => {
  await api.stop();
  await scored.close();
});

const customer = (id: string, paths?: string[]) =>
  api.client.customers.getCustomer({
    subject: { case: 'accountId', value: id },
    ...(paths === undefined ? {} : { readMask: { paths } }),
  });

it('shows what the services of the parts show', async () => {
  const shown = await customer(accountId);
  const of = { accountId };
  const { decisions } = await api.client.decisions.listDecisions({ filter: of });
  expect(shown.decisions).toEqual(decisions);
  expect(shown.decisions.length).toBeGreaterThan(0);
  const suppressed = await api.client.decisions.listSuppressions({
    ...of,
    startTime: timestampFromMs(NOW - 30 * 24 * HOUR),
  });
  expect(shown.suppressions).toEqual(suppressed.suppressions);
  const { risks } = await api.client.risks.listRisks({ filter: { accountIds: [accountId] } });
  expect(shown.subscriptions.flatMap(({ risk }) => risk ?? [])).toEqual(risks);
  const sum = risks.reduce((all, { arr }) => all + (arr?.minorUnits ?? 0n), 0n);
  expect(shown.arr.reduce((all, { minorUnits }) => all + minorUnits, 0n)).toBe(sum);
  const { events } = await api.client.customers.listCustomerEvents({ accountId, pageSize: 50 });
  expect(shown.events).toEqual(events);
  const bySubscription = await api.client.customers.getCustomer({
    subject: { case: 'subscriptionId', value: risks[0]!.subscriptionId },
  });
  expect(bySubscription).toEqual(shown);
});

it('has the latest ten signals of each category, and how many there were of late', async () => {
  const { signals } = await customer(accountId, ['signals']);
  expect(signals.map(({ category }) => category)).toContain(Category.USAGE);
  for (const { category, recentCount, signals: latest } of signals) {
    const name = Category[category].toLowerCase();
    const rows = await scored.store.rows<{ id: string; at: number }>(
      `SELECT id, toUnixTimestamp64Milli(occurred_at) AS at FROM signals WHERE account_id = {account:String} AND category = {name:String}
       ORDER BY occurred_at DESC, source, id`,
      { account: accountId, name },
    );
    expect(latest.map(({ id }) => id)).toEqual(rows.slice(0, 10).map(({ id }) => id));
    expect(Number(recentCount)).toBe(rows.filter(({ at }) => at >= NOW - 30 * 24 * HOUR).length);
  }
});

it('answers the fields of the mask alone, and names a path that is no field', async () => {
  const some = await customer(accountId, ['account_id', 'decisions']);
  expect([some.accountId, some.decisions.length > 0]).toEqual([accountId, true]);
  expect([some.subscriptions, some.signals, some.events, some.firstSeenTime]).toEqual([
    [],
    [],
    [],
    undefined,
  ]);
  const wrong = await errorOf(customer(accountId, ['decisions', 'decisions.rule']));
  expect(wrong.code).toBe(Code.InvalidArgument);
  expect(violationsOf(wrong)).toMatchObject([{ field: 'read_mask' }]);
});

it('is NOT_FOUND where nothing is known of the account', async () => {
  for (const call of [customer('nobody'), api.client.customers.listCustomerEvents({ accountId: 'nobody' })])
    expect((await errorOf(call)).code).toBe(Code.NotFound);
});

it('pages through all that happened, none twice and none left out, whatever happened at one time', async () => {
  const time = timestampFromMs(NOW - HOUR);
  const signals = Array.from({ length: 23 }, (_, i) =>
    create(SignalSchema, {
      ...{
        id: `tie-${i}`,
        source: i % 2 === 0 ? 'a' : 'ab',
        category: Category.SUPPORT,
        type: 'ticket_opened',
      },
      ...{ accountId, time, attributes: { ticket_id: `t-${i}` } },
    }),
  );
  await api.client.signals.ingestSignals({ signals });
  await scored.engine.idle();
  const walk = async (pageSize: number) => {
    const found: CustomerEvent[] = [];
    let pageToken = '';
    do {
      const page = await api.client.customers.listCustomerEvents({ accountId, pageSize, pageToken });
      expect(page.events.length).toBeLessThanOrEqual(pageSize);
      found.push(...page.events);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    return found;
  };
  const all = await walk(1_000);
  expect(await walk(97)).toEqual(all);
  const first = all.slice(0, 60);
  const small: CustomerEvent[] = [];
  for (let pageToken = '', i = 0; i < 60; i += 5) {
    const page = await api.client.customers.listCustomerEvents({ accountId, pageSize: 5, pageToken });
    small.push(...page.events);
    pageToken = page.nextPageToken;
  }
  expect(small).toEqual(first);
  const times = all.map(({ eventTime }) => timestampMs(eventTime!));
  expect(times).toEqual(times.toSorted((a, b) => b - a));
  expect(new Set(all.map(({ event }) => event.case))).toEqual(
    new Set(['signal', 'subscription', 'decision', 'band']),
  );
  const counted = await scored.store.rows<{ n: number }>(
    `SELECT (SELECT count() FROM signals WHERE account_id = {a:String}) + (SELECT count() FROM outcomes WHERE account_id = {a:String})
       + (SELECT count() FROM subscription_history WHERE account_id = {a:String})
       + (SELECT count() FROM decision_events WHERE account_id = {a:String}) AS n`,
    { a: accountId },
  );
  expect(all.filter(({ event }) => event.case !== 'band')).toHaveLength(counted[0]!.n);
});

it('keeps to kinds, times and a subscription', async () => {
  const of = { accountId, pageSize: 1_000 };
  const kinds = [CustomerEventKind.DECISION, CustomerEventKind.BAND];
  const { events } = await api.client.customers.listCustomerEvents({ ...of, kinds });
  expect(new Set(events.map(({ event }) => event.case))).toEqual(new Set(['decision', 'band']));
  const startTime = timestampFromMs(NOW - 48 * HOUR);
  const endTime = timestampFromMs(NOW - 24 * HOUR);
  const day = await api.client.customers.listCustomerEvents({ ...of, startTime, endTime });
  for (const { eventTime } of day.events) {
    expect(timestampMs(eventTime!)).toBeGreaterThanOrEqual(NOW - 48 * HOUR);
    expect(timestampMs(eventTime!)).toBeLessThan(NOW - 24 * HOUR);
  }
  const none = await api.client.customers.listCustomerEvents({ ...of, subscriptionId: 'of-nobody' });
  for (const { subscriptionId } of none.events) expect(subscriptionId).toBe('');
});

it('takes subscriptions in: they are scored, corrected, and refused one by one', async () => {
  const contract = {
    accountId: 'acc-upsert',
    subscriptionId: 'sub-upsert',
    time: timestampFromMs(NOW - 24 * HOUR),
    status: SubscriptionStatus.ACTIVE,
    plan: 'team',
    currency: 'EUR',
    arrMinor: 1_200_000n,
    renewalDate: '2026-03-31',
  };
  const checked = await api.client.customers.upsertSubscriptions({
    subscriptions: [contract],
    validateOnly: true,
  });
  expect([checked.acceptedCount, checked.rejectedCount]).toEqual([1, 0]);
  expect((await errorOf(customer('acc-upsert'))).code).toBe(Code.NotFound);

  const answer = await api.client.customers.upsertSubscriptions({
    subscriptions: [
      contract,
      { ...contract, currency: 'euro' },
      { ...contract, accountId: '' },
      { ...contract, renewalDate: '2026-02-30' },
    ],
  });
  expect(answer).toMatchObject({
    acceptedCount: 1,
    rejectedCount: 3,
    rejections: [
      { index: 1, field: 'currency' },
      { index: 2, field: 'account_id' },
      // Bug: it was named as in the JSON form.
      { index: 3, field: 'renewal_date', detail: expect.stringContaining('`renewal_date`') },
    ],
  });
  await scored.engine.idle();
  const shown = await customer('acc-upsert');
  expect(shown.subscriptions).toMatchObject([
    { subscription: { subscriptionId: 'sub-upsert', plan: 'team', renewalDate: '2026-03-31' } },
  ]);
  expect(shown.subscriptions[0]!.risk?.band).toBe(Band.UNKNOWN);
  expect(shown.arr).toMatchObject([{ currencyCode: 'EUR', minorUnits: 1_200_000n }]);

  await api.client.customers.upsertSubscriptions({ subscriptions: [{ ...contract, arrMinor: 900_000n }] });
  await scored.engine.idle();
  expect((await customer('acc-upsert', ['arr'])).arr).toMatchObject([{ minorUnits: 900_000n }]);

  const ended = { ...contract, status: SubscriptionStatus.ENDED, time: timestampFromMs(NOW - HOUR) };
  await api.client.customers.upsertSubscriptions({ subscriptions: [ended] });
  await scored.engine.idle();
  const gone = await customer('acc-upsert');
  expect(gone.subscriptions.map(({ risk }) => risk)).toEqual([undefined]);
  expect(gone.arr).toEqual([]);
});

it('shows an account of which no subscription was ever sent as one subscription', async () => {
  const signal = { id: '1', source: 's', category: Category.USAGE, type: 'feature_used' };
  await api.client.signals.ingestSignals({
    signals: [{ ...signal, accountId: 'acc-alone', time: timestampFromMs(NOW - HOUR) }],
  });
  await scored.engine.idle();
  const { subscriptions } = await customer('acc-alone');
  expect(subscriptions).toMatchObject([
    { subscription: { accountId: 'acc-alone', subscriptionId: 'acc-alone' }, risk: { band: Band.UNKNOWN } },
  ]);
});

// Bug: a page of signals with large attributes, and an account with thousands of subscriptions, passed what an answer may have.
it('keeps to one answer for an account that is larger, says so, and pages through all of it', async () => {
  const id = 'acc-large';
  const attributes = Object.fromEntries(Array.from({ length: 7 }, (_, i) => [`a${i}`, 'x'.repeat(8_000)]));
  const categories = [Category.USAGE, Category.SUPPORT, Category.BILLING];
  const signals = Array.from({ length: 90 }, (_, i) => ({
    ...{
      source: 'large',
      id: `${i}`,
      accountId: id,
      type: 'noted',
      category: categories[i % 3]!,
      attributes,
    },
    time: timestampFromMs(NOW - i * 1_000 - 1_000),
  }));
  for (const from of [0, 45])
    await api.client.signals.ingestSignals({ signals: signals.slice(from, from + 45) });
  // Until its contracts arrive, the account counts as a subscription of its own name.
  await scored.engine.idle();
  const long = 'y'.repeat(250);
  const subscriptions = Array.from({ length: 5_000 }, (_, i) => ({
    ...{ accountId: id, subscriptionId: `large-${i}`, status: SubscriptionStatus.ENDED },
    ...{ plan: long, product: long, owner: long, time: timestampFromMs(NOW - 1_000) },
  }));
  for (const from of [0, 2_500]) {
    const sent = await api.client.customers.upsertSubscriptions({
      subscriptions: subscriptions.slice(from, from + 2_500),
    });
    expect(sent.rejections).toEqual([]);
  }
  await scored.engine.idle();
  const shown = await customer(id);
  expect(shown.subscriptionCount).toBe(5_000n);
  expect(shown.subscriptions.length).toBeGreaterThan(1_000);
  expect(shown.subscriptions.length).toBeLessThan(5_000);
  for (const { signals: latest, recentCount } of shown.signals) {
    expect(recentCount).toBe(30n);
    expect(latest.length).toBeGreaterThan(1);
  }
  expect(shown.events.length).toBeGreaterThan(1);

  const found: string[] = [];
  let pageToken = '';
  let pages = 0;
  do {
    const page = await api.client.customers.listCustomerEvents({
      ...{ accountId: id, pageSize: 1_000, pageToken, kinds: [CustomerEventKind.SIGNAL] },
    });
    found.push(...page.events.map(({ event }) => (event.case === 'signal' ? event.value.id : '')));
    pageToken = page.nextPageToken;
    pages++;
  } while (pageToken !== '');
  expect(found).toEqual(signals.map((signal) => signal.id));
  expect(pages).toBe(2);
});
