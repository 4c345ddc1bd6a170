import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../../src/core/clock.js';
import { arbitrate } from '../../src/decisions/arbitrate.js';
import { type Answer, type Decision, isOpen, type Suppression } from '../../src/decisions/decision.js';
import { Tally } from '../../src/decisions/tally.js';
import type { EventType } from '../../src/rules/event.js';
import {
  escalation,
  fired,
  guardrail,
  OFFERS,
  offerEvent,
  START,
  situation,
  touchpoint,
} from './situations.js';

const EVENTS = [
  ...[...OFFERS.keys()].map((name) => offerEvent(name)),
  offerEvent('twenty', 12),
  escalation('payment'),
  escalation('usage'),
  touchpoint('review'),
  touchpoint('training'),
];
const RAILS = [
  guardrail({ kind: 'discount_cap', max_pct: 15 }),
  guardrail({ kind: 'discount_approval', over_pct: 11 }),
  guardrail({ kind: 'cooldown', after: 'closed', days: 20 }),
  guardrail({ kind: 'frequency_cap', types: ['offer'], per: 'subscription', max: 2, days: 60 }),
  guardrail({ kind: 'min_gap', types: ['offer', 'touchpoint'], per: 'account', days: 5 }),
  guardrail({ kind: 'max_open', types: ['escalation'], per: 'owner', max: 3 }),
  guardrail({ kind: 'budget', max_minor: 250_000, currency: 'EUR', days: 45 }),
];
const ANSWERS = [
  'offer_presented',
  'offer_accepted',
  'offer_declined',
  'offer_expired',
  'touchpoint_responded',
  'escalation_resolved',
];

/** Two accounts of two subscriptions each, of two owners. */
const SUBSCRIPTIONS = ['a/1', 'a/2', 'b/1', 'b/2'].map((id) => ({
  accountId: id[0]!,
  subscriptionId: id,
  owner: id.endsWith('1') ? 'olga' : 'otto',
}));

const step = fc.record({
  hours: fc.integer({ min: 1, max: 24 * 15 }),
  subscription: fc.constantFrom(...SUBSCRIPTIONS),
  events: fc.subarray(EVENTS).chain((some) => fc.shuffledSubarray(some, { minLength: some.length })),
  answer: fc.option(fc.record({ pick: fc.nat(), kind: fc.constantFrom(...ANSWERS) }), { freq: 2 }),
});
const steps = fc.array(step, { minLength: 1, maxLength: 60 });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface World {
  readonly decisions: readonly Decision[];
  readonly states: readonly (readonly Decision[])[];
  readonly suppressed: readonly Suppression[];
}

/** Runs a sequence as the engine does: every step reads the history anew, each decision in its latest state. */
function run(sequence: readonly Step[], order: (history: Decision[]) => Decision[] = (h) => h): World {
  const latest = new Map<string, Decision>();
  const answers = new Map<string, Answer[]>();
  const states: Decision[][] = [];
  const suppressed: Suppression[] = [];
  let now = START;
  for (const { hours, subscription, events, answer } of sequence) {
    now += hours * 3_600_000;
    const all = [...latest.values()];
    if (answer !== null && all.length > 0) {
      const { decisionId } = all[answer.pick % all.length]!;
      answers.set(decisionId, [
        ...(answers.get(decisionId) ?? []),
        { decisionId, kind: answer.kind, occurredAt: now },
      ]);
    }
    const open = new Map<string, { owner: string; kind: EventType; count: number }>();
    for (const { owner, kind } of all.filter(isOpen)) {
      const key = `${owner} ${kind}`;
      open.set(key, { owner, kind, count: (open.get(key)?.count ?? 0) + 1 });
    }
    const tally = new Tally(
      order(all.filter((d) => d.accountId === subscription.accountId)),
      open.values(),
      order(all).map((d) => ({ at: d.openedAt, currency: d.currency, costMinor: d.costMinor })),
    );
    const verdict = arbitrate(
      situation(now, [], {
        ...subscription,
        fired: events.map((event, i) => fired(event, `rule ${i}`)),
        guardrails: RAILS,
      }),
      tally,
      OFFERS,
      answers,
    );
    for (const decision of verdict.changes) latest.set(decision.decisionId, decision);
    suppressed.push(...verdict.suppressed);
    states.push([...latest.values()]);
  }
  return { decisions: [...latest.values()], states, suppressed };
}

/** Every pair of decisions of which the first opened no later than the second. */
function pairs(decisions: readonly Decision[]): [Decision, Decision][] {
  const inOrder = [...decisions].sort((a, b) => a.openedAt - b.openedAt);
  return inOrder.flatMap((a, i) => inOrder.slice(i + 1).map((b): [Decision, Decision] => [a, b]));
}

describe('over any sequence of situations', () => {
  const holds = (check: (world: World) => void) =>
    fc.assert(
      fc.property(steps, (sequence) => check(run(sequence))),
      { numRuns: 150 },
    );

  it('things do happen: the properties below are not of nothing', () => {
    const worlds = fc.sample(steps, { numRuns: 50, seed: 3 }).map((sequence) => run(sequence));
    const statuses = new Set(worlds.flatMap(({ decisions }) => decisions.map(({ status }) => status)));
    expect([...statuses].sort()).toEqual(['cleared', 'expired', 'open', 'pending_approval', 'resolved']);
    const rails = new Set(worlds.flatMap(({ suppressed }) => suppressed.map((s) => s.guardrail)));
    expect([...rails].sort()).toEqual(
      [
        'one_open_offer',
        ...RAILS.map(({ name }) => name).filter((name) => name !== 'discount_approval'),
      ].sort(),
    );
  });

  it('a subscription has at most one open offer', () => {
    holds(({ states }) => {
      for (const decisions of states) {
        const offers = decisions.filter((d) => d.kind === 'offer' && isOpen(d));
        expect(new Set(offers.map((d) => d.subscriptionId)).size).toBe(offers.length);
      }
    });
  });

  it('the same action is open at most once, and rests after it ended other than by its condition', () => {
    holds(({ decisions }) => {
      for (const [a, b] of pairs(decisions)) {
        if (a.subscriptionId !== b.subscriptionId || a.kind !== b.kind || a.action !== b.action) continue;
        expect(a.closedAt).not.toBeNull();
        const rest = a.status === 'cleared' ? 0 : 20 * DAY_MS;
        expect(b.openedAt - a.closedAt!).toBeGreaterThanOrEqual(rest);
      }
    });
  });

  it('caps, gaps, loads and budgets hold at every moment', () => {
    holds(({ decisions, states }) => {
      for (const decision of decisions) {
        expect(decision.discountPct).toBeLessThanOrEqual(15);
        if (isOpen(decision))
          expect(decision.status).toBe(decision.discountPct > 11 ? 'pending_approval' : 'open');
        const within = (days: number) =>
          decisions.filter(
            (d) => d.openedAt <= decision.openedAt && decision.openedAt - d.openedAt < days * DAY_MS,
          );
        const own = within(60).filter(
          (d) => d.kind === 'offer' && d.subscriptionId === decision.subscriptionId,
        );
        expect(own.length).toBeLessThanOrEqual(2);
        const spent = within(45).reduce((sum, d) => sum + d.costMinor, 0);
        expect(spent).toBeLessThanOrEqual(250_000);
      }
      for (const [a, b] of pairs(decisions)) {
        if (a.accountId !== b.accountId || a.kind === 'escalation' || b.kind === 'escalation') continue;
        expect(b.openedAt - a.openedAt).toBeGreaterThanOrEqual(5 * DAY_MS);
      }
      for (const state of states)
        for (const owner of ['olga', 'otto'])
          expect(
            state.filter((d) => d.kind === 'escalation' && isOpen(d) && d.owner === owner).length,
          ).toBeLessThanOrEqual(3);
    });
  });

  it('what is closed never opens again, and says when and by what it closed', () => {
    holds(({ states }) => {
      const closed = new Map<string, Decision>();
      for (const state of states)
        for (const decision of state) {
          expect(decision.closedAt === null).toBe(isOpen(decision));
          expect(decision.closedBy === '').toBe(isOpen(decision));
          const known = closed.get(decision.decisionId);
          if (known !== undefined) expect(decision).toEqual(known);
          if (!isOpen(decision)) closed.set(decision.decisionId, decision);
        }
    });
  });

  it('the same sequence gives the same decisions, ids included, in whatever order the history is read', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const world = run(sequence);
        expect(run(sequence)).toEqual(world);
        expect(run(sequence, (history) => history.reverse())).toEqual(world);
        expect(new Set(world.decisions.map((d) => d.decisionId)).size).toBe(world.decisions.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a tally', () => {
  it('that lived through a sequence knows what one that is read anew would know', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (sequence) => {
        const living = new Tally();
        const latest = new Map<string, Decision>();
        let now = START;
        for (const { hours, subscription, events } of sequence) {
          now += hours * 3_600_000;
          const given = situation(now, events, { ...subscription, guardrails: RAILS });
          for (const d of arbitrate(given, living, OFFERS, new Map()).changes) latest.set(d.decisionId, d);
        }
        const read = new Tally(latest.values());
        for (const account of ['a', 'b'])
          expect([...living.ofAccount(account)]).toEqual([...read.ofAccount(account)]);
        const all = [...latest.values()];
        for (const owner of ['olga', 'otto'])
          for (const kind of ['offer', 'escalation', 'touchpoint'] as const)
            expect(living.openOfOwner(owner, [kind])).toBe(
              all.filter((d) => isOpen(d) && d.owner === owner && d.kind === kind).length,
            );
        const spent = all
          .filter((d) => d.openedAt > now - 45 * DAY_MS)
          .reduce((sum, d) => sum + d.costMinor, 0);
        expect(living.spent('EUR', 45, now)).toBe(spent);
      }),
      { numRuns: 50 },
    );
  });

  it('counts a decision once, however often a state of it is recorded', () => {
    const tally = new Tally();
    const [decision] = arbitrate(
      situation(START, [offerEvent('ten')]),
      new Tally(),
      OFFERS,
      new Map(),
    ).changes;
    for (const _ of [1, 2, 3]) tally.record(decision!);
    expect(tally.openOfOwner('olga', ['offer', 'escalation'])).toBe(1);
    expect(tally.spent('EUR', 1, START)).toBe(120_000);
    expect(tally.spent('EUR', 1, START + DAY_MS)).toBe(0);
    tally.record({ ...decision!, status: 'cleared', closedAt: START + 1, closedBy: 'condition' });
    expect(tally.openOfOwner('olga', ['offer'])).toBe(0);
    expect(tally.ofAccount('a').length).toBe(1);
  });
});
