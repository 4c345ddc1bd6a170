import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { convertMinor } from '../../src/core/money.js';
import { AccountHistory } from '../../src/decisions/account-history.js';
import { openFor } from '../../src/decisions/arbitrate.js';
import type { Decision } from '../../src/decisions/decision.js';
import { applyTo, type Happening, isOpen, TRANSITIONS } from '../../src/decisions/lifecycle.js';
import { reviseTerms } from '../../src/decisions/revise-terms.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import { EVENT_TYPES } from '../../src/rules/event.js';
import {
  day,
  decision,
  escalation,
  guardrail,
  inStatus,
  lived,
  offerEvent,
  RULES,
  situation,
} from './cases.js';

const { currencies } = RULES;
const HOUR_MS = 3_600_000;

/** Whether a proposal fits, in one word or the reason why not. */
function asked(
  ledger: Ledger,
  guardrails: Parameters<typeof guardrail>[0][],
  proposal: Partial<Decision> = {},
  asOf: Millis = day(10),
): string {
  const ruling = ledger.ask({
    proposal: decision({ decisionId: 'new', ...proposal }),
    costKnown: true,
    guardrails: guardrails.map((given) => guardrail(given)) as Parameters<Ledger['ask']>[0]['guardrails'],
    currencies,
    asOf,
    opens: true,
  });
  return ruling.kind === 'pass' ? 'fits' : ruling.kind === 'approve' ? 'waits' : ruling.reason;
}

const budget = (max_minor: number, currency = 'EUR', days = 30) =>
  ({ kind: 'budget', max_minor, currency, days }) as const;

describe('a budget', () => {
  it('reserves what is open, keeps what was accepted for its days, and has the rest back', () => {
    const costs = (one: Decision) => new Ledger([one]).committed(currencies, 'EUR', 30, day(10));
    expect(
      ['pending_approval', 'open', 'presented', 'accepted'].map((status) =>
        costs(inStatus(status as Decision['status'])),
      ),
    ).toEqual([120_000, 120_000, 120_000, 120_000]);
    for (const status of [
      'held_out',
      'declined',
      'expired',
      'lapsed',
      'cleared',
      'superseded',
      'rejected',
      'withdrawn',
    ] as const)
      expect(costs(inStatus(status))).toBe(0);
    const accepted = new Ledger([inStatus('accepted')]);
    expect(accepted.committed(currencies, 'EUR', 30, day(35) - 1)).toBe(120_000);
    expect(accepted.committed(currencies, 'EUR', 30, day(35))).toBe(0);
    expect(new Ledger([inStatus('open')]).committed(currencies, 'EUR', 30, day(500))).toBe(120_000);
  });

  it('may be used up to the last unit, by all accounts together', () => {
    const ledger = new Ledger([inStatus('open', 'offer', { accountId: 'b' })]);
    expect(asked(ledger, [budget(240_000)])).toBe('fits');
    expect(asked(ledger, [budget(239_999)])).toBe(
      'It costs 120000 EUR, and 120000 of the 239999 minor units for 30 days are reserved or spent.',
    );
    expect(asked(ledger, [budget(0)], { costMinor: 0 })).toBe('fits');
  });

  it('is counted in its currency by the rates, over all currencies', () => {
    const ledger = new Ledger([
      inStatus('open', 'offer', { decisionId: '1', currency: 'USD', costMinor: 10_000 }),
      inStatus('open', 'offer', { decisionId: '2', currency: 'JPY', costMinor: 10_000 }),
    ]);
    // 10,000 cents are 9,170, and 10,000 yen are 61 euros.
    expect(ledger.committed(currencies, 'EUR', 30, day(10))).toBe(9_170 + 6_100);
    expect(asked(ledger, [budget(16_270)], { currency: 'EUR', costMinor: 1_000 })).toBe('fits');
    expect(asked(ledger, [budget(16_269)], { currency: 'EUR', costMinor: 1_000 })).toMatch(
      /^It costs 1000 EUR/,
    );
    expect(asked(ledger, [budget(20_000)], { currency: 'JPY', costMinor: 7_754 })).toBe('fits');
    expect(asked(ledger, [budget(20_000)], { currency: 'JPY', costMinor: 7_755 })).toMatch(
      /^It costs 4731 EUR/,
    );
  });

  it('lets nothing through of which the cost is not known', () => {
    const open = new Ledger([inStatus('open', 'offer', { currency: 'GBP' })]);
    expect(asked(new Ledger(), [budget(1e9)], { currency: 'GBP' })).toBe(
      'rules/currencies.yaml has no rate from GBP to EUR.',
    );
    expect(asked(open, [budget(1e9)])).toBe(
      'rules/currencies.yaml has no rate of GBP, in which decisions are open or were accepted.',
    );
    expect(asked(new Ledger(), [budget(1e9)], { currency: '' })).toBe(
      'The currency of what it costs is not known.',
    );
    const unknown = situation(day(0), [offerEvent('ten'), offerEvent('credit')], {
      arrMinor: null,
      guardrails: [guardrail(budget(1e9))],
    });
    const { suppressed, events } = openFor(unknown, new AccountHistory('a'), new Ledger(), RULES);
    expect(suppressed).toMatchObject([
      { action: 'ten', reason: 'What it costs is not known, since the ARR is not.' },
    ]);
    expect(events[0]!.decision).toMatchObject({ action: 'credit', costMinor: 5_000 });
  });

  // Bug: what was rounded by itself fitted, and the sum did not.
  it('is not exceeded by what rounding hides', () => {
    const ledger = new Ledger([inStatus('open', 'offer', { currency: 'USD', costMinor: 19 })]);
    expect(ledger.committed(currencies, 'EUR', 30, day(10))).toBe(17);
    // Twice 17.423 is 34.846.
    const again = { currency: 'USD', costMinor: 19 };
    expect(asked(ledger, [budget(34)], again)).toMatch(/^It costs 17 EUR, and 17 of the 34/);
    expect(asked(ledger, [budget(35)], again)).toBe('fits');
  });

  it('counts a late acceptance, though it leaves nothing to give', () => {
    const cleared = inStatus('cleared');
    const ledger = new Ledger([cleared]);
    expect(ledger.committed(currencies, 'EUR', 30, day(10))).toBe(0);
    ledger.record(lived(cleared, { event: 'accepted', at: day(9) }));
    expect(ledger.committed(currencies, 'EUR', 30, day(10))).toBe(120_000);
    expect(asked(ledger, [budget(100_000)], { costMinor: 1 })).toMatch(/^It costs 1 EUR/);
  });
});

describe('terms that change with the ARR', () => {
  const revise = (
    open: Decision,
    arrMinor: number,
    currency: string,
    max: number,
    others: Decision[] = [],
  ) => {
    const limits = new Ledger([open, ...others]);
    const now = situation(day(10), [], { arrMinor, currency, guardrails: [guardrail(budget(max))] });
    const events = reviseTerms(now, new AccountHistory('a', [open]), limits, RULES);
    return { events, committed: limits.committed(currencies, 'EUR', 30, day(10)) };
  };

  it('are brought up to it while nobody has seen them', () => {
    const { events, committed } = revise(inStatus('open'), 2_400_000, 'EUR', 240_000);
    expect(events).toMatchObject([
      { event: 'revised', decision: { status: 'open', costMinor: 240_000, arrMinor: 2_400_000, version: 2 } },
    ]);
    expect(events[0]!.decision.terms).not.toBe('terms');
    expect(committed).toBe(240_000);
    expect(revise(inStatus('presented'), 2_400_000, 'EUR', 240_000).events).toEqual([]);
    expect(revise(inStatus('presented'), 2_400_000, 'EUR', 1).events).toEqual([]);
    expect(revise(inStatus('open'), 1_200_000, 'EUR', 240_000).events).toEqual([]);
  });

  // Bug: a rate taken out of currencies.yaml ended every open offer whose ARR grew, in whatever currency.
  it('that nobody can judge for want of a rate stay as they were: editing files closes nothing', () => {
    const pound = inStatus('open', 'offer', { decisionId: 'pound', currency: 'GBP' });
    expect(revise(inStatus('open'), 2_400_000, 'EUR', 1e9, [pound]).events).toEqual([]);
    expect(revise(pound, 2_400_000, 'GBP', 1e9).events).toEqual([]);
    // It is the contract that changed, into a currency in which nothing is offered.
    expect(revise(inStatus('open'), 2_400_000, 'GBP', 1e9).events).toMatchObject([{ event: 'superseded' }]);
  });

  // Bug: passes read decisions without their parameters, which were part of the hash.
  it('have the hash that they would have had at once, however the decision was read', () => {
    const opens = (arrMinor: number) =>
      openFor(
        situation(day(0), [offerEvent('ten')], { arrMinor }),
        new AccountHistory('a'),
        new Ledger(),
        RULES,
      );
    const before = { ...opens(1_200_000).events[0]!.decision, params: {}, reasons: [] };
    expect(revise(before, 2_400_000, 'EUR', 1e9).events[0]!.decision.terms).toBe(
      opens(2_400_000).events[0]!.decision.terms,
    );
  });

  it('end what does not fit any more; what costs less always fits', () => {
    const { events, committed } = revise(inStatus('open'), 2_400_000, 'EUR', 239_999);
    expect(events).toMatchObject([
      { event: 'superseded', decision: { status: 'superseded', costMinor: 120_000 } },
    ]);
    expect(events[0]!.reason).toMatch(/do not fit any more: It costs 240000 EUR, and 0 of the 239999/);
    expect(committed).toBe(0);
    expect(revise(inStatus('open'), 600_000, 'EUR', 1).events).toMatchObject([{ event: 'revised' }]);
  });

  // Bug: growth was the difference of two currencies: 120,000 yen were taken for as much as 120,000 cents.
  it('are compared in one currency', () => {
    const yen = inStatus('open', 'offer', { currency: 'JPY', costMinor: 120_000 });
    expect(revise(yen, 1_200_000, 'USD', 100_000).events).toMatchObject([{ event: 'superseded' }]);
    expect(revise(yen, 1_200_000, 'USD', 110_040).events).toMatchObject([
      { event: 'revised', decision: { currency: 'USD' } },
    ]);
  });

  // Case A12.
  it('wait for approval anew where there was one, or one is awaited', () => {
    const approved = lived(inStatus('pending_approval'), { event: 'approved' });
    const again = { status: 'pending_approval', approvedTerms: 'terms' };
    expect(revise(approved, 2_400_000, 'EUR', 1e9).events[0]!.decision).toMatchObject({
      ...again,
      waitsFor: 'changed_terms',
    });
    expect(revise(approved, 600_000, 'EUR', 1e9).events[0]!.decision).toMatchObject(again);
    expect(revise(inStatus('pending_approval'), 2_400_000, 'EUR', 1e9).events[0]!.decision).toMatchObject({
      status: 'pending_approval',
      waitsFor: 'discount_approval',
    });
  });
});

describe('the load of an owner', () => {
  const cap = { kind: 'max_open', types: ['escalation'], per: 'owner', max: 1 } as const;
  const task = (more: Partial<Decision> = {}) => inStatus('open', 'escalation', { costMinor: 0, ...more });

  it('is what is open for the owner over all accounts', () => {
    const ledger = new Ledger([task({ decisionId: 'task', accountId: 'b' }), inStatus('open')]);
    const proposal = { kind: 'escalation', costMinor: 0 } as const;
    expect(asked(ledger, [cap], proposal)).toBe('1 are open for olga; at most 1 are allowed per owner.');
    expect(asked(ledger, [cap], { ...proposal, owner: 'otto' })).toBe('fits');
    expect(asked(ledger, [cap], { kind: 'touchpoint', costMinor: 0 })).toBe('fits');
    ledger.record(lived(task({ decisionId: 'task', accountId: 'b' }), { event: 'resolved' }));
    expect(asked(ledger, [cap], proposal)).toBe('fits');
  });
});

describe('the brake', () => {
  const open = (ledger: Ledger, n: number, at = day(0)) =>
    Array.from({ length: n }, (_, i) => {
      const fires = situation(at, [escalation('payment')], {
        accountId: `${at} ${i}`,
        subscriptionId: `${i}`,
      });
      return openFor(fires, new AccountHistory(fires.accountId), ledger, RULES).events[0]!;
    });
  const waiting = (events: ReturnType<typeof open>) =>
    events.filter((event) => event.decision.waitsFor === 'brake').length;
  const braked = (maxOpened: number, maxSharePct = 0, running = 0) => {
    const ledger = new Ledger();
    ledger.setBrake({ maxOpened, maxSharePct }, running);
    return ledger;
  };

  // Case C5.
  it('lets so many open, or that share of what runs; the others wait for a person', () => {
    expect(waiting(open(braked(3), 10))).toBe(7);
    expect(waiting(open(braked(3, 50, 9), 10))).toBe(6);
    expect(waiting(open(new Ledger(), 10))).toBe(0);
    const [first, , , fourth] = open(braked(3), 4);
    expect(first!.decision).toMatchObject({ status: 'open', waitsFor: '' });
    expect(fourth).toMatchObject({
      reason: 'Waits for approval: brake.',
      decision: { status: 'pending_approval' },
    });
  });

  it('counts what passes of one hour open together, and no longer', () => {
    const ledger = braked(3);
    expect(waiting(open(ledger, 2))).toBe(0);
    expect(waiting(open(ledger, 2, day(0) + HOUR_MS - 1))).toBe(1);
    expect(waiting(open(ledger, 2, day(0) + HOUR_MS))).toBe(0);
  });

  // Bug: limits are read anew after a failure, and then as many could open again.
  it('still counts them after its limits were read anew', () => {
    const events = open(braked(3), 4);
    const anew = new Ledger(events.map((event) => event.decision));
    anew.setBrake({ maxOpened: 3, maxSharePct: 0 }, 0);
    expect(waiting(open(anew, 2, day(0) + 1))).toBe(2);
    expect(waiting(open(anew, 2, day(0) + HOUR_MS))).toBe(0);
  });

  it('counts neither what a person lets through nor what a person opens again', () => {
    const ledger = braked(3);
    const events = open(ledger, 5);
    for (const { decision: one } of events)
      if (one.status === 'pending_approval') ledger.record(lived(one, { event: 'approved', at: day(0) + 1 }));
    const cleared = inStatus('cleared');
    ledger.record(lived(cleared, { event: 'reopened', at: day(0) + 1 }));
    expect(waiting(open(ledger, 3, day(0) + HOUR_MS))).toBe(0);
  });

  it('waits where something else asks for approval, too, under the name of that', () => {
    const approval = guardrail({ kind: 'discount_approval', over_pct: 10 });
    const fires = situation(day(0), [offerEvent('twenty')], { guardrails: [approval] });
    const { events } = openFor(fires, new AccountHistory('a'), braked(0), RULES);
    expect(events[0]!.decision).toMatchObject({ status: 'pending_approval', waitsFor: 'discount_approval' });
  });

  // Bug: the timer of what waits was due for ever, since nothing happens to it.
  it('has no timer for what nobody has to act upon yet', () => {
    const fires = situation(day(0), [escalation('payment', 4)]);
    const { events } = openFor(fires, new AccountHistory('a'), braked(0), RULES);
    expect(events[0]!.decision).toMatchObject({ dueAt: day(0) + 4 * HOUR_MS, timerAt: null });
  });
});

// Bug: what was granted and not stored yet stood in its own way when it was asked again: an account that was scored twice within a
// second lost its place in the load of its owner, or under the brake.
describe('what is asked again before it is stored', () => {
  it.each([
    ['the load of an owner', [{ kind: 'max_open', types: ['offer'], per: 'owner', max: 1 }] as const, null],
    ['the brake', [], { maxOpened: 1, maxSharePct: 0 }],
  ])('is answered by %s as it was at first, and still counts once', (_name, guardrails, brake) => {
    const ledger = new Ledger();
    ledger.setBrake(brake, 0);
    const first = decision({ decisionId: 'new', openedAt: day(10) });
    expect(asked(ledger, [...guardrails], first)).toBe('fits');
    ledger.record(first);
    expect(asked(ledger, [...guardrails], first)).toBe('fits');
    ledger.record(first);
    expect(asked(ledger, [...guardrails], { ...first, decisionId: 'another' })).not.toBe('fits');
  });

  it('counts for the brake once there is room for it', () => {
    const ledger = new Ledger();
    ledger.setBrake({ maxOpened: 0, maxSharePct: 0 }, 0);
    const first = decision({ decisionId: 'new', openedAt: day(10) });
    expect(asked(ledger, [], first)).toBe('waits');
    ledger.record({ ...first, status: 'pending_approval', waitsFor: 'brake' });
    ledger.setBrake({ maxOpened: 1, maxSharePct: 0 }, 0);
    expect(asked(ledger, [], first)).toBe('fits');
    ledger.record(first);
    expect(asked(ledger, [], { ...first, decisionId: 'another' })).toBe('waits');
  });
});

describe('a ledger', () => {
  const OWNERS = ['olga', 'otto', ''];
  const CURRENCIES = ['EUR', 'USD', 'JPY', 'GBP'];
  const step = fc.record({
    of: fc.nat(9),
    hours: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 24 * 5 })),
    event: fc.constantFrom(...(Object.keys(TRANSITIONS) as Happening['event'][])),
    kind: fc.constantFrom(...EVENT_TYPES),
    owner: fc.constantFrom(...OWNERS),
    currency: fc.constantFrom(...CURRENCIES.slice(0, 3), ...CURRENCIES),
    cost: fc.integer({ min: 0, max: 999 }),
    anew: fc.boolean(),
  });

  function naivelyCommitted(
    all: readonly Decision[],
    currency: string,
    days: number,
    now: Millis,
  ): number | null {
    const by = new Map<string, number>();
    for (const one of all) {
      const reserved = ['pending_approval', 'open', 'presented'].includes(one.status);
      const spent = one.status === 'accepted' && one.answeredAt! > now - days * DAY_MS;
      if (reserved || spent) by.set(one.currency, (by.get(one.currency) ?? 0) + one.costMinor);
    }
    const parts = [...by].filter(([, minor]) => minor > 0);
    const converted = parts.map(([from, minor]) => convertMinor(minor, from, currency, currencies.rates));
    return converted.includes(null) ? null : (converted as number[]).reduce((sum, minor) => sum + minor, 0);
  }

  it('knows after any sequence what a naive sum over all decisions says, also when it is read anew', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let ledger = new Ledger();
        const latest = new Map<string, Decision>();
        let now = day(0);
        for (const { of, hours, event, kind, owner, currency, cost, anew } of steps) {
          now += hours * HOUR_MS;
          const id = `${of}`;
          const before = latest.get(id);
          const outcome =
            before === undefined
              ? undefined
              : applyTo(before, { event, at: now, actor: 'x', until: now + 1 });
          const opened = {
            decisionId: id,
            kind,
            owner,
            currency,
            costMinor: kind === 'offer' ? cost : 0,
            openedAt: now,
          };
          const next =
            before === undefined
              ? decision(opened)
              : outcome?.kind === 'changed'
                ? outcome.event.decision
                : before;
          latest.set(id, next);
          ledger.record(next);
          const all = [...latest.values()];
          if (anew) ledger = new Ledger(all);
          for (const one of OWNERS)
            expect(ledger.openOfOwner(one, ['offer', 'escalation'])).toBe(
              all.filter((d) => isOpen(d) && d.owner === one && d.kind !== 'touchpoint').length,
            );
          for (const wanted of ['EUR', 'JPY'])
            for (const days of [1, 10])
              expect(ledger.committed(currencies, wanted, days, now)).toBe(
                naivelyCommitted(all, wanted, days, now),
              );
        }
      }),
      { numRuns: 200 },
    );
  });
});
