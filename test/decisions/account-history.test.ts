import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccountHistory, ENDS, summaries } from '../../src/decisions/account-history.js';
import { openFor } from '../../src/decisions/arbitrate.js';
import type { Decision } from '../../src/decisions/decision.js';
import { applyTo, type Happening, isOpen, TRANSITIONS } from '../../src/decisions/lifecycle.js';
import { settle } from '../../src/decisions/settle.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { EVENT_TYPES } from '../../src/rules/event.js';
import { day, decision, escalation, guardrail, inStatus, offerEvent, RULES, situation } from './cases.js';

const step = fc.record({
  of: fc.nat(11),
  event: fc.constantFrom(...(Object.keys(TRANSITIONS) as Happening['event'][])),
  at: fc.integer({ min: 0, max: 12 }).map(day),
});
const steps = fc.array(step, { maxLength: 40 });

/** Twelve decisions of three subscriptions, of which a third was there before. */
const begun = Array.from({ length: 12 }, (_, i) => {
  const kind = EVENT_TYPES[i % 3]!;
  const action = { kind, action: `a${i % 2}`, subscriptionId: `s${i % 3}`, ordinal: (i >> 2) + 1 };
  return decision({ ...action, decisionId: `d${i}`, openedAt: day(i % 4), costMinor: 0 });
});

describe('the history of an account', () => {
  it('that lived through changes counts like one that is read anew, and like a naive count', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 12 }), fc.boolean(), (all, known, asksEarly) => {
        const latest = new Map(begun.slice(0, known).map((one) => [one.decisionId, one]));
        const living = new AccountHistory('a', latest.values(), summaries(latest.values(), day(-365)));
        if (asksEarly) living.openCount(EVENT_TYPES);
        for (const { of, event, at } of all) {
          const before = latest.get(`d${of}`);
          const outcome =
            before === undefined ? undefined : applyTo(before, { event, at, actor: 'x', until: day(20) });
          const next =
            before === undefined ? begun[of]! : outcome?.kind === 'changed' ? outcome.event.decision : before;
          latest.set(next.decisionId, next);
          living.record(next);
        }
        const decisions = [...latest.values()];
        const anew = new AccountHistory('a', decisions.filter(isOpen), summaries(decisions, day(-365)));
        for (const history of [living, anew])
          for (const subscription of [undefined, 's0', 's1', 's2'])
            for (const kinds of [EVENT_TYPES, ['offer', 'touchpoint'], ['escalation']] as const) {
              const mine = decisions.filter(
                (one) =>
                  kinds.some((kind) => kind === one.kind) &&
                  (subscription ?? one.subscriptionId) === one.subscriptionId,
              );
              const open = mine.filter(isOpen);
              const seen = mine.flatMap(({ presentedAt }) => presentedAt ?? []);
              const ids = (some: readonly Decision[]) => some.map(({ decisionId }) => decisionId).sort();
              expect(
                ids(history.open(subscription).filter(({ kind }) => kinds.some((one) => one === kind))),
              ).toEqual(ids(open));
              expect(history.openCount(kinds, subscription)).toBe(open.length);
              expect(history.unseenCount(kinds, subscription)).toBe(
                open.filter(({ presentedAt }) => presentedAt === null).length,
              );
              expect(history.lastSeen(kinds, subscription) ?? -1).toBe(Math.max(-1, ...seen));
              for (const since of [day(-1), day(3), day(7)])
                expect(history.seenSince(kinds, since, subscription)).toBe(
                  seen.filter((at) => at > since).length,
                );
            }
        for (const one of decisions) {
          expect(living.openings(one)).toBe(anew.openings(one));
          expect(living.last(one, ['presented'])).toBe(anew.last(one, ['presented']));
          // What was declined first and accepted then may still rest as declined in this pass: never less than it has to.
          for (const end of ENDS)
            expect(living.last(one, [end]) ?? -1).toBeGreaterThanOrEqual(anew.last(one, [end]) ?? -1);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('is summed up by action: openings, the latest of each end, and when it was seen', () => {
    const past = [
      inStatus('declined', 'offer', { decisionId: '1', ordinal: 1, openedAt: day(-400) }),
      inStatus('expired', 'offer', { decisionId: '2', ordinal: 2, presentedAt: day(3), closedAt: day(9) }),
      inStatus('cleared', 'offer', { decisionId: '3', ordinal: 3, openedAt: day(10) }),
      inStatus('open', 'escalation', { decisionId: '4' }),
    ];
    expect(summaries(past, day(-365))).toEqual([
      {
        accountId: 'a',
        subscriptionId: 's',
        kind: 'offer',
        action: 'it',
        openings: 3,
        openedLastYear: 2,
        openedAt: day(10),
        presentedAt: day(3),
        acceptedAt: null,
        declinedAt: day(5),
        expiredAt: day(9),
        resolvedAt: null,
        seenAt: [day(3), day(1)],
      },
      expect.objectContaining({ kind: 'escalation', openings: 1, seenAt: [], presentedAt: null }),
    ]);
  });

  // Case A7: 8,000 subscriptions of one account took minutes, since each looked at the decisions of all.
  it('costs the same for each subscription, however many an account has', () => {
    const guardrails = [
      { ...guardrail({ kind: 'frequency_cap', per: 'account', max: 64, days: 30 }), max: 1_000_000 },
      guardrail({ kind: 'max_open', types: ['escalation'], per: 'account', max: 1_000_000 }),
      guardrail({ kind: 'min_gap', types: ['touchpoint'], per: 'account', days: 3 }),
      guardrail({ kind: 'budget', max_minor: 1e12, currency: 'EUR', days: 30 }),
    ];
    const processorTime = (subscriptions: number): number => {
      const begin = process.cpuUsage();
      const open = Array.from({ length: subscriptions }, (_, i) =>
        inStatus(i % 2 === 0 ? 'open' : 'presented', 'offer', {
          decisionId: `d${i}`,
          subscriptionId: `s${i}`,
        }),
      );
      const history = new AccountHistory('a', open, summaries(open, 0));
      const limits = new Ledger(open);
      limits.setBrake({ maxOpened: 1_000_000, maxSharePct: 0 }, subscriptions);
      settle(history, limits, [], day(6), () => 'holds');
      for (let i = 0; i < subscriptions; i++) {
        const fires = [offerEvent('ten'), escalation('payment')];
        openFor(situation(day(6), fires, { subscriptionId: `s${i}`, guardrails }), history, limits, RULES);
      }
      return process.cpuUsage(begin).user;
    };
    // The least of several: compiling, collecting garbage and what else runs beside only add to it.
    const least = (subscriptions: number) =>
      Math.min(...Array.from({ length: 4 }, () => processorTime(subscriptions)));
    const [few, many] = [least(1_000), least(8_000)];
    // Eight times as many: in proportion it is 8, and was 64.
    expect(many / few).toBeLessThan(24);
  });
});
