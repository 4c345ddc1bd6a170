import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { formatProblem } from '../../src/core/problem.js';
import { type FeatureCatalogue, readFeatureCatalogue } from '../../src/features/catalogue.js';
import { checkFeatureSql } from '../../src/features/check-feature-sql.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Signal } from '../../src/signals/signal.js';
import type { Subscription } from '../../src/signals/subscription.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { writeAll } from '../support/business.js';
import { tempStore } from '../support/temp-store.js';

const NOW = Date.UTC(2025, 5, 1, 12);

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

let no = 0;
const delivery = (record: Delivery['record'], receivedAt: Millis): Delivery => ({
  record,
  origin: { topic: 't', partition: 0, offset: ++no },
  receivedAt,
});

function signal(
  accountId: string,
  more: Partial<Signal> & Pick<Signal, 'occurredAt'>,
  receivedAt = more.occurredAt,
): Delivery {
  const id = String(++no);
  const plain = {
    subscriptionId: '',
    value: null,
    attributes: {},
    category: 'usage',
    type: 'made_up',
  } as const;
  return delivery({ kind: 'signal', signal: { source: 's', id, accountId, ...plain, ...more } }, receivedAt);
}

/** A ticket that was opened: what counts is how many are open. */
function ticket(
  accountId: string,
  occurredAt: Millis,
  subscriptionId = '',
  receivedAt = occurredAt,
): Delivery {
  const attributes = { ticket_id: `t${no}` };
  const opened = {
    category: 'support',
    type: 'ticket_opened',
    occurredAt,
    subscriptionId,
    attributes,
  } as const;
  return signal(accountId, opened, receivedAt);
}

function contract(
  accountId: string,
  subscriptionId: string,
  occurredAt: Millis,
  more: Partial<Subscription> = {},
  receivedAt = occurredAt,
): Delivery {
  const subscription: Subscription = {
    accountId,
    subscriptionId,
    occurredAt,
    status: 'active',
    product: '',
    plan: '',
    tier: '',
    segment: '',
    region: '',
    addOns: [],
    seats: null,
    arrMinor: null,
    currency: '',
    start: null,
    end: null,
    renewal: null,
    termMonths: null,
    autoRenew: null,
    noticeDays: null,
    owner: '',
    planFeatures: null,
    ...more,
  };
  return delivery({ kind: 'subscription', subscription }, receivedAt);
}

const { catalogue } = defaultScoring();

/** Open tickets by subscription. */
async function tickets(account: string, asOf = NOW, knownAt?: Millis): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const row of await rowsOf(account, asOf, knownAt))
    found[String(row.subscription_id)] = row.ticket_backlog;
  return found;
}

async function rowsOf(account: string, asOf = NOW, knownAt?: Millis) {
  const scope = { kind: 'accounts' as const, accounts: [account] };
  const rows: Record<string, unknown>[] = [];
  const question = { scope, asOf, ...(knownAt === undefined ? {} : { knownAt }) };
  for await (const { batch } of readFeatures(store, catalogue, question))
    for (let i = 0; i < batch.length; i++) rows.push(batch.row(i));
  return rows;
}

describe('what counts', () => {
  it('is a signal exactly at as_of, and none a millisecond later', async () => {
    await writeAll(store, [ticket('edge', NOW - 1), ticket('edge', NOW), ticket('edge', NOW + 1)]);
    expect(await tickets('edge')).toEqual({ edge: 2 });
    expect(await tickets('edge', NOW + 1)).toEqual({ edge: 3 });
    expect(await tickets('edge', NOW - 1)).toEqual({ edge: 1 });
  });

  it('ends with the lookback of the catalogue, but for what is open: that does not close by growing old', async () => {
    const days = catalogue.lookbackDays * DAY_MS;
    const [before, after] = [NOW - days, NOW - days + 1];
    const answered = (occurredAt: Millis, value: number) =>
      signal('old', { type: 'nps_response', category: 'marketing', occurredAt, value });
    await writeAll(store, [ticket('old', before), ticket('old', after), answered(before, 9)]);
    expect(await rowsOf('old')).toMatchObject([{ ticket_backlog: 2, nps_latest: null }]);
    await writeAll(store, [answered(after, 9)]);
    expect((await rowsOf('old'))[0]!.nps_latest).toBeGreaterThan(7);
  });

  it('is in a backtest only what had arrived by then', async () => {
    await writeAll(store, [ticket('late', NOW - DAY_MS), ticket('late', NOW - DAY_MS, '', NOW + DAY_MS)]);
    expect(await tickets('late')).toEqual({ late: 2 });
    expect(await tickets('late', NOW, NOW)).toEqual({ late: 1 });
    expect(await tickets('late', NOW, NOW + DAY_MS)).toEqual({ late: 2 });
  });

  it('is a signal once, however often it arrived', async () => {
    const one = ticket('twice', NOW - DAY_MS);
    await writeAll(store, [one, one]);
    await writeAll(store, [one]);
    expect(await tickets('twice')).toEqual({ twice: 1 });
  });

  it('is for every subscription of the account, unless the signal names one', async () => {
    const then = NOW - DAY_MS;
    await writeAll(store, [
      contract('multi', 'm1', then),
      contract('multi', 'm2', then),
      ticket('multi', then),
      ticket('multi', then, 'm1'),
      ticket('multi', then, 'm2'),
      ticket('multi', then, 'm2'),
    ]);
    expect(await tickets('multi')).toEqual({ m1: 2, m2: 3 });
  });

  it('is nothing of a subscription that nobody told of, nor of another account', async () => {
    const then = NOW - DAY_MS;
    await writeAll(store, [
      contract('odd', 'o1', then),
      ticket('odd', then, 'never-told'),
      ticket('other', then, 'o1'),
    ]);
    expect(await tickets('odd')).toEqual({ o1: null });
  });
});

describe('who is there', () => {
  it('is an account that has signals and no subscription, as one subscription with its own id', async () => {
    await writeAll(store, [ticket('implicit', NOW - DAY_MS, 'some-subscription')]);
    expect(await tickets('implicit')).toEqual({ implicit: 1 });
    expect(await tickets('implicit', NOW - 2 * DAY_MS)).toEqual({});
  });

  it('is implicit no more from the first subscription on', async () => {
    await writeAll(store, [ticket('later', NOW - 9 * DAY_MS), contract('later', 'l1', NOW - 5 * DAY_MS)]);
    expect(await tickets('later', NOW - 6 * DAY_MS)).toEqual({ later: 1 });
    expect(await tickets('later')).toEqual({ l1: 1 });
  });

  it.each(['paused', 'ended'] as const)(
    'is nobody whose subscription is %s, from then on',
    async (status) => {
      await writeAll(store, [
        contract(status, `${status}-1`, NOW - 9 * DAY_MS),
        contract(status, `${status}-1`, NOW - 5 * DAY_MS, { status }),
      ]);
      expect(await rowsOf(status)).toEqual([]);
      expect((await rowsOf(status, NOW - 6 * DAY_MS)).length).toBe(1);
    },
  );

  it.each(['active', 'trialing', 'past_due'] as const)(
    'is everyone whose subscription is %s',
    async (status) => {
      await writeAll(store, [contract(status, `${status}-1`, NOW - DAY_MS, { status })]);
      expect(await rowsOf(status)).toMatchObject([{ subscription_id: `${status}-1`, status }]);
    },
  );

  it('has the contract as it stood then, as it was known then, and what was not told is missing', async () => {
    const [first, second] = [NOW - 20 * DAY_MS, NOW - 10 * DAY_MS];
    await writeAll(store, [
      contract('versions', 'v', first, { plan: 'small', seats: 5, addOns: ['x'] }),
      contract('versions', 'v', second, { plan: 'large', segment: 'smb' }, NOW),
    ]);
    const small = { plan: 'small', seats: 5, add_ons: ['x'], segment: null };
    const large = { plan: 'large', seats: null, add_ons: [], segment: 'smb' };
    expect(await rowsOf('versions')).toMatchObject([large]);
    expect(await rowsOf('versions', second)).toMatchObject([large]);
    expect(await rowsOf('versions', second - 1)).toMatchObject([small]);
    expect(await rowsOf('versions', NOW - DAY_MS, NOW - DAY_MS)).toMatchObject([small]);
  });
});

describe('a mistake in feature SQL is told with its place and the words of the engine', () => {
  const yaml = (aggregate: string, sql: string, type = 'number') => `lookback_days: 400
measures:
  signals: { op: count, of: ticket_opened }
  tickets: { op: sql, of: ticket_opened, sql: ${aggregate} }
features:
  - { name: fine, category: usage, value: signals, description: d, reason: r }
  - name: backlog
    category: support
    type: ${type}
    sql: ${sql}
    description: d
    reason: r
`;
  const check = async (text: string) => {
    const { catalogue: read, problems } = readFeatureCatalogue('scoring/features.yaml', text);
    expect(problems).toEqual([]);
    return (await checkFeatureSql(store, read as FeatureCatalogue)).map(formatProblem);
  };

  it('and what is right has none', async () => {
    expect(await check(yaml('count()', 'tickets + seats'))).toEqual([]);
    expect(await check(yaml('"max(age_days) + uniqExact(attributes[\'x\'])"', 'tickets'))).toEqual([]);
    expect(await checkFeatureSql(store, catalogue)).toEqual([]);
  });

  // Bug: every aggregate was blamed for a mistake anywhere.
  it.each([
    ['an unknown function', 'countIff(1)', 'tickets', /^scoring\/features\.yaml:4:47: error: .*countIff/],
    ['an unknown measure', 'count()', 'tickts', /^scoring\/features\.yaml:10:10: error: .*tickts/],
    ['a syntax error', 'count(', 'tickets', /^scoring\/features\.yaml:4:47: error: Syntax error/],
    ['a type that is no number', 'count()', "map('a', 1)", /^scoring\/features\.yaml:10:10: error: /],
    ['an aggregate that is none', 'value', 'tickets', /^scoring\/features\.yaml:4:47: error: .*aggregate/i],
    [
      'a statement slipped in',
      'count()',
      '1) FROM x; DROP TABLE signal_log --',
      /^scoring\/features\.yaml:10:10: error: /,
    ],
  ])('%s', async (_what, aggregate, sql, expected) => {
    const problems = await check(yaml(JSON.stringify(aggregate), JSON.stringify(sql)));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(expected);
    // The engine repeats the whole query: nobody wants to read that.
    expect(problems[0]).not.toMatch(/CAST|\n/);
  });
});
