import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { formatProblem } from '../../src/core/problem.js';
import { dateTime64 } from '../../src/core/sql-time.js';
import { type FeatureCatalogue, readFeatureCatalogue } from '../../src/features/catalogue.js';
import { checkFeatureSql } from '../../src/features/check-feature-sql.js';
import { observedSql, populationSql } from '../../src/features/population.js';
import { readFeatures } from '../../src/features/read-features.js';
import type { Delivery } from '../../src/ingest/signal-source.js';
import type { Signal } from '../../src/signals/signal.js';
import { type Subscription, UNKNOWN_CONTRACT } from '../../src/signals/subscription.js';
import { readSubscriptions } from '../../src/store/customer-records.js';
import type { Store } from '../../src/store/store.js';
import { defaultScoring } from '../scoring/scoring-files.js';
import { writeAll } from '../support/business.js';
import { outcome } from '../support/contracts.js';
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
    ...UNKNOWN_CONTRACT,
    accountId,
    subscriptionId,
    occurredAt,
    status: 'active',
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

describe('a contract that has a date of its end', () => {
  // Bug: only a record with the status ended took it out; until then it was at risk, and had offers opened.
  it('is nobody from that day on, whatever its status, and ended in the view of subscriptions', async () => {
    const end = NOW - (NOW % DAY_MS);
    await writeAll(store, [
      contract('over', 'o', NOW - 9 * DAY_MS, { end }),
      contract('runs-on', 'r', NOW - 9 * DAY_MS, { end: end + DAY_MS }),
    ]);
    expect(await rowsOf('over')).toEqual([]);
    expect((await rowsOf('over', end - 1)).length).toBe(1);
    expect((await rowsOf('runs-on')).length).toBe(1);
    const rows = "SELECT status FROM subscriptions WHERE account_id = 'over'";
    expect(await store.rows(rows)).toEqual([{ status: 'ended' }]);
    expect(await readSubscriptions(store, 'over')).toMatchObject([{ status: 'ended' }]);
    expect(await readSubscriptions(store, 'runs-on')).toMatchObject([{ subscriptionId: 'r' }]);
  });
});

describe('a wish to leave', () => {
  // Bug: who had said it once and renewed all the same wanted to leave for ever.
  it('is open until it is taken back, or the term has come to its end', async () => {
    const said = (
      account: string,
      kind: 'cancel_intent' | 'cancel_intent_withdrawn' | 'renewed',
      days: number,
    ) =>
      delivery(
        {
          kind: 'outcome',
          outcome: outcome({
            accountId: account,
            subscriptionId: `${account}-1`,
            kind,
            occurredAt: NOW - days * DAY_MS,
          }),
        },
        NOW - days * DAY_MS,
      );
    const accounts = ['wants', 'withdrew', 'renewed', 'again'];
    await writeAll(store, [
      ...accounts.flatMap((account) => [
        contract(account, `${account}-1`, NOW - 90 * DAY_MS),
        said(account, 'cancel_intent', 60),
      ]),
      said('withdrew', 'cancel_intent_withdrawn', 50),
      said('renewed', 'renewed', 40),
      said('again', 'renewed', 40),
      said('again', 'cancel_intent', 10),
    ]);
    const open = await Promise.all(
      accounts.map(async (account) => (await rowsOf(account))[0]!.cancel_intent_open),
    );
    expect(open).toEqual([true, false, false, true]);
  });
});

describe('a contract that begins later', () => {
  const begins = NOW + 20 * DAY_MS;
  const names = async (account: string, asOf = NOW, knownAt?: Millis) =>
    (await rowsOf(account, asOf, knownAt)).map(({ subscription_id }) => subscription_id);

  it('is nobody before its time or its first day, and counts from then on', async () => {
    await writeAll(store, [
      contract('soon', 'by-time', begins, {}, NOW - DAY_MS),
      contract('soon', 'by-start', NOW - DAY_MS, { start: begins - (begins % DAY_MS) }),
      contract('soon', 'runs', NOW - DAY_MS, { start: NOW - DAY_MS }),
      ticket('soon-alone', NOW - DAY_MS),
      contract('soon-alone', 'by-start', NOW - DAY_MS, { start: begins }),
    ]);
    expect(await names('soon')).toEqual(['runs']);
    expect(await names('soon', begins - (begins % DAY_MS) - 1)).toEqual(['runs']);
    expect(await names('soon', begins)).toEqual(['by-start', 'by-time', 'runs']);
    // Nor is the account a customer meanwhile, as one without any contract would be.
    expect(await names('soon-alone')).toEqual([]);
  });

  it('leaves the one before as it is until then', async () => {
    await writeAll(store, [
      contract('next', 'n', NOW - 9 * DAY_MS, { start: NOW - 9 * DAY_MS, plan: 'small' }),
      contract('next', 'n', NOW - DAY_MS, { start: begins, plan: 'large' }),
      contract('off', 'o', NOW - 9 * DAY_MS, { start: begins }),
      contract('off', 'o', NOW - DAY_MS, { start: begins, status: 'ended' }),
    ]);
    expect(await rowsOf('next')).toMatchObject([{ plan: 'small' }]);
    expect(await rowsOf('next', begins + DAY_MS)).toMatchObject([{ plan: 'large' }]);
    expect(await rowsOf('off', begins + DAY_MS)).toEqual([]);
  });

  it('is upcoming in the view of subscriptions, and a move that is still to come has not taken place', async () => {
    const soon = Date.now() + 20 * DAY_MS;
    await writeAll(store, [
      contract('view', 'by-time', soon, { plan: 'next' }, Date.now()),
      contract('view', 'by-time', soon + DAY_MS, { plan: 'after' }, Date.now()),
      contract('view', 'by-start', NOW, { start: soon - (soon % DAY_MS) }),
      contract('view', 'changes', NOW, { plan: 'now' }),
      contract('view', 'changes', soon, { plan: 'next' }, Date.now()),
      contract('view', 'moves', NOW),
      contract('view-2', 'moves', soon, {}, Date.now()),
    ]);
    expect(
      await store.rows(
        "SELECT account_id AS a, subscription_id AS s, status, plan FROM subscriptions WHERE startsWith(account_id, 'view') ORDER BY a, s",
      ),
    ).toEqual([
      { a: 'view', s: 'by-start', status: 'upcoming', plan: '' },
      { a: 'view', s: 'by-time', status: 'upcoming', plan: 'next' },
      { a: 'view', s: 'changes', status: 'active', plan: 'now' },
      { a: 'view', s: 'moves', status: 'active', plan: '' },
      { a: 'view-2', s: 'moves', status: 'upcoming', plan: '' },
    ]);
  });
});

describe('observations of many times', () => {
  it('have of each time what a question about it has: contracts, moves, and what is still to begin', async () => {
    const day = (days: number) => NOW - days * DAY_MS;
    await writeAll(store, [
      contract('ob-1', 'moving', day(60), { plan: 'a' }),
      contract('ob-1', 'moving', day(50), { plan: 'b' }),
      contract('ob-2', 'moving', day(30), { plan: 'c' }, day(20)),
      contract('ob-2', 'later', day(55), { start: day(10) }),
      contract('ob-3', 'ends', day(60)),
      contract('ob-3', 'ends', day(15), { status: 'ended' }),
      ticket('ob-4', day(40)),
    ]);
    const accounts = ['ob-1', 'ob-2', 'ob-3', 'ob-4'];
    const times = Array.from({ length: 13 }, (_, i) => day(62 - 5 * i));
    const shown = 'account_id, subscription_id, implicit, status, plan, start, observed_at, as_of';
    const subscriptions = [
      [1, 'moving'],
      [2, 'moving'],
      [2, 'later'],
      [3, 'ends'],
      [4, ''],
    ] as const;
    const all = times.flatMap((_, i) =>
      subscriptions.map(([account, name]) => ({ account, name, time: i + 1 })),
    );
    const expected: unknown[] = [];
    const scope = 'account_id IN {accounts:Array(String)}';
    for (const time of times)
      expected.push(
        ...(await store.rows(`SELECT ${shown} FROM (${populationSql(scope, true)}) ORDER BY ALL`, {
          accounts,
          as_of: dateTime64(time),
          known_at: dateTime64(time),
        })),
      );
    const observed = await store.rows<{ account_id: string; subscription_id: string }>(
      `SELECT ${shown} FROM (${observedSql(scope)}) ORDER BY as_of, account_id, subscription_id`,
      {
        ...{ accounts, times, account_of: all.map(({ account }) => account) },
        ...{ subscription_of: all.map(({ name }) => name), time_of: all.map(({ time }) => time) },
      },
    );
    expect(observed).toEqual(expected);
    expect(
      new Set(observed.map(({ account_id, subscription_id }) => `${account_id} ${subscription_id}`)),
    ).toEqual(new Set(['ob-1 moving', 'ob-2 moving', 'ob-2 later', 'ob-3 ends', 'ob-4 ob-4']));
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
    const guarded = JSON.stringify("max(toFloat64OrNull(attributes['score'])) / sum(value)");
    expect(await check(yaml(guarded, "tickets / nullIf(seats, 0) + length(ifNull(plan, ''))"))).toEqual([]);
    expect(await checkFeatureSql(store, catalogue)).toEqual([]);
  });

  // Bug: every aggregate was blamed for a mistake anywhere.
  it.each([
    ['an unknown function', 'countIff(1)', 'tickets', /^scoring\/features\.yaml:4:47: error: .*countIff/],
    ['an unknown measure', 'count()', 'tickts', /^scoring\/features\.yaml:10:10: error: .*tickts/],
    ['a syntax error', 'count(', 'tickets', /^scoring\/features\.yaml:4:47: error: Syntax error/],
    ['a type that is no number', 'count()', "map('a', 1)", /^scoring\/features\.yaml:10:10: error: /],
    [
      'what fails on texts that are no numbers',
      "max(toFloat64(attributes['score']))",
      'tickets',
      /^scoring\/features\.yaml:4:47: error: It fails on values that may come, .*: Cannot read/,
    ],
    [
      'what fails on numbers beyond any integer',
      'max(toDecimal64(ifNull(value, 0), 4))',
      'tickets',
      /^scoring\/features\.yaml:4:47: error: It fails on values that may come/,
    ],
    [
      'what fails on an add-on that is no number',
      'count()',
      'tickets / toFloat64(add_ons[1])',
      /^scoring\/features\.yaml:10:10: error: It fails on values that may come, .*: Cannot read/,
    ],
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
