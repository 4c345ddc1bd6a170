import { describe, expect, it } from 'vitest';
import { AccountHistory, summaries } from '../../src/decisions/account-history.js';
import { openFor, opensNothing, supersede } from '../../src/decisions/arbitrate.js';
import type { Decision } from '../../src/decisions/decision.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import type { Situation } from '../../src/decisions/situation.js';
import type { RuleEvent } from '../../src/rules/event.js';
import {
  day,
  decision,
  escalation,
  fired,
  guardrail,
  inStatus,
  offerEvent,
  RULES,
  situation,
  touchpoint,
} from './cases.js';

const past = (...decisions: Decision[]) =>
  new AccountHistory('a', decisions, summaries(decisions, day(-365)));
const opened = (events: readonly RuleEvent[], more: Partial<Situation> = {}, history = past()) =>
  openFor(situation(day(0), events, more), history, new Ledger(history.decisions), RULES);
const one = (event: RuleEvent, more: Partial<Situation> = {}, history = past()): Decision =>
  opened([event], more, history).events[0]!.decision;

describe('what opens', () => {
  it('carries everything that explains it: rule, reasons, risk, money, revisions, candidates and suppressions', () => {
    const { events, suppressed, candidates } = opened([
      offerEvent('ten'),
      offerEvent('credit'),
      escalation('payment'),
    ]);
    expect(suppressed).toEqual([
      {
        rule: 'credit',
        kind: 'offer',
        action: 'credit',
        guardrail: 'one_open_offer',
        reason: 'The offer ten is open; at most one is.',
      },
    ]);
    expect(candidates.map(({ action, ruling }) => `${action} ${ruling}`)).toEqual([
      'ten opened_too',
      'credit suppressed',
      'payment opened_too',
    ]);
    const [offer, task] = events.map((event) => event.decision);
    expect(events.map(({ event, at, actor }) => [event, at, actor])).toEqual([
      ['opened', day(0), 'pass'],
      ['opened', day(0), 'pass'],
    ]);
    expect(offer).toMatchObject({
      version: 1,
      ordinal: 1,
      kind: 'offer',
      action: 'ten',
      status: 'open',
      statusAt: day(0),
      openedAt: day(0),
      expiresAt: day(14),
      timerAt: day(14),
      keepUntil: day(14),
      clearAfterDays: 30,
      rule: 'ten',
      reasons: ['why ten'],
      suppressed,
      priority: 10,
      propensity: 1,
      risk: 60,
      band: 'critical',
      arrMinor: 1_200_000,
      arrAtRiskMinor: 600_000,
      currency: 'EUR',
      owner: 'olga',
      discountPct: 10,
      discountMonths: 12,
      costMinor: 120_000,
      rulesRevision: 'rules',
      scoringRevision: 'scoring',
    });
    expect(offer!.candidates.map(({ ruling }) => ruling)).toEqual(['chosen', 'suppressed', 'opened_too']);
    expect(task!.candidates.map(({ ruling }) => ruling)).toEqual(['opened_too', 'suppressed', 'chosen']);
    expect(task).toMatchObject({
      kind: 'escalation',
      expiresAt: null,
      timerAt: null,
      costMinor: 0,
      suppressed,
    });
  });

  it('goes by the order of the rules: the first offer wins', () => {
    expect(opened([offerEvent('ten'), offerEvent('credit')]).events[0]!.decision.action).toBe('ten');
    expect(opened([offerEvent('credit'), offerEvent('ten')]).events[0]!.decision.action).toBe('credit');
  });

  it('is one thing, when two rules propose the same; where the first is suppressed, the second may propose it for less', () => {
    const twice = [
      fired(escalation('payment'), { name: 'one' }),
      fired(escalation('payment'), { name: 'two' }),
    ];
    const same = opened([], { fired: twice });
    expect(same.candidates.map(({ rule, ruling }) => `${rule} ${ruling}`)).toEqual([
      'one opened_too',
      'two open_already',
    ]);
    expect(same.suppressed).toEqual([]);

    const less = [
      fired(offerEvent('twenty'), { name: 'one' }),
      fired(offerEvent('twenty', 12), { name: 'two' }),
    ];
    const cap = [guardrail({ kind: 'discount_cap', max_pct: 15 })];
    const { events } = opened([], { fired: less, guardrails: cap });
    expect(events[0]!.decision).toMatchObject({ rule: 'two', discountPct: 12 });
    expect(events[0]!.decision.candidates.map(({ ruling }) => ruling)).toEqual(['suppressed', 'chosen']);
  });

  it.each<[string, RuleEvent, number, number]>([
    ['a discount over its months', offerEvent('twenty'), 20, 120_000],
    ['the discount of the rule before that of the offer', offerEvent('twenty', 5), 5, 30_000],
    ['a credit', offerEvent('credit'), 0, 5_000],
    ['nothing, where nothing is given away', offerEvent('training'), 0, 0],
  ])('costs %s', (_what, event, discountPct, costMinor) => {
    expect(one(event)).toMatchObject({ discountPct, costMinor });
  });

  it('has an id that says which opening of the action it is, whenever it is computed', () => {
    const first = one(offerEvent('ten'));
    expect(one(offerEvent('ten'), { risk: 99, asOf: day(3) }).decisionId).toBe(first.decisionId);
    const again = one(offerEvent('ten'), {}, past({ ...first, status: 'lapsed', closedAt: day(-1) }));
    expect(again).toMatchObject({ ordinal: 2 });
    const others = [again, one(offerEvent('credit')), one(offerEvent('ten'), { subscriptionId: 't' })];
    expect(new Set([first, ...others].map(({ decisionId }) => decisionId)).size).toBe(4);
  });

  it('has the times that its kind, its offer and its rule say', () => {
    expect(one(escalation('payment', 4))).toMatchObject({
      dueAt: day(0) + 4 * 3_600_000,
      expiresAt: null,
      keepUntil: day(1),
    });
    expect(one(touchpoint('review'))).toMatchObject({ dueAt: null, expiresAt: day(30), clearAfterDays: 28 });
    const own = [fired(offerEvent('credit'), { clearAfterDays: 2, leastDays: 4 })];
    expect(opened([], { fired: own }).events[0]!.decision).toMatchObject({
      clearAfterDays: 2,
      keepUntil: day(4),
      expiresAt: day(7),
    });
  });

  // Case A15.
  it('keeps details apart from its parameters, which they can’t overwrite', () => {
    const details = { offer: 'twenty', discount_pct: 50, steps: [1, { deep: true }] };
    const event: RuleEvent = {
      type: 'offer',
      params: { offer: 'ten', details: details as unknown as Record<string, string> },
    };
    const { params, discountPct } = one(event);
    expect(params).toEqual({
      offer: 'ten',
      'details.offer': 'twenty',
      'details.discount_pct': '50',
      'details.steps': '[1,{"deep":true}]',
    });
    expect(discountPct).toBe(10);
  });

  it('has terms that change with everything that is offered, and with nothing else', () => {
    const { terms } = one(offerEvent('ten'));
    expect(terms).toMatch(/^[0-9a-f]{12}$/);
    expect(one(offerEvent('ten'), { risk: 1, owner: 'otto', subscriptionId: 't' }).terms).toBe(terms);
    const others = [
      one(offerEvent('ten', 5)),
      one(offerEvent('credit')),
      one(offerEvent('ten'), { arrMinor: 1 }),
      one(offerEvent('ten'), { currency: 'USD' }),
    ];
    expect(new Set([terms, ...others.map((other) => other.terms)]).size).toBe(5);
  });

  // Case A14.
  it('has reasons of its own where it follows one that ran out while its rule still fired', () => {
    const expired = inStatus('expired', 'offer', { action: 'ten', reasons: ['old'] });
    expect(one(offerEvent('ten'), {}, past(expired))).toMatchObject({ ordinal: 2, reasons: ['why ten'] });
  });
});

describe('what is open', () => {
  it('stays as it is while its rule, or another one, proposes it', () => {
    const before = decision({ action: 'payment', kind: 'escalation' });
    const history = past(before);
    const { events, suppressed, candidates } = opened([escalation('payment')], {}, history);
    expect({ events, suppressed }).toEqual({ events: [], suppressed: [] });
    expect(candidates).toMatchObject([{ ruling: 'open_already' }]);
    expect(history.decisions).toEqual([before]);
  });

  it('keeps other offers out, whatever their priority, and counts what waits for approval', () => {
    for (const status of ['open', 'presented', 'pending_approval'] as const)
      expect(opened([offerEvent('ten')], {}, past(inStatus(status))).suppressed).toMatchObject([
        { guardrail: 'one_open_offer', reason: 'The offer it is open; at most one is.' },
      ]);
    expect(opened([offerEvent('ten')], {}, past(inStatus('accepted'))).events).toHaveLength(1);
  });

  it('of one subscription is nothing to another one of the account', () => {
    expect(one(offerEvent('ten'), { subscriptionId: 't' }, past(decision()))).toMatchObject({
      status: 'open',
    });
  });

  it('twice, by two writers or from an earlier version, ends but for the newest', () => {
    const [old, newer] = [
      decision({ decisionId: '1' }),
      decision({ decisionId: '2', action: 'credit', openedAt: day(1) }),
    ];
    const task = decision({ decisionId: '3', kind: 'escalation', action: 'payment' });
    const twin = decision({ decisionId: '4', kind: 'escalation', action: 'payment', openedAt: day(-1) });
    const other = decision({ decisionId: '5', kind: 'escalation', action: 'usage' });
    const history = past(old, task, newer, twin, other, decision({ decisionId: '6', subscriptionId: 't' }));
    const events = supersede(history, new Ledger(history.decisions), day(2));
    expect(events.map(({ event, decision: { decisionId } }) => `${event} ${decisionId}`)).toEqual([
      'superseded 1',
      'superseded 4',
    ]);
    expect(supersede(history, new Ledger(), day(2))).toEqual([]);
  });
});

describe('what waits for the end of the pass', () => {
  it('is what could open: only what the account’s own guardrails suppress is settled before', () => {
    const cap = guardrail({ kind: 'discount_cap', max_pct: 5 });
    const suppressed = situation(day(0), [offerEvent('ten')], { guardrails: [cap] });
    const history = past();
    expect(opensNothing(suppressed, history, RULES)).toMatchObject({
      events: [],
      suppressed: [{ guardrail: 'discount_cap' }],
      candidates: [{ ruling: 'suppressed' }],
    });
    const either = situation(day(0), [offerEvent('ten'), escalation('payment')], { guardrails: [cap] });
    expect(opensNothing(either, history, RULES)).toBeUndefined();
    expect(history.decisions).toEqual([]);
  });
});
