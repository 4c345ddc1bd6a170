import * as fc from 'fast-check';
import { DAY_MS, type Millis } from '../../src/core/clock.js';
import type { Signal } from '../../src/signals/signal.js';
import type { Outcome, Subscription } from '../../src/signals/subscription.js';
import { contract, day, outcome } from '../support/contracts.js';
import type { TestDecision, TestRisk, TestSuppression } from './support.js';

const FIRST = day('2022-01-01');
export const PRESENT = day('2025-01-01');

/** Everything about one contract. */
export interface Life {
  readonly subscriptionId: string;
  /** By time. */
  readonly versions: readonly Subscription[];
  readonly outcomes: readonly Outcome[];
  readonly decisions: readonly TestDecision[];
  readonly suppressions: readonly TestSuppression[];
  readonly touches: readonly Signal[];
  /** Of the past, at most one a day. */
  readonly risks: readonly TestRisk[];
}

const rarely = <T>(of: fc.Arbitrary<T>, freq = 4) => fc.option(of, { freq, nil: null });
/** Days since the contract began, over all of the three years. */
const later = fc.integer({ min: 0, max: 1_095 });
const money = rarely(fc.integer({ min: 0, max: 90_000 }), 8);

const term = fc.record({
  kind: fc.constantFrom('renewed', 'renewed', 'renewed', 'churned'),
  late: fc.constantFrom(0, 0, -30, -10, 5),
  arrMinor: money,
  silent: fc.constantFrom(false, false, false, true),
});
const decision = fc.record({
  opened: later,
  kind: fc.constantFrom('offer', 'offer', 'touchpoint', 'escalation'),
  action: fc.constantFrom('ten', 'twenty'),
  rule: fc.constantFrom('win_back', 'check_in'),
  status: fc.constantFrom(
    'open',
    'pending_approval',
    'presented',
    'accepted',
    'accepted',
    'declined',
    'resolved',
    'lapsed',
    'expired',
    'cleared',
    'held_out',
  ),
  waits: fc.integer({ min: 0, max: 20 }),
  costMinor: fc.constantFrom(0, 10_00, 5_000),
  currency: fc.constantFrom('EUR', 'EUR', 'JPY', 'CHF', ''),
});
const plan = fc.record({
  startDay: fc.integer({ min: 0, max: 800 }),
  /** Begins on the day on which the one before it comes to its end. */
  replaces: fc.boolean(),
  currency: fc.constantFrom('EUR', 'EUR', 'USD', 'JPY', 'CHF', ''),
  terms: fc.array(term, { minLength: 1, maxLength: 3 }),
  endsBy: fc.constantFrom('status', 'end', 'nothing'),
  trial: fc.boolean(),
  pause: rarely(fc.record({ from: later, days: fc.integer({ min: 1, max: 60 }) })),
  movesTo: rarely(fc.integer({ min: 0, max: 99 })),
  owner: fc.constantFrom('', 'ada', 'bo'),
  segment: fc.constantFrom('', 'smb', 'enterprise'),
  termMonths: rarely(fc.constantFrom(12, 6, 36)),
  autoRenew: fc.option(fc.boolean(), { nil: null }),
  noticeDays: fc.option(fc.integer({ min: 0, max: 200 }), { nil: null }),
  intents: fc.array(
    fc.record({
      on: later,
      kind: fc.constantFrom('cancel_intent', 'cancel_intent', 'cancel_intent_withdrawn'),
    }),
    { maxLength: 4 },
  ),
  decisions: fc.array(decision, { maxLength: 4 }),
  suppressions: fc.array(fc.record({ on: later, rule: fc.constantFrom('win_back', 'check_in') }), {
    maxLength: 2,
  }),
  touches: fc.array(
    fc.record({
      on: later,
      type: fc.constantFrom('renewal_quote_sent', 'meeting_held'),
      account: fc.boolean(),
    }),
    { maxLength: 3 },
  ),
  risks: fc.uniqueArray(
    fc.record({
      on: later,
      risk: fc.integer({ min: 0, max: 100 }),
      probability: rarely(fc.double({ min: 0, max: 1, noNaN: true })),
      x: rarely(fc.integer({ min: 0, max: 3 })),
      y: rarely(fc.integer({ min: -2, max: 2 })),
    }),
    { maxLength: 12, selector: ({ on }) => on },
  ),
  now: fc.record({
    band: fc.constantFrom('low', 'high', 'critical', 'unknown'),
    probability: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** Contracts with all that happened to them within three years. */
export const randomBusiness: fc.Arbitrary<readonly Life[]> = fc
  .array(fc.array(plan, { minLength: 1, maxLength: 2 }), { minLength: 8, maxLength: 30 })
  .map((accounts) =>
    accounts.flatMap((plans, account) => {
      let start = 0;
      return plans.flatMap((of, index) => {
        const before = plans[index - 1];
        start = before !== undefined && of.replaces ? start + before.terms.length * 365 : of.startDay;
        if (FIRST + start * DAY_MS >= PRESENT) return [];
        const { movesTo, terms } = of;
        const stays = movesTo === null || terms.length === 1;
        const to = stays ? account : Math.floor((movesTo * accounts.length) / 100);
        return [lifeOf(of, FIRST + start * DAY_MS, { account, to, index })];
      });
    }),
  );

function lifeOf(
  of: Plan,
  start: Millis,
  { account, to, index }: { account: number; to: number; index: number },
): Life {
  const subscriptionId = `s-${account}-${index}`;
  /** It moves when its second term begins. */
  const movesAt = to === account ? Number.POSITIVE_INFINITY : start + 365 * DAY_MS;
  const accountAt = (time: Millis) => `account-${time < movesAt ? account : to}`;
  const is = (time: Millis) => ({ accountId: accountAt(time), subscriptionId });
  const { currency, owner, segment, termMonths, autoRenew, noticeDays } = of;
  const versions = new Map<Millis, Subscription>();
  const say = (occurredAt: Millis, more: Partial<Subscription>) => {
    if (occurredAt > PRESENT) return;
    const known = { currency, owner, segment, termMonths, autoRenew, noticeDays, start };
    versions.set(occurredAt, contract({ ...is(occurredAt), occurredAt, ...known, ...more }));
  };
  const outcomes: Outcome[] = [];
  const happened = (kind: string, occurredAt: Millis, more: Partial<Outcome> = {}) => {
    if (occurredAt <= PRESENT)
      outcomes.push(outcome({ ...is(occurredAt), kind: kind as Outcome['kind'], occurredAt, ...more }));
  };
  let begins = start;
  for (const [n, { kind, late, arrMinor, silent }] of of.terms.entries()) {
    const due = begins + 365 * DAY_MS;
    say(begins, { arrMinor, renewal: due, status: n === 0 && of.trial ? 'trialing' : 'active' });
    if (n === 0 && of.trial) say(begins + 14 * DAY_MS, { arrMinor, renewal: due });
    if (!silent) happened(kind, due + late * DAY_MS, { termEnd: due, arrBeforeMinor: arrMinor, currency });
    begins = due;
  }
  if (of.endsBy === 'status') say(begins, { status: 'ended' });
  if (of.endsBy === 'end')
    say(begins - 20 * DAY_MS, { renewal: begins, arrMinor: of.terms.at(-1)!.arrMinor, end: begins });
  const { pause } = of;
  if (pause !== null) {
    const from = start + pause.from * DAY_MS + 3_600_000;
    const standing = [...versions.values()]
      .sort((a, b) => a.occurredAt - b.occurredAt)
      .findLast(({ occurredAt }) => occurredAt <= from)!;
    say(from, { ...standing, ...is(from), occurredAt: from, status: 'paused' });
    const back = from + pause.days * DAY_MS;
    if (![...versions.keys()].some((time) => time > from && time < back))
      say(back, { ...standing, ...is(back), occurredAt: back });
  }
  // Times differ by minutes, so that nothing hangs on which of two at one moment came first.
  let minute = 0;
  const at = (on: number) => start + on * DAY_MS + ++minute * 60_000;
  for (const { on, kind } of of.intents) happened(kind, at(on));
  const decisions = of.decisions.flatMap(({ opened, waits, status, kind, ...rest }): TestDecision[] => {
    const openedAt = at(opened);
    if (openedAt > PRESENT) return [];
    const seen = ['presented', 'accepted', 'declined', 'resolved', 'expired'].includes(status);
    const answers = ['accepted', 'declined', 'resolved'].includes(status);
    const presentedAt = openedAt + waits * DAY_MS;
    const answeredAt = presentedAt + waits * DAY_MS;
    const isOver = !['open', 'pending_approval', 'presented', 'held_out'].includes(status);
    return [
      {
        ...is(openedAt),
        kind,
        status,
        openedAt,
        ...rest,
        ...(seen ? { presentedAt } : {}),
        ...(answers ? { answeredAt } : {}),
        ...(isOver ? { closedAt: answeredAt } : {}),
      },
    ];
  });
  const suppressions = of.suppressions.flatMap(({ on, rule }): TestSuppression[] => {
    const asOf = at(on);
    return asOf > PRESENT ? [] : [{ ...is(asOf), rule, action: 'ten', asOf }];
  });
  const touches = of.touches.map(({ on, type, account: whole }, n): Signal => {
    const occurredAt = at(on);
    return {
      source: 'crm',
      id: `${subscriptionId}-${n}`,
      category: type === 'meeting_held' ? 'marketing' : 'billing',
      type,
      ...is(occurredAt),
      ...(whole ? { subscriptionId: '' } : {}),
      occurredAt,
      value: null,
      attributes: {},
    };
  });
  const risks = of.risks.flatMap(({ on, risk, probability, x, y }): TestRisk[] => {
    const asOf = start + on * DAY_MS;
    const band = probability === null ? 'unknown' : 'low';
    return asOf >= PRESENT
      ? []
      : [{ ...is(asOf), asOf, risk, probability, band, arrMinor: null, features: { x, y } }];
  });
  const sorted = [...versions.values()].sort((a, b) => a.occurredAt - b.occurredAt);
  return {
    subscriptionId,
    versions: sorted,
    outcomes,
    decisions,
    suppressions,
    touches: touches.filter(({ occurredAt }) => occurredAt <= PRESENT),
    risks: [...risks.sort((a, b) => a.asOf - b.asOf), ...presentRisk(sorted, of)],
  };
}

/** The risk of a contract that runs at the present. */
function presentRisk(versions: readonly Subscription[], { now }: Plan): readonly TestRisk[] {
  const { status, end, renewal, ...standing } = versions.at(-1)!;
  if (!['active', 'trialing'].includes(status) || (end !== null && end <= PRESENT)) return [];
  return [
    {
      accountId: standing.accountId,
      subscriptionId: standing.subscriptionId,
      asOf: PRESENT,
      probability: now.band === 'unknown' ? null : now.probability,
      band: now.band,
      arrMinor: standing.arrMinor,
      currency: standing.currency,
      renewal: renewal === null ? null : new Date(renewal).toISOString().slice(0, 10),
      segment: standing.segment,
      features: { x: null, y: 0 },
    },
  ];
}
