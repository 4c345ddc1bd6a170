import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Millis } from '../../src/core/clock.js';
import type { Decision } from '../../src/decisions/decision.js';
import { applyTo, isOpen } from '../../src/decisions/lifecycle.js';
import type { LimitRequest } from '../../src/decisions/limit-request.js';
import { type Asked, Ledger } from '../../src/decisions/shared-limits.js';
import { GRANT_MS, GrantedLimits } from '../../src/engine/granted-limits.js';
import { KeptLimits, mostUrgentFirst } from '../../src/engine/kept-limits.js';
import type { LimitGrant } from '../../src/store/limit-grants.js';
import { day, decision, guardrail, RULES } from '../decisions/cases.js';

const BUDGET = 1_000;
const CAP = 3;
const MARGIN_MS = 10_000;
const shared = [
  guardrail({ kind: 'budget', max_minor: BUDGET, currency: 'EUR', days: 30 }),
  guardrail({ kind: 'max_open', types: ['offer'], per: 'owner', max: CAP }),
] as unknown as Asked['guardrails'];

/** Scorers, the keeper of what they share, and the store between them, in memory. */
class Cluster {
  now: Millis = day(0);
  readonly stored: { decision: Decision; storedAt: Millis }[] = [];
  readonly requests: LimitRequest[] = [];
  grants: LimitGrant[] = [];
  #epoch = 0;
  #kept!: KeptLimits;
  #readUntil: Millis = 0;

  constructor() {
    this.takeOver();
  }

  get latest(): ReadonlyMap<string, Decision> {
    return new Map(this.stored.map(({ decision: one }) => [one.decisionId, one]));
  }

  takeOver(): void {
    this.#epoch++;
    const keeper = { epoch: this.#epoch, generation: this.#epoch };
    const outstanding = this.grants.filter(({ grantedAt }) => grantedAt > this.now - GRANT_MS);
    this.#readUntil = this.now - MARGIN_MS;
    this.#kept = new KeptLimits(new Ledger(this.latest.values()), keeper, this.#recent(), outstanding);
  }

  /** The keeper answers what was asked so far. */
  answer(): void {
    const recent = this.#recent();
    this.#kept.stored(recent);
    this.#readUntil = this.now;
    this.#kept.expire(this.now);
    const asked = [...new Map(this.requests.splice(0).map((one) => [one.requestId, one])).values()];
    const given = asked.sort(mostUrgentFirst).map((request) => this.#kept.answer(request, 0, this.now));
    const again = new Set(given.map(({ requestId }) => requestId));
    this.grants = [...this.grants.filter(({ requestId }) => !again.has(requestId)), ...given];
  }

  /** The scorer of a subscription opens it, opens it again, or brings its terms up to date, as far as it may. */
  pass(subscriptionId: string, costMinor: number): void {
    const limits = new GrantedLimits(
      this.grants.filter((one) => one.epoch === this.#epoch && one.grantedAt > this.now - GRANT_MS / 2),
      null,
    );
    const before = this.latest.get(subscriptionId);
    const open = before !== undefined && isOpen(before);
    const fresh = decision({ subscriptionId, decisionId: subscriptionId, owner: 'olga', openedAt: this.now });
    const proposal: Decision = {
      ...(before ?? fresh),
      ...(open || before === undefined ? { costMinor } : {}),
    };
    const ruling = limits.ask({
      proposal,
      costKnown: true,
      guardrails: shared,
      currencies: RULES.currencies,
      asOf: this.now,
      opens: !open,
    });
    this.requests.push(...limits.requests);
    if (ruling.kind !== 'pass') return;
    if (before === undefined) this.#store(proposal);
    else if (open) this.happen(subscriptionId, 'revised', { costMinor });
    else this.happen(subscriptionId, 'reopened');
  }

  happen(subscriptionId: string, event: 'withdrawn' | 'reopened' | 'revised', revision = {}): void {
    const before = this.latest.get(subscriptionId);
    if (before === undefined) return;
    const outcome = applyTo(before, { event, at: this.now, actor: 'pass', revision });
    if (outcome.kind === 'changed') this.#store(outcome.event.decision);
  }

  #store(one: Decision): void {
    this.stored.push({ decision: one, storedAt: this.now });
  }

  #recent(): Decision[] {
    const since = this.stored.filter(({ storedAt }) => storedAt > this.#readUntil - MARGIN_MS);
    return [...new Map(since.map(({ decision: one }) => [one.decisionId, one])).values()];
  }
}

describe('limits that several scorers share', () => {
  // Bugs: what was asked twice lost its place; a grant was used again for what had been taken back; what the keeper had read before came
  // back to it with the overlap, and made it forget what it had granted since.
  it('are never exceeded, whatever is asked, granted, opened, taken back and opened again, in whatever order', () => {
    const step = fc.record({
      what: fc.constantFrom('pass', 'pass', 'pass', 'answer', 'answer', 'withdraw', 'takeOver', 'wait'),
      of: fc.constantFrom('a', 'b', 'c', 'd'),
      costMinor: fc.constantFrom(200, 400, 700),
      seconds: fc.constantFrom(0, 1, 5, 15, 200, 400, 700),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 60 }), (steps) => {
        const cluster = new Cluster();
        for (const { what, of, costMinor, seconds } of steps) {
          if (what === 'pass') cluster.pass(of, costMinor);
          else if (what === 'answer') cluster.answer();
          else if (what === 'withdraw') cluster.happen(of, 'withdrawn');
          else if (what === 'takeOver') cluster.takeOver();
          else cluster.now += seconds * 1_000;
          const open = [...cluster.latest.values()].filter(isOpen);
          expect(open.reduce((sum, one) => sum + one.costMinor, 0)).toBeLessThanOrEqual(BUDGET);
          expect(open.length).toBeLessThanOrEqual(CAP);
        }
      }),
      { numRuns: 400 },
    );
  });

  // Bug: what the keeper reads comes again with the overlap of the next look.
  it('remember a grant when what was stored before it is read again', () => {
    const cluster = new Cluster();
    const act = (...passes: readonly (readonly [string, number])[]) => {
      for (const [subscription, cost] of passes) cluster.pass(subscription, cost);
      cluster.answer();
    };
    act(['a', 200]);
    act(['a', 200]);
    cluster.now += 1_000;
    act(['a', 700]);
    act(['b', 700]);
    cluster.pass('a', 700);
    cluster.pass('b', 700);
    expect([...cluster.latest.values()].map(({ costMinor }) => costMinor)).toEqual([700]);
  });

  // Bug: of two grants with other terms only the later was reserved, and the earlier could still be used.
  it('reserve the most of what was granted to one decision', () => {
    const cluster = new Cluster();
    for (const [subscription, cost] of [
      ['a', 700],
      ['a', 200],
      ['b', 400],
    ] as const)
      cluster.pass(subscription, cost);
    cluster.answer();
    cluster.pass('a', 700);
    cluster.pass('b', 400);
    expect([...cluster.latest.keys()]).toEqual(['a']);
  });

  it('lose nobody a place who is scored again before the answer came', () => {
    const cluster = new Cluster();
    for (const subscription of ['a', 'b', 'c']) cluster.pass(subscription, 200);
    cluster.answer();
    const asked = cluster.grants.map(({ ruling }) => ruling);
    cluster.now += 1_000;
    cluster.takeOver();
    for (const subscription of ['a', 'b', 'c', 'd']) cluster.pass(subscription, 200);
    cluster.answer();
    for (const subscription of ['a', 'b', 'c', 'd']) cluster.pass(subscription, 200);
    expect(asked).toEqual(['pass', 'pass', 'pass']);
    expect([...cluster.latest.keys()]).toEqual(['a', 'b', 'c']);
  });
});

// Bug: a rate taken out of currencies.yaml ended every open offer whose ARR grew, in whatever currency.
it('what the keeper can not judge for want of a rate is told apart from what does not fit', () => {
  const open = decision({ costMinor: 100 });
  const pound = decision({ decisionId: 'pound', currency: 'GBP', costMinor: 100 });
  const keeper = { epoch: 1, generation: 1 };
  const asking = { proposal: { ...open, costMinor: 200 }, costKnown: true, opens: false, asOf: day(1) };
  const asked: Asked = { ...asking, guardrails: shared, currencies: RULES.currencies };
  const scorer = new GrantedLimits([], null);
  expect(scorer.ask(asked).kind).toBe('wait');
  const ruled: string[] = [];
  const answered = (others: Decision[]) => {
    const kept = new KeptLimits(new Ledger([open, ...others]), keeper, [], []);
    const grants = scorer.requests.map((request) => kept.answer(request, 0, day(1)));
    ruled.push(...grants.map(({ ruling, guardrail }) => `${ruling} ${guardrail}`.trim()));
    return new GrantedLimits(grants, null).ask(asked);
  };
  expect(answered([])).toEqual({ kind: 'pass' });
  expect(answered([pound])).toMatchObject({ kind: 'suppress', undecided: true });
  expect(answered([decision({ decisionId: 'other', costMinor: BUDGET })])).not.toHaveProperty('undecided');
  // By a ruling of its own: once it was a name in the guardrail's place, which a guardrail could have had.
  expect(ruled.map((one) => one.split(' ')[0])).toEqual(['pass', 'undecided', 'suppress']);
  expect(ruled[1]!.split(' ')[1]).toBe(ruled[2]!.split(' ')[1]);
});
