import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { summaries } from '../../src/decisions/account-history.js';
import type { Answer } from '../../src/decisions/answer.js';
import {
  DECISION_FIELDS,
  DECISION_STATUSES,
  type Decision,
  type DecisionEvent,
  type DecisionStatus,
  EVENT_FIELDS,
} from '../../src/decisions/decision.js';
import { applyTo, type Happening, isOpen, TRANSITIONS } from '../../src/decisions/lifecycle.js';
import { StoredPast } from '../../src/engine/stored-past.js';
import { EVENT_TYPES, type EventType } from '../../src/rules/event.js';
import type { Band } from '../../src/scoring/scorecard.js';
import { encodeAnswers, encodeApplied, readPendingAnswers } from '../../src/store/decision-inbox.js';
import {
  DECISION_ORDERS,
  type DecisionFilter,
  type DecisionPosition,
  listDecisions,
  positionOf,
} from '../../src/store/decision-list.js';
import {
  encodeEvents,
  encodeRunEvents,
  encodeSuppressions,
  explained,
  readDecisions,
  readEventsOf,
  readLedger,
  readLiveDecisions,
  readTimers,
} from '../../src/store/decision-log.js';
import { digestDecisions, tidyOpenDecisions } from '../../src/store/decision-summaries.js';
import { columnName, workingDecisionOf } from '../../src/store/decision-table.js';
import { insertRows } from '../../src/store/encoded-rows.js';
import type { Store } from '../../src/store/store.js';
import { answer, day, decision } from '../decisions/cases.js';
import { tempStore } from '../support/temp-store.js';

let store: Store;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ store, close } = await tempStore());
});
afterAll(() => close());

const EVERYONE = { kind: 'range', first: '', last: '\u{10ffff}' } as const;
const empty = async () => {
  for (const table of [
    'decision_event_log',
    'decision_state',
    'decision_inbox',
    'decision_open',
    'decision_changes',
    'decision_digests',
  ])
    await store.command(`TRUNCATE TABLE ${table}`);
};

const text = fc.oneof(
  fc.constantFrom('', 'olga', '"quoted", ünïcode', "it's\n\ttwo lines \\ {}[]", '\u{1F600}', 'NULL'),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);
const whole = fc.oneof(fc.integer({ min: 0, max: 9_000_000 }), fc.constant(2 ** 53 - 1));
const time = fc.integer({ min: -400, max: 30 }).map((hours) => day(0) + hours * 3_600_000 + 7);
const suppression = fc.record({
  rule: text,
  kind: fc.constantFrom(...EVENT_TYPES),
  action: text,
  guardrail: text,
  reason: text,
});

/** How a decision begins, but for its identity. */
const anyBeginning = fc.record({
  kind: fc.constantFrom(...EVENT_TYPES),
  action: fc.constantFrom('ten', 'payment'),
  openedAt: time,
  expiresAt: fc.option(time),
  dueAt: fc.option(time),
  status: fc.constantFrom<DecisionStatus>('open', 'open', 'pending_approval', 'held_out'),
  waitsFor: fc.constantFrom('', 'brake'),
  params: fc.dictionary(text, text, { maxKeys: 3 }),
  reasons: fc.array(text, { maxLength: 3 }),
  suppressed: fc.array(suppression, { maxLength: 2 }),
  rule: fc.constantFrom('one', 'two', 'größer'),
  owner: text,
  risk: fc.double({ min: 0, max: 100, noNaN: true }),
  band: fc.constantFrom<Band>('low', 'critical', 'unknown'),
  arrMinor: fc.option(whole),
  arrAtRiskMinor: fc.option(whole),
  currency: fc.constantFrom('EUR', ''),
  discountPct: fc.constantFrom(0, 10, 12.5),
  costMinor: fc.oneof(fc.constant(0), whole),
  clearAfterDays: fc.constantFrom(0, 3, 0.5),
});
const anyLife = fc.record({
  subscription: fc.constantFrom('a/1', 'a/2', 'b/1', 'c/1'),
  beginning: anyBeginning,
  happenings: fc.array(
    fc.record({
      event: fc.constantFrom(...(Object.keys(TRANSITIONS) as Happening['event'][])),
      hours: fc.integer({ min: 0, max: 24 * 9 }),
      actor: text,
      reason: text,
      causeId: text,
    }),
    { maxLength: 6 },
  ),
});
const anyLives = fc.array(anyLife, { minLength: 1, maxLength: 25 });

/** Digests of everyone, as if all that was stored had been there for a while. */
async function digested(): Promise<void> {
  for (const table of ['decision_changes', 'decision_digests'])
    await store.command(`TRUNCATE TABLE ${table}`);
  await store.command(
    'INSERT INTO decision_changes SELECT account_id, now64(3) - toIntervalSecond(20) FROM decision_state GROUP BY account_id',
  );
  await digestDecisions(store, EVERYONE);
}

/** Every event of some lives, in the order of versions. */
function eventsOf(
  lives: readonly (typeof anyLife extends fc.Arbitrary<infer L> ? L : never)[],
): DecisionEvent[] {
  const ordinals = new Map<string, number>();
  return lives.flatMap(({ subscription, beginning, happenings }, i) => {
    const action = `${subscription} ${beginning.kind} ${beginning.action}`;
    const ordinal = (ordinals.get(action) ?? 0) + 1;
    ordinals.set(action, ordinal);
    const { openedAt } = beginning;
    const opened = decision({
      ...beginning,
      accountId: subscription[0]!,
      subscriptionId: subscription,
      decisionId: `${i}`.padStart(4, '0').repeat(8),
      ordinal,
      statusAt: openedAt!,
      keepUntil: openedAt!,
    });
    const events: DecisionEvent[] = [
      { event: 'opened', at: openedAt!, actor: 'pass', reason: '', causeId: '', decision: opened },
    ];
    let at = openedAt!;
    for (const { event, hours, ...more } of happenings) {
      at += hours * 3_600_000;
      const happening = {
        event,
        at,
        until: at + DAY_MS,
        revision: { costMinor: 7, terms: 'other' },
        ...more,
      };
      const outcome = applyTo(events.at(-1)!.decision, happening);
      if (outcome.kind === 'changed') events.push(outcome.event);
    }
    return events;
  });
}

/** Each decision in its latest version, of events up to a time. */
function latestOf(events: readonly DecisionEvent[], until: Millis = Number.POSITIVE_INFINITY): Decision[] {
  const latest = new Map<string, Decision>();
  for (const { at, decision: one } of events) if (at <= until) latest.set(one.decisionId, one);
  return [...latest.values()];
}

const byPlace = (a: Decision, b: Decision) =>
  a.accountId.localeCompare(b.accountId) ||
  a.subscriptionId.localeCompare(b.subscriptionId) ||
  a.openedAt - b.openedAt ||
  a.decisionId.localeCompare(b.decisionId);
/** As a pass reads it: without what only explains it. */
const working = (one: Decision): Decision => workingDecisionOf({ ...one });
const newestFirst = (a: Decision, b: Decision) =>
  b.openedAt - a.openedAt || a.decisionId.localeCompare(b.decisionId);
const sorted = <T>(items: Iterable<T>) => [...items].map((item) => JSON.stringify(item)).sort();

const anyFilter: fc.Arbitrary<DecisionFilter> = fc.record(
  {
    statuses: fc.subarray([...DECISION_STATUSES]),
    subscriptionId: fc.constantFrom('a/1', 'b/1'),
    accountId: fc.constantFrom('a', 'c'),
    kinds: fc.subarray<EventType>([...EVENT_TYPES]),
    rules: fc.subarray(['one', 'größer']),
    actions: fc.constantFrom(['ten'], []),
    owner: text,
    waitsFor: fc.constant('brake'),
    openedSince: time,
    openedBefore: time,
    unconfirmedBefore: time,
    overdue: fc.boolean(),
    order: fc.constantFrom(...DECISION_ORDERS),
    after: fc.record({
      at: fc.option(time),
      decisionId: fc.constantFrom('0002'.repeat(8), '0009'.repeat(8)),
    }),
    limit: fc.integer({ min: 1, max: 30 }),
  },
  { requiredKeys: ['statuses', 'limit'] },
);

/** The same filter, read off a list. */
function listed(all: readonly Decision[], filter: DecisionFilter): Decision[] {
  const among = <T>(wanted: readonly T[] | undefined, value: T) =>
    wanted === undefined || wanted.length === 0 || wanted.includes(value);
  const { after, unconfirmedBefore, order = 'open_time desc' } = filter;
  const sign = order.endsWith(' desc') ? -1 : 1;
  const rank = ({ at }: DecisionPosition) => (at === null ? Number.POSITIVE_INFINITY : sign * at);
  const compare = (a: DecisionPosition, b: DecisionPosition) =>
    (rank(a) === rank(b) ? 0 : rank(a) - rank(b)) || a.decisionId.localeCompare(b.decisionId);
  return all
    .filter(
      (one) =>
        among(filter.statuses, one.status) &&
        among(filter.kinds, one.kind) &&
        among(filter.rules, one.rule) &&
        among(filter.actions, one.action) &&
        (filter.subscriptionId ?? one.subscriptionId) === one.subscriptionId &&
        (filter.accountId ?? one.accountId) === one.accountId &&
        (filter.owner ?? one.owner) === one.owner &&
        (filter.waitsFor ?? one.waitsFor) === one.waitsFor &&
        one.openedAt >= (filter.openedSince ?? one.openedAt) &&
        one.openedAt < (filter.openedBefore ?? Number.POSITIVE_INFINITY) &&
        (unconfirmedBefore === undefined ||
          (one.status === 'accepted' && one.confirmedAt === null && one.answeredAt! < unconfirmedBefore)) &&
        (filter.overdue !== true || (one.overdueAt !== null && isOpen(one))) &&
        (after === undefined || compare(positionOf(one, order), after) > 0),
    )
    .sort((a, b) => compare(positionOf(a, order), positionOf(b, order)))
    .slice(0, filter.limit);
}

describe('what the store says of decisions is what their events say', () => {
  it('whatever happened to them, in whatever batches it came, now and as of any time before', async () => {
    const given = fc.record({
      lives: anyLives,
      cut: fc.nat(40),
      order: fc.nat(),
      past: fc.integer({ min: -400, max: 24 * 9 }).map((hours) => day(0) + hours * 3_600_000),
      ids: fc.subarray([0, 1, 2, 3].map((i) => `${i}`.padStart(4, '0').repeat(8))),
      filters: fc.array(anyFilter, { minLength: 5, maxLength: 5 }),
      since: time,
      digestedAfter: fc.integer({ min: 0, max: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ lives, cut, order, past, ids, filters, since, digestedAfter }) => {
        await empty();
        const events = eventsOf(lives);
        const batches = [events.slice(0, cut), events.slice(cut), events.slice(0, order % 3)];
        if (order % 2 === 1) batches.reverse();
        for (const [i, batch] of batches.entries()) {
          await insertRows(store, encodeEvents(batch));
          // What comes after a digest makes it invalid.
          if (i === digestedAfter) await digested();
        }
        const latest = latestOf(events);

        const all = latest.map(({ decisionId }) => decisionId);
        expect(await readDecisions(store, all)).toEqual([...latest].sort(newestFirst));
        const read = events.map((event) => ({ ...event, decision: working(event.decision) }));
        expect(await explained(store, read)).toEqual(events);
        expect(await readEventsOf(store, all[0]!)).toEqual(
          events.filter((event) => event.decision.decisionId === all[0]),
        );
        expect(
          sorted(
            await store.rows(
              'SELECT decision_id AS id, version, status, timer_at IS NULL AS quiet FROM decisions',
            ),
          ),
        ).toEqual(
          sorted(
            latest.map(({ decisionId: id, version, status, timerAt }) => ({
              id,
              version,
              status,
              quiet: timerAt === null ? 1 : 0,
            })),
          ),
        );
        expect(sorted(await readTimers(store))).toEqual(
          sorted(
            latest.flatMap(({ accountId, decisionId, timerAt: at }) =>
              at === null ? [] : [{ accountId, decisionId, at }],
            ),
          ),
        );
        for (const filter of filters)
          expect(await listDecisions(store, filter)).toEqual(listed(latest, filter));

        for (const at of [null, past]) {
          const then = at === null ? latest : latestOf(events, at);
          const live = (accounts: string) =>
            then
              .filter(
                (one) => accounts.includes(one.accountId) && (isOpen(one) || ids.includes(one.decisionId)),
              )
              .map(working)
              .sort(byPlace);
          const named = then.filter(({ decisionId }) => ids.includes(decisionId));
          expect(await readLiveDecisions(store, EVERYONE, at, named)).toEqual(live('abc'));
          const some = { kind: 'accounts', accounts: ['a', 'c'] } as const;
          expect(await readLiveDecisions(store, some, at, named)).toEqual(live('ac'));
          const counted = then.filter(
            (one) =>
              isOpen(one) ||
              (one.status === 'accepted' && one.costMinor > 0 && (one.answeredAt ?? one.openedAt) > since),
          );
          expect(sorted(await readLedger(store, since, at))).toEqual(
            sorted(
              counted.map(
                ({
                  decisionId,
                  version,
                  kind,
                  status,
                  owner,
                  currency,
                  costMinor,
                  waitsFor,
                  answeredAt,
                  openedAt,
                }) => ({
                  ...{
                    decisionId,
                    version,
                    kind,
                    status,
                    owner,
                    currency,
                    costMinor,
                    waitsFor,
                    answeredAt,
                    openedAt,
                  },
                }),
              ),
            ),
          );
          const asOf = at ?? day(1);
          const page = await new StoredPast(store, at).page(EVERYONE, asOf);
          for (const account of ['a', 'b', 'c', 'nobody']) {
            const mine = then.filter((one) => one.accountId === account);
            expect(sorted(page.summariesOf(account))).toEqual(sorted(summaries(mine, asOf - 365 * DAY_MS)));
          }
          expect(page.decisions).toEqual(then.filter(isOpen).map(working).sort(byPlace));
          // Of a few accounts all decisions are read at once.
          const few = await new StoredPast(store, at).page({ kind: 'accounts', accounts: ['a', 'c'] }, asOf);
          const theirs = then.filter(({ accountId }) => accountId !== 'b');
          expect(few.decisions).toEqual(theirs.filter(isOpen).map(working).sort(byPlace));
          for (const account of ['a', 'b', 'c'])
            expect(sorted(few.summariesOf(account))).toEqual(
              sorted(account === 'b' ? [] : page.summariesOf(account)),
            );
          expect(sorted(page.actionFacts)).toEqual(
            sorted(
              summaries(then, asOf - 365 * DAY_MS).map(
                ({ accountId, subscriptionId, kind, openedAt, openedLastYear }) => ({
                  ...{ accountId, subscriptionId, kind, openedAt, openedLastYear },
                }),
              ),
            ),
          );
        }
      }),
      // Shrinking would ask the store hundreds of times.
      { numRuns: 8, endOnFailure: true },
    );
  });

  it('and closed ones are tidied away from the open ones, of which none is lost', async () => {
    await empty();
    const events = fc.sample(anyLives, { numRuns: 4, seed: 2 }).flatMap(eventsOf);
    await insertRows(store, encodeEvents(events));
    const before = await readLiveDecisions(store, EVERYONE, null, []);
    expect(before.length).toBeGreaterThan(3);
    const rows = async () =>
      (await store.rows<{ rows: number }>('SELECT count() AS rows FROM decision_open'))[0]!.rows;
    expect(await rows()).toBeGreaterThan(before.length);
    await tidyOpenDecisions(store, 0);
    expect(await rows()).toBe(before.length);
    expect(await readLiveDecisions(store, EVERYONE, null, [])).toEqual(before);
  });

  it('of a named run apart from those of the present', async () => {
    await empty();
    const events = fc.sample(anyLives, { numRuns: 1, seed: 1 }).flatMap(eventsOf);
    await insertRows(store, encodeRunEvents('trial', events));
    expect(
      await readDecisions(
        store,
        latestOf(events).map(({ decisionId }) => decisionId),
      ),
    ).toEqual([]);
    const rows = await store.rows(`SELECT run, decision_id AS id, version, status FROM run_decisions`);
    expect(sorted(rows)).toEqual(
      sorted(
        latestOf(events).map(({ decisionId: id, version, status }) => ({
          run: 'trial',
          id,
          version,
          status,
        })),
      ),
    );
  });

  it('by the beginning of an id', async () => {
    await empty();
    const [one, other] = ['ab12', 'ab34'].map((begin) => begin.padEnd(32, '0'));
    const opened = [one!, other!].map(
      (decisionId): DecisionEvent => ({
        ...{ event: 'opened', at: day(0), actor: 'pass', reason: '', causeId: '' },
        decision: decision({ decisionId }),
      }),
    );
    await insertRows(store, encodeEvents(opened));
    const listed = async (ids: readonly string[]) =>
      (await listDecisions(store, { ids, statuses: [], limit: 10 })).map(({ decisionId }) => decisionId);
    expect(await listed(['ab1'])).toEqual([one]);
    expect((await listed(['ab'])).sort()).toEqual([one, other]);
    expect(await listed([other!])).toEqual([other]);
    expect(await listed(['b'])).toEqual([]);
  });

  // Bug: the present had the one that came last.
  it('of two writers of one version is that with the higher epoch, whichever came first', async () => {
    await empty();
    const written = (owner: string): DecisionEvent => ({
      ...{ event: 'opened', at: day(0), actor: 'pass', reason: '', causeId: '' },
      decision: decision({ owner }),
    });
    await insertRows(store, encodeEvents([written('the new one')], 2));
    await insertRows(store, encodeEvents([written('the old one')], 1));
    expect((await readEventsOf(store, 'd')).map((event) => event.decision.owner)).toEqual(['the new one']);
    expect((await readDecisions(store, ['d'])).map(({ owner }) => owner)).toEqual(['the new one']);
    expect(await store.rows('SELECT owner FROM decisions')).toEqual([{ owner: 'the new one' }]);
  });
});

describe('suppressions', () => {
  it('are kept once a day, by rule and guardrail: the last of it', async () => {
    const row = {
      accountId: 'a',
      subscriptionId: 'a/1',
      rule: 'r',
      kind: 'offer',
      action: 'ten',
      rulesRevision: 'x',
    } as const;
    const at = (hours: number, reason: string, guardrail = 'cap') => ({
      ...{ ...row, guardrail, reason },
      asOf: day(0) + hours * 3_600_000,
    });
    await insertRows(
      store,
      encodeSuppressions([at(9, 'later'), at(1, 'first'), at(9, 'other', 'budget'), at(25, 'next day')]),
    );
    const rows = await store.rows<{ reason: string }>('SELECT reason FROM suppressions ORDER BY reason');
    expect(rows.map(({ reason }) => reason)).toEqual(['later', 'next day', 'other']);
  });
});

describe('the inbox', () => {
  const only = { kind: 'accounts', accounts: ['a'] } as const;
  const pending = () => readPendingAnswers(store, only);

  it('gives an answer to a pass once, however often it comes', async () => {
    await empty();
    const [shown, taken] = [
      answer(decision(), 'offer_presented', day(1), {
        reason: '"ü"',
        actor: 'olga',
        until: day(9),
        terms: 't',
      }),
      answer(decision(), 'offer_accepted', day(2)),
    ];
    const elsewhere = answer(decision({ accountId: 'b' }), 'offer_accepted', day(2));
    for (const answers of [[taken], [taken, shown, elsewhere], [shown]])
      await insertRows(store, encodeAnswers(answers));
    expect(await pending()).toEqual([shown, taken]);

    await insertRows(store, encodeApplied([shown], []));
    expect(await pending()).toEqual([taken]);
    await insertRows(store, encodeAnswers([shown, taken]));
    expect(await pending()).toEqual([taken]);

    await insertRows(store, encodeApplied([taken], [{ answer: taken, reason: 'too late' }]));
    await insertRows(store, encodeAnswers([shown, taken]));
    expect(await pending()).toEqual([]);
    const rows = await store.rows(
      `SELECT answer_id AS id, refusal FROM decision_inbox FINAL WHERE account_id = 'a' ORDER BY at`,
    );
    expect(rows).toEqual([
      { id: shown.answerId, refusal: '' },
      { id: taken.answerId, refusal: 'too late' },
    ]);
  });

  it('has the outcomes that name a decision, and with them the decision for the pass', async () => {
    await empty();
    const lapsed = decision({ status: 'lapsed', closedAt: day(1) });
    await insertRows(
      store,
      encodeEvents([
        { event: 'lapsed', at: day(1), actor: 'time', reason: '', causeId: '', decision: lapsed },
      ]),
    );
    const outcome = (id: string, kind: string, decisionId: string) =>
      store.command(
        `INSERT INTO outcome_log (account_id, source, id, kind, occurred_at, reason, decision_id)
         SELECT 'a', 'crm', {id:String}, {kind:String}, fromUnixTimestamp64Milli({at:Int64}, 'UTC'), 'by phone', {decision:String}`,
        { id, kind, at: day(2), decision: decisionId },
      );
    await outcome('1', 'offer_accepted', 'd');
    await outcome('2', 'renewed', '');
    const given: Answer[] = [
      {
        ...{
          accountId: 'a',
          decisionId: 'd',
          answerId: expect.stringMatching(/^crm\/1\b/),
          kind: 'offer_accepted',
          at: day(2),
        },
        ...{ actor: 'crm', reason: 'by phone', until: null, terms: '' },
      },
    ];
    expect(await pending()).toEqual(given);
    const page = await new StoredPast(store).page(only, day(3));
    expect(page.answers).toEqual(given);
    expect(page.decisions).toEqual([working(lapsed)]);
    // What waits is of the present: a question about another time has none.
    const then = await new StoredPast(store, day(3)).page(only, day(3));
    expect({ answers: then.answers, decisions: then.decisions }).toEqual({ answers: [], decisions: [] });
  });
});

describe('the fields of a decision', () => {
  const TYPES: Readonly<Record<string, RegExp>> = {
    text: /^(String|LowCardinality\(String\))$/,
    time: /^DateTime64\(3, 'UTC'\)$/,
    optional_time: /^Nullable\(DateTime64\(3, 'UTC'\)\)$/,
    number: /^Float64$/,
    integer: /^(UInt32|Int64)$/,
    optional_integer: /^Nullable\(Int64\)$/,
    texts: /^Array\(String\)$/,
    text_map: /^Map\(LowCardinality\(String\), String\)$/,
    json: /^String$/,
  };

  it.each([
    ['decision_event_log', ['epoch', 'stored_at', 'rank']],
    ['decision_state', ['epoch', 'stored_at', 'rank']],
    ['run_decision_log', ['run', 'stored_at']],
  ])('are the columns of %s, with their types and comments', async (table, others) => {
    const columns = await store.rows<{ name: string; type: string; comment: string }>(
      'SELECT name, type, comment FROM system.columns WHERE database = currentDatabase() AND table = {table:String}',
      { table },
    );
    const fields = Object.entries({ ...DECISION_FIELDS, ...EVENT_FIELDS });
    expect(columns.map(({ name }) => name).sort()).toEqual(
      [...fields.map(([name]) => columnName(name)), ...others].sort(),
    );
    for (const [name, { kind, description }] of fields) {
      const { type, comment } = columns.find((one) => one.name === columnName(name))!;
      expect(`${table}.${name}: ${comment}`).toBe(`${table}.${name}: ${description}`);
      expect(`${type}`).toMatch(TYPES[kind]!);
    }
  });

  /** What the view adds: amounts in major units, and in the reporting currency. */
  const IN_MAJOR_UNITS = ['arr', 'arr_at_risk', 'credit', 'cost', 'arr_at_risk_reporting', 'cost_reporting'];

  it('are the columns of the view decisions', async () => {
    const columns = await store.rows<{ name: string }>(
      `SELECT name FROM system.columns WHERE database = currentDatabase() AND table = 'decisions'`,
    );
    expect(columns.map(({ name }) => name).sort()).toEqual(
      [...Object.keys(DECISION_FIELDS).map(columnName), 'stored_at', ...IN_MAJOR_UNITS].sort(),
    );
  });
});

it('an account with more decisions than are read at once has all of them counted', async () => {
  await empty();
  const opened = Array.from(
    { length: 501 },
    (_, i): DecisionEvent => ({
      ...{ event: 'opened', at: day(0), actor: 'pass', reason: '', causeId: '' },
      decision: decision({ decisionId: `d${i}`, ordinal: i + 1 }),
    }),
  );
  await insertRows(store, encodeEvents(opened));
  const page = await new StoredPast(store).page({ kind: 'accounts', accounts: ['a'] }, day(1));
  expect(page.decisions).toHaveLength(501);
  expect(page.summariesOf('a')).toMatchObject([{ openings: 501, openedLastYear: 501 }]);
});
