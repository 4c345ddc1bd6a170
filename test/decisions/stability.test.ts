import { describe, expect, it } from 'vitest';
import type { Decision } from '../../src/decisions/decision.js';
import { stabilityOf } from '../../src/decisions/stability.js';
import { day, decision } from './cases.js';

let ids = 0;
const one = (opened: number, more: Partial<Decision> = {}) =>
  decision({ decisionId: `d${++ids}`, openedAt: day(opened), ...more });
const closed = (opened: number, at: number, status: Decision['status'], more: Partial<Decision> = {}) =>
  one(opened, { status, closedAt: day(at), ...more });

describe('how steady decisions were', () => {
  it('counts what opens within 14 days after the same was cleared for the same subscription', () => {
    const cleared = closed(0, 10, 'cleared');
    const came = (more: Decision) => stabilityOf([cleared, more], day(90)).reopened;
    expect(came(one(10))).toBe(1);
    expect(came(one(23))).toBe(1);
    expect(came(one(24))).toBe(0);
    expect(came(one(12, { action: 'twenty' }))).toBe(0);
    expect(came(one(12, { kind: 'touchpoint' }))).toBe(0);
    expect(came(one(12, { subscriptionId: 'other' }))).toBe(0);
    expect(came(one(12, { accountId: 'other' }))).toBe(0);
    expect(stabilityOf([closed(0, 10, 'lapsed'), one(12)], day(90))).toMatchObject({
      opened: 2,
      cleared: 0,
      reopened: 0,
    });
  });

  it('takes the share of their time that unanswered offers were open, once that time is over', () => {
    const offer = (lived: number, more: Partial<Decision> = {}) =>
      closed(0, lived, 'cleared', { expiresAt: day(20), ...more });
    const share = (...decisions: Decision[]) => stabilityOf(decisions, day(20)).medianLifeShare;
    expect(share()).toBeNull();
    expect(share(offer(5))).toBe(0.25);
    expect(share(offer(5), offer(20))).toBe(0.625);
    expect(share(offer(5), offer(10), offer(20))).toBe(0.5);
    // Answered, still running, or no offer.
    expect(
      share(
        offer(5),
        offer(20, { answeredAt: day(20) }),
        one(0, { expiresAt: day(21) }),
        offer(20, { kind: 'touchpoint' }),
      ),
    ).toBe(0.25);
  });
});
