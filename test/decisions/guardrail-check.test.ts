import { describe, expect, it } from 'vitest';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import { AccountHistory, summaries } from '../../src/decisions/account-history.js';
import { openFor } from '../../src/decisions/arbitrate.js';
import type { Decision } from '../../src/decisions/decision.js';
import { Ledger } from '../../src/decisions/shared-limits.js';
import type { Situation } from '../../src/decisions/situation.js';
import type { RuleEvent } from '../../src/rules/event.js';
import type { Guardrail } from '../../src/rules/guardrail-file.js';
import {
  day,
  decision,
  escalation,
  guardrail,
  inStatus,
  offerEvent,
  RULES,
  situation,
  touchpoint,
} from './cases.js';

/** What becomes of a proposal where these guardrails hold and this was decided before: its status, or why not. */
function judged(
  guardrails: Guardrail | readonly Guardrail[],
  event: RuleEvent,
  past: readonly Decision[] = [],
  at: Millis = day(10),
  more: Partial<Situation> = {},
): string {
  const history = new AccountHistory('a', past, summaries(past, at - 365 * DAY_MS));
  const asked = situation(at, [event], { guardrails: [guardrails].flat(), ...more });
  const { events, suppressed } = openFor(asked, history, new Ledger(past), RULES);
  return events[0]?.decision.status ?? `${suppressed[0]!.guardrail}: ${suppressed[0]!.reason}`;
}

const ten = offerEvent('ten');

describe('discount_cap', () => {
  const cap = guardrail({ kind: 'discount_cap', max_pct: 15 });

  it.each<[RuleEvent, string]>([
    [ten, 'open'],
    [offerEvent('twenty', 15), 'open'],
    [offerEvent('twenty'), 'discount_cap: A discount of 20 % is over the cap of 15 %.'],
    [escalation('payment'), 'open'],
  ])('suppresses discounts above it, and nothing else (%j)', (event, result) => {
    expect(judged(cap, event)).toBe(result);
  });
});

describe('discount_approval', () => {
  const approval = guardrail({ kind: 'discount_approval', over_pct: 10 });

  it('lets a larger discount wait for a person, and others pass', () => {
    expect(judged(approval, ten)).toBe('open');
    expect(judged(approval, offerEvent('twenty'))).toBe('pending_approval');
    expect(judged(approval, touchpoint('review'))).toBe('open');
  });

  it('does not save from the guardrails after it', () => {
    const cap = guardrail({ kind: 'discount_cap', max_pct: 15 });
    expect(judged([approval, cap], offerEvent('twenty'))).toMatch(/^discount_cap/);
  });
});

describe('cooldown', () => {
  const rests = (start: string, types: string[] = ['offer', 'escalation', 'touchpoint']) =>
    guardrail({ kind: 'cooldown', types, after: start, days: 10 });
  /** Seen on day 1 and ended on day 5, as `inStatus` has it. */
  const ended = (status: Parameters<typeof inStatus>[0], kind: Decision['kind'] = 'offer') => [
    inStatus(status, kind, { action: 'ten' }),
  ];

  it.each([
    ['presented', 'accepted', 11],
    ['presented', 'declined', 11],
    ['presented', 'expired', 11],
    ['accepted', 'accepted', 15],
    ['declined', 'declined', 15],
    ['expired', 'expired', 15],
    ['closed', 'accepted', 15],
    ['closed', 'declined', 15],
    ['closed', 'expired', 15],
  ] as const)('after %s holds after %s until day %i, and no longer', (start, status, until) => {
    expect(judged(rests(start), ten, ended(status), day(until) - 1)).toBe(
      `cooldown: The same offer was ${start} 9 days ago; it rests for 10 days.`,
    );
    expect(judged(rests(start), ten, ended(status), day(until))).toBe('open');
  });

  it.each([
    ['declined', 'accepted'],
    ['accepted', 'declined'],
    ['expired', 'accepted'],
  ] as const)('after %s does not hold after %s', (start, status) => {
    expect(judged(rests(start), ten, ended(status), day(6))).toBe('open');
  });

  // Case A13: what nobody saw costs nothing.
  it.each(['lapsed', 'cleared', 'superseded', 'rejected', 'withdrawn'] as const)(
    'is never started by what was %s unseen',
    (status) => {
      for (const start of ['presented', 'closed', 'expired', 'accepted', 'declined'])
        expect(judged(rests(start), ten, ended(status), day(6))).toBe('open');
    },
  );

  it('counts from when it was seen, though it was cleared: the clearing starts none', () => {
    const cleared = [inStatus('cleared', 'offer', { action: 'ten', presentedAt: day(1) })];
    expect(judged(rests('presented'), ten, cleared, day(11) - 1)).toMatch(/^cooldown/);
    expect(judged(rests('presented'), ten, cleared, day(11))).toBe('open');
    expect(judged(rests('closed'), ten, cleared, day(6))).toBe('open');
  });

  it('counts an escalation as seen once its owner has taken it', () => {
    const taken = [inStatus('resolved', 'escalation', { action: 'payment' })];
    expect(judged(rests('presented'), escalation('payment'), taken, day(6))).toMatch(/^cooldown/);
    expect(judged(rests('closed'), escalation('payment'), taken, day(6))).toMatch(/^cooldown/);
  });

  it('is of one action, one subscription, and its own types', () => {
    const past = ended('declined');
    expect(judged(rests('closed'), offerEvent('credit'), past, day(6))).toBe('open');
    expect(judged(rests('closed'), ten, past, day(6), { subscriptionId: 't' })).toBe('open');
    expect(judged(rests('closed', ['escalation']), ten, past, day(6))).toBe('open');
    expect(judged(rests('closed'), escalation('ten'), past, day(6))).toBe('open');
  });
});

describe('frequency_cap', () => {
  const cap = (per: string, max = 2) =>
    guardrail({ kind: 'frequency_cap', types: ['offer', 'touchpoint'], per, max, days: 30 });
  const seen = (id: string, more: Partial<Decision> = {}) =>
    inStatus('declined', 'offer', { decisionId: id, action: id, ...more });
  const reserved = inStatus('open', 'touchpoint', { decisionId: 'open', action: 'call' });

  it('counts what the customer saw in its days, and keeps the places of what may still be shown', () => {
    const past = [seen('one'), reserved];
    expect(judged(cap('subscription'), ten, past, day(31) - 1)).toBe(
      'frequency_cap: 1 were presented in 30 days and 1 are open; at most 2 are allowed per subscription.',
    );
    expect(judged(cap('subscription'), ten, past, day(31))).toBe('open');
    expect(judged(cap('subscription', 3), ten, past, day(6))).toBe('open');
    expect(judged(cap('subscription'), escalation('payment'), past, day(6))).toBe('open');
  });

  it('gives the place of what closed unseen to the next', () => {
    for (const status of ['lapsed', 'cleared', 'rejected', 'withdrawn', 'superseded'] as const)
      expect(
        judged(cap('subscription', 1), ten, [{ ...reserved, ...inStatus(status, 'touchpoint') }], day(6)),
      ).toBe('open');
  });

  it('keeps a place for what waits for approval', () => {
    const waits = inStatus('pending_approval', 'touchpoint');
    expect(judged(cap('subscription', 1), ten, [waits], day(6))).toMatch(/0 were presented .* 1 are open/);
  });

  it('counts what was shown late, after it had closed', () => {
    const late = inStatus('cleared', 'offer', { presentedAt: day(5) });
    expect(judged(cap('subscription', 1), ten, [late], day(6))).toMatch(/1 were presented .* 0 are open/);
  });

  it('counts per subscription or per account, as it says', () => {
    const past = [seen('one'), reserved];
    const other = { subscriptionId: 't' };
    expect(judged(cap('subscription'), ten, past, day(6), other)).toBe('open');
    expect(judged(cap('account'), ten, past, day(6), other)).toMatch(/^frequency_cap/);
  });

  it('of nothing lets nothing through', () => {
    expect(judged(cap('account', 0), ten)).toMatch(/^frequency_cap/);
  });
});

describe('max_open', () => {
  const cap = (per: string, max = 2) => guardrail({ kind: 'max_open', types: ['escalation'], per, max });
  const two = [
    inStatus('open', 'escalation', { decisionId: '1', action: 'payment' }),
    inStatus('snoozed', 'escalation', { decisionId: '2', action: 'usage' }),
    inStatus('resolved', 'escalation', { decisionId: '3', action: 'other' }),
    inStatus('open', 'touchpoint', { decisionId: '4', action: 'other' }),
  ];

  it('counts what is open of its types, whether it rests or not', () => {
    const other = { subscriptionId: 't' };
    expect(judged(cap('account'), escalation('more'), two, day(6), other)).toBe(
      'max_open: 2 are open; at most 2 are allowed per account.',
    );
    expect(judged(cap('account', 3), escalation('more'), two, day(6), other)).toBe('open');
    expect(judged(cap('account'), touchpoint('more'), two, day(6))).toBe('open');
    expect(judged(cap('subscription'), escalation('more'), two, day(6), other)).toBe('open');
    expect(judged(cap('subscription'), escalation('more'), two, day(6))).toMatch(/^max_open/);
  });
});

describe('min_gap', () => {
  const gap = (per: string) => guardrail({ kind: 'min_gap', types: ['offer', 'touchpoint'], per, days: 7 });
  const shown = [inStatus('presented', 'touchpoint', { decisionId: 'shown', subscriptionId: 't' })];

  it('keeps days between two contacts of any of its types', () => {
    expect(judged(gap('account'), ten, shown, day(8) - 1)).toBe(
      'min_gap: The last contact was 6 days ago; there are at least 7 days between two.',
    );
    expect(judged(gap('account'), ten, shown, day(8))).toBe('open');
    expect(judged(gap('account'), escalation('payment'), shown, day(2))).toBe('open');
    expect(judged(gap('subscription'), ten, shown, day(2))).toBe('open');
  });

  it('waits for a contact that is open and not yet made', () => {
    const unmade = [inStatus('open', 'touchpoint', { subscriptionId: 't' })];
    expect(judged(gap('account'), ten, unmade, day(60))).toBe(
      'min_gap: Another contact is open and not yet made; there are at least 7 days between two.',
    );
    expect(judged(gap('account'), ten, [inStatus('cleared', 'touchpoint')], day(6))).toBe('open');
  });

  it('lets only the first of two contacts of one moment through', () => {
    const both = situation(day(0), [touchpoint('review'), ten], { guardrails: [gap('account')] });
    const { events, suppressed } = openFor(both, new AccountHistory('a'), new Ledger(), RULES);
    expect(events.map((event) => event.decision.action)).toEqual(['review']);
    expect(suppressed).toMatchObject([{ action: 'ten', guardrail: 'min_gap' }]);
  });
});

describe('block', () => {
  it('suppresses its types with its description as the reason', () => {
    const when = { all: [{ fact: 'cancel_intent_open', operator: 'equal', value: true }] };
    const block = guardrail({ kind: 'block', types: ['offer'], when });
    expect(judged(block, ten)).toBe('block: The rule of block.');
    expect(judged(block, touchpoint('review'))).toBe('open');
  });
});

describe('several guardrails', () => {
  it('are asked in order, and the first that objects is the one that is named', () => {
    const a = guardrail({ kind: 'discount_cap', name: 'a', max_pct: 5 });
    const b = guardrail({ kind: 'discount_cap', name: 'b', max_pct: 1 });
    expect(judged([a, b], ten)).toMatch(/^a: .*cap of 5 %/);
    expect(judged([b, a], ten)).toMatch(/^b: .*cap of 1 %/);
  });

  it('leave room for the next rule: what is suppressed keeps nothing else out', () => {
    const cap = guardrail({ kind: 'discount_cap', max_pct: 15 });
    const both = situation(day(0), [offerEvent('twenty'), ten], { guardrails: [cap] });
    const { events, suppressed } = openFor(both, new AccountHistory('a'), new Ledger(), RULES);
    expect(events.map((event) => event.decision.action)).toEqual(['ten']);
    expect(suppressed.map(({ action }) => action)).toEqual(['twenty']);
  });

  // Case A13: eight half-hourly passes of a flickering fact spent three offers of the year and 360,000 of the budget.
  it('cost nothing for what nobody saw, however often it came and went', () => {
    const guardrails = [
      guardrail({ kind: 'frequency_cap', types: ['offer'], max: 1, days: 365 }),
      guardrail({ kind: 'cooldown', after: 'closed', days: 90 }),
      guardrail({ kind: 'min_gap', days: 7 }),
      guardrail({ kind: 'budget', max_minor: 120_000, currency: 'EUR', days: 365 }),
    ];
    const past = Array.from({ length: 8 }, (_, i) =>
      decision({
        decisionId: `${i}`,
        ordinal: i + 1,
        status: 'cleared',
        closedAt: day(i) + 1,
        openedAt: day(i),
      }),
    );
    expect(judged(guardrails, ten, past)).toBe('open');
  });
});
