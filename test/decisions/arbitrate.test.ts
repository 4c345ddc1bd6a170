import { describe, expect, it } from 'vitest';
import { arbitrate } from '../../src/decisions/arbitrate.js';
import type { Decision } from '../../src/decisions/decision.js';
import { Tally } from '../../src/decisions/tally.js';
import type { RuleEvent } from '../../src/rules/event.js';
import {
  answersTo,
  day,
  escalation,
  fired,
  guardrail,
  OFFERS,
  offerEvent,
  situation,
  touchpoint,
} from './situations.js';

const NONE = new Map<string, never[]>();

/** Opens one thing on day 0, and gives the tally that knows it. */
function opened(event: RuleEvent): { tally: Tally; decision: Decision } {
  const tally = new Tally();
  const [decision] = arbitrate(situation(day(0), [event]), tally, OFFERS, NONE).changes;
  return { tally, decision: decision! };
}

describe('what opens', () => {
  it('carries everything that explains it: rule, reasons, risk, money, revisions, and what was held back', () => {
    const verdict = arbitrate(
      situation(day(0), [offerEvent('ten'), offerEvent('credit'), escalation('payment')]),
      new Tally(),
      OFFERS,
      NONE,
    );
    const held = {
      rule: 'credit',
      kind: 'offer',
      action: 'credit',
      guardrail: 'one_open_offer',
      reason: expect.stringContaining('ten is open'),
    };
    expect(verdict.suppressed).toEqual([held]);
    expect(verdict.changes).toMatchObject([
      {
        kind: 'offer',
        action: 'ten',
        status: 'open',
        openedAt: day(0),
        expiresAt: day(14),
        rule: 'ten',
        reasons: ['why ten'],
        suppressed: [held],
        discountPct: 10,
        costMinor: 120_000,
        arrAtRiskMinor: 600_000,
        rulesRevision: 'rules',
        scoringRevision: 'scoring',
        closedAt: null,
        closedBy: '',
      },
      { kind: 'escalation', action: 'payment', expiresAt: null, costMinor: 0, suppressed: [held] },
    ]);
  });

  it('goes by the order of the rules: the first offer wins', () => {
    const first = (...events: RuleEvent[]) =>
      arbitrate(situation(day(0), events), new Tally(), OFFERS, NONE).changes[0]!.action;
    expect(first(offerEvent('ten'), offerEvent('credit'))).toBe('ten');
    expect(first(offerEvent('credit'), offerEvent('ten'))).toBe('credit');
  });

  it('is one thing, when two rules propose the same', () => {
    const twice = {
      fired: [fired(escalation('payment'), 'one'), fired(escalation('payment'), 'two')],
    };
    const { changes, suppressed } = arbitrate(situation(day(0), [], twice), new Tally(), OFFERS, NONE);
    expect(changes.map(({ rule }) => rule)).toEqual(['one']);
    expect(suppressed).toEqual([]);
  });

  it.each<[string, RuleEvent, number, number]>([
    ['a discount over its months', offerEvent('twenty'), 20, 120_000],
    ['the discount of the rule before that of the offer', offerEvent('twenty', 5), 5, 30_000],
    ['a credit', offerEvent('credit'), 0, 5_000],
    ['nothing, where nothing is given away', offerEvent('training'), 0, 0],
  ])('costs %s', (_what, event, discountPct, costMinor) => {
    expect(opened(event).decision).toMatchObject({ discountPct, costMinor });
  });

  it('has the same id whenever it is computed, and another one at another time', () => {
    expect(opened(offerEvent('ten')).decision).toEqual(opened(offerEvent('ten')).decision);
    const later = arbitrate(situation(day(1), [offerEvent('ten')]), new Tally(), OFFERS, NONE).changes[0]!;
    expect(later.decisionId).not.toBe(opened(offerEvent('ten')).decision.decisionId);
  });
});

describe('what is open', () => {
  it('stays open, unrepeated and under its own revision, while its rule fires', () => {
    const { tally } = opened(escalation('payment'));
    const again = situation(day(1), [escalation('payment')], { rulesRevision: 'newer' });
    expect(arbitrate(again, tally, OFFERS, NONE)).toEqual({ changes: [], suppressed: [] });
    expect(tally.ofAccount('a')).toMatchObject([{ rulesRevision: 'rules', openedAt: day(0) }]);
  });

  it.each([
    ['offer_accepted', 'resolved'],
    ['offer_declined', 'resolved'],
    ['offer_expired', 'expired'],
  ])('ends by the outcome %s as %s', (kind, status) => {
    const { tally, decision } = opened(offerEvent('ten'));
    const { changes } = arbitrate(situation(day(2), []), tally, OFFERS, answersTo(decision, kind));
    expect(changes).toEqual([{ ...decision, asOf: day(2), status, closedBy: kind, closedAt: day(2) }]);
  });

  it.each([
    ['touchpoint_responded', touchpoint('review')],
    ['escalation_resolved', escalation('payment')],
  ])('ends by the outcome %s although its rule still fires', (kind, event) => {
    const { tally, decision } = opened(event);
    const rests = guardrail({ kind: 'cooldown', days: 30 });
    const { changes, suppressed } = arbitrate(
      situation(day(2), [event], { guardrails: [rests] }),
      tally,
      OFFERS,
      answersTo(decision, kind),
    );
    expect(changes).toMatchObject([{ status: 'resolved', closedBy: kind }]);
    expect(suppressed).toMatchObject([{ guardrail: 'cooldown' }]);
  });

  it('expires when its time is over, not before', () => {
    const { tally } = opened(offerEvent('ten'));
    const still = arbitrate(situation(day(14) - 1, [offerEvent('ten')]), tally, OFFERS, NONE);
    expect(still.changes).toEqual([]);
    const over = arbitrate(situation(day(14), []), tally, OFFERS, NONE);
    expect(over.changes).toMatchObject([{ status: 'expired', closedBy: 'expiry', closedAt: day(14) }]);
  });

  it('is cleared when no rule proposes it any more', () => {
    const { tally } = opened(escalation('payment'));
    const { changes } = arbitrate(situation(day(1), [touchpoint('payment')]), tally, OFFERS, NONE);
    expect(changes).toMatchObject([
      { kind: 'escalation', status: 'cleared', closedBy: 'condition' },
      { kind: 'touchpoint', status: 'open' },
    ]);
  });

  it('stays open when another rule proposes it now', () => {
    const { tally } = opened(escalation('payment'));
    const other = situation(day(1), [], { fired: [fired(escalation('payment'), 'another rule')] });
    expect(arbitrate(other, tally, OFFERS, NONE).changes).toEqual([]);
  });

  it('is not taken back once the customer has seen it, and still expires', () => {
    const { tally, decision } = opened(offerEvent('ten'));
    const seen = answersTo(decision, 'offer_presented');
    expect(arbitrate(situation(day(3), []), tally, OFFERS, seen).changes).toEqual([]);
    expect(arbitrate(situation(day(15), []), tally, OFFERS, seen).changes).toMatchObject([
      { closedBy: 'expiry' },
    ]);
  });

  it('closes once: what is closed stays as it is', () => {
    const { tally, decision } = opened(offerEvent('ten'));
    arbitrate(situation(day(2), []), tally, OFFERS, answersTo(decision, 'offer_accepted'));
    const later = arbitrate(situation(day(20), []), tally, OFFERS, answersTo(decision, 'offer_declined'));
    expect(later.changes).toEqual([]);
    expect(tally.ofAccount('a')).toMatchObject([{ closedBy: 'offer_accepted', closedAt: day(2) }]);
  });

  it('keeps other offers out, whatever their priority, until it ends', () => {
    const { tally, decision } = opened(offerEvent('credit'));
    const both = [offerEvent('ten'), offerEvent('credit')];
    expect(arbitrate(situation(day(1), both), tally, OFFERS, NONE).suppressed).toMatchObject([
      { action: 'ten', guardrail: 'one_open_offer' },
    ]);
    const ended = arbitrate(situation(day(2), both), tally, OFFERS, answersTo(decision, 'offer_declined'));
    expect(ended.changes.map(({ action, status }) => [action, status])).toEqual([
      ['credit', 'resolved'],
      ['ten', 'open'],
    ]);
  });

  it('of one subscription is nothing to another one of the account', () => {
    const { tally } = opened(offerEvent('ten'));
    const other = situation(day(1), [offerEvent('ten')], { subscriptionId: 't' });
    expect(arbitrate(other, tally, OFFERS, NONE).changes).toMatchObject([
      { subscriptionId: 't', status: 'open' },
    ]);
    expect(tally.ofSubscription('a', 's')).toMatchObject([{ status: 'open' }]);
  });
});
